"""Convert Zotero's HTML (notes, and annotations with emphasis) to plain text and Markdown.

Only the user's own text in a note is returned, because quoted annotations are separate highlights.
Zotero inserts an annotation as a quotation, followed by a citation and the comment. The quotation
and its citation are removed, as is a paragraph that only repeats the comment. Other citations are
treated as text.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from urllib.parse import unquote

from bs4 import BeautifulSoup, Tag
from bs4.element import NavigableString
from markdownify import MarkdownConverter

from ankiforge.extract.html_text import parse_html
from ankiforge.model import Pair, Strings, Value
from ankiforge.text import regex, truncate
from ankiforge.text.cloze import escape_markdown
from ankiforge.text.cloze import to_plain_text as plain_text
from ankiforge.text.elements import to_unicode_script
from ankiforge.text.normalize import normalize_for_lookup

MAX_HTML_CHARS = 200_000
"""The maximum length of the HTML to parse, without embedded pictures."""
MAX_NOTE_CHARS = 20_000
"""The maximum length of a note that can become a card."""
SHOWN_CHARS = 1_000
"""The number of characters to which a note that is too long is truncated."""
_MAX_TITLE_CHARS = 80
_TOO_LONG_REASON = (
    f"a note of more than {MAX_NOTE_CHARS:,} characters: split it into shorter ones"
)
_EMBEDDED_PICTURE = regex(r'src="data:[^"]*"')
_HEADINGS = ("h1", "h2", "h3", "h4", "h5", "h6")
_BLOCKS = ("p", "li", "div", "blockquote", "td", "th", "pre", *_HEADINGS)

QuotableAnnotations = tuple[set[str], set[str]]
"""(keys of all annotations, their normalized comments and "")"""
_EMPTY_LINES = regex(r"\n{3,}")


class NoteText(Value):
    """The text of a note without the annotations that it quotes."""

    plain: str
    markdown: Strings
    """The text as Markdown, or () if the note can't become a card."""
    title: str | None
    """The heading at the top of the note, or None if there is none."""
    full_text: str
    """The whole text below the title, which isn't truncated like `plain`."""
    skip_reason: str | None = None
    """Why the note can't become a card, or None if it can."""


def parse_note(html: str, quotable: Callable[[], QuotableAnnotations]) -> NoteText | None:
    """Parse a note. Return None if it only consists of quoted annotations and a title.

    Args:
        html: The note as stored by Zotero.
        quotable: A function that returns the annotations that the note may quote. It is only
            called if the note contains quotations.
    """
    html = _EMBEDDED_PICTURE.sub("", html)
    soup = _parse_html(html)
    has_quotations = "data-annotation" in html or "data-citation" in html
    if has_quotations:
        keys, comments = quotable()
        _remove_quotations(soup, keys, comments)
    title = _pop_title(soup, has_quotations=has_quotations)

    markdown = _to_markdown(soup)
    plain = "\n".join(filter(str.strip, plain_text(markdown).split("\n")))
    if len(plain) > MAX_NOTE_CHARS or len(html) > MAX_HTML_CHARS:
        return NoteText(plain[:SHOWN_CHARS], (), title, plain, _TOO_LONG_REASON)
    if not plain:
        return None
    return NoteText(plain, (markdown,), title, plain)


def _to_markdown(soup: BeautifulSoup) -> str:
    """Convert HTML to our Markdown, without spaces at line ends or repeated empty lines."""
    try:
        markdown = _NoteConverter().convert_soup(soup)
    except RecursionError:  # elements are nested a thousand deep
        markdown = escape_markdown(soup.get_text("\n"))
    rows = (line.rstrip(" \t") for line in markdown.split("\n"))
    return _EMPTY_LINES.sub("\n\n", "\n".join(rows)).strip("\n ")


def extract_first_line(html: str) -> str:
    """Return the first line of a note, which Zotero displays as the note's title.

    Returns "" if the note is empty.
    """
    if not html:
        return ""
    text = _parse_html(_EMBEDDED_PICTURE.sub("", html)).get_text("\n").strip()
    return truncate(text.partition("\n")[0].strip(), _MAX_TITLE_CHARS)


def _parse_html(html: str) -> BeautifulSoup:
    soup = parse_html(html[:MAX_HTML_CHARS])
    for element in soup(("script", "style", "template", "title", "hr")):
        element.decompose()
    for text in soup.find_all(string=re.compile(r"\s{2}|\n")):
        # in HTML, a line break is equivalent to a space, which the converter ignores
        if not text.find_parent("pre"):
            text.replace_with(re.sub(r"\s+", " ", text))
    return soup


# --- quotations -------------------------------------------------------------------------


_ANNOTATION_KEY = regex(r'"annotationKey": ?"(\w+)"')


def _remove_quotations(
    soup: BeautifulSoup,
    keys: set[str],
    comments: set[str],
) -> None:
    """Remove the annotations that a note quotes, with their citations and comments.

    Args:
        soup: The note, which is modified.
        keys: The keys of the annotations in the library.
        comments: The normalized comments of the annotations, including "".
    """
    blocks = _pop_quoted_annotations(soup, keys) + _find_blocks_of_citations(soup)
    for block in blocks:
        citation_text = "".join(each.get_text() for each in block.select(".citation"))
        own_text = block.get_text().replace(citation_text, "", 1)
        if normalize_for_lookup(own_text) in comments:
            block.clear()


def _pop_quoted_annotations(soup: BeautifulSoup, keys: set[str]) -> list[Tag]:
    """Remove the quoted annotations with their citations, and return the blocks they were in."""
    blocks = []
    for element in soup.select("[data-annotation]"):
        if _find_annotation_key(element) in keys:
            blocks.append(_find_block(element, soup))
            _remove_next_citation(element)
            element.decompose()
    return blocks


