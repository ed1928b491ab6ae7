"""Bad input: files that are no ordinary files, and names that are no ordinary names."""

from __future__ import annotations

import hashlib
import json
import os
import subprocess
import sys
from pathlib import Path

import pytest
from e2e.acting import ROAR, Workspace

NAMES = {
    "not UTF-8": b"out\xff\xfe\x80",
    "a newline": b"out\nsecond line",
    "an escape sequence": b"out\x1b[31mred\x1b]0;title\x07",
    "a tab and a carriage return": b"out\t\r",
    "spaces and quotes": b"out ' \" $HOME `id` ;",
    "bidirectional": "out\u202egnp.exe".encode(),
    "a leading dash": b"out-/-rf",
    "as long as can be": b"out" + b"x" * 252,
    "wide": "out\u6587\u5b57\U0001f600".encode(),
}


@pytest.mark.requirement("SAFE-3", "SHOW-1")
@pytest.mark.parametrize("name", list(NAMES.values()), ids=list(NAMES))
def test_any_name_is_recorded_exactly_and_printed_harmlessly(shared: Workspace, name: bytes) -> None:
    root = os.fsencode(shared.root)
    path = os.path.join(root, name)
    os.makedirs(os.path.dirname(path), exist_ok=True)
    done = shared.roar("run", "sh", "-c", 'cat README > "$0"', os.path.join(b".", name))
    assert done.returncode == 0, done.stderr
    try:
        job = shared.last_job()
        [output] = job["outputs"]
        assert os.fsencode(output["path"]) == path
        assert os.fsencode(job["command"][-1]) == b"./" + name
        shown = shared.roar("show", job["uid"])
        log = shared.roar("log", "-n", "1")
        artifact = shared.roar("show", name if not name.startswith(b"-") else b"./" + name)
        dag = shared.roar("dag", "--show-artifacts")
        for said in (done.stderr, shown.stdout, log.stdout, artifact.stdout, dag.stdout):
            said.decode()  # never bytes that a terminal can't take
            assert not set(said) & set(b"\x1b\x07\r\xff"), said
            assert "\u202e" not in said.decode()
        assert artifact.returncode == 0, artifact.stderr
        raw = shared.roar("show", job["uid"], "--json").stdout
        assert raw.isascii()
        json.loads(raw)
    finally:
        os.unlink(path)


