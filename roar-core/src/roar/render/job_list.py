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

_CELLS = ("ref", "uid", "start", "ending", "verdict", "duration", "files")
_LEAST_FIRST = ("uid", "files", "start", "duration")
_COMMAND_COLUMNS = 24
_REASONS_SHOWN = 10


def job_list_lines(jobs: Iterable[Job], look: Look, with_reasons: bool = True) -> Iterator[str]:
    """A line a job, in the order given: step, uid, start, how it ended, verdict, duration, files, command.

    On a narrow terminal the columns that matter least are left out, until the command has room.

    Args:
        jobs: what is listed; taken one by one.
        look: of the stream.
        with_reasons: say why a record is not complete: below its line on a terminal, else at its end.
    """
    source = iter(jobs)
    first = list(islice(source, _MEASURED))
    rows = [_cells(job) for job in first]
    widths = {name: max(len(row[name]) for row in rows) for name in _CELLS} if rows else {}
    shown = _that_fit(widths, look)
    for job in chain(first, source):
        cells = _cells(job)
        head = "  ".join(_painted(job, name, padded(cells[name], widths[name]), look) for name in shown)
        command = (f"[{printable(job.name)}] " if job.name else "") + command_text(job.command)
        if look.width:
            taken = sum(max(widths[name], len(cells[name])) + 2 for name in shown)
            command = shortened(command, max(look.width - taken, 8), look.sign("…", "..."))
        why = reasons_text(job) if with_reasons and job.capture.reasons else ""
        yield f"{head}  {command}" + (f"  ({why})" if why and not look.terminal else "")
        if why and look.terminal:
            yield look.paint(f"    {why}", "yellow")


def _that_fit(widths: dict[str, int], look: Look) -> list[str]:
    shown = list(widths)
    for name in _LEAST_FIRST:
        if look.width and sum(widths[kept] + 2 for kept in shown) + _COMMAND_COLUMNS > look.width and name in shown:
            shown.remove(name)
    return shown


def _painted(job: Job, name: str, text: str, look: Look) -> str:
    if name == "ref":
        return look.paint(text, "bold")
    if name == "ending" and job.status != "ok":
        return look.paint(text, "red")
    if name == "verdict" and job.capture.verdict != "complete":
        return look.paint(text, "yellow")
    return text


def ending_text(job: Job) -> str:
    """``ok``, ``exit 3``, ``interrupted``."""
    if job.status == "failed" and job.exit_code is not None:
        return f"exit {job.exit_code}"
    return job.status


def _cells(job: Job) -> dict[str, str]:
    return {
        "ref": job.ref,
        "uid": job.uid[:8],
        "start": time_text(job.started_ns),
        "ending": ending_text(job),
        "verdict": job.capture.verdict,
        "duration": duration_text((job.ended_ns - job.started_ns) / 1e9),
        "files": f"{job.inputs} in, {job.outputs} out",
    }


def session_lines(title: str, jobs: Iterable[Job], look: Look) -> Iterator[str]:
    """A session: its title, its jobs, and why each that is not complete isn't."""
    listed = list(jobs)
    yield look.paint(title, "bold")
    yield from job_list_lines(listed, look, with_reasons=False)
    yield from incomplete_lines(listed, look)


def incomplete_lines(jobs: Iterable[Job], look: Look) -> Iterator[str]:
    """Which of the jobs' records are not complete, and why; nothing when all are."""
    partial = [job for job in jobs if job.capture.verdict != "complete"]
    if not partial:
        return
    yield ""
    yield f"{plural(len(partial), 'record')} not complete:"
    shown = partial[:_REASONS_SHOWN] if look.terminal else partial
    for job in shown:
        yield f"  {job.ref} {reasons_text(job)}"
    if len(partial) > len(shown):
        yield f"  {look.sign('…', '...')} and {len(partial) - len(shown)} more"


def reasons_text(job: Job) -> str:
    """``partial: busybox is a static binary …``."""
    reasons = "; ".join(map(printable, job.capture.reasons))
    return f"{job.capture.verdict}: {reasons}" if reasons else job.capture.verdict
