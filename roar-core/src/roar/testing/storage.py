"""What every storage must do."""
# ruff: noqa: S101 - asserts are what a test kit is made of

from __future__ import annotations

import os
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from hashlib import sha256
from itertools import pairwise
from pathlib import Path
from typing import Any

import pytest

from roar.api.errors import NotFound, Refused, StorageUnusable
from roar.api.events import FileStat
from roar.api.records import Capture, Composite, Edge, GitState, JobRecord, LabelSubject
from roar.api.storage import JobQuery, Storage

_NAMES = (b"/w/plain", b"/w/\xff\xfe", b"/w/new\nline", b"/w/\x1b[31mred", b"/w/" + b"d/" * 2400 + b"f", b"/w/\xc3\xa9")
_START_NS = 1_700_000_000_000_000_000


def edge(path: bytes, content: str | None = "x", size: int = 1, reason: str | None = None) -> Edge:
    """An edge to a file with this content; None: of unknown content."""
    if content is None:
        return Edge(path, {}, None, None, reason or "it was gone", False)
    digests = {"sha256": sha256(content.encode()).hexdigest(), "blake3": sha256(b"3" + content.encode()).hexdigest()}
    stat = FileStat(1, sum(path), size, _START_NS, _START_NS, 0o100644)
    return Edge(path, digests, size, stat, reason)


def job(inputs: Sequence[Edge] = (), outputs: Sequence[Edge] = (), **changes: Any) -> JobRecord:
    """A finished job with these edges, other fields as given."""
    count = len(inputs) + len(outputs)
    return JobRecord(
        uid=os.urandom(16).hex(),
        kind="run",
        command=("python", "train.py"),
        name=None,
        labels={},
        parameters={},
        cwd=b"/w",
        started_ns=_START_NS,
        ended_ns=_START_NS + 1_000_000_000,
        recording_s=0.1,
        cpu_s=0.5,
        max_rss_bytes=1 << 20,
        exit_code=0,
        status="ok",
        tracer="preload",
        tracer_version="0.1.0",
        capture=Capture("complete", (), count, count, 0, 0),
        git=None,
        environment={"packages": {"numpy": "2.0"}},
        inputs=tuple(inputs),
        outputs=tuple(outputs),
    )._replace(**changes)


