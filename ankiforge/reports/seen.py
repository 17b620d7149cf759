"""A work found by `seen`, as JSON and as text for a terminal."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime
from typing import Any

from ankiforge.ledger.search import FoundBy, Match, WorkCard, WorkHighlight
from ankiforge.model import Standing, Verdict
from ankiforge.reports.cards import attributes, document_json
from ankiforge.text.cloze import reveal
from ankiforge.text.display import counted, shortened

SHOWN = 5
"""The number of passages and of cards that a terminal shows for a work without -v."""
_LINE = 96


def seen_json(match: Match, now: float, looked: str) -> dict[str, Any]:
    """Return a work as an object of `seen --json`.

    Args:
        match: the work, and why it was found.
        now: the current time, in seconds since 1970.
        looked: when the last view of Anki was taken, in ISO 8601; "" if never.
    """
    work = match.work
    first, last = work.read
    retention = work.retention(now)
    return {
        "document": document_json(work.documents[0]),
        "found": {"by": match.by, "what": match.detail},
        "ways": [attributes(one, "key source title path") for one in work.documents],
        "read": {"first": first, "last": last, "seen": work.first_seen},
        "counts": work.counts,
        "recall": {
            "now": None if retention.now is None else round(retention.now, 4),
            **attributes(retention, "cards learnt suspended"),
            "looked": looked,
        },
        "links": work.links,
        "highlights": [_highlight_json(match, one) for one in match.highlights],
        "cards": [_card_json(match, one, now) for one in work.cards],
    }


def _highlight_json(match: Match, one: WorkHighlight) -> dict[str, Any]:
    return {
        "key": one.key,
        **attributes(one.text, "kind exact comment colour page_label heading created uri links"),
        "presence": one.presence,
        "matched": one.key in match.matched,
    }


def _card_json(match: Match, one: WorkCard, now: float) -> dict[str, Any]:
    last = max((at for _, at in one.answered), default=None)
    return {
        **attributes(one, "guid highlight kind"),
        "fields": dict(one.fields),
        **attributes(one, "verdict standing anki"),
        "answered": None
        if last is None
        else datetime.fromtimestamp(last, UTC).isoformat(timespec="seconds"),
        "recall": [None if chance is None else round(chance, 4) for chance in one.recall(now)],
        "matched": one.guid in match.matched,
    }


# --- text -----------------------------------------------------------------------------------


def as_text(match: Match, now: float, *, whole: bool = False) -> Iterator[str]:
    """Yield the lines that describe a work; with `whole`, all its highlights and cards."""
    work = match.work
    document = work.documents[0]
    year = f" ({document.issued[:4]})" if document.issued else ""
    yield f"{work.title}{year}"
    if document.creators:
        yield f"  by        {', '.join(document.creators)}"
    yield f"  found by  {_why(match)}"
    first, last = work.read
    made = f"{first} to {last}" if first != last else first
    seen = f"first read here {work.first_seen[:10]}" if work.first_seen else ""
    yield f"  read      {' · '.join(filter(None, (made, seen))) or 'date unknown'}"
    most = None if whole else SHOWN
    yield f"  marked    {counted(len(work.highlights), 'highlight')}"
    for highlight in match.highlights[:most]:
        yield f"    {_highlight(highlight)}"
    yield from _more(len(match.highlights), most)
    yield f"  cards     {_cards(match, now)}"
    cards = sorted(work.cards, key=lambda one: one.guid not in match.matched)
    for one in cards[:most]:
        yield f"    {_card(one, now)}"
    yield from _more(len(cards), most)
    for link in work.links:
        yield f"  open      {link}"


def _why(match: Match) -> str:
    if match.by is FoundBy.WORDS:
        return f"its words ({match.detail})" if match.detail else "its words"
    return f"{match.by} ({match.detail})" if match.detail else match.by.value


def _highlight(one: WorkHighlight) -> str:
    text = one.text
    page = f"p. {text.page_label}: " if text.page_label else ""
    comment = f"  [{text.comment}]" if text.exact and text.comment else ""
    words = text.exact or text.comment or f"({text.kind})"
    gone = "  (gone from the source)" if one.presence == "gone" else ""
    return _short(f"{page}{words}{comment}") + gone


def _cards(match: Match, now: float) -> str:
    counts, retention = match.work.counts, match.work.retention(now)
    parts = [f"{counts['in_anki']} in Anki" if counts["in_anki"] else ""]
    parts += [
        f"{counts[name]} {name}" for name in ("waiting", "rejected", "retired") if counts[name]
    ]
    if retention.now is not None:
        learnt = f"{retention.learnt} of {retention.cards} learnt"
        parts.append(f"{retention.now:.0%} remembered now ({learnt})")
    parts += [f"{retention.suspended} suspended"] if retention.suspended else []
    return " · ".join(filter(None, (str(counts["cards"]), *parts)))


def _card(one: WorkCard, now: float) -> str:
    learnt = [chance for chance in one.recall(now) if chance is not None]
    known = f"{min(learnt):.0%}" if learnt else ""
    state = one.verdict.value if one.standing is Standing.LIVE else one.standing.value
    if state == Verdict.ACCEPTED and one.anki.there:
        state = "in Anki"
    words = reveal(one.fields[0][1]) if one.fields else ""
    return _short(f"{one.guid[:10]}  {state:9} {known:>4}  {words}")


def _more(count: int, most: int | None) -> Iterator[str]:
    if most is not None and count > most:
        yield f"    … {count - most} more (-v)"


def _short(text: str) -> str:
    return shortened(text.replace("\n", " "), _LINE)
