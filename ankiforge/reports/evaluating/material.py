"""A set of passages as a file: a highlight a line, as `ankiforge extract --json` writes them."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from itertools import groupby
from pathlib import Path
from typing import Any

import msgspec

from ankiforge.config.resources import shipped
from ankiforge.errors import UsageError
from ankiforge.model import (
    Brief,
    Document,
    DocumentKey,
    Form,
    Highlight,
    HighlightKey,
    HighlightKind,
    Problem,
    Task,
)
from ankiforge.text.fold import isolated

LARGEST = 200_000_000
"""Bytes of a file that is read."""


@dataclass(frozen=True, slots=True)
class Passage:
    """A highlight of the set, and what is known of it beforehand."""

    highlight: Highlight
    deserves: bool | None = None
    """Whether it deserves a card; None = nobody has said. Never shown to a drafter."""
    why: str = ""


class _Document(msgspec.Struct):
    key: str = ""
    title: str = ""
    creators: tuple[str, ...] = ()
    issued: str = ""
    identifiers: dict[str, str] = {}


class _Line(msgspec.Struct):
    exact: str
    key: str = ""
    source: str = ""
    kind: HighlightKind = HighlightKind.HIGHLIGHT
    form: Form = Form.MARK
    gaps: tuple[tuple[int, int], ...] = ()
    prefix: str = ""
    suffix: str = ""
    sentence: str = ""
    comment: str = ""
    colour: str = ""
    author: str = ""
    tags: tuple[str, ...] = ()
    page_label: str = ""
    heading: str = ""
    above: tuple[str, ...] = ()
    uri: str = ""
    document: _Document = msgspec.field(default_factory=_Document)
    deserves: bool | None = None
    why: str = ""


def shipped_set() -> Path:
    """The set that comes with the program."""
    return shipped("evaluation") / "highlights.jsonl"


def read_set(path: Path) -> tuple[list[Passage], list[Problem]]:
    """The passages of a file, and its lines that hold none.

    Raises:
        UsageError: the file cannot be read, or holds no passage at all.
    """
    passages: dict[HighlightKey, Passage] = {}
    problems: list[Problem] = []
    for number, line in enumerate(_text(path).split("\n"), start=1):
        if not line.strip() or line.lstrip().startswith('{"problem"'):
            continue
        try:
            passage = _passage(line, number)
        except (msgspec.MsgspecError, ValueError, RecursionError) as error:
            problems.append(Problem(f"{path.name}:{number}", f"no highlight: {error}", _HINT))
            continue
        if passages.setdefault(passage.highlight.key, passage) is not passage:
            what = f"the key {passage.highlight.key} stands on an earlier line, too"
            problems.append(Problem(f"{path.name}:{number}", what, "the first one counts"))
    if not passages:
        what = problems[0].what if problems else "it is empty"
        raise UsageError(f"{path}: holds no highlights: {what}", hint=_HINT)
    return list(passages.values()), problems


_HINT = "lines as `ankiforge extract --json` writes them"


def _text(path: Path) -> str:
    try:
        if path.stat().st_size > LARGEST:
            raise UsageError(f"{path}: larger than {LARGEST:,} bytes")
        return path.read_text(encoding="utf-8-sig")
    except (OSError, UnicodeDecodeError) as error:
        raise UsageError(f"{path}: cannot be read: {error}", hint=_HINT) from error


def _passage(line: str, number: int) -> Passage:
    found = msgspec.json.decode(line.encode("utf-8", "replace"), type=_Line)
    key = found.key or f"eval:line/{number}"
    same = {name: getattr(found, name) for name in _SAME}
    gaps = tuple((a, b) for a, b in found.gaps if 0 <= a < b <= len(found.exact))
    highlight = Highlight(
        document=_document(found, key),
        namespace=key.rpartition("/")[0],
        key=HighlightKey(key),
        gaps=gaps,
        **same,
    )
    return Passage(highlight, found.deserves, found.why)


_SAME = (
    "kind", "form", "exact", "prefix", "suffix", "sentence", "comment", "colour", "author", "tags",
    "page_label", "heading", "above", "uri",
)  # fmt: skip


def _document(found: _Line, key: str) -> Document:
    said = found.document
    return Document(
        key=DocumentKey(said.key or key.rpartition("/")[0]),
        source=found.source,
        title=said.title,
        creators=said.creators,
        issued=said.issued,
        identifiers=tuple(said.identifiers.items()),
    )


def tasks_of(passages: Iterable[Passage], brief: Brief | None = None) -> Iterator[Task]:
    """What a drafter is given: the passages of each document, in the order of the file."""
    groups = groupby(passages, key=lambda passage: passage.highlight.document.key)
    for _, group in groups:
        highlights = tuple(passage.highlight for passage in group)
        yield Task(highlights[0].document, highlights, brief=brief or Brief())


def as_json(passage: Passage) -> dict[str, Any]:
    """What a rater is shown of a passage."""
    highlight = passage.highlight
    parts = (highlight.document.title, highlight.heading)
    where = " › ".join(isolated(part) for part in parts if part)
    before, after = _around(highlight)
    return {
        "where": where,
        "before": before,
        "exact": highlight.exact,
        "after": after,
        "comment": highlight.comment,
    }


def _around(highlight: Highlight) -> tuple[str, str]:
    """The text on either side: the rest of the sentence, if that reaches further."""
    before, after = highlight.prefix, highlight.suffix
    at = highlight.sentence.find(highlight.exact)
    if at > len(before):
        before = highlight.sentence[:at]
    if at >= 0 and len(highlight.sentence) - at - len(highlight.exact) > len(after):
        after = highlight.sentence[at + len(highlight.exact) :]
    return before, after
