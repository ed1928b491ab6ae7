"""REG-6: no secret is anywhere in `.roar`, neither while the command runs nor afterwards."""

from __future__ import annotations

import os
import subprocess
from pathlib import Path

import pytest
from e2e.acting import DEADLINE_S, ROAR, Gate, Workspace, contents, make_repository

SECRETS = {
    "of a variable": "hunter2-correct-horse-battery",
    "of a token's form": "ghp_16C7e42F292c6912E7710c838347Ae178B4a",
    "of an option": "s3cr3t-Option-Value-19",
    "of a URL": "p4ssw0rd-in-url",
    "of a key": "wJalrXUtnFEMIK7MDENGbPxRfiCYEXAMPLEKEY",
}


@pytest.fixture
def fresh(tmp_path: Path) -> Workspace:
    """A workspace of the test's own."""
    return make_repository(tmp_path, os.environ)


@pytest.mark.requirement("REG-6")
@pytest.mark.parametrize("killed", [False, True], ids=["recorded", "killed"])
def test_no_secret_reaches_the_disk(fresh: Workspace, place: Path, killed: bool) -> None:
    gate = Gate(place)
    env = {
        "DB_PASSWORD": SECRETS["of a variable"],
        "GITHUB_TOKEN": SECRETS["of a token's form"],
        "AWS_SECRET_ACCESS_KEY": SECRETS["of a key"],
        "DATABASE_URL": f"postgresql://user:{SECRETS['of a URL']}@db/x",
    }
    words = [
        "run", "-q", "--name", "with " + SECRETS["of a token's form"],
        "--label", f"note={SECRETS['of a variable']}",
        "sh", "-c", f"read x < {gate}; cat README > out; exit 3",
        f"--password={SECRETS['of an option']}", "--api-key", SECRETS["of an option"],
        f"https://user:{SECRETS['of a URL']}@host/path", f"x{SECRETS['of a variable']}y", SECRETS["of a token's form"],
    ]  # fmt: skip
    fresh.bash(f"git remote add origin https://me:{SECRETS['of a URL']}@example.org/repo.git")
    roar = subprocess.Popen([*ROAR, *words], cwd=fresh.root, env={**fresh.env, **env})
    gate.arrived()
    while_running = contents(fresh.root / ".roar")
    if killed:
        roar.kill()
    gate.open()
    assert roar.wait(DEADLINE_S) == (-9 if killed else 3)
    after = contents(fresh.root / ".roar")
    job = fresh.last_job()
    recorded = contents(fresh.root / ".roar")
    for name, secret in SECRETS.items():
        for when, found in (("running", while_running), ("after", after), ("recorded", recorded)):
            assert secret.encode() not in found, f"the secret {name}, {when}"
    assert job["git"]["remote"] == "https://example.org/repo.git"
    assert job["status"] == ("interrupted" if killed else "failed")


@pytest.mark.requirement("REG-6")
def test_the_command_itself_gets_its_secrets(fresh: Workspace) -> None:
    secret = SECRETS["of a token's form"]
    done = fresh.roar("run", "-q", "sh", "-c", 'echo "$1 $TOKEN"', "sh", f"--token={secret}", env={"TOKEN": secret})
    assert done.stdout.decode() == f"--token={secret} {secret}\n"
