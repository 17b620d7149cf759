"""The text of a block, any part of which can be rendered as plain text or Markdown.

A text is a sequence of tokens. A sentence, a phrase or a side of a card is a range of them, so its
plain text and its Markdown come from the same parse. `inline_parser` creates the tokens.
"""

from __future__ import annotations

from bisect import bisect_left, bisect_right
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from enum import Enum, StrEnum, auto
from functools import cached_property
from itertools import count, zip_longest
from operator import attrgetter
from typing import ClassVar, NamedTuple
from urllib.parse import quote

from ankiforge.model import Span, Strings
from ankiforge.text import regex
from ankiforge.text.sentences import find_sentence_spans, find_sentence_starts, trim_span

# --- tokens ---------------------------------------------------------------------------

HARD_BREAK = "  \n"
"""The Markdown of a hard line break."""


class TokenKind(Enum):
    """The kinds of tokens."""

    TEXT = auto()
    """Text that may be cut at any character."""
    ATOM = auto()
    """An indivisible piece of text: the name of a link, a URL, an escape or an entity."""
    OPAQUE = auto()
    """Code, maths or a template field, within which no sentence ends."""
    TAG = auto()
    LINE_END = auto()
    """A line end in the source, or a `<br>`."""
    BLOCK_EDGE = auto()
    """The edge of an HTML block, at which a line ends too."""
    PICTURE = auto()
    """An embedded file that is shown or played. It has no plain text."""
    FOOTNOTE_LABEL = auto()
    """A label before the text of a footnote, such as `[^1]:`."""
    FOOTNOTE = auto()
    """A reference to a footnote, such as `[^1]`."""
    INVISIBLE = auto()
    """Markup that isn't shown, such as most HTML tags."""
    DELIMITER = auto()
    """The start or end of an `Enclosure`. It has no plain text."""


@dataclass(slots=True, eq=False)
class Token:
    """A piece of the text of a block, with both its plain text and its Markdown."""

    kind: TokenKind
    plain: str = ""
    markdown: str = ""
    name: str = ""
    """The name of a tag, or the label of a footnote."""
    target: str = ""
    """Where a link leads, in its first token: a URL, or `[[Note#Part]]` for `[[…]]` and
    `![[…]]`."""
    enclosure: Enclosure | None = None
    """What the token begins or ends, if it is a delimiter."""
    index: int = 0
    """The index of the token within the block."""
    start: int = 0
    """The start offset in the plain text of the block."""
    type: ClassVar[str] = ""
    """markdown-it's rule for `~~` reads the type of adjacent tokens."""

    def erase(self) -> None:
        """Make the token invisible, so that it has neither plain text nor Markdown."""
        self.plain = ""
        self.markdown = ""

    @property
    def end(self) -> int:
        """The end offset in the plain text of the block."""
        return self.start + len(self.plain)

    @property
    def ends_line(self) -> bool:
        """Whether a line ends here."""
        return self.kind in (TokenKind.LINE_END, TokenKind.BLOCK_EDGE)

    @property
    def is_spaced_text(self) -> bool:
        """Whether the whitespace in the token may be collapsed."""
        return self.kind is TokenKind.TEXT or self.ends_line

    @property
    def is_embedded_media(self) -> bool:
        """Whether the token is an embedded picture, sound or video."""
        return self.kind is TokenKind.PICTURE and bool(self.markdown)

    @property
    def ends_enclosure(self) -> bool:
        """Whether the token is the last of an enclosure."""
        return self.enclosure is not None and self.enclosure.closer is self


class MarkKind(StrEnum):
    """The kinds of marked phrases. The values are those of the setting `marks`, except for GAP."""

    HIGHLIGHT = "=="
    ELEMENT = "mark"
    BOLD = "bold"
    GAP = "{{"
    """The answer of a cloze deletion."""


