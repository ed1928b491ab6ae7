"""`roar reproduce` as it is typed: the plan, refusals, builds, and what is kept of the outcome."""

from __future__ import annotations

import json
import os
import pty
import shutil
import sqlite3
import subprocess
import sys
import tempfile
from pathlib import Path

import pytest
from cli.test_json import validator
from conftest import Workspace
from reproduce.steps import record, reproduce, results, state


@pytest.fixture
def recorded(workspace: Workspace) -> Workspace:
    """A build step and two steps."""
    workspace.commit({"tool.c": "int main(void) { return 0; }\n", ".gitignore": "tool\ndata\na\nsub\n"})
    workspace.write({"data": "21\n1\n"})
    record(workspace, "cc -o tool tool.c", verb="build")
    record(workspace, 'sort data -o "$PWD/a"', "sh -c 'mkdir sub; ./tool; rev a > sub/b; echo no >&2'")
    return workspace


@pytest.mark.requirement("REP-1", "REP-3", "RUN-5")
def test_the_plan_says_what_would_be_done_and_does_nothing(recorded: Workspace) -> None:
    done = recorded.roar("reproduce", "sub/b", "--dry-run")
    where = done.stdout.partition(" in ")[2].partition("\n")[0]
    commit = recorded.sh("git", "rev-parse", "HEAD").stdout[:7]
    assert done.stdout == (
        f"Reproduce sub/b: 3 steps in {where}\n"
        f"Code: commit {commit}\n"
        "@B1 cc -o tool tool.c\n"
        "  makes: tool\n"
        f"@1 sort data -o {recorded.root}/a\n"
        f"  runs as: sort data -o {where}/a\n"
        "  copied by digest: data\n"
        "  makes: a\n"
        "@2 sh -c 'mkdir sub; ./tool; rev a > sub/b; echo no >&2'\n"
        "  after: @B1, @1\n"
        "  makes: sub/b\n"
    )
    assert not Path(where).exists() and Path(where).parent == recorded.root.parent
    assert recorded.roar("show", "sub/b").stdout.count("Reproduced") == 0


@pytest.mark.requirement("REP-2", "REP-4", "REP-5", "SHOW-7")
def test_the_outcome_is_told_kept_with_the_artifact_and_leaves_the_tree_alone(recorded: Workspace) -> None:
    files = [path for path in recorded.root.rglob("*") if not {".roar", ".git"} & set(path.parts) and path.is_file()]
    before = {path: state(path) for path in files}
    done = recorded.roar("reproduce", "sub/b")
    assert [line.partition(" (")[0] for line in done.stderr.splitlines()] == [
        "@B1 identical", "@1 identical", "@2 identical",
    ]  # fmt: skip
    assert done.stdout.startswith("sub/b: identical\n3 steps: 3 identical\nin ")
    assert {path: state(path) for path in before} == before
    shown = recorded.roar("show", "sub/b").stdout
    assert f"Reproduced: identically by {_user()}@{os.uname().nodename} on 20" in shown
    value = json.loads(recorded.roar("show", "sub/b", "--json").stdout)
    validator("show").validate(value)
    assert [one["outcome"] for one in value["artifact"]["reproductions"]] == ["identical"]


def _user() -> str:
    import pwd

    return pwd.getpwuid(os.geteuid()).pw_name


@pytest.mark.requirement("REP-1")
def test_a_folder_stands_for_what_one_step_put_there(recorded: Workspace) -> None:
    value, _ = reproduce(recorded, "sub/", "--dry-run")
    assert [one["path"] for step in value["steps"] for one in step["outputs"] if one["wanted"]] == [
        f"{recorded.root}/sub/b"
    ]
    record(recorded, "cp a sub/c")
    done = recorded.roar("reproduce", "sub", ok=False)
    assert done.stderr == "Error: sub has the outputs of several steps: @2, @3.\nChoose one: roar reproduce @3\n"


@pytest.mark.requirement("SHOW-7", "REP-1")
@pytest.mark.parametrize("options", [["--dry-run"], []])
def test_json_follows_its_schema(recorded: Workspace, options: list[str]) -> None:
    (recorded.root / "data").write_text("changed")
    value, _ = reproduce(recorded, "@2", *options)
    validator("reproduce").validate(value)
    assert value["target_ref"] == "@2" and [step["ref"] for step in value["steps"]] == ["@B1", "@1", "@2"]
    assert [one["origin"] for one in value["steps"][1]["inputs"]] == ["copy"]


