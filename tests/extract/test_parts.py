"""Canvases and notebooks: the page on keys, edits over two runs, and damaged files."""

import json
import random
from pathlib import Path
from typing import Any

import pytest

from ankiforge.model import Extracted, Highlight, Problem
from ankiforge.text.keys import anchor_key, own_key
from ankiforge.text.private import why_private
from tests.reading import opened

ROOT = Path(__file__).parents[2]
KINDS = {".canvas": "obsidian", ".ipynb": "jupyter"}
FACTS = [
    "The ==pancreas== makes insulin.",
    "A ==lens== bends light. Glass is ==slow==.",
    "# Rome\n\nIt fell in ==476==.",
    "The ==liver== stores glycogen.",
    "What is a lens?::A piece of glass.",
]


def canvas(texts: dict[str, str]) -> str:
    nodes = [
        {"id": id, "type": "text", "x": 0, "y": 100 * number, "text": text}
        for number, (id, text) in enumerate(texts.items())
    ]
    return json.dumps({"nodes": nodes, "edges": []})


def notebook(texts: dict[str, str]) -> str:
    cells = [
        {
            "cell_type": "markdown",
            "id": id,
            "metadata": {},
            "source": text.splitlines(True),
        }
        for id, text in texts.items()
    ]
    return json.dumps(
        {"nbformat": 4, "nbformat_minor": 5, "metadata": {}, "cells": cells}
    )


WRITERS = {".canvas": canvas, ".ipynb": notebook}


def highlights(path: Path) -> list[Highlight]:
    source = opened(KINDS[path.suffix], path.parent, name="notes")
    found = [one for one in source.scan() if isinstance(one, Extracted)]
    return [highlight for one in found for highlight in one.highlights]


def keys(found: list[Highlight]) -> list[str]:
    return [own_key(one) or anchor_key(one, one.nth) for one in found]


def vectors() -> list[dict[str, Any]]:
    lines = (ROOT / "docs/reference/keys.jsonl").read_text("utf-8").splitlines()
    found = [vector for vector in map(json.loads, lines) if "file" in vector]
    assert {Path(vector["file"]).suffix for vector in found} == KINDS.keys()
    return found


@pytest.mark.parametrize("vector", vectors(), ids=lambda vector: vector["file"])
def test_files_of_the_page_on_keys_read_as_it_says(tmp_path, vector):
    path = tmp_path / vector["file"]
    path.write_text(vector["content"])
    found = highlights(path)
    assert [one.exact for one in found] == vector["exact"]
    assert keys(found) == vector["keys"]


@pytest.mark.parametrize("vector", vectors(), ids=lambda vector: vector["file"])
def test_no_key_depends_on_the_tag_of_privacy(tmp_path, vector):
    path = tmp_path / vector["file"]
    content = vector["content"]
    for words in ("light.", "slow==."):
        content = content.replace(words, f"{words}\\n\\n#no-llm")
    path.write_text(content)
    found = highlights(path)
    assert keys(found) == vector["keys"]
    assert all(map(why_private, found))


@pytest.mark.parametrize("ending", KINDS)
def test_cards_keep_their_ids_when_marks_come_and_go(forge, tmp_path, ending):
    path = tmp_path / f"facts{ending}"
    write = WRITERS[ending]
    texts = {f"p{number}": fact for number, fact in enumerate(FACTS)}
    path.write_text(write(texts))
    forge.ok("run", path)
    first = {card["quote"]: card["guid"] for card in forge.cards()}
    assert len(first) == 6

    # parts move, one gets a second mark, one goes, one is corrected, one is new
    later = {"new": "The ==spleen== filters blood.", "p3": texts["p3"], "p0": texts["p0"]}
    later["p1"] = f"{texts['p1']} Water is ==faster==."
    later["p4"] = texts["p4"].replace("A piece", "One piece")
    path.write_text(write(later))
    forge.ok("run", path)
    second = {card["quote"]: card["guid"] for card in forge.cards()}
    corrected = second["What is a lens?::One piece of glass."]
    assert corrected == first.pop("What is a lens?::A piece of glass.")
    first.pop("It fell in 476.")
    assert {quote: second[quote] for quote in first} == first
    assert len(second) == len(first) + 3


@pytest.mark.parametrize("ending", KINDS)
def test_a_damaged_file_is_named_and_stops_nothing(tmp_path, ending):
    """A bit of fuzzing: every file is read, or it is said what is wrong with it."""
    chance = random.Random(56)
    whole = WRITERS[ending](
        {f"p{number}": fact for number, fact in enumerate(FACTS)}
    ).encode()
    for number in range(60):
        raw = bytearray(whole)
        for _ in range(chance.randint(1, 4)):
            place = chance.randrange(len(raw))
            match chance.randrange(4):
                case 0:
                    raw[place] = chance.randrange(256)
                case 1:
                    del raw[place : place + chance.randrange(40)]
                case 2:
                    raw[place:place] = chance.choice(
                        (b"[" * 500, b"null", b'"', b"\\ud800", b"{}")
                    )
                case _:
                    raw = raw[: place + 1]
        (tmp_path / f"{number}{ending}").write_bytes(raw)
    (tmp_path / f"whole{ending}").write_bytes(whole)
    found = list(opened(KINDS[ending], tmp_path, name="notes").scan())
    read = {one.document.title for one in found if isinstance(one, Extracted)}
    problems = [one for one in found if isinstance(one, Problem)]
    assert "whole" in read
    assert all("ankiforge itself" not in problem.what for problem in problems)
    assert all(problem.hint for problem in problems)
