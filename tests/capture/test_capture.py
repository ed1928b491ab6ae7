"""One truth for every tracer: the capture suite under each that is installed, and under further ways in which one can work."""

from __future__ import annotations

import os
import shutil
from collections.abc import Sequence
from pathlib import Path

import pytest

from roar.plugins import Plugins
from roar.testing import CaptureContract
from roar.testing.capture.case import Case
from roar.testing.capture.programs import can_compile, is_static
from roar.testing.capture.tables import CASES, blind, calls, inherited, shell
from roar.tracing.readiness import WELL_KNOWN

pytestmark = pytest.mark.requirement(
    "TRC-8", "TRC-10", "NORM-1", "NORM-2", "NORM-3", "NORM-4", "NORM-5", "NORM-6", "NORM-7", "RUN-3"
)

EXCEPTIONS = {
    "preload": {
        "c: writes its own calls": "docs/explanation-preload.md: what it can't see and can't know of",
    },
}
"""Tracer → case → where it is documented that the tracer says `complete` and is wrong, as it can't know better."""

WAYS_PATH = Path(__file__).parents[1] / "ptrace" / "ways"
_ALL = os.environ.get("ROAR_TEST_WAYS") == "all"
_SMALL = (*calls.CASES, *blind.CASES, *shell.CASES) if _ALL else (*calls.CASES, *blind.CASES)
WAYS: dict[str, Sequence[Case]] = {
    "ptrace-stops": _SMALL if _ALL else _SMALL[::3],
    "ptrace-python": _SMALL if _ALL else _SMALL[::8],
    "ptrace-every": _SMALL if _ALL else _SMALL[::8],
}
"""Further tracers, of a distribution that only tests have, and the cases for them: tools make no calls that these don't make.
`make ways-test` runs all."""

TOOLS = (
    "bash", "bzip2", "cc", "cmake", "gdb", "jq", "make", "ninja", "node", "openssl", "patch", "perl", "rsync", "setpriv", "sqlite3",
    "strace", "tclsh", "unzip", "xz", "zip", "zstd",
)  # fmt: skip
"""What .ci/run installs.  Without them there are fewer cases, which must not go unnoticed."""


def _contract_of(name: str, **more: object) -> None:
    title = f"Test{name.title().replace('-', '')}"
    attributes = {"tracer": name, "exceptions": EXCEPTIONS.get(name, {}), **more}
    globals()[title] = type(title, (CaptureContract,), attributes)


# not all that are found: other tests put distributions of further tracers on the path
_TRACERS = [name for name in WELL_KNOWN if name in Plugins().tracers()]
_ALWAYS = frozenset(case.name for case in (*calls.CASES, *blind.CASES, *inherited.CASES))
for _n, _name in enumerate(_TRACERS):
    # of the tools, which make no calls that these don't make, each under one tracer: `make ways-test` runs all under all
    _mine = [case for i, case in enumerate(CASES) if _ALL or case.name in _ALWAYS or i % len(_TRACERS) == _n]
    _contract_of(_name, cases=_mine)
for _name, _cases in WAYS.items():
    _contract_of(_name, path=(WAYS_PATH,), cases=_cases)


def test_every_case_has_its_own_name() -> None:
    names = [case.name for case in CASES]
    assert len(set(names)) == len(names) >= 900


def test_what_the_cases_are_made_of_is_here() -> None:
    assert [tool for tool in TOOLS if shutil.which(tool) is None] == []
    assert is_static("busybox") and all(map(can_compile, ("-m32", "-static", "-fsanitize=address")))


def test_exceptions_are_of_cases_that_there_are() -> None:
    names = {case.name for case in CASES}
    assert {name for of_tracer in EXCEPTIONS.values() for name in of_tracer} <= names
