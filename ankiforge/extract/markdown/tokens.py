"""The tokens of a block: markdown-it's, with rules for what notes have beyond CommonMark.

Each token has its plain text and its Markdown. Keys are made from the plain text (docs/keys.md).
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from enum import Enum, auto
from functools import lru_cache
from typing import NamedTuple
from urllib.parse import quote, unquote

from markdown_it import MarkdownIt, rules_inline
from markdown_it.common.utils import normalizeReference
from markdown_it.parser_inline import ParserInline
from markdown_it.rules_inline import StateInline
from markdown_it.token import Token as Parsed

from ankiforge.extract.markdown.source import COMMENT, CONTINUED, MATHS, PLACEHOLDERS, restored
from ankiforge.model import Span
from ankiforge.text.cloze import MATH
from ankiforge.text.markdown import literal


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
    """`*`, `**`, `_` or `~~`."""
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
    plain: str = ""
    markdown: str = ""
    note: str = ""
    """A mark's colour, a cloze's numbers, a tag's name, "strong" for the signs of `**`."""
    partner: int = -1
    """The index of the token it is paired with, -1 = none."""

    def become(self, kind: Kind, plain: str = "", markdown: str | None = None) -> None:
        """Turn into a token of another kind, without partner and note."""
        self.kind, self.plain = kind, plain
        self.markdown = plain if markdown is None else markdown
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


class Gaps(NamedTuple):
    """What a dialect reads as clozes besides `{{…}}`."""

    signs: frozenset[str] = frozenset()
    """Among `==`, `bold`, `{{` and `{`; `{{` also makes clozes of lone words."""
    answer: re.Pattern[str] = re.compile(r"(?P<answer>.+)(?P<numbers>(?!))?(?P<hint>(?!))?")
    """Finds answer, numbers and hint within the signs."""
    together: bool = False
    """Whether all clozes without a number belong to the first card."""


class Context(NamedTuple):
    """What the text of a block may refer to."""

    maths: tuple[str, ...] = ()
    """The multi-line maths of the note, by number."""
    references: Mapping[str, str] = {}
    """The targets of the link labels that the note defines, by label."""
    picture: Callable[[str], str] = str
    """Returns the path of an embedded file below the vault; "" if it is not a picture."""
    gaps: Gaps = Gaps()
    verbatim: bool = False
    """Whether to keep line breaks and signs as they are: for text of several blocks."""


# --- rules of the parser --------------------------------------------------------------------

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


# --- tokens ---------------------------------------------------------------------------------


def tokenized(text: str, context: Context) -> tuple[list[Token], list[Link], bool]:
    """Parse a block with markdown-it, and pair what opens and closes something.

    The last value tells whether clozes lie too deep within each other.
    """
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
        token = Token(at, Kind.GONE)
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
            _read_parsed(parsed, token, text, end, context.verbatim)
        if hidden:
            token.plain = restored(token.plain, context.maths)
            token.markdown = restored(token.markdown, context.maths)
    _pair_marks(text, tokens, context.verbatim)
    deep = "{{" in text and _pair_gaps(text, tokens, context)
    if context.gaps.signs:
        _find_gaps(text, tokens, context.gaps)
    return tokens, links, deep


def _read_parsed(parsed: Parsed, token: Token, text: str, end: int, verbatim: bool) -> None:
    """Fill a token by what markdown-it says of it."""
    raw, partner = text[token.at : end], token.partner
    match parsed.type:
        case "text":
            shown = raw if verbatim and parsed.content else parsed.content
            token.become(Kind.TEXT, shown)
            if parsed.content in ("*", "_", "~~") and not verbatim:
                around = text[max(0, token.at - 1) : token.at], text[end : end + 1]
                inside = parsed.content == "_" and all(re.match(r"\w", one) for one in around)
                if any(one.strip() for one in around) and not inside:
                    token.become(Kind.ATOM, shown, f"\\{shown}")
        case "softbreak" | "hardbreak":
            written = " " if parsed.type == "softbreak" else "  \n"
            token.become(Kind.BREAK, " ", raw if verbatim else written)
        case "code_inline":
            token.become(Kind.OPAQUE, raw.rstrip().replace("\n", " "))
        case "text_special":
            blank = parsed.content.isspace()
            written = parsed.markup if parsed.info == "escape" else literal(parsed.content)
            token.become(Kind.TEXT if blank else Kind.ATOM, parsed.content, written)
        case "em_open" | "em_close" | "strong_open" | "strong_close" | "s_open" | "s_close":
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
            token.become(Kind.OPAQUE, raw.replace("\n", " "))
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
            name, _, alias = found["target"].partition("|")
            parts = [part.strip(" \\") for part in name.split("#") if not part.startswith("^")]
            shown = alias.strip() or " > ".join(filter(None, parts))
            token.become(Kind.ATOM, shown, literal(shown))
            return _wiki_target(found["target"])
        case "footnote":
            token.become(Kind.FOOTNOTE)
            token.note = found["words"]
        case "templater":
            token.become(Kind.OPAQUE, raw, literal(raw))
        case "address":
            token.become(Kind.ATOM, raw.strip("<>"), raw)
            return token.plain
        case "hash":
            token.become(Kind.TAG, raw)
            token.note = raw[1:]
        case "html":
            _read_tag(found, tokens)
        case "mark":
            token.become(Kind.MARK, raw, raw if raw[0] == "=" else "~=")
            token.note = found["colour"] or ""
        case "gap" if not _IN_TEX.search(found.string, max(0, token.at - 40), token.at):
            token.become(Kind.GAP, raw)
            token.note = found["numbers"] or ""
        case "text" | "gap":
            token.become(Kind.TEXT, raw)
    return ""


