"""The journal: what was written is read, in order and once, whatever a kill, a full disk or a slow reader did meanwhile."""

from __future__ import annotations

import os
import resource
import stat
import tempfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import NamedTuple

import pytest
import surroundings
from hypothesis import given, settings
from hypothesis import strategies as st
from ptrace_ways import ByStops

from roar.api.events import Event, FileStat, Kind
from roar.api.tracer import Tracer
from roar.testing.tracer import Ground
from roar_tracer_ptrace import journal
from roar_tracer_ptrace.journal import NotAJournal, Reader, Writer
from roar_tracer_ptrace.tracer import PtraceTracer

pytestmark = pytest.mark.requirement("SAFE-1", "RUN-6")

_HEAD = 4096
_UNSETTLED, _DONE, _FAILED = None, False, True


class Told(NamedTuple):
    """An event, and what the test does beside telling it."""

    kind: Kind
    pid: int
    path: bytes
    path2: bytes
    flags: int
    existed: bool | None
    stat: FileStat | None
    reason: str
    pending: bool
    failed: bool | None
    """Of a pending one: its outcome, told some time later, or never."""
    value: int
    polls: bool
    """The reader looks before it is told."""

    @property
    def event(self) -> Event:
        """As the reader gives it, without its time."""
        flags = self.value if self.pending and self.kind == Kind.TIMES and self.failed is _DONE else self.flags
        confirmed = not (self.pending and self.failed is _UNSETTLED)
        return Event(
            self.kind, self.pid, 0, self.path, self.path2, flags, self.existed, self.stat, confirmed, True, reason=self.reason
        )  # fmt: skip

    @property
    def is_given(self) -> bool:
        """Not one that turned out to have failed."""
        return not (self.pending and self.failed is _FAILED)


_words, _signed = st.integers(0, 2**64 - 1), st.integers(-(2**63), 2**63 - 1)
_paths = st.binary(max_size=30) | st.integers(0, 8192).map(lambda size: b"/" + b"\xff" * size)
_told = st.builds(
    Told,
    kind=st.sampled_from(Kind),
    pid=st.integers(0, 2**22),
    path=_paths,
    path2=st.just(b"") | _paths,
    flags=_signed,
    existed=st.sampled_from([None, True, False]),
    stat=st.none() | st.builds(FileStat, _words, _words, _signed, _signed, _signed, st.integers(0, 2**32 - 1)),
    reason=st.sampled_from(journal.REASONS),
    pending=st.booleans(),
    failed=st.sampled_from([_DONE, _FAILED, _UNSETTLED]),
    value=_signed,
    polls=st.booleans(),
)
_many = st.lists(_told, max_size=25)


@contextmanager
def _folder() -> Iterator[Path]:
    with tempfile.TemporaryDirectory() as folder:
        yield Path(folder)


@contextmanager
def _reader(folder: Path) -> Iterator[Reader]:
    reader = Reader(folder)
    try:
        yield reader
    finally:
        reader.close()


@contextmanager
def _writer(folder: Path) -> Iterator[Writer]:
    writer = Writer(folder)
    try:
        yield writer
    finally:
        os.close(writer.fd)


@contextmanager
def _files_end_at(size: int) -> Iterator[None]:
    """As on a full disk: a write across that size is cut short, one behind it fails (Python ignores SIGXFSZ)."""
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (size, hard))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))


def _tell(writer: Writer, told: Told) -> int:
    return writer.add(
        told.kind, told.pid, told.path, told.path2, flags=told.flags, existed=told.existed, stat=told.stat,
        reason=told.reason, pending=told.pending,
    )  # fmt: skip


def _timeless(events: list[Event]) -> list[Event]:
    return [event._replace(time_ns=0) for event in events]


def _write(
    writer: Writer, many: list[Told], order: Callable[[int], int], before: Callable[[Told], None] = lambda _: None
) -> None:
    """Tells all, and the outcome of one that is pending after about every event, in any order."""
    pending: list[tuple[int, Told]] = []
    for told in many:
        before(told)
        number = _tell(writer, told)
        if told.pending and told.failed is not _UNSETTLED:
            pending.append((number, told))
        if len(pending) > 2:
            _settle(writer, pending, order)
    while pending:
        _settle(writer, pending, order)
    writer.flush()


def _settle(writer: Writer, pending: list[tuple[int, Told]], order: Callable[[int], int]) -> None:
    number, told = pending.pop(order(len(pending)))
    writer.outcome(number, bool(told.failed), told.value)


