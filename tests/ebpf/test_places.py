"""Files are known by the numbers that stat(2) tells, and those of another mount namespace are found in this one."""

from __future__ import annotations

import os
import stat
from collections.abc import Callable
from pathlib import Path

import pytest

from roar.api.events import FileStat
from roar_tracer_ebpf import places
from roar_tracer_ebpf.places import Places

pytestmark = pytest.mark.requirement("TRC-10")


def _state(path: Path) -> FileStat:
    s = os.lstat(path)
    return FileStat(s.st_dev, s.st_ino, s.st_size, s.st_mtime_ns, s.st_ctime_ns, s.st_mode)


@pytest.fixture
def knowing(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Callable[..., Places]:
    """Places that know these mounts: (root, point, kind), all of the device on which this test's files are."""

    def make(*mounts: tuple[str, str, str], device: int | None = None) -> Places:
        number = os.stat(tmp_path).st_dev if device is None else device
        lines = [
            f"{n} 1 {os.major(number)}:{os.minor(number)} {root} {point} rw shared:1 - {kind} source rw\n"
            for n, (root, point, kind) in enumerate(mounts)
        ]
        listing = tmp_path / "mountinfo"
        listing.write_text("".join(lines))
        opening = open
        monkeypatch.setattr(places, "open", lambda path, mode: opening(listing, mode), raising=False)
        return Places()

    return make


def test_on_most_file_systems_the_numbers_are_the_kernels_own(tmp_path: Path) -> None:
    state = FileStat(os.makedev(250, 7), 1, 2, 3, 4, stat.S_IFREG)
    assert Places().as_stat_tells(b"/nonesuch", state) == state


@pytest.mark.parametrize("kind", ["overlay", "btrfs", "bcachefs"])
def test_where_they_are_not_the_file_is_asked_unless_it_changed(
    kind: str, knowing: Callable[..., Places], tmp_path: Path
) -> None:
    device = os.makedev(0, 4000)
    known = knowing(("/", "/", kind), device=device)
    path = tmp_path / "file"
    path.write_text("text")
    true = _state(path)
    inside = true._replace(dev=device, ino=99)
    assert known.as_stat_tells(os.fsencode(path), inside) == true
    assert known.as_stat_tells(os.fsencode(path), inside._replace(size=5)) is None
    assert known.as_stat_tells(os.fsencode(path), inside._replace(mtime_ns=5)) is None
    assert known.as_stat_tells(b"/nonesuch", inside) is None
    assert known.as_stat_tells(b"/bad\0name", inside) is None


def test_a_file_with_the_same_path_here_is_itself(knowing: Callable[..., Places], tmp_path: Path) -> None:
    path = tmp_path / "file"
    path.write_text("text")
    assert knowing().here(os.fsencode(path), b"/whatever", _state(path)) == os.fsencode(path)


@pytest.mark.parametrize("root", ["/", "/inner", "/inner/"])
def test_a_file_is_found_by_a_mount_of_its_file_system(
    root: str, knowing: Callable[..., Places], tmp_path: Path
) -> None:
    point = tmp_path / "a point with spaces\nand more"
    (point / "folder").mkdir(parents=True)
    path = point / "folder/file"
    path.write_text("text")
    escaped = str(point).replace(" ", r"\040").replace("\n", r"\012")
    known = knowing(("/other", "/nonesuch", "ext4"), (root, escaped, "ext4"))
    within = (root.rstrip("/") + "/folder/file").encode()
    assert known.here(b"/there/folder/file", within, _state(path)) == os.fsencode(path)
    (point / "most").mkdir()
    os.link(path, point / "most/file")
    assert known.here(b"/there/folder/file", b"/innermost/file", _state(path)) is None, "a longer name is another"


def test_another_file_in_its_place_is_not_it(knowing: Callable[..., Places], tmp_path: Path) -> None:
    for name in ("file", "other"):
        (tmp_path / name).write_text("text")
    known = knowing(("/", str(tmp_path), "ext4"))
    assert known.here(os.fsencode(tmp_path / "file"), b"/file", _state(tmp_path / "other")) is None
    gone = _state(tmp_path / "other")._replace(dev=os.makedev(250, 1))
    assert known.here(b"/x", b"/other", gone) is None


def test_a_mount_that_came_later_is_found(knowing: Callable[..., Places], tmp_path: Path) -> None:
    path = tmp_path / "file"
    path.write_text("text")
    known = knowing()
    assert known.here(b"/x", b"/file", _state(path)) is None
    knowing(("/", str(tmp_path), "ext4"))
    assert known.here(b"/x", b"/file", _state(path)) == os.fsencode(path)


def test_without_proc_nothing_is_raised(monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(*_: object) -> object:
        raise FileNotFoundError

    monkeypatch.setattr(places, "open", refuse, raising=False)
    state = FileStat(1, 2, 3, 4, 5, stat.S_IFREG)
    assert Places().as_stat_tells(b"/x", state) == state
    assert Places().here(b"/x", b"/x", state) is None
