"""The parameters of a run, made from the settings of a workspace."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

from ankiforge.config.deckfiles import DeckRule
from ankiforge.config.ownfiles import OwnPath
from ankiforge.model import Card, HighlightKey, Source, Value

if TYPE_CHECKING:
    from ankiforge.config import Config
    from ankiforge.draft.llm import Model


class Job(Value):
    """The parameters of a run."""

    accepts: Callable[[Card], bool]
    """Return whether the settings accept a draft without findings and remarks."""
    decks: tuple[DeckRule, ...]
    pictures: OwnPath
    """The folder for pictures cut from pages."""
    sources: tuple[Source, ...] = ()
    """The sources to read."""
    model: Model | None = None
    """Drafts what the rules leave; None = no model."""
    proposals: bool = True
    """Whether cards are proposed for what the rules leave."""
    figures: bool = True
    """Whether framed figures become cards that hide their labels."""
    in_use: frozenset[str] | None = None
    """The names of all sources that the workspace reads."""
    deck: str = ""
    """The deck for new cards.

    It overrides the deck files, but not the deck that a document asks for.
    """
    limit: int | None = None
    """The number of highlights that the model drafts; None = all."""
    within: frozenset[int] | None = None
    """The documents whose highlights the model drafts, `Report.documents`; None = all."""
    only: frozenset[HighlightKey] = frozenset()
    """Draft only these highlights again; empty = what is new."""
    remark: str = ""
    """A person's instructions for another draft."""
    in_progress: Callable[[str], bool] = lambda path: False
    """Return whether a person is still writing the note at this path in its source: its cards are
    accepted, and corrected, only later."""


def accept_policy(config: Config, override: str = "") -> Callable[[Card], bool]:
    """Return a function that decides whether to accept a draft without findings and remarks.

    Drafts of a model or an agent wait for a person.

    Args:
        config: provides the settings `accept`.
        override: the policy of `--accept` for the rules; "" = as in the settings.
    """
    rules = override or config.accept.rules

    def accepts(waiting: Card) -> bool:
        drafter = waiting.origin.drafter
        return rules == "clean" and drafter.startswith("rules")

    return accepts