def _chosen(data: st.DataObject) -> Callable[[int], int]:
    return lambda count: data.draw(st.integers(0, count - 1))


@given(_many, st.data())
@settings(max_examples=60, deadline=None)
def test_events_come_in_order_and_once_however_often_one_looks(many: list[Told], data: st.DataObject) -> None:
    with _folder() as folder, _writer(folder) as writer, _reader(folder) as reader:
        found: list[Event] = []
        _write(writer, many, _chosen(data), lambda told: found.extend(reader.events(False)) if told.polls else None)
        early = len(found)
        found += reader.events(True)
        assert _timeless(found) == [told.event for told in many if told.is_given]
        assert all(event.confirmed for event in found[:early])
        assert list(reader.events(True)) == []
        assert reader.dropped == 0


@given(_many, st.data())
@settings(max_examples=40, deadline=None)
def test_nothing_that_follows_an_open_question_comes_before_its_answer(many: list[Told], data: st.DataObject) -> None:
    first = next((n for n, told in enumerate(many) if told.pending and told.failed is _UNSETTLED), len(many))
    with _folder() as folder, _writer(folder) as writer, _reader(folder) as reader:
        _write(writer, many, _chosen(data))
        assert _timeless(list(reader.events(False))) == [told.event for told in many[:first] if told.is_given]
        assert _timeless(list(reader.events(True))) == [told.event for told in many[first:] if told.is_given]


@given(st.lists(_told, max_size=8), st.data())
@settings(max_examples=60, deadline=None)
def test_cut_at_any_byte_it_holds_what_was_whole(many: list[Told], data: st.DataObject) -> None:
    """Each outcome is told at once here, so that it stands right before the next event."""
    with _folder() as folder:
        ends = []  # of each event, and where its outcome ends
        with _writer(folder) as writer:
            for told in many:
                number = _tell(writer, told)
                end = os.fstat(writer.fd).st_size
                if told.pending and told.failed is not _UNSETTLED:
                    writer.outcome(number, bool(told.failed), told.value)
                    writer.flush()
                ends.append((end, os.fstat(writer.fd).st_size))
        size = (folder / journal.NAME).stat().st_size
        cut = data.draw(st.integers(_HEAD, size))
        os.truncate(folder / journal.NAME, cut)
        expected = []
        for told, (end, settled) in zip(many, ends, strict=True):
            seen = told if settled <= cut else told._replace(failed=_UNSETTLED)
            if end <= cut and seen.is_given:
                expected.append(seen.event)
        with _reader(folder) as reader:
            assert _timeless(list(reader.events(True))) == expected
            assert reader.dropped == sum(end > cut for end, _ in ends)


@given(
    _many,
    st.lists(st.tuples(st.integers(0, 2**20), st.binary(min_size=1, max_size=40)), max_size=4),
    st.integers(0, 5000),
)
@settings(max_examples=60, deadline=None)
def test_no_damage_makes_it_fail(many: list[Told], damage: list[tuple[int, bytes]], zeros: int) -> None:
    """A power cut may leave zeros where nothing was written yet, or anything."""
    with _folder() as folder:
        with _writer(folder) as writer:
            for told in many:
                _tell(writer, told._replace(pending=False))
        path = folder / journal.NAME
        intact = path.read_bytes()
        content = bytearray(intact + bytes(zeros))
        for at, bytes_ in damage:
            at = _HEAD + at % max(1, len(content) - _HEAD)
            content[at : at + len(bytes_)] = bytes_
        path.write_bytes(content)
        with _reader(folder) as reader:
            found = list(reader.events(False)) + list(reader.events(True))
        whole = next(
            (n for n, (one, other) in enumerate(zip(intact, content, strict=False)) if one != other), len(intact)
        )
        path.write_bytes(intact[:whole])
        with _reader(folder) as reader:
            undamaged = list(reader.events(True))
        assert found[: len(undamaged)] == undamaged


