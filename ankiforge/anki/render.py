r"""Convert Markdown to the HTML of a field, and back.

Raw HTML is never passed on, but for the elements of our Markdown, without attributes.

Code, formulas and clozes are found by our own grammar (`text.cloze`) and are replaced by
placeholders ("atoms") before markdown-it parses the text. So both parsers agree on the
clozes, and emphasis cannot begin inside one and end outside. A single paragraph has no
`<p>`.

Anki looks for its own markup in the raw HTML of a field: `{{c1::`, `}}`, `::`, `[sound:`,
`[latex]`, `\(`. Entities would hide it only until the next edit, because Chromium writes
the raw characters back. `<wbr>` and `<span></span>` between two characters survive and
are invisible.
"""

from __future__ import annotations

import hashlib
import html
import os
import re
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from functools import cache, partial
from html.parser import HTMLParser
from itertools import count, repeat
from operator import attrgetter
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple
from urllib.parse import quote, unquote

from ankiforge.anki.notetypes import INVISIBLE, MAX_OPEN, highlighted, language_of
from ankiforge.config.ownfiles import open_regular
from ankiforge.errors import OwnFileError
from ankiforge.model import Media, Problem, Value
from ankiforge.text import regex
from ankiforge.text.cloze import Gap, alt_and_width, gaps, plain
from ankiforge.text.elements import EMPHASIS
from ankiforge.text.fold import clean, shields

if TYPE_CHECKING:
    from markdown_it import MarkdownIt
    from markdown_it.rules_inline import StateInline
    from markdown_it.token import Token

# The outer braces show emphasis rules the same punctuation as in the source.
_ATOM = regex("\\{\ufdd0(\\d+)\ufdd1\\}")
# What an atom counts as where a line is looked at for markup.
_LETTER = "x"
# A line that contains no markup.
_PLAIN_LINE = regex(r"[^\W\d_](?:(?:[^\W_]|[ ,.;:'\"?!()/%-])*[^\W_ ])?[.?!)]?")
_TAG_NAMES = (
    "p br hr em strong s mark u sub sup blockquote ul ol li h1 h2 h3 h4 h5 h6"
    " table thead tbody tr th td"
)
_TAGS = frozenset(_TAG_NAMES.split())


def render(
    markdown: str, *, cloze: bool = False, pictures: Mapping[str, Media] | None = None
) -> str:
    """Return the HTML of one field.

    Args:
        markdown: our subset of Markdown. Other HTML in it is literal text.
        cloze: whether `{{c1::…}}` makes a cloze (as in the Text of a cloze note).
            Otherwise, and when nested ten deep, it is literal text.
        pictures: the pictures that `![alt](path)` may show, by path. Others become their
            alt text.
    """
    text = clean(markdown)
    if not text or _PLAIN_LINE.fullmatch(text):
        return literal(text)  # true of most fields; the parser would give the same
    return _Writer(cloze, pictures or {}).write(text)


class _Stretch(NamedTuple):
    """A part of the Markdown that our own grammar reads."""

    start: int
    end: int
    what: Gap | str
    """A cloze, or the kind of a shield: `math`, `display` or `code`."""


