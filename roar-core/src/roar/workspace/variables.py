"""The variables of a workspace: each is put into the environment of every run and build.

They are in `.roar/env.json`, never secrets: whoever reads the record may know them.
"""

from __future__ import annotations

import json
import os
from collections.abc import Mapping
from pathlib import Path

from roar.api.errors import ConfigError, Refused, UsageError

_OWN = "ROAR_"


def path_of(roar_dir: Path) -> Path:
    """The file; it need not exist."""
    return roar_dir / "env.json"


def load(roar_dir: Path) -> dict[str, str]:
    """The variables by name; bytes that are not UTF-8 are surrogate escapes.

    Raises:
        ConfigError: the file can't be read, or holds something else.
    """
    path = path_of(roar_dir)
    try:
        with open(path, encoding="utf-8") as file:
            found = json.load(file)["variables"]
        if not all(isinstance(value, str) and _is_name(name) for name, value in found.items()):
            raise ValueError("not names and texts")
    except FileNotFoundError:
        return {}
    except OSError as error:
        raise ConfigError(f"{path} can't be read: {error.strerror}.", f"Check it: ls -l {path}") from error
    except (ValueError, KeyError, TypeError, AttributeError) as error:
        raise ConfigError(
            f"{path} does not hold the workspace's variables: {error}.", f"Correct it, or begin anew: rm {path}"
        ) from error
    return dict(sorted(found.items()))


def change(roar_dir: Path, changes: Mapping[str, str | None]) -> dict[str, str]:
    """Sets variables (None: takes them out), and gives all that there are then.  Safe to be done by many at once.

    Raises:
        ConfigError: the file can't be read or written; it is as before.
    """
    from roar.workspace.configfile import explained, locked, replace

    path = path_of(roar_dir)
    with explained(path), locked(roar_dir):
        before = load(roar_dir)
        now = {name: value for name, value in {**before, **changes}.items() if value is not None}
        if now != before:
            replace(path, json.dumps({"variables": dict(sorted(now.items()))}, indent=2).encode() + b"\n")
    return dict(sorted(now.items()))


def check(name: str, value: str) -> None:
    """Whether a variable can be one of the workspace's.

    Raises:
        UsageError: it is no name of a variable, or one of roar's own.
        Refused: it looks like a secret: no file and no record of roar's holds one.
    """
    from roar.workspace.secret_names import is_harmless, is_secret_name
    from roar.workspace.secrets import Redactor

    if not _is_name(name):
        raise UsageError(f"'{name}' is not the name of a variable.", "Names are of A-Z, a-z, 0-9 and _: LEARNING_RATE")
    if name.startswith(_OWN):
        raise UsageError(
            f"{name} is roar's own: variables that begin with {_OWN} steer roar itself.", "Choose another."
        )
    named = is_secret_name(name, variable=True) and not is_harmless(name, value)
    if named or Redactor({**os.environ, name: value}, b"").text(value) != value:
        raise Refused(
            f"{name} looks like a secret, and roar keeps none.",
            f"Set it in the shell instead, where the commands find it as well: export {name}=…",
        )


def _is_name(name: str) -> bool:
    return name.isascii() and name.isidentifier()
