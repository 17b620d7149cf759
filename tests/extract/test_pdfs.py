"""PDFs and what is read from them: `pdfs/<part>/*.pdf` and `pdfs/<part>.jsonl`, a file a line.

Each file was written for what its name says, with `tests.makers.pdf_writer` and pypdf; add one and
run `ANKIFORGE_GOLDEN=1 python -m pytest tests/extract/test_pdfs.py`, then read the diff.
"""

import json
import os
from functools import cache
from pathlib import Path
from typing import Any

import msgspec
import pytest

from ankiforge.model import ExtractedDocument, Problem, ScanEnd, UnmarkedDocument
from tests.reading import opened
from tests.sources.test_sources import lines

HERE = Path(__file__).parent / "pdfs"
FILES = sorted(HERE.glob("*/*.pdf"))


@cache
def read(part: str) -> dict[str, list[dict[str, Any]]]:
    """Return what a scan of a folder yields, by file; "" for what is said of several."""
    root = HERE / part
    found: dict[str, list[Any]] = {}
    for one in opened("pdf", root, name="papers").scan():
        if isinstance(one, ExtractedDocument):
            found.setdefault(one.document.path, []).append(one)
        elif isinstance(one, Problem):
            is_file = (root / one.location).is_file()
            found.setdefault(one.location if is_file else "", []).append(one)
        elif isinstance(one, UnmarkedDocument):
            assert one.skipped_texts  # whose places `tests/laws` looks at
        else:
            assert one == ScanEnd(
                "papers", "pdf:papers", complete=True, directory=str(root)
            )
    pictures = {name: [(one.name, len(one.data) > 0) for one in each.pictures]
                for name, sightings in found.items() for each in sightings
                if isinstance(each, ExtractedDocument) and each.pictures}  # fmt: skip
    told = {
        name: [
            *lines(sightings),
            *([{"pictures": pictures[name]}] if name in pictures else []),
        ]
        for name, sightings in found.items()
    }
    text = msgspec.json.encode(told).decode()
    return json.loads(text.replace(str(root), "FOLDER"))


@cache
def golden(part: str) -> dict[str, Any]:
    path = HERE / f"{part}.jsonl"
    if os.environ.get("ANKIFORGE_GOLDEN"):
        names = [file.name for file in FILES if file.parent.name == part]
        rows = [
            {"file": name, "found": read(part).get(name, [])} for name in [*names, ""]
        ]
        text = "".join(json.dumps(row, ensure_ascii=False) + "\n" for row in rows)
        path.write_bytes(text.encode())
    rows = [json.loads(line) for line in path.read_text("utf-8").splitlines()]
    return {row["file"]: row["found"] for row in rows}


@pytest.mark.parametrize(
    ("part", "name"),
    [
        *((file.parent.name, file.name) for file in FILES),
        *((part, "") for part in sorted({file.parent.name for file in FILES})),
    ],
)
def test_a_file_is_read_as_its_line_says(part, name):
    assert read(part).get(name, []) == golden(part)[name]
