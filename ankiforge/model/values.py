"""What all values are made of: their base class, the keys, and names for plain shapes.

Values are immutable, and sequences are tuples. Absent text is "", never None. Keys have
types of their own.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, NewType, dataclass_transform

import msgspec


@dataclass_transform(frozen_default=True, field_specifiers=(msgspec.field,))
class Value(msgspec.Struct, frozen=True):
    """A value: it never changes, and equal ones are the same."""


HighlightKey = NewType("HighlightKey", str)
NO_KEY = HighlightKey("")
"""The key of a highlight that was not issued one yet."""
DocumentKey = NewType("DocumentKey", str)
Guid = NewType("Guid", str)
Json = dict[str, Any]
"""A JSON object."""
Strings = tuple[str, ...]
"""Texts, names or ids in their order."""
Span = tuple[int, int]
"""[start, end) in code points."""
Pair = tuple[str, str]
"""Two texts that belong together."""
Texts = Mapping[str, str]
"""Texts by a name: of a field, a setting, an id."""
Fields = tuple[Pair, ...]
"""(content field name, text), in note type order, without empty fields.

The text is Markdown in every kind of card so far. A kind with a field of another sort,
such as the shapes of an image occlusion, keeps it as text too, as Anki does; the kind's
rendering reads it.
"""
