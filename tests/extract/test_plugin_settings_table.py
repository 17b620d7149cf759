"""What the settings of flashcard plug-ins say about the cards of a note, row by row."""

import json
from pathlib import Path
from typing import Any

import pytest

from ankiforge.extract.markdown.hand_written import CardSyntax
from ankiforge.extract.markdown.plugins import (
    PLUGIN_BY_DIALECT,
    PluginSyntaxes,
    read_enabled_plugins,
    read_plugin_syntaxes,
)
from ankiforge.extract.markdown.syntaxes import FieldKeywords


def read(vault: Path, **settings: dict[str, Any]) -> PluginSyntaxes:
    """The syntaxes of the plug-ins with these settings."""
    for name, values in settings.items():
        folder = vault / ".obsidian/plugins" / PLUGIN_BY_DIALECT[name]
        folder.mkdir(parents=True)
        (folder / "data.json").write_text(json.dumps(values))
    syntaxes, problems = read_plugin_syntaxes(vault, tuple(settings))
    assert problems == []
    return syntaxes


OSR = CardSyntax(
    block_separators={"??": True, "?": False},
    cloze_markers=frozenset(["=="]),
    is_declared=True,
    deck_tags=("flashcards",),
)


@pytest.mark.parametrize(
    ("settings", "text", "tags", "syntax"),
    [
        # which notes it reads
        ({}, "x #flashcards y", (), OSR),
        ({}, "#Flashcards/a", (), OSR),
        ({}, "x", ("flashcards",), OSR),
        ({}, "x", ("Flashcards/a",), OSR._replace(default_deck="Flashcards::a")),
        ({}, "x", (), None),
        ({}, "#flashcards-x a#flashcards", (), None),
        ({"flashcardTags": ["", "#A/B", "c "]}, "#a/b", (), OSR._replace(deck_tags=("a/b", "c"))),
        ({"flashcardTags": []}, "x", (), OSR._replace(deck_tags=())),
        ({"convertFoldersToDecks": True}, "x", (), OSR._replace(deck_tags=())),
        ({"flashcardTags": ["a", "b"]}, "x", ("x", "b/c"), OSR._replace(deck_tags=("a", "b"), default_deck="b::c")),
        ({"flashcardTags": ["a", "b"]}, "x", ("a",), OSR._replace(deck_tags=("a", "b"), default_deck="a")),
        # separators
        (
            {"singleLineCardSeparator": "", "multilineReversedCardSeparator": "?", "multilineCardEndMarker": " END "},
            "#flashcards", (),
            OSR._replace(line_separators={":::": True}, block_separators={"?": True}, answer_end_line="END"),
        ),
        (
            {"multilineCardSeparator": " ", "multilineReversedCardSeparator": "", "multilineCardEndMarker": "END"},
            "#flashcards", (), OSR._replace(block_separators={}),
        ),
        ({"singlelineReversedCardSeparator": ";;"}, "#flashcards", (), OSR._replace(line_separators={";;": True, "::": False})),
        # gaps, also as older versions keep them
        (
            {"clozePatterns": ["**[123;;]answer[;;hint]**", "other", "{{[123::]answer[::hint]}}"]},
            "#flashcards", (), OSR._replace(cloze_markers=frozenset(["bold", "{{"])),
        ),
        ({"convertBoldTextToClozes": True}, "#flashcards", (), OSR._replace(cloze_markers=frozenset(["==", "bold"]))),
        (
            {"convertHighlightsToClozes": False, "convertCurlyBracketsToClozes": True},
            "#flashcards", (), OSR._replace(cloze_markers=frozenset(["{{"])),
        ),
        ({"clozePatterns": [], "convertBoldTextToClozes": True}, "#flashcards", (), OSR._replace(cloze_markers=frozenset())),
    ],
)  # fmt: skip
def test_obsidian_spaced_repetition(tmp_path, settings, text, tags, syntax):
    plugins = read(tmp_path, osr={"settings": settings})
    assert plugins.build_syntax(text, tags, "a.md") == syntax


O2A = CardSyntax(
    field_words=FieldKeywords(), field_cloze_markers=frozenset(["{{"])
)  # which the note's own syntax does not change


