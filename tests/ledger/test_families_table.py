"""Facts that move, as rows: which sentences join passages, where a card is at home, what is asked."""

from random import Random

import pytest
from msgspec.structs import replace

from ankiforge.ledger.events import FactDecision, Passage, Text
from ankiforge.ledger.facts import (
    NEARLY,
    CardSentences,
    Fact,
    alike,
    home,
    likeness,
    name_of,
    of_cards,
    read,
)
from ankiforge.ledger.families import (
    ByWords,
    DecidedSentence,
    Standing,
    _first_reading,
    is_long,
    moved,
    reworded,
)
from ankiforge.ledger.gap_numbers import in_other_words

H = "The hippocampus lies in the medial temporal lobe of the brain."
H2 = "The hippocampus sits in the medial temporal lobe of the brain."
M = "In 1953 Henry Molaison lost both hippocampi in an operation."
M2 = "In 1954 Henry Molaison lost both hippocampi in an operation."
M4 = "The patient of 1953, Henry M., had lost the hippocampi of both sides when he left hospital."
G = "The amygdala gives every memory of fear its emotional colour."
F = "Iron is Fe."
HERE, THERE = ("v", "a.md"), ("v", "b.md")


@pytest.mark.parametrize(
    ("readings", "sentence", "first"),
    [
        ((f"{H} {M}", f"{G} {H}", G), H, f"{G} {H}"),
        ((f"{H} {M}", f"{G} {H}", G), M, f"{H} {M}"),
        ((f"{H} {M}", f"{G} {H}", G), F, f"{H} {M}"),  # it stood in none: the newest
        ((), H, ""),
    ],
)
def test_a_sentence_is_of_the_reading_that_had_it_first(readings, sentence, first):
    passage = Passage(("k",), texts=[Text(words) for words in readings])
    assert _first_reading(passage, sentence).exact == first


@pytest.mark.parametrize(
    ("sentence", "stands_there", "joins"),
    [
        (H, False, True),
        (H, True, True),
        (F, False, True),
        (F, True, False),  # a coincidence
        ("a" * 20, True, True),
        ("a" * 19, True, False),
        ("a" * 19, False, True),
    ],
)
def test_an_equal_sentence_is_the_decided_one(sentence, stands_there, joins):
    assert moved(sentence, stands_there=stands_there) is joins


def test_long_counts_letters_without_signs():
    assert is_long("a" * 20)
    assert not is_long("a b " * 9 + "a.")


GONE = DecidedSentence(M, "p", n=5, machine="a", places=frozenset([HERE]))
CAME = Standing(M2, "q", HERE, n=6, machine="a")


@pytest.mark.parametrize(
    ("gone", "here", "joins"),
    [
        ({}, {}, True),
        ({}, {"sentence": H}, False),
        ({}, {"sentence": M4}, True),  # half of the words, in its document
        ({}, {"sentence": M4, "place": THERE}, False),  # and elsewhere 60 per cent
        ({}, {"place": THERE}, True),
        ({"places": frozenset()}, {}, True),
        ({"places": frozenset()}, {"sentence": M4}, False),
        # read after the decision, by another computer, or not here at the last run
        ({}, {"n": 5}, False),
        ({}, {"n": 4}, False),
        ({}, {"n": 4, "machine": "b"}, True),
        ({}, {"n": 4, "came": True}, True),
        # what stood beside it when it was decided is another fact
        ({"beside": (name_of(M), name_of(M2))}, {}, False),
        ({"beside": (name_of(M),)}, {}, True),
        ({"beside": (name_of(M2),)}, {}, True),
    ],
)
def test_a_sentence_may_be_a_decided_one_in_other_words(gone, here, joins):
    from msgspec.structs import replace

    assert reworded(replace(GONE, **gone), replace(CAME, **here)) is joins


