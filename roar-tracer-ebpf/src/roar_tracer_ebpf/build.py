"""Building `roar-ebpf`: one call of the C compiler, used by the wheel's hook, by `roar tracer enable ebpf` and by the tests.

Imports the standard library only: the hook runs it in an environment in which roar isn't installed.  What takes long to
import is imported where it is needed: each start of roar that looks at tracers comes through this module.
"""

from __future__ import annotations

import os
from pathlib import Path

LOADER = Path(__file__).parent / "loader"
PROBE = Path(__file__).parent / "probe.bin"
PROGRAM_NAME = "roar-ebpf"
PROTOCOL = 1
"""``PROTOCOL`` of loader/main.c: raised whenever an installed copy must not be used any longer."""

_COMPILE = (
    "-std=c11", "-D_GNU_SOURCE", "-O2", "-fPIE", "-fvisibility=hidden", "-Wall", "-Wextra", "-Wconversion", "-Wshadow",
    "-Wformat=2", "-Wvla", "-Wstrict-prototypes", "-Wmissing-prototypes",
    # an installed copy has capabilities, and is called by anyone
    "-U_FORTIFY_SOURCE", "-D_FORTIFY_SOURCE=2", "-fstack-protector-strong",
)  # fmt: skip
_LINK = ("-pie", "-s", "-Wl,-z,relro", "-Wl,-z,now", "-Wl,-z,noexecstack", "-Wl,--build-id=none")
_STRICT = ("-Werror",)
"""For the tests: a warning of a compiler that is yet to be written must not stop an installation."""


class BuildFailed(Exception):
    """The program couldn't be built; the message says why in one line, `fix` what to do, `output` what the compiler said."""

    def __init__(self, message: str, fix: str, output: str = "") -> None:
        super().__init__(message)
        self.fix = fix
        self.output = output


def version() -> str:
    """What tells one program from another, ``1-6a2b03f7``: the protocol, and the checksum of the probe in it.

    Raises:
        OSError: the package is damaged.
    """
    with PROBE.open("rb") as file:
        header = file.read(16)
    return f"{PROTOCOL}-{int.from_bytes(header[12:16], 'little'):08x}"


def compiler() -> list[str] | None:
    """The words that call the C compiler: ``$CC``, or the first of cc, gcc and clang; None when there is none."""
    import shlex
    import shutil

    wanted = shlex.split(os.environ.get("CC", ""))
    for words in (wanted,) if wanted else (["cc"], ["gcc"], ["clang"]):
        if shutil.which(words[0]):
            return words
    return None


def build(out: Path, *, strict: bool = False) -> None:
    """Compiles the program to `out`; what is there is replaced in one step, so that a running one is left alone.

    Args:
        out: the program to make; its directory exists.
        strict: warnings are errors.

    Raises:
        BuildFailed: no compiler, or it failed, or the probe is damaged; `out` is as it was.
        OSError: the directory isn't writable.
    """
    import subprocess

    words = compiler()
    if words is None:
        raise BuildFailed("a C compiler is missing.", "apt install gcc libc6-dev")
    check_probe(PROBE.read_bytes())
    machine = ("-fcf-protection=full",) if os.uname().machine == "x86_64" else ()
    partial = out.with_name(f".{out.name}.{os.getpid()}")
    sources = sorted(str(source) for source in LOADER.glob("*.c"))
    probe = f"-Wa,-I{PROBE.parent}"  # where .incbin looks
    command = [*words, *_COMPILE, *machine, *(_STRICT if strict else ()), *_LINK, probe, "-o", str(partial), *sources]
    try:
        partial.touch()  # an unwritable directory is the caller's OSError, not the compiler's message
        done = subprocess.run(command, capture_output=True, text=True, errors="replace", check=False)
        if done.returncode != 0:
            lines = [line for line in done.stderr.splitlines() if line.strip()]
            cause = next((line for line in lines if "error" in line), lines[-1] if lines else f"exit {done.returncode}")
            raise BuildFailed(f"{words[0]} failed: {cause}", "apt install gcc libc6-dev", done.stderr)
        partial.chmod(0o755)
        os.replace(partial, out)
    finally:
        partial.unlink(missing_ok=True)


def check_probe(data: bytes) -> None:
    """The program takes the probe in it on trust: what is damaged never gets there.

    Raises:
        BuildFailed: `data` isn't a whole probe.bin.
    """
    import struct
    import zlib

    if len(data) >= 16 and data[:8] == b"ROARBPF2":
        length, checksum = struct.unpack_from("<II", data, 8)
        if length == len(data) - 16 and checksum == zlib.crc32(data[16:]):
            return
    raise BuildFailed("probe.bin is damaged.", "Install roar-tracer-ebpf again.")
