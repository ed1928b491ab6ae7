"""Starting the command and waiting for it: signals, stops, masks and exit codes as if roar were not there."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import textwrap
from pathlib import Path

import pytest

RUNNER = textwrap.dedent(
    """
    import os, signal, sys
    from roar.api.process import Launch, spawn, wait
    argv = tuple(os.fsencode(word) for word in sys.argv[1:])
    child = spawn(Launch(argv, argv[0], dict(os.environb), b"/"))
    ended = wait(child)
    print("ended", ended.code, ended.signal, flush=True)
    sys.exit(ended.code)
    """
)

COUNTER = textwrap.dedent(
    """
    import signal, sys, time
    got = []
    def take(number, frame):
        got.append(number)
        print(number, flush=True)
    signal.signal(signal.SIGTERM, take)
    signal.signal(signal.SIGUSR1, take)
    signal.signal(signal.SIGUSR2, lambda *_: (print("got", *got, flush=True), sys.exit(len(got))))
    print("ready", flush=True)
    while True:
        time.sleep(0.05)  # not pause(2): Python may be on its way into that when a signal comes
    """
)


def start(*words: str, **options: object) -> subprocess.Popen[str]:
    return subprocess.Popen(
        [sys.executable, "-c", RUNNER, *words],
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        **options,  # type: ignore[call-overload]
    )


def finish(process: subprocess.Popen[str]) -> tuple[str, int]:
    out, _ = process.communicate(timeout=300)
    return out, process.returncode


def children(pid: int) -> set[int]:
    return {int(p) for p in Path(f"/proc/{pid}/task/{pid}/children").read_text().split()}


def until(condition: object, what: str) -> None:
    import time

    end = time.monotonic() + 300
    while not condition():  # type: ignore[operator]
        assert time.monotonic() < end, what
        time.sleep(0.005)


def state(pid: int) -> str:
    """As proc(5) has it; empty when there is no such process."""
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0]
    except (FileNotFoundError, ProcessLookupError):
        return ""


@pytest.mark.requirement("RUN-3")
@pytest.mark.parametrize(
    ("script", "code", "killed"),
    [("exit 0", 0, 0), ("exit 37", 37, 0), ("exit 255", 255, 0), ("kill -9 $$", 137, 9), ("kill -SEGV $$", 139, 11)],
)
def test_the_exit_is_the_commands_own(script: str, code: int, killed: int) -> None:
    out, status = finish(start("/bin/sh", "-c", f"ulimit -c 0; {script}"))
    assert out == f"ended {code} {killed}\n"
    assert status == code


@pytest.mark.requirement("RUN-2")
@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGUSR1])
def test_a_signal_to_roar_alone_reaches_the_command_once(number: signal.Signals) -> None:
    process = start(sys.executable, "-u", "-c", COUNTER, start_new_session=True)
    assert process.stdout is not None
    assert process.stdout.readline() == "ready\n"
    os.kill(process.pid, number)
    command = next(p for p in children(process.pid) if Path(f"/proc/{p}/comm").read_text() != "cat\n")
    assert process.stdout.readline() == f"{int(number)}\n"
    os.kill(command, signal.SIGUSR2)
    out, _ = finish(process)
    assert out.startswith(f"got {int(number)}\n")


@pytest.mark.requirement("RUN-2")
def test_a_signal_to_the_group_reaches_the_command_once() -> None:
    process = start(sys.executable, "-u", "-c", COUNTER, start_new_session=True)
    assert process.stdout is not None
    assert process.stdout.readline() == "ready\n"
    command = next(p for p in children(process.pid) if Path(f"/proc/{p}/comm").read_text() != "cat\n")
    for _ in range(3):
        witness = next(p for p in children(process.pid) if p != command)
        os.killpg(process.pid, signal.SIGTERM)
        assert process.stdout.readline() == "15\n"
        until(lambda: witness not in children(process.pid), "the witness was not replaced")  # noqa: B023
        until(lambda: len(children(process.pid)) == 2, "the witness was not replaced")
    os.kill(command, signal.SIGUSR2)
    out, _ = finish(process)
    assert out.startswith("got 15 15 15\n")


@pytest.mark.requirement("RUN-2")
def test_when_the_command_stops_roar_stops_and_both_go_on() -> None:
    process = start("/bin/sh", "-c", "kill -STOP $$; exit 5", start_new_session=True)
    until(lambda: state(process.pid) == "T", "roar did not stop with its command")
    os.killpg(process.pid, signal.SIGCONT)
    out, status = finish(process)
    assert status == 5, out


@pytest.mark.requirement("RUN-2")
def test_continuing_roar_alone_continues_the_command() -> None:
    process = start("/bin/sh", "-c", "kill -STOP $$; exit 6", start_new_session=True)
    until(lambda: state(process.pid) == "T", "roar did not stop with its command")
    os.kill(process.pid, signal.SIGCONT)
    assert finish(process)[1] == 6


@pytest.mark.requirement("RUN-2")
def test_masks_and_dispositions_are_those_that_roar_was_started_with() -> None:
    show = "grep -E 'Sig(Blk|Ign|Cgt)' /proc/self/status"
    plain = subprocess.run(["/bin/sh", "-c", f"exec {show}"], capture_output=True, text=True, check=True).stdout
    out, _ = finish(start("/bin/sh", "-c", f"exec {show}"))
    assert out.startswith(plain)


@pytest.mark.requirement("RUN-2")
@pytest.mark.parametrize("ignored", ["HUP", "INT", "CHLD", "TERM"])
def test_what_the_caller_ignores_stays_ignored(ignored: str) -> None:
    script = f"trap '' {ignored}; exec \"$@\""
    show = ["grep", "SigIgn", "/proc/self/status"]
    plain = subprocess.run(["/bin/sh", "-c", script, "-", *show], capture_output=True, text=True, check=True).stdout
    words = ["/bin/sh", "-c", script, "-", sys.executable, "-c", RUNNER, "/bin/grep", *show[1:]]
    traced = subprocess.run(words, capture_output=True, text=True, check=False)
    assert traced.stdout == plain + "ended 0 0\n"


@pytest.mark.requirement("RUN-3")
def test_a_script_without_an_interpreter_line_is_run_by_the_shell(tmp_path: Path) -> None:
    script = tmp_path / "script"
    script.write_text("echo from $1; exit 3\n")
    script.chmod(0o755)
    assert finish(start(str(script), "here")) == ("from here\nended 3 0\n", 3)


@pytest.mark.requirement("RUN-2", "SAFE-1")
def test_nothing_of_roar_is_left_when_it_is_killed() -> None:
    process = start("/bin/sleep", "3600", start_new_session=True)
    names = {"cat\n": 0, "sleep\n": 0}

    def are_there() -> bool:
        names.update((Path(f"/proc/{p}/comm").read_text(), p) for p in children(process.pid))
        return all(names.values())

    until(are_there, "no witness")
    process.kill()
    finish_wait = process.wait(timeout=300)
    assert finish_wait == -signal.SIGKILL
    until(lambda: state(names["cat\n"]) in ("", "Z"), "the witness outlived roar")
    os.kill(names["sleep\n"], signal.SIGKILL)
    assert process.stdout is not None
    process.stdout.close()
