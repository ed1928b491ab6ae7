"""A workspace with a history of a million jobs, written into SQLite through the storage's own schema.

The jobs are those of a training project: units of ten, each of which prepares data, trains and evaluates four models and
reports; the paths are the same in every unit, the contents are not.  A unit carries a state on from the one before, a
hundred times; then a new chain begins.  All read the same code and the same raw data, and all training steps write the same
word into a log, so that there are contents with a million readers and makers.  The last job merges 100 000 files.
"""

from __future__ import annotations

import hashlib
import os
import sqlite3
from collections.abc import Iterator, Sequence
from itertools import islice
from pathlib import Path
from typing import Any, NamedTuple

from roar.api.events import FileStat
from roar.api.records import Capture, Edge, GitState, JobRecord
from roar.api.storage import Site
from roar.store.sqlite import SqliteStorage

JOBS_A_UNIT = 10
UNITS_A_CHAIN = 100
SESSIONS = 10
FAN_IN = 100_000

_START_NS = 1_700_000_000_000_000_000
_SECOND_NS = 1_000_000_000
_ROWS = 50_000

_MODELS = 4
_FIXED = ("raw.csv", "prepare.py", "train.py", "evaluate.py", "report.py", "test.csv")
_WRITTEN = (
    "train.csv", *(f"model{k}.pkl" for k in range(_MODELS)), *(f"metrics{k}.json" for k in range(_MODELS)),
    "report.html", "state.bin", "log.txt",
)  # fmt: skip


class History(NamedTuple):
    """What was written."""

    root: Path
    url: str
    jobs: int
    fan_in: int
    """Id of the job that merges."""


