"""A work found by `seen`, as JSON and as text for a terminal."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from typing import Any

from ankiforge.ledger import Line, Match
from ankiforge.reports.cards import attributes, document_json, question_of
from ankiforge.text.display import counted, on_one_line, shortened

SHOWN = 5
"""The number of passages and of cards that a terminal shows for a work without -v."""
_LINE = 96
_OPENERS = {
    "doi": "https://doi.org/",
    "arxiv": "https://arxiv.org/abs/",
    "pmid": "https://pubmed.ncbi.nlm.nih.gov/",
}


def seen_json(match: Match, looked: str) -> dict[str, Any]:
    """Return a work as an object of `seen --json`; `looked` is when Anki was read last."""
    first, last = _read(match)
    chance = _mean(match)
    recall = {"now": _rounded(chance), "learnt": len(match.recall), "looked": looked}
    return {
        "document": document_json(match.documents[0]),
        "found": {"by": match.by, "what": match.detail},
        "ways": [attributes(one, "key source title path") for one in match.documents],
        "read": {"first": first, "last": last},
        "counts": _counts(match),
        "recall": recall,
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
                "recall": _rounded(match.recall.get(one.id)), "matched": one.id in match.matched,
            }
            for one in match.lines
        ],
    }  # fmt: skip


def _rounded(chance: float | None) -> float | None:
    return None if chance is None else round(chance, 4)


def _read(match: Match) -> tuple[str, str]:
    """Return the days of the first and the last highlight; "" if unknown."""
    days = sorted(one.created[:10] for one in match.highlights if one.created)
    return (days[0], days[-1]) if days else ("", "")


def _counts(match: Match) -> dict[str, int]:
    verdicts = Counter(one.verdict for one in match.lines)
    return {
        "highlights": len(match.highlights),
        "cards": verdicts["accepted"],
        "waiting": verdicts["pending"],
        "rejected": verdicts["rejected"],
        "retired": verdicts["retired"],
        "in_anki": sum(one.anki == "seen" for one in match.lines),
    }


def _mean(match: Match) -> float | None:
    return sum(match.recall.values()) / len(match.recall) if match.recall else None


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


def as_text(match: Match, *, whole: bool = False) -> Iterator[str]:
    """Yield the lines that describe a work; with `whole`, all its highlights and cards."""
    document, most = match.documents[0], None if whole else SHOWN
    year = f" ({document.issued[:4]})" if document.issued else ""
    yield f"{document.title or document.path}{year}"
    if document.creators:
        yield f"  by        {', '.join(document.creators)}"
    yield f"  found by  {match.by}{f' ({match.detail})' if match.detail else ''}"
    if days := " to ".join(dict.fromkeys(filter(None, _read(match)))):
        yield f"  read      {days}"
    yield f"  marked    {counted(len(match.highlights), 'highlight')}"
    for one in match.highlights[:most]:
        page = f"p. {one.page_label}: " if one.page_label else ""
        comment = f"  [{one.comment}]" if one.exact and one.comment else ""
        gone = "  (gone from the source)" if one.key in match.gone else ""
        yield f"    {_short(f'{page}{one.exact or one.comment or one.kind}{comment}')}{gone}"
    yield from _more(len(match.highlights), most)
    counts = _counts(match)
    parts = [
        f"{counts[name]} {name.replace('_', ' ')}"
        for name in ("in_anki", "waiting", "rejected", "retired")
        if counts[name]
    ]
    if (chance := _mean(match)) is not None:
        parts.append(f"{chance:.0%} remembered now")
    yield f"  cards     {' · '.join((str(counts['cards']), *parts))}"
    yield from (f"    {_card(one)}" for one in match.lines[:most])
    yield from _more(len(match.lines), most)
    yield from (f"  open      {link}" for link in _links(match))


def _card(one: Line) -> str:
    state = "in Anki" if one.anki == "seen" and one.verdict == "accepted" else one.verdict
    return _short(f"{one.id[:10]}  {state:9} {question_of(one.fields)}")


def _more(count: int, most: int | None) -> Iterator[str]:
    if most is not None and count > most:
        yield f"    … {count - most} more (-v)"


def _short(text: str) -> str:
    return shortened(on_one_line(text), _LINE)
