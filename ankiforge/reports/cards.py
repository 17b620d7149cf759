"""A card and a highlight as JSON, and as text for a terminal."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import asdict
from typing import Any

from ankiforge.anki.merge import Conflict
from ankiforge.anki.notes import content_html
from ankiforge.anki.unrender import unrender
from ankiforge.ledger.cards import letter_of
from ankiforge.model import AnkiState, Candidate, Card, Document, Finding, Highlight, Seen, Standing
from ankiforge.reports.waiting import FLOODED, why
from ankiforge.text.anchors import from_a_word, to_a_word


def card_json(
    card: Card, tags: tuple[str, ...], conflicts: tuple[Conflict, ...] = ()
) -> dict[str, Any]:
    """The shape of `list --json` and `show --json`; `tags` as a package has them."""
    lead = card.leading
    html = content_html(card.kind, card.fields)
    return {
        "guid": card.guid,
        "draft": lead.id,
        "choice": [one.id for one in card.to_choose],
        "candidates": [_candidate_json(one) for one in card.to_choose],
        "kind": card.kind,
        "verdict": card.verdict,
        "standing": card.standing,
        "anki": card.anki,
        "anki_why": card.anki_why,
        "deck": card.deck,
        "tags": tags,
        "fields": dict(card.fields),
        "html": dict(zip(card.family.content_fields, html, strict=True)),
        "quote": lead.draft.quote,
        "highlight": card.highlight.key,
        "also": [highlight.key for highlight in card.also],
        "document": card.highlight.document.key,
        "title": card.highlight.document.title,
        "origin": origin_json(lead),
        "findings": [finding_json(finding) for finding in lead.findings],
        "revision": _revision_json(card),
        "conflicts": [conflict_json(one) for one in conflicts],
        "reason": card.reason,
        "accepted_by": card.accepted_by,
        "waits": why(card),
    }


def _candidate_json(candidate: Candidate) -> dict[str, Any]:
    """One that a person may pick."""
    return {
        "draft": candidate.id,
        "kind": candidate.draft.kind,
        "fields": dict(candidate.draft.fields),
        "origin": origin_json(candidate),
        "findings": [finding_json(finding) for finding in candidate.findings],
    }


def origin_json(candidate: Candidate) -> dict[str, str]:
    """Who drew it."""
    origin = candidate.draft.origin
    return {"drafter": origin.drafter, "model": origin.model, "prompt": origin.prompt}


def finding_json(finding: Finding) -> dict[str, str]:
    """What a check said."""
    return {
        "check": finding.check,
        "severity": finding.severity,
        "message": finding.message,
        "twin": finding.twin,
    }


def _revision_json(card: Card) -> dict[str, Any] | None:
    """What waits to take the card's place, if anything does."""
    waiting = card.revision
    return {"draft": waiting.id, "fields": dict(waiting.draft.fields)} if waiting else None


def conflict_json(conflict: Conflict) -> dict[str, str]:
    """The three sides of a field that both Anki and the source changed, as field HTML."""
    return {
        "field": conflict.field,
        "base": conflict.base,
        "mine": conflict.theirs,
        "source": conflict.ours,
    }


def seen_json(seen: Seen | None, reviews: int) -> dict[str, Any] | None:
    """The note as it was seen in Anki last, each of its cards with its schedule; null if never."""
    if seen is None:
        return None
    return {
        "mod": seen.mod,
        "tags": seen.tags,
        "deck": seen.deck,
        "leech": "leech" in (tag.casefold() for tag in seen.tags),
        "reviews": reviews,
        "cards": [{"suspended": one.suspended, **asdict(one)} for one in seen.cards],
    }


def highlight_json(highlight: Highlight) -> dict[str, Any]:
    """The shape of `extract --json`."""
    return {
        "key": highlight.key,
        "source": highlight.document.source,
        "kind": highlight.kind,
        "form": highlight.form,
        "exact": highlight.exact,
        "gaps": highlight.gaps,
        "prefix": from_a_word(highlight.prefix),
        "suffix": to_a_word(highlight.suffix),
        "comment": highlight.comment,
        "colour": highlight.colour,
        "author": highlight.author,
        "tags": highlight.tags,
        "created": highlight.created,
        "modified": highlight.modified,
        "page_label": highlight.page_label,
        "heading": highlight.heading,
        "above": highlight.above,
        "uri": highlight.uri,
        "links": highlight.links,
        "document": document_json(highlight.document),
    }


def document_json(document: Document) -> dict[str, Any]:
    """What names a work."""
    return {
        "key": document.key,
        "title": document.title,
        "creators": document.creators,
        "issued": document.issued,
        "identifiers": dict(document.identifiers),
    }


