"""A job as people read it: what ran, how far the record can be trusted, and every file it read and wrote."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from typing import NamedTuple

from roar.api.filters import Direction
from roar.api.records import Capture, Composite, GitState, Job
from roar.lineage.views import EdgeView, JobView, composite_members
from roar.render.environment import environment_lines
from roar.render.look import Look
from roar.render.text import (
    columns,
    command_text,
    duration_text,
    padded,
    plural,
    printable,
    shortened,
    shown_path,
    size_text,
    time_text,
)

LIST_LIMIT = 60
"""How many edges of a direction are listed on a terminal; a pipe gets them all."""

_LABEL_COLUMNS = 11


class Place(NamedTuple):
    """Where the user is, for the paths that are printed."""

    root: bytes
    """Of the workspace."""
    cwd: bytes

    def name(self, path: bytes) -> str:
        """The path as the user would type it."""
        return shown_path(path, self.root, self.cwd)


def job_lines(view: JobView, look: Look, place: Place, full_environment: bool = False) -> Iterator[str]:
    """The lines of `roar show @N`."""
    job = view.job
    yield look.paint(f"{job.ref} {_fitted(command_text(job.command), look, len(job.ref) + 1)}", "bold")
    yield ""
    yield from _field("Command", command_text(job.command))
    if job.name:
        yield from _field("Name", printable(job.name))
    if job.labels:
        yield from _field("Labels", ", ".join(printable(f"{key}={value}") for key, value in sorted(job.labels.items())))
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
    took = duration_text((job.ended_ns - job.started_ns) / 1e9)
    yield from _field(
        "Started", f"{time_text(job.started_ns)}, took {took} and {duration_text(job.recording_s)} to record"
    )
    memory = f", {size_text(job.max_rss_bytes)} of memory" if job.max_rss_bytes else ""
    yield from _field("Used", f"{duration_text(job.cpu_s)} of CPU{memory}")
    yield from _field("Tracer", printable(f"{job.tracer} {job.tracer_version}".rstrip()))
    for title, edges, direction in (("Inputs", view.inputs, "input"), ("Outputs", view.outputs, "output")):
        yield ""
        yield from edge_lines(title, edges, [c for c in view.composites if c.direction == direction], look, place)
    if job.filtered:
        yield ""
        yield f"Filtered ({sum(job.filtered.values())}): " + ", ".join(
            f"{printable(name)} {count}" for name, count in sorted(job.filtered.items())
        )
        if view.filtered is None:
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
    title: str, edges: list[EdgeView], composites: list[Composite], look: Look, place: Place
) -> Iterator[str]:
    """A titled list of edges; those that belong to a composite are one line."""
    total = sum(view.edge.size or 0 for view in edges)
    yield look.paint(f"{title} ({len(edges)}" + (f", {size_text(total)})" if edges else ")"), "bold")
    rows = list(_rows(edges, composites, look, place))
    shown = rows[:LIST_LIMIT] if look.terminal else rows
    width = min(max((columns(name) for name, *_ in shown), default=0), max(look.width - 34, 24) if look.width else 60)
    for name, size, digest, note in shown:
        yield f"  {padded(name, width)}  {size:>7}  {digest}  {note}".rstrip()
    if len(rows) > len(shown):
        yield f"  {look.sign('…', '...')} and {len(rows) - len(shown)} more (all of them: roar show REF --json, or | cat)"


def _rows(
    edges: list[EdgeView], composites: list[Composite], look: Look, place: Place
) -> Iterator[tuple[str, str, str, str]]:
    members: dict[tuple[bytes, Direction], Composite] = {}
    for composite in composites:
        for edge in composite_members(composite, [view.edge for view in edges]):
            members[edge.path, edge.direction] = composite
    states: dict[Composite, Counter[str]] = {}
    for view in edges:
        composite_of = members.get((view.edge.path, view.edge.direction))
        if composite_of is not None:
            states.setdefault(composite_of, Counter())[view.state or "unknown"] += 1
    done: set[Composite] = set()
    for view in edges:
        edge = view.edge
        found = members.get((edge.path, edge.direction))
        if found is None:
            yield (
                place.name(edge.path) + mark(view, look),
                size_text(edge.size),
                digest_text(edge.hashes),
                _edge_note(view),
            )
        elif found not in done:
            done.add(found)
            note = f"{found.kind}, {plural(found.members, 'file')}"
            gone = [
                f"{count} {state}" for state, count in sorted(states[found].items()) if state in ("missing", "changed")
            ]
            shown = place.name(found.path) + ("/" if edge.path.startswith(found.path + b"/") else "*")
            if gone:
                shown += look.paint(f" ({', '.join(gone)})", "yellow")
            yield shown, size_text(found.size), digest_text({found.algorithm: found.digest}), note


def mark(view: EdgeView, look: Look) -> str:
    """`` (missing)`` or `` (changed)``, else nothing."""
    if view.state == "missing":
        return " " + look.paint("(missing)", "red")
    if view.state == "changed":
        return " " + look.paint("(changed)", "yellow")
    return ""


def _edge_note(view: EdgeView) -> str:
    notes = ["git"] if view.edge.tracked else []
    if not view.edge.hashes or view.edge.missing_reason:
        notes.append(printable(view.edge.missing_reason or "content not known"))
    return ", ".join(notes)


def digest_text(hashes: object) -> str:
    """The primary digest, short: ``blake3 3f2a91c4``."""
    if isinstance(hashes, dict) or hasattr(hashes, "items"):
        for name, digest in hashes.items():
            return f"{printable(name)} {digest[:12]}"
    return "-"


def _filtered_lines(filtered: list[tuple[str, bytes, Direction]], place: Place) -> Iterator[str]:
    before = None
    for name, path, direction in filtered:
        if name != before:
            before = name
            yield f"  {printable(name)}"
        yield f"    {direction:<6} {place.name(path)}"
