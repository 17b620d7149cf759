"""Marks and cards in a note, by their look, that are in no highlight of it.

The signs are looked for in the text as it is written, whatever the parser makes of it. Each
is in a highlight of its block, or is left out with a reason.

A card that another tool keeps in a note is told by what the tool writes beside each of its notes in
Anki. If our readers made a card of the place, or the settings name the tool's dialect, it is read;
else a run says how many are not, and `list --no-card --all` how to go on.
"""

from __future__ import annotations

import re
from bisect import bisect_right
from collections import defaultdict
from collections.abc import Container, Iterable, Iterator, Sequence
from functools import lru_cache
from operator import itemgetter
from typing import NamedTuple

from ankiforge.extract.markdown import WantedMarks
from ankiforge.extract.markdown.blocks import Block, BlockKind
from ankiforge.extract.markdown.hand_written import FIELD, inline_card
from ankiforge.extract.markdown.patterns import ASKED
from ankiforge.extract.markdown.placeholders import PREFIX, hidden_parts
from ankiforge.extract.markdown.signs import PLACEHOLDER
from ankiforge.extract.markdown.surroundings import PlacedHighlight
from ankiforge.model import (
    CODE_AND_MATHS,
    HEADED_CARD,
    LOGSEQ_CARD,
    LOGSEQ_MARK,
    NOTE_OF,
    Highlight,
    HighlightKind,
    LeftOut,
    Strings,
)
from ankiforge.model.hints import TITLES
from ankiforge.text import AnyOf, regex
from ankiforge.text.fold import MATH


class _OtherTool(NamedTuple):
    """A tool that makes notes in Anki of notes in Markdown."""

    name: str
    sign: re.Pattern[str]
    """Matches what it writes once for each of its cards."""
    parts: Strings
    """A note without any of these has none of its cards."""
    reason: str
    """Why a card of it is not read."""


_NOT_ON = (
    "its plug-in is not on, or does not read this place; if it was switched on later:"
    " ankiforge run VAULT --plugins"
)
_UNKNOWN = (
    "this form is not read: write it as question::answer; to keep its note in Anki:"
    " ankiforge adopt"
)
ANKIOPS = _OtherTool(
    "AnkiOps",
    regex(r"(?m)<!--(?<=^<!--)\s*(?:note_key|note_id):"),
    ("note_key:", "note_id:"),
    _UNKNOWN,
)
_TOOLS = (
    _OtherTool(
        "yanki",
        regex(r"\A---\n(?:(?!---).*\n)*?noteId:[ \t]*[\"']?\d"),
        ("noteId:",),
        _UNKNOWN,
    ),
    ANKIOPS,
    _OtherTool(
        "hashcards",
        regex(r"(?m)^C:[ \t][^\n]*\[[^\]\n]+\](?!\()"),
        ("\nC:",),
        _UNKNOWN,
    ),
    _OtherTool(
        TITLES["o2a"],
        regex(
            r"(?m)^[ \t>]*START[ \t]*\n(?:(?![ \t>]*END[ \t]*$).*\n)*?[ \t>]*END[ \t]*$"
            r"|STARTI[ \t]*\[|<!--[ \t]*ID:[ \t]*\d{10}|^ID:[ \t]*\d{10}"
        ),
        ("START", "ID:"),
        _NOT_ON,
    ),
    _OtherTool(
        "flashcards-obsidian",
        regex(r"(?m)(?:^|[ \t])\^\d{13}[ \t]*$"),
        ("^1",),
        _NOT_ON,
    ),
    _OtherTool(
        "KOReader in plain text",
        regex(r"(?m)^-(?:=-){3,9}[ \t]*$"),
        ("-=-=-",),
        "this form is not read: export the highlights as JSON or HTML",
    ),
    _OtherTool(
        "spaced repetition",
        regex(r"<!--SR:|^[ \t>]*>[ \t]*\[!sr\b"),
        ("<!--SR:", "[!sr"),
        _NOT_ON,
    ),
)
_TOOL_PARTS = AnyOf(*[part for tool in _TOOLS for part in tool.parts])
"""A note without any of these has no card of these tools."""

