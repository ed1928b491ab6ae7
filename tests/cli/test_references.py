"""What references mean."""

from __future__ import annotations

import os
from pathlib import Path

import pytest
from cli.recorder import Recorder

from roar.api.errors import Ambiguous, NotFound
from roar.lineage.references import (
    Found,
    FoundArtifact,
    FoundComposite,
    FoundJob,
    FoundPath,
    UnknownPath,
    path_candidates,
    resolve,
)


@pytest.fixture
def filled(recorder: Recorder) -> Recorder:
    recorder.write("raw.csv", "raw")
    recorder.record("prepare", reads=["raw.csv"], writes={"data/train.csv": "prepared"})
    recorder.record("make", kind="build", writes={"bin/tool": "tool"})
    return recorder


def found(recorder: Recorder, text: str, cwd: str = ".") -> Found:
    storage = recorder.storage(read_only=True)
    try:
        return resolve(storage, text, os.fsencode(recorder.root / cwd))
    finally:
        storage.close()


def job_ref(recorder: Recorder, text: str) -> str:
    answer = found(recorder, text)
    assert isinstance(answer, FoundJob)
    return answer.job.ref


@pytest.mark.requirement("SHOW-1")
def test_steps_and_build_steps_are_counted_apart(filled: Recorder) -> None:
    assert job_ref(filled, "@1") == "@1"
    assert job_ref(filled, "@B1") == "@B1"
    assert job_ref(filled, "@b1") == "@B1"


@pytest.mark.requirement("SHOW-1")
@pytest.mark.parametrize("text", ["@0", "@2", "@B7", "@99999999999999999999", "@-1", "@", "@x", "@1.5", "@٣"])
def test_a_step_that_is_not_there_is_not_found(filled: Recorder, text: str) -> None:
    with pytest.raises(NotFound) as raised:
        found(filled, text)
    assert text in raised.value.message and raised.value.fix


@pytest.mark.requirement("SHOW-1")
def test_the_beginning_of_a_uid_is_enough(filled: Recorder) -> None:
    answer = found(filled, "@1")
    assert isinstance(answer, FoundJob)
    for prefix in (answer.job.uid, answer.job.uid[:4], answer.job.uid[:8].upper()):
        assert job_ref(filled, prefix) == "@1"


@pytest.mark.requirement("SHOW-1")
@pytest.mark.parametrize(
    ("text", "cwd"),
    [
        ("data/train.csv", "."),
        ("./data/train.csv", "."),
        ("train.csv", "data"),
        ("../data/train.csv", "bin"),
        ("data//./train.csv", "."),
    ],
)
def test_paths_start_from_the_working_directory(filled: Recorder, text: str, cwd: str) -> None:
    answer = found(filled, text, cwd)
    assert isinstance(answer, FoundPath)
    assert answer.path == os.fsencode(filled.root / "data" / "train.csv")


@pytest.mark.requirement("SHOW-1", "NORM-6")
def test_an_absolute_path_and_one_through_a_link_are_the_same(filled: Recorder) -> None:
    (filled.root / "link").symlink_to("data")
    for text in (str(filled.root / "data" / "train.csv"), "link/train.csv"):
        assert isinstance(found(filled, text), FoundPath)


@pytest.mark.requirement("SHOW-1", "SHOW-3")
def test_a_path_that_is_gone_from_disk_is_still_found(filled: Recorder) -> None:
    (filled.root / "data" / "train.csv").unlink()
    (filled.root / "data").rmdir()
    assert isinstance(found(filled, "data/train.csv"), FoundPath)


@pytest.mark.requirement("SHOW-1")
def test_the_beginning_of_a_digest_finds_the_artifact(filled: Recorder) -> None:
    digest = filled.edge("data/train.csv").hashes["blake3"]
    for text in (digest, digest[:4], digest[:9].upper(), f"blake3:{digest[:6]}"):
        answer = found(filled, text)
        assert isinstance(answer, FoundArtifact)
        assert answer.artifact.hashes["blake3"] == digest


@pytest.mark.requirement("SHOW-1")
def test_fewer_than_four_digits_are_a_path(filled: Recorder) -> None:
    digest = filled.edge("data/train.csv").hashes["blake3"]
    with pytest.raises(UnknownPath):
        found(filled, digest[:3])


@pytest.mark.requirement("SHOW-1")
def test_an_ambiguous_prefix_lists_the_candidates(filled: Recorder) -> None:
    uids = ["beef" + "0" * 28, "beef" + "1" * 28]
    for uid in uids:
        filled.record("x", uid=uid)
    with pytest.raises(Ambiguous) as raised:
        found(filled, "beef")
    assert "'beef' is ambiguous" in raised.value.message
    assert raised.value.fix and all(uid[:12] in raised.value.fix for uid in uids)
    assert job_ref(filled, "beef1") == "@3"


@pytest.mark.requirement("SHOW-1")
def test_a_recorded_path_wins_over_a_digest(filled: Recorder) -> None:
    name = filled.edge("data/train.csv").hashes["blake3"][:6]
    filled.record("x", writes={name: "another content"})
    assert isinstance(found(filled, name), FoundPath)


@pytest.mark.requirement("SHOW-1")
def test_an_unrecorded_file_does_not_hide_a_digest(filled: Recorder) -> None:
    name = filled.edge("data/train.csv").hashes["blake3"][:6]
    filled.write(name, "never recorded")
    assert isinstance(found(filled, name), FoundArtifact)


@pytest.mark.requirement("SHOW-1", "HASH-4")
def test_a_composite_is_found_by_path_and_by_digest(filled: Recorder) -> None:
    names = {f"z.zarr/{number}": str(number) for number in range(3)}
    for name, content in names.items():
        filled.write(name, content)
    composite = filled.composite("z.zarr", list(names))
    filled.record("store", writes=[filled.edge(name) for name in names], composites=(composite,))
    for text in ("z.zarr", "z.zarr/", composite.digest[:8]):
        assert isinstance(found(filled, text), FoundComposite)


@pytest.mark.requirement("SHOW-1", "SAFE-3")
def test_a_name_that_is_not_utf8_is_found(filled: Recorder) -> None:
    filled.record("x", writes={b"odd\xff\n": "1"})
    assert isinstance(found(filled, os.fsdecode(b"odd\xff\n")), FoundPath)


@pytest.mark.requirement("SAFE-4")
@pytest.mark.parametrize("text", ["", ".", "/", "a\0b", "x" * 5000, "/" * 3000, "\udcff", "://", "blake3:zz", "a:b:c"])
def test_nonsense_is_an_unknown_path(filled: Recorder, text: str) -> None:
    with pytest.raises(NotFound):
        found(filled, text)


@pytest.mark.requirement("SHOW-1", "NORM-6")
def test_dots_after_a_link_are_resolved_as_the_kernel_does(tmp_path: Path) -> None:
    (tmp_path / "far" / "deep").mkdir(parents=True)
    (tmp_path / "link").symlink_to("far/deep")
    first = path_candidates("link/../x", os.fsencode(tmp_path))[0]
    assert first == os.fsencode(tmp_path.resolve() / "far" / "x")
