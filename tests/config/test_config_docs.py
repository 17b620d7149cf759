"""`docs/reference/configuration.md` knows every key, every word, and every example loads."""

import re
from pathlib import Path
from typing import get_args

import msgspec
import pytest

from ankiforge.config import (
    AcceptSettings,
    AnkiSettings,
    Config,
    LlmSettings,
    MeaningSettings,
    read_settings,
)
from ankiforge.config.deckfiles import (
    Colour,
    ColourAction,
    DeckConditions,
    DeckRule,
    load_decks,
)
from ankiforge.config.yamlfile import convert_to_type
from ankiforge.extract import registry
from ankiforge.model import CardKind

PAGE = (Path(__file__).parents[2] / "docs/reference/configuration.md").read_text(
    encoding="utf-8"
)


def section(heading: str) -> str:
    """The text below a heading, up to the next one of any level."""
    found = re.search(rf"^#+ {re.escape(heading)}$\n(.*?)(?=^#+ |\Z)", PAGE, re.M | re.S)
    assert found, f"no section {heading!r}"
    return found[1]


def keys(struct: type[msgspec.Struct]) -> set[str]:
    return {field.encode_name for field in msgspec.structs.fields(struct)}


def documented(text: str) -> set[str]:
    """The words in the first column of the tables."""
    begun = re.findall(r"^\| ((?:`[^`]+`(?:, )?)+)", text, re.M)
    return {word for words in begun for word in re.findall(r"`([^`]+)`", words)}


@pytest.mark.parametrize(
    ("heading", "known"),
    [
        ("ankiforge.yaml", keys(Config) - {"location"}),
        ("llm", keys(LlmSettings)),
        ("meaning", keys(MeaningSettings)),
        ("accept", keys(AcceptSettings)),
        ("anki", keys(AnkiSettings)),
        (
            "decks/*.yaml",
            keys(DeckRule) | keys(DeckConditions) | set(get_args(ColourAction)),
        ),
    ],
)
def test_each_key_is_documented_and_no_other(heading, known):
    assert documented(section(heading)) == known


@pytest.mark.parametrize("kind", registry.list_source_kinds())
def test_each_key_of_a_source_is_documented(kind):
    settings = keys(registry.load_source_type(kind).Settings)

    assert kind in documented(section("sources"))
    assert settings <= documented(section("sources"))


def test_each_word_that_may_be_a_value_is_documented():
    words = {"rules", "llm", "clean", "review", *CardKind, *get_args(Colour)}

    assert not [word for word in words if f"`{word}`" not in PAGE]


def test_the_example_of_the_settings_loads_and_its_sources_are_known(tmp_path):
    [example] = re.findall(r"```yaml\n(.*?)```", section("ankiforge.yaml"), re.S)
    (tmp_path / "ankiforge.yaml").write_text(example, encoding="utf-8")

    config = read_settings(tmp_path / "ankiforge.yaml", registry)

    assert [source.kind for source in config.sources] == ["obsidian", "pdf", "zotero"]
    for source in config.sources:
        convert_to_type(
            registry.load_source_type(source.kind).Settings,
            source.options,
            source.location,
        )


def test_the_example_of_a_deck_file_loads(tmp_path):
    [example] = re.findall(r"```yaml\n(.*?)```", section("decks/*.yaml"), re.S)
    (tmp_path / "decks").mkdir()
    (tmp_path / "decks/biology.yaml").write_text(example, encoding="utf-8")

    first, last = load_decks(tmp_path)

    assert first.deck == "Biology::{title}"
    assert last.is_fallback
