"""The figures that roar promises, as ratios to a bare interpreter: generous ones, as machines that run tests are busy.

`make bench` has the exact ones.
"""

from __future__ import annotations

import subprocess
import sys
from functools import partial
from pathlib import Path

import pytest

from bench.__main__ import TRACERS
from bench.overhead import ALONE, measure
from bench.report import ratio
from bench.scale import inputs_of
from bench.startup import PYTHON_MS, VERSION_MS
from bench.targets import TARGETS
from bench.timing import Series, Way, in_turns, once
from bench.workloads import Place, lay_out

BUSY = 2
"""By how much a promise may be exceeded here: what shares the caches costs CPU, too."""


@pytest.fixture(scope="module")
def place(tmp_path_factory: pytest.TempPathFactory) -> Place:
    return lay_out(tmp_path_factory.mktemp("limits") / "work")


@pytest.fixture(scope="module")
def series(place: Place) -> dict[str, Series]:
    commands = {
        "python": [sys.executable, "-c", "pass"],
        "version": [place.roar, "--version"],
        **{tracer: place.run(tracer, "true") for tracer in TRACERS},
    }
    ways: dict[str, Way] = {name: partial(once, words, place.root, place.env) for name, words in commands.items()}
    return in_turns(ways, 15, place.clear)


@pytest.mark.requirement("PERF-1")
@pytest.mark.parametrize(
    ("name", "promised_ms"), [("version", VERSION_MS), *((tracer, TARGETS[tracer].run_ms) for tracer in TRACERS)]
)
def test_start_up_is_a_small_multiple_of_an_interpreters(
    series: dict[str, Series], name: str, promised_ms: float
) -> None:
    ratios = [series[name].least(what) / series["python"].least(what) for what in ("cpu_s", "wall_s")]

    assert min(ratios) <= promised_ms / PYTHON_MS * BUSY


@pytest.mark.requirement("PERF-2")
@pytest.mark.parametrize("name", ["opens", "getpid", "spawn", "files"])
@pytest.mark.parametrize("tracer", TRACERS)
def test_a_tracer_costs_the_traced_program_no_more_than_promised(place: Place, tracer: str, name: str) -> None:
    found = measure(name, place, 3, [tracer], [ALONE])
    traced = found.traced[tracer, ALONE]

    assert traced.unseen == ""
    assert ratio(traced, found.bare, "cpu_s") <= TARGETS[tracer].workloads[name] * 1.25


@pytest.mark.requirement("PERF-3", "PERF-4")
@pytest.mark.parametrize("content", ["distinct", "identical"])
@pytest.mark.parametrize("tracer", TRACERS)
def test_many_inputs_are_recorded_soon_after_the_command_and_in_little_memory(
    place: Place, tracer: str, content: str
) -> None:
    found = inputs_of(place, 20_000, content, tracer)

    assert found.recorded == 20_000
    assert found.after_s <= 3.0 * BUSY
    assert found.max_rss_bytes < 150e6


@pytest.mark.requirement("PLUG-5")
def test_the_version_loads_no_command_no_library_and_no_plugin(tmp_path: Path) -> None:
    done = subprocess.run(
        [sys.executable, "-X", "importtime", "-m", "roar", "--version"],
        cwd=tmp_path,
        capture_output=True,
        text=True,
        check=True,
    )

    loaded = {line.rpartition("|")[2].strip() for line in done.stderr.splitlines()}
    assert not {name for name in loaded if name.partition(".")[0] in ("click", "peewee", "rich", "tomlkit", "blake3")}
    assert {name for name in loaded if name.startswith("roar")} == {"roar"}


@pytest.mark.requirement("PERF-1", "PLUG-5")
def test_a_run_loads_no_library_that_is_for_showing_setting_or_plugging_in(place: Place) -> None:
    place.clear()
    done = subprocess.run(
        [sys.executable, "-X", "importtime", "-m", "roar", "run", "--quiet", "true"],
        cwd=place.root,
        env=place.env,
        capture_output=True,
        text=True,
        check=True,
    )

    loaded = {line.rpartition("|")[2].strip() for line in done.stderr.splitlines()}
    heavy = {"asyncio", "dataclasses", "email", "importlib.metadata", "logging", "subprocess", "tomllib"}
    heavy |= {"peewee", "pluggy", "psycopg", "rich", "tomlkit"}
    assert not loaded & heavy
