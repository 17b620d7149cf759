"""The tokens of a block, and the signs of notes that CommonMark does not know.

A token is a piece of the text of a block with its plain text and its Markdown; keys are made from
the plain text (docs/reference/keys.md). `parser` makes tokens and pairs those that open and close
something, `inline` reads them.

The signs are marks, clozes, maths, links of Obsidian, tags, footnotes, readings, bare addresses,
placeholders of templates, and the HTML elements that notes contain. `_SIGN` says which of them
begins at a position, and for each a function adds its token (`_adds`).
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from enum import Enum, auto
from pathlib import PurePosixPath
from typing import Any, ClassVar, NamedTuple, cast
from urllib.parse import quote, unquote

from markdown_it.common.utils import normalizeReference
from markdown_it.rules_inline import StateInline

from ankiforge.extract.discover import SOUNDS
from ankiforge.extract.markdown.placeholders import COMMENT, CONTINUED, MATHS
from ankiforge.model import Span, Strings, Texts
from ankiforge.text import regex
from ankiforge.text.cloze import alt_and_width, literal
from ankiforge.text.elements import (
    BLOCKS,
    EMPHASIS,
    READING,
    attributes_of,
    is_written_raised,
    raised,
    reading_in_brackets,
)
from ankiforge.text.fold import MATH


class SignKind(Enum):
    """The kind of a token."""

    TEXT = auto()
    """Text whose plain text and Markdown are equal, character by character."""
    ATOM = auto()
    """An indivisible piece: the name of a link, an address, an escape, an entity."""
    OPAQUE = auto()
    """Code, maths and template fields: no sentence ends inside."""
    TAG = auto()
    BREAK = auto()
    """The end of a source line, `<br>`, or the edge of a block of HTML."""
    PICTURE = auto()
    """A file that is shown or played; its plain text is empty."""
    GONE = auto()
    """Markup of which nothing is shown."""
    EMPHASIS = auto()
    """`*`, `**`, `_`, `~~`, or the tag of an element such as `<b>`."""
    MARK = auto()
    """`==`, or what begins or ends another mark."""
    GAP = auto()
    """`{{` or `}}` of a hand-written cloze."""
    HINT = auto()
    """`::` in such a cloze, and the hint after it."""


LABEL = "[^"
"""How the `note` of the token for a label begins, `[^1]:`, before the text of a footnote."""
FOOTNOTE = "^"
"""How the `note` of the token for a footnote begins: `^[its text]`, or its label, `^1`."""


INSIDE = "in a word"
"""The `note` of `==` between two letters: two of them with a blank between are
comparisons."""


HARD_BREAK = "  \n"
"""The Markdown of a line end that is shown as one."""
EDGE = "edge"
"""The `note` of a line end that is the edge of a block of HTML."""


@dataclass(slots=True, eq=False)
class InlineToken:
    """One token of a block."""

    kind: SignKind
    plain: str = ""
    markdown: str = ""
    """Of a mark: `==`, `~=` or the name of its element, which determines what ends it."""
    note: str = ""
    """A mark's colour, a cloze's numbers, a tag's name, "strong" for the signs of
    `**`."""
    target: str = ""
    """Of a link's first token: the address; `[[Note#Part]]`, also for
    `![[Note#Part]]`."""
    opens: bool = False
    closes: bool = False
    """Whether a mark or an element may begin and end here."""
    closer: InlineToken | None = None
    """The token that ends what this one begins; None if it begins nothing."""
    opener: InlineToken | None = None
    """The token that begins what this one ends; None if it ends nothing."""
    place: int = 0
    """Its place among the tokens of its block."""
    start: int = 0
    """Where it is in the plain text of its block."""
    type: ClassVar[str] = ""
    """markdown-it asks for the type of a token beside `~~`."""

    def become(
        self,
        kind: SignKind,
        plain: str = "",
        markdown: str | None = None,
    ) -> None:
        """Turn into a token of another kind, which is part of no pair, without note."""
        self.kind = kind
        self.plain = plain
        self.markdown = plain if markdown is None else markdown
        self.note = ""
        self.closer = None
        self.opener = None

    @property
    def end(self) -> int:
        """Where it ends in the plain text of its block."""
        return self.start + len(self.plain)

    @property
    def is_shown_picture(self) -> bool:
        """Whether it shows or plays a file."""
        return self.kind is SignKind.PICTURE and bool(self.markdown)


class Phrase(NamedTuple):
    """A marked phrase: the text between two tokens."""

    opener: InlineToken
    closer: InlineToken
    span: Span
    """In code points of the block's plain text, without white space at the ends."""
    sign: str
    """`==`, `mark`, `bold`, or `{{`."""
    note: str
    """The colour of a mark, or the numbers of a cloze."""

    @property
    def start(self) -> int:
        """Where it starts in the plain text."""
        return self.span[0]

    @property
    def end(self) -> int:
        """Where it ends in the plain text."""
        return self.span[1]


