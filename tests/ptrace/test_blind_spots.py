"""What can't be seen, or can't be had beside the tracer, is told; and what can be is not."""

from __future__ import annotations

import os
import shutil
import sys
from collections.abc import Callable
from pathlib import Path
from typing import NamedTuple

import pytest
import surroundings
from failing import Failing, FailingByStops
from foreign import Foreign, ForeignByStops
from ptrace_ways import ByEveryStop, ByStops

from roar.api.events import Blind
from roar.api.tracer import Tracer
from roar.testing.tracer import Ground
from roar_tracer_ptrace import journal

pytestmark = pytest.mark.requirement("TRC-8")

_SOURCE = Path(surroundings.__file__).with_name("blind.c").read_text()


class Spot(NamedTuple):
    """A mode of blind.c, and by each way how it ends and what is told of it."""

    mode: str
    listener: tuple[str, str]
    stops: tuple[str, str]
    every: tuple[str, str] = ("", "")
    """As by stops when empty."""

    def __str__(self) -> str:
        return self.mode


_SPOTS = [
    Spot("nothing", ("ok", ""), ("ok", "")),
    Spot("ring", ("ok", Blind.IO_URING), ("ok", Blind.IO_URING)),
    Spot("listener", ("EBUSY", journal.LISTENER), ("ok", Blind.SECCOMP)),
    Spot("tracer", ("ok", journal.TRACES), ("ok", journal.TRACES)),
    Spot("sandbox", ("ok", ""), ("ok", "")),
    Spot("strict", ("EINVAL", journal.STRICT), ("EINVAL", journal.STRICT), ("ok", "")),
    Spot("strict too", ("EINVAL", journal.STRICT), ("EINVAL", journal.STRICT), ("ok", "")),
    Spot("traced", ("ok", ""), ("EPERM", Blind.NESTED_TRACE)),
    *((Spot("closed", ("ok", ""), ("ok", "")),) if not os.geteuid() else ()),
    Spot("other door", ("ok", ""), ("ok", "")),
]


def _expected(spot: Spot, way: type[Tracer]) -> tuple[str, str]:
    if way is ByEveryStop and spot.every[0]:
        return spot.every
    return spot.stops if way in (ByStops, ByEveryStop) else spot.listener


@pytest.fixture(scope="session")
def blind(compiled: Callable[..., Path]) -> Path:
    """The program; others may run it."""
    program = compiled(_SOURCE, "-no-pie")
    program.chmod(0o755)
    surroundings.give_away(program)
    return program


@pytest.mark.parametrize("spot", _SPOTS, ids=str)
def test_what_was_not_seen_is_told_and_nothing_else(ground: Ground, way: type[Tracer], blind: Path, spot: Spot) -> None:
    ground.write(a="1\n")
    driven, out, err = ground.run(str(blind), spot.mode)
    ended, reason = _expected(spot, way)
    assert driven.exit is not None and (driven.exit.code, out, err) == (0, ended.encode() + b"\n", b"")
    assert driven.blind == (((reason, os.fsencode(blind)),) if reason else ())
    assert ground.inputs(driven) == {b"a"}


def _as_user(ground: Ground, *command: str) -> tuple[set[str], set[bytes], bytes]:
    """Runs it as an ordinary user: the reasons, the inputs and what it printed."""
    ground.write(a="1\n")
    surroundings.give_away(ground.root.parent, ground.root, ground.journal)
    driven, out, err = ground.run(*command, preexec_fn=surroundings.ordinary())
    assert driven.exit is not None and driven.exit.code == 0, err
    return {reason for reason, _ in driven.blind}, ground.inputs(driven), out


def test_memory_that_may_not_be_read_is_told(ground: Ground, blind: Path) -> None:
    """A program that nobody may look into, as those are that hold secrets."""
    reasons, inputs, out = _as_user(ground, str(blind), "closed")
    assert (reasons, inputs, out) == ({Blind.PATH}, set(), b"ok\n")


