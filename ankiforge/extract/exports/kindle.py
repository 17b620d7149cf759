"""Kindle: `My Clippings.txt` in any language, and the notebooks of its apps and of Amazon's site.

A notebook is the HTML that an app exports, the saved page read.amazon.com/notebook, or the JSON
that Bookcision makes of that page.

    sources:
      - kindle: {path: ~/Kindle/My Clippings.txt}

A Kindle only appends to `My Clippings.txt`, so the file also contains older versions of changed
highlights and notes. If two highlights overlap and the text of one contains that of the other,
the newer one replaces the older one, and the longer text is kept as context. A note becomes the
comment of the highlight that ends at its location or, in HTML, of the highlight before it.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from enum import Enum, auto
from typing import TYPE_CHECKING, NamedTuple

import msgspec
from msgspec.structs import replace

from ankiforge.extract.base import Candidate, Confidence
from ankiforge.extract.exports import (
    REPLACEMENT_CHARACTER,
    NamedSightings,
    TextExportSource,
)
from ankiforge.extract.files import remove_unknown_authors, title_from_file_name
from ankiforge.extract.html_text import iter_html_blocks, parse_html
from ankiforge.model import (
    Document,
    ExtractedDocument,
    Highlight,
    HighlightKind,
    Pair,
    Problem,
    Span,
    Strings,
    Value,
)
from ankiforge.text import format_count, format_truncated_list, regex
from ankiforge.text.keys import number_highlights
from ankiforge.text.normalize import normalize_for_lookup
from ankiforge.text.passages import remove_footnote_numbers
from ankiforge.text.private import contains_private_tag

if TYPE_CHECKING:  # loaded when a page is read
    from bs4 import BeautifulSoup, Tag


class EntryKind(Enum):
    """The kinds of entries."""

    HIGHLIGHT = auto()
    NOTE = auto()
    BOOKMARK = auto()


@dataclass(slots=True, eq=False)
class ClippingsEntry:
    """An entry in a file that a Kindle or its app has written."""

    book: str
    kind: EntryKind
    text: str
    page: str | None
    location: Span | None
    """The first and last Kindle location, or None if the file gives none."""
    index: int
    """The index of the entry within the file."""
    section: str = ""
    longer_text: str | None = None
    """The text of an older version of this highlight if it is longer."""
    notes: list[ClippingsEntry] = field(default_factory=list)

    @property
    def sort_key(self) -> tuple[Span, str]:
        """A key that sorts the entries of a book by location, then by page."""
        return (self.location or (0, 0), (self.page or "").zfill(9))

    def overlaps(self, other: ClippingsEntry) -> bool:
        """Return whether the location of this entry overlaps that of another entry.

        If neither has a location, return whether both are on the same page.
        """
        if self.location is None and other.location is None:
            return self.page is not None and self.page == other.page
        if self.location is None or other.location is None:
            return False
        start, end = self.location
        other_start, other_end = other.location
        return start <= other_end and other_start <= end

    def ends_at(self, location: int) -> bool:
        """Return whether the last Kindle location of this entry is `location`."""
        return self.location is not None and self.location[1] == location


# Matches the word for a note or bookmark, in any of Kindle's languages.
_KIND_WORDS = regex(
    r"(?i)(?P<note>\b(?:note?|notiz|nota|notitie|opmerking|notatka|anteckning|заметка|notunuz)\b"
    r"|笔记|筆記|メモ|메모)|(?P<place>\b(?:bookmark|lesezeichen|signet|marcador|favorito|segnalibro"
    r"|bladwijzer|zakładka|bokmärke|закладка)\b|书签|書籤|ブックマーク|책갈피|북마크)"
)
_PAGE = regex(
    r"(?i)\b(?:page|seite|página|pág\.|pagina|strona|stronie|sida|sayfa|страниц\w*)"
    r"\s{1,9}(?P<label>[\dIVXLCDM]{1,20}(?:[-–]\d{1,9})?)\b"
    r"|(?<!\d)(?P<label_before>\d{1,9}(?:[-–]\d{1,9})?)\s{0,9}(?:ページ|页|頁|페이지|쪽)"
)
# The line of ten `=` that ends an entry.
_ENTRY_END_LINE = regex(r"(?m)^={10}[ \t]*$\n?")
_LOCATION_RANGE = regex(r"(\d{1,9})(?:\s{0,9}[-–]\s{0,9}(\d{1,9}))?")
# A page range that begins and ends on the same page.
_SINGLE_PAGE_RANGE = regex(r"^(\d+)[-–]\1$")
# Matches the CSS class that gives the role of a block in a notebook.
_ROLE_CLASS = regex(
    r"(?P<book>bookTitle)|(?P<by>authors)|(?P<section>sectionHeading)|(?P<other>citation)"
    r"|(?P<head>noteHeading)|(?P<text>noteText)"
)


def _parse_entry(
    book: str, heading: str, text: str, index: int, section: str = ""
) -> ClippingsEntry:
    """Parse an entry of a clippings file or of a notebook.

    Args:
        book: The title and authors of the book.
        heading: The line above the text. It contains the kind of the entry, the page and, as its
            last number, the location.
        text: The text of the highlight or note.
        index: The position of the entry in the file, from 0.
        section: The section of the book, or "" if unknown.
    """
    heading = heading.replace("\u00a0", " ")
    page_match = _PAGE.search(heading)
    page = None
    heading_without_page = heading
    if page_match:
        label = page_match["label"] or page_match["label_before"]
        page = _SINGLE_PAGE_RANGE.sub(r"\1", label)
        heading_without_page = heading[: page_match.start()] + heading[page_match.end() :]
    return ClippingsEntry(
        book,
        _parse_kind(heading),
        text,
        page,
        _parse_location(heading_without_page),
        index,
        section,
    )


def _parse_kind(heading: str) -> EntryKind:
    word = _KIND_WORDS.search(heading)
    if word is None:
        return EntryKind.HIGHLIGHT
    if word["note"]:
        return EntryKind.NOTE
    return EntryKind.BOOKMARK


def _parse_location(heading: str) -> Span | None:
    """Return the last range of numbers in a heading without its page, or None."""
    ranges = _LOCATION_RANGE.findall(heading)
    if not ranges:
        return None
    first, last = ranges[-1]
    # old Kindles omit the common leading digits, as in `433-34`
    last = first[: max(0, len(first) - len(last))] + last
    return (int(first), max(int(last), int(first)))


def parse_clippings(path: str, text: str) -> Iterator[ClippingsEntry | Problem]:
    """Yield the entries of a clippings file, and a problem for each malformed entry.

    An entry has a title, a heading, an empty line and the text. A line of `=` ends every entry. If
    the last entry lacks it, the file is cut off, and the words of that entry may be, too.
    """
    *entries, rest_of_file = _ENTRY_END_LINE.split(text)
    if rest_of_file.strip("\ufeff \t\n"):
        message = "the file is cut off in the middle of its last entry, which is left out"
        hint = "copy it from the Kindle again, or end it with a line of ten ="
        yield Problem(f"{path}: entry {len(entries) + 1}", message, hint)
    for index, entry in enumerate(entries):
        title, _, rest = entry.strip("\ufeff \t\n").partition("\n")
        heading, _, entry_text = rest.strip().partition("\n")
        location = f"{path}: entry {index + 1}"
        if not title:
            continue  # the entry is empty
        if not heading.startswith(("-", "–", "—")):
            yield _report_foreign_entry(location, entry)
        elif REPLACEMENT_CHARACTER in title + entry_text:
            yield _report_damaged_entry(location, entry_text)
        else:
            book = " ".join(title.replace("\ufeff", "").split())
            # the time is the last part of the heading
            untimed_heading = heading.rpartition("|")[0] or heading
            lines = [line.strip() for line in entry_text.split("\n")]
            yield _parse_entry(book, untimed_heading, "\n".join(lines).strip(), index)


def _report_foreign_entry(location: str, entry: str) -> Problem:
    message = f"not a Kindle entry: {' '.join(entry.split())[:60]!r}"
    hint = "an entry has a title, a line that begins with `-`, and its text"
    return Problem(location, message, hint)


def _report_damaged_entry(location: str, text: str) -> Problem:
    one_line = " ".join(text.split()).replace(REPLACEMENT_CHARACTER, "?")
    message = f"letters of this entry are damaged: {one_line[:60]!r}"
    hint = "mark it again on the Kindle, or correct it in the file"
    return Problem(location, message, hint)


def parse_notebook(html: str) -> Iterator[ClippingsEntry]:
    """Yield the entries of a notebook that was exported by a Kindle app.

    A note that follows a highlight on the same page becomes part of the highlight's entry.
    """
    # what is above the next text
    book = authors = section = heading = ""
    last_highlight: ClippingsEntry | None = None
    index = 0
    for role, text in _group_by_role(html):
        match role:
            case "book":
                book = text
                section = ""
            case "by":
                authors = text
            case "section":
                section = text
            case "head":
                heading = _remove_chapter(text)
            case "text":
                index += 1
                full_title = _join_title_and_authors(book, authors)
                entry = _parse_entry(full_title, heading, text, index, section)
                if entry.kind is EntryKind.HIGHLIGHT:
                    last_highlight = entry
                    yield entry
                elif (
                    entry.kind is EntryKind.NOTE
                    and last_highlight
                    and entry.page == last_highlight.page
                ):
                    last_highlight.notes.append(entry)
                else:
                    yield entry


def _remove_chapter(heading: str) -> str:
    """Reduce `Highlight (yellow) - Chapter > Page 1 · Location 2` to the kind and the place."""
    kind, _, remainder = heading.partition(" - ")
    return f"{kind} {remainder.rpartition('>')[2]}"


def parse_saved_page(html: str) -> Iterator[ClippingsEntry]:
    """Yield the entries of the page read.amazon.com/notebook, as a browser saved it.

    A note below a highlight becomes part of the highlight's entry.
    """
    page = parse_html(html)
    book = _find_book_of_saved_page(page)
    headers = page.select("#annotationHighlightHeader, #annotationNoteHeader")
    for index, header in enumerate(headers):
        row = header.find_parent(class_="kp-notebook-row-separator")
        if row is None:
            continue
        heading = header.get_text(" ", strip=True).replace(":", " ")
        location = row.select_one("#kp-annotation-location")
        if location is not None:
            heading = f"{heading} {location.get('value')}"
        text = _find_text(row, "#highlight")
        note = _find_text(row, "#note")
        if text is not None:
            yield _build_entry_with_note(book, heading, text, note, index)
        elif note is not None:
            yield _build_note(book, heading, note, index)


def _find_book_of_saved_page(page: BeautifulSoup) -> str:
    """Return the title and authors of the book, such as `Title (Author)`, or "" if untitled."""
    title = page.select_one("h3.kp-notebook-metadata")
    if title is None:
        return ""
    title_text = title.get_text(" ", strip=True)
    authors = title.find_next("p", class_="kp-notebook-metadata")
    if authors is None:
        return title_text
    return f"{title_text} ({authors.get_text(' ', strip=True)})"


def _find_text(parent: Tag, selector: str) -> str | None:
    """Return the text of the first matching element, or None if there is no such text."""
    element = parent.select_one(selector)
    if element is None:
        return None
    return element.get_text(" ", strip=True) or None


def parse_bookcision(path: str, text: str) -> Iterator[ClippingsEntry | Problem]:
    """Yield the entries of the JSON that Bookcision makes of a book's highlights."""
    try:
        export = msgspec.json.decode(text, type=_BookcisionExport)
    except msgspec.MsgspecError as error:
        yield Problem(path, f"not an export of Bookcision: {error}", "export it again")
        return
    book = _join_title_and_authors(export.title, export.authors)
    for index, item in enumerate(export.highlights):
        heading = "Location"
        if item.location.value:
            heading = f"Location {item.location.value}"
        if item.is_note_only:
            yield _build_note(book, heading, item.note or item.text, index)
        else:
            yield _build_entry_with_note(book, heading, item.text, item.note, index)


