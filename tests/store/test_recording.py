"""What goes in comes out, on both databases, however odd it is."""

from __future__ import annotations

import uuid
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from store.builders import STARTED_NS, digests, edge, git_state, job_record, stat, unknown

from roar.api import Capture, Composite, Edge, FileStat, GitState, JobQuery, JobRecord, NotFound, Storage, StoredEdge

HASHES = st.dictionaries(
    st.sampled_from(["blake3", "sha256", "md5"]), st.binary(min_size=16, max_size=16).map(bytes.hex), max_size=3
)
UNSIGNED = st.one_of(st.integers(0, 2**64 - 1), st.sampled_from([0, 2**63 - 1, 2**63, 2**64 - 1]))
SIGNED = st.one_of(st.integers(-(2**63), 2**63 - 1), st.sampled_from([-(2**63), 2**63 - 1]))
NAMES = st.binary(min_size=1, max_size=30).map(lambda name: b"/" + name.replace(b"\0", b"\n"))
TEXT = st.text(st.characters(codec=None, exclude_categories=()), max_size=20)
STATS = st.builds(FileStat, UNSIGNED, UNSIGNED, UNSIGNED, SIGNED, SIGNED, st.integers(0, 2**32 - 1))
EDGES = st.builds(
    Edge, NAMES, HASHES, st.none() | UNSIGNED, st.none() | STATS, st.none() | TEXT, st.booleans()
)  # fmt: skip
FILES = st.lists(EDGES, max_size=6, unique_by=lambda edge: edge.path)
JSON = st.recursive(st.none() | st.booleans() | st.integers() | TEXT, lambda inner: st.lists(inner, max_size=3))
COUNTS = st.integers(0, 2**60)
JOBS = st.builds(
    JobRecord,
    uid=st.just(""), kind=st.sampled_from(["run", "build"]),
    command=st.lists(TEXT, min_size=1, max_size=4).map(tuple), name=st.none() | TEXT,
    labels=st.dictionaries(TEXT, TEXT, max_size=3), parameters=st.dictionaries(TEXT, JSON, max_size=3), cwd=NAMES,
    started_ns=SIGNED, ended_ns=SIGNED, recording_s=st.floats(0, 1e6), cpu_s=st.floats(0, 1e6), max_rss_bytes=COUNTS,
    exit_code=st.none() | st.integers(-1, 255), status=st.sampled_from(["ok", "failed", "interrupted"]), tracer=TEXT,
    tracer_version=TEXT,
    capture=st.builds(
        Capture, st.sampled_from(["complete", "partial", "failed"]), st.lists(TEXT, max_size=2).map(tuple),
        COUNTS, COUNTS, COUNTS, COUNTS, st.lists(TEXT, max_size=2).map(tuple),
    ),
    git=st.none() | st.builds(
        GitState, TEXT, st.none() | TEXT, st.none() | TEXT, NAMES, NAMES, st.booleans(), st.none() | st.binary(max_size=40),
        st.none(),
    ),
    environment=st.dictionaries(TEXT, JSON, max_size=3), inputs=FILES, outputs=FILES,
    composites=st.lists(
        st.builds(
            Composite, NAMES, TEXT, st.binary(min_size=1, max_size=40).map(bytes.hex), st.just("blake3"), COUNTS,
            UNSIGNED, st.sampled_from(["input", "output"]),
        ), max_size=2,
    ).map(tuple),
    filtered=st.dictionaries(
        TEXT,
        st.lists(st.tuples(NAMES, st.sampled_from(["input", "output"])), min_size=1, max_size=4, unique=True).map(tuple),
        max_size=3,
    ),
)  # fmt: skip


def _back(store: Storage, uid: str) -> JobRecord:
    """A job as it was given to the storage, from all that it gives back."""
    (job,) = store.jobs_by_uid(uid)
    sides: dict[str, list[Edge]] = {"input": [], "output": []}
    for found in store.edges([job.id]):
        sides[found.direction].append(
            Edge(found.path, found.hashes, found.size, found.stat, found.missing_reason, found.tracked)
        )
    filtered: dict[str, Any] = {}
    for name, path, direction in store.filtered(job.id):
        filtered.setdefault(name, []).append((path, direction))
    assert job.filtered == {name: len(files) for name, files in filtered.items()}
    assert (job.inputs, job.outputs) == (len(sides["input"]), len(sides["output"]))
    fields = {name: getattr(job, name) for name in set(job._fields) & set(JobRecord._fields)}
    fields |= {
        "git": job.git and job.git._replace(patch=store.patch(job.id)),
        "environment": store.environment(job.id),
        "composites": tuple(store.composites([job.id]).get(job.id, ())),
        "filtered": {name: tuple(files) for name, files in filtered.items()},
        "inputs": sides["input"],
        "outputs": sides["output"],
    }
    return JobRecord(**fields)


