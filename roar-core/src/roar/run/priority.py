"""Threads that step back while the command runs: they get the processor and the disk when nobody else wants them."""

from __future__ import annotations

import os
import threading

_IOPRIO_WHO_PROCESS, _IOPRIO_IDLE, _IOPRIO_NONE = 1, 3 << 13, 0  # ioprio_set(2)
_SYS_IOPRIO_SET = {"x86_64": 251, "aarch64": 30}


def step_back() -> None:
    """Puts the calling thread behind everything else that wants the processor or the disk."""
    _set(threading.get_native_id(), os.SCHED_IDLE, _IOPRIO_IDLE)


def step_forward(thread: threading.Thread) -> None:
    """Gives a thread of this process its normal priority back; nothing when it has ended."""
    if thread.native_id is not None:
        _set(thread.native_id, os.SCHED_OTHER, _IOPRIO_NONE)


def _set(thread: int, policy: int, io_priority: int) -> None:
    import ctypes

    try:
        os.sched_setscheduler(thread, policy, os.sched_param(0))
    except OSError:
        return  # a sandbox forbids it, or the thread has ended: nothing depends on it
    number = _SYS_IOPRIO_SET.get(os.uname().machine)
    if number is not None:
        ctypes.CDLL(None).syscall(number, _IOPRIO_WHO_PROCESS, thread, io_priority)
