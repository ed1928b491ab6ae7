"""The pytest plugin: makes failing asserts of the contracts explain themselves.

pytest loads it in every project of an environment that has roar-core, so it does nothing else and imports only pytest.
"""

from __future__ import annotations

import pytest

from roar.testing import CONTRACTS

pytest.register_assert_rewrite(*CONTRACTS.values())
