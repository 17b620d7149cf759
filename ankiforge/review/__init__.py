"""Review of the items that are shown to the user for decisions.

The web page and the terminal show the same items and pass on the same decisions. They load an item
with `Review.load_item` and pass a decision to `Review.decide`.
"""

from ankiforge.review.items import Decision, DecisionResult, Item, Review, StaleItemError

__all__ = ["Decision", "DecisionResult", "Item", "Review", "StaleItemError"]
