"""Sessions: in one line, as a list, and as JSON of schema ``roar/session/1``."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any

from roar.api.records import Session
from roar.render.label_text import labels_text
from roar.render.look import Look
from roar.render.records import session_head_json
from roar.render.text import padded, plural, printable, time_text

SCHEMA = "roar/session/1"


def session_title(session: Session) -> str:
    """``Session 2 'sweep', 12 jobs, begun 2026-11-23 12:43:04``, and its labels."""
    name = f" '{printable(session.name)}'" if session.name else ""
    state = "" if session.active else ", not active"
    labels = f", labels: {labels_text(session.labels)}" if session.labels else ""
    return f"Session {session.id}{name}, {plural(session.jobs, 'job')}, begun {time_text(session.created_ns)}{state}{labels}"


def session_list_lines(sessions: Sequence[Session], look: Look) -> Iterator[str]:
    """A line a session, in the order given; a star marks the active one."""
    cells = [
        (
            "*" if session.active else " ",
            str(session.id),
            time_text(session.created_ns),
            plural(session.jobs, "job"),
            printable(session.name) if session.name else "",
        )
        for session in sessions
    ]
    widths = [max(map(len, column)) for column in zip(*(row[:4] for row in cells), strict=True)]
    for session, row in zip(sessions, cells, strict=True):
        head = "  ".join(padded(cell, width) for cell, width in zip(row, widths, strict=False))
        labels = labels_text(session.labels)
        line = "  ".join(part for part in (head, row[4], labels) if part).rstrip()
        yield look.paint(line, "bold") if session.active else line


def session_entry_json(session: Session) -> dict[str, Any]:
    """A session with the number of its jobs and its labels."""
    return session_head_json(session) | {"jobs": session.jobs, "labels": dict(session.labels)}
