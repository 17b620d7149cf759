"""Review: offers as a person sees and decides on them.

The page and the terminal draw the same items and pass on the same decisions:
`Review.item`, `Review.decide`.
"""

from ankiforge.review.items import Decided, Decision, Item, Review, StaleError

__all__ = ["Decided", "Decision", "Item", "Review", "StaleError"]
