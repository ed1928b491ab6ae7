"""Which names, of variables, options, headers and parameters, stand for secrets."""

from __future__ import annotations

import os

REDACTED = "[redacted]"
"""What stands in a secret's place."""

STEMS = ("token", "secret", "pass", "pwd", "key", "cred", "auth", "bearer", "cookie", "otp", "jwt")
"""Every secret name contains one of these, in lower case: a quick look before a slow one."""

_ANYWHERE = (
    "SECRET", "PASSWORD", "PASSWD", "PASSPHRASE", "PASSCODE", "CREDENTIAL", "APIKEY", "ACCESSKEY", "PRIVATEKEY", "AUTHKEY",
)  # fmt: skip
_LAST = frozenset({"BEARER", "COOKIE", "OTP", "JWT", "AUTHORIZATION"})

_DESCRIBES = frozenset({
    "ALG", "ALGORITHM", "COUNT", "CLASS", "DIM", "DIMS", "DIR", "DIRECTORY", "ENDPOINT", "ENV", "EXPIRY", "FILE", "FILENAME",
    "FORMAT", "HELPER", "HOST", "ID", "IDS", "LEN", "LENGTH", "LEVEL", "LIMIT", "MANAGER", "MODE", "NAME", "NUM", "PATH",
    "PREFIX", "PROMPT", "PROVIDER", "REGION", "SIZE", "SOURCE", "STDIN", "STORE", "SUFFIX", "TIMEOUT", "TTL", "TYPE", "URI",
    "URL", "USER", "USERNAME", "VERSION",
})  # fmt: skip
"""As its last part one of these makes a name speak about a secret (`TOKEN_FILE`, `--token-dim`), not hold it."""

_SWITCHES = frozenset(
    {"ADD", "ALLOW", "ASK", "CHECK", "DISABLE", "ENABLE", "NO", "PROMPT", "REQUIRE", "SKIP", "USE", "WITH"}
)
"""As its first part one of these makes an option a switch: the word after it is not its value."""

_TEXT_TOKENS = frozenset({
    "AUDIO", "BOS", "CLASS", "CLS", "DECODER", "END", "EOS", "FIRST", "IMAGE", "INITIALIZER", "LAST", "MASK", "MAX", "MIN",
    "MODIFIER", "NEXT", "NUM", "PAD", "PER", "PLACEHOLDER", "PREFIX", "PROMPT", "SEP", "SPECIAL", "START", "STOP", "TEXT",
    "TRIGGER", "UNK", "VIDEO",
})  # fmt: skip
"""Before TOKEN: the tokens of language models."""

_KEY_OF = frozenset({
    "ACCESS", "ACCOUNT", "ANTHROPIC", "API", "APP", "APPLICATION", "AUTH", "AWS", "AZURE", "CLIENT", "DEPLOY", "ENCRYPTION",
    "GCP", "GITHUB", "GITLAB", "GOOGLE", "GPG", "HF", "HMAC", "LICENCE", "LICENSE", "MASTER", "OPENAI", "PGP", "PRIVATE",
    "SECRET", "SERVICE", "SESSION", "SHARED", "SIGNING", "SSH", "SSL", "STORAGE", "SUBSCRIPTION", "TLS", "WANDB",
})  # fmt: skip
"""Before KEY, in a name that isn't a variable's, where KEY mostly means the key of a mapping."""

_PLAIN_KEYS = frozenset({
    "CACHE", "CONFIG", "DATASET", "DICT", "FEATURE", "FOREIGN", "GROUP", "HOT", "IMAGE", "INDEX", "JOIN", "LABEL", "MAP",
    "ORDER", "PARTITION", "PRIMARY", "PUBLIC", "ROUTING", "SORT", "TARGET", "TEXT",
})  # fmt: skip
"""Before KEY, in a variable's name."""

_RUNS = frozenset(
    {"BACK", "BACKWARD", "BAND", "BY", "FIRST", "FORWARD", "HIGH", "LOW", "MULTI", "ONE", "SECOND", "SINGLE", "TWO"}
)
"""Before PASS: a pass over something."""

_FILES = ("PRIVATEKEY", "SSHKEY", "SSLKEY", "TLSKEY", "CLIENTKEY", "GPGKEY", "CREDENTIAL", "COOKIE")
"""Options of which the value usually is a file's name."""

