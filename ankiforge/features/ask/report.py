"""Works and passages that were found, and answers, as JSON and as text."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Sequence
from typing import TYPE_CHECKING

from ankiforge.features.ask.index import GONE, FoundPassage, FoundWork
from ankiforge.model import CardHere, Highlight, Json, Line
from ankiforge.reports.cards import Text, document_json, in_anki, question_of, titled
from ankiforge.text import bold, counted, on_one_line, shortened

if TYPE_CHECKING:
    from ankiforge.features.ask.answering import AnswerSentence
    from ankiforge.features.ask.work import AskedFor

# --- works ----------------------------------------------------------------

# The number of passages and of cards that a terminal shows for a work without -v.
_MOST_FOUND = 5
_LINE = 96
_PASSAGE = 400
_OPENERS = {"doi": "https://doi.org/", "arxiv": "https://arxiv.org/abs/"}
_MARK = "key kind exact comment colour page_label heading created uri links".split()
"""What is told of a highlight."""


def work_json(match: FoundWork, looked: str) -> Json:
    """Return a work as an object of `search --json`; `looked` is when Anki was read last."""
    days = sorted(mark.created[:10] for mark in match.highlights if mark.created)
    chances = match.recall
    mean = sum(chances.values()) / len(chances) if chances else None
    verdicts = Counter(line.told for line in match.lines)

    # the addresses at which the work opens
    links = []
    for document in match.documents:
        links.append(document.uri)
        for scheme, value in document.identifiers:
            if scheme == "url" and value.startswith(("http://", "https://")):
                links.append(value)
            elif scheme in _OPENERS:
                links.append(f"{_OPENERS[scheme]}{value}")

    highlights = []
    for highlight in match.highlights:
        presence = match.presence.get(highlight.key, "present")
        highlights.append(_mark_json(highlight, presence))
    cards = []
    for line in match.lines:
        card: Json = {
            "id": line.id,
            "guid": line.guid if isinstance(line, CardHere) else None,
            "highlight": line.highlight.key,
            "kind": line.kind,
            "verdict": line.told,
            "anki": in_anki(line),
            "fields": dict(line.fields),
            "recall": _rounded(chances.get(line.id)),
        }
        cards.append(card)
    return {
        "document": document_json(match.documents[0]),
        "found": {"by": match.by, "what": match.detail},
        "ways": [
            {"key": way.key, "source": way.source, "title": way.title, "path": way.path}
            for way in match.documents
        ],
        "read": {"first": days[0] if days else "", "last": days[-1] if days else ""},
        "counts": {
            "highlights": len(match.highlights),
            "cards": verdicts["accepted"],
            "waiting": verdicts["waiting"],
            "rejected": verdicts["rejected"],
            "retired": verdicts["retired"],
            "in_anki": sum(in_anki(line) == "seen" for line in match.lines),
        },
        "recall": {"now": _rounded(mean), "learnt": len(chances), "looked": looked},
        "links": list(dict.fromkeys(filter(None, links))),
        "highlights": highlights,
        "cards": cards,
    }


def _mark_json(highlight: Highlight, presence: str) -> Json:
    """Return a highlight as `search --json` has it, in a work or as a passage."""
    told: Json = {name: getattr(highlight, name) for name in _MARK}
    return {**told, "presence": presence}


def _found_line(line: Line) -> str:
    return f"    {line.id[:10]}  {line.state:9} {question_of(line.fields)}"


def _rounded(chance: float | None) -> float | None:
    return None if chance is None else round(chance, 4)


def work_text(match: FoundWork, work: Json, *, whole: bool = False) -> Text:
    """Yield the lines that describe a work.

    Args:
        match: the work.
        work: the same, as `work_json` returns it.
        whole: whether to show all its highlights and cards, not only the first ones.
    """
    highlights = work["highlights"]

    def shown(lines: list[str]) -> Text:
        first = lines if whole else lines[:_MOST_FOUND]
        yield from first
        if len(lines) > len(first):
            yield f"    … {len(lines) - len(first)} more (-v)"

    # title, authors, and the days on which it was read
    document = work["document"]
    title = document["title"] or work["ways"][0]["path"]
    year = document["issued"][:4]
    yield f"{title} ({year})" if year else title
    creators = ", ".join(document["creators"])
    if creators:
        yield f"  by        {creators}"
    days = work["read"]
    if days["first"]:
        span = " to ".join(dict.fromkeys(days.values()))
        yield f"  read      {span}"

    yield f"  marked    {counted(len(highlights), 'highlight')}"
    marked = []
    for highlight in highlights:
        exact = highlight["exact"]
        comment = highlight["comment"]
        page = highlight["page_label"]
        text = exact or comment or highlight["kind"]
        if page:
            text = f"p. {page}: {text}"
        if exact and comment:
            text = f"{text}  [{comment}]"
        text = shortened(on_one_line(text), _LINE)
        if highlight["presence"] in GONE:
            text += f"  ({GONE[highlight['presence']]})"
        marked.append(f"    {text}")
    yield from shown(marked)

    # the number of its cards, by their state, and how well they are remembered
    counts = work["counts"]
    parts = [str(counts["cards"])]
    for state in ("in_anki", "waiting", "rejected", "retired"):
        number = counts[state]
        if number:
            parts.append(f"{number} {state.replace('_', ' ')}")
    recall = work["recall"]["now"]
    if recall is not None:
        parts.append(f"{recall:.0%} remembered now")
    yield f"  cards     {' · '.join(parts)}"
    yield from shown([*map(_found_line, match.lines)])
    for link in work["links"]:
        yield f"  open      {link}"


# --- passages and answers ---------------------------------------------------------------


def found_json(found: FoundPassage, *, sure: bool) -> Json:
    """Return a passage as an object of `search --json`; `sure` = it surely answers."""
    highlight = found.highlight
    start, end = found.sentence
    return {
        "document": document_json(highlight.document),
        "found": {"by": "meaning" if found.by_meaning else "words", "sure": sure},
        "highlight": _mark_json(highlight, found.presence),
        "answers": highlight.exact[start:end],
        "score": round(found.score, 4),
        "cards": [
            {"id": line.id, "verdict": line.told, "fields": dict(line.fields)}
            for line in found.lines
        ],
    }


def found_text(found: FoundPassage) -> Text:
    """Yield the lines that show a passage: its words, its source and its cards."""
    highlight = found.highlight
    exact = highlight.exact
    start, end = found.sentence
    text = shortened(exact, _PASSAGE)
    if end:  # what stands beside the sentence is shortened
        before = shortened(exact[:start][::-1], _LINE)[::-1]
        text = before + bold(exact[start:end]) + shortened(exact[end:], _LINE)
    yield on_one_line(text)
    yield f"  in        {found.place}"
    link = highlight.uri or highlight.document.uri
    if link:
        yield f"  open      {link}"
    yield from map(_found_line, found.lines[:_MOST_FOUND])
    if not found.lines:
        yield f'  no card   ankiforge edit {highlight.key} --field Front "…" --field Back "…"'


def answer_json(asked: AskedFor, answer: Iterable[AnswerSentence]) -> Json:
    """Return the sentences of an answer as an object of `search --answer --json`."""
    sentences = []
    for sentence in answer:
        found = asked.found.get(sentence.passage)
        key = found.highlight.key if found else None
        told = {"says": sentence.says, "quote": sentence.quote}
        sentences.append({**told, "dropped": sentence.dropped, "highlight": key})
    return {"answer": sentences}


def answer_text(asked: AskedFor, answer: Sequence[AnswerSentence]) -> Text:
    """Yield the sentences of an answer that stand, each over its quote and its place."""
    standing = [sentence for sentence in answer if not sentence.dropped]
    if not standing:
        yield "nothing you have read answers this"
    for sentence in standing:
        highlight = asked.found[sentence.passage].highlight
        yield sentence.says
        yield f"    “{on_one_line(sentence.quote)}”"
        yield f"    {titled(highlight)}  {highlight.uri or highlight.document.uri}".rstrip()
    dropped = len(answer) - len(standing)
    if dropped:
        yield f"{counted(dropped, 'sentence')} dropped: no quote in what you read proves it"
