"""What an item is, and what each decision does with it: rows."""

import pytest
from msgspec.structs import replace

from ankiforge.check import make_finding
from ankiforge.errors import RefusedError
from ankiforge.ledger import HighlightOutcome
from ankiforge.model import (
    CardKind,
    Document,
    DocumentKey,
    Highlight,
    HighlightKey,
    HighlightKind,
    LocalCard,
    PendingDraft,
    Proposal,
    Remark,
    RemarkKind,
    UserQuestion,
    UserQuestionKind,
)
from ankiforge.pipeline.workspace import Workspace
from ankiforge.review import Item, Review, StaleItemError, decisions, items
from ankiforge.review.decisions import (
    PASSAGE_CHOICE,
    Accept,
    Decision,
    Edit,
    MakeFromSelection,
    Redraft,
    Reject,
    Restore,
    SetMasks,
    ShowInAnki,
    WriteCard,
)
from tests.cards import made

PASSAGE = Highlight(
    Document(DocumentKey("d"), "v", "d"), "v", HighlightKind.HIGHLIGHT, "a", HighlightKey("k")
)  # fmt: skip
DRAFT = made(PendingDraft, fields=(("Front", "a"), ("Back", "b")), passages=(PASSAGE,))
OTHER = replace(DRAFT, id="dr2", fields=(("Front", "c"), ("Back", "d")))
PROPOSAL = made(Proposal, fields=(("Text", "{{c1::a}}"),), passages=(PASSAGE,))
CARD = made(LocalCard, guid="af7", passages=(PASSAGE,))
OUTCOME = HighlightOutcome(PASSAGE, "no_card")


def question(*guids: str) -> UserQuestion:
    return UserQuestion("qu1", UserQuestionKind.EMPTIED, "Why?", guids=guids)


# --- an item ---------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("item", "offered", "has_highlight", "guid"),
    [
        (Item("dr1", (DRAFT, OTHER)), (DRAFT, OTHER), True, ""),
        (Item("dr1", (DRAFT,), CARD), (DRAFT,), True, "af7"),
        (Item("af7", card=CARD), (), True, "af7"),
        (Item("k", outcome=OUTCOME), (), True, ""),
        (Item("k", outcome=OUTCOME, proposal=PROPOSAL), (PROPOSAL,), True, ""),
        (Item("qu1", question=question()), (), False, ""),
        (Item("qu1", question=question("af8")), (), False, "af8"),
        (Item("qu1", question=question("af8", "af9")), (), False, ""),
        (Item("x"), (), False, ""),
    ],
)
def test_what_an_item_offers_and_is_about(item, offered, has_highlight, guid):
    assert item.offered_drafts == offered
    assert item.highlight == (PASSAGE if has_highlight else None)
    assert item.guid == guid
    best = offered[0] if offered else None
    chosen = [item.select_offered_draft(number) for number in (-1, 0, 1, 2)]
    assert chosen == [best, best, offered[1] if len(offered) > 1 else best, best]


def test_an_item_has_another_hash_for_whatever_else_is_seen():
    seen = [
        Item("a", (DRAFT,)),
        Item("a", (OTHER,)),
        Item("a", (DRAFT, OTHER)),
        Item("a", (DRAFT,), CARD),
        Item("a", outcome=OUTCOME),
        Item("a", outcome=replace(OUTCOME, reason="x")),
        Item("a", question=question()),
        Item("a", outcome=OUTCOME, proposal=PROPOSAL),
    ]
    assert len({item.content_hash for item in seen}) == len(seen)
    # why there was no card is not seen beside a proposal; the id is no content
    changed = replace(seen[-1], outcome=replace(OUTCOME, reason="x"), id="b")
    assert changed.content_hash == seen[-1].content_hash


def test_a_draft_has_a_copy_for_each_gap():
    fields = (("Text", "{{c1::a}} b"), ("Extra", "x"))
    draft = replace(PROPOSAL, fields=fields, gaps=("{{c1::a}} b", "a {{c1::b}}"))
    texts = [each.fields for each in items.expand_alternative_gaps(draft)]
    assert texts == [fields, (("Text", "a {{c1::b}}"), ("Extra", "x"))]
    assert items.expand_alternative_gaps(DRAFT) == [DRAFT]


# --- loading ---------------------------------------------------------------------------------


