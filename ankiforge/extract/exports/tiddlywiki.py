"""TiddlyWiki: tiddlers in `.tid` files, as stored by a Node.js wiki and exported by others.

    sources:
      - tiddlywiki: {name: wiki, path: ~/Wiki/tiddlers}

Marks are `@@text@@`, with or without a style or class, and `<mark>`. Hand-written cards
work as in a vault. Wikitext is converted to Markdown line by line (`markdown_of`), and
then read by the functions for vaults, so that plain text is as specified in docs/reference/keys.md.
Transclusions and macros (`{{…}}`, `<<…>>`) are shown as `…` within a line, and omitted on
a line of their own. Rows of tables are read as paragraphs.

Tested by `tests/sources/test_sources.py` and `tests/extract/test_texts.py`.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import PurePosixPath
from typing import ClassVar, Literal, get_args

from ankiforge.extract.base import SourceSettings
from ankiforge.extract.folder import File, PictureAt
from ankiforge.extract.markdown import MarkdownNote, NoteSource, Part
from ankiforge.extract.markdown.front_matter import doubt_in
from ankiforge.model import Document, DocumentKey, Problem, Sighting, Strings, h16
from ankiforge.text import regex
from ankiforge.text.fold import MATH
from ankiforge.text.private import IN_ITS_NOTE, has_tag, names_tag

HandWritten = Literal["inline", "block", "glossary"]
CARDS: tuple[HandWritten, ...] = get_args(HandWritten)


class WikiSettings(SourceSettings, kw_only=True):
    """The keys of a `tiddlywiki:` source."""

    include: Strings = ("**/*.tid",)
    exclude: Strings = ()
    cards: tuple[HandWritten, ...] = CARDS
    glossary_headings: Strings = ()


class Wiki(NoteSource):
    """The tiddlers of one folder. A wiki has one author, so `me` does not matter."""

    kind = "tiddlywiki"
    Settings = WikiSettings
    endings = (".tid",)
    noun = "a tiddler"
    own_cards: ClassVar[Strings] = CARDS

    def document(self, file: File, text: str, picture: PictureAt) -> Iterator[Sighting]:
        """Yield a tiddler, unless it has no highlights, or a problem."""
        tiddler = _Tiddler(text)
        if not tiddler.fields and text.strip():
            hint = "it must begin with lines `field: value`, then an empty line"
            yield Problem(file.path, "it is not a tiddler", hint)
            return
        title = tiddler.fields.get("title") or PurePosixPath(file.path).stem
        if title.startswith("$:/") or not tiddler.is_of_a_person:
            return
        document = Document(
            DocumentKey(f"{self.folder.namespace}/{h16(title)}"),
            self.folder.name,
            title=title,
            path=file.path,
            tags=tuple(tiddler.tags()),
            private=IN_ITS_NOTE if tiddler.is_private else "",
        )
        marks = frozenset(("mark", "=="))
        part = Part(tiddler.markdown)
        note = MarkdownNote(document, marks, (part,), doubt=doubt_in(text))
        yield from self.read_note(note, picture)

    def texts(self, file: File) -> Strings:
        """Return the text of a tiddler as Markdown, without its fields."""
        return (markdown_of(file.text().partition("\n\n")[2]),)


# --- tiddlers ---------------------------------------------------------------------------

_OF_OTHERS = {"draft.of", "plugin-type"}
"""Fields of tiddlers in which nobody writes."""
_WIKITEXT = {"", "text/vnd.tiddlywiki"}
"""Types of wikitext, the first if none is given."""
_PLAIN_TYPES = {"text/x-markdown", "text/markdown", "text/plain"}
_FIELD = regex(r"(?P<name>[^\s:][^:\n]{0,200}?)[ \t]{0,200}:[ \t]*(?P<value>.*)")
# One of a list `[[two words]] one`.
_TAG = regex(r"\[\[(?P<words>.{1,500}?)\]\](?=\s|$)|(?P<word>\S+)")


class _Tiddler:
    """A tiddler: lines `field: value`, an empty line, and its text."""

    def __init__(self, text: str) -> None:
        self._head, _, self._body = text.partition("\n\n")
        self.fields: dict[str, str] = {}
        for line in self._head.split("\n"):
            field = _FIELD.fullmatch(line)
            if field:
                self.fields[field["name"]] = field["value"].strip()
        self._type = self.fields.get("type", "")

    @property
    def is_of_a_person(self) -> bool:
        """Whether it is no plugin, draft of another tiddler, picture or program."""
        if not _OF_OTHERS.isdisjoint(self.fields):
            return False
        return self._type in _WIKITEXT | _PLAIN_TYPES

    @property
    def is_private(self) -> bool:
        """Whether it names the tag in its fields or its text.

        TiddlyWiki takes `#no-llm` at the beginning of a line for an item of a list.
        """
        lines = self._body.split("\n")
        items = [line for line in lines if line.startswith("#")]
        return names_tag(self._head) or any(map(has_tag, items))

    @property
    def markdown(self) -> str:
        """Its text as Markdown."""
        return markdown_of(self._body) if self._type in _WIKITEXT else self._body

    def tags(self) -> Iterator[str]:
        """Yield its tags but those of the system, which begin with `$:/`."""
        for match in _TAG.finditer(self.fields.get("tags", "")):
            tag = match["words"] or match["word"]
            if not tag.startswith("$:/"):
                yield re.sub(r"\s+", "-", tag)


# --- wikitext ---------------------------------------------------------------------------

_CODE = regex(r"(?m)(^```[^\n]*\n(?:(?!^```).*\n)*```[ \t]*$)")
_MARKED = regex(r"(?m)^@@(?P<style>[^@\n]*)\n(?P<words>(?:(?!@@).*\n)*)@@[ \t]*$")
# A list item or heading of a block that is marked, or a paragraph; signs first.
_PART = regex(
    r"(?m)^((?:[*#;:>]+|!{1,6})(?:\.[\w.-]+)?[ \t]*|)(\S.*(?:\n(?![*#;:>!]|[ \t]*$).+)*)"
)
_LINE = regex(
    r"(?P<heading>!{1,6})(?:\.[\w.-]+)?[ \t]*(?P<title>.*)"
    r"|(?P<item>[*#;:>]+)(?:\.[\w.-]+)?[ \t]*(?P<words>.*)"
    r"|\|!?(?P<row>.*)\|[hfck]?[ \t]*"
    r"|(?P<none>\"\"\"|<<<.*|\$\$\$.*)[ \t]*"
)


def markdown_of(wikitext: str) -> str:
    """Convert wikitext to equivalent Markdown. Characters that would be Markdown are escaped."""
    parts: list[str] = []
    for index, part in enumerate(_CODE.split(wikitext)):
        parts.append(part if index % 2 == 1 else _blocks(part))
    return "".join(parts)


def _blocks(text: str) -> str:
    """Convert block markup line by line, then inline markup, which may span lines."""

    def each_marked(block: re.Match[str]) -> str:
        """Mark the paragraphs, list items and headings of a block one by one."""
        style = f"{block['style'].strip()} ".lstrip()
        return _PART.sub(lambda part: f"{part[1]}@@{style}{part[2]}@@\n", block["words"])

    lines: list[str] = []
    last_kind = ""
    for line in _MARKED.sub(each_marked, text).split("\n"):
        match = _LINE.fullmatch(line)
        kind = (match.lastgroup or "") if match else ""
        if last_kind == "words" and kind != "words":  # the end of a list
            lines.append("")
        if match is None:
            lines.append(line.lstrip(" \t"))
        elif kind == "title":
            signs = "#" * len(match["heading"])
            lines.append(f"{signs} {match['title']}")
        elif kind == "words":
            item = match["item"]
            depth = min(len(item), 9)
            sign = "> " * depth if item[0] == ">" else f"{'  ' * (depth - 1)}- "
            lines.append(f"{sign}{match['words']}")
        else:
            row = match["row"] or ""
            lines += ["", row.replace("|", " | "), ""]
        last_kind = kind
    return _SIGNS.sub(_inline_markdown, "\n".join(lines))


_SIGNS = regex(
    r"""(?msx)
      (?P<as_it_is>``(?:(?!``).){1,2000}``|`[^`\n]{1,2000}`|\$\$[^$]{1,2000}\$\$|"""
    + MATH
    + r"""|<!--(?:(?!<!--|-->).)*-->|^[ \t]*[-#>|]+)
    | (?P<address>\b[A-Za-z][A-Za-z0-9+.-]{1,31}://[^\s<>{}\[\]`|"\\^@]*[^\s<>{}\[\]`|"\\^@.,;:!?'])
    | @@(?P<style>(?:[^@:;\s]{1,100}:[^@;\n]{0,200};){0,20}(?:\.[\w.-]{1,100}[ \t])?)
      (?P<marked>(?:(?!@@|\n[ \t]*\n).)+)@@
    | (?P<sign>''|(?<!:)//|__|\^\^|,,|~~)(?P<words>(?:(?!(?P=sign)|\n[ \t]*\n).)+)(?P=sign)
    | \[(?:ext)?\[(?P<link>[^\[\]\n]{1,1000})\]\]
    | (?P<gone>^[ \t]*(?:\{\{\{?[^\n{}]{0,1000}\}\}\}?|<<[^<>\n]{1,2000}>>)[ \t]*$
        |</?\$[^<>]{1,2000}>|(?<!\w)~(?=[A-Z][a-z]+[A-Z]))
    | (?P<shown>\{\{\{?[^\n{}]{0,1000}\}\}\}?|<<[^<>\n]{1,2000}>>)
    | (?P<literal>[*\\_]|==|%%|\{\{|(?<=\s)[#^](?=\S))
    """,
)
_DELIMITERS = {
    "''": ("**", "**"),
    "//": ("*", "*"),
    "__": ("", ""),
    "~~": ("~~", "~~"),
    "^^": ("<sup>", "</sup>"),
    ",,": ("<sub>", "</sub>"),
}
# What must not be in a style: the class after it, and what ends an attribute.
_NO_STYLE = regex(r'\.[\w.-]{1,100}[ \t]$|["<>]')
_WEB_ADDRESS = regex(r"https?://[^\s<>]+")
_MARKDOWN_SIGN = regex(r"[\\*_=%{}#^\[\]`<|]")


def _inline_markdown(match: re.Match[str]) -> str:
    """Return the Markdown of one sign of wikitext, with the words that it applies to."""
    if match["marked"] is not None:
        style = _NO_STYLE.sub("", match["style"])
        words = _SIGNS.sub(_inline_markdown, match["marked"].strip())
        return (
            f'<mark style="{style}">{words}</mark>' if style else f"<mark>{words}</mark>"
        )
    if match["sign"]:
        before, after = _DELIMITERS[match["sign"]]
        return f"{before}{_SIGNS.sub(_inline_markdown, match['words'])}{after}"
    if match["link"]:
        return _link(match["link"])
    if match["shown"]:
        return "…"
    if match["gone"] is not None:
        return ""
    return _literal(match[0]) if match["literal"] else match[0]


def _link(link: str) -> str:
    """Return the Markdown of a link, `words|target`. One to another tiddler is only its words."""
    words, _, target = link.rpartition("|")
    if words and _WEB_ADDRESS.fullmatch(target):
        return f"[{_literal(words)}](<{target}>)"
    return _literal(words or target)


def _literal(words: str) -> str:
    """Return some words with a backslash before each sign of Markdown."""
    return _MARKDOWN_SIGN.sub(r"\\\g<0>", words)
