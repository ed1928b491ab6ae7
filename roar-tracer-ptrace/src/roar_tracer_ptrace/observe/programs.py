"""What the kernel reads by itself when it executes a file: the interpreter of a script, the loader of a dynamic program."""

from __future__ import annotations

import os
import stat as modes
import struct

_HEAD = 4096
_INTERPRETED = 3  # PT_INTERP, elf(5)
DEPTH = 6
"""Scripts may be interpreted by scripts, four times (execve(2)); then there is the loader."""


def helper_of(path: bytes) -> bytes:
    """The name of what the kernel runs or loads instead of, or with, a file.

    Args:
        path: the file, as the tracer can open it.

    Returns:
        A script's interpreter or a dynamic program's loader, as it stands in the file; empty for a static program, and for what
        may be executed and not read.
    """
    try:
        with open(path, "rb", buffering=0) as file:
            head = file.read(_HEAD)
    except OSError:
        return b""
    if head[:2] == b"#!":
        words = head[2:].split(b"\n", 1)[0].split(None, 1)
        return words[0] if words else b""
    return _loader(head) if head[:4] == b"\x7fELF" else b""


def _loader(head: bytes) -> bytes:
    wide = head[4] == 2
    try:
        if wide:
            at, size, count = (
                struct.unpack_from(form, head, where)[0] for form, where in (("Q", 32), ("H", 54), ("H", 56))
            )
        else:
            at, size, count = (
                struct.unpack_from(form, head, where)[0] for form, where in (("I", 28), ("H", 42), ("H", 44))
            )
        for n in range(count):
            entry = at + n * size
            if struct.unpack_from("I", head, entry)[0] == _INTERPRETED:
                offset, length = (
                    (struct.unpack_from("Q", head, entry + 8)[0], struct.unpack_from("Q", head, entry + 32)[0])
                    if wide
                    else struct.unpack_from("I", head, entry + 4) + struct.unpack_from("I", head, entry + 16)
                )
                return head[offset : offset + length].rstrip(b"\0")
    except struct.error:
        pass
    return b""


def has_privileges(path: bytes) -> bool:
    """Whether executing a file would give other privileges than its caller has: set-id bits, file capabilities."""
    try:
        status = os.stat(path)
        if os.statvfs(path).f_flag & os.ST_NOSUID:
            return False
        if status.st_mode & modes.S_ISUID and status.st_uid != os.geteuid():
            return True
        if status.st_mode & modes.S_ISGID and status.st_mode & modes.S_IXGRP and status.st_gid != os.getegid():
            return True
        return bool(os.getxattr(path, "security.capability"))
    except OSError:
        return False
