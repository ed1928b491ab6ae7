"""Wheels and sdists of the packages, and empty environments to install them into.

What the packages depend on comes from the environment that runs the tests, and only what their metadata asks for: an
import that no dependency declares fails here.
"""

from __future__ import annotations

import importlib.metadata
import os
import re
import subprocess
import sys
import venv
from collections.abc import Callable, Iterable, Mapping
from pathlib import Path
from typing import Any

import pytest
from package_builds import PACKAGES, Built, Environment, build, copy_sources


@pytest.fixture(scope="session")
def sources(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A copy of what the packages are built from."""
    return copy_sources(tmp_path_factory.mktemp("packages") / "sources")


@pytest.fixture(scope="session")
def wheelhouse(sources: Path) -> dict[str, Built]:
    """Wheel and sdist of every package."""
    out = sources.with_name("dist")
    return {
        name: Built(build(sources / folder, out, "wheel"), build(sources / folder, out, "sdist"))
        for name, folder in PACKAGES.items()
    }


@pytest.fixture(scope="session")
def unpacked(wheelhouse: Mapping[str, Built], tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    """The folder of each unpacked sdist."""
    out = tmp_path_factory.mktemp("unpacked")
    folders = {}
    for name, built in wheelhouse.items():
        # not tarfile: Debian 12's Python has no filter argument, later ones warn without
        subprocess.run(["tar", "-xf", str(built.sdist), "-C", str(out)], check=True)
        folders[name] = out / built.sdist.name.removesuffix(".tar.gz")
    return folders


@pytest.fixture
def install(tmp_path: Path) -> Callable[..., Environment]:
    """Makes an environment: ``install(wheel, …, needs=[distribution, …], options=[…], **variables)``."""

    def make(
        *what: Path, needs: Iterable[str] = (), options: Iterable[str] = (), name: str = "env", **variables: str
    ) -> Environment:
        root = tmp_path / name
        venv.create(root, with_pip=False, symlinks=True)
        purelib = next(root.glob("lib/python*/site-packages"))
        provided = tmp_path / f"{name}-provided"
        provided.mkdir()
        for requirement in needs:
            _provide(requirement, provided)
        (purelib / "provided.pth").write_text(f"{provided}\n")
        home = tmp_path / "home"
        home.mkdir(exist_ok=True)
        environment = Environment(root, _clean_env(root, home))
        pip = [
            sys.executable,
            "-m",
            "pip",
            "--python",
            environment.python,
            "install",
            "--quiet",
            "--no-index",
            "--no-deps",
        ]
        done = subprocess.run(
            [*pip, "--no-build-isolation", *options, *map(str, what)],
            env={**environment.env, "PIP_DISABLE_PIP_VERSION_CHECK": "1", **variables},
            capture_output=True,
            text=True,
            check=False,
        )
        assert done.returncode == 0, done.stdout + done.stderr
        for requirement in _missing(purelib):
            _provide(requirement, provided)
        return environment

    return make


@pytest.fixture
def repository(tmp_path: Path) -> Path:
    """A git repository with one commit."""
    root = tmp_path / "repo"
    root.mkdir()
    (root / "README").write_text("a project\n")
    who = ["-c", "user.name=A", "-c", "user.email=a@example.org"]
    for words in (["init", "-q"], ["add", "-A"], [*who, "commit", "-qm", "first"]):
        subprocess.run(["git", *words], cwd=root, check=True)
    return root


def _clean_env(root: Path, home: Path) -> dict[str, str]:
    kept = {
        key: value
        for key, value in os.environ.items()
        if not key.startswith(("ROAR_", "GIT_", "XDG_", "LD_", "PIP_", "PYTHON"))
    }
    return {**kept, "HOME": str(home), "PATH": f"{root / 'bin'}:{os.environ['PATH']}", "NO_COLOR": "1"}


def _missing(purelib: Path) -> list[str]:
    """What the distributions installed in an environment require from elsewhere."""
    found = list(importlib.metadata.distributions(path=[str(purelib)]))
    here = {_key(one.name) for one in found}
    return [line for one in found for line in _plain(one) if _key(_name(line)) not in here]


def _provide(requirement: str, folder: Path) -> None:
    """Links a distribution of the running environment, and what it requires, into `folder`."""
    distribution: Any = importlib.metadata.distribution(_name(requirement))
    for file in distribution.files or ():
        top = Path(file.parts[0])
        target = Path(distribution.locate_file(top))
        link = folder / top
        if not str(top).startswith("..") and target.exists() and not link.exists():
            link.symlink_to(target)
            if link.name.endswith(".dist-info"):
                for further in _plain(distribution):
                    _provide(further, folder)


def _plain(distribution: importlib.metadata.Distribution) -> list[str]:
    """The requirements that no extra guards and that apply to this Python."""
    from packaging.requirements import Requirement

    found = []
    for line in distribution.requires or ():
        requirement = Requirement(line)
        if requirement.marker is None or requirement.marker.evaluate({"extra": ""}):
            found.append(line)
    return found


def _name(requirement: str) -> str:
    match = re.match(r"[\w.-]+", requirement)
    assert match is not None, requirement
    return match[0]


def _key(name: str) -> str:
    return re.sub(r"[-_.]+", "-", name).lower()
