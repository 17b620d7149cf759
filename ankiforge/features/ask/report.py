"""Format search results and answers for the command `search`, as JSON and as text."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Sequence
from typing import TYPE_CHECKING

from ankiforge.anki.notes import iter_work_urls
from ankiforge.features.ask.index import ABSENCE_REMARKS, FoundPassage, FoundWork
from ankiforge.model import Highlight, Json, ListRow
from ankiforge.reports.cards import TextLines, format_short_question
from ankiforge.reports.highlights import document_to_json, format_title, get_attributes
from ankiforge.reports.view import view_card
from ankiforge.text import format_count, format_counts, mark_bold, to_one_line, truncate

if TYPE_CHECKING:
    from ankiforge.features.ask.answering import AnswerSentence, PreparedQuestion

# --- works ----------------------------------------------------------------

# The maximum number of highlights, and of cards, of a work to show in the terminal without -v.
_MAX_LINES = 5
_MAX_LINE_CHARS = 96
_HIGHLIGHT_FIELDS = (
    "key kind exact comment colour page_label heading created uri links".split()
)
"""The attributes of a highlight that are included in JSON."""


def work_to_json(work: FoundWork) -> Json:
    """Convert a work to the JSON printed by `search --json`."""
    days = sorted(mark.created[:10] for mark in work.highlights if mark.created)
    verdicts = Counter(line.verdict_name for line in work.list_rows)

    # collect the URLs that open the work
    links = []
    for document in work.documents:
        links += [document.uri, *iter_work_urls(document)]

    highlights = []
    for highlight in work.highlights:
        presence = work.presence.get(highlight.key, "present")
        highlights.append(_highlight_to_json(highlight, presence))
    return {
        "document": document_to_json(work.documents[0]),
        "found": {"by": work.found_by, "what": work.detail},
        "ways": [
            get_attributes(way, ("key", "source", "title", "path"))
            for way in work.documents
        ],
        "read": {"first": days[0] if days else "", "last": days[-1] if days else ""},
        "counts": {
            "highlights": len(work.highlights),
            "cards": verdicts["accepted"],
            "waiting": verdicts["waiting"],
            "rejected": verdicts["rejected"],
            "retired": verdicts["retired"],
            "in_anki": sum(line.state == "in Anki" for line in work.list_rows),
        },
        "links": list(dict.fromkeys(filter(None, links))),
        "highlights": highlights,
        "cards": [view_card(line).to_short_json() for line in work.list_rows],
    }


def _highlight_to_json(highlight: Highlight, presence: str) -> Json:
    return {**get_attributes(highlight, _HIGHLIGHT_FIELDS), "presence": presence}


def _format_card(line: ListRow) -> str:
    return f"    {line.id[:10]}  {line.state:9} {format_short_question(line)}"


def _format_highlight(highlight: Json) -> str:
    exact = highlight["exact"]
    comment = highlight["comment"]
    page = highlight["page_label"]
    text = exact or comment or highlight["kind"]
    if page:
        text = f"p. {page}: {text}"
    if exact and comment:
        text = f"{text} [{comment}]"
    text = truncate(to_one_line(text), _MAX_LINE_CHARS)
    if highlight["presence"] in ABSENCE_REMARKS:
        text += f"  ({ABSENCE_REMARKS[highlight['presence']]})"
    return f"    {text}"


def format_work(work: FoundWork, work_json: Json, *, in_full: bool = False) -> TextLines:
    """Format a work as lines of text.

    Args:
        work: the work.
        work_json: the JSON of the work, from `work_to_json`.
        in_full: whether to list all highlights and cards rather than just the first few.
    """
    highlights = work_json["highlights"]

    def limit_lines(lines: list[str]) -> TextLines:
        first = lines if in_full else lines[:_MAX_LINES]
        yield from first
        if len(lines) > len(first):
            yield f"    … {len(lines) - len(first)} more (-v)"

    # show the title, the authors, and when the work was read
    document = work_json["document"]
    title = document["title"] or work_json["ways"][0]["path"]
    year = document["issued"][:4]
    yield f"{title} ({year})" if year else title
    creators = ", ".join(document["creators"])
    if creators:
        yield f"  by        {creators}"
    days = work_json["read"]
    if days["first"]:
        span = " to ".join(dict.fromkeys(days.values()))
        yield f"  read      {span}"

    yield f"  marked    {format_count(len(highlights), 'highlight')}"
    yield from limit_lines([*map(_format_highlight, highlights)])

    # show the number of cards in each state
    counts = work_json["counts"]
    in_anki = f" ({counts['in_anki']:,} in Anki)" if counts["in_anki"] else ""
    parts = {f"accepted{in_anki}": counts["cards"]}
    parts |= {state: counts[state] for state in ("waiting", "rejected", "retired")}
    yield f"  cards     {format_counts(parts) or 'none'}"
    yield from limit_lines([*map(_format_card, work.list_rows)])
    for link in work_json["links"]:
        yield f"  open      {link}"


# --- passages and answers ---------------------------------------------------------------


def hit_to_json(hit: FoundPassage, *, is_confident: bool) -> Json:
    """Convert a passage to the JSON printed by `search --json`.

    `is_confident` is whether the search result is a confident answer.
    """
    return {
        "document": document_to_json(hit.highlight.document),
        "found": {"by": "meaning" if hit.by_meaning else "words", "sure": is_confident},
        "highlight": _highlight_to_json(hit.highlight, hit.presence),
        "answers": hit.split_text()[1],
        "score": round(hit.score, 4),
        "cards": [view_card(line).to_short_json() for line in hit.list_rows],
    }


def format_hit(hit: FoundPassage) -> TextLines:
    """Format a passage as lines of text, with its location, link and cards."""
    highlight = hit.highlight
    before, sentence, after = hit.split_text()
    yield to_one_line(f"{before}{mark_bold(sentence) if sentence else ''}{after}")
    yield f"  in        {hit.location}"
    link = highlight.uri or highlight.document.uri
    if link:
        yield f"  open      {link}"
    yield from map(_format_card, hit.list_rows[:_MAX_LINES])
    if not hit.list_rows:
        yield f'  no card   ankiforge edit {highlight.key} --field Front "…" --field Back "…"'


def answer_to_json(prepared: PreparedQuestion, answer: Iterable[AnswerSentence]) -> Json:
    """Convert an answer to the JSON printed by `search --answer --json`."""
    sentences = []
    for sentence in answer:
        passage = prepared.passages.get(sentence.passage_label)
        key = passage.highlight.key if passage else None
        entry = {"says": sentence.text, "quote": sentence.quote}
        sentences.append({**entry, "dropped": sentence.drop_reason, "highlight": key})
    return {"answer": sentences}


def format_answer(
    prepared: PreparedQuestion, answer: Sequence[AnswerSentence]
) -> TextLines:
    """Format the proved sentences of an answer, each followed by its quote and location."""
    proved = [sentence for sentence in answer if not sentence.drop_reason]
    if not proved:
        yield "nothing you have read answers this"
    for sentence in proved:
        highlight = prepared.passages[sentence.passage_label].highlight
        yield sentence.text
        yield f"    “{to_one_line(sentence.quote)}”"
        yield f"    {format_title(highlight)}  {highlight.uri or highlight.document.uri}".rstrip()
    dropped = len(answer) - len(proved)
    if dropped:
        yield f"{format_count(dropped, 'sentence')} dropped: no quote in what you read proves it"
