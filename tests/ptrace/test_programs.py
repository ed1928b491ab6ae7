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

_PROGRAMS = int(os.environ.get("ROAR_PTRACE_PROGRAMS", "6"))
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


@pytest.mark.parametrize("seed", range(_PROGRAMS))
def test_a_random_program_s_edges_are_what_it_did(ground: Ground, seed: int) -> None:
    actor.fill(str(ground.root))
    program = actor.random_program(seed, _STEPS)
    driven, told, err = ground.run(sys.executable, "-BSEc", _CODE, repr(program))
    assert driven.exit is not None and driven.exit.code == 0, err.decode()
    events = [_told(line) for line in told.splitlines()]
    assert len(events) > _STEPS / 8, "it did next to nothing"
    assert _edges(ground.root, driven.events) == _edges(ground.root, events), program
    assert driven.blind == ()
