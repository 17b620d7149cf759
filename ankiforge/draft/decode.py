"""JSON out of what models write: fences, thoughts, prose around it, LaTeX, cut-off ends."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from typing import Any

LONGEST = 4_000_000
"""Characters of a reply that are read."""
_LOST = 10_000
"""Characters that a failure counts whose place is not told."""

_THOUGHT = re.compile(
    r"<think(?:ing)?>.*?</think(?:ing)?>|\A\s*<think(?:ing)?>.*\Z", re.DOTALL | re.IGNORECASE
)
_LATEX = (
    r"nabla|neq?|nu|not|ni|notin|nmid|norm|newline|theta|tau|text\w*|times|to|tilde|top|tfrac|tan"
    r"|tanh|tr|triangle\w*|therefore|thick\w*|thin\w*|beta|bar|begin|big\w*|bmod|binom|bm|bf"
    r"|boldsymbol|bot|bullet|backslash|because|between|frac|forall|flat|frown|rho|right\w*"
    r"|rangle|rceil|rfloor|rm|rVert|rvert|upsilon|uparrow|underline|underbrace|updownarrow|uplus"
)
_BACKSLASH = re.compile(
    rf"""\\\\ | \\(?=(?:{_LATEX})(?![A-Za-z])) | \\(?!["\\/bfnrt]|u[0-9a-fA-F]{{4}})""",
    re.VERBOSE,
)
_DECODER = json.JSONDecoder(strict=False)
_CURLY = re.compile("[“”„]")
_COMMA = re.compile(r",(?=\s*[}\]])")
_FOUND = re.compile(r"[{\[]")


def fix_escapes(text: str) -> str:
    r"""Double the single backslashes of LaTeX: `\frac` would become a form feed, `\alpha` fail.

    A backslash is doubled that begins no legal JSON escape, or one that begins a well-known
    command; `\n` before other letters stays a line break.
    """
    return _BACKSLASH.sub(lambda found: r"\\", text)


def objects(text: str) -> list[dict[str, Any]]:
    """The objects a reply holds that may be cards: out of `{"cards": […]}`, lists, or bare.

    Of JSON that was cut off, those that are whole. Never raises.
    """
    clean = fix_escapes(_THOUGHT.sub("", text[:LONGEST].lstrip("\ufeff")))
    return _objects(clean) or _objects(_mended(clean))


def _objects(text: str) -> list[dict[str, Any]]:
    return [found for value in _values(text) for found in _cards(value)]


def _mended(text: str) -> str:
    """Curly quotation marks where JSON wants straight ones, and no comma before a bracket."""
    curly = _CURLY.sub('"', text) if '"' not in text else text
    return _COMMA.sub("", curly)


def _values(text: str) -> Iterator[Any]:
    """Every outermost JSON value of a text; what is broken is entered to find its parts.

    Entering costs: it ends when ten times the text was read in vain.
    """
    at, left = 0, 10 * len(text) + 100 * _LOST
    while left > 0 and (start := _FOUND.search(text, at)) is not None:
        try:
            value, at = _DECODER.raw_decode(text, start.start())
        except (ValueError, RecursionError) as error:
            at = start.end()
            left -= 20 + max(getattr(error, "pos", at + _LOST) - at, 0)
            continue
        yield value


_DEEPEST = 4


def _cards(value: Any, depth: int = 0) -> Iterator[dict[str, Any]]:
    """Cards at any place a model may put them; those grouped under an `h` inherit it."""
    if depth > _DEEPEST:
        return
    if isinstance(value, list):
        for item in value:
            yield from _cards(item, depth + 1)
    elif isinstance(value, dict):
        grouped = [card for part in value.values() for card in _cards(part, depth + 1)]
        if not grouped and _like_card(value):
            yield value
        for card in grouped:
            yield {"h": value["h"], **card} if "h" in value else card


def _like_card(value: dict[str, Any]) -> bool:
    return any(key in value for key in ("h", "front", "text", "quote", "question", "why_none"))