class Gaps(NamedTuple):
    """The clozes of a dialect besides `{{…}}`."""

    signs: frozenset[str] = frozenset()
    """Among `==`, `bold`, `{{` and `{`; `{{` also makes clozes of lone words."""
    together: bool = False
    """Whether all clozes without a number belong to the first card."""


class InlineContext(NamedTuple):
    """The maths, labels, files and gaps to which the text of a block may refer."""

    maths: Strings = ()
    """The multi-line maths of the note, by number."""
    references: Mapping[str, Texts] = {}
    """The link labels that the note defines, as markdown-it has them."""
    picture: Callable[[str], str] = str
    """Returns the path of an embedded file below the vault; "" if it is no picture, sound or
    film."""
    gaps: Gaps = Gaps()
    verbatim: bool = False
    """Whether to keep line breaks and signs as they are: for text of several blocks."""


# --- the parser ----------------------------------------------------------------------------


class State(StateInline):
    """The state of markdown-it's parser.

    Its list holds our tokens beside those of CommonMark.
    """

    tokens: list[Any]

    @property
    def context(self) -> InlineContext:
        """The files, labels and maths to which the text may refer."""
        context: InlineContext = self.env["context"]
        return context

    def pushPending(self) -> Any:
        """Add the plain text that was read since the last token."""
        token = InlineToken(SignKind.TEXT, self.pending, self.pending)
        self.tokens.append(token)
        self.pending = ""
        return token

    def add(
        self,
        kind: SignKind,
        plain: str = "",
        markdown: str | None = None,
        note: str = "",
    ) -> InlineToken:
        """Add one of our tokens after the text before it."""
        if self.pending:
            self.pushPending()
        if markdown is None:
            markdown = plain
        token = InlineToken(kind, plain, markdown, note)
        self.tokens.append(token)
        return token


# --- placeholders of templates --------------------------------------------------------

_NAMES = (
    "date|time|now|today|yesterday|tomorrow"
    "|title|name|authors?|url|link|content|tags?|value|macro|meta"
    "|selector|selectorhtml|schema|published|modified|created|description|domain|site"
    "|image|cursor|clipboard|highlights|citekey|abstract|folder|filename|path|uuid"
    "|week|month|year|day|embed|renderer|toc|TODO|DONE|word-count|[A-Z][A-Z0-9_]+"
)
_OBJECTS = (
    "tp|frontmatter|file|page|this|note|item|book|loop|site|user|env|secrets|github"
    "|inputs|matrix|annotation|highlight|chapter|review"
)
# A placeholder of a template, or what programs but Anki write in such braces.
PLACEHOLDER = regex(
    rf"""(?x)
    \{{\{{\s*
    (?:
      # sections and partials of Mustache and Handlebars: {{{{#each}}}}, {{{{> head}}}}
      (?:[\#/^&%>]|!(?!\[))[^{{}}\n]*
      # {{{{date}}}}, {{{{date:YYYY-MM-DD}}}}, {{{{title|lower}}}}
    | (?:{_NAMES})(?:(?::(?!:)|\|)[^{{}}\n]*)?
      # {{{{d:YYYY-MM-DD}}}}, {{{{FIELD:x}}}}
    | [A-Za-z]+:(?!:)[A-Za-z\W][^{{}}\n]*
      # {{{{file.name}}}}
    | (?:{_OBJECTS})\.\w[^{{}}\n]*
      # {{{{topic_name}}}}, {{{{topicName | lower}}}}
    | [a-z]\w*(?:_\w|[a-z][A-Z])[\w.]*(?:\s*\|[^{{}}\n]*)?
      # {{{{topic.name | lower}}}}
    | [a-z]\w*(?:\.[a-z]\w*)*\s*\|[^{{}}\n]*
      # {{{{query (todo now)}}}} of Logseq
    | (?:cards|query|embed|video|youtube|twitter|renderer)\s[^{{}}\n]*
      # links and fields: {{{{[[TODO]]}}}}, {{{{key:: value}}}}
    | \[[^{{}}\n]*
    | [^{{}}:\n]{{1,80}}::\s[^{{}}\n]*
    )
    \s*\}}\}}(?!\}})"""
)
# What shows that braces hold a cloze with a link or a hint, although they look like a
# placeholder.
_LINK_OR_HINT = regex(r"\[|::")

