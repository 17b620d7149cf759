"""Parse the text of a block, and render any part of it as plain text or Markdown.

A sentence, a phrase or a side of a card is a range of the block's tokens, so its plain text and
its Markdown come from the same parse. `tokenizer` creates these tokens.
"""

from __future__ import annotations

import re
from bisect import bisect_left, bisect_right
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from functools import cached_property
from itertools import count
from operator import attrgetter
from typing import NamedTuple
from urllib.parse import quote

from ankiforge.extract.markdown.markup import (
    BLOCK_EDGE,
    FOOTNOTE_LABEL_PREFIX,
    FOOTNOTE_PREFIX,
    HARD_BREAK,
    InlineContext,
    InlineToken,
    MarkedPhrase,
    MarkupKind,
)
from ankiforge.extract.markdown.placeholders import (
    COMMENT_FILLER,
    FENCE_PATTERN,
    MATHS_CONTINUATION,
    MATHS_DELIMITER,
    restore_placeholders,
)
from ankiforge.extract.markdown.tokenizer import get_inner_tokens, tokenize_block
from ankiforge.model import Span, Strings
from ankiforge.text import regex
from ankiforge.text.sentences import find_sentence_spans, find_sentence_starts, trim_span

_BY_START = attrgetter("start")
_HIDDEN_KINDS = (MarkupKind.HINT, MarkupKind.MARK, MarkupKind.GAP)
_ANY_MARKUP = regex(
    rf"[\\\n`$!\[\]<&#=＝*_~{{}}:【\ue200{COMMENT_FILLER}{MATHS_CONTINUATION}{MATHS_DELIMITER}]"
)


def parse_inline(text: str, context: InlineContext) -> InlineText:
    """Parse the source of a block into tokens.

    `text` must not include the markers of enclosing block quotes and lists.
    """
    if not _ANY_MARKUP.search(text):
        collapsed = text if context.is_verbatim else " ".join(text.split())
        return InlineText(
            [InlineToken(MarkupKind.TEXT, collapsed, collapsed)] if text else []
        )
    tokens = tokenize_block(text, context)
    if not context.is_verbatim:
        # tags at the ends of a block aren't shown as part of its text
        for direction in (tokens, reversed(tokens)):
            for token in direction:
                if token.kind is MarkupKind.TAG:
                    token.plain = ""
                    token.markdown = ""
                elif token.plain.strip() or token.markdown.strip():
                    break
        _collapse_whitespace(tokens)
    return InlineText(tokens)


def _collapse_whitespace(tokens: Sequence[InlineToken]) -> None:
    """Collapse whitespace to single spaces, and strip it from both ends of a block.

    A run of whitespace may extend over several tokens. If it contains hard line breaks, the
    Markdown keeps the first of them. It also keeps the spaces beside pictures, which have no plain
    text.
    """
    is_after_space = is_after_break = True
    picture: InlineToken | None = None  # the last one after the latest text
    for token in tokens:
        if token.kind in (MarkupKind.TEXT, MarkupKind.BREAK):
            plain = re.sub(r"\s+", " ", token.plain)
            if is_after_space and plain.startswith(" "):
                plain = plain[1:]
                if picture:
                    picture.markdown += " "
                    picture = None
            is_break = token.markdown == HARD_BREAK and not is_after_break
            if plain != token.plain:
                token.plain = plain
                token.markdown = HARD_BREAK if is_break else plain
            is_after_break |= is_break
        if token.plain:
            is_after_space = token.plain.endswith(" ")
            is_after_break &= not token.plain.strip()
            picture = None
        elif token.is_embedded_media:
            is_after_break = False
            picture = token
    for token in reversed(tokens):
        if token.kind in (MarkupKind.TEXT, MarkupKind.BREAK) and token.plain[-1:] == " ":
            token.plain = token.markdown = token.plain.rstrip(" ")
            if picture:
                picture.markdown = f" {picture.markdown}"
        if token.plain:
            break
        if token.is_embedded_media:
            picture = token


