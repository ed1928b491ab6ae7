"""The plugins that are installed: found by entry points, imported when their kind is first asked for, each isolated.

Registration hooks take nothing and are asked plugin by plugin, so that each answer and each failure has an owner; the
hooks about runs go through pluggy (`roar.plugins.observers`).  roar's own filters, hashers and storage are plugins of the
distribution roar-core, registered through the same hooks as anyone's.
"""

from __future__ import annotations

import os
from _thread import RLock
from collections.abc import Iterable, Sequence
from typing import TYPE_CHECKING, Any

from roar.plugins.contract import BY_GROUP, BY_NAME, CONFIG_HOOK, KINDS, REGISTRATION, check_answer
from roar.plugins.entry_points import EntryPoint, installed, normalized
from roar.plugins.loading import Plugin, PluginInfo, nearest

if TYPE_CHECKING:
    from roar.api.config import ConfigKey
    from roar.api.filters import Filter
    from roar.api.hashers import Hasher
    from roar.api.storage import Site, Storage
    from roar.api.tracer import Tracer
    from roar.plugins.observers import Observers

__all__ = ["PluginInfo", "Plugins"]

_CORE = "roar-core"
_OURS = (_CORE, "roar-tracer-preload", "roar-tracer-ptrace", "roar-tracer-ebpf", "roar-ray", "roar-glaas")
_BUILT_IN = {"roar.filters": "roar.filters", "roar.hashers": "roar.hashers", "roar.storages": "roar.store"}
"""Group → module of roar-core's own plugins, for a roar that runs from its source or a bundle, without metadata."""


