"""An artifact as people read it: its digests, where it is, which jobs made and used it."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import islice

from roar.api.records import Job
from roar.lineage.states import State
from roar.lineage.views import ArtifactView, CompositeView
from roar.render.job import Place, digest_text, edge_lines
from roar.render.job_list import reasons_text
from roar.render.label_text import labels_text
from roar.render.look import Look
from roar.render.text import command_text, plural, printable, shortened, size_text, time_text

_USES_SHOWN = 20


def artifact_lines(view: ArtifactView, look: Look, place: Place) -> Iterator[str]:
    """The lines of `roar show PATH` and `roar show DIGEST`."""
    name = place.name(view.path) if view.path is not None else "artifact"
    yield look.paint(name, "bold") + state_mark(view.state, look)
    yield from _hash_lines(dict(view.hashes), view.missing_reason)
    yield f"Size: {_exact(view.size)}"
    if view.labels:
        yield f"Labels: {labels_text(view.labels)}"
    if view.tracked:
        yield "Tracked: committed in git"
    if view.state == "unknown":
        yield "On disk: not known whether it is unchanged"
    if len(view.paths) > 1:
        yield "The same content at:"
        for path, state in view.paths[1 : _USES_SHOWN + 1]:
            yield f"  {place.name(path)}{state_mark(state, look)}"
        yield from _more(len(view.paths) - 1, look)
    if not view.is_all:
        yield look.paint("Very many steps read or wrote it; of these, the newest (--all looks at each):", "dim")
    yield from _uses("Produced by", view.produced_by, look, place, view.path)
    yield from _uses("Used by", view.used_by, look, place, view.path)
    if view.earlier:
        yield "Earlier contents at this path:"
        for edge, job in islice(view.earlier, _USES_SHOWN):
            did = "written" if edge.direction == "output" else "read"
            yield f"  {digest_text(edge.hashes)}  {size_text(edge.size)}  {did} by {job.ref} {job.uid[:8]}"
        yield from _more(len(view.earlier), look)


def composite_lines(view: CompositeView, look: Look, place: Place, is_all: bool = False) -> Iterator[str]:
    """The lines of `roar show` for a composite artifact."""
    composite = view.composite
    yield look.paint(place.name(composite.path), "bold") + state_mark(view.state, look)
    yield f"Kind: {printable(composite.kind)}, {plural(composite.members, 'file')}"
    yield from _hash_lines({composite.algorithm: composite.digest}, None)
    yield f"Size: {_exact(composite.size)}"
    yield from _uses("Produced by", [(job, composite.path) for job in view.produced_by], look, place, composite.path)
    yield from _uses("Used by", [(job, composite.path) for job in view.used_by], look, place, composite.path)
    rest = f"roar show {place.name(composite.path)} --all"
    yield from edge_lines("Members", view.members, [], look, place, rest, is_all)


def state_mark(state: State, look: Look) -> str:
    """`` (missing)`` or `` (changed)``, else nothing."""
    if state == "missing":
        return " " + look.paint("(missing)", "red")
    return " " + look.paint("(changed)", "yellow") if state == "changed" else ""


def _hash_lines(hashes: dict[str, str], reason: str | None) -> Iterator[str]:
    for name, digest in hashes.items():
        yield f"Hash ({printable(name)}): {digest}"
    if not hashes:
        yield f"Hash: none, {printable(reason or 'its content is not known')}"


def _exact(size: int | None) -> str:
    if size is None:
        return "not known"
    return f"{size_text(size)} ({size} bytes)" if size >= 1000 else plural(size, "byte")


def _uses(title: str, uses: list[tuple[Job, bytes]], look: Look, place: Place, path: bytes | None) -> Iterator[str]:
    if not uses:
        return
    yield f"{title}:"
    for job, at in islice(uses, _USES_SHOWN):
        where = "" if at == path else f" as {place.name(at)}"
        line = f"  {job.ref} {job.uid[:8]}  {time_text(job.started_ns)}  {command_text(job.command)}{where}"
        yield shortened(line, look.width, look.sign("…", "...")) if look.width else line
        if job.capture.verdict != "complete":
            yield look.paint(f"    {reasons_text(job)}", "yellow")
    yield from _more(len(uses), look)


def _more(count: int, look: Look) -> Iterator[str]:
    if count > _USES_SHOWN:
        yield f"  {look.sign('…', '...')} and {count - _USES_SHOWN} more (--json lists them all)"
