"""A highlight that cannot be recorded is named, and every other one goes on as if it had not failed."""

import pytest

from ankiforge.check import compute_search_terms
from ankiforge.draft import rules
from ankiforge.ledger import draft_recording
from ankiforge.ledger.cards import iter_cards
from ankiforge.ledger.decide import accept_clean_drafts
from ankiforge.model import DraftingResult, DraftingStatus, DraftingTask
from tests.facts.program import exact, proposals
from tests.facts.vault import Vault

BEFORE = (
    "The ==hippocampus== lies in the medial temporal lobe.",
    "==Henry Molaison lost both hippocampi in an operation of 1953.==",
    "What is a mutex?::A lock.",
    "==Iron conducts heat worse than copper does.==",
)
AFTER = (
    "The ==hippocampus== sits in the medial temporal lobe.",
    "==Henry Molaison lost both hippocampi in a long operation of 1953.==",
    "What is a mutex?::A lock for threads.",
    "==Iron conducts heat worse than copper does.==",
    "==Whales are mammals that breathe through a blowhole.==",
)


FOLLOW = (0, 2)
"""The highlights whose cards follow them, by an event."""


def opened(folder):
    """Return a workspace with the notes as they were, and a card of a whole sentence."""
    vault = Vault(folder, "a", lambda text: 1.0)
    vault.write_notes({"A": BEFORE})
    sentence = exact(BEFORE[1].strip("="))
    vault.choose(sentence)
    vault.accept(sentence)
    return vault


def recorded(vault, terms, breaks=""):
    """Read the notes as they are later, and record all at once; return what failed."""
    vault.draft = lambda: None
    vault.write_notes({"A": AFTER})
    results = []
    for highlight in draft_recording.iter_highlights_to_draft(vault.ledger):
        [drafted] = rules.draft_task(DraftingTask(highlight.document, (highlight,)))
        if not drafted.drafts:
            drafted = DraftingResult(highlight, tuple(proposals(highlight, vault.worth)))
        results.append(vault.completed(drafted))
    if breaks:
        vault.ledger.execute(breaks)
    with vault.ledger.action():
        found = draft_recording.record_drafts(vault.ledger, results, terms)
    vault.ledger.execute("DROP TRIGGER IF EXISTS broken")
    list(accept_clean_drafts(vault.ledger, lambda waiting: True))
    del vault.draft
    return [highlight.key for highlight, _ in found.failed]


def seen(vault, without=""):
    """Return what is recorded of every highlight but one: cards, drafts and events."""
    cards = set()
    for card in iter_cards(vault.ledger):
        if card.key != without:
            cards.add((card.key, card.fields, card.verdict_name))
    drafts = vault.ledger.fetch_rows("SELECT key, content, revises, near FROM draft")
    waiting = {tuple(row) for row in drafts if row["key"] != without}
    events = list(
        vault.ledger.iter_events(
            "SELECT id, line FROM event WHERE what NOT IN ('key', 'text')"
        )
    )
    told = {(event.kind, event.key) for event in events if event.key != without}
    return cards, waiting, told


def broken(key):
    def terms(draft):
        if draft.key == key:
            raise IndexError("No item with that key")
        return compute_search_terms(draft)

    return terms


@pytest.mark.parametrize("where", ["terms", "event"])
@pytest.mark.parametrize("number", range(len(AFTER)))
def test_an_exception_in_one_highlight_changes_nothing_else(tmp_path, number, where):
    sound, vault = opened(tmp_path / "sound"), opened(tmp_path / "broken")
    assert recorded(sound, compute_search_terms) == []
    key = sound.highlights()[number].key
    if where == "terms":
        failed = recorded(vault, broken(key))
        assert failed == [key] * (number != 3)  # which did not change
    else:
        failed = recorded(
            vault,
            compute_search_terms,
            f"CREATE TEMP TRIGGER broken BEFORE INSERT ON event WHEN NEW.key = '{key}'"
            " BEGIN SELECT RAISE(ABORT, 'broken'); END",
        )
        assert failed == [key] * (number in FOLLOW)
    without = key if failed else ""
    assert seen(vault, without) == seen(sound, without)
    assert seen(vault) == seen(sound) or failed

    vault.run()  # tries again
    assert seen(vault) == seen(sound)
    sound.close()
    vault.close()


@pytest.mark.parametrize(
    "change", ["INSERT ON event WHEN NEW.key", "DELETE ON draft WHEN OLD.key"]
)
@pytest.mark.parametrize("number", FOLLOW)
def test_a_draft_that_policy_cannot_accept_waits_and_all_others_are_cards(
    tmp_path, number, change
):
    vault = Vault(tmp_path, "a", lambda text: 1.0)
    vault.draft = lambda: None
    vault.write_notes({"A": BEFORE})
    for highlight in draft_recording.iter_highlights_to_draft(vault.ledger):
        [drafted] = rules.draft_task(DraftingTask(highlight.document, (highlight,)))
        with vault.ledger.action():
            draft_recording.record_drafts(
                vault.ledger, [vault.completed(drafted)], compute_search_terms
            )
    here = vault.highlights()
    key = here[number].key
    vault.ledger.execute(
        f"CREATE TEMP TRIGGER broken BEFORE {change} = '{key}'"
        " BEGIN SELECT RAISE(ABORT, 'broken'); END"
    )
    [accepted] = accept_clean_drafts(vault.ledger, lambda waiting: True)
    assert [highlight.exact for highlight, _ in accepted.failed] == [here[number].exact]
    made = {card.key for card in iter_cards(vault.ledger)}
    assert made == {here[each].key for each in FOLLOW} - {key}

    vault.ledger.execute("DROP TRIGGER broken")
    [accepted] = accept_clean_drafts(vault.ledger, lambda waiting: True)
    assert len(accepted.guids) == 1
    vault.close()


def test_a_failed_answer_of_a_model_is_left_and_asked_for_again(tmp_path):
    vault = opened(tmp_path)
    highlights = vault.highlights()
    failing, *others = highlights
    results = [
        DraftingResult(highlight, status=DraftingStatus.NO_CARD, reason="nothing to ask")
        for highlight in highlights
    ]
    results[0] = DraftingResult(failing, tuple(proposals(failing, vault.worth)))
    with vault.ledger.action():
        found = draft_recording.record_drafts(
            vault.ledger, results, broken(failing.key), by_model=True
        )
    assert [highlight.key for highlight, _ in found.failed] == [failing.key]
    rows = vault.ledger.fetch_rows("SELECT key, modelled FROM highlight")
    asked = {row["key"] for row in rows if row["modelled"]}
    assert asked == {highlight.key for highlight in others}
    vault.close()
