"""The order in which items are reviewed: by document, ten at a time, in reading order.

The web page, the terminal, `status`, `list` and agents all use this order. `pending_items` loads
the pending items, and this module sorts them. A batch of up to ten items is called a sitting; the
server stores it as a `ReviewBatch`.

Proposals are generated on demand for each sitting, most useful first, until the sitting has ten
items. Less certain proposals come after everything else in a document, and only if the user asks
for more.
"""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping, Sequence
from itertools import chain
from operator import attrgetter, itemgetter

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


def format_waiting(waiting: Mapping[str, int], where: str = "") -> str:
    """Format the number of pending decisions, e.g. `10 waiting: 7 drafts, 3 proposals`.

    Returns "" if there are none.

    Args:
        waiting: the number of pending items by kind, with the keys of `WAITING_NOUNS`.
        where: text to insert after "waiting", such as ` in all sources`.
    """
    parts = [
        format_count(waiting[kind], noun)
        for kind, noun in WAITING_NOUNS.items()
        if waiting.get(kind)
    ]
    if len(parts) == 1:
        return f"{parts[0]} waiting{where}"
    total = sum(waiting.get(kind, 0) for kind in WAITING_NOUNS)
    return f"{total:,} waiting{where}: {', '.join(parts)}" if parts else ""


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
    def proposals(self) -> ProposalCounts:
        """The estimated numbers of sentences with certain and with less certain proposals."""
        return pending_items.count_proposals(
            (*self.with_proposals, *self.with_uncertain_proposals)
        )

    @property
    def draft_count(self) -> int:
        """The number of new cards that the pending drafts would make."""
        return sum(location.draft_count for location in self.with_drafts)

    @property
    def waiting(self) -> dict[str, int]:
        """The numbers of drafts and certain proposals, for `format_waiting`."""
        return {"new": self.draft_count, "proposed": self.proposals.certain}

    @property
    def remaining_count(self) -> int:
        """The number of highlights without a card, draft or certain proposal."""
        return len(self.with_uncertain_proposals) + len(self.others)

    @property
    def best_ranks(self) -> list[float]:
        """The ranks of the ten best drafts and proposals, highest first."""
        locations = (*self.with_drafts, *self.with_proposals)
        return sorted((each.rank for each in locations), reverse=True)[:SITTING_SIZE]

    @property
    def is_for_chat(self) -> bool:
        """Whether to offer a chat instead of a sitting.

        True if there are fewer than ten drafts and certain proposals, but at least as many
        remaining highlights.
        """
        offered_count = sum(self.waiting.values())
        return offered_count < min(SITTING_SIZE, 1 + self.remaining_count)

    @property
    def chat_offer(self) -> str:
        """A phrase offering a chat, e.g. `your chat can ask about 40 more`, or "".

        It is "" unless a chat is recommended. The page shows it after the numbers of drafts and
        proposals, if there are any.
        """
        if not (self.is_for_chat and self.remaining_count):
            return ""
        if self.has_pending_items or self.with_uncertain_proposals:
            return f"your chat can ask about {self.remaining_count:,} more"
        highlights = format_count(self.remaining_count, "highlight")
        return f"your chat can ask about {highlights}"

    def select_best_items(
        self,
        load_item: Callable[[str], Item | None],
        later: Collection[str] = (),
        *,
        uncertain: bool = False,
    ) -> list[Item]:
        """Return the ten most useful drafts and proposals, in reading order.

        Proposals are generated in order of usefulness until there are ten items. If several
        highlights propose the same sentence, only the most confident proposal is returned.
        Postponed items are returned only if nothing else is left.

        Args:
            load_item: returns the item with a given id, or None if it's no longer pending.
            later: the ids of postponed items.
            uncertain: whether to select from the less certain proposals instead.
        """
        locations = [*self.with_drafts, *self.with_proposals]
        if uncertain:
            locations = [*self.with_uncertain_proposals]
        remaining = [each for each in locations if each.id not in later] or locations
        remaining.sort(key=lambda location: (-location.usefulness, location.sentence))
        best_items: dict[str, tuple[int, float, Item]] = {}
        for location in remaining:
            if len(best_items) == SITTING_SIZE:
                break
            candidate = load_item(location.id)
            if not (candidate and candidate.offered_drafts):
                continue
            proposal = candidate.proposal
            if proposal and not uncertain and not proposal.is_certain:
                continue
            name = proposal.quote if proposal else location.id
            confidence = proposal.confidence if proposal else 0.0
            if name not in best_items or confidence > best_items[name][1]:
                best_items[name] = (location.position, confidence, candidate)
        in_reading_order = sorted(best_items.values(), key=itemgetter(0))
        return [candidate for *_, candidate in in_reading_order]


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
        self, id: str, act: str, action: str, next_fact_id: str = ""
    ) -> ReviewBatch:
        """Return a copy of the sitting with a decision recorded and its item removed.

        If the decision created a card, the item is replaced by the next fact of the same
        highlight. If the sitting would then exceed ten items, including those already decided,
        the last item is dropped.

        Args:
            id: the id of the item.
            act: the `kind` of the decision.
            action: the id of the action, or "" if the decision can't be undone.
            next_fact_id: the id of the next fact of the same highlight, or "".
        """
        result = RESULT_BY_ACT.get(act, "card")
        results = (*self.results, result)
        sitting = self.replace_item(id, next_fact_id if result == "card" else "")
        ids = sitting.ids[: SITTING_SIZE - len(results)]
        actions = (*self.actions, action) if action else self.actions
        return replace(self, ids=ids, results=results, actions=actions)

    def replace_item(self, id: str, new_id: str) -> ReviewBatch:
        """Return a copy with item `id` replaced by `new_id`, or removed if `new_id` is ""."""
        if id not in self.ids:
            return self
        index = self.ids.index(id)
        ids = (*self.ids[:index], *filter(None, [new_id]), *self.ids[index + 1 :])
        return replace(self, ids=ids)

    def add_item(self, id: str, reading_order: Sequence[str]) -> ReviewBatch:
        """Return a copy with an item of the same document added, in reading order.

        If the sitting would then exceed ten items, including those already decided, the last
        item other than the new one is dropped.

        Args:
            id: the id of the item to add.
            reading_order: the ids of the new item and of the sitting's items, in reading order.
        """
        ids = [each for each in reading_order if each == id or each in self.ids]
        if len(ids) + len(self.results) > SITTING_SIZE and len(ids) > 1:
            ids.remove(ids[-2] if ids[-1] == id else ids[-1])
        return replace(self, ids=tuple(ids))


