"""What a reproduction has done so far, in its directory, so that the next attempt goes on where this one was killed."""

from __future__ import annotations

import contextlib
import json
import os
import signal
from typing import Any

from roar.api.errors import Refused, RoarError
from roar.reproduce.plan import Plan
from roar.reproduce.results import StepResult, from_json, to_json

_VERSION = 1


class Progress:
    """The state file.

    Attributes:
        done: uid → result, of the steps that are over.
    """

    def __init__(self, path: bytes, key: dict[str, Any]) -> None:
        self._path = path
        self._key = key
        self._running: dict[str, list[int]] = {}
        self.done: dict[str, StepResult] = {}

    @classmethod
    def begin(cls, path: bytes, plan: Plan) -> Progress:
        """Of a new reproduction."""
        progress = cls(path, _key(plan))
        progress._write()
        return progress

    @classmethod
    def resume(cls, path: bytes, plan: Plan) -> Progress:
        """Of one that was begun; what it left running is ended.  Steps that succeeded count as done.

        Raises:
            Refused: the directory has none, or that of something else.
        """
        progress = cls(path, _key(plan))
        where = os.fsdecode(plan.directory)
        try:
            with open(path, "rb") as file:
                kept = json.load(file)
            if kept["version"] != _VERSION or kept["key"] != progress._key:
                raise Refused(f"{where} has the reproduction of something else.", "Choose another directory: -o DIR")
            steps = [from_json(value) for value in kept["steps"]]
            running = dict(kept["running"])
        except (OSError, ValueError, KeyError, TypeError, AttributeError) as error:
            raise Refused(f"{where} has no reproduction to go on with.", "Begin one: leave out --resume") from error
        for pid, started in running.values():
            _end(pid, started)
        progress.done = {step.uid: step for step in steps if step.status == "done"}
        return progress

    def started(self, uid: str, pid: int) -> None:
        """A step's command runs."""
        self._running[uid] = [pid, _start_time(pid)]
        self._write()

    def over(self, step: StepResult) -> None:
        """A step is over."""
        self._running.pop(step.uid, None)
        self.done[step.uid] = step
        self._write()

    def _write(self) -> None:
        steps = [to_json(step) for step in self.done.values()]
        state = {"version": _VERSION, "key": self._key, "running": self._running, "steps": steps}
        part = self._path + b".part"
        try:
            with open(part, "w", encoding="ascii") as file:
                json.dump(state, file)
            os.replace(part, self._path)
        except OSError as error:
            raise RoarError(
                f"the state of the reproduction can't be written: {error.strerror}",
                f"Free some space: df -h {os.fsdecode(self._path)}",
            ) from error


def _key(plan: Plan) -> dict[str, Any]:
    wanted = sorted(os.fsdecode(output.path) for step in plan.steps for output in step.outputs if output.wanted)
    return {"root": os.fsdecode(plan.root), "steps": [step.job.uid for step in plan.steps], "wanted": wanted}


def _start_time(pid: int) -> int:
    """When a process was started, clock ticks since boot (proc(5)); 0 when it is gone."""
    try:
        with open(f"/proc/{pid}/stat", "rb") as file:
            return int(file.read().rpartition(b")")[2].split()[19])
    except (OSError, IndexError, ValueError):
        return 0


def _end(pid: int, started: int) -> None:
    """Ends what a killed roar left running, if the process is still the same."""
    if started and _start_time(pid) == started:
        with contextlib.suppress(OSError):
            os.killpg(pid, signal.SIGKILL)
