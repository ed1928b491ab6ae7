"""What single operations come out as, field by field."""

from __future__ import annotations

import os
import subprocess
from collections.abc import Callable
from pathlib import Path

import pytest
from preload.conftest import Traced

from roar.api.events import Blind, FileStat, Kind
from roar_tracer_preload import survivors

Trace = Callable[..., Traced]
pytestmark = pytest.mark.requirement("TRC-10", "HASH-2")


def _stat(path: Path) -> FileStat:
    s = path.stat()
    return FileStat(s.st_dev, s.st_ino, s.st_size, s.st_mtime_ns, s.st_ctime_ns, s.st_mode)


def test_a_read_carries_the_state_of_the_file_that_was_opened(trace: Trace, place: Path) -> None:
    before = _stat(place / "a")
    [event] = [e for e in trace("cat a; echo more >> a").of(Kind.OPEN) if e.path == os.fsencode(place / "a")]
    assert event.stat == before
    assert event.existed
    assert event.confirmed


def test_a_change_carries_the_state_before_it(trace: Trace, place: Path) -> None:
    before = _stat(place / "a")
    [event] = trace("echo x > a").of(Kind.WRITE)
    assert (event.path, event.existed, event.stat, event.resolved) == (os.fsencode(place / "a"), True, before, True)
    assert event.flags & os.O_TRUNC


def test_a_new_file_was_not_there(trace: Trace) -> None:
    [event] = trace("echo x > out").of(Kind.WRITE)
    assert event.existed is False
    assert event.stat is None


def test_a_file_that_mknod_made_was_not_there(trace: Trace, compiled: Callable[..., Path]) -> None:
    program = compiled(
        "#include <fcntl.h>\n#include <sys/stat.h>\n#include <sys/syscall.h>\n#include <unistd.h>\n"
        "extern int __xmknod(int, const char *, mode_t, dev_t *), __xmknodat(int, int, const char *, mode_t, dev_t *);\n"
        'int main(void) { dev_t none = 0; mknod("a", 0600, 0); mknod("pipe", S_IFIFO | 0600, 0);\n'
        'return mknod("o1", 0600, 0) || mknodat(AT_FDCWD, "o2", S_IFREG | 0600, 0) || __xmknod(0, "o3", 0600, &none)\n'
        '|| __xmknodat(0, AT_FDCWD, "o4", 0600, &none) || syscall(SYS_mknodat, AT_FDCWD, "o5", S_IFREG | 0600, 0); }'
    )
    seen = trace(str(program))
    assert seen.names(Kind.WRITE) == ["o1", "o2", "o3", "o4", "o5"]
    assert {(e.existed, e.confirmed, e.flags & os.O_EXCL) for e in seen.of(Kind.WRITE)} == {(False, True, os.O_EXCL)}


def test_a_file_is_told_once_for_each_direction(trace: Trace) -> None:
    seen = trace("for i in $(seq 30); do cat a; echo x >> out; done")
    assert seen.names(Kind.OPEN) == ["a"]
    assert seen.names(Kind.WRITE) == ["out"]


def test_a_name_that_got_another_file_is_told_again(trace: Trace) -> None:
    seen = trace("cat a; mv b a; cat a; echo x > t; mv t o1; echo x > t; mv t o2")
    assert seen.names(Kind.OPEN) == ["a", "a"]
    assert seen.names(Kind.WRITE) == ["t", "t"]


def test_what_went_through_a_link_is_told_under_the_kernels_name(trace: Trace, place: Path) -> None:
    (place / "link").symlink_to("a")
    seen = trace("echo x >> link")
    [event] = seen.of(Kind.WRITE)
    assert event.resolved
    assert seen.names(Kind.WRITE) == ["a"]


def test_failed_operations_are_not_told(trace: Trace) -> None:
    seen = trace("cat nothere; mv nothere x; echo > nodir/x; ln a b; true")
    assert not seen.of(Kind.WRITE, Kind.RENAME, Kind.LINK)
    assert seen.names(Kind.OPEN) == []


def test_the_order_is_that_of_the_operations(trace: Trace, place: Path) -> None:
    seen = trace("cat a > out; mv out z; rm z")
    kinds = [
        e.kind
        for e in seen.events
        if e.kind in (Kind.OPEN, Kind.WRITE, Kind.RENAME, Kind.UNLINK) and b"place" in e.path
    ]
    assert kinds == [Kind.WRITE, Kind.OPEN, Kind.RENAME, Kind.UNLINK]
    [rename] = seen.of(Kind.RENAME)
    assert rename.path2 == os.fsencode(place / "z")
    assert rename.stat is not None


def test_the_first_program_is_told_with_its_state(trace: Trace, place: Path) -> None:
    script = place / "script"
    script.write_text("#!/bin/sh\ncat a\n")
    script.chmod(0o755)
    first = trace("./script").events[0]
    assert (first.kind, os.path.normpath(first.path), first.stat) == (Kind.EXEC, os.fsencode(script), _stat(script))


def test_programs_are_told_with_their_process_and_state(trace: Trace) -> None:
    seen = trace("(cat a)")
    programs = {e.path: e for e in seen.of(Kind.EXEC)}
    [cat] = [e for path, e in programs.items() if path.endswith(b"/cat")]
    assert cat.stat is not None
    assert cat.pid in {e.pid for e in seen.of(Kind.START)}


