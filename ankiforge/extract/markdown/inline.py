"""The inline content of a block: its plain text, and the Markdown of any part of it.

A block is split into tokens, each with its plain text and its Markdown. A sentence, a phrase or a
side of a card is a range of tokens, so both texts come from one parse. Keys are made from the plain
text (docs/keys.md): it must not change.
"""

from __future__ import annotations

import re
from bisect import bisect_left, bisect_right
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from enum import Enum, auto
from functools import cached_property, lru_cache
from itertools import accumulate, pairwise
from typing import NamedTuple
from urllib.parse import quote, unquote

from markdown_it import MarkdownIt, rules_inline
from markdown_it.common.utils import normalizeReference
from markdown_it.parser_inline import ParserInline
from markdown_it.rules_inline import StateInline
from markdown_it.token import Token as Parsed

from ankiforge.extract.markdown.source import (
    COMMENT,
    CONTINUED,
    MATHS,
    PLACEHOLDERS,
    restored,
)
from ankiforge.model import Span
from ankiforge.text.cloze import MATH
from ankiforge.text.markdown import literal
from ankiforge.text.sentences import boundaries, trimmed


class Kind(Enum):
    """The kind of a token."""

    TEXT = auto()
    """Text whose plain text and Markdown are equal, character by character."""
    ATOM = auto()
    """An indivisible piece: the name of a link, an address, an escape, an entity."""
    OPAQUE = auto()
    """Code and maths: no sentence ends inside."""
    TAG = auto()
    BREAK = auto()
    """The end of a source line, or `<br>`."""
    PICTURE = auto()
    GONE = auto()
    """Markup of which nothing is shown."""
    FOOTNOTE = auto()
    """An inline footnote; its text is a block of its own."""
    EMPHASIS = auto()
    """One character of `*`, `_` or `~~`."""
    MARK = auto()
    """`==`, `<mark>`, `</mark>`."""
    GAP = auto()
    """`{{` or `}}` of a hand-written cloze."""
    HINT = auto()
    """`::` in such a cloze, and the hint after it."""


LABEL = "[^"
"""The `note` of the token for a label, `[^1]:`, before the text of a footnote."""


@dataclass(slots=True, eq=False)
class Token:
    """One token of a block."""

    at: int
    """Its offset in the source."""
    kind: Kind
    plain: str
    markdown: str
    note: str = ""
    """A mark's colour, a cloze's numbers, a tag's name, "strong" for the inner signs of `**`."""
    partner: int = -1
    """The index of the token it is paired with, -1 = none."""

    def become(self, kind: Kind, plain: str = "", markdown: str = "") -> None:
        """Turn into a token of another kind, without partner and note."""
        self.kind, self.plain, self.markdown = kind, plain, markdown
        self.note, self.partner = "", -1


class Link(NamedTuple):
    """A link: the indices of its first and last token, and its target."""

    first: int
    last: int
    target: str
    """The address; `[[Note#Part]]` for `[[Note#Part|words]]` and `[[file]]` for `![[file]]`."""


class Phrase(NamedTuple):
    """A marked phrase: the text between two tokens."""

    opener: int
    closer: int
    span: Span
    """In code points of the block's plain text, without white space at the ends."""
    sign: str
    """`==`, `mark`, `bold`, or `{{`."""
    note: str
    """The colour of a mark, or the numbers of a cloze."""


class Context(NamedTuple):
    """What the text of a block may refer to."""

    maths: tuple[str, ...] = ()
    """The multi-line maths of the note, by number."""
    references: Mapping[str, str] = {}
    """The targets of the link labels that the note defines, by casefolded label."""
    picture: Callable[[str], str] = str
    """Returns the path of an embedded file below the vault; "" if it is not a picture."""
    verbatim: bool = False
    """Whether to keep line breaks and signs as they are: for text of several blocks."""


NO_CONTEXT = Context()
"""For text that is parsed by itself."""

_LABEL = re.compile(
    r"(?:yellow|red|green|blue|purple|magenta|orange|gr[ae]y|pink)\s+(?:highlight|underline|annotation)",
    re.IGNORECASE,
)
"""`<mark>Yellow highlight</mark>`: the kind of an annotation, written by a template; no mark."""
_BLOCK_SIGN = re.compile(r"(?:#{1,6}|[>+*-]|\d{1,9}(?=[.)]))(?=[.)]?(?:\s|$))")
_HIDDEN = (Kind.HINT, Kind.MARK, Kind.GAP)


