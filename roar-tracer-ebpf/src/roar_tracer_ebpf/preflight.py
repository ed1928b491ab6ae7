"""Whether the tracer can work here: the kernel, what it knows of its own types, and what roar may do."""

from __future__ import annotations

import errno
import os
import sys
from pathlib import Path

from roar.api.errors import PreflightFailed
from roar.api.tracer import Check, Preflight
from roar_tracer_ebpf import privileges
from roar_tracer_ebpf.install import fault_of, find_helper, find_program, helper_path
from roar_tracer_ebpf.refusal import Refused

ENABLE = "roar tracer enable ebpf"
OTHERWISE = "roar tracer use preload"
_MACHINES = ("x86_64", "aarch64")
_OLDEST = (5, 8)
_TYPES = Path("/sys/kernel/btf/vmlinux")
_LOCKDOWN = Path("/sys/kernel/security/lockdown")
_TRIAL_S = 60
_DESCRIPTORS = 20
"""What `roar-ebpf` has open at a time, at most."""

_REMEDIES = {
    "caps": f"{ENABLE} (once: applies CAP_BPF), or: {OTHERWISE}",
    "helper": f"{ENABLE} (once: installs it anew), or: {OTHERWISE}",
    "build": f"{ENABLE} (it needs a C compiler: apt install gcc libc6-dev), or: {OTHERWISE}",
    "btf": f"boot a kernel with CONFIG_DEBUG_INFO_BTF=y, or: {OTHERWISE}",
    "kernel": f"boot a kernel from 5.8 on, or: {OTHERWISE}",
    "lockdown": f"boot without lockdown=confidentiality, or: {OTHERWISE}",
    "memlock": f"ulimit -l unlimited (as root, or in /etc/security/limits.conf), or: {OTHERWISE}",
    "container": f"in a container: docker run --cap-add BPF --cap-add PERFMON …; else: {OTHERWISE}",
    "sessions": f"wait until other runs have ended, or: {OTHERWISE}",
    "disk": f"free some space where .roar is (df -h .roar), or: {OTHERWISE}",
    "canary": f"{OTHERWISE}: this kernel loads the probe and doesn't run it",
    "": OTHERWISE,
}
"""What to do about a refusal, by the loader's code for it."""
_NOT_PERMITTED = (
    f"roar tracer check ebpf (the specific cause), then {ENABLE} (once: applies CAP_BPF); else: {OTHERWISE}"
)


def check(deep: bool = False, tier: str = "auto", variant: str = "auto") -> Preflight:
    """Looks; with `deep` also has the probe armed, which must see a process begin and open a file.  Never raises.

    Args:
        deep: try it.
        tier: the tier that the tracer would take.
        variant: the variant of the probe that it would take.
    """
    checks = [_kernel(), _types(), _program(), _capabilities(), _lockdown(), _descriptors()]
    if deep and all(one.ok for one in checks):
        checks += _trial(tier, variant)[1]
    return Preflight(tuple(checks))


def used_tier(tier: str, variant: str) -> str:
    """``tier fentry`` or ``tier base``, found by trying; empty when neither works."""
    used = _trial(tier, variant)[0]
    return f"tier {used}" if used else ""


def failure(refused: Refused) -> PreflightFailed:
    """The error for a run whose probe was not armed, with the specific cause and the remedy."""
    return PreflightFailed("ebpf", _cause(refused), _remedy(refused.error, refused.step, refused.advice))


def _cause(refused: Refused) -> str:
    if refused.advice == "canary":
        return f"the probe was loaded, and {refused.step} failed"
    return f"{os.strerror(refused.error)} {refused.step}" if refused.error else refused.step


def _remedy(error: int, step: str, advice: str) -> str:
    if error == errno.EPERM and "BPF map" in step and advice in ("", "caps", "container"):
        return _NOT_PERMITTED
    return _REMEDIES.get(advice, OTHERWISE)


def _kernel() -> Check:
    system = os.uname()
    if sys.platform != "linux" or system.machine not in _MACHINES:
        return Check("kernel", False, f"{system.sysname} on {system.machine} isn't supported", OTHERWISE)
    numbers = system.release.split("-")[0].split(".")[:2]
    version = tuple(int(number) if number.isdigit() else 0 for number in numbers)
    if version < _OLDEST:
        return Check("kernel", False, f"kernel {system.release} is older than 5.8", _REMEDIES["kernel"])
    return Check("kernel", True, system.release)


def _types() -> Check:
    if os.access(_TYPES, os.R_OK):
        return Check("BTF", True, str(_TYPES))
    return Check("BTF", False, f"missing BTF: {_TYPES} can't be read", _REMEDIES["btf"])


def _program() -> Check:
    program = find_program()
    if program is None:
        return Check("program", False, "the program roar-ebpf isn't built", _REMEDIES["build"])
    return Check("program", True, str(program))


