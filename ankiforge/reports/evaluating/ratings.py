"""Filled sheets read back, as people and spreadsheets hand them in, each with its key."""

from __future__ import annotations

import csv
import io
import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path

import msgspec

from ankiforge.errors import UsageError
from ankiforge.model import Problem
from ankiforge.reports.evaluating import NUMBERS, WANTED
from ankiforge.reports.evaluating.sheet import key_path

_YES = frozenset(
    [
        "1",
        "1.0",
        "1,0",
        "y",
        "yes",
        "true",
        "wahr",
        "x",
        "✓",
        "✔",
        "j",
        "ja",
        "o",
        "oui",
        "vrai",
        "si",
        "sí",
    ]
)
_NO = frozenset(["0", "0.0", "0,0", "n", "no", "false", "falsch", "nein", "non", "faux", "✗", "✘"])
_BLANK = frozenset(("", "-", "–", "—", "?", "na", "n/a"))
LARGEST = 50_000_000


@dataclass(frozen=True, slots=True)
class Row:
    """What one rater said of one item."""

    item: str
    answers: Mapping[int, bool]
    """By the number of the criterion; what was left blank is absent."""
    wanted: bool | None = None
    """Of a passage without a card: whether it should have had one."""


class _Item(msgspec.Struct, frozen=True):
    passage: str
    card: str = ""


class KeyCard(msgspec.Struct, frozen=True):
    """A card as the key tells of it."""

    passage: str
    kind: str = ""
    origin: dict[str, str] = {}
    blocked: bool = False
    findings: list[dict[str, str]] = []


class KeyPassage(msgspec.Struct, frozen=True):
    """A passage as the key tells of it."""

    deserves: bool | None = None
    fate: str = ""
    reason: str = ""


class Key(msgspec.Struct, frozen=True):
    """Who drew what."""

    v: int
    sheet: str
    items: dict[str, _Item]
    cards: dict[str, KeyCard]
    passages: dict[str, KeyPassage]


@dataclass(frozen=True)
class Rated:
    """One filled sheet."""

    path: Path
    rows: tuple[Row, ...]
    key: Key | None = None
    problems: tuple[Problem, ...] = field(default=())

    def card_of(self, row: Row) -> str:
        """The card of a row, "" if it is a passage without one; without a key, the item."""
        if self.key is None:
            return row.item if row.wanted is None else ""
        item = self.key.items.get(row.item)
        return item.card if item else row.item

    @cached_property
    def by_card(self) -> dict[str, list[Row]]:
        """Each card with the rows that rate it, in the order of the sheet's ids."""
        found: dict[str, list[Row]] = {}
        for row in sorted(self.rows, key=lambda row: row.item):
            if (card := self.card_of(row)) and row.answers:
                found.setdefault(card, []).append(row)
        return found


# --- the key --------------------------------------------------------------------------------


def read_key(path: Path) -> Key:
    """The key in a file.

    Raises:
        UsageError: it is none.
    """
    try:
        return msgspec.json.decode(path.read_bytes(), type=Key)
    except (OSError, msgspec.MsgspecError, ValueError, RecursionError) as error:
        hint = "the file SHEET.key.json that was written beside the sheet"
        raise UsageError(f"{path}: is no key of a sheet: {error}", hint=hint) from error


def find_key(sheet: Path, items: frozenset[str]) -> Key | None:
    """The key beside a sheet, by its name, else by the items it knows; None if there is none."""
    stem = re.sub(r"(?:[ ._-]*\(\d+\)|\.ratings)+$", "", sheet.stem)
    named = [key_path(sheet), key_path(sheet.with_name(f"{stem}.csv"))]
    for path in dict.fromkeys([*named, *sorted(sheet.parent.glob("*.key.json"))]):
        if path.is_file():
            try:
                key = read_key(path)
            except UsageError:
                continue
            if items & key.items.keys():
                return key
    return None


# --- the sheet ------------------------------------------------------------------------------


