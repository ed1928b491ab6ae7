"""`roar run`: run a command and record it as a step."""

from __future__ import annotations

import os
import sys
from typing import Any, NoReturn

import click

from roar.context import Context

_EPILOG = """\b
Examples:
  roar run python train.py --epochs 10
  roar run --name train --label model=small -- python train.py
  roar run @3 --epochs=20      run step 3 again with another option
  roar run --check @3          run step 3 again, aside: does the same come of it?
"""


def options(function: Any) -> Any:
    """The options that `run` and `build` share."""
    for option in reversed(
        (
            click.option("--tracer", "tracer", metavar="T", help="Use this tracer instead of the configured one."),
            click.option(
                "--allow-dirty", is_flag=True, help="Run with uncommitted changes; they are stored as a patch."
            ),
            click.option("-n", "--name", help="A name for the step."),
            click.option("--label", "labels", multiple=True, metavar="K[=V]", help="A label for the step; repeatable."),
            click.option("-q", "--quiet", is_flag=True, help="No summary, no hints; errors only."),
            click.option("--no-hash", "no_hash", is_flag=True, help="Take no digests."),
            click.option("--hash", "algorithm", metavar="ALG", help="The primary digest algorithm of this run."),
            click.option(
                "--no-hash-inputs-over",
                "no_inputs_over",
                metavar="SIZE",
                help="Leave larger inputs unhashed (10M, 2G).",
            ),
            click.option(
                "--params-file",
                "params_files",
                multiple=True,
                type=click.Path(dir_okay=False),
                help="Record the values of a JSON or TOML file with the step; repeatable.",
            ),
            click.argument("command_words", metavar="COMMAND [ARG]...", nargs=-1, type=click.UNPROCESSED),
            click.pass_obj,
        )
    ):
        function = option(function)
    return function


@click.command(
    "run",
    context_settings={"allow_interspersed_args": False, "ignore_unknown_options": False},
    short_help="Run a command and record it as a step.",
    epilog=_EPILOG,
)
@click.option("--check", metavar="@N", help="Run a recorded step again, aside, and say whether it is deterministic.")
@options
def command(context: Context, check: str | None, **given: Any) -> None:
    """Run a command and record it as a step.

    The command runs exactly as without roar; what it and its children read and wrote is recorded with the commit, the
    environment and content digests.  Options of roar stop at the first word of the command.  The exit code is the
    command's.
    """
    if check is not None:
        _check(context, check, given["command_words"])
    perform(context, "run", **given)


def _check(context: Context, ref: str, words: tuple[str, ...]) -> NoReturn:
    """Runs a step again in a directory that is removed afterwards; exits with 0 when the same comes of it."""
    if words:
        raise click.UsageError("--check takes a step and no command.")
    from roar.cli.reading import opened, place, print_lines
    from roar.cli.reproduce import keep, say_step
    from roar.lineage.references import step
    from roar.render.look import look_of
    from roar.render.reproduce import check_lines
    from roar.reproduce.check import check_step

    if not ref.startswith("@"):
        raise click.UsageError(f"not a step: '{ref}'.")
    with opened(context) as storage:
        checked = check_step(context, storage, step(storage, ref), lambda one: say_step(context, one))
    keep(context, checked.first)
    print_lines(check_lines(checked, look_of(sys.stdout), place(context)), look_of(sys.stdout))
    raise SystemExit(0 if checked.answer == "deterministic" else 1)


def perform(
    context: Context,
    kind: Any,
    *,
    command_words: tuple[str, ...],
    tracer: str | None,
    allow_dirty: bool,
    name: str | None,
    labels: tuple[str, ...],
    quiet: bool,
    no_hash: bool,
    algorithm: str | None,
    no_inputs_over: str | None,
    params_files: tuple[str, ...],
) -> None:
    """Runs a command as a step of a kind and exits with its code."""
    from roar.run.execute import execute
    from roar.run.plan import RunOptions
    from roar.run.words import parameters_of, rerun_words, size_of
    from roar.workspace.labels import given as given_labels

    words = tuple(command_words)
    if words and words[0].startswith("@"):
        words = rerun_words(context, words)
    code = execute(
        context,
        RunOptions(
            command=tuple(os.fsencode(word) for word in words),
            kind=kind,
            tracer=tracer,
            allow_dirty=allow_dirty,
            name=name,
            labels=given_labels(labels),
            parameters=parameters_of(params_files),
            quiet=quiet,
            hashing=not no_hash,
            algorithm=algorithm,
            no_inputs_over=size_of(no_inputs_over) if no_inputs_over else None,
        ),
    )
    raise SystemExit(code)
