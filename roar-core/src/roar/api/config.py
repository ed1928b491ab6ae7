"""Configuration keys: what plugins and roar itself can be told."""

from __future__ import annotations

from typing import Any, NamedTuple


class ConfigKey(NamedTuple):
    """A key of ``.roar/config.toml`` (workspace) and of the user's ``config.toml`` (``--global``)."""

    name: str
    """Dotted: ``filters.ignore_tmp_files``."""
    type: type
    """bool, int, float, str or list (of strings)."""
    default: Any
    doc: str
    """One sentence; it is the key's documentation in `roar config list` and in docs/config.md."""
    choices: tuple[str, ...] = ()
    """The values that are accepted, empty for any."""
