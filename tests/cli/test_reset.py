"""`roar reset`."""

from __future__ import annotations

import pytest
from cli.recorder import Recorder
from cli.terminal import on_terminal


@pytest.fixture
def used(recorder: Recorder) -> Recorder:
    recorder.record("one", writes={"out": "1"})
    (recorder.root / "out").unlink()
    return recorder


@pytest.mark.requirement("SHOW-6")
def test_it_begins_an_empty_session_and_keeps_the_jobs(used: Recorder) -> None:
    uid = used.json("show", "@1")["job"]["uid"]
    done = used.roar("reset", "-y")
    assert done.stdout.startswith("Session 1 with 1 job is closed; session 2 is active and empty.")
    assert used.roar("show", "@1", ok=False).returncode == 1
    assert used.json("status")["missing"] == []
    assert "one" in used.roar("show", uid).stdout
    used.record("two")
    assert used.json("show", "@1")["job"]["command"] == ["two"]


@pytest.mark.requirement("SHOW-6", "SAFE-4")
def test_without_a_terminal_it_refuses_and_says_how(used: Recorder) -> None:
    done = used.roar("reset", ok=False)
    assert done.returncode == 1 and done.stdout == ""
    assert done.stderr.startswith("Error: ") and "roar reset -y" in done.stderr
    assert used.json("show")["session"]["id"] == 1


@pytest.mark.requirement("SHOW-6")
def test_it_asks_and_no_changes_nothing(used: Recorder) -> None:
    code, shown = on_terminal(used, ["reset"], b"n\n")
    assert code == 1 and "Wipe session 1 with 1 job?" in shown and "nothing was changed" in shown
    assert used.json("show")["session"]["id"] == 1


@pytest.mark.requirement("SHOW-6")
def test_it_asks_and_yes_begins_a_new_session(used: Recorder) -> None:
    code, _ = on_terminal(used, ["reset"], b"y\n")
    assert code == 0
    assert used.json("show")["session"]["id"] == 2


@pytest.mark.requirement("SHOW-6", "SAFE-4")
def test_control_d_at_the_question_changes_nothing(used: Recorder) -> None:
    code, shown = on_terminal(used, ["reset"], b"\x04")
    assert code == 1 and "Traceback" not in shown
    assert used.json("show")["session"]["id"] == 1
