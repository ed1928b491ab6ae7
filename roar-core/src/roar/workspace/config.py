"""The configuration: the workspace's file over the user's over the defaults."""

from __future__ import annotations

import os
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal, NamedTuple, Protocol

from roar.api.config import ConfigKey
from roar.api.errors import ConfigError
from roar.workspace.keys import KEYS, by_name

if TYPE_CHECKING:
    from roar.workspace.find import Workspace

_ALL = "All keys: roar config list"

Origin = Literal["default", "global", "workspace"]


class KeySource(Protocol):
    """Where further keys come from; `roar.plugins.Plugins` is one."""

    def config_keys(self, section: str | None = None) -> Sequence[ConfigKey]:
        """Keys of filters and plugins; with a section, at least those that begin with it."""


class _Layer(NamedTuple):
    origin: Origin
    path: Path
    values: Mapping[str, Any]
    """By dotted name."""


class Config:
    """The values of all keys.  Made by `load`."""

    def __init__(self, layers: Sequence[_Layer], plugins: KeySource) -> None:
        self._layers = layers
        self._plugins = plugins
        self._keys = by_name(KEYS)
        self._complete = False

    @classmethod
    def load(cls, workspace: Workspace | None, plugins: KeySource) -> Config:
        """Reads the files there are.  A key in them that nobody knows is told on stderr.

        Args:
            workspace: None outside of any: only the user's file counts.
            plugins: asked for their keys when one is needed that roar itself doesn't have.

        Raises:
            ConfigError: a file can't be read, or is no TOML; it names the file, line and column.
        """
        paths: list[tuple[Origin, Path | None]] = [
            ("workspace", workspace.config_path if workspace else None),
            ("global", global_path(os.environ)),
        ]
        layers = [_Layer(origin, path, values) for origin, path in paths if path and (values := _read(path))]
        config = cls(layers, plugins)
        config._tell_unknown()
        return config

    def keys(self) -> dict[str, ConfigKey]:
        """All keys, of roar and of the plugins, by name."""
        if not self._complete:
            self._keys = by_name([*self._keys.values(), *self._plugins.config_keys()])
            self._complete = True
        return self._keys

    def key(self, name: str) -> ConfigKey:
        """A key by its name.  Raises `ConfigError` with the nearest name when there is none."""
        key = self._keys.get(name) or self._of_plugins(name)
        if key is None:
            near = _nearest(name, self.keys())
            raise ConfigError(
                f"Unknown configuration key {_shown(name)}.", f"Did you mean {near}?\n{_ALL}" if near else _ALL
            )
        return key

    def _of_plugins(self, name: str) -> ConfigKey | None:
        """A key of the plugins, of which no more are imported than have to be."""
        if not self._complete:
            section = name.partition(".")[0]
            self._keys = by_name([*self._keys.values(), *self._plugins.config_keys(section)])
        return self._keys.get(name)

    def get(self, name: str) -> Any:
        """The value of a key, of the key's type.

        Raises:
            ConfigError: there is no such key, or a file has a value for it that isn't of its type.
        """
        key = self.key(name)
        for layer in self._layers:
            if name in layer.values:
                return _checked(key, layer)
        return list(key.default) if key.type is list else key.default

    def origin(self, name: str) -> Origin:
        """Where the value of a key comes from.  Raises `ConfigError` for an unknown key."""
        self.key(name)
        return next((layer.origin for layer in self._layers if name in layer.values), "default")

    def check(self) -> None:
        """Raises `ConfigError` for the first value in a file that is of no use: better before a command than after it."""
        for layer in self._layers:
            for name in layer.values:
                if name in self._keys or self._of_plugins(name) is not None:
                    self.get(name)

    def problems(self) -> dict[str, str]:
        """Of each key whose value is of no use, what is wrong with it; for showing all that `get` would raise."""
        found: dict[str, str] = {}
        for name in self.keys():
            try:
                self.get(name)
            except ConfigError as error:
                found[name] = error.message
        return found

    def _tell_unknown(self) -> None:
        for layer in self._layers:
            for name in layer.values:
                if name not in self._keys and self._of_plugins(name) is None:
                    near = _nearest(name, self.keys())
                    hint = f"; did you mean {near}?" if near else "."
                    print(f"roar: {_shown(layer.path)}: unknown key {_shown(name)}{hint}", file=sys.stderr)


