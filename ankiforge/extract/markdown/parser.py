"""Parse the text of a block into tokens by markdown-it with rules of our own, and pair them."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Callable, Iterable, Sequence
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
# What a power has on its sides.
_OPERAND = regex(r"(?<!\w)(?:\d+|\w)\s?\Z")
_OPERAND_BEHIND = regex(r"\s?(?:\d+|\w)(?!\w)")
# Brackets that are never closed, above which a text has no links; bounds the work.
_MOST_OPEN = 500


def tokenized(text: str, context: InlineContext) -> list[InlineToken]:
    """Parse a block with markdown-it, and pair the tokens that open and close something."""
    parsed = _parsed(text, context)
    tokens = [
        part if isinstance(part, InlineToken) else _token_of(part) for part in parsed
    ]
    for place, token in enumerate(tokens):
        token.place = place
    _pair_as_parsed(tokens, parsed, context)

    # what would read as a sign in our Markdown, and what a placeholder stands for
    if not context.verbatim:
        _escape_signs(tokens, parsed)
    if "&" in text:  # each that would begin an entity with what follows it
        for token, following in pairwise(tokens):
            if token.markdown == "&" and _ENTITY_REST.match(following.markdown):
                token.become(SignKind.ATOM, token.plain, r"\&")
    if not text.isascii() and PLACEHOLDERS.search(text):
        for token in tokens:
            token.plain = restored(token.plain, context.maths)
            token.markdown = restored(token.markdown, context.maths)

    # the signs that are ours
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


def _parsed(text: str, context: InlineContext) -> list[InlineToken | Parsed]:
    """Return the tokens of CommonMark and of our own signs in a text, as markdown-it has them."""
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


def _pair_as_parsed(
    tokens: Sequence[InlineToken],
    parsed: Sequence[InlineToken | Parsed],
    context: InlineContext,
) -> None:
    """Pair the tokens that markdown-it has paired; behind a link to a sound stands the sound."""
    openers = list[InlineToken]()
    for token, part in zip(tokens, parsed, strict=True):
        if isinstance(part, InlineToken) or not part.nesting:
            continue
        if part.nesting > 0:
            openers.append(token)
            continue
        opener = openers.pop()
        pair(opener, token)
        sound = sound_at(context, unquote(opener.target)) if opener.target else ""
        if sound:
            token.kind = SignKind.PICTURE
            token.markdown = sound


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


def _escape_signs(
    tokens: Sequence[InlineToken], parsed: Sequence[InlineToken | Parsed]
) -> None:
    """Escape the signs of emphasis that are read as text, so that they stay text.

    Two stars were meant to make words bold, `** H3N8 **`, and are not shown, but between numbers
    or letters: `2 ** 3`.
    """
    stars = []
    for token, part in zip(tokens, parsed, strict=True):
        if not isinstance(part, InlineToken) and part.content == "*":
            stars.append(token)
    for star, second in pairwise(stars):
        if second.place != star.place + 1:
            continue
        before = tokens[star.place - 1].plain if star.place else ""
        behind = tokens[second.place + 1 : second.place + 2]
        if not (
            _OPERAND.search(before) and behind and _OPERAND_BEHIND.match(behind[0].plain)
        ):
            star.become(SignKind.ATOM, star.plain, "")
            second.become(SignKind.ATOM, second.plain, "")
    for token, part in zip(tokens, parsed, strict=True):
        if token.kind is SignKind.ATOM:
            continue
        if isinstance(part, InlineToken) or part.content not in ("*", "_", "~~"):
            continue
        before = tokens[token.place - 1].plain[-1:] if token.place else ""
        behind = tokens[token.place + 1 : token.place + 2]
        after = behind[0].plain[:1] if behind else ""
        if token.plain == "_" and re.fullmatch(r"\w\w", before + after):
            continue
        if (before + after).strip():
            token.become(SignKind.ATOM, token.plain, f"\\{token.plain}")


# --- the parser -----------------------------------------------------------------------

# The end of a line, hard or not; and a backslash at the end of a paragraph, meant as a hard one.
_LINE_END = regex(r"(?P<last>\\(?=\Z|\n[ \t]*(?:\n|\Z)))|\\?\n[ \t]*")


def _read_line_end(state: StateInline, silent: bool) -> bool:
    r"""Read the end of a line, hard or not: an inline rule of markdown-it."""
    match = _LINE_END.match(state.src, state.pos)
    if match is None or silent:
        return False
    assert isinstance(state, State)
    state.pos = match.end()
    if match["last"]:
        state.add(SignKind.ATOM, match[0], "")
        return True
    if state.context.verbatim:
        markdown = match[0]
    else:
        markdown = " "
        if match[0][0] == "\\" or state.pending.endswith("  "):
            markdown = HARD_BREAK
        state.pending = state.pending.rstrip(" ")
    state.add(SignKind.BREAK, " ", markdown)
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


def pair(opener: InlineToken, closer: InlineToken) -> None:
    """Make a pair of two tokens, which show nothing then."""
    opener.closer = closer
    closer.opener = opener
    opener.plain = ""
    closer.plain = ""


def inside(tokens: Sequence[InlineToken], opener: InlineToken) -> Sequence[InlineToken]:
    """Return the tokens of a pair between its opener and its closer."""
    if opener.closer is None:
        return ()
    return tokens[opener.place + 1 : opener.closer.place]


def _drop_unpaired(tokens: Iterable[InlineToken], kind: SignKind) -> None:
    """Turn the unpaired tokens of a kind into plain text."""
    for token in tokens:
        if token.kind is kind and not (token.opener or token.closer):
            token.become(SignKind.TEXT if token.plain else SignKind.GONE, token.plain)


# --- marks ----------------------------------------------------------------------------


def pair_marks(tokens: Sequence[InlineToken]) -> None:
    """Pair the signs of marks within a block, also across its line ends."""
    openers: dict[str, InlineToken] = {}
    for token in tokens:
        if token.kind is not SignKind.MARK:
            continue
        sign = token.markdown
        opener = openers.get(sign) if token.closes else None
        if opener and not _compares(tokens, opener, token):
            del openers[sign]
            pair(opener, token)
        elif token.opens:
            openers[sign] = token
    _drop_unpaired(tokens, SignKind.MARK)


def _compares(
    tokens: Sequence[InlineToken], first: InlineToken, second: InlineToken
) -> bool:
    """Return whether two signs compare values, as in `a==b or c==d`."""
    if not first.note == second.note == INSIDE:
        return False
    return any(" " in token.plain for token in tokens[first.place : second.place])


# --- emphasis -------------------------------------------------------------------------


def pair_elements(tokens: Sequence[InlineToken]) -> None:
    """Pair the tags of elements such as `<b>`; those without a partner show nothing."""
    tags = [
        token
        for token in tokens
        if token.kind is SignKind.EMPHASIS and (token.opens or token.closes)
    ]
    openers = list[InlineToken]()
    open_tags = Counter[str]()
    for tag in tags:
        if tag.opens:
            openers.append(tag)
            open_tags[tag.markdown] += 1
            continue
        opening_tag = tag.markdown.replace("/", "")
        while open_tags[opening_tag]:
            # those opened later are never closed
            opener = openers.pop()
            open_tags[opener.markdown] -= 1
            if opener.markdown == opening_tag:
                if not open_tags[opening_tag]:  # our Markdown has no <b> in <b>
                    pair(opener, tag)
                break
    for tag in tags:
        if not (tag.opener or tag.closer):
            tag.become(SignKind.GONE)


def drop_crossing_emphasis(tokens: Iterable[InlineToken]) -> None:
    """Drop emphasis that begins inside a cloze or other emphasis and ends outside.

    `**a {{c1::b *c}} d* e**` becomes `**a {{c1::b c}} d e**`: at the end of the cloze the
    inner `*` is open and is dropped; the outer `**` stays.
    """
    opened = list[InlineToken]()
    for token in tokens:
        if token.kind not in (SignKind.EMPHASIS, SignKind.GAP):
            continue
        if token.closer:
            opened.append(token)
        if token.opener is None:
            continue
        # what was dropped meanwhile has no closer any more
        while opened[-1] is not token.opener and opened[-1].closer is None:
            opened.pop()
        if token.kind is SignKind.EMPHASIS and opened[-1] is not token.opener:
            _drop_pair(token.opener)
            continue
        while opened[-1] is not token.opener:  # open at the end of a cloze
            _drop_pair(opened.pop())
        opened.pop()


def _drop_pair(opener: InlineToken) -> None:
    """Make both tokens of a pair show nothing; one that was dropped already stays so."""
    closer = opener.closer
    if closer:
        opener.become(SignKind.GONE)
        closer.become(SignKind.GONE)


# --- hand-written clozes --------------------------------------------------------------

# Clozes within each other, above which a block has none; Anki itself reads no more than
# a few.
_DEEPEST = 10


@dataclass(slots=True)
class _Brace:
    """A brace that was opened, or `{{`."""

    opener: InlineToken
    closer: InlineToken | None = None
    second: InlineToken | None = None
    """The second sign of `}}`, if there is one."""
    hint: InlineToken | None = None
    """The `::` before the hint of its cloze, if there is one."""


def pair_gaps(tokens: Sequence[InlineToken], gaps: Gaps) -> None:
    """Pair `{{` and `}}`, also across line ends, and the single braces of a dialect.

    Braces must balance.
    """
    braces = _Braces(tokens, gaps)
    for token in tokens:
        braces.read(token)
    if braces.deepest <= _DEEPEST:
        for cloze in braces.clozes:
            assert cloze.closer
            cloze.closer.become(SignKind.GAP, "", "}}")
            pair(cloze.opener, cloze.closer)
            if cloze.second:
                cloze.second.become(SignKind.GONE)
            if cloze.hint:
                for token in tokens[cloze.hint.place : cloze.closer.place]:
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

    def read(self, token: InlineToken) -> None:
        """Read the next token."""
        if self.clozes and self.clozes[-1].second is token:
            return
        if token.kind is SignKind.GAP:
            self._opened.append(_Brace(token))
        elif token.kind is SignKind.TEXT and token.plain.startswith("{"):
            self._opened += [_Brace(token) for _ in token.plain]
        elif token.kind is SignKind.TEXT and self._opened:
            innermost = self._opened[-1]
            if token.plain == "}":
                self._close(innermost, token)
            elif token.plain == "::" and innermost.opener.kind is SignKind.GAP:
                innermost.hint = innermost.hint or token
        self.deepest = max(self.deepest, len(self._opened))

    def _close(self, brace: _Brace, closer: InlineToken) -> None:
        """Close the innermost brace, or, if there are two, the cloze."""
        brace.closer = closer
        opener = brace.opener
        following = self._tokens[closer.place + 1 : closer.place + 2]
        is_double = any(token.plain == "}" for token in following)
        if opener.kind is not SignKind.TEXT:
            if is_double:
                self._opened.pop()
                brace.second = following[0]
                self.clozes.append(brace)
            return
        self._opened.pop()
        if not self._single or is_double or opener.plain != "{":
            return
        kinds = {token.kind for token in self._tokens[opener.place + 1 : closer.place]}
        if kinds and kinds.isdisjoint((SignKind.GAP, SignKind.BREAK)):
            opener.become(SignKind.GAP, opener.plain, "")
            self.clozes.append(brace)


# --- clozes of a dialect --------------------------------------------------------------

# The number of a cloze before its answer: `==1;;answer;;hint==`, `{2:answer}`,
# `{c2::answer}`.
_NUMBER = regex(r"(?:c?(\d{1,3})(?:;;|::?|\|)|[ash]+;;)(?=.)")


def find_gaps(tokens: Sequence[InlineToken], gaps: Gaps) -> None:
    """Make numbered clozes of the signs of a dialect, each on one line."""
    unnumbered = 0
    for opener in tokens:
        if not _opens_gap(opener, gaps):
            continue
        answer = inside(tokens, opener)
        kinds = {token.kind for token in answer}
        if not kinds or not kinds.isdisjoint((SignKind.BREAK, SignKind.GAP)):
            continue
        assert opener.closer
        number = opener.note if opener.kind is SignKind.GAP else ""
        number = number or _cut_number(answer)
        _move_hint(answer[-1], opener.closer)
        if not number:
            unnumbered += 1
            number = "1" if gaps.together else str(unnumbered)
        for end in (opener, opener.closer):
            end.note = number
            end.kind = SignKind.GAP


def _opens_gap(token: InlineToken, gaps: Gaps) -> bool:
    """Return whether a token is a sign before a cloze: `{{`, or one of the dialect."""
    sign = "bold" if token.note == "strong" else token.markdown
    return token.kind is SignKind.GAP or sign in gaps.signs


def _move_hint(last: InlineToken, closer: InlineToken) -> None:
    """Move the hint behind an answer, `answer;;hint`, to the token that closes its cloze."""
    words, _, hint = last.plain.partition(";;")
    if last.kind is SignKind.TEXT and words and hint:
        last.plain = words
        last.markdown = words
        closer.markdown = f"::{hint}}}}}"


def _cut_number(answer: Sequence[InlineToken]) -> str:
    """Cut off the number before the answer of a cloze, and return it; "" if it has none."""
    number = _NUMBER.match("".join([token.plain for token in answer]))
    if number is None:
        return ""
    left = number.end()
    for token in answer:
        if left > 0 and token.kind is SignKind.TEXT:
            length = len(token.plain)
            token.plain = token.plain[left:]
            token.markdown = token.plain
            left -= length
    return number[1] or ""