class MarkedPicture(NamedTuple):
    """A picture inside a highlight that contains no text."""

    start: int
    """The image's offset in the plain text of the block. The image itself has no plain text."""
    mark_kind: str
    """The kind of mark, as in `MarkedPhrase.mark_kind`."""
    colour: str
    markdown: str


# --- the text of a block --------------------------------------------------------------

_BLOCK_MARKER = regex(r"(?:#{1,6}|[>+*-]|\d{1,9}(?=[.)]))(?=[.)]?(?:\s|$))")


class InlineText:
    """The parsed inline text of a block."""

    def __init__(self, tokens: list[InlineToken]) -> None:
        self.tokens = tokens
        start = 0
        for token in tokens:
            token.start = start
            start = token.end
        self.plain = "".join([token.plain for token in tokens])

    @cached_property
    def link_targets(self) -> list[tuple[Span, str]]:
        """The links in order, as (plain-text span, target) pairs."""
        targets = []
        for token in self.tokens:
            if token.target:
                last = token.closer or token
                targets.append(((token.start, last.end), token.target))
        return targets

    @property
    def is_footnote(self) -> bool:
        """Whether the block begins with a footnote label, e.g. `[^1]:`."""
        return bool(self.tokens) and self.tokens[0].detail.startswith(
            FOOTNOTE_LABEL_PREFIX
        )

    def render_footnotes(self) -> dict[str, str]:
        """Return the Markdown of each footnote whose text is in the block, keyed by label."""
        labels = []
        for token in self.tokens:
            if token.detail.startswith(FOOTNOTE_LABEL_PREFIX):
                labels.append(
                    (token.detail.removeprefix(FOOTNOTE_LABEL_PREFIX), token.start)
                )
        texts = {}
        ends = [start for _, start in labels[1:]]
        for (label, start), end in zip(labels, [*ends, len(self.plain)], strict=False):
            texts[label], _ = self.render_range(*trim_span(self.plain, start, end))
        return texts

    def find_footnotes(self, start: int, end: int) -> list[str]:
        """Return the footnotes referenced between two offsets in the plain text.

        A reference directly at `end` is included, because it comes after the text it belongs to.
        Each footnote is a label, e.g. `1`.
        """
        footnotes = []
        for token in self.tokens:
            if start <= token.start <= end and token.detail.startswith(FOOTNOTE_PREFIX):
                footnotes.append(token.detail.removeprefix(FOOTNOTE_PREFIX))
        return footnotes

    @property
    def tags(self) -> Strings:
        """The tags in the block, without `#`."""
        return tuple(
            [token.detail for token in self.tokens if token.kind is MarkupKind.TAG]
        )

    def is_line_end(self, offset: int) -> bool:
        """Return whether a source line ends at this offset in the plain text."""
        tokens = self._find_tokens_starting_in(offset - 1, offset)
        return any(token.kind is MarkupKind.BREAK for token in tokens)

    def _find_tokens_starting_in(self, first: int, last: int) -> Sequence[InlineToken]:
        """Return the tokens that start in [first, last]."""
        begin = bisect_left(self.tokens, first, key=_BY_START)
        return self.tokens[begin : bisect_right(self.tokens, last, key=_BY_START)]

    def find_lines(self) -> list[Span]:
        """Return the plain-text span of each source line."""
        spans = []
        start = 0
        for token in self.tokens:
            if token.kind is MarkupKind.BREAK:
                spans.append((start, token.start))
                start = token.end
        return [*spans, (start, len(self.plain))]

    def is_bold(self, start: int, end: int) -> bool:
        """Return whether a single bold phrase covers [start, end)."""
        return any(
            phrase.mark_kind == "bold" and phrase.start <= start and end <= phrase.end
            for phrase in self.marked_phrases
        )

    def has_picture_or_edge_at(self, offset: int) -> bool:
        """Return whether a picture, or the edge of an HTML block, is at this offset."""
        return any(
            token.is_embedded_media or token.detail == BLOCK_EDGE
            for token in self._find_tokens_starting_in(offset, offset)
        )

    # --- sentences

    def find_sentences(self) -> list[Span]:
        """Return the plain-text span of each sentence.

        Sentences never end inside code, maths, URLs or the text of a wiki link.
        """
        masked_texts = []
        edges: set[int] = set()
        for token in self.tokens:
            masked_texts.append(
                "X" * len(token.plain) if token.kind is MarkupKind.OPAQUE else token.plain
            )
            if token.detail == BLOCK_EDGE:
                edges.add(token.start)
        for edge in find_sentence_starts("".join(masked_texts)):
            token = self.tokens[bisect_right(self.tokens, edge, key=_BY_START) - 1]
            if edge in (token.start, token.end) or token.kind is MarkupKind.TEXT:
                edges.add(edge)
        return find_sentence_spans(self.plain, sorted(edges))

    # --- marks

    def mask_markup(self) -> str:
        """Return the plain text with all text inside special markup masked.

        Each character of a highlight, cloze deletion, wiki link, URL, tag, code or maths becomes
        `…`, so that offsets stay the same.
        """
        depth = 0
        parts = []
        for token in self.tokens:
            if token.kind in (MarkupKind.MARK, MarkupKind.GAP):
                depth += bool(token.closer) - bool(token.opener)
            if token.kind in (MarkupKind.TEXT, MarkupKind.BREAK) and not depth:
                parts.append(token.plain)
            else:
                parts.append("…" * len(token.plain))
        return "".join(parts)

    @cached_property
    def marked_phrases(self) -> tuple[MarkedPhrase, ...]:
        """The highlighted or bold phrases and cloze deletions that contain text, sorted by start.

        Bold text that spans several lines isn't included.
        """
        phrases = []
        for opener in self.tokens:
            closer = opener.closer
            if closer is None:
                continue
            marker = _get_mark_kind(opener)
            if not marker:
                continue
            span = trim_span(self.plain, opener.end, closer.start)
            if span[0] == span[1]:
                continue
            inner_tokens = get_inner_tokens(self.tokens, opener)
            has_break = any(token.kind is MarkupKind.BREAK for token in inner_tokens)
            if marker == "bold" and has_break:
                continue
            detail = "" if marker == "==" else opener.detail
            phrases.append(MarkedPhrase(opener, closer, span, marker, detail))
        return tuple(phrases)

    @property
    def clozes(self) -> list[MarkedPhrase]:
        """The cloze deletions that contain text, sorted by start."""
        return [phrase for phrase in self.marked_phrases if phrase.mark_kind == "{{"]

    @cached_property
    def marked_pictures(self) -> tuple[MarkedPicture, ...]:
        """The pictures in highlights without any text, in order."""
        pictures = []
        for opener in self.tokens:
            if opener.kind is not MarkupKind.MARK:
                continue
            inner_tokens = get_inner_tokens(self.tokens, opener)
            if any(token.plain.strip() for token in inner_tokens):
                continue
            marker = _get_mark_kind(opener)
            colour = "" if marker == "==" else opener.detail
            for token in inner_tokens:
                if token.is_embedded_media:
                    markdown = token.markdown.strip()
                    pictures.append(MarkedPicture(opener.start, marker, colour, markdown))
        return tuple(pictures)

    @property
    def picture_cloze_openers(self) -> list[InlineToken]:
        """The opening tokens of cloze deletions that contain a picture."""
        openers = []
        for token in self.tokens:
            if token.kind is MarkupKind.GAP:
                inner_tokens = get_inner_tokens(self.tokens, token)
                if any(each.is_embedded_media for each in inner_tokens):
                    openers.append(token)
        return openers

    # --- Markdown

    def render_range(
        self,
        start: int,
        end: int,
        phrases: Sequence[MarkedPhrase] = (),
        keep_bold: bool = True,
        is_side: bool = False,
    ) -> tuple[str, tuple[Span, ...]]:
        """Render [start, end) of the plain text as Markdown.

        Emphasis that crosses a boundary of the range or of a phrase is dropped. If the range
        reaches the start or end of the block, any pictures there are included.

        Args:
            start: The start of the range.
            end: The end of the range.
            phrases: Non-overlapping phrases in the range, in order.
            keep_bold: Whether to keep strong emphasis.
            is_side: Whether the range is one side of a card. If so, adjacent pictures are
                included and web links kept. Otherwise, only the text of links is kept.

        Returns:
            The Markdown, and the span of each phrase in it.
        """
        token_range = self._find_token_range(start, end)
        if is_side:
            token_range, start, end = self._extend_to_pictures(token_range, start, end)
        phrase_by_token: dict[InlineToken, MarkedPhrase] = {}
        for phrase in phrases:
            phrase_tokens = (phrase.opener, *get_inner_tokens(self.tokens, phrase.opener))
            phrase_by_token.update(dict.fromkeys(phrase_tokens, phrase))
        renderer = _RangeRenderer(
            token_range, start, end, phrase_by_token, keep_bold, is_side
        )
        text = ""
        offset_before = dict[InlineToken, int]()
        offset_after = dict[InlineToken, int]()
        for token in self.tokens[token_range.start : token_range.stop]:
            offset_before[token] = len(text)
            markdown = renderer.render_token(token)
            is_start = not text and token.kind is MarkupKind.TEXT
            if is_start and (marker := _BLOCK_MARKER.match(markdown)):
                # for a number, escape the full stop or bracket after it
                position = marker.end() if marker[0].isdigit() else 0
                markdown = f"{markdown[:position]}\\{markdown[position:]}"
            text += markdown if text else markdown.lstrip()
            offset_after[token] = len(text)

        spans = []
        for phrase in phrases:
            span_start = offset_after.get(phrase.opener, 0)
            span_end = offset_before.get(phrase.closer, len(text))
            spans.append(trim_span(text, span_start, span_end))
        return text.rstrip(), tuple(spans)

    def render_without_marks(self, *, keep_links: bool = False) -> str:
        """Render the block as Markdown without the markup of highlights and clozes.

        Web links become plain text, unless `keep_links` is set.
        """
        parts = list[str]()
        for token in self.tokens:
            if keep_links and token.kind is MarkupKind.INVISIBLE:
                parts.append(_render_link_bracket(token))
            elif token.kind not in _HIDDEN_KINDS:
                parts.append(token.markdown)
        return "".join(parts)

    def render_cloze(self) -> str:
        """Render the block as Markdown in which every cloze deletion has a number: `{{c1::…}}`.

        Cloze deletions without a number get numbers above the highest one in the block.
        """
        gaps = [token for token in self.tokens if token.kind is MarkupKind.GAP]
        numbers = [
            int(number) for gap in gaps for number in re.findall(r"\d+", gap.detail)
        ]
        next_numbers = count(max(numbers, default=0) + 1)
        text = ""
        opener = ""  # the opener of a cloze that begins at the current position
        for token in self.tokens:
            markdown = token.markdown
            if token.kind is MarkupKind.GAP and token.closer:
                opener = f"{{{{c{token.detail or next(next_numbers)}::"
                text += opener
                continue
            if token.kind is MarkupKind.GAP:
                # move a space at the end of the answer or of the hint out of the cloze
                closer = markdown if markdown.startswith("::") else "}}"
                has_space = text.endswith(" ") or markdown.endswith(" ")
                text = text.rstrip(" ") + closer.rstrip(" ") + " " * has_space
            elif token.kind is not MarkupKind.MARK:
                if token.kind is MarkupKind.INVISIBLE:
                    markdown = _render_link_bracket(token)
                if opener and markdown.startswith(" "):
                    # move a space at the start of the answer out of the cloze
                    text = f"{text.removesuffix(opener)} {opener}"
                    markdown = markdown.lstrip(" ")
                text += markdown
            opener = ""
        return text

    def _extend_to_pictures(
        self, token_range: range, start: int, end: int
    ) -> tuple[range, int, int]:
        first, stop = token_range.start, token_range.stop
        picture_before = _find_last_picture(reversed(self.tokens[:first]))
        # the space before the first word may be in the same token as the word
        if picture_before and not self.plain[picture_before.start : start].strip():
            first = picture_before.index
            start = picture_before.start
        picture_after = _find_last_picture(self.tokens[stop:])
        if picture_after and not self.plain[end : picture_after.start].strip():
            stop = picture_after.index + 1
            end = picture_after.start
        return range(first, stop), start, end

    def _find_token_range(self, start: int, end: int) -> range:
        """Return the indexes of the tokens that make up [start, end) of the plain text.

        Opening and closing tokens at either end are included.
        """
        tokens = self.tokens
        first = len(tokens)
        if start < len(self.plain):
            first = bisect_right(tokens, start, key=_BY_START) - 1
        while first and tokens[first - 1].end == start:
            previous_token = tokens[first - 1]
            # an empty range may be a picture inside a link
            ends_link = start == end and previous_token.kind is MarkupKind.INVISIBLE
            if previous_token.plain or (previous_token.opener and not ends_link):
                break
            first -= 1
        stop = bisect_right(tokens, end - 1, key=_BY_START)
        while stop < len(tokens) and tokens[stop].start == end:
            next_token = tokens[stop]
            # a picture has no plain text, so only an empty range includes it
            if not next_token.opener and not (start == end and not next_token.plain):
                break
            stop += 1
        # a range that reaches an end of the block includes all markup and pictures there
        if not self.plain[:start].strip():
            first = 0
        if not self.plain[end:].strip():
            stop = len(tokens)
        return range(first, stop)