@dataclass(slots=True, eq=False)
class Enclosure:
    """Tokens between a start and an end, such as a link or emphasised text."""

    opener: Token
    closer: Token
    mark_kind: MarkKind | None = None
    """The kind of marked phrase that this is, or None. Bold text has a kind, too."""


class Link(Enclosure):
    """A link with a text. Its opener has the target."""


class Emphasis(Enclosure):
    """Text in bold, italics or another style. The delimiters have their markup as Markdown."""


@dataclass(slots=True, eq=False)
class Mark(Enclosure):
    """Highlighted text."""

    colour: str | None = None


@dataclass(slots=True, eq=False)
class Gap(Enclosure):
    """A cloze deletion."""

    numbers: str | None = None
    """The numbers of the cards that hide the answer, such as `1` or `1,2`, or None if not given."""
    hint: str | None = None
    """The Markdown of the hint, or None."""
    has_double_braces: bool = True
    """Whether it is written in double braces, so that it is a gap for everyone."""


class MarkedPhrase(NamedTuple):
    """A highlighted or bold phrase or a cloze deletion that contains text."""

    enclosure: Enclosure
    span: Span
    """The phrase's span in the plain text of the block, without surrounding whitespace."""
    mark_kind: MarkKind
    colour: str | None = None

    @property
    def start(self) -> int:
        """The start offset in the plain text of the block."""
        return self.span[0]

    @property
    def end(self) -> int:
        """The end offset in the plain text of the block."""
        return self.span[1]


class MarkedPicture(NamedTuple):
    """A picture inside a highlight that contains no text."""

    start: int
    """The highlight's offset in the plain text of the block. The picture has no plain text."""
    mark_kind: MarkKind
    colour: str | None
    markdown: str


def select_outermost(phrases: Iterable[MarkedPhrase]) -> tuple[MarkedPhrase, ...]:
    """Return the phrases that aren't nested in another phrase, sorted by start.

    If phrases overlap, only the first is returned.
    """
    outer_phrases: list[MarkedPhrase] = []
    for phrase in sorted(phrases, key=lambda phrase: (phrase.start, -phrase.end)):
        if not outer_phrases or phrase.start >= outer_phrases[-1].end:
            outer_phrases.append(phrase)
    return tuple(outer_phrases)


# --- the text of a block --------------------------------------------------------------

_BY_START = attrgetter("start")


class _Range(NamedTuple):
    """A part of the text of a block."""

    first: int
    """[first, stop) are the indexes of the tokens."""
    stop: int
    start: int
    """[start, end) is the span in the plain text."""
    end: int


