"""`roar session`: list the sessions of the workspace, begin one, go on with one, name one."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING

import click

from roar.cli.reading import opened, print_json, print_lines
from roar.cli.writing import NAME_BYTES, redactor, tell_of_running

if TYPE_CHECKING:
    from roar.api.records import Session
    from roar.context import Context

_as_json = click.option("--json", "as_json", is_flag=True, help="Print JSON of schema roar/session/1.")


@click.group(
    invoke_without_command=True,
    short_help="List sessions, begin one, go on with one, name one.",
    epilog="\b\nExamples:\n  roar session list\n  roar session new sweep\n  roar session use 1",
)
@click.pass_context
def command(ctx: click.Context) -> None:
    """A session is a chain of steps: `status`, `dag` and `log` show those of the active one, to which new steps are added.

    Without a subcommand, `list`.
    """
    if ctx.invoked_subcommand is None:
        ctx.invoke(list_, as_json=False)


@command.command("list", epilog="\b\nExamples:\n  roar session list\n  roar session list --json")
@_as_json
@click.pass_obj
def list_(context: Context, as_json: bool) -> None:
    """List the sessions, newest first: the active one has a star."""
    from roar.render.look import look_of
    from roar.render.records import dump
    from roar.render.session import SCHEMA, session_entry_json, session_list_lines

    with opened(context) as storage:
        sessions = storage.sessions()
    if as_json:
        print_json(dump({"schema": SCHEMA, "sessions": list(map(session_entry_json, sessions))}))
        return
    look = look_of(sys.stdout)
    print_lines(session_list_lines(sessions, look), look)


@command.command("new", epilog="\b\nExamples:\n  roar session new\n  roar session new 'learning rates'")
@click.argument("name", required=False)
@_as_json
@click.pass_obj
def new(context: Context, name: str | None, as_json: bool) -> None:
    """Begin a session and make it the active one; the others keep their steps."""
    chosen = None if name is None else _checked(context, name)
    with opened(context, read_only=False) as storage:
        session = storage.new_session(chosen)
    _tell(context, session, as_json)


@command.command("use", epilog="\b\nExamples:\n  roar session use 1\n  roar session use sweep")
@click.argument("session")
@_as_json
@click.pass_obj
def use(context: Context, session: str, as_json: bool) -> None:
    """Go on with SESSION, a number or a name: new steps are added to it."""
    from roar.lineage.sessions import find_session

    with opened(context, read_only=False) as storage:
        used = storage.use_session(find_session(storage, session).id)
    _tell(context, used, as_json)


@command.command("name", epilog="\b\nExamples:\n  roar session name sweep\n  roar session name baseline 1")
@click.argument("name")
@click.argument("session", required=False)
@_as_json
@click.pass_obj
def name_(context: Context, name: str, session: str | None, as_json: bool) -> None:
    """Name SESSION, without which the active one; an empty NAME takes the name away."""
    from roar.lineage.sessions import find_session

    chosen = _checked(context, name) if name else None
    with opened(context, read_only=False) as storage:
        found = storage.active_session() if session is None else find_session(storage, session)
        renamed = storage.name_session(found.id, chosen)
    _print(renamed, as_json)


def _checked(context: Context, name: str) -> str:
    """The name as it is kept.  Raises `UsageError` for one that would be taken for something else."""
    from roar.api.errors import UsageError

    if not name.strip():
        raise UsageError("a session's name is not empty.", "Example: roar session new sweep")
    if name.isascii() and name.isdecimal():
        raise UsageError(f"'{name}' is a number, not a name: sessions have numbers of their own.", "Add a word to it.")
    if len(name.encode(errors="surrogateescape")) > NAME_BYTES:
        raise UsageError(f"a session's name has at most {NAME_BYTES} bytes.", "Choose a shorter one.")
    return redactor(context).text(name)


def _tell(context: Context, session: Session, as_json: bool) -> None:
    _print(session, as_json)
    tell_of_running(context, session.id)


def _print(session: Session, as_json: bool) -> None:
    from roar.render.records import dump
    from roar.render.session import SCHEMA, session_entry_json, session_title

    if as_json:
        print_json(dump({"schema": SCHEMA, "session": session_entry_json(session)}))
    else:
        click.echo(session_title(session) + (", active" if session.active else ""))
