"""Hand-written cards: `front::back` and `Term: definition` on one line, `?` over several lines.

The plug-ins for Obsidian that make cards write them likewise; `Syntax` says what one of them adds.
"""

from __future__ import annotations

import re
from bisect import bisect_left
from collections.abc import Callable, Mapping, Sequence
from functools import lru_cache
from ipaddress import IPv6Address
from itertools import islice
from textwrap import dedent
from typing import TYPE_CHECKING, NamedTuple

from ankiforge.extract.markdown.inline import Inline
from ankiforge.extract.markdown.source import COMMENT
from ankiforge.extract.markdown.tokens import Gaps
from ankiforge.model import Form, Span, Strings
from ankiforge.text import regex
from ankiforge.text.passages import trimmed

if TYPE_CHECKING:
    from markdown_it.rules_block import StateBlock


class FieldWords(NamedTuple):
    """The words between which Obsidian_to_Anki reads a note's type and fields."""

    begin: str = "START"
    end: str = "END"
    begin_inline: str = "STARTI"
    end_inline: str = "ENDI"


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
    """Tags that stand behind a question; the answer stands below."""
    words: FieldWords | None = None
    """Between which the fields of a card stand; None = nowhere."""
    fields: Mapping[str, Strings] = {}
    """The names of the fields of note types; of another type, what looks like a name is one."""
    inner: Gaps | None = None
    """What is a gap between these words; None = as elsewhere."""
    asks: bool = False
    """Whether lines `Q:` and `A:` are cards."""
    declared: bool = False
    """Whether the settings say that this note contains such cards."""


# --- cards on one line ----------------------------------------------------------------------

_COLONS = regex(r"(?<!:):{2,3}(?!:)")
# Inline fields of Dataview, `[due:: 2026-01-01]`, and template variables: never a card.
_FIELD = regex(
    r"[\[(][^\[\]():\n]{1,80}::[^\[\]()\n]{0,400}[\])]|\{\{[^{}:\n]{1,80}::[^{}\n]{0,400}\}\}"
)
# Namespaces of C++, Rust and R, `a::b::c`, `test.py::a`, `Foo::bar()`, `a::b_c`, `use Foo::Bar;`: names of
# a program.
_CODE = regex(
    r"(?a)(?:std|absl|tokio|serde|chrono|cv|glm|fmt|alloc|dplyr|tidyr|purrr|readr"
    r"|stringr|ggplot2|devtools|usethis|testthat|bookdown|rmarkdown|knitr|rlang)::|[\w:<>]+::\w*::|\w+::\w+;$|\S+\.(?:py|[jt]sx?|rs|rb|go|cpp|java|php)::\w"
    r"|(?P<call>[\w:<>]+::\w+(?:_\w|[(<]))"
)
# Separators of a line that are tried.
_MOST_TRIED = 20


class CardSides(NamedTuple):
    """The sides of a card on one line, as spans of the block's plain text."""

    front: Span
    back: Span
    form: Form
    sign: str = ""
    two_way: bool = False


def inline_card(inline: Inline, syntax: Syntax) -> CardSides | None:
    """Return the card `front::back` or `term:::definition` on a line, None if there is none.

    Colons do not count in code, maths, addresses and bracketed fields, between the names of a
    program (`std::vector`, `Foo::bar()`, `a::b::c`), after an unclosed `{{`, and in a field of
    Dataview (`key:: value`). Where several may separate the sides, a person decides on the card.
    """
    if not any(sign in inline.plain for sign in syntax.line):
        return None
    words = _FIELD.sub(lambda field: "…" * len(field[0]), inline.unmarked_text())
    found = []
    for colons in islice(_COLONS.finditer(words), _MOST_TRIED):
        start, end = colons.span()
        unclosed = words.rfind("{{", 0, start) > words.rfind("}}", 0, start)
        if colons[0] not in syntax.line or unclosed:
            continue
        sides = _sides(inline, words, start, end)
        form = sides and _form(words[:start], colons[0], words[end:], syntax.declared)
        if sides and form:
            found.append(CardSides(*sides, form, colons[0], syntax.line[colons[0]]))
    for sign in sorted(syntax.line.keys() - {"::", ":::"}, key=len, reverse=True):
        start = words.find(sign) if not found else -1
        if start >= 0 and (sides := _sides(inline, words, start, start + len(sign))):
            return CardSides(*sides, Form.INLINE, sign, syntax.line[sign])
    # three colons, or two with a blank beside them
    clear = [one for one in found if one.sign == ":::" or one.back[0] - one.front[1] > 2]
    best = next(iter(clear or found), None)
    is_clear = len(found) < 2 or len(clear) == 1
    return best if is_clear or best is None else best._replace(form=Form.INLINE_FIELD)


