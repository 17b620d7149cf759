"""Forms of a text, quotes, sentences, Markdown and clozes; tests/laws holds for any text."""

import os
from functools import partial
from pathlib import Path

import pytest

from ankiforge.language.normalization import split_words
from ankiforge.language.words import find_word_prefixes, stem_word
from ankiforge.ledger.item_lists import normalize_title
from ankiforge.model.hints import CardSchedule, parse_schedule
from ankiforge.text import format_cost, format_percent, shorten_path
from ankiforge.text.cloze import (
    add_clozes,
    escape_cloze_braces,
    escape_markdown,
    find_cloze_numbers,
    find_cloze_problems,
    find_clozes,
    format_table_rows,
    parse_image_label,
    reveal_answers,
    to_plain_text,
)
from ankiforge.text.decoding import decode_text, find_garbled_word
from ankiforge.text.lists import split_answer_into_items
from ankiforge.text.located import find_whole_words, locate_text
from ankiforge.text.normalize import (
    blank_out_code_and_urls,
    build_document_tag,
    find_literal_spans,
    is_same_text,
    isolate_bidi,
    map_outside_literal_spans,
    normalize_for_lookup,
    normalize_for_search,
    remove_escapes,
)
from ankiforge.text.passages import (
    get_paragraphs_around,
    join_bullets,
    remove_truncated_first_word,
)
from ankiforge.text.sentences import (
    find_sentence_around,
    find_sentence_spans,
    find_sentence_starts,
    find_sentences_by_part,
)
from tests.limits import no_hang, steps

DUE, LAST = "2026-09-10T14:32:02.628Z", "2026-09-03T14:32:02.628Z"
PLAIN = CardSchedule("2026-09-10", 7, 250)
TAGS = {
    "Molecular Structure of Nucleic Acids: A Structure for Deoxyribose Nucleic Acid": "molecular-structure-of-nucleic-acids",
    "Test-Enhanced Learning": "test-enhanced-learning",
    "What’s in 'it'?": "whats-in-it",
    "हिन्दी व्याकरण": "हिन्दी-व्याकरण",
    "日本国憲法 第九条": "日本国憲法-第九条",
    "❤️ Health": "health",
    "a" * 50: "a" * 40,
    f"{'a' * 20} {'b' * 19}": f"{'a' * 20}-{'b' * 19}",
    "—": "",
}  # fmt: skip


@pytest.mark.parametrize(("title", "name"), TAGS.items())
def test_the_tag_of_a_document_has_whole_words_of_its_title(title, name):
    assert build_document_tag(title) == (name and f"ankiforge::doc::{name}")


@pytest.mark.parametrize(
    ("one", "other", "equal"),
    [
        ("“Quoted” – it’s", '"quoted" - it\'s', True), ("re\u00adtention", "retention", True),
        ("two\n  lines\u00a0here", "two lines here", True), ("ﬁnal Straße", "FINAL STRASSE", True),
        ("e\u0301tude", "étude", True), ("10\u202fkm", "10 km", True), ("a−b", "a-b", True),
        ("C++", "C", False), ("x < 0", "x > 0", False), ("3.14", "314", False),
        ("can't", "cant", False), ("a b", "ab", False), ("", "a", False),
    ],
)  # fmt: skip
def test_typography_spacing_and_case_make_no_difference_every_other_sign_does(
    one, other, equal
):
    assert is_same_text(one, other) is equal


repaired = partial(decode_text, repairs=True)


cost_text_here = partial(format_cost, local=True)
things_of = partial(split_answer_into_items, "Which are they?")


def around_b(text: str) -> str:
    """The paragraphs around the first `b` of a text."""
    place = text.index("b")
    return get_paragraphs_around(text, place, place + 1, for_question=False)


FSI, PDI, RLO = "\u2068", "\u2069", "\u202e"


