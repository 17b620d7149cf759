"""The text of a block: its tokens, its plain text, and the Markdown of any part of it.

A sentence, a phrase or a side of a card is a range of tokens, so both texts come from
one parse.
"""

from __future__ import annotations

import re
from bisect import bisect_left, bisect_right
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from functools import cached_property
from itertools import count, pairwise
from operator import attrgetter
from typing import NamedTuple
from urllib.parse import quote

from ankiforge.extract.markdown.parser import inside, tokenized
from ankiforge.extract.markdown.placeholders import (
    COMMENT,
    CONTINUED,
    FENCE,
    MATHS,
    restored,
)
from ankiforge.extract.markdown.signs import (
    EDGE,
    FOOTNOTE,
    HARD_BREAK,
    LABEL,
    InlineContext,
    InlineToken,
    Phrase,
    SignKind,
)
from ankiforge.model import Span, Strings
from ankiforge.text import regex
from ankiforge.text.sentences import boundaries, sentences, trimmed

_START = attrgetter("start")
_HIDDEN = (SignKind.HINT, SignKind.MARK, SignKind.GAP)
_ANY_SIGN = regex(rf"[\\\n`$!\[\]^<&#=＝*_~{{}}:【\ue200{COMMENT}{CONTINUED}{MATHS}]")


def read(text: str, context: InlineContext) -> Inline:
    """Parse the source of one block, without the signs of its container."""
    if not _ANY_SIGN.search(text):
        words = text if context.verbatim else " ".join(text.split())
        return Inline([InlineToken(SignKind.TEXT, words, words)] if text else [])
    tokens = tokenized(text, context)
    if not context.verbatim:
        # the tags at the ends of a block are no part of its text, and still its tags
        for order in (tokens, reversed(tokens)):
            for token in order:
                if token.kind is SignKind.TAG:
                    token.plain = ""
                    token.markdown = ""
                elif token.plain.strip() or token.markdown.strip():
                    break
        # collapse blanks and drop those at the ends, but keep one beside a picture
        blanks = _Blanks()
        for token in tokens:
            blanks.pass_token(token)
        _drop_last_blanks(tokens)
    return Inline(tokens)


class _Blanks:
    """The place between two tokens of a block: which blanks, line ends and pictures are before it.

    Of each run of blanks one stays, also across tokens, and none at the start. Of the line ends
    in a run the first that is hard stays, although its blank may go.
    """

    def __init__(self) -> None:
        self._after_blank = True
        self._after_break = True
        self._piece: InlineToken | None = None
        """The picture since the last words, or the end of the emphasis or gap around it."""

    def pass_token(self, token: InlineToken) -> None:
        """Collapse the blanks of the next token."""
        if token.kind in (SignKind.TEXT, SignKind.BREAK):
            self._collapse(token)
        ends_around = token.kind in (SignKind.EMPHASIS, SignKind.GAP) and token.opener
        if token.plain:
            self._after_blank = token.plain.endswith(" ")
            self._after_break = self._after_break and not token.plain.strip()
            self._piece = None
        elif token.is_shown_picture or (self._piece and ends_around):
            self._after_break = False
            self._piece = token

    def _collapse(self, token: InlineToken) -> None:
        plain = token.plain
        # no blank but " " is printable
        if "  " in plain or not plain.isprintable():
            plain = re.sub(r"\s+", " ", plain)
        if self._after_blank and plain.startswith(" "):
            plain = plain[1:]
            if self._piece:
                self._piece.markdown += " "
                self._piece = None
        stays_hard = token.markdown == HARD_BREAK and not self._after_break
        if plain != token.plain:
            token.plain = plain
            token.markdown = HARD_BREAK if stays_hard else plain
        self._after_break = self._after_break or stays_hard


