"""Texts that Zotero keeps as HTML: notes, and the emphasis in annotations.

Of a note, the words of a person count, without the annotations that they quote. Zotero
inserts an annotation into a note as a quotation, followed by a citation and its
comment. The annotation is a highlight of its own, so the quotation and its citation are
left out, and so is a paragraph of which nothing but the annotation's comment is left. A
citation anywhere else is ordinary text.
"""

from __future__ import annotations

import re
import warnings
from collections.abc import Callable
from urllib.parse import unquote

from bs4 import BeautifulSoup, MarkupResemblesLocatorWarning, Tag
from bs4.element import NavigableString
from markdownify import MarkdownConverter

from ankiforge.extract.files import COMMENT
from ankiforge.model import Strings, Value
from ankiforge.text import regex, shortened
from ankiforge.text.cloze import literal
from ankiforge.text.cloze import plain as plain_text
from ankiforge.text.elements import raised
from ankiforge.text.fold import for_finding

LARGEST = 200_000
"""The number of characters of HTML that are read, without pictures in it."""
LONGEST = 20_000
"""The maximum number of characters of a note that can become a card."""
BEGINNING = 1_000
"""The number of characters of a longer note that are shown."""
_TITLE = 80
_TOO_LONG = f"a note of more than {LONGEST:,} characters: split it into shorter ones"
_PICTURE = regex(r'src="data:[^"]*"')
_HEADINGS = ("h1", "h2", "h3", "h4", "h5", "h6")
_BLOCKS = ("p", "li", "div", "blockquote", "td", "th", "pre", *_HEADINGS)

Quotable = tuple[set[str], set[str]]
"""The keys of all annotations, and their folded comments, among them the empty one."""
_NO_TAG = regex(r"<(?!/?[A-Za-z][^<>]*>)")
_BLANKS = regex(r"\n{3,}")


class NoteText(Value):
    """The text of a note."""

    plain: str
    markdown: Strings
    """The same in our Markdown; () if it cannot become a card."""
    title: str
    """The heading above everything else."""
    whole: str
    """All of its words below the title."""
    skip: str = ""
    """Why it cannot become a card."""


def note_text(html: str, quotable: Callable[[], Quotable]) -> NoteText | None:
    """Return the text of a note. None if it only repeats annotations.

    `quotable` is called only for a note with quotations.
    """
    html = _PICTURE.sub("", html)
    soup = _parsed(html)
    quotes = "data-annotation" in html or "data-citation" in html
    if quotes:
        keys, comments = quotable()
        _drop_quotations(soup, keys, comments)
    title = _title(soup, quotes=quotes)

    # in our Markdown: no blanks at line ends, single empty lines
    try:
        markdown = _Converter().convert_soup(soup)
    except RecursionError:  # elements without end, a thousand deep
        markdown = literal(soup.get_text("\n"))
    rows = (line.rstrip(" \t") for line in markdown.split("\n"))
    markdown = _BLANKS.sub("\n\n", "\n".join(rows)).strip("\n ")

    lines = plain_text(markdown).split("\n")
    plain = "\n".join(line for line in lines if line.strip())
    if len(plain) > LONGEST or len(html) > LARGEST:
        return NoteText(plain[:BEGINNING], (), title, plain, _TOO_LONG)
    return NoteText(plain, (markdown,), title, plain) if plain else None


def first_line(html: str) -> str:
    """Return the first line of a note, which Zotero shows as its title; "" if it has no text."""
    if not html:
        return ""
    lines = _parsed(_PICTURE.sub("", html)).get_text("\n").split("\n")
    return shortened(next((line.strip() for line in lines if line.strip()), ""), _TITLE)


def _parsed(html: str) -> BeautifulSoup:
    """Parse a note, without the elements that it does not show."""
    # of signs that begin no tag, the parser looks for the end again and again
    markup = _NO_TAG.sub("&lt;", COMMENT.sub("", html[:LARGEST]))
    with warnings.catch_warnings():  # of a note that is nothing but an address
        warnings.simplefilter("ignore", MarkupResemblesLocatorWarning)
        soup = BeautifulSoup(markup, "html.parser")
    for element in soup(("script", "style", "template", "title", "hr")):
        element.decompose()
    for text in soup.find_all(string=re.compile(r"\s{2}|\n")):
        if not text.find_parent("pre"):  # a line feed is a space, but to the converter
            text.replace_with(re.sub(r"\s+", " ", text))
    return soup


# --- quotations -------------------------------------------------------------------------


_QUOTED = regex(r'"annotationKey": ?"(\w+)"')


def _drop_quotations(
    soup: BeautifulSoup,
    keys: set[str],
    comments: set[str],
) -> None:
    """Remove quoted annotations with their citations, and the blocks that only repeat them."""
    blocks = []
    for element in soup.select("[data-annotation]"):
        data = unquote(str(element.get("data-annotation", "")))
        key = _QUOTED.search(data)
        if key is None or key[1] not in keys:
            continue
        blocks.append(_block_of(element, soup))
        after = element.next_sibling
        while after is not None and not str(after).strip():
            after = after.next_sibling
        if isinstance(after, Tag) and "citation" in after.get_attribute_list("class"):
            after.decompose()
        element.decompose()
    for citation in soup.select(".citation"):
        # the quotation before it was a picture, or is gone
        block = _block_of(citation, soup)
        if block.get_text().strip().startswith(citation.get_text().strip()):
            blocks.append(block)
    for block in blocks:
        citations = ""
        for citation in block.select(".citation"):
            citations += citation.get_text()
        if for_finding(block.get_text().replace(citations, "", 1)) in comments:
            block.clear()


