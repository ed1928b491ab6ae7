"""The user's include and exclude patterns, as one compiled expression."""

from __future__ import annotations

import os
from collections.abc import Callable, Sequence

from roar.filters.places import inside


def compiled(patterns: Sequence[str], root: bytes) -> Callable[[bytes], bool] | None:
    """Whether a canonical path fits any of the patterns; None when there are none.

    As in .gitignore: ``*`` and ``?`` stop at a slash and ``**`` doesn't; a pattern without a slash fits a name at any depth;
    one with a slash is relative to the root, unless it begins with ``/`` or ``~``; what fits a directory fits all below it.
    """
    expressions = [_expression(os.fsencode(pattern), root) for pattern in patterns if pattern.strip("/ ")]
    if not expressions:
        return None
    import re

    match = re.compile(b"(?s)(?:" + b"|".join(expressions) + b")(?:/.*)?\\Z").match
    return lambda path: match(path) is not None


def _expression(pattern: bytes, root: bytes) -> bytes:
    import re

    pattern = pattern.rstrip(b"/")
    if pattern.startswith((b"~/", b"/")):
        return _translated(os.path.expanduser(pattern))
    below = re.escape(inside(root))
    if b"/" in pattern:
        return below + _translated(pattern.removeprefix(b"./"))
    # at any depth: below the root, or anywhere outside; what the directories above the root are called means nothing
    return b"(?:%b|(?!%b)/)(?:.*/)?%b" % (below, below, _translated(pattern))


def _translated(pattern: bytes) -> bytes:
    import re

    out = b""
    place = 0
    while place < len(pattern):
        rest = pattern[place:]
        if rest.startswith(b"**/"):
            out, place = out + b"(?:.*/)?", place + 3
        elif rest.startswith(b"**"):
            out, place = out + b".*", place + 2
        elif rest.startswith(b"*"):
            out, place = out + b"[^/]*", place + 1
        elif rest.startswith(b"?"):
            out, place = out + b"[^/]", place + 1
        elif rest.startswith(b"[") and (end := rest.find(b"]", 3 if rest[1:2] in (b"!", b"^") else 2)) > 0:
            out, place = out + _set(rest[1:end]), place + end + 1
        else:
            out, place = out + re.escape(rest[:1]), place + 1
    return out


def _set(inner: bytes) -> bytes:
    """One byte, but a slash, that is in ``[inner]``: what Python would make of it, or refuse, is not what shells do."""
    negated = inner.startswith((b"!", b"^"))
    rest = inner[1:] if negated else inner
    members: set[int] = set()
    while rest:
        if rest[1:2] == b"-" and len(rest) > 2:
            members |= set(range(rest[0], rest[2] + 1))  # none, if it goes backwards
            rest = rest[3:]
        else:
            members.add(rest[0])
            rest = rest[1:]
    if negated:
        members = set(range(256)) - members
    members.discard(ord("/"))
    return b"[%b]" % b"".join(b"\\x%02x" % member for member in sorted(members)) if members else b"(?!)"
