"""Match scanned highlights and documents with stored ones.

Generators yield candidate pairs, the most certain ones first, and `add_unpaired_candidates` adds
each pair whose two highlights are still unmatched. As candidates are added while the generator
runs, each of its steps sees only the highlights that earlier steps left unmatched.
`iter_matches_in_document` matches within one document, and `iter_matches_across_documents`
within all documents of a run. The remaining scanned highlights are new. `find_similar_removed`
pairs them with removed highlights, for the user to confirm.

Texts are compared without case and punctuation. With lower thresholds, fewer questions are
asked but more cards are attached to the wrong passage. The module has only pure functions.
"""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import (
    Callable,
    Collection,
    Iterable,
    Iterator,
    Mapping,
    Sequence,
    Set,
)
from itertools import pairwise
from operator import attrgetter, itemgetter
from typing import Any, NamedTuple

import msgspec

from ankiforge.ledger.events import PassageReading
from ankiforge.ledger.source_state import SourceState
from ankiforge.model import DocumentId, Highlight, HighlightKind, Pair, hints
from ankiforge.text import regex
from ankiforge.text.keys import get_anchor
from ankiforge.text.normalize import normalize_for_lookup

MIN_SIMILARITY = 85
"""The minimum similarity, in per cent, at which two texts in a document are the same passage."""
MIN_NEIGHBOUR_SIMILARITY = 50
"""The minimum similarity, in per cent, of two texts between the same matched neighbours."""
MIN_CONTAINED_FRACTION = 0.9
"""The fraction of the shorter text's characters that the longer text must contain in the same
order, if the two texts don't reach `MIN_NEIGHBOUR_SIMILARITY`."""
MAX_LENGTH_RATIO = 3
"""The maximum ratio of the lengths of two texts if one is an extension of the other."""
MIN_EXTENDED_CHARS = 6
"""The minimum length, in normalized characters, of a text that is matched with a longer version of
itself. The characters of a shorter text occur in many texts by coincidence."""
MIN_QUESTION_SIMILARITY = 60
"""The minimum similarity, in per cent, at which the user is asked whether a new passage is a
removed one."""
MIN_DISTINCTIVE_CHARS = 20
"""The minimum length, in normalized characters, at which equal texts in two documents are not a
coincidence."""
MIN_CONTEXT_CHARS = 12
"""How many normalized characters of equal context identify a text shorter than
`MIN_DISTINCTIVE_CHARS`."""
MIN_EQUAL_COUNT = 3
"""If two documents have at least this many equal texts, these texts count as moved, even if they
are short."""


class NormalizedReading(NamedTuple):
    """The normalized text of a highlight, with 24 normalized characters of context on each side."""

    text: str
    before: str = ""
    after: str = ""
    sides: Pair | None = None
    """The front and back of a hand-written card, or the text of the gaps and the text around them.
    None for a highlight that is not a card and has no gaps."""

    @property
    def anchor(self) -> tuple[str, str, str]:
        """The text and its context. Two readings with the same anchor count as equal."""
        return self.text, self.before, self.after

    @property
    def digits_and_rest(self) -> Pair:
        """The digits of the text, and all other characters. Compared if the text has no sides."""
        digits = "".join(filter(str.isdigit, self.text))
        rest = "".join(char for char in self.text if not char.isdigit())
        return digits, rest


