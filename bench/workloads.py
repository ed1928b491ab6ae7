"""The workloads of the overhead table, and the repository that they run in."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import NamedTuple

HERE = Path(__file__).resolve().parent
LOAD = "./load"
OPENED_FILES = 100
DISTINCT_FILES = 50_000
C_FILES = 200

_IGNORED = "/load\n/out/\n/many/\n/read/\n__pycache__/\n"
_LOOP = "for i in $(seq 100); do cat read/f$((i % 100)) | tr x y > out/l$i; done\n"
_IMPORTS = "import asyncio, csv, decimal, email, http.client, json, sqlite3, unittest\nimport numpy\n"
_MAKEFILE = """\
OBJECTS := $(patsubst %.c,../out/%.o,$(wildcard *.c))
all: $(OBJECTS)
../out/%.o: %.c
\tcc -O0 -c $< -o $@
"""


class Workload(NamedTuple):
    """A row of the table."""

    command: tuple[str, ...]
    what: str
    in_mean: bool = True
    """Whether it counts in the geometric mean."""


WORKLOADS: dict[str, Workload] = {
    "opens": Workload((LOAD, "opens", "100000", "read"), "100 000 opens of 100 files"),
    "reads": Workload((LOAD, "reads", "2000000", "read"), "2 000 000 reads of one byte"),
    "writes": Workload((LOAD, "writes", "1000000", "out"), "1 000 000 writes of one byte"),
    "getpid": Workload((LOAD, "getpids", "5000000", "."), "5 000 000 getpid by syscall()"),
    "spawn": Workload((LOAD, "spawns", "300", "."), "300 spawns of true, by vfork and exec"),
    "bash": Workload(("bash", "loop.sh"), "bash loop: 200 processes, 100 pipes"),
    "imports": Workload((sys.executable, "imports.py"), "Python importing numpy, json and more"),
    "make": Workload(("make", "-s", "-B", "-j2", "-C", "csrc"), f"make -j2 of {C_FILES} C files"),
    "tree": Workload((LOAD, "tree", "12", "."), "a tree of processes, 12 deep: 4 095 of them", in_mean=False),
    "files": Workload((LOAD, "creates", "2000", "out"), "2 000 new files", in_mean=False),
    "creates": Workload((LOAD, "creates", "20000", "out"), "20 000 new files", in_mean=False),
    "distinct": Workload(
        (LOAD, "distinct", str(DISTINCT_FILES), "many"), f"{DISTINCT_FILES} distinct files", in_mean=False
    ),
}


class Place(NamedTuple):
    """A git repository that is also a workspace of roar."""

    root: Path
    roar: str
    env: dict[str, str]

    def run(self, tracer: str, *command: str) -> list[str]:
        """The words that run a command under a tracer and record it."""
        return [self.roar, "run", "--quiet", "--tracer", tracer, *command]

    def clear(self) -> None:
        """Empties ``out/``."""
        shutil.rmtree(self.root / "out", ignore_errors=True)
        (self.root / "out").mkdir()


def lay_out(root: Path, plugins: Path | None = None) -> Place:
    """Makes the repository, compiles the loads, commits, runs ``roar init``.

    Args:
        root: where; it is made.
        plugins: a directory with distributions of further tracers.

    Raises:
        CalledProcessError: cc, git or roar failed.
    """
    for folder in ("read", "csrc", "out", "many"):
        (root / folder).mkdir(parents=True)
    (root / ".gitignore").write_text(_IGNORED)
    (root / "loop.sh").write_text(_LOOP)
    (root / "imports.py").write_text(_IMPORTS)
    (root / "csrc/Makefile").write_text(_MAKEFILE)
    for i in range(C_FILES):
        text = f'#include <stdio.h>\n#include <stdlib.h>\nint f{i}(int x) {{ return printf("%d", x + {i}); }}\n'
        (root / f"csrc/m{i}.c").write_text(text)
    write_files(root / "read", "f", OPENED_FILES, lambda i: b"x" * 100 + b"%d" % i)
    # without cached bytecode every start would be a compilation
    left_out = ("ROAR_", "GIT_", "LD_PRELOAD", "PYTHONDONTWRITEBYTECODE")
    env = {key: value for key, value in os.environ.items() if not key.startswith(left_out)}
    if plugins is not None:
        env["PYTHONPATH"] = os.pathsep.join(filter(None, (str(plugins.resolve()), env.get("PYTHONPATH"))))
    place = Place(root, str(Path(sys.executable).parent / "roar"), env)
    who = ["-c", "user.name=bench", "-c", "user.email=bench@example.org"]
    for command in (
        ["cc", "-O2", "-Wall", "-Wextra", "-o", str(root / "load"), str(HERE / "load.c")],
        ["git", "init", "-q"],
        ["git", "add", "-A"],
        ["git", *who, "commit", "-q", "-m", "workloads"],
        [place.roar, "init"],
    ):
        subprocess.run(command, cwd=root, env=env, check=True, stdout=subprocess.DEVNULL)
    return place


def write_files(folder: Path, prefix: str, count: int, content: Callable[[int], bytes]) -> None:
    """Writes ``<prefix>0`` … into `folder`; those that exist are left."""
    with os.scandir(folder) as entries:
        present = {entry.name for entry in entries}
    for i in range(count):
        name = f"{prefix}{i}"
        if name not in present:
            fd = os.open(folder / name, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o644)
            os.write(fd, content(i))
            os.close(fd)
