"""Setting and unsetting configuration keys, for the workspace or for the user."""

from __future__ import annotations

import os
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from roar.api.errors import ConfigError
from roar.workspace.config import Config, KeySource, global_path

if TYPE_CHECKING:
    from roar.workspace.find import Workspace


def file_of(workspace: Workspace | None) -> Path:
    """The file to change: the workspace's, or without one the user's.

    Raises:
        ConfigError: there is no home directory for the user's.
    """
    if workspace is not None:
        return workspace.config_path
    path = global_path(os.environ)
    if path is None:
        raise ConfigError("There is no home directory for the user's configuration.", "Set HOME or XDG_CONFIG_HOME.")
    return path


def set_value(workspace: Workspace | None, plugins: KeySource, name: str, typed: str | Sequence[str]) -> Any:
    """Sets a key in a file; what else is in the file stays, comments included.

    Args:
        workspace: whose file; None: the user's.
        plugins: for their keys.
        name: of the key.
        typed: the value as it was typed, one word or several (see `roar.workspace.values.parse_words`).

    Returns:
        The value as it went into the file.

    Raises:
        ConfigError: unknown key, wrong value, or a file that can't be changed.
    """
    from roar.workspace.configfile import put
    from roar.workspace.values import parse_words

    key = Config.load(workspace, plugins).key(name)
    path = file_of(workspace)
    value = parse_words(key, [typed] if isinstance(typed, str) else typed)
    put(path, name, value)
    return value


def unset_value(workspace: Workspace | None, plugins: KeySource, name: str) -> bool:
    """Takes a key out of a file, also one that nobody knows.  Whether it was there.

    Raises:
        ConfigError: neither in the file nor known, or a file that can't be changed.
    """
    from roar.workspace.configfile import take_out

    taken = take_out(file_of(workspace), name)
    if not taken:
        Config.load(workspace, plugins).key(name)
    return taken


def written(path: Path, plugins: KeySource) -> Path:
    """A file that can be edited: when there is none it is made, with every key as a comment.

    Raises:
        ConfigError: it can't be made.
    """
    if not path.exists():
        from roar.workspace.configfile import create
        from roar.workspace.values import in_toml

        lines = ["# Settings of roar.  Every key, with its default; remove the # before those that you change.", ""]
        section = ""
        for name, key in sorted(Config([], plugins).keys().items()):
            table, _, last = name.rpartition(".")
            if table != section:
                lines += [f"# [{table}]"]
                section = table
            lines += [f"# {key.doc}", f"# {last} = {in_toml(key.default)}"]
        create(path, "\n".join(lines) + "\n")
    return path
