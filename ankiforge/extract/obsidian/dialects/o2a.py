"""Obsidian_to_Anki: START … END, STARTI … ENDI, and the styles its users set up by expressions.

What a note's type is called decides: `Cloze` in it makes a cloze, `reversed` a two-way card.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import replace

from ankiforge.extract.obsidian.cards import FIELD
from ankiforge.extract.obsidian.covers import GONE
from ankiforge.extract.obsidian.dialects.holes import clozed, counted, holes
from ankiforge.extract.obsidian.dialects.lines import Separator, on_line
from ankiforge.extract.obsidian.dialects.page import BARE_ID, HEADING, Page, Written, without_id
from ankiforge.extract.obsidian.dialects.settings import STYLES, O2aSettings
from ankiforge.model import Form

_FIELD_NAME = re.compile(
    r"(Front|Back Extra|Back|Text|Extra|Question|Answer|Add Reverse):[ \t]*", re.IGNORECASE
)
_ASIDE = ("back", "extra", "back extra", "answer")
_TAGS = re.compile(r"[ \t]*Tags:[ \t]*(.*)")
_INLINE = re.compile(r"STARTI[ \t]*\[([^\[\]\n]+)\][ \t]*(.*?)[ \t]*ENDI")
_INLINE_FIELD = re.compile(r"(?:(?<=\s)|^)(?:Front|Back Extra|Back|Text|Extra|Add Reverse):(?=\s)")
_INLINE_ID = re.compile(r"(?:^|\s)ID: (\d+)$")
_ANY_FIELD = re.compile(r"^([A-Z][\w ]{0,24}):[ \t]*", re.MULTILINE)
_FILE_LINES = re.compile(r"(?:TARGET DECK|FILE TAGS|FROZEN - )")
_FILE_TAGS = re.compile(r"FILE TAGS(?:\n|: )(.*)")
_QUESTION = re.compile(r"Q:[ \t]+(?=\S)")
_ANSWER = re.compile(r"A:[ \t]+(?=\S)")
_FLASHCARD = re.compile(r"[ \t]+#flashcard[ \t]*$")
_DASHES = re.compile(r"-{3,}[ \t]*$")
_CELL = re.compile(r"[ \t]*\|([^|]+)\|[ \t]*$")
_CURLY = re.compile(r"(?<!\{)\{(?:c?(?P<numbers>\d{1,3})[:|])?(?P<answer>[^{}]+?)\}(?!\})")
_NATIVE = re.compile(
    r"\{\{c(?P<numbers>\d{1,3})::(?P<answer>.{1,1000}?)(?:::(?P<hint>.{1,200}?))?\}\}"
)
_HIGHLIGHT = re.compile(
    r"(?<!=)==(?!=)(?:c?(?P<numbers>\d{1,3})(?:::?|\|))?(?P<answer>\S|\S.*?\S)(?<!=)==(?!=)"
)
_COLONS = (Separator("::"),)
_SIGNS = {
    "question": r"^Q: ", "flashcard": r"#flashcard", "ruled": r"^-{3,}[ \t]*$",
    "table": r"^[ \t]*\|", "inline": "::", "curly": r"\{", "highlight": "==",
}  # fmt: skip


class O2a:
    """Reads notes as that plugin does."""

    def __init__(self, settings: O2aSettings) -> None:
        self.styles = tuple(style for style in STYLES if style in settings.styles)
        signs = [_SIGNS[style] for style in self.styles]
        self.signs = "|".join(["^START[ \t]*$", "STARTI", *signs])
        marks = {"curly": _CURLY, "highlight": _HIGHLIGHT}
        self.clozes = (_NATIVE, *(marks[style] for style in self.styles if style in marks))

    def ours(self, page: Page) -> frozenset[str]:
        """None: its lines `x::y` are read here."""
        return frozenset()

    def reads_highlights(self, page: Page) -> bool:
        """Where it takes them for clozes."""
        return "highlight" in self.styles

    def cards(self, page: Page) -> Iterator[Written]:
        """First what it is told outright, then style by style; each with the tags of the file."""
        tags = _file_tags(page)
        for card in self._cards(page):
            yield replace(card, tags=tuple(dict.fromkeys([*card.tags, *tags])))

    def _cards(self, page: Page) -> Iterator[Written]:
        outright = [*self.notes(page), *self.inline_notes(page)]
        yield from outright
        used = {line for card in outright for line in range(card.first, card.last)}
        for style in self.styles:
            for card in getattr(self, f"on_{style}")(page):
                if used.isdisjoint(range(card.first, card.last)):
                    used.update(range(card.first, card.last))
                    yield card

    # --- START … END ------------------------------------------------------------------------

    def notes(self, page: Page) -> Iterator[Written]:
        """Blocks between lines START and END."""
        at, count = 0, len(page.lines)
        while at < count:
            end = at + 1
            if page.lines[at].rstrip() == "START" and at not in page.code:
                while end < count and page.lines[end].rstrip() != "END":
                    end += 1
                if end < count and (card := self.note(page, at, end)):
                    yield card
                end = end + 1 if end < count else at + 1
            at = end

    def note(self, page: Page, first: int, last: int) -> Written | None:
        """The lines between START and END: a type, fields, tags, an id."""
        lines = [at for at in range(first + 1, last) if not page.comment(at)]
        if not lines:
            return None
        kind, tags, number = page.lines[lines[0]].strip(), (), page.id_at(first, last + 1)
        if lines[1:] and (bare := BARE_ID.match(page.lines[lines[-1]])):
            number = number or bare[1]
            lines.pop()
        if lines[1:] and (tagged := _TAGS.match(page.lines[lines[-1]])):
            tags = tuple(tagged[1].split())
            lines.pop()
        fields: list[tuple[str, list[str]]] = [("", [])]
        for at in lines[1:]:
            name = _FIELD_NAME.match(page.lines[at])
            if name:
                fields.append((name[1].casefold(), [page.lines[at][name.end() :]]))
            else:
                fields[-1][1].append(page.lines[at])
        named = [(name, "\n".join(words).strip("\n")) for name, words in fields]
        card = self.of_fields(page, kind, [one for one in named if one[1].strip()])
        whole = _without_name("\n".join(page.lines[at] for at in lines[1:]).strip())
        if card is None:
            return None
        return replace(
            card, first=first, last=last + 1, whole=whole, tags=(*tags, *card.tags), id=number
        )

    def inline_notes(self, page: Page) -> Iterator[Written]:
        """`STARTI [Type] … Back: … ENDI` within a line."""
        for at, line in enumerate(page.lines):
            if "STARTI" not in line or at in page.code:
                continue
            mask = page.mask(line)
            for match in _INLINE.finditer(line):
                if mask.startswith("STARTI", match.start()):
                    card = self._inline_note(page, match)
                    if card:
                        number = card.id or page.id_within(at, match.span())
                        yield replace(card, first=at, last=at + 1, id=number, columns=match.span())

    def _inline_note(self, page: Page, match: re.Match[str]) -> Written | None:
        words = match[2].strip(f"{GONE} \t")
        number = _INLINE_ID.search(words)
        words, _, tags = words[: number.start() if number else None].partition("Tags: ")
        fields, at, name = [], 0, ""
        for found in _INLINE_FIELD.finditer(words):
            fields.append((name, words[at : found.start()].strip()))
            at, name = found.end(), found[0].rstrip(":").casefold()
        fields.append((name, words[at:].strip()))
        card = self.of_fields(page, match[1], [one for one in fields if one[1]])
        if card is None:
            return None
        tags_there = (*tags.strip(f"{GONE} \t").split(), *card.tags)
        return replace(card, whole=words, tags=tags_there, id=number[1] if number else "")

    def of_fields(self, page: Page, kind: str, fields: list[tuple[str, str]]) -> Written | None:
        """The card of a type and its fields, (name, source), the first of them without a name."""
        front = "\n".join(words for name, words in fields if name not in (*_ASIDE, "add reverse"))
        back = "\n".join(words for name, words in fields if name in _ASIDE)
        both_ways = any(name == "add reverse" for name, _ in fields)
        if not back:
            front, back = _by_any_names(front, "cloze" in kind.casefold())
        if not front.strip():
            return None
        tags = page.tags_in(front, back)
        if "cloze" in kind.casefold():
            text = self._clozed(page, front)
            sides = (text, *([page.side(back)] if back else []))
            return Written(0, 0, Form.CLOZE, sides, "", (front, back or front), tags=tags)
        reversed_ = "reversed" in kind.casefold() and "optional" not in kind.casefold()
        sides = (page.side(front), page.side(back))
        return Written(
            0, 0, Form.BLOCK, sides, "", (front, back), both_ways or reversed_, tags
        )  # fmt: skip

    def _clozed(self, page: Page, source: str) -> str:
        mask = page.mask(source)
        return clozed(page, source, mask, counted(holes(mask, self.clozes)))

    # --- styles -----------------------------------------------------------------------------

    def on_question(self, page: Page) -> Iterator[Written]:
        """`Q: …` and `A: …`, each up to an empty line."""
        spans = list(_parts(page))
        for at, (first, last) in enumerate(spans):
            asked = _QUESTION.match(page.lines[first])
            if not asked:
                continue
            if at + 1 < len(spans) and _nothing_between(page, last, spans[at + 1][0]):
                start, end = spans[at + 1]
                if said := _ANSWER.match(page.lines[start]):
                    front = page.source(first, last)[asked.end() :]
                    back = page.source(start, end)[said.end() :]
                    card = _basic(page, (first, end), front, back)
                    yield replace(card, whole=card.whole[asked.end() :])

    def on_flashcard(self, page: Page) -> Iterator[Written]:
        """A paragraph that ends in `#flashcard`, and the paragraph after it."""
        spans = list(page.paragraphs())
        for first, last in spans:
            for at in range(first, last):
                if not _FLASHCARD.search(page.lines[at]):
                    continue
                front = _FLASHCARD.sub("", page.source(first, at + 1))
                rest = (at + 1, last) if at + 1 < last else _next(page, spans, last)
                if rest:
                    yield _basic(page, (first, rest[1]), front, page.source(*rest))
                break

    def on_ruled(self, page: Page) -> Iterator[Written]:
        """A paragraph, a line of dashes, a paragraph, nothing between them."""
        for first, last in page.paragraphs():
            for at in range(first + 1, last - 1):
                if _DASHES.match(page.lines[at]):
                    front, back = page.source(first, at), page.source(at + 1, last)
                    yield _basic(page, (first, last), front, back)
                    break

    def on_table(self, page: Page) -> Iterator[Written]:
        """A table of one column: its head, its first row."""
        for first, last in page.paragraphs():
            cells = [_CELL.match(page.lines[at]) for at in range(first, min(first + 3, last))]
            if first in page.cells and len(cells) == 3 and all(cells):
                front, _, back = (cell[1] for cell in cells if cell)
                yield _basic(page, (first, first + 3), front.strip(), back.strip())

    def on_inline(self, page: Page) -> Iterator[Written]:
        """`front::back` on a line."""
        for at, line in enumerate(page.lines):
            if "::" not in line or at in page.code or at in page.cells or ":::" in line:
                continue
            if FIELD.search(line) or _NATIVE.search(line) or HEADING.match(line):
                continue
            if card := on_line(page, at, _COLONS):
                number = _bare_id(page, at + 1)
                yield replace(card, last=at + 2 if number else at + 1, id=number)

    def on_curly(self, page: Page) -> Iterator[Written]:
        """A paragraph with `{x}`, `{2:x}`, `{c1|x}`."""
        yield from self._paragraphs_with(page, "{", (_CURLY, _NATIVE))

    def on_highlight(self, page: Page) -> Iterator[Written]:
        """A paragraph with `==x==`, `==c1::x==`."""
        yield from self._paragraphs_with(page, "==", (_HIGHLIGHT,))

    def _paragraphs_with(
        self, page: Page, sign: str, patterns: tuple[re.Pattern[str], ...]
    ) -> Iterator[Written]:
        for first, end in page.paragraphs():
            last = _before_id(page, first, end)
            source = page.body(first, last)
            if sign not in source:
                continue
            mask = page.mask(source)
            found = holes(mask, patterns)
            if found and not _FILE_LINES.match(source):
                text = self._clozed(page, source)
                yield Written(
                    first, last, Form.CLOZE, (text,), source, tags=page.tags_in(source),
                    id=_bare_id(page, last),
                )  # fmt: skip


def _without_name(words: str) -> str:
    """Without the name of a field at its beginning."""
    named = _FIELD_NAME.match(words)
    return words[named.end() :] if named else words


def _by_any_names(words: str, only_text: bool) -> tuple[str, str]:
    """(first field, all others) of a note whose type has fields of its own names."""
    named = [] if only_text else list(_ANY_FIELD.finditer(words))
    rest = [one for one in named if words[: one.start()].strip()]
    if not rest:
        return words, ""
    first = words[: rest[0].start()]
    if named[0] is not rest[0]:
        first = first[named[0].end() :]
    return first.strip("\n"), _ANY_FIELD.sub("", words[rest[0].start() :]).strip("\n")


def _parts(page: Page) -> Iterator[tuple[int, int]]:
    """Paragraphs, cut before `Q:` and `A:`."""
    for first, last in page.paragraphs():
        start = first
        for at in range(first + 1, last):
            if _QUESTION.match(page.lines[at]) or _ANSWER.match(page.lines[at]):
                yield start, at
                start = at
        yield start, last


def _nothing_between(page: Page, first: int, last: int) -> bool:
    return all(page.blank(at) for at in range(first, last))


def _next(page: Page, spans: list[tuple[int, int]], after: int) -> tuple[int, int] | None:
    """The paragraph that follows, with nothing but empty lines between."""
    found = next((span for span in spans if span[0] >= after), None)
    return found if found and _nothing_between(page, after, found[0]) else None


def _basic(page: Page, span: tuple[int, int], front: str, back: str) -> Written:
    first, last = span[0], _before_id(page, *span)
    lost = span[1] - last
    back = "\n".join(back.split("\n")[: -lost or None])
    front, back = without_id(front), without_id(back)
    if HEADING.match(front):
        front = front.lstrip("# \t")
    return Written(
        first, span[1], Form.BLOCK, (page.side(front), page.side(back)),
        page.source(first, last), (front, back), tags=page.tags_in(front, back),
        id=_bare_id(page, last),
    )  # fmt: skip


def _before_id(page: Page, first: int, last: int) -> int:
    """The end of the lines without the bare `ID: 123` that the plugin wrote below them."""
    return last - 1 if last - 1 > first and BARE_ID.match(page.lines[last - 1]) else last


def _bare_id(page: Page, at: int) -> str:
    found = BARE_ID.match(page.lines[at]) if at < len(page.lines) else None
    return found[1] if found else ""


def _file_tags(page: Page) -> list[str]:
    found = _FILE_TAGS.search("\n".join(page.lines))
    return found[1].split() if found else []
