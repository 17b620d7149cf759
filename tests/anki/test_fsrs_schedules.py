"""A schedule that FSRS wrote into a note arrives as Anki stores a card that was studied there."""

import json
import random
from datetime import UTC, datetime, time, timedelta
from typing import Any

import pytest

pytestmark = pytest.mark.core

COLUMNS = "type, queue, due, ivl, factor, reps, lapses, c.data"
COUNT = 20


def study(col: Any) -> None:
    """Answer twenty cards in Anki, until some are in learning, in review and in relearning."""
    col.set_config("fsrs", True)
    for number in range(COUNT):
        note = col.new_note(col.models.by_name("Basic"))
        note["Front"], note["Back"] = f"studied {number:02}", "b"
        col.add_note(note, col.decks.id("Default"))
    chance = random.Random(4)
    for _ in range(4):
        for _ in range(COUNT):
            card = col.sched.getCard()
            if card:
                col.sched.answerCard(card, chance.choice((1, 2, 3, 3, 4)))
        col.db.execute("update cards set due = 0 where type = 2")
    for _ in range(8):
        card = col.sched.getCard()
        if card:
            col.sched.answerCard(card, 3)


def read(col: Any, front: str) -> dict[str, Any]:
    """What Anki stores for each card, by the number in its front."""
    rows = col.db.all(
        f"select n.flds, {COLUMNS} from cards c join notes n on n.id = c.nid"
        " where n.flds like ? and c.reps > 0",
        f"%{front}%",
    )
    return {flds.split("\x1f")[0].split()[-1].strip("?"): row for flds, *row in rows}


def write_comment(col: Any, row: list[Any]) -> str:
    """Write the schedule of a card as obsidian-spaced-repetition does."""
    type, _, due, interval, _, reviews, lapses, data = row
    memory = json.loads(data)
    when = datetime.fromtimestamp(due, UTC)
    if type == 2:
        now = datetime.now() - timedelta(hours=4)
        day = now.date() + timedelta(days=due - col.sched.today)
        when = datetime.combine(day, time(12)).astimezone(UTC)
    else:
        interval = 0
    # older Ankis do not store when a card was last reviewed
    last = datetime.fromtimestamp(memory.get("lrt", 1_700_000_000), UTC)
    times = [f"{each:%Y-%m-%dT%H:%M:%S}.000Z" for each in (when, last)]
    state = f"{memory['s']},{memory['d']},{type},{reviews},{lapses},0"
    return f"<!--SR:!fsrs,{times[0]},{interval},{state},{times[1]}-->"


def test_a_schedule_of_fsrs_is_stored_as_anki_stores_its_own(
    forge: Any, anki: Any
) -> None:
    study(anki.col)
    studied = read(anki.col, "studied")
    assert {row[0] for row in studied.values()} == {1, 2, 3}
    lines = [
        f"What is term {number}?::word {number} {write_comment(anki.col, row)}\n"
        for number, row in studied.items()
    ]
    vault = forge.folder / "vault"
    (vault / ".obsidian").mkdir(parents=True)
    (vault / "a.md").write_text("#flashcards\n\n" + "\n".join(lines))
    forge.settings("sources:\n  - obsidian: {name: notes, path: vault, cards: [osr]}\n")

    adopted = forge.json("adopt", "--from", "sr", "--yes")
    assert adopted["scheduled"] == len(studied) == COUNT
    forge.ok("run")
    anki.load(forge.folder / "ankiforge.apkg", with_scheduling=True)

    arrived = read(anki.col, "What is term")
    for number, row in studied.items():
        *columns, factor, reviews, lapses, data = arrived[number]
        if row[0] == 3:
            # the plug-in stores no interval for relearning, and Anki varies its own a little
            assert columns.pop() == max(1, round(json.loads(row[7])["s"]))
        assert [*columns, reviews, lapses] == [*row[: len(columns)], *row[5:7]]
        # the plug-in has no ease; Anki's own falls with each lapse
        assert factor == (0 if row[0] == 1 else 2500)
        memory = json.loads(row[7])
        for name in ("s", "d", "lrt"):
            if name in memory:
                assert json.loads(data)[name] == memory[name]