def test_what_is_nearly_the_same_is_found_by_its_words():
    dice = Random(1)
    vocabulary = "a a a a of of of lake lake shore tide moon sun Rhine Elbe 12 13".split()
    gone = []
    for number in range(60):
        sentence = " ".join(dice.choices(vocabulary, k=dice.randint(0, 9)))
        gone.append(DecidedSentence(sentence, f"p{number}"))
    by_words = ByWords(gone)
    left_out = 0
    for other in gone:
        like = [one for one in gone if likeness(one.sentence, other.sentence) >= NEARLY]
        found = by_words.resembling(other.sentence)
        assert [one for one in found if one in like] == like
        left_out += len(gone) - len(found)
    assert left_out > 500


@pytest.mark.parametrize(
    ("old", "new", "words", "letters"),
    [
        ("a b c d", "a b c d", 100, 100),
        ("a b", "a b c d", 100, 67),
        ("one two", "three four", 0, 27),
        ("water boils", "boils water", 100, 100),
    ],
)
def test_how_much_two_sentences_are_alike(old, new, words, letters):
    assert likeness(old, new) == words
    assert round(alike(old, new)) == letters


# --- the sentences of a card, and where it is at home -------------------------------------


def decided(*sentences, guid="", n=1, beside=(), **more):
    names = tuple(map(name_of, (*sentences, *beside)))
    return FactDecision(f"e{n}", sentences, guid, names, names, n=n, **more)


BOTH = decided(H, M, guid="x")


@pytest.mark.parametrize(
    ("decisions", "now", "later", "left"),
    [
        ([BOTH], (H, M), {}, ()),
        ([BOTH, decided(H2, guid="x", revises=True, instead=H)], (H2, M), {H: H2}, ()),
        (
            [BOTH, decided(H2, guid="x", revises=True)],
            (H2,),
            {},
            (H, M),
        ),  # followed its source
        (
            [BOTH, *(decided(each, guid="x", revises=True) for each in (H2, G))],
            (G,),
            {},
            (H, M, H2),
        ),  # and once more
        ([BOTH, decided(G, guid="x")], (H, M), {}, ()),  # accepted again
        (
            [
                BOTH,
                decided(H2, guid="x", revises=True, instead=H),
                decided(G, guid="x", revises=True, instead=H),  # by its earlier words
            ],
            (G, M),
            {H: G, H2: G},
            (),
        ),
        (
            [
                BOTH,
                decided(H2, guid="x", revises=True, instead=H),
                decided(H, guid="x", revises=True, instead=H2),  # and back
            ],
            (H, M),
            {H2: H},
            (),
        ),
        ([BOTH, decided(guid="x", revises=True)], (H, M), {}, ()),  # names no sentence
    ],
)
def test_the_sentences_of_a_card(decisions, now, later, left):
    assert of_cards(decisions)["x"] == CardSentences(now, later, left)


@pytest.mark.parametrize(
    ("given", "had", "where"),
    [
        ({"p": [H, M], "q": [G]}, {}, "p"),
        ({"p": [G], "q": [H, M]}, {}, "q"),
        ({"p": [H], "q": [M]}, {}, "p"),  # in several: its own
        ({"q": [H], "r": [M]}, {}, "q"),  # else the oldest
        ({"q": [H], "r": [H, M]}, {}, "r"),  # where most are
        (
            {"p": [G], "q": [G]},
            {"p": [], "q": [H, M]},
            "p",
        ),  # nowhere: its own, if it is here
        ({"q": [G], "r": [G]}, {"q": [], "r": [H]}, "r"),  # or where they stood
        ({"q": [G]}, {"q": [G]}, ""),
        ({}, {}, ""),
    ],
)
def test_where_a_card_is_at_home(given, had, where):
    assert home((H, M), "p", given, {**given, **had}) == where


# --- what a family shows -------------------------------------------------------------------


X = decided(M, guid="x", n=5)
ASKS = Fact(M2, card="x", near=M)
REMARK = Fact(M2, near=M)


