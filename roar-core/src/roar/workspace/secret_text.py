"""Secrets in the words of a command and in free text: assignments, options, headers, JSON fields."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Sequence
from functools import cache

from roar.workspace.secret_names import STEMS, is_harmless, is_secret_name
from roar.workspace.secret_urls import Span

# The last is a string of JSON within a string of JSON.
_QUOTED = r"""(?:"(?:\\.|[^"\\])*+"|'(?:\\.|[^'\\])*+'|\\"(?:[^"\\]|\\\\(?:\\.|[^\\])|\\[^"\\])*+\\")"""
_SHELL_QUOTED = r"""(?:"(?:\\.|[^"\\])*+"|'[^']*+')"""


def _value(quoted: str) -> str:
    """A value: quoted and bare pieces up to what ends a word.  After a quoted piece bare ones have none of the
    punctuation with which JSON and Python go on.
    """
    return (
        rf"""{quoted}(?:{quoted}|\\.|[^\s'"`;&|<>(){{}}\[\],\\])*+|"""
        rf"""(?:\\.|[^\s'"`;&|<>()\\])(?:{quoted}|\\.|[^\s'"`;&|<>()\\])*+|"""
        r"""(?s:["'].+)"""  # a quote that nothing ends
    )


_VALUES = (_value(_QUOTED), _value(_SHELL_QUOTED))
"""As Python and JSON write it, and as shells do; nobody says which it is, so both are redacted."""
_FIELD = (
    r"""(?P<quote>\\?["'])?(?P<name>[A-Za-z_][A-Za-z0-9_.-]*+)(?(quote)\\?["'])"""
    r"""(?P<space>[^\S\n]*+)(?P<sign>={1,2}|:=|:|=>)(?P<after>[^\S\n]*+)"""
)
_OPTION = r"(?<![A-Za-z0-9-])--?(?P<name>[A-Za-z][A-Za-z0-9_.-]*+)[^\S\n]++(?!-)"
_HEADER = (
    r"(?i:(?P<name>(?:proxy-)?authorization|(?:set-)?cookie))\s*:\s*"
    r"(?:(?i:basic|bearer|digest|token|negotiate|apikey|aws4-hmac-sha256)\s+)?"
    r"(?P<value>[^\r\n'\"]+)"
)
_WORD = rf"""(?:{_SHELL_QUOTED}|\\.|[^\s'"`;&|<>()\\])++"""
_BEARER = r"(?i:\bbearer)\s+(?P<value>(?=[A-Za-z._~+/-]*[0-9])[A-Za-z0-9._~+/=-]{6,}|[A-Za-z0-9._~+/=-]{20,})"

_HEADERS = frozenset({"authorization", "proxy-authorization", "cookie", "set-cookie"})
_QUOTES = ('"', "'", "\\")
_CODE_BEFORE = ("args.", "self.", "cfg.", "config.", "os.", "settings.")

_USERS_PASSWORD = {"curl": ("-u", "--user", "-U", "--proxy-user"), "http": ("-a",), "https": ("-a",)}
"""Programs and their options that take ``user:password`` (curl(1), httpie)."""

_SHORT_PASSWORD = {
    "sshpass": ("-p",), "docker": ("-p",), "podman": ("-p",), "mysql": ("-p",), "mysqldump": ("-p",), "mariadb": ("-p",),
}  # fmt: skip
"""Programs whose ``-p`` is a password; those of MySQL only take it attached: ``-psecret``."""
_ATTACHED_ONLY = frozenset({"mysql", "mysqldump", "mariadb"})
_PROGRAMS = ("curl", "http", "sshpass", "docker", "podman", "mysql", "mariadb")


@cache
def _pattern(source: str) -> re.Pattern[str]:
    return re.compile(source)


def has_stem(text: str) -> bool:
    """Whether anything in the text could be the name of a secret."""
    lower = text.lower()
    return any(stem in lower for stem in STEMS)


def secrets_in_text(text: str) -> Iterator[Span]:
    """The values that a text itself calls secret, in no order; spans may overlap."""
    if any(program in text for program in _PROGRAMS) and " " in text:
        yield from _in_script(text)
    if not has_stem(text):
        return
    yield from _values_of(text, _FIELD, _value_of_field)
    if "-" in text:
        yield from _values_of(text, _OPTION, _value_of_option)
    lower = text.lower()
    if "authorization" in lower or "cookie" in lower:
        for match in _pattern(_HEADER).finditer(text):
            yield match.span("value")
    if "bearer" in lower:
        for match in _pattern(_BEARER).finditer(text):
            yield match.span("value")


