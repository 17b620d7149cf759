"""What is read of damaged PDFs: by PDFium alone, after a repair by pypdf, and not at all.

    python -m benchmarks.broken_pdfs WHOLE [BROKEN]

WHOLE is a folder of intact PDFs with marks, each of which is damaged in every way below; the
marks and keys that are then read are compared with those of the intact file. BROKEN is a folder
of PDFs that are damaged already, such as the test files of PDF libraries.
"""

from __future__ import annotations

import random
import re
import sys
from collections import Counter, defaultdict
from collections.abc import Callable, Iterator
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import NamedTuple

from ankiforge.extract.pdf.messages import Failure, ReadMarksReply
from ankiforge.extract.pdf.requests import REPAIRED_NOTICE
from ankiforge.extract.pdf.worker import PdfWorkerPool
from ankiforge.model import Highlight
from ankiforge.text.keys import build_anchor_key, number_highlights

SECONDS = 30.0
Damage = Callable[[bytes, random.Random], bytes]


def _without_table(raw: bytes, chance: random.Random) -> bytes:
    return raw.replace(b"startxref", b"startxxxx").replace(b"\nxref", b"\nxxxx")


def _without_trailer(raw: bytes, chance: random.Random) -> bytes:
    return raw.replace(b"trailer", b"traileX").replace(b"/Root", b"/Rxxt", 1)


def _flipped(raw: bytes, chance: random.Random) -> bytes:
    changed = bytearray(raw)
    for _ in range(30):
        changed[chance.randrange(len(raw))] = chance.randrange(256)
    return bytes(changed)


def _cut_at(share: float) -> Damage:
    return lambda raw, chance: raw[: int(len(raw) * share)]


def _with_junk(raw: bytes, chance: random.Random) -> bytes:
    return b"HTTP/1.1 200 OK\r\n" + chance.randbytes(3000).replace(b"%", b" ") + raw


def _as_text(raw: bytes, chance: random.Random) -> bytes:
    return raw.replace(b"\r\n", b"\n").replace(b"\n", b"\r\n")


def _wrong_kids(raw: bytes, chance: random.Random) -> bytes:
    return re.sub(rb"/Count \d+", b"/Count -1", raw)


def _wrong_lengths(raw: bytes, chance: random.Random) -> bytes:
    return re.sub(rb"/Length \d+", b"/Length 7", raw)


def _without_end_of_objects(raw: bytes, chance: random.Random) -> bytes:
    return raw.replace(b"endobj", b"")


DAMAGES: dict[str, Damage] = {
    "no cross-reference table": _without_table,
    "no trailer": _without_trailer,
    "30 bytes changed": _flipped,
    "cut at 95 %": _cut_at(0.95),
    "cut at 60 %": _cut_at(0.6),
    "3,000 bytes of junk before it": _with_junk,
    "line ends changed": _as_text,
    "wrong number of pages": _wrong_kids,
    "wrong lengths of streams": _wrong_lengths,
    "no end of objects": _without_end_of_objects,
}


class Same(NamedTuple):
    """How many marks of a damaged file are those of the intact one."""

    words: int
    keys: int


def compared(read: ReadMarksReply | Failure, intact: ReadMarksReply) -> Same:
    """Return how many marks have the words that they should have, and how many the key."""
    if isinstance(read, Failure):
        return Same(0, 0)
    words = Counter(mark.exact for mark in read.marks)
    right_words = Counter(mark.exact for mark in intact.marks)
    keys = set(map(_key, number_highlights(read.marks)))
    right_keys = set(map(_key, number_highlights(intact.marks)))
    same_document = read.document.key == intact.document.key
    return Same(
        (words & right_words).total(), len(keys & right_keys) if same_document else 0
    )


def _key(mark: Highlight) -> str:
    return build_anchor_key(mark, mark.occurrence)


def how(read: ReadMarksReply | Failure) -> str:
    """Return how a file was read."""
    if isinstance(read, Failure):
        return f"refused: {read.what}"
    return "after a repair" if REPAIRED_NOTICE in read.notices else "by PDFium"


def damaged(whole: Path, worker: PdfWorkerPool) -> Iterator[tuple[str, str, Same, int]]:
    """Yield for each damaged copy: the damage, how it was read, equal marks, all marks."""
    with TemporaryDirectory() as folder:
        for path in sorted(whole.rglob("*.pdf")):
            intact = worker.read_marks(path, always_identify=True)
            if isinstance(intact, Failure) or not intact.marks:
                continue
            chance = random.Random(path.name)
            for name, damage in DAMAGES.items():
                copy = Path(folder, "copy.pdf")
                copy.write_bytes(damage(path.read_bytes(), chance))
                read = worker.read_marks(copy, always_identify=True)
                yield name, how(read), compared(read, intact), len(intact.marks)


def main() -> None:
    """Print both tables."""
    whole, *broken = map(Path, sys.argv[1:])
    with PdfWorkerPool(SECONDS) as worker:
        rows: dict[tuple[str, str], list[tuple[Same, int]]] = defaultdict(list)
        for name, way, same, marks in damaged(whole, worker):
            rows[name, way].append((same, marks))
        for (name, way), found in sorted(rows.items()):
            marks = sum(count for _, count in found)
            words = sum(same.words for same, _ in found)
            keys = sum(same.keys for same, _ in found)
            line = f"{len(found):4} files, {marks:4} marks: {words:4} with words, {keys:4} with key"
            print(f"{name:30} {way:50.50} {line}")
        for folder in broken:
            files = Counter[str]()
            total = Counter[str]()
            for path in sorted(folder.rglob("*.pdf")):
                read = worker.read_marks(path, always_identify=True)
                files[how(read)] += 1
                if isinstance(read, ReadMarksReply):
                    total[how(read)] += len(read.marks)
            for way in sorted(files):
                print(
                    f"{folder.name:30} {way:50.50} {files[way]:4} files, {total[way]:4} marks"
                )


if __name__ == "__main__":
    main()
