"""Sheets that raters filled in: read back, and counted as tiers, criteria, coverage and agreement."""

from __future__ import annotations

import csv
import io
import re
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum
from functools import cached_property
from itertools import combinations
from pathlib import Path
from typing import Any, NamedTuple

import msgspec

from ankiforge.errors import UsageError
from ankiforge.model import Problem
from ankiforge.text.display import percent

from .sheet import (
    CRITERIA,
    NUMBERS,
    WANTED,
    Key,
    KeyCard,
    key_path,
    origin_name,
    read_bytes,
)

SHOWN = 12
"""Rows of a table that are shown."""

# --- tiers ----------------------------------------------------------------------------------


class Tier(StrEnum):
    """What the eight answers come to."""

    READY = "T3"
    """Nothing is wrong."""
    POLISH = "T2"
    """Only the length of the answer (5) or the form (8) fails."""
    REWRITE = "T1"
    """On target and correct, but 1, 3, 4 or 7 fails."""
    OFF = "T0"
    """Off target (6) or not correct (2)."""


_MEANS = {
    Tier.READY: "ready: all eight hold",
    Tier.POLISH: "needs polish: only 5 or 8 fail",
    Tier.REWRITE: "needs rewriting: 1, 3, 4 or 7 fails",
    Tier.OFF: "off: not on target or not correct",
}


def tier_of(answers: Mapping[int, bool]) -> Tier | None:
    """Return the tier of a card; None while too little of it is rated."""
    if answers.get(2) is False or answers.get(6) is False:
        return Tier.OFF
    if any(number not in answers for number in NUMBERS):
        return None
    if not all(answers[number] for number in (1, 3, 4, 7)):
        return Tier.REWRITE
    return Tier.READY if answers[5] and answers[8] else Tier.POLISH


# --- filled sheets --------------------------------------------------------------------------

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


class Row(NamedTuple):
    """What one rater said of one item."""

    item: str
    answers: Mapping[int, bool]
    """By the number of the criterion; what was left blank is absent."""
    wanted: bool | None = None
    """Of a passage without a card: whether it should have had one."""


@dataclass(frozen=True)
class Rated:
    """One filled sheet."""

    path: Path
    rows: tuple[Row, ...]
    key: Key | None = None
    problems: tuple[Problem, ...] = ()

    def card_of(self, row: Row) -> str:
        """Return the card of a row, "" for a passage without one; without a key, the item."""
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


def read_key(path: Path) -> Key:
    """Read the key of a sheet.

    Raises:
        UsageError: the file is none.
    """
    try:
        return msgspec.json.decode(path.read_bytes(), type=Key)
    except (OSError, msgspec.MsgspecError, ValueError, RecursionError) as error:
        hint = "the file SHEET.key.json that was written beside the sheet"
        raise UsageError(f"{path}: is no key of a sheet: {error}", hint=hint) from error


def _key_beside(sheet: Path, items: frozenset[str]) -> Key | None:
    """Return the key beside a sheet, by its name, else by the items it knows."""
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


def read_rated(path: Path, keys: Sequence[Key] = ()) -> Rated:
    """Read a filled sheet, whatever spreadsheet saved it, with its key: of these, or beside it.

    Raises:
        UsageError: it cannot be read, or is no sheet.
    """
    problems: list[Problem] = []
    rows = tuple(_rows(path, problems))
    items = frozenset(row.item for row in rows)
    key = next((one for one in keys if items & one.items.keys()), None) or _key_beside(path, items)
    if key is not None:
        strange = [row.item for row in rows if row.item not in key.items]
        if strange:
            what = f"{len(strange)} items are of another sheet than the key's, such as {strange[0]}"
            problems.append(Problem(path.name, what, "give its own key: --key FILE"))
        rows = tuple(row for row in rows if row.item in key.items)
    return Rated(path, rows, key, tuple(problems))


