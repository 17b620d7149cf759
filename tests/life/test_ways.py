"""Every way of making a card × everything that later happens at its source: `python -m tests.life.ways` prints the table."""

import pytest

from tests.life.ways import EVENTS, ROWS, WAYS, play

FAST = {
    ("chat", "fact"),
    ("chat", "deleted"),
    ("chat", "moved"),
    ("own", "fact"),
    ("question", "fact"),
    ("proposal", "both"),
    ("chosen", "fact"),
    ("chosen", "document"),
    ("chosen", "moved"),
    ("chosen", "both"),
    ("chosen", "folder"),
    ("chosen, page", "deleted"),
    ("edited", "fact"),
}
"""The rows that `make test` plays."""


def _mark(way: str, event: str) -> object:
    marks = () if (way, event) in FAST else (pytest.mark.slow,)
    return pytest.param(way, event, marks=marks, id=f"{way} × {event}")


@pytest.mark.parametrize(("way", "event"), [_mark(*row) for row in ROWS])
def test_a_card_follows_its_source(request, tmp_path, way, event):
    needs = WAYS[way].needs
    if needs == "anki":
        request.getfixturevalue("backend")  # skips where Anki is not installed
    server = request.getfixturevalue("server") if needs == "server" else None
    _, faults = play(tmp_path, way, event, server)
    assert not faults, "\n".join(faults)


def test_the_table_is_complete():
    assert len(ROWS) >= 180
    assert {event for _, event in ROWS} == EVENTS.keys()
