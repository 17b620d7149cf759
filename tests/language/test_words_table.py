"""Words, stems, opposites and synonyms, by which texts are compared: rows."""

import pytest

from ankiforge.language.words import (
    begins_like_clause,
    contains_phrase,
    count_words,
    find_antonyms,
    find_content_words,
    find_stems,
    find_word_prefixes,
    get_word_prefix,
    is_lead_in,
    load_opposites,
    load_synonyms,
    split_words,
    stem_word,
)


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("C++ and C#, the dog's 3rd", "c++ and c# the dog's 3rd"),
        ("snake_case", "snake case"),
        ("Ｆ１ ﬁne", "f1 fine"),
        ("Öl im Café++", "öl im café++"),
        ("x’y", "x’y"),
        ("日本です go", "日 本 で す go"),
    ],
)
def test_the_words_of_a_text(text, words):
    assert split_words(text) == words.split()


@pytest.mark.parametrize(
    ("text", "words", "stems"),
    [
        ("What are the Cells of it?", ["cells"], {"cel"}),
        (
            "why mitochondria divide",
            ["mitochondria", "divide"],
            {"mitochondrion", "divid"},
        ),
        ("die Zelle und der Kern", ["zelle", "kern"], {"zel", "kern"}),
        ("of the", [], set()),
    ],
)
def test_stop_words_and_question_words_are_no_content(text, words, stems):
    assert find_content_words(text) == words
    assert find_stems(text) == stems


@pytest.mark.parametrize(
    ("phrase", "leads_in", "begins_clause"),
    [
        ("Case 1:", True, False),
        ("Example 2.3", True, False),
        ("Note IV", True, False),
        ("**Case 1**", True, False),
        ("Definition", True, False),
        ("Case 1 Study", False, False),
        ("Case1", False, False),
        ("Photosynthesis", False, False),
        ("As an example", True, True),
        ("“For instance, the cell", True, True),
        ("for another example", True, True),
        ("note that it", True, True),
        ("Note thatch", False, False),
        ("In other words", True, True),
        ("e.g. x", True, True),
        ("zum Beispiel", True, True),
        ("par exemple", True, True),
        ("por ejemplo", True, True),
        ("the example", False, False),
    ],
)
def test_a_lead_in_is_no_term(phrase, leads_in, begins_clause):
    assert is_lead_in(phrase) is leads_in
    assert begins_like_clause(phrase) is begins_clause


@pytest.mark.parametrize(
    ("text", "phrase", "exact", "is_contained"),
    [
        ("the cells divide", "cell", False, True),
        ("two boxes", "box", False, True),
        ("it celled", "cell", False, False),
        ("subcell", "cell", False, False),
        ("The Cell", "cell", False, True),
        ("the cell", "Cell", False, True),
        ("The Cell", "cell", True, False),
        ("The Cell", "Cell", True, True),
        ("a.b", "a.b", False, True),
        ("a.b axb", "a*b", False, False),
        ("a cell wall", "cell wall", False, True),
    ],
)
def test_a_phrase_is_contained_whole_or_in_the_plural(text, phrase, exact, is_contained):
    assert contains_phrase(text, phrase, exact=exact) is is_contained


@pytest.mark.parametrize(
    ("text", "count"),
    [("a b-c d", 3), ("", 0), ("é b", 2), ("日", 1), ("日本", 1), ("東京都 is big", 4)],
)
def test_two_ideographs_count_as_a_word(text, count):
    assert count_words(text) == count


@pytest.mark.parametrize(
    ("word", "stem"),
    [
        # British and American spelling
        ("colours", "color"),
        ("our", "our"),
        ("hour", "hour"),
        ("favoured", "favor"),
        ("behaviour", "behavior"),
        ("centres", "center"),
        ("fibre", "fiber"),
        ("are", "are"),
        ("dialogues", "dialog"),
        ("foetus", "fetus"),
        ("haemoglobin", "hemoglobin"),
        ("organisation", "organiz"),
        ("analyse", "analiz"),
        ("rise", "ris"),
        # endings
        ("relations", "relat"),
        ("cities", "city"),
        ("classes", "class"),
        ("repeatedly", "repeat"),
        ("natural", "natur"),
        ("cells", "cel"),
        ("needs", "need"),
        ("hoping", "hop"),
        ("hopped", "hop"),
        ("adding", "add"),
        ("padding", "pad"),
        ("adds", "add"),
        # no endings
        ("class", "class"),
        ("bus", "bus"),
        ("analysis", "analysis"),
        ("bias", "bias"),
        ("gas", "gas"),
        ("king", "king"),
        ("free", "fre"),
        ("agree", "agre"),
        # irregular
        ("mice", "mous"),
        ("began", "begin"),
        # no words
        ("c++", "c++"),
        ("covid19s", "covid19s"),
    ],
)
def test_the_stem_of_a_word(word, stem):
    assert stem_word(word) == stem


@pytest.mark.parametrize(
    ("word", "prefix"),
    [
        ("cells", "cell"),
        ("cell", "cell"),
        ("gases", "gase"),
        ("cellular", "cellu"),
        ("dog's", "dog"),
        ("dog’s", "dog"),
        ("c++", "c"),
        ("1815s", "1815s"),
        ("123456", "123456"),
    ],
)
def test_the_letters_that_all_forms_of_a_word_share(word, prefix):
    assert get_word_prefix(word) == prefix
    assert find_word_prefixes(f"the {word}") == {"the", prefix}


@pytest.mark.parametrize(
    ("word", "opposite", "is_opposite"),
    [
        ("increase", "decreas", True),
        ("decrease", "increas", True),
        ("increase", "rais", False),
        ("first", "third", True),
        ("third", "first", True),
        ("first", "first", False),
        ("best", "averag", True),
        ("worst", "averag", True),
        ("best", "worst", True),
        ("cell", "cel", False),
    ],
)
def test_opposites_by_the_stems_of_base_forms(word, opposite, is_opposite):
    opposites = load_opposites()
    assert (opposite in opposites.get(stem_word(word), ())) is is_opposite


@pytest.mark.parametrize(
    ("word", "antonyms", "others"),
    [
        ("increased", "decreased decreas falls fal", "increased rais"),
        ("gains", "loses lose los", "gains"),
        ("first", "third fifth", "first"),
        ("hot", "cold cool", "hot warm"),
        ("up", "", "down"),
        ("cell", "", "cell"),
    ],
)
def test_antonyms_are_words_of_sentences_and_stems(word, antonyms, others):
    found = find_antonyms(word)
    assert found >= set(antonyms.split())
    assert found.isdisjoint(others.split())
    assert bool(found) is bool(antonyms)


def test_the_forms_in_sentences_are_kept_as_words_and_as_stems():
    assert load_opposites(stemmed=False)["gains"] == {"lose", "los", "loses"}
    assert load_opposites(stemmed=False)["gain"] == {"lose", "los", "loses"}
    assert "gains" not in load_opposites()


def test_synonyms_share_a_line():
    assert load_synonyms()["begin"] >= {"begin", "start", "commenc", "onset"}
    assert load_synonyms()["start"] == load_synonyms()["commenc"]
    assert "finish" not in load_synonyms()["begin"]
