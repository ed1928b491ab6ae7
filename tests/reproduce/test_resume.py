"""A reproduction that was killed goes on where it was; nothing that it started goes on without it."""

from __future__ import annotations

import json
import os
import signal

import pytest
from conftest import Workspace
from reproduce.processes import is_alive, wait_until
from reproduce.steps import record, reproduce, results

pytestmark = pytest.mark.requirement("REP-3")

EDIT = """\
if [ -e ../first ]; then kill -$(cat ../first) $PPID; exec sleep 1000; fi
echo edited >> data
echo run >> ../count
if [ -e ../then ]; then kill -$(cat ../then) $PPID; exec sleep 1000; fi
"""


@pytest.mark.parametrize(
    ("moment", "signal_"), [("first", "KILL"), ("then", "KILL"), ("first", "INT"), ("then", "TERM")]
)
def test_after_a_kill_done_steps_stay_done_and_a_half_edited_file_is_put_right(
    workspace: Workspace, moment: str, signal_: str
) -> None:
    """The step's own command sends the signal, so that it comes as early as can be."""
    above = workspace.root.parent
    workspace.commit({"edit.sh": EDIT, ".gitignore": "data\nend\n"})
    record(workspace, "sh -c 'echo first > data; echo first >> ../count'", "sh edit.sh", "cp data end")
    (above / "count").unlink()
    (above / moment).write_text(signal_)
    done = workspace.roar("reproduce", "end", ok=False)
    (place,) = above.glob("repo-reproduced-*")
    journal = place / ".git/roar/reproduction.jsonl"
    started = [json.loads(line) for line in journal.read_text().splitlines() if "started" in line]
    pid, at = started[-1]["pid"], started[-1]["at"]
    if signal_ == "KILL":
        assert done.returncode == -signal.SIGKILL and is_alive(pid, at)
    else:
        assert done.returncode == {"INT": 130, "TERM": 143}[signal_]
        assert done.stderr.endswith("Stopped. To go on with it, repeat the command with --resume.\n")
        assert not is_alive(pid, at)
    (above / moment).unlink()
    (place / ".git/index.lock").touch()
    with journal.open("a") as file:
        file.write('{"over": {"uid"')  # what a power cut may leave

    value, done = reproduce(workspace, "end", "--resume")

    assert done.returncode == 0 and value["identical"] is True, done.stderr
    assert {result["outcome"] for result in results(value).values()} == {"identical"}
    wait_until(lambda: not is_alive(pid, at), "the end of what was left running")
    assert (above / "count").read_text() == ("first\nrun\n" if moment == "first" else "first\nrun\nrun\n")
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
        "until [ -e ../here-a ] && [ -e ../here-b ]; do n=$((n+1)); [ $n -lt 6000 ] || exit 9; sleep 0.1; done; }; "
        "echo $1 > $1\n"
    )
    workspace.commit({"meet.sh": meet, ".gitignore": "/a\n/b\n/ab\n"})
    record(workspace, "sh meet.sh a", "sh meet.sh b", "sh -c 'cat a b > ab'")
    (workspace.root.parent / "both").touch()
    _, done = reproduce(workspace, "ab", "--jobs", "2")
    assert done.returncode == 0, done.stderr
