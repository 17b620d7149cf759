"""Renamed, moved and rewritten documents whose words were corrected in the same breath."""

import shutil
import time
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

A delta grows where a river meets ==a sea without strong tides== and drops the mud that it carried so far.
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


@pytest.mark.parametrize("rejected", [False, True], ids=["accepted", "rejected"])
@pytest.mark.parametrize("edit", EDITS.values(), ids=EDITS)
def test_a_card_of_a_renamed_note_whose_words_were_corrected_is_the_same(
    forge, notes, edit, rejected
):
    forge.ok("run", notes)
    if rejected:
        forge.ok("reject", *live(forge))
    before = {guid: card["verdict"] for guid, card in live(forge).items()}
    assert len(before) == 5
    edit(notes)
    assert forge.json("run", notes)["highlights"]["new"] == 0
    forge.ok("run", notes)
    after = live(forge)
    assert {guid: card["verdict"] for guid, card in after.items()} == before
    assert "source_gone" not in str([card["findings"] for card in after.values()])


def test_the_reviews_stay_with_the_note_in_anki(forge, notes, anki):
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


def test_a_note_that_went_yesterday_is_recognised_today(forge, notes):
    forge.ok("run", notes)
    before = live(forge).keys()
    text = (notes / "Lakes.md").read_text()
    (notes / "Lakes.md").unlink()
    for _ in range(3):
        forge.ok("run", notes)
    (notes / "Great lakes.md").write_text(text.replace("ordinary", "typical"))
    forge.ok("run", notes)
    assert live(forge).keys() == before


def test_a_renamed_note_is_recognised_when_it_is_read_alone(forge, notes):
    forge.ok("run", notes)
    before = live(forge).keys()
    EDITS["one word"](notes)
    forge.ok("run", notes / "Great lakes.md")
    assert live(forge).keys() == before


def test_another_note_is_another_one(forge, notes):
    forge.ok("run", notes)
    before = live(forge).keys()
    (notes / "Lakes.md").unlink()
    (notes / "Seas.md").write_text(
        "The Aral sea holds ==a tenth of its former water== since its rivers water cotton in the desert.\n"
    )
    forge.ok("run", notes)
    assert len(live(forge).keys() - before) == 1


def test_a_note_that_cannot_be_read_is_not_gone(forge, notes):
    forge.ok("run", notes)
    before = live(forge).keys()
    (notes / "Great lakes.md").write_text(LAKES.replace("ordinary", "typical"))
    (notes / "Lakes.md").write_bytes(b"\xff\xfe\x00\x01 ==no text== \x00\xff")
    forge("run", notes)
    (notes / "Lakes.md").write_text(LAKES)
    forge.ok("run", notes)
    lakes = [card for card in live(forge).values() if card["document"].endswith("Lakes.md")]
    assert before <= live(forge).keys(), lakes


# --- short notes, copies ------------------------------------------------------------------------

ORGANELLE = "The organelle X1 holds about ==12 vesicles== at the membrane.\n"


@pytest.mark.parametrize("rejected", [False, True], ids=["accepted", "rejected"])
def test_a_passage_of_a_short_note_that_was_renamed_and_edited_is_asked_about(
    forge, vault, rejected
):
    (vault / "Cell.md").write_text(ORGANELLE)
    (vault / "Other.md").write_text("Katze:::cat\n")
    forge.ok("run", vault)
    [old] = [guid for guid, card in live(forge).items() if card["title"] == "Cell"]
    if rejected:
        forge.ok("reject", old)
    (vault / "Cell.md").unlink()
    (vault / "Cells.md").write_text(ORGANELLE.replace("membrane", "outer membrane"))
    assert "passages that may have moved" in forge.ok("run", vault).stdout
    [new] = [card for card in forge.cards() if card["title"] == "Cells"]
    assert new["verdict"] == "pending"
    assert [f["twin"] for f in new["findings"] if f["check"] == "moved_from"] == [old]
    if not rejected:
        forge.ok("merge", new["guid"], old)
        assert (
            len([card for card in live(forge).values() if "organelle" in str(card["fields"])]) == 1
        )
    else:
        forge.ok("distinct", new["guid"], old)
        assert "decided on" in live(forge)[new["guid"]]["waits"]


def test_the_next_daily_note_does_not_reword_the_cards_of_the_last(forge, vault):
    day = "# Log\n\nToday I slept ==7 hours== and then had a late breakfast at the table by the open window.\n"
    (vault / "2026-03-01.md").write_text(day)
    (vault / "Other.md").write_text("Katze:::cat\n")
    forge.ok("run", vault)
    (vault / "2026-03-01.md").unlink()
    (vault / "2026-03-02.md").write_text(day.replace("7", "6"))
    forge.ok("run", vault)
    accepted = [card for card in live(forge).values() if "slept" in str(card["fields"])]
    assert ["7 hours" in str(card["fields"]) for card in accepted] == [True]


