"""Parse inline markup that isn't part of CommonMark.

This markup consists of highlights, clozes, maths, Obsidian links, tags, footnotes, ruby
readings, bare URLs, template placeholders and HTML elements. `_MARKUP` matches all of it, and
`_add_markup` adds the token for each kind. The plain text that a given markup produces must never
change, because the keys of highlights are computed from it (tests/keys/keys.md).
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from pathlib import PurePosixPath
from typing import Any, NamedTuple, cast
from urllib.parse import quote, unquote

from markdown_it import MarkdownIt
from markdown_it.rules_inline import StateInline

from ankiforge.extract.foreign_formats import SOUND_SUFFIXES
from ankiforge.extract.markdown.inline import HARD_BREAK, MarkKind, Token, TokenKind
from ankiforge.extract.markdown.placeholders import (
    COMMENT_FILLER,
    MATHS_CONTINUATION,
    MATHS_DELIMITER,
)
from ankiforge.model import Strings, Texts
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


# --- what may begin or end something --------------------------------------------------
#
# Until their other half is found, the tokens below are text or invisible.


class MarkDelimiter(NamedTuple):
    """A token that may begin or end a mark: `==`, or the tag of a `<mark>` or `<span>`."""

    token: Token
    markup: str
    """`==` or the name of the element, which is the same at both ends of a mark."""
    can_open: bool
    can_close: bool
    colour: str | None = None

    @property
    def kind(self) -> MarkKind:
        """The kind of mark."""
        if self.markup == "==":
            return MarkKind.HIGHLIGHT
        return MarkKind.ELEMENT


class EmphasisTag(NamedTuple):
    """The start or end tag of an element for emphasis, such as `<b>`."""

    token: Token
    element: str
    is_end: bool


class Brace(NamedTuple):
    """One or more braces, or the `::` before the hint of a cloze."""

    token: Token
    opens_gap: bool = False
    """Whether this is the `{{` of a cloze."""
    gap_numbers: str | None = None
    """See `Gap.numbers`."""


class InlineState(StateInline):
    """An extension of markdown-it's inline parser state that collects our tokens."""

    tokens: list[Any]

    def __init__(self, text: str, parser: MarkdownIt, context: InlineContext) -> None:
        """Create the state before the first character of a text."""
        has_links = "](" in text or context.link_labels
        unclosed_count = text.count("[") - text.count("]")
        environment = {
            "references": context.link_labels,
            "links": has_links and unclosed_count < _MAX_UNCLOSED_BRACKETS,
        }
        super().__init__(text, parser, environment, [])
        self.context = context
        self.mark_delimiters: list[MarkDelimiter] = []
        self.emphasis_tags: list[EmphasisTag] = []
        self.braces: list[Brace] = []

    def pushPending(self) -> Any:
        """Flush the pending plain text into a new token."""
        token = Token(TokenKind.TEXT, self.pending, self.pending)
        self.tokens.append(token)
        self.pending = ""
        return token

    def add_token(
        self, kind: TokenKind, plain: str = "", markdown: str | None = None
    ) -> Token:
        """Flush any pending text, then add a token and return it.

        `markdown` defaults to `plain`.
        """
        if self.pending:
            self.pushPending()
        if markdown is None:
            markdown = plain
        token = Token(kind, plain, markdown)
        self.tokens.append(token)
        return token