# --- marks and cards --------------------------------------------------------------------

# Up to so many characters of a paragraph are between two signs.
_MOST_INSIDE = 300
_INSIDE = rf"(?:(?!\n[ \t>]*\n).){{1,{_MOST_INSIDE}}}?"
# The letters with which something begins, or what separates it; and the starts of lines, which
# begin something only if one of some words is in the text. Both are found much sooner than all of
# `SIGN` fails at each letter.
_LETTER = regex(r"[=＝<~{｛:：]")
_LETTER_OR_LINE = regex(r"(?m)[=＝<~{｛:：]|^")
_OF_LINES = regex(
    r"(?m)[?\[#QF:](?:(?<=\?)[ \t]*$|(?<=\[)!|(?<=\#)card|(?<=[QF]):|(?<=ls-type:):)"
)
SIGN = regex(
    rf"""(?xsm)
      (?:==|＝＝)(?=[^\s=])(?P<mark>{_INSIDE})(?<=[^\s=])(?:==|＝＝)
    | <mark\b[^<>]*>(?P<html>{_INSIDE})</mark\s*>
    | ~=\{{[\w-]+\}}(?P<colour>{_INSIDE})=~
    | \{{\{{(?P<gap>{_INSIDE})\}}\}}
    | ｛｛(?P<wide>{_INSIDE})｝｝
    | ^(?P<block>{PREFIX}(?:>{PREFIX})*(?:\[[^\[\]\n]\][ \t]+)?\?\??[ \t]*$)
    | ^(?P<callout>{PREFIX}>(?:{PREFIX}>)*[ \t]*\[![^\[\]\n]+\])
    | ^(?P<logseq_mark>[ \t]*ls-type::[ \t]*annotation[ \t]*$)
    | ^(?P<logseq_card>[ \t]*-[ \t][^\n]*(?<!\S)\#card(?![\w/-])[^\n]*$)
    | ^(?P<asked>{PREFIX}(?:>{PREFIX})*{ASKED.replace("?P<label>", "?:")})
    | (?P<arrow>(?<=\S[ \t])(?::->|:<->|:<-)[ \t](?=[ \t]*\S))
    | (?P<line>(?<!:):{{2,3}}(?!:)|：：)
    | (?P<open>(?<!=)==(?!=)|＝＝|\{{\{{(?:[cC]\d{{1,3}}(?:,\d{{1,3}})*::)?|<mark\b)
    """
)
"""Matches what looks like something; the name of the group is its kind."""
_SIGNS = AnyOf(
    "==",
    "｛｛",
    "：：",
    "＝＝",
    "<mark",
    "~={",
    "{{",
    "::",
    ":->",
    ":<-",
    "[!",
    "?\n",
    "#card",
    "Q:",
    "Q：",
    "F: ",
)
_NAME_OF_GAP = regex(r"\A(?:[cC]\d{1,3}(?:,\d{1,3})*[ ]?::?|cloze\s+)")
_TAG = regex(r"<[^<>\n]*>")
_MATHS = regex(MATH)
_EMBED = regex(r"!\[\[[^\[\]\n]*\]\]|!\[[^\[\]\n]*\]\([^()\n]*\)")
_WORD = regex(r"\w+")
_ITEM_SIGNS = regex(rf"{PREFIX}(?:>{PREFIX})*")
_NO_WORDS = "there are no words in it"
_LONE_SIGN = "it begins or ends nothing: its other sign is missing in the paragraph"
# Why a sign is no card, or no callout, if its settings read it.
_MISSING = {
    "block": "right above it there is no question, or right below it no answer",
    "asked": "its question or answer is missing, or AnkiOps keeps it in step with Anki",
    "callout": _NO_WORDS,
}
# What Logseq itself writes below a block.
_OF_LOGSEQ = regex(r"(?<![^\s*_])(?:id|collapsed|logseq\.[\w.-]+)::\Z")
# Why a sign in a part of a note that the parser does not see is none.
_HIDDEN = {
    "comment": "it stands in a comment, which nobody sees who reads the note",
    "program": "it stands in a command of a template",
    "field": "`key:: value` alone on a line is a field, as Dataview and Logseq have them",
    "data": "a plug-in for flashcards keeps its own data there",
    "definition": "it stands in the address of a link",
}


