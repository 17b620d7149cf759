"""Search everything that was read: the works that a query names, and the passages that answer it.

The command `search`, the web page, agents and other programs use this module. A model, a chat or
an agent can answer in sentences, of which `PreparedQuestion.check_answer` accepts only those that
a passage proves.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from contextlib import suppress
from functools import cache
from typing import TYPE_CHECKING

from msgspec.structs import replace

from ankiforge.draft.privacy import SendableText
from ankiforge.errors import ServiceError
from ankiforge.features.ask import index
from ankiforge.features.ask.index import FoundWork, IsHidden, PassageHit, QueryWords
from ankiforge.features.ask.vectors import Similarities, open_vectors
from ankiforge.model import (
    Document,
    Highlight,
    HighlightKind,
    Json,
    Span,
    Strings,
    Value,
)
from ankiforge.pipeline.draft import load_privacy
from ankiforge.pipeline.workspace import Workspace
from ankiforge.text import format_count
from ankiforge.text.identifiers import find_identifiers
from ankiforge.text.normalize import normalize_for_search
from ankiforge.text.sentences import find_sentence_spans

if TYPE_CHECKING:
    from ankiforge.draft.prompt import ModelRequest
    from ankiforge.features.ask.answering import AnswerSentence

DEFAULT_PASSAGES = 5
"""The default number of passages that a search returns."""
_MIN_SENTENCE_CHARS = 25
"""The minimum length of a sentence to be shown as the answer, in characters."""


class SearchResult(Value):
    """The works and passages found by a search, with caveats about the passages."""

    works: tuple[FoundWork, ...] = ()
    """The works whose name, title or other metadata match the query."""
    passages: tuple[PassageHit, ...] = ()
    """The passages that may answer the query, best first; () if the query was a name or title."""
    is_confident: bool = True
    """Whether the best passage scores higher than is likely for an unrelated question."""
    missing_vectors: int = 0
    """The number of passages that were compared only by words, because they have no vector yet."""
    problem: str = ""
    """Why only words were compared although there is a model, or ""."""

    @property
    def remarks(self) -> Strings:
        """Caveats about the passages to show to the user, one per line."""
        remarks = []
        if self.problem:
            remarks.append(f"by words only: {self.problem}")
        elif self.missing_vectors and self.passages:
            missing = format_count(self.missing_vectors, "passage")
            remarks.append(f"{missing} compared by words only: ankiforge run")
        if self.passages and not self.is_confident:
            remarks.append("nothing you have read answers this for sure; the nearest:")
        return tuple(remarks)


def search_library(
    workspace: Workspace,
    query: str,
    limit: int = DEFAULT_PASSAGES,
    *,
    document: Document | None = None,
    is_hidden: IsHidden | None = None,
    is_work_hidden: Callable[[FoundWork], bool] = lambda work: False,
) -> SearchResult:
    """Search the library for works that match `query` and passages that answer it.

    Passages are searched only if the query doesn't name a work or an identifier.

    Args:
        workspace: the workspace.
        query: a name, a title, a question, or words.
        limit: the maximum number of passages.
        document: file metadata to search for instead of the query.
        is_hidden: returns whether a passage is hidden from agents. Hidden passages are
            removed before ranking.
        is_work_hidden: returns whether a work is hidden from agents.
    """
    ledger = workspace.ledger
    index.update_index(ledger)
    works = tuple(
        work
        for work in index.find_works(ledger, query, document)
        if not is_work_hidden(work)
    )
    if document is not None or any(work.found_by != index.WORDS for work in works):
        return SearchResult(works)
    # a query that is an identifier only asks for its work
    if " " not in query.strip() and any(find_identifiers(query)):
        return SearchResult(works)
    return replace(_find_passages(workspace, query, limit, is_hidden), works=works)


def _find_passages(
    workspace: Workspace, query: str, limit: int, is_hidden: IsHidden | None
) -> SearchResult:
    ledger = workspace.ledger
    # compare meanings, if there is a model
    meaning = open_vectors(workspace)
    similarities = Similarities(b"", {}, 0)
    problem = ""
    if meaning is not None:
        try:
            similarities = meaning.compute_similarities(query, is_hidden)
        except ServiceError as error:
            problem = f"{error.message}: {error.hint}"

    # combine meaning and words
    words = index.find_by_words(ledger, query, is_hidden)
    scores = index.combine_scores(words, similarities.cosines, similarities.spread)
    passages = list(index.load_best_passages(ledger, scores, limit, is_hidden))
    coverage = max((hit.coverage for hit in words.values()), default=0.0)
    is_confident = (
        similarities.is_confident(coverage)
        if similarities.cosines
        else coverage > index.CONFIDENT_COVERAGE
    )

    # choose the answering sentence of each passage
    candidates = [
        (passage.highlight, _find_candidate_sentences(passage.highlight))
        for passage in passages
    ]
    spans: list[Span | None] = [None] * len(passages)
    if meaning is not None and similarities.cosines:
        with suppress(ServiceError):
            spans = meaning.choose_spans(similarities.question, candidates)
    query_words = index.parse_query_words(query)
    results = []
    for passage, candidate, span in zip(passages, candidates, spans, strict=True):
        sentence = span or _choose_best_sentence(*candidate, query_words)
        by_meaning = passage.highlight.key in similarities.cosines
        results.append(replace(passage, sentence=sentence, by_meaning=by_meaning))
    return SearchResult(
        (), tuple(results), is_confident, similarities.missing_count, problem
    )


def _find_candidate_sentences(highlight: Highlight) -> list[Span]:
    """Return the spans of the sentences in a passage that could be shown as the answer.

    Very short sentences are ignored. Returns [] for a card, or if fewer than two are left.
    """
    if highlight.kind is HighlightKind.CARD:
        return []
    spans = []
    for start, end in find_sentence_spans(highlight.exact):
        if end - start >= _MIN_SENTENCE_CHARS:
            spans.append((start, end))
    return spans if len(spans) > 1 else []


def _choose_best_sentence(
    highlight: Highlight, spans: Sequence[Span], query_words: QueryWords
) -> Span:
    """Return the span of the sentence that shares the most words with the question.

    Ties go to the longest sentence. Returns (0, 0) if there are no sentences.
    """

    def sort_key(span: Span) -> tuple[int, int]:
        start, end = span
        words = index.split_words(normalize_for_search(highlight.exact[start:end]))
        text = f" {' '.join(words)} "
        return sum(f" {word} " in text for word in query_words.words), end - start

    return max(spans, key=sort_key, default=(0, 0))


# --- answers in sentences -------------------------------------------------------------------

_MAX_PASSAGES_TO_READ = 20
"""The maximum number of passages that a model reads to answer a question."""


class PreparedQuestion(Value):
    """A question for a model, chat or agent, with public passages that may answer it."""

    question: SendableText
    passages: dict[str, PassageHit]
    """The passages, by the labels that an answer uses for them."""
    texts: dict[str, SendableText]
    """The texts of the passages with private text masked, by label."""

    @property
    def request(self) -> ModelRequest:
        """The request that asks a model to answer the question from the passages."""
        from ankiforge.features.ask.answering import make_request

        return make_request(self.question, self.texts)

    @property
    def chat_text(self) -> str:
        """The request as text to paste into a chat."""
        return "\n\n".join(message["content"] for message in self.request.messages)

    def check_answer(self, sentences: list[Json]) -> list[AnswerSentence]:
        """Check the sentences of an answer, setting `drop_reason` on unsupported ones."""
        from ankiforge.features.ask.answering import check_answer

        return check_answer(sentences, self.question, self.texts)

    def answer_from_reply(
        self, workspace: Workspace, reply: str | None
    ) -> list[AnswerSentence] | None:
        """Parse and check a reply, asking the configured model for one if `reply` is None.

        Returns None if there is neither a reply nor a configured model.
        """
        from ankiforge.features.ask.answering import parse_answer

        if reply is None:
            model = workspace.build_model()
            if model is None:
                return None
            reply = model.request_reply(self.request)
        return self.check_answer(parse_answer(reply))


def prepare_question(workspace: Workspace, question: str) -> PreparedQuestion:
    """Look up public passages for a question, masking private text in both.

    The result is ready to send to a model, a chat or an agent.
    """
    from ankiforge.draft.chat import make_label

    ledger = workspace.ledger
    index.update_index(ledger)
    privacy = load_privacy(ledger)
    result = _find_passages(
        workspace, question, _MAX_PASSAGES_TO_READ, cache(privacy.is_private_passage)
    )
    passages_by_label = {
        make_label(found_passage.highlight.key): found_passage
        for found_passage in result.passages
    }
    texts = {}
    for label, passage in passages_by_label.items():
        texts[label] = privacy.make_sendable(passage.highlight).exact
    return PreparedQuestion(privacy.mask_text(question), passages_by_label, texts)
