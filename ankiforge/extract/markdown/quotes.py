"""Passages of papers that a note quotes, as Zotero and PDF plug-ins paste them.

A quote is recognised by a link to its place in a paper. In a paragraph or list item, the quote is
in quotation marks, or marked, or all of the text before the link to its annotation; in a block
quote or callout it is the text of that. Other text beside it is the reader's comment.
"""

from __future__ import annotations

import re
from bisect import bisect_left, bisect_right
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from functools import cache
from itertools import groupby
from typing import Any, NamedTuple

from ankiforge.extract.markdown.blocks import Block, Part
from ankiforge.extract.markdown.citations import (
    Citation,
    Citations,
    named_by,
    opens,
)
from ankiforge.extract.markdown.inline import outermost
from ankiforge.extract.markdown.tokens import Kind, Phrase, hex_colour
from ankiforge.model import Span

# --- parts of blocks ------------------------------------------------------------------------

_OPENERS = {"”": "“„", "“": "„", "»": "«", "«": "»", "」": "「", "』": "『", "›": "‹", '"': '"'}
"""Closing quotation marks, each with those that open it."""
_LEAD = re.compile(r"[\s:–—\-•·|]+")
_GLUE = re.compile(r"[\s.,;:)\]–—\-·|。，、；：）]+")
_PICTOGRAM = r"[\u2190-\u2bff\u3030-\u303f\ufe0f\u200d\U0001f000-\U0001faff]"
_PICTOGRAMS = re.compile(rf"(?:{_PICTOGRAM}|\s)+")
_REMARK = re.compile(
    r"\s*(?:[💬📝✏🗨🗒✍]\ufe0f?\s*"
    r"|(?:my\s+|own\s+)?(?:comments?|notes?|remarks?|kommentare?|anmerkung(?:en)?|notizen?"
    r"|commentaires?|comentarios?|notas?|commento|批注|评论|笔记)\s*[:：]\s*)(?P<words>.*)\Z",
    re.IGNORECASE | re.DOTALL,
)


def bare(text: str) -> str:
    """Return a comment without leading punctuation, "" if it has no words."""
    return _GLUE.sub("", text, count=1).strip() if re.search(r"\w", text) else ""


def remark(text: str) -> str:
    """Return what follows a sign or word that introduces a comment, "" if there is none."""
    found = _REMARK.match(text)
    return found["words"].strip() if found else ""


class Stretch(NamedTuple):
    """A part of the plain text of block `at`."""

    at: int
    span: Span
    plain: str
    """The plain text of the whole block."""

    @property
    def text(self) -> str:
        """The text of this part."""
        return self.plain[slice(*self.span)]

    def trimmed(self) -> Stretch | None:
        """Drop blanks at the ends and pictograms at the start; None if no words are left."""
        start, end = self.span
        lead = _PICTOGRAMS.match(self.plain, start, end)
        start = lead.end() if lead else start
        while end > start and self.plain[end - 1].isspace():
            end -= 1
        return self._replace(span=(start, end)) if re.search(r"\w", self.plain[start:end]) else None

    def without_lead(self) -> Stretch | None:
        """Drop the colon or dash that follows a link; None if no words are left."""
        lead = _LEAD.match(self.plain, *self.span)
        return self._replace(span=(lead.end(), self.span[1])).trimmed() if lead else self

    def quoted(self) -> Stretch | None:
        """Return the text in quotation marks at the end of this part, None if there is none."""
        plain, (low, end) = self.plain, self.span
        while end > low and plain[end - 1] in " \n.,;:!?…。，、！？":
            end -= 1
        closer = plain[end - 1] if end > low else ""
        if closer not in _OPENERS:
            return None
        openers, depth, start = _OPENERS[closer], 1, -1
        for at in range(end - 2, low - 1, -1):
            letter, before = plain[at], plain[at - 1] if at > low else " "
            # a quotation mark that is the same on both sides opens only after a blank
            opens = (before.isspace() or before in "([—–") and not plain[at + 1].isspace()
            if letter in openers and (letter != closer or opens):
                depth -= 1
            elif letter == closer:
                depth += 1
            if not depth:
                start = at
                break
        else:
            start = low if plain[low] in openers else -1
        return Stretch(self.at, (start + 1, end - 1), plain).trimmed() if start >= 0 else None


