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

Origin = Literal["default", "global", "workspace"]


class KeySource(Protocol):
    """Where further keys come from; `roar.plugins.Plugins` is one."""

    def config_keys(self) -> Sequence[ConfigKey]:
        """Keys of filters and plugins."""


class _Layer(NamedTuple):
    origin: Origin
    path: Path
    values: Mapping[str, Any]
    """By dotted name."""


class Config:
    """The values of all keys.  Made by `load`."""

    def __init__(self, layers: Sequence[_Layer], plugins: KeySource, workspace: Workspace | None) -> None:
        self._layers = layers
        self._plugins = plugins
        self._workspace = workspace
        self._keys = by_name(KEYS)
        self._asked_plugins = False

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
        config = cls(layers, plugins, workspace)
        config._tell_unknown()
        return config

    def keys(self) -> dict[str, ConfigKey]:
        """All keys, of roar and of the plugins, by name."""
        if not self._asked_plugins:
            self._asked_plugins = True
            self._keys = by_name([*self._keys.values(), *self._plugins.config_keys()])
        return self._keys

    def key(self, name: str) -> ConfigKey:
        """A key by its name.  Raises `ConfigError` with the nearest name when there is none."""
        key = self._keys.get(name) or self.keys().get(name)
        if key is None:
            raise ConfigError(f"Unknown configuration key {name!a}.", self._advice(name))
        return key

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

    def size(self, name: str) -> int | None:
        """The bytes of a key whose value is a size; None when it is empty.  Raises as `get`."""
        from roar.workspace.sizes import parse_size

        text = self.get(name)
        return parse_size(text) if text else None

    def origin(self, name: str) -> Origin:
        """Where the value of a key comes from.  Raises `ConfigError` for an unknown key."""
        self.key(name)
        return next((layer.origin for layer in self._layers if name in layer.values), "default")

    def path(self, everywhere: bool) -> Path:
        """The file to change: the user's with `everywhere` (``--global``), else the workspace's.

        Raises:
            NotInitialized: there is no workspace.
            ConfigError: there is no place for the user's file.
        """
        if everywhere:
            return writable_global_path()
        if self._workspace is None:
            from roar.api.errors import NotInitialized

            raise NotInitialized()
        return self._workspace.config_path

    def set(self, name: str, words: Sequence[str], everywhere: bool = False) -> Any:
        """Sets a key in a file, comments in it kept.  This object keeps its old values.

        Args:
            name: of the key.
            words: the value as it was typed, see `roar.workspace.values.parse_words`.
            everywhere: in the user's file.

        Returns:
            The value.

        Raises:
            ConfigError: unknown key, wrong value, or a file that can't be changed.
            NotInitialized: there is no workspace.
        """
        from roar.workspace.configfile import set_value
        from roar.workspace.values import parse_words

        key = self.key(name)
        path = self.path(everywhere)
        value = parse_words(key, words)
        set_value(path, name, value)
        return value

    def unset(self, name: str, everywhere: bool = False) -> bool:
        """Takes a key out of a file, also one that nobody knows any more.  Whether it was there.  Raises as `set`."""
        from roar.workspace.configfile import unset_value

        if not any(name in layer.values for layer in self._layers):
            self.key(name)
        return unset_value(self.path(everywhere), name)

    def _tell_unknown(self) -> None:
        for layer in self._layers:
            for name in layer.values:
                if name not in self._keys and name not in self.keys():
                    near = _nearest(name, self.keys())
                    hint = f"; did you mean {near}?" if near else "."
                    print(f"roar: {layer.path}: unknown key {name!a}{hint}", file=sys.stderr)

    def _advice(self, name: str) -> str:
        near = _nearest(name, self.keys())
        return f"Did you mean {near}? All keys: roar config list" if near else "All keys: roar config list"


def global_path(env: Mapping[str, str]) -> Path | None:
    """The user's file; None without a home directory.  XDG Base Directory Specification: a relative path is ignored."""
    base = env.get("XDG_CONFIG_HOME", "")
    if os.path.isabs(base):
        return Path(base, "roar", "config.toml")
    home = env.get("HOME", "")
    return Path(home, ".config", "roar", "config.toml") if os.path.isabs(home) else None


def writable_global_path() -> Path:
    """The user's file, to be changed.  Raises `ConfigError` without a home directory."""
    path = global_path(os.environ)
    if path is None:
        raise ConfigError("There is no home directory for the user's configuration.", "Set HOME or XDG_CONFIG_HOME.")
    return path


def _read(path: Path) -> dict[str, Any]:
    """The values of a file by dotted name; empty when there is none."""
    try:
        with open(path, "rb") as file:
            content = file.read()
    except (FileNotFoundError, NotADirectoryError):
        return {}
    except OSError as error:
        raise ConfigError(f"{path} can't be read: {error.strerror}.", f"Check it: ls -ld {path}") from error
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
        raise ConfigError(f"{path}, line {line}: it is not UTF-8.", _edit(path)) from error
    except RecursionError as error:
        raise ConfigError(f"{path}: it is nested too deeply.", _edit(path)) from error
    except tomllib.TOMLDecodeError as error:
        problem, _, place = str(error).rpartition(" (at ")
        where = f", {place.removesuffix(')')}" if problem else ""
        raise ConfigError(f"{path}{where}: {problem or error}.", _edit(path)) from error


def _edit(path: Path) -> str:
    from shlex import quote

    return f"Correct that line, or move the file away: mv {quote(str(path))} {quote(str(path) + '.broken')}"


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
    from roar.workspace.values import problem_with

    value = layer.values[key.name]
    problem = problem_with(key, value)
    if problem:
        where = " --global" if layer.origin == "global" else ""
        raise ConfigError(f"{layer.path}: {key.name}: {problem}.", f"Take it out: roar config unset{where} {key.name}")
    return list(value) if key.type is list else value


def _nearest(name: str, keys: Mapping[str, ConfigKey]) -> str | None:
    """The key that was probably meant: spelt alike, or of another table."""
    from difflib import get_close_matches

    near: str
    for near in get_close_matches(name, keys, 1, 0.6):
        return near
    last = "." + name.rpartition(".")[2]
    return next((known for known in keys if known.endswith(last)), None)
