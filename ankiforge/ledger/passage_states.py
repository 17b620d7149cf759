"""The state of a passage that is still in a source: its card, its drafts and its suggestion."""

from __future__ import annotations

from collections.abc import Mapping
from enum import Enum, StrEnum, auto
from typing import Any

from ankiforge.ledger.store import Row
from ankiforge.model import MIN_CERTAIN_CONFIDENCE, MIN_PROPOSAL_CONFIDENCE, Value


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


def row_to_state(row: Row | Mapping[str, Any]) -> PassageState:
    """Convert a row of the view `present_passage` to the state of its passage.

    The row must also have the column `best`: None if the passage has no pending drafts, 0 if
    checks block all of them, and 1 otherwise.
    """
    return PassageState(
        key=row["key"],
        passage_key=row["passage"],
        document=row["document"],
        title=row["title"],
        position=row["position"],
        status=_find_status(row),
        has_pending_draft=row["best"] is not None,
        usefulness=row["worth"],
        remaining_usefulness=row["worth_left"],
        drafting_reason=row["reason"],
    )


def _find_status(row: Row | Mapping[str, Any]) -> PassageStatus:
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
