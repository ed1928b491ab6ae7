"""What needs no record: names of which an operation was recorded already and tells nothing new when it is done again."""

from __future__ import annotations

import os
from collections.abc import Callable

from roar_tracer_ptrace.calls import O_CHANGES

READ, ADD, REPLACE, RUN, FIXED = 1, 2, 4, 8, 16
"""Reading it, opening it for change, truncating it, executing it adds nothing; it is a device or the like, which nobody moves."""
ALL = READ | ADD | REPLACE | RUN | FIXED


def bits_of(flags: int) -> int:
    """What must be known of a file for an open(2) with these flags to add nothing.  The C loop has the same."""
    if not flags & O_CHANGES:
        return READ
    if flags & os.O_TRUNC:
        return REPLACE
    return (0, ADD, READ | ADD, READ | ADD)[flags & os.O_ACCMODE] or READ


class Known:
    """Names as programs gave them, made absolute, with what is known of each.

    Attributes:
        bits: by name, READ …
    """

    def __init__(self) -> None:
        self.bits: dict[bytes, int] = {}
        self._names: dict[bytes, list[bytes]] = {}  # canonical path → names that led to it and differ from it
        self._put: Callable[[bytes, int], object] | None = None
        self._clear: Callable[[], object] | None = None

    def mirror(self, put: Callable[[bytes, int], object], clear: Callable[[], object]) -> None:
        """Keeps a copy elsewhere: `put` is told of every change (bits 0 removes), `clear` when all go."""
        self._put = put
        self._clear = clear

    def add(self, name: bytes, path: bytes, bits: int) -> None:
        """From now on these operations on the file need no record.

        Args:
            name: absolute, as it was used; empty for none.
            path: canonical.
            bits: READ …
        """
        if not name:
            return
        if name != path:
            self._names.setdefault(path, []).append(name)
        bits |= self.bits.get(name, 0)
        self.bits[name] = bits
        if self._put is not None:
            self._put(name, bits)

    def drop(self, path: bytes) -> None:
        """The name means another file from now on, or none."""
        for name in (path, *self._names.pop(path, ())):
            if self.bits.pop(name, 0) and self._put is not None:
                self._put(name, 0)

    def clear(self) -> None:
        """Any name may mean another file from now on."""
        self.bits.clear()
        self._names.clear()
        if self._clear is not None:
            self._clear()
