"""The text of notes on papers: what a person wrote there, without the annotations it quotes.

Zotero inserts an annotation into a note as a quotation, followed by a citation and its comment. The
annotation is a highlight of its own, so the quotation and its citation are left out. Each block
records whether it quotes one. A citation anywhere else is ordinary text.
"""

from __future__ import annotations

import re
from collections.abc import Collection, Iterable, Iterator, Mapping
from contextlib import suppress
from dataclasses import dataclass, field
from functools import cached_property
from html import unescape
from itertools import groupby
from typing import NamedTuple
from urllib.parse import unquote

import msgspec

from ankiforge.errors import ItemError
from ankiforge.extract.markdown.inline import SCRIPTS, raised
from ankiforge.extract.zotero.database import Catalog, comment_of
from ankiforge.text.fold import fold
from ankiforge.text.markdown import literal

LARGEST = 4_000_000
"""The number of characters of HTML that are parsed. Old notes can contain whole pictures."""
_MAX_CHARS = 100_000
"""The number of characters of text that are read, including text that only repeats a mark."""
LONGEST = 20_000
"""The maximum number of characters of a note that can become a card."""
_TEXT_LEVEL = 7
"""The level of text, below all headings."""
_TOO_LONG = f"a note of more than {LONGEST:,} characters: split it into shorter ones"
_KEPT_CHARS = 1_000
"""The number of characters kept of a longer note, to identify it."""


class NoteText(NamedTuple):
    """The text of a note."""

    plain: str
    markdown: tuple[str, ...]
    title: str
    """The heading above everything else. "" if there is none."""
    too_long: str
    """Why it cannot become a card. "" if it can."""


def note_text(html: str, quotable: Quotable) -> NoteText | None:
    """Return the text of a note. None if it is empty or only repeats annotations."""
    if len(html) > LARGEST:
        return NoteText("", (), "", _TOO_LONG)
    title, blocks = _titled(quotable.own(html))
    plain = "\n".join(block.plain for block in blocks)
    if len(plain) > LONGEST:
        return NoteText(plain[:_KEPT_CHARS], (), title, _TOO_LONG)
    # an empty line between blocks, except between list items
    markdown = "".join(
        ("\n" if before and before.item and block.item else "\n\n") + block.markdown
        for before, block in zip((None, *blocks), blocks, strict=False)
    )
    return NoteText(plain, (markdown.strip("\n"),), title, "") if plain else None


class Quotable:
    """The annotations of all libraries, any of which a note may quote."""

    def __init__(self, catalog: Catalog) -> None:
        self._catalog = catalog

    @cached_property
    def _all(self) -> tuple[frozenset[str], frozenset[str]]:
        """The keys of all annotations, and their folded comments including the empty one."""
        keys, comments = set(), {""}
        for library in self._catalog.libraries():
            with suppress(ItemError):  # errors are reported when that library is read
                for mark in self._catalog.marks(library):
                    keys.add(mark.key)
                    comments.add(fold(comment_of(mark)))
        return frozenset(keys), frozenset(comments)

    def own(self, html: str) -> tuple[Block, ...]:
        """Return the blocks of a note, without those that only repeat annotations."""
        quotes = "data-annotation" in html or "data-citation" in html
        keys, comments = self._all if quotes else (frozenset(), frozenset())
        blocks = blocks_of(html, keys, _MAX_CHARS)
        if not any(block.quotes for block in blocks):
            return blocks
        remaining = (
            block for block in blocks if not (block.quotes and fold(block.bare) in comments)
        )
        return tuple(_without_empty_sections([block for block in remaining if block.plain]))


def _without_empty_sections(blocks: list[Block]) -> list[Block]:
    """Drop the headings without any text below them."""
    kept: list[Block] = []
    below = 0  # the level of the following block
    for block in reversed(blocks):
        if (level := block.level or _TEXT_LEVEL) < below or level == _TEXT_LEVEL:
            kept.append(block)
            below = level
    return kept[::-1]


def _titled(blocks: tuple[Block, ...]) -> tuple[str, tuple[Block, ...]]:
    """Return the heading above everything else ("" if there is none), and the rest."""
    first, rest = blocks[:1], blocks[1:]
    above = all(first[0].level < (block.level or _TEXT_LEVEL) for block in rest) if rest else False
    if above and first[0].level and any(not block.level for block in rest):
        return " ".join(first[0].plain.split()), rest
    return "", blocks


# --- blocks ---------------------------------------------------------------------------------

