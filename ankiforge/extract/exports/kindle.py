"""Kindle: `My Clippings.txt` in any language, the HTML of its apps, KOReader's HTML and JSON.

    sources:
      - kindle: {path: ~/Kindle/My Clippings.txt}

A Kindle only appends to its file. So a mark that was changed is listed twice, and so is
an edited note. If of two marks at one place one contains the other, the newer one counts,
and the longer one is kept as context (`sentence`). A note becomes the comment of the mark
that ends at its place; in HTML, of the mark above it. The key depends only on the
passage.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from operator import itemgetter

from ankiforge.extract.base import NOT_MINE, Candidate, Confidence, Recognition
from ankiforge.extract.exports import DAMAGED, ExportSource, Named
from ankiforge.extract.files import blocks_of, decoded, known_authors, title_in_name
from ankiforge.model import (
    Document,
    Extracted,
    Highlight,
    HighlightKind,
    Pair,
    Problem,
    Span,
    Strings,
    Value,
)
from ankiforge.text import counted, regex
from ankiforge.text.fold import for_finding
from ankiforge.text.keys import numbered
from ankiforge.text.passages import without_note_numbers
from ankiforge.text.private import has_tag

NOWHERE = (0, 0)
"""The place of an entry without a location."""


@dataclass(slots=True, eq=False)
class Clip:
    """One entry."""

    book: str
    kind: str
    """`note`, `place` for a bookmark, or "" for a mark."""
    text: str
    page: str
    place: Span
    """The first and last location, `NOWHERE` if there is none."""
    at: int
    """The index of the entry in its file."""
    section: str = ""
    wider: str = ""
    """A longer passage that was marked there before."""
    notes: list[Clip] = field(default_factory=list)

    def beside(self, other: Clip) -> bool:
        """Return whether both are at one place: their locations overlap, or else one page."""
        if NOWHERE in (self.place, other.place):
            return self.place == other.place and self.page == other.page != ""
        start, end = self.place
        other_start, other_end = other.place
        return start <= other_end and other_start <= end


# The words for a note and for a bookmark in the languages of Kindles.
_KIND = regex(
    r"(?i)(?P<note>\b(?:note?|notiz|nota|notitie|opmerking|notatka|anteckning|заметка|notunuz)\b"
    r"|笔记|筆記|メモ|메모)|(?P<place>\b(?:bookmark|lesezeichen|signet|marcador|favorito|segnalibro"
    r"|bladwijzer|zakładka|bokmärke|закладка)\b|书签|書籤|ブックマーク|책갈피|북마크)"
)
_PAGE = regex(
    r"(?i)\b(?:page|seite|página|pág\.|pagina|strona|stronie|sida|sayfa|страниц\w*)"
    r"\s{1,9}(?P<label>[\dIVXLCDM]{1,20}(?:[-–]\d{1,9})?)\b"
    r"|(?<!\d)(?P<label_before>\d{1,9}(?:[-–]\d{1,9})?)\s{0,9}(?:ページ|页|頁|페이지|쪽)"
)
# The line of `=` between two entries.
_ENTRY_END = regex(r"(?m)^={10}[ \t]*$\n?")
_RANGE = regex(r"(\d{1,9})(?:\s{0,9}[-–]\s{0,9}(\d{1,9}))?")
# A range of pages that begins and ends with the same one.
_ONE_PAGE = regex(r"^(\d+)[-–]\1$")
# What a block is: by Kindle's classes, or by KOReader's sizes of letters.
_ROLE = regex(
    r"(?P<book>bookTitle|:18pt)|(?P<by>authors|color:gray)|(?P<section>sectionHeading|:14pt)"
    r"|(?P<other>citation)|(?P<head>noteHeading)|(?P<page>:10pt)"
    r"|(?P<text>noteText|\"font-size:12pt\")|(?P<note>:11pt)"
)


def _clip(book: str, where: str, text: str, position: int, section: str = "") -> Clip:
    """Return an entry. In `where`, a word comes with the page, and the location is last."""
    where = where.replace("\u00a0", " ")
    kind = _KIND.search(where)
    page = _PAGE.search(where)
    label = ""
    rest = where
    if page:
        label = _ONE_PAGE.sub(r"\1", page["label"] or page["label_before"])
        rest = where[: page.start()] + where[page.end() :]
    place = NOWHERE
    ranges = _RANGE.findall(rest)
    if ranges:
        first, last = ranges[-1]
        # old Kindles omit the common leading digits: `433-34`
        last = first[: max(0, len(first) - len(last))] + last
        place = (int(first), max(int(last), int(first)))
    return Clip(
        book=book,
        kind=(kind.lastgroup or "") if kind else "",
        text=text,
        page=label,
        place=place,
        at=position,
        section=section,
    )


def of_text(path: str, text: str) -> Iterator[Clip | Problem]:
    """Yield the entries of clippings, and a problem for each that is none."""
    for number, entry in enumerate(_ENTRY_END.split(text)):
        title, _, rest = entry.strip("\ufeff \t\n").partition("\n")
        head, _, words = rest.strip().partition("\n")
        is_entry = head.startswith(("-", "–", "—"))
        if is_entry and DAMAGED in title + words:
            on_a_line = " ".join(words.split()).replace(DAMAGED, "?")
            message = f"letters of this entry are damaged: {on_a_line[:60]!r}"
            hint = "mark it anew on the Kindle, or mend it in the file"
            yield Problem(f"{path}: entry {number + 1}", message, hint)
        elif is_entry:
            book = " ".join(title.replace("\ufeff", "").split())
            where = head.rpartition("|")[0] or head  # the time comes last
            lines = [line.strip() for line in words.split("\n")]
            words = "\n".join(lines).strip()
            yield _clip(book, where, words, number)
        elif title:
            on_a_line = " ".join(entry.split())
            message = f"not a Kindle entry: {on_a_line[:60]!r}"
            hint = "an entry has a title, a line that begins with `-`, and its text"
            yield Problem(f"{path}: entry {number + 1}", message, hint)


def of_html(html: str) -> Iterator[Clip]:
    """Yield the entries of a notebook. A note on the page of the mark above it is that mark's."""
    mark: Clip | None = None
    for clip in _clips_of_html(html):
        if clip.kind == "note" and mark and clip.page == mark.page:
            mark.notes.append(clip)
            continue
        if not clip.kind:
            mark = clip
        yield clip


