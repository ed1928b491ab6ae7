"""How names, sizes and times are printed: harmless, short, the same everywhere."""

from __future__ import annotations

import os

_NAMED = {"\n": "\\n", "\r": "\\r", "\t": "\\t", "\x1b": "\\x1b", "\\": "\\"}

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
