"""A vault, machines that share a journal, and an Anki that is a dict: the ledger through its
door."""

from __future__ import annotations

import shutil
import time
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from msgspec.structs import replace

from ankiforge.anki.notetypes import get_our_note_type, parse_identity
from ankiforge.config import Config
from ankiforge.config.deckfiles import DeckRule, load_decks
from ankiforge.config.workspace import WorkspaceDirectory
from ankiforge.ledger import IngestReport, Ledger, QueryTerm, anki_views, item_lists
from ankiforge.ledger.cards import iter_cards, load_card
from ankiforge.ledger.questions import find_open_questions
from ankiforge.model import (
    AnkiChanges,
    AnkiNote,
    CardContent,
    CardKind,
    Draft,
    HighlightKey,
    LocalCard,
    Note,
    Origin,
    PendingDraft,
    TextChange,
    UserQuestion,
    compute_note_id,
)
from ankiforge.pipeline import collection, deliver
from ankiforge.pipeline.draft import draft_pending
from ankiforge.pipeline.run_result import RunParameters
from ankiforge.pipeline.sources import ingest_sources
from tests.reading import opened, settings_of

OSMOSIS = "Osmosis is the movement of ==water== across a membrane."
RHINE = "How long is the Rhine? :: 1230 km"
FAUST = "Goethe published the first part of ==Faust== in the spring of 1808."


def by_rules(one: PendingDraft) -> bool:
    """The policy `accept: {rules: clean}`."""
    return one.origin.drafter.startswith("rules")


@dataclass
class Outcome:
    """What one run came to."""

    report: IngestReport
    changes: list[TextChange]
    written: list[Note]


