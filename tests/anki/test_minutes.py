"""Minutes a day: what is read of a real collection, what fits, and the limit set in Anki."""

import json
import time
from collections.abc import Iterator
from contextlib import closing
from datetime import datetime
from pathlib import Path
from typing import Any

import pytest
from msgspec.structs import replace

from ankiforge.anki.collection import open_view
from ankiforge.anki.connect import AnkiConnect
from ankiforge.anki.forecast import AHEAD, WEEK, added, fitting, intake, target_of
from ankiforge.anki.package import write_package
from ankiforge.anki.studies import (
    Answers,
    Preset,
    StudiedCard,
    Studies,
    read_studies,
)
from ankiforge.errors import ServiceError
from ankiforge.model.seen import NewCards
from ankiforge.pipeline.intake import Forecast, deck_limits, set_limits
from ankiforge.reports.statistics import intake_line
from tests.anki.test_connect_requests import answering, result
from tests.makers.anki_notes import note_for

MOD = 1_400_000_000
NOW = datetime.now().astimezone()
WORDS = ("Katze", "Hund", "Maus", "Vogel", "Fisch", "Pferd")


@pytest.fixture
def studied(anki: Any, tmp_path: Path, make_card: Any) -> Any:
    """A collection with six notes of ours in Reading, two of them answered, and one of another's."""
    cards = [make_card(own=f"AAAA{n}345", Front=word) for n, word in enumerate(WORDS, 2)]
    write_package(
        tmp_path / "ours.apkg", [note_for(card, "Reading", MOD) for card in cards]
    )
    anki.load(tmp_path / "ours.apkg")
    col = anki.col
    note = col.new_note(col.models.by_name("Basic"))
    note["Front"] = "not ours"
    col.add_note(note, col.decks.id("Theirs"))
    col.set_config("fsrs", True)
    col.decks.select(col.decks.id("Reading"))
    for _ in range(2):
        [queued] = col.sched.get_queued_cards().cards
        card = col.get_card(queued.card.id)
        card.start_timer()
        card.timer_started -= 7
        col.sched.answerCard(card, 4)
    return anki


def read(anki: Any) -> Studies:
    """What is read of a copy."""
    with open_view(Path(anki.col.path)) as view:
        return read_studies(view, datetime.now().astimezone())


# --- what is read -----------------------------------------------------------------------------


def test_options_states_and_answers_are_those_of_anki(studied):
    col = studied.col
    config = col.decks.config_dict_for_deck_id(col.decks.id("Reading"))
    config["desiredRetention"] = 0.87
    config["fsrsParams6"] = [round(0.1 * n, 1) for n in range(1, 22)]
    config["new"]["perDay"] = 33
    config["new"]["delays"] = [1, 10, 30]
    config["rev"]["perDay"] = 77
    col.decks.update_config(config)

    studies = read(studied)

    [preset] = studies.presets
    assert preset.retention == pytest.approx(0.87)
    assert preset.parameters == pytest.approx(config["fsrsParams6"])
    assert (preset.steps, preset.relearns, preset.new_per_day, preset.fsrs) == (
        3,
        True,
        33,
        True,
    )
    assert studies.reviews_per_day == 77
    assert studies.waiting == (NewCards("Reading", 4, 33, own_limit=False),)
    assert (studies.others_new, studies.new_per_day) == (1, 33)
    rows = col.db.all(
        "select due, ivl, json_extract(data, '$.s') from cards where type = 2"
    )
    in_anki = sorted((due - col.sched.today, interval, s) for due, interval, s in rows)
    assert sorted((c.due, c.interval, c.stability) for c in studies.cards) == in_anki
    assert [history.answers for history in studies.histories] == [((0, 4),)] * 2


def test_the_newest_parameters_of_fsrs_that_are_set_count(studied):
    col = studied.col
    config = col.decks.config_dict_for_deck_id(col.decks.id("Reading"))
    six = [round(0.1 * n, 1) for n in range(1, 22)]
    five = [round(0.2 * n, 1) for n in range(1, 20)]
    for newest, expected in ((six, six), ([], five)):
        config |= {"fsrsParams6": newest, "fsrsParams5": five}
        col.decks.update_config(config)
        [preset] = read(studied).presets
        assert preset.parameters == pytest.approx(expected)


