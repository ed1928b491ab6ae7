"""What a check found, in lines and as JSON of schema ``roar/fsck/1``."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from roar.lineage.check import Report
from roar.render.look import Look
from roar.render.text import plural, printable


def fsck_lines(report: Report, look: Look) -> Iterator[str]:
    """For people: a line a problem, its fix below it, and a last line with the result."""
    for done in report.repaired:
        yield printable(done)
    for problem in report.problems:
        yield f"{look.paint(printable(problem.subject), 'red')}: {printable(problem.message)}"
        yield from (f"  {printable(line)}" for line in (problem.fix or "").splitlines())
    result = plural(len(report.problems), "problem") if report.problems else "no problem"
    yield f"Checked {', '.join(report.checked)}: {result}."


def fsck_json(report: Report) -> dict[str, Any]:
    """For programs."""
    return {
        "schema": "roar/fsck/1",
        "ok": not report.problems,
        "checked": report.checked,
        "problems": [problem._asdict() for problem in report.problems],
        "repaired": report.repaired,
    }
