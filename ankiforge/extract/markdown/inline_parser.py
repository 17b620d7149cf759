"""Parse the text of a block into tokens and enclosures.

markdown-it applies its own rules to CommonMark, and `parse_markup` to any other markup. Then
the ends of highlights, HTML elements and cloze deletions are paired, and the markup that plug-ins
read as clozes is converted to numbered clozes.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Sequence, Set
from dataclasses import dataclass
from functools import lru_cache
from itertools import count, pairwise
from typing import NamedTuple
from urllib.parse import unquote

from markdown_it import MarkdownIt, rules_inline
from markdown_it.parser_inline import ParserInline
from markdown_it.rules_inline import StateInline
from markdown_it.token import Token as Parsed

from ankiforge.extract.markdown.inline import (
    HARD_BREAK,
    Emphasis,
    Enclosure,
    Gap,
    InlineText,
    Link,
    Mark,
    MarkKind,
    Token,
    TokenKind,
)
from ankiforge.extract.markdown.markup import (
    MARKUP_START_CHARACTERS,
    Brace,
    EmphasisTag,
    InlineContext,
    InlineState,
    MarkDelimiter,
    parse_markup,
    render_linked_sound,
)
from ankiforge.extract.markdown.placeholders import (
    COMMENT_FILLER,
    FENCE_PATTERN,
    MATHS_CONTINUATION,
    MATHS_DELIMITER,
    PLACEHOLDER_CHARACTER,
    restore_placeholders,
)
from ankiforge.text import regex
from ankiforge.text.cloze import escape_markdown

_ANY_MARKUP = regex(
    rf"[\\\n`$!\[\]<&#=＝*_~{{}}:【\ue200{COMMENT_FILLER}{MATHS_CONTINUATION}{MATHS_DELIMITER}]"
)


def parse_inline(text: str, context: InlineContext) -> InlineText:
    """Parse the source of a block.

    `text` must not include the markers of enclosing block quotes and lists.
    """
    if not text:
        return InlineText([])
    if not _ANY_MARKUP.search(text):
        if not context.is_verbatim:
            text = " ".join(text.split())
        return InlineText([Token(TokenKind.TEXT, text, text)])
    state = InlineState(text, _get_parser(), context)
    tokens, enclosures = _parse_commonmark(state)
    _restore_all_placeholders(tokens, context)
    enclosures += _pair_marks(state.mark_delimiters)
    enclosures += _pair_emphasis_tags(state.emphasis_tags)
    enclosures += _pair_braces(tokens, state.braces, context)
    # `_pair_braces` takes the delimiters of all that is in a hint out of the text
    enclosures = [each for each in enclosures if each.opener.enclosure is each]
    enclosures.sort(key=lambda enclosure: enclosure.opener.index)
    if context.cloze_markers:
        enclosures = _convert_plugin_clozes(tokens, enclosures, context.cloze_markers)
    if not context.is_verbatim:
        _hide_tags_at_ends(tokens)
        _drop_repeated_breaks(tokens)
        _collapse_whitespace(tokens)
        _strip_trailing_space(tokens)
    return InlineText(tokens, enclosures)


def _enclose(enclosure: Enclosure) -> Enclosure:
    """Turn the two ends of an enclosure into its delimiters, which aren't shown."""
    for token in (enclosure.opener, enclosure.closer):
        token.kind = TokenKind.DELIMITER
        token.enclosure = enclosure
        token.erase()
    return enclosure


# --- CommonMark -----------------------------------------------------------------------

# A line end, which is a hard line break after a backslash. A backslash at the end of a paragraph
# was meant as one too; it is an atom without Markdown.
_LINE_END = regex(r"(?P<backslash>\\(?=\Z|\n[ \t]*(?:\n|\Z)))|\\?\n[ \t]*")


