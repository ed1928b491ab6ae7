"""A graph as trees in the terminal, a session each."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from os import fsdecode

from roar.api.records import Session, StoredEdge
from roar.lineage.graph import Graph, Step
from roar.lineage.staleness import Health
from roar.lineage.states import Disk
from roar.lineage.views import EdgeView
from roar.render.folders import folder_lines
from roar.render.job import FIRST, PIPE_LIMIT, Place, edge_rows, row_lines
from roar.render.job_list import incomplete_lines
from roar.render.look import Look
from roar.render.session import session_title
from roar.render.stale import stale_reasons, stale_text
from roar.render.steps import Mark, folded_line, job_ref, ref_ranges, shape_of, status_marks, step_lines
from roar.render.text import plural
from roar.render.tree import ASCII, Node, Strokes, draw


class Picture:
    """What is drawn.

    Args:
        graph: of a session, of several, or of some jobs.
        health: of its current steps.
        disk: for the marks of artifacts.
        place: where the user is.
        is_expanded: every run; else only the newest of each command.
        is_all: nothing is folded or summed up.
        title: of the whole, instead of the session's.
    """

    def __init__(
        self,
        graph: Graph,
        health: Mapping[int, Health],
        disk: Disk,
        place: Place,
        is_expanded: bool = False,
        is_all: bool = False,
        title: str | None = None,
    ) -> None:
        self.graph = graph
        self.health = health
        self.place = place
        self.is_expanded = is_expanded
        self.is_all = is_all
        self.title = title
        self._disk = disk
        self.steps: dict[int, Step] = graph.steps if is_expanded else {step.job.id: step for step in graph.current}

    def parents(self, step: Step) -> Sequence[int]:
        """The ids of the parents that are drawn."""
        return step.parents if self.is_expanded else self.graph.current_parents(step)

    def stale(self, step: Step, is_absolute: bool = False) -> list[str]:
        """Why the step is stale; empty when it isn't."""
        health = self.health.get(step.job.id)
        name: Callable[[bytes], str] = fsdecode if is_absolute else self.place.name
        return stale_reasons(health, self.graph, name) if health else []

    def view(self, edges: Iterable[StoredEdge]) -> list[EdgeView]:
        """Edges compared with the disk."""
        return [EdgeView(edge, self._disk.state(edge.path, edge.hashes, edge.size, edge.stat)) for edge in edges]

    def ref(self, job_id: int) -> str:
        """What a step is called: by its session, too, when that isn't the active one."""
        return job_ref(self.graph.steps[job_id].job, self.graph.session.id)

    def lines(self, look: Look, show_artifacts: bool) -> Iterator[str]:
        """The trees.  Roots first; each step below the newest of the steps whose outputs it read."""
        graph = self.graph
        if self.title is not None or len(graph.sessions) < 2:
            stale = sum(1 for job_id in self.steps if self._is_stale(job_id))
            title = self.title or session_title(graph.session)
            yield self._title(title, len(self.steps), stale, look)
            yield from self._tree(self.steps, look, show_artifacts)
        else:
            for session in graph.sessions:
                yield from self._session(session, look, show_artifacts)
        yield from incomplete_lines((step.job for step in self.steps.values()), look)
        hidden = len(graph.steps) - len(self.steps)
        if hidden:
            yield look.paint(f"{plural(hidden, 'earlier run')} of these steps not shown: roar dag --expanded", "dim")
        if graph.partly:
            refs = ref_ranges([self.ref(job_id) for job_id in sorted(graph.partly)])
            yield look.paint(f"Of the files of {refs} only the first were looked at: --all looks at all", "dim")
        if graph.left_out:
            yield look.paint(f"{plural(graph.left_out, 'older job')} not looked at: roar dag --all", "dim")

    def _session(self, session: Session, look: Look, show_artifacts: bool) -> Iterator[str]:
        steps = {job_id: step for job_id, step in self.steps.items() if step.job.session == session.id}
        stale = sum(1 for job_id in steps if self._is_stale(job_id))
        yield self._title(session_title(session), len(steps), stale, look)
        yield from self._tree(steps, look, show_artifacts)

    def _title(self, title: str, steps: int, stale: int, look: Look) -> str:
        return look.paint(title, "bold") + f": {plural(steps, 'step')}" + (f", {stale} stale" if stale else "")

    def _is_stale(self, job_id: int) -> bool:
        return bool(self.health.get(job_id, Health()).stale)

    def _tree(self, steps: Mapping[int, Step], look: Look, show_artifacts: bool) -> Iterator[str]:
        strokes = Strokes() if look.unicode else ASCII
        parents = {job_id: self.parents(step) for job_id, step in steps.items()}
        fold = not (show_artifacts or self.is_all or (self.is_expanded and self.title is None))
        for node in draw(parents, lambda job_id: shape_of(self.steps[job_id].job), strokes, fold):
            if node.folded:
                yield self._folded(node, look)
            else:
                yield from self._step(node, look, parents)
            if show_artifacts:
                yield from self._artifacts(node, look)

    def _step(self, node: Node, look: Look, drawn: Mapping[int, Sequence[int]]) -> Iterator[str]:
        step = self.steps[node.members[0]]
        job = step.job
        marks = status_marks(job)
        clauses = self.stale(step)
        if clauses:
            marks.append(Mark(f"stale: {stale_text(clauses)}", "yellow"))
        health = self.health.get(job.id)
        if health is not None and health.missing:
            marks.append(Mark(f"{plural(len(health.missing), 'output')} missing", "red"))
        if health is not None and health.changed:
            marks.append(Mark(f"{plural(len(health.changed), 'output')} changed since", "yellow"))
        if step.superseded_by is not None:
            marks.append(Mark(f"run again as {self.ref(step.superseded_by)}"))
        parents = drawn[job.id]
        below = max((parent for parent in parents if parent in drawn), default=None)
        others = sorted(parent for parent in parents if parent != below)
        if others:
            marks.append(Mark(f"also from {ref_ranges([self.ref(other) for other in others])}", "dim"))
        yield from step_lines(node.prefix, node.below, self._own_ref(job.id), job, "", marks, look)

    def _own_ref(self, job_id: int) -> str:
        """Below the title of its session a step needs no session."""
        return self.graph.steps[job_id].job.ref if self.title is None else self.ref(job_id)

    def _folded(self, node: Node, look: Look) -> str:
        stale = sum(1 for job_id in node.members if self._is_stale(job_id))
        jobs = [self.steps[job_id].job for job_id in node.members]
        refs = [self._own_ref(job_id) for job_id in node.members]
        return folded_line(node.prefix, jobs, refs, [f"{stale} stale"] if stale else [], look)

    def _artifacts(self, node: Node, look: Look) -> Iterator[str]:
        for job_id in node.members:
            step = self.steps[job_id]
            for sign, edges, direction in (
                (look.sign("←", "<-"), step.inputs, "input"),
                (look.sign("→", "->"), step.outputs, "output"),
            ):
                composites = [composite for composite in step.composites if composite.direction == direction]
                rows = list(edge_rows(self.view(edges), composites, look, self.place))
                shown = rows if self.is_all or len(rows) <= PIPE_LIMIT else rows[:FIRST]
                yield from (f"{node.below}{sign} {line}" for line in row_lines(shown, look, 48))
                if len(shown) < len(rows):
                    left = [row.edge for row in rows[len(shown) :]]
                    rest = f"roar show {self.ref(job_id)} --all"
                    yield from (f"{node.below}{sign} {line}" for line in folder_lines(left, look, self.place, rest))
