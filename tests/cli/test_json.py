"""What ``--json`` prints follows the schemas, and docs/json.md follows them too."""

from __future__ import annotations

import json
from copy import deepcopy
from pathlib import Path
from typing import Any

import pytest
from cli.document_json import SCHEMAS, page
from cli.recorder import Recorder
from jsonschema import Draft202012Validator, FormatChecker
from referencing import Registry, Resource

import roar.render

PAGE = Path(__file__).parents[2] / "docs" / "json.md"


def closed(schema: Any) -> Any:
    """The schema, accepting no key that it doesn't describe."""
    if isinstance(schema, list):
        return [closed(item) for item in schema]
    if not isinstance(schema, dict):
        return schema
    found = {key: closed(value) for key, value in schema.items()}
    if "properties" in found and isinstance(schema["properties"], dict) and "required" in schema and "type" in schema:
        found.setdefault("additionalProperties", False)
    return found


def validator(name: str) -> Draft202012Validator:
    schemas = {
        f"{found}.json": closed(deepcopy(json.loads((SCHEMAS / f"{found}.json").read_text())))
        for found in (
            "definitions",
            "show",
            "log",
            "dag",
            "lineage",
            "inputs",
            "verify",
            "status",
            "diff",
            "session",
            "label",
            "label-history",
            "pop",
            "env",
            "reproduce",
            "fsck",
        )
    }
    for schema in schemas.values():
        Draft202012Validator.check_schema(schema)
    registry: Registry[Any] = Registry().with_resources(
        (found, Resource.from_contents(schema)) for found, schema in schemas.items()
    )
    return Draft202012Validator(schemas[f"{name}.json"], registry=registry, format_checker=FormatChecker())


@pytest.fixture
def everything(recorder: Recorder) -> Recorder:
    """A session with an example of each thing that can be printed."""
    recorder.write("raw", "raw")
    recorder.record("make", kind="build", writes={"tool": "t"}, git=None)
    names = [f"z.zarr/{number}" for number in range(3)]
    for name in names:
        recorder.write(name, name)
    recorder.record(
        "store",
        reads=["raw", recorder.edge("tool", tracked=True)],
        writes=[recorder.edge(name) for name in names],
        composites=(recorder.composite("z.zarr", names),),
        labels={"a": "b"},
        parameters={"lr": 0.1, "deep": {"x": [1]}},
        name="store",
        filtered={"some filter": ((b"/tmp/x", "input"),)},
        verdict="partial",
        reasons=("why",),
        notes=("a note",),
    )
    log = recorder.write("log", "l")
    recorder.record(
        "killed",
        reads=["z.zarr/1"],
        writes=[recorder.edge(log, hashes={}, size=None, stat=None, missing_reason="it changed")],
        exit_code=None,
        status="interrupted",
    )
    recorder.record("store2", reads=["raw"], writes={"out": "1"})
    recorder.record("store2", reads=["raw"], writes={"out": "22"})
    recorder.write("raw", "changed")
    (recorder.root / "z.zarr" / "2").unlink()
    recorder.write("z.zarr/1", "changed")
    (recorder.root / ".roar" / "runs" / ("ef" * 16)).mkdir()
    return recorder


@pytest.mark.requirement("SHOW-7", "EXP-0")
@pytest.mark.parametrize(
    ("schema", "words"),
    [
        ("show", ["show"]),
        ("show", ["show", "session:1"]),
        ("show", ["show", "@1"]),
        ("show", ["show", "@1", "--filtered"]),
        ("show", ["show", "@B1"]),
        ("show", ["show", "@2"]),
        ("show", ["show", "out"]),
        ("show", ["show", "log"]),
        ("show", ["show", "raw"]),
        ("show", ["show", "z.zarr"]),
        ("log", ["log"]),
        ("log", ["log", "-n", "0"]),
        ("dag", ["dag"]),
        ("dag", ["dag", "--expanded"]),
        ("dag", ["dag", "--all-sessions"]),
        ("dag", ["dag", "out"]),
        ("lineage", ["lineage", "out"]),
        ("lineage", ["lineage", "@1", "--up"]),
        ("lineage", ["lineage", "z.zarr"]),
        ("lineage", ["lineage", "log"]),
        ("inputs", ["inputs", "@2"]),
        ("inputs", ["inputs", "raw"]),
        ("verify", ["verify", "out"]),
        ("status", ["status"]),
        ("diff", ["diff", "@1", "@3"]),
        ("diff", ["diff", "@2", "@B1"]),
        ("diff", ["diff", "out", "raw"]),
        ("diff", ["diff", "z.zarr", "log"]),
        ("diff", ["diff", "out", "z.zarr/0"]),
        ("diff", ["diff", "out", ".roar/roar.db"]),
        ("diff", ["diff", "session", "session:1"]),
        ("session", ["session", "list"]),
        ("session", ["session", "new", "x"]),
        ("session", ["session", "use", "1"]),
        ("session", ["session", "name", "x"]),
        ("session", ["reset", "-y"]),
        ("label", ["label", "show"]),
        ("label", ["label", "show", "@1"]),
        ("label", ["label", "set", "out", "best", "k=v"]),
        ("label", ["label", "unset", "@1", "a"]),
        ("label", ["label", "cp", "@1", "session"]),
        ("label-history", ["label", "history", "@1"]),
        ("pop", ["pop", "-y", "--outputs"]),
        ("env", ["env", "set", "A=1"]),
        ("env", ["env", "list"]),
    ],
)
def test_each_reader_prints_what_its_schema_describes_and_nothing_else(
    everything: Recorder, schema: str, words: list[str]
) -> None:
    validator(schema).validate(everything.json(*words))


@pytest.mark.requirement("SHOW-7", "SHOW-3")
def test_verify_prints_what_its_schema_describes(everything: Recorder) -> None:
    done = everything.roar("verify", "--json", ok=False)
    assert done.returncode == 1
    checked = json.loads(done.stdout)
    validator("verify").validate(checked)
    assert {file["state"] for file in checked["files"]} == {"present", "changed", "missing", "unknown"}


@pytest.mark.requirement("SHOW-7")
def test_fsck_prints_what_its_schema_describes(everything: Recorder) -> None:
    done = everything.roar("fsck", "--content", "--json", ok=False)
    assert done.returncode == 1
    validator("fsck").validate(json.loads(done.stdout))


@pytest.mark.requirement("SHOW-7")
def test_a_running_command_is_in_the_status(everything: Recorder) -> None:
    from roar.run.rundir import RunDir

    plan = {"uid": "cd" * 16, "command": ["sleep", "1"], "started_ns": 1_800_000_000_000_000_000}
    run = RunDir.create(everything.root / ".roar" / "runs", "cd" * 16, plan)
    try:
        status = everything.json("status")
        shown = everything.roar("status").stdout
    finally:
        run.remove()
    validator("status").validate(status)
    assert status["running"] == [
        {"uid": "cd" * 16, "command": ["sleep", "1"], "started_at": "2027-01-15T08:00:00.000000Z"}
    ]
    assert "Running: 1\n  sleep 1 (job cdcdcdcd, since 2027-01-15 08:00:00)" in shown


@pytest.mark.requirement("SHOW-7")
def test_the_page_about_json_is_current() -> None:
    assert PAGE.read_text() == page(), "run: python tests/cli/document_json.py > docs/json.md"


def test_the_schemas_are_in_the_package() -> None:
    assert Path(roar.render.__file__).parent / "schemas" == SCHEMAS
