"""Digests: of the bytes that are meant, or none and a reason."""

from __future__ import annotations

import hashlib
import os
import threading
from pathlib import Path

import pytest

from roar.api import FileStat
from roar.hashers import Sha256
from roar.run import digest
from roar.run.digest import Task
from roar.run.digester import Digester, wait_for_all
from roar.run.resolve import stat_of

SHA = ("sha256",)


def state(path: Path) -> FileStat:
    stat = stat_of(os.fsencode(path))
    assert stat is not None
    return stat


def digest_all(*tasks: Task, threads: int = 2) -> dict[bytes, digest.Digested]:
    digester = Digester({"sha256": Sha256}, threads)
    digester.submit(tasks)
    digester.hurry()
    wait_for_all(digester, lambda: False, lambda: None)
    digester.close()
    return digester.done["input"]


def digest_one(path: Path, expected: FileStat | None) -> digest.Digested:
    return digest_all(Task(os.fsencode(path), expected, SHA))[os.fsencode(path)]


@pytest.mark.requirement("HASH-2")
@pytest.mark.parametrize("size", [0, 1, 4095, (1 << 20) - 1, 1 << 20, (1 << 20) + 1, 3 << 20])
def test_a_digest_is_of_the_whole_content(tmp_path: Path, size: int) -> None:
    file = tmp_path / "file"
    content = os.urandom(size)
    file.write_bytes(content)
    done = digest_one(file, state(file))
    assert done.hashes == {"sha256": hashlib.sha256(content).hexdigest()}
    assert done.stat == state(file)


@pytest.mark.requirement("HASH-2", "HASH-5")
@pytest.mark.parametrize(
    "change", ["same size", "longer", "replaced", "touched", "mtime set back", "other permissions"]
)
def test_another_state_than_the_one_meant_has_no_digest(tmp_path: Path, change: str) -> None:
    file = tmp_path / "file"
    file.write_bytes(b"before")
    meant = state(file)
    if change == "replaced":
        (tmp_path / "new").write_bytes(b"before")
        os.replace(tmp_path / "new", file)
    elif change == "touched":
        os.utime(file, ns=(meant.mtime_ns, meant.mtime_ns + 1))
    elif change == "mtime set back":
        file.write_bytes(b"edited")
        os.utime(file, ns=(meant.mtime_ns, meant.mtime_ns))
    elif change == "other permissions":
        file.chmod(0o600)
    else:
        file.write_bytes(b"edited" if change == "same size" else b"edited more")
    done = digest_one(file, meant)
    assert done.hashes == {}
    assert done.reason == digest.CHANGED


@pytest.mark.requirement("HASH-2")
def test_a_file_that_is_gone_has_a_reason(tmp_path: Path) -> None:
    file = tmp_path / "file"
    file.write_bytes(b"x")
    meant = state(file)
    file.unlink()
    assert digest_one(file, meant).reason == digest.GONE


@pytest.mark.requirement("HASH-2")
def test_a_file_replaced_by_a_fifo_does_not_hang(tmp_path: Path) -> None:
    file = tmp_path / "file"
    file.write_bytes(b"x")
    meant = state(file)
    file.unlink()
    os.mkfifo(file)
    assert digest_one(file, meant).hashes == {}


@pytest.mark.requirement("HASH-2")
def test_a_file_replaced_by_a_link_has_no_digest(tmp_path: Path) -> None:
    file, other = tmp_path / "file", tmp_path / "other"
    file.write_bytes(b"x")
    meant = state(file)
    os.rename(file, other)
    file.symlink_to(other)
    assert digest_one(file, meant).hashes == {}


