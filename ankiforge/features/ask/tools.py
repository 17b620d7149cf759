"""The tools by which an agent searches what was read, and answers from it.

What must stay on this machine is left out before anything is compared, ranked or counted.
"""

from __future__ import annotations

from functools import cache
from typing import Annotated

import msgspec

from ankiforge.draft.sendable import Privacy
from ankiforge.features.ask import index
from ankiforge.features.ask.answering import MOST_SENTENCES, RULES
from ankiforge.features.ask.index import FoundPassage, FoundWork
from ankiforge.features.ask.work import ask, asked_for
from ankiforge.hooks import Tool
from ankiforge.model import Json, Value
from ankiforge.pipeline.opened import Opened
from ankiforge.text import shortened

MOST_OF_A_WORK = 10
"""The maximum number of highlights, and of cards, of a work that a search shows."""
MARK_CHARACTERS = 500
"""The length to which the highlights of a work are shortened."""
_Words = Annotated[str, msgspec.Meta(max_length=1_000)]
_Question = Annotated[str, msgspec.Meta(min_length=1, max_length=1_000)]


class SearchLibrary(Value, forbid_unknown_fields=True, kw_only=True):
    """Find the passages that answer a question, with cards; or a work by title, DOI or address.

    Without `sure`, the passages are only the nearest.
    """

    query: _Question
    limit: Annotated[int, msgspec.Meta(ge=1, le=50)] = 5


def _search_library(workspace: Opened, privacy: Privacy, query: str, limit: int) -> Json:
    """Return the works that a title, a DOI or an address means, and passages that answer."""

    def hides_work(work: FoundWork) -> bool:
        """Return whether a work must not be found, as it was: its title or tags may be private."""
        marks = [privacy.why(mark) for mark in work.highlights]
        lines = [privacy.hides_line(line) for line in work.lines]
        if all(marks) and all(lines):
            return True
        if work.by == index.NAME:
            return False
        title = work.documents[0]
        return privacy.hides(title.title, title.key) or (
            work.by == index.WORDS and (any(marks) or any(lines))
        )

    hides = cache(privacy.hides_passage)
    result = ask(workspace, query, limit, hides=hides, hides_work=hides_work)
    passages = [_passage(privacy, passage) for passage in result.passages]
    answer: Json = {
        "works": [_work(privacy, work) for work in result.works[:limit]],
        "passages": passages,
    }
    if passages:
        answer["sure"] = result.is_sure
    return answer


def _work(privacy: Privacy, work: FoundWork) -> Json:
    """Return the public part of a work that was found."""
    marks = [mark for mark in work.highlights if not privacy.why(mark)]
    lines = [line for line in work.lines if not privacy.hides_line(line)]
    public_count = len(marks) + len(lines)

    shown = marks[:MOST_OF_A_WORK]
    highlights = {mark.key: shortened(mark.exact, MARK_CHARACTERS) for mark in shown}
    cards = {line.id: dict(line.fields) for line in lines[:MOST_OF_A_WORK]}
    any_highlight = marks[0] if marks else lines[0].highlight
    document = any_highlight.document
    entry = {
        "title": document.title,
        "by": [*document.creators, document.issued],
        "highlights": highlights,
        "cards": cards,
        "not_shown": public_count - len(highlights) - len(cards),
    }
    return privacy.entry(entry, any_highlight)


def _passage(privacy: Privacy, found: FoundPassage) -> Json:
    """Return a passage that may answer a question; the caller left out private ones."""
    shown = privacy.passage(found.highlight)
    start, end = found.sentence
    lines = [line for line in found.lines if not privacy.hides_line(line)]
    entry = {
        "highlight": shown.key,
        "title": shown.title,
        "page": shown.page,
        "marked": shortened(shown.marked, MARK_CHARACTERS),
        "answers": found.highlight.exact[start:end],
        "cards": {line.id: dict(line.fields) for line in lines[:MOST_OF_A_WORK]},
    }
    named = {name: value for name, value in entry.items() if value}
    return privacy.entry(named, found.highlight)


class Stated(Value, forbid_unknown_fields=True, kw_only=True):
    """A sentence with a quote from the passage of that label."""

    says: _Words
    passage: _Words
    quote: _Words


class AskLibrary(Value, forbid_unknown_fields=True, kw_only=True):
    """Answer a question from the reader's own passages, with quotes.

    First without `answer`: returns the rules and the passages. Then again, with the same question
    and your sentences: returns those that stand over a located quote. Show each with its quote.
    """

    question: _Question
    answer: Annotated[list[Stated], msgspec.Meta(max_length=MOST_SENTENCES)] = []


def _ask(workspace: Opened, privacy: Privacy, question: str, answer: list[Json]) -> Json:
    """Return the passages that may answer a question; then which sentences of an answer stand."""
    asked = asked_for(workspace, question)
    if not answer:
        passages = []
        for label, found in asked.found.items():
            passages.append({"passage": label, **_passage(privacy, found)})
        return {"rules": RULES, "passages": passages}
    stands: list[Json] = []
    dropped: list[Json] = []
    for sentence in asked.answer(answer):
        if sentence.dropped:
            dropped.append({"says": sentence.says, "why": sentence.dropped})
            continue
        highlight = asked.found[sentence.passage].highlight
        told = {
            "says": sentence.says,
            "quote": sentence.quote,
            "title": highlight.document.title,
            "page": highlight.page_label,
            "highlight": highlight.key,
        }
        stands.append(privacy.entry(told, highlight))
    return {"answer": stands, "dropped": dropped}


SEARCH_LIBRARY = Tool("search_library", SearchLibrary, _search_library)
ASK = Tool("ask", AskLibrary, _ask)
TOOLS = (SEARCH_LIBRARY, ASK)
