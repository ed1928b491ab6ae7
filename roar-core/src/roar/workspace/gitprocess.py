"""Starting git without waiting for it, and collecting what it said."""

from __future__ import annotations

import os
import signal
from collections.abc import Iterable, Mapping, Sequence
from typing import Any, NamedTuple

_SETTINGS = {
    b"GIT_OPTIONAL_LOCKS": b"0",  # many runs at once must not fight for index.lock, nor change the index
    b"GIT_TERMINAL_PROMPT": b"0",
    b"GIT_PAGER": b"cat",
    b"LC_ALL": b"C",  # messages are read
}
_RELATIVE_TO_CWD = (b"GIT_DIR", b"GIT_WORK_TREE", b"GIT_COMMON_DIR", b"GIT_OBJECT_DIRECTORY")


class Said(NamedTuple):
    """What a git process left behind."""

    ok: bool
    out: bytes
    err: str

    @property
    def complaint(self) -> str:
        """The line that says why it failed, without its prefix; empty when there is none."""
        lines = self.err.splitlines()
        for prefix in ("fatal: ", "error: "):
            for line in lines:
                if line.startswith(prefix):
                    return line.removeprefix(prefix)
        return lines[-1] if lines else ""


class GitProcess:
    """A git that is running.

    Its output goes to memory of the kernel's (memfd_create(2)) and not through a pipe, so that it never waits for its reader.
    """

    def __init__(self, pid: int, out: int, err: int) -> None:
        self._pid = pid
        self._out = out
        self._err = err

    @classmethod
    def start(
        cls,
        directory: str | bytes,
        words: Sequence[str | bytes],
        env: Mapping[bytes, bytes],
        given: bytes | None = None,
    ) -> GitProcess:
        """Starts ``git -C directory words…``.

        posix_spawn(3) and not `subprocess`, whose import takes half as long as the start of Python.

        Args:
            directory: where git works.
            words: the subcommand and its arguments.
            env: its whole environment, see `environment`.
            given: its standard input; none by default.

        Raises:
            OSError: git can't be started.
        """
        files = [_scratch("git-out"), _scratch("git-err")]
        actions: list[tuple[Any, ...]] = [(os.POSIX_SPAWN_DUP2, files[0], 1), (os.POSIX_SPAWN_DUP2, files[1], 2)]
        if given is None:
            actions.append((os.POSIX_SPAWN_OPEN, 0, os.devnull, os.O_RDONLY, 0))
        else:
            files.append(_scratch("git-in", given))
            actions.append((os.POSIX_SPAWN_DUP2, files[2], 0))
        try:
            argv = ["git", "-C", directory, *words]
            pid = os.posix_spawnp(
                "git", argv, env, file_actions=actions, setsigdef=(signal.SIGPIPE, signal.SIGXFSZ, signal.SIGCHLD)
            )
        except OSError:
            for fd in files:
                os.close(fd)
            raise
        if given is not None:
            os.close(files[2])
        return cls(pid, files[0], files[1])

    def collect(self) -> Said:
        """Waits for its end.  To be called once."""
        try:
            status: int | None = os.waitpid(self._pid, 0)[1]
        except ChildProcessError:  # roar was started with SIGCHLD ignored: waited for, and its status is lost
            status = None
        out, err = _content(self._out), os.fsdecode(_content(self._err))
        failed = err.startswith(("fatal: ", "error: ")) if status is None else status != 0
        return Said(not failed, out, err)


def environment(extra: Mapping[bytes, bytes] | None = None) -> dict[bytes, bytes]:
    """The environment of this process as git is to have it.

    ``GIT_DIR`` and the like are respected, and made absolute because git is started with ``-C``.
    """
    env = {**os.environb, **_SETTINGS}
    for name in _RELATIVE_TO_CWD:
        if name in env:
            env[name] = os.path.abspath(env[name])
    return {**env, **(extra or {})}


def ask(directory: str | bytes, queries: Iterable[Sequence[str | bytes]]) -> list[Said]:
    """Runs several git commands at once and waits for all.

    Raises:
        OSError: git can't be started.
    """
    env = environment()
    running: list[GitProcess] = []
    try:
        for words in queries:
            running.append(GitProcess.start(directory, words, env))
    finally:
        said = [process.collect() for process in running]
    return said


def _scratch(name: str, content: bytes = b"") -> int:
    """A descriptor of a file without a name; above 2, so that it can't be taken for a standard stream that was closed."""
    fd = os.memfd_create(name)
    if fd <= 2:
        from fcntl import F_DUPFD_CLOEXEC, fcntl

        low, fd = fd, fcntl(fd, F_DUPFD_CLOEXEC, 3)
        os.close(low)
    written = 0
    while written < len(content):
        written += os.write(fd, content[written:])
    os.lseek(fd, 0, os.SEEK_SET)
    return fd


def _content(fd: int) -> bytes:
    try:
        size = os.fstat(fd).st_size
        parts, position = [], 0
        while position < size and (part := os.pread(fd, size - position, position)):
            parts.append(part)
            position += len(part)
        return b"".join(parts)
    finally:
        os.close(fd)
