"""Extract text from HTML: web pages, EPUB pages, and notebooks exported by Kindle apps."""

from __future__ import annotations

import warnings
from collections.abc import Collection, Iterator, Mapping, Sequence
from contextlib import suppress
from itertools import chain
from typing import TYPE_CHECKING, NamedTuple

from ankiforge.text import regex
from ankiforge.text.decoding import decode_text, detect_encoding
from ankiforge.text.elements import (
    BLOCK_ELEMENTS,
    NON_TEXT_ELEMENTS,
    can_be_unicode_script,
    to_unicode_script,
)
from ankiforge.text.passages import SUPERSCRIPT_NOTE

if TYPE_CHECKING:  # loaded when a page is read
    from bs4 import BeautifulSoup, Tag
    from bs4.element import PageElement

HTML_COMMENT = regex(r"(?s)<!--(?:(?!<!--).)*?-->")
_DECLARATION = regex(r"<[!?][^<>]*>")
_STRAY_BRACKET = regex(r"<(?!/?[A-Za-z][^<>]*>)")


def parse_html(html: str) -> BeautifulSoup:
    """Parse HTML, removing comments and declarations.

    A `<` that doesn't begin a tag is treated as text.
    """
    from bs4 import BeautifulSoup, MarkupResemblesLocatorWarning

    # for each `<` that doesn't begin a tag, the parser would search the rest of the page for `>`
    elements = _DECLARATION.sub("", HTML_COMMENT.sub("", html))
    markup = _STRAY_BRACKET.sub("&lt;", elements)
    with warnings.catch_warnings():  # about a page that only consists of a URL
        warnings.simplefilter("ignore", MarkupResemblesLocatorWarning)
        return BeautifulSoup(markup, "html.parser")


# The supersets as which browsers read these encodings.
_SUPERSETS = {
    "gb2312": "gb18030",
    "gbk": "gb18030",
    "shift_jis": "cp932",
    "x-sjis": "cp932",
    "euc-kr": "cp949",
    "ks_c_5601-1987": "cp949",
    "big5": "big5hkscs",
    "iso-8859-1": "cp1252",
    "iso-8859-9": "cp1254",
}


def decode_html(raw: bytes) -> str:
    """Decode a page as UTF-8 if possible, falling back to the encoding that it declares.

    Raises:
        ItemError: No encoding is declared, and it can't be detected either.
    """
    from bs4.dammit import EncodingDetector

    declared = EncodingDetector.find_declared_encoding(raw, is_html=True) or ""
    # ISO-2022, an encoding of Japanese, uses ASCII bytes only, so it would be valid UTF-8
    if not declared.startswith("iso-2022"):
        with suppress(UnicodeDecodeError):
            return raw.decode(detect_encoding(raw))
    if declared and not declared.startswith("utf"):
        with suppress(LookupError):  # no such encoding
            return raw.decode(_SUPERSETS.get(declared, declared), "replace")
    return decode_text(raw, repairs=True)


def iter_html_blocks(
    root: Tag, left_out: Collection[str] = (), *, keeps_code_lines: bool = False
) -> Iterator[tuple[Tag | None, str]]:
    """Yield (element, text) for each block of a page, including empty blocks.

    The text is on one line. The element is the one that begins the block. It is None for text
    that follows the end of another block.

    Args:
        root: The page, or an element in it.
        left_out: The names of elements whose text is skipped, unless the text is a footnote or
            an endnote.
        keeps_code_lines: Whether text in `pre` elements keeps its line breaks and indentation.
    """
    from bs4.element import CData, NavigableString, Tag

    first_element: Tag | None = None
    parts: list[str] = []
    pre_depth = 0
    for node in _iter_nodes(root, left_out):
        if isinstance(node, Tag | _ElementEnd):
            if node.name in BLOCK_ELEMENTS:
                yield first_element, _join_block_text(parts, keeps_code_lines, pre_depth)
                first_element = node if isinstance(node, Tag) else None
                parts.clear()
            if node.name == "pre":
                pre_depth += 1 if isinstance(node, Tag) else -1
        elif type(node) in (NavigableString, CData):  # no comment, declaration or script
            parts.append(str(node))
    yield first_element, _join_block_text(parts, keeps_code_lines, pre_depth)


class _ElementEnd(NamedTuple):
    """The end of an element with this name."""

    name: str