class Desk:
    """The workspace, and the ids of what is in it by a word."""

    def __init__(self, workspace: Workspace) -> None:
        self.workspace = workspace
        self.review = Review(workspace)
        self.key = {each.highlight.exact.split()[0]: each.highlight.key for each in workspace.highlights()}  # fmt: skip
        self.key["ribosome"], self.key["nucleus"], self.key["cell"] = (
            next(each.highlight.key for each in workspace.highlights() if word in each.highlight.exact)
            for word in ("a ribosome", "a nucleus", "a cell")
        )  # fmt: skip
        self.draft = {
            dict(each.fields)["Front"].split()[-1].rstrip("?"): each.id
            for each in workspace.drafts()
        }
        [self.card] = [card.guid for card in workspace.cards()]

    def id(self, word: str) -> str:
        if word == "card":
            return self.card
        kind, _, name = word.partition(" ")
        return self.draft[name] if kind == "draft" else self.key[name]

    def texts(self) -> dict[str, list[str]]:
        """The words of the cards, and of the drafts that wait."""
        return {
            "cards": sorted(" / ".join(text for _, text in card.fields) for card in self.workspace.cards()),
            "drafts": sorted(self.name(draft.id) for draft in self.workspace.drafts()),
        }  # fmt: skip

    def name(self, id: str) -> str:
        return next((name for name, known in self.draft.items() if known == id), id)


@pytest.fixture
def cells(workspace: Workspace) -> Desk:
    return Desk(workspace)


CELL = "What is a cell? / a unit of life"
RIBOSOME = "What is a ribosome? / a maker of proteins"
OSMOSIS = "{{c1::Osmosis}} is the diffusion of water through a semipermeable membrane."


@pytest.mark.parametrize(
    ("word", "is_there", "part"),
    [
        ("draft ribosome", True, "drafts"),
        ("card", True, "card"),
        ("passage Osmosis", True, "proposal"),
        ("passage and", True, "outcome"),
        ("passage ribosome", False, ""),  # its draft waits
        ("passage cell", False, ""),  # it has a card
    ],
)
def test_an_item_by_its_id(cells, word, is_there, part):
    id = cells.id(word)
    item = cells.review.load_item(id)
    assert (item is not None) == is_there
    if item:
        assert item.id == id
        parts = {
            name
            for name in ("drafts", "card", "question", "proposal")
            if getattr(item, name)
        }
        assert parts == ({part} - {"outcome"})
        assert (item.outcome is not None) == (part in ("outcome", "proposal"))
    for gone in ("dr0000000000000000", "af" + "a" * 24, "qu0000000000000000"):
        assert cells.review.load_item(gone) is None
    assert cells.review.load_item("vault:notes/0000000000000000") is None


def test_a_card_that_was_rejected_can_still_be_loaded(cells):
    cells.review.decide(Reject(cells.card))
    item = cells.review.load_item(cells.card)
    assert not item.card.is_live
    back = cells.review.decide(Restore(cells.card))
    assert (back.undo, bool(back.action)) == (
        None,
        True,
    )  # it undoes, so it is not undone
    assert cells.texts()["cards"] == [CELL]


# --- decisions -------------------------------------------------------------------------------

BOTH = ["nucleus", "ribosome"]
WORDS = {"Front": "What?", "Back": "This."}


@pytest.mark.parametrize(
    ("word", "decision", "cards", "drafts"),
    [
        ("draft ribosome", Accept(""), [CELL, RIBOSOME], ["nucleus"]),
        ("draft ribosome", Reject(""), [CELL], ["nucleus"]),
        ("draft ribosome", Reject("", passage=True), [CELL], ["nucleus"]),
        ("draft ribosome", Edit("", fields={"Back": "This."}), [CELL, "What is a ribosome? / This."], ["nucleus"]),
        ("draft ribosome", WriteCard("", fields=WORDS), [CELL, "What? / This."], BOTH),
        ("draft ribosome", WriteCard("", fields=WORDS, replaces=True), [CELL, "What? / This."], ["nucleus"]),
        ("passage Osmosis", Accept(""), [CELL, OSMOSIS], BOTH),
        ("passage Osmosis", Accept("", gap=2), [CELL, "Osmosis is the diffusion of water through a {{c1::semipermeable membrane}}."], BOTH),
        ("passage Osmosis", Edit("", fields={"Text": "{{c1::Osmosis}} moves water."}), [CELL, "{{c1::Osmosis}} moves water."], BOTH),
        ("passage Osmosis", Edit("", fields={"Extra": "x"}), [CELL, f"{OSMOSIS} / x"], BOTH),
        ("passage Osmosis", WriteCard("", fields=WORDS), [CELL, "What? / This."], BOTH),
        ("passage Osmosis", MakeFromSelection("", spans="28-33"),
         [CELL, "Osmosis is the diffusion of {{c1::water}} through a semipermeable membrane."], BOTH),
        ("passage Osmosis", MakeFromSelection("", spans="0-7", question="What moves water?"),
         [CELL, "What moves water? / Osmosis"], BOTH),
        # of the passage itself
        ("passage Osmosis", MakeFromSelection("", spans="0-7", choice=PASSAGE_CHOICE), [CELL, OSMOSIS], BOTH),
        ("passage and", MakeFromSelection("", spans="0-3"), [CELL, "{{c1::and}} so on, they said"], BOTH),
        ("passage and", Reject(""), [CELL], BOTH),
        ("card", Edit("", fields={"Back": "a room"}), [CELL.replace("a unit of life", "a room")], BOTH),
        ("card", Reject(""), [], BOTH),
    ],
)  # fmt: skip
def test_a_decision(cells, word, decision, cards, drafts):
    before = cells.texts()
    id = cells.id(word)
    shown = cells.review.load_item(id).content_hash
    result = cells.review.decide(replace(decision, id=id, content_hash=shown))
    assert cells.texts() == {"cards": sorted(cards), "drafts": drafts}
    assert result.action
    assert (result.message, result.is_pending) == ("", False)
    result.undo()
    assert cells.texts() == before
    assert cells.review.load_item(id)