@pytest.mark.parametrize(
    ("change", "text", "result"),
    [
        (normalize_for_lookup, " ∑ → ", "∑→"), (normalize_for_lookup, "C++", "c"),  # a fold that would be empty keeps its signs
        (normalize_title, "Über, das:  Gedächtnis!", "uber das gedachtnis"),
        (normalize_for_search, "Straße ﬁne\u00adly", "strasse finely"),
        (normalize_for_search, "Søren Œuvre İstanbul μνήμη ёжик па́мять й", "soren oeuvre istanbul μνημη ежик память й"),
        (normalize_for_search, "الذَّاكِرَة أثر שָׁלוֹם ガギ 한국 mc^2 mc²", "الذاكرة اثر שלום  ガ  ギ   한  국  mc2 mc2"),
        *((isolate_bidi, text, text) for text in ("", "Sleep", "مقدمة في الأحياء", "שלום, world", "a\nb")),
        (isolate_bidi, f"a{RLO}b", f"{FSI}a{RLO}b{PDI}"), (isolate_bidi, f"a{PDI}{RLO}b", f"{FSI}a{RLO}b{PDI}"),
        (isolate_bidi, "a\u2067b", f"{FSI}a\u2067b{PDI}{PDI}"), (isolate_bidi, "a\u200f", f"{FSI}a\u200f{PDI}"),
        (to_plain_text, "**bold** *it* ~~gone~~ ==marked== _under_", "bold it gone marked under"),
        (to_plain_text, "snake_case and 2 * 3 * 4", "snake_case and 2 * 3 * 4"),
        (to_plain_text, "[text](http://x.org) ![alt](a.png)", "text alt"),
        (to_plain_text, "`code *as is*` and $a_b * c$", "code *as is* and a_b * c"),
        (to_plain_text, "$$\n\\frac{a}{b}\n$$", "\\frac{a}{b}"),
        (to_plain_text, "```py\nx = {{c1::y}}\n```", "x = {{c1::y}}"),
        (to_plain_text, "# Head\n> quote\n- item", "Head\nquote\nitem"),
        (to_plain_text, "the {{c1::gap::hint}} is filled", "the gap is filled"),
        (to_plain_text, r"\*literal\* \$5 \{{c1::no}}", "*literal* $5 {{c1::no}}"),
        (to_plain_text, "a <b>tag</b> <!-- and a comment --> goes", "a tag  goes"),
        (to_plain_text, "costs $5 and $6", "costs $5 and $6"),
        (to_plain_text, "\ue000 private \ue0010\ue001", "\ue000 private \ue0010\ue001"),
        (escape_markdown, text := "Don't panic: 42% of it (really) is e.g. x_1 = 2, isn't it? Yes!", text),
        (reveal_answers, "a {{c1::b {{c2::c::hint}} d}} e", "a b c d e"),
        (find_cloze_numbers, "{{c3::a}} {{c1::b}} {{c3::c}} {{c2,9::d}}", (1, 2, 3, 9)),
        (escape_cloze_braces, "`{{a}}` {{b}}", r"`{{a}}` {\{b}\}"),
        (find_sentence_starts, "One. Two.", [4]), (find_sentence_starts, "", []), (find_sentence_starts, "One.", []),
        (find_sentence_starts, "To do\n1. Feed it", []), (find_sentence_starts, "To do 1. Feed it", [8]),
        (find_sentences_by_part, "One.\n\n- Two. It.\n- No", [[(0, 4)], [(8, 12), (13, 16)], [(19, 21)]]),
        (format_table_rows, "| a | b |\n|---|---|\n| 1 | |", ["a · b", "1"]), (format_table_rows, "a | b", []),
        (decode_text, b"a\r\nb\rc", "a\nb\nc"), (decode_text, CONFLICT := b"<<<<<<< a\nb\n>>>>>>> c", CONFLICT.decode()),
        # with damaged bytes, or in Windows-1252
        (repaired, b"caf\xe9 au lait", "café au lait"), (repaired, b"a \xff b", "a \ufffd b"),
        (repaired, "ä".encode() + b"a" * 97 + b"\xff\xff", f"ä{'a' * 97}\ufffd\ufffd"),
        (parse_schedule, "!2027-03-01,150,270", (CardSchedule("2027-03-01", 150, 270),)), (parse_schedule, "!2000-01-01,1,250", ()),
        (parse_schedule, "!fsrs,2027-03-01T10:00,0.4,5!new", (CardSchedule("2027-03-01", 1, 250), CardSchedule("", 0, 0))),
        *((parse_schedule, f"!fsrs,{DUE},{rest}", (wanted,)) for rest, wanted in (
            (f"7,7.31530068,2.11121424,2,2,1,0,{LAST}", CardSchedule(DUE, 7, 250, 7.31530068, 2.11121424, 2, 2, 1, LAST)),
            (f"0,4.6,5.1,3,5,1,0,{LAST}", CardSchedule(DUE, 5, 250, 4.6, 5.1, 3, 5, 1, LAST)),
            (f"0,1.3,5.1,1,0,0,0,{LAST}", CardSchedule(DUE, 1, 250, 1.3, 5.1, 1, 1, 0, LAST)),
            # values that Anki does not take, or that are cut off, leave date and interval
            (f"7,nan,2,2,2,1,0,{LAST}", PLAIN), (f"7,0,2,2,2,1,0,{LAST}", PLAIN), (f"7,9,11,2,2,1,0,{LAST}", PLAIN),
            (f"7,9,2,0,2,1,0,{LAST}", PLAIN), (f"7,9,2,4,2,1,0,{LAST}", PLAIN), ("7,9,2,2,2,1,0,never", PLAIN), ("7,9,2,2,2", PLAIN),
        )),
        (cost_text_here, None, "price unknown"), (cost_text_here, 0.0, "free (local)"), (cost_text_here, 1.2, "$1.20"),
        (format_percent, 0.456, "46 %"), (format_percent, None, "–"),
        (shorten_path, Path.cwd() / "a" / "b.md", "a/b.md".replace("/", os.sep)), (shorten_path, Path.cwd(), str(Path.cwd())),
        (things_of, "- a\n- b\n", ["a", "b"]), (things_of, "iron, zinc and tin", ["iron", "zinc", "tin"]), (things_of, "- `a`\n- b", []),
        (split_words, "a1 b-c", ["a1", "b", "c"]), (split_words, "記憶 のb", ["記", "憶", "の", "b"]),
        (find_word_prefixes, "Cells' 42 neurons", {"cell", "42", "neuro"}), (stem_word, "stopped", "stop"), (stem_word, "centres", "center"),
        (blank_out_code_and_urls, "a `b` c", "a   c"), (find_garbled_word, "Grüße", ""), (find_garbled_word, "ein schÃ¶ner Tag", "schÃ¶ner"), (find_garbled_word, "Ã¶" * 30, "Ã¶"),
        # the edges of the text around a passage, and bullets in it
        (remove_truncated_first_word, f"ds {'a' * 29}", "a" * 29), (remove_truncated_first_word, f"s {'a' * 30}", "a" * 30),
        (remove_truncated_first_word, f"ds {'a' * 28}", f"ds {'a' * 28}"), (remove_truncated_first_word, f" s {'a' * 29}", f" s {'a' * 29}"),
        (join_bullets, "• one", "• one"), (join_bullets, "• one • two: • three", "one; two: three"),
        (around_b, f"a b {'c' * 596}", f"a b {'c' * 596}"), (around_b, f"a b {'c' * 597}", "a b …"),
        (around_b, f"{'a ' * 200}b{' c' * 200}", f"… {'a ' * 148}b{' c' * 148} …"),
        (around_b, "a\nb\nc", "a\nb\nc"), (around_b, f"{'a' * 600}\nb\n{'c' * 597}", f"b\n{'c' * 597}"),
    ],
)  # fmt: skip
def test_a_text_is_changed_as_told(change, text, result):
    assert change(text) == result


