"""How a stream wants to be written to: colours, width, and which characters it can take."""

from __future__ import annotations

import os
from typing import IO, NamedTuple

_CODES = {"bold": "1", "dim": "2", "red": "31", "green": "32", "yellow": "33", "cyan": "36"}


class Look(NamedTuple):
    """What a stream can show."""

    terminal: bool
    """People read it as it appears; else it is a pipe or a file."""
    colour: bool
    unicode: bool
    width: int
    """Columns; 0 when lines may be of any length."""
    height: int = 0

    def paint(self, text: str, *styles: str) -> str:
        """The text in colours (``red``, ``bold`` …) where there are colours."""
        if not self.colour or not text:
            return text
        return f"\x1b[{';'.join(_CODES[style] for style in styles)}m{text}\x1b[0m"

    def sign(self, character: str, ascii_: str) -> str:
        """The character, or its plain stand-in when the stream can't encode it."""
        return character if self.unicode else ascii_


PLAIN = Look(terminal=False, colour=False, unicode=True, width=0)


def look_of(stream: IO[str] | None) -> Look:
    """Finds out what a stream can show.

    ``NO_COLOR`` (no-color.org) and ``TERM=dumb`` switch colours off; ``COLUMNS`` overrides the terminal's width.
    """
    if stream is None:
        return PLAIN
    encoding = (getattr(stream, "encoding", None) or "ascii").lower().replace("-", "").replace("_", "")
    unicode = encoding.startswith("utf")
    try:
        terminal = stream.isatty()
    except ValueError:  # a closed stream
        terminal = False
    if not terminal:
        return Look(terminal=False, colour=False, unicode=unicode, width=0)
    colour = not os.environ.get("NO_COLOR") and os.environ.get("TERM", "dumb") != "dumb"
    width, height = _terminal_size(stream)
    return Look(True, colour, unicode, max(width, 20), height)


def _terminal_size(stream: IO[str]) -> tuple[int, int]:
    try:
        size = os.get_terminal_size(stream.fileno())
        width, height = size.columns or 80, size.lines or 24
    except (OSError, ValueError):
        width, height = 80, 24
    columns = os.environ.get("COLUMNS", "")
    return (int(columns) if columns.isdecimal() and int(columns) else width), height
