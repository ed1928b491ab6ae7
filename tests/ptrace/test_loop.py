"""The loop in C: its table is a dictionary, and with any arguments of a program it stays within its memory."""

from __future__ import annotations

import os
import random
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import actor
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from ptrace_ways import InPython
from sanitized import Sanitized

from roar.api.events import Blind
from roar.api.tracer import Tracer
from roar.testing.drive import Driven
from roar.testing.tracer import Ground
from roar_tracer_ptrace.build import LOOP

pytestmark = pytest.mark.requirement("TRC-10", "TRC-8")

_STRICT = (
    "-std=c11",
    "-D_GNU_SOURCE",
    "-g",
    "-O1",
    "-Wall",
    "-Wextra",
    "-Wconversion",
    "-Wno-sign-conversion",
    "-Werror",
)
_SANITIZE = ("-fsanitize=address,undefined", "-fno-sanitize-recover=all", "-fno-omit-frame-pointer")
_OPTIONS = "detect_leaks=0:abort_on_error=1"
"""Python itself leaks."""


@pytest.fixture(scope="session")
def table(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A program that plays with the table."""
    out = tmp_path_factory.mktemp("table") / "table"
    sources = [LOOP / "known.c", Path(actor.__file__).with_name("table.c")]
    subprocess.run(["cc", *_STRICT, *_SANITIZE, f"-I{LOOP}", "-o", out, *sources], check=True)
    return out


@pytest.fixture(scope="session")
def library(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The loop with checks of every access to memory."""
    out = tmp_path_factory.mktemp("library") / "loop.so"
    sources = sorted(LOOP.glob("*.c"))
    subprocess.run(["cc", *_STRICT, *_SANITIZE, "-fPIC", "-shared", "-o", out, *sources], check=True)
    return out


def _played(table: Path, lines: list[str]) -> list[int]:
    done = subprocess.run([table], input="\n".join(lines), capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    return [int(word) for word in done.stdout.split()]


def _line(step: tuple[str, str, int]) -> str:
    what, name, bits = step
    return {"p": f"p {name} {bits}", "g": f"g {name}", "c": "c"}[what]


def _expected(steps: list[tuple[str, str, int]]) -> list[int]:
    bits_of: dict[str, int] = {}
    found = []
    for what, name, bits in steps:
        if what == "p":
            bits_of[name] = bits
        elif what == "c":
            bits_of.clear()
        else:
            found.append(bits_of.get(name, 0))
    return found


_steps = st.lists(
    st.tuples(st.sampled_from("ppppggggc"), st.text("ab/", min_size=1, max_size=3), st.integers(0, 31)), max_size=80
)


@given(_steps)
@settings(max_examples=30, deadline=None)
def test_its_table_is_a_dictionary(table: Path, steps: list[tuple[str, str, int]]) -> None:
    assert _played(table, [_line(step) for step in steps]) == _expected(steps)


def test_its_table_is_a_dictionary_also_of_many_names_that_come_and_go(table: Path) -> None:
    rng = random.Random(7)
    steps = [(rng.choice("pppg"), f"/n/{rng.randrange(4000)}", rng.choice((0, 0, 1, 3))) for _ in range(40_000)]
    steps += [("g", f"/n/{n}", 0) for n in range(4000)]
    assert _played(table, [_line(step) for step in steps]) == _expected(steps)


_ODD = r"""
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

static char *at_the_end_of_memory(const char *text, size_t back) {
    char *pages = mmap(NULL, 8192, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    munmap(pages + 4096, 4096);
    memcpy(pages + 4096 - back, text, back);
    return pages + 4096 - back;
}

static void look(const char *name) {
    for (int i = 0; i < 3; i++) {
        int f = syscall(SYS_openat, AT_FDCWD, name, 0);
        if (f >= 0) close(f);
    }
}

int main(void) {
    char *name = malloc(10000);
    long sizes[] = { 0, 1, 254, 255, 256, 257, 4093, 4094, 4095, 4096, 4097, 9000 };
    for (size_t i = 0; i < sizeof sizes / sizeof *sizes; i++) {
        memset(name, 'n', sizes[i]);
        name[sizes[i]] = 0;
        look(name);
        for (long at = 0; at < sizes[i]; at += 2) { name[at] = '.'; name[at + 1] = '/'; }
        strcpy(name + sizes[i], "a");
        look(name);
        memset(name, '/', sizes[i]);
        look(name);
    }
    look(at_the_end_of_memory("a", 2));
    look(at_the_end_of_memory("abc", 3));
    look(at_the_end_of_memory("a", 1));
    look(NULL);
    look((char *)1);
    look((char *)-1L);
    look((char *)0xffff800000000000);
    for (int fd = -200; fd < 3000; fd += 7) syscall(SYS_openat, fd, "a", 0);
    syscall(SYS_openat, 0x7fffffffL, "a", 0);
    syscall(SYS_openat, 0xdeadbeef00000003L, "a", 0);
    for (int i = 0; i < 40; i++) {  /* deeper than any buffer for a directory */
        memset(name, 'd', 200);
        name[200] = 0;
        if (mkdir(name, 0755) || chdir(name)) return 2;
        look("a");
        close(open("b", O_WRONLY | O_CREAT, 0644));
        look("b");
        look("./b");
    }
    if (mkdir("gone", 0755) || chdir("gone") || rmdir("../gone")) return 3;
    look("a");
    look("../b");
    if (chdir("/")) return 4;
    look("etc/hostname");
    look("etc/passwd");
    return 0;
}
"""
"""Names at every limit that the loop has: of its buffers, of pages, of what is a descriptor."""


def _run(tracer: type[Tracer], base: Path, library: Path, *command: str) -> tuple[Ground, Driven, bytes]:
    ground = Ground(tracer, base)
    actor.fill(str(ground.root))
    runtime = subprocess.run(["cc", "-print-file-name=libasan.so"], capture_output=True, text=True, check=True)
    env = {"LD_PRELOAD": runtime.stdout.strip()} if tracer is Sanitized else {}
    env |= {
        "LIBRARY": str(library),
        "ASAN_OPTIONS": f"{_OPTIONS}:log_path={base}/asan",
        "UBSAN_OPTIONS": f"log_path={base}/ubsan",
    }
    driven, out, err = ground.run(*command, env=env)
    complaints = [path.read_text() for path in base.glob("*san.*")]
    assert not complaints, complaints[0][:4000]
    assert driven.exit is not None and driven.exit.code == 0, err.decode()
    return ground, driven, out


def test_names_at_every_limit_do_it_no_harm(tmp_path: Path, library: Path, compiled: Callable[..., Path]) -> None:
    program = str(compiled(_ODD))
    checked, by_c, _ = _run(Sanitized, tmp_path / "1", library, program)
    plain, by_python, _ = _run(InPython, tmp_path / "2", library, program)
    assert 10 < len(checked.outputs(by_c)) < 40  # where paths are too long for the record, that is told
    assert {reason for reason, _ in by_c.blind} == {Blind.PATH}
    assert checked.inputs(by_c) == plain.inputs(by_python) == {b"a"}
    assert checked.outputs(by_c) == plain.outputs(by_python)
    assert by_c.blind == by_python.blind


@pytest.mark.parametrize("seed", [1001, 1002])
def test_random_programs_do_it_no_harm(tmp_path: Path, library: Path, seed: int) -> None:
    code = Path(actor.__file__).read_text()
    program = repr(actor.random_program(seed, 200))
    ground, driven, told = _run(Sanitized, tmp_path, library, sys.executable, "-BSEc", code, program)
    assert told.count(b"\n") > 20
    assert ground.outputs(driven)
    assert driven.coverage is not None and not driven.coverage.notes


def test_the_checked_library_is_what_runs(tmp_path: Path, library: Path) -> None:
    """Or the tests above would show nothing: while the command runs, the tracer's process has it in its memory."""
    code = (
        "import os\n"
        "maps = open(f'/proc/{os.getppid()}/maps').read()\n"
        f"raise SystemExit({os.fspath(library)!r} not in maps)\n"
    )
    _run(Sanitized, tmp_path, library, sys.executable, "-SEc", code)
