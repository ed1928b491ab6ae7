"""`roar verify`: do the files on disk still have the recorded digests?"""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING

import click

from roar.cli.finding import found
from roar.cli.reading import disk, opened, place, print_json, print_lines

if TYPE_CHECKING:
    from roar.context import Context


@click.command(
    short_help="Check that files on disk still have the recorded digests.",
    epilog="\b\nExamples:\n  roar verify model.pkl\n  roar verify @3\n  roar verify",
)
@click.argument("ref", required=False)
@click.option("--all", "every", is_flag=True, help="List also the files that are as recorded.")
@click.option("--json", "as_json", is_flag=True, help="Print JSON of schema roar/verify/1.")
@click.pass_obj
def command(context: Context, ref: str | None, every: bool, as_json: bool) -> int:
    """Read the files that REF names and compare their digests with the recorded ones; exit 1 unless all are the same.

    REF is a path, the beginning of a digest, a step (@3: what it read and wrote) or the beginning of a job's uid; without
    REF it is every file of the active session, as the last step that touched it left it.
    """
    from roar.lineage.verify import session_files, target_files, verified
    from roar.render.look import look_of
    from roar.render.records import dump
    from roar.render.verify import verify_json, verify_lines

    with opened(context) as storage:
        named = None if ref is None else found(context, storage, ref)
        edges = session_files(storage, storage.active_session()) if named is None else target_files(storage, named)
        checked = verified(storage, edges, disk(context, thorough=True))
    if as_json:
        print_json(dump(verify_json(checked)))
    else:
        look = look_of(sys.stdout)
        print_lines(verify_lines(checked, look, place(context), every), look)
    return 0 if all(file.state == "present" for file in checked) else 1
