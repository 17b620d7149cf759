"""What a user's words become, which proposal a passage has, and why it has none: rows."""

import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from msgspec.structs import replace

from ankiforge.config.deckfiles import DeckRule
from ankiforge.config.workspace import find_workspace
from ankiforge.errors import RefusedError, UsageError
from ankiforge.extract import registry
from ankiforge.ledger import HighlightOutcome, anki_views, pending_items
from ankiforge.model import (
    HighlightKey,
    Proposal,
)
from ankiforge.pipeline import decide, proposals
from ankiforge.pipeline.decide import BlockedError
from ankiforge.pipeline.workspace import Workspace

OSMOSIS = "Osmosis is the diffusion of water through a semipermeable membrane."
TWO = (
    "Insulin is made by the beta cells of the pancreas. "
    "Glucagon is made by the alpha cells of the pancreas."
)
NOTE = f"""\
# Cells

=={OSMOSIS}==

=={TWO}==

==and so on, they said==

What is a ribosome?::a maker of proteins

What is a cell?::a unit of life
"""
SETTINGS = """\
sources: [{obsidian: {name: notes, path: notes}}]
accept: {rules: review}
anki: {collection: none}
"""
DECKS = (DeckRule(deck="Mine"),)


@pytest.fixture(scope="module")
def cells(forge_in: Any, tmp_path_factory: pytest.TempPathFactory) -> Path:
    forge = forge_in(tmp_path_factory.mktemp("cells"))
    (forge.folder / "notes").mkdir()
    (forge.folder / "notes/Cells.md").write_text(NOTE, encoding="utf-8")
    forge.settings(SETTINGS, proposals=True)
    forge.ok("run")
    [waiting] = forge.lists("new")
    forge.ok("accept", *[row["id"] for row in waiting if "cell" in str(row["fields"])])
    folder: Path = forge.folder
    return folder


@pytest.fixture
def opened(cells: Path, tmp_path: Path) -> Iterator[Workspace]:
    folder = tmp_path / "desk"
    shutil.copytree(cells, folder)
    with Workspace(find_workspace(folder, folder, registry)) as workspace:
        yield workspace


def find(opened: Workspace, word: str) -> HighlightOutcome:
    [outcome] = [each for each in opened.highlights() if word in each.highlight.exact]
    return outcome


def shown(opened: Workspace) -> list[dict[str, str]]:
    return [dict(card.fields) for card in opened.cards()]


# --- an edit ---------------------------------------------------------------------------------

CELL = {"Front": "What is a cell?", "Back": "a unit of life"}
RIBOSOME = {"Front": "What is a ribosome?", "Back": "a maker of proteins"}


@pytest.mark.parametrize(
    ("what", "typed", "now"),
    [
        ("card", {"Back": "a room"}, [{**CELL, "Back": "a room"}]),
        ("card", {"Extra": "see Hooke"}, [{**CELL, "Extra": "see Hooke"}]),
        ("card", {"Back": "a\r\nb\rc"}, [{**CELL, "Back": "a\nb\nc"}]),
        ("card", {}, [CELL]),
        ("card", {"Deck": "x", "Tags": "y"}, [CELL]),
        ("card", {"Back": "a unit of life"}, [CELL]),
        ("draft", {"Back": "an enzyme"}, [CELL, {**RIBOSOME, "Back": "an enzyme"}]),
        ("draft", {}, [CELL, RIBOSOME]),
        ("draft", {"Deck": "x"}, [CELL, RIBOSOME]),
    ],
)
def test_an_edit(opened, what, typed, now):
    [card], [draft] = opened.cards(), opened.drafts()
    id = card.guid if what == "card" else draft.id
    guid, findings = decide.edit_card_or_draft(opened.ledger, id, typed)
    assert sorted(shown(opened), key=str) == sorted(now, key=str)
    assert guid in {each.guid for each in opened.cards()}
    if what == "card":
        assert guid == card.guid
    assert [finding.check for finding in findings] == []


@pytest.mark.parametrize(
    ("typed", "error", "message", "hint"),
    [
        ({"Frnt": "x"}, UsageError, "no field 'Frnt' on this card", "it has: Front, Back, Reverse, Extra, Deck, Tags"),
        ({"Back": "a\x07"}, UsageError, "Back contains a control character (0x07)", "type it again"),
        ({"Back": "x" * 9000}, UsageError, "more than 8000 characters", "shorten it"),
        ({"Back": ""}, RefusedError, None, None),
    ],
)  # fmt: skip
def test_an_edit_that_is_refused(opened, typed, error, message, hint):
    [card] = opened.cards()
    with pytest.raises(error) as raised:
        decide.edit_card_or_draft(opened.ledger, card.guid, typed)
    assert message is None or raised.value.message == message
    assert hint is None or raised.value.hint == hint
    assert shown(opened) == [CELL]


