"""Folders of cards that yanki and AnkiOps keep in Markdown files.

    sources:
      - yanki: {name: cards, path: ~/Cards}
      - ankiops: {name: decks, path: ~/AnkiOps}

yanki has one card a file, AnkiOps one deck a file. Each card is rewritten as `START …
END`, as Obsidian_to_Anki has it, with the tool's id as its comment, and read like any
note of a vault.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from itertools import count
from typing import Any, NamedTuple, Self

from msgspec.structs import replace as with_values

from ankiforge.extract.base import Opening
from ankiforge.extract.folder import File
from ankiforge.extract.markdown import obsidian
from ankiforge.extract.markdown.dialects import Dialects
from ankiforge.model import Extracted, Sighting
from ankiforge.text import regex
from ankiforge.text.private import IN_ITS_NOTE, TAG, has_tag, names_tag
from ankiforge.text.tools import key_number


class DeckSettings(obsidian.VaultSettings, kw_only=True):
    """The keys of both sources."""

    marks: tuple[obsidian.Mark, ...] | None = ()
    cards: tuple[Any, ...] = ("o2a",)


@dataclass(frozen=True)
class _Decks(obsidian.Vault):
    """A folder of cards. No file shows by itself that it is one, so the settings have to say it."""

    Settings = DeckSettings
    endings = ()
    keeps_inner = False
    noun = ""
    example = ""
    options_shown = ()

    @classmethod
    def open(cls, opening: Opening) -> Self:
        """Return a reader of a folder of cards."""
        decks = super().open(opening)
        # the cards are rewritten by the plugin's own words, whatever a vault around them
        # says
        return replace(decks, dialects=Dialects(("o2a",)), problems=())

    def cards(self, text: str) -> Iterator[_Card]:
        """Yield the cards of a file."""
        raise NotImplementedError

    def document(
        self,
        file: File,
        text: str,
        picture: Callable[[str], str],
    ) -> Iterator[Sighting]:
        """Yield the document of a file with its cards.

        A card is private if anything of it has the tag, also what no field is made of; and
        so is the whole file if the tag is outside of the cards.
        """
        cards = []
        rest = text
        for card in self.cards(text):
            cards.append(card.rewritten)
            rest = rest.replace(card.original, "", 1)
        sightings = self.written_document(
            file,
            "\n\n".join(cards),
            picture,
            original=text,
            why_private=IN_ITS_NOTE if has_tag(rest) else "",
        )
        for sighting in sightings:
            if not isinstance(sighting, Extracted):
                yield sighting
                continue
            # the tool that wrote the ids is not the one whose words were used
            highlights = [
                with_values(highlight, tool=highlight.tool and self.kind)
                for highlight in sighting.highlights
            ]
            yield with_values(sighting, highlights=tuple(highlights))


# What Obsidian_to_Anki takes for the name of a field.
_FIELD = regex(
    r"(?m)^(?P<line>[A-Z][\w ]{0,24}):"
    r"|(?P<word>(?<=\s)(?:Front|Back|Extra|Text|Question|Answer)):"
)


class _Card(NamedTuple):
    """A card of a file."""

    original: str
    """All that belongs to it in the file."""
    note_type: str
    id: str
    """The tool's, or ""."""
    front: str
    back: str
    tags: str = ""
    """Its tags as written."""

    @property
    def rewritten(self) -> str:
        """The card as Obsidian_to_Anki would write it."""
        front = _without_field_names(self.front.strip())
        back = _without_field_names(self.back.strip())
        is_private = has_tag(self.original) or names_tag(self.tags)
        tags = f"\nTags: {TAG}" if is_private else ""
        comment = f"\n<!--ID: {self.id}-->" if self.id else ""
        return f"START\n{self.note_type}\n{front}\nBack: {back}{tags}{comment}\nEND"


def _without_field_names(side: str) -> str:
    return _FIELD.sub(lambda name: name[0][:-1] + r"\:", side)


