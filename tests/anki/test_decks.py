"""New notes go to the decks that the settings or a person say; what is in Anki stays where it is.

Tags are merged: what a person adds or removes, here or in Anki, stands.
"""

from typing import Any

import pytest

from tests.anki import stories
from tests.anki.stories import do, list_cases

CELLS = "What is a Katze?::cat\n"
MORE = CELLS + "\nWhat is a Hund?::dog\n"
LINE = "sources:\n  - obsidian: {{name: notes, path: notes, cards: [inline, o2a]}}\n{}"


class Desk(stories.Desk):
    """A workspace whose settings say where cards go."""

    def setting(self, decks: str, more: str = "") -> None:
        self.forge.settings(LINE.format(f"decks: {decks}\n{more}"))

    def note_of(self, text: str, name: str = "Bio/Cells.md") -> None:
        path = self.notes / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text, encoding="utf-8")

    def set_deck(self, name: str, deck: str) -> None:
        """Run for one note, whose new cards are to go to this deck."""
        self.forge.ok("run", self.notes / name, "--deck", deck)

    def deck_of(self, word: str) -> str:
        [card, *_] = self.in_anki(word).cards()
        return str(self.col.decks.name(card.did))

    def in_decks(self, **decks: str) -> None:
        """The notes with these words are in these decks."""
        assert {word: self.deck_of(word) for word in decks} == decks

    def place(self, code: int = 0, told: str = "", **fields: str) -> None:
        """The person types deck or tags of a card, or of the draft that waits."""
        typed = [part for field in fields.items() for part in ("--field", *field)]
        came = self.forge("edit", self.card()["id"], *typed, code=code)
        assert told in came.stdout + came.stderr

    def listed(self, query: str, count: int) -> None:
        assert len(self.forge.ok("list", "--json", query).lines) == count

    def move(self, word: str, deck: str) -> None:
        """The person moves the cards of a note."""
        cards = [card.id for card in self.in_anki(word).cards()]
        self.col.set_deck(cards, self.col.decks.id(deck))

    def rename_deck(self, old: str, new: str) -> None:
        self.col.decks.rename(self.col.decks.id(old), new)

    def decks_there(self, *names: str) -> None:
        found = {one.name for one in self.col.decks.all_names_and_ids()} - {"Default"}
        assert found == set(names)


@pytest.fixture
def desk(forge: Any, anki: Any) -> Desk:
    return Desk(forge, anki)


