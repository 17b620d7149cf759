"""Reading one note: from its text to its document with all highlights."""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import replace
from typing import Protocol
from urllib.parse import quote

from ankiforge.extract._selection import forms
from ankiforge.extract.obsidian import CARDS
from ankiforge.extract.obsidian.blocks import Blocks, cut
from ankiforge.extract.obsidian.citing import papers
from ankiforge.extract.obsidian.covers import cover
from ankiforge.extract.obsidian.dialects import choice
from ankiforge.extract.obsidian.dialects.choice import chosen
from ankiforge.extract.obsidian.dialects.page import Dialect, Page
from ankiforge.extract.obsidian.dialects.placing import ByTools, by_tools
from ankiforge.extract.obsidian.front import Front, front_matter
from ankiforge.extract.obsidian.note import Wanted, highlights
from ankiforge.extract.obsidian.pieces import Around
from ankiforge.extract.obsidian.quotes import PASTED
from ankiforge.model import Document, DocumentKey, Extracted, Problem, h16
from ankiforge.text.identifiers import is_export

MARKS = ("==", "mark")
"""What counts as a mark where nothing is said."""


class Wishes(choice.Wishes, Protocol):
    """The settings this module looks at."""

    @property
    def include(self) -> tuple[str, ...]: ...  # noqa: D102 - as in Settings
    @property
    def exclude(self) -> tuple[str, ...]: ...  # noqa: D102
    @property
    def marks(self) -> tuple[str, ...] | None: ...  # noqa: D102
    @property
    def glossary_headings(self) -> tuple[str, ...]: ...  # noqa: D102


class NoteReader:
    """Reads the notes of one vault."""

    def __init__(
        self, name: str, namespace: str, container: str, vault: str, settings: Wishes
    ) -> None:
        """For the source `name` whose keys begin with `namespace`; `vault` is the folder's name."""
        self.name, self.namespace, self.container, self.vault = name, namespace, container, vault
        self.any_marks = settings.marks is None
        marks = frozenset(MARKS if settings.marks is None else settings.marks)
        cards = forms(settings.cards, CARDS).intersection(_CARD_SIGNS)
        self.wanted = Wanted(marks, cards, settings.glossary_headings)
        self.dialects = chosen(settings)
        self.signs = _signs(self.wanted, self.dialects)

    def read(
        self, path: str, text: str, picture: Callable[[str], str]
    ) -> tuple[tuple[Problem, ...], Extracted | None]:
        """What is wrong with a note that says something, and what it says.

        Args:
            path: of the note, below the vault.
            text: its text, line ends LF.
            picture: gives the path of a picture by what the note calls it, "" if it is none.
        """
        if not self.signs.search(text) or is_export(text):
            return (), None
        deep = self._too_deep(path, text)
        front = front_matter(text)
        covered = cover(_without_head(text, front.lines))
        if not self.signs.search(covered.quiet):
            return deep, None
        blocks = cut(covered, Around(picture=picture))
        document = self._document(path, front, blocks)
        page = Page(path, text, covered, blocks, front.tags, front.note_id)
        tools = by_tools(page, self.dialects)
        wanted = self._wanted(tools)
        found = highlights(document, self.namespace, blocks, wanted, front.skip, tools)
        if not found:
            return deep, None
        hint = "correct it, or the note's title, tags and deck are not known"
        problems = (Problem(path, front.problem, hint),) if front.problem else ()
        return (*problems, *deep), Extracted(document, found, self.container)

    def _too_deep(self, path: str, text: str) -> tuple[Problem, ...]:
        """What stands in more quotes or lists than are read."""
        deep = (match for match in _DEEP.finditer(text) if _levels(match["indent"] or "") >= 100)
        lines = [match[0] for match in deep if self.signs.search(match["text"])]
        if not lines:
            return ()
        what = f"{len(lines)} lines with marks more than 100 quotes or lists deep are not read"
        what = what if len(lines) > 1 else what.replace("1 lines", "1 line").replace("are", "is")
        return (Problem(path, what, "quote them less deep", notice=True),)

    def _wanted(self, tools: ByTools) -> Wanted:
        """With a tool's own forms; what is its to read is no mark, unless marks were asked for."""
        marks = self.wanted.marks
        marks = marks - {"=="} if self.any_marks and tools.highlights else marks
        return replace(self.wanted, marks=marks, cards=self.wanted.cards | tools.ours)

    def _document(self, path: str, front: Front, blocks: Blocks) -> Document:
        vault, file = quote(self.vault, safe=""), quote(path[:-3], safe="")
        return Document(
            key=DocumentKey(f"{self.namespace}/{h16(path)}"),
            source=self.name,
            title=front.title or path.rpartition("/")[2][:-3],
            path=path,
            identifiers=tuple(dict.fromkeys([*front.identifiers, *papers(blocks.blocks)])),
            uri=f"obsidian://open?vault={vault}&file={file}",
            tags=tuple(dict.fromkeys([*front.tags, *blocks.tags])),
            deck=front.deck,
        )


def _without_head(text: str, lines: int) -> str:
    """The note with its first lines empty, so that line numbers stay."""
    rest = text.split("\n", lines)[lines] if text.count("\n") >= lines else ""
    if "EXCALIDRAW VIEW" in rest:
        rest = _DRAWING.sub("", rest, count=1)
    return "\n" * lines + rest


def _levels(indent: str) -> int:
    """How deep an item of a list stands at most; a line in quotes has no indent and is deep."""
    return indent.count("\t") + indent.count(" ") // 2 if indent else 100


_DEEP = re.compile(
    r"^(?:(?:[ \t]{0,4}+>){100,}+|(?P<indent>[ \t]{100,}+)(?:[-*+]|\d{1,9}[.)])[ \t])(?P<text>.*)$",
    re.MULTILINE,
)
"""A line in a hundred quotes, or one that may be an item of a list a hundred deep. Possessive: a
note of blanks costs no more than its length."""
_DRAWING = re.compile(r"^==⚠[^\n=]*EXCALIDRAW VIEW[^\n=]*==[^\n]*", re.MULTILINE)
"""What the program writes into a drawing that is a note; nobody marked it."""


_MARK_SIGNS = {"==": r"==", "mark": r"<mark", "bold": r"\*\*|__", "callout": r"\[!"}
_ITEM = r"^[ \t>]*(?:[-*+]|\d{1,9}[.)])[ \t].*[:：]"
_CARD_SIGNS = {
    "inline": r"::",
    "block": r"^[ \t>]*\?\??[ \t]*$",
    "cloze": r"\{\{",
    "glossary": _ITEM,
    "term": _ITEM,
}


def _signs(wanted: Wanted, dialects: tuple[Dialect, ...]) -> re.Pattern[str]:
    """Without any of these a note has no highlight, and is not parsed."""
    signs = [_MARK_SIGNS[mark] for mark in sorted(wanted.marks)]
    signs += [_CARD_SIGNS[card] for card in sorted(wanted.cards)]
    signs += [dialect.signs for dialect in dialects]
    signs.append(PASTED)
    return re.compile("|".join(signs) or r"(?!)", re.MULTILINE | re.IGNORECASE)
