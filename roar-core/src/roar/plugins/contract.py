"""What a plugin's answer must be: each hook's kind, and the checks of what it returns.

Kept apart from `roar.api.hookspecs`, which imports pluggy; a test holds the two together.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any, NamedTuple


class Kind(NamedTuple):
    """A kind of plugin."""

    name: str
    """As it is shown."""
    group: str
    """Its entry-point group."""
    hook: str | None
    """The hook that registers it; None for observers, which implement any of `OBSERVER_HOOKS`."""


KINDS = (
    Kind("tracer", "roar.tracers", "roar_tracers"),
    Kind("filter", "roar.filters", "roar_filters"),
    Kind("hasher", "roar.hashers", "roar_hashers"),
    Kind("storage", "roar.storages", "roar_storages"),
    Kind("command", "roar.commands", "roar_commands"),
    Kind("observer", "roar.observers", None),
)
BY_NAME = {kind.name: kind for kind in KINDS}
REGISTRATION = {kind.name: kind.hook for kind in KINDS if kind.hook is not None}
"""Kind → the hook that registers it."""
BY_GROUP = {kind.group: kind for kind in KINDS}

CONFIG_HOOK = "roar_config_keys"
OBSERVER_HOOKS = (
    "roar_select_tracer",
    "roar_keep",
    "roar_redact",
    "roar_before_run",
    "roar_run_started",
    "roar_run_recorded",
)
HOOKS = frozenset(REGISTRATION.values()) | {CONFIG_HOOK, *OBSERVER_HOOKS}

Checked = tuple[list[tuple[str, Any]], list[str]]
"""(name, thing) of what was answered and can be used; what is wrong with the rest."""


def check_answer(hook: str, answer: object) -> Checked:
    """Sorts what a registration hook returned into what can be used and complaints."""
    if answer is None:
        return [], []
    if hook in ("roar_storages", "roar_commands"):
        return _check_mapping(hook, answer)
    if isinstance(answer, str | bytes) or not isinstance(answer, Sequence):
        return [], [f"{hook} returned {_described(answer)}, not a list"]
    good: list[tuple[str, Any]] = []
    bad: list[str] = []
    for item in answer:
        complaint = _ITEM_CHECKS[hook](item)
        if complaint:
            bad.append(f"{hook} returned {_described(item)}, {complaint}")
        else:
            good.append((item.name, item))
    return good, bad


def _check_mapping(hook: str, answer: object) -> Checked:
    if not isinstance(answer, Mapping):
        return [], [f"{hook} returned {_described(answer)}, not a mapping"]
    good: list[tuple[str, Any]] = []
    bad: list[str] = []
    for name, value in answer.items():
        complaint = "whose name is not a word" if not _is_name(name) else _ITEM_CHECKS[hook](value)
        if complaint:
            bad.append(f"{hook} returned {name!r}: {_described(value)}, {complaint}")
        else:
            good.append((name, value))
    return good, bad


def _check_tracer(item: object) -> str:
    from roar.api.tracer import Tracer

    return _lacks_class(item, Tracer) or _lacks_fields(item, name=str, rank=int, capabilities=frozenset)


def _check_hasher(item: object) -> str:
    from roar.api.hashers import Hasher

    return _lacks_class(item, Hasher) or _lacks_fields(item, name=str, digest_bytes=int, rank=int)


def _check_storage(item: object) -> str:
    from roar.api.storage import Storage

    return _lacks_class(item, Storage)


def _check_filter(item: object) -> str:
    from roar.api.filters import Filter

    if not isinstance(item, Filter):
        return "not a Filter object"
    return _lacks_fields(item, name=str, config_key=str, default=bool, reason=str, order=int)


def _check_command(item: object) -> str:
    words = item.split(":") if isinstance(item, str) else []
    return "" if len(words) == 2 and all(words) else 'not "module:object"'


def _check_config_key(item: object) -> str:
    from roar.api.config import ConfigKey

    if not isinstance(item, ConfigKey):
        return "not a ConfigKey"
    if item.type not in (bool, int, float, str, list):
        return "whose type is not bool, int, float, str or list"
    if item.default is not None and not isinstance(item.default, item.type):
        return f"whose default is not of its type, {item.type.__name__}"
    return _lacks_fields(item, name=str, doc=str)


_ITEM_CHECKS: dict[str, Callable[[object], str]] = {
    "roar_tracers": _check_tracer,
    "roar_filters": _check_filter,
    "roar_hashers": _check_hasher,
    "roar_storages": _check_storage,
    "roar_commands": _check_command,
    "roar_config_keys": _check_config_key,
}


def check_decision(hook: str, arguments: Mapping[str, Any], answer: object) -> str:
    """What is wrong with an observer's answer; empty when nothing is."""
    if answer is None:
        return ""
    if hook == "roar_select_tracer" and answer not in arguments["ready"]:
        return f"{answer!r}, which is not one of the ready tracers"
    if hook == "roar_keep" and not isinstance(answer, bool):
        return f"{_described(answer)}, not True, False or None"
    if hook == "roar_redact" and not isinstance(answer, str):
        return f"{_described(answer)}, not a string or None"
    return ""


def _lacks_class(item: object, base: type) -> str:
    if not (isinstance(item, type) and issubclass(item, base)):
        return f"not a {base.__name__} class"
    missing: frozenset[str] = getattr(item, "__abstractmethods__", frozenset())
    return f"which lacks {', '.join(sorted(missing))}" if missing else ""


def _lacks_fields(item: object, **fields: type) -> str:
    for name, kind in fields.items():
        value = getattr(item, name, None)
        if not isinstance(value, kind) or (name == "name" and not _is_name(value)):
            return f"whose {name} is not {'a word or words' if name == 'name' else f'of type {kind.__name__}'}"
    return ""


def _is_name(value: object) -> bool:
    return isinstance(value, str) and value.isprintable() and value.strip() == value != ""


def _described(value: object) -> str:
    return value.__name__ if isinstance(value, type) else f"a {type(value).__name__}"
