"""Kindle: the passages in `My Clippings.txt`, in any language and under any file name.

    sources:
      - kindle: {path: ~/Kindle/My Clippings.txt}

The Kindle only appends to this file. So a mark that was changed is listed twice, and so is an
edited note. If of two marks at one place one contains the other, the newer one counts, and the
longer one is kept as context (`sentence`). A note becomes the comment of the mark at its place. The
key depends only on the passage.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from datetime import UTC, datetime

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
)  # fmt: skip
from ankiforge.text.fold import fold
from ankiforge.text.passages import numbered

LARGEST = 64_000_000
"""The maximum size of a file in bytes: a heavy reader's has two MB after ten years."""
_LONG = 20
"""Folded characters from which a match at one place is no coincidence."""
_AT_ONCE = 300
"""Maximum seconds between a mark and a note typed for it."""

Settings = SourceSettings


@dataclass(slots=True, eq=False)
class Clip:
    """One entry."""

    book: str
    kind: str
    """`mark`, `note`, `place`, or "" if the language is unknown."""
    text: str
    folded: str
    at: int
    """The index of the entry in its file."""
    page: str
    place: Span
    """The first and last location, (0, 0) if there is none."""
    added: str
    wider: Clip | None = None
    """A longer passage that was marked there before."""
    notes: list[Clip] = field(default_factory=list)

    def beside(self, other: Clip) -> bool:
        """Return whether both are at one place: their locations overlap, or else one page."""
        if (self.place == (0, 0)) != (other.place == (0, 0)):
            return False
        if self.place == (0, 0):
            return self.page.partition("-")[0] == other.page.partition("-")[0]
        return self.place[0] <= other.place[1] and other.place[0] <= self.place[1]

    def follows(self, mark: Clip) -> bool:
        """Return whether this note was typed at once after a mark; without times, next to it."""
        if not (self.added and mark.added):
            return abs(self.at - mark.at) == 1
        made, then = (datetime.fromisoformat(one.added) for one in (self, mark))
        return 0 <= (made - then).total_seconds() <= _AT_ONCE

    def is_edited(self, note: Clip) -> bool:
        """Return whether a newer note takes the place of this one."""
        same = self.place == note.place
        return same and (self.place != (0, 0) or note.folded.startswith(self.folded))


_KIND = re.compile(
    r"(?P<note>\b(?:note?|notiz|nota|notitie|opmerking|notatka|anteckning|заметка|notunuz)\b"
    r"|笔记|筆記|メモ|메모)|(?P<place>\b(?:bookmark|lesezeichen|signet|marcador|favorito|segnalibro"
    r"|bladwijzer|zakładka|bokmärke|закладка)\b|书签|書籤|ブックマーク|책갈피|북마크)"
    r"|(?P<mark>\b(?:highlight|clip|clipping|markierung|ausschnitt|surlignement|subrayado|resaltado"
    r"|evidenziazione|destaque|markering|podkreślenie|zaznaczenie|выделенный)\b"
    r"|标注|標註|标记|ハイライト|하이라이트)",
    re.IGNORECASE,
)
_RANGE = r"(?P<first>\d{1,9})(?:\s*[-–]\s*(?P<last>\d{1,9}))?"
_PLACE = re.compile(
    r"(?:\b(?:locations?|loc\.|position|pos\.|emplacement|posición|posizione|posição|locatie"
    rf"|lokalizacja|pozycja|plats|мест\w*|позици\w*)|位置|위치)[^\d|]{{0,6}}{_RANGE}",
    re.IGNORECASE,
)
_ANY_RANGE = re.compile(r"(?P<first>\d{1,9})\s*[-–]\s*(?P<last>\d{1,9})")
_PAGE = re.compile(
    r"\b(?:page|seite|página|pág\.|pagina|strona|stronie|sida|sayfa|страниц\w*)"
    r"\s+([\dIVXLCDM]+(?:[-–]\d+)?)\b|(\d+(?:[-–]\d+)?)\s*(?:ページ|页|頁|페이지|쪽)",
    re.IGNORECASE,
)
_MONTHS = (
    "jan gen ene янв oca sty|feb fév fev фев şub lut|mar mär maa mär mrt мар|apr avr abr апр nis kwi"
    "|may mai mag mei maj май мая|jun juin giu июн haz cze|jul juil lug июл tem lip|aug août ago авг"
    " ağu sie|sep set сен eyl wrz|oct okt ott out окт eki paź|nov ноя kas lis|dec dez déc dic дек ara gru"
)
_MONTH = {name: n for n, row in enumerate(_MONTHS.split("|"), start=1) for name in row.split()}
_TIME = re.compile(
    r"(上午|下午|午前|午後|오전|오후)?\s*(\d{1,2})[:.](\d\d)(?:[:.](\d\d))?\s*([ap]\.?m\b)?", re.I
)
_LIMIT = re.compile(
    r"<[^<>]*(?:limit|límit|limiet|grenze|上限|限制|лимит|한도|sınır)[^<>]*>", re.IGNORECASE
)


