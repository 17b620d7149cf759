"""Convert Markdown to the HTML of a field and back, and load pictures and sounds.

Raw HTML is escaped, except for the elements of our Markdown subset, which must not have
attributes. Code, formulas and cloze deletions are parsed by our own grammar (`text.cloze`) and
replaced by placeholders ("atoms") before markdown-it parses the text, so that both parsers agree
on the cloze deletions, and emphasis can't cross their boundaries. A field with a single paragraph
gets no `<p>`.
"""

from __future__ import annotations

import hashlib
import html
import os
import re
from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from functools import cache, partial
from html.parser import HTMLParser
from itertools import count, repeat
from operator import itemgetter
from pathlib import Path
from typing import TYPE_CHECKING, ClassVar, NamedTuple
from urllib.parse import quote, unquote

from ankiforge.anki.notetypes import (
    INVISIBLE_SEPARATORS,
    MAX_CLOZE_DEPTH,
    highlight_code,
    parse_fence_language,
)
from ankiforge.config.files import open_regular
from ankiforge.errors import OwnFileError
from ankiforge.model import Media, Problem, Texts, Value
from ankiforge.text import regex
from ankiforge.text.cloze import Cloze, find_clozes, parse_image_label, to_plain_text
from ankiforge.text.elements import EMPHASIS_ELEMENTS
from ankiforge.text.normalize import (
    find_literal_spans,
    normalize_for_anki,
    split_at_literal_spans,
)

if TYPE_CHECKING:
    from markdown_it import MarkdownIt
    from markdown_it.rules_inline import StateInline
    from markdown_it.token import Token

# An atom is enclosed in braces, because emphasis depends on whether punctuation or a letter is next
# to it, and the source has punctuation there too.
_ATOM = regex("\\{\ufdd0(\\d+)\ufdd1\\}")
# Replaces each atom when a line is checked for markup.
_ATOM_STAND_IN = "x"
# Matches a line that contains no markup.
_PLAIN_LINE = regex(r"[^\W\d_](?:(?:[^\W_]|[ ,.;:'\"?!()/%-])*[^\W_ ])?[.?!)]?")
_ALLOWED_TAG_NAMES = (
    "p br hr em strong s mark u sub sup blockquote ul ol li h1 h2 h3 h4 h5 h6"
    " table thead tbody tr th td"
)
_ALLOWED_TAGS = frozenset(_ALLOWED_TAG_NAMES.split())


def render_field(
    markdown: str, *, cloze: bool = False, pictures: Mapping[str, Media] | None = None
) -> str:
    """Render the Markdown of a field as HTML.

    Args:
        markdown: The field, in our subset of Markdown. Any other HTML is treated as literal
            text.
        cloze: Whether `{{c1::…}}` is a cloze deletion, as in the Text field. Otherwise, or
            if it is nested too deeply (ten levels), it is treated as literal text.
        pictures: The images that `![alt](path)` may show, keyed by path. Other images are
            replaced with their alt text.
    """
    text = normalize_for_anki(markdown)
    if not text or _PLAIN_LINE.fullmatch(text):
        return text_to_html(
            text
        )  # fast path for most fields, equal to the parser's result
    return _HtmlWriter(cloze, pictures or {}).write(text)


class _Atom(NamedTuple):
    """A part of the Markdown that a placeholder stands for while the rest is parsed."""

    source: str
    html: str


