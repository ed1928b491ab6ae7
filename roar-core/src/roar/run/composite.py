"""Files that were written or read as one thing: Zarr stores, partitioned datasets, shards, sharded checkpoints.

Pure: it looks at names only.  Each file is in at most one composite, the outermost; all files stay edges of their own.

The layouts: Zarr specification v2 and v3; Lance file layout; LeRobotDataset v2 and v3; TensorFlow Datasets' "format-specific
dataset guide" (RLDS is the same on disk); Hive partitioning as Arrow and Spark write it; WebDataset's shard names; the
``-00001-of-00005`` names of Hugging Face; torch.distributed.checkpoint.
"""

from __future__ import annotations

import re
from bisect import bisect_left
from collections.abc import Callable, Iterable, Iterator, Sequence
from typing import NamedTuple

from roar.api.filters import Direction
from roar.api.hashers import Digest
from roar.api.records import Composite, Edge

_ZARR_NAMES = frozenset((b".zarray", b".zgroup", b".zmetadata", b"zarr.json"))
_TABULAR = (b".parquet", b".csv", b".json", b".jsonl", b".orc", b".avro", b".arrow", b".feather")
_COMPRESSED = (b".gz", b".zst", b".snappy", b".bz2")
_ASIDE = frozenset((b"_SUCCESS", b"_metadata", b"_common_metadata"))
"""What Spark, Dask and Arrow write beside the parts."""
_CHECKPOINT = (b".safetensors", b".bin", b".pt", b".pth", b".ckpt", b".gguf", b".msgpack", b".h5")

_ZARR_DIRECTORY = re.compile(rb"\.zarr(?=/|\Z)")
_LANCE_DIRECTORY = re.compile(rb"\.lance(?=/|\Z)")
_PARTITION = re.compile(rb"/[^/=]+=[^/]*(?=/|\Z)")
_PART = re.compile(rb"part[-.]\d+\b")
_SHARD = re.compile(rb"(.*?)[-.](\d+)-of-(\d+)((?:\.[A-Za-z][\w.]*)?)\Z", re.DOTALL)
_TAR = re.compile(rb"(.*?)[-_]?\d{4,7}\.(?:tar(?:\.\w+)?|tgz)\Z", re.DOTALL)
_TFRECORD = b".tfrecord"


class _Found(NamedTuple):
    path: bytes
    base: bytes
    """What the members' names are relative to."""
    kind: str
    members: list[Edge]


class _Files:
    """The files that are in no composite yet, by directory."""

    def __init__(self, edges: Iterable[Edge], root: bytes) -> None:
        self._root = root + b"/"
        self.directories: dict[bytes, dict[bytes, Edge]] = {}
        for edge in edges:
            directory, _, name = edge.path.rpartition(b"/")
            self.directories.setdefault(directory, {})[name] = edge
        self._sorted = sorted(self.directories)

    def search(self, pattern: re.Pattern[bytes], directory: bytes) -> re.Match[bytes] | None:
        """Looks for a pattern in a directory's name, for one in the workspace only below the root."""
        inside = directory.startswith(self._root) or directory + b"/" == self._root
        return pattern.search(directory, len(self._root) - 1 if inside else 0)

    def below(self, root: bytes) -> list[bytes]:
        """The directory and those below it."""
        first, last = bisect_left(self._sorted, root + b"/"), bisect_left(self._sorted, root + b"0")  # "0" follows "/"
        return [*([root] if root in self.directories else []), *self._sorted[first:last]]

    def take(self, directory: bytes, names: Iterable[bytes] | None = None) -> list[Edge]:
        """Takes files out of a directory, all by default."""
        files = self.directories[directory]
        return [files.pop(name) for name in list(files if names is None else names) if name in files]

    def take_below(self, root: bytes) -> list[Edge]:
        """Takes everything below a directory."""
        return [edge for directory in self.below(root) for edge in self.take(directory)]


def find_composites(
    edges: Sequence[Edge],
    direction: Direction,
    algorithm: str,
    new: Callable[[], Digest] | None = None,
    root: bytes = b"",
) -> tuple[Composite, ...]:
    """Finds the composites among a job's inputs or outputs.

    Args:
        edges: the edges of one direction.
        direction: of the edges.
        algorithm: the digest that identifies the members; the tree's is made with it too.
        new: begins a digest of that algorithm; needed only for one that is neither blake3 nor of hashlib.
        root: of the workspace: the names of the directories above it mean nothing for the files in it.

    Returns:
        By path.  A composite's digest is over the sorted relative names, sizes and digests of all members; it is empty when
        the digest of any member isn't known, as it would else be the digest of something else.
    """
    files = _Files(edges, root)
    found = [one for detect in _DETECTORS for one in detect(files)]
    if not found:
        return ()
    begin = new or _begin(algorithm)
    return tuple(_composite(one, direction, algorithm, begin) for one in sorted(found))


def _composite(found: _Found, direction: Direction, algorithm: str, begin: Callable[[], Digest]) -> Composite:
    rows = []
    size = 0
    known = True
    for edge in found.members:
        digest = edge.hashes.get(algorithm, "")
        known = known and bool(digest) and edge.size is not None
        size += edge.size or 0
        rows.append(b"%b\0%d\0%b\n" % (edge.path[len(found.base) + 1 :], edge.size or 0, digest.encode()))
    digest = ""
    if known:
        tree = begin()
        tree.update(b"".join(sorted(rows)))
        digest = tree.hexdigest()
    return Composite(found.path, found.kind, digest, algorithm, len(rows), size, direction)


