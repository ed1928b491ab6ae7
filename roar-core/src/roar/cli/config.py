"""`roar config`: read and change settings."""

from __future__ import annotations

import os
import sys
from typing import TYPE_CHECKING, Any

import click

from roar.cli.reading import print_json, print_lines

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from roar.context import Context
    from roar.render.look import Look
    from roar.workspace.config import Config
    from roar.workspace.find import Workspace

_SCHEMA = "roar/config/1"


def _or_groups(ctx: click.Context, _: click.Parameter, value: bool) -> bool:
    """`roar config --global list` is `roar config list --global`."""
    return value or bool(ctx.parent and ctx.parent.params.get("for_user"))


_for_user = click.option(
    "--global",
    "for_user",
    is_flag=True,
    callback=_or_groups,
    help="The user's file, for all workspaces, instead of the workspace's.",
)


@click.group(
    invoke_without_command=True,
    short_help="Read and change settings.",
    epilog="\b\nExamples:\n  roar config list\n  roar config set hash.threads 4\n  roar config get tracer.default",
)
@_for_user
@click.pass_context
def command(ctx: click.Context, for_user: bool) -> None:
    """Read and change settings: of this workspace in `.roar/config.toml`, of the user with `--global`.

    The workspace's settings win over the user's, and both over the defaults.  Without a subcommand, `list`.
    """
    if ctx.invoked_subcommand is None:
        ctx.invoke(list_, as_json=False, for_user=for_user)


@command.command("get", epilog="\b\nExamples:\n  roar config get hash.primary\n  roar config get glaas.url --global")
@click.argument("key")
@_for_user
@click.pass_obj
def get(context: Context, key: str, for_user: bool) -> None:
    """Print the value of a setting."""
    from roar.render.text import printable
    from roar.workspace.values import in_toml

    value = _config(context, for_user).get(key)
    print_lines([printable(value) if isinstance(value, str) else in_toml(value)])


@command.command(
    "set",
    context_settings={"ignore_unknown_options": True},
    epilog="\b\nExamples:\n  roar config set output.quiet on\n  roar config set hash.extra_outputs sha256,md5\n"
    "  roar config set filters.exclude '*.log' 'scratch/**'\n  roar config set --global tracer.default preload",
)
@click.argument("key")
@click.argument("value", nargs=-1, required=True)
@_for_user
@click.pass_obj
def set_(context: Context, key: str, value: tuple[str, ...], for_user: bool) -> None:
    """Set a setting.

    VALUE is read by the setting's type: true, false, on, off, yes, no, 1 or 0; a number; a size such as 10G; text; or, for a
    list, several words, one with commas, or a TOML array.  What else is in the file stays as it is, comments included.
    """
    from roar.workspace.edit import set_value
    from roar.workspace.values import in_toml

    workspace = None if for_user else context.workspace
    typed = set_value(workspace, context.plugins, key, value)
    click.echo(f"{key} = {in_toml(_public(typed))}{_where(workspace)}")


@command.command(
    "unset", epilog="\b\nExamples:\n  roar config unset hash.threads\n  roar config unset --global glaas.url"
)
@click.argument("key")
@_for_user
@click.pass_obj
def unset(context: Context, key: str, for_user: bool) -> None:
    """Take a setting out of the file, so that the user's, or the default, holds."""
    from roar.render.text import printable
    from roar.workspace.edit import unset_value

    workspace = None if for_user else context.workspace
    taken = unset_value(workspace, context.plugins, key)
    click.echo(f"{printable(key)} {'is no longer set' if taken else 'was not set'}{_where(workspace)}")


@command.command("list", epilog="\b\nExamples:\n  roar config list\n  roar config list --json")
@click.option("--json", "as_json", is_flag=True, help=f"Print JSON of schema {_SCHEMA}.")
@_for_user
@click.pass_obj
def list_(context: Context, as_json: bool, for_user: bool) -> None:
    """List every setting with its value, where that comes from, its type and what it does."""
    from roar.render.look import look_of

    rows = _rows(_config(context, for_user))
    if as_json:
        import json

        print_json(json.dumps({"schema": _SCHEMA, "keys": rows}, indent=2))
        return
    look = look_of(sys.stdout)
    print_lines(_described(rows, look), look)


@command.command("edit", epilog="\b\nExamples:\n  roar config edit\n  EDITOR=nano roar config edit --global")
@_for_user
@click.pass_obj
def edit(context: Context, for_user: bool) -> None:
    """Open the file in $VISUAL or $EDITOR, and check it afterwards."""
    from roar.workspace.edit import file_of, written

    workspace = None if for_user else context.workspace
    path = file_of(workspace)
    _open_editor(written(path, context.plugins))
    context.__dict__.pop("config", None)
    for problem in _config(context, for_user).problems().values():
        click.echo(f"Warning: {problem}", err=True)


def _config(context: Context, for_user: bool) -> Config:
    if not for_user:
        return context.config
    from roar.workspace.config import Config

    return Config.load(None, context.plugins)


def _where(workspace: Workspace | None) -> str:
    return " (for all workspaces)" if workspace is None else ""


def _public(value: Any) -> Any:
    """A value without the password of a URL."""
    if isinstance(value, str) and "://" in value:
        from roar.workspace.secret_urls import without_credentials

        return without_credentials(value)
    return value


def _rows(config: Config) -> list[dict[str, Any]]:
    from roar.workspace.keys import type_name

    problems = config.problems()
    rows = []
    for name, key in sorted(config.keys().items()):
        rows.append(
            {
                "name": name,
                "value": None if name in problems else _public(config.get(name)),
                "origin": config.origin(name),
                "type": key.type.__name__,
                "expected": type_name(key),
                "default": key.default,
                "choices": list(key.choices),
                "doc": key.doc,
                "problem": problems.get(name),
            }
        )
    return rows


def _described(rows: list[dict[str, Any]], look: Look) -> Iterator[str]:
    from roar.render.text import printable
    from roar.workspace.keys import SIZES
    from roar.workspace.sizes import size_words
    from roar.workspace.values import in_toml

    for row in rows:
        value = f"! {printable(row['problem'])}" if row["problem"] else in_toml(row["value"])
        if row["name"] in SIZES and not row["problem"]:
            value = size_words(row["value"])
        yield f"{look.paint(row['name'], 'bold')} = {value}"
        yield look.paint(f"    {row['origin']}; {row['expected']}. {row['doc']}", "dim")


def _open_editor(path: Path) -> None:
    """Runs the user's editor, whose name may have arguments."""
    import shlex
    import subprocess

    from roar.api.errors import RoarError

    editor = os.environ.get("VISUAL") or os.environ.get("EDITOR") or "vi"
    try:
        code = subprocess.run([*shlex.split(editor), path], check=False).returncode
    except (OSError, ValueError) as error:  # ValueError: a quote that nothing ends
        why = error.strerror if isinstance(error, OSError) else str(error)
        raise RoarError(
            f"The editor '{editor}' can't be started: {why}.", "Choose another: EDITOR=nano roar config edit"
        ) from error
    if code:
        raise RoarError(f"The editor '{editor}' failed with exit code {code}.", f"The file is as it left it: {path}")
