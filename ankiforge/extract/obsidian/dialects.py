"""The card syntaxes of other tools for Obsidian."""

from __future__ import annotations

import re
from bisect import bisect_left
from collections.abc import Iterable, Iterator, Sequence
from itertools import pairwise
from textwrap import dedent
from typing import NamedTuple

from ankiforge.extract.markdown.blocks import rich, without_id
from ankiforge.extract.markdown.cards import FIELD, inline_card
from ankiforge.extract.markdown.inline import MASK, read
from ankiforge.extract.markdown.page import (
    AS_FIELD,
    FOOTNOTE,
    HEADING,
    Dialect,
    Page,
    ToolCard,
    between,
    content,
)
from ankiforge.extract.markdown.source import COMMENT
from ankiforge.extract.markdown.tokens import is_template
from ankiforge.extract.obsidian.plugins import FlashcardsSettings, OsrSettings, Plugins
from ankiforge.model import Form, Span
from ankiforge.text.passages import trimmed


def chosen_dialects(cards: Sequence[str], plugins: Plugins) -> tuple[Dialect, ...]:
    """Return the dialects among the kinds of cards, in their order, which is that of precedence."""
    every = {"osr": Osr(plugins.osr), "o2a": O2a(), "flashcards": Flashcards(plugins.flashcards)}
    return tuple(every[name] for name in dict.fromkeys(cards) if name in every)


# --- a front, a separator, a back -----------------------------------------------------------


def card_on_line(page: Page, at: int, separators: tuple[str, str]) -> ToolCard | None:
    """Return the card on a line with a separator, or the one of two-way cards.

    Separators in code, maths, marks, addresses and bracketed fields do not count. What our own
    reading of `::` takes for names of a program is a field.
    """
    line = page.lines[at]
    present = [one for one in separators if one.strip() and one in line]
    if not present or at in page.code or at in page.cells:
        return None
    words = without_id(content(line))
    inline = read(words, page.blocks.context)
    shown = FIELD.sub(lambda match: "…" * len(match[0]), inline.unmarked_text())
    own = inline_card(inline) if separators == ("::", ":::") else None
    for sign in sorted(present, key=len, reverse=True):
        start = shown.find(sign)
        if start < 0:
            continue
        ends = trimmed(shown, 0, start), trimmed(shown, start + len(sign), len(shown))
        if own:
            ends = own.front, own.back
        sides = tuple([inline.markdown(*end)[0] for end in ends])
        doubt = separators == ("::", ":::") and not HEADING.match(line) and not own
        form = Form.INLINE_FIELD if doubt else Form.INLINE
        written = AS_FIELD if doubt else f"a {sign.strip()} b"
        two_way = own.two_way if own else sign == separators[1]
        return (
            ToolCard(at, at + 1, form, sides, written, two_way, inline.tags) if all(sides) else None
        )
    return None


def block_card(
    page: Page,
    first: int,
    last: int,
    front: str,
    back: str,
    written: str = "",
    *,
    two_way: bool = False,
) -> ToolCard:
    """Return the card of the lines [first, last), whose sides have these sources."""
    sides, tags = (page.side(front), page.side(back)), page.tags_in(front, back)
    return ToolCard(first, last, Form.BLOCK, sides, written, two_way, tags)


# --- clozes ---------------------------------------------------------------------------------


class Cloze(NamedTuple):
    """A cloze in a source."""

    start: int
    end: int
    """[start, end) includes the signs."""
    answer: Span
    hint: Span = (0, 0)
    """(0, 0) = none."""
    numbers: str = ""
    """`1` or `1,3`; "" = not numbered yet."""


