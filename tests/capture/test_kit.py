"""The capture suite as somebody else uses it: a tracer that isn't installed, in a few lines; and one that lies is found out."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

LIAR = '''
from roar.api import Coverage, Preflight, Traced, hookimpl
from roar_tracer_preload.tracer import PreloadTracer

roar_api = 1

class Forgetful(Traced):
    """Leaves out what concerns the file `b`, and says that it saw everything."""

    def __init__(self, real):
        self.real, self.pid = real, real.pid

    def wait(self):
        return self.real.wait()

    def events(self):
        return (event for event in self.real.events() if not event.path.endswith(b"/b"))

    def finish(self):
        return Coverage(self.real.finish().observed)

class Liar(PreloadTracer):
    name, rank = "liar", 1

    def start(self, launch, journal):
        return Forgetful(super().start(launch, journal))

@hookimpl
def roar_tracers():
    return [Liar]
'''
TEST = """
from pathlib import Path
from roar.testing import CaptureContract
from roar.testing.capture.tables import CASES, shell

class TestLiar(CaptureContract):
    tracer = "liar"
    path = (Path(__file__).parent / "plugin",)
    cases = [case for case in shell.CASES if case.name in ("read", "moved", "swapped", "glob", "xargs")]
    exceptions = {EXCEPTIONS}
"""

pytestmark = pytest.mark.requirement("TRC-10", "PLUG-4")


def _run(place: Path, exceptions: str) -> tuple[set[str], str]:
    """The tests that failed, and all that pytest said."""
    plugin = place / "plugin"
    information = plugin / "liar-1.dist-info"
    information.mkdir(parents=True)
    (plugin / "liar_plugin.py").write_text(LIAR)
    (information / "METADATA").write_text("Metadata-Version: 2.1\nName: liar\nVersion: 1\n")
    (information / "entry_points.txt").write_text("[roar.tracers]\nliar = liar_plugin\n")
    (place / "test_liar.py").write_text(TEST.replace("{EXCEPTIONS}", exceptions))
    words = (sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", "--rootdir", str(place), "test_liar.py")
    done = subprocess.run(words, cwd=place, capture_output=True, text=True, check=False)
    failed = {
        line.split("::")[2].split(" - ")[0] for line in done.stdout.splitlines() if line.startswith(("FAILED", "ERROR"))
    }
    return failed, done.stdout


def test_complete_with_a_wrong_set_is_found_and_counted(tmp_path: Path) -> None:
    failed, said = _run(tmp_path, "{}")

    assert failed == {
        "test_recorded_as_it_was[swapped]",
        "test_recorded_as_it_was[xargs]",
        "test_complete_was_never_wrong",
    }, said
    assert "capture, TestLiar: 5 complete; 2 complete with wrong inputs or outputs\n" in said


def test_a_documented_exception_is_counted_apart_and_has_to_be_one(tmp_path: Path) -> None:
    where = '{"swapped": "docs/x.md", "xargs": "docs/x.md", "glob": "docs/x.md"}'

    failed, said = _run(tmp_path, where)

    assert failed == {"test_recorded_as_it_was[glob]"}, said
    assert "5 complete; 0 complete with wrong inputs or outputs; 3 documented exceptions\n" in said
    assert "it is right: docs/x.md need not except it" in said
