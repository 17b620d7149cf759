"""The source for directories of Markdown and text files, and the base class of note sources.

`obsidian` reads vaults and `jupyter` reads notebooks. `parsed_note` reads a single note:
`placeholders` hides comments and maths, `blocks` splits the note into blocks, `inline` parses the
text of a block, `hand_written` and `block_cards` find cards, `cited_quotes` and `exported_notes`
find quotes from papers and books, and `note_reader` creates the highlights. Plain text is read as
Markdown, except that indentation has no meaning and text after `> ` is a highlight.
"""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Iterator, Mapping, Sequence
from pathlib import PurePosixPath
from shlex import quote
from typing import TYPE_CHECKING, Any, Literal, NamedTuple, get_args

from ankiforge.errors import ItemError
from ankiforge.extract.base import Candidate, Confidence, SourceSettings
from ankiforge.extract.discover import find_source_kind
from ankiforge.extract.file_source import (
    File,
    FindPicture,
    TextFileSource,
    select_card_syntaxes,
)
from ankiforge.extract.files import read_when_unchanged
from ankiforge.extract.foreign_formats import (
    PICTURE_SUFFIXES,
    SOUND_SUFFIXES,
    find_foreign_format,
)
from ankiforge.extract.markdown.syntaxes import (
    may_contain_highlights,
    may_contain_unread_cards,
)
from ankiforge.model import (
    Document,
    DocumentKey,
    DocumentText,
    Problem,
    Sighting,
    Strings,
    hash16,
)
from ankiforge.text import contains_chat_prompt, regex
from ankiforge.text.private import (
    contains_private_tag_name,
    get_document_privacy_reason,
)

if TYPE_CHECKING:  # the modules that read notes are loaded when the first note is read
    from ankiforge.extract.markdown.plugins import PluginSyntaxes

MarkKind = Literal["==", "mark", "bold", "callout", "quote"]
HandWrittenForm = Literal["inline", "block", "cloze", "glossary"]
"""The kinds of hand-written cards: `front::back`, two sides separated by a line `?`,
`{{c1::answer}}`, and a list of `Term: definition`."""
HAND_WRITTEN_FORMS: tuple[HandWrittenForm, ...] = get_args(HandWrittenForm)


class MarkdownSettings(SourceSettings, kw_only=True):
    """The settings of a `markdown:` source."""

    include: Strings = ("**/*.md", "**/*.markdown", "**/*.txt")
    exclude: Strings = ()
    marks: tuple[MarkKind, ...] = ("==", "mark")
    """The kinds of marks to read. With `quote`, text after `> ` is a highlight in Markdown files
    too, as it always is in plain text."""
    cards: tuple[HandWrittenForm, ...] = HAND_WRITTEN_FORMS
    glossary_headings: Strings = ()


class MarkdownNote(NamedTuple):
    """The unparsed Markdown of a note, with the document that it belongs to."""

    document: Document
    """The note's document, still without the tags and properties in the note."""
    marks: frozenset[str]
    """The kinds of marks to read."""
    text: str
    """The Markdown with LF line ends, including any front matter."""
    dialects: PluginSyntaxes | None = None
    """The syntaxes in which plug-ins write cards, with their settings, or None if no plug-in
    writes cards."""
    plugin_deck: str = ""
    """The deck that the plug-in's settings choose for these cards, used if the note names none."""
    private_lines: frozenset[int] = frozenset()
    """The numbers of the lines that were indented below a line with the privacy tag. They are
    kept here because `text` no longer has this indentation."""

    @property
    def may_be_private(self) -> bool:
        """Whether the note or part of it may be private. This only searches for the privacy tag."""
        reason = get_document_privacy_reason(self.document)
        return bool(reason) or contains_private_tag_name(self.text)


class KindsToRead(NamedTuple):
    """The kinds of highlights and hand-written cards to read from a note."""

    marks: frozenset[str]
    cards: frozenset[str]
    glossary_headings: frozenset[str]
    """The casefolded headings of sections that count as glossaries."""
    reads_fields: bool = True
    """Whether a line `key:: value` is a field instead of a card."""


