"""HASH-2, HASH-5: a file that is edited while the command runs never gets the edited digest; outputs keep theirs."""

from __future__ import annotations

import hashlib
import os
import subprocess
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from e2e.acting import DEADLINE_S, ROAR, Gate, Workspace

OLD, NEW = b"print('one')\n", b"print('two')\n"


def run_meanwhile(workspace: Workspace, command: str, gate: Gate, meanwhile: Callable[[], None]) -> dict[str, Any]:
    roar = subprocess.Popen([*ROAR, "run", "-q", "sh", "-c", command], cwd=workspace.root, env=workspace.env)
    gate.arrived()
    meanwhile()
    gate.open()
    assert roar.wait(DEADLINE_S) == 0
    return workspace.last_job()


def rewrite(path: Path) -> None:
    path.write_bytes(NEW)


def rewrite_and_set_time_back(path: Path) -> None:
    before = path.stat()
    with open(path, "r+b") as file:
        file.write(NEW)
    os.utime(path, ns=(before.st_atime_ns, before.st_mtime_ns))


def replace(path: Path) -> None:
    other = path.with_name("out.other")
    other.write_bytes(NEW)
    os.replace(other, path)


def replace_with_the_same_time(path: Path) -> None:
    before = path.stat()
    other = path.with_name("out.other")
    other.write_bytes(NEW)
    os.utime(other, ns=(before.st_atime_ns, before.st_mtime_ns))
    os.replace(other, path)


EDITS = [rewrite, rewrite_and_set_time_back, replace, replace_with_the_same_time, Path.unlink]


@pytest.mark.requirement("HASH-5", "HASH-2")
@pytest.mark.parametrize("edit", EDITS, ids=lambda edit: edit.__name__)
@pytest.mark.parametrize("reads", ["python3 out.input >/dev/null", "cat out.input >/dev/null"], ids=["script", "data"])
def test_an_input_that_is_edited_later_never_gets_the_new_digest(
    shared: Workspace, place: Path, edit: Callable[[Path], None], reads: str
) -> None:
    path = shared.root / "out.input"
    path.write_bytes(OLD)
    gate = Gate(place)
    job = run_meanwhile(shared, f"{reads}; read x < {gate}", gate, lambda: edit(path))
    [edge] = [edge for edge in job["inputs"] if edge["path"] == str(path)]
    if edge["hashes"]:
        assert edge["hashes"]["sha256" if "sha256" in edge["hashes"] else "blake3"] == digest(OLD, edge["hashes"])
    else:
        assert edge["reason"]
    assert not [edge for edge in job["outputs"] if edge["path"] == str(path)]


def digest(content: bytes, hashes: dict[str, str]) -> str:
    if "sha256" in hashes:
        return hashlib.sha256(content).hexdigest()
    from blake3 import blake3

    return str(blake3(content).hexdigest())


@pytest.mark.requirement("HASH-2", "NORM-3")
@pytest.mark.parametrize(
    "edit", ["echo new > out.input", "echo new > out.n; mv out.n out.input", "echo new >> out.input"]
)
def test_an_input_that_the_job_overwrites_never_gets_the_new_digest(shared: Workspace, edit: str) -> None:
    path = shared.root / "out.input"
    path.write_bytes(OLD)
    assert shared.roar("run", "-q", "sh", "-c", f"cat out.input > out.copy; {edit}").returncode == 0
    job = shared.last_job()
    [edge] = [edge for edge in job["inputs"] if edge["path"] == str(path)]
    assert edge["hashes"] == {} or edge["hashes"]["blake3"] == digest(OLD, {"blake3": ""})
    assert edge["hashes"] or edge["reason"]
    outputs = {os.path.basename(edge["path"]): edge for edge in job["outputs"]}
    assert outputs["out.input"]["hashes"]["sha256"] == hashlib.sha256(path.read_bytes()).hexdigest()
    assert outputs["out.copy"]["hashes"]["sha256"] == hashlib.sha256(OLD).hexdigest()


@pytest.mark.requirement("HASH-2")
@pytest.mark.parametrize(
    "afterwards",
    [
        "chmod 600 out.result",
        "ln -f out.result out.link",
        "mv out.result out.moved; mv out.moved out.result",
        "touch -d 2001-01-01 out.result",
        "chown $(id -u):$(id -g) out.result; setfattr -n user.a -v b out.result 2>/dev/null; true",
    ],
)
def test_an_output_that_the_job_only_touches_afterwards_keeps_its_digest(shared: Workspace, afterwards: str) -> None:
    assert shared.roar("run", "-q", "sh", "-c", f"echo data > out.result; {afterwards}").returncode == 0
    outputs = {os.path.basename(edge["path"]): edge for edge in shared.last_job()["outputs"]}
    assert outputs["out.result"]["hashes"]["sha256"] == hashlib.sha256(b"data\n").hexdigest()


@pytest.mark.requirement("HASH-2")
@pytest.mark.parametrize(
    "afterwards", ["chmod 600 out.in", "mv out.in out.moved", "ln -f out.in out.link", "touch out.in"]
)
def test_an_input_that_the_job_only_touches_has_its_digest_or_a_reason(shared: Workspace, afterwards: str) -> None:
    (shared.root / "out.in").write_bytes(OLD)
    assert shared.roar("run", "-q", "sh", "-c", f"cat out.in > /dev/null; {afterwards}").returncode == 0
    [edge] = [edge for edge in shared.last_job()["inputs"] if edge["path"].endswith("/out.in")]
    assert edge["hashes"] == {} or edge["hashes"]["blake3"] == digest(OLD, {"blake3": ""})
    assert edge["hashes"] or edge["reason"]


@pytest.mark.requirement("HASH-2", "RUN-6")
def test_an_output_that_is_edited_before_recovery_gets_no_digest(shared: Workspace) -> None:
    database = shared.root / ".roar" / "roar.db"
    away = database.with_name("away")
    for name in ("roar.db", "roar.db-wal", "roar.db-shm"):
        if database.with_name(name).exists():
            database.with_name(name).rename(database.with_name(name.replace("roar.db", "away")))
    database.mkdir()
    done = shared.roar("run", "-q", "sh", "-c", "cat README > out.edited; cat README > out.left; exit 3")
    assert done.returncode == 3
    assert b"Error: the run was not recorded" in done.stderr
    (shared.root / "out.edited").write_bytes(b"somebody else's\n")
    database.rmdir()
    for name in ("away", "away-wal", "away-shm"):
        if away.with_name(name).exists():
            away.with_name(name).rename(away.with_name(name.replace("away", "roar.db")))
    job = shared.last_job()
    assert (job["status"], job["exit_code"]) == ("failed", 3)
    outputs = {os.path.basename(edge["path"]): edge for edge in job["outputs"]}
    assert outputs["out.left"]["hashes"]
    assert outputs["out.edited"]["hashes"] == {}
    assert outputs["out.edited"]["reason"] == "it changed after the command ended"
