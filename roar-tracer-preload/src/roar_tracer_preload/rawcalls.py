"""Finds programs and libraries that call the kernel themselves, past libc and so past the shim.

Compilers put the number of a system call into a register right before the instruction, which makes such a call known from
its bytes: ``mov $2, %eax … syscall``.  A number that is a variable is a `syscall` function of the object's own.  Calls that
concern no file (libgomp and allocators call futex so) don't count.  Known for x86-64, with both of its instructions: `syscall`,
and `int $0x80`, which has the numbers of i386.  Elsewhere only Go is known.
"""

from __future__ import annotations

import os
import re
from typing import NamedTuple

from roar_tracer_preload import elf

_MOST_BYTES = 64 << 20
"""A larger object is a world of its own; it isn't read."""
_REACH = 32
"""Bytes between the number and the call: six registers are loaded, three to seven bytes each."""
_NUMBER = re.compile(
    rb"(?<![\x40-\x4f])\xb8(..\x00\x00)", re.DOTALL
)  # mov $number, %eax; prefixed, it is another register
_USES_RESULT = re.compile(
    rb"[\x31\x3d\x41\x44\x45\x48\x49\x4c\x5b\x5d\x74\x75\x83\x85\x89\x8b\xb8\xc1\xc3\xc7\xe9\xeb\xf7]"
)
"""First bytes of what follows a call: it tests, shifts, moves or returns %rax.  Two chance bytes of other code are mostly followed by 0."""


class _Entry(NamedTuple):
    """An instruction that calls the kernel."""

    code: bytes
    file_calls: frozenset[int]
    """Numbers of the calls that concern files, of asm/unistd_64.h or asm/unistd_32.h."""
    variable: bytes
    """What moves the first argument into the number: syscall(number, …)."""
    error_check: re.Pattern[bytes]
    """What follows in such a function."""


_ENTRIES = (
    _Entry(
        b"\x0f\x05",  # syscall
        # open execve truncate rename creat link unlink symlink mknod openat mknodat unlinkat renameat linkat symlinkat
        # open_by_handle_at renameat2 execveat io_uring_setup openat2
        frozenset({2, 59, 76, 82, 85, 86, 87, 88, 133, 257, 259, 263, 264, 265, 266, 304, 316, 322, 425, 437}),
        b"\x48\x89\xf8",  # mov %rdi, %rax
        re.compile(rb"\x48\x3d[\x00\x01]\xf0\xff\xff|\xc3"),  # cmp $-4096 or -4095, %rax; ret
    ),
    _Entry(
        b"\xcd\x80",  # int $0x80
        # open creat link unlink execve mknod rename symlink truncate truncate64 openat mknodat unlinkat renameat linkat
        # symlinkat open_by_handle_at renameat2 execveat io_uring_setup openat2
        frozenset({5, 8, 9, 10, 11, 14, 38, 83, 92, 193, 295, 297, 301, 302, 303, 304, 342, 353, 358, 425, 437}),
        b"\x89\xf8",  # mov %edi, %eax
        # cmp $-4096 or -4095, %eax or %rax; ret; pop %rbx, ret; cltq
        re.compile(rb"\x48?\x3d[\x00\x01]\xf0\xff\xff|\x5b?\xc3|\x48\x98"),
    ),
)


def calls_kernel(path: bytes) -> bool:
    """Whether the code of an ELF file makes system calls that concern files; False for what can't be read."""
    try:
        with open(path, "rb", buffering=0) as file:
            head = file.read(elf.HEAD_BYTES)
            if not elf.is_elf(head) or elf.machine(head) is None:
                return False
            if elf.is_go(head):
                return True
            if elf.machine(head) != elf.X86_64 or os.fstat(file.fileno()).st_size > _MOST_BYTES:
                return False
            code = [s for s in elf.segments(head) if s.kind == elf.PT_LOAD and s.flags & elf.PF_X]
            codes = (elf.read_at(file.fileno(), s.offset, s.size, _MOST_BYTES) for s in code)
            return any(_has_file_call(bytes_, entry) for bytes_ in codes for entry in _ENTRIES)
    except OSError:
        return False


def _has_file_call(code: bytes, entry: _Entry) -> bool:
    at = code.find(entry.code)
    while at >= 0:
        before = code[max(0, at - _REACH) : at]
        numbers = _NUMBER.findall(before)
        if numbers:
            if int.from_bytes(numbers[-1], "little") in entry.file_calls and _USES_RESULT.match(code, at + 2):
                return True
        elif entry.variable in before and entry.error_check.match(code, at + 2):
            return True
        at = code.find(entry.code, at + 2)
    return False