_MAX_NESTING = 100
"""The maximum nesting of elements. Deeper ones are ignored, but their text is kept."""
_MAX_LIST_DEPTH = 8
"""The maximum nesting of lists that is shown."""
_BLOCK = re.compile(
    r"address|article|aside|blockquote|body|caption|center|d[dlt]|details|div|figcaption|figure"
    r"|footer|form|h[1-6r]|header|html|li|main|nav|[ou]l|p|pre|section|summary|t(?:able|body|foot"
    r"|head|r)"
)
_STYLES = (
    dict.fromkeys(("b", "strong"), "**")
    | dict.fromkeys(("i", "em", "cite"), "*")
    | dict.fromkeys(("s", "strike", "del"), "~~")
    | dict.fromkeys(("code", "tt", "kbd"), "`")
    | {"sub": "sub", "sup": "sup"}
)
_QUOTATION = "quotation"


class Block(NamedTuple):
    """A paragraph, heading, list item, table row or code block."""

    plain: str
    markdown: str
    bare: str
    """`plain` without citations."""
    level: int = 0
    """The level of a heading, 1 to 6. Otherwise 0."""
    item: bool = False
    """Whether it is a list item. Items follow each other without an empty line."""
    quotes: bool = False
    """Whether an annotation was left out of it, or it begins with a citation."""


def blocks_of(html: str, known: Collection[str], most: int) -> tuple[Block, ...]:
    """Return the blocks of a note, up to the one that exceeds `most` characters in total.

    A block that only quotes has no text. `known` are the keys of the annotations that are read as
    highlights.
    """
    reader = _Reader(known)
    for token in tokens(html):
        if isinstance(token, Tag):
            reader.tag(token)
        else:
            reader.words(token)
        if reader.length > most:
            break
    reader.flush()
    return tuple(reader.blocks)


class _Quoted(msgspec.Struct, frozen=True):
    annotationKey: str = ""


def _annotation(tag: Tag) -> str:
    """Return the key of the annotation that a span or picture shows. "" if there is none."""
    raw = tag.attributes.get("data-annotation", "")
    try:
        return msgspec.json.decode(unquote(raw), type=_Quoted).annotationKey if raw else ""
    except (msgspec.MsgspecError, RecursionError):
        return ""


@dataclass(slots=True)
class _Reader:
    """Collects the blocks of a note."""

    known: Collection[str]
    blocks: list[Block] = field(default_factory=list)
    length: int = 0
    """The number of characters processed."""
    runs: list[Run] = field(default_factory=list)
    """The text of the open block."""
    open: list[tuple[str, str]] = field(default_factory=list)
    """(name, style) of the open elements within the block."""
    lists: list[int] = field(default_factory=list)
    """The open lists: the number of the last item, or -1 for unnumbered lists."""
    marker: str = ""
    """The list marker for the next text."""
    level: int = 0
    verbatim: bool = False
    after: bool = False
    """Whether only white space followed a quotation."""
    quotes: bool = False

    # --- tags -------------------------------------------------------------------------------

    def tag(self, tag: Tag) -> None:
        """Process a tag. An end tag without a start tag is ignored."""
        if _BLOCK.fullmatch(tag.name):
            self.flush()
            self._block(tag)
        elif tag.name == "br":
            self._add("\n")
        elif tag.name in ("td", "th"):
            self._add(" | " if self.runs and not tag.ends else "")
        elif tag.name == "img":
            if _annotation(tag) in self.known:
                self.after = self.quotes = True
        elif tag.ends:
            self._end(tag.name)
        elif len(self.open) < _MAX_NESTING:
            self.open.append((tag.name, self._style(tag)))

    def _block(self, tag: Tag) -> None:
        self.level = int(tag.name[1]) if re.fullmatch("h[1-6]", tag.name) and not tag.ends else 0
        self.verbatim = tag.name == "pre" and not tag.ends
        if self.verbatim and "math" in tag.classes:
            self.open.append((tag.name, MATHS))
        elif tag.name in ("ul", "ol"):
            self.marker = ""
            if not tag.ends:
                self.lists.append(0 if tag.name == "ol" else -1)
            elif self.lists:
                self.lists.pop()
        elif tag.name == "li" and not tag.ends:
            if not self.lists:
                self.lists.append(-1)
            self.lists[-1] += self.lists[-1] >= 0
            self.marker = f"{self.lists[-1]}. " if self.lists[-1] >= 0 else "- "

    def _style(self, tag: Tag) -> str:
        """Return the style of the text in an element. "" if it does not change the style."""
        if _annotation(tag) in self.known:
            self.quotes = True
            return _QUOTATION
        if CITATION in tag.classes:
            self.quotes |= not self._has_words()
            return _QUOTATION if self.after else CITATION
        return MATHS if "math" in tag.classes else _STYLES.get(tag.name, "")

    def _end(self, name: str) -> None:
        """Close the innermost element of this name, and those left open inside it."""
        names = [one for one, _ in self.open]
        if name in names:
            at = len(names) - 1 - names[::-1].index(name)
            self.after |= any(style == _QUOTATION for _, style in self.open[at:])
            del self.open[at:]

    # --- words ------------------------------------------------------------------------------

    def words(self, text: str) -> None:
        """Process the text between two tags."""
        as_written = self.verbatim and not any(style == MATHS for _, style in self.open)
        self._add(text if as_written else re.sub(r"\s+", " ", text))

    def _add(self, text: str) -> None:
        styles = frozenset(style for _, style in self.open if style)
        if _QUOTATION not in styles and text:
            self.after &= not text.strip()
            self.length += len(text)
            self.runs.append(Run(text, styles))

    def _has_words(self) -> bool:
        return any(run.text.strip() for run in self.runs)

    # --- blocks -----------------------------------------------------------------------------

    def flush(self) -> None:
        """End the open block and the elements in it."""
        if self._has_words():
            self._close()
        elif self.quotes:
            self.blocks.append(Block("", "", "", quotes=True))
        self.runs, self.quotes = [], False
        self.open.clear()

    def _close(self) -> None:
        if self.verbatim and MATHS not in self.runs[0].styles:
            plain, markdown = fenced("".join(run.text for run in self.runs))
            bare = plain
        else:
            plain, markdown = lines_of(self.runs)
            bare, _ = lines_of([run for run in self.runs if CITATION not in run.styles])
        if self.level and markdown:
            markdown = f"**{markdown.replace('**', '')}**"
        item, marked = bool(self.marker), self._indented(markdown)
        self.blocks.append(Block(plain, marked, bare, self.level, item, self.quotes))

    def _indented(self, markdown: str) -> str:
        """Return the Markdown of a list item with its marker, or of a further block in it."""
        depth = min(len(self.lists), _MAX_LIST_DEPTH)
        if not depth:
            return markdown
        first = "    " * (depth - 1) + self.marker if self.marker else "    " * depth
        self.marker = ""
        return first + markdown.replace("\n", "\n" + "    " * depth)


