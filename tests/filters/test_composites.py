# ruff: noqa: E501 - a table reads best with a row a line
"""Composite artifacts: which files belong together, and a digest that any change of them changes."""

from __future__ import annotations

import time
from hashlib import sha256

import pytest
from hypothesis import given
from hypothesis import strategies as st

from roar.api import Composite, Edge
from roar.run.composite import find_composites

pytestmark = pytest.mark.requirement("HASH-4")


def edge(path: str, content: str | None = "x") -> Edge:
    if content is None:
        return Edge(path.encode(), {}, None, None, "it was gone")
    return Edge(path.encode(), {"sha256": sha256(content.encode()).hexdigest()}, len(content), None)


def found(*paths: str, root: bytes = b"/r") -> list[tuple[str, str, int]]:
    composites = find_composites([edge(path) for path in paths], "output", "sha256", root=root)
    return [(one.path.decode(), one.kind, one.members) for one in composites]


@pytest.mark.parametrize(
    ("paths", "expected"),
    [
        (["z/.zgroup", "z/a/.zarray", "z/a/0.0", "z/a/0.1"], [("/r/z", "zarr", 4)]),
        (["z/zarr.json", "z/a/zarr.json", "z/a/c/0/0"], [("/r/z", "zarr", 3)]),
        (["s.zarr/a/0.0", "s.zarr/a/0.1"], [("/r/s.zarr", "zarr", 2)]),
        (["a.zarr/.zgroup", "a.zarr.zarr/.zgroup", "a/zarr.json"], [("/r/a", "zarr", 1), ("/r/a.zarr", "zarr", 1), ("/r/a.zarr.zarr", "zarr", 1)]),
        (["p/year=2024/m=1/a.parquet", "p/year=2025/m=1/b.parquet", "p/_SUCCESS"], [("/r/p", "parquet dataset", 3)]),
        (["p/k=1/a.csv.gz", "p/k=2/b.csv.gz"], [("/r/p", "partitioned dataset", 2)]),
        (["multirun/lr=0.1/model.pkl", "multirun/lr=0.2/model.pkl"], []),
        (["q/part-00000-abc.snappy.parquet", "q/part-00001-abc.snappy.parquet", "q/_SUCCESS", "q/.part-00000-abc.snappy.parquet.crc"], [("/r/q", "parquet dataset", 4)]),
        (["q/part.0.parquet", "q/part.1.parquet"], [("/r/q", "parquet dataset", 2)]),
        (["q/part-0.parquet"], []),
        (["parts/party.csv", "parts/partner.csv"], []),
        (["w/train-000000.tar", "w/train-000001.tar", "w/val-000000.tar", "w/val-000001.tar"], [("/r/w/train", "webdataset", 2), ("/r/w/val", "webdataset", 2)]),
        (["w/00000.tar", "w/00001.tar"], [("/r/w", "webdataset", 2)]),
        (["backup.tar", "backup2.tar"], []),
        (["t/1.0.0/dataset_info.json", "t/1.0.0/features.json", "t/1.0.0/t-train.tfrecord-00000-of-00001"], [("/r/t/1.0.0", "tfds", 3)]),
        (["l/meta/info.json", "l/meta/tasks.jsonl", "l/data/chunk-000/e_000.parquet", "l/videos/chunk-000/v.mp4"], [("/r/l", "lerobot", 4)]),
        (["d.lance/data/1.lance", "d.lance/_versions/1.manifest"], [("/r/d.lance", "lance", 2)]),
        (["c/m-00001-of-00002.safetensors", "c/m-00002-of-00002.safetensors", "c/m.safetensors.index.json", "c/config.json"], [("/r/c/m", "sharded checkpoint", 3)]),
        (["c/pytorch_model-00001-of-00002.bin", "c/pytorch_model-00002-of-00002.bin"], [("/r/c/pytorch_model", "sharded checkpoint", 2)]),
        (["c/.metadata", "c/__0_0.distcp", "c/__1_0.distcp"], [("/r/c", "sharded checkpoint", 3)]),
        (["h/train-00000-of-00002.parquet", "h/train-00001-of-00002.parquet"], [("/r/h/train", "sharded dataset", 2)]),
        (["a.csv", "b.parquet", "meta/info.json", "x/.metadata", "model.safetensors"], []),
    ],
)  # fmt: skip
def test_files_that_were_written_as_one_thing_are_found(paths: list[str], expected: list[tuple[str, str, int]]) -> None:
    assert found(*(f"/r/{path}" for path in paths)) == expected


