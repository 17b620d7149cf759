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
    # without those in a hint
    enclosures = [each for each in enclosures if each.opener.enclosure is each]
    enclosures.sort(key=lambda enclosure: enclosure.opener.index)
    if context.cloze_markers:
        enclosures = _convert_plugin_clozes(tokens, enclosures, context.cloze_markers)
    if not context.is_verbatim:
        _hide_tags_at_ends(tokens)
        _collapse_whitespace(tokens)
    return InlineText(tokens, enclosures)


def _enclose(enclosure: Enclosure) -> Enclosure:
    """Turn the two ends of an enclosure into its delimiters, which aren't shown."""
    for token in (enclosure.opener, enclosure.closer):
        token.kind = TokenKind.DELIMITER
        token.enclosure = enclosure
        token.erase()
    return enclosure


# --- CommonMark -----------------------------------------------------------------------

# A line end, which is a hard line break after a backslash. A backslash at the end of a
# paragraph was meant as one too.
_LINE_END = regex(r"(?P<last>\\(?=\Z|\n[ \t]*(?:\n|\Z)))|\\?\n[ \t]*")


def _parse_line_end(state: StateInline, silent: bool) -> bool:
    match = _LINE_END.match(state.src, state.pos)
    if match is None or silent:
        return False
    assert isinstance(state, InlineState)
    state.pos = match.end()
    if match["last"]:
        state.add_token(TokenKind.ATOM, match[0], "")
        return True
    if state.context.is_verbatim:
        state.add_token(TokenKind.LINE_END, " ", match[0])
        return True
    markdown = " "
    if match[0].startswith("\\") or state.pending.endswith("  "):
        markdown = HARD_BREAK
    state.pending = state.pending.rstrip(" ")
    state.add_token(TokenKind.LINE_END, " ", markdown)
    return True


def _parse_link(state: StateInline, silent: bool) -> bool:
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
    parser = MarkdownIt("commonmark")
    parser.inline = _InlineParser()
    for character in (
        COMMENT_FILLER,
        MATHS_CONTINUATION,
        MATHS_DELIMITER,
        "＝",
        "【",
        "\ue200",
    ):
        parser.inline.add_terminator_char(character)
    # markdown-it uses the registered rules only to find the end of a link's text
    parser.inline.ruler.after("text", "signs", parse_markup)
    parser.inline.ruler.disable(["linkify", "autolink", "html_inline", "image"])
    parser.inline.ruler2.disable("fragments_join")
    # accept all URLs and keep them as written
    parser.normalizeLink = parser.normalizeLinkText = str  # type: ignore[assignment]
    parser.validateLink = bool  # type: ignore[assignment]
    return parser


def _parse_commonmark(state: InlineState) -> tuple[list[Token], list[Enclosure]]:
    """Parse a text with markdown-it, and convert its tokens to ours."""
    parser = state.md
    parser.inline.tokenize(state)
    for rule in parser.inline.ruler2.getRules(""):
        rule(state)
    tokens: list[Token] = []
    enclosures: list[Enclosure] = []
    openers: list[tuple[Token, Parsed]] = []
    lone_markers: list[Token] = []
    for index, parsed in enumerate(state.tokens):
        token = parsed if isinstance(parsed, Token) else _to_token(parsed)
        token.index = index
        tokens.append(token)
        if token is parsed:
            continue
        if parsed.nesting > 0:
            openers.append((token, parsed))
        elif parsed.nesting < 0:
            enclosures.append(_close_commonmark(*openers.pop(), token, state.context))
        elif parsed.type == "text":
            lone_markers.append(token)
    if not state.context.is_verbatim:
        _escape_lone_markers(tokens, lone_markers)
    _escape_entities(tokens)
    return tokens, enclosures


def _to_token(parsed: Parsed) -> Token:
    text = parsed.content
    if parsed.type != "text_special":
        return Token(TokenKind.TEXT, text, text)
    # an escape or an entity
    kind = TokenKind.ATOM
    if text.isspace():
        kind = TokenKind.TEXT
    if parsed.info == "escape":
        return Token(kind, text, parsed.markup)
    return Token(kind, text, escape_markdown(text))


