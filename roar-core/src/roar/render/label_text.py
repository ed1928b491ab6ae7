"""A label in one word or two: ``model=small``, and ``best`` for a tag, which is a label without a value."""

from __future__ import annotations

from collections.abc import Mapping

from roar.render.text import printable


def labels_text(labels: Mapping[str, str]) -> str:
    """``best, model=small``, by key."""
    return ", ".join(label_text(key, value) for key, value in sorted(labels.items()))


def label_text(key: str, value: str) -> str:
    """One label."""
    return f"{printable(key)}={printable(value)}" if value else printable(key)
