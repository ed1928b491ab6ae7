"""What the fidelity tests share: each is run under every tracer, in one workspace, beside small C programs."""

from __future__ import annotations

import os
import subprocess
import zlib
from pathlib import Path
from typing import Any

import pytest
from e2e.acting import Workspace, make_repository
from fidelity.lines import BARE, AsBare, Lines, told
from fidelity.tracers import EVERYTHING, Tracer, all_tracers

_TRACERS = all_tracers()


def pytest_generate_tests(metafunc: pytest.Metafunc) -> None:
    """`tracer`: each tracer; `way`: bare, and each tracer."""
    module = metafunc.module.__name__.rpartition(".")[2]
    tracers = [tracer for tracer in _TRACERS if not tracer.modules or module in tracer.modules]
    for name, values in (("tracer", tracers), ("way", [BARE, *tracers])):
        if name in metafunc.fixturenames:
            metafunc.parametrize(name, values, ids=[tracer.name for tracer in values], scope="session")


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Leaves each line to one of the tracers, in turn; `make ways-test` has each under all."""
    if EVERYTHING:
        return
    main = [tracer.name for tracer in _TRACERS if not tracer.modules]
    items[:] = [item for item in items if _is_due(item, main)]


def _is_due(item: pytest.Item, tracers: list[str]) -> bool:
    if (
        not isinstance(item, pytest.Function)
        or not hasattr(item, "callspec")
        or item.path.parent != Path(__file__).parent
    ):
        return True
    tracer, line = (item.callspec.params.get(name) for name in ("tracer", "line"))
    if tracer is None or line is None or tracer.name not in tracers:
        return True
    return zlib.crc32(f"{item.originalname} {line}".encode()) % len(tracers) == tracers.index(tracer.name)


@pytest.fixture(scope="session")
def programs(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A directory with the programs of programs/, compiled."""
    place = tmp_path_factory.mktemp("programs")
    sources = sorted((Path(__file__).parent / "programs").glob("*.c"))
    compilers = [
        subprocess.Popen(["cc", "-w", "-O1", "-pthread", "-D_GNU_SOURCE", "-o", place / source.stem, source])
        for source in sources
    ]
    assert [compiler.wait() for compiler in compilers] == [0] * len(sources)
    return place


@pytest.fixture(scope="session")
def lines(tmp_path_factory: pytest.TempPathFactory, programs: Path) -> Lines:
    """Runs lines, in one workspace for all."""
    base = tmp_path_factory.mktemp("fidelity").resolve()
    for folder in (base, programs, *base.parents[:2]):
        mode = folder.stat().st_mode
        if mode & 0o055 != 0o055:
            folder.chmod(mode | 0o055)  # a program that drops its privileges must reach them
    return Lines(make_repository(base, os.environ), programs)


@pytest.fixture(scope="session")
def shared(lines: Lines) -> Workspace:
    """The workspace."""
    return lines.workspace


@pytest.fixture
def place(tmp_path: Path) -> Path:
    """A directory outside of the workspace."""
    outside = tmp_path / "outside"
    outside.mkdir()
    return outside


@pytest.fixture
def as_bare(lines: Lines, tracer: Tracer) -> AsBare:
    """Runs a line bare and under the tracer, and fails when what came of it differs."""

    def check(line: str, **options: Any) -> None:
        bare, traced = lines.both(tracer, line, **options)
        difference = told(bare, traced)
        assert not difference, f"{line}\n{difference}"

    return check
