"""Where things are: the prefixes of paths that filters compare with, worked out once a job, and rules about directories."""

from __future__ import annotations

import os
from collections.abc import Callable

from roar.api.filters import FilterContext

Rule = Callable[[bytes], bool]


def inside(root: bytes) -> bytes:
    """The prefix of the paths below a directory."""
    return root if root.endswith(b"/") else root + b"/"


def home() -> bytes | None:
    """The user's home, canonical; None where there is none, or only ``/``."""
    found = os.path.expanduser(b"~")
    if not found.startswith(b"/"):
        return None
    found = os.path.realpath(found)
    return found if found != b"/" else None


def named_by(*variables: bytes, context: FilterContext) -> tuple[bytes, ...]:
    """Prefixes of the directories that environment variables name, canonical.

    One that holds the workspace or the home, or is the workspace, says nothing about the files in it and is left out.
    """
    at_home = home()
    prefixes = []
    for variable in variables:
        value = os.environb.get(variable, b"")
        if value.startswith(b"/"):
            prefix = inside(os.path.realpath(value))
            if not inside(context.root).startswith(prefix) and not (at_home and inside(at_home).startswith(prefix)):
                prefixes.append(prefix)
    return tuple(prefixes)


def by_directory(ends: tuple[bytes, ...], root: bytes, also: Rule | None = None) -> Rule:
    """A rule that holds for a file when it holds for any of the directories that it is in.

    Each directory is judged once.  The root and what is above it are not judged, so that a workspace in a directory called
    ``wandb`` is not taken for one.

    Args:
        ends: it holds for a directory (with a trailing slash) that ends in one of these: ``/site-packages/``.
        root: the workspace's root.
        also: or one for which this is true.
    """
    known = {b"": False, b"/": False, inside(root): False}

    def judge(directory: bytes) -> bool:
        unknown = []
        while (found := known.get(directory)) is None:
            unknown.append(directory)
            directory = directory[: directory.rfind(b"/", 0, -1) + 1]
        for below in reversed(unknown):
            found = known[below] = found or below.endswith(ends) or (also is not None and also(below))
        return found

    def rule(path: bytes) -> bool:
        directory = path[: path.rfind(b"/") + 1]
        found = known.get(directory)
        return judge(directory) if found is None else found

    return rule
