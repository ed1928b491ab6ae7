"""The reader of the arena: whatever a kill or a full disk left, it neither fails nor invents."""

from __future__ import annotations

import struct
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import NamedTuple

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from roar_tracer_preload import arena
from roar_tracer_preload.arena import Arena, RecordKind
from roar_tracer_preload.events import event_of

pytestmark = pytest.mark.requirement("SAFE-1")


class Written(NamedTuple):
    kind: int
    state: int
    path: bytes
    path2: bytes
    number: int


def _packed(record: Written) -> bytes:
    size = (72 + len(record.path) + len(record.path2) + 2 + 7) & ~7
    head = struct.pack(
        "<HHBBBBIIQQQQQQIHH", arena.RECORD_MAGIC, size // 8, record.kind, record.state, 0, 0, 4_000_000, record.number,
        *[record.number] * 6, 0o100644, len(record.path), len(record.path2),
    )  # fmt: skip
    return (head + record.path + b"\0" + record.path2 + b"\0").ljust(size, b"\0")


_names = st.binary(max_size=40).map(lambda name: b"/" + name.replace(b"\0", b""))
_records = st.lists(
    st.builds(
        Written,
        st.integers(RecordKind.START, RecordKind.TIMES),
        st.sampled_from([arena.HOLE, arena.PENDING, arena.OK, arena.OK, arena.FAILED, arena.SUPERSEDED]),
        _names,
        _names,
        st.integers(0, 2**32 - 1),
    ),
    max_size=30,
)


class Open(NamedTuple):
    arena: Arena
    path: Path

    def set_used(self, used: int) -> None:
        with self.path.open("r+b") as file:
            file.seek(32)
            file.write(struct.pack("<Q", used))

    def write(self, at: int, content: bytes) -> None:
        with self.path.open("r+b") as file:
            file.seek(arena.BASE + at)
            file.write(content)

    def read(self, final: bool, settled: bool = False) -> list[Written]:
        found = []
        for decoded in self.arena.records(final, lambda *_: settled):
            record, path, path2 = decoded
            event_of(decoded)
            found.append(Written(record[2], record[3], path, path2, record[7]))
        return found


@contextmanager
def _arena(content: bytes) -> Iterator[Open]:
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder, "arena")
        arena.create(str(path), arena.SEGMENT)
        opened = Open(Arena(str(path)), path)
        opened.write(0, content)
        opened.set_used(len(content))
        try:
            yield opened
        finally:
            opened.arena.close()


def _told(records: list[Written]) -> list[Written]:
    return [record for record in records if record.state in (arena.PENDING, arena.OK)]


@given(_records)
@settings(max_examples=60, deadline=None)
def test_what_was_written_is_read(records: list[Written]) -> None:
    with _arena(b"".join(map(_packed, records))) as opened:
        assert opened.read(final=True) == _told(records)
        assert opened.arena.torn == sum(record.state == arena.HOLE for record in records)
        assert opened.read(final=True) == []


@given(_records, st.lists(st.integers(0, 30), max_size=6))
@settings(max_examples=60, deadline=None)
def test_reading_bit_by_bit_gives_each_record_once(records: list[Written], cuts: list[int]) -> None:
    sound = [record._replace(state=arena.OK) if record.state == arena.HOLE else record for record in records]
    packed = [_packed(record) for record in sound]
    with _arena(b"".join(packed)) as opened:
        found = []
        for cut in sorted(cuts):
            opened.set_used(len(b"".join(packed[:cut])))
            found += opened.read(final=False, settled=True)
        opened.set_used(len(b"".join(packed)))
        found += opened.read(final=True)
        assert found == _told(sound)


@given(_records)
@settings(max_examples=60, deadline=None)
def test_reading_stops_before_what_is_unfinished_and_goes_on_there(records: list[Written]) -> None:
    first = next((i for i, r in enumerate(records) if r.state in (arena.HOLE, arena.PENDING)), len(records))
    with _arena(b"".join(map(_packed, records))) as opened:
        assert opened.read(final=False) == _told(records[:first])
        assert opened.read(final=False) == []
        assert opened.read(final=True) == _told(records[first:])


@given(_records, st.data())
@settings(max_examples=80, deadline=None)
def test_holes_lose_what_was_in_them_and_nothing_else(records: list[Written], data: st.DataObject) -> None:
    packed = [_packed(record) for record in records]
    lost = data.draw(st.sets(st.integers(0, max(0, len(records) - 1))))
    content = b"".join(bytes(len(p)) if i in lost else p for i, p in enumerate(packed))
    with _arena(content) as opened:
        assert opened.read(final=True) == _told([r for i, r in enumerate(records) if i not in lost])


@given(st.binary(max_size=4000), st.integers(0, 8000))
@settings(max_examples=100, deadline=None)
def test_no_content_makes_it_fail(content: bytes, used: int) -> None:
    with _arena(content) as opened:
        opened.set_used(used)
        opened.read(final=False)
        opened.read(final=True)


@given(_records, st.lists(st.tuples(st.integers(0, 4000), st.integers(0, 255)), max_size=8))
@settings(max_examples=80, deadline=None)
def test_no_damage_makes_it_fail(records: list[Written], damage: list[tuple[int, int]]) -> None:
    content = bytearray(b"".join(map(_packed, records)))
    for at, byte in damage:
        if content:
            content[at % len(content)] = byte
    with _arena(bytes(content)) as opened:
        opened.read(final=False)
        opened.read(final=True)


@pytest.mark.parametrize("content", [b"", b"short", bytes(4096), b"\xff" * 4096])
def test_another_file_is_refused(tmp_path: Path, content: bytes) -> None:
    (tmp_path / "arena").write_bytes(content)
    with pytest.raises(arena.NotAnArena):
        Arena(str(tmp_path / "arena"))


@pytest.mark.requirement("RUN-6", "TRC-8")
@pytest.mark.parametrize(("outcome", "told"), [(arena.OK, [arena.OK]), (arena.FAILED, [])], ids=["done", "failed"])
def test_an_outcome_that_came_while_its_record_was_being_judged_is_not_missed(outcome: int, told: list[int]) -> None:
    """The process told it and ended between the reader's look at the record and its look at the process."""
    first = _packed(Written(RecordKind.RENAME, arena.PENDING, b"/t", b"/out", 1))
    later = _packed(Written(RecordKind.UNLINK, arena.OK, b"/x", b"", 2))
    with _arena(first + later) as opened:

        def ends(*_: object) -> bool:
            opened.write(0, first[:5] + bytes([outcome]) + first[6:])
            return True

        assert list(opened.arena.records(False, ends)) == []
        assert [record.state for record in opened.read(final=False)] == [*told, arena.OK]
