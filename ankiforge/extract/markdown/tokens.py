"""The tokens of a block: markdown-it's, with rules for what notes have beyond CommonMark.

Each token has its plain text and its Markdown. Keys are made from the plain text (docs/keys.md).
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from enum import Enum, auto
from functools import lru_cache
from typing import Any, ClassVar, NamedTuple, cast
from urllib.parse import quote, unquote

from markdown_it import MarkdownIt, rules_inline
from markdown_it.parser_inline import ParserInline
from markdown_it.rules_inline import StateInline
from markdown_it.token import Token as Parsed

from ankiforge.extract.files import raised
from ankiforge.extract.markdown.source import COMMENT, CONTINUED, MATHS, PLACEHOLDERS, restored
from ankiforge.model import Span, Strings, Texts
from ankiforge.text import regex
from ankiforge.text.cloze import literal
from ankiforge.text.shields import MATH


class Kind(Enum):
    """The kind of a token."""

    TEXT = auto()
    """Text whose plain text and Markdown are equal, character by character."""
    ATOM = auto()
    """An indivisible piece: the name of a link, an address, an escape, an entity."""
    OPAQUE = auto()
    """Code, maths and template fields: no sentence ends inside."""
    TAG = auto()
    BREAK = auto()
    """The end of a source line, or `<br>`."""
    PICTURE = auto()
    GONE = auto()
    """Markup of which nothing is shown."""
    EMPHASIS = auto()
    """`*`, `**`, `_` or `~~`."""
    MARK = auto()
    """`==`, or what begins or ends another mark."""
    GAP = auto()
    """`{{` or `}}` of a hand-written cloze."""
    HINT = auto()
    """`::` in such a cloze, and the hint after it."""


LABEL = "[^"
"""The `note` of the token for a label, `[^1]:`, before the text of a footnote."""


INSIDE = "in a word"
"""The `note` of `==` between two letters: two of them with a blank between are comparisons."""


@dataclass(slots=True, eq=False)
class Token:
    """One token of a block."""

    kind: Kind
    plain: str = ""
    markdown: str = ""
    """Of a mark: `==`, `~=` or the name of its element, which tells what ends it."""
    note: str = ""
    """A mark's colour, a cloze's numbers, a tag's name, "strong" for the signs of `**`."""
    target: str = ""
    """Of a link's first token: the address; `[[Note#Part]]`, also for `![[Note#Part]]`."""
    opens: bool = False
    closes: bool = False
    """Whether a mark may begin and end here."""
    partner: int = -1
    """The index of the token it is paired with, -1 = none."""
    type: ClassVar[str] = ""
    """markdown-it asks for the type of a token beside `~~`."""

    def become(self, kind: Kind, plain: str = "", markdown: str | None = None) -> None:
        """Turn into a token of another kind, without partner and note."""
        self.kind, self.plain = kind, plain
        self.markdown = plain if markdown is None else markdown
        self.note, self.partner = "", -1


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
    together: bool = False
    """Whether all clozes without a number belong to the first card."""


class Context(NamedTuple):
    """What the text of a block may refer to."""

    maths: Strings = ()
    """The multi-line maths of the note, by number."""
    references: Mapping[str, Texts] = {}
    """The link labels that the note defines, as markdown-it has them."""
    picture: Callable[[str], str] = str
    """Returns the path of an embedded file below the vault; "" if it is not a picture."""
    gaps: Gaps = Gaps()
    verbatim: bool = False
    """Whether to keep line breaks and signs as they are: for text of several blocks."""


# --- what CommonMark does not know ----------------------------------------------------------

