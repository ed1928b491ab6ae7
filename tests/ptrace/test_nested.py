"""roar within roar: the inner one finds the way that is left to it, the outer one sees all or says what it did not."""

from __future__ import annotations

import json
import os
import sys
from pathlib import Path
from typing import Any

import pytest
from conftest import Workspace

pytestmark = pytest.mark.requirement("TRC-5", "TRC-8", "RUN-7")

WAYS = Path(__file__).with_name("ways")
_LISTENERS, _STOPPERS = ("ptrace", "ptrace-python"), ("ptrace-stops", "ptrace-every")
_LINE = "cat input > out/a; mv out/a out/b; cat out/b missing; exit 3"


@pytest.fixture
def ready(workspace: Workspace) -> Workspace:
    """A repository in which every way can be gone."""
    workspace.commit({"input": "data\n", ".gitignore": "out/\n"})
    (workspace.root / "out").mkdir()
    workspace.env["PYTHONPATH"] = str(WAYS)
    return workspace


def _nested(workspace: Workspace, outer: str, inner: str) -> tuple[str, list[dict[str, Any]]]:
    """What was said, and the jobs: the inner one first, if it began."""
    roar = (sys.executable, "-m", "roar")
    done = workspace.roar("run", "--tracer", outer, *roar, "run", "--tracer", inner, "sh", "-c", _LINE, ok=False)
    assert done.returncode in (1, 3), done.stderr
    listed = json.loads(workspace.roar("log", "--json").stdout)["jobs"]
    jobs = sorted((workspace.job(job["uid"]) for job in listed), key=lambda job: len(job["command"]))
    return done.stderr, jobs


def _is_the_whole_truth(workspace: Workspace, job: dict[str, Any]) -> bool:
    below = {"input", "out/b"} & (workspace.names(job["inputs"]) | workspace.names(job["outputs"]))
    return job["exit_code"] == 3 and below == {"input", "out/b"} and "input" in workspace.names(job["inputs"])


@pytest.mark.parametrize("inner", ["ptrace", "ptrace-every"])
@pytest.mark.parametrize("outer", _LISTENERS)
def test_under_a_listener_both_see_everything(ready: Workspace, outer: str, inner: str) -> None:
    """Who comes second gets no listener, and nothing of a filter's stops; but it may trace."""
    _, (within, without) = _nested(ready, outer, inner)
    for job in (within, without):
        assert job["capture"]["verdict"] == "complete", job["capture"]["reasons"]
        assert _is_the_whole_truth(ready, job)
    assert ready.names(within["inputs"]) == {"input"}
    assert ready.names(within["outputs"]) == {"out/b"}


def test_under_a_listener_a_filter_s_stops_are_refused_with_the_reason(ready: Workspace) -> None:
    said, (job,) = _nested(ready, "ptrace", "ptrace-stops")
    assert "Tracer preflight failed for 'ptrace-stops': " in said
    assert "somebody's seccomp listener takes the calls before" in said
    assert job["exit_code"] == 1
    assert not (ready.root / "out/b").exists()


@pytest.mark.parametrize("outer", _STOPPERS)
def test_under_stops_the_inner_one_listens_and_the_outer_one_says_so(ready: Workspace, outer: str) -> None:
    _, (within, without) = _nested(ready, outer, "ptrace")
    assert within["capture"]["verdict"] == "complete"
    assert _is_the_whole_truth(ready, within)
    assert without["capture"]["verdict"] == "partial"
    assert "seccomp filter" in without["capture"]["reasons"][0]


@pytest.mark.parametrize("outer", _STOPPERS)
def test_under_stops_nobody_else_can_trace(ready: Workspace, outer: str) -> None:
    said, (job,) = _nested(ready, outer, "ptrace-every")
    assert "Tracer preflight failed for 'ptrace-every': " in said
    assert "roar itself is traced" in said
    assert job["capture"]["verdict"] == "partial"
    assert "another debugger or tracer" in job["capture"]["reasons"][0]


@pytest.mark.parametrize("outer", ["ptrace", "ptrace-stops"])
def test_roar_s_own_reading_commands_are_seen_as_any_program(ready: Workspace, outer: str) -> None:
    ready.roar("run", "-q", "--tracer", "ptrace", "sh", "-c", "cat input > out/first")
    ready.roar("run", "-q", "--tracer", outer, "sh", "-c", f"{sys.executable} -m roar show @1 > out/shown; cat input")
    job = ready.job("@2")
    assert job["capture"]["verdict"] == "complete", job["capture"]["reasons"]
    assert ready.names(job["outputs"]) == {"out/shown"}
    assert "input" in ready.names(job["inputs"])
    assert os.stat(ready.root / "out/shown").st_size
