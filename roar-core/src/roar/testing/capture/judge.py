"""Whether a record is true: what a case demands of a tracer, given what the tracer says that it can see."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from typing import NamedTuple

from roar.api.tracer import Capability
from roar.testing.capture.case import Case, Seen

WORDS: Mapping[Capability, tuple[str, ...]] = {
    Capability.STATIC_BINARIES: ("static binary",),
    Capability.GO_BINARIES: ("Go binary",),
    Capability.SETUID: ("setuid",),
    Capability.FOREIGN_ARCHITECTURES: ("foreign architecture",),
    Capability.IO_URING: ("io_uring",),
    Capability.RAW_SYSCALLS: ("raw system calls",),
    Capability.ANY_LOADER: ("loader", "RTLD_DEEPBIND", "AddressSanitizer", "out of reach"),
    Capability.SANDBOXED: ("seccomp",),
    Capability.NAMESPACES: ("namespace", "chroot"),
    Capability.DEBUGGED: ("debugger",),
    Capability.DAEMONS: ("outlived",),
}
"""What a reason of `partial` contains, one of these, when the tracer lacks the capability."""


class Judgement(NamedTuple):
    """What is wrong with a record."""

    faults: tuple[str, ...]
    """A sentence each; empty when the record is as it must be."""
    is_lie: bool
    """It is `complete` with wrong inputs or outputs: the worst failure there is."""


def judge(case: Case, seen: Seen, capabilities: Collection[Capability]) -> Judgement:
    """Holds a record against the truth.

    Args:
        case: what was run.
        seen: what was recorded.
        capabilities: what the tracer says that it can see.
    """
    lacking = case.needs.difference(capabilities)
    works = Capability.DEBUGGED not in lacking  # else a debugger is refused what it asks for, and does not do its work
    differences = _differences(case, seen)
    faults = []
    if seen.verdict == "complete" and not lacking:
        faults += differences
    elif seen.verdict == "complete":
        # also when the files are right: that was luck, and nobody can rely on it
        faults += [f"complete, though the tracer can't see {_listed(lacking)}", *differences]
    elif lacking:
        words = (case.reason,) if case.reason else tuple(word for one in sorted(lacking) for word in WORDS[one])
        faults += _unexplained(seen, words)
        faults += _untrue(case if works else case._replace(anyway=frozenset()), seen)
    elif case.excuse:
        faults += _unexplained(seen, (case.excuse,))
        faults += differences
    else:
        faults += [f"verdict {seen.verdict}, expected complete", *differences]
    if case.code is not None and seen.code != case.code and works:
        faults.append(f"exit code {seen.code}, expected {case.code}")
    return Judgement(tuple(faults), seen.verdict == "complete" and bool(differences))


def _differences(case: Case, seen: Seen) -> list[str]:
    """How the record differs from the truth."""
    found = []
    pairs = (("inputs", case.inputs, seen.inputs), ("outputs", case.outputs, seen.outputs))
    for what, expected, recorded in pairs:
        if expected != recorded:
            found.append(f"{what}: missing {_some(expected - recorded)}, too many {_some(recorded - expected)}")
    return found


def _untrue(case: Case, seen: Seen) -> list[str]:
    """What a partial record says that isn't so, and what it keeps from us though it is no blind spot."""
    found = []
    pairs = (("inputs", case.inputs, seen.inputs), ("outputs", case.outputs, seen.outputs))
    for what, expected, recorded in pairs:
        missing = (expected & case.anyway) - recorded
        if recorded - expected or missing:
            found.append(f"{what}: missing {_some(missing)}, too many {_some(recorded - expected)}")
    return found


def _unexplained(seen: Seen, words: Collection[str]) -> list[str]:
    if any(word in reason for word in words for reason in seen.reasons):
        return []
    return [f"{seen.verdict}, and no reason says {' or '.join(map(repr, words))}"]


def _listed(capabilities: Collection[Capability]) -> str:
    return ", ".join(sorted(capabilities))


def _some(names: Collection[str]) -> list[str]:
    return sorted(names)[:9]