def _find_blocks_of_citations(soup: BeautifulSoup) -> list[Tag]:
    """Return the blocks that begin with a citation.

    The quotation before such a citation was a picture, or has just been removed.
    """
    blocks = []
    for citation in soup.select(".citation"):
        block = _find_block(citation, soup)
        block_text = block.get_text().strip()
        if block_text.startswith(citation.get_text().strip()):
            blocks.append(block)
    return blocks


def _find_annotation_key(element: Tag) -> str | None:
    data = unquote(str(element.get("data-annotation", "")))
    key = _ANNOTATION_KEY.search(data)
    return None if key is None else key[1]


def _remove_next_citation(element: Tag) -> None:
    """Remove the citation that directly follows a quotation."""
    siblings = (node for node in element.next_siblings if str(node).strip())
    next_node = next(siblings, None)
    if isinstance(next_node, Tag):
        if "citation" in next_node.get_attribute_list("class"):
            next_node.decompose()


def _find_block(element: Tag, soup: BeautifulSoup) -> Tag:
    return element.find_parent(_BLOCKS) or soup


def _pop_title(soup: BeautifulSoup, *, has_quotations: bool) -> str | None:
    """Remove the heading at the top of a note, and return its text or None if there is none.

    If there is nothing but a heading in the note, it is text instead of a title, unless quotations
    below it have been removed.
    """
    heading = soup.find(_HEADINGS)
    if heading is None:
        return None
    text = soup.get_text().strip()
    title = heading.get_text().strip()
    if not text.startswith(title):
        return None
    if text == title and not has_quotations:
        return None
    heading.decompose()
    return " ".join(title.split()) or None


# --- HTML as our Markdown ---------------------------------------------------------------


class _NoteConverter(MarkdownConverter):
    class Options:
        bullets = "-"
        strip = ("a", "img", "blockquote")

    def escape(self, text: str, parent_tags: set[str]) -> str:
        return escape_markdown(text)

    def process_element(
        self, node: Tag | NavigableString, parent_tags: set[str] | None = None
    ) -> str:
        if isinstance(node, Tag) and "math" in node.get_attribute_list("class"):
            text = " ".join(node.get_text().split())
            if node.name == "pre":
                return f"\n\n{text}\n\n"
            return text
        return str(super().process_element(node, parent_tags))  # type: ignore[misc]

    def convert_hN(self, n: int, el: Tag, text: str, parent_tags: set[str]) -> str:
        heading = text.replace("**", "").strip()
        if not heading:
            return ""
        return f"\n\n**{heading}**\n\n"

    def convert_br(self, el: Tag, text: str, parent_tags: set[str]) -> str:
        return "\n"

    def convert_sub(self, el: Tag, text: str, parent_tags: set[str]) -> str:
        return to_unicode_script(text, "sub")

    def convert_sup(self, el: Tag, text: str, parent_tags: set[str]) -> str:
        return to_unicode_script(text, "sup")


# --- emphasis in annotations ----------------------------------------------------------


_ELEMENT = regex(
    r"(?is)<(?P<name>b|i|sub|sup|span)(?:(?<=span)[ ]style=[\"']font-variant:[^<>]*|(?<!span))>"
    r"(?P<html>(?:(?!<(?P=name)[ >]).){0,5000}?)</(?P=name)>"
)
_MARKDOWN_MARKERS = {"b": "**", "i": "*"}


class RichText:
    """The text of an annotation or comment, both as plain text and as Markdown."""

    def __init__(self, html: str, *, is_markdown: bool = False) -> None:
        """Parse text that may contain HTML tags for emphasis. A tag without its pair is text.

        If `is_markdown` is true, the text between the tags is Markdown, as in comments.
        """
        self._escape = str if is_markdown else escape_markdown
        self.plain, self.markdown = self._convert(html)

    @property
    def is_formatted(self) -> bool:
        """Whether the text has any formatting."""
        return self.markdown != escape_markdown(self.plain)

    def _convert(self, html: str) -> Pair:
        """Return HTML as (plain text, Markdown), e.g. `a <b>b</b>` as `a b` and `a **b**`."""
        plain_parts = []
        markdown_parts = []
        end = 0
        for element in _ELEMENT.finditer(html):
            text_before = html[end : element.start()]
            inner_plain, inner_markdown = self._convert(element["html"])
            plain, markdown = _format_element(
                element["name"].lower(), inner_plain, inner_markdown
            )
            plain_parts += [text_before, plain]
            markdown_parts += [self._escape(text_before), markdown]
            end = element.end()
        rest = html[end:]
        return (
            "".join([*plain_parts, rest]),
            "".join([*markdown_parts, self._escape(rest)]),
        )


def _format_element(name: str, plain: str, markdown: str) -> Pair:
    """Apply an HTML element to its content, and return the plain text and the Markdown.

    `plain` and `markdown` are the content. Emphasis stays an HTML tag beside punctuation, because
    in `a**(b)**c` Markdown doesn't take the asterisks for emphasis.
    """
    if name == "span" or not plain.strip():
        return plain, markdown
    if name in ("sub", "sup"):
        return _format_script(name, plain, markdown)
    if markdown[0].isalnum() and markdown[-1].isalnum():
        marker = _MARKDOWN_MARKERS[name]
        return plain, f"{marker}{markdown}{marker}"
    return plain, f"<{name}>{markdown}</{name}>"


def _format_script(name: str, plain: str, markdown: str) -> Pair:
    """Write a superscript or subscript in Unicode, or in Markdown as HTML if it can't be."""
    script = to_unicode_script(plain, name)
    is_in_unicode = script != plain and len(script) == len(plain)
    if is_in_unicode and plain == markdown:
        return script, script
    return script, f"<{name}>{markdown}</{name}>"