def _drop_last_blanks(tokens: Sequence[InlineToken]) -> None:
    """Drop the blanks at the end, where pictures may follow, which have no plain text."""
    following: InlineToken | None = None
    for token in reversed(tokens):
        if token.kind in (SignKind.TEXT, SignKind.BREAK) and token.plain.endswith(" "):
            token.plain = token.plain.rstrip(" ")
            token.markdown = token.plain
            if following:
                following.markdown = f" {following.markdown}"
        if token.plain:
            return
        begins_around = token.kind is SignKind.EMPHASIS and token.closer
        if token.is_shown_picture or (following and begins_around):
            following = token


class MarkedPicture(NamedTuple):
    """A picture that is alone in a mark."""

    start: int
    """Where it is in the plain text, of which it has none itself."""
    sign: str
    """As in `Phrase`."""
    colour: str
    markdown: str


# --- the text of a block --------------------------------------------------------------

_WORD_SIGN = regex(r"\w")
_SOMETHING = regex(r"\S")
# Signs between a marked line and the rest of its sentence.
_JOINS = "-–—:：=,;→>"
_BLOCK_SIGN = regex(r"(?:#{1,6}|[>+*-]|\d{1,9}(?=[.)]))(?=[.)]?(?:\s|$))")


class Inline:
    """The parsed content of one block."""

    def __init__(self, tokens: list[InlineToken]) -> None:
        self.tokens = tokens
        start = 0
        for token in tokens:
            token.start = start
            start = token.end
        self.plain = "".join([token.plain for token in tokens])

    @cached_property
    def targets(self) -> list[tuple[Span, str]]:
        """(span in the plain text, target) of each link, in order."""
        targets = []
        for token in self.tokens:
            if token.target:
                last = token.closer or token
                targets.append(((token.start, last.end), token.target))
        return targets

    @property
    def is_footnote(self) -> bool:
        """Whether the block begins with the label of a footnote."""
        return bool(self.tokens) and self.tokens[0].note.startswith(LABEL)

    def footnote_texts(self) -> dict[str, str]:
        """Return the footnotes that the block defines in Markdown, by their labels."""
        labels = []
        for token in self.tokens:
            if token.note.startswith(LABEL):
                labels.append((token.note.removeprefix(LABEL), token.start))
        texts = {}
        ends = [start for _, start in labels[1:]]
        for (label, start), end in zip(labels, [*ends, len(self.plain)], strict=False):
            texts[label], _ = self.markdown(*trimmed(self.plain, start, end))
        return texts

    def footnotes(self, start: int, end: int) -> list[str]:
        """Return the footnotes of [start, end) of the plain text: `1` is a label, `[…]` a text."""
        names = []
        for token in self.tokens:
            if start <= token.start <= end and token.note.startswith(FOOTNOTE):
                names.append(token.note.removeprefix(FOOTNOTE))
        return names

    @property
    def tags(self) -> Strings:
        """The `#tags` of the block, without `#`."""
        return tuple([token.note for token in self.tokens if token.kind is SignKind.TAG])

    def breaks(self, offset: int) -> bool:
        """Return whether a line of the source ends at an offset of the plain text."""
        beside = self._starting_in(offset - 1, offset)
        return any(token.kind is SignKind.BREAK for token in beside)

    def _starting_in(self, first: int, last: int) -> Sequence[InlineToken]:
        """Return the tokens that start at an offset of [first, last] of the plain text."""
        begin = bisect_left(self.tokens, first, key=_START)
        return self.tokens[begin : bisect_right(self.tokens, last, key=_START)]

    def lines(self) -> list[Span]:
        """Return the spans of the lines of the source."""
        spans = []
        start = 0
        for token in self.tokens:
            if token.kind is SignKind.BREAK:
                spans.append((start, token.start))
                start = token.end
        return [*spans, (start, len(self.plain))]

    def is_bold(self, start: int, end: int) -> bool:
        """Return whether all of [start, end) is bold."""
        return any(
            phrase.sign == "bold" and phrase.start <= start and end <= phrase.end
            for phrase in self.phrases
        )

    def has_emphasis_around(self, offset: int) -> bool:
        """Return whether emphasis of some words of the block, not of all, is open at an offset."""
        for token in self.tokens:
            if token.kind is not SignKind.EMPHASIS or token.closer is None:
                continue
            start = token.start
            end = token.closer.start
            if not start <= offset < end:
                continue
            if self.plain[:start].strip() or self.plain[end:].strip():
                return True
        return False

    def has_piece_at(self, offset: int) -> bool:
        """Return whether a picture or the edge of a block stands at an offset of the plain text."""
        return any(
            token.is_shown_picture or token.note == EDGE
            for token in self._starting_in(offset, offset)
        )

    # --- sentences

    def sentences(self) -> list[Span]:
        """Return the spans of the sentences.

        None ends inside code, maths or the name of a link.
        """
        words = []
        edges: set[int] = set()
        for token in self.tokens:
            words.append(
                "X" * len(token.plain) if token.kind is SignKind.OPAQUE else token.plain
            )
            if token.note == EDGE:
                edges.add(token.start)
        for edge in boundaries("".join(words)):
            around = self.tokens[bisect_right(self.tokens, edge, key=_START) - 1]
            if edge in (around.start, around.end) or around.kind is SignKind.TEXT:
                edges.add(edge)
        for line in self._marked_lines():
            edges.update(line)
        return sentences(self.plain, sorted(edges))

    def _marked_lines(self) -> Iterator[Span]:
        """Yield the lines that are marked as a whole, such as `==Step 1==`.

        They are no part of the sentence below, if that begins a new text.
        """
        marks = [phrase.span for phrase in self.phrases if phrase.sign in ("==", "mark")]
        if not marks:
            return
        breaks = [token.start for token in self.tokens if token.kind is SignKind.BREAK]
        for start, end in pairwise([0, *breaks]):
            first_mark = bisect_left(marks, (start, start))
            next_mark = bisect_left(marks, (end, end))
            on_line = [mark for mark in marks[first_mark:next_mark] if mark[1] <= end]
            unmarked = len(_WORD_SIGN.findall(self.plain, start, end))
            for mark in on_line:
                unmarked -= len(_WORD_SIGN.findall(self.plain, *mark))
            following = _SOMETHING.search(self.plain, end)
            if not on_line or unmarked or following is None:
                continue
            letter = following[0]
            if not (letter.islower() or letter in _JOINS):
                yield start, end

    # --- marks

    def unmarked_text(self) -> str:
        """Return the plain text with `…` for each character in marks or markup."""
        depth = 0
        words = []
        for token in self.tokens:
            if token.kind in (SignKind.MARK, SignKind.GAP):
                depth += bool(token.closer) - bool(token.opener)
            if token.kind in (SignKind.TEXT, SignKind.BREAK) and not depth:
                words.append(token.plain)
            else:
                words.append("…" * len(token.plain))
        return "".join(words)

    @cached_property
    def phrases(self) -> tuple[Phrase, ...]:
        """The marked phrases and clozes that contain text, by start."""
        phrases = []
        for opener in self.tokens:
            sign = _sign_of_phrase(opener)
            closer = opener.closer
            if closer is None or not sign:
                continue
            span = trimmed(self.plain, opener.end, closer.start)
            if span[0] == span[1]:
                continue
            between = inside(self.tokens, opener)
            if sign == "bold" and any(each.kind is SignKind.BREAK for each in between):
                continue
            note = "" if sign == "==" else opener.note
            phrases.append(Phrase(opener, closer, span, sign, note))
        return tuple(phrases)

    @property
    def gaps(self) -> list[Phrase]:
        """The clozes that contain text, by start."""
        return [phrase for phrase in self.phrases if phrase.sign == "{{"]

    @cached_property
    def marked_pictures(self) -> tuple[MarkedPicture, ...]:
        """The pictures that are alone in a mark."""
        marked_alone = []
        for opener in self.tokens:
            if opener.kind is not SignKind.MARK:
                continue
            between = inside(self.tokens, opener)
            if any(token.plain.strip() for token in between):
                continue
            sign = _sign_of_phrase(opener)
            colour = "" if sign == "==" else opener.note
            for token in between:
                if token.is_shown_picture:
                    shown = token.markdown.strip()
                    marked_alone.append(MarkedPicture(opener.start, sign, colour, shown))
        return tuple(marked_alone)

    @property
    def hidden_pictures(self) -> list[InlineToken]:
        """The openers of the clozes that hide a picture."""
        openers = []
        for token in self.tokens:
            if token.kind is SignKind.GAP:
                if any(each.is_shown_picture for each in inside(self.tokens, token)):
                    openers.append(token)
        return openers

    # --- Markdown

    def markdown(
        self,
        start: int,
        end: int,
        phrases: Sequence[Phrase] = (),
        bold: bool = True,
        is_side: bool = False,
    ) -> tuple[str, tuple[Span, ...]]:
        """Return the Markdown of [start, end) of the plain text, with phrases in it.

        The second value is the phrases' spans in the Markdown. The phrases are in order
        and do not overlap. Emphasis that crosses an edge of the range or of a phrase is
        dropped; so is strong emphasis unless `bold`. A range that reaches an end of the
        block includes the pictures there. A side of a card, `is_side`, also includes those
        between it and the words beside it, and keeps its links to the web; else their words
        are left.
        """
        places = self._places_of(start, end)
        if is_side:
            places, start, end = self._with_pictures(places, start, end)
        around: dict[InlineToken, Phrase] = {}
        for phrase in phrases:
            of_phrase = (phrase.opener, *inside(self.tokens, phrase.opener))
            around.update(dict.fromkeys(of_phrase, phrase))
        part = _Part(places, start, end, around, bold, is_side)
        text = ""
        first_letters = dict[InlineToken, int]()
        """Where the Markdown behind the opener of a phrase begins."""
        last_letters = dict[InlineToken, int]()
        for token in self.tokens[places.start : places.stop]:
            last_letters[token] = len(text)
            written = part.written(token)
            if not text and token.kind is SignKind.TEXT:
                written = _without_block_sign(written)
            text += written if text else written.lstrip()
            first_letters[token] = len(text)

        spans = []
        for phrase in phrases:
            first = first_letters.get(phrase.opener, 0)
            last = last_letters.get(phrase.closer, len(text))
            spans.append(trimmed(text, first, last))
        return text.rstrip(), tuple(spans)

    def source(self, *, links: bool = False) -> str:
        """Return the Markdown of the block without the signs of marks and clozes.

        With `links`, links to the web are kept, otherwise only their words.
        """
        parts = list[str]()
        for token in self.tokens:
            if links and token.kind is SignKind.GONE:
                parts.append(_sign_of_link(token))
            else:
                parts.append(
                    _bare_brace(token) if token.kind in _HIDDEN else token.markdown
                )
        return "".join(parts)

    def cloze(self) -> str:
        """Return the Markdown of the block with numbered clozes in our grammar."""
        gaps = [token for token in self.tokens if token.kind is SignKind.GAP]
        numbers = [int(number) for gap in gaps for number in re.findall(r"\d+", gap.note)]
        unnumbered = count(max(numbers, default=0) + 1)
        text = ""
        opener = ""  # of the cloze that begins right here
        for token in self.tokens:
            written = token.markdown
            if token.kind is SignKind.GAP and token.closer:
                opener = f"{{{{c{token.note or next(unnumbered)}::"
                text += opener
                continue
            if token.kind is SignKind.GAP:
                # a blank at the end of the answer, or of its hint, moves out of the cloze
                closer = written if written.startswith("::") else "}}"
                has_blank = text.endswith(" ") or written.endswith(" ")
                text = text.rstrip(" ") + closer.rstrip(" ") + " " * has_blank
            elif token.kind is not SignKind.MARK:
                if token.kind is SignKind.GONE and self._holds_gaps_whole(token):
                    written = _sign_of_link(token)
                if opener and written.startswith(" "):  # so does one at its start
                    text = f"{text.removesuffix(opener)} {opener}"
                    written = written.lstrip(" ")
                text += written
            opener = ""
        return text.strip()

    def _holds_gaps_whole(self, token: InlineToken) -> bool:
        """Return whether a link crosses no edge of a gap; `token` begins or ends it."""
        between = inside(self.tokens, token.opener or token)
        for gap in between:
            partner = gap.closer or gap.opener
            if gap.kind is SignKind.GAP and partner not in between:
                return False
        return True

    def _with_pictures(
        self, places: range, start: int, end: int
    ) -> tuple[range, int, int]:
        """Return a range, and its tokens, up to the pictures between it and the words beside it."""
        first, behind = places.start, places.stop
        before = _last_picture(reversed(self.tokens[:first]))
        # the blank before the first word may be a part of its token
        if before and not self.plain[before.start : start].strip():
            first = before.place
            start = before.start
        after = _last_picture(self.tokens[behind:])
        if after and not self.plain[end : after.start].strip():
            behind = after.place + 1
            end = after.start
        return range(first, behind), start, end

    def _places_of(self, start: int, end: int) -> range:
        """Return the tokens of [start, end), with openers and closers at its edges."""
        tokens = self.tokens
        first = len(tokens)
        if start < len(self.plain):
            first = bisect_right(tokens, start, key=_START) - 1
        while first and self._start_of(first) == start:
            before = tokens[first - 1]
            # an empty range may be a picture in a link
            ends_link = start == end and before.kind is SignKind.GONE
            if before.plain or (before.opener and not ends_link):
                break
            first -= 1
        behind = bisect_right(tokens, end - 1, key=_START)
        while behind < len(tokens) and tokens[behind].start == end:
            after = tokens[behind]
            # a picture has no plain text: only an empty range includes it
            if not after.opener and not (start == end and not after.plain):
                break
            behind += 1
        # only markup and pictures are between the range and an end of the block
        if not self.plain[:start].strip():
            first = 0
        if not self.plain[end:].strip():
            behind = len(tokens)
        return range(first, behind)

    def _start_of(self, place: int) -> int:
        """Return where a token is in the plain text; the end of the text behind the last one."""
        return self.tokens[place].start if place < len(self.tokens) else len(self.plain)


