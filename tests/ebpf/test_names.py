"""Names as calls were given them become canonical; programs and scripts lead to what the kernel reads with them."""

from __future__ import annotations

import os
import shutil
import struct
import subprocess
import sys
from pathlib import Path

import pytest
from ebpf.common.made import walked
from hypothesis import given
from hypothesis import strategies as st

from roar_tracer_ebpf import names
from roar_tracer_ebpf.names import Names, path_of
from roar_tracer_ebpf.programs import Programs, state_before

pytestmark = pytest.mark.requirement("TRC-10")

_LOADER = next(
    os.path.realpath(line.split()[0]).encode()
    for line in subprocess.run(["ldd", "/bin/sh"], capture_output=True, text=True, check=True).stdout.splitlines()
    if line.split()[0].startswith("/")
)


# ---- names


@given(st.lists(st.binary(min_size=1, max_size=20).map(lambda b: b.replace(b"/", b"x").replace(b"\0", b"\n"))))
def test_a_walk_is_the_path_backwards(parts: list[bytes]) -> None:
    path = b"/" + b"/".join(parts)
    assert path_of(walked(path)) == path


@pytest.fixture
def tree(tmp_path: Path) -> bytes:
    """A directory with a file, a link to it, and a link to another directory."""
    (tmp_path / "real").mkdir()
    (tmp_path / "real/file").write_text("x")
    (tmp_path / "way").symlink_to("real")
    (tmp_path / "real/link").symlink_to("file")
    return os.fsencode(tmp_path.resolve())


@pytest.mark.parametrize(
    ("name", "entry", "file"),
    [
        (b"real/file", b"/real/file", b"/real/file"),
        (b"way/file", b"/real/file", b"/real/file"),
        (b"way/link", b"/real/link", b"/real/file"),
        (b"way", b"/way", b"/real"),
        (b"way/", b"/way", b"/real"),
        (b"way/..", b"", b""),
        (b"way/../real//./link", b"/real/link", b"/real/file"),
        (b".", b"", b""),
        (b"real/new", b"/real/new", b"/real/new"),
        (b"nonesuch/new", b"/nonesuch/new", b"/nonesuch/new"),
    ],
)
def test_links_on_the_way_are_resolved_and_the_last_only_where_the_call_does(
    name: bytes, entry: bytes, file: bytes, tree: bytes
) -> None:
    for _ in range(2):
        made = Names()
        assert made.entry(tree, name) == made.entry(tree, name) == tree + entry
        assert made.entry(b"/", tree + b"/" + name) == tree + entry, "an absolute name"
        assert made.file(tree, name) == tree + file


def test_a_name_within_another_root_is_meant_from_there(tree: bytes) -> None:
    assert Names().entry(tree, b"/real/link") == tree + b"/real/link"


def test_the_root_itself_is_a_name() -> None:
    assert Names().entry(b"/", b"/") == b"/"
    assert Names().entry(b"/", b"/etc") == b"/etc"
    assert Names().file(b"/", b"/") == b"/"


def test_a_directory_that_is_known_needs_no_look_until_one_is_moved(
    tree: bytes, monkeypatch: pytest.MonkeyPatch
) -> None:
    made, looks = Names(), []
    real = os.path.realpath
    monkeypatch.setattr(names.os.path, "realpath", lambda path: looks.append(path) or real(path))
    for number in range(50):
        assert made.entry(tree, b"real/%d" % number) == tree + b"/real/%d" % number
    assert len(looks) == 1
    os.rename(tree + b"/real", tree + b"/other")
    os.symlink(b"other", tree + b"/real")
    made.forget()
    assert made.entry(tree, b"real/1") == tree + b"/other/1"


