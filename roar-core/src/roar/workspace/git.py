"""The repository's state: commit, branch, remote and uncommitted changes, asked for without waiting."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path
from typing import Literal, NamedTuple

from roar.api.errors import NotInGit, RoarError
from roar.workspace.gitprocess import GitProcess, Said, environment

ChangeKind = Literal["modified", "staged", "untracked", "deleted", "renamed", "conflicted", "submodule"]

_STATUS = (
    "status", "--porcelain=v2", "--branch", "--no-ahead-behind", "-z", "--untracked-files=all", "--ignore-submodules=none",
)  # fmt: skip
_CONFIG = ("config", "--null", "--get-regexp", r"^(remote\..*\.url|branch\..*\.remote)$")
_TOPLEVEL = ("rev-parse", "--show-toplevel")
_ELSEWHERE = (b"GIT_DIR", b"GIT_WORK_TREE")


class Change(NamedTuple):
    """A path that differs from the commit."""

    path: bytes
    """Relative to the repository's root; of a rename the new name; a nested repository without a trailing slash."""
    kind: ChangeKind


class GitStatus(NamedTuple):
    """The repository at one moment."""

    commit: str
    branch: str | None
    """None when detached."""
    remote: str | None
    """URL of the upstream's remote, else of ``origin``, as configured and without credentials."""
    root: bytes
    """The top of the working tree, canonical."""
    cwd: bytes
    """The working directory relative to `root`; empty at the root."""
    changes: tuple[Change, ...]
    """What is not committed, ignored files left out, in git's order: tracked paths, then untracked ones."""


class GitQuery:
    """git at work; made by `start`."""

    def __init__(self, root: bytes, cwd: bytes, running: list[GitProcess], failure: OSError | None) -> None:
        self._root = root
        self._cwd = cwd
        self._running = running
        self._failure = failure

    @classmethod
    def start(cls, root: Path, cwd: Path) -> GitQuery:
        """Starts what is to be known about a repository and returns at once; never raises.

        Args:
            root: the workspace's root, canonical.
            cwd: the working directory, canonical.
        """
        query = cls(os.fsencode(root), os.fsencode(cwd), [], None)
        env = environment()
        questions = [_STATUS, _CONFIG]
        if not os.path.lexists(root / ".git") or any(name in env for name in _ELSEWHERE):
            questions.append(_TOPLEVEL)  # as a rule the workspace's root is the repository's, and a process is saved
        try:
            for words in questions:
                query._running.append(GitProcess.start(query._root, words, env))
        except OSError as error:
            query._failure = error
        return query

    def result(self) -> GitStatus:
        """Waits for git.  To be called once.

        Raises:
            NotInGit: no repository, no commit yet, a bare one, one that git refuses to trust, or no git.
            RoarError: git failed otherwise; its own words are in the message.
        """
        said = [process.collect() for process in self._running]
        if self._failure is not None:
            raise git_unusable(self._failure)
        if not said[0].ok:
            raise explain(said[0], self._root)
        root = said[2].out.removesuffix(b"\n") if len(said) == 3 and said[2].ok else self._root
        commit, branch, changes = parse_status(said[0].out)
        if commit is None:
            raise no_commit()
        remote = remote_url(said[1].out, branch)
        return GitStatus(commit, branch, remote, root, _relative(self._cwd, root), changes)


def _relative(cwd: bytes, root: bytes) -> bytes:
    relative = os.path.relpath(cwd, root)
    return b"" if relative == b"." else relative


