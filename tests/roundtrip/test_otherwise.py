"""Pipelines that don't come back: each is told to be different, failed or not run, and for the right reason."""

from __future__ import annotations

import sqlite3
import sys
from typing import Any

import pytest
from conftest import Workspace
from reproduce.steps import state
from roundtrip.pipeline import Hand, Pipeline, Run, record, reproduce

WORDS = {"words": "pear\napple\n"}
PYTHON = sys.executable

pytestmark = pytest.mark.requirement("REP-2", "REP-3")


def steps_of(value: dict[str, Any]) -> dict[str, dict[str, Any]]:
    """Ref → result."""
    return {step["ref"]: step["result"] for step in value["steps"]}


def hint_of(value: dict[str, Any]) -> str:
    """Of the only output that came out different."""
    (hint,) = [o["hint"] for step in value["steps"] for o in step["outputs"] if o["outcome"] == "different"]
    return str(hint)


def test_what_has_the_time_in_it_comes_out_different_with_the_line(workspace: Workspace) -> None:
    script = "import time\nopen('report', 'w').write(f'title\\n{time.time_ns()}\\n')\n"
    record(workspace, Pipeline("", {"r.py": script}, ("python3 r.py",), ""))
    value, done = reproduce(workspace, "report")
    assert done.returncode == 1 and value["identical"] is False
    assert hint_of(value).startswith("line 2: ")
    again = workspace.roar("reproduce", "report", "--allow-different", "-o", "../again")
    assert again.stdout.startswith("report: different\n")


def test_random_numbers_without_a_seed_are_counted(workspace: Workspace) -> None:
    script = "import numpy\nx = numpy.zeros(5)\nx[3] = numpy.random.default_rng().random()\nnumpy.savez('a.npz', x=x)\n"
    record(workspace, Pipeline("", {"r.py": script}, (f"{PYTHON} r.py",), ""))
    value, done = reproduce(workspace, "a.npz")
    assert done.returncode == 1
    assert hint_of(value).startswith("x.npy: element 3: ") and hint_of(value).endswith("; 1 of 5 differ")


def test_debugging_symbols_name_the_directory(workspace: Workspace) -> None:
    record(workspace, Pipeline("", {"a.c": "int main(void) { return 0; }\n"}, ("cc -g -c a.c",), ""))
    value, done = reproduce(workspace, "a.o")
    assert done.returncode == 1 and "first difference at byte" in hint_of(value)


@pytest.mark.requirement("REP-5")
def test_an_input_that_has_changed_is_not_taken(workspace: Workspace) -> None:
    record(workspace, Pipeline("", {}, ("sort words -o s", "uniq s u"), "", WORDS))
    workspace.write({"words": "other\n"})
    value, done = reproduce(workspace, "u")
    first, second = steps_of(value).values()
    assert done.returncode == 1
    assert first["outcome"] == "not run" and first["reason"].startswith(
        "words has changed since it was recorded (blake3 "
    )
    assert second["outcome"] == "not run" and second["reason"] == "it needs what @1 makes, which was not run"


def test_an_input_that_is_gone_is_named_and_a_copy_of_it_found(workspace: Workspace) -> None:
    record(workspace, Pipeline("", {}, ("sort words -o s", "cp words copy"), "", WORDS))
    (workspace.root / "words").unlink()
    assert reproduce(workspace, "s")[0]["identical"] is True  # `copy` has the content
    (workspace.root / "copy").unlink()
    value, done = reproduce(workspace, "s", "-o", "../again")
    assert done.returncode == 1 and steps_of(value)["@1"]["reason"] == "words is not there any more"


def test_a_tool_that_is_missing(workspace: Workspace) -> None:
    tools = workspace.root.parent / "tools"
    tools.mkdir()
    (tools / "tool").write_text("#!/bin/sh\necho made > made\n")
    (tools / "tool").chmod(0o755)
    path = f"{tools}:{workspace.env['PATH']}"
    record(workspace, Pipeline("", {}, (Run("tool", env={"PATH": path}),), ""))
    value, done = reproduce(workspace, "made")
    result = steps_of(value)["@1"]
    assert done.returncode == 1 and result["exit_code"] == 127 and result["reason"] == "exit code 127"
    assert result["stderr"] == ["tool: No such file or directory"]


@pytest.mark.requirement("REG-6")
def test_a_secret_that_was_not_recorded(workspace: Workspace) -> None:
    record(workspace, Pipeline("", {}, ("sh -c 'echo x > made' --token=abcdefgh12345678",), ""))
    value, done = reproduce(workspace, "made")
    assert done.returncode == 1
    assert steps_of(value)["@1"]["reason"] == "its command had a secret, which was not recorded"


@pytest.mark.requirement("REP-4")
def test_a_dirty_step_without_its_patch(workspace: Workspace) -> None:
    steps = (Hand("echo '# more' >> s.sh"), Run("sh s.sh", options="--allow-dirty"))
    record(workspace, Pipeline("", {"s.sh": "echo x > made\n"}, steps, ""))
    with sqlite3.connect(workspace.root / ".roar/roar.db") as connection:
        connection.execute("UPDATE commit_state SET patch = NULL")
    connection.close()
    value, done = reproduce(workspace, "made")
    reason = steps_of(value)["@1"]["reason"]
    assert done.returncode == 1
    assert reason == "it ran with uncommitted changes, and their patch is not in the record"


