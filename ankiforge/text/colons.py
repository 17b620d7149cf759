"""Decide whether two colons between words separate the sides of a card.

`a::b` is also written for other purposes: `key:: value` is a field of Dataview, and
`std::vector` is a name in code. The extractor for notes calls `classify_colons`, and stores the
result as the form of the highlight. Checks and questions use the other functions to tell the
user why a line may not be a card.
"""

from __future__ import annotations

import re
from enum import Enum, auto
from ipaddress import IPv6Address

from ankiforge.text import regex


class ColonMeaning(Enum):
    """The possible meanings of two colons between words."""

    CARD = auto()
    DOUBTFUL = auto()
    """They may separate the sides of a card, or be part of code or metadata."""
    NO_CARD = auto()
    """They are part of a field, an identifier or an address."""


# Qualified names in C++, Rust, R or pytest: `a::b::c`, `test.py::a`, `Foo::bar()`,
# `a::b_c`, `use Foo::Bar;`.
_CODE_NAME = regex(
    r"""(?ax)
      (?:std|absl|tokio|serde|chrono|cv|glm|fmt|alloc|dplyr|tidyr|purrr|readr
        |stringr|ggplot2|devtools|usethis|testthat|bookdown|rmarkdown|knitr|rlang)::
    | [\w:<>]+::\w*::
    | \w+::\w+;$
    | \S+\.(?:py|[jt]sx?|rs|rb|go|cpp|java|php)::\w
    | (?P<call>[\w:<>]+::\w+(?:_\w|[(<]))
    """
)
# Characters of scripts that put no spaces between words.
_UNSPACED_SCRIPT = regex(r"[\u3000-\u9fff\uff00-\uff60]")
_OPENING_MARKS = "([{\"'“‘«„"
# Match the volume and the pages of a reference, as in `Heritage, 3:: pp.68-97`.
_VOLUME_AT_END = regex(r",\s*\d{1,4}(?:\s?\(\d+\))?\s*\Z")
_PAGES = regex(r"\s*(?:pp?|ss?|S|стр?)\.\s?\d")
# The start of an Amazon Resource Name, such as `arn:aws:s3:::bucket`.
_ARN = regex(r"\w:[a-z]\S*$")


def classify_colons(
    front: str, separator: str, back: str, *, declared: bool
) -> ColonMeaning:
    """Determine whether colons in a line separate the sides of a card.

    Args:
        front: The plain text before the colons, including any space next to them.
        separator: The colons.
        back: The plain text after the colons, including any space next to them.
        declared: Whether the settings declare that the note contains cards.
    """
    colons = _classify_by_context(front, separator, back, declared)
    if colons is ColonMeaning.CARD and _is_code(front, separator, back):
        return ColonMeaning.DOUBTFUL
    return colons


def _classify_by_context(
    front: str, separator: str, back: str, declared: bool
) -> ColonMeaning:
    """Determine the meaning of colons from what is directly before and after them."""
    if _is_other_notation(front, back):
        return ColonMeaning.NO_CARD
    if not front.strip() or not back.strip():
        return ColonMeaning.CARD
    if len(separator) == 2 and _is_ipv6_address(front, back):
        return ColonMeaning.DOUBTFUL if declared else ColonMeaning.NO_CARD

    # what the spaces beside the colons show
    has_space_before, has_space_after = front[-1].isspace(), back[0].isspace()
    if has_space_before and has_space_after:
        return ColonMeaning.CARD
    if has_space_before:  # `p ::before` is a CSS pseudo-element
        return ColonMeaning.CARD if declared else ColonMeaning.DOUBTFUL
    if len(separator) == 3:
        return ColonMeaning.NO_CARD if _ARN.search(front) else ColonMeaning.CARD
    if has_space_after:
        is_field = not declared and len(front.split()) == 1
        # `key:: value` is a Dataview field
        return ColonMeaning.NO_CARD if is_field else ColonMeaning.CARD
    return _classify_code_name(front, back, declared=declared)


def _is_other_notation(front: str, back: str) -> bool:
    """Return whether the colons belong to a notation other than that of cards."""
    # a mistyped URL, `https:://x`, an IP address range, `fe80::/10`, or the sign itself in
    # a sentence, `(::)`
    if back.startswith(("/", ",", ")", "）")):
        return True
    # a plug-in's reference, `<<VL12::Heaps>>`
    if front.startswith("<<") and back.endswith(">>"):
        return True
    # a reference to literature, `Heritage, 3:: pp.68-97`
    return bool(_PAGES.match(back) and _VOLUME_AT_END.search(front))


