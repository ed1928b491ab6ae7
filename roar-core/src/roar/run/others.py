"""What other runs of the workspace are making just now: new files that are nobody's uncommitted work (RUN-7, DIRTY-1)."""

from __future__ import annotations

import os
from collections.abc import Collection, Mapping
from pathlib import Path

from roar.api.events import Kind
from roar.api.tracer import Traced, Tracer
from roar.run.resolve import Resolver
from roar.run.rundir import running

_MAKING = frozenset({Kind.WRITE, Kind.RENAME, Kind.LINK})


def in_the_making(runs: Path, paths: Collection[bytes], tracers: Mapping[str, type[Tracer]]) -> set[bytes]:
    """Those of the paths that runs which are going on have opened for writing, or given a name.

    Args:
        runs: the directory of the workspace's runs.
        paths: canonical paths of new files.
        tracers: those that are installed, by name.
    """
    wanted = set(paths)
    found = _standard_output_of_starting_runs(wanted)
    for run in running(runs):
        found.update(os.fsencode(name) for name in run.plan.get("inherited", ()) if os.fsencode(name) in wanted)
        tracer = tracers.get(run.plan.get("tracer", ""))
        try:
            traced = tracer.recover(runs / run.uid / "tracer") if tracer is not None else None
            if traced is None:
                continue
            found |= _made(traced) & wanted
            traced.finish()
        except OSError:
            continue  # it has just ended, and is in the record
    return found


def _made(traced: Traced) -> set[bytes]:
    """What a run has opened for writing, or given a name, until now."""
    resolve = Resolver(lambda dev, ino: None)
    made = set()
    for event in traced.events():
        resolved = resolve(event) if event.kind in _MAKING else None
        if resolved is not None:
            made.add(resolved.path2 or resolved.path)
    return made


def _standard_output_of_starting_runs(paths: set[bytes]) -> set[bytes]:
    """Those that are stdout or stderr of another roar, which the shell opened before that roar could say so."""
    found: set[bytes] = set()
    own = os.getpid()
    for name in os.listdir("/proc"):
        if not name.isdigit() or int(name) == own:
            continue
        try:
            targets = {os.readlink(f"/proc/{name}/fd/{fd}".encode()) for fd in (1, 2)} & paths
            if targets:
                with open(f"/proc/{name}/cmdline", "rb") as file:
                    words = file.read(4096).split(b"\0")
                if any(os.path.basename(word) == b"roar" for word in words[:3]):
                    found |= targets
        except OSError:
            continue  # another user's, or gone
    return found
