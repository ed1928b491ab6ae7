"""The seccomp filter stops the calls that matter and no others: by an interpreter of classic BPF, and by the kernel itself."""

from __future__ import annotations

import ctypes
import os
import signal
import struct
from collections.abc import Callable

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from roar_tracer_ptrace import kernel, powers
from roar_tracer_ptrace.calls import INTERFACES, X32_BIT, Interface, Op, is_of_interest
from roar_tracer_ptrace.stop import bpf

pytestmark = pytest.mark.requirement("TRC-8", "TRC-10")

_X86_64, _I386 = INTERFACES["x86_64"]
_HERE = os.uname().machine
_MOST_INSTRUCTIONS = 4096
"""BPF_MAXINSNS."""
_DENIED = 0x00050000 | 42
"""SECCOMP_RET_ERRNO: a call that is stopped fails with that number."""


def _run(program: bytes, number: int, audit: int, args: tuple[int, ...]) -> int:
    """What the program returns for a call, as the kernel would run it (struct seccomp_data, BPF of linux/filter.h)."""
    data = struct.pack("=IIQ6Q", number, audit, 0, *args)
    code = list(struct.iter_unpack("=HBBI", program))
    at = accumulator = 0
    while True:
        operation, holds, fails, constant = code[at]
        at += 1
        match operation:
            case 0x20:  # load a word
                (accumulator,) = struct.unpack_from("=I", data, constant)
            case 0x54:  # and
                accumulator &= constant
            case 0x05:  # jump
                at += constant
            case 0x15:  # equal
                at += holds if accumulator == constant else fails
            case 0x25:  # above
                at += holds if accumulator > constant else fails
            case 0x45:  # a bit in common
                at += holds if accumulator & constant else fails
            case 0x06:  # return
                return int(constant)
            case _:
                raise AssertionError(f"no such instruction: {operation:#x}")


_PROGRAMS = {
    (machine, without): bpf.program(bpf.USER_NOTIF, machine, without)
    for machine in INTERFACES
    for without in (frozenset[Op](), frozenset({Op.PTRACE}))
}
_machines = st.sampled_from(sorted(_PROGRAMS, key=str))
_TELLING = (
    0, 1, 2, 4, 7, 8, 16, 22, 0x4206, 0x200, 0x20000, 0x10000000, 2**32 - 1,
    os.O_PATH, os.O_TMPFILE, os.O_DIRECTORY, os.O_CREAT,
)  # fmt: skip
_halves = st.sampled_from(_TELLING) | st.integers(0, 2**32 - 1)
_narrow = st.tuples(*[_halves] * 6)


def _numbers(interface: Interface) -> st.SearchStrategy[int]:
    known = st.sampled_from(sorted(interface.numbers))
    near = st.builds(lambda number, more: max(0, number + more), known, st.integers(-1, 1))
    return known | near | st.integers(0, 2**32 - 1)


_PASSING: dict[Op, tuple[int, ...]] = {
    Op.OPEN: (0, os.O_PATH), Op.OPENAT: (-100, 0, os.O_DIRECTORY), Op.MMAP: (0, 0, 3, 2, -1, 0),
    Op.CLONE: (0x800,), Op.UNSHARE: (0x10,), Op.UNLINKAT: (-100, 0, 0x200), Op.FTRUNCATE: (-1, 5), Op.PRCTL: (21, 2),
    Op.SECCOMP: (2, 8), Op.PTRACE: (1,), Op.LIMIT: (8, 0), Op.PRLIMIT: (0, 7, 0, 1),
}  # fmt: skip
"""Arguments with which a call is of no interest, and fails without harm."""
_STOPPED: dict[Op, tuple[int, ...]] = {
    Op.MMAP: (0, 4096, 2, 1, -1, 0), Op.CLONE: (0x20000,), Op.UNSHARE: (0x10000000,), Op.FTRUNCATE: (-1, 0),
    Op.PRCTL: (22, 1), Op.SECCOMP: (1, 8), Op.PTRACE: (16,), Op.LIMIT: (7, 1), Op.PRLIMIT: (0, 7, 1),
}  # fmt: skip


@given(_machines, _narrow, st.data())
@settings(max_examples=600, deadline=None)
def test_it_stops_what_is_of_interest_and_nothing_else(
    which: tuple[str, frozenset[Op]], args: tuple[int, ...], data: st.DataObject
) -> None:
    machine, without = which
    interface = data.draw(st.sampled_from(INTERFACES[machine]))
    number = data.draw(_numbers(interface))
    op = interface.numbers.get(number & ~X32_BIT if machine == "x86_64" else number)
    matters = op is not None and op not in without and is_of_interest(op, args)
    assert _run(_PROGRAMS[which], number, interface.audit, args) == (bpf.USER_NOTIF if matters else bpf.ALLOW)


@pytest.mark.parametrize("machine", INTERFACES)
def test_it_tells_apart_each_number_and_its_neighbours(machine: str) -> None:
    program = _PROGRAMS[machine, frozenset()]
    for interface in INTERFACES[machine]:
        for number in range(max(interface.numbers) + 10):
            op = interface.numbers.get(number)
            for args in ((0,) * 6, (2**32 - 1,) * 6, (1, 8, 0, 0, 0, 0), (22, 1, 2, 1, 0, 0), (7, 7, 1, 1, 0, 0)):
                expected = op is not None and is_of_interest(op, args)
                assert _run(program, number, interface.audit, args) == (bpf.USER_NOTIF if expected else bpf.ALLOW)