class _HtmlWriter(Value):
    """Renders a field as HTML. A nested writer renders the content of each cloze deletion."""

    cloze: bool
    pictures: Mapping[str, Media]
    depth: int = 0
    """The number of enclosing cloze deletions."""
    atoms: list[_Atom] = []
    """The atoms, indexed by the number in their placeholder."""

    def write(self, markdown: str) -> str:
        """Render Markdown as HTML, without `<p>` if it is a single paragraph."""
        text = self._insert_atoms(markdown)
        if not text:
            return ""
        has_no_markup = _PLAIN_LINE.fullmatch(_ATOM.sub(_ATOM_STAND_IN, text)) is not None
        if has_no_markup:
            # fast path for most cloze texts, equal to the parser's result
            return self._render_text(text)
        tokens = _make_parser().parse(text)
        token_types = [token.type for token in tokens]
        if token_types == ["paragraph_open", "inline", "paragraph_close"]:
            tokens = tokens[1:-1]
        html_parts: list[str] = []
        for token in tokens:
            if token.type == "inline":
                html_parts += self._render_inline(token.children or ())
            elif token.type == "fence":
                html_parts.append(self._render_fence(token))
            elif not token.hidden:
                html_parts.append(_render_tag(token))
        return "".join(html_parts)

    def _render_fence(self, token: Token) -> str:
        source = self._restore_source(token.content.removesuffix("\n"))
        language = parse_fence_language(self._restore_source(token.info))
        code = highlight_code(normalize_for_anki(source), language, text_to_html)
        if not language:
            return f"<pre><code>{code}</code></pre>"
        return f'<pre><code class="language-{html.escape(language)}">{code}</code></pre>'

    # --- atoms --------------------------------------------------------------------------

    def _insert_atoms(self, markdown: str) -> str:
        """Replace cloze deletions, formulas and inline code with numbered placeholders."""
        parts: list[str] = []
        position = 0
        for start, end, content in self._find_atoms(markdown):
            if start < position:  # it is nested in the previous atom
                continue
            source = markdown[start:end]
            parts.append(markdown[position:start])
            parts.append(f"{{\ufdd0{len(self.atoms)}\ufdd1}}")
            self.atoms.append(_Atom(source, self._render_atom(source, content)))
            position = end
        parts.append(markdown[position:])
        return "".join(parts)

    def _find_atoms(self, markdown: str) -> list[tuple[int, int, Cloze | str]]:
        """Find the parts of the text to replace with placeholders: (start, end, content), in order.

        The content is a `Cloze` for a cloze deletion, and otherwise the kind of literal text:
        `math`, `display` (a formula on a line of its own) or `code`.
        """
        spans: list[tuple[int, int, Cloze | str]] = []
        if self.cloze:
            spans += [(gap.start, gap.end, gap) for gap in find_clozes(markdown)]
        for start, end, kind in find_literal_spans(markdown):
            is_inline_code = kind == "code" and "\n" not in markdown[start:end]
            if is_inline_code or kind in ("math", "display"):
                spans.append((start, end, kind))
        return sorted(spans, key=itemgetter(0))

    def _render_atom(self, source: str, content: Cloze | str) -> str:
        if isinstance(content, Cloze):
            return self._render_cloze(content)
        body = _strip_delimiters(source)
        if content == "code":
            return f"<code>{text_to_html(_strip_padding(body))}</code>"
        is_display = content == "display"
        formula = _render_formula(body, display=is_display, in_cloze=self.depth > 0)
        return lines_to_html(source) if formula is None else formula

    def _render_cloze(self, gap: Cloze) -> str:
        depth = self.depth + 1
        answer_writer = _HtmlWriter(depth < MAX_CLOZE_DEPTH, self.pictures, depth)
        content = _separate_from_markup(answer_writer.write(gap.answer))
        # Anki ends a hint at the next cloze deletion, so a hint must not contain one
        hint_writer = _HtmlWriter(False, self.pictures, depth)
        hint = _separate_from_markup(hint_writer.write(gap.hint))
        if hint:
            content = f"{content}::{hint}"
        numbers = ",".join(map(str, gap.numbers))
        return f"{{{{c{numbers}::{content}}}}}"

    # --- inline markup ------------------------------------------------------------------

    def _render_inline(self, tokens: Sequence[Token]) -> Iterator[str]:
        is_link_open = False
        for token in tokens:
            if token.type == "text":
                yield self._render_text(token.content)
            elif token.type in ("softbreak", "hardbreak"):
                yield "<br>"
            elif token.type == "code_inline":
                yield f"<code>{text_to_html(self._restore_source(token.content))}</code>"
            elif token.type == "image":
                yield self._render_image(token)
            elif token.type == "link_open":
                url = sanitize_url(self._restore_source(str(token.attrs["href"])))
                is_link_open = bool(url)
                if is_link_open:
                    yield f'<a href="{escape_html(url)}">'
            elif token.type == "link_close":
                if is_link_open:
                    yield "</a>"
            else:
                yield _render_tag(token)

    def _render_image(self, token: Token) -> str:
        """Render `![label|width](path)` as a picture or sound, or as its label or file name."""
        path = self._restore_source(str(token.attrs["src"]))
        label, width = self._parse_image_label(token)
        alt = to_plain_text(label)
        media = self.pictures.get(path) or self.pictures.get(unquote(path))
        if media is None or not is_generated_media_name(media.name):
            _, _, file_name = unquote(path).rpartition("/")
            return lines_to_html(alt or file_name)
        if has_audio_extension(media.name):
            return f"[sound:{media.name}]"
        width_attribute = f' width="{width}"' if width else ""
        return f'<img src="{media.name}" alt="{_escape_attribute(alt)}"{width_attribute}>'

    def _parse_image_label(self, token: Token) -> tuple[str, str]:
        """Return the label of an image and its width, of which both may be ""."""
        label = self._restore_source(token.content)
        # in Obsidian, a label that is only a number is the width
        as_width, _ = parse_image_label(f"|{label}")
        return parse_image_label(label if as_width else f"|{label}")

    def _render_text(self, text: str) -> str:
        """Render text with placeholders as HTML. Only the tags of our own sounds are Anki markup.

        Markup in brackets is broken up after the atoms are inserted, because it may begin in an
        atom and end in the text.
        """
        html_parts = []
        position = 0
        for placeholder in _ATOM.finditer(text):
            html_parts.append(text_to_html(text[position : placeholder.start()]))
            html_parts.append(self.atoms[int(placeholder[1])].html)
            position = placeholder.end()
        html_parts.append(text_to_html(text[position:]))
        return _BRACKET_MARKUP_OR_SOUND.sub(
            lambda match: match["sound"] or "[<wbr>", "".join(html_parts)
        )

    def _restore_source(self, text: str) -> str:
        return _ATOM.sub(lambda match: self.atoms[int(match[1])].source, text)