class Inline:
    """The parsed content of one block."""

    def __init__(self, tokens: list[Token], links: list[Link]) -> None:
        self.tokens = tokens
        self.links = links
        self.starts = list(accumulate((len(token.plain) for token in tokens), initial=0))
        """The offset of each token in the plain text; one more for the end."""
        self.plain = "".join([token.plain for token in tokens])

    @property
    def targets(self) -> list[tuple[Span, str]]:
        """(span in the plain text, target) of each link, in order."""
        starts = self.starts
        return [((starts[one.first], starts[one.last + 1]), one.target) for one in self.links]

    @property
    def is_footnote(self) -> bool:
        """Whether the block begins with the label of a footnote."""
        return bool(self.tokens) and self.tokens[0].note == LABEL

    @property
    def tags(self) -> tuple[str, ...]:
        """The `#tags` of the block, without `#`."""
        return tuple([token.note for token in self.tokens if token.kind is Kind.TAG])

    @property
    def footnotes(self) -> list[str]:
        """The sources of the inline footnotes in the block."""
        return [token.note for token in self.tokens if token.kind is Kind.FOOTNOTE]

    def breaks(self, at: int) -> bool:
        """Return whether a line of the source ends at an offset of the plain text."""
        low = bisect_left(self.starts, at - 1)
        high = min(bisect_right(self.starts, at), len(self.tokens))
        return any(token.kind is Kind.BREAK for token in self.tokens[low:high])

    def sentences(self) -> list[Span]:
        """Return the spans of the sentences; none ends inside code, maths or the name of a link."""
        words = "".join(
            "X" * len(token.plain) if token.kind is Kind.OPAQUE else token.plain
            for token in self.tokens
        )
        edges = [0]
        for edge in boundaries(words):
            at = bisect_right(self.starts, edge) - 1
            if self.starts[at] == edge or self.tokens[at].kind is Kind.TEXT:
                edges.append(edge)
        spans = [trimmed(self.plain, *pair) for pair in pairwise([*edges, len(self.plain)])]
        return [span for span in spans if span[0] < span[1]]

    def unmarked_text(self) -> str:
        """Return the plain text with `…` for each character that is marked or written as markup."""
        marked = 0
        words: list[str] = []
        for at, token in enumerate(self.tokens):
            if token.kind is Kind.MARK and token.partner >= 0:
                marked += 1 if token.partner > at else -1
            is_open = token.kind in (Kind.TEXT, Kind.BREAK) and not marked
            words.append(token.plain if is_open else "…" * len(token.plain))
        return "".join(words)

    @cached_property
    def phrases(self) -> tuple[Phrase, ...]:
        """The marked phrases and clozes that contain text, by start."""
        found = []
        for at, token in enumerate(self.tokens):
            if token.partner <= at:
                continue
            if token.kind is Kind.MARK:
                sign = "==" if token.markdown == "==" else "mark"
            elif token.kind is Kind.GAP or token.note == "strong":
                sign = "{{" if token.kind is Kind.GAP else "bold"
            else:
                continue
            span = trimmed(self.plain, self.starts[at + 1], self.starts[token.partner])
            inside = self.tokens[at : token.partner] if sign == "bold" else ()
            if span[0] < span[1] and not any(one.kind is Kind.BREAK for one in inside):
                found.append(Phrase(at, token.partner, span, sign, token.note))
        return tuple(found)

    def markdown(
        self, start: int, end: int, phrases: Sequence[Phrase] = (), bold: bool = True
    ) -> tuple[str, tuple[Span, ...]]:
        """Return the Markdown of [start, end) of the plain text, and the phrases' spans in it.

        The phrases are in order and do not overlap. Emphasis that crosses an edge of the range or
        of a phrase is dropped; so is strong emphasis unless `bold`. A range that reaches an end of
        the block includes the pictures there.
        """
        low, high = self._tokens_of(start, end)
        openers = [phrase.opener for phrase in phrases]
        parts: list[str] = []
        edges: dict[int, int] = {}
        length = 0
        for at in range(low, high):
            edges[at] = length
            token = self.tokens[at]
            if token.kind in _HIDDEN or not self._shows(at, low, high, bold):
                continue
            if token.kind is Kind.EMPHASIS and phrases:
                inside = _phrase_at(at, openers, phrases)
                if inside != _phrase_at(token.partner, openers, phrases):
                    continue
            written = token.markdown
            begins = self.starts[at]
            if token.kind is Kind.TEXT:
                written = written[max(0, start - begins) : max(0, end - begins)]
                if not length and (sign := _BLOCK_SIGN.match(written)):
                    # at the start of the Markdown it would begin a block: escape it
                    digits = sign[0].isdigit()
                    escaped = f"{sign[0]}\\" if digits else f"\\{sign[0]}"
                    written = escaped + written[sign.end() :]
            elif begins >= end and token.plain:
                continue
            parts.append(written if length else written.lstrip(" "))
            length += len(parts[-1])
        text = "".join(parts)
        return text.rstrip(), tuple(
            trimmed(text, edges.get(phrase.opener + 1, 0), edges.get(phrase.closer, length))
            for phrase in phrases
        )

    def source(self, *, gaps: bool = False) -> str:
        """Return the Markdown of the block without the signs of marks and clozes.

        With `gaps`, its clozes, all of them numbered, are kept in our grammar.
        """
        parts = []
        for at, token in enumerate(self.tokens):
            if gaps and token.kind is Kind.GAP:
                parts.append(f"{{{{c{token.note}::" if token.partner > at else "}}")
            elif token.kind not in _HIDDEN or (gaps and token.kind is Kind.HINT):
                parts.append(token.markdown)
        return "".join(parts)

    def cloze(self) -> str:
        """Return the Markdown of the block with numbered clozes in our grammar."""
        numbers = [re.findall(r"\d+", one.note) for one in self.tokens if one.kind is Kind.GAP]
        free = max((int(number) for each in numbers for number in each), default=0)
        parts: list[str] = []
        for at, token in enumerate(self.tokens):
            if token.kind is Kind.GAP and token.partner > at:
                free += not token.note
                parts.append(f"{{{{c{token.note or free}::")
            elif token.kind is Kind.GAP:
                blank = " " if parts[-1].endswith(" ") else ""
                parts[-1:] = [parts[-1].rstrip(" "), "}}", blank]
            elif token.kind is not Kind.MARK and self._shows(at, 0, len(self.tokens), bold=True):
                parts.append(token.markdown)
        return "".join(parts).strip()

    def _tokens_of(self, start: int, end: int) -> Span:
        """Return the token range of [start, end), with openers and closers at its edges."""
        tokens, starts = self.tokens, self.starts
        low, high = bisect_right(starts, start) - 1, bisect_right(starts, end - 1)
        while low and starts[low] == start:
            if tokens[low - 1].plain or -1 < tokens[low - 1].partner < low - 1:
                break
            low -= 1
        while high < len(tokens) and starts[high] == end:
            # a picture has no plain text: only an empty range includes it
            if not -1 < tokens[high].partner < high and (start != end or tokens[high].plain):
                break
            high += 1
        return (
            low if self.plain[:start].strip() else 0,
            high if self.plain[end:].strip() else len(tokens),
        )

    def _shows(self, at: int, low: int, high: int, bold: bool) -> bool:
        """Return whether a token is written: emphasis only if its partner is in the range, too."""
        token = self.tokens[at]
        if token.kind is not Kind.EMPHASIS:
            return True
        return low <= token.partner < high and (bold or not token.note)