def _rows(path: Path, problems: list[Problem]) -> Iterator[Row]:
    text = _text(path)
    first = text.lstrip("\r\n").partition("\n")[0]
    delimiter = max((";", "\t", ","), key=first.count)
    reader = csv.reader(io.StringIO(text, newline=""), delimiter=delimiter)
    columns: dict[int, str] = {}
    seen: set[str] = set()

    def problem(what: str) -> None:
        where = f"{path.name}:{reader.line_num}"
        problems.append(Problem(where, what, "it counts as not rated"))

    try:
        for cells in reader:
            if not columns:
                columns = _columns(cells)
                continue
            given = {columns[at]: cell.strip() for at, cell in enumerate(cells) if at in columns}
            item = given.pop("item", "").strip("'")
            if item in seen:
                problem(f"{item} stands there twice")
            elif item:
                seen.add(item)
                answers: dict[str, bool] = {}
                for column, cell in given.items():
                    word = cell.strip("'").casefold()
                    if word in _YES | _NO:
                        answers[column] = word in _YES
                    elif word not in _BLANK:
                        problem(f"{column}: {cell[:20]!r} is neither 0 nor 1")
                wanted = answers.pop(WANTED, None)
                yield Row(item, {int(column): answer for column, answer in answers.items()}, wanted)
    except csv.Error as error:
        raise UsageError(f"{path}:{reader.line_num}: is no CSV: {error}") from error
    if not columns:
        raise UsageError(
            f"{path}: is no rating sheet: it has no columns item and 1 to 8",
            hint="save it as CSV, with its first line: ankiforge eval -o SHEET.csv writes one",
        )


def _columns(cells: list[str]) -> dict[int, str]:
    """Return the place of each column that counts: `item`, a criterion's number, or `WANTED`."""
    found: dict[int, str] = {}
    for at, cell in enumerate(cells):
        name = cell.strip().casefold()
        if name == "item":
            found[at] = name
        elif "wanted" in name:
            found[at] = WANTED
        elif number := re.match(r"\D{0,3}([1-8])(?!\d)", name):
            found[at] = number[1]
    complete = {"item", *map(str, NUMBERS)} <= set(found.values())
    return found if complete else {}


def _text(path: Path) -> str:
    raw = read_bytes(path, 50_000_000)
    if raw.startswith((b"\xff\xfe", b"\xfe\xff")):
        return raw.decode("utf-16", "replace")
    try:
        return raw.decode("utf-8-sig")
    except UnicodeDecodeError:
        return raw.decode("cp1252", "replace")


# --- figures of filled sheets ---------------------------------------------------------------

PUBLISHED = {
    "name": "Memory Machines",
    "by": "Kirkby & Matuschak, 2026, memory-machines.com",
    "what": "1,499 cards of models for 475 highlights of readers",
    "ready": 0.378,
    "usable": 0.466,
}
"""The published figures on this task."""


class _Judged(NamedTuple):
    """A card, and what one rater said of it when it came first."""

    row: Row
    tier: Tier
    of: KeyCard | None


def figures(sheets: Sequence[Rated]) -> dict[str, Any]:
    """Return all figures."""
    judged = [one for sheet in sheets for one in _judged(sheet)]
    shown = [one for one in judged if one.of is None or not one.of.blocked]
    failures = {}
    for criterion in sorted(CRITERIA):
        answers = [
            one.row.answers[criterion.number]
            for one in shown
            if criterion.number in one.row.answers
        ]
        failed = answers.count(False)
        failures[criterion.column] = {
            "failed": failed, "rated": len(answers), "share": _share(failed, len(answers)),
        }  # fmt: skip
    return {
        "sheets": [_sheet_figures(sheet) for sheet in sheets],
        "cards": _tiers(one.tier for one in shown),
        "failures": failures,
        "by": {
            "origin": _grouped(shown, lambda of: [origin_name(of.origin)]),
            "drafter": _grouped(shown, lambda of: [of.origin.get("drafter", "")]),
            "kind": _grouped(shown, lambda of: [of.kind]),
            # by what the checks found; what they missed is under "nothing"
            "found": _grouped(
                shown,
                lambda of: (
                    {one["check"] for one in of.findings if one.get("severity") != "info"}
                    or ["nothing"]
                ),
            ),
        },
        "blocked": _tiers(one.tier for one in judged if one.of is not None and one.of.blocked),
        "coverage": [_coverage(sheet, sheet.key) for sheet in sheets if sheet.key is not None],
        "agreement": {
            "with_oneself": agreement(
                (rows[0], rows[1])
                for sheet in sheets
                for rows in sheet.by_card.values()
                if len(rows) > 1
            ),
            "between_raters": agreement(
                (one.by_card[card][0], other.by_card[card][0])
                for one, other in combinations(sheets, 2)
                if (one.key is None) == (other.key is None)
                for card in sorted(one.by_card.keys() & other.by_card.keys())
            ),
        },
        "published": PUBLISHED,
    }