@pytest.mark.parametrize("rejected", [False, True], ids=["accepted", "rejected"])
def test_a_passage_whose_first_copy_went_keeps_its_card(forge, vault, rejected):
    (vault / "A").mkdir()
    (vault / "B").mkdir()
    (vault / "A" / "N.md").write_text(ORGANELLE)
    (vault / "Other.md").write_text("Katze:::cat\n")
    forge.ok("run", vault)
    [first] = [card for card in forge.cards() if card["title"] == "N"]
    (vault / "B" / "N.md").write_text(ORGANELLE)
    forge.ok("run", vault)
    (vault / "A" / "N.md").unlink()
    forge.ok("run", vault)
    time.sleep(1)  # times are noted to the second
    forge.ok("run", vault)
    [(guid, card)] = [(one, card) for one, card in live(forge).items() if card["title"] == "N"]
    assert guid == first["guid"]
    assert card["document"] != first["document"]
    if rejected:
        forge.ok("reject", guid)
    before = {card["guid"]: card["verdict"] for card in forge.cards()}
    shutil.rmtree(forge.home / ".ankiforge")
    forge.ok("run", vault)
    assert {card["guid"]: card["verdict"] for card in forge.cards()} == before
    (vault / "A" / "N.md").write_text(ORGANELLE)
    forge.ok("run", vault)
    assert {card["guid"]: card["verdict"] for card in forge.cards()} == before


# --- whole vaults -------------------------------------------------------------------------------


def many(vault: Path, count: int) -> None:
    for number in range(count):
        (vault / f"N{number}.md").write_text(
            f"What is the element of number {number}?::E{number}\n"
        )


def test_a_vault_that_loses_most_of_many_notes_loses_none_until_that_is_confirmed(forge, vault):
    many(vault, 30)
    forge.ok("run", vault)
    before = live(forge).keys()
    for number in range(24):
        (vault / f"N{number}.md").rename(vault.parent / f"N{number}.md")
    for _ in range(3):
        told = forge("run", vault, code=1)
        assert "24 of its 30 documents with highlights are gone" in told.stderr
        assert "ankiforge run --confirm-deletions 24" in told.stderr
    forge.ok("run", vault, "--confirm-deletions", "24")
    forge.ok("run", vault)
    gone = [card for card in live(forge).values() if card["findings"]]
    assert live(forge).keys() == before
    assert len(gone) == 24


def test_a_folder_that_is_renamed_is_no_loss(forge, vault):
    (vault / "one").mkdir()
    many(vault / "one", 30)
    forge.ok("run", vault)
    before = live(forge).keys()
    (vault / "one").rename(vault / "two")
    forge.ok("run", vault)
    forge.ok("run", vault)
    assert live(forge).keys() == before


# --- papers -------------------------------------------------------------------------------------


@pytest.mark.parametrize("named", [True, False], ids=["by the name", "by the rectangle"])
def test_a_mark_of_a_pdf_whose_text_changed_keeps_its_card(forge, tmp_path, named):
    from samples.pdf_writer import Page, heading, mark, paragraph, write_pdf

    def write(words: str, top: str, name: str) -> None:
        pages = [Page([heading(top), paragraph(words)], [mark(words, name=name)])]
        write_pdf(tmp_path / "papers" / "paper.pdf", pages, title="Curves")

    (tmp_path / "papers").mkdir()
    name = "9b0c2c3e-1f60-4a57-aaaa" if named else ""
    words = "The receiver operating characteristic (ROC) plots two rates against one another."
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


@pytest.mark.parametrize("named", [True, False], ids=["by the names", "by the other marks"])
def test_the_marks_of_a_pdf_that_was_renamed_and_corrected_keep_their_cards(forge, tmp_path, named):
    from samples.pdf_writer import Page, mark, paragraph, write_pdf

    def write(path: Path, *sentences: str) -> None:
        marks = [
            mark(said, name=f"9b0c2c3e-1f60-4a57-{at}" * named) for at, said in enumerate(sentences)
        ]
        write_pdf(path, [Page([*map(paragraph, sentences)], marks)], title="Curves")

    papers = tmp_path / "papers"
    papers.mkdir()
    first = "The receiver operating characteristic (ROC) plots two rates against one another."
    second = "The area under the curve (AUC) is one half where the test is no better than a coin."
    write(papers / "paper.pdf", first, second)
    forge.ok("run", papers)
    before = live(forge).keys()
    assert len(before) == 2
    (papers / "paper.pdf").unlink()
    corrected = second if not named else second.replace("the test", "a test")
    write(papers / "Curves 2.pdf", first.replace("against one", "against each"), corrected)
    assert forge.json("run", papers)["highlights"]["new"] == 0
    assert live(forge).keys() == before
