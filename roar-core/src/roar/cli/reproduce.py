"""`roar reproduce`: make an artifact again in a new directory, and compare."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING

import click

from roar.cli.reading import opened, place, print_json, print_lines

if TYPE_CHECKING:
    from roar.api.storage import Storage
    from roar.context import Context
    from roar.reproduce.results import Result, StepResult
    from roar.reproduce.target import Target

_EPILOG = """\b
Examples:
  roar reproduce model.pkl --dry-run
  roar reproduce @5 --jobs 4 -o ../again
"""


@click.command(short_help="Make an artifact again in a new directory, and compare.", epilog=_EPILOG)
@click.argument("ref", metavar="TARGET")
@click.option("--dry-run", is_flag=True, help="Show the plan and do nothing.")
@click.option("--run", "at_once", is_flag=True, help="Begin without asking, on a terminal too.")
@click.option(
    "-o", "--output", "directory", metavar="DIR", help="The directory to make; by default beside the repository."
)
@click.option(
    "-j", "--jobs", type=click.IntRange(min=1), default=1, metavar="N", help="How many steps at once; by default 1."
)
@click.option("--resume", is_flag=True, help="Go on with a reproduction that was killed or that failed.")
@click.option("--allow-different", is_flag=True, help="Exit with 0 also when the target comes out different.")
@click.option("--json", "as_json", is_flag=True, help="Print JSON of schema roar/reproduce/1.")
@click.pass_obj
def command(
    context: Context,
    ref: str,
    dry_run: bool,
    at_once: bool,
    directory: str | None,
    jobs: int,
    resume: bool,
    allow_different: bool,
    as_json: bool,
) -> None:
    """Make an artifact again: run every step that led to it, in a new directory, and compare what comes of each.

    TARGET is a step (@3), a path of a file or folder, or the beginning of a digest.  The repository is cloned at the
    recorded commit, with the patch of a run that had uncommitted changes; build steps run first; files that no step made
    are copied, and only if they have the recorded digest; Python packages are those that were recorded.  Your own files
    are left alone.  The exit code is 0 only when the target is identical.
    """
    from roar.api.errors import Refused
    from roar.render.look import look_of
    from roar.render.reproduce import plan_lines, result_lines
    from roar.reproduce.children import signals_as_exceptions
    from roar.reproduce.reproduction import carry_out, is_begun, must_be_free, prepare

    if dry_run and (at_once or resume):
        raise click.UsageError("--dry-run does nothing, so it goes with neither --run nor --resume.")
    if directory == "":
        raise click.UsageError("-o needs the name of a directory.")
    with opened(context) as storage:
        prepared = prepare(context, storage, _target(context, storage, ref), directory)
        if dry_run:
            if as_json:
                _print_json(prepared, None)
            else:
                print_lines(plan_lines(prepared, look_of(sys.stdout), place(context)), look_of(sys.stdout))
            return
        if not resume:
            must_be_free(prepared)
        look = look_of(sys.stderr)
        if not at_once and look.terminal and sys.stdin is not None and sys.stdin.isatty():
            for line in plan_lines(prepared, look, place(context)):
                click.echo(line, err=True)
            if not click.confirm("Run these steps?", err=True):
                raise Refused("nothing was run.", "Begin without being asked: add --run")
        try:
            with signals_as_exceptions():
                result = carry_out(context, storage, prepared, resume, jobs, lambda step: say_step(context, step))
        except (KeyboardInterrupt, SystemExit):
            if is_begun(prepared):
                click.echo("Stopped. To go on with it, repeat the command with --resume.", err=True)
            raise
    keep(context, result)
    if as_json:
        _print_json(prepared, result)
    else:
        print_lines(result_lines(result, look_of(sys.stdout), place(context)), look_of(sys.stdout))
    made = bool(result.wanted) and all(
        one.outcome == "different" or one.outcome == "identical" for one in result.wanted
    )
    raise SystemExit(0 if result.identical or (allow_different and made) else 1)


def keep(context: Context, result: Result) -> None:
    """Keeps the outcome with the artifacts; tells when that can't be, as it is an answer nevertheless."""
    from roar.api.errors import StorageUnusable
    from roar.render.text import printable
    from roar.reproduce.reproduction import note_result

    try:
        note_result(context, result)
    except StorageUnusable as error:
        click.echo(f"roar: the outcome is not kept with the artifact: {printable(error.message)}", err=True)


def _target(context: Context, storage: Storage, ref: str) -> Target:
    """What is to be made again.  Raises NotFound, and for a digest that is nowhere here, where to ask."""
    from roar.api.errors import NotFound
    from roar.cli.finding import found
    from roar.lineage.references import UnknownPath
    from roar.reproduce.target import is_digest, not_local, target_of, target_of_folder

    try:
        meant = found(context, storage, ref)
    except NotFound as error:
        folder = target_of_folder(storage, ref, error.path) if ref and isinstance(error, UnknownPath) else None
        if folder is not None:
            return folder
        if is_digest(ref):
            raise not_local(context, ref) from None
        raise
    return target_of(storage, ref, meant)


def _print_json(prepared: object, result: object) -> None:
    from roar.render.records import dump
    from roar.render.reproduce_records import reproduce_json

    print_json(dump(reproduce_json(prepared, result)))  # type: ignore[arg-type]  # imported where it is needed


def say_step(context: Context, step: StepResult) -> None:
    """Tells on stderr that a step is over."""
    from roar.render.look import look_of
    from roar.render.reproduce import step_over

    for line in step_over(step, look_of(sys.stderr), place(context)):
        click.echo(line, err=True)
