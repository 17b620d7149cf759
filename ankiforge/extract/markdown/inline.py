"""The text of a block: its tokens, its plain text, and the Markdown of any part of it.

A sentence, a phrase or a side of a card is a range of tokens, so both texts come from
one parse.
"""

from __future__ import annotations

import re
from bisect import bisect_left, bisect_right
from collections.abc import Iterable, Sequence
from functools import cached_property
from itertools import accumulate, pairwise
from typing import NamedTuple

from ankiforge.extract.markdown.parser import tokenized
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
        _collapse_blanks(tokens)
    return Inline(tokens)


def _collapse_blanks(tokens: list[InlineToken]) -> None:
    """Collapse blanks and drop those at the ends, but keep one beside a picture."""
    # leave one blank of each run, also across tokens, and none at the start; of the line
    # ends in a run, the first that is hard stays, although its blank may go
    after_blank = True
    after_break = True
    # the picture since the last words, or the end of the emphasis or gap around it
    piece: InlineToken | None = None
    for index, token in enumerate(tokens):
        plain = token.plain
        if token.kind in (SignKind.TEXT, SignKind.BREAK):
            # no blank but " " is printable
            if "  " in plain or not plain.isprintable():
                plain = re.sub(r"\s+", " ", plain)
            is_break = token.markdown == HARD_BREAK and not after_break
            if after_blank and plain.startswith(" "):
                plain = plain[1:]
                if piece:
                    piece.markdown += " "
                    piece = None
            if plain != token.plain:
                token.plain = plain
                token.markdown = HARD_BREAK if is_break else plain
            after_break = after_break or is_break
        is_outer = token.kind in (SignKind.EMPHASIS, SignKind.GAP) and _closes(
            token, index
        )
        if plain:
            after_blank = plain.endswith(" ")
            after_break = after_break and not plain.strip()
            piece = None
        elif _is_shown_picture(token) or (piece and is_outer):
            after_break = False
            piece = token

    # drop the blanks at the end, where pictures may follow, which have no plain text
    following: InlineToken | None = None
    for index in range(len(tokens) - 1, -1, -1):
        token = tokens[index]
        if token.kind in (SignKind.TEXT, SignKind.BREAK) and token.plain.endswith(" "):
            token.plain = token.plain.rstrip(" ")
            token.markdown = token.plain
            if following:
                following.markdown = f" {following.markdown}"
        if token.plain:
            break
        is_opening_emphasis = token.kind is SignKind.EMPHASIS and token.partner > index
        if _is_shown_picture(token) or (following and is_opening_emphasis):
            following = token