class MatchedHighlight(
    msgspec.Struct, eq=False
):  # compares by identity, so it can be a dict key
    """A highlight that is prepared for matching. It was scanned in this run or stored earlier."""

    highlight: Highlight
    """The highlight as scanned, or built from the journal's text if it was never read on this
    device."""
    readings: tuple[NormalizedReading, ...]
    """The readings of the highlight, newest first. A scanned highlight has one; a stored highlight
    also has the last readings in the journal."""
    stable_ids: frozenset[str] = frozenset()
    """Ids that move with the highlight, such as Zotero's key or `/NM` in a PDF."""
    location_ids: frozenset[str] = frozenset()
    """Ids that belong to the highlight's location or are written beside it, such as a block id.

    These ids may stay behind when the text moves.
    """
    document: int = 0
    """The row id of the document."""

    # only set for scanned highlights
    container: str = ""
    document_path: str = ""
    position: int = 0
    stored_highlight: MatchedHighlight | None = None
    """The stored highlight that this scanned highlight was matched with."""

    # only set for stored highlights
    state: SourceState | None = None
    """The state of the stored highlight, or None if it was scanned."""
    is_journal_only: bool = False
    """Whether the highlight is known only from the journal. It may have been removed long ago."""
    missing_since: float = 0.0
    """When the highlight was first missing, in seconds since 1970."""
    exact_hash: str = ""
    """A hash of the exact text last read on this device, or "" if it was never read on
    this device."""
    content_hash: str = ""
    """A hash of everything that drafts depend on, as last read on this device, or ""."""
    texts: list[PassageReading] = []
    """The readings of the highlight in the journal, newest first."""
    is_decided: bool = False
    """Whether the user or the policy has decided on the passage, so that it must be recognized."""

    @property
    def key(self) -> str:
        """The key of the matching stored highlight. Falls back to the highlight's own key."""
        return self.stored_highlight.key if self.stored_highlight else self.highlight.key

    @property
    def was_present(self) -> bool:
        """Whether the highlight was in its document at the last scan."""
        return self.state in (None, SourceState.PRESENT, SourceState.JOURNAL)

    @property
    def newest_reading(self) -> NormalizedReading:
        """The most recent reading of the highlight."""
        return self.readings[0]

    @property
    def front(self) -> str:
        """The front of a hand-written card as last read, or "" for other highlights."""
        sides = self.newest_reading.sides
        return sides[0] if self.highlight.kind is HighlightKind.CARD and sides else ""


def to_matched_highlight(highlight: Highlight, document: int = 0) -> MatchedHighlight:
    """Prepare a highlight for matching.

    `document` is the row id of the highlight's document, or 0 if unknown.
    """
    text, before, after = get_anchor(highlight)
    names, labels = split_stable_and_location_ids((highlight.source_id, *highlight.hints))
    reading = NormalizedReading(text, before, after, _compute_sides(highlight))
    return MatchedHighlight(highlight, (reading,), names, labels, document)


def split_stable_and_location_ids(
    ids: Iterable[str],
) -> tuple[frozenset[str], frozenset[str]]:
    """Split the ids of a highlight into *stable ids* and *location ids*.

    A stable id moves with the highlight. A location id stays in its place and may later belong to
    another highlight (see `hints.is_location_only`).
    """
    stable_ids = set()
    location_ids = set()
    for id in ids:
        if hints.is_location_only(id):
            location_ids.add(id)
        elif id:
            stable_ids.add(id)
    return frozenset(stable_ids), frozenset(location_ids)


def _compute_sides(highlight: Highlight) -> Pair | None:
    """Return the value of `NormalizedReading.sides` for a highlight.

    For `Cells divide by mitosis.` with a gap at `mitosis`, it is ("mitosis", "cells divide by").
    """
    if highlight.kind is HighlightKind.CARD and len(highlight.markdown) > 1:
        front, back, *_ = highlight.markdown
        return normalize_for_lookup(front), normalize_for_lookup(back)
    if not highlight.gaps:
        return None
    text = highlight.exact
    gap_texts = []
    rest_texts = []
    rest_start = 0
    for start, end in highlight.gaps:
        gap_texts.append(normalize_for_lookup(text[start:end]))
        rest_texts.append(text[rest_start:start])
        rest_start = end
    rest_texts.append(text[rest_start:])
    return " ".join(gap_texts), normalize_for_lookup(" ".join(rest_texts))


def normalize_reading(reading: PassageReading) -> NormalizedReading:
    """Convert a reading from the journal to a normalized reading without sides."""
    text = normalize_for_lookup(reading.exact)
    return NormalizedReading(text, reading.before, reading.after)


Pairs = dict[MatchedHighlight, MatchedHighlight]
"""Maps each matched highlight, scanned or stored, to its counterpart."""
Candidate = tuple[MatchedHighlight, MatchedHighlight]
"""A scanned and a stored highlight that may be the same."""


