"""One repository for all cases, each in a directory of its own that git ignores, and the programs that they run."""

from __future__ import annotations

import os
import shutil
import stat
import struct
import subprocess
import sys
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from types import SimpleNamespace

import pytest
from capture.c_cases import HELPER
from capture.cases import Case, Seen, fill

_SOURCES = {
    "static": '#include <stdio.h>\nint main(void){puts("hi");return 0;}\n',
    "staticrun": '#include <unistd.h>\nint main(void){execl("/bin/cp","cp","a","out",(char*)0);return 1;}\n',
}


_INLINE = """int main(void){
#if defined(__x86_64__)
    long r;
    __asm__ volatile("syscall" : "=a"(r) : "a"(2), "D"("a"), "S"(0), "d"(0) : "rcx", "r11", "memory");
    return r < 0;
#endif
}
"""
"""A program that calls the kernel itself."""
_GO = """#include <stdio.h>
__asm__(".section .note.go.buildid,\\"a\\"\\n.long 4, 4, 4\\n.asciz \\"Go\\"\\n.byte 0\\n.long 0\\n.previous");
int main(void){puts("hi");return 0;}
"""
"""A program with the note that Go's linker writes."""


def _bit32() -> bytes:
    """A static i386 program that exits with 0, made by hand: there may be no 32-bit compiler here."""
    code = bytes.fromhex("b801000000 31db cd80")  # mov $1, %eax; xor %ebx, %ebx; int $0x80
    base, header, entry = 0x8048000, 52, 32
    start = header + entry
    identity = b"\x7fELF" + bytes([1, 1, 1]) + bytes(9)
    rest = struct.pack("<HHIIIIIHHHHHH", 2, 3, 1, base + start, header, 0, 0, header, entry, 1, 0, 0, 0)
    size = start + len(code)
    return identity + rest + struct.pack("<IIIIIIII", 1, 0, base, base, size, size, 5, 4096) + code


@pytest.fixture(scope="session")
def programs(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The helper programs, built once."""
    place = tmp_path_factory.mktemp("programs")
    place.chmod(0o755)

    def cc(*words: str) -> None:
        subprocess.run(["cc", "-w", *words], cwd=place, check=True)

    cc("-O1", "-pthread", "-o", "helper", str(Path(__file__).with_name("helper.c")))
    for name, source in _SOURCES.items():
        (place / f"{name}.c").write_text(source)
        cc("-static", "-o", name, f"{name}.c")
    cc("-o", "suid", "static.c")
    cc("-fsanitize=address", "-o", "asan", "static.c")
    (place / "x.c").write_text("int x;\n")
    cc("-shared", "-fPIC", "-o", "libx.so", "x.c")
    (place / "inline.c").write_text(_INLINE)
    cc("-o", "inline", "inline.c")
    (place / "go.c").write_text(_GO)
    cc("-o", "go", "go.c")
    loader = subprocess.run(["readelf", "-l", "suid"], cwd=place, capture_output=True, text=True, check=True).stdout
    shutil.copy(loader.split("interpreter: ", 1)[1].split("]", 1)[0], place / "strange-loader")
    cc(f"-Wl,--dynamic-linker={place}/strange-loader", "-o", "loader", "static.c")
    (place / "bit32").write_bytes(_bit32())
    (place / "bit32").chmod(0o755)
    return place


@pytest.fixture(scope="session")
def capture(
    request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory, programs: Path
) -> Iterator[Callable[[Case], Seen]]:
    """Runs a case under the real `roar run --tracer preload` and reads its record; the cases to come run ahead beside it."""
    base = tmp_path_factory.mktemp("capture").resolve()
    for folder in (base, *base.parents[:2]):
        folder.chmod(0o755)  # a case that drops its privileges must reach its directory
    root, home = base / "repo", base / "home"
    root.mkdir()
    home.mkdir()
    env = {k: v for k, v in os.environ.items() if not k.startswith(("ROAR_", "GIT_", "XDG_", "LD_", "PYTEST_"))}
    env |= {"HOME": str(home), "GIT_CONFIG_NOSYSTEM": "1", "NO_COLOR": "1", "PYTHONDONTWRITEBYTECODE": "1"}
    (home / ".gitconfig").write_text("[user]\n\tname = A\n\temail = a@example.org\n")
    (root / ".gitignore").write_text("/cases/\n")
    for words in (["git", "init", "-q"], ["git", "add", "-A"], ["git", "commit", "-q", "-m", "first"]):
        subprocess.run(words, cwd=root, env=env, check=True)
    subprocess.run([sys.executable, "-m", "roar", "init"], cwd=root, env=env, check=True, capture_output=True)

    def run(case: Case) -> Seen:
        key = "".join(c if c.isalnum() else "-" for c in case.name)
        place = root / "cases" / key
        fill(place)
        for program in ("static", "staticrun", "suid", "libx.so", "inline", "bit32", "go", "loader", "asan"):
            shutil.copy(programs / program, place / program)
        if os.geteuid() == 0:
            os.chown(place / "suid", 65534, 65534)
        (place / "suid").chmod(stat.S_ISUID | 0o755)
        command = [str(programs / HELPER) if word == HELPER else word for word in case.command]
        roar = [
            sys.executable,
            "-m",
            "roar",
            "run",
            "--tracer",
            "preload",
            "--no-hash",
            "--label",
            f"case={key}",
            "--",
            *command,
        ]
        done = subprocess.run(
            roar, cwd=place, env=env, stdin=subprocess.DEVNULL, capture_output=True, check=False, timeout=120
        )
        return _recorded(root, place, key, done)

    cases = [i.callspec.params["case"] for i in request.session.items if "case" in getattr(i, "callspec", _NONE).params]
    with ThreadPoolExecutor(os.cpu_count()) as pool:
        running = {case.name: pool.submit(run, case) for case in cases if isinstance(case, Case)}
        yield lambda case: running[case.name].result()
        pool.shutdown(cancel_futures=True)


_NONE = SimpleNamespace(params={})


def _recorded(root: Path, place: Path, key: str, done: subprocess.CompletedProcess[bytes]) -> Seen:
    from roar.api.storage import JobQuery
    from roar.context import Context

    streams = done.stdout.decode(errors="surrogateescape"), done.stderr.decode(errors="surrogateescape")
    storage = Context(root).storage(read_only=True)
    try:
        jobs = storage.jobs(JobQuery(limit=1, labels={"case": key}))
        assert jobs, f"no job was recorded: {streams}"
        names: dict[str, set[str]] = {"input": set(), "output": set()}
        prefix = os.fsencode(place) + b"/"
        for edge in storage.edges([jobs[0].id]):
            if edge.path.startswith(prefix):
                names[edge.direction].add(os.fsdecode(edge.path[len(prefix) :]))
    finally:
        storage.close()
    verdict = jobs[0].capture
    return Seen(
        done.returncode,
        *streams,
        frozenset(names["input"]),
        frozenset(names["output"]),
        verdict.verdict,
        verdict.reasons,
    )
