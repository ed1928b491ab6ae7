"""Commands that wait until a test lets them go on, in a workspace that a module's tests share."""

from __future__ import annotations

import ctypes
import json
import os
import struct
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any, NamedTuple

_BPF = {"x86_64": 321, "aarch64": 280}[os.uname().machine]
_NEXT_PROGRAM, _PROGRAM_BY_ID, _INFO = 11, 13, 15
_libc = ctypes.CDLL(None, use_errno=True)
DEADLINE_S = 120.0
"""Far longer than anything takes: something hangs."""


def wait_for(condition: Callable[[], object], what: str) -> None:
    """Until it holds; fails after a while."""
    until = time.monotonic() + DEADLINE_S
    while not condition():
        assert time.monotonic() < until, what
        time.sleep(0.005)


def writer_of(pipe: Path) -> int:
    """Waits until somebody reads a pipe; a descriptor by which it is held until it is closed."""
    found: list[int] = []

    def opened() -> bool:
        try:
            found.append(os.open(pipe, os.O_WRONLY | os.O_NONBLOCK))
        except OSError:
            return False
        return True

    wait_for(opened, "it did not get there")
    return found[0]


class Run(NamedTuple):
    """A `roar run` that was started."""

    roar: subprocess.Popen[bytes]
    hold: Path
    said: Path
    """What it wrote."""

    def end(self) -> int:
        """Waits for it; its exit code."""
        return self.roar.wait(DEADLINE_S)

    def wait_until_held(self) -> int:
        """Until the command waits; a descriptor by which it is held until it is closed."""
        return writer_of(self.hold)


def start(workspace: Any, name: str, line: str, **variables: str) -> Run:
    """Starts a line of shell under roar, in which `cat $hold` waits."""
    hold = workspace.root / f"hold-{name}"
    os.mkfifo(hold)
    words = [sys.executable, "-m", "roar", "run", "-q", "--tracer", "ebpf", "sh", "-c", line, name]
    env = {**workspace.env, "hold": str(hold), **variables}
    # a pipe would stay open as long as the command, which may outlive roar
    with open(workspace.root.parent / f"said-{name}", "wb") as said:
        streams = {"stdin": subprocess.DEVNULL, "stdout": said, "stderr": said}
        return Run(subprocess.Popen(words, cwd=workspace.root, env=env, **streams), hold, Path(said.name))


def jobs(workspace: Any) -> dict[str, dict[str, Any]]:
    """All jobs, by the last word of their commands."""
    listed = json.loads(workspace.roar("log", "-n", "1000", "--json").stdout)["jobs"]
    return {job["command"][-1]: workspace.job(job["uid"]) for job in listed}


def drainer_of(roar: int) -> int:
    """The pid of the tracer's process that a roar started."""
    found: list[int] = []

    def look() -> bool:
        for name in os.listdir("/proc"):
            try:
                fields = Path("/proc", str(int(name)), "stat").read_text()
            except (OSError, ValueError):
                continue
            begin, _, rest = fields.rpartition(") ")
            if begin.endswith("(roar-ebpf") and rest.split()[1] == str(roar):
                found.append(int(name))
        return bool(found)

    wait_for(look, "there is no tracer's process")
    return found[0]


def state_of(pid: int) -> str:
    """The letter that ps(1) has for what a process does."""
    return Path(f"/proc/{pid}/stat").read_text().rpartition(") ")[2][0]


def programs_of(pid: int) -> set[int]:
    """Ids of the BPF programs that a process holds."""
    found = set()
    for entry in Path(f"/proc/{pid}/fdinfo").iterdir():
        found |= {int(line.split()[1]) for line in entry.read_text().splitlines() if line.startswith("prog_id")}
    return found


def loaded() -> set[int]:
    """Ids of all BPF programs of the machine."""
    found, at = set(), 0
    while True:
        attributes = ctypes.create_string_buffer(struct.pack("<III", at, 0, 0), 12)
        if _libc.syscall(_BPF, _NEXT_PROGRAM, attributes, 12):
            return found
        at = struct.unpack_from("<I", attributes, 4)[0]
        found.add(at)
