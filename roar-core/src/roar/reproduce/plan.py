"""What has to be done to make an artifact again: which steps, in which order, with which inputs from where.

Pure: the record goes in, a plan comes out; nothing is looked at on disk and nothing is written.
"""

from __future__ import annotations

import os
from collections.abc import Iterable, Mapping, Sequence
from heapq import heappop, heappush
from typing import Any, Literal, NamedTuple

from roar.api.records import Job, StoredEdge
from roar.reproduce.checkout import CodeState
from roar.reproduce.mapping import words_now
from roar.reproduce.selection import Selection
from roar.workspace.secret_names import REDACTED

Origin = Literal["commit", "step", "copy", "in place", "personal"]
"""Where an input comes from: the checkout (its commit and patch); an earlier step; a file with the recorded digest, copied;
a file outside the repository, read where it is once its digest is checked; one of the user's own caches and settings."""


class Input(NamedTuple):
    """A file that a step reads."""

    path: bytes
    """Where it was."""
    place: bytes
    """Where the step is to find it."""
    hashes: Mapping[str, str]
    """Empty when its content is not known."""
    origin: Origin
    maker: int | None = None
    """Id of the job that makes it, and"""
    made_at: bytes | None = None
    """where."""


class Output(NamedTuple):
    """A file that a step writes."""

    path: bytes
    place: bytes
    hashes: Mapping[str, str]
    size: int | None
    wanted: bool
    """Whether it is part of the target."""


class Step(NamedTuple):
    """A job that is run again."""

    job: Job
    command: tuple[str, ...]
    """Its words as they would be run where the recorded repository is now."""
    cwd: bytes
    """In the new directory."""
    code: CodeState
    inputs: tuple[Input, ...]
    outputs: tuple[Output, ...]
    after: frozenset[int]
    """Ids of the steps that have to be over before: they make what it reads, or touch what it touches."""
    needs: frozenset[int]
    """Ids of the steps that make what it reads."""
    environment: Mapping[str, Any]
    obstacle: str | None
    """Why it can't be run at all."""


class Plan(NamedTuple):
    """How a target is made again."""

    root: bytes
    """Of the recorded repository."""
    source: bytes
    """Where the repository is now."""
    directory: bytes
    steps: tuple[Step, ...]
    """Each after those that it needs; build steps as early as can be."""
    shared: frozenset[bytes]
    """Recorded paths that more than one step writes, or the commit has: what a step makes there is kept aside."""
    aliases: tuple[tuple[bytes, bytes], ...] = ()
    """Other names of the recorded repository or of a part of it, as commands mention them, and what stands for each."""

    @property
    def places(self) -> tuple[tuple[bytes, bytes], ...]:
        """Recorded directories and what stands for each."""
        return ((self.root, self.directory), *self.aliases)


def make_plan(selection: Selection, root: bytes, source: bytes, directory: bytes, home: bytes) -> Plan:
    """The plan.

    Args:
        selection: the jobs and what is known of them.
        root: of the recorded repository.
        source: where it is now.
        directory: that is to be made.
        home: of the user: below it, what begins with a dot are caches and settings.
    """
    place = _Places(root, directory, home)
    order = [job.id for job in selection.jobs]
    position = {job_id: number for number, job_id in enumerate(order)}
    after = _conflicts(selection)
    steps: dict[int, Step] = {}
    for job in selection.jobs:
        logs = _logs(selection.environments[job.id], place)
        inputs = tuple(
            _input(edge, job, selection, place) for edge in selection.inputs[job.id] if edge.path not in logs
        )
        needs = frozenset(one.maker for one in inputs if one.maker is not None)
        outputs = tuple(
            Output(edge.path, place(edge.path) or edge.path, edge.hashes, edge.size, edge.path in selection.wanted)
            for edge in selection.outputs[job.id]
            if not place.is_personal(edge.path) and edge.path not in logs
        )
        git = job.git
        patch_of = job.id if git is not None and git.dirty else None
        steps[job.id] = Step(
            job=job,
            command=words_now(job),
            cwd=place(job.cwd) or job.cwd,
            code=CodeState(
                git.commit if git is not None else "",
                selection.patches.get(job.id) if patch_of else None,
                git.branch if git is not None else None,
            ),
            inputs=inputs,
            outputs=outputs,
            after=frozenset(after[job.id] | needs),
            needs=needs,
            environment=selection.environments[job.id],
            obstacle=_obstacle(job, outputs, place, selection),
        )
    ordered = sorted(steps.values(), key=lambda step: (step.job.kind != "build", position[step.job.id]))
    return Plan(root, source, directory, tuple(_topological(ordered)), _shared(selection))


