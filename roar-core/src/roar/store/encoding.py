"""How values are kept in columns, so that SQLite and PostgreSQL give back exactly what was given.

Both refuse lone surrogates (what bytes that are not UTF-8 become in Python's strings), PostgreSQL refuses NUL, and both
have signed integers only.
"""

from __future__ import annotations

import json
import zlib
from collections.abc import Iterable, Sequence
from typing import Any

from roar.api.filters import Direction

try:
    from _blake2 import blake2b  # what hashlib gives, without loading OpenSSL
except ImportError:
    from hashlib import blake2b


class Damaged(Exception):
    """A column holds what no roar has written."""


_EMPTY: dict[str | bytes, type[list[Any]] | type[dict[str, Any]]] = {"[]": list, "{}": dict}
_PLAIN, _ZLIB = b"\0", b"\1"
_WORTH_PACKING = 256


def to_text(value: str) -> str:
    """A string as printable ASCII, by the escapes of JSON.  The same string always gives the same text."""
    if value.isascii() and value.isprintable() and '"' not in value and "\\" not in value:
        return value
    return json.dumps(value)[1:-1]


def from_text(text: str) -> str:
    """The inverse of `to_text`."""
    if "\\" not in text:
        return text
    value: str = from_json(f'"{text}"')
    return value


def to_json(value: Any, sort_keys: bool = False) -> str:
    """JSON in ASCII."""
    return json.dumps(value, sort_keys=sort_keys, separators=(",", ":"))


def from_json(text: str | bytes) -> Any:
    """The inverse of `to_json`.  Raises `Damaged`."""
    try:
        empty = _EMPTY.get(text)  # as most lists of a job are
        return json.loads(text) if empty is None else empty()
    except (ValueError, TypeError) as error:
        raise Damaged(str(error)) from error


def to_signed(value: int) -> int:
    """An unsigned 64-bit integer as the signed one of the same bits."""
    if 0 <= value < 1 << 63:
        return value
    value &= 0xFFFF_FFFF_FFFF_FFFF
    return value - (1 << 64) if value >> 63 else value


def to_unsigned(value: int) -> int:
    """The inverse of `to_signed`."""
    return value & 0xFFFF_FFFF_FFFF_FFFF


def fits(value: int) -> bool:
    """Whether a signed integer fits in 64 bits: file times on some file systems reach further."""
    return -(1 << 63) <= value < 1 << 63


def pack(content: bytes) -> bytes:
    """A blob, compressed if that helps."""
    if len(content) >= _WORTH_PACKING:
        packed = zlib.compress(content, 3)
        if len(packed) < len(content):
            return _ZLIB + packed
    return _PLAIN + content


def unpack(blob: bytes) -> bytes:
    """The inverse of `pack`.  Raises `Damaged`."""
    try:
        return zlib.decompress(blob[1:]) if blob[:1] == _ZLIB else bytes(blob[1:])
    except (zlib.error, TypeError) as error:
        raise Damaged(str(error)) from error


def pack_files(files: Iterable[tuple[bytes, Direction]]) -> bytes:
    """A list of files, sorted by path.  A path has no NUL, which therefore ends it."""
    return pack(b"".join(path + b"\0" + direction[:1].encode() for path, direction in sorted(files)))


def unpack_files(blob: bytes) -> list[tuple[bytes, Direction]]:
    """The inverse of `pack_files`."""
    head, *rest = unpack(blob).split(b"\0")
    files: list[tuple[bytes, Direction]] = []
    for part in rest:
        files.append((head, "output" if part[:1] == b"o" else "input"))
        head = part[1:]
    return files


def key_of(*parts: bytes) -> bytes:
    """What a content is deduplicated by: the digest of its parts."""
    digest = blake2b(digest_size=16)
    for part in parts:
        digest.update(b"%d:" % len(part))
        digest.update(part)
    return digest.digest()


def digest_range(prefix: str) -> tuple[bytes, bytes | None] | None:
    """The digests that begin with `prefix` as a range: from the first to before the second (None: to the end).

    None when `prefix` is not hexadecimal.
    """
    nibbles = prefix.lower()
    if not nibbles or not set(nibbles) <= set("0123456789abcdef"):
        return None
    value, width, odd = int(nibbles, 16), (len(nibbles) + 1) // 2, len(nibbles) % 2
    low, high = value << 4 * odd, (value + 1) << 4 * odd
    return low.to_bytes(width, "big"), None if high >> 8 * width else high.to_bytes(width, "big")


def marks(values: Sequence[object]) -> str:
    """As many placeholders as there are values: ``?,?,?``."""
    return ",".join("?" * len(values))