class _BookcisionLocation(Value):
    value: int | None = None


class _BookcisionHighlight(Value, rename="camel"):
    text: str
    is_note_only: bool = False
    location: _BookcisionLocation = _BookcisionLocation()
    note: str | None = None


class _BookcisionExport(Value):
    title: str
    authors: str = ""
    highlights: tuple[_BookcisionHighlight, ...] = ()


def _join_title_and_authors(title: str, authors: str) -> str:
    """Name a book as a clippings file does, such as `Title (Author)`. `authors` may be ""."""
    if not authors:
        return title
    return f"{title} ({authors})"


def _build_entry_with_note(
    book: str, heading: str, text: str, note: str | None, index: int
) -> ClippingsEntry:
    entry = _parse_entry(book, heading, text, index)
    if note:
        entry.notes.append(_build_note(book, heading, note, index))
    return entry


def _build_note(book: str, heading: str, text: str, index: int) -> ClippingsEntry:
    note = _parse_entry(book, heading, text, index)
    note.kind = EntryKind.NOTE
    return note


def _group_by_role(html: str) -> Iterator[Pair]:
    """Yield the role and the text of each block of a notebook.

    A block without a known role is appended to the previous block.
    """
    role: str | None = None
    parts: list[str] = []
    for element, text in iter_html_blocks(parse_html(html)):
        classes = element.get_attribute_list("class") if element else ()
        match = _ROLE_CLASS.search(" ".join(filter(None, classes)))
        if match:
            if role is not None:
                yield role, "\n".join(parts).strip()
            role = match.lastgroup
            parts = [text]
        elif text:
            parts.append(text)
    if role is not None:
        yield role, "\n".join(parts).strip()


