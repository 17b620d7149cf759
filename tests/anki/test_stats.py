"""What `stats` tells of a year of study is what Anki's own statistics tell, and what was simulated."""

import os
import random
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

if not os.environ.get("ANKIFORGE_REQUIRE_ALL"):
    pytest.importorskip("fsrs")

from tests.anki.studied import Study, started, write

NOTES = {
    "Cells": [f"Zelle {n}:::cell {n}" for n in range(12)],
    "Law": [f"Recht {n}:::law {n}" for n in range(8)],
}


@dataclass
class World:
    """A year of study, seen by the program and by Anki."""

    forge: Any
    anki: Any
    study: Study
    document_of: dict[int, str]
    """By the id of an Anki card the title of its note."""
    told: Any
    """`stats --json`."""

    @property
    def graphs(self) -> Any:
        """Anki's own statistics page, of all time."""
        return self.anki.col._backend.graphs(search="", days=0)


@pytest.fixture(scope="module")
def world(tmp_path_factory: pytest.TempPathFactory, forge_in: Any, backend: Any) -> Iterator[World]:
    folder = tmp_path_factory.mktemp("year")
    forge, vault = forge_in(folder), folder / "notes"
    (vault / ".obsidian").mkdir(parents=True)
    for name, lines in NOTES.items():
        (vault / f"{name}.md").write_text(f"# {name}\n\n" + "\n\n".join(lines) + "\n")
    forge.ok("run", vault)
    with backend.opened(forge.profile) as anki:
        anki.load(forge.folder / "ankiforge.apkg")
        study, documents = _studied(forge, anki)
    with backend.opened(forge.profile) as anki:  # Anki reads when it was made as it opens
        forge.ok("run", vault)
        yield World(forge, anki, study, documents, forge.json("stats"))


def _studied(forge: Any, anki: Any) -> tuple[Study, dict[int, str]]:
    now = datetime.now(UTC)
    begin, until = started(390, now), now - timedelta(hours=2)
    anki.col.db.execute("update col set crt = ?", int(begin.timestamp()) - 8 * 3600)
    anki.col.set_config("fsrs", True)
    study, cards, documents = Study(random.Random(7)), {}, {}
    for n, one in enumerate(forge.cards()):
        for card in anki.cards(one["guid"]):
            documents[card.id] = "Cells" if "Zelle" in str(one["fields"]) else "Law"
            if n % 9:  # some stay new
                first = begin + timedelta(days=n * 5, seconds=n)
                cards[card.id] = study.learn(card.id, first, until)
    write(anki.col, study, cards, begin - timedelta(hours=8))
    suspended = sorted(cards)[:2]
    anki.col.sched.suspend_cards(suspended)
    return study, documents


def test_every_answer_is_counted_with_its_day_and_its_time(world):
    told, answers = world.told["anki"], world.study.answers

    assert len(answers) > 300
    assert told["answers"] == len(answers)
    assert told["seconds"] == pytest.approx(sum(one.seconds for one in answers), abs=0.2)
    days = Counter(_anki_day(one.at) for one in answers)
    assert told["days"] == {day.isoformat(): many for day, many in sorted(days.items())}


def test_retention_is_what_anki_calls_true_retention(world):
    told, anki = world.told["anki"], world.graphs.true_retention.all_time

    assert told["young_remembered"] == anki.young_passed > 20
    assert told["young_tested"] == anki.young_passed + anki.young_failed
    assert told["mature_remembered"] == anki.mature_passed > 20
    assert told["mature_tested"] == anki.mature_passed + anki.mature_failed
    passed = anki.young_passed + anki.mature_passed
    tested = passed + anki.young_failed + anki.mature_failed
    assert told["retention"] == pytest.approx(passed / tested, abs=1e-4)


def test_cards_are_as_old_as_anki_says(world):
    told, anki = world.told["anki"], world.graphs.card_counts.including_inactive

    assert (told["new"], told["learning"], told["young"], told["mature"]) == (
        anki.newCards,
        anki.learn + anki.relearn,
        anki.young,
        anki.mature,
    )
    assert told["suspended"] == 2


def test_the_load_is_what_anki_forecasts(world):
    forecast = Counter(dict(world.graphs.future_due.future_due))
    load = world.told["load"]

    late = sum(many for day, many in forecast.items() if day < 0)
    assert load["overdue"] == late
    told = [one["cards"] for one in load["days"]]
    assert told == [late + forecast[0], *(forecast[n] for n in range(1, 30))]
    assert sum(told) > 5


def test_what_is_remembered_now_is_what_anki_reckons(world):
    anki = world.graphs.retrievability

    assert anki.sum_by_card > 5
    assert world.told["anki"]["remembered_now"] == pytest.approx(anki.average / 100, abs=0.02)


def test_each_document_has_its_own_sums(world):
    groups = {one["label"]: one for one in world.told["by"]["document"]}

    assert set(groups) == set(NOTES)
    for title, group in groups.items():
        mine = [one for one in world.study.answers if world.document_of[one.card] == title]
        tested = [one for one in mine if one.kind == 1 or one.last_interval >= 1]
        assert group["answers"] == len(mine)
        assert group["young_tested"] + group["mature_tested"] == len(tested)
        passed = group["young_remembered"] + group["mature_remembered"]
        assert passed == sum(one.ease > 1 for one in tested)
        assert sum(one["answers"] for one in group["months"].values()) == len(mine)


