"""Chosen passages are found again in a document that changed: the rule of tests/keys/keys.md."""

import re

import pytest

from ankiforge.model import QuoteReading
from ankiforge.text.keys import build_anchor
from ankiforge.text.located import (
    DocumentLetters,
    find_quote,
    locate_quote,
    locate_selection,
    locate_text,
    relocate_passage,
)

MOSS = "Moss has no roots."
FERN = "Ferns have roots, and their leaves unroll from the tip."
SALT = "Salt slows the yeast down."


def chosen(words: str, pages: list[str]) -> QuoteReading:
    """The words as they were chosen where they stand first."""
    text = next(page for page in pages if words in page)
    start = text.index(words)
    _, before, after = build_anchor(words, text[:start], text[start + len(words) :])
    return QuoteReading(words, before, after)


BEFORE = [f"On plants. {MOSS} {FERN} {SALT}"]
ROWS = {
    "as it was": (BEFORE, BEFORE, FERN, FERN),
    "moved within the document": (
        BEFORE,
        [f"{SALT} {FERN} On plants. {MOSS}"],
        FERN,
        FERN,
    ),
    "another page": (BEFORE, ["New.", f"On plants. {MOSS} {FERN} {SALT}"], FERN, FERN),
    "other signs and breaks": (
        BEFORE,
        [
            f"On plants. {MOSS} Ferns have roots – and their\nleaves unroll from the tip. {SALT}"
        ],
        FERN,
        "Ferns have roots – and their leaves unroll from the tip.",
    ),
    "some words changed between the same sides": (
        BEFORE,
        [
            f"On plants. {MOSS} Ferns have true roots, and their leaves unroll from the tip. {SALT}"
        ],
        FERN,
        "Ferns have true roots, and their leaves unroll from the tip.",
    ),
    "a third of the words changed between the same sides": (
        BEFORE,
        [
            f"On plants. {MOSS} Ferns have no roots, but their leaves grow from the tip. {SALT}"
        ],
        FERN,
        "Ferns have no roots, but their leaves grow from the tip.",
    ),
    "some words changed, and a side": (
        BEFORE,
        [
            f"On plants. Ferns have true roots, and their leaves unroll from the tip. {SALT}"
        ],
        FERN,
        None,
    ),
    "other words between the same sides": (
        BEFORE,
        [f"On plants. {MOSS} Horsetails bear spores in cones at their stems. {SALT}"],
        FERN,
        None,
    ),
    "deleted": (BEFORE, [f"On plants. {MOSS} {SALT}"], FERN, None),
    "of two places, the one with both sides": (
        [f"First. {SALT} Then {MOSS}"],
        [f"Once more. {SALT} The end. First. {SALT} Then {MOSS}"],
        SALT,
        SALT,
    ),
    "two places, and no sides": (
        [f"First. {SALT} Then {MOSS}"],
        [f"Here. {SALT} The end. There. {SALT} And so on."],
        SALT,
        None,
    ),
    "over the page break": (
        ["On plants. Ferns have roots, and their leaves unroll from the tip. Salt."],
        ["On plants. Ferns have roots, and their", "leaves unroll from the tip. Salt."],
        FERN,
        FERN,
    ),
    "an empty document": (BEFORE, [""], FERN, None),
    "no page": (BEFORE, [], FERN, None),
}


@pytest.mark.parametrize(
    ("before", "now", "words", "found"), ROWS.values(), ids=list(ROWS)
)
def test_a_passage_is_found_again_or_gone(before, now, words, found):
    located = relocate_passage(DocumentLetters(now), [chosen(words, before)], 0)
    assert (located.quote if located else None) == found


def test_a_stretch_keeps_the_signs_at_its_ends():
    letters = DocumentLetters(["He said: “Moss has no roots.” Then he left."])
    located = relocate_passage(
        letters, [QuoteReading("“Moss has no roots.”", "hesaid", "then")], 0
    )
    assert located is not None
    assert located.quote == "“Moss has no roots.”"


# --- quotes of models and chats, and what is selected on the page ---------------------------------


@pytest.mark.parametrize(
    ("quote", "text", "found"),
    [
        ("slows **forgetting** now", "It slows forgetting now.", "slows forgetting now"),
        ("It … now", "It slows forgetting now.", "It slows forgetting now"),
        ("It [...] now", "It slows it now", "It slows it now"),
        ("It ... now", f"It {'so ' * 600} now", None),  # too much is left out
        ("now … It", "It slows it now", None),
        ("released it", "It released²⁵ it.", "released²⁵ it"),
        ("released²⁵ it", "It released²⁵ it.", "released²⁵ it"),
        ("Ann &amp; Bob went", "Ann & Bob went home", "Ann & Bob went"),
        ("well known fact", "a well-\nknown fact", "well-\nknown fact"),
        ("so", "as so", "so"),
        ("**a b**", "a b", None),  # with less than four letters, every sign counts
        ("**ab cd**", "ab cd", "ab cd"),
        ("no such words", "text", None),
        ("", "text", None),
    ],
)
def test_the_quote_of_a_model_in_its_passage(quote, text, found):
    span = find_quote(quote, text)
    assert (span and text[slice(*span)]) == found