def _iter_nodes(
    root: Tag, left_out: Collection[str]
) -> Iterator[PageElement | _ElementEnd]:
    """Yield each node inside an element, and the ends of the elements, in the page's order.

    Of an element whose name is in `left_out`, only the start is yielded, unless it is a footnote
    or an endnote.
    """
    from bs4 import Tag

    open_elements = [(root.name, iter(root.contents))]
    while open_elements:
        name, children = open_elements[-1]
        child = next(children, None)
        if child is None:
            open_elements.pop()
            yield _ElementEnd(name)
            continue
        yield child
        if isinstance(child, Tag):
            if child.name not in left_out or is_in_footnotes(child, {}):
                open_elements.append((child.name, iter(child.contents)))


def _join_block_text(parts: Sequence[str], keeps_code_lines: bool, pre_depth: int) -> str:
    """Join the text of a block on one line. Code (`pre_depth` > 0) may keep its lines."""
    text = "".join(parts)
    if keeps_code_lines and pre_depth:
        lines = [line.rstrip() for line in text.expandtabs(4).split("\n")]
        return "\n".join(filter(None, lines))
    return " ".join(text.split())


# --- displayed text ---------------------------------------------------------------------

# These noncharacters enclose text that isn't part of a sentence: a note reference, a page number of
# the printed book, or a ruby annotation. Highlights from other programs may contain such text.
_ASIDE_START, _ASIDE_END = "\ufdd0", "\ufdd1"
_ASIDE = regex(
    f"{_ASIDE_START}[^{_ASIDE_END}]*{_ASIDE_END}?|^[^{_ASIDE_START}{_ASIDE_END}]*{_ASIDE_END}"
)
_HIDING_STYLE = regex(r"(?i)(?:^|;)\s*(?:display\s*:\s*none|visibility\s*:\s*hidden)")
_RAISING_STYLE = regex(r"(?i)vertical-align\s*:\s*(su(?:per|b))\b")
# The number of a page of the printed book, such as `12`, `xii`, `A-3`, `[Pg 12]` or `Page 12`.
_PAGE_NUMBER = regex(
    r"(?i)\W*(?:[^\W\d_]{1,6}\.?\s)?(?:[a-z]{0,2}[-.]?\d{1,5}[a-z]?"
    r"|(?=[ivxlc])c{0,3}(?:x[cl]|l?x{0,3})(?:i[xv]|v?i{0,3}))\W*"
)
_PAGE_CLASS = regex(
    r"(?i)(?:^|[\s-])(?:pa?ge?[-_]?(?:num(?:ber)?|no|break)s?|(?<!-)page)(?:\s|$)"
)
_PAGE_ID = regex(r"(?i)(?:p|pg|page)[-_.]?(?:\d{1,5}|[ivxlc]{1,7})")
# Classes of elements that contain a note, including tooltips.
_NOTE_CLASS = regex(
    r"(?i)(?:^|[\s_])(?:(?:foot|end|side|margin)-?note|tool-?tip-?(?:text|content))(?:\s|$)"
)
# A note reference in brackets, such as `[3]` or `[note 2]`, or a sign that only notes have.
_NOTE_MARK = regex(r"\[(?:\d{1,4}|[^\W_]{1,3}|\w{1,6}[ ]\d{1,3}|[*†‡])\]|[*†‡§¶]{1,3}")
# Types of elements that contain notes, as `_get_semantic_types` returns them.
_NOTE_LISTS = frozenset(("footnotes", "endnotes", "rearnotes", "footnote", "endnote"))
_BLOCK_NAMES = sorted(BLOCK_ELEMENTS)
_BRACKETED = regex(r"(?:\[[^\[\]]*\])+")
_WORD_END = regex(r"[^\W_]$|[.,;!?”’\"»)]$")
# Superscripts that are notes after a word, but not after a symbol, as in `x*`.
_RAISED_NOTE = regex(r"[*†‡§¶]{1,3}|\d{1,3}(?:[,–-]\s?\d{1,3})+")
_LONG_WORD_END = regex(r"[^\W\d_]{3}$|[.,;:!?”’\"»]$")
_NOTE_SIGNS = regex(r"\d+|\b[a-h]\b")
_HIDDEN_NAMES = ("head", "title", "template", *NON_TEXT_ELEMENTS)
_RUBY_NAMES = ("rt", "rp", "rtc")
_LEVEL_BY_ALIGNMENT = {"super": "sup", "sub": "sub"}
_MAX_LETTERS_BEFORE = 8


