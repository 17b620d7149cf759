"""The private texts of a workspace after each state of a note, and which of them are names."""

import pytest

from ankiforge.ledger import private

TAG = " #no-llm"
SENTENCE, NAME = "I was ill that year", "The spring of my life"


@pytest.mark.parametrize(
    ("states", "texts", "names"),
    [
        # a sentence, a heading, the same words as both, a phrase and its sentence
        ([[f"{SENTENCE}{TAG}"]], {SENTENCE}, set()),
        ([[f"## {NAME}{TAG}"]], set(), {NAME}),
        ([[f"## {NAME}{TAG}", NAME]], {NAME}, set()),
        ([[f"I was =={NAME}=={TAG}"]], {f"I was {NAME}"}, {NAME}),
        # what was a sentence once is one until it is public
        ([[f"## {NAME}{TAG}"], [f"{NAME}{TAG}"]], {NAME}, set()),
        ([[f"{NAME}{TAG}"], [f"## {NAME}{TAG}"]], {NAME}, set()),
        # gone, and public
        ([[f"{SENTENCE}{TAG}"], ["Nothing."]], {SENTENCE}, set()),
        ([[f"## {NAME}{TAG}"], ["Nothing."]], set(), {NAME}),
        ([[f"{SENTENCE}{TAG}"], [SENTENCE]], set(), set()),
        ([[f"## {NAME}{TAG}"], [f"## {NAME}"]], set(), set()),
        ([[f"I was =={NAME}=={TAG}"], [f"I was =={NAME}=="]], set(), set()),
    ],
)
def test_a_text_is_private_until_its_note_shows_it(world, states, texts, names):
    for lines in states:
        world.note("n.md", "A ==lens== bends the light.", *lines)
        world.run(accepts=lambda card: False)
    stored = list(private.iter_private_texts(world["a"]))
    assert {one.text for one in stored if not one.is_name} == texts
    assert {one.text for one in stored if one.is_name} == names


def test_a_name_of_a_note_that_moved_and_lost_the_tag_is_free(world):
    lines = (f"## {NAME}{TAG}", SENTENCE, "## Open", "A ==lens== bends the light.")
    world.note("n.md", *lines)
    world.run(accepts=lambda card: False)
    world.delete("n.md")
    world.note("m.md", "## Open", "A ==lens== bends the light.")
    world.run(accepts=lambda card: False)
    stored = list(private.iter_private_texts(world["a"]))
    assert [(one.text, one.document, one.is_name) for one in stored] == [
        (SENTENCE, "", False)
    ]
