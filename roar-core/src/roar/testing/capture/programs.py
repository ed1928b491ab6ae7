"""The programs that cases run beside the system's own: compiled once a session from `programs/`."""

from __future__ import annotations

import ctypes
import os
import platform
import shutil
import stat
import struct
import subprocess
import tempfile
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from functools import cache
from pathlib import Path

SOURCES = Path(__file__).with_name("programs")
IS_X86 = platform.machine() == "x86_64"
_NOBODY = 65534
_LIBRARY = "libx.so"
_ROOTS = (1, 2, 6, 7, 18, 21)
"""CAP_DAC_OVERRIDE, CAP_DAC_READ_SEARCH, CAP_SETGID, CAP_SETUID, CAP_SYS_CHROOT, CAP_SYS_ADMIN of capabilities(7)."""
_GETPID_X32 = 0x40000000 | 39
_IO_URING_SETUP = 425
_PT_INTERP = 3  # elf(5)


class Programs:
    """The programs, compiled.

    Args:
        place: an empty directory on the file system that the cases run on: they get hard links.

    Raises:
        RuntimeError: the C compiler is missing or refuses.
    """

    def __init__(self, place: Path) -> None:
        place.chmod(0o755)
        self.on_path = place / "bin"
        """A directory for PATH."""
        self._placed = place / "placed"
        for folder in (self.on_path, self._placed):
            folder.mkdir()
        with ThreadPoolExecutor(os.cpu_count()) as pool:
            for done in [pool.submit(_compile, *words) for words in self._builds()]:
                done.result()
        self._finish()

    def place_in(self, directory: Path, command: Sequence[str]) -> None:
        """Gives a case the programs that its command names, and the library."""
        for name in os.listdir(self._placed):
            if name == _LIBRARY or any(name in word for word in command):
                os.link(self._placed / name, directory / name)

    def _builds(self) -> list[tuple[Path, Sequence[str], Sequence[Path]]]:
        """(program, words for the compiler, sources)."""
        helper = sorted((SOURCES / "helper").glob("*.c"))
        builds: list[tuple[Path, Sequence[str], Sequence[Path]]] = [
            (self.on_path / "helper", ("-pthread",), helper),
            (self._placed / _LIBRARY, ("-shared", "-fPIC"), [SOURCES / "library.c"]),
        ]
        copies: dict[str, Sequence[str]] = {
            "copy": (),
            "loader": (f"-Wl,--dynamic-linker={self._placed / 'strange-loader'}",),
        }
        if can_compile("-fsanitize=address"):
            copies["asan"] = ("-fsanitize=address",)
        if can_compile("-static"):
            copies["static"] = ("-static",)
            builds.append((self._placed / "staticstart", ("-static",), [SOURCES / "start.c"]))
            builds.append((self.on_path / "helper-static", ("-pthread", "-static"), helper))
        builds += [(self._placed / name, words, [SOURCES / "copy.c"]) for name, words in copies.items()]
        if can_compile("-m32"):
            builds.append((self.on_path / "helper-32", ("-pthread", "-m32"), helper))
        if IS_X86:
            alone = ("-DFREESTANDING", "-nostdlib", "-static", "-no-pie", "-fno-pie")
            raw: dict[str, Sequence[str]] = {
                "raw": ("-DENTRY=64", "-no-pie"),
                "int80": ("-DENTRY=80", "-no-pie"),
                "x32": ("-DENTRY=32", "-no-pie"),
                "go": ("-DENTRY=64", "-DGO", *alone),
                "rawstatic": ("-DENTRY=64", *alone),
                "i386": ("-DENTRY=80", "-m32", *alone),
            }
            builds += [(self._placed / name, words, [SOURCES / "raw.c"]) for name, words in raw.items()]
        return builds

    def _finish(self) -> None:
        """What needs more than a compiler."""
        placed = self._placed
        _compile(placed / "linked", ("-L", str(placed), "-Wl,-rpath,$ORIGIN", "-lx"), [SOURCES / "linked.c"])
        _compile(placed / "linked2", ("-L", str(placed), "-lx"), [SOURCES / "linked.c"])
        described = _output("readelf", "-l", str(placed / "copy"))
        shutil.copy(described.split("interpreter: ", 1)[1].split("]", 1)[0], placed / "strange-loader")
        (placed / "bit32").write_bytes(_bit32())
        (placed / "bit32").chmod(0o755)
        for name, owner in (("suid", _NOBODY), ("suidroot", 0)):
            shutil.copy(placed / "copy", placed / name)
            if os.geteuid() == 0:
                os.chown(placed / name, owner, owner)
            (placed / name).chmod(stat.S_ISUID | 0o755)


