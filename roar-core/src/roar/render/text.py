"""How names, sizes and times are printed: harmless, short, the same everywhere."""

from __future__ import annotations

import os
import time
from collections.abc import Callable, Sequence

_SAFE = frozenset("ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789@%+=:,./-_")
"""Characters that mean nothing to a shell."""

_NAMED = {"\n": "\\n", "\r": "\\r", "\t": "\\t"}

_INVISIBLE = frozenset(
    "\u00ad\u034f\u061c\u115f\u1160\u17b4\u17b5\u180e\u200b\u200c\u200d\u200e\u200f\u2028\u2029"
    "\u202a\u202b\u202c\u202d\u202e\u2060\u2061\u2062\u2063\u2064\u2066\u2067\u2068\u2069\u206a\u206b\u206c\u206d\u206e\u206f"
    "\ufeff\ufff9\ufffa\ufffb"
)
"""Characters that change the order or the look of what is around them: Unicode's bidi controls (UAX #9), line and paragraph
separators, zero-width characters."""


def printable(text: str | bytes) -> str:
    r"""A name or text as it can be shown anywhere: on one line, nothing in it that a terminal would obey.

    Args:
        text: bytes of a file name, or a string, whose surrogate escapes stand for bytes that are not UTF-8.

    Returns:
        The text with control characters, bidi and invisible characters as ``\n``, ``\x1b``, ``\u202e`` and bytes that
        are not UTF-8 as ``\xff``.
    """
    if isinstance(text, bytes):
        text = os.fsdecode(text)
    if text.isascii() and text.isprintable():
        return text
    return "".join(map(_shown, text))


def _shown(character: str) -> str:
    code = ord(character)
    if code >= 0x20 and code != 0x7F and not 0x80 <= code < 0xA0 and not 0xD800 <= code <= 0xDFFF:
        if character not in _INVISIBLE and (character.isprintable() or character == "\u3000"):
            return character
        return f"\\u{code:04x}" if code <= 0xFFFF else f"\\U{code:08x}"
    if 0xDC80 <= code <= 0xDCFF:  # a byte that os.fsdecode could not read
        return f"\\x{code - 0xDC00:02x}"
    return _NAMED.get(character) or (f"\\u{code:04x}" if code > 0xFF else f"\\x{code:02x}")


def command_text(words: Sequence[str]) -> str:
    """A command as one could type it: words that a shell would take apart are quoted, odd characters escaped as ``$'…'``."""
    return " ".join(map(_quoted, words))


def _quoted(word: str) -> str:
    if word and _SAFE.issuperset(word):
        return word
    shown = printable(word)
    if shown != word:
        return "$'" + shown.replace("'", "\\'") + "'"
    return "'" + word.replace("'", "'\"'\"'") + "'"


def shown_path(path: bytes, root: bytes, cwd: bytes) -> str:
    """A path as the user would type it: relative to the directory they are in when it is in the workspace, else absolute.

    Args:
        path: absolute.
        root: of the workspace.
        cwd: the user's directory, absolute.
    """
    inside = path == root or path.startswith(root.rstrip(b"/") + b"/")
    if inside and (cwd == root or cwd.startswith(root.rstrip(b"/") + b"/")):
        return printable(os.path.relpath(path, cwd))
    return printable(path)


def size_text(size: int | None) -> str:
    """``0 B``, ``999 B``, ``1.2 kB``, ``34 MB``: decimal units, two or three figures; ``?`` for None."""
    if size is None:
        return "?"
    if size < 1000:
        return f"{size} B"
    value = float(size)
    for unit in ("kB", "MB", "GB", "TB", "PB"):
        value /= 1000
        if value < 999.5:
            return f"{value:.1f} {unit}" if value < 9.95 else f"{value:.0f} {unit}"
    return f"{value / 1000:.1f} EB"


def duration_text(seconds: float) -> str:
    """``3 ms``, ``1.2 s``, ``4 min 05 s``, ``2 h 03 min``, ``3 d 4 h``; a negative one (the clock was set back) counts as 0."""
    if seconds < 0.9995:
        return f"{max(seconds, 0) * 1000:.0f} ms"
    if seconds < 9.95:
        return f"{seconds:.1f} s"
    whole = round(seconds)
    if whole < 60:
        return f"{whole} s"
    if whole < 3600:
        return f"{whole // 60} min {whole % 60:02} s"
    minutes = whole // 60
    if minutes < 24 * 60:
        return f"{minutes // 60} h {minutes % 60:02} min"
    return f"{minutes // 1440} d {minutes % 1440 // 60} h"


def time_text(time_ns: int) -> str:
    """A moment in the local time zone, to the second: ``2026-11-23 12:43:04``."""
    return _formatted("%Y-%m-%d %H:%M:%S", time_ns, time.localtime)


def iso_time(time_ns: int) -> str:
    """A moment as ISO 8601 in UTC, to the microsecond: ``2026-11-23T12:43:04.123456Z``."""
    fraction = time_ns % 1_000_000_000 // 1000
    return _formatted("%Y-%m-%dT%H:%M:%S", time_ns, time.gmtime) + f".{fraction:06}Z"


def _formatted(pattern: str, time_ns: int, convert: Callable[[float], time.struct_time]) -> str:
    try:
        return time.strftime(pattern, convert(time_ns // 1_000_000_000))
    except (OverflowError, ValueError, OSError):  # a clock that was set to an impossible year
        return time.strftime(pattern, convert(0))


def plural(count: int, one: str, many: str | None = None) -> str:
    """``1 input``, ``2 inputs``, ``1 200 inputs``."""
    return f"{count:,} ".replace(",", " ") + (one if count == 1 else many or f"{one}s")


def shortened(text: str, width: int, mark: str = "…") -> str:
    """The text cut to a width in terminal columns; `mark` at the end says that something was cut."""
    if columns(text) <= width:
        return text
    kept: list[str] = []
    left = width - len(mark)
    for character in text:
        left -= _column(character)
        if left < 0:
            break
        kept.append(character)
    return "".join(kept) + mark if width >= len(mark) else ""


def columns(text: str) -> int:
    """How many columns of a terminal the text takes."""
    return len(text) if text.isascii() else sum(map(_column, text))


def padded(text: str, width: int) -> str:
    """The text filled up with spaces to a width in columns."""
    return text + " " * (width - columns(text))


def _column(character: str) -> int:
    if character < "\u0300":
        return 1
    import unicodedata

    if unicodedata.combining(character):
        return 0
    return 2 if unicodedata.east_asian_width(character) in "WF" else 1
