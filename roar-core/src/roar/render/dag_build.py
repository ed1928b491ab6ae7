"""The drawing of a graph: its steps, with their files if asked for, as vertices and arcs."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from os.path import basename

from roar.api.filters import Direction
from roar.lineage.graph import Step
from roar.lineage.staleness import Health
from roar.lineage.states import State
from roar.lineage.views import EdgeView, composite_members
from roar.render.dag import Picture
from roar.render.dag_drawing import Arc, Drawing, Vertex, folded
from roar.render.job import digest_text, git_text
from roar.render.job_list import ending_text, reasons_text
from roar.render.session import session_title
from roar.render.stale import stale_text
from roar.render.steps import like_text, shape_of
from roar.render.text import command_text, duration_text, plural, printable, shortened, size_text, time_text

FILES = 20
"""Of a step's files of one direction so many are drawn, and the others as one vertex."""
_TITLE, _NAMED = 160, 50


def drawing_of(picture: Picture, show_artifacts: bool = False, fold: bool = True) -> Drawing:
    """What a picture of a graph shows.

    Args:
        picture: the graph, and what is known of its steps.
        show_artifacts: files are vertices, too; else they are named at the arcs.
        fold: many alike vertices are drawn as one.
    """
    several = len(picture.graph.sessions) > 1
    sessions = {session.id: session_title(session) for session in picture.graph.sessions} if several else {}
    title = picture.title or ("All sessions" if several else session_title(picture.graph.session))
    built = _Build(picture, several)
    for step in picture.steps.values():
        built.step(step)
        if show_artifacts:
            built.files(step, "input")
            built.files(step, "output")
        else:
            built.arcs_to(step)
    drawing = Drawing(printable(title), tuple(built.vertices.values()), tuple(built.arcs.values()), sessions)
    return folded(drawing) if fold else drawing