_NAMES = (
    "date|time|now|today|yesterday|tomorrow|title|name|authors?|url|link|content|tags?|value|macro|meta"
    "|selector|selectorhtml|schema|published|modified|created|description|domain|site|image|cursor"
    "|clipboard|highlights|citekey|abstract|folder|filename|path|uuid|week|month|year|day"
    "|embed|renderer|toc|TODO|DONE|word-count|[A-Z][A-Z0-9_]+"
)
_OBJECTS = (
    "tp|frontmatter|file|page|this|note|item|book|loop|site|user|env|secrets|github|inputs|matrix"
    "|annotation|highlight|chapter|review"
)
# A placeholder of a template, or what programs but Anki write in such braces.
_PLACEHOLDER = regex(
    rf"""(?x)\{{\{{\s*(?:[\#/^&!%>][^{{}}\n]* | (?:{_NAMES})(?:(?::(?!:)|\|)[^{{}}\n]*)?
    | [A-Za-z]+:(?!:)[A-Za-z\W][^{{}}\n]*                         # {{{{d:YYYY-MM-DD}}}}, {{{{FIELD:x}}}}
    | (?:{_OBJECTS})\.\w[^{{}}\n]* | [a-z]\w*(?:_\w|[a-z][A-Z])[\w.]*(?:\s*\|[^{{}}\n]*)?   # {{{{topic_name}}}}
    | [a-z]\w*(?:\.[a-z]\w*)*\s*\|[^{{}}\n]* | (?:query|embed|video|youtube|twitter|renderer)\s[^{{}}\n]*
    | !?\[[^{{}}\n]* | [^{{}}:\n]{{1,80}}::\s[^{{}}\n]*               # links and fields
    )\s*\}}\}}(?!\}})"""
)
# The start of a statement of Liquid or Jinja: the braces in such a text are theirs.
_STATEMENT = regex(r"\{%-?\s*[a-z]")
_TARGET = (
    r"\([ \t]*(?:<(?P<angled>[^<>\n]*)>|(?P<bare>[^\s()<>]*(?:\([^\s()]*\)[^\s()]*)*))"
    r"(?:\s+(?:\"[^\"\n]*\"|'[^'\n]*'))?[ \t]*\)"
)
# `<mark>Yellow highlight</mark>`: the kind of an annotation, written by a template; no mark.
_KIND_OF_MARK = (
    r"\s*(?:yellow|red|green|blue|purple|magenta|orange|gr[ae]y|pink)"
    r"\s+(?:highlight|underline|annotation)\s*"
)
_SIGNS = regex(
    rf"""(?x)
      (?P<lines>{MATHS}(?P<number>\d+){MATHS})
    | (?P<label>(?<![^\n])\[\^[^\[\]\s]+\]:[ \t]*)
    | (?P<gone>[{COMMENT}{CONTINUED}]+|\[\^[^\[\]\s]+\]|(?<=\S)(?<!=)====(?=[^\s=])
        |(?i:<mark[^<>]*>{_KIND_OF_MARK}</mark>|<span[^<>]*>{_KIND_OF_MARK}</span>))
    | (?P<verbatim>\$\$(?:[^$\\]|\\.|\$(?!\$))+\$\$|{MATH}|(?P<ticks>`++)(?:[^`]++|(?!(?P=ticks)(?!`))`++)*+(?P=ticks))
    | (?P<embed>!\[\[(?P<file>[^\[\]\n]+)\]\])
    | (?P<picture>!\[(?P<alt>[^\[\]\n]*)\]{_TARGET})
    | (?P<wiki>\[\[(?P<target>[^\[\]\n]+)\]\])
    | (?P<templater><%[^\n]{{0,200}}?%>)
    | (?P<address><[A-Za-z][A-Za-z0-9+.-]{{1,31}}:[^<>\s]*>)
    | (?P<script><(?P<level>su[bp])>(?P<raised>[^<>\n]{{1,40}})</su[bp]>)
    | (?P<break><br[ ]*/?>)
    | (?P<html></?(?P<element>[A-Za-z][A-Za-z0-9-]*)(?P<with>(?:[\s/][^<>]*)?)>)
    | (?P<hash>(?<![^\s{COMMENT}])\#(?=[\w/-]*[^\W\d])[\w/-]+)
    | (?P<mark>(?P<inside>(?<=[A-Za-z0-9_])==(?=[A-Za-z0-9_]))|(?<!=)==(?!=)|~=\{{(?P<colour>[\w-]+)\}}[ ]?|(?<!=)=~)
    | (?P<gap>(?<![{{_^])\{{\{{(?!\{{)(?:c(?P<numbers>\d{{1,3}}(?:,\d{{1,3}})*)::|cloze[ ]+)?)
    | (?P<url>://[^\s<>`]*[^\s<>`.,;:!?'\"*_~=)\]|])
    | (?P<text>\{{+|\}}|(?<!:)::(?!:)|`+)
    """
)
_SCHEME = regex(r"\b[A-Za-z][A-Za-z0-9+.-]{1,31}\Z")
_STARTS = frozenset(f"{COMMENT}{CONTINUED}{MATHS}$!:[<#~={{}}`")
_LINE_END = regex(r"\\?\n[ \t]*")
# Brackets that are never closed, above which a text has no links; bounds the work.
_MOST_OPEN = 500


