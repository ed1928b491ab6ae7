"""Which inputs are committed in git, and the content that git knows of a file that is no longer as it was read."""

from __future__ import annotations

import re
from collections.abc import Collection, Iterable, Mapping

from roar.api.events import FileStat
from roar.api.hashers import Hasher
from roar.api.records import GitState
from roar.workspace.gitprocess import ask

_MOST = 1000  # paths on one command line
_ENTRY = (  # of `git ls-files --stage --debug -z`
    rb"(?P<mode>\d{6}) (?P<blob>[0-9a-f]+) 0\t(?P<path>[^\0]*)\0"
    rb"\s*ctime: (?P<cs>\d+):(?P<cns>\d+)\s+mtime: (?P<s>\d+):(?P<ns>\d+)\s+dev: \d+\s+ino: (?P<ino>\d+)"
    rb"\s+uid: \d+\s+gid: \d+\s+size: (?P<size>\d+)\s+flags: [0-9a-f]+\n?"
)


class Tracked:
    """What git knows of the workspace's files.  git is asked when a question first needs it.

    Args:
        root: the top of the working tree, canonical.
        git: the repository when the run began; None: nothing is tracked.
        changed: paths relative to `root` whose content was not the commit's when the run began.
        started_ns: when that was.
    """

    def __init__(self, root: bytes, git: GitState | None, changed: Collection[bytes], started_ns: int) -> None:
        self._root = root
        self._prefix = root + b"/"
        self._git = git
        self._changed = frozenset(changed)
        self._started_ns = started_ns
        self._names: frozenset[bytes] | None = None

    def among(self, files: Mapping[bytes, FileStat | None]) -> set[bytes]:
        """Those files whose content, when they were read, was the commit's.

        Args:
            files: canonical path → the file when it was read.
        """
        start = len(self._prefix)
        # written after git had looked: what was read was not what git saw
        old = (p for p, s in files.items() if s is not None and s.mtime_ns <= self._started_ns)
        return {path for path in self.named(old) if path[start:] not in self._changed}

    def named(self, paths: Iterable[bytes]) -> list[bytes]:
        """Those of the paths that are committed, whatever their content is now."""
        start = len(self._prefix)
        below = [path for path in paths if path.startswith(self._prefix)]
        if not below or self._git is None:
            return []
        if self._names is None:
            self._names = frozenset(self._git_says("ls-files", "-z", "--cached").split(b"\0"))
        return [path for path in below if path[start:] in self._names]

    def digests(
        self, files: Mapping[bytes, FileStat], algorithms: tuple[str, ...], hashers: Mapping[str, type[Hasher]]
    ) -> dict[bytes, dict[str, str]]:
        """Digests of the contents that files had when they were read, by the object that git's index has for that state.

        The index keeps the time, inode and size with which git last saw a file equal to an object; a file that was read in
        that very state had that content.

        Args:
            files: canonical path → the file when it was read.
            algorithms: the digests wanted.
            hashers: algorithm → hasher.
        """
        wanted = {path: stat for path, stat in files.items() if path.startswith(self._prefix)}
        if not wanted or self._git is None:
            return {}
        start = len(self._prefix)
        found: dict[bytes, dict[str, str]] = {}
        paths = list(wanted)
        for i in range(0, len(paths), _MOST):
            names = [b":(literal)" + path[start:] for path in paths[i : i + _MOST]]
            listed = self._git_says("ls-files", "--stage", "--debug", "-z", "--", *names)
            for entry in re.finditer(_ENTRY, listed):
                path = self._prefix + entry["path"]
                stat = wanted.get(path)
                if stat is not None and _is_state(entry, stat):
                    content = self._git_says("cat-file", "blob", entry["blob"])
                    if (
                        content is not None and len(content) == stat.size
                    ):  # else a filter (LFS, line ends) stands between
                        found[path] = {name: _digest(hashers[name], content) for name in algorithms}
        return found

    def _git_says(self, *words: str | bytes) -> bytes:
        """What git answers; nothing when it fails: then nothing is known of these files, and that is all."""
        try:
            said = ask(self._root, [words])[0]
        except OSError:
            return b""
        return said.out if said.ok else b""


def _is_state(entry: re.Match[bytes], stat: FileStat) -> bool:
    mtime_ns = int(entry["s"]) * 10**9 + int(entry["ns"])
    ctime_ns = int(entry["cs"]) * 10**9 + int(entry["cns"])
    # the index keeps 32 bits of inode and size
    return (
        mtime_ns == stat.mtime_ns
        and ctime_ns == stat.ctime_ns
        and int(entry["ino"]) == stat.ino & 0xFFFFFFFF
        and int(entry["size"]) == stat.size & 0xFFFFFFFF
    )


def _digest(hasher: type[Hasher], content: bytes) -> str:
    digest = hasher.new()
    digest.update(content)
    return digest.hexdigest()