PAGES = [
    f"{MOSS} {SALT}",
    "Ferns have roots, and their leaves unroll from the tip. Moss has no roots.",
]


@pytest.mark.parametrize("line", [FERN, f"{MOSS} {FERN}", f"{FERN} {MOSS}"])
def test_similar_text_is_found_in_its_line(line):
    page = f"A line before it.\n{line}\nA line behind it."
    quote = "Ferns have rootz, and their leaves unrell from the tip"
    match, _ = locate_quote(quote, DocumentLetters(["Another page.", page]), ())
    assert match is not None
    assert (match.page, match.quote) == (1, FERN)


def test_a_long_text_without_full_stops_is_cut_at_words():
    words = " ".join(f"word{number} of the text" for number in range(60))
    quote = "word30 of the txt word31 of the text"
    match, exact = locate_quote(quote, DocumentLetters([words]), ())
    assert match is not None
    assert not exact
    assert match.quote == "word30 of the text word31 of the text"


@pytest.mark.parametrize(
    ("selected", "page", "found"),
    [
        (("as no ro",), 0, "has no roots"),
        (("as no ro", "Moss h", 1), 1, "has no roots"),
        (("as no ro", "", 1), 1, "has no roots"),
        (("as no ro", "", 0), 0, "has no roots"),
        (("as no ro", "from the tip. Moss h"), 1, "has no roots"),
        (("as no ro", "Moss h"), 0, "has no roots"),
        (("down. Ferns",), 0, "down. Ferns"),
        (("Mo<b>ss</b>",), 0, "Moss"),
        (("salt", "", 5), 0, "Salt"),  # a page that the document lacks
        (("salt", "", 1), None, None),
        (("nowhere",), None, None),
        (("",), None, None),
    ],
)
def test_what_is_selected_on_the_page(selected, page, found):
    match = locate_selection(DocumentLetters(PAGES), *selected)
    assert (match and match.page, match and match.quote) == (page, found)


@pytest.mark.parametrize(
    ("near", "start"), [(0, 0), (2, 0), (4, 6), (6, 6), (8, 6), (10, 12), (99, 12)]
)
def test_of_several_places_the_nearest(near, start):
    assert locate_text("Abc", "abc - abc - abc", near) == (start, start + 3)


@pytest.mark.parametrize(
    ("earlier", "shown"),
    [
        ("", "Moss has"),
        ("“Moss has", "“Moss has"),
        ("(“Moss has”).", "“Moss has”."),
        ("Moss has.  ", "Moss has"),
        ("Moss has”.", "Moss has”."),
    ],
)
def test_signs_around_a_passage_are_kept_if_they_are_still_there(earlier, shown):
    letters = DocumentLetters(["He: “Moss has”. So."])
    assert letters.get_passage(2, 9, earlier).quote == shown


CATS = DocumentLetters(
    [
        "In Siamese cats, one allele makes an enzyme unstable when the temperature is a bit higher.",
        "Siamese cats only have melanin in their cool extrem-",
        "ities. Uses in medical applicatoins include CT and MRI scans. Cells divide. Cells divide.",
    ]
)


@pytest.mark.parametrize(
    ("quote", "message"),
    [
        # another word, with what the text says
        ("Uses in medical applications include CT", "the note does not say “applications include CT” after “Uses in medical”"),
        ("one allele makes an enzyme unstable when at high heat", "the note does not say “at high heat” after “one allele makes an enzyme unstable when”"),
        ("one allele makes … unstable when hot, and cool at home", "the note does not say “hot, and cool at home” after “unstable when”"),
        # a word too many
        ("Siamese cats only have white melanin in their cool extremities", "the note does not say “white melanin in their cool extremities” after “Siamese cats only have”"),
        ("include CT and MRI scans. Cells divide. Cells divide. They do", "the note does not say “They do” after “CT and MRI scans. Cells divide. Cells divide.”"),
        ("Siamese cats have no melanin", "the note does not say “have no melanin” after “Siamese cats”"),
        # at its beginning
        ("Some gene makes an enzyme unstable when the temperature is a bit higher", "the note does not say “Some gene makes an enzyme unstable when the”"),
        # each half is in the text
        ("the temperature is a bit higher. Uses in medical", "the note does not say “Uses in medical” after “the temperature is a bit higher.”"),
        ("cool extremities. In Siamese cats", "the note does not say “In Siamese cats” after “cool extremities.”"),
        ("in Siamese cats, makes an enzyme", "the note does not say “makes an enzyme” after “in Siamese cats,”"),
        # nothing is in the text, or too much
        ("Caffeine blocks adenosine", "the note does not say “Caffeine blocks adenosine”"),
        ("Cells divide.", "its quote “Cells divide.” is too short: quote the whole sentence"),
        ("…", "its quote “” is too short: quote the whole sentence"),
    ],
)  # fmt: skip
def test_what_differs_in_a_quote_that_is_not_in_a_text(quote, message):
    assert CATS.explain_missing_quote(quote, "the note") == message
    # the words of the note may be private, and the message may be pasted into a chat
    shown = " ".join(re.findall("“(.*?)”", message)).split()
    assert set(shown) <= set(quote.split())
