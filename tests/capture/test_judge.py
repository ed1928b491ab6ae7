"""What is demanded of a record, as a table: capabilities and what was recorded, against one truth."""

from __future__ import annotations

import pytest

from roar.api.tracer import Capability
from roar.testing.capture.case import Seen, case
from roar.testing.capture.judge import WORDS, judge
from roar.testing.capture.tables import CASES

STATIC = Capability.STATIC_BINARIES
SEES_ALL = frozenset(Capability)
SEES_NO_STATIC = SEES_ALL - {STATIC}
REASON = ("./static is a static binary: what it read and wrote was not seen",)

pytestmark = pytest.mark.requirement("TRC-8", "TRC-10")


def seen(inputs: str, outputs: str, verdict: str = "complete", reasons: tuple[str, ...] = (), code: int = 0) -> Seen:
    return Seen(code, "", "", frozenset(inputs.split()), frozenset(outputs.split()), verdict, reasons)


@pytest.mark.parametrize(
    ("recorded", "faults", "is_lie"),
    [
        (seen("static a", "out"), 0, False),
        (seen("static", "out"), 1, True),
        (seen("static a b", "out"), 1, True),
        (seen("static a", ""), 1, True),
        (seen("", "z"), 2, True),
        (seen("static a", "out", code=1), 1, False),
        (seen("static a", "out", "partial", REASON), 1, False),
        (seen("static", "", "partial", REASON), 3, False),
    ],
)
def test_a_tracer_that_sees_it_is_complete_and_exact(recorded: Seen, faults: int, is_lie: bool) -> None:
    truth = case("x", "./static", "static a", "out", needs=STATIC, anyway="static")

    judgement = judge(truth, recorded, SEES_ALL)

    assert (len(judgement.faults), judgement.is_lie) == (faults, is_lie)


@pytest.mark.parametrize(
    ("recorded", "faults", "is_lie"),
    [
        (seen("static", "", "partial", REASON), 0, False),
        (seen("static a", "out", "partial", REASON), 0, False),
        (seen("", "", "partial", REASON), 1, False),
        (seen("static b", "", "partial", REASON), 1, False),
        (seen("static", "z", "partial", REASON), 1, False),
        (seen("static", "", "partial", ("something else",)), 1, False),
        (seen("static", "", "partial"), 1, False),
        (seen("static", "", "partial", REASON, code=9), 1, False),
        (seen("static a", "out"), 1, False),
        (seen("static", ""), 3, True),
    ],
)
def test_a_tracer_that_does_not_see_it_says_so_and_tells_nothing_untrue(
    recorded: Seen, faults: int, is_lie: bool
) -> None:
    truth = case("x", "./static", "static a", "out", needs=STATIC, anyway="static")

    judgement = judge(truth, recorded, SEES_NO_STATIC)

    assert (len(judgement.faults), judgement.is_lie) == (faults, is_lie)


def test_a_case_may_ask_for_words_of_its_own() -> None:
    truth = case("x", "./x", needs=STATIC, reason="in its own words")

    assert not judge(truth, seen("", "", "partial", ("said in its own words",)), SEES_NO_STATIC).faults
    assert judge(truth, seen("", "", "partial", REASON), SEES_NO_STATIC).faults


def test_an_excuse_is_for_the_verdict_and_not_for_the_files() -> None:
    truth = case("x", "./x", "a", "", excuse="no privileges")

    assert not judge(truth, seen("a", "", "partial", ("it got no privileges",)), SEES_ALL).faults
    assert judge(truth, seen("", "", "partial", ("it got no privileges",)), SEES_ALL).faults
    assert judge(truth, seen("a", "", "partial", ("for no reason",)), SEES_ALL).faults
    assert not judge(truth, seen("a", ""), SEES_ALL).faults


def test_a_debugger_that_is_refused_need_not_do_its_work() -> None:
    truth = case("x", "strace cat a", "a", "log", needs=Capability.DEBUGGED, anyway="log")
    reasons = ("another debugger or tracer was at work",)

    assert not judge(truth, seen("", "", "partial", reasons, code=1), frozenset()).faults
    assert judge(truth, seen("", "", "partial", reasons, code=1), SEES_ALL).faults


def test_every_capability_that_a_case_needs_has_its_words() -> None:
    assert {capability for one in CASES for capability in one.needs} <= set(WORDS)
