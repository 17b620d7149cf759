"""One card's whole way: source passage, prompt, raw reply, checks, decisions, shipments."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from ankiforge.domain import Candidate, Card
from ankiforge.ledger import Ledger
from ankiforge.ledger.cards import letter_of
from ankiforge.ledger.decisions import Decided
from ankiforge.reports.cards import card_json, finding_json, highlight_json, origin_json, titled


def trace_json(ledger: Ledger, card: Card, tags: tuple[str, ...]) -> dict[str, Any]:
    """Everything the ledger remembers of a card; `tags` as a package has them."""
    return {
        "card": card_json(card, tags),
        "highlight": {
            **highlight_json(card.highlight),
            "doubt": ledger.highlights.asked(card.highlight.key),
        },
        "candidates": [_candidate(ledger, one) for one in card.candidates],
        "decisions": [
            {"id": d.id, "at": d.at, "by": d.by, "what": d.what, "undoes": d.undoes,
             "action": d.action, "body": d.body}
            for d in _history(ledger, card)
        ],
        "shipped": [
            {"rev": rev, "mod": mod, "package": package, "at": at}
            for rev, mod, package, at in ledger.packages.history(card.guid)
        ],
    }  # fmt: skip


def _history(ledger: Ledger, card: Card) -> list[Decided]:
    """What was decided about the card, after what made its document one with others."""
    documents = ledger.reading.works.members(card.highlight.document.key)
    unions = [decided for one in documents for decided in ledger.decisions.of(one)]
    return [*unions, *ledger.decisions.of(card.guid)]


def _candidate(ledger: Ledger, candidate: Candidate) -> dict[str, Any]:
    origin = candidate.draft.origin
    return {
        "draft": candidate.id,
        "state": candidate.state,
        "fields": dict(candidate.draft.fields),
        **origin_json(candidate),
        "reply": ledger.replies.get(origin.request) if origin.request else None,
        "findings": [finding_json(finding) for finding in candidate.findings],
    }


def told(ledger: Ledger, card: Card) -> Iterator[str]:
    """The same as text, in the order in which it happened."""
    highlight = card.highlight
    yield f"source     {titled(highlight)}"
    yield f"  key      {highlight.key}"
    if highlight.heading:
        yield f"  under    {highlight.heading}"
    yield f"  marked   {_flat(highlight.exact)}"
    if highlight.comment:
        yield f"  comment  {_flat(highlight.comment)}"
    if doubt := ledger.highlights.asked(highlight.key):
        yield f"  doubt    {doubt}"
    for candidate in card.candidates:
        yield from _drawn(ledger, candidate)
    history = _history(ledger, card)
    actions = {decided.id: decided.action for decided in history}
    for decided in history:
        yield from _decided(decided, actions.get(decided.undoes, ""))
    for rev, mod, package, at in ledger.packages.history(card.guid):
        yield f"shipped    {at}  revision {rev}, mod {mod}, {package or 'by another machine'}"
    yield f"now        {card.verdict}, {card.standing}, in Anki: {card.anki}; {card.guid}"


def _drawn(ledger: Ledger, candidate: Candidate) -> Iterator[str]:
    origin = candidate.draft.origin
    by = " ".join(part for part in (origin.drafter, origin.model, origin.prompt) if part)
    yield f"drafted    {letter_of(candidate)} ({candidate.state}) by {by}"
    for name, words in candidate.draft.fields:
        yield f"  {name.lower():8} {_flat(words)}"
    yield f"  quote    {_flat(candidate.draft.quote)}"
    if origin.request and (raw := ledger.replies.get(origin.request)):
        yield f"  reply    {_flat(raw)}"
    for finding in candidate.findings:
        yield f"  {finding.severity:8} {finding.message} ({finding.check})"


def _decided(decided: Decided, undoes: str) -> Iterator[str]:
    undone = f", takes back {undoes}" if undoes else ""
    yield f"decided    {decided.at}  {decided.what} by {decided.by}  ({decided.action}{undone})"
    reason = decided.body.get("reason") or decided.body.get("after", {}).get("reason")
    if reason:
        yield f"  reason   {_flat(str(reason))}"


def _flat(text: str) -> str:
    return " ".join(text.split())
