"""`roar env`, and what runs get of it."""

from __future__ import annotations

import json
from typing import Any

import pytest
from cli.recorder import Recorder

pytestmark = pytest.mark.requirement("SHOW-4")


def test_variables_are_set_read_listed_and_taken_out(recorder: Recorder) -> None:
    assert "roar env set" in recorder.roar("env").stderr
    assert recorder.roar("env", "set", "B=1", "A=x y", "EMPTY=").stdout == "B=1\nA=x y\nEMPTY=\n"
    assert recorder.roar("env", "set", "B", "2").stdout == "B=2\n"
    assert recorder.roar("env", "get", "B").stdout == "2\n"
    assert recorder.roar("env", "list").stdout == "A=x y\nB=2\nEMPTY=\n"
    assert recorder.roar("env", "unset", "A", "EMPTY").stdout == "A is no longer set\nEMPTY is no longer set\n"
    assert recorder.json("env", "list")["variables"] == {"B": "2"}
    assert (recorder.root / ".roar" / "env.json").stat().st_mode & 0o777 == 0o600


WRONG = (
    (["set", "A"], 2, "Error: a variable is NAME=VALUE, not 'A'."),
    (["set", "A-B=1"], 2, "Error: 'A-B' is not the name of a variable."),
    (["set", "A=1", "=2"], 2, "Error: '' is not the name of a variable."),
    (["set", "ROAR_DEBUG=1"], 2, "Error: ROAR_DEBUG is roar's own"),
    (["get", "A"], 1, "Error: The workspace has no variable 'A'.\nFor those that it has: roar env list"),
    (["unset", "KEPT", "A"], 1, "Error: The workspace has no variable 'A'."),
)


@pytest.mark.requirement("SAFE-4")
def test_what_is_wrong_is_said_in_a_line_and_changes_nothing(recorder: Recorder) -> None:
    recorder.roar("env", "set", "KEPT=1")
    for words, code, said in WRONG:
        done = recorder.roar("env", *words, ok=False)
        assert (done.returncode, done.stdout) == (code, "") and said in done.stderr, words
    assert recorder.json("env", "list")["variables"] == {"KEPT": "1"}


SECRETS = (
    "WANDB_API_KEY=short",
    "PLAIN=ghp_abcdefghijklmnopqrstuv0123456789",
    "DATABASE=postgresql://ada:hunter22@host/db",
    "COPY=of-the-shell-s-own-secret",
)


@pytest.mark.requirement("REG-6")
def test_secrets_are_refused_and_what_to_do_is_said(recorder: Recorder) -> None:
    for word in SECRETS:
        name = word.partition("=")[0]
        done = recorder.roar("env", "set", "FINE=1", word, ok=False, env={"SOME_TOKEN": "of-the-shell-s-own-secret"})
        said = f"Error: {name} looks like a secret, and roar keeps none."
        assert done.returncode == 1 and done.stderr.startswith(said) and f"export {name}=" in done.stderr
    assert not (recorder.root / ".roar" / "env.json").exists()


@pytest.mark.requirement("REG-6")
def test_a_secret_that_came_into_the_file_by_hand_is_not_shown(recorder: Recorder) -> None:
    content = {"variables": {"API_TOKEN": "3kjh5kjh345x", "A": "1"}}
    (recorder.root / ".roar" / "env.json").write_text(json.dumps(content))
    for words in (["env"], ["env", "list", "--json"], ["env", "get", "API_TOKEN"], ["env", "set", "A=2", "--json"]):
        assert "3kjh5kjh345x" not in recorder.roar(*words).stdout


@pytest.mark.requirement("SAFE-2", "SAFE-4")
def test_a_broken_file_is_one_line_and_stays_as_it_is(recorder: Recorder) -> None:
    path = recorder.root / ".roar" / "env.json"
    said = f"Error: {path} does not hold the workspace's variables"
    for content in ("{", "[]", '{"variables": {"A": 1}}', '{"variables": {"A=B": "1"}}', "\0"):
        path.write_text(content)
        for words in (["env"], ["env", "set", "A=1"], ["run", "true"]):
            done = recorder.roar(*words, ok=False)
            assert done.returncode == 1 and done.stderr.startswith(said), (content, words)
        assert path.read_text() == content


@pytest.mark.requirement("SAFE-3", "RUN-5")
def test_every_run_and_build_gets_them_and_they_are_recorded(workspace: Any) -> None:
    workspace.prefer("preload")
    workspace.write({"bin/tool": '#!/bin/sh\nprintf %s "$ODD" > odd; printf %s "$WINS" > wins\n'})
    (workspace.root / "bin" / "tool").chmod(0o755)
    workspace.commit()
    path = f"{workspace.root / 'bin'}:{workspace.env['PATH']}"
    workspace.roar("env", "set", b"ODD=\xff\n\x1b", "WINS=workspace", f"PATH={path}")
    workspace.roar("run", "-q", "tool", env={"WINS": "shell"})
    workspace.roar("build", "-q", "--label", "k=v", "sh", "-c", "printenv WINS > built")
    assert (workspace.root / "odd").read_bytes() == b"\xff\n\x1b"
    assert (workspace.root / "wins").read_text() == "workspace"
    assert (workspace.root / "built").read_text() == "workspace\n"
    variables = workspace.job("@1")["environment"]["variables"]
    assert (variables["ODD"], variables["WINS"], variables["PATH"]) == ("\udcff\n\x1b", "workspace", path)
    workspace.roar("env", "unset", "WINS", "ODD", "PATH")
    workspace.roar("run", "-q", "sh", "-c", "printenv WINS > shell", env={"WINS": "shell"})
    assert (workspace.root / "shell").read_text() == "shell\n"
