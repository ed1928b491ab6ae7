"""The conformance kit: what every tracer, filter, hasher and storage must do, as tests that a third party inherits.

With roar-core and pytest installed, a test module of three lines is the whole use of it::

    from roar.testing import HasherContract
    from my_package import Xxh3

    class TestXxh3(HasherContract):
        hasher = Xxh3

Each contract's docstring says what a subclass gives.  roar's own plugins are tested by the same classes.  Names are loaded
when they are first used: the package's pytest plugin is loaded in every project that has roar installed.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from roar.testing.capture.contract import CaptureContract
    from roar.testing.filter import FilterContract
    from roar.testing.hasher import HasherContract
    from roar.testing.storage import StorageContract
    from roar.testing.tracer import TracerContract

__all__ = ["CaptureContract", "FilterContract", "HasherContract", "StorageContract", "TracerContract"]

CONTRACTS = {
    "TracerContract": "roar.testing.tracer",
    "CaptureContract": "roar.testing.capture.contract",
    "FilterContract": "roar.testing.filter",
    "HasherContract": "roar.testing.hasher",
    "StorageContract": "roar.testing.storage",
}


def __getattr__(name: str) -> Any:
    if name not in CONTRACTS:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(import_module(CONTRACTS[name]), name)
