"""Renamed, moved and rewritten documents whose words were corrected in the same breath."""

from collections.abc import Callable
from pathlib import Path

import pytest

LAKES = """# Lakes

The Tanganyika basin holds ==nineteen thousand== cubic kilometres of water in an ordinary year.
Nothing is known about what lies below the sediment there.

What is the most deep lake of Africa?::Tanganyika

The Baikal is fed by ==three hundred rivers== and drained by the Angara alone. Its ice is thick in March.
"""
RIVERS = """# Rivers

A delta grows where a river meets ==a tideless sea== and drops the mud that it carried so far.
Where tides are strong the mud goes out again within the same day, and an estuary stays open for ships.

Which river carries the most water to the sea?::the Amazon
"""
Edit = Callable[[Path], None]


@pytest.fixture(autouse=True)
def _at_once(no_waiting: None) -> None:
    """What two scans miss is gone."""


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
    "a word before each card": renamed(("The Tanganyika", "Today the Tanganyika"), ("The Baikal", "Lake Baikal")),
    "moved, typos": renamed(*TYPOS, to="water/Lakes.md"),
    "renamed, a paragraph added": renamed(("ordinary", "typical"), ("# Lakes", "# Lakes\n\nRead it again before the next exam.")),
    "its folder renamed": folder_moved,
    "split": split,
}  # fmt: skip


def live(forge) -> dict[str, dict]:
    return {card["guid"]: card for card in forge.cards() if card["verdict"] == "accepted"}


def verdicts(forge) -> dict[str, str]:
    """{id: verdict} of every card and draft."""
    return {card["id"]: card["verdict"] for card in forge.cards()}


@pytest.mark.usefixtures("takes_marks")
@pytest.mark.parametrize("edit", EDITS.values(), ids=EDITS)
def test_a_card_of_a_renamed_note_whose_words_were_corrected_is_the_same(
    forge, notes, edit
):
    forge.ok("run", notes)
    cards = live(forge)
    forge.ok("reject", *[id for id, card in cards.items() if "Tanganyika" in str(card)])
    before = verdicts(forge)
    assert sorted(before.values()) == ["accepted"] * 3 + ["rejected"] * 2
    edit(notes)
    assert forge.json("run", notes)["highlights"]["new"] == 0
    forge.ok("run", notes)
    assert verdicts(forge) == before
    assert not forge.cards("finding:source_gone")


def test_a_renamed_note_is_recognised_when_it_is_read_alone(forge, notes):
    forge.ok("run", notes)
    before = live(forge).keys()
    renamed()(notes)
    forge.ok("run", notes / "Great lakes.md")
    assert live(forge).keys() == before


def test_a_note_that_cannot_be_read_is_not_gone(forge, notes):
    forge.ok("run", notes)
    before = live(forge).keys()
    (notes / "Great lakes.md").write_text(LAKES.replace("ordinary", "typical"))
    (notes / "Lakes.md").write_bytes(b"\xff\xfe\x00\x01 ==no text== \x00\xff")
    forge("run", notes)
    (notes / "Lakes.md").write_text(LAKES)
    forge.ok("run", notes)
    lakes = [
        card for card in live(forge).values() if card["document"].endswith("Lakes.md")
    ]
    assert before <= live(forge).keys(), lakes


# --- whole vaults -------------------------------------------------------------------------------


def many(vault: Path, count: int) -> None:
    for number in range(count):
        (vault / f"N{number}.md").write_text(
            f"What is the element of number {number}?::E{number}\n"
        )


