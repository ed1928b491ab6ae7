"""Which tracer runs a command: the one that was asked for, or with ``auto`` the most capable that is ready."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

from roar.api.errors import PreflightFailed
from roar.api.tracer import Check, Preflight, Tracer
from roar.tracing.readiness import WELL_KNOWN, failed, preflight, unknown

if TYPE_CHECKING:
    from collections.abc import Mapping

    from roar.plugins import Plugins

AUTO = "auto"


class Selection(NamedTuple):
    """A tracer that is ready."""

    name: str
    tracer: type[Tracer]
    """Its class."""
    note: str | None
    """One sentence for stderr and the job when ``auto`` fell back: which more capable tracer was not ready, and why."""


def select(
    plugins: Plugins, requested: str, command: tuple[bytes, ...], without: Mapping[str, PreflightFailed] | None = None
) -> Selection:
    """Chooses.

    Args:
        plugins: what is installed.
        requested: a tracer's name, or ``auto``.
        command: the words of the command, for the hook ``roar_select_tracer``.
        without: tracers that were ready and could not start all the same.

    Raises:
        PreflightFailed: the tracer that was asked for isn't ready or not installed; or with ``auto``, none is.
        NotFound: there is no tracer of that name.
    """
    tracers = plugins.tracers()
    if requested != AUTO:
        if requested not in tracers:
            raise unknown(plugins, requested, tracers)
        checks = preflight(plugins, requested, tracers[requested])
        if not checks.ready:
            raise failed(requested, checks)
        return Selection(requested, tracers[requested], None)
    observers = plugins.observers
    opinionated = observers is not None and observers.implement("roar_select_tracer")
    ready: list[str] = []
    unready: dict[str, Preflight] = {}
    for name, tracer in tracers.items():
        tried = without.get(name) if without else None
        checks = preflight(plugins, name, tracer) if tried is None else _not_started(tried)
        if not checks.ready:
            unready[name] = checks
            continue
        ready.append(name)
        if not opinionated:  # the rest matters only to a hook that chooses among all
            break
    if not ready:
        raise _none_ready(plugins, unready)
    choice = ready[0]
    if observers is not None and opinionated:
        choice = observers.roar_select_tracer(ready=tuple(ready), requested=requested, command=command) or choice
    return Selection(choice, tracers[choice], _note(choice, tracers, unready))


def _not_started(failure: PreflightFailed) -> Preflight:
    return Preflight((Check("start", False, failure.why, failure.fix or ""),))


def _note(choice: str, tracers: dict[str, type[Tracer]], unready: dict[str, Preflight]) -> str | None:
    passed_over = []
    for name, checks in unready.items():
        if tracers[name].rank > tracers[choice].rank and checks.failure is not None:
            passed_over.append(f"{name} is not ready ({checks.failure.detail or checks.failure.name})")
    if not passed_over:
        return None
    return f"tracer {choice} was chosen because {' and '.join(passed_over)}; see: roar tracer"


def _none_ready(plugins: Plugins, unready: dict[str, Preflight]) -> PreflightFailed:
    if not unready:
        ours = [f"roar-tracer-{name}" for name in WELL_KNOWN]
        broken = [f"{owner}: {why}" for owner, why in plugins.problems if owner in ours]
        if broken:
            return PreflightFailed(AUTO, f"no tracer can be used: {'; '.join(broken)}", "See: roar plugins")
        if any(info.state == "not loaded" and "tracer" in info.kinds for info in plugins.listing()):
            return PreflightFailed(AUTO, "ROAR_PLUGINS leaves out every tracer that is installed", "unset ROAR_PLUGINS")
        return PreflightFailed(AUTO, "no tracer is installed", "pip install roar-tracer-preload")
    if len(unready) == 1:
        name, checks = next(iter(unready.items()))
        return failed(name, checks)
    whys = [f"{name}: {checks.failure.detail}" for name, checks in unready.items() if checks.failure is not None]
    return PreflightFailed(AUTO, f"no tracer is ready ({'; '.join(whys)})", "See: roar tracer")
