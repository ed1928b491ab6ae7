"""What roar shows once a command has ended, and how it can be interrupted then."""

from __future__ import annotations

import os
import signal
import subprocess
from pathlib import Path

import pytest
from e2e.acting import ROAR, ROAR_LINE, Workspace, until
from fidelity.terminal import Terminal


@pytest.mark.requirement("HASH-3", "RUN-3")
def test_hashing_shows_its_progress_and_ctrl_c_ends_it(shared: Workspace) -> None:
    with open(shared.root / "out.large", "wb") as file:
        file.truncate(15 << 30)
    with Terminal(shared.root, shared.env) as terminal:
        terminal.type(f"{ROAR_LINE} run --hash sha256 sh -c 'head -c 1 out.large | tr -d x; exit 3'\n")
        terminal.expect(r"roar: hashing \d of \d files, \d+ MB")
        terminal.type(b"\x03")
        said, code = terminal.prompt()
    (shared.root / "out.large").unlink()
    assert code == 3
    assert "exit 3" in said
    [edge] = [edge for edge in shared.last_job()["inputs"] if edge["path"].endswith("out.large")]
    assert edge["reason"] == "hashing was interrupted"


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
def test_a_signal_while_roar_records_keeps_the_commands_exit_code(shared: Workspace, place: Path) -> None:
    large = shared.root / "out.large"
    with open(large, "wb") as file:
        file.truncate(8 << 30)
    try:
        roar = subprocess.Popen(
            [*ROAR, "run", "--hash", "sha256", "sh", "-c", f"head -c 1 out.large; echo $$ > {place}/pid; exit 3"],
            cwd=shared.root,
            env=shared.env,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.PIPE,
            start_new_session=True,
        )
        until(lambda: (place / "pid").exists() and (place / "pid").read_text(), "the command did not run")
        command = (place / "pid").read_text().strip()
        until(lambda: not os.path.exists(f"/proc/{command}"), "the command did not end")
        until(lambda: reads(roar.pid, large), "it is not being hashed")
        os.killpg(roar.pid, signal.SIGINT)
        _, said = roar.communicate(timeout=60)
    finally:
        large.unlink()
    assert roar.returncode == 3
    assert said.count(b"\n") == 1, said
    inputs = {os.path.basename(edge["path"]): edge for edge in shared.last_job()["inputs"]}
    assert inputs["out.large"]["hashes"] == {}
    assert inputs["out.large"]["reason"] == "hashing was interrupted"


def reads(pid: int, path: Path) -> bool:
    """Whether roar itself has the file open."""
    try:
        links = [os.readlink(f"/proc/{pid}/fd/{name}") for name in os.listdir(f"/proc/{pid}/fd")]
    except OSError:
        return False
    return str(path) in links
