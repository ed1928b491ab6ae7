"""`roar fsck`: is everything that was recorded still consistent."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING

import click

from roar.cli.reading import disk, print_json

if TYPE_CHECKING:
    from roar.context import Context


@click.command(
    short_help="Check that everything recorded is still consistent.",
    epilog="\b\nExamples:\n  roar fsck\n  roar fsck --content --json",
)
@click.option("--content", is_flag=True, help="Also read every recorded output of the session and compare its digest.")
@click.option("--repair", is_flag=True, help="Do what is safe: record interrupted runs, remove empty run directories.")
@click.option("--json", "as_json", is_flag=True, help="Print JSON of schema roar/fsck/1.")
@click.pass_obj
def command(context: Context, content: bool, repair: bool, as_json: bool) -> int:
    """Check the record: the database's pages and references, runs that were interrupted, and with --content the files.

    Nothing is changed but with --repair, and nothing is ever guessed.  Exit code 1 when there is a problem.
    """
    from roar.lineage.check import check
    from roar.render.fsck import fsck_json, fsck_lines
    from roar.render.look import look_of
    from roar.render.records import dump

    report = check(context, disk(context, thorough=True) if content else None, repair)
    if as_json:
        print_json(dump(fsck_json(report)))
    else:
        for line in fsck_lines(report, look_of(sys.stdout)):
            click.echo(line)
    return 1 if report.problems else 0