@dataclass(slots=True)
class _RangeRenderer:
    token_range: range
    start: int
    end: int
    phrase_by_token: dict[InlineToken, MarkedPhrase]
    """Maps the opening token of each phrase, and the tokens inside the phrase, to the phrase."""
    keep_bold: bool
    """Whether to keep strong emphasis."""
    links: bool = False
    """Whether to keep links to the web."""

    def render_token(self, token: InlineToken) -> str:
        """Return the Markdown of a token, or of the part of the token inside the range."""
        if token.kind is MarkupKind.TEXT:
            first = max(0, self.start - token.start)
            return token.markdown[first : max(0, self.end - token.start)]
        if token.kind in _HIDDEN_KINDS:
            return ""
        partner = token.closer or token.opener
        has_partner = partner is not None and partner.index in self.token_range
        if token.kind is MarkupKind.EMPHASIS:
            if not has_partner or (
                not self.keep_bold and _get_mark_kind(token) == "bold"
            ):
                return ""
            phrases = [
                self.phrase_by_token.get(each) for each in (token, partner) if each
            ]
            return token.markdown if phrases[0] is phrases[-1] else ""
        if self.links and token.kind is MarkupKind.INVISIBLE and has_partner:
            return _render_link_bracket(token)
        return "" if token.plain and token.start >= self.end else token.markdown


