"""The order in which items are reviewed: by document, ten at a time, in reading order.

The web page, the terminal, `status`, `list` and agents all use this order. `pending_items` loads
the pending items, and this module sorts them. A batch of up to ten items is called a sitting; the
server stores it as a `ReviewBatch`.

Proposals are generated on demand for each sitting, most useful first, until the sitting has ten
items. Less certain proposals come after everything else in a document, and only if the user asks
for more.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping, Sequence
from itertools import chain
from operator import attrgetter, itemgetter
from typing import NamedTuple

from msgspec.structs import replace

from ankiforge.ledger import Ledger, pending_items
from ankiforge.ledger.draft_groups import (
    filter_passages_with_several_draft_groups,
    iter_draft_groups,
)
from ankiforge.ledger.pending_items import PassageLocation, ProposalCounts
from ankiforge.model import (
    MIN_CERTAIN_CONFIDENCE,
    MIN_PROPOSAL_CONFIDENCE,
    DocumentId,
    PendingDraft,
    Strings,
    Value,
)
from ankiforge.pipeline.query import find_matching_ids, parse_query
from ankiforge.review.decisions import RESULT_BY_ACT
from ankiforge.review.items import Item
from ankiforge.text import format_count
from ankiforge.text.normalize import normalize_for_lookup

SITTING_SIZE = 10
"""The maximum number of decisions in a sitting."""


WAITING_NOUNS = {
    "new": "draft",
    "proposed": "proposal",
    "changed": "change",
    "questions": "question",
}
"""The noun for each kind of pending item, in display order.

