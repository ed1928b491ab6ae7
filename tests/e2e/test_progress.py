"""What roar shows once a command has ended, and how it can be interrupted then."""

from __future__ import annotations

import os
import signal
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest
from e2e.acting import ROAR, ROAR_LINE, Workspace, until
from fidelity.terminal import Terminal


@pytest.fixture
def large(shared: Workspace) -> Iterator[list[Path]]:
    """Files that take minutes to hash, nearly no space, and not so many bytes that roar leaves them out."""
    paths = [shared.root / f"out.large{number}" for number in range(9)]
    for path in paths:
        with open(path, "wb") as file:
            file.truncate(15 << 30)
    yield paths
    for path in paths:
        path.unlink()


def given_up(workspace: Workspace) -> list[str]:
    """Why the inputs have no digest that have none, each reason once."""
    return sorted({edge["reason"] for edge in workspace.last_job()["inputs"] if not edge["hashes"]})


@pytest.mark.requirement("HASH-3", "RUN-3")
def test_hashing_shows_its_progress_and_ctrl_c_ends_it(shared: Workspace, large: list[Path]) -> None:
    with Terminal(shared.root, shared.env) as terminal:
        terminal.type(f"{ROAR_LINE} run --hash sha256 sh -c 'head -qc 1 out.large* | tr -d x; exit 3'\n")
        terminal.expect(r"roar: hashing \d of \d files, \d+ MB")
        terminal.type(b"\x03")
        said, code = terminal.prompt()
    assert code == 3
    assert "exit 3" in said
    assert given_up(shared) == ["hashing was interrupted"]


@pytest.mark.requirement("RUN-4", "HASH-3")
def test_the_summary_comes_after_the_command_and_no_progress_for_a_short_run(shared: Workspace) -> None:
    with Terminal(shared.root, shared.env) as terminal:
        said, code = terminal.run(f"{ROAR_LINE} run sh -c 'cat README; echo end >&2; exit 3'")
    assert code == 3
    lines = said.split("\n")
    assert lines[:4] == ["one", "two", "three", "end"]
    assert lines[4].startswith("roar @")
    assert "hashing" not in said


@pytest.mark.requirement("RUN-2", "HASH-3")
def test_a_signal_while_roar_records_keeps_the_commands_exit_code(
    shared: Workspace, large: list[Path], place: Path
) -> None:
    roar = subprocess.Popen(
        [*ROAR, "run", "--hash", "sha256", "sh", "-c", f"head -qc 1 out.large*; echo $$ > {place}/pid; exit 3"],
        cwd=shared.root,
        env=shared.env,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.PIPE,
        start_new_session=True,
    )
    until(lambda: (place / "pid").exists() and (place / "pid").read_text(), "the command did not run")
    command = (place / "pid").read_text().strip()
    until(lambda: not os.path.exists(f"/proc/{command}"), "the command did not end")
    until(lambda: reads(roar.pid, large), "nothing is being hashed")
    os.killpg(roar.pid, signal.SIGINT)
    _, said = roar.communicate(timeout=60)
    assert roar.returncode == 3
    assert said.count(b"\n") == 1, said
    assert given_up(shared) == ["hashing was interrupted"]


def reads(pid: int, paths: list[Path]) -> bool:
    """Whether roar itself has one of the files open."""
    try:
        links = [os.readlink(f"/proc/{pid}/fd/{name}") for name in os.listdir(f"/proc/{pid}/fd")]
    except OSError:
        return False
    return not {str(path) for path in paths}.isdisjoint(links)