def add_unpaired_candidates(pairs: Pairs, candidates: Iterable[Candidate]) -> None:
    """Add candidates to `pairs` in order, unless one of the two highlights is already paired."""
    for mark, stored_highlight in candidates:
        if mark not in pairs and stored_highlight not in pairs:
            pairs[mark] = stored_highlight
            pairs[stored_highlight] = mark


def select_unmatched(
    pairs: Pairs, highlights: Iterable[MatchedHighlight]
) -> list[MatchedHighlight]:
    """Return the highlights that aren't in a pair, in their order."""
    return [mark for mark in highlights if mark not in pairs]


class DocumentHighlights(NamedTuple):
    """The stored and scanned highlights of a document, both in reading order."""

    stored_highlights: list[MatchedHighlight]
    scanned_highlights: list[MatchedHighlight]

    def select_unmatched(self, pairs: Pairs) -> DocumentHighlights:
        """Return the highlights that aren't in a pair."""
        return DocumentHighlights(
            select_unmatched(pairs, self.stored_highlights),
            select_unmatched(pairs, self.scanned_highlights),
        )


# --- in one document: ids, equal texts, labels, similarity ------------------------------


def iter_matches_in_document(
    document: DocumentHighlights, pairs: Pairs, *, was_present: bool = False
) -> Iterator[Candidate]:
    """Match the stored and scanned highlights of a single document, most certain matches first.

    Highlights are matched by stable id, equal text, location id, question, and finally similarity.
    A location id only counts if the texts are at least half similar. The remaining location ids
    are left to `iter_matches_across_documents`.

    Args:
        document: The scanned highlights, and the stored ones including those removed earlier.
        pairs: The pairs so far. The caller must add each candidate.
        was_present: Whether the document was found in the last scan. If so, a text that is only
            similar to a highlight removed before that scan counts as new.
    """
    positions = _index_highlights(*document)
    yield from _iter_pairs_by_id(*document, attrgetter("stable_ids"))
    unmoved = _find_unmoved_pairs(*document)
    unmatched = document.select_unmatched(pairs)
    yield from _pair_equal_texts(*unmatched, positions, unmoved=unmoved)
    if not all(document.select_unmatched(pairs)):
        return
    for mark, stored_highlight in _iter_pairs_by_id(
        *document, attrgetter("location_ids")
    ):
        if (
            compute_highlight_similarity(stored_highlight, mark)
            >= MIN_NEIGHBOUR_SIMILARITY
        ):
            yield mark, stored_highlight
    yield from _pair_by_question(document, pairs)
    unmatched = document.select_unmatched(pairs)
    ranked = _pair_by_similarity(*unmatched, positions, min_similarity=MIN_SIMILARITY)
    for mark, stored_highlight in ranked:
        is_removed = was_present and not stored_highlight.was_present
        if not is_removed and _has_equal_side(stored_highlight, mark):
            yield mark, stored_highlight


ListPositions = dict[MatchedHighlight, int]
"""The index of each highlight within its list, which is in reading order."""


def _index_highlights(
    stored_highlights: Iterable[MatchedHighlight],
    scanned_highlights: Iterable[MatchedHighlight],
) -> ListPositions:
    return {
        mark: position
        for highlights in (stored_highlights, scanned_highlights)
        for position, mark in enumerate(highlights)
    }


def _iter_pairs_by_id(
    stored_highlights: Iterable[MatchedHighlight],
    scanned_highlights: Iterable[MatchedHighlight],
    get_ids: Callable[[MatchedHighlight], frozenset[str]],
) -> Iterator[Candidate]:
    """Pair highlights that share an id, unless several stored highlights have that id.

    `get_ids` returns the stable ids or the location ids of a highlight.
    """
    owners = defaultdict(list)
    for stored_highlight in stored_highlights:
        for id in get_ids(stored_highlight):
            owners[id].append(stored_highlight)
    for mark in scanned_highlights:
        for id in sorted(get_ids(mark)):
            if len(owners[id]) == 1:  # copies share an id
                yield mark, owners[id][0]


