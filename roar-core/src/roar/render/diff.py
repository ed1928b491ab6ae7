"""How two things differ, as people read it: the likely cause first, then what differs of each pair of steps."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from os import fsencode
from typing import Any

from roar.api.records import Job, StoredEdge
from roar.lineage.diff import Change, FileChange, Files, StepDiff
from roar.lineage.diff_causes import Cause
from roar.lineage.diff_sides import Diff, Side
from roar.render.job import Place, digest_text
from roar.render.look import Look
from roar.render.session import session_title
from roar.render.text import command_text, plural, printable, shortened, size_text, time_text

_LISTED = 40
"""So many changes of a kind are listed on a terminal; a pipe gets them all."""
_OTHER_CAUSES = 3
_VALUE_COLUMNS = 60


def diff_lines(diff: Diff, look: Look, place: Place) -> Iterator[str]:
    """The lines of `roar diff`."""
    for letter, side in (("A", diff.a), ("B", diff.b)):
        text = f"{letter}  {side_title(side, place)}"
        yield look.paint(shortened(text, look.width, look.sign("…", "...")) if look.width else text, "bold")
    yield ""
    if diff.reproduction is not None:
        made = diff.reproduction
        yield f"A reproduction made {'B' if diff.b.job is None else 'A'}: by {printable(made.by)} on {time_text(made.on_ns)}."
    if diff.hint is not None:
        yield f"In B: {printable(diff.hint)}."
    if diff.is_same and diff.same_content is not None:
        yield "The contents are the same."
    elif diff.is_same and (diff.steps or diff.kind != "artifact"):
        yield "No difference."
    elif diff.kind == "artifact" and not diff.steps:
        yield _unmade(diff)
    else:
        yield from cause_lines(diff, look)
    if diff.kind == "session":
        yield from _session_lines(diff, look)
    else:
        for step in diff.steps:
            yield from step_lines(step, look)


def side_title(side: Side, place: Place) -> str:
    """``@3 1f2e3d4c  python train.py``, ``model.pkl  blake3 3f2a91c4d0b7  12 kB, made by @3 python train.py``."""
    if side.session is not None:
        return session_title(side.session)
    if side.kind == "step" and side.job is not None:
        return _job_title(side.job)
    name = "artifact" if side.path is None else place.name(side.path)
    made = "no step made it" if side.job is None else f"made by {_job_title(side.job)}"
    if not side.is_recorded:
        made = "not recorded"
    return f"{name}  {digest_text(side.hashes)}  {size_text(side.size)}, {made}"


def _job_title(job: Job) -> str:
    return f"{job.ref} {job.uid[:8]}  {command_text(job.command)}"


def _unmade(diff: Diff) -> str:
    if diff.same_content is None:
        return "Whether the contents differ is not known: there are no digests to compare."
    whose = "A" if diff.a.job is None else "B"
    if diff.a.job is None and diff.b.job is None:
        return "The contents differ, and no step made either of them."
    return f"The contents differ, and no step made {whose}."


def cause_lines(diff: Diff, look: Look) -> Iterator[str]:
    """What may be why the outputs differ, the likeliest first."""
    if not diff.outputs_differ:
        if diff.kind == "session" and not diff.steps:
            yield "No step of one has a counterpart in the other."
            return
        of_both = " of the steps that both have" if diff.kind == "session" else ""
        yield f"The outputs{of_both} are the same."
        return
    if not diff.causes:
        yield look.paint("Likely cause", "bold") + (
            ": nothing that is recorded differs but what came of it. To see whether it comes out differently each time,"
            " run it again."
        )
        return
    first, *others = diff.causes
    yield look.paint("Likely cause", "bold") + f": {cause_text(first, look)}"
    yield from (f"  or: {cause_text(cause, look)}" for cause in others[:_OTHER_CAUSES])
    if len(others) > _OTHER_CAUSES:
        yield f"  {look.sign('…', '...')} and {len(others) - _OTHER_CAUSES} more that differ (--json lists them all)"


def cause_text(cause: Cause, look: Look) -> str:
    """One clause."""
    where = _where(cause)
    if cause.kind == "input":
        name = printable(fsencode(cause.name))
        if cause.a is None or cause.b is None:
            return f"{name}, a root input, was read by {(cause.job_a if cause.b is None else cause.job_b).ref} only"
        return f"{name}, a root input of {where}, differs: {_arrow(_content(cause.a), _content(cause.b), look)}"
    if cause.kind == "command":
        return f"the {cause.name} of {where} differs"
    values = _arrow(_value(cause.a, cause.name), _value(cause.b, cause.name), look)
    name = printable(cause.name)
    if cause.kind == "package":
        section = "" if cause.section == "packages" else f" ({printable(cause.section)})"
        return f"the package {name}{section} differs in {where}: {values}"
    if cause.kind == "environment":
        what = "variable" if cause.section == "variables" else printable(cause.section)
        return f"the {what} {name} differs in {where}: {values}"
    return f"the {'parameter ' if cause.kind == 'parameter' else ''}{name} of {where} differs: {values}"


def _where(cause: Cause) -> str:
    a, b = cause.job_a, cause.job_b
    if a.id == b.id:
        return a.ref
    if a.session == b.session:
        return f"{a.ref} and {b.ref}"
    return f"{a.ref} (session {a.session}) and {b.ref} (session {b.session})"


def step_lines(step: StepDiff, look: Look) -> Iterator[str]:
    """What differs of a pair of steps, kind by kind, and in a line what doesn't."""
    same: list[str] = []
    for title, changes in (("Command", step.command), ("Commit", step.commit), ("Parameters", step.parameters)):
        if changes:
            yield ""
            yield from _changes(title, changes, look)
        elif title != "Parameters" or step.a.parameters:
            same.append(title.lower())
    for section, changes in step.environment.items():
        yield ""
        yield from _changes(f"Environment: {printable(section)}", changes, look)
    if not step.environment:
        same.append("environment")
    for title, files in (("Inputs", step.inputs), ("Outputs", step.outputs)):
        if files.changes:
            yield ""
            yield from _files(title, files, look)
        elif files.same:
            same.append(f"{title.lower()} ({files.same})")
    if step.result:
        yield ""
        yield from _changes("Result", step.result, look)
    if same and not step.is_same:
        yield ""
        yield f"The same: {', '.join(same)}"


