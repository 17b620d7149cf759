"""The deck and the tags of a note: rows."""

from typing import Any

import pytest
from msgspec.structs import replace

from ankiforge.anki.notetypes import hash_tags
from ankiforge.config.deckfiles import DeckRule
from ankiforge.errors import RefusedError, UsageError
from ankiforge.ledger import anki_views
from ankiforge.model import (
    AdoptedNote,
    AnkiNote,
    ExportedNote,
    LocalCard,
    NoteId,
)
from ankiforge.model.anki import NoteIdentity
from ankiforge.pipeline import decks
from ankiforge.pipeline.decks import DECK, TAGS, DeckChooser
from ankiforge.pipeline.workspace import Workspace
from tests.anki.makers import make_card, with_note

RULES = (DeckRule(deck="Reading", tags=("from-rule",)),)
PLAIN = (DeckRule(deck="D"),)
CARD = make_card()
ADOPTED = AdoptedNote("theirguid", 5, 77, {}, {}, {})


def place(workspace: Workspace, *places: tuple[str, str]) -> list[LocalCard]:
    """Have a note in Anki for each (deck for which it was made, deck in Anki)."""
    cards = list(workspace.cards())[: len(places)]
    notes = []
    for card, (_, deck) in zip(cards, places, strict=True):
        id = NoteId(len(notes) + 1)
        notes.append(AnkiNote(card.guid, id, 9, ("a", "b"), (), deck, None))
    anki_views.record_anki_state(
        workspace.ledger, notes, complete=True, graves=frozenset()
    )
    with workspace.ledger.transaction():
        for card, (made_for, _) in zip(cards, places, strict=True):
            workspace.ledger.execute(
                "UPDATE card SET deck = ? WHERE guid = ?", made_for, card.guid
            )
    return cards


# --- the deck of a new note ------------------------------------------------------------------


@pytest.mark.parametrize(
    ("decks_in_anki", "change", "deck"),
    [
        # card of the deck Old; by the rules, Reading
        ([], {}, "Old"),  # Anki was not read
        (["Default"], {}, "Reading"),
        (["Reading", "Old"], {}, "Reading"),
        (["reading"], {}, "Reading"),
        (["Default"], {"has_user_deck": True}, "Old"),
        (["Default"], {"keeps_last_exported_text": True}, "Old"),  # read elsewhere
    ],
)
def test_the_deck_of_a_new_note(workspace, decks_in_anki, change, deck):
    workspace.ledger.set_value("decks in anki", decks_in_anki)
    chooser = DeckChooser(workspace.ledger, RULES)
    card = replace(CARD, deck="Old", **change)
    assert chooser.choose_deck(card) == deck


@pytest.mark.parametrize(
    ("wanted", "places", "deck"),
    [
        # the decks for which notes were made, and those in which they are → the deck now
        ("Bio", (), "Bio"),
        ("Bio", (("Bio", "Life"),), "Life"),
        ("Bio", (("Bio", "Life"), ("Bio", "Life"), ("Bio", "Other")), "Life"),
        ("Bio", (("Bio", "Life"), ("Bio", "Other")), "Bio"),  # no more than half
        ("Bio", (("Bio", "Life"), ("Bio", "Bio")), "Bio"),  # it is still there
        ("Bio", (("Chem", "Life"),), "Bio"),
        ("Bio", (("Biology", "Life"),), "Bio"),
        # a part of it was renamed, or moved below another one
        ("Bio::Cells", (("Bio::Cells", "Life::Cells"),), "Life::Cells"),
        ("Bio::Cells", (("Bio::Genes", "Life::Genes"),), "Life::Cells"),
        ("Bio::Cells", (("Bio", "Life"), ("Bio::Genes", "Life::Genes")), "Life::Cells"),
        ("Bio::Cells", (("Bio::Genes", "My own"),), "Bio::Cells"),
        ("Bio::Cells", (("Bio::Genes", "School::Bio::Genes"),), "School::Bio::Cells"),
        ("Bio::Cells", (("Bio::Cells", "Cells"),), "Cells"),
        ("Bio::Cells", (("Bio::Genes", "Life::Genes"), ("Old", "Bio")), "Bio::Cells"),
    ],
)  # fmt: skip
def test_a_deck_that_was_renamed_in_anki(workspace, wanted, places, deck):
    place(workspace, *places)
    chooser = DeckChooser(workspace.ledger, PLAIN)
    card = replace(CARD, deck=wanted, has_user_deck=True)
    assert chooser.choose_deck(card) == deck
    assert chooser.choose_deck(card) == deck  # it is looked up once


