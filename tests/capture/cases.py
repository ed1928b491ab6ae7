"""What a case of the capture table is, and the directory that it runs in."""

from __future__ import annotations

import os
import shutil
import sqlite3
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import NamedTuple

PYTHON = sys.executable
ANY = frozenset({"*"})
"""Instead of names: whatever they are."""


class Case(NamedTuple):
    """A program whose inputs and outputs are true by construction; names are relative to its directory."""

    name: str
    command: tuple[str, ...]
    inputs: frozenset[str]
    outputs: frozenset[str]
    verdict: str = "complete"
    code: int | None = 0
    reason: str = ""
    """What a reason of the verdict contains."""

    def __str__(self) -> str:
        return self.name


class Seen(NamedTuple):
    """What roar recorded of a case."""

    code: int
    stdout: str
    stderr: str
    inputs: frozenset[str]
    outputs: frozenset[str]
    verdict: str
    reasons: tuple[str, ...]


def case(
    name: str,
    command: str | Sequence[str],
    inputs: str | Sequence[str] = "",
    outputs: str | Sequence[str] = "",
    verdict: str = "complete",
    code: int | None = 0,
    reason: str = "",
) -> Case:
    """A case; a command that is a string is a line of sh, names in a string are split at spaces."""
    words = ("sh", "-c", command) if isinstance(command, str) else tuple(command)
    return Case(name, words, _names(inputs), _names(outputs), verdict, code, reason)


def bash(name: str, command: str, inputs: str = "", outputs: str = "", **rest: object) -> Case:
    """A line of bash."""
    return case(name, ("bash", "-c", command), inputs, outputs, **rest)  # type: ignore[arg-type]


def python(name: str, program: str, inputs: str = "", outputs: str = "", **rest: object) -> Case:
    """A Python program."""
    return case(name, (PYTHON, "-B", "-c", program), inputs, outputs, **rest)  # type: ignore[arg-type]


def have(tool: str) -> bool:
    """Whether a tool is here; a case for one that isn't is no case."""
    return shutil.which(tool) is not None


def _names(names: str | Sequence[str]) -> frozenset[str]:
    return frozenset(names.split() if isinstance(names, str) else names)


def fill(directory: Path) -> None:
    """Makes what every case finds: files whose times are long past, so that a change can't hide behind the clock's grain."""
    directory.mkdir(parents=True)
    texts = {
        "a": "alpha\n", "b": "beta\n", "empty": "", "sub/x": "x\n", "we ird": "w\n", "mod.py": "value = 1\n",
        "pkg/__init__.py": "from . import part\n", "pkg/part.py": "value = 2\n", "lines": "c\nb\na\nb\n",
        "script": "#!/bin/sh\ncat a > out\n", "nohead": "cat a > out\n", "chain": "#!./script\n", "sourced.sh": "cat a > out\n",
        "m.c": '#include "m.h"\nint main(void){return VALUE;}\n', "m.h": "#define VALUE 0\n",
        "Makefile": "prog: m.c m.h\n\tcc -o $@ $<\n", "p.patch": "--- a\n+++ a\n@@ -1 +1 @@\n-alpha\n+omega\n",
        "table.csv": "k,v\n1,2\n",
    }  # fmt: skip
    for name, text in texts.items():
        path = directory / name
        path.parent.mkdir(exist_ok=True)
        path.write_text(text)
    os.symlink("a", directory / "old")
    os.symlink("sub", directory / "way")
    for name in ("script", "nohead", "chain"):
        (directory / name).chmod(0o755)
    with sqlite3.connect(directory / "have.db") as connection:
        connection.execute("create table t(x)")
    connection.close()
    for path in directory.rglob("*"):
        if path.is_file() and not path.is_symlink():
            os.utime(path, (1_000_000_000, 1_000_000_000))
