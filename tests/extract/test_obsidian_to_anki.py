"""The settings of Obsidian_to_Anki are read: words, switches, decks and tags."""

import json
from pathlib import Path
from typing import Any

import pytest

from tests.reading import highlights, opened, settings_of

SYNTAX = {
    "Begin Note": "START", "End Note": "END", "Begin Inline Note": "STARTI",
    "End Inline Note": "ENDI", "Target Deck Line": "TARGET DECK", "File Tags Line": "FILE TAGS",
    "Delete Note Line": "DELETE", "Frozen Fields Line": "FROZEN",
}  # fmt: skip
DEFAULTS = {
    "Scan Directory": "", "Tag": "Obsidian_to_Anki", "Deck": "Default", "Scheduling Interval": 0,
    "CurlyCloze": False, "CurlyCloze - Highlights to Clozes": False, "ID Comments": True,
}  # fmt: skip


def tell(vault: Path, **told: Any) -> None:
    """Switch the plugin on, with these settings besides its defaults."""
    folder = vault / ".obsidian" / "plugins" / "obsidian-to-anki-plugin"
    folder.mkdir(parents=True, exist_ok=True)
    listed = vault / ".obsidian" / "community-plugins.json"
    listed.write_text('["obsidian-to-anki-plugin"]', encoding="utf-8")
    settings = {
        "CUSTOM_REGEXPS": {"Basic": "", "Cloze": ""}, "FOLDER_DECKS": {}, "FOLDER_TAGS": {}, **told,
        "Syntax": {**SYNTAX, **told.get("Syntax", {})},
        "Defaults": {**DEFAULTS, **told.get("Defaults", {})},
    }  # fmt: skip
    data = {
        "settings": settings,
        "Added Media": [],
        "File Hashes": {},
    }
    (folder / "data.json").write_text(json.dumps(data), encoding="utf-8")


def read(forge: Any, vault: Path, text: str, path: str = "Note.md") -> list[list[str]]:
    """The fields of the cards and drafts that a run makes of a note."""
    (vault / path).parent.mkdir(parents=True, exist_ok=True)
    (vault / path).write_text(text, encoding="utf-8")
    forge.ok("run", vault)
    return [list(card["fields"].values()) for card in forge.cards()]


def test_its_own_words_begin_and_end_a_card(forge, vault) -> None:
    words = {"Begin Note": "START_CARD", "End Note": "END_CARD", "Begin Inline Note": "(", "End Inline Note": ")"}  # fmt: skip
    tell(vault, Syntax=words)
    found = read(
        forge,
        vault,
        "START_CARD\nBasic\nWhat lowers the sugar?\nBack: Insulin.\nEND_CARD\n\n"
        "( [Basic] What raises it? Back: Glucagon. )\n\n"
        "START\nBasic\nno card\nBack: at all\nEND\n",
    )
    assert found == [
        ["What lowers the sugar?", "Insulin."],
        ["What raises it?", "Glucagon."],
    ]


@pytest.mark.parametrize(
    ("curly", "marks", "text"),
    [
        (True, False, "{{c1::Insulin}} lowers the sugar in the blood."),
        (True, True, "{{c1::Insulin}} lowers the {{c2::sugar}} in the blood."),
        (False, True, "{Insulin} lowers the {{c1::sugar}} in the blood."),
    ],
)
def test_braces_and_marks_are_gaps_if_it_was_told_so(
    forge, vault, curly, marks, text
) -> None:
    tell(
        vault, Defaults={"CurlyCloze": curly, "CurlyCloze - Highlights to Clozes": marks}
    )
    note = "START\nCloze\n{Insulin} lowers the ==sugar== in the blood.\nEND\n\nThe {heart} beats.\n"
    assert read(forge, vault, note) == [[text]]


def test_a_mark_outside_of_its_cards_stays_a_mark(forge, vault) -> None:
    """The plugin does not read it, and a mark waits."""
    tell(vault, Defaults={"CurlyCloze": True})
    read(
        forge,
        vault,
        "Insulin lowers the ==sugar== in the blood.\n\nmore ==notes== here\n",
    )
    found = {card["fields"]["Text"]: card["verdict"] for card in forge.cards()}
    assert found == {
        "Insulin lowers the {{c1::sugar}} in the blood.": "waiting",
        "more {{c1::notes}} here": "waiting",
    }


def test_cards_of_an_expression_are_told_and_those_in_our_forms_are_read(forge, vault):
    asked = r"^Q: ((?:.+\n)*)\n*A: (.+(?:\n(?:^.{1,3}$|^.{4}(?<!<!--).*))*)"
    tell(vault, CUSTOM_REGEXPS={"Basic": asked, "Cloze": ""})
    note = (
        "TARGET DECK: Main Deck\n\n"
        "Q: What is a term?\nA: A word\nof a theory.\n<!--ID: 1623634582052-->\n\n"
        "What is it? #fc\nA thing.\n<!--ID: 1623634582053-->\n"
    )
    (vault / "Note.md").write_text(note, encoding="utf-8")
    told = forge.ok("run", vault)
    assert (
        "only a custom regular expression of Obsidian_to_Anki finds are not read"
        in told.stderr
    )
    [card] = forge.cards()
    assert list(card["fields"].values())[:2] == [
        "What is a term?",
        "A word\nof a theory.",
    ]
    assert card["deck"] == "Main Deck"
    assert [finding["check"] for finding in card["findings"]] == ["other_note"]
    listed = forge.ok("list", "--no-card", "--all").stdout
    assert "note of Obsidian_to_Anki" in listed


