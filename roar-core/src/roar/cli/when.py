"""Moments as people type them: ``2h``, ``3 days ago``, ``last week``, ``yesterday``, ``14:30``, ``2026-11-23 12:30``."""

from __future__ import annotations

import re
from datetime import datetime, time, timedelta

_DAY = timedelta(days=1)
_UNITS = {
    "s": timedelta(seconds=1),
    "m": timedelta(minutes=1),
    "h": timedelta(hours=1),
    "d": _DAY,
    "w": 7 * _DAY,
    "mo": 30 * _DAY,
    "y": 365 * _DAY,
}
_AGO = re.compile(
    r"(last\s+)?(?:(\d{1,9}|an?|one)\s*)?"
    r"(s|m|h|d|w|mo|y|secs?|seconds?|mins?|minutes?|hours?|days?|weeks?|months?|years?)(?:\s+ago)?",
    re.ASCII,
)
_EPOCH = re.compile(r"@?(\d{9,10})", re.ASCII)


def moment_ns(text: str, now: datetime) -> int | None:
    """The moment that the text names, nanoseconds since the epoch; None when it names none.

    Args:
        text: a span before now (``90m``, ``2 days ago``, ``last week``), ``now``, ``today``, ``yesterday``, a time of the last
            24 hours (``14:30``), an ISO 8601 date or time, in the local zone unless it names one, or seconds since the epoch.
        now: with a time zone.
    """
    text = text.strip().lower()
    try:
        found = _moment(text, now)
        return None if found is None else round(found.timestamp() * 1_000_000) * 1000
    except (ValueError, OverflowError):
        return None


def _moment(text: str, now: datetime) -> datetime | None:
    ago = _AGO.fullmatch(text)
    if ago:
        last, count, unit = ago.groups()
        if not (last or count):
            return None
        number = int(count) if count and count.isdecimal() else 1
        return now - number * _UNITS[unit[:2] if unit[:2] == "mo" else unit[0]]
    midnight = now.replace(hour=0, minute=0, second=0, microsecond=0)
    named = {"now": now, "today": midnight, "yesterday": midnight - _DAY}
    if text in named:
        return named[text]
    epoch = _EPOCH.fullmatch(text)
    if epoch:
        return datetime.fromtimestamp(int(epoch[1]), now.tzinfo)
    if re.match(r"\d\d?:", text, re.ASCII):
        today = datetime.combine(midnight, time.fromisoformat(text.zfill(5) if len(text) < 5 else text), now.tzinfo)
        return today if today <= now else today - _DAY
    found = datetime.fromisoformat(text.upper())
    return found if found.tzinfo else found.replace(tzinfo=now.tzinfo)
