"""Names as calls were given them, made canonical: the kernel tells the directory from which they are meant, the rest is resolved
here, a moment later.
"""

from __future__ import annotations

import os

_NO_NAMES = frozenset((b"", b".", b".."))


def path_of(walked: bytes) -> bytes:
    """The path that the kernel walked upwards: names with a NUL each, the last one first."""
    return b"/" + b"/".join(walked[:-1].split(b"\0")[::-1]) if walked else b"/"


class Names:
    """Remembers directories that are canonical: in them a name needs no look at the file system."""

    def __init__(self) -> None:
        self._canonical: set[bytes] = set()

    def forget(self) -> None:
        """A directory or a symbolic link was moved or made: what was canonical may be so no more."""
        self._canonical.clear()

    def entry(self, base: bytes, name: bytes) -> bytes:
        """A name with the links in its directory resolved, not that of the name itself.

        Args:
            base: the canonical directory from which it is meant; of an absolute name the process's root.
            name: what the call was given.
        """
        path = _joined(base, name).rstrip(b"/") or b"/"
        cut = path.rfind(b"/")
        folder, last = path[:cut], path[cut + 1 :]
        if last in _NO_NAMES:
            return os.path.realpath(path)
        if folder in self._canonical:
            return path
        real = os.path.realpath(folder or b"/").rstrip(b"/")
        if real == folder:
            if len(self._canonical) > 10_000:
                self._canonical.clear()
            self._canonical.add(folder)
        return real + b"/" + last

    def file(self, base: bytes, name: bytes) -> bytes:
        """A name with all links resolved."""
        return os.path.realpath(_joined(base, name))


def _joined(base: bytes, name: bytes) -> bytes:
    return base.rstrip(b"/") + b"/" + name.lstrip(b"/") if name else base
