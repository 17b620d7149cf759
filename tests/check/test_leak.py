"""What may stand above a question, and what would give its answer away."""

from pathlib import Path

import pytest

from ankiforge.check import remove_revealing_context
from ankiforge.model import Card, CardKind, HighlightKey, LocalCard
from ankiforge.text import occlusion
from tests.cards import made
from tests.check import cards

CASES = [
    line.split(" | ")
    for line in Path(__file__).with_name("context.txt").read_text("utf-8").splitlines()
    if line and not line.startswith("#")
]


def _card(kind: CardKind, **fields: str) -> Card:
    source = cards.passage("")
    key = HighlightKey("vault:notes/a")
    return made(
        LocalCard, key=key, kind=kind, fields=tuple(fields.items()), passages=(source,)
    )


@pytest.mark.parametrize(("expected", "part", "answer"), CASES)
def test_a_part_that_gives_the_answer_away_is_hidden(expected, part, answer):
    card = _card(CardKind.BASIC, Front="What is it?", Back=answer)

    assert remove_revealing_context(card, (part,)) == (
        (part,) if expected == "shown" else ()
    )


PARTS = ("Water", "Ice", "Steam", "Snow")
MASKS = occlusion.Masks(
    masks=(
        occlusion.Mask(1, 0.1, 0.1, 0.2, 0.1, "Ice"),
        occlusion.Mask(2, 0.5, 0.1, 0.2, 0.1, "water"),
    ),
)


@pytest.mark.parametrize(
    ("card", "shown"),
    [
        (_card(CardKind.BASIC, Front="What is ice?", Back="water"), ("Ice", "Steam", "Snow")),
        (_card(CardKind.BASIC, Front="What?", Back="it", Extra="Ice, water"), PARTS),
        (_card(CardKind.TWO_WAY, Front="ice", Back="water"), ("Steam", "Snow")),
        (
            _card(CardKind.CLOZE, Text="{{c1::Ice}} is {{c2::water}}, as steam is.", Extra="Snow"),
            ("Steam", "Snow"),
        ),
        (_card(CardKind.CLOZE, Text="Ice is {{c1::frozen {{c2::water}}}}."), ("Ice", "Steam", "Snow")),
        (_card(CardKind.CLOZE, Text="It is {{c1::cold::like ice}}."), PARTS),
        (_card(CardKind.CLOZE, Text="No gap: water."), PARTS),
        (_card(CardKind.OCCLUSION, Occlusion=occlusion.format_masks(MASKS)), ("Steam", "Snow")),
    ],
)  # fmt: skip
def test_the_answer_is_what_the_kind_of_the_card_asks_for(card, shown):
    assert remove_revealing_context(card, PARTS) == shown
