"""Messages in Protocol Buffers' own format."""

import contextlib

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ankiforge.anki.database import read_message


@pytest.mark.parametrize(
    ("data", "message"),
    [
        (b"", {}),
        (b"\x08\x96\x01", {1: 150}),  # the example of the format's own page
        (b"\x12\x07testing", {2: b"testing"}),
        (b"\x1a\x03\x08\x96\x01", {3: b"\x08\x96\x01"}),
        (b"\x08\x01\x08\x02", {1: 2}),
        (b"\x0d\x01\x02\x03\x04\x10\x05", {1: b"\x01\x02\x03\x04", 2: 5}),
        (b"\x09\x01\x02\x03\x04\x05\x06\x07\x08\x10\x05", {1: bytes(range(1, 9)), 2: 5}),
        (b"\xf8\x0f\x01", {255: 1}),
        (b"\x08" + b"\xff" * 9 + b"\x01", {1: 2**64 - 1}),
        *((data, ValueError) for data in (
            b"\x08", b"\x08\x96", b"\x12\x07test", b"\x12" + b"\xff" * 9 + b"\x01", b"\x0d\x01",
            b"\x09\x01\x02\x03\x04", b"\x00\x01", b"\x08" + b"\x80" * 10 + b"\x01",
            b"\x0b", b"\x0c", b"\x0e\x01",  # groups are of before 2008
        )),
    ],
)  # fmt: skip
def test_a_message_is_taken_apart(data, message):
    if isinstance(message, type):
        with pytest.raises(message):
            read_message(data)
    else:
        assert read_message(data) == message


@given(st.binary(max_size=60))
def test_any_bytes_are_a_message_or_a_value_error(data):
    with contextlib.suppress(ValueError):
        read_message(data)
