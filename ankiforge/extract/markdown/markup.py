"""The tokens of a block, and a parser for inline markup that isn't part of CommonMark.

This markup consists of highlights, clozes, maths, Obsidian links, tags, footnotes, ruby
readings, bare URLs, template placeholders and HTML elements. `_MARKUP` matches all of it, and
`_add_markup` adds the token for each kind. A token has Markdown and plain text. The plain text that
a given markup produces must never change, because the keys of highlights are computed from it
(docs/reference/keys.md). `tokenizer` creates and pairs the tokens, and `inline` interprets them.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from enum import Enum, auto
from pathlib import PurePosixPath
from typing import Any, ClassVar, NamedTuple, cast
from urllib.parse import quote, unquote

from markdown_it.rules_inline import StateInline

from ankiforge.extract.discover import SOUND_SUFFIXES
from ankiforge.extract.markdown.placeholders import (
    COMMENT_FILLER,
    MATHS_CONTINUATION,
    MATHS_DELIMITER,
)
from ankiforge.model import Span, Strings, Texts
from ankiforge.text import regex
from ankiforge.text.cloze import escape_markdown, parse_image_label
from ankiforge.text.elements import (
    BLOCK_ELEMENTS,
    EMPHASIS_ELEMENTS,
    RUBY_PATTERN,
    can_be_unicode_script,
    parse_attributes,
    ruby_to_text,
    to_unicode_script,
)
from ankiforge.text.normalize import MATH_PATTERN


class MarkupKind(Enum):
    """The kinds of inline tokens. Each kind is rendered differently."""

    TEXT = auto()
    """Text whose plain text and Markdown are identical."""
    ATOM = auto()
    """An indivisible piece of text: the name of a link, a URL, an escape or an entity."""
    OPAQUE = auto()
    """Code, maths or a template field, within which no sentence ends."""
    TAG = auto()
    BREAK = auto()
    """A line end in the source, a `<br>`, or the edge of an HTML block."""
    PICTURE = auto()
    """An embedded file that is shown or played. It has no plain text."""
    INVISIBLE = auto()
    """Markup that isn't shown, such as most HTML tags and the brackets of a link."""
    EMPHASIS = auto()
    """`*`, `**`, `_`, `~~`, or the tag of an element such as `<b>`."""
    MARK = auto()
    """`==`, or the start or end of another kind of mark."""
    GAP = auto()
    """The `{{` or `}}` of a hand-written cloze."""
    HINT = auto()
    """The `::` in a hand-written cloze, and the hint after it."""


FOOTNOTE_LABEL_PREFIX = "[^"
"""The prefix of `detail` for a label such as `[^1]:`, before a footnote's text."""
FOOTNOTE_PREFIX = "^"
"""The prefix of `detail` for a footnote reference. The footnote's label, such as `1`, follows."""


HARD_BREAK = "  \n"
"""The Markdown of a hard line break."""
BLOCK_EDGE = "edge"
"""The `detail` of a line end at the edge of an HTML block."""


@dataclass(slots=True, eq=False)
class InlineToken:
    """A token of inline text, with both its plain text and its Markdown."""

    kind: MarkupKind
    plain: str = ""
    markdown: str = ""
    """The token's Markdown. The two tokens of a mark both have `==` or the element's name."""
    detail: str = ""
    """The colour of a mark, the numbers of a cloze, the name of a tag, or "strong" for `**`."""
    target: str = ""
    """Where a link leads, in the link's first token: a URL, or `[[Note#Part]]` for `[[…]]` and
    `![[…]]`."""
    can_open: bool = False
    """Whether the token may open a mark or element."""
    can_close: bool = False
    """Whether the token may close a mark or element."""
    closer: InlineToken | None = None
    """The paired closing token, or None."""
    opener: InlineToken | None = None
    """The paired opening token, or None."""
    index: int = 0
    """The index of the token within the block."""
    start: int = 0
    """The start offset in the plain text of the block."""
    type: ClassVar[str] = ""
    """markdown-it's rule for `~~` reads the type of adjacent tokens."""

    def change_kind(
        self,
        kind: MarkupKind,
        plain: str = "",
        markdown: str | None = None,
    ) -> None:
        """Change the kind and text of the token, and clear `detail`, `opener` and `closer`.

        `markdown` defaults to `plain`.
        """
        self.kind = kind
        self.plain = plain
        self.markdown = plain if markdown is None else markdown
        self.detail = ""
        self.closer = None
        self.opener = None

    @property
    def end(self) -> int:
        """The end offset in the block's plain text."""
        return self.start + len(self.plain)

    @property
    def is_embedded_media(self) -> bool:
        """Whether the token is an embedded picture, sound or video."""
        return self.kind is MarkupKind.PICTURE and bool(self.markdown)