def _in_script(text: str) -> Iterator[Span]:
    """What `secret_words` finds in the words of a text that is itself a command, as after ``sh -c``."""
    spans = [match.span() for match in _pattern(_WORD).finditer(text)]
    for index, start in secret_words([text[slice(*span)] for span in spans]).items():
        yield spans[index][0] + start, spans[index][1]


def _values_at(text: str, position: int) -> Iterator[re.Match[str]]:
    for pattern in _VALUES:
        value = _pattern(pattern).match(text, position)
        if value is not None:
            yield value


def _values_of(text: str, names: str, values: Callable[[str, re.Match[str]], Iterator[Span]]) -> Iterator[Span]:
    covered = 0  # names within a value that is a secret as a whole are not looked at, which keeps the time linear
    for match in _pattern(names).finditer(text):
        name = match["name"]
        if match.start() >= covered and is_secret_name(name, variable=names is _FIELD and name.isupper()):
            for span in values(text, match):
                covered = max(covered, span[1])
                yield span


def _value_of_option(text: str, option: re.Match[str]) -> Iterator[Span]:
    for value in _values_at(text, option.end()):
        if not is_harmless(option["name"], _bare(value[0])):
            yield _unquoted(value)


def _value_of_field(text: str, field: re.Match[str]) -> Iterator[Span]:
    start = field.end()
    if not text.startswith(_QUOTES, start):
        if field["name"].lower() in _HEADERS:
            return  # `secrets_in_text` looks at those to the end of the line
        if field["sign"] != ":" and (field["space"] or field["after"]):
            return  # code: in `token = next(tokens)` nothing is told
        if text.startswith(_CODE_BEFORE, start):
            return
    for value in _values_at(text, start):
        called = value[0][0] not in "\"'\\" and text.startswith("(", value.end())
        if not called and not is_harmless(field["name"], _bare(value[0]).rstrip(",")):
            yield _unquoted(value)


def _bare(value: str) -> str:
    quote = 2 if value.startswith("\\") else 1
    quoted = len(value) >= 2 * quote and value[:quote] == value[-quote:] and value[quote - 1] in "\"'"
    return value[quote:-quote] if quoted else value


def _unquoted(value: re.Match[str]) -> Span:
    quote = (len(value[0]) - len(_bare(value[0]))) // 2
    return value.start() + quote, value.end() - quote


def secret_words(words: Sequence[str]) -> dict[int, int]:
    """The words of a command of which all, from some character on, is a secret.

    Returns:
        Index of the word → index of its first secret character: the values of ``--password X``, ``--api-key=X``, ``TOKEN=X``,
        and of the options of some programs that are known to take passwords.
    """
    secret: dict[int, int] = {}
    program = ""
    option = ""  # the secret one that waits for its value
    for index, word in enumerate(words):
        if option:
            name, option = option, ""
            if not word.startswith("-"):
                if not is_harmless(name, word):
                    secret[index] = 0
                continue
        base = word.rpartition("/")[2]
        if base in _USERS_PASSWORD or base in _SHORT_PASSWORD:
            program = base
        name, equals, value = word.partition("=")
        bare_name = name.lstrip("-+")
        if _is_program_password(program, word, words[index + 1 : index + 2], secret, index):
            continue
        if not bare_name or not _is_name(bare_name):
            continue
        is_option = word.startswith("-")
        if equals:
            if is_secret_name(bare_name, not is_option and bare_name.isupper()) and not is_harmless(bare_name, value):
                secret[index] = len(name) + 1
        elif is_option and is_secret_name(bare_name):
            option = bare_name
    return secret


def _is_program_password(program: str, word: str, after: Sequence[str], secret: dict[int, int], index: int) -> bool:
    if word in _USERS_PASSWORD.get(program, ()) and after and ":" in after[0]:
        secret[index + 1] = after[0].index(":") + 1
        return True
    for short in _SHORT_PASSWORD.get(program, ()):
        if program in _ATTACHED_ONLY and word.startswith(short) and len(word) > len(short):
            secret[index] = len(short)
            return True
        if program == "sshpass" and word.startswith(short) and len(word) > len(short):
            secret[index] = len(short)
            return True
        if program not in _ATTACHED_ONLY and word == short and after and not _is_port_mapping(after[0]):
            secret[index + 1] = 0
            return True
    return False


def _is_port_mapping(word: str) -> bool:
    """``docker run -p 8080:80``."""
    return word.replace(":", "").replace(".", "").replace("/tcp", "").replace("/udp", "").isdigit()


def _is_name(text: str) -> bool:
    return text.replace("-", "_").replace(".", "_").replace("/", "_").replace("@", "_").isidentifier()
