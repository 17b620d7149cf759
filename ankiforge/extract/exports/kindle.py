"""Kindle: `My Clippings.txt` in any language, and the HTML that its apps and KOReader export.

    sources:
      - kindle: {path: ~/Kindle/My Clippings.txt}

A Kindle only appends to its file. So a mark that was changed is listed twice, and so is an edited
note. If of two marks at one place one contains the other, the newer one counts, and the longer one
is kept as context (`sentence`). A note becomes the comment of the mark that ends at its place; in
HTML, of the mark above it. The key depends only on the passage.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator

from ankiforge.extract import SourceSettings
from ankiforge.extract.exports.clippings import NOWHERE, Clip, of_html, of_text
from ankiforge.extract.folder import ExportSource, Named
from ankiforge.model import Extracted, Highlight, HighlightKind, Problem
from ankiforge.text.fold import fold
from ankiforge.text.passages import numbered

# Folded characters from which a match at one place is no coincidence.
_LONG = 20

Settings = SourceSettings


def _marks(clips: Iterable[Clip]) -> list[Clip]:
    """Return the marks that count, in the order in which they were first made."""
    marks, folded = list[Clip](), list[str]()
    for clip in clips:
        words = fold(clip.text)
        for at in range(len(marks) - 1, max(-1, len(marks) - 500), -1):
            old = marks[at]
            short, long = sorted((folded[at], words), key=len)
            edge = clip.place != NOWHERE and (long.startswith(short) or long.endswith(short))
            same = edge or short == long or (len(short) >= _LONG and short in long)
            if same and clip.beside(old):
                wider = old.wider or old.text
                clip.wider = wider if len(wider) > len(clip.text) else ""
                marks[at], folded[at] = clip, words
                break
        else:
            marks.append(clip)
            folded.append(words)
    return marks


def _attach(marks: list[Clip], notes: Iterable[Clip]) -> list[Clip]:
    """Attach each note to its mark. Return the notes without a mark."""
    alone: list[Clip] = []
    for note in notes:
        fit = [mark for mark in marks if note.beside(mark)]
        if note.place == NOWHERE and len(fit) > 1:  # of several marks on a page, the one beside it
            fit = [mark for mark in fit if abs(mark.at - note.at) == 1]
        ends = [mark for mark in fit if mark.place[1] == note.place[0]]
        some = (ends or fit)[-1].notes if fit else alone
        # of two notes at one location, the newer is an edit of the older
        kept = [one for one in some if one.place == NOWHERE or one.place != note.place]
        some[:] = [*kept, note]
    return alone


class Kindle(ExportSource):
    """One reader's clippings. A Kindle has one reader, so `me` does not matter."""

    kind = "kindle"
    ending = (".txt", ".html", ".htm")
    no_export = "not a Kindle clippings file"
    hint = "My Clippings.txt is on the Kindle, in documents/"
    rest = "are not entries"

    def items(self, path: str, text: str) -> Iterator[Clip | Problem]:
        """Yield the entries of one file."""
        yield from of_text(path, text) if path.casefold().endswith(".txt") else of_html(text)

    def documents(self, found: list[Clip]) -> Iterator[Named]:
        """Yield one document per book, in the order of their first entries, and problems."""
        books = dict[str, dict[object, Clip]]()
        for clip in found:  # two copies of the file say the same twice
            same = (clip.kind, clip.text, clip.place, clip.page)
            books.setdefault(fold(clip.book), {})[same] = clip
        for clips in books.values():
            entries = list(clips.values())
            book = entries[0].book
            yield book, self._book(book, entries)

    def _book(self, book: str, clips: list[Clip]) -> Iterator[Extracted | Problem]:
        named = re.fullmatch(r"(.+?)\s*\(((?:[^()]|\([^()]*\))+)\)", book)
        title, authors = (named[1], named[2].split(";")) if named else (book, [])
        creators = tuple(filter(None, map(str.strip, authors)))
        document = self.document((fold(book),), title, creators=creators)
        # a Kindle writes `<You have reached the clipping limit …>` instead of a passage
        texts = [one for one in clips if one.text and one.text[0] + one.text[-1] != "<>"]
        marks = _marks(one for one in texts if not one.kind)
        alone = _attach(marks, (one for one in texts if one.kind == "note"))
        made = [
            Highlight(
                document,
                self.folder.namespace,
                HighlightKind.NOTE if clip.kind else HighlightKind.HIGHLIGHT,
                exact="" if clip.kind else clip.text,
                anchor_text=clip.text if clip.kind else "",
                sentence=clip.wider,
                comment=clip.text if clip.kind else "\n".join(note.text for note in clip.notes),
                page_label=clip.page,
                heading=clip.section,
                block=str(clip.place[0] or clip.page),
            )
            for clip in (*marks, *alone)
        ]
        counted = zip((*marks, *alone), numbered(made), strict=True)
        ordered = [
            one
            for _, one in sorted(counted, key=lambda pair: (pair[0].place, pair[0].page.zfill(9)))
        ]
        yield from self.extracted(document, ordered)
        if lost := sum(not one.kind and one not in texts for one in clips):
            what = f"marks without text: {lost}; at a book's clipping limit a Kindle writes none"
            hint = "your highlights are at read.amazon.com/notebook"
            yield Problem(document.title, what, hint, notice=True)


open_source = Kindle.open
