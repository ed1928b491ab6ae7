"""One truth for every tracer: the capture suite under each that is installed."""

from __future__ import annotations

import pytest

from roar.plugins import Plugins
from roar.testing import CaptureContract

_SHOWN = pytest.mark.requirement("TRC-8", "TRC-10", "NORM-1", "NORM-2", "NORM-3", "NORM-4", "NORM-6", "NORM-7", "RUN-3")


def _contract_of(name: str) -> type[CaptureContract]:
    return _SHOWN(type(f"Test{name.title()}", (CaptureContract,), {"tracer": name}))  # type: ignore[no-any-return]


for _name in Plugins().tracers():
    globals()[f"Test{_name.title()}"] = _contract_of(_name)
