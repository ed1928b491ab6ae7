"""What the tests of the ptrace tracer share: its ways, a place in which commands run by each of them, and small C programs."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from roar.api.tracer import Tracer
from roar.testing.tracer import Ground
from roar_tracer_ptrace.tracer import PtraceTracer

HERE = Path(__file__).parent
sys.path += [str(HERE / "ways"), str(HERE / "common")]  # which the driver takes over, to import the classes by name
from ptrace_ways import ByEveryStop, ByStops, InPython  # noqa: E402

WAYS: tuple[type[Tracer], ...] = (PtraceTracer, InPython, ByStops, ByEveryStop)


@pytest.fixture(params=WAYS, ids=lambda tracer: tracer.name)
def way(request: pytest.FixtureRequest) -> type[Tracer]:
    """The tracer by each of its ways."""
    tracer: type[Tracer] = request.param
    return tracer


@pytest.fixture
def ground(way: type[Tracer], tmp_path: Path) -> Ground:
    """Where commands run, by each way."""
    return Ground(way, tmp_path)


@pytest.fixture(scope="session")
def compiled(tmp_path_factory: pytest.TempPathFactory) -> Callable[..., Path]:
    """Compiles a C program, once for each source: ``compiled(source, *options)``."""
    built: dict[tuple[str, ...], Path] = {}
    folder = tmp_path_factory.mktemp("compiled")

    def compile_(source: str, *options: str) -> Path:
        if (source, *options) not in built:
            out = folder / f"program{len(built)}"
            out.with_suffix(".c").write_text(source)
            subprocess.run(["cc", "-w", "-D_GNU_SOURCE", "-O1", "-o", out, out.with_suffix(".c"), *options], check=True)
            built[source, *options] = out
        return built[source, *options]

    return compile_