# --- the source -----------------------------------------------------------------------

# The minimum length of a normalized text for its occurrence in another highlight not to be a
# coincidence.
_MIN_UNIQUE_CHARS = 20
# The maximum number of earlier highlights among which an older version is searched for.
_MAX_EARLIER_HIGHLIGHTS = 499

# The second line of an entry, with the page or location and the time, and the blank line after it.
_ENTRY_HEADING = regex(
    r"(?m)^[ ]?[-–—](?=[^\n|]*\d)[^\n|]*\|(?=[^\n]*\d)[^\n]*\n[ \t]*\n"
)
_ENTRY_SEPARATOR = regex(r"(?m)^={10}[ \t]*$")
# Recognises the HTML that Kindle's apps export.
_NOTEBOOK_CLASS = regex("class=[\"']noteHeading")
# Recognises the page of Amazon by its title, address or classes. Its text may begin far below.
_SAVED_PAGE = regex(
    r"<title>\s*(?:Amazon )?Kindle:|read\.amazon\.[a-z.]{2,9}/notebook|kp-notebook-"
)
_BOOKCISION_FIELD = regex(r'"isNoteOnly"\s*:')
_SIGNS_OF_PAGE = (regex(f"{_NOTEBOOK_CLASS.pattern}|{_SAVED_PAGE.pattern}"),)
# The patterns that an export with a suffix must all match.
_SIGNS_BY_SUFFIX = {
    ".txt": (_ENTRY_HEADING, _ENTRY_SEPARATOR),
    ".json": (_BOOKCISION_FIELD,),
}
# Matches the text that a Kindle stores beyond the publisher's limit, in any of its languages, such
# as `<You have reached the clipping limit for this item>`.
_LIMIT_NOTICE = regex(
    r"(?i)<(?=[^>]*(?:l[ií]mit|maxim|máxim|massim|предел|лимит|上限|限制|한도))"
    r"(?=[^>]*(?:\b(?:this|dies|est[ea]|deste|quest|cet|ce)|эт|この|本|此|该|이))[^<>\n]+[^<>\n.!?]>"
)
_AUTHORS_AT_END = regex(r"(?P<title>.+?)\s*\((?P<authors>(?:[^()]|\([^()]*\))+)\)")


