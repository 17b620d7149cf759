"""What is read from the messages in which Anki keeps note types: each kind of field, and each fault."""

import pytest

from ankiforge.anki.collection import parse_protobuf


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