class _State(StateInline):
    """The state of markdown-it's parser; its list holds our tokens beside those of CommonMark."""

    tokens: list[Any]

    def pushPending(self) -> Any:
        token = Token(Kind.TEXT, self.pending, self.pending)
        self.tokens.append(token)
        self.pending = ""
        return token

    def add(
        self, kind: Kind, plain: str = "", markdown: str | None = None, note: str = ""
    ) -> Token:
        """Add one of our tokens behind the text before it."""
        if self.pending:
            self.pushPending()
        token = Token(kind, plain, plain if markdown is None else markdown, note)
        self.tokens.append(token)
        return token


def _signs(state: StateInline, silent: bool) -> bool:
    """Read what CommonMark does not know; an inline rule of markdown-it."""
    found = _SIGNS.match(state.src, state.pos) if state.src[state.pos] in _STARTS else None
    if found is None:
        return False
    kind, end, context = str(found.lastgroup), found.end(), state.env["context"]
    if kind == "url" and not _SCHEME.search(state.pending):
        return False
    if kind == "gap" and not found["numbers"]:
        named = _PLACEHOLDER.match(state.src, state.pos)
        # where a tool reads `{{…}}` as a cloze, it may hide a link and have a hint
        if named and not ("{{" in context.gaps.signs and re.search(r"\[|::", named[0])):
            kind, end = "verbatim", named.end()
        elif state.env["jinja"]:
            kind = "text"
    raw, state.pos = state.src[state.pos : end], end
    if not silent:
        _add(cast(_State, state), kind, found, raw)
    return True


def _add(state: _State, kind: str, found: re.Match[str], raw: str) -> None:
    """Add the token of a sign."""
    context: Context = state.env["context"]
    match kind:
        case "lines":
            maths = context.maths[int(found["number"])]
            flat = maths.replace("\n", " ")
            state.add(Kind.OPAQUE, flat, maths if context.verbatim else flat)
        case "verbatim":
            state.add(Kind.OPAQUE, raw.replace("\n", " "))
        case "templater":
            state.add(Kind.OPAQUE, raw, literal(raw))
        case "embed":
            path = context.picture(re.split(r"\\?\||#", found["file"])[0].strip())
            token = state.add(Kind.PICTURE, "", f"![]({quote(path)})" if path else "")
            token.target = "" if path else _wiki_target(found["file"])
        case "picture":
            address = found["angled"] or found["bare"] or ""
            path = "" if "://" in address else context.picture(unquote(address))
            alt = re.sub(r"\\?\|?\d+(?:x\d+)?$", "", found["alt"])
            state.add(Kind.PICTURE, "", f"![{alt}]({quote(path) if path else address})")
        case "wiki":
            name, _, alias = found["target"].partition("|")
            parts = [part.strip(" \\") for part in name.split("#") if not part.startswith("^")]
            shown = alias.strip() or " > ".join(filter(None, parts))
            state.add(Kind.ATOM, shown, literal(shown)).target = _wiki_target(name)
        case "address":
            state.add(Kind.ATOM, raw[1:-1], raw).target = raw[1:-1]
        case "url":
            words = _SCHEME.sub("", state.pending)
            address, state.pending = f"{state.pending[len(words) :]}{raw}", words
            state.add(Kind.ATOM, address).target = address
        case "hash":
            state.add(Kind.TAG, raw, note=raw[1:])
        case "script":
            state.add(Kind.TEXT, raised(found["raised"], found["level"]))
        case "break":
            state.add(Kind.BREAK, " ", "  \n")
        case "mark":
            before, after = state.src[max(0, found.start() - 1)], state.src[found.end() :][:1]
            is_ours = raw == "=="
            note = INSIDE if found["inside"] else found["colour"] or ""
            token = state.add(Kind.MARK, raw, "==" if is_ours else "~=", note)
            token.opens = bool(after.strip()) if is_ours else raw[0] == "~"
            token.closes = not before.isspace() if is_ours else raw == "=~"
        case "html":
            name, closes = found["element"].lower(), raw[1] == "/"
            if name == "mark" or (name == "span" and (closes or "background" in found["with"])):
                token = state.add(Kind.MARK, "", name, _colour(found["with"]))
                token.opens, token.closes = not closes, closes
            else:
                state.add(Kind.GONE)
        case "gap":
            state.add(Kind.GAP, raw, note=found["numbers"] or "")
        case "text":
            state.add(Kind.TEXT, raw)
        case _:
            state.add(Kind.GONE, note=LABEL if kind == "label" else "")


