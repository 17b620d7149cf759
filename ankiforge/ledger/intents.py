"""What is drawn of one highlight, sorted into intents: each becomes, or revises, one card. Pure."""

from __future__ import annotations

from dataclasses import replace

from msgspec import json

from ankiforge.domain import Card, CardKind, Checked, Family, Finding, Severity, Standing
from ankiforge.ledger.decisions import Decided
from ankiforge.text.cloze import keep_numbers, numbers
from ankiforge.text.fold import same

_KINDS = tuple(CardKind)


def intents(drafts: list[Checked], existing: list[Card]) -> list[list[Checked]]:
    """Drafts grouped into choices, in the order (start, kind); a choice is of one note type."""
    groups: dict[int, list[Checked]] = {}
    for checked in drafts:
        groups.setdefault(checked.draft.intent, []).append(checked)
    chosen = [_of_one_family(group, existing) for group in groups.values()]
    return sorted(chosen, key=lambda g: (g[0].draft.start, _KINDS.index(g[0].draft.kind)))


def _of_one_family(group: list[Checked], existing: list[Card]) -> list[Checked]:
    """Candidates of one choice become one card: those of its note type, and a word on the rest."""
    family = _family(group, existing)
    kept = [checked for checked in group if checked.draft.kind.family is family]
    if len(kept) == len(group):
        return group
    others = ", ".join(c.draft.kind.value for c in group if c.draft.kind.family is not family)
    said = f"left out as a choice is of one note type: {others}"
    finding = Finding("choice", Severity.INFO, said)
    return [replace(checked, findings=(*checked.findings, finding)) for checked in kept]


def _family(group: list[Checked], existing: list[Card]) -> Family:
    """That of the card it revises; else of the first candidate that no check forbids."""
    live = [card for card in existing if card.standing is Standing.LIVE]
    for checked in group:
        family = checked.draft.kind.family
        for card in live:
            if card.family is family and same(card.leading.draft.answer, checked.draft.answer):
                return family
    passable = [checked for checked in group if not checked.blocked]
    return (passable or group)[0].draft.kind.family


# --- cloze numbers --------------------------------------------------------------------------


def numbered_as_before(checked: Checked, card: Card, there: set[int]) -> Checked:
    """A revision with the cloze numbers that the card has; none of those `there` is in Anki."""
    used = there | {n for c in card.candidates for n in numbers(c.draft.field("Text"))}
    return _numbered_as(checked, dict(card.fields).get("Text", ""), tuple(used))


def numbered_as_journalled(history: list[Decided], group: list[Checked]) -> list[Checked]:
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
