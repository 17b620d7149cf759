"""Is there a card already that asks the same?"""

import json
from pathlib import Path

import pytest
from msgspec.structs import replace

from ankiforge.check import DuplicateIndex, compute_search_terms
from ankiforge.check.duplicates import are_duplicates, extract_sides
from ankiforge.model import CardKind, HighlightKey
from tests.check import cards
from tests.foreign import needed

HERE, THERE = HighlightKey("vault:notes/a"), HighlightKey("vault:notes/b")
PAIRS, MORE, SPELT = (
    Path(__file__).with_name(f"{name}pairs.jsonl") for name in ("", "more_", "spelt_")
)
"""The last holds rules of spelling and common frames; no benchmark counts it."""
FOREIGN = "dedup/dedup-pairs.jsonl"


def index(*cards_there):
    found = DuplicateIndex()
    for at, card in enumerate(cards_there):
        found.add(f"card{at}", HighlightKey(f"vault:notes/b{at}"), card)
    return found


def near(there, here):
    return list(index(there).find_duplicates(here, HERE))


def exact(there, here):
    form = compute_search_terms(here).text_hash
    return form != b"" and form == compute_search_terms(there).text_hash


def card(words):
    """`front|back`, or a cloze."""
    return cards.question(*words.split("|")) if "|" in words else cards.cloze(words)


def read(path):
    for pair in map(json.loads, path.read_text(encoding="utf-8").splitlines()):
        one, other = (
            cards.cloze(side["text"]) if "text" in side else cards.question(side["front"], side["back"])
            for side in (pair["a"], pair["b"])
        )  # fmt: skip
        yield pair["id"], pair["label"], one, other


# --- labelled pairs --------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("path", "precision", "recall"),
    [(PAIRS, 0.98, 1), (SPELT, 1, 1), (MORE, 0.97, 0.90), (FOREIGN, 0.97, 0.95)],
)
def test_precision_and_recall_on_labelled_pairs_hold(path, precision, recall):
    path = needed(path) if path == FOREIGN else path
    asked, duplicates = [], 0
    for id, label, one, other in read(path):
        both = ["duplicate" in [f.check for f in near(*pair)] for pair in ((one, other), (other, one))]  # fmt: skip
        assert both[0] == both[1], id
        asked += [label] if both[0] else []
        duplicates += label
        assert label or not exact(one, other), id

    assert sum(asked) / len(asked) >= precision
    assert sum(asked) / duplicates >= recall


# --- exact repeats ---------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("there", "here", "same"),
    [
        ("What is entropy?|disorder", "what is  Entropy|Disorder.", True),
        ("What is **entropy**?|disorder", "What is entropy?|disorder", True),
        ("Who said “I think”?|Descartes", 'Who said "I think"?|Descartes', True),
        ("What is $E$?|energy", "What is $E$?|energy", True),
        ("What is C?|a language", "What is C++?|a language", False),
        ("What is $m$?|a prefix", "What is $M$?|a prefix", False),
        ("What is `-a`?|a flag", "What is `-A`?|a flag", False),
        ("When is x < 0?|never", "When is x > 0?|never", False),
        ("What is 5!?|a factorial", "What is 5?|a factorial", False),
        ("What is f'?|a function", "What is f?|a function", False),
        ("How good is `-a` of use?|so so", "How bad is `-a` of use?|so so", False),
        ("What is `-a` good for?|lists", "What is `-a` bad for?|lists", False),
        ("Is it?|", "Is it?|", False),
        ("What is entropy?|disorder", "What is entropy?|energy", False),
        ("{{c1::Water}} boils.", "{{c1::Water}} boils", True),
        ("{{c1::Water}} boils.", "{{c4::Water}} boils.", True),
        ("{{c1::Water}} boils.", "Water {{c1::boils}}.", False),
        ("{{c1::Water}} {{c1::boils}} now.", "{{c1::Water}} {{c2::boils}} now.", False),
        ("{{c1::Water::liquid}} boils.", "{{c1::Water}} boils.", False),
    ],
)
def test_only_typography_case_and_emphasis_make_no_other_card(there, here, same):
    assert exact(card(there), card(here)) is same


def test_another_kind_of_card_or_more_on_its_back_is_no_repeat():
    one = cards.question("France", "Paris")

    assert not exact(one, replace(one, kind=CardKind.TWO_WAY))
    assert not exact(one, replace(one, fields=(*one.fields, ("Extra", "on the Seine"))))


def test_cards_of_one_highlight_are_siblings_those_of_unknown_origin_are_not():
    one, known = cards.question("What is entropy?", "disorder"), DuplicateIndex()
    known.add("sibling", HERE, one)
    assert list(known.find_duplicates(one, HERE)) == []
    known.add("foreign", HighlightKey(""), one)
    for origin, others in (
        (HERE, ["foreign"]),
        (HighlightKey(""), ["foreign", "sibling"]),
    ):
        assert [found.duplicate for found in known.find_duplicates(one, origin)] == others


