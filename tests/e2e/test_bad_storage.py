"""Bad input: a database, a `.roar` or a disk that can't be used: the exit code is the command's, and nothing is lost."""

from __future__ import annotations

import json
import os
import sqlite3
import subprocess
import time
from pathlib import Path

import pytest
from e2e.acting import DEADLINE_S, PATIENCE_S, ROAR, Gate, Workspace, make_repository, until

RUN = ["run", "sh", "-c", "cat README > out; echo ran; exit 3"]


@pytest.fixture
def fresh(tmp_path: Path) -> Workspace:
    """A workspace of the test's own, with one job."""
    workspace = make_repository(tmp_path, os.environ)
    assert workspace.roar("run", "-q", "true").returncode == 0
    return workspace


def corrupt(path: Path) -> None:
    path.write_bytes(b"this was a database once\n" * 1000)


def truncated(path: Path) -> None:
    path.write_bytes(path.read_bytes()[:3000])


def overwritten(path: Path) -> None:
    with open(path, "r+b") as file:
        file.seek(4096)
        file.write(os.urandom(300_000))


def directory(path: Path) -> None:
    path.unlink()
    path.mkdir()


def newer(path: Path) -> None:
    with sqlite3.connect(path) as database:
        database.execute("UPDATE schema_version SET version = 99")
        database.execute("PRAGMA user_version = 99")
    database.close()


def foreign(path: Path) -> None:
    path.unlink()
    with sqlite3.connect(path) as database:
        database.execute("CREATE TABLE notes (note TEXT)")
    database.close()


@pytest.mark.requirement("SAFE-2", "RUN-3")
@pytest.mark.parametrize(
    "spoil", [corrupt, truncated, overwritten, directory, newer, foreign], ids=lambda f: f.__name__
)
def test_a_run_survives_a_database_that_cant_be_used_and_is_recorded_later(fresh: Workspace, spoil: object) -> None:
    path = fresh.root / ".roar" / "roar.db"
    for name in ("roar.db-wal", "roar.db-shm"):
        path.with_name(name).unlink(missing_ok=True)
    kept = path.read_bytes()
    spoil(path)  # type: ignore[operator]
    before = path.read_bytes() if path.is_file() else None
    done = fresh.roar(*RUN)
    assert (done.returncode, done.stdout) == (3, b"ran\n")
    first, *rest = done.stderr.decode().splitlines()
    assert first.startswith("Error: the run was not recorded: "), first
    assert str(path) in first
    assert rest[-1] == "What was seen is kept; the next roar command records it."
    assert "Traceback" not in done.stderr.decode()
    reading = fresh.roar("log")
    assert reading.returncode == 1
    assert reading.stderr.startswith(f"Error: {path}".encode())
    assert fresh.roar("fsck").returncode == 1
    assert before is None or path.read_bytes() == before, "something in it was changed"
    if path.is_dir():
        path.rmdir()
    for name in ("roar.db-wal", "roar.db-shm"):
        path.with_name(name).unlink(missing_ok=True)
    path.write_bytes(kept)
    job = fresh.last_job()
    assert (job["index"], job["exit_code"], job["status"]) == (2, 3, "failed")
    assert [os.path.basename(edge["path"]) for edge in job["outputs"]] == ["out"]
    assert not list((fresh.root / ".roar" / "runs").iterdir())


@pytest.mark.requirement("SAFE-2", "RUN-7")
def test_a_lock_that_is_let_go_is_waited_for(fresh: Workspace) -> None:
    with sqlite3.connect(fresh.root / ".roar" / "roar.db", isolation_level=None) as other:
        other.execute("BEGIN EXCLUSIVE")
        roar = subprocess.Popen(
            [*ROAR, *RUN], cwd=fresh.root, env=fresh.env, stdout=subprocess.PIPE, stderr=subprocess.PIPE
        )
        with pytest.raises(subprocess.TimeoutExpired):
            roar.wait(1.0)  # it waits
        other.execute("ROLLBACK")
    other.close()
    _, said = roar.communicate(timeout=60)
    assert roar.returncode == 3
    assert said.startswith(b"roar: @2 exit 3, complete"), said


