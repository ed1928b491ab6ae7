"""`Listener` with its loop in C (``loop/``), where the library was built: half the time of a call that tells nothing new."""

from __future__ import annotations

import ctypes
from pathlib import Path

from roar_tracer_ptrace import kernel
from roar_tracer_ptrace.build import LIBRARY_NAME
from roar_tracer_ptrace.calls import X32_BIT, Op
from roar_tracer_ptrace.dispatch import interfaces
from roar_tracer_ptrace.observe.ledger import Ledger
from roar_tracer_ptrace.stop.listener import Came, Listener

_NUMBERS, _MOST_AWAITED, _NAME_SIZE = 640, 64, 8192
_QUICK = {Op.OPEN: 1, Op.OPENAT: 2, Op.EXECVE: 3}
_ALL_BITS = 0xFFFFFFFF


class _Loop(ctypes.Structure):
    """The head of ``struct loop`` of loop.h."""

    _fields_ = (
        ("listener", ctypes.c_int32),
        ("wake", ctypes.c_int32),
        ("careful", ctypes.c_int32),
        ("still", ctypes.c_int32),
        ("awaited_count", ctypes.c_int32),
        ("awaited", ctypes.c_int32 * _MOST_AWAITED),
        ("has_name", ctypes.c_int32),
        ("due", ctypes.c_int32),
        ("padding", ctypes.c_int32),
        ("call", ctypes.c_ulonglong * (kernel.NOTIF_SIZE // 8)),
        ("name", ctypes.c_char * _NAME_SIZE),
    )


def library_path() -> Path:
    """Where the library is when it was built."""
    return Path(__file__).parents[1] / LIBRARY_NAME


def make(listener: int, wake: int, ledger: Ledger) -> Listener | None:
    """The accelerated listener; None where the library isn't built, or doesn't fit this machine."""
    path = library_path()
    try:
        library = ctypes.CDLL(str(path))
        return AcceleratedListener(library, listener, wake, ledger)
    except (OSError, AttributeError, MemoryError):
        return None


class AcceleratedListener(Listener):
    """See `Listener`."""

    def __init__(self, library: ctypes.CDLL, fd: int, wake: int, ledger: Ledger) -> None:
        super().__init__(fd, wake, ledger)
        library.roar_loop_new.restype = ctypes.POINTER(_Loop)
        loop = library.roar_loop_new(fd, wake)
        if not loop:
            raise MemoryError
        at = ctypes.cast(loop, ctypes.c_void_p)
        for which, (audit, numbers) in enumerate(interfaces().items()):
            quick = bytes(_QUICK.get(numbers[n], 0) if n in numbers else 0 for n in range(_NUMBERS))
            mask = _ALL_BITS & ~X32_BIT if which == 0 else _ALL_BITS
            library.roar_loop_interface(at, which, ctypes.c_uint32(audit), ctypes.c_uint32(mask), quick)
        self._loop = loop.contents
        view = memoryview(self._loop.call).cast("B")
        self._words, self._halves = view.cast("Q"), view.cast("I")
        self._at = at
        self._next = library.roar_loop_wait
        self._next.argtypes = (ctypes.c_void_p, ctypes.c_int)
        put = library.roar_loop_known
        put.argtypes = (ctypes.c_void_p, ctypes.c_char_p, ctypes.c_uint32)
        forget = library.roar_loop_forget
        forget.argtypes = (ctypes.c_void_p,)
        ledger.known.mirror(lambda name, bits: put(at, name, bits), lambda: forget(at))
        wander = library.roar_loop_wander
        wander.argtypes = (ctypes.c_void_p,)
        ledger.on_wander = lambda: wander(at)

    def wait(self, timeout_ms: int) -> Came:
        """See `Listener.wait`."""
        loop = self._loop
        ledger = self._ledger
        awaited = ledger.awaited
        loop.careful = ledger.careful or len(awaited) > _MOST_AWAITED
        if not loop.careful:
            for n, task in enumerate(awaited):
                loop.awaited[n] = task
            loop.awaited_count = len(awaited)
            loop.still = not any(pending.unsettles for pending in awaited.values())
        came: Came = _CAME[self._next(self._at, timeout_ms)]
        if came is Came.CALL:
            self.name = loop.name if loop.has_name else None
        return came


_CAME: tuple[Came, ...] = (Came.END, *Came)
"""By what the loop returns."""