@pytest.mark.parametrize(
    ("settings", "path", "syntax"),
    [
        ({}, "a.md", O2A),
        ({"Defaults": {"Scan Directory": "d/"}}, "d/a.md", O2A),
        ({"Defaults": {"Scan Directory": "d"}}, "da.md", None),
        ({"IGNORED_FILE_GLOBS": ["x/*"]}, "x/a.md", None),
        ({"IGNORED_FILE_GLOBS": ["x/*"]}, "a.md", O2A),
        ({"Defaults": {"CurlyCloze": True}}, "a.md", O2A._replace(field_cloze_markers=frozenset(["{{", "{"]))),
        (
            {"Defaults": {"CurlyCloze - Highlights to Clozes": True}}, "a.md",
            O2A._replace(field_cloze_markers=frozenset(["{{", "=="])),
        ),
        (
            {"Syntax": {"Begin Note": "B", "End Inline Note": "E"}}, "a.md",
            O2A._replace(field_words=FieldKeywords(begin="B", end_inline="E")),
        ),
    ],
)  # fmt: skip
def test_obsidian_to_anki(tmp_path, settings, path, syntax):
    assert read(tmp_path, o2a=settings).build_syntax("x", (), path) == syntax


@pytest.mark.parametrize(
    ("settings", "text", "path", "found"),
    [
        ({}, "TARGET DECK: D \nFILE TAGS: a b a", "a.md", ("D", "", ("a", "b"))),
        ({}, "x\nTARGET DECK\nD\n", "a.md", ("D", "", ())),
        ({}, "x TARGET DECK: D\nTARGET DECK D", "a.md", ("", "", ())),
        ({"Syntax": {"Target Deck Line": "", "File Tags Line": ""}}, ": a\n\nb", "a.md", ("", "", ())),
        ({"Defaults": {"Deck": "E"}}, "", "a.md", ("", "E", ())),
        ({"Defaults": {"Deck": "Default"}}, "", "a.md", ("", "", ())),
        ({"FOLDER_DECKS": {"x": "G", "x/y": "F", "x/y/z": ""}}, "", "x/y/z/a.md", ("", "F", ())),
        ({"FOLDER_DECKS": {"x": "F"}, "Defaults": {"Deck": "E"}}, "TARGET DECK: D", "q/a.md", ("D", "E", ())),
        ({"Syntax": {"Target Deck Line": "MY", "File Tags Line": ""}}, "MY: D\nFILE TAGS: a", "a.md", ("D", "", ())),
    ],
)  # fmt: skip
def test_the_deck_and_tags_that_a_note_declares(tmp_path, settings, text, path, found):
    assert read(tmp_path, o2a=settings).o2a.parse_deck_and_tags(text, path) == found


def test_settings_that_cannot_be_read_are_the_defaults_and_named(tmp_path):
    folders = tmp_path / ".obsidian/plugins"
    for plugin, text in zip(PLUGIN_BY_DIALECT.values(), ("{", "[]"), strict=True):
        (folders / plugin).mkdir(parents=True)
        (folders / plugin / "data.json").write_text(text)
    names = tuple(PLUGIN_BY_DIALECT)
    syntaxes, problems = read_plugin_syntaxes(tmp_path, names)
    assert syntaxes == PluginSyntaxes(names)
    assert [problem.location for problem in problems] == [
        f".obsidian/plugins/{plugin}/data.json" for plugin in PLUGIN_BY_DIALECT.values()
    ]
    assert all("so its defaults are used" in problem.message for problem in problems)
    assert read_plugin_syntaxes(tmp_path, ()) == (PluginSyntaxes(), [])


def test_cards_that_only_an_expression_finds_are_named(tmp_path):
    folder = tmp_path / ".obsidian/plugins" / PLUGIN_BY_DIALECT["o2a"]
    folder.mkdir(parents=True)
    for expression, count in (("^Q", 1), ("", 0)):
        data = {"CUSTOM_REGEXPS": {"Basic": expression, "Cloze": ""}}
        (folder / "data.json").write_text(json.dumps(data))
        _, problems = read_plugin_syntaxes(tmp_path, ("o2a",))
        assert [problem.is_notice for problem in problems] == [True] * count


@pytest.mark.parametrize(
    ("text", "plugins", "is_problem"),
    [
        (None, (), False),
        ('["a", "b"]', ("a", "b"), False),
        ("[1]", None, True),
        ("{", None, True),
    ],
)
def test_which_plugins_are_on(tmp_path, text, plugins, is_problem):
    (tmp_path / ".obsidian").mkdir()
    if text is not None:
        (tmp_path / ".obsidian/community-plugins.json").write_text(text)
    found, problem = read_enabled_plugins(tmp_path)
    assert found == plugins
    assert (problem is not None) is is_problem
