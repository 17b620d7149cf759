"""Parse the text of a block into tokens: markdown-it, with rules of our own."""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from functools import lru_cache
from itertools import pairwise
from urllib.parse import unquote

from markdown_it import MarkdownIt, rules_inline
from markdown_it.parser_inline import ParserInline
from markdown_it.rules_inline import StateInline
from markdown_it.token import Token as Parsed

from ankiforge.extract.markdown.inline_tokens import HARD_BREAK, Context, Kind, Token
from ankiforge.extract.markdown.pairs import (
    drop_crossing_emphasis,
    find_gaps,
    pair,
    pair_elements,
    pair_gaps,
    pair_marks,
)
from ankiforge.extract.markdown.placeholders import (
    COMMENT,
    CONTINUED,
    MATHS,
    PLACEHOLDERS,
    restored,
)
from ankiforge.extract.markdown.signs import STARTS, State, read_sign, sound_at
from ankiforge.text import regex
from ankiforge.text.cloze import literal

# The start of a statement of Liquid or Jinja: the braces in such a text are theirs.
_STATEMENT = regex(r"\{%-?\s*[a-z]")
# The rest of an entity, which an `&` before it would begin: `&amp;lt;`.
_ENTITY_REST = regex(r"#?\w{1,32};")
# Brackets that are never closed, above which a text has no links; bounds the work.
_MOST_OPEN = 500


def tokenized(text: str, context: Context) -> list[Token]:
    """Parse a block with markdown-it, and pair the tokens that open and close something."""
    parsed = _parsed(text, context)
    tokens = [part if isinstance(part, Token) else _token_of(part) for part in parsed]

    # the pairs of markdown-it; behind a link to a sound stands the sound
    openers = list[int]()
    for index, part in enumerate(parsed):
        if isinstance(part, Token):
            continue
        if part.nesting > 0:
            openers.append(index)
        elif part.nesting < 0:
            opener = openers.pop()
            pair(tokens, opener, index)
            target = tokens[opener].target
            sound = sound_at(context, unquote(target)) if target else ""
            if sound:
                tokens[index].kind = Kind.PICTURE
                tokens[index].markdown = sound

    # what would be markup in our Markdown, and is text
    if not context.verbatim:
        for index, part in enumerate(parsed):
            if isinstance(part, Token) or part.nesting:
                continue
            if part.content in ("*", "_", "~~"):
                _escape_sign(tokens, index)
    if "&" in text:
        for token, following in pairwise(tokens):
            if token.markdown == "&" and _ENTITY_REST.match(following.markdown):
                token.become(Kind.ATOM, token.plain, r"\&")
    if not text.isascii() and PLACEHOLDERS.search(text):
        for token in tokens:
            token.plain = restored(token.plain, context.maths)
            token.markdown = restored(token.markdown, context.maths)

    # our pairs
    pair_marks(tokens)
    if "<" in text:
        pair_elements(tokens)
    if "{{" in text or "{" in context.gaps.signs:
        pair_gaps(tokens, context.gaps)
    if context.gaps.signs:
        find_gaps(tokens, context.gaps)
    if any(token.kind is Kind.GAP for token in tokens) or "</" in text:
        drop_crossing_emphasis(tokens)
    return tokens


def _parsed(text: str, context: Context) -> list[Token | Parsed]:
    """Return our tokens and those of CommonMark, in order."""
    references = context.references
    has_links = "](" in text or references
    environment = {
        "references": references,
        "links": has_links and text.count("[") - text.count("]") < _MOST_OPEN,
        "context": context,
        "jinja": "{{" in text and "{%" in text and _STATEMENT.search(text),
    }
    parser = _parser()
    state = State(text, parser, environment, [])
    parser.inline.tokenize(state)
    for rule in parser.inline.ruler2.getRules(""):
        rule(state)
    return state.tokens