class StorageContract:
    """Subclass it, set `storage` to the class, and override `url`, which gives the URL of a new, empty store."""

    storage: type[Storage]

    @pytest.fixture
    def url(self, tmp_path: Path) -> str:
        """Of a store that does not exist yet, or is empty."""
        return f"sqlite:///{tmp_path / 'store.db'}"

    @pytest.fixture
    def store(self, url: str) -> Iterator[Storage]:
        """An open store."""
        opened = self.storage.open(url)
        yield opened
        opened.close()

    # ---- recording

    def test_a_job_comes_back_as_it_was_recorded(self, store: Storage) -> None:
        """Every field."""
        record = job(
            command=("sh", "-c", "a\nb", "\udcff"),
            name="train",
            labels={"k": "v w"},
            parameters={"lr": 0.1, "layers": [1, 2]},
            cwd=b"/w/\xff",
            exit_code=3,
            status="failed",
            capture=Capture("partial", ("a reason",), 5, 0, 4, 1, ("a note",)),
            git=GitState("c" * 40, "main", "https://example.org/r.git", b"/w", b"sub", True, b"patch"),
        )
        recorded = store.record(record)
        found = store.job_at(recorded.step)
        assert found is not None and (found.uid, found.session) == (record.uid, recorded.session)
        for field in set(found._fields) & set(record._fields) - {"git", "inputs", "outputs", "filtered"}:
            assert getattr(found, field) == getattr(record, field), field
        assert found.git is not None and record.git is not None
        assert found.git == record.git._replace(patch=None)
        assert store.patch(found.id) == b"patch"
        assert store.environment(found.id) == record.environment

    def test_a_job_that_is_recorded_twice_is_there_once(self, store: Storage) -> None:
        """Recovery may try again what had succeeded."""
        record = job([edge(b"/w/a")], [edge(b"/w/b", "b")])
        assert store.record(record) == store.record(record)
        assert len(store.jobs()) == 1
        assert len(list(store.edges([store.jobs()[0].id]))) == 2

    def test_steps_count_up_by_kind(self, store: Storage) -> None:
        """Runs and builds have numbers of their own, from 1."""
        kinds = ("run", "build", "run", "run", "build")
        steps = [store.record(job(kind=kind)).step for kind in kinds]
        assert steps == [1, 1, 2, 3, 2]
        assert [found.ref for found in store.jobs()] == ["@B2", "@3", "@2", "@B1", "@1"]

    def test_edges_come_back_whole(self, store: Storage) -> None:
        """Names are bytes; digests, sizes and reasons are kept; unknown content stays unknown."""
        inputs = [edge(name, f"content {number}", number) for number, name in enumerate(_NAMES)]
        outputs = [edge(b"/w/gone", None), edge(b"/w/out", "o")]
        recorded = store.record(job(inputs, outputs))
        found = store.job_at(recorded.step)
        assert found is not None and (found.inputs, found.outputs) == (len(inputs), len(outputs))
        for direction, given in (("input", inputs), ("output", outputs)):
            kept = {one.path: one for one in store.edges([found.id]) if one.direction == direction}
            assert set(kept) == {one.path for one in given}
            for one in given:
                back = kept[one.path]
                assert dict(back.hashes) == dict(one.hashes)
                assert (back.size, back.missing_reason, back.tracked) == (one.size, one.missing_reason, one.tracked)

    def test_one_content_is_one_artifact(self, store: Storage) -> None:
        """However many paths and jobs it has."""
        store.record(job([edge(b"/w/a", "same")], [edge(b"/w/b", "same"), edge(b"/w/c", "other")]))
        store.record(job([edge(b"/w/b", "same")]))
        (artifact,) = store.artifacts_by_digest(edge(b"", "same").hashes["sha256"][:12])
        paths = [one.path for one in store.edges_of([artifact.id])]
        assert sorted(paths) == [b"/w/a", b"/w/b", b"/w/b"]

    def test_many_files_are_recorded_at_once(self, store: Storage) -> None:
        """More than a statement's parameters can hold."""
        inputs = [edge(b"/w/in%d" % number, f"c{number % 7000}") for number in range(20_000)]
        store.record(job(inputs))
        (found,) = store.jobs()
        assert found.inputs == len(inputs)
        assert len(store.known([one.path for one in inputs])) == len(inputs)
        assert sum(1 for _ in store.edges([found.id])) == len(inputs)

    def test_jobs_recorded_at_the_same_time_are_all_there(self, url: str, store: Storage) -> None:
        """Each once, with steps that have no gaps."""

        def record(number: int) -> None:
            mine = self.storage.open(url)
            try:
                mine.record(job([edge(b"/w/a", "a")], [edge(b"/w/o%d" % number, f"o{number}")]))
            finally:
                mine.close()

        with ThreadPoolExecutor(8) as pool:
            list(pool.map(record, range(24)))
        assert sorted(found.step for found in store.jobs()) == list(range(1, 25))

    # ---- finding

    def test_jobs_are_found_by_what_is_known_of_them(self, store: Storage) -> None:
        """Newest first; by prefix, failure, path, label, time and number."""
        first = job([edge(b"/w/a")], labels={"k": "v"})
        second = job([], [edge(b"/w/b", "b")], exit_code=1, status="failed", started_ns=_START_NS + 10)
        third = job(kind="build", started_ns=_START_NS + 20)
        for record in (first, second, third):
            store.record(record)

        def uids(**conditions: Any) -> list[str]:
            return [found.uid for found in store.jobs(JobQuery(**conditions))]

        assert uids() == [third.uid, second.uid, first.uid]
        assert uids(limit=1) == [third.uid]
        assert uids(kind="build") == [third.uid]
        assert uids(failed=True) == [second.uid]
        assert uids(path=b"/w/a") == [first.uid]
        assert uids(path=b"/w/") == [second.uid, first.uid]
        assert uids(labels={"k": "v"}) == [first.uid]
        assert uids(labels={"k": "other"}) == []
        assert uids(since_ns=_START_NS + 10) == [third.uid, second.uid]
        assert [found.uid for found in store.jobs_by_uid(first.uid[:20])] == [first.uid]
        assert store.jobs_by_uid("zz") == []
        assert store.job_at(99) is None

    def test_edges_are_found_by_path(self, store: Storage) -> None:
        """Newest job first."""
        store.record(job([], [edge(b"/w/a", "1")]))
        store.record(job([edge(b"/w/a", "1")], [edge(b"/w/b", "2")]))
        assert [one.direction for one in store.edges_at(b"/w/a")] == ["input", "output"]
        assert store.edges_at(b"/w/none") == []

    def test_the_newest_digest_at_a_path_is_known(self, store: Storage) -> None:
        """With the file's state at that moment; not for one whose content was not known."""
        store.record(job([], [edge(b"/w/a", "old")]))
        store.record(job([], [edge(b"/w/a", "new", 3), edge(b"/w/gone", None)]))
        known = store.known([b"/w/a", b"/w/gone", b"/w/never"])
        assert set(known) == {b"/w/a"}
        stat, hashes = known[b"/w/a"]
        assert stat == edge(b"/w/a", "new", 3).stat and dict(hashes) == dict(edge(b"", "new").hashes)

    def test_what_the_session_made_is_known(self, store: Storage) -> None:
        """Outputs, not inputs."""
        store.record(job([edge(b"/w/in")], [edge(b"/w/out", "o")]))
        assert store.generated([b"/w/in", b"/w/out", b"/w/none"]) == {b"/w/out"}

    def test_lineage_goes_both_ways(self, store: Storage) -> None:
        """To any depth, each job once, oldest first."""
        chain = [edge(b"/w/%d" % number, f"c{number}") for number in range(6)]
        for before, after in pairwise(chain):
            store.record(job([before, edge(b"/w/shared", "s")], [after]))
        store.record(job([], [edge(b"/w/stray", "stray")]))
        jobs = [found.id for found in reversed(store.jobs())]
        (last,) = store.artifacts_by_digest(chain[-1].hashes["sha256"])
        (start,) = store.artifacts_by_digest(chain[0].hashes["sha256"])
        assert store.ancestors([last.id]) == jobs[:5]
        assert store.ancestors([last.id], depth=2) == jobs[3:5]
        assert store.descendants([start.id]) == jobs[:5]
        assert store.descendants([start.id], depth=1) == jobs[:1]
        assert store.ancestors([]) == []

    def test_lineage_with_a_cycle_ends(self, store: Storage) -> None:
        """A job that leaves a file as it was makes one."""
        store.record(job([edge(b"/w/a", "a")], [edge(b"/w/b", "b")]))
        store.record(job([edge(b"/w/b", "b")], [edge(b"/w/a", "a")]))
        (artifact,) = store.artifacts_by_digest(edge(b"", "a").hashes["sha256"])
        assert len(store.ancestors([artifact.id])) == 2

    # ---- the rest of a job

    def test_what_was_filtered_and_composed_is_kept(self, store: Storage) -> None:
        """Counts with the job, names on request."""
        composite = Composite(b"/w/z.zarr", "zarr", "d" * 64, "blake3", 3, 30, "output")
        filtered = {
            "temp files": ((b"/tmp/\xff", "output"), (b"/tmp/b", "input")),
            "package files": ((b"/p", "input"),),
        }
        store.record(job(composites=(composite,), filtered=filtered))
        (found,) = store.jobs()
        assert dict(found.filtered) == {"temp files": 2, "package files": 1}
        assert sorted(store.filtered(found.id)) == sorted(
            (name, path, direction) for name, files in filtered.items() for path, direction in files
        )
        assert store.composites([found.id]) == {found.id: [composite]}

    def test_an_interrupted_job_is_kept_with_what_is_known(self, store: Storage) -> None:
        """No exit code."""
        store.record(job(status="interrupted", exit_code=None))
        (found,) = store.jobs()
        assert (found.status, found.exit_code) == ("interrupted", None)

    # ---- sessions

    def test_a_new_session_counts_from_one_and_the_old_one_stays(self, store: Storage) -> None:
        """Only one is active."""
        old = store.active_session()
        store.record(job([], [edge(b"/w/a")]))
        new = store.new_session("second")
        assert new.id != old.id and store.active_session().id == new.id
        assert store.record(job()).step == 1
        assert store.generated([b"/w/a"]) == set()
        assert store.generated([b"/w/a"], old.id) == {b"/w/a"}
        assert [(one.id, one.active, one.jobs, one.name) for one in store.sessions()] == [
            (new.id, True, 1, "second"),
            (old.id, False, 1, old.name),
        ]
        assert len(store.jobs()) == 2 and len(store.jobs(JobQuery(session=old.id))) == 1

    def test_an_older_session_can_be_gone_on_with(self, store: Storage) -> None:
        """Its steps count on; exactly one session is active."""
        old = store.active_session()
        store.record(job())
        new = store.new_session()
        assert store.use_session(old.id) == old._replace(jobs=1)
        assert [one.id for one in store.sessions() if one.active] == [old.id]
        assert store.record(job()).step == 2 and store.use_session(new.id).jobs == 0
        with pytest.raises(NotFound):
            store.use_session(new.id + 7)
        assert store.active_session().id == new.id

    def test_a_session_has_a_name_that_no_other_has(self, store: Storage) -> None:
        """Any text; it can be changed and taken away."""
        first = store.active_session()
        assert store.name_session(first.id, "a\n\udcff").name == "a\n\udcff"
        second = store.new_session()
        with pytest.raises(Refused):
            store.new_session("a\n\udcff")
        with pytest.raises(Refused):
            store.name_session(second.id, "a\n\udcff")
        assert store.active_session().id == second.id
        assert store.name_session(first.id, "a\n\udcff").name == "a\n\udcff"
        assert store.name_session(first.id, None).name is None
        assert store.name_session(second.id, "a\n\udcff") == store.active_session()
        with pytest.raises(NotFound):
            store.name_session(99, "x")

    def test_the_last_job_of_a_session_can_be_dropped(self, store: Storage) -> None:
        """With what belonged to it alone; what others refer to stays; its number is given to the next."""
        patched = GitState("c" * 40, None, None, b"/w", b"", True, b"patch")
        own = job([edge(b"/w/in"), edge(b"/w/mine", "m")], [edge(b"/w/out", "o")], git=patched, labels={"k": "v"})
        store.record(job([], [edge(b"/w/in")]))
        store.record(
            own._replace(
                composites=(Composite(b"/w/z", "zarr", "d" * 64, "blake3", 3, 30, "output"),),
                filtered={"temp files": ((b"/tmp/a", "input"),)},
            )
        )
        second, first = store.jobs()
        with pytest.raises(Refused):
            store.drop_job(first.id)
        (artifact,) = store.artifacts_by_digest(edge(b"", "o").hashes["sha256"])
        store.set_labels("artifact", artifact.id, {"best": ""})
        store.drop_job(second.id)
        assert [found.uid for found in store.jobs()] == [first.uid]
        assert store.artifacts_by_digest(edge(b"", "o").hashes["sha256"]) == []
        assert store.artifacts_by_digest(edge(b"", "m").hashes["blake3"]) == []
        assert len(store.artifacts_by_digest(edge(b"").hashes["blake3"])) == 1
        assert store.edges_at(b"/w/out") == [] and len(store.edges_at(b"/w/in")) == 1
        assert store.labelled() == {} and list(store.integrity()) == []
        with pytest.raises(NotFound):
            store.drop_job(second.id)
        assert store.record(job()).step == 2

    # ---- labels

    def test_labels_are_kept_in_versions(self, store: Storage) -> None:
        """Of sessions, jobs and artifacts alike; what a job was recorded with is its first version."""
        store.record(job([], [edge(b"/w/a")], labels={"k": "recorded"}))
        (found,) = store.jobs()
        (artifact,) = store.artifacts_by_digest(edge(b"").hashes["sha256"])
        session = store.active_session()
        odd = "\udcff\n" + "x" * 250
        subjects: tuple[tuple[LabelSubject, int], ...] = (
            ("job", found.id),
            ("artifact", artifact.id),
            ("session", session.id),
        )
        for subject, number in subjects:
            before = store.label_history(subject, number)
            written = store.set_labels(subject, number, {"k": "1", odd: odd, "tag": ""})
            assert {key: one.value for key, one in written.items()} == {"k": "1", odd: odd, "tag": ""}
            assert store.set_labels(subject, number, {"k": "1", "none": None}) == {}
            assert store.set_labels(subject, number, {"k": None})["k"].value is None
            assert store.labels(subject, [number, 99]) == {number: {odd: odd, "tag": ""}}
            kept = [(one.value, one.version) for one in store.label_history(subject, number, "k")]
            count = len(before)
            assert kept == [(None, count + 2), ("1", count + 1)] + [("recorded", 1)] * count
            times = [one.set_ns for one in store.label_history(subject, number)]
            assert times == sorted(times, reverse=True)
        assert store.jobs()[0].labels == store.active_session().labels == {odd: odd, "tag": ""}
        for subject in ("job", "artifact", "session"):
            with pytest.raises(NotFound):
                store.set_labels(subject, 99, {"k": "v"})

    def test_things_are_found_by_the_labels_that_they_have_now(self, store: Storage) -> None:
        """By key, by value, by both; not by earlier ones."""
        for labels in ({"k": "old"}, {"k": "v", "other": "v"}, {"other": "w"}):
            store.record(job(labels=labels))
        third, second, first = store.jobs()
        store.set_labels("job", first.id, {"k": "new"})
        session = store.active_session()
        store.set_labels("session", session.id, {"k": "v"})
        assert store.labelled("k", "old") == {}
        assert store.labelled("k") == {"session": [session.id], "job": [first.id, second.id]}
        assert store.labelled("k", "v") == {"session": [session.id], "job": [second.id]}
        assert store.labelled(value="v") == {"session": [session.id], "job": [second.id]}
        assert store.labelled()["job"] == [first.id, second.id, third.id]
        for wanted, expected in (
            ({"k": "old"}, []),
            ({"k": "new"}, [first]),
            ({"k": None}, [second, first]),
            ({"k": None, "other": "v"}, [second]),
        ):
            found = store.jobs(JobQuery(labels=wanted))
            assert [one.id for one in found] == [one.id for one in expected]
        store.set_labels("job", second.id, {"k": None})
        assert [one.id for one in store.jobs(JobQuery(labels={"k": None}))] == [first.id]

    # ---- opening

    def test_what_was_recorded_is_there_when_it_is_opened_again(self, url: str, store: Storage) -> None:
        """Also read only, and while another has it open."""
        record = job([edge(b"/w/a")])
        store.record(record)
        for read_only in (True, False):
            again = self.storage.open(url, read_only=read_only)
            assert [found.uid for found in again.jobs()] == [record.uid]
            again.close()

    def test_a_read_only_store_refuses_to_record(self, url: str, store: Storage) -> None:
        """With the error that explains it."""
        reader = self.storage.open(url, read_only=True)
        try:
            for write in (
                lambda: reader.record(job()),
                lambda: reader.new_session(),
                lambda: reader.use_session(1),
                lambda: reader.name_session(1, "x"),
                lambda: reader.set_labels("session", 1, {"k": "v"}),
                lambda: reader.drop_job(1),
            ):
                with pytest.raises(StorageUnusable):
                    write()
        finally:
            reader.close()
        assert store.jobs() == []

    def test_a_sound_store_has_no_problems(self, store: Storage) -> None:
        """The integrity check doesn't cry wolf."""
        store.record(job([edge(b"/w/a")], [edge(b"/w/b", None)]))
        assert list(store.integrity()) == []
