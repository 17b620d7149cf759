"""The history of a card: passage, prompt, raw reply, checks, decisions and shipments."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any

from ankiforge.ledger import Ledger
from ankiforge.ledger.cards import letter_of
from ankiforge.ledger.events import OVER, Event
from ankiforge.model import Candidate, Card
from ankiforge.reports.cards import (
    attributes,
    card_json,
    fields_on_a_line,
    highlight_json,
    origin_json,
    titled,
    why_waiting,
)
from ankiforge.text.display import on_one_line

Messages = Sequence[Mapping[str, str]]
"""The messages of a request to a model, as `role` and `content`."""
Asked = Callable[[Candidate], Messages]
"""Returns the messages that led to a draft; () if they can no longer be reconstructed."""
_SHOWN = 4_000
"""The number of characters of a message or reply that the text shows."""


def trace_json(
    ledger: Ledger, card: Card, tags: tuple[str, ...], asked: Asked = lambda candidate: ()
) -> dict[str, Any]:
    """Return the complete history of a card as JSON; `tags` are those in a package."""
    return {
        "card": card_json(card, tags),
        "highlight": {
            **highlight_json(card.highlight),
            "doubt": ledger.highlights.asked(card.highlight.key),
        },
        "candidates": [
            {
                "draft": one.id,
                "state": one.state,
                "fields": dict(one.draft.fields),
                **origin_json(one),
                "asked": list(asked(one)),
                "attempts": [
                    {"kind": tried.kind, "fields": dict(tried.fields),
                     "findings": tried.findings, "reply": _reply(ledger, tried.request)}
                    for tried in one.draft.attempts
                ],
                "reply": _reply(ledger, one.draft.origin.request),
                "findings": one.findings,
            }
            for one in card.candidates
        ],
        "decisions": [
            attributes(one, "id at by what undoes action body") for one in _history(ledger, card)
        ],
        "shipped": [
            dict(zip(("rev", "mod", "package", "at"), one, strict=True))
            for one in ledger.packages.history(card.guid)
        ],
    }  # fmt: skip


def _history(ledger: Ledger, card: Card) -> list[Event]:
    """Return the decisions that merged the card's document with others, then those on the card."""
    documents = ledger.ingest.works.members(card.highlight.document.key)
    unions = [event for one in documents for event in ledger.decisions.of(one)]
    return [*unions, *ledger.decisions.of(card.guid)]


def _reply(ledger: Ledger, request: str) -> str | None:
    """Return the raw reply to a request, or None."""
    return ledger.replies.get(request) if request else None


def as_text(ledger: Ledger, card: Card, asked: Asked = lambda candidate: ()) -> Iterator[str]:
    """Yield the history of a card as lines, in chronological order."""
    highlight = card.highlight
    yield f"source     {titled(highlight)}"
    for name, words in (
        ("key", highlight.key),
        ("under", highlight.heading),
        ("marked", on_one_line(highlight.exact)),
        ("comment", on_one_line(highlight.comment)),
        ("doubt", ledger.highlights.asked(highlight.key)),
    ):
        if words or name == "marked":
            yield _line(name, words)
    shown: set[str] = set()
    for candidate in card.candidates:
        yield from _draft(ledger, candidate, asked, shown)
    for other in ledger.alternatives.others(card):
        yield f"choice     with {other.guid}: {other.kind}, {other.verdict}, {other.standing}"
    history = _history(ledger, card)
    actions = {event.id: event.action for event in history}
    for event in history:
        undone = actions.get(event.undoes, "")
        action = f"{event.action}, takes back {undone}" if undone else event.action
        yield f"decided    {event.at}  {event.what} by {event.by}  ({action})"
        reason = event.body.get("reason") or event.body.get("after", {}).get("reason")
        if reason:
            yield _line("reason", on_one_line(str(reason)))
        if (preferred := event.body.get("preferred")) and OVER in event.body:
            yield _line("chosen", _preference(preferred))
            yield from (_line("over", _preference(over)) for over in event.body[OVER])
    for rev, mod, package, at in ledger.packages.history(card.guid):
        yield f"shipped    {at}  revision {rev}, mod {mod}, {package or 'by another machine'}"
    if waits := why_waiting(card):
        yield f"waits      {waits}"
    yield f"now        {card.verdict}, {card.standing}, in Anki: {card.anki}; {card.guid}"


def _draft(ledger: Ledger, candidate: Candidate, asked: Asked, shown: set[str]) -> Iterator[str]:
    """Yield the history of a draft; `shown` contains the requests whose replies are already shown."""
    draft, origin = candidate.draft, candidate.draft.origin
    by = " ".join(filter(None, (origin.drafter, origin.model, origin.prompt)))

    def reply(request: str) -> Iterator[str]:
        if request not in shown and (raw := _reply(ledger, request)):
            yield _line("reply", _cut(raw))
        shown.add(request)

    if (draft.attempts[0] if draft.attempts else origin).request not in shown:
        for message in asked(candidate):
            yield f"asked      {message['role']}: {_cut(message['content'])}"
    for tried in draft.attempts:
        yield f"sent back  {tried.kind} by {by}"
        yield from (_line(name.lower(), on_one_line(words)) for name, words in tried.fields)
        yield from reply(tried.request)
        yield from (_line("block", words) for words in tried.findings)
    yield f"drafted    {letter_of(candidate)} ({candidate.state}) by {by}"
    yield from (_line(name.lower(), on_one_line(words)) for name, words in draft.fields)
    yield _line("quote", on_one_line(draft.quote))
    yield from reply(origin.request)
    for finding in candidate.findings:
        yield _line(finding.severity, f"{finding.message} ({finding.check})")


def _line(name: str, words: str) -> str:
    return f"  {name:8} {words}"


def _cut(text: str) -> str:
    words = on_one_line(text)
    if len(words) <= _SHOWN:
        return words
    return f"{words[:_SHOWN]} … ({len(words) - _SHOWN:,} more characters: --json)"


def _preference(body: dict[str, Any]) -> str:
    by = " ".join(filter(None, (body["drafter"], body["model"], body["prompt"])))
    words = on_one_line(fields_on_a_line(body["fields"].items()))
    return f"{body['draft']} {body['kind']}: {words} ({by})"
