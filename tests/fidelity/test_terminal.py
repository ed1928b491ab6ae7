"""At a terminal with a real interactive bash: keys, job control and window sizes reach the command."""

from __future__ import annotations

import select
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
from e2e.acting import until
from fidelity.lines import Lines
from fidelity.started import state
from fidelity.terminal import DEADLINE_S, Terminal
from fidelity.tracers import Tracer

READY = "print(bytes([114, 101, 97, 100, 121]).decode(), flush=True)"  # bash shows the line of a job: the word itself must not be in it
PYTHON = f"{sys.executable} -c "
NAP = "time.sleep(0.05)"
"""Instead of pause(2): Python may be on its way into that when the signal comes, and then handles it at the next one only."""


@pytest.fixture
def terminal(lines: Lines, way: Tracer) -> Iterator[Terminal]:
    """A shell in the workspace."""
    with Terminal(lines.workspace.root, lines.env()) as terminal:
        yield terminal


@pytest.fixture
def run(lines: Lines, way: Tracer) -> str:
    """What stands before a command: nothing, or roar."""
    return lines.text(way, "@ ")


@pytest.mark.requirement("RUN-2", "RUN-3")
def test_ctrl_c_interrupts_the_command_once(terminal: Terminal, run: str) -> None:
    script = (
        f'"import signal, sys, time; got = []; signal.signal(2, lambda *_: (got.append(1), print(len(got), flush=True))); {READY}\n'
        f'while len(got) < 2: {NAP}\nsys.exit(7)"'
    )
    terminal.type(f"{run}{PYTHON}{script}\n")
    terminal.expect("ready")
    for number in "12":
        terminal.type(b"\x03")
        terminal.expect(number)
    assert terminal.prompt()[1] == 7


@pytest.mark.requirement("RUN-2", "RUN-3")
@pytest.mark.parametrize(("key", "code"), [(b"\x03", 130), (b"\x1c", 131)], ids=["Ctrl-C", "Ctrl-backslash"])
def test_a_key_that_kills_gives_128_and_the_signal(terminal: Terminal, run: str, key: bytes, code: int) -> None:
    terminal.run("ulimit -c 0")
    terminal.type(f"{run}sh -c 'echo re''ady; exec sleep 100'\n")
    terminal.expect("ready")
    terminal.type(key)
    assert terminal.prompt()[1] == code


@pytest.mark.requirement("RUN-2", "NORM-7")
def test_ctrl_z_stops_the_job_and_fg_brings_it_back(terminal: Terminal, run: str) -> None:
    script = (
        f"import select, signal, sys; signal.signal(signal.SIGCONT, lambda *_: {READY}); {READY}\n"
        "while not select.select([0], [], [], 0.05)[0]: pass\n"  # as with NAP
        "print(repr(sys.stdin.readline()), flush=True); sys.exit(6)"
    )
    terminal.type(f'{run}{PYTHON}"{script}"\n')
    for _ in range(2):
        terminal.expect("ready")
        terminal.type(b"\x1a")
        said, code = terminal.prompt()
        assert "Stopped" in said
        assert code == 148
        assert "Stopped" in terminal.run("jobs")[0]
        terminal.type("fg\n")
    terminal.expect("ready")
    terminal.type("hello\n")
    said, code = terminal.prompt()
    assert "'hello\\n'" in said
    assert code == 6


@pytest.mark.requirement("RUN-2")
def test_a_background_job_that_wants_the_terminal_stops_until_it_has_it(terminal: Terminal, run: str) -> None:
    terminal.run(f"{run}sh -c 'read x; echo \"<$x>\" | tr x y; exit 3' &")
    terminal.run("until jobs | grep -q Stopped; do :; done")
    terminal.type("fg\n")
    terminal.expect("read x")
    terminal.type("xx\n")
    terminal.expect("<yy>")
    assert terminal.prompt()[1] == 3


