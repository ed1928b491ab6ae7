"""The benchmark itself, with few and short measurements."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest
from package_builds import ROOT

from bench import arming, beside
from bench.__main__ import TRACERS
from bench.driver import EMPTY_FILTER
from bench.overhead import ALONE, FLOOR, WHOLE, measure
from bench.scale import at_once, flood
from bench.targets import TARGETS
from bench.timing import CommandFailed, Cost, in_turns, once
from bench.workloads import WORKLOADS, Place, lay_out

BURN = "import time\nwhile time.process_time() < .05: pass"
_TRACER = """
from roar.api import hookimpl
from roar_tracer_preload.tracer import PreloadTracer

roar_api = 1

class Renamed(PreloadTracer):
    name = "renamed"
    rank = 1

@hookimpl
def roar_tracers():
    return [Renamed]
"""


@pytest.fixture(scope="module")
def place(tmp_path_factory: pytest.TempPathFactory) -> Place:
    return lay_out(tmp_path_factory.mktemp("bench") / "work")


def _bench(*words: str) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-m", "bench", *words]
    return subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)


@pytest.mark.parametrize("tracer", TRACERS)
def test_a_workload_is_measured_bare_under_the_tracer_and_under_the_whole_run(place: Place, tracer: str) -> None:
    found = measure("bash", place, 1, [tracer])

    assert list(found.traced) == [(tracer, ALONE), (tracer, WHOLE)]
    assert not any(series.unseen for series in found.traced.values())
    assert all(cost.cpu_s > 0 for series in (found.bare, *found.traced.values()) for cost in series.costs)


@pytest.mark.parametrize("tracer", ["", *TRACERS])
def test_the_cpu_of_children_is_counted(place: Place, tracer: str) -> None:
    cost = once(["sh", "-c", '"$@"; true', "sh", sys.executable, "-c", BURN], place.root, place.env, tracer)

    assert cost.cpu_s >= 0.05


@pytest.mark.parametrize("tracer", ["", *TRACERS])
def test_the_cpu_of_what_outlives_the_command_is_counted(place: Place, tracer: str) -> None:
    cost = once(["sh", "-c", '"$@" & exit', "sh", sys.executable, "-c", BURN], place.root, place.env, tracer)

    assert cost.cpu_s >= 0.05


@pytest.mark.parametrize("tracer", ["", *TRACERS])
def test_a_workload_that_fails_is_no_measurement(place: Place, tracer: str) -> None:
    with pytest.raises(CommandFailed, match="exit 3"):
        once(["sh", "-c", "exit 3"], place.root, place.env, tracer)


def test_what_an_empty_filter_costs_is_shown_beside_a_tracer_that_needs_one(place: Place) -> None:
    assert FLOOR in measure("getpid", place, 1, ["ptrace"], []).traced
    assert FLOOR not in measure("getpid", place, 1, ["preload"], []).traced


def test_an_empty_filter_is_a_filter(place: Place) -> None:
    words = ["sh", "-c", "grep ^Seccomp: /proc/self/status"]

    assert once(words, place.root, place.env, EMPTY_FILTER).output.split() == ["Seccomp:", "2"]
    assert once(words, place.root, place.env).output.split() == ["Seccomp:", "0"]


def test_a_program_that_is_not_there_is_no_measurement(place: Place) -> None:
    with pytest.raises(CommandFailed, match="not measured: nonesuch"):
        once(["nonesuch"], place.root, place.env)


def test_what_the_tracer_missed_is_told(place: Place) -> None:
    (place.root / "out/quiet.c").write_text("int main(void) { return 0; }\n")
    subprocess.run(["cc", "-static", "-o", "out/quiet", "out/quiet.c"], cwd=place.root, check=True)

    assert "static binary" in once(["out/quiet"], place.root, place.env, "preload").unseen
    assert once(["true"], place.root, place.env, "preload").unseen == ""


@pytest.mark.parametrize("name", WORKLOADS)
def test_each_workload_says_what_it_is(name: str) -> None:
    assert WORKLOADS[name].what


@pytest.mark.parametrize("tracer", TARGETS)
def test_targets_are_of_workloads_that_exist(tracer: str) -> None:
    assert set(TARGETS[tracer].workloads) <= set(WORKLOADS)
    assert all(target > 1 for target in (*TARGETS[tracer].workloads.values(), TARGETS[tracer].mean))


@pytest.mark.requirement("RUN-7")
@pytest.mark.parametrize("tracer", TRACERS)
def test_runs_at_once_are_recorded_once_each(place: Place, tracer: str) -> None:
    assert at_once(place, tracer, 8).recorded == 8


@pytest.mark.parametrize("tracer", TRACERS)
def test_each_file_of_a_flood_is_recorded_or_counted(place: Place, tracer: str) -> None:
    found = flood(place, tracer, 2000)

    assert found.recorded + found.dropped >= found.made == 2000


def test_a_process_beside_a_run_is_measured_before_during_and_after_it(place: Place) -> None:
    found, memory_bytes = beside.measure(place, 1, "preload")

    assert [one.name for one in found] == list(beside.CALLS)
    assert all(len(series.costs) == 1 for one in found for series in one[1:])
    assert memory_bytes > 5e6


def test_a_run_that_does_not_begin_is_no_measurement(place: Place) -> None:
    with pytest.raises(CommandFailed, match="under nonesuch didn't begin"):
        beside.measure(place, 1, "nonesuch")


@pytest.mark.requirement("PERF-2")
def test_the_ebpf_tracer_is_armed_in_time(place: Place) -> None:
    figures = arming.measure(place, 1)

    assert figures
    assert all(one.least_ms <= (one.target_ms or 0) for one in figures)


def test_unknown_names_are_refused_with_the_known_ones() -> None:
    done = _bench("nonesuch")

    assert done.returncode == 2
    assert "unknown: nonesuch; known: opens" in done.stderr


def test_a_tracer_that_is_not_installed_is_refused() -> None:
    done = _bench("--tracer", "nonesuch", "getpid")

    assert done.returncode == 1
    assert "Unknown tracer 'nonesuch'" in done.stderr


def test_a_tracer_of_a_directory_of_plugins_is_measured(tmp_path: Path) -> None:
    info = tmp_path / "roar_renamed-1.0.dist-info"
    info.mkdir()
    (tmp_path / "roar_renamed.py").write_text(_TRACER)
    (info / "METADATA").write_text("Metadata-Version: 2.1\nName: roar-renamed\nVersion: 1.0\n")
    (info / "entry_points.txt").write_text("[roar.tracers]\nrenamed = roar_renamed\n")

    done = _bench("--runs", "1", "--tracer", "renamed", "--plugins", str(tmp_path), "bash")

    assert done.returncode == 0, done.stderr
    assert [line.split()[:3] for line in done.stdout.splitlines() if line.startswith("bash")] == [
        ["bash", "renamed", "alone"],
        ["bash", "renamed", "roar"],
    ]


def test_the_ways_to_execute_a_command_take_turns() -> None:
    log: list[str] = []

    def way(name: str) -> Cost:
        log.append(name)
        return Cost(1, 1, 1, 1, "")

    in_turns({"a": lambda: way("a"), "b": lambda: way("b")}, 2, lambda: log.append("|"))

    assert log == ["|", "a", "|", "b", "|", "b", "|", "a"]
