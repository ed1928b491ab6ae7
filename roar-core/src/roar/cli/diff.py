"""`roar diff`: how two steps, artifacts or sessions differ, and what is likely why."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING

import click

from roar.cli.finding import found
from roar.cli.reading import disk, opened, place, print_json, print_lines

if TYPE_CHECKING:
    from collections.abc import Sequence

    from roar.context import Context
    from roar.lineage.diff_sides import Diff


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
    A file that is not recorded, as that of a reproduction, is compared by its content.
    """
    from roar.lineage.diff_sides import compare
    from roar.render.look import look_of
    from roar.render.records import dump

    with opened(context) as storage:
        compared = compare(
            storage,
            a,
            b,
            lambda text: found(context, storage, text),
            lambda path, algorithms: _digests(context, path, algorithms),
        )
    compared = compared._replace(hint=_hint(context, compared))
    if as_json:
        from roar.render.diff_json import diff_json

        print_json(dump(diff_json(compared)))
        return
    from roar.render.diff import diff_lines

    look = look_of(sys.stdout)
    print_lines(diff_lines(compared, look, place(context)), look)


def _digests(context: Context, path: bytes, algorithms: Sequence[str]) -> dict[str, str]:
    """Digests of a file: by the first of the algorithms that can be computed here, without any by the usual one."""
    from roar.reproduce.contents import Contents

    contents = Contents(context.plugins.hashers)
    algorithm = contents.algorithm(dict.fromkeys(algorithms or contents.algorithms(), ""))
    digest = None if algorithm is None else contents.digest(path, algorithm)
    return {} if algorithm is None or digest is None else {algorithm: digest}


def _hint(context: Context, compared: Diff) -> str | None:
    """Where two artifacts begin to differ, when both are on disk as they were recorded."""
    one, other = compared.a, compared.b
    if compared.kind != "artifact" or compared.same_content is not False or one.path is None or other.path is None:
        return None
    files = disk(context)
    if any(files.state(side.path or b"", side.hashes, side.size, None) != "present" for side in (one, other)):
        return None
    from roar.reproduce.differences import first_difference

    return first_difference(one.path, other.path)
