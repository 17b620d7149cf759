"""The whole event, sentences and drafts of each decision, row by row."""

from typing import Any

import pytest
from msgspec.structs import replace

from ankiforge.ledger import decision_plans
from ankiforge.ledger.decision_plans import NoteRepair, PlannedDecision
from ankiforge.ledger.events import (
    POLICY,
    USER,
    Passage,
    content_to_json,
    hash_question_and_answer,
    make_guid,
)
from ankiforge.ledger.sentence_decisions import hash_sentence
from ankiforge.ledger.snapshots import PassageSnapshot
from ankiforge.model import (
    PROPOSAL_DRAFTER,
    AdoptedNote,
    CardContent,
    CardKind,
    Guid,
    HighlightKey,
    NoteType,
    Origin,
    StoredDraft,
    UserNoteType,
    compute_guid,
)
from tests.cards import card_of, made

A, B = "The heart pumps five litres of blood.", "The liver stores sugar for the night."
KEY = HighlightKey("v:v/p")
TEXT = (("Text", "The {{c1::heart}} pumps five litres of blood."),)
DRAFT = made(
    StoredDraft,
    key=KEY,
    fields=TEXT,
    quote=A,
    answer="heart",
    sentence_hashes=(hash_sentence(A),),
    offer_id="o1",
)
OWN = replace(DRAFT, user_text_number=2)
PROPOSED = replace(DRAFT, origin=Origin(PROPOSAL_DRAFTER))
GUID = make_guid(KEY, DRAFT)
CARD = replace(card_of(DRAFT), guid=Guid("af1"))
HASH = hash_question_and_answer(TEXT)


def snapshot(*pending: StoredDraft, **passage: Any) -> PassageSnapshot:
    return PassageSnapshot(Passage((KEY,), **passage), f"{A} {B}", pending)


def say(planned: PlannedDecision) -> tuple[Any, ...]:
    """Return what a planned decision records: kind, key, author, body, sentences."""
    event = planned.event
    assert planned.fact_body["sentences"] == planned.decided_sentences
    assert planned.fact_body["passage"] == [hash_sentence(A), hash_sentence(B)]
    assert planned.fact_body.get("guid", "") == (event.body.get("guid") or "")
    names = {A: "A", B: "B"}
    sentences = "".join(names[each] for each in planned.decided_sentences)
    return event.kind, event.key, event.author, event.body, sentences


def stored(draft: CardContent) -> dict[str, Any]:
    return content_to_json(draft)


@pytest.mark.parametrize(
    ("draft", "options", "author", "body", "sentences"),
    [
        (DRAFT, {}, USER, {"guid": GUID}, "A"),
        (DRAFT, {"by": POLICY}, POLICY, {"guid": GUID}, "A"),
        (DRAFT, {"forced": True}, USER, {"guid": GUID, "forced": True}, "A"),
        (replace(DRAFT, deck="D"), {}, USER, {"guid": GUID, "deck": "D"}, "A"),
        (replace(DRAFT, replaced_guid=Guid("af9")), {}, USER, {"guid": GUID, "instead": "af9"}, "A"),
        (OWN, {}, USER, {"guid": make_guid(KEY, OWN)}, "A"),
        (replace(DRAFT, quote=f"{A} {B}"), {}, USER, {"guid": GUID}, "AB"),
        (replace(PROPOSED, quote=f"{A} {B}"), {}, USER, {"guid": GUID}, "B"),
        (replace(DRAFT, quote="Other words."), {}, USER, {"guid": GUID}, ""),
        # the user's own text is of no draft
        (made(CardContent, key=KEY, fields=TEXT, quote=B), {}, USER, {"guid": GUID}, "B"),
    ],
)  # fmt: skip
def test_accept(draft, options, author, body, sentences):
    planned = decision_plans.plan_accept(snapshot(), draft, **options)
    expected = {**body, "draft": stored(draft)}
    assert say(planned) == ("accept", KEY, author, expected, sentences)


@pytest.mark.parametrize(
    ("quote", "drafter", "sentences"),
    [
        (B, "rules", (B,)),
        ("pumps five", "rules", (A,)),
        # the quote is no longer in the passage
        ("Lungs breathe. Skin sweats.", "rules", ("Lungs breathe.", "Skin sweats.")),
        ("Lungs breathe. Skin sweats.", PROPOSAL_DRAFTER, ("Skin sweats.",)),
    ],
)
def test_the_sentences_of_a_card_without_a_decision(quote, drafter, sentences):
    card = replace(CARD, quote=quote, origin=Origin(drafter))
    assert decision_plans.find_card_sentences(snapshot(), card.guid, card) == sentences


