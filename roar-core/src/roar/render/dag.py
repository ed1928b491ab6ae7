"""The graph of a session as a tree in the terminal, and as JSON of schema ``roar/dag/1``."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from os import fsdecode
from typing import Any

from roar.api.records import Composite
from roar.lineage.graph import Graph, Step
from roar.lineage.staleness import Health
from roar.lineage.states import Disk
from roar.lineage.views import EDGES_SHOWN, EdgeView
from roar.render.job import Place, edge_rows, row_lines
from roar.render.job_list import ending_text, incomplete_lines
from roar.render.look import Look
from roar.render.records import composite_json, edge_json, job_head_json, session_head_json
from roar.render.session import session_title
from roar.render.stale import stale_reasons, stale_text
from roar.render.text import command_text, plural, printable, shortened
from roar.render.tree import ASCII, Node, Strokes, draw

_NUMBER = re.compile(r"\d+")


class Picture:
    """What is drawn.

    Args:
        graph: of the session.
        health: of its current steps.
        disk: for the marks of artifacts.
        place: where the user is.
        is_expanded: every run; else only the newest of each command.
    """

    def __init__(
        self, graph: Graph, health: Mapping[int, Health], disk: Disk, place: Place, is_expanded: bool = False
    ) -> None:
        self.graph = graph
        self.health = health
        self._disk = disk
        self._place = place
        self.is_expanded = is_expanded
        self.steps: dict[int, Step] = graph.steps if is_expanded else {step.job.id: step for step in graph.current}

    def parents(self, step: Step) -> Sequence[int]:
        """The ids of the parents that are drawn."""
        return step.parents if self.is_expanded else self.graph.current_parents(step)

    def stale(self, step: Step, is_absolute: bool = False) -> list[str]:
        """Why the step is stale; empty when it isn't."""
        health = self.health.get(step.job.id)
        name = _absolute if is_absolute else self._place.name
        return stale_reasons(health, self.graph, name) if health else []

    def view(self, edges: Iterable[Any]) -> list[EdgeView]:
        """Edges compared with the disk."""
        return [EdgeView(edge, self._disk.state(edge.path, edge.hashes, edge.size, edge.stat)) for edge in edges]

    def lines(self, look: Look, show_artifacts: bool) -> Iterator[str]:
        """The tree.  Roots first; each step below the newest of the steps whose outputs it read."""
        graph = self.graph
        stale = sum(1 for health in self.health.values() if health.stale)
        counts = f"{plural(len(self.steps), 'step')}" + (f", {stale} stale" if stale else "")
        yield look.paint(session_title(graph.session), "bold") + f": {counts}"
        if not self.steps:
            return
        strokes = Strokes() if look.unicode else ASCII
        parents = {job_id: self.parents(step) for job_id, step in self.steps.items()}
        for node in draw(parents, self._shape, strokes, fold=not (show_artifacts or self.is_expanded)):
            yield self._folded(node, look) if node.folded else self._step(node, look)
            if show_artifacts:
                yield from self._artifacts(node, look)
        yield from incomplete_lines((step.job for step in self.steps.values()), look)
        hidden = len(graph.steps) - len(self.steps)
        if hidden:
            yield look.paint(f"{plural(hidden, 'earlier run')} of these steps not shown: roar dag --expanded", "dim")

    def _shape(self, job_id: int) -> tuple[str, ...]:
        step = self.steps[job_id]
        words = [_NUMBER.sub("#", word) for word in step.job.command[:2]]
        return (*words, step.job.kind, ending_text(step.job))

    def _step(self, node: Node, look: Look) -> str:
        step = self.steps[node.members[0]]
        job = step.job
        marks: list[str] = []
        if job.status != "ok":
            marks.append(look.paint(ending_text(job), "red"))
        if job.capture.verdict != "complete":
            marks.append(look.paint(job.capture.verdict, "yellow"))
        clauses = self.stale(step)
        if clauses:
            marks.append(look.paint(f"stale: {stale_text(clauses)}", "yellow"))
        health = self.health.get(job.id)
        if health is not None and health.missing:
            marks.append(look.paint(f"{plural(len(health.missing), 'output')} missing", "red"))
        if step.superseded_by is not None:
            marks.append(f"run again as {self.graph.steps[step.superseded_by].job.ref}")
        others = sorted(self.parents(step))[:-1]
        if others:
            marks.append(look.paint(f"also from {self._refs(others)}", "dim"))
        name = f"[{printable(job.name)}] " if job.name else ""
        tail = f"  ({'; '.join(marks)})" if marks else ""
        command = command_text(job.command)
        if look.width:
            room = look.width - len(node.prefix) - len(job.ref) - len(name) - 1
            command = shortened(command, max(room, 20), look.sign("…", "..."))
        return f"{node.prefix}{look.paint(job.ref, 'bold')} {name}{command}{tail}"

    def _folded(self, node: Node, look: Look) -> str:
        first = self.steps[node.members[0]].job
        stale = sum(1 for job_id in node.members if self.stale(self.steps[job_id]))
        partial = sum(1 for job_id in node.members if self.steps[job_id].job.capture.verdict != "complete")
        marks = [f"{stale} stale"] if stale else []
        marks += [f"{partial} not complete"] if partial else []
        tail = f"  ({'; '.join(marks)})" if marks else ""
        like = _NUMBER.sub("#", command_text(first.command[:2]))
        dots = look.sign("…", "...")
        return f"{node.prefix}{dots} {len(node.members)} more like {like}: {self._refs(node.members)}{tail}"

    def _refs(self, job_ids: Sequence[int]) -> str:
        return ref_ranges([self.graph.steps[job_id].job.ref for job_id in job_ids])

    def _artifacts(self, node: Node, look: Look) -> Iterator[str]:
        for job_id in node.members:
            step = self.steps[job_id]
            for sign, edges, direction in (
                (look.sign("←", "<-"), step.inputs, "input"),
                (look.sign("→", "->"), step.outputs, "output"),
            ):
                composites: list[Composite] = [c for c in step.composites if c.direction == direction]
                rows = list(edge_rows(self.view(edges), composites, look, self._place))
                yield from (f"{node.below}{sign} {line}" for line in row_lines(rows, look, 48))

    def json(self) -> dict[str, Any]:
        """The graph as ``roar/dag/1``."""
        return {
            "schema": "roar/dag/1",
            "session": session_head_json(self.graph.session),
            "jobs": [self._job_json(step) for step in self.steps.values()],
            "artifacts": self._artifacts_json(),
            "edges": self._edges_json(),
        }

    def _job_json(self, step: Step) -> dict[str, Any]:
        health = self.health.get(step.job.id, Health())
        newest = step.superseded_by
        reasons = self.stale(step, is_absolute=True)
        return job_head_json(step.job) | {
            "parents": [self.graph.steps[parent].job.ref for parent in sorted(self.parents(step))],
            "superseded_by": None if newest is None else self.graph.steps[newest].job.ref,
            "stale": bool(reasons),
            "stale_reasons": reasons,
            "missing_outputs": [fsdecode(path) for path in health.missing],
            "inputs": [edge_json(view) for view in self.view(step.inputs[:EDGES_SHOWN])],
            "outputs": [edge_json(view) for view in self.view(step.outputs[:EDGES_SHOWN])],
            "inputs_total": len(step.inputs),
            "outputs_total": len(step.outputs),
            "composites": [composite_json(composite) for composite in step.composites],
        }

    def _artifacts_json(self) -> list[dict[str, Any]]:
        """One entry for each content at each path."""
        found: dict[tuple[bytes, int | None], dict[str, Any]] = {}
        for step in self.steps.values():
            for view in self.view([*step.inputs, *step.outputs]):
                key = (view.edge.path, view.edge.artifact_id)
                entry = found.setdefault(key, edge_json(view) | {"produced_by": [], "used_by": []})
                entry["produced_by" if view.edge.direction == "output" else "used_by"].append(step.job.ref)
        return list(found.values())

    def _edges_json(self) -> list[dict[str, Any]]:
        """One entry for each file that went from one step to another."""
        edges: list[dict[str, Any]] = []
        for step in self.steps.values():
            for edge in step.inputs:
                origin = self.graph.origins.get((step.job.id, edge.path))
                if origin is None:
                    continue
                maker = origin if self.is_expanded else self.graph.newest(origin)
                edges.append(
                    {
                        "from": self.graph.steps[maker].job.ref,
                        "to": step.job.ref,
                        "path": fsdecode(edge.path),
                        "hashes": dict(edge.hashes),
                    }
                )
        return edges


def _absolute(path: bytes) -> str:
    return fsdecode(path)


def ref_ranges(refs: Sequence[str]) -> str:
    """Step references with runs of neighbours drawn together: ``@1-@4, @7``."""
    runs: list[list[str]] = []
    for ref in refs:
        if runs and _number(ref) == _number(runs[-1][-1]) + 1 and ref.startswith("@B") == runs[-1][-1].startswith("@B"):
            runs[-1].append(ref)
        else:
            runs.append([ref])
    texts = [run[0] if len(run) == 1 else ", ".join(run) if len(run) == 2 else f"{run[0]}-{run[-1]}" for run in runs]
    return ", ".join(texts)


def _number(ref: str) -> int:
    return int(ref.lstrip("@B"))
