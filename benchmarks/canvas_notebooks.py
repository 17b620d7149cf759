"""Canvases and notebooks: marks to the letter, damaged files, keys over a second version.

    python -m benchmarks.canvas_notebooks FOLDER

FOLDER holds `.canvas` and `.ipynb` files. Few people mark anything in them, so words of their own
prose are marked here, and it is counted whether exactly these are read.
"""

from __future__ import annotations

import json
import os
import random
import re
import sys
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from ankiforge import Workspace
from ankiforge.extract import registry
from ankiforge.extract.base import SourceOpenParameters
from ankiforge.model import ExtractedDocument, Highlight, Problem

KINDS = {".canvas": "obsidian", ".ipynb": "jupyter"}
MOST_MARKS = 6
"""Marks per file, each in a line of its own."""
MUTATIONS = 200
_PROSE = re.compile(r"(?m)^[A-Za-zÀ-ÿ][A-Za-zÀ-ÿ ,'()-]{12,200}[.]?$")
_WORD = re.compile(r"(?<= )[A-Za-zÀ-ÿ]{4,}(?= )")
_BLOCKED = re.compile(r"```|~~~|^[ \t]*<|%%|\$\$|==|::|^---|\{\{", re.MULTILINE)


def texts_of(content: Any) -> Iterator[tuple[dict[str, Any], str]]:
    """Yield the objects of a file that hold Markdown, and the name of the key."""
    for node in content.get("nodes") or []:
        if node.get("type") == "text":
            yield node, "text"
    for cell in content.get("cells") or []:
        if cell.get("cell_type") == "markdown":
            yield cell, "source"


def text_in(holder: dict[str, Any], key: str) -> str:
    """Return the Markdown of a card or cell."""
    text = holder.get(key, "")
    return "".join(text) if isinstance(text, list) else text


def marked(content: Any, chance: random.Random, most: int) -> list[str]:
    """Mark words of the prose of a file in place; return the marked words."""
    words: list[str] = []
    for holder, key in texts_of(content):
        text = text_in(holder, key)
        lines = [] if _BLOCKED.search(text) else list(_PROSE.finditer(text))
        lines = [
            line for line in lines if text.count(line[0]) == 1 and _WORD.search(line[0])
        ]
        if not lines or len(words) == most:
            continue
        line = chance.choice(lines)
        word = chance.choice(list(_WORD.finditer(line[0])))
        start = line.start() + word.start()
        end = line.start() + word.end()
        holder[key] = f"{text[:start]}=={text[start:end]}=={text[end:]}"
        words.append(word[0])
    return words


def sightings(path: Path) -> list[Any]:
    """Return what the source of a file yields."""
    source = registry.load_source_type(KINDS[path.suffix])
    settings = source.Settings(path=str(path.parent), name="n")
    opened = source.open(SourceOpenParameters("n", path.parent, settings, (path,)))
    return list(opened.scan())


def highlights(path: Path) -> list[Highlight]:
    """Return the highlights of a file."""
    found = [one for one in sightings(path) if isinstance(one, ExtractedDocument)]
    return [highlight for one in found for highlight in one.highlights]


def mutated(raw: bytes, chance: random.Random) -> bytes:
    """Return a file with some damage."""
    changed = bytearray(raw or b" ")
    for _ in range(chance.randint(1, 5)):
        place = chance.randrange(len(changed))
        match chance.randrange(5):
            case 0:
                changed[place] = chance.randrange(256)
            case 1:
                del changed[place : place + chance.randrange(200)]
            case 2:
                more = (
                    b"[" * 2000,
                    b"null",
                    b'"',
                    b"\\ud800",
                    b"{}",
                    b"==",
                    b"#no-llm",
                    b"\0",
                )
                changed[place:place] = chance.choice(more)
            case 3:
                changed[place:place] = changed[: chance.randrange(500)]
            case _:
                changed = changed[: place + 1]
        changed = changed or bytearray(b" ")
    return bytes(changed)


def keys_after_an_edit(
    path: Path, content: Any, chance: random.Random
) -> tuple[int, int]:
    """Run twice, the second time with marks added and one removed; return (kept, expected)."""
    with TemporaryDirectory() as folder:
        (Path(folder) / "ankiforge.yaml").write_text("anki: {collection: none}\n")
        os.environ["ANKIFORGE_TRUST"] = folder
        copy = Path(folder, "notes", path.name)
        copy.parent.mkdir()
        copy.write_text(json.dumps(content))

        def keys() -> dict[str, str]:
            with Workspace(folder) as workspace:
                workspace.run([copy.parent])
                outcomes = [one.highlight for one in workspace.highlights()]
            return {one.exact: one.key for one in outcomes}

        first = keys()
        removed = ""
        for holder, key in texts_of(content):
            text = text_in(holder, key)
            if not removed and text.count("==") == 2:
                removed = text.split("==")[1]
                holder[key] = text.replace("==", "")
        marked(content, chance, 3)
        copy.write_text(json.dumps(content))
        second = keys()
        kept = [exact for exact in first if second.get(exact) == first[exact]]
        gone = [exact for exact in first if exact not in second]
        return len(kept), len(first) - len(gone)


def main() -> None:
    """Print the figures of each format."""
    folder = Path(sys.argv[1])
    for ending, kind in KINDS.items():
        counts = Counter[str]()
        chance = random.Random(56)
        files = [
            path for path in sorted(folder.rglob(f"*{ending}")) if path.stat().st_size
        ]
        if not files:
            continue
        with TemporaryDirectory() as scratch:
            for path in files:
                copy = Path(scratch, f"a{ending}")
                copy.write_bytes(path.read_bytes())
                counts["files"] += 1
                counts["not read"] += any(
                    isinstance(one, Problem) for one in sightings(copy)
                )
                try:
                    content = json.loads(path.read_text("utf-8"))
                except ValueError:
                    continue
                before = Counter(one.exact for one in highlights(copy))
                words = marked(content, chance, MOST_MARKS)
                if not words:
                    continue
                copy.write_text(json.dumps(content))
                new = [one for one in highlights(copy) if not before[one.exact]]
                read = [one.exact[slice(*gap)] for one in new for gap in one.gaps]
                counts["files with marks"] += 1
                counts["marks"] += len(words)
                counts["to the letter"] += (Counter(words) & Counter(read)).total()
                counts["others"] += (Counter(read) - Counter(words)).total()
                if counts["edited"] < 20:
                    kept, expected = keys_after_an_edit(path, content, chance)
                    counts["edited"] += 1
                    counts["keys kept"] += kept
                    counts["keys expected"] += expected
            for _ in range(MUTATIONS):
                copy.write_bytes(mutated(chance.choice(files).read_bytes(), chance))
                for one in sightings(copy):
                    if isinstance(one, Problem):
                        counts["mutations named"] += 1
                        counts["crashes"] += "ankiforge itself" in one.message
        print(kind, ending, dict(counts))


if __name__ == "__main__":
    main()
