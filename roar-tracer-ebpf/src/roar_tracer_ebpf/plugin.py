"""The hooks that this package implements."""

from __future__ import annotations

from typing import TYPE_CHECKING

from roar.api.markers import hookimpl

if TYPE_CHECKING:
    from collections.abc import Sequence

    from roar.api.tracer import Tracer

roar_api = 1


@hookimpl
def roar_tracers() -> Sequence[type[Tracer]]:
    """The one tracer of this package."""
    from roar_tracer_ebpf.tracer import EbpfTracer

    return [EbpfTracer]