def _phrase_at(at: int, openers: list[int], phrases: Sequence[Phrase]) -> int:
    """Return the index of the phrase that contains a token, -1 if none does."""
    index = bisect_right(openers, at) - 1
    inside = index >= 0 and phrases[index].opener < at < phrases[index].closer
    return index if inside else -1


def outermost(phrases: Iterable[Phrase]) -> tuple[Phrase, ...]:
    """Return the phrases that lie in no other; of overlapping ones the first counts."""
    found: list[Phrase] = []
    for phrase in sorted(phrases, key=lambda phrase: (phrase.span[0], -phrase.span[1])):
        if not found or phrase.span[0] >= found[-1].span[1]:
            found.append(phrase)
    return tuple(found)


# --- tokens ---------------------------------------------------------------------------------

_TARGET = (
    r"\([ \t]*(?:<(?P<angled>[^<>\n]*)>|(?P<bare>[^\s()<>]*(?:\([^\s()]*\)[^\s()]*)*))"
    r"(?:\s+(?:\"[^\"\n]*\"|'[^'\n]*'))?[ \t]*\)"
)
_SIGNS = re.compile(
    rf"""
      (?P<lines>{MATHS}(?P<number>\d+){MATHS})
    | (?P<label>(?<![^\n])\[\^[^\[\]\s]+\]:[ \t]*)
    | (?P<gone>[{COMMENT}{CONTINUED}]+|\[\^[^\[\]\s]+\])
    | (?P<maths>\$\$(?:[^$\\]|\\.|\$(?!\$))+\$\$|{MATH})
    | (?P<embed>!\[\[(?P<file>[^\[\]\n]+)\]\])
    | (?P<picture>!\[(?P<alt>[^\[\]\n]*)\]{_TARGET})
    | (?P<wiki>\[\[(?P<target>[^\[\]\n]+)\]\])
    | (?P<footnote>\^\[(?P<words>[^\[\]\n]*)\])
    | (?P<templater><%[^\n]{{0,200}}?%>)
    | (?P<address><(?P<url>[A-Za-z][A-Za-z0-9+.-]{{1,31}}:[^<>\s]*)>)
    | (?P<html></?(?P<name>[A-Za-z][A-Za-z0-9-]*)(?P<with>(?:[\s/][^<>]*)?)>)
    | (?P<hash>(?<![^\s{COMMENT}])\#(?=[\w/-]*[^\W\d])[\w/-]+)
    | (?P<mark>(?<!=)(?:==|====)(?!=)|~=\{{(?P<colour>[\w-]+)\}}[ ]?|(?<!=)=~)
    | (?P<gap>(?<!\{{)\{{\{{(?!\{{)(?:c(?P<numbers>\d{{1,3}}(?:,\d{{1,3}})*)::|cloze[ ]+)?)
    | (?P<text>\{{+|\}}|(?<!:)::(?!:))
    """,
    re.VERBOSE,
)
_URL = re.compile(r"://[^\s<>`]*[^\s<>`.,;:!?'\"*_~=)\]|]")
_SCHEME = re.compile(r"\b[A-Za-z][A-Za-z0-9+.-]{1,31}\Z")
_STARTS = frozenset(f"{COMMENT}{CONTINUED}{MATHS}$!:[^<#~={{}}")
_ANY_SIGN = re.compile(rf"[\\\n`$!\[\]^<&#=*_~{{}}:{COMMENT}{CONTINUED}{MATHS}]")
_IN_TEX = re.compile(r"(?:\\[A-Za-z]+\*?|[_^])\Z")
"""Before `{{`: the braces belong to a formula, closed or not."""
_MOST_OPEN = 500
"""Brackets that are never closed, above which a text has no links; bounds the work."""