_GLOSSARY_HEADINGS = ("glossary", "definitions", "key terms")
"""The default glossary headings, which the settings can extend."""
# The user seems to mark in bold if there are at least `_MIN_BOLD` bold phrases, or
# `_MIN_BOLD_PER_NOTE` in each of a few notes that have no other marks or cards. In both cases,
# there must be more than `_MIN_BOLD_PER_MARK` for each mark.
_MIN_BOLD = 20
_MIN_BOLD_PER_NOTE = 3
_MIN_BOLD_PER_MARK = 2
# A phrase in bold. Programs write lines such as `**Page 12 (Loc. 170-73)**`, which don't
# count.
_BOLD_PHRASE = regex(
    r"(?<![*\\])\*\*(?=[^\s*])(?!Page \d|Date:)[^*\n]{2,80}(?<=\S)\*\*(?!\*)"
)


# The id that Notion appends to the names of exported pages.
_NOTION_ID = regex(r"[ _-][0-9a-f]{32}\Z")


def parse_title(path: str) -> str:
    """Derive a note's title from its file name, without the suffix or Notion's page id."""
    stem = PurePosixPath(path).stem
    return _NOTION_ID.sub("", stem) or stem


class NoteSource(TextFileSource):
    """Base class for sources whose documents are Markdown notes."""

    used_suffixes = tuple(sorted(PICTURE_SUFFIXES | SOUND_SUFFIXES))  # embedded in notes

    @abstractmethod
    def to_markdown_note(self, file: File, text: str) -> MarkdownNote | None:
        """Convert a file to a Markdown note, or return None to leave it to another source.

        Raises:
            ItemError: The file is not a note.
        """

    def read_document(
        self, file: File, text: str, picture: FindPicture
    ) -> Iterator[Sighting]:
        """Yield any problems with a note, then its document.

        The document is omitted if the note has no highlights, no private text and no text that
        resembles a highlight. Also counts the note's bold and highlighted phrases for
        `iter_first_scan_notices`.
        """
        note = self.to_markdown_note(file, text)
        if note is None:
            return
        may_have_highlights = self.may_contain_highlights(note)
        self._count_phrases(note.text, may_have_highlights)
        must_parse = may_have_highlights or note.may_be_private
        if must_parse or _may_contain_other_cards(note):
            from ankiforge.extract.markdown import parsed_note

            yield from parsed_note.read_note(self, note, picture, must_parse=must_parse)

    def _count_phrases(self, text: str, may_have_highlights: bool) -> None:
        """Count the bold and highlighted phrases of a note. See `_seems_to_mark_in_bold`."""
        counts = self.listing.phrase_counts
        if "**" in text:
            counts["bold"] += len(_BOLD_PHRASE.findall(text))
        counts["marked"] += text.count("==") // 2
        if may_have_highlights:
            counts["notes with other marks"] += 1

    def read_whole_text(self, file: File, reader: Any) -> DocumentText:
        """Return the complete plain text of a note."""
        from ankiforge.extract.markdown import parsed_note

        text, _ = read_when_unchanged(file.disk_path)
        note = self.to_markdown_note(file, text)
        if note is None:
            return super().read_whole_text(file, reader)
        return parsed_note.read_whole_text(
            self, note, lambda name: self.get_dependency_fingerprint(name, file)
        )

    def iter_first_scan_notices(self, files: Sequence[File]) -> Iterator[Problem]:
        """Yield a notice if the user seems to highlight in bold. By default, bold isn't read.

        The notice states the number of bold phrases in `files`.
        """
        # some sources have no such setting
        marks = getattr(self.settings, "marks", ("bold",))
        is_default = not marks or set(marks) == {"==", "mark"}
        if not is_default:
            return  # the user has chosen what to read
        phrases = self.listing.phrase_counts
        if _seems_to_mark_in_bold(phrases, len(files)):
            message = f"phrases in bold are not read as marks: {phrases['bold']:,}"
            places = self.listing.only or (self.listing.root,)
            paths = " ".join([quote(str(place)) for place in places])
            hint = f"to read them, too: ankiforge run {paths} --marks bold"
            yield Problem(places[0].name, message, hint, is_notice=True)

    def read_public_text(self, file: File) -> str:
        """Return the plain text of a note that has no highlights, or "" if it can't be read."""
        from ankiforge.extract.markdown import parsed_note

        try:
            note = self.to_markdown_note(file, file.read_text())
            return parsed_note.extract_public_text(note.text) if note else ""
        except ItemError:
            # the file is missing, so it isn't known which parts of it are private
            return ""

    def combine_kinds_to_read(self, mark_kinds: frozenset[str]) -> KindsToRead:
        """Combine kinds of marks with the kinds of cards and the glossary headings to read."""
        own_headings = map(str.casefold, self.settings.glossary_headings)
        headings = (*_GLOSSARY_HEADINGS, *own_headings)
        cards = select_card_syntaxes(self.settings.cards, HAND_WRITTEN_FORMS)
        return KindsToRead(mark_kinds, cards, frozenset(headings))

    def may_contain_highlights(self, note: MarkdownNote) -> bool:
        """Quickly check whether a note might contain highlights. False positives are possible.

        A note for which this returns false needn't be parsed.
        """
        kinds = self.combine_kinds_to_read(note.marks)
        return may_contain_highlights(note.text, *kinds[:3])


