"""Building the shim: one call of the C compiler, used by the wheel's hook, by `roar tracer enable preload` and by the tests.

Imports the standard library only: the hook runs it in an environment in which roar isn't installed.
"""

from __future__ import annotations

import os
import platform
import shlex
import shutil
import subprocess
from pathlib import Path

SHIM = Path(__file__).parent / "shim"
LIBRARY_NAME = "libroar-preload.so"

_COMPILE = (
    "-std=c11", "-D_GNU_SOURCE", "-O2", "-fPIC", "-fvisibility=hidden", "-Wall", "-Wextra",
    # wrappers test arguments that libc's headers promise to be non-null, and symbols that may be absent
    "-Wno-nonnull-compare", "-Wno-address",
    # no libc of its own: nothing that allocates, locks, or isn't ready yet when the loader starts
    "-ffreestanding", "-fno-stack-protector", "-U_FORTIFY_SOURCE", "-fno-asynchronous-unwind-tables",
    # else gcc turns our loops into calls of memcpy and strlen
    "-fno-tree-loop-distribute-patterns", "-fno-builtin",
    # dlopen must end in a jump
    "-foptimize-sibling-calls", "-fomit-frame-pointer",
)  # fmt: skip
_LINK = (
    "-shared", "-nostdlib", "-nostartfiles", "-s",
    # own functions are called directly (22 look-ups less at each process start), two mappings instead of four
    "-Wl,-Bsymbolic", "-Wl,-z,noseparate-code", "-Wl,-z,norelro", "-Wl,-z,now", "-Wl,--hash-style=gnu",
    "-Wl,--build-id=none", f"-Wl,-soname,{LIBRARY_NAME}",
)  # fmt: skip
_STRICT = ("-Werror",)
"""For the tests: a warning of a compiler that is yet to be written must not stop an installation."""


class BuildFailed(Exception):
    """The library couldn't be built; the message says why in one line, `fix` what to do, `output` what the compiler said."""

    def __init__(self, message: str, fix: str, output: str = "") -> None:
        super().__init__(message)
        self.fix = fix
        self.output = output


def compiler() -> list[str] | None:
    """The words that call the C compiler: ``$CC``, or the first of cc, gcc and clang; None when there is none."""
    wanted = shlex.split(os.environ.get("CC", ""))
    for words in (wanted,) if wanted else (["cc"], ["gcc"], ["clang"]):
        if shutil.which(words[0]):
            return words
    return None


def build(out: Path, *, strict: bool = False) -> None:
    """Compiles the shim to `out`; what is there is replaced in one step, so that a running program keeps its own.

    Args:
        out: the library to make; its directory exists.
        strict: warnings are errors.

    Raises:
        BuildFailed: no compiler, or it failed; `out` is as it was.
        OSError: the directory isn't writable.
    """
    words = compiler()
    if words is None:
        raise BuildFailed("a C compiler is missing.", "apt install gcc libc6-dev")
    machine = ("-fcf-protection=full",) if platform.machine() == "x86_64" else ()
    partial = out.with_name(f".{out.name}.{os.getpid()}")
    sources = sorted(str(source) for source in SHIM.glob("*.c"))
    command = [*words, *_COMPILE, *machine, *(_STRICT if strict else ()), *_LINK, "-o", str(partial), *sources]
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