def _signs(state: StateInline, silent: bool) -> bool:
    """Read what CommonMark does not know; an inline rule of markdown-it."""
    start, text = state.pos, state.src
    if text[start] not in _STARTS:
        return False
    if text.startswith("://", start):
        scheme, found = _SCHEME.search(state.pending), _URL.match(text, start)
        if scheme is None or found is None:
            return False
        kind, at = "address", start - len(scheme[0])
    else:
        found, scheme, at = _SIGNS.match(text, start), None, start
        if found is None:
            return False
        kind = str(found.lastgroup)
    if not silent:
        if scheme:
            state.pending = state.pending[: scheme.start()]
        state.push(kind, "", 0).meta = {"at": at, "match": found}
    state.pos = found.end()
    return True


def _link(state: StateInline, silent: bool) -> bool:
    return bool(state.env["links"]) and rules_inline.link(state, silent)


_TEXT = (rules_inline.text,)
_RULES: dict[str, tuple[Callable[[StateInline, bool], bool], ...]] = {
    **dict.fromkeys(_STARTS, (_signs,)),
    "\n": (rules_inline.newline,),
    "\\": (rules_inline.escape,),
    "`": (rules_inline.backtick,),
    "*": (rules_inline.emphasis.tokenize,),
    "_": (rules_inline.emphasis.tokenize,),
    "~": (_signs, rules_inline.strikethrough.tokenize),
    "[": (_signs, _link),
    "&": (rules_inline.entity,),
}
"""The inline rules by the character at which they begin; trying all of them takes twice as long."""


class _Parser(ParserInline):
    """The inline parser of markdown-it, which also notes where each token begins: `meta["at"]`."""

    def tokenize(self, state: StateInline) -> None:
        end, pending = state.posMax, state.pos
        while state.pos < end:
            at, count, is_pending = state.pos, len(state.tokens), bool(state.pending)
            pending = pending if is_pending else at
            for rule in _RULES.get(state.src[at], _TEXT):
                if rule(state, False):
                    break
            else:
                state.append_pending(state.src[at])
                state.pos = at + 1
            for token in state.tokens[count:] if len(state.tokens) > count else ():
                if token.type == "link_close":
                    at = state.env["label"]
                if is_pending and token.type == "text" and "at" not in token.meta:
                    token.meta["at"] = pending
                elif "at" not in token.meta:
                    token.meta["at"] = at
                    at += len(token.content)
                is_pending = False
        if state.pending:
            state.pushPending().meta["at"] = pending
        state.env["label"] = end


@lru_cache(maxsize=1)
def _parser() -> MarkdownIt:
    parser = MarkdownIt("commonmark")
    parser.inline = _Parser()
    for sign in (COMMENT, CONTINUED, MATHS):
        parser.inline.add_terminator_char(sign)
    parser.inline.ruler.after("text", "signs", _signs)
    parser.inline.ruler.disable(["linkify", "autolink", "html_inline", "image"])
    parser.inline.ruler2.disable("fragments_join")
    # addresses stay as written
    parser.normalizeLink = parser.normalizeLinkText = str  # type: ignore[assignment]
    parser.validateLink = bool  # type: ignore[assignment]
    return parser


def read(text: str, context: Context = NO_CONTEXT) -> Inline:
    """Parse the source of one block, without the signs of its container."""
    if not _ANY_SIGN.search(text):
        plain = text if context.verbatim else " ".join(text.split())
        return Inline([Token(0, Kind.TEXT, plain, plain)] if text else [], [])
    tokens, links = _tokenized(text, context)
    if not context.verbatim:
        _drop_outer_tags(tokens)
        _collapse_blanks(tokens)
    return Inline(tokens, links)


MASK = "\ufdd4"
"""Replaces each character that cannot be markup; it does not occur in text."""
_CLOSED = (Kind.OPAQUE, Kind.ATOM, Kind.PICTURE)
_CLOSED_SIGN = re.compile(rf"[<{COMMENT}{CONTINUED}{MATHS}]|\](?=[(\[])")


