"""The defaults of new workspaces, and what settings leave out."""

import sqlite3
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest

from tests.reading import tell_osr

PLAIN = (
    "# Shopping\n\n- **Milk**: two litres\n- **Bread**: one loaf\n- **TODO**: call mum\n"
)
QUESTION = "What is a cell::a small room\n"


def settings(forge: Any, source: str, more: str = "") -> None:
    forge.settings(f"sources: [{source}]\nanki: {{collection: none}}\n{more}")


def notes(forge: Any, **texts: str) -> Path:
    folder: Path = forge.folder / "notes"
    folder.mkdir(exist_ok=True)
    for name, text in texts.items():
        (folder / f"{name}.md").write_text(text, encoding="utf-8")
    return folder


def state(forge: Any) -> list[tuple[Any, ...]]:
    """What a person sees of each card, but for its way to Anki."""
    names = ("id", "verdict", "fields", "quote", "highlight", "deck", "findings")
    return sorted(
        tuple(map(str, (card[name] for name in names))) for card in forge.cards()
    )


# --- `Term: text` items -----------------------------------------------------------------------


def test_plain_lists_give_no_highlights(forge):
    folder = notes(forge, a=PLAIN)
    (folder / "sub").mkdir()
    (folder / "sub" / "c.txt").write_text(PLAIN, encoding="utf-8")
    for path in (folder / "a.md", folder / "sub" / "c.txt", folder):
        assert forge.json("run", path)["highlights"]["seen"] == 0


def test_init_names_the_forms_that_are_read(forge):
    vault = forge.home / "Vault"
    (vault / ".obsidian").mkdir(parents=True)
    (vault / "a.md").write_text(
        PLAIN + "\n# Glossary\n\n- Lens: glass\n- Iris: a ring\n", encoding="utf-8"
    )
    forge.ok("init", forge.folder / "w")
    text = (forge.folder / "w/ankiforge.yaml").read_text(encoding="utf-8")
    [line] = [line for line in text.splitlines() if "cards: [" in line]
    assert "cards: [inline, block, cloze, glossary]" in line
    assert forge.json("-C", "w", "run")["highlights"]["seen"] == 2


# --- not selected is not gone -----------------------------------------------------------------

MARKED = """The ==ribosome== is a very small room in which all of life takes place.

A **membrane** holds together whatever is inside of such a room.

What is a room::a cell of the building

What is a door
?
a hole in the wall

The {{c1::window}} lets the light into the room.

# Glossary

- Lens: glass
- Film: memory
- Iris: a hole
"""
ALL = "marks: [==, mark, bold], cards: [inline, block, cloze, glossary]"


LEFT_OUT = {
    "marks: [mark], cards: [inline, block, cloze, glossary]": 2,
    "marks: [==], cards: [inline, block, cloze, glossary]": 1,
    "marks: [==, bold], cards: [inline, block, cloze]": 3,
    "marks: [==, bold], cards: [block, cloze, glossary]": 2,
    "marks: [==, bold], cards: [inline, glossary]": 2,
    "marks: [], cards: []": 9,
    f"{ALL}, exclude: [a.md]": 8,
    f"{ALL}, include: [b.md]": 8,
}


@pytest.mark.usefixtures("takes_marks")
def test_what_the_settings_leave_out_is_not_gone_and_comes_back_as_it_was(forge):
    notes(forge, a=MARKED, b="Katze:::cat\n")
    settings(forge, f"{{obsidian: {{name: notes, path: notes, {ALL}}}}}")
    forge.ok("run")
    forge.ok("accept", "--all")
    before = state(forge)
    assert len(before) == 9

    for then, left_out in LEFT_OUT.items():
        settings(forge, f"{{obsidian: {{name: notes, path: notes, {then}}}}}")
        said = forge.ok("run").stdout
        assert f"{left_out} no longer selected by the settings" in said, then
        came = twice(forge)
        assert (came["gone"], came["not_selected"], came["sourceless"]) == (0, 0, 0)
        assert state(forge) == before
        assert not forge.cards("finding:source_gone")

        settings(forge, f"{{obsidian: {{name: notes, path: notes, {ALL}}}}}")
        came = read(forge)
        assert (came["new"], came["gone"], came["not_selected"]) == (0, 0, 0)
        assert state(forge) == before


def read(forge: Any) -> dict[str, int]:
    """What a run read, and what the settings left out."""
    came = forge.json("run")
    left_out, sourceless = came["not_selected"], came["state"]["cards"]["sourceless"]
    return {**came["highlights"], "not_selected": left_out, "sourceless": sourceless}


def twice(forge: Any) -> dict[str, Any]:
    """Two runs far enough apart for what is missing to be gone; what the second says."""
    forge.ok("run")
    with closing(sqlite3.connect(forge.folder / ".ankiforge" / "ledger.db")) as ledger:
        ledger.execute("UPDATE highlight SET missed = 1 WHERE missed != 0")
        ledger.commit()
    return read(forge)


@pytest.mark.parametrize(
    ("cards", "separator"), [("inline, block, cloze, glossary", ";;"), ("osr", "&&")]
)
def test_what_a_dialect_no_longer_reads_takes_no_card_with_it(forge, cards, separator):
    notes(forge, a="#flashcards\n\nWhat is it;;That.\n")
    tell_osr(forge.folder / "notes", singleLineCardSeparator=";;")
    settings(forge, "{obsidian: {name: notes, path: notes, cards: [osr]}}")
    forge.ok("run")
    before = forge.cards()
    assert len(before) == 1
    settings(forge, f"{{obsidian: {{name: notes, path: notes, cards: [{cards}]}}}}")
    tell_osr(forge.folder / "notes", singleLineCardSeparator=separator)
    assert read(forge)["not_selected"] == 1
    came = twice(forge)
    assert (came["gone"], came["sourceless"]) == (0, 0)
    assert forge.cards() == before


def test_a_passage_that_is_left_out_is_not_given_to_a_model(forge):
    notes(
        forge, a="The **cell** is a very small room in which all of life takes place.\n"
    )
    settings(forge, "{obsidian: {name: notes, path: notes, marks: [bold]}}")
    forge.ok("run", "--limit", "0")
    drafts = "drafter: llm\n"
    settings(forge, "{obsidian: {name: notes, path: notes, marks: [==]}}", drafts)
    forge.ok("run", "--limit", "0")
    assert forge.json("draft", "--drafter", "llm", "--estimate")["highlights"] == 0
    assert forge.ok("list", "--no-card", "--json").stdout == ""


# --- --limit 0 --------------------------------------------------------------------------------


def test_a_limit_of_none_asks_nothing_and_lists_nothing(forge):
    folder = notes(forge, a=MARKED)
    forge.ok("run", folder)
    refused = forge("draft", "--drafter", "llm", "--estimate", code=2)
    assert "no model is chosen" in refused.stderr
    forge.ok("draft", "export", "ask.md", "--limit", "0")
    assert not (forge.folder / "ask.md").exists()
    assert forge.ok("list", "--limit", "0").stdout == ""
    assert "nothing here" not in forge.ok("search", "cell", "--limit", "0").stderr
