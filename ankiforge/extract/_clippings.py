"""What one entry of a Kindle's clippings says, in the languages Kindles speak."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime

from ankiforge.model import Span
from ankiforge.text.fold import fold

_END = re.compile(r"^={10}[ \t]*$")


def entries(text: str) -> Iterator[tuple[int, list[str]]]:
    """(line, lines) of each entry that is not empty."""
    start, lines = 1, list[str]()
    for number, line in enumerate([*text.split("\n"), "=" * 10], start=1):
        if not _END.match(line):
            lines.append(line)
            continue
        while lines and not lines[0].strip("\ufeff \t"):
            start, lines = start + 1, lines[1:]
        if lines:
            yield start, lines
        start, lines = number + 1, []


@dataclass(frozen=True, slots=True)
class Clip:
    """One entry."""

    book: str
    """Its first line."""
    kind: str
    """`mark`, `note`, `place`, or "" where its language is not known."""
    text: str
    folded: str
    """Its letters and digits only."""
    at: int
    """Which one it is in its files, the older file first."""
    page: str = ""
    place: Span = (0, 0)
    """Its locations, first and last; (0, 0) where it has none."""
    pages: Span = (0, 0)
    """Its pages, where they are numbers: all that is told of places in a PDF."""
    added: str = ""
    """When, if its year has four digits: by this, entries are taken together."""
    made: str = ""
    """When, of the oldest Kindles, too, whose years have two digits."""

    @property
    def is_paged(self) -> bool:
        """Whether pages are all that tells where it stands."""
        return self.place == (0, 0)

    @property
    def span(self) -> Span:
        """Its locations, or its pages where it has none."""
        return self.pages if self.is_paged else self.place

    def after(self, other: Clip, since: str) -> float:
        """Seconds since another one was made; without times what stands next was made at once."""
        if not (self.added and since):
            return 0.0 if abs(self.at - other.at) == 1 else float("inf")
        made, then = map(datetime.fromisoformat, (self.added, since))
        return (made - then).total_seconds()


_KIND = re.compile(
    r"""
      (?P<note>\b(?:note?|notiz|nota|notitie|opmerking|notatka|anteckning|заметка|notunuz)\b
        |笔记|筆記|メモ|메모)
    | (?P<place>\b(?:bookmark|lesezeichen|signet|marcador|favorito|segnalibro|bladwijzer|zakładka
        |bokmärke|закладка)\b|书签|書籤|ブックマーク|책갈피|북마크)
    | (?P<mark>\b(?:highlight|clip|clipping|markierung|ausschnitt|surlignement|subrayado|resaltado
        |evidenziazione|destaque|markering|markeringen|podkreślenie|zaznaczenie|выделенный)\b
        |标注|標註|标记|ハイライト|하이라이트)
    """,
    re.IGNORECASE | re.VERBOSE,
)
_RANGE = r"(?P<first>\d{1,9})(?:\s*[-–]\s*(?P<last>\d{1,9}))?"
_PLACE = re.compile(
    r"(?:\b(?:locations?|loc\.|position|pos\.|emplacement|posición|posizione|posição|locatie"
    r"|lokalizacja|pozycja|plats|мест\w*|позици\w*)|位置|위치)"
    rf"[^\d|]{{0,6}}{_RANGE}",
    re.IGNORECASE,
)
_PAGE = re.compile(
    r"\b(?:page|seite|página|pág\.|pagina|strona|stronie|sida|sayfa|страниц\w*)"
    r"\s+(?P<word>[\dIVXLCDMivxlcdm]+(?:[-–]\d+)?)\b"
    r"|(?P<digits>\d+(?:[-–]\d+)?)\s*(?:ページ|页|頁|페이지|쪽)",
    re.IGNORECASE,
)
_ANY_RANGE = re.compile(r"(?P<first>\d{1,9})\s*[-–]\s*(?P<last>\d{1,9})")
DASHES = "-–—"
"""What the second line begins with; in Russian it is the longer one."""


def clip_of(lines: list[str], at: int) -> Clip | None:
    """An entry from its lines; None if it is none."""
    head = lines[1].replace("\u00a0", " ").strip() if len(lines) > 1 else ""
    if not head.startswith(tuple(DASHES)):
        return None
    where, _, when = head.rpartition("|")
    where = where or head
    kind, page = _KIND.search(where), _PAGE.search(where)
    elsewhere = where[: page.start()] + where[page.end() :] if page else where
    pages = _span(re.match(_RANGE, page["word"] or page["digits"])) if page else (0, 0)
    text = "\n".join(line.strip() for line in lines[2:]).strip()
    return Clip(
        book=" ".join(lines[0].replace("\ufeff", "").split()),
        kind=kind.lastgroup or "" if kind else "",
        text=text,
        folded=fold(text),
        at=at,
        page=_label(page["word"] or page["digits"], pages) if page else "",
        place=_span(_PLACE.search(elsewhere) or _ANY_RANGE.search(elsewhere)),
        pages=pages,
        added=moment(when),
        made=moment(when, short_years=True),
    )


def _label(words: str, pages: Span) -> str:
    return str(pages[0]) if pages[0] and pages[0] == pages[1] else words


def _span(found: re.Match[str] | None) -> Span:
    """The first and the last location; old Kindles leave out what both begin with: `433-34`."""
    if found is None:
        return (0, 0)
    first, last = found["first"], found["last"] or found["first"]
    whole = int(first[: len(first) - len(last)] + last) if len(last) < len(first) else int(last)
    return (int(first), max(whole, int(first)))


_MONTHS = """
    jan gen ene янв oca sty|feb fév fev фев şub lut|mar mär maa mär mrt мар|apr avr abr апр nis kwi
    |may mai mag mei maj май мая mayıs|jun juin giu июн haz cze|jul juil lug июл tem lip
    |aug août ago авг ağu sie|sep set сен eyl wrz|oct okt ott out окт eki paź|nov ноя kas lis
    |dec dez déc dic дек ara gru