def masked(text: str, context: Context = NO_CONTEXT) -> str:
    """Return the source with `MASK` for each character that cannot be markup.

    These are the characters of code, maths, link names, addresses, HTML tags and comments.
    """
    tokens, _ = _tokenized(text, context)
    parts = []
    for token, after in pairwise([*tokens, Token(len(text), Kind.GONE, "", "")]):
        run = text[token.at : after.at]
        closed = token.kind is Kind.GONE and _CLOSED_SIGN.match(run)
        parts.append(MASK * len(run) if closed or token.kind in _CLOSED else run)
    return "".join(parts)


def _tokenized(text: str, context: Context) -> tuple[list[Token], list[Link]]:
    """Parse a block with markdown-it, and pair what opens and closes something."""
    references = {
        normalizeReference(name): {"href": target, "title": ""}
        for name, target in context.references.items()
    }
    may_link = ("](" in text or references) and text.count("[") - text.count("]") < _MOST_OPEN
    parser = _parser()
    found = parser.inline.parse(text, parser, {"references": references, "links": may_link}, [])
    hidden = not text.isascii() and PLACEHOLDERS.search(text) is not None
    tokens: list[Token] = []
    links: list[Link] = []
    opened: list[tuple[int, str]] = []
    ends = [*(one.meta["at"] for one in found[1:]), len(text)] if found else []
    for parsed, end in zip(found, ends, strict=True):
        at = parsed.meta["at"]
        token = Token(at, Kind.GONE, "", "")
        tokens.append(token)
        if parsed.nesting > 0:
            opened.append((len(tokens) - 1, str(parsed.attrs.get("href", ""))))
        elif parsed.nesting < 0:
            opener, target = opened.pop()
            if parsed.type == "link_close":
                links.append(Link(opener, len(tokens) - 1, target))
            else:
                tokens[opener].partner, token.partner = len(tokens) - 1, opener
        if match := parsed.meta.get("match"):
            if target := _read_sign(parsed.type, match, tokens, text[at : match.end()], context):
                links.append(Link(len(tokens) - 1, len(tokens) - 1, target))
        else:
            _read_parsed(parsed, token, text, end, context)
        if hidden:
            token.plain = restored(token.plain, context.maths)
            token.markdown = restored(token.markdown, context.maths)
    _pair_marks(text, tokens, context.verbatim)
    if "{{" in text:
        _pair_gaps(text, tokens)
    return tokens, links


def _read_parsed(parsed: Parsed, token: Token, text: str, end: int, context: Context) -> None:
    """Fill a token by what markdown-it says of it."""
    raw = text[token.at : end]
    match parsed.type:
        case "text":
            shown = raw if context.verbatim and parsed.content else parsed.content
            token.become(Kind.TEXT, shown, shown)
            if parsed.content in ("*", "_", "~~") and not context.verbatim:
                around = text[max(0, token.at - 1) : token.at], text[end : end + 1]
                inside = parsed.content == "_" and all(re.match(r"\w", one) for one in around)
                if any(one.strip() for one in around) and not inside:
                    token.become(Kind.ATOM, shown, f"\\{shown}")
        case "softbreak":
            token.become(Kind.BREAK, " ", raw if context.verbatim else " ")
        case "hardbreak":
            token.become(Kind.BREAK, " ", raw if context.verbatim else "  \n")
        case "code_inline":
            flat = raw.rstrip().replace("\n", " ")
            token.become(Kind.OPAQUE, flat, flat)
        case "text_special":
            blank = parsed.content.isspace()
            written = parsed.markup if parsed.info == "escape" else literal(parsed.content)
            token.become(Kind.TEXT if blank else Kind.ATOM, parsed.content, written)
        case "em_open" | "em_close" | "strong_open" | "strong_close" | "s_open" | "s_close":
            partner = token.partner
            token.become(Kind.EMPHASIS, "", parsed.markup)
            token.partner, token.note = partner, "strong" if parsed.tag == "strong" else ""


