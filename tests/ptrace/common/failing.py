"""The ptrace tracer with a defect: it fails at every file that is named ``boom``; with the variable FAILING."""

from __future__ import annotations

import os
from typing import ClassVar

from roar_tracer_ptrace.observe.names import Found, Names
from roar_tracer_ptrace.tracer import PtraceTracer
from roar_tracer_ptrace.ways import Way

if "FAILING" in os.environ:  # in the driver, not where the tests are
    _find = Names.find

    def _fail(names: Names, name: bytes, follow: bool = True) -> Found | None:
        if name.endswith(b"boom"):
            raise ZeroDivisionError
        return _find(names, name, follow)

    setattr(Names, "find", _fail)  # noqa: B010 - mypy lets nobody assign to a method


class Failing(PtraceTracer):
    """By the listener."""

    name: ClassVar[str] = "ptrace-failing"


class FailingByStops(PtraceTracer):
    """By stops."""

    name: ClassVar[str] = "ptrace-failing-stops"
    ways: ClassVar[tuple[Way, ...]] = (Way.FILTER,)