_WIDE: dict[Op, tuple[int, ...]] = {Op.FTRUNCATE: (1,), Op.PTRACE: (0,), Op.PRLIMIT: (2,)}
"""Arguments that are a long or a pointer, of the operations of whose arguments it depends."""


@pytest.mark.parametrize("junk", [1, 0x80000000, 0xFFFFFFFF])
@pytest.mark.parametrize("machine", INTERFACES)
def test_what_is_in_the_upper_halves_of_registers_hides_nothing(machine: str, junk: int) -> None:
    """For an int the kernel takes the lower half, whatever the upper is."""
    interface = INTERFACES[machine][0]
    for number, op in interface.numbers.items():
        low = [arg & 0xFFFFFFFF for arg in (*_STOPPED.get(op, ()), *(0,) * 6)[:6]]
        args = tuple(arg if n in _WIDE.get(op, ()) else junk << 32 | arg for n, arg in enumerate(low))
        assert is_of_interest(op, args), op
        assert _run(_PROGRAMS[machine, frozenset()], number, interface.audit, args) == bpf.USER_NOTIF, op


@given(_machines, st.integers(0, 2**32 - 1), st.integers(0, 2**32 - 1), _narrow)
@example(("aarch64", frozenset[Op]()), 0xC000003E, 0, (0,) * 6)
@settings(max_examples=100, deadline=None)
def test_calls_by_an_interface_that_nobody_knows_are_stopped(
    which: tuple[str, frozenset[Op]], audit: int, number: int, args: tuple[int, ...]
) -> None:
    if audit not in (interface.audit for interface in INTERFACES[which[0]]):
        assert _run(_PROGRAMS[which], number, audit, args) == bpf.USER_NOTIF


@pytest.mark.parametrize("machine", INTERFACES)
def test_most_calls_are_let_go_after_few_instructions(machine: str) -> None:
    assert all(len(program) // 8 < _MOST_INSTRUCTIONS / 8 for program in _PROGRAMS.values())
    program = _PROGRAMS[machine, frozenset()]
    interface = INTERFACES[machine][0]
    for number in range(500):
        if number not in interface.numbers:
            assert _steps(program, number, interface.audit) <= 24


def _steps(program: bytes, number: int, audit: int) -> int:
    """How many instructions are run for a call of that number, which is none of ours."""
    code = list(struct.iter_unpack("=HBBI", program))
    at = accumulator = steps = 0
    while True:
        operation, holds, fails, constant = code[at]
        at, steps = at + 1, steps + 1
        if operation == 0x06:
            return steps
        if operation == 0x20:
            accumulator = {0: number, 4: audit}[constant]
        elif operation == 0x54:
            accumulator &= constant
        elif operation == 0x05:
            at += constant
        else:
            at += holds if (accumulator == constant if operation == 0x15 else accumulator > constant) else fails


# ---- the kernel's own opinion


def _child(body: Callable[[int], None]) -> bytes:
    """Runs something in a process of its own, which writes its answer to a pipe."""
    read, write = os.pipe()
    pid = os.fork()
    if not pid:
        try:
            body(write)
        finally:
            os._exit(0)
    os.close(write)
    with open(read, "rb") as file:
        said = file.read()
    os.waitpid(pid, 0)
    return said


@pytest.mark.parametrize("without", [frozenset[Op](), frozenset({Op.PTRACE})], ids=["all", "no ptrace"])
@pytest.mark.parametrize("action", [bpf.USER_NOTIF, bpf.TRACE])
def test_the_kernel_takes_it(action: int, without: frozenset[Op]) -> None:
    program = bpf.program(action, _HERE, without)

    def install(answer: int) -> None:
        try:
            done = kernel.install(program, powers.keeps_set_id(), listen=action == bpf.USER_NOTIF)
        except OSError as error:
            os.write(answer, f"failed: {error}".encode())
        else:
            os.write(answer, b"%d" % (done > 2 if action == bpf.USER_NOTIF else done == 0))

    assert _child(install) == b"1"


def test_the_kernel_stops_by_it_what_is_of_interest_and_nothing_else() -> None:
    """Each watched call of this machine's own interface is made, with arguments that matter and with some that don't."""
    numbers = INTERFACES[_HERE][0].numbers
    program = bpf.program(_DENIED, _HERE)
    tried = [(number, op, _STOPPED.get(op, ())) for number, op in numbers.items()]
    tried += [(number, op, _PASSING[op]) for number, op in numbers.items() if op in _PASSING]
    tried += [(number | X32_BIT, op, _STOPPED.get(op, ())) for number, op in numbers.items() if _HERE == "x86_64"]

    def attempt(answer: int) -> None:
        signal.alarm(300)  # if one of them waits
        kernel.install(program, powers.keeps_set_id(), listen=False)
        for number, _, args in tried:
            ctypes.set_errno(0)
            kernel.syscall(number, *args, *(0,) * (6 - len(args)))
            os.write(answer, b"%d " % (ctypes.get_errno() == 42))

    found = [bool(int(word)) for word in _child(attempt).split()]
    expected = [is_of_interest(op, tuple(arg % 2**64 for arg in (*args, *(0,) * 6))) for _, op, args in tried]
    assert len(found) == len(tried)
    assert [t for t, one, other in zip(tried, found, expected, strict=True) if one != other] == []
    assert sum(expected) > len(numbers)
