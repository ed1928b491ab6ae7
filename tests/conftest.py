"""What all tests share: a real git repository, and the real `roar` run in it."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, settings

# How long an example takes says nothing on a machine that others use as well.
settings.register_profile("busy", deadline=None, suppress_health_check=[HealthCheck.too_slow])
settings.load_profile("busy")

_installed_here = pytest.StashKey[bool]()


def pytest_sessionstart(session: pytest.Session) -> None:
    """Makes what the tests find as it is where roar is used."""
    _undo_nohup()
    if os.geteuid() == 0 and not hasattr(session.config, "workerinput"):
        session.config.stash[_installed_here] = _install_helper()


def pytest_sessionfinish(session: pytest.Session) -> None:
    """Takes back what was installed."""
    if session.config.stash.get(_installed_here, False):
        from roar_tracer_ebpf.enable import disable

        disable()


def _install_helper() -> bool:
    """Some tests of root's run roar as an ordinary user, who needs the eBPF helper; whether it was not there yet."""
    from roar_tracer_ebpf.enable import enable, installed

    was_there = bool(installed())
    enable(lambda question: True)
    return not was_there


def _undo_nohup() -> None:
    """Undoes what nohup and shells do to background jobs: signals that they ignore never reach the programs under test."""
    usual_of = {
        signal.SIGINT: signal.default_int_handler,
        signal.SIGQUIT: signal.SIG_DFL,
        signal.SIGHUP: signal.SIG_DFL,
    }
    for number, usual in usual_of.items():
        if signal.getsignal(number) is signal.SIG_IGN:
            signal.signal(number, usual)


def prefer(home: Path, tracer: str) -> None:
    """Makes a tracer the default of the user with this home."""
    folder = home / ".config/roar"
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "config.toml").write_text(f'[tracer]\ndefault = "{tracer}"\n')


@dataclass(frozen=True)
class Workspace:
    """A git repository with one commit, in which commands run as a user would type them."""

    root: Path
    env: dict[str, str]

    def sh(self, *words: str, ok: bool = True, **options: Any) -> subprocess.CompletedProcess[str]:
        """Runs a command in the repository; its output is text with surrogate escapes."""
        done = subprocess.run(
            words,
            cwd=options.pop("cwd", self.root),
            env={**self.env, **options.pop("env", {})},
            stdin=options.pop("stdin", subprocess.DEVNULL if "input" not in options else None),
            capture_output=True,
            text=True,
            errors="surrogateescape",
            timeout=options.pop("timeout", 600),
            check=False,
            **options,
        )
        if ok:
            assert done.returncode == 0, f"{words}: exit {done.returncode}\n{done.stdout}{done.stderr}"
        return done

    def roar(self, *words: str, ok: bool = True, **options: Any) -> subprocess.CompletedProcess[str]:
        """Runs `roar`."""
        return self.sh(sys.executable, "-m", "roar", *words, ok=ok, **options)

    def write(self, files: Mapping[str, str | bytes]) -> None:
        """Writes files below the root."""
        for name, content in files.items():
            path = self.root / name
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_bytes(content.encode() if isinstance(content, str) else content)

    def commit(self, files: Mapping[str, str | bytes] | None = None, message: str = "change") -> None:
        """Writes files and commits everything."""
        self.write(files or {})
        self.sh("git", "add", "-A")
        self.sh("git", "commit", "-q", "--allow-empty", "-m", message)

    def prefer(self, tracer: str) -> None:
        """Makes a tracer the user's default: which one `auto` takes depends on who runs the tests."""
        prefer(Path(self.env["HOME"]), tracer)

    def job(self, ref: str = "@1") -> dict[str, Any]:
        """The job of ``roar show REF --json``."""
        job: dict[str, Any] = json.loads(self.roar("show", ref, "--json").stdout)["job"]
        return job

    def names(self, edges: list[dict[str, Any]]) -> set[str]:
        """The paths of edges relative to the root."""
        return {os.path.relpath(edge["path"], self.root) for edge in edges}


@pytest.fixture
def make_workspace(tmp_path: Path) -> Iterator[Callable[..., Workspace]]:
    """Makes repositories: ``make_workspace(name="repo", init=True)``."""
    home = tmp_path / "home"
    home.mkdir()
    env = {
        key: value for key, value in os.environ.items() if not key.startswith(("ROAR_", "GIT_", "XDG_", "LD_PRELOAD"))
    }
    env |= {
        "HOME": str(home),
        "GIT_CONFIG_GLOBAL": str(home / ".gitconfig"),
        "GIT_CONFIG_NOSYSTEM": "1",
        "NO_COLOR": "1",
        "PYTHONDONTWRITEBYTECODE": "1",
        "PYTHONUNBUFFERED": "1",  # a signal handler of a test's program may print while it prints
    }
    (home / ".gitconfig").write_text(
        '[user]\n\tname = A\n\temail = a@example.org\n[init]\n\tdefaultBranch = main\n[protocol "file"]\n\tallow = always\n'
    )

    def make(name: str = "repo", init: bool = True, files: Mapping[str, str | bytes] | None = None) -> Workspace:
        root = tmp_path / name
        root.mkdir()
        workspace = Workspace(root.resolve(), env)
        workspace.sh("git", "init", "-q")
        workspace.commit(files or {"README": "a project\n"}, "first")
        if init:
            workspace.roar("init")
        return workspace

    yield make


@pytest.fixture
def workspace(make_workspace: Callable[..., Workspace]) -> Workspace:
    """An initialised repository with one commit."""
    return make_workspace()
