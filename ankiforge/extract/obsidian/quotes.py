"""Passages of papers that a note quotes, as Zotero and PDF plug-ins paste them.

A quote is told by a link to its place in a paper. In a paragraph or list item it stands in
quotation marks, is marked, or is all there is before the link to its annotation; in a block
quote or callout it is what stands there. What else is said beside it is the reader's comment.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from itertools import groupby

from ankiforge.extract.obsidian.block import Block, Part
from ankiforge.extract.obsidian.cites import Cited
from ankiforge.extract.obsidian.citing import Citation, citations, named_by
from ankiforge.extract.obsidian.inline import Phrase
from ankiforge.extract.obsidian.quoted import (
    Stretch,
    bare,
    is_figure,
    marked,
    remark,
    unbroken,
    without_signs,
)
from ankiforge.model import Span

PASTED = r"zotero://|\.pdf#|\[@|\^[A-Z0-9]{8}a[A-Z0-9]{8}p\d|show annotation\]\]"
"""Without any of these a note quotes nothing."""


@dataclass(frozen=True, slots=True)
class Quote:
    """One passage, from `first` to `last` block."""

    stretches: tuple[Stretch, ...]
    """One for each of its blocks, without quotation marks."""
    citation: Citation
    comment: str = ""
    covers: tuple[int, ...] = ()
    """Further blocks that tell of it: titles, comments, links."""

    @property
    def cited(self) -> tuple[Cited, ...]:
        """All it links to."""
        return self.citation.cited

    @property
    def blocks(self) -> range:
        """The blocks it stands in."""
        return range(self.stretches[0].at, self.stretches[-1].at + 1)


def quotes(blocks: Sequence[Block], is_card: Callable[[int], bool]) -> list[Quote]:
    """The quotes of a note, in order; `is_card` says of a block that it is something else."""
    cites = {at: found for at, block in enumerate(blocks) if (found := citations(block))}
    if not cites and not any(map(named_by, blocks)):
        return []
    cards = frozenset(at for at in range(len(blocks)) if is_card(at))
    return _Finder(blocks, cites, cards).all()


class _Finder:
    def __init__(
        self, blocks: Sequence[Block], cites: dict[int, list[Citation]], cards: frozenset[int]
    ) -> None:
        self.blocks, self.cards = blocks, cards
        self.cites = {at: found for at, found in cites.items() if at not in cards}
        self.marks = {at: marked(blocks[at]) for at in range(len(blocks))}
        self.link_only = frozenset(at for at in self.cites if self._says_nothing(at))
        self.found: list[Quote] = []
        self.used: set[int] = set()
        """Lines of nothing but a link that tell of a quote."""

    def all(self) -> list[Quote]:
        for _, group in groupby(range(len(self.blocks)), key=self._place):
            members = tuple(group)
            found = self._in_group(members) if self.blocks[members[0]].quotes else []
            for quote in found or [one for at in members for one in self._in_block(at)]:
                self._keep(quote)
        return self.found

    def _place(self, at: int) -> tuple[str, int]:
        """Blocks of one outermost block quote belong together."""
        block = self.blocks[at]
        return ("quote", block.quotes[0]) if block.quotes else ("block", at)

    def _keep(self, quote: Quote) -> None:
        """A quote, or what the reader says of the one before it."""
        first = quote.stretches[0]
        words = (first.plain[: first.span[1]], *(one.text for one in quote.stretches[1:]))
        said = remark("\n".join(words))
        before = self.found[-1] if self.found else None
        if before and before.citation.annotation == quote.citation.annotation != "":
            said = said or self._said_beside(before, quote)
        else:
            before = None
        if said and before:
            covers = (*before.covers, *quote.blocks, *quote.covers)
            comment = "\n".join(filter(None, (before.comment, said, quote.comment)))
            self.found[-1] = replace(before, comment=comment, covers=covers)
        elif not said:
            self.found.append(quote)

    def _said_beside(self, before: Quote, quote: Quote) -> str:
        """What a second quote of an annotation says, if it is the reader's and not the paper's."""
        said = "\n".join(one.text for one in quote.stretches)
        first = "\n".join(one.text for one in before.stretches)
        stretch = quote.stretches[0]
        signed = stretch.in_signs() or self._marked(stretch.at, stretch.span)
        return "" if signed or said in first or first in said else said

    # --- paragraphs and list items ------------------------------------------------------------

    def _in_block(self, at: int) -> list[Quote]:
        """The quotes of one block: before each link, or after one that begins it."""
        cites = [one for one in self.cites.get(at, ()) if one.is_link]
        if self.blocks[at].part is Part.HEADING:
            return []
        if not cites or at in self.link_only:
            return self._above(at) if cites and at not in self.used else []
        found, low = [], 0
        for number, one in enumerate(cites):
            last = number == len(cites) - 1
            high = len(self.blocks[at].plain) if last else cites[number + 1].span[0]
            if (stretch := self._before(at, low, one, alone=len(cites) == 1)) or (
                low == one.span[0] and (stretch := self._after(at, one.span[1], high))
            ):
                found.append(Quote((stretch,), one))
            low = one.span[1]
        return [self._with_comment(found[0], cites)] if len(found) == 1 else found

    def _before(self, at: int, low: int, one: Citation, alone: bool) -> Stretch | None:
        """What is quoted between `low` and a link."""
        block = self.blocks[at]
        stretch = Stretch(at, (low, one.span[0]), block.plain).trimmed()
        if one.words:
            return Stretch(at, one.words, block.plain)
        if not stretch:
            return None
        if inside := stretch.in_marks():
            return inside
        if phrase := self._marked(at, stretch.span):
            return replace(stretch, span=phrase.span)
        ends = not block.plain[one.span[1] :].strip(" .,;:!?")
        ends = ends and block.part is not Part.TITLE
        whole = alone and one.annotation and ends and not low and not self.marks[at]
        return stretch if whole and len(stretch.text.split()) > 2 else None

    def _after(self, at: int, low: int, high: int) -> Stretch | None:
        """What is quoted after a link that begins the line."""
        block = self.blocks[at]
        stretch = Stretch(at, (low, high), block.plain).trimmed()
        stretch = stretch and stretch.without_lead()
        if not stretch:
            return None
        inside = stretch.in_marks()
        if inside and inside.span[0] <= stretch.span[0] + 1:
            return inside
        phrase = self._marked(at, stretch.span)
        return replace(stretch, span=phrase.span) if phrase else None

    def _marked(self, at: int, span: Span) -> Phrase | None:
        """The phrase that ends a stretch, if it is the only one there."""
        inside = [p for p in self.marks[at] if span[0] <= p.span[0] and p.span[1] <= span[1]]
        return inside[0] if len(inside) == 1 and inside[0].span[1] == span[1] else None

    def _with_comment(self, quote: Quote, cites: list[Citation]) -> Quote:
        """With what follows it in its block and in the items below, if it begins the block."""
        stretch = quote.stretches[0]
        block, at = self.blocks[stretch.at], stretch.at
        if bare(block.plain[: min(stretch.span[0], cites[0].span[0])]):
            return quote
        end = max(stretch.span[1], cites[-1].span[1])
        below = self._below(at)
        words = [bare(block.plain[end:]), *(self.blocks[one].plain for one in below)]
        return replace(quote, comment="\n".join(filter(None, words)), covers=tuple(below))

    def _below(self, at: int) -> list[int]:
        """The items under an item, if they are mere words."""
        path = self.blocks[at].path
        inside = []
        for one in range(at + 1, len(self.blocks)):
            if not path or self.blocks[one].path[: len(path)] != path:
                break
            inside.append(one)
        return inside if all(map(self._is_mere, inside)) else []

    def _is_mere(self, at: int) -> bool:
        """Whether a block says something and is nothing else."""
        block = self.blocks[at]
        plain = block.inline is not None and not block.sides and not block.region
        return plain and at not in self.cards and at not in self.cites and not self.marks[at]

    # --- a link on a line of its own --------------------------------------------------------------

    def _says_nothing(self, at: int) -> bool:
        """Whether a block is nothing but a link to a passage."""
        cites, block = self.cites[at], self.blocks[at]
        if block.part is Part.HEADING or (block.inline and block.inline.is_footnote):
            return False
        edges = [0, *(edge for one in cites for edge in one.span), len(block.plain)]
        gaps = zip(edges[::2], edges[1::2], strict=True)
        told = any(bare(block.plain[start:end]) for start, end in gaps)
        return not told and not any(one.words for one in cites)

    def _above(self, at: int) -> list[Quote]:
        """The paragraph above a link, if all of it is in quotation marks or marked."""
        above = at - 1
        if above < 0 or above in self.cites or above in self.cards or self.blocks[at].quotes:
            return []
        block = self.blocks[above]
        if block.inline is None or block.quotes or block.part is Part.HEADING:
            return []
        stretch = Stretch(above, (0, len(block.plain)), block.plain)
        phrase = self._marked(above, stretch.span)
        inside = stretch.in_marks() or (phrase and replace(stretch, span=phrase.span))
        if not inside or bare(block.plain[: inside.span[0]]):
            return []
        return [Quote((inside,), self._joined([at]), covers=(at,))]

    def _joined(self, places: Sequence[int]) -> Citation:
        """All that some blocks cite, as one."""
        return Citation.joined(one for at in places for one in self.cites.get(at, ()))

    # --- block quotes and callouts ----------------------------------------------------------------

    def _in_group(self, members: tuple[int, ...]) -> list[Quote]:
        """The quotes of one block quote; [] if each block is to be looked at alone."""
        citing = [at for at in members if at in self.cites]
        named = [found for at in members if (found := named_by(self.blocks[at]))]
        more = self._around(members) if not citing and not named else ()
        if not citing and not more and not named:
            return []
        talking = [at for at in citing if at not in self.link_only]
        if len(talking) > 1 and len({one.place for at in talking for one in self.cites[at]}) > 1:
            return self._each(members)
        cites = [one for at in (*citing, *more) for one in self.cites[at]]
        if not all(map(self._ends_a_quote, talking)) or not _cites_a_place(named + cites):
            return []
        citation = Citation.joined([*named, *cites])
        style = self.blocks[members[0]].style
        if style and not (citation.exact or citation.page_label or _QUOTING.search(style)):
            return []
        self.used |= set(more)
        return self._whole(members, citation, tuple(more))

    def _ends_a_quote(self, at: int) -> bool:
        """Whether a link stands before or behind the words of a block, not amid a sentence."""
        plain = self.blocks[at].plain
        if self.blocks[at].part is Part.TITLE:
            return any(one.exact for one in self.cites[at])
        for one in self.cites[at]:
            before, after = plain[: one.span[0]].rstrip(), bare(plain[one.span[1] :])
            if not after or one.annotated:
                continue
            apart = plain[one.span[0]] in "(（" or one.ends_line
            if not one.exact or not (apart or (bare(before) and before[-1] in _ENDS)):
                return False
        return True

    def _around(self, members: tuple[int, ...]) -> tuple[int, ...]:
        """The line below a block quote, or above it, that is nothing but a link."""
        for at in (members[-1] + 1, members[0] - 1):
            inside = 0 <= at < len(self.blocks) and at not in self.used
            if inside and not self.blocks[at].quotes and at in self.link_only:
                return (at,)
        return ()

    def _each(self, members: tuple[int, ...]) -> list[Quote]:
        """Several quotes in one block quote: what stands before each link."""
        found = []
        for at in members:
            cites = [one for one in self.cites.get(at, ()) if one.is_link]
            quotes_here = self._in_block(at)
            if not quotes_here and len(cites) == 1 and cites[0].page_label:
                quotes_here = self._up_to(at, cites[0])
            found.extend(quotes_here)
        return found

    def _up_to(self, at: int, one: Citation) -> list[Quote]:
        """All that a block says before its link, if the link ends it."""
        stretch = Stretch(at, (0, one.span[0]), self.blocks[at].plain).trimmed()
        ends = self.blocks[at].part is not Part.TITLE and self._ends_a_quote(at)
        names = stretch is not None and stretch.text.endswith((":", "："))
        return [Quote((stretch,), one)] if stretch and ends and not names else []

    def _whole(
        self, members: tuple[int, ...], citation: Citation, more: tuple[int, ...]
    ) -> list[Quote]:
        """One quote with all its blocks; what follows it there is a comment."""
        body = [at for at in members if self.blocks[at].part is not Part.TITLE]
        if any(at in self.cards for at in body) or (body and is_figure(self.blocks[body[0]])):
            return []
        first = self._first(body, citation)
        if led := None if first else self._led(body):
            words, comment = [led[0]], led[1]
        else:
            words, comment = ([first], self._rest(first, body)) if first else self._split(body)
        if not words:
            return []
        lead = words[0].trimmed()
        words = unbroken([lead, *words[1:]]) if lead else words
        told = {stretch.at for stretch in words}
        covers = tuple(at for at in (*members, *more) if at not in told)
        return [Quote(tuple(without_signs(words)), citation, comment, covers)]

    def _first(self, body: list[int], citation: Citation) -> Stretch | None:
        """What is quoted by its own signs in the block with the link."""
        for at in body:
            cites = self.cites.get(at, ())
            if cites and cites[0].annotated and (phrase := self._marked_before(at, cites[0])):
                return phrase
            for one in cites if at not in self.link_only else ():
                stretch = Stretch(at, (0, one.span[0]), self.blocks[at].plain).trimmed()
                inside = stretch and stretch.in_marks()
                if inside and not bare(self.blocks[at].plain[: inside.span[0]]):
                    return inside
        return None

    def _led(self, body: list[int]) -> tuple[Stretch, str] | None:
        """(what stands in quotation marks on the first lines, what the reader says on the next)."""
        block = self.blocks[body[0]] if body else None
        if block is None or block.inline is None:
            return None
        whole = self._said(body[0])[0]
        ends = [at for at in range(whole[0].span[0], whole[0].span[1]) if block.inline.breaks(at)]
        for end in ends if whole else ():
            stretch = replace(whole[0], span=(whole[0].span[0], end)).trimmed()
            inside = stretch and stretch.in_marks()
            if stretch and inside and not bare(stretch.plain[stretch.span[0] : inside.span[0]]):
                words = [block.plain[end : whole[0].span[1]].strip()]
                words += [self.blocks[at].plain for at in body[1:] if at not in self.link_only]
                return inside, "\n".join(filter(None, words))
        return None

    def _marked_before(self, at: int, one: Citation) -> Stretch | None:
        inside = [p for p in self.marks[at] if p.span[1] <= one.span[0]]
        return Stretch(at, inside[-1].span, self.blocks[at].plain) if inside else None

    def _rest(self, first: Stretch, body: list[int]) -> str:
        """What follows a quote that has signs of its own."""
        cites = [one for one in self.cites[first.at] if one.span[0] >= first.span[1]]
        end = cites[-1].span[1] if cites else first.span[1]
        after = [at for at in body if at > first.at and at not in self.link_only]
        words = [bare(self.blocks[first.at].plain[end:])] if not cites[0].annotated else []
        return "\n".join(filter(None, [*words, *(self.blocks[at].plain for at in after)]))

    def _split(self, body: list[int]) -> tuple[list[Stretch], str]:
        """(the words of the quote, those of the reader)."""
        deep = min((len(self.blocks[at].quotes) for at in body), default=0)
        inner = [at for at in body if len(self.blocks[at].quotes) > deep]
        if inner and any(at in self.link_only or at not in inner for at in body):
            outer = [at for at in body if at > inner[-1]]
            after = "\n".join(self.blocks[at].plain for at in outer if at not in self.cites)
            return [stretch for at in inner for stretch in self._said(at)[0]], after
        words: list[Stretch] = []
        comments: list[str] = []
        rules = self.blocks[body[0]].rules if body else 0
        for at in body:
            here, after = self._said(at)
            text = self.blocks[at].plain
            told = remark(text) if words else ""
            if comments or told or (words and self.blocks[at].rules > rules):
                comments.append(told or text if at not in self.cites else after)
                continue
            words.extend(here)
            comments.extend([after] if after else [])
        return words, "\n".join(filter(None, comments))

    def _said(self, at: int) -> tuple[list[Stretch], str]:
        """What a block quotes: all but the links; and what follows a link amid it."""
        block = self.blocks[at]
        cites = self.cites.get(at, [])
        if not cites:
            return [Stretch(at, (0, len(block.plain)), block.plain)], ""
        low = cites[0].span[1] if not bare(block.plain[: cites[0].span[0]]) else 0
        later = [one for one in cites if one.span[0] >= low and one.span[0]]
        high = later[0].span[0] if later else len(block.plain)
        stretch = Stretch(at, (low, high), block.plain).trimmed()
        rest = bare(block.plain[later[-1].span[1] :]) if later else ""
        return ([stretch] if stretch else []), rest


_QUOTING = re.compile(r"quote|cite|zitat|highlight|annotation|excerpt|pdf", re.IGNORECASE)
"""Callouts that say that they quote."""
_ENDS = '.!?…”"»«“」。！？'


def _cites_a_place(found: Sequence[Citation]) -> bool:
    """Whether it is a link, or a key with a page."""
    return any(one.is_link or one.label for one in found)
