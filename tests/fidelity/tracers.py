"""The tracers under which everything is run, and the one table of what is known to be otherwise than without roar."""

from __future__ import annotations

import os
from pathlib import Path
from typing import NamedTuple

from e2e.acting import ROAR_LINE

from roar.api.events import Blind
from roar.plugins import Plugins
from roar.tracing.readiness import WELL_KNOWN


class Tracer(NamedTuple):
    """A tracer by its name, as `roar run --tracer` takes it."""

    name: str
    modules: tuple[str, ...] = ()
    """The modules of tests that are run under it; all when there are none."""

    @property
    def line(self) -> str:
        """What stands before a command in a line of bash."""
        return f"{ROAR_LINE} run -q --tracer {self.name} "


_WHERE_WAYS_MATTER = ("test_signals", "test_processes", "test_debuggers", "test_after_the_end")
EVERYTHING = os.environ.get("ROAR_TEST_WAYS") == "all"
"""Every line under every tracer and each of its ways."""
VARIANTS = (
    Tracer("ptrace-stops", () if EVERYTHING else ("test_debuggers", "test_after_the_end")),
    Tracer("ptrace-python", _WHERE_WAYS_MATTER if EVERYTHING else ("test_debuggers",)),
    Tracer("ptrace-every", _WHERE_WAYS_MATTER if EVERYTHING else ("test_debuggers",)),
)
"""Further ways in which a tracer can work, each registered under a name of its own by a distribution that only tests have.
`make ways-test` runs all."""
VARIANTS_PATH = Path(__file__).parents[1] / "ptrace" / "ways"
"""That distribution's directory, for PYTHONPATH."""


def all_tracers() -> list[Tracer]:
    """Every tracer that is installed, and the variants; ``ROAR_TEST_TRACERS=ptrace,preload`` leaves the others out."""
    chosen = os.environ.get("ROAR_TEST_TRACERS", "").split(",")
    # not all that are found: other tests put distributions of further tracers on the path
    found = [*(Tracer(name) for name in WELL_KNOWN if name in Plugins().tracers()), *VARIANTS]
    return [tracer for tracer in found if tracer.name in chosen or chosen == [""]]


class Difference(NamedTuple):
    """Something that is not as if roar were not there, and why it can't be."""

    facts: frozenset[str]
    """Names of facts as programs/world.c prints them."""
    reason: str
    of_users: bool = False
    """It is so for an ordinary user only."""


ROAR_LEADS = Difference(
    frozenset({"session is the parent's", "group is the parent's", "leads its session", "leads its group"}),
    "what was started is roar, and so roar leads the session or the group; the command is its child",
)
OF_THE_SHELL = Difference(
    frozenset({"_"}), "bash tells what it starts its own name in this variable: Python, or the command"
)
_PTRACE = (
    Difference(
        frozenset({"session is the parent's", "group is the parent's"}),
        "the command's parent is the tracer's process, which has left roar's session so that nothing waits for it",
    ),
    Difference(
        frozenset({"NO_NEW_PRIVS", "NoNewPrivs"}),
        "without it the kernel lets only root install a filter",
        of_users=True,
    ),
)
_FILTER = (
    Difference(
        frozenset({"Seccomp", "Seccomp_filters"}), "the command and all that it starts have the tracer's filter"
    ),
)
_DEBUGGED = (Difference(frozenset({"TracerPid"}), "the tracer debugs all, and so nobody else can"),)
OF_TRACERS: dict[str, tuple[Difference, ...]] = {
    "preload": (Difference(frozenset({"LD_PRELOAD"}), "the library comes into every program by this variable"),),
    "ptrace": (*_PTRACE, *_FILTER),
    "ptrace-python": (*_PTRACE, *_FILTER),
    "ptrace-stops": (*_PTRACE, *_FILTER, *_DEBUGGED),
    "ptrace-every": (*_PTRACE, *_DEBUGGED),
}
"""Tracer → what a process can find out about it.  Nothing else may be otherwise."""


class Line(NamedTuple):
    """A line that is known to go otherwise under roar, whichever the tracer is."""

    line: str
    bare: bytes
    """What it prints without roar."""
    traced: bytes
    """What it prints with roar, or how that begins."""
    reason: str


