"""An export as Markdown: a page for each work, with what was marked and its cards.

The head says that the page is an export: no source of ours reads it, and a later export knows it
by that again, wherever it was moved to in its folder. A page that a person has changed is his.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from itertools import groupby
from pathlib import Path

from ankiforge.domain import (
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
from ankiforge.reports.exporting.writing import write
from ankiforge.text.exported import digest_of, exported, mark_of
from ankiforge.text.markdown import literal, plain

LONGEST_NAME = 100
_UNFIT = re.compile(r"[\x00-\x1f\x7f<>:\"/\\|?*#^\[\]%]+")
_RESERVED = re.compile(r"(?:con|prn|aux|nul|com\d|lpt\d)", re.IGNORECASE)
_TAG = re.compile(r"#(?=[^\s#])")


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
    taken = {path.name.casefold() for path in folder.iterdir()}
    for document, text in pages(chosen):
        path, untouched = there.pop(document.key, (None, True))
        if path is None:
            path = folder / _free(name_of(document), document, taken)
            taken.add(path.name.casefold())
        elif not untouched:
            done.kept.append(_changed(path))
            continue
        changed = not path.exists() or path.read_bytes() != text.encode()
        if changed:
            write(path, [text])
        (done.written if changed else done.unchanged).append(path)
    done.left += sorted(path for path, _ in there.values())
    return done


def _changed(path: Path) -> Problem:
    what = "you have changed this page since it was exported: it is left as it is"
    return Problem(str(path), what, "move or delete it, to have it written anew", notice=True)


def _there(folder: Path) -> dict[str, tuple[Path, bool]]:
    """The exports in a folder: of which document, and whether as they were written."""
    found: dict[str, tuple[Path, bool]] = {}
    for path in sorted(folder.rglob("*.md")):
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
    if not title or _RESERVED.fullmatch(title):
        return f"{title} {h16(document.key)[:8]}".strip()
    return title


def _free(name: str, document: Document, taken: set[str]) -> str:
    """Another document, or a file that is not ours, may have the name."""
    if f"{name}.md".casefold() not in taken:
        return f"{name}.md"
    return f"{name} {h16(document.key)[:8]}.md"


# --- a page ---------------------------------------------------------------------------------


def pages(chosen: Chosen) -> Iterator[tuple[Document, str]]:
    """Each document with its page."""
    cards: dict[str, list[Card]] = {}
    for card in chosen.cards:
        cards.setdefault(card.highlight.key, []).append(card)
    marks: dict[str, dict[str, Highlight]] = {}
    for one in (*chosen.highlights, *(card.highlight for card in chosen.cards)):
        marks.setdefault(one.document.key, {}).setdefault(one.key, one)
    for document in chosen.documents:
        yield document, page(document, tuple(marks[document.key].values()), cards)


def page(document: Document, marks: tuple[Highlight, ...], cards: Mapping[str, list[Card]]) -> str:
    """The text of a page, its mark included."""
    body = "\n".join(_body(document, marks, cards)).rstrip() + "\n"
    head = [*_head(document, marks, cards)]
    bare = "\n".join(("---", "", *head, "---", "", body))
    mark = mark_of(digest_of(bare), document.key)
    return "\n".join(("---", mark, *head, "---", "", body))


def _head(
    document: Document, marks: tuple[Highlight, ...], cards: Mapping[str, list[Card]]
) -> Iterator[str]:
    """YAML; `ankiforge: false` for readers that know no mark."""
    yield "ankiforge: false"
    yield f"title: {_quoted(document.title)}"
    if document.creators:
        yield "creators:"
        yield from (f"  - {_quoted(name)}" for name in document.creators)
    if document.issued:
        yield f"issued: {_quoted(document.issued)}"
    told = {scheme: value for scheme, value in document.identifiers if scheme.isalpha()}
    yield from (f"{scheme}: {_quoted(value)}" for scheme, value in sorted(told.items()))
    if document.uri:
        yield f"link: {_quoted(document.uri)}"
    yield f"highlights: {len(marks)}"
    yield f"cards: {sum(len(cards.get(one.key, ())) for one in marks)}"


def _quoted(text: str) -> str:
    """A string of YAML, which JSON's are; on one line."""
    from msgspec import json

    return json.encode(" ".join(text.split())).decode()


def _body(
    document: Document, marks: tuple[Highlight, ...], cards: Mapping[str, list[Card]]
) -> Iterator[str]:
    yield f"# {_escaped(document.title) or 'Without a title'}"
    yield ""
    by = ", ".join(document.creators)
    about = " · ".join(filter(None, (_escaped(by), document.issued[:4], _link(document.uri))))
    yield from (about, "") if about else ()
    for heading, under in groupby(marks, key=lambda one: one.heading):
        yield from (f"## {_escaped(heading)}", "") if heading else ()
        for one in under:
            made = cards.get(one.key, ())
            written = one.kind is HighlightKind.CARD and made  # the card says it all
            yield from () if written else _mark(one)
            yield from _cards(made)


def _mark(highlight: Highlight) -> Iterator[str]:
    words = highlight.exact or ("" if highlight.comment else "(a mark without words)")
    for line in words.split("\n") if words else ():
        yield f"> {_escaped(line)}".rstrip()
    where = [f"p. {_escaped(highlight.page_label)}" if highlight.page_label else ""]
    where += [highlight.created[:10], _link(highlight.uri)]
    told = " · ".join(filter(None, where))
    yield from ("", f"{told}") if told else ()
    if highlight.comment:
        yield ""
        yield from map(_escaped, highlight.comment.split("\n"))
    yield ""


def _cards(cards: tuple[Card, ...] | list[Card]) -> Iterator[str]:
    for card in cards:
        fields = dict(card.fields)
        asked = plain(fields.get("Text") or fields.get("Front", ""))
        yield f"- {_line(asked)} ({_state(card)})"
        if back := fields.get("Back", ""):
            yield f"    - {_line(plain(back))}"
        if extra := fields.get("Extra", ""):
            yield f"    - {_line(plain(extra))}"
    if cards:
        yield ""


def _state(card: Card) -> str:
    if card.standing is not Standing.LIVE:
        return card.standing.value
    return "waiting" if card.verdict is Verdict.PENDING else card.verdict.value


def _line(text: str) -> str:
    return _escaped(" ".join(text.split()))


def _escaped(text: str) -> str:
    """Text that Markdown shows as it is, and that is no tag, mark or card to other tools."""
    return _TAG.sub(r"\\#", literal(text))


def _link(uri: str) -> str:
    """Where the passage opens, if that is a link at all."""
    fit = re.fullmatch(r"(?:https?|zotero|obsidian)://[^\s<>()\[\]]+", uri)
    return f"[open](<{uri}>)" if fit else ""
