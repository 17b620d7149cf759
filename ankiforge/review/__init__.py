"""Review of the items that wait for the user's decision.

The web page and the terminal load items with `Review.load_item` and carry out decisions with
`Review.decide`, so both show the same items and allow the same decisions.
"""

from ankiforge.review.decisions import AnyDecision, Decision, DecisionOutcome
from ankiforge.review.items import Item, Review, StaleItemError

__all__ = [
    "AnyDecision",
    "Decision",
    "DecisionOutcome",
    "Item",
    "Review",
    "StaleItemError",
]
