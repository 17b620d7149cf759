"""What waits, which drafts a decision settles, and in which order they are offered, row by row."""

import sqlite3
from collections.abc import Iterator
from typing import Any

import pytest
from msgspec.structs import replace

from ankiforge.errors import RefusedError
from ankiforge.ledger import draft_completion, draft_groups
from ankiforge.ledger.database import SCHEMA
from ankiforge.ledger.events import (
    Passage,
    Rejection,
    SentenceDecision,
    hash_question_and_answer,
    normalize_answer,
    parse_slot_number,
)
from ankiforge.ledger.sentence_decisions import hash_sentence
from ankiforge.ledger.snapshots import PassageSnapshot, RelatedDecisions
from ankiforge.ledger.tables.offers import load_offers
from ankiforge.ledger.waiting import compute_waiting, group_into_offers
from ankiforge.model import (
    PROPOSAL_DRAFTER,
    Card,
    CardKind,
    Draft,
    Finding,
    Origin,
    Severity,
    StoredDraft,
    Verdict,
)
from tests.cards import card_of, made

ONE = "The {{c1::heart}} pumps blood."
TWO = "The heart {{c1::pumps}} blood."
THREE = "The heart pumps {{c1::blood}}."


def draft(
    drafter: str = PROPOSAL_DRAFTER, *, gaps: tuple[str, ...] = (), **more: Any
) -> Draft:
    """A draft of a passage about hearts."""
    return made(
        StoredDraft if "id" in more else Draft,
        key="vault:v/p",
        fields=(("Text", ONE), ("Extra", "e")),
        origin=Origin(drafter),
        quote="The heart pumps blood.",
        gaps=gaps,
        **more,
    )


PROPOSAL = draft(gaps=(ONE, TWO, THREE))


# --- the gaps of proposals ------------------------------------------------------------------


@pytest.mark.parametrize(
    ("number", "text", "answer"),
    [(1, ONE, "heart"), (2, TWO, "pumps"), (3, THREE, "blood")],
)
def test_one_of_the_gaps_is_chosen(number, text, answer):
    chosen = draft_completion.select_gap(PROPOSAL, number)
    assert chosen.fields == (("Text", text), ("Extra", "e"))
    assert chosen.answer == answer
    assert chosen.gaps == ()
    first = draft_completion.move_gap_to_front(PROPOSAL, number)
    assert first.fields == chosen.fields
    assert first.gaps[0] == text
    assert sorted(first.gaps) == sorted(PROPOSAL.gaps)


@pytest.mark.parametrize(
    ("card", "number", "said"),
    [
        (PROPOSAL, 0, "this card has only 3 gaps"),
        (PROPOSAL, 4, "this card has only 3 gaps"),
        (draft(), 2, "gap 2: only suggestions have several gaps"),
        (draft(), 0, "gap 0: only suggestions have several gaps"),
    ],
)
def test_a_gap_that_there_is_not_is_refused(card, number, said):
    with pytest.raises(RefusedError, match=said):
        draft_completion.select_gap(card, number)


# --- what is decided on together --------------------------------------------------------------


def waits(
    id: str,
    sentences: str = "s",
    answer: str = "x",
    *,
    slot: int | None = None,
    **more: Any,
) -> StoredDraft:
    """A waiting draft about sentences, each a letter; the answer "" is a proposal's."""
    text = f"The {{{{c1::{answer or 'open'}}}}} beats."
    return made(
        StoredDraft,
        id=id,
        sentence_hashes=tuple(sentences),
        fields=(("Text", text),),
        origin=Origin("llm" if answer else PROPOSAL_DRAFTER),
        user_text_number=slot,
        **more,
    )


