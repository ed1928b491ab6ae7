"""Which plugins are installed: the entry points of roar's groups, from a cached listing of the import path.

Reading the metadata of every installed distribution takes 100 ms in a large environment, and importlib.metadata alone
20 ms to import; so the directories of ``sys.path`` are looked through here, and what was found in each is kept in the
user's cache with the directory's modification time.  Installing, upgrading and uninstalling anything, editable or not,
makes or removes a ``.dist-info`` directory in one of them and so changes that time.

The format of entry_points.txt and of the directory names: packaging.python.org, "Entry points specification" and
"Recording installed projects".  Of two distributions of one name the first on the path counts, as for importlib.metadata.
"""

from __future__ import annotations

import os
import sys
import time
from collections.abc import Iterator, Sequence
from typing import NamedTuple

from roar.plugins.listing_cache import ListingCache, Watched

_PREFIX = "roar."
_SETTLED_NS = 2_000_000_000
"""A directory that changed less than this ago may change again without a new time (coarse clocks, network file systems)."""
_SMALL = 1000
"""A directory without distributions and with fewer names than this is as quickly looked through as looked up."""


class EntryPoint(NamedTuple):
    """A plugin that a distribution declares."""

    distribution: str
    version: str
    group: str
    """``roar.tracers`` …"""
    name: str
    value: str
    """The module that implements the hooks, as ``package.module`` or ``package.module:attribute``."""


def installed(path: Sequence[str] | None = None, cache: ListingCache | None = None) -> list[EntryPoint]:
    """Every entry point of roar's groups, in the order of the import path.

    Args:
        path: directories and archives to look through; ``sys.path`` by default.
        cache: where listings are kept; the user's cache by default.
    """
    cache = ListingCache.of_user() if cache is None else cache
    found: list[EntryPoint] = []
    distributions: set[str] = set()
    for entry in dict.fromkeys(sys.path if path is None else path):
        listed = _listed(entry, cache)
        fresh = {normalized(point.distribution) for point in listed} - distributions
        found += [point for point in listed if normalized(point.distribution) in fresh]
        distributions |= fresh
    cache.save()
    return found


def normalized(distribution: str) -> str:
    """A distribution's name as names are compared (PEP 503)."""
    return "-".join(word for word in distribution.lower().replace("_", "-").replace(".", "-").split("-") if word)


def _listed(entry: str, cache: ListingCache) -> list[EntryPoint]:
    try:
        directory = os.path.abspath(entry)
        stat = os.stat(directory)
    except (OSError, ValueError):  # not there, the working directory is gone, or not a path at all
        return []
    state = (stat.st_mtime_ns, stat.st_ino)
    rows = cache.get(directory, state)
    if rows is not None:
        return [EntryPoint(*row) for row in rows]
    now_ns = time.time_ns()
    worthwhile = True
    watched: list[Watched] = []
    try:
        if os.path.isdir(directory):
            names = sorted(os.listdir(directory))
            found = [point for name in names for point in _distribution(directory, name, watched)]
            worthwhile = len(names) >= _SMALL or bool(watched) or any(map(_is_metadata, names))
        else:
            found = list(_archived(directory))
    except OSError:
        return []
    if worthwhile and now_ns - stat.st_mtime_ns > _SETTLED_NS:
        cache.put(directory, state, [tuple(point) for point in found], watched)
    return found


def _is_metadata(name: str) -> bool:
    return name.endswith((".dist-info", ".egg-info", "EGG-INFO")) and not name.startswith("~")


def _distribution(directory: str, name: str, watched: list[Watched]) -> Iterator[EntryPoint]:
    """The entry points of one ``.dist-info``; legacy ``.egg-info`` directories are rewritten in place and so watched."""
    if not _is_metadata(name):
        return
    place = os.path.join(directory, name)
    points = os.path.join(place, "entry_points.txt")
    if not name.endswith(".dist-info") and os.path.isdir(place):
        watched.append(Watched.of(points))
    try:
        with open(points, encoding="utf-8") as file:
            text = file.read()
    except (OSError, UnicodeDecodeError):
        return
    if "[" + _PREFIX not in text:
        return
    distribution, version = _named(place, name)
    for group, key, value in _parse(text):
        yield EntryPoint(distribution, version, group, key, value)


def _parse(text: str) -> Iterator[tuple[str, str, str]]:
    group = ""
    for line in map(str.strip, text.splitlines()):
        if line.startswith("[") and line.endswith("]"):
            group = line[1:-1]
        elif group.startswith(_PREFIX) and "=" in line and not line.startswith(("#", ";")):
            key, _, value = line.partition("=")
            yield group, key.strip(), value.split("[")[0].strip()


def _named(place: str, name: str) -> tuple[str, str]:
    """Name and version from the metadata's first lines, or from the directory's name."""
    stem = name.rsplit(".", 1)[0]
    fields = {"name": stem.split("-")[0], "version": stem.partition("-")[2].split("-py")[0]}
    for file in ("METADATA", "PKG-INFO"):
        try:
            with open(os.path.join(place, file), encoding="utf-8", errors="replace") as lines:
                for line in lines:
                    key, colon, value = line.partition(":")
                    if not colon:
                        break
                    if key.lower() in fields:
                        fields[key.lower()] = value.strip()
            break
        except OSError:
            continue
    return fields["name"], fields["version"]


def _archived(archive: str) -> Iterator[EntryPoint]:
    """Entry points of the distributions inside a zip on the path."""
    from importlib.metadata import distributions

    for distribution in distributions(path=[archive]):
        for point in distribution.entry_points:
            if point.group.startswith(_PREFIX):
                name = distribution.metadata["Name"]
                yield EntryPoint(name, distribution.version, point.group, point.name, point.value)