def _parse_line_end(state: StateInline, silent: bool) -> bool:
    """Parse a line end, with the indentation of the next line (a markdown-it inline rule)."""
    match = _LINE_END.match(state.src, state.pos)
    if match is None or silent:
        return False
    assert isinstance(state, InlineState)
    state.pos = match.end()
    if match["backslash"]:
        state.add_token(TokenKind.ATOM, "\\", "")
    elif state.context.is_verbatim:
        state.add_token(TokenKind.LINE_END, " ", match[0])
    else:
        is_hard_break = match[0].startswith("\\") or state.pending.endswith("  ")
        state.pending = state.pending.rstrip(" ")
        state.add_token(TokenKind.LINE_END, " ", HARD_BREAK if is_hard_break else " ")
    return True


def _parse_link(state: StateInline, silent: bool) -> bool:
    """Parse a link, unless `InlineState` has found that the text has none, or too many brackets."""
    return bool(state.env["links"]) and rules_inline.link(state, silent)


_Rule = Callable[[StateInline, bool], bool]
_TEXT_RULES: tuple[_Rule, ...] = (rules_inline.text,)
# The inline rules to try at each character. Trying all rules would take twice as long.
_RULES_BY_CHARACTER: dict[str, tuple[_Rule, ...]] = {
    **dict.fromkeys(MARKUP_START_CHARACTERS, (parse_markup,)),
    "\n": (_parse_line_end,),
    "\\": (_parse_line_end, rules_inline.escape),
    "*": (rules_inline.emphasis.tokenize,),
    "_": (rules_inline.emphasis.tokenize,),
    "~": (rules_inline.strikethrough.tokenize,),
    "[": (parse_markup, _parse_link),
    "&": (rules_inline.entity,),
}


# The characters at which the text before markup ends, besides those of CommonMark.
_FURTHER_TEXT_ENDS = (
    COMMENT_FILLER,
    MATHS_CONTINUATION,
    MATHS_DELIMITER,
    "＝",
    "【",
    "\ue200",
)


class _InlineParser(ParserInline):
    """A markdown-it inline parser that only tries the rules for the current character."""

    def tokenize(self, state: StateInline) -> None:
        while state.pos < state.posMax:
            for rule in _RULES_BY_CHARACTER.get(state.src[state.pos], _TEXT_RULES):
                if rule(state, False):
                    break
            else:
                state.append_pending(state.src[state.pos])
                state.pos += 1
        if state.pending:
            state.pushPending()


@lru_cache(maxsize=1)
def _get_parser() -> MarkdownIt:
    """Create the parser for the text of blocks. It accepts all URLs, and keeps them as written."""
    parser = MarkdownIt("commonmark")
    parser.inline = _InlineParser()
    for character in _FURTHER_TEXT_ENDS:
        parser.inline.add_terminator_char(character)
    # `_InlineParser` has its own table of rules; markdown-it uses the rules that are registered
    # here only to find the end of a link's text
    parser.inline.ruler.after("text", "signs", parse_markup)
    parser.inline.ruler.disable(["linkify", "autolink", "html_inline", "image"])
    # this rule joins texts, which would remove our tokens
    parser.inline.ruler2.disable("fragments_join")
    parser.normalizeLink = parser.normalizeLinkText = str  # type: ignore[assignment]
    parser.validateLink = bool  # type: ignore[assignment]
    return parser


def _parse_commonmark(state: InlineState) -> tuple[list[Token], list[Enclosure]]:
    """Parse a text with markdown-it, and return all tokens with the links and emphasis."""
    parser = state.md
    parser.inline.tokenize(state)
    for rule in parser.inline.ruler2.getRules(""):
        rule(state)
    tokens: list[Token] = []
    enclosures: list[Enclosure] = []
    open_tokens: list[_OpenToken] = []  # innermost last
    lone_markers: list[Token] = []
    for index, parsed in enumerate(state.tokens):
        if isinstance(parsed, Token):  # from one of our own rules
            parsed.index = index
            tokens.append(parsed)
            continue
        token = _to_token(parsed)
        token.index = index
        tokens.append(token)
        if parsed.nesting > 0:
            open_tokens.append(_OpenToken(token, parsed))
        elif parsed.nesting < 0:
            enclosures.append(_enclose_commonmark(open_tokens.pop(), token, state))
        elif parsed.type == "text":
            lone_markers.append(token)
    if not state.context.is_verbatim:
        _escape_lone_markers(tokens, lone_markers)
    _escape_entities(tokens)
    return tokens, enclosures


