"""The new directory: a clone of the repository in which commits and patches are checked out; the repository is only read."""

from __future__ import annotations

import contextlib
import errno
import os
import shlex
import shutil
import subprocess
from collections.abc import Mapping
from typing import NamedTuple

from roar.api.errors import NotFound, RoarError
from roar.reproduce.mapping import Mapping as Places

_NOT_THE_USERS = (
    "GIT_DIR", "GIT_WORK_TREE", "GIT_COMMON_DIR", "GIT_OBJECT_DIRECTORY", "GIT_INDEX_FILE", "GIT_NAMESPACE",
    "GIT_ALTERNATE_OBJECT_DIRECTORIES", "GIT_PREFIX",
)  # fmt: skip
_TAKEN_OVER = r"^(user\..*|filter\..*|lfs\..*|core\.(autocrlf|eol|symlinks))$"
_FULL = (os.strerror(errno.ENOSPC), os.strerror(errno.EDQUOT), "Out of diskspace")


class CodeState(NamedTuple):
    """What is checked out."""

    commit: str
    patch_of: int | None
    """Id of a job that has the patch of a dirty tree."""
    branch: str | None = None
    """Which was checked out: what steps write may name it."""


def git_environment() -> dict[str, str]:
    """The environment for a git that works in another repository than the user's."""
    kept = {name: value for name, value in os.environ.items() if name not in _NOT_THE_USERS}
    return kept | {"LC_ALL": "C", "GIT_TERMINAL_PROMPT": "0", "GIT_OPTIONAL_LOCKS": "0"}


