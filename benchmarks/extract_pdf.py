"""How much of the highlighted text of a folder of PDFs is read letter by letter.

    python -m benchmarks.extract_pdf FOLDER

Beside each `name.pdf` of FOLDER lies `name.json` with the text of its marks:
`{"annots": [{"page": 0, "text": …}]}`. A variant is the name up to its last `-`.
"""

from __future__ import annotations

import json
import sys
import time
import unicodedata
from collections import defaultdict
from pathlib import Path

from rapidfuzz import fuzz

from ankiforge.domain import Extracted, Problem
from ankiforge.extract import pdf

QUOTES = str.maketrans("‘’“”", "''\"\"")


def plain(text: str) -> str:
    """NFKC, straight quotes, blanks collapsed: what is compared."""
    return " ".join(unicodedata.normalize("NFKC", text).translate(QUOTES).split())


def expected(folder: Path) -> dict[str, list[str]]:
    texts = {}
    for path in sorted(folder.glob("*.pdf")):
        entries = json.loads(path.with_suffix(".json").read_text("utf-8"))["annots"]
        found = [plain(entry["text"]) for entry in entries if entry.get("text")]
        if found:
            texts[path.name] = found
    return texts


def read(folder: Path) -> dict[str, list[str]]:
    texts: dict[str, list[str]] = defaultdict(list)
    settings = pdf.Settings(path=str(folder), include=("*.pdf",))
    for sighting in pdf.open_source("bench", folder, settings).scan():
        match sighting:
            case Extracted(document, highlights):
                texts[document.path] += [plain(one.exact) for one in highlights]
            case Problem(where, what):
                print(f"{where}: {what}")
    return texts


def paired(wanted: list[str], found: list[str]) -> list[tuple[str, str]]:
    """Every wanted text with the most similar of those found, each of these used once."""
    left, pairs = list(found), []
    for text in sorted(wanted, key=lambda one: one not in found):
        best = max(left, key=lambda one: fuzz.ratio(text, one), default="")
        if best in left:
            left.remove(best)
        pairs.append((text, best))
    return pairs


def main(folder: Path) -> None:
    rows: dict[str, list[tuple[str, str]]] = defaultdict(list)
    begin = time.perf_counter()
    found = read(folder)
    seconds = time.perf_counter() - begin
    for name, texts in expected(folder).items():
        variant = name.removesuffix(".pdf").rpartition("-")[0] or name
        rows[variant] += paired(texts, found.get(name, []))
    print(f"{'variant':32} exact/all  similarity")
    for variant, pairs in sorted(rows.items()):
        print(told(variant, pairs))
    print(told("all", [pair for pairs in rows.values() for pair in pairs]))
    print(f"{seconds:.2f} s")
    for variant, pairs in sorted(rows.items()):
        for text, got in pairs:
            if text != got:
                print(f"\n{variant}\n  - {text}\n  + {got}")


def told(name: str, pairs: list[tuple[str, str]]) -> str:
    exact = sum(text == got for text, got in pairs)
    alike = sum(fuzz.ratio(text, got) for text, got in pairs) / 100 / len(pairs)
    return f"{name:32} {exact:5}/{len(pairs):<5} {alike:.4f}"


if __name__ == "__main__":
    main(Path(sys.argv[1]))