def _read_sign(
    kind: str, found: re.Match[str], tokens: list[Token], raw: str, context: Context
) -> str:
    """Fill the last token by what `_signs` found; return the target if it is a link."""
    token = tokens[-1]
    match kind:
        case "lines":
            maths = context.maths[int(found["number"])]
            flat = maths.replace("\n", " ")
            token.become(Kind.OPAQUE, flat, maths if context.verbatim else flat)
        case "label":
            token.note = LABEL
        case "maths":
            flat = raw.replace("\n", " ")
            token.become(Kind.OPAQUE, flat, flat)
        case "embed":
            path = context.picture(re.split(r"\\?\||#", found["file"])[0].strip())
            token.become(Kind.PICTURE, "", f"![]({quote(path)})" if path else "")
            return "" if path else _wiki_target(found["file"])
        case "picture":
            address = found["angled"] or found["bare"] or ""
            path = "" if "://" in address else context.picture(unquote(address))
            alt = re.sub(r"\\?\|?\d+(?:x\d+)?$", "", found["alt"])
            token.become(Kind.PICTURE, "", f"![{alt}]({quote(path) if path else address})")
        case "wiki":
            name = _shown_name(found["target"])
            token.become(Kind.ATOM, name, literal(name))
            return _wiki_target(found["target"])
        case "footnote":
            token.become(Kind.FOOTNOTE)
            token.note = found["words"]
        case "templater":
            token.become(Kind.OPAQUE, raw, literal(raw))
        case "address":
            address = raw.strip("<>")
            token.become(Kind.ATOM, address, raw)
            return address
        case "hash":
            token.become(Kind.TAG, raw, raw)
            token.note = raw[1:]
        case "html":
            _read_tag(found, tokens)
        case "mark":
            token.become(Kind.MARK, raw, raw if raw[0] == "=" else "~=")
            token.note = found["colour"] or ""
        case "gap" if _IN_TEX.search(found.string, max(0, token.at - 40), token.at):
            token.become(Kind.TEXT, raw, raw)
        case "gap":
            token.become(Kind.GAP, raw, raw)
            token.note = found["numbers"] or ""
        case "text":
            token.become(Kind.TEXT, raw, raw)
    return ""


def _read_tag(found: re.Match[str], tokens: list[Token]) -> None:
    token, name, closes = tokens[-1], found["name"].lower(), found[0][1] == "/"
    colour = _colour(found["with"])
    if name == "mark" or (name == "span" and (closes or "background" in found["with"])):
        token.become(Kind.MARK, "", f"</{name}>" if closes else f"<{name}>")
        token.note = colour
    elif name == "br":
        token.become(Kind.BREAK, " ", "  \n")
        token.note = name
    else:
        token.note = "" if closes else name
        if closes and name in SCRIPTS and len(tokens) > 2 and tokens[-3].note == name:
            words = tokens[-2]
            if words.kind is Kind.TEXT:
                words.plain = words.markdown = raised(words.plain, name)


def _wiki_target(written: str) -> str:
    """Return `[[Note#Part]]` without the text it shows."""
    return f"[[{written.partition('|')[0].rstrip(chr(92)).strip()}]]"


def _shown_name(target: str) -> str:
    """Return what Obsidian shows for `[[Note#Heading|alias]]`."""
    name, _, alias = target.partition("|")
    if alias.strip():
        return alias.strip()
    parts = [part.strip(" \\") for part in name.split("#") if not part.startswith("^")]
    return " > ".join(filter(None, parts))


_BACKGROUND = re.compile(r"background(?:-color)?\s*:\s*([^;\"']+)", re.IGNORECASE)
_CLASS = re.compile(r"class\s*=\s*(?:\"([^\"]*)\"|'([^']*)'|([\w-]+))", re.IGNORECASE)
_HEX = re.compile(r"#([0-9a-f]{3}|[0-9a-f]{6})(?:[0-9a-f]{0,2})$")
_RGB = re.compile(r"rgba?\(\s*(\d{1,3})[\s,]+(\d{1,3})[\s,]+(\d{1,3})")


def _colour(attributes: str) -> str:
    """Return the colour of a `<mark>`: `#rrggbb` or a name."""
    style = _BACKGROUND.search(attributes)
    if style is None:  # the name of a class may be a colour: `hltr-yellow`, `yellow`
        found = _CLASS.search(attributes)
        names = "".join(filter(None, found.groups())).split() if found else []
        name = next((name for name in names if "-" in name), names[0] if names else "")
        return name.rpartition("-")[2].lower()
    value = style[1].strip().lower()
    if found := _HEX.match(value):
        digits = found[1] if len(found[1]) == 6 else "".join(2 * digit for digit in found[1])
        return f"#{digits}"
    found = _RGB.match(value)
    return hex_colour(found.groups()) if found else value


def hex_colour(parts: Iterable[str]) -> str:
    """Return `#rrggbb` of three decimal numbers."""
    return "#" + "".join(f"{min(int(part), 255):02x}" for part in parts)


_ABOVE = str.maketrans(
    "0123456789+-−=()abcdefghijklmnoprstuvwxyz", "⁰¹²³⁴⁵⁶⁷⁸⁹⁺⁻⁻⁼⁽⁾ᵃᵇᶜᵈᵉᶠᵍʰⁱʲᵏˡᵐⁿᵒᵖʳˢᵗᵘᵛʷˣʸᶻ"
)
_BELOW = str.maketrans("0123456789+-−=()aehijklmnoprstuvx", "₀₁₂₃₄₅₆₇₈₉₊₋₋₌₍₎ₐₑₕᵢⱼₖₗₘₙₒₚᵣₛₜᵤᵥₓ")
SCRIPTS = {"sup": ("^", _ABOVE), "sub": ("_", _BELOW)}