class _Build:
    """A drawing that is being made."""

    def __init__(self, picture: Picture, several: bool) -> None:
        self.vertices: dict[str, Vertex] = {}
        self.arcs: dict[tuple[str, str], Arc] = {}
        self._picture = picture
        self._several = several
        self._file_keys: dict[tuple[bytes, int | None, str], str] = {}

    def step(self, step: Step) -> None:
        picture, job = self._picture, step.job
        stale = picture.stale(step)
        health = picture.health.get(job.id, Health())
        marks = {"step"} | {"build"} & {job.kind} | ({"failed"} if job.status != "ok" else set())
        marks |= {"stale"} if stale else set()
        marks |= {"partial"} if job.capture.verdict != "complete" else set()
        notes = [ending_text(job)] if job.status != "ok" else []
        notes += [job.capture.verdict] if job.capture.verdict != "complete" else []
        notes += [f"stale: {stale_text(stale)}"] if stale else []
        if health.missing:
            marks.add("missing")
            notes.append(f"{plural(len(health.missing), 'output')} missing")
        if health.changed:
            marks.add("changed")
            notes.append(f"{plural(len(health.changed), 'output')} changed since")
        name = f"[{printable(job.name)}] " if job.name else ""
        title = f"{job.ref} {name}{command_text(job.command)}"
        self.vertices[_key(job.id)] = Vertex(
            _key(job.id),
            shortened(title, _TITLE),
            shortened("; ".join(notes), _TITLE),
            frozenset(marks),
            job.session if self._several else 0,
            tuple(self._details(step, stale)),
            shape_of(job),
            job.ref,
            like_text(job),
        )

    def arcs_to(self, step: Step) -> None:
        """From the steps that made what it read."""
        graph = self._picture.graph
        files: dict[int, list[bytes]] = {}
        for edge in step.inputs:
            origin = graph.origins.get((step.job.id, edge.path))
            if origin is not None:
                maker = origin if self._picture.is_expanded else graph.newest(origin)
                files.setdefault(maker, []).append(edge.path)
        for parent in self._picture.parents(step):
            if parent in self._picture.steps:
                names = files.get(parent, [])
                more = f" and {len(names) - 1} more" if len(names) > 1 else ""
                label = printable(basename(names[0])) + more if names else ""
                self._arc(_key(parent), _key(step.job.id), shortened(label, _TITLE))

    def files(self, step: Step, direction: Direction) -> None:
        """Vertices and arcs of what it read or wrote."""
        views = self._picture.view(step.inputs if direction == "input" else step.outputs)
        left = {view.edge.path for view in views}
        entries: list[tuple[str, Vertex]] = []
        for composite in step.composites:
            if composite.direction == direction:
                members = {edge.path for edge in composite_members(composite, [view.edge for view in views])}
                left -= members
                states = {view.state for view in views if view.edge.path in members}
                state: State = "changed" if states & {"changed", "missing"} else "present"
                note = f"{printable(composite.kind)}, {plural(composite.members, 'file')}, {size_text(composite.size)}"
                key = self._file_key(composite.path, None, composite.digest)
                entries.append((key, self._file(key, composite.path, note, state, ())))
        for view in views:
            edge = view.edge
            if edge.path in left:
                key = self._file_key(edge.path, edge.artifact_id, "")
                note = f"{size_text(edge.size)}  {digest_text(edge.hashes)}" + ("  git" if edge.tracked else "")
                entries.append((key, self._file(key, edge.path, note, view.state, _file_details(view))))
        shown = entries if self._picture.is_all or len(entries) <= FILES else entries[: FILES - 1]
        job = _key(step.job.id)
        for key, vertex in shown:
            self.vertices.setdefault(key, vertex)
            self._join(key, job, direction)
        if len(shown) < len(entries):
            key = f"{job}{direction[0]}"
            title = plural(len(entries) - len(shown), "more file")
            self.vertices[key] = Vertex(key, title, "", frozenset({"file", "group"}), 0)
            self._join(key, job, direction)

    def _join(self, file: str, job: str, direction: Direction) -> None:
        self._arc(*((file, job) if direction == "input" else (job, file)), "")

    def _arc(self, tail: str, head: str, label: str) -> None:
        self.arcs.setdefault((tail, head), Arc(tail, head, label))

    def _file_key(self, path: bytes, artifact: int | None, digest: str) -> str:
        return self._file_keys.setdefault((path, artifact, digest), f"f{len(self._file_keys) + 1}")

    def _file(
        self, key: str, path: bytes, note: str, state: State | None, details: Iterable[tuple[str, str]]
    ) -> Vertex:
        marks = {"file"} | ({state} if state in ("missing", "changed") else set())
        said = f"{note}  ({state})" if state in ("missing", "changed") else note
        title = shortened(self._picture.place.name(path), _TITLE)
        return Vertex(key, title, said, frozenset(marks), 0, (("Path", printable(path)), *details))

    def _details(self, step: Step, stale: Sequence[str]) -> Iterator[tuple[str, str]]:
        job = step.job
        yield "Command", command_text(job.command)
        yield "Job", job.uid
        yield "Session", str(job.session)
        yield "Status", ending_text(job)
        yield "Verdict", reasons_text(job)
        if stale:
            yield "Stale", "\n".join(stale[:_NAMED])
        yield "Started", time_text(job.started_ns)
        yield "Took", duration_text((job.ended_ns - job.started_ns) / 1e9)
        yield "Git", git_text(job.git)
        yield "Directory", printable(job.cwd)
        if job.labels:
            yield "Labels", ", ".join(printable(f"{key}={value}") for key, value in sorted(job.labels.items()))
        for label, edges in (("Inputs", step.inputs), ("Outputs", step.outputs)):
            names = [f"{self._picture.place.name(edge.path)}  {size_text(edge.size)}" for edge in edges[:_NAMED]]
            if len(edges) > _NAMED:
                names.append(f"… and {len(edges) - _NAMED} more: roar show {job.ref} --all")
            yield f"{label} ({len(edges)})", "\n".join(names)


def _key(job_id: int) -> str:
    return f"s{job_id}"


def _file_details(view: EdgeView) -> Iterator[tuple[str, str]]:
    edge = view.edge
    yield "Size", f"{edge.size} bytes" if edge.size is not None else "not known"
    for name, digest in edge.hashes.items():
        yield f"Hash ({printable(name)})", digest
    if edge.missing_reason:
        yield "Content", printable(edge.missing_reason)
    yield "On disk", view.state or "not known"
