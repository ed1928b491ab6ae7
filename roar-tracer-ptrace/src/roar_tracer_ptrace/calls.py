"""Which system calls are watched: their numbers in each of the kernel's interfaces, and what they have in common.

Numbers from Linux's arch/x86/entry/syscalls/syscall_{64,32}.tbl and include/uapi/asm-generic/unistd.h.
"""

from __future__ import annotations

import os
from enum import IntEnum, auto
from typing import NamedTuple


class Op(IntEnum):
    """What a system call does, whatever its number.  The comment gives the arguments."""

    OPEN = auto()  # path, flags, mode
    OPENAT = auto()  # directory, path, flags, mode
    CREAT = auto()  # path, mode
    OPENAT2 = auto()  # directory, path, struct open_how, its size
    OPEN_BY_HANDLE = auto()  # mount, struct file_handle, flags
    MKNOD = auto()  # path, mode
    MKNODAT = auto()  # directory, path, mode
    RENAME = auto()  # old, new
    RENAMEAT = auto()  # directory, old, directory, new
    RENAMEAT2 = auto()  # directory, old, directory, new, flags
    LINK = auto()  # old, new
    LINKAT = auto()  # directory, old, directory, new, flags
    SYMLINK = auto()  # text, path
    SYMLINKAT = auto()  # text, directory, path
    UNLINK = auto()  # path
    UNLINKAT = auto()  # directory, path, flags
    TRUNCATE = auto()  # path, length
    TRUNCATE64 = auto()  # path, length in two halves
    FTRUNCATE = auto()  # descriptor, length
    FTRUNCATE64 = auto()  # descriptor, length in two halves
    UTIME = auto()  # path, times
    FUTIMESAT = auto()  # directory, path, times
    UTIMENSAT = auto()  # directory, path, times, flags
    EXECVE = auto()  # path, argv, envp
    EXECVEAT = auto()  # directory, path, argv, envp, flags
    CHDIR = auto()  # whatever
    MMAP = auto()  # address, length, protection, flags, descriptor
    IO_URING = auto()
    SETUID = auto()  # user: of setfsuid(2), too
    SETREUID = auto()  # two users
    SETRESUID = auto()  # three users
    SETGID = auto()  # group: of setfsgid(2), too
    SETREGID = auto()  # two groups
    SETRESGID = auto()  # three groups
    IDENTITY = auto()  # groups and capabilities of the process change
    CONFINE = auto()  # Landlock: files are refused that permissions would allow
    ROOT = auto()  # chroot, pivot_root, mounts: paths change their meaning
    CLONE = auto()  # flags
    UNSHARE = auto()  # flags
    SECCOMP = auto()  # operation, flags
    PRCTL = auto()  # option, mode, struct sock_fprog
    PTRACE = auto()  # request
    LIMIT = auto()  # resource
    PRLIMIT = auto()  # process, resource


class Interface(NamedTuple):
    """One of the ways into the kernel."""

    audit: int
    """AUDIT_ARCH_… of linux/audit.h, as struct seccomp_data has it."""
    numbers: dict[int, Op]


_COMMON = {425: Op.IO_URING, 437: Op.OPENAT2, 446: Op.CONFINE, **dict.fromkeys((428, 429, 432, 442, 467), Op.ROOT)}
"""From 403 on a number means the same everywhere: io_uring_setup, openat2, landlock_restrict_self; and open_tree, move_mount,
fsmount, mount_setattr, open_tree_attr."""

