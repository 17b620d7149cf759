"""Renamed, moved and rewritten documents whose words were corrected in the same breath."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from ankiforge.ledger import matching

LAKES = """# Lakes

The Tanganyika basin holds ==nineteen thousand== cubic kilometres of water in an ordinary year.
Nothing is known about what lies below the sediment there.

What is the most deep lake of Africa?::Tanganyika

The Baikal is fed by ==three hundred rivers== and drained by the Angara alone. Its ice is thick in March.
"""
RIVERS = """# Rivers

A delta grows where a river meets ==a sea without strong tides== and drops the mud that it carried so far.
Where tides are strong the mud goes out again within the same day, and an estuary stays open for ships.

Which river carries the most water to the sea?::the Amazon
"""
Edit = Callable[[Path], None]


@pytest.fixture(autouse=True)
def _recognised(monkeypatch: pytest.MonkeyPatch, no_waiting: None) -> None:
    monkeypatch.setattr(matching, "RECOGNISE_RENAMES", True)


@pytest.fixture
def notes(vault: Path) -> Path:
    (vault / "Lakes.md").write_text(LAKES)
    (vault / "Rivers.md").write_text(RIVERS)
    return vault


def rewrite(note: Path, *changes: tuple[str, str]) -> None:
    text = note.read_text()
    for old, new in changes:
        assert old in text
        text = text.replace(old, new)
    note.write_text(text)


def renamed(*changes: tuple[str, str], to: str = "Great lakes.md") -> Edit:
    """Rename the note about lakes and change its words."""

    def edit(vault: Path) -> None:
        rewrite(vault / "Lakes.md", *changes)
        (vault / to).parent.mkdir(exist_ok=True)
        (vault / "Lakes.md").rename(vault / to)

    return edit


def folder_moved(vault: Path) -> None:
    rewrite(vault / "Lakes.md", ("an ordinary year", "a typical year"))
    rewrite(vault / "Rivers.md", ("mud that it carried", "silt that it carried"))
    (vault / "water").mkdir()
    for name in ("Lakes.md", "Rivers.md"):
        (vault / name).rename(vault / "water" / name)


def rotated(vault: Path) -> None:
    """The path of one note is that of another one now."""
    renamed(("an ordinary year", "a typical year"), to="Old lakes.md")(vault)
    rewrite(vault / "Rivers.md", ("the mud that it carried", "all mud that it carried"))
    (vault / "Rivers.md").rename(vault / "Lakes.md")


def split(vault: Path) -> None:
    head, _, baikal = (vault / "Lakes.md").read_text().rpartition("\n\n")
    (vault / "Lakes.md").unlink()
    (vault / "Africa.md").write_text(head.replace("ordinary", "typical") + "\n")
    (vault / "Baikal.md").write_text(f"{baikal}\n")


TYPOS = (
    ("basin holds", "basins holds"),
    ("most deep lake", "deepest lake"),
    ("is fed by", "is feed by"),
)
EDITS = {
    "one word": renamed(("ordinary", "typical")),
    "a typo in each card": renamed(*TYPOS),
    "a word before each card": renamed(("The Tanganyika", "Today the Tanganyika"), ("The Baikal", "Lake Baikal")),
    "moved to a folder": renamed(("ordinary year", "average year"), to="water/Lakes.md"),
    "moved, typos": renamed(*TYPOS, to="water/Lakes.md"),
    "renamed, a paragraph added": renamed(("ordinary", "typical"), ("# Lakes", "# Lakes\n\nRead it again before the next exam.")),
    "its folder renamed": folder_moved,
    "paths rotated": rotated,
    "split": split,
}  # fmt: skip


def live(forge) -> dict[str, dict]:
    return {card["guid"]: card for card in forge.cards() if card["standing"] == "live"}


@pytest.mark.parametrize("edit", EDITS.values(), ids=EDITS)
def test_a_card_of_a_renamed_note_whose_words_were_corrected_is_the_same(
    forge, notes: Path, edit: Edit
) -> None:
    forge.ok("run", notes)
    before = live(forge)
    assert len(before) == 5
    edit(notes)
    done = forge.json("run", notes)
    assert done["highlights"]["new"] == 0
    forge.ok("run", notes)
    after = live(forge)
    assert after.keys() == before.keys()
    assert not any(
        finding["check"] == "source_gone" for c in after.values() for finding in c["findings"]
    )


@pytest.mark.parametrize("edit", EDITS.values(), ids=EDITS)
def test_what_was_rejected_stays_rejected(forge, notes: Path, edit: Edit) -> None:
    forge.ok("run", notes)
    forge.ok("reject", *live(forge))
    edit(notes)
    forge.ok("run", notes)
    forge.ok("run", notes)
    assert {card["verdict"] for card in forge.cards()} == {"rejected"}
    assert len(forge.cards()) == 5


def test_the_reviews_stay_with_the_note_in_anki(forge, notes: Path, anki) -> None:
    package = forge.folder / "ankiforge.apkg"
    forge.ok("run", notes)
    assert anki.load(package) == {"new": 5}
    [guid] = [guid for guid, card in live(forge).items() if "ordinary" in str(card["fields"])]
    reviewed = {one: anki.answer_first_card(one) for one in live(forge)}
    EDITS["a typo in each card"](notes)
    rewrite(notes / "Great lakes.md", ("ordinary", "typical"))
    forge.ok("run", notes)
    anki.load(package)
    assert anki.col.note_count() == 5
    assert {one: anki.schedule(one) for one in reviewed} == reviewed
    assert "typical" in anki.note(guid)["Text"]


def test_a_note_that_went_yesterday_is_recognised_today(forge, notes: Path) -> None:
    forge.ok("run", notes)
    before = live(forge).keys()
    text = (notes / "Lakes.md").read_text()
    (notes / "Lakes.md").unlink()
    for _ in range(3):
        forge.ok("run", notes)
    (notes / "Great lakes.md").write_text(text.replace("ordinary", "typical"))
    forge.ok("run", notes)
    assert live(forge).keys() == before


def test_another_note_is_another_one(forge, notes: Path) -> None:
    forge.ok("run", notes)
    before = live(forge).keys()
    (notes / "Lakes.md").unlink()
    (notes / "Seas.md").write_text(
        "The Aral sea holds ==a tenth of its former water== since its rivers water cotton in the desert.\n"
    )
    forge.ok("run", notes)
    assert len(live(forge).keys() - before) == 1


def test_a_copy_that_is_edited_leaves_the_original_its_keys(forge, notes: Path) -> None:
    forge.ok("run", notes)
    before = {guid: card["document"] for guid, card in live(forge).items()}
    (notes / "Lakes 2.md").write_text(LAKES.replace("ordinary", "typical"))
    forge.ok("run", notes)
    after = {guid: card["document"] for guid, card in live(forge).items()}
    assert before.items() <= after.items()


def test_a_note_that_cannot_be_read_is_not_gone(forge, notes: Path) -> None:
    forge.ok("run", notes)
    before = live(forge).keys()
    (notes / "Great lakes.md").write_text(LAKES.replace("ordinary", "typical"))
    (notes / "Lakes.md").write_bytes(b"\xff\xfe\x00\x01 ==no text== \x00\xff")
    forge("run", notes)
    (notes / "Lakes.md").write_text(LAKES)
    forge.ok("run", notes)
    lakes = [card for card in live(forge).values() if card["document"].endswith("Lakes.md")]
    assert before <= live(forge).keys(), lakes


def test_switched_off_the_same_edit_makes_a_new_highlight(
    forge, notes: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(matching, "RECOGNISE_RENAMES", False)
    forge.ok("run", notes)
    EDITS["one word"](notes)
    assert forge.json("run", notes)["highlights"]["new"] == 1
