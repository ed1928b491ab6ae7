"""`roar plugins`: what is installed, its state and its cost."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING

import click

from roar.cli.reading import print_json, print_lines

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from roar.context import Context
    from roar.plugins import PluginInfo
    from roar.render.look import Look

_SCHEMA = "roar/plugins/1"
_STYLES = {"ok": "green", "not loaded": "dim"}


@click.command(
    short_help="List what is installed, its state and its cost.",
    epilog="\b\nExamples:\n  roar plugins\n  roar plugins --json\n  ROAR_PLUGINS=roar-tracer-preload roar plugins",
)
@click.option("--json", "as_json", is_flag=True, help=f"Print JSON of schema {_SCHEMA}.")
@click.pass_obj
def command(context: Context, as_json: bool) -> None:
    """List the plugins: distribution, version, kinds, API version, state and what importing them took.

    Every plugin is loaded for this.  One that is broken, incompatible or a duplicate is named with the reason; roar works
    without it.  ROAR_PLUGINS=A,B limits what is loaded, and ROAR_TRACE_HOOKS=1 shows every call of a hook.
    """
    found = context.plugins.listing()
    if as_json:
        print_json(_json(found))
        return
    from roar.render.look import look_of

    look = look_of(sys.stdout)
    print_lines(_table(found, look), look)


def _json(found: Sequence[PluginInfo]) -> str:
    import json

    from roar.api import ROAR_API

    plugins = [info._asdict() | {"kinds": list(info.kinds)} for info in found]
    for plugin in plugins:
        taken = plugin.pop("load_ms")
        plugin["load_time_ms"] = None if taken is None else round(taken, 2)
    return json.dumps({"schema": _SCHEMA, "api_version": ROAR_API, "plugins": plugins}, indent=2)


def _table(found: Sequence[PluginInfo], look: Look) -> Iterator[str]:
    from roar.render.text import printable

    head = ("DISTRIBUTION", "VERSION", "KINDS", "API", "STATE", "LOAD", "MODULE")
    rows = [
        (
            printable(info.distribution),
            printable(info.version),
            ", ".join(info.kinds),
            "-" if info.api_version is None else str(info.api_version),
            info.state,
            "-" if info.load_ms is None else f"{info.load_ms:.1f} ms",
            printable(info.module),
        )
        for info in found
    ]
    widths = [max(len(row[column]) for row in [head, *rows]) for column in range(len(head))]

    def line(row: Sequence[str]) -> list[str]:
        return [cell.ljust(width) for cell, width in zip(row, widths, strict=True)]

    yield look.paint("  ".join(line(head)).rstrip(), "bold")
    for info, row in zip(found, rows, strict=True):
        cells = line(row)
        cells[4] = look.paint(cells[4], _STYLES.get(info.state, "red"))
        yield "  ".join(cells).rstrip()
        if info.reason:
            yield f"    {printable(info.reason)}"
