"""From the numbers of a system call to what it does."""

from __future__ import annotations

import os

from roar_tracer_ptrace.calls import INTERFACES, X32_BIT, Op

_INTERFACES = {one.audit: one.numbers for one in INTERFACES.get(os.uname().machine, ())}
_X86_64 = 0xC000003E


def op_of(audit: int, number: int) -> Op | None:
    """What a call does.

    Args:
        audit: AUDIT_ARCH_… of the interface by which it came.
        number: the call's.

    Returns:
        None when it is none of ours.

    Raises:
        KeyError: nothing is known of this interface.
    """
    numbers = _INTERFACES[audit]
    return numbers.get(number & ~X32_BIT if audit == _X86_64 else number)


def interfaces() -> dict[int, dict[int, Op]]:
    """Numbers and what they do, by AUDIT_ARCH_…; this machine's own interface first."""
    return _INTERFACES