# --- signs ----------------------------------------------------------------------------

# Attributes of Pandoc and kramdown behind a picture: `{width=50%}`, `{.center #fig:1}`.
_ATTRIBUTE = r"(?:[.\#][\w:-]+|[\w-]+=(?:\"[^\"\n]*\"|[^\s{}\"]+))"
_ATTRIBUTES = rf"(?:\{{[ \t]*{_ATTRIBUTE}(?:[ \t]+{_ATTRIBUTE})*[ \t]*\}})?"
_TARGET = (
    r"\([ \t]*(?:<(?P<angled>[^<>\n]*)>|(?P<bare>[^\s()<>]*(?:\([^\s()]*\)[^\s()]*)*))"
    r"(?:\s+(?:\"[^\"\n]*\"|'[^'\n]*'))?[ \t]*\)"
)
# `<mark>Yellow highlight</mark>`: the kind of an annotation, written by a template; no
# mark.
_KIND_OF_MARK = (
    r"\s*(?:yellow|red|green|blue|purple|magenta|orange|gr[ae]y|pink)"
    r"\s+(?:highlight|underline|annotation)\s*"
)
_TABLE_TAG = "t(?:able|head|body|foot|r|d|h)"
_SIGN = regex(
    rf"""(?x)
      # the placeholder of maths over several lines
      (?P<lines>{MATHS}(?P<number>\d+){MATHS})
      # the label of a footnote, at the start of a line
    | (?P<label>(?<![^\n])\[\^(?P<label_name>[^\[\]\s]+)\]:[ \t]*)
      # a footnote: its label, or its text
    | (?P<footnote>\[\^(?P<footnote_name>[^\[\]\s]+)\]
        |\^\[(?P<footnote_text>(?:[^\[\]\n]|!?\[\[?[^\[\]\n]*\]\]?){{1,2000}})\])
      # readings above letters, in HTML, as `{{東京|とう|きょう}}`, `[東]{{とう}}`, `[東]^(とう)`
    | (?P<ruby>{READING}
        |\{{(?P<base>[\u2e80-\ua4cf\uf900-\uffef]{{1,40}})(?P<readings>(?:\|[^\s{{}}|]{{1,40}})+)\}}
        |\[(?P<letters>[\u2e80-\ua4cf\uf900-\uffef]{{1,40}})\]
          (?:\{{(?P<braced>[^\s{{}}]{{1,40}})\}}|\^\((?P<above>[^\s()]{{1,40}})\)))
      # the marks by which chats cite
    | (?P<cited>【\d[^【】\n]{{0,80}}†[^【】\n]{{0,80}}】
        |:contentReference\[oaicite:\d{{1,4}}\](?:\{{index=\d{{1,4}}\}})?
        |\ue200cite[^\n\ue201]{{1,200}}\ue201)
      # comments, drawings, empty marks, and kinds of annotations
    | (?P<gone>[{COMMENT}{CONTINUED}]+|(?<=\S)(?<!=)====(?=[^\s=])
        |(?is:<svg\b[^<>]*>.{{0,5000}}?</svg\s*>)
        |(?i:<mark[^<>]*>{_KIND_OF_MARK}</mark>|<span[^<>]*>{_KIND_OF_MARK}</span>))
      # maths and code
    | (?P<verbatim>\$\$(?:[^$\\]|\\.|\$(?!\$))+\$\$|{MATH}
        |(?P<ticks>`++)(?:[^`]++|(?!(?P=ticks)(?!`))`++)*+(?P=ticks))
      # ![[file|text]], ![alt](path "title"), ![alt][label], [[Note#Part|text]], and a sound of
      # Anki's
    | (?P<embed>!\[\[(?P<file>(?:[^\[\]\n]|\[(?!\[)|\](?!\]))+)\]\]{_ATTRIBUTES})
    | (?P<picture>!\[(?P<alt>[^\[\]\n]*)\]{_TARGET}{_ATTRIBUTES})
    | (?P<reference>!\[(?P<name>[^\[\]\n]*)\](?:\[(?P<label_of>[^\[\]\n]*)\])?{_ATTRIBUTES})
    | (?P<sound>\[sound:(?P<heard>[^\[\]\n]+)\])
    | (?P<wiki>\[\[(?P<target>[^\[\]\n]+)\]\])
      # <% tp.file.title %>, <https://…>
    | (?P<templater><%[^\n]{{0,200}}?%>)
    | (?P<address><[A-Za-z][A-Za-z0-9+.-]{{1,31}}:(?!:)[^<>\s]*>)
      # HTML
    | (?P<script><(?P<level>su[bp])>(?P<raised>[^<>\n$`*_&\\\[{{~]{{1,40}})</(?P=level)>)
      # of a table in HTML: between two rows, between two cells, blanks between its tags
    | (?P<row>(?i:(?:</tr\s*>\s*+(?:</?t(?:head|body|foot)\b[^<>]*>\s*+)*)?<tr\b[^<>]*>\s*+))
    | (?P<cell>(?i:(?:</t[dh]\s*>\s*+)?<t[dh]\b[^<>]*>))
    | (?P<frame>(?i:</?{_TABLE_TAG}\b[^<>]*>\s++(?=</?{_TABLE_TAG}\b)))
    | (?P<html></?(?P<element>[A-Za-z][A-Za-z0-9-]*)(?P<with>[^<>]*)>)
      # #tag, with something that is no digit
    | (?P<hash>(?<![^\s{COMMENT}])\#(?=[\w/-]*[^\W\d])[\w/-]+)
      # `==`, and `~={{colour}} … =~` of the plug-in Highlightr
    | (?P<mark>(?P<inside>(?<=[A-Za-z0-9_])==(?=[A-Za-z0-9_]))|(?<!=)==(?!=)|(?<!＝)＝＝(?!＝)
        |~=\{{(?P<colour>[\w-]+)\}}[ ]?|(?<!=)=~)
      # {{{{c1::, {{{{1:: as in Mochi, {{{{cloze, or two braces alone
    | (?P<gap>(?<![{{_^])\{{\{{(?!\{{)
        (?:[cC](?P<numbers>\d{{1,3}}(?:,\d{{1,3}})*)[ ]?(?:::?(?!:)|：：?)
        |(?P<gap_number>\d{{1,3}})::(?![:}}])|cloze[ ]+)?)
      # a bare address, from its colon on
    | (?P<url>://(?:(?!\}}\}})[^\s<>`])*(?!\}}\}})[^\s<>`.,;:!?'\"*_~=)\]|])
    | (?P<bracket>\])
    | (?P<text>\{{+|\}}|(?<!:)::(?!:)|`+)
    """
)
STARTS = frozenset(f"{COMMENT}{CONTINUED}{MATHS}$!:[]<#~=＝{{}}`^【\ue200")
"""The characters at which a sign may begin."""
# The elements of HTML, also old ones, that may be in a paragraph or around it.
_ELEMENTS = frozenset(
    (
        "a abbr acronym address applet area article aside audio b base bdi bdo big blink"
        " blockquote body br button canvas caption center cite code col colgroup data"
        " datalist dd del details dfn dialog dir div dl dt em embed fieldset figcaption"
        " figure font footer form frame frameset h1 h2 h3 h4 h5 h6 head header hgroup hr"
        " html i iframe img input ins kbd label legend li link main map mark marquee math"
        " menu meta meter nav nobr noscript object ol optgroup option output p param"
        " picture pre progress q rb rp rt rtc ruby s samp script search section select"
        " slot small source span strike strong style sub summary sup svg table tbody td"
        " template textarea tfoot th thead time title tr track tt u ul var video wbr"
    ).split()
)
# What may follow the name of an element, except attributes with a value.
_WITHOUT_VALUE = frozenset("/ checked controls disabled hidden loop muted open".split())
# What may be marked, or a gap.
_MARK_IN_FOOTNOTE = regex(r"==|<mark|<span|\*\*|__|\{\{|~=\{")
# The scheme of a bare address, at the end of the text before its colon.
_SCHEME = regex(r"\b[A-Za-z][A-Za-z0-9+.-]{1,31}\Z")
# The size of a picture alone, without text before it: `![300x200](…)`.
_SIZE_ALONE = regex(r"(\d{1,4})(?:x\d{1,4})?")
# The elements in tables, whose rows and cells are signs of their own.
_IN_TABLES = frozenset("tbody td tfoot th thead tr".split())
# The elements that show or play a file.
_EMBEDDING = frozenset("audio embed iframe img object source video".split())
_NOT_IN_LABEL = regex(r"[\[\]\n]")
_WIDTH = regex(r"\d{1,4}")
# How many tokens back the start of a row of a table is looked for.
_FEW = 20
# What ends the name of an embedded file: the text to show, or a part of the file.
_NAME_END = regex(r"\\?\||#")


