"""Review: offers as a person sees and decides on them.

The page and the terminal draw the same items and pass on the same decisions:
`Review.item`, `Review.decide`.
"""

from ankiforge.review.decisions import Decided, Decision, Review, StaleError
from ankiforge.review.items import Item

__all__ = ["Decided", "Decision", "Item", "Review", "StaleError"]
