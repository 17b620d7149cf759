"""What a file's bytes say: encodings, a few damaged bytes, conflicts, and text that was decoded wrongly."""

import pytest

from ankiforge.errors import ItemError
from ankiforge.text.decoding import decode_text, detect_encoding, find_garbled_word

HINT = "re-save it as UTF-8"
CONFLICT = "<<<<<<< a\nx\n=======\ny\n>>>>>>> b\n"


@pytest.mark.parametrize(
    ("head", "encoding"),
    [
        (b"ab", "utf-8-sig"),
        (b"", "utf-8-sig"),
        (b"\0", "utf-8-sig"),
        (b"\xef\xbb\xbfab", "utf-8-sig"),
        (b"\xff\xfea\0", "utf-16"),
        (b"\xfe\xff\0a", "utf-16"),
        # without a mark: zeros in every other byte, in more than half of them
        (b"a\0b\0", "utf-16-le"),
        (b"\0a\0b", "utf-16-be"),
        ("a日b".encode("utf-16-le"), "utf-16-le"),
        ("a日本".encode("utf-16-le"), "utf-8-sig"),
        ("ab日本".encode("utf-16-be"), "utf-8-sig"),
        (b"a\0\0b", "utf-8-sig"),
        (b"a" * 200 + b"b\0" * 100, "utf-8-sig"),
    ],
)
def test_the_encoding_of_a_file(head, encoding):
    assert detect_encoding(head) == encoding


@pytest.mark.parametrize(
    ("raw", "text", "repaired"),
    [
        ("é\r\n\rb".encode(), "é\n\nb", "é\n\nb"),
        ("é\r\nb".encode("utf-16"), "é\nb", "é\nb"),
        (b"a\rb", "a\nb", "a\nb"),
        # Windows-1252 has few letters beyond ASCII, and no letters of UTF-8 beside them
        (b"un caf\xe9\r\n", "not UTF-8: byte 6 is 0xe9", "un café\n"),
        (b"caf\xe9x", "not UTF-8: byte 3 is 0xe9", "caféx"),
        (b"caf\xe9", "not UTF-8: byte 3 is 0xe9", "not UTF-8: byte 3 is 0xe9"),
        (b"un caf\xe9 \xc3\xa9", "not UTF-8: byte 6 is 0xe9", "un caf\ufffd é"),
        (b"\xef\xbb\xbfun caf\xe9", "not UTF-8: byte 9 is 0xe9", "un caf\ufffd"),
        (b"un caf\xff", "not UTF-8: byte 6 is 0xff", "un caf\ufffd"),
        (b"un caf\xfe", "not UTF-8: byte 6 is 0xfe", "un caf\ufffd"),
        (b"un caf\x81", "not UTF-8: byte 6 is 0x81", "un caf\ufffd"),
        # one damaged byte of a text, and one of a hundred more
        (b"\xff" * 2 + b"a" * 98, "not UTF-8: byte 0 is 0xff", "\ufffd" * 2 + "a" * 98),
        (b"\xff" * 2 + b"a" * 97, "not UTF-8: byte 0 is 0xff", "not UTF-8: byte 0 is 0xff"),
        (b"a\0b\0\n\0c\0\1\xd8", "not UTF-16-LE: byte 8 is 0x01", "ab\nc\ufffd"),
    ],
)  # fmt: skip
def test_a_text_is_decoded_or_refused(raw, text, repaired):
    for repairs, expected in ((False, text), (True, repaired)):
        if expected.startswith("not "):
            with pytest.raises(ItemError) as refused:
                decode_text(raw, repairs=repairs)
            assert (str(refused.value), refused.value.hint) == (expected, HINT)
        else:
            assert decode_text(raw, repairs=repairs) == expected


@pytest.mark.parametrize(
    ("text", "is_refused"),
    [
        (CONFLICT, True),
        (f"a\n{CONFLICT}", True),
        ("<<<<<<< a\n======= \n>>>>>>> b", True),
        (" <<<<<<< a\n=======\n>>>>>>> b\n", False),
        ("<<<<<<< a\n>>>>>>> b\n", False),
        (">>>>>>> b\n=======\n<<<<<<< a\n", False),
        # in a fence it is an example; a fence inside may end in the other version
        (f"```\n{CONFLICT}```\n", False),
        (f"   ~~~ text\n{CONFLICT}~~~\n{CONFLICT}", True),
        (f"````\n```\n{CONFLICT}", False),
        (f"```\n``` x\n{CONFLICT}", False),
        (f"```\n`````\n{CONFLICT}", True),
        ("<<<<<<< a\n```\nx\n=======\ny\n>>>>>>> b\n", True),
    ],
)
def test_a_text_with_a_conflict_is_refused(text, is_refused):
    if not is_refused:
        assert decode_text(text.encode()) == text
        return
    with pytest.raises(ItemError, match="it holds a conflict that is not resolved"):
        decode_text(text.encode())


@pytest.mark.parametrize(
    ("text", "word"),
    [
        ("für SÃO AMANHÔ «Â» ÃÂ é It’s", ""),
        ("plain", ""),
        ("ein fÃ¼r alle", "fÃ¼r"),
        ("bei 20 Â°C", "Â°C"),
        ("Itâ€™s so", "Itâ€™s"),
        ("a â†’ b", "â†’"),
        ("a â‰¤ b", "â‰¤"),
        ("x‚Äôs", "x‚Äôs"),
        ("ï»¿x", "ï»¿x"),
        ("a \ufffd b", "\ufffd"),
        ("Ã–sterreich", "Ã–sterreich"),
        ("Ã– x", ""),
        ("Ð¿Ñ€Ð¸", "Ð¿Ñ€Ð¸"),
        ("Ð¿Ñ€", ""),
        ("æ—¥æœ¬", "æ—¥æœ¬"),
        ("æ—¥", ""),
        (f"{'x' * 38}Ã¤", f"{'x' * 38}Ã¤"),
        (f"{'x' * 39}Ã¤ y", "Ã¤"),
    ],
)
def test_a_word_that_was_decoded_wrongly(text, word):
    assert find_garbled_word(text) == word
