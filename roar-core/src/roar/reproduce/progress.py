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
    """The journal: a line of JSON for what it is about, for each command that is started and each step that is over.

    Attributes:
        done: uid → result, of the steps that are over.
    """

    def __init__(self, path: bytes) -> None:
        self._path = path
        self.done: dict[str, StepResult] = {}

    @classmethod
    def begin(cls, path: bytes, plan: Plan) -> Progress:
        """Of a new reproduction."""
        progress = cls(path)
        progress._write({"version": _VERSION, "key": _key(plan)})
        return progress

    @classmethod
    def resume(cls, path: bytes, plan: Plan) -> Progress:
        """Of one that was begun; what it left running is ended.  Steps that succeeded count as done.

        Raises:
            Refused: the directory has none, or that of something else.
        """
        progress = cls(path)
        where = os.fsdecode(plan.directory)
        try:
            first, *lines = _values(path)
            if first != {"version": _VERSION, "key": _key(plan)}:
                raise Refused(f"{where} has the reproduction of something else.", "Choose another directory: -o DIR")
            running: dict[str, list[int]] = {}
            for line in lines:
                if "started" in line:
                    running[line["started"]] = [line["pid"], line["at"]]
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
        for pid, started in running.values():
            _end(pid, started)
        return progress

    def started(self, uid: str, pid: int) -> None:
        """A step's command runs."""
        self._write({"started": uid, "pid": pid, "at": _start_time(pid)})

    def over(self, step: StepResult) -> None:
        """A step is over."""
        self.done[step.uid] = step
        self._write({"over": to_json(step)})

    def _write(self, value: dict[str, Any]) -> None:
        try:
            with open(self._path, "a", encoding="ascii") as file:
                file.write(json.dumps(value) + "\n")
        except OSError as error:
            raise RoarError(
                f"the state of the reproduction can't be written: {error.strerror}",
                f"Free some space: df -h {os.fsdecode(self._path)}",
            ) from error


def _values(path: bytes) -> list[Any]:
    """The values of the lines; a last one that a kill has torn is removed."""
    with open(path, "rb+") as file:
        content = file.read()
        whole = content.rfind(b"\n") + 1
        file.truncate(whole)
    return [json.loads(line) for line in content[:whole].splitlines()]


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