def parse_page(html: str) -> BeautifulSoup:
    """Parse a page, and reduce it to the text that a browser would display.

    Hidden elements are emptied. Superscripts and subscripts become Unicode (10²⁵). Formulas
    become plain text, or TeX in dollar signs. Note references, tooltips, page numbers of the
    printed book and ruby annotations (*asides*) are enclosed in marks for `remove_asides`.
    All elements stay in place, so that CSS selectors still match.
    """
    from bs4 import Tag

    soup = parse_html(html)
    node = next(iter(soup.contents), None)
    while node is not None:
        if isinstance(node, Tag):
            _replace_element(node)
        node = node.next_element
    return soup


def remove_asides(text: str) -> str:
    """Remove the asides that `parse_page` marks from the text of a page.

    An aside that is cut off at the beginning or end of the text is removed, too.
    """
    return _ASIDE.sub("", text)


def _replace_element(element: Tag) -> None:
    """Replace the content of an element with the text that a browser displays."""
    name = element.name.rpartition(":")[2]
    if name == "math":
        element.string = _formula_to_text(element)
    elif name == "script" and _get_attribute(element, "type").startswith("math/tex"):
        _show_tex_of_script(element)
    elif name in _HIDDEN_NAMES or _is_hidden(element):
        element.clear()
    elif _is_aside(element, name):
        _enclose_aside(element, _get_one_line(element))
    else:
        _replace_script_or_link(element, name)


def _show_tex_of_script(script: Tag) -> None:
    """Put the TeX of a script in place of the formula that MathJax rendered from it."""
    for rendered in script.find_previous_siblings(limit=2):
        if _get_attribute(rendered, "class").startswith("MathJax"):
            rendered.clear()
    script.insert_after(_clean_tex(script.get_text()) or "")
    script.clear()


def _is_aside(element: Tag, name: str) -> bool:
    """Return whether an element isn't part of a sentence, whatever its text is."""
    if name in _RUBY_NAMES:
        return True
    types = _get_semantic_types(element)
    if "noteref" in types:
        return True
    return _is_page_number(element, types) or _is_inline_note(element, types)


def _replace_script_or_link(element: Tag, name: str) -> None:
    """Convert a superscript or subscript to Unicode, or mark it or a link as an aside."""
    level = _get_script_level(element, name)
    if level is None and name != "a":
        return
    text = _get_one_line(element)
    if level == "sup":
        is_reference = _is_raised_reference(element, text)
    else:
        is_reference = level is None and _is_linked_reference(element, text)
    if is_reference:
        _enclose_aside(element, text)
    elif level is not None:
        element.string = to_unicode_script(text, level)


def _get_script_level(element: Tag, name: str) -> str | None:
    """Return `sup` or `sub` for an element that is raised or lowered, or None for any other."""
    raised = _RAISING_STYLE.search(_get_attribute(element, "style"))
    if raised:
        return _LEVEL_BY_ALIGNMENT[raised[1].lower()]
    if name in ("sup", "sub"):
        return name
    return None


def _get_text(element: Tag) -> str:
    """Return the text in an element, without asides.

    It reads the whole element, so it isn't called for each element of a page.
    """
    return remove_asides(element.get_text())


def _get_one_line(element: Tag) -> str:
    return " ".join(_get_text(element).split())


def _enclose_aside(element: Tag, text: str) -> None:
    element.string = f"{_ASIDE_START}{text}{_ASIDE_END}"


def _get_attribute(element: Tag, name: str) -> str:
    """Return the value of an attribute, or "" if it is missing. Class names are joined."""
    value = element.get(name) or ""
    if isinstance(value, str):
        return value
    return " ".join(value)


def _get_semantic_types(element: Tag) -> str:
    """Return an element's classes, EPUB and HTMLBook types and role, without the prefix `doc-`."""
    names = ("class", "epub:type", "data-type", "role")
    values = [_get_attribute(element, name) for name in names]
    return " ".join(filter(None, values)).replace("doc-", "")


def _get_text_before(element: Tag) -> str:
    """Return the last few characters before an element in the same block.

    Returns "" if these characters end in whitespace, or if the element begins the block.
    """
    from bs4 import Tag

    previous = element.previous_element
    while isinstance(previous, Tag):
        if previous.name in BLOCK_ELEMENTS:
            return ""
        previous = previous.previous_element
    if previous is None:
        return ""
    text = remove_asides(str(previous))[-_MAX_LETTERS_BEFORE:]
    if text[-1:].isspace():
        return ""
    return text


