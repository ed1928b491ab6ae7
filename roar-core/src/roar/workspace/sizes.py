"""Sizes as people write them: ``10G``, ``1.5 MB``, ``512KiB``, ``4096``."""

from __future__ import annotations

_POWERS = {"": 0, "K": 1, "M": 2, "G": 3, "T": 4, "P": 5}


def parse_size(text: str) -> int:
    """The bytes of a size.  K, M, G, T and P are powers of 1024, with or without ``B`` or ``iB``, in any case.

    Raises:
        ValueError: it is none, or negative.
    """
    letters = text.strip().upper()
    digits = letters.rstrip("KMGTPIB ")
    unit = letters[len(digits) :].strip()
    unit = unit.removesuffix("B").removesuffix("I") if unit != "I" else unit
    if unit in _POWERS and digits.isascii() and digits.isdecimal():
        return int(digits) << 10 * _POWERS[unit]  # exact, as a float isn't
    size = float(digits) if unit in _POWERS else -1.0
    if not 0 <= size < float("inf"):
        raise ValueError(f"not a size: {text!r}")
    return int(size * 1024 ** _POWERS[unit])


def size_words(size: int | str) -> str:
    """A size as `parse_size` takes it, in its largest unit without a remainder; text is given back, quoted if empty."""
    if isinstance(size, str):
        return size or '""'
    for unit, power in reversed(_POWERS.items()):
        if size and size % 1024**power == 0:
            return f"{size // 1024**power}{unit}"
    return str(size)
