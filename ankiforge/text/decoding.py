"""Decode the text of a file: UTF-8, UTF-16, or Windows-1252, maybe with a few damaged bytes."""

from __future__ import annotations

from ankiforge.errors import ItemError
from ankiforge.text import regex


def encoding_of(head: bytes) -> str:
    """Return the encoding of a file, judged by its first bytes.

    UTF-16 without a byte order mark shows by its zeros: of most letters, one of two bytes is one.
    """
    if head[:2] in (b"\xff\xfe", b"\xfe\xff"):
        return "utf-16"
    first_bytes, second_bytes = head[:200:2], head[1:200:2]
    if (
        b"\0" not in first_bytes
        and first_bytes
        and second_bytes.count(0) > len(head[:200]) / 4
    ):
        return "utf-16-le"
    if (
        b"\0" not in second_bytes
        and second_bytes
        and first_bytes.count(0) > len(head[:200]) / 4
    ):
        return "utf-16-be"
    return "utf-8-sig"


def text_of(raw: bytes, *, repairs: bool = False) -> str:
    """Decode UTF-8 or UTF-16, and normalise line ends to LF.

    Args:
        raw: the bytes of the file.
        repairs: read Windows-1252, too, and other damaged text with U+FFFD for each damaged
            part.

    Raises:
        ItemError: the text is in another encoding, or holds a conflict of version control.
    """
    encoding = encoding_of(raw)
    try:
        text = raw.decode(encoding)
    except UnicodeDecodeError as error:
        text = _repaired(raw, encoding) if repairs else ""
        if text:
            return text.replace("\r\n", "\n").replace("\r", "\n")
        # without the byte order mark, which `utf-8-sig` takes off before it decodes
        decoded = error.object
        position = len(raw) - len(decoded) + error.start
        encoding = error.encoding.upper()
        message = f"not {encoding}: byte {position} is {decoded[error.start]:#04x}"
        raise ItemError(message, hint="re-save it as UTF-8") from error
    if "\r" in text:
        text = text.replace("\r\n", "\n").replace("\r", "\n")
    if _holds_conflict(text):
        raise ItemError(
            "it holds a conflict that is not resolved (<<<<<<<, =======, >>>>>>>)",
            hint="choose between its two versions; until then what was read before stays",
        )
    return text


MOST_DAMAGED = 0.01
"""Share of damaged characters, at most, of a text that is read all the same."""
MOST_ACCENTED = 0.2
"""The same of letters beyond ASCII in Windows-1252: in Cyrillic or Greek are more."""


def _repaired(raw: bytes, encoding: str) -> str:
    """Return text with a few damaged bytes, or one in Windows-1252; "" for other encodings."""
    text = raw.decode(encoding, "replace")
    damaged = text.count("\ufffd")
    beyond_ascii = sum(char > "\x7f" for char in text) - damaged
    # what is UTF-8 elsewhere is damaged, not written in another encoding
    if encoding.startswith("utf-16") or beyond_ascii or raw.startswith(b"\xef\xbb\xbf"):
        return text if damaged <= MOST_DAMAGED * len(text) + 1 else ""
    windows = raw.decode("cp1252", "replace")
    if set("\ufffdÿþ") & set(windows):
        return text if damaged <= MOST_DAMAGED * len(text) + 1 else ""
    accented = sum(char > "\x7f" for char in windows)
    return windows if accented <= MOST_ACCENTED * len(windows) else ""


_OURS = "<<<<<<< "
_THEIRS = ">>>>>>> "
_FENCE = regex(r" {0,3}(`{3,}|~{3,})(.*)")


def _holds_conflict(text: str) -> bool:
    """Return whether a version control system left two versions in a text.

    Markers in a fenced block are an example. A fence between two markers may be a half of
    one, of which the other half stands in the other version.
    """
    if _OURS not in text or _THEIRS not in text:
        return False
    fence = ""
    awaited = _OURS
    for line in text.split("\n"):
        if awaited == _OURS and (match := _FENCE.match(line)):
            signs, rest = match.groups()
            if not fence:
                fence = signs
            elif signs.startswith(fence) and not rest.strip():
                fence = ""
        elif fence:
            continue
        elif line.startswith(_OURS):
            awaited = "======="
        elif awaited == "=======" and line.rstrip() == awaited:
            awaited = _THEIRS
        elif awaited == _THEIRS and line.startswith(_THEIRS):
            return True
    return False