def _strip_delimiters(source: str) -> str:
    """Strip the dollar signs of a formula, or the backticks of code."""
    count = len(source) - len(source.lstrip(source[0]))
    return source[count:-count]


def _strip_padding(code: str) -> str:
    """Strip a space at either end of code, which separates backticks in it from the delimiters."""
    if code.strip() and code[0] == code[-1] == " ":
        return code[1:-1]
    return code


_ATTRIBUTE_REPLACEMENTS = str.maketrans("{}[]\\\n", "()()/ ")


def _escape_attribute(text: str) -> str:
    """Escape text for an attribute, with other characters for those of Anki's markup.

    In text, `<wbr>` breaks up such markup, but an attribute can't contain it.
    """
    replaced = text.translate(_ATTRIBUTE_REPLACEMENTS)
    return html.escape(re.sub(r":{2,}", ":", replaced))


def _render_tag(token: Token) -> str:
    if token.tag not in _ALLOWED_TAGS:
        return text_to_html(token.content)
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
def _make_parser() -> MarkdownIt:
    """Create a parser for CommonMark with tables and strikethrough, but without HTML.

    Indented code, link references and underlined headings are disabled, because they'd
    match ordinary text.
    """
    from markdown_it import MarkdownIt

    parser = MarkdownIt("commonmark", {"html": False})
    parser.enable(["table", "strikethrough"])
    for rule, pattern in (("mark", _MARK_SYNTAX), ("element", _ELEMENT_SYNTAX)):
        parser.inline.ruler.before("emphasis", rule, partial(_parse_enclosed, pattern))
    parser.inline.ruler.before("emphasis", "line_end", _parse_line_break)
    parser.disable(["code", "reference", "lheading", "html_block", "html_inline"])
    # don't check or encode URLs here, because `sanitize_url` does once the atoms are replaced
    parser.validateLink = lambda url: True  # type: ignore[method-assign]
    parser.normalizeLink = lambda url: url  # type: ignore[method-assign]
    return parser


_MARK_SYNTAX = regex(
    r"""(?xs)
    (?<!=)==(?![=\s])      # exactly two `=`, before a word
    (?P<inner>(?:(?!==).)+?)  # the marked text
    (?<!\s)==(?!=)         # exactly two `=`, after a word
    """
)


# Matches one of the elements that our Markdown allows, if it contains no element of the same name.
_ELEMENT_SYNTAX = regex(
    r"(?s)<(?P<name>b|i|u|s|sub|sup)>(?P<inner>(?:(?!</?(?P=name)>).){1,2000})</(?P=name)>"
)
_TAG_BY_ELEMENT = {"b": "strong", "i": "em"}


def _parse_enclosed(pattern: re.Pattern[str], state: StateInline, silent: bool) -> bool:
    """Parse Obsidian's `==marked==` syntax, or an element such as `<sub>lowered</sub>`.

    This is a rule for markdown-it: it returns whether the pattern matched. If `silent` is set, no
    tokens are added.
    """
    match = pattern.match(state.src, state.pos, state.posMax)
    if match is None:
        return False
    element = match.groupdict().get("name", "mark")
    tag = _TAG_BY_ELEMENT.get(element, element)
    if not silent:
        end_of_paragraph = state.posMax
        state.pos, state.posMax = match.span("inner")
        state.push(f"{tag}_open", tag, 1)
        state.md.inline.tokenize(state)
        state.push(f"{tag}_close", tag, -1)
        state.posMax = end_of_paragraph
    state.pos = match.end()
    return True


def _parse_line_break(state: StateInline, silent: bool) -> bool:
    if not state.src.startswith("<br>", state.pos):
        return False
    if not silent:
        state.push("hardbreak", "br", 0)
    state.pos += len("<br>")
    return True


