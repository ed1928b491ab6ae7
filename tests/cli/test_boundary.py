"""Errors become one line and an exit code; streams may be closed, full or broken."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest
from cli.recorder import Recorder

ROAR = [sys.executable, "-m", "roar"]


@pytest.mark.requirement("INIT-3")
@pytest.mark.parametrize(
    "words",
    [
        ["show"],
        ["log"],
        ["status"],
        ["dag"],
        ["reset", "-y"],
        ["fsck"],
        ["show", "@1"],
        ["session"],
        ["pop", "-y"],
        ["label", "show"],
        ["env"],
        ["env", "set", "A=1"],
    ],
)
def test_without_a_workspace_each_command_says_what_to_type(tmp_path: Path, words: list[str]) -> None:
    done = subprocess.run([*ROAR, *words], cwd=tmp_path, capture_output=True, text=True, check=False)
    assert (done.returncode, done.stdout) == (1, "")
    first, second = done.stderr.splitlines()
    assert first == "Error: roar is not initialized in this directory."
    assert "roar init" in second


@pytest.mark.requirement("INIT-3", "INIT-5")
@pytest.mark.parametrize("words", [["--help"], ["-h"], [], ["show", "--help"], ["log", "-h"], ["completion", "bash"]])
def test_help_needs_no_workspace(tmp_path: Path, words: list[str]) -> None:
    done = subprocess.run([*ROAR, *words], cwd=tmp_path, capture_output=True, text=True, check=False)
    assert (done.returncode, done.stderr) == (0, "")
    assert done.stdout


@pytest.mark.requirement("SAFE-4")
@pytest.mark.parametrize(
    ("words", "message", "hint"),
    [
        (["shwo"], "Error: No such command 'shwo'.", "Did you mean: roar show"),
        (["zzzzzz"], "Error: No such command 'zzzzzz'.", "For the list: roar --help"),
        (["--nonsense"], "Error: No such option", "Try: roar --help"),
        (["log", "--nonsense"], "Error: No such option", "Try: roar log --help"),
        (["log", "-n", "x"], "Error: Invalid value for '-n'", "Try: roar log --help"),
        (["log", "--since", "soonish"], "Error: Invalid value for --since: 'soonish' is not a time", "Try: roar log"),
        (["log", "--label", "=nokey"], "Error: a label is KEY=VALUE or KEY, not '=nokey'.", "Examples: model=small"),
        (["log", "--session", "1", "--all-sessions"], "Error: --session and --all-sessions", "Try: roar log --help"),
        (["label", "set", "@1"], "Error: Missing argument 'KEY[=VALUE]...'", "Try: roar label set --help"),
        (["show", "a", "b"], "Error: Got unexpected extra argument", "Try: roar show --help"),
        (["completion", "tcsh"], "Error: Invalid value for", "Try: roar completion --help"),
    ],
)
def test_a_wrong_command_line_is_one_line_with_a_hint_and_exit_code_2(
    recorder: Recorder, words: list[str], message: str, hint: str
) -> None:
    done = recorder.roar(*words, ok=False)
    assert (done.returncode, done.stdout) == (2, "")
    assert done.stderr.startswith(message)
    assert hint in done.stderr
    assert sum(line.startswith("Error") for line in done.stderr.splitlines()) == 1


@pytest.mark.requirement("SAFE-3", "SAFE-4")
@pytest.mark.parametrize("word", [b"\xff\x1b[31m", "two\nlines"])
def test_a_wrong_word_is_shown_harmlessly(recorder: Recorder, word: bytes | str) -> None:
    for words in ([word], ["show", word], ["log", b"--" + os.fsencode(word)]):
        done = recorder.roar(*words, ok=False)
        assert "\x1b" not in done.stderr and "Traceback" not in done.stderr
        assert done.stderr.startswith("Error: ")


@pytest.mark.requirement("SAFE-4")
def test_a_defect_is_one_line_and_a_traceback_only_on_request(recorder: Recorder) -> None:
    (recorder.root / ".roar" / "runs").rmdir()
    crash = "import roar.cli.show as s; s.opened = None; from roar.__main__ import main; import sys; sys.exit(main())"
    for debug, shown in (("", False), ("1", True)):
        done = subprocess.run(
            [sys.executable, "-c", crash, "show"],
            cwd=recorder.root,
            env=recorder.env | {"ROAR_DEBUG": debug},
            capture_output=True,
            text=True,
            check=False,
        )
        assert done.returncode == 1
        assert "Error: roar failed unexpectedly: TypeError: " in done.stderr
        assert ("Traceback" in done.stderr) is shown


@pytest.mark.requirement("PLUG-2", "SAFE-4")
def test_a_defect_of_a_plugin_names_the_plugin(recorder: Recorder, tmp_path: Path) -> None:
    site = tmp_path / "site"
    info = site / "roar_broken-1.0.dist-info"
    info.mkdir(parents=True)
    (info / "METADATA").write_text("Metadata-Version: 2.1\nName: roar-broken\nVersion: 1.0\n")
    (info / "entry_points.txt").write_text("[roar.commands]\nbroken = broken_plugin\n")
    (site / "broken_plugin.py").write_text(
        "import click\nfrom roar.api import hookimpl\nroar_api = 1\n"
        "@hookimpl\ndef roar_commands():\n    return {'explode': 'broken_plugin:explode', 'show': 'broken_plugin:explode'}\n"
        "@click.command()\ndef explode():\n    '''Explodes.'''\n    raise KeyError('boom')\n"
    )
    env = {"PYTHONPATH": str(site)}
    done = recorder.process("explode", ok=False, env=env)
    assert done.returncode == 1
    assert done.stderr.startswith("Error: the plugin broken_plugin failed unexpectedly: KeyError: 'boom'")
    assert "explode" in recorder.process("--help", env=env).stdout
    assert "Session 1" in recorder.process("show", env=env).stdout
    assert "Did you mean: roar explode" in recorder.process("explod", ok=False, env=env).stderr


def log_of(recorder: Recorder, jobs: int) -> None:
    recorder.write("in", "x")
    for number in range(jobs):
        recorder.record("step", str(number), reads=["in"])


@pytest.mark.requirement("SAFE-4", "SHOW-7")
@pytest.mark.parametrize("words", [["log"], ["log", "--json"], ["show", "@1", "--json"], ["--help"], ["--version"]])
def test_a_reader_that_stops_early_is_no_error(recorder: Recorder, words: list[str]) -> None:
    log_of(recorder, 3)
    read, write = os.pipe()
    os.close(read)
    with os.fdopen(write, "wb") as broken:
        done = recorder.process(*words, stdout=broken, stderr=subprocess.PIPE)
    assert done.stderr == ""


@pytest.mark.requirement("SAFE-2")
@pytest.mark.parametrize("words", [["log"], ["show", "@1", "--json"], ["--help"], ["--version"]])
def test_a_full_disk_behind_stdout_is_an_error(recorder: Recorder, words: list[str]) -> None:
    log_of(recorder, 3)
    with open("/dev/full", "wb") as full:
        done = recorder.process(*words, ok=False, stdout=full, stderr=subprocess.PIPE)
    assert done.returncode == 1
    assert done.stderr.splitlines()[0].startswith("Error: ") and "No space left on device" in done.stderr
    assert "Traceback" not in done.stderr and "Exception ignored" not in done.stderr


@pytest.mark.requirement("RUN-2", "SAFE-4")
@pytest.mark.parametrize("closed", [">&-", "2>&-", "<&-", ">&- 2>&-", "<&- >&- 2>&-"])
@pytest.mark.parametrize("words", ["--version", "log", "show nothing"])
def test_closed_standard_streams_are_survived(recorder: Recorder, closed: str, words: str) -> None:
    log_of(recorder, 1)
    script = f'"$0" -m roar {words} {closed}'
    done = subprocess.run(
        ["/bin/sh", "-c", script, sys.executable],
        cwd=recorder.root,
        env=recorder.env,
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == (1 if "nothing" in words else 0)
    assert "Traceback" not in done.stderr and "Exception ignored" not in done.stderr
    assert recorder.roar("fsck").returncode == 0


@pytest.mark.requirement("SAFE-3")
def test_a_stream_that_knows_no_unicode_gets_plain_characters(recorder: Recorder) -> None:
    recorder.write("in", "x")
    recorder.record("a", reads=["in"], writes={"é.bin": "1"})
    recorder.record("b", reads=["é.bin"])
    env = {"PYTHONIOENCODING": "ascii", "PYTHONUTF8": "0", "LC_ALL": "C"}
    shown = recorder.process("dag", "--show-artifacts", env=env).stdout
    assert shown.isascii() and "`- @2 b" in shown and "-> \\xc3\\xa9.bin" in shown


@pytest.mark.requirement("SAFE-4")
def test_a_removed_working_directory_is_one_line(recorder: Recorder, tmp_path: Path) -> None:
    gone = tmp_path / "gone"
    gone.mkdir()
    script = 'rmdir "$PWD" && exec "$0" -m roar log'
    done = subprocess.run(
        ["/bin/sh", "-c", script, sys.executable],
        cwd=gone,
        env=recorder.env,
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 1
    assert done.stderr.startswith("Error: ") and "Traceback" not in done.stderr
