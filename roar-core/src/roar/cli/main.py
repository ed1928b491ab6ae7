"""The command `roar`: which commands there are, and how each is found without loading the others."""

from __future__ import annotations

from typing import Any, NamedTuple

import click

from roar.cli.boundary import UnknownCommand


class _Entry(NamedTuple):
    module: str
    help: str


_SECTIONS: dict[str, dict[str, _Entry]] = {
    "Record": {
        "init": _Entry("roar.cli.init", "Make this repository a workspace of roar."),
        "run": _Entry("roar.cli.run", "Run a command and record it as a step."),
        "build": _Entry("roar.cli.build", "Run a set-up command and record it as a build step."),
        "reproduce": _Entry("roar.cli.reproduce", "Make an artifact again in a new directory, and compare."),
        "env": _Entry("roar.cli.env", "Variables that every run of the workspace gets."),
    },
    "Look": {
        "status": _Entry("roar.cli.status", "Where the active session stands: steps, stale, missing, running."),
        "log": _Entry("roar.cli.log", "List the recorded jobs, newest first."),
        "show": _Entry("roar.cli.show", "Show a step, a job, an artifact or the session."),
        "dag": _Entry("roar.cli.dag", "Show the active session's graph."),
        "lineage": _Entry("roar.cli.lineage", "What led to an artifact or a step, and what came from it."),
        "inputs": _Entry("roar.cli.inputs", "The root inputs of an artifact or a step: files that no step made."),
        "verify": _Entry("roar.cli.verify", "Check that files on disk still have the recorded digests."),
        "diff": _Entry("roar.cli.diff", "Compare two steps, artifacts or sessions."),
    },
    "Organise": {
        "session": _Entry("roar.cli.session", "List sessions, begin one, go on with one, name one."),
        "label": _Entry("roar.cli.label", "Label steps, artifacts and sessions."),
        "pop": _Entry("roar.cli.pop", "Drop the last step of the active session."),
        "reset": _Entry("roar.cli.reset", "Wipe the active session and begin a new one."),
    },
    "Set up": {
        "tracer": _Entry("roar.cli.tracer", "Which tracers are ready; check, enable and choose one."),
        "config": _Entry("roar.cli.config", "Read and change settings."),
        "plugins": _Entry("roar.cli.plugins", "List what is installed, its state and its cost."),
        "fsck": _Entry("roar.cli.fsck", "Check that everything recorded is still consistent."),
        "completion": _Entry("roar.cli.completion", "Print the completion script of a shell."),
    },
}
_COMMANDS = {name: entry for section in _SECTIONS.values() for name, entry in section.items()}


class Commands(click.Group):
    """A group that imports a command's module when the command is typed, and plugins when roar has no such command."""

    def list_commands(self, ctx: click.Context) -> list[str]:
        """The names of roar's own commands and of the plugins'."""
        return [*_COMMANDS, *_plugin_commands(ctx)]

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        """Loads the command; None when nobody has it."""
        entry = _COMMANDS.get(cmd_name)
        if entry is not None:
            return _load(f"{entry.module}:command")
        target = _plugin_commands(ctx).get(cmd_name)
        return None if target is None else _load(target)

    def resolve_command(
        self, ctx: click.Context, args: list[str]
    ) -> tuple[str | None, click.Command | None, list[str]]:
        """The command of the first word.  Raises `UnknownCommand`, with the nearest name."""
        command = self.get_command(ctx, args[0])
        if command is None:
            if args[0].startswith("-"):
                raise click.NoSuchOption(args[0], ctx=ctx)
            raise UnknownCommand(args[0], self.list_commands(ctx))
        return args[0], command, args[1:]

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        """Writes the commands by section, from the table."""
        for title, entries in _SECTIONS.items():
            with formatter.section(title):
                formatter.write_dl([(name, entry.help) for name, entry in entries.items()])
        others = _plugin_commands(ctx)
        if others:
            with formatter.section("From plugins"):
                formatter.write_dl([(name, f"({target.partition(':')[0]})") for name, target in sorted(others.items())])

    def shell_complete(self, ctx: click.Context, incomplete: str) -> list[Any]:
        """Completes command names from the table, options as click does."""
        from click.shell_completion import CompletionItem

        names = {name: entry.help for name, entry in _COMMANDS.items()}
        names |= {name: "" for name in _plugin_commands(ctx)}
        found = [CompletionItem(name, help=text) for name, text in names.items() if name.startswith(incomplete)]
        return found + click.Command.shell_complete(self, ctx, incomplete)


def _plugin_commands(ctx: click.Context) -> dict[str, str]:
    """Command name → ``module:object`` of the plugins' commands that don't carry the name of one of roar's own."""
    found: dict[str, str] = ctx.obj.plugins.commands() if ctx.obj is not None else {}
    return {name: target for name, target in found.items() if name not in _COMMANDS}


def _load(target: str) -> click.Command:
    from importlib import import_module

    module, _, name = target.partition(":")
    command: click.Command = getattr(import_module(module), name)
    return command


_EPILOG = """\
\b
Begin with:
  roar init
  roar run python train.py
  roar show @1

Every command explains itself: roar COMMAND --help
"""


@click.command(
    cls=Commands,
    context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 100},
    invoke_without_command=True,
    epilog=_EPILOG,
)
@click.option("--version", is_flag=True, help="Print the version and exit.")
@click.pass_context
def group(ctx: click.Context, version: bool) -> None:
    """Records what every command read and wrote, as steps of a graph.

    Put `roar run` before a command: roar notes the files that it read and wrote, their digests, the commit and the
    environment, and stays out of its way.
    """
    if version:
        from roar import __version__

        click.echo(f"roar {__version__}")
        ctx.exit()
    if ctx.invoked_subcommand is None:
        click.echo(ctx.get_help())
