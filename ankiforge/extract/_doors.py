"""Which source reads a file: by its ending and, where that says little, by how it begins."""

from __future__ import annotations

import csv
import json
import os
import re
from collections import Counter
from pathlib import Path

_HEAD = 65_536
"""Bytes that are looked at."""
_BY_ENDING = {
    ".pdf": "pdf",
    ".md": "obsidian",
    ".sqlite": "zotero",
    ".tid": "tiddlywiki",
    ".markdown": "markdown",
}
_OPENED = (".txt", ".csv", ".json", ".jsonl")
_CLIPPING = re.compile(r"^[ ]?[-–—][^\n|]*\d[^\n]*\|[^\n]*\d[^\n]*\n[ \t]*\n", re.MULTILINE)
_CLIPPINGS_END = re.compile(r"^={10}[ \t]*$", re.MULTILINE)
_ANNOTATIONS = re.compile(
    r'"(?:TextQuoteSelector|export_userid)"|hypothes\.is|"rows"\s*:\s*\[\s*\]'
)


_WIDE = {b"\xff\xfe": "utf-16", b"\xfe\xff": "utf-16"}
"""What text in UTF-16 begins with."""


def encoding_of(head: bytes) -> str:
    """How a file that begins so is encoded."""
    return _WIDE.get(head[:2], "utf-8-sig")


def kind_of(path: Path) -> str:
    """The kind of source that reads this file, "" if none does."""
    ending = path.suffix.casefold()
    match ending:
        case ".txt":
            return "kindle" if _is_clippings(_head(path)) else "markdown"
        case ".csv":
            return "readwise" if is_readwise(_head(path)) else ""
        case ".json" | ".jsonl":
            return "hypothesis" if _ANNOTATIONS.search(_head(path)) else ""
    return _BY_ENDING.get(ending, "")


LOOKED_AT = 200
"""Files of one ending that are opened in a folder to see what they are."""


def kinds_below(folder: Path) -> set[str]:
    """The kinds of source that read what lies in this folder, at any depth."""
    found, opened = set[str](), Counter[str]()
    for within, folders, names in os.walk(folder):
        folders[:] = sorted(name for name in folders if not name.startswith("."))
        for name in sorted(names):
            ending = os.path.splitext(name)[1].casefold()  # noqa: PTH122 - of many
            if ending in _OPENED:
                opened[ending] += 1
                if opened[ending] <= LOOKED_AT:
                    found.add(kind_of(Path(within, name)))
            elif ending in _BY_ENDING and not _is_loop(Path(within, name)):
                found.add(_BY_ENDING[ending])
    return found - {""}


FOREIGN_JSON = "JSON, but without annotations of Hypothesis"
LARGEST_LOOKED_AT = 50_000_000
"""Bytes of an export that is looked into to say what is wrong with it."""


def why_not(path: Path) -> str:
    """What is wrong with a file that looks like an export and is none that is read; "" of others."""
    ending = path.suffix.casefold()
    if ending not in (".csv", ".json", ".jsonl"):
        return ""
    try:
        if not path.stat().st_size:
            return "the file is empty"
        if ending == ".csv":
            return _foreign_table(_head(path).partition("\n")[0])
        if path.stat().st_size > LARGEST_LOOKED_AT:
            return "no annotations of Hypothesis at its beginning"
        return _foreign_json(path.read_bytes(), lines=ending == ".jsonl")
    except OSError as error:
        return f"cannot be read: {error.strerror or error}"


def _foreign_table(line: str) -> str:
    found = columns_of(line)
    columns = sorted(filter(None, found), key=found.__getitem__)
    named = ", ".join(f"“{name[:30]}”" for name in columns[:4]) + (
        ", …" if len(columns) > 4 else ""
    )
    wanted = "an export of Readwise has “Highlight” and “Book Title”"
    return f"no table that is read: its columns are {named or 'without names'}; {wanted}"


def _foreign_json(raw: bytes, *, lines: bool) -> str:
    try:
        text = raw.decode(encoding_of(raw))
        for part in filter(str.strip, text.splitlines() if lines else [text]):
            json.loads(part)
    except UnicodeDecodeError as error:
        return f"no JSON: not UTF-8 at byte {error.start}"
    except json.JSONDecodeError as error:
        return f"broken JSON: {error}"
    except RecursionError:
        return "broken JSON: nested too deep"
    except ValueError as error:  # a number of very many digits
        return f"broken JSON: {error}"
    return FOREIGN_JSON


def _is_loop(path: Path) -> bool:
    """Whether it is a link that leads nowhere, as one to itself does."""
    return path.is_symlink() and not path.exists()


def _head(path: Path) -> str:
    """How a file begins, line ends LF; "" if it cannot be read."""
    try:
        with path.open("rb") as file:
            raw = file.read(_HEAD)
    except OSError:
        return ""
    return raw.decode(encoding_of(raw), "replace").replace("\r\n", "\n").lstrip("\ufeff")


def _is_clippings(head: str) -> bool:
    return bool(_CLIPPING.search(head) and _CLIPPINGS_END.search(head))


def is_readwise(head: str) -> bool:
    """Whether a table begins with the columns of a Readwise export."""
    columns = columns_of(head.partition("\n")[0])
    return "highlight" in columns and not columns.keys().isdisjoint(("book title", "title"))


def columns_of(line: str) -> dict[str, int]:
    """The columns that the first line of a table names, casefolded."""
    try:
        names = next(csv.reader([line], delimiter=delimiter_of(line)), [])
    except csv.Error:
        return {}
    return {name.strip().casefold(): at for at, name in reversed(list(enumerate(names)))}


def delimiter_of(line: str) -> str:
    """What parts the columns: a comma; a semicolon or tab where another program saved it."""
    return max(",;\t", key=line.count)