def _classify_code_name(front: str, back: str, *, declared: bool) -> ColonMeaning:
    """Determine the meaning of `::` without spaces around it. It may be part of a name in code.

    `the call that makes a process::fork()` may be a card, but `as Foo::bar()` and
    `use a::b() to` aren't cards.
    """
    words_before = front.split()
    words_after = back.split()
    last_word = words_before[-1]
    # `std` in `例如std::pair` and `(std::pair)`
    identifier = _UNSPACED_SCRIPT.split(last_word)[-1].lstrip(_OPENING_MARKS)
    code = _CODE_NAME.match(f"{identifier}::{words_after[0]}")
    if code is None:
        return ColonMeaning.CARD
    if declared:
        return ColonMeaning.DOUBTFUL
    if code["call"] is None or last_word[0].isupper():  # `Foo` is a type
        return ColonMeaning.NO_CARD
    # the answer may be the call
    if len(words_before) > 1 and len(words_after) <= 2:
        return ColonMeaning.DOUBTFUL
    return ColonMeaning.NO_CARD


# A group of an IPv6 address that can be neither a number nor a word, such as `fe80`.
_MIXED_IPV6_GROUP = regex(r"(?=[0-9a-f]*[0-9])(?=[0-9a-f]*[a-f])[0-9a-f]{4}")
_ADDRESS_PUNCTUATION = "()[]<>{},.;!?'\"`“”‘’*_="


def _is_ipv6_address(front: str, back: str) -> bool:
    """Return whether the `::` is part of an IPv6 address, e.g. `fe80::1%eth0`.

    `12::30`, `e4::e5` and `dead::beef` are valid addresses too, but more likely cards. So we
    require more colons, a group that mixes digits and letters, or the loopback address `::1`. A
    time range such as `10:00::11:30` counts as an address.
    """
    # the word that contains the colons
    word_before = re.split(r"\s", front)[-1]
    word_after = re.split(r"\s", back, maxsplit=1)[0]
    word = f"{word_before}::{word_after}".strip(_ADDRESS_PUNCTUATION).casefold()
    # drop a port, a prefix length (`/64`) or a zone (`%eth0`)
    address = re.split(r"[]/%]", word, maxsplit=1)[0]
    try:
        IPv6Address(address)
    except ValueError:
        return False
    groups = list(filter(None, address.split(":")))
    if len(groups) > 2 or address == "::1":
        return True
    if len(groups) == 2 and address.endswith("::"):
        return True
    return any(map(_MIXED_IPV6_GROUP.fullmatch, groups))


# --- doubtful lines ---------------------------------------------------------------------

_CODE_LINE = regex(
    r"\w(?<!:)::~?[A-Za-z0-9_.]+(?:\(|<|;|::)"  # std::vector<int>, Foo::bar()
    r"|(?<!\w)[A-Za-z_]+::[A-Za-z_].*;$|\w>::[a-z]"  # int Foo::bar = 2; Foo<T>::bar
    # an IP address: fe80::1, 2001::1:2, but not the year in `1989::9 November`
    r"|(?<![\w:])(?=\w*\d)(?=\d*[A-Fa-f]|\w+::[0-9A-Fa-f]*[:/])"
    r"[0-9A-Fa-f]{3,4}::[0-9A-Fa-f:]*(?:/\d+)?(?!\w)"
    r"|::=|^\S+\s+::\s+\S+(?:\s+\S+){0,3}\s*(?:->|=>|→|⇒)"  # a grammar, a type
    # a member of a class, but not `JavaScript::a language`
    r"|(?<=\s)[A-Z]\w*[a-z][A-Z]\w*::\w|^[A-Z]\w*[a-z][A-Z]\w*::\w+\W*$"
    r"|\b(?:SELECT|UPDATE|DELETE|WHERE)\b.*\w::\w|\[\w+::"  # a query
)
# Matches a line whose first two colons have no spaces around them.
_TIGHT_COLONS = regex(r"^[^:：]*[^\s:：](?:::|：：)[^\s:：]")


def explain_ambiguous_colons(line: str) -> str:
    """Return the reason, as shown to the user, why a line with colons may not be a card."""
    if len(re.findall("::|：：", line)) > 1:
        return "it contains several"
    if _is_code(*line.partition("::")):
        return "it may be code"
    return "it may be metadata"


def has_colons_without_spaces(line: str) -> bool:
    """Return whether the first two colons in a line have no space on either side."""
    return _TIGHT_COLONS.search(line) is not None


def _is_code(front: str, separator: str, back: str) -> bool:
    """Return whether the colons are in a call, or the line looks like code, a type or a query."""
    # the colons are within the brackets of a call
    if _count_open_brackets(front) > 0 > _count_open_brackets(back):
        return True
    return _CODE_LINE.search(f"{front}{separator}{back}") is not None


def _count_open_brackets(text: str) -> int:
    """Return the number of opening brackets minus the number of closing brackets."""
    return len(re.findall(r"[(（\[]", text)) - len(re.findall(r"[)）\]]", text))
