"""Commands run under the tracer alone, without the rest of roar."""

from __future__ import annotations

import os
import pickle
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any, NamedTuple

import pytest

from roar.api.events import Event, Kind
from roar.api.process import Exit
from roar.api.tracer import Coverage
from roar_tracer_preload.build import build

DRIVER = Path(__file__).with_name("driver.py")


class Traced(NamedTuple):
    """What the tracer told of a command."""

    events: list[Event]
    exit: Exit
    coverage: Coverage
    early: int
    """How many of the events came while the command still ran."""
    stdout: str
    stderr: str
    place: Path
    journal: Path

    def of(self, *kinds: Kind) -> list[Event]:
        """The events of these kinds."""
        return [event for event in self.events if event.kind in kinds]

    def names(self, *kinds: Kind) -> list[str]:
        """The paths of these kinds of events below the working directory, in order."""
        prefix = os.fsencode(self.place) + b"/"
        paths = [event.path for event in self.of(*kinds)]
        return [os.fsdecode(path[len(prefix) :]) for path in paths if path.startswith(prefix)]


@pytest.fixture
def place(tmp_path: Path) -> Path:
    """The directory that commands run in."""
    directory = (tmp_path / "place").resolve()
    directory.mkdir()
    (directory / "a").write_text("alpha\n")
    (directory / "b").write_text("beta\n")
    return directory


@pytest.fixture
def journal(tmp_path: Path) -> Path:
    """An empty directory as roar gives it to a tracer."""
    directory = tmp_path / "journal"
    directory.mkdir(mode=0o700)
    return directory


def driver_command(journal: Path, result: Path, *command: str) -> list[str]:
    return [sys.executable, str(DRIVER), str(journal), str(result), *command]


@pytest.fixture
def trace(place: Path, journal: Path, tmp_path: Path) -> Callable[..., Traced]:
    """Runs a command under the tracer: ``trace("cat", "a")``, or one line of sh."""

    def run(*command: str, journal: Path = journal, env: dict[str, str] | None = None, **options: Any) -> Traced:
        is_line = len(command) == 1 and (" " in command[0] or "/" not in command[0])
        words = ("sh", "-c", command[0]) if is_line else command
        result = tmp_path / "result"
        environment = {k: v for k, v in os.environ.items() if not k.startswith("LD_")} | (env or {})
        done = subprocess.run(
            driver_command(journal, result, *words),
            cwd=options.pop("cwd", place),
            env=environment,
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            errors="surrogateescape",
            check=False,
            timeout=600,
            **options,
        )
        assert done.returncode == 0, done.stderr
        return Traced(*pickle.loads(result.read_bytes()), done.stdout, done.stderr, place, journal)

    return run


@pytest.fixture(scope="session")
def compiled(tmp_path_factory: pytest.TempPathFactory) -> Callable[..., Path]:
    """Compiles a C program, once for each source."""
    built: dict[tuple[str, tuple[str, ...]], Path] = {}
    folder = tmp_path_factory.mktemp("compiled")

    def compile_(source: str, *flags: str) -> Path:
        if (source, flags) not in built:
            out = folder / f"program{len(built)}"
            out.with_suffix(".c").write_text(source)
            subprocess.run(["cc", "-w", "-D_GNU_SOURCE", "-O1", "-o", out, out.with_suffix(".c"), *flags], check=True)
            built[source, flags] = out
        return built[source, flags]

    return compile_


@pytest.fixture(scope="session")
def strict_library(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The library as the sources are now, built with every warning an error."""
    library = tmp_path_factory.mktemp("library") / "libroar-preload.so"
    build(library, strict=True)
    return library