def find_clozes(mask: str, patterns: Iterable[re.Pattern[str]]) -> list[Cloze]:
    """Return the clozes that patterns find; of overlapping ones the first found counts.

    The patterns have the groups answer, hint and numbers. Placeholders of templates do not count.
    """
    found: list[Cloze] = []
    for pattern in patterns:
        groups = pattern.groupindex
        for match in pattern.finditer(mask):
            hint = match.span("hint") if "hint" in groups and match["hint"] else (0, 0)
            numbers = (match["numbers"] or "") if "numbers" in groups else ""
            cloze = Cloze(match.start(), match.end(), match.span("answer"), hint, numbers)
            at = bisect_left(found, cloze.start, key=lambda one: one.start)
            after_others = at == 0 or found[at - 1].end <= cloze.start
            before_others = at == len(found) or cloze.end <= found[at].start
            template = mask.startswith("{{", cloze.start) and is_template(match["answer"], mask)
            if after_others and before_others and match["answer"].strip() and not template:
                found.insert(at, cloze)
    return found


def numbered_clozes(found: Iterable[Cloze]) -> Iterator[Cloze]:
    """Number the clozes that have no numbers: 1, 2 … among themselves."""
    free = 0
    for cloze in found:
        free += not cloze.numbers
        yield cloze if cloze.numbers else cloze._replace(numbers=str(free))


def cloze_text(page: Page, source: str, mask: str, found: Iterable[Cloze]) -> str:
    """Return the Markdown of a source with these clozes, all of them numbered."""
    parts, at = [], 0
    for cloze in found:
        answer, hint = (
            _escaped(_INSIDE, source, mask, *trimmed(source, *span)) for span in cloze[2:4]
        )
        parts.append(_escaped(_PAIRED, source, mask, at, cloze.start))
        parts.append(f"{{{{c{cloze.numbers}::{answer}{hint and f'::{hint}'}}}}}")
        at = cloze.end
    parts.append(_escaped(_PAIRED, source, mask, at, len(source)))
    return rich("".join(parts), page.blocks.context, gaps=True)


_PAIRED = re.compile(r"(?<=\{)\{|(?<=\})\}")
"""Pairs of braces outside clozes, which would begin or end one."""
_INSIDE = re.compile(r"[{}]|(?<=:):|^:|:$")
"""Signs in an answer or a hint that would end it."""
_EDGE = re.compile(r"[^\w\s]*")


def _escaped(signs: re.Pattern[str], source: str, mask: str, start: int, end: int) -> str:
    places = {start + match.start() for match in signs.finditer(mask[start:end])}
    return "".join(
        "\\" + source[at] if at in places and mask[at] != MASK else source[at]
        for at in range(start, end)
    )


def cloze_card(page: Page, first: int, last: int, source: str, found: list[Cloze]) -> ToolCard:
    """Return the cloze card of the lines [first, last), whose text is `source`."""
    text = cloze_text(page, source, page.mask(source), found)
    (start, end), whole = found[0].answer, found[0]
    opening = _EDGE.match(source[whole.start : start])
    closing = _EDGE.match(source[end : whole.end][::-1])
    written = f"{opening[0] if opening else ''}…{closing[0][::-1] if closing else ''}"
    return ToolCard(first, last, Form.CLOZE, (text,), written, tags=page.tags_in(source))


# --- obsidian-spaced-repetition -------------------------------------------------------------

_SCHEDULE = re.compile(r"[ \t]*>[ \t]*\[!sr\b", re.IGNORECASE)
"""The callout that holds a scheduler's data."""