def _clips_of_html(html: str) -> Iterator[Clip]:
    """Yield the marks and notes of a notebook in its order."""
    # the words that each role had last
    last = dict.fromkeys(("book", "by", "section", "head", "page"), "")
    number = 0
    for role, words in _roles(html):
        last[role] = words
        if role == "book":
            last["section"] = ""
        elif role == "head":  # `Highlight (yellow) - Chapter > Page 1 · Location 2`
            kind, _, rest = words.partition(" - ")
            last["head"] = f"{kind} {rest.rpartition('>')[2]}"
        elif role == "page":  # `date chapter: page`
            last["head"] = f"page {words.rpartition(' ')[2]}"
        elif role in ("text", "note"):
            number += 1
            book = f"{last['book']} ({last['by']})" if last["by"] else last["book"]
            where = f"note {last['head']}" if role == "note" else last["head"]
            yield _clip(book, where, words, number, last["section"])


def _roles(html: str) -> Iterator[Pair]:
    """Yield the role of each block of a notebook, and its words.

    A block whose role is unknown continues the one before it.
    """
    role = ""
    parts: list[str] = []
    for tag, words in blocks_of(html):
        match = _ROLE.search(tag)
        if match:
            if role:
                yield role, "\n".join(parts).strip()
            role = match.lastgroup or ""
            parts = [words]
        elif words:
            parts.append(words)
    if role:
        yield role, "\n".join(parts).strip()


