"""Which card a new draft revises: by answer, by evidence, or because there is but one. Pure."""

from __future__ import annotations

from collections.abc import Sequence

from rapidfuzz import fuzz

from ankiforge.model import Card, CardKind, Draft, Standing, Verdict
from ankiforge.text.fold import canonical, same

EVIDENCE = 20
"""Canonical characters of a quote that does not stand in two passages by chance."""
ALIKE = 75
"""Mean likeness (0 to 100) of answer and evidence from which a draft revises a card."""


def match_groups(
    cards: Sequence[Card],
    groups: Sequence[Sequence[Draft]],
    exact: str = "",
    journalled: frozenset[int] = frozenset(),
) -> list[Card | None]:
    """For each row of candidates the card it revises, or None; a card is revised by one at most.

    Equal answers first, rejected cards too and across kinds (a rejection holds for the same
    answer whatever the kind); then likeness of answer and evidence; then, if one live card
    and one intent of a family are left over, these: but not where the card's evidence still
    stands in the passage (`exact`) and the draft has another. A card that was made by hand is
    revised by nothing but its own answer, and not by a row for which the journal has a place.
    """
    matched: list[Card | None] = [None] * len(groups)
    free = [card for card in cards if card.standing is Standing.LIVE]
    first = [group[:1] for group in groups]
    for rule, drawn in (
        (_same_answer, first), (_same_answer, groups), (_said_before, groups), (_alike, groups),
        (_rejected_elsewhere, first),
    ):  # fmt: skip
        for index, group in enumerate(drawn):
            if matched[index] is None:
                may = [card for card in free if not (card.made and index in journalled)]
                card = next((c for c in may if any(rule(c, draft) for draft in group)), None)
                matched[index] = card
                free = [c for c in free if c is not card]
    _pair_the_rest(free, groups, matched, exact)
    return matched


def _same_answer(card: Card, draft: Draft) -> bool:
    family = card.family is draft.kind.family
    return family and same(card.leading.draft.answer, draft.answer)


def _said_before(card: Card, draft: Draft) -> bool:
    """What a person has reworded since, or passed over, is still this card."""
    family = card.family is draft.kind.family
    return family and any(
        same(one.draft.answer, draft.answer) and same(one.draft.quote, draft.quote)
        for one in card.candidates
    )


def _rejected_elsewhere(card: Card, draft: Draft) -> bool:
    rejected = card.verdict is Verdict.REJECTED
    return rejected and same(card.leading.draft.answer, draft.answer)


def _alike(card: Card, draft: Draft) -> bool:
    old = card.leading.draft
    if card.made or card.family is not draft.kind.family or card.verdict is Verdict.REJECTED:
        return False
    return likeness(old.answer, old.quote, draft) >= ALIKE


def likeness(answer: str, quote: str, draft: Draft) -> float:
    """0 to 100: how alike an answer and its evidence are to a draft's."""
    answers = fuzz.ratio(canonical(answer), canonical(draft.answer))
    return (answers + fuzz.ratio(canonical(quote), canonical(draft.quote))) / 2


def _pair_the_rest(
    free: Sequence[Card],
    groups: Sequence[Sequence[Draft]],
    matched: list[Card | None],
    exact: str,
) -> None:
    for family in {kind.family for kind in CardKind}:
        drawn = (c for c in free if not c.made and c.verdict is not Verdict.REJECTED)
        cards = [card for card in drawn if card.family is family]
        waiting = [
            index
            for index, group in enumerate(groups)
            if matched[index] is None and group[0].kind.family is family
        ]
        if len(cards) == len(waiting) == 1 and not _apart(cards[0], groups[waiting[0]][0], exact):
            matched[waiting[0]] = cards[0]


def stands(card: Card, exact: str) -> bool:
    """Whether a card's evidence is a part of a longer passage, as it stands now."""
    quote, passage = canonical(card.leading.draft.quote), canonical(exact)
    return EVIDENCE <= len(quote) < len(passage) and quote in passage


def _apart(card: Card, draft: Draft, exact: str) -> bool:
    """Whether a draft speaks of another part of the passage than a card that still holds."""
    old, new = canonical(card.leading.draft.quote), canonical(draft.quote)
    return stands(card, exact) and old not in new and new not in old