@pytest.mark.requirement("REP-5")
def test_a_step_that_writes_outside_of_the_repository(workspace: Workspace) -> None:
    workspace.roar("config", "set", "filters.ignore_tmp_files", "false")
    record(workspace, Pipeline("", {}, ("sh -c 'echo x > ../outside; echo y > made'",), ""))
    outside = workspace.root.parent / "outside"
    before = state(outside)
    value, done = reproduce(workspace, "made")
    reason = steps_of(value)["@1"]["reason"]
    assert done.returncode == 1 and reason.startswith(f"it writes {outside}, outside of the repository")
    assert state(outside) == before


@pytest.mark.requirement("REP-5")
def test_a_file_outside_is_left_as_it_is_even_if_a_step_makes_what_it_was(workspace: Workspace) -> None:
    workspace.roar("config", "set", "filters.ignore_tmp_files", "false")
    steps = ("sh -c 'echo x > made'", Hand("cp made ../outside"), "sort ../outside -o sorted")
    record(workspace, Pipeline("", {}, steps, ""))
    outside = workspace.root.parent / "outside"
    outside.write_text("of value\n")
    value, done = reproduce(workspace, "sorted")
    reason = steps_of(value)["@2"]["reason"]
    assert done.returncode == 1 and reason.startswith(f"{outside} has changed since it was recorded (blake3 ")
    assert outside.read_text() == "of value\n"


@pytest.mark.requirement("REP-5")
def test_a_script_that_names_the_recorded_repository(workspace: Workspace) -> None:
    script = f"sort words > {workspace.root}/made\n"
    record(workspace, Pipeline("", {"s.sh": script}, ("sh s.sh",), "", WORDS))
    before = state(workspace.root / "made")
    value, done = reproduce(workspace, "made")
    reason = steps_of(value)["@1"]["reason"]
    assert done.returncode == 1 and reason == f"s.sh names {workspace.root}: the step would work there, not here"
    assert state(workspace.root / "made") == before


@pytest.mark.requirement("REP-5")
def test_settings_that_name_where_the_step_writes(workspace: Workspace) -> None:
    """A list of files to read is another thing: they are left as they are."""
    settings = {"settings": f"to={workspace.root}/out\n", "list": f"{workspace.root}/words\n"}
    steps = ("sh -c 'xargs cat < list > made'", "sh -c '. ./settings; mkdir out; sort words > $to/s'")
    record(workspace, Pipeline("", {}, steps, "", {**WORDS, **settings}))
    before = state(workspace.root / "out/s")
    value, done = reproduce(workspace, "out/s")
    reason = steps_of(value)["@2"]["reason"]
    assert done.returncode == 1
    assert reason == f"settings names {workspace.root}/out: the step would write there, not here"
    assert state(workspace.root / "out/s") == before
    assert reproduce(workspace, "made", "-o", "../again")[0]["identical"] is True


def test_a_branch_that_fails_stops_its_chain_and_no_other(workspace: Workspace) -> None:
    steps = ("sort words -o good", "sh fails.sh", "cp bad worse", "sh -c 'cat good > fine; cat worse > joined'")
    script = "test -e ../ready || { echo 'not ready: bring it' >&2; exit 9; }\necho x > bad\n"
    (workspace.root.parent / "ready").touch()
    record(workspace, Pipeline("", {"fails.sh": script}, steps, "", WORDS))
    (workspace.root.parent / "ready").unlink()
    value, done = reproduce(workspace, "joined")
    results = steps_of(value)
    assert done.returncode == 1
    assert results["@1"]["outcome"] == "identical"
    assert (results["@2"]["outcome"], results["@2"]["exit_code"]) == ("failed", 9)
    assert results["@2"]["stderr"] == ["not ready: bring it"]
    assert [results[ref]["reason"] for ref in ("@3", "@4")] == [
        "it needs what @2 makes, which failed",
        "it needs what @3 makes, which was not run",
    ]
    (workspace.root.parent / "ready").touch()
    value, done = reproduce(workspace, "joined", "--resume")
    assert done.returncode == 0 and value["identical"] is True


def test_an_output_that_does_not_come_of_it(workspace: Workspace) -> None:
    record(workspace, Pipeline("", {}, ("sh -c 'test -e ../flag || echo x > made; true'",), ""))
    (workspace.root.parent / "flag").touch()
    value, done = reproduce(workspace, "made")
    assert done.returncode == 1 and steps_of(value)["@1"]["outcome"] == "missing"


def test_a_commit_that_is_gone(workspace: Workspace) -> None:
    record(
        workspace, Pipeline("", {"s.sh": "echo x > made\n"}, (Hand("git commit -q --amend -m other"), "sh s.sh"), "")
    )
    workspace.sh(
        "sh", "-ec", "git commit -q --amend -m again; git reflog expire --expire=now --all; git gc -q --prune=now"
    )
    done = workspace.roar("reproduce", "made", ok=False)
    assert done.returncode == 1 and "Traceback" not in done.stderr
    assert "is not in the repository any more.\nFetch it: git fetch" in done.stderr