class InlineText:
    """The parsed inline text of a block."""

    def __init__(
        self, tokens: Sequence[Token], enclosures: Sequence[Enclosure] = ()
    ) -> None:
        """Create a text from its tokens, and from the enclosures in the order of their openers."""
        self.tokens = tokens
        self.enclosures = enclosures
        start = 0
        for token in tokens:
            token.start = start
            start = token.end
        self.plain = "".join([token.plain for token in tokens])

    def _iter_tokens(self, kind: TokenKind) -> Iterator[Token]:
        for token in self.tokens:
            if token.kind is kind:
                yield token

    def _get_inner_tokens(self, enclosure: Enclosure) -> Sequence[Token]:
        return self.tokens[enclosure.opener.index + 1 : enclosure.closer.index]

    @cached_property
    def link_targets(self) -> list[tuple[Span, str]]:
        """The links in order, as (plain-text span, target) pairs."""
        targets = []
        for token in self.tokens:
            if token.target:
                last = token.enclosure.closer if token.enclosure else token
                targets.append(((token.start, last.end), token.target))
        return targets

    @property
    def tags(self) -> Strings:
        """The tags in the block, without `#`."""
        return tuple([token.name for token in self._iter_tokens(TokenKind.TAG)])

    # --- footnotes

    @property
    def is_footnote(self) -> bool:
        """Whether the block begins with a footnote label, e.g. `[^1]:`."""
        first_kinds = [token.kind for token in self.tokens[:1]]
        return TokenKind.FOOTNOTE_LABEL in first_kinds

    def render_footnotes(self) -> dict[str, str]:
        """Return the Markdown of each footnote whose text is in the block, keyed by label."""
        labels = list(self._iter_tokens(TokenKind.FOOTNOTE_LABEL))
        texts = {}
        for label, next_label in zip_longest(labels, labels[1:]):
            end = next_label.start if next_label else len(self.plain)
            texts[label.name], _ = self.render_range(
                *trim_span(self.plain, label.start, end)
            )
        return texts

    def find_footnotes(self, start: int, end: int) -> list[str]:
        """Return the labels of the footnotes referenced between two offsets in the plain text.

        A reference directly at `end` is included, because it comes after the text it belongs to.
        """
        references = self._iter_tokens(TokenKind.FOOTNOTE)
        return [token.name for token in references if start <= token.start <= end]

    # --- lines and sentences

    def is_line_end(self, offset: int) -> bool:
        """Return whether a source line ends at this offset in the plain text."""
        tokens = self._find_tokens_starting_in(offset - 1, offset)
        return any(token.ends_line for token in tokens)

    def has_picture_or_edge_at(self, offset: int) -> bool:
        """Return whether a picture, or the edge of an HTML block, is at this offset."""
        for token in self._find_tokens_starting_in(offset, offset):
            if token.is_embedded_media or token.kind is TokenKind.BLOCK_EDGE:
                return True
        return False

    def _find_tokens_starting_in(self, first: int, last: int) -> Sequence[Token]:
        """Return the tokens that start in [first, last]."""
        begin = bisect_left(self.tokens, first, key=_BY_START)
        return self.tokens[begin : bisect_right(self.tokens, last, key=_BY_START)]

    def find_lines(self) -> list[Span]:
        """Return the plain-text span of each source line."""
        spans = []
        start = 0
        for token in self.tokens:
            if token.ends_line:
                spans.append((start, token.start))
                start = token.end
        return [*spans, (start, len(self.plain))]

    def find_sentences(self) -> list[Span]:
        """Return the plain-text span of each sentence.

        Sentences never end inside code, maths, URLs or the text of a wiki link.
        """
        starts = {token.start for token in self._iter_tokens(TokenKind.BLOCK_EDGE)}
        for start in find_sentence_starts(self._mask_opaque_tokens()):
            token = self.tokens[bisect_right(self.tokens, start, key=_BY_START) - 1]
            is_at_edge = start in (token.start, token.end)
            if token.kind is TokenKind.TEXT or is_at_edge:
                starts.add(start)
        return find_sentence_spans(self.plain, sorted(starts))

    def _mask_opaque_tokens(self) -> str:
        """Return the plain text with `X` for each character of code and maths."""
        text = ""
        for token in self.tokens:
            if token.kind is TokenKind.OPAQUE:
                text += "X" * len(token.plain)
            else:
                text += token.plain
        return text

    # --- marks

    def mask_markup(self) -> str:
        """Return the plain text with all text inside special markup masked.

        Each character of a highlight, cloze deletion, wiki link, URL, tag, code or maths becomes
        `…`, so that offsets stay the same.
        """
        text = ""
        mark_end = 0  # the index of the token after which no mark is open
        for token in self.tokens:
            if isinstance(token.enclosure, Mark | Gap):
                mark_end = max(mark_end, token.enclosure.closer.index)
            is_in_mark = token.index < mark_end
            if is_in_mark or not token.is_spaced_text:
                text += "…" * len(token.plain)
            else:
                text += token.plain
        return text

    @cached_property
    def marked_phrases(self) -> tuple[MarkedPhrase, ...]:
        """The highlighted or bold phrases and cloze deletions that contain text, sorted by start.

        Bold text that spans several lines isn't included.
        """
        phrases = []
        for enclosure in self.enclosures:
            kind = enclosure.mark_kind
            span = trim_span(self.plain, enclosure.opener.end, enclosure.closer.start)
            if kind is None or span[0] == span[1]:
                continue
            inner_tokens = self._get_inner_tokens(enclosure)
            if kind is MarkKind.BOLD and any(each.ends_line for each in inner_tokens):
                continue
            phrase = MarkedPhrase(enclosure, span, kind)
            if isinstance(enclosure, Mark):
                phrase = phrase._replace(colour=enclosure.colour)
            phrases.append(phrase)
        return tuple(phrases)

    def is_bold(self, start: int, end: int) -> bool:
        """Return whether a single bold phrase covers [start, end)."""
        for phrase in self.marked_phrases:
            if phrase.mark_kind is MarkKind.BOLD:
                if phrase.start <= start and end <= phrase.end:
                    return True
        return False

    @property
    def clozes(self) -> list[MarkedPhrase]:
        """The cloze deletions that contain text, sorted by start."""
        phrases = self.marked_phrases
        return [phrase for phrase in phrases if phrase.mark_kind is MarkKind.GAP]

    @property
    def gaps_with_content(self) -> list[Gap]:
        """The cloze deletions that contain text or a picture."""
        gaps = []
        for gap in self.enclosures:
            if not isinstance(gap, Gap):
                continue
            text = self.plain[gap.opener.end : gap.closer.start]
            if text.strip() or self._find_pictures(gap):
                gaps.append(gap)
        return gaps

    def _find_pictures(self, enclosure: Enclosure) -> list[Token]:
        inner_tokens = self._get_inner_tokens(enclosure)
        return [token for token in inner_tokens if token.is_embedded_media]

    @cached_property
    def marked_pictures(self) -> tuple[MarkedPicture, ...]:
        """The pictures in highlights without any text, in order."""
        pictures = []
        for mark in self.enclosures:
            if not isinstance(mark, Mark) or mark.mark_kind is None:
                continue
            start = mark.opener.start
            if self.plain[start : mark.closer.start].strip():
                continue
            for picture in self._find_pictures(mark):
                markdown = picture.markdown.strip()
                pictures.append(
                    MarkedPicture(start, mark.mark_kind, mark.colour, markdown)
                )
        return tuple(pictures)

    # --- a range as Markdown

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
        covered = self._find_range(start, end)
        if is_side:
            covered = self._include_pictures_beside(covered)
        renderer = _RangeRenderer(covered, _number_phrases(phrases), keep_bold, is_side)
        text = ""
        offsets = {covered.first: 0}
        """Maps the index of each token to its offset in `text`."""
        for token in self.tokens[covered.first : covered.stop]:
            markdown = renderer.render_token(token)
            if not text:
                markdown = markdown.lstrip()
                if token.kind is TokenKind.TEXT:
                    markdown = _escape_block_marker(markdown)
            text += markdown
            offsets[token.index + 1] = len(text)

        spans = []
        for phrase in phrases:
            phrase_start = offsets.get(phrase.enclosure.opener.index + 1, 0)
            phrase_end = offsets.get(phrase.enclosure.closer.index, len(text))
            spans.append(trim_span(text, phrase_start, phrase_end))
        return text.rstrip(), tuple(spans)

    def _find_range(self, start: int, end: int) -> _Range:
        """Find the tokens that make up [start, end) of the plain text.

        The first and last token of the block are included if only whitespace is before the start
        or after the end. If the range is empty, it is that of a picture.
        """
        is_empty = start == end
        first = 0
        if self.plain[:start].strip():
            first = self._find_first_token(start, is_empty)
        stop = len(self.tokens)
        if self.plain[end:].strip():
            stop = self._find_stop_token(end, is_empty)
        return _Range(first, stop, start, end)

    def _find_first_token(self, start: int, is_empty: bool) -> int:
        """Return the index of the first token of a range that begins at an offset.

        In `a **b** c`, the range of `b` begins with the `**` before it. That of ` c` doesn't,
        because that `**` ends something.
        """
        first = len(self.tokens)
        if start < len(self.plain):
            first = bisect_right(self.tokens, start, key=_BY_START) - 1
        for previous in reversed(self.tokens[:first]):
            if previous.end != start or previous.plain:
                break
            if previous.ends_enclosure:
                # an empty range may be a picture inside a link
                if not is_empty or not isinstance(previous.enclosure, Link):
                    break
            first -= 1
        return first

    def _find_stop_token(self, end: int, is_empty: bool) -> int:
        """Return the index of the token after a range that ends at an offset.

        In `a **b** c`, the range of `b` ends after the `**` behind it. That of `a ` ends before
        the first `**`, because that begins something.
        """
        stop = bisect_right(self.tokens, end - 1, key=_BY_START)
        for following in self.tokens[stop:]:
            if following.start != end:
                break
            # a picture has no plain text, so only an empty range includes it
            is_picture = is_empty and not following.plain
            if not following.ends_enclosure and not is_picture:
                break
            stop += 1
        return stop

    def _include_pictures_beside(self, covered: _Range) -> _Range:
        """Extend a range to the pictures before and after it, if no text is in between."""
        before = _find_last_picture(reversed(self.tokens[: covered.first]))
        # the space before the first word may be in the same token as the word
        if before and not self.plain[before.start : covered.start].strip():
            covered = covered._replace(first=before.index, start=before.start)
        after = _find_last_picture(self.tokens[covered.stop :])
        if after and not self.plain[covered.end : after.start].strip():
            covered = covered._replace(stop=after.index + 1, end=after.start)
        return covered

    # --- the whole text as Markdown

    def render_without_marks(self, *, keep_links: bool = False) -> str:
        """Render the block as Markdown without the markup of highlights and clozes.

        Web links become plain text, unless `keep_links` is set.
        """
        if keep_links:
            return "".join(map(_render_with_links, self.tokens))
        return "".join([token.markdown for token in self.tokens])

    def render_cloze(self) -> str:
        """Render the block as Markdown in which every cloze deletion has a number: `{{c1::…}}`.

        Cloze deletions without a number get numbers above the highest one in the block. Spaces at
        the start and end of an answer are moved out of it: `a{{ b }}c` becomes `a {{c1::b}} c`.
        """
        free_numbers = count(self._find_highest_gap_number() + 1)
        text = ""
        opening = (
            ""  # `{{c1::`, which is added after the spaces at the start of the answer
        )
        for token in self.tokens:
            gap = token.enclosure
            if not isinstance(gap, Gap):
                markdown = _render_with_links(token)
                if opening and markdown.startswith(" "):
                    text += " "
                    markdown = markdown.lstrip(" ")
                text += opening + markdown
                opening = ""
            elif token is gap.opener:
                text += opening  # of a cloze that begins with this one
                opening = f"{{{{c{gap.numbers or next(free_numbers)}::"
            else:
                text = _close_cloze(text + opening, gap.hint)
                opening = ""
        return text

    def _find_highest_gap_number(self) -> int:
        """Return the highest number of a cloze deletion, or 0 if none has a number."""
        highest = 0
        for gap in self.enclosures:
            if isinstance(gap, Gap) and gap.numbers:
                highest = max(highest, *map(int, gap.numbers.split(",")))
        return highest


