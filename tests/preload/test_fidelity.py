"""The traced program finds the world as it would without roar."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest
from preload.conftest import Traced, driver_command

from roar.api.events import Kind
from roar_tracer_preload.tracer import arm

Trace = Callable[..., Traced]
Compiled = Callable[..., Path]
pytestmark = pytest.mark.requirement("RUN-2")


def test_only_ld_preload_is_added_to_the_environment(trace: Trace) -> None:
    seen = trace("env -0 > out")
    untraced = {k: v for k, v in os.environ.items() if not k.startswith("LD_")}
    found = dict(item.split("=", 1) for item in (seen.place / "out").read_text().split("\0") if item)
    assert found.pop("LD_PRELOAD") == str(seen.journal.resolve() / "roar-preload.so")
    shells = {"PWD", "OLDPWD", "SHLVL", "_"}
    assert {k: v for k, v in found.items() if k not in shells} == {k: v for k, v in untraced.items() if k not in shells}


def test_what_was_preloaded_stays(trace: Trace, compiled: Compiled) -> None:
    other = str(compiled("int x;\n", "-shared", "-fPIC"))
    seen = trace("env -u X sh -c 'echo $LD_PRELOAD' > out", env={"LD_PRELOAD": other})
    assert (seen.place / "out").read_text() == f"{seen.journal.resolve() / 'roar-preload.so'}:{other}\n"
    assert seen.coverage.blind == ()


def test_descriptors_and_signals_are_those_of_the_shell(trace: Trace) -> None:
    seen = trace("ls /proc/self/fd > out; cat /proc/self/status > out2")
    assert (seen.place / "out").read_text().split() == ["0", "1", "2", "3"]
    assert signals((seen.place / "out2").read_text()) == [0, 0, 0]


def signals(status: str) -> list[int]:
    """What is blocked, ignored and handled, but for what glibc's posix_spawn(3) leaves ignored in what make starts."""
    found = dict(line.split(":\t", 1) for line in status.splitlines())
    return [int(found[name], 16) & ~(0b11 << 31) for name in ("SigBlk", "SigIgn", "SigCgt")]


def test_a_run_within_a_run_is_seen_by_both(trace: Trace, place: Path, tmp_path: Path) -> None:
    inner = tmp_path / "inner"
    (inner / "journal").mkdir(parents=True)
    command = driver_command(inner / "journal", inner / "result", "sh", "-c", "cat a > out; env -i cat b")
    seen = trace(*command)
    assert {"a", "b"} <= set(seen.names(Kind.OPEN))
    assert seen.names(Kind.WRITE) == ["out"]
    import pickle

    events = pickle.loads((inner / "result").read_bytes())[0]
    names = {os.path.basename(e.path) for e in events if e.kind in (Kind.OPEN, Kind.WRITE)}
    assert {b"a", b"b", b"out"} <= names
    assert seen.coverage.blind == ()


def test_a_full_argument_list_still_runs(trace: Trace, compiled: Compiled) -> None:
    # as many bytes as fit without our variable: with it execve fails with E2BIG, and is repeated without
    program = compiled(
        "#include <errno.h>\n#include <stdlib.h>\n#include <string.h>\n#include <stdio.h>\n#include <sys/resource.h>\n#include <unistd.h>\n"
        "int main(int c,char**v){if(c>1)return 0;"
        "struct rlimit l={8<<20,8<<20};setrlimit(RLIMIT_STACK,&l);"
        "for(long n=2<<20;n>0;n-=16){long k=0,m=n;char**a=malloc(20*sizeof*a);a[k++]=v[0];"
        "while(m>0){long s=m>120000?120000:m;a[k]=malloc(s+1);memset(a[k],'x',s);a[k++][s]=0;m-=s;}a[k]=0;"
        "char*e[]={0};execve(v[0],a,e);if(errno!=E2BIG)return 3;for(k--;k>0;k--)free(a[k]);free(a);}return 4;}"
    )
    seen = trace(str(program))
    assert seen.exit.code == 0
    assert any("E2BIG" in e.reason for e in seen.of(Kind.EXEC))


