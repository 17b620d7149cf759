"""One collection, and what can be asked of it; the row of a table."""

import re
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

from ankiforge.anki.notetypes import style
from ankiforge.model import card_id, note_id

from .packages import BASIC, DECK, LATER, NOW, TWO


@dataclass
class Bench:
    """One collection, the packages that were made for it, and what one asks afterwards."""

    anki: Any
    folder: Path
    subject: str = ""
    """The guid the questions are about: the first note that was shipped."""
    packages: list[Path] = field(default_factory=list)
    log: str = ""
    error: str = ""
    full_sync: bool = False
    """Whether the last import makes the next sync a full one."""
    before: dict[str, Any] = field(default_factory=dict)

    def load(self, package: Path, **options: Any) -> None:
        from anki.errors import AnkiException

        schema = self.one("select scm from col")
        try:
            counts = self.anki.load(package, **_spelled(options))
        except AnkiException as error:
            self.log, self.error = "refused", str(error)
        else:
            self.log = ", ".join(f"{count} {way}" for way, count in counts.items())
            self.full_sync = self.one("select scm from col") != schema

    def one(self, query: str, *values: object) -> Any:
        return self.anki.col.db.scalar(query, *values)

    def state(self) -> dict[str, Any]:
        everything = ("select * from notes order by id", "select * from cards order by id")
        return {
            "rows": [self.anki.col.db.all(query) for query in everything],
            "schedule": self.schedule(),
        }

    def schedule(self) -> dict[int, list[Any]]:
        """By ordinal, all that is the person's about a card of the note."""
        rows = self.anki.col.db.all(
            "select c.ord, c.id, c.did, c.type, c.queue, c.due, c.ivl, c.factor, c.reps, c.lapses,"
            " c.flags, (select count() from revlog r where r.cid = c.id)"
            " from cards c join notes n on n.id = c.nid where n.guid = ?",
            self.subject,
        )
        return {row[0]: row[1:] for row in rows}

    def tell(self, question: str) -> Any:
        """The answer to a question of the table: a word below, or the name of a field.

        `two_...` asks it of the note "two".
        """
        if question.startswith("two_"):
            other = replace(self, subject=TWO.note.guid)
            return other.tell(question.removeprefix("two_"))
        if question in ("log", "full_sync"):
            return getattr(self, question)
        told = getattr(self, f"_{question}", None)
        return told() if told else self.anki.note(self.subject)[question]

    def _why(self) -> str:
        """The first line of what Anki said when it refused."""
        return self.error.partition("\n")[0]

    def _unchanged(self) -> bool:
        """All notes and cards are as they were remembered."""
        return bool(self.state()["rows"] == self.before["rows"])

    def _kept(self) -> bool:
        """The note's cards that were remembered are scheduled as they were."""
        now, before = self.schedule(), self.before["schedule"]
        return bool(before) and {ordinal: now.get(ordinal) for ordinal in before} == before

    def _notes(self) -> int:
        return int(self.one("select count() from notes"))

    def _undo(self) -> str:
        """What Anki offers to undo."""
        return str(self.anki.col.undo_status().undo)

    def _copies(self) -> list[str]:
        """The backs of notes that hold the AnkiforgeId of the note, but not its guid."""
        own = self.anki.note(self.subject)
        notes = (
            self.anki.col.get_note(nid)
            for nid in self.anki.col.find_notes(f'"AnkiforgeId:af1 {self.subject}"')
        )
        return [one["Back"] for one in notes if one.guid != own.guid]

    def _here(self) -> int:
        """Notes of this guid."""
        return int(self.one("select count() from notes where guid = ?", self.subject))

    def _mod(self) -> int:
        """What was added to the mod of its first shipping."""
        own = self.anki.note(self.subject)
        return int(own.mod - note_id(self.subject) // 1000)

    def _touched(self) -> bool:
        """Whether Anki set the note's mod to the present."""
        return bool(NOW <= self.anki.note(self.subject).mod < LATER)

    def _tags(self) -> str:
        return " ".join(self.anki.note(self.subject).tags)

    def _future(self) -> bool:
        """Whether the note's id lies after today."""
        return bool(self.anki.note(self.subject).id > LATER * 1000)

    def _nid(self) -> int:
        """What Anki added to our note id."""
        return int(self.anki.note(self.subject).id - note_id(self.subject))

    def _cards(self) -> list[int]:
        """Ordinals."""
        return sorted(self.schedule())

    def _queues(self) -> list[int]:
        return [card.queue for card in self.anki.cards(self.subject)]

    def _due(self) -> int:
        return int(self.anki.cards(self.subject)[0].due)

    def _asks(self) -> str:
        """The question of the first card, in words."""
        html = str(self.anki.cards(self.subject)[0].question())
        return " ".join(re.sub(r"<style>.*?</style>|<[^>]+>", "", html, flags=re.DOTALL).split())

    def _deck(self) -> str:
        return str(self.anki.col.decks.name(self.anki.cards(self.subject)[0].did))

    def _beside_deck(self) -> bool:
        """Whether the card lies in a deck of our name and the time."""
        return re.fullmatch(rf"{DECK} \d{{10,}}", self._deck()) is not None

    def _preset(self) -> str:
        did = self.anki.col.decks.id_for_name(DECK)
        return str(self.anki.col.decks.config_dict_for_deck_id(did)["name"])

    def _description(self) -> str:
        return str(self.anki.col.decks.by_name(DECK)["desc"])

    def _decks(self) -> str:
        named = self.anki.col.decks.all_names_and_ids()
        return ", ".join(sorted(one.name for one in named if one.id != 1))

    def _kind(self) -> str:
        return str(self.anki.note(self.subject).note_type()["name"])

    def _kind_id(self) -> int:
        """What was added to the id of our note type."""
        return int(self.anki.note(self.subject).mid - BASIC.id)

    def _has_basic(self) -> bool:
        return self.anki.col.models.by_name("Basic") is not None

    def _kinds(self) -> str:
        """The note types that are not Anki's own."""
        names = (one.name for one in self.anki.col.models.all_names_and_ids())
        return ", ".join(sorted(name for name in names if name.startswith(("ankiforge", "Deck"))))

    def _fields(self) -> list[str]:
        """Names of the fields that our note type has beyond ours, or in another place."""
        flds = [one["name"] for one in self.anki.note(self.subject).note_type()["flds"]]
        return [name for at, name in enumerate(flds) if [name] != list(BASIC.fields[at : at + 1])]

    def _templates(self) -> list[str]:
        return [one["name"] for one in self.anki.note(self.subject).note_type()["tmpls"]]

    def _our_css(self) -> bool:
        return self._css() == style()

    def _css(self) -> str:
        return str(self.anki.note(self.subject).note_type()["css"])

    def _graves(self) -> list[str]:
        """What Anki remembers of deleted things."""
        rows = self.anki.col.db.all("select oid, type from graves")
        ids = {note_id(self.subject): "note", card_id(self.subject, 0): "card"}
        return sorted(ids.get(oid, f"other {kind}") for oid, kind in rows)

    def _reviews(self) -> int:
        """Rows of the review log of the note's first card, there or not."""
        own = card_id(self.subject, 0)
        return int(self.one("select count() from revlog where cid = ?", own))

    def _empty_cards(self) -> int:
        report = self.anki.col.get_empty_cards()
        return sum(len(one.card_ids) for one in report.notes)

    def _media(self) -> dict[str, bytes]:
        """The pictures by name."""
        folder = Path(self.anki.col.media.dir())
        return {path.name: path.read_bytes() for path in sorted(folder.iterdir())}

    def _sort(self) -> tuple[object, bool]:
        """The sort field, and whether Anki made its checksum anew."""
        query = "select sfld, csum != 0 from notes where guid = ?"
        [[sfld, made]] = self.anki.col.db.all(query, self.subject)
        return sfld, bool(made)


_SPELLED = {
    "merge": "merge_notetypes",
    "notes": "update_notes",
    "kinds": "update_notetypes",
    "scheduling": "with_scheduling",
    "deck_options": "with_deck_configs",
}
"""Our words for Anki's import options."""


def _spelled(options: dict[str, Any]) -> dict[str, Any]:
    return {_SPELLED[name]: value for name, value in options.items()}


@dataclass(frozen=True, slots=True)
class Row:
    """One line of the table."""

    id: str
    name: str
    steps: tuple[Callable[..., object], ...]
    expect: dict[str, object]
    old: dict[str, object]
    """What is expected otherwise before Anki 25."""


def row(
    id: str,
    name: str,
    *steps: Callable[..., object],
    old: dict[str, object] | None = None,
    **expect: object,
) -> Row:
    assert expect, f"{id} expects nothing"
    return Row(id, name, steps, expect, old or {})