def test_a_vault_that_loses_most_of_many_notes_loses_none_until_that_is_confirmed(
    forge, vault
):
    many(vault, 30)
    forge.ok("run", vault)
    before = live(forge).keys()
    for number in range(24):
        (vault / f"N{number}.md").rename(vault.parent / f"N{number}.md")
    for _ in range(3):
        assert forge.json("run", vault)["state"]["waiting"]["questions"] == 1
    assert not forge.cards("finding:source_gone")
    [question] = forge.ok("list", "--view", "questions", "--json").lines
    assert question["question"] == "emptied"
    lost = f"24 of 30 notes were not found in {vault}. 30 cards come from this source."
    assert question["text"] == f"{lost} Were they deleted?"
    forge.ok("accept", question["id"])
    for _ in range(2):
        forge.ok("run", vault)
    assert live(forge).keys() == before
    assert len(forge.cards("finding:source_gone")) == 24
    assert forge.json("run", vault)["state"]["waiting"]["questions"] == 0


def test_of_a_forgotten_source_nobody_is_asked_whether_its_notes_were_deleted(
    forge, vault
):
    many(vault, 10)
    forge.ok("run", vault)
    for note in vault.glob("*.md"):
        note.unlink()
    forge.ok("run")
    assert forge.json("status")["waiting"]["questions"] == 1
    forge.ok("forget", vault)
    assert forge.ok("list", "--view", "questions", "--json").lines == []
    assert forge.json("status")["waiting"]["questions"] == 0


def test_a_folder_that_is_renamed_is_no_loss(forge, vault):
    (vault / "one").mkdir()
    many(vault / "one", 30)
    forge.ok("run", vault)
    before = live(forge).keys()
    (vault / "one").rename(vault / "two")
    forge.ok("run", vault)
    forge.ok("run", vault)
    assert live(forge).keys() == before


@pytest.mark.parametrize("name", ["notes", "renamed"], ids=["under its name", "renamed"])
def test_a_vault_that_was_moved_and_edited_keeps_its_cards(forge, vault, tmp_path, name):
    many(vault, 4)
    (vault / "A.md").write_text("Katze:::cat\n")
    forge.ok("run", vault)
    [rejected] = [
        card["id"] for card in forge.cards() if card["fields"]["Front"] == "Katze"
    ]
    forge.ok("reject", rejected)
    before = verdicts(forge)
    (tmp_path / "moved").mkdir()
    moved = vault.rename(tmp_path / "moved" / name)
    for number in range(4):
        (moved / f"N{number}.md").write_text(
            f"Which is the element of number {number}?::E{number}\n"
        )
    told = forge.json("run", moved)
    assert (told["highlights"]["new"], told["highlights"]["changed"]) == (0, 4)
    assert told["not_selected"] == 0
    assert verdicts(forge) == before
    assert "it moved" in told["problems"][0]["what"]
    assert "missing" not in forge.ok("run").stderr
    assert (verdicts(forge), before[rejected]) == (before, "rejected")


# --- papers -------------------------------------------------------------------------------------


@pytest.mark.parametrize("named", [True, False], ids=["by the name", "by the rectangle"])
def test_a_mark_of_a_pdf_whose_text_changed_keeps_its_card(forge, tmp_path, named):
    from tests.makers.pdf_writer import Page, heading, mark, paragraph, write_pdf

    def write(words: str, top: str, name: str) -> None:
        pages = [
            Page(
                [heading(top), paragraph(words)],
                [mark(words, name=name, comment="c: two rates")],
            )
        ]
        write_pdf(tmp_path / "papers" / "paper.pdf", pages, title="Curves")

    (tmp_path / "papers").mkdir()
    name = "9b0c2c3e-1f60-4a57-aaaa" if named else ""
    words = (
        "The receiver operating characteristic (ROC) plots two rates against one another."
    )
    write(words, "Introduction", name)
    forge.ok("run", tmp_path / "papers")
    before = live(forge).keys()
    assert before
    write(words.replace("against one", "against each"), "Preface and introduction", name)
    assert forge.json("run", tmp_path / "papers")["highlights"]["new"] == 0
    assert live(forge).keys() == before
    other = "Massed practice (MP) is called cramming by most of the teachers there."
    write(other, "Another paper", "")
    assert forge.json("run", tmp_path / "papers")["highlights"]["new"] == 1