class _KOReaderEntry(Value):
    """A mark in KOReader's JSON: the fields that are used."""

    sort: str = ""
    text: str | None = ""
    note: str | None = ""
    chapter: str | None = ""
    page: str | int | float | None = ""


class _KOReaderBook(Value):
    """A book in KOReader's JSON; a list of books has `documents`."""

    title: str | None = ""
    author: str | None = ""
    entries: tuple[_KOReaderEntry, ...] = ()
    documents: tuple[_KOReaderBook, ...] = ()


def of_json(text: str) -> Iterator[Clip]:
    """Yield the entries of KOReader's JSON. A note belongs to the mark with which it is listed.

    Raises:
        ItemError: it is not such JSON.
    """
    export: _KOReaderBook = decoded(text, _KOReaderBook, "not JSON of KOReader")
    number = 0
    for book in export.documents or (export,):
        authors = (book.author or "").replace("\n", "; ")
        title = book.title or ""
        if authors:
            title = f"{title} ({authors})"
        for entry in book.entries:
            number += 1
            page = str(entry.page or "")
            section = entry.chapter or ""
            mark = Clip(
                title,
                "",
                (entry.text or "").strip(),
                page,
                NOWHERE,
                number,
                section,
            )
            note = (entry.note or "").strip()
            comment = Clip(title, "note", note, page, NOWHERE, number, section)
            if note and not mark.text:
                yield comment
                continue
            if note:
                mark.notes.append(comment)
            yield mark


# --- the source -----------------------------------------------------------------------

# The number of folded characters from which a match at one place is no coincidence.
_LONG = 20
# The number of earlier marks among which the older version of a mark is looked for.
_NEAR = 499

# The second line of an entry, with its page or location and its time; and the line after
# it.
_CLIPPING = regex(r"(?m)^[ ]?[-–—](?=[^\n|]*\d)[^\n|]*\|(?=[^\n]*\d)[^\n]*\n[ \t]*\n")
_CLIPPINGS_END = regex(r"(?m)^={10}[ \t]*$")
# HTML of Kindle's apps, and of KOReader.
_NOTEBOOK = regex('class=["\']noteHeading|<h2 style="font-size:18pt; text-align:right')
# The number of books that a notice names.
_MOST_TITLES = 3
# What only entries of KOReader's JSON have.
_KOREADER = regex(r'"drawer"\s*:|"sort"\s*:\s*"highlight"')
_AUTHORS_IN_TITLE = regex(
    r"(?P<title>.+\S)\s*(?:\((?P<bracketed>[^()]+)\)|\s(?:-{1,2}|–|—|by)\s(?P<behind>[^()]+))"
)
# A name of a person, not `and` nor an initial.
_NAME = regex(r"(?!(?:and|und|et)\b)[^\W\d_]{2,}")
_AUTHORS_AT_END = regex(r"(?P<title>.+?)\s*\((?P<authors>(?:[^()]|\([^()]*\))+)\)")