def parse_status(out: bytes) -> tuple[str | None, str | None, tuple[Change, ...]]:
    """Reads ``git status --porcelain=v2 --branch -z`` (git-status(1), "Porcelain Format Version 2").

    Headers and entries of a later git are passed over.

    Returns:
        The commit (None before the first one), the branch (None when detached) and the changes.
    """
    commit = branch = None
    changes: list[Change] = []
    entries = iter(out.split(b"\0"))
    for entry in entries:
        sort = entry[:2]
        if sort == b"? ":
            changes.append(Change(entry[2:].rstrip(b"/"), "untracked"))
        elif sort == b"1 ":
            _, xy, submodule, *_, path = entry.split(b" ", 8)
            changes.append(Change(path, _kind(xy, submodule)))
        elif sort == b"2 ":
            _, xy, submodule, *_, path = entry.split(b" ", 9)
            next(entries, None)  # the old name
            changes.append(Change(path, "submodule" if submodule[:1] == b"S" else "renamed"))
        elif sort == b"u ":
            changes.append(Change(entry.split(b" ", 10)[-1], "conflicted"))
        elif entry.startswith(b"# branch.oid "):
            oid = entry[13:]
            commit = None if oid == b"(initial)" else oid.decode("ascii", "replace")
        elif entry.startswith(b"# branch.head "):
            head = entry[14:]
            branch = None if head == b"(detached)" else os.fsdecode(head)
    return commit, branch, tuple(changes)


def _kind(xy: bytes, submodule: bytes) -> ChangeKind:
    if submodule[:1] == b"S":
        return "submodule"
    if b"D" in xy:
        return "deleted"
    return "staged" if xy[1:2] == b"." else "modified"


def remote_url(config: bytes, branch: str | None) -> str | None:
    """The remote that a branch belongs to, of ``git config --null``'s output: its upstream's, else ``origin``."""
    values: dict[str, str] = {}
    for name, value in _settings(config):
        values.setdefault(name, value)  # of several URLs git fetches from the first
    upstream = values.get(f"branch.{branch}.remote") if branch else None
    url = values.get(f"remote.{upstream}.url") if upstream else None
    url = url or values.get("remote.origin.url")
    if not url:
        return None
    from roar.workspace.secret_urls import without_credentials

    return without_credentials(url)


def _settings(config: bytes) -> Iterator[tuple[str, str]]:
    for entry in config.split(b"\0"):
        name, _, value = os.fsdecode(entry).partition("\n")
        if value:
            yield name, value


def not_in_git() -> NotInGit:
    """The error for a directory outside of any repository."""
    return NotInGit(
        "Not in a git repository.", 'Run: git init && git add -A && git commit -m "initial"\nThen: roar init'
    )


def no_commit() -> NotInGit:
    """The error for a repository before its first commit."""
    return NotInGit(
        "This git repository has no commit yet.", 'Run: git add -A && git commit -m "initial"\nThen: roar init'
    )


def git_unusable(error: OSError) -> NotInGit:
    """The error for a git that can't be started."""
    if isinstance(error, FileNotFoundError):
        return NotInGit(
            "git is not installed, or not on PATH.", "Install git (Debian, Ubuntu: apt install git) and try again."
        )
    return NotInGit(f"git can't be started: {error.strerror}.", "Check it with: git --version")


def explain(said: Said, directory: bytes) -> RoarError:
    """Why git could not work in a directory, as an error with its fix."""
    complaint = said.complaint
    if "dubious ownership" in said.err or "is owned by someone else" in said.err:
        from shlex import quote

        return NotInGit(
            "git refuses this repository because it belongs to another user.",
            f"If you trust it: git config --global --add safe.directory {quote(os.fsdecode(directory))}",
        )
    if "not a git repository" in complaint:
        if "(or any" in complaint and not os.path.lexists(os.path.join(directory, b".git")):
            return not_in_git()
        return NotInGit(f"git doesn't accept the .git here: {complaint}.", "See what is wrong: git status")
    if "must be run in a work tree" in complaint:
        return NotInGit(
            "This is a bare git repository: it has no working tree to run in.",
            "Clone it, and run roar in the clone: git clone PATH",
        )
    return RoarError(f"git can't read this repository: {complaint or 'it gave no reason'}", "Check it with: git fsck")
