"""Which system calls the base tier looks at, by number, and where their arguments are.

Numbers from Linux's arch/x86/entry/syscalls/syscall_{64,32}.tbl and include/uapi/asm-generic/unistd.h.
"""

from __future__ import annotations

from typing import NamedTuple

from roar_tracer_ebpf.layout import ACTION, OTHER_TABLE

_X86_64 = {
    "ADVISE": (221,), "OPEN": (2,), "CREAT": (85,), "OPENAT2": (437,), "MMAP": (9,),
    "OPENAT": (257, 304),  # and open_by_handle_at, which has its flags in the same place
    "WRITE": (1, 18, 20, 40, 296, 328, 516, 535, 547),  # write pwrite64 writev sendfile pwritev pwritev2; x32's writev, pwritev, pwritev2
    "WRITE_TO_THIRD": (275, 326),  # splice copy_file_range
    "CHANGE": (285,),  # fallocate
    "FTRUNCATE": (77,), "IOCTL": (16, 514), "RING": (425,), "TRUNCATE": (76,), "UNLINK": (87,), "UNLINKAT": (263,), "RENAME": (82,),
    "RENAMEAT": (264,), "RENAMEAT2": (316,), "LINK": (86,), "LINKAT": (265,), "SYMLINK": (88,), "SYMLINKAT": (266,), "MKNOD": (133,),
    "MKNODAT": (259,), "UTIME": (132, 235), "FUTIMESAT": (261,), "UTIMENSAT": (280,),
}  # fmt: skip
_I386 = {
    "OPEN": (5,), "OPENAT": (295, 342), "CREAT": (8,), "OPENAT2": (437,), "MMAP": (192,),
    "WRITE": (4, 146, 181, 334, 379, 187, 239),  # write writev pwrite64 pwritev pwritev2 sendfile sendfile64
    "WRITE_TO_THIRD": (313, 377), "CHANGE": (324,), "FTRUNCATE": (93,), "FTRUNCATE64": (194,), "IOCTL": (54,), "RING": (425,),
    "TRUNCATE": (92,), "TRUNCATE64": (193,), "UNLINK": (10,), "UNLINKAT": (301,), "RENAME": (38,), "RENAMEAT": (302,), "RENAMEAT2": (353,),
    "LINK": (9,), "LINKAT": (303,), "SYMLINK": (83,), "SYMLINKAT": (304,), "MKNOD": (14,), "MKNODAT": (297,), "UTIME": (30, 271),
    "FUTIMESAT": (299,), "UTIMENSAT": (320, 412),
}  # fmt: skip
_AARCH64 = {
    "ADVISE": (223,), "OPENAT": (56, 265), "OPENAT2": (437,), "MMAP": (222,),
    "WRITE": (64, 66, 68, 70, 287, 71), "WRITE_TO_THIRD": (76, 285), "CHANGE": (47,), "FTRUNCATE": (46,), "IOCTL": (29,), "RING": (425,),
    "TRUNCATE": (45,), "UNLINKAT": (35,), "RENAMEAT": (38,), "RENAMEAT2": (276,), "LINKAT": (37,), "SYMLINKAT": (36,), "MKNODAT": (33,),
    "UTIMENSAT": (88,),
}  # fmt: skip


class Machine(NamedTuple):
    """Where a machine's system calls have what."""

    name: str
    """As uname(2) has it."""
    offsets: dict[str, tuple[str, str]]
    """Symbol → (struct, member): of `layout.MACHINE_OFFSETS`."""
    compat_mask: int
    """In the thread's status: the call came by the 32-bit interface."""
    own: dict[int, int]
    """Number → action, in the machine's own interface."""
    compat: dict[int, int]


def _table(actions: dict[str, tuple[int, ...]]) -> dict[int, int]:
    return {number: ACTION[name] for name, numbers in actions.items() for number in numbers}


def _both(own: dict[int, int], compat: dict[int, int]) -> dict[int, int]:
    """The own table, in which every number that the other has stands out as well."""
    return {n: own.get(n, 0) | (OTHER_TABLE if n in compat else 0) for n in sorted({*own, *compat})}


def _registers(own: tuple[str, ...], compat: tuple[str, ...]) -> dict[str, tuple[str, str]]:
    named = {f"REGS_A{n}": ("pt_regs", name) for n, name in enumerate(own)}
    return named | {f"REGS_C{n}": ("pt_regs", name) for n, name in enumerate(compat)}


_ARM_REGISTERS = ("orig_x0", *(f"regs+{8 * n}" for n in range(1, 5)))  # the result is in regs[0]
MACHINES = (
    Machine(
        "x86_64",
        {
            "TASK_STATUS": ("task_struct", "thread_info.status"),
            "REGS_NUMBER": ("pt_regs", "orig_ax"),
            **_registers(("di", "si", "dx", "r10", "r8"), ("bx", "cx", "dx", "si", "di")),
        },
        2,  # TS_COMPAT
        _both(_table(_X86_64), _table(_I386)),
        _table(_I386),
    ),
    Machine(
        "aarch64",
        {
            "TASK_STATUS": ("task_struct", "thread_info.flags"),
            "REGS_NUMBER": ("pt_regs", "syscallno"),
            **_registers(_ARM_REGISTERS, _ARM_REGISTERS),
        },
        1 << 22,  # _TIF_32BIT
        _table(_AARCH64),
        {},
    ),
)
