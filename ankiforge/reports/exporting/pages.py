"""An export as Markdown: a page for each work, with what was marked and its cards.

The head says that the page is an export: no source of ours reads it, and a later export knows it
by that again, wherever it was moved to in its folder. A page that a person has changed is his.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from itertools import chain, count, groupby
from pathlib import Path

from ankiforge.model import (
    Card,
    Document,
    Highlight,
    HighlightKind,
    Problem,
    Standing,
    Verdict,
    h16,
)
from ankiforge.reports.exporting.lines import Chosen
from ankiforge.reports.exporting.wording import fields_of, item, quoted, written
from ankiforge.reports.exporting.writing import write
from ankiforge.text.identifiers import export_digest, export_mark, exported

LONGEST_NAME = 100
_UNFIT = re.compile(
    r"[\x00-\x1f\x7f-\x9f\u200e\u200f\u202a-\u202e\u2066-\u2069<>:\"/\\|?*#^\[\]%]+"
)
_CONTROL = re.compile("[\x00-\x1f\x7f-\x9f\ufffe\uffff]")
_RESERVED = re.compile(r"(?:con|prn|aux|nul|com\d|lpt\d)[ .]*(?:\.|\Z)", re.IGNORECASE)


@dataclass(slots=True)
class Written:
    """What became of the pages."""

    written: list[Path] = field(default_factory=list)
    unchanged: list[Path] = field(default_factory=list)
    kept: list[Problem] = field(default_factory=list)
    """Pages that a person has changed since, and what is not ours."""
    left: list[Path] = field(default_factory=list)
    """Exports of works that were not exported this time."""


def write_pages(folder: Path, chosen: Chosen) -> Written:
    """Write a page for each work into a folder.

    Raises:
        OSError: it cannot be written.
    """
    folder.mkdir(parents=True, exist_ok=True)
    there, done = _there(folder), Written()
    taken = {_folded(path.name) for path in folder.iterdir()}
    for work, text in pages(chosen):
        path, untouched = _page_of(work, there)
        if path is None:
            path = folder / _free(name_of(work[0]), work[0], taken)
            taken.add(_folded(path.name))
        elif not untouched:
            done.kept.append(_changed(path))
            continue
        changed = not path.exists() or path.read_bytes() != text.encode()
        if changed:
            write(path, [text])
        (done.written if changed else done.unchanged).append(path)
    done.left += sorted(path for path, _ in there.values())
    return done


def _page_of(
    work: Sequence[Document], there: dict[str, tuple[Path, bool]]
) -> tuple[Path | None, bool]:
    """Where a work has its page, under whichever of its documents it was known then."""
    keys = [str(document.key) for document in work]
    found = min((key for key in keys if key in there), key=keys.index, default="")
    return there.pop(found, (None, True))


def _changed(path: Path) -> Problem:
    what = "you have changed this page since it was exported: it is left as it is"
    return Problem(str(path), what, "move or delete it, to have it written anew", notice=True)


def _there(folder: Path) -> dict[str, tuple[Path, bool]]:
    """The exports in a folder: of which document, and whether as they were written."""
    found: dict[str, tuple[Path, bool]] = {}
    for path in sorted(folder.rglob("*.md")):
        if any(part.startswith(".") for part in path.relative_to(folder).parts):
            continue  # a note that was thrown away in Obsidian lies in `.trash`
        try:
            marked = exported(path.read_bytes().decode())
        except (OSError, UnicodeDecodeError):
            continue
        if marked and (marked[0] not in found or not found[marked[0]][1]):
            found[marked[0]] = (path, marked[1])
    return found


def name_of(document: Document) -> str:
    """A file's name, without its ending, that every system takes."""
    title = unicodedata.normalize("NFC", " ".join(_UNFIT.sub(" ", document.title).split()))
    title = title.strip(". ")[:LONGEST_NAME].encode()[:200].decode(errors="ignore").strip(". ")
    if not title or _RESERVED.match(title):
        return f"{title.replace('.', '')} {h16(document.key)[:8]}".strip()
    return title


def _free(name: str, document: Document, taken: set[str]) -> str:
    """Another work, or a file that is not ours, may have the name."""
    further = (f"{name} {h16(document.key, str(n))[:8]}.md" for n in count(1))
    known = f"{name} {h16(document.key)[:8]}.md"
    names = chain((f"{name}.md", known), further)
    return next(one for one in names if _folded(one) not in taken)


def _folded(name: str) -> str:
    """As systems compare names that tell neither case nor spelling apart."""
    return unicodedata.normalize("NFC", name).casefold()


# --- a page ---------------------------------------------------------------------------------


