"""Which files are code: what a step is made of, and not what it works on."""

from __future__ import annotations

import os

from roar.api.records import StoredEdge

_SUFFIXES = frozenset(
    b".awk .bash .c .cc .cpp .cu .cxx .f .f90 .go .h .hpp .ipynb .jl .js .kt .lua .m .mk .php .pl .proto .ps1 .pxd .py .pyi .pyx"
    b" .r .rb .rmd .rs .scala .sed .sh .smk .sql .swift .ts .zsh".split()
)
_NAMES = frozenset(b"cmakelists.txt dockerfile gnumakefile justfile makefile meson.build rakefile snakefile".split())
_EXECUTABLE = 0o111


def is_code(edge: StoredEdge) -> bool:
    """Whether an input is a program, by its name, or by its mode when it was read."""
    name = os.path.basename(edge.path).lower()
    if name in _NAMES or os.path.splitext(name)[1] in _SUFFIXES:
        return True
    return edge.stat is not None and bool(edge.stat.mode & _EXECUTABLE)
