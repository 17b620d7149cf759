"""The vectors of tests/keys/keys.jsonl hold: what keys and ids are made of never changes."""

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from ankiforge.anki.notetypes import compute_card_ordinals
from ankiforge.ledger.events import get_slot
from ankiforge.model import (
    NO_KEY,
    AnkiNoteType,
    AnkiTemplate,
    CardContent,
    CardKind,
    HighlightKey,
    NoteType,
    Origin,
    compute_card_id,
    compute_guid,
    compute_id_from_name,
    compute_note_id,
    hash16,
)
from ankiforge.text import occlusion
from ankiforge.text.keys import build_anchor, percent_encode
from ankiforge.text.normalize import normalize_for_lookup
from ankiforge.text.sentences import find_sentence_spans

LINES = (
    (Path(__file__).parents[2] / "tests/keys/keys.jsonl").read_text("utf-8").splitlines()
)


def _slot(one: Any) -> str:
    kind = "cloze" if "Text" in one["drafted"] else "basic"
    fields = {**one["drafted"], "Extra": "does not count"}
    return get_slot(
        CardContent(NO_KEY, CardKind(kind), tuple(fields.items()), Origin("llm"))
    )


def _ids(one: Any) -> list[Any]:
    guid = compute_guid(HighlightKey(one["key"]), NoteType(one["family"]), one["slot"])
    return [guid, compute_note_id(guid), compute_card_id(guid, 0)]


def _note_type(questions: list[str]) -> AnkiNoteType:
    templates = tuple(AnkiTemplate(f"Card {q}", None, q, "") for q in questions)
    return AnkiNoteType(1, "Mine", 0, False, (), templates, "")


def _followed(one: Any) -> list[Any]:
    """The masks of a figure after it was read again."""
    old = occlusion.parse_masks("\n".join(["hide all 00000000000000aa", *one["masks"]]))
    new = occlusion.parse_masks("\n".join(["hide all 00000000000000bb", *one["read"]]))
    followed = occlusion.update_masks(old, new, one["shipped"])
    return [occlusion.format_masks(followed.masks).split("\n")[1:], followed.is_certain]


CHECKS: dict[tuple[str, ...], Callable[[Any], tuple[Any, Any]]] = {
    ("fold",): lambda one: (normalize_for_lookup(one["text"]), one["fold"]),
    ("percent",): lambda one: (percent_encode(one["part"]), one["percent"]),
    ("sentences",): lambda one: (
        [one["text"][slice(*span)] for span in find_sentence_spans(one["text"])],
        one["sentences"],
    ),
    ("anchor",): lambda one: (
        hash16(*build_anchor(one["exact"], one["before"], one["after"]), str(one["n"])),
        one["anchor"],
    ),
    ("source", "path"): lambda one: (
        f"vault:{percent_encode(one['source'])}/{hash16(one['path'])}",
        one["key"],
    ),
    ("book", "authors"): lambda one: (
        f"{one['key'].partition('/')[0]}/{hash16(normalize_for_lookup(one['book']), normalize_for_lookup(' '.join(one['authors'])))}",
        one["key"],
    ),
    ("drafted",): lambda one: (_slot(one), one["slot"]),
    ("guid",): lambda one: (_ids(one), [one["guid"], one["nid"], one["cid"]]),
    ("templates",): lambda one: (
        list(compute_card_ordinals(_note_type(one["templates"]), one["fields"])),
        one["ordinals"],
    ),
    ("masks",): lambda one: (_followed(one), [one["followed"], one["sure"]]),
    ("what", "id"): lambda one: (
        compute_id_from_name(one["what"], one["name"]),
        one["id"],
    ),
}


@pytest.mark.parametrize("names", CHECKS)
def test_the_vectors_of_the_page_hold(names):
    vectors = [one for one in map(json.loads, LINES) if set(names) <= set(one)]
    assert vectors
    for one in vectors:
        found, told = CHECKS[names](one)
        assert found == told
