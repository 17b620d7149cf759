"""Drafts that nobody decided on yet go with their sentences, and keep their ids."""

import pytest
from msgspec.structs import replace

from ankiforge.check import terms_of
from ankiforge.ledger import recording
from ankiforge.ledger.desk import each_waiting
from ankiforge.model import Drafted, Finding, RemarkKind, Severity
from tests.facts.program import exact, gaps_in
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


def ids(vault: Vault) -> dict[str, list[str]]:
    """Return by sentence the drafts that wait."""
    found: dict[str, list[str]] = {}
    for highlight in vault.highlights():
        for sentence, offer in vault.offers_of(highlight.key).items():
            found.setdefault(sentence, []).extend(draft.id for draft in offer)
    return found


SPLIT = {"A": [mark(P), mark(Q), mark(R)]}
STEPS = {
    "split and joined": [SPLIT, {"A": [mark(P, Q, R)]}],
    "joined in another order": [SPLIT, {"A": [mark(R, P), mark(Q)]}],
    "to another note": [{"A": [mark(P, Q)], "B": [mark(R)]}, {"B": [mark(R, P, Q)]}],
    "cut as a mark, and pasted into another in the next run": [
        {"A": [mark(P, Q)], "B": [mark(R)]},
        {"A": [mark(P, Q)]},
        {"A": [mark(P, Q, R)]},
    ],
}


@pytest.mark.parametrize("steps", STEPS.values(), ids=STEPS)
@pytest.mark.parametrize("is_sure", [True, False])
@pytest.mark.parametrize("decided", [True, False])
def test_a_proposal_goes_with_its_sentence(vault, steps, is_sure, decided):
    vault.write_notes({"A": [mark(P, Q, R)]})
    before = ids(vault)[R]
    if decided:
        vault.choose(P)
        vault.accept(P)
        vault.reject(Q)
    if not is_sure:  # alone it is not, as the program judges it
        vault.worth = lambda sentence: 0.0 if sentence == R else 0.5
    for notes in steps:
        vault.write_notes(notes)
    assert ids(vault)[R] == before
    assert (P in ids(vault)) is not decided


@pytest.mark.parametrize("steps", STEPS.values(), ids=STEPS)
def test_a_draft_of_a_model_goes_with_its_sentence(vault, steps):
    vault.worth = lambda sentence: 0.0
    vault.write_notes({"A": [mark(P, Q, R)]})
    [highlight] = vault.highlights()
    [draft, *_] = gaps_in(highlight, R, "llm")
    long = Finding("answer_long", Severity.WARN, "its answer is long")  # policy leaves it
    draft = replace(draft, findings=(long,))
    with vault.ledger.action():
        drafted = Drafted(highlight, (draft,))
        recording.record(vault.ledger, [drafted], terms_of, by_model=True)
    before = ids(vault)
    vault.write_notes(SPLIT)
    query = "SELECT h.modelled = h.content FROM highlight h JOIN draft USING (key)"
    assert vault.ledger.value(query) == 1  # it is not paid for again
    for notes in steps:
        vault.write_notes(notes)
    assert ids(vault) == before


def test_a_draft_leaves_where_its_sentence_is_reworded(vault):
    vault.write_notes({"A": [mark(P, Q, R)]})
    before = ids(vault)
    vault.write_notes({"A": [mark(P, Q), mark("Something else stands here now.")]})
    assert R not in ids(vault)
    assert ids(vault)[P] == before[P]


@pytest.mark.parametrize(
    ("pasted", "same"),
    [
        ({"A": [mark(P, Q, R)]}, True),
        ({"A": [mark(P, Q), mark(R)]}, False),  # a limit: it is drafted anew there
    ],
)
def test_a_sentence_that_comes_back_to_its_mark_has_its_draft_of_before(
    vault, pasted, same
):
    vault.write_notes({"A": [mark(P, Q, R)]})
    before = ids(vault)[R]
    vault.write_notes({"A": [mark(P, Q)]})
    assert R not in ids(vault)
    vault.write_notes(pasted)
    assert (ids(vault)[R] == before) is same


def test_a_sentence_in_two_marks_has_two_drafts(vault):
    vault.write_notes({"A": [mark(P, Q, R)]})
    [before] = ids(vault)[R]
    vault.write_notes(SPLIT)
    vault.write_notes({"A": [mark(P, R), mark(Q), mark(R)]})
    first, second = ids(vault)[R]
    assert before in (first, second)
    assert first != second


def test_what_was_rejected_meanwhile_waits_no_more(vault):
    vault.write_notes({"A": [mark(P, Q, R)]})
    vault.write_notes({"A": [mark(P, Q)], "B": [mark(R)]})
    vault.choose(R)
    vault.reject(R)
    vault.write_notes({"A": [mark(P, Q, R)]})
    assert R not in ids(vault)


@pytest.mark.parametrize("decision", [Vault.accept, Vault.reject])
def test_a_phrase_that_is_marked_in_a_sentence_decided_elsewhere_waits(vault, decision):
    vault.write_notes({"A": [mark(P)]})
    vault.choose(P)
    decision(vault, P)
    cards = vault.live()
    vault.write_notes({"A": [mark(P)], "B": [markdown_of("gaps", [P])]})
    [draft] = each_waiting(vault.ledger)
    assert draft.in_slot
    assert draft.remarks[0].kind is RemarkKind.DECIDED_BEFORE
    assert vault.live() == cards