_X86_64 = {
    2: Op.OPEN, 257: Op.OPENAT, 85: Op.CREAT, 304: Op.OPEN_BY_HANDLE, 133: Op.MKNOD, 259: Op.MKNODAT,
    82: Op.RENAME, 264: Op.RENAMEAT, 316: Op.RENAMEAT2, 86: Op.LINK, 265: Op.LINKAT, 88: Op.SYMLINK, 266: Op.SYMLINKAT,
    87: Op.UNLINK, 263: Op.UNLINKAT, 76: Op.TRUNCATE, 77: Op.FTRUNCATE, 132: Op.UTIME, 235: Op.UTIME, 261: Op.FUTIMESAT, 280: Op.UTIMENSAT,
    59: Op.EXECVE, 322: Op.EXECVEAT, 80: Op.CHDIR, 81: Op.CHDIR, 9: Op.MMAP,
    105: Op.SETUID, 122: Op.SETUID, 113: Op.SETREUID, 117: Op.SETRESUID,
    106: Op.SETGID, 123: Op.SETGID, 114: Op.SETREGID, 119: Op.SETRESGID,
    116: Op.IDENTITY, 126: Op.IDENTITY,  # setgroups capset
    155: Op.ROOT, 161: Op.ROOT, 165: Op.ROOT, 166: Op.ROOT, 308: Op.ROOT,  # pivot_root chroot mount umount2 setns
    56: Op.CLONE, 272: Op.UNSHARE, 317: Op.SECCOMP, 157: Op.PRCTL, 101: Op.PTRACE, 160: Op.LIMIT, 302: Op.PRLIMIT,
    520: Op.EXECVE, 545: Op.EXECVEAT, 521: Op.PTRACE,  # of x32, which shares the other numbers
    **_COMMON,
}  # fmt: skip
_I386 = {
    5: Op.OPEN, 295: Op.OPENAT, 8: Op.CREAT, 342: Op.OPEN_BY_HANDLE, 14: Op.MKNOD, 297: Op.MKNODAT,
    38: Op.RENAME, 302: Op.RENAMEAT, 353: Op.RENAMEAT2, 9: Op.LINK, 303: Op.LINKAT, 83: Op.SYMLINK, 304: Op.SYMLINKAT,
    10: Op.UNLINK, 301: Op.UNLINKAT, 92: Op.TRUNCATE, 193: Op.TRUNCATE64, 93: Op.FTRUNCATE, 194: Op.FTRUNCATE64,
    30: Op.UTIME, 271: Op.UTIME, 299: Op.FUTIMESAT,
    320: Op.UTIMENSAT, 412: Op.UTIMENSAT, 11: Op.EXECVE, 358: Op.EXECVEAT, 12: Op.CHDIR, 133: Op.CHDIR, 192: Op.MMAP,
    # with 16-bit and with 32-bit ids
    23: Op.SETUID, 138: Op.SETUID, 70: Op.SETREUID, 164: Op.SETRESUID,
    213: Op.SETUID, 215: Op.SETUID, 203: Op.SETREUID, 208: Op.SETRESUID,
    46: Op.SETGID, 139: Op.SETGID, 71: Op.SETREGID, 170: Op.SETRESGID,
    214: Op.SETGID, 216: Op.SETGID, 204: Op.SETREGID, 210: Op.SETRESGID,
    81: Op.IDENTITY, 206: Op.IDENTITY, 185: Op.IDENTITY,
    217: Op.ROOT, 61: Op.ROOT, 21: Op.ROOT, 22: Op.ROOT, 52: Op.ROOT, 346: Op.ROOT,
    120: Op.CLONE, 310: Op.UNSHARE, 354: Op.SECCOMP, 172: Op.PRCTL, 26: Op.PTRACE, 75: Op.LIMIT, 340: Op.PRLIMIT,
    **_COMMON,
}  # fmt: skip
_AARCH64 = {
    56: Op.OPENAT, 265: Op.OPEN_BY_HANDLE, 33: Op.MKNODAT, 38: Op.RENAMEAT, 276: Op.RENAMEAT2, 37: Op.LINKAT,
    36: Op.SYMLINKAT, 35: Op.UNLINKAT, 45: Op.TRUNCATE, 46: Op.FTRUNCATE, 88: Op.UTIMENSAT,
    221: Op.EXECVE, 281: Op.EXECVEAT, 49: Op.CHDIR, 50: Op.CHDIR, 222: Op.MMAP,
    146: Op.SETUID, 151: Op.SETUID, 145: Op.SETREUID, 147: Op.SETRESUID,
    144: Op.SETGID, 152: Op.SETGID, 143: Op.SETREGID, 149: Op.SETRESGID,
    159: Op.IDENTITY, 91: Op.IDENTITY,
    41: Op.ROOT, 51: Op.ROOT, 40: Op.ROOT, 39: Op.ROOT, 268: Op.ROOT,
    220: Op.CLONE, 97: Op.UNSHARE, 277: Op.SECCOMP, 167: Op.PRCTL, 117: Op.PTRACE, 164: Op.LIMIT, 261: Op.PRLIMIT,
    **_COMMON,
}  # fmt: skip