class _OpenToken(NamedTuple):
    """The start of a link or emphasis, as our token and as that of markdown-it."""

    token: Token
    parsed: Parsed


def _to_token(parsed: Parsed) -> Token:
    """Convert a token of markdown-it: text, an escaped character, or an entity such as `&lt;`."""
    text = parsed.content
    if parsed.type != "text_special":
        return Token(TokenKind.TEXT, text, text)
    kind = TokenKind.ATOM
    if text.isspace():
        kind = TokenKind.TEXT
    if parsed.info == "escape":
        return Token(kind, text, parsed.markup)
    return Token(kind, text, escape_markdown(text))


def _enclose_commonmark(
    start: _OpenToken, closer: Token, state: InlineState
) -> Enclosure:
    """Create the link or emphasis that markdown-it found between two tokens."""
    opener, parsed = start
    if parsed.type != "link_open":
        emphasis = _enclose(Emphasis(opener, closer))
        if parsed.tag == "strong":
            emphasis.mark_kind = MarkKind.BOLD
        opener.markdown = closer.markdown = parsed.markup
        return emphasis
    link = _enclose(Link(opener, closer))
    opener.target = str(parsed.attrs.get("href", ""))
    sound = render_linked_sound(state.context, unquote(opener.target))
    if sound:
        # the end of the link is shown as an embedded file, so that Anki can play it
        closer.kind = TokenKind.PICTURE
        closer.markdown = sound
    return link


# --- text that would be markup in our Markdown ----------------------------------------

_EMPHASIS_MARKERS = ("*", "_", "~~")
# The rest of an entity after its `&`, such as the `lt;` at the end of the source `&amp;lt;`.
_ENTITY_BODY = regex(r"#?\w{1,32};")


def _escape_lone_markers(tokens: Sequence[Token], lone_markers: Sequence[Token]) -> None:
    """Escape the markers of emphasis that markdown-it treated as text, so that they remain text.

    A `_` inside a word and a marker between spaces need no escape.
    """
    for token in lone_markers:
        if token.plain not in _EMPHASIS_MARKERS:
            continue
        around = ""
        if token.index > 0:
            around += tokens[token.index - 1].plain[-1:]
        if token.index + 1 < len(tokens):
            around += tokens[token.index + 1].plain[:1]
        is_in_word = token.plain == "_" and re.fullmatch(r"\w\w", around)
        if around.strip() and not is_in_word:
            _escape_token(token)


def _escape_entities(tokens: Sequence[Token]) -> None:
    """Escape each `&` that would begin an entity together with the next token."""
    for token, next_token in pairwise(tokens):
        if token.markdown == "&" and _ENTITY_BODY.match(next_token.markdown):
            _escape_token(token)


def _escape_token(token: Token) -> None:
    token.kind = TokenKind.ATOM
    token.markdown = f"\\{token.plain}"


def _restore_all_placeholders(tokens: Sequence[Token], context: InlineContext) -> None:
    for token in tokens:
        for text in (token.plain, token.markdown):
            if not text.isascii() and PLACEHOLDER_CHARACTER.search(text):
                token.plain = restore_placeholders(token.plain, context.maths)
                token.markdown = restore_placeholders(token.markdown, context.maths)


# --- marks and elements ---------------------------------------------------------------