def _sorted(job: JobRecord) -> JobRecord:
    """The job with its sets in the order in which the storage gives them."""
    return job._replace(
        inputs=sorted(job.inputs, key=lambda edge: edge.path),
        outputs=sorted(job.outputs, key=lambda edge: edge.path),
        filtered={name: tuple(sorted(files)) for name, files in job.filtered.items()},
    )


@pytest.mark.requirement("SAFE-3", "GIT-1", "DIRTY-2", "FILTER-2", "RUN-8", "SHOW-4")
@settings(max_examples=80, suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow])
@given(job=JOBS)
def test_a_job_comes_back_as_it_went_in(store: Storage, job: JobRecord) -> None:
    # Contents get digests of their own: what is said of one content by two examples would be put together.
    own = uuid.uuid4().hex

    def apart(edges: Any, mark: str) -> list[Edge]:
        return [
            edge._replace(hashes={name: f"{own}{mark}{place:02x}{digest}" for name, digest in edge.hashes.items()})
            for place, edge in enumerate(edges)
        ]

    job = job._replace(uid=own, inputs=apart(job.inputs, "00"), outputs=apart(job.outputs, "01"))
    store.record(job)
    assert _back(store, job.uid) == _sorted(job)


@pytest.mark.requirement("NORM-2")
def test_a_file_changed_in_place_is_input_and_output(store: Storage) -> None:
    store.record(job_record([edge(b"/w/a", b"before")], [edge(b"/w/a", b"after")]))
    before, after = store.edges([1])
    assert (before.direction, after.direction) == ("input", "output")
    assert before.path == after.path and before.artifact_id != after.artifact_id


@pytest.mark.requirement("SAFE-3")
def test_paths_of_any_length_are_kept(store: Storage) -> None:
    paths = [b"/" + b"a" * length for length in (1, 2_600, 2_800, 5_000, 70_000)]
    store.record(job_record([edge(path) for path in paths]))
    assert [found.path for found in store.edges([1])] == sorted(paths)
    assert set(store.known(paths)) == set(paths)
    assert len(store.edges_at(paths[-1])) == 1


def test_a_time_beyond_64_bits_is_no_state_to_rely_on(store: Storage) -> None:
    far = edge(b"/w/far", stat=stat(b"/w/far", 6, mtime_ns=253_402_300_800 * 10**9))
    store.record(job_record([far]))
    (found,) = store.edges([1])
    assert found.stat is None and found.hashes == far.hashes


def test_a_path_that_is_given_twice_is_kept_once(store: Storage) -> None:
    store.record(job_record([edge(b"/w/a"), edge(b"/w/a", b"other")]))
    assert store.jobs()[0].inputs == len(list(store.edges([1]))) == 1


@pytest.mark.requirement("RUN-7")
def test_recording_again_changes_nothing(store: Storage) -> None:
    job = job_record([edge(b"/w/in")], [edge(b"/w/out")], labels={"k": "v"})
    first = store.record(job)
    store.new_session()
    assert store.record(job._replace(exit_code=1, inputs=[])) == first
    assert [found.exit_code for found in store.jobs()] == [0]


@pytest.mark.requirement("RUN-5")
def test_steps_are_counted_by_kind_and_session(store: Storage) -> None:
    old = store.active_session()
    steps = [store.record(job_record(kind=kind)).step for kind in ("run", "build", "run")]
    store.new_session("next")
    steps.append(store.record(job_record()).step)
    steps.append(store.record(job_record(), session=old.id).step)
    assert steps == [1, 1, 2, 1, 3]
    assert [job.ref for job in store.jobs(JobQuery(session=old.id))] == ["@3", "@2", "@B1", "@1"]


def test_a_session_that_does_not_exist_takes_no_job(store: Storage) -> None:
    with pytest.raises(NotFound, match="There is no session 99"):
        store.record(job_record(), session=99)
    assert store.jobs() == []


