"""Drafts that nobody decided on yet, where their sentences move."""

import pytest

from ankiforge.ledger.draft_groups import iter_pending_drafts
from ankiforge.ledger.tables.pending_drafts import load_draft_ids
from ankiforge.model import Pair, RemarkKind
from tests.facts.program import exact
from tests.facts.test_moves import SENTENCES
from tests.facts.vault import Vault, markdown_of

P, Q, R = (exact(SENTENCES[letter]) for letter in "HGC")


def mark(*sentences: str) -> str:
    return markdown_of("whole", sentences)


@pytest.fixture
def vault(tmp_path):
    opened = Vault(tmp_path, "a", lambda sentence: 0.5)
    yield opened
    opened.close()


def offered(vault: Vault) -> dict[str, list[tuple[Pair, ...]]]:
    """Return by sentence the words of the drafts and proposals for it."""
    found: dict[str, list[tuple[Pair, ...]]] = {}
    for highlight in vault.highlights():
        for sentence, offer in vault.offers(highlight.key).items():
            found.setdefault(sentence, []).extend(draft.fields for draft in offer)
    return found


def test_a_draft_leaves_where_its_sentence_is_reworded(vault):
    vault.write_notes({"A": [mark(P, Q, R)]})
    before = offered(vault)
    vault.write_notes({"A": [mark(P, Q), mark("Something else stands here now.")]})
    assert R not in offered(vault)
    assert offered(vault)[P] == before[P]


def test_what_was_rejected_meanwhile_waits_no_more(vault):
    vault.write_notes({"A": [mark(P, Q, R)]})
    vault.write_notes({"A": [mark(P, Q)], "B": [mark(R)]})
    vault.choose(R)
    vault.reject(R)
    vault.write_notes({"A": [mark(P, Q, R)]})
    assert R not in offered(vault)


def test_a_phrase_that_is_marked_in_a_sentence_decided_elsewhere_waits(vault):
    vault.write_notes({"A": [mark(P)]})
    vault.choose(P)
    vault.accept(P)
    cards = vault.live()
    vault.write_notes({"A": [mark(P)], "B": [markdown_of("gaps", [P])]})
    [draft] = iter_pending_drafts(vault.ledger, load_draft_ids(vault.ledger))
    assert draft.is_hand_written
    assert draft.remarks[0].kind is RemarkKind.DECIDED_BEFORE
    assert vault.live() == cards


def test_a_rejected_proposal_says_nothing_about_the_words_that_are_marked(vault):
    vault.write_notes({"A": [mark(P)]})
    vault.choose(P)
    vault.reject(P)
    vault.write_notes({"A": [mark(P)], "B": [markdown_of("gaps", [P])]})
    assert not list(iter_pending_drafts(vault.ledger, load_draft_ids(vault.ledger)))
    assert len(vault.live()) == 1