# --- styled text, as plain text and as our Markdown -----------------------------------------

MATHS = "$"
CITATION = "citation"
_CODE = "`"
_DELIMITERS = ("**", "*", "~~")
"""Outermost first."""
_DOLLARS = re.compile(r"\A\$+|\$+\Z")


class Run(NamedTuple):
    """Text in one style. A line feed is a line break, any other white space a space."""

    text: str
    styles: frozenset[str]


def lines_of(runs: Iterable[Run]) -> tuple[str, str]:
    """Return (plain text, Markdown) of styled text, without empty lines."""
    texts = [(_plain(line), _markdown(line, _DELIMITERS)) for line in _lines(runs)]
    kept = [(plain.strip(), markdown.strip()) for plain, markdown in texts if plain.strip()]
    return "\n".join(plain for plain, _ in kept), "\n".join(markdown for _, markdown in kept)


def fenced(text: str) -> tuple[str, str]:
    """Return (plain text, Markdown) of a code block."""
    text = text.strip("\n")
    longest = max((len(run) for run in re.findall("`+", text)), default=0)
    fence = "`" * max(3, longest + 1)
    return text, f"{fence}\n{text}\n{fence}"


def _lines(runs: Iterable[Run]) -> Iterator[list[Run]]:
    """Split at line feeds. Collapse adjacent spaces, and join neighbours of one style."""
    line: list[Run] = []
    for run in runs:
        first, *rest = run.text.split("\n")
        _append(line, Run(first, run.styles))
        for part in rest:
            yield line
            line = []
            _append(line, Run(part, run.styles))
    yield line


def _append(line: list[Run], run: Run) -> None:
    if not line or line[-1].text.endswith(" "):
        run = run._replace(text=run.text.lstrip(" "))
    if line and run.text and line[-1].styles == run.styles:
        line[-1] = Run(line[-1].text + run.text, run.styles)
    elif run.text:
        line.append(run)


def _plain(line: list[Run]) -> str:
    return "".join(_shown(run) for run in line)


def _shown(run: Run) -> str:
    core = run.text.strip()
    if MATHS in run.styles:
        return run.text.replace(core, _maths(core)[0]) if core else run.text
    for name in SCRIPTS.keys() & run.styles:
        return run.text.replace(core, raised(core, name)) if core else run.text
    return run.text


