"""The environment of a run: packages of the interpreters that were really used."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from roar.run.environment import packages, system


def site(root: Path, *names: str) -> Path:
    folder = root / "lib" / "python3.11" / "site-packages"
    for name in names:
        (folder / name).mkdir(parents=True)
    return folder


@pytest.mark.requirement("SHOW-4")
def test_packages_are_those_of_the_interpreter_that_ran(tmp_path: Path) -> None:
    site(tmp_path / "used", "numpy-1.26.4.dist-info", "my_tool-0.1-py3.11.egg-info", "numpy")
    site(tmp_path / "other", "torch-2.0.dist-info")
    program = os.fsencode(tmp_path / "used" / "bin" / "python3.11")
    assert packages([], [program, b"/bin/sh"]) == {"my_tool": "0.1", "numpy": "1.26.4"}


@pytest.mark.requirement("SHOW-4")
def test_in_a_virtual_environment_the_base_interpreters_packages_do_not_count(tmp_path: Path) -> None:
    site(tmp_path / "venv", "numpy-1.26.4.dist-info")
    site(tmp_path / "base", "pandas-2.0.dist-info")
    read = [os.fsencode(tmp_path / "venv" / "pyvenv.cfg")]
    program = os.fsencode(tmp_path / "base" / "bin" / "python3.11")
    assert packages(read, [program]) == {"numpy": "1.26.4"}


@pytest.mark.requirement("SHOW-4")
def test_a_place_that_a_module_was_read_from_counts(tmp_path: Path) -> None:
    folder = site(tmp_path / "user", "attrs-23.1.0.dist-info")
    assert packages([os.fsencode(folder / "attr" / "__init__.py")], []) == {"attrs": "23.1.0"}


@pytest.mark.requirement("SHOW-4")
def test_no_interpreter_no_packages() -> None:
    assert packages([b"/etc/passwd"], [b"/bin/sh"]) == {}


@pytest.mark.requirement("SHOW-4")
def test_the_system_is_described() -> None:
    described = system()
    assert described["kernel"] == os.uname().release
    assert described["processors"] >= 1
    assert described["memory_bytes"] > 1 << 20