def test_since_leaves_out_what_was_before(world):
    since = (datetime.now() - timedelta(days=60)).date()
    told = world.forge.json("stats", "--since", since.isoformat())["anki"]

    later = [one for one in world.study.answers if _anki_day(one.at) >= since]
    assert 0 < told["answers"] == len(later) < len(world.study.answers)
    assert told["first"] >= since.isoformat()
    assert told["remembered_now"] == world.told["anki"]["remembered_now"]


def test_a_deck_without_fsrs_has_an_ease_and_leeches_are_counted(forge, backend, tmp_path):
    with _small(forge, backend, tmp_path) as anki:
        note, other = (anki.note(one["guid"]) for one in forge.cards())
        first, second = (note.cards()[0].id, other.cards()[0].id)
        anki.col.db.execute(
            "update cards set type = 2, queue = 2, ivl = 30, lapses = 9, factor = 1900"
            " where id = ?", first,
        )  # fmt: skip
        anki.col.db.execute(
            "update cards set type = 2, queue = 2, factor = 2500 where id = ?", second
        )
        anki.col.tags.bulk_add([note.id], "leech")
    forge.ok("pull")

    told = forge.json("stats")["anki"]
    assert (told["leeches"], told["lapses"], told["difficulty"]) == (1, 9, None)
    assert told["ease"] == pytest.approx(2.2)
    assert "ease 220 %" in forge.ok("stats").stdout


def test_the_hour_at_which_a_day_begins_is_that_of_the_collection(forge, backend, tmp_path):
    """At half past ten in the evening, where days begin at eleven; an export does not tell that."""
    late = (datetime.now() - timedelta(days=9)).replace(hour=22, minute=30)
    with _small(forge, backend, tmp_path) as anki:
        anki.col.set_config("rollover", 23)
        card = anki.cards(forge.cards()[0]["guid"])[0].id
        row = (int(late.timestamp() * 1000), card, 3, 9, 4, 2500, 7000)
        anki.col.db.execute("insert into revlog values (?, ?, -1, ?, ?, ?, ?, ?, 1)", *row)
        backend.export(anki.col, tmp_path / "all.apkg", legacy=False, scheduling=True)
    day_before = (late - timedelta(days=1)).date().isoformat()

    forge.ok("pull", "--apkg", tmp_path / "all.apkg")
    assert forge.json("stats")["anki"]["days"] == {late.date().isoformat(): 1}
    forge.ok("pull")
    assert forge.json("stats")["anki"]["days"] == {day_before: 1}
    forge.ok("pull", "--apkg", tmp_path / "all.apkg")
    assert forge.json("stats")["anki"]["days"] == {day_before: 1}


def test_a_deck_is_found_by_the_name_it_has_in_anki(forge, backend, tmp_path):
    """Anki takes signs in a name that no deck of ours is given."""
    with _small(forge, backend, tmp_path) as anki:
        note = anki.note(forge.cards()[0]["guid"])
        moved = anki.col.decks.id('The "best" of all::one')
        anki.col.set_deck([card.id for card in note.cards()], moved)
    forge.ok("pull")

    assert forge.json("stats", "--deck", 'The "best" of all')["funnel"]["drafts"] == 1


def test_a_card_is_counted_in_the_deck_it_lies_in_not_in_that_of_its_sibling(
    forge, backend, tmp_path
):
    """A person keeps the other way round apart."""
    at = int(datetime.now().timestamp() * 1000) - 3 * 86_400_000
    with _small(forge, backend, tmp_path) as anki:
        first, second = anki.cards(forge.cards()[0]["guid"])
        anki.col.set_deck([second.id], anki.col.decks.id("Backwards"))
        for n, (card, ease) in enumerate(((first, 3), (second, 1), (second, 1))):
            row = (at + n, card.id, ease, 9, 4, 2500, 7000)
            anki.col.db.execute("insert into revlog values (?, ?, -1, ?, ?, ?, ?, ?, 1)", *row)
    forge.ok("pull")

    decks = {one["name"]: one for one in forge.json("stats")["by"]["deck"]}
    assert (decks["Backwards"]["cards"], decks["Backwards"]["answers"]) == (1, 2)
    assert (decks["Reading"]["cards"], decks["Reading"]["retention"]) == (3, 1.0)
    told = forge.json("stats", "--deck", "Backwards")
    apart = told["anki"]
    assert told["missing"] == ["highlights are counted only for all cards together"]
    assert (apart["cards"], apart["answers"], apart["retention"]) == (1, 2, 0.0)
    rest = forge.json("stats", "--deck", "Reading")["anki"]
    assert (rest["cards"], rest["answers"], rest["retention"]) == (3, 1, 1.0)


@contextmanager
def _small(forge: Any, backend: Any, tmp_path: Path) -> Iterator[Any]:
    """A collection with two notes of one vault, open."""
    vault = tmp_path / "notes"
    (vault / ".obsidian").mkdir(parents=True)
    (vault / "Two.md").write_text("# Two\n\nKatze:::cat\n\nHund:::dog\n")
    forge.ok("run", vault)
    with backend.opened(forge.profile) as anki:
        anki.load(forge.folder / "ankiforge.apkg")
        yield anki


def _anki_day(at: datetime) -> Any:
    """Days begin at four in the morning, local time."""
    return (at.astimezone() - timedelta(hours=4)).date()