def _wiki_target(written: str) -> str:
    """Return `[[Note#Part]]` without the text it shows."""
    return f"[[{written.partition('|')[0].rstrip(chr(92)).strip()}]]"


# The colour of a `<mark>`, which may be in the name of a class: `hltr-yellow`.
_COLOUR = regex(r"(?i)background(?:-color)?\s*:\s*([^;\"']+)|class\s*=\s*[\"']?(?:[\w\s]*-)?(\w+)")
_HEX = regex(r"#([0-9a-f]{3}|[0-9a-f]{6})(?:[0-9a-f]{0,2})$")
_RGB = regex(r"(?:rgba?\(\s*)?(\d{1,3})[\s,]+(\d{1,3})[\s,]+(\d{1,3})")


def _colour(attributes: str) -> str:
    found = _COLOUR.search(attributes)
    return hex_colour((found[1] or found[2]).strip().lower()) if found else ""


def hex_colour(value: str) -> str:
    """Return `#rrggbb` for a colour in hexadecimal or decimal numbers; other words as they are."""
    if found := _HEX.match(value):
        return f"#{found[1] if len(found[1]) == 6 else ''.join(2 * digit for digit in found[1])}"
    if found := _RGB.match(value):
        return "#" + "".join(f"{min(int(part), 255):02x}" for part in found.groups())
    return value


# --- the parser -----------------------------------------------------------------------------


def _line_end(state: StateInline, silent: bool) -> bool:
    found = _LINE_END.match(state.src, state.pos)
    if found is None or silent:
        return False
    assert isinstance(state, _State)
    verbatim = state.env["context"].verbatim
    hard = found[0][0] == "\\" or state.pending.endswith("  ")
    state.pending = state.pending if verbatim else state.pending.rstrip(" ")
    state.add(Kind.BREAK, " ", found[0] if verbatim else "  \n" if hard else " ")
    state.pos = found.end()
    return True


def _link(state: StateInline, silent: bool) -> bool:
    return bool(state.env["links"]) and rules_inline.link(state, silent)


_TEXT = (rules_inline.text,)
# The inline rules by the character at which they begin; trying all of them takes twice as long.
_RULES: dict[str, tuple[Callable[[StateInline, bool], bool], ...]] = {
    **dict.fromkeys(_STARTS, (_signs,)),
    "\n": (_line_end,),
    "\\": (_line_end, rules_inline.escape),
    "*": (rules_inline.emphasis.tokenize,),
    "_": (rules_inline.emphasis.tokenize,),
    "~": (_signs, rules_inline.strikethrough.tokenize),
    "[": (_signs, _link),
    "&": (rules_inline.entity,),
}