@pytest.mark.parametrize(
    ("drafts", "groups"),
    [
        # a sentence with an answer is one group, if it is a passage's
        ([waits("a"), waits("b")], "ab"),
        ([waits("a"), waits("b", "t")], "a b"),
        ([waits("a"), waits("b", answer="y")], "a b"),
        ([waits("a", answer=""), waits("b", answer="")], "ab"),
        ([waits("a", key="k"), waits("b", key="l")], "ab"),
        # the change of a card is one group, whatever the answer
        ([waits("a", revised_guid="g"), waits("b", answer="y", revised_guid="g")], "ab"),
        ([waits("a", revised_guid="g"), waits("b", revised_guid="h")], "a b"),
        ([waits("a", replaced_guid="g"), waits("b")], "a b"),
        ([waits("a", replaced_guid="g"), waits("b", replaced_guid="g")], "ab"),
        # hand-written cards are decided one by one; drafts join the one with their sentence and answer
        ([waits("a", slot=1), waits("b", slot=2)], "a b"),
        ([waits("a", "rst", slot=1), waits("b")], "ab"),
        ([waits("a", "rst", slot=1), waits("b", answer="")], "ab"),
        ([waits("a", "rst", slot=1), waits("b", answer="y")], "a b"),
        ([waits("a", "rst", slot=1), waits("b", "u")], "a b"),
        ([waits("a", slot=1, key="l"), waits("b")], "a b"),
        ([waits("a", slot=1, revised_guid="g"), waits("b")], "a b"),
        ([waits("a", slot=1, revised_guid="g"), waits("b", answer="y", revised_guid="g")], "ab"),
        ([waits("a", slot=1, replaced_guid="g"), waits("b")], "a b"),
        ([waits("a", slot=1), waits("b", slot=2), waits("c")], "ac b"),
        ([waits("a", slot=1, revised_guid="g"), waits("b", slot=2), waits("c")], "a bc"),
        ([waits("a", slot=1, replaced_guid="g"), waits("b", slot=2), waits("c")], "a bc"),
    ],
)  # fmt: skip
def test_drafts_that_are_decided_on_together(drafts, groups):
    ids_by_offer: dict[str, str] = {}
    for each in group_into_offers("p", drafts):
        ids_by_offer[each.offer_id] = ids_by_offer.get(each.offer_id, "") + each.id
    assert sorted(ids_by_offer.values()) == groups.split()


# --- what is known already ------------------------------------------------------------------

FORM = draft("rules:cloze", user_text_number=0)
LIVE = card_of(FORM, guid="g")
OTHER_WORDS = replace(FORM, fields=(("Text", THREE),))


@pytest.mark.parametrize(
    ("passage", "words", "new"),
    [
        (Passage(("p",)), FORM, True),
        (Passage(("p",), is_skipped=True), FORM, False),
        (Passage(("p",), rejected_hashes={hash_question_and_answer(FORM.fields)}), FORM, False),
        (Passage(("p",), rejected_numbers={0}), FORM, False),
        (Passage(("p",), rejected_numbers={1}), FORM, True),
        (Passage(("p",), decisions=[SentenceDecision("e", passed_over_hashes=(hash_question_and_answer(FORM.fields),))]), FORM, False),
        (Passage(("p",), decisions=[SentenceDecision("e", passed_over_hashes=(hash_question_and_answer(OTHER_WORDS.fields),))]), FORM, True),
        # beside a card that was accepted from a proposal: unless that says the same
        (Passage(("p",), cards={"g": replace(LIVE, user_text_number=None, drafted_text_hash="x" * 16, origin=Origin(PROPOSAL_DRAFTER))}), FORM, False),
        (Passage(("p",), cards={"g": replace(LIVE, user_text_number=None, drafted_text_hash="x" * 16, origin=Origin(PROPOSAL_DRAFTER))}), OTHER_WORDS, True),
        (Passage(("p",), cards={"g": replace(LIVE, verdict=Verdict.TAKEN_BACK)}), FORM, True),
        (Passage(("p",), cards={"g": replace(LIVE, verdict=Verdict.RETIRED)}), OTHER_WORDS, False),
    ],
)  # fmt: skip
def test_the_persons_own_form_that_is_to_be_offered(passage, words, new):
    assert draft_completion.should_offer_draft(passage, words, "a") == new


@pytest.mark.parametrize(
    ("cards", "found"),
    [
        ((), None),
        ((LIVE,), None),
        ((LIVE, replace(LIVE, origin=Origin(PROPOSAL_DRAFTER), guid="p")), "p"),
        (
            (replace(LIVE, origin=Origin(PROPOSAL_DRAFTER), verdict=Verdict.RETIRED),),
            None,
        ),
    ],
)
def test_the_card_that_came_from_a_proposal(cards, found):
    passage = Passage(("p",), cards={str(n): card for n, card in enumerate(cards)})
    card = draft_completion.find_proposed_card(passage)
    assert (card.guid if card else None) == found


