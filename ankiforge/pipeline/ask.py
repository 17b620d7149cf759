"""Ask everything that was read: the works that a query names, and the passages that answer.

The command `search`, the page, agents and `Workspace.search` ask here.
"""

from __future__ import annotations

from collections.abc import Callable

from msgspec.structs import replace

from ankiforge.ledger import FoundWork, search
from ankiforge.ledger.search import FoundPassage, Hides, WantedWords
from ankiforge.model import Document, HighlightKind, Span, Value
from ankiforge.pipeline.workspace import Workspace
from ankiforge.text.fold import for_searching
from ankiforge.text.sentences import sentences

PASSAGES = 5
"""The number of passages that are shown for a question, if nothing else is wished."""
_LEAST_SENTENCE = 25
"""Characters of a sentence that may be the one that answers."""


class SearchResult(Value):
    """What was found for a query."""

    works: tuple[FoundWork, ...] = ()
    """Those with the name or title, or with all words in title, authors, tags or path."""
    passages: tuple[FoundPassage, ...] = ()
    """Those that answer, the best first; none if a name or title was given."""
    is_sure: bool = True
    """Whether the first passage is better than what answers nothing."""


def ask(
    workspace: Workspace,
    query: str,
    limit: int = PASSAGES,
    *,
    document: Document | None = None,
    hides: Hides | None = None,
    hides_work: Callable[[FoundWork], bool] = lambda work: False,
) -> SearchResult:
    """Return what was read about a query.

    Args:
        workspace: the workspace.
        query: a name, a title, a question, or words.
        limit: the number of passages.
        document: what a file was read as, which replaces the query.
        hides: whether a passage is left out before anything is ranked, for an agent.
        hides_work: the same of a work.
    """
    ledger = workspace.ledger
    works = tuple(
        work for work in search.find(ledger, query, document) if not hides_work(work)
    )
    if document is not None or any(work.by != search.WORDS for work in works):
        return SearchResult(works)
    wanted = search.wanted_words(query)
    words = search.by_words(ledger, query, hides)
    found = []
    for passage in search.passages(ledger, words, {}, limit, hides):
        found.append(replace(passage, sentence=_sentence(passage, wanted)))
    is_sure = any(passage.coverage > search.ENOUGH for passage in found)
    return SearchResult(works, tuple(found), is_sure)


def _sentence(passage: FoundPassage, wanted: WantedWords) -> Span:
    """Return the sentence with the most words of a question, of several the longest."""
    exact = passage.highlight.exact
    spans = choice_of_sentences(passage)
    if not spans:
        return (0, 0)

    def rank(span: Span) -> tuple[int, int]:
        start, end = span
        text = f" {' '.join(search.words_of(for_searching(exact[start:end])))} "
        return sum(f" {word} " in text for word in wanted.words), end - start

    return max(spans, key=rank)


def choice_of_sentences(passage: FoundPassage) -> list[Span]:
    """Return the sentences of a passage of which one may be shown as its answer."""
    if passage.highlight.kind is HighlightKind.CARD:
        return []
    spans = []
    for start, end in sentences(passage.highlight.exact):
        if end - start >= _LEAST_SENTENCE:
            spans.append((start, end))
    return spans if len(spans) > 1 else []