def group_by_document(
    drafts: Iterable[PassageLocation], uncarded: Iterable[PassageLocation] = ()
) -> list[DocumentItems]:
    """Group the locations of items by document.

    Documents are sorted by the sum of the ranks of their ten best items, highest first. If
    several documents have the same title, they are taken for copies of one work; all copies but
    the best one come after all other works.

    Args:
        drafts: the locations of pending drafts, best first.
        uncarded: the locations of highlights without a card, best first.
    """
    documents = defaultdict[DocumentId, tuple[list[PassageLocation], ...]](
        lambda: ([], [], [], [])
    )
    for location in drafts:
        documents[location.document][0].append(location)
    for location in uncarded:
        group = 3
        if location.usefulness >= MIN_CERTAIN_CONFIDENCE:
            group = 1
        elif location.usefulness >= MIN_PROPOSAL_CONFIDENCE:
            group = 2
        documents[location.document][group].append(location)
    piles = []
    for document, locations in documents.items():
        title = next(chain(*locations)).title
        piles.append(DocumentItems(document, title, *map(tuple, locations)))
    piles.sort(key=lambda pile: sum(pile.best_ranks), reverse=True)
    title_counts = Counter[str]()
    ranks: dict[int, int] = {}
    for pile in piles:
        name = normalize_for_lookup(pile.title)
        ranks[pile.document] = title_counts[name]
        title_counts[name] += 1
    return sorted(piles, key=lambda pile: ranks[pile.document])


