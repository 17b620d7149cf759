"""Proposals: drafts of the drafter `propose`, with up to four gaps of one sentence.

A person accepts one gap, and the words accepted name the card. The event lists the other
gaps as passed, so that a lost database brings none of them back. Rejecting a proposal
rejects all its gaps: nothing more is proposed for its passage, but a model and the
person's own form may draft it.

What must stay true:

- At most one proposal waits for a passage, over all its keys; none where a person has
  decided, or where their own form drafts (`awaited`).
- A proposal on a passage with an accepted one is a revision of that card, and only if its
  quote is gone.

`tests/golden/histories/proposals.yaml` plays each of these rules.
"""

from __future__ import annotations

from collections.abc import Collection

from msgspec.structs import replace

from ankiforge.errors import RefusedError
from ankiforge.ledger.drafts import decode_draft, proposed_card, wording_of
from ankiforge.ledger.events import Passage, content_of, stands_in
from ankiforge.ledger.store import EACH, Row, Store, encode
from ankiforge.model import PROPOSE, Draft, Highlight, Strings
from ankiforge.text import regex
from ankiforge.text.cloze import cloze_answers
from ankiforge.text.fold import for_comparing

ALIKE = 0.5
"""Two answers of which a larger part of the words is the same are about one fact."""
_WORD = regex(r"[\u3040-\u30ff\u3400-\u9fff]|[^\W_\u3040-\u30ff\u3400-\u9fff]+")


# --- gaps -------------------------------------------------------------------------------


def with_gap(draft: Draft, number: int) -> Draft:
    """Return a draft with one of its gaps, by its number from 1.

    Raises:
        RefusedError: it has fewer.
    """
    if number == 1 and not draft.gaps:
        return draft
    if not 1 <= number <= len(draft.gaps):
        if draft.gaps:
            message = f"gap {number}: this proposal has {len(draft.gaps)}"
        else:
            message = f"gap {number}: only proposals have several gaps to choose from"
        raise RefusedError(message, hint="ankiforge show ID")
    text = draft.gaps[number - 1]
    fields = tuple(
        (name, text if name == "Text" else words) for name, words in draft.fields
    )
    return replace(draft, fields=fields, answer=cloze_answers(text), gaps=())


def contents(draft: Draft) -> list[str]:
    """Return the contents of the cards that the gaps of a proposal would become."""
    texts = draft.gaps or (draft.field("Text"),)
    return [content_of({"Text": text}) for text in texts]


def nearest_gap(draft: Draft, text: str) -> int:
    """Return the number of the gap whose text is the most like another one."""
    if not draft.gaps:
        return 1
    return _most_alike(draft, text) + 1


def _most_alike(draft: Draft, text: str) -> int:
    from rapidfuzz import fuzz

    scores = [fuzz.ratio(gap, text) for gap in draft.gaps]
    return scores.index(max(scores))


# --- which ones wait --------------------------------------------------------------------


def rows_of(store: Store, passage: Passage) -> list[Row]:
    """Return the rows of all drafts of a passage, over all its keys."""
    query = f"SELECT * FROM offered WHERE key IN {EACH} ORDER BY key, position"
    return store.rows(query, encode(passage.keys))


def awaited(
    passage: Passage,
    draft: Draft,
    highlight: Highlight,
) -> tuple[Draft, str] | None:
    """Return a proposal that is to wait, and the card that it revises; None if it is not.

    As the new text of a card whose quote is gone, it begins with the gap that is the most
    like the card.

    Args:
        passage: its passage, as decisions left it.
        draft: a proposal on it.
        highlight: the passage as it is read now.
    """
    if passage.takes_proposals:
        return draft, ""
    card = proposed_card(passage)
    if passage.no_proposals or card is None or stands_in(card.wording.quote, highlight):
        return None

    # the new text of a card whose quote is gone; the gap that is the most like it comes first
    if card.wording.content in contents(draft):
        return None  # a person has written the new words
    if draft.gaps:
        best = _most_alike(draft, card.wording.fields.get("Text", ""))
        others = (*draft.gaps[:best], *draft.gaps[best + 1 :])
        gaps_in_order = (draft.gaps[best], *others)
        draft = replace(with_gap(draft, best + 1), gaps=gaps_in_order)
    return draft, card.guid


# --- what a decision settles ------------------------------------------------------------


def settled_by(
    draft_rows: Collection[Row],
    accepted: Draft,
    draft_id: str,
) -> tuple[list[Row], Strings]:
    """Return the drafts of a passage that go with a card, and the contents that are passed.

    These are its proposals; with one of their gaps, or words of them, the models' drafts
    whose answer overlaps it.

    Args:
        draft_rows: all drafts of the passage.
        accepted: the words that become a card.
        draft_id: the id of its draft; "" if a person made the card.
    """
    rows = []
    passed: list[str] = []
    proposals = [row for row in draft_rows if row["drafter"] == PROPOSE]
    for row in proposals:
        passed += contents(decode_draft(row["body"]))
        if row["id"] != draft_id:
            rows.append(row)
    if proposals and (accepted.proposed or not draft_id):
        for row in draft_rows:
            is_other = row["drafter"] == PROPOSE or row["id"] == draft_id
            if is_other or row["slot"] or row["revises"]:
                continue
            other = decode_draft(row["body"])
            if overlap(accepted.answer, other.answer):
                rows.append(row)
                passed.append(row["content"])
    own_content = wording_of(accepted).content
    return rows, tuple(
        content for content in dict.fromkeys(passed) if content != own_content
    )


def overlap(gap: str, other: str) -> bool:
    """Return whether two answers are about one fact: one holds the other, or most of it."""
    words = _words(gap)
    other_words = _words(other)
    common = len(words & other_words)
    if not common:
        return False
    if common == min(len(words), len(other_words)):
        return True
    all_words = len(words) + len(other_words)
    return 2 * common / all_words > ALIKE


def _words(text: str) -> set[str]:
    """Return the words of a text, without case; signs of scripts without blanks are words."""
    return set(_WORD.findall(for_comparing(text)))
