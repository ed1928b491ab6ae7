"""How much of the disk is read to say whether files are as they were recorded."""

from __future__ import annotations

import os
from pathlib import Path

import pytest
from blake3 import blake3

from roar.lineage.states import Disk, State
from roar.plugins import Plugins

pytestmark = pytest.mark.requirement("SHOW-3", "SHOW-7")

RECORDED = {"blake3": blake3(b"as it was").hexdigest()}


def hurried() -> Disk:
    """One whose time is over."""
    return Disk(Plugins().hashers, budget_s=0.0)


def states(disk: Disk, paths: list[Path]) -> list[State]:
    return [disk.state(os.fsencode(path), RECORDED, None, None) for path in paths]


def test_a_few_small_files_are_compared_however_long_it_takes(tmp_path: Path) -> None:
    (tmp_path / "same").write_bytes(b"as it was")
    (tmp_path / "other").write_bytes(b"as it is!")
    assert states(hurried(), [tmp_path / "same", tmp_path / "other"]) == ["present", "changed"]


def test_a_large_file_is_compared_only_while_there_is_time(tmp_path: Path) -> None:
    (tmp_path / "large").write_bytes(bytes(17_000_000))
    (tmp_path / "small").write_bytes(b"as it was")
    assert states(hurried(), [tmp_path / "large", tmp_path / "small"]) == ["unknown", "present"]
    assert states(Disk(Plugins().hashers, budget_s=None), [tmp_path / "large"]) == ["changed"]


def test_very_many_files_are_compared_only_while_there_is_time(tmp_path: Path) -> None:
    paths = [tmp_path / str(number) for number in range(250)]
    for path in paths:
        path.write_bytes(b"as it was")
    found = states(hurried(), paths)
    assert found == ["present"] * 200 + ["unknown"] * 50
