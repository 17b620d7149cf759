"""Convert the HTML of fields to Markdown, and notes that are not ours to plain text.

This is used for cards that are recovered from Anki because the ledger lost them, and to show a
person's edits. The output of `render` is restored exactly. Of pasted HTML the text is kept, and the
formatting as far as our Markdown can express it.
"""

from __future__ import annotations

import html
import re
from html.parser import HTMLParser

from ankiforge.anki.identity import INVISIBLE
from ankiforge.model import Fields, SeenTemplate, SeenType

_MATH = re.compile(r"\\\((.+?)\\\)|\\\[(.+?)\\\]", re.DOTALL)
_MARKUP = re.compile(r"\[\d+(?:[-–,]\s?\d+)*\](?![(\[])|([\\`*_\[\]<>#$]|==|~~|&(?=#?\w+;))")
"""What would be Markdown, as a group; not a citation in brackets, which is no link."""
_LINE_START = re.compile(r"^(\s*\d*)([-+.)])(?=\s|$|-)")
"""What would start a list or a rule at the beginning of a line."""
_CLOZE = re.compile(r"(\{\{c[0-9,]+::|::|\}\})")
_EMPHASIS = {"em": "*", "i": "*", "strong": "**", "b": "**", "s": "~~", "del": "~~", "mark": "=="}
_START = _EMPHASIS | {"br": "\n", "a": "[", "td": "| ", "th": "| "}
_END = _EMPHASIS | {"td": " ", "th": " ", "tr": "|\n"}
_HEADING = {f"h{level}": "#" * level + " " for level in range(1, 7)}
_BLOCK_TAGS = {"p", "div", "pre", "blockquote", "hr", "table", *_HEADING}
"""Tags that start a new paragraph."""
_ALIGN = {"left": ":---|", "center": ":---:|", "right": "---:|"}


def unrender(field: str) -> str:
    """Return the Markdown of a field."""
    reader = _Reader()
    reader.feed(INVISIBLE.sub("", field))
    reader.close()
    while reader.around:  # a blockquote that is never closed
        reader.handle_endtag("blockquote")
    return re.sub(r"\n{3,}", "\n\n", "".join(reader.parts)).strip(" \n\t")


class _Reader(HTMLParser):
    """Writes Markdown. Unknown tags are dropped but their text is kept."""

    def __init__(self) -> None:
        super().__init__(convert_charrefs=True)
        self.parts: list[str] = []
        self.lists: list[int | None] = []
        """The next number of each open list, None for bullets."""
        self.links: list[str] = []
        self.code = self.pre = 0
        self.table_rule = ""
        """The rule below the head of a table."""
        self.around: list[list[str]] = []
        """The parts before each open blockquote."""

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        given = {name: value or "" for name, value in attrs}
        if tag in _BLOCK_TAGS:
            self._break_block()
        if tag in ("ul", "ol"):
            self._break_block(1 if self.lists else 2)
            start = given.get("start", "1")
            is_numbered = tag == "ol" and re.fullmatch("[0-9]{1,9}", start)
            self.lists.append(int(start) if is_numbered else None)
        elif tag == "li":
            self._item()
        elif tag == "pre":
            self.pre += 1
            self.parts.append("```\n")
        elif tag == "code":
            self.code += 1
            self.parts.append("" if self.pre else "`")
        elif tag == "blockquote":
            self.around.append(self.parts)
            self.parts = []
        elif tag == "img":
            self.parts.append(f"![{given.get('alt', '')}]({given.get('src', '')})")
        elif tag == "hr":
            self.parts.append("---\n\n")
        elif tag == "thead":
            self.table_rule = "|"
        elif mark := _START.get(tag) or _HEADING.get(tag):
            self.parts.append(mark)
        if tag == "a":
            self.links.append(given.get("href", ""))
        if tag in ("td", "th"):
            self.table_rule += _ALIGN.get(given.get("align", ""), "---|")

    def _item(self) -> None:
        self._break_block(1)
        number = self.lists[-1] if self.lists else None
        if number is not None:
            self.lists[-1] = number + 1
        indent = "   " * max(len(self.lists) - 1, 0)
        self.parts.append(indent + ("- " if number is None else f"{number}. "))

    def handle_endtag(self, tag: str) -> None:
        if tag == "a":
            target = self.links.pop() if self.links else ""
            self.parts.append(f"]({target})" if target else "]")
        elif tag in ("ul", "ol"):
            self.lists = self.lists[:-1]
            self._break_block(1 if self.lists else 2)
        elif tag == "pre":
            self.pre = max(self.pre - 1, 0)
            self.parts.append("\n```\n\n")
        elif tag == "code":
            self.code = max(self.code - 1, 0)
            self.parts.append("" if self.pre else "`")
        elif tag == "thead":
            self.parts.append(f"{self.table_rule}\n")
        elif tag == "blockquote" and self.around:
            quoted = "".join(self.parts).strip().splitlines()
            self.parts = self.around.pop()
            self.parts.append("\n".join(f"> {line}".rstrip() for line in quoted))
            self._break_block()
        elif tag in ("p", "div", *_HEADING):
            self._break_block()
        elif mark := _END.get(tag):
            self.parts.append(mark)

    def _break_block(self, lines: int = 2) -> None:
        """Ensure at least this many line ends, unless nothing was written yet."""
        written = "".join(self.parts[-3:])
        if written.strip():
            missing = lines - (len(written) - len(written.rstrip("\n")))
            self.parts.append("\n" * max(missing, 0))

    def handle_data(self, data: str) -> None:
        if not (self.code or self.pre):
            written = "".join(self.parts[-2:])
            data = _escape_text(data)
            if not written or written.endswith(("\n", "- ", ". ", "> ")):
                data = _LINE_START.sub(r"\1\\\2", data)
        self.parts.append(data)


