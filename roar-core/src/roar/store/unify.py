"""One content, one artifact, also when its digests were first met apart.

A roar without blake3 records a file by its sha256 only.  When a later job meets both digests of that file, the artifact
becomes known by both; when there was already one for each, they become one.
"""

# ruff: noqa: S608 - statements are put together from our own names and placeholders only

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING

from roar.store.encoding import marks
from roar.store.engine import chunks

if TYPE_CHECKING:
    from roar.store.engine import Engine

_Key = tuple[str, bytes]


def unify(engine: Engine, contents: Sequence[Mapping[str, str]]) -> None:
    """Prepares the recording of contents that have several digests each, the primary one first."""
    keys = [[(algorithm, bytes.fromhex(digest)) for algorithm, digest in hashes.items()] for hashes in contents]
    # Most contents are new, or known by the same primary digest: their further digests tell.
    owners = _owners(engine, {key[1] for content in keys for key in content[1:]})
    for content in keys:
        if any(owners.get(key, (0, content[0]))[1] != content[0] for key in content[1:]):
            _unify(engine, content)


def _owners(engine: Engine, digests: set[bytes]) -> dict[_Key, tuple[int, _Key]]:
    """Which artifacts have these digests: algorithm and digest → id, primary algorithm and digest."""
    found: dict[_Key, tuple[int, _Key]] = {}
    for chunk in chunks(digests):
        for number, algorithm, digest in engine.rows(
            f"SELECT id, algorithm, digest FROM artifact WHERE digest IN ({marks(chunk)})",
            chunk,
        ):
            found[algorithm, digest] = number, (algorithm, digest)
        for number, algorithm, digest, by, primary in engine.rows(
            "SELECT a.id, h.algorithm, h.digest, a.algorithm, a.digest FROM artifact_hash h"
            f" JOIN artifact a ON a.id = h.artifact WHERE h.digest IN ({marks(chunk)})",
            chunk,
        ):
            found[algorithm, digest] = number, (by, primary)
    return found


def _unify(engine: Engine, content: Sequence[_Key]) -> None:
    """Makes one artifact of those that have any of the digests, and gives it all of them."""
    owners = _owners(engine, {digest for _, digest in content})
    kept, *others = sorted({owners[key] for key in content if key in owners})
    for number, primary in others:
        for table in ("job_input", "job_output", "artifact_hash", "label"):
            engine.rows(f"UPDATE {table} SET artifact = ? WHERE artifact = ?", (kept[0], number))
        engine.rows("DELETE FROM artifact WHERE id = ?", (number,))
        _add(engine, kept[0], primary)
    for key in content:
        if key not in owners:
            _add(engine, kept[0], key)


def _add(engine: Engine, artifact: int, key: _Key) -> None:
    engine.rows(
        "INSERT INTO artifact_hash (artifact, algorithm, digest) VALUES (?, ?, ?) ON CONFLICT DO NOTHING",
        (artifact, *key),
    )
