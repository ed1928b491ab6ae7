"""Labels of jobs, sessions and contents: every version is kept, and the newest one of a key holds."""

# ruff: noqa: S608 - statements are put together from our own names and placeholders only

from __future__ import annotations

import time
from collections.abc import Iterable, Mapping
from typing import TYPE_CHECKING

from roar.api.errors import NotFound
from roar.api.records import LabelSubject, LabelVersion
from roar.store.encoding import from_text, marks, to_text
from roar.store.engine import chunks

if TYPE_CHECKING:
    from roar.store.engine import Engine

_SUBJECTS: tuple[LabelSubject, ...] = ("session", "job", "artifact")
"""Names of tables, and of the columns that refer to them."""


def of(engine: Engine, subject: LabelSubject, numbers: Iterable[int]) -> dict[int, dict[str, str]]:
    """See `Storage.labels`."""
    column = _column(subject)
    found: dict[int, dict[str, str]] = {}
    for chunk in chunks(sorted(set(numbers))):
        for number, key, value in engine.rows(
            f"SELECT {column}, key, value FROM label WHERE {column} IN ({marks(chunk)}) ORDER BY id", chunk
        ):
            labels = found.setdefault(number, {})
            if value is None:
                labels.pop(from_text(key), None)
            else:
                labels[from_text(key)] = from_text(value)
    return {number: dict(sorted(labels.items())) for number, labels in sorted(found.items()) if labels}


def put(
    engine: Engine, subject: LabelSubject, number: int, labels: Mapping[str, str | None]
) -> dict[str, LabelVersion]:
    """See `Storage.set_labels`; within a transaction."""
    column = _column(subject)
    if not engine.rows(f"SELECT 1 FROM {column} WHERE id = ?", (number,)):
        raise NotFound(f"There is no {subject} {number} any more.", "For the list: roar log")
    before = of(engine, subject, [number]).get(number, {})
    set_ns = time.time_ns()
    [(last,)] = engine.rows("SELECT coalesce(max(id), 0) FROM label")
    written: dict[str, LabelVersion] = {}
    for key, value in labels.items():
        if before.get(key) == value:
            continue
        last += 1
        engine.rows(
            f"INSERT INTO label (id, {column}, key, value, set_ns) VALUES (?, ?, ?, ?, ?)",
            (last, number, to_text(key), None if value is None else to_text(value), set_ns),
        )
        written[key] = history(engine, subject, number, key)[0]
    return written


def history(engine: Engine, subject: LabelSubject, number: int, key: str | None) -> list[LabelVersion]:
    """See `Storage.label_history`."""
    column = _column(subject)
    narrowed, values = (" AND key = ?", (number, to_text(key))) if key is not None else ("", (number,))
    versions: dict[str, int] = {}
    found: list[LabelVersion] = []
    for name, value, set_ns in engine.rows(
        f"SELECT key, value, set_ns FROM label WHERE {column} = ?{narrowed} ORDER BY id", values
    ):
        versions[name] = versions.get(name, 0) + 1
        text = None if value is None else from_text(value)
        found.append(LabelVersion(from_text(name), text, versions[name], set_ns))
    return found[::-1]


def having(engine: Engine, key: str | None, value: str | None) -> dict[LabelSubject, list[int]]:
    """See `Storage.labelled`."""
    found: dict[LabelSubject, list[int]] = {}
    for column in _SUBJECTS:
        conditions = [f"l.{column} IS NOT NULL", "l.value IS NOT NULL"]
        values: list[str] = []
        for name, wanted in (("key", key), ("value", value)):
            if wanted is not None:
                conditions.append(f"l.{name} = ?")
                values.append(to_text(wanted))
        rows = engine.rows(
            f"SELECT DISTINCT l.{column} FROM label l WHERE {' AND '.join(conditions)} AND NOT EXISTS"
            f" (SELECT 1 FROM label n WHERE n.{column} = l.{column} AND n.key = l.key AND n.id > l.id)"
            f" ORDER BY l.{column}",
            values,
        )
        if rows:
            found[column] = [number for (number,) in rows]
    return found


def _column(subject: LabelSubject) -> str:
    return _SUBJECTS[_SUBJECTS.index(subject)]
