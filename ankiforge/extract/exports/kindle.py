"""Kindle: `My Clippings.txt` in any language, and the notebooks that its apps export as HTML.

    sources:
      - kindle: {path: ~/Kindle/My Clippings.txt}

A Kindle only appends to `My Clippings.txt`, so the file also contains older versions of changed
highlights and notes. If two highlights overlap and the text of one contains that of the other,
the newer one replaces the older one, and the longer text is kept as context. A note becomes the
comment of the highlight that ends at its location or, in HTML, of the highlight before it.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from operator import itemgetter

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
)
from ankiforge.text import format_count, format_truncated_list, regex
from ankiforge.text.keys import number_highlights
from ankiforge.text.normalize import normalize_for_lookup
from ankiforge.text.passages import remove_footnote_numbers
from ankiforge.text.private import contains_private_tag

UNKNOWN_LOCATION = (0, 0)
"""The location of an entry for which the file gives none."""


@dataclass(slots=True, eq=False)
class ClippingsEntry:
    """A highlight, note or bookmark in a file that a Kindle or its app has written."""

    book: str
    kind: str
    """`note` for a note, `place` for a bookmark, or "" for a highlight."""
    text: str
    page: str
    location: Span
    """The first and last Kindle location, or `UNKNOWN_LOCATION`."""
    index: int
    """The index of the entry within the file."""
    section: str = ""
    longer_text: str = ""
    """The text of an older version of this highlight if it is longer, or ""."""
    notes: list[ClippingsEntry] = field(default_factory=list)

    def overlaps(self, other: ClippingsEntry) -> bool:
        """Return whether the location of this entry overlaps that of another entry.

        If neither has a location, return whether both are on the same page.
        """
        if UNKNOWN_LOCATION in (self.location, other.location):
            return self.location == other.location and self.page == other.page != ""
        start, end = self.location
        other_start, other_end = other.location
        return start <= other_end and other_start <= end


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
    kind_match = _KIND_WORDS.search(heading)
    page_match = _PAGE.search(heading)
    page_label = ""
    without_page = heading
    if page_match:
        page_label = _SINGLE_PAGE_RANGE.sub(
            r"\1", page_match["label"] or page_match["label_before"]
        )
        without_page = heading[: page_match.start()] + heading[page_match.end() :]
    location = UNKNOWN_LOCATION
    ranges = _LOCATION_RANGE.findall(without_page)
    if ranges:
        first, last = ranges[-1]
        # old Kindles omit the common leading digits, as in `433-34`
        last = first[: max(0, len(first) - len(last))] + last
        location = (int(first), max(int(last), int(first)))
    return ClippingsEntry(
        book=book,
        kind=(kind_match.lastgroup or "") if kind_match else "",
        text=text,
        page=page_label,
        location=location,
        index=index,
        section=section,
    )


def parse_clippings(path: str, text: str) -> Iterator[ClippingsEntry | Problem]:
    """Yield the entries of a clippings file, and a problem for each malformed entry.

    A line of `=` ends every entry. If the last entry lacks it, the file is cut off, and the words
    of that entry may be, too.
    """
    *entries, rest_of_file = _ENTRY_END_LINE.split(text)
    if rest_of_file.strip("\ufeff \t\n"):
        message = "the file is cut off in the middle of its last entry, which is left out"
        hint = "copy it from the Kindle again, or end it with a line of ten ="
        yield Problem(f"{path}: entry {len(entries) + 1}", message, hint)
    for number, entry in enumerate(entries):
        title, _, rest = entry.strip("\ufeff \t\n").partition("\n")
        heading, _, entry_text = rest.strip().partition("\n")
        is_entry = heading.startswith(("-", "–", "—"))
        if is_entry and REPLACEMENT_CHARACTER in title + entry_text:
            one_line = " ".join(entry_text.split()).replace(REPLACEMENT_CHARACTER, "?")
            message = f"letters of this entry are damaged: {one_line[:60]!r}"
            hint = "mark it again on the Kindle, or correct it in the file"
            yield Problem(f"{path}: entry {number + 1}", message, hint)
        elif is_entry:
            book = " ".join(title.replace("\ufeff", "").split())
            # the time is the last part of the heading
            untimed_heading = heading.rpartition("|")[0] or heading
            lines = [line.strip() for line in entry_text.split("\n")]
            entry_text = "\n".join(lines).strip()
            yield _parse_entry(book, untimed_heading, entry_text, number)
        elif title:
            one_line = " ".join(entry.split())
            message = f"not a Kindle entry: {one_line[:60]!r}"
            hint = "an entry has a title, a line that begins with `-`, and its text"
            yield Problem(f"{path}: entry {number + 1}", message, hint)


def parse_notebook(html: str) -> Iterator[ClippingsEntry]:
    """Yield the entries of a notebook that was exported by a Kindle app.

    A note that follows a highlight on the same page becomes part of the highlight's entry.
    """
    mark: ClippingsEntry | None = None
    # the last text of each role so far
    latest = dict.fromkeys(("book", "by", "section", "head"), "")
    index = 0
    for role, text in _group_by_role(html):
        latest[role] = text
        if role == "book":
            latest["section"] = ""
        elif role == "head":  # `Highlight (yellow) - Chapter > Page 1 · Location 2`
            kind, _, remainder = text.partition(" - ")
            latest["head"] = f"{kind} {remainder.rpartition('>')[2]}"
        elif role == "text":
            index += 1
            book = latest["book"] + (f" ({latest['by']})" if latest["by"] else "")
            entry = _parse_entry(book, latest["head"], text, index, latest["section"])
            if entry.kind == "note" and mark and entry.page == mark.page:
                mark.notes.append(entry)
                continue
            if not entry.kind:
                mark = entry
            yield entry


def _group_by_role(html: str) -> Iterator[Pair]:
    """Yield the role and the text of each block of a notebook.

    A block without a known role is appended to the previous block.
    """
    role = ""
    parts: list[str] = []
    for element, text in iter_html_blocks(parse_html(html)):
        classes = element.get_attribute_list("class") if element else ()
        match = _ROLE_CLASS.search(" ".join(filter(None, classes)))
        if match:
            if role:
                yield role, "\n".join(parts).strip()
            role = match.lastgroup or ""
            parts = [text]
        elif text:
            parts.append(text)
    if role:
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
    suffixes = (".txt", ".html", ".htm")
    wrong_file_message = "not a Kindle clippings file"
    export_hint = "My Clippings.txt is on the Kindle, in documents/"

    @classmethod
    def recognise(cls, candidate: Candidate) -> Confidence:
        """Recognise clippings by the format of an entry, and notebooks by their CSS classes."""
        patterns = [_NOTEBOOK_CLASS]
        if candidate.suffix == ".txt":
            patterns = [_ENTRY_HEADING, _ENTRY_SEPARATOR]
        is_export = all(pattern.search(candidate.head) for pattern in patterns)
        return Confidence.CONTENT if is_export else Confidence.NO

    @classmethod
    def explain_rejection(cls, candidate: Candidate) -> str:
        """Return the reason why a web page isn't a notebook, or "" for other files."""
        is_page = candidate.suffix == ".html"
        return "it was not exported by a Kindle app" if is_page else ""

    def parse_items(self, path: str, text: str) -> Iterator[ClippingsEntry | Problem]:
        """Yield the entries of a clippings file or notebook, and any problems."""
        if path.casefold().endswith(".txt"):
            yield from parse_clippings(path, text)
        else:
            yield from parse_notebook(text)

    def build_documents(self, items: list[ClippingsEntry]) -> Iterator[NamedSightings]:
        """Yield one document per book, in the order of the books' first entries.

        Then yield a notice if there are highlights for which the Kindle stored no text.
        """
        # keyed by content, because two copies of a file contain the same entries
        entries_by_book: dict[str, dict[object, ClippingsEntry]] = {}
        for entry in items:
            content = (entry.kind, entry.text, entry.location, entry.page)
            entries_by_book.setdefault(normalize_for_lookup(entry.book), {})[content] = (
                entry
            )

        textless_by_title = Counter[str]()
        for unique_entries in entries_by_book.values():
            book_entries = list(unique_entries.values())
            book = book_entries[0].book
            yield book, self._read_book(book, book_entries)
            for entry in book_entries:
                if not entry.kind and not _has_text(entry):
                    title, _ = _split_title(book)
                    textless_by_title[title] += 1
        if textless_by_title:
            titles_text = format_truncated_list(list(textless_by_title))
            highlight_count = textless_by_title.total()
            has = "has" if highlight_count == 1 else "have"
            message = (
                f"{format_count(highlight_count, 'highlight')} {has} no text: beyond the limit"
                " that the publisher sets for a book, the Kindle stores none"
            )
            hint = "all are at read.amazon.com/notebook"
            notice = Problem(titles_text, message, hint, is_notice=True)
            yield self.listing.name, iter([notice])

    def _read_book(
        self, book: str, book_entries: list[ClippingsEntry]
    ) -> Iterator[ExtractedDocument]:
        title, authors = _split_title(book)
        document = self.create_document(
            (normalize_for_lookup(book),), title, creators=authors
        )
        marks: list[ClippingsEntry] = []
        notes: list[ClippingsEntry] = []
        for entry in book_entries:
            if _has_text(entry) and entry.kind != "place":
                (notes if entry.kind else marks).append(entry)
        marks = _merge_versions(marks)

        # Add each note to the highlights that it belongs to, or keep it as a lone note. A newer
        # note at the same location is an edited version, so it replaces the older note.
        lone_notes: list[ClippingsEntry] = []
        for note in notes:
            marks_of_note = _find_highlights_for_note(note, marks)
            for existing_notes in [mark.notes for mark in marks_of_note] or [lone_notes]:
                remaining_notes = [
                    other_note
                    for other_note in existing_notes
                    if other_note.location == UNKNOWN_LOCATION
                    or other_note.location != note.location
                ]
                existing_notes[:] = [*remaining_notes, note]

        # equal passages are numbered in file order, but highlights are yielded in book order
        entries = [*marks, *lone_notes]
        passages = remove_footnote_numbers([entry.text for entry in entries])
        wider_passages = remove_footnote_numbers([entry.longer_text for entry in entries])
        highlights = []
        for entry, passage, wider_passage in zip(
            entries, passages, wider_passages, strict=True
        ):
            entry.longer_text = wider_passage
            highlights.append(self._create_highlight(document, entry, passage))
        positions = [(entry.location, entry.page.zfill(9)) for entry in entries]
        positioned = list(zip(positions, number_highlights(highlights), strict=True))
        positioned.sort(key=itemgetter(0))
        yield from self.iter_document(document, [each for _, each in positioned])

    def _create_highlight(
        self, document: Document, entry: ClippingsEntry, passage: str
    ) -> Highlight:
        is_note = bool(entry.kind)
        # a longer version of a highlight may have a second copy of the note
        comments = dict.fromkeys(note.text for note in entry.notes)
        return Highlight(
            document,
            self.listing.namespace,
            HighlightKind.NOTE if is_note else HighlightKind.HIGHLIGHT,
            exact="" if is_note else passage,
            anchor_text=entry.text if is_note or passage != entry.text else "",
            sentence=entry.longer_text,
            comment=entry.text if is_note else "\n".join(comments),
            page_label=entry.page,
            heading=entry.section,
            block_id=str(entry.location[0] or entry.page),
        )


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


