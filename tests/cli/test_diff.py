"""`roar diff`."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest
from blake3 import blake3
from cli.recorder import Recorder

from roar.api.records import GitState, Reproduction

pytestmark = pytest.mark.requirement("SHOW-6")

ENVIRONMENT: Mapping[str, Any] = {
    "packages": {"numpy": "1.26", "zlib": "1"},
    "variables": {"SEED": "1", "API_TOKEN": {"set": True, "digest": "aa"}},
    "system": {"kernel": "6.1"},
    "streams": {"1": {"path": "/tmp/1"}},
}


def changed(section: str, **values: Any) -> dict[str, Any]:
    """The environment with other values in a section."""
    return {**ENVIRONMENT, section: {**ENVIRONMENT[section], **values}}


def pipeline(
    recorder: Recorder,
    raw: str = "1",
    mid: str = "",
    model: str = "",
    train: tuple[str, ...] = ("train", "--lr=1"),
    first: Mapping[str, Any] = {},
    second: Mapping[str, Any] = {},
) -> None:
    """Two steps: raw → mid → model; what they write depends on what they read, and on `mid` and `model`."""
    recorder.write("raw", raw)
    recorder.write("train.py", "code")
    made = f"mid of {raw}{mid}"
    recorder.record("prepare", reads=["raw"], writes={"mid": made}, **{"environment": ENVIRONMENT, **first})
    recorder.record(
        *train, reads=["mid", "train.py"], writes={"model": f"{made} {model}"}, **{"environment": ENVIRONMENT, **second}
    )


def causes(recorder: Recorder, a: str = "@2", b: str = "@4") -> list[tuple[str, str, str]]:
    """Kind, name and step of what may be why."""
    found = recorder.json("diff", a, b)["causes"]
    return [(cause["kind"], cause["name"], cause["step_a"]["ref"]) for cause in found]


PATCHED = GitState("abc1234def5678900987654321fedcba00112233", "main", None, b"/r", b"", True, b"one")


@pytest.mark.parametrize(
    ("then", "expected"),
    [
        ({"raw": "2"}, [("input", "raw", "@1")]),
        (
            {"mid": "x", "first": {"environment": changed("packages", numpy="2.0")}},
            [("package", "numpy", "@1")],
        ),
        (
            {"raw": "2", "model": "x", "second": {"environment": changed("packages", numpy="2.0")}},
            [("input", "raw", "@1"), ("package", "numpy", "@2")],
        ),
        (
            {"model": "x", "train": ("train", "--lr=2"), "second": {"environment": changed("packages", numpy="2.0")}},
            [("package", "numpy", "@2"), ("command", "command", "@2")],
        ),
        (
            {
                "model": "x",
                "second": {"parameters": {"deep": {"lr": 2}}, "environment": changed("variables", SEED="2")},
            },
            [("parameter", "deep.lr", "@2"), ("environment", "SEED", "@2")],
        ),
        (
            {"model": "x", "second": {"environment": changed("variables", API_TOKEN={"set": True, "digest": "bb"})}},
            [("environment", "API_TOKEN", "@2")],
        ),
        ({"mid": "x", "first": {"git": PATCHED._replace(commit="f" * 40)}}, None),
        ({"model": "x", "second": {"environment": {**ENVIRONMENT, "streams": {}}}}, []),
        # Where the shell was before, and in which window, is nobody's cause.
        (
            {"model": "x", "second": {"environment": changed("variables", OLDPWD="/elsewhere", SSH_TTY="/dev/pts/9")}},
            [],
        ),
        # A package that only one side had is less likely.
        (
            {"model": "x", "second": {"environment": changed("packages", numpy="2.0", added="1")}},
            [("package", "numpy", "@2"), ("package", "added", "@2")],
        ),
        # What came of it is the same, so that nothing is the cause of anything.
        ({"second": {"environment": changed("packages", numpy="2.0")}}, []),
        ({"raw": "1"}, []),
    ],
)
def test_the_first_root_input_or_package_that_differs_is_the_likely_cause(
    recorder: Recorder, then: dict[str, Any], expected: list[tuple[str, str, str]] | None
) -> None:
    pipeline(recorder)
    pipeline(recorder, **then)
    found = causes(recorder)
    if expected is None:  # a commit, of a repository that is somewhere else
        assert ("commit", "commit", "@1") in found and ("commit", "uncommitted changes", "@1") in found
    else:
        assert found == expected


def test_packages_that_nothing_was_imported_of_are_hardly_the_cause(recorder: Recorder) -> None:
    unused = {"python": [{"imported": False}]}
    pipeline(recorder, second={"environment": {**ENVIRONMENT, **unused}})
    environment = {**changed("packages", numpy="2.0"), **unused}
    pipeline(
        recorder, model="x", train=("train", "--lr=2"), second={"environment": environment, "parameters": {"a": 1}}
    )
    assert causes(recorder) == [("command", "command", "@2"), ("parameter", "a", "@2"), ("package", "numpy", "@2")]


def test_it_is_said_in_a_sentence_first_and_then_what_differs(recorder: Recorder) -> None:
    pipeline(recorder)
    environment = changed("packages", numpy="2.0", scipy="1.0")
    patched = PATCHED._replace(root=bytes(recorder.root), commit="f" * 40)
    pipeline(recorder, "22", "", "x", ("train", "--lr=2"), second={"environment": environment, "git": patched})
    lines = recorder.roar("diff", "@2", "@4").stdout.splitlines()
    assert lines[0].startswith("A  @2 ") and lines[0].endswith("  train --lr=1")
    assert lines[1].startswith("B  @4 ") and lines[1].endswith("  train --lr=2")
    assert lines[3].startswith("Likely cause: raw, a root input of @1 and @3, differs: blake3 ")
    assert lines[4:6] == [
        "  or: the package numpy differs in @2 and @4: 1.26 → 2.0",
        "  or: the package scipy differs in @2 and @4: (none) → 1.0",
    ]
    text = "\n".join(lines)
    for part in (
        "Command (1 differs)\n  A  train --lr=1\n  B  train --lr=2\n",
        "Commit (2 differ)\n  commit: abc1234def56 → ffffffffffff\n  uncommitted changes: False → True\n",
        "Environment: packages (2 differ)\n  numpy: 1.26 → 2.0\n  scipy: (none) → 1.0\n",
        "Inputs (1 differs, 1 the same)\n  mid  blake3 ",
        "Outputs (1 differs)\n  model  blake3 ",
    ):
        assert part in text


def test_what_does_not_differ_is_said_too(recorder: Recorder) -> None:
    pipeline(recorder)
    pipeline(recorder)
    pipeline(recorder, model="x")
    same = recorder.roar("diff", "@2", "@4").stdout
    assert same.endswith("\nNo difference.\n") and recorder.json("diff", "@2", "@4")["same"] is True
    assert recorder.roar("diff", "@1", "@1").stdout.endswith("\nNo difference.\n")
    text = recorder.roar("diff", "@2", "@6").stdout
    assert "Likely cause: nothing that is recorded differs but what came of it." in text
    assert text.endswith("\nThe same: command, commit, environment, inputs (2)\n")
    recorder.record("train", "--lr=1", reads=["mid"], writes={"model": "mid of 1 x"}, environment=ENVIRONMENT)
    text = recorder.roar("diff", "@6", "@7").stdout
    assert "\nThe outputs are the same.\n" in text and "  train.py  only in A: blake3 " in text


def test_each_file_is_told_how_it_differs(recorder: Recorder) -> None:
    for name in ("changed", "hidden", "alike", "old-name", "only-a", "empty-a"):
        recorder.write(name, "" if name == "empty-a" else name)
    reads = ["changed", "hidden", "alike", "old-name", "only-a", "empty-a"]
    recorder.record("one", reads=reads, exit_code=0)
    for name in ("changed", "new-name", "only-b\n\udcff\x1b", "empty-b"):
        recorder.write(name.encode(errors="surrogateescape"), {"new-name": "old-name", "empty-b": ""}.get(name, "b"))
    hidden = recorder.edge("hidden", hashes={}, size=None, stat=None, missing_reason="it changed\nmeanwhile")
    odd = "only-b\n\udcff\x1b".encode(errors="surrogateescape")
    recorder.record("one", reads=["changed", hidden, "alike", "new-name", odd, "empty-b"], exit_code=3, status="failed")
    [step] = recorder.json("diff", "@1", "@2")["steps"]
    assert [(change["path"], change["how"]) for change in step["inputs"]["changes"]] == [
        ("changed", "changed"),
        ("empty-a", "only_a"),
        ("empty-b", "only_b"),
        ("hidden", "unknown"),
        ("old-name", "moved"),
        ("only-a", "only_a"),
        ("only-b\n\udcff\x1b", "only_b"),
    ]
    assert step["inputs"]["same"] == 1
    assert {change["name"]: (change["a"], change["b"]) for change in step["result"]} == {
        "status": ("ok", "failed"),
        "exit code": (0, 3),
    }
    text = recorder.roar("diff", "@1", "@2").stdout
    assert r"only-b\n\xff\x1b  only in B: blake3" in text and r"it changed\nmeanwhile" in text
    assert f"  old-name  in B the same content is {recorder.root / 'new-name'}" in text and "\x1b" not in text


def test_artifacts_are_compared_by_the_steps_that_made_them(recorder: Recorder) -> None:
    pipeline(recorder)
    old = recorder.json("show", "model")["artifact"]["hashes"]["blake3"]
    pipeline(recorder, "2")
    found = recorder.json("diff", old[:12], "model")
    assert (found["kind"], found["same_content"], found["causes"][0]["name"]) == ("artifact", False, "raw")
    assert [found[side]["step"]["ref"] for side in "ab"] == ["@2", "@4"]
    assert recorder.json("diff", old, "@4")["kind"] == "step"
    text = recorder.roar("diff", "raw", "train.py").stdout
    assert text.endswith("\nThe contents differ, and no step made either of them.\n")
    assert recorder.roar("diff", "raw", "model").stdout.endswith("\nThe contents differ, and no step made A.\n")
    recorder.record("cp", reads=["model"], writes={"copy": "mid of 2 "})
    text = recorder.roar("diff", "model", "copy").stdout
    assert "\nThe outputs are the same.\n" in text and "made by @5" in text


@pytest.mark.requirement("REP-4")
def test_a_reproduction_is_compared_with_its_original(recorder: Recorder, tmp_path: Path) -> None:
    recorder.record("train", writes={"model": "one\ntwo\n"})
    again = tmp_path / "again"
    again.write_text("one\nthree\n")
    text = recorder.roar("diff", "model", str(again)).stdout
    assert "B  " in text and "not recorded" in text.splitlines()[1]
    assert "\nIn B: line 2: 'three' instead of 'two'.\n" in text
    assert text.endswith("\nThe contents differ, and no step made B.\n")
    made = blake3(again.read_bytes()).hexdigest()
    original = recorder.json("show", "model")["artifact"]["hashes"]["blake3"]
    storage = recorder.storage()
    kept = Reproduction("blake3", original, "11" * 16, b"/x/model", "different", made, 10, "ada@host", 5 * 10**18)
    storage.note_reproductions([kept])
    storage.close()
    assert (
        "\nA reproduction made B: by ada@host on 2128-06-11 08:53:20.\n"
        in recorder.roar("diff", "model", str(again)).stdout
    )
    again.write_text("one\ntwo\n")
    found = recorder.json("diff", str(again), original)
    assert (found["same"], found["same_content"], found["hint"], found["reproduction"]) == (True, True, None, None)
    assert [found[side]["recorded"] for side in "ab"] == [False, True]
    again.unlink()
    done = recorder.roar("diff", "model", str(again), ok=False)
    assert done.returncode == 1 and done.stderr.startswith(f"Error: No artifact found for path: {again}")


def test_sessions_are_compared_step_by_step(recorder: Recorder) -> None:
    pipeline(recorder)
    recorder.record("evaluate", "old", name="score", reads=["model"])
    recorder.record("plot")
    recorder.record("prepare", reads=["raw"], writes={"mid": "mid of 1"}, environment=ENVIRONMENT)
    recorder.roar("session", "new", "second")
    pipeline(recorder, "2", train=("train", "--lr=2"))
    recorder.record("evaluate", "new", name="score", reads=["model"])
    recorder.record("report")
    found = recorder.json("diff", "session:1", "session:second")
    pairs = [(step["a"]["ref"], step["b"]["ref"], step["same"]) for step in found["steps"]]
    assert pairs == [("@2", "@2", False), ("@3", "@3", False), ("@5", "@1", False)]
    assert [job["command"] for job in found["only_a"]] == [["plot"]]
    assert [job["command"] for job in found["only_b"]] == [["report"]]
    assert (found["causes"][0]["kind"], found["causes"][0]["name"]) == ("input", "raw")
    text = recorder.roar("diff", "session:1", "session").stdout
    assert "Likely cause: raw, a root input of @1 (session 1) and @1 (session 2), differs" in text
    assert "\n@2 → @2 train --lr=2\n  differs: command, 1 input, 1 output  (roar diff " in text
    assert "\nOnly in A (1)\n  @4 plot\n" in text and text.endswith("\nOnly in B (1)\n  @4 report\n")
    assert recorder.roar("diff", "session", "session:2").stdout.endswith("\nNo difference.\n\n4 steps the same\n")


def test_a_copy_of_the_repository_elsewhere_compares_by_paths_within_it(recorder: Recorder) -> None:
    recorder.write("a/in", "same")
    recorder.write("b/in", "same")
    git = GitState("c" * 40, "main", None, bytes(recorder.root / "a"), b"", False)
    recorder.record("run", reads=["a/in"], cwd=git.root, git=git)
    other = git._replace(root=bytes(recorder.root / "b"))
    recorder.record("run", reads=["b/in"], cwd=other.root, git=other)
    assert recorder.json("diff", "@1", "@2")["same"] is True


def test_a_long_way_and_a_circle_end(recorder: Recorder) -> None:
    for value in ("1", "2"):
        recorder.write("f0", value)
        for number in range(30):
            recorder.record(
                "copy",
                str(number),
                reads=[f"f{number}", f"f{number}"][:1],
                writes={f"f{number + 1}": f"{value}{number}"},
            )
        recorder.record("back", reads=["f30"], writes={"f0": f"{value}29"})
        recorder.record("again", reads=["f0"], writes={"end": f"{value} end"})
    found = recorder.json("diff", "@32", "@64")["causes"]
    assert [(cause["name"], cause["step_a"]["ref"], cause["step_b"]["ref"]) for cause in found] == [("f0", "@1", "@33")]


WRONG = (
    (["@1", "@9"], 1, "Error: No step @9 in the active session"),
    (["@1", "nothing"], 1, "Error: No artifact found for path: nothing\nReasons, "),
    (["@1", "session:7"], 1, "Error: There is no session '7'."),
    (["session", "@1"], 2, "Error: a session is compared with a session."),
    (["raw", "@1"], 2, "Error: no step made 'raw', so that it can't be compared with one."),
    (["@1"], 2, "Error: Missing argument 'B'."),
)


@pytest.mark.requirement("SAFE-4")
def test_what_can_not_be_compared_is_said_in_a_line(recorder: Recorder) -> None:
    pipeline(recorder)
    for words, code, said in WRONG:
        done = recorder.roar("diff", *words, ok=False)
        assert (done.returncode, done.stdout) == (code, "") and done.stderr.startswith(said), words