class Plugins:
    """What is installed, by kind.  Its methods may be called from any thread.

    Args:
        points: the entry points; those of the import path by default.
        only: names of the distributions that may be loaded beside roar-core; ``ROAR_PLUGINS`` (``a,b``) by default,
            None for all.
    """

    def __init__(self, points: Iterable[EntryPoint] | None = None, only: Sequence[str] | None = None) -> None:
        self._points = points
        if only is None and "ROAR_PLUGINS" in os.environ:
            only = os.environ["ROAR_PLUGINS"].split(",")
        self._only = None if only is None else frozenset(normalized(name.strip()) for name in only)
        self._lock = RLock()
        self._found: list[Plugin] | None = None
        self._answers: dict[str, dict[str, tuple[Any, Plugin]]] = {}
        self._config_keys: list[ConfigKey] | None = None
        self._observers: Observers | None = None
        self.problems: list[tuple[str, str]] = []
        """(distribution, what is wrong with it), in the order in which it came out."""

    def tracers(self) -> dict[str, type[Tracer]]:
        """Name → class, the most capable first."""
        found: dict[str, type[Tracer]] = self._registered("tracer")
        return dict(sorted(found.items(), key=lambda item: -item[1].rank))

    def tracer_version(self, name: str) -> str:
        """Version of the distribution that the tracer is from; empty for a tracer that isn't installed."""
        with self._lock:
            self._registered("tracer")
            found = self._answers["tracer"].get(name)
            return found[1].version if found else ""

    def filters(self) -> list[Filter]:
        """In the order in which they are asked."""
        found: dict[str, Filter] = self._registered("filter")
        return sorted(found.values(), key=lambda item: item.order)

    def hashers(self) -> dict[str, type[Hasher]]:
        """Name → class, the best first; only those whose library is there."""
        found: dict[str, type[Hasher]] = self._registered("hasher")
        usable = [item for item in found.items() if self._available(*item)]
        return dict(sorted(usable, key=lambda item: -item[1].rank))

    def open_storage(self, url: str, read_only: bool = True, site: Site | None = None) -> Storage:
        """Opens the store at a URL.

        Args:
            url: where it is.
            read_only: whether nothing is to be written.
            site: the workspace that asks; None: all paths are what they were.

        Raises:
            ConfigError: no storage for the URL's scheme is installed.
            StorageUnusable: as `Storage.open`.
            PluginError: the storage failed in another way.
        """
        scheme = url.partition(":")[0]
        schemes: dict[str, type[Storage]] = self._registered("storage")
        if scheme not in schemes:
            from roar.api.errors import ConfigError

            near = nearest(scheme, schemes)
            raise ConfigError(
                f"no storage for '{scheme}:' is installed (storage.url)",
                f"Did you mean {near}:// ?" if near else f"Known schemes: {', '.join(sorted(schemes)) or 'none'}",
            )
        from roar.api.errors import PluginError, RoarError

        try:
            storage = schemes[scheme].open(url, read_only)
            if site is not None:
                _attach(storage, site)
            return storage
        except RoarError:
            raise
        except Exception as error:  # a plugin can raise anything, and gets the blame
            owner = self._answers["storage"][scheme][1].distribution
            text = " ".join(str(error).split())
            raise PluginError(
                f"plugin {owner} failed to open storage.url: {type(error).__name__}: {text}", "See: roar plugins"
            ) from error

    def commands(self) -> dict[str, str]:
        """Command name → ``"module:object"``."""
        return self._registered("command")

    def config_keys(self, section: str | None = None) -> list[ConfigKey]:
        """The configuration keys that plugins declare, those of filters' switches included.

        Args:
            section: only plugins that may declare keys beginning so (``filters``, ``hash``) are imported; None: all.
        """
        with self._lock:
            if section == "filters" and self._config_keys is None:
                return self._keys_of(["filter"])
            if self._config_keys is None:
                self._config_keys = self._keys_of([kind.name for kind in KINDS])
            return list(self._config_keys)

    @property
    def observers(self) -> Observers | None:
        """The hooks about runs, each a method with the arguments of its specification; None when there is no observer."""
        with self._lock:
            if self._observers is None and (loaded := self._loaded("observer")):
                from roar.plugins.observers import Observers

                self._observers = Observers(loaded)
            return self._observers

    def listing(self) -> list[PluginInfo]:
        """Every plugin, all of them loaded for it (but those that ``ROAR_PLUGINS`` leaves out)."""
        with self._lock:
            for kind in REGISTRATION:
                self._registered(kind)
            self.config_keys()
            _ = self.observers
            return [plugin.info() for plugin in self._plugins()]

    def blame(self, thing: object, reason: str) -> None:
        """Notes a problem with what a plugin registered: a filter that raised, a hasher that answered nonsense.

        Args:
            thing: the object or class that the plugin registered.
            reason: what is wrong with it, a clause.
        """
        with self._lock:
            for answers in self._answers.values():
                for registered, plugin in answers.values():
                    if registered is thing:
                        plugin.blame(reason)
                        return
            self._report(getattr(thing, "name", str(thing)), reason)

    def _registered(self, kind: str) -> dict[str, Any]:
        with self._lock:
            if kind not in self._answers:
                self._answers[kind] = self._ask(kind)
            return {name: thing for name, (thing, _) in self._answers[kind].items()}

    def _ask(self, kind: str) -> dict[str, tuple[Any, Plugin]]:
        hook = REGISTRATION[kind]
        found: dict[str, tuple[Any, Plugin]] = {}
        for plugin in self._loaded(kind):
            if not plugin.implements(hook):
                plugin.blame(f"{plugin.module} does not implement {hook}")
                continue
            good, complaints = check_answer(hook, plugin.ask(hook))
            for complaint in complaints:
                plugin.blame(complaint)
            for name, thing in good:
                if name in found:
                    owner = found[name][1]
                    plugin.blame(
                        f"{kind} '{name}' is already registered by {owner.distribution} ({owner.module})", "duplicate"
                    )
                else:
                    found[name] = (thing, plugin)
        return found

    def _available(self, name: str, hasher: type[Hasher]) -> bool:
        try:
            return hasher.available()
        except Exception as error:  # a plugin can raise anything, and must not break roar
            self.blame(hasher, f"hasher '{name}' failed: {type(error).__name__}: {error}")
            return False

    def _keys_of(self, kinds: Sequence[str]) -> list[ConfigKey]:
        from roar.api.config import ConfigKey

        keys: dict[str, ConfigKey] = {}
        if "filter" in kinds:
            for item in self.filters():
                doc = f"Leave out {item.name}: {item.reason}."
                keys.setdefault(item.config_key, ConfigKey(item.config_key, bool, item.default, doc))
        asked: list[Plugin] = []
        for kind in kinds:
            for plugin in self._loaded(kind):
                if plugin in asked or not plugin.implements(CONFIG_HOOK):
                    continue
                asked.append(plugin)
                good, complaints = check_answer(CONFIG_HOOK, plugin.ask(CONFIG_HOOK))
                for complaint in complaints:
                    plugin.blame(complaint)
                for name, key in good:
                    if keys.setdefault(name, key) is not key:
                        plugin.blame(f"the configuration key {name} is declared already", "duplicate")
        return list(keys.values())

    def _loaded(self, kind: str) -> list[Plugin]:
        group = BY_NAME[kind].group
        return [plugin for plugin in self._plugins() if group in plugin.groups and plugin.load()]

    def _plugins(self) -> list[Plugin]:
        if self._found is None:
            points = list(installed() if self._points is None else self._points)
            if not any(normalized(point.distribution) == _CORE for point in points):
                points += _built_in()
            plugins: dict[tuple[str, str], Plugin] = {}
            for point in sorted(points, key=_precedence):
                if point.group not in BY_GROUP:
                    continue
                key = (normalized(point.distribution), point.value)
                plugin = plugins.setdefault(key, Plugin(point, self._report))
                if point.group not in plugin.groups:
                    plugin.groups.append(point.group)
                plugin.enabled = self._only is None or key[0] in (_CORE, *self._only)
            self._found = list(plugins.values())
        return self._found

    def _report(self, distribution: str, reason: str) -> None:
        if (distribution, reason) not in self.problems:
            self.problems.append((distribution, reason))


def _precedence(point: EntryPoint) -> tuple[int, str, str]:
    """Of two plugins that register one name the first in this order has it: roar's own, then by name."""
    name = normalized(point.distribution)
    return _OURS.index(name) if name in _OURS else len(_OURS), name, point.value


def _attach(storage: Storage, site: Site) -> None:
    try:
        storage.attach(site)
    except BaseException:  # whatever it is, it goes on; only nothing stays open
        storage.close()
        raise


def _built_in() -> list[EntryPoint]:
    from roar import __version__

    return [EntryPoint(_CORE, __version__, group, "builtin", module) for group, module in _BUILT_IN.items()]