class MarkedPhrase(NamedTuple):
    """A highlighted or bold phrase or a cloze deletion, with the two tokens around it."""

    opener: InlineToken
    closer: InlineToken
    span: Span
    """The phrase's span in the plain text of the block, without surrounding whitespace."""
    mark_kind: str
    """`==`, `mark`, `bold`, or `{{` for a cloze."""
    detail: str
    """The colour of a mark, or the numbers of a cloze."""

    @property
    def start(self) -> int:
        """The start offset in the block's plain text."""
        return self.span[0]

    @property
    def end(self) -> int:
        """The end offset in the block's plain text."""
        return self.span[1]


class InlineContext(NamedTuple):
    """The information about a note and its vault that is needed to parse the text of a block."""

    maths: Strings = ()
    """The note's maths that covers several lines. The number in a placeholder is its index."""
    link_labels: Mapping[str, Texts] = {}
    """Maps each link label that the note defines to its URL and title, in markdown-it's format."""
    find_media_path: Callable[[str], str] = str
    """Returns an embedded file's path relative to the vault, or "" if it isn't a picture,
    sound or film."""
    cloze_markers: frozenset[str] = frozenset()
    """The markup of cloze deletions besides `{{c1::…}}`: any of `==`, `bold`, `{` and `{{`. The
    last stands for double braces without a number."""
    is_verbatim: bool = False
    """Whether to keep line breaks and markup as written, because the text has several blocks."""


# --- the parser ----------------------------------------------------------------------------


class InlineState(StateInline):
    """An extension of markdown-it's inline parser state that collects `InlineToken`s."""

    tokens: list[Any]

    @property
    def context(self) -> InlineContext:
        """The context of the text being parsed."""
        context: InlineContext = self.env["context"]
        return context

    def pushPending(self) -> Any:
        """Flush the pending plain text into a new token."""
        token = InlineToken(MarkupKind.TEXT, self.pending, self.pending)
        self.tokens.append(token)
        self.pending = ""
        return token

    def add_token(
        self,
        kind: MarkupKind,
        plain: str = "",
        markdown: str | None = None,
        detail: str = "",
    ) -> InlineToken:
        """Flush any pending text, then add a token and return it.

        `markdown` defaults to `plain`.
        """
        if self.pending:
            self.pushPending()
        if markdown is None:
            markdown = plain
        token = InlineToken(kind, plain, markdown, detail)
        self.tokens.append(token)
        return token


# --- markup ---------------------------------------------------------------------------

