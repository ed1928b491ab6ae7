"""The tracer, as roar meets it; a run of it is in `run`, which is imported when there is one."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import ClassVar

from roar.api.process import Launch
from roar.api.tracer import Capability, Preflight, Traced, Tracer
from roar_tracer_ebpf import preflight, privileges


class EbpfTracer(Tracer):
    """Sees what every program does, from inside the kernel."""

    name: ClassVar[str] = "ebpf"
    rank: ClassVar[int] = 300
    capabilities: ClassVar[frozenset[Capability]] = frozenset(
        {
            Capability.STATIC_BINARIES,
            Capability.GO_BINARIES,
            Capability.FOREIGN_ARCHITECTURES,
            Capability.IO_URING,
            Capability.RAW_SYSCALLS,
            Capability.ANY_LOADER,
            Capability.SANDBOXED,
            Capability.NAMESPACES,
            Capability.DEBUGGED,
            *((Capability.SETUID,) if privileges.suffice() else ()),
        }
    )
    tier: ClassVar[str] = "auto"
    """``fentry``, ``base``, or whichever the kernel takes."""
    variant: ClassVar[str] = "auto"
    """``fast``, ``compat``, or whichever the kernel takes."""

    @classmethod
    def preflight(cls, deep: bool = False) -> Preflight:
        """The kernel has what is needed and roar may use it; with `deep`, the probe is armed and has to see a file."""
        return preflight.check(deep, cls.tier, cls.variant)

    @classmethod
    def way(cls) -> str:
        """The tier that a run would go by."""
        return preflight.used_tier(cls.tier, cls.variant)

    @classmethod
    def enable(cls, confirm: Callable[[str], bool]) -> Preflight:
        """Installs the helper that has the capabilities, unless roar has them."""
        from roar_tracer_ebpf.enable import enable

        enable(confirm)
        return cls.preflight(deep=True)

    @classmethod
    def disable(cls) -> None:
        """Removes the helper."""
        from roar_tracer_ebpf.enable import disable

        disable()

    def start(self, launch: Launch, journal: Path) -> Traced:
        """Starts the command; see `Tracer.start`."""
        from roar_tracer_ebpf.run import start

        return start(launch, journal, self.tier, self.variant)

    @classmethod
    def recover(cls, journal: Path) -> Traced | None:
        """Reads the journal of a run whose roar was killed."""
        from roar_tracer_ebpf.run import recover

        return recover(journal)
