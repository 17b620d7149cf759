"""The form of a request that a server accepts: servers differ in the fields that they know."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from msgspec.structs import replace

from ankiforge.errors import ItemError
from ankiforge.model import Json, Value

OPTIONS: Mapping[str, Any] = {"temperature": 0}
"""Fields of every request, unless the server refuses them or `extra_body` sets them."""
FORMAT = "response_format"


def formats(schema: Mapping[str, Any]) -> tuple[Json, ...]:
    """Return the table of response formats, the strictest first; {} is plain text."""
    json_schema = {"name": "reply", "strict": True, "schema": schema}
    return (
        {"type": "json_schema", "json_schema": json_schema},
        {"type": "json_object"},
        {},
    )


TEXT = len(formats({})) - 1


class FieldRefusedError(ItemError):
    """The server does not accept a field of the request."""

    def __init__(self, words: str, name: str) -> None:
        super().__init__(words)
        self.field = name


class Form(Value):
    """The form of a request that a server accepts."""

    rung: int = 0
    """An index of `formats`."""
    dropped: frozenset[str] = frozenset()
    """The fields that the server refuses."""

    def without(self, error: FieldRefusedError) -> Form:
        """Return the next form to try after a refusal.

        Raises:
            FieldRefusedError: nothing more can be left out.
        """
        if error.field != FORMAT:
            return replace(self, dropped=self.dropped | {error.field})
        if self.rung == TEXT:
            raise error
        return replace(self, rung=self.rung + 1)

    def fields(self, schema: Mapping[str, Any]) -> Json:
        """Return the fields that a request of this form has beside model and messages."""
        fields = {}
        for name, value in OPTIONS.items():
            if name not in self.dropped:
                fields[name] = value
        response_format = formats(schema)[self.rung]
        if response_format:
            fields[FORMAT] = response_format
        return fields