@pytest.mark.parametrize(
    "text",
    [
        "*", "**a**", "_a_", "snake_case", "`a`", "$x$ and $5", "<b>", "&amp;", "[a](b)", "![a](b)",
        "{{c1::a}}", "}}", "a::b", "==a==", "~~a~~", "# a", "- a", "1. a", "12) a", "> a", "a\n===",
        "|a|b|\n|-|-|", "\\", "\\*", "C++", "x < y > z", "a\\\nb", "---", "[^1]: x", "a  b",
    ],
)  # fmt: skip
def test_literal_text_reads_as_itself(text):
    assert to_plain_text(escape_markdown(text)) == text


@pytest.mark.parametrize(
    ("markdown", "kinds"),
    [
        (r"\* `a` $b$ $$c$$", ["escape", "code", "math", "display"]), ("```\n`a`\n```", ["fence"]),
        ("``a ` b``", ["code"]), ("``` ` ```{{c1::x}}\n```\na\n```", ["code", "fence"]),
        ("$5 or $ 6 $", []), ("$5 and 10$", []), ("$5 and ==10$ more==", []), ("`open", []),
        ("from $5 to about 10$, then $x$", ["math"]), ("$1,000 per year$", []),
        ("$5 cm$ $2 x$ $7 mod 3$", ["math"] * 3), ("$5 plus 6 = n$ $2 times 3_a$", ["math"] * 2),
        (r"\`a\`", ["escape", "escape"]), (r"`a\`", ["code"]),
    ],
)  # fmt: skip
def test_a_shield_is_code_maths_or_an_escape(markdown, kinds):
    assert [kind for _, _, kind in find_literal_spans(markdown)] == kinds
    assert map_outside_literal_spans(r"a `a` \a $a$ a", str.upper) == r"A `a` \A $a$ A"


