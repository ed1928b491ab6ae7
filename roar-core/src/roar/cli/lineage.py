"""`roar lineage`: what led to something, and what came from it."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING

import click

from roar.cli.finding import found
from roar.cli.reading import disk, opened, place, print_json, print_lines

if TYPE_CHECKING:
    from roar.context import Context


@click.command(
    short_help="What led to an artifact or a step, and what came from it.",
    epilog="\b\nExamples:\n  roar lineage model.pkl\n  roar lineage data/raw.csv --down --depth 2 --json",
)
@click.argument("ref")
@click.option("--up", is_flag=True, help="Only what led to it.")
@click.option("--down", is_flag=True, help="Only what came from it.")
@click.option("--depth", type=click.IntRange(min=1), metavar="N", help="At most N steps away.")
@click.option("--all", "every", is_flag=True, help="All steps, not only the nearest 50 each way; nothing folded.")
@click.option("--json", "as_json", is_flag=True, help="Print JSON of schema roar/lineage/1.")
@click.pass_obj
def command(context: Context, ref: str, up: bool, down: bool, depth: int | None, every: bool, as_json: bool) -> None:
    """Show the steps that led to REF and those that came from it, of every session, the nearest first.

    REF is a path, the beginning of a digest, a step (@3) or the beginning of a job's uid.  Each step hangs below the one
    that it gave files to, or below the one that it got them from; many alike steps are folded into one line.
    """
    from roar.lineage.trace import NEAREST, lineage_of, target_of
    from roar.render.lineage import lineage_json, lineage_lines
    from roar.render.look import look_of
    from roar.render.records import dump

    limit = None if every else NEAREST
    with opened(context) as storage:
        target = target_of(storage, found(context, storage, ref, every), limit)
        lineage = lineage_of(storage, target, up or not down, down or not up, depth, limit)
        active = storage.active_session().id
    if as_json:
        print_json(dump(lineage_json(lineage)))
        return
    look = look_of(sys.stdout)
    print_lines(lineage_lines(lineage, look, place(context), disk(context), active, fold=not every), look)