@pytest.mark.parametrize(
    ("word", "decision"),
    [
        ("passage and", Accept("")),
        ("passage and", Edit("", fields=WORDS)),
        ("passage and", SetMasks("")),
        ("card", Accept("")),
        ("draft ribosome", SetMasks("")),
        ("draft ribosome", Restore("")),
        ("draft ribosome", MakeFromSelection("", spans="0-4")),
        ("passage and", Restore("")),
        ("passage and", Decision("")),
    ],
)
def test_what_an_item_does_not_allow(cells, word, decision):
    with pytest.raises(RefusedError, match="This cannot be done here"):
        cells.review.decide(replace(decision, id=cells.id(word)))


def test_a_decision_on_what_was_seen_otherwise_is_refused(cells):
    id = cells.id("draft ribosome")
    for changed in (Accept(id, content_hash="old"), Reject(id, content_hash="old")):
        with pytest.raises(StaleItemError, match="This has changed meanwhile") as refused:
            cells.review.decide(changed)
        assert refused.value.item == cells.review.load_item(id)
    cells.review.decide(Accept(id))
    with pytest.raises(StaleItemError, match=r"This is no longer waiting\.") as refused:
        cells.review.decide(Accept(id))
    assert refused.value.item is None
    with pytest.raises(StaleItemError, match="This passage is no longer in its source"):
        cells.review.decide(Accept("vault:notes/0000000000000000"))
    with pytest.raises(StaleItemError, match="This is no longer waiting"):
        cells.review.decide(Accept(cells.id("passage ribosome")))


def test_what_needs_anki_or_a_model_is_asked_of_the_workspace(cells, monkeypatch):
    shown: list[str] = []
    monkeypatch.setattr(cells.workspace, "show_in_anki", shown.append)
    result = cells.review.decide(ShowInAnki(cells.card))
    assert shown == [cells.card]
    assert result == decisions.DecisionOutcome(
        message="Anki shows this card.", next_id=cells.card, is_pending=True
    )
    monkeypatch.setattr(cells.workspace, "draft_alternatives", shown.append)
    with pytest.raises(RefusedError, match="The model has no other card"):
        cells.review.decide(Redraft(cells.id("draft ribosome")))
    assert shown[1:] == [cells.id("passage ribosome")]


TWO = "==Osmosis is the diffusion of water through a semipermeable membrane. Diffusion is the movement of particles from a high to a low concentration.==\n"


@pytest.mark.parametrize(
    ("decision", "comes"),
    [(Accept(""), "next_id"), (Reject(""), "postponed_id")],
)
def test_the_next_sentence_of_a_passage_comes_next_or_last(cells, decision, comes):
    note = cells.workspace.folder.root / "notes/Two.md"
    note.write_text(TWO, encoding="utf-8")
    cells.workspace.run()
    [key] = [
        each.highlight.key
        for each in cells.workspace.highlights()
        if each.highlight.exact.startswith("Osmosis")
        and "particles" in each.highlight.exact
    ]
    first = cells.review.load_item(key).proposal.quote
    result = cells.review.decide(replace(decision, id=key))
    other = ({"next_id", "postponed_id"} - {comes}).pop()
    assert (getattr(result, comes), getattr(result, other)) == (key, None)
    assert cells.review.load_item(key).proposal.quote != first
    last = cells.review.decide(Accept(key))
    assert (last.next_id, last.postponed_id) == (None, None)