def _sides(inline: Inline, words: str, start: int, end: int) -> tuple[Span, Span] | None:
    """Return the text on both sides of a separator, None if one is empty."""
    sides = trimmed(words, 0, start), trimmed(words, end, len(words))
    # a side may consist of a picture
    has_both = all(side[0] < side[1] or inline.markdown(*side)[0] for side in sides)
    return sides if has_both else None


def _form(front: str, colons: str, back: str, declared: bool) -> Form | None:
    """Return the form of `front::back`, None if it is a field or the colons join names."""
    if back[:1] == "/":  # an address: `https:://x`, `fe80::/10`
        return None
    if not front.strip() or not back.strip():
        return Form.INLINE
    if len(colons) == 2 and _is_address(front, back):
        return Form.INLINE_FIELD if declared else None
    if front[-1].isspace():  # `p ::before` is a part of a page in CSS
        return Form.INLINE if back[0].isspace() or declared else Form.INLINE_FIELD
    if len(colons) == 3:  # Amazon's names of resources: `arn:aws:s3:::bucket`
        return None if re.search(r"\w:[a-z]\S*$", front) else Form.INLINE
    if back[0].isspace():
        return Form.INLINE if declared or len(front.split()) > 1 else None
    left, right = front.split()[-1], back.split()[0]
    code = _CODE.match(f"{left}::{right}")
    # `the call that makes a process::fork()` may be a card; `as Foo::bar()`, `use a::b() to` is none
    asks = code and code["call"] and front.split()[1:] and not back.split()[2:]
    if code and (declared or (asks and not left[0].isupper())):
        return Form.INLINE_FIELD
    return None if code else Form.INLINE


# A group of an IPv6 address that is no number and no word: `fe80`, `2a02`.
_MIXED_GROUP = regex(r"(?=[0-9a-f]*[0-9])(?=[0-9a-f]*[a-f])[0-9a-f]{4}")
_AROUND_ADDRESS = "()[]<>{},.;!?'\"`“”‘’*_="


def _is_address(front: str, back: str) -> bool:
    """Return whether two colons are part of an IPv6 address, such as `2001:db8::1` or `fe80::1%eth0`.

    `12::30`, `e4::e5` and `dead::beef` may be cards, though they are addresses as well: an address has further
    colons, or a group of four digits and letters. A range of times, `10:00::11:30`, looks the same.
    """
    left = front.split()[-1] if not front[-1].isspace() else ""
    right = back.split()[0] if not back[0].isspace() else ""
    text = f"{left}::{right}".strip(_AROUND_ADDRESS).casefold()
    address = re.split(r"[/%]", text, maxsplit=1)[0]
    groups = [group for group in address.split(":") if group]
    is_sure = len(groups) > 2 or any(map(_MIXED_GROUP.fullmatch, groups))
    if not is_sure and not (address.endswith("::") and len(groups) > 1):
        return False
    try:
        IPv6Address(address)
    except ValueError:
        return False
    return True


_COLON = regex(r":(?=\s+\S)|：(?=\s*\S)")
_DASH = regex(r":(?=\s+\S)|：(?=\s*\S)|(?<=\s)[–—-](?=\s)")
# Words in a term, at most.
_LONGEST_TERM = 5


def plain_term(inline: Inline, marked: Span | None = None) -> CardSides | None:
    """Return the sides of `Term: definition`, bold or not; None for any other text.

    `marked` is the one mark of the text, if any; it must cover all words. Then a dash counts, too.
    """
    words, colon = inline.plain, None
    if marked and not re.search(r"\w", words[: marked[0]] + words[marked[1] :]):
        colon = _DASH.search(words)
    elif not marked:
        words = inline.unmarked_text()
        colon = _COLON.search(words)
    if colon is None:
        return None
    front, back = trimmed(words, 0, colon.start()), trimmed(words, colon.end(), len(words))
    if not 1 <= len(words[slice(*front)].split()) <= _LONGEST_TERM:
        return None
    return CardSides(front, back, Form.TERM)