def raised(text: str, name: str) -> str:
    """Return the text of a `<sup>` or `<sub>` in Unicode: `10<sup>5</sup>` is 10⁵, not 105.

    `fold` treats both as the same text. Text that cannot be written so is put in brackets if it
    contains a digit (`x^(1/2)`), because it would join digits before it; other text is left as it
    is (`K<sub>M</sub>`, `[1]`).
    """
    sign, table = SCRIPTS[name]
    if all(ord(letter) in table for letter in text):
        return text.translate(table)
    figure = text[:1] != "[" and any(letter.isdigit() for letter in text)
    return f"{sign}({text})" if figure else text


# --- blanks ---------------------------------------------------------------------------------


def _drop_outer_tags(tokens: list[Token]) -> None:
    """Remove the tags at the ends of a block from its text; they still count as its tags."""
    for order in (tokens, reversed(tokens)):
        for token in order:
            if token.kind is Kind.TAG:
                token.plain = token.markdown = ""
            elif token.plain.strip() or token.markdown.strip():
                break


def _collapse_blanks(tokens: list[Token]) -> None:
    """Collapse runs of blanks and drop those at the ends, but keep one beside a picture."""
    after_blank = True
    for at, token in enumerate(tokens):
        plain = token.plain
        if token.kind is Kind.TEXT:
            if "  " in plain or not plain.isprintable():  # no blank but " " is printable
                plain = re.sub(r"\s+", " ", plain)
            if after_blank and plain.startswith(" "):
                plain = plain[1:]
                before = tokens[at - 1] if at else token
                if before.kind is Kind.PICTURE and before.markdown:
                    before.markdown += " "
        elif token.kind is Kind.BREAK and after_blank:
            plain = ""
        if plain != token.plain:
            token.plain = token.markdown = plain
        after_blank = plain.endswith(" ") if plain else after_blank
    for at in range(len(tokens) - 1, -1, -1):
        token = tokens[at]
        if token.kind not in (Kind.TEXT, Kind.BREAK):
            if token.plain:
                break
            continue
        if token.plain.endswith(" "):
            token.plain = token.markdown = token.plain.rstrip(" ")
            after = tokens[at + 1] if at + 1 < len(tokens) else token
            if after.kind is Kind.PICTURE and after.markdown:
                after.markdown = f" {after.markdown}"
        if token.plain:
            break


# --- pairs ----------------------------------------------------------------------------------

_NEXT_BLOCK = re.compile(
    r"\\?[ \t]*\n[ \t]*(?:$|[>|]|#{1,6}\s|[-*+]\s|\d{1,9}[.)]\s|`{3}|~{3})", re.MULTILINE
)
"""A line end after which another block begins, where several blocks are parsed as one text."""
_COMPARISONS = re.compile(r"\w==\S+\s.*\S==\w$", re.ASCII | re.DOTALL)
"""`n==0 or n==1`: words touch both `==` from outside, and several words stand between."""
_OPENER_OF = {"</mark>": "<mark>", "</span>": "<span>", "=~": "~="}


def _pair(tokens: list[Token], opener: int, closer: int) -> None:
    tokens[opener].partner, tokens[closer].partner = closer, opener
    tokens[opener].plain = tokens[closer].plain = ""


def _pair_marks(text: str, tokens: list[Token], verbatim: bool) -> None:
    """Pair the signs of marks within a block, also across its line ends."""
    opened: dict[str, int] = {}
    for at, token in enumerate(tokens):
        if verbatim and token.kind is Kind.BREAK and _NEXT_BLOCK.match(text, token.at):
            opened.pop("==", None)
        if token.kind is not Kind.MARK:
            continue
        sign = token.markdown
        if sign in _OPENER_OF:
            opener = opened.pop(_OPENER_OF[sign], -1)
            if opener >= 0:
                _pair(tokens, opener, at)
                token.note = tokens[opener].note
                words = "".join([one.plain for one in tokens[opener:at]])
                for one in tokens[opener : at + 1] if _LABEL.fullmatch(words.strip()) else ():
                    one.become(Kind.GONE)
        elif sign not in ("==", "===="):
            opened.setdefault(sign, at)
        else:
            opener, end = opened.get("==", -1), token.at + len(sign)
            closes = opener >= 0 and not text[token.at - 1].isspace()
            opens = end < len(text) and not text[end].isspace()
            if sign == "====":  # the end of one mark and the start of the next
                token.become(*((Kind.GONE,) if closes and opens else (Kind.TEXT, sign, sign)))
            elif closes and not _COMPARISONS.match(text, tokens[opener].at - 1, end + 1):
                _pair(tokens, opener, at)
                del opened["=="]
            elif opens:
                if closes:
                    tokens[opener].markdown = "\\=="
                opened["=="] = at
    _drop_unpaired(tokens, Kind.MARK)


def _drop_unpaired(tokens: list[Token], kind: Kind) -> None:
    """Turn the unpaired tokens of a kind into plain text."""
    for token in tokens:
        if token.kind is kind and token.partner < 0:
            written = token.markdown if token.markdown == "\\==" else token.plain
            left = Kind.TEXT if token.plain else Kind.GONE
            token.become(Kind.ATOM if written != token.plain else left, token.plain, written)