@pytest.mark.requirement("SAFE-2", "RUN-3")
def test_waiting_for_a_lock_ends_with_ctrl_c_and_loses_nothing(fresh: Workspace, place: Path) -> None:
    with sqlite3.connect(fresh.root / ".roar" / "roar.db", isolation_level=None) as other:
        other.execute("BEGIN EXCLUSIVE")
        roar = subprocess.Popen(
            [*ROAR, "run", "sh", "-c", f"echo $$ > {place}/pid; exit 3"],
            cwd=fresh.root,
            env=fresh.env,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            start_new_session=True,
        )
        until(lambda: (place / "pid").exists() and (place / "pid").read_text(), "the command did not run")
        command = (place / "pid").read_text().strip()
        until(lambda: not os.path.exists(f"/proc/{command}"), "the command did not end")
        with pytest.raises(subprocess.TimeoutExpired):
            roar.wait(1.0)
        began = time.monotonic()
        os.killpg(roar.pid, 2)
        _, said = roar.communicate(timeout=DEADLINE_S)
        took = time.monotonic() - began
        other.execute("ROLLBACK")
    other.close()
    assert roar.returncode == 3
    assert b"Error: the run was not recorded" in said
    assert took < 15, "it waited to the end"
    assert fresh.last_job()["exit_code"] == 3


@pytest.mark.requirement("SAFE-2")
def test_what_is_missing_in_roars_directory_is_made_again(fresh: Workspace) -> None:
    runs = fresh.root / ".roar" / "runs"
    runs.rmdir()
    assert fresh.roar(*RUN).returncode == 3
    (fresh.root / ".roar" / "key").unlink(missing_ok=True)
    (fresh.root / ".roar" / "roar.db").write_bytes(b"")
    for name in ("roar.db-wal", "roar.db-shm"):
        (fresh.root / ".roar" / name).unlink(missing_ok=True)
    assert fresh.roar(*RUN).returncode == 3
    assert fresh.last_job()["index"] == 1


@pytest.mark.requirement("SAFE-2", "SAFE-4")
def test_a_file_in_place_of_the_run_directories_is_named(fresh: Workspace) -> None:
    runs = fresh.root / ".roar" / "runs"
    runs.rmdir()
    runs.write_text("")
    done = fresh.roar(*RUN)
    assert (done.returncode, done.stdout) == (1, b"")
    assert done.stderr.decode().splitlines() == [
        f"Error: {runs} is not a directory: runs are kept there.",
        f"Move it away: mv {runs} {runs}.old",
    ]


def mounted(workspace: Workspace, options: str, script: str) -> list[str]:
    """What a script prints where `.roar` is a file system of its own."""
    privilege = [] if os.geteuid() == 0 else ["--map-root-user"]
    roar = f'roar() {{ {" ".join(ROAR)} "$@"; }}'
    line = f"{roar}; mount -t tmpfs -o {options} tmpfs .roar && chmod 755 .roar && {script}"
    done = subprocess.run(
        ["unshare", "--mount", *privilege, "sh", "-c", line],
        cwd=workspace.root,
        env=workspace.env,
        capture_output=True,
        text=True,
        check=False,
        timeout=PATIENCE_S,
    )
    assert "Traceback" not in done.stderr, done.stderr
    return [*done.stdout.splitlines(), *done.stderr.splitlines()]


@pytest.mark.requirement("SAFE-2", "RUN-3")
def test_a_disk_that_is_full_is_named_and_nothing_starts(fresh: Workspace) -> None:
    said = mounted(
        fresh,
        "size=200k",
        "roar init >/dev/null && (dd if=/dev/zero of=.roar/fill 2>/dev/null; roar run echo ran; echo $?)",
    )
    assert said[0] == "1"
    assert said[1].startswith("Error: ")
    assert "No space left on device" in said[1]
    assert len(said) > 2, "there is no fix"


@pytest.mark.requirement("SAFE-2", "RUN-3", "RUN-6")
def test_a_disk_that_fills_up_meanwhile_keeps_the_exit_code_and_the_run(fresh: Workspace) -> None:
    script = (
        "roar init >/dev/null && (roar run -q sh -c 'cat README > out; dd if=/dev/zero of=.roar/fill bs=4k 2>/dev/null; exit 3'; "
        "echo $?; rm .roar/fill; roar log)"
    )
    said = mounted(fresh, "size=8m", script)
    assert said[0] == "3"
    assert "exit 3" in said[1]
    assert "1 in, 1 out" in said[1]
    assert any(line.startswith("Error: the run was not recorded: ") and "full" in line for line in said), said


@pytest.mark.requirement("SAFE-2", "SHOW-7")
def test_a_read_only_workspace_can_be_read_and_refuses_to_run(fresh: Workspace) -> None:
    script = (
        "roar init >/dev/null && roar run -q true && mount -o remount,bind,ro .roar && (roar log; roar status >/dev/null; echo $?; "
        "roar run echo ran; echo $?; roar reset -y; echo $?)"
    )
    said = mounted(fresh, "size=8m", script)
    assert said[0].startswith("@1 ")
    assert said[1:4] == ["0", "1", "1"]
    errors = [line for line in said if line.startswith("Error: ")]
    assert len(errors) == 2
    assert all("ead-only" in line for line in errors), errors


