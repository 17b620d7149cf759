"""Extract text from HTML: web pages, EPUB pages, and notebooks exported by Kindle apps."""

from __future__ import annotations

import warnings
from collections.abc import Collection, Iterator, Mapping
from contextlib import suppress
from itertools import chain
from typing import TYPE_CHECKING

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
    """Decode a page as UTF-8 if it is valid, falling back to the declared encoding.

    Raises:
        ItemError: no encoding is declared, and it can't be detected either.
    """
    from bs4.dammit import EncodingDetector

    declared = EncodingDetector.find_declared_encoding(raw, is_html=True) or ""
    if not declared.startswith("iso-2022"):  # its bytes are ASCII
        with suppress(UnicodeDecodeError):
            return raw.decode(detect_encoding(raw))
    with suppress(LookupError):
        if declared and not declared.startswith("utf"):
            return raw.decode(_SUPERSETS.get(declared, declared), "replace")
    return decode_text(raw, repairs=True)


def iter_html_blocks(
    root: Tag, left_out: Collection[str] = (), *, keeps_code_lines: bool = False
) -> Iterator[tuple[Tag | None, str]]:
    """Yield (element, text) for each block of a page, including empty blocks.

    The text is on one line. The element is the one that begins the block, or None for text
    that follows the end of another block.

    Args:
        root: the page or an element of it.
        left_out: the names of elements whose text is skipped, unless it is a footnote or
            endnote.
        keeps_code_lines: whether text in `pre` elements keeps its line breaks and indentation.
    """
    from bs4.element import CData, NavigableString, Tag

    def join_text() -> str:
        text = "".join(parts)
        if not (keeps_code_lines and pre_depth):
            return " ".join(text.split())
        lines = [line.rstrip() for line in text.expandtabs(4).split("\n")]
        return "\n".join(filter(None, lines))

    begun: Tag | None = None
    parts: list[str] = []
    pre_depth = 0
    open_elements = [(root, iter(root.contents))]
    while open_elements:
        parent, children = open_elements[-1]
        child = next(children, None)
        edge = child if isinstance(child, Tag) else parent if child is None else None
        if edge is not None and edge.name in BLOCK_ELEMENTS:
            yield begun, join_text()
            begun = child if isinstance(child, Tag) else None
            parts.clear()
        if child is None:
            open_elements.pop()
            pre_depth -= parent.name == "pre"
        elif isinstance(child, Tag):
            if child.name not in left_out or is_in_notes(child, {}):
                open_elements.append((child, iter(child.contents)))
                pre_depth += child.name == "pre"
        elif type(child) in (NavigableString, CData):
            parts.append(str(child))
    yield begun, join_text()


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
# Types of elements that contain notes, as `_get_types` returns them.
_NOTE_LISTS = frozenset(("footnotes", "endnotes", "rearnotes", "footnote", "endnote"))
_BLOCK_NAMES = sorted(BLOCK_ELEMENTS)
_BRACKETED = regex(r"(?:\[[^\[\]]*\])+")
_WORD_END = regex(r"[^\W_]$|[.,;!?”’\"»)]$")
# Superscripts that are notes after a word, but not after a symbol, as in `x*`.
_RAISED_NOTE = regex(r"[*†‡§¶]{1,3}|\d{1,3}(?:[,–-]\s?\d{1,3})+")
_LONG_WORD_END = regex(r"[^\W\d_]{3}$|[.,;:!?”’\"»]$")
_NOTE_SIGNS = regex(r"\d+|\b[a-h]\b")
_HIDDEN_NAMES = ("head", "title", "template", *NON_TEXT_ELEMENTS)
_MAX_LETTERS_BEFORE = 8


