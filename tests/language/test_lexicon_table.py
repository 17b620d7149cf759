"""Word lists, classes of words, and the cues in a sentence: rows."""

import pytest

from ankiforge.language.lexicon import (
    UNKNOWN_WORD_ZIPF,
    build_section_pattern,
    load_language,
    read_labels_by_word,
    read_section,
    read_table,
    read_weights,
    read_word_set,
)

ENGLISH, GERMAN, FRENCH = map(load_language, ("en", "de", "fr"))


def test_a_table_has_sections_of_labels_with_words(tmp_path):
    path = tmp_path / "table.txt"
    path.write_text(
        "# a comment\n\n[first]\nen: one two\n    three\nde: eins\n\n[second]\n# more\n"
        "en: four\nen: five\nsix\n    x:y\n"
    )
    assert read_table(path) == {
        "first": {"en": ("one", "two", "three"), "de": ("eins",)},
        "second": {"en": ("four", "five", "six", "x:y")},
    }


def test_a_feature_has_a_weight_on_its_line(tmp_path):
    path = tmp_path / "weights.txt"
    path.write_text("# a comment\n\nlength -0.5\nverb 2\n")
    assert read_weights(path) == {"length": -0.5, "verb": 2.0}


def test_the_words_of_a_section_by_label_or_of_all():
    section = read_section("numbers", "irregular")
    assert section["begin"] == ("began", "begun")
    labels = read_labels_by_word("numbers", "irregular")
    assert (labels["began"], labels["begun"], labels.get("begin")) == (
        "begin",
        "begin",
        None,
    )
    assert read_word_set("numbers", "irregular", "begin") == {"began", "begun"}
    assert read_word_set("numbers", "irregular", "no such") == set()
    assert read_word_set("numbers", "irregular") >= {"began", "wrote"}
    alternatives = build_section_pattern("meaning", "prepositions").split("|")
    assert {"in", "out"} <= set(alternatives)
    assert all("_" not in each and each for each in alternatives)


@pytest.mark.parametrize(
    ("language", "word", "folded"),
    [
        (ENGLISH, "Cell", "cell"),
        (ENGLISH, "Darwin's", "darwin"),
        (ENGLISH, "Darwin’s", "darwin"),
        (ENGLISH, "O'Neill", "o'neill"),
        (GERMAN, "Geht's", "geht"),
        (FRENCH, "L’eau", "l'eau"),
        (FRENCH, "l's", "l's"),
    ],
)
def test_a_word_without_case_and_possession(language, word, folded):
    assert language.casefold_word(word) == folded


@pytest.mark.parametrize(
    ("word", "word_class"),
    [
        ("cities", "n"),
        ("studies", "b"),
        ("makes", "v"),
        ("quickly", "r"),
        ("sings", "v"),
        # inflected forms that no list has, of verbs that are listed
        ("centring", "v"),
        ("controling", "v"),
        ("distanced", "d"),
        ("meaned", "d"),
        ("hurries", "b"),
        ("workes", "v"),
        ("guesss", "b"),
        # their stems are too short or no verbs
        ("bing", "n"),
        ("glorbies", "n"),
        ("repolarizes", "n"),
        ("photolyzed", "d"),
    ],
)
def test_a_word_has_a_class(word, word_class):
    assert ENGLISH.look_up_word(word)[0] == word_class


def test_a_word_that_no_list_has_gets_a_frequency():
    assert ENGLISH.get_frequency("glorbical") is None
    assert ENGLISH.look_up_word("glorbical") == ("a", UNKNOWN_WORD_ZIPF)
    assert ENGLISH.look_up_word("study")[1] == ENGLISH.get_frequency("study") > 4


@pytest.mark.parametrize(
    ("language", "sentence", "cues"),
    [
        (ENGLISH, "xylem is called wood", ["called: called"]),
        (ENGLISH, "xylem known as wood", ["called: known as"]),
        (ENGLISH, "wood is known", []),  # the sentence ends within the cue
        (ENGLISH, "known to be as wood", []),
        (
            ENGLISH,
            "xylem refers to wood because of water",
            ["means: refers to", "cause: because"],
        ),
        (GERMAN, "die sogenannten zellen", ["called: sogenannten"]),
        (GERMAN, "so genannte zellen", ["called: so genannte", "leans: so"]),
        (FRENCH, "le xylème est l' eau", ["means: est l'"]),
        (FRENCH, "xylème est l eau", []),
        (load_language(""), "xylem is called wood", []),
    ],
)
def test_the_cues_of_a_sentence(language, sentence, cues):
    words = sentence.split()
    found = language.cues.find_cues(words)
    assert [
        f"{cue.section}: {' '.join(words[cue.first : cue.end])}" for cue in found
    ] == cues
    assert language.cues.find_cues(words) == found  # what is looked up is cached


def test_the_tables_of_an_unknown_language_are_empty():
    unknown = load_language("")
    assert (unknown.known_words, unknown.function_words) == (set(), set())
    assert unknown.look_up_word("cells") == ("n", UNKNOWN_WORD_ZIPF)


def test_the_tables_of_a_language_hold_the_lists_of_its_files():
    assert ENGLISH.known_words >= {"the", "study", "quickly"}
    assert {"the", "of"} <= ENGLISH.function_words
    assert "called" in ENGLISH.cue_verbs
    assert "is" in ENGLISH.auxiliaries | ENGLISH.copulas
    chinese = load_language("zh")
    assert chinese.simplified_by_code[ord("學")] == "学"
    assert chinese.determiners | chinese.copulas <= chinese.function_words
    assert chinese.known_words >= chinese.function_words