@pytest.mark.requirement("SAFE-2", "RUN-3")
def test_a_file_size_limit_is_kept_and_named(shared: Workspace) -> None:
    done = shared.bash(f"ulimit -f 100; {' '.join(ROAR)} run sh -c 'exit 3'")
    assert done.returncode in (1, 3)
    assert done.returncode == 3 or done.stderr.startswith(
        b"Error: Tracer preflight failed for 'preload': files may not be"
    )


MOVES = {
    "its .roar": "rm -rf .roar",
    "the whole workspace": "cd /; rm -rf '{root}'",
    "the workspace to another place": "mv '{root}' '{root}.moved'",
}


@pytest.mark.requirement("RUN-3", "SAFE-2")
@pytest.mark.parametrize("move", list(MOVES.values()), ids=list(MOVES))
def test_a_command_that_removes_or_moves_roars_ground_keeps_its_exit_code(fresh: Workspace, move: str) -> None:
    line = f"echo ran; cat README > out; {move.format(root=fresh.root)}; exit 3"
    done = fresh.roar("run", "sh", "-c", line)
    assert (done.returncode, done.stdout) == (3, b"ran\n")
    first, *_, last = done.stderr.decode().splitlines()
    assert first.startswith("Error: the run was not recorded: ")
    moved = fresh.root.with_name("repo.moved")
    kept = "kept in .roar, which was moved while" if moved.exists() else "lost: .roar was removed while"
    assert last.startswith(f"What was seen is {kept} the command ran")
    if moved.exists():  # and in its new place it is found
        shown = fresh.roar("log", cwd=moved)
        assert b"exit 3" in shown.stdout


@pytest.mark.requirement("RUN-3", "GIT-1")
@pytest.mark.parametrize(
    "change",
    [
        "rm -rf .git",
        "rm -rf folder",
        "git checkout -q -b other; echo x >> README; git commit -qam more",
        "chmod 0 .roar; chmod 700 .roar",
    ],
)
def test_a_command_that_changes_the_repository_is_recorded_with_the_commit_it_began_at(
    fresh: Workspace, change: str
) -> None:
    commit = fresh.bash("git rev-parse HEAD").stdout.decode().strip()
    done = fresh.roar("run", "sh", "-c", f"cat README > out; {change}; exit 3")
    assert done.returncode == 3
    job = fresh.last_job()
    assert job["git"]["commit"] == commit
    assert str(fresh.root / "out") in {edge["path"] for edge in job["outputs"]}


@pytest.mark.requirement("RUN-3")
def test_a_working_directory_that_the_command_removes(fresh: Workspace) -> None:
    (fresh.root / "scratch").mkdir()
    done = fresh.roar(
        "run", "sh", "-c", "cat ../README > /dev/null; rmdir ../scratch; exit 3", cwd=fresh.root / "scratch"
    )
    assert done.returncode == 3
    assert fresh.last_job()["cwd"] == str(fresh.root / "scratch")


@pytest.mark.requirement("RUN-7")
def test_a_run_inside_a_run_is_a_job_of_its_own(fresh: Workspace, place: Path) -> None:
    gate = Gate(place)
    inner = f"{' '.join(ROAR)} run -q sh -c 'cat README > out.inner; exit 4'"
    roar = subprocess.Popen(
        [*ROAR, "run", "-q", "sh", "-c", f"read x < {gate}; {inner}; exit 3"], cwd=fresh.root, env=fresh.env
    )
    gate.arrived()
    gate.open()
    assert roar.wait(DEADLINE_S) == 3
    outer = fresh.last_job()
    assert outer["exit_code"] == 3
    assert str(fresh.root / "out.inner") in {edge["path"] for edge in outer["outputs"]}


@pytest.mark.requirement("RUN-6", "SAFE-1")
def test_a_clock_that_was_set_back_gives_no_negative_duration(fresh: Workspace, place: Path) -> None:
    gate = Gate(place)
    roar = subprocess.Popen([*ROAR, "run", "-q", "sh", "-c", f"read x < {gate}"], cwd=fresh.root, env=fresh.env)
    gate.arrived()
    roar.kill()
    roar.wait()
    gate.open()
    [run] = (fresh.root / ".roar" / "runs").iterdir()
    plan = json.loads((run / "plan.json").read_text())
    hour_ns = 3_600_000_000_000
    (run / "plan.json").write_text(json.dumps(plan | {"started_ns": plan["started_ns"] + hour_ns}))  # then set back
    job = fresh.last_job()
    assert job["status"] == "interrupted"
    assert job["duration_s"] >= 0
    shown = fresh.roar("show", job["uid"])
    assert shown.returncode == 0
    assert b"took -" not in shown.stdout
    assert fresh.roar(*RUN).returncode == 3
