"""`roar init`: make the repository a workspace."""

from __future__ import annotations

import contextlib
import sys
from typing import TYPE_CHECKING

import click

if TYPE_CHECKING:
    from roar.api.tracer import Preflight, Tracer
    from roar.context import Context


@click.command(
    short_help="Make this repository a workspace of roar.",
    epilog="\b\nExamples:\n  roar init\n  roar init -y",
)
@click.option("-y/-n", "--yes/--no", "answer", default=None, help="Answer the question whether to set up a tracer.")
@click.pass_obj
def command(context: Context, answer: bool | None) -> None:
    """Make this repository a workspace: `.roar/` beside `.git/`, where everything is recorded.

    Once per repository or linked worktree, in any of its directories; again, it changes nothing.  git ignores `.roar/`
    through its own exclude file, and no tracked file is touched.

    When no tracer is ready and one can be set up without privilege, roar asks whether to do it now.  `-y` does it and `-n`
    leaves it; without a terminal roar doesn't ask, and says what to type.
    """
    from roar.render.text import printable
    from roar.workspace.init import initialise

    done = initialise()
    roar_dir = printable(str(done.workspace.roar_dir))
    if not done.created:
        click.echo(f"roar is already initialized in {roar_dir}")
        return
    click.echo(f"Initialized roar in {roar_dir} (git ignores it through its info/exclude).")
    _make_store(context)
    _set_up_tracer(context, answer)
    click.echo("Next: put `roar run` before a command, as in: roar run python train.py")


def _make_store(context: Context) -> None:
    """Makes the empty store, so that the first run needn't; when that fails, the first run says why."""
    from roar.api.errors import RoarError

    with contextlib.suppress(RoarError, OSError):
        context.storage(read_only=False).close()


def _set_up_tracer(context: Context, answer: bool | None) -> None:
    """Makes sure that some tracer is ready, or says on stderr what is missing; never fails."""
    from roar.tracing.readiness import preflight

    tracers = context.plugins.tracers()
    if not tracers:
        click.echo("No tracer is installed yet: pip install roar-tracer-preload", err=True)
        return
    unready: dict[str, Preflight] = {}
    for name, tracer in tracers.items():
        checks = preflight(context.plugins, name, tracer)
        if checks.ready:
            return
        unready[name] = checks
    possible = [name for name in unready if _needs_no_privilege(tracers[name])]
    if possible and _wanted(possible[0], unready[possible[0]], answer):
        _enable(context, possible[0], tracers[possible[0]])
    else:
        what = f"roar tracer enable {possible[0]}" if possible else "roar tracer"
        click.echo(f"No tracer is ready yet.  Run: {what}", err=True)


def _needs_no_privilege(tracer: type[Tracer]) -> bool:
    from roar.api.tracer import Capability

    return Capability.NO_PRIVILEGE in tracer.capabilities


def _wanted(name: str, checks: Preflight, answer: bool | None) -> bool:
    if answer is not None or sys.stdin is None or not sys.stdin.isatty():
        return bool(answer)
    from roar.render.text import printable

    why = printable(checks.failure.detail) if checks.failure else "not ready"
    return click.confirm(f"No tracer is ready ({name}: {why}).  Set up {name} now?", default=True, err=True)


def _enable(context: Context, name: str, tracer: type[Tracer]) -> None:
    from roar.api.errors import RoarError
    from roar.cli.boundary import error_text
    from roar.tracing.readiness import failed

    try:
        checks = tracer.enable(lambda question: False)  # what needs privilege is for `roar tracer enable`
        if not checks.ready:
            raise failed(name, checks)
    except RoarError as error:
        click.echo(error_text(error).replace("Error:", "Warning:", 1), err=True)
    except Exception as error:  # a plugin can raise anything; the workspace is made, whatever its tracer does
        context.plugins.blame(tracer, f"enable of tracer '{name}' raised {type(error).__name__}: {error}")
    else:
        click.echo(f"Tracer {name} is set up.")
