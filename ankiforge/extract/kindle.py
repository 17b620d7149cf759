"""Kindle: the passages in `My Clippings.txt`, in any language and under any file name.

    sources:
      - kindle: {path: ~/Kindle/My Clippings.txt}

The Kindle only appends to this file. So a mark that was changed is listed twice, and so is an
edited note. If of two marks at one place one contains the other, the newer one counts. Additional
text of the older one is kept as context (`sentence`). Marks that only overlap both count. A note
becomes the comment of the mark at its place. The key depends only on the passage.
"""

from __future__ import annotations

import re
from bisect import bisect_right
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from datetime import UTC, datetime
from math import inf

from ankiforge.extract import SourceSettings
from ankiforge.extract.files import of_one
from ankiforge.extract.folder import ExportSource, File
from ankiforge.model import (
    Document,
    DocumentKey,
    Extracted,
    Highlight,
    HighlightKind,
    Problem,
    Sighting,
    Span,
    h16,
)
from ankiforge.text.anchors import numbered
from ankiforge.text.fold import fold

LARGEST = 64_000_000
"""The maximum size of a file in bytes: a heavy reader's has two MB after ten years."""
LONG = 20
"""Folded characters from which a match at one place is no coincidence."""
NEAR = 50
"""The number of earlier marks at one place that a mark is compared with."""
AT_ONCE = 300
"""Maximum seconds between a mark and a note typed for it."""


Settings = SourceSettings

# --- an entry, in the languages Kindles speak ---------------------------------------------------

_END = re.compile(r"^={10}[ \t]*$")


def entries(text: str) -> Iterator[tuple[int, list[str]]]:
    """Yield (line number, lines) of each non-empty entry."""
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
    """The first line."""
    kind: str
    """`mark`, `note`, `place`, or "" if the language is unknown."""
    text: str
    folded: str
    """The folded text: only letters and digits."""
    at: int
    """The index of the entry in its file."""
    page: str = ""
    place: Span = (0, 0)
    """The first and last location. (0, 0) if there is none."""
    pages: Span = (0, 0)
    """The pages, if they are numbers. A PDF has no locations."""
    added: str = ""
    """The time, if its year has four digits. Entries are combined by this one."""
    made: str = ""
    """The time, including the two-digit years of the oldest Kindles."""

    @property
    def is_paged(self) -> bool:
        """Whether it has no location, so that its place is known by page only."""
        return self.place == (0, 0)

    @property
    def span(self) -> Span:
        """The locations, or the pages if there are none."""
        return self.pages if self.is_paged else self.place

    def after(self, other: Clip, since: str) -> float:
        """Return the seconds since `other` was made. Without times, neighbours are 0 s apart."""
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
"""The possible starts of the second line. In Russian it is the longer dash."""


