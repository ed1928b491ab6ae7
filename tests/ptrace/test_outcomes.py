"""Calls that were let go and failed leave no edge: whatever it was that nobody could foresee."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
import surroundings

from roar.testing.drive import Driven
from roar.testing.tracer import Ground
from roar_tracer_ptrace.journal import LANDLOCK

pytestmark = pytest.mark.requirement("TRC-10", "NORM-2")

_TRIES = """
import ctypes, errno, os, struct, subprocess, sys
libc = ctypes.CDLL(None, use_errno=True)
def fails(name, what, *words):
    try:
        what(*words)
    except OSError as error:
        if error.errno == getattr(errno, name):
            return
        sys.exit(f"{what.__name__} {words}: {error} instead of {name}")
    sys.exit(f"{what.__name__} {words} did not fail")
def call(number, *words):
    if libc.syscall(number, *words) < 0:
        raise OSError(ctypes.get_errno(), "")
def exchange(one, other):
    if libc.renameat2(-100, one.encode(), -100, other.encode(), 2):
        raise OSError(ctypes.get_errno(), "")
read, both, write = os.O_RDONLY, os.O_RDWR, os.O_WRONLY
trunc, creat = os.O_WRONLY | os.O_TRUNC, os.O_WRONLY | os.O_CREAT
"""


def _python(ground: Ground, code: str, *steps: surroundings.Step) -> Driven:
    driven, out, err = ground.run(sys.executable, "-SEc", _TRIES + code, preexec_fn=surroundings.each(*steps))
    assert driven.exit is not None and driven.exit.code == 0, (out + err).decode()
    return driven


def _edges(ground: Ground, driven: Driven) -> tuple[set[bytes], set[bytes]]:
    return ground.inputs(driven), ground.outputs(driven)


@contextmanager
def _attribute(letter: str, *paths: Path) -> Iterator[None]:
    """Files that root itself can't change: +i, or can only append to: +a (chattr(1))."""
    subprocess.run(["chattr", f"+{letter}", *paths], check=True)
    try:
        yield
    finally:
        subprocess.run(["chattr", f"-{letter}", *paths], check=True)


def test_of_files_that_nobody_may_change(ground: Ground) -> None:
    if os.geteuid():
        return  # only root can make some
    ground.write(frozen="1\n", other="2\n", log="3\n", new="")
    with (
        _attribute("i", ground.root / "frozen"),
        _attribute("a", ground.root / "log", ground.root / "new"),
    ):
        driven = _python(
            ground,
            """
fails("EPERM", os.open, "frozen", both)
fails("EPERM", os.open, "frozen", trunc)
fails("EPERM", os.truncate, "frozen", 0)
fails("EPERM", os.unlink, "frozen")
fails("EPERM", os.rename, "frozen", "moved")
fails("EPERM", os.rename, "other", "frozen")
fails("EPERM", os.link, "frozen", "linked")
fails("EPERM", os.utime, "frozen", (1, 1))
fails("EPERM", exchange, "other", "frozen")
fails("EPERM", os.open, "log", trunc)
fails("EPERM", os.open, "new", trunc)
fails("EPERM", os.truncate, "log", 0)
fails("EPERM", os.unlink, "log")
""",
        )
    assert _edges(ground, driven) == (set(), set())


def test_of_files_of_somebody_else(ground: Ground) -> None:
    """In a directory with the sticky bit, in a closed one, and without a right to the file."""
    ground.write(readable="1\n", secret="2\n")
    for name in ("sticky", "open"):
        (ground.root / name).mkdir()
    (ground.root / "sticky/a").write_text("a\n")
    (ground.root / "sticky/b").write_text("b\n")
    surroundings.give_away(ground.root.parent, ground.journal, ground.root / "open", ground.root / "sticky/b")
    (ground.root / "sticky/shared").write_text("c\n")
    (ground.root / "sticky/shared").chmod(0o666)
    (ground.root / "secret").chmod(0)
    for name in ("readable", "sticky/a"):
        (ground.root / name).chmod(0o444)
    (ground.root / "sticky").chmod(0o1777)
    ground.root.chmod(0o755)
    driven = _python(
        ground,
        """
for name in ("sticky/a", "readable"):
    fails("EACCES", os.open, name, write)
    fails("EACCES", os.truncate, name, 0)
fails("EACCES", os.open, "secret", read)
os.write(os.open("sticky/shared", trunc), b"new")
if os.stat("readable").st_uid != os.geteuid():
    fails("EPERM", os.unlink, "sticky/shared")
    fails("EPERM", os.rename, "sticky/shared", "sticky/mine")
    fails("EPERM", os.unlink, "sticky/a")
    fails("EPERM", os.rename, "sticky/a", "sticky/c")
    fails("EPERM", os.rename, "sticky/b", "sticky/a")
    fails("EPERM", exchange, "sticky/a", "sticky/b")
    fails("EACCES", os.open, "new", creat)
    fails("EPERM", os.open, "readable", read | os.O_NOATIME)
    fails("EPERM", os.utime, "readable", (1, 1))
""",
        surroundings.ordinary(),
    )
    assert _edges(ground, driven) == (set(), {b"sticky/shared"})