def test_what_is_remembered_is_bounded(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(names.os.path, "realpath", lambda path: path)
    made = Names()
    for number in range(25_000):
        made.entry(b"/d%d" % number, b"f")
    assert len(made._canonical) <= 10_001


# ---- programs


def _beside(program: Path, script: bytes = b"", directory: Path = Path("/"), root: bytes = b"/") -> list[bytes]:
    return list(Programs().beside(os.fsencode(program), script, os.fsencode(directory), root))


def test_of_a_dynamic_program_the_loader_is_told_and_of_a_static_one_nothing() -> None:
    assert _beside(Path(os.path.realpath("/bin/sh"))) == [_LOADER]
    assert _beside(Path("/sbin/ldconfig")) == []


def test_of_a_script_each_interpreter_is_told(tmp_path: Path) -> None:
    shell = Path(os.path.realpath("/bin/sh"))
    (tmp_path / "inner").write_text(f"#! {shell}\n")
    (tmp_path / "outer").write_text("#!inner with words\n")
    found = _beside(shell, b"./outer", tmp_path)
    assert found == [os.fsencode(tmp_path / "outer"), os.fsencode(tmp_path / "inner"), _LOADER]


def test_a_script_that_is_its_own_interpreter_ends(tmp_path: Path) -> None:
    for name, other in (("a", "b"), ("b", "a"), ("c", "c")):
        (tmp_path / name).write_text(f"#!{tmp_path / other}\n")
    for name in (b"a", b"c"):
        assert len(_beside(Path("/bin/sh"), name, tmp_path)) <= 6


def test_a_script_by_descriptor_or_one_that_is_gone_leaves_the_program() -> None:
    shell = Path(os.path.realpath("/bin/sh"))
    assert _beside(shell, b"/dev/fd/5") == _beside(shell, b"/nonesuch") == [_LOADER]


def test_a_loader_that_stands_behind_the_beginning_of_the_file_is_found(tmp_path: Path) -> None:
    """Where patchelf and the like put it, and the table that tells where."""
    loader = tmp_path / "loader"
    loader.write_bytes(b"")
    name = os.fsencode(loader) + b"\0"
    table_at, name_at = 100_000, 200_000
    head = bytearray(64)
    head[:5] = b"\x7fELF\x02"
    struct.pack_into("<Q", head, 32, table_at)
    struct.pack_into("<HH", head, 54, 56, 2)
    entry = struct.pack("<IIQQQQQQ", 3, 4, name_at, 0, 0, len(name), len(name), 1)
    program = tmp_path / "program"
    with open(program, "wb") as file:
        for at, what in ((0, head), (table_at, bytes(56) + entry), (name_at, name)):
            file.seek(at)
            file.write(what)
    assert _beside(program) == [os.fsencode(loader)]


@given(st.binary(max_size=400), st.sampled_from([b"", b"#!", b"\x7fELF\x01", b"\x7fELF\x02"]))
def test_whatever_a_program_consists_of_nothing_is_raised(
    tmp_path_factory: pytest.TempPathFactory, content: bytes, magic: bytes
) -> None:
    program = tmp_path_factory.getbasetemp() / f"any-{os.getpid()}"
    program.write_bytes(magic + content)
    assert all(b"\0" not in path for path in _beside(program))


def test_a_name_with_a_nul_in_it_ends_there(tmp_path: Path) -> None:
    """As the kernel has it."""
    (tmp_path / "script").write_bytes(b"#!/bin/sh\0junk\n")
    shell = os.path.realpath(b"/bin/sh")
    assert _beside(tmp_path / "program", b"script", tmp_path)[1] == shell


def test_a_pipe_in_a_scripts_place_is_not_waited_for(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "pipe")
    (tmp_path / "script").write_text(f"#!{tmp_path / 'pipe'}\n")
    assert os.fsencode(tmp_path / "script") in _beside(Path("/bin/sh"), b"script", tmp_path)


def test_a_program_that_changed_is_looked_at_again(tmp_path: Path) -> None:
    known, script = Programs(), tmp_path / "script"
    for interpreter in ("/bin/sh", sys.executable, "/bin/sh"):
        script.write_text(f"#!{interpreter}\n")
        shutil.copystat("/etc/passwd", script)
        os.utime(script, ns=(0, os.stat(script).st_mtime_ns + len(interpreter)))
        found = list(known.beside(b"/bin/program", b"script", os.fsencode(tmp_path), b"/"))
        assert found[1] == os.fsencode(os.path.realpath(interpreter))


def test_a_state_is_told_only_of_a_file_that_has_not_changed_since(tmp_path: Path) -> None:
    path = tmp_path / "file"
    path.write_text("text")
    now = os.stat(path)
    told = state_before(os.fsencode(path), now.st_ctime_ns)
    assert told is not None and (told.ino, told.size) == (now.st_ino, 4)
    assert state_before(os.fsencode(path), now.st_ctime_ns - 1) is None
    assert state_before(os.fsencode(tmp_path), 1 << 63) is None
    assert state_before(b"/nonesuch", 1 << 63) is None
    assert state_before(b"/bad\0name", 1 << 63) is None
