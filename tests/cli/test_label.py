"""`roar label`, and finding things by their labels."""

from __future__ import annotations

from typing import Any

import pytest
from cli.recorder import Recorder

pytestmark = pytest.mark.requirement("SHOW-6")


@pytest.fixture
def used(recorder: Recorder) -> Recorder:
    recorder.write("in", "in")
    recorder.record("one", reads=["in"], writes={"model": "m"}, labels={"size": "small"})
    recorder.record("two", reads=["model"], writes={"score": "s"})
    recorder.record("make", kind="build")
    return recorder


def labels(recorder: Recorder, *words: str) -> list[tuple[str, dict[str, str]]]:
    """What there is and its labels."""
    found: list[dict[str, Any]] = recorder.json("label", "show", *words)["subjects"]
    return [(one["ref"] or one["path"] or f"session {one['session']}", one["labels"]) for one in found]


def test_labels_are_set_on_everything_shown_searched_and_taken_away(used: Recorder) -> None:
    model = str(used.root / "model")
    assert used.roar("label", "set", "@1", "size=large", "best").stdout.splitlines()[1:] == ["  best", "  size=large"]
    used.roar("label", "set", "model", "best", "by=ada")
    used.roar("label", "set", "session", "sweep=lr")
    used.roar("label", "set", "@B1", "k=a=b")
    everything = [
        ("session 1", {"sweep": "lr"}),
        ("@1", {"best": "", "size": "large"}),
        ("@B1", {"k": "a=b"}),
        (model, {"best": "", "by": "ada"}),
    ]
    assert labels(used) == everything
    assert [name for name, _ in labels(used, "--label", "best")] == ["@1", model]
    assert labels(used, "--label", "best", "--label", "by=ada") == everything[3:]
    assert labels(used, "model") == everything[3:]
    assert labels(used, "@1", "--label", "by=ada") == []
    assert [job["ref"] for job in used.json("log", "--label", "best", "--label", "size=large")["jobs"]] == ["@1"]
    assert used.json("show", "@1")["job"]["labels"] == {"best": "", "size": "large"}
    assert all("sweep=lr" in used.roar(*words).stdout for words in (["session"], ["show"], ["show", "session:1"]))
    assert used.json("show", "session:1")["session"]["labels"] == {"sweep": "lr"}
    assert "\nLabels: best, by=ada\n" in used.roar("show", "model").stdout
    assert used.json("show", "model")["artifact"]["labels"] == {"best": "", "by": "ada"}
    assert "\nLabels     best, size=large\n" in used.roar("show", "@1").stdout
    used.roar("label", "unset", "model", "best", "by")
    used.roar("label", "unset", "@1", "size")
    assert labels(used, "--label", "best") == [("@1", {"best": ""})]
    assert used.json("log", "--label", "size")["jobs"] == []


def test_a_label_of_a_path_is_its_contents_and_goes_where_that_goes(used: Recorder) -> None:
    used.roar("label", "set", "model", "best")
    digest = used.json("show", "model")["artifact"]["hashes"]["blake3"]
    used.record("cp", reads=["model"], writes={"copy": "m"})
    assert labels(used, "copy")[0][1] == labels(used, digest[:12])[0][1] == {"best": ""}
    used.record("again", writes={"model": "other"})
    assert labels(used, "model")[0][1] == {}


def test_every_version_is_kept(used: Recorder) -> None:
    for words in (
        ("set", "@1", "size=large"),
        ("set", "@1", "size=large"),
        ("unset", "@1", "size"),
        ("set", "@1", "size"),
    ):
        used.roar("label", *words)
    versions = used.json("label", "history", "@1")["versions"]
    assert [(one["key"], one["value"], one["version"]) for one in versions] == [
        ("size", "", 4),
        ("size", None, 3),
        ("size", "large", 2),
        ("size", "small", 1),
    ]
    shown = [line.split("  ")[2:] for line in used.roar("label", "history", "@1", "size").stdout.splitlines()[1:]]
    assert shown == [
        ["size", "(version 4)"],
        ["size taken away", "(version 3)"],
        ["size=large", "(version 2)"],
        ["size=small", "(version 1)"],
    ]
    assert used.json("label", "history", "@1", "other")["versions"] == []