def _close_cloze(text: str, hint: str | None) -> str:
    """Add the end of a cloze to a text. A space at the end of the answer is moved after it.

    For example, `{{c1::b ` becomes `{{c1::b}} `.
    """
    if hint:
        text += f"::{hint}"
    answer = text.rstrip(" ")
    if answer == text:
        return f"{text}}}}}"
    return f"{answer}}}}} "


# --- one token as Markdown ------------------------------------------------------------


@dataclass(slots=True)
class _RangeRenderer:
    """Renders the tokens of a part of a text."""

    covered: _Range
    phrase_numbers: Mapping[int, int]
    """See `_number_phrases`."""
    keep_bold: bool
    """Whether to keep strong emphasis."""
    keep_links: bool
    """Whether to keep links to the web."""

    def render_token(self, token: Token) -> str:
        """Return the Markdown of a token, or of the part of the token inside the range."""
        if token.kind is TokenKind.DELIMITER:
            return self._render_delimiter(token)
        if token.kind is TokenKind.TEXT:
            # only a text can be cut, because its Markdown has the same offsets as its plain text
            first = max(0, self.covered.start - token.start)
            last = max(0, self.covered.end - token.start)
            return token.markdown[first:last]
        if token.plain and token.start >= self.covered.end:
            return ""
        return token.markdown

    def _render_delimiter(self, token: Token) -> str:
        """Return the Markdown of a delimiter, or "" if its other end is outside the range."""
        enclosure = token.enclosure
        assert enclosure is not None
        first, last = enclosure.opener.index, enclosure.closer.index
        if first < self.covered.first or last >= self.covered.stop:
            return ""
        if isinstance(enclosure, Emphasis):
            return self._render_emphasis(token, enclosure)
        if self.keep_links:
            return _render_with_links(token)
        return token.markdown

    def _render_emphasis(self, token: Token, emphasis: Emphasis) -> str:
        """Return the Markdown of a delimiter, or "" if it crosses the boundary of a phrase.

        For example, `*a ==b*==` begins outside the highlight and ends inside it.
        """
        if emphasis.mark_kind is MarkKind.BOLD and not self.keep_bold:
            return ""
        phrase_at_start = self.phrase_numbers.get(emphasis.opener.index)
        phrase_at_end = self.phrase_numbers.get(emphasis.closer.index)
        if phrase_at_start != phrase_at_end:
            return ""
        return token.markdown