@pytest.mark.requirement("SAFE-3", "NORM-6")
def test_a_path_longer_than_the_kernel_takes_is_recorded_or_the_verdict_says_so(shared: Workspace) -> None:
    script = (
        "import os\n"
        "for _ in range(25):\n"
        "    os.makedirs('d' * 200, exist_ok=True); os.chdir('d' * 200)\n"
        "with open('deep', 'w') as file: file.write('x')\n"
    )
    (shared.root / "scratch").mkdir(exist_ok=True)
    done = subprocess.run(
        [*ROAR, "run", sys.executable, "-c", script],
        cwd=shared.root / "scratch",
        env=shared.env,
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    assert "Traceback" not in done.stderr
    job = shared.last_job()
    deep = [edge for edge in job["outputs"] if edge["path"].endswith("/deep") and len(edge["path"]) > 5000]
    assert deep or job["capture"]["verdict"] == "partial", job["capture"]
    shared.bash("rm -rf scratch")


@pytest.mark.requirement("HASH-2", "NORM-6")
def test_a_terabyte_of_holes_is_recorded_at_once_without_a_digest(shared: Workspace) -> None:
    with open(shared.root / "out.holes", "wb") as file:
        file.truncate(1 << 40)
    done = shared.roar("run", "sh", "-c", "head -c 10 out.holes > /dev/null; truncate -s 500G out.more")
    assert done.returncode == 0, done.stderr
    job = shared.last_job()
    edges = {os.path.basename(edge["path"]): edge for edge in (*job["inputs"], *job["outputs"])}
    for name, size in (("out.holes", 1 << 40), ("out.more", 500 << 30)):
        assert edges[name]["size"] == size
        assert edges[name]["hashes"] == {}
        assert "sparse" in edges[name]["reason"]
        (shared.root / name).unlink()


@pytest.mark.requirement("HASH-2")
def test_a_small_sparse_file_is_hashed(shared: Workspace) -> None:
    assert shared.roar("run", "-q", "truncate", "-s", "50M", "out.sparse").returncode == 0
    [output] = shared.last_job()["outputs"]
    assert output["hashes"]["blake3"]
    (shared.root / "out.sparse").unlink()


@pytest.mark.requirement("FILTER-1", "NORM-6")
def test_pipes_sockets_devices_and_directories_are_no_artifacts(shared: Workspace) -> None:
    script = (
        "mkfifo out.fifo; (cat out.fifo > /dev/null &); echo x > out.fifo; head -c 5 /dev/urandom > /dev/null; ls . folder > "
        "/dev/null; cat /proc/self/status > /dev/null; "
        "python3 -c 'import socket; socket.socket(socket.AF_UNIX).bind(\"out.socket\")'; mkdir out.d; cat README > /dev/null"
    )
    done = shared.roar("run", "sh", "-c", script)
    assert done.returncode == 0, done.stderr
    job = shared.last_job()
    assert {os.path.basename(edge["path"]) for edge in job["inputs"]} == {"README"}
    assert job["outputs"] == []
    shared.bash("rm -rf out.*")


@pytest.mark.requirement("HASH-2", "NORM-3")
def test_an_output_that_grows_on_after_the_command_is_no_wrong_digest(shared: Workspace, place: Path) -> None:
    stop = place / "stop"
    line = f"(while [ ! -e {stop} ]; do echo x; done) >> out.growing 2>/dev/null & until [ -s out.growing ]; do :; done; exit 0"
    try:
        done = shared.roar("run", "sh", "-c", line)
    finally:
        stop.touch()
    assert done.returncode == 0
    job = shared.last_job()
    assert job["capture"]["verdict"] == "partial"
    assert "outlived the command" in " ".join(job["capture"]["reasons"])
    [output] = [edge for edge in job["outputs"] if edge["path"].endswith("out.growing")]
    if output["hashes"]:  # of the state at the command's end, if the process came to no processor since
        assert output["hashes"]["sha256"] == hashlib.sha256(b"x\n" * (output["size"] // 2)).hexdigest()
    else:
        assert output["reason"]


@pytest.mark.requirement("HASH-2", "NORM-3")
def test_files_that_vanish_leave_no_error(shared: Workspace) -> None:
    (shared.root / "out.vanishing").write_text("data\n")
    line = "cat out.vanishing > out.kept; rm out.vanishing; echo x > out.brief; rm out.brief; exit 3"
    done = shared.roar("run", "sh", "-c", line)
    assert done.returncode == 3
    job = shared.last_job()
    assert {os.path.basename(edge["path"]) for edge in job["outputs"]} == {"out.kept"}
    [gone] = [edge for edge in job["inputs"] if edge["path"].endswith("out.vanishing")]
    assert gone["hashes"] == {}
    assert gone["reason"]


@pytest.mark.requirement("HASH-2")
def test_a_file_that_cant_be_read_has_a_reason(shared: Workspace) -> None:
    place = shared.root / "out.locked"
    place.mkdir()
    user = ["setpriv", "--reuid=65534", "--clear-groups"] if os.geteuid() == 0 else []
    line = "echo x > out.locked/file; chmod 0 out.locked/file"
    if user:  # root reads everything; somebody else does not, and may not read roar's directory either
        os.chmod(place, 0o777)
        done = shared.roar("run", *user, "sh", "-c", line)
    else:
        done = shared.roar("run", "sh", "-c", line)
    assert done.returncode == 0, done.stderr
    assert b"Traceback" not in done.stderr
    shared.bash("rm -rf out.locked")


@pytest.mark.requirement("SAFE-3", "RUN-2")
def test_the_longest_command_line_that_the_kernel_takes(shared: Workspace) -> None:
    script = (
        "import os, subprocess, sys\n"
        "words = ['x' * 100_000] * 18\n"
        "done = subprocess.run([sys.executable, '-m', 'roar', 'run', '/bin/sh', '-c', 'exit $(($# % 256))', *words])\n"
        "sys.exit(done.returncode)\n"
    )
    done = subprocess.run(
        [sys.executable, "-c", script], cwd=shared.root, env=shared.env, capture_output=True, check=False
    )
    assert done.returncode == 17, done.stderr[-2000:]
    job = shared.last_job()
    assert len(job["command"]) == 21
