"""Cards that a person writes in a note, on one line or over several, in the forms of many plug-ins.

`Syntax` says how cards are written in a note: the plug-ins for Obsidian write them in the same
way, and each adds something. On one line there are `front::back` (`inline_card`) and
`Term: definition` (`plain_term`, `terms_on_lines`). Over several lines there are a line `?`
between the sides, a tag after the question, the fields of a note between words of
Obsidian_to_Anki, `Q: … A: …`, and the blocks of Logseq with `#card`: `written_card` is a rule of
the parser that finds blocks.
"""

from __future__ import annotations

import re
from bisect import bisect_left, bisect_right
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache
from ipaddress import IPv6Address
from itertools import count, islice
from textwrap import dedent
from typing import TYPE_CHECKING, NamedTuple

from ankiforge.extract.markdown.inline import Inline
from ankiforge.extract.markdown.patterns import (
    ASKED,
    BOLD,
    ENDS_WITH_LINK,
    GAPPED,
    FieldWords,
)
from ankiforge.extract.markdown.placeholders import COMMENT
from ankiforge.extract.markdown.signs import Gaps
from ankiforge.model import IN_LETTERS, Form, Span, Strings
from ankiforge.text import regex
from ankiforge.text.cloze import gaps, make
from ankiforge.text.fold import outside
from ankiforge.text.sentences import trimmed

if TYPE_CHECKING:
    from markdown_it.rules_block import StateBlock


class Syntax(NamedTuple):
    """How cards are written in a note."""

    line: Mapping[str, bool] = {":::": True, "::": False}
    """What separates the sides on a line, and whether such a card is two-way."""
    block: Mapping[str, bool] = {"?": False, "？": False, "??": True, "？？": True}
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
    letters: bool = True
    """Whether `Q: … A: …`, and the blocks of Logseq with `#card`, are cards."""
    deck_tags: Strings = ()
    """The `#tags`, casefolded, that are decks of the cards below them, and so are tags below
    these: `flashcards/anatomy`."""
    deck: str = ""
    """The deck of the cards above any line with such a tag; "" = none."""

    def reads_comment(self, comment: str) -> bool:
        """Return whether the plug-ins of this syntax read the cards in a comment.

        They search the text as it is written; only obsidian-spaced-repetition skips comments
        of HTML.
        """
        words = self.words
        if (
            words
            and words.begin
            and re.search(rf"(?m)^[ \t>]*{re.escape(words.begin)}$", comment)
        ):
            return True
        if words and words.begin_inline and f"{words.begin_inline} [" in comment:
            return True
        if self.tags and _tagged(self.tags).search(comment):
            return True
        if not self.declared or comment.startswith("<!--"):
            return False
        lines = comment.strip("%").split("\n")
        return any(line.strip() in self.block for line in lines) or any(
            sign in line for sign in self.line for line in lines
        )

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
    r"|\{\{[^{}:\n]{1,80}::[^{}\n]{0,400}\}\}|｛｛[^｛｝\n]{0,400}｝｝"
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
    words = inline.unmarked_text().replace("：：", "::")
    if not any(sign in words for sign in syntax.line):
        return None
    words = FIELD.sub(lambda field: "…" * len(field[0]), words)
    cards = list(_cards_at_colons(inline, words, syntax))
    if not cards:
        return _card_by_other_sign(inline, words, syntax)

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


def _cards_at_colons(inline: Inline, words: str, syntax: Syntax) -> Iterator[CardSides]:
    """Yield a card for each pair or triple of colons that may separate its sides."""
    for colons in islice(_COLONS.finditer(words), _MOST_TRIED):
        sign = colons[0]
        start, end = colons.span()
        if sign not in syntax.line or _is_in_braces(words, start, end):
            continue
        sides = _around_separator(inline, words, start, end)
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
            yield CardSides(*sides, form, sign, syntax.line[sign])


