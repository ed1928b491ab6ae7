"""Building roar's packages from a copy of the sources, and calling what was installed."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import NamedTuple

ROOT = Path(__file__).resolve().parents[1]
PACKAGES = {
    "roar-core": "roar-core",
    "roar-tracer-ebpf": "roar-tracer-ebpf",
    "roar-tracer-preload": "roar-tracer-preload",
    "roar-tracer-ptrace": "roar-tracer-ptrace",
    "roar-cli": ".",
}
"""Distribution → its folder."""

_JUNK = shutil.ignore_patterns("__pycache__", "*.pyc", "*.so", ".*.so.*", "roar-ebpf", ".roar-ebpf.*", "*.new")
"""What a build leaves, or has for a moment: other tests may be building."""
_ROOT_FILES = ("pyproject.toml", "README.md", "CHANGELOG.md", "LICENSE")


class Built(NamedTuple):
    """What was built of one distribution."""

    wheel: Path
    sdist: Path


class Environment(NamedTuple):
    """A virtual environment with roar in it, and a home of its own."""

    root: Path
    env: dict[str, str]

    @property
    def python(self) -> str:
        """The interpreter."""
        return str(self.root / "bin/python")

    def call(self, *words: str, cwd: Path, ok: bool = True, **env: str) -> subprocess.CompletedProcess[str]:
        """Runs a command with the environment's programs first on PATH."""
        done = subprocess.run(
            words,
            cwd=cwd,
            env={**self.env, **env},
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            timeout=600,
            check=False,
        )
        if ok:
            assert done.returncode == 0, f"{words}: exit {done.returncode}\n{done.stdout}{done.stderr}"
        return done


def build(source: Path, out: Path, target: str, env: Mapping[str, str] | None = None) -> Path:
    """Builds ``wheel`` or ``sdist`` of the package at `source` into `out`, where it isn't yet, and returns the file."""
    out.mkdir(exist_ok=True)
    before = set(out.iterdir())
    command = [sys.executable, "-m", "hatchling", "build", "--target", target, "--directory", str(out)]
    done = subprocess.run(
        command, cwd=source, env={**os.environ, **(env or {})}, capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stdout + done.stderr
    made = sorted(set(out.iterdir()) - before)
    assert len(made) == 1, f"{made}\n{done.stdout}{done.stderr}"
    return made[0]


def copy_sources(to: Path) -> Path:
    """Copies what the packages are built from: a build leaves the shared library in its sources."""
    to.mkdir(parents=True)
    for name in _ROOT_FILES:
        shutil.copy2(ROOT / name, to)
    for folder in PACKAGES.values():
        if folder != ".":
            shutil.copytree(ROOT / folder, to / folder, ignore=_JUNK)
    return to