def test_for_want_of_room_and_across_mounts(ground: Ground) -> None:
    ground.write(a="1\n", b="2\n")
    for name in ("tiny", "one", "two"):
        (ground.root / name).mkdir()
    (ground.root / "one/x").write_text("x\n")
    driven = _python(
        ground,
        """
for name in ("1", "2", "3"):
    os.close(os.open("tiny/" + name, creat))
fails("ENOSPC", os.open, "tiny/4", creat)
fails("ENOSPC", os.symlink, "../a", "tiny/5")
fails("ENOSPC", os.mknod, "tiny/6", 0o100644)
fails("EXDEV", os.rename, "one/x", "two/x")
fails("EXDEV", os.rename, "a", "tiny/a")
fails("EXDEV", os.link, "a", "tiny/b")
fails("EXDEV", exchange, "b", "tiny/1")
fails("EXDEV", exchange, "one/x", "tiny/1")
""",
        surroundings.own_mounts,
        surroundings.tmpfs(ground.root / "tiny", "nr_inodes=4"),
        surroundings.bound(ground.root / "two", ground.root / "two"),
    )
    assert _edges(ground, driven) == (set(), {b"tiny/1", b"tiny/2", b"tiny/3"})


def test_of_a_program_that_runs(ground: Ground) -> None:
    shutil.copy("/bin/sleep", ground.root / "program")
    running = subprocess.Popen([ground.root / "program", "3600"])
    try:
        driven = _python(
            ground,
            """
fails("ETXTBSY", os.open, "program", trunc)
fails("ETXTBSY", os.open, "program", write)
fails("ETXTBSY", os.truncate, "program", 0)
""",
        )
    finally:
        running.kill()
        running.wait()
    assert _edges(ground, driven) == (set(), set())


def test_for_want_of_descriptors(ground: Ground) -> None:
    """The limit is lowered by the program itself, or by another one for it."""
    ground.write(a="1\n", b="2\n")
    driven = _python(
        ground,
        """
import resource
held = [os.dup(0) for _ in range(9)]
resource.setrlimit(resource.RLIMIT_NOFILE, (max(held) + 1, 4096))
fails("EMFILE", os.open, "a", read)
fails("EMFILE", os.open, "a", both)
fails("EMFILE", os.open, "a", trunc)
fails("EMFILE", os.open, "new", creat)
resource.prlimit(0, resource.RLIMIT_NOFILE, (max(held) + 2, 4096))
held.append(os.open("b", read))
fails("EMFILE", os.open, "a", read)
""",
    )
    assert _edges(ground, driven) == ({b"b"}, set())


def test_of_programs_that_the_kernel_does_not_run(ground: Ground) -> None:
    """Its interpreter can't be executed or isn't there; the arguments are too long; the loader is missing."""
    ground.write(script="#!./reader\n", reader="no program\n", lost="#!./nowhere\n", long="#!/bin/sh\n", text="text\n")
    for name in ("script", "lost", "long", "text"):
        (ground.root / name).chmod(0o755)
    driven = _python(
        ground,
        """
fails("EACCES", os.execv, "./script", ["script"])
fails("ENOENT", os.execv, "./lost", ["lost"])
fails("E2BIG", os.execv, "./long", ["long", "x" * 10_000_000])
fails("ENOEXEC", os.execv, "./text", ["text"])
fails("ENOENT", os.execv, "./missing", ["missing"])
fails("EACCES", os.execv, "./reader", ["reader"])
""",
    )
    assert _edges(ground, driven) == (set(), set())


