"""The ways of the eBPF tracer as tracers of their own: the base tier by each variant of the probe, and with a ring that is soon full."""

from __future__ import annotations

import stat
import tempfile
from pathlib import Path
from typing import ClassVar

from roar.api.process import Launch
from roar.api.tracer import Traced
from roar_tracer_ebpf import drainer, run
from roar_tracer_ebpf.tracer import EbpfTracer


class Fast(EbpfTracer):
    """As on Linux 6.2 and later."""

    name: ClassVar[str] = "ebpf-fast"
    tier: ClassVar[str] = "base"
    variant: ClassVar[str] = "fast"


class Compat(EbpfTracer):
    """As on older kernels."""

    name: ClassVar[str] = "ebpf-compat"
    tier: ClassVar[str] = "base"
    variant: ClassVar[str] = "compat"


class Patient(EbpfTracer):
    """Waits longer for what outlives the command than anything takes."""

    name: ClassVar[str] = "ebpf-patient"

    def start(self, launch: Launch, journal: Path) -> Traced:
        """Starts the command."""
        run._GRACE_S = 120
        return super().start(launch, journal)


class TinyRing(Fast):
    """With the smallest ring."""

    name: ClassVar[str] = "ebpf-tiny"

    def start(self, launch: Launch, journal: Path) -> Traced:
        """Starts the command, by the program with one more word."""
        program = drainer.find_program()
        with tempfile.TemporaryDirectory() as folder:
            wrapper = Path(folder, "roar-ebpf")
            wrapper.write_text(f'#!/bin/sh\nexec {program} "$@" --ring 1\n')
            wrapper.chmod(wrapper.stat().st_mode | stat.S_IXUSR)
            drainer.find_program = lambda: wrapper
            try:
                return super().start(launch, journal)
            finally:
                drainer.find_program = lambda: program