# --- versions of highlights, and their notes --------------------------------------------


def _merge_versions(entries: Iterable[ClippingsEntry]) -> list[ClippingsEntry]:
    """Return the newest version of each highlight, in the order of the oldest versions.

    If an older version has a longer text, the result has it as `longer_text`.
    """
    highlights: list[ClippingsEntry] = []
    normalized_texts: list[str] = []
    for entry in entries:
        normalized_text = normalize_for_lookup(entry.text)
        older_index = _find_older_version(
            entry, normalized_text, highlights, normalized_texts
        )
        if older_index is None:
            highlights.append(entry)
            normalized_texts.append(normalized_text)
            continue
        widest_text = highlights[older_index].longer_text or highlights[older_index].text
        entry.longer_text = widest_text if len(widest_text) > len(entry.text) else ""
        highlights[older_index] = entry
        normalized_texts[older_index] = normalized_text
    return highlights


def _find_older_version(
    entry: ClippingsEntry,
    normalized_text: str,
    highlights: list[ClippingsEntry],
    normalized_texts: list[str],
) -> int | None:
    """Return the index of an older version of a highlight, or None if there is none."""
    first = max(0, len(highlights) - _MAX_EARLIER_HIGHLIGHTS)
    for index in range(len(highlights) - 1, first - 1, -1):
        # whether one text contains the other, and not just by coincidence
        shorter, longer = sorted((normalized_texts[index], normalized_text), key=len)
        if len(shorter) >= _MIN_UNIQUE_CHARS:
            is_version = shorter in longer
        elif entry.location != UNKNOWN_LOCATION:
            is_version = longer.startswith(shorter) or longer.endswith(shorter)
        else:
            is_version = shorter == longer
        if is_version and entry.overlaps(highlights[index]):
            # If the older version was itself shortened, its longer text must not be lost.
            wider = normalize_for_lookup(highlights[index].longer_text)
            if normalized_text in wider or wider in normalized_text:
                return index
    return None


def _find_highlights_for_note(
    note: ClippingsEntry, highlights: list[ClippingsEntry]
) -> list[ClippingsEntry]:
    """Return the highlights that a note belongs to.

    Usually, this is only the last highlight that ends at the note's location. If there is none, it
    is the last highlight that overlaps the note. A note with the privacy tag belongs to all of
    these highlights, because it is unknown which one the user meant.
    """
    overlapping_highlights = [
        highlight for highlight in highlights if note.overlaps(highlight)
    ]
    if note.location == UNKNOWN_LOCATION and len(overlapping_highlights) > 1:
        # of several highlights on the page, choose the one whose entry is next to the note's
        overlapping_highlights = [
            highlight
            for highlight in overlapping_highlights
            if abs(highlight.index - note.index) == 1
        ]
    ending_highlights = [
        highlight
        for highlight in overlapping_highlights
        if highlight.location[1] == note.location[0]
    ]
    best_highlights = ending_highlights or overlapping_highlights
    return best_highlights if contains_private_tag(note.text) else best_highlights[-1:]