@pytest.mark.parametrize(
    ("draft", "fields", "sentences"),
    [
        # only the fields that a drafter gave are new; the reader's own text is all of the card
        (DRAFT, {"Text": TEXT[0][1], "Extra": "e"}, "A"),
        (OWN, dict(TEXT), "A"),
        # without new text, its sentence is the quote, or there is none
        (replace(DRAFT, keeps_text=True, quote=B), {"Text": "old", "Extra": "e"}, "B"),
        (
            replace(DRAFT, keeps_text=True, quote=B, sentence_hashes=()),
            {"Text": "old", "Extra": "e"},
            "",
        ),
    ],
)
def test_revise(draft, fields, sentences):
    card = replace(CARD, fields=(("Text", "old"), ("Extra", "e")))
    planned = decision_plans.plan_revision(snapshot(), draft, card, "v:v/q")
    content = stored(replace(draft, fields=tuple(fields.items()), kind=card.kind))
    body = {"guid": "af1", "draft": content}
    assert say(planned) == ("revise", "v:v/q", USER, body, sentences)


@pytest.mark.parametrize(("about", "sentences"), [((hash_sentence(B),), "AB"), ((), "A")])
def test_retire(about, sentences):
    draft = replace(DRAFT, quote=B, keeps_text=True, sentence_hashes=about)
    planned = decision_plans.plan_retirement(snapshot(), draft, CARD, "v:v/q", "easy")
    body = {
        "guid": "af1",
        "content": HASH,
        "slot": "",
        "fields": dict(TEXT),
        "why": "easy",
    }
    assert say(planned) == ("reject", "v:v/q", USER, body, sentences)


NOTE = AdoptedNote("g", 5, 6, {"Text": "Front"}, {"Front": "<b>x</b>"})
NOTE_JSON = {
    "guid": "g",
    "id": 5,
    "type": 6,
    "names": {"Text": "Front"},
    "html": {"Front": "<b>x</b>"},
}


BASIC = made(
    CardContent,
    kind=CardKind.BASIC,
    fields=(("Front", "q"), ("Back", "a"), ("Reverse", "")),
)


@pytest.mark.parametrize(
    ("content", "fields", "over", "body"),
    [
        (BASIC, {"Back": "b"}, {}, {"fields": {"Back": "b"}}),
        (BASIC, {"Front": "q", "Back": "b"}, {}, {"fields": {"Back": "b"}}),
        (BASIC, {"Front": "q"}, {}, None),
        (BASIC, {}, {}, None),
        # words in Anki are replaced by the same
        (
            BASIC,
            {"Front": "q"},
            {"Front": ("h", "x")},
            {"fields": {"Front": "q"}, "over": {"Front": ("h", "x")}},
        ),
        (
            BASIC,
            {"Reverse": "yes"},
            {},
            {"fields": {"Reverse": "yes"}, "kind": "two-way"},
        ),
        (
            BASIC,
            {"Reverse": "", "Back": "b"},
            {},
            {"fields": {"Back": "b"}, "kind": "basic"},
        ),
        (
            replace(BASIC, kind=CardKind.CLOZE),
            {"Reverse": "yes"},
            {},
            {"fields": {"Reverse": "yes"}},
        ),
    ],
)
def test_edit(content, fields, over, body):
    event = decision_plans.build_edit_event(KEY, "af1", content, fields, over)
    if body is None:
        assert event is None
        return
    assert (event.kind, event.key, event.author) == ("edit", KEY, USER)
    assert event.body == {"guid": "af1", **body}


@pytest.mark.parametrize(
    ("guid", "with_change", "body"),
    [
        (str(CARD.guid), False, {"guid": "af1"}),
        (str(CARD.guid), True, {"guid": "af1"}),
        ("other", False, {}),
        ("other", True, {
            "guid": compute_guid(KEY, NoteType.CLOZE, "0"), "draft": stored(CARD), "note": NOTE_JSON, "deck": "D",
        }),
    ],
)  # fmt: skip
def test_repair(guid, with_change, body):
    change = NoteRepair(
        NOTE, replace(made(CardContent, key=KEY, fields=TEXT, quote=A), deck="D")
    )
    event = decision_plans.build_repair_event(
        KEY, "split", 7, guid, change if with_change else None
    )
    assert (event.kind, event.key, event.author) == ("repair", KEY, USER)
    assert event.body == {"name": "split", "nid": 7, **body}


def test_a_repair_that_adds_notes_names_their_type():
    added = made(CardContent, key=KEY, fields=TEXT)
    change = NoteRepair(NOTE, added, (added,), UserNoteType(7, "Mine", {"Text": "Front"}))
    body = decision_plans.build_repair_event(KEY, "split", 7, "other", change).body
    assert body["new"] == [{"guid": GUID, "draft": stored(added)}]
    assert body["type"] == {"id": 7, "name": "Mine", "fields": {"Text": "Front"}}


def test_other_events():
    move = decision_plans.build_deck_and_tags_event
    assert move(KEY, "af1", "D", ["x"], ["y"]).body == {
        "guid": "af1",
        "deck": "D",
        "added": ["x"],
        "removed": ["y"],
    }
    assert move(KEY, "af1", "", [], []).body == {"guid": "af1"}
    assert move(KEY, "af1", "", [], []).kind == "placed"
    different = decision_plans.build_different_passages_event(KEY, "v:v/q")
    assert (different.kind, different.key, different.body) == (
        "different",
        KEY,
        {"old": "v:v/q"},
    )
