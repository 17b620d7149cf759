"""The drafts that wait for a person, the fates of highlights, and the number of each.

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
from ankiforge.ledger.store import Row, Store
from ankiforge.ledger.tables import cards, documents, lines, passages, waiting
from ankiforge.ledger.tables.highlights import decode_highlight
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


PassageRow = Row | Mapping[str, Any]
"""A row of `tables.passages.present`."""


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
    not_waiting = offers.ids_waiting_no_longer(store)
    rows = waiting.in_asking_order(store, held | not_waiting)
    open_ones = list(
        filter(is_open, passages.present(store, not_waiting, open_only=True))
    )
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
        offered: the first draft of each offer, as `tables.waiting.in_asking_order` has them.
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


def fate(row: PassageRow) -> str:
    """Return the fate of a passage by its name; `decided`: a person rejected all of it."""
    if row["carded"]:
        return "carded"
    if row["skipped"]:
        return "left_out"
    if row["best"] is not None:
        return "waiting" if row["best"] else "blocked"
    if row["fate"] in ("failed", "left_out"):
        return str(row["fate"])
    if row["done"]:
        return "decided"
    return "undrafted" if row["undrafted"] else "no_card"


def standing(row: PassageRow, asked: Container[str]) -> str:
    """Return the standing of a passage, one of `STANDS`; `asked`: passages with a question."""
    if row["passage"] in asked:
        return "asked"
    if row["best"] is not None:
        return "to_decide"
    if row["carded"]:
        return "with_card"
    if row["skipped"] or row["done"] or row["fate"] == "left_out":
        return "rejected_or_skipped"
    return "left_out"


def is_open(row: PassageRow) -> bool:
    """Return whether a passage has neither card nor draft, or has a sentence left worth a card."""
    its_fate = fate(row)
    if its_fate == "carded":
        return row["best"] is None and row["worth_left"] >= FLOOR
    return its_fate in WITHOUT


def _best_first(row: PassageRow) -> tuple[float, int, int]:
    return -row["worth_left"], row["document"], row["position"]


def _rows(store: Store, key: str = "") -> list[Row]:
    """Return the rows of the passages in their sources, or of the one that a highlight leads."""
    store.refold()
    not_waiting = offers.ids_waiting_no_longer(store)
    if key:
        return passages.present_one(store, key, not_waiting)
    return passages.present(store, not_waiting)


def fates(
    store: Store, key: str = "", *, best_first: bool = False
) -> Iterator[HighlightOutcome]:
    """Yield every passage in its source, with its fate, in reading order.

    Args:
        store: the store.
        key: only the one with this key.
        best_first: those most worth a card come first.
    """
    found = _rows(store, key)
    if best_first:
        found.sort(key=_best_first)
    for batch in in_batches(found):
        read = highlights_of(store, [row["key"] for row in batch])
        for row in batch:
            became = fate(row)
            reason = "" if became == "carded" else row["reason"]  # of the drafter
            if became in ("left_out", "decided", "no_card", "undrafted"):
                passage = store.passage(row["key"])
                reason = _why_none(passage, became, reason)
            yield HighlightOutcome(
                highlight=read[row["key"]],
                fate="left_out" if became == "decided" else became,
                reason=reason,
                worth=row["worth"],
                is_open=is_open(row),
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
    not_waiting = offers.ids_waiting_no_longer(store)
    for row in passages.present(store, not_waiting, open_only=True):
        if fate(row) in WITHOUT and not row["worth_left"] >= FLOOR:
            reasons.append(row["reason"])
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


def _state(row: Row) -> str:
    """Return the state of a mark that does not ask: `proposal`, `card` or `none`."""
    if row["worth_left"] >= FLOOR and (row["carded"] or not row["done"]):
        return "proposal"
    return "card" if row["carded"] else "none"


def marks(store: Store, key: str) -> list[tuple[Highlight, str]]:
    """Return the passages of the document that holds a highlight, with the state of each.

    In reading order; `asks`: something of it waits for a person; `proposal`: it is worth a card,
    or a further one; `card`: it has one; else `none`.
    """
    store.refold()
    rows = passages.present_beside(store, key)
    asking = _asked_about(store)
    not_waiting = offers.ids_waiting_no_longer(store)
    keys = store.keys_of(row["key"] for row in rows)
    for draft in waiting.offered_in(store, keys):
        if draft["id"] not in not_waiting:
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
    rows = _rows(store) if {"fates", "passages"} & {*names} else []
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
                stands = Counter(standing(row, asked) for row in rows)
                counts_by_name[name] = Counter({each: stands[each] for each in STANDS})
            case "reasons":
                waits = order(store, waits)
                counts_by_name[name] = offers.reasons(store, waits.new)
            case "fates":
                counts_by_name[name] = Counter(sorted(map(fate, rows)))
                counts_by_name[name]["left_out"] += counts_by_name[name].pop("decided", 0)
            case _:
                counts_by_name[name] = Counter(lines.counted(store, name))
    return counts_by_name