def _judged(sheet: Rated) -> Iterator[_Judged]:
    """The cards whose rating tells their tier; of a card that came twice the first rating."""
    for card, rows in sheet.by_card.items():
        rated = ((row, tier) for row in rows if (tier := tier_of(row.answers)))
        if found := next(rated, None):
            yield _Judged(*found, sheet.key.cards.get(card) if sheet.key else None)


def _tiers(found: Iterable[Tier]) -> dict[str, Any]:
    counts = Counter(found)
    total, ready = counts.total(), counts[Tier.READY]
    return {
        "rated": total,
        **{tier.value: counts[tier] for tier in Tier},
        "ready": _share(ready, total),
        "usable": _share(ready + counts[Tier.POLISH], total),
    }


def _share(part: int, whole: int) -> float | None:
    return round(part / whole, 4) if whole else None


def _grouped(
    judged: Iterable[_Judged], names: Callable[[KeyCard], Iterable[str]]
) -> dict[str, dict[str, Any]]:
    groups: dict[str, list[Tier]] = {}
    for one in judged:
        for name in names(one.of) if one.of else ():
            groups.setdefault(name, []).append(one.tier)
    ordered = sorted(groups.items(), key=lambda each: (-len(each[1]), each[0]))
    return {name: _tiers(found) for name, found in ordered}


def _sheet_figures(sheet: Rated) -> dict[str, Any]:
    whole = sum(tier_of(row.answers) is not None for row in sheet.rows)
    begun = sum(bool(row.answers) and tier_of(row.answers) is None for row in sheet.rows)
    alone = sum(row.wanted is not None for row in sheet.rows)
    shown = (one.tier for one in _judged(sheet) if one.of is None or not one.of.blocked)
    return {
        "file": sheet.path.name,
        "key": sheet.key is not None,
        "items": len(sheet.rows),
        "rated": whole + alone,
        "partly": begun,
        "blank": len(sheet.rows) - whole - begun - alone,
        "cards": _tiers(shown),
    }


def _coverage(sheet: Rated, key: Key) -> dict[str, Any]:
    """Return how many passages that deserve a card have a ready one, and how many others none.

    Whether a passage deserves one the set says; else the rater, of a passage without a card, and of
    the cards of the others (criterion 7, worth keeping).
    """
    worth: dict[str, bool] = {}
    ready = set()
    for row, tier, of in _judged(sheet):
        if of is not None:
            if 7 in row.answers:
                worth[of.passage] = worth.get(of.passage, False) or row.answers[7]
            if tier is Tier.READY and not of.blocked:
                ready.add(of.passage)
    wanted = [row for row in sheet.rows if row.wanted is not None]
    worth |= {key.items[row.item].passage: bool(row.wanted) for row in wanted}
    carded = {card.passage for card in key.cards.values() if not card.blocked}
    answered = {name: one for name, one in key.passages.items() if one.fate != "failed"}
    deserves = {
        name: worth.get(name) if one.deserves is None else one.deserves
        for name, one in answered.items()
    }
    deserving = {name for name, worth in deserves.items() if worth}
    others = {name for name, worth in deserves.items() if worth is False}
    return {
        "file": sheet.path.name,
        "deserving": len(deserving),
        "with_ready_card": len(ready & deserving),
        "coverage": _share(len(ready & deserving), len(deserving)),
        "with_any_card": len(carded & deserving),
        "undeserving": len(others),
        "left_alone": len(others - carded),
        "left_alone_share": _share(len(others - carded), len(others)),
        "unknown": len(answered) - len(deserving) - len(others),
        "missed_says_rater": sum(bool(row.wanted) for row in wanted),
    }


def agreement(pairs: Iterable[tuple[Row, Row]]) -> dict[str, Any]:
    """Return how far two ratings of the same cards agree: over all answers, and on which are ready."""
    both = list(pairs)
    answers = {
        n: [(a.answers[n], b.answers[n]) for a, b in both if n in a.answers and n in b.answers]
        for n in NUMBERS
    }
    tiers = [(tier_of(a.answers), tier_of(b.answers)) for a, b in both]
    ready = [(one is Tier.READY, other is Tier.READY) for one, other in tiers if one and other]
    return {
        "cards": len(both),
        "answers": _kappa([pair for pairs in answers.values() for pair in pairs]),
        "ready": _kappa(ready),
        "criteria": {str(number): _kappa(pairs) for number, pairs in answers.items()},
    }


