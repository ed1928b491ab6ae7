"""`roar-ebpf trace` as root: what it arms, what it writes down, and how it ends."""

from __future__ import annotations

import ctypes
import itertools
import os
import signal
import struct
import subprocess
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from ebpf.common import holding
from ebpf.session import ENROL, FINISHED, OPEN, WAIT_S, Session

from roar_tracer_ebpf import journal
from roar_tracer_ebpf.build import version
from roar_tracer_ebpf.journal import NAME, Journal

_BPF = {"x86_64": 321, "aarch64": 280}[os.uname().machine]
_BY_ID = {"prog_id": 13, "map_id": 14}
_libc = ctypes.CDLL(None, use_errno=True)


def _is_loaded(kind: str, number: int) -> bool:
    fd = _libc.syscall(_BPF, _BY_ID[kind], struct.pack("<3I", number, 0, 0), 12)
    if fd >= 0:
        os.close(fd)
    return bool(fd >= 0)


def _assert_unloaded(objects: dict[str, set[int]]) -> None:
    """The kernel frees them a moment after the last descriptor was closed."""
    until = time.monotonic() + WAIT_S
    while left := [
        (kind, number) for kind, numbers in objects.items() for number in numbers if _is_loaded(kind, number)
    ]:
        assert time.monotonic() < until, f"still loaded: {left}"
        time.sleep(0.01)


@pytest.fixture(scope="module")
def read_run(
    program: Path, compiled: Callable[[str], Path], tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Session]:
    """A session in which a file was read, and which was asked for what it saw."""
    folder = tmp_path_factory.mktemp("read")
    (folder / "told-of-this").write_text("text")
    with Session(program, folder / "journal", caller=compiled("caller")) as session:
        session.run("/bin/cat", str(folder / "told-of-this"))
        assert session.sync() == b"S"
        yield session


@pytest.mark.requirement("TRC-2")
def test_a_file_that_an_enrolled_process_reads_is_in_the_journal(read_run: Session) -> None:
    assert b"told-of-this" in read_run.names()
    assert next(kind for kind, _ in read_run.records()) == ENROL, "what the trial at the start saw isn't in it"


@pytest.mark.requirement("TRC-8")
def test_the_header_counts_exactly_what_is_in_the_journal(read_run: Session) -> None:
    header, reply = read_run.header(), read_run.armed
    assert header.magic == b"ROAREBPF"
    assert header.emitted == len(list(read_run.records())) > 3
    assert (header.drops, header.suppressed, header.enrol_failed, header.lost_by_disk, header.misses) == (0, 0, 0, 0, 0)
    assert header.flags == reply.tier | reply.variant << 8 | reply.skipped << 16, "and it hasn't finished"
    assert header.end == read_run.journal.stat().st_size
    assert f"{reply.probe:08x}" == version().split("-")[1]


@pytest.mark.requirement("TRC-8")
def test_the_header_says_from_the_start_how_it_sees(
    program: Path, compiled: Callable[[str], Path], tmp_path: Path
) -> None:
    """What can't be seen must be known before the first record is read."""
    with Session(program, tmp_path / "journal", caller=compiled("caller")) as one:
        assert one.header().flags == one.armed.tier | one.armed.variant << 8 | one.armed.skipped << 16 != 0


@pytest.mark.requirement("RUN-2")
def test_it_holds_nothing_of_its_callers(read_run: Session) -> None:
    held = Path(f"/proc/{read_run.process.pid}/fd")
    targets = {int(entry.name): os.readlink(entry) for entry in held.iterdir()}
    assert [targets[fd] for fd in range(3)] == ["/dev/null"] * 3
    assert targets[3].startswith("socket:") and targets[4] == str(read_run.journal)
    assert all(target.startswith("anon_inode:") for fd, target in targets.items() if fd > 4), targets
    assert os.readlink(f"/proc/{read_run.process.pid}/cwd") == "/"