class Kindle(TextExportSource):
    """Reads highlights and notes made on a Kindle or in its apps.

    The `me` setting is ignored, since a Kindle has one reader.
    """

    kind = "kindle"
    suffixes = (".txt", ".html", ".htm", ".json")
    wrong_file_message = "not a Kindle clippings file"
    export_hint = "My Clippings.txt is on the Kindle, in documents/"

    @classmethod
    def recognise(cls, candidate: Candidate) -> Confidence:
        """Recognise clippings by the format of an entry, and notebooks by their markup."""
        signs = _SIGNS_BY_SUFFIX.get(candidate.suffix, _SIGNS_OF_PAGE)
        if any(sign.search(candidate.head) is None for sign in signs):
            return Confidence.NO
        return Confidence.CONTENT

    @classmethod
    def explain_rejection(cls, candidate: Candidate) -> str:
        """Return the reason why a web page isn't a notebook, or "" for other files."""
        if candidate.suffix not in (".html", ".htm"):
            return ""
        return "of web pages, only notebooks of a Kindle have highlights"

    def parse_items(self, path: str, text: str) -> Iterator[ClippingsEntry | Problem]:
        """Yield the entries of a clippings file or notebook, and any problems."""
        if path.casefold().endswith(".txt"):
            yield from parse_clippings(path, text)
        elif path.casefold().endswith(".json"):
            yield from parse_bookcision(path, text)
        elif _NOTEBOOK_CLASS.search(text):
            yield from parse_notebook(text)
        else:
            yield from parse_saved_page(text)

    def build_documents(self, items: list[ClippingsEntry]) -> Iterator[NamedSightings]:
        """Yield one document per book, in the order of the books' first entries.

        Then yield a notice if there are highlights for which the Kindle stored no text.
        """
        textless_by_title = Counter[str]()
        for book_entries in _group_by_book(items):
            book = book_entries[0].book
            yield book, self._read_book(book, book_entries)
            for entry in book_entries:
                if entry.kind is EntryKind.HIGHLIGHT and not _has_text(entry):
                    textless_by_title[_split_title(book)[0]] += 1
        if textless_by_title:
            yield self.listing.name, iter([_report_textless(textless_by_title)])

    def _read_book(
        self, book: str, book_entries: Sequence[ClippingsEntry]
    ) -> Iterator[ExtractedDocument]:
        title, authors = _split_title(book)
        document = self.create_document(
            (normalize_for_lookup(book),), title, creators=authors
        )
        entries_with_text = list(filter(_has_text, book_entries))
        marks = _merge_versions(_select_kind(entries_with_text, EntryKind.HIGHLIGHT))
        notes = _select_kind(entries_with_text, EntryKind.NOTE)
        lone_notes = _add_notes(notes, marks)
        highlights = self._create_highlights(document, marks)
        for note in lone_notes:
            highlights.append(self._create_lone_note(document, note))

        # equal passages are numbered in file order, but highlights are yielded in book order
        numbered = number_highlights(highlights)
        pairs = list(zip([*marks, *lone_notes], numbered, strict=True))
        pairs.sort(key=lambda pair: pair[0].sort_key)
        yield from self.iter_document(document, [highlight for _, highlight in pairs])

    def _create_highlights(
        self, document: Document, marks: Sequence[ClippingsEntry]
    ) -> list[Highlight]:
        """Create the highlights of a book. The numbers of footnotes are left out of their texts."""
        passages = remove_footnote_numbers([mark.text for mark in marks])
        contexts = remove_footnote_numbers([mark.longer_text or "" for mark in marks])
        highlights: list[Highlight] = []
        for mark, passage, context in zip(marks, passages, contexts, strict=True):
            highlights.append(self._create_highlight(document, mark, passage, context))
        return highlights

    def _create_highlight(
        self, document: Document, entry: ClippingsEntry, passage: str, context: str
    ) -> Highlight:
        """Create a highlight with its notes.

        Args:
            document: The book.
            entry: The entry of the highlight.
            passage: The text of the entry without the numbers of footnotes.
            context: The longer text of an older version, or "".
        """
        # a longer version of a highlight may have a second copy of the note
        comments = dict.fromkeys([note.text for note in entry.notes])
        highlight = Highlight(
            document,
            self.listing.namespace,
            HighlightKind.HIGHLIGHT,
            exact=passage,
            sentence=context,
            comment="\n".join(comments),
        )
        if passage != entry.text:
            highlight = replace(highlight, anchor_text=entry.text)
        return _add_place(highlight, entry)

    def _create_lone_note(self, document: Document, note: ClippingsEntry) -> Highlight:
        highlight = Highlight(
            document,
            self.listing.namespace,
            HighlightKind.NOTE,
            exact="",
            anchor_text=note.text,
            comment=note.text,
        )
        return _add_place(highlight, note)