@pytest.mark.requirement("REG-7", "SAFE-4")
def test_lineage_that_is_not_here_needs_a_server(recorded: Workspace) -> None:
    done = recorded.roar("reproduce", "0123456789abcdef", ok=False)
    assert done.returncode == 1
    assert done.stderr.startswith("Error: GLaaS server not configured")
    assert "\nRun: roar config set glaas.url https://glaas.ai\n" in done.stderr
    recorded.roar("config", "set", "glaas.url", "https://glaas.example")
    done = recorded.roar("reproduce", "blake3:0123456789abcdef", ok=False)
    assert done.returncode == 1 and "no installed plugin fetches lineage from https://glaas.example" in done.stderr


@pytest.mark.requirement("SAFE-4", "REP-5")
@pytest.mark.parametrize(
    ("words", "code", "said"),
    [
        (["nothing"], 1, "Error: No artifact found for path: nothing\n"),
        (["@9"], 1, "Error: No step @9 in the active session; the last one is @2.\n"),
        (["data"], 1, "Error: No recorded step made data: it is an input.\n"),
        (["a", "-o", "inside"], 1, "is in the repository itself, whose files are left alone.\n"),
        (["a", "--dry-run", "--resume"], 2, "Error: --dry-run does nothing"),
        (["a", "-o", ""], 2, "Error: -o needs the name of a directory.\n"),
        (
            ["a", "-o", "/proc/new"],
            1,
            "/proc/new can't be made: No such file or directory.\nChoose another directory: -o DIR\n",
        ),
        (["a", "--jobs", "0"], 2, "Error: Invalid value for '-j' / '--jobs'"),
        (["a", "--resume"], 1, "has no reproduction to go on with.\nBegin one: leave out --resume\n"),
    ],
)
def test_what_can_not_be_done_is_one_line_and_a_remedy(
    recorded: Workspace, words: list[str], code: int, said: str
) -> None:
    done = recorded.roar("reproduce", *words, ok=False)
    assert (done.returncode, done.stdout) == (code, "") and said in done.stderr
    assert len(done.stderr.splitlines()) > 1 and "Traceback" not in done.stderr


@pytest.mark.requirement("REP-1")
@pytest.mark.parametrize(("typed", "code"), [("n", 1), ("y", 0)])
def test_on_a_terminal_the_plan_is_shown_and_confirmed(recorded: Workspace, typed: str, code: int) -> None:
    master, slave = pty.openpty()
    os.write(master, f"{typed}\n".encode())
    done = subprocess.run(
        [sys.executable, "-m", "roar", "reproduce", "a", "-o", "../asked"],
        cwd=recorded.root,
        env=recorded.env,
        stdin=slave,
        stdout=subprocess.PIPE,
        stderr=slave,
        check=False,
    )
    os.close(slave)
    os.close(master)
    assert done.returncode == code
    assert (recorded.root.parent / "asked").exists() is (typed == "y")


@pytest.mark.requirement("REP-3")
def test_what_the_environment_lacks_is_told_of_a_step_that_fails(workspace: Workspace) -> None:
    workspace.commit({"s.sh": '[ "$MY_SETTING" = on ] && read line && echo $line > out\n', ".gitignore": "out\n"})
    workspace.sh(
        "sh", "-c", f"echo said | {sys.executable} -m roar run --tracer preload -q sh s.sh", env={"MY_SETTING": "on"}
    )
    value, done = reproduce(workspace, "out")
    (result,) = results(value).values()
    assert done.returncode == 1 and result["outcome"] == "failed"
    assert "MY_SETTING is not set" in result["environment"]
    assert "what came through the pipe on its standard input was not recorded" in result["environment"]


