"""Sessions: exactly one is active."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING

from roar.api.records import Session
from roar.store.encoding import from_text, to_text

if TYPE_CHECKING:
    from roar.store.engine import Engine

_SELECT = (
    "SELECT s.id, s.name, s.created_ns, s.active, (SELECT count(*) FROM job j WHERE j.session = s.id) FROM session s "
)


def every(engine: Engine) -> list[Session]:
    """All sessions, newest first."""
    return [_session(row) for row in engine.rows(_SELECT + "ORDER BY s.id DESC")]


def active(engine: Engine) -> Session | None:
    """The active session."""
    rows = engine.rows(_SELECT + "WHERE s.active")
    return _session(rows[0]) if rows else None


def active_id(engine: Engine) -> int | None:
    """The id of the active session."""
    rows = engine.rows("SELECT id FROM session WHERE active")
    return rows[0][0] if rows else None


def begin(engine: Engine, name: str | None) -> Session:
    """Begins a session and makes it the active one; within a transaction."""
    created_ns = time.time_ns()
    engine.rows("UPDATE session SET active = ? WHERE active", (False,))
    [(number,)] = engine.rows("SELECT coalesce(max(id), 0) + 1 FROM session")
    engine.rows(
        "INSERT INTO session (id, name, created_ns, active) VALUES (?, ?, ?, ?)",
        (number, None if name is None else to_text(name), created_ns, True),
    )
    return Session(number, name, created_ns, True, 0)


def _session(row: tuple[int, str | None, int, bool, int]) -> Session:
    number, name, created_ns, is_active, jobs = row
    return Session(number, None if name is None else from_text(name), created_ns, bool(is_active), jobs)
