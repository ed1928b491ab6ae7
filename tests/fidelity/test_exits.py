"""How a command ends, or does not even start, is how roar ends."""

from __future__ import annotations

import signal
import subprocess
import sys
from pathlib import Path

import pytest
from e2e.acting import PATIENCE_S, Workspace
from fidelity.lines import AsBare, Lines, cases
from fidelity.tracers import EVERYTHING, Tracer

EXITS = {
    "exit 0": "@ true; echo $?",
    "exits": 'for n in 1 2 77 125 126 127 128 129 137 143 254 255; do @ sh -c "exit $n"; echo $?; done',
    "exit 256 and more": "@ sh -c 'exit 259'; echo $?",
    "a script with an interpreter": "@ ./script a 'b c'; echo $?",
    "a script without #!": "@ ./without-interpreter a 'b c'; echo $?",
    "an empty file": "@ ./empty; echo $?",
    "a background child outlives it": "@ sh -c 'sleep 0.2 >/dev/null 2>&1 & exit 2'; echo $?",
    "stdout and stderr closed by itself": "@ sh -c 'exec 0<&- 1>&- 2>&-; exit 9'; echo $?",
    "it becomes another program": "@ sh -c 'exec > /dev/null 2>&1; exec sh -c \"exit 11\"'; echo $?",
    "it kills its own group": "set -m; @ sh -c 'trap \"kill 0\" EXIT; sleep 50 & true'; echo $?",
    "signals": 'ulimit -c 0; for n in 1 2 3 6 9 11 13 14 15 34 64; do @ sh -c "kill -$n \\$\\$"; echo $?; done',
    "killed by its own child": "@ sh -c 'sh -c \"kill -9 \\$PPID\"; sleep 50'; echo $?",
    "killed while a thread of it works": "@ threads killed; echo $?",
    "ended by a thread that isn't the first": "@ threads ended; echo $?",
    "the first thread ended, another ends it": "@ threads outlived; echo $?",
    "a core": "ulimit -c unlimited; @ crash core; echo $?; ls | sed 's/core.*/core/'; rm -f core*",
    "a core of a process with threads": "ulimit -c unlimited; @ crash core 8; echo $?; ls | sed 's/core.*/core/'; rm -f core*",
    "a core is told to the parent": "ulimit -c unlimited; @ crash parent; echo $?; rm -f core*",
    "no core": "ulimit -c 0; @ crash core; echo $?; @ crash parent; echo $?",
    "an illegal instruction": "ulimit -c 0; @ crash instruction; echo $?",
    "a breakpoint of its own": "ulimit -c 0; @ crash breakpoint; echo $?; @ crash caught; echo $?",
    "a fault that is handled": "@ crash handled; echo $?",
    "a stack that overflows": "ulimit -c 0; ulimit -s 256; @ crash stack; echo $?",
    "abort": "ulimit -c 0; @ crash abort; echo $?",
}


@pytest.mark.requirement("RUN-3")
@cases(EXITS)
def test_it_ends_as_without_roar(as_bare: AsBare, line: str) -> None:
    as_bare(line)


def waits(tracer: Tracer, lines: Lines, place: Path, commands: list[str]) -> list[tuple[int, int]]:
    done = subprocess.run(
        [sys.executable, str(Path(__file__).with_name("driver.py")), tracer.name, str(place / "journals")],
        cwd=place,
        env=lines.env(),
        input="\n".join(commands),
        stdout=subprocess.PIPE,
        text=True,
        check=True,
        timeout=PATIENCE_S,
    )
    return [(int(code), int(number)) for code, number in map(str.split, done.stdout.splitlines())]


def _is_whole(tracer: Tracer) -> bool:
    """Whether all codes and signals are tried: under the quickest tracer always, under the others by `make ways-test`."""
    return EVERYTHING or tracer.name == "preload"


@pytest.mark.requirement("RUN-3")
def test_every_exit_code_is_the_commands(tracer: Tracer, lines: Lines, place: Path) -> None:
    codes = range(256) if _is_whole(tracer) else (0, 1, 2, 42, 126, 127, 128, 130, 143, 254, 255)
    found = waits(tracer, lines, place, [f"exit {code}" for code in codes])
    assert found == [(code, 0) for code in codes]


@pytest.mark.requirement("RUN-3")
def test_death_by_any_signal_gives_128_and_its_number(tracer: Tracer, lines: Lines, place: Path) -> None:
    deadly = [
        int(number)
        for number in (*range(1, 32), *range(signal.SIGRTMIN, signal.SIGRTMAX + 1))
        if number not in (signal.SIGCHLD, signal.SIGCONT, signal.SIGURG, signal.SIGWINCH)
        and number not in (signal.SIGSTOP, signal.SIGTSTP, signal.SIGTTIN, signal.SIGTTOU)
    ]
    if not _is_whole(tracer):
        deadly = deadly[::4]
    found = waits(tracer, lines, place, [f"ulimit -c 0; kill -{number} $$" for number in deadly])
    assert found == [(128 + number, number) for number in deadly]


UNSTARTABLE = [
    ("no-such-program", 127, "command not found: no-such-program"),
    ("./no-such-program", 127, "command not found: ./no-such-program"),
    ("./plain", 126, "command is not executable: ./plain"),
    ("./folder", 126, "command is a directory: ./folder"),
    ("./missing-interpreter", 127, "command not found: ./missing-interpreter (its interpreter is missing)"),
    ("./with-crlf", 127, "command not found: ./with-crlf (its interpreter is missing)"),
    ("", 127, "command not found: ''"),
]


@pytest.mark.requirement("RUN-3")
@pytest.mark.parametrize(("word", "code", "said"), UNSTARTABLE)
def test_what_cannot_be_started_gives_a_shells_code_and_a_line_with_the_fix(
    shared: Workspace, lines: Lines, tracer: Tracer, word: str, code: int, said: str
) -> None:
    done = shared.roar("run", "--tracer", tracer.name, word, env=lines.env())
    first, *fix = done.stderr.decode().splitlines()
    assert (done.returncode, first, done.stdout) == (code, f"Error: {said}", b"")
    assert fix
    if word:
        assert shared.bash(f"'{word}'").returncode == code, "bash itself says something else"


@pytest.mark.requirement("RUN-3")
def test_a_command_that_is_being_waited_for_ends_roar_at_once(lines: Lines, tracer: Tracer) -> None:
    """A killed command is not waited for in vain, and children that it leaves are not waited for."""
    said = lines.run(
        tracer, "@ sh -c 'sleep 1000 >/dev/null 2>&1 & echo $!; kill -9 $$' >out; echo $?; kill $(cat out)"
    )
    assert (said.stdout, said.stderr) == (b"137\n", b"")