def _pair_by_question(document: DocumentHighlights, pairs: Pairs) -> Iterator[Candidate]:
    """Pair hand-written cards with equal questions, even if their answers differ.

    The question must be unique among the stored cards and among the scanned cards. The two cards
    must also be under the same heading or between the same matched neighbours. For a card that is
    only known from the journal, neither is known, so a unique question is enough.
    """
    stored_highlights, scanned_highlights = document
    stored_by_question = _find_unique_questions(stored_highlights)
    scanned_by_question = _find_unique_questions(scanned_highlights)
    neighbours = _find_neighbours(document, pairs)
    for question, mark in scanned_by_question.items():
        stored_highlight = stored_by_question.get(question)
        if stored_highlight is None:
            stored_highlight = _find_journal_card(stored_highlights, question)
        if stored_highlight is None or mark in pairs:
            continue
        has_same_heading = stored_highlight.highlight.heading == mark.highlight.heading
        has_same_neighbours = neighbours[mark] == neighbours[stored_highlight]
        if stored_highlight.is_journal_only or has_same_heading or has_same_neighbours:
            yield mark, stored_highlight


def _find_journal_card(
    stored_highlights: Iterable[MatchedHighlight], question: str
) -> MatchedHighlight | None:
    """Find the card that is only known from the journal and begins with `question`.

    Returns None if there isn't exactly one.
    """
    if len(question) < MIN_EXTENDED_CHARS:
        return None
    journal_cards = []
    for mark in stored_highlights:
        if mark.is_journal_only and mark.highlight.kind is HighlightKind.CARD:
            if mark.newest_reading.text.startswith(question):
                journal_cards.append(mark)
    return journal_cards[0] if len(journal_cards) == 1 else None


def _find_unique_questions(
    highlights: Sequence[MatchedHighlight],
) -> dict[str, MatchedHighlight]:
    cards_by_question = defaultdict(list)
    for mark in highlights:
        if mark.front and mark.was_present:
            cards_by_question[mark.front].append(mark)
    items = cards_by_question.items()
    return {question: cards[0] for question, cards in items if len(cards) == 1}


class _Rank(NamedTuple):
    """The sort key of a candidate with equal texts. The most certain candidate sorts first.

    The fields are compared in order, and a later field only decides between candidates that are
    equal in all earlier ones.
    """

    has_other_kind: bool
    age: int
    """How many readings of the stored highlight are newer than the reading with the equal text."""
    was_removed: bool
    lacks_common_label: bool
    has_moved: bool
    negative_context_similarity: float
    distance: int
    """How far apart the highlights are in their lists. Arbitrary for different documents."""


def _pair_equal_texts(
    stored_highlights: Iterable[MatchedHighlight],
    scanned_highlights: Collection[MatchedHighlight],
    positions: ListPositions,
    *,
    unmoved: Set[Candidate] = frozenset(),
) -> list[Candidate]:
    """Pair highlights with equal texts, most certain pairs first.

    Pairs in `unmoved` come before other copies of the same text.
    """
    readings_by_text = defaultdict(list)
    for stored_highlight in stored_highlights:
        for age, reading in enumerate(stored_highlight.readings):
            readings_by_text[reading.text].append((stored_highlight, age, reading))

    scanned_counts = Counter(mark.newest_reading.text for mark in scanned_highlights)
    ranked = []
    for mark in scanned_highlights:
        newest = mark.newest_reading
        equal_readings = readings_by_text[newest.text]
        is_ambiguous = max(len(equal_readings), scanned_counts[newest.text]) > 1
        for stored_highlight, age, reading in equal_readings:
            context_similarity = 0.0
            if is_ambiguous:  # otherwise the context doesn't matter
                context_similarity += _compute_text_similarity(
                    reading.before, newest.before
                )
                context_similarity += _compute_text_similarity(
                    reading.after, newest.after
                )
            rank = _Rank(
                has_other_kind=stored_highlight.highlight.kind != mark.highlight.kind,
                age=age,
                was_removed=not stored_highlight.was_present,
                lacks_common_label=stored_highlight.location_ids.isdisjoint(
                    mark.location_ids
                ),
                has_moved=(mark, stored_highlight) not in unmoved,
                negative_context_similarity=-context_similarity,
                distance=abs(positions[stored_highlight] - positions[mark]),
            )
            ranked.append((rank, (mark, stored_highlight)))
    return _sort_candidates(ranked)


def _sort_candidates(ranked: list[tuple[Any, Candidate]]) -> list[Candidate]:
    ranked.sort(key=itemgetter(0))
    return [candidate for _, candidate in ranked]