# --- cards over several lines ---------------------------------------------------------------


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
    """Whether further separators stand in it."""
    open_end: bool = False
    """Whether text that is no card follows the empty line that ends the answer."""
    declared: bool = False
    """Whether it is a card by its own words, whatever else in the note is one."""


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
# Lines of a question or an answer, at most.
_LONGEST = 400
_NOTE_ID = regex(r"(?:^|[ \t])\^\d{13}[ \t]*$")


def signs_of(text: str, syntax: Syntax) -> list[int]:
    """Return the lines of a note that may make a card over several lines."""
    signs = [rf"(?:{'|'.join(map(re.escape, syntax.block))})[ \t]*$"] if syntax.block else []
    if words := syntax.words:
        if words.begin and words.end and f"\n{words.end}" in text:
            signs.append(rf"{re.escape(words.begin)}[ \t]*$")
        if words.begin_inline and words.end_inline:
            signs.append(rf"{re.escape(words.begin_inline)}[ \t]")
    signs += ["Q: "] if syntax.asks else []
    signs += [rf".*{_tagged(syntax.tags).pattern}"] if syntax.tags else []
    if not signs:
        return []
    found = re.compile(rf"[ \t>]*(?:{'|'.join(signs)})")
    return [at for at, row in enumerate(text.split("\n")) if found.match(row)]


@lru_cache(maxsize=8)
def _tagged(names: Strings) -> re.Pattern[str]:
    """Return the pattern of these tags at the end of a line."""
    return re.compile(
        rf"(?im:(?:^|(?<=[ \t]))#(?:{'|'.join(map(re.escape, names))})(?P<reverse>[/-]reverse)?"
        r"(?P<tags>(?:[ \t]*#[\w/-]+)*)[ \t]*(?:\^\d{13}[ \t]*)?$)"
    )


def written_card(state: StateBlock, start: int, end: int, silent: bool) -> bool:
    """Read a card over several lines: a block rule of markdown-it.

    `env` holds `syntax`, `signs` (the lines that may make a card), `written` (the cards that are known
    by the line at which they begin) and `is_card`, which tells whether a line is a card by itself.
    """
    signs: list[int] = state.env.get("signs", [])
    near = bisect_left(signs, start)
    if near == len(signs) or signs[near] >= min(end, start + _LONGEST):
        return False
    lines = _Lines(state, state.env["syntax"], state.env["is_card"], end)
    card: Written | None = state.env["written"].get(start)
    if card is None or card.last > end:
        card = _read_card(lines, start)
    if card and not silent:
        card = card._replace(open_end=lines.goes_on(card))
        token = state.push("card", "", 0)
        token.map, token.meta = [start, card.last], {"card": card}
        state.line = card.last
    return card is not None


def _read_card(lines: _Lines, start: int) -> Written | None:
    """Return the card that begins in a line."""
    words, syntax = lines.text(start), lines.syntax
    if card := lines.of_fields(start, words):
        return card
    if syntax.words and words == syntax.words.begin:
        return None
    return lines.of_tag(start) or lines.of_separator(start)


