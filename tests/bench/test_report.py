"""What the benchmark computes and prints from its measurements."""

from __future__ import annotations

import math
from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from bench.beside import Beside
from bench.overhead import ALONE, WHOLE, Row
from bench.report import (
    at_once_line,
    beside_lines,
    flood_line,
    geometric_mean,
    inputs_lines,
    mean_lines,
    overhead_lines,
    ratio,
    startup_lines,
    wheel_line,
)
from bench.scale import AtOnce, Flood, Inputs
from bench.startup import Figure
from bench.timing import Cost, Series

POSITIVE = st.floats(min_value=1e-3, max_value=1e3)


def series(*cpu_s: float, wall: float = 2, unseen: str = "") -> Series:
    return Series(tuple(Cost(one * wall, one, 0, 0, "", unseen) for one in cpu_s))


def row(name: str, bare: tuple[float, ...], alone: tuple[float, ...], tracer: str = "preload", **more: Any) -> Row:
    return Row(name, series(*bare), {(tracer, ALONE): series(*alone, **more)})


def printed(one: Row) -> str:
    return "\n".join(overhead_lines(one))


@given(st.lists(POSITIVE, min_size=1))
def test_the_geometric_mean_lies_between_the_extremes(ratios: list[float]) -> None:
    mean = geometric_mean(ratios)

    assert min(ratios) * (1 - 1e-9) <= mean <= max(ratios) * (1 + 1e-9)


@given(st.lists(POSITIVE, min_size=1))
def test_the_geometric_mean_of_inverses_is_the_inverse(ratios: list[float]) -> None:
    assert math.isclose(geometric_mean([1 / one for one in ratios]), 1 / geometric_mean(ratios))


def test_ratios_are_of_the_minima_and_of_the_medians() -> None:
    bare, traced = series(1.0, 2.0, 4.0), series(1.5, 2.5, 9.0)

    assert ratio(traced, bare, "cpu_s") == 1.5
    assert ratio(traced, bare, "cpu_s", "median") == 1.25


def test_a_row_above_its_target_is_marked() -> None:
    assert "above 1.2" in printed(row("opens", (1.0,), (1.3,)))
    assert "<= 1.2" in printed(row("opens", (1.0,), (1.1,)))


def test_wall_time_above_the_target_is_marked_also_when_the_cpu_time_is_not() -> None:
    assert "above 1.2" in printed(row("opens", (1.0,), (1.1,), wall=3))


def test_each_tracer_has_targets_of_its_own_and_a_stranger_has_none() -> None:
    assert "<= 4.5" in printed(row("opens", (1.0,), (4.4,), "ptrace"))
    assert "<= 7" in printed(row("opens", (1.0,), (6.9,), "ptrace-python"))
    assert printed(row("opens", (1.0,), (40.0,), "strace")).endswith("40.000")


def test_the_whole_run_has_no_target() -> None:
    whole = Row("opens", series(1.0), {("preload", WHOLE): series(40.0)})

    assert printed(whole).endswith("40.000")


def test_a_row_is_worthless_when_the_tracer_missed_something_and_says_so() -> None:
    assert "worthless, as the tracer missed something: 17 events were dropped" in printed(
        row("opens", (1.0,), (1.1,), unseen="17 events were dropped")
    )


def test_the_mean_leaves_out_what_only_has_a_target_of_its_own() -> None:
    (line,) = mean_lines([row("opens", (1.0,), (1.02,)), row("distinct", (1.0,), (9.0,))])

    assert "of 1" in line
    assert "1.020" in line
    assert "<= 1.07" in line


def test_inputs_that_are_missing_from_the_record_are_told() -> None:
    lines = list(inputs_lines("preload", [Inputs(100_000, "distinct", 3.5, 160_000_000, 99_999, 2.0)]))

    assert "99999 of 100000" in lines[1]
    assert "above 3 s" in lines[1]
    assert "above 150 MB" in lines[1]


def test_durations_are_shown_with_their_targets() -> None:
    lines = list(startup_lines([Figure("roar --version", 61.0, 65.0, 60), Figure("true", 1.0, 1.1)]))

    assert "above 60 ms" in lines[1]
    assert lines[2].endswith("1.1 ms")
    assert at_once_line("ptrace", AtOnce(64, 63, 2.0)) == "64 runs at once, ptrace: 63 recorded, 2.0 s"


def test_what_is_paid_beside_a_run_is_told_as_multiples_of_what_was_paid_before() -> None:
    found = [Beside("getpid", series(1.0, 2.0), series(1.5, 2.0), series(1.5, 2.5))]
    _, line, memory = beside_lines("ebpf", found, 65_000_000)

    assert line.split()[1:] == ["1000", "ms", "1.500", "1.167", "1.500", "1.333", "<=", "1.8,", "above", "1.03"]
    assert memory == "memory of a run that waits, ebpf: 65 MB   above 64 MB"


def test_files_of_a_flood_that_nobody_accounts_for_stand_out() -> None:
    assert flood_line("ebpf", Flood(10, 10, 0, 1.0, 0)).startswith("flood of 10 files, ebpf: 10 recorded, 0 dropped;")
    assert "UNACCOUNTED" not in flood_line("ebpf", Flood(10, 7, 3, 1.0, 0))
    assert "2 UNACCOUNTED FOR" in flood_line("ebpf", Flood(10, 7, 1, 1.0, 0))


def test_a_wheel_that_is_too_large_is_marked() -> None:
    assert wheel_line(199_000).endswith("199 kB   <= 200 kB")
    assert wheel_line(201_000).endswith("201 kB   above 200 kB")
