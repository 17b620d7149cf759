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

from ankiforge.draft.propose import Reason, draft_of, facts_of, judged, surest
from ankiforge.draft.propose import propose as proposed
from ankiforge.draft.propose.features import BEST_GAP, decisive, is_sure, sureness
from ankiforge.model import Brief, CardKind, Form, HighlightKind, Task
from ankiforge.pipeline.models import repair_hints
from ankiforge.text import cloze
from ankiforge.text.cloze import cloze_answers
from tests.draft.conftest import PAPER

HERE = Path(__file__).parent / "cases"


def _cases(name):
    return [json.loads(line) for line in (HERE / name).read_text("utf-8").splitlines()]


CASES = _cases("proposals.jsonl")
BROKEN = _cases("broken.jsonl")
REFUSED = _cases("refused.jsonl")
GOOD = "Melatonin is called the hormone of darkness because it is released at night."
SURE = "Osmosis is the diffusion of water through a semipermeable membrane."
ADVICE = "You should get up when you want to, my friend!"


@pytest.mark.parametrize("case", BROKEN, ids=[case["case"] for case in BROKEN])
def test_a_text_that_reads_broken(highlight, case):
    around = {name: case[name] for name in ("sentence", "suffix") if name in case}
    passage = highlight(case["text"], **around)
    result = facts_of(passage, repair_hints(), unsure="quote" in case)

    if "reason" in case:
        assert (result.drafts, result.reason) == ((), case["reason"])
    else:
        assert [draft.quote for draft in result.drafts] == [case["quote"]]


@pytest.mark.parametrize("case", CASES, ids=[case["case"] for case in CASES])
def test_gaps_of_a_passage(highlight, case):
    fields = {
        name: case[name]
        for name in ("sentence", "nearby", "prefix", "suffix")
        if name in case
    }
    if "markdown" in case:
        fields["markdown"] = tuple(case["markdown"])
    passage = highlight(case["text"], **fields)
    sentence = surest(passage)
    draft = draft_of(passage, sentence, repair_hints()) if sentence else None
    if draft is None:
        assert "never" in case  # a refused sentence hides nothing
        return

    gaps = [cloze_answers(text) for text in draft.gaps]
    assert 1 <= len(gaps) <= 4
    assert draft.field("Text") == draft.gaps[0]
    assert draft.kind is CardKind.CLOZE
    assert draft.origin.drafter == "propose"
    assert draft.answer == gaps[0]
    assert all(cloze.numbers(text) == (1,) for text in draft.gaps)
    assert len({cloze.plain(text) for text in draft.gaps}) == 1
    if "gaps" in case:
        assert gaps == case["gaps"]
    plain = [gap.strip("*") for gap in gaps]
    assert set(case.get("some", ())) <= set(plain)
    assert not set(case.get("never", ())) & set(plain)
    assert draft.quote == case.get("quote", draft.quote)


@pytest.fixture
def propose(highlight):
    def run(text, brief=Brief(), blocks=None, **fields):  # noqa: B008
        passage = highlight(text, **fields)
        [result] = proposed(Task(passage.document, (passage,), brief=brief), blocks)
        return result

    return run


def test_what_deserves_none_gets_a_reason_in_plain_words(propose):
    result = propose(ADVICE)

    assert not result.drafts
    assert result.reason in {reason.value for reason in Reason}
    assert not re.search(r"[_A-Z]{3}", result.reason)


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ("The quiet corner of the old room near the wide window.", Reason.UNSURE),
        (ADVICE, Reason.UNSURE),
        (
            "I think that my friends should always listen to their own feelings.",
            Reason.ASIDE,
        ),
        ("Who would have thought that this was all it took?", Reason.QUESTION),
    ],
)
def test_a_reason_is_told_unless_it_is_a_guess(propose, text, reason):
    assert propose(text).reason == reason.value


def test_what_decided_is_told_in_words(highlight):
    good = surest(highlight(GOOD))
    bad = surest(
        highlight("I think that my friends should always listen to their own feelings.")
    )

    assert is_sure(sureness(good.features, BEST_GAP))
    assert not is_sure(sureness(bad.features, BEST_GAP))
    found = decisive(good.features)
    assert "gives a cause or a result" in [feature.words for feature in found]
    against = decisive(bad.features)
    assert all(feature.words and " | " not in feature.words for feature in against)
    weights = [abs(feature.weight) for feature in found]
    assert weights == sorted(weights, reverse=True)


def test_a_gap_that_a_check_blocks_gives_way_to_the_next(propose):
    [free] = propose(SURE).drafts
    first = cloze_answers(free.gaps[0])

    def blocks(draft, _):
        return ("no",) if draft.answer == first else ()

    [draft] = propose(SURE, blocks=blocks).drafts
    assert first not in [cloze_answers(text) for text in draft.gaps]
    assert draft.gaps[0] == free.gaps[1]


def test_nothing_is_left_if_all_gaps_are_blocked(propose):
    result = propose(GOOD, blocks=lambda *_: ("no",))

    assert (result.drafts, result.reason) == ((), Reason.UNSURE.value)


@pytest.mark.parametrize(
    ("fields", "reason"),
    [
        ({"kind": HighlightKind.CARD, "form": Form.INLINE}, Reason.FORM.value),
        ({"comment": "skip"}, "skip: your comment says so"),
        ({"brief": Brief(kinds=(CardKind.BASIC,))}, Reason.KINDS.value),
    ],
)
def test_what_is_not_proposed_at_all(propose, fields, reason):
    result = propose(GOOD, **fields)

    assert (result.drafts, result.reason) == ((), reason)


def test_the_same_highlight_gets_the_same_proposal(propose):
    assert propose(GOOD).drafts == propose(GOOD).drafts


@pytest.mark.parametrize("case", REFUSED, ids=[case["case"] for case in REFUSED])
def test_what_nobody_keeps_is_refused(highlight, case):
    document = replace(PAPER, title=case.get("title", PAPER.title))
    passage = highlight(case["text"], document=document)
    if "reason" in case:
        [result] = proposed(Task(document, (passage,)))
        assert (result.drafts, result.reason) == ((), case["reason"])
        return
    [sentence] = judged(passage)
    draft = draft_of(passage, sentence, repair_hints())
    assert cloze.plain(draft.field("Text")) == case.get("card", case["text"])
    assert draft.quote == case.get("quote", case["text"])
    gaps = {cloze_answers(text) for text in draft.gaps}
    assert not gaps & set(case.get("never", ()))