def _capabilities() -> Check:
    name = "capabilities"
    if privileges.suffice():
        return Check(name, True, "roar has CAP_BPF and CAP_PERFMON itself")
    if privileges.in_user_namespace():
        why = "CAP_BPF not set: in a user namespace (an unprivileged container) no capability counts for BPF"
        return Check(name, False, why, f"run roar outside of it, or: {OTHERWISE}")
    if os.geteuid() == 0:
        return Check(name, False, "CAP_BPF not set: root lacks it, as in a container", _REMEDIES["container"])
    helper = find_helper()
    if helper is None:
        return Check(name, False, f"CAP_BPF not set{_fault_of_helper()}", _REMEDIES["caps"])
    if _has_no_new_privileges():
        why = "CAP_BPF not set: no_new_privs keeps the helper from getting it (a sandbox or container)"
        return Check(name, False, why, f"run roar outside of it, or: {OTHERWISE}")
    return Check(name, True, f"{helper} has CAP_BPF and CAP_PERFMON")


def _fault_of_helper() -> str:
    """Why an installed helper isn't used, as the end of a sentence; empty when there is none."""
    try:
        path = helper_path()
    except OSError:
        return ""
    fault = fault_of(path)
    return f": {path} {fault}" if fault not in (None, "doesn't exist") else ""


def _lockdown() -> Check:
    try:
        modes = _LOCKDOWN.read_text("ascii")
    except (OSError, ValueError):
        return Check("lockdown", True, "none")
    if "[confidentiality]" in modes:
        return Check(
            "lockdown",
            False,
            "the kernel is locked down (confidentiality): no program may look at it",
            _REMEDIES["lockdown"],
        )
    return Check("lockdown", True, "not against BPF")


def _descriptors() -> Check:
    import resource  # half a millisecond: only when the tracer is wanted

    limit = resource.getrlimit(resource.RLIMIT_NOFILE)[0]
    if limit != resource.RLIM_INFINITY and limit < _DESCRIPTORS:
        why = f"the probe is held by {_DESCRIPTORS} descriptors; {limit} is all that a process may have open here (ulimit -n)"
        return Check("descriptors", False, why, f"ulimit -n {_DESCRIPTORS}, or: {OTHERWISE}")
    return Check("descriptors", True, f"{_DESCRIPTORS} are needed")


def _has_no_new_privileges() -> bool:
    try:
        with open("/proc/self/status", "rb") as file:
            return any(line.split() == [b"NoNewPrivs:", b"1"] for line in file)
    except OSError:
        return False


def _trial(tier: str, variant: str) -> tuple[str | None, list[Check]]:
    """Has each tier armed and look at a process that begins and opens a file; the tier that a run would go by, and the checks."""
    import subprocess  # here: each start of roar comes through this module, whatever its tracer

    program, helper = find_program(), find_helper()
    words = [str(program), "check", "--tier", tier, "--variant", variant]
    try:
        done = subprocess.run(
            [*words, *(("--helper", str(helper)) if helper is not None else ())],
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            timeout=_TRIAL_S,
            check=False,
        )
    except (OSError, subprocess.TimeoutExpired) as error:
        return None, [Check("trial", False, f"a trial failed: {error}", _REMEDIES["helper"])]
    facts = dict(line.split("=", 1) for line in done.stdout.splitlines() if "=" in line)
    if "prepare" not in facts:
        why = done.stderr.strip() or f"roar-ebpf ended without an answer (exit code {done.returncode})"
        remedy = _REMEDIES["build" if helper is None or privileges.suffice() else "helper"]
        return None, [Check("trial", False, why, remedy)]
    if facts["prepare"] != "ok":
        return None, [_refused("trial", facts["prepare"])]
    checks = []
    used = next((name for name in ("fentry", "base") if facts.get(f"tier.{name}") == "ok"), None)
    for name in ("fentry", "base"):
        found = facts.get(f"tier.{name}")
        if found is None:
            continue
        if found == "ok":
            ways = "that tier is used" if name == used else "would work too, slower"
            checks.append(Check(f"tier {name}", True, f"a process and the file that it opened were seen: {ways}"))
            if name == used and int(facts.get(f"skipped.{name}", "0")) & 1:
                checks.append(Check("io_uring", True, "isn't seen with this kernel: runs that use it are partial"))
        elif used is not None:
            checks.append(Check(f"tier {name}", True, f"not here: {_told(found)}"))
        else:
            checks.append(_refused(f"tier {name}", found))
    return used, checks


def _refused(name: str, found: str) -> Check:
    what, _, rest = found.partition("\t")
    step, _, advice = rest.partition("\t")
    error = errno.EPERM if what == os.strerror(errno.EPERM) else 0
    return Check(name, False, _told(found), _remedy(error, step, advice))


def _told(found: str) -> str:
    what, _, rest = found.partition("\t")
    step = rest.partition("\t")[0]
    return f"{what} {step}".strip()