@pytest.mark.requirement("REP-2")
def test_a_step_is_checked_aside(workspace: Workspace) -> None:
    workspace.commit({".gitignore": "a\nb\nc\n"})
    record(workspace, "sh -c 'echo same > a'", "sh -c 'cat a; date +%s%N > b'")
    said = [workspace.roar("run", "--check", ref, ok=False) for ref in ("@1", "@2")]
    assert [one.returncode for one in said] == [0, 1]
    assert said[0].stdout == "@1 deterministic: 1 output identical to the recorded\n"
    assert said[1].stdout == "@2 not deterministic: two runs now don't come out alike\n"
    (workspace.root / "a").unlink()
    assert workspace.roar("run", "--check", "@2", ok=False).stdout == "@2 not known: a is not there any more\n"
    jobs = json.loads(workspace.roar("log", "--json").stdout)["jobs"]
    assert len(jobs) == 2, "a check is no step"
    record(workspace, "--no-hash sh -c 'echo same > c'")
    said_of_it = workspace.roar("run", "--check", "@3").stdout
    assert said_of_it == "@3 deterministic: two runs now come out alike; the record has no digests to compare with\n"
    assert workspace.roar("run", "--check", "@1", "true", ok=False).returncode == 2


@pytest.mark.requirement("REP-2")
def test_what_comes_out_alike_but_not_as_recorded_is_told_apart(workspace: Workspace, tmp_path: Path) -> None:
    tool = tmp_path / "tool"
    tool.write_text("#!/bin/sh\necho one > c\n")
    tool.chmod(0o755)
    workspace.commit({".gitignore": "c\n"})
    record(workspace, str(tool))
    tool.write_text("#!/bin/sh\necho two > c\n")
    done = workspace.roar("run", "--check", "@1", ok=False)
    assert done.returncode == 1 and done.stdout.startswith("@1 not as recorded: two runs now come out alike")


@pytest.mark.requirement("REP-5", "NORM-5")
def test_a_log_that_the_shell_wrote_outside_is_left_alone(workspace: Workspace) -> None:
    workspace.commit({".gitignore": "out\n"})
    workspace.roar("config", "set", "filters.ignore_tmp_files", "false")
    log = workspace.root.parent / "log"
    record(workspace, "sh -c 'echo first' >> ../log", "sh -c 'echo made > out; echo said' >> ../log 2>&1")
    assert {Path(one["path"]).name for one in workspace.job("@2")["outputs"]} == {"out", "log"}
    assert "log" in {Path(one["path"]).name for one in workspace.job("@2")["inputs"]}
    before = state(log)
    value, done = reproduce(workspace, "out")
    assert done.returncode == 0 and value["identical"] is True, done.stderr
    assert log.read_text() == "first\nsaid\n" and state(log) == before


@pytest.mark.requirement("REP-1")
def test_the_repository_may_have_been_moved_and_the_new_directory_be_on_another_file_system(
    workspace: Workspace,
) -> None:
    for setting, program in (("clean", "tr A-Z a-z"), ("smudge", "tr a-z A-Z")):
        workspace.sh("git", "config", f"filter.shout.{setting}", program)
    workspace.commit({".gitattributes": "*.up filter=shout\n", "a.up": "HELLO\n", ".gitignore": "data\nout\n"})
    workspace.write({"data": "1\n"})
    record(workspace, "sh -c 'cat a.up data > out'")
    (workspace.root / "a.up").unlink()  # so that it can only come from the commit, as the repository's filter makes it
    moved = Workspace(workspace.root.rename(workspace.root.parent / "elsewhere"), workspace.env)
    with tempfile.TemporaryDirectory(dir="/dev/shm") as place:
        value, done = reproduce(moved, "@1", "-o", f"{place}/new")
        assert done.returncode == 0 and value["identical"] is True, done.stderr
    shutil.rmtree(moved.root / ".git")
    done = moved.roar("reproduce", "@1", "-o", "../new", ok=False)
    assert done.returncode == 1 and len(done.stderr.splitlines()) == 2
    assert done.stderr.startswith(f"Error: {moved.root}, the repository of the recorded step, is not there any more.\n")


@pytest.mark.requirement("REP-2", "SAFE-4")
def test_a_record_that_takes_nothing_more_is_no_reason_to_keep_the_answer_back(workspace: Workspace) -> None:
    workspace.commit({".gitignore": "a\n"})
    record(workspace, "sh -c 'echo x > a'")
    with sqlite3.connect(workspace.root / ".roar/roar.db") as connection:
        connection.execute("CREATE TRIGGER full BEFORE INSERT ON reproduction BEGIN SELECT RAISE(ABORT, 'full'); END")
    connection.close()
    done = workspace.roar("reproduce", "a")
    assert done.stdout.startswith("a: identical\n")
    assert "\nroar: the outcome is not kept with the artifact: " in done.stderr
