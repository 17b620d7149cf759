"""What is drawn of one highlight, sorted into intents: each becomes one choice. Pure."""

from __future__ import annotations

from dataclasses import replace

from msgspec import json

from ankiforge.ledger.events import Event
from ankiforge.model import Card, CardKind, Checked, Family
from ankiforge.text.cloze import keep_numbers, numbers

_KINDS = tuple(CardKind)


Row = list[Checked]
"""The candidates of one choice that are of one note type: they share a card."""


def intents(drafts: list[Checked]) -> list[list[Row]]:
    """Drafts grouped into choices, in the order (start, kind), each into rows by note type.

    The row of the first candidate that no check forbids comes first.
    """
    groups: dict[int, list[Checked]] = {}
    for checked in drafts:
        groups.setdefault(checked.draft.intent, []).append(checked)
    choices = [_rows(group) for group in groups.values()]
    return sorted(choices, key=lambda rows: min(map(_place, rows[0])))


def _place(checked: Checked) -> tuple[int, int]:
    return checked.draft.start, _KINDS.index(checked.draft.kind)


def _rows(group: list[Checked]) -> list[Row]:
    rows: dict[Family, Row] = {}
    for checked in sorted(group, key=lambda one: one.blocked):
        rows.setdefault(checked.draft.kind.family, [])
    for checked in group:
        rows[checked.draft.kind.family].append(checked)
    return list(rows.values())


def foremost(row: Row) -> Checked:
    """The candidate that leads: the first that no check forbids."""
    return next((checked for checked in row if not checked.blocked), row[0])


# --- cloze numbers --------------------------------------------------------------------------


def numbered_as_before(checked: Checked, card: Card, there: set[int]) -> Checked:
    """A revision with the cloze numbers that the card has; none of those `there` is in Anki."""
    used = there | {n for c in card.candidates for n in numbers(c.draft.field("Text"))}
    return _numbered_as(checked, dict(card.fields).get("Text", ""), tuple(used))


def numbered_as_journalled(history: list[Event], group: list[Checked]) -> list[Checked]:
    """The cloze numbers a card had in a ledger that was lost, if its passage was edited there."""
    changes = [d.body for d in history if d.what in ("revise", "edit")]
    sides = [body.get(side, {}).get("fields") for body in changes for side in ("before", "after")]
    said = [dict(json.decode(fields)).get("Text", "") for fields in sides if fields]
    if not said:
        return group
    used = {number for text in said for number in numbers(text)}
    return [_numbered_as(checked, said[-1], tuple(used)) for checked in group]


def _numbered_as(checked: Checked, before: str, used: tuple[int, ...]) -> Checked:
    """Cloze numbers are identity: a revision keeps them."""
    if checked.draft.kind is not CardKind.CLOZE:
        return checked
    text = keep_numbers(before, checked.draft.field("Text"), used)
    fields = tuple(
        (name, text if name == "Text" else value) for name, value in checked.draft.fields
    )
    return replace(checked, draft=replace(checked.draft, fields=fields))
