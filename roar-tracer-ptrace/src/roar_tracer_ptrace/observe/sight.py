"""What a process means by a name, as far as the tracer can see; and what it can't see, said once."""

from __future__ import annotations

import os
import resource

from roar.api.events import Blind, Kind
from roar_tracer_ptrace.kernel import Memory
from roar_tracer_ptrace.observe.ledger import Ledger
from roar_tracer_ptrace.observe.names import Found, Identities, Names


class Sight:
    """Looks at processes and their files.

    Args:
        ledger: of the calls that may just be changing what is looked at.
    """

    def __init__(self, ledger: Ledger) -> None:
        self._ledger = ledger
        self._writer = ledger.writer
        self._told: set[tuple[str, bytes]] = set()
        self.memory = Memory()
        self.names = Names()
        self.identities = Identities()
        self._confined: set[int] = set()
        self._lowest_limit = resource.getrlimit(resource.RLIMIT_NOFILE)[0]

    def name(self, task: int, directory: int, address: int) -> bytes:
        """The name of a file by its address in the process's memory; see `Names.name`.  Raises OSError, as `Memory.string`."""
        return self.names.name(task, directory & 0xFFFFFFFF, self.memory.string(task, address))

    def find(self, task: int, name: bytes, follow: bool = True) -> Found | None:
        """See `Names.find`; a file that can't be named for sure is a blind spot."""
        found = self.look(task, name, follow)
        if found is not None and not found.is_certain:
            self.blind(Blind.NAMESPACE, task, found.path)
        return found

    def look(self, task: int, name: bytes, follow: bool = True) -> Found | None:
        """See `Names.find`; what other threads are just doing there is waited for."""
        if self._ledger.awaited:
            self._ledger.make_way(task, self.names.path(name))
        found = self.names.find(name, follow)
        if found is not None and self._ledger.awaited and self._ledger.make_way(task, found.path):
            found = self.names.find(name, follow)
        return found

    def of_descriptor(self, task: int, descriptor: int) -> Found | None:
        """The file behind a descriptor of the process."""
        return self.find(task, b"/proc/%d/fd/%d" % (task, descriptor & 0xFFFFFFFF))

    def may(self, task: int, path: bytes, mode: int) -> bool:
        """access(2) by the process."""
        return self.identities.may(task, path, mode)

    def may_leave_times(self, task: int, path: bytes) -> bool:
        """Whether an open with O_NOATIME would be allowed."""
        return self.identities.owns(task, path)

    def may_change(self, task: int, path: bytes) -> bool:
        """Whether names may be made or removed in the directory of a path."""
        return self.may(task, os.path.dirname(path) or b"/", os.W_OK | os.X_OK)

    def has_no_descriptor(self, task: int) -> bool:
        """Whether an open would fail for RLIMIT_NOFILE."""
        try:
            in_use = os.stat(f"/proc/{task}/fd").st_size  # their number, since Linux 6.2
            if in_use < self._lowest_limit:
                return False
            limit = _limit_of(task)
            return limit <= in_use and not set(range(limit)) - {int(fd) for fd in os.listdir(f"/proc/{task}/fd")}
        except OSError:
            return False

    def limits_differ(self) -> None:
        """Somebody has changed RLIMIT_NOFILE: each process is asked from now on."""
        self._lowest_limit = 0

    def confine(self, task: int) -> None:
        """A process puts itself, and all that it will start, under rules of Landlock, which can't be looked up."""
        self._confined.add(_family(task)[0])

    def is_confined(self, task: int) -> bool:
        """Whether the process, or one that it descends from, did."""
        while self._confined and task:
            process, task = _family(task)
            if process in self._confined:
                return True
        return False

    def blind(self, reason: str, task: int, path: bytes = b"") -> None:
        """Notes something that can't be seen, once for each program.

        Args:
            reason: of `journal.REASONS`.
            task: a thread of the program.
            path: the file or program; the task's program when empty.
        """
        if not path:
            try:
                path = os.readlink(b"/proc/%d/exe" % task)
            except OSError:
                path = b""
        if (reason, path) not in self._told:
            self._told.add((reason, path))
            self._writer.add(Kind.BLIND, task, path, reason=reason)


def _family(task: int) -> tuple[int, int]:
    """The process of a thread, and its parent; 0 when it is gone."""
    try:
        with open(f"/proc/{task}/status", "rb") as file:
            fields = dict(line.split(b":", 1) for line in file if line.startswith((b"Tgid:", b"PPid:")))
        return int(fields[b"Tgid"]), int(fields[b"PPid"])
    except (OSError, KeyError):
        return 0, 0


def _limit_of(task: int) -> int:
    try:
        return resource.prlimit(task, resource.RLIMIT_NOFILE)[0]
    except PermissionError:  # another user's process
        with open(f"/proc/{task}/limits", "rb") as file:
            return next(int(line.split()[3]) for line in file if line.startswith(b"Max open files"))
