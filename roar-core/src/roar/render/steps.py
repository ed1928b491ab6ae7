"""Steps in a line: what they are called, what is marked, and many alike ones together."""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence

from roar.api.records import Job
from roar.render.job_list import ending_text
from roar.render.look import Look
from roar.render.text import command_text, printable, shortened

_NUMBER = re.compile(r"\d+")
_LEAST_COMMAND = 20


def shape_of(job: Job) -> tuple[str, ...]:
    """What alike steps have in common: kind, ending, and the command's first words but for their numbers."""
    return (*(_NUMBER.sub("#", word) for word in job.command[:2]), job.kind, ending_text(job))


def like_text(job: Job) -> str:
    """The beginning of the command that alike steps share: ``python work#.py``."""
    return _NUMBER.sub("#", command_text(job.command[:2]))


def status_marks(job: Job, look: Look) -> list[str]:
    """How it ended and how far its record can be trusted, when there is something to say."""
    marks = [] if job.status == "ok" else [look.paint(ending_text(job), "red")]
    return marks if job.capture.verdict == "complete" else [*marks, look.paint(job.capture.verdict, "yellow")]


def step_line(prefix: str, ref: str, job: Job, tail: str, look: Look) -> str:
    """``<prefix>@3 [name] command<tail>``, the command cut on a terminal."""
    name = f"[{printable(job.name)}] " if job.name else ""
    command = command_text(job.command)
    if look.width:
        room = look.width - len(prefix) - len(ref) - len(name) - 1
        command = shortened(command, max(room, _LEAST_COMMAND), look.sign("…", "..."))
    return f"{prefix}{look.paint(ref, 'bold')} {name}{command}{tail}"


def folded_line(prefix: str, jobs: Sequence[Job], refs: Iterable[str], marks: Sequence[str], look: Look) -> str:
    """``<prefix>… 95 more like python work.py: @5-@99  (marks)``."""
    partial = sum(1 for job in jobs if job.capture.verdict != "complete")
    said = [*marks, *([f"{partial} not complete"] if partial else [])]
    tail = f"  ({'; '.join(said)})" if said else ""
    return f"{prefix}{look.sign('…', '...')} {len(jobs)} more like {like_text(jobs[0])}: {ref_ranges(list(refs))}{tail}"


def ref_ranges(refs: Sequence[str]) -> str:
    """Step references with runs of neighbours drawn together: ``@1-@4, @7``."""
    runs: list[list[str]] = []
    for ref in refs:
        if runs and _follows(runs[-1][-1], ref):
            runs[-1].append(ref)
        else:
            runs.append([ref])
    texts = [run[0] if len(run) == 1 else ", ".join(run) if len(run) == 2 else f"{run[0]}-{run[-1]}" for run in runs]
    return ", ".join(texts)


def _follows(before: str, ref: str) -> bool:
    head, digits = _split(before)
    other, number = _split(ref)
    return head == other and number == digits + 1


def _split(ref: str) -> tuple[str, int]:
    """``@B12`` → ``@B`` and 12; of what has no number at its end, -1, which nothing follows."""
    found = re.fullmatch(r"(.*?@B?)(\d+)", ref)
    return (found[1], int(found[2])) if found else (ref, -1)


def job_ref(job: Job, active: int | None) -> str:
    """``@3``, or of another session than the active one ``@3 (session 2)``."""
    return job.ref if active in (None, job.session) else f"{job.ref} (session {job.session})"