def test_each_file_is_in_one_composite_the_outermost() -> None:
    paths = ["l/meta/info.json", "l/data/k=1/part-0.parquet", "l/data/k=1/part-1.parquet", "l/data/z.zarr/.zgroup"]
    assert found(*(f"/r/{path}" for path in paths)) == [("/r/l", "lerobot", 3), ("/r/l/data/z.zarr", "zarr", 1)]


@pytest.mark.parametrize("root", ["/data/date=2024-01-01/repo", "/data/x.zarr/repo", "/data/x.lance/repo"])
def test_what_the_directories_above_the_workspace_are_called_means_nothing(root: str) -> None:
    assert found(f"{root}/a.csv", f"{root}/b.csv", root=root.encode()) == []
    assert found(f"{root}/p/k=1/a.csv", f"{root}/p/k=2/a.csv", root=root.encode()) == [
        (f"{root}/p", "partitioned dataset", 2)
    ]


def tree(*edges: Edge) -> Composite:
    (one,) = find_composites(edges, "output", "sha256")
    return one


def test_any_change_changes_the_digest_and_the_place_does_not() -> None:
    base = [edge("/r/z.zarr/.zgroup", "g"), edge("/r/z.zarr/a/0", "1"), edge("/r/z.zarr/a/1", "2")]
    variants = [
        base,
        [base[0], edge("/r/z.zarr/a/0", "other"), base[2]],
        [base[0], edge("/r/z.zarr/a/0", "2"), edge("/r/z.zarr/a/1", "1")],
        [base[0], edge("/r/z.zarr/b/0", "1"), base[2]],
        base[:2],
        [*base, edge("/r/z.zarr/a/2", "")],
    ]
    digests = [tree(*variant).digest for variant in variants]
    assert len(set(digests)) == len(variants) and all(len(digest) == 64 for digest in digests)
    assert tree(*base[::-1]).digest == digests[0]
    moved = [
        edge(one.path.decode().replace("/r/z", "/elsewhere/y"), content)
        for one, content in zip(base, "g12", strict=True)
    ]
    assert tree(*moved).digest == digests[0]


def test_a_composite_with_an_unknown_member_has_no_digest_and_keeps_all() -> None:
    one = tree(edge("/r/z.zarr/.zgroup"), edge("/r/z.zarr/a", None))
    assert (one.digest, one.members, one.size) == ("", 2, 1)


def test_nothing_is_truncated() -> None:
    edges = [edge(f"/r/z.zarr/{number % 100}/{number}") for number in range(50_000)]
    started = time.process_time()
    assert tree(*edges).members == 50_000
    assert time.process_time() - started < 5


def test_many_stores_cost_no_more_than_their_files() -> None:
    edges = [edge(f"/r/{number}/z.zarr/{chunk}") for number in range(4000) for chunk in range(5)]
    started = time.process_time()
    assert len(find_composites(edges, "output", "sha256")) == 4000
    assert time.process_time() - started < 5


PARTS = st.sampled_from(["a", "b.zarr", "k=1", "meta", "data", ".zarray", "zarr.json", "info.json", "part-0.parquet", "part-1.parquet",
                         "x-00001-of-00002.bin", "x-00002-of-00002.bin", "t-00000.tar", "t-00001.tar", ".metadata", "s.distcp", "\n"])  # fmt: skip


@given(st.sets(st.lists(PARTS, min_size=1, max_size=5).map("/".join), max_size=20))
def test_every_member_is_a_file_of_the_job_and_counted_once(paths: set[str]) -> None:
    composites = find_composites([edge(f"/r/{path}") for path in paths], "input", "sha256", root=b"/r")
    assert sum(one.members for one in composites) <= len(paths)
    assert all(one.members > 0 and one.path.startswith(b"/r") and one.direction == "input" for one in composites)