def _pair_gaps(text: str, tokens: list[Token]) -> None:
    """Pair `{{` and `}}` on one line; single braces inside must balance."""
    opened: list[tuple[int, int, int]] = []  # token, open braces inside, token of the hint
    for at, token in enumerate(tokens):
        if token.kind is Kind.BREAK:
            opened.clear()
        elif token.kind is Kind.GAP:
            opened.append((at, 0, -1))
        elif opened and token.kind is Kind.TEXT:
            opener, depth, hint = opened.pop()
            after = tokens[at + 1] if at + 1 < len(tokens) else token
            if token.plain.startswith("{") and not token.plain.strip("{"):
                depth += len(token.plain)
            elif token.plain == "::" and not depth and hint < 0:
                hint = at
            elif token.plain == "}" and depth:
                depth -= 1
            elif token.plain == "}" and after.plain == "}" and after.at == token.at + 1:
                _close_gap(text, tokens, (opener, at), hint)
                continue
            opened.append((opener, depth, hint))
    _drop_unpaired(tokens, Kind.GAP)


def _close_gap(text: str, tokens: list[Token], ends: Span, hint: int) -> None:
    """Make a cloze of the text between `{{` and the `}}` at a token, if it is an answer."""
    opener, closer = tokens[ends[0]], tokens[ends[1]]
    inside = text[opener.at + 2 : closer.at]
    if not opener.note and is_template(inside, text):
        return
    tokens[ends[1] + 1].become(Kind.GONE)
    if opener.plain == "{{" and _NO_ANSWER.fullmatch(inside[:500]):
        opener.become(Kind.GONE)
        closer.become(Kind.GONE)
    else:
        closer.become(Kind.GAP, "", "}}")
        _pair(tokens, *ends)
    for token in tokens[hint : ends[1]] if hint >= 0 else ():
        token.kind, token.plain = Kind.HINT, ""


_TEMPLATE = re.compile(
    r"""\s*(?:
      [\#/^&!%]\S.*|>\s.*                                          # {{#if x}}, {{/if}}, {{> part}}
    | (?:date|time|now|today|yesterday|tomorrow|title|name|authors?|url|link|content|tags?|value
        |macro|selector|selectorhtml|meta|schema|published|modified|created|description|domain
        |site|image|cursor|clipboard|highlights|citekey|abstract|folder|filename|path|uuid|week
        |month|year|day)(?:(?::(?!:)|\|).*)?
    | (?:VALUE|NAME|TITLE|LINKCURRENT)|(?:VALUE|VDATE|DATE|FIELD|MACRO|TEMPLATE|FILE):.+  # QuickAdd
    | (?:query|embed|video|youtube|twitter|tweet|renderer|namespace)\s+(?:[(\[:]|https?:).*
    | [a-z]\w*:(?!:)[YMDdHhmsSaAWwEgGQoZX\W]+                         # {{d:YYYY-MM-DD}}
    | [A-Za-z]+(?:_\w+)+(?:\s*\|.*)?                                # {{book_title}}, {{TOPIC_NAME}}
    | [a-z]{2,}(?:[A-Z][a-z0-9]+)+(?:\s*\|.*)?                       # {{pdfZoteroLink}}
    | (?:tp|frontmatter|file|page|this|note|item|book|loop|site|user|env|secrets|github|inputs|matrix
        |annotation|highlight|chapter|review)\.\w.*
    | (?=[^|(]*[a-z][A-Z])[a-z]\w*(?:\.[a-z]\w*)+(?:\(.*\))?(?:\s*\|.*)?  # {{metaData.title}}
    | [a-z]\w*(?:\.[a-z]\w*)*\s*\|.*                                # {{page.date | date: "%Y"}}
    )\s*""",
    re.VERBOSE,
)
_NO_ANSWER = re.compile(
    r"""\s*(?:
      !?\[\[[^\[\]\n]*\]\](?:\s*:.*)?                      # {{[[a note]]}}, {{[[embed]]: …}}
    | !?\[[^\[\]\n]*\]\([^()\n]*\)                          # {{[a link](…)}}
    | [^{}:\n]{1,80}::\s.*                                  # {{Key:: value}}
    | (?:embed|renderer|toc|TODO|DONE|word-count)
    )\s*""",
    re.VERBOSE,
)
_STATEMENT = re.compile(r"\{%-?\s*[a-z]")
"""The start of a statement of Liquid or Jinja, such as `{% if page.title %}`."""


def is_template(inside: str, around: str = "") -> bool:
    """Return whether the text between `{{` and `}}` is a template's placeholder, given the text around it."""
    if len(inside) > 200:
        return False
    return bool(_TEMPLATE.fullmatch(inside) or ("{%" in around and _STATEMENT.search(around)))
