"""A work found by `seen`, as JSON and as text for a terminal."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from typing import Any

from ankiforge.ledger import Match
from ankiforge.reports.cards import attributes, document_json, question_of
from ankiforge.text import counted, on_one_line, shortened

SHOWN = 5
"""The number of passages and of cards that a terminal shows for a work without -v."""
_LINE = 96
_OPENERS = {
    "doi": "https://doi.org/",
    "arxiv": "https://arxiv.org/abs/",
}


def seen_json(match: Match, looked: str) -> dict[str, Any]:
    """Return a work as an object of `seen --json`; `looked` is when Anki was read last."""
    days = sorted(one.created[:10] for one in match.highlights if one.created)
    chances = match.recall
    mean = sum(chances.values()) / len(chances) if chances else None
    verdicts = Counter(one.verdict for one in match.lines)
    return {
        "document": document_json(match.documents[0]),
        "found": {"by": match.by, "what": match.detail},
        "ways": [attributes(one, "key source title path") for one in match.documents],
        "read": {"first": days[0] if days else "", "last": days[-1] if days else ""},
        "counts": {
            "highlights": len(match.highlights),
            "cards": verdicts["accepted"],
            "waiting": verdicts["pending"],
            "rejected": verdicts["rejected"],
            "retired": verdicts["retired"],
            "in_anki": sum(one.anki == "seen" for one in match.lines),
        },
        "recall": {"now": _rounded(mean), "learnt": len(chances), "looked": looked},
        "links": _links(match),
        "highlights": [
            {
                **attributes(one, "key kind exact comment colour page_label heading created uri links"),
                "presence": "gone" if one.key in match.gone else "present",
                "matched": one.key in match.matched,
            }
            for one in match.highlights
        ],
        "cards": [
            {
                "id": one.id, "guid": one.id if one.card else None,
                "highlight": one.highlight.key, **attributes(one, "kind verdict anki"),
                "fields": dict(one.fields),
                "recall": _rounded(chances.get(one.id)), "matched": one.id in match.matched,
            }
            for one in match.lines
        ],
    }  # fmt: skip


def _rounded(chance: float | None) -> float | None:
    return None if chance is None else round(chance, 4)


def _links(match: Match) -> list[str]:
    """Return the addresses at which the work opens."""
    found = []
    for document in match.documents:
        found.append(document.uri)
        for scheme, value in document.identifiers:
            if scheme == "url" and value.startswith(("http://", "https://")):
                found.append(value)
            elif scheme in _OPENERS:
                found.append(f"{_OPENERS[scheme]}{value}")
    return list(dict.fromkeys(filter(None, found)))


def as_text(found: dict[str, Any], *, whole: bool = False) -> Iterator[str]:
    """Yield the lines that describe a work, given as JSON; with `whole`, all its highlights and cards."""
    document, read = found["document"], found["read"]
    year = f" ({document['issued'][:4]})" if document["issued"] else ""
    yield f"{document['title'] or found['ways'][0]['path']}{year}"
    if document["creators"]:
        yield f"  by        {', '.join(document['creators'])}"
    if read["first"]:
        yield f"  read      {' to '.join(dict.fromkeys(read.values()))}"
    counts, marks, cards = found["counts"], found["highlights"], found["cards"]
    yield f"  marked    {counted(len(marks), 'highlight')}"
    for one in marks[: None if whole else SHOWN]:
        page = f"p. {one['page_label']}: " if one["page_label"] else ""
        comment = f"  [{one['comment']}]" if one["exact"] and one["comment"] else ""
        gone = "  (gone from the source)" if one["presence"] == "gone" else ""
        words = f"{page}{one['exact'] or one['comment'] or one['kind']}{comment}"
        yield f"    {shortened(on_one_line(words), _LINE)}{gone}"
    if not whole and len(marks) > SHOWN:
        yield f"    … {len(marks) - SHOWN} more (-v)"
    parts = [str(counts["cards"])]
    for name in ("in_anki", "waiting", "rejected", "retired"):
        parts += [f"{counts[name]} {name.replace('_', ' ')}"] if counts[name] else []
    if (now := found["recall"]["now"]) is not None:
        parts.append(f"{now:.0%} remembered now")
    yield f"  cards     {' · '.join(parts)}"
    for one in cards[: None if whole else SHOWN]:
        in_anki = one["anki"] == "seen" and one["verdict"] == "accepted"
        state = "in Anki" if in_anki else one["verdict"]
        yield f"    {one['id'][:10]}  {state:9} {question_of(one['fields'].items())}"
    if not whole and len(cards) > SHOWN:
        yield f"    … {len(cards) - SHOWN} more (-v)"
    yield from (f"  open      {link}" for link in found["links"])
