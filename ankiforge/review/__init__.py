"""A person's decisions: one function for each, the same for the command line and for agents."""

from ankiforge.review.decide import Result, decide, edit, make
from ankiforge.review.query import find, is_key

__all__ = ["Result", "decide", "edit", "find", "is_key", "make"]