def test_a_limit_of_one_deck_alone_is_told_apart(studied):
    col = studied.col
    deck = col.decks.by_name("Reading")
    deck["newLimit"] = 3
    col.decks.save(deck)
    assert read(studied).waiting == (NewCards("Reading", 4, 3, own_limit=True),)


def test_suspended_cards_come_neither_now_nor_later(studied):
    col = studied.col
    col.sched.suspend_cards(col.find_cards("deck:Reading"))
    studies = read(studied)
    assert (studies.cards, studies.waiting) == ((), ())


def test_times_are_the_persons_own_once_there_are_enough_of_them(studied):
    assert read(studied).answers.seconds_passed == Answers().seconds_passed
    _log(studied.col, days=200, seconds=4)
    assert read(studied).answers.seconds_passed == pytest.approx(4, abs=0.3)
    [last] = studied.col.db.list("select max(id) from revlog where type = 1")
    studied.col.db.execute("update revlog set time = 60000 where id = ?", last)
    assert read(studied).answers.seconds_passed == pytest.approx(4, abs=0.3)


def _log(col: Any, days: int, seconds: int, *, type: int = 1) -> None:
    """Two reviews a day, of cards that are gone; the day before counts as well.

    With another `type`, they are answers of another kind: 0 are those to cards that are learnt.
    """
    now = int(time.time() * 1000)
    for day in range(1, days + 1):
        for card in range(2):
            row = (now - day * 86_400_000 + card, card + 1, 3, seconds * 1000)
            col.db.execute(
                f"insert into revlog values (?, ?, -1, ?, 9, 5, 2500, ?, {type})", *row
            )


@pytest.mark.parametrize(
    ("table", "change"),
    [
        ("deck_config", "config = x'ff'"), ("deck_config", "config = 7"), ("decks", "kind = x'0aff'"),
        ("config", "val = x'ff'"), ("cards", "data = '{'"), ("cards", "due = 9e99"),
        ("cards", "ivl = -5, due = 'x'"), ("revlog", "time = -9e18"), ("revlog", "ease = 'x'"),
        ("revlog", "id = id * 1000000"), ("col", "crt = 9e15"), ("col", "crt = -1"),
    ],
)  # fmt: skip
def test_what_is_damaged_gives_an_error_with_its_file_or_usual_values(
    studied, tmp_path, table, change
):
    import sqlite3

    from ankiforge.errors import ItemError

    studied.col.close()
    path = Path(studied.col.path)
    with closing(sqlite3.connect(path)) as database:
        database.create_collation("unicase", lambda a, b: (a > b) - (a < b))
        database.execute(f"update {table} set {change}")
        database.commit()
    told = str(path)
    try:
        with open_view(path) as view:
            intake(read_studies(view, NOW), 20)
    except ItemError as error:
        told = error.message
    assert str(path) in told
    studied.col.reopen()


# --- what fits --------------------------------------------------------------------------------