def _pair_marks(delimiters: Sequence[MarkDelimiter]) -> Iterator[Enclosure]:
    """Pair the starts and ends of highlights, which may span several lines."""
    openers: dict[str, MarkDelimiter] = {}
    for delimiter in delimiters:
        if delimiter.can_close and delimiter.markup in openers:
            opener = openers.pop(delimiter.markup)
            yield _enclose(
                Mark(opener.token, delimiter.token, opener.kind, opener.colour)
            )
        elif delimiter.can_open:
            openers[delimiter.markup] = delimiter


def _pair_emphasis_tags(tags: Sequence[EmphasisTag]) -> Iterator[Enclosure]:
    """Pair the start and end tags of elements such as `<b>`."""
    open_tags: list[EmphasisTag] = []
    for tag in tags:
        if not tag.is_end:
            open_tags.append(tag)
        elif open_tags and open_tags[-1].element == tag.element:
            opener = open_tags.pop().token
            emphasis = _enclose(Emphasis(opener, tag.token))
            if tag.element == "b":
                emphasis.mark_kind = MarkKind.BOLD
            opener.markdown = f"<{tag.element}>"
            tag.token.markdown = f"</{tag.element}>"
            yield emphasis


# --- hand-written clozes --------------------------------------------------------------

# If braces are nested more deeply than this, a block has no clozes. Anki itself reads only
# a few levels.
_MAX_CLOZE_DEPTH = 10


@dataclass(slots=True, eq=False)
class _OpenBrace:
    """A `{` or the `{{c1::` of a cloze whose end isn't found yet."""

    start: Brace
    hint_separator: Token | None = None
    """The `::` before the hint of a cloze."""


class _BracePair(NamedTuple):
    """Braces that belong together: `{{c1::` and `}}` of a cloze, or `{` and `}`."""

    start: Brace
    hint_separator: Token | None
    """The `::` before the hint of a cloze."""
    end: Token
    """The `}`. For a cloze, this is the first of the two."""
    is_double: bool
    """Whether another `}` follows directly. It is the second one of a cloze."""


def _pair_braces(
    tokens: Sequence[Token], braces: Sequence[Brace], context: InlineContext
) -> list[Enclosure]:
    """Pair the braces of cloze deletions, which may span several lines, and hide their hints.

    The braces are `{{` and `}}`, and also `{` and `}` if a plug-in reads these as clozes. Braces
    inside a cloze deletion must be balanced.
    """
    gaps: list[Enclosure] = []
    hidden: set[Token] = set()
    """The tokens from `::` to the end of a cloze, and the second brace of the end."""
    gap_starts = {brace.token for brace in braces if brace.opens_gap}
    for pair in _find_brace_pairs(tokens, braces):
        opener, closer = pair.start.token, pair.end
        if opener in hidden:
            continue  # a cloze in the hint of another is part of the hint
        if pair.start.opens_gap:
            gap = Gap(opener, closer, MarkKind.GAP, pair.start.gap_numbers)
            if pair.hint_separator:
                separator_index = pair.hint_separator.index
                hint_tokens = tokens[separator_index + 1 : closer.index]
                gap.hint = "".join([token.markdown for token in hint_tokens])
                hidden.update(tokens[separator_index : closer.index])
            hidden.add(tokens[closer.index + 1])
            gaps.append(_enclose(gap))
        elif "{" in context.cloze_markers and _is_single_cloze(tokens, pair, gap_starts):
            gap = Gap(opener, closer, MarkKind.GAP, has_double_braces=False)
            gaps.append(_enclose(gap))
    for token in hidden:
        token.kind = TokenKind.INVISIBLE
        token.enclosure = None
        token.erase()
    return gaps


