"""Where the tracer can't work it says why and what to do; where only some of its ways are open it goes the best of them."""

from __future__ import annotations

import errno
import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import patient
import pytest
import surroundings
from conftest import Workspace
from scoped import Scoped

from roar.testing.tracer import Ground
from roar_tracer_ptrace import preflight
from roar_tracer_ptrace.calls import NEW_LISTENER, Op
from roar_tracer_ptrace.dispatch import interfaces
from roar_tracer_ptrace.ways import WAYS, Way

pytestmark = pytest.mark.requirement("TRC-2", "TRC-5")

_NUMBERS = {op: number for number, op in reversed(next(iter(interfaces().values())).items())}
_SECCOMP, _PTRACE = _NUMBERS[Op.SECCOMP], _NUMBERS[Op.PTRACE]
_READ_MEMORY = {"x86_64": 310, "aarch64": 270}[os.uname().machine]
_ROAR = """
import sys
from roar_tracer_ptrace import powers
powers._SCOPE = sys.argv.pop(1)
from roar.__main__ import main
sys.exit(main())
"""

_no_listener = surroundings.refused(_SECCOMP, errno.EINVAL, 1, NEW_LISTENER)
_no_seccomp = surroundings.refused(_SECCOMP, errno.EPERM)
_no_ptrace = surroundings.refused(_PTRACE, errno.EPERM)
_no_reading = surroundings.refused(_READ_MEMORY, errno.EPERM)

Roar = Callable[..., "subprocess.CompletedProcess[str]"]


@pytest.fixture
def roar(workspace: Workspace, tmp_path: Path) -> Roar:
    """Runs roar with steps before it, where yama's setting is `scope`, or where there is no yama."""

    def run(
        *words: str, steps: tuple[surroundings.Step, ...] = (), scope: str = ""
    ) -> subprocess.CompletedProcess[str]:
        file = tmp_path / "ptrace_scope"
        if scope:
            file.write_text(scope + "\n")
            surroundings.give_away(file)
        command = [sys.executable, "-c", _ROAR, str(file), *words]
        return workspace.sh(*command, ok=False, preexec_fn=surroundings.each(*steps))

    return run


_NEEDS_POWER = "is 2, which requires CAP_SYS_PTRACE"
_CLOSED = "is 3: no process may be traced until the next boot"


@pytest.mark.parametrize(
    ("user", "scope"),
    [
        *(("root", scope) for scope in ("", "2", "3", "nonsense")),
        *(("ordinary", scope) for scope in ("0", "1", "2", "3")),
    ],
)
def test_yama_s_setting_is_named_with_its_value(roar: Roar, user: str, scope: str) -> None:
    is_root = user == "root" and not os.geteuid()
    wanted = {"2": "" if is_root else _NEEDS_POWER, "3": _CLOSED}.get(scope, "")
    done = roar("tracer", "check", "ptrace", scope=scope, steps=() if is_root else (surroundings.ordinary(),))
    line = next(line for line in done.stdout.splitlines() if "kernel.yama.ptrace_scope" in line)
    assert line.startswith("FAIL" if wanted else "ok"), done.stdout
    assert wanted in line
    assert done.returncode == (1 if wanted else 0)
    if wanted:
        assert f"Tracer preflight failed for 'ptrace': kernel.yama.ptrace_scope {wanted}" in done.stderr
        assert {"2": "sudo sysctl kernel.yama.ptrace_scope=1", "3": "roar tracer use preload"}[scope] in done.stderr
    elif scope.isdigit():
        assert line.split()[-1] == scope


@pytest.mark.parametrize(
    ("steps", "way", "why_not"),
    [
        ((), Way.LISTENER, ()),
        ((_no_ptrace,), Way.LISTENER, ("ptrace is forbidden here",)),
        ((_no_listener,), Way.FILTER, ("this kernel lacks seccomp user notification",)),
        ((_no_seccomp,), Way.EVERY_CALL, ("a container's seccomp profile", "filters are forbidden here")),
    ],
    ids=["nothing refused", "ptrace refused", "listener refused", "seccomp refused"],
)
@pytest.mark.parametrize("user", ["root", "ordinary"])
def test_the_best_way_that_is_open_is_told_and_gone(
    roar: Roar, tmp_path: Path, steps: tuple[surroundings.Step, ...], way: Way, why_not: tuple[str, ...], user: str
) -> None:
    before = () if user == "root" else (surroundings.ordinary(),)
    done = roar("tracer", "check", "ptrace", steps=(*before, *steps))
    assert done.returncode == 0, done.stderr
    assert f"was seen, by {way}: that way is used" in done.stdout
    assert all(why in done.stdout for why in why_not)
    assert done.stdout.endswith("is ready.\n")

    ground = Ground(Scoped, tmp_path)
    surroundings.give_away(ground.root.parent, ground.root, ground.journal)
    line = "echo 1 > a; cat a > b; mv b c; rm a; cat c missing; exit 3"
    driven, out, _ = ground.run("/bin/sh", "-c", line, preexec_fn=surroundings.each(*before, *steps))
    assert driven.exit is not None and (driven.exit.code, out) == (3, b"1\n")
    assert (ground.inputs(driven), ground.outputs(driven), driven.blind) == (set(), {b"c"}, ())


