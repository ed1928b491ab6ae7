"""The pytest plugin: makes failing asserts of the contracts explain themselves, and shows the account of the capture suite.

pytest loads it in every project of an environment that has roar-core, so it does nothing else and imports only pytest.
"""

from __future__ import annotations

import sys

import pytest

from roar.testing import CONTRACTS

pytest.register_assert_rewrite(*CONTRACTS.values())


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    """What the capture suite counted, if it ran."""
    contract = sys.modules.get(CONTRACTS["CaptureContract"])
    if contract is not None:
        contract.summarise(terminalreporter)
