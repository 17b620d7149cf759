"""Review: offers as a person sees and decides on them.

The page and the terminal draw the same items and pass on the same decisions:
`Review.item`, `Review.decide`.
"""

from ankiforge.review.items import Decision, DecisionResult, Item, Review, StaleError

__all__ = ["Decision", "DecisionResult", "Item", "Review", "StaleError"]
