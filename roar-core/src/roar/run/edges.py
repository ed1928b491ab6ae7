"""The edges of a job: paths with the digests that are right for them, or the reason why there is none."""

from __future__ import annotations

import os
import time
from collections.abc import Mapping

from roar.api.events import FileStat
from roar.api.filters import Direction
from roar.api.records import Edge
from roar.context import Context
from roar.run.digest import CHANGED, CHANGED_OUTPUT, OFF, TOO_LARGE, Digested
from roar.run.filetimes import coarse_ns
from roar.run.hashing import Hashing
from roar.run.known import known
from roar.run.tracked import Tracked

UNSEEN = "its content was not known when it was read"


def input_edges(
    context: Context,
    inputs: dict[bytes, FileStat | None],
    lost: Mapping[bytes, str],
    done: dict[bytes, Digested],
    hashing: Hashing,
    tracked: Tracked,
) -> list[Edge]:
    """The inputs, by path.

    Args:
        context: of the workspace, whose record may know contents that are gone.
        inputs: path → the file when it was consumed; emptied, as there may be very many.
        lost: inputs that are no longer as they were consumed, and why.
        done: path → digests; emptied of them.
        hashing: what was hashed.
        tracked: what git knows.
    """
    committed = tracked.among(inputs)
    edges: list[Edge] = []
    unknown: dict[bytes, FileStat] = {}
    now_ns, coarse = time.time_ns(), coarse_ns(os.uname().release)
    limit = hashing.no_inputs_over
    while inputs:
        path, stat = inputs.popitem()
        digested = done.pop(path, None)
        hashes: Mapping[str, str] = {}
        reason: str | None = None
        if digested is not None and digested.stat is not None and stat is not None and digested.stat.same_content(stat):
            hashes = digested.hashes
        elif not hashing.enabled:
            reason = OFF
        elif limit is not None and stat is not None and stat.size > limit:
            reason = TOO_LARGE
        else:
            reason = lost.get(path) or (digested.reason if digested else None) or UNSEEN
            if stat is not None:
                unknown[path] = stat
        kept = stat if hashes and stat is not None and now_ns - stat.ctime_ns >= coarse else None
        edges.append(Edge(path, hashes, stat.size if stat is not None else None, kept, reason, path in committed))
    if unknown:
        remembered = _remembered(context, unknown, hashing, tracked)
        for i, edge in enumerate(edges):
            if edge.path in remembered:
                edges[i] = edge._replace(hashes=remembered[edge.path], missing_reason=None)
    edges.sort(key=_by_path)
    return edges


def _remembered(
    context: Context, unknown: Mapping[bytes, FileStat], hashing: Hashing, tracked: Tracked
) -> dict[bytes, Mapping[str, str]]:
    """Digests of contents that are gone: an earlier job may have taken them in this very state, or git has them."""
    found: dict[bytes, Mapping[str, str]] = {
        path: digested.hashes for path, digested in known(context, unknown, hashing.inputs).items()
    }
    rest = {path: stat for path, stat in unknown.items() if path not in found}
    return found | tracked.digests(rest, hashing.inputs, hashing.hashers)


def output_edges(outputs: dict[bytes, FileStat], done: dict[bytes, Digested], hashing: Hashing) -> list[Edge]:
    """The outputs, by path.

    Args:
        outputs: path → the file when the command had ended; emptied.
        done: path → digests; emptied of them.
        hashing: what was hashed.
    """
    edges: list[Edge] = []
    now_ns, coarse = time.time_ns(), coarse_ns(os.uname().release)
    while outputs:
        path, stat = outputs.popitem()
        digested = done.pop(path, None)
        if digested is None:
            edges.append(Edge(path, {}, stat.size, None, UNSEEN if hashing.enabled else OFF))
            continue
        reason = CHANGED_OUTPUT if digested.reason == CHANGED else digested.reason
        kept = digested.stat if digested.values and now_ns - stat.ctime_ns >= coarse else None
        edges.append(Edge(path, digested.hashes, stat.size, kept, reason))
    edges.sort(key=_by_path)
    return edges


def _by_path(edge: Edge) -> bytes:
    return edge.path


def without_digest(edges: list[Edge], direction: Direction) -> tuple[str, ...]:
    """How many contents are not known against the user's wish; what was asked not to be hashed is not worth a word."""
    lacking = [edge for edge in edges if not edge.hashes and edge.missing_reason not in (OFF, TOO_LARGE)]
    if not lacking:
        return ()
    first = lacking[0]
    what = f"1 {direction} has" if len(lacking) == 1 else f"{len(lacking)} {direction}s have"
    return (f"{what} no digest: {os.fsdecode(os.path.basename(first.path))}: {first.missing_reason}",)
