"""`roar log`."""

from __future__ import annotations

import time
from datetime import UTC, datetime, timedelta

import pytest
from cli.recorder import START_NS, Recorder

from roar.cli.when import moment_ns

NOW = datetime(2026, 11, 23, 12, 30, tzinfo=UTC)


@pytest.fixture
def jobs(recorder: Recorder) -> Recorder:
    recorder.write("a", "a")
    recorder.write("b", "b")
    recorder.record("one", reads=["a"], labels={"k": "v", "team": "x"})
    recorder.record("two", reads=["b"], labels={"k": "v"}, exit_code=2, status="failed")
    recorder.record("three", reads=["a"], exit_code=None, status="interrupted", verdict="partial", reasons=("killed",))
    recorder.record("four", kind="build", writes={"c": "c"})
    return recorder


def refs(recorder: Recorder, *options: str) -> list[str]:
    return [job["ref"] for job in recorder.json("log", *options)["jobs"]]


@pytest.mark.requirement("SHOW-6", "SHOW-7")
@pytest.mark.parametrize(
    ("options", "expected"),
    [
        ((), ["@B1", "@3", "@2", "@1"]),
        (("-n", "2"), ["@B1", "@3"]),
        (("-n", "0"), []),
        (("--failed",), ["@2"]),
        (("--path", "a"), ["@3", "@1"]),
        (("--path", "nothing"), []),
        (("--path", "."), ["@B1", "@3", "@2", "@1"]),
        (("--label", "k=v"), ["@2", "@1"]),
        (("--label", "k=v", "--label", "team=x"), ["@1"]),
        (("--label", "k=w"), []),
        (("--label", "k"), ["@2", "@1"]),
        (("--label", "k", "--label", "team"), ["@1"]),
        (("--label", "tea"), []),
        (("--session", "1", "--failed"), ["@2"]),
        (("--since", "2027-01-15T08:02:30+00:00"), ["@B1", "@3"]),
    ],
)
def test_jobs_are_chosen_by_the_options(jobs: Recorder, options: tuple[str, ...], expected: list[str]) -> None:
    assert refs(jobs, *options) == expected


@pytest.mark.requirement("SHOW-6", "EXP-0")
def test_a_line_a_job_newest_first_with_its_end_and_verdict(jobs: Recorder) -> None:
    lines = jobs.roar("log").stdout.splitlines()
    assert [line.split()[0] for line in lines] == ["@B1", "@3", "@2", "@1"]
    assert "interrupted" in lines[1] and lines[1].endswith("three  (partial: killed)")
    assert "exit 2" in lines[2] and "complete" in lines[2]


@pytest.mark.requirement("SHOW-7")
def test_the_same_job_reads_the_same_in_log_and_show(jobs: Recorder) -> None:
    logged = jobs.json("log")["jobs"][-1]
    shown = jobs.json("show", "@1")["job"]
    del shown["environment"]
    for edge in shown["inputs"] + shown["outputs"]:
        del edge["state"]
    assert logged == shown


@pytest.mark.requirement("SHOW-6")
def test_an_empty_log_is_an_empty_list_and_a_hint_on_stderr(recorder: Recorder) -> None:
    recorder.storage().close()
    done = recorder.roar("log")
    assert done.stdout == "" and "roar run" in done.stderr
    assert recorder.json("log")["jobs"] == []


@pytest.mark.requirement("SHOW-6")
def test_jobs_of_closed_sessions_are_listed_on_request(jobs: Recorder) -> None:
    jobs.roar("reset", "-y")
    assert refs(jobs) == []
    assert "roar log --all-sessions" in jobs.roar("log").stderr
    assert refs(jobs, "--all-sessions") == ["@B1", "@3", "@2", "@1"]
    jobs.roar("session", "name", "early", "1")
    assert refs(jobs, "--session", "early") == refs(jobs, "--session", "1") == ["@B1", "@3", "@2", "@1"]
    assert refs(jobs, "--session", "2") == []
    done = jobs.roar("log", "--session", "erly", ok=False)
    assert done.returncode == 1 and "Did you mean: roar session use 1" in done.stderr


@pytest.mark.requirement("SHOW-7")
def test_a_log_longer_than_one_portion_is_complete_and_in_order(recorder: Recorder) -> None:
    for number in range(230):
        recorder.record("step", str(number))
    assert refs(recorder) == [f"@{number}" for number in range(230, 0, -1)]
    assert refs(recorder, "-n", "150") == [f"@{number}" for number in range(230, 80, -1)]
    none = recorder.roar("log", "-n", "0")
    assert (none.stdout, none.stderr) == ("", "")


@pytest.mark.requirement("SHOW-6")
@pytest.mark.parametrize(
    ("text", "ago"),
    [
        ("90m", timedelta(minutes=90)),
        ("2h", timedelta(hours=2)),
        ("3 days ago", timedelta(days=3)),
        ("1 week", timedelta(weeks=1)),
        ("an hour ago", timedelta(hours=1)),
        ("last week", timedelta(weeks=1)),
        ("2 months ago", timedelta(days=60)),
        ("9:05", timedelta(hours=3, minutes=25)),
        ("22:00", timedelta(hours=14, minutes=30)),
        ("now", timedelta()),
        ("today", timedelta(hours=12, minutes=30)),
        ("Yesterday", timedelta(days=1, hours=12, minutes=30)),
        ("2026-11-22", timedelta(days=1, hours=12, minutes=30)),
        ("2026-11-23 12:00", timedelta(minutes=30)),
        ("2026-11-23T12:30:00+02:00", timedelta(hours=2)),
    ],
)
def test_moments_are_understood_as_people_type_them(text: str, ago: timedelta) -> None:
    assert moment_ns(text, NOW) == round((NOW - ago).timestamp()) * 10**9


@pytest.mark.requirement("SHOW-6")
def test_seconds_since_the_epoch_are_a_moment() -> None:
    assert moment_ns("1700000000", NOW) == moment_ns("@1700000000", NOW) == 1_700_000_000 * 10**9


@pytest.mark.requirement("SAFE-4")
@pytest.mark.parametrize(
    "text", ["", "soonish", "2h ago yesterday", "2026-13-01", "999999999w", "1e9d", "-2h", "25:00", "week", "a"]
)
def test_what_is_no_moment_is_none(text: str) -> None:
    assert moment_ns(text, NOW) is None


@pytest.mark.requirement("SHOW-6")
def test_a_span_reaches_back_from_now(recorder: Recorder) -> None:
    recorder.record("old", started_ns=START_NS - 10**18, ended_ns=START_NS - 10**18)
    recorder.record("new", started_ns=time.time_ns(), ended_ns=time.time_ns())
    assert refs(recorder, "--since", "1h") == ["@2"]


@pytest.mark.requirement("SHOW-6")
def test_a_folder_stands_for_what_is_in_it(recorder: Recorder) -> None:
    recorder.record("one", writes={"data/deep/a": "1"})
    recorder.record("two", writes={"database": "2"})
    recorder.record("three", reads=["data/deep/a"])
    for folder in ("data", "data/", "./data/deep", str(recorder.root / "data")):
        assert refs(recorder, "--path", folder) == ["@3", "@1"], folder
    assert refs(recorder, "--path", "data", "-n", "1") == ["@3"]
    assert refs(recorder, "--path", "dat") == []
