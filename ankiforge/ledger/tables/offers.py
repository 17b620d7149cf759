"""Offers: the drafts that the user decides on together, in the order in which they are shown."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Collection, Iterable, Sequence
from operator import attrgetter

from ankiforge.ledger.store import Row, Store
from ankiforge.model import Guid, Severity, Value

_REPEAT_PENALTY = 0.05
"""How much each earlier offer from the same document lowers the rank of the next one."""


class Offer(Value):
    """The first draft of an offer, which stands for all of its drafts."""

    id: str
    """The id of the draft."""
    key: str
    passage_key: str
    """The oldest key of the passage."""
    changed_guid: Guid | None
    """The GUID of the card that the draft would revise or replace, or None for a new card."""
    is_hand_written: bool
    worst_severity: str
    """The severity of the draft's worst finding, or ""."""
    confidence: float
    """The sum of the confidences of all drafts of the offer."""
    usefulness: float
    """See `get_usefulness`."""
    is_passage_decided: bool
    document: int
    """The row id of the document."""
    title: str
    """The title of the document."""
    place: int
    """The position of the highlight within the document, in reading order."""
    position: int
    """The position of the draft among those of its highlight."""

    @property
    def reading_order(self) -> tuple[int, int, int]:
        """The sort key of reading order."""
        return self.document, self.place, self.position


def load_offers(store: Store, excluded_ids: Collection[str] = ()) -> list[Offer]:
    """Load the offers whose highlight is still in its source, as `sort_offers` sorts them.

    Drafts whose ids are in `excluded_ids` are ignored.
    """
    rows_by_offer: dict[str, list[Row]] = defaultdict(list)
    for row in store.fetch_rows(
        "SELECT d.id, d.offer, d.passage, d.revises, d.replaces, d.severity, d.slot, d.position,"
        " json_extract(d.body, '$.confidence') AS confidence, h.key, h.document,"
        " h.position AS place, x.title, p.decided"
        " FROM draft d JOIN highlight h ON h.key = d.key AND h.state = 'present'"
        " LEFT JOIN document x ON x.id = h.document LEFT JOIN passage p ON p.key = d.passage"
    ):
        if row["id"] not in excluded_ids:
            rows_by_offer[row["offer"]].append(row)
    return sort_offers(map(_build_offer, rows_by_offer.values()))


def get_usefulness(row: Row) -> float:
    """Return the usefulness of a draft from its columns `severity` and `confidence`.

    This is 0 for a draft with a warning or a blocking finding. Otherwise it is the confidence, or
    1 if the confidence is unknown.
    """
    if row["severity"] in (Severity.WARN, Severity.BLOCK):
        return 0.0
    return row["confidence"] or 1.0


def _build_offer(rows: Sequence[Row]) -> Offer:
    """Build an offer of its drafts. The first draft that no check blocks stands for them."""

    def get_sort_key(row: Row) -> tuple[bool, int]:
        return row["severity"] == Severity.BLOCK, row["position"]

    first = min(rows, key=get_sort_key)
    changed_guid = first["revises"] or first["replaces"]
    return Offer(
        id=first["id"],
        key=first["key"],
        passage_key=first["passage"],
        changed_guid=Guid(changed_guid) if changed_guid else None,
        is_hand_written=bool(first["slot"]),
        worst_severity=first["severity"],
        confidence=sum(row["confidence"] or 0.0 for row in rows),
        usefulness=get_usefulness(first),
        is_passage_decided=bool(first["decided"]),
        document=first["document"],
        title=first["title"],
        place=first["place"],
        position=first["position"],
    )


def sort_offers(offers: Iterable[Offer]) -> list[Offer]:
    """Sort offers into the order in which they are shown to the user.

    Offers without warnings come first, then offers with warnings and then blocked offers. Within
    each of these groups, hand-written cards come first, followed by offers for passages without a
    decision and then offers for decided passages. Ties are broken by confidence, which is reduced
    for each further offer from the same document, so that documents alternate.
    """
    best_first = sorted(offers, key=attrgetter("reading_order"))
    best_first.sort(key=attrgetter("confidence"), reverse=True)
    offers_before = Counter[int]()
    reduced_confidence: dict[str, float] = {}
    for offer in best_first:
        offers_before[offer.document] += 1
        penalty = _REPEAT_PENALTY * offers_before[offer.document]
        reduced_confidence[offer.id] = offer.confidence / (1 + penalty)

    def get_sort_key(offer: Offer) -> tuple[object, ...]:
        return (
            offer.worst_severity == Severity.BLOCK,
            offer.worst_severity == Severity.WARN,
            not offer.is_hand_written,
            offer.is_passage_decided,
            -reduced_confidence[offer.id],
            offer.reading_order,
        )

    return sorted(best_first, key=get_sort_key)
