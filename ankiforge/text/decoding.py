"""Decode text files in UTF-8, UTF-16 or Windows-1252, even with a few damaged bytes.

`find_garbled_word` detects text that was damaged earlier. Such text contains U+FFFD, or was UTF-8
that was decoded with the wrong encoding, which turns ä into `Ã¤` and ’ into `â€™`. Only sequences
that occur in no language count, because `SÃO`, `AMANHÔ` and `«Â»` are real words.
"""

from __future__ import annotations

from ankiforge.errors import ItemError
from ankiforge.text import regex


def detect_encoding(head: bytes) -> str:
    """Detect the encoding of a file from its first bytes.

    UTF-16 without a byte order mark is recognized by zeros in every other byte.

    Returns:
        The name of a Python codec: `utf-8-sig` or one for UTF-16.
    """
    if head[:2] in (b"\xff\xfe", b"\xfe\xff"):
        return "utf-16"
    first_bytes, second_bytes = head[:200:2], head[1:200:2]
    for encoding, letters, zeros in (
        ("utf-16-le", first_bytes, second_bytes),
        ("utf-16-be", second_bytes, first_bytes),
    ):
        if b"\0" not in letters and letters and zeros.count(0) > len(head[:200]) / 4:
            return encoding
    return "utf-8-sig"


def decode_text(raw: bytes, *, repairs: bool = False) -> str:
    """Decode UTF-8 or UTF-16 text, normalizing line breaks to LF.

    If `repairs` is true, invalid UTF-8 is decoded as Windows-1252, or a few invalid bytes are
    replaced with U+FFFD.

    Raises:
        ItemError: The text is in another encoding, or has an unresolved merge conflict.
    """
    encoding = detect_encoding(raw)
    try:
        text = _normalize_line_breaks(raw.decode(encoding))
    except UnicodeDecodeError as error:
        repaired = _decode_leniently(raw, encoding) if repairs else None
        if repaired is None:
            raise _build_decode_error(raw, error) from error
        return _normalize_line_breaks(repaired)
    if _has_merge_conflict(text):
        raise ItemError(
            "it holds a conflict that is not resolved (<<<<<<<, =======, >>>>>>>)",
            hint="choose between its two versions; until then what was read before stays",
        )
    return text


def _normalize_line_breaks(text: str) -> str:
    return text.replace("\r\n", "\n").replace("\r", "\n")


def _build_decode_error(raw: bytes, error: UnicodeDecodeError) -> ItemError:
    # `utf-8-sig` removes the byte order mark before decoding, but the position counts it
    decoded = error.object
    position = len(raw) - len(decoded) + error.start
    encoding = error.encoding.upper()
    message = f"not {encoding}: byte {position} is {decoded[error.start]:#04x}"
    return ItemError(message, hint="re-save it as UTF-8")


_MAX_DAMAGED_RATIO = 0.01
"""The maximum fraction of characters that may be invalid."""
_MAX_NON_ASCII_RATIO = 0.2
"""The maximum fraction of non-ASCII letters in Windows-1252. Cyrillic or Greek would have more."""


def _decode_leniently(raw: bytes, encoding: str) -> str | None:
    """Decode text that is in Windows-1252 or has a few invalid bytes.

    Returns None if there are too many invalid bytes, or if the text seems to be in yet another
    encoding.
    """
    if not _may_be_windows_text(raw, encoding):
        text = raw.decode(encoding, "replace")
        damaged_count = text.count("\ufffd")
        if damaged_count > _MAX_DAMAGED_RATIO * len(text) + 1:
            return None
        return text
    text = raw.decode("cp1252")
    if _count_non_ascii(text) > _MAX_NON_ASCII_RATIO * len(text):
        return None
    return text


def _may_be_windows_text(raw: bytes, encoding: str) -> bool:
    """Return whether bytes that are invalid in `encoding` may be Windows-1252."""
    if encoding.startswith("utf-16") or raw.startswith(b"\xef\xbb\xbf"):
        return False
    # if other non-ASCII letters are valid, the text is damaged and not in another encoding
    text = raw.decode(encoding, "replace")
    if _count_non_ascii(text) > text.count("\ufffd"):
        return False
    # U+FFFD replaces bytes that Windows-1252 doesn't have, and ÿ and þ are rarely text
    return set("\ufffdÿþ").isdisjoint(raw.decode("cp1252", "replace"))


