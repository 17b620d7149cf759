"""What is read from the messages in which Anki keeps note types: each kind of field, and each fault."""

import pytest

from ankiforge.anki.collection import _get_int64, get_uint, parse_protobuf

MOST = b"\xff\xff\xff\xff\xff\xff\xff\xff\xff\x01"
"""The number 2**64 - 1."""


@pytest.mark.parametrize(
    ("data", "fields"),
    [
        (b"", {}),
        (b"\x08\x05", {1: 5}),
        (b"\x08\x96\x01", {1: 150}),
        (b"\x08" + MOST, {1: 2**64 - 1}),
        (
            b"\x08" + MOST[:-1] + b"\x7f",
            {1: 2**64 - 1},
        ),  # what is beyond 64 bits is dropped
        (b"\x0a\x02ab\x10\x07", {1: b"ab", 2: 7}),
        (b"\x09ABCDEFGH\x10\x07", {1: b"ABCDEFGH", 2: 7}),
        (b"\x0dABCD\x10\x07", {1: b"ABCD", 2: 7}),
        (b"\x0a\x00", {1: b""}),
        (b"\x08\x05\x08\x06", {1: 6}),  # the last one
        (b"\x82\x01\x01a", {16: b"a"}),
    ],
)
def test_the_fields_of_a_message(data, fields):
    assert parse_protobuf(data) == fields


@pytest.mark.parametrize(
    ("data", "fault"),
    [
        (b"\x08", "unterminated"),
        (b"\x08\x80", "unterminated"),
        (b"\x08" + b"\xff" * 10 + b"\x01", "unterminated"),
        (b"\x0a\x03ab", "cut off"),
        (b"\x09ABCDEFG", "cut off"),
        (b"\x0dABC", "cut off"),
        (b"\x00\x05", "unknown field 0 of type 0"),
        (b"\x0b", "unknown field 1 of type 3"),
    ],
)
def test_what_is_no_message(data, fault):
    with pytest.raises(ValueError, match=fault):
        parse_protobuf(data)


@pytest.mark.parametrize(
    ("value", "number", "id"),
    [
        (0, 0, 0),
        (7, 7, 7),
        (2**63 - 1, 2**63 - 1, 2**63 - 1),
        (2**63, 2**63, -(2**63)),
        (2**64 - 1, 2**64 - 1, -1),
        (b"7", 0, None),
        (None, 0, None),
    ],
)
def test_a_number_and_an_id(value, number, id):
    message = {} if value is None else {3: value}
    assert get_uint(message, 3) == number
    assert _get_int64(message, 3) == id