def _is_in_braces(words: str, start: int, end: int) -> bool:
    """Return whether a sign stands after an unclosed `{{`, or before a `}}` without an opener."""
    if words.rfind("{{", 0, start) > words.rfind("}}", 0, start):
        return True
    next_opener = words.find("{{", end)
    next_closer = words.find("}}", end)
    return next_closer >= 0 and not 0 <= next_opener < next_closer


def _card_by_other_sign(inline: Inline, words: str, syntax: Syntax) -> CardSides | None:
    """Return the card that another separator makes, from the settings of a plug-in."""
    for sign in sorted(syntax.line.keys() - {"::", ":::"}, key=len, reverse=True):
        start = words.find(sign)
        if start >= 0:
            sides = _around_separator(inline, words, start, start + len(sign))
            if sides:
                return CardSides(*sides, Form.INLINE, sign, syntax.line[sign])
    return None


def _around_separator(
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
# The signs of scripts that write no blanks.
_WITHOUT_BLANKS = regex(r"[\u3000-\u9fff\uff00-\uff60]")
# The start of one of Amazon's names of resources: `arn:aws:s3:::bucket`.
_RESOURCE = regex(r"\w:[a-z]\S*$")


def _form(front: str, colons: str, back: str, declared: bool) -> Form | None:
    """Return the form of `front::back`, None if it is a field, or names in code."""
    # an address: `https:://x`, `fe80::/10`; a reference of a plug-in, `<<VL12::Heaps>>`
    if back[:1] == "/" or (front[:2], back[-2:]) == ("<<", ">>"):
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
    name = _WITHOUT_BLANKS.split(words_before[-1])[-1]  # `std` in `例如std::pair`
    code = _CODE.match(f"{name}::{words_after[0]}")
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
    # without a port, the length of a prefix, `/64`, or a zone, `%eth0`
    address = re.split(r"[]/%]", text, maxsplit=1)[0]
    groups = [group for group in address.split(":") if group]
    is_sure = len(groups) > 2 or any(map(_MIXED_GROUP.fullmatch, groups))
    if not is_sure and not (address.endswith("::") and len(groups) > 1):
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
    term = words[slice(*front)]
    if not 1 <= len(term.split()) <= _LONGEST_TERM:
        return None
    # an address, or a time of day, is no term
    if "://" in term or not any(map(str.isalpha, term)):
        return None
    return CardSides(front, back, Form.TERM)


# Before a term on a line that is no item of a list, which is bold or has a bullet.
_BULLET_SIGN = regex(r"\s*[•‣◦·▪●■–—]\s*")


def terms_on_lines(
    inline: Inline, *, is_item: bool
) -> list[tuple[Span, CardSides]] | None:
    """Return each line of a block with its sides; None if one is no `Term: meaning`.

    A line outside of a list has a bullet, or its term is bold: else it may be a dialogue.
    """
    words = inline.unmarked_text()
    lines = []
    for start, end in inline.lines():
        bullet = _BULLET_SIGN.match(words, start, end)
        colon = _COLON.search(words, start, end)
        if colon is None:
            return None
        front = trimmed(words, bullet.end() if bullet else start, colon.start())
        back = trimmed(words, colon.end(), end)
        count = len(words[slice(*front)].split())
        if not (is_item or bullet or inline.is_bold(*front)):
            return None
        if (
            not 1 <= count <= _LONGEST_TERM
            or not any(map(str.isalpha, words[slice(*back)]))
            or "://" in words[slice(*back)]
        ):
            return None
        lines.append(((start, end), CardSides(front, back, Form.GLOSSARY)))
    return lines


# --- cards over several lines -------------------------------------------------------------


class Written(NamedTuple):
    """A card over several lines, as its source."""

    last: int
    """The line after it."""
    front: str
    back: str
    sign: str = ""
    """The line between the sides, or what else makes it a card."""
    two_way: bool = False
    cloze: bool = False
    tags: Strings = ()
    several: bool = False
    """Whether it contains further separators."""
    open_end: bool = False
    """Whether text that is not a card follows the line that ends the answer."""
    declared: bool = False
    """Whether it is a card by its own words, whatever else in the note is one."""
    labels: Strings = ()
    """The words before the sides, if they have any, `Q` and `A`: they are part of its text."""
    level: int = 0
    """Of a question that is a heading with a tag: its level."""


# --- where a card may begin -----------------------------------------------------------


def signs_of(text: str, syntax: Syntax) -> list[int]:
    """Return the lines of a note that may make a card over several lines."""
    signs = "|".join(_signs_in(text, syntax))
    if not signs:
        return []
    sign = re.compile(rf"[ \t>]*(?:{signs})")
    lines = enumerate(text.split("\n"))
    return [number for number, line in lines if sign.match(line)]


def _signs_in(text: str, syntax: Syntax) -> Iterator[str]:
    """Yield the patterns of the lines by which cards over several lines are known in a note."""
    if syntax.block:
        separators = "|".join(map(re.escape, syntax.block))
        yield rf"(?:{separators})[ \t]*$"
    words = syntax.words
    if words and words.begin and f"\n{words.end}" in text:
        yield rf"{re.escape(words.begin)}[ \t]*$"
    if words and words.begin_inline:
        yield rf"{re.escape(words.begin_inline)}[ \t]"
    if syntax.tags:
        yield rf".*{_tagged(syntax.tags).pattern}"
    if syntax.letters:
        yield ASKED.replace("?P<label>", "?:")
        yield GAPPED
        if "#card" in text or "[[card]]" in text:
            yield _LOGSEQ.pattern


@lru_cache(maxsize=8)
def _tagged(names: Strings) -> re.Pattern[str]:
    """Return the pattern of these tags at the end of a line."""
    either = "|".join(map(re.escape, names))
    return re.compile(
        rf"(?im:(?:^|(?<=[ \t]))#(?:{either})(?P<reverse>[/-]reverse)?"
        r"(?P<tags>(?:[ \t]*#[\w/-]+)*)[ \t]*(?:\^\d{13}[ \t]*)?$)"
    )


def written_card(state: StateBlock, start: int, end: int, silent: bool) -> bool:
    """Read a card over several lines: a block rule of markdown-it.

    `env` holds `syntax`, `signs` (the lines that may make a card), `written` (the cards
    that are known by the line at which they begin) and `is_card`, which says whether a
    line is a card by itself.
    """
    signs: list[int] = state.env.get("signs", [])
    following = bisect_left(signs, start)
    farthest = min(end, start + _LONGEST)
    if following == len(signs) or signs[following] >= farthest:
        return False
    lines = _CardLines(state, state.env["syntax"], state.env["is_card"], end)
    card: Written | None = state.env["written"].get(start)
    if card is None or card.last > end:
        card = lines.card_at(start)
    if card is None:
        return False
    if not silent:
        card = card._replace(open_end=card.open_end or lines.goes_on(card))
        token = state.push("card", "", 0)
        token.map = [start, card.last]
        token.meta = {"card": card}
        state.line = card.last
    return True


def card_of_list(state: StateBlock, start: int, end: int, silent: bool) -> bool:
    """Read an item that begins a card, even if it would go on a list: a block rule."""
    line = state.src[state.bMarks[start] + state.tShift[start] : state.eMarks[start]]
    begins_card = _LOGSEQ.match(line) or (_BULLET.match(line) and _ASKED.match(line))
    return bool(begins_card) and written_card(state, start, end, silent)


# A question and its answer, `Q: … A: …`, and `F: … B: …`, front and back.
_ASKED = regex(ASKED)
_ANSWERED = regex(
    rf"(?:(?<=[\s？])|^)(?:[-*+]\s+)?{BOLD}(?P<label>(?:A|Answer|B|Antwort|答)\s?\d{{0,4}})"
    rf"{BOLD}(?::{BOLD}(?:[ \t]+|$)|：{BOLD}[ \t]*)"
)
# A text of hashcards with gaps in brackets, which are no link and no number of a source; and
# how the next of its cards, or a part of one, begins.
_GAPPED = regex(GAPPED)
_BRACKET = regex(r"(?<![!\[\\\]])\[([^\[\]\n^]*[^\W\d][^\[\]\n]*)\](?![(\[:])")
_PART = regex(r"[QAC]:[ \t]")
# A block of Logseq that is a card, and the properties that it keeps there.
_LOGSEQ_TAG = regex(r"(?:^|(?<=\S)|(?<=\s))[ \t]*(?:#card(?![\w/-])|#?\[\[card\]\])")
_LOGSEQ = regex(r"[-*+][ \t]+.*(?:#card(?![\w/-])|\[\[card\]\])")
_PROPERTY = regex(r"[\w-]+::(?:\s|$)")


# --- reading the lines of a card ------------------------------------------------------

_BULLET = regex(r"(?:[-*+]|\d{1,9}[.)])[ \t]+(?:\[[^\[\]]\][ \t]+)?")
_HEADING = regex(r"#{1,6}(?:[ \t]+|$)")
_CALLOUT = regex(r"\[![^\[\]]+\][+-]?[ \t]*")
_RULE = regex(r"(?:-[ \t]*){3,}$|(?:\*[ \t]*){3,}$|(?:_[ \t]*){3,}$")
_BREAK = regex(rf"{_HEADING.pattern}|{_RULE.pattern}")
_FENCE = regex(r"`{3,}|~{3,}")
_BLANKS = f"{COMMENT} \t\n"
# What makes a card whose last line says that it is the last one.
_CLOSED = ("START … END", "STARTI")
# A line of comments, or the id of the block above.
_IS_BARE = regex(rf"[{COMMENT} \t]*(?:\^[A-Za-z0-9-]+)?[{COMMENT} \t]*")
# A line of tags, of Obsidian or of Obsidian_to_Anki.
_TAGS_ONLY = regex(r"(?:#[\w/-]+[ \t]*)+|FILE TAGS:.*")
# The same of a question, in any writing: `**#cell**, #🌱`, `Tags: #cell`.
_TAGS_ALONE = regex(
    r"[ \t]*+(?:[Tt]ags?:[ \t]*+)?(?:[*_]{0,3}+\#[^\s#,;*_]++[*_]{0,3}+[,;]?+[ \t]*+)++"
)
_TAG_IN_LINE = regex(r"#([^\s#,;*_]+)")
# Lines of a question or an answer, at most.
_LONGEST = 400
# A gap of flashcards-obsidian with its number.
_NUMBERED = regex(r"(?<!\{)\{\d{1,3}:")
_NOTE_ID = regex(r"(?:^|[ \t])\^\d{13}[ \t]*$")


@dataclass(slots=True)
class _CardLines:
    """The lines of a container from which cards are read."""

    state: StateBlock
    syntax: Syntax
    is_card: Callable[[str], bool]
    end: int
    """The line after the container."""

    # --- lines

    def text(self, line: int) -> str:
        """Return a line without the signs of its container and blanks at its ends."""
        state = self.state
        start = state.bMarks[line] + state.tShift[line]
        return state.src[start : state.eMarks[line]].rstrip()

    def source(self, first: int, last: int) -> str:
        """Return the source of [first, last) lines."""
        return self.state.getLines(first, last, self.state.blkIndent, False)

    def past(self, first: int, *, front: bool = False, below: int = 6) -> int:
        """Return the end of the lines from `first` on that belong together.

        Args:
            first: the first line.
            front: up to the line that separates the sides, and a heading may be the first
                of them.
            below: headings of a level below this one belong to them, too.
        """
        last = min(self.end, first + _LONGEST)
        for line in self._outside_code(first, last):
            words = self.text(line)
            if self.state.isEmpty(line) or self._leaves_container(line):
                return line
            may_be_heading = (front and line == first) or _level(words) > below
            if not may_be_heading and _BREAK.match(words):
                return line
            if front and self._separates(line):
                return line
        return last

    def _outside_code(self, first: int, last: int) -> Iterator[int]:
        """Yield the lines of [first, last) that are neither in a fence nor one of its ends."""
        fence = ""
        for line in range(first, last):
            words = self.text(line)
            if fence:
                if words == words[:1] * len(words) and words.startswith(fence):
                    fence = ""
                continue
            opened = _FENCE.match(words)
            if opened:
                fence = opened[0]
                continue
            yield line

    def _leaves_container(self, line: int) -> bool:
        return self.state.sCount[line] < self.state.blkIndent

    def _separates(self, line: int) -> bool:
        """Return whether a line is one that separates the sides of a card."""
        indent = self.state.sCount[line] - self.state.blkIndent
        return self.text(line) in self.syntax.block and indent < 4

    # --- cards

    def card_at(self, start: int) -> Written | None:
        """Return the card that begins in a line, None if none does."""
        words = self.text(start)
        card = self.with_fields(start, words)
        if card or (self.syntax.words and words == self.syntax.words.begin):
            return card
        card = self.with_tag(start) or self.with_separator(start)
        signs: Sequence[int] = self.state.env["signs"]  # in order, and many
        if card or bisect_left(signs, start) == bisect_right(signs, start):
            return card
        return (
            self.with_letters(start)
            or self.with_brackets(start)
            or self.with_children(start)
        )

    def goes_on(self, card: Written) -> bool:
        """Return whether an answer that an empty line ended may continue after it.

        As for the plug-ins, the first empty line ends it. But people write answers of
        several paragraphs: of 560 such cards in two vaults, text that is not a card
        follows on 18, of which 16 have a schedule, which shows where they end. A
        heading, a rule, another card, the end of the list item or quote, and a line of
        tags end the answer for certain.
        """
        ends_with_sign = self.syntax.end and card.sign in self.syntax.block
        if card.sign in _CLOSED or ends_with_sign:
            return False
        if card.last >= self.end or not self.state.isEmpty(card.last):
            return False
        # past empty lines, and those with only comments or the id of a block
        for line in range(card.last, self.end):
            if not _IS_BARE.fullmatch(self.text(line)):
                break
        else:
            return False
        if self._leaves_container(line):
            return False
        return 0 < card.level < _level(self.text(line)) or not self._ends_answer(line)

    def _ends_answer(self, line: int) -> bool:
        """Return whether a line is surely no part of the answer above it."""
        words = self.text(line)
        if _BREAK.match(words) or _TAGS_ONLY.fullmatch(words) or _ASKED.match(words):
            return True
        if words == "START" or self.with_fields(line, words):
            return True
        if self.with_tag(line) or self.with_separator(line):
            return True
        paragraph = range(line, max(self.past(line), line + 1))
        return self._includes_card(paragraph)

    def _includes_card(self, lines: Iterable[int]) -> bool:
        """Return whether one of some lines is a card by itself."""
        return any(self.is_card(self.text(line)) for line in lines)

    def with_separator(self, start: int) -> Written | None:
        """Return the card of a question, a line `?` or `??`, and the answer below."""
        middle = self.past(start, front=True)
        if not start < middle < self.end or not self._separates(middle):
            return None
        if not self._may_ask(start, middle):
            return None
        last = after = self.past(middle + 1)
        if self.syntax.end:
            last = middle + 1
            while last < self.end and self.text(last) != self.syntax.end:
                last += 1
            after = min(last + 1, self.end)
        sign = self.text(middle)
        front, tags = _without_lines_of_tags(self.source(start, middle))
        return _with_both_sides(
            Written(
                after,
                _without_sign(front),
                self.source(middle + 1, last),
                sign,
                two_way=self.syntax.block[sign],
                tags=tags,
                several=any(map(self._separates, self._outside_code(middle + 1, last))),
            )
        )

    def _may_ask(self, start: int, middle: int) -> bool:
        """Return whether the lines above a line `?` are a question from the first one on."""
        first = self.text(start)
        indents = self.state.sCount
        if _BULLET.match(first) and indents[middle] > indents[start]:
            return False  # the list item that begins here contains the whole card
        if start + 1 == middle:
            return True
        # a question of several lines may begin below its first one
        begins_block = any(sign.match(first) for sign in (_HEADING, _CALLOUT, _RULE))
        return not begins_block and not self._includes_card(range(start, middle))

    def with_tag(self, start: int) -> Written | None:
        """Return the card of a question with a tag after it and the answer below."""
        if not self.syntax.tags:
            return None
        tagged = _tagged(self.syntax.tags)
        last = self.past(start, front=True)
        # the first line with the tag; none follows a fence
        line = start
        words = self.text(line)
        while line + 1 < last and not (_FENCE.match(words) or tagged.search(words)):
            line += 1
            words = self.text(line)
        tag = tagged.search(words)
        if tag is None or _FENCE.match(words):
            return None
        if "{" in self.syntax.gaps.signs and _NUMBERED.search(words, 0, tag.start()):
            return None  # its gaps make it a card by itself
        first = line + 1
        level = _level(words) if line == start else 0
        if first == last:  # the answer may be the next paragraph, or the section below
            first = self.state.skipEmptyLines(first)
            last = self.past(first, below=level or 6)
        # it ends after its id, or before the next question
        for below in range(first, last):
            if _NOTE_ID.search(self.text(below)):
                last = below + 1
                break
            if tagged.search(self.text(below)):
                last = below
                break
        front = "\n".join(filter(None, [self.source(start, line), words[: tag.start()]]))
        return _with_both_sides(
            Written(
                last,
                _without_sign(front),
                dedent(self.source(first, last)),
                sign=tag[0].split()[0],
                two_way=bool(tag["reverse"]),
                tags=tuple(re.findall(r"[\w/-]+", tag["tags"])),
                level=level,
            )
        )

    def with_letters(self, start: int) -> Written | None:
        """Return the card of a question after `Q:` and the answer after `A:`."""
        asked = _ASKED.match(self.text(start))
        if asked is None:
            return None
        below = self._answer_below(start, asked)
        if below is None or self._is_in_kept_passage(below[0]):
            return None
        middle, answered = below
        words = self.text(middle)

        # up to the next question; of an item of a list, up to what is no longer in it
        first = middle + 1
        if answered.end() == len(words):
            first = self.state.skipEmptyLines(first)  # it begins below
        last = max(first, self.past(first))
        indents = self.state.sCount
        is_item = _BULLET.match(self.text(start))
        for line in range(first, last):
            leaves_item = is_item and indents[line] <= indents[start]
            if leaves_item or self._begins_question(line):
                last = line
                break
        question = [*map(self.text, range(start, middle)), words[: answered.start()]]
        answer = [words[answered.end() :], dedent(self.source(middle + 1, last))]
        follows = "" if last == self.end else self.text(last)
        return _with_both_sides(
            Written(
                last,
                "\n".join(question)[asked.end() :].strip(),
                "\n".join(filter(None, answer)),
                sign=IN_LETTERS,
                labels=(asked["label"], answered["label"]),
                open_end=bool(is_item and follows and not _BULLET.match(follows)),
            )
        )

    def _answer_below(
        self, start: int, asked: re.Match[str]
    ) -> tuple[int, re.Match[str]] | None:
        """Return the line with the answer to the question in a line, and where in it; or None.

        Paragraphs between them are a part of the question.
        """
        is_item = _BULLET.match(self.text(start))
        for paragraph in self._paragraphs(start):
            for line in paragraph:
                words = self.text(line)
                if line > start and self._begins_question(line):
                    return None
                answered = _answer_to(asked, words)
                # below another paragraph it begins one
                if not answered or (answered.start() > 0 and start not in paragraph):
                    continue
                is_list_below = start in paragraph and line > start and not is_item
                if is_list_below and _BULLET.match(words):
                    return None
                return line, answered
        return None

    def _paragraphs(self, start: int) -> Iterator[range]:
        """Yield the lines of each paragraph from a line on, with only empty lines between them."""
        line = start
        while line < self.end and not self._leaves_container(line):
            last = self.past(line)
            yield range(line, last)
            line = self.state.skipEmptyLines(last)
            if line == last or line - start > _LONGEST:
                return

    def _begins_question(self, line: int) -> bool:
        """Return whether a line begins with `Q:` or `C:`."""
        return bool(_ASKED.match(self.text(line))) or self._is_gapped(line)

    def _is_in_kept_passage(self, answer: int) -> bool:
        """Return whether a line stands in an item at whose end Readwise writes its place."""
        for line in range(answer, min(self.end, answer + _LONGEST)):
            if line > answer and _BULLET.match(self.text(line)):
                return False
            if ENDS_WITH_LINK.search(self.text(line)):
                return True
        return False

    def with_brackets(self, start: int) -> Written | None:
        """Return the card of a text of hashcards after `C:`; each bracket in it is a gap."""
        if not self._is_gapped(start):
            return None
        last = self.past(start)
        for line in range(start + 1, last):
            if _PART.match(self.text(line)):
                last = line
                break
        text = self.source(start, last).lstrip(" \t").removeprefix("C:").strip()
        numbers = count(1)
        gapped = outside(
            text,
            lambda run: _BRACKET.sub(
                lambda bracket: make(next(numbers), bracket[1]), run
            ),
        )
        if gapped == text and not gaps(text):
            return None
        return Written(last, gapped, "", sign="C: … […]", cloze=True)

    def _is_gapped(self, line: int) -> bool:
        """Return whether a line begins with `C:`, and is no option of a question behind `B:`."""
        if not _GAPPED.match(self.text(line)):
            return False
        return not (line and self.text(line - 1).startswith("B:"))

    def with_children(self, start: int) -> Written | None:
        """Return the card of a block of Logseq with `#card`: the blocks below are its answer."""
        line = self.text(start)
        tag = _LOGSEQ.match(line)
        if tag is None or "{{" in line:
            return None
        indent = self.state.sCount[start]
        last = start + 1
        # its further lines, then its children; properties and empty items are no text
        front = _without_sign(line)
        children = list[str]()
        for number in range(start + 1, self.end):
            words = self.text(number).strip(_BLANKS)
            if not words:
                continue
            if self.state.sCount[number] <= indent or _LOGSEQ.match(words):
                break
            last = number + 1
            if words in ("-", "*", "+") or _PROPERTY.match(words):
                continue
            if children or _BULLET.match(words):
                children.append(self.source(number, number + 1))
            else:
                front += f"\n{words}"
        front = _LOGSEQ_TAG.sub("", front).strip()
        back = dedent("\n".join(children))
        return _with_both_sides(Written(last, front, back, sign="#card"))

    def with_fields(self, start: int, words: str) -> Written | None:
        """Return the card of Obsidian_to_Anki that begins in a line."""
        signs = self.syntax.words
        if signs is None:
            return None
        on_one_line = _inline(signs).fullmatch(words)
        if signs.begin and words == signs.begin:
            # between START and END; the first line is the note type
            last = start + 1
            end = min(self.end, start + _LONGEST)
            while last < end and self.text(last) != signs.end:
                last += 1
            if last == end:
                return None
            source = self.source(start + 1, last)
            kind, _, text = source.strip().partition("\n")
            after = last + 1
            written = f"{signs.begin} … {signs.end}"
        elif on_one_line:
            kind, text = on_one_line.groups()
            after = start + 1
            written = signs.begin_inline
        else:
            return None

        # the first field may lack its name
        names = self.syntax.fields.get(kind.strip(), ())
        field_name = _named(names) if names else _FIELD_NAME
        without_id = _ID.sub("", text)
        text, _, tags = _TAGS.sub("\0", without_id).partition("\0")
        first, *others = field_name.split(text)
        fields = [("", first)]
        fields += zip(others[::2], others[1::2], strict=True)
        return of_values(kind, fields, after, written, tuple(tags.split()))


def _with_both_sides(card: Written) -> Written | None:
    """Return a card, None if one of its sides is empty."""
    return card if card.front.strip(_BLANKS) and card.back.strip(_BLANKS) else None


def _answer_to(asked: re.Match[str], line: str) -> re.Match[str] | None:
    """Return where the answer to a question in letters begins in a line: `B:` is one to `F:`."""
    for answered in _ANSWERED.finditer(line):
        if not answered["label"].startswith("B") or asked["label"].startswith("F"):
            return answered
    return None


def _without_lines_of_tags(question: str) -> tuple[str, Strings]:
    """Return a question without the lines that hold only its tags, and these."""
    if "#" not in question or _FENCE.search(question):
        return question, ()
    kept = []
    tags: list[str] = []
    for line in question.split("\n"):
        if _TAGS_ALONE.fullmatch(line):
            tags += _TAG_IN_LINE.findall(line)
        else:
            kept.append(line)
    return ("\n".join(kept), tuple(tags)) if any(kept) else (question, ())


def _level(line: str) -> int:
    """Return the level of a heading; 0 if a line is none."""
    return len(line) - len(line.lstrip("#")) if _HEADING.match(line) else 0


def _without_sign(source: str) -> str:
    """Return a question of one line without the sign of a block before it."""
    if "\n" in source.strip():
        return source
    words = source.lstrip()
    for pattern in (_HEADING, _CALLOUT, _BULLET):
        sign = pattern.match(words)
        if sign:
            return words[sign.end() :]
    return source


# --- fields of Obsidian_to_Anki -------------------------------------------------------

_FIELD_NAME = regex(
    r"(?m)(?:^|(?<=\s)(?=(?:Back|Extra|Back Extra):))"
    r"([A-Z][\w ]{0,24}):[ \t]*"
)
_TAGS = regex(r"(?m)(?:^|(?<=[ \t]))Tags:[ \t]*(?=[^\n]*(?:\n\s*)?\Z)")
_ID = regex(rf"(?m)^ID: \d+[ \t]*$|{COMMENT}+")
# The field of Anki's note type "Basic (optional reversed card)" that asks for the
# second card.
_ADD_REVERSE = "Add Reverse"


@lru_cache(maxsize=8)
def _inline(words: FieldWords) -> re.Pattern[str]:
    """Return the pattern of `STARTI [Basic] front Back: back ENDI`, on one line."""
    if not (words.begin_inline and words.end_inline):
        return re.compile("(?!)")
    begin = re.escape(words.begin_inline)
    end = re.escape(words.end_inline)
    return re.compile(rf"{begin}[ \t]*\[([^\[\]\n]+)\][ \t]*(.*?)[ \t]*{end}")


@lru_cache(maxsize=64)
def _named(names: Strings) -> re.Pattern[str]:
    """Return the pattern of these names of fields, before their text."""
    either = "|".join(map(re.escape, names))
    return re.compile(rf"(?m)(?:^|(?<=[ \t]))({either}):(?:[ \t]+|$)")


def of_values(
    kind: str,
    fields: Sequence[tuple[str, str]],
    last: int,
    written: str,
    tags: Strings,
) -> Written | None:
    """Return the card of a note type and the values of its fields.

    None if it lacks a side.

    Args:
        kind: the name of the note type.
        fields: the name and the value of each field.
        last: the line after the card.
        written: how the card is written, as a person would say it.
        tags: its tags.
    """
    values = list[str]()
    two_way = "reversed" in kind and "optional" not in kind
    for name, value in fields:
        value = value.strip()
        if not value:
            continue
        if name == _ADD_REVERSE:
            two_way = True
        else:
            values.append(value)
    is_cloze = "cloze" in kind.casefold()
    if len(values) < (1 if is_cloze else 2):
        return None
    front, *back = values
    return Written(
        last,
        front,
        "\n".join(back),
        sign=written,
        two_way=two_way,
        cloze=is_cloze,
        tags=tags,
        declared=True,
    )
