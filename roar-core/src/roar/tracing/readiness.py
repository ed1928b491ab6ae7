"""Whether a tracer can work here, asked so that no tracer can break the asking; and what to do about one that isn't installed."""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING

from roar.api.errors import NotFound, PreflightFailed, RoarError
from roar.api.tracer import Check, Preflight, Tracer

if TYPE_CHECKING:
    from roar.plugins import Plugins

WELL_KNOWN = ("ebpf", "preload", "ptrace")
"""Tracers that have a distribution of ours, ``roar-tracer-<name>``."""


def preflight(plugins: Plugins, name: str, tracer: type[Tracer], deep: bool = False) -> Preflight:
    """The tracer's preflight; one that raises, or answers anything else, is a failed check."""
    try:
        answer = tracer.preflight(deep=deep)
    except Exception as error:  # a plugin can raise anything, and must not break roar
        plugins.blame(tracer, f"preflight of tracer '{name}' raised {type(error).__name__}: {error}")
        return Preflight((Check("preflight", False, f"it raised {type(error).__name__}: {error}"),))
    if not isinstance(answer, Preflight):
        plugins.blame(tracer, f"preflight of tracer '{name}' returned a {type(answer).__name__}")
        return Preflight((Check("preflight", False, f"it returned a {type(answer).__name__}"),))
    return answer


def way(plugins: Plugins, name: str, tracer: type[Tracer]) -> str:
    """By what the tracer would see; empty for one that raises, or answers anything else than a text."""
    try:
        answer = tracer.way()
    except Exception as error:  # a plugin can raise anything, and must not break roar
        plugins.blame(tracer, f"way of tracer '{name}' raised {type(error).__name__}: {error}")
        return ""
    if not isinstance(answer, str):
        plugins.blame(tracer, f"way of tracer '{name}' returned a {type(answer).__name__}")
        return ""
    return answer


def failed(name: str, checks: Preflight) -> PreflightFailed:
    """The error for a tracer that isn't ready: its first failed check, with the remedy, and where to see the rest."""
    check = checks.failure or Check("preflight", False, "it is not ready")
    see = f"See why: roar tracer check {name}"
    return PreflightFailed(name, check.detail or check.name, f"{check.fix}\n{see}" if check.fix else see)


def unknown(plugins: Plugins, name: str, known: Iterable[str]) -> RoarError:
    """The error for a tracer that no plugin registered.

    Returns:
        `PreflightFailed` for one of ours, whose distribution is missing or can't be used; else `NotFound` with the nearest.
    """
    names = sorted(known)
    if name in WELL_KNOWN:
        distribution = f"roar-tracer-{name}"
        why = next((reason for owner, reason in plugins.problems if owner == distribution), None)
        if why is not None:
            return PreflightFailed(name, f"its plugin can't be used: {why}", "See: roar plugins")
        return PreflightFailed(name, "not installed", f"pip install {distribution}")
    from roar.plugins.loading import nearest

    near = nearest(name, {*names, *WELL_KNOWN, "auto"})
    installed = f"Installed tracers: {', '.join(names)}." if names else "No tracer is installed."
    return NotFound(f"Unknown tracer '{name}'. {installed}", f"Did you mean '{near}'?" if near else "See: roar tracer")