def test_what_jobs_share_is_stored_once(store: Storage) -> None:
    environment = {"packages": {f"package-{number}": "1.0" for number in range(500)}}
    git = git_state(dirty=True, patch=b"diff\n" * 10_000)
    for number in range(5):
        store.record(job_record([edge(b"/w/same")], [edge(b"/w/%d" % number)], environment=environment, git=git))
    rows = store._engine.rows
    for table, count in {"environment": 1, "patch": 1, "commit_state": 1, "path": 6, "artifact": 6}.items():
        assert rows(f"SELECT count(*) FROM {table}") == [(count,)], table
    assert [
        len(blob) < 2_000 for (blob,) in rows("SELECT content FROM environment UNION SELECT content FROM patch")
    ] == [
        True,
        True,
    ]
    assert store.patch(5) == git.patch and store.environment(5) == environment


def test_environments_that_differ_are_kept_apart(store: Storage) -> None:
    for number in range(3):
        store.record(job_record(environment={"packages": {"numpy": str(number)}}))
    assert [store.environment(job)["packages"]["numpy"] for job in (1, 2, 3)] == ["0", "1", "2"]


@pytest.mark.requirement("HASH-6")
def test_further_digests_belong_to_the_content(store: Storage) -> None:
    store.record(job_record([edge(b"/w/a", b"x")]))
    store.record(job_record([], [edge(b"/w/b", b"x", "blake3", "sha256")]))
    assert {tuple(found.hashes) for found in store.edges([1, 2])} == {("blake3", "sha256")}


@pytest.mark.requirement("HASH-1")
@pytest.mark.parametrize(
    "met",
    [
        (["sha256"], ["blake3", "sha256"]),
        (["blake3", "sha256"], ["sha256"]),
        (["blake3"], ["sha256"], ["blake3", "sha256"]),
        (["sha256"], ["blake3"], ["md5"], ["blake3", "md5"], ["sha256", "blake3"]),
        (["md5", "sha256"], ["blake3", "md5"], ["sha256", "blake3"]),
    ],
    ids=str,
)
def test_one_content_is_one_artifact_whatever_digests_it_is_met_by(store: Storage, met: tuple[list[str], ...]) -> None:
    for algorithms in met:
        store.record(job_record([edge(b"/w/a", b"x", *algorithms)], [edge(b"/w/b", b"x", *algorithms)]))
    everything = digests(b"x", *{name for algorithms in met for name in algorithms})
    found: list[StoredEdge] = list(store.edges(range(1, len(met) + 1)))
    assert {edge.artifact_id for edge in found} == {found[0].artifact_id}
    assert all(edge.hashes == everything for edge in found)
    for digest in everything.values():
        assert [artifact.hashes for artifact in store.artifacts_by_digest(digest)] == [everything]
    assert list(store.integrity()) == []


def test_unknown_contents_are_no_artifacts(store: Storage) -> None:
    store.record(job_record([unknown(b"/w/a"), unknown(b"/w/b", "no permission\udcff\0")]))
    assert [(found.artifact_id, found.missing_reason) for found in store.edges([1])] == [
        (None, "it vanished"),
        (None, "no permission\udcff\0"),
    ]


@pytest.mark.requirement("PERF-3")
@pytest.mark.parametrize(("url", "number"), [("sqlite", 100_000), ("postgresql", 12_001)], indirect=["url"])
def test_as_many_files_as_there_are_are_recorded(store: Storage, number: int) -> None:
    contents = number * 7 // 10
    inputs = [edge(b"/w/data/part-%04d/%06d" % (at // 1000, at), b"%d" % (at % contents)) for at in range(number)]
    store.record(job_record(inputs))
    assert store.jobs()[0].inputs == number
    assert len(store.known([one.path for one in inputs])) == number
    assert sum(1 for found in store.edges([1]) if found.artifact_id and found.stat) == number
    assert store._engine.rows("SELECT count(*) FROM artifact") == [(contents,)]


def test_times_and_places_of_a_job_are_kept(store: Storage) -> None:
    recorded = store.record(job_record(started_ns=STARTED_NS, cwd=b"/w/\xff", exit_code=None, status="interrupted"))
    job = store.job_at(recorded.step)
    assert job is not None
    assert (job.started_ns, job.cwd, job.exit_code, job.status) == (STARTED_NS, b"/w/\xff", None, "interrupted")
