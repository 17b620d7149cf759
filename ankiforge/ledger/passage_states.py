"""The state of a passage that is still in a source: its card, its drafts and its suggestion."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from enum import Enum, StrEnum, auto
from typing import Any

import msgspec

from ankiforge.ledger.store import Row
from ankiforge.model import (
    MIN_CERTAIN_CONFIDENCE,
    MIN_PROPOSAL_CONFIDENCE,
    SourceKind,
    Strings,
    Value,
)

_StateRow = Row | Mapping[str, Any]
"""A row of the view `present_passage`."""

ROUTE_PRIORITY = (SourceKind.ZOTERO, SourceKind.PDF, SourceKind.VAULT, SourceKind.OTHER)
"""The routes, i.e. kinds of sources, in order of preference. The text of a passage is taken from
the first route that still contains the passage."""
ROUTE_RANKS = {route.value: rank for rank, route in enumerate(ROUTE_PRIORITY)}


class PassageStatus(StrEnum):
    """Whether a passage has a card or a pending draft and, if it has neither, why."""

    CARDED = "carded"
    WAITING = "waiting"
    """It has a pending draft."""
    BLOCKED = "blocked"
    """Checks block all of its pending drafts."""
    NO_CARD = "no_card"
    """Drafting found nothing to ask."""
    UNDRAFTED = "undrafted"
    FAILED = "failed"
    LEFT_OUT = "left_out"
    """The user, a colour or a setting excludes it."""
    DECIDED = "decided"
    """It has no card because of the user's decision, such as a rejected draft."""


UNCARDED_STATUSES = (
    PassageStatus.NO_CARD,
    PassageStatus.UNDRAFTED,
    PassageStatus.FAILED,
)
"""The statuses of passages that have neither card nor draft and that the user didn't exclude."""


class ReviewStatus(Enum):
    """What the user has left to decide about a passage."""

    WAITING = auto()
    """A draft or question is pending."""
    SUGGESTED = auto()
    """A certain suggestion waits, for a first or a further card."""
    MORE = auto()
    """There is only a less certain suggestion, which doesn't wait."""
    WITHOUT_CARD = auto()
    """The passage has neither card, draft nor suggestion."""
    WITH_CARD = auto()
    SKIPPED = auto()
    """The passage has no card, because the user or a setting wants none."""


class PassageState(Value):
    """The state of a passage, which its leading highlight stands for."""

    key: str
    """The key of the leading highlight."""
    passage_key: str
    """The oldest key of the passage."""
    document: int
    """The row id of the document."""
    title: str
    """The title of the document."""
    position: int
    """The position of the highlight within the document, in reading order."""
    status: PassageStatus
    has_pending_draft: bool
    usefulness: float
    """The probability that the user would keep a card of the best sentence."""
    remaining_usefulness: float
    """The same for the best sentence that isn't decided. At most 0 if no card is suggested."""
    drafting_reason: str
    """Why the last drafting made no card, or ""."""

    @property
    def suggestion_confidence(self) -> float:
        """The confidence in the suggested card, at most 0 without one."""
        if self.status is PassageStatus.FAILED:
            return 0.0
        return self.remaining_usefulness

    @property
    def has_open_sentence(self) -> bool:
        """Whether the passage has neither card nor draft, or a card and a certain suggestion."""
        if self.status is not PassageStatus.CARDED:
            return self.status in UNCARDED_STATUSES
        if self.has_pending_draft:
            return False
        return self.remaining_usefulness >= MIN_CERTAIN_CONFIDENCE

    def find_review_status(self, *, has_question: bool) -> ReviewStatus:
        """Determine what the user has left to decide about the passage.

        `has_question` is whether a question about the passage is open.
        """
        if has_question or self.has_pending_draft:
            return ReviewStatus.WAITING
        if not self.has_open_sentence:
            if self.status is PassageStatus.CARDED:
                return ReviewStatus.WITH_CARD
            return ReviewStatus.SKIPPED
        if self.suggestion_confidence >= MIN_CERTAIN_CONFIDENCE:
            return ReviewStatus.SUGGESTED
        if self.suggestion_confidence >= MIN_PROPOSAL_CONFIDENCE:
            return ReviewStatus.MORE
        return ReviewStatus.WITHOUT_CARD


def get_leading_sort_key(route: str, key: str, passage_keys: Strings) -> tuple[int, int]:
    """Return the sort key of a present highlight, which is lowest for the leading one.

    A passage takes its text from the leading highlight. It is of the kind of source that comes
    first in `ROUTE_PRIORITY`, and has the oldest key among highlights of the same kind.
    """
    return ROUTE_RANKS[route], passage_keys.index(key)


def select_leading_rows(rows: Sequence[_StateRow]) -> list[_StateRow]:
    """Return the rows of the leading highlight of each passage, in the same order.

    A passage is left out if the user is asked whether the document of its leading highlight was
    deleted. `rows` must contain all present highlights of each passage.
    """
    ranks: dict[str, tuple[int, int]] = {}
    leading_by_passage: dict[str, _StateRow] = {}
    for row in rows:
        passage = row["passage"]
        rank = (0, 0)  # of the only highlight of a passage with one key
        if row["passage_keys"] is not None:
            passage_keys = tuple(msgspec.json.decode(row["passage_keys"]))
            rank = get_leading_sort_key(row["route"], row["key"], passage_keys)
        if passage not in ranks or rank < ranks[passage]:
            ranks[passage] = rank
            leading_by_passage[passage] = row
    leading_rows = []
    for row in rows:
        if leading_by_passage[row["passage"]] is row and not row["is_doubted"]:
            leading_rows.append(row)
    return leading_rows


def row_to_state(row: _StateRow) -> PassageState:
    """Convert a row of the view `present_passage` to the state of its passage."""
    return PassageState(
        key=row["key"],
        passage_key=row["passage"],
        document=row["document"],
        title=row["title"],
        position=row["position"],
        status=_find_status(row),
        has_pending_draft=row["best"] is not None,
        usefulness=row["worth"],
        remaining_usefulness=_compute_remaining_usefulness(row),
        drafting_reason=row["reason"],
    )


def _compute_remaining_usefulness(row: _StateRow) -> float:
    """Return how useful a card of the best undecided sentence would be.

    Until a sentence of the passage is decided, this is the usefulness of the passage. If no
    sentence is left, the result is below 0, so that the passage sorts last.
    """
    usefulness: float = row["worth"]
    if usefulness <= 0 or not (row["decided"] or row["has_decided_sentence"]):
        return usefulness
    if row["closed"] or row["open_worth"] is None:
        return usefulness - 1
    open_usefulness: float = row["open_worth"]
    return open_usefulness


def _find_status(row: _StateRow) -> PassageStatus:
    if row["carded"]:
        return PassageStatus.CARDED
    if row["skipped"]:
        return PassageStatus.LEFT_OUT
    if row["best"] is not None:
        return PassageStatus.WAITING if row["best"] else PassageStatus.BLOCKED
    if row["fate"] in ("failed", "left_out"):
        return PassageStatus(row["fate"])
    if row["done"]:
        return PassageStatus.DECIDED
    if row["undrafted"]:
        return PassageStatus.UNDRAFTED
    return PassageStatus.NO_CARD
