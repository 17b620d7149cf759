"""Field HTML → Markdown, and the plain text of notes that are not ours.

A card that the ledger lost is taken over from Anki, and a person's edit there is shown here: what
`render` writes comes back as it was; of HTML that people paste the text stays, and of its form
what our Markdown can say.
"""

from __future__ import annotations

import html
import re
from html.parser import HTMLParser

from ankiforge.anki.identity import content_hash
from ankiforge.model import Card, Fields, Seen, SeenType

_NOISE = re.compile(r"<wbr\s*/?>|<span></span>", re.IGNORECASE)
_MATH = re.compile(r"\\\((.+?)\\\)|\\\[(.+?)\\\]", re.DOTALL)
_SIGNS = re.compile(r"([\\`*_\[\]<>#$]|==|~~|&(?=#?\w+;))")
_LINE_START = re.compile(r"^(\s*\d*)([-+.)])(?=\s|$|-)")
"""What would begin a list or a rule where a line begins."""
_CLOZE = re.compile(r"(\{\{c[0-9,]+::|::|\}\})")
_AROUND = {"em": "*", "i": "*", "strong": "**", "b": "**", "s": "~~", "del": "~~", "mark": "=="}
_START = _AROUND | {"br": "\n", "a": "[", "td": "| ", "th": "| "}
_END = _AROUND | {"td": " ", "th": " ", "tr": "|\n"}
_HEADING = {f"h{level}": "#" * level + " " for level in range(1, 7)}
_APART = {"p", "div", "pre", "blockquote", "hr", "table", *_HEADING}
"""Tags that begin a new paragraph."""
_ALIGN = {"left": ":---|", "center": ":---:|", "right": "---:|"}


def unrender(field: str) -> str:
    """Return the Markdown of a field."""
    reader = _Reader()
    reader.feed(_NOISE.sub("", field))
    reader.close()
    while reader.around:  # a quotation that is never closed
        reader.handle_endtag("blockquote")
    return re.sub(r"\n{3,}", "\n\n", "".join(reader.parts)).strip(" \n\t")


def words_in_anki(card: Card, seen: Seen | None) -> Fields:
    """Return a card's words as a person changed them in Anki, as Markdown; () if unchanged."""
    if seen is None or not seen.type_id or not seen.content:
        return ()
    if content_hash(card.family, seen.fields) == seen.content:
        return ()
    kept = tuple(one for one in card.fields if one[0] == "Reverse")
    named = zip(card.family.content_fields, map(unrender, seen.fields), strict=False)
    return (*((name, text) for name, text in named if text and name != "Reverse"), *kept)


class _Reader(HTMLParser):
    """Write Markdown while reading; unknown tags are dropped, their text stays."""

    def __init__(self) -> None:
        super().__init__(convert_charrefs=True)
        self.parts: list[str] = []
        self.lists: list[int | None] = []
        """The next number of each open list, None for bullets."""
        self.links: list[str] = []
        self.code = self.pre = 0
        self.table_rule = ""
        """The line below the head of a table."""
        self.around: list[list[str]] = []
        """What was written before each open quotation."""

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        given = {name: value or "" for name, value in attrs}
        if tag in _APART:
            self._apart()
        if tag in ("ul", "ol"):
            self._apart(1 if self.lists else 2)
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
        self._apart(1)
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
            self._apart(1 if self.lists else 2)
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
            self._apart()
        elif tag in ("p", "div", *_HEADING):
            self._apart()
        elif mark := _END.get(tag):
            self.parts.append(mark)

    def _apart(self, lines: int = 2) -> None:
        """Write at least so many line ends, unless nothing was written yet."""
        written = "".join(self.parts[-3:])
        if written.strip():
            missing = lines - (len(written) - len(written.rstrip("\n")))
            self.parts.append("\n" * max(missing, 0))

    def handle_data(self, data: str) -> None:
        if not (self.code or self.pre):
            written = "".join(self.parts[-2:])
            data = _escaped(data)
            if not written or written.endswith(("\n", "- ", ". ", "> ")):
                data = _LINE_START.sub(r"\1\\\2", data)
        self.parts.append(data)


def _escaped(data: str) -> str:
    """Write formulas in dollars, keep clozes, and escape every other sign of Markdown's."""
    parts: list[str] = []
    at = 0
    for found in _MATH.finditer(data):
        inline, display = found.groups()
        formula = f"$${display}$$" if inline is None else f"${inline}$"
        parts += (_signs_escaped(data[at : found.start()]), formula)
        at = found.end()
    return "".join((*parts, _signs_escaped(data[at:])))


def _signs_escaped(text: str) -> str:
    parts = _CLOZE.split(text)
    parts[::2] = (
        _SIGNS.sub(lambda sign: f"\\{sign[1][0]}{sign[1][1:]}", run) for run in parts[::2]
    )
    return "".join(parts)


# --- notes that are not ours ----------------------------------------------------------------

_MAX_SIDE = 2000
"""Characters of a side that are kept; no card worth having is longer."""
_MAX_FIELD = 10_000
"""Characters of a field that are read: broken markup takes quadratic time."""
_TEMPLATE_FIELD = re.compile(r"\{\{([^{}#^/]+)\}\}")
_DROPPED = re.compile(
    r"<(style|script)\b.*?(?:</\1\s*>|\Z)|\[sound:[^\]]*\]|\[latex\].*?(?:\[/latex\]|\Z)"
    r"|\[\$\$?\].*?(?:\[/\$\$?\]|\Z)|\[anki:[^\]]*\]",
    re.DOTALL | re.IGNORECASE,
)
_BREAK = re.compile(r"<(?:br|/?div|/?p|/?li|hr|/?tr)\b[^>]*>", re.IGNORECASE)
_TAG = re.compile(r"<!--.*?(?:-->|\Z)|<[^>]*>", re.DOTALL)
_EMBEDDED_PICTURE = re.compile(r"data:[^\s\"'<>]{100,}")
_CUT_TAG = re.compile(r"<[^<>]*\Z")


def foreign_fields(kind: SeenType | None, fields: list[str]) -> Fields:
    """Return Front and Back, or Text, of a note of any type, as plain text; () without words.

    The first template tells which fields are asked and which are answered. Pictures, sounds and
    rendered LaTeX are left out: words cannot be compared by them.
    """
    if kind is None:
        return ()
    if kind.cloze:
        text = next((field for field in fields if "{{c" in field), "")
        shown = "" if "image-occlusion:" in text else _plain_text(text)
        return (("Text", shown),) if shown else ()

    places = {name.casefold(): at for at, (name, _) in enumerate(kind.fields)}
    front: list[int] = []
    back: list[int] = []
    for first in kind.templates[:1]:
        front = _shown_in(first.question, places)
        back = [at for at in _shown_in(first.answer, places) if at not in front]
    front = front or [0]
    back = back or [at for at in range(len(places)) if at not in front]
    asked = next(filter(None, (_plain_text(fields[at]) for at in front if at < len(fields))), "")
    answers = (_plain_text(fields[at]) for at in back if at < len(fields))
    answer = next((text for text in answers if text and text != asked), "")
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
        field = _TAG.sub("", _BREAK.sub(" ", _DROPPED.sub(" ", field)))
    if "&" in field:
        field = html.unescape(field)
    return " ".join(field.split())[:_MAX_SIDE]
