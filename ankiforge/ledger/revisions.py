"""Which card a new draft revises: by answer, by evidence, or because there is but one. Pure."""

from __future__ import annotations

from collections.abc import Sequence

from rapidfuzz import fuzz

from ankiforge.domain import Card, CardKind, Draft, Standing, Verdict
from ankiforge.text.fold import canonical, same

ALIKE = 75
"""Mean likeness (0 to 100) of answer and evidence from which a draft revises a card."""


def match_groups(cards: Sequence[Card], groups: Sequence[Sequence[Draft]]) -> list[Card | None]:
    """For each intent the card it revises, or None; a card is revised by one intent at most.

    Equal answers first, rejected cards too and across kinds (a rejection holds for the same
    answer whatever the kind); then likeness of answer and evidence; then, if one live card
    and one intent of a family are left over, these.
    """
    matched: list[Card | None] = [None] * len(groups)
    free = [card for card in cards if card.standing is Standing.LIVE]
    for rule in (_same_answer, _alike, _rejected_elsewhere):
        for index, group in enumerate(groups):
            if matched[index] is None:
                card = next((c for c in free if rule(c, group[0])), None)
                matched[index] = card
                free = [c for c in free if c is not card]
    _pair_the_rest(free, groups, matched)
    return matched


def _same_answer(card: Card, draft: Draft) -> bool:
    family = card.family is draft.kind.family
    return family and same(card.leading.draft.answer, draft.answer)


def _rejected_elsewhere(card: Card, draft: Draft) -> bool:
    rejected = card.verdict is Verdict.REJECTED
    return rejected and same(card.leading.draft.answer, draft.answer)


def _alike(card: Card, draft: Draft) -> bool:
    old = card.leading.draft
    if card.family is not draft.kind.family or card.verdict is Verdict.REJECTED:
        return False
    return likeness(old.answer, old.quote, draft) >= ALIKE


def likeness(answer: str, quote: str, draft: Draft) -> float:
    """0 to 100: how alike an answer and its evidence are to a draft's."""
    answers = fuzz.ratio(canonical(answer), canonical(draft.answer))
    return (answers + fuzz.ratio(canonical(quote), canonical(draft.quote))) / 2


def _pair_the_rest(
    free: Sequence[Card], groups: Sequence[Sequence[Draft]], matched: list[Card | None]
) -> None:
    for family in {kind.family for kind in CardKind}:
        cards = [c for c in free if c.family is family and c.verdict is not Verdict.REJECTED]
        waiting = [
            index
            for index, group in enumerate(groups)
            if matched[index] is None and group[0].kind.family is family
        ]
        if len(cards) == len(waiting) == 1:
            matched[waiting[0]] = cards[0]
