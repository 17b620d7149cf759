"""How faithfully marks of e-readers are read, on books and files that this project doesn't have.

    python benchmarks/read_books.py BOOKS [FILES…]

BOOKS is a folder of EPUBs. Words at random places of them are marked in the layout of each
program, with the place as an own parser of XML sees it; then the marks are read back. FILES are
real sidecars and databases; they are read, and then damaged. Per format it prints:

- marks to the letter, marks with the sentence at the place that was marked, and with one of
  another place; keys that are others in a second export with three marks more and one less
- readers that fail, on 200 damaged copies of a file
"""

from __future__ import annotations

import posixpath
import random
import re
import shutil
import sys
import unicodedata
from collections import Counter
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import NamedTuple
from urllib.parse import unquote
from xml.etree import ElementTree
from xml.etree.ElementTree import Element
from zipfile import ZipFile

from ankiforge.errors import BUG_MESSAGE
from ankiforge.extract.base import SourceOpenParameters, assign_initial_keys
from ankiforge.extract.discover import find_source_kind
from ankiforge.extract.registry import load_source_type
from ankiforge.model import ExtractedDocument, Highlight, Problem, Sighting
from tests.makers.ebook_writer import (
    Book,
    Mark,
    add_to_epub,
    write_apple,
    write_calibre,
    write_kobo,
    write_sidecar,
)

PER_BOOK = 30
DAMAGED = 200


class Paragraph(NamedTuple):
    """A paragraph of a real book, and where it is."""

    text: str
    chapter: int
    """The number of its file in the book's list, from 1."""
    file: str
    way: str
    cfi: str


def words(text: str) -> str:
    """Return a text with single blanks, as it is compared."""
    return " ".join(unicodedata.normalize("NFC", text).split())


def paragraphs_of(path: Path) -> list[Paragraph]:
    """Return the paragraphs of a real EPUB, by a parser of XML, not by ours."""
    found: list[Paragraph] = []
    with ZipFile(path) as epub:
        container = ElementTree.fromstring(epub.read("META-INF/container.xml"))
        package_name = container.find(".//{*}rootfile").get("full-path")
        package = ElementTree.fromstring(epub.read(package_name))
        folder = posixpath.dirname(package_name)
        items = {
            item.get("id"): item.get("href")
            for item in package.iter("{http://www.idpf.org/2007/opf}item")
        }
        spine = package.iter("{http://www.idpf.org/2007/opf}itemref")
        hrefs = [unquote(items[reference.get("idref")]) for reference in spine]
        names = [posixpath.normpath(posixpath.join(folder, href)) for href in hrefs]
        there = [name for name in names if name in epub.namelist()]
        for chapter, name in enumerate(there, start=1):
            html = epub.read(name).decode("utf-8", "replace").replace("&nbsp;", "&#160;")
            with suppress(ElementTree.ParseError):
                for way, cfi, element in _elements(ElementTree.fromstring(html), "", ""):
                    if element.tag.endswith("}p"):
                        text = words("".join(element.itertext()))
                        if len(text) > 1:
                            found.append(Paragraph(text, chapter, name, way, cfi))
    return found


def _elements(parent: Element, way: str, cfi: str) -> Iterator[tuple[str, str, Element]]:
    """Yield the elements in another one, with the ways to them by names and by numbers."""
    counts: Counter[str] = Counter()
    for number, child in enumerate(parent, start=1):
        name = str(child.tag).rpartition("}")[2]
        counts[name] += 1
        child_way = f"{way}/{name}[{counts[name]}]".removeprefix("/")
        child_cfi = f"{cfi}/{2 * number}"
        yield child_way, child_cfi, child
        yield from _elements(child, child_way, child_cfi)


def random_mark(paragraph: Paragraph, dice: random.Random, number: int) -> Mark:
    """Mark some words of a paragraph."""
    starts = [found.start() for found in re.finditer(r"\S+", paragraph.text)]
    first = dice.choice(starts)
    length = dice.choice((4, 12, 30, 80, 300))
    return Mark(
        paragraph.text[first : first + length].strip(),
        dice.choice(("", "Why?", "a “note”\\\nover lines")),
        chapter=paragraph.chapter,
        offset=first,
        id=f"mark-{number}",
        file=paragraph.file,
        way=paragraph.way,
        cfi=paragraph.cfi,
    )


def write(kind: str, folder: Path, path: Path, marks: list[Mark]) -> Path:
    """Put a copy of a book and its marks where one program has them; return what is read."""
    folder.mkdir(parents=True, exist_ok=True)
    shutil.copy(path, folder / "book.epub")
    book = Book(path.stem, ("An Author",))
    if kind == "koreader":
        write_sidecar(folder / "book.sdr/metadata.epub.lua", book, marks)
    elif kind == "kobo":
        write_kobo(folder / "KoboReader.sqlite", [(book, "book.epub", marks)])
    elif kind == "calibre":
        write_calibre(folder / "metadata.db", [(book, "book.epub", marks)])
    elif kind == "apple-books":
        write_apple(folder, [(book, "/Books/book.epub", marks)])
    elif kind == "epub":
        add_to_epub(folder / "book.epub", marks)
    return folder