class _Look(NamedTuple):
    """A kind of mark or card, as it looks."""

    shown: str
    """Its name for a person."""
    setting: str = ""
    """The setting that says whether it is read, and its name there; "" if none does."""
    name: str = ""
    never: str = ""
    """Why it is never read, if only other programs know it."""


_LOOKS = {
    "mark": _Look("==mark==", "marks", "=="),
    "html": _Look("<mark>", "marks", "mark"),
    "gap": _Look("{{gap}}", "cards", "cloze"),
    "wide": _Look("｛｛gap｝｝", never="its braces are wide: write `{{gap}}`"),
    "line": _Look("question::answer", "cards", "inline"),
    "arrow": _Look(
        "question :-> answer",
        never="only a plug-in of Logseq knows this form: write `question::answer`",
    ),
    "block": _Look("? between question and answer", "cards", "block"),
    "callout": _Look("callout", "marks", "callout"),
    "asked": _Look("Q: … A: …", "cards", "block"),
    "logseq_card": _Look(
        LOGSEQ_CARD,
        never="there are no words before the tag, or no block with the answer below",
    ),
    "logseq_mark": _Look(
        LOGSEQ_MARK,
        never="Logseq keeps the marks of a PDF in a form of its own: mark it in the PDF",
    ),
}
"""By the name of its group in `SIGN`."""
_OPEN_LOOKS = {
    "=": _Look("==mark=="),
    "＝": _Look("==mark=="),
    "{": _Look("{{gap}}"),
    "<": _Look("<mark>"),
}
"""Of a sign that is not closed in its paragraph, by its first letter."""


class _Lookalike(NamedTuple):
    """Something in a note that looks like a mark or a card."""

    kind: str
    """The name of its group in `SIGN`."""
    look: _Look
    line: int
    """Its number, from 0."""
    words: str
    """The letters and digits inside it."""
    start: int
    end: int
    """[start, end) in the text of the note."""


def may_be_overlooked(text: str) -> bool:
    """Return whether there may be anything in a note that looks like a mark or a card."""
    return _SIGNS.is_in(text) or _TOOL_PARTS.is_in(text)


def overlooked(
    text: str,
    front_lines: int,
    wanted: WantedMarks,
    blocks: Sequence[Block] = (),
    placed: Iterable[PlacedHighlight] = (),
) -> tuple[LeftOut, ...]:
    """Return the signs of marks and cards in a note that are in no highlight.

    Args:
        text: the note as it is written.
        front_lines: how many of its lines are the front matter.
        wanted: the marks and cards that are read.
        blocks: the note, cut into blocks; () if nothing in it is read.
        placed: its highlights.
    """
    if not may_be_overlooked(f"{text}\n"):
        return ()
    left_out = []
    lines = text.split("\n")
    front = "\n".join(lines[:front_lines])
    place = _lines_text(range(front_lines))
    if front and SIGN.search(front):
        reason = "it says what the note is: no card is read there"
        left_out.append(LeftOut("front matter", place, reason))

    # with empty lines for its front matter
    body = "\n" * front_lines + "\n".join(lines[front_lines:])
    hidden = _HiddenParts(body, fields=wanted.fields)
    highlighted = _Highlighted(body, blocks, placed)
    left_out += _unread_of_tools(text, highlighted.lines)
    code_lines = []
    unselected = defaultdict[tuple[str, str], list[int]](list)
    """The lines of signs that the settings do not read, by kind and setting."""
    for sign in _signs_in(body):
        part = hidden.kind_at(sign.start)
        if part == "code" or highlighted.is_code(sign.line):
            code_lines.append(sign.line)
            continue
        if highlighted.holds(sign):
            continue
        if part == "field" and _OF_LOGSEQ.search(body, max(sign.start - 80, 0), sign.end):
            continue
        shown, setting, name, never = sign.look
        reason = never or highlighted.why_none(sign, part)
        selected = wanted.marks if setting == "marks" else wanted.cards
        if not reason and setting and name not in selected:
            unselected[shown, f"{setting}: […, {name}]"].append(sign.line)
            continue
        if not reason and sign.kind == "line" and highlighted.card_in_heading(sign):
            shown = HEADED_CARD
        reason = reason or highlighted.why_not(sign)
        left_out.append(LeftOut(shown, f"line {sign.line + 1}", reason))

    left_out += [_unread(*kind, sign_lines) for kind, sign_lines in unselected.items()]
    if code_lines:
        reason = "what looks like a mark or a card in code and in maths is none"
        left_out.append(LeftOut(CODE_AND_MATHS, _lines_text(code_lines), reason))
    return tuple(left_out)


