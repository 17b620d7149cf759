"""What the entries of an annotation say: words, numbers, boxes, colours, dates.

Programs write what they like into a PDF: whatever has the wrong type counts as not there.
"""

from __future__ import annotations

import html
import re
from datetime import UTC, datetime, timedelta, timezone
from math import isfinite
from typing import Any

from pypdf.generic import DictionaryObject, StreamObject

from ankiforge.extract.pdf.passages import Box

MOST_NUMBERS = 160_000
"""Numbers read of an array."""


def get(entry: DictionaryObject, key: str) -> Any:
    """The value of a key, references followed; None if there is none."""
    return entry[key].get_object() if key in entry else None


def text(entry: DictionaryObject, key: str) -> str:
    """The words of a string, or of a stream, as long comments may be; else ""."""
    value = get(entry, key)
    if isinstance(value, StreamObject):
        value = value.get_data()
    if isinstance(value, bytes):
        wide = value[:2] in (b"\xfe\xff", b"\xff\xfe")
        return value.decode("utf-16" if wide else "latin-1", "replace")
    return value if isinstance(value, str) else ""


_TAG = re.compile(r"<(?P<end>/p|br\s*/?)?[^<>]*>")
_UNSEEN = re.compile(r"<(style|script|head)\b.*?</\1\s*>", re.IGNORECASE | re.DOTALL)


def plain(rich: str) -> str:
    """The words of a rich text comment (XHTML); nothing it refers to is fetched."""
    seen = _UNSEEN.sub("", rich)
    return html.unescape(_TAG.sub(lambda tag: "\n" if tag["end"] else "", seen))


def numbers(value: Any) -> tuple[float, ...]:
    """The numbers of an array; what is no number counts as infinite, to keep the places."""
    if not isinstance(value, list):
        return ()
    return tuple(_number(item) for item in value[:MOST_NUMBERS])


def _number(item: Any) -> float:
    try:
        return float(item.get_object())
    except (AttributeError, TypeError, ValueError, OverflowError):
        return float("inf")


def box(value: Any) -> Box | None:
    """A rectangle, whichever two of its corners are told."""
    edges = numbers(value)
    if len(edges) != 4 or not all(isfinite(edge) for edge in edges):
        return None
    (left, right), (bottom, top) = sorted(edges[0::2]), sorted(edges[1::2])
    return (left, bottom, right, top)


def colour(parts: tuple[float, ...]) -> str:
    """`#rrggbb` of grey, RGB or CMYK; "" of anything else."""
    if not all(isfinite(part) for part in parts):
        return ""
    levels = [min(max(part, 0.0), 1.0) for part in parts]
    if len(levels) == 4:
        levels = [(1 - ink) * (1 - levels[3]) for ink in levels[:3]]
    if len(levels) == 1:
        levels *= 3
    if len(levels) != 3:
        return ""
    return "#" + "".join(f"{round(level * 255):02x}" for level in levels)


# --- dates ----------------------------------------------------------------------------------

_DATE = re.compile(
    r"(?:D:)?(\d{4})(\d\d)?(\d\d)?(\d\d)?(\d\d)?(\d\d)?(?:Z|([+-])(\d\d)'?(\d\d)?)?", re.ASCII
)


NEVER = datetime.min.replace(tzinfo=UTC)


def moment(date: str) -> datetime:
    """The moment of a PDF date (§7.9.4), leniently; the beginning of time if it is none.

    A date without a zone is taken for UTC.
    """
    found = _DATE.match(date.strip())
    if not found:
        return NEVER
    year, month, day, hour, minute, second = (int(part or 0) for part in found.groups()[:6])
    away = timedelta(hours=int(found[8] or 0), minutes=int(found[9] or 0))
    try:
        zone = timezone(-away if found[7] == "-" else away) if away else UTC
        local = datetime(year, month or 1, day or 1, hour, minute, second, tzinfo=zone)
        local.astimezone(UTC)  # at the edges of time there is none
    except (ValueError, OverflowError):
        return NEVER
    return local


def iso(date: str) -> str:
    """A PDF date as ISO 8601 with its zone; "" if it is none."""
    found = moment(date)
    return found.isoformat() if found > NEVER else ""
