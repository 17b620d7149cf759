"""Tokenize the text of a block, and pair opening with closing tokens.

markdown-it applies its own rules to CommonMark, and `parse_markup` to any other markup. Then
highlights, HTML elements and cloze deletions are paired, the clozes of plug-ins are converted
to numbered clozes.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Sequence
from functools import lru_cache
from itertools import pairwise, zip_longest
from urllib.parse import unquote

from markdown_it import MarkdownIt, rules_inline
from markdown_it.parser_inline import ParserInline
from markdown_it.rules_inline import StateInline
from markdown_it.token import Token as Parsed

from ankiforge.extract.markdown.markup import (
    HARD_BREAK,
    MARKUP_START_CHARACTERS,
    InlineContext,
    InlineState,
    InlineToken,
    MarkupKind,
    parse_markup,
    render_linked_sound,
)
from ankiforge.extract.markdown.placeholders import (
    COMMENT_FILLER,
    MATHS_CONTINUATION,
    MATHS_DELIMITER,
    PLACEHOLDER_CHARACTER,
    restore_placeholders,
)
from ankiforge.text import regex
from ankiforge.text.cloze import escape_markdown

# The rest of an entity after its `&`, such as the `lt;` at the end of the source `&amp;lt;`.
_ENTITY_BODY = regex(r"#?\w{1,32};")
# If a text contains more unclosed brackets than this, its links aren't parsed, because that
# would take too long.
_MAX_UNCLOSED_BRACKETS = 500


def tokenize_block(text: str, context: InlineContext) -> list[InlineToken]:
    """Parse the text of a block into tokens, and link each opening token to its closing token."""
    parsed = _parse_with_markdown_it(text, context)
    tokens = [
        parsed_token
        if isinstance(parsed_token, InlineToken)
        else _to_inline_token(parsed_token)
        for parsed_token in parsed
    ]
    for index, token in enumerate(tokens):
        token.index = index
    _copy_token_pairs(tokens, parsed, context)

    # escape what would be markup in our Markdown, and restore the placeholders
    if not context.is_verbatim and any(sign in text for sign in ("*", "_", "~~")):
        _escape_unmatched_emphasis(tokens, parsed)
    if "&" in text:
        # escape each `&` that would begin an entity together with the next token
        for token, next_token in pairwise(tokens):
            if token.markdown == "&" and _ENTITY_BODY.match(next_token.markdown):
                token.change_kind(MarkupKind.ATOM, token.plain, r"\&")
    if not text.isascii() and PLACEHOLDER_CHARACTER.search(text):
        for token in tokens:
            token.plain = restore_placeholders(token.plain, context.maths)
            token.markdown = restore_placeholders(token.markdown, context.maths)

    # pair our own tokens
    if any(token.kind is MarkupKind.MARK for token in tokens):
        match_highlight_markers(tokens)
    if "<" in text:
        match_html_tags(tokens)
    if "{{" in text or "{" in context.cloze_markers:
        match_cloze_braces(tokens, context.cloze_markers)
    if context.cloze_markers:
        convert_plugin_clozes(tokens, context.cloze_markers)
    return tokens


_AnyToken = InlineToken | Parsed


def _parse_with_markdown_it(text: str, context: InlineContext) -> list[_AnyToken]:
    references = context.link_labels
    has_links = "](" in text or references
    environment = {
        "references": references,
        "links": has_links and text.count("[") - text.count("]") < _MAX_UNCLOSED_BRACKETS,
        "context": context,
    }
    parser = _get_parser()
    state = InlineState(text, parser, environment, [])
    parser.inline.tokenize(state)
    for rule in parser.inline.ruler2.getRules(""):
        rule(state)
    return state.tokens


def _copy_token_pairs(
    tokens: Sequence[InlineToken], parsed: Sequence[_AnyToken], context: InlineContext
) -> None:
    """Link our opening and closing tokens like the markdown-it tokens they were converted from.

    The closing token of a link to an audio file becomes an embed, so that Anki can play the file.

    Args:
        tokens: Our tokens.
        parsed: The tokens of markdown-it, in the same order.
        context: The parsing context of the note.
    """
    openers = list[InlineToken]()
    for token, parsed_token in zip(tokens, parsed, strict=True):
        if isinstance(parsed_token, InlineToken) or not parsed_token.nesting:
            continue
        if parsed_token.nesting > 0:
            openers.append(token)
            continue
        opener = openers.pop()
        link_token_pair(opener, token)
        sound = render_linked_sound(context, unquote(opener.target))
        if sound:
            token.kind = MarkupKind.PICTURE
            token.markdown = sound


def _to_inline_token(parsed_token: Parsed) -> InlineToken:
    text = parsed_token.content
    match parsed_token.type:
        case "text":
            return InlineToken(MarkupKind.TEXT, text, text)
        case "text_special":
            is_escape = parsed_token.info == "escape"
            markdown = parsed_token.markup if is_escape else escape_markdown(text)
            kind = MarkupKind.TEXT if text.isspace() else MarkupKind.ATOM
            return InlineToken(kind, text, markdown)
        case "link_open" | "link_close":
            url = str(parsed_token.attrs.get("href", ""))
            return InlineToken(MarkupKind.INVISIBLE, target=url)
        case _:
            detail = "strong" if parsed_token.tag == "strong" else ""
            return InlineToken(MarkupKind.EMPHASIS, "", parsed_token.markup, detail)


def _escape_unmatched_emphasis(
    tokens: Sequence[InlineToken], parsed: Sequence[_AnyToken]
) -> None:
    """Escape emphasis markers that markdown-it treated as text, so that they remain text."""
    markers = []
    for token, parsed_token in zip(tokens, parsed, strict=True):
        if not isinstance(parsed_token, InlineToken):
            if parsed_token.content in ("*", "_", "~~"):
                markers.append(token)
    texts = ["", *[token.plain for token in tokens], ""]
    for token in markers:
        around = texts[token.index][-1:] + texts[token.index + 2][:1]
        if token.plain == "_" and re.fullmatch(r"\w\w", around):
            continue
        if around.strip():
            token.change_kind(MarkupKind.ATOM, token.plain, f"\\{token.plain}")


# --- the parser -----------------------------------------------------------------------

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
        state.add_token(MarkupKind.ATOM, match[0], "")
        return True
    if state.context.is_verbatim:
        markdown = match[0]
    else:
        markdown = " "
        if match[0][0] == "\\" or state.pending.endswith("  "):
            markdown = HARD_BREAK
        state.pending = state.pending.rstrip(" ")
    state.add_token(MarkupKind.BREAK, " ", markdown)
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


# --- pairs ----------------------------------------------------------------------------


def link_token_pair(opener: InlineToken, closer: InlineToken) -> None:
    """Link an opening token and its closing token, and clear the plain text of both."""
    opener.closer = closer
    closer.opener = opener
    opener.plain = ""
    closer.plain = ""


def get_inner_tokens(
    tokens: Sequence[InlineToken], opener: InlineToken
) -> Sequence[InlineToken]:
    """Return the tokens between an opening token and its closer, or () if it has no closer."""
    if opener.closer is None:
        return ()
    return tokens[opener.index + 1 : opener.closer.index]


def _convert_unpaired_to_text(tokens: Iterable[InlineToken], kind: MarkupKind) -> None:
    for token in tokens:
        if token.kind is kind and not (token.opener or token.closer):
            token.change_kind(
                MarkupKind.TEXT if token.plain else MarkupKind.INVISIBLE, token.plain
            )


# --- marks ----------------------------------------------------------------------------


def match_highlight_markers(tokens: Sequence[InlineToken]) -> None:
    """Match the opening and closing markers of highlights, which may span several lines.

    Unmatched markers are treated as text.
    """
    openers: dict[str, InlineToken] = {}
    for token in tokens:
        if token.kind is not MarkupKind.MARK:
            continue
        marker = token.markdown
        opener = openers.get(marker) if token.can_close else None
        if opener:
            del openers[marker]
            link_token_pair(opener, token)
        elif token.can_open:
            openers[marker] = token
    _convert_unpaired_to_text(tokens, MarkupKind.MARK)


# --- emphasis -------------------------------------------------------------------------


def match_html_tags(tokens: Sequence[InlineToken]) -> None:
    """Match the start and end tags of elements such as `<b>`. Unmatched tags become invisible."""
    openers = list[InlineToken]()
    for tag in tokens:
        if tag.kind is not MarkupKind.EMPHASIS or not (tag.can_open or tag.can_close):
            continue
        if tag.can_open:
            openers.append(tag)
        elif openers and openers[-1].markdown == tag.markdown.replace("/", ""):
            link_token_pair(openers.pop(), tag)
    for tag in tokens:
        is_tag = tag.kind is MarkupKind.EMPHASIS and tag.markdown.startswith("<")
        if is_tag and not (tag.opener or tag.closer):
            tag.change_kind(MarkupKind.INVISIBLE)


# --- hand-written clozes --------------------------------------------------------------

# If braces are nested more deeply than this, a block has no clozes. Anki itself reads only
# a few levels.
_MAX_CLOZE_DEPTH = 10


def match_cloze_braces(tokens: Sequence[InlineToken], markers: frozenset[str]) -> None:
    """Match the opening and closing braces of cloze deletions, which may span several lines.

    The braces are `{{` and `}}`, and also `{` and `}` if `markers` includes `{`. Braces inside a
    cloze deletion must be balanced. Unmatched braces are treated as text.
    """
    open_braces: list[InlineToken] = []  # innermost last; `{{{` opens three
    hints: dict[InlineToken, InlineToken] = {}
    clozes: list[tuple[InlineToken, InlineToken, InlineToken | None]] = []
    max_depth = 0
    second: InlineToken | None = None
    for token, next_token in zip_longest(tokens, tokens[1:]):
        opener = open_braces[-1] if open_braces else None
        is_gap = opener is not None and opener.kind is MarkupKind.GAP
        if token is second:
            continue
        if token.kind is MarkupKind.GAP:
            open_braces.append(token)
        elif token.kind is MarkupKind.TEXT and token.plain.startswith("{"):
            open_braces += [token] * len(token.plain)
        elif opener and token.kind is MarkupKind.TEXT and token.plain == "::" and is_gap:
            hints.setdefault(opener, token)
        elif opener and token.kind is MarkupKind.TEXT and token.plain == "}":
            is_double = next_token is not None and next_token.plain == "}"
            if is_double or not is_gap:
                open_braces.pop()
            if is_double and is_gap:
                second = next_token
                clozes.append((opener, token, second))
            elif "{" in markers and not (is_gap or is_double) and opener.plain == "{":
                inner = tokens[opener.index + 1 : token.index]
                kinds = {each.kind for each in inner}
                if kinds and kinds.isdisjoint((MarkupKind.GAP, MarkupKind.BREAK)):
                    clozes.append((opener, token, None))
        max_depth = max(max_depth, len(open_braces))
    for opener, closer, last in clozes if max_depth <= _MAX_CLOZE_DEPTH else ():
        if opener.kind is MarkupKind.TEXT:
            opener.change_kind(MarkupKind.GAP, opener.plain, "")
        closer.change_kind(MarkupKind.GAP, "", "}}")
        link_token_pair(opener, closer)
        if last:
            last.change_kind(MarkupKind.INVISIBLE)
        if hint := hints.get(opener):
            for token in tokens[hint.index : closer.index]:
                token.kind = MarkupKind.HINT
                token.plain = ""
    _convert_unpaired_to_text(tokens, MarkupKind.GAP)


# --- clozes of a dialect --------------------------------------------------------------

# The number of a cloze before its answer, as in `==1;;answer;;hint==`, `{2:answer}` or
# `{c2::answer}`.
_CLOZE_NUMBER = regex(r"(?:c?(\d{1,3})(?:;;|::?|\|)|[ash]+;;)(?=.)")


def convert_plugin_clozes(tokens: Sequence[InlineToken], markers: frozenset[str]) -> None:
    """Convert markup that a plug-in reads as cloze deletions to numbered cloze deletions.

    `markers` are the kinds of this markup (see `InlineContext.cloze_markers`). Markup that spans
    several lines or contains another cloze deletion isn't converted.
    """
    unnumbered_count = 0
    for opener in tokens:
        marker = "bold" if opener.detail == "strong" else opener.markdown
        if opener.kind is not MarkupKind.GAP and marker not in markers:
            continue
        answer_tokens = get_inner_tokens(tokens, opener)
        kinds = {token.kind for token in answer_tokens}
        if not kinds or not kinds.isdisjoint((MarkupKind.BREAK, MarkupKind.GAP)):
            continue
        assert opener.closer
        number = opener.detail if opener.kind is MarkupKind.GAP else ""
        number = number or _extract_number(answer_tokens)
        # move the hint in `answer;;hint` to the closing token
        last = answer_tokens[-1]
        answer, _, hint = last.plain.partition(";;")
        if last.kind is MarkupKind.TEXT and answer and hint:
            last.plain = answer
            last.markdown = answer
            opener.closer.markdown = f"::{hint}}}}}"
        if not number:
            unnumbered_count += 1
            number = str(unnumbered_count)
        for end in (opener, opener.closer):
            end.detail = number
            end.kind = MarkupKind.GAP


def _extract_number(answer_tokens: Sequence[InlineToken]) -> str:
    """Remove the number at the start of a cloze answer. Return it, or "" if there is none."""
    number = _CLOZE_NUMBER.match("".join([token.plain for token in answer_tokens]))
    if number is None:
        return ""
    remaining = number.end()
    for token in answer_tokens:
        if remaining > 0 and token.kind is MarkupKind.TEXT:
            length = len(token.plain)
            token.plain = token.plain[remaining:]
            token.markdown = token.plain
            remaining -= length
    return number[1] or ""
