"""What was read about a question, as the page shows it: works, passages, and an answer.

    passage = {key, words: [before, sentence, after], place, cards: [line], links}

The sentence that answers is bold, and the words around it are cut. An answer has `sentences`,
each with what it `says` and the passage of its quote in the same form.

Tested by `tests/web/test_asking.py`.
"""

from __future__ import annotations

from collections.abc import Callable

from ankiforge.draft.answering import answer_in
from ankiforge.errors import RefusedError
from ankiforge.ledger import FoundWork
from ankiforge.ledger.search import FoundPassage
from ankiforge.model import Card, Highlight, HighlightKind, Json, Span, Texts, Value
from ankiforge.pipeline.ask import ask, asked_for
from ankiforge.pipeline.workspace import Workspace
from ankiforge.reports.cards import ABSENT
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
    """Draws what a search found, for the page."""

    def __init__(
        self, workspace: Workspace, links: Callable[[Highlight], list[Texts]]
    ) -> None:
        """Draw what a workspace has read; `links` returns those to a passage on this machine."""
        self._workspace = workspace
        self._links = links

    def found(self, question: str) -> Json:
        """Return the `works` and `passages` for a question, and what is to be `said` of them."""
        result = ask(self._workspace, question)
        said: list[str] = []
        if result.passages and not result.is_sure:
            said.append("Nothing you have read answers this for sure; the nearest:")
        if result.problem:
            said.append(f"By words only: {result.problem}.")
        elif result.missing and result.passages:
            missing = counted(result.missing, "passage")
            said.append(f"{missing} compared by words only, until the next run.")
        return {
            "works": [_work(work) for work in result.works],
            "passages": [self._passage(found) for found in result.passages],
            "said": " ".join(said),
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
        page = f"p. {highlight.page_label}" if highlight.page_label else ""
        absent = ABSENT.get(found.presence, "")
        document = highlight.document
        place = (document.title or document.path, page, highlight.heading, absent)
        links = self._links(highlight) + links_of(highlight)
        return {
            "key": highlight.key,
            "words": [line_of(part) if part else [] for part in words],
            "place": " · ".join(filter(None, place)),
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
        reply = asking.reply
        if not reply:
            if self._workspace.folder.config.drafter != "llm":
                return {"ask": asked.for_chat}
            model = self._workspace.model()
            assert model is not None
            reply = model.reply(asked.request)
        sentences = asked.answer(answer_in(reply))
        standing = []
        for sentence in sentences:
            if not sentence.dropped:
                found = asked.found[sentence.passage]
                start = found.highlight.exact.find(sentence.quote)
                span = (start, start + len(sentence.quote)) if start >= 0 else None
                shown = self._passage(found, span)
                standing.append({**shown, "says": sentence.says})
        dropped = len(sentences) - len(standing)
        said = "" if standing else "Nothing you have read answers this."
        if dropped:
            said += f" {counted(dropped, 'sentence')} dropped: no quote proves it."
        return {"sentences": standing, "said": said.strip()}


def _card(line: Card) -> Json:
    """Return a card or draft of a passage: its words on one line, and its state."""
    view = card_view(line, lambda *_: None)
    state = line.state[:1].upper() + line.state[1:]
    return {"id": line.id, "line": view["line"], "state": state}


def _work(work: FoundWork) -> Json:
    """Return a work, and the query that lists its cards."""
    document = work.documents[0]
    cards = counted(sum(line.live for line in work.lines), "card")
    highlights = counted(len(work.highlights), "highlight")
    about = (", ".join(document.creators[:2]), highlights, cards)
    name = (document.title or document.path).replace('"', "*")
    return {
        "title": document.title or document.path,
        "place": " · ".join(filter(None, about)),
        "query": f'document:"{name}"',
    }


def _start_of(text: str) -> str:
    return shortened(text, _AROUND)


def _end_of(text: str) -> str:
    """Return the end of a text, from a word on."""
    return shortened(text[::-1], _AROUND)[::-1]
