"""What a session is called: by its number or its name."""

from __future__ import annotations

from roar.api.errors import NotFound
from roar.api.records import Session
from roar.api.storage import Storage

PREFIX = "session:"
"""Before the number or name of a session, where something else could be meant."""


def find_session(storage: Storage, text: str) -> Session:
    """The session of a number or a name.  Raises `NotFound`, with the nearest name."""
    every = storage.sessions()
    number = int(text) if text.isascii() and text.isdecimal() and len(text) < 19 else None
    for session in every:
        if session.id == number or session.name == text:
            return session
    from difflib import get_close_matches

    names = {session.name: session for session in every if session.name}
    near = get_close_matches(text, names, n=1)
    shown = text.replace("\n", "\\n")
    hint = f"Did you mean: roar session use {names[near[0]].id}\n" if near else ""
    raise NotFound(f"There is no session '{shown}'.", f"{hint}List them: roar session list")


def named_session(storage: Storage, text: str) -> Session | None:
    """The session of a reference: ``session`` for the active one, ``session:3``, ``session:sweep``; None for any other.

    Raises:
        NotFound: there is no such session.
    """
    if text == "session":
        return storage.active_session()
    return find_session(storage, text.removeprefix(PREFIX)) if text.startswith(PREFIX) else None
