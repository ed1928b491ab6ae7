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
_NOT_NEGATIVE = frozenset({"hash.threads"})


def problem_with(key: ConfigKey, value: Any) -> str | None:
    """What is wrong with a value that a file gives to a key: what is expected instead; None when it is right."""
    return None if _fits(key, value) else f"expected {_expectation(key)}, found {in_toml(value)}"


def _fits(key: ConfigKey, value: Any) -> bool:
    if key.name in SIZES:
        return value == "" == key.default or _is_size(value)
    if key.type is list:
        fits = isinstance(value, list) and all(isinstance(item, str) for item in value)
    elif key.type is float:
        fits = isinstance(value, (int, float)) and not isinstance(value, bool)
    else:
        fits = type(value) is key.type
    if fits and key.choices:
        return all(item in key.choices for item in (value if isinstance(value, list) else [value]))
    return fits and not (key.name in _NOT_NEGATIVE and value < 0)


def normal(key: ConfigKey, value: Any) -> Any:
    """A value that has no problem, in the key's own type."""
    if key.name in SIZES:
        return parse_size(str(value)) if key.type is int else str(value)
    return key.type(value)


def parse_words(key: ConfigKey, words: Sequence[str]) -> Any:
    """The value that was typed for a key.

    A list is typed as several words, as one with commas, or as a TOML array.

    Raises:
        ConfigError: it is not of the key's type.
    """
    if not all(map(_is_unicode, words)):
        raise ConfigError(f"{key.name} can't have a value that isn't UTF-8.", "TOML files are UTF-8: type it so.")
    if key.type is list:
        value: Any = _parse_list(key, words)
    elif len(words) == 1:
        value = _parse_scalar(key, words[0])
    else:
        raise ConfigError(
            f"{key.name} takes one value, {len(words)} were given.", "Put quotes around a value with spaces."
        )
    if not _fits(key, value):
        raise _refused(key, " ".join(words))
    return value


def _parse_scalar(key: ConfigKey, word: str) -> Any:
    if key.type is bool:
        if word.lower() not in _TRUE | _FALSE:
            raise _refused(key, word)
        return word.lower() in _TRUE
    if key.type in (int, float) and key.name not in SIZES:
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
    if key.name in _NOT_NEGATIVE:
        return f"a {said}, 0 or more"
    if said == "size":
        return "a size such as 500M or 10G"
    return said if said.startswith(("one of", "true", "text")) else f"a {said}"


def _example(key: ConfigKey) -> str:
    if key.choices:
        return key.choices[0]
    if key.name in SIZES:
        return "10G"
    return {bool: "true", int: "4", float: "0.5", list: "a,b", str: "text"}[key.type]


def _is_size(value: Any) -> bool:
    if isinstance(value, bool) or not isinstance(value, (int, str)):
        return False
    try:
        parse_size(str(value))
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

        return "".join(map(_ascii, dumps(value, ensure_ascii=False)))
    return str(value)


def _ascii(character: str) -> str:
    if character.isascii() and character.isprintable():
        return character
    code = ord(character)
    return f"\\u{code:04x}" if code <= 0xFFFF else f"\\U{code:08x}"


def _is_unicode(text: str) -> bool:
    return text.isascii() or not any(0xD800 <= ord(character) <= 0xDFFF for character in text)
