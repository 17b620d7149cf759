"""Annotated PDFs of other people: their own expectations, letter by letter, and no crash."""

from __future__ import annotations

import json
import os
import unicodedata
from pathlib import Path

import pytest

from ankiforge.domain import Extracted, Problem, Sighting
from ankiforge.extract import pdf

CORPUS = Path(__file__).parents[4] / "shared" / "fixtures" / "pdf"
QUOTES = str.maketrans("‘’“”", "''\"\"")


@pytest.fixture(scope="module")
def sightings() -> list[Sighting]:
    if not CORPUS.is_dir():
        assert not os.environ.get("ANKIFORGE_REQUIRE_ALL"), f"{CORPUS} is missing"
        pytest.skip(f"{CORPUS} is not here")
    return list(pdf.open_source("corpus", CORPUS, pdf.Settings(path=str(CORPUS))).scan())


def plain(text: str) -> str:
    return " ".join(unicodedata.normalize("NFKC", text).translate(QUOTES).split())


def texts(sightings: list[Sighting]) -> dict[str, list[str]]:
    return {
        one.document.path: [plain(highlight.exact) for highlight in one.highlights]
        for one in sightings
        if isinstance(one, Extracted)
    }


def expected(provenance: str = "") -> list[tuple[str, str]]:
    """(path, text) of every mark with text, of one provenance or all."""
    return [
        (path.relative_to(CORPUS).with_suffix(".pdf").as_posix(), plain(entry["text"]))
        for path in sorted(CORPUS.glob("**/*.json"))
        for entry in json.loads(path.read_text("utf-8"))["annots"]
        if entry.get("text") and provenance in entry.get("provenance", "")
    ]


def test_the_texts_that_other_programs_test_for_are_read_exactly(
    sightings: list[Sighting],
) -> None:
    got = texts(sightings)
    wanted = expected("upstream-test")
    assert wanted
    assert [(path, text) for path, text in wanted if text not in got.get(path, [])] == []


def test_at_most_one_of_a_hundred_texts_is_read_inexactly(sightings: list[Sighting]) -> None:
    got = texts(sightings)
    wanted = expected()
    missed = [(path, text) for path, text in wanted if text not in got.get(path, [])]
    assert len(missed) <= len(wanted) / 100, missed


def test_no_file_is_lost(sightings: list[Sighting]) -> None:
    problems = [one for one in sightings if isinstance(one, Problem)]
    assert all("without text" in one.what for one in problems), problems
