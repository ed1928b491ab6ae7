"""The environment of a job as people read it: system, packages, variables."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from roar.render.look import Look
from roar.render.text import printable, shortened

_SHORT_LIST = 12
_ITEM_COLUMNS = 70
_ORDER = {"system": 0, "packages": 1, "variables": 2}


def environment_lines(environment: Mapping[str, Any], look: Look, full: bool, ref: str) -> Iterator[str]:
    """The lines about the environment.

    Args:
        environment: as recorded: ``system``, ``packages``, ``variables``; others are printed as they are.
        look: of the stream.
        full: every package and variable on a line of its own; else, on a terminal, the first few and how many there are.
        ref: the job's, for the hint.
    """
    yield look.paint("Environment", "bold")
    is_short = False
    for section in sorted(environment, key=lambda name: (_ORDER.get(name, len(_ORDER)), name)):
        pairs = _pairs(environment[section])
        joint = "=" if section == "variables" else " "
        if section == "system" and not full:
            yield "  system: " + ", ".join(f"{key} {value}" for key, value in pairs)
            continue
        shown = pairs[:_SHORT_LIST] if look.terminal and not full else pairs
        listed = [f"{key}{joint}{value}".rstrip(joint) for key, value in shown]
        more = len(pairs) - len(shown)
        is_short = is_short or more > 0
        if full:
            yield f"  {printable(section)} ({len(pairs)})"
            yield from (f"    {item}" for item in listed)
            continue
        rest = f", {look.sign('…', '...')} and {more} more" if more else ""
        yield (
            f"  {printable(section)} ({len(pairs)}): "
            + ", ".join(shortened(item, _ITEM_COLUMNS) for item in listed)
            + rest
        )
    if is_short:
        yield look.paint(f"  all of it: roar show {ref} --env", "dim")


def _pairs(section: Any) -> list[tuple[str, str]]:
    if isinstance(section, Mapping):
        return [(printable(str(key)), _value(value)) for key, value in section.items()]
    if isinstance(section, Sequence) and not isinstance(section, str):
        return [(_value(item), "") for item in section]
    return [(_value(section), "")]


def _value(value: Any) -> str:
    if isinstance(value, Mapping):  # a variable whose value is not recorded: {"set": true, "digest": "…"}
        return "(set)" if value.get("set") else printable(str(dict(value)))
    return printable(str(value))
