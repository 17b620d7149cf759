"""The kinds of words: a row for what is a part of code or of a formula, and may not be hidden."""

import pytest

from ankiforge.language.detection import detect_language
from ankiforge.language.lexicon import load_language
from ankiforge.language.tokens import TokenKind, is_verb, tokenize

ENGLISH = load_language("en")


@pytest.mark.parametrize(
    ("text", "word", "kind"),
    [
        ("the { set of cells } has walls", "walls", TokenKind.NOUN),  # behind them
        ("the \\alpha of cells", "alpha", TokenKind.UNSAFE),
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
        ("约5000万人", "约 5000万人"),
        ("水的化学式是H2O", "水 的 化学式 是 H2O"),
    ],
)
def test_the_words_of_chinese(text, words):
    assert [token.text for token in tokenize(text, CHINESE)] == words.split()


@pytest.mark.parametrize(
    ("text", "word", "kind"),
    [
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


SIGNS = dict(
    zip(
        (
            *(TokenKind.SIGN, TokenKind.FUNCTION_WORD, TokenKind.NOUN, TokenKind.VERB),
            *(TokenKind.ADJECTIVE, TokenKind.ADVERB, TokenKind.NAME, TokenKind.NUMBER),
            *(TokenKind.CODE_OR_FORMULA, TokenKind.UNSAFE),
        ),
        ".fNVARP#cx",
        strict=True,
    )
)
"""A letter for each kind: sign, function word, noun, verb, adjective, adverb, proper name, number,
code, and what is unsafe."""
SENTENCES = [
    (
        "en",
        "Collective bargaining raises wages",
        "Collective_A bargaining_V raises_V wages_N",
    ),
    (
        "en",
        "He said that Marie Curie discovered radium in 1898.",
        "He_f said_V that_f Marie_P Curie_P discovered_V radium_N in_f 1898_# ._.",
    ),
    ("en", "It isn't so: Who asks?", "It_f isn't_V so_f :_. Who_f asks_V ?_."),
    ("en", "The WHO said so", "The_f WHO_P said_V so_f"),
    ("en", "THE WHO SAID SO", "THE_f WHO_f SAID_P SO_f"),
    (
        "en",
        "Use https://a.org/x and $x^2$ now",
        "Use_V https://a.org/x_c and_f $x^2$_c now_R",
    ),
    (
        "en",
        "the U.S and Node.js in revolution.9",
        "the_f U.S_P and_f Node.js_P in_f revolution_N ._. 9_#",
    ),
    (
        "en",
        "the 19th century, 3,000 km and 20 °C",
        "the_f 19th_# century_N ,_. 3,000_# km_N and_f 20 °C_#",
    ),
    ("en", "dogs’ tails and C++", "dogs’_N tails_N and_f C++_P"),
    ("en", "the cells divide rapidly", "the_f cells_N divide_V rapidly_R"),
    ("en", "cells called neurons", "cells_N called_V neurons_N"),
    ("en", "the big red cell", "the_f big_A red_A cell_N"),
    ("en", "the cell wall and the cell", "the_f cell_N wall_N and_f the_f cell_N"),
    (
        "en",
        "a list:\n\n- one **two** ==three==",
        "a_f list_N :_. //_. -_. one_f **_. two_# **_. ==_. three_# ==_.",
    ),
    (
        "de",
        "Die kleine Zelle teilt sich schnell.",
        "Die_f kleine_A Zelle_N teilt_V sich_f schnell_A ._.",
    ),
    ("de", "das laufende Wasser", "das_f laufende_A Wasser_N"),
    ("de", "Der Kern enthält DNA.", "Der_f Kern_N enthält_V DNA_N ._."),
    ("de", "sie ist rot", "sie_f ist_f rot_A"),
    ("fr", "La peste noire", "La_f peste_N noire_A"),
    (
        "fr",
        "Elle fut découverte en 1898 par Marie Curie.",
        "Elle_f fut_f découverte_N en_f 1898_# par_f Marie_P Curie_P ._.",
    ),
    ("fr", "qu’une cellule", "qu’_f une_f cellule_N"),
    ("es", "una célula pequeña", "una_f célula_N pequeña_A"),
    ("it", "dell’acqua fredda", "dell’_f acqua_N fredda_A"),
    ("ru", "В 1-й клетке есть ядро.", "В_f 1-й_# клетке_N есть_f ядро_N ._."),
    (
        "ja",
        "細胞のエネルギーは水である。1869年にDNA",
        "細胞_P の_f エネルギー_P は_f 水_R である_f 。_. 1869_# 年_R に_f DNA_P",
    ),
    (
        "zh",
        "约90%以上的水在1928年12月3日",
        "约_R 90%_# 以上_f 的_f 水_N 在_f 1928年12月3日_#",
    ),
]


@pytest.mark.parametrize(("language", "text", "words"), SENTENCES)
def test_every_word_of_a_sentence_has_its_kind(language, text, words):
    tokens = tokenize(text, load_language(language))
    assert (
        " ".join(
            f"{token.text}_{SIGNS[token.kind]}".replace("\n", "/") for token in tokens
        )
        == words
    )
    assert [text[token.start : token.end] for token in tokens] == [
        token.text for token in tokens
    ]


@pytest.mark.parametrize(
    ("language", "word", "zipf"),
    [
        ("en", "cells", 4.8),
        ("en", "glorbical", 2.6),
        ("en", "42", 3.5),
        ("en", "$x$", 3.0),
        ("en", "seven", 4.0),
        ("ja", "細胞", 4.5),
        ("ja", "ミトコンドリア", 3.0),
        ("zh", "DNA", 3.5),
    ],
)
def test_a_word_has_a_frequency(language, word, zipf):
    [token] = tokenize(word, load_language(language))
    assert token.zipf == zipf


def test_the_verbs_of_a_language_are_also_its_auxiliaries():
    tokens = tokenize("it discovered and is", ENGLISH)
    assert [is_verb(token, ENGLISH) for token in tokens] == [False, True, False, True]
