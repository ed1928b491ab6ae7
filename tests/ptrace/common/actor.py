"""Does what a program of `random_program` says, and tells of each call that succeeded what a tracer should have seen.

``python actor.py PROGRAM`` prints a line for each event: kind, path, second path, flags, whether it existed, its state before.
Everything happens one after the other, so that there is one truth; but in whichever thread, process or directory.
"""

from __future__ import annotations

import contextlib
import ctypes
import mmap
import os
import random
import stat
import sys
import threading
from typing import Any

NAMES = ("a", "b", "c", "d/a", "d/b", "e/a", "e/f/a", "way/a", "link", "d/../a", "./b", "tool", "\udcff \n")
FOLDERS = ("d", "e", "e/f", "way", ".", "g")
FLAGS = (
    0, 0, 0, os.O_RDWR, os.O_WRONLY, *(os.O_WRONLY | os.O_CREAT | os.O_TRUNC,) * 3, os.O_WRONLY | os.O_CREAT | os.O_APPEND,
    os.O_RDWR | os.O_CREAT, os.O_RDWR | os.O_CREAT | os.O_EXCL, os.O_RDWR | os.O_TRUNC, os.O_RDONLY | os.O_CREAT,
    os.O_RDONLY | os.O_NOFOLLOW, os.O_WRONLY | os.O_NOFOLLOW, os.O_PATH, os.O_RDONLY | os.O_TRUNC, os.O_RDWR | os.O_DIRECTORY,
)  # fmt: skip
CHANGES = os.O_WRONLY | os.O_RDWR | os.O_CREAT | os.O_TRUNC
EXCHANGE, NOREPLACE = 2, 1
AT_FDCWD, AT_SYMLINK_FOLLOW = -100, 0x400

Step = tuple[Any, ...]


def fill(root: str) -> None:
    """What every program finds; its times are long past."""
    for folder in ("d", "e/f"):
        os.makedirs(os.path.join(root, folder))
    for name in ("a", "b", "d/a", "e/a", "e/f/a", "\udcff \n"):
        with open(os.path.join(root, name), "w") as file:
            file.write(name.encode(errors="replace").decode() + "\n")
    with open(os.path.join(root, "tool"), "w") as file:
        file.write("#!/bin/sh\n:\n")
    os.chmod(os.path.join(root, "tool"), 0o755)
    os.symlink("d", os.path.join(root, "way"))
    os.symlink("a", os.path.join(root, "link"))


def random_program(seed: int, steps: int) -> list[Step]:
    """Steps: what to do, and how."""
    rng = random.Random(seed)
    return [_random_step(rng, 2) for _ in range(steps)]


def _random_step(rng: random.Random, depth: int) -> Step:
    what = rng.choice((
        *("open",) * 9, "rename", "rename", "exchange", "link", "symlink", "unlink", "truncate", "utime",
        "mkdir", "rmdir", "chdir", "mknod", "mapped", "tmpfile", "run", "inside", "inside",
    ))  # fmt: skip
    if what == "inside":
        inner = tuple(_random_step(rng, depth - 1) for _ in range(rng.randint(1, 5))) if depth else ()
        return what, rng.choice(("thread", "process")), inner
    if what in ("mkdir", "rmdir", "chdir"):
        return what, rng.choice(FOLDERS)
    one, two = rng.choice(NAMES), rng.choice(NAMES)
    if rng.random() < 0.15:
        one = rng.choice(FOLDERS)
    if what == "open":
        return what, one, rng.choice(FLAGS), rng.choice(("open", "openat", "openat2", "creat")), rng.random() < 0.5
    if what == "truncate":
        return what, one, rng.choice((0, 3)), rng.choice(("path", "descriptor"))
    if what == "link":
        return what, one, two, rng.choice((0, AT_SYMLINK_FOLLOW))
    if what == "rename":
        return what, one, two, rng.choice((0, 0, NOREPLACE))
    return what, one, two


libc = ctypes.CDLL(None, use_errno=True)


def checked(done: int) -> int:
    """Raises what a call of libc failed with."""
    if done < 0:
        raise OSError(ctypes.get_errno(), "")
    return done


def where(path: str, follow: bool = True) -> bytes:
    """The canonical path."""
    path = os.path.join(os.getcwd(), path)
    real = (
        os.path.realpath(path)
        if follow
        else os.path.join(os.path.realpath(os.path.dirname(path)), os.path.basename(path))
    )
    return os.fsencode(real)


def state(path: bytes | int, follow: bool = False) -> os.stat_result | None:
    """The file's, or none."""
    try:
        return os.stat(path) if follow or isinstance(path, int) else os.lstat(path)
    except OSError:
        return None


def told(
    kind: str, path: bytes, path2: bytes = b"", flags: int = 0, existed: bool | None = None, before: Any = None
) -> None:
    """One event."""
    fields = before and (
        before.st_dev, before.st_ino, before.st_size, before.st_mtime_ns, before.st_ctime_ns, before.st_mode
    )  # fmt: skip
    os.write(1, repr((kind, path, path2, flags, existed, fields)).encode() + b"\n")


