"""The numbers of the watched system calls are the kernel's, by its own headers, and none that matters is forgotten."""

from __future__ import annotations

import os
import re
import subprocess
from pathlib import Path
from typing import NamedTuple

import pytest

from roar_tracer_ptrace import dispatch, kernel
from roar_tracer_ptrace.calls import INTERFACES, X32_BIT, Op

pytestmark = pytest.mark.requirement("TRC-8", "TRC-10")

_CALLS: dict[Op, str] = {
    Op.OPEN: "open", Op.OPENAT: "openat", Op.CREAT: "creat", Op.OPENAT2: "openat2", Op.OPEN_BY_HANDLE: "open_by_handle_at",
    Op.MKNOD: "mknod", Op.MKNODAT: "mknodat", Op.RENAME: "rename", Op.RENAMEAT: "renameat", Op.RENAMEAT2: "renameat2",
    Op.LINK: "link", Op.LINKAT: "linkat", Op.SYMLINK: "symlink", Op.SYMLINKAT: "symlinkat",
    Op.UNLINK: "unlink", Op.UNLINKAT: "unlinkat", Op.TRUNCATE: "truncate", Op.TRUNCATE64: "truncate64",
    Op.FTRUNCATE: "ftruncate", Op.FTRUNCATE64: "ftruncate64", Op.UTIME: "utime utimes", Op.FUTIMESAT: "futimesat",
    Op.UTIMENSAT: "utimensat utimensat_time64", Op.EXECVE: "execve", Op.EXECVEAT: "execveat", Op.CHDIR: "chdir fchdir",
    Op.MMAP: "mmap mmap2", Op.IO_URING: "io_uring_setup",
    Op.CONFINE: "landlock_restrict_self",
    Op.SETUID: "setuid setfsuid setuid32 setfsuid32", Op.SETREUID: "setreuid setreuid32",
    Op.SETRESUID: "setresuid setresuid32", Op.SETGID: "setgid setfsgid setgid32 setfsgid32",
    Op.SETREGID: "setregid setregid32", Op.SETRESGID: "setresgid setresgid32",
    Op.IDENTITY: "setgroups setgroups32 capset",
    Op.ROOT: "chroot pivot_root mount umount umount2 setns open_tree open_tree_attr fsmount move_mount mount_setattr",
    Op.CLONE: "clone", Op.UNSHARE: "unshare", Op.SECCOMP: "seccomp", Op.PRCTL: "prctl", Op.PTRACE: "ptrace",
    Op.LIMIT: "setrlimit", Op.PRLIMIT: "prlimit64",
}  # fmt: skip
"""The names of the calls that do it, in any interface."""

_TELLING = re.compile(
    r"open|creat|renam|link|trunc|mknod|utime|exec|chdir|root|mount|tree|ns$|unshare|uring|clone|fork|mmap|ptrace|seccomp"
    r"|rlimit|handle|set(re|res|fs)?[ug]id|setgroups|capset|prctl|exchange|copy|splice|sendfile|acct|swap|quota|xattr|landlock"
)
_HARMLESS: dict[str, str] = {
    "reads or writes what was opened": "copy_file_range splice tee vmsplice sendfile sendfile64",
    "looks, and opens no content": "readlink readlinkat name_to_handle_at getxattr getxattrat lgetxattr fgetxattr listxattr"
    " listxattrat llistxattr flistxattr statmount listmount listns file_getattr",
    "changes what is beside the content": "setxattr setxattrat lsetxattr fsetxattr removexattr removexattrat lremovexattr"
    " fremovexattr file_setattr",
    "files that aren't in the file system": "mq_open mq_unlink perf_event_open pidfd_open memfd_create memfd_secret"
    " epoll_create epoll_create1 timer_create timerfd_create create_module",
    "mounts nothing until move_mount": "fsopen fsconfig fspick",
    "goes on with a ring that was told": "io_uring_enter io_uring_register",
    "the child does what its parent may": "fork vfork",
    "has its flags in memory; what a new namespace is good for is a call of its own": "clone3",
    "the group of the process, not its groups": "getrlimit ugetrlimit arch_prctl",
    "answers what is": "getgroups getgroups32 capget setsid",
    "the administrator's": "acct swapon swapoff quotactl quotactl_fd kexec_load kexec_file_load",
    "confines nobody until landlock_restrict_self": "landlock_create_ruleset landlock_add_rule",
    "of an old 32-bit libc: its arguments are in memory": "mmap",
}
"""Calls whose names sound as if they mattered, by why they don't."""