class _HiddenParts:
    """The parts of a note in which no marks are read."""

    def __init__(self, body: str, *, fields: bool) -> None:
        parts = list(hidden_parts(body, fields=fields))
        if "$" in body:
            parts += [(*maths.span(), "code") for maths in _MATHS.finditer(body)]
        self._parts = sorted(parts)

    def kind_at(self, place: int) -> str:
        """Return the kind of the part around a letter, "" if there is none."""
        # maths within a line may stand inside another part, and so be the nearest one
        behind = bisect_right(self._parts, place, key=itemgetter(0))
        around = ""
        for _, end, kind in self._parts[max(behind - 2, 0) : behind]:
            if place < end:
                around = kind
        return around


def _unread(shown: str, setting: str, lines: Sequence[int]) -> LeftOut:
    """Return the entry of all signs of a kind that the settings do not read."""
    # a note may hold hundreds of callouts: they are one entry
    reason = f"your settings do not read it; to read it: `{setting}`"
    if len(lines) > 1:
        number = f"{len(lines):,} of them"
        reason = f"your settings do not read {number}; to read them: `{setting}`"
    return LeftOut(shown, _lines_text(lines), reason)


def _signs_in(body: str) -> Iterator[_Lookalike]:
    """Yield the signs of marks and cards, in the order of the text."""
    number = 0
    counted_until = 0
    position = 0
    gap_until = 0
    inside_until = 0
    beginning = _LETTER_OR_LINE if _OF_LINES.search(body) else _LETTER
    while match := _next_sign(body, position, beginning):
        group = str(match.lastgroup)
        kind = "html" if group == "colour" else group
        position = match.end()
        if kind == "line" and match.start() < gap_until:
            continue
        if kind == "open" and match.start() < inside_until:
            continue
        if kind == "gap":
            gap_until = match.end()
        # a sign may stand inside another one, and an opener that is no mark may close one
        if kind in ("mark", "html", "gap"):
            inside_until = max(inside_until, match.end())
            position = match.start() + 2
        elif kind == "logseq_card":
            position = match.start() + 1
        number += body.count("\n", counted_until, match.start())
        counted_until = match.start()
        inside = _NAME_OF_GAP.sub("", match[group])
        look = _LOOKS.get(kind) or _OPEN_LOOKS[match[0][0]]
        yield _Lookalike(kind, look, number, _letters(inside), *match.span())


def _next_sign(
    body: str, position: int, beginning: re.Pattern[str]
) -> re.Match[str] | None:
    """Return the first match of `SIGN` at or behind a position."""
    for place in beginning.finditer(body, position):
        sign = SIGN.match(body, place.start())
        if sign:
            return sign
    return None


def _letters(words: str) -> str:
    """Return only the letters and digits of a text, folded."""
    return "".join(_WORD.findall(_TAG.sub("", words).casefold()))


def _lines_text(numbers: Iterable[int]) -> str:
    """Return the numbers of lines, which are counted from 0, in words: `lines 1-3, 7`."""
    runs: list[list[int]] = []
    for number in sorted({number + 1 for number in numbers}):
        if runs and runs[-1][-1] == number - 1:
            runs[-1].append(number)
        else:
            runs.append([number])
    spans = []
    for run in runs:
        spans.append(str(run[0]) if len(run) == 1 else f"{run[0]}-{run[-1]}")
    lines = "line" if len(runs) == 1 and len(runs[0]) == 1 else "lines"
    return f"{lines} {', '.join(spans)}"


