"""What the benchmark computes and prints from its measurements."""

from __future__ import annotations

import math

from hypothesis import given
from hypothesis import strategies as st

from bench.overhead import BARE, SHIM, Row
from bench.report import at_once_line, geometric_mean, inputs_lines, mean_lines, overhead_lines, ratio, startup_lines
from bench.scale import AtOnce, Inputs
from bench.startup import Figure
from bench.timing import Cost, Series

POSITIVE = st.floats(min_value=1e-3, max_value=1e3)


def series(*cpu_s: float) -> Series:
    return Series(tuple(Cost(one * 2, one, 0, 0, "") for one in cpu_s))


def row(name: str, bare: tuple[float, ...], shim: tuple[float, ...], dropped: int = 0) -> Row:
    return Row(name, {BARE: series(*bare), SHIM: series(*shim)}, dropped)


@given(st.lists(POSITIVE, min_size=1))
def test_the_geometric_mean_lies_between_the_extremes(ratios: list[float]) -> None:
    mean = geometric_mean(ratios)

    assert min(ratios) * (1 - 1e-9) <= mean <= max(ratios) * (1 + 1e-9)


@given(st.lists(POSITIVE, min_size=1))
def test_the_geometric_mean_of_inverses_is_the_inverse(ratios: list[float]) -> None:
    assert math.isclose(geometric_mean([1 / one for one in ratios]), 1 / geometric_mean(ratios))


def test_ratios_are_of_the_minima_and_of_the_medians() -> None:
    measured = row("opens", (1.0, 2.0, 4.0), (1.5, 2.5, 9.0))

    assert ratio(measured, SHIM, "cpu_s") == 1.5
    assert ratio(measured, SHIM, "cpu_s", "median") == 1.25


def test_a_row_above_its_target_is_marked() -> None:
    assert "above 1.2" in "\n".join(overhead_lines(row("opens", (1.0,), (1.3,))))
    assert "<= 1.2" in "\n".join(overhead_lines(row("opens", (1.0,), (1.1,))))


def test_dropped_events_make_a_row_worthless_and_are_told() -> None:
    assert "17 events were dropped" in "\n".join(overhead_lines(row("opens", (1.0,), (1.1,), dropped=17)))


def test_the_mean_leaves_out_what_has_a_target_of_its_own() -> None:
    (line,) = mean_lines([row("opens", (1.0,), (1.02,)), row("distinct", (1.0,), (9.0,))])

    assert "of 1" in line
    assert "1.020" in line


def test_inputs_that_are_missing_from_the_record_are_told() -> None:
    lines = list(inputs_lines([Inputs(100_000, "distinct", 3.5, 160_000_000, 99_999)]))

    assert "99999 of 100000" in lines[1]
    assert "above 3 s" in lines[1]
    assert "above 150 MB" in lines[1]


def test_durations_are_shown_with_their_targets() -> None:
    lines = list(startup_lines([Figure("roar --version", 61.0, 65.0, 60), Figure("true", 1.0, 1.1)]))

    assert "above 60 ms" in lines[1]
    assert lines[2].endswith("1.1 ms")
    assert at_once_line(AtOnce(64, 63, 2.0)) == "64 runs at once: 63 recorded, 2.0 s"
