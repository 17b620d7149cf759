"""A work that was looked at before, as JSON, and as text for a terminal."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime
from typing import Any

from ankiforge.ledger.looks.shelf import Made, Marked
from ankiforge.model import Standing, Verdict
from ankiforge.reports.cards import document_json
from ankiforge.seeking import (
    By,
    Chances,
    Found,
    Recall,
    chances_of,
    counts_of,
    links_of,
    recall_of,
)
from ankiforge.text.cloze import reveal

SHOWN = 5
"""Passages and cards of a work that a terminal shows; with -v, all."""
_LINE = 96


def seen_json(found: Found, now: float, looked: str) -> dict[str, Any]:
    """The shape of `seen --json`; `now` in seconds since 1970, `looked`: at Anki, the last time."""
    first, last = found.read
    work = found.work
    chances = chances_of(work.made, now)
    return {
        "document": document_json(work.documents[0]),
        "found": {"by": found.by, "what": found.said},
        "ways": [
            {"key": one.key, "source": one.source, "title": one.title, "path": one.path}
            for one in work.documents
        ],
        "read": {"first": first, "last": last, "seen": work.first_seen},
        "counts": counts_of(found),
        "recall": {**_recall_json(recall_of(work.made, chances)), "looked": looked},
        "links": links_of(found),
        "highlights": [_mark_json(found, one) for one in found.marks],
        "cards": [_card_json(found, one, chances) for one in work.made],
    }


def _recall_json(recall: Recall) -> dict[str, Any]:
    return {
        "now": None if recall.now is None else round(recall.now, 4),
        "cards": recall.cards,
        "learnt": recall.learnt,
        "suspended": recall.suspended,
    }


def _mark_json(found: Found, one: Marked) -> dict[str, Any]:
    said = one.said
    return {
        "key": one.key,
        "kind": said.kind,
        "exact": said.exact,
        "comment": said.comment,
        "colour": said.colour,
        "page_label": said.page_label,
        "heading": said.heading,
        "created": said.created,
        "uri": said.uri,
        "links": said.links,
        "presence": one.presence,
        "matched": one.key in found.matched,
    }


def _card_json(found: Found, one: Made, chances: Chances) -> dict[str, Any]:
    last = max((at for _, at in one.answered), default=None)
    return {
        "guid": one.guid,
        "highlight": one.highlight,
        "kind": one.kind,
        "fields": dict(one.fields),
        "verdict": one.verdict,
        "standing": one.standing,
        "anki": one.anki,
        "answered": None if last is None else _iso(last),
        "recall": [
            None if chance is None else round(chance, 4) for chance in chances.get(one.guid, ())
        ],
        "matched": one.guid in found.matched,
    }


def _iso(seconds: float) -> str:
    return datetime.fromtimestamp(seconds, UTC).isoformat(timespec="seconds")


# --- text -----------------------------------------------------------------------------------


def told(found: Found, now: float, *, whole: bool = False) -> Iterator[str]:
    """A work in a few lines; `whole`: with all its passages and cards."""
    document = found.work.documents[0]
    year = f" ({document.issued[:4]})" if document.issued else ""
    yield f"{found.title}{year}"
    if document.creators:
        yield f"  by        {', '.join(document.creators)}"
    yield f"  found by  {_why(found)}"
    yield f"  read      {_when(found)}"
    most = None if whole else SHOWN
    yield f"  marked    {_many(len(found.work.marks), 'highlight')}"
    for mark in found.marks[:most]:
        yield f"    {_mark(mark)}"
    yield from _more(len(found.marks), most)
    chances = chances_of(found.work.made, now)
    yield f"  cards     {_cards(found, chances)}"
    cards = sorted(found.work.made, key=lambda one: one.guid not in found.matched)
    for one in cards[:most]:
        yield f"    {_card(one, chances)}"
    yield from _more(len(cards), most)
    for link in links_of(found):
        yield f"  open      {link}"


def _why(found: Found) -> str:
    if found.by is By.WORDS:
        return f"its words ({found.said})" if found.said else "its words"
    return f"{found.by} ({found.said})" if found.said else found.by.value


def _when(found: Found) -> str:
    first, last = found.read
    marked = f"{first} to {last}" if first != last else first
    seen = f"first read here {found.work.first_seen[:10]}" if found.work.first_seen else ""
    return " · ".join(filter(None, (marked, seen))) or "nobody knows when"


def _mark(mark: Marked) -> str:
    page = f"p. {mark.said.page_label}: " if mark.said.page_label else ""
    comment = f"  [{mark.said.comment}]" if mark.said.exact and mark.said.comment else ""
    words = mark.said.exact or mark.said.comment or f"({mark.said.kind})"
    gone = "  (gone from the source)" if mark.presence == "gone" else ""
    return _short(f"{page}{words}{comment}") + gone


def _cards(found: Found, chances: Chances) -> str:
    counts, recall = counts_of(found), recall_of(found.work.made, chances)
    parts = [f"{counts['in_anki']} in Anki" if counts["in_anki"] else ""]
    parts += [
        f"{counts[name]} {name}" for name in ("waiting", "rejected", "retired") if counts[name]
    ]
    if recall.now is not None:
        parts.append(f"{recall.now:.0%} remembered now ({recall.learnt} of {recall.cards} learnt)")
    parts += [f"{recall.suspended} suspended"] if recall.suspended else []
    return " · ".join(filter(None, (str(counts["cards"]), *parts)))


def _card(one: Made, chances: Chances) -> str:
    learnt = [chance for chance in chances.get(one.guid, ()) if chance is not None]
    known = f"{min(learnt):.0%}" if learnt else ""
    state = one.verdict.value if one.standing is Standing.LIVE else one.standing.value
    if state == Verdict.ACCEPTED and one.anki.there:
        state = "in Anki"
    words = reveal(one.fields[0][1]) if one.fields else ""
    return _short(f"{one.guid[:10]}  {state:9} {known:>4}  {words}")


def _more(there: int, most: int | None) -> Iterator[str]:
    if most is not None and there > most:
        yield f"    … {there - most} more (-v)"


def _many(number: int, what: str) -> str:
    return f"{number} {what}" + ("" if number == 1 else "s")


def _short(text: str) -> str:
    line = " ".join(text.split(" ")).replace("\n", " ")
    return line if len(line) <= _LINE else line[: _LINE - 1].rstrip() + "…"