class Table(NamedTuple):
    """An interface and the header that tells its numbers."""

    machine: str
    audit: int
    header: str
    options: tuple[str, ...] = ()

    def __str__(self) -> str:
        return Path(self.header).stem

    @property
    def watched(self) -> dict[int, Op]:
        """What we have."""
        return next(one.numbers for one in INTERFACES[self.machine] if one.audit == self.audit)

    def numbers(self) -> dict[str, int]:
        """Every call of the header: its name and its number."""
        include = f"#include <{self.header}>\n"
        macros = self._preprocessed(include, "-dM")
        names = sorted(set(re.findall(r"^#define __NR_(\w+) ", macros, re.MULTILINE)) - {"syscalls"})
        expanded = self._preprocessed(include + "".join(f"@{name} __NR_{name}\n" for name in names), "-P")
        found: dict[str, int] = {}
        for name, one, two in re.findall(r"^@(\w+) \(?(\w+)(?: ?\+ ?(\w+))?\)?$", expanded, re.MULTILINE):
            found[name] = int(one, 0) + int(two or "0", 0)
        assert found.keys() == set(names)
        return found

    def _preprocessed(self, source: str, option: str) -> str:
        words = ["cc", "-E", option, *self.options, "-x", "c", "-"]
        return subprocess.run(words, input=source, capture_output=True, text=True, check=True).stdout


_GENERIC = Table(
    "aarch64",
    0xC00000B7,
    "asm-generic/unistd.h",
    ("-D__BITS_PER_LONG=64", "-D__ARCH_WANT_RENAMEAT", "-D__ARCH_WANT_SET_GET_RLIMIT", "-D__ARCH_WANT_SYS_CLONE3"),
)
_X86 = (
    Table("x86_64", 0xC000003E, "asm/unistd_64.h"),
    Table("x86_64", 0x40000003, "asm/unistd_32.h"),
)
_X32 = Table("x86_64", 0xC000003E, "asm/unistd_x32.h", (f"-D__X32_SYSCALL_BIT={X32_BIT}",))
_HERE = {"x86_64": (*_X86, _GENERIC), "aarch64": (_GENERIC,)}[os.uname().machine]
"""The headers of other machines aren't everywhere."""
_OF_NAME = {name: op for op, names in _CALLS.items() for name in names.split()}


def _expected(numbers: dict[str, int]) -> dict[int, Op]:
    wanted = {number: _OF_NAME[name] for name, number in numbers.items() if name in _OF_NAME}
    if "mmap2" in numbers:  # an i386 mmap has its arguments in memory
        del wanted[numbers["mmap"]]
    return wanted


def test_every_operation_has_a_name() -> None:
    assert set(_CALLS) == set(Op)


@pytest.mark.parametrize("table", _HERE, ids=str)
def test_the_numbers_are_the_header_s(table: Table) -> None:
    numbers = table.numbers()
    name_of = {number: name for name, number in numbers.items()}
    shared_with_x32 = {520, 521, 545} if table.header == "asm/unistd_64.h" else set()
    newer_than_the_header = {number for number in table.watched if number > max(name_of)} - shared_with_x32
    ours = {number: op for number, op in table.watched.items() if number not in shared_with_x32 | newer_than_the_header}
    assert {name_of.get(n, n): op.name for n, op in ours.items()} == {
        name_of[n]: op.name for n, op in _expected(numbers).items()
    }


def test_x32_shares_its_numbers_or_has_its_own() -> None:
    numbers = {name: number & ~X32_BIT for name, number in _X32.numbers().items()}
    watched = _X32.watched
    assert {name: watched.get(number) for name, number in numbers.items() if name in _OF_NAME} == {
        name: _OF_NAME[name] for name in numbers if name in _OF_NAME
    }


@pytest.mark.parametrize("table", _HERE, ids=str)
def test_no_call_that_sounds_as_if_it_mattered_is_forgotten(table: Table) -> None:
    harmless = {name for names in _HARMLESS.values() for name in names.split()}
    forgotten = [
        name
        for name, number in table.numbers().items()
        if _TELLING.search(name) and number not in table.watched and name not in harmless
    ]
    assert forgotten == []


def test_the_numbers_that_the_tracer_itself_calls_are_right() -> None:
    numbers = _HERE[0].numbers()
    assert {name: numbers[name] for name in kernel._NUMBERS} == kernel._NUMBERS
    assert numbers["openat2"] == kernel._OPENAT2


def test_an_interface_that_nobody_knows_is_told_apart_from_a_call_that_nobody_wants() -> None:
    own = INTERFACES[os.uname().machine][0]
    number, op = next(iter(own.numbers.items()))
    assert dispatch.op_of(own.audit, number) == op
    assert dispatch.op_of(own.audit, 10_000) is None
    with pytest.raises(KeyError):
        dispatch.op_of(0xC0000000, number)