@pytest.mark.requirement("RUN-2")
def test_tostop_stops_a_background_job_that_prints(terminal: Terminal, run: str) -> None:
    terminal.run(f"stty tostop; {run}sh -c 'echo hi; exit 3' &")
    terminal.run("until jobs | grep -q Stopped; do :; done")
    terminal.type("fg\n")
    said, code = terminal.prompt()
    assert "\nhi\n" in said
    assert code == 3


@pytest.mark.requirement("RUN-2")
def test_a_background_job_runs_and_is_killed_by_its_number(terminal: Terminal, run: str) -> None:
    terminal.run(f"{run}sh -c 'echo $$ > ../pid; exec sleep 100' &")
    terminal.run("until [ -s ../pid ]; do :; done; rm ../pid")
    assert terminal.run("kill -STOP %1; until jobs | grep -q Stopped; do :; done")[1] == 0
    assert terminal.run("kill -CONT %1; kill %1; wait %1")[1] == 143


@pytest.mark.requirement("RUN-2")
def test_a_new_window_size_reaches_the_command(terminal: Terminal, run: str) -> None:
    script = (
        '"import os, signal, time; signal.signal(signal.SIGWINCH, lambda *_: (print(os.get_terminal_size(), flush=True), '
        f'os._exit(4))); {READY}\nwhile True: {NAP}"'
    )
    terminal.type(f"{run}{PYTHON}{script}\n")
    terminal.expect("ready")
    terminal.resize(41, 111)
    said, code = terminal.prompt()
    assert "columns=111, lines=41" in said
    assert code == 4


@pytest.mark.requirement("RUN-2")
def test_the_command_is_in_the_foreground_of_its_terminal(terminal: Terminal, run: str) -> None:
    script = (
        "import os, sys; print(all(os.isatty(n) for n in range(3)), os.tcgetpgrp(0) == os.getpgid(0), "
        "os.ttyname(0) == os.ttyname(2))"
    )
    assert terminal.run(f"{run}{PYTHON}'{script}'") == ("True True True\n", 0)
    assert terminal.run(f"{run}sh -c 'stty size; stty -a | grep -c isig'") == ("30 200\n1\n", 0)


@pytest.mark.requirement("RUN-2")
def test_single_keys_are_read_in_raw_mode(terminal: Terminal, run: str) -> None:
    terminal.type(f"{run}sh -c 'stty -icanon; echo re''ady; dd bs=1 count=1 2>/dev/null; stty icanon; exit 8'\n")
    terminal.expect("ready\r\n")
    terminal.type("q")
    assert terminal.prompt() == ("q", 8)


@pytest.mark.requirement("RUN-2")
def test_a_shell_with_job_control_works_inside(terminal: Terminal, run: str) -> None:
    terminal.type(f"{run}bash --norc --noediting -i\n")
    terminal.expect(r"\$ |# ")
    terminal.type("PS1='[$?]'; stty -echo\n")
    terminal.expect(r"\[0\]")
    script = f"import signal, time; signal.signal(2, signal.SIG_DFL); signal.signal(18, lambda *_: {READY}); {READY}"
    terminal.type(f"{PYTHON}'{script}\nwhile True: {NAP}'\n")
    terminal.expect("ready")
    terminal.type(b"\x1a")
    terminal.expect(r"\[148\]")
    terminal.type("fg\n")
    terminal.expect("ready\r\n")
    terminal.type(b"\x03")
    terminal.expect(r"\[130\]")
    terminal.type("exit 6\n")
    assert terminal.prompt()[1] == 6


