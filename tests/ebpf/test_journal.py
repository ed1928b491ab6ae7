"""A run's journal is read while it grows, once and whole; what isn't one is told; damage is bounded."""

from __future__ import annotations

import fcntl
import gc
import os
import struct
import threading
from pathlib import Path
from types import SimpleNamespace

import pytest
from ebpf.common import holding
from ebpf.common.made import COUNTERS, NOW_NS, OFFSET_NS, events, framed, journal, opened, record
from hypothesis import given, settings
from hypothesis import strategies as st

from roar.api.events import Event
from roar_tracer_ebpf import journal as module
from roar_tracer_ebpf import run
from roar_tracer_ebpf.journal import NAME, Journal, NotAJournal, is_somebodys, mark_as_mine, noted_offset_ns
from roar_tracer_ebpf.layout import ACTIONS, BASE, CONSTANTS, FENTRY, HEAD, RecordType
from roar_tracer_ebpf.tracer import EbpfTracer

pytestmark = pytest.mark.requirement("SAFE-1", "TRC-8")

_HEADER_BYTES = 88
_RECORDS = tuple(opened(b"/data/" + b"x" * n, 1) for n in (1, 2, 3, 8, 250))
_paths = st.lists(st.binary(min_size=1, max_size=40).map(lambda b: b"/" + b.replace(b"/", b".").replace(b"\0", b".")))


def _read(journal: Journal) -> list[bytes]:
    """The records, without what fills them up to eight bytes."""
    found = []
    for block, at in journal.records():
        (length,) = struct.unpack_from("<I", block, at - 8)
        found.append(block[at : at + (length & 0xFFFFFF)])
    return found


def test_the_lengths_of_records_are_the_layouts() -> None:
    assert (HEAD.size, CONSTANTS["LONGEST_RECORD"]) == (module._SHORTEST, module._LONGEST)


def test_records_are_read_whole_and_once(tmp_path: Path) -> None:
    one = Journal(journal(tmp_path, *_RECORDS))
    assert _read(one) == list(_RECORDS)
    assert _read(one) == []
    with open(tmp_path / NAME, "ab") as file:
        file.write(framed(_RECORDS[0]))
    assert _read(one) == [_RECORDS[0]]
    assert not one.is_damaged
    one.close()


@settings(max_examples=60, deadline=None)
@given(_paths, st.lists(st.integers(0, 5000), max_size=8))
def test_however_it_grows_and_is_read_the_events_are_the_same(
    tmp_path_factory: pytest.TempPathFactory, paths: list[bytes], cuts: list[int]
) -> None:
    folder = tmp_path_factory.mktemp("grows")
    records = [opened(path, 1) for path in paths]
    whole = b"".join(map(framed, records))
    one = Journal(journal(folder))
    got = []
    for end in [*sorted(min(cut, len(whole)) for cut in cuts), len(whole)]:
        (folder / NAME).write_bytes((folder / NAME).read_bytes()[:_HEADER_BYTES] + whole[:end])
        got += _read(one)
    one.close()
    assert got == records
    assert [event.path for event in events(*got)] == paths_of(records)


def paths_of(records: list[bytes]) -> list[bytes]:
    """What they are about."""
    return [event.path for record in records for event in events(record)]


def test_a_record_over_the_end_of_a_block_is_read_whole(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "_AT_ONCE", 1000)
    one = Journal(journal(tmp_path, *_RECORDS * 20))
    assert _read(one) == list(_RECORDS * 20)
    one.close()


def test_half_a_record_that_gives_way_to_another_is_not_mixed_with_it(tmp_path: Path) -> None:
    """A disk that is full takes half a record; when there is room again, others come in its place."""
    one = Journal(journal(tmp_path, _RECORDS[0], rest=framed(_RECORDS[-1])[:200]))
    assert _read(one) == [_RECORDS[0]]
    journal(tmp_path, _RECORDS[0], _RECORDS[1], _RECORDS[2])
    assert _read(one) == [_RECORDS[1], _RECORDS[2]]
    one.close()


def test_discarded_records_are_left_out(tmp_path: Path) -> None:
    discarded = framed(_RECORDS[1], header=1 << 30)
    one = Journal(journal(tmp_path, _RECORDS[0], rest=discarded + framed(_RECORDS[2])))
    assert _read(one) == [_RECORDS[0], _RECORDS[2]]
    one.close()


