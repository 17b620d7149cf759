"""What waits for a person, what became of highlights, and how much of each there is.

Everything that shows or counts what waits takes it from here, so that page, terminal and
JSON agree.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Container, Iterable, Iterator, Mapping, Sequence
from typing import Any

import msgspec

from ankiforge.ledger import offers, questions
from ankiforge.ledger.cards import HighlightOutcome, LeftOutThere, highlights_of
from ankiforge.ledger.database import in_batches
from ankiforge.ledger.events import Passage
from ankiforge.ledger.readings import decode_highlight
from ankiforge.ledger.store import Row, Store
from ankiforge.ledger.tables import cards, documents, lines, passages, waiting
from ankiforge.model import (
    FLOOR,
    Highlight,
    LeftOut,
    Question,
    QuestionKind,
    Value,
)

# --- what waits -------------------------------------------------------------------------


class Place(Value):
    """Where a passage stands whose draft waits, or that has a sentence without card and draft."""

    id: str
    """Of the draft; without one, the key of the highlight."""
    key: str
    document: int
    """Its row in the store."""
    title: str
    position: int
    """In reading order."""
    worth: float
    """How likely a card of it is kept."""


Mark = Row | Mapping[str, Any]
"""A row of `tables.passages.marks`."""


class Order(Value):
    """The open decisions, list by list, in the order in which they are offered.

    How many wait in a list is its length.
    """

    new: list[str]
    """Drafts of new cards: of each passage the first one of its first offer. Words of the
    source's own come first, drafts with warnings later, blocked ones last; then what deserves
    a card most, and as they are read."""
    passages: list[str]
    """The passages of the new ones: the oldest of their keys."""
    blocked: int
    """How many of the new ones a check blocks."""
    conflicts: list[str]
    """The questions about cards that a person and the source changed."""
    revisions: list[str]
    """Drafts that change or replace a card."""
    questions: list[str]
    """The other questions. A draft that one of them is about is not among the drafts
    above."""
    held: int
    """The number of these drafts."""
    without: list[Place]
    """The highlights that have neither a card nor a draft, and about which no person decided that
    they need none, and those with a card of which a further sentence may be proposed; those most
    worth a card first."""
    version: int
    """A number that changes when another program writes."""

    @property
    def changed(self) -> list[str]:
        """The list of changed cards."""
        return [*self.conflicts, *self.revisions]


def order(store: Store, before: Order | None = None) -> Order:
    """Return the open decisions; `before` if nothing can have changed."""
    version = store.data_version()
    if before and before.version == version:
        return before
    store.refold()
    asked = questions.open_questions(store)
    held = {
        draft
        for each in asked
        if each.kind is not QuestionKind.CONFLICT
        for draft in each.drafts
    }
    settled = offers.ids_of_settled(store)
    rows = waiting.in_order(store, held | settled)
    open_ones = list(filter(is_open, passages.marks(store, settled, open_only=True)))
    open_ones.sort(key=_best_first)
    without = [
        Place(
            id=row["key"],
            key=row["key"],
            document=row["document"],
            title=row["title"],
            position=row["position"],
            worth=row["worth_left"],
        )
        for row in open_ones
    ]
    return arranged(asked, rows, held=len(held), without=without, version=version)


def arranged(
    asked: Iterable[Question],
    offered: Iterable[Row | Mapping[str, Any]],
    *,
    held: int = 0,
    without: Sequence[Place] = (),
    version: int = 0,
) -> Order:
    """Return the open decisions, list by list.

    Args:
        asked: the open questions.
        offered: the first draft of each offer, as `tables.waiting.in_order` has them.
        held: the number of drafts about which a question asks.
        without: as in `Order`.
        version: as in `Order`.
    """
    conflicts: list[str] = []
    others: list[str] = []
    for question in asked:
        if question.kind is QuestionKind.CONFLICT:
            conflicts.append(question.id)
        else:
            others.append(question.id)
    first_of_passage: dict[str, str] = {}
    revisions = []
    blocked = 0
    for row in offered:
        if row["changes"]:
            revisions.append(row["id"])
        elif row["passage"] not in first_of_passage:
            first_of_passage[row["passage"]] = row["id"]
            blocked += row["blocked"]
    return Order(
        new=[*first_of_passage.values()],
        passages=[*first_of_passage],
        blocked=blocked,
        conflicts=conflicts,
        revisions=revisions,
        questions=others,
        held=held,
        without=[*without],
        version=version,
    )


# --- what became of highlights ----------------------------------------------------------

STANDS = ("asked", "to_decide", "with_card", "rejected_or_skipped", "left_out")
"""How a passage stands: the first of these that applies. Each is in exactly one."""
NOTHING = "nothing to ask was recognised"
WITHOUT = ("no_card", "undrafted", "failed")
"""The fates of highlights without a card and a draft that nobody left out."""


def fate(mark: Mark) -> str:
    """Return what became of a passage; `decided`: a person rejected all of it."""
    if mark["carded"]:
        return "carded"
    if mark["skipped"]:
        return "left_out"
    if mark["best"] is not None:
        return "waiting" if mark["best"] else "blocked"
    if mark["fate"] in ("failed", "left_out"):
        return str(mark["fate"])
    if mark["done"]:
        return "decided"
    return "undrafted" if mark["undrafted"] else "no_card"


def standing(mark: Mark, asked: Container[str]) -> str:
    """Return how a passage stands, one of `STANDS`; `asked`: those that a question is about."""
    if mark["passage"] in asked:
        return "asked"
    if mark["best"] is not None:
        return "to_decide"
    if mark["carded"]:
        return "with_card"
    if mark["skipped"] or mark["done"] or mark["fate"] == "left_out":
        return "rejected_or_skipped"
    return "left_out"


def is_open(mark: Mark) -> bool:
    """Return whether a passage has neither card nor draft, or has a sentence left worth a card."""
    its_fate = fate(mark)
    if its_fate == "carded":
        return mark["best"] is None and mark["worth_left"] >= FLOOR
    return its_fate in WITHOUT


def _best_first(mark: Mark) -> tuple[float, int, int]:
    return -mark["worth_left"], mark["document"], mark["position"]


def _marks(store: Store, key: str = "") -> list[Row]:
    """Return how the passages in their sources stand, or the one that a highlight leads."""
    store.refold()
    settled = offers.ids_of_settled(store)
    if key:
        return passages.mark(store, key, settled)
    return passages.marks(store, settled)


def fates(
    store: Store, key: str = "", *, best_first: bool = False
) -> Iterator[HighlightOutcome]:
    """Yield every passage in its source, with its fate, in reading order.

    Args:
        store: the store.
        key: only the one with this key.
        best_first: those most worth a card come first.
    """
    found = _marks(store, key)
    if best_first:
        found.sort(key=_best_first)
    for batch in in_batches(found):
        read = highlights_of(store, [mark["key"] for mark in batch])
        for mark in batch:
            became = fate(mark)
            reason = "" if became == "carded" else mark["reason"]  # of the drafter
            if became in ("left_out", "decided", "no_card", "undrafted"):
                passage = store.passage(mark["key"])
                reason = _why_none(passage, became, reason)
            yield HighlightOutcome(
                highlight=read[mark["key"]],
                fate="left_out" if became == "decided" else became,
                reason=reason,
                worth=mark["worth"],
                is_open=is_open(mark),
            )


def _why_none(passage: Passage, became: str, reason: str) -> str:
    """Return why a passage has neither card nor draft.

    Args:
        passage: the passage.
        became: its fate.
        reason: what its drafter said; "" = nothing.
    """
    if passage.skipped:
        return passage.why_skipped or "rejected by you"
    if became == "decided":
        reasons = [card.why for card in passage.cards.values() if card.why]
        return reasons[0] if reasons else "rejected by you"
    return reason or ("not drafted yet" if became == "undrafted" else NOTHING)


def reasons_for_none(store: Store) -> Counter[str]:
    """Count the highlights of which there is no card, draft or proposal, by the reason."""
    store.refold()
    reasons = []
    settled = offers.ids_of_settled(store)
    for mark in passages.marks(store, settled, open_only=True):
        if fate(mark) in WITHOUT and not mark["worth_left"] >= FLOOR:
            reasons.append(mark["reason"])
    return Counter(reason or NOTHING for reason in sorted(reasons))


def _asked_about(store: Store) -> set[str]:
    """Return the passages about whose drafts or cards a question is open."""
    drafts = list[str]()
    guids = list[str]()
    for question in questions.open_questions(store):
        drafts += question.drafts
        guids += question.guids
    asked = waiting.passages_of(store, drafts)
    return asked.union(cards.passages_of(store, guids))


def places(store: Store, ids: Iterable[str], beside: str = "") -> list[Place]:
    """Return where the passages of drafts stand, in the order of the drafts' ids.

    A draft that the checks doubt is worth nothing; one of which nothing speaks against it counts
    as sure, but for a marked phrase, which is as good as its sentence.
    With the key of a highlight, only those in its document.
    """
    ids = list(ids)
    place_by_id = {}
    for row in waiting.places(store, ids, beside):
        place_by_id[row["id"]] = Place(*row)
    return [place_by_id[id] for id in ids if id in place_by_id]


def _state(mark: Row) -> str:
    """Return the state of a mark that does not ask: `proposal`, `card` or `none`."""
    if mark["worth_left"] >= FLOOR and (mark["carded"] or not mark["done"]):
        return "proposal"
    return "card" if mark["carded"] else "none"


def marks(store: Store, key: str) -> list[tuple[Highlight, str]]:
    """Return the passages of the document that holds a highlight, with the state of each.

    In reading order; `asks`: something of it waits for a person; `proposal`: it is worth a card,
    or a further one; `card`: it has one; else `none`.
    """
    store.refold()
    rows = passages.marks_beside(store, key)
    asking = _asked_about(store)
    settled = offers.ids_of_settled(store)
    keys = store.keys_of(row["key"] for row in rows)
    for draft in waiting.offered_in(store, keys):
        if draft["id"] not in settled:
            asking.add(draft["passage"])
    return [
        (decode_highlight(row), "asks" if row["passage"] in asking else _state(row))
        for row in rows
    ]


def left_out(store: Store) -> Iterator[LeftOutThere]:
    """Yield lookalikes of marks and cards, in the order of the documents."""
    for row in documents.with_lookalikes(store):
        for entry in msgspec.json.decode(row["left_out"], type=list[LeftOut]):
            yield LeftOutThere(row["source"], row["place"], row["title"], entry)


# --- numbers ----------------------------------------------------------------------------


def counts(
    store: Store, *names: str, waits: Order | None = None
) -> dict[str, Counter[str]]:
    """Return the numbers that reports show; with `names`, only these.

    `waits`: what waits, if it was read.

    The one place where anything is counted:

    - `fates`: passages in their sources, by what became of them. A person who rejected
      the cards of a passage left it out: `left_out`.
    - `passages`: the same passages by how they stand (`STANDS`): the numbers add up.
    - `waiting`: what `order` lists: `new`, `changed` and `questions`, and of these
      `blocked`, `conflicts` and `revisions`; `held` are the drafts that wait for the answers
      to questions; `without` are highlights without a card and a draft, or with a card and a
      further sentence that is open, and of these `proposed` those that are worth a proposal.
    - `reasons`: the new drafts that wait, by the first reason why; only if it is named.
    - `cards`: by verdict; `anki`: live cards by their state there, and `sourceless` those
      whose passages are gone; `unsent`: live cards that were never in a package, by kind.
    - `answers`: the reviews of our cards that were seen in Anki; those of cards that had left
      their learning steps, `tested`; and of these the `remembered` ones.
    """
    store.refold()
    counts_by_name: dict[str, Counter[str]] = {}
    names = names or ("fates", "passages", "waiting", *lines.COUNTED)
    all_marks = _marks(store) if {"fates", "passages"} & {*names} else []
    for name in names:
        match name:
            case "waiting":
                waits = order(store, waits)
                counts_by_name[name] = Counter(
                    new=len(waits.new),
                    blocked=waits.blocked,
                    changed=len(waits.changed),
                    conflicts=len(waits.conflicts),
                    revisions=len(waits.revisions),
                    questions=len(waits.questions),
                    held=waits.held,
                    without=len(waits.without),
                    proposed=sum(place.worth >= FLOOR for place in waits.without),
                )
            case "passages":
                asked = _asked_about(store)
                stands = Counter(standing(mark, asked) for mark in all_marks)
                counts_by_name[name] = Counter({each: stands[each] for each in STANDS})
            case "reasons":
                waits = order(store, waits)
                counts_by_name[name] = offers.reasons(store, waits.new)
            case "fates":
                counts_by_name[name] = Counter(sorted(map(fate, all_marks)))
                counts_by_name[name]["left_out"] += counts_by_name[name].pop("decided", 0)
            case _:
                counts_by_name[name] = Counter(lines.counted(store, name))
    return counts_by_name
