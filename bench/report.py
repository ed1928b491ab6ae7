"""What is printed: tables of ratios and durations, the geometric mean, what is above its target."""

from __future__ import annotations

import math
from collections.abc import Iterable, Iterator, Sequence

from bench.overhead import BARE, SHIM, Row
from bench.scale import AtOnce, Inputs
from bench.startup import Figure
from bench.workloads import WORKLOADS

MEAN_TARGET = 1.07
AFTER_TARGET_S = 3.0
MEMORY_TARGET_BYTES = 150e6


def geometric_mean(ratios: Sequence[float]) -> float:
    """The geometric mean of positive numbers; 1 of none."""
    return math.exp(sum(map(math.log, ratios)) / len(ratios)) if ratios else 1.0


def ratio(row: Row, variant: str, what: str, of: str = "least") -> float:
    """What `variant` takes of ``cpu_s`` or ``wall_s`` as a multiple of the bare command, by ``least`` or ``median``."""
    return float(getattr(row.series[variant], of)(what)) / max(float(getattr(row.series[BARE], of)(what)), 1e-9)


OVERHEAD_HEAD = (
    f"{'workload':9} {'':9} {'bare':>9}   {'CPU min':>8} {'median':>7}   {'wall min':>8} {'median':>7}   {'target':>6}"
)


def overhead_lines(row: Row) -> Iterator[str]:
    """A line a variant: CPU and wall as ratios to the bare command, each of the minima and of the medians."""
    target = WORKLOADS[row.name].cpu_target
    bare_ms = row.series[BARE].least("cpu_s") * 1e3
    for variant in row.series:
        if variant == BARE:
            continue
        cpu = ratio(row, variant, "cpu_s")
        mark = _mark(cpu, target) if variant == SHIM else ""
        yield (
            f"{row.name:9} {variant:9} {bare_ms:6.0f} ms   {cpu:8.3f} {ratio(row, variant, 'cpu_s', 'median'):7.3f}"
            f"   {ratio(row, variant, 'wall_s'):8.3f} {ratio(row, variant, 'wall_s', 'median'):7.3f}"
            f"   {mark:>6}".rstrip()
        )
    if row.dropped:
        yield f"{row.name:9} {row.dropped} events were dropped: the shim did less than its work"


def mean_lines(rows: Iterable[Row]) -> Iterator[str]:
    """The geometric means over the workloads that count in them."""
    counted = [row for row in rows if WORKLOADS[row.name].in_mean]
    for variant in list(counted[0].series)[1:] if counted else ():
        cpu, cpu_median, wall, wall_median = (
            geometric_mean([ratio(row, variant, what, of) for row in counted])
            for what in ("cpu_s", "wall_s")
            for of in ("least", "median")
        )
        mark = _mark(cpu, MEAN_TARGET) if variant == SHIM else ""
        yield (
            f"{'mean':9} {variant:9} {f'of {len(counted)}':>9}   {cpu:8.3f} {cpu_median:7.3f}"
            f"   {wall:8.3f} {wall_median:7.3f}   {mark:>6}".rstrip()
        )


def startup_lines(figures: Iterable[Figure]) -> Iterator[str]:
    """A line a duration."""
    yield f"{'start-up':34} {'min':>9} {'median':>9}   {'target':>8}"
    for one in figures:
        mark = "" if one.target_ms is None else _mark(one.least_ms, one.target_ms, " ms")
        yield f"{one.what:34} {one.least_ms:6.1f} ms {one.median_ms:6.1f} ms   {mark:>8}".rstrip()


def inputs_lines(found: Iterable[Inputs]) -> Iterator[str]:
    """A line a number of files."""
    yield f"{'inputs':18} {'after the end':>14} {'a file':>8} {'memory':>8}   recorded"
    for one in found:
        late = _mark(one.after_s, AFTER_TARGET_S, " s") if one.files >= 100_000 else ""
        large = _mark(one.max_rss_bytes / 1e6, MEMORY_TARGET_BYTES / 1e6, " MB")
        lost = "" if one.recorded == one.files else f" of {one.files}"
        yield (
            f"{one.files:7} {one.content:10} {one.after_s:12.2f} s {one.after_s / one.files * 1e6:5.0f} us"
            f" {one.max_rss_bytes / 1e6:5.0f} MB   {one.recorded}{lost}   {large}{', ' + late if late else ''}"
        )


def at_once_line(found: AtOnce) -> str:
    """How many of the runs were recorded."""
    return f"{found.started} runs at once: {found.recorded} recorded, {found.wall_s:.1f} s"


def _mark(value: float, target: float, unit: str = "") -> str:
    return f"{'<=' if value <= target else 'above'} {target:.3g}{unit}"
