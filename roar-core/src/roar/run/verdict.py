"""How far the record can be trusted: what the tracer could not see, each with its reason and the fix."""

from __future__ import annotations

import os
from collections.abc import Iterable, Sequence

from roar.api.events import Blind
from roar.api.tracer import Coverage

_SEEING = ("ebpf", "ptrace")
_OTHER_TRACER = "use a tracer that sees it, {others}: roar tracer"
_EXPLAINED = {
    Blind.STATIC: ("{0} is a static binary: what it read and wrote was not seen", _OTHER_TRACER),
    Blind.GO: ("{0} is a Go binary, which bypasses libc: what it read and wrote was not seen", _OTHER_TRACER),
    Blind.FOREIGN: ("{0} is of a foreign architecture: what it read and wrote was not seen", _OTHER_TRACER),
    Blind.LOADER: ("{0} has an unknown program loader: what it read and wrote was not seen", _OTHER_TRACER),
    Blind.SETUID: (
        "{0} is a setuid program or has file capabilities: what it read and wrote was not seen",
        _OTHER_TRACER,
    ),
    Blind.IO_URING: (
        "io_uring was used{in_0}: what went through it was not seen",
        "use a tracer that sees it, ebpf: roar tracer",
    ),
    Blind.DEEPBIND: ("{0} was loaded with RTLD_DEEPBIND: the files that it opens were not seen", _OTHER_TRACER),
    Blind.NAMESPACE: (
        "the command moved to another namespace or root (chroot){in_0}: paths from there on may be wrong",
        _OTHER_TRACER,
    ),
    Blind.UNREACHABLE: (
        "the tracer library was out of reach for {0}: what it read and wrote was not seen",
        _OTHER_TRACER,
    ),
    Blind.SECCOMP: (
        "the command put itself under a seccomp filter: from there on files were recorded by name alone",
        _OTHER_TRACER,
    ),
    Blind.E2BIG: (
        "no room for the tracer's variable (E2BIG) in the arguments of {0}: what it read and wrote was not seen",
        "pass fewer or shorter arguments",
    ),
    Blind.PATH: ("a path was too long or unreadable to be recorded{in_0}", "use shorter paths"),
    Blind.SYMLINK: (
        "{0} was read through a symbolic link that changed since: the input may be another file",
        "don't replace links while they are in use",
    ),
    Blind.RAW_SYSCALLS: (
        "{0} makes raw system calls, past libc: some of its files may not have been seen",
        _OTHER_TRACER,
    ),
    Blind.NOT_STARTED: ("the tracer did not start in {0}: what it read and wrote was not seen", _OTHER_TRACER),
    Blind.NESTED_TRACE: ("another debugger or tracer was at work{in_0}: what it traced was not seen", _OTHER_TRACER),
}


def reasons(blind: Iterable[tuple[str, bytes]], coverage: Coverage, tracer: str) -> tuple[str, ...]:
    """Why the record is partial, one sentence each with its fix; empty when it is complete.

    Args:
        blind: (code, program or file), of events.
        coverage: the tracer's own account.
        tracer: its name, which is not what a fix tells to use.
    """
    # what was found at exec and what did not start is often the same program: the specific reason is enough
    specific: dict[tuple[str, bytes], None] = {}
    missing: list[bytes] = []
    for reason, subject in (*blind, *((spot.reason, spot.subject) for spot in coverage.blind)):
        if reason == Blind.NOT_STARTED:
            missing.append(subject)
        else:
            specific[reason, subject] = None
    explained = {subject for _, subject in specific}
    others = " or ".join(name for name in _SEEING if name != tracer)
    found = [_sentence(reason, subject, others) for reason, subject in specific]
    found += [
        _sentence(Blind.NOT_STARTED, subject, others) for subject in dict.fromkeys(missing) if subject not in explained
    ]
    if coverage.dropped:
        found.append(
            f"{_count(coverage.dropped, 'event')} dropped: files may be missing "
            "(fix: free disk space for .roar, or split the command)"
        )
    if coverage.survivors:
        found.append(
            f"{_count(len(coverage.survivors), 'process', 'processes')} outlived the command "
            f"(pid {_listed(coverage.survivors)}): what they read and wrote later was not seen "
            "(fix: wait for background work in the command)"
        )
    found += coverage.notes
    return tuple(dict.fromkeys(found))


def _sentence(reason: str, subject: bytes, others: str) -> str:
    name = os.fsdecode(subject)
    in_0 = f" ({name})" if name else ""
    if reason not in _EXPLAINED:  # in a plugin's own words, which may say what to do
        what, _, own_fix = reason.removesuffix(")").partition(" (fix: ") if " (fix: " in reason else (reason, "", "")
        return f"{what}{in_0} (fix: {own_fix or _OTHER_TRACER.format(others=others)})"
    template, fix = _EXPLAINED[reason]
    return template.format(name or "a program", in_0=in_0) + f" (fix: {fix.format(others=others)})"


def _count(number: int, noun: str, plural: str | None = None) -> str:
    return f"1 {noun}" if number == 1 else f"{number} {plural or noun + 's'}"


def _listed(numbers: Sequence[int]) -> str:
    shown = ", ".join(str(number) for number in numbers[:5])
    return shown if len(numbers) <= 5 else f"{shown} … and {len(numbers) - 5} more"