@pytest.mark.parametrize("function", ["dlopen", "dlmopen", "syscall"])
def test_functions_that_look_at_their_caller_end_in_a_jump(strict_library: Path, function: str) -> None:
    listing = subprocess.run(
        ["objdump", "-d", "--no-show-raw-insn", strict_library], capture_output=True, text=True, check=True
    )
    body = listing.stdout.split(f"<{function}>:\n", 1)[1].split("\n\n", 1)[0]
    assert re.search(r"\b(jmp\s+\*%r|br\s+x)", body), body


def test_the_library_needs_nothing_of_its_host_but_six_symbols(strict_library: Path) -> None:
    dynamic = subprocess.run(["readelf", "-dW", strict_library], capture_output=True, text=True, check=True).stdout
    assert "NEEDED" not in dynamic
    symbols = subprocess.run(
        ["nm", "-D", "--undefined-only", strict_library], capture_output=True, text=True, check=True
    )
    wanted = {line.split()[-1] for line in symbols.stdout.splitlines()}
    assert wanted == {
        "__errno_location",
        "environ",
        "fileno",
        "_r_debug",
        "_dl_debug_addr",
        "clock_gettime",
        "getauxval",
    }
    assert "@" not in symbols.stdout  # no version, so that it loads into any glibc


def test_the_library_has_little_to_set_up(strict_library: Path) -> None:
    relocations = subprocess.run(["readelf", "-rW", strict_library], capture_output=True, text=True, check=True).stdout
    assert sum("R_X86_64" in line or "R_AARCH64" in line for line in relocations.splitlines()) <= 12
    headers = subprocess.run(["readelf", "-lW", strict_library], capture_output=True, text=True, check=True).stdout
    loads = [line.split() for line in headers.splitlines() if line.split()[:1] == ["LOAD"]]
    assert len(loads) == 2
    start, size = int(loads[1][2], 16), int(loads[1][5], 16)
    assert start // 4096 == (start + size - 1) // 4096  # .data and .bss: one page


def test_python_sees_the_same_world(place: Path, journal: Path) -> None:
    code = (
        "import os, sys, threading\n"
        "print(sorted(os.listdir('/proc/self/fd')), threading.active_count(), os.umask(0), os.getcwd() == os.environ['PWD'])"
    )
    env = {k: v for k, v in os.environ.items() if not k.startswith("LD_")} | {"PWD": str(place)}
    armed = arm(journal, {os.fsencode(k): os.fsencode(v) for k, v in env.items()})
    command = [sys.executable, "-S", "-c", code]
    plain = subprocess.run(command, cwd=place, env=env, capture_output=True, text=True, check=True)
    traced = subprocess.run(command, cwd=place, env=armed.environment, capture_output=True, text=True, check=True)
    assert (traced.stdout, traced.stderr) == (plain.stdout, plain.stderr)


def test_a_link_that_was_retargeted_is_told_by_what_was_read(trace: Trace, place: Path) -> None:
    (place / "link").symlink_to("a")
    seen = trace("cat link; ln -sfn b link; cat link")
    identities = [e.stat.ino for e in seen.of(Kind.OPEN) if e.stat and e.path.startswith(os.fsencode(place))]
    assert identities == [(place / "a").stat().st_ino, (place / "b").stat().st_ino]


def test_little_of_the_stack_is_used(tmp_path: Path) -> None:
    # a handler on a signal stack of the smallest size may call open; only what runs while a process starts may use more
    from roar_tracer_preload.build import _COMPILE, SHIM

    for source in SHIM.glob("*.c"):
        subprocess.run(["gcc", *_COMPILE, "-fstack-usage", "-c", source], cwd=tmp_path, check=True)
    usage = [line.split("\t") for file in tmp_path.glob("*.su") for line in file.read_text().splitlines()]
    large = {name.rsplit(":", 1)[1] for name, size, _ in usage if int(size) > 512}
    assert large <= {"open_arena_at_start", "loaded"}
