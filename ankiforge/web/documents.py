"""The documents that stand beside the cards: as the page shows them, with their marks.

    document = {id, kind, title, marks, sheets?, html?}

`kind` is `sheets`, the pages of a PDF, whose sizes are in `sheets` as [width, height, printed
number]; `text`, a note as `html`; or `list`, the marks with the words around them. A mark has
`key`, `state` (`asks`, `card` or `none`), `words`, and whether it is a `frame` around a figure;
besides its `page` and how far down it is there, `at`, from 0 to 1; or the `place` and `blocks`
of its passage.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from pathlib import Path, PurePosixPath

from ankiforge.anki.render import render
from ankiforge.ledger import Ledger, overview
from ankiforge.model import Document, Highlight, HighlightKind, Json, Value, h16
from ankiforge.pipeline.pictures import file_in, roots
from ankiforge.text import on_one_line, regex
from ankiforge.text.cloze import image_paths, reveal
from ankiforge.web.card_view import Find, on_page, passage
from ankiforge.web.papers import Pages, Sheet, paper_of, place_of

WIDEST = 3_000
"""Pixels of the width of a page, at most."""
SHOWN_WORDS = 80
"""Characters of a mark by which it is named."""
LONGEST = 400_000
"""Bytes of a note, at most, that is shown whole."""
NOTES = (".md", ".markdown", ".txt")
# What a program for notes doesn't show either, or shows otherwise.
_UNSEEN = regex(r"(?s)\A---\n.*?\n---(?:\n|\Z)|%%.*?%%|<!--.*?-->")
_BLOCK_ID = regex(r"(?m)[ \t]+\^[\w-]+[ \t]*$|^\^[\w-]+[ \t]*$")
_CALLOUT = regex(r"(?m)^((?:>[ \t]?)+)\[!([\w-]+)\][+-]?[ \t]*(.*)$")
_LINK = regex(r"(!?)\[\[([^\]|\n]+)(?:\|([^\]\n]*))?\]\]")


def document_id(document: Document) -> str:
    """Return the name of a document for the page."""
    return h16("document", document.source, document.key, document.path)


class _Paper(Value):
    """A PDF that is shown, with the marks on each of its pages."""

    path: Path
    marks: tuple[tuple[int, Highlight], ...]


class Documents:
    """The documents that the page shows."""

    def __init__(self, ledger: Ledger, find: Find, pages: Pages) -> None:
        """Show documents of a ledger, with the pictures that `find` returns."""
        self._ledger = ledger
        self._find = find
        self.pages = pages
        self._papers: dict[str, _Paper] = {}

    def prepare(self, highlight: Highlight) -> str:
        """Make ready the pages that will be asked for first. Return the name of the document."""
        path = paper_of(self._ledger, highlight)
        if path is not None:
            self.pages.sizes(path)
        return document_id(highlight.document)

    def states(self, key: str) -> Json:
        """Return the states of all marks of the document of a highlight, by their keys."""
        marks = overview.marks(self._ledger, key)
        return {highlight.key: state for highlight, state in marks}

    def document(self, key: str) -> Json | None:
        """Return the document of a highlight; {} until it can be shown, None if there is none."""
        marks = overview.marks(self._ledger, key)
        if not marks:
            return None
        highlights = [highlight for highlight, _ in marks]
        asked_for = [highlight for highlight in highlights if highlight.key == key]
        shown = asked_for[0] if asked_for else highlights[0]
        path = paper_of(self._ledger, shown)
        if path is not None:
            measured = self.pages.sizes(path)
            if measured is None:
                return {}
            if measured.pages:
                return self._sheets(path, marks, measured.pages)
        text = self.markdown_of(shown)
        if text:
            entries = []
            for highlight, state in marks:
                beside = {"exact": highlight.exact, "before": highlight.prefix}
                entries.append({**_entry(highlight, state), **beside})
            html = self._html(shown, text)
            return {**_head(marks, "text"), "html": html, "marks": entries}
        entries = []
        for highlight, state in marks:
            source = passage(highlight)
            named = {name: source[name] for name in ("place", "blocks", "said")}
            entries.append({**_entry(highlight, state), **named})
        return {**_head(marks, "list"), "marks": entries}

    def markdown_of(self, highlight: Highlight) -> str:
        """Return a note in which a passage is marked as Markdown; "" if it is in none."""
        text = _UNSEEN.sub("", self._text_of(highlight).replace("\r\n", "\n"))
        text = _BLOCK_ID.sub("", reveal(text))
        text = _CALLOUT.sub(
            lambda line: f"{line[1]}**{line[3] or line[2].capitalize()}**", text
        )
        return _LINK.sub(_as_shown, text)

    def _text_of(self, highlight: Highlight) -> str:
        """Return the text of the note in which a passage is marked; "" if it is no note."""
        document = highlight.document
        if not document.path.lower().endswith(NOTES):
            return ""
        known = roots(self._ledger)
        for kind in ("obsidian", "markdown"):
            root = known.get(f"{kind}:{document.source}")
            file = file_in(root, document.path) if root else None
            if file is None:
                continue
            try:
                if file.stat().st_size <= LONGEST:
                    return file.read_text(encoding="utf-8-sig", errors="replace")
            except OSError:
                return ""
        return ""

    def _html(self, highlight: Highlight, text: str) -> str:
        """Return the Markdown of a note as HTML."""
        pictures = {}
        folder = PurePosixPath(highlight.document.path).parent
        for path in image_paths(text):
            media = self._find(highlight, str(folder / path)) or self._find(
                highlight, path
            )
            if media:
                pictures[path] = media
        return on_page(render(text, pictures=pictures)).replace("<wbr>", "")

    def _sheets(
        self,
        path: Path,
        marks: Sequence[tuple[Highlight, str]],
        sizes: Sequence[tuple[float, float, str]],
    ) -> Json:
        """Return the pages of a PDF with its marks."""
        entries = []
        placed = []
        for highlight, state in marks:
            place = place_of(highlight)
            if place is None or place[0] >= len(sizes):
                continue
            page, marked = place
            _, height, _ = sizes[page]
            top = marked.box[3] if marked.box else height
            at = min(max(1 - top / height, 0.0), 1.0)
            entry = _entry(highlight, state)
            entries.append({**entry, "page": page, "at": round(at, 3)})
            placed.append((page, highlight))
        head = _head(marks, "sheets")
        self._papers[head["id"]] = _Paper(path, tuple(placed))
        return {**head, "sheets": sizes, "marks": entries}

    def page(self, id: str, number: int, width: int) -> Json | None:
        """Begin to draw a page of a document, or return it.

        Returns:
            {} while it is being drawn; then `src`, `width`, `height`, the places of its `marks` by
            their keys, and its `lines`; with an empty `src` if it cannot be drawn. None if no such
            document is shown.
        """
        paper = self._papers.get(id)
        if paper is None:
            return None
        keys = []
        marked = []
        for page, highlight in paper.marks:
            place = place_of(highlight)
            if page == number and place is not None:
                keys.append(highlight.key)
                marked.append(place[1])
        sheet = Sheet(paper.path, number, tuple(marked), min(width, WIDEST))
        drawn = self.pages.drawn(sheet)
        if drawn is None:
            return {}
        return {
            "src": f"/page/{sheet.name}.png" if drawn.picture else "",
            "width": drawn.width,
            "height": drawn.height,
            "marks": dict(zip(keys, drawn.marks, strict=False)),
            "lines": drawn.lines,
        }

    def texts(self, id: str) -> Json | None:
        """Return the `texts` of the pages of a document; {} until they are known."""
        paper = self._papers.get(id)
        searched = self.pages.texts(paper.path) if paper else None
        if paper is None or searched is None:
            return None if paper is None else {}
        return {"texts": searched.texts}


def _as_shown(link: re.Match[str]) -> str:
    """Return a link of Obsidian as Markdown: a picture, or the words that it shows."""
    embeds, target, label = link.groups()
    if embeds:
        return f"![{label or ''}](<{target.partition('#')[0].strip()}>)"
    return str(label or target.replace("#", " › ").strip(" ›"))


def _head(marks: Sequence[tuple[Highlight, str]], kind: str) -> Json:
    """Return the fields that every document has."""
    highlight, _ = marks[0]
    document = highlight.document
    return {"id": document_id(document), "kind": kind, "title": document.title}


def _entry(highlight: Highlight, state: str) -> Json:
    """Return the fields that every mark has."""
    words = on_one_line(highlight.exact or highlight.comment or "A picture")
    is_frame = highlight.kind in (HighlightKind.IMAGE, HighlightKind.INK)
    return {
        "key": highlight.key,
        "state": state,
        "words": words[:SHOWN_WORDS],
        "frame": is_frame,
    }