@dataclass(slots=True)
class _Part:
    """A part of a block whose Markdown is wanted."""

    places: range
    start: int
    end: int
    around: dict[InlineToken, Phrase]
    """The phrase around a token, or that it opens."""
    bold: bool
    """Whether strong emphasis is kept."""
    links: bool = False
    """Whether links to the web are kept."""

    def written(self, token: InlineToken) -> str:
        """Return the Markdown of a token, as far as it is in the part."""
        if token.kind is SignKind.TEXT:
            first = max(0, self.start - token.start)
            return token.markdown[first : max(0, self.end - token.start)]
        if token.kind in _HIDDEN:
            return _bare_brace(token) if self._partner(token) and not self.around else ""
        if token.kind is SignKind.EMPHASIS:
            return token.markdown if self._emphasizes(token) else ""
        if self.links and token.kind is SignKind.GONE and self._partner(token):
            return _sign_of_link(token)
        return "" if token.plain and token.start >= self.end else token.markdown

    def _partner(self, token: InlineToken) -> InlineToken | None:
        """Return the other token of a pair, if that is in the part, too."""
        partner = token.closer or token.opener
        return partner if partner and partner.place in self.places else None

    def _emphasizes(self, token: InlineToken) -> bool:
        """Return whether a sign of emphasis is kept: it crosses no edge of a phrase or the part."""
        partner = self._partner(token)
        if partner is None or self.around.get(token) is not self.around.get(partner):
            return False
        return self.bold or _sign_of_phrase(token) != "bold"


