"""Environments: a row for each that differs, and their large sections apart, once for all environments that share them.

The packages of two runs are the same far more often than all of their variables are.  A row's content is the JSON of the
environment, or, where sections are kept apart, a list of two: name → digest of the section, and the other sections.
"""

# ruff: noqa: S608 - statements are put together from our own names and placeholders only

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from roar.store.encoding import Damaged, from_json, key_of, marks, pack, to_json, unpack

if TYPE_CHECKING:
    from roar.store.engine import Engine

_APART = 256
"""A section with so many characters of JSON is kept apart."""


def insert_environment(engine: Engine, environment: Mapping[str, Any]) -> int:
    """The id of an environment's row, which is added when it is new; within a transaction."""
    digest = key_of(to_json(environment, sort_keys=True).encode())
    known = engine.rows("SELECT id FROM environment WHERE digest = ?", (digest,))
    if known:
        return int(known[0][0])
    apart: dict[str, str] = {}
    rest: dict[str, Any] = {}
    for name, section in environment.items():
        text = to_json(section, sort_keys=True)
        if len(text) < _APART:
            rest[name] = section
        else:
            apart[name] = _insert_part(engine, text.encode()).hex()
    content = to_json([apart, rest] if apart else rest, sort_keys=True).encode()
    [(number,)] = engine.rows("SELECT coalesce(max(id), 0) + 1 FROM environment")
    engine.rows(
        "INSERT INTO environment (id, digest, content) VALUES (?, ?, ?)",
        (number, digest, pack(content)),
    )
    return int(number)


def _insert_part(engine: Engine, content: bytes) -> bytes:
    digest = key_of(content)
    if not engine.rows("SELECT 1 FROM environment_part WHERE digest = ?", (digest,)):
        engine.rows("INSERT INTO environment_part (digest, content) VALUES (?, ?)", (digest, pack(content)))
    return digest


def environment_of(engine: Engine, content: bytes) -> dict[str, Any]:
    """The environment of a row's content.  Raises `Damaged`, also when a section is missing."""
    value = from_json(unpack(content))
    if isinstance(value, dict):
        return value
    try:
        apart, rest = value
        digests = {name: bytes.fromhex(digest) for name, digest in apart.items()}
    except (ValueError, TypeError, AttributeError) as error:
        raise Damaged(str(error)) from error
    wanted = sorted(set(digests.values()))
    rows = engine.rows(f"SELECT digest, content FROM environment_part WHERE digest IN ({marks(wanted)})", wanted)
    parts = {bytes(digest): blob for digest, blob in rows}
    for name, digest in digests.items():
        if digest not in parts:
            raise Damaged(f"the section '{name}' is missing")
        rest[name] = from_json(unpack(parts[digest]))
    found: dict[str, Any] = rest
    return found
