"""Protocol Buffers, as far as needed: the settings of decks and note types are written in it.

https://protobuf.dev/programming-guides/encoding/
"""

from __future__ import annotations

from dataclasses import dataclass, field

_VARINT, _FIXED64, _BYTES, _FIXED32 = 0, 1, 2, 5
_MOST_VARINT = 10
"""Bytes."""


class WireError(ValueError):
    """These bytes are no message."""


@dataclass(frozen=True, slots=True)
class Message:
    """The fields of one message by number; of repeated ones the last, as the format says."""

    numbers: dict[int, int] = field(default_factory=dict)
    """Varints, without sign."""
    contents: dict[int, bytes] = field(default_factory=dict)
    """Strings, bytes and messages within."""

    def unsigned(self, number: int) -> int:
        """A number or enum, 0 if absent."""
        return self.numbers.get(number, 0)

    def signed(self, number: int) -> int | None:
        """An int64, None if absent: a written zero differs from none."""
        value = self.numbers.get(number)
        return value - 2**64 if value is not None and value >= 2**63 else value

    def text(self, number: int) -> str:
        """A string, "" if absent."""
        return self.contents.get(number, b"").decode("utf-8", "replace")


def read_message(data: bytes) -> Message:
    """Take a message apart.

    Raises:
        WireError: it is cut off, or none at all.
    """
    message = Message()
    at = 0
    while at < len(data):
        tag, at = _varint(data, at)
        number, kind = tag >> 3, tag & 7
        if number == 0:
            raise WireError("field number 0")
        if kind == _VARINT:
            message.numbers[number], at = _varint(data, at)
        else:
            content, at = _content(data, at, kind)
            if kind == _BYTES:
                message.contents[number] = content
    return message


def _content(data: bytes, at: int, kind: int) -> tuple[bytes, int]:
    if kind == _BYTES:
        length, at = _varint(data, at)
    elif kind in (_FIXED64, _FIXED32):
        length = 8 if kind == _FIXED64 else 4
    else:
        raise WireError(f"unknown wire type {kind}")
    if length > len(data) - at:
        raise WireError("cut off")
    return data[at : at + length], at + length


def _varint(data: bytes, at: int) -> tuple[int, int]:
    value = 0
    for place, byte in enumerate(data[at : at + _MOST_VARINT]):
        value |= (byte & 0x7F) << (7 * place)
        if byte < 0x80:
            return value & (2**64 - 1), at + place + 1
    raise WireError("a number that does not end")