def _find_unmoved_pairs(
    stored_highlights: Sequence[MatchedHighlight],
    scanned_highlights: Sequence[MatchedHighlight],
) -> set[Candidate]:
    """Pair highlights with equal texts that are still in the same place of their document.

    The preceding highlight must be the same, and the preceding context must be similar. The
    context that follows isn't compared, because it is the same for a copy pasted below. Texts
    that are only known from the journal are skipped, because their order is unknown.
    """
    pairs: Pairs = {}
    journal_texts = {
        mark.newest_reading.text for mark in stored_highlights if mark.is_journal_only
    }
    next_by_mark = dict(pairwise(stored_highlights))
    expected: MatchedHighlight | None = None
    if stored_highlights:
        expected = stored_highlights[0]
    for mark in scanned_highlights:
        is_in_journal = mark.newest_reading.text in journal_texts
        if expected is not None and not is_in_journal and _is_unmoved(expected, mark):
            add_unpaired_candidates(pairs, [(mark, expected)])
        matched_mark = pairs.get(mark)
        expected = None
        if matched_mark is not None:
            expected = next_by_mark.get(matched_mark)
    return set(pairs.items())


def _is_unmoved(expected: MatchedHighlight, mark: MatchedHighlight) -> bool:
    """Return whether a scanned highlight has the text, and what precedes it, of a stored one."""
    stored, scanned = expected.newest_reading, mark.newest_reading
    return stored.text == scanned.text and is_possibly_same(stored.before, scanned.before)


def _pair_by_similarity(
    stored_highlights: Iterable[MatchedHighlight],
    scanned_highlights: Iterable[MatchedHighlight],
    positions: ListPositions,
    *,
    min_similarity: int,
) -> list[Candidate]:
    ranked = []
    for mark in scanned_highlights:
        for stored_highlight in stored_highlights:
            similarity = compute_highlight_similarity(stored_highlight, mark)
            if similarity >= min_similarity:
                distance = abs(positions[stored_highlight] - positions[mark])
                ranked.append(((-similarity, distance), (mark, stored_highlight)))
    return _sort_candidates(ranked)


def _has_equal_side(
    stored_highlight: MatchedHighlight, scanned_highlight: MatchedHighlight
) -> bool:
    """Return whether a scanned highlight and a stored reading have one side in common.

    The sides are the front and back of a card, or the gaps and the text around the gaps. For
    a highlight without sides, the digits and all other characters are compared instead. Two texts
    without digits therefore have a side in common.
    """
    newest = scanned_highlight.newest_reading
    for reading in stored_highlight.readings:
        stored_sides = reading.sides
        scanned_sides = newest.sides
        if stored_sides is None or scanned_sides is None:
            stored_sides = reading.digits_and_rest
            scanned_sides = newest.digits_and_rest
        stored_first, stored_second = stored_sides
        scanned_first, scanned_second = scanned_sides
        if stored_first == scanned_first or stored_second == scanned_second:
            return True
    return False


# --- in one document: neighbours and labels ---------------------------------------------


def _iter_matches_by_neighbours(
    document: DocumentHighlights, pairs: Pairs
) -> Iterator[Candidate]:
    """Match similar highlights between the same matched neighbours, and then by location id only.

    If no highlight of the document has been matched yet, all of them have the same neighbours. A
    location id without similar text is the last resort. It helps if a line was inserted between a
    passage and its id. Highlights that are only known from the journal or were removed before this
    run are skipped, because their location may be out of date.
    """
    unmatched = document.select_unmatched(pairs)
    stored_highlights = [mark for mark in unmatched.stored_highlights if mark.was_present]
    if not stored_highlights or not unmatched.scanned_highlights:
        return
    neighbours = _find_neighbours(document, pairs)
    ranked = _pair_by_similarity(
        stored_highlights,
        unmatched.scanned_highlights,
        _index_highlights(*document),
        min_similarity=0,
    )
    for mark, stored_highlight in ranked:
        has_same_neighbours = neighbours[mark] == neighbours[stored_highlight]
        if has_same_neighbours and _is_similar_or_extended(stored_highlight, mark):
            yield mark, stored_highlight
    for mark, stored_highlight in _iter_pairs_by_id(
        *document, attrgetter("location_ids")
    ):
        if stored_highlight.was_present and not stored_highlight.is_journal_only:
            yield mark, stored_highlight


