"""The offline drafter as its user meets it: what is trusted, what waits, and the way by hand."""

import json

import pytest

GUESSED = "Mentoring is a form of training in which a senior guides the work of a new employee."
TRUSTED = "A winding bend in the course of a river is called a meander."
PLAIN = "We should all sleep rather more than we do."


@pytest.fixture
def notes(forge, monkeypatch):
    """A workspace over one note: `notes("a passage", …, rules="all")`."""
    monkeypatch.setenv("ANKIFORGE_TRUST", str(forge.folder))

    def write(*passages, **settings):
        folder = forge.folder / "notes"
        folder.mkdir(exist_ok=True)
        marked = (one if "==" in one else f"=={one}==" for one in passages)
        quotes = "".join(f"{passage}\n\n" for passage in marked)
        (folder / "Note.md").write_text(quotes, encoding="utf-8")
        source = {"obsidian": {"name": "notes", "path": "notes"}}
        told = {"sources": [source], "anki": {"collection": "none"}, **settings}
        forge.settings(json.dumps(told))

    return write


def without(forge):
    return {line["exact"]: line for line in forge.ok("list", "--no-card", "--json").lines}


def states(forge):
    return {card["origin"]["drafter"]: card["verdict"] for card in forge.cards()}


# --- rules: all -----------------------------------------------------------------------------


def test_the_retired_setting_is_ignored_with_a_notice(forge, notes):
    notes(GUESSED, TRUSTED, rules="all")
    told = forge.ok("run")

    assert "rules: all is ignored" in told.stderr
    assert states(forge) == {"rules:term": "accepted"}
    assert len(without(forge)) == 1


def test_another_word_for_the_rules_is_an_error_with_its_place(forge, notes):
    notes(TRUSTED, rules="some")
    told = forge("run", code=2)

    assert "rules" in told.stderr
    assert "trusted" in told.stderr


# --- what the deck takes --------------------------------------------------------------------


def test_a_deck_takes_only_the_kinds_it_names(forge, notes):
    notes(TRUSTED, "The cells of the ==epidermis== lie in layers under the dead skin.")
    decks = forge.folder / "decks"
    decks.mkdir()
    (decks / "mine.yaml").write_text("deck: Mine\nkinds: [basic]\n", encoding="utf-8")
    forge.ok("run")

    (card,) = forge.cards()
    assert card["fields"] == {
        "Front": "What is a winding bend in the course of a river called?",
        "Back": "meander",
    }
    left = [one["reason"] for one in without(forge).values() if one["fate"] == "no_card"]
    assert left == ["its deck takes only basic cards"]


# --- a card by hand -------------------------------------------------------------------------


@pytest.fixture
def passage(forge, notes):
    """The key of a passage that has no card."""
    notes(PLAIN)
    forge.ok("run")
    return without(forge)[PLAIN]["key"]


def make(forge, key, **fields):
    words = [word for name, text in fields.items() for word in ("--field", name, text)]
    return forge.json("edit", key, *words)


@pytest.mark.parametrize(
    ("fields", "kind"),
    [
        ({"Front": "What should we do more?", "Back": "sleep"}, "basic"),
        ({"Front": "More …", "Back": "sleep", "Reverse": "y"}, "two-way"),
        ({"Text": "We should {{c1::sleep}} more.", "Extra": "Walker"}, "cloze"),
    ],
)
def test_a_person_makes_a_card_of_a_passage_without_one(forge, passage, fields, kind):
    made = make(forge, passage, **fields)

    assert (made["kind"], made["verdict"], made["standing"]) == (kind, "accepted", "live")
    assert made["fields"] == fields
    assert made["quote"] == PLAIN
    assert made["origin"]["drafter"] == "person"
    assert PLAIN not in without(forge)
    assert forge.json("run")["notes"]["written"] == 1


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (["--field", "Front", "What?"], "the card has no Back"),
        (["--field", "Text", "{{c1::a}} b", "--field", "Back", "c"], "no field 'Back'"),
        (["--field", "Text", "no gap at all"], "not made"),
        ([], "needs a terminal"),
    ],
)
def test_what_is_no_card_is_not_made(forge, passage, words, said):
    told = forge("edit", passage, *words)

    assert told.exit_code in (1, 2)
    assert said in told.stderr
    assert forge.cards() == []


def test_the_same_words_are_not_made_a_card_twice(forge, passage):
    made = make(forge, passage, Front="What should we do more?", Back="sleep")
    again = ("--field", "Front", "What should we  do more?", "--field", "Back", "sleep")

    assert f"ankiforge show {made['guid']}" in forge("edit", passage, *again, code=1).stderr


def test_a_run_and_the_list_say_how_to_come_to_a_card(forge, notes):
    notes(PLAIN, "skip", TRUSTED)
    told = forge.ok("run")
    key = without(forge)[PLAIN]["key"]
    listed = forge.ok("list", "--no-card")

    for way in (f"ankiforge edit {key}", "ankiforge draft export ask.md", "run --drafter llm"):
        assert way in told.stdout
        assert way in listed.stderr


def test_an_unknown_passage_is_wrong_usage(forge, passage):
    assert "list --no-card" in forge("edit", "vault:notes/0123", code=2).stderr
