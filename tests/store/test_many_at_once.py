"""Many processes at once, and processes that are killed."""

from __future__ import annotations

import multiprocessing
import os
import random
import signal
import sys
import time
from collections.abc import Callable
from multiprocessing.synchronize import Barrier
from pathlib import Path

import pytest
from store.builders import edge, job_record

from roar.api import JobQuery, Storage
from roar.store import roar_storages
from roar.store.postgresql import PostgresqlStorage
from roar.store.sqlite import SqliteStorage

Open = Callable[..., Storage]
fork = multiprocessing.get_context("fork")
WRITERS = 64


def _open(url: str) -> Storage:
    return roar_storages()[url.partition(":")[0]].open(url)


def _record_one(url: str, number: int, together: Barrier) -> None:
    together.wait(300)
    store = _open(url)
    store.record(
        job_record(
            [edge(b"/w/shared"), edge(b"/w/in%d" % number)], [edge(b"/w/out%d" % number, b"%d" % (number % 8))],
            uid=f"{number:032x}",
        )
    )  # fmt: skip
    store.close()


@pytest.mark.requirement("RUN-7")
def test_jobs_that_end_together_in_a_new_store_are_all_recorded(
    url: str, open_store: Open, monkeypatch: pytest.MonkeyPatch
) -> None:
    for storage in (SqliteStorage, PostgresqlStorage):  # how slow the disk is, is not the question
        monkeypatch.setattr(storage, "wait_s", 300.0)
    together = fork.Barrier(WRITERS)
    processes = [fork.Process(target=_record_one, args=(url, number, together)) for number in range(WRITERS)]
    for process in processes:
        process.start()
    for process in processes:
        process.join(600)
    assert [process.exitcode for process in processes] == [0] * WRITERS
    store = open_store()
    jobs = store.jobs()
    assert sorted(job.uid for job in jobs) == [f"{number:032x}" for number in range(WRITERS)]
    assert [job.step for job in jobs] == list(range(WRITERS, 0, -1))
    assert [(session.active, session.jobs) for session in store.sessions()] == [(True, WRITERS)]
    assert len(store.edges_at(b"/w/shared")) == WRITERS
    assert list(store.integrity()) == []


@pytest.mark.requirement("SHOW-7")
def test_reading_does_not_wait_for_a_writer(open_store: Open) -> None:
    writer, reader = open_store(), open_store(read_only=True)
    writer.record(job_record())
    with writer._engine.transaction():
        assert [job.step for job in reader.jobs()] == [1]
        assert [job.step for job in open_store(read_only=True).jobs()] == [1]


def _record_until_killed(url: str, acknowledge: int, known: int) -> None:
    """Tells the uid of each job once it is recorded."""
    store = _open(url)
    while True:
        known += 1
        files = [edge(b"/w/%d" % number, b"%d %d" % (known % 5, number)) for number in range(known % 40)]
        job = job_record(files, [edge(b"/w/out", b"%d" % known)], labels={"n": str(known)})
        store.record(job)
        os.write(acknowledge, f"{job.uid}\n".encode())


def _killed_round(url: str, number: int, moment_s: float) -> list[str]:
    """Records jobs in a process that is killed some time after its first one, and gives the uids that it had told."""
    reading, writing = os.pipe()
    child = os.fork()
    if child == 0:
        try:
            _record_until_killed(url, writing, number * 1_000)
        except BaseException as error:
            sys.stderr.write(f"{error!r}\n")
        finally:
            os._exit(1)
    os.close(writing)
    with os.fdopen(reading) as pipe:
        first = pipe.readline()
        time.sleep(moment_s)  # any moment will do
        os.kill(child, signal.SIGKILL)
        told = [first.strip(), *(line.strip() for line in pipe)]
    assert os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == -signal.SIGKILL
    return told


@pytest.mark.requirement("SAFE-1", "RUN-6")
@pytest.mark.parametrize(("url", "rounds"), [("sqlite", 40), ("postgresql", 8)], indirect=["url"])
def test_a_kill_at_any_moment_loses_no_recorded_job(
    url: str, rounds: int, open_store: Open, left_alone: Callable[[], None]
) -> None:
    moments = random.Random(1)
    told: list[str] = []
    for number in range(rounds):
        told += _killed_round(url, number, moments.uniform(0, 0.03))
        left_alone()
        store = open_store()
        found = {job.uid for job in store.jobs(JobQuery(limit=len(told) + 100))}
        assert found >= set(told), f"round {number}"
        assert len(found) - len(told) <= number + 1  # at most one a round was recorded and not yet told
        assert list(store.integrity()) == [], f"round {number}"
        store.close()
    assert [job.step for job in open_store().jobs()] == list(range(len(found), 0, -1))


@pytest.mark.requirement("SAFE-1")
def test_a_kill_while_the_database_is_made_leaves_one_that_can_be_made(tmp_path: Path) -> None:
    moments = random.Random(2)
    for number in range(30):
        url = f"sqlite:///{tmp_path / f'{number}.db'}"
        child = os.fork()
        if child == 0:
            try:
                _open(url)
            finally:
                os._exit(0)
        time.sleep(moments.uniform(0, 0.02))  # any moment will do
        os.kill(child, signal.SIGKILL)
        os.waitpid(child, 0)
        reader = roar_storages()["sqlite"].open(url, read_only=True)
        assert reader.jobs() == [] and reader.active_session().jobs == 0
        reader.close()
        store = _open(url)
        assert store.record(job_record()).step == 1
        assert list(store.integrity()) == []
        store.close()
