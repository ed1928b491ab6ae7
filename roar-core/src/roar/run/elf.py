"""Which libraries programs load at their start, from their ELF headers: tracers that sit behind the loader don't see it work.

As ld.so(8) searches, without LD_LIBRARY_PATH, /etc/ld.so.conf and what is loaded by dlopen(3); 64-bit files of this machine's
byte order only.
"""

from __future__ import annotations

import os
import struct
from collections.abc import Iterable

from roar.run.lookups import Lookups

_PLACE = "objects"
_MOST = 256
"""Objects that are remembered."""

_LOAD, _DYNAMIC = 1, 2  # p_type, elf(5)
_NEEDED, _STRTAB, _STRSZ, _RPATH, _RUNPATH = 1, 5, 10, 15, 29  # d_tag, elf(5)
_MOST_BYTES = 1 << 20


def libraries(objects: Iterable[bytes], lookups: Lookups) -> set[bytes]:
    """The libraries that objects need, and those that these need, canonical.

    Args:
        objects: programs and shared objects; files that are neither need nothing.
        lookups: what is known of objects that have not changed.
    """
    known: dict[str, list[object]] = dict(lookups.get(_PLACE, 0) or {})
    found: set[bytes] = set()
    todo = list(objects)
    seen = set(todo)
    is_new = False
    while todo:
        path = todo.pop()
        name = os.fsdecode(path)
        try:
            ctime_ns = os.stat(path).st_ctime_ns
        except OSError:
            continue
        entry = known.get(name)
        if entry is None or entry[0] != ctime_ns:
            entry = known[name] = [ctime_ns, *map(os.fsdecode, _needed(path))]
            is_new = True
        for needed in entry[1:]:
            library = os.fsencode(str(needed))
            found.add(library)
            if library not in seen:
                seen.add(library)
                todo.append(library)
    if is_new:
        lookups.put(_PLACE, 0, dict(list(known.items())[-_MOST:]))
    return found


def _needed(path: bytes) -> list[bytes]:
    try:
        descriptor = os.open(path, os.O_RDONLY | os.O_CLOEXEC)
    except OSError:
        return []
    try:
        names, places = _dynamic(descriptor)
    except (OSError, struct.error, ValueError):  # no ELF file, or a damaged one
        return []
    finally:
        os.close(descriptor)
    origin = os.path.dirname(path)
    directories = [place.replace(b"${ORIGIN}", origin).replace(b"$ORIGIN", origin) for place in places]
    resolved = (_resolve(name, [*directories, *_default()]) for name in names)
    return [library for library in resolved if library is not None]


def _resolve(name: bytes, directories: Iterable[bytes]) -> bytes | None:
    for directory in directories:
        candidate = os.path.join(directory, name)
        if os.path.exists(candidate):
            return os.path.realpath(candidate)
    return None


def _default() -> list[bytes]:
    triplet = os.uname().machine.encode() + b"-linux-gnu"
    return [
        b"/lib/" + triplet,
        b"/usr/lib/" + triplet,
        b"/lib64",
        b"/usr/lib64",
        b"/lib",
        b"/usr/lib",
        b"/usr/local/lib",
    ]


def _dynamic(descriptor: int) -> tuple[list[bytes], list[bytes]]:
    """The names that an object needs, and where it wants them to be looked for.  Raises ValueError and struct.error."""
    header = os.pread(descriptor, 64, 0)
    if header[:6] != b"\x7fELF\x02\x01":
        raise ValueError("not a 64-bit little-endian ELF file")
    (offset,) = struct.unpack_from("<Q", header, 32)
    size, count = struct.unpack_from("<HH", header, 54)
    table = os.pread(descriptor, size * count, offset)
    segments = [struct.unpack_from("<IIQQQQ", table, number * size) for number in range(count)]
    dynamic = next((segment for segment in segments if segment[0] == _DYNAMIC), None)
    if dynamic is None:  # statically linked
        return [], []
    entries = list(struct.iter_unpack("<qQ", os.pread(descriptor, min(dynamic[5], _MOST_BYTES) // 16 * 16, dynamic[2])))
    values = dict(entries)
    text_at = values.get(_STRTAB, 0)
    start = next(
        (at + text_at - to for kind, _, at, to, _, size in segments if kind == _LOAD and to <= text_at < to + size), 0
    )
    strings = os.pread(descriptor, min(values.get(_STRSZ, 0), _MOST_BYTES), start)

    def text(at: int) -> bytes:
        return strings[at : strings.index(b"\0", at)]

    names = [text(value) for tag, value in entries if tag == _NEEDED]
    places = [
        place for tag, value in entries if tag in (_RUNPATH, _RPATH) for place in text(value).split(b":") if place
    ]
    return names, places
