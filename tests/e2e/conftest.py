"""What the end-to-end tests share."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path

import pytest
from e2e.acting import Workspace, make_repository


@pytest.fixture(scope="module")
def shared(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Workspace]:
    """One workspace for all tests of a module that leave nothing behind but jobs."""
    place = tmp_path_factory.mktemp("shared")
    yield make_repository(place, os.environ)


@pytest.fixture
def place(tmp_path: Path) -> Path:
    """A directory outside of the workspace."""
    outside = tmp_path / "outside"
    outside.mkdir()
    return outside
