"""The hooks that watch and decide about runs, called through pluggy, each implementation isolated from the others.

pluggy is imported when there is an observer, not before.
"""

from __future__ import annotations

from collections.abc import Callable, Generator, Mapping, Sequence
from typing import TYPE_CHECKING, Any

from roar.api.errors import Refused
from roar.plugins.contract import OBSERVER_HOOKS, check_decision
from roar.plugins.loading import Plugin, traced

if TYPE_CHECKING:
    import pluggy

    from roar.api.filters import Direction
    from roar.api.plan import Plan
    from roar.api.records import JobRecord, Recorded

_VETOES = ("roar_before_run",)


class Observers:
    """The observers that are installed.  Every hook can be called when there is none; it then does nothing.

    An implementation that raises, or answers something of the wrong type, is reported as its plugin's problem and counts as
    one that has no opinion; the others are still called.  Only `Refused` from a ``roar_before_`` hook passes through.

    Args:
        plugins: loaded plugins of the group ``roar.observers``, in the order in which they are to be called.
    """

    def __init__(self, plugins: Sequence[Plugin]) -> None:
        self._manager = _manager(plugins) if plugins else None
        self._implemented = frozenset(
            hook for hook in OBSERVER_HOOKS if any(plugin.implements(hook) for plugin in plugins)
        )

    def implement(self, hook: str) -> bool:
        """Whether any observer has this hook: what is called for every file need not be called at all."""
        return hook in self._implemented

    def roar_select_tracer(self, ready: Sequence[str], requested: str, command: tuple[bytes, ...]) -> str | None:
        """The first opinion on which tracer runs the command."""
        answer: str | None = self._first("roar_select_tracer", ready=ready, requested=requested, command=command)
        return answer

    def roar_keep(self, path: bytes, direction: Direction, command: tuple[bytes, ...]) -> bool | None:
        """The first opinion on whether a file is recorded."""
        answer: bool | None = self._first("roar_keep", path=path, direction=direction, command=command)
        return answer

    def roar_redact(self, field: str, value: str) -> tuple[str, ...]:
        """What the value became, observer after observer: the last one is to be recorded; empty when none had an opinion."""
        answers: list[str] = []
        if self._manager is not None and "roar_redact" in self._implemented:
            for implementation in reversed(self._manager.hook.roar_redact.get_hookimpls()):
                arguments = {"field": field, "value": answers[-1] if answers else value}
                answer: Any = implementation.function(*(arguments[name] for name in implementation.argnames))
                if answer is not None:
                    answers.append(answer)
        return tuple(answers)

    def roar_before_run(self, plan: Plan) -> None:
        """Lets observers veto the run.  Raises `Refused`."""
        self._all("roar_before_run", plan=plan)

    def roar_run_started(self, plan: Plan, pid: int) -> None:
        """Tells that the command was started."""
        self._all("roar_run_started", plan=plan, pid=pid)

    def roar_run_recorded(self, job: JobRecord, recorded: Recorded) -> None:
        """Tells that the job was recorded."""
        self._all("roar_run_recorded", job=job, recorded=recorded)

    def _all(self, hook: str, **arguments: Any) -> Any:
        if self._manager is None or hook not in self._implemented:
            return None
        return getattr(self._manager.hook, hook)(**arguments)

    _first = _all  # pluggy itself stops at the first answer where the specification says so


def _manager(plugins: Sequence[Plugin]) -> pluggy.PluginManager:
    import pluggy

    manager = _empty_manager()
    for plugin in reversed(plugins):  # pluggy calls the last one registered first
        trial = _empty_manager()  # as one that fails stays registered by half
        try:
            trial.register(plugin.target)
        except (ValueError, pluggy.PluginValidationError) as error:
            plugin.blame(f"its hooks don't fit: {' '.join(str(error).split())}")
            continue
        callers = trial.get_hookcallers(plugin.target) or ()
        if any(caller.name == "roar_redact" and one.wrapper for caller in callers for one in caller.get_hookimpls()):
            plugin.blame("roar_redact can't be a wrapper: every implementation gets what the last one answered")
            continue
        if any(one.hookwrapper for caller in callers for one in caller.get_hookimpls()):
            plugin.blame("its hooks are wrappers of the old kind (hookwrapper=True); make them wrapper=True")
            continue
        manager.register(plugin.target, f"{plugin.distribution}:{plugin.module}")
        for caller in manager.get_hookcallers(plugin.target) or ():
            for implementation in caller.get_hookimpls():
                if implementation.plugin is plugin.target and caller.spec is not None:
                    _guard(implementation, plugin, caller.name, caller.spec.argnames)
    return manager


def _empty_manager() -> pluggy.PluginManager:
    import pluggy

    from roar.api import hookspecs

    manager = pluggy.PluginManager("roar")
    manager.add_hookspecs(hookspecs)
    return manager


def _guard(implementation: pluggy.HookImpl, plugin: Plugin, hook: str, names: tuple[str, ...]) -> None:
    """Puts a guard around an implementation, which takes the blame for what it raises.

    The guard is given every argument of the specification, and gives the implementation those that it declared.
    """
    function, wanted = implementation.function, implementation.argnames

    def picked(*values: Any) -> Any:
        given = dict(zip(names, values, strict=True))
        return function(*(given[name] for name in wanted))

    guarded = _guarded_wrapper if implementation.wrapper else _guarded
    implementation.function = guarded(plugin, hook, picked, names)  # type: ignore[misc]
    implementation.argnames = names  # type: ignore[misc]


def _guarded(plugin: Plugin, hook: str, function: Callable[..., Any], names: Sequence[str]) -> Callable[..., Any]:
    def call(*values: Any) -> Any:
        arguments: Mapping[str, Any] = dict(zip(names, values, strict=True))
        try:
            answer = traced(plugin.distribution, hook, function, arguments)
            complaint = check_decision(hook, arguments, answer)
        except Refused:
            if hook in _VETOES:
                raise
            plugin.blame(f"{hook} can't refuse anything")
            return None
        except (Exception, SystemExit) as error:  # a plugin can raise anything, and must not break roar
            plugin.blame(_raised(hook, error))
            return None
        if complaint:
            plugin.blame(f"{hook} returned {complaint}")
            return None
        return answer

    return call


def _guarded_wrapper(
    plugin: Plugin, hook: str, function: Callable[..., Any], names: Sequence[str]
) -> Callable[..., Any]:
    """As `_guarded`, for a wrapper: a generator that yields once.  One that fails is as if it weren't there."""

    def call(*values: Any) -> Generator[None, Any, Any]:
        generator = function(*values)
        try:
            next(generator)
        except (Exception, SystemExit) as error:  # as above; StopIteration included: it didn't yield
            plugin.blame(_raised(hook, error))
            return (yield)
        inner: BaseException | None = None
        result = None
        try:
            result = yield
        except BaseException as error:
            inner = error
        try:
            generator.send(result) if inner is None else generator.throw(inner)
        except StopIteration as ended:
            return ended.value
        except Refused:
            if hook in _VETOES:
                raise
            plugin.blame(f"{hook} can't refuse anything")
        except (Exception, SystemExit) as error:  # as above
            if error is not inner:
                plugin.blame(_raised(hook, error))
        else:
            generator.close()
            plugin.blame(f"{hook} yielded more than once")
        if inner is not None:
            raise inner
        return result

    return call


def _raised(hook: str, error: BaseException) -> str:
    text = " ".join(str(error).split())
    return f"{hook} raised {type(error).__name__}" + (f": {text}" if text else "")
