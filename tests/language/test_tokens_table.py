"""The kinds of words: a row for what is a part of code or of a formula, and may not be hidden."""

import pytest

from ankiforge.language.detection import detect_language
from ankiforge.language.lexicon import load_language
from ankiforge.language.tokens import TokenKind, tokenize

ENGLISH = load_language("en")


@pytest.mark.parametrize(
    ("text", "word", "kind"),
    [
        ("the { set of cells } is open", "cells", TokenKind.UNSAFE),  # between braces
        ("the { set of cells } has walls", "walls", TokenKind.NOUN),  # behind them
        (
            "the { set { of } cells } has walls",
            "cells",
            TokenKind.UNSAFE,
        ),  # within one of two
        ("the \\alpha of cells", "alpha", TokenKind.UNSAFE),
        ("the x_cells of it", "x_cells", TokenKind.UNSAFE),
        ("the cells of it", "cells", TokenKind.NOUN),
        ("the `cells` of it", "`cells`", TokenKind.CODE_OR_FORMULA),
        ("the $x$ of it", "$x$", TokenKind.CODE_OR_FORMULA),
        ("the WHO of it", "WHO", TokenKind.NAME),
        ("the 42 of it", "42", TokenKind.NUMBER),
        ("the walls of it", "of", TokenKind.FUNCTION_WORD),
        ("the cell.", ".", TokenKind.SIGN),
    ],
)
def test_the_kind_of_a_word(text, word, kind):
    [found] = {token.kind for token in tokenize(text, ENGLISH) if token.text == word}
    assert found == kind


@pytest.mark.parametrize(
    ("word", "word_class"),
    [
        ("membrane", "n"),
        ("separates", "v"),
        # by their endings
        ("glorbical", "a"),
        ("glorbly", "r"),
        ("glorbize", "v"),
        ("glorbes", "n"),
    ],
)
def test_the_class_of_a_word(word, word_class):
    assert ENGLISH.look_up_word(word)[0] == word_class


CHINESE = load_language("zh")


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("光合作用发生在叶绿体中", "光合作用 发生 在 叶绿体 中"),
        (
            "光合作用發生在葉綠體中",
            "光合作用 發生 在 葉綠體 中",
        ),  # traditional characters
        ("亚历山大·弗莱明于1928年", "亚历山大·弗莱明 于 1928年"),
        ("公元前9500年到20世纪60年代", "公元前9500年 到 20世纪60年代"),
        ("约5000万人", "约 5000万人"),
        ("尼安德特人的细胞核", "尼安德特人 的 细胞核"),
        ("水的化学式是H2O", "水 的 化学式 是 H2O"),
    ],
)
def test_the_words_of_chinese(text, words):
    assert [token.text for token in tokenize(text, CHINESE)] == words.split()


@pytest.mark.parametrize(
    ("text", "word", "kind"),
    [
        ("酶参与生物的进化过程", "进化", TokenKind.NOUN),  # behind `的`
        ("生物进化了", "进化", TokenKind.VERB),
        ("工业革命改变了世界", "改变", TokenKind.VERB),
        ("他不研究细胞", "研究", TokenKind.VERB),
        ("弗莱明发现青霉素", "弗莱明", TokenKind.NAME),
        ("青霉素由人发现", "由", TokenKind.FUNCTION_WORD),
    ],
)
def test_the_kind_of_a_chinese_word(text, word, kind):
    [found] = {token.kind for token in tokenize(text, CHINESE) if token.text == word}
    assert found == kind


@pytest.mark.parametrize(
    ("text", "name"),
    [
        ("线粒体产生能量", "zh"),
        ("細胞のエネルギー", "ja"),
        ("微積分の「の」", "ja"),
        ("日语里的假名の是助词，用来连接两个名词", "zh"),
        ("La peste noire tua environ un tiers de la population", "fr"),
        ("La inflación reduce el poder adquisitivo del dinero", "es"),
        ("lorem ipsum dolor sit amet", ""),
    ],
)
def test_the_language_of_a_text(text, name):
    assert detect_language(text) == name
