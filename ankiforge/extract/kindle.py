"""Kindle: the passages in `My Clippings.txt`, in any language and under any file name.

    sources:
      - kindle: {path: ~/Kindle/My Clippings.txt}

The Kindle only appends to this file. So a mark that was changed is listed twice, and so is an
edited note. If of two marks at one place one contains the other, the newer one counts, and the
longer one is kept as context (`sentence`). A note becomes the comment of the mark that ends at its
place. The key depends only on the passage.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field

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
from ankiforge.text.fold import fold
from ankiforge.text.passages import numbered

LARGEST = 64_000_000
"""The maximum size of a file in bytes: a heavy reader's has two MB after ten years."""
_LONG = 20
"""Folded characters from which a match at one place is no coincidence."""
_NOWHERE = (0, 0)

Settings = SourceSettings


@dataclass(slots=True, eq=False)
class Clip:
    """One entry."""

    book: str
    kind: str
    """`mark`, `note`, `place`, or "" if the language is unknown."""
    text: str
    folded: str
    page: str
    place: Span
    """The first and last location, (0, 0) if there is none."""
    at: int
    """The index of the entry in its file."""
    wider: Clip | None = None
    """A longer passage that was marked there before."""
    notes: list[Clip] = field(default_factory=list)

    def beside(self, other: Clip) -> bool:
        """Return whether both are at one place: their locations overlap, or else one page."""
        if _NOWHERE in (self.place, other.place):
            return self.place == other.place and self.page == other.page
        return self.place[0] <= other.place[1] and other.place[0] <= self.place[1]


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
_LIMIT = re.compile(
    r"<[^<>]*(?:limit|límit|limiet|grenze|上限|限制|лимит|한도|sınır)[^<>]*>", re.IGNORECASE
)


def _clip(lines: list[str], at: int) -> Clip | None:
    """Parse the lines of an entry. None if they are not one."""
    head = lines[1].replace("\u00a0", " ").strip() if len(lines) > 1 else ""
    if not head.startswith(("-", "–", "—")):
        return None
    where = head.rpartition("|")[0] or head
    kind, page = _KIND.search(where), _PAGE.search(where)
    elsewhere = where[: page.start()] + where[page.end() :] if page else where
    found = _PLACE.search(elsewhere) or _ANY_RANGE.search(elsewhere)
    first, last = (found["first"], found["last"] or found["first"]) if found else ("0", "0")
    # old Kindles omit the common leading digits: `433-34`
    last = first[: len(first) - len(last)] + last
    label = re.sub(r"^(\d+)[-–]\1$", r"\1", (page[1] or page[2])) if page else ""
    text = "\n".join(line.strip() for line in lines[2:]).strip()
    book = " ".join(lines[0].replace("\ufeff", "").split())
    place = (int(first), max(int(last), int(first)))
    return Clip(book, kind.lastgroup or "" if kind else "", text, fold(text), label, place, at)


def _marks(clips: Iterable[Clip]) -> list[Clip]:
    """Return the marks that count, in the order in which they were first made."""
    marks: list[Clip] = []
    for clip in clips:
        for at in range(len(marks) - 1, max(-1, len(marks) - 500), -1):
            old = marks[at]
            short, long = sorted((old.folded, clip.folded), key=len)
            edge = clip.place != _NOWHERE and (long.startswith(short) or long.endswith(short))
            same = edge or short == long or (len(short) >= _LONG and short in long)
            if same and clip.beside(old):
                wider = old.wider or old
                clip.wider = wider if len(wider.folded) > len(clip.folded) else None
                marks[at] = clip
                break
        else:
            marks.append(clip)
    return marks


def _attach(marks: list[Clip], notes: Iterable[Clip]) -> list[Clip]:
    """Attach each note to its mark. Return the notes without a mark."""
    alone: list[Clip] = []
    for note in notes:
        fit = [
            mark
            for mark in marks
            if note.beside(mark) and (note.place, note.page) != (_NOWHERE, "")
        ]
        ends = [mark for mark in fit if mark.place[1] == note.place[0] != 0]
        if note.place == _NOWHERE and len(fit) > 1:  # of several marks on a page, the one beside it
            fit = [mark for mark in fit if abs(mark.at - note.at) == 1]
        fit = ends or fit
        some = fit[-1].notes if fit else alone
        # of two notes at one location, the newer is an edit of the older
        kept = [one for one in some if one.place == _NOWHERE or one.place != note.place]
        some[:] = [*kept, note]
    return alone


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
        named = re.fullmatch(r"(.+?)\s*\(((?:[^()]|\([^()]*\))+)\)", book)
        title, authors = (named[1], named[2].split(";")) if named else (book, [])
        document = Document(
            DocumentKey(f"{self.folder.namespace}/{h16(fold(book))}"),
            self.folder.name,
            title or "Untitled",
            creators=tuple(filter(None, map(str.strip, authors))),
        )
        once = dict[tuple[object, ...], Clip]()  # two copies of the file say the same twice
        for clip in clips:
            once.setdefault((clip.kind, clip.text, clip.place, clip.page), clip)
        clips = [*once.values()]
        texts = [clip for clip in clips if clip.text and not _LIMIT.fullmatch(clip.text)]
        marks = _marks(clip for clip in texts if clip.kind in ("mark", ""))
        alone = _attach(marks, (clip for clip in texts if clip.kind == "note"))
        made = [self._highlight(document, clip, is_note=clip in alone) for clip in (*marks, *alone)]
        counted = zip((*marks, *alone), numbered(made), strict=True)
        if ordered := sorted(counted, key=lambda pair: (pair[0].place, pair[0].page.zfill(9))):
            yield Extracted(document, tuple(one for _, one in ordered), self.folder.container)
        lost = [clip.text for clip in clips if clip.kind == "mark" and clip not in texts]
        if lost:
            limit = "; the book's clipping limit was reached" if any(lost) else ""
            what, where = f"marks without text: {len(lost)}{limit}", f"{path}: {document.title}"
            hint = "your highlights are at read.amazon.com/notebook"
            yield Problem(where, what, hint, notice=True)

    def _highlight(self, document: Document, clip: Clip, *, is_note: bool) -> Highlight:
        return Highlight(
            document,
            self.folder.namespace,
            HighlightKind.NOTE if is_note else HighlightKind.HIGHLIGHT,
            exact="" if is_note else clip.text,
            anchor_text=clip.text if is_note else "",
            sentence=clip.wider.text if clip.wider else "",
            comment=clip.text if is_note else "\n".join(note.text for note in clip.notes),
            page_label=clip.page,
            block=str(clip.place[0] or clip.page),
        )


open_source = Kindle.open
