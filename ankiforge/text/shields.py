r"""Shields: the parts of a text that are no ordinary words, such as code and maths.

There are two readings, because there are two kinds of text. The text of a card is
Markdown in our own grammar, and `shields` reads it exactly: what is a formula there is
one on the card. The text of a source may be anything, `$5` and a lone backtick too.
Checks only need its words or its numbers, so `words_alone` and `without_formulas` put a
blank where code or a formula seems to be.
"""

from __future__ import annotations

from collections.abc import Callable

from ankiforge.text import regex

# --- in our Markdown ------------------------------------------------------------------

# `5 and 10$`: an amount and words, without characters that only occur in formulas.
_AMOUNT = (
    r"\d[\d.,]*[ \t]+(?!mod\b)[^\W\d_]{2,}[ \t]+"
    r"(?:==(?!=)|\*\*(?!\*)|[^$\\^_{}=+<>*/|\n])*\$"
)
MATH = rf"\$(?![\s$]|{_AMOUNT})(?:\\[^\n]|[^$\\\n])+(?<!\s)\$(?!\d)"
"""`$maths$` on one line: no space inside the dollars, no digit after them, and not an
amount."""
_SHIELD = regex(
    rf"""(?mx)
      (?P<escape>\\[!-/:-@\[-`{{-~])
    # a fence ends with a line of its own mark
    | (?P<fence>
        ^[ ]{{0,3}}(?P<mark>`{{3,}}(?=[^`\n]*\n)|~{{3,}})[^\n]*\n
        (?:[^\n]*\n)*?
        [ ]{{0,3}}(?P=mark)[`~]*[ \t]*$)
    # code ends with as many backticks as it began with
    | (?P<code>
        (?<!`)(?P<tick>`+)(?!`)
        [^`]*(?:(?!(?<!`)(?P=tick)(?!`))`+[^`]*)*
        (?P=tick)(?!`))
    | (?P<display>\$\$[^$]+\$\$)
    | (?P<math>{MATH})
    """
)
_SIGN = regex(r"[\\`~$]")

Shield = tuple[int, int, str]
"""(start, end, "escape" | "fence" | "code" | "display" | "math")."""


def shields(markdown: str) -> list[Shield]:
    """Return escapes, code and maths in order.

    No cloze or emphasis begins or ends inside them.

    An unpaired `$` or backtick is an ordinary character.
    """
    if not _SIGN.search(markdown):
        return []
    # an outer group ends after those inside it, and is the last
    found = _SHIELD.finditer(markdown)
    return [(*match.span(), match.lastgroup or "") for match in found]


def outside(markdown: str, change: Callable[[str], str]) -> str:
    """Apply `change` to the text outside escapes, code and maths."""
    parts = list[str]()
    done = 0
    for start, end, _ in shields(markdown):
        parts.append(change(markdown[done:start]))
        parts.append(markdown[start:end])
        done = end
    parts.append(change(markdown[done:]))
    return "".join(parts)


# --- in the text of a source ----------------------------------------------------------

_CODE = r"`[^`\n]*`"
# Any two dollars on a line: where only words count, nothing is lost with an amount.
_BETWEEN_DOLLARS = r"\$[^$\n]*\$"
# The same, unless the first dollar begins an amount, `$5`, whose number counts.
_FORMULA = r"\$(?=[^\s\d])[^$\n]*\$"
_ADDRESS = r"https?://\S+"
_NO_WORDS = regex(f"{_CODE}|{_BETWEEN_DOLLARS}|{_ADDRESS}")
_NO_NUMBERS = regex(f"{_CODE}|{_FORMULA}")


def words_alone(text: str) -> str:
    """Return a text with a blank for code, addresses, and formulas between dollars."""
    return _NO_WORDS.sub(" ", text)


def without_formulas(text: str) -> str:
    """Return a text with a blank for each piece of code and each formula.

    Amounts stay.
    """
    return _NO_NUMBERS.sub(" ", text)


def without_escapes(markdown: str) -> str:
    """Return the text without the backslashes of escapes, for a person; code and maths stay."""
    parts: list[str] = []
    done = 0
    for start, _, kind in shields(markdown):
        if kind == "escape":
            parts.append(markdown[done:start])
            done = start + 1
    parts.append(markdown[done:])
    return "".join(parts)
