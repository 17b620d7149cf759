"""`tools.language` counts names and docstrings as CONTRIBUTING asks for them."""

from pathlib import Path

import pytest

from tools import language


@pytest.mark.parametrize(
    ("name", "kind"),
    [
        ("parse_quote", "verb"),
        ("_merge_citations", "verb"),
        ("to_html", "verb"),
        ("as_json", "verb"),
        ("read", "verb"),  # as a participle it is the same word
        ("is_live", "predicate"),
        ("tags", "noun"),
        ("feed", "noun"),
        ("page_count", "noun"),
        ("checked", "participle"),
        ("_edited_cards", "participle"),
        ("known", "participle"),
        ("with_translations", "preposition"),
        ("_of_gap", "preposition"),
        ("state_of", "of"),
        ("words_in", "of"),
        ("at", "preposition"),
    ],
)
def test_a_name_is_counted_by_how_it_begins_or_ends(name, kind):
    assert language.classify_name(name) == kind


@pytest.mark.parametrize(
    ("docstring", "habits"),
    [
        ("Return the cached library, or None.", []),
        ("A comment is no card.", ["is no"]),
        ("The passage is no longer in its source.", []),
        ("Return None if there is no pile.", []),
        ("Return what was kept.", ["what is"]),
        ("Yield those that wait.", ["those that"]),
        ("Compare a text with its own.", ["its alone"]),
        ("Compare a text with its source.", []),
        ("Strip blanks and `is no`.", ["blanks"]),
        ("The share of letters, and how sure it is.", ["share of", "sure"]),
        ("Ensure that it was taken back.", ["taken back"]),
        ("The comment stands in a list.", ["stands"]),
        ("A sentence that stands alone.", []),
        ("Return the words of a title.", ["the words of"]),
    ],
)
def test_a_docstring_is_counted_by_its_habits(docstring, habits):
    assert language.find_habits(docstring) == habits


def test_the_table_counts_by_package_and_the_places_have_lines(tmp_path: Path):
    (tmp_path / "text").mkdir()
    (tmp_path / "text" / "a.py").write_text(
        '"""Keys."""\n\n\ndef joined():\n    """What is joined."""\n\n\ndef join(): ...\n'
    )
    (tmp_path / "top.py").write_text("class Card:\n    def __init__(self): ...\n")
    places = language.scan(tmp_path)
    assert [(place.line, place.label) for place in places] == [
        (4, "participle"),
        (4, "what is"),
        (8, "verb"),
    ]
    rows = {
        line.split()[0]: line.split()[1:]
        for line in language.format_table(places).splitlines()
    }
    assert rows["text"][:7] == ["1", "0", "0", "1", "0", "0", "0"]
    assert rows["all"] == rows["text"]
    assert rows["per"][1:] == ["50", "0", "0", "50", "0", "0"]
