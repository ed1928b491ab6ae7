"""The numbers that the probe, the loader and the reader share, and what the probe asks of the running kernel.

`compile` makes the probe's header of them; the loader finds in the object what it needs; `records` reads by them.
"""

from __future__ import annotations

import struct
from enum import IntEnum, IntFlag
from typing import NamedTuple


class RecordType(IntEnum):
    """What a record of the ring tells."""

    ENROL = 1
    OPEN = 2
    WROTE = 3
    """Content of an open file changed; in the base tier at the first write, in the fentry tier for truncations alone."""
    MAP = 4
    TRUNCATE = 5
    """To nothing."""
    TIMES = 6
    NAMES = 7
    OUTCOME = 8
    """Of the PENDING record with the same id; `size` is the result."""
    FORK = 9
    EXEC = 10
    EXIT = 11
    RING = 12
    """A process has made an io_uring; with id 1 it opened a file into the ring's own table."""


class Flag(IntFlag):
    """Of a record."""

    CREATED = 0x01
    PENDING = 0x02
    """Told before it is done: an OUTCOME follows."""
    EXACT = 0x04
    """NAMES: the walks are the names themselves, not directories from which the strings are meant."""
    UNLINKED = 0x08
    """The file had lost its name."""
    CUT = 0x10
    """A path is too deep or could not be read."""
    ELSEWHERE = 0x20
    """The path is of another mount namespace; the second walk is within the file system."""
    PSEUDO = 0x40
    """The file is in no namespace: a memory file."""
    SCRIPT = 0x80
    """EXEC: what was executed is interpreted by the program that runs now."""
    DOUBTFUL = 0x100
    """NAMES: the process has a seccomp filter of its own, which may pretend that a call succeeded."""


ACTIONS = (
    "ADVISE", "OPEN", "OPENAT", "CREAT", "OPENAT2", "MMAP", "WRITE", "WRITE_TO_THIRD", "CHANGE", "FTRUNCATE", "FTRUNCATE64", "IOCTL",
    "RING", "FIRST_OF_NAMES", "TRUNCATE", "TRUNCATE64", "UNLINK", "UNLINKAT", "RENAME", "RENAMEAT", "RENAMEAT2", "LINK", "LINKAT",
    "SYMLINK", "SYMLINKAT", "MKNOD", "MKNODAT", "UTIME", "FUTIMESAT", "UTIMENSAT",
)  # fmt: skip
ACTION = {name: number for number, name in enumerate(ACTIONS, 1)}
"""What the probe does at the end of a system call; `syscalls` says of which."""
OTHER_TABLE = 0x80
"""In the table of the machine's own interface: the 32-bit one has an action for this number."""
NUMBERS = 1024
"""System calls of a table."""

ADVICE_ENROL, ADVICE_LEAVE = 0x524F4152, 0x524F4153
"""Of posix_fadvise(2): not one that the kernel knows."""

HEAD = struct.Struct("<HHIQQQqqIIIIIIQ2H4HI")
"""A record before its data: type, flags, tgid, time, ino, size, mtime, ctime, their nanoseconds, dev, mode, open_flags, op, id,
lengths of the two strings and four walks, spare."""

_NAME_SIZE, _OFFSET_MASK, _SCRATCH_SIZE = 4096, 8191, 32000
SEEN_SLOTS, PROCESSORS, SCRATCH_DEPTH, PROCESSES = 65536, 1024, 4, 32768
GLOBALS_ACTIONS = 88
"""Where in the globals the tables of actions are."""
GLOBALS_SIZE, COUNTERS_SIZE = GLOBALS_ACTIONS + 2 * NUMBERS + 8 * SEEN_SLOTS, 64 * PROCESSORS
SCRATCH_SIZE = _SCRATCH_SIZE

CONSTANTS = {
    **{f"R_{one.name}": int(one) for one in RecordType},
    **{f"F_{one.name}": int(one) for one in Flag},
    **{f"A_{name}": number for name, number in ACTION.items()},
    "OTHER_TABLE": OTHER_TABLE, "NUMBERS": NUMBERS, "ADVICE_ENROL": ADVICE_ENROL, "ADVICE_LEAVE": ADVICE_LEAVE, "X32_BIT": 0x40000000,
    "SEEN_SLOTS": SEEN_SLOTS, "PROCESSORS": PROCESSORS, "SCRATCH_DEPTH": SCRATCH_DEPTH,
    "WALK_NAMES": 4,  # in one call of walk(): verification takes longer with it
    "WALK_CALLS": 32,  # so 128 names
    "CUT": 2,
    "NAME_SIZE": _NAME_SIZE,  # PATH_MAX
    "OFFSET_MASK": _OFFSET_MASK,  # what is appended begins at most there
    "OFFSET_LIMIT": 7900,  # a walk ends, cut, above it
    "LONGEST_RECORD": 16384,
    "HEAD_SIZE": HEAD.size,
    "DATA_SIZE": _SCRATCH_SIZE - HEAD.size - 144,
    "RING_NO_WAKEUP": 1, "RING_FORCE_WAKEUP": 2,
    # of Linux's interface (fcntl.h, stat.h, mman.h, fs.h, io_uring.h), the same on x86-64 and arm64
    "AT_FDCWD": -100, "AT_REMOVEDIR": 0x200, "S_IFMT": 0xF000, "S_IFREG": 0x8000, "O_TRUNC": 0o1000,
    "PROT_WRITE": 2, "MAP_SHARED": 1, "MAP_ANONYMOUS": 0x20, "FICLONE": 0x40049409, "FICLONERANGE": 0x4020940D,
    "URING_WRITEV": 2, "URING_WRITE_FIXED": 5, "URING_FALLOCATE": 17, "URING_OPENAT": 18, "URING_WRITE": 23, "URING_OPENAT2": 28,
    "URING_SPLICE": 30, "URING_RENAMEAT": 35, "URING_UNLINKAT": 36, "URING_SYMLINKAT": 38, "URING_LINKAT": 39, "URING_FTRUNCATE": 55,
    # of the kernel's inside (include/linux/fs.h), unchanged since 4.19; the first is among the flags of an open
    "FMODE_EXEC": 0x20, "FMODE_PATH": 0x4000, "FMODE_CREATED": 0x100000,
}  # fmt: skip

