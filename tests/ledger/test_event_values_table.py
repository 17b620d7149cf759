"""For every field of every event: one value that is read, and one that is refused as damage.

`REQUIRED_KEYS` says without which fields an event means nothing; each is left out once.
"""

from io import BytesIO
from typing import Any

import pytest

from ankiforge.ledger import journal
from ankiforge.ledger.events import Event
from ankiforge.ledger.journal import (
    MAX_EVENT_NUMBER,
    is_known_event,
    is_valid_event,
)

DRAFT = {"kind": "basic", "fields": {"Front": "q"}}
NOTE = {"guid": "g", "id": 1, "type": 2, "names": {"Front": "F"}, "html": {"F": "q"}}
TYPE = {"id": 1, "name": "Mine", "fields": {"Front": "F"}, "ids": {"Front": 3}}
TEXT = {
    "exact": ("words", 1),
    "before": ("b", ["b"]),
    "after": ("a", 1),
    "container": ("vault:v", None),
    "place": ("a.md", 1),
    "kind": ("highlight", 1),
    "own": ("^id", {}),
}
"""By field: a value that is read, and one that is refused."""
FIELDS: dict[str, dict[str, tuple[Any, Any]]] = {
    "key": TEXT,
    "text": TEXT,
    "accept": {
        "guid": ("g", 1),
        "draft": (DRAFT, "words"),
        "deck": ("D", 1),
        "slot": ("0", 0),
        "forced": (True, "yes"),
        "instead": ("g2", ["g2"]),
        "found": (True, 1),
        "typed": (["Back"], "Back"),
    },
    "adopt": {
        "guid": ("g", 1),
        "draft": (DRAFT, [DRAFT]),
        "deck": ("D", 1),
        "note": (NOTE, {"guid": "g"}),
        "schedule": ([["2026-01-01", 3, 250]], [["2026-01-01", "3", 250]]),
    },
    "revise": {
        "guid": ("g", None),
        "draft": (DRAFT, {"kind": "basic"}),
        "instead": ("A sentence.", 1),
    },
    "edit": {
        "guid": ("g", 1),
        "fields": ({"Back": "b"}, {"Back": 1}),
        "over": ({"Back": ["hash", "words"]}, {"Back": ["hash"]}),
        "offered": ({"Back": "b"}, {"Back": 1}),
        "kind": ("two-way", 2),
    },
    "placed": {
        "guid": ("g", 1),
        "deck": ("D", 1),
        "added": (["t"], "t"),
        "removed": (["t"], [1]),
    },
    "reject": {
        "content": ("c", 1),
        "guid": ("g", 1),
        "slot": ("0", 0),
        "fields": ({"Front": "q"}, ["q"]),
        "why": ("w", 1),
        "proposal": (True, "yes"),
    },
    "retire": {"guid": ("g", 1), "why": ("w", 1)},
    "skip": {"why": ("w", 1)},
    "fact": {
        "of": ("id", 1),
        "sentences": (["A."], "A."),
        "passage": (["h"], [1]),
        "guid": ("g", 1),
        "passed": (["c"], "c"),
    },
    "repair": {
        "name": ("split", 1),
        "nid": (1, "1"),
        "guid": ("g", 1),
        "draft": (DRAFT, "words"),
        "note": (NOTE, {"guid": "g"}),
        "deck": ("D", 1),
        "new": ([{"guid": "n", "draft": DRAFT}], [{"guid": "n"}]),
        "type": (TYPE, {"id": 1}),
    },
    "form": {"choice": ("accept", 1)},
    "dialects": {"read": (["osr"], "osr")},
    "decline": {},
    "mark": {
        **TEXT,
        "kind": ("chosen", 1),
        "page": (0, "0"),
        "start": (12, 1.5),
        "title": ("Bread", 1),
    },
    "undo": {"event": ("id", 1)},
    "ask": {"old": ("k", 1)},
    "same": {"old": ("k", 1)},
    "different": {"old": ("k", 1)},
    "resolve": {
        "guid": ("g", 1),
        "field": ("Back", 1),
        "choice": ("source", 1),
        "theirs": ("h", 1),
        "ours": ("h", 1),
        "was": ("words", 1),
    },
    "shipped": {
        "guid": ("g", 1),
        "mod": (1, "1"),
        "digest": ("d", 1),
        "tags": (["t"], "t"),
        "numbers": ({"1": "w"}, {"1": 1}),
        "hashes": ({"Front": "h"}, ["h"]),
        "type": (TYPE, {"id": 1}),
    },
    "pictures": {"guid": ("g", 1), "names": ({"a.png": "b.png"}, ["b.png"])},
    "seen": {"guid": ("g", 1)},
    "unseen": {"guid": ("g", 1)},
}


def event(what: str, n: int = 1, **changed: Any) -> Event:
    body = {name: value for name, (value, _) in FIELDS.get(what, {}).items()}
    return Event(n, "a", "now", "person", what, "k", {**body, **changed})


@pytest.mark.parametrize(
    ("n", "sound"),
    [
        (0, True),
        (1, True),
        (-1, False),
        (MAX_EVENT_NUMBER - 1, True),
        (MAX_EVENT_NUMBER, False),
    ],
)
def test_a_number_that_leaves_no_room_for_later_events_is_refused(n, sound):
    assert is_valid_event(event("seen", n)) is sound


def test_a_kind_that_is_not_known_is_kept_whatever_its_shape():
    assert not is_known_event(event("dreamt"))
    assert is_valid_event(event("dreamt", guid=1))


@pytest.mark.parametrize(
    ("text", "lines"),
    [
        (b"one\ntwo\n", [(4, b"one\n"), (4, b"two\n")]),
        (b"one\ntwo", [(4, b"one\n")]),  # its end has not arrived
        (b"longest\none\n", [(8, b"too long"), (4, b"one\n")]),
        (b"longer than eight bytes\none\n", [(24, b"too long"), (4, b"one\n")]),
        (b"one\nlonger than eight bytes", [(4, b"one\n")]),
    ],
)
def test_a_line_counts_with_its_end_and_one_that_is_too_long_is_damage(
    monkeypatch, text, lines
):
    monkeypatch.setattr(journal, "MAX_LINE_BYTES", 8)
    found = list(journal._iter_complete_lines(BytesIO(text)))
    assert [size for size, _ in found] == [size for size, _ in lines]
    assert [line[:8] for _, line in found] == [line for _, line in lines]