def parse_page(html: str) -> BeautifulSoup:
    """Parse a page, and reduce it to the text that it displays.

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
    name = element.name.rpartition(":")[2]
    if name == "math":
        element.string = _formula_to_text(element)
    elif name == "script" and _get_attribute(element, "type").startswith("math/tex"):
        for rendered in element.find_previous_siblings(limit=2):
            if _get_attribute(rendered, "class").startswith("MathJax"):
                rendered.clear()
        element.insert_after(_clean_tex(element.get_text()))
        element.clear()
    elif name in _HIDDEN_NAMES or _is_hidden(element):
        element.clear()
    else:
        types = _get_types(element)
        style = _RAISING_STYLE.search(_get_attribute(element, "style"))
        level = style[1].lower().replace("super", "sup") if style else name
        is_aside = (
            name in ("rt", "rp", "rtc")
            or "noteref" in types
            or _is_page_number(element, types)
            or _is_inline_note(element, types)
        )
        if not is_aside and level not in ("sup", "sub", "a"):
            return
        text = " ".join(remove_asides(element.get_text()).split())
        if is_aside or _is_note_reference(element, level, text):
            element.string = f"{_ASIDE_START}{text}{_ASIDE_END}"
        elif level in ("sup", "sub"):
            element.string = to_unicode_script(text, level)


def _get_attribute(element: Tag, name: str) -> str:
    value = element.get(name)
    return value if isinstance(value, str) else " ".join(value or ())


def _get_types(element: Tag) -> str:
    """Return an element's classes, EPUB and HTMLBook types and role, without the prefix `doc-`."""
    names = ("class", "epub:type", "data-type", "role")
    values = [_get_attribute(element, name) for name in names]
    return " ".join(filter(None, values)).replace("doc-", "")


def _get_text_before(element: Tag) -> str:
    """Return the last few characters before an element in its block.

    Returns "" if they end in whitespace, or if the element is at the start of its block.
    """
    from bs4.element import NavigableString, Tag

    previous = element.previous_element
    while previous is not None and not isinstance(previous, NavigableString):
        if isinstance(previous, Tag) and previous.name in BLOCK_ELEMENTS:
            return ""
        previous = previous.previous_element
    text = remove_asides(str(previous or ""))[-_MAX_LETTERS_BEFORE:]
    return "" if text[-1:].isspace() else text


def _is_hidden(element: Tag) -> bool:
    """Return whether browsers hide an element.

    This includes inline text that is hidden from screen readers, because it repeats other
    text. A larger element hidden from screen readers doesn't count, because a page may hide
    all of its content in this way while a dialog is open.
    """
    if not (
        element.get("hidden", "until-found") != "until-found"
        or _HIDING_STYLE.search(_get_attribute(element, "style"))
        or "mw-editsection" in _get_attribute(element, "class").split()
        or (
            element.get("aria-hidden") == "true"
            and element.name not in BLOCK_ELEMENTS
            and not element.find(_BLOCK_NAMES)
        )
    ):
        return False
    if element.name == "p" and element.find("p"):  # it has no end tag
        return False
    # Wikipedia hides the formula itself, and shows a picture of it
    formula = element.find("math")
    return not formula or formula.get_text().strip() != element.get_text().strip()


def _is_page_number(element: Tag, types: str) -> bool:
    """Return whether an element is a page number of the printed book.

    Table cells don't count, because they contain page numbers of a table of contents. `types`
    is the result of `_get_types`.
    """
    is_marked = "pagebreak" in types or _PAGE_CLASS.search(types)
    identifier = _get_attribute(element, "id")
    if element.name == "td" or not (is_marked or _PAGE_ID.fullmatch(identifier)):
        return False
    text = remove_asides(element.get_text())
    number = "".join(filter(str.isalnum, text))
    if not is_marked and not (number and identifier.endswith(number)):
        return False
    return _PAGE_NUMBER.fullmatch(text) is not None


def _is_inline_note(element: Tag, types: str) -> bool:
    """Return whether an inline element is a note or tooltip on the preceding words."""
    is_note = element.get("role") == "tooltip" or _NOTE_CLASS.search(types)
    return bool(
        is_note and element.name not in BLOCK_ELEMENTS and not element.find(_BLOCK_NAMES)
    )


def _is_note_reference(element: Tag, name: str, text: str) -> bool:
    """Return whether an element is a note reference, e.g. a superscript link or number.

    `name` is "sup" for any superscript element, otherwise the element's name.
    """
    if name == "sup":
        return bool(
            "reference" in _get_attribute(element, "class").split()
            or _BRACKETED.fullmatch(text)
            or any(map(_is_internal_link, element("a")))
            or _is_raised_note(element, text)
        )
    if name != "a" or not _is_internal_link(element):
        return False
    raised = element.find("sup")
    return bool(
        (raised and raised.get_text().strip() == text)
        or _NOTE_MARK.fullmatch(text)
        or (text.isdecimal() and _WORD_END.search(_get_text_before(element)))
    )


