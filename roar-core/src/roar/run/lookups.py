"""What was found in a place of the file system, kept on disk for as long as that place is as it was.

One JSON file in the user's cache.  Nothing depends on it: damaged, unreadable or not writable, it is as if it were empty.
"""

from __future__ import annotations

import contextlib
import json
import os
import time
from typing import Any

_VERSION = 1
_MOST_BYTES = 4 << 20
_MOST_PLACES = 64
_FRESH_NS = 2_000_000_000
"""ns.  A place that changed so lately may change again within one tick of its clock: what is found there isn't kept."""


class Lookups:
    """The cache.

    Args:
        path: the file; None for a cache that keeps nothing.
    """

    def __init__(self, path: str | None) -> None:
        self._path = path
        self._places: dict[str, Any] = {}
        self._changed = False
        if path is not None:
            self._places = _read(path)

    @classmethod
    def of_user(cls) -> Lookups:
        """The cache of this user."""
        from roar.plugins.listing_cache import user_cache

        directory = user_cache()
        return cls(None if directory is None else os.path.join(directory, "environment.json"))

    def get(self, place: str, state: int) -> Any:
        """What was found in a place that is still in `state`, as `put` takes it; None when that isn't known."""
        kept = self._places.get(place)
        return kept[1] if kept is not None and kept[0] == state else None

    def put(self, place: str, state_ns: int, found: Any) -> None:
        """Keeps what was found in a place.

        Args:
            place: a path.
            state_ns: when its inode was last changed, ns (``st_ctime_ns``): its modification time may be set back, by ``cp -p`` as well.
            found: a JSON value.
        """
        if time.time_ns() - state_ns > _FRESH_NS:
            self._places.pop(place, None)
            self._places[place] = [state_ns, found]
            self._changed = True

    def save(self) -> None:
        """Writes the cache if it changed, whole and in one step."""
        if self._path is None or not self._changed:
            return
        self._changed = False
        kept = dict(list(self._places.items())[-_MOST_PLACES:])
        text = json.dumps([_VERSION, kept], separators=(",", ":"))
        if len(text) > _MOST_BYTES:
            return
        temporary = f"{self._path}.{os.getpid()}.{time.time_ns()}"
        with contextlib.suppress(OSError):
            os.makedirs(os.path.dirname(self._path), mode=0o700, exist_ok=True)
            descriptor = os.open(temporary, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o600)
            try:
                with os.fdopen(descriptor, "w") as file:
                    file.write(text)
                os.replace(temporary, self._path)
            except OSError:
                os.unlink(temporary)


def _read(path: str) -> dict[str, Any]:
    try:
        descriptor = os.open(path, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC)
        with os.fdopen(descriptor, "rb") as file:
            state = os.fstat(descriptor)
            if state.st_uid != os.geteuid() or state.st_size > _MOST_BYTES:
                return {}
            version, places = json.loads(file.read(_MOST_BYTES))
    except (OSError, ValueError, TypeError):
        return {}
    if version != _VERSION or not isinstance(places, dict):
        return {}
    return {name: kept for name, kept in places.items() if isinstance(kept, list) and len(kept) == 2}