Neighbours = tuple[MatchedHighlight | None, MatchedHighlight | None]
"""The nearest matched stored highlights before and after a highlight."""


def _find_neighbours(
    document: DocumentHighlights, pairs: Pairs
) -> dict[MatchedHighlight, Neighbours]:
    """Find the matched neighbours of each stored and scanned highlight of a document.

    Only highlights that were found in the last scan count as neighbours.
    """
    scanned_highlights = set(document.scanned_highlights)
    matches = {}
    for stored_highlight in document.stored_highlights:
        mark = pairs.get(stored_highlight)
        if mark in scanned_highlights and stored_highlight.was_present:
            matches[stored_highlight] = matches[mark] = stored_highlight
    neighbours: dict[MatchedHighlight, Neighbours] = {}
    for highlights in document:
        before: dict[MatchedHighlight, MatchedHighlight | None] = {}
        nearest: MatchedHighlight | None = None
        for mark in highlights:
            before[mark] = nearest
            nearest = matches.get(mark, nearest)
        nearest = None
        for mark in reversed(highlights):
            neighbours[mark] = before[mark], nearest
            nearest = matches.get(mark, nearest)
    return neighbours


def _is_similar_or_extended(
    stored_highlight: MatchedHighlight, scanned_highlight: MatchedHighlight
) -> bool:
    """Return whether two texts are at least half similar, or one of them extends the other.

    An extension contains nearly all characters of the shorter text in the same order.
    """
    from rapidfuzz.distance import LCSseq

    if (
        compute_highlight_similarity(stored_highlight, scanned_highlight)
        >= MIN_NEIGHBOUR_SIMILARITY
    ):
        return True
    shorter, longer = sorted(
        (stored_highlight.newest_reading.text, scanned_highlight.newest_reading.text),
        key=len,
    )
    if len(shorter) < MIN_EXTENDED_CHARS or len(longer) > MAX_LENGTH_RATIO * len(shorter):
        return False
    return LCSseq.similarity(shorter, longer) >= MIN_CONTAINED_FRACTION * len(shorter)


# --- across documents -------------------------------------------------------------------


def iter_matches_across_documents(
    documents: Sequence[DocumentHighlights],
    absent_highlights: Sequence[MatchedHighlight],
    earlier_highlights: Sequence[MatchedHighlight],
    pairs: Pairs,
) -> Iterator[Candidate]:
    """Match the highlights that `iter_matches_in_document` has left, also across documents.

    Equal texts and chosen passages are matched across documents first. If half of the highlights
    moved from one document to another, the two documents are then matched like a single document.
    Finally, the remaining highlights of each document are matched by their neighbours.

    Args:
        documents: The documents in which highlights appeared or disappeared.
        absent_highlights: The stored highlights that are no longer in their documents.
        earlier_highlights: The stored highlights that were removed in earlier runs.
        pairs: The pairs so far. The caller must add each candidate.
    """
    new_highlights = []
    for document in documents:
        new_highlights += select_unmatched(pairs, document.scanned_highlights)
    removed_highlights = [*absent_highlights, *earlier_highlights]
    yield from _iter_moved_pairs(removed_highlights, new_highlights)
    yield from _iter_pairs_by_id(removed_highlights, new_highlights, _get_choice_ids)
    joined_documents = _join_documents(documents, absent_highlights, pairs)
    for document in joined_documents:
        yield from iter_matches_in_document(document.select_unmatched(pairs), pairs)
    for document in (*documents, *joined_documents):
        yield from _iter_matches_by_neighbours(document, pairs)


def _get_choice_ids(matched_highlight: MatchedHighlight) -> frozenset[str]:
    """Return the id of the event by which a highlight was chosen, as a set of at most one id."""
    return frozenset(
        filter(None, [hints.find_choice_event_id(matched_highlight.highlight.hints)])
    )


