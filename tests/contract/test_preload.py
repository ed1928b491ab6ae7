"""The preload tracer passes the contract that anyone's must."""

from __future__ import annotations

import pytest

from roar.testing import TracerContract
from roar_tracer_preload.tracer import PreloadTracer

pytestmark = pytest.mark.requirement("PLUG-4", "TRC-10")


class TestPreload(TracerContract):
    tracer = PreloadTracer
