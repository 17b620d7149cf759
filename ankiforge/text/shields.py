"""Where no sign is a sign: escapes, code and maths in our Markdown."""

from __future__ import annotations

import re
from collections.abc import Callable

_SUM = (
    r"\d[\d.,]*[ \t]+(?!mod\b)[^\W\d_]{2,}[ \t]+"
    r"(?:==(?!=)|\*\*(?!\*)|[^$\\^_{}=+<>*/|\n])*\$"
)
"""`5 and 10$`: an amount and words, no sign of a formula among them but for marks."""
MATH = rf"\$(?![\s$]|{_SUM})(?:\\[^\n]|[^$\\\n])+(?<!\s)\$(?!\d)"
"""`$maths$` on one line: no blank within its dollars, no digit after them, and no sum of money."""
_SHIELDED = re.compile(
    rf"""
      (?P<escape>\\[!-/:-@\[-`{{-~])
    | (?P<fence>^[ ]{{0,3}}(?P<mark>`{{3,}}(?=[^`\n]*\n)|~{{3,}})[^\n]*\n(?:[^\n]*\n)*?[ ]{{0,3}}(?P=mark)[`~]*[ \t]*$)
    | (?P<code>(?<!`)(?P<tick>`+)(?!`)[^`]*(?:(?!(?<!`)(?P=tick)(?!`))`+[^`]*)*(?P=tick)(?!`))
    | (?P<display>\$\$[^$]+\$\$)
    | (?P<math>{MATH})
    """,
    re.VERBOSE | re.MULTILINE,
)
"""Runs whose inside is no markup; where none matches, a `$` or backtick is just a character."""

Shield = tuple[int, int, str]
"""(start, end, "escape" | "fence" | "code" | "display" | "math")."""


_ANY = re.compile(r"[\\`~$]")
"""What each of them begins with, after blanks."""


def shields(markdown: str) -> list[Shield]:
    """Escapes, code and maths, in order: the runs in which no cloze or mark can begin or end."""
    if not _ANY.search(markdown):
        return []
    return [(match.start(), match.end(), _kind(match)) for match in _SHIELDED.finditer(markdown)]


def _kind(match: re.Match[str]) -> str:
    names = ("escape", "fence", "code", "display", "math")
    return next(name for name in names if match[name] is not None)


def outside(markdown: str, change: Callable[[str], str]) -> str:
    """Apply `change` to the runs outside escapes, code and maths."""
    parts, at = [], 0
    for start, end, _ in shields(markdown):
        parts += [change(markdown[at:start]), markdown[start:end]]
        at = end
    return "".join([*parts, change(markdown[at:])])