class _Writer(Value):
    """Writes the HTML of a field. A cloze in it gets a writer of its own."""

    cloze: bool
    pictures: Mapping[str, Media]
    depth: int = 0
    """The number of enclosing clozes."""
    atoms: list[tuple[str, str]] = []
    """(source, HTML) of each atom."""

    def write(self, markdown: str) -> str:
        """Return the HTML of a field, or of the answer or hint of a cloze."""
        with_atoms = self._with_atoms(markdown)
        if not with_atoms:
            return ""
        if _PLAIN_LINE.fullmatch(_ATOM.sub(_LETTER, with_atoms)):
            # true of most texts with clozes; the parser would give the same
            return self._text(with_atoms)
        tokens = _parser().parse(with_atoms)
        kinds = [token.type for token in tokens]
        if kinds == ["paragraph_open", "inline", "paragraph_close"]:
            tokens = tokens[1:-1]
        html_parts: list[str] = []
        for token in tokens:
            if token.type == "inline":
                html_parts += self._inline(token.children or ())
            elif token.type == "fence":
                code = clean(self._source(token.content.removesuffix("\n")))
                language = language_of(self._source(token.info))
                shown = highlighted(code, language, literal)
                named = f' class="language-{html.escape(language)}"' if language else ""
                html_parts.append(f"<pre><code{named}>{shown}</code></pre>")
            elif not token.hidden:
                html_parts.append(_tag(token))
        return "".join(html_parts)

    def _with_atoms(self, markdown: str) -> str:
        """Return a text with an atom for each cloze, formula and code on one line."""
        runs: list[_Stretch] = []
        if self.cloze:
            runs = [_Stretch(gap.start, gap.end, gap) for gap in gaps(markdown)]
        for start, end, kind in shields(markdown):
            if kind in ("math", "display") or (
                kind == "code" and "\n" not in markdown[start:end]
            ):
                runs.append(_Stretch(start, end, kind))
        parts: list[str] = []
        position = 0
        for run in sorted(runs, key=attrgetter("start")):
            if run.start < position:  # it is within the atom before
                continue
            source = markdown[run.start : run.end]
            sign_count = len(source) - len(source.lstrip(source[0]))
            body = source[sign_count:-sign_count]
            if isinstance(run.what, Gap):
                written = self._cloze(run.what)
            elif run.what == "code":
                if body.strip() and body[0] == body[-1] == " ":
                    body = body[1:-1]
                written = f"<code>{literal(body)}</code>"
            else:
                formula = _formula(
                    body, display=run.what == "display", inside=self.depth > 0
                )
                written = formula or lines(source)
            parts.append(markdown[position : run.start])
            parts.append(f"{{\ufdd0{len(self.atoms)}\ufdd1}}")
            self.atoms.append((source, written))
            position = run.end
        parts.append(markdown[position:])
        return "".join(parts)

    def _cloze(self, gap: Gap) -> str:
        deeper = self.depth + 1
        answer_writer = _Writer(deeper < MAX_OPEN, self.pictures, deeper)
        inner = _isolated_html(answer_writer.write(gap.answer))
        # Anki ends a hint at the next cloze, so it must not contain one
        hint_writer = _Writer(False, self.pictures, deeper)
        hint = _isolated_html(hint_writer.write(gap.hint))
        if hint:
            inner = f"{inner}::{hint}"
        numbers = ",".join(map(str, gap.numbers))
        return f"{{{{c{numbers}::{inner}}}}}"

    def _inline(self, tokens: Sequence[Token]) -> Iterator[str]:
        linked = False
        for token in tokens:
            if token.type == "text":
                yield self._text(token.content)
            elif token.type in ("softbreak", "hardbreak"):
                yield "<br>"
            elif token.type == "code_inline":
                yield f"<code>{literal(self._source(token.content))}</code>"
            elif token.type == "image":
                label, width = alt_and_width(self._source(token.content))
                alt = plain(label)
                path = self._source(str(token.attrs["src"]))
                media = self.pictures.get(path) or self.pictures.get(unquote(path))
                if media is None or not is_media_name(media.name):
                    yield lines(alt or unquote(path).rpartition("/")[2])
                    continue
                if is_sound(media.name):
                    yield f"[sound:{media.name}]"
                    continue
                # `<wbr>` is impossible in an attribute, so Anki's markup is replaced
                alt = alt.translate(_ATTRIBUTE_SIGNS)
                alt = html.escape(re.sub(r":{2,}", ":", alt))
                size = f' width="{width}"' if width else ""
                yield f'<img src="{media.name}" alt="{alt}"{size}>'
            elif token.type == "link_open":
                target = address(self._source(str(token.attrs["href"])))
                linked = bool(target)
                if linked:
                    yield f'<a href="{escape(target)}">'
            elif token.type == "link_close":
                if linked:
                    yield "</a>"
            else:
                yield _tag(token)

    def _text(self, text: str) -> str:
        """Return the HTML of text without markup, with its atoms as HTML."""
        parts = _ATOM.split(text)  # text, number of an atom, text …
        parts[::2] = map(literal, parts[::2])
        parts[1::2] = [self.atoms[int(number)][1] for number in parts[1::2]]
        joined = "".join(parts)
        # a sound in an atom stays, and what only the atoms make together is no sound
        pieces = _SOUND_PIECE.split(joined)
        pieces[::2] = map(_escape_brackets, pieces[::2])
        return "".join(pieces)

    def _source(self, text: str) -> str:
        """Return text with each atom replaced by its source."""
        return _ATOM.sub(lambda match: self.atoms[int(match[1])][0], text)