# --- quotes and sentences -------------------------------------------------------------------

SOURCE = "He said: “Spacing im\u00adproves re\u00adtention — of\n  facts”, e\u0301tudes and ﬁgures; études."


@pytest.mark.parametrize(
    ("markdown", "shown"),
    [
        (r"A loss \[27] is {{c1::low}}.", "A loss [27] is {{c1::low}}."),
        (r"two \\ and \*stars\*", r"two \ and *stars*"),
        (r"`a\[0]` and $\{x\}$", r"`a\[0]` and $\{x\}$"),
    ],
)
def test_a_line_shows_no_escapes_and_leaves_code_and_maths(markdown, shown):
    assert remove_escapes(markdown) == shown


@pytest.mark.parametrize(
    ("quote", "found"),
    [
        ('"spacing improves retention', "“Spacing im\u00adproves re\u00adtention"),
        ("retention - of facts", "re\u00adtention — of\n  facts"), ("études", "e\u0301tudes"),
        ("figures", "ﬁgures"), ("He said:", "He said:"),
        *((absent, None) for absent in ("", "  ", "massing", "spacing proves", "said He", "(facts)")),
    ],
)  # fmt: skip
def test_a_quote_is_found_under_other_typography_at_its_first_place(quote, found):
    span = locate_text(quote, SOURCE)
    assert (span and SOURCE[slice(*span)]) == found


@pytest.mark.parametrize(
    "text",
    [
        "See no. 5 and pp. 3 for it.", "Compare Fig. 3, Eq. (4) and vol. II of it.", "1. First of all",
        "J. R. R. Tolkien and J.R.R. Tolkien and J.-P. Sartre.", "The U.S. Army left.",
        "Dr. Who and Prof. X met.", "Smith et al. (2020) say so.", "z. B. Hunde, d. h. Tiere.",
        "Am 3. Oktober und im 19. Jahrhundert.", "It works. or so they say", "「行く。」と言った",
        "He said no.| She left.", "In 1990.| The rest.", "At 20 °C.| The sample.",
        "For all x.| The next.", "Really?!| Yes…| Go!", "(He went.)| “So it is.”| Yes.",
        "一番です。|次の文！|終わり", "यह है।| वह है।", "It ends here.| → So there.", "5 sec.| Then more.",
        "In different regions.²| But the models.³,⁴", "He left.”¹²–¹⁴| She stayed.", "Smith et al.¹ say so.",
        "The fir (Abies alba (Mill.) Franco) is tall.| It is (cf. Roe. Doe) old.",
        "He left.| (She stayed.| He came.)| Then (as he said. and so on.", "It ended. – and began.",
        "It is so (as was shown in a long study of many years.)| The rest.", "It (is so.| It goes on.",
        "En 52 av. J.-C. il partit.", "Il sig. Rossi parla.", "He lives in Rome...| She stays.",
    ],
)  # fmt: skip
def test_a_sentence_ends_at_a_stop_but_not_after_an_abbreviation(text):
    whole = text.replace("|", "")
    spans = find_sentence_spans(whole)
    assert [whole[slice(*span)] for span in spans] == [
        part.strip() for part in text.split("|")
    ]
    assert find_sentence_around(whole, spans[0][0], spans[-1][1]) == (0, len(whole))


def test_the_number_of_a_note_belongs_to_the_sentence_before_it():
    assert find_sentence_starts("In different regions.² But the models.") == [22]