# If a text contains more unclosed brackets than this, its links aren't parsed, because that
# would take too long.
_MAX_UNCLOSED_BRACKETS = 500

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
      # what a clip of Wikipedia keeps of its notes: `[1](…#cite_note-1)`, `[\[1\]](…)`, `[edit]`
    | (?P<note_link>\[\\?\[?(?:\d{{1,3}}|[a-z]|edit)\\?\]?\]
        \((?:[^()\s]{{0,500}})?\#(?:cite|fn|ref|_?[ef]dn|_?ftn|footnote)[^()\s]{{0,200}}
          (?:[ ]"[^"\n]{{0,200}}")?\)
        |(?<=[^\s\[\]])\[edit\](?![(\[:]))
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
      # `==`, unless it is a comparison, as in `a==b`; `{{==x==}}` in CriticMarkup
    | (?P<mark>(?<!\{{)\{{==(?=[^=\s])|(?<=[^=\s])==\}}(?!\}})
        |(?<![=A-Za-z0-9_])==(?!=)|(?<!=)==(?![=A-Za-z0-9_])|(?<!＝)＝＝(?!＝))
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
# The characters with a meaning in a URL, which may already contain escapes such as `%20`.
_SAFE_IN_URL = "%/:?#@!$&*+,;=~"
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
    inline_state = cast(InlineState, state)
    end = _find_markup_end(inline_state, match)
    if end is None:
        return False
    state.pos = end
    if not silent:
        _add_markup(inline_state, match, state.src[match.start() : end])
    return True


def _find_markup_end(state: InlineState, match: re.Match[str]) -> int | None:
    """Return the end offset of markup, or None if the match isn't markup after all.

    If only its first character is special, such as the `<` of `vector<int>`, this is the end of
    that character.
    """
    after_first = match.start() + 1
    match match.lastgroup:
        case "url" if not _URL_SCHEME.search(state.pending):
            return None
        case "html" if not _is_html_tag(match):
            return after_first
        case "ruby" if match["base"] and "{" in state.context.cloze_markers:
            return after_first  # the plug-in reads these braces as a cloze
    return match.end()


def _is_html_tag(match: re.Match[str]) -> bool:
    """Return whether a match is a tag, and not text such as `a<b and c>d` or `<name>`."""
    attributes = match["with"]
    if "=" in attributes:
        return True
    is_known = match["element"].lower() in _HTML_ELEMENTS
    return is_known and _BARE_ATTRIBUTES.issuperset(attributes.split())


# --- a token for each kind of markup ----------------------------------------------------


def _add_markup(state: InlineState, match: re.Match[str], raw: str) -> None:
    """Add a token for a match of `_MARKUP`. `raw` is the markup as written in the note.

    The kinds are the outer groups of the pattern, in the same order.
    """
    match match.lastgroup:
        case "lines":
            _add_maths_lines(state, state.context.maths[int(match["number"])])
        case "label":
            state.add_token(TokenKind.FOOTNOTE_LABEL).name = match["label_name"]
        case "footnote":
            state.add_token(TokenKind.FOOTNOTE).name = match["footnote_name"]
        case "ruby":
            _add_ruby(state, match, raw)
        case "cited":
            # isn't shown, but is part of the plain text, from which keys are made
            state.add_token(TokenKind.ATOM, raw, "")
        case "note_link" | "gone":
            state.add_token(TokenKind.INVISIBLE)
        case "verbatim":
            state.add_token(TokenKind.OPAQUE, raw.replace("\n", " "))
        case "embed":
            _add_embed(state, match["file"])
        case "picture":
            _add_picture(state, match["angled"] or match["bare"] or "", match["alt"])
        case "sound":
            _add_sound(state, match["heard"].strip(), raw)
        case "wiki":
            _add_wiki_link(state, match["target"])
        case "templater":
            state.add_token(TokenKind.OPAQUE, raw, escape_markdown(raw))
        case "address":
            url = raw[1:-1]
            state.add_token(TokenKind.ATOM, url, raw).target = url
        case "script":
            _add_super_or_subscript(state, match["raised"], match["level"])
        case "html":
            _add_html(state, match, raw)
        case "hash":
            state.add_token(TokenKind.TAG, raw).name = raw[1:]
        case "mark":
            _add_mark(state, match, raw)
        case "gap":
            _add_gap_start(state, match, raw)
        case "url":
            _add_bare_url(state, raw)
        case "text":
            token = state.add_token(TokenKind.TEXT, raw)
            if not raw.startswith("`"):
                state.braces.append(Brace(token))


def _add_maths_lines(state: InlineState, maths: str) -> None:
    """Add a token for maths over several lines."""
    one_line = maths.replace("\n", " ")
    markdown = maths if state.context.is_verbatim else one_line
    state.add_token(TokenKind.OPAQUE, one_line, markdown)


def _add_ruby(state: InlineState, match: re.Match[str], raw: str) -> None:
    if raw == "{":  # see `_find_markup_end`
        state.braces.append(Brace(state.add_token(TokenKind.TEXT, raw)))
    else:
        state.add_token(TokenKind.TEXT, _format_ruby(match))


def _add_gap_start(state: InlineState, match: re.Match[str], raw: str) -> None:
    token = state.add_token(TokenKind.TEXT, raw)
    if match["named"] or "{{" in state.context.cloze_markers:
        numbers = match["numbers"] or match["gap_number"]
        state.braces.append(Brace(token, opens_gap=True, gap_numbers=numbers))
    else:
        # braces without a number or the word `cloze` make a cloze only if a plug-in
        # reads them so, because templates use them too
        state.braces.append(Brace(token))


def _add_mark(state: InlineState, match: re.Match[str], raw: str) -> None:
    # `==` may open a mark unless whitespace follows, and close one unless whitespace precedes
    start, end = match.span()
    before = state.src[max(0, start - 1) : start]
    after = state.src[end : end + 1]
    token = state.add_token(TokenKind.TEXT, raw)
    state.mark_delimiters.append(
        MarkDelimiter(
            token, "==", can_open=bool(after.strip()), can_close=not before.isspace()
        )
    )


def _format_ruby(match: re.Match[str]) -> str:
    """Format letters with their reading, such as `東京(とうきょう)`.

    Of HTML, only the reading is in the match, so it is returned without the letters.
    """
    if match["base"]:
        return f"{match['base']}({match['readings'].replace('|', '')})"
    if match["letters"]:
        return f"{match['letters']}({match['braced'] or match['above']})"
    return ruby_to_text(match)


def _add_super_or_subscript(state: InlineState, text: str, level: str) -> None:
    plain = to_unicode_script(text, level)
    if can_be_unicode_script(text, level):
        state.add_token(TokenKind.TEXT, plain)
    else:
        markdown = f"<{level}>{escape_markdown(text)}</{level}>"
        state.add_token(TokenKind.ATOM, plain, markdown)


# --- links and embedded files ---------------------------------------------------------


def _add_bare_url(state: InlineState, raw: str) -> None:
    """Add a token for a URL that isn't part of a link.

    `raw` begins with the colon of the URL. The scheme is at the end of the pending text.
    """
    text_before = _URL_SCHEME.sub("", state.pending)
    url = state.pending[len(text_before) :] + raw
    state.pending = text_before
    state.add_token(TokenKind.ATOM, url, escape_markdown(url)).target = url


def _add_wiki_link(state: InlineState, target: str) -> None:
    name, _, alias = target.partition("|")
    text = alias.strip() or _format_wiki_name(name)
    sound = render_linked_sound(state.context, name.strip())
    token = state.add_token(TokenKind.ATOM, text, escape_markdown(text) + sound)
    token.target = _format_wiki_target(name)


def _format_wiki_name(name: str) -> str:
    """Format `Note#Heading#^id` as `Note > Heading`, because Obsidian doesn't show ids."""
    titles = []
    for part in name.split("#"):
        title = part.strip(" \\")
        if title and not part.startswith("^"):
            titles.append(title)
    return " > ".join(titles)


def _format_wiki_target(link_text: str) -> str:
    """Format the target of a wiki link as `[[Note#Part]]`, dropping any alias."""
    target = link_text.partition("|")[0]
    return f"[[{target.rstrip(chr(92)).strip()}]]"


def _add_embed(state: InlineState, content: str) -> None:
    """Add a token for an embedded file, given `file`, `file|300` or `file#part|text|300`."""
    find_path = state.context.find_media_path
    name = _EMBED_NAME_END.split(content)[0].strip()
    # the name of a file may contain `#`, as in `![[figure #1.png]]`
    whole_name = content.partition("|")[0].rstrip("\\").strip()
    path = find_path(name) or find_path(whole_name)
    content_without_width, _ = parse_image_label(content)
    width_label = content[len(content_without_width) :]  # such as `|300`
    target = quote(path or name or content)
    token = state.add_token(TokenKind.PICTURE, "", f"![{width_label}]({target})")
    if not path:
        token.target = _format_wiki_target(content)


def _add_picture(state: InlineState, url: str, label: str) -> None:
    path = _find_media_path(state, unquote(url))
    if path:
        url = quote(path)
    size_match = _SIZE_ONLY.fullmatch(label)
    if size_match:
        label = f"|{size_match[1]}"
    state.add_token(TokenKind.PICTURE, "", f"![{label}]({url})")


def _add_sound(state: InlineState, name: str, raw: str) -> None:
    """Add a token for a sound of Anki's, such as `[sound:name.mp3]`."""
    path = state.context.find_media_path(name)
    markdown = escape_markdown(raw)
    if path:
        markdown = f"![]({quote(path)})"
    state.add_token(TokenKind.ATOM, raw, markdown)


def _find_media_path(state: InlineState, url: str) -> str:
    """Return the path of a file in the vault, or "" for a URL or an unknown file."""
    if "://" in url:
        return ""
    return state.context.find_media_path(url)


def render_linked_sound(context: InlineContext, url: str) -> str:
    """Render a link to an audio file as an embed, or return "" for any other link."""
    if "." not in url or "://" in url:
        return ""
    if PurePosixPath(url).suffix.lower() not in SOUND_SUFFIXES:
        return ""
    return f" ![]({quote(context.find_media_path(url))})"


# --- HTML -----------------------------------------------------------------------------


def _add_html(state: InlineState, match: re.Match[str], raw: str) -> None:
    """Add a token for an HTML tag.

    The tag may belong to a mark (`<mark>`, or `<span>` with a background), emphasis, a block
    element or embedded media. All other tags are invisible.
    """
    if raw == "<":  # see `_find_markup_end`
        # it is escaped because it would begin a tag in a field of a card
        state.add_token(TokenKind.TEXT, raw, escape_markdown(raw))
        return
    name = match["element"].lower()
    is_end = raw[1] == "/"
    if name in BLOCK_ELEMENTS:
        _add_block_tag(state, name)
        return
    if name in _MEDIA_ELEMENTS and not is_end:
        _add_media(state, raw)
        return
    token = state.add_token(TokenKind.INVISIBLE)
    if name in EMPHASIS_ELEMENTS:
        tag = EmphasisTag(token, EMPHASIS_ELEMENTS[name], is_end)
        state.emphasis_tags.append(tag)
        return
    # any `</span>` may end a mark, because it has no attributes
    is_mark_span = name == "span" and (is_end or "background" in match["with"])
    if name == "mark" or is_mark_span:
        delimiter = MarkDelimiter(
            token,
            name,
            can_open=not is_end,
            can_close=is_end,
            colour=_find_mark_colour(match["with"]),
        )
        state.mark_delimiters.append(delimiter)


def _add_block_tag(state: InlineState, name: str) -> None:
    """Add a token for the line break at a `<br>`, or at the start or end of a block.

    In a verbatim text, the edge of a block at the start of a line adds no further break, and in a
    table row, a break is written as `<br>`.
    """
    is_edge = name != "br"
    if not state.context.is_verbatim:
        kind = TokenKind.BLOCK_EDGE if is_edge else TokenKind.LINE_END
        state.add_token(kind, " ", HARD_BREAK)
        return
    line_start = state.src.rfind("\n", 0, state.pos) + 1
    is_in_table_row = state.src.startswith("|", line_start)
    if is_edge and _is_at_line_start(state):
        markdown = ""
    elif is_in_table_row:
        markdown = "<br>"
    else:
        markdown = HARD_BREAK
    state.add_token(TokenKind.LINE_END, " ", markdown)


def _is_at_line_start(state: InlineState) -> bool:
    """Return whether a line of Markdown has just ended, or nothing was added yet."""
    if state.pending:
        return state.pending.rstrip(" ").endswith("\n")
    if not state.tokens:
        return True
    last = state.tokens[-1]
    return isinstance(last, Token) and last.markdown.rstrip(" ").endswith(("\n", "<br>"))


def _add_media(state: InlineState, raw: str) -> None:
    """Add a token for an element such as `<img src="a.png" alt="cell" width="300">`.

    In Markdown, its alternative text and its width are the label: `![cell|300](a.png)`.
    """
    attributes = parse_attributes(raw)
    url = attributes.get("src") or attributes.get("data")
    if not url:
        state.add_token(TokenKind.INVISIBLE)
        return
    path = _find_media_path(state, unquote(url))
    if path:
        target = quote(path)
    else:
        target = quote(url, safe=_SAFE_IN_URL)
    label = _SPECIAL_IN_ALT.sub(" ", attributes.get("alt", ""))
    width = attributes.get("width", "").removesuffix("px")
    if _WIDTH.fullmatch(width):
        label = f"{label}|{width}"
    state.add_token(TokenKind.PICTURE, "", f"![{label}]({target})")


# --- colours --------------------------------------------------------------------------

# The colour of a `<mark>` or `<span>`.
_MARK_COLOUR = regex(
    r"(?i)background(?:-color)?\s*:\s*(?P<style>[^;\"']+)"
    r"|class\s*=\s*[\"']?(?:[\w\s]*-)?(?P<class>\w+)"
)
_HEX_COLOUR = regex(r"#([0-9a-f]{3}|[0-9a-f]{6})(?:[0-9a-f]{0,2})$")
_RGB_COLOUR = regex(r"(?:rgba?\(\s*)?(\d{1,3})[\s,]+(\d{1,3})[\s,]+(\d{1,3})")


def _find_mark_colour(attributes: str) -> str | None:
    """Find the colour of a mark in its style or in its class, such as `hltr-yellow`."""
    colour = _MARK_COLOUR.search(attributes)
    if colour is None:
        return None
    return normalize_colour((colour["style"] or colour["class"]).strip().lower())


def normalize_colour(value: str) -> str:
    """Convert a hex or `rgb()` colour to `#rrggbb`, leaving any other text unchanged."""
    hex_match = _HEX_COLOUR.match(value)
    if hex_match:
        digits = hex_match[1]
        if len(digits) == 3:
            digits = "".join([2 * digit for digit in digits])
        return f"#{digits}"
    rgb_match = _RGB_COLOUR.match(value)
    if rgb_match:
        red, green, blue = [min(int(part), 255) for part in rgb_match.groups()]
        return f"#{red:02x}{green:02x}{blue:02x}"
    return value
