"""The order in which items are reviewed: by document, ten at a time, in reading order.

The web page, the terminal, `status`, `list` and agents all use this order. `pending_items` loads
the pending items, and this module sorts them. A batch of up to ten items is called a sitting
(`review.sitting`).

Suggestions are generated on demand for each sitting, most useful first, until the sitting has ten
items. Less certain ones come after everything else in a document, and only if the user asks
for more.
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
)
from itertools import chain, filterfalse
from operator import attrgetter
from pathlib import PurePosixPath

from ankiforge.ledger import Ledger, pending_items
from ankiforge.ledger.draft_groups import (
    filter_passages_with_several_draft_groups,
    iter_draft_groups,
)
from ankiforge.ledger.pending_items import PassageLocation, WaitingCounts
from ankiforge.ledger.tables.highlights import DocumentPlace
from ankiforge.model import (
    DocumentId,
    PendingDraft,
    Strings,
    Value,
)
from ankiforge.pipeline.query import find_matching_ids, parse_query
from ankiforge.review.items import Item
from ankiforge.review.queue import list_queue
from ankiforge.text.lines import Line, format_lines, make_noun_line
from ankiforge.text.normalize import normalize_for_lookup

SITTING_SIZE = 10
"""The maximum number of decisions in a sitting."""
MIN_OWN_ROW_COUNT = 4
"""The minimum number of waiting cards with which a document has a row of its own."""


def format_pending_counts(counts: WaitingCounts, suffix: str = "") -> str | None:
    """Format how many decisions wait, e.g. `10 waiting: 7 new cards, 3 changed cards`.

    Returns None if none waits. `suffix` is inserted after "waiting", such as ` in all sources`.
    """
    kinds = format_lines(list_waiting_lines(counts))
    if not kinds:
        return None
    if len(kinds) == 1:
        return f"{kinds[0]} waiting{suffix}"
    return f"{counts.total:,} waiting{suffix}: {', '.join(kinds)}"


def list_waiting_lines(counts: WaitingCounts) -> list[Line]:
    """List what waits by kind."""
    return [
        make_noun_line("new", counts.new, "new card"),
        make_noun_line("changed", counts.changed, "changed card"),
        make_noun_line("questions", counts.questions, "question"),
    ]


class DocumentItems(Value):
    """A document with its pending drafts and the highlights that may have a suggestion."""

    document: int
    title: str
    with_drafts: tuple[PassageLocation, ...] = ()
    """For each highlight with pending drafts, the location of its best sentence, best first."""
    suggestions: tuple[PassageLocation, ...] = ()
    """The highlights with a certain suggestion, most useful first."""
    more: tuple[PassageLocation, ...] = ()
    """The highlights with a less certain suggestion, which are shown only if the user asks for
    more."""
    others: tuple[PassageLocation, ...] = ()
    """The highlights with neither a card, a draft nor a suggestion."""

    @property
    def best_location(self) -> PassageLocation:
        """The location of the best draft or, without drafts, of the best other highlight."""
        groups = (self.with_drafts, self.suggestions, self.more, self.others)
        return next(chain(*groups))

    @property
    def waiting_count(self) -> int:
        """The number of new cards of the document that wait."""
        drafts = sum(location.draft_count for location in self.with_drafts)
        return drafts + len(self.suggestions)

    @property
    def remaining_count(self) -> int:
        """The number of highlights without a card, draft or certain suggestion."""
        return len(self.more) + len(self.others)

    @property
    def top_ranks(self) -> list[float]:
        """The ranks of the ten best drafts and suggestions, highest first."""
        locations = (*self.with_drafts, *self.suggestions)
        return sorted((each.rank for each in locations), reverse=True)[:SITTING_SIZE]

    @property
    def should_offer_chat(self) -> bool:
        """Whether to offer a chat instead of a sitting.

        A chat is offered if fewer than ten new cards wait, and no fewer highlights remain.
        """
        return self.waiting_count < min(SITTING_SIZE, 1 + self.remaining_count)

    def has_title_with(self, words: Iterable[str]) -> bool:
        """Return whether the title contains all words, ignoring case and accents."""
        title = normalize_for_lookup(self.title)
        return all(normalize_for_lookup(word) in title for word in words)

    def select_best_items(
        self,
        load_item: Callable[[str], Item | None],
        postponed_ids: Collection[str] = (),
        *,
        more: bool = False,
    ) -> list[Item]:
        """Return the ten most useful drafts and suggestions, in reading order.

        Suggestions are generated, the most useful first, until there are ten items. Postponed items
        are only returned if nothing else is left.

        Args:
            load_item: Returns the item with a given id, or None if it is no longer pending.
            postponed_ids: The ids of postponed items.
            more: Whether to select from the less certain suggestions instead.
        """
        locations = (*self.with_drafts, *self.suggestions)
        if more:
            locations = self.more
        remaining = [each for each in locations if each.id not in postponed_ids]
        if not remaining:
            remaining = [*locations]
        remaining.sort(key=lambda location: (-location.usefulness, location.sentence))
        best_items: list[Item] = []
        position_by_id: dict[str, int] = {}
        for location in remaining:
            if len(best_items) == SITTING_SIZE:
                break
            item = load_item(location.id)
            if item is not None and item.offered_drafts:
                best_items.append(item)
                position_by_id[item.id] = location.position
        return sorted(best_items, key=lambda item: position_by_id[item.id])


class FolderItems(Value):
    """A folder, or a source without folders, with documents in which fewer than four cards wait."""

    source: str
    folder: str
    documents: tuple[DocumentItems, ...]

    @property
    def id(self) -> str:
        """An id that stays the same while documents of the folder change."""
        return f"{self.source}/{self.folder}"

    @property
    def title(self) -> str:
        """The name of the folder or, for the documents outside folders, of the source."""
        return PurePosixPath(self.folder).name or self.source

    @property
    def document_ids(self) -> set[DocumentId]:
        """The ids of the documents."""
        return {document.document for document in self.documents}

    @property
    def waiting_count(self) -> int:
        """The number of new cards that wait."""
        return sum(document.waiting_count for document in self.documents)

    @property
    def remaining_count(self) -> int:
        """The number of highlights without a card, draft or certain suggestion."""
        return sum(document.remaining_count for document in self.documents)


def group_small_documents(
    documents: Iterable[DocumentItems], places: Mapping[int, DocumentPlace]
) -> list[DocumentItems | FolderItems]:
    """Replace documents in which fewer than four cards wait by a row for each of their folders.

    A folder comes in the place of its best document. A document that would be alone in its
    folder's row stays as it is.
    """
    small_by_folder = defaultdict[tuple[str, str], list[DocumentItems]](list)
    rows: list[DocumentItems | tuple[str, str]] = []
    for document in documents:
        place = places.get(document.document)
        if place is None or document.waiting_count >= MIN_OWN_ROW_COUNT:
            rows.append(document)
            continue
        folder = place.source, str(PurePosixPath(place.path).parent)
        if folder not in small_by_folder:
            rows.append(folder)
        small_by_folder[folder].append(document)
    grouped: list[DocumentItems | FolderItems] = []
    for row in rows:
        if isinstance(row, DocumentItems):
            grouped.append(row)
            continue
        small = small_by_folder[row]
        if len(small) == 1:
            grouped.append(small[0])
        else:
            grouped.append(FolderItems(*row, tuple(small)))
    return grouped


def group_by_document(
    drafts: Collection[PassageLocation], uncarded: Iterable[PassageLocation] = ()
) -> list[DocumentItems]:
    """Group the locations of items by document.

    The documents are sorted by the sum of the ranks of their ten best items, highest first.
    Documents with the same title are assumed to be copies of one work: only the best copy is
    sorted this way, and the others come after all other works.

    Args:
        drafts: The locations of pending drafts, best first.
        uncarded: The locations of highlights without a card, best first.
    """
    suggestions = pending_items.split_suggestions(uncarded)
    drafts_by_document = _group_locations(drafts)
    certain_by_document = _group_locations(suggestions.certain)
    more_by_document = _group_locations(suggestions.more)
    others_by_document = _group_locations(suggestions.others)
    all_locations = chain(
        drafts, suggestions.certain, suggestions.more, suggestions.others
    )
    title_by_document = {each.document: each.title for each in all_locations}
    documents = []
    for document, title in title_by_document.items():
        items = DocumentItems(
            document,
            title,
            with_drafts=tuple(drafts_by_document[document]),
            suggestions=tuple(certain_by_document[document]),
            more=tuple(more_by_document[document]),
            others=tuple(others_by_document[document]),
        )
        documents.append(items)
    documents.sort(key=lambda document: sum(document.top_ranks), reverse=True)
    return _put_copies_last(documents)


def _group_locations(
    locations: Iterable[PassageLocation],
) -> dict[DocumentId, list[PassageLocation]]:
    """Group locations by document, in the same order."""
    locations_by_document: dict[DocumentId, list[PassageLocation]] = defaultdict(list)
    for location in locations:
        locations_by_document[location.document].append(location)
    return locations_by_document


def _put_copies_last(documents: Sequence[DocumentItems]) -> list[DocumentItems]:
    """Sort the first document of each title before the second ones, and so on."""
    title_counts = Counter[str]()
    documents_by_copy_number: dict[int, list[DocumentItems]] = defaultdict(list)
    for document in documents:
        title = normalize_for_lookup(document.title)
        documents_by_copy_number[title_counts[title]].append(document)
        title_counts[title] += 1
    return list(chain.from_iterable(documents_by_copy_number.values()))


def sort_for_review(documents: Iterable[DocumentItems]) -> list[PassageLocation]:
    """Sort drafts for review.

    The drafts of each document are split into batches of ten, best first, and each batch is put
    in reading order.
    """
    ordered: list[PassageLocation] = []
    for document in documents:
        remaining = document.with_drafts
        while remaining:
            ordered += sorted(remaining[:SITTING_SIZE], key=attrgetter("position"))
            remaining = remaining[SITTING_SIZE:]
    return ordered


def list_pending_ids(ledger: Ledger, query: str = "") -> list[str]:
    """Return the ids of the pending items that match a query, in the order of review.

    Raises:
        UsageError: The query cannot be parsed.
    """
    order = pending_items.load_pending_items(ledger)
    locations = sort_for_review(group_by_document(order.drafts))
    if not query:
        ids = [location.id for location in locations]
        return [*order.conflicts, *ids, *order.revisions, *order.questions]
    matches = set(find_matching_ids(ledger, query))
    matching_keys = _find_keys_of_drafts(ledger, locations, matches)
    ids = []
    for location in locations:
        if not matching_keys.isdisjoint(ledger.get_keys(location.key)):
            ids.append(location.id)
    ids += filter(matches.__contains__, order.changed_cards)
    return ids


def _find_keys_of_drafts(
    ledger: Ledger, locations: Iterable[PassageLocation], draft_ids: Collection[str]
) -> set[str]:
    """Return the keys of the highlights, in some passages, with one of the drafts."""
    keys: set[str] = set()
    for offer in iter_draft_groups(ledger, [location.key for location in locations]):
        for draft in offer:
            if draft.id in draft_ids:
                keys.add(draft.key)
    return keys


def find_documents_with_suggestions(ledger: Ledger, query: str) -> list[DocumentItems]:
    """Find the documents with suggestions whose titles contain all words of a query, best first.

    Less certain suggestions count as well, because the user has asked for the document by name. A
    query with fields or negations is about cards and drafts, so it matches no documents.

    Raises:
        UsageError: The query cannot be parsed.
    """
    query_words = []
    for term in parse_query(query):
        if term.field or term.negated:
            return []
        query_words.append(term.value)
    if not query_words:
        return []
    matching_documents = []
    without_card = pending_items.load_pending_items(ledger).without_card
    for document in group_by_document((), without_card):
        if not document.suggestions and not document.more:
            continue
        if document.has_title_with(query_words):
            matching_documents.append(document)
    return matching_documents


def find_document_to_ask_about(ledger: Ledger, title: str) -> DocumentItems | None:
    """Find the best document with highlights to ask about whose title contains all words."""
    words = title.split()
    pending = pending_items.load_pending_items(ledger)
    for document in group_by_document((), pending.without_card):
        if document.has_title_with(words):
            return document
    return None


def iter_sittings(
    ledger: Ledger, load_item: Callable[[str], Item | None], query: str = ""
) -> Iterator[Strings]:
    """Yield the item ids of each sitting, in the order in which the page offers the sittings.

    Without a query, each sitting has the next ten items of the queue. With a query, changed cards
    and questions come first, then the ten best drafts and suggestions of each document, then the
    next ten of each, and so on. Less certain suggestions come last, and only if there is a query
    or nothing else was yielded.

    Args:
        ledger: Where the items are stored.
        load_item: Returns the item with a given id, or None if it is no longer pending.
        query: Restricts the result to matching drafts and changes, and to suggestions of
            documents with matching titles; "" for no restriction.
    """
    if query:
        yield from _iter_matching_sittings(ledger, load_item, query)
        return
    is_empty = True
    for ids in _iter_sittings_of_queue(ledger, load_item):
        is_empty = False
        yield ids
    if is_empty:
        selector = _SittingSelector(ledger, load_item)
        yield from selector.iter_sittings(more=True)


def _iter_sittings_of_queue(
    ledger: Ledger, load_item: Callable[[str], Item | None]
) -> Iterator[Strings]:
    """Yield the next ten items of the queue, as it is at that time, until none is left."""
    yielded_ids: set[str] = set()
    while True:
        queue = list_queue(pending_items.load_pending_items(ledger))
        remaining_ids = filterfalse(yielded_ids.__contains__, queue)
        ids = select_first_items(remaining_ids, load_item)
        if not ids:
            return
        yielded_ids.update(ids)
        yield ids


def _iter_matching_sittings(
    ledger: Ledger, load_item: Callable[[str], Item | None], query: str
) -> Iterator[Strings]:
    """Yield the sittings with the items that match a query, as `iter_sittings` describes."""
    matching_ids = set(list_pending_ids(ledger, query))
    pending = pending_items.load_pending_items(ledger)
    first_ids = list(
        filter(matching_ids.__contains__, (*pending.changed_cards, *pending.questions))
    )
    for start in range(0, len(first_ids), SITTING_SIZE):
        yield tuple(first_ids[start : start + SITTING_SIZE])
    selector = _SittingSelector(ledger, load_item)
    selector.matching_ids = matching_ids
    documents = find_documents_with_suggestions(ledger, query)
    selector.named_documents = {document.document for document in documents}
    yield from selector.iter_sittings(more=False)
    yield from selector.iter_sittings(more=True)


class _SittingSelector:
    """Selects the next sitting of each document."""

    def __init__(self, ledger: Ledger, load_item: Callable[[str], Item | None]) -> None:
        self._ledger = ledger
        self._load_item = load_item
        self._yielded: set[str] = set()
        """The ids, and the hashes of the suggested sentences, of the items selected so far."""
        self.matching_ids: Collection[str] | None = None
        """The ids of the drafts to select from, or None for all drafts."""
        self.named_documents: Collection[DocumentId] | None = None
        """The documents whose suggestions to select from, or None for all documents."""

    def iter_sittings(self, *, more: bool) -> Iterator[Strings]:
        """Yield the next sitting of each document, and so on, until no document has any left.

        `more` is whether to select less certain suggestions instead of drafts and certain ones.
        """
        while sittings := self._select_next_sittings(more=more):
            yield from sittings

    def _select_next_sittings(self, *, more: bool) -> list[Strings]:
        """Return the item ids of the next sitting of each document that has any left."""
        pending = pending_items.load_pending_items(self._ledger)
        drafts = list(filter(self._is_open_draft, pending.drafts))
        uncarded = list(filter(self._is_open_passage, pending.without_card))
        sentence_by_id = {location.id: location.sentence for location in uncarded}
        sittings = []
        for document in group_by_document(drafts, uncarded):
            items = document.select_best_items(self._load_item, more=more)
            if not items:
                continue
            sittings.append(tuple(item.id for item in items))
            for item in items:
                self._yielded.add(item.id)
                if sentence := sentence_by_id.get(item.id):
                    self._yielded.add(sentence)
        return sittings

    def _is_open_draft(self, location: PassageLocation) -> bool:
        if self.matching_ids is not None and location.id not in self.matching_ids:
            return False
        return self._is_open(location)

    def _is_open_passage(self, location: PassageLocation) -> bool:
        documents = self.named_documents
        if documents is not None and location.document not in documents:
            return False
        return self._is_open(location)

    def _is_open(self, location: PassageLocation) -> bool:
        return self._yielded.isdisjoint({location.id, location.sentence})


def select_first_items(
    ids: Iterable[str], load_item: Callable[[str], Item | None]
) -> Strings:
    """Return the first ten ids of items that can still be decided on."""
    selected: list[str] = []
    for id in ids:
        if len(selected) == SITTING_SIZE:
            break
        item = load_item(id)
        if item and (item.question or item.offered_drafts):
            selected.append(id)
    return tuple(selected)


def iter_drafts_for_review(ledger: Ledger) -> Iterator[PendingDraft]:
    """Yield the drafts for new cards in the order of review.

    The best draft group of every passage comes before the further draft groups of any passage.
    """
    order = pending_items.load_pending_items(ledger)
    locations = sort_for_review(group_by_document(order.drafts))
    first_offers = iter_draft_groups(ledger, [location.id for location in locations])
    other_offers = iter_draft_groups(
        ledger, filter_passages_with_several_draft_groups(ledger, order.new_passages)
    )
    yielded_ids: set[str] = set()
    for offer in chain(first_offers, other_offers):
        for draft in offer:
            if draft.target_guid is None and draft.id not in yielded_ids:
                yielded_ids.add(draft.id)
                yield draft
