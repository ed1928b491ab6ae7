"""Labels as they are typed: ``KEY=VALUE``, or ``KEY`` for a tag."""

from __future__ import annotations

from collections.abc import Sequence

from roar.api.errors import UsageError

KEY_BYTES = 255
"""How long a key may be, as the name of a file."""
VALUE_BYTES = 65536


def wanted(words: Sequence[str]) -> dict[str, str | None]:
    """Labels that are looked for: key → value, None for any.  Raises `UsageError` for one without a key."""
    found: dict[str, str | None] = {}
    for word in words:
        key, equals, value = word.partition("=")
        if not key:
            raise UsageError(f"a label is KEY=VALUE or KEY, not '{word}'.", "Examples: model=small, best")
        found[key] = value if equals else None
    return found


def given(words: Sequence[str]) -> dict[str, str]:
    """Labels that are set: key → value, empty for a tag.

    Raises:
        UsageError: one has no key, or is too long.
    """
    labels = {key: value or "" for key, value in wanted(words).items()}
    for key, value in labels.items():
        for text, limit, what in ((key, KEY_BYTES, "key"), (value, VALUE_BYTES, "value")):
            if len(text.encode(errors="surrogateescape")) > limit:
                raise UsageError(
                    f"a label's {what} has at most {limit} bytes.", "Put long texts into a file of the repository."
                )
    return labels
