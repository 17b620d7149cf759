"""What holds for any text at all: fold, same, anchors, Markdown, clozes, quotes, sentences."""

import re
import unicodedata

from hypothesis import assume, example, given
from hypothesis import strategies as st

from ankiforge.ledger.gap_numbers import keep_numbers
from ankiforge.text import cloze
from ankiforge.text.cloze import literal, plain
from ankiforge.text.fold import (
    for_comparing,
    for_finding,
    letters_with_origins,
    locate,
    same,
)
from ankiforge.text.keys import percent, triple
from ankiforge.text.sentences import boundaries, sentence_around, sentences
from tests.examples import examples

bounded = examples(50)

SIGNS_WORDS = (
    r"\ ` `` ``` ~~~ * ** *** _ __ ~~ == $ $$ {{c1:: {{c2:: {{c1,3:: {{ }} } { :: : [ ]( ) ![ < > </b>"
    r" <!-- --> &amp; &#38; # ## - + 1. 12) | > --- ... e.g. Dr. “ ” « » ’ – — ﬁ ß İ ² ½ Å 。 」 ? !"
)
SIGNS = SIGNS_WORDS.split(" ")
PIECES = st.one_of(
    st.sampled_from(
        [
            *SIGNS,
            "\n",
            "\n\n",
            " ",
            "  ",
            "\t",
            "\r\n",
            "\u00a0",
            "\u00ad",
            "\u2028",
            "e\u0301",
        ]
    ),
    st.sampled_from(
        ["word", "a", "Zeit", "Über", "次の文", "cell", "3.14", "C++", "not"]
    ),
    st.text(max_size=4),
)
TEXT = st.lists(PIECES, max_size=12).map("".join)
WORDS = st.lists(
    st.text(st.characters(categories=["L", "N"]), min_size=1, max_size=8), min_size=1
)
BLANKS = st.text(" \t\n\u00a0\u2003", min_size=1, max_size=3)


# --- fold, same, anchors --------------------------------------------------------------------


@bounded
@given(TEXT)
def test_texts_that_are_the_same_fold_alike(text):
    assert for_finding(for_finding(text)) == for_finding(text)
    spaced = (
        text.replace(" ", "  ").replace("\n", " \n").replace("–", "-").replace("’", "'")
    )
    assert same(text, spaced)
    assert for_finding(text) == for_finding(spaced) or not re.sub(
        r"[\W_]", "", for_comparing(text)
    )


@bounded
@given(WORDS, WORDS, WORDS, BLANKS)
def test_spacing_never_changes_an_anchor(exact, before, after, blank):
    # context of more than eighty characters would be cut elsewhere
    around = (before[-3:], after[:3])
    narrow = triple(" ".join(exact), *(" ".join(words) for words in around))
    wide = triple(blank.join(exact), *(blank.join(words) for words in around))
    assert narrow == wide


@bounded
@given(st.text(), st.text())
def test_parts_of_a_key_are_ascii_and_as_different_as_they_were(one, two):
    assert percent(one).isascii()
    assert "/" not in percent(one)
    equal = unicodedata.normalize("NFC", one) == unicodedata.normalize("NFC", two)
    assert (percent(one) == percent(two)) == equal


# --- Markdown -------------------------------------------------------------------------------


@bounded
@given(TEXT)
@example("\ue0000\ue000 \\*")
@example("1. a\n2) b\n# c\n> d\n- e\n| f |\n---\n===")
def test_what_is_made_literal_reads_as_it_was(text):
    assert plain(literal(text)) == text.strip()
    assert cloze.gaps(literal(text)) == ()


# --- clozes ---------------------------------------------------------------------------------


@bounded
@given(TEXT, TEXT, TEXT, TEXT, st.integers(1, 500))
def test_a_cloze_that_is_made_is_found_with_its_answer_and_hint(
    before, answer, hint, after, number
):
    answer, hint = literal(answer), literal(hint)
    made = cloze.make(number, answer, hint)
    text = literal(before) + made
    [gap] = cloze.gaps(text)
    assert (gap.numbers, text[gap.start : gap.end]) == ((number,), made)
    assert plain(gap.answer) == plain(answer)
    assert plain(gap.hint) == plain(hint)