def _find_last_picture(tokens: Iterable[InlineToken]) -> InlineToken | None:
    """Return the last of the pictures before the first text, or None if there are none."""
    last = None
    for token in tokens:
        if token.plain.strip():
            break
        if token.is_embedded_media:
            last = token
    return last


# The URLs that Anki opens, and the characters in them that would end the URL in our
# Markdown or end a gap around the link.
_WEB_URL = regex(r"(?i)https?://")
_SPECIAL_IN_URL = regex(r"[\s()<>{}|\\]|::")


def _render_link_bracket(token: InlineToken) -> str:
    opener = token.opener or token
    closer = opener.closer
    if closer is None or not _WEB_URL.match(opener.target) or opener.end == closer.start:
        return ""
    if token is opener:
        return "["
    url = _SPECIAL_IN_URL.sub(lambda special: quote(special[0], safe=""), opener.target)
    return f"]({url})"


def _get_mark_kind(token: InlineToken) -> str:
    if token.kind is MarkupKind.MARK:
        return "==" if token.markdown == "==" else "mark"
    if token.kind is MarkupKind.GAP:
        return "{{"
    return "bold" if (token.detail == "strong" or token.markdown == "<b>") else ""


def select_outermost(phrases: Iterable[MarkedPhrase]) -> tuple[MarkedPhrase, ...]:
    """Return the phrases that aren't nested in another phrase, sorted by start.

    If phrases overlap, only the first is returned.
    """
    outer_phrases: list[MarkedPhrase] = []
    for phrase in sorted(phrases, key=lambda phrase: (phrase.start, -phrase.end)):
        if not outer_phrases or phrase.start >= outer_phrases[-1].end:
            outer_phrases.append(phrase)
    return tuple(outer_phrases)


