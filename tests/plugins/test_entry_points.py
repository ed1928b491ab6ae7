"""Listing entry points: as importlib.metadata does it, from a cache that notices every change and harms nobody."""

from __future__ import annotations

import importlib.metadata
import os
import shutil
import sys
import time
import zipfile
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from roar.plugins.contract import KINDS
from roar.plugins.entry_points import EntryPoint, installed
from roar.plugins.listing_cache import ListingCache, user_cache

from .conftest import Site

pytestmark = pytest.mark.requirement("PLUG-5")


def listed(site: Site, cache: Path | None = None) -> list[tuple[str, str, str]]:
    found = installed([str(site.path)], ListingCache(None if cache is None else str(cache)))
    return [(point.distribution, point.version, point.group) for point in found]


@pytest.mark.requirement("PLUG-1")
def test_the_same_is_found_as_importlib_metadata_finds() -> None:
    expected = {
        (point.dist.name, point.dist.version, point.group, point.name, point.value)
        for kind in KINDS
        for point in importlib.metadata.entry_points(group=kind.group)
        if point.dist is not None
    }
    assert {tuple(point) for point in installed(None, ListingCache(None))} == expected
    assert ("roar-core", "roar.hashers") in {(point[0], point[2]) for point in expected}


@given(
    st.lists(st.sampled_from(("[roar.tracers]", "[roar.hashers]", "[console_scripts]", "[roar.x]", "# a = b", "; c = d", "", "  "))
    | st.builds("{} = {}".format, st.from_regex(r"[a-z][a-z0-9.-]{0,8}", fullmatch=True), st.sampled_from(("m", "a.b:c.d", "p.q [extra]"))))
)  # fmt: skip
def test_files_are_read_as_importlib_metadata_reads_them(lines: list[str]) -> None:
    from roar.plugins.entry_points import _parse

    text = "[first]\n" + "\n".join(lines)
    theirs = importlib.metadata.Distribution.at("x")
    theirs.read_text = lambda name: text if name == "entry_points.txt" else None  # type: ignore[assignment,method-assign]
    expected = [
        (p.group, p.name, p.value.split("[")[0].strip()) for p in theirs.entry_points if p.group.startswith("roar.")
    ]
    assert list(_parse(text)) == [row for row in expected if not row[1].startswith(("#", ";"))]


def test_of_two_distributions_of_a_name_the_first_on_the_path_counts(tmp_path: Path) -> None:
    first, second = Site(tmp_path / "a"), Site(tmp_path / "b")
    first.install("my-plugin", "", "roar.hashers", version="2.0")
    second.install("My_Plugin", "", "roar.tracers", version="1.0")
    found = installed([str(first.path), str(second.path)], ListingCache(None))
    assert [(point.distribution, point.version) for point in found] == [("my-plugin", "2.0")]


def test_a_distribution_that_an_upgrade_left_half_removed_is_passed_over(site: Site) -> None:
    site.install("real", "", "roar.hashers")
    shutil.copytree(site.path / "real-1.0.dist-info", site.path / "~eal-1.0.dist-info")
    assert listed(site) == [("real", "1.0", "roar.hashers")]


def test_distributions_in_an_archive_are_found(tmp_path: Path) -> None:
    archive = tmp_path / "plugins.zip"
    with zipfile.ZipFile(archive, "w") as file:
        file.writestr("zipped-3.1.dist-info/METADATA", "Metadata-Version: 2.1\nName: zipped\nVersion: 3.1\n")
        file.writestr("zipped-3.1.dist-info/entry_points.txt", "[roar.hashers]\nx = zipped\n")
    assert installed([str(archive)], ListingCache(None)) == [EntryPoint("zipped", "3.1", "roar.hashers", "x", "zipped")]


