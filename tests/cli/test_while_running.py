"""Readers while a run is going on, and after one was killed."""

from __future__ import annotations

import json
import os
import select
import signal
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest


class Waiting:
    """A run that has started, has written a file, and waits to be told to go on."""

    def __init__(self, workspace: Any, pipes: Path) -> None:
        self._begun, self._go = pipes / "begun", pipes / "go"
        os.mkfifo(self._begun)
        os.mkfifo(self._go)
        script = f"echo seen > early.txt; echo yes > {self._begun}; cat {self._go} > late.txt"
        self.process = subprocess.Popen(
            [sys.executable, "-m", "roar", "run", "-q", "sh", "-c", script], cwd=workspace.root, env=workspace.env
        )
        begun = os.open(self._begun, os.O_RDWR)  # doesn't wait for a writer that may never come
        assert select.select([begun], [], [], 300)[0], "the command did not begin"
        os.close(begun)

    def go_on(self) -> None:
        """Lets the command end."""
        self._go.write_text("go")


@pytest.fixture
def running(workspace: Any, tmp_path: Path) -> Iterator[tuple[Any, Waiting]]:
    workspace.roar("run", "-q", "sh", "-c", "echo 1 > first.txt")
    waiting = Waiting(workspace, tmp_path)
    yield workspace, waiting
    waiting.process.wait()


def read(workspace: Any, *words: str) -> Any:
    return json.loads(workspace.roar(*words, "--json").stdout)


@pytest.mark.requirement("SHOW-7")
def test_every_reader_works_while_a_run_goes_on(running: tuple[Any, Waiting]) -> None:
    workspace, waiting = running
    try:
        readers = (
            ["log"], ["show"], ["show", "@1"], ["show", "first.txt"], ["dag"], ["fsck"], ["session"],
            ["label", "show"], ["diff", "@1", "first.txt"],
        )  # fmt: skip
        for words in readers:
            workspace.roar(*words)
        status = read(workspace, "status")
        assert len(read(workspace, "log")["jobs"]) == 1
    finally:
        waiting.go_on()
    assert [run["command"][:2] for run in status["running"]] == [["sh", "-c"]]
    waiting.process.wait()
    assert read(workspace, "status")["running"] == []
    assert workspace.names(workspace.job("@2")["outputs"]) == {"early.txt", "late.txt"}


@pytest.mark.requirement("RUN-6", "SAFE-1", "EXP-0")
@pytest.mark.parametrize("reader", [["log"], ["status"], ["show"], ["dag"]])
def test_a_killed_run_is_recorded_once_by_whatever_reader_comes_next(
    running: tuple[Any, Waiting], reader: list[str]
) -> None:
    workspace, waiting = running
    waiting.process.send_signal(signal.SIGKILL)
    waiting.process.wait()
    waiting.go_on()
    workspace.roar(*reader)
    workspace.roar(*reader)
    jobs = read(workspace, "log")["jobs"]
    assert [job["status"] for job in jobs] == ["interrupted", "ok"]
    assert jobs[0]["capture"]["verdict"] == "partial"
    assert "early.txt" in workspace.names(jobs[0]["outputs"])
    assert [run["ref"] for run in read(workspace, "status")["interrupted"]] == ["@2"]


@pytest.mark.requirement("RUN-6", "SAFE-2")
def test_fsck_tells_of_a_killed_run_and_records_it_only_on_request(
    running: tuple[Any, Waiting], make_workspace: Callable[..., Any]
) -> None:
    workspace, waiting = running
    waiting.process.send_signal(signal.SIGKILL)
    waiting.process.wait()
    waiting.go_on()
    for _ in range(2):
        done = workspace.roar("fsck", ok=False)
        assert done.returncode == 1 and "was interrupted and is not recorded yet" in done.stdout
    assert "Recorded the interrupted run" in workspace.roar("fsck", "--repair").stdout
    assert workspace.roar("fsck").returncode == 0
