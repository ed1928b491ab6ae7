"""Credentials in URLs: user names and passwords before the host, tokens in parameters."""

from __future__ import annotations

from collections.abc import Iterator

from roar.workspace.secret_names import is_harmless, is_secret_name

Span = tuple[int, int]
"""First and past-the-last index of characters that are secret."""

_SPACE = " \t\r\n\v\f\0"
_QUOTES = {'"': '"', "'": "'", "`": "`", "<": ">"}
_PARAMETERS = frozenset({
    "auth", "code", "key", "pwd", "sig", "signature", "x-amz-credential", "x-amz-security-token", "x-amz-signature",
    "x-goog-credential", "x-goog-signature", "googleaccessid", "awsaccesskeyid", "client_secret", "hmac",
})  # fmt: skip


def secrets_in_urls(text: str) -> Iterator[Span]:
    """The secret parts of every URL in a text, in no order."""
    quotes = {end: text.find(quote) for quote, end in _QUOTES.items() if quote in text}
    end = -1
    position = text.find("://")
    while position >= 0:
        start = position + 3
        if start > end:  # else it is within a URL of which the parameters were looked at
            end = _end_of_url(text, start, quotes)
            for name, _, value in _parameters(text, start, end):
                if _is_secret_parameter(text[slice(*name)], text[slice(*value)]):
                    yield value
        at = _end_of_userinfo(text, start, end)
        if at > start:
            yield from _secret_userinfo(text, _scheme(text, position), start, at)
        position = text.find("://", start)


def without_credentials(url: str) -> str:
    """A URL, or a path or ``user@host:path``, with everything secret left out.  Idempotent."""
    scheme, separator, rest = url.partition("://")
    if not separator:
        user, at, host = url.partition("@")
        return f"{user.partition(':')[0]}@{host}" if at and ":" in user and "/" not in user else url
    at_index = _end_of_userinfo(rest, 0, len(rest))
    if at_index >= 0:
        user = rest[:at_index].partition(":")[0]
        rest = (f"{user}@" if user and not _is_web(scheme) else "") + rest[at_index + 1 :]
    kept = rest
    for name, start, value in reversed(list(_parameters(rest, 0, len(rest)))):
        if _is_secret_parameter(rest[slice(*name)], rest[slice(*value)]):
            kept = kept[: start[0]] + kept[value[1] :]
    if kept != rest:
        kept = kept.replace("?&", "?").replace("?#", "#").rstrip("?&")
    return f"{scheme}://{kept}"


def _scheme(text: str, end: int) -> str:
    start = end
    while start and (text[start - 1].isalnum() or text[start - 1] in "+-."):
        start -= 1
    return text[start:end].lower()


def _end_of_url(text: str, start: int, quotes: dict[str, int]) -> int:
    """Where white space begins, or a quote ends that began before the URL: other quotes may be part of a password."""
    ends = {end for end, begin in quotes.items() if begin < start}.union(_SPACE)
    end = start
    while end < len(text) and text[end] not in ends:
        end += 1
    return end


def _end_of_userinfo(text: str, start: int, end: int) -> int:
    """The index of the ``@`` that ends the user information, -1 for none (RFC 3986, 3.2.1).

    A password may contain an unescaped ``@``, and against the rules ``/``, ``?`` or ``#``: what follows the colon is then not a port.
    """
    authority = min((i for i in (text.find(c, start, end) for c in "/?#") if i >= 0), default=end)
    at = text.rfind("@", start, authority)
    if at < 0 and text[start : start + 1] != "[":
        port = text[start:authority].partition(":")[2]
        if port and not port.isdigit():
            at = text.rfind("@", start, end)
    return at


def _secret_userinfo(text: str, scheme: str, start: int, at: int) -> Iterator[Span]:
    colon = text.find(":", start, at)
    if _is_web(scheme):
        yield start, at
    elif 0 <= colon < at - 1:
        yield colon + 1, at


def _is_web(scheme: str) -> bool:
    """Whether a user name may itself be a token; elsewhere it is needed, and none."""
    return "http" in scheme.lower()


def _parameters(text: str, start: int, end: int) -> Iterator[tuple[Span, Span, Span]]:
    """For each parameter of a URL the span of its name, from its separator to its value, and of its value."""
    position = min((i for i in (text.find(c, start, end) for c in "?#") if i >= 0), default=end)
    while position < end:
        stop = min((i for i in (text.find(c, position + 1, end) for c in "&;?#") if i >= 0), default=end)
        equals = text.find("=", position, stop)
        if equals > 0:
            yield (position + 1, equals), (position + (text[position] in "?#"), equals + 1), (equals + 1, stop)
        position = stop


def _is_secret_parameter(name: str, value: str) -> bool:
    return bool(value) and (
        name.lower() in _PARAMETERS or (is_secret_name(name, variable=True) and not is_harmless(name, value))
    )