class _Parser(ParserInline):
    def tokenize(self, state: StateInline) -> None:
        while state.pos < state.posMax:
            for rule in _RULES.get(state.src[state.pos], _TEXT):
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
    parser.inline.ruler.after("text", "signs", _signs)
    parser.inline.ruler.disable(["linkify", "autolink", "html_inline", "image"])
    parser.inline.ruler2.disable("fragments_join")
    # addresses stay as written
    parser.normalizeLink = parser.normalizeLinkText = str  # type: ignore[assignment]
    parser.validateLink = bool  # type: ignore[assignment]
    return parser


def tokenized(text: str, context: Context) -> list[Token]:
    """Parse a block with markdown-it, and pair what opens and closes something."""
    references = context.references
    may_link = ("](" in text or references) and text.count("[") - text.count("]") < _MOST_OPEN
    jinja = "{{" in text and "{%" in text and _STATEMENT.search(text)
    env = {"references": references, "links": may_link, "context": context, "jinja": jinja}
    parser = _parser()
    state = _State(text, parser, env, [])
    parser.inline.tokenize(state)
    for rule in parser.inline.ruler2.getRules(""):
        rule(state)
    tokens = [one if isinstance(one, Token) else _of_commonmark(one) for one in state.tokens]
    opened = []
    for at, parsed in enumerate(state.tokens):
        if parsed is tokens[at]:
            continue
        if parsed.nesting > 0:
            opened.append(at)
        elif parsed.nesting < 0:
            _pair(tokens, opened.pop(), at)
        elif parsed.content in ("*", "_", "~~") and not context.verbatim:
            # a sign that is read as text stays text in our Markdown, too
            around = tokens[at - 1].plain[-1:] if at else ""
            around += tokens[at + 1].plain[:1] if at + 1 < len(tokens) else ""
            inside = parsed.content == "_" and re.fullmatch(r"\w\w", around)
            if around.strip() and not inside:
                tokens[at].become(Kind.ATOM, parsed.content, f"\\{parsed.content}")
    if not text.isascii() and PLACEHOLDERS.search(text):
        for token in tokens:
            token.plain = restored(token.plain, context.maths)
            token.markdown = restored(token.markdown, context.maths)
    _pair_marks(tokens)
    if "{{" in text or "{" in context.gaps.signs:
        _pair_gaps(tokens, context.gaps)
    if context.gaps.signs:
        _find_gaps(tokens, context.gaps)
    return tokens


def _of_commonmark(parsed: Parsed) -> Token:
    """Return our token for one of markdown-it."""
    words = parsed.content
    match parsed.type:
        case "text":
            return Token(Kind.TEXT, words, words)
        case "text_special":
            written = parsed.markup if parsed.info == "escape" else literal(words)
            return Token(Kind.TEXT if words.isspace() else Kind.ATOM, words, written)
        case "link_open" | "link_close":
            return Token(Kind.GONE, target=str(parsed.attrs.get("href", "")))
        case _:
            note = "strong" if parsed.tag == "strong" else ""
            return Token(Kind.EMPHASIS, "", parsed.markup, note)


# --- pairs ----------------------------------------------------------------------------------


def _pair(tokens: list[Token], opener: int, closer: int) -> None:
    tokens[opener].partner, tokens[closer].partner = closer, opener
    tokens[opener].plain = tokens[closer].plain = ""


def _pair_marks(tokens: list[Token]) -> None:
    """Pair the signs of marks within a block, also across its line ends."""
    opened: dict[str, int] = {}
    for at, token in enumerate(tokens):
        if token.kind is not Kind.MARK:
            continue
        opener = opened.get(token.markdown, -1) if token.closes else -1
        compares = opener >= 0 and token.note == tokens[opener].note == INSIDE
        if opener >= 0 and not (compares and any(" " in one.plain for one in tokens[opener:at])):
            _pair(tokens, opened.pop(token.markdown), at)
        elif token.opens:
            opened[token.markdown] = at
    _drop_unpaired(tokens, Kind.MARK)


