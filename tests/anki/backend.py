"""A fresh collection of the real Anki, spoken to in the words of the tests."""

import re
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from html.parser import HTMLParser
from pathlib import Path
from typing import Any

from anki.collection import (
    Collection,
    DeckIdLimit,
    ExportAnkiPackageOptions,
    ImportAnkiPackageOptions,
    ImportAnkiPackageRequest,
)

from ankiforge.anki.notetypes import get_our_note_type
from ankiforge.model import NoteType

_STYLE = re.compile(r"^<style>.*?</style>", re.DOTALL)
_WORDS = re.compile(
    r'class="af-(?:question|text)"[^>]*>(.*?)</div>(?=\s*$|\s*<)', re.DOTALL
)


@dataclass
class Anki:
    """One collection, spoken to in the words of the tests."""

    col: Any

    def load(self, package: Path, **options: Any) -> dict[str, int]:
        """Import a package; how many notes went which way, without the zeros."""
        request = ImportAnkiPackageRequest(
            package_path=str(package), options=ImportAnkiPackageOptions(**options)
        )
        log = self.col.import_anki_package(request).log
        self.col.models._clear_cache()
        counts = {
            way: len(getattr(log, way))
            for way in ("new", "updated", "duplicate", "conflicting")
        }
        return {way: count for way, count in counts.items() if count}

    def note(self, guid: str) -> Any:
        return self.col.get_note(
            self.col.db.scalar("select id from notes where guid = ?", guid)
        )

    def edit(self, guid: str, **fields: str) -> None:
        note = self.note(guid)
        for name, text in fields.items():
            note[name] = text
        self.col.update_note(note)

    def cards(self, guid: str) -> list[Any]:
        return list(self.note(guid).cards())

    def answer_first_card(self, guid: str) -> Any:
        """Review the first card once; the row of its schedule."""
        card = self.cards(guid)[0]
        card.start_timer()
        self.col.sched.answerCard(card, 4)
        return self.schedule(guid)

    def schedule(self, guid: str) -> list[list[Any]]:
        rows: list[list[Any]] = self.col.db.all(
            "select c.id, c.ord, c.type, c.queue, c.due, c.ivl, c.reps, c.lapses from cards c"
            " join notes n on n.id = c.nid where n.guid = ? order by c.ord",
            guid,
        )
        return rows

    def note_type(self, family: NoteType) -> Any:
        return self.col.models.get(get_our_note_type(family).id)

    def show(self, family: NoteType, ordinal: int = 0, **fields: str) -> tuple[str, str]:
        """(question, answer) of a note with these fields, as Anki renders them."""
        note = self.col.new_note(self.note_type(family))
        for name, text in fields.items():
            note[name] = text
        card = note.ephemeral_card(ordinal)
        return _STYLE.sub("", card.question()), _STYLE.sub("", card.answer())


class _Text(HTMLParser):
    """What a reader sees: text, with line breaks where the HTML has them."""

    def __init__(self) -> None:
        super().__init__(convert_charrefs=True)
        self.parts: list[str] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        if tag in ("br", "p", "li", "td", "tr", "pre"):
            self.parts.append("\n")

    def handle_data(self, data: str) -> None:
        self.parts.append(data)


def words_of(side: str) -> str:
    """The words of the question (or revealed text) of one side of a card, as a reader sees them."""
    found = _WORDS.search(side)
    assert found is not None, side
    return seen(found[1])


def seen(html: str) -> str:
    """The text of a piece of HTML."""
    reader = _Text()
    reader.feed(html)
    reader.close()
    return "".join(reader.parts).strip("\n")


@contextmanager
def opened(folder: Path) -> Iterator[Anki]:
    collection = Collection(str(folder / "collection.anki2"))
    try:
        yield Anki(collection)
    finally:
        collection.close()


def export(
    collection: Any,
    path: Path,
    *,
    legacy: bool = False,
    scheduling: bool = True,
    deck: str = "",
) -> None:
    """Export everything, or one deck, as an `.apkg`, as a person does by File › Export."""
    options = ExportAnkiPackageOptions(
        with_scheduling=scheduling,
        with_deck_configs=False,
        with_media=False,
        legacy=legacy,
    )
    limit = DeckIdLimit(collection.decks.id(deck)) if deck else None
    collection.export_anki_package(out_path=str(path), options=options, limit=limit)
