"""The text of notes on papers: what a person wrote there, without the annotations it quotes.

Zotero inserts an annotation into a note as a quotation, followed by a citation and its comment. The
annotation is a highlight of its own, so the quotation and its citation are left out. Each block
records whether it quotes one. A citation anywhere else is ordinary text.
"""

from __future__ import annotations

import re
from collections.abc import Collection, Iterable, Iterator
from contextlib import suppress
from functools import cached_property
from html.parser import HTMLParser
from itertools import groupby
from typing import NamedTuple
from urllib.parse import unquote

import msgspec

from ankiforge.errors import ItemError
from ankiforge.extract.markdown.tokens import SCRIPTS, raised
from ankiforge.extract.zotero.database import Database, comment_of
from ankiforge.text.fold import fold
from ankiforge.text.markdown import literal

LARGEST = 4_000_000
"""The number of characters of HTML that are parsed. Old notes can contain whole pictures."""
_MAX_CHARS = 100_000
"""The number of characters of text that are read, including text that only repeats a mark."""
LONGEST = 20_000
"""The maximum number of characters of a note that can become a card."""
_PIECE = 100_000
"""Characters of HTML that are parsed at a time."""
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
    title, blocks = "", quotable.own(html)
    if len(blocks) > 1 and (level := blocks[0].level):  # a heading above everything else
        levels = [block.level for block in blocks[1:]]
        if 0 in levels and all(level < (below or _TEXT_LEVEL) for below in levels):
            title, blocks = " ".join(blocks[0].plain.split()), blocks[1:]
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

    def __init__(self, database: Database) -> None:
        self._database = database

    @cached_property
    def _all(self) -> tuple[frozenset[str], frozenset[str]]:
        """The keys of all annotations, and their folded comments including the empty one."""
        keys, comments = set(), {""}
        for library in self._database.libraries():
            with suppress(ItemError):  # errors are reported when that library is read
                for mark in self._database.marks(library):
                    keys.add(mark.key)
                    comments.add(fold(comment_of(mark)))
        return frozenset(keys), frozenset(comments)

    def own(self, html: str) -> tuple[Block, ...]:
        """Return the blocks of a note, without those that only repeat annotations.

        A block that only quotes has no text. Of a long note, the first `_MAX_CHARS` are read.
        """
        quotes = "data-annotation" in html or "data-citation" in html
        keys, comments = self._all if quotes else (frozenset(), frozenset())
        reader = _Reader(keys)
        with suppress(ValueError, OverflowError):  # an entity with thousands of digits
            for at in range(0, len(html), _PIECE):
                reader.feed(html[at : at + _PIECE])
                if reader.length > _MAX_CHARS:
                    break
            if len(reader.rawdata) < _PIECE:  # else it ends in a tag without end
                reader.close()
        reader.flush()
        if not any(block.quotes for block in reader.blocks):
            return tuple(reader.blocks)
        kept: list[Block] = []
        below = 0  # the level of the following block
        for block in reversed(reader.blocks):
            if not block.plain or (block.quotes and fold(block.bare) in comments):
                continue
            if (level := block.level or _TEXT_LEVEL) < below or level == _TEXT_LEVEL:
                kept.append(block)  # no heading without text below it
                below = level
        return tuple(kept[::-1])


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
_HIDDEN = frozenset(("script", "style", "template", "title"))
"""Elements whose content is not shown."""


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


class _Quoted(msgspec.Struct, frozen=True):
    annotationKey: str = ""


def _annotation(attributes: dict[str, str]) -> str:
    """Return the key of the annotation that a span or picture shows. "" if there is none."""
    raw = attributes.get("data-annotation", "")
    try:
        return msgspec.json.decode(unquote(raw), type=_Quoted).annotationKey if raw else ""
    except (msgspec.MsgspecError, RecursionError):
        return ""