OFFSETS = {
    "TASK_FILES": ("task_struct", "files"), "TASK_FS": ("task_struct", "fs"), "TASK_TGID": ("task_struct", "tgid"),
    "TASK_CRED": ("task_struct", "cred"), "TASK_SIGNAL": ("task_struct", "signal"), "TASK_EXITCODE": ("task_struct", "exit_code"),
    "CRED_FSUID": ("cred", "fsuid"), "CRED_GID": ("cred", "gid"), "CRED_FSGID": ("cred", "fsgid"),
    "CRED_CAPABILITIES": ("cred", "cap_effective"), "CRED_NAMESPACE": ("cred", "user_ns"),
    "SIGNAL_LIVE": ("signal_struct", "live"),
    "FILES_FDT": ("files_struct", "fdt"), "FDT_MAX": ("fdtable", "max_fds"), "FDT_FD": ("fdtable", "fd"),
    "FILE_INODE": ("file", "f_inode"), "FILE_PATH": ("file", "f_path"), "FILE_MODE": ("file", "f_mode"),
    "INODE_MODE": ("inode", "i_mode"), "INODE_INO": ("inode", "i_ino"), "INODE_SB": ("inode", "i_sb"), "INODE_SIZE": ("inode", "i_size"),
    "INODE_GENERATION": ("inode", "i_generation"),
    # 6.11 and later, 6.7, and before
    "INODE_MTIME": ("inode", "i_mtime_sec|i_mtime.tv_sec|__i_mtime.tv_sec"),
    "INODE_MTIME_NS": ("inode", "i_mtime_nsec|i_mtime.tv_nsec|__i_mtime.tv_nsec"),
    "INODE_CTIME": ("inode", "i_ctime_sec|__i_ctime.tv_sec|i_ctime.tv_sec"),
    "INODE_CTIME_NS": ("inode", "i_ctime_nsec|__i_ctime.tv_nsec|i_ctime.tv_nsec"),
    "SB_DEV": ("super_block", "s_dev"),
    "DENTRY_PARENT": ("dentry", "d_parent"), "DENTRY_NAME": ("dentry", "d_name"), "DENTRY_HASH": ("dentry", "d_hash"),
    "DENTRY_INODE": ("dentry", "d_inode"),
    "MOUNT_MNT": ("mount", "mnt"), "MOUNT_PARENT": ("mount", "mnt_parent"), "MOUNT_MOUNTPOINT": ("mount", "mnt_mountpoint"),
    "MOUNT_NS": ("mount", "mnt_ns"), "VFSMOUNT_ROOT": ("vfsmount", "mnt_root"),
    "FS_ROOT": ("fs_struct", "root"), "FS_PWD": ("fs_struct", "pwd"),
    "BPRM_FILENAME": ("linux_binprm", "filename"), "BPRM_FILE": ("linux_binprm", "file"),
    "BPRM_INTERP": ("linux_binprm", "interp"), "TASK_FILTER": ("task_struct", "seccomp.filter"), "OPEN_FLAG": ("open_flags", "open_flag"),
    "REQUEST_OPCODE": ("io_kiocb", "opcode"), "REQUEST_FILE": ("io_kiocb", "file"), "REQUEST_RESULT": ("io_kiocb", "cqe.res|result"),
    # a request begins with the struct of its kind
    "IO_OPEN_SLOT": ("io_open", "file_slot"), "IO_OPEN_FLAGS": ("io_open", "how.flags"),
    "IO_RENAME_DFD": ("io_rename", "old_dfd"), "IO_RENAME_NAME": ("io_rename", "oldpath"),
    "IO_RENAME_DFD2": ("io_rename", "new_dfd"), "IO_RENAME_NAME2": ("io_rename", "newpath"), "IO_RENAME_FLAGS": ("io_rename", "flags"),
    "IO_UNLINK_DFD": ("io_unlink", "dfd"), "IO_UNLINK_NAME": ("io_unlink", "filename"), "IO_UNLINK_FLAGS": ("io_unlink", "flags"),
}  # fmt: skip
"""Symbol → (struct, member); of alternatives the first that there is."""
MACHINE_OFFSETS = ("TASK_STATUS", "REGS_NUMBER", *(f"REGS_{kind}{n}" for kind in "AC" for n in range(5)))
"""Symbols that `syscalls.MACHINES` gives for each machine."""


