"""The environment of a job as people read it: system, packages, variables."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any

from roar.render.look import Look
from roar.render.text import printable, shortened

_SHORT_LIST = 12
_ITEM_COLUMNS = 70
_SET = "(set)"
_ORDER = {
    "system": 0,
    "python": 1,
    "packages": 2,
    "conda": 3,
    "manifests": 4,
    "debian": 5,
    "streams": 6,
    "variables": 7,
}


def environment_lines(environment: Mapping[str, Any], look: Look, full: bool, ref: str) -> Iterator[str]:
    """The lines about the environment.

    Args:
        environment: as recorded: ``system``, ``packages``, ``variables`` …; what isn't known here is printed as it is.
        look: of the stream.
        full: every package and variable on a line of its own; else, on a terminal, the first few and how many there are.
        ref: the job's, for the hint.
    """
    yield look.paint("Environment", "bold")
    is_short = False
    for section in sorted(environment, key=lambda name: (_ORDER.get(name, len(_ORDER)), name)):
        pairs = _pairs(_SECTIONS.get(section, _as_it_is)(environment[section]))
        joint = "=" if section == "variables" else " "
        title = f"  {printable(section)}" + ("" if section == "system" else f" ({len(pairs)})")
        if full:
            yield title
            yield from (f"    {key}{joint if value else ''}{value}" for key, value in pairs)
            continue
        pairs.sort(key=lambda pair: pair[1] == _SET)  # values tell more than names alone
        shown = pairs[:_SHORT_LIST] if look.terminal and section != "system" else pairs
        more = len(pairs) - len(shown)
        is_short = is_short or more > 0
        listed = [shortened(f"{key}{joint if value else ''}{value}", _ITEM_COLUMNS) for key, value in shown]
        listed += [f"{look.sign('…', '...')} and {more} more"] if more else []
        yield f"{title}: {', '.join(listed)}" if listed else title
    if is_short:
        yield look.paint(f"  all of it: roar show {ref} --env", "dim")


def _pairs(section: Any) -> list[tuple[str, str]]:
    if isinstance(section, Mapping):
        return [(printable(str(key)), _value(value)) for key, value in section.items()]
    if isinstance(section, Sequence) and not isinstance(section, str):
        return [(_value(item), "") for item in section]
    return [(_value(section), "")]


def _as_it_is(section: Any) -> Any:
    return section


def _python(section: Any) -> Any:
    """``3.11.7`` → ``venv /w/.venv``."""
    return [f"{one.get('version') or '?'} {one.get('kind', '')} {one.get('prefix', '')}".rstrip() for one in section]


def _manifests(section: Any) -> Any:
    """Each lock file's packages under its name."""
    return {
        name: f"{len(one['packages'])} packages" if one.get("packages") else f"sha256 {one.get('sha256', '?')[:12]}"
        for name, one in section.items()
    }


def _streams(section: Any) -> Any:
    """``0`` → ``< in``."""
    signs = {"r": "<", "w": ">", "a": ">>", "r+": "<>", "pipe": "|"}
    return {
        number: f"{signs.get(str(one.get('mode')), '?')} {one.get('path', '')}".rstrip()
        for number, one in section.items()
    }


_SECTIONS: dict[str, Callable[[Any], Any]] = {"python": _python, "manifests": _manifests, "streams": _streams}


def _value(value: Any) -> str:
    if isinstance(value, Mapping):  # a variable whose value is not recorded: {"set": true, "digest": "…"}
        return _SET if value.get("set") else printable(str(dict(value)))
    return printable(str(value))
