"""`roar pop`."""

from __future__ import annotations

import os
from pathlib import Path

import pytest
from cli.recorder import Recorder
from cli.terminal import on_terminal

from roar.lineage.pop import Output, remove
from roar.lineage.states import Disk

pytestmark = pytest.mark.requirement("SHOW-6")


@pytest.fixture
def two(recorder: Recorder) -> Recorder:
    recorder.write("in", "in")
    recorder.record("one", reads=["in"], writes={"first": "1"})
    recorder.record("two", reads=["first"], writes={"a": "a", "b": "b"})
    return recorder


def refs(recorder: Recorder) -> list[str]:
    return [job["ref"] for job in recorder.json("log")["jobs"]]


def there(recorder: Recorder) -> set[str]:
    return {path.name for path in recorder.root.iterdir() if path.is_file()}


def test_the_last_step_is_dropped_and_its_files_stay_unless_they_are_named(two: Recorder) -> None:
    assert two.roar("pop", "-y").stdout == "Dropped @2 two\n"
    assert refs(two) == ["@1"] and there(two) == {"in", "first", "a", "b"}
    assert two.roar("show", "a", ok=False).returncode == 1
    assert two.roar("fsck").returncode == 0
    two.record("again")
    assert two.json("show", "@2")["job"]["command"] == ["again"]


def test_outputs_go_on_request_and_inputs_never(two: Recorder) -> None:
    assert two.roar("pop", "-y", "--outputs").stdout == "Dropped @2 two\nRemoved 2 outputs.\n"
    assert there(two) == {"in", "first"}
    two.record("in place", reads=["first"], writes={"first": "11"})
    popped = two.json("pop", "-y", "--outputs")
    assert popped["removed"] == []
    assert popped["kept"] == [{"path": str(two.root / "first"), "reason": "an input, too"}]
    assert there(two) == {"in", "first"}


def test_what_would_be_a_loss_stays_and_is_said_to(two: Recorder, tmp_path: Path) -> None:
    outside = tmp_path / "outside"
    outside.write_text("o")
    two.write("unknown", "u")
    two.write("same", "same")
    two.record("earlier", writes=[two.edge("same")])
    outputs = [two.edge("same"), two.edge(bytes(outside)), two.edge("unknown", hashes={}, stat=None, size=None)]
    for name in ("changed", "committed", "gone", "odd\n\udcff", "fine"):
        two.write(os.fsencode(name), name.encode(errors="surrogateescape"))
        outputs.append(two.edge(os.fsencode(name)))
    outputs[4] = outputs[4]._replace(tracked=True)
    two.record("last", writes=outputs)
    two.write("changed", "since")
    (two.root / "gone").unlink()
    said = two.roar("pop", "-y", "--outputs").stdout.splitlines()
    assert said == [
        "Dropped @4 last",
        "Removed 2 outputs.",
        f"Kept {outside}: not in the workspace.",
        "Kept changed: changed since.",
        "Kept committed: committed in git.",
        "Kept same: another step's, too.",
        "Kept unknown: not known to be unchanged.",
    ]
    assert there(two) == {"in", "first", "a", "b", "same", "unknown", "changed", "committed"}
    assert outside.exists()


@pytest.mark.requirement("SAFE-4")
def test_it_asks_for_the_step_and_then_for_its_outputs(two: Recorder) -> None:
    code, shown = on_terminal(two, ["pop"], b"n\n")
    assert code == 1 and "Drop @2 (two) from the record?" in shown and "nothing was changed" in shown
    assert refs(two) == ["@2", "@1"]
    code, shown = on_terminal(two, ["pop"], b"y\n", b"n\n")
    assert code == 0 and "Remove 2 outputs of it from the disk, too?" in shown and "  a\n  b\n" in shown
    assert refs(two) == ["@1"] and {"a", "b"} < there(two)
    code, _ = on_terminal(two, ["pop"], b"y\n", b"y\n")
    assert code == 0 and refs(two) == [] and there(two) == {"in", "a", "b"}


@pytest.mark.requirement("SAFE-4")
def test_without_a_terminal_or_without_a_step_it_refuses_and_says_how(two: Recorder) -> None:
    done = two.roar("pop", ok=False)
    assert done.returncode == 1 and done.stderr.startswith("Error: roar pop asks") and "roar pop -y" in done.stderr
    assert refs(two) == ["@2", "@1"]
    two.roar("session", "new")
    done = two.roar("pop", "-y", ok=False)
    assert done.returncode == 1 and done.stderr.startswith("Error: The active session has no step to drop.")
    assert len(two.json("log", "--all-sessions")["jobs"]) == 2


def test_a_file_that_was_committed_since_stays(workspace) -> None:  # type: ignore[no-untyped-def]
    workspace.prefer("preload")
    workspace.roar("run", "-q", "sh", "-c", "echo 1 > kept; echo 2 > gone; mkdir sub; echo 3 > sub/'odd\nname'")
    workspace.sh("git", "add", "kept")
    workspace.sh("git", "commit", "-q", "-m", "keep")
    done = workspace.roar("pop", "-y", "--outputs", cwd=workspace.root / "sub")
    assert done.stdout.splitlines()[1:] == ["Removed 2 outputs.", "Kept ../kept: committed in git."]
    assert {path.name for path in workspace.root.rglob("*") if path.is_file() and ".git" not in str(path)} >= {"kept"}
    assert not (workspace.root / "gone").exists() and not list((workspace.root / "sub").iterdir())


@pytest.mark.requirement("SAFE-1")
def test_a_file_that_is_written_while_the_question_is_open_stays(tmp_path: Path) -> None:
    path = tmp_path / "out"
    path.write_text("1")
    disk = Disk(dict)
    disk.stat(bytes(path))
    path.write_text("other")
    assert remove(Output(bytes(path), None), disk) == "changed since" and path.read_text() == "other"
    assert remove(Output(bytes(path), None), Disk(dict)) is None and not path.exists()
    assert remove(Output(bytes(path), None), Disk(dict)) == "changed since"
