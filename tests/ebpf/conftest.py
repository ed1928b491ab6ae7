"""What the tests of the eBPF tracer's loader share: the program, a copy of it with capabilities, and hostile callers."""

from __future__ import annotations

import os
import shutil
import subprocess
import tempfile
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from ebpf.session import Session

from roar_tracer_ebpf import install
from roar_tracer_ebpf.build import build

HERE = Path(__file__).parent
USER = 65534
"""An ordinary user who has nothing."""


@pytest.fixture(scope="session")
def public() -> Iterator[Path]:
    """A directory that every user can enter; pytest's own are root's alone."""
    folder = Path(tempfile.mkdtemp(prefix="roar-ebpf-", dir="/var/tmp"))
    folder.chmod(0o755)
    yield folder
    shutil.rmtree(folder)


@pytest.fixture(scope="session")
def program(public: Path) -> Path:
    """`roar-ebpf`, built from these sources."""
    path = public / "roar-ebpf"
    build(path, strict=True)
    return path


@pytest.fixture(scope="session")
def helper(program: Path, public: Path) -> Path:
    """A copy of it with capabilities, as `roar tracer enable ebpf` installs it."""
    assert os.geteuid() == 0, "giving a file capabilities takes root"
    path = public / "helper"
    shutil.copy(program, path)
    path.chmod(0o755)
    os.setxattr(path, install.ATTRIBUTE, install.attribute(install.wanted()))
    return path


@pytest.fixture(scope="session")
def compiled(public: Path) -> Callable[[str], Path]:
    """Compiles a program of hostile/ by its name."""

    def compile_one(name: str) -> Path:
        path = public / name
        if not path.exists():
            subprocess.run(["cc", "-O1", "-Wall", "-Werror", "-o", path, HERE / "hostile" / f"{name}.c"], check=True)
        return path

    return compile_one


@pytest.fixture
def session(program: Path, compiled: Callable[[str], Path], tmp_path: Path) -> Iterator[Callable[..., Session]]:
    """Starts sessions, as root unless `options` (of hostile/caller.c) begins with another user; they end with the test."""
    begun: list[Session] = []

    def begin(*words: str, program: Path = program, name: str = "journal", options: str = "0") -> Session:
        begun.append(Session(program, tmp_path / name, *words, caller=compiled("caller"), options=options))
        return begun[-1]

    yield begin
    for one in begun:
        one.__exit__()
