"""Jobs as lines of a table: `roar log` and the overview of a session."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from itertools import chain, islice

from roar.api.records import Job
from roar.render.look import Look
from roar.render.text import (
    command_text,
    duration_text,
    padded,
    plural,
    printable,
    shortened,
    time_text,
)

_MEASURED = 50
"""Column widths are taken from so many jobs; later ones may stick out."""


def job_list_lines(jobs: Iterable[Job], look: Look) -> Iterator[str]:
    """A line a job, in the order given: step, uid, start, how it ended, verdict, duration, files, command."""
    source = iter(jobs)
    first = list(islice(source, _MEASURED))
    rows = [_cells(job) for job in first]
    widths = [max(map(len, column)) for column in zip(*rows, strict=True)] if rows else []
    for job in chain(first, source):
        cells = [padded(cell, width) for cell, width in zip(_cells(job), widths, strict=True)]
        head = "  ".join(cells)
        command = (f"[{printable(job.name)}] " if job.name else "") + command_text(job.command)
        if look.width:
            command = shortened(command, max(look.width - len(head) - 2, 12), look.sign("…", "..."))
        cells[0] = look.paint(cells[0], "bold")
        cells[3] = look.paint(cells[3], *(() if job.status == "ok" else ("red",)))
        cells[4] = look.paint(cells[4], *(() if job.capture.verdict == "complete" else ("yellow",)))
        yield "  ".join([*cells, command])


def ending_text(job: Job) -> str:
    """``ok``, ``exit 3``, ``interrupted``."""
    if job.status == "failed" and job.exit_code is not None:
        return f"exit {job.exit_code}"
    return job.status


def _cells(job: Job) -> list[str]:
    return [
        job.ref,
        job.uid[:8],
        time_text(job.started_ns),
        ending_text(job),
        job.capture.verdict,
        duration_text((job.ended_ns - job.started_ns) / 1e9),
        f"{job.inputs} in, {job.outputs} out",
    ]


def session_lines(title: str, jobs: Iterable[Job], look: Look) -> Iterator[str]:
    """A session: its title, its jobs, and why each that is not complete isn't."""
    listed = list(jobs)
    yield look.paint(title, "bold")
    yield from job_list_lines(listed, look)
    partial = [job for job in listed if job.capture.reasons]
    if partial:
        yield ""
        yield f"{plural(len(partial), 'record')} not complete:"
    for job in partial:
        reasons = "; ".join(map(printable, job.capture.reasons))
        yield f"  {job.ref} {job.capture.verdict}: {reasons}"