def pages(chosen: Chosen) -> Iterator[tuple[tuple[Document, ...], str]]:
    """Each work, as the documents it was reached by, with its page."""
    cards: dict[str, list[Card]] = {}
    for card in chosen.cards:
        cards.setdefault(card.highlight.key, []).append(card)
    marks: dict[str, dict[str, Highlight]] = {}
    for one in (*chosen.highlights, *(card.highlight for card in chosen.cards)):
        marks.setdefault(chosen.work_of(one.document), {}).setdefault(one.key, one)
    works: dict[str, list[Document]] = {}
    for document in chosen.documents:
        works.setdefault(chosen.work_of(document), []).append(document)
    for key, documents in works.items():
        work = tuple(sorted(documents, key=lambda one: (one.key != key, not one.title)))
        yield work, page(work, tuple(marks[key].values()), cards)


def page(
    work: Sequence[Document], marks: tuple[Highlight, ...], cards: Mapping[str, list[Card]]
) -> str:
    """The text of a page, its mark included."""
    body = "\n".join(_body(work[0], marks, cards)).rstrip() + "\n"
    head = [*_head(work, marks, cards)]
    bare = "\n".join(("---", "", *head, "---", "", body))
    mark = export_mark(export_digest(bare), work[0].key)
    return "\n".join(("---", mark, *head, "---", "", body))


def _head(
    work: Sequence[Document], marks: tuple[Highlight, ...], cards: Mapping[str, list[Card]]
) -> Iterator[str]:
    """YAML; `ankiforge: false` for readers that know no mark."""
    document = work[0]
    yield "ankiforge: false"
    yield f"title: {_quoted(document.title)}"
    if document.creators:
        yield "creators:"
        yield from (f"  - {_quoted(name)}" for name in document.creators)
    if document.issued:
        yield f"issued: {_quoted(document.issued)}"
    names = [name for one in reversed(work) for name in one.identifiers]
    told = {scheme: value for scheme, value in names if scheme.isalpha()}
    yield from (f"{scheme}: {_quoted(value)}" for scheme, value in sorted(told.items()))
    if document.uri:
        yield f"link: {_quoted(document.uri)}"
    yield f"highlights: {len(marks)}"
    yield f"cards: {sum(len(cards.get(one.key, ())) for one in marks)}"


def _quoted(text: str) -> str:
    """A string of YAML, which JSON's are; on one line."""
    from msgspec import json

    return json.encode(" ".join(_CONTROL.sub(" ", text).split())).decode()


def _body(
    document: Document, marks: tuple[Highlight, ...], cards: Mapping[str, list[Card]]
) -> Iterator[str]:
    yield f"# {written(' '.join(document.title.split())) or 'Without a title'}"
    yield ""
    by = ", ".join(document.creators)
    about = " · ".join(filter(None, (written(by), document.issued[:4], _link(document.uri))))
    yield from (about, "") if about else ()
    for heading, under in groupby(marks, key=lambda one: one.heading):
        yield from (f"## {written(heading)}", "") if heading else ()
        for one in under:
            made = cards.get(one.key, ())
            by_hand = one.kind is HighlightKind.CARD and made  # the card says it all
            yield from () if by_hand else _mark(one)
            yield from _cards(made)


def _mark(highlight: Highlight) -> Iterator[str]:
    words = quoted(highlight) or ("" if highlight.comment else "(a mark without words)")
    for line in words.split("\n") if words else ():
        yield f"> {line}".rstrip(" ") + ("  " if line.endswith("  ") else "")
    where = [f"p. {written(highlight.page_label)}" if highlight.page_label else ""]
    where += [highlight.created[:10], _link(highlight.uri)]
    told = " · ".join(filter(None, where))
    yield from ("", told) if told and words else (told,) if told else ()
    if highlight.comment:
        yield from ("", written(highlight.comment).replace("\n", "  \n"))
    yield ""


def _cards(cards: tuple[Card, ...] | list[Card]) -> Iterator[str]:
    for card in cards:
        asked, *answers = fields_of(card)
        yield from item("- ", asked, f"({_state(card)})")
        for words in answers:
            yield from item("    - ", words)
    if cards:
        yield ""


def _state(card: Card) -> str:
    if card.standing is not Standing.LIVE:
        return card.standing.value
    return "waiting" if card.verdict is Verdict.PENDING else card.verdict.value


def _link(uri: str) -> str:
    """Where the passage opens, if that is a link at all."""
    fit = re.fullmatch(r"(?:https?|zotero|obsidian)://[^\s<>()\[\]]+", uri)
    return f"[open](<{uri}>)" if fit else ""
