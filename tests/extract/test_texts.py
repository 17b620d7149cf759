"""Texts and what is read from them: `texts/<kind>[-<part>].jsonl`, a case a line.

A case has its `text` (or `files`, of text or base64; of Zotero `libraries` for `write_zotero`, then
`sql`) and the `settings` of the source that say more than the defaults; if wanted `root`, `only` and
`me`. `found` lists what the scan yields, as in `tests/sources`, without the scan at its end if that
is complete. The path of a text is `NAMES`'.
To write `found` anew: `ANKIFORGE_GOLDEN=1 python -m pytest tests/extract/test_texts.py`; then
read the diff.
"""

import base64
import json
import os
import sqlite3
from contextlib import closing
from pathlib import Path
from typing import Any

import msgspec
import pytest

from ankiforge.extract import registry
from ankiforge.model import ScanEnd
from tests.makers.zotero_writer import Library, write_zotero
from tests.reading import opened
from tests.sources.test_sources import lines

NAMES = {
    "cards": "Cells.csv",
    "hypothesis": "0.json",
    "jupyter": "a.ipynb",
    "kindle": "My Clippings.txt",
    "markdown": "a.md",
    "obsidian": "note.md",
    "readwise": "data.csv",
}
FILES = sorted(Path(__file__).parent.glob("texts/*.jsonl"))
CASES = {
    path: [json.loads(line) for line in path.read_text("utf-8").splitlines()]
    for path in FILES
}
DERIVED = ("namespace", "source")
"""Fields that follow from the source's name."""


def write_library(path: Path, case: dict[str, Any]) -> None:
    """Write the database of a case."""
    libraries = msgspec.convert(case["libraries"], list[Library])
    users = {int(number): name for number, name in case.get("users", {}).items()}
    write_zotero(path, libraries, account=case.get("account"), users=users)
    with closing(sqlite3.connect(path)) as connection:
        for statement in case.get("sql", ()):
            connection.execute(statement)
        connection.commit()


def read(kind: str, case: dict[str, Any], folder: Path) -> list[dict[str, Any]]:
    """Return what the source yields, as `found` has it."""
    root = folder / "V"
    (root / ".obsidian").mkdir(parents=True)
    files = {} if kind == "zotero" else case.get("files", {NAMES[kind]: case.get("text")})
    if kind == "zotero":
        write_library(root / "zotero.sqlite", case)
    for name, content in files.items():
        path = root / name
        path.parent.mkdir(parents=True, exist_ok=True)
        is_text = isinstance(content, str)
        path.write_bytes(
            content.encode() if is_text else base64.b64decode(content["b64"])
        )
    root /= case.get("root", "")
    settings = msgspec.convert(
        {"path": str(root), **case.get("settings", {})},
        registry.load_source_type(kind).Settings,
    )
    only = tuple(folder / "V" / path for path in case.get("only", ()))
    source = opened(kind, root, settings, only, tuple(case.get("me", ())), name="notes")
    *rest, end = list(source.scan())
    whole = isinstance(end, ScanEnd) and end.complete
    found = []
    for line in lines(rest if whole else [*rest, end]):
        flat = {"key": line["key"], **line["highlight"]} if "key" in line else line
        told = flat.get("document", flat)
        found.append(flat)
        for name in DERIVED:
            told.pop(name, None)
    return json.loads(msgspec.json.encode(found).replace(str(folder).encode(), b"<here>"))


@pytest.mark.parametrize(
    ("path", "number"),
    [
        pytest.param(path, number, id=f"{path.stem}: {case['case']} ({number})")
        for path in FILES
        for number, case in enumerate(CASES[path])
    ],
)
def test_a_text_is_read_as_the_case_says(path, number, tmp_path):
    case = CASES[path][number]
    found = read(path.stem.partition("-")[0], case, tmp_path)
    if os.environ.get("ANKIFORGE_GOLDEN"):
        case["found"] = found
        written = (json.dumps(one, ensure_ascii=False) + "\n" for one in CASES[path])
        path.write_bytes("".join(written).encode("utf-8"))
    assert found == case["found"]
