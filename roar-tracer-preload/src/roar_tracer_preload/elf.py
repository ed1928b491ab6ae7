"""What the head of an ELF file says: machine, segments, notes (elf(5))."""

from __future__ import annotations

import os
import struct
from typing import NamedTuple

HEAD_BYTES = 4096
"""Program headers and notes are within these, in all but odd files."""
PT_LOAD, PT_DYNAMIC, PT_INTERP, PT_NOTE = 1, 2, 3, 4
PF_X = 1
X86_64, AARCH64 = 62, 183
MACHINES = {"x86_64": X86_64, "aarch64": AARCH64}

_HEADER_BYTES = 64
_CLASS_64 = 2
_PROGRAM_HEADER = struct.Struct("<IIQQQQQQ")
_MOST_DYNAMIC = 64 << 10
_DYNAMIC = struct.Struct("<QQ")
_DT_NEEDED, _DT_STRTAB = 1, 5
_GO_NOTE = struct.pack("<I", 4) + b"Go\0\0"  # type and name of the note that Go's linker writes


class Segment(NamedTuple):
    """A program header, as far as it is of interest."""

    kind: int
    flags: int
    offset: int
    address: int
    size: int


def is_elf(head: bytes) -> bool:
    """Whether a file that begins so is one."""
    return head.startswith(b"\x7fELF")


def machine(head: bytes) -> int | None:
    """The machine of a 64-bit little-endian file; None of any other."""
    if len(head) < _HEADER_BYTES or head[4] != _CLASS_64 or head[5] != 1:
        return None
    return int.from_bytes(head[18:20], "little")


def own_machine() -> int | None:
    """The machine of this computer's own programs."""
    return MACHINES.get(os.uname().machine)


def segments(head: bytes) -> list[Segment]:
    """The segments that `head` still tells of."""
    start, count = int.from_bytes(head[32:40], "little"), int.from_bytes(head[56:58], "little")
    found = []
    for at in range(start, start + count * _PROGRAM_HEADER.size, _PROGRAM_HEADER.size):
        if at + _PROGRAM_HEADER.size > len(head):
            break
        kind, flags, offset, address, _, size, _, _ = _PROGRAM_HEADER.unpack_from(head, at)
        found.append(Segment(kind, flags, offset, address, size))
    return found


def read_at(fd: int, offset: int, size: int, most: int) -> bytes:
    """Bytes of a file whose own numbers say where they are, which need not be true: empty where there are none."""
    if not 0 <= offset < 1 << 62:
        return b""
    return os.pread(fd, min(size, most), offset)


def needed(fd: int, head: bytes) -> list[bytes]:
    """The libraries that a file asks for, by name."""
    parts = segments(head)
    entries = [
        e
        for s in parts
        if s.kind == PT_DYNAMIC
        for e in _DYNAMIC.iter_unpack(_whole(read_at(fd, s.offset, s.size, _MOST_DYNAMIC)))
    ]
    tables = [s.offset + value - s.address for tag, value in entries if tag == _DT_STRTAB for s in parts
              if s.kind == PT_LOAD and s.address <= value < s.address + s.size]  # fmt: skip
    names = [value for tag, value in entries if tag == _DT_NEEDED]
    return [read_at(fd, tables[0] + name, 256, 256).split(b"\0", 1)[0] for name in names] if tables else []


def _whole(data: bytes) -> bytes:
    return data[: len(data) // _DYNAMIC.size * _DYNAMIC.size]


def is_go(head: bytes) -> bool:
    """Whether Go's linker made the file."""
    return any(s.kind == PT_NOTE and _has_go_note(head[s.offset : s.offset + s.size]) for s in segments(head))


def _has_go_note(notes: bytes) -> bool:
    at = 0
    while at + 16 <= len(notes):
        name, description = struct.unpack_from("<II", notes, at)
        if name == 4 and notes[at + 8 : at + 16] == _GO_NOTE:
            return True
        at += 12 + (name + 3 & ~3) + (description + 3 & ~3)
    return False
