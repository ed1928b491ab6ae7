"""Paths of events: canonical, with links resolved as they were, modules by their source."""

from __future__ import annotations

import os
import py_compile
import subprocess
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from roar.api import Blind, Event, FileStat, Kind
from roar.run.resolve import Resolver, stat_of, tree_of


def state(path: Path) -> FileStat:
    s = os.stat(path)
    return FileStat(s.st_dev, s.st_ino, s.st_size, s.st_mtime_ns, s.st_ctime_ns, s.st_mode)


def opened(path: Path | str, stat: FileStat | None = None) -> Event:
    return Event(Kind.OPEN, 1, 0, os.fsencode(path), stat=stat)


def resolver(met: bytes | None = None) -> Resolver:
    return Resolver(lambda dev, ino: met)


def resolved(event: Event) -> bytes | None:
    answer = resolver()(event)
    return answer.path if answer is not None else None


@pytest.fixture
def place(tmp_path: Path) -> Path:
    root = tmp_path.resolve()
    (root / "real").mkdir()
    (root / "real" / "file").write_text("content")
    (root / "dirlink").symlink_to("real")
    (root / "link").symlink_to("real/file")
    return root


@pytest.mark.requirement("NORM-6")
@pytest.mark.parametrize(
    "name",
    ["real/file", "dirlink/file", "link", "real/../real/file", "./real//file", "dirlink/../real/file", "real/./file"],
)
def test_every_way_to_a_file_gives_its_canonical_name(place: Path, name: str) -> None:
    event = opened(f"{place}/{name}", state(place / "real" / "file"))
    assert resolved(event) == os.fsencode(place / "real" / "file")


@pytest.mark.requirement("NORM-6")
def test_what_a_link_to_a_directory_became_counts_from_when_it_was_removed(place: Path) -> None:
    resolve = resolver()
    resolve(opened(place / "dirlink" / "file"))
    (place / "dirlink").unlink()
    (place / "dirlink" / "below").mkdir(parents=True)
    (place / "dirlink" / "below" / "file").touch()
    resolve(Event(Kind.UNLINK, 1, 0, os.fsencode(place / "dirlink")))  # gone before anyone looked what it was
    answer = resolve(opened(place / "dirlink" / "below" / "file"))
    assert answer is not None
    assert answer.path == os.fsencode(place / "dirlink" / "below" / "file")


