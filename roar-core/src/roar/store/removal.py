"""Taking the last step of a session back: its row, what belongs to it, and what nothing else refers to any more."""

# ruff: noqa: S608 - statements are put together from our own names and placeholders only

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING

from roar.api.errors import NotFound, Refused
from roar.store import tables
from roar.store.encoding import marks
from roar.store.engine import chunks
from roar.store.tables import Artifact, CommitState, Environment, Job, Patch, Path

if TYPE_CHECKING:
    from roar.store.dialects import peewee
    from roar.store.engine import Engine

_EDGES = ("job_input", "job_output")


def drop_job(engine: Engine, number: int) -> None:
    """Removes a job; within a transaction.  See `Storage.drop_job`."""
    found = engine.rows("SELECT session, commit_state, environment FROM job WHERE id = ?", (number,))
    if not found:
        raise NotFound("The step is not recorded any more.", "For the list: roar log")
    session, state, environment = found[0]
    [(last,)] = engine.rows("SELECT max(id) FROM job WHERE session = ?", (session,))
    if last != number:
        raise Refused("Only the last step of a session can be dropped, and there is a later one by now.")
    patches = _values(engine, "SELECT patch FROM commit_state WHERE id = ?", state)
    paths = _values(engine, " UNION ".join(f"SELECT path FROM {table} WHERE job = ?" for table in _EDGES), number, 2)
    contents = _values(
        engine, " UNION ".join(f"SELECT artifact FROM {table} WHERE job = ?" for table in _EDGES), number, 2
    )
    _remove(engine, Job, [number])
    _remove_unused(engine, Path, paths, _EDGES, "path")
    _remove_unused(engine, Artifact, contents, _EDGES, "artifact")
    _remove_unused(engine, Environment, [environment], ("job",), "environment")
    _remove_unused(engine, CommitState, [state], ("job",), "commit_state")
    _remove_unused(engine, Patch, patches, ("commit_state",), "patch")


def _values(engine: Engine, sql: str, number: int | None, times: int = 1) -> list[int]:
    return [value for (value,) in engine.rows(sql, (number,) * times)]


def _remove_unused(
    engine: Engine, model: type[peewee.Model], numbers: Iterable[int | None], users: Iterable[str], column: str
) -> None:
    """Removes those rows that no table in `users` refers to."""
    table = model._meta.table_name
    unused = " AND ".join(f"NOT EXISTS (SELECT 1 FROM {user} u WHERE u.{column} = t.id)" for user in users)
    for chunk in chunks(number for number in numbers if number is not None):
        rows = engine.rows(f"SELECT t.id FROM {table} t WHERE t.id IN ({marks(chunk)}) AND {unused}", chunk)
        _remove(engine, model, [number for (number,) in rows])


def _remove(engine: Engine, model: type[peewee.Model], numbers: list[int]) -> None:
    """Removes rows, and first those of every table that refer to them."""
    if not numbers:
        return
    for other in tables.MODELS:
        for field in other._meta.refs:
            if field.rel_model is model:
                engine.rows(
                    f"DELETE FROM {other._meta.table_name} WHERE {field.column_name} IN ({marks(numbers)})", numbers
                )
    engine.rows(f"DELETE FROM {model._meta.table_name} WHERE id IN ({marks(numbers)})", numbers)