class World:
    def __init__(self, root: Path) -> None:
        self.root, self.vault, self.journal = root, root / "vault", root / "journal"
        self.vault.mkdir()
        self.journal.mkdir()
        self.apart = False
        """Whether each machine has a journal of its own, brought up to date by `share`."""
        self.anki: dict[str, AnkiNote] = {}
        self.graves: set[int] = set()
        self.ahead = 0.0
        self.in_use: frozenset[str] | None = None
        self.rules: tuple[DeckRule, ...] = load_decks(root)
        self.settings: dict[str, object] = {}
        """The settings of the vault, but its path."""
        self._open: dict[str, Ledger] = {}

    # --- the vault

    def notes(self, places: Mapping[str, tuple[str, ...]]) -> None:
        """Let the vault have these notes and no others."""
        for path in self.vault.glob("*.md"):
            path.unlink()
        for place, lines in places.items():
            self.note(place, *lines)

    def note(self, place: str, *lines: str) -> None:
        path = self.vault / place
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text("\n\n".join((f"# {Path(place).stem}", *lines)) + "\n", "utf-8")

    def delete(self, place: str) -> None:
        (self.vault / place).unlink()

    # --- the machines

    def __getitem__(self, name: str) -> Ledger:
        if name not in self._open:
            journal = self.journal_of(name)
            self._open[name] = Ledger(self.database(name), journal, name)
        return self._open[name]

    def database(self, name: str) -> Path:
        return self.root / f"{name}.db"

    def journal_of(self, name: str) -> Path:
        folder = self.root / f"journal of {name}" if self.apart else self.journal
        folder.mkdir(exist_ok=True)
        return folder

    def file(self, name: str) -> Path:
        return self.journal_of(name) / f"{name}.jsonl"

    def share(self, *names: str) -> None:
        """Bring each machine the newest files of the others."""
        for name in names:
            for other in names:
                if other != name and self.file(other).exists():
                    shutil.copy(self.file(other), self.journal_of(name))

    def close(self) -> None:
        for ledger in self._open.values():
            ledger.__exit__()
        self._open.clear()

    def lose(self, *names: str) -> None:
        """Delete the databases of machines."""
        self.close()
        for name in names:
            for path in self.root.glob(f"{name}.db*"):
                path.unlink()

    def run(
        self, name: str = "a", *, ship: bool = True, source: str = "v", accepts=by_rules
    ) -> Outcome:
        """A run of the product without a command line, six seconds later."""
        self.ahead += 6
        ledger, viewed = self[name], AnkiChanges()
        ledger.read_journal()
        if ship:
            viewed = anki_views.record_anki_state(
                ledger,
                list(self.anki.values()),
                complete=True,
                graves=frozenset(self.graves),
            )
        settings = settings_of("obsidian", path=str(self.vault), **self.settings)
        vault = opened("obsidian", self.vault, settings, name=source)
        folder = WorkspaceDirectory(self.root, Config(), self.root)
        job = RunParameters(
            accepts, self.rules, folder.pictures_directory, sources=(vault,), in_use=self.in_use,
        )  # fmt: skip
        steps = [ingest_sources(job, ledger)]
        collection.recreate_cards_of_unknown_notes(ledger, viewed.notes_without_event)
        steps += draft_pending(job, ledger)
        changes = [one for step in steps for one in step.changes]
        written: list[Note] = []
        if ship:
            planned = deliver.plan_cards(folder, ledger, self.rules, {})
            packed = [one for one in planned if one.note and one.exported]
            sent = [(one.guid, one.exported) for one in packed if one.exported]
            anki_views.record_exported_notes(ledger, sent)
            written = [one.note for one in planned if one.note]
            for note in written:
                self.load(note)
        return Outcome(
            next(step.report for step in steps if step.report), changes, written
        )

    def load(self, note: Note) -> None:
        """Import a note as Anki does: only if its mod is larger."""
        was = self.anki.get(note.guid)
        if was and note.mod <= was.mod:
            return
        at = note.type.field_names.index("AnkiforgeId")
        self.anki[note.guid] = AnkiNote(
            note.guid, compute_note_id(note.guid), note.mod, note.fields, note.tags,
            was.deck if was else note.deck, parse_identity(note.fields[at]),
            ordinals=note.ordinals, type_id=note.type.id,
        )  # fmt: skip

    # --- a person in Anki

    def edit_in_anki(self, guid: str, name: str, text: str) -> None:
        seen = self.anki[guid]
        family = self.card(guid).note_type
        at = get_our_note_type(family).field_names.index(name)
        fields = (*seen.fields[:at], text, *seen.fields[at + 1 :])
        self.anki[guid] = replace(seen, fields=fields, mod=int(time.time()))

    def delete_in_anki(self, guid: str, *, grave: bool = True) -> None:
        seen = self.anki.pop(guid)
        if grave:
            self.graves.add(seen.id)

    # --- what is asked of it

    def card(self, guid: str, name: str = "a") -> LocalCard:
        return load_card(self[name], guid)

    def waiting(self, name: str = "a") -> list[PendingDraft]:
        """The drafts that wait, in reading order."""
        return waiting(self[name])

    def words(self, name: str = "a") -> list[str]:
        """The words of all live cards."""
        return sorted(words_of(card) for card in iter_cards(self[name]) if card.is_live)

    def live(self, name: str = "a") -> dict[str, str]:
        return {
            card.guid: words_of(card) for card in iter_cards(self[name]) if card.is_live
        }

    def in_anki(self) -> dict[str, tuple[str, ...]]:
        """The first two fields of all notes that are not retired."""
        return {
            guid: seen.fields[:2]
            for guid, seen in self.anki.items()
            if "ankiforge::retired" not in seen.tags
        }

    def only(self, word: str, name: str = "a") -> LocalCard:
        """The one card, live or not, with this in its words."""
        [card] = [card for card in iter_cards(self[name]) if word in words_of(card)]
        return card

    def state(self, name: str = "a") -> list[tuple[object, ...]]:
        """All that a person decided, and all words."""
        return sorted(
            (
                card.guid,
                card.verdict.value,
                card.fields,
                card.edits.source_texts_offered,
                card.deck,
                (card.tags, card.added_tags, card.removed_tags),
            )
            for card in iter_cards(self[name])
        )

    def question(self, kind: str, name: str = "a") -> UserQuestion:
        [question] = find_open_questions(self[name])
        assert question.kind == kind
        return question


def waiting(ledger: Ledger) -> list[PendingDraft]:
    ids = item_lists.find_items(ledger, [QueryTerm("verdict", "waiting")])
    return list(item_lists.load_pending_drafts(ledger, ids))


def words_of(card: CardContent) -> str:
    return " / ".join(text for _, text in card.fields)


def model_draft(key: str, front: str, back: str, quote: str) -> Draft:
    """A draft as a model makes it."""
    fields = (("Front", front), ("Back", back))
    origin = Origin("llm", "some-model", "cards@1", "a request")
    return Draft(
        HighlightKey(key),
        CardKind.BASIC,
        fields,
        origin,
        quote,
        answer=back,
        start=0,
    )
