"""What is taken of the arguments of an agent, and what it is told of highlights and cards."""

import json

import pytest

from ankiforge.draft.privacy import SendableHighlight, mark_as_sendable
from ankiforge.errors import UsageError
from ankiforge.features.agents import agent as agents
from ankiforge.features.agents.server import (
    _normalize_arguments,
    describe_tools,
    load_tools,
)
from ankiforge.model import Document, DocumentKey, Highlight, HighlightKey, HighlightKind

ONE = {"highlight": "k", "kind": "basic", "front": "a", "back": "b"}


@pytest.mark.parametrize(
    ("sent", "taken", "unknown"),
    [
        ({"cards": [ONE]}, {"cards": [ONE]}, set()),
        # null is nothing, in a card, too
        ({"cards": [{**ONE, "text": None}], "query": None}, {"cards": [ONE]}, set()),
        # one card or JSON instead of a list
        ({"cards": ONE}, {"cards": [ONE]}, set()),
        ({"cards": json.dumps([ONE])}, {"cards": [ONE]}, set()),
        ({"cards": json.dumps(ONE)}, {"cards": [ONE]}, set()),
        ({"cards": "no JSON"}, {"cards": "no JSON"}, set()),
        ({"cards": "[" * 99_999}, {"cards": "[" * 99_999}, set()),
        ({"cards": [7, ONE]}, {"cards": [7, ONE]}, set()),
        ({"cards": 7}, {"cards": 7}, set()),
        # capitals and other names of a kind
        ({"cards": [{**ONE, "kind": " Basic "}]}, {"cards": [ONE]}, set()),
        ({"cards": [{**ONE, "kind": "two_way"}]}, {"cards": [{**ONE, "kind": "two-way"}]}, set()),
        ({"cards": [{**ONE, "kind": "TwoWay"}]}, {"cards": [{**ONE, "kind": "two-way"}]}, set()),
        ({"cards": [{**ONE, "kind": "reversed"}]}, {"cards": [{**ONE, "kind": "two-way"}]}, set()),
        ({"cards": [{**ONE, "kind": 7}]}, {"cards": [{**ONE, "kind": 7}]}, set()),
        # unknown names are left out and told, of the call and of its cards
        ({"cards": [{**ONE, "deck": "D"}, {**ONE, "tags": []}], "rules": True}, {"cards": [ONE, ONE]}, {"deck", "tags", "rules"}),
        ({}, {}, set()),
    ],
)  # fmt: skip
def test_arguments_are_taken_as_they_are_meant(sent, taken, unknown):
    tool = load_tools()["propose_cards"]
    assert _normalize_arguments(tool.arguments, sent) == (taken, unknown)


EMPTY = dict.fromkeys(("front", "back", "text", "quote", "why_none"), "")
PASSAGE = Highlight(
    Document(DocumentKey("d"), "v", "Notes"), "v", HighlightKind.HIGHLIGHT, "می\u200cخواهم here"
)  # fmt: skip


@pytest.mark.parametrize(
    ("card", "message"),
    [
        ({"kind": "basic", "front": "a", "back": "b"}, ""),
        ({"kind": "basic", "front": "a"}, "kind 'basic' needs `back`"),
        ({"kind": "basic", "front": " ", "back": "b"}, "kind 'basic' needs `front`"),
        ({"kind": "two-way", "back": "b"}, "kind 'two-way' needs `front`"),
        ({"kind": "cloze", "text": "{{c1::a}}"}, ""),
        ({"kind": "cloze", "front": "a", "back": "b"}, "kind 'cloze' needs `text`"),
        ({"kind": "none", "why_none": "a list"}, ""),
        ({"kind": "none"}, "kind 'none' needs `why_none`"),
        ({"kind": "cloze", "text": "a\n\tb"}, ""),
        ({"kind": "cloze", "text": "a\u200bb"}, "`text` has the invisible character U+200B: write it without"),
        ({"kind": "cloze", "text": "a", "quote": "a\x07b"}, "`quote` has the invisible character U+0007: write it without"),
        ({"kind": "none", "why_none": "a\u202eb"}, "`why_none` has the invisible character U+202E: write it without"),
        # some scripts need a joiner, if their passage has it
        ({"kind": "cloze", "text": "می\u200cخواهم"}, ""),
        ({"kind": "cloze", "text": "a\u200db"}, "`text` has the invisible character U+200D: write it without"),
    ],
)  # fmt: skip
def test_a_card_has_what_its_kind_needs_and_nothing_invisible(card, message):
    cards = [{**EMPTY, "kind": "none", "why_none": "ok"}, {**EMPTY, **card}]
    if not message:
        agents._check_fields(cards, PASSAGE)
        return
    with pytest.raises(UsageError) as raised:
        agents._check_fields(cards, PASSAGE)
    assert raised.value.message == message


def sendable(**texts: str) -> SendableHighlight:
    names = "title creators_and_year heading context exact sentence comment page colour".split()
    filled = {name: mark_as_sendable(texts.get(name, "")) for name in names}
    phrases = tuple(map(mark_as_sendable, texts.get("phrases", "").split()))
    return SendableHighlight(
        HighlightKey("k"), **filled, parent_items=(), phrases=phrases, is_looked_up=False
    )


@pytest.mark.parametrize(
    ("texts", "kind", "data"),
    [
        ({"exact": "a"}, "", {"marked": "a"}),
        ({"exact": "a", "sentence": "a"}, "", {"marked": "a"}),
        (
            {"exact": "a", "sentence": "a b.", "title": "T", "heading": "H", "page": "3", "phrases": "x y", "comment": "c", "colour": "red", "context": "not this"},
            "cloze",
            {"marked": "a", "sentence": "a b.", "title": "T", "heading": "H", "page": "3", "phrases": ["x", "y"], "comment": "c", "colour": "red", "wanted": "cloze"},
        ),
    ],
)  # fmt: skip
def test_an_agent_gets_what_a_highlight_has(texts, kind, data):
    assert agents.highlight_to_json(sendable(**texts), kind) == {"highlight": "k", **data}


def test_no_tool_asks_the_user_before_it_proposes():
    hints = {
        tool.name: (
            tool.annotations.read_only_hint,
            tool.annotations.destructive_hint,
            tool.annotations.open_world_hint,
        )
        for tool in describe_tools()
    }
    writes = {name for name, (is_read_only, *_) in hints.items() if not is_read_only}
    assert writes == {"propose_cards", "withdraw_card"}
    assert {hint[1:] for hint in hints.values()} == {(False, False)}