_ATTRIBUTE_SIGNS = str.maketrans("{}[]\\\n", "()()/ ")


def _tag(token: Token) -> str:
    """Return the HTML tag of a token, or its text if the tag is not one of ours."""
    if token.tag not in _TAGS:
        return literal(token.content)
    if token.nesting < 0:
        return f"</{token.tag}>"
    start = token.attrs.get("start")
    if token.tag == "ol" and isinstance(start, int):
        return f'<ol start="{start}">'
    style = str(token.attrs.get("style", ""))
    alignment = re.fullmatch(r"text-align:(left|right|center)", style)
    if alignment:
        return f'<{token.tag} align="{alignment[1]}">'
    return f"<{token.tag}>"


@cache
def _parser() -> MarkdownIt:
    """Return a parser for CommonMark with tables and strikethrough, without HTML.

    Indented code, references and underlined headings are off: they would capture text
    that is not meant as such.
    """
    from markdown_it import MarkdownIt

    parser = MarkdownIt("commonmark", {"html": False})
    parser.enable(["table", "strikethrough"])
    for rule, pattern in (("mark", _MARK), ("element", _ELEMENT)):
        parser.inline.ruler.before("emphasis", rule, partial(_read_enclosed, pattern))
    parser.inline.ruler.before("emphasis", "line_end", _read_line_end)
    parser.disable(["code", "reference", "lheading", "html_block", "html_inline"])
    # `address` validates and encodes links, after atoms were replaced by their source
    parser.validateLink = lambda url: True  # type: ignore[method-assign]
    parser.normalizeLink = lambda url: url  # type: ignore[method-assign]
    return parser


_MARK = regex(
    r"""(?xs)
    (?<!=)==(?![=\s])      # `==`, not of a longer run, before a word
    (?P<inner>(?:(?!==).)+?)  # the marked text
    (?<!\s)==(?!=)         # `==` behind a word
    """
)


# An element that our Markdown has, the innermost of its name.
_ELEMENT = regex(
    r"(?s)<(?P<name>b|i|u|s|sub|sup)>(?P<inner>(?:(?!</?(?P=name)>).){1,2000})</(?P=name)>"
)
_HTML_TAG = {"b": "strong", "i": "em"}


def _read_enclosed(pattern: re.Pattern[str], state: StateInline, silent: bool) -> bool:
    """Parse `==marked==` as in Obsidian, or `<sub>lowered</sub>` and the like."""
    match = pattern.match(state.src, state.pos, state.posMax)
    if match is None:
        return False
    element = match.groupdict().get("name", "mark")
    tag = _HTML_TAG.get(element, element)
    if not silent:
        end_of_paragraph = state.posMax
        state.pos, state.posMax = match.span("inner")
        state.push(f"{tag}_open", tag, 1)
        state.md.inline.tokenize(state)
        state.push(f"{tag}_close", tag, -1)
        state.posMax = end_of_paragraph
    state.pos = match.end()
    return True


def _read_line_end(state: StateInline, silent: bool) -> bool:
    """Parse `<br>`, by which a cell of a table has several lines."""
    if not state.src.startswith("<br>", state.pos):
        return False
    if not silent:
        state.push("hardbreak", "br", 0)
    state.pos += len("<br>")
    return True


# --- literal text -----------------------------------------------------------------------

_DOUBLE = regex(r"([{}:])(?=\1)")
_BRACKET = regex(r"(?i)\[(?=sound:|anki:|latex\]|\$\]|\$\$\]|/)")
_DELIMITER = regex(r"\\(?=[(\[\])])")


def escape(text: str) -> str:
    """Escape text as Chromium does: `&`, `<`, `>` and the no-break space become entities."""
    return html.escape(text, quote=False).replace("\u00a0", "&nbsp;")


# What `literal` may change: `_DOUBLE`, `_BRACKET`, `_DELIMITER`, and what `escape` changes.
_MAY_NEED_ESCAPE = regex(r"[{}:\[\\&<>]")


