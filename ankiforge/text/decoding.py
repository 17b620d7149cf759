"""Decode the text of a file: UTF-8, UTF-16, or Windows-1252, maybe with a few damaged bytes.

`damage_in` finds text that lost letters on its way: it has the sign U+FFFD, or it is UTF-8 that
was read as another encoding.
A text in UTF-8 that a program took for Windows-1252 shows each letter as two or three:
`Ã¤` for ä, `â€™` for ’. Only what no language writes is found: `SÃO`, `AMANHÔ` and
`«Â»` are words.
"""

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


_MOST_DAMAGED = 0.01
"""Share of damaged characters, at most, of a text that is read all the same."""
_MOST_ACCENTED = 0.2
"""The same of letters beyond ASCII in Windows-1252: in Cyrillic or Greek are more."""


def _repaired(raw: bytes, encoding: str) -> str:
    """Return text with a few damaged bytes, or one in Windows-1252; "" for other encodings."""
    text = raw.decode(encoding, "replace")
    damaged = text.count("\ufffd")
    beyond_ascii = sum(char > "\x7f" for char in text) - damaged
    # what is UTF-8 elsewhere is damaged, not written in another encoding
    if encoding.startswith("utf-16") or beyond_ascii or raw.startswith(b"\xef\xbb\xbf"):
        return text if damaged <= _MOST_DAMAGED * len(text) + 1 else ""
    windows = raw.decode("cp1252", "replace")
    if set("\ufffdÿþ") & set(windows):
        return text if damaged <= _MOST_DAMAGED * len(text) + 1 else ""
    accented = sum(char > "\x7f" for char in windows)
    return windows if accented <= _MOST_ACCENTED * len(windows) else ""


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


# --- text that lost letters -----------------------------------------------------------

# What Windows-1252 and Latin-1 make of the bytes 0x80 to 0xBF, which follow the first
# one of a letter: signs that may follow a word, too, and all others.
_AFTER_WORDS = "‘’“”•–—…‹›«»\xa0"
_OTHERS = "\x80-\x9f¡-ª¬-º¼-¿€‚ƒ„†‡ˆ‰Š‹ŒŽ˜™šœžŸ"
_NEXT = f"[{_OTHERS}{_AFTER_WORDS}]"
_DAMAGE = regex(
    "\ufffd"
    # ä as Ã¤, ° as Â°; Ö as Ã–: only what follows distinguishes it from a word in capitals
    f"|[ÂÃ][{_OTHERS}]"
    f"|Ã[{_AFTER_WORDS}](?=[a-zß-ÿ])"
    # ’ as â€™, → as â†’, ≤ as â‰¤, ™ as â„¢
    f"|â[€\x80][{_OTHERS}{_AFTER_WORDS}]"
    f"|â[„ˆ†‰]{_NEXT}"
    # U+FFFD itself, and a byte order mark
    "|ï¿½|ï»¿"
    # ’ and “ as Mac OS Roman
    "|‚Ä[ôúùì]"
    # Cyrillic, Chinese and Japanese words
    f"|(?:[ÐÑ]{_NEXT}){{3}}"
    f"|(?:[ã-é]{_NEXT}{{2}}){{2}}"
)

# Characters of a word that is shown as a whole.
_LONGEST_WORD = 40


def damage_in(text: str) -> str:
    """Return the first letters that are damaged, with those beside them.

    "" if there are none.
    """
    if text.isascii():  # damaged letters are not
        return ""
    damage = _DAMAGE.search(text)
    if damage is None:
        return ""
    start = text.rfind(" ", 0, damage.start()) + 1
    end = text.find(" ", damage.end())
    if end < 0:
        end = len(text)
    word = text[start:end]
    return word if len(word) <= _LONGEST_WORD else damage[0]
