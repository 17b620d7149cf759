"""Compute the vectors of all passages after a run, and compare questions with them.

Vectors are cached in `memory.db`, keyed by the model and a hash of the exact text. Editing a
passage thus invalidates one vector, changing the model invalidates all, and losing the ledger none.
Private passages are sent only to a model on this computer. With any other model, they can be found
only by their words.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from functools import cached_property
from itertools import chain, filterfalse, islice
from statistics import pstdev
from typing import NamedTuple

from ankiforge.config.caches import Cache
from ankiforge.draft.privacy import PrivacyFilter
from ankiforge.errors import ConfigError, ServiceError
from ankiforge.features.ask.embedder import Embedder, compute_cosines, make_embedder
from ankiforge.features.ask.index import IsHidden, load_text_hashes
from ankiforge.language.words import count_words
from ankiforge.ledger.cards import load_highlight
from ankiforge.model import Highlight, HighlightKey, Problem, Span, Value
from ankiforge.pipeline.draft import load_privacy_filter
from ankiforge.pipeline.run_result import OtherProgress, RunStep
from ankiforge.pipeline.workspace import ShowProgress, Workspace

_MIN_WORDS = 4
"""The minimum number of words of a passage that gets a vector.

Shorter passages, such as headings, would be similar to every question."""
_NO_VECTOR = b""
"""Cached in place of a vector for passages that are too short."""
_MAX_PUBLIC_RANKED = 200
"""The maximum number of passages to rank for an agent, most similar first."""
_MAX_SENTENCES = 40
"""The maximum total number of sentences to compare when choosing one sentence per passage."""
_LABEL = "comparing meanings"


class Similarities(Value):
    """How similar in meaning passages are to a question."""

    question: bytes
    """The vector of the question."""
    cosines: dict[HighlightKey, float]
    """The cosine similarity of each passage to the question, keyed by passage."""
    missing_count: int
    """The number of passages that have no vector yet."""
    standard_deviation: float = 0.0
    """The standard deviation of these cosines."""


class PassageVectors:
    """The cached embedding vectors of a workspace's passages, computed by a given model."""

    def __init__(self, workspace: Workspace, embedder: Embedder) -> None:
        self.embedder = embedder
        self._ledger = workspace.ledger
        self._is_read_only = workspace.read_only
        self._cache = Cache(workspace.folder.state_directory, embedder.cache_name)

    @cached_property
    def _privacy(self) -> PrivacyFilter:
        return load_privacy_filter(self._ledger)

    # --- computing vectors ------------------------------------------------------------

    def compute_missing_vectors(self) -> Iterator[OtherProgress]:
        """Compute the missing vectors in batches, and store each batch.

        Yields:
            The progress, at the start and after each batch.

        Raises:
            ServiceError: the model failed; the vectors stored so far are kept. Also raised if the
                length of its vectors has changed; all stored vectors are then deleted.
        """
        vectors = self._load_vectors()
        missing_texts = self._find_texts_without_vector(vectors)
        if not missing_texts:
            return
        yield OtherProgress(_LABEL, 0, len(missing_texts))
        length = _get_vector_length(vectors.values())
        hashes = list(missing_texts)
        for start in range(0, len(hashes), self.embedder.batch_size):
            batch = hashes[start : start + self.embedder.batch_size]
            texts = [missing_texts[text_hash] for text_hash in batch]
            computed = self.embedder.embed_passages(texts)
            if length is None:
                length = len(computed[0])
            if len(computed[0]) != length:
                raise self._drop_vectors()
            self._cache.update(dict(zip(batch, computed, strict=True)))
            yield OtherProgress(_LABEL, start + len(batch), len(hashes))
        self._drop_vectors_of_deleted_texts()

    def _drop_vectors_of_deleted_texts(self) -> None:
        """Delete the vectors of deleted texts once they are the majority."""
        cached_hashes = self._load_vectors().keys()
        used_hashes = {row["exact"] for row in load_text_hashes(self._ledger)}
        if len(cached_hashes) > 2 * len(used_hashes):
            self._cache.update({}, deleted_names=cached_hashes - used_hashes)

    def _load_vectors(self) -> dict[str, bytes]:
        return self._cache.load_all()

    def _drop_vectors(self) -> ServiceError:
        """Delete all vectors, because the model's vectors now have a different length.

        Returns the error to raise.
        """
        if not self._is_read_only:
            self._cache.update({}, deleted_names=self._cache.load_all())
        message = f"{self.embedder.title} is another model than before"
        return ServiceError(message, hint="the next run computes all vectors again")

    def _find_texts_without_vector(self, vectors: dict[str, bytes]) -> dict[str, str]:
        """Return the texts that still need a vector, keyed by hash.

        Texts that are too short are skipped, and `_NO_VECTOR` is cached for them.
        """
        missing_texts: dict[str, str] = {}
        too_short: dict[str, bytes] = {}
        for row in load_text_hashes(self._ledger):
            if row["exact"] in vectors or row["exact"] in missing_texts:
                continue
            highlight = load_highlight(self._ledger, row["key"])
            if count_words(highlight.exact) < _MIN_WORDS:
                too_short[row["exact"]] = _NO_VECTOR
                continue
            text = self._get_sendable_text(highlight)
            if text:
                missing_texts[row["exact"]] = text
        if too_short:
            self._cache.update(too_short)
        return missing_texts

    def _get_sendable_text(self, highlight: Highlight) -> str:
        if self.embedder.is_local:
            return highlight.exact
        if self._privacy.find_private_reason(highlight):
            return ""
        return self._privacy.make_sendable_highlight(highlight).exact

    # --- comparing vectors ------------------------------------------------------------

    def compute_similarities(
        self, question: str, is_hidden: IsHidden | None = None
    ) -> Similarities:
        """Compute how similar in meaning each passage is to a question.

        Args:
            question: the question. If the model is on another computer, private words are
                masked.
            is_hidden: returns whether to skip a passage.

        Raises:
            ServiceError: the model failed, or the length of its vectors has changed.
        """
        vectors = self._load_vectors()
        hash_by_key: dict[HighlightKey, str] = {}
        for row in load_text_hashes(self._ledger):
            hash_by_key[HighlightKey(row["key"])] = row["exact"]
        missing_count = sum(text not in vectors for text in hash_by_key.values())
        if not any(vectors.values()):
            return Similarities(b"", {}, missing_count)
        if not self.embedder.is_local:
            question = self._privacy.mask_text(question)
        [question_vector] = self.embedder.embed_questions([question])
        cosine_by_hash = compute_cosines(question_vector, vectors)
        if not cosine_by_hash:  # none of the vectors has this length
            raise self._drop_vectors()

        cosines = {}
        for key, text_hash in hash_by_key.items():
            if text_hash in cosine_by_hash:
                cosines[key] = cosine_by_hash[text_hash]
        if is_hidden is not None:
            cosines = _select_most_similar_visible(cosines, is_hidden)
        deviation = 0.0
        if cosines:
            deviation = pstdev(cosines.values())
        return Similarities(question_vector, cosines, missing_count, deviation)

    def choose_most_similar_spans(
        self, question: bytes, choices: Sequence[tuple[Highlight, Sequence[Span]]]
    ) -> list[Span | None]:
        """Choose the span of each passage that is most similar to a question.

        Args:
            question: the vector of the question.
            choices: the passages, each with the spans to compare.

        Returns:
            One span per passage. None for a passage that wasn't compared, e.g. because it contains
            private text.
        """
        texts: list[str] = []
        candidates: list[_Candidate] = []
        for number, (highlight, spans) in enumerate(choices):
            # the text to send differs from the passage if something in it is private
            if self._get_sendable_text(highlight) != highlight.exact:
                continue
            for start, end in spans:
                texts.append(highlight.exact[start:end])
                candidates.append(_Candidate(number, (start, end)))
        vectors = self.embedder.embed_passages(texts[:_MAX_SENTENCES])
        compared = candidates[: len(vectors)]
        cosines = compute_cosines(question, dict(zip(compared, vectors, strict=True)))
        best: list[Span | None] = [None] * len(choices)
        best_cosines = [0.0] * len(choices)
        for candidate, cosine in cosines.items():
            if cosine > best_cosines[candidate.passage_number]:
                best_cosines[candidate.passage_number] = cosine
                best[candidate.passage_number] = candidate.span
        return best