def _count_non_ascii(text: str) -> int:
    return sum(char > "\x7f" for char in text)


_CONFLICT_START = "<<<<<<< "
_CONFLICT_MIDDLE = "======="
_CONFLICT_END = ">>>>>>> "
_FENCE = regex(r" {0,3}(`{3,}|~{3,})(.*)")


def _has_merge_conflict(text: str) -> bool:
    """Return whether the text contains an unresolved merge conflict.

    Conflict markers in a fenced code block are examples, so they don't count. A fence between
    two markers is ignored because its counterpart may be in the other version.
    """
    if _CONFLICT_START not in text or _CONFLICT_END not in text:
        return False
    open_fence: str | None = None
    next_marker = _CONFLICT_START
    for line in text.split("\n"):
        if next_marker == _CONFLICT_START:
            fence = _FENCE.match(line)
            if fence:
                open_fence = _update_fence(open_fence, *fence.groups())
                continue
        if open_fence is not None:
            continue
        if line.startswith(_CONFLICT_START):
            next_marker = _CONFLICT_MIDDLE
        elif next_marker == _CONFLICT_MIDDLE and line.rstrip() == _CONFLICT_MIDDLE:
            next_marker = _CONFLICT_END
        elif next_marker == _CONFLICT_END and line.startswith(_CONFLICT_END):
            return True
    return False


def _update_fence(open_fence: str | None, marks: str, rest: str) -> str | None:
    """Return the fence that is open after a line of fence marks and further text, or None."""
    if open_fence is None:
        return marks
    if marks.startswith(open_fence) and not rest.strip():
        return None
    return open_fence


# --- damaged text ---------------------------------------------------------------------

# The characters as which Windows-1252 and Latin-1 decode the bytes 0x80 to 0xBF, which in UTF-8
# continue a letter: first those that may also follow a word, then all others.
_PUNCTUATION_BYTES = "‘’“”•–—…‹›«»\xa0"
_OTHER_BYTES = "\x80-\x9f¡-ª¬-º¼-¿€‚ƒ„†‡ˆ‰Š‹ŒŽ˜™šœžŸ"
_CONTINUATION_BYTES = f"[{_OTHER_BYTES}{_PUNCTUATION_BYTES}]"
_DAMAGE = regex(
    "\ufffd"
    # ä as Ã¤, ° as Â°. Ö as Ã– only before a lower-case letter, because capitals may be a word
    f"|[ÂÃ][{_OTHER_BYTES}]"
    f"|Ã[{_PUNCTUATION_BYTES}](?=[a-zß-ÿ])"
    # ’ as â€™, → as â†’, ≤ as â‰¤, ™ as â„¢
    f"|â[€\x80][{_OTHER_BYTES}{_PUNCTUATION_BYTES}]"
    f"|â[„ˆ†‰]{_CONTINUATION_BYTES}"
    # U+FFFD itself, and a byte order mark
    "|ï¿½|ï»¿"
    # ’ and “ as Mac OS Roman
    "|‚Ä[ôúùì]"
    # Cyrillic, Chinese and Japanese words
    f"|(?:[ÐÑ]{_CONTINUATION_BYTES}){{3}}"
    f"|(?:[ã-é]{_CONTINUATION_BYTES}{{2}}){{2}}"
)

# The maximum length of a damaged word that is shown in full.
_MAX_WORD_CHARS = 40


def find_garbled_word(text: str) -> str:
    """Return the first word that was decoded wrongly, such as `fÃ¼r`, or "" if there is none.

    If the word is too long to show, only its garbled characters are returned.
    """
    if text.isascii():  # ASCII can't be damaged; this is the most frequent case
        return ""
    match = _DAMAGE.search(text)
    if match is None:
        return ""
    start = text.rfind(" ", 0, match.start()) + 1
    end = text.find(" ", match.end())
    if end < 0:
        end = len(text)
    if end - start > _MAX_WORD_CHARS:
        return match[0]
    return text[start:end]
