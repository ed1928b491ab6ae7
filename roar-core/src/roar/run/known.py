"""Digests that an earlier job took of a file in this very state: the record is the cache (HASH-3)."""

from __future__ import annotations

from collections.abc import Mapping

from roar.api.errors import StorageUnusable
from roar.api.events import FileStat
from roar.context import Context
from roar.run.digest import Digested

WORTH_LOOKING_UP = 256 << 10
"""Bytes; a smaller file is hashed in less time than it is looked up."""


def known(context: Context, files: Mapping[bytes, FileStat], algorithms: tuple[str, ...]) -> dict[bytes, Digested]:
    """What the record has of files.

    Args:
        context: the workspace's parts.
        files: canonical path → the file in the state that is meant.
        algorithms: the digests wanted; a file of which one is missing is left out.
    """
    if not files:
        return {}
    try:
        storage = context.storage(read_only=True)
    except StorageUnusable:
        return {}  # there is no record yet, or it can't be read: writing it will tell
    try:
        remembered = storage.known(files)
    finally:
        storage.close()
    found: dict[bytes, Digested] = {}
    for path, (stat, hashes) in remembered.items():
        meant = files[path]
        if stat.identical(meant) and all(name in hashes for name in algorithms):
            found[path] = Digested(algorithms, tuple(hashes[name] for name in algorithms), meant, None)
    return found
