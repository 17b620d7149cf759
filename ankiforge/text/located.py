"""Where a document has some words: by their letters, over its pages, and again when it changed.

`find_again` is the rule for chosen passages, whose keys docs/reference/keys.md tells.
"""

from __future__ import annotations

from bisect import bisect_left, bisect_right
from collections.abc import Callable, Iterator, Sequence
from itertools import accumulate
from typing import NamedTuple

from ankiforge.model import Side, Span
from ankiforge.text.fold import for_finding, letters_of, letters_with_origins

ALIKE = 85
"""Per cent from which what stands between the same sides is the same passage."""
_LONGER = 1.5
"""How many times as long as it was a passage between its sides may be."""
_LEFT_OUT = 1_000
"""Letters within which the next part of a quote follows, with what is left out between them."""


class Located(NamedTuple):
    """A stretch of a document."""

    page: int
    """The page on which it begins."""
    span: Span
    text: str
    """The text in which it is: of its page, and of the next ones if it goes on there."""
    letters: Span
    """The same among the letters of the document."""

    @property
    def words(self) -> str:
        """The words of the stretch, on one line."""
        start, end = self.span
        return " ".join(self.text[start:end].split())


class Letters:
    """The letters and digits of a document, page after page."""

    def __init__(self, pages: Sequence[str], shown: Callable[[str], str] = str) -> None:
        """Fold the texts of its pages.

        Args:
            pages: the texts.
            shown: returns a text with blanks for what is no word of it.
        """
        self._shown = shown
        self.pages = pages
        """Their texts."""
        folded = [letters_with_origins(shown(page)) for page in pages]
        self.text = "".join(letters for letters, _ in folded)
        self._origins = [origins for _, origins in folded]
        lengths = [len(letters) for letters, _ in folded]
        self._starts = list(accumulate(lengths, initial=0))

    def folded(self, words: str) -> str:
        """Return the letters of some words, as those of the document."""
        return letters_of(self._shown(words))

    def index(self, page: int, offset: int) -> int:
        """Return the first letter at or behind a place."""
        return self._starts[page] + bisect_left(self._origins[page], offset)

    def of_page(self, page: int) -> Span:
        """Return which letters are on a page."""
        return self._starts[page], self._starts[page + 1]

    def places(self, wanted: str, start: int = 0) -> Iterator[int]:
        """Yield each place of some letters, from one on."""
        place = self.text.find(wanted, start) if wanted else -1
        while place >= 0:
            yield place
            place = self.text.find(wanted, place + 1)

    def spans(
        self, parts: Sequence[str], start: int = 0, end: int | None = None
    ) -> Iterator[Span]:
        """Yield each stretch that has some letters, part after part, with others between them.

        Args:
            parts: the letters of each.
            start: the letter from which they are looked for.
            end: the one up to which they are; None = the last.
        """
        first, *others = parts or ("",)
        for place in self.places(first, start):
            last = place + len(first)
            for part in others:
                found = self.text.find(part, last, last + _LEFT_OUT)
                last = found + len(part) if found >= 0 else len(self.text) + 1
            if last > (len(self.text) if end is None else end):
                return
            yield place, last

    def located(self, first: int, end: int, like: str = "") -> Located:
        """Return the stretch from one letter up to another.

        Args:
            first: the first letter.
            end: the one behind the last.
            like: words whose signs at both ends, such as a full stop, belong to it, too.
        """
        page, start = self._place(first)
        last_page, last = self._place(end - 1)
        text = self.pages[page]
        stop = last + 1
        for number in range(page + 1, last_page + 1):
            text = text[:-1] if text.endswith("-") else f"{text} "
            if number == last_page:
                stop += len(text)
            text += self.pages[number]
        bare = like.rstrip()
        for sign in bare[len(bare) - _signs(bare[::-1]) :]:
            if text[stop : stop + 1] == sign:
                stop += 1
        for sign in reversed(bare[: _signs(bare)]):
            if text[start - 1 : start] == sign:
                start -= 1
        return Located(page, (start, stop), text, (first, end))

    def _place(self, letter: int) -> tuple[int, int]:
        """Return the page of a letter, and its offset there."""
        page = bisect_right(self._starts, letter) - 1
        return page, self._origins[page][letter - self._starts[page]]


def _signs(words: str) -> int:
    """Return how many signs are before the first letter."""
    return next((place for place, char in enumerate(words) if char.isalnum()), 0)


def find_again(letters: Letters, readings: Sequence[Side], near: int) -> Located | None:
    """Return where a chosen passage is in a document now; None if it is gone.

    The first of these that holds: the words between both their sides, of several such places the
    nearest; the words, if they stand in the document once; what stands between the same two sides,
    if it is at least `ALIKE` per cent alike.

    Args:
        letters: those of the document.
        readings: its words as they were read, the last first.
        near: the letter at which it was when it was chosen.
    """
    for exact, before, after in readings:
        wanted = for_finding(exact)
        places = list(letters.places(wanted))
        between = []
        for place in places:
            has_before = letters.text.endswith(before, 0, place)
            if has_before and letters.text.startswith(after, place + len(wanted)):
                between.append(place)
        if not between and len(places) == 1:
            between = places
        if between:
            place = min(between, key=lambda place: abs(place - near))
            return letters.located(place, place + len(wanted), exact)
    for exact, before, after in readings:
        found = _between_sides(letters, for_finding(exact), before, after)
        if found:
            return letters.located(*found, exact)
    return None


def _between_sides(letters: Letters, wanted: str, before: str, after: str) -> Span | None:
    """Return the span between two sides if it is like the wanted words; None if none is."""
    from rapidfuzz import fuzz

    longest = int(_LONGER * len(wanted))
    starts = [place + len(before) for place in letters.places(before)]
    if after and not before:
        starts = [0]
    for start in starts:
        if after:
            end = letters.text.find(after, start, start + longest + len(after))
        else:
            end = len(letters.text)
        if start < end <= start + longest:
            if fuzz.ratio(letters.text[start:end], wanted) >= ALIKE:
                return start, end
    return None
