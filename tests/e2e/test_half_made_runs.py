"""Run directories that are not there yet, or no longer: their roar died, or was only stopped."""

from __future__ import annotations

import fcntl
import os
from collections.abc import Callable
from pathlib import Path

import pytest
from e2e.acting import make_repository

pytestmark = pytest.mark.requirement("RUN-3")

LONG_AGO = 1_700_000_000


def empty(hidden: Path) -> None:
    """Its roar died right after mkdir(2)."""


def of_a_dead_roar(hidden: Path) -> None:
    (hidden / "lock").touch()
    (hidden / "tracer").mkdir()


def unlocked_yet(hidden: Path) -> None:
    """Its roar died while it took the directory away."""
    (hidden / "plan.json").write_text("{}")


@pytest.mark.parametrize("left", [empty, of_a_dead_roar, unlocked_yet])
@pytest.mark.parametrize("old", [True, False])
def test_what_a_dead_roar_left_half_made_is_cleared_after_a_while(
    tmp_path: Path, left: Callable[[Path], None], old: bool
) -> None:
    workspace = make_repository(tmp_path, os.environ)
    hidden = workspace.root / ".roar" / "runs" / f".{'ab' * 16}"
    hidden.mkdir()
    left(hidden)
    if old:
        os.utime(hidden, (LONG_AGO, LONG_AGO))
    assert workspace.roar("log").returncode == 0
    assert hidden.exists() is not old


def test_a_roar_that_was_stopped_for_long_finds_its_directory(tmp_path: Path) -> None:
    workspace = make_repository(tmp_path, os.environ)
    hidden = workspace.root / ".roar" / "runs" / f".{'ab' * 16}"
    hidden.mkdir()
    (hidden / "tracer").mkdir()
    with open(hidden / "lock", "w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        os.utime(hidden, (LONG_AGO, LONG_AGO))
        assert workspace.roar("log").returncode == 0
        assert (hidden / "tracer").is_dir()
    assert workspace.roar("log").returncode == 0
    assert not hidden.exists()