def _last_picture(tokens: Iterable[InlineToken]) -> InlineToken | None:
    """Return the last picture of some tokens before the first one with words."""
    last = None
    for token in tokens:
        if token.plain.strip():
            break
        if token.is_shown_picture:
            last = token
    return last


def _without_block_sign(words: str) -> str:
    """Return the first words of a text, which begin no heading, quote or list."""
    sign = _BLOCK_SIGN.match(words)
    if sign is None:
        return words
    # of a number, the stop is escaped
    escaped = f"{sign[0]}\\" if sign[0].isdigit() else f"\\{sign[0]}"
    return escaped + words[sign.end() :]


def _bare_brace(token: InlineToken) -> str:
    """Return the braces of `{{x}}`, which are text where no cloze is asked for; else ""."""
    opener = token.opener or token
    if token.kind is not SignKind.GAP or token.note or opener.markdown != "{{":
        return ""
    if token.closer:
        return r"\{\{"
    return r"\}\}" if token.opener and token.markdown == "}}" else ""


# A link that Anki opens, and what would end its address in our Markdown, or a gap around it.
_WEB = regex(r"(?i)https?://")
_NOT_IN_ADDRESS = regex(r"[\s()<>{}|\\]|::")


def _sign_of_link(token: InlineToken) -> str:
    """Return the sign that begins or ends a link to the web in Markdown; "" for any other token."""
    opener = token.opener or token
    closer = opener.closer
    if closer is None or not _WEB.match(opener.target) or opener.end == closer.start:
        return ""
    if token is opener:
        return "["
    address = _NOT_IN_ADDRESS.sub(lambda sign: quote(sign[0], safe=""), opener.target)
    return f"]({address})"


