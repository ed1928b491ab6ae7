"""The tracer: starts a command with the shim before libc, and reads what the shim writes."""

from __future__ import annotations

import os
import time
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import ClassVar, NamedTuple

from roar.api import process
from roar.api.errors import PreflightFailed
from roar.api.events import Blind, Event, Kind
from roar.api.tracer import BlindSpot, Capability, Coverage, Preflight, Traced, Tracer
from roar_tracer_preload import objects, place, preflight, program, survivors
from roar_tracer_preload.arena import (
    MAX_SEGMENTS,
    OBJECT,
    SEGMENT,
    Arena,
    NotAnArena,
    Record,
    RecordKind,
    create,
    starts_in,
)
from roar_tracer_preload.events import SANITIZER, event_of
from roar_tracer_preload.links import Links

_GRACE_S = 0.2
"""How long the last `events` waits for processes that outlive the command by a moment, such as a shell's ``>(tee log)``."""
_PAUSE_S = 0.005
_EXEC_TAKES_NS = 500_000_000
"""An exec that hasn't failed after so long has succeeded, if its process has had a processor since."""
_SMALLEST_LIMIT = 64 << 10


class Armed(NamedTuple):
    """A directory made ready for a run."""

    place: Path
    arena: str
    environment: dict[bytes, bytes]


def arm(journal: Path, environment: Mapping[bytes, bytes]) -> Armed:
    """Puts a copy of the library and an empty arena where programs can load them, and names them in LD_PRELOAD.

    A copy, not a link: the loader knows objects by their inode, and a run inside a run must be two objects.

    Raises:
        PreflightFailed: the library isn't built, or there is no directory to run from.
        OSError: the disk is full or not writable.
    """
    library = preflight.find_library()
    if library is None:
        raise PreflightFailed("preload", "the shared library isn't built", preflight.ENABLE)
    where = place.choose(journal)
    copy, arena = where / place.LIBRARY, where / place.ARENA
    fd = os.open(copy, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o500)
    with open(fd, "wb") as file:
        file.write(library.read_bytes())
    _create_within_limit(str(arena))
    preload, old = os.fsencode(copy), environment.get(b"LD_PRELOAD", b"")
    return Armed(where, str(arena), {**environment, b"LD_PRELOAD": preload + b":" + old if old else preload})


