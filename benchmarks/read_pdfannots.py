"""Reads a folder of PDFs with pdfannots and prints what it found, as JSON.

python -m benchmarks.read_pdfannots FOLDER
"""

from __future__ import annotations

import json
import logging
import sys
from pathlib import Path

from pdfannots import process_file
from pdfminer.layout import LAParams


def main(folder: Path) -> None:
    logging.disable(logging.CRITICAL)
    texts: dict[str, list[str]] = {}
    problems: list[tuple[str, str]] = []
    for path in sorted(folder.glob("*.pdf")):
        try:
            texts[path.name] = _texts(path)
        except Exception as error:  # noqa: BLE001  # it raises whatever it meets
            problems.append((path.name, type(error).__name__))
    print(json.dumps({"texts": texts, "problems": problems}))


def _texts(path: Path) -> list[str]:
    with path.open("rb") as file:
        document = process_file(file, laparams=LAParams())
    texts = (one.gettext(remove_hyphens=True) for one in document.iter_annots())
    return [text for text in texts if text]


if __name__ == "__main__":
    main(Path(sys.argv[1]))