class _Reader(HTMLParser):
    """Collects the blocks of a note."""

    def __init__(self, known: Collection[str]) -> None:
        super().__init__()
        self.known = known
        self.blocks: list[Block] = []
        self.length = 0
        """The number of characters processed."""
        self.runs: list[Run] = []
        """The text of the open block."""
        self.open: list[tuple[str, str]] = []
        """(name, style) of the open elements within the block."""
        self.lists: list[int] = []
        """The open lists: the number of the last item, or -1 for unnumbered lists."""
        self.marker = ""
        """The list marker for the next text."""
        self.level = 0
        self.verbatim = False
        self.hidden = ""
        """The open element whose content is not shown."""
        self.after = False
        """Whether only white space followed a quotation."""
        self.quotes = False

    # --- tags -------------------------------------------------------------------------------

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        """Begin a block or an element in one."""
        attributes = {name: value or "" for name, value in reversed(attrs)}
        classes = attributes.get("class", "").split()
        if tag in _HIDDEN:
            self.hidden = self.hidden or tag
        elif _BLOCK.fullmatch(tag):
            self._begin(tag, classes)
        elif tag == "br":
            self._add("\n")
        elif tag in ("td", "th"):
            self._add(" | " if self.runs else "")
        elif tag == "img":
            if _annotation(attributes) in self.known:
                self.after = self.quotes = True
        elif len(self.open) < _MAX_NESTING:
            style = MATHS if "math" in classes else _STYLES.get(tag, "")
            if _annotation(attributes) in self.known:
                self.quotes, style = True, _QUOTATION
            elif CITATION in classes:
                self.quotes |= not self._has_words()
                style = _QUOTATION if self.after else CITATION
            self.open.append((tag, style))

    def _begin(self, tag: str, classes: list[str]) -> None:
        self.flush()
        self.level = int(tag[1]) if re.fullmatch("h[1-6]", tag) else 0
        self.verbatim = tag == "pre"
        if self.verbatim and "math" in classes:
            self.open.append((tag, MATHS))
        elif tag in ("ul", "ol"):
            self.marker = ""
            self.lists.append(0 if tag == "ol" else -1)
        elif tag == "li":
            if not self.lists:
                self.lists.append(-1)
            self.lists[-1] += self.lists[-1] >= 0
            self.marker = f"{self.lists[-1]}. " if self.lists[-1] >= 0 else "- "

    def handle_endtag(self, tag: str) -> None:
        """End a block, or the innermost element of this name with those left open inside it."""
        names = [name for name, _ in self.open]
        if tag in _HIDDEN:
            self.hidden = "" if tag == self.hidden else self.hidden
        elif _BLOCK.fullmatch(tag):
            self.flush()
            self.level, self.verbatim = 0, False
            if tag in ("ul", "ol"):
                self.marker = ""
                del self.lists[-1:]
        elif tag in names:
            at = len(names) - 1 - names[::-1].index(tag)
            self.after |= any(style == _QUOTATION for _, style in self.open[at:])
            del self.open[at:]

    # --- words ------------------------------------------------------------------------------

    def handle_data(self, data: str) -> None:
        """Keep the text between two tags."""
        as_written = self.verbatim and not any(style == MATHS for _, style in self.open)
        if not self.hidden:
            self._add(data if as_written else re.sub(r"\s+", " ", data))

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
            if self.verbatim and MATHS not in self.runs[0].styles:
                plain, markdown = fenced("".join(run.text for run in self.runs))
                bare = plain
            else:
                plain, markdown = lines_of(self.runs)
                bare, _ = lines_of([run for run in self.runs if CITATION not in run.styles])
            if self.level and markdown:
                markdown = f"**{markdown.replace('**', '')}**"
            item, depth = bool(self.marker), min(len(self.lists), _MAX_LIST_DEPTH)
            if depth:  # a list item with its marker, or a further block in it
                first = "    " * (depth - 1) + self.marker if self.marker else "    " * depth
                markdown = first + markdown.replace("\n", "\n" + "    " * depth)
                self.marker = ""
            self.blocks.append(Block(plain, markdown, bare, self.level, item, self.quotes))
        elif self.quotes:
            self.blocks.append(Block("", "", "", quotes=True))
        self.runs, self.quotes = [], False
        self.open.clear()


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
    texts = [
        ("".join(_shown(run)[0] for run in line), _markdown(line, _DELIMITERS))
        for line in _lines(runs)
    ]
    kept = [(plain.strip(), markdown.strip()) for plain, markdown in texts if plain.strip()]
    return "\n".join(plain for plain, _ in kept), "\n".join(markdown for _, markdown in kept)


def fenced(text: str) -> tuple[str, str]:
    """Return (plain text, Markdown) of a code block."""
    text = text.strip("\n")
    fence = "`" * max(3, _longest_ticks(text) + 1)
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


def _shown(run: Run) -> tuple[str, str]:
    """Return (plain text, Markdown) of text in one style, without the delimiters of emphasis."""
    core = run.text.strip()
    if not core:
        return run.text, run.text
    lead, _, trail = run.text.partition(core)
    plain, markdown = core, ""
    if MATHS in run.styles:
        inner = " ".join(_DOLLARS.sub("", core).split())
        if inner and "$" not in inner and not inner.endswith("\\"):
            signs = "$$" if core.startswith("$$") else "$"
            plain = markdown = f"{signs}{inner}{signs}"
        else:
            markdown = literal(core)
    else:
        for name in SCRIPTS.keys() & run.styles:
            plain = raised(core, name)
        if _CODE in run.styles:
            ticks = "`" * (_longest_ticks(core) + 1)
            blank = " " if "`" in (core[0], core[-1]) else ""
            markdown = f"{ticks}{blank}{core}{blank}{ticks}"
    return f"{lead}{plain}{trail}", f"{lead}{markdown or literal(plain)}{trail}"


def _longest_ticks(text: str) -> int:
    return max(map(len, re.findall("`+", text)), default=0)


def _markdown(line: list[Run], signs: tuple[str, ...]) -> str:
    """Put the outermost delimiter around as much text as possible, then the next one inside."""
    if not signs:
        return "".join(_shown(run)[1] for run in line)
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