def _markdown(line: list[Run], signs: tuple[str, ...]) -> str:
    """Put the outermost delimiter around as much text as possible, then the next one inside."""
    if not signs:
        return "".join(map(_written, line))
    sign, *rest = signs
    parts = [
        (marked, _markdown(list(group), tuple(rest)))
        for marked, group in groupby(line, key=lambda run: sign in run.styles)
    ]
    return "".join(
        _wrapped(sign, text, parts[at - 1][1][-1:] if at else "", parts[at + 1 : at + 2])
        if marked
        else text
        for at, (marked, text) in enumerate(parts)
    )


def _wrapped(sign: str, text: str, before: str, after: list[tuple[bool, str]]) -> str:
    """Put text in delimiters if Markdown recognises them: not between letter and punctuation."""
    core = text.strip()
    lead, _, trail = text.partition(core) if core else (text, "", "")
    following = after[0][1][:1] if after else ""
    opens = lead or not before.isalnum() or core[:1].isalnum()
    closes = trail or not following.isalnum() or core[-1:].isalnum()
    apart = lead or before not in ("*", "~")
    return f"{lead}{sign}{core}{sign}{trail}" if core and opens and closes and apart else text


def _written(run: Run) -> str:
    core = run.text.strip()
    if not core:
        return run.text
    lead, _, trail = run.text.partition(core)
    if MATHS in run.styles:
        return lead + _maths(core)[1] + trail
    if _CODE in run.styles:
        return lead + _code(core) + trail
    return lead + literal(_shown(Run(core, run.styles))) + trail


def _maths(text: str) -> tuple[str, str]:
    """Return (plain text, Markdown) of maths with its delimiters. Plain text if impossible."""
    inner = " ".join(_DOLLARS.sub("", text).split())
    if not inner or "$" in inner or inner.endswith("\\"):
        return text, literal(text)
    signs = "$$" if text.startswith("$$") else "$"
    return f"{signs}{inner}{signs}", f"{signs}{inner}{signs}"


def _code(text: str) -> str:
    longest = max((len(run) for run in re.findall("`+", text)), default=0)
    ticks = "`" * (longest + 1)
    blank = " " if "`" in (text[0], text[-1]) else ""
    return f"{ticks}{blank}{text}{blank}{ticks}"


# --- HTML -----------------------------------------------------------------------------------

_TAG = re.compile(
    r"""<(?P<end>/?)(?P<name>[A-Za-z][A-Za-z0-9:-]*+)"""
    r"""(?P<attributes>(?:[^<>"']++|"[^"]*+"|'[^']*+')*+)>"""
)
_ATTRIBUTE = re.compile(r"""(?<![\w-])([A-Za-z][\w:-]*+)\s*+=\s*+(?:"([^"]*+)"|'([^']*+)')""")
_HIDDEN = {
    name: re.compile(rf"</{name}\s*>", re.IGNORECASE)
    for name in ("script", "style", "template", "title")
}
"""Elements whose content is not shown."""


@dataclass(frozen=True, slots=True)
class Tag:
    """A start tag `<name …>` or an end tag `</name>`."""

    name: str
    """In lower case."""
    ends: bool = False
    attributes: Mapping[str, str] = field(default_factory=dict)

    @property
    def classes(self) -> frozenset[str]:
        """The names in its `class` attribute."""
        return frozenset(self.attributes.get("class", "").split())


def tokens(html: str) -> Iterator[Tag | str]:
    """Yield tags, and the text between them with entities resolved. Anything else is text."""
    at = 0
    while (start := html.find("<", at)) >= 0:
        yield from _words(html[at:start])
        if tag := _TAG.match(html, start):
            at = tag.end()
            found = Tag(tag["name"].lower(), bool(tag["end"]), _attributes(tag["attributes"]))
            yield found
            if found.name in _HIDDEN and not found.ends:
                closed = _HIDDEN[found.name].search(html, at)
                at = closed.end() if closed else len(html)
            continue
        at = _past_comment(html, start)
        if at == start:
            yield "<"
            at += 1
    yield from _words(html[at:])


def _past_comment(html: str, start: int) -> int:
    """Return the end of a comment or declaration that starts here. `start` if there is none."""
    for opening, closing in (("<!--", "-->"), ("<!", ">"), ("<?", ">")):
        if html.startswith(opening, start):
            end = html.find(closing, start + len(opening))
            return end + len(closing) if end >= 0 else len(html)
    return start


def _words(text: str) -> Iterator[str]:
    if text:
        yield unescaped(text)


def unescaped(text: str) -> str:
    """Return the text with its entities resolved."""
    try:
        return unescape(text)
    except (ValueError, OverflowError):  # an integer with thousands of digits
        return text


def _attributes(text: str) -> dict[str, str]:
    found: dict[str, str] = {}
    for name, double, single in _ATTRIBUTE.findall(text):
        found.setdefault(name.lower(), unescaped(double or single))
    return found