def _create_within_limit(arena: str) -> None:
    """Makes the arena as large as RLIMIT_FSIZE allows: it is never longer than this process may write."""
    import resource

    soft, _ = resource.getrlimit(resource.RLIMIT_FSIZE)
    limit = MAX_SEGMENTS * SEGMENT
    if soft != resource.RLIM_INFINITY:
        limit = min(limit, (soft - SEGMENT) // SEGMENT * SEGMENT if soft >= 2 * SEGMENT else soft - SEGMENT)
        if limit < _SMALLEST_LIMIT:
            raise PreflightFailed(
                "preload", f"files may not be larger than {soft} bytes here", "ulimit -f unlimited, or at least 4096"
            )
    create(arena, limit)


class PreloadTracer(Tracer):
    """Sees what dynamically linked programs do through libc.  No privilege, no system call an event."""

    name: ClassVar[str] = "preload"
    rank: ClassVar[int] = 200
    capabilities: ClassVar[frozenset[Capability]] = frozenset(
        {Capability.DEBUGGED, Capability.NO_PRIVILEGE, Capability.SURVIVES_KILL}
    )

    @classmethod
    def preflight(cls, deep: bool = False) -> Preflight:
        """The library is built; with `deep`, a trial run is seen."""
        return preflight.check(deep)

    @classmethod
    def enable(cls, confirm: Callable[[str], bool]) -> Preflight:
        """Builds the library into the package, or where that isn't writable among the user's data."""
        from roar_tracer_preload.enable import build_library

        build_library()
        return preflight.check(deep=True)

    @classmethod
    def disable(cls) -> None:
        """Removes the library from the user's data; the package keeps its own."""
        preflight.library_places()[1].unlink(missing_ok=True)

    def start(self, launch: process.Launch, journal: Path) -> Traced:
        """Starts the command; see `Tracer.start`."""
        executable = os.path.join(os.getcwdb(), launch.executable)
        first = program.examine(executable)
        try:
            armed = arm(journal, launch.env)
            arena = Arena(armed.arena)
        except OSError as error:
            place.leave(journal)
            why = f"the run directory can't be written: {error.strerror}"
            raise PreflightFailed(
                "preload", why, f"Free some space, or check its permissions: df -h {journal}"
            ) from error
        try:
            # it would complain about our library on its stderr, or end
            env = launch.env if first.reason in (Blind.FOREIGN, SANITIZER) else armed.environment
            child = process.spawn(launch, env)
        except BaseException:  # whatever it is, it goes on; only nothing half done is left
            arena.close()
            place.leave(journal)
            raise
        return _Run(arena, armed.arena, journal, child, executable, first)

    @classmethod
    def recover(cls, journal: Path) -> Traced | None:
        """Reads the arena of a run whose roar was killed."""
        path = place.find(journal) / place.ARENA
        try:
            return _Run(Arena(str(path)), str(path), journal)
        except (OSError, NotAnArena):
            place.leave(journal)
            return None


class _Run(Traced):
    """A run: going on, ended, or (without a child) recovered."""

    def __init__(
        self,
        arena: Arena,
        path: str,
        journal: Path,
        child: process.Child | None = None,
        executable: bytes = b"",
        first: program.First | None = None,
    ) -> None:
        self.pid = child.pid if child else 0
        self._child = child
        self._arena = arena
        self._path = path
        self._journal = journal
        self._over = child is None
        self._observed = 0
        self._pids: set[int] = set()
        self._unknown_pids = False
        self._due: dict[int, bytes] = {}  # processes that have begun a program, until its shim says START
        self._unseen: list[bytes] = []
        self._looked: dict[
            tuple[int, int], int
        ] = {}  # of execs that take long: what their processes had had of a processor
        self._links = Links(arena)
        self._objects = objects.ObjectScan(objects.memory_file())
        self._first = [event._replace(pid=self.pid) for event in first.events] if first else []
        if child:
            self._pids.add(child.pid)
            if first and not first.reason:
                self._due[child.pid] = executable

    def wait(self) -> process.Exit:
        """Waits for the command."""
        if self._child is None:
            raise ValueError("a recovered run has nobody to wait for")
        ended = process.wait(self._child)
        self._over = True
        return ended

    def events(self) -> Iterator[Event]:
        """The events since the last call."""
        final = self._over
        if final and self._child:
            yield from self._last_moments()
        yield from self._read(final)
        self._objects.look()

    def _last_moments(self) -> Iterator[Event]:
        """What is told until nobody is left, for a moment at most.

        A process may be told of after what it did itself, and stay behind what another is about to tell: so it is asked again.
        """
        until = time.monotonic() + _GRACE_S
        while True:
            yield from self._read(False)
            alive, left = self._alive(), until - time.monotonic()
            if left <= 0 or (not alive and self._arena.is_drained()):
                return
            if alive:
                survivors.wait_for(alive, left)
            else:  # somebody is about to tell how a call went
                time.sleep(min(left, _PAUSE_S))

    def _read(self, final: bool) -> Iterator[Event]:
        while self._first:
            self._observed += 1
            event = self._first.pop(0)
            self._objects.add(event)
            yield event
        for decoded in self._arena.records(final, self._is_settled):
            self._observed += 1
            record, path, _ = decoded
            if record[2] in _LIVES:
                self._follow(record, path)
            if record[2] == RecordKind.SPAWN and not path:
                continue  # into another directory: only the START knows the name
            if record[2] == RecordKind.LED:
                continue  # read ahead of the rest
            event = event_of(decoded)
            if event.kind == Kind.OPEN and not event.resolved:
                event = self._links.followed(event, final)
            if record[4] & OBJECT or event.kind == Kind.EXEC or event.kind == Kind.START:
                self._objects.add(event)
            yield event

    def _follow(self, record: Record, path: bytes) -> None:
        """Keeps account of who is alive, and of who should have said START."""
        kind, pid, flags = record[2], record[6], record[7]
        if kind == RecordKind.FORK:
            self._pids |= {pid, flags}
            self._unknown_pids |= flags == 0
        elif kind == RecordKind.START:
            self._pids.add(pid)
            self._due.pop(pid, None)
        else:
            runner = flags if kind == RecordKind.SPAWN else pid
            self._pids.add(runner)
            if runner in self._due:
                self._unseen.append(self._due.pop(runner))
            if not record[5]:
                self._due[runner] = path

    def _is_settled(self, record: Record, rest: bytes, at: int) -> bool:
        """Whether a record that is PENDING can be told now, or may still get its outcome."""
        kind, pid, time_ns = record[2], record[6], record[8]
        if kind == RecordKind.SPAWN_OPEN:
            return True  # nobody ever confirms it
        if kind == RecordKind.EXEC and (pid in starts_in(rest, at) or self._has_begun(pid, time_ns)):
            return True
        return not os.path.exists(f"/proc/{pid}")

    def _has_begun(self, pid: int, time_ns: int) -> bool:
        """Whether a process that has said at `time_ns` that it becomes another program must be it by now.

        On a busy machine it may be put aside for seconds in between, and fail then.
        """
        if abs(time.time_ns() - time_ns) <= _EXEC_TAKES_NS:
            return False
        state, had = survivors.work(pid)
        before = self._looked.setdefault((pid, time_ns), had)
        if state in b"RD" and had == before:
            return False
        del self._looked[pid, time_ns]
        return True

    def _alive(self) -> list[int]:
        return survivors.of(self._path, None if self._unknown_pids else self._pids)

    def finish(self) -> Coverage:
        """How much was seen."""
        unseen = dict.fromkeys([*self._unseen, *self._due.values()])
        dropped, torn = self._arena.dropped, self._arena.torn
        alive = tuple(self._alive())
        self._arena.close()
        self._objects.remember()
        place.leave(self._journal)
        blind = [BlindSpot(Blind.NOT_STARTED, path) for path in unseen]
        blind += [BlindSpot(Blind.RAW_SYSCALLS, path) for path in self._objects.found]
        return Coverage(
            observed=self._observed,
            dropped=dropped,
            blind=tuple(blind),
            survivors=alive,
            notes=(f"{torn} events were lost when a process was killed while it wrote them.",) if torn else (),
        )


_LIVES = frozenset({RecordKind.START, RecordKind.FORK, RecordKind.EXEC, RecordKind.SPAWN})
