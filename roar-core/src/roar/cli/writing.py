"""What the commands that change the record have in common: questions, and texts without secrets."""

from __future__ import annotations

import os
import sys
from typing import TYPE_CHECKING

import click

if TYPE_CHECKING:
    from roar.context import Context
    from roar.workspace.secrets import Redactor

NAME_BYTES = 255
"""How long a name that a person gives may be, as that of a file."""


def confirm(question: str, no_terminal: str, fix: str, aborted: str) -> None:
    """Asks, and goes on when the answer is yes.

    Args:
        question: one sentence with a question mark.
        no_terminal: what is said when nobody can be asked.
        fix: what to type then.
        aborted: what is said when the answer is no.

    Raises:
        Refused: nobody can be asked, or the answer is no.
    """
    from roar.api.errors import Refused

    if not can_ask():
        raise Refused(no_terminal, fix)
    if not click.confirm(question, err=True):
        raise Refused(aborted)


def can_ask() -> bool:
    """Whether there is somebody to answer."""
    return sys.stdin is not None and sys.stdin.isatty()


def redactor(context: Context) -> Redactor:
    """What takes secrets out of a text before it is written down."""
    from roar.workspace.secrets import Redactor, workspace_key

    return Redactor(os.environ, workspace_key(context.workspace.roar_dir))


def tell_of_running(context: Context, session: int) -> None:
    """Says on stderr where the commands that are running now will be recorded: in the session that is active when they end."""
    from roar.render.text import plural
    from roar.run.rundir import running

    count = len(running(context.workspace.runs_dir))
    if count:
        click.echo(f"{plural(count, 'run')} going on now will be recorded in session {session}.", err=True)