def _token_of(part: Parsed) -> Token:
    """Return our token for one of CommonMark."""
    words = part.content
    match part.type:
        case "text":
            return Token(Kind.TEXT, words, words)
        case "text_special":
            written = part.markup if part.info == "escape" else literal(words)
            kind = Kind.TEXT if words.isspace() else Kind.ATOM
            return Token(kind, words, written)
        case "link_open" | "link_close":
            address = str(part.attrs.get("href", ""))
            return Token(Kind.GONE, target=address)
        case _:
            note = "strong" if part.tag == "strong" else ""
            return Token(Kind.EMPHASIS, "", part.markup, note)


def _escape_sign(tokens: Sequence[Token], index: int) -> None:
    """Escape a sign of emphasis that is read as text, so that it stays text."""
    token = tokens[index]
    before = tokens[index - 1].plain[-1:] if index else ""
    after = ""
    if index + 1 < len(tokens):
        after = tokens[index + 1].plain[:1]
    is_between_letters = re.fullmatch(r"\w\w", before + after)
    is_in_word = token.plain == "_" and is_between_letters
    if (before + after).strip() and not is_in_word:
        token.become(Kind.ATOM, token.plain, f"\\{token.plain}")


# --- the parser -----------------------------------------------------------------------

_LINE_END = regex(r"\\?\n[ \t]*")


def _read_line_end(state: StateInline, silent: bool) -> bool:
    r"""Read the end of a line, hard or not: an inline rule of markdown-it."""
    match = _LINE_END.match(state.src, state.pos)
    if match is None or silent:
        return False
    assert isinstance(state, State)
    if state.context.verbatim:
        markdown = match[0]
    else:
        is_hard = match[0][0] == "\\" or state.pending.endswith("  ")
        markdown = HARD_BREAK if is_hard else " "
        state.pending = state.pending.rstrip(" ")
    state.add(Kind.BREAK, " ", markdown)
    state.pos = match.end()
    return True


def _read_link(state: StateInline, silent: bool) -> bool:
    return bool(state.env["links"]) and rules_inline.link(state, silent)


_Rule = Callable[[StateInline, bool], bool]
_READ_TEXT: tuple[_Rule, ...] = (rules_inline.text,)
# The inline rules by the character at which they begin; trying all of them takes twice
# as long.
_RULES: dict[str, tuple[_Rule, ...]] = {
    **dict.fromkeys(STARTS, (read_sign,)),
    "\n": (_read_line_end,),
    "\\": (_read_line_end, rules_inline.escape),
    "*": (rules_inline.emphasis.tokenize,),
    "_": (rules_inline.emphasis.tokenize,),
    "~": (read_sign, rules_inline.strikethrough.tokenize),
    "[": (read_sign, _read_link),
    "&": (rules_inline.entity,),
}


class _Parser(ParserInline):
    """markdown-it's inline parser, which looks up the rules for a character."""

    def tokenize(self, state: StateInline) -> None:
        while state.pos < state.posMax:
            for rule in _RULES.get(state.src[state.pos], _READ_TEXT):
                if rule(state, False):
                    break
            else:
                state.append_pending(state.src[state.pos])
                state.pos += 1
        if state.pending:
            state.pushPending()


@lru_cache(maxsize=1)
def _parser() -> MarkdownIt:
    parser = MarkdownIt("commonmark")
    parser.inline = _Parser()
    for sign in (COMMENT, CONTINUED, MATHS):
        parser.inline.add_terminator_char(sign)
    # rules that skip the label of a link
    parser.inline.ruler.after("text", "signs", read_sign)
    parser.inline.ruler.disable(["linkify", "autolink", "html_inline", "image"])
    parser.inline.ruler2.disable("fragments_join")
    # addresses stay as written
    parser.normalizeLink = parser.normalizeLinkText = str  # type: ignore[assignment]
    parser.validateLink = bool  # type: ignore[assignment]
    return parser