def literal(text: str) -> str:
    """Return HTML that shows exactly this text in any field, also in code. Newlines are kept."""
    if text.isascii() and text.isprintable() and not _MAY_NEED_ESCAPE.search(text):
        return text
    shown = escape(clean(text))
    shown = _DOUBLE.sub(r"\1<wbr>", shown)
    shown = _escape_brackets(shown)
    return _DELIMITER.sub(r"\\<span></span>", shown)


def lines(text: str) -> str:
    """Return `literal(text)` with line breaks as `<br>`."""
    return literal(text).replace("\n", "<br>")


_DOLLARS = {"math": 1, "display": 2}


def typeset(text: str) -> str:
    """Return `lines(text)` with formulas between dollars, and code, as Anki sets them."""
    parts = []
    done = 0
    for start, end, kind in shields(text):
        shown = ""
        if kind in _DOLLARS:
            tex = text[start + _DOLLARS[kind] : end - _DOLLARS[kind]]
            shown = _formula(tex.strip(), display=kind == "display", inside=False)
        elif kind == "code":
            shown = f"<code>{lines(text[start:end].strip('`').strip())}</code>"
        if shown:
            parts += [lines(text[done:start]), shown]
            done = end
    parts.append(lines(text[done:]))
    return "".join(parts)


def _escape_brackets(text: str) -> str:
    """Break up bracket markup of Anki such as `[sound:` and `[latex]`."""
    return _BRACKET.sub("[<wbr>", text)


def _isolated_html(inner: str) -> str:
    """Make HTML safe as the answer or hint of a cloze, where it must not join adjacent markup."""
    before = "<wbr>" if inner.startswith(":") else ""
    after = "<wbr>" if inner.endswith(("}", ":")) else ""
    return f"{before}{inner}{after}"


# --- formulas ---------------------------------------------------------------------------

_TEX_DELIMITER = regex(r"(?<!\\)(?:\\\\)*\\[()\[\]]")
# TeX by which MathJax sets links, styles and attributes. It is not allowed on a card.
_TEX_ACTIVE = regex(
    r"\\(?:href|style|class|cssId|require|mmlToken)(?![A-Za-z])|\\bbox\s*\[[^\]]*[:(]"
)
# The maximum nesting of braces in a formula. Deeper ones keep MathJax busy for minutes.
_MAX_DEPTH = 60
_TEX_BRACE = regex(r"(?s)\\.?|[{}]")
_TEX_OPENER = regex(r"\{(?=\{)")


def _formula(tex: str, *, display: bool, inside: bool) -> str:
    r"""Return TeX between the delimiters that Anki typesets, or "" if it must stay text.

    Args:
        tex: the formula without its dollar signs.
        display: whether to use `\[…\]` instead of `\(…\)`.
        inside: whether it is within a cloze, where `}}` and `::` would end or split it.
    """
    if _TEX_DELIMITER.search(tex) or _TEX_ACTIVE.search(tex):
        return ""
    # with unbalanced braces, or a backslash that escapes the closing delimiter, MathJax
    # would consume the text after the formula as well
    depth = 0
    for sign in _TEX_BRACE.findall(tex):
        depth += {"{": 1, "}": -1}.get(sign, 0)
        if not 0 <= depth <= _MAX_DEPTH or sign == "\\":
            return ""
    if depth:
        return ""
    body = _BRACKET.sub("[ ", escape(tex))
    body = _TEX_OPENER.sub("{ ", body)
    if inside:
        body = body.replace("}}", "} }").replace("}}", "} }")
        body = body.replace("::", ":{}:").replace("::", ":{}:")
    if display and _BRACKET.match(f"[{body}"):
        body = f" {body}"  # not `<wbr>`: Anki drops tags within formulas
    if display:
        return f"\\[{body}\\]"
    return f"\\({body}\\)"


# --- addresses and pictures -------------------------------------------------------------

_SCHEME = regex(r"(?i)(?:https?|mailto|zotero|obsidian|kindle|doi):")
_KEPT_IN_ADDRESS = "%/:?#@!$&()*+,;=~-._"
_MAX_ADDRESS = 2000


def address(url: str) -> str:
    """Return a link target in ASCII, safe from Anki's markup, or "" if it is not allowed.

    Allowed schemes are http, https, mailto, zotero, obsidian, kindle and doi (opened at
    doi.org).
    """
    url = url.strip()
    if not _SCHEME.match(url) or len(url) > _MAX_ADDRESS:
        return ""
    if url[:4].lower() == "doi:":
        url = f"https://doi.org/{url[4:].lstrip('/')}"
    encoded = quote(url.encode("utf-8", "replace"), safe=_KEPT_IN_ADDRESS)
    return re.sub(r"(?<=:):", "%3A", encoded)