def _may_contain_other_cards(note: MarkdownNote) -> bool:
    """Return whether a note may contain cards of plug-ins or other tools, or is a chat's prompt."""
    if note.dialects or may_contain_unread_cards(note.text):
        return True
    return contains_chat_prompt(note.text)


def _seems_to_mark_in_bold(phrases: Mapping[str, int], note_count: int) -> bool:
    """Return whether bold phrases are so frequent that they seem to be marks.

    `phrases` has the numbers of `bold` and `marked` phrases and of `notes with other marks`.
    """
    if phrases["bold"] <= _MIN_BOLD_PER_MARK * phrases["marked"]:
        return False
    if phrases["bold"] >= _MIN_BOLD:
        return True
    has_other_marks = phrases["notes with other marks"] > 0
    return not has_other_marks and phrases["bold"] >= _MIN_BOLD_PER_NOTE * note_count


# --- files of Markdown and plain text ---------------------------------------------------


class TextFiles(NoteSource):
    """Markdown and plain text files in a directory that isn't a vault."""

    kind = "markdown"
    Settings = MarkdownSettings
    # by default, `.md` files are read as notes of a vault
    suffixes = (".markdown", ".txt")
    is_unambiguous = False

    @classmethod
    def recognise(cls, candidate: Candidate) -> Confidence:
        """Recognise Markdown files, and plain text files with low confidence."""
        if candidate.suffix == ".txt":
            is_foreign = find_foreign_format(candidate) is not None
            return Confidence.NO if is_foreign else Confidence.POSSIBLE
        return super().recognise(candidate)

    def to_markdown_note(self, file: File, text: str) -> MarkdownNote | None:
        """Convert a file to a Markdown note, or return None to leave it to another source.

        In plain text, indentation isn't code, and lines with `>` are quotes that someone marked.
        """
        if file.path.endswith(".txt") and find_source_kind(file.as_path) != self.kind:
            return None  # it may be a file of clippings, for example
        folder = self.listing
        document = Document(
            DocumentKey(f"{folder.namespace}/{hash16(file.path)}"),
            folder.name,
            title=parse_title(file.path),
            path=file.path,
        )
        marks = frozenset[str](self.settings.marks)
        suffix = PurePosixPath(file.path).suffix.casefold()
        if suffix in (".md", ".markdown"):
            return MarkdownNote(document, marks, text)

        private_lines = frozenset[int]()
        if contains_private_tag_name(text):
            from ankiforge.extract.markdown.parsed_note import (
                find_lines_below_private_tag,
            )

            private_lines = find_lines_below_private_tag(text)
        # remove indentation outside fences, because it would be code in Markdown
        text = _INDENT_OR_FENCE.sub(lambda match: match["fence"] or "", text)
        return MarkdownNote(
            document, marks | {"quote"}, text, private_lines=private_lines
        )


# The indentation of a line, or a whole fence.
_INDENT_OR_FENCE = regex(
    r"(?ms)^[ \t\u3000]*(?P<fence>(?P<sign>`{3,}|~{3,}).*?(?:^[ \t]*(?P=sign)|\Z))?"
)
