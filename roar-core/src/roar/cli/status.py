"""`roar status`: where the active session stands."""

from __future__ import annotations

import os
import sys
from typing import TYPE_CHECKING

import click

from roar.cli.reading import disk, opened, place, print_json, print_lines

if TYPE_CHECKING:
    from roar.context import Context


@click.command(
    short_help="Where the active session stands: steps, stale, missing, running.",
    epilog="\b\nExamples:\n  roar status\n  roar status --json",
)
@click.option("--json", "as_json", is_flag=True, help="Print JSON of schema roar/status/1.")
@click.pass_obj
def command(context: Context, as_json: bool) -> None:
    """Show where the active session stands.

    Lists how many steps it has, which are stale, failed, interrupted or not completely recorded, which outputs are
    missing, and what is running now.
    """
    from roar.lineage.fingerprint import fingerprint
    from roar.lineage.graph import graph_of
    from roar.lineage.staleness import examine
    from roar.render.look import look_of
    from roar.render.records import dump
    from roar.render.status import Status
    from roar.run.rundir import running

    root = os.fsencode(context.workspace.root)
    with opened(context) as storage:
        graph = graph_of(storage, storage.active_session())
    health = examine(graph, disk(context))
    status = Status(
        graph, health, running(context.workspace.runs_dir), fingerprint(graph, root) if graph.steps else None
    )
    if as_json:
        print_json(dump(status.json()))
    else:
        print_lines(status.lines(look_of(sys.stdout), place(context)))
