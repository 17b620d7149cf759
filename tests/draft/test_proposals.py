"""Passages and the words that the proposals hide, or why there is none.

`cases/proposals.jsonl`: a `text` with what its source knows, and of its up to four gaps: all
(`gaps`), `some` that are among them, words that `never` are a gap, the `quote`.
`cases/broken.jsonl`: texts that were cut off or garbled, perhaps with the `sentence` that their source
knows, with the `reason` why they are not proposed, or the `quote` of their card.
`cases/refused.jsonl`: sentences of real sources that no proposer may offer (`reason`), the text of
their `card` if it is not the `quote`, words that are `never` a gap.
"""

import json
import re
from pathlib import Path

import pytest
from msgspec.structs import replace

from ankiforge.draft.propose import (
    RejectionReason,
    ScoredSentence,
    draft_cloze,
    propose_drafts,
    score_highlight,
    score_sentences,
)
from ankiforge.model import (
    MIN_CERTAIN_CONFIDENCE,
    MIN_PROPOSAL_CONFIDENCE,
    CardKind,
    Draft,
)
from ankiforge.pipeline.models import find_blocking_messages
from ankiforge.text import cloze
from ankiforge.text.cloze import format_cloze_answers
from tests.draft.conftest import PAPER

HERE = Path(__file__).parent / "cases"


def _cases(name):
    return [json.loads(line) for line in (HERE / name).read_text("utf-8").splitlines()]


CASES = _cases("proposals.jsonl")
BROKEN = _cases("broken.jsonl")
REFUSED = _cases("refused.jsonl")
GOOD = "Melatonin is called the hormone of darkness because it is released at night."
SURE = "Osmosis is the diffusion of water through a semipermeable membrane."
PLAIN = "The quiet corner of the old room is near the wide window."
ADVICE = "You should get up when you want to, my friend!"


def sentences(passage):
    """Return the sentences of which a card can be made, the surest first."""
    found = [
        each for each in score_sentences(passage) if isinstance(each, ScoredSentence)
    ]
    return sorted(found, key=lambda each: -each.confidence)


@pytest.mark.parametrize("case", BROKEN, ids=[case["case"] for case in BROKEN])
def test_a_text_that_reads_broken(highlight, case):
    around = {name: case[name] for name in ("sentence", "suffix") if name in case}
    passage = highlight(case["text"], **around)
    if "reason" in case:
        result = propose_drafts(passage, find_blocking_messages)
        assert (result.drafts, result.reason) == ((), case["reason"])
    else:
        drafts = [
            draft_cloze(passage, each, find_blocking_messages)
            for each in sentences(passage)
        ]
        assert [draft.quote for draft in drafts] == [case["quote"]]


@pytest.mark.parametrize("case", CASES, ids=[case["case"] for case in CASES])
def test_gaps_of_a_passage(highlight, case):
    fields = {
        name: case[name]
        for name in ("sentence", "surrounding_text", "prefix", "suffix")
        if name in case
    }
    if "markdown" in case:
        fields["markdown"] = tuple(case["markdown"])
    passage = highlight(case["text"], **fields)
    sentence, *_ = sentences(passage) or [None]
    draft = draft_cloze(passage, sentence, find_blocking_messages) if sentence else None
    if not isinstance(draft, Draft):
        assert "never" in case  # a refused sentence hides nothing
        return

    gaps = [format_cloze_answers(text) for text in draft.gaps]
    assert 1 <= len(gaps) <= 4
    assert draft.get_field("Text") == draft.gaps[0]
    assert draft.kind is CardKind.CLOZE
    assert draft.origin.drafter == "propose"
    assert draft.answer == gaps[0]
    assert all(cloze.find_cloze_numbers(text) == (1,) for text in draft.gaps)
    assert len({cloze.to_plain_text(text) for text in draft.gaps}) == 1
    if "gaps" in case:
        assert gaps == case["gaps"]
    plain = [gap.strip("*") for gap in gaps]
    assert set(case.get("some", ())) <= set(plain)
    assert not set(case.get("never", ())) & set(plain)
    assert draft.quote == case.get("quote", draft.quote)