@pytest.mark.parametrize(
    ("decisions", "more", "shown"),
    [
        ([X], {}, [ASKS]),
        ([X], {"live": ()}, [REMARK]),
        # what stood beside a sentence when that was decided is another fact
        ([decided(M, guid="x", beside=(M2,))], {}, [Fact(M2)]),
        # the words stand elsewhere: nothing is asked, and what this passage lost is a remark
        ([X], {"elsewhere": [M]}, [Fact(M2)]),
        ([X], {"elsewhere": [M], "had": [M]}, [REMARK]),
        ([X], {"elsewhere": [M], "had": [M], "given": (M, M2)}, [Fact(M, decided=True), Fact(M2)]),
        ([decided(M, guid="x", beside=(M2,))], {"elsewhere": [M], "had": [M]}, [Fact(M2)]),
        # a card all of whose sentences stand is not asked about by earlier words of it
        ([X, decided(G, guid="x", n=6, revises=True, instead=M)], {"elsewhere": [G]}, [REMARK]),
        ([X, decided(G, guid="x", n=6, revises=True, instead=M)], {}, [ASKS]),
        # what a card had before it followed its source is no other fact's
        ([X, decided(G, guid="x", n=6, revises=True)], {}, [Fact(M2)]),
        # a closed passage asks, and offers what came from an open one
        ([X], {"closed": True}, [ASKS]),
        ([X], {"closed": True, "live": ()}, []),
        ([X], {"closed": True, "worthy": [H], "given": (H,)}, []),
        ([X], {"closed": True, "worthy": [H], "given": (H,), "brought": [H]}, [Fact(H)]),
        ([X], {"closed": True, "drafted": [H], "given": (H,)}, []),
        ([X], {"closed": True, "drafted": [H], "given": (H,), "brought": [H]}, [Fact(H)]),
        # skipping names all sentences
        ([decided(M2, n=7)], {}, [Fact(M2, decided=True)]),
    ],
)  # fmt: skip
def test_what_is_asked_in_a_family(decisions, more, shown):
    arguments = {"given": (M2,), "live": ("x",), "worthy": [M2], **more}
    given = arguments.pop("given")
    live = arguments.pop("live")
    assert list(read(given, decisions, live, **arguments)) == shown


LETTERS = tuple(f"Sentence number {name} is about {name}." for name in "abcde")
A, B, C, D, E = LETTERS


@pytest.mark.parametrize(
    ("decisions", "more", "shown"),
    [
        ([], {}, (A, B, C, D)),  # four of a passage, the best first
        ([], {"worthy": (E, D, C, B, A)}, (B, C, D, E)),
        # a decided one is one of the four, and takes no place of the others twice
        ([decided(A, n=1)], {}, (A, B, C, D)),
        ([decided(E, n=1)], {}, (A, B, C, E)),
        ([decided(A, n=1)], {"worthy": (B,)}, (A, B)),
        # what has a draft that only a decision closes is one, beyond the four, too
        ([], {"drafted": (E,)}, (A, B, C, E)),
        ([], {"drafted": (A, B, C, D)}, (A, B, C, D)),
        ([], {"drafted": LETTERS}, LETTERS),
        # what was no fact when the last fact was decided is none
        ([replace(decided(A, beside=(B,)), facts=(name_of(A),))], {}, (A, C, D, E)),
    ],
)
def test_which_sentences_are_facts(decisions, more, shown):
    arguments = {"worthy": LETTERS, **more}
    facts = read(LETTERS, decisions, (), **arguments)
    assert tuple(fact.sentence for fact in facts) == shown


# --- one sentence of a card gives way -------------------------------------------------------


@pytest.mark.parametrize(
    ("text", "gone", "new", "expected"),
    [
        ("{{c1::A}} is b. C is d.", "C is d.", "C is {{c1::e}}.", "{{c1::A}} is b. C is e."),
        ("{{c1::A}} is b. C is {{c2::d}}.", "C is d.", "C is {{c1::e}}.", "{{c1::A}} is b. C is {{c2::e}}."),
        ("{{c1::A}} is b. C is {{c2::d}}.", "A is b.", "A was b.", "A was b. C is {{c2::d}}."),
        ("{{c3::A}} is b.", "A is b.", "{{c1::X}} is {{c2::b}}.", "{{c3::X}} is b."),
        ("{{c1::A}} is b.", "Z is b.", "X", ""),
    ],
)  # fmt: skip
def test_one_sentence_of_a_cloze_gives_way(text, gone, new, expected):
    assert in_other_words(text, gone, new) == expected
