"""Moments as people type them: ``2h``, ``3 days ago``, ``yesterday``, ``2026-11-23 12:30``."""

from __future__ import annotations

import re
from datetime import datetime, timedelta

_UNITS = {"s": 1, "m": 60, "h": 3600, "d": 86400, "w": 7 * 86400}
_AGO = re.compile(
    r"(\d{1,9})\s*(s|m|h|d|w|secs?|seconds?|mins?|minutes?|hours?|days?|weeks?)(?:\s+ago)?", re.IGNORECASE | re.ASCII
)


def moment_ns(text: str, now: datetime) -> int | None:
    """The moment that the text names, nanoseconds since the epoch; None when it names none.

    Args:
        text: a span before now (``90m``, ``2 days ago``), ``now``, ``today``, ``yesterday``, or an ISO 8601 date or
            time, in the local zone unless it names one.
        now: with a time zone.
    """
    text = text.strip()
    ago = _AGO.fullmatch(text)
    try:
        if ago:
            found = now - timedelta(seconds=int(ago[1]) * _UNITS[ago[2][0].lower()])
        elif text.lower() in ("now", "today", "yesterday"):
            midnight = now.replace(hour=0, minute=0, second=0, microsecond=0)
            found = {"now": now, "today": midnight, "yesterday": midnight - timedelta(days=1)}[text.lower()]
        else:
            found = datetime.fromisoformat(text)
            found = found if found.tzinfo else found.replace(tzinfo=now.tzinfo)
        return round(found.timestamp() * 1_000_000) * 1000
    except (ValueError, OverflowError):
        return None
