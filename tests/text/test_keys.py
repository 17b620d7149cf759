"""The vectors of docs/reference/keys.jsonl hold: what keys and ids are made of never changes."""

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from ankiforge.anki.notetypes import ordinals_in
from ankiforge.ledger.events import slot_of
from ankiforge.model import (
    NO_KEY,
    CardKind,
    Family,
    HighlightKey,
    Origin,
    SeenTemplate,
    SeenType,
    Words,
    card_id,
    guid_for,
    h16,
    named_id,
    note_id,
)
from ankiforge.text import occlusion
from ankiforge.text.fold import for_finding
from ankiforge.text.keys import percent, triple
from ankiforge.text.sentences import sentences

LINES = (
    (Path(__file__).parents[2] / "docs/reference/keys.jsonl")
    .read_text("utf-8")
    .splitlines()
)


def _slot(one: Any) -> str:
    kind = "cloze" if "Text" in one["drafted"] else "basic"
    fields = {**one["drafted"], "Extra": "does not count"}
    return slot_of(Words(NO_KEY, CardKind(kind), tuple(fields.items()), Origin("llm")))


def _ids(one: Any) -> list[Any]:
    guid = guid_for(HighlightKey(one["key"]), Family(one["family"]), one["slot"])
    return [guid, note_id(guid), card_id(guid, 0)]


def _note_type(questions: list[str]) -> SeenType:
    templates = tuple(SeenTemplate(f"Card {q}", None, q, "") for q in questions)
    return SeenType(1, "Mine", 0, False, (), templates, "")


def _followed(one: Any) -> list[Any]:
    """The masks of a figure after it was read again."""
    old = occlusion.parse("\n".join(["hide all 00000000000000aa", *one["masks"]]))
    new = occlusion.parse("\n".join(["hide all 00000000000000bb", *one["read"]]))
    followed = occlusion.follow(old, new, one["shipped"])
    return [occlusion.write(followed.masks).split("\n")[1:], followed.sure]


CHECKS: dict[tuple[str, ...], Callable[[Any], tuple[Any, Any]]] = {
    ("fold",): lambda one: (for_finding(one["text"]), one["fold"]),
    ("percent",): lambda one: (percent(one["part"]), one["percent"]),
    ("sentences",): lambda one: (
        [one["text"][slice(*span)] for span in sentences(one["text"])],
        one["sentences"],
    ),
    ("anchor",): lambda one: (
        h16(*triple(one["exact"], one["before"], one["after"]), str(one["n"])),
        one["anchor"],
    ),
    ("source", "path"): lambda one: (
        f"vault:{percent(one['source'])}/{h16(one['path'])}",
        one["key"],
    ),
    ("book", "authors"): lambda one: (
        f"{one['key'].partition('/')[0]}/{h16(for_finding(one['book']), for_finding(' '.join(one['authors'])))}",
        one["key"],
    ),
    ("drafted",): lambda one: (_slot(one), one["slot"]),
    ("guid",): lambda one: (_ids(one), [one["guid"], one["nid"], one["cid"]]),
    ("templates",): lambda one: (
        list(ordinals_in(_note_type(one["templates"]), one["fields"])),
        one["ordinals"],
    ),
    ("masks",): lambda one: (_followed(one), [one["followed"], one["sure"]]),
    ("what", "id"): lambda one: (named_id(one["what"], one["name"]), one["id"]),
}


@pytest.mark.parametrize("names", CHECKS)
def test_the_vectors_of_the_page_hold(names):
    vectors = [one for one in map(json.loads, LINES) if set(names) <= set(one)]
    assert vectors
    for one in vectors:
        found, told = CHECKS[names](one)
        assert found == told
