"""Which cards fail, as a table: the answers, what a person or Anki said, and when it was mended."""

from datetime import UTC, datetime, timedelta, timezone

import pytest
from msgspec.structs import replace

from ankiforge.features.repair.count import FailingCount, load_last_repair_days
from ankiforge.features.repair.failing import CardHistory, FirstAnswer, find_failing_cards
from ankiforge.ledger import Ledger, decide


def card(days: str, **more: object) -> CardHistory:
    """A card: `-9✗ -7·` are answers in review, `-9n` one in learning."""
    answers = []
    for part in days.split():
        day, sign = int(part[:-1]), part[-1]
        answers.append(FirstAnswer(day, 1 if sign in "✗n" else 3, 2, sign != "n"))
    seconds = float(10 * len(answers))
    return CardHistory(1, 7, tuple(answers), len(answers), seconds, **more)  # type: ignore[arg-type]


OFTEN = "-9✗ -6✗ -3✗"
ROWS = [
    ("", {}, {}, ()),
    ("-9· -6· -3·", {}, {}, ()),
    ("-9✗ -6✗ -3·", {}, {}, ()),
    (OFTEN, {}, {}, ("forgotten 3 times within 30 days",)),
    ("-9n -6n -3n", {}, {}, ()),
    ("-80✗ -45✗ -9✗", {}, {}, ()),
    ("-80✗ -70✗ -60✗", {}, {}, ("forgotten 3 times within 30 days",)),
    ("-120✗ -110✗ -100✗", {}, {}, ()),
    ("-3·", {"is_flagged": True}, {}, ("you flagged this card red in Anki",)),
    ("-3·", {"tags": ("marked",)}, {}, ("tagged marked",)),
    ("-3·", {"tags": ("repair", "x")}, {}, ("tagged repair",)),
    ("-3✗", {"tags": ("leech",), "lapses": 8}, {}, ("leech",)),
    ("-3✗", {"tags": ("leech",), "lapses": 8, "is_suspended": True}, {}, ("leech, suspended",)),
    # the leech of a note is the card that was forgotten
    ("-3·", {"tags": ("leech",)}, {}, ()),
    # a person who suspended a card has decided
    (OFTEN, {"is_suspended": True}, {}, ()),
    # mended: what was before is forgiven, what comes after is not, a wish is done for a month
    (OFTEN, {}, {7: -2}, ()),
    (OFTEN, {}, {7: -10}, ("forgotten 3 times within 30 days",)),
    ("-3·", {"tags": ("marked",)}, {7: -20}, ()),
    ("-3·", {"tags": ("marked",)}, {7: -29}, ()),
    ("-3·", {"tags": ("marked",)}, {7: -30}, ("tagged marked",)),
    ("-3·", {"tags": ("marked",)}, {7: -31}, ("tagged marked",)),
    ("-3✗", {"tags": ("leech",), "lapses": 8}, {7: -1}, ()),
]  # fmt: skip


@pytest.mark.parametrize(("days", "more", "tended", "why"), ROWS)
def test_why_a_card_is_listed(days, more, tended, why):
    found = find_failing_cards([card(days, **more)], tended)
    assert tuple(reason for each in found for reason in each.reasons) == why


def test_the_history_is_told_in_a_line():
    assert card("-9n -6· -3✗").summary == "✗ 2d· 2d✗"
    assert card("-9· " * 13).summary == " ".join(["…", *["2d·"] * 12])
    assert card("-9· " * 12).summary == " ".join(["2d·"] * 12)


@pytest.mark.parametrize(
    ("days", "since", "failures"),
    [
        ("", -99, 0),
        ("-9· -3·", -99, 0),
        ("-39✗ -20✗ -9✗", -99, 3),
        ("-40✗ -20✗ -9✗", -99, 2),
        ("-9✗ -9✗", -99, 2),
        ("-9✗ -8✗", -9, 1),
    ],
)
def test_the_most_failures_within_thirty_days(days, since, failures):
    assert card(days).count_max_failures(since) == failures


def test_wishes_come_first_and_then_what_cost_most():
    cards = [
        replace(card(OFTEN), card_id=1, total_seconds=20.0),
        replace(card(OFTEN), card_id=2, total_seconds=40.0),
        replace(card("-3·", is_flagged=True), card_id=3, total_seconds=9.0),
    ]
    listed = find_failing_cards(cards, {})
    assert [each.history.card_id for each in listed] == [3, 2, 1]


@pytest.mark.parametrize(
    ("cards", "minutes", "line"),
    [
        (0, 9.0, ""),
        (1, 0.4, "1 card fails: ankiforge repair"),
        (1, 0.6, "1 card fails (1 minute lately): ankiforge repair"),
        (12, 90.2, "12 cards fail (90 minutes lately): ankiforge repair"),
    ],
)
def test_what_fails_is_told_with_the_time_that_it_took(cards, minutes, line):
    assert FailingCount("", "", cards, minutes).line == line


def test_a_repair_of_today_was_today_where_the_user_is(tmp_path):
    now = datetime.now(UTC)
    # where it is another day than in UTC
    zone = timezone(timedelta(hours=-12 if now.hour < 12 else 12))
    with Ledger(tmp_path / "ledger.db", tmp_path, "device") as ledger:
        decide.record_repair(ledger, "split", 7, "other")
        days = load_last_repair_days(ledger, now.astimezone(zone))
        assert days == {7: 0}
        tomorrow = (now + timedelta(days=1)).astimezone(zone)
        assert load_last_repair_days(ledger, tomorrow) == {7: -1}