@pytest.mark.requirement("NORM-6", "PERF-3")
def test_each_directory_of_a_deep_tree_is_looked_at_once(place: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    looked: list[object] = []
    lstat = os.lstat
    monkeypatch.setattr(os, "lstat", lambda path: (looked.append(path), lstat(path))[1])
    depth = 100
    resolve = resolver()
    for i in range(1, depth + 1):
        folder = f"{place}{'/d' * i}"
        os.mkdir(folder)
        assert resolve(opened(f"{folder}/file")) is not None
    above = len(place.parts)
    assert len(looked) == above - 1 + 2 * depth  # and each file


@pytest.mark.requirement("NORM-3")
def test_a_tree_deeper_than_the_interpreter_recurses_is_listed(tmp_path: Path) -> None:
    depth = 1200
    file = f"{tmp_path}{'/d' * depth}/file"
    try:
        subprocess.run(["mkdir", "-p", os.path.dirname(file)], check=True)
        os.close(os.open(file, os.O_CREAT))
        assert list(tree_of(os.fsencode(tmp_path))) == [os.fsencode(file)]
    finally:
        subprocess.run(["rm", "-rf", tmp_path / "d"], check=True)  # pytest can't: it recurses


@pytest.mark.requirement("NORM-6", "TRC-8")
def test_a_link_that_changed_since_is_doubted(place: Path) -> None:
    event = opened(place / "link", state(place / "real" / "file"))
    (place / "other").write_text("other")
    (place / "link").unlink()
    (place / "link").symlink_to("other")
    resolve = resolver()
    assert resolve(event) is not None
    assert [doubt.reason for doubt in resolve.doubts] == [Blind.SYMLINK]


@pytest.mark.requirement("NORM-6")
def test_a_link_that_changed_since_is_no_doubt_when_the_file_was_met(place: Path) -> None:
    event = opened(place / "link", state(place / "real" / "file"))
    (place / "other").write_text("other")
    (place / "link").unlink()
    (place / "link").symlink_to("other")
    resolve = resolver(met=b"/met")
    answer = resolve(event)
    assert answer is not None
    assert answer.path == b"/met"
    assert resolve.doubts == []


@pytest.mark.requirement("NORM-6")
def test_a_rename_names_the_link_and_not_its_target(place: Path) -> None:
    old, new = os.fsencode(place / "dirlink" / "a"), os.fsencode(place / "link")
    answer = resolver()(Event(Kind.RENAME, 1, 0, old, new))
    assert answer is not None
    assert (answer.path, answer.path2) == (os.fsencode(place / "real" / "a"), new)


@pytest.mark.requirement("NORM-6")
def test_directories_are_looked_up_again_after_a_link_moved(place: Path) -> None:
    resolve = resolver()
    first = resolve(Event(Kind.UNLINK, 1, 0, os.fsencode(place / "dirlink" / "x")))
    (place / "dirlink").unlink()
    (place / "elsewhere").mkdir()
    (place / "dirlink").symlink_to("elsewhere")
    resolve(Event(Kind.SYMLINK, 1, 0, b"elsewhere", os.fsencode(place / "dirlink")))
    second = resolve(Event(Kind.UNLINK, 1, 0, os.fsencode(place / "dirlink" / "x")))
    assert first is not None
    assert second is not None
    assert first.path == os.fsencode(place / "real" / "x")
    assert second.path == os.fsencode(place / "elsewhere" / "x")


@pytest.mark.requirement("NORM-4")
def test_a_cached_module_counts_as_its_source(place: Path) -> None:
    source = place / "module.py"
    source.write_text("x = 1\n")
    cache = py_compile.compile(str(source), doraise=True)
    assert cache is not None
    answer = resolver()(opened(cache, state(Path(cache))))
    assert answer is not None
    assert (answer.path, answer.stat) == (os.fsencode(source), stat_of(os.fsencode(source)))


@pytest.mark.requirement("NORM-4", "HASH-5")
def test_a_cached_module_whose_source_was_edited_since_has_no_known_content(place: Path) -> None:
    source = place / "module.py"
    source.write_text("x = 1\n")
    cache = py_compile.compile(str(source), doraise=True)
    assert cache is not None
    source.write_text("x = 1234\n")
    answer = resolver()(opened(cache, state(Path(cache))))
    assert answer is not None
    assert (answer.path, answer.stat) == (os.fsencode(source), None)


@pytest.mark.requirement("NORM-6")
@settings(max_examples=200, deadline=None)
@given(st.lists(st.sampled_from(["a", "b", ".", "..", "", "x.py"]), min_size=1, max_size=6))
def test_where_there_are_no_links_resolving_is_normalising(names: list[str]) -> None:
    path = "/nowhere/" + "/".join(names)
    twice = resolver()
    for _ in range(2):  # the second answer comes from what the first one remembered
        answer = twice(Event(Kind.UNLINK, 1, 0, path.encode()))
        assert answer is not None
        assert answer.path.decode() == os.path.normpath(path)


@pytest.mark.requirement("TRC-8")
def test_times_of_a_file_that_nobody_met_are_no_matter_of_doubt(place: Path) -> None:
    event = opened(place / "link", state(place / "real" / "file"))._replace(kind=Kind.TIMES)
    (place / "real" / "file").unlink()
    resolve = resolver()
    resolve(event)
    assert resolve.doubts == []


@pytest.mark.requirement("NORM-6")
def test_names_that_are_canonical_are_left_alone_where_a_link_stands_now(place: Path) -> None:
    event = Event(Kind.RENAME, 1, 0, os.fsencode(place / "dirlink/a"), os.fsencode(place / "dirlink/b"), resolved=True)
    assert resolver()(event) == event
    given = resolver()(event._replace(resolved=False))
    assert given is not None
    assert (given.path, given.path2) == (os.fsencode(place / "real/a"), os.fsencode(place / "real/b"))
