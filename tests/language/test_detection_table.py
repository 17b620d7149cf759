"""The script and the language of a text: rows."""

import pytest

from ankiforge.language.detection import (
    detect_language,
    detect_language_name,
    detect_script,
    detect_script_of_words,
)


@pytest.mark.parametrize(
    ("text", "script", "script_of_words"),
    [
        ("", "", ""),
        ("12 + 3", "", ""),
        ("abcdefghijk", "", "Latin"),  # a formula has as many letters in any language
        ("abcdefghijkl", "Latin", "Latin"),
        ("при", "", "Cyrillic"),
        ("прив", "Cyrillic", "Cyrillic"),
        ("привет abcd", "", "Cyrillic"),  # six letters of ten are not enough
        ("привет abc", "Cyrillic", "Cyrillic"),
        ("а b c d", "", "Latin"),
        ("αβγδ", "Greek", "Greek"),
        ("日本語だよ", "Chinese or Japanese", "Chinese or Japanese"),
        ("ｱｲｳｴ日", "", ""),
        ("ไทยไทย", "Thai", "Thai"),
        ("한국어다", "Korean", "Korean"),
        ("שלום", "Hebrew", "Hebrew"),
        ("سلام", "Arabic", "Arabic"),
        ("𓀀𓀀𓀀𓀀𓀀", "", ""),
        ("é" * 12, "Latin", "Latin"),
    ],
)
def test_the_script_of_most_letters(text, script, script_of_words):
    assert detect_script(text) == script
    assert detect_script_of_words(text) == script_of_words


def test_only_the_start_of_a_long_text_is_read():
    assert detect_script("привет " * 1000 + "abc " * 9000) == "Cyrillic"
    assert detect_language("xyzzy " * 100 + "the cell is the unit of life") == ""


@pytest.mark.parametrize(
    ("texts", "code"),
    [
        ([""], ""),
        (["the cell"], "en"),
        (["eine Zelle"], "de"),
        (["xyzzy", "eine Zelle", "the cell"], "de"),  # the first that is clear
        (["the der"], ""),
        # the names and years of a citation say nothing about its language
        (
            [
                "(Di Stefano et al. 2014; Felice et al. 2015; Chen et al. 2013).",
                "the cell",
            ],
            "en",
        ),
        (["Di Stefano et al. 2014", "the cell"], "en"),
        (["(cf. Müller und van der Berg, 2001, p. 12a)"], ""),
        (["(Die Zelle und 2001 der Kern)", "the cell"], "de"),
        (["Das Land der Franken 1999"], "de"),
        (["(Die Franken, und der König)", "the cell"], "de"),
        # by the words that tables know
        (["Der schwarze Tod kam schnell"], "de"),
        (["schwarze Tod kam"], ""),
        (["schwarze Tod kam schnell"], "de"),
        # letters of languages without tables
        (["Čeština the of"], ""),
        (["de het een van"], ""),
        (["дом и мир"], "ru"),
        (["дом the"], "en"),
        (["the город город"], "ru"),
        (["日本の"], "ja"),
        (["中国的城市"], "zh"),
        (["the 中"], "en"),
        (["x中"], "zh"),
        (["abc中"], ""),
    ],
)
def test_the_language_of_the_first_clear_text(texts, code):
    assert detect_language(*texts) == code


@pytest.mark.parametrize(
    ("text", "name"),
    [
        ("the of and", ""),
        ("the of and to", "English"),
        ("the of and to der die", ""),
        ("the of and to der", "English"),
        ("der’ the of and to l’x", "English"),
        ("the of and to " + "xyz " * 22, "English"),
        ("the of and to " + "xyz " * 23, ""),
        ("Eine Zelle ist eine Einheit des Lebens und der", "German"),
        ("de het een van die en", "Dutch"),
        ("", ""),
    ],
)
def test_a_language_is_certain_by_many_function_words(text, name):
    assert detect_language_name(text) == name
