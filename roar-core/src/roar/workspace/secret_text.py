"""Secrets in the words of a command and in free text: assignments, options, headers, JSON fields."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from functools import cache

from roar.workspace.secret_names import STEMS, is_harmless, is_secret_name
from roar.workspace.secret_urls import Span

_QUOTED = r"""(?:"(?:\\.|[^"\\])*+"|'(?:\\.|[^'\\])*+')"""
# A value as shells, JSON and Python write it: quoted and bare pieces up to what ends a word.  After a quoted piece, which
# JSON and Python end with punctuation, bare ones have none.
_VALUE = (
    rf"""(?P<value>{_QUOTED}(?:{_QUOTED}|\\.|[^\s'"`;&|<>(){{}}\[\],\\])*+|"""
    rf"""(?:\\.|[^\s'"`;&|<>()\\])(?:{_QUOTED}|\\.|[^\s'"`;&|<>()\\])*+)"""
)
_FIELD = (
    r"""(?P<quote>\\?["'])?(?P<name>[A-Za-z_][A-Za-z0-9_.-]*+)(?(quote)\\?["'])"""
    r"""(?P<space>[^\S\n]*)(?P<sign>={1,2}|:=|:|=>)(?P<after>[^\S\n]*)"""
) + _VALUE
_OPTION = r"(?<![A-Za-z0-9-])--?(?P<name>[A-Za-z][A-Za-z0-9_.-]*+)[^\S\n]+(?!-)" + _VALUE
_HEADER = (
    r"(?i:(?P<name>(?:proxy-)?authorization|(?:set-)?cookie))\s*:\s*"
    r"(?:(?i:basic|bearer|digest|token|negotiate|apikey|aws4-hmac-sha256)\s+)?"
    r"(?P<value>[^\r\n'\"]+)"
)
_WORD = rf"""(?:{_QUOTED}|\\.|[^\s'"`;&|<>()\\])++"""
_BEARER = r"(?i:\bbearer)\s+(?P<value>(?=[A-Za-z._~+/-]*[0-9])[A-Za-z0-9._~+/=-]{6,}|[A-Za-z0-9._~+/=-]{20,})"

_HEADERS = frozenset({"authorization", "proxy-authorization", "cookie", "set-cookie"})
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
    for match in _pattern(_FIELD).finditer(text):
        if _is_field(text, match):
            yield _unquoted(match)
    if "-" in text:
        for match in _pattern(_OPTION).finditer(text):
            if is_secret_name(match["name"]) and not is_harmless(match["name"], _bare(match["value"])):
                yield _unquoted(match)
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


def _is_field(text: str, match: re.Match[str]) -> bool:
    name, value = match["name"], match["value"]
    if not is_secret_name(name, variable=name.isupper()) or is_harmless(name, _bare(value)):
        return False
    if value[0] in "\"'":
        return True
    if name.lower() in _HEADERS:
        return False  # `secrets_in_text` looks at those to the end of the line
    if match["sign"] != ":" and (match["space"] or match["after"]):
        return False  # code: in `token = next(tokens)` nothing is told
    return text[match.end() : match.end() + 1] != "(" and not value.startswith(_CODE_BEFORE)


def _bare(value: str) -> str:
    return value[1:-1] if len(value) > 1 and value[0] == value[-1] and value[0] in "\"'" else value


def _unquoted(match: re.Match[str]) -> Span:
    start, end = match.span("value")
    value = match["value"]
    if len(value) > 1 and value[0] == value[-1] and value[0] in "\"'":
        return start + 1, end - 1
    return start, end


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
