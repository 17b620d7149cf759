"""Cards of words that a person selects in the sentence of a proposal, which may be cut, or have
the one before."""

import re

import pytest
from msgspec.structs import replace

from ankiforge.errors import RefusedError, UsageError
from ankiforge.model import (
    Document,
    DocumentKey,
    Highlight,
    HighlightKey,
    HighlightKind,
    Proposal,
)
from ankiforge.review.decisions import MakeFromSelection
from ankiforge.review.selection import (
    find_previous_sentence,
    make_cloze_text,
    make_fields_from_sentence,
    parse_sentence,
)
from tests.cards import made

SENTENCE = "In 1900 Georg Müller and Alfons Pilzecker saw that a second list harms the first, which they called `interference`."
BEFORE = "The word is older than the mechanism."


def proposal(
    sentence: str = SENTENCE, nearby: str = "", gap: str = "Georg Müller"
) -> Proposal:
    highlight = Highlight(
        Document(DocumentKey("d"), "v", "d"),
        "v",
        HighlightKind.HIGHLIGHT,
        sentence,
        HighlightKey("k"),
        surrounding_text=nearby,
    )
    text = sentence.replace(gap, f"{{{{c1::{gap}}}}}")
    return made(
        Proposal,
        fields=(("Text", text), ("Extra", "")),
        passages=(highlight,),
        quote=sentence,
        gaps=(text,),
    )


def spans(words: str, sentence: str = SENTENCE) -> str:
    """Where words are in a sentence without its signs of code."""
    plain = sentence.replace("`", "")
    start = plain.index(words)
    return f"{start}-{start + len(words)}"


FIRST = spans(
    "In 1900 Georg Müller and Alfons Pilzecker saw that a second list harms the first"
)
LATER = spans(
    "Georg Müller and Alfons Pilzecker saw that a second list harms the first, which they called interference."
)


@pytest.mark.parametrize(
    ("words", "cut", "before", "text"),
    [
        ("Alfons Pilzecker", "", False, SENTENCE.replace("Alfons Pilzecker", "{{c1::Alfons Pilzecker}}")),
        ("Alfons Pilzecker", FIRST, False,
         "In 1900 Georg Müller and {{c1::Alfons Pilzecker}} saw that a second list harms the first."),
        ("interference", LATER, False,
         "… Georg Müller and Alfons Pilzecker saw that a second list harms the first, which they called {{c1::`interference`}}."),
        ("1900", FIRST, True,
         f"{BEFORE} In {{{{c1::1900}}}} Georg Müller and Alfons Pilzecker saw that a second list harms the first."),
    ],
)  # fmt: skip
def test_a_sentence_may_be_cut_and_have_the_one_before(words, cut, before, text):
    draft = proposal(nearby=f"Memory. {BEFORE} {SENTENCE} It has two phases.")
    made = make_fields_from_sentence(
        draft, MakeFromSelection("", spans=spans(words), cut=cut, before=before)
    )
    assert dict(made)["Text"] == text


@pytest.mark.parametrize(
    ("selected", "hidden"),
    [
        ("3-7,0-2", ["In", "1900"]),
        ("0-7,3-13", ["In 1900 Georg"]),
        ("3-13,5-7", ["1900 Georg"]),
        ("0-2,0-2", ["In"]),
        ("0-3,3-7", ["In", "1900"]),
    ],
)
def test_words_that_were_selected_twice_are_hidden_once(selected, hidden):
    [text, *_] = dict(
        make_fields_from_sentence(proposal(), MakeFromSelection("", spans=selected))
    ).values()
    assert re.findall(r"\{\{c\d+::(.*?)\}\}", text) == hidden


@pytest.mark.parametrize(
    ("words", "cut"),
    [
        ("interference", FIRST),
        ("In", LATER),
        ("1900", "5-5"),
        ("1900", "60-2"),
        ("1900", "0-20,30-60"),
        ("1900", "1-60"),
        ("1900", "0-9"),
        ("1900", "0-114"),
        ("1900", "x"),
        ("1900", "900-901"),
    ],
)
def test_words_that_were_cut_off_cannot_be_hidden(words, cut):
    with pytest.raises(UsageError):
        make_fields_from_sentence(
            proposal(), MakeFromSelection("", spans=spans(words), cut=cut)
        )


def test_a_draft_without_gaps_has_no_sentence_to_select_in():
    with pytest.raises(RefusedError):
        make_fields_from_sentence(
            replace(proposal(), gaps=()), MakeFromSelection("", spans="0-2")
        )


@pytest.mark.parametrize(
    ("nearby", "before"),
    [
        ("", ""),
        (SENTENCE, ""),
        (f"{BEFORE} {SENTENCE}", BEFORE),
        (f"One. {BEFORE} {SENTENCE} And more.", BEFORE),
        (f"A heading\n{SENTENCE}", ""),
        (f"of a page before. {SENTENCE}", ""),  # its beginning stands elsewhere
        (f"it has no end {SENTENCE}", ""),
    ],
)
def test_the_sentence_before_is_a_whole_one_of_the_same_paragraph(nearby, before):
    assert find_previous_sentence(proposal(nearby=nearby)) == before


@pytest.mark.parametrize(
    ("text", "markdown", "hidden", "cloze"),
    [
        ("It is a b.", "It is **a** b.", (8, 9), "It is **a** {{c1::b}}."),
        ("It is a b.", "It is **a b**.", (8, 9), "It is **a {{c1::b}}**."),
        # code and links are hidden whole; a tag within a link is a part of it
        ("a x and cd", "[a <u>x</u>](http://u) and `cd`", (8, 9), "[a <u>x</u>](http://u) and {{c1::`cd`}}"),
        ("a x and cd", "[a <u>x</u>](http://u) and `cd`", (0, 1), "{{c1::[a <u>x</u>](http://u)}} and `cd`"),
    ],
)  # fmt: skip
def test_what_is_not_divided_is_hidden_whole(text, markdown, hidden, cloze):
    assert make_cloze_text(text, [hidden], markdown) == cloze


@pytest.mark.parametrize(
    ("text", "gap"),
    [
        ("A {{c1::bee}} is what a bee sees.", (2, 5)),
        ("A bee is what a {{c1::bee}} sees.", (16, 19)),
        ("A **bee** is what a {{c1::bee}} sees.", (16, 19)),
    ],
)
def test_of_equal_words_the_gap_is_the_one_that_is_hidden(text, gap):
    draft = replace(proposal("A bee is what a bee sees."), gaps=(text,))
    assert parse_sentence(draft).gaps == (gap,)


@pytest.mark.parametrize(
    ("sentence", "formulas", "code"),
    [
        (SENTENCE, [], ["interference"]),
        ("Georg Müller wrote $E = mc^2$ in 1900.", ["E = mc^2"], []),
        # signs alone are neither
        ("Georg Müller put a ` before 1900.", [], []),
        (r"Georg Müller paid 5\$ and 6\$ in 1900.", [], []),
        (r"Georg Müller wrote \`x\` in 1900.", [], []),
    ],
)
def test_what_is_formula_and_code_in_a_sentence(sentence, formulas, code):
    found = parse_sentence(proposal(sentence))
    spans = (found.formulas, found.code)
    told = [[found.text[start:end].strip("$") for start, end in each] for each in spans]
    assert told == [formulas, code]
