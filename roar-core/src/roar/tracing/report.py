"""The readiness of every tracer, as `roar tracer` shows it."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

from roar.api.errors import PreflightFailed
from roar.api.tracer import Capability, Check, Preflight
from roar.tracing.readiness import WELL_KNOWN, preflight, unknown, way
from roar.tracing.select import AUTO, select

if TYPE_CHECKING:
    from roar.plugins import Plugins

_TRAITS = (Capability.NO_PRIVILEGE, Capability.SURVIVES_KILL)
"""Capabilities that are not about what is seen."""


class Backend(NamedTuple):
    """A tracer, installed or one of ours that could be."""

    name: str
    version: str
    """Empty when it is not installed."""
    ready: bool
    reason: str
    """Why it isn't ready; empty when it is."""
    fix: str
    checks: tuple[Check, ...]
    capabilities: tuple[str, ...]
    """What it can see, and its traits; sorted as `Capability` is."""
    blind_to: tuple[str, ...]
    """What it can't see."""
    way: str = ""
    """By what it would see here; empty when it has one way only, or wasn't asked."""


class Readiness(NamedTuple):
    """All tracers."""

    default: str
    """``tracer.default`` of the configuration."""
    auto: str | None
    """What ``auto`` would choose now; None when no tracer is ready."""
    active: str | None
    """What `roar run` would use now; None when it would fail."""
    backends: tuple[Backend, ...]
    """The most capable first, then those that are not installed."""


def readiness(plugins: Plugins, default: str) -> Readiness:
    """Asks every tracer for its quick preflight, and those that are ready for the way by which they would see."""
    tracers = plugins.tracers()
    backends = [backend(plugins, name) for name in tracers]
    backends = [one._replace(way=way(plugins, one.name, tracers[one.name])) if one.ready else one for one in backends]
    backends += [_missing(plugins, name) for name in WELL_KNOWN if name not in tracers]
    try:
        auto: str | None = select(plugins, AUTO, ()).name
    except PreflightFailed:
        auto = None
    active = auto
    if default != AUTO:
        active = next((found.name for found in backends if found.name == default and found.ready), None)
    return Readiness(default, auto, active, tuple(backends))


def backend(plugins: Plugins, name: str, deep: bool = False) -> Backend:
    """One installed tracer.

    Args:
        plugins: what is installed.
        name: the tracer's name; ``auto`` stands for what it would choose.
        deep: also try it on a real process.

    Raises:
        PreflightFailed: it is one of ours and not installed; or ``auto``, and none is ready.
        NotFound: there is no tracer of that name.
    """
    if name == AUTO:
        name = select(plugins, AUTO, ()).name
    tracers = plugins.tracers()
    if name not in tracers:
        raise unknown(plugins, name, tracers)
    return described(plugins, name, preflight(plugins, name, tracers[name], deep=deep))


def described(plugins: Plugins, name: str, checks: Preflight) -> Backend:
    """An installed tracer with a preflight of it."""
    able = plugins.tracers()[name].capabilities
    failure = checks.failure
    return Backend(
        name,
        plugins.tracer_version(name),
        checks.ready,
        "" if failure is None else failure.detail or failure.name,
        "" if failure is None else failure.fix,
        checks.checks,
        tuple(str(one) for one in Capability if one in able),
        tuple(str(one) for one in Capability if one not in able and one not in _TRAITS),
    )


def _missing(plugins: Plugins, name: str) -> Backend:
    error = unknown(plugins, name, ())
    why = error.why if isinstance(error, PreflightFailed) else error.message
    return Backend(name, "", False, why, error.fix or "", (), (), ())
