"""Which jobs led to a target, and which of them made what the others read: found by walking up, a layer of jobs at a time."""

from __future__ import annotations

import os
import subprocess
from bisect import bisect_left
from collections.abc import Iterable, Mapping
from typing import TYPE_CHECKING, Any, NamedTuple

from roar.api.records import Job, StoredEdge
from roar.api.storage import JobQuery
from roar.reproduce.checkout import git_environment
from roar.reproduce.mapping import environment_now

if TYPE_CHECKING:
    from roar.api.storage import Storage
    from roar.reproduce.target import Target


class Selection(NamedTuple):
    """The jobs, oldest first, and what a plan takes of them."""

    jobs: tuple[Job, ...]
    wanted: frozenset[bytes]
    inputs: Mapping[int, list[StoredEdge]]
    outputs: Mapping[int, list[StoredEdge]]
    makers: Mapping[tuple[int, bytes], tuple[int, bytes]]
    """(job, input path) → the job that made what was read there, and where it wrote it."""
    environments: Mapping[int, Mapping[str, Any]]
    patches: Mapping[int, int]
    """Dirty job → the first of the jobs that have the same patch; without those whose patch is not in the record."""
    patched: Mapping[int, frozenset[bytes]]
    """Dirty job → the paths that its patch brings."""


def select_jobs(storage: Storage, target: Target, alone: bool = False) -> Selection:
    """The jobs that a target takes.

    Args:
        storage: the record.
        target: what is wanted.
        alone: take its job only; what others made for it is then a file like any other.
    """
    walk = _Walk(storage, {target.job.id: target.job}, alone)
    walk.up([target.job])
    if not alone:
        builds = _builds(storage, walk.jobs.values())
        walk.jobs |= {job.id: job for job in builds}
        walk.up(builds)
    jobs = tuple(sorted(walk.jobs.values(), key=lambda job: job.id))
    outputs: dict[int, list[StoredEdge]] = {job.id: [] for job in jobs}
    for edge in storage.edges([job.id for job in jobs], "output"):
        outputs[edge.job_id].append(edge)
    patches, patched = _patches(storage, jobs)
    return Selection(
        jobs=jobs,
        wanted=target.paths,
        inputs=walk.inputs,
        outputs=outputs,
        makers=walk.makers,
        environments={job.id: environment_now(job, storage.environment(job.id)) for job in jobs},
        patches=patches,
        patched=patched,
    )


class _Walk:
    def __init__(self, storage: Storage, jobs: dict[int, Job], alone: bool) -> None:
        self._storage = storage
        self._alone = alone
        self.jobs = jobs
        self.inputs: dict[int, list[StoredEdge]] = {}
        self.makers: dict[tuple[int, bytes], tuple[int, bytes]] = {}

    def up(self, layer: Iterable[Job]) -> None:
        """Takes these jobs and all that led to them."""
        todo = [job.id for job in layer if job.id not in self.inputs]
        while todo:
            self.inputs |= {job_id: [] for job_id in todo}
            for edge in self._storage.edges(todo, "input"):
                self.inputs[edge.job_id].append(edge)
            if self._alone:
                return
            edges = [edge for job_id in todo for edge in self.inputs[job_id] if not edge.tracked]
            self._find_makers(edges)
            makers = {maker for maker, _ in self.makers.values()} - self.jobs.keys()
            found = self._storage.jobs_by_id(makers)
            self.jobs |= {job.id: job for job in found}
            todo = [job.id for job in found]

    def _find_makers(self, edges: list[StoredEdge]) -> None:
        by_content: dict[int, list[StoredEdge]] = {}
        for output in self._storage.edges_of({e.artifact_id for e in edges if e.artifact_id is not None}, "output"):
            if output.artifact_id is not None:
                by_content.setdefault(output.artifact_id, []).append(output)
        for edge in edges:
            if edge.artifact_id is None:
                candidates = [found for found in self._storage.edges_at(edge.path) if found.direction == "output"]
            else:
                candidates = by_content.get(edge.artifact_id, [])
            made = _maker(edge, candidates)
            if made is not None:
                self.makers[edge.job_id, edge.path] = (made.job_id, made.path)


def _maker(edge: StoredEdge, candidates: list[StoredEdge]) -> StoredEdge | None:
    """The output edge that an input came from: the newest older one at its path, else, unless it is empty, anywhere."""
    older = sorted((one for one in candidates if one.job_id < edge.job_id), key=lambda one: one.job_id)
    here = [one for one in older if one.path == edge.path]
    if here:
        return here[-1]
    return older[-1] if older and edge.size else None


def _builds(storage: Storage, jobs: Iterable[Job]) -> list[Job]:
    """The build steps of the jobs' sessions that were recorded before the last of them, each command's newest."""
    found: dict[int, Job] = {}
    newest: dict[int, int] = {}
    for job in jobs:
        newest[job.session] = max(newest.get(job.session, 0), job.id)
    for session, last in newest.items():
        builds = sorted(storage.jobs(JobQuery(session=session, kind="build")), key=lambda job: job.id)
        older = builds[: bisect_left([job.id for job in builds], last)]
        by_command = {(job.cwd, job.command): job for job in older if job.status == "ok"}
        found |= {job.id: job for job in by_command.values()}
    return list(found.values())


def _patches(storage: Storage, jobs: Iterable[Job]) -> tuple[dict[int, int], dict[int, frozenset[bytes]]]:
    first: dict[bytes, int] = {}
    patches: dict[int, int] = {}
    patched: dict[int, frozenset[bytes]] = {}
    for job in jobs:
        if job.git is None or not job.git.dirty:
            continue
        patch = storage.patch(job.id)
        if patch is None:
            continue
        patches[job.id] = first.setdefault(job.git.commit.encode() + patch, job.id)
        root = job.git.root.rstrip(b"/") + b"/"
        patched[job.id] = frozenset(root + name for name in patch_names(patch))
    return patches, patched


def patch_names(patch: bytes) -> list[bytes]:
    """The paths that a patch brings or changes, relative to the root, as git reads it."""
    done = subprocess.run(
        ["git", "apply", "--numstat", "-z", "-"],
        cwd=os.sep,
        input=patch,
        capture_output=True,
        env=git_environment(),
        check=False,
    )
    return [line.split(b"\t", 2)[2] for line in done.stdout.split(b"\0") if line.count(b"\t") >= 2]