# --- yanki ------------------------------------------------------------------------------

_HEAD = regex(r"(?s)\A\s*---[ \t]*\n(.*?)\n---[ \t]*(?:\n|\Z)")
_NOTE_ID = regex(r"(?m)^noteId:[ \t]*(\d+)")
_RULE = regex(r"(?m)^[ ]{0,3}(?:-[ \t]*){3,}$|^[ ]{0,3}(?:\*[ \t]*){3,}$")
_STRUCK = regex(
    r"(?s)~~(?:(\d{1,2})\s{1,9})?(.{1,2000}?)(?:\s{1,9}[_*]([^_*]{1,200})[_*])?~~"
)
_TYPED = regex(r"[_*]([^_*]+)[_*]")


class Yanki(_Decks):
    """A folder in which each file is a card of yanki."""

    kind = "yanki"

    def cards(self, text: str) -> Iterator[_Card]:
        """Yield the card of a file: its structure shows the note type."""
        original = text
        id = ""
        head = _HEAD.match(text)
        if head:
            note_id = _NOTE_ID.search(head[1])
            id = note_id[1] if note_id else ""
            text = text[head.end() :]
        parts = [part.strip() for part in _RULE.split(text)]
        front = parts[0]
        back = parts[1] if len(parts) > 1 else ""
        note_type = "Basic"
        above, _, last_line = front.rpartition("\n")
        typed = _TYPED.fullmatch(last_line.strip()) if above else None
        if _STRUCK.search(front):
            note_type = "Cloze"
            front = _with_gaps(front)
        elif len(parts) > 2 and not parts[1]:
            note_type = "Basic (and reversed card)"
            back = parts[2]
        elif len(parts) == 1 and typed:
            front, back = above, typed[1]
        if front.strip() and (back or note_type == "Cloze"):
            yield _Card(original, note_type, id, front, back)


def _with_gaps(text: str) -> str:
    """Return a text whose struck words are gaps, numbered if they say no number."""
    numbers = count(1)

    def gap(struck: re.Match[str]) -> str:
        number = struck[1] or next(numbers)
        hint = f"::{struck[3]}" if struck[3] else ""
        return f"{{{{c{number}::{struck[2].strip()}{hint}}}}}"

    return _STRUCK.sub(gap, text)


# --- AnkiOps ----------------------------------------------------------------------------

_COMMENT = regex(r"<!--\s{0,9}(note_key|note_type|tags):\s{0,9}(.{0,500}?)\s{0,9}-->\n?")
_LABEL = regex(r"(?m)^([A-Z]+\d*|IO_\w+):[ \t]*")
# By the labels of its sides.
_NOTE_TYPES = {
    ("Q", "A"): "Basic",
    ("F", "B"): "Basic (and reversed card)",
    ("T", ""): "Cloze",
}
# The labels of other fields.
_ASIDE = frozenset(("E", "M", "AI", "D"))


class AnkiOps(_Decks):
    """A folder of decks of AnkiOps; its other note types are left out."""

    kind = "ankiops"

    def cards(self, text: str) -> Iterator[_Card]:
        """Yield the cards of a deck."""
        for part in re.split(r"\n\n---\n\n", text):
            comments = dict(_COMMENT.findall(part))
            id = key_number(comments.get("note_key", ""))
            # headings and text above the first field may be about more than this card
            first_label = _LABEL.search(part)
            original = part[first_label.start() :] if first_label else ""
            _, *pieces = _LABEL.split(_COMMENT.sub("", original).strip())
            fields = dict(zip(pieces[::2], pieces[1::2], strict=True))
            labels = fields.keys() - _ASIDE
            for (front, back), note_type in _NOTE_TYPES.items():
                if labels == {front, back} - {""}:
                    yield _Card(
                        original,
                        note_type,
                        id,
                        fields[front],
                        fields.get(back, ""),
                        comments.get("tags", ""),
                    )