def test_what_is_decided_cannot_be_edited(opened):
    [draft] = opened.drafts()
    opened.reject(draft.id)
    with pytest.raises(RefusedError) as raised:
        decide.edit_card_or_draft(opened.ledger, draft.id, {"Back": "x"})
    assert raised.value.message == f"{draft.id} is no longer waiting"
    assert raised.value.hint == "ankiforge list shows what waits"


def test_an_edit_is_over_the_words_in_anki(opened):
    [card] = opened.cards()
    from tests.pipeline.test_collection_table import note_of

    mine = note_of(card, Back="mine", Extra="mine, too")
    anki_views.record_anki_state(opened.ledger, [mine], complete=True, graves=frozenset())
    # what is typed as it is shown is no edit
    decide.edit_card_or_draft(opened.ledger, card.guid, {"Back": "mine"})
    assert shown(opened) == [CELL]
    decide.edit_card_or_draft(opened.ledger, card.guid, {"Back": "now"})
    assert shown(opened) == [{**CELL, "Back": "now"}]
    [now] = opened.cards()
    assert now.edits.resolved["Back"][0] == "source"
    assert "Extra" not in now.edits.resolved


# --- a new card ------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("fields", "error", "hint"),
    [
        ({"Text": "no gap"}, RefusedError, "put what to recall between {{c1:: and }}"),
        ({"Text": "{{c1::Osmosis}}"}, BlockedError, "change the words, or overrule the check with --force"),
    ],
)  # fmt: skip
def test_a_card_that_a_check_blocks(opened, fields, error, hint):
    highlight = find(opened, "Osmosis").highlight
    with pytest.raises(error) as raised:
        decide.make_card(opened.ledger, highlight, tuple(fields.items()), DECKS)
    assert (type(raised.value), raised.value.hint) == (error, hint)
    assert shown(opened) == [CELL]
    if error is BlockedError:
        _, findings = decide.make_card(
            opened.ledger, highlight, tuple(fields.items()), DECKS, forced=True
        )
        assert [finding.message for finding in findings][:1] == [raised.value.message]
        assert fields in shown(opened)


# --- proposals -------------------------------------------------------------------------------


def propose(opened: Workspace, key: HighlightKey) -> Proposal | str:
    [outcome] = pending_items.iter_highlight_outcomes(opened.ledger, key)
    return proposals.find_proposal(opened.ledger, outcome)


@pytest.mark.parametrize(
    "reason", ["", "a card is suggested: ankiforge review", "recorded"]
)
def test_the_reason_why_none_can_be_made(opened, reason):
    outcome = find(opened, "and so on")
    expected = replace(outcome, usefulness=0.9, reason=reason)
    told = proposals.find_proposal(opened.ledger, expected)
    assert told == ("recorded" if reason == "recorded" else outcome.reason)


@pytest.mark.parametrize(
    ("is_carded", "reason"),
    [(False, "rejected by you"), (True, "you have decided on its sentences already")],
)  # fmt: skip
def test_a_passage_that_needs_no_more_cards(opened, is_carded, reason):
    key = find(opened, "Insulin").highlight.key
    if is_carded:
        proposals.accept_proposal(opened.ledger, propose(opened, key), DECKS)
    opened.reject(key)
    assert propose(opened, key) == reason


def test_a_proposal_by_its_key(opened):
    key = find(opened, "Osmosis").highlight.key
    assert proposals.load_proposal(opened.ledger, key).quote == OSMOSIS
    waiting = find(opened, "ribosome").highlight.key
    for wanted, message, hint in (
        ("vault:notes/0", "vault:notes/0: this passage is no longer in its source", "ankiforge list --no-card shows what is there"),
        (waiting, f"{waiting}: a draft of it waits", "ankiforge list shows its id"),
    ):  # fmt: skip
        with pytest.raises(RefusedError) as raised:
            proposals.load_proposal(opened.ledger, HighlightKey(wanted))
        assert (raised.value.message, raised.value.hint) == (message, hint)
