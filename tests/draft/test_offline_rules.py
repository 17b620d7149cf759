"""The offline drafter as its user meets it: what is trusted, what waits, and the way by hand."""

import json

import pytest

TRUSTED = "What fills within a day?::the upper basin lake"
PLAIN = "We should all sleep rather more than we do."


@pytest.fixture
def notes(forge, monkeypatch):
    """A workspace over one note: `notes("a passage", …, rules="all")`."""
    monkeypatch.setenv("ANKIFORGE_TRUST", str(forge.folder))

    def write(*passages, **settings):
        folder = forge.folder / "notes"
        folder.mkdir(exist_ok=True)
        marked = (one if "==" in one or "::" in one else f"=={one}==" for one in passages)
        quotes = "".join(f"{passage}\n\n" for passage in marked)
        (folder / "Note.md").write_text(quotes, encoding="utf-8")
        source = {"obsidian": {"name": "notes", "path": "notes"}}
        told = {"sources": [source], "anki": {"collection": "none"}, **settings}
        forge.settings(json.dumps(told))

    return write


def without(forge):
    return {
        line["exact"]: line
        for line in forge.ok("list", "--no-card", "--all", "--json").lines
    }


# --- what the deck takes --------------------------------------------------------------------


def test_a_deck_takes_only_the_kinds_it_names(forge, notes):
    notes(TRUSTED, "The cells of the ==epidermis== lie in layers under the dead skin.")
    decks = forge.folder / "decks"
    decks.mkdir()
    (decks / "mine.yaml").write_text("deck: Mine\nkinds: [basic]\n", encoding="utf-8")
    forge.ok("run")

    (card,) = forge.cards()
    assert card["fields"] == {
        "Front": "What fills within a day?",
        "Back": "the upper basin lake",
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

    assert (made["kind"], made["verdict"]) == (kind, "accepted")
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
        (["--field", "Text", "no gap at all"], "no cloze in the text"),
        ([], "no --field is given"),
    ],
)
def test_what_is_no_card_is_not_made(forge, passage, words, said):
    told = forge("edit", passage, *words)

    assert told.exit_code in (1, 2)
    assert said in told.stderr
    assert forge.cards() == []


def test_an_unknown_passage_is_wrong_usage(forge, passage):
    assert (
        "list --no-card"
        in forge("edit", "vault:notes/0123", "--field", "Front", "What?", code=2).stderr
    )