def _sign_of_phrase(token: InlineToken) -> str:
    """Return the sign of the phrase that a token opens, "" if none."""
    if token.kind is SignKind.MARK:
        return "==" if token.markdown == "==" else "mark"
    if token.kind is SignKind.GAP:
        return "{{"
    return "bold" if (token.note == "strong" or token.markdown == "<b>") else ""


def outermost(phrases: Iterable[Phrase]) -> tuple[Phrase, ...]:
    """Return the phrases that lie in no other; of overlapping ones the first counts."""
    outer: list[Phrase] = []
    for phrase in sorted(phrases, key=lambda phrase: (phrase.start, -phrase.end)):
        if not outer or phrase.start >= outer[-1].end:
            outer.append(phrase)
    return tuple(outer)


# --- several blocks as one text -------------------------------------------------------

_FENCE = regex(rf"(?mx)^{FENCE}")
_TAG = regex(r"#(?=[\w/-]*[^\W\d])[\w/-]+")
_FIRST_TAGS = regex(rf"\A(?:{_TAG.pattern}:?(?:\s+|\Z))+")
_COMMENTED = regex(rf"(?m)^[ \t>]*{COMMENT}[{COMMENT} \t]*\n?")
# The sign of a callout, which only Obsidian hides.
_CALLOUT = regex(r"(?m)^((?:[ \t]*>)+[ \t]*)\[![^\[\]\n]+\][+-]?[ \t]*")
# One blank at the end of a line; two would be a line break.
_ONE_BLANK = regex(r"(?m)(?<![ \t])[ \t]$")


def rich(
    text: str, context: InlineContext, *, gaps: bool = False, links: bool = False
) -> str:
    """Return the Markdown of a card's side or a callout's body, without marks.

    Fences stay as they are. With `gaps`, clozes and links to the web are kept, otherwise only
    their text; with `links`, the links are.
    """
    text = _CALLOUT.sub(r"\1", _COMMENTED.sub("", text))
    verbatim = context._replace(verbatim=True)
    fences = [fence.span() for fence in _FENCE.finditer(text)]
    parts = []
    done = 0
    for start, end in [*fences, (len(text), len(text))]:
        inline = read(text[done:start], verbatim)
        markdown = inline.cloze() if gaps else inline.source(links=links)
        parts.append(_ONE_BLANK.sub("", markdown))
        parts.append(restored(text[start:end], context.maths))
        done = end
    return without_outer_tags("".join(parts).strip("\n"))


def without_outer_tags(markdown: str) -> str:
    """Return a text without the `#tags` at its ends."""
    text = _FIRST_TAGS.sub("", markdown)
    while not text[-1:].isspace():
        *before, last = text.rsplit(maxsplit=1) or [""]
        if not _TAG.fullmatch(last):
            break
        text = before[0] if before else ""
    return text.strip()
