"""Drafters turn highlights into drafts, or give the reason why a highlight gets no card.

rules      what a person wrote or marked as a card; needs no model, key or network
llm        asks any OpenAI-compatible server
cascade    asks a small model step by step, for questions to proposed answers
chat       exchanges the same requests as texts to paste
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from ankiforge.draft.instructions import (
    PROPOSALS_VERSION,
    failed_on,
    for_rules,
    skip_reason,
    withheld,
    without_comment,
)
from ankiforge.model import Drafted, Task

__all__ = [
    "PROPOSALS_VERSION",
    "Rules",
    "failed_on",
    "for_rules",
    "skip_reason",
    "withheld",
    "without_comment",
]


class Rules:
    """The offline drafter, which always gives the same drafts for the same highlights.

    Its patterns are compiled for the first task: most runs have none.
    """

    def __init__(self, *, figures: bool = True) -> None:
        """`figures`: whether framed figures become cards that hide their labels."""
        self._figures = figures

    def draft(self, tasks: Iterable[Task]) -> Iterator[Drafted]:
        """Yield one result per task, in order."""
        for task in tasks:
            from ankiforge.draft.rules import drafted

            yield drafted(task, figures=self._figures)
