"""The source of a card: the passage in its context, the mark in it, and where it stands."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from itertools import pairwise

from ankiforge.config.deckfiles import PALETTE, colour_name
from ankiforge.model import Highlight, Route, Span
from ankiforge.review.page.shown.drawing import draw
from ankiforge.review.page.shown.links import links_of
from ankiforge.review.page.shown.media import name_of
from ankiforge.text.anchors import AT_MOST, from_a_word, to_a_word
from ankiforge.text.fold import isolated, same
from ankiforge.text.markdown import image_paths
from ankiforge.text.quotes import locate

EXACT, QUOTE, GAP, CUT = "exact", "quote", "gap", "cut"
"""What was marked; the card's evidence in it; phrases marked in it; text goes on, unseen."""
COLOURS = frozenset((*PALETTE, "gray"))
"""Those that the page can show."""


@dataclass(frozen=True, slots=True)
class Run:
    """A stretch of the passage, and what it is."""

    text: str
    marks: tuple[str, ...] = ()


def source_html(highlight: Highlight, quote: str = "", also: Iterable[Highlight] = ()) -> str:
    """The left side of the page.

    Args:
        highlight: what was marked.
        quote: the evidence of the card beside it; marked in the highlight, else in what is around.
        also: further passages that the card serves.
    """
    runs = runs_of(highlight, quote)
    return draw(
        "source.html",
        highlight=highlight,
        where=_where(highlight),
        runs=runs,
        colour=colour_name(highlight.colour),
        known=colour_name(highlight.colour) in COLOURS,
        written=_written(highlight),
        missing=quote if not any(QUOTE in run.marks for run in runs) else "",
        links=links_of(highlight),
        pictures=picture_paths(highlight),
        name=name_of(highlight.key),
        on_page=highlight.route in (Route.PDF, Route.ZOTERO),
        also=[(one, runs_of(one, ""), links_of(one)) for one in also],
    )


def _where(highlight: Highlight) -> str:
    """The headings above, without a first one that only says the title again."""
    headings = highlight.heading.split(" › ")
    if same(headings[0], highlight.document.title):
        headings = headings[1:]
    return " › ".join(map(isolated, headings))


def picture_paths(highlight: Highlight) -> tuple[str, ...]:
    """The pictures that a highlight shows, as its Markdown calls them."""
    return image_paths("\n".join(highlight.markdown))


def _written(highlight: Highlight) -> tuple[str, ...]:
    """The lines of the source, where they say more than the passage as plain text shows."""
    written = tuple(side for side in highlight.markdown if side.strip())
    bare = not highlight.exact and picture_paths(highlight)
    shown = all(side in highlight.exact for side in written)
    return () if bare or shown else written


# --- the passage in stretches -----------------------------------------------------------------


def runs_of(highlight: Highlight, quote: str) -> list[Run]:
    """The text around a highlight in stretches, in reading order; joined they are that text."""
    before, after = _around(highlight)
    cut = (_begins_cut(highlight, before), _ends_cut(highlight, after))
    before = from_a_word(before) if cut[0] else before
    after = to_a_word(after) if cut[1] else after
    runs = [
        Run("…", (CUT,)) if cut[0] else Run(""),
        *_marked(_without_headings(highlight, before), highlight, after, quote),
        Run("…", (CUT,)) if cut[1] else Run(""),
    ]
    return [run for run in runs if run.text]


def _marked(before: str, highlight: Highlight, after: str, quote: str) -> Iterator[Run]:
    """The words that were marked and those around, cut where a mark, quote or phrase begins or ends."""
    text, mark = before + highlight.exact + after, _moved((0, len(highlight.exact)), len(before))
    spans = [(EXACT, mark)]
    spans += [(QUOTE, span) for span in _quoted(quote, text, mark)]
    gaps = (_within(gap, len(highlight.exact)) for gap in highlight.gaps)
    spans += [(GAP, _moved(gap, len(before))) for gap in gaps]
    edges = sorted({0, len(text), *(edge for _, span in spans for edge in span)})
    for start, end in pairwise(edges):
        on_it = (what for what, span in spans if span[0] <= start and end <= span[1])
        yield Run(text[start:end], tuple(dict.fromkeys(on_it)))


def _quoted(quote: str, text: str, mark: Span) -> Iterator[Span]:
    """Where the evidence stands: in the mark, else in its sentence or what is near."""
    if not quote.strip():
        return
    if found := locate(quote, text[slice(*mark)]):
        yield _moved(found, mark[0])
    elif found := locate(quote, text):
        yield found


def _moved(span: Span, by: int) -> Span:
    return (span[0] + by, span[1] + by)


def _within(span: Span, length: int) -> Span:
    start, end = (min(max(edge, 0), length) for edge in span)
    return (start, max(start, end))


def _around(highlight: Highlight) -> tuple[str, str]:
    """What stands before and after a mark: its sentence, and what the source gives beyond it."""
    before, after = highlight.prefix, highlight.suffix
    sentence = highlight.sentence
    if not highlight.exact:
        return ("\n".join(part for part in (before, sentence, after) if part), "")
    found = _place_in(sentence, highlight)
    if found is None:
        return (_apart(sentence, before), after)
    near, far = sentence[: found[0]], sentence[found[1] :]
    return (_joined(before, near), _joined(after[::-1], far[::-1])[::-1])


def _place_in(sentence: str, highlight: Highlight) -> Span | None:
    """Where in its sentence a mark stands; of several places the one with the same words before."""
    places = list(_places(highlight.exact, sentence))
    return next(
        (span for span in places if _agree(highlight.prefix, sentence[: span[0]])),
        places[0] if places else None,
    )


def _places(words: str, text: str) -> Iterator[Span]:
    start = 0
    while found := locate(words, text[start:]):
        yield (start + found[0], start + found[1])
        start += found[0] + 1


def _joined(far: str, near: str) -> str:
    """Two texts that end at the same place, as one; what both have is there once."""
    if not near or _ends_with(far, near):
        return far
    if not far or _ends_with(near, far):
        return near
    return _apart(far, near)


def _apart(one: str, other: str) -> str:
    return f"{one}\n… {other}" if one and other else one or other


def _agree(one: str, other: str) -> bool:
    return _ends_with(one, other) or _ends_with(other, one)


def _ends_with(text: str, end: str) -> bool:
    """Whether a text ends so; how its blanks and lines are set does not count."""
    return _solid(text).endswith(_solid(end))


def _solid(text: str) -> str:
    return "".join(text.replace("\u00ad", "").split())


def _without_headings(highlight: Highlight, before: str) -> str:
    """Without whole lines that are headings and items above the mark: these are shown there."""
    told = {*highlight.heading.split(" › "), *highlight.above}
    *lines, last = before.split("\n")
    return "\n".join((*(line for line in lines if line not in told or not line), last))


def _begins_cut(highlight: Highlight, before: str) -> bool:
    """Whether a source left text out before, in the middle of a word perhaps."""
    return before == highlight.prefix and len(before) in AT_MOST


def _ends_cut(highlight: Highlight, after: str) -> bool:
    return after == highlight.suffix and len(after) in AT_MOST
