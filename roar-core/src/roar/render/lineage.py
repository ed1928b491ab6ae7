"""What led to something and what came from it: two trees in the terminal, and JSON of schema ``roar/lineage/1``."""

from __future__ import annotations

from collections.abc import Iterator
from os import fsdecode
from typing import Any

from roar.api.records import Job
from roar.api.storage import Link
from roar.lineage.states import Disk
from roar.lineage.trace import Lineage, Target, Trace
from roar.render.artifact import state_mark
from roar.render.job import Place, digest_text
from roar.render.look import Look
from roar.render.records import step_json
from roar.render.steps import Mark, folded_line, job_ref, ref_ranges, shape_of, status_marks, step_lines
from roar.render.text import command_text, plural, printable, size_text
from roar.render.tree import ASCII, Node, Strokes, draw


def lineage_lines(
    lineage: Lineage, look: Look, place: Place, disk: Disk, active: int | None, fold: bool = True
) -> Iterator[str]:
    """The lines of `roar lineage`.

    Args:
        lineage: what is shown.
        look: of the stream.
        place: where the user is.
        disk: for the mark of the target.
        active: the active session; steps of others are called by their session, too.
        fold: whether many alike steps become one line.
    """
    yield from target_lines(lineage.target, look, place, disk)
    for trace, is_up in ((lineage.up, True), (lineage.down, False)):
        if trace is not None:
            yield from _Side(lineage, trace, is_up, look, place, active).lines(fold)


def target_lines(target: Target, look: Look, place: Place, disk: Disk) -> Iterator[str]:
    """What the lineage is of."""
    if target.job is not None:
        yield look.paint(f"{target.job.ref} {command_text(target.job.command)}", "bold")
    elif target.composite is not None:
        group = target.composite
        about = f"{printable(group.kind)}, {plural(group.members, 'file')}"
        digest = digest_text({group.algorithm: group.digest})
        yield f"{look.paint(place.name(group.path) + '/', 'bold')}  {size_text(group.size)}  {digest}  {about}"
    elif target.edge is not None:
        edge = target.edge
        mark = state_mark(disk.state(edge.path, edge.hashes, edge.size, edge.stat), look)
        git = "  git" if edge.tracked else ""
        yield f"{look.paint(place.name(edge.path), 'bold')}{mark}  {size_text(edge.size)}  {digest_text(edge.hashes)}{git}"


