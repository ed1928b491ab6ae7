"""Recording runs whose roar has died: by SIGKILL, by a power cut, or because the storage could not be written."""

from __future__ import annotations

import os
import time
from collections.abc import Iterable
from pathlib import Path

from roar.api.errors import RoarError
from roar.api.events import Event, Kind
from roar.api.plan import Plan
from roar.api.tracer import Coverage
from roar.context import Context
from roar.run import journal
from roar.run.rundir import RunDir, candidates, half_made, remove_tree

_HALF_MADE_S = 60
"""A run directory that is still hidden after this has no roar: it died before the command started, or after the record."""

_KILLED = "roar was killed: what happened from then on was not seen (fix: run the step again)"


def recover(context: Context) -> list[str]:
    """Records every run of the workspace whose roar is dead.  Cheap when there is none.

    A run whose command had ended is recorded as what it was; another one as `interrupted`, with what was seen.

    Returns:
        The uids of the jobs that were recorded; empty also where the storage can't be written, and then nothing is lost.
    """
    recorded: list[str] = []
    for path in half_made(context.workspace.runs_dir):
        _clear_half_made(path)
    for path in candidates(context.workspace.runs_dir):
        run = RunDir.claim(path)
        if run is None:
            continue
        try:
            plan = journal.decode(run.plan(), path)
        except (OSError, ValueError, KeyError, TypeError):
            run.remove()  # there is no plan: the command was not started
            continue
        try:
            _record(context, run, plan)
        except (RoarError, OSError):
            run.release()
            continue
        run.remove()
        recorded.append(plan.uid)
    return recorded


def _clear_half_made(path: Path) -> None:
    try:
        if time.time() - path.stat().st_mtime <= _HALF_MADE_S:
            return
    except OSError:
        return  # it has just got its name
    run = RunDir.claim(path)
    if run is not None:
        remove_tree(path)
        run.release()
    elif not os.path.exists(path / "lock"):  # else its roar is alive, and was only stopped
        remove_tree(path)


def _record(context: Context, run: RunDir, plan: Plan) -> None:
    # the storage first: without it there is no use in hashing, and it may have the job already
    storage = context.storage(read_only=False)
    try:
        if storage.jobs_by_uid(plan.uid):
            return
        from roar.run.collect import Collector
        from roar.run.conclude import Ending, conclude
        from roar.run.filetimes import coarse_ns
        from roar.run.hashing import Hashing

        hashing = Hashing.of(context, True, None, None)
        digester = hashing.digester()
        then = plan.root
        plan = _where_it_is(plan, os.fsencode(context.workspace.root))
        collector = Collector(plan.root, coarse_ns(os.uname().release), digester, hashing.inputs, hashing.outputs)
        tracer = context.plugins.tracers().get(plan.tracer)
        traced = tracer.recover(run.journal) if tracer is not None else None
        if traced is not None:
            collector.take(_renamed(traced.events(), then, plan.root))
            coverage = traced.finish()
        else:
            coverage = Coverage(0, notes=(f"tracer '{plan.tracer}' keeps nothing that outlives roar",))
        noted = run.noted_exit()
        exit, ended_ns = noted if noted is not None else (None, run.last_change_ns())
        ending = Ending(
            exit=exit,
            ended_ns=ended_ns,
            status="interrupted" if exit is None else "ok" if exit.code == 0 else "failed",
            coverage=coverage,
            tracer_version=context.plugins.tracer_version(plan.tracer) if tracer is not None else "",
            environment={},
            failures=(_KILLED,) if exit is None else (),
            recovered=exit is not None,
        )
        storage.record(conclude(context, plan, collector, digester, hashing, ending).record)
    finally:
        storage.close()


def _where_it_is(plan: Plan, root: bytes) -> Plan:
    """The plan, of a workspace that may have been moved or copied since it was made."""
    if plan.root == root:
        return plan
    git = plan.git
    if git is not None:
        git = git._replace(root=_now(git.root, plan.root, root), recorded_root=git.root)
    inherited = tuple(_now(path, plan.root, root) for path in plan.inherited)
    return plan._replace(root=root, cwd=_now(plan.cwd, plan.root, root), git=git, inherited=inherited)


def _renamed(events: Iterable[Event], then: bytes, now: bytes) -> Iterable[Event]:
    """The events, of files where they are now."""
    if then == now:
        return events
    return (
        event._replace(
            path=event.path if event.kind == Kind.SYMLINK else _now(event.path, then, now),  # there it is a text
            path2=_now(event.path2, then, now),
        )
        for event in events
    )


def _now(path: bytes, old: bytes, new: bytes) -> bytes:
    return new + path[len(old) :] if path == old or path.startswith(old + b"/") else path
