"""A chat completion: the form of its request, and the parts of its reply that are used.

Servers differ in the fields that they know.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

from msgspec.structs import replace

from ankiforge.model import Json, Value

# --- the request ----------------------------------------------------------------------

FORMAT = "response_format"
OPTIONS: Mapping[str, Any] = {"temperature": 0}
"""Fields of every request, unless the server refuses them or `extra_body` sets them."""


class Form(Value):
    """The form of a request that a server accepts, as far as it is known."""

    rung: int = 0
    """How many response formats the server refused, from the strictest on."""
    dropped: frozenset[str] = frozenset()
    """The options that the server refuses."""

    def without(self, field: str) -> Form:
        """Return the next form to try after a server refused a field of this one."""
        if field == FORMAT:
            return replace(self, rung=self.rung + 1)
        return replace(self, dropped=self.dropped | {field})

    def fields(self, schema: Mapping[str, Any]) -> Json:
        """Return the fields that a request of this form has beside model and messages."""
        fields = {}
        for name, value in OPTIONS.items():
            if name not in self.dropped:
                fields[name] = value
        # the response formats, the strictest first; {} is plain text
        json_schema = {"name": "reply", "strict": True, "schema": schema}
        formats: tuple[Json, ...] = (
            {"type": "json_schema", "json_schema": json_schema},
            {"type": "json_object"},
            {},
        )
        response_format = formats[self.rung]
        if response_format:
            fields[FORMAT] = response_format
        return fields


# --- the reply ------------------------------------------------------------------------


MOST_TOKENS = 10_000_000
"""The maximum credible number of tokens of a request or reply."""
# The keys of the JSON that is asked for: reasoning that has one is the answer.
_KEYS_OF_ANSWERS = ('"cards"', '"question"', '"answer"')
# A number in a reply may have a thousand digits.
_MOST_DIGITS = 18


class Completion(Value):
    """The parts of a `chat.completions` reply that we use."""

    content: str = ""
    finish: str = ""
    refusal: str = ""
    model: str = ""
    tokens_in: int = 0
    tokens_out: int = 0
    """Including reasoning."""
    is_thought_alone: bool = False
    """Whether it has reasoning and no answer."""

    @classmethod
    def parse(cls, raw: str) -> Completion | None:
        """Parse the body of a reply; None if it is not a chat completion. Never raises.

        One that has choices, or counts tokens, was paid for, so it is a completion, if an
        empty one.
        """
        try:
            # tolerate half an emoji, a line break in a string, a number of a thousand
            # digits
            reply = json.loads(
                raw,
                strict=False,
                parse_int=lambda digits: int(digits[:_MOST_DIGITS]),
            )
        except (ValueError, RecursionError):
            return None
        reply = _as_dict(reply)
        choices = reply.get("choices")

        # the tokens of the request and of the reply; some servers count reasoning only in the total
        usage = _as_dict(reply.get("usage"))
        tokens_in = _credible(usage.get("prompt_tokens"))
        tokens_out = _credible(usage.get("completion_tokens"))
        if tokens_in and tokens_out:
            total = _credible(usage.get("total_tokens"))
            tokens_out = max(tokens_out, total - tokens_in)
        is_answered = isinstance(choices, list) and not reply.get("error")
        if not (is_answered or tokens_out):
            return None
        choice = _as_dict(choices[0]) if isinstance(choices, list) and choices else {}
        message = _as_dict(choice.get("message"))
        finish = choice.get("finish_reason")
        # some servers keep the reasoning apart, or take the answer for it
        thought = _as_text(message.get("reasoning_content"))
        thought = thought or _as_text(message.get("reasoning"))
        content = _as_text(message.get("content"))
        has_answer = any(name in thought for name in _KEYS_OF_ANSWERS)
        if not content and finish == "stop" and has_answer:
            content = thought
        return cls(
            content=content,
            finish=str(finish or ""),
            refusal=_as_text(message.get("refusal")),
            model=_as_text(reply.get("model")),
            tokens_in=tokens_in,
            tokens_out=tokens_out,
            is_thought_alone=bool(thought) and not content,
        )


def _credible(tokens: Any) -> int:
    """Return a number of tokens; 0 if the value is not credible."""
    if not isinstance(tokens, int) or isinstance(tokens, bool):
        return 0
    return tokens if 0 < tokens <= MOST_TOKENS else 0


def _as_dict(value: Any) -> Json:
    return value if isinstance(value, dict) else {}


def _as_text(content: Any) -> str:
    """Return a content, which some servers send as a list of parts, as valid Unicode."""
    if isinstance(content, list):
        texts = [_as_dict(part).get("text") for part in content]
        content = "".join(text for text in texts if isinstance(text, str))
    if not isinstance(content, str):
        return ""
    return content.encode("utf-8", "replace").decode("utf-8")
