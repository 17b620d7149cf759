"""The decisions that a user can make on an item, and their outcome."""

from __future__ import annotations

from collections.abc import Callable
from enum import StrEnum
from typing import NamedTuple

from ankiforge.model import Texts, Value

PASSAGE_CHOICE = -1
"""The value of `Decision.choice` for a card made from the passage itself instead of a draft."""


class DecisionResult(StrEnum):
    """What a decision makes of its item, for the ticks of a sitting."""

    CARD = "card"
    NONE = "none"
    LATER = "later"

    @classmethod
    def from_act(cls, act: str) -> DecisionResult:
        """Return the result of a decision by its name in the web page's requests."""
        if act == "later":
            return cls.LATER
        if act == "reject":
            return cls.NONE
        return cls.CARD


class Decision(
    Value,
    forbid_unknown_fields=True,
    tag_field="act",
    rename={"content_hash": "turn", "batch_number": "sitting"},
):
    """Base class for decisions on an item, as decoded from the web page's requests."""

    id: str
    content_hash: str = ""
    """The `content_hash` of the item as displayed, or "" to skip the check for changes."""
    batch_number: int = 0
    """The number of the sitting, i.e. the batch of up to ten items, in which the user decided, or
    0 outside a sitting."""
    choice: int = 0
    """The number of the selected draft, counted from 0, or `PASSAGE_CHOICE`."""

    @property
    def result(self) -> DecisionResult:
        """What the decision makes of its item."""
        return DecisionResult.from_act(str(self.__struct_config__.tag))


class Accept(Decision, tag="accept"):
    """Accept a draft, proposal or repair, or answer yes to a question."""

    gap: int = 1
    """The number of the gap to blank out. Gaps are counted from 1, best first."""
    masks: str = ""
    """The figure's masks as edited by the user, or "" if unchanged."""
    another: bool = False
    """Whether to make another card even if the draft would revise an existing one."""
    forced: bool = False
    """Whether the user overrules the checks that block the draft."""


class Reject(Decision, tag="reject"):
    """Reject a draft, proposal, card or passage, or answer no to a question."""

    passage: bool = False
    """Whether to reject everything undecided in the passage, not only this draft."""


class Edit(Decision, tag="edit"):
    """Accept a draft with edited fields, or edit a card."""

    fields: Texts = {}
    gap: int = 1
    """The number of the gap that a preview blanks out."""
    forced: bool = False


class WriteCard(Decision, tag="write"):
    """Make a card from an item's passage, with fields that the user has written."""

    fields: Texts = {}
    gap: int = 1
    forced: bool = False
    replaces: bool = False
    """Whether the card replaces the selected draft, which is then rejected."""


class MakeFromSelection(Decision, tag="make"):
    """Make a card from text selected in a proposal's sentence or in a passage."""

    spans: str = ""
    """The selected text, as positions in code points, such as `3-8,12-15`."""
    cut: str = ""
    """The part of the sentence to keep on the card, such as `3-80`, or "" for all of it."""
    before: bool = False
    """Whether the card also shows the preceding sentence."""
    question: str | None = None
    """The question that the selected text answers, or None to blank out the text."""
    forced: bool = False


class SetMasks(Decision, tag="masks"):
    """Change the masks of a card's figure."""

    masks: str = ""


class Restore(Decision, tag="restore"):
    """Undo the decision that retired or rejected a card."""


class Postpone(Decision, tag="later"):
    """Move an item to the end of its list."""


class Redraft(Decision, tag="others"):
    """Have the model draft other cards for an item."""


class ShowInAnki(Decision, tag="browse"):
    """Open an item's card in Anki's card browser."""


AnyDecision = (
    Accept
    | Reject
    | Edit
    | WriteCard
    | MakeFromSelection
    | SetMasks
    | Restore
    | Postpone
    | Redraft
    | ShowInAnki
)


class DecisionOutcome(NamedTuple):
    """The result of carrying out a decision."""

    undo: Callable[[], object] | None = None
    """Undoes the decision. None if that is impossible."""
    action: str = ""
    """The ID of the ledger's action that records the decision, or ""."""
    message: str = ""
    """A message for the user."""
    next_id: str | None = None
    """The ID of the item to show next: the next sentence of the same passage, or the same item
    if it is still pending. None if there is no such item.
    """
    postponed_id: str | None = None
    """After a rejection, the ID of the next sentence of the same passage, to be shown after all
    other items.
    """
    is_pending: bool = False
    """Whether the item is still pending."""
