"""`roar completion`, and what it completes."""

from __future__ import annotations

import shutil
import subprocess
import sys
from pathlib import Path

import pytest
from cli.recorder import Recorder


def completed(recorder: Recorder, line: str, word: int) -> list[str]:
    env = {"_ROAR_COMPLETE": "bash_complete", "COMP_WORDS": line, "COMP_CWORD": str(word)}
    return [answer.partition(",")[2] for answer in recorder.process(env=env).stdout.split()]


@pytest.mark.requirement("SHOW-7")
@pytest.mark.parametrize("shell", ["bash", "zsh", "fish"])
def test_each_shell_gets_a_script_that_says_how_to_install_it(recorder: Recorder, shell: str) -> None:
    script = recorder.roar("completion", shell).stdout
    assert "_ROAR_COMPLETE" in script and f"# To install: roar completion {shell}" in script


@pytest.mark.requirement("SHOW-7")
def test_the_zsh_script_can_be_autoloaded(recorder: Recorder) -> None:
    assert recorder.roar("completion", "zsh").stdout.startswith("#compdef roar")


@pytest.mark.requirement("SHOW-7")
def test_bash_takes_the_script_and_completes_with_it(recorder: Recorder, tmp_path: Path) -> None:
    script = recorder.roar("completion", "bash").stdout
    (tmp_path / "bin").mkdir()
    (tmp_path / "bin" / "roar").write_text(f'#!/bin/sh\nexec {sys.executable} -m roar "$@"\n')
    (tmp_path / "bin" / "roar").chmod(0o755)
    bash = shutil.which("bash")
    assert bash
    done = subprocess.run(
        [bash, "-c", f'{script}\nCOMP_WORDS=(roar st); COMP_CWORD=1; _roar_completion roar; echo "${{COMPREPLY[@]}}"'],
        env=recorder.env | {"PATH": f"{tmp_path / 'bin'}:{recorder.env['PATH']}"},
        capture_output=True,
        text=True,
        check=True,
    )
    assert done.stdout.strip() == "status"


@pytest.mark.requirement("SHOW-7")
def test_commands_and_options_are_completed(recorder: Recorder) -> None:
    assert completed(recorder, "roar s", 1) == ["status", "show", "session"]
    assert "--show-artifacts" in completed(recorder, "roar dag --", 2)


@pytest.mark.requirement("PERF-1")
def test_completing_a_command_s_name_loads_no_command(recorder: Recorder) -> None:
    env = recorder.env | {"_ROAR_COMPLETE": "bash_complete", "COMP_WORDS": "roar s", "COMP_CWORD": "1"}
    done = subprocess.run(
        [sys.executable, "-X", "importtime", "-m", "roar"], env=env, capture_output=True, text=True, check=True
    )
    assert "roar.cli.main" in done.stderr and "roar.cli.show" not in done.stderr and "peewee" not in done.stderr
