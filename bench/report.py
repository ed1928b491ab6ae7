"""What is printed: tables of ratios and durations, the geometric mean, what is above its target."""

from __future__ import annotations

import math
from collections.abc import Iterable, Iterator, Sequence

from bench.arming import WHEEL_TARGET_BYTES
from bench.beside import AFTER_TARGET, DURING_TARGET, Beside
from bench.history_answers import WRITE_TARGET_S, Answers
from bench.overhead import ALONE, Row
from bench.scale import AtOnce, Flood, Inputs
from bench.startup import Figure
from bench.targets import TARGETS
from bench.timing import Series
from bench.workloads import WORKLOADS

AFTER_TARGET_S = 3.0
MEMORY_TARGET_BYTES = 150e6
WAITING_TARGET_BYTES = 64e6

_RATIOS = tuple((what, of) for what in ("cpu_s", "wall_s") for of in ("least", "median"))


def geometric_mean(ratios: Sequence[float]) -> float:
    """The geometric mean of positive numbers; 1 of none."""
    return math.exp(sum(map(math.log, ratios)) / len(ratios)) if ratios else 1.0


def ratio(series: Series, bare: Series, what: str, of: str = "least") -> float:
    """What `series` takes of ``cpu_s`` or ``wall_s`` as a multiple of `bare`, by ``least`` or ``median``."""
    return float(getattr(series, of)(what)) / max(float(getattr(bare, of)(what)), 1e-9)


OVERHEAD_HEAD = (
    f"{'workload':9} {'tracer':13} {'':12} {'bare':>9}   {'CPU min':>8} {'median':>7}   {'wall min':>8} {'median':>7}"
    f"   {'target':>6}"
)


def overhead_lines(row: Row) -> Iterator[str]:
    """A line a tracer and way: CPU and wall as ratios to the bare command, each of the minima and of the medians."""
    for (tracer, way), series in row.traced.items():
        ratios = [ratio(series, row.bare, what, of) for what, of in _RATIOS]
        target = TARGETS[tracer].workloads.get(row.name) if way == ALONE and tracer in TARGETS else None
        yield _overhead_line(row.name, tracer, way, f"{row.bare.least('cpu_s') * 1e3:.0f} ms", ratios, target)
        if series.unseen:
            yield f"{row.name:9} {tracer:13} worthless, as the tracer missed something: {series.unseen}"


def mean_lines(rows: Iterable[Row]) -> Iterator[str]:
    """The geometric means over the workloads that count in them."""
    counted = [row for row in rows if WORKLOADS[row.name].in_mean]
    for tracer, way in counted[0].traced if counted else ():
        if not all((tracer, way) in row.traced for row in counted):
            continue  # an empty filter, which isn't measured everywhere
        ratios = [
            geometric_mean([ratio(row.traced[tracer, way], row.bare, what, of) for row in counted])
            for what, of in _RATIOS
        ]
        target = TARGETS[tracer].mean if way == ALONE and tracer in TARGETS else None
        yield _overhead_line("mean", tracer, way, f"of {len(counted)}", ratios, target)


def _overhead_line(name: str, tracer: str, way: str, bare: str, ratios: Sequence[float], target: float | None) -> str:
    cpu, cpu_median, wall, wall_median = ratios
    mark = "" if target is None else _mark(max(cpu, wall), target)
    return (
        f"{name:9} {tracer:13} {way:12} {bare:>9}   {cpu:8.3f} {cpu_median:7.3f}   {wall:8.3f} {wall_median:7.3f}"
        f"   {mark:>6}".rstrip()
    )


def startup_lines(figures: Iterable[Figure]) -> Iterator[str]:
    """A line a duration."""
    yield f"{'start-up':38} {'min':>9} {'median':>9}   {'target':>8}"
    for one in figures:
        mark = "" if one.target_ms is None else _mark(one.least_ms, one.target_ms, " ms")
        yield f"{one.what:38} {one.least_ms:6.1f} ms {one.median_ms:6.1f} ms   {mark:>8}".rstrip()


