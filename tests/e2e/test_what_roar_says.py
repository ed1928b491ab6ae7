"""roar's own lines: on stderr only, after the command's, silenced by --quiet, never in a recorded file; its options end early."""

from __future__ import annotations

import os
import subprocess
from pathlib import Path

import pytest
from e2e.acting import DEADLINE_S, ROAR, Gate, Workspace, roars_own


@pytest.mark.requirement("RUN-2", "RUN-4")
def test_stdout_is_the_commands_alone_and_the_summary_is_one_line_at_the_end(shared: Workspace) -> None:
    done = shared.roar("run", "sh", "-c", "echo out; echo err >&2; echo out2; cat README > out.s; exit 3")
    assert done.stdout == b"out\nout2\n"
    first, last = done.stderr.splitlines()
    assert first == b"err"
    assert roars_own(last)
    for part in (
        b"@",
        b"exit 3",
        b"complete",
        b"1 input (README 14 B)",
        b"1 output (out.s 14 B)",
        b"tracer ",
        b"next: roar",
    ):
        assert part in last, part


@pytest.mark.requirement("RUN-2")
@pytest.mark.parametrize("option", ["-q", "--quiet"])
def test_quiet_says_nothing(shared: Workspace, option: str) -> None:
    done = shared.roar("run", option, "sh", "-c", "echo out; exit 3")
    assert (done.returncode, done.stdout, done.stderr) == (3, b"out\n", b"")


@pytest.mark.requirement("RUN-2")
def test_nothing_is_said_while_the_command_runs(shared: Workspace, place: Path) -> None:
    gate = Gate(place)
    command = f"echo a >&2; read x < {gate}; echo b >&2"
    read, write = os.pipe()
    roar = subprocess.Popen([*ROAR, "run", "sh", "-c", command], cwd=shared.root, env=shared.env, stderr=write)
    os.close(write)
    gate.arrived()
    assert os.read(read, 100) == b"a\n"
    os.set_blocking(read, False)
    with pytest.raises(BlockingIOError):
        os.read(read, 100)
    os.set_blocking(read, True)
    gate.open()
    with open(read, "rb") as rest:
        lines = rest.read().splitlines()
    roar.wait()
    assert lines[0] == b"b"
    assert roars_own(lines[1])
    assert len(lines) == 2


@pytest.mark.requirement("RUN-2", "NORM-5")
@pytest.mark.parametrize("redirection", ["2> out.log", "> out.log 2>&1", "2>> out.log"])
def test_the_summary_never_gets_into_a_recorded_output(shared: Workspace, redirection: str) -> None:
    log = shared.root / "out.log"
    log.write_bytes(b"")
    done = shared.bash(f"{' '.join(ROAR)} run sh -c 'echo err >&2; exit 3' {redirection}")
    assert (done.returncode, log.read_bytes()) == (3, b"err\n")
    assert [os.path.basename(edge["path"]) for edge in shared.last_job()["outputs"]] == ["out.log"]


@pytest.mark.requirement("RUN-2")
def test_a_closed_or_broken_stderr_changes_nothing(shared: Workspace) -> None:
    line = f"{' '.join(ROAR)} run sh -c 'exit 3'"
    assert shared.bash(f"{line} 2>&-; echo $?").stdout == b"3\n"
    assert shared.bash(f"{line} 2>/dev/full; echo $?").stdout == b"3\n"
    assert shared.bash(f"{line} 2> >(exec true); echo $?").stdout == b"3\n"


@pytest.mark.requirement("RUN-2")
def test_the_reader_of_a_closed_stdout_sees_the_end_at_once(shared: Workspace, place: Path) -> None:
    gate = Gate(place)
    roar = subprocess.Popen(
        [*ROAR, "run", "-q", "sh", "-c", f"echo hi; exec >&-; read x < {gate}; exit 4"],
        cwd=shared.root,
        env=shared.env,
        stdout=subprocess.PIPE,
    )
    assert roar.stdout is not None
    with roar.stdout as stdout:
        assert stdout.read() == b"hi\n"  # to the end, while the command still runs
    gate.arrived()
    assert roar.poll() is None
    gate.open()
    assert roar.wait(DEADLINE_S) == 4


@pytest.mark.requirement("RUN-2")
def test_the_writer_to_a_closed_stdin_is_told_at_once(shared: Workspace, place: Path) -> None:
    gate = Gate(place)
    roar = subprocess.Popen(
        [*ROAR, "run", "-q", "sh", "-c", f"exec <&-; read x < {gate}"],
        cwd=shared.root,
        env=shared.env,
        stdin=subprocess.PIPE,
    )
    gate.arrived()
    assert roar.stdin is not None
    with pytest.raises(BrokenPipeError), roar.stdin as stdin:
        stdin.write(b"x" * 100_000)
    gate.open()
    roar.wait(DEADLINE_S)


@pytest.mark.requirement("RUN-1")
@pytest.mark.parametrize(
    ("words", "printed"),
    [
        (["echo", "--quiet", "-n", "--help"], b"--quiet -n --help\n"),
        (["--", "echo", "--", "x"], b"-- x\n"),
        (["-q", "--", "echo", "-q"], b"-q\n"),
        (["--name", "a", "echo", "--name", "b"], b"--name b\n"),
        (["--label", "k=v", "--label=k2=v 2", "echo", "hi"], b"hi\n"),
        (["echo", "@1"], b"@1\n"),
    ],
)
def test_options_of_roar_end_at_the_first_word(shared: Workspace, words: list[str], printed: bytes) -> None:
    done = shared.roar("run", *words)
    assert (done.returncode, done.stdout) == (0, printed)


@pytest.mark.requirement("RUN-1", "SAFE-4")
@pytest.mark.parametrize("words", [["run"], ["run", "--"], ["run", "--nope", "true"], ["build"]])
def test_a_wrong_command_line_is_a_usage_error(shared: Workspace, words: list[str]) -> None:
    done = shared.roar(*words)
    first, *fix = done.stderr.decode().splitlines()
    assert done.returncode == 2
    assert first.startswith("Error: ")
    assert fix