def _add_place(highlight: Highlight, entry: ClippingsEntry) -> Highlight:
    """Add where an entry is in its book."""
    page_label = entry.page or ""
    block_id = page_label
    if entry.location is not None and entry.location[0] > 0:
        block_id = str(entry.location[0])
    return replace(
        highlight, page_label=page_label, heading=entry.section, block_id=block_id
    )


def _group_by_book(items: Iterable[ClippingsEntry]) -> Iterator[list[ClippingsEntry]]:
    """Group entries by book, in the order of the books' first entries.

    Of equal entries, which two copies of a file contain, only the last is kept.
    """
    entries_by_book: dict[str, dict[object, ClippingsEntry]] = {}
    for entry in items:
        unique_entries = entries_by_book.setdefault(normalize_for_lookup(entry.book), {})
        content = (entry.kind, entry.text, entry.location, entry.page)
        unique_entries[content] = entry
    for unique_entries in entries_by_book.values():
        yield list(unique_entries.values())


def _report_textless(count_by_title: Counter[str]) -> Problem:
    count = format_count(
        count_by_title.total(), "highlight has", plural="highlights have"
    )
    message = (
        f"{count} no text: beyond the limit that the publisher sets for a book, the Kindle"
        " stores none"
    )
    hint = "all are at read.amazon.com/notebook"
    titles = format_truncated_list(list(count_by_title))
    return Problem(titles, message, hint, is_notice=True)


