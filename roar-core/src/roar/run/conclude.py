"""From what was seen to what is recorded: fold, filter, hash, verdict, and the `JobRecord` that comes of it."""

from __future__ import annotations

import os
import time
from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Any, NamedTuple

from roar.api.filters import Direction, FilterContext
from roar.api.plan import Plan
from roar.api.process import Exit
from roar.api.records import Capture, JobRecord, Status, Verdict
from roar.api.tracer import Coverage
from roar.context import Context
from roar.run.collect import Collector
from roar.run.digest import CHANGED, no_digest
from roar.run.digester import Digester
from roar.run.edges import input_edges, output_edges, without_digest
from roar.run.fold import Folded
from roar.run.hashing import Hashing, hash_rest
from roar.run.tracked import Tracked
from roar.run.verdict import reasons

if TYPE_CHECKING:
    from roar.run.lookups import Lookups


class Ending(NamedTuple):
    """How the run ended, and what is known of it beside its files."""

    exit: Exit | None
    """None when roar didn't live to see it."""
    ended_ns: int
    status: Status
    coverage: Coverage
    tracer_version: str
    environment: Mapping[str, Any]
    notes: tuple[str, ...] = ()
    failures: tuple[str, ...] = ()
    """Reasons for `partial` that are roar's own."""
    recovered: bool = False
    """The files are looked at long after `ended_ns`, which is known exactly."""
    lookups: Lookups | None = None
    """What earlier runs found of the software; None: it is yet to be read."""


class Concluded(NamedTuple):
    """A record, and what the user should know about the next run."""

    record: JobRecord
    blocking: tuple[bytes, ...]
    """Committed files that the job changed: the next run will call the tree dirty."""


def conclude(
    context: Context,
    plan: Plan,
    collector: Collector,
    digester: Digester | None,
    hashing: Hashing,
    ending: Ending,
    interrupted: Callable[[], bool] = lambda: False,
) -> Concluded:
    """The record of a run whose events have all been taken.

    Args:
        context: workspace, configuration and plugins.
        plan: what was run.
        collector: has taken every event.
        digester: has begun to hash; None when hashing is off.
        hashing: what is hashed.
        ending: how the run ended.
        interrupted: whether the user wants hashing to stop.
    """
    began = time.monotonic()
    if digester is not None:
        digester.hurry()
    folded = collector.finish()
    kept, dropped, notes = _filter(context, plan, folded)
    from roar.run.environment import software
    from roar.run.lookups import Lookups

    lookups = ending.lookups or Lookups.of_user()
    installed = software(folded.inputs, folded.executables, plan.root, plan.cwd, lookups)
    lookups.save()
    environment = {**ending.environment, **installed}
    tracked = Tracked(plan.root, plan.git, plan.changed, plan.started_ns)
    inputs = {path: folded.inputs[path] for path, direction in kept if direction == "input"}
    outputs = {path: folded.outputs[path] for path, direction in kept if direction == "output"}
    lost, renamed, blind, executables = folded.lost, folded.renamed, folded.blind, folded.executables
    del folded, kept
    if not context.config.get("output.track_repo_files"):
        committed = tracked.among(inputs)
        if committed:
            dropped["files committed in git"] = tuple((path, "input") for path in committed)
            inputs = {path: stat for path, stat in inputs.items() if path not in committed}
    done = hash_rest(context, inputs, outputs, lost, renamed, digester, hashing, interrupted)
    if ending.recovered:
        later = (path for path, stat in outputs.items() if stat.ctime_ns > ending.ended_ns)
        done["output"].update((path, no_digest(CHANGED)) for path in later)
    blocking = tuple(tracked.named(outputs))
    used = input_edges(context, inputs, lost, done["input"], hashing, tracked)
    generated = output_edges(outputs, done["output"], hashing)
    why = (*ending.failures, *reasons(blind, ending.coverage, plan.tracer))
    filtered = sum(map(len, dropped.values()))
    recorded = len(used) + len(generated)
    notes = (
        *ending.notes,
        *notes,
        *_empty_record(plan, recorded, executables, why, ending.coverage),
        *without_digest(used, "input"),
        *without_digest(generated, "output"),
    )
    from roar.run.composite import find_composites

    primary = hashing.inputs[0]
    hasher = context.plugins.hashers().get(primary)
    new = None if hasher is None else hasher.new
    exit = ending.exit
    record = JobRecord(
        uid=plan.uid,
        kind=plan.kind,
        command=plan.redacted,
        name=plan.name,
        labels=plan.labels,
        parameters=plan.parameters,
        cwd=plan.cwd,
        started_ns=plan.started_ns,
        ended_ns=max(ending.ended_ns, plan.started_ns),  # the clock may have jumped
        recording_s=time.monotonic() - began,
        cpu_s=exit.user_s + exit.system_s if exit else 0.0,
        max_rss_bytes=exit.max_rss_bytes if exit else 0,
        exit_code=exit.code if exit else None,
        status=ending.status,
        tracer=plan.tracer,
        tracer_version=ending.tracer_version,
        capture=Capture(
            verdict=_verdict(why),
            reasons=why,
            observed=recorded + filtered + ending.coverage.dropped,
            recorded=recorded,
            filtered=filtered,
            dropped=ending.coverage.dropped,
            notes=notes,
        ),
        git=plan.git,
        environment=environment,
        inputs=used,
        outputs=generated,
        composites=(
            *find_composites(used, "input", primary, new, plan.root),
            *find_composites(generated, "output", primary, new, plan.root),
        ),
        filtered=dropped,
    )
    return Concluded(record, blocking)


def _verdict(why: tuple[str, ...]) -> Verdict:
    return "partial" if why else "complete"


def _filter(
    context: Context, plan: Plan, folded: Folded
) -> tuple[list[tuple[bytes, Direction]], dict[str, tuple[tuple[bytes, Direction], ...]], tuple[str, ...]]:
    from roar.filters.apply import sieve

    files: list[tuple[bytes, Direction]] = [(path, "input") for path in folded.inputs]
    files += [(path, "output") for path in folded.outputs]
    plugins = context.plugins
    where = FilterContext(plan.root, os.fsencode(context.workspace.roar_dir), context.config.get, folded.executables)
    observers = plugins.observers
    keep = None
    if observers is not None and observers.implement("roar_keep"):

        def keep(path: bytes, direction: Direction) -> bool | None:
            return observers.roar_keep(path, direction, plan.command)

    sieved = sieve(files, plugins.filters(), where, keep, plugins.blame)
    return sieved.kept, {name: tuple(paths) for name, paths in sieved.dropped.items()}, sieved.notes


def _empty_record(
    plan: Plan, outputs: int, executables: tuple[bytes, ...], why: tuple[str, ...], coverage: Coverage
) -> tuple[str, ...]:
    """What explains a record without a single file of a command that was more than a look at nothing (TRC-9)."""
    if outputs or why or coverage.observed:
        return ()
    return (
        f"tracer '{plan.tracer}' was active and saw no file at all, not even the program's own "
        f"(fix: roar tracer check {plan.tracer})",
    )
