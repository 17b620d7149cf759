"""Ask everything that was read: the works that a query names, and the passages that answer.

The command `search`, the page, agents and the library ask here. An answer in sentences comes
from a model, a chat or an agent; `AskedFor.answer` lets only those through that stand on a passage.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from contextlib import suppress
from functools import cache
from typing import TYPE_CHECKING

from msgspec.structs import replace

from ankiforge.draft.sendable import SendableText
from ankiforge.errors import ServiceError
from ankiforge.features.ask import index
from ankiforge.features.ask.index import FoundPassage, FoundWork, Hides, WantedWords
from ankiforge.features.ask.vectors import Near, meaning_of
from ankiforge.language.detection import language_of
from ankiforge.model import (
    Document,
    Highlight,
    HighlightKind,
    Json,
    Span,
    Strings,
    Value,
)
from ankiforge.pipeline.draft import privacy_of
from ankiforge.pipeline.opened import Opened
from ankiforge.text import counted
from ankiforge.text.fold import for_searching
from ankiforge.text.identifiers import names_in
from ankiforge.text.sentences import sentences

if TYPE_CHECKING:
    from ankiforge.draft.prompt import ModelRequest
    from ankiforge.features.ask.answering import AnswerSentence

PASSAGES = 5
"""The number of passages that are shown for a question, if nothing else is wished."""
_LEAST_SENTENCE = 25
"""Characters of a sentence that may be the one that answers."""


class SearchResult(Value):
    """The outcome of a search."""

    works: tuple[FoundWork, ...] = ()
    """Those with the name or title, or with all words in title, authors, tags or path."""
    passages: tuple[FoundPassage, ...] = ()
    """Those that answer, the best first; none if a name or title was given."""
    is_sure: bool = True
    """Whether the first passage is better than what answers nothing."""
    missing: int = 0
    """How many passages were compared by words only, because no run has made their vectors."""
    problem: str = ""
    """Why words alone were compared, although there is a model."""

    @property
    def remarks(self) -> Strings:
        """Remarks on the passages that were found."""
        remarks = []
        if self.problem:
            remarks.append(f"by words only: {self.problem}")
        elif self.missing and self.passages:
            missing = counted(self.missing, "passage")
            remarks.append(f"{missing} compared by words only: ankiforge run")
        if self.passages and not self.is_sure:
            remarks.append("nothing you have read answers this for sure; the nearest:")
        return tuple(remarks)


def ask(
    workspace: Opened,
    query: str,
    limit: int = PASSAGES,
    *,
    document: Document | None = None,
    hides: Hides | None = None,
    hides_work: Callable[[FoundWork], bool] = lambda work: False,
) -> SearchResult:
    """Return the passages that answer a query.

    Args:
        workspace: the workspace.
        query: a name, a title, a question, or words.
        limit: the number of passages.
        document: what a file was read as, which replaces the query.
        hides: whether a passage is left out before anything is ranked, for an agent.
        hides_work: the same of a work.
    """
    ledger = workspace.ledger
    index.update(ledger)
    works = tuple(
        work for work in index.find(ledger, query, document) if not hides_work(work)
    )
    if document is not None or any(work.by != index.WORDS for work in works):
        return SearchResult(works)
    # an identifier asks for its work, and no passage answers it
    if " " not in query.strip() and any(names_in(query)):
        return SearchResult(works)
    return replace(_answering(workspace, query, limit, hides), works=works)


def _answering(
    workspace: Opened, query: str, limit: int, hides: Hides | None
) -> SearchResult:
    """Return the passages that answer a question, the best first."""
    ledger = workspace.ledger
    # how near passages are in meaning, if there is a model
    meaning = meaning_of(workspace)
    near = Near(b"", {}, 0)
    problem = language = ""
    if meaning is not None:
        if meaning.embedder.keeps_to_language:
            language = language_of(query)
        try:
            near = meaning.near(query, hides)
        except ServiceError as error:
            problem = f"{error.message}: {error.hint}"

    # both joined
    words = index.by_words(ledger, query, hides)
    scores = index.fused(words, near.cosines, near.spread)
    found = list(index.passages(ledger, scores, limit, hides, other_than=language))
    coverage = max((hit.coverage for hit in words.values()), default=0.0)
    is_sure = near.is_sure(coverage) if near.cosines else coverage > index.SURE

    # the sentence of each that answers
    choices = [(passage.highlight, _choice(passage.highlight)) for passage in found]
    spans: list[Span | None] = [None] * len(found)
    if meaning is not None and near.cosines:
        with suppress(ServiceError):
            spans = meaning.nearest(near.question, choices)
    wanted = index.wanted_words(query)
    shown = []
    for passage, choice, span in zip(found, choices, spans, strict=True):
        sentence = span or _with_most_words(*choice, wanted)
        by_meaning = passage.highlight.key in near.cosines
        shown.append(replace(passage, sentence=sentence, by_meaning=by_meaning))
    return SearchResult((), tuple(shown), is_sure, near.missing, problem)


def _choice(highlight: Highlight) -> list[Span]:
    """Return the sentences of a passage of which one may be shown as its answer."""
    if highlight.kind is HighlightKind.CARD:
        return []
    spans = []
    for start, end in sentences(highlight.exact):
        if end - start >= _LEAST_SENTENCE:
            spans.append((start, end))
    return spans if len(spans) > 1 else []


def _with_most_words(
    highlight: Highlight, choice: Sequence[Span], wanted: WantedWords
) -> Span:
    """Return the sentence with the most words of a question, of several the longest."""

    def rank(span: Span) -> tuple[int, int]:
        start, end = span
        words = index.words_of(for_searching(highlight.exact[start:end]))
        text = f" {' '.join(words)} "
        return sum(f" {word} " in text for word in wanted.words), end - start

    return max(choice, key=rank, default=(0, 0))


# --- answers in sentences -------------------------------------------------------------------

_READ = 20
"""The number of passages that a model reads for its answer."""


class AskedFor(Value):
    """A question for a model, a chat or an agent, with the public passages that may answer it."""

    question: SendableText
    found: dict[str, FoundPassage]
    """The passages by their labels."""
    texts: dict[str, SendableText]

    @property
    def request(self) -> ModelRequest:
        """The request for a model."""
        from ankiforge.features.ask.answering import request_for

        return request_for(self.question, self.texts)

    @property
    def for_chat(self) -> str:
        """The same as a text to paste into a chat."""
        return "\n\n".join(each["content"] for each in self.request.messages)

    def answer(self, given: list[Json]) -> list[AnswerSentence]:
        """Return the sentences of an answer; those that do not stand on a passage say why."""
        from ankiforge.features.ask.answering import checked

        return checked(given, self.question, self.texts)

    def replied(
        self, workspace: Opened, reply: str | None
    ) -> list[AnswerSentence] | None:
        """Return the sentences of a reply, else of the model's; None if there is no model."""
        from ankiforge.features.ask.answering import answer_in

        if reply is None:
            model = workspace.model()
            if model is None:
                return None
            reply = model.reply(self.request)
        return self.answer(answer_in(reply))


def asked_for(workspace: Opened, question: str) -> AskedFor:
    """Return the question and the passages for whoever answers it; private ones are left out."""
    from ankiforge.draft.chat import label_for

    ledger = workspace.ledger
    index.update(ledger)
    privacy = privacy_of(ledger)
    result = _answering(workspace, question, _READ, cache(privacy.hides_passage))
    found = {label_for(each.highlight.key): each for each in result.passages}
    texts = {}
    for label, passage in found.items():
        texts[label] = privacy.passage(passage.highlight).marked
    return AskedFor(privacy.text(question), found, texts)