def _number_phrases(phrases: Iterable[MarkedPhrase]) -> dict[int, int]:
    """Map the index of each token in a phrase, except its closer, to the number of the phrase."""
    numbers: dict[int, int] = {}
    for number, phrase in enumerate(phrases):
        enclosure = phrase.enclosure
        inside = range(enclosure.opener.index, enclosure.closer.index)
        numbers.update(dict.fromkeys(inside, number))
    return numbers


def _find_last_picture(tokens: Iterable[Token]) -> Token | None:
    """Return the last of the pictures before the first text, or None if there are none."""
    last = None
    for token in tokens:
        if token.plain.strip():
            break
        if token.is_embedded_media:
            last = token
    return last


_BLOCK_MARKER = regex(r"(?:#{1,6}|[>+*-]|\d{1,9}(?=[.)]))(?=[.)]?(?:\s|$))")


def _escape_block_marker(markdown: str) -> str:
    """Escape the marker of a heading, quote or list at the start of a text."""
    marker = _BLOCK_MARKER.match(markdown)
    if marker is None:
        return markdown
    if not marker[0].isdigit():
        return f"\\{markdown}"
    # escape the full stop or bracket after the number
    return f"{marker[0]}\\{markdown[marker.end() :]}"


# The URLs that Anki opens, and the characters in them that would end the URL in our
# Markdown or end a gap around the link.
_WEB_URL = regex(r"(?i)https?://")
_SPECIAL_IN_URL = regex(r"[\s()<>{}|\\]|::")


def _render_with_links(token: Token) -> str:
    """Return the Markdown of a token, with `[` and `](https://…)` for the ends of a web link.

    Any other link, and a link without text, has no brackets.
    """
    link = token.enclosure
    if not isinstance(link, Link) or token.kind is not TokenKind.DELIMITER:
        return token.markdown
    url = link.opener.target
    is_empty = link.opener.end == link.closer.start
    if is_empty or not _WEB_URL.match(url):
        return ""
    if token is link.opener:
        return "["
    escaped = _SPECIAL_IN_URL.sub(lambda special: quote(special[0], safe=""), url)
    return f"]({escaped})"
