"""`roar reset`: wipe the active session and begin a new one."""

from __future__ import annotations

from typing import TYPE_CHECKING

import click

from roar.cli.reading import opened, print_json
from roar.cli.writing import confirm, tell_of_running

if TYPE_CHECKING:
    from roar.context import Context


@click.command(
    short_help="Wipe the active session and begin a new one.",
    epilog="\b\nExamples:\n  roar reset\n  roar reset -y",
)
@click.option("-y", "--yes", is_flag=True, help="Don't ask.")
@click.option("--json", "as_json", is_flag=True, help="Print the new session, JSON of schema roar/session/1.")
@click.pass_obj
def command(context: Context, yes: bool, as_json: bool) -> None:
    """Wipe the active session: its steps leave `status`, `dag` and `log`, and the next run is step @1 of a new session.

    Use it when the session shows steps or missing files that are of no interest any more.  No file is touched, and the
    jobs stay in the database: `roar log --all-sessions` lists them, `roar show UID` shows each, and `roar session use`
    goes on with it.
    """
    from roar.render.records import dump
    from roar.render.session import SCHEMA, session_entry_json
    from roar.render.text import plural

    with opened(context, read_only=False) as storage:
        before = storage.active_session()
        if not yes:
            confirm(
                f"Wipe session {before.id} with {plural(before.jobs, 'job')}?",
                "roar reset asks before it wipes the session, and there is no terminal to ask on.",
                "Run: roar reset -y",
                "Reset aborted: nothing was changed.",
            )
        after = storage.new_session()
    if as_json:
        print_json(dump({"schema": SCHEMA, "session": session_entry_json(after)}))
    else:
        click.echo(
            f"Session {before.id} with {plural(before.jobs, 'job')} is closed; session {after.id} is active and empty.\n"
            "Its jobs stay in the database: roar log --all-sessions"
        )
    tell_of_running(context, after.id)