@pytest.mark.parametrize(
    "length", [0, 1, HEAD.size - 1, CONSTANTS["LONGEST_RECORD"] + 1, (1 << 30) - 1, 1 << 31, (1 << 31) | HEAD.size]
)
def test_a_length_that_no_record_has_ends_the_reading(length: int, tmp_path: Path) -> None:
    """Zeros, too, of which a file consists that a crash of the machine left."""
    rest = struct.pack("<II", length, 0) + bytes(3 << 20)
    one = Journal(journal(tmp_path, _RECORDS[0], rest=rest))
    assert _read(one) == [_RECORDS[0]]
    assert one.is_damaged
    assert _read(one) == []
    one.close()


@settings(max_examples=100, deadline=None)
@given(st.binary(max_size=3000), st.data())
def test_damage_anywhere_raises_nothing_and_loses_nothing_before_it(
    tmp_path_factory: pytest.TempPathFactory, garbage: bytes, data: st.DataObject
) -> None:
    folder = tmp_path_factory.mktemp("damaged")
    whole = b"".join(map(framed, _RECORDS))
    at = data.draw(st.integers(0, len(whole)))
    one = Journal(journal(folder, rest=whole[:at] + garbage))
    found = _read(one)
    one.close()
    sizes = [len(framed(record)) for record in _RECORDS]
    sound = sum(sum(sizes[: n + 1]) <= at for n in range(len(sizes)))
    assert found[:sound] == list(_RECORDS[:sound])
    assert len(found) <= sound + 1 + len(garbage) // HEAD.size
    events(*(record + bytes(HEAD.size) for record in found))


def test_a_damaged_journal_makes_the_record_partial(tmp_path: Path) -> None:
    traced = EbpfTracer.recover(journal(tmp_path, opened(b"/a"), rest=bytes(100)))
    assert traced is not None
    assert [event.path for event in traced.events()] == [b"/a"]
    assert traced.finish().notes, "also the run's own reason"


@pytest.mark.parametrize("content", [b"", b"ROAREBPF", b"x" * 200], ids=["empty", "a beginning", "something else"])
def test_what_is_no_journal_is_not_recovered(content: bytes, tmp_path: Path) -> None:
    (tmp_path / NAME).write_bytes(content)
    gc.collect()  # what earlier tests left must not be closed in between
    held = len(os.listdir("/proc/self/fd"))
    with pytest.raises(NotAJournal):
        Journal(tmp_path)
    assert EbpfTracer.recover(tmp_path) is None
    assert EbpfTracer.recover(tmp_path / "nonesuch") is None
    assert len(os.listdir("/proc/self/fd")) == held, "no descriptor is left open"


def test_the_counters_are_read_as_the_loader_writes_them(tmp_path: Path) -> None:
    one = Journal(
        journal(tmp_path, **{name: 10**n for n, name in enumerate(COUNTERS) if name != "how"}, how=1 | 1 << 8)
    )
    counters = one.counters()
    assert (counters.emitted, counters.drops, counters.suppressed, counters.enrol_failed) == (1, 10, 10**4, 10**5)
    assert (counters.lost, counters.misses) == (10 + 10**6, 10**7)
    assert (counters.tier, counters.sees_io_uring) == (1, True)
    one.close()
    (journal(tmp_path, how=2 | 1 << 16) / NAME).touch()
    one = Journal(tmp_path)
    assert (one.counters().tier, one.counters().sees_io_uring) == (2, False)
    one.close()


def _waits_for_a_lock(path: Path) -> bool:
    """Whether somebody waits for one on a file (proc_locks(5))."""
    inode = f":{path.stat().st_ino} "
    return any(" -> " in line and inode in line for line in Path("/proc/locks").read_text().splitlines())


def test_a_recovery_waits_for_the_writers_last_drain(tmp_path: Path) -> None:
    journal(tmp_path, _RECORDS[0])
    with open(tmp_path / NAME, "ab") as writer:
        fcntl.flock(writer, fcntl.LOCK_EX)
        recovered: list[object] = []
        reader = threading.Thread(target=lambda: recovered.append(EbpfTracer.recover(tmp_path)))
        reader.start()
        holding.wait_for(lambda: _waits_for_a_lock(tmp_path / NAME), "nobody waits")
        assert not recovered
        writer.write(framed(_RECORDS[1]))
    reader.join(holding.DEADLINE_S)
    (traced,) = recovered
    assert len(list(traced.events())) == 2  # type: ignore[attr-defined]


_BEGUN, _FORKED, _ENDED = record(RecordType.ENROL), record(RecordType.FORK, id=5), record(RecordType.EXIT)
_FINISHED = 1 << 32


