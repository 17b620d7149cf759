"""What was read about a question, as the page shows it: works, passages, and an answer.

    passage = {key, words: [before, sentence, after], place, cards: [line], links}

The sentence that answers is bold, and the words around it are cut. An answer has `sentences`,
each with what it `says` and the passage of its quote in the same form.
"""

from __future__ import annotations

from ankiforge.errors import RefusedError
from ankiforge.features.ask.index import FoundPassage, FoundWork
from ankiforge.features.ask.work import ask, asked_for
from ankiforge.model import (
    CardHere,
    HighlightKind,
    Json,
    Line,
    Span,
    Texts,
    Value,
)
from ankiforge.pipeline.query import names_field
from ankiforge.pipeline.workspace import Workspace
from ankiforge.review.items import sentence
from ankiforge.text import counted, on_one_line, shortened
from ankiforge.web.card_view import card_view, line_of
from ankiforge.web.faces import Faces

_AROUND = 140
"""Characters that are shown on each side of the sentence that answers."""
_WHOLE = 420
"""Characters of a passage without such a sentence."""
_MOST_CARDS = 3


class AskedQuestion(Value, forbid_unknown_fields=True):
    """A question that is to be answered in sentences."""

    question: str
    reply: str = ""
    """What the chat said; "" = the model of the settings is asked."""


class FoundViews:
    """Draws the results of a search for the page."""

    def __init__(self, workspace: Workspace, faces: Faces) -> None:
        """Search a workspace; `faces` has the links to a passage."""
        self._workspace = workspace
        self._faces = faces

    def found(self, query: Texts) -> Json:
        """Return the `works` and `passages` for `words`, and the remarks that are `said`.

        Words that name a field are a query of cards, and no question.
        """
        words = query["words"][:500].strip()
        if not words or names_field(words):
            return {}
        result = ask(self._workspace, words)
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
            before = shortened(text[:start][::-1], _AROUND)[::-1]
            words = [before, text[start:end], shortened(text[end:], _AROUND)]
        return {
            "key": highlight.key,
            "words": [line_of(part) if part else [] for part in words],
            "place": found.place,
            "cards": [_card(line) for line in found.lines[:_MOST_CARDS]],
            "links": self._faces.links(highlight)[:1],
        }

    def answer(self, asking: AskedQuestion) -> Json:
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
