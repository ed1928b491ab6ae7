"""How little is loaded before it is needed."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from roar import __version__


def loaded_by(*words: str, cwd: Path) -> set[str]:
    """The modules that a command imports."""
    done = subprocess.run(
        [sys.executable, "-X", "importtime", "-m", "roar", *words], cwd=cwd, capture_output=True, text=True, check=False
    )
    return {line.rpartition("|")[2].strip() for line in done.stderr.splitlines() if line.startswith("import time:")}


@pytest.mark.requirement("INIT-5")
def test_the_version_is_printed_by_module_and_by_program(tmp_path: Path) -> None:
    program = Path(sys.executable).with_name("roar")
    for words in ([sys.executable, "-m", "roar"], [str(program)]):
        done = subprocess.run([*words, "--version"], cwd=tmp_path, capture_output=True, text=True, check=True)
        assert done.stdout == f"roar {__version__}\n"


@pytest.mark.requirement("PERF-1")
def test_the_version_loads_neither_click_nor_anything_of_roar_but_the_version(tmp_path: Path) -> None:
    loaded = loaded_by("--version", cwd=tmp_path)
    assert {name for name in loaded if name.partition(".")[0] in ("roar", "click", "json", "typing", "re")} <= {"roar"}


@pytest.mark.requirement("PERF-1", "PLUG-5")
def test_help_loads_no_command_module(tmp_path: Path) -> None:
    loaded = loaded_by("--help", cwd=tmp_path)
    commands = {name for name in loaded if name.startswith("roar.cli.")}
    assert commands <= {"roar.cli.main", "roar.cli.boundary", "roar.cli.quick"}
    assert not {"peewee", "rich", "tomlkit", "blake3", "json"} & loaded


@pytest.mark.requirement("PERF-1")
def test_a_command_s_help_loads_no_storage(tmp_path: Path) -> None:
    assert not {"peewee", "sqlite3", "rich", "roar.lineage.graph", "json"} & loaded_by("show", "--help", cwd=tmp_path)


@pytest.mark.requirement("PERF-1")
def test_every_command_of_the_table_exists_and_has_examples() -> None:
    from click import Context

    from roar.cli.main import _COMMANDS, group

    for name in _COMMANDS:
        command = group.get_command(Context(group), name)
        assert command is not None, name
        assert command.help, name


@pytest.mark.requirement("PERF-1")
@pytest.mark.parametrize("options", [[], ["-q", "--tracer", "preload"], ["--tracer=preload"]])
def test_running_a_command_with_the_usual_options_loads_no_parser(workspace: Any, options: list[str]) -> None:
    workspace.roar("run", "true")  # the first one makes the database
    words = [sys.executable, "-X", "importtime", "-m", "roar", "run", *options, "sh", "-c", "exit 3"]
    done = workspace.sh(*words, ok=False)
    assert done.returncode == 3
    loaded = {line.rpartition("|")[2].strip() for line in done.stderr.splitlines() if line.startswith("import time:")}
    assert "roar.run.execute" in loaded
    assert loaded & {"click", "rich", "tomlkit", "peewee", "subprocess", "dataclasses", "inspect"} == set()


@pytest.mark.requirement("PERF-1", "PERF-3")
def test_reading_the_record_loads_neither_the_models_nor_what_only_some_answers_need(workspace: Any) -> None:
    workspace.roar("run", "true")
    for words in (("log",), ("show", "@1"), ("dag",)):
        done = workspace.sh(sys.executable, "-X", "importtime", "-m", "roar", *words)
        loaded = {
            line.rpartition("|")[2].strip() for line in done.stderr.splitlines() if line.startswith("import time:")
        }
        assert "roar.store.read" in loaded
        assert loaded & {"peewee", "psycopg", "rich", "tomlkit", "tempfile"} == set(), words


@pytest.mark.requirement("RUN-1")
@pytest.mark.parametrize("kind", ["run", "build"])
def test_with_and_without_a_parser_the_same_is_recorded(workspace: Any, kind: str) -> None:
    workspace.prefer("preload")
    command = ["sh", "-c", "echo $0 $1 > out.txt", "--name", "-x"]
    for words in (["--tracer", "preload", *command], ["--", *command], ["--label", "a=b", *command]):
        workspace.roar(kind, *words)
    jobs = [job for ref in ("1", "2", "3") for job in [workspace.job(f"@B{ref}" if kind == "build" else f"@{ref}")]]
    varying = (
        "index", "ref", "uid", "labels", "started_at", "ended_at", "duration_s", "recording_s", "cpu_s", "max_rss_bytes",
    )  # fmt: skip
    for job in jobs:
        for key in varying:
            job.pop(key)
        for edge in job["outputs"]:
            edge["state"] = None  # only the last one's is still there
    assert jobs[0] == jobs[1] == jobs[2]


@pytest.mark.requirement("RUN-1")
@pytest.mark.parametrize(
    "words",
    [
        ["run"], ["run", "--"], ["run", "", "x"], ["build", "-h"], ["run", "--nonsense", "x"],
        ["run", "--tracer"], ["run", "--tracer", "preload"], ["run", "--tracer=", "x"], ["run", "--tracer", "-q", "x"],
    ],
)  # fmt: skip
def test_words_that_need_a_parser_get_one(workspace: Any, words: list[str]) -> None:
    done = workspace.roar(*words, ok=False)
    assert done.returncode in (0, 2, 127), done
    assert "Traceback" not in done.stderr