def _read_tag(found: re.Match[str], tokens: list[Token]) -> None:
    """Fill the last token by an HTML tag."""
    token, name, closes = tokens[-1], found["name"].lower(), found[0][1] == "/"
    if name == "mark" or (name == "span" and (closes or "background" in found["with"])):
        token.become(Kind.MARK, "", f"</{name}>" if closes else f"<{name}>")
        token.note = _colour(found["with"])
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


_BACKGROUND = re.compile(r"background(?:-color)?\s*:\s*([^;\"']+)", re.IGNORECASE)
_CLASS = re.compile(r"class\s*=\s*[\"']?([\w\s-]+)", re.IGNORECASE)
_HEX = re.compile(r"#([0-9a-f]{3}|[0-9a-f]{6})(?:[0-9a-f]{0,2})$")
_RGB = re.compile(r"(?:rgba?\(\s*)?(\d{1,3})[\s,]+(\d{1,3})[\s,]+(\d{1,3})")


def _colour(attributes: str) -> str:
    """Return the colour of a `<mark>`: `#rrggbb` or a name."""
    if style := _BACKGROUND.search(attributes):
        return hex_colour(style[1].strip().lower())
    found = _CLASS.search(attributes)  # the name of a class may be a colour: `hltr-yellow`
    names = found[1].split() if found else []
    name = next((name for name in names if "-" in name), names[0] if names else "")
    return name.rpartition("-")[2].lower()


def hex_colour(value: str) -> str:
    """Return `#rrggbb` for a colour in hexadecimal or decimal numbers; other words as they are."""
    if found := _HEX.match(value):
        return f"#{found[1] if len(found[1]) == 6 else ''.join(2 * digit for digit in found[1])}"
    if found := _RGB.match(value):
        return "#" + "".join(f"{min(int(part), 255):02x}" for part in found.groups())
    return value


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


# --- pairs ----------------------------------------------------------------------------------

_NEXT_BLOCK = re.compile(
    r"\\?[ \t]*\n[ \t]*(?:$|[>|]|#{1,6}\s|[-*+]\s|\d{1,9}[.)]\s|`{3}|~{3})", re.MULTILINE
)
"""A line end after which another block begins, where several blocks are parsed as one text."""
_COMPARISONS = re.compile(r"\w==\S+\s.*\S==\w$", re.ASCII | re.DOTALL)
"""`n==0 or n==1`: words touch both `==` from outside, and several words stand between."""
_OPENER_OF = {"</mark>": "<mark>", "</span>": "<span>", "=~": "~="}
_LABEL = re.compile(
    r"(?:yellow|red|green|blue|purple|magenta|orange|gr[ae]y|pink)\s+(?:highlight|underline|annotation)",
    re.IGNORECASE,
)
"""`<mark>Yellow highlight</mark>`: the kind of an annotation, written by a template; no mark."""


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
                token.become(*((Kind.GONE,) if closes and opens else (Kind.TEXT, sign)))
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


_DEEPEST = 10
"""Clozes within each other; Anki itself reads no more than a few."""


def _pair_gaps(text: str, tokens: list[Token], context: Context) -> bool:
    """Pair `{{` and `}}` on one line; single braces inside must balance.

    Return whether clozes lie too deep within each other; then there are none.
    """
    opened: list[tuple[int, int, int]] = []  # token, open braces inside, token of the hint
    deepest = 0
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
                deepest = max(deepest, len(opened) + 1)
                if len(opened) < _DEEPEST:
                    _close_gap(text, tokens, (opener, at), hint, context)
                continue
            opened.append((opener, depth, hint))
    for token in tokens if deepest > _DEEPEST else ():
        token.partner = -1 if token.kind is Kind.GAP else token.partner
    _drop_unpaired(tokens, Kind.GAP)
    return deepest > _DEEPEST


def _close_gap(text: str, tokens: list[Token], ends: Span, hint: int, context: Context) -> None:
    """Make a cloze of the text between `{{` and the `}}` at a token, if it is an answer."""
    opener, closer = tokens[ends[0]], tokens[ends[1]]
    inside = text[opener.at + 2 : closer.at]
    if not opener.note and is_template(inside, text):
        return
    tokens[ends[1] + 1].become(Kind.GONE)
    bare = opener.plain == "{{"
    if bare and _NO_ANSWER.fullmatch(inside[:500]) and "{{" not in context.gaps.signs:
        opener.become(Kind.GONE)
        closer.become(Kind.GONE)
    else:
        closer.become(Kind.GAP, "", "}}")
        _pair(tokens, *ends)
    ours = opener.note or "{{" not in context.gaps.signs
    for token in tokens[hint : ends[1]] if hint >= 0 and ours else ():
        token.kind, token.plain = Kind.HINT, ""


