"""flashcards-obsidian: `#card`, `Q::A`, and lines with `==x==`, `{x}` or `{2:x}`."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import replace
from textwrap import dedent

from ankiforge.extract.obsidian.dialects.holes import clozed, holes
from ankiforge.extract.obsidian.dialects.lines import Separator, on_line
from ankiforge.extract.obsidian.dialects.page import (
    HEADING,
    NUMBERED_BLOCK,
    Page,
    Written,
    content,
    without_id,
)
from ankiforge.extract.obsidian.dialects.settings import FlashcardsSettings
from ankiforge.model import Form

_CURLY = re.compile(r"(?<!\{)\{(?:(?P<numbers>\d{1,3}):)?(?P<answer>[^{}]+)\}(?!\})")
_HIGHLIGHT = re.compile(r"(?<!=)==(?!=)(?P<answer>\S|\S.*?\S)(?<!=)==(?!=)")
_NO_CARD = re.compile(r"[ \t]*(?:cards-deck|tags)\b", re.IGNORECASE)


class Flashcards:
    """Reads notes as that plugin does."""

    def __init__(self, settings: FlashcardsSettings) -> None:
        tag = re.escape(settings.flashcards_tag.lstrip("#"))
        self.tag = re.compile(
            rf"(?:^|(?<=[ \t]))#{tag}(?P<kind>[/-](?:reverse|spaced))?(?P<tags>(?:[ \t]*#[\w/-]+)*)"
            r"[ \t]*(?P<id>\^\d{13}[ \t]*)?$",
            re.IGNORECASE,
        )
        self.separators = (
            Separator(settings.inline_separator),
            Separator(settings.inline_separator_reverse, two_way=True),
        )
        signs = [re.escape(one.sign) for one in self.separators if one.sign.strip()]
        self.signs = "|".join([rf"#{tag}\b", *signs, "==", r"\{"])

    def ours(self, page: Page) -> frozenset[str]:
        """None: its lines `Q::A` are read here."""
        return frozenset()

    def reads_highlights(self, page: Page) -> bool:
        """They are its clozes."""
        return True

    def cards(self, page: Page) -> Iterator[Written]:
        """Tagged ones, lines with a separator, lines with clozes."""
        used: set[int] = set()
        for card in self.tagged(page):
            used.update(range(card.first, card.last))
            yield card
        for at in range(len(page.lines)):
            if at in used or at in page.code or at in page.cells or page.blank(at):
                continue
            found = self.inline(page, at) or self.cloze(page, at)
            if found:
                yield found

    def tagged(self, page: Page) -> Iterator[Written]:
        """`question #card`, the answer in the lines below, up to an empty line."""
        spans = list(page.paragraphs())
        for number, (first, last) in enumerate(spans):
            start = first
            for at in range(first, last):
                found = self.tag.search(page.lines[at]) if at >= start else None
                if not found:
                    continue
                if not page.lines[at][: found.start()].strip() and at == first and number:
                    start = self.above(page, spans[number - 1], first)
                end = self.end(page, spans, number, at, bool(found["kind"]))
                yield self.card(page, (start, at, end), found)
                start = end

    def above(self, page: Page, before: tuple[int, int], first: int) -> int:
        """Where the question begins of a tag that stands alone: a heading right above."""
        is_question = before[1] == first and HEADING.match(page.lines[before[0]])
        return before[0] if is_question else first

    def end(
        self, page: Page, spans: list[tuple[int, int]], number: int, at: int, spaced: bool
    ) -> int:
        """Where the answer ends that begins after line `at` of this paragraph, or in the next."""
        first, last = at + 1, spans[number][1]
        if first == last and number + 1 < len(spans):
            after = spans[number + 1]
            empty = all(page.blank(line) for line in range(last, after[0]))
            first, last = (
                after if empty and not HEADING.match(page.lines[after[0]]) else (last, last)
            )
        for line in range(first, last):
            if NUMBERED_BLOCK.search(page.lines[line]):
                return line + 1
            if self.tag.search(page.lines[line]):
                return line
        return last

    def card(self, page: Page, lines: tuple[int, int, int], found: re.Match[str]) -> Written:
        """The card of a question [first, at] and its answer up to `end`."""
        first, at, end = lines
        kind = (found["kind"] or "")[1:].casefold()
        asked = page.lines[at][: found.start()]
        front = "\n".join([*(page.lines[line] for line in range(first, at)), asked]).strip("\n ")
        front = front if "\n" in front else content(front)
        back = "" if kind == "spaced" else page.source(at + 1, end)
        back = without_id(NUMBERED_BLOCK.sub("", dedent(back)))
        end = self.past_id(page, at) if kind == "spaced" else end
        return Written(
            first, end, Form.BLOCK, (page.side(front), page.side(back)), page.source(first, end),
            (front, back or front), kind == "reverse",
            tuple(re.findall(r"[\w/-]+", found["tags"])) + page.tags_in(back),
        )  # fmt: skip

    def inline(self, page: Page, at: int) -> Written | None:
        """`Q::A` and `Q:::A`; the id may stand in the line or below it."""
        if _NO_CARD.match(page.lines[at]):
            return None
        card = on_line(page, at, self.separators)
        return replace(card, last=self.past_id(page, at)) if card else None

    def cloze(self, page: Page, at: int) -> Written | None:
        """A line with clozes; those without a number are all of the first card."""
        if "==" not in page.lines[at] and "{" not in page.lines[at]:
            return None
        source = without_id(content(page.lines[at]))
        mask = page.mask(source)
        found = [
            replace(hole, numbers=hole.numbers or "1") for hole in holes(mask, (_HIGHLIGHT, _CURLY))
        ]
        if not found:
            return None
        text = clozed(page, source, mask, found)
        end = self.past_id(page, at)
        return Written(at, end, Form.CLOZE, (text,), source, tags=page.tags_in(source))

    def past_id(self, page: Page, at: int) -> int:
        """The end of a line with the id below it, if there is one."""
        return at + 1 + page.is_id(at + 1)