def clip_of(lines: list[str], at: int) -> Clip | None:
    """Parse the lines of an entry. None if they are not one."""
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
    """Return first and last location. Old Kindles omit the common leading digits: `433-34`."""
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
    """Return when an entry was added, in UTC as it has no time zone. "" if unknown.

    With `short_years`, `3 December 12` is in 2012.
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
    """Return year, month (number or name) and day. (0, 0, 0) if unknown."""
    if found := _DAY.search(words):
        return int(found["y"]), int(found["m"]), int(found["d"])
    names = re.findall(r"[^\W\d_]{3,}", words.casefold())
    numbers = [int(number) for number in re.findall(r"\d{1,9}", words)]
    years = [number for number in numbers if number > 999]
    days = [number for number in numbers if number <= 31]
    months = [number for name in names if (number := _month(name))]
    return (years[0], months[-1], days[0]) if years and days and months else (0, 0, 0)


_SHORT_DATE = re.compile(
    r"(?<!\d)(?P<day>\d{1,2})(?:st|nd|rd|th|\.)?\s+(?:de\s+|di\s+)?(?P<month>[^\W\d_]{3,})\.?,?"
    r"\s+(?:de\s+)?(?P<year>\d\d)(?!\d)"
    r"|(?<!\w)(?P<first>[^\W\d_]{3,})\.?\s+(?P<second>\d{1,2}),\s*(?P<third>\d\d)(?!\d)",
    re.IGNORECASE,
)


def _short_date(words: str) -> tuple[int, int, int]:
    """Parse `3 December 12` or `December 3, 12`. No Kindle is older than 2007."""
    for found in _SHORT_DATE.finditer(words):
        month = _month((found["month"] or found["first"]).casefold())
        year, day = int(found["year"] or found["third"]), int(found["day"] or found["second"])
        if month and year >= 7:
            return 2000 + year, month, day
    return (0, 0, 0)


def _month(name: str) -> int:
    return next((_MONTH[name[:long]] for long in (5, 4, 3) if name[:long] in _MONTH), 0)


_AUTHOR_LONGEST = 300


def work_of(line: str) -> tuple[str, tuple[str, ...]]:
    """Return title and authors from `Title (Part) (Author, An;Other, One)`."""
    depth = at = 0
    for at in range(len(line) - 1, max(0, len(line) - _AUTHOR_LONGEST), -1):
        depth += (line[at] == ")") - (line[at] == "(")
        if not depth:
            break
    title, authors = line[:at].strip(), line[at + 1 : -1] if line.endswith(")") else ""
    if depth or not authors or not title:
        return line, ()
    return title, tuple(name for part in authors.split(";") if (name := part.strip()))


# --- a book ---------------------------------------------------------------------------------


@dataclass(slots=True)
class Mark:
    """A passage that counts, with earlier versions of it and its notes."""

    clip: Clip
    since: str = ""
    wider: Clip | None = None
    """A longer passage that was marked there before."""
    notes: list[Clip] = field(default_factory=list)

    def redrawn(self, clip: Clip) -> Clip | None:
        """Replace the passage by a newer clip. Return an earlier clip that was lost by that."""
        if clip.added and clip.added < self.clip.added:  # from an older copy of the file
            self.wider = self.wider or (clip if _contains(clip, self.clip) else None)
            return None
        past, self.clip = [old for old in (self.clip, self.wider) if old], clip
        around = [old for old in past if _contains(old, clip) and not _contains(clip, old)]
        self.wider = max(around, key=lambda old: len(old.text), default=None)
        stay = [clip, *around]
        return next((old for old in past if not any(_contains(two, old) for two in stay)), None)


def marks_of(clips: Iterable[Clip]) -> list[Mark]:
    """Return the marks that count, in the order in which they were first made."""
    marks: list[Mark] = []
    buckets: dict[tuple[bool, int], list[Mark]] = {}
    for clip in clips:
        paged, bucket = _bucket(clip)
        around = (buckets.get((paged, at), []) for at in (bucket - 1, bucket, bucket + 1))
        near = [mark for some in around for mark in some[-NEAR:]]
        before = next((mark for mark in reversed(near) if _is_redrawn(mark.clip, clip)), None)
        new = before.redrawn(clip) if before else clip
        if new:
            marks.append(Mark(new, new.added))
            buckets.setdefault(_bucket(new), []).append(marks[-1])
    return marks


def _bucket(clip: Clip) -> tuple[bool, int]:
    """Return the key of the marks that may be at the same place. Pages hold more than locations."""
    return clip.is_paged, clip.span[0] // (1 if clip.is_paged else NEAR)


def _is_redrawn(old: Clip, new: Clip) -> bool:
    """Return whether a mark was changed: same place, and one passage starts or ends with the other.

    One may also occur inside the other if it is too long for a coincidence. On a page, which holds
    more text, only that or equality counts.
    """
    short, long = sorted((old.folded, new.folded), key=len)
    is_long = len(short) >= LONG
    if old.is_paged and old.page:
        return _at_one_place(old, new) and (short == long or (is_long and short in long))
    edge = long.startswith(short) or long.endswith(short)
    return _at_one_place(old, new) and (edge or (is_long and short in long))


def _at_one_place(one: Clip, other: Clip) -> bool:
    if one.is_paged != other.is_paged:
        return False
    if one.span == other.span == (0, 0):
        return one.page == other.page
    return one.span[0] <= other.span[1] and other.span[0] <= one.span[1]


def _contains(outer: Clip, inner: Clip) -> bool:
    """Return whether the first passage contains the second, or equals it."""
    return inner.folded in outer.folded


def attach_notes(marks: list[Mark], notes: Iterable[Clip]) -> list[Clip]:
    """Attach each note to its mark. Return the notes without a mark.

    Of two notes at one location, the newer is an edit of the older. A page can have several notes.
    """
    ordered = sorted(marks, key=lambda mark: mark.clip.span)
    starts = [mark.clip.span[0] for mark in ordered]
    placed: Notes = {}
    for note in sorted(notes, key=lambda note: note.added):
        end = bisect_right(starts, note.span[0])
        near = ordered[max(0, end - NEAR) : end]
        if note.is_paged:
            fit = [mark for mark in near if note.page and _at_one_place(note, mark.clip)]
        else:
            fit = [mark for mark in near if note.place[0] <= mark.clip.place[1]]
        mark = min(fit, key=lambda mark: _distance(note, mark, placed), default=None)
        if mark and note.is_paged and len(fit) > 1 and _distance(note, mark, placed)[1] > AT_ONCE:
            mark = None  # it may belong to any mark of its page
        siblings = placed.setdefault(_place_of(note, mark), [])
        siblings[-NEAR:] = [
            old
            for old in siblings[-NEAR:]
            if old.is_paged and not note.folded.startswith(old.folded)
        ]
        siblings.append(note)
    by_mark = {id(mark): mark.notes for mark in marks}
    alone: list[Clip] = []
    for (owner, *_), some in placed.items():
        by_mark.get(owner, alone).extend(some)
    return alone


Notes = dict[tuple[int, Span, str], list[Clip]]
"""The notes by mark and place."""


def _place_of(note: Clip, mark: Mark | None) -> tuple[int, Span, str]:
    return (id(mark), note.place, note.page)


def _distance(note: Clip, mark: Mark, placed: Notes) -> tuple[bool, float, bool, int]:
    """Return a sort key.

    Marks come first that end at the note, were made with it, or have a note there already.
    """
    elsewhere = not note.is_paged and mark.clip.place[1] != note.place[0]
    passed = (note.after(mark.clip, since) for since in (mark.since, mark.clip.added))
    near = min((seconds for seconds in passed if 0 <= seconds <= AT_ONCE), default=inf)
    return elsewhere, near, _place_of(note, mark) not in placed, abs(mark.clip.at - note.at)


# --- the source -----------------------------------------------------------------------------

_LIMIT = re.compile(
    r"<[^<>]*(?:limit|límit|limiet|grenze|上限|限制|лимит|한도|sınır)[^<>]*>", re.IGNORECASE
)


class Kindle(ExportSource):
    """One reader's clippings. A Kindle has one reader, so `me` does not matter."""

    kind = "kindle"
    ending = (".txt",)
    no_export = "not a Kindle clippings file"
    hint = "My Clippings.txt is on the Kindle, in documents/"
    rest = "are not entries"
    oldest_first = True

    def read(self) -> Iterator[Sighting]:
        """Yield one document per book, in the order of their first entries, and problems."""
        books: dict[str, list[Clip]] = {}
        paths: dict[str, str] = {}
        for file in self.files():
            if isinstance(file, Problem):
                yield file
                continue
            for clip in self.contents(file):
                if isinstance(clip, Problem):
                    yield clip
                else:
                    books.setdefault(clip.book, []).append(clip)
                    paths[clip.book] = file.path
        for book, clips in books.items():
            yield from of_one(paths[book], self._book(book, paths[book], clips))

    def items(self, file: File) -> Iterator[Clip | Problem]:
        """Yield the entries of one file."""
        for at, (line, lines) in enumerate(entries(file.text(LARGEST))):
            if clip := clip_of(lines, at):
                yield clip
                continue
            what = f"not a Kindle entry: {' '.join(lines)[:60]!r}"
            hint = "an entry has a title, a line that begins with `-`, and its text"
            yield Problem(f"{file.path}:{line}", what, hint)

    def _book(self, book: str, path: str, clips: list[Clip]) -> Iterator[Extracted | Problem]:
        space = self.folder.namespace
        title, authors = work_of(book)
        key = DocumentKey(f"{space}/{h16(fold(book))}")
        document = Document(key, self.folder.name, title or "Untitled", creators=authors)
        shown = [clip for clip in clips if clip.text and not _LIMIT.fullmatch(clip.text)]
        marks = marks_of(clip for clip in shown if clip.kind in ("mark", ""))
        alone = attach_notes(marks, (clip for clip in shown if clip.kind == "note"))
        made = [(mark.clip, _highlight(document, space, mark)) for mark in marks]
        for note in alone:
            lone = Highlight(
                document,
                space,
                HighlightKind.NOTE,
                exact="",
                anchor_text=note.text,
                comment=note.text,
                created=note.added or note.made,
                page_label=note.page,
                block=str(note.place[0] or note.page),
            )
            made.append((note, lone))
        if made:
            counted = zip((clip for clip, _ in made), numbered(one for _, one in made), strict=True)
            # by location, else by page, else in order of creation
            ordered = sorted(counted, key=lambda pair: (*pair[0].span, pair[0].at))
            yield Extracted(document, tuple(one for _, one in ordered), self.folder.container)
        bare = [clip for clip in clips if not clip.text or _LIMIT.fullmatch(clip.text)]
        lost = [clip for clip in bare if clip.kind == "mark"]
        if lost:
            limit = "; the book's clipping limit was reached" if any(c.text for c in lost) else ""
            what, where = f"marks without text: {len(lost)}{limit}", f"{path}: {document.title}"
            hint = "your highlights are at read.amazon.com/notebook"
            yield Problem(where, what, hint, notice=True)


open_source = Kindle.open


def _highlight(document: Document, space: str, mark: Mark) -> Highlight:
    """Return the highlight for a mark with its notes."""
    clip, notes = mark.clip, sorted(mark.notes, key=lambda note: note.at)
    return Highlight(
        document,
        space,
        HighlightKind.HIGHLIGHT,
        exact=clip.text,
        sentence=mark.wider.text if mark.wider else "",
        comment="\n".join(note.text for note in notes),
        created=mark.since or clip.made,
        modified=clip.added if clip.added != mark.since else "",
        page_label=clip.page,
        block=str(clip.place[0] or clip.page),
    )
