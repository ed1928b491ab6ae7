"""The benchmark itself, with few and short measurements."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest
from package_builds import ROOT

from bench.overhead import BARE, SHIM, WHOLE, measure
from bench.scale import at_once
from bench.timing import CommandFailed, once, plain
from bench.workloads import WORKLOADS, Place, lay_out


@pytest.fixture(scope="module")
def place(tmp_path_factory: pytest.TempPathFactory) -> Place:
    return lay_out(tmp_path_factory.mktemp("bench") / "work")


def test_a_workload_is_measured_bare_under_the_shim_and_under_the_whole_run(place: Place) -> None:
    found = measure("bash", place, 1)

    assert list(found.series) == [BARE, SHIM, WHOLE]
    assert found.dropped == 0
    assert all(cost.cpu_s > 0 for series in found.series.values() for cost in series.costs)


def test_the_cpu_of_children_is_counted(place: Place) -> None:
    words = [sys.executable, "-c", "import time\nwhile time.process_time() < .05: pass"]
    cost = once(["sh", "-c", '"$@"; true', "sh", *words], place.root, place.env)

    assert cost.cpu_s >= 0.05


def test_a_workload_that_fails_is_no_measurement(place: Place) -> None:
    with pytest.raises(CommandFailed, match="exit 3"):
        once(["sh", "-c", "exit 3"], place.root, place.env)


@pytest.mark.parametrize("name", WORKLOADS)
def test_each_workload_says_what_it_is(name: str) -> None:
    assert WORKLOADS[name].what
    assert 1 < WORKLOADS[name].cpu_target <= 1.5


@pytest.mark.requirement("RUN-7")
def test_runs_at_once_are_recorded_once_each(place: Place) -> None:
    assert at_once(place, 8).recorded == 8


def test_unknown_names_are_refused_with_the_known_ones() -> None:
    done = subprocess.run(
        [sys.executable, "-m", "bench", "nonesuch"], cwd=ROOT, capture_output=True, text=True, check=False
    )

    assert done.returncode == 2
    assert "unknown: nonesuch; known: opens" in done.stderr


def test_the_variants_of_a_command_take_turns(place: Place, tmp_path: Path) -> None:
    from bench.timing import in_turns

    log = tmp_path / "log"
    ways = [plain(name, ["sh", "-c", f"echo {name} >> {log}"], place.env) for name in ("a", "b")]

    in_turns(ways, 2, place.root, lambda: None)

    assert log.read_text().split() == ["a", "b", "b", "a"]