@bounded
@given(st.lists(TEXT, min_size=3, max_size=7))
def test_what_is_hidden_in_a_literal_text_is_revealed_as_it_was(parts):
    parts = [literal(part) for part in parts]
    text, spans, at = "".join(parts), [], 0
    for number, part in enumerate(parts):
        if number % 2:
            spans.append((at, at + len(part)))
        at += len(part)
    hidden = cloze.wrap(text, tuple(spans))

    assert cloze.numbers(hidden) == tuple(range(1, len(spans) + 1))
    assert plain(hidden) == plain(cloze.reveal(hidden))


@bounded
@given(TEXT)
def test_any_text_has_readable_clozes_or_names_what_is_wrong(text):
    for gap in cloze.gaps(text):
        assert text[gap.start :].startswith("{{c")
        assert text[: gap.end].endswith("}}")
        assert gap.start < gap.body <= gap.end - 2
    assert all(problem.strip() for problem in cloze.problems(text))
    revealed = cloze.reveal(text)
    assert len(revealed) <= len(text)
    if not cloze.gaps(text):
        assert revealed == text


GAPPED = st.lists(
    st.tuples(
        st.sampled_from(["one", "two", "three", "a thing", "42", "Zeit"]),
        st.integers(1, 9),
    ),
    max_size=5,
)


def gapped(gaps: list[tuple[str, int]]) -> str:
    return " and ".join(
        ["It is", *(cloze.make(number, answer) for answer, number in gaps)]
    )


@bounded
@given(GAPPED, GAPPED, st.lists(st.integers(1, 20), max_size=4))
def test_a_number_that_was_ever_used_stays_with_its_answer_or_its_place(
    before, after, used
):
    text = keep_numbers(gapped(before), gapped(after), tuple(used))
    known = [number for _, number in before]
    assert keep_numbers(gapped(before), gapped(before)) == gapped(before)
    assert plain(text) == plain(gapped(after))
    assert len(cloze.gaps(text)) == len(after)
    now = [number for gap in cloze.gaps(text) for number in gap.numbers]
    for gap in cloze.gaps(text):
        [number] = gap.numbers
        kept = any(n == number and _alike(gap.answer, answer) for answer, n in before)
        free = (
            now.count(number) <= known.count(number)
            if number in known
            else number not in used
        )
        assert kept or free


def _alike(one: str, other: str) -> bool:
    from rapidfuzz import fuzz

    return same(one, other) or fuzz.ratio(one, other) >= 75


# --- quotes ---------------------------------------------------------------------------------


@bounded
@given(TEXT, TEXT)
def test_what_is_located_is_the_same_as_the_quote(quote, source):
    assert not for_comparing(quote) or locate(quote, f"{source} {quote} {source}")
    span = locate(quote, source)
    if span is not None:
        assert 0 <= span[0] < span[1] <= len(source)
        assert for_comparing(quote) in for_comparing(source[span[0] : span[1]])
    else:
        assert not for_comparing(quote) or for_comparing(quote) not in for_comparing(
            source
        )


@bounded
@given(st.text(st.characters(max_codepoint=127)))
def test_letters_lie_where_they_do_beside_those_of_another_script(text):
    letters, origins = letters_with_origins(text)
    assert letters_with_origins(f"{text}ж") == (f"{letters}ж", (*origins, len(text)))


# --- sentences ------------------------------------------------------------------------------


@bounded
@given(TEXT)
def test_sentences_lose_no_letter_and_never_overlap(text):
    at = 0
    for start, end in sentences(text):
        assert at <= start < end <= len(text)
        assert not text[at:start].strip()
        assert text[start:end] == text[start:end].strip()
        at = end
    assert not text[at:].strip()
    assert boundaries(text) == sorted(set(boundaries(text)))


@bounded
@given(TEXT, st.data())
def test_the_sentence_around_a_mark_holds_it(text, data):
    assume(text.strip())
    begin, stop = data.draw(st.sampled_from(sentences(text)))
    start = data.draw(st.integers(begin, stop - 1))
    end = data.draw(st.integers(start + 1, stop))
    first, last = sentence_around(text, start, end)
    assert first <= start
    assert end <= last