def test_of_names_that_make_no_sense(ground: Ground) -> None:
    ground.write(a="1\n", b="2\n", one="3\n")
    (ground.root / "folder/inside").mkdir(parents=True)
    (ground.root / "empty").mkdir()
    os.link(ground.root / "one", ground.root / "same")
    driven = _python(
        ground,
        """
os.rename("one", "same")  # two names of one file: nothing happens
fails("EISDIR", os.open, "folder", write)
fails("EISDIR", os.open, "folder", creat)
fails("EISDIR", os.open, "new/", creat)
fails("ENOTDIR", os.open, "a/", read)
fails("ENOTDIR", os.open, "a/b", creat)
fails("ENAMETOOLONG", os.open, "n" * 300, creat)
fails("EEXIST", os.open, "a", creat | os.O_EXCL)
fails("EEXIST", os.mknod, "a", 0o100644)
fails("EEXIST", os.symlink, "a", "b")
fails("EEXIST", os.link, "a", "b")
fails("EINVAL", os.rename, "folder", "folder/inside/folder")
fails("ENOTDIR", os.rename, "folder", "a")
fails("EISDIR", os.rename, "a", "folder")
fails("ENOTEMPTY", os.rename, "empty", "folder")
fails("ENOENT", exchange, "a", "new")
fails("EFAULT", call, 2 if os.uname().machine == "x86_64" else 437, 1, 1, 1, 1)
""",
    )
    assert _edges(ground, driven) == (set(), set())


_LANDLOCKED = """
rules = ctypes.create_string_buffer(struct.pack("Q", 1 << 1 | 1 << 2 | 1 << 5 | 1 << 8))  # write, read, remove, make
ruleset = libc.syscall(444, rules, 8, 0)
libc.prctl(38, 1, 0, 0, 0)
call(446, ruleset, 0)
fails("EACCES", os.open, "new", creat)
fails("EACCES", os.unlink, "b")
fails("EACCES", os.rename, "b", "c")
"""


@pytest.mark.requirement("TRC-8")
def test_what_landlock_refuses_is_no_edge_or_told(ground: Ground) -> None:
    """Opens for reading are seen before they fail, and nothing tells then that they did."""
    ground.write(a="1\n", b="2\n")
    driven = _python(ground, _LANDLOCKED)
    assert _edges(ground, driven) == (set(), set())
    assert LANDLOCK not in {reason for reason, _ in driven.blind}


@pytest.mark.requirement("TRC-8")
@pytest.mark.parametrize("whose", ["", "if os.fork(): os._exit(os.waitstatus_to_exitcode(os.wait()[1]))\n"])
def test_reading_under_landlock_is_told(ground: Ground, whose: str) -> None:
    ground.write(a="1\n", b="2\n")
    driven = _python(ground, _LANDLOCKED + whose + 'fails("EACCES", os.open, "a", read)\n')
    assert LANDLOCK in {reason for reason, _ in driven.blind}


_RACE = """
#include <fcntl.h>
#include <pthread.h>
#include <stdio.h>
#include <unistd.h>
static void *remake(void *_) {
    for (int i = 0; i < 2000; i++) {
        int f = open("x", O_WRONLY | O_CREAT | O_TRUNC, 0644);
        if (f < 0 || write(f, "1", 1) != 1 || close(f)) _exit(2);
    }
    return NULL;
}
static void *move(void *_) {
    for (int i = 0; i < 2000; i++) {
        rename("x", "y");
        if (i % 3 == 0) unlink("y");
    }
    return NULL;
}
int main(void) {
    pthread_t one, other;
    pthread_create(&one, NULL, remake, NULL);
    pthread_create(&other, NULL, move, NULL);
    pthread_join(one, NULL);
    pthread_join(other, NULL);
    int f = open("x", O_WRONLY | O_CREAT | O_TRUNC, 0644);
    if (f < 0 || write(f, "end", 3) != 3) return 1;
    return rename("x", "z") || rename("z", "end");
}
"""


def test_threads_that_race_for_a_name_end_and_the_last_state_is_recorded(
    ground: Ground, compiled: Callable[..., Path]
) -> None:
    driven = ground.run(str(compiled(_RACE, "-pthread")))[0]
    assert driven.exit is not None and driven.exit.code == 0
    there = {os.fsencode(name) for name in os.listdir(ground.root)}
    assert b"end" in there
    assert _edges(ground, driven) == (set(), there)