class _Side:
    """One of the two trees."""

    def __init__(
        self, lineage: Lineage, trace: Trace, is_up: bool, look: Look, place: Place, active: int | None
    ) -> None:
        self._target = lineage.target
        self._jobs = lineage.jobs
        self._trace = trace
        self._is_up = is_up
        self._look = look
        self._place = place
        self._active = active
        self._hangs: dict[int, Link] = {}
        self._also: dict[int, list[int]] = {}
        self._roots: dict[int, Link] = {}
        known = dict(trace.depth)
        if lineage.target.job is not None:
            known.setdefault(lineage.target.job.id, 0)
        for link in trace.links:
            near, far = (link.reader, link.maker) if is_up else (link.maker, link.reader)
            if far is None:
                self._roots[link.reader] = link
            elif far in trace.depth and near is not None and near in known:
                if known[near] < known[far] and far not in self._hangs:
                    self._hangs[far] = link
                elif near != far:
                    self._also.setdefault(far, []).append(near)

    def lines(self, fold: bool) -> Iterator[str]:
        """The heading, the tree, and what is left out."""
        look = self._look
        steps = self._trace.depth
        if self._is_up and self._target.job is not None:
            steps = {job: far for job, far in steps.items() if job != self._target.job.id}
        verb = "led to it" if self._is_up else "came from it"
        if not steps and self._trace.is_all:
            no_one = "It is a root input: no step made it." if self._is_up else "No step read it."
            if self._target.job is not None:
                no_one = "No step led to it." if self._is_up else "No step read what it wrote."
            yield no_one
        else:
            nearest = "" if self._trace.is_all else "The nearest "
            yield look.paint(f"{nearest}{plural(len(steps), 'step')} that {verb}:", "bold")
        near = 1 if self._is_up else 0
        parents = {
            job: [end] if (end := self._near(job)) is not None else []
            for job in sorted(self._trace.depth, key=self._order)
        }
        strokes = Strokes() if look.unicode else ASCII
        for node in draw(parents, lambda job: (shape_of(self._jobs[job]), near), strokes, fold):
            yield from self._node(node)
        if not self._trace.is_all:
            yield look.paint("There are more: --all shows them, --depth N those that are at most N steps away.", "dim")

    def _order(self, job: int) -> tuple[int, int]:
        return self._trace.depth[job], -job if self._is_up else job

    def _near(self, job: int) -> int | None:
        link = self._hangs.get(job)
        return None if link is None else link.reader if self._is_up else link.maker

    def _node(self, node: Node) -> Iterator[str]:
        jobs = [self._jobs[number] for number in node.members]
        if node.folded:
            yield folded_line(node.prefix, jobs, (job_ref(job, self._active) for job in jobs), [], self._look)
            return
        number = node.members[0]
        marks = status_marks(jobs[0])
        if number in self._also:
            others = [job_ref(self._jobs[other], self._active) for other in sorted(set(self._also[number]))]
            marks.append(Mark(f"also {'for' if self._is_up else 'from'} {ref_ranges(others)}", "dim"))
        ref = job_ref(jobs[0], self._active)
        yield from step_lines(node.prefix, node.below, ref, jobs[0], self._files(number), marks, self._look)
        root = self._roots.get(number)
        if root is not None:
            more = f" and {plural(root.files - 1, 'more root input')}" if root.files > 1 else ""
            yield f"{node.below}{self._look.sign('←', '<-')} {self._place.name(root.path)}{more}"

    def _files(self, number: int) -> str:
        """What of the step's files led here: ``  → train.csv``."""
        link = self._hangs.get(number)
        sign = self._look.sign("→", "->") if self._is_up else self._look.sign("←", "<-")
        if link is not None:
            more = f" and {link.files - 1} more" if link.files > 1 else ""
            return f"  {sign} {self._place.name(link.path)}{more}"
        if self._target.job is not None:
            return ""
        path = (
            self._target.edge.path
            if self._target.edge is not None
            else self._target.composite and self._target.composite.path
        )
        return f"  {sign} {self._place.name(path)}" if path else ""


def lineage_json(lineage: Lineage) -> dict[str, Any]:
    """The lineage as ``roar/lineage/1``."""
    return {
        "schema": "roar/lineage/1",
        "target": target_json(lineage.target),
        "up": _side_json(lineage, lineage.up),
        "down": _side_json(lineage, lineage.down),
    }


def target_json(target: Target) -> dict[str, Any]:
    """What was asked about, in the JSON of `lineage` and `inputs`."""
    if target.job is not None:
        return {"kind": "job", "uid": target.job.uid, "path": None, "size": None, "hashes": {}}
    if target.composite is not None:
        group = target.composite
        hashes = {group.algorithm: group.digest}
        return {"kind": group.kind, "uid": None, "path": fsdecode(group.path), "size": group.size, "hashes": hashes}
    edge = target.edge
    path, size, hashes = (None, None, {}) if edge is None else (fsdecode(edge.path), edge.size, dict(edge.hashes))
    return {"kind": "file", "uid": None, "path": path, "size": size, "hashes": hashes}


def _side_json(lineage: Lineage, trace: Trace | None) -> dict[str, Any] | None:
    if trace is None:
        return None
    uid = {number: job.uid for number, job in lineage.jobs.items()}
    return {
        "complete": trace.is_all,
        "jobs": [_step_json(lineage.jobs[number], depth) for number, depth in trace.depth.items()],
        "links": [
            {
                "from": None if link.maker is None else uid[link.maker],
                "to": uid[link.reader],
                "files": link.files,
                "path": fsdecode(link.path),
            }
            for link in trace.links
            if link.reader in uid and (link.maker is None or link.maker in uid)
        ],
    }


def _step_json(job: Job, depth: int) -> dict[str, Any]:
    return {**step_json(job), "name": job.name, "exit_code": job.exit_code, "depth": depth}