def _clip(lines: list[str], at: int) -> Clip | None:
    """Parse the lines of an entry. None if they are not one."""
    head = lines[1].replace("\u00a0", " ").strip() if len(lines) > 1 else ""
    if not head.startswith(("-", "–", "—")):
        return None
    where, _, when = head.rpartition("|")
    where = where or head
    kind, page = _KIND.search(where), _PAGE.search(where)
    elsewhere = where[: page.start()] + where[page.end() :] if page else where
    found = _PLACE.search(elsewhere) or _ANY_RANGE.search(elsewhere)
    first, last = (found["first"], found["last"] or found["first"]) if found else ("0", "0")
    # old Kindles omit the common leading digits: `433-34`
    last = first[: len(first) - len(last)] + last
    label = re.sub(r"^(\d+)[-–]\1$", r"\1", (page[1] or page[2])) if page else ""
    text = "\n".join(line.strip() for line in lines[2:]).strip()
    return Clip(
        " ".join(lines[0].replace("\ufeff", "").split()), kind.lastgroup or "" if kind else "",
        text, fold(text), at, label, (int(first), max(int(last), int(first))), _moment(when),
    )  # fmt: skip


def _moment(words: str) -> str:
    """Return when an entry was added, in UTC as it has no time zone. "" if unknown."""
    time = _TIME.search(words)
    hour, minute, second = (int(time[n] or 0) if time else 0 for n in (2, 3, 4))
    half = (time[1] or time[5] or "").casefold() if time else ""
    hour = hour % 12 + 12 * half.startswith(("下午", "午後", "오후", "p")) if half else hour
    rest = words[: time.start()] + words[time.end() :] if time else words
    numbers = [int(number) for number in re.findall(r"\d{1,9}", rest)]
    names = re.findall(r"[^\W\d_]{3,}", rest.casefold())
    months = [_MONTH[name[:n]] for name in names for n in (5, 4, 3) if name[:n] in _MONTH]
    try:
        if cjk := re.search(r"(\d{4})\s*[年년]\s*(\d{1,2})\s*[月월]\s*(\d{1,2})", rest):
            year, month, day = map(int, cjk.groups())
        else:  # the oldest Kindles have years of two digits, after the day
            small = [number for number in numbers if number < 100]
            year = next((n for n in numbers if n > 999), 2000 + small[1] if len(small) > 1 else 0)
            month, day = months[-1], small[0]
        return datetime(year, month, day, hour, minute, second, tzinfo=UTC).isoformat()
    except (ValueError, IndexError):
        return ""


def _marks(clips: Iterable[Clip]) -> list[Clip]:
    """Return the marks that count, in the order in which they were first made."""
    marks: list[Clip] = []
    for clip in clips:
        for at in range(len(marks) - 1, max(-1, len(marks) - 500), -1):
            old = marks[at]
            if not clip.beside(old):
                continue
            short, long = sorted((old.folded, clip.folded), key=len)
            edge = clip.place != (0, 0) and (long.startswith(short) or long.endswith(short))
            same = edge or short == long or (len(short) >= _LONG and short in long)
            wider = old.wider or old
            if same and wider.folded in clip.folded:
                marks[at] = clip
                break
            if same and clip.folded in wider.folded:
                clip.wider, marks[at] = wider, clip
                break
        else:
            marks.append(clip)
    return marks


def _attach(marks: list[Clip], notes: Iterable[Clip]) -> list[Clip]:
    """Attach each note to its mark. Return the notes without a mark."""
    alone: list[Clip] = []
    for note in notes:
        located = note.place != (0, 0)
        fit = [mark for mark in marks if note.beside(mark) and (located or note.page)]
        ends = [mark for mark in fit if located and mark.place[1] == note.place[0]]
        typed = [mark for mark in ends or fit if note.follows(mark)]
        # on a page with several marks it may belong to any of them
        fit = typed or ends or (fit if located or len(fit) == 1 else [])
        some = fit[-1].notes if fit else alone
        # of two notes at one location, the newer is an edit of the older
        some[:] = [one for one in some if not one.is_edited(note)] + [note]
    return alone


