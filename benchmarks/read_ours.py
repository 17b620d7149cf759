"""Reads a folder of PDFs as the program does and prints what it cost and found, as JSON.

python -m benchmarks.read_ours FOLDER
"""

from __future__ import annotations

import json
import sys
from collections import defaultdict
from dataclasses import replace
from pathlib import Path

from ankiforge.extract.base import SourceOpenParameters
from ankiforge.extract.pdf import PdfSettings, PdfSource
from ankiforge.model import ExtractedDocument, Problem

SECONDS = 20.0
"""A file that takes longer counts as one that hangs."""


def main(folder: Path) -> None:
    texts: dict[str, list[str]] = defaultdict(list)
    problems: list[tuple[str, str]] = []
    settings = PdfSettings(path=str(folder), include=("*.pdf",))
    source = replace(
        PdfSource.open(SourceOpenParameters("bench", folder, settings)), timeout=SECONDS
    )
    for sighting in source.scan():
        match sighting:
            case ExtractedDocument(document, highlights):
                texts[document.path] += [one.exact for one in highlights]
            case Problem(where, what):
                problems.append((where, what))
    print(json.dumps({"texts": texts, "problems": problems, "peak": _peak()}))


def _peak() -> float:
    """Megabytes that the largest process below this one, its worker, ever held."""
    try:
        import resource
    except ImportError:
        return 0.0
    held = resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss
    return float(held) / (2**20 if sys.platform == "darwin" else 2**10)


if __name__ == "__main__":
    main(Path(sys.argv[1]))
