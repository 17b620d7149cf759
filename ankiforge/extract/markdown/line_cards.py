"""Hand-written cards on one line: `front::back` and `Term: definition`.

`Syntax` says how cards are written in a note: the plug-ins for Obsidian that make cards
write them in the same way, and each adds something. `block_cards` reads the cards over several
lines.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from ipaddress import IPv6Address
from itertools import islice
from typing import TYPE_CHECKING, NamedTuple

from ankiforge.extract.markdown.inline import Inline
from ankiforge.extract.markdown.inline_tokens import Gaps
from ankiforge.model import Form, Span, Strings
from ankiforge.text import regex
from ankiforge.text.sentences import trimmed

if TYPE_CHECKING:
    from ankiforge.extract.markdown.plugins import FieldWords


class Syntax(NamedTuple):
    """How cards are written in a note."""

    line: Mapping[str, bool] = {":::": True, "::": False}
    """What separates the sides on a line, and whether such a card is two-way."""
    block: Mapping[str, bool] = {"?": False, "??": True}
    """The same for a line between the sides."""
    end: str = ""
    """The line that ends an answer over several lines; "" = an empty one."""
    gaps: Gaps = Gaps()
    tags: Strings = ()
    """Tags that follow a question; the answer is below."""
    words: FieldWords | None = None
    """Between which the fields of a card are written; None = nowhere."""
    fields: Mapping[str, Strings] = {}
    """The names of the fields of note types; of another type, what looks like a name is
    one."""
    inner: Gaps | None = None
    """What is a gap between these words; None = as elsewhere."""
    declared: bool = False
    """Whether the settings say that this note contains such cards."""
    deck_tags: Strings = ()
    """The `#tags`, casefolded, that are decks of the cards below them, and so are tags below
    these: `flashcards/anatomy`."""
    deck: str = ""
    """The deck of the cards above any line with such a tag; "" = none."""

    def deck_of(self, tags: Iterable[str]) -> str:
        """Return the deck that the first of some tags names; "" if none does."""
        for tag in filter(self.is_deck, tags):
            return "::".join(filter(None, tag.strip("#").split("/")))
        return ""

    def is_deck(self, tag: str) -> bool:
        """Return whether a tag is a deck, not a tag of a card."""
        path = tag.strip("#/").casefold()
        if path in self.deck_tags:  # the only one says no more than that there are cards
            return len(self.deck_tags) > 1
        return any(path.startswith(f"{deck}/") for deck in self.deck_tags)


class CardSides(NamedTuple):
    """The sides of a card on one line, as spans of the block's plain text."""

    front: Span
    back: Span
    form: Form
    sign: str = ""
    two_way: bool = False


# --- front::back ----------------------------------------------------------------------

_COLONS = regex(r"(?<!:):{2,3}(?!:)")
FIELD = regex(
    r"[\[(][^\[\]():\n]{1,80}::[^\[\]()\n]{0,400}[\])]"
    r"|\{\{[^{}:\n]{1,80}::[^{}\n]{0,400}\}\}"
)
"""Matches inline fields of Dataview, `[due:: 2026-01-01]`, and template variables: no cards."""
# Separators of a line that are tried.
_MOST_TRIED = 20
# Stands for a picture, which has no plain text: in `What is this? ![[a.png]]::a node` no
# blank stands before the colons; and for the edge of a block, which counts as a blank.
_PIECE = "\N{OBJECT REPLACEMENT CHARACTER}"


def inline_card(inline: Inline, syntax: Syntax) -> CardSides | None:
    """Return the card `front::back` or `term:::definition` on a line, if any.

    Colons do not count in code, maths, addresses and bracketed fields, between the
    names of a program (`std::vector`, `Foo::bar()`, `a::b::c`), after an unclosed `{{`,
    before a `}}` without an opener, and in a field of Dataview (`key:: value`). Where
    several may separate the sides, a person decides on the card.
    """
    if not any(sign in inline.plain for sign in syntax.line):
        return None
    words = FIELD.sub(lambda field: "…" * len(field[0]), inline.unmarked_text())
    # a card for each pair or triple of colons that may separate its sides
    cards: list[CardSides] = []
    for colons in islice(_COLONS.finditer(words), _MOST_TRIED):
        sign = colons[0]
        start, end = colons.span()
        last_opener = words.rfind("{{", 0, start)
        last_closer = words.rfind("}}", 0, start)
        next_opener = words.find("{{", end)
        next_closer = words.find("}}", end)
        is_unopened = next_closer >= 0 and not 0 <= next_opener < next_closer
        is_in_braces = last_opener > last_closer or is_unopened
        if sign not in syntax.line or is_in_braces:
            continue
        sides = _sides(inline, words, start, end)
        if sides is None:
            continue
        front = words[:start]
        if inline.has_piece_at(start):
            front += _PIECE
        back = words[end:]
        if inline.has_piece_at(end):
            back = _PIECE + back
        form = _form(front, sign, back, syntax.declared)
        if form and inline.has_emphasis_around(start):
            form = Form.INLINE_FIELD
        if form:
            cards.append(CardSides(*sides, form, sign, syntax.line[sign]))

    # or another separator, from the settings of a plug-in
    others = syntax.line.keys() - {"::", ":::"} if not cards else ()
    for sign in sorted(others, key=len, reverse=True):
        start = words.find(sign)
        sides = None
        if start >= 0:
            sides = _sides(inline, words, start, start + len(sign))
        if sides:
            return CardSides(*sides, Form.INLINE, sign, syntax.line[sign])
    if not cards:
        return None

    # three colons surely separate, and two with a blank beside
    clear = []
    for card in cards:
        _, front_end = card.front
        back_start, _ = card.back
        if card.sign == ":::" or back_start - front_end > 2:
            clear.append(card)
    best = clear[0] if clear else cards[0]
    if len(cards) == 1 or len(clear) == 1:
        return best
    return best._replace(form=Form.INLINE_FIELD)