class Osr(Dialect):
    """obsidian-spaced-repetition: `front::back`, a line `?`, and clozes of whole paragraphs."""

    def __init__(self, settings: OsrSettings) -> None:
        self.patterns = [_patterns(one) for one in settings.cloze_patterns if "answer" in one]
        self.line = (
            settings.single_line_card_separator,
            settings.single_line_reversed_card_separator,
        )
        pair = (settings.multiline_card_separator, settings.multiline_reversed_card_separator)
        self.multiline = {sign: sign == pair[1] for sign in reversed(pair) if sign.strip()}
        self.end = settings.multiline_card_end_marker.strip()
        begins = [
            re.split(r"[\[\]]", one.partition("answer")[0])[0] for one in settings.cloze_patterns
        ]
        signs = [re.escape(sign) for sign in (*self.line, *begins) if sign.strip()]
        signs += [rf"^[ \t>]*{re.escape(sign)}[ \t]*$" for sign in self.multiline]
        self.signs = "|".join(signs) or r"(?!)"
        tags = () if settings.convert_folders_to_decks else settings.flashcard_tags
        self.tags = frozenset(tag.strip("#").casefold() for tag in tags)

    def defines_marks(self, page: Page) -> bool:
        """Return whether the plugin reads this note: if it has one of its tags."""
        parts = (tag.casefold().split("/") for tag in page.tags)
        above = {"/".join(part[:n]) for part in parts for n in range(1, len(part) + 1)}
        return not self.tags or not self.tags.isdisjoint(above)

    def cards(self, page: Page) -> Iterator[ToolCard]:
        """Yield cards line by line, in the order in which the plugin reads a note."""
        if not self.defines_marks(page):
            return
        fences = dict(page.source.fences)
        first = separator = -1  # of the current group of lines
        is_cloze, at = False, 0
        while at <= len(page.lines):
            line = page.lines[at] if at < len(page.lines) else self.end
            text, last = line.strip(), at + 1
            card = None
            if at in fences:
                first, last = at if first < 0 else first, fences[at]
            elif at < len(page.lines) and page.is_comment(at):
                pass
            elif text and text in self.multiline and first >= 0 and separator < 0:
                separator = at  # the lines above are the front
            else:
                is_open = self.end and (separator >= 0 or is_cloze)
                ends = at == len(page.lines) or text == self.end or not (text or is_open)
                if _SCHEDULE.match(line):
                    ends = True
                    while last < len(page.lines) and page.lines[last].lstrip().startswith(">"):
                        last += 1
                elif not ends and separator < 0:
                    card = card_on_line(page, at, self.line)
                    alone = HEADING.match(line) or FOOTNOTE.match(line)
                    after = first == at - 1 >= 0 and HEADING.match(page.lines[first])
                    if card or alone or after:
                        yield from self._group(page, first, separator, at, is_cloze=is_cloze)
                        first, is_cloze = -1, False
                if ends or card:
                    yield from [card] if card else []
                    yield from self._group(page, first, separator, at, is_cloze=is_cloze)
                    first = separator = -1
                    is_cloze = False
                elif text:
                    first = at if first < 0 else first
                    is_code = separator >= 0 or at in page.code
                    is_cloze = is_cloze or (not is_code and bool(self.find(page.mask(line))))
            at = last

    def _group(
        self, page: Page, first: int, separator: int, last: int, *, is_cloze: bool
    ) -> Iterator[ToolCard]:
        """Yield the card that the lines [first, last) are, if any."""
        while last > first >= 0 and page.is_blank(last - 1, last):
            last -= 1
        if first >= 0 and separator >= 0:
            front, back = page.body(first, separator), page.body(separator + 1, last)
            sign = page.lines[separator].strip()
            if back.strip():
                two_way = self.multiline[sign]
                card = block_card(page, first, last, front, back, between(sign), two_way=two_way)
                yield card._replace(words=page.text(first, last))
        elif first >= 0 and is_cloze:
            source = page.body(first, last)
            yield cloze_card(page, first, last, source, self.find(page.mask(source)))

    def find(self, mask: str) -> list[Cloze]:
        """Return the clozes of a text: only the numbered ones, if there are any."""
        numbered, acting, simple = (
            find_clozes(mask, [pattern[kind] for pattern in self.patterns]) for kind in range(3)
        )
        if numbered:
            return numbered
        asked = [
            cloze._replace(
                numbers=",".join(str(n) for n, act in enumerate(cloze.numbers, 1) if act == "a")
            )
            for cloze in acting
        ]
        return [one for one in asked if one.numbers] or [
            cloze._replace(numbers=str(n)) for n, cloze in enumerate(simple, start=1)
        ]


