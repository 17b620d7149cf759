"""The notes of yanki and of AnkiOps, read as cards of Obsidian_to_Anki; schedules in comments.

    sources:
      - yanki: {name: cards, path: ~/Cards}
      - ankiops: {name: decks, path: ~/AnkiOps}

Both tools keep cards in Markdown files: yanki one card a file, AnkiOps one deck a file. Each card is
rewritten as `START … END`, with the tool's id as its comment, and read like any vault note.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, fields
from datetime import date
from pathlib import Path
from typing import Any

from ankiforge.extract import obsidian
from ankiforge.extract.folder import File
from ankiforge.model import Sighting

_FIELD = re.compile(
    r"^(?P<line>[A-Z][\w ]{0,24}):|(?P<word>(?<=\s)(?:Front|Back|Extra|Text|Question|Answer)):",
    re.MULTILINE,
)
"""What Obsidian_to_Anki takes for the name of a field."""


def _card(kind: str, id: str, front: str, back: str) -> str:
    sides = [_FIELD.sub(lambda one: one[0][:-1] + r"\:", side.strip()) for side in (front, back)]
    named = f"\n<!--ID: {id}-->" if id else ""
    return f"START\n{kind}\n{sides[0]}\nBack: {sides[1]}{named}\nEND"


# --- yanki ------------------------------------------------------------------------------------

_HEAD = re.compile(r"\A\s*---[ \t]*\n(.*?)\n---[ \t]*(?:\n|\Z)", re.DOTALL)
_NOTE_ID = re.compile(r"^noteId:[ \t]*(\d+)", re.MULTILINE)
_RULE = re.compile(r"^[ ]{0,3}(?:-[ \t]*){3,}$|^[ ]{0,3}(?:\*[ \t]*){3,}$", re.MULTILINE)
_STRUCK = re.compile(r"~~(?:(\d{1,2})\s+)?(.+?)(?:\s+[_*]([^_*]+)[_*])?~~", re.DOTALL)
_TYPED = re.compile(r"(.*)\n\s*\n?[_*]([^_*\n]+)[_*]\s*\Z", re.DOTALL)


def yanki_cards(text: str) -> Iterator[str]:
    """Yield the card of a file of yanki: its structure tells the note type."""
    head = _HEAD.match(text)
    id = _NOTE_ID.search(head[1]) if head else None
    parts = [one.strip() for one in _RULE.split(text[head.end() :] if head else text)]
    front, typed = parts[0], _TYPED.match(parts[0])
    kind, back = "Basic", "\n\n".join(filter(None, parts[1:2]))
    if _STRUCK.search(front):
        count = 0

        def gap(found: re.Match[str]) -> str:
            nonlocal count
            count += not found[1]
            hint = f"::{found[3]}" if found[3] else ""
            return f"{{{{c{found[1] or count}::{found[2].strip()}{hint}}}}}"

        kind, front = "Cloze", _STRUCK.sub(gap, front)
    elif len(parts) > 2 and not parts[1]:
        kind, back = "Basic (and reversed card)", parts[2]
    elif len(parts) == 1 and typed:
        front, back = typed[1], typed[2]
    if front.strip() and (back or kind == "Cloze"):
        yield _card(kind, id[1] if id else "", front, back)


# --- AnkiOps ------------------------------------------------------------------------------------

_COMMENT = re.compile(r"<!--\s*(note_key|note_type|tags):\s*(.*?)\s*-->\n?")
_LABEL = re.compile(r"^([A-Z]+\d*|IO_\w+):[ \t]*", re.MULTILINE)
_KINDS = {("Q", "A"): "Basic", ("F", "B"): "Basic (and reversed card)", ("T", ""): "Cloze"}
_ASIDE = frozenset("E M AI D".split())  # noqa: SIM905


def ankiops_cards(text: str) -> Iterator[str]:
    """Yield the cards of a deck of AnkiOps; its other note types are left out."""
    for part in re.split(r"\n\n---\n\n", text):
        told = dict(_COMMENT.findall(part))
        pieces = _LABEL.split(_COMMENT.sub("", part).strip())
        labels = dict(zip(pieces[1::2], pieces[2::2], strict=True))
        for (front, back), kind in _KINDS.items():
            if labels.keys() - _ASIDE == {front, back} - {""}:
                id = key_number(told.get("note_key", ""))
                yield _card(kind, id, labels[front], labels.get(back, ""))


def key_number(key: str) -> str:
    """Return a key of AnkiOps, 12 hexadecimal digits, as a number; "" if it is none."""
    return str(int(key, 16)) if re.fullmatch(r"[0-9a-f]{12}", key) else ""


# --- obsidian-spaced-repetition -------------------------------------------------------------------

Schedule = tuple[tuple[str, int, int], ...]
_NEW = "2000-01-01"
"""The date of a card that was never reviewed."""
_EASE = 250


def schedule_of(written: str) -> Schedule:
    """Return when each card of a note is due, its interval and its ease; () if none was reviewed.

    `!2027-03-01,150,270` has the ease in per cent; `!fsrs,` has a time, and difficulty for ease.
    """
    found = []
    for part in filter(None, written.split("!")):
        values = part.strip().removeprefix("fsrs,").split(",")
        fsrs = part.strip().startswith("fsrs,")
        try:
            due = date.fromisoformat(values[0][:10]).isoformat()
            interval, ease = max(1, round(float(values[1]))), _EASE if fsrs else int(values[2])
        except (ValueError, IndexError):
            due, interval, ease = _NEW, 0, 0
        found.append(("", 0, 0) if due == _NEW else (due, interval, ease))
    return tuple(found) if any(due for due, *_ in found) else ()


# --- sources ------------------------------------------------------------------------------------


class Settings(obsidian.Settings, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """The keys of both sources."""

    marks: tuple[obsidian.Mark, ...] | None = ()
    cards: tuple[Any, ...] = ("o2a",)


@dataclass(frozen=True)
class Decks(obsidian.Vault):
    """A folder of cards."""

    cards: Callable[[str], Iterable[str]] = yanki_cards

    def document(self, file: File, text: str, picture: Callable[[str], str]) -> Iterator[Sighting]:
        """Yield the document of a file with its cards."""
        return super().document(file, "\n\n".join(self.cards(text)), picture)


def _open(
    cards: Callable[[str], Iterable[str]],
    name: str,
    root: Path,
    settings: Any,
    only: tuple[Path, ...],
    me: tuple[str, ...],
) -> Decks:
    vault = obsidian.open_source(name, root, settings, only, me)
    values = {one.name: getattr(vault, one.name) for one in fields(vault)}
    return Decks(**values, cards=cards)


class yanki:
    """The source of this name."""

    Settings = Settings

    @staticmethod
    def open_source(
        name: str, root: Path, settings: Any, only: tuple[Path, ...] = (), me: tuple[str, ...] = ()
    ) -> Decks:
        """Return a reader of a folder of yanki."""
        return _open(yanki_cards, name, root, settings, only, me)


class ankiops:
    """The source of this name."""

    Settings = Settings

    @staticmethod
    def open_source(
        name: str, root: Path, settings: Any, only: tuple[Path, ...] = (), me: tuple[str, ...] = ()
    ) -> Decks:
        """Return a reader of the decks of AnkiOps."""
        return _open(ankiops_cards, name, root, settings, only, me)