def _iter_moved_pairs(
    stored_highlights: Sequence[MatchedHighlight],
    scanned_highlights: Sequence[MatchedHighlight],
) -> Iterator[Candidate]:
    """Pair highlights that were removed from one document with equal new ones in another document.

    To rule out a coincidence, the text must be long, the context on one side must be equal, or
    several texts must have moved between the same two documents.
    """
    positions = _index_highlights(stored_highlights, scanned_highlights)
    candidates = _pair_equal_texts(stored_highlights, scanned_highlights, positions)
    moved_highlights = defaultdict(set)
    for mark, stored_highlight in candidates:
        moved_highlights[stored_highlight.document, mark.document].add(mark)
    for mark, stored_highlight in candidates:
        count = len(moved_highlights[stored_highlight.document, mark.document])
        if (
            count >= MIN_EQUAL_COUNT
            or len(mark.newest_reading.text) >= MIN_DISTINCTIVE_CHARS
            or has_same_context(stored_highlight, mark)
        ):
            yield mark, stored_highlight


def _join_documents(
    documents: Sequence[DocumentHighlights],
    absent_highlights: Sequence[MatchedHighlight],
    pairs: Pairs,
) -> list[DocumentHighlights]:
    """Join pairs of documents between which many highlights moved, as in a split or merge.

    A joined document has the stored highlights of the old document and the scanned highlights of
    the new document. Two documents are joined if at least half of the highlights that disappeared
    from the old document, or that appeared in the new document, moved between them.
    """
    stored_by_document = defaultdict(list)
    scanned_by_document = {}
    # by the old and the new document: how many highlights moved between them
    moved_counts = Counter[tuple[int, int]]()
    # by document: how many highlights appeared or disappeared, and haven't been matched yet
    new_counts = Counter[int]()
    absent_counts = Counter[int]()
    for document in documents:
        for stored_highlight in document.stored_highlights:
            stored_by_document[stored_highlight.document].append(stored_highlight)
        for mark in document.scanned_highlights:
            scanned_by_document[mark.document] = document.scanned_highlights
            if mark not in pairs:
                new_counts[mark.document] += 1
            elif pairs[mark].document != mark.document:
                moved_counts[pairs[mark].document, mark.document] += 1
    changed_documents = set(stored_by_document)
    for stored_highlight in absent_highlights:
        if stored_highlight.document not in changed_documents:
            stored_by_document[stored_highlight.document].append(stored_highlight)
        if stored_highlight not in pairs and stored_highlight.was_present:
            absent_counts[stored_highlight.document] += 1

    joined_documents = []
    for (old_id, new_id), moved_count in moved_counts.most_common():
        # the unpaired highlights, which are what is left to match
        absent_count, new_count = absent_counts[old_id], new_counts[new_id]
        if not absent_count or not new_count:
            continue
        if moved_count >= absent_count or moved_count >= new_count:
            joined = (stored_by_document[old_id], scanned_by_document[new_id])
            joined_documents.append(DocumentHighlights(*joined))
    return joined_documents


def has_same_context(
    stored_highlight: MatchedHighlight, scanned_highlight: MatchedHighlight
) -> bool:
    """Return whether a stored reading has the same text and the same context on one side.

    An empty context isn't compared.
    """
    newest = scanned_highlight.newest_reading
    sides = get_context_sides(newest)
    for reading in stored_highlight.readings:
        if reading.text == newest.text and not sides.isdisjoint(
            get_context_sides(reading)
        ):
            return True
    return False


def get_context_sides(reading: NormalizedReading) -> set[Pair]:
    """Return the nonempty contexts of a reading as pairs of a side and its text.

    The side is "before" or "after". The text is truncated to `MIN_CONTEXT_CHARS`.
    """
    before = ("before", reading.before[-MIN_CONTEXT_CHARS:])
    after = ("after", reading.after[:MIN_CONTEXT_CHARS])
    return {side for side in (before, after) if side[1]}


# --- questions to the user --------------------------------------------------------------


