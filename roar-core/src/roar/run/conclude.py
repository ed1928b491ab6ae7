"""From what was seen to what is recorded: fold, filter, hash, verdict, and the `JobRecord` that comes of it."""

from __future__ import annotations

import os
import sys
import time
from collections.abc import Callable, Iterable, Mapping
from typing import Any, NamedTuple, TextIO

from roar.api.events import FileStat
from roar.api.filters import Direction, FilterContext
from roar.api.hashers import Hasher
from roar.api.plan import Plan
from roar.api.process import Exit
from roar.api.records import Capture, Edge, JobRecord, Status, Verdict
from roar.api.tracer import Coverage
from roar.context import Context
from roar.run.collect import Collector
from roar.run.digest import CHANGED, CHANGED_OUTPUT, OFF, TOO_LARGE, Digested, Task
from roar.run.digester import Digester, wait_for_all
from roar.run.filetimes import coarse_ns
from roar.run.fold import Folded
from roar.run.known import WORTH_LOOKING_UP, known
from roar.run.tracked import Tracked
from roar.run.verdict import reasons

Digests = dict[Direction, dict[bytes, Digested]]

UNSEEN = "its content was not known when it was read"


class Hashing(NamedTuple):
    """What is hashed, and how."""

    enabled: bool
    inputs: tuple[str, ...]
    """Algorithms, the primary one first."""
    outputs: tuple[str, ...]
    no_inputs_over: int | None
    hashers: Mapping[str, type[Hasher]]
    threads: int

    @classmethod
    def of(cls, context: Context, enabled: bool, algorithm: str | None, no_inputs_over: int | None) -> Hashing:
        """What the options, and where they say nothing the configuration, ask for.

        Raises:
            ConfigError: an algorithm that there is no hasher for.
        """
        from roar.api.errors import ConfigError

        config = context.config
        hashers = context.plugins.hashers()
        # without blake3 its place is taken by the best that there is (HASH-1); a name that was asked for must exist
        primary = algorithm or config.get("hash.primary")
        if primary not in hashers:
            if algorithm or primary != "blake3":
                raise ConfigError(
                    f"no hasher is named '{primary}'.",
                    f"Use one of: {', '.join(hashers)} (roar config set hash.primary …)",
                )
            primary = next(iter(hashers))
        configured = config.get("hash.no_inputs_over")
        if no_inputs_over is None and configured:
            from roar.workspace.sizes import parse_size

            no_inputs_over = parse_size(configured)
        extra_outputs = [name for name in config.get("hash.extra_outputs") if name in hashers]
        extra_inputs = [name for name in config.get("hash.extra_inputs") if name in hashers]
        return cls(
            enabled,
            tuple(dict.fromkeys([primary, *extra_inputs])),
            tuple(dict.fromkeys([primary, *extra_outputs])),
            no_inputs_over,
            hashers,
            config.get("hash.threads") or min(4, len(os.sched_getaffinity(0))),
        )

    def digester(self) -> Digester | None:
        """A digester; None when hashing is off."""
        return Digester(self.hashers, self.threads) if self.enabled else None


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
    from roar.run.environment import packages

    environment = {**ending.environment, "packages": packages(folded.inputs, folded.executables)}
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
    done = _hash(context, inputs, outputs, lost, renamed, digester, hashing, interrupted)
    if ending.recovered:
        later = (path for path, stat in outputs.items() if stat.ctime_ns > ending.ended_ns)
        done["output"].update((path, Digested((), (), None, CHANGED)) for path in later)
    blocking = tuple(tracked.named(outputs))
    input_edges = _input_edges(context, inputs, lost, done["input"], hashing, tracked)
    output_edges = _output_edges(outputs, done["output"], hashing)
    why = (*ending.failures, *reasons(blind, ending.coverage))
    filtered = sum(map(len, dropped.values()))
    recorded = len(input_edges) + len(output_edges)
    notes = (
        *ending.notes,
        *notes,
        *_empty_record(plan, recorded, executables, why, ending.coverage),
        *_without_digest(input_edges, "input"),
        *_without_digest(output_edges, "output"),
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
        inputs=input_edges,
        outputs=output_edges,
        composites=(
            *find_composites(input_edges, "input", primary, new, plan.root),
            *find_composites(output_edges, "output", primary, new, plan.root),
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


def _hash(
    context: Context,
    inputs: Mapping[bytes, FileStat | None],
    outputs: Mapping[bytes, FileStat],
    lost: Mapping[bytes, str],
    renamed: frozenset[bytes],
    digester: Digester | None,
    hashing: Hashing,
    interrupted: Callable[[], bool],
) -> Digests:
    """Hashes what was not hashed while the command ran."""
    if digester is None:
        return {"input": {}, "output": {}}
    report = Progress(digester, len(inputs) + len(outputs), sys.stderr)
    wait_for_all(digester, interrupted, report)
    early_inputs, early_outputs = digester.done["input"], digester.done["output"]
    limit = hashing.no_inputs_over
    large = {
        path: stat
        for path, stat in inputs.items()
        if stat is not None and stat.size >= WORTH_LOOKING_UP and path not in early_inputs
    }
    early_inputs.update(known(context, large, hashing.inputs))

    def wanted() -> Iterable[Task]:
        for path, stat in inputs.items():
            if path not in early_inputs and path not in lost and (limit is None or stat is None or stat.size <= limit):
                yield Task(path, stat, hashing.inputs, "input", path in renamed)
        for path, now in outputs.items():
            early = early_outputs.get(path)
            if early is None or early.stat is None or not early.stat.identical(now):
                yield Task(path, now, hashing.outputs, "output")

    digester.share(list(wanted()))
    wait_for_all(digester, interrupted, report)
    report.clear()
    digester.close()
    return digester.done


def _input_edges(
    context: Context,
    inputs: dict[bytes, FileStat | None],
    lost: Mapping[bytes, str],
    done: dict[bytes, Digested],
    hashing: Hashing,
    tracked: Tracked,
) -> list[Edge]:
    committed = tracked.among(inputs)
    edges: list[Edge] = []
    unknown: dict[bytes, FileStat] = {}
    now_ns, coarse = time.time_ns(), coarse_ns(os.uname().release)
    limit = hashing.no_inputs_over
    while inputs:
        path, stat = inputs.popitem()
        digested = done.pop(path, None)
        hashes: Mapping[str, str] = {}
        reason: str | None = None
        if digested is not None and digested.stat is not None and stat is not None and digested.stat.same_content(stat):
            hashes = digested.hashes
        elif not hashing.enabled:
            reason = OFF
        elif limit is not None and stat is not None and stat.size > limit:
            reason = TOO_LARGE
        else:
            reason = lost.get(path) or (digested.reason if digested else None) or UNSEEN
            if stat is not None:
                unknown[path] = stat
        kept = stat if hashes and stat is not None and now_ns - stat.ctime_ns >= coarse else None
        edges.append(Edge(path, hashes, stat.size if stat is not None else None, kept, reason, path in committed))
    if unknown:
        remembered = _remembered(context, unknown, hashing, tracked)
        for i, edge in enumerate(edges):
            if edge.path in remembered:
                edges[i] = edge._replace(hashes=remembered[edge.path], missing_reason=None)
    edges.sort(key=_by_path)
    return edges


def _remembered(
    context: Context, unknown: Mapping[bytes, FileStat], hashing: Hashing, tracked: Tracked
) -> dict[bytes, Mapping[str, str]]:
    """Digests of contents that are gone: an earlier job may have taken them in this very state, or git has them."""
    found: dict[bytes, Mapping[str, str]] = {
        path: digested.hashes for path, digested in known(context, unknown, hashing.inputs).items()
    }
    rest = {path: stat for path, stat in unknown.items() if path not in found}
    return found | tracked.digests(rest, hashing.inputs, hashing.hashers)


def _output_edges(outputs: dict[bytes, FileStat], done: dict[bytes, Digested], hashing: Hashing) -> list[Edge]:
    edges: list[Edge] = []
    now_ns, coarse = time.time_ns(), coarse_ns(os.uname().release)
    while outputs:
        path, stat = outputs.popitem()
        digested = done.pop(path, None)
        if digested is None:
            edges.append(Edge(path, {}, stat.size, None, UNSEEN if hashing.enabled else OFF))
            continue
        reason = CHANGED_OUTPUT if digested.reason == CHANGED else digested.reason
        kept = digested.stat if digested.values and now_ns - stat.ctime_ns >= coarse else None
        edges.append(Edge(path, digested.hashes, stat.size, kept, reason))
    edges.sort(key=_by_path)
    return edges


def _by_path(edge: Edge) -> bytes:
    return edge.path


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


def _without_digest(edges: list[Edge], direction: Direction) -> tuple[str, ...]:
    """How many contents are not known against the user's wish; what was asked not to be hashed is not worth a word."""
    lacking = [edge for edge in edges if not edge.hashes and edge.missing_reason not in (OFF, TOO_LARGE)]
    if not lacking:
        return ()
    first = lacking[0]
    what = f"1 {direction} has" if len(lacking) == 1 else f"{len(lacking)} {direction}s have"
    return (f"{what} no digest: {os.fsdecode(os.path.basename(first.path))}: {first.missing_reason}",)


class Progress:
    """Says on a terminal how far hashing is, once it takes longer than a second (HASH-3)."""

    def __init__(self, digester: Digester, total: int, stream: TextIO | None) -> None:
        self._digester = digester
        self._total = total
        self._stream = stream if stream is not None and stream.isatty() else None
        self._began = time.monotonic()
        self._shown = False

    def __call__(self) -> None:
        """Updates the line."""
        if self._stream is None or time.monotonic() - self._began < 1:
            return
        files, size = self._digester.progress()
        self._stream.write(f"\rroar: hashing {files} of {self._total} files, {size / 1e6:.0f} MB \x1b[K")
        self._stream.flush()
        self._shown = True

    def clear(self) -> None:
        """Removes the line."""
        if self._shown and self._stream is not None:
            self._stream.write("\r\x1b[K")
            self._stream.flush()