def _kappa(pairs: Sequence[tuple[bool, bool]]) -> dict[str, Any]:
    """Return the share of equal answers, and Cohen's κ: what is left of it without chance.

    κ is None where it says nothing: no pairs, or the same answer throughout.
    """
    total = len(pairs)
    same = sum(one == other for one, other in pairs)
    kappa = None
    if total:
        first, second = (sum(pair[at] for pair in pairs) / total for at in (0, 1))
        chance = first * second + (1 - first) * (1 - second)
        kappa = round((same / total - chance) / (1 - chance), 4) if chance < 1 else None
    return {"pairs": total, "same": _share(same, total), "kappa": kappa}


# --- text -----------------------------------------------------------------------------------


def as_text(found: dict[str, Any]) -> Iterator[str]:
    """Return the `figures` of filled sheets in words."""
    for sheet in found["sheets"]:
        partly = f", {sheet['partly']} in part (not counted)" if sheet["partly"] else ""
        blank = f", {sheet['blank']} not at all" if sheet["blank"] else ""
        key = "" if sheet["key"] else "; no key was found: nothing is known of origins"
        rated = f"{sheet['items']} items, {sheet['rated']} rated"
        yield f"{sheet['file']}: {rated}{partly}{blank}{key}"
    yield ""
    cards, published, total = found["cards"], found["published"], found["cards"]["rated"]
    for tier, means in _MEANS.items():
        share = percent(cards[tier.value] / total if total else None, 1)
        yield f"{tier.value}  {cards[tier.value]:4} {share:>8}  {means}"
    ready, usable = percent(cards["ready"], 1), percent(cards["usable"], 1)
    yield f"ready {ready}, usable (T2 + T3) {usable} of {total}"
    if len(found["sheets"]) > 1:
        yield from (f"  {sheet['file']}: {_shares(sheet['cards'])}" for sheet in found["sheets"])
    yield (
        f"  to compare: {published['name']} ({published['by']}): ready {percent(published['ready'], 1)}, "
        f"usable {percent(published['usable'], 1)}; {published['what']}, other raters"
    )
    yield "\nfailures:"
    for name, one in found["failures"].items():
        share = percent(one["share"], 1)
        yield f"  {name.replace('_', ' '):20} {one['failed']:4} of {one['rated']:4} {share:>8}"
    for title, groups in found["by"].items():
        if groups and (title != "drafter" or groups != found["by"]["origin"]):
            yield f"\nby {'what the checks had found' if title == 'found' else title}:"
            for name, of_group in list(groups.items())[:SHOWN]:
                yield f"  {name[:44]:44} {_shares(of_group)}"
    if found["blocked"]["rated"]:
        yield f"\nwhat the checks blocked: {_shares(found['blocked'])}"
    for one in found["coverage"]:
        yield f"\ncoverage ({one['file']}):"
        yield (
            f"  deserve a card: {one['deserving']}, have a ready one: {one['with_ready_card']} "
            f"({percent(one['coverage'], 1)}), have any: {one['with_any_card']}"
        )
        yield (
            f"  deserve none: {one['undeserving']}, left alone: {one['left_alone']} "
            f"({percent(one['left_alone_share'], 1)})"
        )
        if one["missed_says_rater"]:
            yield f"  left alone, but the rater wants a card: {one['missed_says_rater']}"
    between = {"with_oneself": "of raters with themselves", "between_raters": "between raters"}
    for name, words in between.items():
        agreed = found["agreement"][name]
        if agreed["cards"]:
            yield f"\nagreement {words}, {agreed['cards']} cards:"
            for what in ("answers", "ready"):
                one = agreed[what]
                kappa = "says nothing" if one["kappa"] is None else f"{one['kappa']:.2f}"
                same = percent(one["same"], 1)
                yield f"  {what:8} {same} alike, κ {kappa} ({one['pairs']} pairs)"


def _shares(cards: dict[str, Any]) -> str:
    ready, usable = percent(cards["ready"], 1), percent(cards["usable"], 1)
    return f"ready {ready}, usable {usable} of {cards['rated']}"
