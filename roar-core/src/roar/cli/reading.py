"""What the commands that look at the record have in common: recovery first, the storage, and how the answer is printed."""

from __future__ import annotations

import os
import sys
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING

from roar.render.look import Look, look_of

if TYPE_CHECKING:
    from roar.api.storage import Storage
    from roar.context import Context
    from roar.lineage.states import Disk
    from roar.render.job import Place


@contextmanager
def opened(context: Context, read_only: bool = True) -> Iterator[Storage]:
    """The storage, to be read or to be changed, after interrupted runs were recorded.

    Raises:
        NotInitialized: there is no workspace.
        StorageUnusable: the store can't be read, or written.
    """
    recover_runs(context)
    storage = context.storage(read_only)
    try:
        yield storage
    finally:
        storage.close()


def recover_runs(context: Context) -> None:
    """Records the runs whose roar has died; looks first whether there can be one, as loading what it takes costs time."""
    try:
        with os.scandir(context.workspace.runs_dir) as entries:
            if next(entries, None) is None:
                return
    except OSError:
        return
    from roar.run.recover import recover

    recover(context)


def print_lines(lines: Iterable[str], look: Look | None = None) -> None:
    """Prints to stdout, on a terminal through a pager when it is long."""
    from roar.render.pager import page

    page(lines, look or look_of(sys.stdout))


def print_json(text: str | Iterable[str]) -> None:
    """Prints to stdout, never through a pager."""
    if sys.stdout is None:
        return
    if isinstance(text, str):
        sys.stdout.write(text + "\n")
        return
    for line in text:
        sys.stdout.write(line + "\n")


def disk(context: Context, thorough: bool = False) -> Disk:
    """For comparing what was recorded with what is on disk; a quick look unless `thorough`."""
    from roar.lineage.states import Disk

    if thorough:
        return Disk(context.plugins.hashers, None, None)
    return Disk(context.plugins.hashers)


def place(context: Context) -> Place:
    """Where the user is."""
    from roar.render.job import Place

    return Place(os.fsencode(context.workspace.root), cwd())


def cwd() -> bytes:
    """The working directory, canonical.  Raises RoarError when it was removed."""
    from roar.workspace.find import working_directory

    return os.fsencode(working_directory())
