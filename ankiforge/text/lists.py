"""The things that an answer lists, and what only looks like a list: options, code."""

from __future__ import annotations

from ankiforge.text import regex
from ankiforge.text.cloze import plain

FEWEST = 3
"""So many things asked at once are a set."""
# The most words of one thing, and of all, where no line breaks set them apart.
_WORDS_OF_ONE = 6
_WORDS_OF_LINE = 8
_WORDS_OF_ALL = 40

BULLET = regex(r"(?m)^([ \t]*)(?:\\?[-*•+→]|\d{1,3}\\?[.)]|[a-z]\\?[.)])[ \t]+(?=\S)")
_OPTION = regex(r"(?m)(?:^|\s)\(?[A-Da-d1-4]\\?[.)]\s{1,4}\S")
_CODE = regex(
    r"""(?mx)
    ``` | `[^`\n]+` | \b\w[\w\\]*+\([^()\n]*+\)[;{.] | \w\.\w+\( | [{};]\s*$ | =\\?>
    | \b(?:var|let|const|def|function|import)\  | \bfor\ .*:\s*$ | \|\s*\w+\ '
    | \$[\d\[({]\w* | ^\$\  | \|\s*(?:grep|awk|sed|sort|xargs|head|tail|wc|less|cut)\b
    | ^(?:echo|sudo|export|cd|ls|git|npm|pip)\ \S
    """
)
_NUMBERS = (
    "two|three|four|five|six|seven|eight|nine|zwei|drei|vier|fünf|sechs|sieben|[2-9]"
)
_ASKS_FOR_SEVERAL = regex(
    rf"""(?xi)
    (?:^|[.?!:]\s)\W*(?:name|list|state|nenne\w*|z[äa]hl\w*|aufz[äa]hl\w*)\b
    | \b(?:what\ are\ (?:the|some|\d)|which|was\ sind\ die|welche
        |quels|quelles|cuáles|quali|types|kinds|steps|phases|phasen|arten)\b
    # a number of things, and not one within a sentence: the four; (3); 3 terms
    | \b(?:the|die|les|los|las|which|what|first)\ (?:\w+\ )?(?:{_NUMBERS})\b
    | [(\[](?:{_NUMBERS})\b | ^(?:{_NUMBERS})\b | [:+-]\ \W*(?:{_NUMBERS})\b
    """
)
_BETWEEN = regex(r"(?:[,;、，]\s*|\s(?:and|und|et|y|e|&)\s)(?![^()]*\))")
_STATES = regex(
    r"(?i)\b(?:heißen|is|are|was|were|ist|sind|wird|werden|which|that|der|die|das)\b"
)


def things(front: str, back: str) -> list[str]:
    """Return the things that an answer lists, in Markdown, such as its list items.

    Prose, code and the options of a multiple-choice question list nothing.
    """
    if has_options(front) or is_code(front) or is_code(back):
        return []
    starts = [bullet.span() for bullet in BULLET.finditer(back)]
    if len(starts) > 1:
        ends = [start for start, _ in starts[1:]] + [len(back)]
        return [
            back[start:end].strip() for (_, start), end in zip(starts, ends, strict=True)
        ]
    if not asks_for_several(front):
        return []
    lines = [line.strip() for line in back.split("\n") if line.strip()]
    are_short = all(len(line.split()) <= _WORDS_OF_LINE for line in lines)
    if len(lines) >= FEWEST and are_short:
        return lines
    line = plain(back).strip().rstrip(".")
    parts = [part.strip() for part in _BETWEEN.split(line) if part.strip()]
    if _STATES.search(line) or len(line.split()) > _WORDS_OF_ALL:  # it is prose
        return []
    are_short = all(len(part.split()) <= _WORDS_OF_ONE for part in parts)
    return parts if len(parts) >= FEWEST and are_short else []


def asks_for_several(front: str) -> bool:
    """Return whether a front asks for several things: `name`, `which`, `the four`, `types`."""
    return _ASKS_FOR_SEVERAL.search(plain(front)) is not None


def has_options(front: str) -> bool:
    """Return whether a front shows the answers to choose from."""
    return len(_OPTION.findall(front)) >= FEWEST


def is_code(text: str) -> bool:
    """Return whether a text has code, marked or not."""
    return _CODE.search(text) is not None