def _block_of(element: Tag, soup: BeautifulSoup) -> Tag:
    """Return the paragraph, list item or the like around an element, or the note."""
    return element.find_parent(_BLOCKS) or soup


def _title(soup: BeautifulSoup, *, quotes: bool) -> str:
    """Take the heading above everything else out of a note, and return its text.

    A heading alone is the note, not a title, unless it was above quotations.
    """
    heading = soup.find(_HEADINGS)
    if not heading:
        return ""
    text = soup.get_text().strip()
    title = heading.get_text().strip()
    stands_alone = text == title and not quotes
    if not text.startswith(title) or stands_alone:
        return ""
    heading.decompose()
    return " ".join(title.split())


# --- HTML as our Markdown ---------------------------------------------------------------


class _Converter(MarkdownConverter):
    """Writes the elements of Zotero's editor as our Markdown.

    A link or picture is its text.
    """

    class Options:
        bullets = "-"
        strip = ("a", "img", "blockquote")

    def escape(self, text: str, parent_tags: set[str]) -> str:
        return literal(text)

    def process_element(
        self,
        node: Tag | NavigableString,
        parent_tags: set[str] | None = None,
    ) -> str:
        if isinstance(node, Tag) and "math" in node.get_attribute_list("class"):
            text = " ".join(node.get_text().split())
            return f"\n\n{text}\n\n" if node.name == "pre" else text
        return str(super().process_element(node, parent_tags))  # type: ignore[misc]

    def convert_hN(
        self,
        n: int,
        el: Tag,
        text: str,
        parent_tags: set[str],
    ) -> str:
        words = text.replace("**", "").strip()
        return f"\n\n**{words}**\n\n" if words else ""

    def convert_br(self, el: Tag, text: str, parent_tags: set[str]) -> str:
        return "\n"

    def convert_sub(self, el: Tag, text: str, parent_tags: set[str]) -> str:
        return raised(text, "sub")

    def convert_sup(self, el: Tag, text: str, parent_tags: set[str]) -> str:
        return raised(text, "sup")


# --- emphasis in annotations ----------------------------------------------------------


_TAG = regex(r"(?i)(</?(?:b|i|sub|sup)>|<span[ ]style=[\"']font-variant:[^<>]*>|</span>)")
_SIGNS = {"b": "**", "i": "*"}


class RichText:
    """A text of an annotation, as plain text and in our Markdown."""

    def __init__(self, written: str, *, is_markdown: bool = False) -> None:
        """`is_markdown`: whether the words between the tags are Markdown, as in a comment."""
        self._is_markdown = is_markdown
        # the tag, the plain text and the Markdown of each open element, the innermost last
        self._open: list[tuple[str, list[str], list[str]]] = [("", [], [])]
        for index, part in enumerate(_TAG.split(written)):
            if index % 2 == 0:
                self._add_words(part)
            elif part.startswith("</"):
                self._close(part)
            else:
                self._open.append((part, [], []))
        while len(self._open) > 1:
            self._undo_open()
        _, plain, markdown = self._open[0]
        self.plain = "".join(plain)
        self.markdown = "".join(markdown)

    @property
    def is_formatted(self) -> bool:
        """Whether the Markdown says more than the plain text."""
        return self.markdown != literal(self.plain)

    def _add_words(self, words: str) -> None:
        self._add(words, words if self._is_markdown else literal(words))

    def _add(self, plain: str, markdown: str) -> None:
        _, plain_parts, markdown_parts = self._open[-1]
        plain_parts.append(plain)
        markdown_parts.append(markdown)

    def _undo_open(self) -> None:
        """Take the innermost tag for text: it was never closed."""
        tag, plain_parts, markdown_parts = self._open.pop()
        self._add_words(tag)
        self._add("".join(plain_parts), "".join(markdown_parts))

    def _close(self, tag: str) -> None:
        """End an element; a tag that ends none is text."""
        name = _name_of(tag)
        if name not in [_name_of(opened) for opened, _, _ in self._open]:
            self._add_words(tag)
            return
        while _name_of(self._open[-1][0]) != name:
            self._undo_open()
        _, plain_parts, markdown_parts = self._open.pop()
        self._add(*_emphasised(name, "".join(plain_parts), "".join(markdown_parts)))


def _name_of(tag: str) -> str:
    return tag.strip("</>").partition(" ")[0].lower()


def _emphasised(name: str, plain: str, markdown: str) -> tuple[str, str]:
    """Return the plain text and the Markdown of an element with some content."""
    if name == "span" or not plain.strip():
        return plain, markdown
    if name in ("sub", "sup"):
        in_unicode = raised(plain, name)
        if in_unicode != plain and len(in_unicode) == len(plain) and plain == markdown:
            return in_unicode, in_unicode
        return in_unicode, f"<{name}>{markdown}</{name}>"
    sign = _SIGNS[name]
    if markdown[0].isalnum() and markdown[-1].isalnum():
        return plain, f"{sign}{markdown}{sign}"
    return plain, f"<{name}>{markdown}</{name}>"
