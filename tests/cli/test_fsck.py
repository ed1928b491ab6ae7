"""`roar fsck`."""

from __future__ import annotations

import os

import pytest
from cli.recorder import Recorder


@pytest.fixture
def used(recorder: Recorder) -> Recorder:
    recorder.record("one", writes={"out": "1", "other": "2"})
    return recorder


@pytest.mark.requirement("SAFE-2")
def test_a_sound_workspace_passes(used: Recorder) -> None:
    assert used.roar("fsck").stdout == "Checked run directories, database: no problem.\n"
    assert used.json("fsck")["ok"] is True


@pytest.mark.requirement("SAFE-2", "SHOW-3")
def test_with_content_missing_and_changed_files_are_problems(used: Recorder) -> None:
    (used.root / "out").unlink()
    used.write("other", "3")
    assert used.roar("fsck").returncode == 0
    done = used.roar("fsck", "--content", ok=False)
    assert done.returncode == 1
    assert f"{used.root}/out: is missing; @1 wrote it." in done.stdout
    assert f"{used.root}/other: has changed since @1 wrote it." in done.stdout
    assert "2 problems" in done.stdout


@pytest.mark.requirement("SAFE-2", "HASH-2")
def test_with_content_a_forged_stat_does_not_hide_a_change(used: Recorder) -> None:
    used.record("two", writes={"forged": "aaaa"})
    path = used.root / "forged"
    before = path.stat()
    with open(path, "r+b") as file:
        file.write(b"bbbb")
    os.utime(path, ns=(before.st_atime_ns, before.st_mtime_ns))
    assert used.roar("fsck", "--content", ok=False).returncode == 1


@pytest.mark.requirement("SAFE-2")
@pytest.mark.parametrize(
    "damage", [b"not a database at all, whatever follows" * 50, b"SQLite format 3\0" + b"\xff" * 5000]
)
def test_a_destroyed_database_is_one_problem_and_is_left_alone(used: Recorder, damage: bytes) -> None:
    path = used.root / ".roar" / "roar.db"
    for extra in ("-wal", "-shm"):
        path.with_name(path.name + extra).unlink(missing_ok=True)
    path.write_bytes(damage)
    done = used.roar("fsck", ok=False)
    assert done.returncode == 1 and "Traceback" not in done.stderr
    assert "1 problem" in done.stdout and r"\n" not in done.stdout
    assert path.read_bytes() == damage


@pytest.mark.requirement("SAFE-2")
def test_an_empty_run_directory_is_reported_and_removed_by_repair(used: Recorder) -> None:
    empty = used.root / ".roar" / "runs" / ("ab" * 16)
    empty.mkdir()
    done = used.roar("fsck", ok=False)
    assert done.returncode == 1 and "its directory is empty" in done.stdout
    assert empty.exists()
    repaired = used.roar("fsck", "--repair")
    assert repaired.returncode == 0 and not empty.exists()
    assert "Removed the empty run directory" in repaired.stdout or "no problem" in repaired.stdout
