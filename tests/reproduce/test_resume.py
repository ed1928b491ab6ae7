"""A reproduction that was killed goes on where it was; nothing that it started goes on without it."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest
from conftest import Workspace
from reproduce.steps import record, reproduce, results

pytestmark = pytest.mark.requirement("REP-3")

EDIT = """\
echo edited >> data
echo run >> ../count
if [ -e ../slow ]; then echo $$ > ../pid.part; mv ../pid.part ../pid; exec sleep 1000; fi
"""


def wait_for(path: Path) -> None:
    deadline = time.monotonic() + 30
    while not path.exists():
        assert time.monotonic() < deadline, f"{path} did not come"
        time.sleep(0.01)


def is_alive(pid: int) -> bool:
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] != "Z"
    except OSError:
        return False


@pytest.mark.parametrize("signal_", [signal.SIGKILL, signal.SIGINT])
def test_after_a_kill_done_steps_stay_done_and_a_half_edited_file_is_put_right(
    workspace: Workspace, signal_: signal.Signals
) -> None:
    above = workspace.root.parent
    workspace.commit({"edit.sh": EDIT, ".gitignore": "data\nend\n"})
    record(workspace, "sh -c 'echo first > data; echo first >> ../count'", "sh edit.sh", "cp data end")
    (above / "count").unlink()
    (above / "slow").touch()
    killed = subprocess.Popen(
        [sys.executable, "-m", "roar", "reproduce", "end"],
        cwd=workspace.root,
        env=workspace.env,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )
    wait_for(above / "pid")
    pid = int((above / "pid").read_text())
    killed.send_signal(signal_)
    killed.wait(timeout=30)
    assert is_alive(pid) is (signal_ == signal.SIGKILL)
    (above / "slow").unlink()
    (place,) = above.glob("repo-reproduced-*")
    (place / ".git/index.lock").touch()
    with open(place / ".git/roar/reproduction.jsonl", "a") as journal:
        journal.write('{"over": {"uid"')  # what a power cut may leave

    value, done = reproduce(workspace, "end", "--resume")

    assert done.returncode == 0 and value["identical"] is True, done.stderr
    assert {result["outcome"] for result in results(value).values()} == {"identical"}
    assert not is_alive(pid)
    assert (above / "count").read_text() == "first\nrun\nrun\n"
    assert [line.split()[0] for line in done.stderr.splitlines()] == ["@2", "@3"]


def test_what_is_not_a_reproduction_is_not_gone_on_with(workspace: Workspace) -> None:
    workspace.commit({".gitignore": "a\n"})
    record(workspace, "sh -c 'echo x > a'")
    place = workspace.root.parent / "other"
    place.mkdir()
    (place / "mine").touch()
    for options in (["--resume"], []):
        done = workspace.roar("reproduce", "a", "-o", str(place), *options, ok=False)
        assert done.returncode == 1 and done.stderr.startswith(f"Error: {place} ") and "Traceback" not in done.stderr
    assert os.listdir(place) == ["mine"]


def test_independent_steps_run_at_once(workspace: Workspace) -> None:
    meet = (
        "[ -e ../both ] && { touch ../here-$1; n=0; "
        "until [ -e ../here-a ] && [ -e ../here-b ]; do n=$((n+1)); [ $n -lt 2000 ] || exit 9; sleep 0.01; done; }; "
        "echo $1 > $1\n"
    )
    workspace.commit({"meet.sh": meet, ".gitignore": "/a\n/b\n/ab\n"})
    record(workspace, "sh meet.sh a", "sh meet.sh b", "sh -c 'cat a b > ab'")
    (workspace.root.parent / "both").touch()
    _, done = reproduce(workspace, "ab", "--jobs", "2")
    assert done.returncode == 0, done.stderr
