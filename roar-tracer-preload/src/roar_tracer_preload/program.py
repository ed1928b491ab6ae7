"""What the first program of a run is: the runner starts it, so that no shim looks at it before (shim/program.c does for the rest)."""

from __future__ import annotations

import os
import stat
from typing import NamedTuple

from roar.api.events import Blind, Event, Kind
from roar_tracer_preload import elf
from roar_tracer_preload.events import SANITIZER, stat_of

_MAX_INTERPRETERS = 5  # fs/exec.c
_LOADERS = (b"ld-linux-", b"ld-musl-", b"ld64.so", b"ld-2.")
_FIRST = (b"libasan.so", b"libclang_rt.asan")  # end the program when another library was loaded before them


class First(NamedTuple):
    """What is known of the first program before it is started."""

    events: tuple[Event, ...]
    """EXEC of the program and OPEN of its interpreters; `pid` is still 0."""
    reason: str
    """Why the shim will be blind in it; empty: it won't."""


def examine(path: bytes) -> First:
    """Looks at a program as the kernel and the loader will.

    Args:
        path: absolute.
    """
    events: list[Event] = []
    reason = _examine(path, events, 0)
    if events:
        events[0] = events[0]._replace(reason=reason)
    return First(tuple(events), reason)


def _examine(path: bytes, events: list[Event], depth: int) -> str:
    try:
        status = os.stat(path)
    except OSError:
        return ""  # starting it will fail and say why
    if os.path.islink(path):
        path = os.path.realpath(path)  # the command may remove the link before anyone follows it again
    kind = Kind.OPEN if depth else Kind.EXEC
    events.append(Event(kind, 0, 0, path, existed=True if depth else None, stat=stat_of(status)))
    try:
        with open(path, "rb", buffering=0) as file:
            head = file.read(elf.HEAD_BYTES)
            needed = elf.needed(file.fileno(), head) if elf.is_elf(head) and elf.machine(head) is not None else []
    except OSError:
        return Blind.SETUID if _is_secure(path, status) else ""
    if head.startswith(b"#!") and depth < _MAX_INTERPRETERS:
        words = head[2:].split(b"\n", 1)[0].split()
        return _examine(words[0], events, depth + 1) if words else ""
    return _examine_elf(path, status, head, needed) if elf.is_elf(head) else ""


def _examine_elf(path: bytes, status: os.stat_result, head: bytes, needed: list[bytes]) -> str:
    if elf.machine(head) is None or elf.machine(head) != elf.own_machine():
        return Blind.FOREIGN
    if elf.is_go(head):
        return Blind.GO  # also when dynamic: its runtime calls the kernel directly
    loaders = [head[s.offset : s.offset + s.size] for s in elf.segments(head) if s.kind == elf.PT_INTERP]
    if not loaders:
        # a loader that is run as a program takes LD_PRELOAD for the one that it was given
        is_loader = os.path.basename(path).startswith(_LOADERS) and any(
            s.kind == elf.PT_DYNAMIC for s in elf.segments(head)
        )
        return "" if is_loader else Blind.STATIC
    loader = loaders[0].rstrip(b"\0").rsplit(b"/", 1)[-1]
    if loader and not loader.startswith(_LOADERS):
        return Blind.LOADER
    if any(name.startswith(_FIRST) for name in needed):
        return SANITIZER
    return Blind.SETUID if _is_secure(path, status) else ""


def _is_secure(path: bytes, status: os.stat_result) -> bool:
    """Whether the kernel will set AT_SECURE: see shim/program.c."""
    uid, gid = os.geteuid(), os.getegid()
    if status.st_mode & (stat.S_ISUID | stat.S_ISGID) and not os.statvfs(path).f_flag & os.ST_NOSUID:
        if status.st_mode & stat.S_ISUID:
            uid = status.st_uid
        if status.st_mode & stat.S_ISGID and status.st_mode & stat.S_IXGRP:
            gid = status.st_gid
    if uid != os.getuid() or gid != os.getgid():
        return True
    try:
        return os.getuid() != 0 and bool(os.getxattr(path, "security.capability"))
    except OSError:
        return False
