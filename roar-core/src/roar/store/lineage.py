"""Which jobs led to a content and which came from it: one recursive statement each, whatever the depth.

Jobs are joined by contents: an output of one is an input of the other, wherever the file lay.  Two rules keep out what
only looks like a connection:

- A job can't have led to one that was over before it began (re-running a step doesn't make the new run an ancestor of what
  the old one made).  The order of recording counts, too, since clocks jump.
- All empty files have one content; they join jobs only where they have one path.
"""

# ruff: noqa: S608 - statements are put together from our own names and placeholders only

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from roar.store.encoding import marks

if TYPE_CHECKING:
    from roar.store.engine import Engine

_FROM_CONTENT = "SELECT {columns} FROM {table} WHERE artifact IN ({marks})"

# `near` is the side already reached, `far` the one looked for; `first` ran before `then`.
_STEP = (
    "SELECT {columns} FROM reached r"
    " JOIN {near_table} near ON near.job = r.job"
    " JOIN {far_table} far ON far.artifact = near.artifact AND (near.size <> 0 OR far.path = near.path)"
    " JOIN job near_job ON near_job.id = near.job"
    " JOIN job far_job ON far_job.id = far.job"
    " WHERE ({first}_job.id < {then}_job.id OR {first}_job.started_ns < {then}_job.ended_ns){within}"
)


def ancestors(engine: Engine, artifacts: Sequence[int], depth: int | None) -> list[int]:
    """See `Storage.ancestors`."""
    return _reach(engine, artifacts, depth, start="job_output", near="job_input", far="job_output")


def descendants(engine: Engine, artifacts: Sequence[int], depth: int | None) -> list[int]:
    """See `Storage.descendants`."""
    return _reach(engine, artifacts, depth, start="job_input", near="job_output", far="job_input")


def _reach(engine: Engine, artifacts: Sequence[int], depth: int | None, start: str, near: str, far: str) -> list[int]:
    if not artifacts or (depth is not None and depth < 1):
        return []
    upwards = near == "job_input"
    step = _STEP.format(
        columns="far.job" if depth is None else "far.job, r.depth + 1",
        near_table=near,
        far_table=far,
        first="far" if upwards else "near",
        then="near" if upwards else "far",
        within="" if depth is None else " AND r.depth < ?",
    )
    begin = _FROM_CONTENT.format(columns="job" if depth is None else "job, 1", table=start, marks=marks(artifacts))
    # UNION drops what was reached before, which ends the recursion where contents go round in a circle.
    columns = "job" if depth is None else "job, depth"
    rows = engine.rows(
        f"WITH RECURSIVE reached ({columns}) AS ({begin} UNION {step}) SELECT DISTINCT job FROM reached ORDER BY job",
        [*artifacts] if depth is None else [*artifacts, depth],
    )
    return [job for (job,) in rows]
