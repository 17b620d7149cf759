"""Blocks of code on cards: their words in colour, if their language is named.

The colours are classes of the style sheet (`design/style.css`), so that they follow the
night mode and no card needs a script. A class says what a piece of code is. In comparisons
of fields it does not count (`notetypes.normal_form`): another version of pygments changes
no note.
"""

from __future__ import annotations

from functools import lru_cache
from typing import TYPE_CHECKING

from ankiforge.text import regex

if TYPE_CHECKING:
    from collections.abc import Callable

    from pygments.lexer import Lexer

LONGEST = 10_000
"""Characters of a block that is coloured; on a card, nobody reads more."""
COLOURS = ("af-k", "af-s", "af-n", "af-c", "af-f")
"""Classes of keywords, strings, numbers, comments, and names that are defined or built in."""
_LANGUAGE = regex(r"[\w+#.-]{1,30}")


def language_of(info: str) -> str:
    """Return the language that a fence names (` ```python title="a" `), "" if it names none."""
    match = _LANGUAGE.match(info.strip().strip("{}."))
    return match[0].lower() if match else ""


def highlighted(code: str, language: str, literal: Callable[[str], str]) -> str:
    """Return the HTML of a block of code, without the tags around it.

    Args:
        code: the code, clean.
        language: a name that pygments knows; another one gives no colours.
        literal: makes HTML of text.
    """
    lexer = _lexer(language) if len(code) <= LONGEST else None
    if lexer is None:
        return literal(code)
    from pygments.token import Comment, Keyword, Literal, Name, Number, Operator

    named = (Name.Function, Name.Class, Name.Tag, Name.Builtin)
    runs: list[tuple[str, str]] = []  # (class, text)
    for kind, text in lexer.get_tokens(code):
        colour = ""
        if kind in Comment:
            colour = "af-c"
        elif kind in Keyword or kind in Operator.Word:
            colour = "af-k"
        elif kind in Number:
            colour = "af-n"
        elif kind in Literal:
            colour = "af-s"
        elif any(kind in name for name in named):
            colour = "af-f"
        if runs and runs[-1][0] == colour:
            text = runs.pop()[1] + text
        runs.append((colour, text))
    if "".join(text for _, text in runs) != code:
        return literal(code)  # the lexer changed a sign
    parts = []
    for colour, text in runs:
        shown = literal(text)
        parts.append(f'<span class="{colour}">{shown}</span>' if colour else shown)
    return "".join(parts)


@lru_cache(maxsize=32)
def _lexer(language: str) -> Lexer | None:
    """Return the lexer of a language, or None."""
    if not language:
        return None
    from pygments.lexers import get_lexer_by_name
    from pygments.util import ClassNotFound

    try:
        return get_lexer_by_name(language, stripnl=False, ensurenl=False)
    except ClassNotFound:
        return None