def is_in_notes(element: Tag, known: Mapping[int, bool]) -> bool:
    """Return whether an element is a footnote or endnote, or is in a list of them.

    `known` maps the `id()` of elements that were already checked to the result.
    """
    for ancestor in chain((element,), element.parents):
        if (is_note := known.get(id(ancestor))) is not None:
            return is_note
        if not _NOTE_LISTS.isdisjoint(_get_types(ancestor).split()):
            return True
    return False


def _is_raised_note(element: Tag, text: str) -> bool:
    """Return whether a superscript is a note's number, letter or sign, not an exponent.

    A note reference follows a word or punctuation, and isn't followed by a letter.
    """
    before = _get_text_before(element)
    if _RAISED_NOTE.fullmatch(text) and _LONG_WORD_END.search(before):
        return True
    after = element.next_sibling.get_text()[:1] if element.next_sibling else ""
    raised = _NOTE_SIGNS.sub(lambda sign: to_unicode_script(sign[0], "sup"), text)
    raised = raised.replace(" ", "")
    note = SUPERSCRIPT_NOTE.match(f"{before}{raised}{after}", len(before))
    return note is not None and note.end() == len(before) + len(raised)


def _is_internal_link(link: Tag) -> bool:
    """Return whether a link leads to an anchor or to another page of the same book."""
    target = _get_attribute(link, "href")
    return "#" in target or (":" not in target and target.endswith(("html", ".htm")))


# --- formulas ---------------------------------------------------------------------------

_TEX_ENCODING = regex(r"(?i)(?:.*[^a-z])?(?:la)?tex")
_TEX_COMMENT = regex(r"(?<!\\)%[ ]*\n")
_WHOLE_STYLE = regex(r"\{\\(?:display|text)style\s+?([^{}]*(?:\{.*\}[^{}]*)?)\}")
_INVISIBLE = str.maketrans("", "", "\u2061\u2062\u2063\u2064")
_RELATIONS = frozenset("=≠≈<>≤≥→∈")


def _formula_to_text(formula: Tag) -> str:
    """Convert MathML to its embedded TeX between dollar signs, falling back to plain text."""
    tex = ""
    for annotation in formula.find_all(["annotation", "m:annotation"]):
        if _TEX_ENCODING.fullmatch(_get_attribute(annotation, "encoding")):
            tex = annotation.get_text()
    alternative = _get_attribute(formula, "alttext")
    if not tex and "\\" in alternative:
        tex = alternative
    if tex := _clean_tex(tex):
        return tex
    try:
        text = " ".join(_flatten_formula(formula).translate(_INVISIBLE).split())
    except RecursionError:  # elements are nested a thousand deep
        text = " ".join(formula.get_text(" ").split())
    is_mixed = text[:1].isdigit() and _get_text_before(formula)[-1:].isdigit()
    return f" {text}" if is_mixed else text


def _clean_tex(tex: str) -> str:
    """Return TeX on one line between dollar signs, or "" if it is empty or contains any `$`."""
    one_line = " ".join(_TEX_COMMENT.sub(" ", tex).split())
    if style := _WHOLE_STYLE.fullmatch(one_line):
        one_line = style[1].strip()
    return f"${one_line}$" if one_line and "$" not in one_line else ""


def _flatten_formula(node: Tag) -> str:
    from bs4 import Tag

    name = node.name.rpartition(":")[2]
    children = [child for child in node.children if isinstance(child, Tag)]
    if name in ("annotation", "annotation-xml", "mphantom"):
        return ""
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
        is_mixed = child.name.endswith("mfrac") and text[-1:].isdigit()
        text += f" {part}" if is_mixed else part
    return text


def _format_script(text: str, level: str) -> str:
    """Format an exponent or index as e.g. `²`, or as `^(n/2)` if Unicode can't express it."""
    text = text.strip()
    if can_be_unicode_script(text, level):
        return to_unicode_script(text, level)
    return f"{'^' if level == 'sup' else '_'}{_parenthesize(text)}"


def _parenthesize(text: str) -> str:
    text = text.strip()
    return text if len(text) == 1 or text.isalnum() else f"({text})"