@pytest.mark.requirement("RUN-2")
def test_no_signal_but_sigkill_ends_it(read_run: Session) -> None:
    for number in set(signal.Signals) - {signal.SIGKILL, signal.SIGSTOP, signal.SIGCONT}:
        os.kill(read_run.process.pid, number)
    assert read_run.sync() == b"S"


@pytest.mark.requirement("PERF-4")
def test_it_takes_little_more_memory_than_the_ring(read_run: Session) -> None:
    status = Path(f"/proc/{read_run.process.pid}/status").read_text()
    peak_kib = int(status.partition("VmHWM:")[2].split()[0])
    assert peak_kib << 10 < read_run.armed.ring_bytes + (8 << 20)


@pytest.mark.requirement("RUN-7")
def test_who_waits_for_what_was_seen_by_now_finds_it_in_the_journal(
    session: Callable[..., Session], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Another roar, of a run that goes on: however long it takes."""
    one, seen = session(name=NAME), tmp_path / "seen-by-now"
    seen.touch()
    monkeypatch.setattr(journal, "_ANSWER_S", 2 * WAIT_S)
    asked = f":{one.journal.stat().st_ino} 0 0"  # the first byte is locked
    for _ in range(2):  # the next one is answered as well
        assert one.armed
        os.kill(one.process.pid, signal.SIGSTOP)
        holding.wait_for(lambda: holding.state_of(one.process.pid) == "T", "it doesn't stop")
        one.run("/bin/cat", str(seen))
        before = one.journal.read_bytes().count(b"seen-by-now")
        reader = Journal(tmp_path)
        waiting = threading.Thread(target=reader.wait_for_now)
        waiting.start()
        holding.wait_for(lambda: asked in Path("/proc/locks").read_text(), "nobody asks")
        assert waiting.is_alive() and one.journal.read_bytes().count(b"seen-by-now") == before
        os.kill(one.process.pid, signal.SIGCONT)
        waiting.join(WAIT_S)
        assert not waiting.is_alive()
        assert one.journal.read_bytes().count(b"seen-by-now") == before + 1
        reader.close()


@pytest.mark.requirement("SAFE-1")
@pytest.mark.parametrize("end", ["closed", "killed"])
def test_nothing_stays_loaded_whatever_ends_it(end: str, session: Callable[..., Session]) -> None:
    one = session()
    assert one.armed
    objects = one.objects()
    assert len(objects["prog_id"]) >= 4 and objects["map_id"], "this test knows what is loaded"
    assert all(_is_loaded("prog_id", number) for number in objects["prog_id"])
    if end == "closed":
        one.run("/bin/true")
        assert one.close() == 0
        assert one.header().flags & FINISHED
        assert one.header().emitted == len(list(one.records())) > 0, (
            "the last records are there without being asked for"
        )
    else:
        one.process.kill()
        one.process.wait()
        assert not one.header().flags & FINISHED
    _assert_unloaded(objects)


@pytest.mark.requirement("PERF-2")
def test_it_ends_soon_however_long_the_kernel_takes_to_let_go(session: Callable[..., Session]) -> None:
    """Roar waits for it.  A busy machine may take longer now and then."""
    until = time.monotonic() + WAIT_S
    for number in itertools.count():
        one = session(name=f"journal-{number}")
        one.run("/bin/true")
        begun = time.monotonic()
        assert one.close() == 0
        if time.monotonic() - begun < 1:
            return
        assert begun < until


@pytest.mark.requirement("RUN-7")
def test_two_sessions_see_their_own_commands_alone(session: Callable[..., Session], tmp_path: Path) -> None:
    sessions = [session(name=name) for name in ("first", "second")]
    for number, one in enumerate(sessions):
        (tmp_path / f"only-in-{number}").touch()
        one.run("/bin/cat", str(tmp_path / f"only-in-{number}"))
    for number, one in enumerate(sessions):
        one.sync()
        assert {name for name in one.names() if name.startswith(b"only-in-")} == {b"only-in-%d" % number}
    assert sessions[0].armed.cookie != sessions[1].armed.cookie


@pytest.mark.requirement("TRC-5")
@pytest.mark.parametrize("variant", ["fast", "compat"])
def test_each_variant_arms_where_the_kernel_has_what_it_needs(variant: str, session: Callable[..., Session]) -> None:
    reply = session("--variant", variant).reply
    assert reply is not None
    if reply.error:
        assert (variant, reply.step) == ("fast", "finding bpf_rdonly_cast in the kernel's types")
    else:
        assert reply.variant == (variant == "fast")


@pytest.mark.requirement("TRC-2")
def test_check_tells_of_each_tier_and_trace_takes_one_that_works(
    program: Path, session: Callable[..., Session]
) -> None:
    done = subprocess.run([program, "check"], capture_output=True, text=True, check=True)
    facts = dict(line.split("=", 1) for line in done.stdout.splitlines())
    assert facts["kernel"] == os.uname().release
    assert (facts["caps"], facts["prepare"]) == ("ok", "ok")
    assert facts["variant"] in ("fast", "compat")
    ready = [number for number, tier in ((2, "fentry"), (1, "base")) if facts[f"tier.{tier}"] == "ok"]
    assert ready, facts
    # base, too, where fentry works and somebody just lets go of it: that would take seconds
    assert session().armed.tier in ready
    fentry = session("--tier", "fentry", name="fentry").reply
    assert fentry is not None
    if 2 in ready:
        assert (fentry.error, fentry.tier) == (0, 2)
    else:
        assert facts["tier.fentry"] == f"{os.strerror(fentry.error)}\t{fentry.step}\t{fentry.advice}"
    assert int(facts["insns.base.sys_exit"]) > 100


@pytest.mark.requirement("TRC-2")
def test_stopped_and_continued_while_it_is_arming_it_goes_on(program: Path) -> None:
    """Where the kernel has a program in the middle of being verified it gives up then: so it does when a container is frozen."""
    words = [program, "check", "--tier", "base"]
    with subprocess.Popen(words, stdout=subprocess.PIPE, text=True) as checking:
        pause_s = 0.001
        while checking.poll() is None:
            for number in (signal.SIGSTOP, signal.SIGCONT):
                checking.send_signal(number)
            time.sleep(pause_s)
            pause_s *= 1.2  # at last it is left alone for long enough
        assert checking.stdout is not None
        facts = dict(line.split("=", 1) for line in checking.stdout.read().splitlines())
    assert (checking.returncode, facts["tier.base"]) == (0, "ok")


def _names_of_many(one: Session, folder: Path, count: int) -> int:
    """How many of `count` files that were opened are in the journal."""
    code = f"import os\nfor i in range({count}): os.close(os.open(b'{folder}/%d-many' % i, os.O_CREAT | os.O_RDONLY))"
    one.run("/usr/bin/python3", "-S", "-c", code)
    one.sync()
    return sum(name.endswith(b"-many") for name in one.names())


@pytest.mark.requirement("TRC-8")
def test_what_a_full_ring_loses_is_counted_exactly(session: Callable[..., Session], tmp_path: Path) -> None:
    one, folder = session("--ring", "1"), tmp_path / "files"
    folder.mkdir()
    count, first, second = 8000, *one.armed.cookie
    for number in range(count):
        (folder / f"{number}-many").touch()
    os.kill(one.process.pid, signal.SIGSTOP)
    code = f"""
import os
try: os.posix_fadvise(-1, {first}, {second}, 0x524F4152)
except OSError: pass
for i in range({count}): os.close(os.open(b'{folder}/%d-many' % i, os.O_RDONLY))
try: os.posix_fadvise(-1, {first}, {second}, 0x524F4153)
except OSError: pass
"""
    subprocess.run(["/usr/bin/python3", "-S", "-c", code], check=True)
    os.kill(one.process.pid, signal.SIGCONT)
    one.sync()
    header = one.header()
    others = sum(kind != OPEN for kind, _ in one.records())
    opens = sum(kind == OPEN for kind, _ in one.records())
    assert 0 < header.drops < count
    assert opens + header.drops == count, (
        "what came before the first was lost was not dropped, and after the last nothing came"
    )
    assert header.emitted == opens + others
    assert header.drop_bytes > header.drops * 48


@pytest.mark.requirement("SAFE-2")
def test_what_a_full_disk_loses_is_counted_exactly(
    program: Path, compiled: Callable[[str], Path], tmp_path: Path
) -> None:
    disk, count = tmp_path / "disk", 3000
    disk.mkdir()
    subprocess.run(["mount", "-t", "tmpfs", "-o", "size=64k", "tmpfs", disk], check=True)
    try:
        with Session(program, disk / "journal", caller=compiled("caller")) as one:
            seen = _names_of_many(one, tmp_path, count)
            header = one.header()
            assert 0 < seen < count
            assert header.lost_by_disk > 0
            assert header.emitted == len(list(one.records())) + header.lost_by_disk
            assert header.end == one.journal.stat().st_size <= 64 << 10
            assert one.close() == 0
            assert one.header().flags & FINISHED
    finally:
        subprocess.run(["umount", "--lazy", disk], check=True)


@pytest.mark.requirement("SAFE-2")
def test_a_limit_on_the_size_of_files_loses_records_and_counts_them(
    session: Callable[..., Session], tmp_path: Path
) -> None:
    one = session(options="0 fsize=20000")
    seen = _names_of_many(one, tmp_path, 1000)
    header = one.header()
    assert 0 < seen < 1000
    assert header.emitted == len(list(one.records())) + header.lost_by_disk
    assert header.end <= 20000


@pytest.mark.requirement("SAFE-2")
def test_where_not_even_the_header_fits_it_says_so(session: Callable[..., Session]) -> None:
    reply = session(options="0 fsize=50").reply
    assert reply is not None and reply.error
    assert reply.step == "writing the journal"


@pytest.mark.requirement("TRC-5")
def test_a_low_soft_limit_of_descriptors_is_no_obstacle_and_a_hard_one_is_named(
    session: Callable[..., Session],
) -> None:
    assert session(options="0 soft-nofile=6").armed
    reply = session(options="0 nofile=9", name="hard").reply
    assert reply is not None
    assert os.strerror(reply.error) == "Too many open files", reply


@pytest.mark.requirement("TRC-6")
def test_without_capabilities_the_refusal_is_the_kernels(session: Callable[..., Session]) -> None:
    reply = session(options="65534").reply
    assert reply is not None
    assert (os.strerror(reply.error), reply.step, reply.advice) == (
        "Operation not permitted",
        "creating BPF map",
        "caps",
    )


@pytest.mark.requirement("TRC-5")
def test_a_helper_that_is_not_there_is_named(session: Callable[..., Session]) -> None:
    reply = session("--helper", "/nowhere/roar-ebpf", options="65534").reply
    assert reply is not None
    assert (os.strerror(reply.error), reply.advice) == ("No such file or directory", "helper")
    assert reply.step == "running /nowhere/roar-ebpf"


@pytest.mark.requirement("TRC-5")
@pytest.mark.parametrize(
    "words",
    [
        (),
        ("fly",),
        ("check", "--ring", "3"),
        ("check", "--ring", "128"),
        ("check", "--ring", "-1"),
        ("check", "--ring", "16x"),
        ("check", "--ring"),
        ("check", "--tier", "kprobe"),
        ("check", "--variant", ""),
        ("trace",),  # descriptors 3 and 4 aren't what they should be
    ],
)
def test_a_wrong_call_is_refused_before_anything_is_done(program: Path, words: tuple[str, ...]) -> None:
    done = subprocess.run([program, *words], capture_output=True, text=True, check=False)
    assert done.returncode == 2
    assert done.stderr.startswith("usage: roar-ebpf")
