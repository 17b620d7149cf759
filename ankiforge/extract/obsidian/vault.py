"""A vault, read note by note."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path
from typing import Protocol
from urllib.parse import quote

from ankiforge.domain import Document, DocumentKey, Extracted, Problem, Scan, Sighting, h16
from ankiforge.errors import ItemError
from ankiforge.extract.obsidian.blocks import Blocks, cut
from ankiforge.extract.obsidian.covers import cover
from ankiforge.extract.obsidian.files import Files, find
from ankiforge.extract.obsidian.front import Front, front_matter
from ankiforge.extract.obsidian.note import Wanted, highlights
from ankiforge.extract.obsidian.pieces import Around
from ankiforge.text.anchors import percent

LARGEST = 2_000_000
"""Bytes of a note."""
_PICTURES = re.compile(r".*\.(?:png|jpe?g|gif|svg|webp|avif|bmp)$", re.IGNORECASE)


class Wishes(Protocol):
    """The settings this module looks at."""

    @property
    def include(self) -> tuple[str, ...]: ...  # noqa: D102 - as in Settings
    @property
    def exclude(self) -> tuple[str, ...]: ...  # noqa: D102
    @property
    def marks(self) -> tuple[str, ...]: ...  # noqa: D102
    @property
    def cards(self) -> tuple[str, ...]: ...  # noqa: D102
    @property
    def glossary_headings(self) -> tuple[str, ...]: ...  # noqa: D102


class Vault:
    """Reads the notes of one vault."""

    def __init__(self, name: str, root: Path, settings: Wishes, only: tuple[Path, ...]) -> None:
        self.name, self.root, self.settings, self.only = name, root, settings, only
        marks, cards = frozenset(settings.marks), frozenset(settings.cards)
        self.wanted = Wanted(marks, cards, settings.glossary_headings)
        self.signs = _signs(self.wanted)

    @property
    def namespace(self) -> str:
        """What stands before the slash of its keys."""
        return f"vault:{percent(self.name)}"

    def scan(self) -> Iterator[Sighting]:
        """The notes that hold highlights, in the order of their paths; problems; one scan."""
        files = find(self.root, self.settings.include, self.settings.exclude, self.only)
        yield from files.problems
        read, lost = 0, False
        for path, at in files.notes:
            try:
                text = _text(path, at)
            except ItemError as error:
                lost = lost or isinstance(error.__cause__, OSError)
                yield Problem(path, error.message, error.hint)
                continue
            read += 1
            yield from self._sightings(path, text, files)
        complete = files.complete and not lost and (read > 0 or not files.notes)
        yield Scan(self.name, self.container, complete)

    @property
    def container(self) -> str:
        """What a scan covers."""
        return f"vault:{self.name}"

    def _sightings(self, path: str, text: str, files: Files) -> Iterator[Sighting]:
        if not self.signs.search(text):
            return
        front = front_matter(text)
        covered = cover(_without_head(text, front.lines))
        if not self.signs.search(covered.quiet):
            return
        around = Around(picture=lambda target: _picture(target, path, files))
        blocks = cut(covered, around)
        document = self._document(path, front, blocks)
        found = highlights(document, self.namespace, blocks, self.wanted, front.skip)
        if found and front.problem:
            hint = "correct it, or the note's title, tags and deck are not known"
            yield Problem(path, front.problem, hint)
        if found:
            yield Extracted(document, found, self.container)

    def _document(self, path: str, front: Front, blocks: Blocks) -> Document:
        vault, file = quote(self.root.resolve().name, safe=""), quote(path[:-3], safe="")
        return Document(
            key=DocumentKey(f"{self.namespace}/{h16(path)}"),
            source=self.name,
            title=front.title or path.rpartition("/")[2][:-3],
            path=path,
            identifiers=front.identifiers,
            uri=f"obsidian://open?vault={vault}&file={file}",
            tags=tuple(dict.fromkeys([*front.tags, *blocks.tags])),
            deck=front.deck,
        )


def _text(path: str, at: Path) -> str:
    """A note's text, its line ends LF.

    Raises:
        ItemError: it is too large, not UTF-8, or cannot be read.
    """
    try:
        with at.open("rb") as file:
            raw = file.read(LARGEST + 1)
    except OSError as error:
        raise ItemError(f"cannot be read: {error.strerror}", hint="check its rights") from error
    if len(raw) > LARGEST:
        hint = "split it, or leave it out with `exclude`"
        raise ItemError(f"the note is larger than {LARGEST // 1_000_000} MB", hint=hint)
    try:
        text = raw.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        hint = "re-save it as UTF-8"
        raise ItemError(
            f"not UTF-8: byte {error.start} is {raw[error.start]:#04x}", hint=hint
        ) from error
    return text.replace("\r\n", "\n").replace("\r", "\n")


def _without_head(text: str, lines: int) -> str:
    """The note with its first lines empty, so that line numbers stay."""
    rest = text.split("\n", lines)[lines] if text.count("\n") >= lines else ""
    return "\n" * lines + rest


def _picture(target: str, note: str, files: Files) -> str:
    """The path below the vault of the picture that a note calls `target`, or ""."""
    if not _PICTURES.match(target):
        return ""
    beside = f"{note.rpartition('/')[0]}/{target}".lstrip("/")
    for name in (beside, target.lstrip("/"), target.rpartition("/")[2]):
        if found := files.others.get(_normal(name)):
            return found
    return target


def _normal(path: str) -> str:
    parts: list[str] = []
    for part in path.split("/"):
        if part == "..":
            parts = parts[:-1]
        elif part != ".":
            parts.append(part)
    return "/".join(parts).casefold()


_MARK_SIGNS = {"==": r"==", "mark": r"<mark", "bold": r"\*\*|__", "callout": r"\[!"}
_CARD_SIGNS = {
    "inline": r"::",
    "block": r"^[ \t>]*\?\??[ \t]*$",
    "cloze": r"\{\{",
    "glossary": r"^[ \t>]*(?:[-*+]|\d{1,9}[.)])[ \t].*[:：]",
}


def _signs(wanted: Wanted) -> re.Pattern[str]:
    """Without any of these a note has no highlight, and is not parsed."""
    signs = [_MARK_SIGNS[mark] for mark in sorted(wanted.marks)]
    signs += [_CARD_SIGNS[card] for card in sorted(wanted.cards)]
    return re.compile("|".join(signs) or r"(?!)", re.MULTILINE | re.IGNORECASE)