def _drop_unpaired(tokens: list[Token], kind: Kind) -> None:
    """Turn the unpaired tokens of a kind into plain text."""
    for token in tokens:
        if token.kind is kind and token.partner < 0:
            token.become(Kind.TEXT if token.plain else Kind.GONE, token.plain)


# Clozes within each other, above which a block has none; Anki itself reads no more than a few.
_DEEPEST = 10


def _pair_gaps(tokens: list[Token], gaps: Gaps) -> None:
    """Pair `{{` and `}}`, and the single braces of a dialect, on one line; braces must balance."""
    opened: list[list[int]] = []  # of each open brace or `{{`: its token, that of the hint
    found = []  # tokens of an opener, its closer and the hint
    deepest = 0
    for at, token in enumerate(tokens):
        closes = [one.plain for one in tokens[at : at + 2]] == ["}", "}"]
        opener, hint = opened[-1] if opened else (-1, -1)
        if token.kind is Kind.BREAK:
            opened.clear()
        elif token.kind is Kind.GAP:
            opened.append([at, -1])
        elif token.kind is not Kind.TEXT:
            continue
        elif token.plain.startswith("{"):
            opened += [[at, -1] for _ in token.plain]
        elif opener < 0:
            continue
        elif token.plain == "}" and tokens[opener].kind is Kind.TEXT:
            opened.pop()
            lone = "{" in gaps.signs and tokens[opener].plain == "{" and not closes
            inside = {one.kind for one in tokens[opener + 1 : at]} if lone else set[Kind]()
            if inside and Kind.GAP not in inside:
                tokens[opener].become(Kind.GAP)
                found.append((opener, at, -1))
        elif token.plain == "}" and closes:
            opened.pop()
            found.append((opener, at, hint))
            tokens[at + 1].become(Kind.GONE)
        elif token.plain == "::" and hint < 0 and tokens[opener].kind is Kind.GAP:
            is_number = at == opener + 2 and tokens[at - 1].plain.isdigit()
            opened[-1][1] = -1 if is_number and "{{" in gaps.signs else at
        deepest = max(deepest, len(opened))
    for opener, closer, hint in found if deepest <= _DEEPEST else ():
        tokens[closer].become(Kind.GAP, "", "}}")
        _pair(tokens, opener, closer)
        for token in tokens[hint:closer] if hint >= 0 else ():
            token.kind, token.plain = Kind.HINT, ""
    _drop_unpaired(tokens, Kind.GAP)


# The number of a cloze before its answer: `==1;;answer;;hint==`, `{2:answer}`, `{c2::answer}`.
_NUMBER = regex(r"(?:c?(\d{1,3})(?:;;|::?|\|)|[ash]+;;)(?=.)")


def _find_gaps(tokens: list[Token], gaps: Gaps) -> None:
    """Make clozes of what a dialect reads as such, each on one line, all of them numbered."""
    free = 0
    for at, token in enumerate(tokens):
        inside = tokens[at + 1 : token.partner] if token.partner > at else []
        sign = "bold" if token.note == "strong" else token.markdown
        if token.kind is not Kind.GAP and sign not in gaps.signs:
            continue
        if not inside or any(one.kind in (Kind.BREAK, Kind.GAP) for one in inside):
            continue
        closer, last = tokens[token.partner], inside[-1]
        told = token.note if token.kind is Kind.GAP else ""
        # what stands before and after the answer are its number and its hint
        number = None if told else _NUMBER.match("".join([one.plain for one in inside]))
        left = number.end() if number else 0
        for one in inside:
            if left > 0 and one.kind is Kind.TEXT:
                one.plain, left = one.plain[left:], left - len(one.plain)
                one.markdown = one.plain
        answer, _, hint = last.plain.partition(";;") if last.kind is Kind.TEXT else ("", "", "")
        if answer and hint:
            last.plain = last.markdown = answer
            closer.markdown = f"::{hint}}}}}"
        told = told or (number and number[1]) or ""
        free += not told
        token.note = closer.note = told or ("1" if gaps.together else str(free))
        token.kind = closer.kind = Kind.GAP
