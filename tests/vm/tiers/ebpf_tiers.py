"""The tiers and variants of the eBPF tracer as tracers of their own names, for tests: put this directory on PYTHONPATH.

They are never chosen by ``auto``: their rank is below all others'.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import ClassVar

from roar.api.markers import hookimpl
from roar.api.tracer import Tracer
from roar_tracer_ebpf import drainer, preflight
from roar_tracer_ebpf.tracer import EbpfTracer

roar_api = 1

# The clock of a guest that counts instructions leaps ahead while it waits for this machine's files: minutes in a second.
preflight._TRIAL_S = drainer._ARMING_S = drainer._ANSWER_S = 1_000_000


class Fentry(EbpfTracer):
    """By the functions that do the work."""

    name: ClassVar[str] = "ebpf-fentry"
    rank: ClassVar[int] = 4
    tier: ClassVar[str] = "fentry"


class Base(EbpfTracer):
    """By the end of each system call."""

    name: ClassVar[str] = "ebpf-base"
    rank: ClassVar[int] = 3
    tier: ClassVar[str] = "base"


class FentryCompat(Fentry):
    """As on kernels before 6.2."""

    name: ClassVar[str] = "ebpf-fentry-compat"
    rank: ClassVar[int] = 2
    variant: ClassVar[str] = "compat"


class BaseCompat(Base):
    """As on kernels before 6.2."""

    name: ClassVar[str] = "ebpf-base-compat"
    rank: ClassVar[int] = 1
    variant: ClassVar[str] = "compat"


@hookimpl
def roar_tracers() -> Sequence[type[Tracer]]:
    """All of them."""
    return [Fentry, Base, FentryCompat, BaseCompat]