def _find_brace_pairs(
    tokens: Sequence[Token], braces: Sequence[Brace]
) -> list[_BracePair]:
    """Find the pairs of braces, sorted by start. There are none if they are nested too deeply.

    In `{{c1::a {b}::c}}`, these are the cloze, whose hint is `c`, and `{b}`.
    """
    pairs: list[_BracePair] = []
    open_braces: list[_OpenBrace] = []  # innermost last
    second_end: Token | None = None  # the second brace at the end of the last cloze
    for brace in braces:
        token = brace.token
        if token is second_end:
            continue
        if brace.opens_gap:
            open_braces.append(_OpenBrace(brace))
        elif token.plain.startswith("{"):
            # each of these braces ends by itself
            open_braces += [_OpenBrace(brace)] * len(token.plain)
        elif not open_braces:
            continue
        elif token.plain == "::":
            innermost = open_braces[-1]
            if innermost.start.opens_gap and innermost.hint_separator is None:
                innermost.hint_separator = token
        else:
            next_token = _get_next_token(tokens, token)
            is_double = next_token is not None and next_token.plain == "}"
            if open_braces[-1].start.opens_gap:
                if not is_double:
                    continue  # a cloze only ends with two braces
                second_end = next_token
            closed = open_braces.pop()
            pair = _BracePair(closed.start, closed.hint_separator, token, is_double)
            pairs.append(pair)
        if len(open_braces) > _MAX_CLOZE_DEPTH:
            return []
    return sorted(pairs, key=lambda pair: pair.start.token.index)


def _get_next_token(tokens: Sequence[Token], token: Token) -> Token | None:
    if token.index + 1 == len(tokens):
        return None
    return tokens[token.index + 1]


def _is_single_cloze(
    tokens: Sequence[Token], pair: _BracePair, gap_starts: Set[Token]
) -> bool:
    """Return whether `{…}` may be a cloze: on one line, and with no other braces at its ends."""
    if pair.start.token.plain != "{" or pair.is_double:
        return False
    inner_tokens = tokens[pair.start.token.index + 1 : pair.end.index]
    if any(token.ends_line for token in inner_tokens):
        return False
    return bool(inner_tokens) and gap_starts.isdisjoint(inner_tokens)


# --- clozes of a dialect --------------------------------------------------------------

# The number of a cloze before its answer, as in `==1;;answer;;hint==`, `{2:answer}` or
# `{c2::answer}`.
_CLOZE_NUMBER = regex(r"(?:c?(\d{1,3})(?:;;|::?|\|)|[ash]+;;)(?=.)")


def _convert_plugin_clozes(
    tokens: Sequence[Token], enclosures: Sequence[Enclosure], markers: Set[str]
) -> list[Enclosure]:
    """Number all cloze deletions, and convert the markup that a plug-in reads as such.

    For example, `==2;;answer;;hint==` becomes a cloze deletion with number and hint. `markers` are
    the kinds of this markup (see `InlineContext.cloze_markers`). Markup that spans several lines or
    contains another cloze deletion isn't converted.
    """
    converted: list[Enclosure] = []
    free_numbers = count(1)
    for enclosure in enclosures:
        answer = tokens[enclosure.opener.index + 1 : enclosure.closer.index]
        if not _is_read_as_cloze(enclosure, markers) or not _can_be_answer(answer):
            converted.append(enclosure)
            continue
        gap = _to_gap(enclosure)
        gap.numbers = gap.numbers or _extract_number(answer)
        gap.hint = gap.hint or _extract_hint(answer[-1])
        if not gap.numbers:
            gap.numbers = str(next(free_numbers))
        converted.append(_enclose(gap))
    return converted


def _to_gap(enclosure: Enclosure) -> Gap:
    """Return a cloze deletion in place of a highlight or bold text, or the same if it is one."""
    if isinstance(enclosure, Gap):
        return enclosure
    return Gap(enclosure.opener, enclosure.closer, MarkKind.GAP, has_double_braces=False)


def _is_read_as_cloze(enclosure: Enclosure, markers: Set[str]) -> bool:
    if isinstance(enclosure, Gap):
        return True
    is_html = enclosure.opener.markdown.startswith("<")
    return enclosure.mark_kind in markers and not is_html


