"""`roar build`: run a command and record it as a build step."""

from __future__ import annotations

from typing import Any

import click

from roar.cli.run import options, perform
from roar.context import Context

_EPILOG = """\b
Examples:
  roar build make -j4
  roar build pip install -r requirements.txt
"""


@click.command(
    "build",
    context_settings={"allow_interspersed_args": False},
    short_help="Run a set-up command and record it as a build step.",
    epilog=_EPILOG,
)
@options
def command(context: Context, **given: Any) -> None:
    """Run a set-up command (a compiler, a download) and record it as a build step, @B1, @B2 and so on.

    As `roar run`, but the step is kept apart from the pipeline's; `roar reproduce` runs build steps first.
    """
    perform(context, "build", **given)