def test_questions_with_labels_are_text_if_only_cards_of_the_plugin_are_read(
    vault,
) -> None:
    tell(vault)
    text = "Q: ==c==?\nA: d\n\nSTARTI [Basic] a Back: b ENDI\n"
    (vault / "Note.md").write_text(text, encoding="utf-8")
    settings = settings_of("obsidian", path=str(vault), cards=("o2a",))
    found = highlights(opened("obsidian", vault, settings).scan())
    assert [each.markdown for each in found] == [("Q: c?",), ("a", "b")]


def test_decks_and_tags_come_from_note_folder_and_settings(forge, vault) -> None:
    card = "\nSTART\nBasic\nWhat is {}?\nBack: a thing\nEND\n"
    tell(
        vault,
        FOLDER_DECKS={"Bio": "Biology", "Bio/Cells": "", "Bio/Blood": "Biology::Blood"},
        Defaults={"Deck": "Everything"},
    )
    notes = {
        "a.md": "TARGET DECK: Exam::One\nFILE TAGS: exam hard\n" + card.format("a"),
        "b.md": "TARGET DECK\nExam two\n" + card.format("b"),
        "c.md": card.format("c"),
        "Bio/d.md": card.format("d"),
        "Bio/Cells/e.md": card.format("e"),
        "Bio/Blood/f.md": card.format("f"),
        "g.md": "---\ndeck: Mine\n---\nTARGET DECK: Exam\n" + card.format("g"),
        "h.md": "Insulin lowers the ==sugar== in the blood.\n",
    }
    for path, text in notes.items():
        (vault / path).parent.mkdir(parents=True, exist_ok=True)
        (vault / path).write_text(text, encoding="utf-8")
    forge.ok("run", vault)
    decks = {next(iter(card["fields"].values())): card["deck"] for card in forge.cards()}
    assert decks == {
        "What is a?": "Exam::One", "What is b?": "Exam two", "What is c?": "Everything",
        "What is d?": "Biology", "What is e?": "Biology", "What is f?": "Biology::Blood",
        "What is g?": "Mine", "Insulin lowers the {{c1::sugar}} in the blood.": "Reading",
    }  # fmt: skip
    tags = {next(iter(card["fields"].values())): card["tags"] for card in forge.cards()}
    assert {"exam", "hard"} <= set(tags["What is a?"])


def test_notes_that_the_plugin_does_not_read_have_no_such_cards(forge, vault) -> None:
    tell(
        vault, Defaults={"Scan Directory": "Cards"}, IGNORED_FILE_GLOBS=["**/*.draft.md"]
    )
    card = "START\nBasic\nWhat is {}?\nBack: a thing\nEND\n"
    for path in ("Cards/in.md", "Cards/in.draft.md", "out.md"):
        (vault / path).parent.mkdir(exist_ok=True)
        (vault / path).write_text(card.format(path), encoding="utf-8")
    forge.ok("run", vault)
    assert [one["fields"]["Front"] for one in forge.cards()] == ["What is Cards/in.md?"]


def test_settings_that_are_no_settings_are_named(forge, vault) -> None:
    tell(vault)
    path = vault / ".obsidian/plugins/obsidian-to-anki-plugin/data.json"
    (vault / "a.md").write_text(
        "START\nBasic\nWhat?\nBack: a thing\nEND\n", encoding="utf-8"
    )
    for text in (
        '{"settings": {"CUSTOM_REGEXPS": []}}',
        '{"settings": 5}',
        "[",
        "[" * 5000,
    ):
        path.write_text(text, encoding="utf-8")
        told = forge("run", vault, code=1)
        assert "the settings of obsidian-to-anki-plugin cannot be read" in told.stderr


def test_a_deck_line_is_words_where_the_plugin_is_not_there(forge, vault):
    read(forge, vault, "TARGET DECK: Exam\n\nWhat is a?::A thing\n")
    assert "Exam" not in {card["deck"] for card in forge.cards()}


def test_a_deck_line_is_words_where_the_plugin_does_not_read(forge, vault):
    tell(vault, Defaults={"Scan Directory": "Cards"})
    for path in ("Cards/in.md", "out.md"):
        (vault / path).parent.mkdir(exist_ok=True)
        text = f"TARGET DECK: Exam\n\nWhat is a?::{path}\n"
        (vault / path).write_text(text, encoding="utf-8")
    forge.ok("run", vault)
    decks = {card["fields"]["Back"]: card["deck"] for card in forge.cards()}
    assert decks["Cards/in.md"] == "Exam" != decks["out.md"]