def read_sign(state: StateInline, silent: bool) -> bool:
    """Read a sign that CommonMark does not know: an inline rule of markdown-it."""
    if state.src[state.pos] not in STARTS:
        return False
    sign = _SIGN.match(state.src, state.pos)
    if sign is None:
        return False
    kind = str(sign.lastgroup)
    meant = _MEANT[kind](state, sign) if kind in _MEANT else (kind, sign.end())
    if meant is None:
        return False
    kind, end = meant
    raw = state.src[state.pos : end]
    state.pos = end
    if not silent:
        _ADD[kind](cast(State, state), sign, raw)
    return True


# --- what a sign means where it stands --------------------------------------------------

_Meant = tuple[str, int] | None
"""The kind of a sign, and where it ends; None if it is plain text."""
_Means = Callable[[StateInline, re.Match[str]], _Meant]
_MEANT: dict[str, _Means] = {}


def _means(kind: str) -> Callable[[_Means], _Means]:
    """Register the function that tells the meaning of a kind of sign where it stands."""
    return lambda means: _MEANT.setdefault(kind, means)


@_means("footnote")
def _footnote(state: StateInline, sign: re.Match[str]) -> _Meant:
    if not _MARK_IN_FOOTNOTE.search(sign[0]):
        return "footnote", sign.end()
    # what is marked in it is part of the sentence
    state.env.setdefault("footnote_ends", set()).add(sign.end() - 1)
    return "footnote_start", state.pos + len("^[")


