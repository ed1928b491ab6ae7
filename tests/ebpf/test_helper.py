"""The installed copy, which has capabilities, called by a user who means harm: docs/security-ebpf-helper.md, audited."""

from __future__ import annotations

import fcntl
import os
import shutil
import signal
import socket
import subprocess
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from ebpf.conftest import USER
from ebpf.session import FINISHED, OPEN, WAIT_S, Session

_PLACES = 32
"""As many sessions as a user may have."""


@pytest.fixture
def begin(session: Callable[..., Session], program: Path, helper: Path) -> Callable[..., Session]:
    """Starts a session as an ordinary user, through the package's own program."""

    def start(*words: str, options: str = "", direct: bool = False, **more: str) -> Session:
        if direct:
            return session(*words, program=helper, options=f"{USER} {options}", **more)
        return session("--helper", str(helper), *words, program=program, options=f"{USER} {options}", **more)

    return start


def _wait_until(condition: Callable[[], object]) -> None:
    until = time.monotonic() + WAIT_S
    while not condition():
        assert time.monotonic() < until
        time.sleep(0.002)


def _pending(pid: int) -> int:
    """The signals that are blocked and wait, a bit mask."""
    return int(Path(f"/proc/{pid}/status").read_text().partition("ShdPnd:")[2].split()[0], 16)


def _capabilities(pid: int) -> dict[str, int]:
    lines = Path(f"/proc/{pid}/status").read_text().splitlines()
    return {line[:6]: int(line[7:], 16) for line in lines if line.startswith("Cap")}


@pytest.fixture(scope="module")
def served(
    program: Path, helper: Path, compiled: Callable[[str], Path], tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Session]:
    """A session of an ordinary user."""
    journal = tmp_path_factory.mktemp("served") / "journal"
    words = ("--helper", str(helper))
    with Session(program, journal, *words, caller=compiled("caller"), options=str(USER)) as session:
        yield session


@pytest.mark.requirement("TRC-3")
def test_an_ordinary_user_traces_a_command_by_it(begin: Callable[..., Session], public: Path) -> None:
    for direct in (False, True):
        one = begin(direct=direct, name=f"journal-{direct}")
        one.run("/bin/cat", "/etc/hostname", user=USER)
        assert one.sync() == b"S"
        assert b"hostname" in one.names()
        header = one.header()
        assert header.emitted == len(list(one.records()))
        assert (header.drops, header.suppressed, header.lost_by_disk) == (0, 0, 0)
        assert one.close() == 0
        assert one.header().flags & FINISHED


@pytest.mark.requirement("TRC-3")
def test_once_armed_it_has_no_capability_and_can_get_none(served: Session) -> None:
    assert served.armed
    sets = _capabilities(served.process.pid)
    assert (sets["CapPrm"], sets["CapEff"], sets["CapInh"], sets["CapAmb"]) == (0, 0, 0, 0)
    status = Path(f"/proc/{served.process.pid}/status").read_text()
    assert "NoNewPrivs:\t1" in status
    assert f"Uid:\t{USER}\t{USER}\t{USER}\t{USER}" in status


@pytest.mark.requirement("TRC-3")
def test_its_caller_gets_neither_its_memory_nor_its_descriptors_nor_any_bpf_object(
    served: Session, compiled: Callable[[str], Path]
) -> None:
    intruder = [compiled("caller"), str(USER), "--", compiled("intruder"), str(served.process.pid)]
    done = subprocess.run([str(word) for word in intruder], capture_output=True, text=True, check=True, timeout=WAIT_S)
    result = {what: int(number) for what, number in (line.split() for line in done.stdout.splitlines())}
    assert result.pop("stolen") == 0
    assert result.pop("pidfd_open") == 0, "which is no secret, and shows that the process was there"
    got_through = [what for what, error in result.items() if error == 0]
    assert not got_through
    assert {"ptrace", "process_vm_readv", "mem", "fd", "programs", "maps", "links"} < set(result)


@pytest.mark.requirement("TRC-3")
def test_the_intruder_would_get_at_a_process_without_this_protection(compiled: Callable[[str], Path]) -> None:
    """Else the test above would show nothing."""
    with subprocess.Popen([compiled("caller"), str(USER), "--", "/bin/sleep", "infinity"]) as victim:
        try:
            _wait_until(lambda: Path(f"/proc/{victim.pid}/comm").read_text() == "sleep\n")
            done = subprocess.run(
                [str(compiled("caller")), str(USER), "--", str(compiled("intruder")), str(victim.pid)],
                capture_output=True, text=True, check=True, timeout=WAIT_S,
            )  # fmt: skip
        finally:
            victim.kill()
    result = {what: int(number) for what, number in (line.split() for line in done.stdout.splitlines())}
    assert result["stolen"] >= 3
    assert result["ptrace"] == result["mem"] == result["fd"] == 0