def test_a_fork_is_told_by_the_parent(trace: Trace) -> None:
    seen = trace("(read line < a; true); true")
    [fork] = seen.of(Kind.FORK)
    assert fork.child in {e.pid for e in seen.of(Kind.OPEN)}


def test_setting_times_is_told_with_the_time_before_and_after(trace: Trace, place: Path) -> None:
    before = _stat(place / "a")
    [event] = trace("touch -d @1000000000 a").of(Kind.TIMES)
    assert (event.stat, event.flags) == (before, 1_000_000_000 * 10**9)


def test_an_open_that_posix_spawn_will_do_is_a_question(trace: Trace, compiled: Callable[..., Path]) -> None:
    program = compiled(
        "#include <spawn.h>\n#include <fcntl.h>\n#include <sys/wait.h>\nint main(void){posix_spawn_file_actions_t f;"
        'posix_spawn_file_actions_init(&f);posix_spawn_file_actions_addopen(&f,1,"out",O_WRONLY|O_CREAT,0644);'
        'char*a[]={"cat","a",0};pid_t p;posix_spawn(&p,"/bin/cat",&f,0,a,0);wait(0);return 0;}'
    )
    [event] = trace(str(program)).of(Kind.WRITE)
    assert (event.confirmed, event.existed) == (False, False)


@pytest.mark.requirement("TRC-8")
def test_a_program_without_the_shim_is_named(trace: Trace, place: Path, compiled: Callable[..., Path]) -> None:
    # a system call of the kernel's own starts cat with an empty environment: nobody could put the shim there
    program = compiled(
        '#include <sys/syscall.h>\nint main(void){char*a[]={"cat","a",0},*e[]={0};long r;'
        '__asm__ volatile("syscall":"=a"(r):"a"(SYS_execve),"D"("/bin/cat"),"S"(a),"d"(e):"rcx","r11","memory");return 1;}'
    )
    seen = trace(str(program))
    assert [spot for spot in seen.coverage.blind if spot.reason == Blind.RAW_SYSCALLS]


@pytest.mark.requirement("NORM-7")
def test_survivors_are_named(trace: Trace) -> None:
    seen = trace("sleep 3600 >/dev/null 2>&1 & echo $! > pid; true")
    pid = int((seen.place / "pid").read_text())
    try:
        assert seen.coverage.survivors == (pid,)
    finally:
        os.kill(pid, 9)


@pytest.mark.requirement("NORM-7")
def test_a_survivor_that_is_just_becoming_another_program_is_named(place: Path) -> None:
    """Then it has neither our memory nor an environment; as here one that never had any."""
    process = subprocess.Popen(["/bin/sleep", "3600"], env={})
    try:
        assert survivors.of(str(place / "arena"), {process.pid}) == [process.pid]
        assert process.pid not in survivors.of(str(place / "arena"), None)
        process.kill()
        os.waitid(os.P_PID, process.pid, os.WEXITED | os.WNOWAIT)
        assert survivors.of(str(place / "arena"), {process.pid}) == []  # nobody has waited for it yet
    finally:
        process.kill()
        process.wait()


def test_a_process_that_outlives_the_command_by_a_moment_is_waited_for(trace: Trace) -> None:
    seen = trace("(sleep 0.05; cat a > late) >/dev/null 2>&1 &", env={"DRIVER_GRACE_S": "60"})
    assert seen.names(Kind.WRITE) == ["late"]
    assert seen.coverage.survivors == ()


@pytest.mark.requirement("PERF-4")
def test_events_come_while_the_command_runs_and_each_once(trace: Trace, place: Path) -> None:
    code = """
import os
for i in range(20000):
    os.close(os.open(f"n{i}", os.O_CREAT | os.O_WRONLY))
    if i == 15000:
        open("gate").read()
"""
    os.mkfifo(place / "gate")
    seen = trace("python3", "-S", "-c", code, env={"DRIVER_GATE": str(place / "gate")})
    assert seen.names(Kind.WRITE) == [f"n{i}" for i in range(20000)]
    assert seen.early > 1000
    assert seen.coverage.dropped == 0
    assert seen.coverage.observed == len(seen.events)


@pytest.mark.requirement("NORM-6")
def test_names_through_a_link_to_a_directory_are_canonical_before_the_link_goes(trace: Trace, place: Path) -> None:
    (place / "real").mkdir()
    (place / "real" / "f").write_text("x")
    (place / "way").symlink_to("real")
    seen = trace(
        "truncate -s 9 way/f; mv way/f way/g; ln way/g ./way//h; unlink way/h; cd way; ln -s g l; cd ..; mv way other"
    )
    real = os.fsencode(place / "real")
    named = [event for kind in (Kind.RENAME, Kind.LINK, Kind.UNLINK, Kind.SYMLINK) for event in seen.of(kind)]
    told = [(event.path, event.path2) for event in named if b"other" not in event.path2]
    assert told == [
        (real + b"/f", real + b"/g"),
        (real + b"/g", real + b"/h"),
        (real + b"/h", b""),
        (b"g", real + b"/l"),
    ]
    assert all(event.resolved for event in named)


def test_a_write_to_a_file_that_lost_its_name_is_nothing(trace: Trace) -> None:
    """A descriptor that is opened again: the file that its name led to once may be another by now."""
    seen = trace("exec 3<>a; rm a; echo x > /proc/self/fd/3; echo y > /dev/fd/3")
    assert seen.names(Kind.WRITE) == ["a"]
