"""One plugin: importing its module, checking what it was written for, and calling its hooks one at a time."""

from __future__ import annotations

import os
import sys
import time
from collections.abc import Callable, Mapping
from typing import Any, Literal, NamedTuple

from roar.api import ROAR_API
from roar.plugins.contract import BY_GROUP, HOOKS
from roar.plugins.entry_points import EntryPoint

State = Literal["ok", "broken", "incompatible", "duplicate", "not loaded"]

_SLOW_MS = 200.0


class PluginInfo(NamedTuple):
    """A line of `roar plugins`."""

    distribution: str
    version: str
    module: str
    kinds: tuple[str, ...]
    """``tracer``, ``filter``, ``hasher``, ``storage``, ``command``, ``observer``."""
    api_version: int | None
    """What the module says as ``roar_api``; None when it says nothing or was not loaded."""
    state: State
    reason: str | None
    load_ms: float | None
    """What importing it took, milliseconds; None when it was not imported."""


class Plugin:
    """A module that one or more entry points of a distribution name.

    Args:
        point: the first of the entry points.
        report: told what is wrong with the plugin, as (distribution, reason).
    """

    def __init__(self, point: EntryPoint, report: Callable[[str, str], None]) -> None:
        self.distribution = point.distribution
        self.version = point.version
        self.module = point.value
        self.groups: list[str] = []
        self.enabled = True
        self._report = report
        self._state: State = "not loaded"
        self._reasons: list[str] = []
        self._object: Any = None
        self._api: int | None = None
        self._load_ms: float | None = None
        self._hooks: dict[str, Callable[..., Any]] = {}

    @property
    def usable(self) -> bool:
        """Whether it was loaded and may be called."""
        return self._object is not None

    @property
    def target(self) -> Any:
        """The module, once `usable`."""
        return self._object

    def info(self) -> PluginInfo:
        """What is known of it so far."""
        reasons = list(self._reasons)
        if not self.enabled:
            reasons = ["not named in ROAR_PLUGINS"]
        elif self._load_ms is not None and self._load_ms > _SLOW_MS:
            reasons.append(f"slow: importing it took {self._load_ms:.0f} ms")
        kinds = tuple(BY_GROUP[group].name for group in self.groups)
        reason = "; ".join(reasons) or None
        return PluginInfo(
            self.distribution, self.version, self.module, kinds, self._api, self._state, reason, self._load_ms
        )

    def blame(self, reason: str, state: State = "broken") -> None:
        """Notes what is wrong with it, once; the first state that isn't ok stays."""
        if reason in self._reasons:
            return
        self._reasons.append(reason)
        if self._state in ("ok", "not loaded"):
            self._state = state
        self._report(self.distribution, reason)

    def load(self) -> bool:
        """Imports it when that wasn't tried before; whether it can be used."""
        if not self.enabled or self._load_ms is not None:
            return self.usable
        started = time.perf_counter()
        try:
            target = _import(self.module)
            self._load_ms = (time.perf_counter() - started) * 1e3
            self._state = "ok"
            self._check(target)
        except (Exception, SystemExit) as error:  # a plugin's import can raise anything, and must not break roar
            self._load_ms = (time.perf_counter() - started) * 1e3
            self.blame(f"importing {self.module} failed: {_described(error)}")
        return self.usable

    def _check(self, target: Any) -> None:
        declared = getattr(target, "roar_api", None)
        if declared is None and ":" in self.module:
            declared = getattr(sys.modules[self.module.split(":")[0]], "roar_api", None)
        if type(declared) is not int:
            self.blame(
                f"{self.module} does not say which API it was written for (roar_api = {ROAR_API})", "incompatible"
            )
            return
        self._api = declared
        if declared != ROAR_API:
            self.blame(f"written for roar_api {declared}; this roar has {ROAR_API}", "incompatible")
            return
        self._object = target
        for name in dir(target):
            options = getattr(getattr(target, name, None), "roar_impl", None)
            if isinstance(options, dict):
                self._take(options.get("specname") or name, getattr(target, name), options)

    def _take(self, hook: str, function: Callable[..., Any], options: Mapping[str, Any]) -> None:
        if hook in HOOKS:
            self._hooks[hook] = function
        elif not options.get("optionalhook"):
            near = nearest(hook, HOOKS)
            self.blame(f"{hook} is not a hook of roar" + (f" (did you mean {near}?)" if near else ""))

    def implements(self, hook: str) -> bool:
        """Whether it was loaded and has the hook."""
        return hook in self._hooks

    def ask(self, hook: str) -> Any:
        """Calls a registration hook; None when it raises, which is reported."""
        function = self._hooks[hook]
        if getattr(function, "roar_impl", {}).get("wrapper"):
            self.blame(f"{hook} registers something and can't be a wrapper")
            return None
        try:
            return traced(self.distribution, hook, function, {})
        except (Exception, SystemExit) as error:  # a plugin can raise anything, and must not break roar
            self.blame(f"{hook} raised {_described(error)}")
            return None


def traced(distribution: str, hook: str, function: Callable[..., Any], arguments: Mapping[str, Any]) -> Any:
    """Calls a hook; with ``ROAR_TRACE_HOOKS=1`` tells on stderr what it was given, what it gave and how long it took."""
    if os.environ.get("ROAR_TRACE_HOOKS", "") in ("", "0"):
        return function(*arguments.values())
    given = ", ".join(f"{name}={value!r}" for name, value in arguments.items())
    started = time.perf_counter()
    outcome = ""
    try:
        result = function(*arguments.values())
        outcome = repr(result)
        return result
    except BaseException as error:
        outcome = f"raised {error!r}"
        raise
    finally:
        took_ms = (time.perf_counter() - started) * 1e3
        sys.stderr.write(f"roar: hook {hook}({given}) of {distribution}: {outcome} in {took_ms:.2f} ms\n")


def nearest(word: str, words: Any) -> str | None:
    """The word among `words` that was probably meant."""
    from difflib import get_close_matches

    return next(iter(get_close_matches(word, sorted(words), 1)), None)


def _import(value: str) -> Any:
    name, _, attributes = value.partition(":")
    __import__(name)
    target: Any = sys.modules[name]
    for attribute in filter(None, attributes.split(".")):
        target = getattr(target, attribute)
    return target


def _described(error: BaseException) -> str:
    text = " ".join(str(error).split())
    return f"{type(error).__name__}: {text}" if text else type(error).__name__
