"""`roar inputs`: the files that no step made and that something came from."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING

import click

from roar.cli.finding import found
from roar.cli.reading import disk, opened, place, print_json, print_lines

if TYPE_CHECKING:
    from roar.context import Context


@click.command(
    short_help="The root inputs of an artifact or a step: files that no step made.",
    epilog="\b\nExamples:\n  roar inputs model.pkl\n  roar inputs @3 --json",
)
@click.argument("ref")
@click.option("--all", "every", is_flag=True, help="List all of them, however many there are.")
@click.option("--json", "as_json", is_flag=True, help="Print JSON of schema roar/inputs/1.")
@click.pass_obj
def command(context: Context, ref: str, every: bool, as_json: bool) -> None:
    """List the files that REF was made from and that no step made: what has to be kept to be able to make it again.

    REF is a path, the beginning of a digest, a step (@3) or the beginning of a job's uid.  Files that are gone are marked
    (missing), those whose content differs now (changed), those that are committed in git with git.
    """
    from roar.lineage.trace import root_inputs, target_of
    from roar.render.look import look_of
    from roar.render.records import dump
    from roar.render.root_inputs import inputs_json, inputs_lines

    with opened(context) as storage:
        target = target_of(storage, found(context, storage, ref))
        roots = root_inputs(storage, target)
        jobs = {job.id: job for job in storage.jobs_by_id({job for root in roots for job in root.read_by})}
    files = disk(context)
    if as_json:
        print_json(dump(inputs_json(target, roots, jobs, files)))
        return
    look = look_of(sys.stdout)
    print_lines(inputs_lines(target, roots, jobs, look, place(context), files, every), look)
