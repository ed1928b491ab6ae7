"""What is said at the end of a run."""

from __future__ import annotations

import os
from typing import Any

import pytest

from roar.api.records import Capture, Edge, GitState, JobRecord, Recorded
from roar.render.look import PLAIN, Look
from roar.render.summary import summary

TERMINAL = Look(terminal=True, colour=False, unicode=True, width=80, height=24)


def edge(name: str | bytes, size: int = 1000) -> Edge:
    return Edge(os.path.join(os.getcwdb(), os.fsencode(name)), {"blake3": "00"}, size, None)


def record(**changes: Any) -> JobRecord:
    root = os.getcwdb()
    made = JobRecord(
        uid="ab" * 16,
        kind="run",
        command=("python", "train.py"),
        name=None,
        labels={},
        parameters={},
        cwd=root,
        started_ns=0,
        ended_ns=1_200_000_000,
        recording_s=0.08,
        cpu_s=1.0,
        max_rss_bytes=0,
        exit_code=0,
        status="ok",
        tracer="preload",
        tracer_version="0.1.0",
        capture=Capture("complete", (), 2, 2, 0, 0),
        git=GitState("ab" * 20, "main", None, root, b"", False),
        environment={},
        inputs=[edge("train.py", 1200)],
        outputs=[edge("model.pkl", 10_000_000)],
    )
    return made._replace(**changes)


def told(made: JobRecord, look: Look = PLAIN, step: int = 3, **options: Any) -> str:
    return summary(made, Recorded(made.uid, step, 1), look=look, **options)


@pytest.mark.requirement("RUN-4")
def test_in_a_pipe_it_is_one_line_that_says_everything() -> None:
    assert told(record()) == (
        "roar: @3 complete: 1 input (train.py 1.2 kB), 1 output (model.pkl 10 MB); 1.2 s and 80 ms to record; "
        "tracer preload; next: roar dag --show-artifacts"
    )


@pytest.mark.requirement("RUN-4")
def test_on_a_terminal_it_is_a_few_lines() -> None:
    assert told(record(), TERMINAL).splitlines() == [
        "roar @3 complete · 1 input (1.2 kB), 1 output (10 MB) · 1.2 s and 80 ms to record · preload",
        "  in   train.py   1.2 kB",
        "  out  model.pkl    10 MB",
        "  next: roar dag --show-artifacts",
    ]


@pytest.mark.requirement("RUN-4", "EXP-0")
@pytest.mark.parametrize("look", [PLAIN, TERMINAL])
def test_the_reasons_of_a_partial_record_are_told(look: Look) -> None:
    capture = Capture("partial", ("busybox is static (fix: roar tracer)", "a second reason"), 2, 2, 0, 0)
    text = told(record(capture=capture), look)
    assert "partial" in text and "busybox is static (fix: roar tracer)" in text and "a second reason" in text


@pytest.mark.requirement("RUN-4")
@pytest.mark.parametrize("look", [PLAIN, TERMINAL])
def test_many_outputs_are_counted_not_listed(look: Look) -> None:
    text = told(record(outputs=[edge(f"shard{n:03}") for n in range(100)]), look)
    assert "100 outputs" in text and "shard000" in text and "shard099" not in text
    assert ("and 97 more" if look is PLAIN else "and 95 more") in text


@pytest.mark.requirement("RUN-3", "RUN-4")
def test_a_failed_command_is_told_with_its_exit_code() -> None:
    assert told(record(exit_code=3, status="failed")).startswith("roar: @3 exit 3, complete: ")


@pytest.mark.requirement("RUN-5")
def test_a_build_step_has_its_own_number() -> None:
    assert told(record(kind="build")).startswith("roar: @B3 ")


@pytest.mark.requirement("RUN-4", "FILTER-2")
@pytest.mark.parametrize("look", [PLAIN, TERMINAL])
def test_notes_are_told_but_not_twice(look: Look) -> None:
    capture = Capture("complete", (), 2, 2, 0, 0, ("fell back to preload", "a filter dropped every output"))
    text = told(record(capture=capture), look, told=["fell back to preload"])
    assert "a filter dropped every output" in text and "fell back" not in text


@pytest.mark.requirement("DIRTY-1")
@pytest.mark.parametrize("look", [PLAIN, TERMINAL])
def test_new_files_that_block_the_next_run_are_named(look: Look) -> None:
    text = told(record(), look, blocking=[edge("scratch.txt").path])
    assert "scratch.txt" in text and "refuse" in text


@pytest.mark.requirement("RUN-4")
def test_without_hints_nothing_is_suggested() -> None:
    assert "next:" not in told(record(), hints=False) + told(record(), TERMINAL, hints=False)


@pytest.mark.requirement("SAFE-3")
def test_odd_names_are_shown_harmlessly() -> None:
    text = told(record(outputs=[edge(b"a\nb\x1b[2J\xff")]))
    assert r"a\nb\x1b[2J\xff" in text and "\x1b" not in text and "\n" not in text


@pytest.mark.requirement("RUN-4")
def test_a_clock_that_was_set_back_gives_no_negative_time() -> None:
    assert "0 ms and 80 ms" in told(record(ended_ns=-(10**12)))


@pytest.mark.requirement("RUN-4")
def test_a_narrow_terminal_cuts_long_names() -> None:
    narrow = TERMINAL._replace(width=30)
    rows = told(record(inputs=[edge("x" * 60)]), narrow).splitlines()[1:3]
    assert all(len(row) <= 40 for row in rows)
