"""Labels as they are typed: ``KEY=VALUE``, or ``KEY`` for a tag."""

from __future__ import annotations

from collections.abc import Sequence


def pairs(words: Sequence[str]) -> dict[str, str | None]:
    """Key → value; None where no value was typed.  Raises `UsageError` for a label without a key."""
    found: dict[str, str | None] = {}
    for word in words:
        key, equals, value = word.partition("=")
        if not key:
            from roar.api.errors import UsageError

            raise UsageError(f"a label is KEY=VALUE or KEY, not '{word}'.", "Example: roar label set @3 model=small")
        found[key] = value if equals else None
    return found