@pytest.mark.requirement("TRC-8")
@pytest.mark.parametrize("gains", ["user id", "group id", "capability"])
def test_what_a_program_opens_that_gains_privilege_is_withheld_and_counted(
    gains: str, begin: Callable[..., Session], public: Path
) -> None:
    secret, program = public / "roots-secret", public / "privileged-cat"
    secret.write_text("secret")
    secret.chmod(0o640)
    shutil.copy("/bin/cat", program)
    program.chmod({"user id": 0o4755, "group id": 0o2755, "capability": 0o755}[gains])
    if gains == "capability":
        subprocess.run(["setcap", "cap_dac_read_search=ep", program], check=True)
    one = begin()
    try:
        done = one.run("/bin/sh", "-c", f"{program} {secret}; cat /etc/hostname > /dev/null", user=USER)
    finally:
        program.unlink()
    assert done.stdout == b"secret", "it may, and did"
    one.sync()
    assert b"roots-secret" not in one.journal.read_bytes()
    assert b"hostname" in one.names(), "and the user's own goes on being told"
    assert one.header().suppressed > 0


@pytest.mark.requirement("TRC-8")
def test_a_user_namespace_of_ones_own_hides_no_gained_privilege(begin: Callable[..., Session], public: Path) -> None:
    """Whose process enrols itself last, and in which namespace, makes no difference."""
    secret, program = public / "roots-other-secret", public / "capable-cat"
    secret.write_text("secret")
    secret.chmod(0o600)
    shutil.copy("/bin/cat", program)
    one = begin()
    first, second = one.armed.cookie
    enrol = f"import os\ntry: os.posix_fadvise(-1, {first}, {second}, 0x524F4152)\nexcept OSError: pass"
    subprocess.run(["setcap", "cap_dac_read_search=ep", program], check=True)
    line = f"unshare -Ur /usr/bin/python3 -S -c '{enrol}' || exit; exec {program} {secret}"
    try:
        done = one.run("/bin/sh", "-c", line, user=USER)
    finally:
        program.unlink()
    assert done.stdout == b"secret"
    one.sync()
    assert b"roots-other-secret" not in one.journal.read_bytes()
    assert one.header().suppressed > 0


@pytest.mark.requirement("TRC-3")
def test_a_process_of_another_user_that_joins_is_withheld(begin: Callable[..., Session], public: Path) -> None:
    (public / "of-root-alone").write_text("secret")
    one = begin()
    one.run("/bin/cat", str(public / "of-root-alone"))  # as root: with the cookie, which its user must have told it
    one.sync()
    assert b"of-root-alone" not in one.journal.read_bytes()
    assert not [kind for kind, _ in one.records() if kind == OPEN]
    assert one.header().suppressed > 0


@pytest.mark.requirement("TRC-3")
def test_a_guessed_cookie_enrols_nobody(begin: Callable[..., Session]) -> None:
    one = begin()
    first, second = one.armed.cookie
    right = one.reply
    for guess in ((first, second ^ 1), (first ^ 1, second), (0, 0), (second, first)):
        one.reply = one.armed._replace(cookie=guess)
        one.run("/bin/cat", "/etc/hostname", user=USER)
    one.reply = right
    one.sync()
    assert one.header().emitted == 0


@pytest.mark.requirement("TRC-3")
@pytest.mark.parametrize(
    "words",
    [
        (),
        ("trace",),  # without descriptors
        ("trace", "--helper", "/bin/sh"),
        ("check", "--helper", "/bin/sh"),
        ("check", "--explain"),
        ("check", "--ring", "128"),
        ("check", "--ring", "99999999999999999999999"),
        ("check", "--ring", "0x10"),
        ("check", "--ring", "-16"),
        ("check", "--tier"),
        ("check", "A" * 100_000),
        ("serve", "16", "auto", "auto"),
    ],
    ids=lambda words: " ".join(words)[:20],
)
def test_bad_words_are_refused(words: tuple[str, ...], helper: Path, compiled: Callable[[str], Path]) -> None:
    start = [str(compiled("caller")), str(USER), "close=3", "close=4", "--", str(helper), *words]
    done = subprocess.run(start, capture_output=True, stdin=subprocess.DEVNULL, check=False, timeout=WAIT_S)
    assert done.returncode == 2
    assert not done.stdout
    assert done.stderr.startswith(b"usage: ")


