"""What holds for any text at all: fold, same, anchors, Markdown, clozes, quotes, sentences."""

import re
import unicodedata

from hypothesis import assume, example, given
from hypothesis import strategies as st

from ankiforge.ledger.gap_numbers import renumber_gaps
from ankiforge.text import cloze
from ankiforge.text.cloze import escape_markdown, to_plain_text
from ankiforge.text.keys import build_anchor, percent_encode
from ankiforge.text.located import fold_alphanumerics_with_offsets, locate_text
from ankiforge.text.normalize import (
    is_same_text,
    normalize_for_comparison,
    normalize_for_lookup,
)
from ankiforge.text.sentences import (
    find_sentence_around,
    find_sentence_spans,
    find_sentence_starts,
)
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
    assert normalize_for_lookup(normalize_for_lookup(text)) == normalize_for_lookup(text)
    spaced = (
        text.replace(" ", "  ").replace("\n", " \n").replace("–", "-").replace("’", "'")
    )
    assert is_same_text(text, spaced)
    assert normalize_for_lookup(text) == normalize_for_lookup(spaced) or not re.sub(
        r"[\W_]", "", normalize_for_comparison(text)
    )


@bounded
@given(WORDS, WORDS, WORDS, BLANKS)
def test_spacing_never_changes_an_anchor(exact, before, after, blank):
    # context of more than eighty characters would be cut elsewhere
    around = (before[-3:], after[:3])
    narrow = build_anchor(" ".join(exact), *(" ".join(words) for words in around))
    wide = build_anchor(blank.join(exact), *(blank.join(words) for words in around))
    assert narrow == wide


@bounded
@given(st.text(), st.text())
def test_parts_of_a_key_are_ascii_and_as_different_as_they_were(one, two):
    assert percent_encode(one).isascii()
    assert "/" not in percent_encode(one)
    equal = unicodedata.normalize("NFC", one) == unicodedata.normalize("NFC", two)
    assert (percent_encode(one) == percent_encode(two)) == equal


# --- Markdown -------------------------------------------------------------------------------


@bounded
@given(TEXT)
@example("\ue0000\ue000 \\*")
@example("1. a\n2) b\n# c\n> d\n- e\n| f |\n---\n===")
def test_what_is_made_literal_reads_as_it_was(text):
    assert to_plain_text(escape_markdown(text)) == text.strip()
    assert cloze.find_clozes(escape_markdown(text)) == ()


# --- clozes ---------------------------------------------------------------------------------


@bounded
@given(TEXT, TEXT, TEXT, TEXT, st.integers(1, 500))
def test_a_cloze_that_is_made_is_found_with_its_answer_and_hint(
    before, answer, hint, after, number
):
    answer, hint = escape_markdown(answer), escape_markdown(hint)
    made = cloze.format_cloze(number, answer, hint)
    text = escape_markdown(before) + made
    [gap] = cloze.find_clozes(text)
    assert (gap.numbers, text[gap.start : gap.end]) == ((number,), made)
    assert to_plain_text(gap.answer) == to_plain_text(answer)
    assert to_plain_text(gap.hint) == to_plain_text(hint)


@bounded
@given(st.lists(TEXT, min_size=3, max_size=7))
def test_what_is_hidden_in_a_literal_text_is_revealed_as_it_was(parts):
    parts = [escape_markdown(part) for part in parts]
    text, spans, at = "".join(parts), [], 0
    for number, part in enumerate(parts):
        if number % 2:
            spans.append((at, at + len(part)))
        at += len(part)
    hidden = cloze.add_clozes(text, tuple(spans))

    assert cloze.find_cloze_numbers(hidden) == tuple(range(1, len(spans) + 1))
    assert to_plain_text(hidden) == to_plain_text(cloze.reveal_answers(hidden))


@bounded
@given(TEXT)
def test_any_text_has_readable_clozes_or_names_what_is_wrong(text):
    for gap in cloze.find_clozes(text):
        assert text[gap.start :].startswith("{{c")
        assert text[: gap.end].endswith("}}")
        assert gap.start < gap.answer_start <= gap.end - 2
    assert all(problem.strip() for problem in cloze.find_cloze_problems(text))
    revealed = cloze.reveal_answers(text)
    assert len(revealed) <= len(text)
    if not cloze.find_clozes(text):
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
        ["It is", *(cloze.format_cloze(number, answer) for answer, number in gaps)]
    )


@bounded
@given(GAPPED, GAPPED, st.lists(st.integers(1, 20), max_size=4))
def test_a_number_that_was_ever_used_stays_with_its_answer_or_its_place(
    before, after, used
):
    text = renumber_gaps(gapped(before), gapped(after), tuple(used))
    known = [number for _, number in before]
    assert renumber_gaps(gapped(before), gapped(before)) == gapped(before)
    assert to_plain_text(text) == to_plain_text(gapped(after))
    assert len(cloze.find_clozes(text)) == len(after)
    now = [number for gap in cloze.find_clozes(text) for number in gap.numbers]
    for gap in cloze.find_clozes(text):
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

    return is_same_text(one, other) or fuzz.ratio(one, other) >= 75


# --- quotes ---------------------------------------------------------------------------------


@bounded
@given(TEXT, TEXT)
def test_what_is_located_is_the_same_as_the_quote(quote, source):
    assert not normalize_for_comparison(quote) or locate_text(
        quote, f"{source} {quote} {source}"
    )
    span = locate_text(quote, source)
    if span is not None:
        assert 0 <= span[0] < span[1] <= len(source)
        assert normalize_for_comparison(quote) in normalize_for_comparison(
            source[span[0] : span[1]]
        )
    else:
        assert not normalize_for_comparison(quote) or normalize_for_comparison(
            quote
        ) not in normalize_for_comparison(source)


@bounded
@given(st.text(st.characters(max_codepoint=127)))
def test_letters_lie_where_they_do_beside_those_of_another_script(text):
    letters, origins = fold_alphanumerics_with_offsets(text)
    assert fold_alphanumerics_with_offsets(f"{text}ж") == (
        f"{letters}ж",
        (*origins, len(text)),
    )


# --- sentences ------------------------------------------------------------------------------


@bounded
@given(TEXT)
def test_sentences_lose_no_letter_and_never_overlap(text):
    at = 0
    for start, end in find_sentence_spans(text):
        assert at <= start < end <= len(text)
        assert not text[at:start].strip()
        assert text[start:end] == text[start:end].strip()
        at = end
    assert not text[at:].strip()
    assert find_sentence_starts(text) == sorted(set(find_sentence_starts(text)))


@bounded
@given(TEXT, st.data())
def test_the_sentence_around_a_mark_holds_it(text, data):
    assume(text.strip())
    begin, stop = data.draw(st.sampled_from(find_sentence_spans(text)))
    start = data.draw(st.integers(begin, stop - 1))
    end = data.draw(st.integers(start + 1, stop))
    first, last = find_sentence_around(text, start, end)
    assert first <= start
    assert end <= last