class _Lines(NamedTuple):
    """The lines of a container from which cards are read."""

    state: StateBlock
    syntax: Syntax
    is_card: Callable[[str], bool]
    end: int

    def text(self, line: int) -> str:
        state = self.state
        return state.src[state.bMarks[line] + state.tShift[line] : state.eMarks[line]].rstrip()

    def source(self, first: int, last: int) -> str:
        return self.state.getLines(first, last, self.state.blkIndent, False)

    def past(self, first: int, *, front: bool = False) -> int:
        """Return the end of the lines from `first` on that belong together.

        `front`: up to the line that separates the sides, and a heading may be the first of them.
        """
        state, fence, last = self.state, "", min(self.end, first + _LONGEST)
        for line in range(first, last):
            words = self.text(line)
            sign = _FENCE.match(words)
            if fence:
                fence = "" if words == words[:1] * len(words) and words.startswith(fence) else fence
            elif sign:
                fence = sign[0]
            elif (
                state.isEmpty(line)
                or state.sCount[line] < state.blkIndent
                or ((line > first or not front) and _BREAK.match(words))
                or (front and self._separates(line))
            ):
                return line
        return last

    def _separates(self, line: int) -> bool:
        indent = self.state.sCount[line] - self.state.blkIndent
        return self.text(line) in self.syntax.block and indent < 4

    def goes_on(self, card: Written) -> bool:
        """Return whether an answer that an empty line ended may go on behind it.

        As for the plug-ins, the first empty line ends it. But people write answers of several
        paragraphs: of 560 such cards in two vaults, text that is no card follows on 18, of which 16 have a
        schedule, which tells where they end. A heading, a rule, another card, the end of the list item
        or quote, and a line of tags end the answer for certain.
        """
        state, line = self.state, card.last
        has_own_end = card.sign in _CLOSED or (self.syntax.end and card.sign in self.syntax.block)
        if has_own_end or line >= self.end or not state.isEmpty(line):
            return False
        while line < self.end and (state.isEmpty(line) or _IS_BARE.fullmatch(self.text(line))):
            line += 1
        if line == self.end or state.sCount[line] < state.blkIndent:
            return False
        words = self.text(line)
        if _BREAK.match(words) or _TAGS_ONLY.fullmatch(words):
            return False
        if words == "START" or self.of_fields(line, words):
            return False
        if self.of_tag(line) or self.of_separator(line):
            return False
        paragraph = range(line, max(self.past(line), line + 1))
        return not any(self.is_card(self.text(one)) for one in paragraph)

    def of_separator(self, start: int) -> Written | None:
        """Return the card of a question, a line `?` or `??`, and the answer, up to empty lines."""
        state, syntax, end = self.state, self.syntax, self.end
        middle = self.past(start, front=True)
        if middle >= end or middle == start or not self._separates(middle):
            return None
        if _BULLET.match(self.text(start)) and state.sCount[middle] > state.sCount[start]:
            return None  # the list item contains the card
        first = self.text(start)
        lead = _HEADING.match(first) or _CALLOUT.match(first) or _RULE.match(first)
        alone = start + 1 == middle
        if not alone and (lead or any(map(self.is_card, map(self.text, range(start, middle))))):
            return None  # the question begins below it
        last = after = self.past(middle + 1)
        if syntax.end:
            ends = (at for at in range(middle + 1, end) if self.text(at) == syntax.end)
            last = next(ends, end)
            after = min(last + 1, end)
        front, back = self.source(start, middle), self.source(middle + 1, last)
        front = _without_sign(front) if alone else front
        if not front.strip(_BLANKS) or not back.strip(_BLANKS):
            return None
        sign, several = self.text(middle), any(map(self._separates, range(middle + 1, last)))
        return Written(after, front, back, sign, syntax.block[sign], several=several)

    def of_tag(self, start: int) -> Written | None:
        """Return the card of a question with a tag behind it and the answer below."""
        if not self.syntax.tags:
            return None
        tag, at, found = _tagged(self.syntax.tags), start, None
        last = self.past(start, front=True)
        for at in range(start, last):
            if _FENCE.match(self.text(at)) or (found := tag.search(self.text(at))):
                break
        if found is None:
            return None
        first = at + 1
        if first == last:  # the answer may be the next paragraph
            first = self.state.skipEmptyLines(first)
            last = self.past(first)
        for line in range(first, last):
            if _NOTE_ID.search(self.text(line)):
                last = line + 1
                break
            if tag.search(self.text(line)):
                last = line
                break
        above = [self.source(start, at)] * (at > start)
        front = _without_sign("\n".join([*above, self.text(at)[: found.start()]]))
        back = dedent(self.source(first, last))
        if not front.strip(_BLANKS) or not back.strip(_BLANKS):
            return None
        tags = tuple(re.findall(r"[\w/-]+", found["tags"]))
        return Written(last, front, back, found[0].split()[0], bool(found["reverse"]), tags=tags)

    def of_fields(self, start: int, words: str) -> Written | None:
        """Return the card of Obsidian_to_Anki that begins in a line."""
        end = min(self.end, start + _LONGEST)
        signs = self.syntax.words
        if signs and signs.begin and words == signs.begin:
            ends = (at for at in range(start + 1, end) if self.text(at) == signs.end)
            last = next(ends, start)
            kind, _, text = self.source(start + 1, last).strip().partition("\n")
            names = self.syntax.fields.get(kind.strip(), ())
            return _of_fields(kind, text, last + 1, f"{signs.begin} … {signs.end}", names)
        if signs and (inline := _inline(signs).fullmatch(words)):
            names = self.syntax.fields.get(inline[1].strip(), ())
            return _of_fields(inline[1], inline[2], start + 1, signs.begin_inline, names)
        if not (self.syntax.asks and words.startswith("Q: ")):
            return None
        asked = _ASKED.match(self.source(start, end))
        if asked is None:
            return None
        middle = start + asked[0].count("\n")
        last = self.past(middle)
        last = next((at for at in range(middle + 1, last) if self.text(at)[:3] == "Q: "), last)
        back = self.source(middle, last).lstrip()[3:]
        return Written(last, asked["front"], back, "Q: … A: …")


