"""On a terminal: colours, widths and the pager."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest
from cli.recorder import Recorder
from cli.terminal import on_terminal


@pytest.fixture
def jobs(recorder: Recorder) -> Recorder:
    recorder.record("python", "x" * 200, exit_code=1, status="failed")
    for number in range(60):
        recorder.record("step", str(number))
    return recorder


@pytest.fixture
def pager(tmp_path: Path) -> tuple[str, Path]:
    """A pager that keeps what it is given."""
    kept = tmp_path / "paged"
    return f"cat > {kept}", kept


@pytest.mark.requirement("SHOW-7")
def test_what_does_not_fit_goes_through_the_pager_whole(jobs: Recorder, pager: tuple[str, Path]) -> None:
    command, kept = pager
    code, shown = on_terminal(jobs, ["log"], rows=20, PAGER=command)
    assert (code, shown) == (0, "")
    assert kept.read_text().count("\n") == 61


@pytest.mark.requirement("SHOW-7")
@pytest.mark.parametrize("words", [["log", "-n", "5"], ["log", "--json"], ["show", "@1", "--json"]])
def test_what_fits_and_json_are_printed_at_once(jobs: Recorder, pager: tuple[str, Path], words: list[str]) -> None:
    command, kept = pager
    code, shown = on_terminal(jobs, words, rows=20, PAGER=command)
    assert code == 0 and shown and not kept.exists()


@pytest.mark.requirement("SHOW-7")
@pytest.mark.parametrize("env", [{"PAGER": "cat"}, {"PAGER": ""}, {"ROAR_PAGER": "cat", "PAGER": "false"}])
def test_no_pager_is_used_when_none_is_wanted(jobs: Recorder, env: dict[str, str]) -> None:
    code, shown = on_terminal(jobs, ["log"], rows=20, **env)
    assert (code, shown.count("step")) == (0, 60)


@pytest.mark.requirement("SHOW-7", "SAFE-4")
@pytest.mark.parametrize("pager", ["true", "head -1 > /dev/null", "exit 3"])
def test_a_pager_that_stops_early_is_no_error(jobs: Recorder, pager: str) -> None:
    assert on_terminal(jobs, ["log"], rows=20, PAGER=pager) == (0, "")


@pytest.mark.requirement("SHOW-7")
def test_lines_are_cut_to_the_terminal(jobs: Recorder) -> None:
    for width in (40, 80, 132):
        _, shown = on_terminal(jobs, ["log"], width=width, rows=100, NO_COLOR="1")
        assert max(map(len, shown.splitlines())) <= width
        assert all(line.startswith("@") and ("step" in line or "python" in line) for line in shown.splitlines())


@pytest.mark.requirement("SHOW-7")
def test_colours_only_where_they_are_wanted(jobs: Recorder) -> None:
    assert "\x1b[31mexit 1" in on_terminal(jobs, ["log", "--failed"])[1]
    for env in ({"NO_COLOR": "1"}, {"TERM": "dumb"}):
        assert "\x1b" not in on_terminal(jobs, ["log", "--failed"], **env)[1]
    assert "\x1b" not in jobs.process("log", "--failed").stdout


@pytest.mark.requirement("SHOW-4")
def test_long_lists_are_shortened_on_a_terminal(recorder: Recorder) -> None:
    for number in range(100):
        recorder.write(f"in{number:03}", str(number))
    recorder.record("many", reads=[f"in{number:03}" for number in range(100)])
    _, shown = on_terminal(recorder, ["show", "@1"], rows=200)
    assert "in019" in shown and "in020" not in shown and "80 more" in shown
    assert "in099" in on_terminal(recorder, ["show", "@1", "--all"], rows=300)[1]
    assert "package9 " not in shown and "and 8 more" in shown
    assert "package9 1.9" in on_terminal(recorder, ["show", "@1", "--env"], rows=300)[1]


@pytest.mark.requirement("RUN-2", "SAFE-4")
def test_control_c_is_exit_code_130_without_a_traceback(jobs: Recorder) -> None:
    script = (
        "import os, signal, sys, roar.cli.show as s\n"
        "def interrupted(context):\n    os.kill(os.getpid(), signal.SIGINT)\n    signal.pause()\n"
        "s.opened = interrupted\n"
        "from roar.__main__ import main; sys.exit(main())"
    )
    done = subprocess.run(
        [sys.executable, "-c", script, "show"], cwd=jobs.root, env=jobs.env, capture_output=True, text=True, check=False
    )
    assert (done.returncode, done.stdout, done.stderr) == (130, "", "")