@pytest.fixture
def propose(highlight):
    def run(text, blocks=None, **fields):
        return propose_drafts(highlight(text, **fields), blocks)

    return run


def test_what_deserves_none_gets_a_reason_in_plain_words(propose):
    result = propose(ADVICE)

    assert not result.drafts
    assert result.reason in {reason.value for reason in RejectionReason}
    assert not re.search(r"[_A-Z]{3}", result.reason)


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        (PLAIN, RejectionReason.UNCERTAIN),
        (
            "The quiet corner of the old room near the wide window.",
            RejectionReason.UNCERTAIN,
        ),
        (ADVICE, RejectionReason.DEPENDENT),
        (
            "I think that my friends should always listen to their own feelings.",
            RejectionReason.UNCERTAIN,
        ),
        ("Who would have thought that this was all it took?", RejectionReason.QUESTION),
        ("a sentence that begins and ends nowhere", RejectionReason.CUT_OFF),
        ("cursory", RejectionReason.SINGLE_WORD),
        ("Foxhounds.", RejectionReason.SINGLE_WORD),
        ("on all fours,", RejectionReason.SINGLE_WORD),
        ("ended. And", RejectionReason.CUT_OFF),
        ("The organs of the cell are the following:", RejectionReason.CUT_OFF),
        (f"The cell {'and the cell ' * 20}divides.", RejectionReason.LONG),
        ("", RejectionReason.NO_WORDS),
    ],
)
def test_why_nothing_is_proposed_is_said_by_the_run_and_where_it_is_shown(
    highlight, propose, text, reason
):
    assert propose(text).reason == reason.value
    assert score_highlight(highlight(text)).reason == reason.value


def test_what_a_run_keeps_is_the_likeliest_sentence_and_less_than_nothing_if_none_may(
    highlight,
):
    passage = highlight(f"{PLAIN} {GOOD}")
    told = score_highlight(passage)
    [draft] = propose_drafts(passage).drafts
    assert (told.drafts, told.usefulness) == ((), draft.confidence)
    assert told.reason == RejectionReason.PROPOSED.value
    assert -1 < score_highlight(highlight(ADVICE)).usefulness < 0
    citation = "(Di Stefano et al. 2014; Felice et al. 2015; Chen et al. 2013)."
    assert score_highlight(highlight(citation)).usefulness == -1
    assert (
        0
        < score_highlight(highlight(PLAIN)).usefulness
        < score_highlight(highlight(GOOD)).usefulness
    )


def test_a_run_counts_as_certain_what_is_shown_as_certain(highlight):
    texts = [case["text"] for case in (*CASES, *REFUSED)]
    counted, shown = {}, {}
    for text in (GOOD, SURE, *texts):
        passage = highlight(text, namespace="vault:p")
        score = score_highlight(passage).usefulness
        drafts = propose_drafts(passage).drafts
        if score >= MIN_CERTAIN_CONFIDENCE:
            counted[text] = score
        if drafts and drafts[0].confidence >= MIN_CERTAIN_CONFIDENCE:
            shown[text] = drafts[0].confidence
    assert len(shown) > 20
    assert counted == shown