def _can_be_answer(tokens: Sequence[Token]) -> bool:
    for token in tokens:
        if token.ends_line or isinstance(token.enclosure, Gap):
            return False
    return bool(tokens)


def _extract_number(answer: Sequence[Token]) -> str | None:
    """Remove the number at the start of a cloze answer. Return it, or None if there is none."""
    number = _CLOZE_NUMBER.match("".join([token.plain for token in answer]))
    if number is None:
        return None
    remaining = number.end()
    for token in answer:
        if token.kind is TokenKind.TEXT:
            length = len(token.plain)
            token.plain = token.markdown = token.plain[remaining:]
            remaining = max(0, remaining - length)
    return number[1]


def _extract_hint(last: Token) -> str | None:
    """Remove the hint in `answer;;hint` at the end of a cloze. Return it, or None."""
    answer, _, hint = last.plain.partition(";;")
    if last.kind is not TokenKind.TEXT or not answer or not hint:
        return None
    last.plain = last.markdown = answer
    return hint


# --- whitespace and tags --------------------------------------------------------------


def _hide_tags_at_ends(tokens: Sequence[Token]) -> None:
    """Hide the tags at the start and end of a block, which aren't shown as part of its text."""
    for direction in (tokens, reversed(tokens)):
        for token in direction:
            is_mark = isinstance(token.enclosure, Mark | Gap)
            if token.kind is TokenKind.TAG:
                token.erase()
            elif is_mark or token.plain.strip() or token.markdown.strip():
                break


def _drop_repeated_breaks(tokens: Sequence[Token]) -> None:
    """Keep one hard line break in each run of whitespace, but none at the start of a block."""
    has_break = True
    for token in tokens:
        if token.is_spaced_text and token.markdown == HARD_BREAK:
            if has_break:
                token.markdown = token.plain
            has_break = True
        elif token.plain.strip() or token.is_embedded_media:
            has_break = False


def _collapse_whitespace(tokens: Sequence[Token]) -> None:
    """Collapse whitespace to single spaces, and strip it from the start of a block.

    A run of whitespace may extend over several tokens. The Markdown keeps hard line breaks, and
    the space after a picture, which has no plain text.
    """
    is_after_space = True
    picture: Token | None = None  # the last one after the latest text
    for token in tokens:
        if token.is_spaced_text:
            plain = re.sub(r"\s+", " ", token.plain)
            if is_after_space and plain.startswith(" "):
                plain = plain[1:]
                if picture:
                    picture.markdown += " "
                    picture = None
            if plain != token.plain:
                token.plain = plain
                if token.markdown != HARD_BREAK:
                    token.markdown = plain
        if token.plain:
            is_after_space = token.plain.endswith(" ")
            picture = None
        elif token.is_embedded_media:
            picture = token


def _strip_trailing_space(tokens: Sequence[Token]) -> None:
    """Strip the space at the end of a block. The Markdown keeps the space before a picture."""
    picture: Token | None = None  # the first one after the latest text
    for token in reversed(tokens):
        if token.is_spaced_text and token.plain.endswith(" "):
            token.plain = token.markdown = token.plain.rstrip(" ")
            if picture:
                picture.markdown = f" {picture.markdown}"
        if token.plain:
            break
        if token.is_embedded_media:
            picture = token


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

    def render_text(start: int, end: int) -> str:
        inline = parse_inline(text[start:end], verbatim)
        if keep_clozes:
            markdown = inline.render_cloze()
        else:
            markdown = inline.render_without_marks(keep_links=keep_links)
        return _SINGLE_TRAILING_SPACE.sub("", markdown)

    parts = []
    text_start = 0
    for fence in _FENCE.finditer(text):
        parts.append(render_text(text_start, fence.start()))
        parts.append(restore_placeholders(fence[0], context.maths))
        text_start = fence.end()
    parts.append(render_text(text_start, len(text)))
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
