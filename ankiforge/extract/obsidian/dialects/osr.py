"""obsidian-spaced-repetition: `front::back`, a line `?`, and clozes of whole paragraphs.

With its usual separators its cards on one line and over several lines are read as ours are, so
that they are the same highlights; what our reading takes for names of a program waits. Only where
a card on one line stands amid one over several lines does the tool read it otherwise: the first
goes before the second, unless our own `block` is asked for, too.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from functools import cached_property

from ankiforge.extract.obsidian.dialects.holes import clozed
from ankiforge.extract.obsidian.dialects.lines import Separator, is_ours, on_line
from ankiforge.extract.obsidian.dialects.page import FOOTNOTE, HEADING, SCHEDULE, Page, Written
from ankiforge.extract.obsidian.dialects.patterns import Patterns
from ankiforge.extract.obsidian.dialects.settings import OsrSettings
from ankiforge.model import Form

_USUAL = OsrSettings()


class Osr:
    """Reads notes as that plugin does."""

    def __init__(self, settings: OsrSettings, *, beside_ours: bool = False) -> None:
        """`beside_ours`: our own cards over several lines are asked for, too, and stay as they are."""
        self.settings = settings
        self.beside_ours = beside_ours
        self.patterns = Patterns.of(settings.cloze_patterns)
        self.inline = (
            Separator(settings.single_line_card_separator),
            Separator(settings.single_line_reversed_card_separator, two_way=True),
        )
        asks = (settings.multiline_card_separator, settings.multiline_reversed_card_separator)
        self.asks = {sign: sign == asks[1] for sign in reversed(asks) if sign.strip()}
        self.end = settings.multiline_card_end_marker.strip()
        self.signs = "|".join(self._signs()) or r"(?!)"
        self.tags = frozenset(tag.strip("#").casefold() for tag in settings.flashcard_tags)

    def _signs(self) -> Iterator[str]:
        for separator in self.inline:
            if separator.sign.strip():
                yield re.escape(separator.sign)
        yield from (rf"^[ \t>]*{re.escape(sign)}[ \t]*$" for sign in self.asks)
        yield from map(re.escape, self.patterns.signs)

    @property
    def our_lines(self) -> bool:
        """Whether its separators within a line are ours."""
        return self._same("single_line_card_separator", "single_line_reversed_card_separator")

    @property
    def our_blocks(self) -> bool:
        """Whether its separators over several lines are ours."""
        return self._same(
            "multiline_card_separator", "multiline_reversed_card_separator",
            "multiline_card_end_marker",
        )  # fmt: skip

    def _same(self, *names: str) -> bool:
        return all(getattr(self.settings, name) == getattr(_USUAL, name) for name in names)

    def applies(self, page: Page) -> bool:
        """Whether a note is one of flashcards."""
        below = (tag.casefold() for tag in page.tags)
        return not self.tags or any(
            tag == wanted or tag.startswith(f"{wanted}/") for tag in below for wanted in self.tags
        )

    reads_highlights = applies

    def ours(self, page: Page) -> frozenset[str]:
        """Our own `inline` and `block`, where they are its forms."""
        if not self.applies(page):
            return frozenset()
        forms = [("inline", self.our_lines), ("block", self.our_blocks)]
        return frozenset(form for form, is_ours in forms if is_ours)

    def cards(self, page: Page) -> Iterator[Written]:
        """Line by line, as the plugin walks through a note."""
        if self.applies(page):
            yield from _Walk(self, page).all()


@dataclass
class _Walk:
    """One reading of one note: the lines that stand together, and what they are so far."""

    osr: Osr
    page: Page
    first: int = -1
    ask: int = -1
    """The line that parts front and back."""
    cloze: bool = False
    found: list[Written] = field(default_factory=list)

    def all(self) -> list[Written]:
        at, page = 0, self.page
        while at < len(page.lines):
            if at in page.fence_at:
                self.open(at)
                at = page.fence_at[at][1]
            elif self.osr.our_blocks and at in page.regions and at not in self.parted:
                self.flush(at)
                at = page.regions[at][1]
            else:
                at = self.line(at)
        self.flush(at)
        return self.found

    @cached_property
    def parted(self) -> frozenset[int]:
        """The lines of cards of ours that a card on one line parts: it goes before them there."""
        if self.osr.beside_ours:
            return frozenset()
        inside = (at for at in self.page.regions if at not in self.page.code and self.sure(at))
        spans = {self.page.regions[at] for at in inside}
        return frozenset(line for span in spans for line in range(*span))

    def sure(self, at: int) -> bool:
        """Whether a line is a card in any reading."""
        if self.osr.our_lines:
            return is_ours(self.page, at, sure=True)
        return on_line(self.page, at, self.osr.inline) is not None

    def line(self, at: int) -> int:
        """Read one line; the next one to be read."""
        page, text = self.page, self.page.lines[at].strip()
        open_card = self.ask >= 0 or self.cloze
        if page.comment(at):
            return at + 1
        if SCHEDULE.match(page.lines[at]):
            return self.past_quote(at)
        if text == self.osr.end or (not text and not (self.osr.end and open_card)):
            self.flush(at)
        elif text in self.osr.asks:
            self.part(at)
        elif at in page.code:
            self.open(at)
        else:
            self.words(at)
        return at + 1

    def words(self, at: int) -> None:
        """A line of text: a card of its own, a cloze, or a part of what stands around."""
        heading = HEADING.match(self.page.lines[at]) is not None
        if at not in self.page.cells and (self.ask < 0 or self.sure(at)):
            card = self.inline(at)
            if card or (self.osr.our_lines and is_ours(self.page, at)):
                self.ends(at)
                self.found += [card] if card else []
                return
        apart = heading or FOOTNOTE.match(self.page.lines[at]) is not None
        if self.ask < 0 and (apart or self.after_heading(at)):
            self.flush(at)
        self.open(at)
        self.cloze = self.cloze or (self.ask < 0 and self.hides(at))

    def after_heading(self, at: int) -> bool:
        return 0 <= self.first == at - 1 and HEADING.match(self.page.lines[self.first]) is not None

    def inline(self, at: int) -> Written | None:
        """A card on this line that is not ours in any case; of doubt where ours is sure it is none."""
        ours = self.osr.our_lines
        if ours and is_ours(self.page, at) and at not in self.page.regions:
            return None
        card = on_line(self.page, at, self.osr.inline)
        doubtful = card is not None and ours and not HEADING.match(self.page.lines[at])
        return replace(card, form=Form.INLINE_FIELD) if card and doubtful else card

    def hides(self, at: int) -> bool:
        line, patterns = self.page.lines[at], self.osr.patterns
        return patterns.may_hide(line) and bool(patterns.holes(self.page, self.page.mask(line)))

    def ends(self, at: int) -> None:
        """A card on one line ends what stands above; of a card over several lines it takes all."""
        if self.ask < 0:
            self.flush(at)
        self.first, self.ask, self.cloze = -1, -1, False

    def open(self, at: int) -> None:
        self.first = at if self.first < 0 else self.first

    def part(self, at: int) -> None:
        """A separator: what stands above it is the front."""
        if self.first >= 0 and self.ask < 0:
            self.ask = at
        else:
            self.open(at)

    def past_quote(self, at: int) -> int:
        self.flush(at)
        while at < len(self.page.lines) and self.page.lines[at].lstrip().startswith(">"):
            at += 1
        return at

    def flush(self, at: int) -> None:
        """What stands together ends before this line."""
        if self.first >= 0 and self.ask >= 0:
            self.block(at)
        elif self.first >= 0 and self.cloze:
            self.text(at)
        self.first, self.ask, self.cloze = -1, -1, False

    def block(self, last: int) -> None:
        page = self.page
        front, back = page.body(self.first, self.ask), page.body(self.ask + 1, last)
        if not back.strip():
            return
        card = Written(
            self.first, last, Form.BLOCK, (page.side(front), page.side(back)),
            page.source(self.first, last), ends=(front, back),
            two_way=self.osr.asks[page.lines[self.ask].strip()],
            tags=page.tags_in(front, back),
        )  # fmt: skip
        self.found.append(card)

    def text(self, last: int) -> None:
        page = self.page
        source = page.body(self.first, last)
        mask = page.mask(source)
        text = clozed(page, source, mask, self.osr.patterns.holes(page, mask))
        card = Written(
            self.first, last, Form.CLOZE, (text,), source, tags=page.tags_in(source)
        )  # fmt: skip
        self.found.append(card)
