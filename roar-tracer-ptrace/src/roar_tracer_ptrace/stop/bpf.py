"""The seccomp filter: a classic BPF program that stops the calls of `calls` and lets all others pass at once.

The numbers are a binary search, as most calls are none of ours; where the arguments tell that a call can't matter it isn't
stopped.  For numbers that are always allowed the kernel remembers so and doesn't run the program at all (since 5.11).
"""

from __future__ import annotations

import os
import struct

from roar_tracer_ptrace.calls import (
    AT_REMOVEDIR,
    CLONE_NEWNS,
    CLONE_NEWUSER,
    CLONE_UNTRACED,
    INTERFACES,
    MAP_SHARED,
    O_CHANGES,
    PR_SET_SECCOMP,
    PROT_WRITE,
    PTRACE_ATTACHING,
    RLIMIT_NOFILE,
    SECCOMP_SET_MODE_FILTER,
    SECCOMP_SET_MODE_STRICT,
    X32_BIT,
    Op,
)

USER_NOTIF, TRACE, ALLOW = 0x7FC00000, 0x7FF00000, 0x7FFF0000
"""SECCOMP_RET_… of linux/seccomp.h."""

_LOAD, _JUMP, _RETURN, _AND = 0x20, 0x05, 0x06, 0x54
_EQUAL, _ABOVE, _ANY_BIT = 0x15, 0x25, 0x45
_NUMBER_AT, _ARCH_AT, _ARGS_AT = 0, 4, 16
_STOP, _PASS = "stop", "pass"

_Test = tuple[int, int, int, str, str]
"""Argument, comparison, constant, and where to go when it holds and when not: a label, or empty for the next test."""
_NAMESPACES = CLONE_NEWNS | CLONE_NEWUSER


def _open_tests(flags: int) -> list[_Test]:
    return [
        (flags, _ANY_BIT, os.O_PATH, _PASS, ""),
        (flags, _ANY_BIT, O_CHANGES, _STOP, ""),
        (flags, _ANY_BIT, os.O_DIRECTORY, _PASS, _STOP),
    ]


_TESTS: dict[Op, list[_Test]] = {
    Op.OPEN: _open_tests(1),
    Op.OPENAT: _open_tests(2),
    Op.MMAP: [(2, _ANY_BIT, PROT_WRITE, "", _PASS), (3, _ANY_BIT, MAP_SHARED, _STOP, _PASS)],
    Op.CLONE: [(0, _ANY_BIT, _NAMESPACES | CLONE_UNTRACED, _STOP, _PASS)],
    Op.UNSHARE: [(0, _ANY_BIT, _NAMESPACES, _STOP, _PASS)],
    Op.UNLINKAT: [(2, _ANY_BIT, AT_REMOVEDIR, _PASS, _STOP)],
    Op.FTRUNCATE: [(1, _EQUAL, 0, _STOP, _PASS)],
    Op.FTRUNCATE64: [(1, _EQUAL, 0, "", _PASS), (2, _EQUAL, 0, _STOP, _PASS)],
    Op.PRCTL: [(0, _EQUAL, PR_SET_SECCOMP, _STOP, _PASS)],
    Op.SECCOMP: [(0, _EQUAL, SECCOMP_SET_MODE_STRICT, _STOP, ""), (0, _EQUAL, SECCOMP_SET_MODE_FILTER, _STOP, _PASS)],
    Op.PTRACE: [(0, _EQUAL, request, _STOP, "") for request in PTRACE_ATTACHING[:-1]]
    + [(0, _EQUAL, PTRACE_ATTACHING[-1], _STOP, _PASS)],
    Op.LIMIT: [(0, _EQUAL, RLIMIT_NOFILE, _STOP, _PASS)],
    Op.PRLIMIT: [(1, _EQUAL, RLIMIT_NOFILE, "", _PASS), (2, _EQUAL, 0, _PASS, _STOP)],
}
"""What `calls.is_of_interest` says, for the kernel.  An argument's low 32 bits suffice; NULL is none of a pointer's halves."""


class _Assembler:
    """Instructions with labels.  A conditional jump reaches 255 instructions, an unconditional one anything."""

    def __init__(self) -> None:
        self._code: list[tuple[int, int, str, str]] = []  # operation, constant, where to if it holds, where to if not
        self._labels: dict[str, int] = {}

    def label(self, name: str) -> None:
        self._labels[name] = len(self._code)

    def add(self, operation: int, constant: int = 0, holds: str = "", fails: str = "") -> None:
        self._code.append((operation, constant, holds, fails))

    def jump(self, target: str) -> None:
        self.add(_JUMP, 0, target)

    def bytes(self) -> bytes:
        out = bytearray()
        for at, (operation, constant, holds, fails) in enumerate(self._code):
            forward = [self._labels[name] - at - 1 if name else 0 for name in (holds, fails)]
            if min(forward) < 0:
                raise ValueError("a jump goes back")
            if operation == _JUMP:
                out += struct.pack("=HBBI", operation, 0, 0, forward[0])
            else:
                out += struct.pack("=HBBI", operation, *forward, constant)
        return bytes(out)


def program(action: int, machine: str, without: frozenset[Op] = frozenset()) -> bytes:
    """The filter.

    Args:
        action: what happens to calls of interest: `USER_NOTIF` or `TRACE`.
        machine: as uname(2) names it; one of `calls.INTERFACES`.
        without: operations that are of no interest.

    Returns:
        An array of struct sock_filter.
    """
    code = _Assembler()
    code.add(_LOAD, _ARCH_AT)
    for interface in INTERFACES[machine]:
        name = f"{interface.audit:x}"
        code.add(_EQUAL, interface.audit, f"is {name}", "")
        code.jump(f"not {name}")
        code.label(f"is {name}")
        numbers = {number: op for number, op in interface.numbers.items() if op not in without}
        code.add(_LOAD, _NUMBER_AT)
        if machine == "x86_64":
            code.add(_AND, 0xFFFFFFFF & ~X32_BIT)
        _search(code, name, sorted(numbers.items()), action)
        code.label(f"not {name}")
    code.add(_RETURN, action)  # an interface that we don't know
    return code.bytes()


def _search(code: _Assembler, name: str, numbers: list[tuple[int, Op]], action: int) -> None:
    """Leaves by a return for every number."""
    if len(numbers) > 4:
        middle = len(numbers) // 2
        upper = f"{name} above {numbers[middle - 1][0]}"
        code.add(_ABOVE, numbers[middle - 1][0], "", f"{upper}: no")
        code.jump(upper)
        code.label(f"{upper}: no")
        _search(code, name, numbers[:middle], action)
        code.label(upper)
        _search(code, name, numbers[middle:], action)
        return
    for number, op in numbers:
        after = f"{name} not {number}"
        code.add(_EQUAL, number, "", after)
        _call(code, f"{name} {number}", op, action)
        code.label(after)
    code.add(_RETURN, ALLOW)


def _call(code: _Assembler, name: str, op: Op, action: int) -> None:
    argument = -1
    for which, comparison, constant, holds, fails in _TESTS.get(op, []):
        if which != argument:
            code.add(_LOAD, _ARGS_AT + 8 * which)
            argument = which
        code.add(comparison, constant, holds and f"{name} {holds}", fails and f"{name} {fails}")
    code.label(f"{name} {_STOP}")
    code.add(_RETURN, action)
    code.label(f"{name} {_PASS}")
    if op in _TESTS:
        code.add(_RETURN, ALLOW)
