"""What was read about a question, as the page shows it: works, passages, and an answer.

    passage = {key, words: [before, sentence, after], place, cards: [line], links}

The sentence that answers is bold, and the words around it are cut. An answer has `sentences`,
each with what it `says` and the passage of its quote in the same form.
"""

from __future__ import annotations

from collections.abc import Callable

from ankiforge.errors import RefusedError
from ankiforge.ledger import FoundWork
from ankiforge.ledger.search import FoundPassage
from ankiforge.model import (
    CardHere,
    Highlight,
    HighlightKind,
    Json,
    Line,
    Span,
    Texts,
    Value,
)
from ankiforge.pipeline.ask import ask, asked_for
from ankiforge.pipeline.workspace import Workspace
from ankiforge.review.items import sentence
from ankiforge.text import counted, on_one_line, shortened
from ankiforge.web.card_view import card_view, line_of, links_of

_AROUND = 140
"""Characters that are shown on each side of the sentence that answers."""
_WHOLE = 420
"""Characters of a passage without such a sentence."""
_MOST_CARDS = 3


class Asking(Value, forbid_unknown_fields=True):
    """A question that is to be answered in sentences."""

    question: str
    reply: str = ""
    """What the chat said; "" = the model of the settings is asked."""


class FoundViews:
    """Draws the results of a search for the page."""

    def __init__(
        self, workspace: Workspace, links: Callable[[Highlight], list[Texts]]
    ) -> None:
        """Search a workspace; `links` returns those to a passage on this machine."""
        self._workspace = workspace
        self._links = links

    def found(self, question: str) -> Json:
        """Return the `works` and `passages` for a question, and the remarks that are `said`."""
        result = ask(self._workspace, question)
        return {
            "works": [_work(work) for work in result.works],
            "passages": [self._passage(found) for found in result.passages],
            "said": " ".join(map(sentence, result.remarks)),
        }

    def _passage(self, found: FoundPassage, quote: Span | None = None) -> Json:
        """Return a passage; with the span of a quote, that is bold."""
        highlight = found.highlight
        start, end = quote or found.sentence
        text = highlight.exact
        if highlight.kind is HighlightKind.CARD:
            text = " → ".join(filter(None, highlight.markdown))
        words = ["", shortened(on_one_line(text), _WHOLE), ""]
        if end:
            words = [_end_of(text[:start]), text[start:end], _start_of(text[end:])]
        links = self._links(highlight) + links_of(highlight)
        return {
            "key": highlight.key,
            "words": [line_of(part) if part else [] for part in words],
            "place": found.place,
            "cards": [_card(line) for line in found.lines[:_MOST_CARDS]],
            "links": links[:1],
        }

    def answer(self, asking: Asking) -> Json:
        """Return an answer in `sentences`, or the text `ask` for the chat of the person.

        Raises:
            RefusedError: no passage may answer it.
            ForgeError: the model does not answer.
        """
        asked = asked_for(self._workspace, asking.question)
        if not asked.found:
            raise RefusedError("Nothing you have read answers this.")
        sentences = asked.replied(self._workspace, asking.reply or None)
        if sentences is None:
            return {"ask": asked.for_chat}
        standing = []
        for each in sentences:
            if not each.dropped:
                found = asked.found[each.passage]
                start = found.highlight.exact.find(each.quote)
                span = (start, start + len(each.quote)) if start >= 0 else None
                standing.append({**self._passage(found, span), "says": each.says})
        dropped = len(sentences) - len(standing)
        said = "" if standing else "Nothing you have read answers this."
        if dropped:
            said += f" {counted(dropped, 'sentence')} dropped: no quote proves it."
        return {"sentences": standing, "said": said.strip()}


def _card(line: Line) -> Json:
    """Return a card or draft of a passage: its words on one line, and its state."""
    view = card_view(line, lambda *_: None)
    state = line.state[:1].upper() + line.state[1:]
    return {"id": line.id, "line": view["line"], "state": state}


def _work(work: FoundWork) -> Json:
    """Return a work, and the query that lists its cards."""
    document = work.documents[0]
    cards = counted(
        sum(isinstance(line, CardHere) and line.live for line in work.lines), "card"
    )
    highlights = counted(len(work.highlights), "highlight")
    about = (", ".join(document.creators[:2]), highlights, cards)
    name = document.name.replace('"', "*")
    return {
        "title": document.name,
        "place": " · ".join(filter(None, about)),
        "query": f'document:"{name}"',
    }


def _start_of(text: str) -> str:
    return shortened(text, _AROUND)


def _end_of(text: str) -> str:
    """Return the end of a text, from a word on."""
    return shortened(text[::-1], _AROUND)[::-1]
