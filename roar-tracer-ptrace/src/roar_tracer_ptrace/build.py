"""Building the loop: one call of the C compiler, used by the wheel's hook, by `roar tracer enable ptrace` and by the tests.

Imports the standard library only: the hook runs it in an environment in which roar isn't installed.  What calls a compiler is
imported when one is called, as each start of roar comes through here for the library's name.
"""

from __future__ import annotations

import os
from pathlib import Path

LOOP = Path(__file__).parent / "loop"
LIBRARY_NAME = "libroar-ptrace.so"

_COMPILE = ("-std=c11", "-D_GNU_SOURCE", "-O2", "-fPIC", "-fvisibility=hidden", "-Wall", "-Wextra")
_LINK = ("-shared", "-s", "-Wl,-z,now", "-Wl,--build-id=none", f"-Wl,-soname,{LIBRARY_NAME}")
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
    import shlex
    import shutil

    wanted = shlex.split(os.environ.get("CC", ""))
    for words in (wanted,) if wanted else (["cc"], ["gcc"], ["clang"]):
        if shutil.which(words[0]):
            return words
    return None


def build(library: Path, *, strict: bool = False) -> None:
    """Compiles the loop to `library`; what is there is replaced in one step, so that a running tracer keeps its own.

    Args:
        library: what to make; its directory exists.
        strict: warnings are errors.

    Raises:
        BuildFailed: no compiler, or it failed, or there is nothing to compile; `library` is as it was.
        OSError: the directory isn't writable.
    """
    import subprocess

    sources = sorted(str(source) for source in LOOP.glob("*.c"))
    if not sources:
        raise BuildFailed("its sources aren't there.", "Install roar-tracer-ptrace again.")
    words = compiler()
    if words is None:
        raise BuildFailed("a C compiler is missing.", "apt install gcc libc6-dev")
    partial = library.with_name(f".{library.name}.{os.getpid()}")
    command = [*words, *_COMPILE, *(_STRICT if strict else ()), *_LINK, "-o", str(partial), *sources]
    try:
        partial.touch()  # an unwritable directory is the caller's OSError, not the compiler's message
        done = subprocess.run(command, capture_output=True, text=True, errors="replace", check=False)
        if done.returncode != 0:
            lines = [line for line in done.stderr.splitlines() if line.strip()]
            cause = next((line for line in lines if "error" in line), lines[-1] if lines else f"exit {done.returncode}")
            raise BuildFailed(f"{words[0]} failed: {cause}", "apt install gcc libc6-dev", done.stderr)
        partial.chmod(0o755)
        os.replace(partial, library)
    finally:
        partial.unlink(missing_ok=True)