@pytest.mark.requirement("TRC-3")
@pytest.mark.parametrize("wrong", ["datagrams", "no socket", "read-only", "path", "device", "pipe", "directory"])
def test_descriptors_that_are_not_what_they_should_be_are_not_touched(
    wrong: str, helper: Path, compiled: Callable[[str], Path], tmp_path: Path
) -> None:
    file = tmp_path / "file"
    file.write_text("precious")
    kind = socket.SOCK_DGRAM if wrong == "datagrams" else socket.SOCK_STREAM
    ours, theirs = socket.socketpair(socket.AF_UNIX, kind)
    reading, writing = os.pipe()
    opened = {
        "read-only": (file, os.O_RDONLY),
        "path": (file, os.O_PATH),
        "device": (os.devnull, os.O_RDWR),
        "directory": (tmp_path, os.O_PATH),
    }
    fd = os.open(*opened.get(wrong, (file, os.O_RDWR)))
    passed = (fd if wrong == "no socket" else theirs.fileno(), writing if wrong == "pipe" else fd)
    high = [fcntl.fcntl(number, fcntl.F_DUPFD, 20) for number in passed]
    start = [str(compiled("caller")), str(USER), f"fd=3:{high[0]}", f"fd=4:{high[1]}", "--", str(helper), "trace"]
    try:
        done = subprocess.run(start, pass_fds=high, capture_output=True, check=False, timeout=WAIT_S)
    finally:
        for number in (reading, writing, fd, *high):
            os.close(number)
        theirs.close()
    with ours:
        ours.setblocking(False)
        assert wrong == "datagrams" or ours.recv(1) == b"", "no reply"
    assert done.returncode == 2
    assert file.read_text() == "precious"


@pytest.mark.requirement("TRC-3")
def test_closed_standard_streams_are_not_mistaken_for_its_own(begin: Callable[..., Session]) -> None:
    one = begin(options="close=0 close=1 close=2")
    one.run("/bin/cat", "/etc/hostname", user=USER)
    one.sync()
    assert b"hostname" in one.names()
    held = {
        int(name): os.readlink(f"/proc/{one.process.pid}/fd/{name}")
        for name in os.listdir(f"/proc/{one.process.pid}/fd")
    }
    assert [held[fd] for fd in range(3)] == ["/dev/null"] * 3


@pytest.mark.requirement("TRC-3")
def test_the_environment_changes_nothing(
    begin: Callable[..., Session], compiled: Callable[[str], Path], public: Path
) -> None:
    source, library = public / "evil.c", public / "evil.so"
    source.write_text(
        "#include <stdio.h>\n#include <unistd.h>\n"
        '__attribute__((constructor)) static void evil(void) { dprintf(4, "EVIL"); _exit(0); }\n'
    )
    subprocess.run(["cc", "-shared", "-fPIC", "-o", library, source], check=True)
    hostile = {
        "LD_PRELOAD": library, "LD_AUDIT": library, "LD_LIBRARY_PATH": public, "LD_DEBUG": "all", "LD_SHOW_AUXV": "1",
        "GCONV_PATH": public, "LOCPATH": public, "MALLOC_CHECK_": "3", "GLIBC_TUNABLES": "glibc.malloc.check=3", "TMPDIR": public,
    }  # fmt: skip
    one = begin(direct=True, options=" ".join(f"env={name}={value}" for name, value in hostile.items()))
    assert one.armed
    assert b"EVIL" not in one.journal.read_bytes()
    assert str(library) not in Path(f"/proc/{one.process.pid}/maps").read_text()


@pytest.mark.requirement("TRC-3")
@pytest.mark.parametrize(
    "limit", ["nofile=5", "nofile=7", "nofile=12", "as=3000000", "as=15000000", "fsize=0", "fsize=60"]
)
def test_whatever_limit_its_caller_sets_it_ends_and_leaves_nothing(limit: str, begin: Callable[..., Session]) -> None:
    one = begin(options=limit, direct=True)
    if one.reply is not None:
        assert one.reply.error, one.reply
    assert one.process.wait(WAIT_S) != 0


@pytest.mark.requirement("TRC-3")
def test_a_timer_and_limits_on_stack_and_locked_memory_are_no_obstacle(begin: Callable[..., Session]) -> None:
    for delay_ms in (300, 3000, 30_000):  # a busy machine takes long to get as far as the program
        one = begin(options=f"alarm={delay_ms} memlock=0 stack=16384", name=f"journal-{delay_ms}")
        if one.reply is not None or one.process.wait(WAIT_S) != -signal.SIGALRM:
            break
    _wait_until(lambda: _pending(one.process.pid) >> (signal.SIGALRM - 1) & 1)
    one.run("/bin/cat", "/etc/hostname", user=USER)
    assert one.sync() == b"S"
    assert b"hostname" in one.names()


