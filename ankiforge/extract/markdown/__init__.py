"""Markdown and plain text outside Obsidian: folders of `.md`, `.markdown` and `.txt` files.

    sources:
      - markdown: {name: journal, path: ~/Documents/Journal}

The marks and hand-written cards are those of an Obsidian vault, and this package reads
both: `parts` reads a document, `placeholders` hide its comments and maths, `blocks` cuts it
into blocks, `inline` parses the text of a block, `hand_written` recognises hand-written cards,
`quotes` finds passages pasted from papers, `note` builds the highlights. `patterns` says soon
whether a note has any.

The front matter may be Joplin's. Plain text is read as Markdown in which indentation has
no meaning and text after `> ` is a passage the reader kept. The plain text of a file,
from which keys are made, is computed as for a vault note (docs/reference/keys.md).
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import suppress
from pathlib import PurePosixPath
from shlex import quote
from typing import TYPE_CHECKING, Any, Literal, NamedTuple, get_args

from ankiforge.errors import ItemError
from ankiforge.extract.base import Candidate, Confidence, Recognition, SourceSettings
from ankiforge.extract.discover import PICTURES, SOUNDS, kind_of
from ankiforge.extract.files import read_settled
from ankiforge.extract.folder import File, FileSource, PictureAt, selected_forms
from ankiforge.extract.markdown.patterns import (
    ASKED,
    FEWEST_TERMS,
    GAPPED,
    SIGN,
    may_link_back,
)
from ankiforge.model import (
    Document,
    DocumentKey,
    Problem,
    Sighting,
    Strings,
    WholeText,
    h16,
)
from ankiforge.text import AnyOf, regex
from ankiforge.text.private import names_tag

if TYPE_CHECKING:  # the reader of Markdown is loaded when a note is read
    from ankiforge.extract.markdown.hand_written import Written
    from ankiforge.extract.markdown.plugins import Dialects

Mark = Literal["==", "mark", "bold", "callout", "quote"]
HandWritten = Literal["inline", "block", "cloze", "glossary"]
"""`front::back`; front, `?`, back; `{{answer}}`; `Term: definition` in lists."""
CARDS: tuple[HandWritten, ...] = get_args(HandWritten)


class MarkdownSettings(SourceSettings, kw_only=True):
    """The keys of a `markdown:` source."""

    include: Strings = ("**/*.md", "**/*.markdown", "**/*.txt")
    exclude: Strings = ()
    marks: tuple[Mark, ...] = ("==", "mark")
    """`quote`: text after `> ` is a passage in Markdown, too; in plain text it always is."""
    cards: tuple[HandWritten, ...] = CARDS
    glossary_headings: Strings = ()


class NotePart(NamedTuple):
    """One text of a document in Markdown, or converted to it."""

    text: str
    """Markdown with LF line ends."""
    id: str = ""
    """Its id in the file; "" if it has none."""
    private: bool = False
    """Whether all of it must stay on this machine, whatever its text says."""


class MarkdownNote(NamedTuple):
    """A document in Markdown: a note, the cards of a canvas, the cells of a notebook."""

    document: Document
    """Its properties, without those that its front matter and the `#tags` in it name."""
    marks: frozenset[str]
    """The kinds of marks to read."""
    parts: Sequence[NotePart]
    """Its texts, in reading order."""
    is_whole: bool = True
    """Whether its one part is the file, which may begin with front matter."""
    apart: bool = False
    """Whether each part is a note of its own: its tags are about itself, and no heading of an
    earlier part is above it."""
    dialects: Dialects | None = None
    written: Callable[[str], Mapping[int, Written]] | None = None
    """Return the cards that expressions of a plugin find in a text, by the line of their start."""
    deck_of_cards: str = ""
    """The deck of the document if it has cards of a plugin, and says no other."""
    private_lines: frozenset[int] = frozenset()
    """The numbers of the lines that are private by their indentation, which the text has lost."""

    @property
    def text(self) -> str:
        """The texts of all parts."""
        return "\n\n".join([part.text for part in self.parts])


class WantedMarks(NamedTuple):
    """The marks and hand-written cards to read."""

    marks: frozenset[str]
    cards: frozenset[str]
    glossaries: frozenset[str]
    """The headings, casefolded, above a list of terms."""
    fields: bool = True
    """Whether `key:: value` on a line is a field and no card."""


# Signs of each kind of mark and card; a note without any of them has none.
_SIGNS = {
    "==": AnyOf("==", "＝＝"),
    "mark": AnyOf("<mark", "<span", "~={"),
    "bold": AnyOf("**", "__"),
    "callout": AnyOf("[!"),
    "quote": AnyOf(">"),
    "inline": AnyOf("::", "：："),
    "cloze": AnyOf("{{"),
}
_SEPARATOR = regex(r"\n[ \t>]*[?？]{1,2}[ \t]*\n")
# A question in letters, and a text with gaps: a pattern that begins with the end of the line
# above is found much sooner than one that begins with `^`.
_LETTERS = regex(rf"\n[ \t>]*(?:{ASKED}|{GAPPED})")
# A block of Logseq that is a card.
_CARD_OF_LOGSEQ = regex(r"#card\b|\[\[card\]\]")
# Six lines that may be `- Term: meaning`, of a list or with a bold term.
_TERMS = regex(
    r"(?m)\n(?:^[ \t>]{0,20}+(?:[-*+•‣◦·▪●■]|\d{1,3}[.)]|(?=\*\*|__))[^:：\n]{1,80}+"
    rf"[:：][^\n]*+\s*+){{{FEWEST_TERMS}}}"
)
_GLOSSARIES = ("glossary", "definitions", "key terms")
"""Headings above a list of terms; the settings may add others."""
# When bold phrases are reported: from so many phrases, fewer in a few notes without marks and
# cards, and if there are so many times more of them than marks.
_MANY_BOLD = 20
_BOLD_IN_NOTE = 3
_OTHERS = AnyOf("==", "<mark", "::", "{{", "Q:", "#card")
_TIMES_MARKED = 2
# Lines such as `**Page 12 (Loc. 170-73)**` are of a program.
_BOLD = regex(r"(?<![*\\])\*\*(?=[^\s*])(?!Page \d|Date:)[^*\n]{2,80}(?<=\S)\*\*(?!\*)")


# The id that Notion puts behind the name of each page that it exports.
_ID_OF_NOTION = regex(r"[ _-][0-9a-f]{32}\Z")


def title_of(path: str) -> str:
    """Return the title of a note by the name of its file."""
    stem = PurePosixPath(path).stem
    return _ID_OF_NOTION.sub("", stem) or stem


class NoteSource(FileSource):
    """A source of Markdown notes."""

    uses = tuple(sorted(PICTURES | SOUNDS))  # notes show and play them

    def note_of(self, file: File, text: str) -> MarkdownNote | None:
        """Return a file as a document in Markdown; None if another source reads it.

        Raises:
            ItemError: it is none.
        """
        raise NotImplementedError

    def document(self, file: File, text: str, picture: PictureAt) -> Iterator[Sighting]:
        """Yield the document of a note, unless it has no highlights, and problems."""
        note = self.note_of(file, text)
        if note is not None:
            from ankiforge.extract.markdown import parts

            phrases = self.folder.phrases
            if "**" in note.text:
                phrases["bold"] += len(_BOLD.findall(note.text))
            phrases["marked"] += note.text.count("==") // 2
            yield from parts.read_note(self, note, picture)

    def whole(self, file: File, reader: Any) -> WholeText:
        """Return the plain text of a note, a page for each of its parts."""
        from ankiforge.extract.markdown import parts

        text, _ = read_settled(file.place)
        note = self.note_of(file, text)
        if note is None:
            return super().whole(file, reader)
        return parts.whole_text(self, note, lambda name: self.state_of(name, file))

    def first_notices(self, files: Sequence[File]) -> Iterator[Problem]:
        """Yield a notice with the number of bold phrases, if a person seems to mark in bold."""
        marks = getattr(self.settings, "marks", ("bold",))
        if marks and set(marks) != {"==", "mark"}:
            return
        phrases = self.folder.phrases
        bold = phrases["bold"]
        fewest = _MANY_BOLD
        if _BOLD_IN_NOTE * len(files) <= bold < fewest and not self._has_others(files):
            fewest = bold
        if bold >= fewest and bold > _TIMES_MARKED * phrases["marked"]:
            message = f"phrases in bold are not read as marks: {bold:,}"
            places = self.folder.only or (self.folder.root,)
            paths = " ".join([quote(str(place)) for place in places])
            hint = f"to read them, too: ankiforge run {paths} --marks bold"
            yield Problem(places[0].name, message, hint, notice=True)

    def _has_others(self, files: Sequence[File]) -> bool:
        """Return whether any of a few notes may hold marks or cards."""
        for file in files:
            with suppress(ItemError):
                text = "\n".join(["", *self.texts(file)])
                if _OTHERS.is_in(text) or _TERMS.search(text) or SIGN.search(text):
                    return True
        return False

    def public_text(self, file: File) -> str:
        """Return the plain text of a file in which nothing is marked or private."""
        from ankiforge.extract.markdown import parts

        try:
            return parts.public_text(self.texts(file))
        except ItemError:  # it went away: what was private in it stays so
            return ""

    def texts(self, file: File) -> Strings:
        """Return the texts of a file in Markdown."""
        return (file.text(),)

    def wanted(self, marks: frozenset[str]) -> WantedMarks:
        """Return the marks and hand-written cards to read."""
        headings = (*_GLOSSARIES, *map(str.casefold, self.settings.glossary_headings))
        cards = selected_forms(self.settings.cards, CARDS)
        return WantedMarks(marks, cards, frozenset(headings))

    def may_hold(self, note: MarkdownNote) -> bool:
        """Return whether a note may contain something to read; most notes of a vault do not."""
        from ankiforge.extract.markdown.placeholders import may_quote

        text = note.text
        wanted = self.wanted(note.marks)
        lines = f"\n{text}\n"
        folded = lines.casefold()
        for kind in _SIGNS.keys() & (wanted.marks | wanted.cards):
            if _SIGNS[kind].is_in(folded):
                return True
        if "block" in wanted.cards:
            if ("?" in folded or "？" in folded) and _SEPARATOR.search(folded):
                return True
            if _LETTERS.search(lines):
                return True
            if "card" in text and _CARD_OF_LOGSEQ.search(text):
                return True
        if "glossary" in wanted.cards:
            if any(heading in folded for heading in wanted.glossaries):
                return True
            if sum(map(text.count, ":：")) >= FEWEST_TERMS and _TERMS.search(lines):
                return True
        if may_link_back(folded) or may_quote(text):
            return True
        return SIGN.search(lines) is not None


# --- files of Markdown and plain text ---------------------------------------------------


class Texts(NoteSource):
    """The Markdown and plain text files of one folder."""

    kind = "markdown"
    Settings = MarkdownSettings
    endings = (
        ".markdown",
        ".txt",
    )  # a note that ends in .md is one of a vault, if nothing is known
    is_unambiguous = False

    @classmethod
    def recognise(cls, candidate: Candidate) -> Recognition:
        """Return a possible text for plain text; Markdown is one."""
        if candidate.ending == ".txt":
            return Recognition(Confidence.POSSIBLE)
        return super().recognise(candidate)

    def note_of(self, file: File, text: str) -> MarkdownNote | None:
        """Return a file as a document in Markdown."""
        if file.path.endswith(".txt") and kind_of(file.at) != self.kind:
            return None  # another source reads it: clippings, for example
        path = PurePosixPath(file.path)
        marks = frozenset[str](self.settings.marks)
        private_lines = frozenset[int]()
        if path.suffix.casefold() not in (".md", ".markdown"):
            if names_tag(text):
                from ankiforge.extract.markdown.parts import lines_below_tagged

                private_lines = lines_below_tagged(text)
            # Markdown reads indentation as code; fences keep theirs
            text = _INDENT.sub(lambda match: match["fence"] or "", text)
            marks |= {"quote"}
        folder = self.folder
        key = DocumentKey(f"{folder.namespace}/{h16(file.path)}")
        document = Document(key, folder.name, title=title_of(file.path), path=file.path)
        return MarkdownNote(
            document, marks, (NotePart(text),), private_lines=private_lines
        )


# What is before a line, and a whole fence.
_INDENT = regex(
    r"(?ms)^[ \t\u3000]*(?P<fence>(?P<sign>`{3,}|~{3,}).*?(?:^[ \t]*(?P=sign)|\Z))?"
)
