"""QUERY: which cards are meant."""

from __future__ import annotations

from dataclasses import replace

import pytest

from ankiforge.errors import UsageError
from ankiforge.model import (
    AnkiState,
    Candidate,
    CandidateState,
    Card,
    CardKind,
    Document,
    DocumentKey,
    Draft,
    DraftId,
    Finding,
    Guid,
    Highlight,
    HighlightKey,
    HighlightKind,
    Origin,
    Severity,
    Standing,
    Verdict,
)
from ankiforge.review.query import FIELDS, Beside, parse

KEY = HighlightKey("zotero:user/ABCD2345")
DOCUMENT = Document(
    DocumentKey("zotero:user/ITEM2345"),
    "papers",
    "Attention is all you need",
    identifiers=(("doi", "10.5555/3295222"),),
)
HIGHLIGHT = Highlight(
    DOCUMENT,
    "zotero:user",
    HighlightKind.HIGHLIGHT,
    "The decoder uses masked self-attention.",
    KEY,
    colour="#ffd400",
    tags=("ml/transformers",),
)
DRAFT = Draft(
    KEY,
    CardKind.BASIC,
    (("Front", "What does the **C++** decoder of Schrödinger use?"), ("Back", "cross-validation")),
    "The decoder",
    "cross-validation",
    0,
    Origin("rules:acronym", prompt="cards@1a2b3c4d"),
    tags=("exam::spring",),
)
FINDING = Finding("list_gt3", Severity.WARN, "the answer is a list")
PICKED = Candidate(DraftId("afabc.a"), CandidateState.PICKED, DRAFT, (FINDING,))
CARD = Card(
    Guid("afabc"),
    KEY,
    1,
    CardKind.BASIC,
    DRAFT.fields,
    Verdict.PENDING,
    Standing.LIVE,
    AnkiState.NONE,
    HIGHLIGHT,
    (PICKED,),
    deck="Reading::Papers",
    tags=("later",),
)


TAGS = ("exam::spring", "later", "ml/transformers", "two-words")


def matches(query: str, card: Card = CARD, run: str = "") -> bool:
    return parse(query).matches(card, Beside(run, lambda card: TAGS))


@pytest.mark.parametrize(
    "query",
    [
        "",
        "   ",
        "decoder",
        "DECODER attention",
        '"all you need"',
        "schrodinger",
        "cross-validation",
        '"cross validation"',
        "crossvalidation",
        "C++",
        "-gradient",
        "deck:Reading",
        "deck:reading::papers",
        "deck:*::papers",
        'deck:"Reading"',
        "document:attention",
        "document:10.5555/3295222",
        "source:papers",
        "tag:ml",
        "tag:#ml/transformers",
        "tag:exam",
        "tag:later",
        'tag:"two words"',
        "colour:yellow",
        "colour:#FFD400",
        "kind:basic",
        "verdict:pending",
        "standing:live",
        "anki:none",
        "finding:list_gt3",
        "finding:warn",
        "finding:*",
        "drafter:rules",
        "drafter:rules:acronym",
        "prompt:cards",
        "prompt:cards@1a2b*",
        "key:ABCD2345",
        "deck:Reading -deck:Writing verdict:p* decoder",
        "Deck:Reading",
    ],
)
def test_the_card_is_meant_by(query):
    assert matches(query)


@pytest.mark.parametrize(
    "query",
    [
        "gradient",
        "decoder gradient",
        "-decoder",
        '-"all you need"',
        '"need you all"',
        "C#",
        "deck:Read",
        "deck:Papers",
        "source:paper",
        "tag:m",
        "tag:late",
        "colour:red",
        "kind:cloze",
        "-kind:basic",
        "verdict:accepted",
        "finding:list",
        "finding:block",
        "-finding:*",
        "drafter:rule",
        "drafter:llm",
        "prompt:card",
        "run:2026",
        "key:zotero:group",
    ],
)
def test_the_card_is_not_meant_by(query):
    assert not matches(query)


def test_a_bare_word_does_not_match_across_two_words():
    card = replace(CARD, fields=(("Front", "the atom"),), candidates=())

    assert not matches("heat", card)
    assert matches("atom", card)


def test_a_wildcard_finds_no_card_that_lacks_the_thing():
    assert not matches("deck:*", replace(CARD, deck=""))


def test_brackets_in_a_value_are_themselves():
    assert matches("deck:[draft]", replace(CARD, deck="[draft]"))


def test_the_run_is_told_by_the_caller():
    assert matches("run:2026-01", run="2026-01-02T03")


@pytest.mark.parametrize("word", ["gray", "grey", "Grey"])
def test_gray_has_two_spellings(word):
    gray = replace(CARD, highlight=replace(HIGHLIGHT, colour="#aaaaaa"))

    assert matches(f"colour:{word}", gray)


def test_a_colour_goes_by_the_name_the_deck_files_give_it():
    cyan = replace(CARD, highlight=replace(HIGHLIGHT, colour="#00ffff"))

    assert matches("colour:blue", cyan)


def with_revision(verdict: Verdict) -> Card:
    waiting = Candidate(DraftId("afabc.b"), CandidateState.OPEN, DRAFT)
    return replace(CARD, verdict=verdict, candidates=(PICKED, waiting))


def test_an_accepted_card_whose_correction_waits_is_pending_too():
    card = with_revision(Verdict.ACCEPTED)

    assert matches("verdict:pending", card)
    assert matches("verdict:accepted", card)
    assert not matches("-verdict:pending", card)


def test_a_rejected_card_waits_for_nothing():
    assert not matches("verdict:pending", with_revision(Verdict.REJECTED))


def test_passed_candidates_are_not_asked():
    passed = Candidate(
        DraftId("afabc.b"), CandidateState.PASSED, replace(DRAFT, origin=Origin("llm"))
    )

    assert not matches("drafter:llm", replace(CARD, candidates=(PICKED, passed)))


def test_while_a_choice_is_open_any_of_its_candidates_will_do():
    options = tuple(
        Candidate(DraftId(f"afabc.{letter}"), CandidateState.OPEN, draft)
        for letter, draft in zip(
            "ab",
            (DRAFT, replace(DRAFT, fields=(("Text", "{{c1::Gravity}} bends light."),))),
            strict=True,
        )
    )

    assert matches("gravity decoder", replace(CARD, fields=(), candidates=options))


def test_a_card_without_candidates_is_read_by_its_fields():
    bare = replace(CARD, candidates=())

    assert matches("decoder -finding:* -drafter:*", bare)


def test_an_unknown_field_is_an_error_that_lists_them():
    with pytest.raises(UsageError) as raised:
        parse("author:ada")

    assert raised.value.exit_code == 2
    assert all(field in raised.value.hint for field in FIELDS)


@pytest.mark.parametrize(
    "query", ['"open', 'deck:"open', "-", "deck:", '""', '-""', 'a"b"', "verdict:acepted"]
)
def test_what_cannot_be_meant_is_an_error_with_a_hint(query):
    with pytest.raises(UsageError) as raised:
        parse(query)

    assert raised.value.hint


def test_words_with_a_colon_are_words_when_quoted_or_no_name_stands_before_it():
    card = replace(CARD, fields=(("Front", "see http://example.org at 12:30"),), candidates=())

    assert matches('"http://example.org"', card)
    assert matches("12:30", card)