# --- literal text -----------------------------------------------------------------------
# Anki looks for its own markup in the raw HTML of a field: `{{c1::`, `}}`, `::`, `[sound:`,
# `[latex]`, `\(`. Text that only looks like such markup has to be broken up. Entities would work
# only until the next edit, because Chromium then writes the raw characters back. But `<wbr>` or
# `<span></span>` between two characters stays, and it is invisible.

_DOUBLED_SIGN = regex(r"([{}:])(?=\1)")
_BRACKET_MARKUP_START = r"(?i:\[(?=sound:|anki:|latex\]|\$\]|\$\$\]|/))"
_BRACKET_MARKUP = regex(_BRACKET_MARKUP_START)
_TEX_DELIMITER_SIGN = regex(r"\\(?=[(\[\])])")


def escape_html(text: str) -> str:
    """Escape `&`, `<`, `>` and non-breaking spaces as HTML entities, like Chromium does."""
    return html.escape(text, quote=False).replace("\u00a0", "&nbsp;")


# Matches the characters that `text_to_html` may change: those that `escape_html` replaces, and
# those in the three patterns above.
_MAY_NEED_ESCAPE = regex(r"[{}:\[\\&<>]")


def text_to_html(text: str) -> str:
    """Convert text to HTML that displays it verbatim in any Anki field, including in code."""
    if text.isascii() and text.isprintable() and not _MAY_NEED_ESCAPE.search(text):
        return text
    escaped = escape_html(normalize_for_anki(text))
    escaped = _DOUBLED_SIGN.sub(r"\1<wbr>", escaped)
    escaped = _BRACKET_MARKUP.sub("[<wbr>", escaped)
    return _TEX_DELIMITER_SIGN.sub(r"\\<span></span>", escaped)


def lines_to_html(text: str) -> str:
    """Convert text to HTML like `text_to_html`, with `<br>` for each line break."""
    return text_to_html(text).replace("\n", "<br>")


def formulas_to_html(text: str) -> str:
    """Convert text to HTML like `lines_to_html`, but render `$` formulas and backtick code."""
    parts = []
    unrendered = ""
    for text_before, literal, kind in split_at_literal_spans(text):
        unrendered += text_before
        markup = _render_literal(literal, kind)
        if markup is None:
            unrendered += literal
        else:
            parts += [lines_to_html(unrendered), markup]
            unrendered = ""
    parts.append(lines_to_html(unrendered))
    return "".join(parts)


def _render_literal(literal: str, kind: str) -> str | None:
    """Render a formula or inline code, or return None for what is shown as text."""
    match kind:
        case "math":
            tex = literal[1:-1].strip()
            return _render_formula(tex, display=False, in_cloze=False)
        case "display":
            tex = literal[2:-2].strip()
            return _render_formula(tex, display=True, in_cloze=False)
        case "code":
            return f"<code>{lines_to_html(literal.strip('`').strip())}</code>"
    return None


def _separate_from_markup(inner: str) -> str:
    """Add `<wbr>` where a cloze answer or hint would run into the adjacent `::` or `}}`."""
    before = "<wbr>" if inner.startswith(":") else ""
    after = "<wbr>" if inner.endswith(("}", ":")) else ""
    return f"{before}{inner}{after}"


# --- formulas ---------------------------------------------------------------------------

_TEX_DELIMITER = regex(r"(?<!\\)(?:\\\\)*\\[()\[\]]")
# TeX commands for links, styles and attributes, which aren't allowed on a card.
_FORBIDDEN_TEX = regex(
    r"\\(?:href|style|class|cssId|require|mmlToken)(?![A-Za-z])|\\bbox\s*\[[^\]]*[:(]"
)
# The maximum nesting of braces in a formula, because deeper nesting takes MathJax minutes.
_MAX_BRACE_DEPTH = 60
_TEX_BRACE = regex(r"(?s)\\.?|[{}]")
# The first of two equal characters, e.g. both `{` before the last one in `{{{`.
_TEX_OPENER = regex(r"\{(?=\{)")
_TEX_CLOSER = regex(r"\}(?=\})")
_TEX_COLON = regex(r":(?=:)")


def _render_formula(tex: str, *, display: bool, in_cloze: bool) -> str | None:
    r"""Render a formula with Anki's delimiters, or return None if it must be shown as text.

    Args:
        tex: The TeX source, without dollar signs.
        display: Whether to use `\[…\]` instead of `\(…\)`.
        in_cloze: Whether the formula is inside a cloze deletion, which `}}` would end and
            `::` would split.
    """
    if _TEX_DELIMITER.search(tex) or _FORBIDDEN_TEX.search(tex):
        return None
    if not _has_balanced_braces(tex):
        return None
    # break up Anki's markup with what TeX ignores, because Anki drops tags such as `<wbr>` here
    body = _BRACKET_MARKUP.sub("[ ", escape_html(tex))
    body = _TEX_OPENER.sub("{ ", body)
    if in_cloze:
        body = _TEX_CLOSER.sub("} ", body)
        body = _TEX_COLON.sub(":{}", body)
    if not display:
        return f"\\({body}\\)"
    if _BRACKET_MARKUP.match(f"[{body}"):
        body = f" {body}"
    return f"\\[{body}\\]"


