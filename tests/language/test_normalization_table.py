"""Texts that are the same to the checks, however they are typed: rows."""

import pytest

from ankiforge.language.normalization import (
    iter_content_stems,
    iter_ideograph_pairs,
    normalize_phrases,
    normalize_words,
    remove_accents,
    remove_tex,
    split_words,
)


@pytest.mark.parametrize(
    ("typed", "plain"),
    [
        ("the cell’s wall", "the cell's wall"),
        ("the cell‘s wall", "the cell's wall"),
        ("a 5” pipe", 'a 5" pipe'),
        ("a “5“x3 pipe", 'a "5"x3 pipe'),
        ("x − 1", "x - 1"),
        ("pages 3–5", "pages 3-5"),
        ("pages 3—5", "pages 3-5"),
        ("x‐1", "x-1"),
        ("x‑1", "x-1"),
        ("Œdema", "oedema"),
        ("æther", "aether"),
    ],
)
def test_a_sign_of_typography_is_the_plain_one(typed, plain):
    assert normalize_words(typed) == normalize_words(plain)
    assert normalize_words(typed).isascii()


@pytest.mark.parametrize(
    ("tex", "plain"),
    [
        ("no TeX", "no TeX"),
        (r"\frac{a}{b}", "(a)/(b)"),
        (r"\dfrac{\sqrt{a}}{\mathrm{b}}", "(√(a))/(b)"),
        (r"\left(a\right)", " (a )"),
        (r"a \cdot b \times c", "a · b · c"),
        (r"a \le b \leq c \geq d \neq e", "a ≤ b ≤ c ≥ d ≠ e"),
        (r"\lVert x \rVert = \|x\|", "‖ x ‖ = ‖x‖"),
        (r"a \mid b", "a | b"),
        (r"\alpha \operatorname{sin}", "α sin"),
        (r"\unknown x", "unknown x"),
    ],
)
def test_tex_is_plain_text(tex, plain):
    assert remove_tex(tex) == plain


@pytest.mark.parametrize(
    ("text", "normal"),
    [
        ("Café NAÏVE", "cafe naive"),
        ("Straße", "strasse"),
        ("hyphen-\nated and soft\u00adhyphen", "hyphenated and softhyphen"),
        ("well-known", "wellknown"),
        ("x - 1", "x-1"),
        ("a = b + c", "a=b+c"),
        ("f(x)_1^{2}", "f x 1 2"),
        ("x² and H₂O", "x 2 and h 2o"),
        # numbers
        ("World War II", "world war 2"),
        ("twenty-one men", "21 men"),
        ("zwei Zellen", "2 zellen"),
        ("one man once, eins und acht", "one man once eins und acht"),
        ("1,231 and 1,23", "1231 and 1,23"),
        ("299 792 458 m", "299792458 m"),
        ("in 120 200 died", "in 120 200 died"),
        ("(0, 0) and (1,231)", "0 0 and 1 231"),
        # signs around a word
        ("“Oui”, dit-il… ¿Qué?", "oui ditil que"),
        ("end. next; (x)!", "end next x"),
        ("it's", "it's"),
    ],
)
def test_the_normal_form_of_a_text(text, normal):
    assert normalize_words(text) == normal


@pytest.mark.parametrize(
    ("text", "normal"),
    [
        ("the First World War", "the world war 1"),
        ("the 1st world war", "the world war 1"),
        ("World War II", "world war 2"),
        ("der Erste Weltkrieg", "der 1 weltkrieg"),
        ("im zweiten Weltkrieg", "im 2 weltkrieg"),
        ("it took place in the United States of America", "it occur in the us"),
        ("the USA", "the us"),
        ("Great Britain is the United Kingdom", "uk is the uk"),
        ("due to it, because of it", "cause it cause it"),
        ("5.0 and 5.01", "5 and 5.01"),
        ("1814–15", "1814-1815"),
        ("pages 14–15", "pages 14-15"),
    ],
)
def test_a_phrase_has_one_spelling(text, normal):
    assert normalize_phrases(text) == normal


@pytest.mark.parametrize(
    ("form", "words", "stems"),
    [
        ("the cells divide", ["the", "cells", "divide"], ["cel", "divid"]),
        ("rapidly and slowly", ["rapidly", "and", "slowly"], ["rapid", "slowly"]),
        ("only early", ["only", "early"], ["early"]),
        ("what is atp-x", ["what", "is", "atp", "x"], ["atp", "x"]),
        (
            "細胞はエネルギーを作る",
            [*"細胞", "は", "エネルギー", "を", "作", "る"],
            [*"細胞", "エネルギー", "作"],
        ),
        ("größe 3", ["größe", "3"], ["größ", "3"]),
        ("", [], []),
    ],
)
def test_the_words_of_a_normal_form_and_the_stems_of_its_content(form, words, stems):
    assert split_words(form) == words
    assert [*iter_content_stems(form)] == stems


@pytest.mark.parametrize(
    ("form", "pairs"),
    [
        ("細胞核 と 水", ["細胞", "胞核"]),
        ("水", []),
        ("cells", []),
        ("光合作用", ["光合", "合作", "作用"]),
    ],
)
def test_ideographs_are_found_in_pairs(form, pairs):
    assert [*iter_ideograph_pairs(form)] == pairs


@pytest.mark.parametrize(
    ("text", "plain"), [("é ﬁ ½", "e fi 1⁄2"), ("で", "て"), ("a", "a")]
)
def test_accents_are_taken_off(text, plain):
    assert remove_accents(text) == plain