class Symbol(NamedTuple):
    """Something that the loader fills in: the object's format is told in `compile`."""

    kind: str
    name: str
    a: str = ""
    b: str = ""


SYMBOLS = (
    *(Symbol("o", f"O_{name}", *where) for name, where in OFFSETS.items()),
    *(Symbol("p", f"O_{name}") for name in MACHINE_OFFSETS),
    Symbol("c", "C_COMPAT_MASK"),
    Symbol("t", "T_TIMESPEC64", "timespec64"),
    *(Symbol("m", f"M_{name}") for name in ("GLOBALS", "COUNTERS", "SCRATCH", "PROCS", "RING")),
    Symbol("k", "KF_RDONLY_CAST", "bpf_rdonly_cast"),
    *(Symbol("s", f"SUB_{name.upper()}", name) for name in ("walk", "climb", "put_name", "tell_file", "tell_names")),
)
MAGIC = 0x52100000
"""A symbol's immediate in the compiled code: this and its index."""

BASE, FENTRY = 1, 2
_TRACING, _RAW_TRACEPOINT = 26, 17
_AT_ENTRY, _AT_EXIT = 24, 25


class Program(NamedTuple):
    """A function of the probe and where it goes."""

    function: str
    tiers: int
    type: int = 0
    attach: int = 0
    target: str = ""
    parameters: int = 255
    """Of the target; 255: any number."""
    optional: bool = False
    name: str = ""
    """Programs of one name are alternatives; empty: the function's own."""


def _point(
    function: str, tiers: int, target: str, parameters: int = 255, optional: bool = False, name: str = ""
) -> Program:
    return Program(function, tiers, _RAW_TRACEPOINT, 0, target, parameters, optional, name)


def _entry(function: str, target: str, parameters: int) -> Program:
    return Program(function, FENTRY, _TRACING, _AT_ENTRY, target, parameters)


def _exit(function: str, target: str, parameters: int, name: str = "") -> Program:
    return Program(function, FENTRY, _TRACING, _AT_EXIT, target, parameters, name=name)


PROGRAMS = (
    Program("walk", 0),
    Program("climb", 0),
    Program("put_name", 0),
    Program("tell_file", 0),
    Program("tell_names", 0),
    _point("sched_fork", BASE | FENTRY, "sched_process_fork"),
    _point("sched_exit", BASE | FENTRY, "sched_process_exit"),
    _point("sched_exec", BASE | FENTRY, "sched_process_exec", 3),
    _point("uring_complete", BASE, "io_uring_complete", 3, optional=True),
    _point("uring_complete", BASE, "io_uring_complete", 7, optional=True),
    _point("uring_submit", BASE, "io_uring_submit_req", 1, optional=True),
    _point("uring_submit", BASE, "io_uring_submit_sqe", 2, optional=True),
    _entry("at_times", "vfs_utimes", 2),
    _exit("after_times", "vfs_utimes", 2),
    _entry("at_rename", "security_path_rename", 5),
    _entry("at_link", "security_path_link", 3),
    _entry("at_symlink", "security_path_symlink", 3),
    _entry("at_unlink", "security_path_unlink", 2),
    _entry("at_mknod", "security_path_mknod", 4),
    _exit("after_rename", "do_renameat2", 5),
    _exit("after_rename", "filename_renameat2", 5),
    _exit("after_link", "do_linkat", 5),
    _exit("after_link", "filename_linkat", 5),
    _exit("after_symlink", "do_symlinkat", 3),
    _exit("after_symlink", "filename_symlinkat", 3),
    _exit("after_unlink", "do_unlinkat", 2),
    _exit("after_unlink", "filename_unlinkat", 2),
    _exit("after_mknod", "do_mknodat", 4),
    _exit("after_mknod", "filename_mknodat", 4),
    _exit("after_truncate_path", "vfs_truncate", 2),
    _exit("after_truncate", "do_truncate", 5),
    _exit("after_truncate4", "do_truncate", 4, "after_truncate"),
    _exit("after_mmap", "vm_mmap_pgoff", 6),
    _exit("after_open_root", "do_file_open_root", 3),
    _exit("after_open_root4", "do_file_open_root", 4, "after_open_root"),
    _exit("after_open", "do_filp_open", 3),
    _exit("after_open", "do_file_open", 3),
    _entry("at_fadvise", "ksys_fadvise64_64", 4),
    # last, as from there on all calls come by
    _point("sys_exit", BASE, "sys_exit", 2),
)