class Kindle(ExportSource):
    """One reader's clippings. A Kindle has one reader, so `me` does not matter."""

    kind = "kindle"
    endings = (".txt", ".html", ".htm", ".json")
    not_an_export = "not a Kindle clippings file"
    hint = "My Clippings.txt is on the Kindle, in documents/"
    rest = "are not entries"

    @classmethod
    def recognise(cls, candidate: Candidate) -> Recognition:
        """Return whether a file has entries of clippings, or the marks of a notebook."""
        head = candidate.head
        if candidate.ending == ".txt":
            if _CLIPPING.search(head) and _CLIPPINGS_END.search(head):
                return Recognition(Confidence.CONTENT)
            return NOT_MINE
        if candidate.ending == ".json":
            if _KOREADER.search(head):
                return Recognition(Confidence.CONTENT)
            return Recognition(Confidence.NO, "KOReader did not export it")
        if _NOTEBOOK.search(head):
            return Recognition(Confidence.CONTENT)
        if candidate.ending == ".html":
            why_not = "neither a Kindle app nor KOReader exported it"
            return Recognition(Confidence.NO, why_not)
        return NOT_MINE

    def items(self, path: str, text: str) -> Iterator[Clip | Problem]:
        """Yield the entries of one file."""
        if path.casefold().endswith(".txt"):
            yield from of_text(path, text)
        elif path.casefold().endswith(".json"):
            yield from of_json(text)
        else:
            yield from of_html(text)

    def documents(self, items: list[Clip]) -> Iterator[Named]:
        """Yield one document per book, in the order of their first entries.

        Last comes a notice of all marks without text.
        """
        # by book and content: two copies of the file say the same twice
        clips_by_book: dict[str, dict[object, Clip]] = {}
        for clip in items:
            content = (clip.kind, clip.text, clip.place, clip.page)
            clips_by_book.setdefault(for_finding(clip.book), {})[content] = clip

        without_text_by_title = Counter[str]()
        for clips in clips_by_book.values():
            entries = list(clips.values())
            book = entries[0].book
            yield book, self._book(book, entries)
            for clip in entries:
                if not clip.kind and not _has_text(clip):
                    title, _ = _title_and_authors(book)
                    without_text_by_title[title] += 1
        if without_text_by_title:
            titles = list(without_text_by_title)
            where = ", ".join(titles[:_MOST_TITLES])
            if len(titles) > _MOST_TITLES:
                where += f" and {counted(len(titles) - _MOST_TITLES, 'more book')}"
            marks = without_text_by_title.total()
            has = "has" if marks == 1 else "have"
            message = (
                f"{counted(marks, 'highlight')} {has} no text: beyond the limit that the"
                " publisher sets for a book, the Kindle stores none"
            )
            hint = "all are at read.amazon.com/notebook"
            notice = Problem(where, message, hint, notice=True)
            yield self.folder.name, iter([notice])

    def _book(self, book: str, clips: list[Clip]) -> Iterator[Extracted]:
        """Yield a book with its marks and notes."""
        title, authors = _title_and_authors(book)
        document = self.document((for_finding(book),), title, creators=authors)
        marks: list[Clip] = []
        notes: list[Clip] = []
        for clip in clips:
            if not _has_text(clip):
                continue
            if clip.kind == "note":
                notes.append(clip)
            elif not clip.kind:
                marks.append(clip)
        marks = _that_count(marks)

        # a note belongs to its mark, or stands alone; of two at one place, the newer is an
        # edit of the older
        lone_notes: list[Clip] = []
        for note in notes:
            its_marks = _marks_of(note, marks)
            for siblings in [mark.notes for mark in its_marks] or [lone_notes]:
                kept = []
                for older in siblings:
                    if older.place == NOWHERE or older.place != note.place:
                        kept.append(older)
                siblings[:] = [*kept, note]

        # equal passages are counted in the order of the file, and yielded in that of the
        # book
        entries = [*marks, *lone_notes]
        passages = without_note_numbers([clip.text for clip in entries])
        widers = without_note_numbers([clip.wider for clip in entries])
        highlights = []
        for clip, passage, wider in zip(entries, passages, widers, strict=True):
            clip.wider = wider
            highlights.append(self._highlight(document, clip, passage))
        placed = []
        for clip, highlight in zip(entries, numbered(highlights), strict=True):
            placed.append((clip.place, clip.page.zfill(9), highlight))
        placed.sort(key=itemgetter(0, 1))
        yield from self.extracted(document, [highlight for _, _, highlight in placed])

    def _highlight(self, document: Document, clip: Clip, passage: str) -> Highlight:
        """Return the highlight of a mark with its notes, or of a note without a mark."""
        is_note = bool(clip.kind)
        # a longer mark may have got the words of its note once more
        comments = list(dict.fromkeys(note.text for note in clip.notes))
        if is_note:
            comments = [clip.text]
        return Highlight(
            document,
            self.folder.namespace,
            HighlightKind.NOTE if is_note else HighlightKind.HIGHLIGHT,
            exact="" if is_note else passage,
            anchor_text=clip.text if is_note or passage != clip.text else "",
            sentence=clip.wider,
            comment="\n".join(comments),
            page_label=clip.page,
            heading=clip.section,
            block=str(clip.place[0] or clip.page),
        )


