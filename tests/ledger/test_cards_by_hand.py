"""Several cards by hand of one passage: each is its own note for ever, in its own words."""

import shutil
from pathlib import Path
from typing import Any

import pytest

PLAIN = "Sleep helps the brain to keep what it has learned, and to forget the rest."
PHRASE = "Working memory holds about four chunks at a time in most of us."
PASSAGES = {
    "plain": f"=={PLAIN}==",
    "drafted": PHRASE.replace("four chunks", "==four chunks=="),
}
"""Of the second one the rules draw a cloze."""

MADE = {
    "plain": (
        {"Text": "Sleep helps the {{c1::brain}} to keep what it has learned."},
        {"Text": "{{c1::Sleep}} helps the brain to keep what it has learned."},
        {"Front": "What helps the brain to keep what it has learned?", "Back": "sleep"},
        {"Front": "What does sleep let the brain forget?", "Back": "the rest"},
    ),
    "drafted": (
        {"Text": "{{c1::Working memory}} holds about four chunks at a time."},
        {"Text": "Most of us hold {{c1::four chunks}} at a time."},
        {"Front": "What holds about four chunks at a time?", "Back": "working memory"},
        {
            "Front": "How much does working memory hold at a time?",
            "Back": "about four chunks",
        },
    ),
}
"""Of each note type two; the second one's answer is the same as the rules', or as a question's."""


@pytest.fixture(params=["plain", "drafted"])
def desk(request, forge, vault: Path):
    """A vault of one passage; `desk.make()` makes all the cards of it, and tells their guids."""
    desk = Bench(forge, vault, request.param)
    desk.write(PASSAGES[request.param])
    desk.run()
    return desk


@pytest.fixture
def there(desk, forge_in, tmp_path: Path):
    """A second machine, with its own ledger and a copy of the journal so far."""
    forge = forge_in(tmp_path / "there")
    forge.home.mkdir(parents=True)
    shutil.copytree(desk.forge.home / "journal", forge.home / "journal")
    return Bench(forge, desk.vault, desk.passage)


class Bench:
    """The one passage, and what a person does with it."""

    def __init__(self, forge: Any, vault: Path, passage: str) -> None:
        self.forge = forge
        self.vault = vault
        self.passage = passage
        self.words = MADE[passage]
        self.drafted = passage == "drafted"

    def write(self, text: str) -> None:
        (self.vault / "a.md").write_text(f"{text}\n", encoding="utf-8")

    def run(self) -> Any:
        return self.forge.json("run", self.vault, "--accept", "review")

    @property
    def key(self) -> str:
        [mark] = self.forge.ok(
            "run", "--dry-run", "-v", self.vault / "a.md", "--json"
        ).lines
        return str(mark["key"])

    def one(self, number: int) -> str:
        return str(
            self.forge.json("edit", self.key, *as_said(self.words[number]))["guid"]
        )

    def make(self, *numbers: int) -> list[str]:
        return [self.one(number) for number in numbers or range(len(self.words))]

    def lose(self) -> None:
        shutil.rmtree(self.forge.home / ".ankiforge")


def as_said(fields: dict[str, str]) -> list[str]:
    return [word for name, text in fields.items() for word in ("--field", name, text)]


def told(forge: Any) -> dict[str, list[Any]]:
    """What a reader would miss of each card."""
    names = ("fields", "kind", "verdict", "quote", "deck", "accepted_by")
    return {card["id"]: [card[name] for name in names] for card in forge.cards()}


def live(forge: Any) -> dict[str, list[Any]]:
    return {guid: card for guid, card in told(forge).items() if card[2] == "accepted"}


def test_each_is_a_note_of_its_own_whatever_is_run_again(desk):
    made = desk.make()
    assert len(set(made)) == 4
    before = told(desk.forge)
    assert len(before) == 4 + desk.drafted
    assert [before[guid][0] for guid in made] == list(desk.words)
    again = desk.run()
    assert (again["notes"]["written"], told(desk.forge)) == (4, before)
    after = told(desk.forge)
    assert [after[guid] for guid in made] == [before[guid] for guid in made]


def test_a_lost_ledger_brings_each_back_under_its_own_guid(desk):
    desk.make(3, 1, 2, 0)
    before = told(desk.forge)
    desk.lose()
    for _ in range(2):
        desk.run()
        assert told(desk.forge) == before


@pytest.mark.parametrize("known", [True, False], ids=["it had the passage", "it is new"])
def test_another_machine_has_each_once(desk, there, known):
    if known:
        there.run()
    made = desk.make(0, 2)
    if known:
        there.make(1)
    together(desk, there)
    desk.run()
    there.run()
    assert set(made) <= told(desk.forge).keys()
    assert told(there.forge) == told(desk.forge)
    assert len(live(desk.forge)) == 2 + known
    desk.lose()
    desk.run()
    assert told(desk.forge) == told(there.forge)


def together(desk: Bench, there: Bench) -> None:
    """Both machines have the files of both."""
    folders = [one.forge.home / "journal" for one in (desk, there)]
    for here, other in (folders, folders[::-1]):
        for file in here.iterdir():
            if (
                not (other / file.name).exists()
                or file.stat().st_size > (other / file.name).stat().st_size
            ):
                shutil.copy(file, other)


CHANGES = [
    ("plain", "helps the brain", "helps every brain"),
    ("drafted", "about four chunks", "about five chunks"),
    ("drafted", "==four chunks==", "==about four chunks=="),
]


@pytest.mark.parametrize(
    ("desk", "old", "new"), CHANGES, indirect=["desk"], ids=[new for *_, new in CHANGES]
)
def test_each_keeps_its_words_when_the_source_is_edited(desk, old, new):
    made = desk.make()
    before = told(desk.forge)
    desk.write(PASSAGES[desk.passage].replace(old, new))
    desk.run()
    check_kept(desk, made, before)
    desk.lose()
    desk.run()
    check_kept(desk, made, before)


def check_kept(desk: Bench, made: list[str], before: dict[str, list[Any]]) -> None:
    after = told(desk.forge)
    assert [after[guid][:3] for guid in made] == [before[guid][:3] for guid in made]


def test_one_undo_after_another_takes_each_back(desk):
    first, second = desk.make(0, 1)
    before = live(desk.forge)
    desk.forge.ok("undo")
    assert live(desk.forge) == {
        guid: card for guid, card in before.items() if guid != second
    }
    desk.forge.ok("undo")
    left = live(desk.forge)
    assert left == {
        guid: card for guid, card in before.items() if guid not in (first, second)
    }
    desk.lose()
    desk.run()
    assert live(desk.forge) == left
    assert desk.make(1, 0) == [second, first]
    assert live(desk.forge) == before


@pytest.mark.parametrize(
    "note",
    [
        "The sign \\` opens ==inline code== in a text of a note.\n\nAnother \\` closes it.\n",
        "What opens code::The sign \\`\n\nAnother \\` closes it.\n",
        "Code in a fence of {{c1::tildes}} may have others.\n\n~~~\n```\n~~~\n\nAs ``` here.\n",
        "The sign \\$ begins a ==macron== in a text of a note.\n\nIt is \\$5 there.\n",
    ],
)
def test_signs_of_markup_that_are_words_change_no_source(forge, vault, note):
    (vault / "signs.md").write_text(note, encoding="utf-8")
    forge.ok("run", vault, "--accept", "clean")
    forge("accept", "--all")
    [card] = forge.cards("verdict:accepted")
    assert card["findings"] == []
