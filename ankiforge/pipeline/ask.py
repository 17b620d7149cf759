"""Ask a model, a chat or an agent about the user's text, in one way for all of them.

An `Ask` is built from text that a privacy filter has masked. Its request is sent to the configured
model, or pasted into a chat by the user. Whoever replies, the same method parses and checks the
reply.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Generic, TypeVar

from ankiforge.draft.prompt import ModelRequest
from ankiforge.model import Value
from ankiforge.pipeline.draft import load_privacy_filter

if TYPE_CHECKING:
    from ankiforge.draft.privacy import PrivacyFilter
    from ankiforge.pipeline.workspace import Workspace

Answer = TypeVar("Answer")


class Ask(Value, Generic[Answer]):
    """Base class for a request and the rules for parsing the reply to it."""

    request: ModelRequest
    """The request. Private text is already masked, so it may be sent to anyone."""

    @property
    def chat_text(self) -> str:
        """The request as text to paste into a chat."""
        return self.request.text

    def parse_reply(self, reply: str) -> Answer:
        """Parse a reply and check it, whether it's from a model or pasted from a chat."""
        raise NotImplementedError


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