def scan(kind: str, path: Path) -> list[Sighting]:
    """Return what a source yields at a path."""
    source = load_source_type(kind)
    settings = source.Settings(path=str(path), name="n")
    return list(
        source.open(SourceOpenParameters(name="n", root=path, settings=settings)).scan()
    )


def highlights(found: list[Sighting]) -> Iterator[Highlight]:
    """Yield the highlights of a scan with their keys."""
    for sighting in found:
        if isinstance(sighting, ExtractedDocument):
            yield from assign_initial_keys(sighting)


def is_around(highlight: Highlight, mark: Mark, paragraph: str) -> bool:
    """Return whether the sentence of a mark stands at the place that was marked."""
    sentence = words(highlight.sentence or highlight.exact)
    start = paragraph.find(sentence, max(0, mark.offset - len(sentence)))
    return (
        0 <= start <= mark.offset
        and words(mark.text) in sentence
        and bool(highlight.surrounding_text)
    )


def made(kind: str, books: list[Path], dice: random.Random) -> Counter[str]:
    """Return the figures of marks at random places."""
    counts: Counter[str] = Counter()
    for path in books:
        paragraphs = paragraphs_of(path)
        if not paragraphs:
            continue
        chosen = [dice.choice(paragraphs) for _ in range(PER_BOOK)]
        marks = [random_mark(one, dice, number) for number, one in enumerate(chosen)]
        with TemporaryDirectory() as folder:
            place = write(kind, Path(folder), path, marks[:-3])
            first = list(highlights(scan(kind, place)))
            by_words = Counter(words(one.exact) for one in first)
            for mark, paragraph in zip(marks[:-3], chosen, strict=False):
                counts["marks"] += 1
                counts["to the letter"] += by_words[words(mark.text)] > 0
                same = [one for one in first if words(one.exact) == words(mark.text)]
                is_there = any(is_around(one, mark, paragraph.text) for one in same)
                counts["sentence around"] += is_there
                counts["another sentence"] += not is_there and any(
                    one.surrounding_text for one in same
                )
            write(kind, Path(folder), path, marks[1:])
            second = {one.key for one in highlights(scan(kind, place))}
            kept = [one for one in first if words(one.exact) != words(marks[0].text)]
            counts["keys that changed"] += sum(one.key not in second for one in kept)
    return counts


def damaged(path: Path, dice: random.Random) -> Counter[str]:
    """Return how readers fare on damaged copies of a file."""
    kind = find_source_kind(path)
    raw = path.read_bytes()
    counts: Counter[str] = Counter()
    with TemporaryDirectory() as folder:
        for _ in range(DAMAGED):
            copy = bytearray(raw)
            for _ in range(dice.choice((1, 3, 50))):
                place = dice.randrange(len(copy))
                what = dice.choice(("cut", "byte", "hole", "twice"))
                if what == "cut" and len(copy) > 200:
                    del copy[place:]
                elif what == "hole":
                    del copy[place : place + dice.randrange(1, 40)]
                elif what == "twice":
                    copy[place:place] = copy[place : place + 40]
                else:
                    copy[place] = dice.randrange(256)
                if not copy:
                    copy = bytearray(b"\0")
            target = Path(folder, path.name)
            target.write_bytes(copy)
            try:
                found = scan(kind, target)
            except Exception as error:  # noqa: BLE001 - any is a fault
                counts[f"crashes: {error!r}"] += 1
                continue
            problems = [one for one in found if isinstance(one, Problem)]
            counts["crashes"] += any(
                one.message.startswith(BUG_MESSAGE) for one in problems
            )
            counts["read"] += any(isinstance(one, ExtractedDocument) for one in found)
            counts["named"] += bool(problems)
    return counts


def main() -> None:
    """Print the figures."""
    folder, *files = map(Path, sys.argv[1:])
    books = sorted(folder.rglob("*.epub"))
    for kind in ("koreader", "kobo", "calibre", "apple-books", "epub"):
        counts = made(kind, books, random.Random(1))
        print(
            f"{kind:12}",
            *(f"{name}: {count}" for name, count in counts.items()),
            sep="  ",
        )
    for path in files:
        kind = find_source_kind(path)
        if not kind:
            print(path.name, "is read by no source")
            continue
        found = scan(kind, path)
        marks = list(highlights(found))
        problems = [one.message for one in found if isinstance(one, Problem)]
        print(
            f"{kind:12} {path.parent.name}/{path.name}: {len(marks)} marks",
            *problems,
            sep="; ",
        )
        print(
            " " * 12,
            f"of {DAMAGED} damaged copies:",
            dict(damaged(path, random.Random(1))),
        )


if __name__ == "__main__":
    main()