@_means("bracket")
def _bracket(state: StateInline, sign: re.Match[str]) -> _Meant:
    if state.pos not in state.env.get("footnote_ends", ()):
        return None
    return "footnote_end", sign.end()


@_means("url")
def _url(state: StateInline, sign: re.Match[str]) -> _Meant:
    return ("url", sign.end()) if _SCHEME.search(state.pending) else None


@_means("reference")
def _reference(state: StateInline, sign: re.Match[str]) -> _Meant:
    return ("reference", sign.end()) if _address_of_reference(state, sign) else None


@_means("html")
def _html(state: StateInline, sign: re.Match[str]) -> _Meant:
    if "=" in sign["with"]:
        return "html", sign.end()
    if sign["element"].lower() in _ELEMENTS:
        if _WITHOUT_VALUE.issuperset(sign["with"].split()):
            return "html", sign.end()
    # it is words: `vector<int>`, `a<b and c>d`, `<name>`
    return "less", state.pos + 1


@_means("ruby")
def _ruby(state: StateInline, sign: re.Match[str]) -> _Meant:
    if sign["base"] and "{" in state.env["context"].gaps.signs:
        return "text", state.pos + 1
    return "ruby", sign.end()


@_means("gap")
def _gap(state: StateInline, sign: re.Match[str]) -> _Meant:
    if sign["numbers"]:
        return "gap", sign.end()
    placeholder = PLACEHOLDER.match(state.src, state.pos)
    if placeholder:
        # where a tool reads `{{…}}` as a cloze, it may hide a link and have a hint
        is_cloze = "{{" in state.env["context"].gaps.signs
        if not (is_cloze and _LINK_OR_HINT.search(placeholder[0])):
            return "verbatim", placeholder.end()
    return ("text" if state.env["jinja"] else "gap"), sign.end()


# --- a token for each kind of sign ------------------------------------------------------


_Add = Callable[[State, re.Match[str], str], object]
# By the name of the group in `_SIGN`: what adds the token of a sign, as it is written.
_ADD: dict[str, _Add] = {}


def _adds(kind: str) -> Callable[[_Add], _Add]:
    """Register a function that adds the token of a kind of sign."""
    return lambda add: _ADD.setdefault(kind, add)


@_adds("lines")
def _add_maths_on_lines(state: State, sign: re.Match[str], raw: str) -> None:
    """Add maths over several lines, which was replaced by its number."""
    maths = state.context.maths[int(sign["number"])]
    on_one_line = maths.replace("\n", " ")
    markdown = maths if state.context.verbatim else on_one_line
    state.add(SignKind.OPAQUE, on_one_line, markdown)


