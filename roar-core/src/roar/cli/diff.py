"""`roar diff`: how two steps, artifacts or sessions differ, and what is likely why."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING

import click

from roar.cli.finding import found
from roar.cli.reading import opened, place, print_json, print_lines

if TYPE_CHECKING:
    from roar.context import Context


@click.command(
    short_help="Compare two steps, artifacts or sessions.",
    epilog="\b\nExamples:\n  roar diff @2 @5\n  roar diff 3f2a91c4 model.pkl\n  roar diff session:1 session:sweep",
)
@click.argument("a")
@click.argument("b")
@click.option("--json", "as_json", is_flag=True, help="Print JSON of schema roar/diff/1.")
@click.pass_obj
def command(context: Context, a: str, b: str, as_json: bool) -> None:
    """Compare A with B: command, commit, parameters, environment, inputs, outputs and how they ended.

    Each is a step (@2, @B1), the beginning of a job's uid, a path, the beginning of a digest, or a session (session:1,
    session:NAME).  Artifacts are compared by the steps that made them, sessions step by step.  When the outputs differ, the
    inputs that differ are followed to where they came from, and the first root input or package that differs is named first.
    """
    from roar.lineage.diff_sides import compare
    from roar.render.look import look_of
    from roar.render.records import dump

    with opened(context) as storage:
        compared = compare(storage, a, b, lambda text: found(context, storage, text))
    if as_json:
        from roar.render.diff_json import diff_json

        print_json(dump(diff_json(compared)))
        return
    from roar.render.diff import diff_lines

    look = look_of(sys.stdout)
    print_lines(diff_lines(compared, look, place(context)), look)
