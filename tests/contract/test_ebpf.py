"""The eBPF tracer passes the contract that anyone's must, by either variant of its probe."""

from __future__ import annotations

import pytest

from roar.testing import TracerContract
from roar_tracer_ebpf.tracer import EbpfTracer

pytestmark = pytest.mark.requirement("PLUG-4", "TRC-10")


class TestEbpf(TracerContract):
    tracer = EbpfTracer
