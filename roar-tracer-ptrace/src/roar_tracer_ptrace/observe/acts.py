"""What handles a kind of call."""

from __future__ import annotations

from collections.abc import Callable

from roar_tracer_ptrace.calls import Op

Args = tuple[int, ...]
"""The six arguments of a system call, unsigned."""
Acts = dict[Op, Callable[[int, Args, bytes | None], object]]
"""(thread, arguments, name): the name of the file, as `Names.name` has it, where the caller knows it already."""
