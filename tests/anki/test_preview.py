"""The preview shows what the real Anki shows."""

import re
from collections.abc import Callable

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ankiforge.anki.cards import card_ordinals, sides
from ankiforge.anki.notes import field_html
from ankiforge.anki.notetypes import note_type
from ankiforge.anki.package import write_package
from ankiforge.anki.render import render
from ankiforge.model import Card, CardKind, Family
from samples.anki_notes import note_for
from tests.examples import examples

Maker = Callable[..., Card]


def _told(side: str) -> str:
    """A side without Anki's style and without the hidden copy of an answer."""
    side = re.sub(r"^<style>.*?</style>", "", side, flags=re.DOTALL)
    return re.sub(r' data-cloze="[^"]*"', "", side)


WORDS = {
    "basic": (CardKind.BASIC, {"Front": "a *b*", "Back": "c `{{d}}`"}),
    "with more": (CardKind.BASIC, {"Front": "a", "Back": "b", "Extra": "- c\n- d"}),
    "two-way": (CardKind.TWO_WAY, {"Front": "le chat", "Back": "the cat"}),
    "clozes": (
        CardKind.CLOZE,
        {"Text": "{{c1::a::h}} {{c3::b {{c2::c}}}} `x::y` {{c1::$\\frac{1}{\\sqrt{2}}$}}"},
    ),
}


@pytest.mark.core
@pytest.mark.parametrize(("kind", "words"), WORDS.values(), ids=WORDS)
def test_every_card_looks_in_the_preview_as_in_anki(collection, tmp_path, make_card, kind, words):
    card = make_card(kind, **words)
    write_package(tmp_path / "a.apkg", [note_for(card, card.deck, 1)])
    collection.load(tmp_path / "a.apkg")
    cards = collection.cards(card.guid)
    fields = field_html(card)
    assert [found.ord for found in cards] == list(card_ordinals(card.family, fields))
    for found in cards:
        question, answer = sides(card.family, fields, found.ord)
        assert _told(found.question()) == question
        assert _told(found.answer()) == answer


@pytest.mark.parametrize(
    "text",
    ["{{c1::::}}", "{{c1::a::}}", "{{c1::}} {{c1::a}}", "{{c1::{{c2::::}}::}}", "{{c1::::h}}"],
)
def test_a_cloze_of_an_empty_hint_looks_as_in_anki_however_it_came_to_be(viewer, text):
    fields = [text if name == "Text" else "" for name in note_type(Family.CLOZE).fields]
    question, answer = sides(Family.CLOZE, fields)
    asked, told = viewer.show(Family.CLOZE, Text=text)
    assert (_told(asked), _told(told)) == (question, answer)


PIECES = st.lists(
    st.sampled_from(
        [
            "{{c1::",
            "{{c2::",
            "}}",
            "::",
            ":",
            "a",
            "`b::c`",
            "$x}}$",
            "\n\n",
            "*",
            "\\}",
            "<b>",
            "{",
        ]
    ),
    max_size=12,
).map("".join)


@examples(200)
@given(text=PIECES, extra=PIECES)
def test_any_cloze_text_looks_in_the_preview_as_in_anki(viewer, text, extra):
    names = note_type(Family.CLOZE).fields
    written = {"Text": render(f"{text} {{{{c1::z}}}}", cloze=True), "Extra": render(extra)}
    fields = [written.get(name, "") for name in names]
    if 1 not in {ordinal + 1 for ordinal in card_ordinals(Family.CLOZE, fields)}:
        return  # Anki shows a message instead of the card
    question, answer = sides(Family.CLOZE, fields)
    asked, told = viewer.show(Family.CLOZE, **written)
    assert (_told(asked), _told(told)) == (question, answer)
