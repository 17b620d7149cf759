"""Which notes at marked words are translations, and which are tags, names or remarks."""

from __future__ import annotations

import pytest

from ankiforge.language.vocabulary import get_highlighted_term, mark_translated_words
from ankiforge.model import (
    WORD_AND_TRANSLATION,
    Document,
    DocumentKey,
    Highlight,
    HighlightKind,
)

ENGLISH = "The results are robust to the choice of threshold, and the data are sizable."
GERMAN = (
    "Die Ergebnisse hängen nicht von der Wahl der Schwelle ab, was sie belastbar macht."
)
RUSSIAN = "Это было самое крупное из всех событий, о которых он когда-либо писал."
JAPANESE = "彼は森の中を彷徨う人々について書いた。これは隘路である。"


def mark(exact: str, comment: str = "", **changes: object) -> Highlight:
    document = Document(DocumentKey("export:e/0"), "e", "A book")
    kind = HighlightKind.HIGHLIGHT
    return Highlight(document, "export:e", kind, exact, comment=comment, **changes)  # type: ignore[arg-type]


def translated(text: str, *pairs: tuple[str, str]) -> list[str]:
    """Return the marked words of a document that have their translation."""
    marks = [mark(word, comment) for word, comment in pairs]
    return [
        each.exact
        for each in mark_translated_words([mark(text), *marks])
        if each.line_syntax == WORD_AND_TRANSLATION
    ]


@pytest.mark.parametrize(
    ("marked", "term"),
    [
        ("confinement,", "confinement"),
        ("jeopardising. ", "jeopardising"),
        ("药动学）：", "药动学"),
        ("(confine", "confine"),
        ("don't", "don't"),
        ("attacker. Beyond", None),
        ("the choice of a threshold", None),
    ],
)
def test_the_signs_beside_a_word_are_not_part_of_it(marked, term):
    assert get_highlighted_term(mark(marked)) == term


@pytest.mark.parametrize(
    ("text", "word", "note"),
    [
        (ENGLISH, "robust", "稳健的"),
        (ENGLISH, "robust", "[rəʊˈbʌst] adj. 稳健的；坚固的；结实的"),
        (ENGLISH, "robust", "n. 瓶颈"),
        (ENGLISH, "robust", "надёжный, устойчивый"),
        (ENGLISH, "robust", "강건한"),
        (ENGLISH, "the choice of threshold", "выбор порога"),
        (RUSSIAN, "крупное", "large"),
        (JAPANESE, "隘路", "bottleneck"),
        (JAPANESE, "彷徨う", "さまよう"),
        (JAPANESE, "隘路", "【あいろ】"),
        (JAPANESE, "隘路", "あいろ bottleneck"),
        (ENGLISH, "sizable", "beträchtlich"),
        (ENGLISH, "robust", "robuste, résistant à"),
        (ENGLISH, "threshold", "1. das Ergebnis 2. der Beginn"),
        (ENGLISH, "results", "die Ergebnisse"),
        (GERMAN, "Schwelle", "the threshold"),
        (GERMAN, "Wahl", "elección"),
    ],
)  # fmt: skip
def test_a_note_in_another_script_or_language_translates_the_word(text, word, note):
    assert translated(text, (word, note)) == [word]


@pytest.mark.parametrize(
    ("text", "word", "note"),
    [
        (ENGLISH, "robust", ""),
        (ENGLISH, "robust", "important"),
        (ENGLISH, "robust", "strong, not easily broken"),
        (ENGLISH, "robust", "Kahneman"),
        (ENGLISH, "robust", "stoicism"),
        (ENGLISH, "robust", "cf. Taleb 2012"),
        (ENGLISH, "robust", "#稳健"),
        (ENGLISH, "robust", "稳健？"),
        (ENGLISH, "robust", "c: 稳健的"),
        (ENGLISH, "robust", "https://例.jp"),
        (ENGLISH, "robust", "Robust"),
        (ENGLISH, "x", "未知数"),
        (ENGLISH, ENGLISH, "结果对阈值不敏感"),
        (ENGLISH, "robust", "作者在这里的意思是说结果不依赖于阈值的选择"),
        (ENGLISH, "robust", "das heißt wohl, dass es von der Schwelle gar nicht abhängt"),
        (GERMAN, "Schwelle", "Schwellenwert für Größen"),
        (GERMAN, "belastbar", "größer als ich dachte"),
        (JAPANESE, "隘路", "狭い道"),
        (JAPANESE, "さまよう", "あるく"),
    ],
)  # fmt: skip
def test_a_tag_a_name_a_remark_and_a_definition_are_no_translation(text, word, note):
    assert translated(text, (word, note)) == []


def test_beside_translations_a_note_that_might_be_one_is_one():
    sure = (("sizable", "beträchtlich"), ("reliable", "zuverlässig"))
    assert translated(ENGLISH, *sure, ("bottleneck", "Engpass"))[-1] == "bottleneck"
    assert translated(ENGLISH, sure[0], ("bottleneck", "Engpass")) == ["sizable"]
    here = (("robust", "strong"), ("threshold", "limit"))
    assert "bottleneck" not in translated(
        ENGLISH, *sure, *here, ("bottleneck", "Engpass")
    )


def test_the_language_of_words_alone_is_that_which_knows_most_of_them():
    words = [mark(word, note) for word, note in
             (("sizable", "beträchtlich"), ("reliable", "zuverlässig"), ("bottleneck", "Engpass"))]  # fmt: skip
    found = mark_translated_words(words)
    assert [bool(each.line_syntax) for each in found] == [True, True, True]
    assert not mark_translated_words([mark("xyzzy", "beträchtlich")])[0].line_syntax


def test_a_note_at_three_different_words_is_a_tag():
    tag = [(word, "重要") for word in ("robust", "Robust", "threshold")]
    assert translated(ENGLISH, *tag) == ["robust", "Robust", "threshold"]
    assert translated(ENGLISH, *tag, ("choice", "重要"), ("data", "数据")) == ["data"]


@pytest.mark.parametrize(
    "changes",
    [
        {"comment_is_instruction": False},
        {"skip_reason": "a heading"},
        {"line_syntax": "a :: b"},
        {"kind": HighlightKind.STRIKE},
        {"gaps": ((0, 3),)},
    ],
)
def test_only_a_plain_mark_with_ones_own_note_is_vocabulary(changes):
    changes = {"kind": HighlightKind.HIGHLIGHT, **changes}
    document = mark("").document
    each = Highlight(document, "export:e", exact="robust", comment="稳健的", **changes)
    assert mark_translated_words([each]) == (each,)


def test_a_word_without_a_sentence_gets_that_of_another_mark():
    before = f"A first sentence. {ENGLISH} A last one."
    robust, own, away = mark_translated_words(
        [
            mark("robust", "稳健的"),
            mark("sizable", "可观", sentence="Its own is sizable."),
            mark("bottleneck", "瓶颈"),
            mark(before),
        ]
    )[:3]
    assert robust.sentence == ENGLISH
    assert own.sentence == "Its own is sizable."
    assert away.sentence == ""


@pytest.mark.parametrize(
    ("exact", "term"),
    [
        ("robust,", "robust"),
        ("“robust to it”", "robust to it"),
        ("a choice of five words", None),
        ("It is. So", None),
        ("Go!", "Go"),
        ("两个字", "两个字"),
        ("结果对阈值不敏感的", None),
        ("α", None),
        ("光", "光"),
        ("one\ntwo", None),
        ("42", None),
    ],
)
def test_a_term_is_a_word_or_a_short_phrase(exact, term):
    assert get_highlighted_term(mark(exact)) == term
