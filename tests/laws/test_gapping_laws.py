"""Laws of cards by hand: whatever is selected, the card says the passage's own words."""

from hypothesis import assume, given
from hypothesis import strategies as st

from ankiforge.review.selection import extract_part, make_cloze_text
from ankiforge.text import cloze
from ankiforge.text.cloze import to_plain_text
from ankiforge.text.normalize import is_same_text
from ankiforge.text.sentences import find_sentence_around, trim_span

SIGNS = [
    "a", "b", "細", "😀", "é", ".", ":", "::", "{", "}", "{{", "}}", "$", "\\", "`", "*", "_", "<",
    "[", "]", "(", ")", "#", "-", "1.", "|", "~~", "==", ">", "&amp;", "!", "\n",
]  # fmt: skip
texts = st.lists(st.sampled_from([*SIGNS, " "]), min_size=1, max_size=25).map("".join)


@given(texts, st.data())
def test_a_cloze_of_any_selection_is_well_formed_and_says_its_sentence(text, data):
    start = data.draw(st.integers(0, len(text)))
    end = data.draw(st.integers(start, len(text)))
    try:
        made = make_cloze_text(text, [(start, end)])
    except ValueError:
        assume(False)
    first, last = find_sentence_around(text, *trim_span(text, start, end))

    assert not list(cloze.find_cloze_problems(made))
    assert is_same_text(to_plain_text(made), text[first:last])
    assert [
        is_same_text(to_plain_text(gap.answer), text[start:end])
        for gap in cloze.find_clozes(made)
    ] == [True]


WRITTEN = [
    ("cell", "cell"), ("E=mc^2", "$E=mc^2$"), ("bold words", "**bold words**"), ("a_b", r"a\_b"),
    ("the link", "[the link](http://x.y/a_b)"), ("x()", "`x()`"), ("細胞", "細胞"), ("😀", "😀"),
    ("old", "~~old~~"), (r"\frac{a}{b}", r"$\frac{a}{b}$"), ("and so", "*and* so"), ("H2O", "H<sub>2</sub>O"),
]  # fmt: skip


@given(st.lists(st.sampled_from(WRITTEN), min_size=2, max_size=8), st.data())
def test_what_was_written_in_markdown_is_hidden_where_it_stands(words, data):
    text = " ".join(plain for plain, _ in words)
    markdown = " ".join(written for _, written in words)
    start = data.draw(st.integers(0, len(text) - 1))
    end = data.draw(st.integers(start + 1, len(text)))
    assume(text[start:end].strip())
    made = make_cloze_text(text, [(start, end)], markdown)
    [gap] = cloze.find_clozes(made)

    assert is_same_text(to_plain_text(made), text)
    assert is_same_text(
        to_plain_text(extract_part(text, (start, end), markdown)),
        to_plain_text(gap.answer),
    )
    assert text[start:end].strip() in to_plain_text(gap.answer)
    assert made.count("$") == markdown.count("$")


def test_words_of_two_sentences_give_both_with_a_gap_each():
    text = "Aa is b. Cc is d. Ee is f."
    assert (
        make_cloze_text(text, [(6, 7), (15, 16)]) == "Aa is {{c1::b}}. Cc is {{c2::d}}."
    )