@pytest.mark.requirement("TRC-5")
@pytest.mark.parametrize("how", ["nnp", "traced"])
def test_where_the_kernel_gives_it_no_capability_it_refuses(how: str, begin: Callable[..., Session]) -> None:
    one = begin(options=how, direct=True)
    assert one.reply is not None
    assert (os.strerror(one.reply.error), one.reply.step) == ("Operation not permitted", "creating BPF map")


@pytest.mark.requirement("TRC-3")
def test_stopped_at_any_moment_of_its_start_it_gives_nothing_away(
    helper: Path, compiled: Callable[[str], Path], begin: Callable[..., Session]
) -> None:
    """A user may send signals to what it has started, while that has capabilities, too."""
    caller, moments, with_capabilities, delay_s = str(compiled("caller")), 0, 0, 0.001
    until = time.monotonic() + 2 * WAIT_S
    while moments < 4 or with_capabilities < 2:
        assert time.monotonic() < until, "it is never seen at work"
        with subprocess.Popen([caller, str(USER), "--", helper, "check"], stdout=subprocess.DEVNULL) as victim:
            try:
                time.sleep(delay_s)  # the moment
                os.kill(victim.pid, signal.SIGSTOP)  # a zombie at worst
                state, name, effective = _stopped(victim.pid)
                if state == "T" and name == "helper":
                    words = [caller, str(USER), "--", str(compiled("intruder")), str(victim.pid), "process"]
                    done = subprocess.run(words, capture_output=True, text=True, check=True)
                    result = dict(line.split() for line in done.stdout.splitlines())
                    assert result["stolen"] == "0", result
                    assert "0" not in (result["mem"], result["ptrace"], result["fd"]), result
                    moments += 1
                    with_capabilities += effective != 0
            finally:
                victim.kill()
        delay_s = delay_s * 1.3 if state == "T" else 0.001  # it had ended: from the beginning
    assert begin().armed, "and the next one works"


def _stopped(pid: int) -> tuple[str, str, int]:
    """State, name and effective capabilities, once the process has stopped or ended."""
    until = time.monotonic() + WAIT_S
    while True:
        lines = dict(line.split(":", 1) for line in Path(f"/proc/{pid}/status").read_text().splitlines())
        state = lines["State"].split()[0]
        if state in "TZ":
            return state, lines["Name"].strip(), int(lines["CapEff"], 16)
        assert time.monotonic() < until
        time.sleep(0.001)


@pytest.mark.requirement("TRC-3")
def test_a_flood_of_sessions_ends_at_a_limit_that_others_dont_feel(
    session: Callable[..., Session], helper: Path
) -> None:
    def start(number: int, user: int = USER - 2) -> Session:  # a user whom no other test takes places from
        return session("--ring", "1", program=helper, options=str(user), name=f"journal-{number}")

    many = [start(number) for number in range(_PLACES + 2)]
    armed = [one for one in many if one.reply is not None and one.reply.error == 0]
    refused = [one.reply for one in many if one not in armed]
    assert len(armed) == _PLACES
    for reply in refused:
        assert reply is not None
        assert (os.strerror(reply.error), reply.advice) == ("Too many users", "sessions")
    assert start(100, USER - 3).armed, "another user's places are another's"
    armed[0].process.kill()
    armed[0].process.wait()
    assert start(101).armed, "a place is free again when a session ends, however it ends"


@pytest.mark.requirement("TRC-3")
def test_a_copy_of_it_has_no_capabilities(helper: Path, session: Callable[..., Session], public: Path) -> None:
    copy = public / "copy-of-helper"
    shutil.copy(helper, copy)  # root's own would have none, either
    copy.chmod(0o755)
    reply = session(program=copy, options=str(USER)).reply
    assert reply is not None
    assert os.strerror(reply.error) == "Operation not permitted"


@pytest.mark.requirement("TRC-2")
def test_check_by_the_helper_prints_the_same_facts(
    program: Path, helper: Path, compiled: Callable[[str], Path]
) -> None:
    start = [str(compiled("caller")), str(USER), "--", str(program), "check", "--helper", str(helper)]
    done = subprocess.run(start, capture_output=True, text=True, check=True)
    facts = dict(line.split("=", 1) for line in done.stdout.splitlines())
    assert (facts["gained"], facts["caps"], facts["prepare"]) == ("1", "ok", "ok")
    assert "ok" in (facts["tier.fentry"], facts["tier.base"])