def global_path(env: Mapping[str, str]) -> Path | None:
    """The user's file; None without a home directory.  XDG Base Directory Specification: a relative path is ignored."""
    base = env.get("XDG_CONFIG_HOME", "")
    if os.path.isabs(base):
        return Path(base, "roar", "config.toml")
    home = env.get("HOME", "")
    return Path(home, ".config", "roar", "config.toml") if os.path.isabs(home) else None


def _read(path: Path) -> dict[str, Any]:
    """The values of a file by dotted name; empty when there is none."""
    try:
        with open(path, "rb") as file:
            content = file.read()
    except (FileNotFoundError, NotADirectoryError):
        return {}
    except OSError as error:
        if isinstance(error, PermissionError) and not os.access(path.parent, os.X_OK):
            return {}  # somebody else's home, as HOME is after sudo -u: no settings of this user's
        raise ConfigError(
            f"{_shown(path)} can't be read: {error.strerror}.", f"Check it: ls -ld {_shown(path)}"
        ) from error
    if all(not line or line.startswith(b"#") for line in map(bytes.strip, content.splitlines())):
        return {}
    return flatten(parse(content, path))


def parse(content: bytes, path: Path) -> dict[str, Any]:
    """A file's content as nested tables.  Raises `ConfigError` with the file, line and column."""
    import tomllib

    try:
        return tomllib.loads(content.decode("utf-8-sig").replace("\r\n", "\n"))
    except UnicodeDecodeError as error:
        line = content.count(b"\n", 0, error.start) + 1
        raise ConfigError(f"{_shown(path)}, line {line}: it is not UTF-8.", _mend(path)) from error
    except RecursionError as error:
        raise ConfigError(f"{_shown(path)}: it is nested too deeply.", _mend(path)) from error
    except tomllib.TOMLDecodeError as error:
        problem, _, place = str(error).rpartition(" (at ")
        where = f", {place.removesuffix(')')}" if problem else ""
        raise ConfigError(f"{_shown(path)}{where}: {problem or error}.", _mend(path)) from error


def _mend(path: Path) -> str:
    from roar.render.text import command_text

    return f"Correct that line, or move the file away: {command_text(['mv', str(path), f'{path}.broken'])}"


def _shown(name: str | Path) -> str:
    from roar.render.text import printable

    return printable(str(name))


def flatten(tables: Mapping[str, Any], prefix: str = "") -> dict[str, Any]:
    """Nested tables as one, by dotted name."""
    flat: dict[str, Any] = {}
    for name, value in tables.items():
        if isinstance(value, dict):
            flat |= flatten(value, f"{prefix}{name}.")
        else:
            flat[f"{prefix}{name}"] = value
    return flat


def _checked(key: ConfigKey, layer: _Layer) -> Any:
    from roar.workspace.values import normal, problem_with

    value = layer.values[key.name]
    problem = problem_with(key, value)
    if problem:
        where = " --global" if layer.origin == "global" else ""
        raise ConfigError(
            f"{_shown(layer.path)}: {key.name}: {problem}.", f"Take it out: roar config unset{where} {key.name}"
        )
    return normal(key, value)


def _nearest(name: str, keys: Mapping[str, ConfigKey]) -> str | None:
    """The key that was probably meant: spelt alike, or of another table."""
    from difflib import get_close_matches

    near: str
    for near in get_close_matches(name, keys, 1, 0.6):
        return near
    last = "." + name.rpartition(".")[2]
    return next((known for known in keys if known.endswith(last)), None)
