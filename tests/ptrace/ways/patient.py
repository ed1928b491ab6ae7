"""The ptrace tracer with more patience for what outlives a command by a moment: as much as GRACE_S says."""

from __future__ import annotations

import os

from roar_tracer_ptrace import tracer

LONG = {"GRACE_S": "100"}
"""Variables for a run after which nobody is left, however long the machine takes for that."""

if "GRACE_S" in os.environ:  # in roar, not where the tests are
    tracer._GRACE_S = float(os.environ["GRACE_S"])
