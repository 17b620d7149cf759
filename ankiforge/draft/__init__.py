"""Drafters turn highlights into drafts, or explain why a highlight gets no card.

- `rules` drafts what the user wrote or highlighted as a card. It works offline.
- `llm` asks a model on any OpenAI-compatible server.
- `chat` exports the same requests as texts for the user to paste into a chat.
- `propose` proposes cards for plain highlights when they are shown. It works offline.
"""

from __future__ import annotations

from ankiforge.draft.instructions import (
    PROPOSALS_VERSION,
    find_drafting_skip_reason,
    find_reason_not_to_send,
    find_user_skip_reason,
    is_drafted_by_rules_only,
    make_failed_result,
    remove_comment_from_context,
)

__all__ = [
    "PROPOSALS_VERSION",
    "find_drafting_skip_reason",
    "find_reason_not_to_send",
    "find_user_skip_reason",
    "is_drafted_by_rules_only",
    "make_failed_result",
    "remove_comment_from_context",
]
