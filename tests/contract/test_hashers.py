"""The built-in hashers pass the contract that anyone's must."""

from __future__ import annotations

import pytest

from roar.hashers import Blake3, Sha256, Sha512
from roar.testing import HasherContract

pytestmark = pytest.mark.requirement("PLUG-4", "HASH-1")


class TestBlake3(HasherContract):
    hasher = Blake3


class TestSha256(HasherContract):
    hasher = Sha256


class TestSha512(HasherContract):
    hasher = Sha512
