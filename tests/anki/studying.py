"""A history of answers in the real Anki, and a workspace whose model draws the cards that are studied."""

import json
import time
from types import ModuleType
from typing import Any

ALPHA = "Alpha is the first letter of the Greek alphabet."
OLD, NEW, NEWEST = "Which letter comes first?", "Which Greek letter is the first?", "What is α?"
DAY_MS = 86_400_000


def study(anki: Any, guid: str, *, lapses: int, answers: int = 14, data: str = "") -> None:
    """Cards that are out of learning: an answer a day, the first ones wrong; `data` as FSRS has it."""
    now = int(time.time() * 1000)
    for card in anki.cards(guid):
        row = (2, 2, 3, answers, lapses, data, card.id)
        anki.col.db.execute(
            "update cards set type = ?, queue = ?, ivl = ?, reps = ?, lapses = ?, data = ?"
            " where id = ?",
            *row,
        )
        for at in range(answers):
            ease = 1 if at < lapses else 3
            told = (now - (answers - at) * DAY_MS + card.ord, card.id, ease, 3, 3, 2500, 9000)
            anki.col.db.execute("insert into revlog values (?, ?, -1, ?, ?, ?, ?, ?, 1)", *told)


def fail(anki: Any, guid: str) -> None:
    """One more wrong answer, by Anki's own scheduler."""
    card = anki.cards(guid)[0]
    anki.col.db.execute("update cards set type = 2, queue = 2, due = 0 where id = ?", card.id)
    anki.col.decks.select(card.did)
    queued = anki.col.get_card(anki.col.sched.get_queued_cards().cards[0].card.id)
    assert queued.id == card.id
    queued.start_timer()
    anki.col.sched.answerCard(queued, 1)


def remark(anki: Any, guid: str, words: str) -> None:
    """Typed while studying, a minute ago."""
    anki.edit(guid, Feedback=words)
    anki.col.db.execute("update notes set mod = mod - 60 where guid = ?", guid)


class Desk:
    """A workspace, its model, and the collection in which its cards are studied.

    It begins with one card, accepted and imported.
    """

    def __init__(self, forge: Any, backend: ModuleType, fake: ModuleType, model: Any) -> None:
        self.forge, self.backend, self.fake, self.model = forge, backend, fake, model
        (forge.folder / "notes").mkdir()
        (forge.folder / "notes" / "Greek.md").write_text(f"=={ALPHA}==\n", encoding="utf-8")
        self.settings()
        self.draws(OLD)
        forge.ok("run")
        forge.ok("accept", "--all")
        forge.ok("build")
        with self.anki() as anki:
            anki.load(forge.folder / "ankiforge.apkg")
        forge.ok("pull")
        self.old = str(self.card(OLD)["guid"])

    def settings(self, drafter: str = "llm") -> None:
        llm = {"base_url": self.model.base_url, "model": "fake-1", "candidates": 1}
        self.forge.settings(
            f"sources: [{{obsidian: {{name: notes, path: notes}}}}]\nllm: {json.dumps(llm)}\n"
            f"drafter: {drafter}\naccept: {{llm: clean}}\n"
        )

    def anki(self) -> Any:
        return self.backend.opened(self.forge.profile)

    def draws(self, *fronts: str, answer: str = "Alpha") -> None:
        """The model's next reply: a card of each."""
        cards = (
            self.fake.card("1", ALPHA, front, answer, fact=str(at))
            for at, front in enumerate(fronts, 1)
        )
        self.model.queue.append(self.fake.cards(*cards))

    def asked(self) -> str:
        """What the model was told last."""
        return json.dumps(self.model.asked[-1]["messages"], ensure_ascii=False)

    def studied(self, **history: Any) -> None:
        """The card it began with has a history, and that was looked at."""
        with self.anki() as anki:
            study(anki, self.old, **history)
        self.forge.ok("pull")

    def work(self) -> list[str]:
        """What needs work after a look."""
        self.forge.ok("pull")
        return [one["guid"] for one in self.forge.ok("list", "--view", "work", "--json").lines]

    def card(self, front: str) -> dict[str, Any]:
        [found] = [one for one in self.forge.cards() if one["fields"].get("Front") == front]
        return found
