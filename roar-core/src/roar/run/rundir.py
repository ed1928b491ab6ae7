"""The run directory: what is on disk while a command runs, so that no kill loses what was seen.

``.roar/runs/<uid>/`` holds ``lock`` (held by flock(2) as long as roar lives; the kernel lets go of it when roar dies,
however it dies; once the command has ended, its content says how), ``plan.json`` (what was started) and ``tracer/`` (the
tracer's own files).
"""

from __future__ import annotations

import contextlib
import fcntl
import json
import os
from pathlib import Path
from typing import Any, NamedTuple

from roar.api.process import Exit

_NOTE_BYTES = 512
"""Room in ``lock`` for how the command ended; less than a page, so that a kill can't tear it."""


class Running(NamedTuple):
    """A run that is going on."""

    uid: str
    plan: dict[str, Any]


class RunDir:
    """A run directory whose lock is held by this process.

    Attributes:
        path: the directory.
        journal: the tracer's directory in it.
        was_left: whether it was there still, at whatever place, when its lock was let go.
    """

    def __init__(self, path: Path, lock: int) -> None:
        self.path = path
        self.was_left = False
        self.journal = path / "tracer"
        self._lock = lock

    @classmethod
    def create(cls, runs: Path, uid: str, plan: dict[str, Any]) -> RunDir:
        """Makes the directory and writes the plan into it.  Raises OSError; nothing is left then."""
        path = runs / uid
        runs.mkdir(mode=0o700, exist_ok=True)
        hidden = runs / f".{uid}"  # nobody may take a directory for dead whose lock is not yet held
        hidden.mkdir(mode=0o700)
        try:
            lock = os.open(hidden / "lock", os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
            fcntl.flock(lock, fcntl.LOCK_EX)
            os.pwrite(lock, b" " * _NOTE_BYTES, 0)
            (hidden / "tracer").mkdir(mode=0o700)
            _write(hidden / "plan.json", plan)
            os.rename(hidden, path)
        except OSError:
            remove_tree(hidden)
            raise
        return cls(path, lock)

    @classmethod
    def claim(cls, path: Path) -> RunDir | None:
        """Takes over the directory of a run whose roar has died; None when it lives, or somebody else is taking it over."""
        try:
            lock = os.open(path / "lock", os.O_RDWR | os.O_CLOEXEC)
        except OSError:
            return None
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
            if os.fstat(lock).st_nlink:
                return cls(path, lock)
        except OSError:
            pass
        os.close(lock)
        return None

    def plan(self) -> dict[str, Any]:
        """What was started.  Raises OSError or ValueError when it can't be read."""
        plan: dict[str, Any] = json.loads((self.path / "plan.json").read_text())
        return plan

    def begin_again(self, plan: dict[str, Any]) -> None:
        """Another tracer is tried: the plan says which, and what the first one left is removed.  Raises OSError."""
        remove_tree(self.journal)
        self.journal.mkdir(mode=0o700)
        _write(self.path / "plan.json", plan)

    def note_exit(self, exit: Exit, ended_ns: int) -> None:
        """Writes down how the command ended: from here on the run is finished, and only its record is due.

        It goes over bytes that are there already, through a descriptor that is open: a disk that is full by now, or a
        directory that the command has moved or removed, doesn't keep the exit from being known.
        """
        note = json.dumps({"exit": list(exit), "ended_ns": ended_ns}).encode()
        with contextlib.suppress(OSError):  # as bad as a power cut: the run will be called interrupted
            os.pwrite(self._lock, note.ljust(_NOTE_BYTES), 0)

    def noted_exit(self) -> tuple[Exit, int] | None:
        """How the command ended and when, if roar lived to see it."""
        try:
            noted = json.loads(os.pread(self._lock, _NOTE_BYTES, 0))
            return Exit(*noted["exit"]), int(noted["ended_ns"])
        except (OSError, ValueError, KeyError, TypeError):
            return None

    def last_change_ns(self) -> int:
        """When the tracer last wrote something."""
        return max((entry.stat().st_mtime_ns for entry in (self.path, *self.journal.iterdir())), default=0)

    def remove(self) -> None:
        """Removes the directory, then lets go of the lock.  A kill leaves it whole, or hidden."""
        hidden = self.path.with_name("." + self.path.name)
        try:
            os.rename(self.path, hidden)
        except OSError:
            hidden = self.path
        remove_tree(hidden)
        self.release()

    def release(self) -> None:
        """Lets go of the lock and leaves the directory for recovery."""
        if self._lock >= 0:
            self.was_left = os.fstat(self._lock).st_nlink > 0
            os.close(self._lock)
            self._lock = -1


def _write(path: Path, content: dict[str, Any]) -> None:
    temporary = path.with_suffix(".new")
    with open(os.open(temporary, os.O_WRONLY | os.O_CREAT | os.O_TRUNC | os.O_CLOEXEC, 0o600), "w") as file:
        json.dump(content, file)
    os.rename(temporary, path)


def remove_tree(directory: Path | str) -> None:
    """Removes a directory and what is in it, as far as that is possible.  `shutil` would be a fortieth of roar's start to import."""
    with contextlib.suppress(OSError):
        for entry in list(os.scandir(directory)):
            if entry.is_dir(follow_symlinks=False):
                remove_tree(entry.path)
            else:
                with contextlib.suppress(OSError):
                    os.unlink(entry.path)
        os.rmdir(directory)


def candidates(runs: Path) -> list[Path]:
    """Every run directory, oldest first."""
    return _listed(runs, hidden=False)


def half_made(runs: Path) -> list[Path]:
    """Directories whose making or removal has not ended, or never will."""
    return _listed(runs, hidden=True)


def _listed(runs: Path, hidden: bool) -> list[Path]:
    dated: list[tuple[int, Path]] = []
    try:
        entries = list(os.scandir(runs))
    except OSError:
        return []
    for entry in entries:
        try:
            if entry.name.startswith(".") is hidden and entry.is_dir(follow_symlinks=False):
                dated.append((entry.stat().st_mtime_ns, Path(entry.path)))
        except OSError:
            continue  # just recorded and removed
    return [path for _, path in sorted(dated)]


def running(runs: Path) -> list[Running]:
    """The runs that are going on in a workspace, oldest first."""
    alive: list[Running] = []
    for path in candidates(runs):
        try:
            lock = os.open(path / "lock", os.O_RDONLY | os.O_CLOEXEC)
        except OSError:
            continue
        try:
            fcntl.flock(lock, fcntl.LOCK_SH | fcntl.LOCK_NB)
        except OSError:
            try:
                alive.append(Running(path.name, json.loads((path / "plan.json").read_text())))
            except (OSError, ValueError):
                continue
        finally:
            os.close(lock)
    return alive
