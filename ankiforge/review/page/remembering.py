"""Whether something was looked at before, asked on the page; the search is that of `ankiforge seen`."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from itertools import islice
from typing import Any

from flask import Flask, jsonify, request

from ankiforge.anki.render import address
from ankiforge.ledger.search import Match, WorkCard, WorkHighlight
from ankiforge.review.service import Service
from ankiforge.text.cloze import reveal
from ankiforge.text.fold import isolated

MOST = 8
"""Works that are shown."""
SHOWN = 12
"""Passages and cards of a work that are shown."""
LONGEST = 1_000
"""Characters of a question that are heeded."""


def add_remembering(app: Flask, desks: Callable[[], Service]) -> None:
    """Answer at `/api/seen`; everything is text, the page draws it."""

    @app.get("/api/seen")
    def seen() -> Any:
        query = request.args.get("query", "").strip()[:LONGEST]
        ledger = desks().ledger
        found = list(islice(ledger.search.find(query), MOST + 1)) if query else []
        now = ledger.clock().timestamp()
        told = [_work(one, now) for one in found[:MOST]]
        return jsonify({"works": told, "more": len(found) > MOST})


def _work(match: Match, now: float) -> dict[str, Any]:
    work = match.work
    document = work.documents[0]
    year = f" ({document.issued[:4]})" if document.issued else ""
    links = (address(link) for link in work.links)
    cards = sorted(work.cards, key=lambda one: one.guid not in match.matched)
    return {
        "title": f"{isolated(work.title)}{year}",
        "people": ", ".join(map(isolated, document.creators)),
        "facts": list(_facts(match, now)),
        "links": list(dict.fromkeys(filter(None, links))),
        "marks": [_highlight(match, one) for one in match.highlights[:SHOWN]],
        "cards": [_card(match, one, now) for one in cards[:SHOWN]],
    }


def _facts(match: Match, now: float) -> Iterator[tuple[str, str]]:
    """Return (label, text) of each fact about a work."""
    work = match.work
    yield "Found by", f"{match.by}: {match.detail}" if match.detail else match.by.value
    first, last = work.read
    days = [f"{first} to {last}" if first != last else first, work.first_seen[:10]]
    yield "Read", " · first here ".join(filter(None, days)) if all(days) else "".join(days)
    counts, retention = work.counts, work.retention(now)
    names = ("highlights", "cards", "in_anki", "waiting", "rejected", "retired")
    told = (f"{counts[name]} {name.replace('_', ' ')}" for name in names if counts[name])
    yield "There are", ", ".join(told)
    if retention.now is not None:
        yield "Remembered now", f"{retention.now:.0%} of {retention.learnt} learnt cards"


def _highlight(match: Match, one: WorkHighlight) -> dict[str, Any]:
    page = f"p. {one.text.page_label}" if one.text.page_label else ""
    comment = one.text.comment if one.text.exact else ""
    words = one.text.exact or one.text.comment or f"({one.text.kind})"
    return {"words": words, "beside": " · ".join(filter(None, (page, comment))),
            "hit": one.key in match.matched}  # fmt: skip


def _card(match: Match, one: WorkCard, now: float) -> dict[str, Any]:
    learnt = [chance for chance in one.recall(now) if chance is not None]
    state = one.verdict.value if one.standing == "live" else one.standing.value
    beside = [state, f"{min(learnt):.0%}" if learnt else ""]
    words = reveal(one.fields[0][1]) if one.fields else ""
    return {"words": words, "beside": " · ".join(filter(None, beside)),
            "hit": one.guid in match.matched}  # fmt: skip
