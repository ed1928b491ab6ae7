"""Small programs whose inputs and outputs are true by construction, recorded by the real `roar run`."""

from __future__ import annotations

import os
from collections.abc import Callable

import pytest
from capture import blind_cases, c_cases, python_cases, shell_cases, tool_cases
from capture.cases import ANY, Case, Seen

_NEED_ROOT = frozenset(("c handle", "c new root", "c mounts", "setuid", "setuid first", "privileges dropped"))
"""open_by_handle_at(2), chroot(2), mount(2) and programs that belong to somebody else: an ordinary user has none of these."""

_ALL = [*shell_cases.CASES, *c_cases.CASES, *tool_cases.CASES, *python_cases.CASES, *blind_cases.CASES]
CASES = [case for case in _ALL if os.geteuid() == 0 or case.name not in _NEED_ROOT]


@pytest.mark.requirement("TRC-8", "TRC-10", "NORM-1", "NORM-2", "NORM-3", "NORM-4", "NORM-6", "RUN-3")
@pytest.mark.parametrize("case", CASES, ids=str)
def test_recorded_as_it_was(case: Case, capture: Callable[[Case], Seen]) -> None:
    seen = capture(case)
    wrong = []
    for what, expected, found in (("inputs", case.inputs, seen.inputs), ("outputs", case.outputs, seen.outputs)):
        if expected != ANY and expected != found:
            wrong.append(f"{what}: missing {sorted(expected - found)[:9]}, too many {sorted(found - expected)[:9]}")
    if seen.verdict != case.verdict:
        wrong.append(f"verdict {seen.verdict}, expected {case.verdict}")
    if case.reason and not any(case.reason in reason for reason in seen.reasons):
        wrong.append(f"no reason says {case.reason!r}")
    if case.code is not None and seen.code != case.code:
        wrong.append(f"exit code {seen.code}, expected {case.code}")
    assert not wrong, "\n".join([*wrong, *seen.reasons, seen.stderr[-2000:]])


def test_every_case_has_its_own_name() -> None:
    names = [case.name for case in CASES]
    assert len(names) == len(set(names))
    assert len(names) >= 150
    assert {case.name for case in _ALL} >= _NEED_ROOT
