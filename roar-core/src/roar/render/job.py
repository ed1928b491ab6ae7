"""A job as people read it: what ran, how far the record can be trusted, and every file it read and wrote."""

from __future__ import annotations

import os
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from typing import NamedTuple

from roar.api.filters import Direction
from roar.api.records import Capture, Composite, GitState, Job, StoredEdge
from roar.lineage.views import EdgeView, JobView, composite_members
from roar.render.environment import environment_lines
from roar.render.label_text import labels_text
from roar.render.look import Look
from roar.render.text import (
    columns,
    command_text,
    duration_text,
    plural,
    printable,
    shortened,
    shown_path,
    size_text,
    time_text,
)

LIST_LIMIT, PIPE_LIMIT = 60, 1000
"""So many files are listed on a terminal, and in a pipe; of more only the first `FIRST`, and the others by folder."""
FIRST = 20

_LABEL_COLUMNS = 11


class Place(NamedTuple):
    """Where the user is, for the paths that are printed."""

    root: bytes
    """Of the workspace."""
    cwd: bytes

    def name(self, path: bytes) -> str:
        """The path as the user would type it."""
        return shown_path(path, self.root, self.cwd)


def edges_listed(count: int, look: Look, is_all: bool) -> int:
    """How many of so many files are listed one by one."""
    return count if is_all or count <= (LIST_LIMIT if look.terminal else PIPE_LIMIT) else FIRST


def job_lines(
    view: JobView, look: Look, place: Place, full_environment: bool = False, is_all: bool = False
) -> Iterator[str]:
    """The lines of `roar show @N`; with `is_all` every file is listed, however many there are."""
    job = view.job
    yield look.paint(f"{job.ref} {_fitted(command_text(job.command), look, len(job.ref) + 1)}", "bold")
    yield ""
    yield from _field("Command", command_text(job.command))
    if job.name:
        yield from _field("Name", printable(job.name))
    if job.labels:
        yield from _field("Labels", labels_text(job.labels))
    if job.parameters:
        shown = (f"{key}={value}" for key, value in sorted(job.parameters.items()))
        yield from _field("Parameters", ", ".join(map(printable, shown)))
    yield from _field("Job", f"{job.uid}, session {job.session}")
    yield from _field("Status", _status(job, look))
    yield from _field("Verdict", verdict_text(job.capture, look))
    for reason in job.capture.reasons:
        yield from _field("", f"{look.sign('–', '-')} {printable(reason)}")
    for note in job.capture.notes:
        yield from _field("Note", printable(note))
    yield from _field("Git", git_text(job.git))
    if job.git is not None and job.git.remote:
        yield from _field("Remote", printable(job.git.remote))
    yield from _field("Directory", printable(job.cwd))
    if job.git is not None and job.git.recorded_root is not None:
        then = os.path.normpath(os.path.join(job.git.recorded_root, job.git.cwd))
        yield from _field("", f"{printable(then)} when it ran")
    took = duration_text((job.ended_ns - job.started_ns) / 1e9)
    yield from _field(
        "Started", f"{time_text(job.started_ns)}, took {took} and {duration_text(job.recording_s)} to record"
    )
    memory = f", {size_text(job.max_rss_bytes)} of memory" if job.max_rss_bytes else ""
    yield from _field("Used", f"{duration_text(job.cpu_s)} of CPU{memory}")
    yield from _field("Tracer", printable(f"{job.tracer} {job.tracer_version}".rstrip()))
    for title, edges, direction in (("Inputs", view.inputs, "input"), ("Outputs", view.outputs, "output")):
        yield ""
        composites = [one for one in view.composites if one.direction == direction]
        rest = f"roar show {job.ref} --all"
        yield from edge_lines(title, edges, composites, look, place, rest, is_all)
    if job.filtered:
        yield ""
        yield f"Filtered ({sum(job.filtered.values())}): " + ", ".join(
            f"{printable(name)} {count}" for name, count in sorted(job.filtered.items())
        )
        if view.filtered is None and look.terminal:
            yield look.paint(f"  to list them: roar show {job.ref} --filtered", "dim")
    if view.filtered is not None:
        yield from _filtered_lines(view.filtered, place)
    if view.environment is not None:
        yield ""
        yield from environment_lines(view.environment, look, full_environment, job.ref)


def _field(label: str, text: str) -> Iterator[str]:
    yield f"{label:<{_LABEL_COLUMNS}}{text}"


def _fitted(text: str, look: Look, taken: int) -> str:
    return shortened(text, max(look.width - taken, 10), look.sign("…", "...")) if look.width else text


def _status(job: Job, look: Look) -> str:
    if job.status == "ok":
        return look.paint("ok", "green") + ", exit code 0"
    code = "" if job.exit_code is None else f", exit code {job.exit_code}"
    return look.paint(job.status, "red") + code


def verdict_text(capture: Capture, look: Look) -> str:
    """The verdict in its colour, with the files it counts."""
    colour = {"complete": "green", "partial": "yellow", "failed": "red"}[capture.verdict]
    counts = f"{plural(capture.observed, 'file')} seen: {capture.recorded} recorded, {capture.filtered} filtered"
    dropped = f", {capture.dropped} dropped" if capture.dropped else ""
    return f"{look.paint(capture.verdict, colour)} ({counts}{dropped})"


