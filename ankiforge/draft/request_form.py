"""The form of a request that a server accepts: servers differ in the fields that they know."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from msgspec.structs import replace

from ankiforge.model import Json, Value

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
