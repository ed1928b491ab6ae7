"""`roar reset`: wipe the active session and begin a new one."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING

import click

from roar.cli.reading import recover_runs

if TYPE_CHECKING:
    from roar.context import Context


@click.command(
    short_help="Wipe the active session and begin a new one.",
    epilog="\b\nExamples:\n  roar reset\n  roar reset -y",
)
@click.option("-y", "--yes", is_flag=True, help="Don't ask.")
@click.pass_obj
def command(context: Context, yes: bool) -> None:
    """Wipe the active session: its steps leave `status`, `dag` and `log`, and the next run is step @1 of a new session.

    Use it when the session shows steps or missing files that are of no interest any more.  No file is touched, and the
    jobs stay in the database: `roar log --all` lists them and `roar show UID` shows each.
    """
    from roar.render.text import plural

    recover_runs(context)
    storage = context.storage(read_only=False)
    try:
        before = storage.active_session()
        if not yes:
            _confirm(f"Wipe session {before.id} with {plural(before.jobs, 'job')}?")
        after = storage.new_session()
    finally:
        storage.close()
    click.echo(
        f"Session {before.id} with {plural(before.jobs, 'job')} is closed; session {after.id} is active and empty.\n"
        "Its jobs stay in the database: roar log --all"
    )


def _confirm(question: str) -> None:
    """Asks.  Raises Refused when nobody can be asked, and when the answer is no."""
    from roar.api.errors import Refused

    if sys.stdin is None or not sys.stdin.isatty():
        raise Refused(
            "roar reset asks before it wipes the session, and there is no terminal to ask on.", "Run: roar reset -y"
        )
    if not click.confirm(question, err=True):
        raise Refused("Reset aborted: nothing was changed.")
