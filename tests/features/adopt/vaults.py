"""Vaults and collections as other tools leave them, studied for a year."""

import random
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from typing import Any

HEADS = "The {} of experiment {} in series {}"
WORDS = (
    "osmosis entropy catalyst helicase membrane isotope tangent quorum monsoon".split()
)


@dataclass
class Made:
    """One note that a tool made: how it is written, and how a correction of it is."""

    kind: str
    front: str
    back: str
    id: str = ""


def texts(count: int) -> Iterator[Made]:
    """Distinct cards: two thirds have two sides, one third are clozes where the tool has them."""
    for at in range(count):
        word = WORDS[at % len(WORDS)]
        yield Made(
            "cloze" if at % 3 == 2 else "basic",
            HEADS.format(word, at, at // 7),
            f"{word} number {at}",
        )


Write = Callable[[list[Made]], dict[str, str]]


def o2a(made: list[Made]) -> dict[str, str]:
    """START … END, with the id as the tool writes it."""
    parts = []
    for one in made:
        if one.kind == "cloze":
            parts.append(
                f"START\nCloze\n{one.front}: {{{{c1::{one.back}}}}}.\n<!--ID: {one.id}-->\nEND"
            )
        else:
            parts.append(
                f"START\nBasic\n{one.front}?\nBack: {one.back}\n<!--ID: {one.id}-->\nEND"
            )
    return in_notes(parts)


def flashcards(made: list[Made]) -> dict[str, str]:
    """`#card` and clozes, each with the id as a block id on the line below."""
    return in_notes(
        [
            f"{one.front}: {{{{c1::{one.back}}}}}.\n^{one.id}"
            if one.kind == "cloze"
            else f"{one.front}? #card\n{one.back}\n^{one.id}"
            for one in made
        ]
    )


def in_notes(parts: list[str]) -> dict[str, str]:
    return {
        f"Note {at // 40}.md": "\n\n".join(parts[at : at + 40]) + "\n"
        for at in range(0, len(parts), 40)
    }


TOOLS: dict[str, tuple[Write, str, str, list[str]]] = {
    "o2a": (o2a, "Basic", "Cloze", ["Obsidian_to_Anki"]),
    "flashcards": (flashcards, "Obsidian-basic", "Obsidian-cloze", ["obsidian"]),
}
"""By tool: how it writes notes, its note types for two sides and for clozes, its tags."""


def fill(col: Any, tool: str, made: list[Made]) -> None:
    """Add the notes of a tool to a collection, as it does through AnkiConnect; they get their ids."""
    _, basic, cloze, tags = TOOLS[tool]
    deck = col.decks.id("Vault::Physics")
    for at, one in enumerate(made):
        kind = note_type(
            col, cloze if one.kind == "cloze" else basic, cloze=one.kind == "cloze"
        )
        note = col.new_note(kind)
        if one.kind == "cloze":
            note.fields[0] = f"{one.front}: {{{{c1::{one.back}}}}}."
        else:
            note.fields[0], note.fields[1] = f"{one.front}?", one.back
        one.id = str(1_600_000_000_000 + at)
        note.tags = tags
        col.add_note(note, deck)
        mod = 1_600_000_000 + at
        col.db.execute(
            "update notes set id = ?, mod = ? where id = ?", int(one.id), mod, note.id
        )
        col.db.execute("update cards set nid = ? where nid = ?", int(one.id), note.id)


def note_type(col: Any, name: str, *, cloze: bool) -> Any:
    found = col.models.by_name(name)
    if found:
        return found
    kind = col.models.copy(col.models.by_name("Cloze" if cloze else "Basic"), add=False)
    kind["name"], kind["id"] = name, 0
    col.models.add_dict(kind)
    return col.models.by_name(name)


def study(col: Any) -> None:
    """A year of reviews: every card has a history, an interval and a due date of its own."""
    chance = random.Random(7)
    rows, cards = [], []
    start = 1_700_000_000_000
    for (id,) in col.db.all("select id from cards order by id"):
        interval, day = 1, 0
        while day < 365:
            ease = 1 if chance.random() < 0.1 else 3
            before, interval = interval, 1 if ease == 1 else interval * 2
            start += 1
            rows.append(
                (start + day * 86_400_000, id, -1, ease, interval, before, 2500, 4000, 1)
            )
            day += interval
        cards.append(
            (day - 200, interval, len(rows), chance.randrange(5), 1_700_000_000, id)
        )
    col.db.executemany("insert into revlog values (?, ?, ?, ?, ?, ?, ?, ?, ?)", rows)
    col.db.executemany(
        "update cards set type = 2, queue = 2, factor = 2500, due = ?, ivl = ?, reps = ?,"
        " lapses = ?, mod = ? where id = ?",
        cards,
    )


def history(col: Any) -> tuple[Any, Any]:
    """All that a review is worth: the rows of the cards and of the review log."""
    return (
        col.db.all("select * from cards order by id"),
        col.db.all("select * from revlog order by id"),
    )


# --- obsidian-spaced-repetition -------------------------------------------------------------------


def scheduled(count: int, today: date) -> tuple[str, dict[str, tuple[date, int]]]:
    """A note with a schedule in each form beside each card; by front: when it is due, and its interval."""
    chance = random.Random(5)
    parts, wanted = ["---\ntags: [flashcards]\n---\n"], {}
    for at in range(count):
        front, interval = (
            f"What is term {at} of list {at // 9}?",
            chance.randrange(1, 900),
        )
        due = today + timedelta(days=chance.randrange(-90, interval + 1))
        comment = f"<!--SR:!{due},{interval},{chance.randrange(130, 330)}-->"
        if at % 3 == 1:
            comment = f"<!--SR:!fsrs,{due}T09:30:00.000Z,{interval},{interval}.2,5.1,2,9,1,0,{today}T09:30:00.000Z-->"
        sign = " " if at % 3 == 2 else "\n"
        parts.append(f"{front}::word number {at}{sign}{comment}\n")
        wanted[front] = (due, interval)
    return "\n".join(parts), wanted


def schedules(col: Any) -> dict[str, tuple[date, int]]:
    """When the cards in Anki are due, and their intervals, by the first fields of their notes."""
    rows = col.db.all(
        "select n.flds, c.due, c.ivl from cards c join notes n on n.id = c.nid where c.type = 2"
    )
    today = date.today() - timedelta(days=datetime.now().hour < 4)
    return {
        text.split("\x1f")[0]: (today + timedelta(days=due - col.sched.today), interval)
        for text, due, interval in rows
    }


# --- a vault and a collection of one tool ---------------------------------------------------------

VAULT = "sources:\n  - obsidian: {{name: notes, path: vault, cards: [{}]}}\n"


class World:
    """A vault and a collection of one tool, studied for a year."""

    def __init__(self, forge: Any, anki: Any, tool: str) -> None:
        self.forge, self.anki, self.tool, self.col = forge, anki, tool, anki.col
        self.vault = forge.folder / "vault"
        (self.vault / ".obsidian").mkdir(parents=True)
        forge.settings(VAULT.format("o2a" if tool == "o2a" else "inline, block, cloze"))
        self.made = list(texts(9))
        fill(self.col, tool, self.made)
        study(self.col)
        self.write()

    def write(self) -> None:
        for name, text in TOOLS[self.tool][0](self.made).items():
            path = self.vault / name
            path.parent.mkdir(exist_ok=True)
            if not path.exists() or path.read_text(encoding="utf-8") != text:
                path.write_text(text, encoding="utf-8")

    def adopt(self, *options: str) -> Any:
        return self.forge.json("adopt", "--from", self.tool, "--yes", *options)

    def ship(self, **options: Any) -> dict[str, int]:
        """Run, and import what there is."""
        self.forge.ok("run")
        package = self.forge.folder / "ankiforge.apkg"
        return self.anki.load(package, **options) if package.exists() else {}

    def fields(self, at: int) -> list[str]:
        fields: list[str] = self.col.get_note(int(self.made[at].id)).fields
        return fields