@pytest.mark.parametrize("entry", ["", "/nowhere/at/all", "a\0b", "/etc/passwd"])
def test_odd_entries_of_the_path_do_no_harm(entry: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    assert installed([entry], ListingCache(None)) == []


def test_a_working_directory_that_is_gone_does_no_harm(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    gone = tmp_path / "gone"
    gone.mkdir()
    monkeypatch.chdir(gone)
    gone.rmdir()
    assert installed([""], ListingCache(None)) == []


def test_unreadable_metadata_does_no_harm(site: Site) -> None:
    site.install("good", "", "roar.hashers")
    broken = site.path / "broken-1.0.dist-info"
    broken.mkdir()
    (broken / "entry_points.txt").write_bytes(b"[roar.hashers]\n\xff = \xfe\n")
    (site.path / "file-1.0.dist-info").write_text("not a directory")
    assert listed(site) == [("good", "1.0", "roar.hashers")]


def test_what_is_cached_is_not_read_again(site: Site, tmp_path: Path) -> None:
    site.install("one", "", "roar.hashers")
    site.settle()
    cache = tmp_path / "cache"
    assert listed(site, cache) == [("one", "1.0", "roar.hashers")]
    state = os.stat(site.path)
    (site.path / "one-1.0.dist-info" / "entry_points.txt").unlink()
    os.utime(site.path, ns=(state.st_atime_ns, state.st_mtime_ns))
    assert listed(site, cache) == [("one", "1.0", "roar.hashers")]


def test_installing_and_uninstalling_are_noticed(site: Site, tmp_path: Path) -> None:
    cache = tmp_path / "cache"
    site.install("one", "", "roar.hashers")
    site.settle()
    listed(site, cache)
    site.install("two", "", "roar.tracers")
    assert [name for name, *_ in listed(site, cache)] == ["one", "two"]
    site.settle()
    listed(site, cache)
    shutil.rmtree(site.path / "one-1.0.dist-info")
    assert [name for name, *_ in listed(site, cache)] == ["two"]


def test_a_directory_that_has_just_changed_is_not_cached(
    site: Site, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    cache = tmp_path / "cache"
    site.install("one", "", "roar.hashers")
    state = os.stat(site.path)
    monkeypatch.setattr(time, "time_ns", lambda: state.st_mtime_ns + 1_000_000)
    listed(site, cache)
    shutil.rmtree(site.path / "one-1.0.dist-info")
    os.utime(site.path, ns=(state.st_atime_ns, state.st_mtime_ns))  # within the grain of a coarse clock
    assert listed(site, cache) == []


def test_an_egg_info_that_is_rewritten_in_place_is_noticed(site: Site, tmp_path: Path) -> None:
    cache = tmp_path / "cache"
    info = site.path / "dev.egg-info"
    info.mkdir()
    (info / "PKG-INFO").write_text("Metadata-Version: 2.1\nName: dev\nVersion: 0.1\n")
    site.settle()
    assert listed(site, cache) == []
    (info / "entry_points.txt").write_text("[roar.hashers]\nx = dev\n")
    os.utime(info / "entry_points.txt", (1, 1))  # not within the grain of a coarse clock
    site.settle()
    assert listed(site, cache) == [("dev", "0.1", "roar.hashers")]
    (info / "entry_points.txt").write_text("[roar.tracers]\nxy = dev\n")
    assert listed(site, cache) == [("dev", "0.1", "roar.tracers")]


def test_another_path_is_another_listing(site: Site, tmp_path: Path) -> None:
    cache = tmp_path / "cache"
    other = Site(tmp_path / "other")
    site.install("one", "", "roar.hashers")
    other.install("two", "", "roar.hashers")
    for one in (site, other):
        one.settle()
    assert listed(site, cache) == [("one", "1.0", "roar.hashers")]
    assert listed(other, cache) == [("two", "1.0", "roar.hashers")]
    assert listed(site, cache) == [("one", "1.0", "roar.hashers")]


@given(st.floats(0, 1), st.floats(0, 1), st.binary(max_size=20))
def test_a_damaged_cache_is_as_good_as_none(
    tmp_path_factory: pytest.TempPathFactory, start: float, end: float, instead: bytes
) -> None:
    base = tmp_path_factory.mktemp("damaged")
    site = Site(base / "site")
    site.install("one", "", "roar.hashers")
    site.settle()
    cache = base / "cache"
    listed(site, cache)
    whole = cache.read_bytes()
    first, last = sorted((int(start * len(whole)), int(end * len(whole))))
    cache.write_bytes(whole[:first] + instead + whole[last:])
    assert listed(site, cache) == [("one", "1.0", "roar.hashers")]


@pytest.mark.parametrize("kind", ["directory", "symlink", "fifo", "huge"])
def test_a_cache_that_is_no_plain_file_is_passed_over(site: Site, tmp_path: Path, kind: str) -> None:
    cache = tmp_path / "cache"
    site.install("one", "", "roar.hashers")
    site.settle()
    if kind == "directory":
        cache.mkdir()
    elif kind == "symlink":
        cache.symlink_to("/dev/zero")
    elif kind == "fifo":
        os.mkfifo(cache)
    else:
        cache.write_bytes(b"x" * 2_000_000)
    assert listed(site, cache) == [("one", "1.0", "roar.hashers")]


def test_the_cache_is_the_user_s_alone_and_leaves_nothing_else(site: Site, tmp_path: Path) -> None:
    cache = tmp_path / "new" / "roar" / "cache"
    site.install("one", "", "roar.hashers")
    site.settle()

    def both(_: int) -> list[tuple[str, str, str]]:
        return listed(site, cache)

    with ThreadPoolExecutor(8) as pool:
        answers = list(pool.map(both, range(64)))
    assert answers == [[("one", "1.0", "roar.hashers")]] * 64
    assert [path.name for path in cache.parent.iterdir()] == ["cache"]
    assert cache.stat().st_mode & 0o777 == 0o600
    assert cache.parent.stat().st_mode & 0o777 == 0o700


def test_a_cache_that_cannot_be_written_does_no_harm(site: Site, tmp_path: Path) -> None:
    (tmp_path / "file").write_text("in the way")
    site.install("one", "", "roar.hashers")
    site.settle()
    assert listed(site, tmp_path / "file" / "cache") == [("one", "1.0", "roar.hashers")]
    assert listed(site, Path("/proc/roar/cache")) == [("one", "1.0", "roar.hashers")]


def test_names_that_the_cache_cannot_hold_are_not_cached(tmp_path: Path) -> None:
    site = Site(tmp_path / "tab\there\nand there")
    site.install("one", "", "roar.hashers")
    site.settle()
    for _ in range(2):
        assert listed(site, tmp_path / "cache") == [("one", "1.0", "roar.hashers")]


def test_the_cache_is_where_the_user_s_caches_are(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HOME", "/home/x")
    monkeypatch.setenv("XDG_CACHE_HOME", "/caches")
    assert user_cache() == "/caches/roar"
    monkeypatch.setenv("XDG_CACHE_HOME", "relative")
    assert user_cache() == "/home/x/.cache/roar"
    monkeypatch.setenv("HOME", "relative")
    assert user_cache() is None


def test_a_large_environment_is_listed_in_two_milliseconds(site: Site, tmp_path: Path) -> None:
    for number in range(500):
        info = site.path / f"dist_{number}-1.0.dist-info"
        info.mkdir()
        (info / "entry_points.txt").write_text("[console_scripts]\na = b:c\n")
    site.install("one", "", "roar.hashers")
    site.settle()
    cache = tmp_path / "cache"
    path = [str(site.path), *sys.path]
    installed(path, ListingCache(str(cache)))

    def timed_ms() -> float:
        started = time.process_time()
        found = installed(path, ListingCache(str(cache)))
        assert "one" in [point.distribution for point in found]
        return (time.process_time() - started) * 1e3

    assert min(timed_ms() for _ in range(20)) < 2
