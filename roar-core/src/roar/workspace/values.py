"""Values of configuration keys: read from what was typed, checked, and written as in a TOML file."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from roar.api.config import ConfigKey
from roar.api.errors import ConfigError
from roar.workspace.keys import SIZES, type_name
from roar.workspace.sizes import parse_size

_TRUE = frozenset({"true", "on", "yes", "1"})
_FALSE = frozenset({"false", "off", "no", "0"})


def problem_with(key: ConfigKey, value: Any) -> str | None:
    """What is wrong with a value that a file gives to a key: what is expected instead; None when it is right."""
    if key.type is list:
        fits = isinstance(value, list) and all(isinstance(item, str) for item in value)
    elif key.type is float:
        fits = isinstance(value, (int, float)) and not isinstance(value, bool)
    else:
        fits = type(value) is key.type
    if fits and key.choices:
        fits = all(item in key.choices for item in (value if isinstance(value, list) else [value]))
    if fits and key.name in SIZES and value:
        fits = _is_size(value)
    if fits and key.type is int and key.name == "hash.threads":
        fits = value >= 0
    return None if fits else f"expected {_expectation(key)}, found {in_toml(value)}"


def parse_words(key: ConfigKey, words: Sequence[str]) -> Any:
    """The value that was typed for a key.

    A list is typed as several words, as one with commas, or as a TOML array.

    Raises:
        ConfigError: it is not of the key's type.
    """
    if key.type is list:
        value: Any = _parse_list(key, words)
    elif len(words) == 1:
        value = _parse_scalar(key, words[0])
    else:
        raise ConfigError(
            f"{key.name} takes one value, {len(words)} were given.", "Put quotes around a value with spaces."
        )
    problem = problem_with(key, value)
    if problem:
        raise _refused(key, " ".join(words))
    return value


def _parse_scalar(key: ConfigKey, word: str) -> Any:
    if key.type is bool:
        if word.lower() not in _TRUE | _FALSE:
            raise _refused(key, word)
        return word.lower() in _TRUE
    if key.type in (int, float):
        try:
            return key.type(word)
        except ValueError:
            raise _refused(key, word) from None
    return word


def _parse_list(key: ConfigKey, words: Sequence[str]) -> list[str]:
    if len(words) != 1:
        return list(words)
    word = words[0].strip()
    if not word.startswith("["):
        return [item.strip() for item in word.split(",") if item.strip()]
    import tomllib

    try:
        value = tomllib.loads(f"value = {word}")["value"]
    except tomllib.TOMLDecodeError:
        raise _refused(key, word) from None
    return value if isinstance(value, list) else [word]


def _refused(key: ConfigKey, typed: str) -> ConfigError:
    return ConfigError(
        f"{key.name} can't be {in_toml(typed)}: expected {_expectation(key)}.",
        f"For example: roar config set {key.name} {_example(key)}",
    )


def _expectation(key: ConfigKey) -> str:
    said = type_name(key)
    if said == "size":
        return "a size such as 500M or 10G"
    return said if said.startswith(("one of", "true", "text")) else f"a {said}"


def _example(key: ConfigKey) -> str:
    if key.choices:
        return key.choices[0]
    return {bool: "true", int: "4", float: "0.5", list: "a,b", str: "10G"}[key.type]


def _is_size(text: str) -> bool:
    try:
        parse_size(text)
    except ValueError:
        return False
    return True


def in_toml(value: Any) -> str:
    """A value as a TOML file has it; ASCII only, so that it is harmless to print."""
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, (list, tuple)):
        return "[" + ", ".join(in_toml(item) for item in value) + "]"
    if isinstance(value, str):
        from json import dumps

        return dumps(value)
    return str(value)
