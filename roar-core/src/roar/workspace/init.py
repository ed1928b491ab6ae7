"""Making a workspace: `.roar` at the top of the working tree, ignored by git through its own exclude file."""

from __future__ import annotations

import contextlib
import fcntl
import os
from pathlib import Path
from typing import NamedTuple

from roar.api.errors import NotInGit, RoarError
from roar.render.text import command_text, printable
from roar.workspace.configfile import locked
from roar.workspace.find import LAYOUT, MARKER, Workspace, working_directory
from roar.workspace.git import explain, git_unusable, no_commit
from roar.workspace.gitprocess import Said, ask

_EXCLUDED = b".roar/"
_EXCLUDED_ALREADY = frozenset({b".roar", b".roar/", b"/.roar", b"/.roar/"})


class Initialised(NamedTuple):
    """What `initialise` found or made."""

    workspace: Workspace
    created: bool
    """False: it was there, complete, and nothing was changed."""


def initialise(start: Path | None = None) -> Initialised:
    """Makes the workspace of a directory's git working tree; one that is complete is left as it is.

    Half a workspace, left behind by a kill, is completed: the marker that `find` looks for is written last.

    Args:
        start: a directory in the working tree; the working directory by default.

    Raises:
        NotInGit: no git, no repository, no working tree, or no commit yet.
        RoarError: something in the way, or no permission; nothing was made.
    """
    directory = os.fsencode(working_directory() if start is None else start)
    top, exclude = _working_tree(directory)
    root = Path(os.path.realpath(os.fsdecode(top)))
    workspace = Workspace(root, root / ".roar")
    _refuse_what_is_in_the_way(workspace.roar_dir)
    marker = workspace.roar_dir / MARKER
    if marker.exists() and workspace.runs_dir.is_dir():
        return Initialised(workspace, False)
    made = not workspace.roar_dir.exists()
    try:
        workspace.roar_dir.mkdir(mode=0o700, exist_ok=True)
        with locked(workspace.roar_dir):
            _exclude(Path(os.fsdecode(exclude)))
            workspace.runs_dir.mkdir(mode=0o700, exist_ok=True)
            marker.write_text(LAYOUT + "\n")
    except OSError as error:
        if made:
            _take_back(workspace)
        raise _no_access(error, root) from error
    return Initialised(workspace, True)


def _working_tree(directory: bytes) -> tuple[bytes, bytes]:
    """The top of the working tree and git's exclude file."""
    questions = (
        ("rev-parse", "--is-inside-git-dir", "--is-bare-repository", "--is-inside-work-tree"),
        ("rev-parse", "--show-toplevel"),
        ("rev-parse", "--git-path", "info/exclude"),  # of a linked worktree the common one
        ("rev-parse", "--verify", "--quiet", "HEAD^{commit}"),
    )
    try:
        where, top, exclude, head = ask(directory, questions)
    except OSError as error:
        raise git_unusable(error) from error
    if not where.ok:
        raise explain(where, directory)
    _refuse_inside_git(where)
    if not top.ok or not exclude.ok:
        raise explain(exclude if top.ok else top, directory)
    if not head.ok:
        raise no_commit()
    return top.out.removesuffix(b"\n"), os.path.join(directory, exclude.out.removesuffix(b"\n"))


def _refuse_inside_git(where: Said) -> None:
    inside_git, bare, inside_tree = (word == b"true" for word in where.out.split())
    if bare:
        raise NotInGit(
            "This is a bare git repository: it has no working tree to run in.",
            "Clone it, and run roar in the clone: git clone PATH",
        )
    if inside_git and not inside_tree:
        raise NotInGit("This is the inside of a .git directory.", "Change to the working tree: cd ..")


def _refuse_what_is_in_the_way(roar_dir: Path) -> None:
    if roar_dir.is_symlink():
        raise RoarError(
            f"{printable(str(roar_dir))} is a symbolic link; roar needs a directory of its own there.",
            f"Remove the link: rm {_quoted(roar_dir)}",
        )
    if roar_dir.exists() and not roar_dir.is_dir():
        raise RoarError(
            f"{printable(str(roar_dir))} is in the way: it is not a directory.",
            f"Move it away: mv {_quoted(roar_dir)} {_quoted(roar_dir.with_name('.roar.old'))}",
        )


def _exclude(path: Path) -> None:
    """Adds `.roar/` to git's exclude file, once (gitignore(5))."""
    path.parent.mkdir(parents=True, exist_ok=True)
    fd = os.open(path, os.O_RDWR | os.O_CREAT | os.O_APPEND | os.O_CLOEXEC, 0o666)
    with os.fdopen(fd, "r+b") as file:
        fcntl.flock(file, fcntl.LOCK_EX)
        content = file.read()
        if any(line.strip() in _EXCLUDED_ALREADY for line in content.splitlines()):
            return
        file.write((b"" if content.endswith(b"\n") or not content else b"\n") + _EXCLUDED + b"\n")


def _take_back(workspace: Workspace) -> None:
    with contextlib.suppress(OSError):
        (workspace.roar_dir / MARKER).unlink(missing_ok=True)
        if workspace.runs_dir.exists():
            workspace.runs_dir.rmdir()
        workspace.roar_dir.rmdir()


def _no_access(error: OSError, root: Path) -> RoarError:
    path = os.fsdecode(error.filename) if error.filename else str(root)
    return RoarError(
        f"{printable(path)} can't be written: {error.strerror}.", f"Check it: ls -ld {_quoted(Path(path).parent)}"
    )


def _quoted(path: Path) -> str:
    return command_text([str(path)])