@pytest.mark.parametrize(
    ("slot", "number"),
    [("0", 0), ("1000", 1000), ("", None), ("²", None), ("kbdgrwvd", None), ("1234567890123456", None)],
)  # fmt: skip
def test_the_number_that_a_slot_states(slot, number):
    assert parse_slot_number(slot) == number


# --- what a decision settles ----------------------------------------------------------------

A, B = "Hearts pump blood all day long.", "Livers filter."
NAMES = {A: hash_sentence(A), B: hash_sentence(B), "": ""}
CARD = made(Card, key="vault:v/q", guid="g")


def of_model(answer: str = "blood", *, about: str = A, **more: Any) -> StoredDraft:
    """Return a model's draft of a sentence with an answer."""
    return made(
        StoredDraft, id="d", kind=CardKind.BASIC, quote=about,
        fields=(("Front", "What?"), ("Back", answer)),
        sentence_hashes=(NAMES[about],) if about else (), **more,
    )  # fmt: skip


def decision(answer: str = "blood", *sentences: str, **more: Any) -> SentenceDecision:
    """Return a decision on sentences by a card or draft with an answer."""
    answer = normalize_answer({"Back": answer}) if answer else ""
    more = {"event_number": 5, "guid": "g", **more}
    return SentenceDecision("e", sentences or (A,), answer=answer, **more)


SKIP = decision("", A, B, guid="", rejection=Rejection.PASSAGE)
OWN = draft("rules:cloze", id="d", sentence_hashes=(NAMES[A],), user_text_number=0)


def waiting_ids(here: PassageSnapshot) -> list[str]:
    return [draft.id for draft in compute_waiting(here, "a").drafts]


@pytest.mark.parametrize(
    ("waiting", "settled"),
    [
        (of_model("the body"), True),
        (of_model(about="", revised_guid=None), True),
        (of_model(after_event_number=4), True),
        (of_model(after_event_number=5), False),  # it was asked for after that
        (OWN, True),
        (replace(OWN, revised_guid="g"), True),
    ],
)
def test_a_passage_that_is_skipped_settles_all_of_its_drafts(waiting, settled):
    passage = Passage(("vault:v/p",), decisions=[SKIP], is_skipped=True, is_closed=True)
    here = PassageSnapshot(passage, f"{A} {B}", made=(waiting,))
    assert (waiting_ids(here) == []) is settled


def test_new_words_of_a_card_are_asked_about_until_they_are_decided():
    old_sentence = "Hearts pump blood all day."
    decisions = [decision("blood", old_sentence, card_sentence=old_sentence)]
    here = PassageSnapshot(
        Passage(("vault:v/p",), decisions=decisions),
        A,
        related=RelatedDecisions(live_cards={"g": replace(CARD, kind=CardKind.BASIC)}),
        made=(of_model("the body"),),
    )
    [asked] = compute_waiting(here, "a").drafts
    assert (asked.revised_guid, asked.similar_removed_sentence) == ("g", old_sentence)
    decisions = [decision("blood", A, card_sentence=A)]
    here = replace(here, passage=Passage(("vault:v/p",), decisions=decisions))
    [asked] = compute_waiting(here, "a").drafts
    assert (asked.revised_guid, asked.similar_removed_sentence) == (None, "")


# --- offers ---------------------------------------------------------------------------------

BLOCKED = (Finding("leak", Severity.BLOCK, "so"),)


def test_the_drafts_of_an_offer_begin_with_the_persons_own():
    ranked = [draft("rules:phrase"), draft("llm"), PROPOSAL]
    blocked = [replace(card, findings=BLOCKED) for card in ranked]
    worst_first = [*blocked, *ranked]
    assert sorted(worst_first, key=draft_groups.get_draft_sort_key) == [*ranked, *blocked]
    worst_first.reverse()
    assert sorted(worst_first, key=draft_groups.get_draft_sort_key) == [*ranked, *blocked]


