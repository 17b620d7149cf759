"""The entries of Kindle's `My Clippings.txt`, and of the HTML that its apps and KOReader export."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field

from ankiforge.extract.files import blocks_of, decoded
from ankiforge.model import Pair, Problem, Span, Value
from ankiforge.text import regex

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
        last = first[: len(first) - len(last)] + last
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
        if is_entry:
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
    # what each block is, and its words; one whose role is unknown continues the one before it
    blocks: list[Pair] = []
    for tag, words in blocks_of(html):
        match = _ROLE.search(tag)
        if match:
            blocks.append((match.lastgroup or "", words))
        elif blocks and words:
            role, before = blocks[-1]
            blocks[-1] = (role, f"{before}\n{words}".strip())

    # the words that each role had last
    last = dict.fromkeys(("book", "by", "section", "head", "page"), "")
    mark: Clip | None = None
    number = 0
    for role, words in blocks:
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
            book = last["book"]
            if last["by"]:
                book = f"{book} ({last['by']})"
            where = last["head"]
            if role == "note":
                where = f"note {where}"
            clip = _clip(book, where, words, number, last["section"])
            if clip.kind == "note" and mark and clip.page == mark.page:
                mark.notes.append(clip)
                continue
            if not clip.kind:
                mark = clip
            yield clip


class _Entry(Value):
    """A mark in KOReader's JSON: the fields that are used."""

    sort: str = ""
    text: str | None = ""
    note: str | None = ""
    chapter: str | None = ""
    page: str | int | float | None = ""


class _Book(Value):
    """A book in KOReader's JSON; a list of books has `documents`."""

    title: str | None = ""
    author: str | None = ""
    entries: tuple[_Entry, ...] = ()
    documents: tuple[_Book, ...] = ()


def of_json(text: str) -> Iterator[Clip]:
    """Yield the entries of KOReader's JSON. A note belongs to the mark with which it is listed.

    Raises:
        ItemError: it is not such JSON.
    """
    export: _Book = decoded(text, _Book, "not JSON of KOReader")
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