# --- quotes ---------------------------------------------------------------------------------

_QUOTING = re.compile(r"quote|cite|zitat|highlight|annotation|excerpt|pdf", re.IGNORECASE)
"""Types of callouts that are used for quotes."""
_ENDS = '.!?…”"»«“」。！？'


@dataclass(frozen=True, slots=True)
class Quote:
    """One passage, from its first to its last block."""

    stretches: tuple[Stretch, ...]
    """One for each of its blocks, without quotation marks."""
    citation: Citation
    comment: str = ""
    covers: tuple[int, ...] = ()
    """Indices of further blocks that belong to it: titles, comments, links."""

    @property
    def blocks(self) -> range:
        """The indices of the blocks that it spans."""
        return range(self.stretches[0].at, self.stretches[-1].at + 1)

    @property
    def text(self) -> str:
        """The plain text."""
        return "\n".join([one.text for one in self.stretches])


class _Finder:
    """Finds the quotes of a note; `cards` are the indices of blocks that are cards."""

    def __init__(self, blocks: Sequence[Block], cites: Citations, cards: frozenset[int]) -> None:
        self.blocks, self.cards = blocks, cards
        self.cites = {at: found for at, found in cites.items() if at not in cards}
        self.marks = [
            outermost(p for p in block.inline.phrases if p.sign in ("==", "mark"))
            if block.inline
            else ()
            for block in blocks
        ]
        self.link_only = frozenset(at for at in self.cites if self._is_only_links(at))
        self.found: list[Quote] = []
        self.used: set[int] = set()
        """Blocks with only a link that belong to a quote."""

    def all(self) -> list[Quote]:
        def group(at: int) -> tuple[str, int]:  # one outermost block quote, or one block
            quotes = self.blocks[at].quotes
            return ("quote", quotes[0]) if quotes else ("block", at)

        for _, group_of in groupby(range(len(self.blocks)), key=group):
            members = tuple(group_of)
            found = self._in_group(members) if self.blocks[members[0]].quotes else []
            for quote_ in found or [one for at in members for one in self._in_block(at)]:
                self._keep(quote_)
        return self.found

    def _keep(self, quote_: Quote) -> None:
        """Add a quote, or add it to the quote before as the reader's comment on it."""
        first = quote_.stretches[0]
        words = (first.plain[: first.span[1]], *(one.text for one in quote_.stretches[1:]))
        comment = remark("\n".join(words))
        before = self.found[-1] if self.found else None
        if before and before.citation.annotation == quote_.citation.annotation != "":
            closer = first.plain[first.span[1] : first.span[1] + 1]
            quoted = first.plain[max(0, first.span[0] - 1) : first.span[0]]
            is_quoted = quoted != "" and quoted in _OPENERS.get(closer, "")
            if not comment and not (is_quoted or self._marked(first.at, first.span)):
                # a second text for one annotation is the reader's, unless it repeats the paper's
                same = quote_.text in before.text or before.text in quote_.text
                comment = "" if same else quote_.text
            if comment:
                covers = (*before.covers, *quote_.blocks, *quote_.covers)
                comment = "\n".join(filter(None, (before.comment, comment, quote_.comment)))
                self.found[-1] = replace(before, comment=comment, covers=covers)
                return
        if not comment:
            self.found.append(quote_)

    # --- paragraphs and list items ----------------------------------------------------------

    def _in_block(self, at: int) -> list[Quote]:
        """Return the quotes of one block: before each link, or after a link at its start."""
        block = self.blocks[at]
        cites = [one for one in self.cites.get(at, ()) if one.is_link]
        if not cites or block.part is Part.HEADING:
            return []
        if at in self.link_only:
            return self._above(at) if at not in self.used else []
        found, low = [], 0
        ends = [*(one.span[0] for one in cites[1:]), len(block.plain)]
        for one, high in zip(cites, ends, strict=True):
            stretch = self._before(at, low, one, alone=len(cites) == 1)
            if not stretch and low == one.span[0]:
                stretch = self._after(at, one.span[1], high)
            if stretch:
                found.append(Quote((stretch,), one))
            low = one.span[1]
        if len(found) != 1 or bare(
            block.plain[: min(found[0].stretches[0].span[0], cites[0].span[0])]
        ):
            return found
        # text after a quote that begins its block is a comment, and so are the items below
        end = max(found[0].stretches[0].span[1], cites[-1].span[1])
        below = self._below(at)
        words = [bare(block.plain[end:]), *(self.blocks[one].plain for one in below)]
        comment = "\n".join(filter(None, words))
        return [replace(found[0], comment=comment, covers=tuple(below))]

    def _before(self, at: int, low: int, one: Citation, *, alone: bool) -> Stretch | None:
        """Return the quote between `low` and a link."""
        block = self.blocks[at]
        if one.words:
            return Stretch(at, one.words, block.plain)
        stretch = Stretch(at, (low, one.span[0]), block.plain).trimmed()
        if not stretch:
            return None
        if inside := stretch.quoted():
            return inside
        if phrase := self._marked(at, stretch.span):
            return stretch._replace(span=phrase.span)
        ends = not block.plain[one.span[1] :].strip(" .,;:!?") and block.part is not Part.TITLE
        whole = alone and one.annotation and ends and not low and not self.marks[at]
        return stretch if whole and len(stretch.text.split()) > 2 else None

    def _after(self, at: int, low: int, high: int) -> Stretch | None:
        """Return the quote after a link that begins its line."""
        stretch = Stretch(at, (low, high), self.blocks[at].plain).trimmed()
        stretch = stretch and stretch.without_lead()
        if not stretch:
            return None
        inside = stretch.quoted()
        if inside and inside.span[0] <= stretch.span[0] + 1:
            return inside
        phrase = self._marked(at, stretch.span)
        return stretch._replace(span=phrase.span) if phrase else None

    def _marked(self, at: int, span: Span) -> Phrase | None:
        """Return the marked phrase at the end of a span, if it is the only one in the span."""
        inside = [p for p in self.marks[at] if span[0] <= p.span[0] and p.span[1] <= span[1]]
        return inside[0] if len(inside) == 1 and inside[0].span[1] == span[1] else None

    def _below(self, at: int) -> list[int]:
        """Return the blocks under a list item, [] unless all of them are plain text."""
        path = self.blocks[at].path
        inside = []
        for one in range(at + 1, len(self.blocks) if path else 0):
            block = self.blocks[one]
            if block.path[: len(path)] != path:
                break
            is_card = block.sides or block.part is Part.CARD or one in self.cards
            if block.inline is None or is_card or one in self.cites or self.marks[one]:
                return []
            inside.append(one)
        return inside

    # --- a link on a line of its own ----------------------------------------------------------

    def _is_only_links(self, at: int) -> bool:
        """Return whether a block contains only links to a passage."""
        cites, block = self.cites[at], self.blocks[at]
        if block.part is Part.HEADING or (block.inline and block.inline.is_footnote):
            return False
        edges = [0, *(edge for one in cites for edge in one.span), len(block.plain)]
        gaps = zip(edges[::2], edges[1::2], strict=True)
        words = any(bare(block.plain[start:end]) for start, end in gaps)
        return not words and not any(one.words for one in cites)

    def _above(self, at: int) -> list[Quote]:
        """Return the paragraph above a link if all of it is in quotation marks or marked."""
        above = at - 1
        if above < 0 or above in self.cites or above in self.cards or self.blocks[at].quotes:
            return []
        block = self.blocks[above]
        if block.inline is None or block.quotes or block.part is Part.HEADING:
            return []
        stretch = Stretch(above, (0, len(block.plain)), block.plain)
        phrase = self._marked(above, stretch.span)
        inside = stretch.quoted() or (phrase and stretch._replace(span=phrase.span))
        if not inside or bare(block.plain[: inside.span[0]]):
            return []
        return [Quote((inside,), Citation.joined(self.cites[at]), covers=(at,))]

    # --- block quotes and callouts --------------------------------------------------------------

    def _in_group(self, members: tuple[int, ...]) -> list[Quote]:
        """Return the quotes of one block quote, [] if its blocks are to be read one by one."""
        citing = [at for at in members if at in self.cites]
        named = [found for at in members if (found := named_by(self.blocks[at]))]
        more: list[int] = []
        if not citing and not named:  # take a line below or above that contains only a link
            for at in (members[-1] + 1, members[0] - 1):
                if at in self.link_only and at not in self.used and not self.blocks[at].quotes:
                    more = [at]
                    break
            else:
                return []
        with_words = [at for at in citing if at not in self.link_only]
        places = {one.place for at in with_words for one in self.cites[at]}
        if len(with_words) > 1 and len(places) > 1:
            return self._several(members)
        cites = [one for at in (*citing, *more) for one in self.cites[at]]
        is_place = any(one.is_link or one.label for one in (*named, *cites))
        if not is_place or not all(map(self._ends_a_quote, with_words)):
            return []
        citation = Citation.joined([*named, *cites])
        style = self.blocks[members[0]].style
        if style and not (citation.exact or citation.page_label or _QUOTING.search(style)):
            return []
        self.used |= set(more)
        body = [at for at in members if self.blocks[at].part is not Part.TITLE]
        if any(at in self.cards for at in body):
            return []
        inline = self.blocks[body[0]].inline if body else None
        shown = (one for one in (inline.tokens if inline else ()))
        shown = (one for one in shown if one.plain.strip() or one.kind is Kind.PICTURE)
        if (first := next(shown, None)) and first.kind is Kind.PICTURE:
            return []  # a figure, which the text below describes
        words, comment = self._words_and_comment(body)
        if not words:
            return []
        lead = words[0].trimmed()
        if lead:  # as far as each part continues directly in the next block
            words, later = [lead], words[1:]
            for stretch in later:
                before = words[-1]
                ends = not before.plain[before.span[1] :].strip()
                if stretch.at != before.at + 1 or not ends or stretch.span[0]:
                    break
                words.append(stretch)
        inside = {stretch.at for stretch in words}
        covers = tuple(at for at in (*members, *more) if at not in inside)
        # without the quotation marks around the whole
        head, tail = words[0], words[-1]
        if len(words) == 1:
            bare_words = head.quoted()
            if bare_words and not bare(head.plain[head.span[0] : bare_words.span[0]]):
                words = [bare_words]
        elif head.text[:1] in _OPENERS.get(tail.text[-1:], ""):
            words[0] = head._replace(span=(head.span[0] + 1, head.span[1]))
            words[-1] = tail._replace(span=(tail.span[0], tail.span[1] - 1))
        return [Quote(tuple(words), citation, comment, covers)]

    def _ends_a_quote(self, at: int) -> bool:
        """Return whether the links of a block stand before or after its text, not within it."""
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

    def _several(self, members: tuple[int, ...]) -> list[Quote]:
        """Return the quotes of a block quote that contains several: the text before each link."""
        found = []
        for at in members:
            cites = [one for one in self.cites.get(at, ()) if one.is_link]
            here = self._in_block(at)
            if not here and len(cites) == 1 and cites[0].page_label:
                # all of the text before the link, if the link ends the block
                stretch = Stretch(at, (0, cites[0].span[0]), self.blocks[at].plain).trimmed()
                ends = self.blocks[at].part is not Part.TITLE and self._ends_a_quote(at)
                if stretch and ends and not stretch.text.endswith((":", "：")):
                    here = [Quote((stretch,), cites[0])]
            found += here
        return found

    def _words_and_comment(self, body: list[int]) -> tuple[list[Stretch], str]:
        """Return the quoted text of a block quote, and the reader's comment."""
        for at in body:
            plain, cites = self.blocks[at].plain, self.cites.get(at, [])
            # text in the block with the link that its own signs show to be quoted
            first: Stretch | None = None
            if cites and cites[0].annotated:
                before = [p for p in self.marks[at] if p.span[1] <= cites[0].span[0]]
                first = Stretch(at, before[-1].span, plain) if before else None
            for one in cites if not first and at not in self.link_only else ():
                stretch = Stretch(at, (0, one.span[0]), plain).trimmed()
                inside = stretch and stretch.quoted()
                if inside and not bare(plain[: inside.span[0]]):
                    first = inside
                    break
            if first:
                later = [one for one in cites if one.span[0] >= first.span[1]]
                end = later[-1].span[1] if later else first.span[1]
                rest = [] if later[0].annotated else [bare(plain[end:])]
                after = [one for one in body if one > at and one not in self.link_only]
                rest += [self.blocks[one].plain for one in after]
                return [first], "\n".join(filter(None, rest))
        return self._quoted_first_lines(body) or self._words_then_comments(body)

    def _quoted_first_lines(self, body: list[int]) -> tuple[list[Stretch], str] | None:
        """Return the quote if the first lines are in quotation marks, with the rest as comment."""
        block = self.blocks[body[0]] if body else None
        if block is None or block.inline is None:
            return None
        whole = self._words(body[0])[0]
        low, high = whole[0].span if whole else (0, 0)
        for end in (at for at in range(low, high) if block.inline.breaks(at)):
            stretch = whole[0]._replace(span=(low, end)).trimmed()
            inside = stretch and stretch.quoted()
            if stretch and inside and not bare(block.plain[stretch.span[0] : inside.span[0]]):
                words = [block.plain[end:high].strip()]
                words += [self.blocks[at].plain for at in body[1:] if at not in self.link_only]
                return [inside], "\n".join(filter(None, words))
        return None

    def _words_then_comments(self, body: list[int]) -> tuple[list[Stretch], str]:
        """Return the quoted text of a block quote, and the comments that follow it."""
        deep = min((len(self.blocks[at].quotes) for at in body), default=0)
        inner = [at for at in body if len(self.blocks[at].quotes) > deep]
        notes = [at for at in inner if self.blocks[at].style != self.blocks[body[0]].style]
        if notes and notes[0] != body[0]:  # a callout within the quote is the reader's
            said = [self.blocks[at].plain for at in notes if self.blocks[at].part is not Part.TITLE]
            outer, comment = self._words_then_comments([at for at in body if at not in notes])
            return outer, "\n".join(filter(None, [comment, *said]))
        if inner and any(at in self.link_only or at not in inner for at in body):
            after = [at for at in body if at > inner[-1] and at not in self.cites]
            rest = "\n".join(self.blocks[at].plain for at in after)
            return [stretch for at in inner for stretch in self._words(at)[0]], rest
        words: list[Stretch] = []
        comments: list[str] = []
        rules = self.blocks[body[0]].rules if body else 0
        for at in body:
            here, after_link = self._words(at)
            text = self.blocks[at].plain
            comment = remark(text) if words else ""
            if comments or comment or (words and self.blocks[at].rules > rules):
                comments.append(comment or text if at not in self.cites else after_link)
                continue
            words.extend(here)
            comments.extend([after_link] if after_link else [])
        return words, "\n".join(filter(None, comments))

    def _words(self, at: int) -> tuple[list[Stretch], str]:
        """Return the text of a block without its links, and the text after a link within it."""
        plain, cites = self.blocks[at].plain, self.cites.get(at, [])
        if not cites:
            return [Stretch(at, (0, len(plain)), plain)], ""
        low = cites[0].span[1] if not bare(plain[: cites[0].span[0]]) else 0
        later = [one for one in cites if one.span[0] >= low and one.span[0]]
        high = later[0].span[0] if later else len(plain)
        stretch = Stretch(at, (low, high), plain).trimmed()
        return ([stretch] if stretch else []), bare(plain[later[-1].span[1] :]) if later else ""


