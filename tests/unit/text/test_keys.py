"""The vectors of docs/keys.jsonl hold: what keys and ids are made of never changes."""

import json
from pathlib import Path
from typing import Any

import pytest

from ankiforge.ledger import Wording
from ankiforge.model import (
    Family,
    HighlightKey,
    card_id,
    guid_for,
    h16,
    named_id,
    note_id,
)
from ankiforge.text.fold import fold
from ankiforge.text.passages import percent, sentences, triple

VECTORS = Path(__file__).parents[3] / "docs" / "keys.jsonl"


def vectors(*names: str) -> list[Any]:
    """The vectors that have all these names."""
    lines = VECTORS.read_text("utf-8").splitlines()
    found = [vector for vector in map(json.loads, lines) if set(names) <= set(vector)]
    assert found, f"docs/keys.jsonl has no vector with {names}"
    return found


@pytest.mark.parametrize("vector", vectors("fold"))
def test_fold_of_the_page(vector):
    assert fold(vector["text"]) == vector["fold"]


@pytest.mark.parametrize("vector", vectors("percent"))
def test_percent_of_the_page(vector):
    assert percent(vector["part"]) == vector["percent"]


@pytest.mark.parametrize("vector", vectors("sentences"))
def test_sentences_of_the_page(vector):
    text = vector["text"]
    assert [text[start:end] for start, end in sentences(text)] == vector["sentences"]


@pytest.mark.parametrize("vector", vectors("anchor"))
def test_anchors_of_the_page(vector):
    folded = triple(vector["exact"], vector["before"], vector["after"])
    assert h16(*folded, str(vector["n"])) == vector["anchor"]


@pytest.mark.parametrize("vector", vectors("source", "path"))
def test_document_keys_of_the_page(vector):
    assert f"vault:{percent(vector['source'])}/{h16(vector['path'])}" == vector["key"]


@pytest.mark.parametrize("vector", vectors("drafted"))
def test_slots_of_drafts_of_the_page(vector):
    kind = "cloze" if "Text" in vector["drafted"] else "basic"
    words = {**vector["drafted"], "Extra": "does not count"}
    assert Wording(kind, words).place == vector["slot"]


@pytest.mark.parametrize("vector", vectors("guid"))
def test_guids_and_ids_of_the_page(vector):
    guid = guid_for(HighlightKey(vector["key"]), Family(vector["family"]), vector["slot"])
    assert (guid, note_id(guid), card_id(guid, 0)) == (
        vector["guid"],
        vector["nid"],
        vector["cid"],
    )


@pytest.mark.parametrize("vector", vectors("what", "id"))
def test_ids_of_decks_and_note_types_of_the_page(vector):
    assert named_id(vector["what"], vector["name"]) == vector["id"]
