"""What is kept with an artifact of its reproductions, as `roar show` prints it."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from os import fsdecode
from typing import Any

from roar.api.records import Reproduction
from roar.render.look import Look
from roar.render.text import iso_time, printable, time_text

_SHOWN = 3


def reproduced_lines(found: Sequence[Reproduction], look: Look) -> Iterator[str]:
    """What is kept with an artifact: ``Reproduced: identically by ada@host on 2026-11-23 …``."""
    words = {"identical": "identically", "different": "differently", "missing": "without this file coming of it"}
    for one in found[:_SHOWN]:
        colour = "green" if one.outcome == "identical" else "yellow"
        yield f"Reproduced: {look.paint(words[one.outcome], colour)} by {printable(one.by)} on {time_text(one.on_ns)}"
    if len(found) > _SHOWN:
        yield f"{look.sign('…', '...')} and {len(found) - _SHOWN} times more"


def reproductions_json(found: Sequence[Reproduction]) -> list[dict[str, Any]]:
    """What came of making an artifact again, newest first."""
    return [
        {
            "outcome": one.outcome,
            "uid": one.job,
            "path": fsdecode(one.path),
            "produced": None if one.produced is None else {one.algorithm: one.produced},
            "size": one.size,
            "by": one.by,
            "at": iso_time(one.on_ns),
        }
        for one in found
    ]
