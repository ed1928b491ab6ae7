"""`roar dag`: the active session's graph."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING

import click

from roar.cli.reading import disk, opened, place, print_json, print_lines

if TYPE_CHECKING:
    from roar.context import Context


@click.command(
    short_help="Show the active session's graph.",
    epilog="\b\nExamples:\n  roar dag\n  roar dag --show-artifacts",
)
@click.option("--show-artifacts", is_flag=True, help="List every file that each step read and wrote.")
@click.option("--expanded", is_flag=True, help="Show every run; else only the newest run of each command.")
@click.option("--json", "as_json", is_flag=True, help="Print JSON of schema roar/dag/1.")
@click.pass_obj
def command(context: Context, show_artifacts: bool, expanded: bool, as_json: bool) -> None:
    """Show the active session's steps as a tree, each below the step whose output it read.

    A step is stale when a file that it read has changed since, when an earlier step wrote it again, or when a step that
    it builds on is stale: run it again to bring it up to date.  Many alike steps are folded into one line.
    """
    from roar.lineage.graph import graph_of
    from roar.lineage.staleness import examine
    from roar.render.dag import Picture
    from roar.render.look import look_of
    from roar.render.records import dump

    with opened(context) as storage:
        graph = graph_of(storage, storage.active_session())
    files = disk(context)
    picture = Picture(graph, examine(graph, files), files, place(context), expanded)
    if as_json:
        print_json(dump(picture.json()))
        return
    if not graph.steps:
        click.echo("The active session has no steps yet. Record one: roar run COMMAND", err=True)
    look = look_of(sys.stdout)
    print_lines(picture.lines(look, show_artifacts), look)