def inputs_lines(tracer: str, found: Iterable[Inputs]) -> Iterator[str]:
    """A line a number of files."""
    yield f"{f'inputs, {tracer}':18} {'after the end':>14} {'a file':>8} {'memory':>8}   recorded"
    for one in found:
        late = _mark(one.after_s, AFTER_TARGET_S, " s") if one.files >= 100_000 else ""
        large = _mark(one.max_rss_bytes / 1e6, MEMORY_TARGET_BYTES / 1e6, " MB")
        lost = "" if one.recorded == one.files else f" of {one.files}"
        yield (
            f"{one.files:7} {one.content:10} {one.after_s:12.2f} s {one.after_s / one.files * 1e6:5.0f} us"
            f" {one.max_rss_bytes / 1e6:5.0f} MB   {one.recorded}{lost}   {large}{', ' + late if late else ''}"
        )


def beside_lines(tracer: str, found: Iterable[Beside], memory_bytes: int) -> Iterator[str]:
    """A line a loop of calls: what it took, and as ratios to what it had taken before; then the memory of an idle run."""
    yield f"{f'beside a run, {tracer}':24} {'before':>9}   {'during':>7} {'median':>7}   {'after':>7} {'median':>7}   target"
    for one in found:
        during, after = (
            [ratio(series, one.before, "cpu_s", of) for of in ("least", "median")] for series in (one.during, one.after)
        )
        marks = f"{_mark(during[0], DURING_TARGET[one.name])}, {_mark(after[0], AFTER_TARGET)}"
        yield (
            f"{one.name:24} {one.before.least('cpu_s') * 1e3:6.0f} ms   {during[0]:7.3f} {during[1]:7.3f}"
            f"   {after[0]:7.3f} {after[1]:7.3f}   {marks}"
        )
    mark = _mark(memory_bytes / 1e6, WAITING_TARGET_BYTES / 1e6, " MB")
    yield f"memory of a run that waits, {tracer}: {memory_bytes / 1e6:.0f} MB   {mark}"


def flood_line(tracer: str, found: Flood) -> str:
    """How many of the files are in the record, and whether the rest is accounted for."""
    lost = found.made - found.recorded - found.dropped
    account = f", {lost} UNACCOUNTED FOR" if lost > 0 else ""
    return (
        f"flood of {found.made} files, {tracer}: {found.recorded} recorded, {found.dropped} dropped{account};"
        f" {found.wall_s:.1f} s, {found.max_rss_bytes / 1e6:.0f} MB"
    )


def wheel_line(size_bytes: int) -> str:
    """How large the eBPF tracer's wheel is."""
    return f"wheel of ebpf: {size_bytes / 1e3:.0f} kB   {_mark(size_bytes / 1e3, WHEEL_TARGET_BYTES / 1e3, ' kB')}"


def at_once_line(tracer: str, found: AtOnce) -> str:
    """How many of the runs were recorded."""
    return f"{found.started} runs at once, {tracer}: {found.recorded} recorded, {found.wall_s:.1f} s"


def history_lines(found: Answers) -> Iterator[str]:
    """A line a question."""
    written = _mark(found.write_s, WRITE_TARGET_S, " s")
    yield (
        f"history of {found.jobs} jobs: written in {found.write_s:.0f} s ({written}), {found.size_bytes / 1e6:.0f} MB"
    )
    yield f"{'question':42} {'CPU median':>11} {'p99':>9} {'wall p99':>10}   {'target':>8}"
    for one in found.answers:
        mark = "" if one.target_ms is None else _mark(one.p99_ms, one.target_ms, " ms")
        times = f"{one.median_ms:8.1f} ms {one.p99_ms:6.1f} ms {one.wall_ms:7.1f} ms"
        yield f"{one.what:42} {times}   {mark:>8}".rstrip()


def _mark(value: float, target: float, unit: str = "") -> str:
    return f"{'<=' if value <= target else 'above'} {target:.3g}{unit}"