def _close_commonmark(
    opener: Token, parsed: Parsed, closer: Token, context: InlineContext
) -> Enclosure:
    """Create the link or emphasis that markdown-it found between two tokens."""
    if parsed.type != "link_open":
        emphasis = _enclose(Emphasis(opener, closer))
        if parsed.tag == "strong":
            emphasis.mark_kind = MarkKind.BOLD
        opener.markdown = closer.markdown = parsed.markup
        return emphasis
    link = _enclose(Link(opener, closer))
    opener.target = str(parsed.attrs.get("href", ""))
    sound = render_linked_sound(context, unquote(opener.target))
    if sound:
        # so that Anki can play the file
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
class _BracePair:
    """Braces that belong together: `{{` and `}}` of a cloze, or `{` and `}`."""

    start: Brace
    end: Token
    is_double: bool
    """Whether another `}` follows directly. It is the second one of a cloze."""
    hint: Token | None
    """The `::` before the hint of a cloze."""


def _pair_braces(
    tokens: Sequence[Token], braces: Sequence[Brace], context: InlineContext
) -> list[Enclosure]:
    """Pair the braces of cloze deletions, which may span several lines.

    The braces are `{{` and `}}`, and also `{` and `}` if a plug-in reads these as clozes. Braces
    inside a cloze deletion must be balanced.
    """
    gaps: list[Enclosure] = []
    hidden: set[Token] = set()
    gap_starts = {brace.token for brace in braces if brace.opens_gap}
    for pair in _find_brace_pairs(tokens, braces):
        opener, closer = pair.start.token, pair.end
        if opener in hidden:
            continue  # a cloze in the hint of another is part of the hint
        if pair.start.opens_gap:
            gap = Gap(opener, closer, MarkKind.GAP, pair.start.gap_numbers)
            if pair.hint:
                separator, *hint_tokens = tokens[pair.hint.index : closer.index]
                gap.hint = "".join([token.markdown for token in hint_tokens])
                hidden.update((separator, *hint_tokens))
            second_brace = tokens[closer.index + 1]
            hidden.add(second_brace)
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
    """Find the pairs of braces, sorted by start. There are none if they are nested too deeply."""
    pairs: list[_BracePair] = []
    open_braces: list[Brace] = []  # innermost last
    hints: dict[Brace, Token] = {}
    second_end: Token | None = None
    for brace in braces:
        token = brace.token
        if token is second_end:
            continue
        if brace.opens_gap:
            open_braces.append(brace)
        elif token.plain.startswith("{"):
            open_braces += [brace] * len(token.plain)
        elif open_braces and token.plain == "::":
            if open_braces[-1].opens_gap:
                hints.setdefault(open_braces[-1], token)
        elif open_braces:
            following = tokens[token.index + 1 : token.index + 2]
            is_double = any(each.plain == "}" for each in following)
            if open_braces[-1].opens_gap:
                if not is_double:
                    continue
                second_end = following[0]
            start = open_braces.pop()
            pairs.append(_BracePair(start, token, is_double, hints.get(start)))
        if len(open_braces) > _MAX_CLOZE_DEPTH:
            return []
    return sorted(pairs, key=lambda pair: pair.start.token.index)


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

    `markers` are the kinds of this markup (see `InlineContext.cloze_markers`). Markup that spans
    several lines or contains another cloze deletion isn't converted.
    """
    converted: list[Enclosure] = []
    free_numbers = count(1)
    for enclosure in enclosures:
        opener, closer = enclosure.opener, enclosure.closer
        answer = tokens[opener.index + 1 : closer.index]
        if not (_is_read_as_cloze(enclosure, markers) and _can_be_answer(answer)):
            converted.append(enclosure)
            continue
        gap = Gap(opener, closer, MarkKind.GAP, has_double_braces=False)
        if isinstance(enclosure, Gap):
            gap = enclosure
        gap.numbers = gap.numbers or _extract_number(answer)
        gap.hint = gap.hint or _extract_hint(answer[-1])
        if not gap.numbers:
            gap.numbers = str(next(free_numbers))
        converted.append(_enclose(gap))
    return converted


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


def _collapse_whitespace(tokens: Sequence[Token]) -> None:
    """Collapse whitespace to single spaces, and strip it from both ends of a block.

    A run of whitespace may extend over several tokens. If it contains hard line breaks, the
    Markdown keeps the first of them. It also keeps the spaces beside pictures, which have no plain
    text.
    """
    is_after_space = is_after_break = True
    picture: Token | None = None  # the last one after the latest text
    for token in tokens:
        if token.is_spaced_text:
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
    _strip_trailing_space(tokens)


def _strip_trailing_space(tokens: Sequence[Token]) -> None:
    picture: Token | None = None
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
