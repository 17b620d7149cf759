"""Field HTML → Markdown: what a card says in Anki, in the words a person edits here.

For a ledger that was lost: what stands in Anki is the card. What `render` writes comes back as it
was; of HTML that people paste the text stays, and of its form what our Markdown can say.
"""

from __future__ import annotations

import re
from html.parser import HTMLParser

_NOISE = re.compile(r"<wbr\s*/?>|<span></span>", re.IGNORECASE)
_MATH = re.compile(r"\\\((.+?)\\\)|\\\[(.+?)\\\]", re.DOTALL)
_SIGNS = re.compile(r"([\\`*_\[\]<>#$]|==|~~|&(?=#?\w+;))")
_AROUND = {"em": "*", "i": "*", "strong": "**", "b": "**", "s": "~~", "del": "~~", "mark": "=="}
_BLOCK = re.compile(r"^(\s*\d*)([-+.)])(?=\s|$|-)")
"""What would begin a list or a rule where a line begins."""
_ENDS = _AROUND | {"td": " ", "th": " ", "tr": "|\n"}
_RULES = {"left": ":---|", "center": ":---:|", "right": "---:|"}
_CLOZE = re.compile(r"(\{\{c[0-9,]+::|::|\}\})")


def unrender(html: str) -> str:
    """The Markdown of a field."""
    reader = _Reader()
    reader.feed(_NOISE.sub("", html))
    reader.close()
    while reader.around:  # a quotation that is never closed
        reader.handle_endtag("blockquote")
    text = "".join(reader.parts)
    return re.sub(r"\n{3,}", "\n\n", text).strip(" \n\t")


class _Reader(HTMLParser):
    """Writes Markdown as it reads; unknown tags are dropped, their text stays."""

    def __init__(self) -> None:
        super().__init__(convert_charrefs=True)
        self.parts: list[str] = []
        self.lists: list[int | None] = []
        """The next number of each open list, None for bullets."""
        self.links: list[str] = []
        self.code = self.pre = 0
        self.rule: list[str] = []
        """The line below the head of a table."""
        self.around: list[list[str]] = []
        """What was written before each open quotation."""

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        given = {name: value or "" for name, value in attrs}
        if tag in _AROUND:
            self.parts.append(_AROUND[tag])
        elif tag == "br":
            self.parts.append("\n")
        elif tag == "a":
            self.links.append(given.get("href", ""))
            self.parts.append("[")
        elif tag == "img":
            self.parts.append(f"![{given.get('alt', '')}]({given.get('src', '')})")
        else:
            self._block(tag, given)

    def _block(self, tag: str, given: dict[str, str]) -> None:
        if tag in ("p", "div"):
            self._apart()
        elif tag in ("ul", "ol"):
            start = given.get("start", "1")
            self._apart(1 if self.lists else 2)
            self.lists.append(int(start) if tag == "ol" and start.isdigit() else None)
            self.lists[-1] = self.lists[-1] if tag == "ol" else None
        elif tag == "li":
            self._item()
        elif tag == "pre":
            self._apart()
            self.pre += 1
            self.parts.append("```\n")
        elif tag == "code":
            self.code += 1
            self.parts.append("" if self.pre else "`")
        elif tag == "blockquote":
            self._apart()
            self.around.append(self.parts)
            self.parts = []
        elif re.fullmatch("h[1-6]", tag):
            self._apart()
            self.parts.append("#" * int(tag[1]) + " ")
        else:
            self._rest(tag, given)

    def _rest(self, tag: str, given: dict[str, str]) -> None:
        if tag == "hr":
            self._apart()
            self.parts.append("---\n\n")
        elif tag == "table":
            self._apart()
        elif tag == "thead":
            self.rule = ["|"]
        elif tag in ("td", "th"):
            self.parts.append("| ")
            self.rule.append(_RULES.get(given.get("align", ""), "---|"))

    def _item(self) -> None:
        self._apart(1)
        depth = max(len(self.lists) - 1, 0)
        number = self.lists[-1] if self.lists else None
        self.parts.append("   " * depth + ("- " if number is None else f"{number}. "))
        if self.lists and number is not None:
            self.lists[-1] = number + 1

    def handle_endtag(self, tag: str) -> None:
        if tag in _ENDS:
            self.parts.append(_ENDS[tag])
        elif tag == "a":
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
            self.parts.append("".join(self.rule) + "\n")
        elif tag == "blockquote" and self.around:
            quoted = "".join(self.parts).strip().splitlines()
            self.parts = self.around.pop()
            self.parts.append("\n".join(f"> {line}".rstrip() for line in quoted))
            self._apart()
        elif tag in ("p", "div", "h1", "h2", "h3", "h4", "h5", "h6"):
            self._apart()

    def _apart(self, lines: int = 2) -> None:
        """At least so many line ends, unless nothing was written yet."""
        written = "".join(self.parts[-3:])
        if written.strip():
            missing = lines - (len(written) - len(written.rstrip("\n")))
            self.parts.append("\n" * max(missing, 0))

    def handle_data(self, data: str) -> None:
        written = "".join(self.parts[-2:])
        if not (self.code or self.pre):
            begins = not written or written.endswith(("\n", "- ", ". ", "> "))
            data = _BLOCK.sub(r"\1\\\2", _text(data)) if begins else _text(data)
        self.parts.append(data)


def _text(data: str) -> str:
    """Formulas in dollars, clozes as they are, every other sign of Markdown's escaped."""
    parts, at = [], 0
    for found in _MATH.finditer(data):
        parts += [_escaped(data[at : found.start()]), _formula(found)]
        at = found.end()
    return "".join((*parts, _escaped(data[at:])))


def _formula(found: re.Match[str]) -> str:
    inline, display = found[1], found[2]
    return f"$${display}$$" if display is not None else f"${inline}$"


def _escaped(text: str) -> str:
    parts = _CLOZE.split(text)
    parts[::2] = [
        _SIGNS.sub(lambda sign: f"\\{sign[1][0]}{sign[1][1:]}", run) for run in parts[::2]
    ]
    return "".join(parts)
