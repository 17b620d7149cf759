"""For every field of every event: one value that is read, and one that is refused as damage.

`REQUIRED_KEYS` says without which fields an event means nothing; each is left out once.
"""

import re
from io import BytesIO
from pathlib import Path
from typing import Any

import pytest

from ankiforge import ledger
from ankiforge.ledger import foreign_history, journal, line_patterns, plugin_syntaxes
from ankiforge.ledger.events import Event
from ankiforge.ledger.journal import (
    MAX_EVENT_NUMBER,
    REQUIRED_KEYS,
    _hash_tail,
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
ROWS = [(what, name) for what, fields in FIELDS.items() for name in fields]
NEEDED = [(what, name) for what, names in REQUIRED_KEYS.items() for name in names.split()]


def event(what: str, n: int = 1, **changed: Any) -> Event:
    body = {name: value for name, (value, _) in FIELDS.get(what, {}).items()}
    return Event(n, "a", "now", "person", what, "k", {**body, **changed})


@pytest.mark.parametrize(
    ("key", "written"),
    [
        (
            line_patterns.make_line_pattern_event_key("vault:notes", "a :: b"),
            "form:vault:notes:a :: b",
        ),
        (foreign_history.make_tool_event_key("yanki"), "tool:yanki"),
        (
            plugin_syntaxes.make_plugin_syntax_event_key("vault:notes"),
            "dialects:vault:notes",
        ),
    ],
)
def test_a_journal_has_these_keys_for_what_is_about_no_passage(key, written):
    assert key == written


def test_every_kind_of_event_has_a_row():
    assert set(FIELDS) == set(REQUIRED_KEYS)


def test_every_field_that_is_read_of_an_event_has_a_row():
    read = set[str]()
    for path in Path(ledger.__file__).parent.glob("*.py"):
        read.update(re.findall(r'\bbody(?:\[|\.get\()"(\w+)"', path.read_text("utf-8")))
    assert {"guid", "read", "why"} <= read
    assert read <= {name for fields in FIELDS.values() for name in fields}


@pytest.mark.parametrize("what", FIELDS)
def test_a_whole_event_is_read(what):
    assert is_known_event(event(what))
    assert is_valid_event(event(what))
    assert is_valid_event(event(what, later="a newer version may write this"))


@pytest.mark.parametrize(("what", "name"), ROWS)
def test_a_value_of_another_type_is_refused(what, name):
    _, wrong = FIELDS[what][name]
    assert not is_valid_event(event(what, **{name: wrong}))


@pytest.mark.parametrize(("what", "name"), NEEDED)
def test_an_event_without_a_field_that_it_needs_is_refused(what, name):
    body = {key: value for key, value in event(what).body.items() if key != name}
    assert not is_valid_event(Event(1, "a", "now", "person", what, "k", body))


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
    ("now", "same"),
    [
        (b"one\ntwo\n", True),
        (b"one\ntwo\nthree\n", True),  # it grew
        (b"one\ntwo", False),  # it is shorter than what was read of it
        (b"one\nTWO\n", False),
    ],
)
def test_a_journal_that_was_read_is_known_by_its_end(now, same):
    read = b"one\ntwo\n"
    assert (
        _hash_tail(BytesIO(now), len(read)) == _hash_tail(BytesIO(read), len(read))
    ) is same


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