def test_a_file_whose_path_is_too_long_for_the_record_is_told(ground: Ground) -> None:
    here = os.getcwd()
    os.chdir(ground.root)
    try:
        for _ in range(30):  # of which 12 are named at once
            os.mkdir("d" * 200)
            os.chdir("d" * 200)
        Path("input").write_text("1\n")
    finally:
        os.chdir(here)
    code = (
        "import os\n"
        "for _ in range(18): os.chdir('d' * 200)\n"
        "open('/dev/null')\n"
        "print(open(('d' * 200 + '/') * 12 + 'input').read(), end='')"
    )
    driven, out, _ = ground.run(sys.executable, "-SEc", code)
    assert out == b"1\n"
    assert {reason for reason, _ in driven.blind} == {Blind.PATH}


def test_a_program_that_may_be_run_and_not_read_is_told(ground: Ground, blind: Path) -> None:
    unreadable = ground.root / "unreadable"
    shutil.copy(blind, unreadable)
    unreadable.chmod(0o711)
    if not os.geteuid():  # its owner could read it
        reasons, inputs, _ = _as_user(ground, str(unreadable), "nothing")
        assert (reasons, inputs) == ({Blind.PATH}, {b"unreadable"})


def test_a_set_user_id_program_of_an_ordinary_user_is_told(ground: Ground, compiled: Callable[..., Path]) -> None:
    """The kernel gives it no privileges then; for root all is as ever."""
    if os.geteuid():
        return  # there is nobody to whom one could make a file set-user-ID
    program = ground.root / "program"
    shutil.copy(
        compiled('#include <stdio.h>\n#include <unistd.h>\nint main(void) { printf("%d", geteuid()); return 0; }'),
        program,
    )
    program.chmod(0o4755)
    reasons, inputs, out = _as_user(ground, str(program))
    assert (reasons, inputs, out) == ({journal.WITHOUT_PRIVILEGES}, {b"program"}, b"%d" % surroundings.NOBODY)
    assert "setuid" in journal.WITHOUT_PRIVILEGES

    os.chown(program, surroundings.NOBODY + 1, -1)
    program.chmod(0o4755)
    shutil.rmtree(ground.journal)
    ground.journal.mkdir(mode=0o700)
    driven, out, _ = ground.run(str(program))
    assert (driven.blind, out) == ((), b"%d" % (surroundings.NOBODY + 1))


@pytest.mark.parametrize("tracer", [Foreign, ForeignByStops])
def test_calls_by_a_foreign_interface_are_told(tmp_path: Path, blind: Path, tracer: type[Tracer]) -> None:
    if os.uname().machine != "x86_64":
        return  # nothing here makes any
    ground = Ground(tracer, tmp_path)
    ground.write(a="1\n")
    driven, out, _ = ground.run(str(blind), "other door", env={"FOREIGN": "1"})
    assert driven.exit is not None and (driven.exit.code, out) == (0, b"ok\n")
    assert driven.blind == ((Blind.FOREIGN, os.fsencode(blind)),)
    assert ground.inputs(driven) == set()


@pytest.mark.parametrize("tracer", [Failing, FailingByStops])
def test_a_defect_of_the_tracer_is_told_and_costs_the_command_nothing(tmp_path: Path, tracer: type[Tracer]) -> None:
    ground = Ground(tracer, tmp_path)
    ground.write(a="1\n", boom="2\n")
    driven, out, err = ground.run("/bin/sh", "-c", "cat boom a > b; cat b", env={"FAILING": "1"})
    assert driven.exit is not None and (driven.exit.code, out, err) == (0, b"2\n1\n", b"")
    assert [reason for reason, _ in driven.blind] == [journal.FAILED]
    assert (ground.inputs(driven), ground.outputs(driven)) == ({b"a"}, {b"b"})


def test_debuggers_work_beside_the_listener(tmp_path: Path) -> None:
    """strace sees what it would see without roar, and roar what strace's program does."""
    from roar_tracer_ptrace.tracer import PtraceTracer

    ground = Ground(PtraceTracer, tmp_path)
    ground.write(a="1\n")
    driven, out, _ = ground.run("strace", "-f", "-o", "log", "-e", "trace=openat", "sh", "-c", "cat a > b")
    assert driven.exit is not None and (driven.exit.code, out) == (0, b"")
    assert '"a", O_RDONLY' in (ground.root / "log").read_text()
    assert (ground.inputs(driven), ground.outputs(driven), driven.blind) == ({b"a"}, {b"b", b"log"}, ())