"""
_MONTH = {
    name: number for number, row in enumerate(_MONTHS.split("|"), start=1) for name in row.split()
}
_TIME = re.compile(
    r"(?P<early>上午|下午|午前|午後|오전|오후)?\s*(\d{1,2})[:.](\d\d)(?:[:.](\d\d))?"
    r"\s*(?P<late>[ap]\.?m\b)?",
    re.IGNORECASE,
)
_LATE = ("下午", "午後", "오후", "p")
_DAY = re.compile(r"(?P<y>\d{4})\s*[年년]\s*(?P<m>\d{1,2})\s*[月월]\s*(?P<d>\d{1,2})\s*[日일]")


def moment(words: str, *, short_years: bool = False) -> str:
    """When it was added; "" if that cannot be told. It has no zone, and is taken for UTC.

    `short_years`: `3 December 12` is in 2012.
    """
    time = _TIME.search(words)
    hour, minute, second = (int(time[n] or 0) if time else 0 for n in (2, 3, 4))
    half = (time["early"] or time["late"] or "").casefold() if time else ""
    if half:
        hour = hour % 12 + 12 * half.startswith(_LATE)
    rest = words[: time.start()] + words[time.end() :] if time else words
    year, month, day = _date(rest)
    if short_years and not year:
        year, month, day = _short_date(rest)
    try:
        return datetime(year, month, day, hour, minute, second, tzinfo=UTC).isoformat()
    except ValueError:
        return ""


def _date(words: str) -> tuple[int, int, int]:
    """Year, month and day, as they stand or by the month's name; (0, 0, 0) if they do not."""
    if found := _DAY.search(words):
        return int(found["y"]), int(found["m"]), int(found["d"])
    names = re.findall(r"[^\W\d_]{3,}", words.casefold())
    numbers = [int(number) for number in re.findall(r"\d{1,9}", words)]
    years = [number for number in numbers if number > 999]
    days = [number for number in numbers if number <= 31]
    months = [number for name in names if (number := _month(name))]
    return (years[0], months[-1], days[0]) if years and days and months else (0, 0, 0)


_SHORT = re.compile(
    r"(?<!\d)(?P<day>\d{1,2})(?:st|nd|rd|th|\.)?\s+(?:de\s+|di\s+)?(?P<month>[^\W\d_]{3,})\.?,?"
    r"\s+(?:de\s+)?(?P<year>\d\d)(?!\d)"
    r"|(?<!\w)(?P<first>[^\W\d_]{3,})\.?\s+(?P<second>\d{1,2}),\s*(?P<third>\d\d)(?!\d)",
    re.IGNORECASE,
)


def _short_date(words: str) -> tuple[int, int, int]:
    """The same of `3 December 12` and `December 3, 12`; no Kindle is older than 2007."""
    for found in _SHORT.finditer(words):
        month = _month((found["month"] or found["first"]).casefold())
        year, day = int(found["year"] or found["third"]), int(found["day"] or found["second"])
        if month and year >= 7:
            return 2000 + year, month, day
    return (0, 0, 0)


def _month(name: str) -> int:
    return next((_MONTH[name[:long]] for long in (5, 4, 3) if name[:long] in _MONTH), 0)


_AUTHOR_LONGEST = 300


def work_of(line: str) -> tuple[str, tuple[str, ...]]:
    """Title and authors of `Title (Part) (Author, An;Other, One)`."""
    depth = at = 0
    for at in range(len(line) - 1, max(0, len(line) - _AUTHOR_LONGEST), -1):
        depth += (line[at] == ")") - (line[at] == "(")
        if not depth:
            break
    title, authors = line[:at].strip(), line[at + 1 : -1] if line.endswith(")") else ""
    if depth or not authors or not title:
        return line, ()
    return title, tuple(name for part in authors.split(";") if (name := part.strip()))