@_adds("sound")
def _add_sound(state: State, sign: re.Match[str], raw: str) -> None:
    """Add a sound as Anki writes it; its text is part of the keys."""
    path = state.context.picture(sign["heard"].strip())
    state.add(SignKind.ATOM, raw, f"![]({quote(path)})" if path else literal(raw))


@_adds("address")
def _add_address(state: State, sign: re.Match[str], raw: str) -> None:
    """Add an address in angle brackets."""
    state.add(SignKind.ATOM, raw[1:-1], raw).target = raw[1:-1]


@_adds("url")
def _add_bare_address(state: State, sign: re.Match[str], raw: str) -> None:
    """Add an address from its colon on: its scheme was read as text."""
    before = _SCHEME.sub("", state.pending)
    address = state.pending[len(before) :] + raw
    state.pending = before
    state.add(SignKind.ATOM, address, literal(address)).target = address


@_adds("script")
def _add_script(state: State, sign: re.Match[str], raw: str) -> None:
    """Add raised or lowered text, in letters of Unicode if all of it can be written so."""
    words = sign["raised"]
    level = sign["level"]
    if is_written_raised(words, level):
        state.add(SignKind.TEXT, raised(words, level))
        return
    markdown = f"<{level}>{literal(words)}</{level}>"
    state.add(SignKind.ATOM, raised(words, level), markdown)


@_adds("mark")
def _add_mark(state: State, sign: re.Match[str], raw: str) -> None:
    """Add a sign of a mark, which may open one, or close it."""
    if raw not in ("==", "＝＝"):
        token = state.add(SignKind.MARK, raw, "~=", sign["colour"] or "")
        token.opens = raw[0] == "~"
        token.closes = raw == "=~"
        return
    # it opens before a word and closes after one; at the start of the text, what precedes
    # the sign is the sign itself
    before = state.src[max(0, sign.start() - 1)]
    after = state.src[sign.end() : sign.end() + 1]
    token = state.add(SignKind.MARK, raw, "==", INSIDE if sign["inside"] else "")
    token.opens = bool(after.strip())
    token.closes = not before.isspace()


@_adds("gap")
def _add_gap(state: State, sign: re.Match[str], raw: str) -> None:
    """Add the start of a cloze, with its numbers."""
    state.add(SignKind.GAP, raw, note=sign["numbers"] or sign["gap_number"] or "")


@_adds("footnote")
def _add_footnote(state: State, sign: re.Match[str], raw: str) -> None:
    """Add a footnote by its label; one in the line keeps its text, which is part of the keys."""
    if sign["footnote_name"]:
        state.add(SignKind.GONE, note=f"{FOOTNOTE}{sign['footnote_name']}")
        return
    note = f"{FOOTNOTE}[{sign['footnote_text']}]"
    state.add(SignKind.ATOM, raw.replace("\n", " "), "", note)


@_adds("ruby")
def _add_reading(state: State, sign: re.Match[str], raw: str) -> None:
    """Add a reading in brackets behind its letters."""
    if sign["base"]:
        readings = sign["readings"].replace("|", "")
        state.add(SignKind.TEXT, f"{sign['base']}({readings})")
        return
    if sign["letters"]:
        state.add(SignKind.TEXT, f"{sign['letters']}({sign['braced'] or sign['above']})")
        return
    state.add(SignKind.TEXT, reading_in_brackets(sign))


@_adds("embed")
def _add_embed(state: State, sign: re.Match[str], raw: str) -> None:
    """Add a picture, a sound, or something else, to which there is a link."""
    written = sign["file"]
    name = _NAME_END.split(written)[0].strip()
    # a name may have the sign of a heading in it: `![[figure #1.png]]`
    whole_name = written.partition("|")[0].rstrip("\\").strip()
    path = state.context.picture(name) or state.context.picture(whole_name)
    alt, _ = alt_and_width(written)
    label = written[len(alt) :]
    address = quote(path or name or written)
    token = state.add(SignKind.PICTURE, "", f"![{label}]({address})")
    if not path:
        token.target = _wiki_target(written)


@_adds("wiki")
def _add_wiki_link(state: State, sign: re.Match[str], raw: str) -> None:
    """Add a link between notes, with the words that Obsidian shows."""
    name, _, alias = sign["target"].partition("|")
    shown = alias.strip()
    if not shown:
        # the id of a block, `#^id`, is not shown
        headings = [part for part in name.split("#") if not part.startswith("^")]
        titles = [heading.strip(" \\") for heading in headings]
        shown = " > ".join(filter(None, titles))
    sound = sound_at(state.context, name.strip())
    token = state.add(SignKind.ATOM, shown, literal(shown) + sound)
    token.target = _wiki_target(name)