STORIES: dict[str, tuple[Any, ...]] = {
    "another setting moves nothing": (
        do.setting("one"), do.note_of(MORE), do.ship(), do.in_decks(Katze="Reading", Hund="Reading"),
        do.move("Hund", "My own"), do.run(), do.setting("book"), do.note_of(MORE + "\nWhat is a Maus?::mouse\n"),
        do.run(), do.load(new=1),
        do.in_decks(Katze="Reading", Hund="My own", Maus="Reading::Bio"), do.run(written=0),
        do.note_of(MORE.replace("cat", "the cat")), do.ship(),
        do.in_decks(Katze="Reading", Hund="My own", Maus="Reading::Bio"),
    ),
    "what Anki never had follows the setting, drafts too": (
        do.setting("one", "accept: {rules: review}\n"), do.note_of(MORE), do.run(),
        lambda desk: desk.forge.ok("accept", desk.forge.ok("list", "verdict:waiting", "--json").lines[0]["id"]),
        do.run(written=1), do.setting("book", "accept: {rules: review}\n"), do.run(written=1),
        do.say("accept", "--all"), do.run(written=2), do.load(new=2),
        do.in_decks(Katze="Reading::Bio", Hund="Reading::Bio"), do.decks_there("Reading", "Reading::Bio"),
    ),
    "a deck that a person names stays": (
        do.setting("source"), do.note_of("TARGET DECK: Mine::Own\n\nSTART\nBasic\nWhat is a Katze?\nBack: cat\nEND\n"),
        do.note_of("---\ncards-deck: Uni\n---\nWhat is a Hund?::dog\n", "B.md"),
        do.note_of("What is a Maus?::mouse\n", "C.md"), do.set_deck("C.md", "Given"), do.run(), do.load(),
        do.in_decks(Katze="Mine::Own", Hund="Uni", Maus="Given"), do.setting("tag"), do.run(written=0),
    ),
    "a deck is renamed before it was seen while one of its three cards lies elsewhere": (
        do.setting("one"), do.note_of(MORE + "\nWhat is a Maus?::mouse\n"), do.ship(), do.move("Hund", "Mine"),
        do.rename_deck("Reading", "Lesen"), do.note_of("What is a Kuh?::cow\n", "New/D.md"), do.ship(),
        do.in_decks(Hund="Mine", Kuh="Lesen"), do.decks_there("Lesen", "Mine"),
    ),
    "a deck that a person renamed or moved gets the new notes": (
        do.setting("book"), do.note_of(CELLS), do.note_of("What is a Hund?::dog\n", "Med/B.md"), do.ship(),
        do.rename_deck("Reading", "Uni::Lesen"), do.rename_deck("Uni::Lesen::Bio", "Uni::Lesen::Biology"),
        do.note_of(CELLS + "\nWhat is a Maus?::mouse\n"), do.note_of("What is a Pferd?::horse\n", "Med/C.md"),
        do.note_of("What is a Kuh?::cow\n", "New/D.md"), do.ship(),
        do.in_decks(Maus="Uni::Lesen::Biology", Pferd="Uni::Lesen::Med"),
        do.decks_there("Uni", "Uni::Lesen", "Uni::Lesen::Biology", "Uni::Lesen::Med", "Reading", "Reading::New"),
    ),
    "a person chooses the deck of a new note; rules and sources change nothing more": (
        do.setting("one"), do.note_of(MORE), do.run(), do.place(Deck=' Uni::"Cats" '), do.run(written=2),
        do.setting("book"), do.run(), do.load(new=2),
        do.in_decks(Katze="Uni::Cats", Hund="Reading::Bio"), do.lose(), do.run(written=0), do.note_of(MORE.replace("cat", "the cat")), do.ship(),
        do.in_decks(Katze="Uni::Cats"), do.note(Back="the cat"),
        do.place(Deck="Mine", code=1, told="Anki has this card in the deck Uni::Cats"), do.run(written=0),
    ),
    "a waiting draft is placed with its acceptance, and one undo takes both back": (
        do.setting("one", "accept: {rules: review}\n"), do.note_of(CELLS), do.run(), do.place(Deck="Uni", Tags="mine"),
        do.card("Katze", verdict="accepted", deck="Uni", tags=["ankiforge::doc::cells", "mine"]), do.say("undo"),
        do.listed("deck:Reading -tag:mine verdict:waiting", 1), do.accepted(), do.ship(), do.in_decks(Katze="Reading"),
        do.tags("ankiforge::doc::cells", without=("mine",)),
    ),
    "a person's tags here, those of the source, and those in Anki": (
        do.setting("one"), do.note_of("---\ntags: [bio, old]\n---\n" + CELLS), do.go(), do.tags("bio", "old"),
        do.place(Tags="OLD mine"), do.ship(), do.tags("old", "mine", "ankiforge::doc::cells", without=("bio",)),
        do.tag("theirs", removed="old"), do.note_of("---\ntags: [bio, old, new]\n---\n" + CELLS), do.go(),
        do.tags("mine", "theirs", "new", without=("bio", "old")), do.listed("tag:new tag:mine", 1), do.listed("tag:bio", 0),
        do.place(Tags="mine new", told="nothing was changed"),
        do.place(Tags="new mine old", code=1, told="removed the tag old in Anki"),
        do.place(Tags="ankiforge::retired", code=1, told="ankiforge's own"),
        do.place(Tags="ankiforge::retired", code=1, told="choose another name"),
        do.note_of("---\ntags: [old]\n---\n" + CELLS), do.go(), do.tags("mine", "theirs", without=("bio", "new")),
        do.note_of("---\ntags: [bio, old]\n---\n" + CELLS), do.go(), do.tags(without=("bio",)),
        do.say("undo", "CARD"), do.go(), do.tags("theirs", "bio", without=("mine",)),
    ),
    "the tags of a card whose source is gone": (
        do.setting("one"), do.note_of("---\ntags: [bio]\n---\n" + CELLS), do.note_of("What is a Hund?::dog\n", "B.md"),
        do.go(), lambda desk: (desk.notes / "Bio/Cells.md").unlink(), do.run(), do.place(Tags="mine"), do.ship(),
        do.tags("mine", "ankiforge::doc::cells", without=("bio",)),
    ),
    "one note that is moved moves no other": (
        do.setting("one"), do.note_of(CELLS), do.ship(), do.move("Katze", "Mine"), do.note_of(MORE), do.ship(),
        do.in_decks(Katze="Mine", Hund="Reading"),
    ),
}  # fmt: skip


@pytest.mark.parametrize("steps", list_cases(STORIES))
def test_a_story(desk, steps):
    for step in steps:
        step(desk)
