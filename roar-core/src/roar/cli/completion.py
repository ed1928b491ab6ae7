"""`roar completion`: the completion script of a shell."""

from __future__ import annotations

import click

_INSTALL = {
    "bash": "roar completion bash > ~/.local/share/bash-completion/completions/roar",
    "zsh": "roar completion zsh > ~/.zfunc/_roar   # with  fpath+=~/.zfunc  before compinit in ~/.zshrc",
    "fish": "roar completion fish > ~/.config/fish/completions/roar.fish",
}


@click.command(
    short_help="Print the completion script of a shell.",
    epilog="\b\nExamples:\n  " + "\n  ".join(_INSTALL.values()),
)
@click.argument("shell", type=click.Choice(tuple(_INSTALL)))
def command(shell: str) -> None:
    """Print the script that lets SHELL complete roar's commands and options.

    Put it where the shell looks for completions (see the examples), or try it in the running shell with bash or zsh:
    eval "$(roar completion bash)".
    """
    from click.shell_completion import get_completion_class

    from roar.cli.main import group

    found = get_completion_class(shell)
    if found is None:
        raise click.ClickException(f"No completion for {shell} is known.")
    click.echo(found(group, {}, "roar", "_ROAR_COMPLETE").source().strip())  # zsh wants #compdef on the first line
    click.echo(f"# To install: {_INSTALL[shell]}")