def _is_hidden(element: Tag) -> bool:
    """Return whether browsers hide an element.

    Inline text that is only hidden from screen readers counts as hidden, because it repeats other
    text. A larger element doesn't, because a page may hide all of its content from screen readers
    while a dialog is open.
    """
    if not _has_hiding_attribute(element):
        return False
    if element.name == "p" and element.find("p"):  # it has no end tag
        return False
    # Wikipedia hides the formula itself, and shows a picture of it
    formula = element.find("math")
    if formula is None:
        return True
    return formula.get_text().strip() != element.get_text().strip()


def _has_hiding_attribute(element: Tag) -> bool:
    if element.get("hidden", "until-found") != "until-found":
        return True
    if _HIDING_STYLE.search(_get_attribute(element, "style")):
        return True
    if "mw-editsection" in _get_attribute(element, "class").split():
        return True
    return element.get("aria-hidden") == "true" and _is_inline(element)


def _is_inline(element: Tag) -> bool:
    """Return whether an element neither is nor contains a block."""
    return element.name not in BLOCK_ELEMENTS and element.find(_BLOCK_NAMES) is None


def _is_page_number(element: Tag, types: str) -> bool:
    """Return whether an element is a page number of the printed book.

    Table cells don't count, because their page numbers belong to a table of contents. `types`
    is the result of `_get_semantic_types`.
    """
    if element.name == "td":
        return False
    if "pagebreak" in types or _PAGE_CLASS.search(types):
        return _PAGE_NUMBER.fullmatch(_get_text(element)) is not None
    identifier = _get_attribute(element, "id")
    if not _PAGE_ID.fullmatch(identifier):
        return False
    text = _get_text(element)
    number = "".join(filter(str.isalnum, text))
    if not number or not identifier.endswith(number):
        return False
    return _PAGE_NUMBER.fullmatch(text) is not None


def _is_inline_note(element: Tag, types: str) -> bool:
    """Return whether an inline element is a note or a tooltip about the preceding words."""
    if element.get("role") == "tooltip" or _NOTE_CLASS.search(types):
        return _is_inline(element)
    return False


def _is_raised_reference(element: Tag, text: str) -> bool:
    """Return whether a superscript refers to a note."""
    if "reference" in _get_attribute(element, "class").split():
        return True
    if _BRACKETED.fullmatch(text):
        return True
    if any(map(_is_internal_link, element("a"))):
        return True
    return _is_superscript_note(element, text)


def _is_linked_reference(link: Tag, text: str) -> bool:
    """Return whether a link on the line leads to a note."""
    if not _is_internal_link(link):
        return False
    raised = link.find("sup")
    if raised and raised.get_text().strip() == text:
        return True
    if _NOTE_MARK.fullmatch(text):
        return True
    return text.isdecimal() and _WORD_END.search(_get_text_before(link)) is not None


def is_in_footnotes(element: Tag, results: Mapping[int, bool]) -> bool:
    """Return whether an element is a footnote or an endnote, or is in a list of notes.

    `results` has the results for other elements, by `id()`. With that of an ancestor, the
    ancestors above it needn't be read again.
    """
    for ancestor in chain((element,), element.parents):
        if id(ancestor) in results:
            return results[id(ancestor)]
        if not _NOTE_LISTS.isdisjoint(_get_semantic_types(ancestor).split()):
            return True
    return False


def _is_superscript_note(element: Tag, text: str) -> bool:
    """Return whether a superscript refers to a note, and isn't an exponent.

    Such a superscript is a number, letter or sign that follows a word or punctuation, and that no
    letter follows: `in 1998.<sup>12</sup>`, but not `x<sup>2</sup>`.
    """
    before = _get_text_before(element)
    if _RAISED_NOTE.fullmatch(text) and _LONG_WORD_END.search(before):
        return True
    after = ""
    if element.next_sibling:
        after = element.next_sibling.get_text()[:1]
    # in plain text, where notes are Unicode superscripts, the same pattern finds them
    raised = _NOTE_SIGNS.sub(lambda sign: to_unicode_script(sign[0], "sup"), text)
    raised = raised.replace(" ", "")
    note = SUPERSCRIPT_NOTE.match(f"{before}{raised}{after}", len(before))
    return note is not None and note[0] == raised