def git_text(git: GitState | None) -> str:
    """``commit abc1234 + uncommitted changes (branch main)``."""
    if git is None:
        return "no commit was recorded"
    dirty = " + uncommitted changes" if git.dirty else ""
    branch = f"branch {printable(git.branch)}" if git.branch else "detached"
    return f"commit {git.commit[:7]}{dirty} ({branch})"


def edge_lines(
    title: str,
    edges: list[EdgeView],
    composites: list[Composite],
    look: Look,
    place: Place,
    rest: str,
    is_all: bool = False,
) -> Iterator[str]:
    """A titled list of edges; those that belong to a composite are one line.

    Args:
        title: what they are.
        edges: with their states.
        composites: of the same direction.
        look: of the stream.
        place: where the user is.
        rest: what to type to see those that are left out of a long list.
        is_all: whether to leave none out.
    """
    total = sum(view.edge.size or 0 for view in edges)
    counts = [f"{len(edges):,}".replace(",", " "), *([size_text(total)] if edges else [])]
    yield look.paint(f"{title} ({', '.join(counts)})", "bold")
    rows = list(edge_rows(edges, composites, look, place))
    shown = rows[: edges_listed(len(rows), look, is_all)]
    yield from (f"  {line}" for line in row_lines(shown, look, look.width - 34 if look.width else 60))
    if len(rows) > len(shown):
        from roar.render.folders import folder_lines

        left = [row.edge for row in rows[len(shown) :]]
        states = Counter(view.state for view in edges)
        gone = [f"{states[state]} {state}" for state in ("changed", "missing") if states[state]]
        if gone:
            yield look.paint(f"  Of all of them: {', '.join(gone)}", "yellow")
        yield from (f"  {line}" for line in folder_lines(left, look, place, rest))


class Row(NamedTuple):
    """An edge, or a composite, as it is printed."""

    name: str
    mark: str
    """``(missing)``, ``(changed)``, ``(2 missing)`` or nothing."""
    size: str
    digest: str
    note: str
    edge: StoredEdge
    """Itself, or the first of the composite."""


def row_lines(rows: Sequence[Row], look: Look, width: int) -> Iterator[str]:
    """Rows in columns; names longer than `width` columns stick out."""
    room = min(max((columns(f"{row.name} {row.mark}".rstrip()) for row in rows), default=0), max(width, 24))
    for row in rows:
        blank = " " * (room - columns(f"{row.name} {row.mark}".rstrip()))
        mark = " " + look.paint(row.mark, "red" if "missing" in row.mark else "yellow") if row.mark else ""
        yield f"{row.name}{mark}{blank}  {row.size:>7}  {row.digest}  {row.note}".rstrip()


def edge_rows(edges: list[EdgeView], composites: list[Composite], look: Look, place: Place) -> Iterator[Row]:
    """A row an edge; the edges that belong to a composite are one row, where the first of them is."""
    members: dict[bytes, Composite] = {}
    for composite in composites:
        for edge in composite_members(composite, [view.edge for view in edges]):
            members[edge.path] = composite
    states: dict[Composite, Counter[str]] = {}
    for view in edges:
        if view.edge.path in members:
            states.setdefault(members[view.edge.path], Counter())[view.state or "unknown"] += 1
    done: set[Composite] = set()
    for view in edges:
        edge = view.edge
        found = members.get(edge.path)
        if found is None:
            mark = f"({view.state})" if view.state in ("missing", "changed") else ""
            yield Row(
                place.name(edge.path), mark, size_text(edge.size), digest_text(edge.hashes), _edge_note(view), edge
            )
        elif found not in done:
            done.add(found)
            gone = [f"{states[found][state]} {state}" for state in ("changed", "missing") if states[found][state]]
            yield Row(
                place.name(found.path) + ("/" if edge.path.startswith(found.path + b"/") else "*"),
                f"({', '.join(gone)})" if gone else "",
                size_text(found.size),
                digest_text({found.algorithm: found.digest}),
                f"{printable(found.kind)}, {plural(found.members, 'file')}",
                edge,
            )


def _edge_note(view: EdgeView) -> str:
    notes = ["git"] if view.edge.tracked else []
    if not view.edge.hashes or view.edge.missing_reason:
        notes.append(printable(view.edge.missing_reason or "content not known"))
    return ", ".join(notes)


def digest_text(hashes: Mapping[str, str]) -> str:
    """The primary digest, short: ``blake3 3f2a91c4d0b7``; ``-`` when there is none."""
    for name, digest in hashes.items():
        return f"{printable(name)} {printable(digest[:12])}"
    return "-"


def _filtered_lines(filtered: list[tuple[str, bytes, Direction]], place: Place) -> Iterator[str]:
    before = None
    for name, path, direction in filtered:
        if name != before:
            before = name
            yield f"  {printable(name)}"
        yield f"    {direction:<6} {place.name(path)}"
