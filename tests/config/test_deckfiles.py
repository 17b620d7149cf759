"""Deck files: the first that fits, its name filled in, colours by hue."""

import shlex
from pathlib import Path

import pytest
from msgspec.structs import replace

from ankiforge.anki.notes import normalize_deck_name
from ankiforge.config.deckfiles import (
    ColourAction,
    choose_deck,
    choose_tags,
    find_rule,
    load_decks,
)
from ankiforge.errors import ConfigError
from ankiforge.model import (
    CardKind,
    Document,
    DocumentKey,
    Highlight,
    HighlightKind,
    Strings,
    find_colour_name,
)


@pytest.fixture
def rules(tmp_path: Path):
    """Load deck files given as name=text."""

    def loaded(**files: str):
        (tmp_path / "decks").mkdir(exist_ok=True)
        for name, text in files.items():
            (tmp_path / "decks" / f"{name}.yaml").write_text(text, encoding="utf-8")
        return load_decks(tmp_path)

    return loaded


def document(**given: object) -> Document:
    values = {
        "key": DocumentKey("k"),
        "source": "notes",
        "title": "On Cells",
        "path": "a.md",
    }
    return Document(**(values | given))


def highlight(of: Document, **given: object) -> Highlight:
    return Highlight(of, "vault:notes", HighlightKind.HIGHLIGHT, "text", **given)


def tags(rules, of: Document) -> Strings:
    return choose_tags(find_rule(rules, highlight(of)), of.collections)


def meaning(rules, colour: str) -> ColourAction:
    return find_rule(rules, highlight(document())).get_colour_action(colour)


def deck(rules, of: Document, **given: object) -> str:
    return choose_deck(rules, highlight(of, **given))


def test_without_deck_files_the_shipped_one_serves(rules):
    assert (deck(rules(), document()), tags(rules(), document())) == ("Reading", ())


def test_a_deck_file_decides_deck_tags_kinds_and_what_a_colour_asks_for(rules):
    loaded = rules(
        all="deck: All\ntags: [reading, a::b]\nkinds: [cloze, two-way]\n"
        "colours: {red: skip, blue: question}"
    )

    assert (deck(loaded, document()), tags(loaded, document())) == (
        "All",
        ("reading", "a::b"),
    )
    [rule] = loaded
    assert rule.kinds == (CardKind.CLOZE, CardKind.TWO_WAY)
    assert meaning(loaded, "#ff0000") == "skip"
    assert meaning(loaded, "#2ea8e5") == "question"
    assert meaning(loaded, "") == meaning(loaded, "chartreuse") == "card"


def test_the_first_fitting_file_wins_and_the_one_without_select_is_asked_last(rules):
    loaded = rules(
        a_all="deck: Rest",
        b_bio="deck: Bio\nselect: {path: 'bio/*'}",
        c_cell="deck: Cell\nselect: {path: '*/cell*'}",
    )

    assert deck(loaded, document(path="bio/cell.md")) == "Bio"
    assert deck(loaded, document(path="med/cells.md")) == "Cell"
    assert deck(loaded, document(path="x.md")) == "Rest"


@pytest.mark.parametrize(
    ("select", "fits"),
    [
        ("{source: notes}", True),
        ("{source: [papers, NOTES]}", True),
        ("{source: note}", False),
        ("{path: 'Bio/*'}", True),
        ("{path: '*.pdf'}", False),
        ("{tag: exam}", True),
        ("{tag: '#exam'}", True),
        ("{tag: 'cell*'}", True),
        ("{tag: 'cell::membrane'}", True),
        ("{tag: cell/Membrane}", True),
        ("{tag: cell}", False),
        ("{collection: 'Thesis/*'}", True),
        ("{colour: yellow}", True),
        ("{colour: [red, orange]}", False),
        ("{author: '*darwin*'}", True),
        ("{author: mendel}", False),
        ("{source: notes, tag: exam}", True),
        ("{source: notes, tag: none}", False),
        ("{tag: [none, exam], author: '*'}", True),
        ("{path: 'CAFE\u0301/*'}", False),
        ("{path: 'bio/CAFE\u0301*'}", True),
    ],
)
def test_keys_of_select_are_and_lists_are_or_and_case_does_not_matter(
    rules, select, fits
):
    of = document(
        path="bio/Café/deep/a.md",
        tags=("#Exam",),
        collections=("Thesis/Chapter 1", "Other"),
        creators=("Charles Darwin",),
    )
    loaded = rules(a=f"deck: Mine\nselect: {select}")

    got = deck(loaded, of, colour="#FFD400", tags=("cell/membrane",))

    assert (got == "Mine") is fits


@pytest.mark.parametrize(
    ("template", "given", "name"),
    [
        ("Reading::{title}", {"title": "C++: std::vector"}, "Reading::C++: std-vector"),
        ("Reading::{title}", {"title": " a\n b\x07c\u2028"}, "Reading::a b c"),
        ("Reading::{title}", {"title": "می\u200cخواهم"}, "Reading::می\u200cخواهم"),
        ("Reading::{title}", {"title": "\u200b"}, "Reading"),
        ("Reading::{title}", {"title": "Ends:"}, "Reading::Ends"),
        ("{title}::Notes", {"title": "::"}, "-::Notes"),
        ("Reading::{title}", {"title": "x" * 300}, "Reading::" + "x" * 100),
        ("R::{collection}::{title}", {"collections": ("Z", "A/B")}, "R::A::B::On Cells"),
        ("R::{collection}::{title}", {}, "R::On Cells"),
        ("{folder}", {"path": "Bio/Cells: new/a.md"}, "Bio::Cells: new"),
        ("{folder}", {}, "On Cells"),
        ("{folder}", {"title": ""}, "ankiforge"),
        (" A :: :: B ", {}, "A::B"),
    ],
)
def test_the_holes_of_a_deck_name_are_filled_with_values_that_make_no_levels(
    rules, template, given, name
):
    assert deck(rules(a=f"deck: '{template}'"), document(**given)) == name