def find_similar_removed(
    removed_highlights: Sequence[MatchedHighlight],
    new_highlights: Sequence[MatchedHighlight],
) -> Pairs:
    """Find pairs of a new and a similar removed highlight, to be confirmed by the user.

    A new highlight that contains a removed one is the least similar, however long it is. Removed
    highlights without a decision are skipped, because no card would be lost.

    Returns:
        The most similar removed highlight, keyed by the new highlight. No removed highlight
        occurs twice.
    """
    # parallel lists, because rapidfuzz returns the indexes of similar texts
    owners = []
    texts = []
    for removed_highlight in removed_highlights:
        if removed_highlight.is_decided:
            for reading in removed_highlight.readings:
                owners.append(removed_highlight)
                texts.append(reading.text)
    if not texts or not new_highlights:
        return {}
    from rapidfuzz import fuzz, process

    ranked = []
    for new_highlight in new_highlights:
        new_text = new_highlight.newest_reading.text
        similar_texts = process.extract(
            new_text,
            texts,
            scorer=fuzz.ratio,
            score_cutoff=MIN_QUESTION_SIMILARITY,
            limit=5,
            processor=None,
        )
        for _text, similarity, index in similar_texts:
            ranked.append((-similarity, (new_highlight, owners[index])))
        for owner, text in zip(owners, texts, strict=True):
            if len(text) >= MIN_DISTINCTIVE_CHARS and text in new_text:
                ranked.append((-MIN_QUESTION_SIMILARITY, (new_highlight, owner)))
    pairs: Pairs = {}
    add_unpaired_candidates(pairs, _sort_candidates(ranked))
    return {mark: pairs[mark] for mark in new_highlights if mark in pairs}


# --- similarity -------------------------------------------------------------------------


def compute_highlight_similarity(
    stored_highlight: MatchedHighlight, scanned_highlight: MatchedHighlight
) -> float:
    """Return how similar a scanned highlight is to the most similar stored reading, in percent."""
    from rapidfuzz import fuzz

    text = scanned_highlight.newest_reading.text
    return max(fuzz.ratio(reading.text, text) for reading in stored_highlight.readings)


def is_possibly_same(text: str, other_text: str) -> bool:
    """Return whether two normalized texts are similar enough to be the same passage."""
    return _compute_text_similarity(text, other_text) >= MIN_QUESTION_SIMILARITY


def _compute_text_similarity(text: str, other_text: str) -> float:
    if text == other_text:  # usual in a note that was edited elsewhere
        return 100.0
    from rapidfuzz import fuzz

    return fuzz.ratio(text, other_text)


# --- documents --------------------------------------------------------------------------

MIN_SHARED_FRACTION = 0.5
"""The fraction of the texts of the document with fewer texts that the other document must contain
for the two to match."""
_NUMBER = regex(r"\d+")


def find_renamed_documents(
    removed_documents: Mapping[DocumentId, Set[str]], new_documents: Sequence[Set[str]]
) -> list[DocumentId | None]:
    """Find the removed document of which each new document is a renamed version.

    Two documents match if the larger document has at least half of the smaller document's texts.
    A document that matches several removed documents counts as new.

    Args:
        removed_documents: The texts of each removed document, keyed by document id.
        new_documents: The texts of each new document.

    Returns:
        The id of the removed document for each new document, or None if there is none.
    """
    if not removed_documents:
        return [None] * len(new_documents)
    from rapidfuzz import fuzz, process

    ids_by_text = defaultdict(list)
    for id, texts in removed_documents.items():
        for text in texts:
            ids_by_text[text].append(id)
    removed_texts = list(ids_by_text)
    old_ids: list[DocumentId | None] = []
    for texts in new_documents:
        shared_counts = Counter[DocumentId]()
        for text in texts:
            best_match = process.extractOne(
                text,
                removed_texts,
                scorer=fuzz.ratio,
                score_cutoff=MIN_SIMILARITY,
                processor=None,
            )
            # notes with the same wording but different numbers are different notes
            if best_match and _NUMBER.findall(text) == _NUMBER.findall(best_match[0]):
                shared_counts.update(ids_by_text[best_match[0]])
        similar_ids = []
        for id, count in shared_counts.items():
            smaller_size = min(len(texts), len(removed_documents[id]))
            if count >= MIN_SHARED_FRACTION * smaller_size:
                similar_ids.append(id)
        old_id: DocumentId | None = None
        if len(similar_ids) == 1 and similar_ids[0] not in old_ids:
            [old_id] = similar_ids
        old_ids.append(old_id)
    return old_ids
