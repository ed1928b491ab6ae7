"""Whether the tracer can work here, and by which way."""

from __future__ import annotations

import contextlib
import os
import sys
from pathlib import Path

from roar.api.tracer import Check, Preflight
from roar_tracer_ptrace import powers
from roar_tracer_ptrace.build import LIBRARY_NAME, BuildFailed, build
from roar_tracer_ptrace.ways import MACHINES, Way

_TRIAL_S = 120
"""A machine that is busy may take very long; what hangs does so for ever."""
_IN_CONTAINER = (
    "in a container: docker run --cap-add SYS_PTRACE --security-opt seccomp=unconfined …; else: roar tracer use preload"
)


def check(ways: tuple[Way, ...], accelerated: bool, deep: bool = False) -> Preflight:
    """Looks; with `deep` also traces a real process.  Never raises.

    Args:
        ways: that the tracer would try.
        accelerated: whether it would use the loop in C.
        deep: try each of them.
    """
    checks = [_platform(), _scope()]
    if deep and all(one.ok for one in checks):
        chosen, trials = _trials(ways)
        checks += trials
        if chosen == Way.LISTENER:
            checks.append(_loop(accelerated))
        if chosen is not None:
            checks.append(_set_id())
    return Preflight(tuple(checks))


def used_way(ways: tuple[Way, ...]) -> str:
    """The first one by which a trial is seen; empty when none is."""
    return next((str(way) for way in ways if _trials((way,))[0] is not None), "")


def _platform() -> Check:
    machine = os.uname().machine
    supported = sys.platform == "linux" and machine in MACHINES
    return Check("platform", supported, f"{sys.platform} on {machine}" + ("" if supported else " isn't supported"))


def _scope() -> Check:
    name = "kernel.yama.ptrace_scope"
    scope = powers.ptrace_scope()
    if scope is None:
        return Check(name, True, "not restricted: this kernel has no yama")
    if scope >= 3:
        return Check(
            name,
            False,
            f"{name} is {scope}: no process may be traced until the next boot",
            f"set {name} = 1 in /etc/sysctl.d/ and boot again, or: roar tracer use preload",
        )
    if scope == 2 and not powers.has(powers.SYS_PTRACE):
        return Check(name, False, f"{name} is 2, which requires CAP_SYS_PTRACE", f"sudo sysctl {name}=1")
    return Check(name, True, str(scope))


def _trials(ways: tuple[Way, ...]) -> tuple[Way | None, list[Check]]:
    """Runs a real command by each way and looks whether a file that it read was seen; the way that a run would go, and the checks."""
    import json
    import subprocess  # here: each start of roar comes through this module, whatever its tracer

    found = {}
    try:
        done = subprocess.run(
            [sys.executable, "-m", "roar_tracer_ptrace.trial", *(way.name for way in ways)],
            stdin=subprocess.DEVNULL,
            capture_output=True,
            timeout=_TRIAL_S,
            check=False,
        )
        found = json.loads(done.stdout)
    except (OSError, ValueError, subprocess.TimeoutExpired) as error:
        return None, [Check("trial run", False, f"a trial run failed: {error}", _IN_CONTAINER)]
    chosen = next((way for way in ways if not found[way.name]), None)
    if chosen is None:
        why = "; ".join(f"{way}: {found[way.name]}" for way in ways)
        return None, [Check("trial run", False, f"a trial run failed: {why}", _IN_CONTAINER)]
    checks = [Check("trial run", True, f"a file read by cat was seen, by {chosen}: that way is used")]
    for way in ways:
        if way != chosen:
            why = f"not here: {found[way.name]}" if found[way.name] else "would work too, slower"
            checks.append(Check(str(way), True, why))
    return chosen, checks


def _loop(accelerated: bool) -> Check:
    if accelerated and (Path(__file__).parent / LIBRARY_NAME).is_file():
        return Check("loop in C", True, "is used for calls that tell nothing new")
    return Check(
        "loop in C", True, "isn't built: Python does its work, more slowly (roar tracer enable ptrace builds it)"
    )


def _set_id() -> Check:
    kept = powers.keeps_set_id()
    return Check(
        "setuid programs",
        True,
        "keep their privileges"
        if kept
        else "run without their privileges, as roar isn't root: sudo fails inside a run",
    )


def build_loop() -> None:
    """Builds the loop in C where that is possible; without it Python does its work."""
    with contextlib.suppress(BuildFailed, OSError):  # no compiler, or root's package: `check` says that it isn't built
        build(Path(__file__).parent / LIBRARY_NAME)
