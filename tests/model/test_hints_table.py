"""Hints, which are stored as text for ever, and schedules of other tools: rows."""

import pytest

from ankiforge.model import hints
from ankiforge.model.hints import CardSchedule, parse_schedule


def test_a_printed_and_a_quoted_identifier_have_their_own_schemes():
    assert hints.make_printed_scheme("doi") == "doi-hint"
    assert hints.make_quoted_scheme("file") == "quoted-file"
    assert hints.strip_printed_suffix("doi-hint") == hints.strip_printed_suffix("doi")
    assert hints.strip_printed_suffix("hint") == "hint"
    assert hints.is_quoted_scheme("quoted-file")
    assert not hints.is_quoted_scheme("file")


NEVER = CardSchedule("", 0, 0)
FSRS = "!fsrs,2027-03-01T08:00:00Z,150,12.5,4.25,2,9,1,0,2026-10-02T08:00:00Z"
AS_IN_FSRS = CardSchedule(
    "2027-03-01T08:00:00Z", 150, 250, 12.5, 4.25, 2, 9, 1, "2026-10-02T08:00:00Z"
)
WITHOUT_FSRS = CardSchedule("2027-03-01", 150, 250)


@pytest.mark.parametrize(
    ("text", "cards"),
    [
        ("", ()),
        ("!2027-03-01,150,270", (CardSchedule("2027-03-01", 150, 270),)),
        (
            "!2027-03-01,150,270!2027-04-01,1,230",
            (CardSchedule("2027-03-01", 150, 270), CardSchedule("2027-04-01", 1, 230)),
        ),
        (" !2027-03-01,2.6,270 ", (CardSchedule("2027-03-01", 3, 270),)),
        ("!2027-03-01,0.2,270", (CardSchedule("2027-03-01", 1, 270),)),
        # a card that was never reviewed stays in its place
        (
            "!2000-01-01,1,250!2027-04-01,1,230",
            (NEVER, CardSchedule("2027-04-01", 1, 230)),
        ),
        ("!2000-01-01,1,250", ()),
        # what cannot be read counts as never reviewed
        ("!soon,1,250!2027-04-01,1,230", (NEVER, CardSchedule("2027-04-01", 1, 230))),
        ("!2027-04-01!2027-04-01,1,230", (NEVER, CardSchedule("2027-04-01", 1, 230))),
        ("!2027-04-01,1!2027-04-01,1,230", (NEVER, CardSchedule("2027-04-01", 1, 230))),
        (
            "!2027-04-01,inf,250!2027-04-01,1,230",
            (NEVER, CardSchedule("2027-04-01", 1, 230)),
        ),
        # FSRS
        (FSRS, (AS_IN_FSRS,)),
        (
            FSRS.replace(",2,9,1,", ",3,9,1,"),
            (AS_IN_FSRS._replace(interval=12, state=3),),
        ),
        (
            FSRS.replace("12.5,", "0.3,").replace(",2,9,1,", ",3,0,-1,"),
            (
                AS_IN_FSRS._replace(
                    interval=1, stability=0.3, state=3, reviews=1, lapses=0
                ),
            ),
        ),
        ("!fsrs,2027-03-01,150", (WITHOUT_FSRS,)),
        (FSRS.replace(",12.5,", ",0,"), (WITHOUT_FSRS,)),
        (FSRS.replace(",12.5,", ",36500,"), (WITHOUT_FSRS,)),
        (FSRS.replace(",12.5,", ",36499,"), (AS_IN_FSRS._replace(stability=36499),)),
        (FSRS.replace(",4.25,", ",0.9,"), (WITHOUT_FSRS,)),
        (FSRS.replace(",4.25,", ",1,"), (AS_IN_FSRS._replace(difficulty=1),)),
        (FSRS.replace(",4.25,", ",10,"), (AS_IN_FSRS._replace(difficulty=10),)),
        (FSRS.replace(",4.25,", ",10.1,"), (WITHOUT_FSRS,)),
        (FSRS.replace(",2,9,1,", ",0,9,1,"), (WITHOUT_FSRS,)),
        (FSRS.replace(",2,9,1,", ",1,9,1,"), (AS_IN_FSRS._replace(state=1),)),
        (FSRS.replace(",2,9,1,", ",4,9,1,"), (WITHOUT_FSRS,)),
        (FSRS.replace("T08:00:00Z,150", "T,150"), (WITHOUT_FSRS,)),
        (FSRS.replace("2026-10-02T08:00:00Z", "soon"), (WITHOUT_FSRS,)),
        (FSRS.replace("2027-03-01T", "2000-01-01T"), ()),
    ],
)
def test_a_schedule_is_read_card_by_card(text, cards):
    assert parse_schedule(text) == cards