@given(_many, st.lists(st.integers(0, 600), max_size=12), st.data())
@settings(max_examples=60, deadline=None)
def test_a_full_disk_loses_what_it_says_it_loses(many: list[Told], room: list[int], data: st.DataObject) -> None:
    """Room comes and goes; the outcomes of lost events belong to nobody."""
    with _folder() as folder, _writer(folder) as writer, _reader(folder) as reader:
        found: list[Event] = []
        kept: list[Told] = []
        pending: list[tuple[int, Told]] = []
        choose = _chosen(data)
        for n, told in enumerate(many):
            if told.polls:
                found += reader.events(False)
            before = os.fstat(writer.fd).st_size
            with _files_end_at(before + room[n] if n < len(room) else 2**40):
                number = _tell(writer, told)
            if os.fstat(writer.fd).st_size > before:
                kept.append(told)
            if told.pending and told.failed is not _UNSETTLED:
                pending.append((number, told))
            if len(pending) > 2:
                _settle(writer, pending, choose)
                with _files_end_at(before):
                    writer.flush()
        while pending:
            _settle(writer, pending, choose)
        writer.flush()
        found += reader.events(True)
        assert _timeless(found) == [told.event for told in kept if told.is_given]
        assert reader.dropped == len(many) - len(kept)


def test_a_reader_that_looks_at_half_a_record_reads_on_when_it_was_taken_back(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The disk is full in the middle of a record, and the reader comes before the writer has cut it off."""
    with _writer(tmp_path) as writer, _reader(tmp_path) as reader:
        found: list[Event] = []
        cut = os.ftruncate

        def looked_at(fd: int, size: int) -> None:
            found.extend(reader.events(False))
            cut(fd, size)

        writer.add(Kind.OPEN, 1, b"/first")
        with _files_end_at(os.fstat(writer.fd).st_size + 90), monkeypatch.context() as patch:
            patch.setattr(os, "ftruncate", looked_at)
            writer.add(Kind.OPEN, 1, b"/lost" * 20)
        writer.add(Kind.OPEN, 1, b"/second/and/longer/than/what/was/lost" * 9)
        found += reader.events(True)
        assert [event.path[:7] for event in found] == [b"/first", b"/second"]
        assert reader.dropped == 1


@pytest.mark.requirement("REG-6")
def test_nobody_else_may_read_it(tmp_path: Path) -> None:
    before = os.umask(0)
    try:
        with _writer(tmp_path):
            assert stat.S_IMODE((tmp_path / journal.NAME).stat().st_mode) == 0o600
    finally:
        os.umask(before)


def test_without_room_for_its_head_there_is_no_journal(tmp_path: Path) -> None:
    descriptors = os.listdir("/proc/self/fd")
    with _files_end_at(100), pytest.raises(OSError, match="No space left"):
        Writer(tmp_path)
    assert os.listdir("/proc/self/fd") == descriptors


@pytest.mark.parametrize("content", [b"", b"roarptr", b"roarptr2" + bytes(4096), bytes(8192)])
def test_another_file_is_refused(tmp_path: Path, content: bytes) -> None:
    (tmp_path / journal.NAME).write_bytes(content)
    with pytest.raises(NotAJournal):
        Reader(tmp_path)


def test_its_head_is_whole_at_every_moment(tmp_path: Path) -> None:
    with _writer(tmp_path) as writer:
        child = os.fork()
        if not child:
            for _ in range(100_000):
                writer.add(Kind.OPEN, 1, b"/x")
            os._exit(0)
        heads, ended = set(), 0
        with open(tmp_path / journal.NAME, "rb", buffering=0) as file:
            while not ended:
                ended = os.waitpid(child, os.WNOHANG)[0]
                heads |= {os.pread(file.fileno(), 8, 0) for _ in range(1000)}
    assert heads == {b"roarptr1"}


@pytest.mark.requirement("TRC-8", "SAFE-2")
@pytest.mark.parametrize("tracer", [PtraceTracer, ByStops])
def test_a_run_whose_disk_is_full_counts_what_it_loses(tmp_path: Path, tracer: type[Tracer]) -> None:
    line = "i=0; while [ $i -lt 200 ]; do echo > f$i; i=$((i+1)); done"
    counts = []
    for name, room in ("roomy", "1m"), ("tiny", "24k"):
        ground = Ground(tracer, tmp_path / name)
        limit = surroundings.tmpfs(ground.journal, f"size={room}")
        driven = ground.run("/bin/sh", "-c", line, preexec_fn=surroundings.each(surroundings.own_mounts, limit))[0]
        assert driven.exit is not None and driven.exit.code == 0
        assert driven.coverage is not None and driven.coverage.observed == len(driven.events)
        counts.append((driven.coverage.observed, driven.coverage.dropped))
    assert counts[0] == (sum(counts[1]), 0)
    assert counts[1][1] > 50
    assert 50 < len(ground.outputs(driven)) < 200
    assert ground.outputs(driven) <= {b"f%d" % n for n in range(200)}