_GROUP = re.compile(r"\[((?:\\[\[\]]|[^\]])+)\]")


def _patterns(written: str) -> tuple[re.Pattern[str], ...]:
    """Return the expressions of a cloze pattern with numbers, with actions, and without either.

    In `==[123;;]answer[;;hint]==`, parts in brackets are optional; digits stand for the number of
    the cloze, or for its action on each card (`a` ask, `s` show, `h` hide).
    """
    parts: list[str] = []
    for at, part in enumerate(_GROUP.split(written)):
        if at % 2 == 0:
            parts.append(re.escape(part).replace("answer", r"(?P<answer>.{1,1000}?)"))
            continue
        inside = part.replace("\\[", "[").replace("\\]", "]")
        if "hint" in inside:
            before, _, after = map(re.escape, inside.partition("hint"))
            ends = rf"(?:(?!{after}).){{1,200}}?" if after else ".{1,200}?"
            parts.append(rf"(?:{before}(?P<hint>{ends}){after})?")
        else:
            before, _, after = (re.escape(one) for one in re.split(r"(\d+)", inside, maxsplit=1))
            parts.append(f"\0{before}(?P<numbers>NUMBERS){after}\0")
    whole = "".join(parts)
    kinds = [whole.replace("\0", "").replace("NUMBERS", one) for one in (r"\d+", "[ash]+")]
    return tuple(re.compile(one) for one in (*kinds, re.sub("\0[^\0]*\0", "", whole)))


# --- Obsidian_to_Anki -----------------------------------------------------------------------

_FIELD_NAME = re.compile(
    r"(?:(?<=\s)|^)(Front|Back Extra|Back|Text|Extra|Question|Answer|Add Reverse):(?:[ \t]+|$)",
    re.IGNORECASE | re.MULTILINE,
)
_BACK = ("back", "extra", "back extra", "answer")
_TAGS = re.compile(r"(?:^|[ \t])Tags:[ \t]*([^\n]*)\s*\Z", re.MULTILINE)
_INLINE = re.compile(r"STARTI[ \t]*\[([^\[\]\n]+)\][ \t]*(.*?)[ \t]*ENDI")
_INLINE_ID = re.compile(r"(?:^|\s)ID: (\d+)$")
_ID_COMMENT = re.compile(r"<!--[ \t]*ID:[ \t]*(\d+)")
_ANY_FIELD = re.compile(r"^([A-Z][\w ]{0,24}):[ \t]*", re.MULTILINE)
_FILE_LINES = re.compile(r"(?:TARGET DECK|FILE TAGS|FROZEN - )")
_FILE_TAGS = re.compile(r"^FILE TAGS(?:\n|: )(.*)", re.MULTILINE)
_Q, _A = re.compile(r"Q:[ \t]+(?=\S)"), re.compile(r"A:[ \t]+(?=\S)")
_FLASHCARD = re.compile(r"[ \t]+#flashcard[ \t]*$", re.MULTILINE)
_DASHES = re.compile(r"-{3,}[ \t]*$")
_CELL = re.compile(r"[ \t]*\|([^|]+)\|[ \t]*$")
_CURLY = re.compile(r"(?<!\{)\{(?:c?(?P<numbers>\d{1,3})[:|])?(?P<answer>[^{}]+?)\}(?!\})")
_NATIVE = re.compile(
    r"\{\{c(?P<numbers>\d{1,3})::(?P<answer>.{1,1000}?)(?:::(?P<hint>.{1,200}?))?\}\}"
)
_HIGHLIGHT = re.compile(
    r"(?<!=)==(?!=)(?:c?(?P<numbers>\d{1,3})(?:::?|\|))?(?P<answer>\S|\S.*?\S)(?<!=)==(?!=)"
)


