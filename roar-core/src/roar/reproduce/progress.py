"""What a reproduction has done so far, in its directory, so that the next attempt goes on where this one was killed."""

from __future__ import annotations

import contextlib
import errno
import fcntl
import itertools
import json
import os
import threading
import time
from collections.abc import Callable
from typing import Any

from roar.api.errors import Refused, RoarError
from roar.reproduce.children import end_session
from roar.reproduce.plan import Plan
from roar.reproduce.results import StepResult, from_json, to_json

_VERSION = 1
_ATTEMPTS = 10


class Progress:
    """The journal: a line of JSON for what it is about, for each command that is started and each step that is over.

    Attributes:
        done: uid → result, of the steps that are over.
    """

    def __init__(self, path: bytes) -> None:
        self._path = path
        self._journal: int | None = None
        self._lock = threading.Lock()  # of opening it
        self.done: dict[str, StepResult] = {}

    @classmethod
    def begin(cls, path: bytes, plan: Plan) -> Progress:
        """Of a new reproduction.  Raises Refused when another roar works at it, RoarError when it can't be written."""
        progress = cls(path)
        progress._claim(plan)
        progress._write({"version": _VERSION, "key": _key(plan)})
        return progress

    @classmethod
    def resume(cls, path: bytes, plan: Plan) -> Progress:
        """Of one that was begun; what it left running is ended.  Steps that succeeded count as done.

        Raises:
            Refused: the directory has none, or that of something else, or another roar works at it.
        """
        progress = cls(path)
        where = os.fsdecode(plan.directory)
        if os.path.isfile(path):
            progress._claim(plan)
        try:
            first, *lines = _values(path)
            if first != {"version": _VERSION, "key": _key(plan)}:
                raise Refused(f"{where} has the reproduction of something else.", "Choose another directory: -o DIR")
            running: dict[str, list[tuple[int, int]]] = {}
            for line in lines:
                if "started" in line:
                    running.setdefault(line["started"], []).append((line["pid"], line["at"]))
                else:
                    step = from_json(line["over"])
                    running.pop(step.uid, None)
                    if step.status == "done":
                        progress.done[step.uid] = step
        except (OSError, ValueError, KeyError, TypeError, AttributeError) as error:
            fix = "Begin one: leave out --resume"
            if os.path.lexists(plan.directory):
                fix = "Move it away, or choose another directory: -o DIR"
            raise Refused(f"{where} has no reproduction to go on with.", fix) from error
        for pid, started in itertools.chain.from_iterable(running.values()):
            if _start_time(pid) == started:  # else the number is another process's by now
                end_session(pid)
        return progress

    def _claim(self, plan: Plan) -> None:
        journal = self._open()
        for attempt in range(_ATTEMPTS):
            try:
                fcntl.flock(journal, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except BlockingIOError:
                if attempt + 1 < _ATTEMPTS:  # what a roar that was killed was just starting lets go of it in a moment
                    time.sleep(0.1)
                    continue
                self.close()
                raise Refused(
                    f"another roar is at work in {os.fsdecode(plan.directory)}.",
                    "Wait for it, or choose another directory: -o DIR",
                ) from None
            except OSError:  # a file system without locks
                return
            return

    def starting(self, uid: str) -> Callable[[], None]:
        """What a new process of a step's has to do before it begins: it notes itself, so that a kill of roar at any moment
        leaves nothing running that the next attempt doesn't know.

        Raises:
            RoarError: the journal can't be opened.
        """
        roar = os.getpid()
        journal = self._open()
        begin = json.dumps({"started": uid})[:-1].encode()

        def note() -> None:  # between fork and exec: no locks, no imports
            pid = os.getpid()
            state = os.read(os.open(b"/proc/self/stat", os.O_RDONLY | os.O_CLOEXEC), 4096)
            _append(journal, b'%b, "pid": %d, "at": %d}\n' % (begin, pid, _started(state)))
            if os.getppid() != roar:  # was killed meanwhile: who has read the journal already doesn't know us
                os._exit(1)

        return note

    def over(self, step: StepResult) -> None:
        """A step is over."""
        self.done[step.uid] = step
        self._write({"over": to_json(step)})

    def unwritable(self, error: OSError | None) -> RoarError:
        """The error of a journal that takes no more."""
        reason = error.strerror if error is not None else "No space left on device"
        return RoarError(
            f"the state of the reproduction can't be written: {reason}",
            f"Free some space: df -h {os.fsdecode(os.path.dirname(self._path))}\nThen go on with it: add --resume",
        )

    def close(self) -> None:
        """Lets go of the journal."""
        if self._journal is not None:
            os.close(self._journal)
            self._journal = None

    def _write(self, value: dict[str, Any]) -> None:
        journal = self._open()
        try:
            _append(journal, json.dumps(value).encode() + b"\n")
        except OSError as error:
            raise self.unwritable(error) from error

    def _open(self) -> int:
        with self._lock:
            if self._journal is None:
                try:
                    self._journal = os.open(self._path, os.O_WRONLY | os.O_CREAT | os.O_APPEND | os.O_CLOEXEC, 0o666)
                except OSError as error:
                    raise self.unwritable(error) from error
            return self._journal


def _append(journal: int, line: bytes) -> None:
    """Writes a line at once, so that lines of several processes don't mix."""
    if os.write(journal, line) != len(line):
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))


def _values(path: bytes) -> list[Any]:
    """The values of the lines; one that a kill or a full disk has torn counts for nothing, a last one is removed."""
    with open(path, "rb+") as file:
        content = file.read()
        whole = content.rfind(b"\n") + 1
        file.truncate(whole)
    found = []
    for line in content[:whole].splitlines():
        with contextlib.suppress(ValueError):
            found.append(json.loads(line))
    return found


def _key(plan: Plan) -> dict[str, Any]:
    wanted = sorted(os.fsdecode(output.path) for step in plan.steps for output in step.outputs if output.wanted)
    return {"root": os.fsdecode(plan.root), "steps": [step.job.uid for step in plan.steps], "wanted": wanted}


def _start_time(pid: int) -> int | None:
    """When a process was started; None when it is gone."""
    try:
        with open(f"/proc/{pid}/stat", "rb") as file:
            return _started(file.read())
    except (OSError, IndexError, ValueError):
        return None


def _started(state: bytes) -> int:
    """When the process of a ``/proc/PID/stat`` was started, in clock ticks since boot (proc(5))."""
    return int(state.rpartition(b")")[2].split()[19])