class Rows:
    """A database with the tables of the schema; only `rows` of a store is asked."""

    def __init__(self) -> None:
        self.database = sqlite3.connect(":memory:")
        self.database.row_factory = sqlite3.Row
        self.database.executescript(SCHEMA)

    def add(self, table: str, **values: object) -> None:
        """Insert a row; what is not given is empty."""
        for _, name, kind, required, default, _ in self.database.execute(
            f"PRAGMA table_info({table})"
        ):
            if required and default is None:
                values.setdefault(name, 0 if kind == "INTEGER" else "")
        names = ", ".join(values)
        marks = ", ".join("?" * len(values))
        self.database.execute(
            f"INSERT INTO {table} ({names}) VALUES ({marks})", tuple(values.values())
        )

    def fetch_rows(self, query: str, *values: object) -> list[sqlite3.Row]:
        return self.database.execute(query, values).fetchall()


@pytest.fixture
def store() -> Iterator[Rows]:
    rows = Rows()
    yield rows
    rows.database.close()


ORDERS = [
    # name, drafts (id, confidence, and more) → ids in order; `offer` is the draft's id if not given
    ("the surest first", [("a", 0.2, {}), ("b", 0.9, {}), ("c", 0.5, {})], "b c a"),
    ("what warns comes behind", [("a", 0.9, {"severity": "warn"}), ("b", 0.1, {})], "b a"),
    ("what is only told does not", [("a", 0.9, {"severity": "info"}), ("b", 0.1, {})], "a b"),
    ("what a check blocks is last", [("a", 0.9, {"severity": "block"}), ("b", 0.1, {"severity": "warn"})], "b a"),
    ("a form of the person is first", [("a", 0.9, {}), ("b", 0.0, {"slot": "0"})], "b a"),
    ("but behind what needs no look", [("a", 0.1, {}), ("b", 0.9, {"slot": "0", "severity": "warn"})], "a b"),
    ("equally sure ones as they stand", [("b", 0.5, {}), ("a", 0.5, {})], "b a"),
    ("documents mix", [("a", 0.52, {}), ("b", 0.51, {}), ("x", 0.505, {"document": 2})], "a x b"),
    ("by little only", [("a", 0.60, {}), ("b", 0.58, {}), ("x", 0.50, {"document": 2})], "a b x"),
    ("the first draft stands for its offer", [("a", 0.5, {"key": "p", "offer": "f"}), ("b", 0.9, {"key": "p", "offer": "f"}),
     ("c", 0.8, {})], "a c"),
    ("one that is blocked does not, beside another", [("a", 0.5, {"key": "p", "offer": "f", "severity": "block"}),
     ("b", 0.1, {"key": "p", "offer": "f"})], "b"),
    ("two offers of one passage", [("a", 0.5, {"key": "p"}), ("b", 0.9, {"key": "p"})], "b a"),
    ("what is left out", [("a", 0.5, {}), ("left", 0.9, {})], "a"),
    ("a passage that is gone", [("a", 0.5, {}), ("b", 0.9, {"state": "gone"})], "a"),
]  # fmt: skip


@pytest.mark.parametrize(
    ("drafts", "expected"), [row[1:] for row in ORDERS], ids=[row[0] for row in ORDERS]
)
def test_the_order_of_offers(store, drafts, expected):
    keys = set()
    for place, (id, confidence, more) in enumerate(drafts):
        values = {"key": f"p{place}", "state": "present", "document": 1, **more}
        key = values["key"]
        if key not in keys:
            keys.add(key)
            store.add(
                "highlight",
                key=key,
                state=values.pop("state"),
                document=values.pop("document"),
                position=place,
            )
        values = {
            name: values[name] for name in values if name not in ("state", "document")
        }
        store.add(
            "draft",
            id=id,
            position=place,
            passage=key,
            offer=values.pop("offer", id),
            body=f'{{"confidence": {confidence}}}',
            **values,
        )
    found = load_offers(store, {"left"})  # type: ignore[arg-type]
    assert " ".join(offer.id for offer in found) == expected


def test_a_passage_without_a_decision_comes_before_a_surer_draft_of_a_decided_one(store):
    for key, confidence, decided in (("p", 0.9, 1), ("q", 0.2, 0)):
        store.add("highlight", key=key, state="present", document=1)
        store.add("passage", key=key, decided=decided)
        body = f'{{"confidence": {confidence}}}'
        store.add("draft", id=f"d{key}", key=key, passage=key, offer=key, body=body)
    found = load_offers(store)  # type: ignore[arg-type]
    assert [offer.id for offer in found] == ["dq", "dp"]