def _shows(placed: PlacedHighlight, sign: _Lookalike, block: Block) -> bool:
    """Return whether a highlight in the block of a sign shows its words, or is all of the block."""
    highlight = placed.highlight
    if block.part is not BlockKind.CELL:
        if highlight.kind is HighlightKind.CARD:
            return True
        if sign.words and placed.start == 0 and placed.end == len(block.plain):
            return True
    return bool(sign.words) and sign.words in _letters_of(highlight)


@lru_cache(maxsize=64)  # each sign of a block asks for them
def _letters_of(highlight: Highlight) -> str:
    """Return the letters and digits that a highlight shows, folded."""
    return _letters(" ".join((highlight.exact, *highlight.markdown)))


def _marks_phrase(sign: _Lookalike, block: Block) -> bool:
    """Return whether a sign marks a phrase of its block, or opens a long one."""
    for phrase in block.inline.phrases:
        if sign.kind in ("mark", "html", "gap"):
            words = _letters(block.inline.plain[phrase.start : phrase.end])
            if words and (words in sign.words or sign.words in words):
                return True
        # one that is longer than what is looked for between signs
        if sign.kind == "open" and 2 * (phrase.end - phrase.start) >= _MOST_INSIDE:
            return True
    return False


class _Highlighted:
    """The highlights of a note, by the line and by the block."""

    def __init__(
        self,
        body: str,
        blocks: Sequence[Block],
        placed: Iterable[PlacedHighlight],
    ) -> None:
        self._body = body
        self._blocks_at: dict[int, list[Block]] = defaultdict(list)
        """The blocks on a line."""
        self._placed_in: dict[Block, list[PlacedHighlight]] = defaultdict(list)
        """The highlights of a block."""
        for block in blocks:
            for line in range(*block.lines):
                self._blocks_at[line].append(block)
        for highlight in placed:
            inside = blocks[highlight.first.number - 1 : highlight.last.number]
            for block in (*inside, *highlight.beside):
                self._placed_in[block].append(highlight)
        self.lines: set[int] = set()
        """The lines of highlights, and those right below, where tools write their ids."""
        for block in self._placed_in:
            first, end = block.lines
            self.lines.update(range(first, end + 1))
        self._quotes = {quote for block in self._placed_in for quote in block.quotes}
        """The block quotes with a highlight."""

    def is_code(self, line: int) -> bool:
        """Return whether a line is code."""
        blocks = self._blocks_at[line]
        return bool(blocks) and all(block.part is BlockKind.CODE for block in blocks)

    def holds(self, sign: _Lookalike) -> bool:
        """Return whether a sign is in a highlight."""
        if sign.kind == "callout":
            # a title without words is no block
            inside = self._blocks_at[sign.line] or self._blocks_at[sign.line + 1]
            quotes = {block.quotes[-1] for block in inside if block.quotes}
            if not quotes.isdisjoint(self._quotes):
                return True
        for block in self._blocks_at[sign.line]:
            placed = self._placed_in.get(block, ())
            if any(_shows(each, sign, block) for each in placed):
                return True
            # or it marks a phrase of a block that has highlights
            if placed and block.is_text and _marks_phrase(sign, block):
                return True
        return False

    def why_none(self, sign: _Lookalike, part: str) -> str:
        """Return why a sign means nothing at its place, "" if it may mean something.

        `part` is the kind of the hidden part that it stands in, "" if it stands in none.
        """
        if part:
            return _HIDDEN[part]
        if self._body[sign.start - 1 : sign.start] == "\\":
            return "a backslash before it says that it is not a sign"
        if sign.kind != "open":
            return ""
        return _NO_WORDS if self._body.startswith("}}", sign.end) else _LONE_SIGN

    def why_not(self, sign: _Lookalike) -> str:
        """Return why a sign that the settings read is no mark and no card."""
        if sign.kind in _MISSING:
            return _MISSING[sign.kind]
        if sign.kind == "line":
            return self._why_no_line(sign)
        if sign.kind == "gap":
            if not sign.words:
                return _NO_WORDS
            if PLACEHOLDER.match(self._body, sign.start):
                return "it is a placeholder of a template"
            return self._why_not_enclosed(sign, "braces")
        before = self._body[sign.start - 1 : sign.start]
        after = self._body[sign.start + 2 : sign.start + 3]
        if not _letters(_EMBED.sub("", self._body[sign.start : sign.end])):
            return _NO_WORDS
        if before.isalnum() and after.isalnum():
            return "between two letters or digits it is a comparison, as in `x==1`"
        return self._why_not_enclosed(sign, "signs")

    def _why_not_enclosed(self, sign: _Lookalike, signs: str) -> str:
        """Return why signs of a mark or gap do not belong together."""
        if "|" in self._body[sign.start : sign.end]:
            blocks = self._blocks_at[sign.line]
            if any(block.part is BlockKind.CELL for block in blocks):
                return "a bar in it ends the cell of a table: write it as `\\|`"
        return f"its {signs} do not enclose words of one paragraph"

    def _why_no_line(self, sign: _Lookalike) -> str:
        """Return why colons separate no question and answer."""
        body = self._body
        line_start = body.rfind("\n", 0, sign.start) + 1
        before = body[line_start : sign.start]
        back, _, _ = body[sign.end :].partition("\n")
        front = _ITEM_SIGNS.sub("", before, count=1)
        if not _WORD.search(front) or not _WORD.search(back):
            return "one side of the colons has no words"
        blocks = []
        for block in self._blocks_at[sign.line]:
            if block.part in (BlockKind.TEXT, BlockKind.ITEM):
                blocks.append(block)
        if self.card_in_heading(sign):
            if front.lstrip().startswith("#"):
                return "a heading is no card: write it on a line of text, or in a list"
            return "the line of dashes below makes it a heading: leave a line empty between them"
        if not blocks:
            return "colons separate question and answer only on a line of text or a list item"
        if self._is_field(sign, before, back):
            return "`key:: value` is a field, as Dataview and Logseq have them"
        for block in blocks:
            sides = block.plain.split(body[sign.start : sign.end])
            if len(sides) == 2 and not all(map(_WORD.search, sides)):
                return "one side of the colons shows neither words nor a picture or sound"
        return "the colons are part of a mark, a name or an address, as in `std::vector`"

    def card_in_heading(self, sign: _Lookalike) -> bool:
        """Return whether colons stand in a heading that would be a card on a line of text."""
        return any(
            block.part is BlockKind.HEADING and inline_card(block.inline, block.syntax)
            for block in self._blocks_at[sign.line]
        )

    def _is_field(self, sign: _Lookalike, before: str, back: str) -> bool:
        """Return whether colons belong to a field of Dataview, alone on a line or in brackets."""
        if back[:1].isspace() and not before[-1].isspace():
            return True
        fields = FIELD.finditer(f"{before}{self._body[sign.start : sign.end]}{back}")
        return any(field.start() <= len(before) < field.end() for field in fields)


def _unread_of_tools(text: str, read_lines: Container[int]) -> Iterator[LeftOut]:
    """Yield the cards of other tools in a note of which no highlight was made.

    Args:
        text: the note as it is written.
        read_lines: the numbers of the lines of its highlights, and of those right below them.
    """
    begun = f"\n{text}"
    if not _TOOL_PARTS.is_in(begun):
        return
    for tool in _TOOLS:
        if not any(part in begun for part in tool.parts):
            continue
        for sign in tool.sign.finditer(text):
            first = text.count("\n", 0, sign.start())
            lines = range(first, first + sign[0].count("\n") + 1)
            if not any(number in read_lines for number in lines):
                yield LeftOut(f"{NOTE_OF}{tool.name}", f"line {first + 1}", tool.reason)