def test_after_a_new_version_of_a_card_no_other_draft_comes(cells):
    osmosis = cells.review.load_item(cells.id("passage Osmosis"))
    draft = replace(DRAFT, passages=(osmosis.highlight,))
    assert cells.review._find_next_id(Item("dr1", (draft,))) == osmosis.id
    assert cells.review._find_next_id(Item("dr1", (draft,), CARD)) is None
    assert cells.review._find_next_id(Item("k", outcome=osmosis.outcome)) is None


def test_what_the_ledger_is_told_of_a_draft_that_is_accepted(cells, monkeypatch):
    ledger, told = cells.workspace.ledger, []

    def accept(*_: object, **options: object) -> None:
        told.append(options)

    monkeypatch.setattr(type(ledger), "accept", accept)
    monkeypatch.setattr(items.decide, "accept_draft", accept)
    id = cells.id("draft ribosome")
    cells.review.decide(Accept(id, gap=2, forced=True, another=True))
    cells.review.decide(Accept(id, masks="m", gap=2))
    assert told == [{"gap": 2, "forced": True, "another": True}, {"masks": "m"}]


# --- a preview -------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("word", "decision", "fields"),
    [
        ("draft ribosome", Edit("", fields={"Back": "x"}), {"Front": "What is a ribosome?", "Back": "x"}),
        ("draft ribosome", WriteCard("", fields={"Back": "x"}), {"Front": "What is a ribosome?", "Back": "x"}),
        ("card", Edit("", fields={"Back": "x"}), {"Front": "What is a cell?", "Back": "x"}),
        ("passage and", WriteCard("", fields={"Back": "x", "Front": "y"}), {"Front": "y", "Back": "x"}),
        ("passage Osmosis", WriteCard("", fields={"Extra": "x"}), {"Text": OSMOSIS, "Extra": "x"}),
        ("passage Osmosis", MakeFromSelection("", spans="28-33", question="What?"),
         {"Text": "Osmosis is the diffusion of {{c1::water}} through a semipermeable membrane."}),
    ],
)  # fmt: skip
def test_a_preview_shows_the_card_and_stores_nothing(cells, word, decision, fields):
    before = cells.texts()
    shown = cells.review.build_preview(replace(decision, id=cells.id(word)))
    assert dict(shown.fields) == fields
    assert cells.texts() == before
    if word == "passage and":
        assert shown.kind is CardKind.BASIC
        assert shown.highlight == cells.review.load_item(cells.id(word)).highlight


@pytest.mark.parametrize(
    ("word", "decision"),
    [
        ("passage and", Edit("", fields=WORDS)),
        ("passage and", MakeFromSelection("", spans="0-3")),
        ("draft ribosome", Accept("")),
    ],
)
def test_what_has_no_preview(cells, word, decision):
    with pytest.raises(RefusedError, match="This cannot be edited"):
        cells.review.build_preview(replace(decision, id=cells.id(word)))
    with pytest.raises(StaleItemError):
        cells.review.build_preview(replace(decision, id="dr0000000000000000"))


# --- in bulk ---------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("change", "query", "reason"),
    [
        ({}, "", ""),
        ({"remarks": (Remark(RemarkKind.TAKEN_BACK),)}, "", ""),
        ({"remarks": (Remark(RemarkKind.SAME_SENTENCE),)}, "", ""),
        ({"remarks": (Remark(RemarkKind.NEAR),)}, "", RemarkKind.NEAR.value),
        ({"remarks": (Remark(RemarkKind.FORM),)}, "", "a question comes first: ankiforge list --view questions"),
        ({"remarks": (Remark(RemarkKind.MOVED),)}, "", "a question comes first: ankiforge list --view questions"),
        ({"remarks": (Remark(RemarkKind.TAKEN_BACK), Remark(RemarkKind.NEAR))}, "", RemarkKind.NEAR.value),
        ({"findings": (make_finding("yes_no"),)}, "", "yes_no"),
        ({"findings": (make_finding("yes_no"),)}, "cells finding:yes_no", ""),
        ({"findings": (make_finding("yes_no"),)}, "finding:gap_leak", "yes_no"),
        ({"findings": (make_finding("gap_leak"), make_finding("yes_no"))}, "finding:gap_leak", "yes_no"),
    ],
)  # fmt: skip
def test_why_a_draft_is_not_accepted_in_bulk(change, query, reason):
    draft = replace(DRAFT, **change)
    expected = items.describe_rule(reason) if reason == "yes_no" else reason
    assert items._find_skip_reason(draft, set(query.split())) == expected
