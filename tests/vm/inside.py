"""What a guest does: ``python -m vm.inside ORDER``, as root; each line that it prints is the outcome of a step, as JSON.

An order is JSON: ``programs``, a directory that `roar.testing.capture.programs` and a compiled ``count.c`` are in; ``root``
and ``user``, directories for a `Repository` of either; ``cases``; and ``steps``, lists of a function's name here and its arguments.
"""

from __future__ import annotations

import ctypes
import errno
import json
import os
import shlex
import subprocess
import sys
import time
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

from roar.api.tracer import Capability
from roar.testing.capture.case import Case
from vm.batch import Repository, suited
from vm.initramfs import HELPERS

_BPF = {"x86_64": 321, "aarch64": 280}[os.uname().machine]
_PROG_GET_NEXT_ID = 11
_CLOSING_S = 600
WHO = {"root": False, "user": True}


class Guest:
    """The steps."""

    def __init__(self, order: Mapping[str, Any]) -> None:
        self._programs = Path(order["programs"])
        self._cases = [_case(fields) for fields in order["cases"]]
        self._repositories = {as_user: Repository(Path(order[who]), as_user) for who, as_user in WHO.items()}

    def kernel(self) -> str:
        """What was booted."""
        return os.uname().release

    def roar(self, who: str, *words: str) -> dict[str, object]:
        """A command of roar's, by ``root`` or ``user``."""
        done = self._repositories[WHO[who]].roar(*words, ok=False)
        return {"code": done.returncode, "stdout": done.stdout, "stderr": done.stderr}

    def facts(self, *words: str) -> dict[str, str]:
        """What a program tells in lines of ``name=value``."""
        done = subprocess.run(words, capture_output=True, text=True, check=True)
        return dict(line.split("=", 1) for line in done.stdout.splitlines() if "=" in line)

    def batch(self, who: str, tracer: str, first: int, every: int, capabilities: list[str]) -> dict[str, object]:
        """Every so many of the cases that need no more than these capabilities, all in one run."""
        able = suited(self._cases, set(map(Capability, capabilities)), WHO[who])
        return self._repositories[WHO[who]].run(tracer, able[first::every], self._programs)._asdict()

    def count(self, tracer: str) -> dict[str, object]:
        """What calls cost a process under a tracer, and one beside it; without one if the tracer has no name."""
        repository = self._repositories[False]
        command = [str(self._programs / "count"), "/proc/self/exe"]
        if not tracer:
            return {"alone": _counts(repository.do(*command).stdout)}
        told, over = repository.base / "told", repository.base / "over"
        script = f"{shlex.join(command)} > {told}.new; mv {told}.new {told}; until [ -e {over} ]; do sleep 0.1; done"
        words = (sys.executable, "-m", "roar", "run", "--tracer", tracer, "--no-hash", "sh", "-c", script)
        with subprocess.Popen(words, cwd=repository.root, env=repository.env, stderr=subprocess.DEVNULL) as run:
            while not told.exists() and run.poll() is None:
                time.sleep(0.05)
            bystander = _counts(repository.do(*command).stdout)
            over.touch()
        traced = _counts(told.read_text())
        for path in (told, over):
            path.unlink()
        return {"traced": traced, "bystander": bystander, "code": run.returncode}

    def helpers(self) -> list[str]:
        """What is installed for users."""
        return sorted(os.listdir(HELPERS)) if HELPERS.exists() else []

    def loaded(self) -> int:
        """How many BPF programs the kernel has, when it is done with those of runs that are over: links are closed one by one."""
        until = time.monotonic() + _CLOSING_S
        while (found := _programs()) and time.monotonic() < until:
            time.sleep(0.1)
        return found


def _programs() -> int:
    libc = ctypes.CDLL(None, use_errno=True)
    attributes, found = (ctypes.c_uint32 * 32)(), 0
    while libc.syscall(_BPF, _PROG_GET_NEXT_ID, attributes, ctypes.sizeof(attributes)) == 0:
        attributes[0], attributes[1], found = attributes[1], 0, found + 1
    if ctypes.get_errno() != errno.ENOENT:
        raise OSError(ctypes.get_errno(), "the kernel's programs can't be listed")
    return found


def _case(fields: list[Any]) -> Case:
    case = Case(*fields)
    return case._replace(
        command=tuple(case.command),
        inputs=frozenset(case.inputs),
        outputs=frozenset(case.outputs),
        needs=frozenset(map(Capability, case.needs)),
        anyway=frozenset(case.anyway),
    )


def _counts(told: str) -> dict[str, int]:
    return {what: int(number) for what, number in (line.split() for line in told.splitlines())}


def main(order: str) -> int:
    """Takes the steps one after the other; one that fails is told, and the others are taken."""
    given = json.loads(Path(order).read_text())
    guest = Guest(given)
    for name, *arguments in given["steps"]:
        step: Callable[..., object] = getattr(guest, name)
        started = time.monotonic()
        told: dict[str, object] = {"step": [name, *arguments]}
        try:
            told["outcome"] = step(*arguments)
        except Exception as error:  # the other steps' outcomes are wanted, whatever this one's was
            told["failed"] = f"{type(error).__name__}: {error}"
        print(json.dumps({**told, "seconds": round(time.monotonic() - started, 2)}), flush=True)
    return 0


if __name__ == "__main__":
    sys.exit(main(*sys.argv[1:]))