# --- the tags --------------------------------------------------------------------------------


def in_anki(workspace: Workspace, card: LocalCard, *tags: str) -> LocalCard:
    """Have the note of a card in Anki, in the deck There, with these tags."""
    identity = NoteIdentity(card.guid, card.key, "0", (), hash_tags(("ours", "base")))
    note = AnkiNote(card.guid, NoteId(1), 9, ("a", "b"), tags, "There", identity)
    anki_views.record_anki_state(
        workspace.ledger, [note], complete=True, graves=frozenset()
    )
    return with_note(card, exports=(ExportedNote(9, ("ours", "base")),))


# --- what the user types ---------------------------------------------------------------------


@pytest.mark.parametrize(
    ("typed", "change"),
    [
        ({}, None),
        ({"Front": "x"}, None),
        ({DECK: "Here"}, None),
        ({DECK: " "}, None),
        ({DECK: " Mine:: Cells "}, ("Mine::Cells", (), ())),
        ({TAGS: "ours"}, None),
        ({TAGS: "OURS"}, None),
        ({TAGS: "ours new"}, ("", ("new",), ())),
        ({TAGS: ""}, ("", (), ("ours",))),
        ({TAGS: "new", DECK: "Mine"}, ("Mine", ("new",), ("ours",))),
    ],
)
def test_a_deck_and_tags_that_the_user_types(workspace, monkeypatch, typed, change):
    [card, *_] = workspace.cards()
    card = replace(card, tags=("ours",), deck="Here")
    set_to: list[Any] = []

    def record(ledger: Any, guid: str, *, deck: str, added: Any, removed: Any) -> None:
        assert guid == card.guid
        set_to.append((deck, tuple(added), tuple(removed)))

    monkeypatch.setattr(decks, "load_card", lambda ledger, guid: card)
    monkeypatch.setattr(decks.decide, "set_deck_and_tags", record)
    decks.apply_deck_and_tags(workspace.ledger, card.guid, typed, PLAIN)
    assert set_to == ([change] if change else [])


@pytest.mark.parametrize(
    ("typed", "note", "message", "hint"),
    [
        ({DECK: "Mine"}, True, "Anki has this card in the deck There", "move it there"),
        ({TAGS: "ankiforge::x"}, False, "tags like ankiforge::x are ankiforge's own", "another name"),
        ({TAGS: "ANKIFORGE::x"}, False, "tags like ANKIFORGE::x are ankiforge's own", "another name"),
        ({TAGS: "Ours"}, True, "you removed the tag Ours in Anki", "give it again there"),
        ({TAGS: "new"}, None, "another tool made this note", "change its tags in Anki"),
    ],
)  # fmt: skip
def test_what_cannot_be_changed_here(workspace, monkeypatch, typed, note, message, hint):
    [card, *_] = workspace.cards()
    card = replace(card, tags=("ours",), deck="Here")
    if note is not False:
        card = in_anki(workspace, card)
    if note is None:
        card = with_note(card, adopted=ADOPTED)
    monkeypatch.setattr(decks, "load_card", lambda ledger, guid: card)
    with pytest.raises(RefusedError) as refused:
        decks.apply_deck_and_tags(workspace.ledger, card.guid, typed, PLAIN)
    assert refused.value.message == message
    assert hint in refused.value.hint


@pytest.mark.parametrize(
    ("deck", "there", "hint"),
    [
        ("Bio", ["Bio"], None),
        ("bio", ["Bio::Cells"], None),
        ("Bio", [], "there is no note yet"),
        ("Bio", ["Biology", "History"], "decks with notes: Biology"),
        ("Cels", ["Bio::Cells", "History"], "decks with notes: Bio::Cells"),
        ("Cells", ["Bio::Cells"], "decks with notes: Bio::Cells"),
        ("x", ["c", "B", "a"], "decks with notes: a, B, c"),
    ],
)
def test_a_deck_without_a_note_is_told_with_those_that_have_some(deck, there, hint):
    if hint is None:
        decks.check_deck_has_note(deck, there)
        return
    with pytest.raises(UsageError) as refused:
        decks.check_deck_has_note(deck, there)
    assert refused.value.message == f"there is no note in a deck {deck}"
    assert refused.value.hint == hint
