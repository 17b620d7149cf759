"""The blind sheet: cards in random order, some twice, and the passages that were left alone.

Nothing in it tells who drew a card. The key beside it does; it is for the count, not for raters.
"""

from __future__ import annotations

import csv
import io
import random
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from ankiforge.anki.cards import cloze as as_anki_shows
from ankiforge.anki.notes import content_html
from ankiforge.check.lexical.normal import bare
from ankiforge.check.lexical.reading import hidden_gaps, read, without
from ankiforge.model import CardKind, Draft, Family, h16
from ankiforge.reports.evaluating import CRITERIA, WANTED
from ankiforge.reports.evaluating.drawing import Drawn, Evaluation
from ankiforge.reports.evaluating.material import Passage, as_json
from ankiforge.text import cloze

TWICE = 0.2
"""The share of cards that are rated twice."""
KEY_VERSION = 1


@dataclass(frozen=True, slots=True)
class Item:
    """One thing to be rated: a card, or (without) a passage that has none."""

    id: str
    passage: Passage
    card: Drawn | None = None


@dataclass(frozen=True, slots=True)
class Sheet:
    """What a rater is given, and the key to it."""

    id: str
    """Begins the ids of its items."""
    cards: tuple[Item, ...]
    alone: tuple[Item, ...]
    evaluation: Evaluation

    @property
    def items(self) -> tuple[Item, ...]:
        """In the order of rating."""
        return (*self.cards, *self.alone)


def make(evaluation: Evaluation, seed: int, *, blocked: bool = False) -> Sheet:
    """Shuffle; the same evaluation and seed give the same sheet.

    `blocked`: also the cards that a check forbids, to see what the checks cost.
    """
    cards = [card for card in evaluation.cards if blocked or not card.blocked]
    cards = list({card.id: card for card in cards}.values())
    rng = random.Random(seed)
    shown = _mixed(cards, rng)
    left = evaluation.left
    rng.shuffle(left)
    name = h16(str(seed), *(card.id for card in shown), *(p.highlight.key for p in left))[:6]
    ids = [f"{name}-{number:03}" for number in range(1, len(shown) + len(left) + 1)]
    items = [Item(id, card.passage, card) for id, card in zip(ids, shown, strict=False)]
    alone = [Item(id, passage) for id, passage in zip(ids[len(shown) :], left, strict=True)]
    return Sheet(name, tuple(items), tuple(alone), evaluation)


def _mixed(cards: list[Drawn], rng: random.Random) -> list[Drawn]:
    """All cards in random order; a fifth of them again, at the other end of the sheet."""
    once = list(cards)
    rng.shuffle(once)
    count = min(len(once), round(len(once) * TWICE) or bool(once))
    first_half = once[: max(len(once) // 2, 1)]
    again = rng.sample(first_half, min(count, len(first_half)))
    for card in again:
        once.insert(rng.randint(max(len(once) * 2 // 3, 1), len(once)), card)
    return once


# --- the key --------------------------------------------------------------------------------


def key_path(sheet: Path) -> Path:
    """Where the key of a sheet lies."""
    return sheet.with_name(f"{sheet.stem}.key.json")


def key_json(sheet: Sheet) -> dict[str, Any]:
    """Who drew what, and which items are the same card."""
    return {
        "v": KEY_VERSION,
        "sheet": sheet.id,
        "passages": {
            passage.highlight.key: {
                "deserves": passage.deserves,
                "fate": _fate(sheet.evaluation, passage),
                "reason": sheet.evaluation.no_cards.get(passage.highlight.key, ""),
            }
            for passage in sheet.evaluation.passages
        },
        "cards": {card.id: _told(card) for card in sheet.evaluation.cards},
        "items": {
            item.id: {"card": item.card.id if item.card else "", "passage": item.passage.highlight.key}
            for item in sheet.items
        },
    }  # fmt: skip


def _fate(evaluation: Evaluation, passage: Passage) -> str:
    key = passage.highlight.key
    if key in evaluation.failed:
        return "failed"
    if key in evaluation.carded:
        return "carded"
    return "blocked" if key in evaluation.blocked else "no_card"


def _told(card: Drawn) -> dict[str, Any]:
    return {
        "passage": card.draft.highlight,
        "kind": card.draft.kind.value,
        "fields": dict(card.draft.fields),
        "quote": card.draft.quote,
        "origin": card.origin,
        "blocked": card.blocked,
        "findings": [
            {"check": one.check, "severity": one.severity.value, "message": one.message}
            for one in card.findings
        ],
    }


# --- what a rater sees ----------------------------------------------------------------------


def faces(draft: Draft) -> Iterator[tuple[str, str]]:
    """(question, answer) of each card that a draft makes, as plain text."""
    if draft.kind.family is Family.CLOZE:
        for _, hidden in hidden_gaps(draft):
            yield without(draft.field("Text"), hidden), " · ".join(bare(g.answer) for g in hidden)
        return
    [answer] = read(draft).answers
    yield read(draft).asked, answer
    if draft.kind is CardKind.TWO_WAY:
        yield answer, read(draft).asked


def faces_html(draft: Draft) -> list[tuple[str, str]]:
    """The same as Anki will show them, as HTML of our own making."""
    fields = content_html(draft.kind, draft.fields)
    if draft.kind.family is Family.CLOZE:
        numbers = cloze.numbers(draft.field("Text"))
        return [
            (as_anki_shows(fields[0], n, reveal=False), as_anki_shows(fields[0], n, reveal=True))
            for n in numbers
        ] or [(fields[0], "")]
    pairs = [(fields[0], fields[1])]
    return [*pairs, (fields[1], fields[0])] if draft.kind is CardKind.TWO_WAY else pairs


HEAD = (
    "item", "front", "back",
    *(criterion.column for criterion in CRITERIA if not criterion.sourced),
    "passage", "comment",
    *(criterion.column for criterion in CRITERIA if criterion.sourced),
    WANTED, "remark",
)  # fmt: skip
"""The columns, from left to right: the passage stands behind what is rated without it."""


def as_csv(sheet: Sheet) -> str:
    """The sheet for a spreadsheet; begins with a byte order mark, for Excel."""
    out = io.StringIO()
    writer = csv.DictWriter(out, HEAD, lineterminator="\r\n")
    writer.writeheader()
    for item in sheet.items:
        writer.writerow({name: _cell(text) for name, text in _row(item).items()})
    return f"\ufeff{out.getvalue()}"


def _row(item: Item) -> dict[str, str]:
    shown = as_json(item.passage)
    marked = f"{shown['before']}⟦{shown['exact']}⟧{shown['after']}"
    row = {"item": item.id, "passage": f"{shown['where']}\n{marked}", "comment": shown["comment"]}
    if item.card is None:
        blank = dict.fromkeys((criterion.column for criterion in CRITERIA), "-")
        return {**row, **blank, "front": "(no card was made of this passage)"}
    pairs = list(faces(item.card.draft)) or [(item.card.draft.field("Text"), "")]
    row["front"] = "\n—\n".join(question for question, _ in pairs)
    row["back"] = "\n—\n".join(answer for _, answer in pairs)
    return row | {WANTED: "-"}


def _cell(text: str) -> str:
    """A spreadsheet takes `=1+1` for an order."""
    return f"'{text}" if text[:1] in ("=", "+", "@", "\t") or text[:2] == "- " else text


def items_json(sheet: Sheet) -> list[dict[str, Any]]:
    """What the page shows."""
    return [
        {
            "item": item.id,
            "faces": faces_html(item.card.draft) if item.card else [],
            "passage": as_json(item.passage),
        }
        for item in sheet.items
    ]