def _is_internal_link(link: Tag) -> bool:
    """Return whether a link leads to an anchor or to another page of the same book."""
    target = _get_attribute(link, "href")
    if "#" in target:
        return True
    return ":" not in target and target.endswith(("html", ".htm"))


# --- formulas ---------------------------------------------------------------------------

_TEX_ENCODING = regex(r"(?i)(?:.*[^a-z])?(?:la)?tex")
_TEX_COMMENT = regex(r"(?<!\\)%[ ]*\n")
_WHOLE_STYLE = regex(r"\{\\(?:display|text)style\s+?([^{}]*(?:\{.*\}[^{}]*)?)\}")
_INVISIBLE = str.maketrans("", "", "\u2061\u2062\u2063\u2064")
_RELATIONS = frozenset("=≠≈<>≤≥→∈")
_SCRIPT_SIGNS = {"sup": "^", "sub": "_"}


def _formula_to_text(formula: Tag) -> str:
    """Convert MathML to its embedded TeX between dollar signs, falling back to plain text."""
    tex = _find_embedded_tex(formula)
    if tex is not None:
        return tex
    try:
        text = " ".join(_flatten_formula(formula).translate(_INVISIBLE).split())
    except RecursionError:  # elements are nested a thousand deep
        text = " ".join(formula.get_text(" ").split())
    if text[:1].isdigit() and _get_text_before(formula)[-1:].isdigit():
        return f" {text}"
    return text


def _find_embedded_tex(formula: Tag) -> str | None:
    """Return the TeX of a formula between dollar signs, or None if it contains none."""
    annotations = formula.find_all(["annotation", "m:annotation"])
    for annotation in reversed(annotations):
        if _TEX_ENCODING.fullmatch(_get_attribute(annotation, "encoding")):
            tex = annotation.get_text()
            if tex:
                return _clean_tex(tex)
            break
    alternative = _get_attribute(formula, "alttext")
    if "\\" in alternative:
        return _clean_tex(alternative)
    return None


def _clean_tex(tex: str) -> str | None:
    """Put TeX on one line between dollar signs, or return None if it is empty or has a `$`."""
    one_line = " ".join(_TEX_COMMENT.sub(" ", tex).split())
    style = _WHOLE_STYLE.fullmatch(one_line)
    if style:
        one_line = style[1].strip()
    if not one_line or "$" in one_line:
        return None
    return f"${one_line}$"


def _flatten_formula(node: Tag) -> str:
    """Convert an element of MathML to plain text, such as `(a+b)/c²`."""
    from bs4 import Tag

    name = node.name.rpartition(":")[2]
    if name in ("annotation", "annotation-xml", "mphantom"):
        return ""
    children = [child for child in node.children if isinstance(child, Tag)]
    if not children:
        text = " ".join(node.get_text().split())
        return f" {text} " if text in _RELATIONS else text
    parts = [_flatten_formula(child) for child in children]
    match name, parts:
        case "mfrac", [numerator, denominator]:
            return f"{_parenthesize(numerator)}/{_parenthesize(denominator)}"
        case "msup", [base, exponent]:
            return base + _format_script(exponent, "sup")
        case "msub" | "munder", [base, index]:
            return base + _format_script(index, "sub")
        case "msubsup" | "munderover", [base, index, exponent]:
            return base + _format_script(index, "sub") + _format_script(exponent, "sup")
        case "msqrt", _:
            return f"√{_parenthesize(''.join(parts))}"
        case "mtr" | "mlabeledtr", _:
            return f"{' '.join(parts)}; "
    text = ""
    for child, part in zip(children, parts, strict=True):
        is_fraction = child.name.endswith("mfrac")
        if is_fraction and text[-1:].isdigit():
            text += " "  # a mixed number, such as `2 1/3`
        text += part
    return text


def _format_script(text: str, level: str) -> str:
    """Format an exponent or index in Unicode, as in `²`, or else as in `^(n/2)`."""
    text = text.strip()
    if can_be_unicode_script(text, level):
        return to_unicode_script(text, level)
    return _SCRIPT_SIGNS[level] + _parenthesize(text)


def _parenthesize(text: str) -> str:
    text = text.strip()
    if len(text) == 1 or text.isalnum():
        return text
    return f"({text})"