class Checkout:
    """A clone.

    Args:
        root: of the repository.
        directory: the clone's top.
        patches: the patches of dirty trees by the id of a job that has one.
        places: of the recorded repository in the clone.
    """

    def __init__(self, root: bytes, directory: bytes, patches: Mapping[int, bytes], places: Places) -> None:
        self._root = root
        self._places = places
        self.directory = directory
        self._patches = patches
        self._state: CodeState | None = None

    @property
    def private(self) -> bytes:
        """Where what isn't part of the tree is kept: logs, the state of the reproduction, environments."""
        return self.directory + b"/.git/roar"

    def make(self, states: list[CodeState]) -> None:
        """Clones the repository.

        Args:
            states: all that will be checked out.

        Raises:
            NotFound: a commit is not in the repository.
            RoarError: git failed.
        """
        for commit in dict.fromkeys(state.commit for state in states):
            if not _git(self._root, "cat-file", "-e", f"{commit}^{{commit}}", ok=False):
                raise NotFound(
                    f"commit {commit[:7]} is not in the repository any more.",
                    f"Fetch it: git fetch origin {commit}",
                )
        is_ours = False
        try:
            if not os.path.isdir(self.directory):
                os.makedirs(self.directory)
                is_ours = True
            # not --shared: the clone must outlive what the user does to the repository; nor --local, which insists on links
            # where the new directory is on another file system
            _git(
                os.path.dirname(self.directory), "-c", "core.hooksPath=/dev/null", "-c", "clone.rejectShallow=false", "clone",
                "--quiet", "--no-checkout", "--", self._root, self.directory,
            )  # fmt: skip
            _git(self.directory, "config", "core.hooksPath", "/dev/null")
            _git(self.directory, "branch", "--unset-upstream", ok=False)  # a clone's own, which `git status` would tell
            self._take_over_settings()
            os.makedirs(self.private, exist_ok=True)
        except BaseException as error:  # half of a clone could neither be resumed nor begun again
            if is_ours:
                shutil.rmtree(self.directory, ignore_errors=True)
            if isinstance(error, OSError):
                raise RoarError(
                    f"{os.fsdecode(self.directory)} can't be made: {error.strerror}.",
                    "Choose another directory: -o DIR",
                ) from error
            raise

    def switch(self, state: CodeState, force: bool = False) -> None:
        """Checks out a commit and applies its patch.  What git doesn't track stays.

        Args:
            state: what is wanted.
            force: also when it is checked out already: changes of tracked files are undone.

        Raises:
            RoarError: git failed, or the patch doesn't apply.
        """
        if state == self._state and not force:
            return
        if force:
            with contextlib.suppress(FileNotFoundError):
                os.unlink(self.directory + b"/.git/index.lock")  # of a git that was killed with roar
        _git(self.directory, "reset", "--quiet", "--hard", ok=False)
        checkout = ("checkout", "--quiet", "--force")
        # there may be a branch `a` in the way of `a/b`
        if not (state.branch and _git(self.directory, *checkout, "-B", state.branch, state.commit, ok=False)):
            _git(self.directory, *checkout, "--detach", state.commit)
        if os.path.exists(self.directory + b"/.gitmodules"):
            self._update_submodules()
        if state.patch_of is not None:
            patch = self._patches[state.patch_of]
            if patch:
                _git(self.directory, "apply", "--index", "--binary", "--whitespace=nowarn", "-", given=patch)
        self._redirect_links()
        self._state = state

    def _redirect_links(self) -> None:
        """Makes committed links with the recorded repository's path lead to the same place of the clone, or steps work there."""
        for entry in _asked(self.directory, "ls-files", "--stage", "-z").split(b"\0"):
            if entry.startswith(b"120000 "):
                link = self.directory + b"/" + entry.partition(b"\t")[2]
                with contextlib.suppress(OSError):
                    place = self._places.path(os.readlink(link))
                    if place is not None:
                        os.unlink(link)
                        os.symlink(place, link)

    def _take_over_settings(self) -> None:
        """Those of the repository that say what a file is like when it is checked out, and who commits."""
        said = _asked(self._root, "config", "--local", "--null", "--get-regexp", _TAKEN_OVER)
        for entry in said.split(b"\0"):
            key, separator, value = entry.partition(b"\n")
            if key:
                _git(self.directory, "config", "--add", key, value if separator else "true")

    def _update_submodules(self) -> None:
        """Checks out the submodules, from the repository's own clones of them where it has them."""
        said = _asked(self.directory, "config", "--null", "--file", ".gitmodules", "--get-regexp", r"\.path$")
        for entry in said.split(b"\0"):
            key, _, path = entry.partition(b"\n")
            here = self._root + b"/" + path
            if path and os.path.lexists(here + b"/.git"):
                _git(self.directory, "config", key.removesuffix(b".path") + b".url", here)
        allow = ("-c", "protocol.file.allow=always")
        _git(self.directory, *allow, "submodule", "--quiet", "update", "--init", "--recursive", "--force", ok=False)


def _git(directory: bytes, *words: str | bytes, given: bytes | None = None, ok: bool = True) -> bool:
    try:
        done = subprocess.run(
            ["git", *words],
            cwd=directory,
            input=given,
            stdin=subprocess.DEVNULL if given is None else None,
            capture_output=True,
            env=git_environment(),
            check=False,
        )
    except FileNotFoundError:
        from roar.workspace.git import git_unusable

        raise git_unusable(FileNotFoundError()) from None
    if done.returncode and b"dubious ownership" in done.stderr:
        raise RoarError(
            f"git does not work in {os.fsdecode(directory)}: it belongs to another user.",
            f"If you trust it: git config --global --add safe.directory {shlex.quote(os.fsdecode(directory))}",
        )
    if done.returncode and ok:
        said = done.stderr.decode("utf-8", "surrogateescape").strip().splitlines()
        reason = next((line for line in said if line.startswith(("fatal:", "error:"))), "\n".join(said[-1:]))
        full = any(text in line for text in _FULL for line in said)
        raise RoarError(
            f"git failed in {os.fsdecode(directory)}: {reason or 'it gave no reason'}",
            f"Free some space: df -h {os.fsdecode(directory)}" if full else "Check the repository: git fsck",
        )
    return not done.returncode


def _asked(directory: bytes, *words: str) -> bytes:
    """What git answers; nothing when it fails."""
    done = subprocess.run(["git", *words], cwd=directory, capture_output=True, env=git_environment(), check=False)
    return done.stdout
