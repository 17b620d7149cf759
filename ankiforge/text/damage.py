"""Find text that lost letters on its way: wrong encodings, and signs that stand for a lost one.

It has the sign U+FFFD, or it is UTF-8 that was read as another encoding.
A text in UTF-8 that a program took for Windows-1252 shows each letter as two or three:
`Ã¤` for ä, `â€™` for ’. Only what no language writes is found: `SÃO`, `AMANHÔ` and
`«Â»` are words.
"""

from __future__ import annotations

from ankiforge.text import regex

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