def _sides(
    inline: Inline,
    words: str,
    start: int,
    end: int,
) -> tuple[Span, Span] | None:
    """Return the text on both sides of a separator, None if one is empty."""
    front = trimmed(words, 0, start)
    back = trimmed(words, end, len(words))
    for first, last in (front, back):
        # a side may consist of a picture, which has no plain text
        if first == last:
            markdown, _ = inline.markdown(first, last)
            if not markdown:
                return None
    return front, back


# Namespaces of C++, Rust and R, `a::b::c`, `test.py::a`, `Foo::bar()`, `a::b_c`, `use
# Foo::Bar;`: names of a program.
_CODE = regex(
    r"""(?ax)
      (?:std|absl|tokio|serde|chrono|cv|glm|fmt|alloc|dplyr|tidyr|purrr|readr
        |stringr|ggplot2|devtools|usethis|testthat|bookdown|rmarkdown|knitr|rlang)::
    | [\w:<>]+::\w*::
    | \w+::\w+;$
    | \S+\.(?:py|[jt]sx?|rs|rb|go|cpp|java|php)::\w
    | (?P<call>[\w:<>]+::\w+(?:_\w|[(<]))
    """
)
# The start of one of Amazon's names of resources: `arn:aws:s3:::bucket`.
_RESOURCE = regex(r"\w:[a-z]\S*$")


def _form(front: str, colons: str, back: str, declared: bool) -> Form | None:
    """Return the form of `front::back`, None if it is a field, or names in code."""
    if back[:1] == "/":  # an address: `https:://x`, `fe80::/10`
        return None
    if not front.strip() or not back.strip():
        return Form.INLINE
    if len(colons) == 2 and _is_address(front, back):
        return Form.INLINE_FIELD if declared else None
    blank_before = front[-1].isspace()
    blank_after = back[0].isspace()
    if blank_before:
        # `p ::before` is a part of a page in CSS
        return Form.INLINE if blank_after or declared else Form.INLINE_FIELD
    if len(colons) == 3:
        return None if _RESOURCE.search(front) else Form.INLINE
    if blank_after:
        # `key:: value` is a field
        return Form.INLINE if declared or len(front.split()) > 1 else None
    # `the call that makes a process::fork()` may be a card; `as Foo::bar()`, `use a::b() to`
    # is none
    words_before = front.split()
    words_after = back.split()
    code = _CODE.match(f"{words_before[-1]}::{words_after[0]}")
    if code is None:
        return Form.INLINE
    asks_for_a_call = code["call"] and len(words_before) > 1 and len(words_after) <= 2
    if declared or (asks_for_a_call and not words_before[-1][0].isupper()):
        return Form.INLINE_FIELD
    return None


# A group of an IPv6 address that is neither a number nor a word: `fe80`, `2a02`.
_MIXED_GROUP = regex(r"(?=[0-9a-f]*[0-9])(?=[0-9a-f]*[a-f])[0-9a-f]{4}")
_AROUND_ADDRESS = "()[]<>{},.;!?'\"`“”‘’*_="


def _is_address(front: str, back: str) -> bool:
    """Return whether colons are part of an IPv6 address: `2001:db8::1`, `fe80::1%eth0`.

    `12::30`, `e4::e5` and `dead::beef` may be cards, though they are addresses as well:
    an address has further colons, or a group of four digits and letters. A range of
    times, `10:00::11:30`, looks the same.
    """
    word_before = ""
    if not front[-1].isspace():
        word_before = front.split()[-1]
    word_after = ""
    if not back[0].isspace():
        word_after = back.split()[0]
    text = f"{word_before}::{word_after}".strip(_AROUND_ADDRESS).casefold()
    # without the length of a prefix, `/64`, or a zone, `%eth0`
    address = re.split(r"[/%]", text, maxsplit=1)[0]
    groups = [group for group in address.split(":") if group]
    is_sure = len(groups) > 2 or any(map(_MIXED_GROUP.fullmatch, groups))
    is_network = address.endswith("::") and len(groups) > 1
    if not is_sure and not is_network:
        return False
    try:
        IPv6Address(address)
    except ValueError:
        return False
    return True


# --- Term: definition -----------------------------------------------------------------

_COLON = regex(r":(?=\s+\S)|：(?=\s*\S)")
_COLON_OR_DASH = regex(r":(?=\s+\S)|：(?=\s*\S)|(?<=\s)[–—-](?=\s)")
# Words in a term, at most.
_LONGEST_TERM = 5


def plain_term(inline: Inline, marked: Span | None = None) -> CardSides | None:
    """Return the sides of `Term: definition`, bold or not; None for any other text.

    `marked` is the one mark of the text, if any; it must cover all words. Then a dash
    counts, too.
    """
    if marked:
        words = inline.plain
        marked_start, marked_end = marked
        unmarked = words[:marked_start] + words[marked_end:]
        colon = None if re.search(r"\w", unmarked) else _COLON_OR_DASH.search(words)
    else:
        words = inline.unmarked_text()
        colon = _COLON.search(words)
    if colon is None:
        return None
    front = trimmed(words, 0, colon.start())
    back = trimmed(words, colon.end(), len(words))
    count = len(words[slice(*front)].split())
    if not 1 <= count <= _LONGEST_TERM:
        return None
    return CardSides(front, back, Form.TERM)
