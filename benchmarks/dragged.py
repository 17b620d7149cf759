"""Measure how many words that are dragged over on the page become the same words of a mark.

    python -m benchmarks.dragged FOLDER...      folders with PDFs and notes

Of each file, runs of two to forty words are chosen as a drag chooses them: of a PDF the words of a
page as the page lays them over its picture, with what stands before them; of a note words of its
plain text. A run that begins within its first word counts, too. A choice is right if the mark has
its letters, no more and no less, behind the same letters; a word that is divided at the end of a line is taken whole.
"""

import argparse
import random
from collections import Counter
from pathlib import Path

from ankiforge.errors import ForgeError
from ankiforge.extract.base import Opening
from ankiforge.extract.markdown import Texts
from ankiforge.extract.pdf import Pdf
from ankiforge.extract.pdf.worker import PdfWorker
from ankiforge.pipeline.choosing import OpenDocument, words_at
from ankiforge.text.fold import letters_of
from ankiforge.text.located import Letters

LEAD = 60


def opened(path: Path) -> OpenDocument | None:
    """Return a document with its text; None if it has none."""
    source = Pdf if path.suffix == ".pdf" else Texts
    settings = source.Settings(path=str(path.parent))
    opening = Opening("measured", path.parent, settings, (path,))
    for read in source.open(opening).whole_texts():
        if isinstance(read, tuple):
            return OpenDocument(path, "measured", read[1], Letters(read[1].pages))
    return None


def pages_of(
    path: Path, document: OpenDocument, worker: PdfWorker, most: int
) -> list[list[str]]:
    """Return the words of some pages, as they can be dragged over."""
    if path.suffix != ".pdf":
        return [page.split() for page in document.whole.pages]
    numbers = list(range(len(document.whole.pages)))
    chosen = set(random.sample(numbers, min(most, len(numbers))))
    pages = []
    for number in numbers:
        lines = worker.view(path, number, (), 800).lines if number in chosen else ()
        pages.append([word for line in lines for word, _ in line])
    return pages


def is_right(chosen: str, marked: str) -> bool:
    """Return whether a mark has the words of a choice, which may end in half of a divided word."""
    wanted, letters = letters_of(chosen), letters_of(marked)
    first, last = map(letters_of, (marked.split()[0], marked.split()[-1]))
    start = letters.find(wanted)
    more = len(letters) - start - len(wanted)
    return (
        start >= 0
        and (not start or start < len(first))
        and (not more or more < len(last))
    )


def main() -> None:
    """Print how many choices of each file are right."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("folders", nargs="+", type=Path)
    parser.add_argument("--files", type=int, default=20)
    parser.add_argument("--marks", type=int, default=1000)
    parser.add_argument("--seed", type=int, default=1)
    asked = parser.parse_args()
    random.seed(asked.seed)
    files = []
    for folder in asked.folders:
        files += [
            each for each in sorted(folder.rglob("*")) if each.suffix in (".pdf", ".md")
        ]
    random.shuffle(files)

    counts: Counter[str] = Counter()
    used = 0
    of_each = -(-asked.marks // asked.files)
    with PdfWorker() as worker:
        for path in files:
            if used == asked.files:
                break
            try:
                document = opened(path)
            except ForgeError:
                continue
            pages = pages_of(path, document, worker, 4) if document else []
            places = [(n, words) for n, words in enumerate(pages) if len(words) > 60]
            if document is None or not places:
                continue
            used += 1
            right = Counter[str]()
            for _ in range(of_each):
                page, words = random.choice(places)
                start = random.randrange(len(words) - 41)
                run = words[start : start + random.randint(2, 40)]
                if not letters_of(" ".join(run)):
                    continue
                cut = random.random() < 0.3 and len(run[0]) > 3 and run[0].isascii()
                text = " ".join([run[0][1:] if cut else run[0], *run[1:]])
                before = " ".join(words[:start])[-LEAD:]
                located = words_at(
                    document, text, f"{before} {run[0][:1]}" if cut else before, page
                )
                lead = letters_of(f"{before} {run[0][:1]}" if cut else before)[-12:]
                if located is None:
                    right["not found"] += 1
                elif not document.letters.text.endswith(lead, 0, located.letters[0]):
                    right["elsewhere"] += 1
                elif is_right(" ".join(run), located.words):
                    right["right"] += 1
                else:
                    right["other words"] += 1
            counts.update(right)
            print(f"{path.name[:60]:60} {dict(right)}")
    print(
        f"{used} files: {dict(counts)}; right: {counts['right'] / max(counts.total(), 1):.1%}"
    )


if __name__ == "__main__":
    main()