def _address_of_reference(state: StateInline, sign: re.Match[str]) -> str:
    """Return the address of `![alt][label]`, or of `![label]`; "" if the note defines none."""
    label = normalizeReference(sign["label_of"] or sign["name"])
    return str(state.env["references"].get(label, {}).get("href", ""))


def _show_picture(state: State, address: str, label: str) -> None:
    """Add a picture; its path is that of the file if it is in the vault."""
    path = _path_at(state, unquote(address))
    if path:
        address = quote(path)
    size_alone = _SIZE_ALONE.fullmatch(label)
    if size_alone:
        label = f"|{size_alone[1]}"
    state.add(SignKind.PICTURE, "", f"![{label}]({address})")


def _path_at(state: State, address: str) -> str:
    """Return the path of an embedded file at an address; "" if it is none, or on the web."""
    return "" if "://" in address else state.context.picture(address)


def sound_at(context: InlineContext, address: str) -> str:
    """Return the Markdown of the sound to which a link leads; "" if it leads elsewhere."""
    if "." not in address or "://" in address:
        return ""
    if PurePosixPath(address).suffix.lower() not in SOUNDS:
        return ""
    return f" ![]({quote(context.picture(address))})"


def _wiki_target(written: str) -> str:
    """Return `[[Note#Part]]` without the text it shows."""
    target = written.partition("|")[0]
    return f"[[{target.rstrip(chr(92)).strip()}]]"


@_adds("row")
@_adds("cell")
def _add_table_edge(state: State, sign: re.Match[str], raw: str) -> None:
    """Add the edge of a row or cell of a table in HTML.

    HTML allows rows and cells that nothing closes, so the next one ends them. One that closes
    nothing and is the first of its row shows nothing.
    """
    is_first = not (raw.startswith("</") or state.pending.strip())
    for token in reversed(state.tokens[-_FEW:] if is_first else []):
        if not isinstance(token, InlineToken):
            continue
        if token.plain == "\n" or token.note == EDGE:
            break
        if token.plain.strip():
            is_first = False
            break
    if is_first:
        state.add(SignKind.GONE)
    elif sign["cell"]:
        state.add(SignKind.ATOM, " | ")
    else:
        state.add(SignKind.ATOM, "\n", "\n" if state.context.verbatim else HARD_BREAK)


@_adds("html")
def _add_html(state: State, sign: re.Match[str], raw: str) -> None:
    """Add a mark, emphasis, the edge of a block, or an embedded file.

    A mark is a `<mark>`, or a `<span>` with a background. Nothing is shown of other elements.
    """
    name = sign["element"].lower()
    closes = raw[1] == "/"
    if name == "mark" or (name == "span" and (closes or "background" in sign["with"])):
        # its colour may be in the name of a class: `hltr-yellow`
        named = _COLOUR.search(sign["with"])
        colour = (named["style"] or named["class"]) if named else ""
        token = state.add(SignKind.MARK, "", name, hex_colour(colour.strip().lower()))
        token.opens = not closes
        token.closes = closes
    elif name in EMPHASIS:
        element = f"</{EMPHASIS[name]}>" if closes else f"<{EMPHASIS[name]}>"
        token = state.add(SignKind.EMPHASIS, "", element)
        token.opens = not closes
        token.closes = closes
    elif name in BLOCKS and name not in _IN_TABLES:
        _add_edge_of_block(state, name, closes=closes)
    elif name in _EMBEDDING and not closes:
        _add_file(state, raw)
    else:
        state.add(SignKind.GONE)


def _add_edge_of_block(state: State, name: str, *, closes: bool) -> None:
    """Add the end of a line at the edge of an element that stands on lines of its own."""
    if not state.context.verbatim:
        state.add(SignKind.BREAK, " ", HARD_BREAK, note="" if name == "br" else EDGE)
        return
    written = _written_before(state)
    if _is_in_table(state):
        # a cell has its own sign for the end of a line, and none at its start
        markdown = "<br>"
        if name != "br" and (closes or written.rstrip().endswith(("|", "<br>"))):
            markdown = ""
    elif name == "br":
        markdown = HARD_BREAK
    else:
        markdown = "" if not written or written.endswith("\n") else HARD_BREAK
    state.add(SignKind.BREAK, " ", markdown)


