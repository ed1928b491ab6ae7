"""Symbolic links that a step went through: the record has where they led, and the clone has only those that are committed."""

from __future__ import annotations

import contextlib
import os
from collections.abc import Iterable, Iterator

from roar.reproduce.plan import Step


def make_links(step: Step, root: bytes, directory: bytes) -> None:
    """Makes the links of the recorded repository that lead to what the step read or wrote.

    A link that leads elsewhere by now is left out: what is behind it is not what was recorded.

    Args:
        step: about to be run.
        root: of the recorded repository.
        directory: the new one.
    """
    recorded = [*(one.path for one in step.inputs), *(one.path for one in step.outputs)]
    for link in _links(_directories([step.job.cwd + b"/.", *recorded], root)):
        place = directory + link[len(root) :]
        if os.path.lexists(place):
            continue
        target = os.path.realpath(link)
        if any(path == target or path.startswith(target + b"/") for path in recorded):
            text = os.readlink(link)
            if not (target == root or target.startswith(root + b"/")):
                text = target
            elif text.startswith(b"/"):
                text = directory + target[len(root) :]
            os.makedirs(os.path.dirname(place), exist_ok=True)
            with contextlib.suppress(FileExistsError):
                os.symlink(text, place)


def _directories(paths: Iterable[bytes], root: bytes) -> set[bytes]:
    """The directories of the repository that paths are in, and all above them."""
    found = {root}
    for path in paths:
        above = os.path.dirname(path)
        while above.startswith(root + b"/") and above not in found:
            found.add(above)
            above = os.path.dirname(above)
    return found


def _links(directories: Iterable[bytes]) -> Iterator[bytes]:
    for directory in sorted(directories):
        try:
            with os.scandir(directory) as entries:
                yield from [entry.path for entry in entries if entry.is_symlink()]
        except OSError:
            continue
