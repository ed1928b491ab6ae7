"""Is everything that was recorded consistent: the storage, the run directories, the files on disk."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

from roar.api.errors import ConfigError, RoarError
from roar.api.records import Problem
from roar.api.storage import JobQuery, Storage
from roar.context import Context
from roar.lineage.states import Disk


class Report(NamedTuple):
    """What a check found."""

    problems: list[Problem]
    repaired: list[str]
    """What was done, one sentence each."""
    checked: list[str]
    """What was looked at."""


def check(context: Context, disk: Disk | None, repair: bool) -> Report:
    """Checks a workspace.

    Args:
        context: of the workspace.
        disk: for comparing recorded outputs with the files on disk; None not to.
        repair: whether to do what is safe.

    Raises:
        NotInitialized: there is no workspace.
    """
    runs = context.workspace.runs_dir
    repaired = _repair(context, runs) if repair else []
    problems: list[Problem] = []
    checked = ["run directories"]
    problems += _run_directories(runs)
    try:
        storage = context.storage(read_only=True)
    except RoarError as error:
        subject = "configuration" if isinstance(error, ConfigError) else "database"
        problems.append(Problem(subject, error.message, error.fix))
        return Report(problems, repaired, checked)
    try:
        checked.append("database")
        problems += storage.integrity()
        if disk is not None:
            checked.append("files on disk")
            problems += _content(storage, disk)
    except RoarError as error:
        problems.append(Problem("database", error.message, error.fix))
    finally:
        storage.close()
    return Report(problems, repaired, checked)


def _repair(context: Context, runs: Path) -> list[str]:
    from roar.run.recover import recover

    done: list[str] = []
    before = set(_directories(runs))
    recover(context)
    for path in sorted(before - set(_directories(runs))):
        done.append(f"Recorded the interrupted run {path.name[:12]}.")
    for path in _directories(runs):
        try:
            path.rmdir()  # succeeds only when it is empty
        except OSError:
            continue
        done.append(f"Removed the empty run directory {path.name}.")
    return done


def _directories(runs: Path) -> list[Path]:
    try:
        return sorted(Path(entry.path) for entry in list(os.scandir(runs)) if entry.is_dir(follow_symlinks=False))
    except OSError:
        return []


def _run_directories(runs: Path) -> Iterator[Problem]:
    from roar.run.rundir import running

    alive = {run.uid for run in running(runs)}
    for path in _directories(runs):
        if path.name.startswith(".") or path.name in alive:
            continue
        if any(path.iterdir()):
            yield Problem(
                f"run {path.name[:12]}",
                "was interrupted and is not recorded yet.",
                "Record it: roar status, or any other command that reads",
            )
        else:
            yield Problem(f"run {path.name[:12]}", "its directory is empty.", "Remove it: roar fsck --repair")


def _content(storage: Storage, disk: Disk) -> Iterator[Problem]:
    """The newest content that a job of the active session wrote at each path, compared with the disk."""
    jobs = {job.id: job for job in storage.jobs(JobQuery(session=storage.active_session().id))}
    newest = {edge.path: edge for edge in storage.edges(list(jobs), "output")}  # by job: the newest comes last
    for path, edge in sorted(newest.items()):
        state = disk.state(path, edge.hashes, edge.size, None)  # None: what stat says is not trusted here
        ref = jobs[edge.job_id].ref
        if state == "missing":
            yield Problem(os.fsdecode(path), f"is missing; {ref} wrote it.", f"Run {ref} again: roar run {ref}")
        elif state == "changed":
            yield Problem(
                os.fsdecode(path), f"has changed since {ref} wrote it.", f"Compare: roar show {ref}; or run it again"
            )
        elif state == "unknown":
            why = edge.missing_reason or "it can't be read"
            yield Problem(os.fsdecode(path), f"can't be compared with what {ref} wrote: {why}.")