# --- clozes ---------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("markdown", "expected"),
    [
        ("no gap", []), ("a {{c1::b}} c", ["b"]), ("{{c1::b::hint}}", ["b"]), ("{{c1::a:b}}", ["a:b"]),
        ("{{c1::b::hint::more}}", ["b"]), ("{{c1,3::b}}", ["b"]), ("{{c1::}}", [""]),
        ("{{c1::outer {{c2::inner}}}}", ["outer {{c2::inner}}", "inner"]),
        ("{{c1::f{x}{y}}}", ["f{x}{y}"]), (r"{{c1::\}\} and \:\:}}", [r"\}\} and \:\:"]),
        ("{{c1::$\\frac{a}{b}}}$ }}", ["$\\frac{a}{b}}}$ "]), ("{{c1::`}}`}}", ["`}}`"]),
        ("`{{c1::code}}` ${{c2::x}}$", []), (r"\{{c1::literal}}", []), ("{{c1::never closed", []),
        ("{{cx::no number}} {c1::one brace}", []),
        (add_clozes("one two three", ((8, 13), (0, 3))), ["one", "three"]),
        (add_clozes("{{name}} is a word", ((12, 13),)), ["a"]),
    ],
)  # fmt: skip
def test_a_gap_ends_where_its_braces_balance_outside_code_and_maths(markdown, expected):
    assert [gap.answer for gap in find_clozes(markdown)] == expected


def test_a_gap_knows_its_numbers_its_hint_and_its_place():
    text = "x {{c2,7::answer::hint}} y"
    [gap] = find_clozes(text)
    assert (gap.numbers, gap.hint) == ((2, 7), "hint")
    assert (text[gap.start : gap.end], text[gap.answer_start :]) == (
        "{{c2,7::answer::hint}}",
        "answer::hint}} y",
    )


@pytest.mark.parametrize(
    ("markdown", "words"),
    [
        ("nothing", "no cloze"), ("a {{c1::b", "never closed"), ("{{c1:: }}", "empty"),
        ("{{c0::a}}", "1 to 500"), ("{{c501::a}}", "1 to 500"), ("{{c99999999999999999999::a}}", "1 to 500"),
        ("a {{c1::b::hint}} and {{c500::c {{c2::d}}}}", ""),
    ],
)  # fmt: skip
def test_what_is_malformed_is_named(markdown, words):
    named = list(find_cloze_problems(markdown))
    assert any(words in one for one in named) if words else named == []


HOSTILE_CLOZES = ("{{c1::" * 3000, "{{c1::a}}" * 2000, "}}" * 5000, "{{c1::$" * 2000)
SIGNS = (*"`$*_[<\\", "==", "{{c1::", "```\n", "[](", "`` ` ", "$$ $")
ENDS = ("1. ", ". → ", "A. ")


def test_hostile_and_long_texts_are_read_to_their_end():
    with no_hang():
        for hostile in HOSTILE_CLOZES:
            list(find_cloze_problems(hostile))
            reveal_answers(hostile)
        for sign in SIGNS:
            to_plain_text(sign * 1500)
            escape_markdown(sign * 1500)
        for end in ENDS:
            assert find_sentence_spans(end * 25_000)
        assert locate_text("not in it", "word and other words, " * 5_000) is None


@pytest.mark.parametrize(
    "read",
    [
        to_plain_text,
        escape_markdown,
        lambda text: list(find_cloze_problems(text)),
        find_sentence_spans,
    ],
)
@pytest.mark.parametrize("sign", [*SIGNS, *ENDS])
def test_the_steps_that_a_text_costs_grow_with_its_length(read, sign):
    half, whole = (
        steps(lambda length=length: read(sign * length)) for length in (1_000, 2_000)
    )
    assert whole < 2.5 * half


@pytest.mark.parametrize(
    ("label", "alt", "width"),
    [
        ("a cell|200", "a cell", "200"),
        ("a cell", "a cell", ""),
        ("", "", ""),
    ],
)
def test_the_label_of_a_picture_may_end_with_its_width(label, alt, width):
    assert parse_image_label(label) == (alt, width)


@pytest.mark.parametrize(
    ("words", "source", "at"),
    [
        ("two", "The networks have two layers", 18),
        ("two", "The networks", None),
        ("TWO", "two networks", 0),
        ("5", "15 or 5", 6),
        ("rat", "generation", None),
        ("サーバー", "このサーバーは", 2),
        ("서울", "서울이다", 0),
        ("", "any", None),
    ],
)
def test_words_are_not_located_within_others(words, source, at):
    span = find_whole_words(words, source)
    assert (span and span[0]) == at