def some(count: int, *, due: int = 0, **more: Any) -> Studies:
    """Cards in review, one due every tenth of a day, and new ones that wait."""
    cards = []
    for number in range(count):
        cards.append(StudiedCard(0, due or number // 10, 30, 5, 40.0, 5.0, 0.0))
    waiting = (NewCards("Reading", more.pop("wait", 9000), 20, own_limit=False),)
    given: dict[str, Any] = {
        "cards": tuple(cards), "presets": (Preset(),), "answers": Answers(), "histories": (),
        "preset": 0, "waiting": waiting, "new_per_day": 20,
    }  # fmt: skip
    return Studies(**{**given, **more})


@pytest.mark.parametrize("fsrs", [True, False])
@pytest.mark.parametrize("minutes", [5, 20, 60])
def test_each_week_of_the_plan_stays_in_the_minutes(minutes, fsrs):
    plan = intake(some(200, presets=(Preset(fsrs=fsrs),)), minutes).with_limit
    weeks = [
        sum(plan.seconds[day : day + WEEK]) / WEEK / 60 for day in range(0, 364, WEEK)
    ]
    assert max(weeks) <= minutes
    assert weeks[8] > 0.6 * minutes


def test_more_minutes_are_more_cards_and_an_hour_of_arrears_leaves_no_room():
    numbers = [intake(some(200), minutes).new_per_day for minutes in (5, 10, 20, 40)]
    assert numbers == sorted(set(numbers))
    late = intake(some(1000, due=-3), 20)
    assert late.new_per_day == 0
    assert sum(late.with_limit.new) > 0  # they begin when the arrears are done


def test_the_same_collection_gives_the_same_forecast():
    assert intake(some(50), 20) == intake(some(50), 20)


@pytest.mark.parametrize(
    "parameter",
    [0.0, *(pytest.param(odd, marks=pytest.mark.slow) for odd in (1e-30, 100.0))],
)
def test_odd_parameters_give_some_number(parameter):
    odd = Preset(parameters=(parameter,) * 21, longest=1)
    assert intake(some(5, presets=(odd,)), 20).new_per_day >= 0


@pytest.mark.parametrize(
    ("fsrs", "sooner"),
    [(True, {"retention": 0.97}), (True, {"longest": 5}), (False, {"longest": 5})],
)
def test_options_that_ask_sooner_again_leave_room_for_fewer_new_cards(fsrs, sooner):
    usual = intake(some(0, presets=(Preset(fsrs=fsrs),)), 20)
    often = intake(some(0, presets=(Preset(fsrs=fsrs, **sooner),)), 20)
    assert often.new_per_day < usual.new_per_day


def test_a_person_who_forgets_more_than_fsrs_expects_gets_fewer_cards():
    from ankiforge.anki.studies import History

    def histories(again: int) -> tuple[History, ...]:
        answers = [
            (-20, 3),
            *((-20 + 2 * n, 1 if n % again == 0 else 3) for n in range(1, 9)),
        ]
        return tuple(History(0, tuple(answers)) for _ in range(60))

    forgets = intake(some(200, histories=histories(2)), 20)
    remembers = intake(some(200, histories=histories(100)), 20)
    assert forgets.new_per_day < remembers.new_per_day


def test_answers_that_fail_take_their_own_time():
    slow = Answers(seconds_failed=60)
    assert (
        intake(some(200, answers=slow), 20).new_per_day
        < intake(some(200), 20).new_per_day
    )


def test_what_is_due_beyond_the_limit_of_reviews_comes_on_the_next_day():
    limited = intake(some(600, due=-1, reviews_per_day=100), 20)
    free = intake(some(600, due=-1), 20)
    assert limited.with_limit.seconds[0] < free.with_limit.seconds[0] / 4


def test_new_cards_of_other_decks_take_their_part_of_the_minutes():
    alone = intake(some(0), 20).new_per_day
    shared = intake(some(0, others_new=5000, others_per_day=10.0), 20).new_per_day
    assert shared == pytest.approx(alone - 10, abs=1)


def test_the_days_until_what_waits_is_begun():
    plan = intake(some(0, wait=500), 20)
    assert plan.with_limit.days > 500 / plan.new_per_day
    assert sum(plan.with_limit.new[: plan.with_limit.days]) == pytest.approx(500)
    assert intake(replace(some(0), waiting=()), 20).with_limit.days == 0


def test_what_is_added_is_the_sum_of_its_days():
    cost = [20.0, 0.0, 10.0, *[0.0] * 400]
    two = added(20, 10, cost)
    assert (two.days, two.minutes) == (2, pytest.approx(20 * 20 / 2 / 60))
    assert two.minutes_later == pytest.approx(20 * 10 / AHEAD / 60)
    assert added(20, 0, cost).days == added(0, 5, cost).days == 0


def test_small_budgets_leave_room_for_chance():
    shares = [
        target_of(minutes, Answers()) / 60 / minutes for minutes in (3, 10, 30, 300)
    ]
    assert shares == sorted(shares)
    assert shares[-1] == 1
    assert (
        fitting([0.0] * 40, [1.0] * 40, 28.0) == 1
    )  # 25 days on average in the fourth week


FORECAST = Forecast(
    20, 0, 20, 0, 0, 0.0, "2026-01-01", (12.0,) * 7, (), (), (), 1.0, (), True, 0
)


def decks_of(waiting: dict[str, int]) -> tuple[NewCards, ...]:
    return tuple(NewCards(name, count, 20, False) for name, count in waiting.items())


@pytest.mark.parametrize(
    ("new_per_day", "waiting", "limits"),
    [
        (1, {"A": 2, "B": 1}, {"A": 1, "B": 0}),
        (1, {"A": 1, "B": 2}, {"A": 0, "B": 1}),
        (3, {"A": 2, "B": 1}, {"A": 2, "B": 1}),
        (1, {"A": 1, "B": 1}, {"A": 1, "B": 0}),
        (4, {"A": 1, "A::B": 1, "C": 2}, {"A": 2, "C": 2}),  # Anki counts B with A
        (4, {"A": 0}, {}),
    ],
)
def test_decks_share_the_number_by_what_waits_in_them(new_per_day, waiting, limits):
    forecast = replace(FORECAST, new_per_day=new_per_day, decks=decks_of(waiting))
    assert {deck.deck: limit for deck, limit in deck_limits(forecast)} == limits


def test_limits_are_set_in_the_profile_of_the_forecast_only():
    mine, hers = replace(FORECAST, profile="Mine"), replace(FORECAST, profile="Hers")
    with answering(result("Mine")) as other:
        anki = AnkiConnect(other.address)
        with pytest.raises(ServiceError, match="has the profile Mine open"):
            set_limits(anki, hers, ())
        set_limits(anki, mine, ())


@pytest.mark.parametrize(
    ("of", "accepted", "told"),
    [
        ({}, 9, "leave no room for new cards this week: what is due takes 12 a day. No card waits"),
        ({"new_per_day": 1}, 0, "leave room for 1 new card a day. No card waits in Anki."),
        ({"new_per_day": 3, "waiting_in_anki": 6, "days": 1, "decks": {"A": 1, "A::B": 1}}, 0,
         "3 new cards a day (your deck allows 20). 6 cards wait in Anki: 1 day."),
        ({"new_per_day": 3, "waiting_in_anki": 1, "decks": {"A": 1, "B": 1}}, 0,
         "(your decks allow 20). 1 card waits in Anki: more than a year."),
        ({"new_per_day": 3, "cost": (20.0,)}, 2, "adds less than a minute a day."),
        ({"new_per_day": 5, "cost": (40.0, *[5.0] * 40)}, 60, "adds 6 minutes a day for 2 weeks, then 5 minutes."),
    ],
)  # fmt: skip
def test_in_one_line_it_is_said_what_fits_and_what_today_adds(of, accepted, told):
    of = {**of, "decks": decks_of(of.get("decks", {}))}
    assert told in intake_line(replace(FORECAST, **of), accepted)


# --- on the command line ----------------------------------------------------------------------


@pytest.fixture
def desk(forge: Any, serving: Any, vault: Path) -> Iterator[Any]:
    """A workspace with three decks of cards in a running Anki, whose collection is found."""
    with serving(forge.profile) as server:
        forge.settings(f"anki: {{connect: '{server.address}'}}\nminutes: 10\n")
        for deck, word in (("One", "Katze"), ("Two", "Hund"), ("Two::In", "Maus")):
            (vault / f"{word}.md").write_text(
                f"{word}:::{word.lower()}\n", encoding="utf-8"
            )
            forge.ok("run", vault / f"{word}.md", "--deck", deck)
        forge.server = server
        yield forge


def options(server: Any) -> dict[str, dict[str, Any]]:
    """The options of all decks."""
    with server.collection() as col:
        names = [
            deck.name for deck in col.decks.all_names_and_ids(include_filtered=False)
        ]
        return {
            name: col.decks.config_dict_for_deck_id(col.decks.id(name)) for name in names
        }


def test_run_and_stats_say_how_many_new_cards_fit(desk):
    pushed = desk.ok("push").stdout
    assert "10 minutes a day leave room for" in pushed
    assert "6 cards wait in Anki: 1 day. What you accepted today adds" in pushed
    told = desk.json("stats")["intake"]
    assert (told["waiting_in_anki"], told["days"], len(told["forecast"])) == (6, 1, 365)
    assert told["new_per_day"] > 6
    shown = desk.ok("stats", "--minutes", "20").stdout
    assert max(map(len, shown.splitlines()[1:])) <= 80
    assert desk.json("run")["intake"]["minutes"] == 10


def test_usual_times_are_assumed_until_there_are_400_answers_of_any_kind(desk):
    desk.ok("push")
    with desk.server.collection() as col:
        _log(col, days=199, seconds=4, type=0)
    shown = desk.ok("stats", "--minutes", "20").stdout
    assert "typical times are assumed: Anki's log has 398 answers" in shown
    with desk.server.collection() as col:
        col.db.execute("delete from revlog")
        _log(col, days=200, seconds=4, type=0)
    assert "typical times" not in desk.ok("stats", "--minutes", "20").stdout


def test_without_minutes_nothing_is_said_and_without_a_collection_it_is_an_error(
    forge, vault
):
    (vault / "A.md").write_text("Katze:::cat\n", encoding="utf-8")
    ran = forge.json("run", vault)
    assert ran["intake"] is None
    assert forge.json("stats")["intake"] is None
    assert (
        "no Anki collection was found" in forge("stats", "--minutes", "20", code=2).stderr
    )


def test_push_sets_the_limit_of_our_decks_and_of_no_other(desk):
    desk.ok("push")
    with desk.server.collection() as col:
        col.decks.id("Theirs")
    before = options(desk.server)
    asked = desk.ok("push", "--new-a-day")
    assert "not set: --yes" in asked.stderr
    assert options(desk.server) == before

    desk.ok("push", "--new-a-day", "--yes")

    after = options(desk.server)
    ours = {name for name in after if after[name]["new"]["perDay"] != 20}
    wanted = desk.json("stats")["intake"]["new_per_day"]
    tops = [name for name in after if "::" not in name and name in ours]
    assert sum(after[name]["new"]["perDay"] for name in tops) == wanted
    assert after["Theirs"] == before["Theirs"]
    assert after["Default"] == before["Default"]
    for name in ours:
        changed = {
            key for key in after[name] if after[name][key] != before[name].get(key)
        }
        assert changed <= {"id", "name", "new", "mod", "usn"}
    again = desk.ok("push", "--new-a-day", "--yes")
    assert "no limit of new cards to change" in again.stderr
    assert len(options(desk.server)) == len(after)


def test_a_limit_of_one_deck_alone_is_left_and_told(desk):
    desk.ok("push")
    with desk.server.collection() as col:
        for name in [deck.name for deck in col.decks.all_names_and_ids()]:
            deck = col.decks.by_name(name)
            deck["newLimit"] = 2
            col.decks.save(deck)
    before = options(desk.server)
    told = desk.ok("push", "--new-a-day", "--yes").stderr
    assert "limit of its own" in told
    assert options(desk.server) == before


def test_new_a_day_needs_minutes(forge, vault):
    (vault / "A.md").write_text("Katze:::cat\n", encoding="utf-8")
    told = forge("push", "--new-a-day", code=2).stderr
    assert "minutes: 20" in told


# --- the order of new cards -------------------------------------------------------------------


def test_new_cards_come_best_first_with_documents_mixed(forge, vault, anki):
    (vault / "Long.md").write_text(
        "\n\n".join(f"Long {n}:::answer {n}" for n in range(6)) + "\n", encoding="utf-8"
    )
    (vault / "Short.md").write_text("Short 0:::a\n\nShort 1:::b\n", encoding="utf-8")
    forge.ok("run", vault)
    package = forge.folder / "ankiforge.apkg"
    first = package.read_bytes()
    anki.load(package)
    rows = anki.col.db.all(
        "select n.sfld from cards c join notes n on n.id = c.nid where c.ord = 0 order by c.due"
    )
    words = [str(field) for (field,) in rows]
    assert words == [
        "Long 0", "Short 0", "Long 1", "Short 1", "Long 2", "Long 3", "Long 4", "Long 5"
    ]  # fmt: skip
    package.unlink()
    forge.ok("build", "--full")
    assert package.read_bytes() == first
    assert json.loads(forge.ok("list", "--json").stdout.splitlines()[0])["id"]