class O2a(Dialect):
    """Obsidian_to_Anki: START … END, STARTI … ENDI, and the styles that users define.

    The name of the note type decides: with `Cloze` it is a cloze, with `reversed` a two-way card.
    """

    signs = r"^START[ \t]*$|STARTI|^Q: |#flashcard|^-{3,}[ \t]*$|^[ \t]*\||::|\{|=="
    clozes = (_NATIVE, _CURLY, _HIGHLIGHT)

    def defines_marks(self, page: Page) -> bool:
        """Return True: to the plugin, `==x==` is a cloze."""
        return True

    def cards(self, page: Page) -> Iterator[ToolCard]:
        """Yield declared notes, then the cards of each style, all with the tags of the file."""
        found = _FILE_TAGS.search("\n".join(page.lines))
        tags = found[1].split() if found else []
        used: set[int] = set()
        for style in (self._notes, self._inline_notes, self._styles):
            for card in style(page):
                lines = range(card.first, card.last)
                if used.isdisjoint(lines) or style == self._inline_notes:
                    yield card._replace(tags=tuple(dict.fromkeys([*card.tags, *tags])))
                    used.update(lines)

    def _notes(self, page: Page) -> Iterator[ToolCard]:
        """Yield the cards between lines START and END."""
        at = 0
        lines = [line.rstrip() for line in page.lines]
        while "START" in lines[at:] and "END" in lines[at:]:
            first = lines.index("START", at)
            at = first + 1
            last = lines.index("END", at) if "END" in lines[at:] else 0
            if first in page.code or last < at:
                continue
            kind, _, text = page.text(at, last).strip().partition("\n")
            if card := self._of_fields(page, kind, text):
                number = page.hints(first, last + 1)
                card = card._replace(first=first, last=last + 1, written="START … END")
                yield card._replace(id=number[0].rpartition(":")[2] if number else "")
            at = last + 1

    def _inline_notes(self, page: Page) -> Iterator[ToolCard]:
        """Yield the cards `STARTI [Type] … Back: … ENDI` within lines."""
        for at, line in enumerate(page.lines):
            if "STARTI" not in line or at in page.code:
                continue
            mask, raw = page.mask(line), page.raw[at]
            for match in _INLINE.finditer(line):
                if not mask.startswith("STARTI", match.start()):
                    continue
                words = match[2].replace(COMMENT, "").strip()
                number = _INLINE_ID.search(words) or _ID_COMMENT.search(raw, *match.span())
                words = _INLINE_ID.sub("", words)
                if card := self._of_fields(page, match[1], words):
                    card = card._replace(first=at, last=at + 1, written="STARTI … ENDI")
                    yield card._replace(id=number[1] if number else "")

    def _of_fields(self, page: Page, kind: str, text: str) -> ToolCard | None:
        """Return the card of a note type and its fields; the first has no name."""
        kind, tagged = kind.casefold(), _TAGS.search(text)
        text = text[: tagged.start()] if tagged else text
        tags = tuple(tagged[1].split()) if tagged else ()
        name = _FIELD_NAME.match(text)
        words = text[name.end() :] if name else text
        first, *rest = _FIELD_NAME.split(text)
        fields = [
            ("", first),
            *((name.casefold(), words) for name, words in zip(rest[::2], rest[1::2], strict=True)),
        ]
        is_cloze = "cloze" in kind
        two_way = "reversed" in kind and "optional" not in kind
        two_way = two_way or any(name == "add reverse" and value.strip() for name, value in fields)
        named = [(name, value.strip("\n \t")) for name, value in fields if name != "add reverse"]
        front = "\n".join(value for name, value in named if value and name not in _BACK)
        back = "\n".join(value for name, value in named if value and name in _BACK)
        if not back and not is_cloze:
            # the note type has custom field names: the first field, and all others
            parts = [one.strip("\n") for one in _ANY_FIELD.split(front)]
            values = [parts[0], *parts[2::2]] if parts[0].strip() else parts[2::2]
            if len(values) > 1:
                front, back = values[0], "\n".join(values[1:])
        if not front.strip():
            return None
        if not is_cloze:
            card = block_card(page, 0, 0, front, back, two_way=two_way)
            return card._replace(tags=(*tags, *card.tags), words=words)
        mask = page.mask(front)
        cloze = cloze_text(page, front, mask, numbered_clozes(find_clozes(mask, self.clozes)))
        sides = (cloze, *([page.side(back)] if back else []))
        tags += page.tags_in(front, back)
        return ToolCard(0, 0, Form.CLOZE, sides, tags=tags, words=words)

    def _styles(self, page: Page) -> Iterator[ToolCard]:
        """Yield the cards in the styles of the plugin's documentation."""
        yield from self._questions(page)
        spans = page.paragraphs
        for (first, last), after in pairwise([*spans, (len(page.lines), len(page.lines))]):
            lines = page.lines[first:last]
            tagged = next(
                (at for at, line in enumerate(lines, first) if _FLASHCARD.search(line)), -1
            )
            ruled = next(
                (at for at in range(first + 1, last - 1) if _DASHES.match(page.lines[at])), -1
            )
            cells = [
                cell for line in lines[:3] if first in page.cells and (cell := _CELL.match(line))
            ]
            if tagged >= 0:  # the answer may be the next paragraph, after nothing but empty lines
                front, start = _FLASHCARD.sub("", page.text(first, tagged + 1)), tagged + 1
                end = last
                if start == last and page.is_blank(last, after[0]):
                    start, end = after
                yield block_card(page, first, end, front, page.text(start, end), "#flashcard")
            elif ruled >= 0:
                front, back = page.text(first, ruled), page.text(ruled + 1, last)
                yield block_card(page, first, last, front, back, between("---"))
            elif len(cells) == 3:
                front, back = cells[0][1].strip(), cells[2][1].strip()
                yield block_card(page, first, first + 3, front, back, "a table of one column")
        for at, line in enumerate(page.lines):
            plain = ":::" not in line and not _NATIVE.search(line) and not HEADING.match(line)
            if (
                plain
                and not _FILE_LINES.match(page.lines[at - 1])
                and (card := card_on_line(page, at, ("::", "")))
            ):
                yield card
        for first, last in spans:  # `{x}`, `{2:x}`, `{c1|x}`; `==x==`, `==c1::x==`
            source = page.body(first, last)
            mask = page.mask(source)
            if not _FILE_LINES.match(source) and (found := find_clozes(mask, self.clozes)):
                yield cloze_card(page, first, last, source, list(numbered_clozes(found)))

    def _questions(self, page: Page) -> Iterator[ToolCard]:
        """Yield cards `Q: …` and `A: …`, each part up to an empty line."""
        spans: list[Span] = []  # paragraphs, cut before `Q:` and `A:`
        for first, last in page.paragraphs:
            inner = range(first + 1, last)
            starts = [at for at in inner if _Q.match(page.lines[at]) or _A.match(page.lines[at])]
            spans += zip([first, *starts], [*starts, last], strict=True)
        for (first, last), (start, end) in pairwise(spans):
            asked, answered = _Q.match(page.lines[first]), _A.match(page.lines[start])
            if asked and answered and page.is_blank(last, start):
                front = page.text(first, last)[asked.end() :]
                back = page.text(start, end)[answered.end() :]
                card = block_card(page, first, end, front, back, "Q: … A: …")
                yield card._replace(words=page.text(first, end)[asked.end() :])