def _changes(title: str, changes: Sequence[Change], look: Look) -> Iterator[str]:
    yield look.paint(f"{title} ({len(changes)} differ{'s' if len(changes) == 1 else ''})", "bold")
    for change in changes[: _LISTED if look.terminal else len(changes)]:
        if isinstance(change.a, list) or isinstance(change.b, list):
            for letter, value in (("A", change.a), ("B", change.b)):
                yield f"  {letter}  {command_text(list(map(str, value or ())))}"
        else:
            yield f"  {printable(change.name)}: {_arrow(_value(change.a, change.name), _value(change.b, change.name), look)}"
    yield from _more(len(changes), look)


def _files(title: str, files: Files, look: Look) -> Iterator[str]:
    alike = f", {files.same} the same" if files.same else ""
    count = len(files.changes)
    yield look.paint(f"{title} ({count} differ{'s' if count == 1 else ''}{alike})", "bold")
    for change in files.changes[: _LISTED if look.terminal else count]:
        yield f"  {_file(change, look)}"
    yield from _more(count, look)


def _file(change: FileChange, look: Look) -> str:
    name = printable(change.path)
    if change.how == "only_a" and change.a is not None:
        return f"{name}  only in A: {_content(change.a)}"
    if change.how == "only_b" and change.b is not None:
        return f"{name}  only in B: {_content(change.b)}"
    if change.a is None or change.b is None:  # which is never
        return name
    if change.how == "moved":
        return f"{name}  in B the same content is {printable(change.b.path)}"
    note = "  (whether it differs is not known)" if change.how == "unknown" else ""
    return f"{name}  {_arrow(_content(change.a), _content(change.b), look)}{note}"


def _content(edge: StoredEdge) -> str:
    if not edge.hashes:
        return printable(edge.missing_reason or "content not known")
    return f"{digest_text(edge.hashes)} {size_text(edge.size)}"


def _session_lines(diff: Diff, look: Look) -> Iterator[str]:
    """A line a pair, and the steps that only one has."""
    alike = [step for step in diff.steps if step.is_same]
    for step in diff.steps:
        if step.is_same:
            continue
        parts = [
            name
            for name, differs in (
                ("command", step.command),
                ("commit", step.commit),
                ("parameters", step.parameters),
                ("environment", step.environment),
                ("result", step.result),
            )
            if differs
        ]
        parts += [
            plural(len(files.changes), one)
            for one, files in (("input", step.inputs), ("output", step.outputs))
            if files.changes
        ]
        yield ""
        yield f"{step.a.ref} {look.sign('→', '->')} {step.b.ref} {_fitted(step.b, look)}"
        yield f"  differs: {', '.join(parts)}  (roar diff {step.a.uid[:8]} {step.b.uid[:8]})"
    if alike:
        yield ""
        yield f"{plural(len(alike), 'step')} the same"
    for letter, jobs in (("A", diff.only_a), ("B", diff.only_b)):
        if jobs:
            yield ""
            yield look.paint(f"Only in {letter} ({len(jobs)})", "bold")
            yield from (f"  {job.ref} {_fitted(job, look)}" for job in jobs[: _LISTED if look.terminal else len(jobs)])
            yield from _more(len(jobs), look)


def _fitted(job: Job, look: Look) -> str:
    text = command_text(job.command)
    return shortened(text, max(look.width - 16, 20), look.sign("…", "...")) if look.width else text


def _more(count: int, look: Look) -> Iterator[str]:
    if look.terminal and count > _LISTED:
        yield f"  {look.sign('…', '...')} and {count - _LISTED} more; all of them: add | cat, or --json"


def _arrow(a: str, b: str, look: Look) -> str:
    return f"{a} {look.sign('→', '->')} {b}"


def _value(value: Any, name: str) -> str:
    if value is None:
        return "(none)"
    if name == "commit":
        return printable(str(value)[:12])
    if isinstance(value, Mapping):  # a variable whose value is not recorded
        return "(set)" if value.get("set") else printable(str(dict(value)))
    return shortened(printable(str(value)), _VALUE_COLUMNS)
