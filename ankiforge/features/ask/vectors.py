"""The vectors of all passages: made at the end of a run, compared by `ask`.

They are kept in `memory.db`, by model and by the hash of the exact text: an edit makes one vector,
a lost ledger none, another model all. Text of private passages goes only to a model on this
machine; else these passages are found by their words.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from functools import cached_property
from heapq import nlargest
from itertools import chain, filterfalse, islice
from pathlib import Path
from statistics import fmean, pstdev
from struct import pack, unpack

from ankiforge.draft.sendable import Privacy
from ankiforge.errors import ConfigError, ServiceError
from ankiforge.features.ask import index
from ankiforge.features.ask.embedder import Embedder, cosines, embedder_of
from ankiforge.features.ask.index import Hides, hashes_of_texts
from ankiforge.language.words import word_count
from ankiforge.ledger import CACHE_FILE, CacheFile
from ankiforge.ledger.cards import highlight_of
from ankiforge.model import Highlight, HighlightKey, Problem, Span, Value
from ankiforge.pipeline.draft import privacy_of
from ankiforge.pipeline.opened import Opened
from ankiforge.pipeline.result import OtherWork, Progress, RunResult
from ankiforge.pipeline.workspace import ShowProgress

_LEAST_WORDS = 4
"""A passage of fewer words, such as a heading, is near to everything: it is found by words."""
_NO_VECTOR = b""
"""Kept for such a passage."""
_SHARE_APART = 0.75
"""This share of the questions of `apart.txt` must be less near to what is nearest."""
_GROWTH = 1.25
"""The number of vectors, of those it was learnt from, from which a threshold is learnt anew."""
_SAME = 0.99
"""The cosine from which two vectors of one text are of one model."""
_PUBLIC_LOOKED_AT = 200
"""The number of passages, nearest first, that are ranked for somebody else than the reader."""
_MOST_SENTENCES = 40
"""The number of sentences that are compared to show one of each passage."""
_LABEL = "comparing meanings"
# Names that no hash has.
_PROBE, _LEARNT = "probe", "learnt"


class Near(Value):
    """How near passages are to a question."""

    question: bytes
    """The vector of the question."""
    cosines: dict[HighlightKey, float]
    missing: int
    """How many passages have no vector yet."""
    spread: float = 0.0
    """The usual deviation of cosines from their mean, of this model here."""
    level: float = 0.0
    """How near the nearest passages are."""
    threshold: float = 0.0
    """How near they are to a question that none answers; 0 = not learnt."""

    def is_sure(self, coverage: float) -> bool:
        """Return whether a passage answers, of which the best has this share of the words."""
        if not self.threshold:
            return coverage > index.ENOUGH
        words = index.weight_of(coverage, self.spread)
        return self.level + words > self.threshold


class Meaning:
    """The vectors of a workspace, of the model that its settings name."""

    def __init__(self, workspace: Opened, embedder: Embedder) -> None:
        self.embedder = embedder
        self._ledger = workspace.ledger
        self._is_read_only = workspace.read_only
        file = CacheFile(workspace.folder.folder / CACHE_FILE)
        self._cache = file.cache_of(embedder.owner)

    @cached_property
    def _privacy(self) -> Privacy:
        return privacy_of(self._ledger)

    # --- making vectors ---------------------------------------------------------------

    def make(self) -> Iterator[OtherWork]:
        """Make the missing vectors, and yield how many are made each time that some were kept.

        Raises:
            ServiceError: the model gives none. What was kept before is of use.
        """
        todo = self._todo(self._kept())
        if not todo:
            return
        yield OtherWork(_LABEL, 0, len(todo))
        probe = self._probe()
        known = self._cache.recall(_PROBE)
        if known and not _is_alike(probe, known):
            self._forget()
            todo = self._todo({})
        self._cache.keep({_PROBE: probe})

        hashes = list(todo)
        size = self.embedder.at_once
        for start in range(0, len(hashes), size):
            batch = hashes[start : start + size]
            vectors = self.embedder.passages([todo[each] for each in batch])
            if len(vectors[0]) != len(probe):
                self._forget()
                raise self._changed()
            self._cache.keep(dict(zip(batch, vectors, strict=True)))
            yield OtherWork(_LABEL, start + len(batch), len(hashes))
        if not _is_alike(self._probe(), probe):
            self._forget()
            raise self._changed()
        # vectors of texts that are gone are dropped, if they are the most
        made = self._cache.everything().keys() - {_PROBE, _LEARNT}
        used = {row["exact"] for row in hashes_of_texts(self._ledger)}
        if len(made) > 2 * len(used):
            self._cache.keep({}, forget=made - used)
        self._learn()

    def _kept(self) -> dict[str, bytes]:
        """Return the kept vectors by the hash of their text."""
        kept = self._cache.everything()
        for name in (_PROBE, _LEARNT):
            kept.pop(name, None)
        return kept

    def _forget(self) -> None:
        if not self._is_read_only:
            self._cache.keep({}, forget=self._cache.everything())

    def _changed(self) -> ServiceError:
        message = f"{self.embedder.title} is another model than before"
        return ServiceError(message, hint="the next run makes all vectors anew")

    def _probe(self) -> bytes:
        [probe] = self.embedder.questions(_apart()[:1])
        return probe

    def _todo(self, kept: dict[str, bytes]) -> dict[str, str]:
        """Return the texts that need a vector, by their hash."""
        todo: dict[str, str] = {}
        too_short: dict[str, bytes] = {}
        for row in hashes_of_texts(self._ledger):
            if row["exact"] in kept or row["exact"] in todo:
                continue
            highlight = highlight_of(self._ledger, row["key"])
            if word_count(highlight.exact) < _LEAST_WORDS:
                too_short[row["exact"]] = _NO_VECTOR
                continue
            text = self._text(highlight)
            if text:
                todo[row["exact"]] = text
        if too_short:
            self._cache.keep(too_short)
        return todo

    def _text(self, highlight: Highlight) -> str:
        """Return the text of a passage for the model; "" if it may not have it."""
        if self.embedder.local:
            return highlight.exact
        if self._privacy.why(highlight):
            return ""
        return self._privacy.passage(highlight).marked

    # --- what answers nothing ---------------------------------------------------------

    def _learnt(self) -> tuple[float, float, int]:
        """Return threshold, spread, and the number of vectors that they were learnt from."""
        learnt = self._cache.recall(_LEARNT)
        return unpack("<ffI", learnt) if learnt else (0.0, 0.0, 0)

    def _learn(self) -> None:
        """Learn how near passages are that answer nothing, from questions of other matters.

        Only public passages tell: the threshold is used for an agent, too.
        """
        kept = self._kept()
        if len(kept) < _GROWTH * self._learnt()[2]:
            return
        public = {}
        for row in hashes_of_texts(self._ledger):
            vector = kept.get(row["exact"])
            if vector and not self._privacy.why(highlight_of(self._ledger, row["key"])):
                public[row["exact"]] = vector
        if not public:
            return
        levels = []
        spreads = []
        for question in self.embedder.questions(_apart()):
            near = cosines(question, public).values()
            levels.append(self._level(near))
            spreads.append(pstdev(near))
        threshold = sorted(levels)[int(_SHARE_APART * len(levels))]
        learnt = pack("<ffI", threshold, fmean(spreads), len(kept))
        self._cache.keep({_LEARNT: learnt})

    def _level(self, near: Iterable[float]) -> float:
        """Return how near the nearest are: of a coarse model several, as of a subject."""
        nearest = nlargest(self.embedder.judged_by, near)
        return fmean(nearest) if nearest else 0.0

    # --- comparing --------------------------------------------------------------------

    def near(self, question: str, hides: Hides | None = None) -> Near:
        """Return how near all passages are to a question.

        Args:
            question: the question; only its public words leave this machine.
            hides: which passages are left out.

        Raises:
            ServiceError: the model gives no vector, or is another one now.
        """
        kept = self._kept()
        rows = hashes_of_texts(self._ledger)
        missing = sum(row["exact"] not in kept for row in rows)
        if not any(kept.values()):
            return Near(b"", {}, missing)
        if not self.embedder.local:
            question = self._privacy.text(question)
        probes = _apart()[:1] if self.embedder.may_change else []
        *probed, asked = self.embedder.questions([*probes, question])
        known = self._cache.recall(_PROBE)
        if known and not all(_is_alike(probe, known) for probe in probed):
            self._forget()
            raise self._changed()
        by_hash = cosines(asked, kept)
        here = [row for row in rows if row["exact"] in by_hash]
        by_key = {HighlightKey(row["key"]): by_hash[row["exact"]] for row in here}
        if hides is not None:
            best_first = sorted(by_key, key=lambda key: (-by_key[key], key))
            shown = islice(filterfalse(hides, best_first), _PUBLIC_LOOKED_AT)
            by_key = {key: by_key[key] for key in shown}
        threshold, spread, _ = self._learnt()
        level = self._level(by_key.values())
        return Near(asked, by_key, missing, spread, level, threshold)

    def nearest(
        self, question: bytes, choices: Sequence[tuple[Highlight, Sequence[Span]]]
    ) -> list[Span | None]:
        """Return the span of each passage that is nearest to a question; None = not compared."""
        texts: list[str] = []
        places: list[tuple[int, Span]] = []
        for number, (highlight, spans) in enumerate(choices):
            if self._text(highlight) != highlight.exact:
                continue
            for start, end in spans:
                texts.append(highlight.exact[start:end])
                places.append((number, (start, end)))
        vectors = self.embedder.passages(texts[:_MOST_SENTENCES])
        by_place = dict(zip(places, vectors, strict=False))
        best: list[Span | None] = [None] * len(choices)
        highest = [0.0] * len(choices)
        for (number, span), cosine in cosines(question, by_place).items():
            if cosine > highest[number]:
                highest[number] = cosine
                best[number] = span
        return best


def _apart() -> list[str]:
    """Return questions that hardly any library answers."""
    lines = Path(__file__).with_name("apart.txt").read_text("utf-8").splitlines()
    return [line for line in lines if not line.startswith("#")]


def _is_alike(one: bytes, other: bytes) -> bool:
    return cosines(one, {"": other}).get("", 0.0) >= _SAME


def meaning_of(workspace: Opened) -> Meaning | None:
    """Return the vectors of a workspace; None if its settings name no model, and there is none.

    Raises:
        ConfigError: the settings are invalid; with file, line and key.
    """
    embedder = embedder_of(workspace.folder.config, offline=workspace.offline)
    return Meaning(workspace, embedder) if embedder else None


def make_vectors(workspace: Opened, result: RunResult, show: ShowProgress) -> None:
    """Make the vectors of all passages, if there is a model. Ctrl-C ends only this."""
    what = "new passages are found by their words only"
    try:
        meaning = meaning_of(workspace)
        steps = meaning.make() if meaning else iter(())
        first = next(steps, None)
        if first is None:
            return
        with show(()) as take:
            for made in chain([first], steps):
                take(Progress(other=made))
    except (ServiceError, ConfigError) as error:
        problem = Problem(error.message, what, error.hint, notice=True)
        result.problems.append(problem)
    except KeyboardInterrupt:
        hint = "the next run goes on"
        result.problems.append(Problem("stopped", what, hint, notice=True))
