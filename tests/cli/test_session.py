"""`roar session`."""

from __future__ import annotations

import os
from typing import Any

import pytest
from cli.recorder import Recorder
from store.unprivileged import ordinary_user, own_directory

from roar.run.rundir import RunDir

pytestmark = pytest.mark.requirement("SHOW-6")


def listed(recorder: Recorder) -> list[dict[str, Any]]:
    sessions: list[dict[str, Any]] = recorder.json("session", "list")["sessions"]
    return sessions


def test_sessions_are_begun_used_named_and_listed(recorder: Recorder) -> None:
    recorder.record("one")
    recorder.record("two")
    assert recorder.roar("session", "new", "learning rates").stdout.startswith("Session 2 'learning rates', 0 jobs")
    recorder.record("three")
    assert recorder.json("show", "@1")["job"]["command"] == ["three"]
    assert recorder.json("session", "use", "1")["session"]["active"] is True
    recorder.record("four")
    assert recorder.json("show", "@3")["job"]["command"] == ["four"]
    recorder.roar("session", "name", "first")
    assert [(one["id"], one["name"], one["jobs"], one["active"]) for one in listed(recorder)] == [
        (2, "learning rates", 1, False),
        (1, "first", 3, True),
    ]
    lines = recorder.roar("session").stdout.splitlines()
    assert [line.split()[0] for line in lines] == ["2", "*"] and lines[1].endswith("3 jobs  first")
    recorder.roar("session", "use", "learning rates")
    recorder.roar("session", "name", "", "first")
    assert [(one["name"], one["active"]) for one in listed(recorder)] == [("learning rates", True), (None, False)]


WRONG = (
    (["use", "7"], 1, "Error: There is no session '7'.\nList them: roar session list"),
    (["use", "sweeep"], 1, "Did you mean: roar session use 1"),
    (["new", "sweep"], 1, "Error: Session 1 has this name already.\nTo go on with it: roar session use 1"),
    (["name", "x", "9"], 1, "Error: There is no session '9'."),
    (["new", "12"], 2, "Error: '12' is a number, not a name"),
    (["new", " "], 2, "Error: a session's name is not empty."),
    (["new", "x" * 256], 2, "Error: a session's name has at most 255 bytes."),
    (["use"], 2, "Error: Missing argument 'SESSION'"),
    (["wipe"], 2, "Error: No such command 'wipe'."),
)


@pytest.mark.requirement("SAFE-4")
def test_what_is_wrong_is_said_in_a_line_and_changes_nothing(recorder: Recorder) -> None:
    recorder.storage().close()
    recorder.roar("session", "name", "sweep")
    before = listed(recorder)
    for words, code, said in WRONG:
        done = recorder.roar("session", *words, ok=False)
        assert (done.returncode, done.stdout) == (code, "") and said in done.stderr, words
    assert listed(recorder) == before


@pytest.mark.requirement("SAFE-3", "REG-6")
def test_any_name_is_kept_and_shown_harmlessly_and_secrets_are_not_kept(recorder: Recorder) -> None:
    recorder.storage().close()
    odd = b"\xff\x1b[31m\n" + b"n" * 248
    recorder.roar("session", "new", odd)
    assert listed(recorder)[0]["name"].encode(errors="surrogateescape") == odd
    shown = recorder.roar("session").stdout
    assert r"\xff\x1b[31m\nnnn" in shown and len(shown.splitlines()) == 2
    assert recorder.roar("session", "use", odd).returncode == 0
    recorder.roar("session", "new", "with ghp_abcdefghijklmnopqrstuv0123456789")
    assert listed(recorder)[0]["name"] == "with [redacted]"


@pytest.mark.requirement("SHOW-7")
def test_where_a_run_that_goes_on_will_be_recorded_is_said(recorder: Recorder) -> None:
    recorder.storage().close()
    plan = {"uid": "cd" * 16, "command": ["sleep", "1"], "started_ns": 1}
    run = RunDir.create(recorder.root / ".roar" / "runs", "cd" * 16, plan)
    try:
        said = [
            recorder.roar(*words).stderr for words in (("session", "new"), ("session", "use", "1"), ("reset", "-y"))
        ]
    finally:
        run.remove()
    assert said == [f"1 run going on now will be recorded in session {number}.\n" for number in (2, 1, 3)]


READERS = (
    ["session", "list"], ["show", "session:1"], ["log", "--label", "k"], ["label", "show"], ["label", "show", "@1"],
    ["label", "history", "@1"], ["env", "list"], ["diff", "@1", "@2"], ["diff", "session", "session:1"],
)  # fmt: skip
WRITERS = (
    ["session", "new"], ["session", "use", "1"], ["session", "name", "x"], ["label", "set", "@1", "best"],
    ["label", "unset", "@1", "k"], ["label", "cp", "@1", "@2"], ["env", "set", "A=1"], ["pop", "-y", "--outputs"],
    ["reset", "-y"],
)  # fmt: skip


@pytest.mark.requirement("SHOW-7", "SAFE-2")
def test_where_nothing_can_be_written_what_reads_works_and_what_writes_says_so() -> None:
    with own_directory() as directory:
        env = {"PATH": os.defpath, "HOME": str(directory), "TZ": "UTC"}
        (directory / "repo").mkdir()
        recorder = Recorder(directory / "repo", env)
        recorder.record("one", writes={"out": "1"}, labels={"k": "v"})
        recorder.record("two", writes={"out": "2"})
        for path in [*sorted(recorder.root.rglob("*")), recorder.root]:
            path.chmod(0o555 if path.is_dir() else 0o444)
        with ordinary_user():
            for words in READERS:
                done = recorder.roar(*words)
                assert done.stderr == "" or words[0] == "env", words
            for words in WRITERS:
                done = recorder.roar(*words, ok=False)
                assert done.returncode == 1 and done.stdout == "" and done.stderr.startswith("Error: "), words
                assert len(done.stderr.splitlines()) == 2 and "unexpectedly" not in done.stderr, done.stderr
            assert (recorder.root / "out").exists()
        for path in (recorder.root, recorder.root / ".roar"):
            path.chmod(0o755)