X32_BIT = 0x40000000
"""In the number of a call by the x32 interface, whose audit number is x86_64's."""
INTERFACES: dict[str, tuple[Interface, ...]] = {
    "x86_64": (Interface(0xC000003E, _X86_64), Interface(0x40000003, _I386)),
    "aarch64": (Interface(0xC00000B7, _AARCH64),),
}
"""By machine (uname(2)): its own interface first.  A call by any other one is a blind spot."""

AT_FDCWD = 0xFFFFFF9C
"""As an unsigned int, which the kernel takes it for."""
AT_SYMLINK_NOFOLLOW, AT_REMOVEDIR, AT_SYMLINK_FOLLOW, AT_EMPTY_PATH = 0x100, 0x200, 0x400, 0x1000
CLONE_NEWNS, CLONE_NEWUSER, CLONE_UNTRACED = 0x20000, 0x10000000, 0x800000
O_TMPFILE = os.O_TMPFILE & ~os.O_DIRECTORY
"""The bit alone: the constant contains O_DIRECTORY."""
O_CHANGES = os.O_WRONLY | os.O_RDWR | os.O_CREAT | os.O_TRUNC | O_TMPFILE
"""An open with none of these reads."""
SECCOMP_SET_MODE_STRICT, SECCOMP_SET_MODE_FILTER, NEW_LISTENER = 0, 1, 8
ROAR_ITSELF = 0x726F6172
"""Where seccomp(2) has no argument: by this a roar that runs under another one says that it can do without a listener."""
PR_SET_SECCOMP, SECCOMP_MODE_STRICT = 22, 1
PTRACE_ATTACHING = (0, 16, 0x4206)
"""TRACEME, ATTACH, SEIZE."""
RLIMIT_NOFILE = 7
PROT_WRITE, MAP_SHARED = 2, 1
INT = 0xFFFFFFFF
"""What the kernel takes of a register for an int: the upper half may hold anything."""


def is_of_interest(op: Op, args: tuple[int, ...]) -> bool:
    """Whether a call can matter, as far as its arguments say; `bpf.program` leaves out in the kernel what doesn't.

    Args:
        op: what it does.
        args: its six arguments, unsigned.
    """
    match op:
        case Op.OPEN | Op.OPENAT:
            flags = args[2 if op == Op.OPENAT else 1]
            if flags & os.O_PATH:
                return False
            return bool(flags & O_CHANGES) or not flags & os.O_DIRECTORY
        case Op.MMAP:
            return bool(args[2] & PROT_WRITE and args[3] & MAP_SHARED)
        case Op.CLONE:
            return bool(args[0] & (CLONE_NEWNS | CLONE_NEWUSER | CLONE_UNTRACED))
        case Op.UNSHARE:
            return bool(args[0] & (CLONE_NEWNS | CLONE_NEWUSER))
        case Op.UNLINKAT:
            return not args[2] & AT_REMOVEDIR
        case Op.FTRUNCATE:
            return args[1] == 0
        case Op.FTRUNCATE64:
            return not (args[1] or args[2])
        case Op.PRCTL:
            return args[0] & INT == PR_SET_SECCOMP
        case Op.SECCOMP:
            return args[0] & INT in (SECCOMP_SET_MODE_STRICT, SECCOMP_SET_MODE_FILTER)
        case Op.PTRACE:
            return args[0] in PTRACE_ATTACHING
        case Op.LIMIT:
            return args[0] & INT == RLIMIT_NOFILE
        case Op.PRLIMIT:
            return args[1] & INT == RLIMIT_NOFILE and args[2] != 0
        case _:
            return True
