"""Secrets that are known by how they look, wherever they are: tokens of well-known services, JWTs, private keys."""

from __future__ import annotations

import re
from collections.abc import Iterator

from roar.workspace.secret_urls import Span

_EDGE = r"(?<![A-Za-z0-9_-])"

_SHAPES: tuple[tuple[str, str], ...] = (
    # GitHub: https://docs.github.com/en/authentication/keeping-your-account-and-data-secure/about-authentication-to-github
    *((f"gh{kind}_", rf"(?<![A-Za-z0-9])gh{kind}_[A-Za-z0-9]{{10,}}") for kind in "pousr"),
    ("github_pat_", r"github_pat_[A-Za-z0-9_]{10,}"),
    ("glpat-", r"glpat-[A-Za-z0-9_.-]{10,}"),
    ("gldt-", _EDGE + r"gldt-[A-Za-z0-9_-]{10,}"),
    # A run of 16 letters and digits: the names of programs and experiments that begin with sk- have hyphens before that.
    ("sk-", _EDGE + r"sk-(?=[A-Za-z0-9_-]*?(?=[A-Za-z]*[0-9])[A-Za-z0-9]{16})[A-Za-z0-9_-]{16,}"),
    ("sk-ant-", _EDGE + r"sk-ant-[A-Za-z0-9_-]{8,}"),
    ("sk-proj-", _EDGE + r"sk-proj-[A-Za-z0-9_-]{8,}"),
    ("k_live_", r"(?<![A-Za-z0-9])[psr]k_live_[A-Za-z0-9]{8,}"),
    ("k_test_", r"(?<![A-Za-z0-9])[psr]k_test_[A-Za-z0-9]{8,}"),
    # Slack: https://api.slack.com/concepts/token-types
    ("xox", _EDGE + r"xox[a-z](?:\.xox[a-z])?-[A-Za-z0-9-]{8,}"),
    ("xapp-", _EDGE + r"xapp-[A-Za-z0-9-]{10,}"),
    ("hooks.slack.com/", r"(?<=hooks\.slack\.com/)(?:services|workflows)/[A-Za-z0-9/_-]{10,}"),
    # AWS: https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_identifiers.html#identifiers-unique-ids
    ("AKIA", r"(?<![A-Za-z0-9])AKIA[A-Z0-9]{16}(?![A-Za-z0-9])"),
    ("ASIA", r"(?<![A-Za-z0-9])ASIA[A-Z0-9]{16}(?![A-Za-z0-9])"),
    ("hf_", r"(?<![A-Za-z0-9])hf_(?:(?=[A-Za-z]*[0-9A-Z])[A-Za-z0-9]{12,}|[a-z]{24,})"),
    ("AIza", r"(?<![A-Za-z0-9])AIza[A-Za-z0-9_-]{30,}"),
    ("ya29.", _EDGE + r"ya29\.[A-Za-z0-9_-]{10,}"),
    ("npm_", r"(?<![A-Za-z0-9])npm_[A-Za-z0-9]{30,}"),
    ("pypi-", _EDGE + r"pypi-[A-Za-z0-9_-]{50,}"),
    ("SG.", r"(?<![A-Za-z0-9])SG\.[A-Za-z0-9_-]{16,}\.[A-Za-z0-9_-]{16,}"),
    ("dapi", r"(?<![A-Za-z0-9])dapi[0-9a-f]{32}"),
    ("hvs.", _EDGE + r"hvs\.[A-Za-z0-9_-]{20,}"),
    ("gsk_", r"(?<![A-Za-z0-9])gsk_[A-Za-z0-9]{30,}"),
    ("nvapi-", _EDGE + r"nvapi-[A-Za-z0-9_-]{20,}"),
    ("AGE-SECRET-KEY-", r"AGE-SECRET-KEY-1[A-Z0-9]{20,}"),
    # JSON Web Token (RFC 7519): the header and claims are base64url of '{"'
    ("eyJ", r"(?<![A-Za-z0-9_])eyJ[A-Za-z0-9_-]{5,}\.[A-Za-z0-9_-]{5,}(?:\.[A-Za-z0-9_-]*)?"),
    # RFC 7468; one that was cut off is secret to its end
    ("PRIVATE KEY", r"-----BEGIN [A-Z ]*PRIVATE KEY[A-Z ]*-----(?:.|\n)*?(?:-----END [A-Z ]*PRIVATE KEY[A-Z ]*-----|\Z)"),
)  # fmt: skip


def known_tokens(text: str) -> Iterator[Span]:
    """The spans of all that looks like a known kind of secret."""
    for marker, pattern in _SHAPES:
        if marker in text:  # compiling a pattern takes longer than all the looks together
            for match in re.finditer(pattern, text):
                yield match.span()


def has_known_token(text: str) -> bool:
    """Whether there is one."""
    return next(known_tokens(text), None) is not None
