"""Runs a command under a tracer in a process of its own, as roar does, and writes down what came of it.

The contract of tracers runs it instead of calling the tracer: starting a command changes the process's signal mask, and to
kill roar is part of the test.
"""

from __future__ import annotations

import os
import pickle
import shutil
from importlib import import_module
from pathlib import Path
from typing import NamedTuple

from roar.api.errors import PreflightFailed
from roar.api.events import Event
from roar.api.process import Exit, Launch
from roar.api.tracer import Coverage, Tracer
from roar.run.collect import Collector
from roar.run.filetimes import coarse_ns


class Driven(NamedTuple):
    """What came of a command."""

    exit: Exit | None
    """None when it was recovered, or could not be started."""
    error: str
    """Name of the exception that `Tracer.start` raised, empty when none."""
    pid: int
    events: list[Event]
    coverage: Coverage | None
    inputs: frozenset[bytes]
    """As roar would record them, before the filters."""
    outputs: frozenset[bytes]
    blind: tuple[tuple[str, bytes], ...]


class _Keeping(Collector):
    """A collector that keeps the events."""

    def __init__(self, root: bytes) -> None:
        super().__init__(root, coarse_ns(os.uname().release))
        self.kept: list[Event] = []

    def take(self, events: object) -> None:
        """Folds the events and keeps them."""
        taken = list(events)  # type: ignore[call-overload]
        self.kept += taken
        super().take(taken)


def main(words: list[str]) -> int:
    """Takes ``start|recover MODULE:CLASS JOURNAL RESULT [COMMAND [ARG]...]`` and leaves a pickled `Driven` in RESULT."""
    what, name, journal, result, *command = words
    module, _, attribute = name.partition(":")
    tracer: type[Tracer] = getattr(import_module(module), attribute)
    driven = _start(tracer, Path(journal), command) if what == "start" else _recover(tracer, Path(journal))
    Path(result).write_bytes(pickle.dumps(driven))
    return 0


def _start(tracer: type[Tracer], journal: Path, command: list[str]) -> Driven:
    argv = tuple(map(os.fsencode, command))
    executable = os.fsencode(shutil.which(command[0]) or command[0])
    launch = Launch(argv, executable, dict(os.environb), os.getcwdb())
    collector = _Keeping(launch.root)
    try:
        traced = tracer().start(launch, journal)
    except (OSError, PreflightFailed) as error:
        return Driven(None, type(error).__name__, 0, [], None, frozenset(), frozenset(), ())
    collector.start(traced, lambda: None)
    ended = traced.wait()
    collector.halt()
    collector.take(traced.events())
    coverage = traced.finish()
    return _driven(ended, traced.pid, collector, coverage)


def _recover(tracer: type[Tracer], journal: Path) -> Driven:
    collector = _Keeping(os.getcwdb())
    traced = tracer.recover(journal)
    if traced is None:
        return Driven(None, "", 0, [], None, frozenset(), frozenset(), ())
    collector.take(traced.events())
    return _driven(None, 0, collector, traced.finish())


def _driven(ended: Exit | None, pid: int, collector: _Keeping, coverage: Coverage) -> Driven:
    folded = collector.finish()
    inputs, outputs = frozenset(folded.inputs), frozenset(folded.outputs)
    return Driven(ended, "", pid, collector.kept, coverage, inputs, outputs, folded.blind)
