"""What is said at the end of a run: one line in a pipe, a few on a terminal."""

from __future__ import annotations

import os
import sys
from collections.abc import Iterator, Sequence

from roar.api.records import Edge, JobRecord, Recorded
from roar.render.look import Look, look_of
from roar.render.text import columns, duration_text, padded, plural, printable, shortened, shown_path, size_text

_NAMED_IN_LINE = 3
_NAMED_ON_TERMINAL = 5
_BLOCKING_SHOWN = 5


def summary(
    record: JobRecord,
    recorded: Recorded,
    hints: bool = True,
    blocking: Sequence[bytes] = (),
    told: Sequence[str] = (),
    look: Look | None = None,
) -> str:
    """The summary of a run: step, verdict with reasons, inputs and outputs with sizes, times, tracer, what to type next.

    Args:
        record: what was recorded.
        recorded: where.
        hints: whether to suggest the next command.
        blocking: new files of the working tree, absolute, that the next `roar run` would refuse to start with.
        told: notes of the record that the user has been told already.
        look: of the stream that it is for; of stderr by default.
    """
    look = look or look_of(sys.stderr)
    ref = f"@B{recorded.step}" if record.kind == "build" else f"@{recorded.step}"
    notes = [note for note in record.capture.notes if note not in told]
    names = _Names(record)
    if look.terminal:
        return "\n".join(_lines(record, ref, notes, names, hints, blocking, look))
    return _line(record, ref, notes, names, hints, blocking)


class _Names:
    """Paths as the user would type them."""

    def __init__(self, record: JobRecord) -> None:
        try:
            self._cwd = os.getcwdb()
        except OSError:  # the command removed it
            self._cwd = record.cwd
        self._root = record.git.root if record.git is not None else self._cwd

    def __call__(self, path: bytes) -> str:
        return shown_path(path, self._root, self._cwd)


def _line(
    record: JobRecord, ref: str, notes: Sequence[str], names: _Names, hints: bool, blocking: Sequence[bytes]
) -> str:
    capture = record.capture
    why = f" ({'; '.join(map(printable, capture.reasons))})" if capture.reasons else ""
    files = f"{_listed('input', record.inputs, names)}, {_listed('output', record.outputs, names)}"
    said = [f"roar: {ref} {_ending(record)}{capture.verdict}{why}: {files}; {_times(record)}; tracer {record.tracer}"]
    said += map(printable, notes)
    if blocking:
        said.append(f"the next run will refuse to start with {_named(blocking, names)}")
    if hints:
        said.append(f"next: {_next(record, ref, blocking)}")
    return "; ".join(said)


def _listed(what: str, edges: Sequence[Edge], names: _Names) -> str:
    if not edges:
        return f"no {what}s"
    named = ", ".join(f"{names(edge.path)} {size_text(edge.size)}" for edge in edges[:_NAMED_IN_LINE])
    more = f" and {len(edges) - _NAMED_IN_LINE} more" if len(edges) > _NAMED_IN_LINE else ""
    return f"{plural(len(edges), what)} ({named}{more})"


def _lines(
    record: JobRecord,
    ref: str,
    notes: Sequence[str],
    names: _Names,
    hints: bool,
    blocking: Sequence[bytes],
    look: Look,
) -> Iterator[str]:
    capture = record.capture
    dot = look.sign(" · ", ", ")
    colour = "green" if capture.verdict == "complete" else "yellow"
    counts = f"{_total('input', record.inputs)}, {_total('output', record.outputs)}"
    head = f"roar {look.paint(ref, 'bold')} {_ending(record)}{look.paint(capture.verdict, colour)}"
    yield dot.join((head, counts, _times(record), record.tracer))
    for reason in capture.reasons:
        yield f"  {look.paint(capture.verdict, 'yellow')}: {printable(reason)}"
    for note in notes:
        yield f"  note: {printable(note)}"
    yield from _rows("in", record.inputs, names, look)
    yield from _rows("out", record.outputs, names, look)
    if blocking:
        yield f"  The next run will refuse to start with these new files: {_named(blocking, names)}"
    if hints:
        yield look.paint(f"  next: {_next(record, ref, blocking)}", "dim")


def _rows(label: str, edges: Sequence[Edge], names: _Names, look: Look) -> Iterator[str]:
    shown = edges[:_NAMED_ON_TERMINAL]
    room = max(look.width - 20, 16)
    cells = [shortened(names(edge.path), room, look.sign("…", "...")) for edge in shown]
    width = max(map(columns, cells), default=0)
    for edge, cell in zip(shown, cells, strict=True):
        yield f"  {label:<3}  {padded(cell, width)}  {size_text(edge.size):>7}"
    if len(edges) > len(shown):
        yield f"  {label:<3}  {look.sign('…', '...')} and {len(edges) - len(shown)} more"


def _total(what: str, edges: Sequence[Edge]) -> str:
    size = sum(edge.size or 0 for edge in edges)
    return f"{plural(len(edges), what)} ({size_text(size)})" if edges else f"no {what}s"


def _ending(record: JobRecord) -> str:
    """What the user should know of the command before the verdict: nothing when it succeeded."""
    return "" if record.exit_code == 0 else f"exit {record.exit_code}, "


def _times(record: JobRecord) -> str:
    took = duration_text((record.ended_ns - record.started_ns) / 1e9)
    return f"{took} and {duration_text(record.recording_s)} to record"


def _named(paths: Sequence[bytes], names: _Names) -> str:
    shown = ", ".join(map(names, paths[:_BLOCKING_SHOWN]))
    more = len(paths) - _BLOCKING_SHOWN
    return f"{shown} and {more} more" if more > 0 else shown


def _next(record: JobRecord, ref: str, blocking: Sequence[bytes]) -> str:
    if blocking:
        return "commit them, or add them to .gitignore"
    if not record.outputs and record.filtered:
        return f"roar show {ref} --filtered"
    if record.outputs and record.status == "ok":
        return "roar dag --show-artifacts"
    return f"roar show {ref}"