def test_labels_are_copied_all_or_some(used: Recorder) -> None:
    used.roar("label", "set", "@1", "best", "k=v")
    used.roar("label", "set", "@2", "own", "k=w")
    used.roar("label", "cp", "@1", "@2", "best", "k")
    assert labels(used, "@2")[0][1] == {"best": "", "k": "v", "own": ""}
    used.roar("label", "cp", "@1", "session:1")
    assert labels(used, "session")[0][1] == {"best": "", "k": "v", "size": "small"}
    done = used.roar("label", "cp", "@1", "@2", "none", ok=False)
    assert done.returncode == 1 and done.stderr.startswith("Error: @1 has no label none.")
    assert used.roar("label", "cp", "@1", "@2", "best").stderr == "Nothing changed: it was so already.\n"


@pytest.mark.requirement("SAFE-3")
def test_any_text_is_kept_exactly_and_shown_harmlessly(used: Recorder) -> None:
    key, value = b"\xff\x1b[31m\n" + b"k" * 248, b"\xfe\n\x1b]0;x\x07=" + b"v" * 255
    assert len(key) == 255
    used.roar("label", "set", "@1", key + b"=" + value)
    kept = labels(used, "@1")[0][1]
    assert {
        name.encode(errors="surrogateescape"): text.encode(errors="surrogateescape") for name, text in kept.items()
    } == {
        b"size": b"small",
        key: value,
    }
    for words in (("label", "show"), ("label", "history", "@1"), ("log",), ("show", "@1")):
        shown = used.roar(*words).stdout
        assert "\x1b" not in shown and "\udcff" not in shown
    assert [
        job["ref"] for job in used.json("log", "--label", (key + b"=" + value).decode(errors="surrogateescape"))["jobs"]
    ] == ["@1"]
    used.roar("label", "unset", "@1", key)
    assert labels(used, "@1")[0][1] == {"size": "small"}


@pytest.mark.requirement("REG-6")
def test_secrets_are_not_kept(used: Recorder) -> None:
    done = used.roar("label", "set", "@1", "api_token=3kjh5kjh345", "note=see ghp_abcdefghijklmnopqrstuv0123456789")
    assert "The value of api_token looks like a secret: it is kept as [redacted]." in done.stderr
    assert labels(used, "@1")[0][1] == {"api_token": "[redacted]", "note": "see [redacted]", "size": "small"}
    database = b"".join(path.read_bytes() for path in (used.root / ".roar").glob("roar.db*"))
    assert b"3kjh5kjh345" not in database and b"ghp_" not in database


WRONG = (
    (["set", "@9", "k"], 1, "Error: No step @9 in the active session; the last one is @3."),
    (["set", "nothing", "k"], 1, "Error: No artifact found for path: nothing\nReasons, "),
    (["set", "session:9", "k"], 1, "Error: There is no session '9'."),
    (["set", "@1", "=v"], 2, "Error: a label is KEY=VALUE or KEY, not '=v'."),
    (["set", "@1", "k" * 256], 2, "Error: a label's key has at most 255 bytes."),
    (["set", "@1", "k=" + "v" * 65537], 2, "Error: a label's value has at most 65536 bytes."),
    (["set", "log", "k"], 1, "Error: What was last recorded at this path has no digest"),
    (
        ["set", "z.zarr", "k"],
        1,
        "Error: A composite artifact has no labels of its own.\nLabel the step that has it: @3",
    ),
    (["show", "--label", "none"], 0, "No label fits."),
)


@pytest.mark.requirement("SAFE-4")
def test_what_is_wrong_is_said_in_a_line_and_changes_nothing(used: Recorder) -> None:
    used.write("log", "l")
    used.write("z.zarr/0", "0")
    outputs = [used.edge("log", hashes={}, size=None, stat=None), used.edge("z.zarr/0")]
    used.record("three", writes=outputs, composites=(used.composite("z.zarr", ["z.zarr/0"]),))
    before = labels(used)
    for words, code, said in WRONG:
        done = used.roar("label", *words, ok=False)
        assert (done.returncode, done.stdout) == (code, "") and said in done.stderr, words
    assert labels(used) == before