KNOWN_LINES: dict[str, Line] = {
    "stdin is a folder": Line(
        "@ cat < folder 2>&1; echo $?",
        b"cat: -: Is a directory\n1\n",
        b"Fatal Python error: init_sys_streams: <stdin> is a directory",
        "Python itself does not start",
    ),
    "SIGPIPE was ignored": Line(
        "(trap '' PIPE; @ yes 2>/dev/null | head -1; echo ${PIPESTATUS[0]})",
        b"y\n1\n",
        b"y\n141\n",
        "Python ignores this signal and SIGXFSZ from its start and does not say what was there before; the usual is given back",
    ),
}


def excused(tracer: Tracer, privileged: bool = os.geteuid() == 0) -> frozenset[str]:
    """The facts that may be otherwise under a tracer."""
    known = [d for d in OF_TRACERS.get(tracer.name, ()) if not (privileged and d.of_users)]
    return frozenset().union(*(difference.facts for difference in (OF_THE_SHELL, *known)))


class Inside(NamedTuple):
    """What does not work inside a run under a tracer, and is told in the verdict."""

    words: tuple[str, ...]
    """The lines are those with one of these words."""
    verdict: str
    """What the verdict says; or, when nothing was started, roar.  Empty when it is not told."""


_NOT_TRACED = Inside(("strace -f -o log @",), "ptrace is forbidden here: roar itself is traced")
_NO_DEBUGGERS = Inside(("strace", "gdb", "debugger"), Blind.NESTED_TRACE)
_ONE_LISTENER = Inside(("sandbox listener",), "a seccomp listener of its own")
_NO_STRICT_MODE = Inside(("sandbox strict",), "seccomp's strict mode")
_NO_THIRD_RUN = Inside(("@ @ @ ",), "roar itself runs under a seccomp listener")
_NO_SECOND_RUN = Inside(("@ @ ", "@ sh -c '@ "), "roar itself is traced")
# A call that waits for the tracer to take it is interrupted by a handler without SA_RESTART (EINTR), now and then: 3 of 60 000
# opens with a timer of 10 ms.  The kernel has no flag against it; from where the tracer has taken the call, it is not interrupted.
_INTERRUPTED = Inside(("'bare storm'",), "")
_NO_SETUID = Inside(("6755", "setcap"), "setuid")
_NO_OTHER_TRACE = Inside(("sandbox trace", "debugger filter"), "SECCOMP_RET_TRACE")
_FEW_DESCRIPTORS = Inside(("ulimit -n 10;", "ulimit -n 12;"), "may have open here (ulimit -n)")
_USER_NAMESPACE = Inside(("--mount-proc @ ",), "in a user namespace")
NOT_WITHIN_ITSELF = frozenset({"ptrace-stops", "ptrace-every"})
"""Refuse to start where they are at work already, as a process has one debugger; `ptrace` goes another way there."""
INSIDE: dict[str, tuple[Inside, ...]] = {
    "ebpf": (_FEW_DESCRIPTORS, _USER_NAMESPACE),
    "preload": (
        Inside(("sandbox closed",), Blind.SECCOMP),
        Inside(("limits program",), "the tracer did not start in"),  # the loader says that it can't open the library
    ),
    "ptrace": (_INTERRUPTED, _NO_THIRD_RUN, _ONE_LISTENER, _NO_STRICT_MODE, _NO_OTHER_TRACE),
    "ptrace-python": (_INTERRUPTED, _NO_THIRD_RUN, _ONE_LISTENER, _NO_STRICT_MODE, _NO_OTHER_TRACE),
    "ptrace-stops": (_NO_SECOND_RUN, _NOT_TRACED, _NO_DEBUGGERS, _NO_STRICT_MODE, _NO_OTHER_TRACE),
    "ptrace-every": (_NO_SECOND_RUN, _NOT_TRACED, _NO_DEBUGGERS, _NO_OTHER_TRACE),
}
"""Tracer → what does not work.  Everything else does."""
_NO_CAPABILITIES = Inside(("",), "CAP_BPF not set")
INSIDE_OF_USERS = {
    "ebpf": (_NO_CAPABILITIES,),  # the lines are of root whose privileges were taken, for whom no helper can have any
    **{name: (_NO_SETUID,) for name in ("ptrace", "ptrace-python", "ptrace-stops", "ptrace-every")},
}
"""The same, for an ordinary user only."""


def inside(tracer: Tracer, line: str, privileged: bool = os.geteuid() == 0) -> Inside | None:
    """What is known of a line under a tracer."""
    known = INSIDE.get(tracer.name, ()) + (() if privileged else INSIDE_OF_USERS.get(tracer.name, ()))
    return next((one for one in known if any(word in line for word in one.words)), None)
