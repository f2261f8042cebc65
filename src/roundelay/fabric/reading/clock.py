"""Times as people and programs write them: ISO 8601 with or without a zone, or numbers in a unit. Method: ours."""

from __future__ import annotations

import math
import re
from datetime import UTC, datetime, timedelta, timezone

DAY_S = 86_400.0
OPEN = frozenset(
    ["", "none", "unknown", "null", "nan", "na", "n/a", "-", "--", "open", "ongoing", "now", "present", "inf", "nat"]
)
# hours from UTC of the abbreviations that public traces use (Philly: PDT, PST); others are ambiguous
ZONES = {"UTC": 0, "GMT": 0, "Z": 0, "PST": -8, "PDT": -7, "MST": -7, "MDT": -6, "CST": -6, "CDT": -5, "EST": -5,
         "EDT": -4, "CET": 1, "CEST": 2, "JST": 9}  # fmt: skip
UNITS_S = {
    "ns": 1e-9, "us": 1e-6, "ms": 1e-3, "msec": 1e-3, "millis": 1e-3, "milliseconds": 1e-3, "s": 1.0, "sec": 1.0,
    "secs": 1.0, "second": 1.0, "seconds": 1.0, "epoch": 1.0, "unix": 1.0, "m": 60.0, "min": 60.0, "mins": 60.0,
    "minute": 60.0, "minutes": 60.0, "h": 3600.0, "hr": 3600.0, "hrs": 3600.0, "hour": 3600.0, "hours": 3600.0,
    "d": DAY_S, "day": DAY_S, "days": DAY_S,
}  # fmt: skip
EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
ABBREVIATION = re.compile(r"^(.*\d)\s*([A-Z]{1,4})$")
FORMS = ("%Y/%m/%d %H:%M:%S", "%Y/%m/%d %H:%M", "%Y/%m/%d", "%b %d %Y %H:%M:%S", "%d %b %Y %H:%M:%S",
         "%d %b %Y %H:%M", "%d %b %Y", "%a %b %d %H:%M:%S %Y")  # fmt: skip
MAX_S = 1e10 * 10  # beyond the year 5000


def is_open(text: str) -> bool:
    """Return whether a cell says that there is no end yet."""
    plain = text.strip().lower()
    return plain in OPEN or plain.startswith("0001-01-01")  # the time that Go programs write for none


def unit_of(heading: str) -> float | None:
    """Return the unit in seconds that a column's heading ends in (start_s, "end (hours)"); None if it says none."""
    words = re.findall(r"[a-z]+", re.sub(r"([a-z])([A-Z])", r"\1 \2", heading).lower())
    return UNITS_S.get(words[-1]) if len(words) > 1 else None


def number(text: str) -> float | None:
    """Return the number that the text is; None if it is none or not finite."""
    try:
        value = float(text)
    except ValueError:
        return None
    return value if math.isfinite(value) else None


def epoch_s(text: str) -> float | None:
    """Return a date's seconds since 1970, without a zone taken as UTC; None where the text is no date.

    ISO 8601 (a blank for the T, a comma for the point), year/month/day, month names; a zone as +08:00, Z or the
    abbreviations of `ZONES`. Day/month/year in numbers is ambiguous and no date.
    """
    plain, zone = text.strip(), None
    if found := ABBREVIATION.match(plain):
        if found[2] not in ZONES:
            return None
        plain, zone = found[1], timezone(timedelta(hours=ZONES[found[2]]))
    when = _date(plain.replace(",", "."))
    if when is None:
        return None
    if when.tzinfo is None:
        when = when.replace(tzinfo=zone or UTC)
    return (when - EPOCH).total_seconds()


def _date(text: str) -> datetime | None:
    if not any(c in text for c in "-/: ") and not text.isdecimal():
        return None
    if text.isdecimal():
        return None  # a number, whatever fromisoformat makes of 20240101
    try:
        return datetime.fromisoformat(text)
    except ValueError:
        pass
    for form in FORMS:
        try:
            return datetime.strptime(text, form)
        except ValueError:
            continue
    return None


def magnitude_s(value: float) -> float | None:
    """Return the unit of a number that can only be a Unix time, by its size; None for a small number."""
    size = abs(value)
    if 3e8 <= size < 3e10:  # seconds: 1979 to 2920
        return 1.0
    if 3e11 <= size < 3e13:
        return 1e-3
    if 3e14 <= size < 3e16:
        return 1e-6
    return 1e-9 if 3e17 <= size < 3e19 else None