# --- quotes as highlights -------------------------------------------------------------------

_RGB = re.compile(r"(\d{1,3})[\s,]+(\d{1,3})[\s,]+(\d{1,3})\Z")
_HEX = re.compile(r"#(?:[0-9a-f]{3}){1,2}\Z", re.IGNORECASE)
_COLOURS = frozenset(
    "yellow red green blue purple magenta orange gray grey pink cyan teal violet brown".split()  # noqa: SIM905
)


class Quotes:
    """The quotes of a note, by the block in which they start."""

    def __init__(
        self,
        blocks: Sequence[Block],
        cites: Citations,
        marks: frozenset[str],
        is_card: Callable[[int], object],
        note: str,
    ) -> None:
        """`is_card` returns whether the block at an index is a card; `note` is the address."""
        self._blocks, self._marks, self._note = blocks, marks, note
        self._outermost = cache(self._find_outermost)
        self._spans: dict[int, list[Span]] = {}
        self.starts: dict[int, dict[int, Quote]] = {}
        """By block index and offset in the block."""
        self.covered: set[int] = set()
        """The indices of blocks that belong to a quote."""
        if not cites and not any(block.id and named_by(block) for block in blocks):
            return
        cards = frozenset(filter(is_card, range(len(blocks))))
        for one in _Finder(blocks, cites, cards).all():
            if not one.citation.is_link:
                # a citekey alone makes no quote of text that is a highlight anyway
                own = [blocks[at] for at in one.blocks]
                inlines = [block.inline for block in own if block.inline]
                if any(phrase.sign in marks for inline in inlines for phrase in inline.phrases):
                    continue
                if "callout" in marks and any(block.callout >= 0 for block in own):
                    continue
            first = one.stretches[0]
            self.starts.setdefault(first.at, {})[first.span[0]] = one
            self.covered |= {*one.blocks, *one.covers}
            for stretch in one.stretches:
                self._spans.setdefault(stretch.at, []).append(stretch.span)

    def hold(self, at: int, span: Span) -> bool:
        """Return whether a quote overlaps a span of a block."""
        spans = self._spans.get(at, [])
        before = bisect_left(spans, (span[1], 0))
        return before > 0 and span[0] < spans[before - 1][1]

    def fields(self, found: Quote) -> dict[str, Any]:
        """Return the fields of a quote's highlight."""
        markdown: list[str] = []
        gaps: list[Span] = []
        markdown_gaps: list[Span] = []
        before = above = 0
        for stretch in found.stretches:
            phrases = self._phrases(stretch, self._marks)
            inside = phrases[:0] if any(_covers(one, stretch) for one in phrases) else phrases
            inline = self._blocks[stretch.at].inline
            text, places = f"```\n{stretch.text}\n```", tuple[Span, ...]()
            if inline is not None:
                bold = "bold" not in self._marks
                text, places = inline.markdown(*stretch.span, inside, bold=bold)
            shift = before - stretch.span[0]
            gaps += [(p.span[0] + shift, p.span[1] + shift) for p in inside]
            markdown_gaps += [(start + above, end + above) for start, end in places]
            markdown.append(text)
            before += len(stretch.text) + 1
            above += len(text) + 2
        cited_ = found.citation.cited
        key = next((one for one in cited_ if one.annotation), None)
        links = (opens(one.target, self._note) for one in cited_)
        return {
            "exact": found.text,
            "markdown": ("\n\n".join(markdown),),
            "gaps": tuple(gaps),
            "markdown_gaps": tuple(markdown_gaps),
            "comment": found.comment,
            "colour": self._colour(found),
            "page_label": found.citation.page_label,
            "hints": (f"zotero:{key.annotation}", f"zotero:{key.library}/{key.annotation}")
            if key
            else (),
            "links": tuple(dict.fromkeys(filter(None, links))),
        }

    def _find_outermost(self, at: int, signs: frozenset[str]) -> tuple[Phrase, ...]:
        inline = self._blocks[at].inline
        return outermost(p for p in (inline.phrases if inline else ()) if p.sign in signs)

    def _phrases(self, stretch: Stretch, signs: frozenset[str]) -> tuple[Phrase, ...]:
        """Return the phrases marked within a part, or the one that covers all of it."""
        start, end = stretch.span
        found = self._outermost(stretch.at, signs)
        starts = [phrase.span[0] for phrase in found]
        low, high = bisect_right(starts, start) - 1, bisect_left(starts, end)
        near = tuple(p for p in found[max(0, low) : high] if start < p.span[1])
        whole = tuple(p for p in near if _covers(p, stretch))
        return whole or tuple(p for p in near if start <= p.span[0] and p.span[1] <= end)

    def _colour(self, found: Quote) -> str:
        """Return the colour of its mark, else of its callout, else of its link."""
        for stretch in found.stretches:
            for phrase in self._phrases(stretch, frozenset(("mark",))):
                if phrase.note:
                    return phrase.note
        kind, _, colour = self._blocks[found.stretches[0].at].style.partition("|")
        named = kind.rpartition("-")[2].lower()
        links = (_as_colour(one.colour) for one in found.citation.cited)
        return _as_colour(colour) or (named if named in _COLOURS else "") or next(links, "")


def _as_colour(word: str) -> str:
    """Return a colour as `#rrggbb` or a name, "" if it is neither."""
    word = word.strip().lower()
    if found := _RGB.match(word):
        return hex_colour(found.groups())
    return word if _HEX.match(word) or word in _COLOURS else ""


def _covers(phrase: Phrase, stretch: Stretch) -> bool:
    """Return whether all words of a quote are marked; its quotation marks need not be."""
    start, end = stretch.span
    before = stretch.plain[start : phrase.span[0]]
    return not re.search(r"\w", before + stretch.plain[max(phrase.span[1], start) : end])