# --- several blocks as one text -------------------------------------------------------

_FENCE = regex(rf"(?mx)^{FENCE_PATTERN}")
_TAG = regex(r"#(?=[\w/-]*[^\W\d])[\w/-]+")
_LEADING_TAGS = regex(rf"\A(?:{_TAG.pattern}:?(?:\s+|\Z))+")
_COMMENT_LINES = regex(rf"(?m)^[ \t>]*{COMMENT_FILLER}[{COMMENT_FILLER} \t]*\n?")
# The type of a callout in brackets, which isn't shown in Obsidian but would be elsewhere.
_CALLOUT_MARKER = regex(r"(?m)^((?:[ \t]*>)+[ \t]*)\[![^\[\]\n]+\][+-]?[ \t]*")
# A single space at the end of a line. Two spaces would be a line break.
_SINGLE_TRAILING_SPACE = regex(r"(?m)(?<![ \t])[ \t]$")


def render_blocks(
    text: str,
    context: InlineContext,
    *,
    keep_clozes: bool = False,
    keep_links: bool = False,
) -> str:
    """Render the source of blocks, such as a side of a card, as Markdown without highlights.

    Fenced code isn't changed.

    Args:
        text: The source of the blocks.
        context: The parsing context of the note.
        keep_clozes: Whether to keep cloze deletions and web links.
        keep_links: Whether to keep web links even if cloze deletions are not kept.
    """
    text = _CALLOUT_MARKER.sub(r"\1", _COMMENT_LINES.sub("", text))
    verbatim = context._replace(is_verbatim=True)
    fences = [fence.span() for fence in _FENCE.finditer(text)]
    parts = []
    previous_end = 0
    for start, end in [*fences, (len(text), len(text))]:
        inline = parse_inline(text[previous_end:start], verbatim)
        if keep_clozes:
            markdown = inline.render_cloze()
        else:
            markdown = inline.render_without_marks(keep_links=keep_links)
        parts.append(_SINGLE_TRAILING_SPACE.sub("", markdown))
        parts.append(restore_placeholders(text[start:end], context.maths))
        previous_end = end
    return strip_tags("".join(parts).strip("\n"))


def strip_tags(markdown: str) -> str:
    """Strip tags from the start and end of a Markdown text."""
    text = _LEADING_TAGS.sub("", markdown)
    while not text[-1:].isspace():
        *before, last = text.rsplit(maxsplit=1) or [""]
        if not _TAG.fullmatch(last):
            break
        text = before[0] if before else ""
    return text.strip()
