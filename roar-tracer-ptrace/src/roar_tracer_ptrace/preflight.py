"""Whether the tracer can work here, and which way it goes."""

from __future__ import annotations

from roar.api.tracer import Check, Preflight

def check(tracer, deep=False):
    return Preflight((Check("kernel", True, "x"),))