def write(root: Path, jobs: int = 1_000_000, fan_in: int = FAN_IN) -> History:
    """Makes the workspace: `.git` and `.roar` with the record, no files.

    Args:
        root: where; it is made.
        jobs: how many, rounded up to whole units, and the one that merges.
        fan_in: how many files that one reads.
    """
    (root / ".git").mkdir(parents=True)
    (root / ".roar" / "runs").mkdir(parents=True)
    url = f"sqlite:///{root / '.roar' / 'roar.db'}"
    units = -(-jobs // JOBS_A_UNIT)
    storage = SqliteStorage.open(url)
    for number in range(1, SESSIONS):
        storage.new_session(f"sweep {number}")
    storage.record(_pattern(os.fsencode(root)))
    storage.close()
    connection = sqlite3.connect(root / ".roar" / "roar.db", isolation_level=None)
    try:
        _fill(connection, os.fsencode(root), units, fan_in)
    finally:
        connection.close()
    storage = SqliteStorage.open(url)
    storage.attach(Site(os.fsencode(root)))
    storage.close()
    total = units * JOBS_A_UNIT + 1
    return History(root, url, total, total)


def _pattern(root: bytes) -> JobRecord:
    """The job that all others are copies of: its environment and commit are shared."""
    stat = FileStat(64769, 1, 4, _START_NS, _START_NS, 0o100644)
    edge = Edge(root + b"/pattern", {"blake3": "00" * 32}, 4, stat)
    return JobRecord(
        uid="0" * 32, kind="run", command=("python", "pattern.py"), name=None, labels={}, parameters={}, cwd=root,
        started_ns=_START_NS, ended_ns=_START_NS, recording_s=0.01, cpu_s=0.5, max_rss_bytes=1 << 24, exit_code=0,
        status="ok", tracer="preload", tracer_version="0.1.0", capture=Capture("complete", (), 4, 4, 0, 0),
        git=GitState("c0ffee" * 6 + "abcd", "main", None, root, b"", False),
        environment={"packages": {f"package{n}": f"1.{n}" for n in range(60)}, "variables": {}, "system": {}},
        inputs=[edge], outputs=[],
    )  # fmt: skip


def _fill(connection: sqlite3.Connection, root: bytes, units: int, fan_in: int) -> None:
    connection.execute("PRAGMA journal_mode = OFF")
    connection.execute("PRAGMA synchronous = OFF")
    connection.execute("PRAGMA cache_size = -400000")
    cursor = connection.execute("SELECT * FROM job")
    columns = [column[0] for column in cursor.description]
    pattern = dict(zip(columns, cursor.fetchone(), strict=True))
    tables = ("job", "job_input", "job_output", "path", "artifact")
    indexes = connection.execute(
        "SELECT name, sql FROM sqlite_master WHERE type = 'index' AND sql IS NOT NULL AND tbl_name IN (?, ?, ?, ?, ?)",
        tables,
    ).fetchall()
    connection.execute("BEGIN")
    for table in tables:
        connection.execute(f"DELETE FROM {table}")  # noqa: S608 - a name of ours
    for name, _ in indexes:
        connection.execute(f'DROP INDEX "{name}"')
    names = [
        *_FIXED,
        *_WRITTEN,
        *(f"parts/{number // 1000:03}/{number:06}.parquet" for number in range(fan_in)),
        "merged",
    ]
    _insert(
        connection, "path", ("id", "path"), ((n, root + b"/" + os.fsencode(name)) for n, name in enumerate(names, 1))
    )
    artifacts = len(_FIXED) + 1 + units * (len(_WRITTEN) - 1) + fan_in + 1
    _insert(connection, "artifact", ("id", "digest", "algorithm", "size"), map(_artifact, range(1, artifacts + 1)))
    _insert(connection, "job", columns, _jobs(pattern, columns, units, fan_in))
    edge = ("job", "path", "artifact", "size", "mtime_ns", "ctime_ns", "dev", "ino", "mode", "tracked")
    for table, is_output in (("job_input", False), ("job_output", True)):
        _insert(connection, table, edge, _edges(units, fan_in, is_output))
    for _, definition in indexes:
        connection.execute(definition)
    connection.execute("COMMIT")
    connection.execute("PRAGMA journal_mode = WAL")


def _insert(
    connection: sqlite3.Connection, table: str, columns: Sequence[str], rows: Iterator[tuple[Any, ...]]
) -> None:
    names = ", ".join(f'"{column}"' for column in columns)
    statement = f"INSERT INTO {table} ({names}) VALUES ({', '.join('?' * len(columns))})"  # noqa: S608 - names of ours
    while part := list(islice(rows, _ROWS)):
        connection.executemany(statement, part)


def _artifact(number: int) -> tuple[int, bytes, str, int]:
    return number, hashlib.blake2b(b"%d" % number, digest_size=32).digest(), "blake3", number % 9973 + 1


def _jobs(pattern: dict[str, Any], columns: Sequence[str], units: int, fan_in: int) -> Iterator[tuple[Any, ...]]:
    total = units * JOBS_A_UNIT + 1
    steps = -(-total // SESSIONS)
    place = {name: position for position, name in enumerate(columns)}
    row = [pattern[name] for name in columns]
    for number, command, inputs, outputs in _commands(units, fan_in):
        started_ns = _START_NS + number * _SECOND_NS
        for name, value in (
            ("id", number),
            ("uid", hashlib.blake2b(b"job %d" % number, digest_size=16).hexdigest()),
            ("session", (number - 1) // steps + 1),
            ("step", (number - 1) % steps + 1),
            ("command", command),
            ("started_ns", started_ns),
            ("ended_ns", started_ns + _SECOND_NS // 2),
            ("status", "failed" if number % 997 == 0 else "ok"),
            ("exit_code", 1 if number % 997 == 0 else 0),
            ("inputs", inputs),
            ("outputs", outputs),
            ("observed", inputs + outputs),
            ("recorded", inputs + outputs),
        ):
            row[place[name]] = value
        yield tuple(row)


def _commands(units: int, fan_in: int) -> Iterator[tuple[int, str, int, int]]:
    """Id, words as JSON, and numbers of inputs and outputs of each job."""
    number = 0
    for unit in range(units):
        for inputs, outputs, words in _PLAN:
            number += 1
            is_first = "state.bin" in inputs and unit % UNITS_A_CHAIN == 0
            yield number, words, len(inputs) - is_first, len(outputs)
    yield number + 1, '["python","merge.py"]', fan_in + 1, 1


def _plan() -> list[tuple[tuple[str, ...], tuple[str, ...], str]]:
    """The jobs of a unit: what each reads and writes, and its words as JSON."""
    plan: list[tuple[tuple[str, ...], tuple[str, ...], str]] = [
        (("raw.csv", "prepare.py", "state.bin"), ("train.csv",), '["python","prepare.py"]')
    ]
    for k in range(_MODELS):
        words = f'["python","train.py","--model","{k}"]'
        plan.append((("train.csv", "train.py"), (f"model{k}.pkl", "log.txt"), words))
    for k in range(_MODELS):
        words = f'["python","evaluate.py","--model","{k}"]'
        plan.append(((f"model{k}.pkl", "test.csv", "evaluate.py"), (f"metrics{k}.json",), words))
    metrics = tuple(f"metrics{k}.json" for k in range(_MODELS))
    plan.append(((*metrics, "report.py"), ("report.html", "state.bin"), '["python","report.py"]'))
    return plan


_PLAN = _plan()
_PATHS = {name: number for number, name in enumerate((*_FIXED, *_WRITTEN), 1)}


def _content(name: str, unit: int) -> int:
    """The artifact that a file is in a unit; the first ones are those that are always the same."""
    if name in _FIXED:
        return _PATHS[name]
    if name == "log.txt":
        return len(_FIXED) + 1
    return len(_FIXED) + 2 + unit * (len(_WRITTEN) - 1) + _WRITTEN.index(name)


def _edges(units: int, fan_in: int, is_output: bool) -> Iterator[tuple[Any, ...]]:
    number = 0
    plan = [[(name, _PATHS[name]) for name in sorted(job[is_output], key=_PATHS.__getitem__)] for job in _PLAN]
    for unit in range(units):
        for job in plan:
            number += 1
            for name, path in job:
                # a chain begins with no state, and what a job reads of it is the unit's before
                if name == "state.bin" and not is_output:
                    if unit % UNITS_A_CHAIN == 0:
                        continue
                    artifact = _content(name, unit - 1)
                else:
                    artifact = _content(name, unit)
                yield _edge(number, path, artifact, name.endswith(".py"))
    last = len(_FIXED) + 1 + units * (len(_WRITTEN) - 1)
    first_path = len(_PATHS)
    if is_output:
        yield _edge(number + 1, first_path + fan_in + 1, last + fan_in + 1, False)
    else:
        yield _edge(number + 1, _PATHS["report.html"], _content("report.html", units - 1), False)
        for part in range(1, fan_in + 1):
            yield _edge(number + 1, first_path + part, last + part, False)


def _edge(job: int, path: int, artifact: int, tracked: bool) -> tuple[Any, ...]:
    time_ns = _START_NS + artifact
    return job, path, artifact, artifact % 9973 + 1, time_ns, time_ns, 64769, artifact, 0o100644, tracked
