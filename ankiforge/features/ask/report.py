"""Format search results and answers for the command `search`, as JSON and as text."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Sequence
from typing import TYPE_CHECKING

from ankiforge.anki.notes import iter_work_urls
from ankiforge.features.ask.index import ABSENCE_REMARKS, FoundPassage, FoundWork
from ankiforge.model import Highlight, Json, ListRow, Value, make_highlight_id
from ankiforge.reports.cards import TextLines, format_short_question
from ankiforge.reports.highlights import document_to_json, format_title, get_attributes
from ankiforge.reports.view import view_card
from ankiforge.text import format_count, format_counts, mark_bold, to_one_line, truncate

if TYPE_CHECKING:
    from ankiforge.features.ask.answering import AnswerSentence, Question

# --- works ----------------------------------------------------------------

# The maximum number of highlights, and of cards, of a work to show in the terminal without -v.
_MAX_LINES = 5
_MAX_LINE_CHARS = 96
_HIGHLIGHT_FIELDS = (
    "key kind exact comment colour page_label heading created uri links".split()
)
"""The attributes of a highlight that are included in JSON."""


class _CardCounts(Value):
    """How many cards and drafts of a work are in each state."""

    accepted: int
    waiting: int
    rejected: int
    retired: int
    in_anki: int


def _count_cards(work: FoundWork) -> _CardCounts:
    verdicts = Counter(row.verdict_name for row in work.list_rows)
    return _CardCounts(
        accepted=verdicts["accepted"],
        waiting=verdicts["waiting"],
        rejected=verdicts["rejected"],
        retired=verdicts["retired"],
        in_anki=sum(row.state == "in Anki" for row in work.list_rows),
    )


def _list_days(work: FoundWork) -> list[str]:
    """Return the days on which a work was highlighted, in order."""
    days = [mark.created[:10] for mark in work.highlights if mark.created]
    return sorted(days)


def _list_links(work: FoundWork) -> list[str]:
    """Return the distinct URLs that open a work."""
    links: dict[str, None] = {}
    for document in work.documents:
        for url in (document.uri, *iter_work_urls(document)):
            if url:
                links[url] = None
    return list(links)


def work_to_json(work: FoundWork) -> Json:
    """Convert a work to the JSON printed by `search --json`."""
    days = _list_days(work)
    counts = _count_cards(work)
    highlights = []
    for highlight in work.highlights:
        presence = work.presence.get(highlight.key, "present")
        highlights.append(_highlight_to_json(highlight, presence))
    return {
        "document": document_to_json(work.documents[0]),
        "found": {"by": work.found_by, "what": work.detail or ""},
        "ways": [
            get_attributes(way, ("key", "source", "title", "path"))
            for way in work.documents
        ],
        "read": {"first": min(days, default=""), "last": max(days, default="")},
        "counts": {
            "highlights": len(work.highlights),
            "cards": counts.accepted,
            "waiting": counts.waiting,
            "rejected": counts.rejected,
            "retired": counts.retired,
            "in_anki": counts.in_anki,
        },
        "links": _list_links(work),
        "highlights": highlights,
        "cards": [view_card(row).to_short_json() for row in work.list_rows],
    }


def _highlight_to_json(highlight: Highlight, presence: str) -> Json:
    return {**get_attributes(highlight, _HIGHLIGHT_FIELDS), "presence": presence}


def format_work(work: FoundWork, *, in_full: bool = False) -> TextLines:
    """Format a work as lines of text.

    Args:
        work: the work.
        in_full: whether to list all highlights and cards rather than just the first few.
    """
    document = work.documents[0]
    title = document.title or document.path
    year = document.publication_date[:4]
    if year:
        title = f"{title} ({year})"
    yield title
    if document.creators:
        yield f"  by        {', '.join(document.creators)}"
    days = _list_days(work)
    if days:
        yield f"  read      {_format_period(days[0], days[-1])}"
    yield f"  marked    {format_count(len(work.highlights), 'highlight')}"
    highlights = [_format_highlight(highlight, work) for highlight in work.highlights]
    yield from _limit_lines(highlights, in_full=in_full)
    yield f"  cards     {_format_card_counts(_count_cards(work))}"
    yield from _limit_lines([*map(_format_card, work.list_rows)], in_full=in_full)
    for link in _list_links(work):
        yield f"  open      {link}"


def _format_period(first_day: str, last_day: str) -> str:
    if first_day == last_day:
        return first_day
    return f"{first_day} to {last_day}"


def _limit_lines(lines: list[str], *, in_full: bool) -> TextLines:
    if in_full or len(lines) <= _MAX_LINES:
        yield from lines
        return
    yield from lines[:_MAX_LINES]
    yield f"    … {len(lines) - _MAX_LINES} more (-v)"


def _format_highlight(highlight: Highlight, work: FoundWork) -> str:
    if not highlight.exact:
        text = highlight.comment or highlight.kind.value
    elif highlight.comment:
        text = f"{highlight.exact} [{highlight.comment}]"
    else:
        text = highlight.exact
    if highlight.page_label:
        text = f"p. {highlight.page_label}: {text}"
    text = truncate(to_one_line(text), _MAX_LINE_CHARS)
    presence = work.presence.get(highlight.key)
    if presence in ABSENCE_REMARKS:
        text += f"  ({ABSENCE_REMARKS[presence]})"
    return f"    {text}"


def _format_card_counts(counts: _CardCounts) -> str:
    accepted = "accepted"
    if counts.in_anki:
        accepted = f"accepted ({counts.in_anki:,} in Anki)"
    parts = {
        accepted: counts.accepted,
        "waiting": counts.waiting,
        "rejected": counts.rejected,
        "retired": counts.retired,
    }
    return format_counts(parts) or "none"


def _format_card(row: ListRow) -> str:
    return f"    {row.id[:10]}  {row.state:9} {format_short_question(row)}"


# --- passages and answers ---------------------------------------------------------------


def hit_to_json(hit: FoundPassage, *, is_confident: bool) -> Json:
    """Convert a passage to the JSON printed by `search --json`.

    `is_confident` is whether the search result is a confident answer.
    """
    found_by = "words"
    if hit.by_meaning:
        found_by = "meaning"
    return {
        "document": document_to_json(hit.highlight.document),
        "found": {"by": found_by, "sure": is_confident},
        "highlight": _highlight_to_json(hit.highlight, hit.presence),
        "answers": hit.split_text().sentence or "",
        "score": round(hit.score, 4),
        "cards": [view_card(line).to_short_json() for line in hit.list_rows],
    }


def format_hit(hit: FoundPassage) -> TextLines:
    """Format a passage as lines of text, with its location, link and cards."""
    highlight = hit.highlight
    text = hit.split_text()
    shown_text = text.before
    if text.sentence is not None:
        shown_text = f"{text.before}{mark_bold(text.sentence)}{text.after}"
    yield to_one_line(shown_text)
    yield f"  in        {hit.location}"
    link = highlight.uri or highlight.document.uri
    if link:
        yield f"  open      {link}"
    yield from map(_format_card, hit.list_rows[:_MAX_LINES])
    if not hit.list_rows:
        id = make_highlight_id(highlight.key)[:10]
        yield f'  no card   ankiforge edit {id} --field Front "…" --field Back "…"'


def answer_to_json(prepared: Question, answer: Iterable[AnswerSentence]) -> Json:
    """Convert an answer to the JSON printed by `search --answer --json`."""
    sentences = []
    for sentence in answer:
        entry: Json = {
            "says": sentence.text,
            "quote": sentence.quote,
            "dropped": sentence.drop_reason or "",
            "highlight": None,
        }
        if sentence.passage_label in prepared.passages:
            highlight = prepared.passages[sentence.passage_label].highlight
            entry["highlight"] = highlight.key
        sentences.append(entry)
    return {"answer": sentences}


def format_answer(prepared: Question, answer: Sequence[AnswerSentence]) -> TextLines:
    """Format the proved sentences of an answer, each followed by its quote and location."""
    proved = [sentence for sentence in answer if sentence.drop_reason is None]
    if not proved:
        yield "nothing you have read answers this"
    for sentence in proved:
        highlight = prepared.passages[sentence.passage_label].highlight
        yield sentence.text
        yield f"    “{to_one_line(sentence.quote)}”"
        link = highlight.uri or highlight.document.uri
        yield f"    {format_title(highlight)}  {link}".rstrip()
    dropped = len(answer) - len(proved)
    if dropped:
        yield f"{format_count(dropped, 'sentence')} dropped: no quote in what you read proves it"