def do_open(name: str, flags: int, how: str, writes: bool) -> None:
    if how == "creat":
        flags = os.O_CREAT | os.O_WRONLY | os.O_TRUNC
    path = where(name, not flags & os.O_NOFOLLOW and (flags & (os.O_CREAT | os.O_EXCL)) != os.O_CREAT | os.O_EXCL)
    before = state(path)
    if how == "creat":
        fd = checked(libc.creat(os.fsencode(name), 0o644))
    elif how == "openat2":
        mode = 0o644 if flags & os.O_CREAT else 0
        words = (ctypes.c_uint64 * 3)(flags, mode, 0)
        fd = checked(libc.syscall(437, AT_FDCWD, os.fsencode(name), words, 24))
    elif how == "openat":
        folder = os.open(os.path.dirname(name) or ".", os.O_PATH)
        try:
            fd = os.open(os.path.basename(name), flags, 0o644, dir_fd=folder)
        finally:
            os.close(folder)
    else:
        fd = os.open(name, flags, 0o644)
    try:
        now = os.fstat(fd)
        if not stat.S_ISREG(now.st_mode) or flags & os.O_PATH:
            return
        if not flags & CHANGES or (flags & CHANGES == os.O_CREAT and before):
            told("OPEN", path, flags=flags, before=before)
        else:
            told("WRITE", path, flags=flags, existed=before is not None, before=before)
        if writes and flags & os.O_ACCMODE != os.O_RDONLY:
            os.write(fd, b"more")
        elif writes:
            os.read(fd, 10)
    finally:
        os.close(fd)


def do_rename(one: str, two: str, flags: int) -> None:
    old, new = where(one, False), where(two, False)
    before, there = state(old), state(new)
    if flags:
        checked(libc.renameat2(AT_FDCWD, os.fsencode(one), AT_FDCWD, os.fsencode(two), flags))
    else:
        os.rename(one, two)
    if before and there and (before.st_dev, before.st_ino) == (there.st_dev, there.st_ino):
        return  # two names of one file: nothing has happened
    told("RENAME", old, new, flags=flags, before=before)


def do_exchange(one: str, two: str) -> None:
    do_rename(one, two, EXCHANGE)


def do_link(one: str, two: str, flags: int) -> None:
    old, new = where(one, bool(flags)), where(two, False)
    before = state(old)
    checked(libc.linkat(AT_FDCWD, os.fsencode(one), AT_FDCWD, os.fsencode(two), flags))
    if before and stat.S_ISREG(before.st_mode):
        told("LINK", old, new, before=before)


def do_symlink(one: str, two: str) -> None:
    new = where(two, False)
    os.symlink(one, two)
    told("SYMLINK", os.fsencode(one), new)


def do_unlink(one: str, _: str) -> None:
    path = where(one, False)
    before = state(path)
    os.unlink(one)
    told("UNLINK", path, before=before)


def do_truncate(name: str, length: int, how: str) -> None:
    path = where(name)
    before = state(path)
    if how == "path":
        os.truncate(name, length)
        told("TRUNCATE", path, flags=int(length > 0), before=before)
        return
    fd = os.open(name, os.O_WRONLY)
    told("WRITE", path, flags=os.O_WRONLY, existed=True, before=before)
    os.ftruncate(fd, length)
    os.close(fd)
    if not length:
        told("TRUNCATE", path, before=before)


def do_utime(name: str, _: str) -> None:
    path = where(name)
    before = state(path)
    os.utime(name, (1, 2))
    if before and stat.S_ISREG(before.st_mode):
        told("TIMES", path, flags=os.lstat(path).st_mtime_ns, before=before)


def do_mkdir(name: str) -> None:
    os.mkdir(name)


def do_rmdir(name: str) -> None:
    os.rmdir(name)


def do_chdir(name: str) -> None:
    os.chdir(name)


def do_mknod(name: str, _: str) -> None:
    path = where(name, False)
    os.mknod(name, stat.S_IFREG | 0o644)
    told("WRITE", path, flags=os.O_CREAT | os.O_EXCL | os.O_WRONLY, existed=False)


def do_mapped(name: str, _: str) -> None:
    path = where(name)
    before = state(path)
    fd = os.open(name, os.O_RDWR)
    told("WRITE", path, flags=os.O_RDWR, existed=True, before=before)
    try:
        if os.fstat(fd).st_size:
            with mmap.mmap(fd, 1) as view:
                told("MAP", path, before=before)
                view[0] = 33
    finally:
        os.close(fd)


def do_tmpfile(name: str, _: str) -> None:
    path = where(name, False)
    fd = os.open(os.path.dirname(name) or ".", os.O_TMPFILE | os.O_RDWR)
    try:
        os.write(fd, b"made\n")
        os.link(f"/proc/self/fd/{fd}", name, follow_symlinks=True)
        told("LINK", b"", path, before=os.fstat(fd))
    finally:
        os.close(fd)


def do_run(name: str, _: str) -> None:
    path = where(name)
    before = state(path)
    read, write = os.pipe()
    pid = os.fork()
    if not pid:
        try:
            os.execv(name if "/" in name else "./" + name, [name])
        except OSError:
            os.write(write, b"x")
        finally:
            os._exit(1)
    os.close(write)
    failed = os.read(read, 1)
    os.close(read)
    os.waitpid(pid, 0)
    if not failed:
        told("EXEC", path, before=before)


def do_inside(how: str, steps: tuple[Step, ...]) -> None:
    if how == "thread":
        thread = threading.Thread(target=perform, args=(steps,))
        thread.start()
        thread.join()
        return
    pid = os.fork()
    if not pid:
        try:
            perform(steps)
        finally:
            os._exit(0)
    os.waitpid(pid, 0)


def perform(steps: tuple[Step, ...] | list[Step]) -> None:
    """One step after the other; those that fail leave no trace."""
    for what, *words in steps:
        with contextlib.suppress(OSError, ValueError):
            globals()[f"do_{what}"](*words)


if __name__ == "__main__":
    perform(eval(sys.argv[1]))