# --- text -----------------------------------------------------------------------------------


def titled(highlight: Highlight) -> str:
    """The title of a highlight's work, with the page."""
    page = f", p. {highlight.page_label}" if highlight.page_label else ""
    return f"{highlight.document.title}{page}"


_GONE = {AnkiState.MISSING: "missing", AnkiState.TOMBSTONE: "deleted"}


def one_line(card: Card) -> str:
    """A card on a line: id, what was decided, what it asks."""
    state = card.verdict.value if card.standing == "live" else card.standing.value
    if card.blocked and state in ("pending", "accepted"):
        state = "blocked"
    if card.revision:
        state = "revision"
    if state == "accepted" and card.anki in _GONE:
        state = _GONE[card.anki]
    many = len(card.to_choose)
    choose = f"  ({many} to choose from)" if many > 1 else ""
    if state == "pending" and card.waits == FLOODED and not choose:
        choose = f"  ({why(card)})"
    return f"{card.guid[:10]}  {state:8}  {card.kind:7}  {words_of(card)}{choose}"


def words_of(card: Card) -> str:
    """What a card asks, cut to fit on a line."""
    words = " ".join((dict(card.fields).get("Text") or dict(card.fields).get("Front", "")).split())
    return words if len(words) <= 72 else words[:71].rstrip() + "…"


def studied(seen: Seen, reviews: int) -> str:
    """How a note fares in Anki, on a line."""
    lapses = sum(one.lapses for one in seen.cards)
    suspended = sum(one.suspended for one in seen.cards)
    longest = max((one.interval for one in seen.cards), default=0)
    parts = [seen.deck, f"{reviews} reviews", f"{lapses} lapses" if lapses else ""]
    parts += [
        f"{longest} days" if longest > 0 else "",
        f"{suspended} suspended" if suspended else "",
    ]
    return " · ".join(part for part in parts if part)


def _many(number: int, what: str) -> str:
    return f"{number} {what}" + ("" if number == 1 else "s")


def in_full(card: Card, conflicts: tuple[Conflict, ...] = ()) -> Iterator[str]:
    """A card with its source, its findings, and what waits."""
    highlight = card.highlight
    yield f"{card.guid}  {card.kind}  {card.verdict}  {card.standing}  anki: {card.anki}"
    if card.standing is Standing.SUPERSEDED:
        yield f"stands    {card.standing_why} in its place"
    if card.anki_why:
        since = "missing since " if card.anki is AnkiState.MISSING else ""
        yield f"in Anki   {since}{card.anki_why}"
    for one in conflicts:
        yield f"conflict  {one.field}"
        for side, words in (("base", one.base), ("mine", one.theirs), ("source", one.ours)):
            yield f"  {side:7} {_indented(unrender(words))}"
    yield f"deck      {card.deck}"
    for name, words in card.fields:
        yield f"{name.lower():9} {_indented(words)}"
    yield f"quote     {_indented(card.leading.draft.quote)}"
    yield f"source    {titled(highlight)}" + (
        f" › {highlight.heading}" if highlight.heading else ""
    )
    for link in filter(None, (highlight.uri, *highlight.links)):
        yield f"          {link}"
    for passage in card.also:
        heading = f" › {passage.heading}" if passage.heading else ""
        yield f"also      {titled(passage)}{heading}"
    for finding in card.leading.findings:
        yield f"{finding.severity:9} {finding.message} ({finding.check})"
    if waits := why(card):
        yield f"waits     {waits}"
    yield from _candidates(card)
    if card.reason:
        yield f"rejected  {card.reason}"


def _candidates(card: Card) -> Iterator[str]:
    for waiting in card.open if card.picked else ():
        yield f"revision {letter_of(waiting)}  {_indented(worded(waiting.draft.fields))}"
    if len(card.to_choose) > 1:
        yield f"choose    one of {len(card.to_choose)}: ankiforge pick {card.to_choose[0].id}"
    for candidate in card.to_choose if len(card.to_choose) > 1 else ():
        draft = candidate.draft
        yield f"  {candidate.id}  {draft.kind}"
        yield f"          {_indented(worded(draft.fields))}"
        for finding in candidate.findings:
            yield f"          {finding.severity}: {finding.message} ({finding.check})"


def worded(fields: Iterable[tuple[str, str]]) -> str:
    """The fields of a card on one line, or a few."""
    return "; ".join(f"{name}: {text}" for name, text in fields)


def _indented(text: str) -> str:
    return text.replace("\n", "\n          ")
