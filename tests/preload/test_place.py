"""Where a run's files are, when the journal's own directory won't do."""

from __future__ import annotations

import os
import subprocess
from collections.abc import Callable
from pathlib import Path

import pytest
from preload.conftest import Traced

from roar.api.events import Kind
from roar_tracer_preload import place as places

Trace = Callable[..., Traced]
pytestmark = pytest.mark.requirement("SAFE-3", "RUN-2")


@pytest.mark.parametrize(
    "name", ["with space", "with:colon", "with$ORIGIN", "with\nnewline", "x" * 250 + "/" + "y" * 250]
)
def test_any_name_of_the_journal_will_do(trace: Trace, tmp_path: Path, name: str) -> None:
    journal = tmp_path / name
    journal.mkdir(parents=True)
    seen = trace("cat a > out", journal=journal)
    assert "a" in seen.names(Kind.OPEN)
    assert seen.names(Kind.WRITE) == ["out"]
    assert seen.stderr == ""


def test_what_was_made_elsewhere_is_noted_and_removed(trace: Trace, tmp_path: Path) -> None:
    runtime = tmp_path / "runtime"
    runtime.mkdir()
    journal = tmp_path / "a journal"
    journal.mkdir()
    trace("ls $XDG_RUNTIME_DIR > out", journal=journal, env={"XDG_RUNTIME_DIR": str(runtime)})
    [name] = (tmp_path / "place" / "out").read_text().split()
    assert (journal / "elsewhere").read_text() == str(runtime / name)
    assert list(runtime.iterdir()) == []


def test_a_note_that_points_elsewhere_removes_nothing(tmp_path: Path) -> None:
    precious = tmp_path / "precious"
    precious.mkdir()
    (tmp_path / "elsewhere").write_text(str(precious))
    places.leave(tmp_path)
    (tmp_path / "roar-preload-0").symlink_to(precious)
    (tmp_path / "elsewhere").write_text(str(tmp_path / "roar-preload-0"))
    places.leave(tmp_path)
    assert precious.is_dir()


def test_a_noexec_directory_is_not_used(tmp_path: Path) -> None:
    maps = [] if os.geteuid() == 0 else ["-r"]
    code = "import sys; from roar_tracer_preload.place import is_usable; print(is_usable(sys.argv[1]), is_usable(sys.argv[2]))"
    done = subprocess.run(
        ["unshare", *maps, "-m", "sh", "-c", 'mount -t tmpfs -o noexec none "$1" && exec "$2" -c "$3" "$1" "$4"', "sh",
         str(_made(tmp_path / "noexec")), os.path.realpath("/proc/self/exe"), code, str(_made(tmp_path / "exec"))],
        capture_output=True, text=True, check=True, env={**os.environ, "PYTHONPATH": _path()},
    )  # fmt: skip
    assert done.stdout == "False True\n"


def _made(directory: Path) -> Path:
    directory.mkdir()
    return directory


def _path() -> str:
    import sys

    return os.pathsep.join(p for p in sys.path if p)