def _written_before(state: State) -> str:
    """Return the Markdown that was read last, "" at the start."""
    if state.pending:
        return state.pending
    for token in reversed(state.tokens[-_FEW:]):
        if isinstance(token, InlineToken) and token.markdown:
            return token.markdown
    return ""


def _add_file(state: State, raw: str) -> None:
    """Add a file that an element of HTML shows or plays, if it names one."""
    attributes = attributes_of(raw)
    address = attributes.get("src") or attributes.get("data", "")
    if not address:
        state.add(SignKind.GONE)
        return
    path = _path_at(state, unquote(address))
    shown = quote(path) if path else quote(address, safe="%/:?#@!$&*+,;=~")
    label = _NOT_IN_LABEL.sub(" ", attributes.get("alt", ""))
    width = attributes.get("width", "").removesuffix("px")
    if _WIDTH.fullmatch(width):
        label = f"{label}|{width}"
    state.add(SignKind.PICTURE, "", f"![{label}]({shown})")


_ADD |= {
    "verbatim": lambda state, sign, raw: state.add(
        SignKind.OPAQUE, raw.replace("\n", " ")
    ),
    "templater": lambda state, sign, raw: state.add(SignKind.OPAQUE, raw, literal(raw)),
    "picture": lambda state, sign, raw: _show_picture(
        state, sign["angled"] or sign["bare"] or "", sign["alt"]
    ),
    "reference": lambda state, sign, raw: _show_picture(
        state, _address_of_reference(state, sign), sign["name"]
    ),
    # it would begin a tag in a field
    "less": lambda state, sign, raw: state.add(SignKind.TEXT, raw, literal(raw)),
    "hash": lambda state, sign, raw: state.add(SignKind.TAG, raw, note=raw[1:]),
    "text": lambda state, sign, raw: state.add(SignKind.TEXT, raw),
    "label": lambda state, sign, raw: state.add(
        SignKind.GONE, note=f"{LABEL}{sign['label_name']}"
    ),
    "footnote_start": lambda state, sign, raw: state.add(SignKind.ATOM, raw, " ("),
    "footnote_end": lambda state, sign, raw: state.add(SignKind.ATOM, raw, ")"),
    # nothing is shown of it, and it is part of the keys
    "cited": lambda state, sign, raw: state.add(SignKind.ATOM, raw, ""),
    # nothing is shown of them
    "frame": lambda state, sign, raw: state.add(SignKind.GONE),
    "gone": lambda state, sign, raw: state.add(SignKind.GONE),
}


# The line below the head of a table.
_TABLE_RULE = regex(
    r"(?m)^[ \t>]*\|?[ \t]*:?-+:?[ \t]*(?:\|[ \t]*:?-+:?[ \t]*)*\|?[ \t]*$"
)


def _is_in_table(state: State) -> bool:
    """Return whether the place that is read is in a row of a table."""
    line_start = state.src.rfind("\n", 0, state.pos) + 1
    line, _, _ = state.src[line_start:].partition("\n")
    if "|" not in line:
        return False
    start = state.src.rfind("\n\n", 0, state.pos) + 1
    paragraph, _, _ = state.src[start:].lstrip("\n").partition("\n\n")
    return any("|" in rule[0] for rule in _TABLE_RULE.finditer(paragraph))


# --- colours --------------------------------------------------------------------------

# The colour of a `<mark>`.
_COLOUR = regex(
    r"(?i)background(?:-color)?\s*:\s*(?P<style>[^;\"']+)"
    r"|class\s*=\s*[\"']?(?:[\w\s]*-)?(?P<class>\w+)"
)
_HEX = regex(r"#([0-9a-f]{3}|[0-9a-f]{6})(?:[0-9a-f]{0,2})$")
_RGB = regex(r"(?:rgba?\(\s*)?(\d{1,3})[\s,]+(\d{1,3})[\s,]+(\d{1,3})")


def hex_colour(value: str) -> str:
    """Return `#rrggbb` for a colour in hexadecimal or decimal numbers.

    Other words as they are.
    """
    in_hex = _HEX.match(value)
    if in_hex:
        digits = in_hex[1]
        if len(digits) == 3:
            digits = "".join(2 * digit for digit in digits)
        return f"#{digits}"
    in_decimals = _RGB.match(value)
    if in_decimals:
        parts = [min(int(part), 255) for part in in_decimals.groups()]
        return "#" + "".join(f"{part:02x}" for part in parts)
    return value
