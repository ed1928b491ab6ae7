"""Where a symbolic link led that the command has replaced since.

The shim asks the kernel for the real name of what was opened only where it must: a last name that is a link is left to the
reader to follow.  By then the job may have put another file in the link's place, or in its target's (``sed -i``).  So the shim
counts what is replaced, and tells where a link led before it goes.
"""

from __future__ import annotations

import os
import stat

from roar.api.events import Event, FileStat
from roar_tracer_preload.arena import Arena


class Links:
    """Gives reads the names that their links led to.

    Args:
        arena: what the shim writes.
    """

    def __init__(self, arena: Arena) -> None:
        self._arena = arena
        self._gone: dict[
            tuple[bytes, int, int], bytes
        ] = {}  # (link, device and inode of what it led to) → the name of that

    def followed(self, event: Event, final: bool) -> Event:
        """The read of a name as it was given, with the name that it led to where the file system may not tell any more.

        Args:
            event: OPEN, not resolved.
            final: nobody writes any more.
        """
        was = event.stat
        if was is None or not self._arena.replaced():
            return event
        try:
            now = os.lstat(event.path)
        except OSError:
            now = None
        if now is not None and stat.S_ISREG(now.st_mode) and (now.st_dev, now.st_ino) == (was.dev, was.ino):
            return event
        for record, link, target in self._arena.new_links(final):
            self._gone[_directory_resolved(link), record[9], record[10]] = target
        led_to = self._gone.get((_directory_resolved(event.path), was.dev, was.ino))
        if led_to is None and now is not None and stat.S_ISLNK(now.st_mode):
            led_to = os.path.realpath(event.path)
            if not _is(led_to, was) and self._arena.names_moved():
                return event  # else its target was replaced, and the link itself wasn't
        return event if led_to is None else event._replace(path=led_to, resolved=True)


def _is(path: bytes, was: FileStat) -> bool:
    try:
        now = os.stat(path)
    except OSError:
        return False
    return (now.st_dev, now.st_ino) == (was.dev, was.ino)


def _directory_resolved(path: bytes) -> bytes:
    directory, name = os.path.split(path)
    return os.path.join(os.path.realpath(directory), name)
