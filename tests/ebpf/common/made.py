"""Records of the probe and journals of them, made up."""

from __future__ import annotations

import stat
import struct
from collections.abc import Iterable
from pathlib import Path
from typing import NamedTuple

from roar.api.events import Event
from roar_tracer_ebpf.decode import Decoder
from roar_tracer_ebpf.journal import NAME
from roar_tracer_ebpf.layout import ACTION, BASE, HEAD, RecordType

OFFSET_NS = 1_000_000_000_000_000_000
"""CLOCK_REALTIME less CLOCK_MONOTONIC, as these tests have it."""
NOW_NS = 5_000_000_000
"""CLOCK_MONOTONIC of a record."""
PID = 4711
DEVICE = 8 << 20 | 3
"""As the kernel has it inside: 12 bits and 20."""
COUNTERS = (
    "emitted",
    "drops",
    "drop_bytes",
    "truncated",
    "suppressed",
    "enrol_failed",
    "lost_by_disk",
    "misses",
    "how",
    "end",
)


class State(NamedTuple):
    """Of a file, as the probe tells it."""

    ino: int = 77
    size: int = 100
    mtime: int = 900_000_000
    mtime_ns: int = 5
    ctime: int = 900_000_001
    ctime_ns: int = 6
    device: int = DEVICE
    mode: int = stat.S_IFREG | 0o644


A_FILE = State()
NOBODYS = State(0, 0, 0, 0, 0, 0, 0, 0)
"""Where a record tells nothing of a file."""


def walked(path: bytes) -> bytes:
    """A path as the kernel walks it: from the last name upwards, each with a NUL."""
    return b"".join(name + b"\0" for name in reversed(path.split(b"/")) if name)


def record(
    kind: int,
    *walks: bytes,
    flags: int = 0,
    pid: int = PID,
    time_ns: int = NOW_NS,
    state: State = NOBODYS,
    open_flags: int = 0,
    op: int = 0,
    id: int = 0,
) -> bytes:
    """One that tells of paths, or of none."""
    lengths = [len(walk) for walk in walks] + [0] * (4 - len(walks))
    return _packed(kind, flags, pid, time_ns, state, open_flags, op, id, (0, 0), lengths) + b"".join(walks)


def opened(path: bytes, access: int = 1, open_flags: int = 0, state: State = A_FILE, **more: int) -> bytes:
    """An OPEN."""
    return record(RecordType.OPEN, walked(path), op=access, open_flags=open_flags, state=state, **more)


def named(op: str, *names: tuple[bytes, bytes], number: int = 0, flags: int = 0, id: int = 0, **more: int) -> bytes:
    """A NAMES of the base tier: what a call was given, and from which directory each is meant."""
    data = b"".join(text + b"\0" + walked(base) for text, base in names)
    strings = [len(text) + 1 for text, _ in names] + [0] * (2 - len(names))
    walks = [len(walked(base)) for _, base in names] + [0] * (4 - len(names))
    state = NOBODYS._replace(size=number)
    head = _packed(RecordType.NAMES, flags, PID, NOW_NS, state, 0, ACTION[op], id, strings, walks)
    return head + data


def entries(op: str, *paths: bytes, flags: int = 0, id: int = 9, state: State = A_FILE, number: int = 0) -> bytes:
    """A NAMES of the fentry tier: what is about to be done to which entries."""
    walks = [walked(path) for path in paths]
    return record(RecordType.NAMES, *walks, flags=flags | 2 | 4, op=ACTION[op], id=id, state=state, open_flags=number)


def outcome(op: str, result: int = 0, id: int = 9, state: State = NOBODYS) -> bytes:
    """How it went."""
    action = ACTION[op] if op else 0
    size = result & 0xFFFFFFFFFFFFFFFF
    return record(RecordType.OUTCOME, op=action, id=id, state=state._replace(size=size))


def executed(
    program: bytes, directory: bytes = b"/", name: bytes = b"", state: State = A_FILE, flags: int = 0
) -> bytes:
    """An EXEC by a process whose root is ours."""
    walks = [walked(program), walked(directory), b""]
    lengths = [*(len(walk) for walk in walks), 0]
    head = _packed(RecordType.EXEC, flags, PID, NOW_NS, state, 0, 0, 0, (len(name) + 1, 0), lengths)
    return head + name + b"\0" + b"".join(walks)


def _packed(
    kind: int, flags: int, pid: int, time_ns: int, state: State, open_flags: int, op: int, id: int,
    strings: Iterable[int], walks: Iterable[int],
) -> bytes:  # fmt: skip
    return HEAD.pack(
        kind, flags, pid, time_ns, state.ino, state.size, state.mtime, state.ctime, state.mtime_ns, state.ctime_ns,
        state.device, state.mode, open_flags, op, id, *strings, *walks, 0,
    )  # fmt: skip


def events(*records: bytes, tier: int = BASE, decoder: Decoder | None = None, **more: int) -> list[Event]:
    """What a decoder makes of them."""
    decoder = decoder or Decoder(OFFSET_NS, tier, **more)  # type: ignore[arg-type]
    return list(decoder.events((one, 0) for one in records))


def with_coarse_times(decoder: Decoder) -> Decoder:
    """As on a kernel before 6.13."""
    decoder._keeps_fine_times = False
    return decoder


def framed(record: bytes, header: int = 0) -> bytes:
    """As it stands in the ring and in the journal."""
    return struct.pack("<II", len(record) | header, 0) + record + bytes(-len(record) % 8)


def journal(directory: Path, *records: bytes, rest: bytes = b"", **counters: int) -> Path:
    """A journal of records, and a rest that is none."""
    body = b"".join(map(framed, records)) + rest
    head = struct.pack("<8s10Q", b"ROAREBPF", *(counters.get(name, 0) for name in COUNTERS))
    (directory / NAME).write_bytes(head + body)
    return directory