The keys are those of the group `waiting` in the result of `pending_items.count_items_by_group`.
"""


def format_pending_counts(counts: Mapping[str, int], suffix: str = "") -> str:
    """Format the numbers of pending items, e.g. `10 waiting: 7 drafts, 3 proposals`.

    Returns "" if there are none.

    Args:
        counts: The number of pending items by kind, with the keys of `WAITING_NOUNS`.
        suffix: Text to insert after "waiting", such as ` in all sources`.
    """
    parts = []
    total = 0
    for kind, noun in WAITING_NOUNS.items():
        count = counts.get(kind, 0)
        if count:
            parts.append(format_count(count, noun))
            total += count
    if not parts:
        return ""
    if len(parts) == 1:
        return f"{parts[0]} waiting{suffix}"
    return f"{total:,} waiting{suffix}: {', '.join(parts)}"


class DocumentItems(Value):
    """A document with its pending drafts and the highlights that may have a proposal."""

    document: int
    title: str
    with_drafts: tuple[PassageLocation, ...] = ()
    """For each highlight with pending drafts, the location of its best sentence, best first."""
    with_proposals: tuple[PassageLocation, ...] = ()
    """The highlights with a certain proposal, most useful first."""
    with_uncertain_proposals: tuple[PassageLocation, ...] = ()
    """The highlights with a less certain proposal, which are shown only if the user asks for
    more."""
    others: tuple[PassageLocation, ...] = ()
    """The highlights with neither a card, a draft nor a proposal."""

    @property
    def best_location(self) -> PassageLocation:
        """The location of the best draft or, without drafts, of the best proposal or highlight."""
        groups = (self.with_drafts, self.with_proposals, self.with_uncertain_proposals)
        return next(chain(*groups, self.others))

    @property
    def has_pending_items(self) -> bool:
        """Whether the document has pending drafts or certain proposals."""
        return bool(self.with_drafts or self.with_proposals)

    @property
    def proposal_counts(self) -> ProposalCounts:
        """The estimated numbers of sentences with a certain and with a less certain proposal."""
        return pending_items.count_proposals(
            (*self.with_proposals, *self.with_uncertain_proposals)
        )

    @property
    def draft_count(self) -> int:
        """The number of new cards that the pending drafts would make."""
        return sum(location.draft_count for location in self.with_drafts)

    @property
    def pending_counts(self) -> dict[str, int]:
        """The numbers of drafts and certain proposals, for `format_pending_counts`."""
        return {"new": self.draft_count, "proposed": self.proposal_counts.certain}

    @property
    def remaining_count(self) -> int:
        """The number of highlights without a card, draft or certain proposal."""
        return len(self.with_uncertain_proposals) + len(self.others)

    @property
    def top_ranks(self) -> list[float]:
        """The ranks of the ten best drafts and proposals, highest first."""
        locations = (*self.with_drafts, *self.with_proposals)
        return sorted(map(attrgetter("rank"), locations), reverse=True)[:SITTING_SIZE]

    @property
    def should_offer_chat(self) -> bool:
        """Whether to offer a chat instead of a sitting.

        A chat is offered if there are fewer than ten drafts and certain proposals together, and
        no fewer remaining highlights.
        """
        offered_count = sum(self.pending_counts.values())
        return offered_count < min(SITTING_SIZE, 1 + self.remaining_count)

    @property
    def chat_offer(self) -> str:
        """A phrase that offers a chat, e.g. `your chat can ask about 40 more`, or "" for no offer.

        The page shows the phrase after the numbers of drafts and proposals, if there are any.
        """
        if self.remaining_count == 0 or not self.should_offer_chat:
            return ""
        if self.has_pending_items or self.with_uncertain_proposals:
            return f"your chat can ask about {self.remaining_count:,} more"
        highlights = format_count(self.remaining_count, "highlight")
        return f"your chat can ask about {highlights}"

    def select_best_items(
        self,
        load_item: Callable[[str], Item | None],
        postponed_ids: Collection[str] = (),
        *,
        uncertain: bool = False,
    ) -> list[Item]:
        """Return the ten most useful drafts and proposals, in reading order.

        Proposals are generated, the most useful first, until there are ten items. If several
        highlights propose the same sentence, only the proposal with the highest confidence is
        returned. Postponed items are only returned if nothing else is left.

        Args:
            load_item: Returns the item with a given id, or None if it is no longer pending.
            postponed_ids: The ids of postponed items.
            uncertain: Whether to select from the less certain proposals instead.
        """
        locations = self.with_drafts + self.with_proposals
        if uncertain:
            locations = self.with_uncertain_proposals
        remaining = [each for each in locations if each.id not in postponed_ids]
        if not remaining:
            remaining = [*locations]
        remaining.sort(key=lambda location: (-location.usefulness, location.sentence))
        candidates: dict[str, _Candidate] = {}
        for location in remaining:
            if len(candidates) == SITTING_SIZE:
                break
            item = load_item(location.id)
            if item is None or not _is_selectable(item, uncertain=uncertain):
                continue
            candidate = _Candidate(location.position, item)
            other = candidates.get(candidate.name)
            if other is None or candidate.confidence > other.confidence:
                candidates[candidate.name] = candidate
        in_reading_order = sorted(candidates.values(), key=attrgetter("position"))
        return [candidate.item for candidate in in_reading_order]


class _Candidate(NamedTuple):
    """An item that may be one of the best of its document."""

    position: int
    """The position of the passage within the document, in reading order."""
    item: Item

    @property
    def name(self) -> str:
        """What the item is about: a proposed sentence, or the passage of the drafts."""
        return self.item.proposal.quote if self.item.proposal else self.item.id

    @property
    def confidence(self) -> float:
        """The confidence of the proposal. Only one of equal sentences is shown."""
        return self.item.proposal.confidence if self.item.proposal else 0.0


def _is_selectable(item: Item, *, uncertain: bool) -> bool:
    """Return whether an item has a card to decide on, and not a less certain one unasked."""
    if not item.offered_drafts:
        return False
    if item.proposal is None or uncertain:
        return True
    return item.proposal.is_certain


class ReviewBatch(Value):
    """A batch of at most ten items to decide on, with the results of the decisions so far."""

    ids: Strings
    """The ids of the remaining items, in display order."""
    results: Strings = ()
    """The result of each decision: `card`, `none` or `later`."""
    actions: Strings = ()
    """The ids of the actions that undo the decisions."""
    document: str = ""
    """The ID of the document on the page, or "" if the sitting shows a list."""
    list_id: str = ""

    def record_decision(
        self, id: str, decision_kind: str, action_id: str, next_fact_id: str = ""
    ) -> ReviewBatch:
        """Return a copy of the sitting in which a decision is recorded and its item is removed.

        If the decision created a card, the next fact of the same highlight takes the place of the
        item. If this makes more than ten items, including those already decided, the last item is
        dropped.

        Args:
            id: The id of the item.
            decision_kind: The `kind` of the decision.
            action_id: The id of the action_id, or "" if the decision cannot be undone.
            next_fact_id: The id of the next fact of the same highlight, or "".
        """
        result = RESULT_BY_ACT.get(decision_kind, "card")
        results = (*self.results, result)
        has_card = result == "card"
        sitting = self.replace_item(id, next_fact_id if has_card else "")
        ids = sitting.ids[: SITTING_SIZE - len(results)]
        actions = self.actions
        if action_id:
            actions = (*actions, action_id)
        return replace(self, ids=ids, results=results, actions=actions)

    def replace_item(self, id: str, new_id: str) -> ReviewBatch:
        """Return a copy in which `new_id` replaces `id`. If `new_id` is "", `id` is removed."""
        if id not in self.ids:
            return self
        index = self.ids.index(id)
        new_ids = (new_id,) if new_id else ()
        return replace(self, ids=self.ids[:index] + new_ids + self.ids[index + 1 :])

    def add_item(self, id: str, reading_order: Sequence[str]) -> ReviewBatch:
        """Return a copy to which an item of the same document is added, in reading order.

        If this makes more than ten items, including those already decided, the last item is
        dropped. The new item itself is never dropped.

        Args:
            id: The id of the item to add.
            reading_order: The ids of the new item and of the sitting's items, in reading order.
        """
        ids = [each for each in reading_order if each == id or each in self.ids]
        if len(ids) + len(self.results) > SITTING_SIZE and len(ids) > 1:
            ids.remove(ids[-2] if ids[-1] == id else ids[-1])
        return replace(self, ids=tuple(ids))


def group_by_document(
    drafts: Iterable[PassageLocation], uncarded: Iterable[PassageLocation] = ()
) -> list[DocumentItems]:
    """Group the locations of items by document.

    The documents are sorted by the sum of the ranks of their ten best items, highest first.
    Documents with the same title are assumed to be copies of one work: only the best copy is
    sorted this way, and the others come after all other works.

    Args:
        drafts: The locations of pending drafts, best first.
        uncarded: The locations of highlights without a card, best first.
    """
    groups_by_document: dict[DocumentId, _LocationGroups] = {}

    def get_groups(location: PassageLocation) -> _LocationGroups:
        new_groups = _LocationGroups(location.title)
        return groups_by_document.setdefault(location.document, new_groups)

    for location in drafts:
        get_groups(location).drafts.append(location)
    for location in uncarded:
        get_groups(location).add_uncarded(location)
    documents = [
        groups.build_document(document) for document, groups in groups_by_document.items()
    ]
    documents.sort(key=lambda document: sum(document.top_ranks), reverse=True)
    return _put_copies_last(documents)


class _LocationGroups:
    """The locations in one document, by what there is to decide on."""

    def __init__(self, title: str) -> None:
        self._title = title
        self.drafts: list[PassageLocation] = []
        self._proposals: list[PassageLocation] = []
        self._uncertain_proposals: list[PassageLocation] = []
        self._others: list[PassageLocation] = []

    def add_uncarded(self, location: PassageLocation) -> None:
        """Add a highlight without a card, which may have a proposal."""
        if location.usefulness >= MIN_CERTAIN_CONFIDENCE:
            self._proposals.append(location)
        elif location.usefulness >= MIN_PROPOSAL_CONFIDENCE:
            self._uncertain_proposals.append(location)
        else:
            self._others.append(location)

    def build_document(self, document: DocumentId) -> DocumentItems:
        return DocumentItems(
            document,
            self._title,
            with_drafts=tuple(self.drafts),
            with_proposals=tuple(self._proposals),
            with_uncertain_proposals=tuple(self._uncertain_proposals),
            others=tuple(self._others),
        )


def _put_copies_last(documents: Sequence[DocumentItems]) -> list[DocumentItems]:
    """Sort the first document of each title before the second ones, and so on."""
    title_counts = Counter[str]()
    ranked_documents = []
    for document in documents:
        title = normalize_for_lookup(document.title)
        ranked_documents.append((title_counts[title], document))
        title_counts[title] += 1
    ranked_documents.sort(key=itemgetter(0))
    return [document for _, document in ranked_documents]


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
    # include a passage if any of its drafts matches the query
    matching_keys = set[str]()
    for offer in iter_draft_groups(ledger, [location.key for location in locations]):
        for draft in offer:
            if draft.id in matches:
                matching_keys.add(draft.key)
    ids = []
    for location in locations:
        if not matching_keys.isdisjoint(ledger.get_keys(location.key)):
            ids.append(location.id)
    ids += filter(matches.__contains__, order.changed_cards)
    return ids


def find_documents_with_proposals(ledger: Ledger, query: str) -> list[DocumentItems]:
    """Find the documents with proposals whose titles contain all words of a query, best first.

    Less certain proposals count as well, because the user has asked for the document by name. A
    query with fields or negations is about cards and drafts, so it matches no documents.

    Raises:
        UsageError: The query cannot be parsed.
    """
    terms = parse_query(query)
    if any(term.field or term.negated for term in terms):
        return []
    query_words = [normalize_for_lookup(term.value) for term in terms]
    if not query_words:
        return []
    matching_documents = []
    without_card = pending_items.load_pending_items(ledger).without_card
    for document in group_by_document((), without_card):
        if document.proposal_counts.total == 0:
            continue
        title = normalize_for_lookup(document.title)
        if all(word in title for word in query_words):
            matching_documents.append(document)
    return matching_documents


def iter_sittings(
    ledger: Ledger, load_item: Callable[[str], Item | None], query: str = ""
) -> Iterator[Strings]:
    """Yield the item ids of each sitting, in the order in which the page offers the sittings.

    Changed cards and questions come first, because only the user can resolve them. Next come the
    ten best drafts and proposals of each document, then the next ten of each, and so on. Less
    certain proposals come last, and only if there is a query or nothing else was yielded.

    Args:
        ledger: Where the items are stored.
        load_item: Returns the item with a given id, or None if it is no longer pending.
        query: Restricts the result to matching drafts and changes, and to proposals of
            documents with matching titles; "" for no restriction.
    """
    matching_ids = set(list_pending_ids(ledger, query))
    order = pending_items.load_pending_items(ledger)
    asked_ids = [
        id for id in (*order.changed_cards, *order.questions) if id in matching_ids
    ]
    for start in range(0, len(asked_ids), SITTING_SIZE):
        yield tuple(asked_ids[start : start + SITTING_SIZE])
    selector = _SittingSelector(ledger, load_item, yielded=set(asked_ids))
    if query:
        selector.matching_ids = matching_ids
        selector.named_documents = {
            document.document for document in find_documents_with_proposals(ledger, query)
        }
    while sittings := selector.select_sittings(uncertain=False):
        yield from sittings
    if selector.yielded and not query:
        return
    while sittings := selector.select_sittings(uncertain=True):
        yield from sittings


class _SittingSelector:
    """Selects the next sitting of each document."""

    def __init__(
        self,
        ledger: Ledger,
        load_item: Callable[[str], Item | None],
        yielded: set[str],
    ) -> None:
        self._ledger = ledger
        self._load_item = load_item
        self.yielded = yielded
        """The ids, and the hashes of the proposed sentences, of the items selected so far."""
        self.matching_ids: Collection[str] | None = None
        """The ids of the drafts to select from, or None for all drafts."""
        self.named_documents: Collection[DocumentId] | None = None
        """The documents whose proposals to select from, or None for all documents."""

    def select_sittings(self, *, uncertain: bool) -> list[Strings]:
        """Return the item ids of the next sitting of each document that has any left."""
        order = pending_items.load_pending_items(self._ledger)
        drafts = [each for each in order.drafts if self._is_open(each)]
        if self.matching_ids is not None:
            drafts = [each for each in drafts if each.id in self.matching_ids]
        uncarded = [each for each in order.without_card if self._is_open(each)]
        if self.named_documents is not None:
            uncarded = [
                each for each in uncarded if each.document in self.named_documents
            ]
        sentences = {each.id: each.sentence for each in uncarded if each.sentence}
        sittings = []
        for document in group_by_document(drafts, uncarded):
            items = document.select_best_items(self._load_item, uncertain=uncertain)
            if not items:
                continue
            ids = tuple(item.id for item in items)
            sittings.append(ids)
            self.yielded.update(ids)
            self.yielded.update(sentences[id] for id in ids if id in sentences)
        return sittings

    def _is_open(self, location: PassageLocation) -> bool:
        return self.yielded.isdisjoint({location.id, location.sentence})


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