def sort_for_review(piles: Iterable[DocumentItems]) -> list[PassageLocation]:
    """Sort drafts for review: by document, then in batches of the ten best, in reading order."""
    ordered: list[PassageLocation] = []
    for pile in piles:
        remaining = pile.with_drafts
        while remaining:
            ordered += sorted(remaining[:SITTING_SIZE], key=attrgetter("position"))
            remaining = remaining[SITTING_SIZE:]
    return ordered


def list_pending_ids(ledger: Ledger, query: str = "") -> list[str]:
    """Return the ids of the pending items that match a query, in the order of review.

    Raises:
        UsageError: the query can't be parsed.
    """
    order = pending_items.load_pending_items(ledger)
    locations = sort_for_review(group_by_document(order.drafts))
    if not query:
        ids = [location.id for location in locations]
        return [*order.conflicts, *ids, *order.revisions, *order.questions]
    matches = set(find_matching_ids(ledger, query))
    # include a passage if any of its drafts matches the query
    keys = set[str]()
    for offer in iter_draft_groups(ledger, [location.key for location in locations]):
        keys.update(draft.key for draft in offer if draft.id in matches)
    ids = [
        each.id for each in locations if not keys.isdisjoint(ledger.get_keys(each.key))
    ]
    return ids + [id for id in order.changed_cards if id in matches]


def find_documents_with_proposals(ledger: Ledger, query: str) -> list[DocumentItems]:
    """Return the documents with proposals whose titles contain all query words, best first.

    Less certain proposals count, too, because the user has named the document. A query with
    fields or negations is about cards and drafts, so it matches no documents.

    Raises:
        UsageError: the query can't be parsed.
    """
    terms = parse_query(query)
    if not terms or any(term.field or term.negated for term in terms):
        return []
    query_words = [normalize_for_lookup(term.value) for term in terms]
    matching_piles = []
    for pile in group_by_document(
        (), pending_items.load_pending_items(ledger).without_card
    ):
        if not (pile.with_proposals or pile.with_uncertain_proposals):
            continue
        title = normalize_for_lookup(pile.title)
        if all(word in title for word in query_words):
            matching_piles.append(pile)
    return matching_piles


def iter_sittings(
    ledger: Ledger, load_item: Callable[[str], Item | None], query: str = ""
) -> Iterator[Strings]:
    """Yield a tuple of item ids for each sitting, in the order in which the page offers them.

    Changed cards and questions come first, because only the user can resolve them. Next come the
    ten best drafts and proposals of each document, then the next ten of each, and so on. Less
    certain proposals come last, and only if there is a query or if nothing else was yielded.

    Args:
        ledger: where the items are stored.
        load_item: returns the item with a given id, or None if it's no longer pending.
        query: restricts the result to matching drafts and changes, and to proposals of
            documents with matching titles; "" for no restriction.
    """
    wanted_ids = set(list_pending_ids(ledger, query))
    named = {pile.document for pile in find_documents_with_proposals(ledger, query)}
    order = pending_items.load_pending_items(ledger)
    asked = [*order.changed_cards, *order.questions]
    asked = [id for id in asked if id in wanted_ids]
    for start in range(0, len(asked), SITTING_SIZE):
        yield tuple(asked[start : start + SITTING_SIZE])
    yielded = set(asked)
    for uncertain in (False, True):
        if uncertain and yielded and not query:
            return
        has_more = True
        while has_more:
            has_more = False
            order = pending_items.load_pending_items(ledger)
            drafts = [each for each in order.drafts if not query or each.id in wanted_ids]
            marks = [
                each for each in order.without_card if not query or each.document in named
            ]
            sentences = {each.id: each.sentence for each in marks}
            remaining = (
                [
                    each
                    for each in locations
                    if yielded.isdisjoint({each.id, each.sentence})
                ]
                for locations in (drafts, marks)
            )
            for pile in group_by_document(*remaining):
                items = pile.select_best_items(load_item, uncertain=uncertain)
                if items:
                    ids = tuple(each.id for each in items)
                    has_more = True
                    yielded.update(ids, (sentences.get(id) or id for id in ids))
                    yield ids


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
