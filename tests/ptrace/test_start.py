"""What a start costs: nothing is imported where it isn't needed, and python-ptrace only where it is."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest
from loaded import Listening, Stopping

from roar.api.tracer import Tracer
from roar.testing.tracer import Ground

pytestmark = pytest.mark.requirement("PLUG-5", "PERF-1")

_HEAVY = {"ctypes", "ptrace", "mmap"}
_OWN = "roar_tracer_ptrace"
_AT_WORK = (f"{_OWN}.observe", f"{_OWN}.stop", f"{_OWN}.kernel")
"""What only the tracer's own process needs."""


def _modules(code: str) -> set[str]:
    """What is loaded when the code has run, beside what Python itself loads."""
    code = f"import sys\nbefore = set(sys.modules)\n{code}\nprint(*(set(sys.modules) - before))"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    return set(done.stdout.split())


def _at_work(modules: set[str]) -> set[str]:
    return {name for name in modules if name.startswith(_AT_WORK)}


def test_the_plugin_imports_nothing_before_it_is_asked() -> None:
    loaded = _modules(f"import {_OWN}.plugin")
    assert {name for name in loaded if name.startswith(_OWN)} == {_OWN, f"{_OWN}.plugin"}
    assert not loaded & _HEAVY


def test_the_class_of_the_tracer_imports_nothing_that_only_a_run_needs() -> None:
    loaded = _modules(f"import {_OWN}.plugin\n{_OWN}.plugin.roar_tracers()[0].preflight()")
    assert f"{_OWN}.tracer" in loaded
    assert not loaded & {"ctypes", "ptrace", "subprocess", "json", "tempfile", "shutil", "socket", "logging"}
    assert _at_work(loaded) == set()


@pytest.mark.parametrize(("tracer", "needs_ptrace"), [(Listening, False), (Stopping, True)])
def test_python_ptrace_is_imported_by_stops_only_and_never_by_roar(
    tmp_path: Path, tracer: type[Tracer], needs_ptrace: bool
) -> None:
    ground = Ground(tracer, tmp_path)
    driven = ground.run("/bin/sh", "-c", "echo 1 > made", env={"LOADED": str(tmp_path)})[0]
    assert ground.outputs(driven) == {b"made"}
    in_roar = set((tmp_path / "roar").read_text().split())
    in_tracer = set((tmp_path / "tracer").read_text().split())
    assert ("ptrace" in in_tracer) is needs_ptrace
    assert f"{_OWN}.observe.observer" in in_tracer
    assert not in_roar & {"ptrace", "ctypes"}
    assert _at_work(in_roar) == set()
    if not needs_ptrace:  # which brings much along
        assert not (in_tracer - in_roar) & {"subprocess", "socket", "tempfile", "json", "logging"}


def test_importing_python_ptrace_starts_no_process() -> None:
    """By itself it would look for libc by ldconfig, or a compiler; and nobody's find_library is changed for good."""
    code = (
        "import ctypes.util; finds = ctypes.util.find_library; started = []\n"
        "sys.addaudithook(lambda event, _: started.append(event) if event.startswith(('subprocess', 'os.posix', 'os.fork',"
        " 'os.exec', 'os.system')) else None)\n"
        f"import {_OWN}.stop.binding\n"
        "assert started == [], started\n"
        "assert ctypes.util.find_library is finds"
    )
    assert "ptrace.binding" in _modules(code)
