"""Draws a whole page as a reader sees it, and finds where on it a mark lies."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import closing
from itertools import groupby
from pathlib import Path

from pypdf import PageObject
from pypdfium2 import PdfDocument, PdfPage  # type: ignore[import-untyped]

from ankiforge.extract.pdf.annotations import Annotation, of_page
from ankiforge.extract.pdf.chars import Char, page_chars, upright_text
from ankiforge.extract.pdf.faults import FAULTS, failure
from ankiforge.extract.pdf.opening import Unlocked, unlocked
from ankiforge.extract.pdf.pagetext import PageText
from ankiforge.extract.pdf.passages import Box, Passages, quads
from ankiforge.extract.pdf.pictures import draw_whole, seen_edges
from ankiforge.extract.pdf.protocol import Drawn, Failed, Sheet
from ankiforge.extract.pdf.spelling import Spelling, unswapped
from ankiforge.text.fold import same
from ankiforge.text.quotes import locate

MOST_BOXES = 500
"""Lines that are outlined."""


def draw_sheet(path: Path, sheet: Sheet) -> Drawn | Failed:
    """Draw a page, or say why not; never raises for what is in the file."""
    try:
        file = unlocked(path, sheet.passwords)
        if isinstance(file, Failed):
            return file
        with closing(file.document()) as document:
            return _draw(file, document, sheet)
    except (*FAULTS, MemoryError) as error:
        return failure(error)


def _draw(file: Unlocked, document: PdfDocument, sheet: Sheet) -> Drawn | Failed:
    if not 0 <= sheet.page < len(document):
        what = f"it has no page {sheet.page + 1} any more"
        return Failed(what, "it was changed: ankiforge run reads it again")
    with closing(document[sheet.page]) as page:
        turned = page.get_rotation()
        boxes = _boxes(page, file.reader.pages[sheet.page], sheet)
        page.set_rotation(turned)
        picture, width, height = draw_whole(page)
        places = (seen_edges(page, box, (width, height)) for box in boxes)
        return Drawn(picture, width, height, tuple(places))


# --- where the mark is ------------------------------------------------------------------------


def _boxes(page: PdfPage, entries: PageObject, sheet: Sheet) -> list[Box]:
    """The lines of a mark: of the annotation that it is, else of the words that it says."""
    try:
        text = _text_of(page)
        mark = _annotation(entries, sheet, text)
        if mark is not None:
            return [quad.box for quad in quads(mark.points, mark.box)][:MOST_BOXES]
        return list(_lines(text, sheet))[:MOST_BOXES]
    except FAULTS:
        return []


def _text_of(page: PdfPage) -> PageText:
    with closing(upright_text(page)) as letters:
        whole = unswapped(letters.get_text_range())
        return PageText(page_chars(letters), Spelling([whole]))


def _annotation(entries: PageObject, sheet: Sheet, text: PageText) -> Annotation | None:
    """By its own name; else the one on the same words, if there is but one."""
    marks = [one for one in of_page(sheet.page, entries) if isinstance(one, Annotation)]
    named = [one for one in marks if {f"nm:{one.name}", f"zotero:{one.zotero}"} & {*sheet.names}]
    if named or not sheet.words:
        return next(iter(named or _of_the_box(marks, sheet)), None)
    passages = Passages(text)
    alike = [
        one
        for one in marks
        if same(text.quote(passages.under(quads(one.points, one.box))), sheet.words)
    ]
    return alike[0] if len(alike) == 1 else None


def _of_the_box(marks: list[Annotation], sheet: Sheet) -> list[Annotation]:
    """Without words: the mark whose comment it is, if there is but one."""
    found = [one for one in marks if sheet.comment and same(one.contents, sheet.comment)]
    return found if len(found) == 1 else []


def _lines(text: PageText, sheet: Sheet) -> Iterator[Box]:
    """The boxes of words on the page, line by line."""
    span = _span(text.text, sheet)
    if span is None:
        return
    first, last = text.place(span[0]), text.place(span[1] - 1)
    for _, group in groupby(range(first, last + 1), key=lambda at: _line_of(text, at)):
        yield _around([text.seen[at] for at in group])


def _span(text: str, sheet: Sheet) -> tuple[int, int] | None:
    """Where the words stand; of several places the one after the same words."""
    whole = locate(sheet.before + sheet.words, text) if sheet.before.strip() else None
    if whole is None:
        return locate(sheet.words, text)
    skipped = locate(sheet.before, text[whole[0] : whole[1]])
    start = whole[0] + (skipped[1] if skipped else 0)
    return (start + len(text[start : whole[1]]) - len(text[start : whole[1]].lstrip()), whole[1])


def _line_of(text: PageText, at: int) -> int:
    return next((n for n, line in enumerate(text.lines) if line.start <= at < line.end), -1)


def _around(chars: list[Char]) -> Box:
    return (
        min(one.left for one in chars),
        min(one.bottom for one in chars),
        max(one.right for one in chars),
        max(one.top for one in chars),
    )