def _is_shown_picture(token: InlineToken) -> bool:
    return token.kind is SignKind.PICTURE and bool(token.markdown)


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
        lengths = [len(token.plain) for token in tokens]
        self.starts = list(accumulate(lengths, initial=0))
        """The offset of each token in the plain text; one more for the end."""
        self.plain = "".join([token.plain for token in tokens])

    @cached_property
    def targets(self) -> list[tuple[Span, str]]:
        """(span in the plain text, target) of each link, in order."""
        targets = []
        for index, token in enumerate(self.tokens):
            if token.target:
                last = max(index, token.partner)
                span = (self.starts[index], self.starts[last + 1])
                targets.append((span, token.target))
        return targets

    @property
    def is_footnote(self) -> bool:
        """Whether the block begins with the label of a footnote."""
        return bool(self.tokens) and self.tokens[0].note.startswith(LABEL)

    def footnote_texts(self) -> dict[str, str]:
        """Return the footnotes that the block defines in Markdown, by their labels."""
        labels = []
        for token, start in zip(self.tokens, self.starts, strict=False):
            if token.note.startswith(LABEL):
                labels.append((token.note.removeprefix(LABEL), start))
        texts = {}
        ends = [start for _, start in labels[1:]]
        for (label, start), end in zip(labels, [*ends, len(self.plain)], strict=False):
            texts[label], _ = self.markdown(*trimmed(self.plain, start, end))
        return texts

    def footnotes(self, start: int, end: int) -> list[str]:
        """Return the footnotes of [start, end) of the plain text: `1` is a label, `[…]` a text."""
        names = []
        for token, place in zip(self.tokens, self.starts, strict=False):
            if start <= place <= end and token.note.startswith(FOOTNOTE):
                names.append(token.note.removeprefix(FOOTNOTE))
        return names

    @property
    def tags(self) -> Strings:
        """The `#tags` of the block, without `#`."""
        return tuple([token.note for token in self.tokens if token.kind is SignKind.TAG])

    def breaks(self, offset: int) -> bool:
        """Return whether a line of the source ends at an offset of the plain text."""
        first_index = bisect_left(self.starts, offset - 1)
        end_index = min(bisect_right(self.starts, offset), len(self.tokens))
        return any(
            token.kind is SignKind.BREAK for token in self.tokens[first_index:end_index]
        )

    def lines(self) -> list[Span]:
        """Return the spans of the lines of the source."""
        spans = []
        start = 0
        for token, place in zip(self.tokens, self.starts, strict=False):
            if token.kind is SignKind.BREAK:
                spans.append((start, place))
                start = place + len(token.plain)
        return [*spans, (start, len(self.plain))]

    def is_bold(self, start: int, end: int) -> bool:
        """Return whether all of [start, end) is bold."""
        return any(
            phrase.sign == "bold" and phrase.start <= start and end <= phrase.end
            for phrase in self.phrases
        )

    def has_emphasis_around(self, offset: int) -> bool:
        """Return whether emphasis of some words of the block, not of all, is open at an offset."""
        for index, token in enumerate(self.tokens):
            if token.kind is not SignKind.EMPHASIS or token.partner <= index:
                continue
            start = self.starts[index]
            end = self.starts[token.partner]
            has_others = self.plain[:start].strip() or self.plain[end:].strip()
            if start <= offset < end and has_others:
                return True
        return False

    def has_piece_at(self, offset: int) -> bool:
        """Return whether a picture or the edge of a block stands at an offset of the plain text."""
        first = bisect_left(self.starts, offset)
        behind = bisect_right(self.starts, offset)
        return any(
            _is_shown_picture(token) or token.note == EDGE
            for token in self.tokens[first:behind]
        )

    # --- sentences

    def sentences(self) -> list[Span]:
        """Return the spans of the sentences.

        None ends inside code, maths or the name of a link.
        """
        words = []
        for token in self.tokens:
            is_opaque = token.kind is SignKind.OPAQUE
            words.append("X" * len(token.plain) if is_opaque else token.plain)
        edges: set[int] = set()
        for index, token in enumerate(self.tokens):
            if token.note == EDGE:
                edges.add(self.starts[index])
        for edge in boundaries("".join(words), after_notes=False):
            index = bisect_right(self.starts, edge) - 1
            if self.starts[index] == edge or self.tokens[index].kind is SignKind.TEXT:
                edges.add(edge)

        # a line that is marked as a whole, such as `==Step 1==`, is not a part of the sentence
        # below it, if that begins a new text
        marks = [phrase.span for phrase in self.phrases if phrase.sign in ("==", "mark")]
        mark_starts = [start for start, _ in marks]
        line_ends = [0]
        for index, token in enumerate(self.tokens if marks else ()):
            if token.kind is SignKind.BREAK:
                line_ends.append(self.starts[index])
        for start, end in pairwise(line_ends):
            unmarked = len(_WORD_SIGN.findall(self.plain, start, end))
            first_mark = bisect_left(mark_starts, start)
            next_mark = bisect_left(mark_starts, end)
            inside = [mark for mark in marks[first_mark:next_mark] if mark[1] <= end]
            for mark in inside:
                unmarked -= len(_WORD_SIGN.findall(self.plain, *mark))
            following = _SOMETHING.search(self.plain, end)
            if not inside or unmarked or following is None:
                continue
            letter = following[0]
            if not (letter.islower() or letter in _JOINS):
                edges.update((start, end))

        return sentences(self.plain, sorted(edges))

    # --- marks

    def unmarked_text(self) -> str:
        """Return the plain text with `…` for each character in marks or markup."""
        depth = 0
        words = []
        for index, token in enumerate(self.tokens):
            if token.kind in (SignKind.MARK, SignKind.GAP) and token.partner >= 0:
                depth += 1 if token.partner > index else -1
            is_open = token.kind in (SignKind.TEXT, SignKind.BREAK) and not depth
            words.append(token.plain if is_open else "…" * len(token.plain))
        return "".join(words)

    @cached_property
    def phrases(self) -> tuple[Phrase, ...]:
        """The marked phrases and clozes that contain text, by start."""
        phrases = []
        for index, token in enumerate(self.tokens):
            if token.partner <= index:
                continue
            sign = _sign_of_phrase(token)
            if not sign:
                continue
            start = self.starts[index + 1]
            end = self.starts[token.partner]
            span = trimmed(self.plain, start, end)
            if span[0] == span[1]:
                continue
            inner = self.tokens[index : token.partner]
            if sign == "bold" and any(one.kind is SignKind.BREAK for one in inner):
                continue
            note = "" if sign == "==" else token.note
            phrases.append(Phrase(index, token.partner, span, sign, note))
        return tuple(phrases)

    @cached_property
    def marked_pictures(self) -> tuple[MarkedPicture, ...]:
        """The pictures that are alone in a mark."""
        marked_alone = []
        for index, token in enumerate(self.tokens):
            if token.kind is not SignKind.MARK or token.partner <= index:
                continue
            inner = self.tokens[index + 1 : token.partner]
            pictures = [
                inner_token for inner_token in inner if _is_shown_picture(inner_token)
            ]
            if any(token.plain.strip() for token in inner) or not pictures:
                continue
            sign = _sign_of_phrase(token)
            colour = "" if sign == "==" else token.note
            for picture in pictures:
                start = self.starts[index]
                marked_alone.append(
                    MarkedPicture(start, sign, colour, picture.markdown.strip())
                )
        return tuple(marked_alone)

    @property
    def hidden_pictures(self) -> list[InlineToken]:
        """The openers of the clozes that hide a picture."""
        openers = []
        for index, token in enumerate(self.tokens):
            if token.kind is SignKind.GAP and token.partner > index:
                inner = self.tokens[index + 1 : token.partner]
                if any(map(_is_shown_picture, inner)):
                    openers.append(token)
        return openers

    # --- Markdown

    def markdown(
        self,
        start: int,
        end: int,
        phrases: Sequence[Phrase] = (),
        bold: bool = True,
        pictures_around: bool = False,
    ) -> tuple[str, tuple[Span, ...]]:
        """Return the Markdown of [start, end) of the plain text, with phrases in it.

        The second value is the phrases' spans in the Markdown. The phrases are in order
        and do not overlap. Emphasis that crosses an edge of the range or of a phrase is
        dropped; so is strong emphasis unless `bold`. A range that reaches an end of the
        block includes the pictures there; with `pictures_around` also those that are
        between it and the words beside it.
        """
        first_index, end_index = self._tokens_of(start, end)
        if pictures_around:
            # the blank before the first word may be a part of its token
            before = self._last_picture(range(first_index - 1, -1, -1))
            if before is not None and not self.plain[self.starts[before] : start].strip():
                first_index = before
                start = self.starts[before]
            after = self._last_picture(range(end_index, len(self.tokens)))
            if after is not None and not self.plain[end : self.starts[after]].strip():
                end_index = after + 1
                end = self.starts[after]
        phrase_at: dict[int, Phrase] = {}
        """The phrase around a token, by the index of the token."""
        for phrase in phrases:
            inside = range(phrase.opener, phrase.closer)
            phrase_at.update(dict.fromkeys(inside, phrase))

        text = ""
        offsets: dict[int, int] = {}
        """Where the Markdown of each token begins."""
        for index in range(first_index, end_index):
            offsets[index] = len(text)
            token = self.tokens[index]
            token_start = self.starts[index]
            written = token.markdown
            if token.kind is SignKind.TEXT:
                first = max(0, start - token_start)
                last = max(0, end - token_start)
                written = written[first:last]
                sign = None if text else _BLOCK_SIGN.match(written)
                if sign:
                    # of a number, the stop is escaped
                    escaped = f"{sign[0]}\\" if sign[0].isdigit() else f"\\{sign[0]}"
                    written = escaped + written[sign.end() :]
            elif not phrases and self._bare_brace(token):
                if not first_index <= token.partner < end_index:
                    continue
                written = self._bare_brace(token)
            elif token.kind in _HIDDEN or (token.plain and token_start >= end):
                continue
            elif token.kind is SignKind.EMPHASIS:
                is_whole = first_index <= token.partner < end_index
                crosses = phrase_at.get(index) is not phrase_at.get(token.partner)
                is_kept = bold or _sign_of_phrase(token) != "bold"
                if crosses or not (is_whole and is_kept):
                    continue
            text += written if text else written.lstrip()

        spans = []
        for phrase in phrases:
            first = offsets.get(phrase.opener + 1, 0)
            last = offsets.get(phrase.closer, len(text))
            spans.append(trimmed(text, first, last))
        return text.rstrip(), tuple(spans)

    def source(self) -> str:
        """Return the Markdown of the block without the signs of marks and clozes."""
        parts = list[str]()
        for token in self.tokens:
            if token.kind not in _HIDDEN:
                parts.append(token.markdown)
            else:
                parts.append(self._bare_brace(token))
        return "".join(parts)

    def _bare_brace(self, token: InlineToken) -> str:
        """Return the braces of `{{x}}`, which are text where no cloze is asked for; else ""."""
        if token.kind is not SignKind.GAP or token.note or token.partner < 0:
            return ""
        if token.markdown == "{{":
            return r"\{\{"
        opener = self.tokens[token.partner]
        return r"\}\}" if opener.markdown == "{{" and token.markdown == "}}" else ""

    def cloze(self) -> str:
        """Return the Markdown of the block with numbered clozes in our grammar."""
        number = 0  # the highest of the clozes that have one
        for token in self.tokens:
            if token.kind is SignKind.GAP:
                for written in re.findall(r"\d+", token.note):
                    number = max(number, int(written))
        parts = list[str]()
        for index, token in enumerate(self.tokens):
            if token.kind is SignKind.GAP and token.partner > index:
                if not token.note:
                    number += 1
                parts.append(f"{{{{c{token.note or number}::")
            elif token.kind is SignKind.GAP:
                # a blank at the end of the answer moves out of the cloze
                answer = parts.pop()
                parts.append(answer.rstrip(" "))
                has_hint = token.markdown.startswith("::")
                parts.append(token.markdown.rstrip(" ") if has_hint else "}}")
                blank_follows = answer.endswith(" ") or token.markdown.endswith(" ")
                parts.append(" " if blank_follows else "")
            elif token.kind is not SignKind.MARK:
                written = token.markdown
                begins_answer = index and self.tokens[index - 1].kind is SignKind.GAP
                if begins_answer and written.startswith(" "):
                    # so does a blank before it
                    parts.insert(-1, " ")
                    written = written.lstrip(" ")
                parts.append(written)
        return "".join(parts).strip()

    def _last_picture(self, indices: range) -> int | None:
        """Return the last picture of these tokens before the first one with words."""
        last = None
        for index in indices:
            if self.tokens[index].plain.strip():
                break
            if _is_shown_picture(self.tokens[index]):
                last = index
        return last

    def _tokens_of(self, start: int, end: int) -> Span:
        """Return the tokens of [start, end), with openers and closers at its edges."""
        tokens = self.tokens
        starts = self.starts
        first_index = bisect_right(starts, start) - 1
        while first_index and starts[first_index] == start:
            before = tokens[first_index - 1]
            # an empty range may be a picture in a link
            ends_link = start == end and before.kind is SignKind.GONE
            if before.plain or (_closes(before, first_index - 1) and not ends_link):
                break
            first_index -= 1
        end_index = bisect_right(starts, end - 1)
        while end_index < len(tokens) and starts[end_index] == end:
            after = tokens[end_index]
            # a picture has no plain text: only an empty range includes it
            if not _closes(after, end_index) and not (start == end and not after.plain):
                break
            end_index += 1
        # only markup and pictures are between the range and an end of the block
        if not self.plain[:start].strip():
            first_index = 0
        if not self.plain[end:].strip():
            end_index = len(tokens)
        return first_index, end_index


def _sign_of_phrase(token: InlineToken) -> str:
    """Return the sign of the phrase that a token opens, "" if none."""
    if token.kind is SignKind.MARK:
        return "==" if token.markdown == "==" else "mark"
    if token.kind is SignKind.GAP:
        return "{{"
    return "bold" if (token.note == "strong" or token.markdown == "<b>") else ""


def _closes(token: InlineToken, index: int) -> bool:
    """Return whether a token is the second of a pair."""
    return -1 < token.partner < index


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


def rich(text: str, context: InlineContext, *, gaps: bool = False) -> str:
    """Return the Markdown of a card's side or a callout's body, without marks.

    Fences stay as they are. With `gaps`, clozes are kept, otherwise only their text.
    """
    text = _CALLOUT.sub(r"\1", _COMMENTED.sub("", text))
    verbatim = context._replace(verbatim=True)
    fences = [fence.span() for fence in _FENCE.finditer(text)]
    parts = []
    done = 0
    for start, end in [*fences, (len(text), len(text))]:
        inline = read(text[done:start], verbatim)
        markdown = inline.cloze() if gaps else inline.source()
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
