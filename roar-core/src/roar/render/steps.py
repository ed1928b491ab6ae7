"""Steps in a line: what they are called, what is marked, and many alike ones together."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Sequence
from typing import NamedTuple

from roar.api.records import Job
from roar.render.job_list import ending_text
from roar.render.look import Look
from roar.render.text import columns, command_text, printable, shortened

_NUMBER = re.compile(r"\d+")
_LEAST_COMMAND = 20


def shape_of(job: Job) -> tuple[str, ...]:
    """What alike steps have in common: kind, ending, and the command's first words but for their numbers."""
    return (*(_NUMBER.sub("#", word) for word in job.command[:2]), job.kind, ending_text(job))


def like_text(job: Job) -> str:
    """The beginning of the command that alike steps share: ``python work#.py``."""
    return _NUMBER.sub("#", command_text(job.command[:2]))


class Mark(NamedTuple):
    """What is said of a step behind its command."""

    text: str
    style: str = ""
    """``red``, ``dim`` …"""


def status_marks(job: Job) -> list[Mark]:
    """How it ended and how far its record can be trusted, when there is something to say."""
    marks = [] if job.status == "ok" else [Mark(ending_text(job), "red")]
    return marks if job.capture.verdict == "complete" else [*marks, Mark(job.capture.verdict, "yellow")]


def step_lines(
    prefix: str, below: str, ref: str, job: Job, files: str, marks: Sequence[Mark], look: Look
) -> Iterator[str]:
    """``<prefix>@3 [name] command  files  (mark; mark)``; what doesn't fit on a terminal is cut or comes below.

    Args:
        prefix: what is drawn before the step.
        below: what is drawn before a further line.
        ref: what the step is called.
        job: the step.
        files: with the spaces before it, or nothing.
        marks: what is said of it.
        look: of the stream.
    """
    name = f"[{printable(job.name)}] " if job.name else ""
    command = command_text(job.command)
    head = f"{prefix}{ref} {name}"
    plain = "; ".join(mark.text for mark in marks)
    tail = "; ".join(look.paint(mark.text, mark.style) if mark.style else mark.text for mark in marks)
    dots = look.sign("…", "...")
    is_apart = False
    if look.width:
        room = look.width - columns(head) - columns(files)
        beside = room - columns(plain) - 4 if plain else room
        is_apart = plain != "" and beside < min(columns(command), _LEAST_COMMAND)
        command = shortened(command, max(room if is_apart else beside, _LEAST_COMMAND), dots)
    line = f"{prefix}{look.paint(ref, 'bold')} {name}{command}{files}"
    yield f"{line}  ({tail})" if plain and not is_apart else line
    if is_apart:
        fits = columns(below) + columns(plain) + 2 <= look.width
        yield f"{below}({tail if fits else shortened(plain, max(look.width - columns(below) - 2, 10), dots)})"


def folded_line(prefix: str, jobs: Sequence[Job], refs: Iterable[str], marks: Sequence[str], look: Look) -> str:
    """``<prefix>… 95 more like python work.py: @5-@99  (marks)``."""
    partial = sum(1 for job in jobs if job.capture.verdict != "complete")
    said = [*marks, *([f"{partial} not complete"] if partial else [])]
    tail = f"  ({'; '.join(said)})" if said else ""
    return f"{prefix}{look.sign('…', '...')} {len(jobs)} more like {like_text(jobs[0])}: {ref_ranges(list(refs))}{tail}"


def ref_ranges(refs: Sequence[str], most: int = 12) -> str:
    """Step references with runs of neighbours drawn together: ``@1-@4, @7``; of more than `most` runs the first, and a number."""
    runs: list[list[str]] = []
    for ref in refs:
        if runs and _follows(runs[-1][-1], ref):
            runs[-1].append(ref)
        else:
            runs.append([ref])
    texts = [run[0] if len(run) == 1 else ", ".join(run) if len(run) == 2 else f"{run[0]}-{run[-1]}" for run in runs]
    if len(texts) <= most:
        return ", ".join(texts)
    return f"{', '.join(texts[:most])} and {sum(map(len, runs[most:]))} more"


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