class _Places:
    """Where recorded paths are in the new directory."""

    def __init__(self, root: bytes, directory: bytes, home: bytes) -> None:
        self._root = root
        self._directory = directory
        self._home = home.rstrip(b"/") + b"/."

    def __call__(self, path: bytes) -> bytes | None:
        """None for what is outside of the repository."""
        if path == self._root or path.startswith(self._root + b"/"):
            return self._directory + path[len(self._root) :]
        return None

    def is_personal(self, path: bytes) -> bool:
        return self(path) is None and path.startswith(self._home)


def _logs(environment: Mapping[str, Any], place: _Places) -> frozenset[bytes]:
    """Files outside of the repository into which the shell put what the command said: they aren't the step's to make again.

    One that had something in it before, of an earlier step, counts as an input as well.
    """
    streams = environment.get("streams", {}).values()
    written = [os.fsencode(one["path"]) for one in streams if one.get("path") and one.get("mode") != "r"]
    return frozenset(path for path in written if place(path) is None)


def _input(edge: StoredEdge, job: Job, selection: Selection, place: _Places) -> Input:
    where = place(edge.path)
    if where is None:  # whoever made it: nothing is written there
        origin: Origin = "personal" if place.is_personal(edge.path) else "in place"
        return Input(edge.path, edge.path, edge.hashes, origin)
    maker = selection.makers.get((job.id, edge.path))
    if maker is not None:
        maker_id, made_at = maker
        return Input(edge.path, where, edge.hashes, "step", maker_id, place(made_at) or made_at)
    if edge.tracked or edge.path in selection.patched.get(job.id, ()):
        return Input(edge.path, where, edge.hashes, "commit")
    return Input(edge.path, where, edge.hashes, "copy")


def _obstacle(job: Job, outputs: Iterable[Output], place: _Places, selection: Selection) -> str | None:
    if any(REDACTED in word for word in job.command):
        return "its command had a secret, which was not recorded"
    if job.git is None:
        return "no commit was recorded"
    if job.git.dirty and job.id not in selection.patches:
        return "it ran with uncommitted changes, and their patch is not in the record"
    if place(job.cwd) is None:
        return f"it ran outside of the repository, in {os.fsdecode(job.cwd)}"
    outside = [output.path for output in outputs if place(output.path) is None]
    if outside:
        return f"it writes {os.fsdecode(outside[0])}, outside of the repository, where it would overwrite what was recorded"
    return None


def _conflicts(selection: Selection) -> dict[int, set[int]]:
    """Job → the earlier ones that it must not overtake: those that wrote what it touches, or read what it writes."""
    accesses: dict[bytes, list[tuple[int, bool]]] = {}
    for job in selection.jobs:
        for edge in selection.inputs[job.id]:
            accesses.setdefault(edge.path, []).append((job.id, False))
        for edge in selection.outputs[job.id]:
            accesses.setdefault(edge.path, []).append((job.id, True))
    after: dict[int, set[int]] = {job.id: set() for job in selection.jobs}
    for touched in accesses.values():
        writer: int | None = None
        readers: list[int] = []
        for job_id, writes in sorted(touched):
            if writer is not None and writer != job_id:
                after[job_id].add(writer)
            if writes:
                after[job_id].update(reader for reader in readers if reader != job_id)
                writer, readers = job_id, []
            else:
                readers.append(job_id)
    return after


def _shared(selection: Selection) -> frozenset[bytes]:
    writers: dict[bytes, int] = {}
    for edges in selection.outputs.values():
        for edge in edges:
            writers[edge.path] = writers.get(edge.path, 0) + 1
    read_from_commit = {edge.path for edges in selection.inputs.values() for edge in edges if edge.tracked}
    return frozenset(path for path, count in writers.items() if count > 1 or path in read_from_commit)


def _topological(steps: Sequence[Step]) -> list[Step]:
    """The steps in an order that fits; of those that could be next, the first given one."""
    place = {step.job.id: number for number, step in enumerate(steps)}
    waits_for = {step.job.id: len(step.after & place.keys()) for step in steps}
    followers: dict[int, list[int]] = {}
    for step in steps:
        for before in step.after & place.keys():
            followers.setdefault(before, []).append(step.job.id)
    due = [place[job_id] for job_id, count in waits_for.items() if not count]
    done: list[Step] = []
    while due:
        step = steps[heappop(due)]
        done.append(step)
        for follower in followers.get(step.job.id, ()):
            waits_for[follower] -= 1
            if not waits_for[follower]:
                heappush(due, place[follower])
    return done
