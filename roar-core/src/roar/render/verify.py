"""What came of comparing files with their record: a list of those that differ, and JSON of schema ``roar/verify/1``."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Sequence
from typing import Any

from roar.lineage.verify import Verified
from roar.lineage.views import EdgeView
from roar.render.job import Place, edges_listed
from roar.render.look import Look
from roar.render.records import edge_json
from roar.render.text import plural, printable

_SAID = {"present": "ok", "changed": "changed", "missing": "missing", "unknown": "not known"}
_COLOURS = {"present": "green", "changed": "yellow", "missing": "red", "unknown": "yellow"}


def verify_lines(checked: Sequence[Verified], look: Look, place: Place, is_all: bool) -> Iterator[str]:
    """A line a file that differs (with `is_all`, a line a file), and the counts."""
    said = [file for file in checked if is_all or file.state != "present"]
    shown = said[: edges_listed(len(said), look, is_all)]
    for file in shown:
        did = "wrote" if file.edge.direction == "output" else "read"
        why = f"{file.job.ref} {did} it"
        if file.since is not None:
            why += f", {file.since.ref} wrote it since"
        elif file.state == "unknown":
            why += f"; {printable(file.edge.missing_reason or 'it has no digest that could be compared')}"
        state = look.paint(f"{_SAID[file.state]:<9}", _COLOURS[file.state])
        yield f"{state}  {place.name(file.edge.path)}  ({why})"
    if len(shown) < len(said):
        yield f"{look.sign('…', '...')} and {len(said) - len(shown)} more (--all lists them)"
    counts = Counter(file.state for file in checked)
    others = [f"{counts[state]} {_SAID[state]}" for state in ("changed", "missing", "unknown") if counts[state]]
    if not checked:
        yield "There are no files to check."
    elif others:
        yield f"{plural(len(checked), 'file')} checked: {counts['present']} as recorded, {', '.join(others)}."
    else:
        yield f"{plural(len(checked), 'file')} checked: " + (
            "it is as recorded." if len(checked) == 1 else "all are as recorded."
        )


def verify_json(checked: Sequence[Verified]) -> dict[str, Any]:
    """The comparison as ``roar/verify/1``."""
    return {
        "schema": "roar/verify/1",
        "identical": all(file.state == "present" for file in checked),
        "files": [
            edge_json(EdgeView(file.edge, file.state))
            | {
                "direction": file.edge.direction,
                "job": file.job.uid,
                "ref": file.job.ref,
                "since": None if file.since is None else file.since.uid,
            }
            for file in checked
        ],
    }