# The attributes that Pandoc and kramdown allow after a picture, such as `{width=50%}` or
# `{.center #fig:1}`.
_ATTRIBUTE = r"(?:[.\#][\w:-]+|[\w-]+=(?:\"[^\"\n]*\"|[^\s{}\"]+))"
_ATTRIBUTES = rf"(?:\{{[ \t]*{_ATTRIBUTE}(?:[ \t]+{_ATTRIBUTE})*[ \t]*\}})?"
_LINK_TARGET = (
    r"\([ \t]*(?:<(?P<angled>[^<>\n]*)>|(?P<bare>[^\s()<>]*(?:\([^\s()]*\)[^\s()]*)*))"
    r"(?:\s+(?:\"[^\"\n]*\"|'[^'\n]*'))?[ \t]*\)"
)
# The kind of an annotation, which templates write into an element: `<mark>Yellow
# highlight</mark>` isn't a mark.
_ANNOTATION_KIND = r"\s*[a-z]{3,8}\s+(?:highlight|underline|annotation)\s*"
_MARKUP = regex(
    rf"""(?x)
      # the placeholder of maths over several lines
      (?P<lines>{MATHS_DELIMITER}(?P<number>\d+){MATHS_DELIMITER})
      # the label of a footnote, at the start of a line
    | (?P<label>(?<![^\n])\[\^(?P<label_name>[^\[\]\s]+)\]:[ \t]*)
      # a footnote
    | (?P<footnote>\[\^(?P<footnote_name>[^\[\]\s]+)\])
      # ruby readings in HTML, or as `{{東京|とう|きょう}}`, `[東]{{とう}}`, `[東]^(とう)`
    | (?P<ruby>{RUBY_PATTERN}
        |\{{(?P<base>[\u2e80-\ua4cf\uf900-\uffef]{{1,40}})(?P<readings>(?:\|[^\s{{}}|]{{1,40}})+)\}}
        |\[(?P<letters>[\u2e80-\ua4cf\uf900-\uffef]{{1,40}})\]
          (?:\{{(?P<braced>[^\s{{}}]{{1,40}})\}}|\^\((?P<above>[^\s()]{{1,40}})\)))
      # citation marks of chatbots
    | (?P<cited>【\d[^【】\n]{{0,80}}†[^【】\n]{{0,80}}】
        |:contentReference\[oaicite:\d{{1,4}}\](?:\{{index=\d{{1,4}}\}})?
        |\ue200cite[^\n\ue201]{{1,200}}\ue201)
      # comments, drawings, empty marks
    | (?P<gone>[{COMMENT_FILLER}{MATHS_CONTINUATION}]+|(?<=\S)(?<!=)====(?=[^\s=])
        |(?is:<svg\b[^<>]*>.{{0,5000}}?</svg\s*>)|(?i:<mark[^<>]*>{_ANNOTATION_KIND}</mark>))
      # maths and code
    | (?P<verbatim>\$\$(?:[^$\\]|\\.|\$(?!\$))+\$\$|{MATH_PATTERN}
        |(?P<ticks>`++)(?:[^`]++|(?!(?P=ticks)(?!`))`++)*+(?P=ticks))
      # ![[file|text]], ![alt](path "title"), [[Note#Part|text]], and a sound of Anki's
    | (?P<embed>!\[\[(?P<file>(?:[^\[\]\n]|\[(?!\[)|\](?!\]))+)\]\]{_ATTRIBUTES})
    | (?P<picture>!\[(?P<alt>[^\[\]\n]*)\]{_LINK_TARGET}{_ATTRIBUTES})
    | (?P<sound>\[sound:(?P<heard>[^\[\]\n]+)\])
    | (?P<wiki>\[\[(?P<target>[^\[\]\n]+)\]\])
      # <% tp.file.title %>, <https://…>
    | (?P<templater><%[^\n]{{0,200}}?%>)
    | (?P<address><[A-Za-z][A-Za-z0-9+.-]{{1,31}}:(?!:)[^<>\s]*>)
      # HTML
    | (?P<script><(?P<level>su[bp])>(?P<raised>[^<>\n$`*_&\\\[{{~]{{1,40}})</(?P=level)>)
    | (?P<html></?(?P<element>[A-Za-z][A-Za-z0-9-]*)(?P<with>[^<>]*)>)
      # #tag, with at least one character that isn't a digit
    | (?P<hash>(?<![^\s{COMMENT_FILLER}])\#(?=[\w/-]*[^\W\d])[\w/-]+)
      # `==`, unless it is a comparison, as in `a==b`
    | (?P<mark>(?<![=A-Za-z0-9_])==(?!=)|(?<!=)==(?![=A-Za-z0-9_])|(?<!＝)＝＝(?!＝))
      # {{{{c1::, {{{{1:: as in Mochi, {{{{cloze, or just two braces
    | (?P<gap>(?<![{{_^])\{{\{{(?!\{{)
        (?P<named>[cC](?P<numbers>\d{{1,3}}(?:,\d{{1,3}})*)[ ]?(?:::?(?!:)|：：?)
        |(?P<gap_number>\d{{1,3}})::(?![:}}])|cloze[ ]+)?)
      # a bare URL, from the colon on
    | (?P<url>://(?:(?!\}}\}})[^\s<>`])*(?!\}}\}})[^\s<>`.,;:!?'\"*_~=)\]|])
    | (?P<text>\{{+|\}}|(?<!:)::(?!:)|`+)
    """
)
MARKUP_START_CHARACTERS = frozenset(
    f"{COMMENT_FILLER}{MATHS_CONTINUATION}{MATHS_DELIMITER}$!:[<#=＝{{}}`【\ue200"
)
"""The characters with which markup may begin."""
# The HTML elements, including obsolete ones, that may occur in or around a paragraph.
_HTML_ELEMENTS = frozenset(
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
# Attributes without a value, and the `/`, that may follow the name of an element.
_BARE_ATTRIBUTES = frozenset("/ checked controls disabled hidden loop muted open".split())
# The scheme of a bare URL at the end of the text before its colon.
_URL_SCHEME = regex(r"\b[A-Za-z][A-Za-z0-9+.-]{1,31}\Z")
# The size of a picture in place of its alt text, as in `![300x200](…)`.
_SIZE_ONLY = regex(r"(\d{1,4})(?:x\d{1,4})?")
# Elements that show or play a file.
_MEDIA_ELEMENTS = frozenset("audio embed iframe img object source video".split())
_SPECIAL_IN_ALT = regex(r"[\[\]\n]")
_WIDTH = regex(r"\d{1,4}")
# The start of the alias or fragment that follows the name of an embedded file.
_EMBED_NAME_END = regex(r"\\?\||#")


def parse_markup(state: StateInline, silent: bool) -> bool:
    """Parse markup that isn't part of CommonMark (a markdown-it inline rule).

    Returns whether such markup begins at the current position. If it does, the position moves
    to the end of the markup, and a token is added unless `silent` is set.
    """
    if state.src[state.pos] not in MARKUP_START_CHARACTERS:
        return False
    match = _MARKUP.match(state.src, state.pos)
    if match is None:
        return False
    resolved = _classify_markup(state, match)
    if resolved is None:
        return False
    kind, end = resolved
    raw = state.src[state.pos : end]
    state.pos = end
    if not silent:
        _add_markup(cast(InlineState, state), kind, match, raw)
    return True


def _classify_markup(state: StateInline, match: re.Match[str]) -> tuple[str, int] | None:
    """Return (kind of markup, end offset), or None if the match isn't markup after all."""
    kind = str(match.lastgroup)
    context: InlineContext = state.env["context"]
    match kind:
        case "url" if not _URL_SCHEME.search(state.pending):
            return None
        case "html" if not _is_html_tag(match):
            # plain text, as in `vector<int>`, `a<b and c>d` or `<name>`
            return "less", state.pos + 1
        case "ruby" if match["base"] and "{" in context.cloze_markers:
            return "text", state.pos + 1
        case "gap" if not match["named"] and "{{" not in context.cloze_markers:
            # braces without a number or the word `cloze` make a cloze only if a plug-in
            # reads them so, because templates use them too
            return "text", match.end()
    return kind, match.end()


def _is_html_tag(match: re.Match[str]) -> bool:
    attributes = match["with"]
    if "=" in attributes or match["element"].lower() not in _HTML_ELEMENTS:
        return "=" in attributes
    return _BARE_ATTRIBUTES.issuperset(attributes.split())


# --- a token for each kind of markup ----------------------------------------------------


def _add_markup(state: InlineState, kind: str, match: re.Match[str], raw: str) -> None:
    """Add a token for markup of the given kind. `raw` is the markup as written in the note."""
    match kind:
        case "text":
            state.add_token(MarkupKind.TEXT, raw)
        case "less":
            # `<` is escaped because it would begin a tag in a field of a card
            state.add_token(MarkupKind.TEXT, raw, escape_markdown(raw))
        case "hash":
            state.add_token(MarkupKind.TAG, raw, detail=raw[1:])
        case "mark":
            _add_mark(state, match, raw)
        case "gap":
            number = match["numbers"] or match["gap_number"] or ""
            state.add_token(MarkupKind.GAP, raw, detail=number)
        case "verbatim":
            state.add_token(MarkupKind.OPAQUE, raw.replace("\n", " "))
        case "lines":
            maths = state.context.maths[int(match["number"])]
            one_line_maths = maths.replace("\n", " ")
            markdown = maths if state.context.is_verbatim else one_line_maths
            state.add_token(MarkupKind.OPAQUE, one_line_maths, markdown)
        case "templater":
            state.add_token(MarkupKind.OPAQUE, raw, escape_markdown(raw))
        case "address":
            state.add_token(MarkupKind.ATOM, raw[1:-1], raw).target = raw[1:-1]
        case "url":
            _add_bare_url(state, raw)
        case "wiki":
            _add_wiki_link(state, match["target"])
        case "embed":
            _add_embed(state, match["file"])
        case "picture":
            _add_picture(state, match["angled"] or match["bare"] or "", match["alt"])
        case "sound":
            path = state.context.find_media_path(match["heard"].strip())
            markdown = f"![]({quote(path)})" if path else escape_markdown(raw)
            state.add_token(MarkupKind.ATOM, raw, markdown)
        case "label":
            label = f"{FOOTNOTE_LABEL_PREFIX}{match['label_name']}"
            state.add_token(MarkupKind.INVISIBLE, detail=label)
        case "footnote":
            reference = f"{FOOTNOTE_PREFIX}{match['footnote_name']}"
            state.add_token(MarkupKind.INVISIBLE, detail=reference)
        case "ruby":
            state.add_token(MarkupKind.TEXT, _format_ruby(match))
        case "script":
            _add_super_or_subscript(state, match["raised"], match["level"])
        case "html":
            _add_html(state, match, raw)
        case "cited":
            # isn't shown, but is part of the plain text, from which keys are made
            state.add_token(MarkupKind.ATOM, raw, "")
        case _:  # comments and drawings aren't shown
            state.add_token(MarkupKind.INVISIBLE)


def _add_bare_url(state: InlineState, raw: str) -> None:
    """Add a token for a URL that isn't part of a link.

    `raw` begins with the colon of the URL. The scheme is at the end of the pending text.
    """
    text_before = _URL_SCHEME.sub("", state.pending)
    url = state.pending[len(text_before) :] + raw
    state.pending = text_before
    state.add_token(MarkupKind.ATOM, url, escape_markdown(url)).target = url


def _add_super_or_subscript(state: InlineState, text: str, level: str) -> None:
    if can_be_unicode_script(text, level):
        state.add_token(MarkupKind.TEXT, to_unicode_script(text, level))
        return
    markdown = f"<{level}>{escape_markdown(text)}</{level}>"
    state.add_token(MarkupKind.ATOM, to_unicode_script(text, level), markdown)


def _add_mark(state: InlineState, match: re.Match[str], raw: str) -> None:
    # `==` may open a mark unless whitespace follows, and close one unless whitespace
    # precedes; at the start of the text, `before` is the first `=` itself
    before = state.src[max(0, match.start() - 1)]
    after = state.src[match.end() : match.end() + 1]
    token = state.add_token(MarkupKind.MARK, raw, "==")
    token.can_open = bool(after.strip())
    token.can_close = not before.isspace()


def _format_ruby(match: re.Match[str]) -> str:
    if match["base"]:
        return f"{match['base']}({match['readings'].replace('|', '')})"
    if match["letters"]:
        return f"{match['letters']}({match['braced'] or match['above']})"
    return ruby_to_text(match)


def _add_embed(state: InlineState, content: str) -> None:
    name = _EMBED_NAME_END.split(content)[0].strip()
    # the name of a file may contain `#`, as in `![[figure #1.png]]`
    whole_name = content.partition("|")[0].rstrip("\\").strip()
    path = state.context.find_media_path(name) or state.context.find_media_path(
        whole_name
    )
    alt, _ = parse_image_label(content)
    label = content[len(alt) :]
    target = quote(path or name or content)
    token = state.add_token(MarkupKind.PICTURE, "", f"![{label}]({target})")
    if not path:
        token.target = _format_wiki_target(content)


def _add_wiki_link(state: InlineState, target: str) -> None:
    name, _, alias = target.partition("|")
    link_text = alias.strip()
    if not link_text:
        # Obsidian doesn't show the id of a block, `#^id`
        headings = [part for part in name.split("#") if not part.startswith("^")]
        titles = [heading.strip(" \\") for heading in headings]
        link_text = " > ".join(filter(None, titles))
    sound = render_linked_sound(state.context, name.strip())
    token = state.add_token(
        MarkupKind.ATOM, link_text, escape_markdown(link_text) + sound
    )
    token.target = _format_wiki_target(name)


def _add_picture(state: InlineState, url: str, label: str) -> None:
    path = _find_media_path(state, unquote(url))
    if path:
        url = quote(path)
    size_match = _SIZE_ONLY.fullmatch(label)
    if size_match:
        label = f"|{size_match[1]}"
    state.add_token(MarkupKind.PICTURE, "", f"![{label}]({url})")


def _find_media_path(state: InlineState, url: str) -> str:
    return "" if "://" in url else state.context.find_media_path(url)


def render_linked_sound(context: InlineContext, url: str) -> str:
    """Render a link to an audio file as an embed, or return "" for any other link."""
    if "." not in url or "://" in url:
        return ""
    if PurePosixPath(url).suffix.lower() not in SOUND_SUFFIXES:
        return ""
    return f" ![]({quote(context.find_media_path(url))})"


def _format_wiki_target(link_text: str) -> str:
    """Format the target of a wiki link as `[[Note#Part]]`, dropping any alias."""
    target = link_text.partition("|")[0]
    return f"[[{target.rstrip(chr(92)).strip()}]]"


def _add_html(state: InlineState, match: re.Match[str], raw: str) -> None:
    """Add a token for an HTML tag.

    The tag may be a mark (`<mark>`, or `<span>` with a background), emphasis, a block
    element or embedded media. All other tags are invisible.
    """
    name = match["element"].lower()
    closes = raw[1] == "/"
    if name == "mark" or (name == "span" and (closes or "background" in match["with"])):
        # the colour may be part of a class name, such as `hltr-yellow`
        colour_match = _MARK_COLOUR.search(match["with"])
        colour = (colour_match["style"] or colour_match["class"]) if colour_match else ""
        token = state.add_token(
            MarkupKind.MARK, "", name, normalize_colour(colour.strip().lower())
        )
        token.can_open = not closes
        token.can_close = closes
    elif name in EMPHASIS_ELEMENTS:
        slash = "/" if closes else ""
        element = f"<{slash}{EMPHASIS_ELEMENTS[name]}>"
        token = state.add_token(MarkupKind.EMPHASIS, "", element)
        token.can_open = not closes
        token.can_close = closes
    elif name in BLOCK_ELEMENTS:
        _add_block_tag(state, name)
    elif name in _MEDIA_ELEMENTS and not closes:
        _add_media(state, raw)
    else:
        state.add_token(MarkupKind.INVISIBLE)


def _add_block_tag(state: InlineState, name: str) -> None:
    if not state.context.is_verbatim:
        state.add_token(
            MarkupKind.BREAK, " ", HARD_BREAK, detail="" if name == "br" else BLOCK_EDGE
        )
        return
    # in a row of a table, a line break is `<br>`
    line_start = state.src.rfind("\n", 0, state.pos) + 1
    is_row = state.src.startswith("|", line_start)
    markdown = "<br>" if is_row else HARD_BREAK
    previous = state.pending or (state.tokens[-1].markdown if state.tokens else "\n")
    if name != "br" and previous.rstrip(" ").endswith(("\n", "<br>")):
        markdown = ""
    state.add_token(MarkupKind.BREAK, " ", markdown)


def _add_media(state: InlineState, raw: str) -> None:
    attributes = parse_attributes(raw)
    url = attributes.get("src") or attributes.get("data", "")
    if not url:
        state.add_token(MarkupKind.INVISIBLE)
        return
    path = _find_media_path(state, unquote(url))
    media_url = quote(path) if path else quote(url, safe="%/:?#@!$&*+,;=~")
    label = _SPECIAL_IN_ALT.sub(" ", attributes.get("alt", ""))
    width = attributes.get("width", "").removesuffix("px")
    if _WIDTH.fullmatch(width):
        label = f"{label}|{width}"
    state.add_token(MarkupKind.PICTURE, "", f"![{label}]({media_url})")


# --- colours --------------------------------------------------------------------------

# The colour of a `<mark>` or `<span>`.
_MARK_COLOUR = regex(
    r"(?i)background(?:-color)?\s*:\s*(?P<style>[^;\"']+)"
    r"|class\s*=\s*[\"']?(?:[\w\s]*-)?(?P<class>\w+)"
)
_HEX_COLOUR = regex(r"#([0-9a-f]{3}|[0-9a-f]{6})(?:[0-9a-f]{0,2})$")
_RGB_COLOUR = regex(r"(?:rgba?\(\s*)?(\d{1,3})[\s,]+(\d{1,3})[\s,]+(\d{1,3})")


def normalize_colour(value: str) -> str:
    """Convert a hex or `rgb()` colour to `#rrggbb`, leaving any other text unchanged."""
    hex_match = _HEX_COLOUR.match(value)
    if hex_match:
        digits = hex_match[1]
        if len(digits) == 3:
            digits = "".join(2 * digit for digit in digits)
        return f"#{digits}"
    rgb_match = _RGB_COLOUR.match(value)
    if rgb_match:
        parts = [min(int(part), 255) for part in rgb_match.groups()]
        return "#" + "".join(f"{part:02x}" for part in parts)
    return value
