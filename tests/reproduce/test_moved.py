"""What a step's words and environment mean when its repository was moved since."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from store.builders import git_state, job_record

from roar.api.records import Job
from roar.api.storage import Site
from roar.reproduce.mapping import environment_now, former_root, words_now
from roar.store.sqlite import SqliteStorage

pytestmark = pytest.mark.requirement("REP-1")

OLD, NEW = b"/w/old", b"/far/off/new"
WORDS = (
    "python",
    "/w/old/train.py",
    "--out=/w/old",
    "/w/old-2/x",
    "a:/w/old/b",
    "../../in",
    "--data=../here",
    "-c",
    "x = 1",
)
ENVIRONMENT: dict[str, Any] = {
    "variables": {"PYTHONPATH": "/lib:/w/old/src", "SECRET": {"set": True, "digest": "ab"}},
    "python": [{"prefix": "/w/old/.venv", "imported": True, "other_sites": ["/w/old", "/usr"]}],
    "streams": {"1": {"path": "/w/old/log", "mode": "w"}},
    "system": {"cores": 2, "gpu": None},
}


@pytest.fixture(params=[OLD, NEW], ids=["still there", "moved"])
def job(request: pytest.FixtureRequest, tmp_path: Path) -> Job:
    """A job that was recorded in `OLD`/sub, as it is read at a place."""
    storage = SqliteStorage.open(f"sqlite://{tmp_path}/roar.db")
    storage.attach(Site(OLD))
    storage.record(job_record(command=WORDS, cwd=OLD + b"/sub", git=git_state(root=OLD, cwd=b"sub")))
    storage.attach(Site(request.param))
    (found,) = storage.jobs()
    storage.close()
    return found


def test_words_mean_the_files_that_they_meant(job: Job) -> None:
    if former_root(job) is None:
        assert words_now(job) == WORDS
        return
    assert former_root(job) == OLD
    assert words_now(job) == (
        "python", "/far/off/new/train.py", "--out=/far/off/new", "/w/old-2/x", "a:/far/off/new/b", "/w/in", "--data=../here",
        "-c", "x = 1",
    )  # fmt: skip


def test_an_environment_names_the_repository_where_it_is(job: Job) -> None:
    now = environment_now(job, ENVIRONMENT)
    if former_root(job) is None:
        assert now == ENVIRONMENT
        return
    assert now == {
        "variables": {"PYTHONPATH": "/lib:/far/off/new/src", "SECRET": {"set": True, "digest": "ab"}},
        "python": [{"prefix": "/far/off/new/.venv", "imported": True, "other_sites": ["/far/off/new", "/usr"]}],
        "streams": {"1": {"path": "/far/off/new/log", "mode": "w"}},
        "system": {"cores": 2, "gpu": None},
    }