def _find_gaps(text: str, tokens: list[Token], gaps: Gaps) -> None:
    """Make clozes of what a dialect reads as such, each on one line, all of them numbered."""
    opened, free = -1, 0
    for at, token in enumerate(tokens):
        if token.kind is Kind.BREAK:
            opened = -1
        elif "{" in gaps.signs and token.kind is Kind.TEXT and token.plain == "{":
            opened = at if not text.startswith("{", token.at + 1) else -1
        elif token.kind is Kind.TEXT and token.plain == "}" and opened >= 0:
            if at > opened + 1 and not text.startswith("}", token.at + 1):
                tokens[opened].become(Kind.GAP)
                token.become(Kind.GAP)
                _pair(tokens, opened, at)
            opened = -1
    for at, token in enumerate(tokens):
        inside = tokens[at + 1 : token.partner] if token.partner > at else []
        if not inside or any(one.kind in (Kind.BREAK, Kind.GAP) for one in inside):
            continue
        sign = "bold" if token.note == "strong" else token.markdown
        if token.kind is not Kind.GAP and sign not in gaps.signs:
            continue
        numbers = token.note if token.kind is Kind.GAP else ""
        for one in (token, tokens[token.partner]):
            one.kind, one.note = Kind.GAP, numbers
        # what stands before and after the answer are its number and its hint
        words = "".join([one.plain for one in inside])
        found = gaps.answer.fullmatch(words)
        if found and not numbers:
            start, end = found.span("answer")
            token.note = found["numbers"] or ""
            place = 0
            for one in inside if end - start < len(words) else ():
                low, high = start - place, end - place
                place += len(one.plain)
                if one.kind is Kind.TEXT and not 0 >= low <= high >= len(one.plain):
                    one.plain = one.markdown = one.plain[max(low, 0) : max(high, 0)]
            if found["hint"]:
                tokens[token.partner].markdown = f"::{found['hint']}}}}}"
        free += not token.note
        token.note = token.note or ("1" if gaps.together else str(free))


_NAMES = (
    "date|time|now|today|yesterday|tomorrow|title|name|authors?|url|link|content|tags?|value|macro|meta"
    "|selector|selectorhtml|schema|published|modified|created|description|domain|site|image|cursor"
    "|clipboard|highlights|citekey|abstract|folder|filename|path|uuid|week|month|year|day"
)
_OBJECTS = (
    "tp|frontmatter|file|page|this|note|item|book|loop|site|user|env|secrets|github|inputs|matrix"
    "|annotation|highlight|chapter|review"
)
_TEMPLATE = re.compile(
    rf"""\s*(?:
      [\#/^&!%]\S.*|>\s.*                                      # {{{{#if x}}}}, {{{{/if}}}}, {{{{> part}}}}
    | (?:{_NAMES})(?:(?::(?!:)|\|).*)?|VALUE|NAME|TITLE|LINKCURRENT
    | [A-Za-z]+:(?!:)[A-Za-z\W].*                               # {{{{d:YYYY-MM-DD}}}}, {{{{FIELD:x}}}}
    | (?:query|embed|video|youtube|twitter|tweet|renderer|namespace)\s+(?:[(\[:]|https?:).*
    | (?:[A-Za-z]+(?:_\w+)+|[a-z]{{2,}}(?:[A-Z][a-z0-9]+)+)(?:\s*\|.*)?    # {{{{TOPIC_NAME}}}}, {{{{aKey}}}}
    | (?:{_OBJECTS})\.\w.*|[a-z]\w*(?:\.[a-z]\w*)*\s*\|.*
    | (?=[^|(]*[a-z][A-Z])[a-z]\w*(?:\.[a-z]\w*)+(?:\(.*\))?(?:\s*\|.*)?   # {{{{metaData.title}}}}
    )\s*""",
    re.VERBOSE,
)
_NO_ANSWER = re.compile(
    r"\s*(?:!?\[\[[^\[\]\n]*\]\](?:\s*:.*)?|!?\[[^\[\]\n]*\]\([^()\n]*\)|[^{}:\n]{1,80}::\s.*"
    r"|embed|renderer|toc|TODO|DONE|word-count)\s*"
)
"""A link, an embedded note, a field, or a macro: `{{[[a note]]}}`, `{{Key:: value}}`, `{{embed}}`."""
_STATEMENT = re.compile(r"\{%-?\s*[a-z]")
"""The start of a statement of Liquid or Jinja, such as `{% if page.title %}`."""


def is_template(inside: str, around: str) -> bool:
    """Return whether the text between `{{` and `}}` is a template's placeholder."""
    if len(inside) > 200:
        return False
    return bool(_TEMPLATE.fullmatch(inside) or ("{%" in around and _STATEMENT.search(around)))