@pytest.mark.requirement("RUN-2")
def test_bg_lets_a_stopped_job_go_on_and_kill_ends_it(terminal: Terminal, run: str) -> None:
    terminal.type(f"{run}sh -c 'echo re''ady; while [ ! -e ../go ]; do :; done; cat README | head -1; exit 3'\n")
    terminal.expect("ready")
    terminal.type(b"\x1a")
    assert terminal.prompt()[1] == 148
    terminal.run("bg")
    assert terminal.run("> ../go; wait %1; code=$?; rm ../go; (exit $code)")[1] == 3
    terminal.type(f"{run}sh -c 'echo re''ady; exec sleep 100'\n")
    terminal.expect("ready")
    terminal.type(b"\x1a")
    assert terminal.prompt()[1] == 148
    assert terminal.run("p=$(jobs -p); kill -KILL %1; while kill -0 $p; do :; done 2>/dev/null; jobs")[1] == 0


@pytest.mark.requirement("RUN-2")
def test_the_end_of_input_and_a_password_come_from_the_keyboard(terminal: Terminal, run: str) -> None:
    terminal.type(
        f"{run}sh -c 'stty -echo; echo re''ady; read x < /dev/tty; stty echo; echo \"<$x>\"; wc -l; exit 4'\n"
    )
    terminal.expect("ready")
    terminal.type("secret\n")
    terminal.expect("<secret>")
    terminal.type(b"a\nb\n\x04")
    said, code = terminal.prompt()
    assert (said.split()[-1], code) == ("2", 4)
    terminal.run("stty -echo")


@pytest.mark.requirement("RUN-2", "RUN-3")
def test_a_terminal_that_goes_away_hangs_up_the_command(lines: Lines, way: Tracer, place: Path) -> None:
    with Terminal(lines.workspace.root, lines.env()) as terminal:
        script = f"trap 'echo hup >> {place}/got; exit 4' HUP; echo $$ > {place}/pid; while :; do sleep 0.02; done"
        (place / "script").write_text(script)
        terminal.type(f"{lines.text(way, '@ ')}sh {place}/script\n")
        until(lambda: (place / "pid").exists() and (place / "pid").read_text(), "the command was not started")
    until(lambda: state(int((place / "pid").read_text())) == "Z", "the command did not end")
    assert set((place / "got").read_text().split()) == {"hup"}  # the kernel sends one, and bash may send another


@pytest.mark.requirement("RUN-2")
def test_a_slow_terminal_gets_everything(lines: Lines, way: Tracer, place: Path) -> None:
    """The command waits until somebody reads, and is not done before; roar is patient as well."""
    with Terminal(lines.workspace.root, lines.env()) as terminal:
        terminal.type(f"{lines.text(way, '@ ')}sh -c 'seq 30000; > {place}/done; exit 5'\n")
        assert select.select([terminal.master], [], [], DEADLINE_S)[0]
        assert not (place / "done").exists()
        said, code = terminal.prompt()
    assert said == "".join(f"{number}\n" for number in range(1, 30001))
    assert code == 5


@pytest.mark.requirement("RUN-2")
def test_terminals_inside_have_their_own_sizes_and_keys(terminal: Terminal, run: str) -> None:
    inner = "stty rows 12 columns 34; stty size; tty | sed s/[0-9]*$//; ps -o pgid= -p $$ | grep -c .; exit 7"
    terminal.type(f"{run}script -qec '{inner}' /dev/null; echo then $?; stty size\n")
    terminal.expect(r"12 34\r\n/dev/pts/\r\n1\r\n.*then 7\r\n30 200\r\n")
    terminal.prompt()
    terminal.type(f"{run}script -qec 'echo re''ady; exec sleep 100' /dev/null\n")
    terminal.expect("ready")
    terminal.type(b"\x03")
    assert terminal.prompt()[1] == 130


@pytest.mark.requirement("RUN-2")
def test_a_stopped_child_of_the_command_stops_nothing_else(terminal: Terminal, run: str) -> None:
    script = 'sleep 100 & kill -STOP $!; until grep -qi "State:.T" /proc/$!/status; do :; done; echo re""ady; read x; kill -9 $!; exit 6'
    terminal.type(f"{run}sh -c '{script}'\n")
    terminal.expect("ready")
    terminal.type("go\n")
    assert terminal.prompt()[1] == 6
