"""A person's decisions: one function for each, the same for the page, the command line and agents.

The ledger records them; here words are checked.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping

import msgspec

from ankiforge.errors import RefusedError
from ankiforge.ledger import Ledger
from ankiforge.model import (
    CardKind,
    Draft,
    Family,
    Fields,
    Finding,
    Guid,
    Highlight,
    Origin,
    Proposal,
    Severity,
)
from ankiforge.review.query import find, is_key
from ankiforge.text.cloze import plain, words_of

__all__ = ["BlockedError", "Result", "decide", "edit", "find", "is_key", "make"]

PERSON = "person"


class BlockedError(RefusedError):
    """A check blocks a person's words; they may insist."""


class Result(msgspec.Struct, frozen=True):
    """What became of one decision."""

    id: str
    guid: str = ""
    refused: str = ""
    """Why it was refused; "" if it was done."""
    hint: str = ""


def decide(ledger: Ledger, ids: Iterable[str], act: Callable[[str], str | None]) -> list[Result]:
    """Decide on several cards, drafts or questions as one action; what is refused does not stop the rest.

    Args:
        ledger: the ledger.
        ids: their ids.
        act: decides on one and returns its guid, if it has one.
    """
    results = []
    with ledger.action():
        for id in ids:
            try:
                results.append(Result(id, act(id) or ""))
            except RefusedError as error:
                results.append(Result(id, refused=error.message, hint=error.hint))
    return results


def judge(draft: Draft, highlight: Highlight) -> tuple[Finding, ...]:
    """Run the checks on a person's words, without the search for duplicates."""
    from ankiforge import check

    return check.check(draft, check.Context(highlight, check.DuplicateIndex()))


def edit(
    ledger: Ledger, id: str, fields: Mapping[str, str], *, forced: bool = False
) -> tuple[Guid, tuple[Finding, ...]]:
    """Change fields of a card, or accept a draft in other words.

    Returns:
        The card, and the findings of the checks on it.

    Raises:
        BlockedError: a check blocks the new words, and the person does not insist.
    """
    if id.startswith("dr"):
        waiting = next((one.waiting for one in ledger.lines([id])), None)
        if waiting is None:
            raise RefusedError(f"{id} no longer waits", hint="ankiforge list --view new")
        highlight, before, kind = waiting.highlight, waiting.draft.fields, waiting.draft.kind
    else:
        [card] = ledger.cards(id)
        highlight, before, kind = card.highlight, card.fields, card.kind
    words = {**dict(before), **fields}
    if kind is not CardKind.CLOZE:
        kind = CardKind.TWO_WAY if words.get("Reverse") else CardKind.BASIC
    findings = _checked(_draft(highlight, kind, tuple(words.items())), highlight, forced=forced)
    return ledger.edit(id, fields, forced=forced), findings


def make(
    ledger: Ledger, highlight: Highlight, fields: Fields, deck: str, *, forced: bool = False
) -> tuple[Guid, tuple[Finding, ...]]:
    """Make a card of a passage in a person's words, beside its other cards.

    Raises:
        BlockedError: a check blocks it, and the person does not insist.
    """
    names = dict(fields)
    kind = (
        CardKind.CLOZE
        if "Text" in names
        else CardKind.TWO_WAY
        if names.get("Reverse")
        else CardKind.BASIC
    )
    draft = _draft(highlight, kind, fields)
    findings = _checked(draft, highlight, forced=forced)
    guid = ledger.accept(highlight.key, own=Proposal(draft, findings, deck))
    return Guid(guid or ""), findings


def _checked(draft: Draft, highlight: Highlight, *, forced: bool) -> tuple[Finding, ...]:
    findings = judge(draft, highlight)
    blocking = [one for one in findings if one.severity is Severity.BLOCK]
    if blocking and not forced:
        hint = "change the words, or overrule the check with --force"
        raise BlockedError(blocking[0].message, hint=hint)
    return findings


def _draft(highlight: Highlight, kind: CardKind, fields: Fields) -> Draft:
    """Return a person's words as a draft whose evidence is the whole passage."""
    words = dict(fields)
    answer = (
        words_of(words.get("Text", "")) if kind.family is Family.CLOZE else words.get("Back", "")
    )
    kept = tuple((name, text) for name, text in fields if text)
    return Draft(
        highlight.key, kind, kept, highlight.exact, plain(answer), 0, Origin(PERSON), by_hand=True
    )
