"""Search everything that was read, for works that a query names and passages that answer it.

This is used by the command `search`, the web page, agents and other programs. Answers in
sentences are in `answering.py`.
"""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import suppress
from functools import cache

from msgspec.structs import replace

from ankiforge.draft.privacy import PrivacyFilter
from ankiforge.errors import ServiceError
from ankiforge.features.ask import index
from ankiforge.features.ask.index import FoundPassage, FoundWork, QueryWords
from ankiforge.features.ask.vectors import PassageVectors, Similarities, open_vectors
from ankiforge.model import Document, Highlight, HighlightKind, Span, Strings, Value
from ankiforge.pipeline.workspace import Workspace
from ankiforge.text import format_count
from ankiforge.text.identifiers import find_identifiers
from ankiforge.text.normalize import normalize_for_search
from ankiforge.text.sentences import find_sentence_spans

DEFAULT_PASSAGES = 5
"""The default number of passages that a search returns."""
_MIN_SENTENCE_CHARS = 25
"""The minimum length of a sentence to be shown as the answer, in characters."""


class SearchResult(Value):
    """The works and passages found by a search, and how reliable the passages are."""

    works: tuple[FoundWork, ...] = ()
    """The works whose name, title or other metadata match the query."""
    passages: tuple[FoundPassage, ...] = ()
    """The passages that may answer the query, best first, or () if the query is a name or title."""
    is_confident: bool = True
    """Whether the best passage scores higher than is likely for an unrelated question."""
    missing_vectors: int = 0
    """The number of passages without a vector, which were compared by words only."""
    problem: str | None = None
    """The reason only words were compared although there is a model, or None."""

    @property
    def remarks(self) -> Strings:
        """Remarks for the user about how reliable the passages are, one per line."""
        remarks = []
        if self.problem is not None:
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
    privacy: PrivacyFilter | None = None,
) -> SearchResult:
    """Search the library for works that match `query` and passages that answer it.

    Passages are searched only if the query doesn't name a work or an identifier.

    Args:
        workspace: the workspace.
        query: a name, a title, a question, or words.
        limit: the maximum number of passages.
        document: file metadata to search for instead of the query.
        privacy: the filter that hides private text from an agent before anything is ranked, or
            None if the user is searching.
    """
    ledger = workspace.ledger
    index.update_index(ledger)
    works = tuple(index.find_works(ledger, query, document))
    if privacy is not None:
        works = tuple(work for work in works if not _is_work_hidden(work, privacy))
    if document is not None or any(work.found_by != index.WORDS for work in works):
        return SearchResult(works)
    # a query that is an identifier only asks for its work
    if " " not in query.strip() and any(find_identifiers(query)):
        return SearchResult(works)
    return replace(find_passages(workspace, query, limit, privacy), works=works)


def _is_work_hidden(work: FoundWork, privacy: PrivacyFilter) -> bool:
    """Return whether to hide a work from an agent.

    A work is hidden if the text by which it was found may be private, such as its title or tags.
    """
    are_private = [bool(privacy.find_private_reason(mark)) for mark in work.highlights]
    are_private += map(privacy.is_private_row, work.list_rows)
    if all(are_private):
        return True
    if work.found_by == index.NAME:
        return False
    if work.found_by == index.WORDS and any(are_private):
        return True
    document = work.documents[0]
    return privacy.contains_private_text(document.title, document.key)


def find_passages(
    workspace: Workspace, query: str, limit: int, privacy: PrivacyFilter | None
) -> SearchResult:
    """Find passages that may answer a query, by their words and by their meaning.

    `works` of the result is empty.
    """
    ledger = workspace.ledger
    is_hidden = None
    if privacy is not None:
        is_hidden = cache(privacy.is_private_passage)
    vectors = open_vectors(workspace)
    similarities = _NO_SIMILARITIES
    problem = None
    if vectors is not None:
        try:
            similarities = vectors.compute_similarities(query, is_hidden)
        except ServiceError as error:
            problem = f"{error.message}: {error.hint}"
    matches = index.find_by_words(ledger, query, is_hidden)
    scores = index.combine_scores(
        matches, similarities.cosines, similarities.standard_deviation
    )
    passages = list(index.load_best_passages(ledger, scores, limit, is_hidden))
    sentences = _choose_sentences(passages, query, vectors, similarities)
    results = []
    for passage, sentence in zip(passages, sentences, strict=True):
        by_meaning = passage.highlight.key in similarities.cosines
        results.append(replace(passage, sentence=sentence, by_meaning=by_meaning))
    max_coverage = max((match.coverage for match in matches.values()), default=0.0)
    return SearchResult(
        works=(),
        passages=tuple(results),
        is_confident=max_coverage > index.CONFIDENT_COVERAGE,
        missing_vectors=similarities.missing_count,
        problem=problem,
    )


# Without a model, or if it fails, no passage is compared by meaning.
_NO_SIMILARITIES = Similarities(question=b"", cosines={}, missing_count=0)


def _choose_sentences(
    passages: Sequence[FoundPassage],
    query: str,
    meaning: PassageVectors | None,
    similarities: Similarities,
) -> list[Span | None]:
    """Return the span of the sentence of each passage that answers a query best, by its meaning.

    Without a model, the words decide.
    """
    candidates = [
        (passage.highlight, _find_candidate_sentences(passage.highlight))
        for passage in passages
    ]
    sentences: list[Span | None] = [None] * len(passages)
    if meaning is not None and similarities.cosines:
        with suppress(ServiceError):
            sentences = meaning.choose_most_similar_spans(
                similarities.question, candidates
            )
    query_words = index.parse_query_words(query)
    for number, (highlight, spans) in enumerate(candidates):
        if sentences[number] is None:
            sentences[number] = _choose_best_sentence(highlight, spans, query_words)
    return sentences


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
    if len(spans) < 2:
        return []
    return spans


def _choose_best_sentence(
    highlight: Highlight, spans: Sequence[Span], query_words: QueryWords
) -> Span | None:
    """Return the span of the sentence that shares the most words with the question.

    Of several such sentences, the longest one is chosen. Returns None without sentences.
    """
    if not spans:
        return None

    def sort_key(span: Span) -> tuple[int, int]:
        start, end = span
        words = index.split_words(normalize_for_search(highlight.exact[start:end]))
        text = f" {' '.join(words)} "
        return sum(f" {word} " in text for word in query_words.words), end - start

    return max(spans, key=sort_key)
