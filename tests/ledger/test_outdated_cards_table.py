"""Which cards no longer have their quote in their passage, and what they are about now, row by
row."""

import dataclasses
from dataclasses import dataclass, field

import pytest
from msgspec.structs import replace

from ankiforge.ledger.events import USER, Passage, Rejection, SentenceDecision
from ankiforge.ledger.sentence_decisions import hash_sentence
from ankiforge.ledger.snapshots import PassageSnapshot, RelatedDecisions
from ankiforge.ledger.waiting import compute_waiting
from ankiforge.model import Card, HighlightKey, Origin, StoredDraft, Verdict
from tests.cards import PLACE, made

OLD = "The liver stores about one hundred grams of sugar."
NEW = "The liver stores about two hundred grams of sugar."
BESIDE = "The kidneys filter the blood forty times a day."
THIRD = "The spleen keeps a third of the platelets in reserve."


def card(**said: object) -> Card:
    return made(Card, **{"quote": OLD, **said})


def decided(
    *sentences: str, passage: str = OLD, n: int = 1, **said: object
) -> SentenceDecision:
    hashes = tuple(map(hash_sentence, passage.split(" | ")))
    values = {
        "event_id": f"e{n}",
        "guid": "af1",
        "event_number": n,
        "card_sentence": sentences[0],
        **said,
    }
    return SentenceDecision(sentences=sentences, passage_sentence_hashes=hashes, **values)


@dataclass(frozen=True)
class Row:
    """A passage with a card, and the text that the card is about now, if it is outdated."""

    text: str
    about: str = ""
    card: Card = field(default_factory=card)
    decisions: tuple[SentenceDecision, ...] = (decided(OLD),)
    elsewhere: tuple[str, ...] = ()
    is_related: bool = False
    """Whether the card is of another passage."""


ROWS = {
    "unchanged": Row(OLD),
    "spaces only": Row(OLD.replace(" ", "  ")),
    "something beside it": Row(f"{OLD} {BESIDE}"),
    "a sentence changed": Row(NEW, NEW),
    "a sentence of several changed": Row(
        f"{BESIDE} {NEW}", NEW, decisions=(decided(OLD, passage=f"{BESIDE} | {OLD}"),)
    ),
    "the passage is not read": Row(""),
    "the sentence is in another passage": Row(NEW, elsewhere=(OLD,)),
    "none is similar": Row(f"{BESIDE} {THIRD}", f"{BESIDE} {THIRD}"),
    "its neighbour is no new text": Row(
        f"{NEW} {THIRD}",
        f"{NEW} {THIRD}",
        decisions=(decided(OLD, passage=f"{OLD} | {NEW}"),),
    ),
    "without a decision": Row(NEW, NEW, decisions=()),
    "rejected": Row(NEW, card=card(verdict=Verdict.REJECTED)),
    "hand-written": Row(NEW, card=card(user_text_number=0)),
    "a card of another passage": Row(NEW, NEW, is_related=True),
    # for a card of two sentences, that with its answer counts, or any in the user's own words
    "the other sentence changed": Row(
        f"{OLD} Bears sleep in winter and eat in summer.",
        card=card(quote=f"{OLD} {BESIDE}"),
        decisions=(decided(OLD, BESIDE),),
    ),
    "its sentence changed": Row(
        f"{NEW} {BESIDE}",
        NEW,
        card=card(quote=f"{OLD} {BESIDE}"),
        decisions=(decided(OLD, BESIDE),),
    ),
    "its sentence changed, in the user's own words": Row(
        f"{NEW} {BESIDE}",
        card=card(quote=f"{OLD} {BESIDE}", origin=Origin(USER)),
        decisions=(decided(OLD, BESIDE),),
    ),
    # what was decided on the new sentence since
    "its new text was rejected": Row(
        NEW,
        decisions=(decided(OLD), decided(NEW, n=2, guid="", rejection=Rejection.CARD)),
    ),
    "its new text is another card": Row(
        NEW, decisions=(decided(OLD), decided(NEW, n=2, guid="af2"))
    ),
    "another card was kept": Row(
        NEW, NEW, decisions=(decided(OLD), decided(NEW, n=2, guid="af2", revises=True))
    ),
    "another card was retired": Row(
        NEW,
        NEW,
        decisions=(decided(OLD), decided(NEW, n=2, guid="af2", rejection=Rejection.CARD)),
    ),
    "only a proposal was rejected": Row(
        NEW,
        NEW,
        decisions=(
            decided(OLD),
            decided(NEW, n=2, guid="", rejection=Rejection.PROPOSAL),
        ),
    ),
    "decided before the card had its text": Row(
        NEW, NEW, decisions=(decided(NEW, n=1, guid=""), decided(OLD, n=2))
    ),
}


def snapshot(row: Row) -> PassageSnapshot:
    passage = Passage(("k",), decisions=[] if row.is_related else list(row.decisions))
    cards = {"af1": row.card}
    related = RelatedDecisions(present_sentences=frozenset(row.elsewhere))
    if row.is_related:
        related = RelatedDecisions(row.decisions, cards)
    else:
        passage.cards.update(cards)
    highlight = replace(PLACE, key=HighlightKey("k"))
    return PassageSnapshot(passage, row.text, related=related, highlight=highlight)


@pytest.mark.parametrize("name", ROWS)
def test_which_cards_are_outdated(name):
    row = ROWS[name]
    found = snapshot(row).find_outdated_cards()
    assert found == ({"af1": row.about} if row.about else {})


@pytest.mark.parametrize("name", ROWS)
def test_a_draft_asks_about_each_of_them(name):
    row = ROWS[name]
    drafts = compute_waiting(snapshot(row), "a").drafts
    asked = {draft.revised_guid: draft.quote for draft in drafts}
    assert asked == ({"af1": row.about} if row.about else {})
    for draft in drafts:
        assert draft.keeps_text
        assert draft.fields == row.card.fields
        assert draft.sentence_hashes == (
            (hash_sentence(NEW),) if row.about == NEW else ()
        )


@pytest.mark.parametrize(
    ("name", "drafted", "is_needed"),
    [
        ("a sentence changed", (), True),
        ("a sentence changed", (NEW,), False),
        ("a sentence changed", (BESIDE,), True),
        ("unchanged", (), False),
        ("none is similar", (), False),
    ],
)
def test_the_rules_are_rerun_if_new_text_of_a_card_has_no_draft(name, drafted, is_needed):
    drafts = tuple(
        made(
            StoredDraft,
            id=text,
            fields=(("Text", text),),
            quote=text,
            sentence_hashes=(hash_sentence(text),),
        )
        for text in drafted
    )
    row = ROWS[name]
    here = snapshot(dataclasses.replace(row, text=f"{row.text} {BESIDE}"))
    here = replace(here, made=drafts)
    assert compute_waiting(here, "a").needs_rules is is_needed
