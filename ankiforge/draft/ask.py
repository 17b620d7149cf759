"""What is asked of a model, a chat or an agent, in one form for all of them.

An `Ask` is built from text that a privacy filter has masked. Its request is sent to a model, or
pasted into a chat by the user. Whoever replies, the same method parses and checks the reply.
`pipeline/ask.py` puts it to the model of a workspace.
"""

from __future__ import annotations

from typing import Generic, TypeVar

from ankiforge.draft.prompt import ModelRequest
from ankiforge.model import Value

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