def _title_and_authors(book: str) -> tuple[str, Strings]:
    """Return the title and the authors of `Title (Author; Author)`."""
    with_authors = _AUTHORS_AT_END.fullmatch(book)
    if not with_authors:
        return title_in_name(book), ()
    authors = known_authors(map(str.strip, with_authors["authors"].split(";")))
    title = title_in_name(with_authors["title"])
    # some shops and libraries name them in the title, too
    repeated = _AUTHORS_IN_TITLE.fullmatch(title)
    while repeated and _are_same_people(
        repeated["bracketed"] or repeated["behind"], authors
    ):
        title = title_in_name(repeated["title"])
        repeated = _AUTHORS_IN_TITLE.fullmatch(title)
    return title, authors


def _are_same_people(names: str, authors: Iterable[str]) -> bool:
    """Return whether names are those of the authors, in whatever order they are written."""
    names_of_title, names_of_authors = (
        {for_finding(name) for name in _NAME.findall(text)}
        for text in (names, " ".join(authors))
    )
    return names_of_title == names_of_authors


def _has_text(clip: Clip) -> bool:
    """Return whether an entry has a passage or words.

    A Kindle writes `<You have reached the clipping limit …>` instead of a passage.
    """
    if not clip.text:
        return False
    return not (clip.text.startswith("<") and clip.text.endswith(">"))


# --- marks that were changed, and their notes -------------------------------------------


def _that_count(clips: Iterable[Clip]) -> list[Clip]:
    """Return the marks that count, in the order in which they were first made."""
    marks: list[Clip] = []
    folded: list[str] = []
    for clip in clips:
        words = for_finding(clip.text)
        older = _older_version(clip, words, marks, folded)
        if older is None:
            marks.append(clip)
            folded.append(words)
            continue
        widest = marks[older].wider or marks[older].text
        clip.wider = widest if len(widest) > len(clip.text) else ""
        marks[older] = clip
        folded[older] = words
    return marks


def _older_version(
    clip: Clip,
    words: str,
    marks: list[Clip],
    folded: list[str],
) -> int | None:
    """Return the index of the mark of which this one is a newer version.

    Args:
        clip: the newer mark.
        words: its text, folded.
        marks: the marks so far.
        folded: their texts, folded.
    """
    first = max(0, len(marks) - _NEAR)
    for index in range(len(marks) - 1, first - 1, -1):
        # one of the two texts contains the other, and not by coincidence
        short, long = sorted((folded[index], words), key=len)
        contains = short == long
        if clip.place != NOWHERE:
            contains = contains or long.startswith(short) or long.endswith(short)
        if not contains and len(short) >= _LONG:
            contains = short in long
        if not (contains and clip.beside(marks[index])):
            continue
        # a mark that was made smaller stands for the wider one, whose words must not be lost
        wider = for_finding(marks[index].wider) if marks[index].wider else ""
        if words in wider or wider in words:
            return index
    return None


def _marks_of(note: Clip, marks: list[Clip]) -> list[Clip]:
    """Return the mark that a note is about: the last one that ends where the note is.

    Where several end there, any of them may be meant: a note that keeps its mark on this
    machine keeps all of them.
    """
    beside = [mark for mark in marks if note.beside(mark)]
    if note.place == NOWHERE and len(beside) > 1:
        # of several marks on a page, the one next to it
        beside = [mark for mark in beside if abs(mark.at - note.at) == 1]
    note_start, _ = note.place
    ending_there = []
    for mark in beside:
        _, mark_end = mark.place
        if mark_end == note_start:
            ending_there.append(mark)
    fitting = ending_there or beside
    return fitting if has_tag(note.text) else fitting[-1:]