def _begin(algorithm: str) -> Callable[[], Digest]:
    if algorithm == "blake3":
        from blake3 import blake3

        return blake3
    import hashlib

    name = algorithm if algorithm in hashlib.algorithms_available else "sha256"
    return lambda: hashlib.new(name, usedforsecurity=False)


def _zarr(files: _Files) -> Iterator[_Found]:
    """Directories with Zarr's metadata or name; the outermost is the store."""
    roots = []
    for directory, names in files.directories.items():
        named = files.search(_ZARR_DIRECTORY, directory)
        if named:
            roots.append(directory[: named.end()])
        elif not _ZARR_NAMES.isdisjoint(names):
            roots.append(directory)
    yield from _trees(files, roots, "zarr")


def _lance(files: _Files) -> Iterator[_Found]:
    found = [(directory, files.search(_LANCE_DIRECTORY, directory)) for directory in files.directories]
    yield from _trees(files, [directory[: named.end()] for directory, named in found if named], "lance")


def _trees(files: _Files, roots: Iterable[bytes], kind: str) -> Iterator[_Found]:
    taken = b"\0"
    for root in sorted(set(roots), key=lambda root: root + b"/"):
        if not (root + b"/").startswith(taken):
            taken = root + b"/"
            yield _Found(root, root, kind, files.take_below(root))


def _lerobot(files: _Files) -> Iterator[_Found]:
    for directory in [name for name in files.directories if name.endswith(b"/meta")]:
        root = directory.removesuffix(b"/meta")
        if b"info.json" in files.directories[directory] and files.below(root + b"/data"):
            parts = (b"/meta", b"/data", b"/videos", b"/images")
            members = [edge for part in parts for edge in files.take_below(root + part)]
            yield _Found(root, root, "lerobot", members)


def _tfds(files: _Files) -> Iterator[_Found]:
    for directory, names in files.directories.items():
        if b"dataset_info.json" in names and any(_TFRECORD in name for name in names):
            kind = "rlds" if any(b"rlds" in name for name in names) else "tfds"
            yield _Found(directory, directory, kind, files.take(directory))


def _partitions(files: _Files) -> Iterator[_Found]:
    """Directories with ``key=value`` directories that have tables: without tables they may be anybody's, such as Hydra's."""
    roots: dict[bytes, list[bytes]] = {}
    for directory, names in files.directories.items():
        partition = files.search(_PARTITION, directory)
        if partition and any(map(_is_table, names)):
            roots.setdefault(directory[: partition.start()], []).append(directory)
    for root, directories in roots.items():
        members = [edge for directory in directories for edge in files.take(directory)]
        if root in files.directories:
            members += files.take(root, _ASIDE)
        yield _Found(root, root, _table_kind(members), members)


def _parts(files: _Files) -> Iterator[_Found]:
    for directory, names in files.directories.items():
        parts = [name for name in names if name.startswith(b"part") and _PART.match(name) and _is_table(name)]
        if len(parts) > 1 or (parts and not _ASIDE.isdisjoint(names)):
            members = files.take(directory, [*parts, *_ASIDE, *(b".%b.crc" % name for name in (*parts, b"_SUCCESS"))])
            yield _Found(directory, directory, _table_kind(members), members)


def _is_table(name: bytes) -> bool:
    for suffix in _COMPRESSED:
        name = name.removesuffix(suffix)
    return name.endswith(_TABULAR)


def _table_kind(members: Iterable[Edge]) -> str:
    return "parquet dataset" if any(b".parquet" in edge.path for edge in members) else "partitioned dataset"


def _shards(files: _Files) -> Iterator[_Found]:
    """Files of one directory whose names are equal but for the shard's number."""
    for directory, names in files.directories.items():
        groups: dict[tuple[bytes, bytes, bytes], list[bytes]] = {}
        for name in names:
            match = _SHARD.match(name) if b"-of-" in name else None
            if match:
                stem, _, total, suffix = match.groups()
                groups.setdefault((stem, total, suffix), []).append(name)
        for (stem, _, suffix), shards in groups.items():
            index = stem + suffix + b".index.json"
            if len(shards) > 1 or index in names:
                kind = "sharded checkpoint" if suffix.endswith(_CHECKPOINT) else "sharded dataset"
                yield _Found(_stem(directory, stem), directory, kind, files.take(directory, [*shards, index]))


def _webdataset(files: _Files) -> Iterator[_Found]:
    for directory, names in files.directories.items():
        groups: dict[bytes, list[bytes]] = {}
        for name in names:
            match = _TAR.match(name) if b".t" in name else None
            if match:
                groups.setdefault(match.group(1), []).append(name)
        for stem, shards in groups.items():
            if len(shards) > 1:
                yield _Found(_stem(directory, stem), directory, "webdataset", files.take(directory, shards))


def _stem(directory: bytes, stem: bytes) -> bytes:
    return directory + b"/" + stem if stem else directory


def _distributed_checkpoint(files: _Files) -> Iterator[_Found]:
    for directory, names in files.directories.items():
        shards = [name for name in names if name.endswith(b".distcp")]
        if shards and (b".metadata" in names or len(shards) > 1):
            members = files.take(directory, [*shards, b".metadata"])
            yield _Found(directory, directory, "sharded checkpoint", members)


_DETECTORS: tuple[Callable[[_Files], Iterator[_Found]], ...] = (
    _zarr, _lance, _lerobot, _tfds, _partitions, _distributed_checkpoint, _parts, _shards, _webdataset,
)  # fmt: skip
"""In this order: a store that holds others comes first."""
