"""Render the results of a search as JSON for the web page: works, passages, and an answer.

    passage = {key, words: [before, sentence, after], place, cards: [line], links}

The page shows the answering sentence in bold. The text around it is truncated. An answer has a list
`sentences`; each entry is the quoted passage in the form above, with the sentence in `says`.
"""

from __future__ import annotations

from ankiforge.errors import RefusedError
from ankiforge.features.ask.answering import AnswerSentence, prepare_question
from ankiforge.features.ask.index import FoundPassage, FoundWork
from ankiforge.features.ask.work import search_library
from ankiforge.model import Json, LocalCard, Span, Texts, Value
from ankiforge.pipeline.ask import get_answer, load_current_privacy_filter
from ankiforge.pipeline.query import uses_query_syntax
from ankiforge.pipeline.workspace import Workspace
from ankiforge.text import format_as_sentence, format_count
from ankiforge.web.card_view import render_row, render_text
from ankiforge.web.items import ItemRenderer

_MAX_CARDS = 3


class AnswerRequest(Value, forbid_unknown_fields=True):
    """A request by the web page to answer a question."""

    question: str
    reply: str = ""
    """The reply of a chat, or "" to ask the configured model."""


class SearchRenderer:
    """Runs searches for the web page and renders their results as JSON."""

    def __init__(self, workspace: Workspace, renderer: ItemRenderer) -> None:
        """Create the renderer.

        `renderer` finds the links that open passages.
        """
        self._workspace = workspace
        self._renderer = renderer

    def search(self, query: Texts) -> Json:
        """Search for `query["words"]`, and return `works`, `passages` and remarks (`said`).

        Returns {} if there are no words, or if they name a field, because such queries search for
        cards.
        """
        words = query["words"][:500].strip()
        if not words or uses_query_syntax(words):
            return {}
        result = search_library(self._workspace, words)
        remarks = [*result.remarks]
        if not (result.works or result.passages):
            remarks.append("nothing you have read matches; unmarked text is not searched")
        return {
            "works": [_render_work(work) for work in result.works],
            "passages": [self._render_passage(passage) for passage in result.passages],
            "said": " ".join(map(format_as_sentence, remarks)),
        }

    def _render_passage(self, passage: FoundPassage, quote: Span | None = None) -> Json:
        highlight = passage.highlight
        before, sentence, after = passage.split_text(quote)
        if sentence is None:  # show all of it as the sentence
            before, sentence, after = "", before, ""
        return {
            "key": highlight.key,
            "words": [*map(render_text, (before, sentence, after))],
            "place": passage.location,
            "cards": [*map(render_row, passage.list_rows[:_MAX_CARDS])],
            "links": self._renderer.find_links(highlight)[:1],
        }

    def answer(self, question: AnswerRequest) -> Json:
        """Answer a question. The `sentences` that are returned are those proved by a quote.

        If there's neither a reply nor a configured model, the prompt to paste into a chat is
        returned in `ask` instead.

        Raises:
            RefusedError: no passage was found for the question.
            ForgeError: the model fails.
        """
        privacy = load_current_privacy_filter(self._workspace)
        prepared = prepare_question(self._workspace, privacy, question.question)
        if not prepared.passages:
            raise RefusedError("Nothing you have read answers this.")
        sentences = get_answer(self._workspace, prepared, question.reply or None)
        if sentences is None:
            return {"ask": prepared.chat_text}
        proved = [sentence for sentence in sentences if sentence.drop_reason is None]
        remarks = []
        if not proved:
            remarks.append("Nothing you have read answers this.")
        if len(proved) < len(sentences):
            dropped = format_count(len(sentences) - len(proved), "sentence")
            remarks.append(f"{dropped} dropped: no quote proves it.")
        rendered = []
        for sentence in proved:
            passage = prepared.passages[sentence.passage_label]
            rendered.append(self._render_sentence(sentence, passage))
        return {"sentences": rendered, "said": " ".join(remarks)}

    def _render_sentence(self, sentence: AnswerSentence, passage: FoundPassage) -> Json:
        """Render a sentence of an answer, with the passage split at the quote that proves it."""
        start = passage.highlight.exact.find(sentence.quote)
        quote_span = None
        if start >= 0:
            quote_span = (start, start + len(sentence.quote))
        return {**self._render_passage(passage, quote_span), "says": sentence.text}


def _render_work(work: FoundWork) -> Json:
    document = work.documents[0]
    live_cards = [
        row for row in work.list_rows if isinstance(row, LocalCard) and row.is_live
    ]
    creators = ", ".join(document.creators[:2])
    highlights = format_count(len(work.highlights), "highlight")
    cards = format_count(len(live_cards), "card")
    name = document.display_name.replace('"', "*")
    return {
        "title": document.display_name,
        "place": " · ".join(filter(None, (creators, highlights, cards))),
        "query": f'document:"{name}"',
    }