@pytest.mark.parametrize(
    ("text", "term"),
    [
        (
            "The hippocampus is a brain structure that is essential for new memories.",
            "hippocampus",
        ),
        ("Acids are substances that donate protons in solution.", "Acids"),
        (
            "La diffusion est le mouvement des particules vers une autre région.",
            "diffusion",
        ),
        (
            "El punto de fusión es la temperatura a la que un sólido se hace líquido.",
            "punto de fusión",
        ),
        (
            "Le cortex préfrontal est la région du cerveau impliquée dans la planification.",
            "cortex préfrontal",
        ),
        ("Eine **Moräne** ist ein Wall, den ein Gletscher ablagert.", "Moräne"),
        # passives, reports and what has no kind of thing define nothing
        ("Der neue Prozess wird üblicherweise Kindprozess genannt, den man kennt.", ""),
        ("The second limitation is that packets of a network get lost.", ""),
        ("The hippocampus is essential for the forming of new memories.", ""),
        # the rest of the sentence gives the term away
        ("A memory cell is a cell of the immune system whose memory lasts.", ""),
    ],
)
def test_the_term_of_a_definition_is_a_certain_gap_in_notes(highlight, text, term):
    [draft] = propose_drafts(highlight(text, namespace="vault:d")).drafts or [None]
    blanked = format_cloze_answers(draft.gaps[0]).strip("*") if draft else ""
    if not term:
        assert draft is None or draft.confidence < MIN_CERTAIN_CONFIDENCE
        return
    assert (blanked, draft.confidence >= MIN_CERTAIN_CONFIDENCE) == (term, True)
    [exported] = propose_drafts(highlight(text, namespace="kindle:d")).drafts
    assert exported.gaps[0] == draft.gaps[0]
    assert exported.confidence < draft.confidence


def test_the_floor_is_on_the_sentence_with_its_gap(highlight, propose):
    [draft] = propose(GOOD).drafts
    [sentence] = score_sentences(highlight(GOOD))
    assert draft.confidence >= MIN_PROPOSAL_CONFIDENCE
    above = draft_cloze(highlight(GOOD), sentence, min_confidence=draft.confidence)
    assert above == draft
    below = draft_cloze(
        highlight(GOOD), sentence, min_confidence=draft.confidence + 0.001
    )
    assert below is RejectionReason.UNCERTAIN


def test_a_cause_counts_for_a_card_and_an_opinion_against_it(highlight):
    [good] = sentences(highlight(GOOD))
    [bad] = sentences(
        highlight("I think that my friends should always listen to their own feelings.")
    )

    assert good.confidence > MIN_PROPOSAL_CONFIDENCE > bad.confidence
    assert good.features["cause"] == 1.0
    assert "cause" not in bad.features


def test_each_sentence_has_its_own_the_surest_first(propose):
    drafts = propose(f"{SURE} {GOOD}").drafts
    assert {draft.quote for draft in drafts} == {SURE, GOOD}
    sure = [draft.confidence for draft in drafts]
    assert sure == sorted(sure, reverse=True)


def test_a_gap_that_a_check_blocks_gives_way_to_the_next(propose):
    [free] = propose(SURE).drafts
    first = format_cloze_answers(free.gaps[0])

    def blocks(draft, _):
        return ("no",) if draft.answer == first else ()

    [draft] = propose(SURE, blocks=blocks).drafts
    assert first not in [format_cloze_answers(text) for text in draft.gaps]
    assert draft.gaps[0] == free.gaps[1]


def test_no_good_gap_is_said_only_where_none_can_be_made(propose):
    result = propose(GOOD, blocks=lambda *_: ("no",))

    assert (result.drafts, result.reason) == ((), RejectionReason.NO_GAP.value)


def test_the_same_highlight_gets_the_same_proposal(propose):
    assert propose(GOOD).drafts == propose(GOOD).drafts


@pytest.mark.parametrize("case", REFUSED, ids=[case["case"] for case in REFUSED])
def test_what_nobody_keeps_is_refused(highlight, case):
    document = replace(PAPER, title=case.get("title", PAPER.title))
    passage = highlight(case["text"], document=document)
    if "reason" in case:
        result = propose_drafts(passage)
        assert (result.drafts, result.reason) == ((), case["reason"])
        return
    [sentence] = score_sentences(passage)
    draft = draft_cloze(passage, sentence, find_blocking_messages)
    assert cloze.to_plain_text(draft.get_field("Text")) == case.get("card", case["text"])
    assert draft.quote == case.get("quote", case["text"])
    gaps = {format_cloze_answers(text) for text in draft.gaps}
    assert not gaps & set(case.get("never", ()))