def test_collections_that_did_not_name_the_deck_become_tags(rules):
    of = document(collections=("B b/C", "A", "D"))

    assert tags(rules(a="deck: '{collection}'\ntags: [t]"), of) == (
        "t",
        "B_b::C",
        "D",
    )
    assert tags(rules(a="deck: '{title}'"), of) == ()


def test_a_deck_the_document_asks_for_itself_comes_first(rules):
    of = document(deck=" My :: Deck\n")

    assert deck(rules(a="deck: Other"), of) == "My::Deck"
    assert deck(rules(), of, deck="Own") == "My::Deck"
    assert deck(rules(), document(), deck="Own::\tDeck") == "Own::Deck"


@pytest.mark.parametrize(
    ("colours", "skips"), [("{red: skip, blue: card}", True), ("{red: question}", False)]
)
def test_a_deck_file_may_skip_colours(rules, colours, skips):
    [rule] = rules(a=f"deck: All\ncolours: {colours}")
    assert rule.has_skipped_colours is skips


@pytest.mark.parametrize(
    ("text", "message", "hint"),
    [
        ("deck: x\nselct: {}", "decks/a.yaml:2: selct: unknown key", "'select'"),
        (
            "deck: x\nselect:\n  taag: y",
            "decks/a.yaml:3: select.taag: unknown key",
            "'tag'",
        ),
        (
            "deck: x\nselect: {tag: 2024}",
            "decks/a.yaml:2: select.tag: expected text",
            "quotes",
        ),
        (
            "deck: x\ncolours: {grey: skip}",
            "decks/a.yaml:2: colours: 'grey' is not",
            "'gray'",
        ),
        (
            "deck: x\ncolours: {red: skp}",
            "decks/a.yaml:2: colours: 'skp' is not",
            "'skip'",
        ),
        (
            "deck: x\nkinds: [cloze, basik]",
            "decks/a.yaml:2: kinds[1]: 'basik' is not",
            "'basic'",
        ),
        (
            "deck: '{titel}'",
            "decks/a.yaml:1: deck: unknown placeholder {titel}",
            "'title'",
        ),
        ("deck: {title}", "decks/a.yaml:1: deck: expected text, got a mapping", ""),
    ],
)
def test_a_mistake_in_a_deck_file_is_named_with_file_line_and_key(
    rules, text, message, hint
):
    with pytest.raises(ConfigError) as caught:
        rules(a=text)

    assert caught.value.message.replace("\\", "/").startswith(message)
    assert hint in caught.value.hint


def test_two_files_without_select_are_a_mistake(rules):
    with pytest.raises(
        ConfigError, match=r"b\.yaml:1: has no `select`, and neither has decks.a\.yaml"
    ):
        rules(a="deck: A", b="deck: B\nselect: {tag: []}")


@pytest.mark.parametrize(
    ("colour", "name"),
    [
        ("#ffd400", "yellow"),
        ("#ff6666", "red"),
        ("#2ea8e5", "blue"),
        ("#a28ae5", "purple"),
        ("#f19837", "orange"),
        ("#FFFF00", "yellow"),
        ("#fff9c4", "yellow"),
        ("#00ff00", "green"),
        ("#ffb7c5", "red"),
        ("#ffffff", "gray"),
        ("Yellow", "yellow"),
        ("grey", "gray"),
        ("", ""),
    ],
)
def test_a_shade_counts_as_the_nearest_hue_of_the_palette(colour, name):
    assert find_colour_name(colour) == name


# --- the setting `decks` ----------------------------------------------------------------------

CASES = (Path(__file__).parent / "decks.txt").read_text(encoding="utf-8").splitlines()


@pytest.mark.parametrize("case", [line for line in CASES if line and line[0] != "#"])
def test_the_setting_decides_the_deck_of_what_no_file_names(tmp_path, case):
    setting, given, wanted = (part.strip() for part in case.split(" | "))
    namespace, path, title, source, *rest = shlex.split(given)
    named = [word.removeprefix("deck=") for word in rest if word.startswith("deck=")]
    tags = [word[1:] for word in rest if word.startswith("#")]
    of = document(
        title=title,
        path=path.removeprefix("-"),
        source=source,
        tags=tuple(tags[1:]),
        deck="".join(named),
    )
    marked = highlight(of, tags=tuple(tags[:1]))
    marked = replace(marked, namespace=f"{namespace}:{source}")
    found = choose_deck(load_decks(tmp_path, setting), marked)
    assert normalize_deck_name(found) == wanted


def test_a_file_without_a_deck_leaves_it_to_the_setting(rules, tmp_path):
    rules(a="select: {path: 'bio/*'}\ntags: [bio]", z="kinds: [cloze]")
    loaded = load_decks(tmp_path, "source")
    assert deck(loaded, document(path="bio/cell.md")) == "Reading::notes"
    assert (deck(loaded, document()), tags(loaded, document())) == ("Reading::notes", ())
    assert find_rule(loaded, highlight(document())).kinds == (CardKind.CLOZE,)


def test_the_deck_of_all_cards_is_named_once(rules, tmp_path):
    rules(a="deck: Bio\nselect: {path: 'bio/*'}", z="deck: Rest")
    with pytest.raises(
        ConfigError, match=r"decks/z.yaml:1: deck: names the deck of all cards"
    ):
        load_decks(tmp_path, "book")
    assert load_decks(tmp_path)[-1].deck == "Rest"
