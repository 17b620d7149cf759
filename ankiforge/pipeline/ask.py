"""Put an `Ask` about the user's text to the model of a workspace, or take the reply of a chat."""

from __future__ import annotations

from typing import TYPE_CHECKING

from ankiforge.draft.ask import Answer, Ask
from ankiforge.pipeline.draft import load_privacy_filter

if TYPE_CHECKING:
    from ankiforge.draft.privacy import PrivacyFilter
    from ankiforge.pipeline.workspace import Workspace


def load_current_privacy_filter(workspace: Workspace) -> PrivacyFilter:
    """Read the sources, then load the privacy filter.

    Thus, text that was tagged `#no-llm` since the last run isn't sent either.
    """
    workspace.read_sources()
    return load_privacy_filter(workspace.ledger)


def get_answer(
    workspace: Workspace, ask: Ask[Answer], chat_reply: str | None = None
) -> Answer | None:
    """Parse the reply of a chat or, if `chat_reply` is None, of the configured model.

    Returns None if there's neither a reply nor a configured model.

    Raises:
        ServiceError, ItemError: The model can't be reached or doesn't answer.
        ConfigError: The model's settings are invalid, or its key is missing.
        UsageError: No model is chosen, or the workspace is offline.
    """
    if chat_reply is not None:
        return ask.parse_reply(chat_reply)
    model = workspace.build_model()
    if model is None:
        return None
    return ask.parse_reply(model.request_reply(ask.request))
