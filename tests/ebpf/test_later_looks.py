"""What the base tier learns of a file by a look after the call: never more than is sure."""

from __future__ import annotations

import os
from pathlib import Path
from types import SimpleNamespace

import pytest
from ebpf.common.made import (
    NOW_NS,
    OFFSET_NS,
    State,
    entries,
    events,
    named,
    opened,
    outcome,
    record,
    walked,
)  # fmt: skip

from roar.api.events import Event, FileStat, Kind
from roar_tracer_ebpf import clocks, decode
from roar_tracer_ebpf.layout import BASE, FENTRY, Flag, RecordType

pytestmark = pytest.mark.requirement("TRC-10")

AT_NS = OFFSET_NS + NOW_NS


def told(*records: bytes, tier: int = BASE) -> Event:
    (event,) = events(*records, tier=tier)
    return event


def test_a_file_without_a_name_that_gets_one_is_a_link_from_nothing(tmp_path: Path) -> None:
    (tmp_path / "made").write_text("x")
    base = os.fsencode(tmp_path)
    facts = os.stat(tmp_path / "made")
    state = State(ino=facts.st_ino, size=0, device=os.major(facts.st_dev) << 20 | os.minor(facts.st_dev))
    made = opened(b"/tmp/#77", 3, os.O_RDWR | os.O_TMPFILE, flags=int(Flag.UNLINKED | Flag.CREATED), state=state)
    by_proc = named("LINKAT", (b"/proc/self/fd/3", b"/"), (b"made", base), number=0x400)
    by_descriptor = named("LINKAT", (b"", b"/tmp/#77"), (b"made", base), number=0x1000, flags=int(Flag.UNLINKED))
    exact = entries("LINKAT", b"/tmp/#77", base + b"/made", flags=int(Flag.UNLINKED))
    for records, tier in (((made, by_proc), BASE), ((by_descriptor,), BASE), ((exact, outcome("LINKAT")), FENTRY)):
        event = told(*records, tier=tier)
        assert (event.kind, event.path, event.path2) == (Kind.LINK, b"", base + b"/made")


def test_a_file_that_never_had_a_name_is_no_input_when_it_is_opened_again() -> None:
    made = opened(b"/tmp/#77", 3, os.O_RDWR | os.O_TMPFILE, flags=int(Flag.UNLINKED | Flag.CREATED))
    again = opened(b"/tmp/#77", 3, os.O_RDWR, flags=int(Flag.UNLINKED))
    assert events(made, again) == []


def test_a_file_from_before_that_gets_a_name_by_its_descriptor_is_for_the_core_to_know(tmp_path: Path) -> None:
    (tmp_path / "new").write_text("x")
    by_proc = named("LINKAT", (b"/proc/self/fd/3", b"/"), (b"new", os.fsencode(tmp_path)), number=0x400)
    assert told(by_proc).path == b"/proc/self/fd/3"


@pytest.mark.requirement("HASH-2")
@pytest.mark.parametrize("op", ["LINK", "RENAME"])
@pytest.mark.parametrize(
    ("changed_ns", "named_ns", "known"),
    [(10**9, 0, True), (10**9, 5_000_000, True), (1_000_000, 1_000_000, False), (10**9, -1, False)],
    ids=["long ago", "named within the tick", "changed within the tick", "named or changed since"],
)
def test_a_state_that_may_be_later_than_the_call_is_not_taken_for_the_calls(
    op: str, changed_ns: int, named_ns: int, known: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    """ctime is the call's own doing; a change within the same tick of the kernel's clock shows in mtime alone."""
    seen = FileStat(1, 2, 3, AT_NS - changed_ns, AT_NS - named_ns, 0o100644)
    monkeypatch.setattr(decode, "_look", {b"/new": seen}.get)
    assert told(named(op, (b"old", b"/"), (b"new", b"/"))).stat == (seen if known else None)


def test_a_truncation_to_a_length_stays_one_when_the_file_has_gone_since(tmp_path: Path) -> None:
    event = told(named("TRUNCATE", (b"gone", os.fsencode(tmp_path)), number=5))
    assert (event.kind, event.wrote, event.existed, event.stat) == (Kind.WRITE, True, True, None)


@pytest.mark.requirement("HASH-2")
@pytest.mark.parametrize("tier", [BASE, FENTRY], ids=["base", "fentry"])
@pytest.mark.parametrize(
    ("content", "length", "later_ns", "kind"),
    [
        (b"", 9, 10**9, Kind.TRUNCATE),
        (b"text", 2, 10**9, Kind.WRITE),
        (b"text", 9, 10**9, Kind.WRITE),
        (b"", 8, 10**9, Kind.WRITE),
        (b"", 9, -(10**9), Kind.WRITE),
    ],
    ids=["empty", "cut", "extended", "of another length by now", "changed since"],
)
def test_of_a_file_that_was_empty_a_truncation_to_a_length_leaves_nothing(
    content: bytes, length: int, later_ns: int, kind: Kind, tier: int, tmp_path: Path
) -> None:
    """Nothing of it is an input then: it consists of a hole."""
    file = tmp_path / "file"
    file.write_bytes(content)
    os.truncate(file, 9 if length == 8 else length)
    decoder = decode.Decoder(file.stat().st_ctime_ns + later_ns - NOW_NS, tier)
    if tier == BASE:
        made = named("TRUNCATE", (b"file", os.fsencode(tmp_path)), number=length)
    else:
        made = record(RecordType.WROTE, walked(os.fsencode(file)), state=State(size=length))
    (event,) = events(made, decoder=decoder)
    assert (event.kind, event.path) == (kind, os.fsencode(file))


def test_what_is_no_file_is_not_looked_into(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "pipe")
    assert told(named("TRUNCATE", (b"pipe", os.fsencode(tmp_path)), number=5)).kind == Kind.WRITE


def test_the_clocks_are_compared_by_the_look_in_which_least_time_passed(monkeypatch: pytest.MonkeyPatch) -> None:
    """Roar may be put aside between them."""
    passed, now = iter([20, 0, 10**10, 3, 5, 100, 100, 100] * 2), [1000]

    def look() -> int:
        now[0] += next(passed)
        return now[0]

    clock = SimpleNamespace(monotonic_ns=look, time_ns=lambda: look() + OFFSET_NS)
    monkeypatch.setattr(clocks, "time", clock)
    assert OFFSET_NS - 200 <= clocks.to_realtime_ns() <= OFFSET_NS
