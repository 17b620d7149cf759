"""Drafters turn highlights into drafts, or give the reason why a highlight gets no card.

rules      what a person wrote or marked as a card; needs no model, key or network
llm        asks any OpenAI-compatible server
chat       exchanges the same requests as texts to paste
"""

from __future__ import annotations

from ankiforge.draft.instructions import (
    PROPOSALS_VERSION,
    failed_on,
    for_rules,
    skip_reason,
    withheld,
    without_comment,
)

__all__ = [
    "PROPOSALS_VERSION",
    "failed_on",
    "for_rules",
    "skip_reason",
    "withheld",
    "without_comment",
]
