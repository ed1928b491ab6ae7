"""The ptrace tracer where a file takes the place of yama's setting: the variable SCOPE says which."""

from __future__ import annotations

import os
from typing import ClassVar

import patient  # noqa: F401 - tests set its variable

from roar_tracer_ptrace import powers
from roar_tracer_ptrace.tracer import PtraceTracer

if "SCOPE" in os.environ:  # in the driver, not where the tests are
    powers._SCOPE = os.environ["SCOPE"]


class Scoped(PtraceTracer):
    """Otherwise the same."""

    name: ClassVar[str] = "ptrace-scoped"
