"""The scores of sentences and gaps, to the feature.

`cases/scores.jsonl`: the version of the proposals; then a `text` with what its source knows, and what is `found`:
each sentence with its features, its confidence and its best gaps, or why it is rejected. To write `found` anew:
`ANKIFORGE_GOLDEN=1 python -m pytest tests/draft/test_scores.py`; it asks for another `PROPOSALS_VERSION` if a score
differs, because the stored scores of undecided highlights must be computed again.
"""

import json
import os
from pathlib import Path

import pytest

from ankiforge.draft.instructions import PROPOSALS_VERSION
from ankiforge.draft.propose import (
    ScoredSentence,
    find_visible_stems,
    propose_drafts,
    score_highlight,
    score_sentences,
)
from ankiforge.draft.propose.ranking import GapRanker, rank_gaps
from ankiforge.language.lexicon import load_language

PATH = Path(__file__).parent / "cases" / "scores.jsonl"
VERSION, *CASES = map(json.loads, PATH.read_text("utf-8").splitlines())
PLACES = 4


def list_gaps(passage, sentence):
    tables = load_language(sentence.language)
    excerpt = sentence.excerpt
    ranker = GapRanker(
        excerpt.text, tables, excerpt.gap_range, find_visible_stems(passage, tables)
    )
    for (start, end), score in rank_gaps(ranker):
        yield f"{excerpt.text[start:end]}: {score:.{PLACES}f}"


def describe(passage):
    """What is found in a passage, with rounded numbers."""
    sentences = []
    for result in score_sentences(passage):
        if not isinstance(result, ScoredSentence):
            sentences.append(result.name)
            continue
        features = {name: round(value, PLACES) for name, value in result.features.items()}
        confidence = round(result.confidence, PLACES)
        gaps = [*list_gaps(passage, result)][:4]
        sentences.append([result.language, confidence, gaps, dict(sorted(features.items()))])  # fmt: skip
    scored = score_highlight(passage)
    proposed = propose_drafts(passage)
    return {
        "sentences": sentences,
        "score": [round(scored.usefulness, PLACES), scored.reason],
        "quotes": [
            [quote, round(score, PLACES)]
            for quote, score in scored.usefulness_by_sentence
        ],
        "proposed": proposed.reason
        or [[round(draft.confidence, PLACES), *draft.gaps] for draft in proposed.drafts],
    }


@pytest.mark.parametrize("number", range(len(CASES)), ids=lambda n: CASES[n]["text"][:40])
def test_the_scores_of_a_passage(highlight, number):
    case = CASES[number]
    around = {name: value for name, value in case.items() if name not in ("text", "found")}  # fmt: skip
    found = describe(highlight(case["text"], **around))
    if os.environ.get("ANKIFORGE_GOLDEN"):
        is_known = "found" in case and case["found"] != found
        assert not is_known or VERSION["version"] != PROPOSALS_VERSION, "raise PROPOSALS_VERSION"  # fmt: skip
        case["found"] = found
        rows = ({"version": PROPOSALS_VERSION}, *CASES)
        PATH.write_text("".join(json.dumps(row, ensure_ascii=False) + "\n" for row in rows), "utf-8")  # fmt: skip
    assert found == case.get("found")


def test_the_scores_are_those_of_the_version():
    assert VERSION == {"version": PROPOSALS_VERSION}