_HARMLESS = frozenset({
    "", "-", "auto", "bool", "bytes", "changeme", "default", "disabled", "enabled", "env", "example", "false", "float", "int",
    "localhost", "no", "none", "null", "object", "off", "on", "optional", "password", "prompt", "public", "python", "python3",
    "required", "secret", "stdin", "str", "string", "token", "true", "unknown", "yes",
})  # fmt: skip
"""Values that say nothing, lower case."""

SHORTEST = 6
"""A variable's value of fewer characters is not looked for in other words: it would be found everywhere."""


def is_secret_name(name: str, variable: bool = False) -> bool:
    """Whether what goes by this name is a secret.

    Args:
        name: of a variable, option (without dashes), header, parameter or dotted setting.
        variable: an environment variable, of which the name is taken more broadly: ``FOO_KEY``, ``TOKEN_FOO``.
    """
    lower = name.lower()
    if not any(stem in lower for stem in STEMS):
        return False
    parts = _parts(name)
    if not parts or parts[-1] in _DESCRIBES or parts[0] in _SWITCHES:
        return False
    joined = "".join(parts)
    if any(word in joined for word in _ANYWHERE) or parts[-1] in _LAST:
        return True
    before = frozenset(parts[:-1])
    last = parts[-1]
    if last.endswith("TOKEN"):
        return not before & _TEXT_TOKENS
    if last == "TOKENS":
        return bool(before & {"ACCESS", "API", "AUTH", "BEARER", "REFRESH"})
    if last in ("PASS", "PWD"):  # PWD alone is the working directory
        return not before & _RUNS and (last == "PASS" or bool(before))
    if last == "AUTH":
        return True
    if last.endswith("KEY"):
        return not before & _PLAIN_KEYS if variable else bool(before & _KEY_OF)
    return variable and "TOKEN" in before and not before & _TEXT_TOKENS


def _parts(name: str) -> list[str]:
    """The words of a name, upper case: of ``apiKey``, ``API_KEY``, ``x-api-key2`` and ``wandb.api_key``."""
    spaced: list[str] = []
    before = ""
    for character in name:
        if not (character.isalnum() and character.isascii()):
            character = " "
        elif character.isdigit():
            continue
        elif character.isupper() and before.islower():
            spaced.append(" ")
        spaced.append(character)
        before = character
    return "".join(spaced).upper().split()


def is_harmless(name: str, value: str) -> bool:
    """Whether a value is plainly no secret although its name says so: a word like ``true``, a small number, a file."""
    if value.lstrip("\\\"'").startswith(REDACTED) or value.lower() in _HARMLESS or _is_reference(value):
        return True
    parts = _parts(name)
    joined = "".join(parts)
    strong = (
        any(word in joined for word in ("PASSWORD", "PASSWD", "PASSPHRASE", "PASSCODE", "SECRET")) or joined == "OTP"
    )
    if not strong and len(value) < SHORTEST and _is_number(value):
        return True
    if parts[-1:] == ["AUTH"] and ":" not in value:
        return True
    if any(word in joined for word in _FILES) and _is_file_name(value):
        return True
    return value.startswith(("/", "./", "../", "~/")) and os.path.lexists(os.path.expanduser(value))


def is_worth_looking_for(name: str, value: str) -> bool:
    """Whether the value of a secret variable is to be replaced wherever it occurs."""
    if len(value) < SHORTEST or value in REDACTED:
        return False
    return not (is_harmless(name, value) or (len(value) <= 8 and _is_number(value) and "PASS" not in name.upper()))


def _is_reference(value: str) -> bool:
    """``$NAME``, ``${name}``, ``$(command)``: what a shell has still to replace."""
    if value[:1] != "$":
        return False
    rest = value[1:]
    if rest[:1] in ("{", "("):
        return rest[-1:] in ("}", ")")
    return rest.isidentifier() and rest.isupper()


def _is_number(value: str) -> bool:
    try:
        float(value)
    except ValueError:
        return False
    return True


def _is_file_name(value: str) -> bool:
    _, dot, suffix = value.rpartition(".")
    return value.startswith(("/", "./", "../", "~/")) or bool(dot and 2 <= len(suffix) <= 5 and suffix.isalpha())