def _has_balanced_braces(tex: str) -> bool:
    """Return whether the braces are balanced and not too deep, and no backslash ends the formula.

    Otherwise, MathJax would also consume the text after the formula, or take minutes.
    """
    depth = 0
    for token in _TEX_BRACE.findall(tex):
        if token == "\\":
            return False
        if token == "{":
            depth += 1
        elif token == "}":
            depth -= 1
        if not 0 <= depth <= _MAX_BRACE_DEPTH:
            return False
    return depth == 0


# --- URLs, pictures and sounds ----------------------------------------------------------

_SCHEME = regex(r"(?i)(?:https?|mailto|zotero|obsidian|kindle|doi):")
_SAFE_IN_URL = "%/:?#@!$&()*+,;=~-._"
_MAX_URL_CHARS = 2000


def sanitize_url(url: str) -> str:
    """Encode a URL so that it contains no Anki markup, or return "" if it isn't allowed.

    The allowed schemes are http, https, mailto, zotero, obsidian, kindle and doi. DOIs are
    converted to doi.org URLs.
    """
    url = url.strip()
    if not _SCHEME.match(url) or len(url) > _MAX_URL_CHARS:
        return ""
    if url[:4].lower() == "doi:":
        url = f"https://doi.org/{url[4:].lstrip('/')}"
    encoded = quote(url.encode("utf-8", "replace"), safe=_SAFE_IN_URL)
    return re.sub(r"(?<=:):", "%3A", encoded)


MEDIA_TYPES = {
    "png": "image/png", "jpg": "image/jpeg", "jpeg": "image/jpeg", "gif": "image/gif",
    "webp": "image/webp", "avif": "image/avif", "svg": "image/svg+xml",
    "mp3": "audio/mpeg", "m4a": "audio/mp4", "ogg": "audio/ogg", "oga": "audio/ogg",
    "opus": "audio/ogg", "wav": "audio/wav", "flac": "audio/flac", "aac": "audio/aac",
}  # fmt: skip
"""The picture and sound formats that Anki supports on every device, by file name extension."""
_VIDEO_TYPES = ("mp4", "m4v", "webm", "ogv", "mov", "mkv", "avi", "3gp")
_MEDIA_PREFIX = "af-"
_HASH_CHARS = 16
_MEDIA_NAME = regex(
    rf"{_MEDIA_PREFIX}[0-9a-f]{{{_HASH_CHARS}}}\.(?:{'|'.join(MEDIA_TYPES)})"
)
SOUND_TAG = regex(rf"\[sound:({_MEDIA_NAME.pattern})\]")
"""Matches the tag of one of our sounds in a field. Group 1 is the file name."""
_BRACKET_MARKUP_OR_SOUND = regex(
    rf"(?P<sound>\[sound:{_MEDIA_NAME.pattern}\])|{_BRACKET_MARKUP_START}"
)
# Match the beginning of a picture or sound file, whatever its extension is.
_MEDIA_SIGNATURES = {
    "picture": re.compile(
        rb"(?s)\x89PNG|\xff\xd8|GIF8|RIFF....WEBP|....ftyp(?:avi[fs]|mif1|msf1|heic)|BM"
    ),
    "sound": re.compile(rb"(?s)ID3|OggS|fLaC|RIFF|(?!<).{0,512}?[^\x09-\x7f]"),
}
_SVG_SIGNATURE = re.compile(
    rb"(?is)(?!.{0,200}<\x00?(?:!doctype )?html).{0,8192}?<\x00?(?:\w+:)?s\x00?v\x00?g\b"
)
_NOT_FETCHED_HINT = (
    "open it: it may be a login page, or not yet downloaded from the cloud"
)
MAX_MEDIA_BYTES = 20_000_000


def is_generated_media_name(file_name: str) -> bool:
    """Return whether a file name has the form of the names that `load_media` generates."""
    return _MEDIA_NAME.fullmatch(file_name) is not None


def has_audio_extension(file_name: str) -> bool:
    """Return whether a file name ends in the extension of an audio format that Anki supports."""
    extension = file_name.rpartition(".")[2].lower()
    return MEDIA_TYPES.get(extension, "").startswith("audio/")