def _compile(program: Path, words: Sequence[str], sources: Sequence[Path]) -> None:
    # options that name libraries come after what needs them
    _output("cc", "-w", "-O1", "-o", str(program), *map(str, sources), *words)


def _output(*words: str) -> str:
    done = subprocess.run(words, capture_output=True, text=True, check=False)
    if done.returncode:
        raise RuntimeError(f"{' '.join(words)}: exit {done.returncode}\n{done.stdout}{done.stderr}")
    return done.stdout


def _bit32() -> bytes:
    """A static i386 program that exits with 0, made by hand: no compiler is needed for it."""
    code = bytes.fromhex("b801000000 31db cd80")  # mov $1, %eax; xor %ebx, %ebx; int $0x80
    base, header, entry = 0x8048000, 52, 32
    start = header + entry
    identity = b"\x7fELF" + bytes([1, 1, 1]) + bytes(9)
    rest = struct.pack("<HHIIIIIHHHHHH", 2, 3, 1, base + start, header, 0, 0, header, entry, 1, 0, 0, 0)
    size = start + len(code)
    return identity + rest + struct.pack("<IIIIIIII", 1, 0, base, base, size, size, 5, 4096) + code


# ---- what this machine can do


@cache
def can_compile(*words: str) -> bool:
    """Whether the C compiler makes a program of libc with these options, and the program runs."""
    with tempfile.TemporaryDirectory() as place:
        program = f"{place}/program"
        done = subprocess.run(
            ("cc", *words, "-x", "c", "-o", program, "-"), input=b"#include <stdio.h>\nint main(void){return 0;}\n",
            capture_output=True, check=False,
        )  # fmt: skip
        return done.returncode == 0 and subprocess.run((program,), check=False).returncode == 0


@cache
def is_root() -> bool:
    """Whether this user can do all that root can: not so in most containers."""
    with open("/proc/self/status") as file:
        able = next(int(line.split()[1], 16) for line in file if line.startswith("CapEff:"))
    return os.geteuid() == 0 and all(able >> capability & 1 for capability in _ROOTS)


@cache
def has_set_id() -> bool:
    """Whether set-user-ID programs get their user's rights where cases run."""
    return not os.statvfs(tempfile.gettempdir()).f_flag & os.ST_NOSUID


@cache
def has_i386() -> bool:
    """Whether the kernel runs programs of 32 bits."""
    if not IS_X86:
        return False
    with tempfile.TemporaryDirectory() as place:
        program = Path(place, "program")
        program.write_bytes(_bit32())
        program.chmod(0o755)
        try:
            return subprocess.run((program,), check=False).returncode == 0
        except OSError:
            return False


@cache
def has_x32() -> bool:
    """Whether the kernel knows the x32 system calls."""
    return IS_X86 and ctypes.CDLL(None).syscall(_GETPID_X32) == os.getpid()


@cache
def has_io_uring() -> bool:
    """Whether the kernel lets us have a ring."""
    place = ctypes.create_string_buffer(256)
    ring = ctypes.CDLL(None).syscall(_IO_URING_SETUP, 4, place)
    if ring < 0:
        return False
    os.close(ring)
    return True


@cache
def is_static(tool: str) -> bool:
    """Whether a tool is here and is a program without a dynamic linker."""
    path = shutil.which(tool)
    if path is None:
        return False
    with open(path, "rb") as file:
        head = file.read(4096)
    if head[:5] != b"\x7fELF\x02":
        return False
    start, size, count = struct.unpack_from("<Q", head, 32)[0], *struct.unpack_from("<HH", head, 54)
    kinds = [struct.unpack_from("<I", head, start + i * size)[0] for i in range(count)]
    return _PT_INTERP not in kinds
