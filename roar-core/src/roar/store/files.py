"""What is already recorded of files by their paths: the questions that a run asks, in ready statements."""

# ruff: noqa: S608 - statements are put together from our own names and placeholders only

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import TYPE_CHECKING, Any

from roar.api.events import FileStat
from roar.store.encoding import marks, to_unsigned
from roar.store.engine import chunks

if TYPE_CHECKING:
    from roar.store.engine import Engine


def known(engine: Engine, paths: Iterable[bytes]) -> dict[bytes, tuple[FileStat, Mapping[str, str]]]:
    """The newest digests with a file's state, of those paths that have any; see `Storage.known`."""
    found: dict[bytes, tuple[FileStat, Mapping[str, str]]] = {}
    keep, give = engine.names.keep, engine.names.give
    for chunk in chunks(map(keep, paths)):
        newest: dict[bytes, tuple[Any, ...]] = {}
        for direction, table in enumerate(("job_input", "job_output")):
            for path, job, *edge in engine.rows(_KNOWN.format(table=table, marks=marks(chunk)), chunk):
                # In a job that changed a file in place, the output is the newer of the two.
                if path not in newest or newest[path][0] < (job, direction):
                    newest[path] = ((job, direction), *edge)
        hashes = hashes_of(engine, [(edge[1], edge[2], edge[3]) for edge in newest.values()])
        for path, (_, artifact, _, _, *state) in newest.items():
            stat = stat_of(*state)
            if stat is not None:
                found[give(path)] = stat, hashes[artifact]
    return found


_KNOWN = (
    "SELECT p.path, e.job, a.id, a.algorithm, a.digest,"
    " e.size, e.mtime_ns, e.ctime_ns, e.dev, e.ino, e.mode, e.stat_size"
    " FROM path p JOIN {table} e ON e.path = p.id AND e.job = (SELECT n.job FROM {table} n WHERE n.path = p.id"
    " AND n.artifact IS NOT NULL AND n.mtime_ns IS NOT NULL ORDER BY n.job DESC LIMIT 1)"
    " JOIN artifact a ON a.id = e.artifact WHERE p.path IN ({marks})"
)


def generated(engine: Engine, paths: Iterable[bytes], session: int) -> set[bytes]:
    """Those of the paths that a job of the session wrote; see `Storage.generated`."""
    found: set[bytes] = set()
    keep, give = engine.names.keep, engine.names.give
    for chunk in chunks(map(keep, paths)):
        rows = engine.rows(
            f"SELECT p.path FROM path p WHERE p.path IN ({marks(chunk)}) AND EXISTS (SELECT 1 FROM job_output o"
            " JOIN job j ON j.id = o.job WHERE o.path = p.id AND j.session = ?)",
            [*chunk, session],
        )
        found.update(give(path) for (path,) in rows)
    return found


def hashes_of(engine: Engine, artifacts: Sequence[tuple[int, str, bytes]]) -> dict[int, dict[str, str]]:
    """All digests of artifacts, the primary ones first.

    Args:
        engine: where.
        artifacts: id, algorithm and digest of each.
    """
    hashes = {number: {algorithm: digest.hex()} for number, algorithm, digest in artifacts}
    for chunk in chunks(hashes):
        for number, algorithm, digest in engine.rows(
            "SELECT artifact, algorithm, digest FROM artifact_hash"
            f" WHERE artifact IN ({marks(chunk)}) ORDER BY algorithm",
            chunk,
        ):
            hashes[number].setdefault(algorithm, digest.hex())
    return hashes


def stat_of(
    size: int | None,
    mtime_ns: int | None,
    ctime_ns: int | None,
    dev: int | None,
    ino: int | None,
    mode: int | None,
    stat_size: int | None,
) -> FileStat | None:
    """The file's state, from the columns of an edge."""
    if mtime_ns is None or ctime_ns is None or dev is None or ino is None or mode is None:
        return None
    own_size = size if stat_size is None else stat_size
    return FileStat(to_unsigned(dev), to_unsigned(ino), to_unsigned(own_size or 0), mtime_ns, ctime_ns, mode)