def load_media(path: Path) -> Media | Problem:
    """Check an image or sound file, and compute its file name in Anki.

    The name consists of `af-`, the first 16 hex digits of the SHA-256 hash of the content, and
    the extension, so it changes whenever the content does.

    Returns a problem if the file can't be read, is too large, or has a format that Anki can't
    show.
    """
    suffix = path.suffix.lower()
    if suffix[1:] in _VIDEO_TYPES:
        return Problem(path.name, f"videos such as {suffix} are left out of packages")
    if suffix[1:] not in MEDIA_TYPES:
        message = "packages contain only pictures and sounds that Anki can show"
        return Problem(path.name, message)
    target = Path(os.path.realpath(path))
    try:
        with open_regular(target) as file:
            data = file.read(MAX_MEDIA_BYTES + 1)
    except OwnFileError as error:
        return Problem(path.name, error.message.removeprefix(f"{target}: "), error.hint)
    except OSError as error:
        return Problem(path.name, f"cannot be read: {error.strerror}")
    problem = _find_media_problem(path.name, suffix, data)
    if problem is not None:
        return problem
    return Media(f"{_MEDIA_PREFIX}{hash_media(data)}{suffix}", str(target))


def _find_media_problem(file_name: str, suffix: str, data: bytes) -> Problem | None:
    """Return why Anki can't show the content of an image or sound file, or None if it can.

    `data` may end after `MAX_MEDIA_BYTES` and one more byte. A file of the wrong kind is reported
    as such even if it is too large, because to make it smaller wouldn't help.
    """
    kind = "sound" if has_audio_extension(suffix) else "picture"
    signature = _SVG_SIGNATURE if suffix == ".svg" else _MEDIA_SIGNATURES[kind]
    if not signature.match(data):
        reason = "its content is of another kind" if data.strip() else "it is empty"
        return Problem(file_name, f"is no {kind}: {reason}", _NOT_FETCHED_HINT)
    if len(data) > MAX_MEDIA_BYTES:
        limit = f"over {MAX_MEDIA_BYTES // 1_000_000} MB"
        return Problem(file_name, limit, "make it smaller")
    return None


def hash_media(data: bytes) -> str:
    """Return the first 16 hex digits of the SHA-256 hash of an image or sound."""
    return hashlib.sha256(data).hexdigest()[:_HASH_CHARS]


def parse_media_hash(media: Media) -> str:
    """Extract the content hash (see `hash_media`) from the file name of an image or sound."""
    return media.name.removeprefix(_MEDIA_PREFIX)[:_HASH_CHARS]


# --- HTML back to Markdown --------------------------------------------------------------
# This is used to recover cards from Anki if the ledger has lost them, and to show what the user has
# edited. The HTML that `render_field` wrote is converted back to exactly the same Markdown. HTML
# that the user pasted keeps its text, and the formatting that our Markdown can express.

_ANKI_FORMULA = regex(r"(?s)\\\((.+?)\\\)|\\\[(.+?)\\\]")
# Group 1 matches Markdown syntax that has to be escaped. Citations in brackets are matched outside
# the group, because they aren't links and stay as they are.
_MARKDOWN_SYNTAX = regex(
    r"""(?x)
    \[\d+(?:[-–,]\s?\d+)*\](?![(\[])      # the citation
    | ([\\`*_\[\]<>\#$]|==|~~|&(?=\#?\w+;))
    """
)
# Matches the characters that would start a list or a rule at the beginning of a line, e.g. the
# full stop of `1. May`, and what the Markdown ends in at the beginning of a line or list item.
_LINE_STARTS = ("\n", "- ", ". ", "> ")
_LINE_START = regex(r"^(\s*\d*)([-+.)])(?=\s|$|-)")
_CLOZE_DELIMITER = regex(r"(\{\{c[0-9,]+::|::|\}\})")
# The Markdown delimiters by element. They are used only next to letters or digits.
_DELIMITERS = {"i": "*", "b": "**", "s": "~~"}
_FENCE = "```\n"
"""The first line of a code block without a language."""
_HEADING_PREFIXES = {f"h{level}": "#" * level + " " for level in range(1, 7)}
_MARKDOWN_AT_START = {
    "mark": "==",
    "pre": _FENCE,
    "hr": "---\n\n",
    **_HEADING_PREFIXES,
}
_MARKDOWN_AT_END = {"mark": "==", "td": " ", "th": " ", "tr": "|\n", "pre": "\n```\n\n"}
# The tags that begin a new paragraph at their start tag, and at their end tag.
_BLOCK_TAGS = {"p", "div", "pre", "blockquote", "hr", "table", *_HEADING_PREFIXES}
_BLOCK_ENDS = {"p", "div", *_HEADING_PREFIXES}
_TABLE_RULES = {"left": ":---|", "center": ":---:|", "right": "---:|"}


