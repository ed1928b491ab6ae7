"""How soon a history of a million jobs answers: `show`, `lineage` and `dag` of one artifact, and the first lines of `roar log`."""

from __future__ import annotations

import os
import random
import shutil
import statistics
import subprocess
import sys
import time
from collections.abc import Callable, Sequence
from functools import partial
from typing import NamedTuple

from bench.history import History, write
from bench.startup import PYTHON_MS
from bench.timing import Way, in_turns, once
from bench.workloads import Place
from roar.api.storage import Site, Storage
from roar.lineage.graph import graph_of_jobs
from roar.lineage.references import FoundArtifact, FoundPath, resolve
from roar.lineage.staleness import examine
from roar.lineage.states import Disk
from roar.lineage.trace import lineage_of, target_of
from roar.lineage.views import EDGES_SHOWN, artifact_view, path_view
from roar.store.sqlite import SqliteStorage

P99_TARGET_MS, LOG_TARGET_MS = 10.0, 150.0
WRITE_TARGET_S = 120.0
_ARTIFACTS = 1000
_TRIES = 3


class Answer(NamedTuple):
    """How long a question takes."""

    what: str
    median_ms: float
    """CPU time."""
    p99_ms: float
    """CPU time that 99 of 100 don't exceed."""
    wall_ms: float
    """What 99 of 100 don't exceed by a clock on the wall, which on a busy machine is others' work, too."""
    target_ms: float | None
    """Of `p99_ms`; None: there is none."""


class Answers(NamedTuple):
    """What was measured."""

    jobs: int
    write_s: float
    size_bytes: int
    answers: list[Answer]


def measure(place: Place, runs: int, jobs: int = 1_000_000, artifacts: int = _ARTIFACTS) -> Answers:
    """Writes a history, asks, and removes it.

    A question is everything from the reference to what will be printed: storage, lineage and a look at the disk, without the
    interpreter's start.  Of each artifact the quickest of three counts, as another process may have been in the way.
    """
    root = place.root.parent / "history"
    begun = time.monotonic()
    history = write(root, jobs)
    write_s = time.monotonic() - begun
    try:
        answers = _asked(history, artifacts)
        answers += _log(place, history, runs)
        return Answers(history.jobs, write_s, (root / ".roar" / "roar.db").stat().st_size, answers)
    finally:
        shutil.rmtree(root)


def _asked(history: History, artifacts: int) -> list[Answer]:
    storage = SqliteStorage.open(history.url, read_only=True)
    storage.attach(Site(os.fsencode(history.root)))
    try:
        references = _digests(storage, artifacts)
        named = [str(history.root / name) for name in ("raw.csv", "train.py", "log.txt", "state.bin", "report.html")]
        found: list[Answer] = []
        for name, question in QUESTIONS.items():
            question(storage, references[0])  # what is imported and put together once
            found.append(_timed(f"{name}, any artifact", partial(question, storage), references, P99_TARGET_MS))
            found.append(_timed(f"{name}, what all jobs read or wrote", partial(question, storage), named, None))
        merged = [str(history.root / "merged")]
        found += [
            _timed(f"{name}, of 100 000 inputs", partial(QUESTIONS[name], storage), merged, None) for name in QUESTIONS
        ]
        return found
    finally:
        storage.close()


def _digests(storage: SqliteStorage, count: int) -> list[str]:
    """Digests of artifacts from everywhere in the history, the same ones each time."""
    rows = storage._engine.rows
    [(last,)] = rows("SELECT max(id) FROM artifact")
    chosen = random.Random(1).sample(range(1, last + 1), min(count, last))  # noqa: S311 - nothing secret
    return [rows("SELECT digest FROM artifact WHERE id = ?", (number,))[0][0].hex() for number in chosen]


def _timed(what: str, ask: Callable[[str], object], references: Sequence[str], target_ms: float | None) -> Answer:
    tries = [[_once(ask, reference) for _ in range(_TRIES)] for reference in references]
    cpu, wall = (sorted(min(one[which] for one in of_one) for of_one in tries) for which in (0, 1))
    last = min(len(cpu) - 1, len(cpu) * 99 // 100)
    return Answer(what, statistics.median(cpu), cpu[last], wall[last], target_ms)


def _once(ask: Callable[[str], object], reference: str) -> tuple[float, float]:
    """CPU and wall, milliseconds."""
    begun, used = time.perf_counter(), time.process_time()
    ask(reference)
    return (time.process_time() - used) * 1e3, (time.perf_counter() - begun) * 1e3


def _show(storage: Storage, reference: str) -> object:
    found = resolve(storage, reference, b"/")
    if isinstance(found, FoundPath):
        return path_view(storage, found, Disk(dict))
    assert isinstance(found, FoundArtifact)  # noqa: S101 - what was asked for
    return artifact_view(storage, found, Disk(dict))


def _lineage(storage: Storage, reference: str) -> object:
    return lineage_of(storage, target_of(storage, resolve(storage, reference, b"/")))


def _dag(storage: Storage, reference: str) -> object:
    lineage = lineage_of(storage, target_of(storage, resolve(storage, reference, b"/")))
    links = [link for trace in (lineage.up, lineage.down) if trace is not None for link in trace.links]
    graph = graph_of_jobs(storage, lineage.jobs.values(), links, EDGES_SHOWN)
    return graph, examine(graph, Disk(dict))


QUESTIONS: dict[str, Callable[[Storage, str], object]] = {"show": _show, "lineage": _lineage, "dag": _dag}


def _log(place: Place, history: History, runs: int) -> list[Answer]:
    """`roar log | head` as a shell runs it, with a target scaled as those of the start-up are."""
    subprocess.run(["git", "init", "-q"], cwd=history.root, env=place.env, check=True)
    commands = {"python": [sys.executable, "-c", "pass"], "log": ["sh", "-c", f"'{place.roar}' log | head"]}
    ways: dict[str, Way] = {name: partial(once, words, history.root, place.env) for name, words in commands.items()}
    series = in_turns(ways, max(runs, 10), lambda: None)
    slower = series["python"].least("wall_s") * 1e3 / PYTHON_MS
    took = series["log"]
    cpu_ms, least_ms, wall_ms = took.median("cpu_s") * 1e3, took.least("cpu_s") * 1e3, took.least("wall_s") * 1e3
    return [Answer("roar log | head (least)", cpu_ms, least_ms, wall_ms, LOG_TARGET_MS * slower)]