class Kindle(ExportSource):
    """One reader's clippings. A Kindle has one reader, so `me` does not matter."""

    kind = "kindle"
    ending = (".txt",)
    no_export, hint = (
        "not a Kindle clippings file",
        "My Clippings.txt is on the Kindle, in documents/",
    )
    rest = "are not entries"
    oldest_first = True

    def read(self) -> Iterator[Sighting]:
        """Yield one document per book, in the order of their first entries, and problems."""
        books: dict[str, list[Clip]] = {}
        paths: dict[str, str] = {}
        for file in self.files():
            for clip in [file] if isinstance(file, Problem) else self.contents(file):
                if isinstance(clip, Problem):
                    yield clip
                else:
                    books.setdefault(clip.book, []).append(clip)
                    paths[clip.book] = getattr(file, "path", "")
        for book, clips in books.items():
            yield from of_one(paths[book], self._book(book, paths[book], clips))

    def items(self, file: File) -> Iterator[Clip | Problem]:
        """Yield the entries of one file."""
        line = 1
        for at, entry in enumerate(re.split(r"^={10}[ \t]*$\n?", file.text(LARGEST), flags=re.M)):
            body = entry.strip("\ufeff \t\n")
            if clip := _clip(body.split("\n"), at):
                yield clip
            elif body:
                start = line + entry[: len(entry) - len(entry.lstrip("\ufeff \t\n"))].count("\n")
                what = f"not a Kindle entry: {' '.join(body.split())[:60]!r}"
                hint = "an entry has a title, a line that begins with `-`, and its text"
                yield Problem(f"{file.path}:{start}", what, hint)
            line += entry.count("\n") + 1

    def _book(self, book: str, path: str, clips: list[Clip]) -> Iterator[Extracted | Problem]:
        space, named = (
            self.folder.namespace,
            re.fullmatch(r"(.+?)\s*\(((?:[^()]|\([^()]*\))+)\)", book),
        )
        title, authors = (named[1], named[2].split(";")) if named else (book, [])
        document = Document(
            DocumentKey(f"{space}/{h16(fold(book))}"), self.folder.name, title or "Untitled",
            creators=tuple(filter(None, map(str.strip, authors))),
        )  # fmt: skip
        if all(clip.added for clip in clips):
            clips = sorted(clips, key=lambda clip: clip.added)
        texts = [clip for clip in clips if clip.text and not _LIMIT.fullmatch(clip.text)]
        marks = _marks(clip for clip in texts if clip.kind in ("mark", ""))
        alone = _attach(marks, (clip for clip in texts if clip.kind == "note"))
        made = [self._highlight(document, mark, is_note=False) for mark in marks]
        made += [self._highlight(document, note, is_note=True) for note in alone]
        counted = zip((*marks, *alone), numbered(made), strict=True)
        # by location, else by page, else in order of creation
        ordered = sorted(
            counted, key=lambda pair: (pair[0].place, _number(pair[0].page), pair[0].at)
        )
        if ordered:
            yield Extracted(document, tuple(one for _, one in ordered), self.folder.container)
        lost = [clip.text for clip in clips if clip.kind == "mark"]
        lost = [text for text in lost if not text or _LIMIT.fullmatch(text)]
        if lost:
            limit = "; the book's clipping limit was reached" if any(lost) else ""
            what, where = f"marks without text: {len(lost)}{limit}", f"{path}: {document.title}"
            hint = "your highlights are at read.amazon.com/notebook"
            yield Problem(where, what, hint, notice=True)

    def _highlight(self, document: Document, clip: Clip, *, is_note: bool) -> Highlight:
        return Highlight(
            document, self.folder.namespace,
            HighlightKind.NOTE if is_note else HighlightKind.HIGHLIGHT,
            exact="" if is_note else clip.text,
            anchor_text=clip.text if is_note else "",
            sentence=clip.wider.text if clip.wider else "",
            comment=clip.text if is_note else "\n".join(note.text for note in clip.notes),
            created=clip.added, page_label=clip.page, block=str(clip.place[0] or clip.page),
        )  # fmt: skip


def _number(page: str) -> int:
    found = re.match(r"\d+", page)
    return int(found[0]) if found else 0


open_source = Kindle.open
