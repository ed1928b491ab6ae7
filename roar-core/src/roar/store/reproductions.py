"""What came of making artifacts again: written by `roar reproduce`, shown with the artifact."""

# ruff: noqa: S608 - statements are put together from our own names and placeholders only

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import TYPE_CHECKING

from roar.api.records import Reproduction
from roar.store.encoding import from_text, marks, to_signed, to_text, to_unsigned
from roar.store.engine import chunks

if TYPE_CHECKING:
    from roar.store.engine import Engine

_COLUMNS = '"algorithm", "digest", "job", "path", "outcome", "produced", "size", "by", "on_ns"'


def note(engine: Engine, done: Sequence[Reproduction]) -> None:
    """See `Storage.note_reproductions`."""
    with engine.transaction():
        [(last,)] = engine.rows("SELECT coalesce(max(id), 0) FROM reproduction")
        for number, one in enumerate(done, last + 1):
            engine.rows(
                f"INSERT INTO reproduction (id, {_COLUMNS}) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?)",
                (
                    number, to_text(one.algorithm), bytes.fromhex(one.digest), one.job, engine.names.keep(one.path),
                    one.outcome,
                    None if one.produced is None else bytes.fromhex(one.produced),
                    None if one.size is None else to_signed(one.size), to_text(one.by), one.on_ns,
                ),
            )  # fmt: skip


def of_contents(engine: Engine, contents: Iterable[tuple[str, str]]) -> list[Reproduction]:
    """See `Storage.reproductions`."""
    wanted = {(to_text(algorithm), bytes.fromhex(digest)) for algorithm, digest in contents}
    rows = [
        row
        for chunk in chunks(sorted(digest for _, digest in wanted))
        for row in engine.rows(f"SELECT id, {_COLUMNS} FROM reproduction WHERE digest IN ({marks(chunk)})", chunk)
        if (row[1], bytes(row[2])) in wanted
    ]
    return [
        Reproduction(
            from_text(algorithm), digest.hex(), job, engine.names.give(path), outcome, None if produced is None else produced.hex(),
            None if size is None else to_unsigned(size), from_text(by), on_ns,
        )
        for _, algorithm, digest, job, path, outcome, produced, size, by, on_ns in sorted(rows, reverse=True)
    ]  # fmt: skip
