"""Sessions: exactly one is active."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING

from roar.api.errors import NotFound, Refused
from roar.api.records import Session
from roar.store import labels
from roar.store.encoding import from_text, to_text

if TYPE_CHECKING:
    from roar.store.engine import Engine

# Steps have no gaps, as only the last one can go: the highest numbers are found sooner than a million jobs are counted.
_SELECT = (
    "SELECT s.id, s.name, s.created_ns, s.active,"
    " coalesce((SELECT max(j.step) FROM job j WHERE j.session = s.id AND j.kind = 'run'), 0)"
    " + coalesce((SELECT max(j.step) FROM job j WHERE j.session = s.id AND j.kind = 'build'), 0) FROM session s "
)


def every(engine: Engine) -> list[Session]:
    """All sessions, newest first."""
    return _sessions(engine, engine.rows(_SELECT + "ORDER BY s.id DESC"))


def active(engine: Engine) -> Session | None:
    """The active session."""
    found = _sessions(engine, engine.rows(_SELECT + "WHERE s.active"))
    return found[0] if found else None


def active_id(engine: Engine) -> int | None:
    """The id of the active session."""
    rows = engine.rows("SELECT id FROM session WHERE active")
    return rows[0][0] if rows else None


def begin(engine: Engine, name: str | None) -> Session:
    """Begins a session and makes it the active one; within a transaction.  Raises `Refused` for a name that is taken."""
    _must_be_free(engine, name)
    created_ns = time.time_ns()
    engine.rows("UPDATE session SET active = ? WHERE active", (False,))
    [(number,)] = engine.rows("SELECT coalesce(max(id), 0) + 1 FROM session")
    engine.rows(
        "INSERT INTO session (id, name, created_ns, active) VALUES (?, ?, ?, ?)",
        (number, None if name is None else to_text(name), created_ns, True),
    )
    return Session(number, name, created_ns, True, 0)


def use(engine: Engine, number: int) -> Session:
    """Makes a session the active one; within a transaction.  Raises `NotFound`."""
    _one(engine, number)
    engine.rows("UPDATE session SET active = ? WHERE active", (False,))
    engine.rows("UPDATE session SET active = ? WHERE id = ?", (True, number))
    return _one(engine, number)


def rename(engine: Engine, number: int, name: str | None) -> Session:
    """Gives a session a name, or takes it away; within a transaction.  Raises `NotFound`, and `Refused` for a name that is taken."""
    before = _one(engine, number)
    if name != before.name:
        _must_be_free(engine, name)
        engine.rows("UPDATE session SET name = ? WHERE id = ?", (None if name is None else to_text(name), number))
    return before._replace(name=name)


def _one(engine: Engine, number: int) -> Session:
    found = _sessions(engine, engine.rows(_SELECT + "WHERE s.id = ?", (number,)))
    if not found:
        raise NotFound(f"There is no session {number}.", "List them: roar session list")
    return found[0]


def _must_be_free(engine: Engine, name: str | None) -> None:
    taken = [] if name is None else engine.rows("SELECT id FROM session WHERE name = ?", (to_text(name),))
    if taken:
        raise Refused(
            f"Session {taken[0][0]} has this name already.", f"To go on with it: roar session use {taken[0][0]}"
        )


def _sessions(engine: Engine, rows: list[tuple[int, str | None, int, bool, int]]) -> list[Session]:
    of = labels.of(engine, "session", [row[0] for row in rows])
    return [
        Session(
            number, None if name is None else from_text(name), created_ns, bool(is_active), jobs, of.get(number, {})
        )
        for number, name, created_ns, is_active, jobs in rows
    ]
