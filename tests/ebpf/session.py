"""Driving `roar-ebpf trace` without roar: starting it, enrolling a process, reading its journal."""

from __future__ import annotations

import fcntl
import os
import socket
import struct
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

HEADER = struct.Struct("<8s10Q")
REPLY = struct.Struct("<II2QIIII96s32s")
FINISHED = 1 << 32
ENROL, OPEN = 1, 2
WAIT_S = 120
"""Far longer than anything takes: something hangs."""

# enrols itself, then becomes the command
_ENROL = """
import os, sys
try:
    os.posix_fadvise(-1, int(sys.argv[1]), int(sys.argv[2]), 0x524F4152)
except OSError:
    pass
os.execv(sys.argv[3], sys.argv[3:])
"""


class Reply(NamedTuple):
    """The first thing that it says."""

    error: int
    tier: int
    cookie: tuple[int, int]
    ring_bytes: int
    variant: int
    skipped: int
    probe: int
    step: str
    advice: str


class Header(NamedTuple):
    """The journal's."""

    magic: bytes
    emitted: int
    drops: int
    drop_bytes: int
    truncated: int
    suppressed: int
    enrol_failed: int
    lost_by_disk: int
    misses: int
    flags: int
    end: int


class Session:
    """A running `roar-ebpf trace`.

    Args:
        program: the program.
        journal: the file to make.
        words: more words for the command line.
        caller: what starts it, hostile/caller.c.
        options: for `caller`, beginning with the user's number.
    """

    def __init__(self, program: Path, journal: Path, *words: str, caller: Path, options: str = "0") -> None:
        self.journal = journal
        self.control, theirs = socket.socketpair()
        self.control.settimeout(WAIT_S)
        fd = os.open(journal, os.O_RDWR | os.O_CREAT | os.O_EXCL, 0o600)
        # above the numbers that they are to get
        passed = [fcntl.fcntl(number, fcntl.F_DUPFD_CLOEXEC, 20) for number in (theirs.fileno(), fd)]
        theirs.close()
        os.close(fd)
        user, *more = options.split()
        numbers = [f"fd=3:{passed[0]}", f"fd=4:{passed[1]}"]
        start = [str(caller), user, *numbers, *more, "--", str(program), "trace", *words]
        self.process = subprocess.Popen(
            start, pass_fds=passed, stdin=subprocess.DEVNULL, stderr=subprocess.PIPE, start_new_session=True
        )
        for number in passed:
            os.close(number)
        self.reply = self._reply()

    def _reply(self) -> Reply | None:
        data = b""
        while len(data) < REPLY.size:
            block = self.control.recv(REPLY.size - len(data))
            if not block:
                return None
            data += block
        error, tier, first, second, ring, variant, skipped, probe, step, advice = REPLY.unpack(data)
        texts = [field.partition(b"\0")[0].decode() for field in (step, advice)]
        return Reply(error, tier, (first, second), ring, variant, skipped, probe, *texts)

    @property
    def armed(self) -> Reply:
        """The reply, which must be that it is armed."""
        assert self.reply is not None, self.process.communicate(timeout=WAIT_S)
        assert self.reply.error == 0, self.reply
        return self.reply

    def run(self, *command: str, user: int | None = None) -> subprocess.CompletedProcess[bytes]:
        """Runs a command that is traced, as the user `user`."""
        first, second = self.armed.cookie
        # of the system: a user may not be able to execute the one of the tests
        python = sys.executable if user is None else "/usr/bin/python3"
        start = [python, "-S", "-c", _ENROL, str(first), str(second), *command]
        more = {} if user is None else {"user": user, "group": user, "extra_groups": []}
        return subprocess.run(start, check=True, capture_output=True, cwd="/", timeout=WAIT_S, **more)  # type: ignore[call-overload,no-any-return]

    def sync(self) -> bytes:
        """Has the ring drained; its answer."""
        self.control.sendall(b"S")
        return self.control.recv(1)

    def header(self) -> Header:
        """The journal's header."""
        return Header(*HEADER.unpack(self.journal.read_bytes()[: HEADER.size]))

    def records(self) -> Iterator[tuple[int, bytes]]:
        """Type and payload of each record."""
        data, at, end = self.journal.read_bytes(), HEADER.size, self.header().end
        while at < end:
            length = struct.unpack_from("<I", data, at)[0]
            assert length < 1 << 16, "neither busy nor discarded, and of a length that the probe writes"
            yield struct.unpack_from("<H", data, at + 8)[0], data[at + 8 : at + 8 + length]
            at += (length + 15) & ~7
        assert at == end

    def names(self) -> set[bytes]:
        """The first component of each opened file's path, which is kept from the file upwards."""
        return {
            part for kind, payload in self.records() if kind == OPEN for part in payload.split(b"\0") if len(part) > 3
        }

    def objects(self) -> dict[str, set[int]]:
        """Ids of the programs and maps that it holds."""
        found: dict[str, set[int]] = {"prog_id": set(), "map_id": set()}
        for entry in Path(f"/proc/{self.process.pid}/fdinfo").iterdir():
            for line in entry.read_text().splitlines():
                key, _, value = line.partition(":")
                if key in found:
                    found[key].add(int(value))
        return found

    def close(self) -> int:
        """Has it end; its exit code."""
        self.control.close()
        try:
            return self.process.wait(WAIT_S)
        finally:
            if self.process.stderr is not None:
                self.process.stderr.close()

    def __enter__(self) -> Session:
        return self

    def __exit__(self, *_: object) -> None:
        if self.process.poll() is None:
            self.process.kill()
        self.close()
