"""Records of the probe become events: each type, in both tiers, with its outcome; and nothing that is in a record can do harm."""

from __future__ import annotations

import os
from pathlib import Path

import pytest
from ebpf.common.made import (
    NOW_NS,
    OFFSET_NS,
    PID,
    State,
    entries,
    events,
    executed,
    named,
    opened,
    outcome,
    record,
    walked,
    with_coarse_times,
)  # fmt: skip
from hypothesis import given
from hypothesis import strategies as st

from roar.api.events import Blind, Event, FileStat, Kind
from roar_tracer_ebpf import decode
from roar_tracer_ebpf.decode import Decoder
from roar_tracer_ebpf.layout import BASE, FENTRY, Flag, RecordType

pytestmark = pytest.mark.requirement("TRC-8", "TRC-10")

TIERS = pytest.mark.parametrize("tier", [BASE, FENTRY], ids=["base", "fentry"])
_MTIME_NS, _CTIME_NS = 900_000_000_000_000_005, 900_000_001_000_000_006
STAT = FileStat(os.makedev(8, 3), 77, 100, _MTIME_NS, _CTIME_NS, 0o100644)
"""Of `State()`."""
_AT_NS = OFFSET_NS + NOW_NS
_FRESH = State(mtime=_AT_NS // 10**9, mtime_ns=0)
"""A file that was changed at the very moment of the record."""


def _one(*records: bytes, tier: int = BASE) -> Event:
    (event,) = events(*records, tier=tier)
    return event


# ---- opens


@TIERS
def test_an_open_for_reading_tells_the_file_as_it_was(tier: int) -> None:
    event = _one(opened(b"/data/in", 1, os.O_RDONLY | os.O_CLOEXEC), tier=tier)
    assert event == Event(
        Kind.OPEN, PID, _AT_NS, b"/data/in", flags=os.O_RDONLY | os.O_CLOEXEC, stat=STAT, resolved=True
    )


@TIERS
@pytest.mark.parametrize(
    ("access", "open_flags", "flags", "existed", "stat"),
    [
        (2, os.O_WRONLY, 0, True, STAT),
        (3, os.O_RDWR | os.O_APPEND, 0, True, STAT),
        (2, os.O_WRONLY | os.O_CREAT, Flag.CREATED, False, None),
        (2, os.O_WRONLY | os.O_TRUNC, 0, True, None),
        (3, os.O_RDWR | os.O_CREAT | os.O_TRUNC, Flag.CREATED, False, None),
        (1, os.O_RDONLY | os.O_TRUNC, 0, True, None),
        (1, os.O_RDONLY | os.O_CREAT, Flag.CREATED, False, None),
    ],
)
def test_an_open_that_may_change_it_is_a_write(
    tier: int, access: int, open_flags: int, flags: int, existed: bool, stat: FileStat | None
) -> None:
    """Also when the descriptor is for reading alone and the open made or emptied the file."""
    event = _one(opened(b"/out", access, open_flags, flags=flags), tier=tier)
    assert event == Event(
        Kind.WRITE, PID, _AT_NS, b"/out", flags=open_flags, existed=existed, stat=stat, resolved=True, wrote=False
    )


def test_what_the_descriptor_can_do_counts_and_not_what_the_call_said() -> None:
    assert _one(opened(b"/out", 2, os.O_TRUNC)).flags == os.O_WRONLY | os.O_TRUNC
    assert _one(opened(b"/out", 3, 3)).flags == os.O_RDWR


@pytest.mark.parametrize("path", [b"/proc/self/maps", b"/sys/devices/x"])
def test_what_the_kernel_makes_up_is_no_file(path: bytes) -> None:
    assert events(opened(path, 1), opened(path, 2)) == []


def test_a_file_that_lost_its_name_is_read_by_its_old_one_and_not_written() -> None:
    gone = int(Flag.UNLINKED)
    event = _one(opened(b"/tmp/old", 1, flags=gone))
    assert (event.kind, event.path, event.existed, event.stat) == (Kind.OPEN, b"/tmp/old", False, STAT)
    assert events(opened(b"/tmp/old", 2, os.O_WRONLY, flags=gone)) == []


def test_a_file_that_never_had_a_name_is_nothing_until_it_gets_one() -> None:
    unnamed = opened(b"/tmp/#77", 3, os.O_RDWR | os.O_TMPFILE, flags=int(Flag.UNLINKED | Flag.CREATED))
    assert events(unnamed) == []


@TIERS
def test_pseudo_files_are_nothing_and_cut_paths_are_told(tier: int) -> None:
    assert events(opened(b"/memfd:x", 3, flags=int(Flag.PSEUDO)), tier=tier) == []
    event = _one(opened(b"/deep/deeper", 1, flags=int(Flag.CUT)), tier=tier)
    assert (event.kind, event.reason) == (Kind.BLIND, Blind.PATH)


def test_a_file_of_another_namespace_is_found_here_or_told(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("text")
    path, now = os.fsencode(tmp_path / "file"), os.stat(tmp_path / "file")
    device = os.major(now.st_dev) << 20 | os.minor(now.st_dev)
    state = State(now.st_ino, now.st_size, now.st_mtime_ns // 10**9, now.st_mtime_ns % 10**9, device=device)

    def elsewhere(seen: bytes, kind: int = RecordType.OPEN, state: State = state) -> Event:
        flags = int(Flag.ELSEWHERE)
        return _one(record(kind, walked(seen), walked(b"/nowhere"), flags=flags, op=1, state=state))

    assert (elsewhere(path).kind, elsewhere(path).path) == (Kind.OPEN, path)
    lost = elsewhere(b"/inner/file", state=state._replace(ino=state.ino + 1_000_000))
    assert (lost.kind, lost.reason, lost.path) == (Kind.BLIND, Blind.NAMESPACE, b"/inner/file")


# ---- fine times


@pytest.mark.parametrize(
    ("state", "told"),
    [
        (State(), True),
        (_FRESH, False),
        (_FRESH._replace(ctime_ns=6 | 1 << 31), True),
        (_FRESH._replace(mtime_ns=0, mtime=_FRESH.mtime - 1), True),
    ],
    ids=["old", "just changed", "just changed, and looked at since", "changed a second ago"],
)
def test_a_state_that_a_change_might_not_alter_is_not_told(state: State, told: bool) -> None:
    """From Linux 6.13 on times are fine only for those who look, and the probe's look doesn't count as one."""
    decoder = Decoder(OFFSET_NS, FENTRY)
    decoder._keeps_fine_times = True
    read, write = events(opened(b"/f", 1, state=state), opened(b"/f", 2, os.O_WRONLY, state=state), decoder=decoder)
    assert (read.stat is not None) == told
    assert write.wrote == (not told)
    fraction = state.ctime_ns & ~(1 << 31)
    assert write.stat is not None
    assert write.stat.ctime_ns == state.ctime * 10**9 + fraction, "the kernel's mark is no part of the time"


def test_where_writes_are_told_an_open_alone_is_none() -> None:
    """The base tier sees write(2) itself."""
    assert not _one(opened(b"/f", 2, os.O_WRONLY, state=_FRESH), tier=BASE).wrote


def test_before_6_13_every_change_alters_the_times_as_the_fold_expects() -> None:
    decoder = with_coarse_times(Decoder(OFFSET_NS, FENTRY))
    read, write = events(opened(b"/f", 1, state=_FRESH), opened(b"/f", 2, os.O_WRONLY, state=_FRESH), decoder=decoder)
    assert read.stat is not None and not write.wrote


@pytest.mark.parametrize(
    ("release", "numbers"),
    [("6.13.0-1-amd64", (6, 13)), ("5.10.0", (5, 10)), ("6.1-rc3", (6, 1)), ("7", (7,)), ("x.y", (0, 0))],
)
def test_a_release_is_read_whatever_it_looks_like(
    release: str, numbers: tuple[int, ...], monkeypatch: pytest.MonkeyPatch
) -> None:
    system = os.uname()
    named_so = os.uname_result((*system[:2], release, *system[3:]))
    monkeypatch.setattr(os, "uname", lambda: named_so)
    assert decode._release() == numbers
    assert Decoder(0, BASE)._keeps_fine_times == (numbers >= (6, 13))


# ---- changes of open files


def test_a_write_says_that_the_content_changed_and_no_state_before() -> None:
    event = _one(record(RecordType.WROTE, walked(b"/out"), state=State()))
    assert (event.kind, event.path, event.wrote, event.existed) == (Kind.WRITE, b"/out", True, True)
    assert event.stat is not None and (event.stat.ino, event.stat.size) == (77, -1)


@pytest.mark.parametrize(("kind", "expected"), [(RecordType.MAP, Kind.MAP), (RecordType.TRUNCATE, Kind.TRUNCATE)])
def test_maps_and_truncations_tell_the_file(kind: int, expected: Kind) -> None:
    told = record(kind, walked(b"/f"), state=State())
    assert _one(told) == Event(expected, PID, _AT_NS, b"/f", stat=STAT, resolved=True)
    gone = record(kind, walked(b"/f"), state=State(), flags=int(Flag.UNLINKED))
    made_up = record(kind, walked(b"/proc/1/f"), state=State())
    assert events(gone, made_up) == []


@pytest.mark.parametrize(
    ("between", "known"),
    [
        ((), True),
        ((record(RecordType.WROTE, walked(b"/f"), state=State()),), False),
        ((record(RecordType.WROTE, walked(b"/g"), state=State(ino=78)),), True),
    ],
    ids=["not written", "written", "another written"],
)
def test_times_set_on_a_file_that_was_opened_for_change(between: tuple[bytes, ...], known: bool) -> None:
    """What was written since then has no known state before."""
    after = State(mtime=800_000_000, mtime_ns=0)
    told = events(
        opened(b"/f", 2, os.O_WRONLY), *between, record(RecordType.TIMES, walked(b"/f"), state=after), tier=BASE
    )
    last = told[-1]
    assert (last.kind, last.path, last.flags) == (Kind.TIMES, b"/f", 800_000_000 * 10**9)
    assert last.stat is not None
    assert last.stat.mtime_ns == _MTIME_NS
    assert last.stat.size == (100 if known else -1)


def test_times_set_twice_are_each_told_from_what_they_were() -> None:
    times = [record(RecordType.TIMES, walked(b"/f"), state=State(mtime=n, mtime_ns=0)) for n in (1000, 2000)]
    _, first, second = events(opened(b"/f", 2, os.O_WRONLY), *times)
    assert first.stat is not None and second.stat is not None
    assert (first.stat.mtime_ns, first.flags) == (_MTIME_NS, 1000 * 10**9)
    assert (second.stat.mtime_ns, second.flags) == (1000 * 10**9, 2000 * 10**9)


def test_times_set_on_a_file_that_grew_meanwhile_are_told_without_its_size() -> None:
    grown = record(RecordType.TIMES, walked(b"/f"), state=State(size=101))
    _, event = events(opened(b"/f", 2, os.O_WRONLY), grown)
    assert event.stat is not None and event.stat.size == -1


def test_times_set_on_a_file_that_nobody_opened_for_change_are_its_own_matter() -> None:
    assert events(record(RecordType.TIMES, walked(b"/f"), state=State())) == []
    assert [e.kind for e in events(opened(b"/f", 1), record(RecordType.TIMES, walked(b"/f"), state=State()))] == [
        Kind.OPEN
    ]


def test_with_fentry_the_times_are_told_before_and_after() -> None:
    pending = record(RecordType.TIMES, walked(b"/f"), state=State(), flags=int(Flag.PENDING), id=9)
    event = _one(pending, outcome("", state=State(mtime=1000, mtime_ns=7)), tier=FENTRY)
    assert (event.kind, event.path, event.stat, event.flags) == (Kind.TIMES, b"/f", STAT, 1000 * 10**9 + 7)
    assert events(pending, outcome("", -1), tier=FENTRY) == []
    gone = record(RecordType.TIMES, walked(b"/f"), state=State(), flags=int(Flag.PENDING | Flag.UNLINKED), id=9)
    assert events(gone, outcome(""), tier=FENTRY) == []


# ---- names with an outcome


_DONE: list[tuple[str, tuple[bytes, ...], dict[str, object]]] = [
    ("RENAMEAT2", (b"/a", b"/b"), {"kind": Kind.RENAME, "path": b"/a", "path2": b"/b", "stat": STAT}),
    ("LINKAT", (b"/a", b"/b"), {"kind": Kind.LINK, "path": b"/a", "path2": b"/b", "stat": STAT}),
    ("UNLINKAT", (b"/a",), {"kind": Kind.UNLINK, "path": b"/a", "stat": STAT}),
    ("SYMLINKAT", (b"/a",), {"kind": Kind.SYMLINK, "path2": b"/a"}),
]


@pytest.mark.parametrize(("op", "paths", "fields"), _DONE, ids=lambda value: value if isinstance(value, str) else "")
def test_a_call_that_succeeded_is_told_when_its_outcome_is(
    op: str, paths: tuple[bytes, ...], fields: dict[str, object]
) -> None:
    event = _one(entries(op, *paths), outcome(op), tier=FENTRY)
    assert {name: getattr(event, name) for name in fields} == fields
    assert (event.pid, event.resolved) == (PID, True)


@pytest.mark.parametrize("op", [op for op, _, _ in _DONE])
def test_a_call_that_failed_or_whose_outcome_is_not_its_own_is_nothing(op: str) -> None:
    paths = next(paths for name, paths, _ in _DONE if name == op)
    other = "MKNODAT"
    assert events(entries(op, *paths), outcome(op, -2), tier=FENTRY) == []
    assert events(entries(op, *paths), outcome(op, -2), outcome(op), tier=FENTRY) == [], "an outcome counts once"
    assert events(entries(op, *paths), outcome(other), outcome(op), tier=FENTRY) == [], "of another call"
    assert events(entries(op, *paths), outcome(op, id=10), tier=FENTRY) == [], "of another thread"
    assert events(entries(op, *paths), tier=FENTRY) == [], "the process was killed in it"
    assert events(outcome(op), tier=FENTRY) == []


def test_the_last_names_before_an_outcome_are_what_it_is_of() -> None:
    """An open that creates asks for leave to make a node, and has no outcome of that kind."""
    event = _one(
        entries("MKNODAT", b"/made", number=0o100644), entries("UNLINKAT", b"/a"), outcome("UNLINKAT"), tier=FENTRY
    )
    assert (event.kind, event.path) == (Kind.UNLINK, b"/a")


@given(st.permutations([(n, step) for n in range(4) for step in (0, 1)]))
def test_threads_in_the_middle_of_calls_are_not_mixed_up(order: list[tuple[int, int]]) -> None:
    steps = {
        n: [entries("UNLINKAT", b"/%d" % n, id=n), outcome("UNLINKAT", -13 if n == 3 else 0, id=n)] for n in range(4)
    }
    told = events(*(steps[n].pop(0) for n, _ in order), tier=FENTRY)
    assert sorted(event.path for event in told) == [b"/0", b"/1", b"/2"]


@pytest.mark.parametrize(
    ("number", "kinds"),
    [(0o100644, [Kind.WRITE]), (0o644, [Kind.WRITE]), (0o010644, []), (0o020644, []), (0o140644, [])],
    ids=["file", "file by default", "pipe", "device", "socket"],
)
@TIERS
def test_of_nodes_only_files_count(number: int, kinds: list[Kind], tier: int, tmp_path: Path) -> None:
    if tier == FENTRY:
        told = events(entries("MKNODAT", b"/n", number=number), outcome("MKNODAT"), tier=tier)
    else:
        told = events(named("MKNODAT", (b"n", os.fsencode(tmp_path)), number=number), tier=tier)
    assert [event.kind for event in told] == kinds
    assert all(event.existed is False for event in told)


def test_an_exchange_and_a_directory_make_what_is_canonical_be_looked_up_again() -> None:
    for number, state in ((2, State()), (0, State(mode=0o40755))):
        decoder = Decoder(OFFSET_NS, FENTRY)
        decoder._names._canonical.add(b"/x")
        (event,) = events(
            entries("RENAMEAT2", b"/a", b"/b", number=number, state=state), outcome("RENAMEAT2"), decoder=decoder
        )
        assert event.flags == number
        assert decoder._names._canonical == set()


# ---- names as a call was given them


def test_names_are_meant_from_their_directories(tmp_path: Path) -> None:
    folder = tmp_path / "folder"
    folder.mkdir()
    (tmp_path / "link").symlink_to("folder")
    (folder / "b").write_text("x")
    base, root = os.fsencode(tmp_path), b"/"
    renamed = _one(named("RENAMEAT", (b"link/a", base), (os.fsencode(folder / "b"), root)))
    assert (renamed.kind, renamed.path, renamed.path2) == (Kind.RENAME, base + b"/folder/a", base + b"/folder/b")
    removed = _one(named("UNLINK", (b"../" + os.path.basename(base) + b"/link", base)))
    assert (removed.kind, removed.path) == (Kind.UNLINK, base + b"/link"), "the link itself"
    assert renamed.stat is None, "it was changed after the call: that the state is the call's isn't sure"


def test_a_rename_of_two_names_of_one_file_does_nothing(tmp_path: Path) -> None:
    (tmp_path / "a").write_text("x")
    os.link(tmp_path / "a", tmp_path / "b")
    base = os.fsencode(tmp_path)
    assert events(named("RENAME", (b"a", base), (b"b", base))) == []
    assert events(named("RENAME", (b"a", base), (b"./a", base))) == []
    os.unlink(tmp_path / "a")
    assert _one(named("RENAME", (b"a", base), (b"b", base))).kind == Kind.RENAME


@pytest.mark.parametrize(
    ("op", "number", "follows"),
    [("LINK", 0, False), ("LINKAT", 0, False), ("LINKAT", 0x400, True)],
)
def test_a_hard_link_is_of_the_symbolic_link_unless_it_is_to_follow(
    op: str, number: int, follows: bool, tmp_path: Path
) -> None:
    (tmp_path / "file").write_text("x")
    (tmp_path / "link").symlink_to("file")
    base = os.fsencode(tmp_path)
    event = _one(named(op, (b"link", base), (b"new", base), number=number))
    assert event.path == base + (b"/file" if follows else b"/link")


@pytest.mark.parametrize(
    ("op", "number"), [("UTIME", 0), ("FUTIMESAT", 0), ("UTIMENSAT", 0), ("TRUNCATE", 0), ("TRUNCATE64", 0)]
)
def test_a_change_by_name_is_of_the_file_that_the_link_leads_to(op: str, number: int, tmp_path: Path) -> None:
    (tmp_path / "file").write_text("x")
    (tmp_path / "link").symlink_to("file")
    facts, base = os.stat(tmp_path / "file"), os.fsencode(tmp_path)
    device = os.major(facts.st_dev) << 20 | os.minor(facts.st_dev)
    open_before = State(ino=facts.st_ino, size=1, device=device)
    decoder = Decoder(OFFSET_NS, BASE)
    _, event = events(
        opened(base + b"/file", 2, os.O_WRONLY, state=open_before),
        named(op, (b"link", base), number=number),
        decoder=decoder,
    )
    assert event.path == base + b"/file"
    assert event.kind == (Kind.TRUNCATE if op.startswith("TRUNCATE") else Kind.TIMES)
    by_itself = named("UTIMENSAT", (b"link", base), number=0x100)
    assert events(by_itself, decoder=decoder) == [], "the link's own times"


@pytest.mark.parametrize(("length", "kind"), [(0, Kind.TRUNCATE), (5, Kind.WRITE)])
def test_a_truncation_by_name_replaces_or_changes(length: int, kind: Kind, tmp_path: Path) -> None:
    (tmp_path / "file").write_text("x")
    event = _one(named("TRUNCATE", (b"file", os.fsencode(tmp_path)), number=length))
    assert (event.kind, event.wrote) == (kind, kind == Kind.WRITE)


@TIERS
def test_names_that_could_not_be_read_are_told(tier: int) -> None:
    event = _one(named("RENAME", (b"a", b"/"), (b"b", b"/"), flags=int(Flag.CUT)), tier=tier)
    assert (event.kind, event.reason) == (Kind.BLIND, Blind.PATH)


@pytest.mark.parametrize(
    ("op", "names", "there"),
    [
        ("UNLINK", (b"a",), {b"a": False}),
        ("RENAME", (b"a", b"b"), {b"b": True, b"a": False}),
        ("LINK", (b"a", b"b"), {b"a": True, b"b": True}),
        ("SYMLINK", (b"b",), {b"b": True}),
        ("MKNOD", (b"b",), {b"b": True}),
    ],
)
def test_a_success_that_a_filter_may_have_pretended_is_looked_at(
    op: str, names: tuple[bytes, ...], there: dict[bytes, bool], tmp_path: Path
) -> None:
    base = os.fsencode(tmp_path)
    told = named(op, *((name, base) for name in names), flags=int(Flag.DOUBTFUL))
    (tmp_path / "a").write_text("x")
    pretended = not all((name == b"a") == exists for name, exists in there.items())
    assert pretended and events(told) == [], "nothing of it is there"
    for name, exists in there.items():
        path = tmp_path / os.fsdecode(name)
        if exists:
            path.write_text("y")
        else:
            path.unlink(missing_ok=True)
    assert len(events(told)) == 1


# ---- processes


def test_who_is_alive_is_known_from_forks_and_exits() -> None:
    decoder = Decoder(OFFSET_NS, BASE)
    assert not decoder.command
    steps = [
        (record(RecordType.ENROL), {PID}),
        (record(RecordType.FORK, id=5), {PID, 5}),
        (record(RecordType.EXIT), {5}),
        (record(RecordType.EXIT, pid=6), {5}),
        (record(RecordType.EXIT, pid=5), set()),
    ]
    for step, alive in steps:
        assert events(step, decoder=decoder) == []
        assert decoder.alive == alive
    assert decoder.command == PID


def test_rings_are_a_blind_spot_where_the_probe_does_not_see_them() -> None:
    made, own_table = record(RecordType.RING), record(RecordType.RING, id=1)
    assert events(made) == []
    for blind in (events(own_table), events(made, decoder=Decoder(0, BASE, sees_io_uring=False))):
        assert [(event.kind, event.reason) for event in blind] == [(Kind.BLIND, Blind.IO_URING)]


def test_an_exec_tells_the_program_and_what_the_kernel_reads_with_it(tmp_path: Path) -> None:
    script = tmp_path / "script"
    script.write_text("#!/bin/sh -e\n")
    shell = os.path.realpath("/bin/sh").encode()
    told = events(executed(shell, os.fsencode(tmp_path), b"./script", flags=int(Flag.SCRIPT)))
    last = told.pop()
    assert (last.kind, last.path) == (Kind.EXEC, shell)
    assert {event.kind for event in told} == {Kind.OPEN}
    paths = [event.path for event in told]
    assert paths[0] == os.fsencode(script)
    assert any(b"ld-" in path or b"ld." in path for path in paths), "the loader"


def test_a_name_in_a_record_ends_with_its_first_nul() -> None:
    script = executed(b"/bin/x", b"/", b"script\0more", flags=int(Flag.SCRIPT))
    assert [event.kind for event in events(script)] == [Kind.EXEC]
    assert _one(named("UNLINK", (b"a\0more", b"/nonesuch"))).path == b"/nonesuch/a"


@pytest.mark.parametrize("flags", [Flag.PSEUDO, Flag.UNLINKED])
def test_a_program_without_a_name_is_no_file(flags: Flag) -> None:
    assert events(executed(b"/memfd:x", flags=int(flags))) == []


def test_a_program_whose_path_is_not_known_is_told() -> None:
    (cut,) = events(executed(b"/deep", flags=int(Flag.CUT)))
    (foreign,) = events(executed(b"/nonesuch/x", flags=int(Flag.ELSEWHERE)))
    assert [(e.kind, e.reason) for e in (cut, foreign)] == [(Kind.BLIND, Blind.PATH), (Kind.BLIND, Blind.NAMESPACE)]


def test_what_is_remembered_of_a_run_is_bounded(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(decode, "_MOST_REMEMBERED", 10)
    decoder = Decoder(OFFSET_NS, BASE)
    for n in range(100):
        state = State(ino=n)
        events(
            opened(b"/f", 2, os.O_WRONLY, state=state),
            record(RecordType.WROTE, walked(b"/f"), state=state),
            entries("UNLINKAT", b"/f", id=n),
            decoder=decoder,
        )
        assert max(len(decoder._touched), len(decoder._written), len(decoder._pending)) <= 12