@pytest.mark.requirement("HASH-2")
def test_a_file_that_grows_while_it_is_hashed_is_noticed(tmp_path: Path) -> None:
    file = tmp_path / "file"
    file.write_bytes(bytes(4 << 20))
    reading = threading.Event()

    class Slow(Sha256):
        """Lets the file grow after the first block."""

        @classmethod
        def new(cls) -> object:  # type: ignore[override]
            inner = hashlib.sha256()

            class Digest:
                def update(self, data: bytes) -> None:
                    if not reading.is_set():
                        reading.set()
                        with open(file, "ab") as more:
                            more.write(b"more")
                    inner.update(data)

                def hexdigest(self) -> str:
                    return inner.hexdigest()

            return Digest()

    digester = Digester({"sha256": Slow}, 1)
    digester.submit([Task(os.fsencode(file), state(file), SHA)])
    wait_for_all(digester, lambda: False, lambda: None)
    digester.close()
    done = digester.done["input"][os.fsencode(file)]
    assert done.hashes == {}
    assert done.reason == digest.WHILE_HASHING


@pytest.mark.requirement("HASH-3")
def test_many_files_are_hashed_by_several_threads(tmp_path: Path) -> None:
    tasks = []
    for i in range(1000):
        file = tmp_path / str(i)
        file.write_bytes(b"%d" % i)
        tasks.append(Task(os.fsencode(file), state(file), SHA))
    done = digest_all(*tasks, threads=4)
    assert {done[t.path].hashes["sha256"] for t in tasks} == {
        hashlib.sha256(b"%d" % i).hexdigest() for i in range(1000)
    }


@pytest.mark.requirement("HASH-2")
def test_interrupted_hashing_says_so(tmp_path: Path) -> None:
    file = tmp_path / "file"
    file.write_bytes(b"x")
    digester = Digester({"sha256": Sha256}, 1)
    digester.stop()
    digester.submit([Task(os.fsencode(file), state(file), SHA)])
    wait_for_all(digester, lambda: True, lambda: None)
    digester.close()
    assert digester.done["input"][os.fsencode(file)].reason == digest.INTERRUPTED


@pytest.mark.requirement("HASH-2")
def test_a_new_name_does_not_take_the_digest_away(tmp_path: Path) -> None:
    file = tmp_path / "file"
    file.write_bytes(b"content")
    meant = state(file)
    os.link(file, tmp_path / "other")
    path = os.fsencode(file)
    assert digest_all(Task(path, meant, SHA))[path].hashes == {}
    done = digest_all(Task(path, meant, SHA, "input", True))[path]
    assert done.hashes == {"sha256": hashlib.sha256(b"content").hexdigest()}


@pytest.mark.requirement("HASH-3", "PERF-3")
def test_many_small_files_are_shared_with_other_processes(tmp_path: Path) -> None:
    tasks = []
    for i in range(9000):
        file = tmp_path / str(i)
        file.write_bytes(b"%d" % i)
        tasks.append(Task(os.fsencode(file), state(file), SHA, "output"))
    (tmp_path / "4500").write_bytes(b"changed")
    (tmp_path / "8999").unlink()
    digester = Digester({"sha256": Sha256}, 4)
    digester.hurry()
    digester.share(tasks)
    assert digester._helpers, "no other process was asked"
    wait_for_all(digester, lambda: False, lambda: None)
    digester.close()
    done = digester.done["output"]
    assert len(done) == 9000
    assert done[tasks[4500].path].reason == digest.CHANGED
    assert done[tasks[8999].path].reason == digest.GONE
    for i in (0, 4499, 4501, 8998):
        assert done[tasks[i].path].hashes == {"sha256": hashlib.sha256(b"%d" % i).hexdigest()}
        assert done[tasks[i].path].stat is tasks[i].expected


@pytest.mark.requirement("HASH-2")
@pytest.mark.parametrize("interrupted", [False, True])
def test_what_a_killed_process_left_over_is_hashed_or_said_to_be_interrupted(tmp_path: Path, interrupted: bool) -> None:
    file = tmp_path / "file"
    file.write_bytes(b"content")
    task = Task(os.fsencode(file), state(file), SHA)
    digester = Digester({"sha256": Sha256}, 4)
    digester.share([task] * 9000)
    for helper in digester._helpers:
        helper.kill()
    wait_for_all(digester, lambda: interrupted, lambda: None)
    digester.close()
    reason = digester.done["input"][task.path].reason
    assert reason in ((digest.INTERRUPTED, None) if interrupted else (None,))
