"""Finds programs and libraries that call the kernel themselves, past libc and so past the shim.

Compilers put the number of a system call into a register right before the instruction, which makes such a call known from
its bytes: ``mov $2, %eax … syscall``.  A number that is a variable is a `syscall` function of the object's own.  Calls that
concern no file (libgomp and allocators call futex so) don't count.  Known for x86-64; elsewhere only Go is.
"""

from __future__ import annotations

import os
import re

from roar_tracer_preload import elf

_MOST_BYTES = 64 << 20
"""A larger object is a world of its own; it isn't read."""
_SYSCALL = b"\x0f\x05"
_REACH = 24
"""Bytes between the number and the call: six registers are loaded, three to five bytes each."""
_FILE_CALLS = frozenset({2, 59, 76, 82, 85, 86, 87, 88, 257, 263, 264, 265, 266, 304, 316, 322, 425, 437})
"""open execve truncate rename creat link unlink symlink openat unlinkat renameat linkat symlinkat open_by_handle_at
renameat2 execveat io_uring_setup openat2: asm/unistd_64.h."""
_NUMBER = re.compile(
    rb"(?<![\x40-\x4f])\xb8(..\x00\x00)", re.DOTALL
)  # mov $number, %eax; prefixed, it is another register
_VARIABLE = b"\x48\x89\xf8"  # mov %rdi, %rax: the number is the first argument of syscall(number, …)
_ERROR_CHECK = re.compile(rb"\x48\x3d[\x00\x01]\xf0\xff\xff|\xc3")  # cmp $-4096 or -4095, %rax; ret
_USES_RESULT = re.compile(
    rb"[\x31\x3d\x41\x44\x45\x48\x49\x4c\x5b\x5d\x74\x75\x83\x85\x89\x8b\xb8\xc3\xc7\xe9\xeb\xf7]"
)
"""First bytes of what follows a call: it tests, moves or returns %rax.  Two chance bytes of other code are mostly followed by 0."""


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
            return any(_has_file_call(elf.read_at(file.fileno(), s.offset, s.size, _MOST_BYTES)) for s in code)
    except OSError:
        return False


def _has_file_call(code: bytes) -> bool:
    at = code.find(_SYSCALL)
    while at >= 0:
        before = code[max(0, at - _REACH) : at]
        numbers = _NUMBER.findall(before)
        if numbers:
            if int.from_bytes(numbers[-1], "little") in _FILE_CALLS and _USES_RESULT.match(code, at + 2):
                return True
        elif _VARIABLE in before and _ERROR_CHECK.match(code, at + 2):
            return True
        at = code.find(_SYSCALL, at + 2)
    return False