@pytest.mark.parametrize(
    ("records", "how", "survivors", "told"),
    [
        ((_BEGUN, _FORKED), _FINISHED, (), ""),
        ((_BEGUN, _FORKED), 0, (), "The tracer's process was killed"),
        ((_BEGUN, _FORKED, _ENDED), _FINISHED, (5,), ""),
        ((_BEGUN, _FORKED, _ENDED), 0, (5,), ""),
        ((_BEGUN, _ENDED), _FINISHED, (), ""),
        ((), _FINISHED, (), "The tracer did not see the command begin"),
    ],
    ids=["roar killed", "both killed", "outlived", "outlived, both killed", "all ended", "not begun"],
)
def test_a_recovered_run_tells_what_roar_does_not_know_itself(
    records: tuple[bytes, ...], how: int, survivors: tuple[int, ...], told: str, tmp_path: Path
) -> None:
    """That it was killed before the command's end, it knows."""
    traced = EbpfTracer.recover(journal(tmp_path, *records, how=BASE | how))
    assert traced is not None and not list(traced.events())
    coverage = traced.finish()
    assert (coverage.survivors, len(coverage.notes)) == (survivors, bool(told))
    assert all(note.startswith(told) for note in coverage.notes)


def test_a_writer_that_is_gone_or_stopped_is_not_waited_for(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    one = Journal(journal(tmp_path))
    one.wait_for_now()
    monkeypatch.setattr(module, "_ANSWER_S", 0)
    with open(tmp_path / NAME, "rb") as writer:
        one.close()
        one = Journal(tmp_path)
        fcntl.flock(writer, fcntl.LOCK_EX)
        one.wait_for_now()
    one.close()


def test_a_run_that_goes_on_is_somebodys(tmp_path: Path) -> None:
    assert not is_somebodys(tmp_path), "nobody has begun"
    mark = mark_as_mine(tmp_path, 0)
    assert is_somebodys(tmp_path)
    os.close(mark)
    assert not is_somebodys(tmp_path)


def test_events_of_a_killed_run_are_of_its_own_time(tmp_path: Path) -> None:
    """The kernel's clock begins anew with each boot."""
    assert noted_offset_ns(tmp_path) is None
    os.close(mark_as_mine(tmp_path, OFFSET_NS))
    traced = EbpfTracer.recover(journal(tmp_path, opened(b"/a")))
    assert traced is not None
    assert [event.time_ns for event in traced.events()] == [OFFSET_NS + NOW_NS]
    traced.finish()


def test_events_are_of_the_time_that_it_is_when_they_are_read(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The machine may sleep in the middle of a run."""
    going_on = run._Running(None, SimpleNamespace(pid=1), -1)  # type: ignore[arg-type]
    traced = run._Run(journal(tmp_path, opened(b"/a")), going_on)
    for slept_ns in (0, 3600 * 10**9):
        monkeypatch.setattr(run, "to_realtime_ns", lambda slept_ns=slept_ns: OFFSET_NS + slept_ns)
        assert [event.time_ns for event in traced.events()] == [OFFSET_NS + slept_ns + NOW_NS]
        with open(tmp_path / NAME, "ab") as file:
            file.write(framed(opened(b"/b")))
    traced._journal.close()


# ---- whatever is in them

_words = st.binary(max_size=24).map(lambda text: text.replace(b"/", b"|"))
_numbers = st.one_of(st.integers(0, 40), st.sampled_from([0xFFFFFFFF, 0x80000000]))


@st.composite
def _garbage(draw: st.DrawFn) -> bytes:
    """A record in which any field is anything."""
    lengths = draw(st.lists(st.one_of(st.integers(0, 30), st.just(0xFFFF)), min_size=6, max_size=6))
    times = [draw(st.one_of(st.integers(0, 2**40), st.integers(-(2**63), 2**63 - 1))) for _ in range(2)]
    head = HEAD.pack(
        draw(st.one_of(st.integers(0, 14), st.just(0xFFFF))), draw(st.integers(0, 0x3FF)), draw(_numbers),
        draw(st.integers(0, 2**64 - 1)), draw(_numbers), draw(st.one_of(_numbers, st.just(2**64 - 1))), *times,
        draw(_numbers), draw(_numbers), draw(_numbers), draw(st.one_of(_numbers, st.just(0o100644))), draw(_numbers),
        draw(st.one_of(st.integers(0, len(ACTIONS) + 2), st.just(0xFFFFFFFF))), draw(st.integers(0, 3)), *lengths, 0,
    )  # fmt: skip
    return head + draw(st.binary(max_size=120))


@settings(max_examples=150, deadline=None)
@given(st.lists(_garbage(), max_size=6), st.sampled_from([BASE, FENTRY]))
def test_whatever_a_record_holds_nothing_is_raised(records: list[bytes], tier: int) -> None:
    told = events(*records, tier=tier)
    assert all(isinstance(event, Event) and b"\0" not in event.path + event.path2 for event in told)
