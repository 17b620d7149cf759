"""Whether something was looked at before, asked on the page; the search is that of `ankiforge seen`."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from itertools import islice
from typing import Any

from flask import Flask, jsonify, request

from ankiforge.anki.render import address
from ankiforge.ledger.looks.shelf import Made, Marked
from ankiforge.review.service import Service
from ankiforge.seeking import Chances, Found, chances_of, counts_of, links_of, recall_of, seek
from ankiforge.text.bidi import isolated
from ankiforge.text.looseness import without_signs

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
        found = list(islice(seek(ledger, query), MOST + 1)) if query else []
        now = ledger.clock().timestamp()
        told = [_work(one, now) for one in found[:MOST]]
        return jsonify({"works": told, "more": len(found) > MOST})


def _work(found: Found, now: float) -> dict[str, Any]:
    chances = chances_of(found.work.made, now)
    document = found.work.documents[0]
    year = f" ({document.issued[:4]})" if document.issued else ""
    links = (address(link) for link in links_of(found))
    made = sorted(found.work.made, key=lambda one: one.guid not in found.matched)
    return {
        "title": f"{isolated(found.title)}{year}",
        "people": ", ".join(map(isolated, document.creators)),
        "facts": list(_facts(found, chances)),
        "links": list(dict.fromkeys(filter(None, links))),
        "marks": [_mark(found, one) for one in found.marks[:SHOWN]],
        "cards": [_card(found, one, chances) for one in made[:SHOWN]],
    }


def _facts(found: Found, chances: Chances) -> Iterator[tuple[str, str]]:
    """(what, words)."""
    yield "Found by", f"{found.by}: {found.said}" if found.said else found.by.value
    first, last = found.read
    days = [f"{first} to {last}" if first != last else first, found.work.first_seen[:10]]
    yield "Read", " · first here ".join(filter(None, days)) if all(days) else "".join(days)
    counts, recall = counts_of(found), recall_of(found.work.made, chances)
    names = ("highlights", "cards", "in_anki", "waiting", "rejected", "retired")
    told = (f"{counts[name]} {name.replace('_', ' ')}" for name in names if counts[name])
    yield "There are", ", ".join(told)
    if recall.now is not None:
        yield "Remembered now", f"{recall.now:.0%} of {recall.learnt} learnt cards"


def _mark(found: Found, one: Marked) -> dict[str, Any]:
    page = f"p. {one.said.page_label}" if one.said.page_label else ""
    comment = one.said.comment if one.said.exact else ""
    words = one.said.exact or one.said.comment or f"({one.said.kind})"
    return {"words": words, "beside": " · ".join(filter(None, (page, comment))),
            "hit": one.key in found.matched}  # fmt: skip


def _card(found: Found, one: Made, chances: Chances) -> dict[str, Any]:
    learnt = [chance for chance in chances.get(one.guid, ()) if chance is not None]
    state = one.verdict.value if one.standing == "live" else one.standing.value
    beside = [state, f"{min(learnt):.0%}" if learnt else ""]
    words = without_signs(one.fields[0][1]) if one.fields else ""
    return {"words": words, "beside": " · ".join(filter(None, beside)),
            "hit": one.guid in found.matched}  # fmt: skip