# The formats of pictures and sounds that Anki shows and plays on every device.
_PICTURE_TYPES = ("png", "jpg", "jpeg", "gif", "webp", "avif", "svg")
_SOUND_TYPES = ("mp3", "m4a", "ogg", "oga", "opus", "wav", "flac", "aac")
_FILM_TYPES = ("mp4", "m4v", "webm", "ogv", "mov", "mkv", "avi", "3gp")
_MEDIA_PREFIX = "af-"
_DIGITS = 16
_MEDIA_NAME = regex(
    rf"{_MEDIA_PREFIX}[0-9a-f]{{{_DIGITS}}}\.(?:{'|'.join((*_PICTURE_TYPES, *_SOUND_TYPES))})"
)
SOUND = regex(rf"\[sound:({_MEDIA_NAME.pattern})\]")
"""A sound as a field has it."""
_SOUND_PIECE = regex(rf"(\[sound:{_MEDIA_NAME.pattern}\])")
# How the content of such files begins, whatever their ending says.
_IS_PICTURE = re.compile(
    rb"(?s)\x89PNG|\xff\xd8|GIF8|RIFF....WEBP|....ftyp(?:avi[fs]|mif1|msf1|heic)|BM"
)
_IS_SVG = re.compile(
    rb"(?is)(?!.{0,200}<\x00?(?:!doctype )?html).{0,8192}?<\x00?(?:\w+:)?s\x00?v\x00?g\b"
)
_IS_SOUND = re.compile(rb"(?s)ID3|OggS|fLaC|RIFF|(?!<).{0,512}?[^\x09-\x7f]")
_NOT_FETCHED = (
    "open it: it may be the page of a log-in, or not yet fetched from the cloud"
)
MAX_PICTURE_BYTES = 20_000_000


def is_media_name(name: str) -> bool:
    """Return whether this is a name that `media_of` gives. No other file gets into a package."""
    return _MEDIA_NAME.fullmatch(name) is not None


def is_sound(name: str) -> bool:
    """Return whether a file with this name is a sound."""
    return name.rpartition(".")[2].lower() in _SOUND_TYPES


def media_of(path: Path) -> Media | Problem:
    """Return a picture or sound named after its content.

    The name is `af-`, a part of the SHA-256 of the bytes, and the ending of the file.
    """
    suffix = path.suffix.lower()
    if suffix[1:] in _FILM_TYPES:
        return Problem(path.name, f"films such as {suffix} are not put into a package")
    if suffix[1:] not in (*_PICTURE_TYPES, *_SOUND_TYPES):
        message = "only pictures and sounds that Anki knows are put into a package"
        return Problem(path.name, message)
    target = Path(os.path.realpath(path))
    try:
        with open_regular(target) as file:
            data = file.read(MAX_PICTURE_BYTES + 1)
    except OwnFileError as error:
        return Problem(path.name, error.message.removeprefix(f"{target}: "), error.hint)
    except OSError as error:
        return Problem(path.name, f"cannot be read: {error.strerror}")
    is_sound_file = suffix[1:] in _SOUND_TYPES
    expected = (
        _IS_SOUND if is_sound_file else _IS_SVG if suffix == ".svg" else _IS_PICTURE
    )
    if not expected.match(data):
        what = "sound" if is_sound_file else "picture"
        content = "its content is something else" if data.strip() else "it is empty"
        return Problem(path.name, f"is no {what}: {content}", _NOT_FETCHED)
    if len(data) > MAX_PICTURE_BYTES:
        limit = f"over {MAX_PICTURE_BYTES // 1_000_000} MB"
        return Problem(path.name, limit, "make it smaller")
    return Media(f"{_MEDIA_PREFIX}{picture_digest(data)}{suffix}", str(target))


def picture_digest(data: bytes) -> str:
    """Return the part of the hash of a picture after which it is named."""
    return hashlib.sha256(data).hexdigest()[:_DIGITS]


def digest_in_name(picture: Media) -> str:
    """Return the `picture_digest` after which a picture is named."""
    return picture.name.removeprefix(_MEDIA_PREFIX)[:_DIGITS]


