"""Root inputs as a list, and as JSON of schema ``roar/inputs/1``."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from roar.api.records import Job
from roar.lineage.states import Disk
from roar.lineage.trace import Root, Target
from roar.lineage.views import EdgeView
from roar.render.folders import folder_lines
from roar.render.job import Place, edge_rows, edges_listed, row_lines
from roar.render.lineage import target_json, target_lines
from roar.render.look import Look
from roar.render.records import edge_json
from roar.render.steps import ref_ranges
from roar.render.text import plural, size_text

_REFS = 5


def inputs_lines(
    target: Target, roots: Sequence[Root], jobs: Mapping[int, Job], look: Look, place: Place, disk: Disk, is_all: bool
) -> Iterator[str]:
    """The lines of `roar inputs`."""
    yield from target_lines(target, look, place, disk)
    if not target.makers:
        yield "It is a root input itself: no step made it."
        return
    total = size_text(sum(root.edge.size or 0 for root in roots))
    yield look.paint(f"{plural(len(roots), 'root input')}" + (f", {total}" if roots else ""), "bold")
    shown = roots[: edges_listed(len(roots), look, is_all)]
    rows = list(edge_rows([_view(root, disk) for root in shown], [], look, place))
    for root, line in zip(shown, row_lines(rows, look, look.width - 44 if look.width else 60), strict=True):
        refs = [jobs[number].ref for number in root.read_by if number in jobs]
        more = f" and {len(refs) - _REFS} more" if len(refs) > _REFS else ""
        yield f"  {line}  read by {ref_ranges(refs[:_REFS])}{more}"
    if len(shown) < len(roots):
        rest = [root.edge for root in roots[len(shown) :]]
        yield from (f"  {line}" for line in folder_lines(rest, look, place, "add --all"))


def inputs_json(target: Target, roots: Sequence[Root], jobs: Mapping[int, Job], disk: Disk) -> dict[str, Any]:
    """The root inputs as ``roar/inputs/1``."""
    return {
        "schema": "roar/inputs/1",
        "target": target_json(target),
        "inputs": [
            edge_json(_view(root, disk)) | {"read_by": [jobs[number].uid for number in root.read_by if number in jobs]}
            for root in roots
        ],
    }


def _view(root: Root, disk: Disk) -> EdgeView:
    edge = root.edge
    return EdgeView(edge, disk.state(edge.path, edge.hashes, edge.size, edge.stat))
