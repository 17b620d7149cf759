"""A sitting: at most ten items of one document or list, and what the user has decided so far."""

from __future__ import annotations

from collections.abc import Sequence
from enum import Enum

from msgspec.structs import replace

from ankiforge.model import Strings, Value
from ankiforge.review.batches import SITTING_SIZE
from ankiforge.review.decisions import Decision, DecisionOutcome, DecisionResult


class SittingKind(Enum):
    """Where the items of a sitting come from."""

    DOCUMENT = "document"
    QUEUE = "queue"
    """The best items of several documents: of all documents, or of a folder."""
    LIST = "list"
    """A list of questions, words or a feature. Its sittings are never continued."""


class Sitting(Value):
    """A value: each method that changes something returns a changed copy."""

    kind: SittingKind
    target: str
    """The ID of the document, folder or list."""
    ids: Strings
    """The ids of the remaining items, in display order."""
    results: tuple[DecisionResult, ...] = ()
    """The result of each decision."""
    actions: Strings = ()
    """The ids of the ledger's actions that record the decisions."""

    @property
    def document(self) -> str | None:
        """The ID of the document, or None if the sitting shows a list or several documents."""
        return self.target if self.kind is SittingKind.DOCUMENT else None

    @property
    def position(self) -> str:
        """The position in the sitting, e.g. `8 of 10`."""
        decided = len(self.results)
        return f"{decided + 1} of {decided + len(self.ids)}"

    def record_decision(
        self, decision: Decision, outcome: DecisionOutcome, next_id: str | None
    ) -> Sitting:
        """Record a decision and remove its item.

        If the decision created a card, the next fact of the same passage (`next_id`) takes the
        place of the item. If this makes more than ten items, including those already decided, the
        last item is dropped.
        """
        if outcome.is_pending:
            return self.replace_item(decision.id, next_id)
        results = (*self.results, decision.result)
        has_card = decision.result is DecisionResult.CARD
        ids = self.replace_item(decision.id, next_id if has_card else None).ids
        actions = self.actions
        if outcome.action:
            actions = (*actions, outcome.action)
        ids = ids[: SITTING_SIZE - len(results)]
        return replace(self, ids=ids, results=results, actions=actions)

    def replace_item(self, id: str, new_id: str | None) -> Sitting:
        """Show `new_id` in the place of `id`. If `new_id` is None, just remove `id`."""
        if id not in self.ids:
            return self
        index = self.ids.index(id)
        new_ids = () if new_id is None else (new_id,)
        return replace(self, ids=self.ids[:index] + new_ids + self.ids[index + 1 :])

    def add_item(self, id: str, reading_order: Sequence[str]) -> Sitting:
        """Add an item of the same document in reading order.

        If this makes more than ten items, including those already decided, the last item is
        dropped. The new item itself is never dropped.

        Args:
            id: The id of the item to add.
            reading_order: The ids of the new item and of the sitting's items, in reading order.
        """
        ids = [each for each in reading_order if each == id or each in self.ids]
        if len(ids) + len(self.results) > SITTING_SIZE and len(ids) > 1:
            if ids[-1] == id:
                del ids[-2]
            else:
                del ids[-1]
        return replace(self, ids=tuple(ids))