# --- HTML back to Markdown --------------------------------------------------------------
# Used for cards that are recovered from Anki because the ledger lost them, and to show a
# person's edits. The output of `render` is restored exactly. Of pasted HTML the text is
# kept, and the formatting as far as our Markdown can express it.

_MATH = regex(r"(?s)\\\((.+?)\\\)|\\\[(.+?)\\\]")
# What would be Markdown, as a group; not a citation in brackets, which is not a link.
_MARKUP = regex(
    r"""(?x)
    \[\d+(?:[-–,]\s?\d+)*\](?![(\[])      # the citation
    | ([\\`*_\[\]<>\#$]|==|~~|&(?=\#?\w+;))
    """
)
# What would start a list or a rule at the beginning of a line.
_LINE_START = regex(r"^(\s*\d*)([-+.)])(?=\s|$|-)")
_CLOZE = regex(r"(\{\{c[0-9,]+::|::|\}\})")
# By the name of an element in our Markdown. A sign counts only beside a letter or digit.
_SIGNS = {"i": "*", "b": "**", "s": "~~"}
_FENCE = "```\n"
"""The line that opens a block of code in no language."""
_HEADING = {f"h{level}": "#" * level + " " for level in range(1, 7)}
_START = {
    "mark": "==", "br": "\n", "td": "| ", "th": "| ", "pre": _FENCE, "hr": "---\n\n",
    **_HEADING,
}  # fmt: skip
_END = {"mark": "==", "td": " ", "th": " ", "tr": "|\n", "pre": "\n```\n\n"}
# Tags that start a new paragraph, and those whose end does.
_BLOCK_TAGS = {"p", "div", "pre", "blockquote", "hr", "table", *_HEADING}
_BLOCK_ENDS = {"p", "div", *_HEADING}
_ALIGN = {"left": ":---|", "center": ":---:|", "right": "---:|"}


def unrender(field: str) -> str:
    """Return the Markdown of a field."""
    reader = _MarkdownWriter()
    reader.feed(INVISIBLE.sub("", field))
    reader.close()
    while reader.around:  # a blockquote that is never closed
        reader.handle_endtag("blockquote")
    markdown = "".join(reader.parts)
    return re.sub(r"\n{3,}", "\n\n", markdown).strip(" \n\t")


