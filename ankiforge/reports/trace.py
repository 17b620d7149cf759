"""One card's whole way: source passage, prompt, raw reply, checks, decisions, shipments."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any

from ankiforge.ledger import Ledger
from ankiforge.ledger.cards import letter_of
from ankiforge.ledger.events import OVER, Event
from ankiforge.model import Candidate, Card, Fields
from ankiforge.reports.cards import (
    card_json,
    fields_on_a_line,
    highlight_json,
    origin_json,
    titled,
    why_waiting,
)
from ankiforge.reports.text import on_one_line

Messages = Sequence[Mapping[str, str]]
"""What a model was told, as `role` and `content`."""
Asked = Callable[[Candidate], Messages]
"""The messages that a draft answers; () if they cannot be told any more."""


def trace_json(
    ledger: Ledger, card: Card, tags: tuple[str, ...], asked: Asked = lambda candidate: ()
) -> dict[str, Any]:
    """Everything the ledger remembers of a card; `tags` as a package has them."""
    return {
        "card": card_json(card, tags),
        "highlight": {
            **highlight_json(card.highlight),
            "doubt": ledger.highlights.asked(card.highlight.key),
        },
        "candidates": [_candidate(ledger, one, asked(one)) for one in card.candidates],
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


def _history(ledger: Ledger, card: Card) -> list[Event]:
    """What was decided about the card, after what made its document one with others."""
    documents = ledger.reading.works.members(card.highlight.document.key)
    unions = [decided for one in documents for decided in ledger.decisions.of(one)]
    return [*unions, *ledger.decisions.of(card.guid)]


def _candidate(ledger: Ledger, candidate: Candidate, asked: Messages) -> dict[str, Any]:
    origin = candidate.draft.origin
    return {
        "draft": candidate.id,
        "state": candidate.state,
        "fields": dict(candidate.draft.fields),
        **origin_json(candidate),
        "asked": list(asked),
        "attempts": [
            {"kind": tried.kind, "fields": dict(tried.fields), "findings": list(tried.findings),
             "reply": _reply(ledger, tried.request)}
            for tried in candidate.draft.attempts
        ],
        "reply": _reply(ledger, origin.request),
        "findings": candidate.findings,
    }  # fmt: skip


def _reply(ledger: Ledger, request: str) -> str | None:
    """The raw reply to a request, None if there is none."""
    return ledger.replies.get(request) if request else None


def as_text(ledger: Ledger, card: Card, asked: Asked = lambda candidate: ()) -> Iterator[str]:
    """The same as text, in the order in which it happened."""
    highlight = card.highlight
    yield f"source     {titled(highlight)}"
    yield f"  key      {highlight.key}"
    if highlight.heading:
        yield f"  under    {highlight.heading}"
    yield f"  marked   {on_one_line(highlight.exact)}"
    if highlight.comment:
        yield f"  comment  {on_one_line(highlight.comment)}"
    if doubt := ledger.highlights.asked(highlight.key):
        yield f"  doubt    {doubt}"
    shown: set[str] = set()
    for candidate in card.candidates:
        yield from _drawn(ledger, candidate, asked, shown)
    for other in ledger.choices.others(card):
        yield f"choice     with {other.guid}: {other.kind}, {other.verdict}, {other.standing}"
    history = _history(ledger, card)
    actions = {decided.id: decided.action for decided in history}
    for decided in history:
        yield from _decided(decided, actions.get(decided.undoes, ""))
    for rev, mod, package, at in ledger.packages.history(card.guid):
        yield f"shipped    {at}  revision {rev}, mod {mod}, {package or 'by another machine'}"
    if waits := why_waiting(card):
        yield f"waits      {waits}"
    yield f"now        {card.verdict}, {card.standing}, in Anki: {card.anki}; {card.guid}"


def _drawn(ledger: Ledger, candidate: Candidate, asked: Asked, shown: set[str]) -> Iterator[str]:
    """How a draft came about; `shown` are the replies that were told already."""
    draft, origin = candidate.draft, candidate.draft.origin
    by = " ".join(part for part in (origin.drafter, origin.model, origin.prompt) if part)
    if (draft.attempts[0] if draft.attempts else origin).request not in shown:
        for message in asked(candidate):
            yield f"asked      {message['role']}: {_short(message['content'])}"
    for tried in draft.attempts:
        yield f"sent back  {tried.kind} by {by}"
        yield from _sides(tried.fields)
        yield from _said(ledger, tried.request, shown)
        for words in tried.findings:
            yield f"  block    {words}"
    yield f"drafted    {letter_of(candidate)} ({candidate.state}) by {by}"
    yield from _sides(draft.fields)
    yield f"  quote    {on_one_line(draft.quote)}"
    yield from _said(ledger, origin.request, shown)
    for finding in candidate.findings:
        yield f"  {finding.severity:8} {finding.message} ({finding.check})"


def _sides(fields: Fields) -> Iterator[str]:
    for name, words in fields:
        yield f"  {name.lower():8} {on_one_line(words)}"


def _said(ledger: Ledger, request: str, shown: set[str]) -> Iterator[str]:
    if request not in shown and (raw := _reply(ledger, request)):
        yield f"  reply    {_short(raw)}"
    shown.add(request)


_SHOWN = 4_000
"""Characters of a message or a reply that the text shows."""


def _short(text: str) -> str:
    words = on_one_line(text)
    if len(words) <= _SHOWN:
        return words
    return f"{words[:_SHOWN]} … ({len(words) - _SHOWN:,} more characters: --json)"


def _decided(decided: Event, undoes: str) -> Iterator[str]:
    undone = f", takes back {undoes}" if undoes else ""
    yield f"decided    {decided.at}  {decided.what} by {decided.by}  ({decided.action}{undone})"
    reason = decided.body.get("reason") or decided.body.get("after", {}).get("reason")
    if reason:
        yield f"  reason   {on_one_line(str(reason))}"
    if (preferred := decided.body.get("preferred")) and OVER in decided.body:
        yield f"  chosen   {_preference(preferred)}"
        for over in decided.body.get(OVER, ()):
            yield f"  over     {_preference(over)}"


def _preference(said: dict[str, Any]) -> str:
    by = " ".join(part for part in (said["drafter"], said["model"], said["prompt"]) if part)
    return f"{said['draft']} {said['kind']}: {on_one_line(fields_on_a_line(said['fields'].items()))} ({by})"