def _escape_text(data: str) -> str:
    """Write formulas with dollars, keep clozes, and escape all other Markdown."""
    parts: list[str] = []
    at = 0
    for found in _MATH.finditer(data):
        inline, display = found.groups()
        formula = f"$${display}$$" if inline is None else f"${inline}$"
        parts += (_escape_markup(data[at : found.start()]), formula)
        at = found.end()
    return "".join((*parts, _escape_markup(data[at:])))


def _escape_markup(text: str) -> str:
    parts = _CLOZE.split(text)
    parts[::2] = (
        _MARKUP.sub(lambda sign: f"\\{sign[1]}" if sign[1] else sign[0], run) for run in parts[::2]
    )
    return "".join(parts)


# --- notes that are not ours ----------------------------------------------------------------

_MAX_SIDE = 2000
"""The number of characters kept of a side. Useful cards are not longer."""
_MAX_FIELD = 10_000
"""The number of characters read of a field. Broken markup takes quadratic time."""
_TEMPLATE_FIELD = re.compile(r"\{\{([^{}#^/]+)\}\}")
_NOT_TEXT = re.compile(
    r"<(style|script)\b.*?(?:</\1\s*>|\Z)|\[sound:[^\]]*\]|\[latex\].*?(?:\[/latex\]|\Z)"
    r"|\[\$\$?\].*?(?:\[/\$\$?\]|\Z)|\[anki:[^\]]*\]",
    re.DOTALL | re.IGNORECASE,
)
_BREAK = re.compile(r"<(?:br|/?div|/?p|/?li|hr|/?tr)\b[^>]*>", re.IGNORECASE)
_TAG = re.compile(r"<!--.*?(?:-->|\Z)|<[^>]*>", re.DOTALL)
_EMBEDDED_PICTURE = re.compile(r"data:[^\s\"'<>]{100,}")
_CUT_TAG = re.compile(r"<[^<>]*\Z")


def foreign_fields(kind: SeenType | None, fields: list[str]) -> Fields:
    """Return the plain text of a note of any type as Front and Back, or Text. () without text.

    The first template decides which fields are the question and which the answer. Pictures, sounds
    and rendered LaTeX are left out, because they cannot be compared as text.
    """
    if kind is None:
        return ()
    if kind.cloze:
        text = next((field for field in fields if "{{c" in field), "")
        shown = "" if "image-occlusion:" in text else _plain_text(text)
        return (("Text", shown),) if shown else ()

    places = {name.casefold(): at for at, name in enumerate(kind.names)}
    template = kind.templates[0] if kind.templates else SeenTemplate("", None, "", "")
    front = _shown_in(template.question, places) or [0]
    rest = (_shown_in(template.answer, places), range(len(places)))
    back = next(filter(None, ([at for at in some if at not in front] for some in rest)), [])
    texts = {at: _plain_text(fields[at]) for at in (*front, *back) if at < len(fields)}
    asked = next(filter(None, (texts.get(at, "") for at in front)), "")
    answer = next((text for at in back if (text := texts.get(at, "")) and text != asked), "")
    return (("Front", asked), ("Back", answer)) if asked and answer else ()


def _shown_in(template: str, places: dict[str, int]) -> list[int]:
    """Return the positions of a template's fields, in order: `{{text:Front}}`, `{{type:Back}}`."""
    names = (
        name.rpartition(":")[2].strip().casefold() for name in _TEMPLATE_FIELD.findall(template)
    )
    return list(dict.fromkeys(places[name] for name in names if name in places))


def _plain_text(field: str) -> str:
    if len(field) > _MAX_FIELD:
        field = _CUT_TAG.sub("", _EMBEDDED_PICTURE.sub("", field)[:_MAX_FIELD])
    if "<" in field or "[" in field:
        field = _TAG.sub("", _BREAK.sub(" ", _NOT_TEXT.sub(" ", field)))
    if "&" in field:
        field = html.unescape(field)
    return " ".join(field.split())[:_MAX_SIDE]