def field_to_markdown(field: str) -> str:
    """Convert the HTML of a field in Anki to Markdown."""
    writer = _MarkdownWriter()
    writer.feed(INVISIBLE_SEPARATORS.sub("", field))
    writer.close()
    while writer.outer_parts:  # an unclosed blockquote
        writer.handle_endtag("blockquote")
    markdown = "".join(writer.parts)
    return re.sub(r"\n{3,}", "\n\n", markdown).strip(" \n\t")


class _OpenEmphasis(NamedTuple):
    """An emphasis element whose end tag wasn't reached yet."""

    name: str
    parts: list[str]
    """The list that its parts are in. A blockquote has a list of its own."""
    start: int
    """The index of its first part, in place of which its start delimiter will be written."""


class _MarkdownWriter(HTMLParser):
    """Converts HTML to Markdown. Unknown tags are dropped, but their text is kept."""

    def __init__(self) -> None:
        super().__init__(convert_charrefs=True)
        self.parts: list[str] = []
        self.open_counts: Counter[str] = Counter()
        """The number of open elements, by the name of the element."""
        self.lists: list[Iterator[str]] = []
        """The remaining bullets or numbers of each open list."""
        self.link_targets: list[str] = []
        """The target of each open link."""
        self.table_rule = ""
        """The delimiter row below a table's header, such as `|---|---|`, built cell by cell."""
        self.outer_parts: list[list[str]] = []
        """The parts that were written before each open blockquote."""
        self.open_emphasis: list[_OpenEmphasis] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        """Write what begins an element: by a method, if it needs more than a piece of Markdown."""
        attributes = {name: value or "" for name, value in attrs}
        if tag in _BLOCK_TAGS:
            self._ensure_line_ends()
        self.open_counts[tag] += 1
        if tag in self._BEGIN_BY_TAG:
            self._BEGIN_BY_TAG[tag](self, attributes)
        elif tag in EMPHASIS_ELEMENTS:
            self._begin_emphasis(EMPHASIS_ELEMENTS[tag])
        elif tag in _MARKDOWN_AT_START:
            self.parts.append(_MARKDOWN_AT_START[tag])

    def _begin_emphasis(self, name: str) -> None:
        self.open_emphasis.append(_OpenEmphasis(name, self.parts, len(self.parts)))
        self.parts.append("")  # for the delimiter, which depends on the text that follows

    def _begin_cell(self, attributes: Texts) -> None:
        self.parts.append("| ")
        self.table_rule += _TABLE_RULES.get(attributes.get("align", ""), "---|")

    def _add_line_break(self, attributes: Texts) -> None:
        is_in_cell = self.open_counts["td"] or self.open_counts["th"]
        self.parts.append("<br>" if is_in_cell else "\n")

    def _begin_list(self, attributes: Texts) -> None:
        self._ensure_line_ends(1 if self.lists else 2)
        self.lists.append(repeat("- "))

    def _begin_numbered_list(self, attributes: Texts) -> None:
        self._begin_list(attributes)
        start = attributes.get("start", "1")
        if re.fullmatch("[0-9]{1,9}", start):
            self.lists[-1] = map("{}. ".format, count(int(start)))

    def _begin_item(self, attributes: Texts) -> None:
        self._ensure_line_ends(1)
        bullet = next(self.lists[-1]) if self.lists else "- "
        indent = "   " * (len(self.lists) - 1)
        self.parts.append(indent + bullet)

    def _begin_code(self, attributes: Texts) -> None:
        if not self.open_counts["pre"]:
            self.parts.append("`")
        elif self.parts[-1:] == [_FENCE]:  # the tag is right after `<pre>`
            language = attributes.get("class", "").removeprefix("language-")
            self.parts[-1] = f"```{parse_fence_language(language)}\n"

    def _begin_quote(self, attributes: Texts) -> None:
        self.outer_parts.append(self.parts)
        self.parts = []

    def _add_image(self, attributes: Texts) -> None:
        label = attributes.get("alt", "")
        width = attributes.get("width", "")
        if re.fullmatch("[0-9]{1,4}", width):  # Obsidian's syntax
            label += f"|{width}"
        path = attributes.get("src", "")
        self.parts.append(f"![{label}]({path})")

    def _begin_table_head(self, attributes: Texts) -> None:
        self.table_rule = "|"

    def _begin_link(self, attributes: Texts) -> None:
        self.link_targets.append(attributes.get("href", ""))
        self.parts.append("[")

    _BEGIN_BY_TAG: ClassVar[dict[str, Callable[[_MarkdownWriter, Texts], None]]] = {
        "br": _add_line_break,
        "td": _begin_cell,
        "th": _begin_cell,
        "ul": _begin_list,
        "ol": _begin_numbered_list,
        "li": _begin_item,
        "code": _begin_code,
        "blockquote": _begin_quote,
        "img": _add_image,
        "thead": _begin_table_head,
        "a": _begin_link,
    }

    def handle_endtag(self, tag: str) -> None:
        self.open_counts[tag] = max(self.open_counts[tag] - 1, 0)
        if tag in self._END_BY_TAG:
            self._END_BY_TAG[tag](self)
        elif tag in _BLOCK_ENDS:
            self._ensure_line_ends()
        elif tag in EMPHASIS_ELEMENTS:
            self._end_emphasis(EMPHASIS_ELEMENTS[tag])
        elif tag in _MARKDOWN_AT_END:
            self.parts.append(_MARKDOWN_AT_END[tag])

    def _end_list(self) -> None:
        self.lists = self.lists[:-1]
        self._ensure_line_ends(1 if self.lists else 2)

    def _end_code(self) -> None:
        if not self.open_counts["pre"]:
            self.parts.append("`")

    def _end_quote(self) -> None:
        if not self.outer_parts:
            return
        quoted_lines = "".join(self.parts).strip().splitlines()
        self.parts = self.outer_parts.pop()
        self.parts.append("\n".join(f"> {line}".rstrip() for line in quoted_lines))
        self._ensure_line_ends()

    def _end_table_head(self) -> None:
        self.parts.append(f"{self.table_rule}\n")

    def _end_link(self) -> None:
        if self.link_targets:
            target = self.link_targets.pop()
            self.parts.append(f"]({target})" if target else "]")

    _END_BY_TAG: ClassVar[dict[str, Callable[[_MarkdownWriter], None]]] = {
        "ul": _end_list,
        "ol": _end_list,
        "code": _end_code,
        "blockquote": _end_quote,
        "thead": _end_table_head,
        "a": _end_link,
    }

    def _end_emphasis(self, name: str) -> None:
        """Add the delimiters of an emphasis element, and drop any unclosed elements inside it.

        An element that ends in another blockquote than it began in is dropped as well.
        """
        if name not in [element.name for element in self.open_emphasis]:
            return
        element = self.open_emphasis.pop()
        while element.name != name:  # the end tag is missing
            element = self.open_emphasis.pop()
        if element.parts is not self.parts:
            return
        text = "".join(self.parts[element.start :])
        delimiter = _DELIMITERS.get(name, "")
        if delimiter and text[:1].isalnum() and text[-1:].isalnum():
            self.parts[element.start] = delimiter
            self.parts.append(delimiter)
        elif text.strip():
            self.parts[element.start] = f"<{name}>"
            self.parts.append(f"</{name}>")

    def _ensure_line_ends(self, min_line_ends: int = 2) -> None:
        last_parts = "".join(self.parts[-3:])
        if last_parts.strip():
            line_ends = len(last_parts) - len(last_parts.rstrip("\n"))
            self.parts.append("\n" * max(min_line_ends - line_ends, 0))

    def handle_data(self, data: str) -> None:
        """Write text, in which Markdown's syntax is escaped, unless it is code.

        Sounds are written as pictures are: `[sound:af-….mp3]` becomes `![](af-….mp3)`.
        """
        if self.open_counts["code"] or self.open_counts["pre"]:
            self.parts.append(data)
            return
        last_parts = "".join(self.parts[-2:])
        position = 0
        for sound in SOUND_TAG.finditer(data):
            self.parts.append(_escape_text(data[position : sound.start()]))
            self.parts.append(f"![]({sound[1]})")
            position = sound.end()
        text = _escape_text(data[position:])
        is_at_line_start = not last_parts or last_parts.endswith(_LINE_STARTS)
        if is_at_line_start:
            text = _LINE_START.sub(r"\1\\\2", text)
        self.parts.append(text)


def _escape_text(data: str) -> str:
    parts: list[str] = []
    position = 0
    for formula in _ANKI_FORMULA.finditer(data):
        inline, display = formula.groups()
        parts.append(_escape_markup(data[position : formula.start()]))
        # spaces are fine next to MathJax delimiters, but `$ x $` wouldn't be a formula
        if inline is None:
            parts.append(f"$${display}$$")
        else:
            parts.append(f"${inline.strip()}$" if inline.strip() else " ")
        position = formula.end()
    parts.append(_escape_markup(data[position:]))
    return "".join(parts)


def _escape_markup(text: str) -> str:
    parts = _CLOZE_DELIMITER.split(text)  # text, cloze delimiter, text …
    for index in range(0, len(parts), 2):
        parts[index] = _MARKDOWN_SYNTAX.sub(
            lambda match: f"\\{match[1]}" if match[1] else match[0], parts[index]
        )
    return "".join(parts)