# --- flashcards-obsidian --------------------------------------------------------------------

_LINE_CURLY = re.compile(r"(?<!\{)\{(?:(?P<numbers>\d{1,3}):)?(?P<answer>[^{}]+)\}(?!\})")
_LINE_HIGHLIGHT = re.compile(r"(?<!=)==(?!=)(?P<answer>\S|\S.*?\S)(?<!=)==(?!=)")
_NO_CARD = re.compile(r"[ \t]*(?:cards-deck|tags)\b", re.IGNORECASE)
_NUMBERED = re.compile(r"(?:^|[ \t])\^\d{13}[ \t]*$")


class Flashcards(Dialect):
    """flashcards-obsidian: `#card`, `Q::A`, and lines with `==x==`, `{x}` or `{2:x}`."""

    def __init__(self, settings: FlashcardsSettings) -> None:
        self.written = f"#{settings.flashcards_tag.lstrip('#')}"
        tag = re.escape(settings.flashcards_tag.lstrip("#"))
        self.tag = re.compile(
            rf"(?:^|(?<=[ \t]))#{tag}(?P<kind>[/-](?:reverse|spaced))?(?P<tags>(?:[ \t]*#[\w/-]+)*)"
            r"[ \t]*(?P<id>\^\d{13}[ \t]*)?$",
            re.IGNORECASE,
        )
        self.separators = (settings.inline_separator, settings.inline_separator_reverse)
        signs = [re.escape(one) for one in self.separators if one.strip()]
        self.signs = "|".join([rf"#{tag}\b", *signs, "==", r"\{"])

    def defines_marks(self, page: Page) -> bool:
        """Return True: to the plugin, `==x==` is a cloze."""
        return True

    def cards(self, page: Page) -> Iterator[ToolCard]:
        """Yield tagged cards, then lines with a separator or with clozes."""
        used: set[int] = set()
        for card in self._tagged(page):
            used.update(range(card.first, card.last))
            yield card
        for at, line in enumerate(page.lines):
            if at in used or at in page.code or at in page.cells or not line.strip():
                continue
            found = None if _NO_CARD.match(line) else card_on_line(page, at, self.separators)
            source = without_id(content(line))
            patterns = (_LINE_HIGHLIGHT, _LINE_CURLY)
            if found:
                yield found
            elif clozes := find_clozes(page.mask(source), patterns):
                # unnumbered ones belong to its first card
                first = [cloze._replace(numbers=cloze.numbers or "1") for cloze in clozes]
                yield cloze_card(page, at, at + 1, source, first)

    def _tagged(self, page: Page) -> Iterator[ToolCard]:
        """Yield cards `question #card`; the lines below are the answer, up to an empty line."""
        spans = page.paragraphs
        for number, (first, last) in enumerate(spans):
            start = first
            for at in range(first, last):
                found = self.tag.search(page.lines[at]) if at >= start else None
                if not found:
                    continue
                if not page.lines[at][: found.start()].strip() and at == first and number:
                    above = spans[number - 1]
                    # the tag stands alone: a heading right above is the question
                    is_question = above[1] == first and HEADING.match(page.lines[above[0]])
                    start = above[0] if is_question else first
                end = self._end(page, spans, number, at)
                yield self._card(page, start, at, end, found)
                start = end

    def _end(self, page: Page, spans: list[Span], number: int, at: int) -> int:
        """Return the end of the answer that begins after line `at`, or in the next paragraph."""
        first, last = at + 1, spans[number][1]
        if first == last and number + 1 < len(spans):
            start, end = spans[number + 1]
            if page.is_blank(last, start) and not HEADING.match(page.lines[start]):
                first, last = start, end
        for line in range(first, last):
            if _NUMBERED.search(page.lines[line]):
                return line + 1
            if self.tag.search(page.lines[line]):
                return line
        return last

    def _card(self, page: Page, first: int, at: int, end: int, found: re.Match[str]) -> ToolCard:
        """Return the card of a question [first, at] and its answer up to `end`."""
        kind = (found["kind"] or "")[1:].casefold()
        front = "\n".join([*page.lines[first:at], page.lines[at][: found.start()]]).strip("\n ")
        front = front if "\n" in front else content(front)
        back = "" if kind == "spaced" else dedent(page.text(at + 1, end))
        end = at + 1 if kind == "spaced" else end
        card = block_card(page, first, end, front, back, self.written, two_way=kind == "reverse")
        tags = tuple(re.findall(r"[\w/-]+", found["tags"])) + page.tags_in(back)
        return card._replace(tags=tags, words=page.text(first, end))
