"""Which passages a chat is asked about: the best first, each sentence once, half from a document."""

import pytest

from ankiforge.ledger.passage_order import (
    ChatCandidate,
    select_varied_passages,
)


def candidates(written: str) -> list[ChatCandidate]:
    """Return candidates written as `document rank [sentence]`, with their number as the key."""
    rows = [row.split() for row in written.split(",")]
    return [
        ChatCandidate(float(rank), str(number), document, *(names or [""]))
        for number, (document, rank, *names) in enumerate(rows)
    ]


@pytest.mark.parametrize(
    ("written", "limit", "picked"),
    [
        ("a .5,a .9,a .7", 2, "1 2"),
        ("a .9 s,b .8 s,a .7 t", 2, "0 2"),  # one sentence once
        ("a .9 s,b .8 s,a .7 t", 3, "0 2 1"),  # unless there are no others
        ("a .9,a .8,a .7,b .1,c -.5", 4, "0 1 3 4"),  # half of them from a document
        ("a .9,a .8,a .7,b .1", 4, "0 1 3 2"),  # unless there are no others
        ("a .9", 0, ""),
    ],
)
def test_a_chat_is_asked_about_the_best(written, limit, picked):
    assert " ".join(select_varied_passages(candidates(written), limit)) == picked