def read_rated(path: Path, keys: Sequence[Key] = ()) -> Rated:
    """A filled sheet, whatever spreadsheet saved it, with its key: of these, or beside it.

    Raises:
        UsageError: it cannot be read, or is no sheet.
    """
    problems: list[Problem] = []
    rows = tuple(_rows(path, problems))
    items = frozenset(row.item for row in rows)
    known = next((key for key in keys if items & key.items.keys()), None) or find_key(path, items)
    if known is not None:
        strange = [row.item for row in rows if row.item not in known.items]
        if strange:
            what = f"{len(strange)} items are of another sheet than the key's, such as {strange[0]}"
            problems.append(Problem(path.name, what, "give its own key: --key FILE"))
        rows = tuple(row for row in rows if row.item in known.items)
    return Rated(path, rows, known, tuple(problems))


def _rows(path: Path, problems: list[Problem]) -> Iterator[Row]:
    text = _text(path)
    reader = csv.reader(io.StringIO(text, newline=""), delimiter=_delimiter(text))
    columns: dict[int, str] = {}
    seen: set[str] = set()
    try:
        for cells in reader:
            if not columns:
                columns = _columns(cells)
                continue
            given = {columns[at]: cell.strip() for at, cell in enumerate(cells) if at in columns}
            item = given.get("item", "").strip("'")
            if not item:
                continue
            if item in seen:
                problems.append(_strange(path, reader.line_num, f"{item} stands there twice"))
                continue
            seen.add(item)
            yield _row(item, given, path, reader.line_num, problems)
    except csv.Error as error:
        raise UsageError(f"{path}:{reader.line_num}: is no CSV: {error}") from error
    if not columns:
        raise UsageError(
            f"{path}: is no rating sheet: it has no columns item and 1 to 8",
            hint="save it as CSV, with its first line: ankiforge eval -o SHEET.csv writes one",
        )


def _row(item: str, given: dict[str, str], path: Path, line: int, problems: list[Problem]) -> Row:
    answers: dict[int, bool] = {}
    wanted: bool | None = None
    for column, cell in given.items():
        if column == "item":
            continue
        try:
            answer = _answer(cell)
        except ValueError:
            what = f"{column}: {cell[:20]!r} is neither 0 nor 1"
            problems.append(_strange(path, line, what))
            continue
        if answer is not None and column == WANTED:
            wanted = answer
        elif answer is not None:
            answers[int(column)] = answer
    return Row(item, answers, wanted)


def _strange(path: Path, line: int, what: str) -> Problem:
    return Problem(f"{path.name}:{line}", what, "it counts as not rated")


def _answer(cell: str) -> bool | None:
    word = cell.strip().strip("'").casefold()
    if word in _BLANK:
        return None
    if word not in _YES | _NO:
        raise ValueError(word)
    return word in _YES


def _columns(cells: list[str]) -> dict[int, str]:
    """Place of each column that counts: `item`, the number of a criterion, or `card_wanted`."""
    found: dict[int, str] = {}
    for at, cell in enumerate(cells):
        name = cell.strip().casefold()
        number = re.match(r"\D{0,3}([1-8])(?!\d)", name)
        if name == "item":
            found[at] = "item"
        elif "wanted" in name:
            found[at] = WANTED
        elif number:
            found[at] = number[1]
    complete = "item" in found.values() and {str(n) for n in NUMBERS} <= set(found.values())
    return found if complete else {}


def _text(path: Path) -> str:
    try:
        if path.stat().st_size > LARGEST:
            raise UsageError(f"{path}: larger than {LARGEST:,} bytes")
        raw = path.read_bytes()
    except OSError as error:
        raise UsageError(f"{path}: cannot be read: {error.strerror}") from error
    if raw.startswith((b"\xff\xfe", b"\xfe\xff")):
        return raw.decode("utf-16", "replace")
    try:
        return raw.decode("utf-8-sig")
    except UnicodeDecodeError:
        return raw.decode("cp1252", "replace")


def _delimiter(text: str) -> str:
    """What parts the cells of the first line."""
    first = text.lstrip("\r\n").partition("\n")[0]
    return max((";", "\t", ","), key=first.count)