def _split_title(book: str) -> tuple[str, Strings]:
    """Split the name of a book into its title and its authors."""
    with_authors = _AUTHORS_AT_END.fullmatch(book)
    if not with_authors:
        return title_from_file_name(book), ()
    authors = remove_unknown_authors(map(str.strip, with_authors["authors"].split(";")))
    title = title_from_file_name(with_authors["title"])
    return title, authors


def _has_text(entry: ClippingsEntry) -> bool:
    """Return whether the Kindle stored the text of an entry rather than `_LIMIT_NOTICE`."""
    return bool(entry.text) and not _LIMIT_NOTICE.fullmatch(entry.text)


def _select_kind(
    entries: Iterable[ClippingsEntry], kind: EntryKind
) -> list[ClippingsEntry]:
    return [entry for entry in entries if entry.kind is kind]


# --- versions of highlights, and their notes --------------------------------------------


class _Version(NamedTuple):
    """A highlight, of which the user may have made several versions by changing its extent."""

    entry: ClippingsEntry
    normalized_text: str

    def may_be_version_of(self, other: _Version) -> bool:
        """Return whether one text contains the other, and not just by coincidence."""
        shorter, longer = sorted((other.normalized_text, self.normalized_text), key=len)
        if len(shorter) >= _MIN_UNIQUE_CHARS:
            return shorter in longer
        if self.entry.location is None:
            return shorter == longer
        return longer.startswith(shorter) or longer.endswith(shorter)


def _merge_versions(entries: Iterable[ClippingsEntry]) -> list[ClippingsEntry]:
    """Return the newest version of each highlight, in the order of the oldest versions.

    If an older version has a longer text, the result has it as `longer_text`.
    """
    newest: list[_Version] = []
    for entry in entries:
        version = _Version(entry, normalize_for_lookup(entry.text))
        older_index = _find_older_version(version, newest)
        if older_index is None:
            newest.append(version)
            continue
        older = newest[older_index].entry
        longest_text = older.longer_text or older.text
        if len(longest_text) > len(entry.text):
            entry.longer_text = longest_text
        newest[older_index] = version
    return [version.entry for version in newest]


def _find_older_version(version: _Version, earlier: Sequence[_Version]) -> int | None:
    """Return the index of the last older version of a highlight, or None if there is none."""
    first = max(0, len(earlier) - _MAX_EARLIER_HIGHLIGHTS)
    for index in reversed(range(first, len(earlier))):
        older = earlier[index]
        if not version.may_be_version_of(older):
            continue
        if not version.entry.overlaps(older.entry):
            continue
        if older.entry.longer_text is None:
            return index
        # the older version was itself shortened, and its longer text must not be lost
        longer_text = normalize_for_lookup(older.entry.longer_text)
        text = version.normalized_text
        if text in longer_text or longer_text in text:
            return index
    return None


def _add_notes(
    notes: Iterable[ClippingsEntry], highlights: Sequence[ClippingsEntry]
) -> list[ClippingsEntry]:
    """Add each note to the highlights that it belongs to, and return the notes without any."""
    lone_notes: list[ClippingsEntry] = []
    for note in notes:
        highlights_of_note = _find_highlights_for_note(note, highlights)
        for highlight in highlights_of_note:
            _add_newest_note(highlight.notes, note)
        if not highlights_of_note:
            _add_newest_note(lone_notes, note)
    return lone_notes


def _add_newest_note(notes: list[ClippingsEntry], note: ClippingsEntry) -> None:
    """Append a note. It replaces older notes at the same location, which it is an edit of."""
    for older in list(notes):
        if older.location is not None and older.location == note.location:
            notes.remove(older)
    notes.append(note)


def _find_highlights_for_note(
    note: ClippingsEntry, highlights: Sequence[ClippingsEntry]
) -> list[ClippingsEntry]:
    """Return the highlights that a note belongs to.

    Usually, this is only the last highlight that ends at the note's location. If there is none, it
    is the last highlight that overlaps the note. A note with the privacy tag belongs to all of
    these highlights, because it is unknown which one the user meant.
    """
    candidates = [highlight for highlight in highlights if note.overlaps(highlight)]
    if note.location is not None:
        ending_here = [each for each in candidates if each.ends_at(note.location[0])]
        candidates = ending_here or candidates
    elif len(candidates) > 1:
        # of several highlights on the page, choose the one whose entry is next to the note's
        candidates = [each for each in candidates if abs(each.index - note.index) == 1]
    if contains_private_tag(note.text):
        return candidates
    return candidates[-1:]