class _MarkdownWriter(HTMLParser):
    """Writes Markdown. Unknown tags are dropped but their text is kept."""

    def __init__(self) -> None:
        super().__init__(convert_charrefs=True)
        self.parts: list[str] = []
        self.open: Counter[str] = Counter()
        """How many elements of each name are open."""
        self.lists: list[Iterator[str]] = []
        """The bullets or numbers of each open list that are left."""
        self.links: list[str] = []
        """The target of each open link."""
        self.table_rule = ""
        """The rule below the head of a table."""
        self.around: list[list[str]] = []
        """The parts before each open blockquote."""
        self.emphasis: list[tuple[str, list[str], int]] = []
        """The name of each open element of emphasis, and the place in the parts where it begins."""

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        attributes = {name: value or "" for name, value in attrs}
        if tag in _BLOCK_TAGS:
            self._break_block()
        self.open[tag] += 1
        if tag in ("ul", "ol"):
            self._break_block(1 if self.lists else 2)
            start = attributes.get("start", "1")
            bullets: Iterator[str] = repeat("- ")
            if tag == "ol" and re.fullmatch("[0-9]{1,9}", start):
                bullets = map("{}. ".format, count(int(start)))
            self.lists.append(bullets)
        elif tag == "li":
            self._break_block(1)
            bullet = next(self.lists[-1]) if self.lists else "- "
            indent = "   " * (len(self.lists) - 1)
            self.parts.append(indent + bullet)
        elif tag == "code":
            if not self.open["pre"]:
                self.parts.append("`")
            elif self.parts[-1:] == [_FENCE]:  # the block that was just opened
                language = attributes.get("class", "").removeprefix("language-")
                self.parts[-1] = f"```{language_of(language)}\n"
        elif tag == "blockquote":
            self.around.append(self.parts)
            self.parts = []
        elif tag == "img":
            label = attributes.get("alt", "")
            width = attributes.get("width", "")
            if re.fullmatch("[0-9]{1,4}", width):  # as Obsidian writes it
                label += f"|{width}"
            path = attributes.get("src", "")
            self.parts.append(f"![{label}]({path})")
        elif tag == "thead":
            self.table_rule = "|"
        elif tag == "a":
            self.links.append(attributes.get("href", ""))
            self.parts.append("[")
        elif tag in EMPHASIS:
            self.emphasis.append((EMPHASIS[tag], self.parts, len(self.parts)))
            self.parts.append("")
        elif tag == "br" and (self.open["td"] or self.open["th"]):
            self.parts.append("<br>")
        elif tag in _START:
            self.parts.append(_START[tag])
        if tag in ("td", "th"):
            self.table_rule += _ALIGN.get(attributes.get("align", ""), "---|")

    def handle_endtag(self, tag: str) -> None:
        self.open[tag] = max(self.open[tag] - 1, 0)
        if tag == "a" and self.links:
            target = self.links.pop()
            self.parts.append(f"]({target})" if target else "]")
        elif tag in ("ul", "ol"):
            self.lists = self.lists[:-1]
            self._break_block(1 if self.lists else 2)
        elif tag == "code" and not self.open["pre"]:
            self.parts.append("`")
        elif tag == "thead":
            self.parts.append(f"{self.table_rule}\n")
        elif tag == "blockquote" and self.around:
            quoted = "".join(self.parts).strip().splitlines()
            self.parts = self.around.pop()
            self.parts.append("\n".join(f"> {line}".rstrip() for line in quoted))
            self._break_block()
        elif tag in _BLOCK_ENDS:
            self._break_block()
        elif tag in EMPHASIS:
            self._end_emphasis(EMPHASIS[tag])
        elif tag in _END:
            self.parts.append(_END[tag])

    def _end_emphasis(self, name: str) -> None:
        """Write the signs around emphasised words; one that nothing closed is dropped."""
        if not any(opened == name for opened, _, _ in self.emphasis):
            return
        opened, parts, start = self.emphasis.pop()
        while opened != name:
            opened, parts, start = self.emphasis.pop()
        if parts is not self.parts:
            return
        words = "".join(parts[start:])
        sign = _SIGNS.get(name, "")
        if sign and words[:1].isalnum() and words[-1:].isalnum():
            parts[start] = sign
            parts.append(sign)
        elif words.strip():
            parts[start] = f"<{name}>"
            parts.append(f"</{name}>")

    def _break_block(self, lines: int = 2) -> None:
        """Ensure at least this many line ends, unless nothing was written yet."""
        written = "".join(self.parts[-3:])
        if written.strip():
            line_ends = len(written) - len(written.rstrip("\n"))
            self.parts.append("\n" * max(lines - line_ends, 0))

    def handle_data(self, data: str) -> None:
        if not (self.open["code"] or self.open["pre"]):
            written = "".join(self.parts[-2:])
            *parts, last = SOUND.split(data)  # text, name of a sound, text …
            for text, name in zip(parts[::2], parts[1::2], strict=True):
                self.parts += (_escape_text(text), f"![]({name})")
            data = _escape_text(last)
            if not written or written.endswith(("\n", "- ", ". ", "> ")):
                data = _LINE_START.sub(r"\1\\\2", data)
        self.parts.append(data)


def _escape_text(data: str) -> str:
    """Write formulas with dollars, keep clozes, and escape all other Markdown."""
    parts: list[str] = []
    position = 0
    for formula in _MATH.finditer(data):
        inline, display = formula.groups()
        parts.append(_escape_markup(data[position : formula.start()]))
        # MathJax does not mind blanks beside its delimiters; beside dollars they are prose
        if inline is None:
            parts.append(f"$${display}$$")
        else:
            parts.append(f"${inline.strip()}$" if inline.strip() else " ")
        position = formula.end()
    parts.append(_escape_markup(data[position:]))
    return "".join(parts)


def _escape_markup(text: str) -> str:
    """Escape the signs of Markdown, except within the signs of clozes."""
    parts = _CLOZE.split(text)  # text, sign of a cloze, text …
    for place in range(0, len(parts), 2):
        parts[place] = _MARKUP.sub(
            lambda match: f"\\{match[1]}" if match[1] else match[0], parts[place]
        )
    return "".join(parts)