@pytest.mark.parametrize(
    ("steps", "why"),
    [
        ((_no_ptrace, _no_seccomp), "it is forbidden here, by a container's seccomp profile"),
        ((_no_ptrace, _no_listener), "this kernel lacks seccomp user notification"),
    ],
    ids=["container", "old container"],
)
def test_where_no_way_is_open_nothing_is_started(
    roar: Roar, workspace: Workspace, steps: tuple[surroundings.Step, ...], why: str
) -> None:
    done = roar("tracer", "check", "ptrace", steps=steps)
    assert done.returncode == 1
    for words in ("FAIL  trial run", why, *WAYS):
        assert words in done.stdout
    assert "--cap-add SYS_PTRACE --security-opt seccomp=unconfined" in done.stderr
    done = roar("run", "--tracer", "ptrace", "touch", "made", steps=steps)
    assert done.returncode == 1
    assert done.stderr.startswith("Error: Tracer preflight failed for 'ptrace': ")
    assert why in done.stderr and "roar tracer check ptrace" in done.stderr
    assert not (workspace.root / "made").exists()
    assert "Traceback" not in done.stderr


@pytest.mark.requirement("TRC-8")
def test_where_memory_can_t_be_read_nothing_is_passed_off_as_complete(roar: Roar, workspace: Workspace) -> None:
    done = roar("tracer", "check", "ptrace", steps=(_no_reading,))
    assert done.returncode == 1
    assert "a file that was read was not seen" in done.stdout
    workspace.commit({"input": "data\n"})
    done = roar("run", "--tracer", "ptrace", "cat", "input", steps=(_no_reading,))
    assert (done.returncode, done.stdout) == (0, "data\n")
    assert workspace.job()["capture"]["verdict"] == "partial"


@pytest.mark.requirement("TRC-3")
def test_without_the_loop_in_c_it_is_ready_and_says_so(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(preflight, "LIBRARY_NAME", "libnonesuch.so")
    monkeypatch.setenv("CC", "nonesuch")
    preflight.build_loop()
    checks = preflight.check(WAYS, accelerated=True, deep=True)
    assert checks.ready
    (loop,) = (check for check in checks.checks if check.name == "loop in C")
    assert "isn't built" in loop.detail and "roar tracer enable ptrace" in loop.detail


@pytest.mark.requirement("NORM-7", "TRC-8")
def test_where_only_ancestors_may_trace_orphans_are_seen_to_their_end(tmp_path: Path) -> None:
    """With ptrace_scope = 1 an ordinary user's tracer may read the memory of its descendants only."""
    (tmp_path / "scope").write_text("1\n")
    ground = Ground(Scoped, tmp_path)
    surroundings.give_away(tmp_path, ground.root, ground.journal)
    os.mkfifo(ground.root / "gate")
    surroundings.give_away(ground.root / "gate")
    who = "tr '\\0' ' ' < /proc/$(cut -d' ' -f4 /proc/$$/stat)/cmdline > orphan"
    (ground.root / "who").write_text(f"cat gate; {who}; echo end > gate\n")
    line, env = "(sh who &); echo > gate; cat gate", {"SCOPE": str(tmp_path / "scope"), **patient.LONG}
    driven = ground.run("/bin/sh", "-c", line, preexec_fn=surroundings.ordinary(), env=env)[0]
    assert "roar.testing.drive" in (ground.root / "orphan").read_text(), (
        "the orphan's parent is not the tracer's process"
    )
    assert (ground.inputs(driven), ground.outputs(driven)) == ({b"who"}, {b"orphan"})
    assert driven.blind == ()
    assert driven.coverage is not None and driven.coverage.survivors == ()
