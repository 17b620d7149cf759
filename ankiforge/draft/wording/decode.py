"""JSON out of what models write: fences, thoughts, prose around it, LaTeX, cut-off ends."""

from __future__ import annotations

import json
import re
from bisect import bisect
from collections.abc import Iterator
from itertools import islice
from typing import Any

LONGEST = 4_000_000
"""Characters of a reply that are read."""
_WORTH_MENDING = 400_000
"""Characters of a reply that is read a second time, for the cards that were broken."""
_LOST = 10_000
"""Characters that a failure counts whose place is not told."""

# --- backslashes ----------------------------------------------------------------------------

_LATEX = (
    r"nabla|natural|ne|neq|neg|nearrow|nwarrow|nu|not|notin|ni|nmid|norm|newline|newcommand|nolimits"
    r"|nonumber|nexists|nleq|ngeq|nless|nparallel|nsubseteq|nleftarrow|nrightarrow|nRightarrow"
    r"|theta|tau|text\w*|times|to|tilde|top|tfrac|tbinom|tag|tan|tanh|tr|triangle\w*|therefore"
    r"|thick\w*|thin\w*|twoheadrightarrow|tiny|upsilon|uparrow|underline|underbrace|underset"
    r"|updownarrow|uplus|unlhd|urcorner|ulcorner"
)
_BACKSLASH = re.compile(
    rf"""\\\\ | \\(?=(?:{_LATEX})(?![A-Za-z])) | \\(?=[bf][A-Za-z]) | \\(?=r(?!\\n)[A-Za-z])
    | \\(?!["\\/bfnrt']|u[0-9a-fA-F]{{4}}) | \\(?P<apostrophe>')""",
    re.VERBOSE,
)


def fix_escapes(text: str) -> str:
    r"""Double the single backslashes of LaTeX: `\frac` would become a form feed, `\alpha` fail.

    A backslash is doubled that begins no legal JSON escape, or one that begins a well-known
    command; a form feed, a backspace or a lone carriage return before a letter is never meant.
    `\n` and `\t` before other letters stay what they are, `\'` is an apostrophe.
    """
    return _BACKSLASH.sub(lambda found: "'" if found["apostrophe"] else r"\\", text)


# --- from text to objects -------------------------------------------------------------------


def objects(text: str) -> list[dict[str, Any]]:
    """The objects a reply holds that may be cards: out of `{"cards": […]}`, lists, or bare.

    Their keys are ours (`front` for `Question`); of JSON that was cut off, those that are whole;
    nothing of what a model thought aloud. Never raises.
    """
    clean = fix_escapes(text[:LONGEST].lstrip("\ufeff"))
    found, broken = _objects(clean)
    quoted = any(mark in clean for mark in _CLOSES)
    if quoted and (not found or (broken and len(clean) < _WORTH_MENDING)):
        mended, _ = _objects(_COMMA.sub("", _requoted(clean)))
        found = mended if len(mended) > len(found) else found
    return found or _encoded_twice(clean)


def _objects(text: str) -> tuple[list[dict[str, Any]], bool]:
    """The cards, and whether something in the text that looked like JSON was none."""
    values, broken = _values(text)
    return [card for value in _spoken(text, values) for card in _cards(value)], broken


_Placed = tuple[int, int, Any]
"""Where a value begins, where it ends, the value."""
_DECODER = json.JSONDecoder(strict=False)
_FOUND = re.compile(r'\{(?=\s{0,99}["}])|\[(?=\s{0,99}[\[{"\]\d])')
"""What may begin a value; braces of LaTeX and prose do not."""
_COMMA = re.compile(r",(?=\s*[}\]])")


def _values(text: str) -> tuple[list[_Placed], bool]:
    """Every outermost JSON value of a text; what is broken is entered to find its parts.

    Entering costs: it ends when five times the text was read in vain.
    """
    at, cut, left, broken = 0, 0, 5 * len(text) + 100 * _LOST, False
    values: list[_Placed] = []
    while left > 0 and (start := _FOUND.search(text, at)) is not None:
        try:
            value, at = _DECODER.raw_decode(text, start.start())
        except (ValueError, RecursionError) as error:
            at, broken = start.end(), True
            left -= 200 + max(getattr(error, "pos", at + _LOST) - at, 0)
        else:
            values.append((cut + start.start(), cut + at, value))
        if at > _BEHIND:  # an error counts the lines before it, each time anew
            text, cut, at = text[at:], cut + at, 0
    return values, broken


_BEHIND = 20_000
"""Characters that are left behind together."""


_THINKS = re.compile(
    r"<(?:think|thinking|thought|reasoning|reflection|seed:think)>|\[THINK\]|<\|begin_of_thought\|>"
    r"|<\|channel\|>\s*(?:analysis|commentary)\b",
    re.IGNORECASE,
)
_SPEAKS = re.compile(
    r"</(?:think|thinking|thought|reasoning|reflection|seed:think)>|\[/THINK\]|<\|end_of_thought\|>"
    r"|<\|channel\|>\s*final\b",
    re.IGNORECASE,
)