# --- near ones -------------------------------------------------------------------------------


def test_a_finding_names_the_other_card_and_its_words():
    (found,) = near(
        cards.question("What enzyme unwinds DNA?", "helicase"),
        cards.question("Which enzyme unwinds the DNA helix?", "Helicase"),
    )

    assert (found.duplicate, found.message) == (
        "card0",
        "resembles “What enzyme unwinds DNA?”",
    )


@pytest.mark.parametrize(("length", "shown"), [(80, 80), (81, 79)])
def test_a_finding_names_the_first_words_of_a_long_front(length, shown):
    front = (
        f"Which enzyme of the living cell unwinds the DNA helix {'o' * (length - 55)}?"
    )
    ((found),) = near(card(f"{front}|helicase"), card(f"{front}|the helicase"))
    rest = "" if shown == length else "…"
    assert found.message == f"resembles “{front[:shown]}{rest}”"


@pytest.mark.parametrize(
    ("there", "here"),
    [
        ("2017", "2018"),
        ("encoder", "decoder"),
        ("larger", "smaller"),
        ("BERT", "RoBERTa"),
        ("used", "not used"),
        ("minimum", "maximum"),
        ("Gram-positive", "Gram-negative"),
    ],
)
def test_one_telling_word_makes_another_card(there, here):
    front = (
        "What did the original translation paper say was {} at first in training?|a mask"
    )

    assert near(card(front.format(there)), card(front.format(here))) == []


@pytest.mark.parametrize(
    ("there", "here", "one"),
    [
        ("What?|disorder", "What?|the disorder", True),
        ("What?|disorder", "Who?|the disorder", False),
        ("What is entropy?|disorder", "What?|the disorder", False),
    ],
)
def test_questions_of_stop_words_are_one_only_if_they_are_equal(there, here, one):
    assert are_duplicates(extract_sides(card(there)), extract_sides(card(here))) is one


@pytest.mark.parametrize(
    ("there", "here", "one"),
    [
        # half of the words of the shorter answer suffice
        ("What feeds the lake?|springs, glaciers", "What feeds the lake?|springs, rain, snow", True),
        ("What feeds the lake?|springs, glaciers, rivers", "What feeds the lake?|springs, rain, snow", False),
        # a name may have an ending in one of them
        ("What do mRNAs carry out of the nucleus?|codes", "What does mRNA carry out of the nucleus?|codes", True),
        ("What do mRNAs carry out of the nucleus?|codes", "What do tRNAs carry out of the nucleus?|codes", False),
    ],
)  # fmt: skip
def test_answers_may_differ_in_half_and_names_by_an_ending(there, here, one):
    assert are_duplicates(extract_sides(card(there)), extract_sides(card(here))) is one
    assert are_duplicates(extract_sides(card(here)), extract_sides(card(there))) is one


def test_questions_that_differ_in_three_words_of_one_place_are_not_told_apart_by_them():
    one = extract_sides(card("What unwinds the long zygote strand?|helicase"))
    many = extract_sides(card("What unwinds the long active bound cell strand?|helicase"))
    assert are_duplicates(one, many)


@pytest.mark.parametrize(
    ("words", "asked", "answered", "text"),
    [
        ("{{c1::Water::liquid}} boils at {{c2::100}}.", "boils at .", "Water 100", "Water boils at 100."),
        # gaps that touch, and that lie in one another
        ("{{c1::$a$}}{{c2::b}} is `x` of it.", "is x of it.", "a b", "ab is x of it."),
        ("{{c1::the sum {{c2::of $n$}} terms}} grows.", "grows.", "the sum of n terms of n", "the sum of n terms grows."),
    ],
)  # fmt: skip
def test_a_cloze_is_asked_without_what_its_gaps_hide(words, asked, answered, text):
    compared = extract_sides(card(words))
    assert " ".join(compared.question.split()) == asked
    assert (compared.answer, compared.cloze_text, compared.display_text) == (
        answered,
        text,
        text,
    )


def test_cards_without_any_word_of_content_resemble_nothing():
    assert near(card("Who is it?|he"), card("Who is she?|it")) == []


@pytest.mark.parametrize(
    "lines",
    [
        [f"What is the capital of land{n}x?|city{n}y" for n in range(400)],
        [f"der ding{n}x|thing{n}y" for n in range(400)],
    ],
    ids=["capitals", "vocabulary"],
)
def test_a_duplicate_is_found_in_a_long_list_of_one_pattern(lines):
    known = index(*(card(line) for line in lines))
    here = lines[123].replace("What is", "Name")

    found = [
        f.duplicate
        for f in known.find_duplicates(card(here), HERE)
        if f.check == "duplicate"
    ]

    assert found == ["card123"]
