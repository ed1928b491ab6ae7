"""Random programs: each way records of them what they did, which they tell themselves."""

from __future__ import annotations

import ast
import os
import sys
from collections.abc import Sequence
from pathlib import Path

import actor
import pytest

from roar.api.events import Event, FileStat, Kind
from roar.run.collect import Collector
from roar.testing.tracer import Ground

pytestmark = pytest.mark.requirement("TRC-10", "NORM-2", "NORM-3", "NORM-6")

_PROGRAMS = int(os.environ.get("ROAR_PTRACE_PROGRAMS", "4"))
"""How many; each has as many steps as make it last a second or two under the slowest way."""
_STEPS = 120
_CODE = Path(actor.__file__).read_text()


def _told(line: bytes) -> Event:
    kind, path, path2, flags, existed, fields = ast.literal_eval(line.decode())
    return Event(Kind[kind], 1, 0, path, path2, flags, existed, FileStat(*fields) if fields else None, resolved=True)


def _edges(root: Path, events: Sequence[Event]) -> tuple[set[bytes], set[bytes]]:
    """Inputs and outputs below the root; as the fold may look at files, both are folded when the program has ended."""
    collector = Collector(os.fsencode(root), 0)
    collector.take(events)
    folded = collector.finish()
    prefix = os.fsencode(root) + b"/"
    inputs, outputs = (
        {path.removeprefix(prefix) for path in paths if path.startswith(prefix)}
        for paths in (folded.inputs, folded.outputs)
    )
    return inputs, outputs


_NEW = os.O_WRONLY | os.O_CREAT | os.O_TRUNC
_KNOWN: dict[str, list[actor.Step]] = {
    "made again by another name of its directory": [
        ("open", "way/a", _NEW, "open", True), ("unlink", "d/a", ""), ("open", "way/a", _NEW, "open", True),
    ],
    "made again by another name of the file": [
        ("open", "link", _NEW, "open", True), ("unlink", "a", ""), ("open", "link", _NEW, "open", True),
    ],
    "read again when it is another file": [
        ("open", "way/a", 0, "open", True), ("unlink", "d/a", ""), ("symlink", "../b", "d/a"), ("open", "way/a", 0, "open", True),
    ],
    "read in the same words elsewhere": [
        ("open", "a", 0, "open", True), ("chdir", "d"), ("open", "a", 0, "open", True),
    ],
    "read elsewhere because of another thread": [
        ("open", "a", 0, "open", True), ("inside", "thread", (("chdir", "d"),)), ("open", "a", 0, "open", True),
    ],
    "another process goes elsewhere": [
        ("open", "a", 0, "open", True), ("inside", "process", (("chdir", "d"), ("open", "a", 0, "open", True))),
        ("open", "b", _NEW, "open", True),
    ],
    "read where a directory has come": [
        ("open", "d/a", 0, "open", True), ("exchange", "d", "e"), ("open", "d/f/a", 0, "open", True), ("open", "d/a", 0, "open", True),
    ],
    "read by a link that leads elsewhere now": [
        ("open", "way/a", 0, "open", True), ("unlink", "way", ""), ("symlink", "e", "way"), ("open", "way/a", 0, "open", True),
    ],
    "changed by a second name": [
        ("link", "a", "c", 0), ("open", "c", os.O_WRONLY | os.O_APPEND, "open", True), ("unlink", "c", ""),
    ],
    "truncated by a descriptor and moved": [
        ("truncate", "a", 0, "descriptor"), ("rename", "a", "c", 0), ("truncate", "b", 3, "path"), ("unlink", "tool", ""),
    ],
    "run, written and run again": [
        ("run", "tool", ""), ("open", "tool", os.O_WRONLY | os.O_APPEND, "open", True), ("run", "tool", ""),
    ],
}  # fmt: skip
"""Programs in which a name is used that was used before, and means something else by then."""


def _run(ground: Ground, program: list[actor.Step]) -> int:
    """Runs a program, whose edges must be what it tells; how much it told."""
    driven, told, err = ground.run(sys.executable, "-BSEc", _CODE, repr(program))
    assert driven.exit is not None and driven.exit.code == 0, err.decode()
    events = [_told(line) for line in told.splitlines()]
    assert _edges(ground.root, driven.events) == _edges(ground.root, events), program
    assert driven.blind == ()
    return len(events)


def test_a_name_that_is_known_may_mean_another_file_by_now(ground: Ground) -> None:
    """Each program in a directory of its own, and a process that begins there."""
    program: list[actor.Step] = []
    for name, steps in _KNOWN.items():
        actor.fill(str(ground.root / name))
        program.append(("inside", "process", (("chdir", name), *steps)))
    assert _run(ground, program) >= 2 * len(_KNOWN)


@pytest.mark.parametrize("seed", range(_PROGRAMS))
def test_a_random_program_s_edges_are_what_it_did(ground: Ground, seed: int) -> None:
    actor.fill(str(ground.root))
    assert _run(ground, actor.random_program(seed, _STEPS)) > _STEPS / 8, "it did next to nothing"
