"""Messages in Protocol Buffers' own format."""

from __future__ import annotations

import contextlib

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ankiforge.anki.views.wire import Message, WireError, read_message


def varint(value: int) -> bytes:
    written = bytearray()
    while value > 0x7F:
        written.append(value & 0x7F | 0x80)
        value >>= 7
    return bytes((*written, value))


def written(entries: list[tuple[int, int | bytes]]) -> bytes:
    """Numbers as varints, bytes with their length before them."""
    parts = []
    for number, value in entries:
        if isinstance(value, int):
            parts.append(varint(number << 3) + varint(value))
        else:
            parts.append(varint(number << 3 | 2) + varint(len(value)) + value)
    return b"".join(parts)


@pytest.mark.parametrize(
    ("data", "message"),
    [
        (b"", Message()),
        (b"\x08\x96\x01", Message({1: 150})),  # the example of the format's own page
        (b"\x12\x07testing", Message({}, {2: b"testing"})),
        (b"\x1a\x03\x08\x96\x01", Message({}, {3: b"\x08\x96\x01"})),
        (b"\x08\x01\x08\x02", Message({1: 2})),
        (b"\x0d\x01\x02\x03\x04\x10\x05", Message({2: 5})),
        (b"\x09\x01\x02\x03\x04\x05\x06\x07\x08\x10\x05", Message({2: 5})),
        (b"\xf8\x0f\x01", Message({255: 1})),
    ],
)
def test_a_message_is_taken_apart(data: bytes, message: Message) -> None:
    assert read_message(data) == message


@pytest.mark.parametrize(
    "data",
    [
        b"\x08",
        b"\x08\x96",
        b"\x12\x07test",
        b"\x12\xff\xff\xff\xff\xff\xff\xff\xff\xff\x01",
        b"\x0d\x01",
        b"\x09\x01\x02\x03\x04",
        b"\x00\x01",
        b"\x0b",  # groups are of before 2008
        b"\x0c",
        b"\x0e\x01",
        b"\x08" + b"\x80" * 10 + b"\x01",
    ],
)
def test_what_is_cut_off_or_no_message_is_an_error(data: bytes) -> None:
    with pytest.raises(WireError):
        read_message(data)


def test_a_number_may_have_a_sign() -> None:
    message = read_message(written([(1, 2**64 - 1), (2, 2**63 - 1), (3, 2**63), (4, 0)]))
    assert [message.signed(at) for at in range(1, 6)] == [-1, 2**63 - 1, -(2**63), 0, None]
    assert message.unsigned(1) == 2**64 - 1
    assert message.unsigned(9) == 0


def test_a_text_may_be_absent_or_broken() -> None:
    message = read_message(written([(1, "ä".encode()), (2, b"a\xff")]))
    assert [message.text(at) for at in (1, 2, 3)] == ["ä", "a\ufffd", ""]


values = st.integers(0, 2**64 - 1) | st.binary(max_size=40)


@given(st.lists(st.tuples(st.integers(1, 2**29 - 1), values)))
def test_what_was_written_is_read(entries: list[tuple[int, int | bytes]]) -> None:
    message = read_message(written(entries))
    numbers = {number: value for number, value in entries if isinstance(value, int)}
    contents = {number: value for number, value in entries if isinstance(value, bytes)}
    assert message == Message(numbers, contents)


@given(st.binary(max_size=60))
def test_any_bytes_are_a_message_or_a_wire_error(data: bytes) -> None:
    with contextlib.suppress(WireError):
        read_message(data)
