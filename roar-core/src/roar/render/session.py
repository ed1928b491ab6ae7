"""A session in one line."""

from __future__ import annotations

from roar.api.records import Session
from roar.render.text import plural, printable, time_text


def session_title(session: Session) -> str:
    """``Session 2 'sweep', 12 jobs, begun 2026-11-23 12:43:04``."""
    name = f" '{printable(session.name)}'" if session.name else ""
    state = "" if session.active else ", not active"
    return f"Session {session.id}{name}, {plural(session.jobs, 'job')}, begun {time_text(session.created_ns)}{state}"