class _Candidate(NamedTuple):
    """A span to compare with a question."""

    passage_number: int
    span: Span


def _get_vector_length(vectors: Iterable[bytes]) -> int | None:
    """Return the length of all vectors, or None if there are none."""
    for vector in vectors:
        if vector != _NO_VECTOR:
            return len(vector)
    return None


def _select_most_similar_visible(
    cosines: dict[HighlightKey, float], is_hidden: IsHidden
) -> dict[HighlightKey, float]:
    """Return the `_MAX_PUBLIC_RANKED` most similar passages that aren't hidden, best first."""
    best_first = sorted(cosines, key=lambda key: (-cosines[key], key))
    visible_keys = islice(filterfalse(is_hidden, best_first), _MAX_PUBLIC_RANKED)
    return {key: cosines[key] for key in visible_keys}


def open_vectors(workspace: Workspace) -> PassageVectors | None:
    """Open the vectors of a workspace, or return None if there's no embedding model.

    Raises:
        ConfigError: the settings are invalid. The message names the file, line and key.
    """
    embedder = make_embedder(workspace.folder.config, offline=workspace.offline)
    if embedder is None:
        return None
    return PassageVectors(workspace, embedder)


def compute_vectors(workspace: Workspace, show: ShowProgress) -> list[Problem]:
    """Compute any missing vectors at the end of a run, if there's a model.

    Ctrl-C stops this step, but not the run. Returns a notice if it does, or if the model fails.
    """
    consequence = "new passages are found by their words only"
    try:
        meaning = open_vectors(workspace)
        if meaning is None:
            return []
        steps = meaning.compute_missing_vectors()
        first = next(steps, None)
        if first is None:
            return []
        with show(()) as report_progress:
            for step in chain([first], steps):
                report_progress(RunStep(other=step))
    except (ServiceError, ConfigError) as error:
        return [Problem(error.message, consequence, error.hint, is_notice=True)]
    except KeyboardInterrupt:
        hint = "the next run continues"
        return [Problem("stopped", consequence, hint, is_notice=True)]
    return []
