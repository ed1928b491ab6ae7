"""Large runs and many runs: 100 000 input files, a flood of 100 000 new ones, and 64 runs at once."""

from __future__ import annotations

import json
import shutil
import subprocess
import sys
import time
from collections.abc import Callable
from typing import NamedTuple

from bench.timing import once
from bench.workloads import LOAD, Place, write_files

SIZES = (25_000, 50_000, 100_000)
AT_ONCE = 64

_CONTENT: dict[str, Callable[[int], bytes]] = {"distinct": b"%d\n".__mod__, "identical": lambda _: b"same\n"}
_COUNT = """
import json, sys
print(sum(sys.argv[1] in edge["path"] for edge in json.load(sys.stdin)["job"][sys.argv[2]]))
"""


class Inputs(NamedTuple):
    """What a run with many inputs took."""

    files: int
    content: str
    """``distinct`` or ``identical``."""
    after_s: float
    """From the command's end until roar had exited."""
    max_rss_bytes: int
    recorded: int
    """Inputs that the record has."""
    cpu_s: float
    """User and system time of roar, the command and the tracer."""


class AtOnce(NamedTuple):
    """What many runs at once left."""

    started: int
    recorded: int
    wall_s: float


class Flood(NamedTuple):
    """What a run saw that made many files as quickly as it could."""

    made: int
    recorded: int
    dropped: int
    """Events that the verdict says were lost."""
    wall_s: float
    max_rss_bytes: int


def inputs(place: Place, runs: int, tracer: str) -> list[Inputs]:
    """Runs that read 25 000, 50 000 and 100 000 files of distinct and of identical content; of each the quickest one.

    The files are written anew before each, so that no digest is known from before.
    """
    return [
        min((inputs_of(place, size, content, tracer) for _ in range(runs)), key=lambda one: one.after_s)
        for content in _CONTENT
        for size in SIZES
    ]


def inputs_of(place: Place, size: int, content: str, tracer: str) -> Inputs:
    """One run with so many inputs of ``distinct`` or ``identical`` content, none of them read before."""
    place.clear()
    folder = place.root / "many"
    shutil.rmtree(folder)
    folder.mkdir()
    write_files(folder, "m", size, _CONTENT[content])
    cost = once(place.run(tracer, LOAD, "distinct", str(size), folder.name), place.root, place.env)
    after_s = (cost.ended_ns - int(cost.output.split()[-1])) / 1e9
    return Inputs(size, content, after_s, cost.max_rss_bytes, _edges(place, folder.name), cost.cpu_s)


def flood(place: Place, tracer: str, count: int = SIZES[-1]) -> Flood:
    """A run that makes so many files, and what is in the record: all, or the exact number that isn't."""
    place.clear()
    cost = once(place.run(tracer, "--no-hash", LOAD, "creates", str(count), "out"), place.root, place.env)
    dropped = json.loads(_output(place, "show", _newest(place), "--json"))["job"]["capture"]["dropped"]
    return Flood(count, _edges(place, "out", "outputs"), dropped, cost.wall_s, cost.max_rss_bytes)


def _newest(place: Place) -> str:
    jobs = json.loads(_output(place, "log", "-n", "1", "--json"))["jobs"]
    return str(jobs[0]["uid"])


def _edges(place: Place, folder: str, direction: str = "inputs") -> int:
    """The ``inputs`` or ``outputs`` in `folder` of the newest job.

    Counted in another process: what is measured next would be told to use as much memory as this one has, as a child
    begins with its parent's maximum (getrusage(2)).
    """
    shown = subprocess.Popen(
        [place.roar, "show", _newest(place), "--json"], cwd=place.root, env=place.env, stdout=subprocess.PIPE
    )
    with shown:
        count = subprocess.run(
            [sys.executable, "-c", _COUNT, f"/{folder}/", direction],
            stdin=shown.stdout,
            check=True,
            capture_output=True,
            text=True,
        )
    return int(count.stdout)


def at_once(place: Place, tracer: str, count: int = AT_ONCE) -> AtOnce:
    """Starts `count` runs without waiting, and counts what is in the record when all have ended."""
    place.clear()
    before = _count(place)
    started = time.monotonic()
    running = [
        subprocess.Popen(
            place.run(tracer, "sh", "-c", f"echo {i} > out/at-once-{i}"),
            cwd=place.root,
            env=place.env,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
        )
        for i in range(count)
    ]
    for process in running:
        process.wait()
    wall_s = time.monotonic() - started
    return AtOnce(count, _count(place) - before, wall_s)


def _count(place: Place) -> int:
    return len(json.loads(_output(place, "log", "--json"))["jobs"])


def _output(place: Place, *words: str) -> str:
    return subprocess.run(
        [place.roar, *words], cwd=place.root, env=place.env, check=True, capture_output=True, text=True
    ).stdout