def _of_fields(kind: str, text: str, last: int, written: str, names: Strings) -> Written | None:
    """Return the card of a note type and its fields, of which the first may have no name.

    Args:
        kind: the name of the note type.
        text: the fields.
        last: the line after the card.
        written: how the card is written, as a person would say it.
        names: the names of the type's fields; () = unknown.
    """
    text, _, tags = _TAGS.sub("\0", _ID.sub("", text)).partition("\0")
    first, *named = (_named(names) if names else _FIELD_NAME).split(text)
    fields = [("", first), *zip(named[::2], named[1::2], strict=True)]
    return of_values(kind, fields, last, written, tuple(tags.split()))


def of_values(
    kind: str, fields: Sequence[tuple[str, str]], last: int, written: str, tags: Strings
) -> Written | None:
    """Return the card of a note type and the values of its fields, by name; None if it lacks a side."""
    reverse = any(name == "Add Reverse" and value.strip() for name, value in fields)
    stripped = (value.strip() for name, value in fields if name != "Add Reverse")
    values, cloze = [*filter(None, stripped)], "cloze" in kind.casefold()
    two_way = reverse or ("reversed" in kind and "optional" not in kind)
    if len(values) < 2 - cloze:
        return None
    back = "\n".join(values[1:])
    return Written(last, values[0], back, written, two_way, cloze, tags, declared=True)


def _without_sign(source: str) -> str:
    """Return a question of one line without the sign of a heading, callout or item before it."""
    bare = source.lstrip()
    for sign in (_HEADING, _CALLOUT, _BULLET):
        if "\n" not in bare.strip() and (found := sign.match(bare)):
            return bare[found.end() :]
    return source


_ASKED = regex(r"\s*Q: (?P<front>(?:(?!\s*A: ).+\n)+)\s*A: ")


@lru_cache(maxsize=8)
def _inline(words: FieldWords) -> re.Pattern[str]:
    """Return the pattern of a card on one line: `STARTI [Basic] front Back: back ENDI`."""
    if not (words.begin_inline and words.end_inline):
        return re.compile("(?!)")
    begin, end = re.escape(words.begin_inline), re.escape(words.end_inline)
    return re.compile(rf"{begin}[ \t]*\[([^\[\]\n]+)\][ \t]*(.*?)[ \t]*{end}")


@lru_cache(maxsize=64)
def _named(names: Strings) -> re.Pattern[str]:
    """Return the pattern of these names of fields, before their text."""
    either = "|".join(map(re.escape, names))
    return re.compile(rf"(?m)(?:^|(?<=[ \t]))({either}):(?:[ \t]+|$)")


_FIELD_NAME = regex(r"(?m)(?:^|(?<=\s)(?=(?:Back|Extra|Back Extra):))([A-Z][\w ]{0,24}):[ \t]*")
_TAGS = regex(r"(?m)(?:^|(?<=[ \t]))Tags:[ \t]*(?=[^\n]*\s*\Z)")
_ID = regex(rf"(?m)^ID: \d+[ \t]*$|{COMMENT}+")
