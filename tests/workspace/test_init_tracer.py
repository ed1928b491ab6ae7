"""`roar init` and the tracer: it asks only when there is something to do and somebody to ask."""

from __future__ import annotations

import os
import pty
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

_TRACER = """
import os
from roar.api import Capability, Check, Preflight, Tracer, hookimpl

roar_api = 1
_BUILT = os.path.join(os.path.dirname(__file__), "built")

class Toy(Tracer):
    name = "toy"
    rank = 999
    capabilities = frozenset({{Capability.NO_PRIVILEGE}}) if {unprivileged} else frozenset()

    @classmethod
    def preflight(cls, deep=False):
        return Preflight((Check("library", os.path.exists(_BUILT), "the library isn't built", "roar tracer enable toy"),))

    @classmethod
    def enable(cls, confirm):
        {enable}
        return cls.preflight()

    def start(self, launch, journal):
        raise AssertionError

@hookimpl
def roar_tracers():
    return [Toy]
"""


@pytest.fixture
def installed(tmp_path: Path) -> Any:
    """Installs a tracer that is not ready; gives the environment in which roar sees it and no other."""

    def install(enable: str = "open(_BUILT, 'w').close()", unprivileged: bool = True) -> dict[str, str]:
        site = tmp_path / "site"
        info = site / "roar_toy-1.0.dist-info"
        info.mkdir(parents=True)
        (site / "roar_toy.py").write_text(_TRACER.format(enable=enable, unprivileged=unprivileged))
        (info / "METADATA").write_text("Metadata-Version: 2.1\nName: roar-toy\nVersion: 1.0\n")
        (info / "entry_points.txt").write_text("[roar.tracers]\ntoy = roar_toy\n")
        return {"PYTHONPATH": str(site), "ROAR_PLUGINS": "roar-core,roar-toy"}

    return install


def _built(tmp_path: Path) -> bool:
    return (tmp_path / "site" / "built").exists()


@pytest.mark.requirement("INIT-1", "TRC-3")
@pytest.mark.parametrize(("answer", "done"), [("-y", True), ("-n", False), (None, False)])
def test_without_a_terminal_init_does_what_it_was_told_and_never_asks(
    repository: Any, installed: Any, tmp_path: Path, answer: str | None, done: bool
) -> None:
    said = repository.roar("init", *([answer] if answer else []), env=installed())
    assert (repository.root / ".roar" / "runs").is_dir()
    assert _built(tmp_path) is done
    assert ("Tracer toy is set up." in said.stdout) is done
    assert ("Run: roar tracer enable toy" in said.stderr) is not done


@pytest.mark.requirement("INIT-1", "TRC-3")
@pytest.mark.parametrize(("typed", "done"), [(b"y\n", True), (b"n\n", False), (b"\n", True)])
def test_on_a_terminal_init_asks(repository: Any, installed: Any, tmp_path: Path, typed: bytes, done: bool) -> None:
    ours, theirs = pty.openpty()
    os.write(ours, typed)
    env = {**repository.env, **installed()}
    command = [sys.executable, "-m", "roar", "init"]
    said = subprocess.run(
        command, cwd=repository.root, env=env, stdin=theirs, capture_output=True, text=True, timeout=600
    )
    os.close(ours)
    os.close(theirs)
    assert said.returncode == 0
    assert "the library isn't built" in said.stderr
    assert _built(tmp_path) is done


@pytest.mark.requirement("INIT-1", "PLUG-2")
@pytest.mark.parametrize("enable", ["raise ValueError('broken')", "raise SystemError", "pass"])
def test_a_tracer_that_cannot_be_set_up_does_not_stop_init(repository: Any, installed: Any, enable: str) -> None:
    said = repository.roar("init", "-y", env=installed(enable))
    assert (repository.root / ".roar" / "runs").is_dir()
    assert "Traceback" not in said.stderr
    assert "toy" in said.stderr


@pytest.mark.requirement("INIT-1", "TRC-3")
def test_what_needs_privilege_is_left_to_the_tracer_command(repository: Any, installed: Any, tmp_path: Path) -> None:
    said = repository.roar("init", "-y", env=installed(unprivileged=False))
    assert not _built(tmp_path)
    assert "Run: roar tracer" in said.stderr


@pytest.mark.requirement("INIT-1", "PLUG-1")
def test_without_any_tracer_init_says_which_to_install(repository: Any) -> None:
    said = repository.roar("init", env={"ROAR_PLUGINS": "roar-core"})
    assert "pip install roar-tracer-preload" in said.stderr
