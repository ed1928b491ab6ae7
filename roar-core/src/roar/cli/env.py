"""`roar env`: variables that every run of the workspace gets."""

from __future__ import annotations

import os
import sys
from typing import TYPE_CHECKING

import click

from roar.cli.reading import print_json, print_lines

if TYPE_CHECKING:
    from collections.abc import Mapping

    from roar.context import Context

_SCHEMA = "roar/env/1"

_as_json = click.option("--json", "as_json", is_flag=True, help=f"Print JSON of schema {_SCHEMA}.")


@click.group(
    invoke_without_command=True,
    short_help="Variables that every run of the workspace gets.",
    epilog="\b\nExamples:\n  roar env set OMP_NUM_THREADS=1 PYTHONHASHSEED=0\n  roar env list\n  roar env unset OMP_NUM_THREADS",
)
@click.pass_context
def command(ctx: click.Context) -> None:
    """Variables that are put into the environment of every `roar run` and `roar build` of this workspace.

    They win over the shell's, and are recorded with each step by name and value.  Secrets are refused: export them in the
    shell, where the commands find them and roar records only that they were set.  Without a subcommand, `list`.
    """
    if ctx.invoked_subcommand is None:
        ctx.invoke(list_, as_json=False)


@command.command("set", epilog="\b\nExamples:\n  roar env set OMP_NUM_THREADS=1\n  roar env set CUDA_VISIBLE_DEVICES 0")
@click.argument("words", metavar="NAME=VALUE...", nargs=-1, required=True)
@_as_json
@click.pass_obj
def set_(context: Context, words: tuple[str, ...], as_json: bool) -> None:
    """Set variables, each as NAME=VALUE; a single one also as NAME VALUE."""
    from roar.api.errors import UsageError
    from roar.workspace.variables import change, check

    wanted: dict[str, str | None] = {}
    for word in ["=".join(words)] if len(words) == 2 and "=" not in words[0] else words:
        name, equals, value = word.partition("=")
        if not equals:
            raise UsageError(f"a variable is NAME=VALUE, not '{word}'.", "Example: roar env set OMP_NUM_THREADS=1")
        check(name, value)
        wanted[name] = value
    now = change(context.workspace.roar_dir, wanted)
    _print(context, {name: now[name] for name in wanted if name in now}, as_json)


@command.command("get", epilog="\b\nExamples:\n  roar env get OMP_NUM_THREADS")
@click.argument("name")
@_as_json
@click.pass_obj
def get(context: Context, name: str, as_json: bool) -> None:
    """Print the value of a variable."""
    from roar.workspace.variables import load

    now = load(context.workspace.roar_dir)
    if name not in now:
        raise _unknown(name)
    if as_json:
        _print(context, {name: now[name]}, as_json)
    else:
        from roar.render.text import printable

        print_lines([printable(_public(context, {name: now[name]})[name])])


@command.command("list", epilog="\b\nExamples:\n  roar env list\n  roar env list --json")
@_as_json
@click.pass_obj
def list_(context: Context, as_json: bool) -> None:
    """List the variables, by name."""
    from roar.workspace.variables import load

    now = load(context.workspace.roar_dir)
    _print(context, now, as_json)
    if not now and not as_json:
        click.echo("No variables are set. Set one: roar env set NAME=VALUE", err=True)


@command.command("unset", epilog="\b\nExamples:\n  roar env unset OMP_NUM_THREADS")
@click.argument("names", metavar="NAME...", nargs=-1, required=True)
@_as_json
@click.pass_obj
def unset(context: Context, names: tuple[str, ...], as_json: bool) -> None:
    """Take variables out; what the shell sets holds again."""
    from roar.workspace.variables import change, load

    before = load(context.workspace.roar_dir)
    for name in names:
        if name not in before:
            raise _unknown(name)
    now = change(context.workspace.roar_dir, dict.fromkeys(names))
    if as_json:
        _print(context, now, as_json)
    for name in () if as_json else dict.fromkeys(names):
        click.echo(f"{name} is no longer set")


def _unknown(name: str) -> Exception:
    from roar.api.errors import NotFound

    return NotFound(f"The workspace has no variable '{name}'.", "For those that it has: roar env list")


def _print(context: Context, variables: Mapping[str, str], as_json: bool) -> None:
    from roar.render.look import look_of
    from roar.render.records import dump
    from roar.render.text import printable

    shown = _public(context, variables)
    if as_json:
        print_json(dump({"schema": _SCHEMA, "variables": shown}))
        return
    look = look_of(sys.stdout)
    print_lines((f"{printable(name)}={printable(value)}" for name, value in shown.items()), look)


def _public(context: Context, variables: Mapping[str, str]) -> dict[str, str]:
    """The variables as they can be shown: a secret can only have come into the file by hand."""
    from roar.workspace.secrets import Redactor

    redactor = Redactor({**os.environ, **variables}, b"")
    return {name: redactor.words([f"{name}={value}"])[0].partition("=")[2] for name, value in variables.items()}
