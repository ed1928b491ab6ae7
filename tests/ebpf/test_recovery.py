"""SIGKILL of roar or of the tracer's process: nothing stays loaded, nobody is stopped, and what was seen is recorded."""

from __future__ import annotations

import os
import select
import signal
from pathlib import Path

import pytest
from conftest import Workspace
from ebpf.common import holding

pytestmark = pytest.mark.requirement("SAFE-1", "RUN-6")


@pytest.fixture
def ready(workspace: Workspace) -> Workspace:
    """A repository in which commands can be held."""
    workspace.commit({"input": "data\n", ".gitignore": "out/\nhold-*\n"})
    (workspace.root / "out").mkdir()
    return workspace


def _wait_for(path: Path) -> None:
    holding.wait_for(path.exists, f"{path} was not made")


def _wait_until_copied(ready: Workspace) -> None:
    """Until the journal has what every command here begins with: the shell makes the output, then `cat` opens the input."""
    (events,) = (ready.root / ".roar/runs").glob("*/tracer/events")
    holding.wait_for(
        lambda: b"input\0" in events.read_bytes().partition(b"a\0out\0")[2], "what was seen was not copied"
    )


def test_when_roar_is_killed_nothing_stays_loaded_and_the_command_goes_on(ready: Workspace) -> None:
    line = 'cat input > out/a; cat "$hold"; cat README > out/b; echo end > out/end'
    run = holding.start(ready, "killed", line)
    held = run.wait_until_held()
    drainer = holding.drainer_of(run.roar.pid)
    watched = os.pidfd_open(drainer)  # by its number it would be another one soon
    programs = holding.programs_of(drainer)
    assert len(programs) >= 4 and programs <= holding.loaded()
    run.roar.kill()
    run.end()
    holding.wait_for(lambda: not programs & holding.loaded(), "programs are loaded")
    assert select.select([watched], [], [], holding.DEADLINE_S)[0], "the tracer's process lives"
    os.close(watched)
    os.close(held)
    _wait_for(ready.root / "out/end")
    (job,) = holding.jobs(ready).values()
    assert (job["status"], job["exit_code"], job["capture"]["verdict"]) == ("interrupted", None, "partial")
    (reason,) = job["capture"]["reasons"]
    assert reason.startswith("roar was killed: ")
    assert ready.names(job["inputs"]) == {"input"}
    assert "out/a" in ready.names(job["outputs"])
    assert "out/b" not in ready.names(job["outputs"]) and "README" not in ready.names(job["inputs"])


_OBSERVER = """
from roar.api import hookimpl
import os
roar_api = 1
@hookimpl
def roar_keep(path, direction):
    if "HOLD_RECORD" in os.environ:
        open(os.environ["HOLD_RECORD"]).read()
    return None
"""
"""Keeps roar from recording, when it is told to."""


def test_when_roar_is_killed_after_the_command_has_ended_the_record_is_complete(
    ready: Workspace, tmp_path: Path
) -> None:
    """Between its end and the record."""
    site = tmp_path / "site"
    info = site / "holder-1.0.dist-info"
    info.mkdir(parents=True)
    (site / "holder.py").write_text(_OBSERVER)
    (info / "METADATA").write_text("Metadata-Version: 2.1\nName: holder\nVersion: 1.0\n\ntext\n")
    (info / "entry_points.txt").write_text("[roar.observers]\nmain = holder\n")
    ready.env["PYTHONPATH"] = str(site)
    pipe = tmp_path / "record"
    os.mkfifo(pipe)
    run = holding.start(ready, "ended", 'cat input > out/a; cat "$hold"; exit 3', HOLD_RECORD=str(pipe))
    os.close(run.wait_until_held())
    held = holding.writer_of(pipe)  # opens when roar has got there
    run.roar.kill()
    assert run.end() == -signal.SIGKILL
    os.close(held)
    (job,) = holding.jobs(ready).values()
    assert (job["exit_code"], job["capture"]["verdict"]) == (3, "complete"), job["capture"]
    assert (ready.names(job["inputs"]), ready.names(job["outputs"])) == ({"input"}, {"out/a"})


@pytest.mark.requirement("RUN-3", "TRC-8")
def test_when_the_tracers_process_is_killed_it_is_told_and_the_command_is_none_the_worse(ready: Workspace) -> None:
    run = holding.start(ready, "blind", 'cat input > out/a; cat "$hold"; cat README > out/b; exit 3')
    held = run.wait_until_held()
    drainer = holding.drainer_of(run.roar.pid)
    programs = holding.programs_of(drainer)
    _wait_until_copied(ready)
    os.kill(drainer, signal.SIGKILL)
    holding.wait_for(lambda: not programs & holding.loaded(), "programs are loaded")
    os.close(held)
    assert run.end() == 3, run.said.read_text()
    (job,) = holding.jobs(ready).values()
    assert (job["exit_code"], job["capture"]["verdict"]) == (3, "partial")
    assert any("The tracer's process was killed" in reason for reason in job["capture"]["reasons"])
    assert ready.names(job["inputs"]) == {"input"}
    assert "out/a" in ready.names(job["outputs"])


def test_when_both_are_killed_at_once_the_run_is_listed(ready: Workspace) -> None:
    run = holding.start(ready, "both", 'cat input > out/a; cat "$hold"; echo end > out/end')
    held = run.wait_until_held()
    drainer = holding.drainer_of(run.roar.pid)
    _wait_until_copied(ready)
    os.kill(drainer, signal.SIGKILL)
    run.roar.kill()
    run.end()
    os.close(held)
    _wait_for(ready.root / "out/end")
    (job,) = holding.jobs(ready).values()
    assert (job["status"], job["capture"]["verdict"]) == ("interrupted", "partial")
    assert ready.names(job["inputs"]) == {"input"}
