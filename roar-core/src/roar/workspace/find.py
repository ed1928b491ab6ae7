"""Finding the workspace that a directory belongs to, by looking upwards; no process is started."""

from __future__ import annotations

import os
from pathlib import Path
from stat import S_ISDIR
from typing import NamedTuple

from roar.api.errors import NotInitialized, RoarError

MARKER = "workspace"
"""The file in `.roar` that `roar init` writes last; its content is the layout's version."""

LAYOUT = "1"


class Workspace(NamedTuple):
    """A directory in which runs are recorded."""

    root: Path
    """Canonical; what `.roar` and, as a rule, `.git` are in."""
    roar_dir: Path

    @property
    def runs_dir(self) -> Path:
        """Where runs that are not yet recorded have their directories."""
        return self.roar_dir / "runs"

    @property
    def config_path(self) -> Path:
        """The workspace's settings; the file need not exist."""
        return self.roar_dir / "config.toml"


def find(start: Path | None = None) -> Workspace:
    """The workspace of a directory: the nearest `.roar` at or above it, within the git repository that it belongs to.

    A `.roar` counts when it is a directory (not a symbolic link) that `roar init` made, or that is beside a `.git`.  The
    search ends where another repository begins, since its commits would say nothing about the files below it: a nested
    clone and a linked worktree need a `roar init` of their own.  A submodule belongs to the repository above it.

    Args:
        start: where to begin; the working directory by default.

    Raises:
        NotInitialized: there is none.
        RoarError: the working directory was deleted.
    """
    directory = working_directory() if start is None else os.path.realpath(start)
    while True:
        roar_dir = os.path.join(directory, ".roar")
        git = os.path.join(directory, ".git")
        if _is_directory(roar_dir) and (os.path.lexists(git) or os.path.lexists(os.path.join(roar_dir, MARKER))):
            return Workspace(Path(directory), Path(roar_dir))
        above = os.path.dirname(directory)
        if above == directory or (os.path.lexists(git) and not _is_submodule(git)):
            raise NotInitialized()
        directory = above


def working_directory() -> str:
    """The canonical path of the working directory.

    Raises:
        RoarError: it was deleted.
    """
    try:
        return os.getcwd()
    except OSError as error:
        raise RoarError("The current directory no longer exists.", "Change to one that does: cd ~") from error


def _is_directory(path: str) -> bool:
    try:
        return S_ISDIR(os.lstat(path).st_mode)
    except OSError:
        return False


def _is_submodule(git: str) -> bool:
    """Whether a `.git` is a file that points into the modules of the repository above (gitrepository-layout(5))."""
    try:
        with open(git, "rb") as file:
            return b"/modules/" in file.read(4096)
    except OSError:
        return False