def _spoken(text: str, values: list[_Placed]) -> Iterator[Any]:
    """The values that stand after the last thought that ended; none if all is one that did not.

    A sign within a value is the word of a card, not the end of a thought.
    """
    starts = [start for start, _, _ in values]

    def outside(match: re.Match[str]) -> bool:
        before = bisect(starts, match.start())
        return not before or values[before - 1][1] <= match.start()

    begin = max((found.end() for found in _SPEAKS.finditer(text) if outside(found)), default=0)
    if not begin and _THINKS.match(text.lstrip()):
        return
    yield from (value for start, _, value in values if begin <= start)


_CLOSES = {'"': '"', "'": "'", "“": '”“"', "„": '“”"', "”": "”"}
"""Signs that begin a text, and those that may end it."""


def _requoted(text: str) -> str:
    r"""Texts between straight quotation marks, where a model wrote '…' or “…”, or forgot a `\"`.

    A text begins after `{`, `[`, `,` or `:`, and ends before `,`, `:`, `}` or `]`; between texts
    stands no Python.
    """
    first = re.search(r"[{\[]", text)
    at = first.start() if first else len(text)
    parts = [text[:at]]
    for start in _BEGINS.finditer(text, at):
        if start.start() < at:
            continue
        end = _end(text, start.end(), _CLOSES[start["mark"]])
        if end is None:
            break
        parts += [_json(text[at : start.start("mark")]), _quoted(text[start.end() : end])]
        at = end + 1
    return "".join([*parts, _json(text[at:])])


_PYTHON = {"None": "null", "True": "true", "False": "false"}


def _json(between: str) -> str:
    return re.sub(r"\b(?:None|True|False)\b", lambda word: _PYTHON[word[0]], between)


_BEGINS = re.compile(r"""(?<=[{\[,:])\s*(?P<mark>["'“„”])""")
_ENDS = re.compile(
    r"\s*(?:[:}\]]|,\s*[\"'“„”{\[\d]|,\s*[}\]]|,?\s*\Z|,\s*(?:null|true|false|None))"
)
_LONGEST_TEXT = 20_000


def _end(text: str, start: int, marks: str) -> int | None:
    """Where a text ends: at the first of the marks that stands where a text may end."""
    for mark in re.compile(f"[{marks}]").finditer(text, start, start + _LONGEST_TEXT):
        at = mark.start()
        if text[at - 1] != "\\" and _ENDS.match(text, at + 1):
            return at
    return None


def _quoted(words: str) -> str:
    return '"' + re.sub(r'(?<!\\)"', r"\"", words) + '"'


_STRING = re.compile(r'"\s*[\[{]')


def _encoded_twice(text: str) -> list[dict[str, Any]]:
    """The cards of JSON that stands as a text within JSON."""
    for start in islice(_STRING.finditer(text), 50):
        try:
            inner, _ = _DECODER.raw_decode(text, start.start())
        except (ValueError, RecursionError):
            continue
        if isinstance(inner, str) and (found := _objects(fix_escapes(inner))[0]):
            return found
    return []


# --- from objects to cards ------------------------------------------------------------------

_NAMES = {
    "h": "h highlight highlightid label id passage",
    "fact": "fact factid intent",
    "kind": "kind type cardtype",
    "quote": "quote evidence sourcequote",
    "front": "front question q term prompt",
    "back": "back answer a definition",
    "text": "text cloze clozetext",
    "why_none": "whynone why reason",
    "bloom": "bloom bloomlevel",
    "difficulty": "difficulty",
}
_CALLED = {alias: name for name, aliases in _NAMES.items() for alias in aliases.split()}
_DEEPEST = 4
_A_LABEL = re.compile(r"(?:h(?:ighlight)?[\s_#-]*)?(\d{1,3}|[0-9a-f]{8})", re.IGNORECASE)
_INHERITED = ("h", "fact", "quote")


def _cards(value: Any, depth: int = 0) -> Iterator[dict[str, Any]]:
    """Cards at any place a model may put them; those grouped under an `h` inherit it."""
    if depth > _DEEPEST:
        return
    if isinstance(value, str) and depth and value.lstrip()[:2] in _ENCODED:
        for _, _, inner in _values(value)[0]:
            yield from _cards(inner, depth + 1)
    if isinstance(value, list):
        for item in value:
            yield from _cards(item, depth + 1)
    elif isinstance(value, dict):
        card = _named(value)
        if any(isinstance(card.get(side), str | int | float) for side in ("front", "text")):
            yield card
            return
        grouped = [one for key in value for one in _below(key, value[key], depth)]
        inherited = {name: card[name] for name in _INHERITED if _is_word(card.get(name))}
        if not grouped and any(name in card for name in ("h", "quote", "why_none")):
            yield card
        yield from ({**inherited, **one} for one in grouped)


_ENCODED = ('{"', "[{", "{\n", "[\n")


def _below(key: object, value: Any, depth: int) -> Iterator[dict[str, Any]]:
    """The cards under a key; a key that is a label names their highlight."""
    label = _A_LABEL.fullmatch(str(key).strip())
    for card in _cards(value, depth + 1):
        yield {"h": label[1], **card} if label else card


def _named(found: dict[str, Any]) -> dict[str, Any]:
    """The object under our names for its keys; a key that has our name goes before an alias."""
    card: dict[str, Any] = {}
    for key, value in found.items():
        plain = re.sub(r"[^a-z]", "", str(key)[:40].casefold())
        name = _CALLED.get(plain, "")
        if name and (name not in card or key == name):
            card[name] = value
    return card


def _is_word(value: Any) -> bool:
    return isinstance(value, str | int | float) and not isinstance(value, bool)
