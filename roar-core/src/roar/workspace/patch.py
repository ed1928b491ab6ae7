"""Uncommitted changes as a patch that `git apply` takes, made without touching the repository."""

from __future__ import annotations

import os
import shutil
import stat
import tempfile
from collections.abc import Sequence
from pathlib import Path

from roar.api.errors import RoarError
from roar.workspace.git import explain, git_unusable
from roar.workspace.gitprocess import GitProcess, Said, ask, environment

# Whatever the user's settings are, the patch is one that applies to a checkout of the commit.
_DIFF = (
    "-c", "core.quotePath=true", "diff", "--binary", "--full-index", "--no-color", "--no-ext-diff", "--no-textconv",
    "--no-renames", "--no-relative", "--unified=3", "--inter-hunk-context=0", "--src-prefix=a/", "--dst-prefix=b/",
    "--submodule=short", "--ignore-submodules=dirty", "HEAD", "--",
)  # fmt: skip
_EMPTY_BLOB = b"e69de29bb2d1d6434b8b29ae775ad8c2e48c5391"
_EMPTY_BLOB_SHA256 = b"473a0f4c3be8a93681a267e3b1e9a7dcda1185436fe141f7749120a303721813"


class Patch(bytes):
    """A patch.

    Attributes:
        omitted: the paths, relative to the root, of which the patch does not have the changes: new files beyond the limits
            or unreadable, nested repositories, and submodules with changes of their own.
    """

    omitted: tuple[bytes, ...] = ()


def patch(root: Path, untracked: Sequence[bytes], limit_bytes: int, file_limit_bytes: int | None = None) -> Patch:
    """Everything that is not committed, as one patch: ``git diff --binary HEAD`` and new files.

    It works on a copy of the index.  ``git apply --binary`` applies it at the top of a checkout of the commit.

    Args:
        root: the top of the working tree.
        untracked: the new files to take in, relative to the root.
        limit_bytes: how many bytes of new files together are taken in, small files first; changes of tracked files always are.
        file_limit_bytes: how many bytes a single new file may have; by default as `limit_bytes`.

    Raises:
        RoarError: git failed, or there is no room for the copy.
    """
    files, omitted = _affordable(
        root, untracked, limit_bytes, limit_bytes if file_limit_bytes is None else file_limit_bytes
    )
    try:
        with tempfile.TemporaryDirectory(prefix="roar-index-") as scratch:
            said = _diff(os.fsencode(root), os.path.join(scratch, "index"), files)
    except FileNotFoundError as error:
        raise git_unusable(error) from error
    except OSError as error:
        raise RoarError(
            f"The uncommitted changes can't be stored: {error.strerror}.",
            f"Make room in {tempfile.gettempdir()}, or commit them.",
        ) from error
    answer = Patch(said)
    answer.omitted = tuple(sorted([*omitted, *_dirty_submodules(root)]))
    return answer


def _affordable(
    root: Path, untracked: Sequence[bytes], limit_bytes: int, file_limit_bytes: int
) -> tuple[list[tuple[bytes, int]], list[bytes]]:
    """The files that fit, with their modes as git stores them, and the paths of the others."""
    prefix = os.fsencode(root) + b"/"
    omitted: list[bytes] = []
    candidates: list[tuple[int, bytes, int]] = []
    for path in untracked:
        try:
            found = os.lstat(prefix + path)
        except OSError:
            continue  # it went since it was listed
        if stat.S_ISLNK(found.st_mode):
            candidates.append((found.st_size, path, 0o120000))
        elif stat.S_ISREG(found.st_mode) and os.access(prefix + path, os.R_OK):
            candidates.append((found.st_size, path, 0o100755 if found.st_mode & 0o100 else 0o100644))
        else:
            omitted.append(path)
    files: list[tuple[bytes, int]] = []
    room = limit_bytes
    for size, path, mode in sorted(candidates):
        if size > min(room, file_limit_bytes):
            omitted.append(path)
        else:
            room -= size
            files.append((path, mode))
    return files, omitted


def _diff(root: bytes, index: str, files: Sequence[tuple[bytes, int]]) -> bytes:
    head, where = ask(root, [("rev-parse", "--verify", "HEAD^{commit}"), ("rev-parse", "--git-path", "index")])
    if not head.ok or not where.ok:
        raise explain(head if not head.ok else where, root)
    real_index = os.path.join(root, where.out.removesuffix(b"\n"))
    if os.path.lexists(real_index):
        _copy(real_index, index)
    env = environment({b"GIT_INDEX_FILE": os.fsencode(index)})
    if files:
        # An entry with no known state makes `git diff HEAD` read the file; nothing is written to the object store.
        oid = _EMPTY_BLOB if len(head.out.strip()) == len(_EMPTY_BLOB) else _EMPTY_BLOB_SHA256
        entries = b"".join(b"%o %s 0\t%s\0" % (mode, oid, path) for path, mode in files)
        update = ("update-index", "--add", "--replace", "-z", "--index-info")
        _succeeded(GitProcess.start(root, update, env, entries).collect(), root)
    return _succeeded(GitProcess.start(root, _DIFF, env).collect(), root).out


def _copy(index: bytes, target: str) -> None:
    """Copies an index with its time: a file that changed in the second in which it was added is known by that alone.

    Git looks into files that are not older than its index (https://git-scm.com/docs/racy-git).
    """
    with open(index, "rb") as source, open(target, "wb") as copy:
        state = os.fstat(source.fileno())
        shutil.copyfileobj(source, copy)
    os.utime(target, ns=(state.st_atime_ns, state.st_mtime_ns))


def _succeeded(said: Said, root: bytes) -> Said:
    if not said.ok:
        raise explain(said, root)
    return said


def _dirty_submodules(root: Path) -> list[bytes]:
    """Submodules whose own working trees have changes, which no patch of the repository above can hold."""
    query = ("status", "--porcelain=v2", "-z", "--untracked-files=no", "--ignore-submodules=none", "--no-renames")
    (said,) = ask(os.fsencode(root), [query])
    entries = (entry.split(b" ", 8) for entry in said.out.split(b"\0") if entry.startswith(b"1 "))
    return [entry[8] for entry in entries if entry[2][:1] == b"S" and entry[2][2:] != b".."]
