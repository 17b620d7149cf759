"""Parse the text of a block into tokens by markdown-it with rules of our own, and pair them."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import lru_cache
from itertools import pairwise
from urllib.parse import unquote

from markdown_it import MarkdownIt, rules_inline
from markdown_it.parser_inline import ParserInline
from markdown_it.rules_inline import StateInline
from markdown_it.token import Token as Parsed

from ankiforge.extract.markdown.placeholders import (
    COMMENT,
    CONTINUED,
    MATHS,
    PLACEHOLDERS,
    restored,
)
from ankiforge.extract.markdown.signs import (
    HARD_BREAK,
    INSIDE,
    STARTS,
    Gaps,
    InlineContext,
    InlineToken,
    SignKind,
    State,
    read_sign,
    sound_at,
)
from ankiforge.text import regex
from ankiforge.text.cloze import literal

# The start of a statement of Liquid or Jinja: the braces in such a text are theirs.
_STATEMENT = regex(r"\{%-?\s*[a-z]")
# The rest of an entity, which an `&` before it would begin: `&amp;lt;`.
_ENTITY_REST = regex(r"#?\w{1,32};")
# Brackets that are never closed, above which a text has no links; bounds the work.
_MOST_OPEN = 500


def tokenized(text: str, context: InlineContext) -> list[InlineToken]:
    """Parse a block with markdown-it, and pair the tokens that open and close something."""
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
    parsed: list[InlineToken | Parsed] = state.tokens
    tokens = [
        part if isinstance(part, InlineToken) else _token_of(part) for part in parsed
    ]

    _pair_as_parsed(tokens, parsed, context)
    if not context.verbatim:
        for index, part in enumerate(parsed):
            if not isinstance(part, InlineToken) and part.content in ("*", "_", "~~"):
                _escape_sign(tokens, index)
    if "&" in text:
        for token, following in pairwise(tokens):
            if token.markdown == "&" and _ENTITY_REST.match(following.markdown):
                token.become(SignKind.ATOM, token.plain, r"\&")
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
    if any(token.kind is SignKind.GAP for token in tokens) or "</" in text:
        drop_crossing_emphasis(tokens)
    return tokens


def _pair_as_parsed(
    tokens: list[InlineToken],
    parsed: Sequence[InlineToken | Parsed],
    context: InlineContext,
) -> None:
    """Pair the tokens that markdown-it has paired; behind a link to a sound stands the sound."""
    openers = list[int]()
    for index, part in enumerate(parsed):
        if isinstance(part, InlineToken) or not part.nesting:
            continue
        if part.nesting > 0:
            openers.append(index)
            continue
        opener = openers.pop()
        pair(tokens, opener, index)
        target = tokens[opener].target
        sound = sound_at(context, unquote(target)) if target else ""
        if sound:
            tokens[index].kind = SignKind.PICTURE
            tokens[index].markdown = sound


def _token_of(part: Parsed) -> InlineToken:
    """Return our token for one of CommonMark."""
    words = part.content
    match part.type:
        case "text":
            return InlineToken(SignKind.TEXT, words, words)
        case "text_special":
            written = part.markup if part.info == "escape" else literal(words)
            kind = SignKind.TEXT if words.isspace() else SignKind.ATOM
            return InlineToken(kind, words, written)
        case "link_open" | "link_close":
            address = str(part.attrs.get("href", ""))
            return InlineToken(SignKind.GONE, target=address)
        case _:
            note = "strong" if part.tag == "strong" else ""
            return InlineToken(SignKind.EMPHASIS, "", part.markup, note)


def _escape_sign(tokens: Sequence[InlineToken], index: int) -> None:
    """Escape a sign of emphasis that is read as text, so that it stays text."""
    token = tokens[index]
    before = tokens[index - 1].plain[-1:] if index else ""
    after = ""
    if index + 1 < len(tokens):
        after = tokens[index + 1].plain[:1]
    is_in_word = token.plain == "_" and re.fullmatch(r"\w\w", before + after)
    if (before + after).strip() and not is_in_word:
        token.become(SignKind.ATOM, token.plain, f"\\{token.plain}")


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
    state.add(SignKind.BREAK, " ", markdown)
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
    for sign in (COMMENT, CONTINUED, MATHS, "＝", "【", "\ue200"):
        parser.inline.add_terminator_char(sign)
    # rules that skip the label of a link
    parser.inline.ruler.after("text", "signs", read_sign)
    parser.inline.ruler.disable(["linkify", "autolink", "html_inline", "image"])
    parser.inline.ruler2.disable("fragments_join")
    # addresses stay as written
    parser.normalizeLink = parser.normalizeLinkText = str  # type: ignore[assignment]
    parser.validateLink = bool  # type: ignore[assignment]
    return parser


# --- pairs ----------------------------------------------------------------------------


def pair(tokens: list[InlineToken], opener: int, closer: int) -> None:
    """Make partners of two tokens, which show nothing then."""
    tokens[opener].partner = closer
    tokens[closer].partner = opener
    tokens[opener].plain = ""
    tokens[closer].plain = ""


def _drop_unpaired(tokens: list[InlineToken], kind: SignKind) -> None:
    """Turn the unpaired tokens of a kind into plain text."""
    for token in tokens:
        if token.kind is kind and token.partner < 0:
            token.become(SignKind.TEXT if token.plain else SignKind.GONE, token.plain)


# --- marks ----------------------------------------------------------------------------


def pair_marks(tokens: list[InlineToken]) -> None:
    """Pair the signs of marks within a block, also across its line ends."""
    openers: dict[str, int] = {}
    for index, token in enumerate(tokens):
        if token.kind is not SignKind.MARK:
            continue
        sign = token.markdown
        opener = openers.get(sign, -1) if token.closes else -1
        # `a==b or c==d` compares values
        are_inside = opener >= 0 and tokens[opener].note == token.note == INSIDE
        if are_inside and any(" " in one.plain for one in tokens[opener:index]):
            opener = -1
        if opener >= 0:
            del openers[sign]
            pair(tokens, opener, index)
        elif token.opens:
            openers[sign] = index
    _drop_unpaired(tokens, SignKind.MARK)


# --- emphasis -------------------------------------------------------------------------


def pair_elements(tokens: list[InlineToken]) -> None:
    """Pair the tags of elements such as `<b>`; those without a partner show nothing."""
    tags = [
        index
        for index, token in enumerate(tokens)
        if token.kind is SignKind.EMPHASIS and (token.opens or token.closes)
    ]
    openers = list[int]()
    open_tags = Counter[str]()
    for index in tags:
        token = tokens[index]
        if token.opens:
            openers.append(index)
            open_tags[token.markdown] += 1
            continue
        opening_tag = token.markdown.replace("/", "")
        while open_tags[opening_tag]:
            # those opened later are never closed
            opener = openers.pop()
            open_tags[tokens[opener].markdown] -= 1
            if tokens[opener].markdown == opening_tag:
                if not open_tags[opening_tag]:  # our Markdown has no <b> in <b>
                    pair(tokens, opener, index)
                break
    for index in tags:
        if tokens[index].partner < 0:
            tokens[index].become(SignKind.GONE)


def drop_crossing_emphasis(tokens: list[InlineToken]) -> None:
    """Drop emphasis that begins inside a cloze or other emphasis and ends outside."""
    openers = list[int]()
    for index, token in enumerate(tokens):
        if token.partner < 0 or token.kind not in (SignKind.EMPHASIS, SignKind.GAP):
            continue
        if token.partner > index:
            openers.append(index)
            continue
        # what was dropped meanwhile has no partner any more
        while openers[-1] != token.partner and tokens[openers[-1]].partner < 0:
            openers.pop()
        if openers[-1] == token.partner:
            openers.pop()
        elif token.kind is SignKind.EMPHASIS:
            _drop_pair(tokens, token.partner)
        else:
            while openers[-1] != token.partner:
                _drop_pair(tokens, openers.pop())
            openers.pop()


def _drop_pair(tokens: list[InlineToken], opener: int) -> None:
    """Make two partners show nothing; one that was dropped already stays so."""
    closer = tokens[opener].partner
    if closer >= 0:
        tokens[opener].become(SignKind.GONE)
        tokens[closer].become(SignKind.GONE)


# --- hand-written clozes --------------------------------------------------------------

# Clozes within each other, above which a block has none; Anki itself reads no more than
# a few.
_DEEPEST = 10


@dataclass(slots=True)
class _Brace:
    """A brace that was opened, or `{{`; by the indices of its tokens."""

    opener: int
    closer: int = -1
    second: int = -1
    """Of the second sign of `}}`, -1 = there is none."""
    hint: int = -1
    """Of the `::` before the hint of its cloze, -1 = there is none."""


def pair_gaps(tokens: list[InlineToken], gaps: Gaps) -> None:
    """Pair `{{` and `}}`, also across line ends, and the single braces of a dialect.

    Braces must balance.
    """
    braces = _Braces(tokens, gaps)
    for index, token in enumerate(tokens):
        braces.read(index, token)
    if braces.deepest <= _DEEPEST:
        for cloze in braces.clozes:
            tokens[cloze.closer].become(SignKind.GAP, "", "}}")
            pair(tokens, cloze.opener, cloze.closer)
            if cloze.second >= 0:
                tokens[cloze.second].become(SignKind.GONE)
            if cloze.hint >= 0:
                for token in tokens[cloze.hint : cloze.closer]:
                    token.kind = SignKind.HINT
                    token.plain = ""
    _drop_unpaired(tokens, SignKind.GAP)


class _Braces:
    """The braces of a block, token by token: which are open, and which made a cloze."""

    def __init__(self, tokens: Sequence[InlineToken], gaps: Gaps) -> None:
        self._tokens = tokens
        self._single = "{" in gaps.signs
        """Whether `{x}` is a cloze."""
        self._opened: list[_Brace] = []
        """The innermost last; of `{{{`, three."""
        self.clozes: list[_Brace] = []
        self.deepest = 0
        """The number of braces that were open at once."""

    def read(self, index: int, token: InlineToken) -> None:
        """Read the next token."""
        if self.clozes and self.clozes[-1].second == index:
            return
        if token.kind is SignKind.GAP:
            self._opened.append(_Brace(index))
        elif token.kind is SignKind.TEXT and token.plain.startswith("{"):
            self._opened += [_Brace(index) for _ in token.plain]
        elif token.kind is SignKind.TEXT and self._opened:
            innermost = self._opened[-1]
            if token.plain == "}":
                self._close(innermost, index)
            elif token.plain == "::" and innermost.hint < 0:
                if self._tokens[innermost.opener].kind is SignKind.GAP:
                    innermost.hint = index
        self.deepest = max(self.deepest, len(self._opened))

    def _close(self, brace: _Brace, index: int) -> None:
        """Close the innermost brace, or, if there are two, the cloze."""
        brace.closer = index
        opener = self._tokens[brace.opener]
        following = self._tokens[index + 1 : index + 2]
        is_double = any(token.plain == "}" for token in following)
        if opener.kind is SignKind.TEXT:
            self._opened.pop()
            inside = {token.kind for token in self._tokens[brace.opener + 1 : index]}
            if not self._single or is_double or opener.plain != "{" or not inside:
                return
            if inside.isdisjoint((SignKind.GAP, SignKind.BREAK)):
                opener.become(SignKind.GAP, opener.plain, "")
                self.clozes.append(brace)
        elif is_double:
            self._opened.pop()
            brace.second = index + 1
            self.clozes.append(brace)


# --- clozes of a dialect --------------------------------------------------------------

# The number of a cloze before its answer: `==1;;answer;;hint==`, `{2:answer}`,
# `{c2::answer}`.
_NUMBER = regex(r"(?:c?(\d{1,3})(?:;;|::?|\|)|[ash]+;;)(?=.)")


def find_gaps(tokens: list[InlineToken], gaps: Gaps) -> None:
    """Make numbered clozes of the signs of a dialect, each on one line."""
    unnumbered = 0
    for index, token in enumerate(tokens):
        sign = "bold" if token.note == "strong" else token.markdown
        if token.kind is not SignKind.GAP and sign not in gaps.signs:
            continue
        inside = []
        if token.partner > index:
            inside = tokens[index + 1 : token.partner]
        is_broken = any(part.kind in (SignKind.BREAK, SignKind.GAP) for part in inside)
        if is_broken or not inside:
            continue
        closer = tokens[token.partner]
        number = token.note if token.kind is SignKind.GAP else ""
        before_answer = _NUMBER.match("".join([part.plain for part in inside]))
        if not number and before_answer:
            # the number before the answer is cut off
            number = before_answer[1] or ""
            length_left = before_answer.end()
            for part in inside:
                if length_left > 0 and part.kind is SignKind.TEXT:
                    length = len(part.plain)
                    part.plain = part.plain[length_left:]
                    part.markdown = part.plain
                    length_left -= length
        # the hint moves to the token that closes: `answer;;hint`
        last = inside[-1]
        answer, _, hint = last.plain.partition(";;")
        if last.kind is SignKind.TEXT and answer and hint:
            last.plain = answer
            last.markdown = answer
            closer.markdown = f"::{hint}}}}}"
        if not number:
            unnumbered += 1
            number = "1" if gaps.together else str(unnumbered)
        for end in (token, closer):
            end.note = number
            end.kind = SignKind.GAP
