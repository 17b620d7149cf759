"""TiddlyWiki: tiddlers in `.tid` files, as stored by a Node.js wiki and exported by others.

    sources:
      - tiddlywiki: {name: wiki, path: ~/Wiki/tiddlers}

Marks are `@@text@@`, with or without a style or class, and `<mark>`. Hand-written cards work as in
a vault. Wikitext is converted to Markdown line by line (`markdown_of`), and then read by the
functions for vaults, so that plain text is as specified in docs/keys.md. Transclusions and macros
(`{{…}}`, `<<…>>`) are shown as `…` within a line, and omitted on a line of their own. Rows of
tables are read as paragraphs.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from pathlib import PurePosixPath
from typing import ClassVar, Literal, get_args

from ankiforge.extract import SourceSettings
from ankiforge.extract.folder import File
from ankiforge.extract.markdown import Note, NoteSource
from ankiforge.model import Document, DocumentKey, Problem, Sighting, Strings, h16
from ankiforge.text import regex
from ankiforge.text.private import IN_ITS_NOTE, has_tag, names_tag
from ankiforge.text.shields import MATH

HandWritten = Literal["inline", "block", "glossary"]
CARDS: tuple[HandWritten, ...] = get_args(HandWritten)


class Settings(SourceSettings, kw_only=True):
    """The keys of a `tiddlywiki:` source."""

    include: Strings = ("**/*.tid",)
    exclude: Strings = ()
    cards: tuple[HandWritten, ...] = CARDS
    glossary_headings: Strings = ()


_PLAIN_TYPES = {"text/x-markdown", "text/markdown", "text/plain"}
_FIELD = regex(r"([^\s:][^:\n]*?)[ \t]*:[ \t]*(.*)")


class Wiki(NoteSource):
    """The tiddlers of one folder. A wiki has one author, so `me` does not matter."""

    kind = "tiddlywiki"
    own_cards: ClassVar[Strings] = CARDS

    def document(self, file: File, text: str, picture: Callable[[str], str]) -> Iterator[Sighting]:
        """Yield a tiddler, unless it has no highlights, or a problem."""
        # lines `field: value`, an empty line, the text
        head, _, body = text.partition("\n\n")
        found = [line for one in head.split("\n") if (line := _FIELD.fullmatch(one))]
        fields = {line[1]: line[2].strip() for line in found}
        if not fields and text.strip():
            hint = "it must begin with lines `field: value`, then an empty line"
            yield Problem(file.path, "it is not a tiddler", hint)
            return
        title, kind = fields.get("title") or PurePosixPath(file.path).stem, fields.get("type", "")
        if title.startswith("$:/") or not fields.keys().isdisjoint(("draft.of", "plugin-type")):
            return
        is_private = names_tag(head) or any(map(_begins_with_tag, body.split("\n")))
        if kind in ("", "text/vnd.tiddlywiki"):
            body = markdown_of(body)
        elif kind not in _PLAIN_TYPES:
            return
        tags = (one[1] or one[2] for one in _TAG.finditer(fields.get("tags", "")))
        document = Document(
            DocumentKey(f"{self.folder.namespace}/{h16(title)}"),
            self.folder.name,
            title=title,
            path=file.path,
            tags=tuple(re.sub(r"\s+", "-", tag) for tag in tags if not tag.startswith("$:/")),
            private=IN_ITS_NOTE if is_private else "",
        )
        yield from self.read_note(Note(body, document, frozenset(("mark", "=="))), picture)

    def markdown(self, text: str) -> str:
        """Return the text of a tiddler as Markdown, without its fields."""
        return markdown_of(text.partition("\n\n")[2])


def _begins_with_tag(line: str) -> bool:
    """Return whether a line begins with `#no-llm`, which TiddlyWiki takes for an item of a list."""
    return line.startswith("#") and has_tag(line)


open_source = Wiki.open

# --- fields ---------------------------------------------------------------------------------

# One of a list `[[two words]] one`; system tags begin with `$:/`.
_TAG = regex(r"\[\[(.+?)\]\](?=\s|$)|(\S+)")


# --- wikitext -------------------------------------------------------------------------------

_CODE = regex(r"(?m)(^```[^\n]*\n(?:(?!^```).*\n)*```[ \t]*$)")
_MARKED = regex(r"(?m)^@@(?P<style>[^@\n]*)\n(?P<words>(?:(?!@@).*\n)*)@@[ \t]*$")
# A list item or heading of a block that is marked, or a paragraph; signs first.
_PART = regex(r"(?m)^((?:[*#;:>]+|!{1,6})(?:\.[\w.-]+)?[ \t]*|)(\S.*(?:\n(?![*#;:>!]|[ \t]*$).+)*)")
_LINE = regex(
    r"(?P<heading>!{1,6})(?:\.[\w.-]+)?[ \t]*(?P<title>.*)|(?P<item>[*#;:>]+)(?:\.[\w.-]+)?[ \t]*(?P<words>.*)"
    r"|\|!?(?P<row>.*)\|[hfck]?[ \t]*|(?P<none>\"\"\"|<<<.*|\$\$\$.*)[ \t]*"
)


def markdown_of(wikitext: str) -> str:
    """Convert wikitext to equivalent Markdown. Characters that would be Markdown are escaped."""
    parts = _CODE.split(wikitext)
    return "".join(part if nth % 2 else _blocks(part) for nth, part in enumerate(parts))


def _blocks(text: str) -> str:
    """Convert block markup line by line, then inline markup, which may span lines."""
    lines, before = list[str](), ""
    for line in _MARKED.sub(_each_marked, text).split("\n"):
        found = _LINE.fullmatch(line)
        kind = (found.lastgroup or "") if found else ""
        lines += [""] if before == "words" != kind else []
        if found is None:
            lines.append(line.lstrip(" \t"))
        elif kind == "title":
            lines.append(f"{'#' * len(found['heading'])} {found['title']}")
        elif kind == "words":
            depth = min(len(found["item"]), 9)
            sign = "> " * depth if found["item"][0] == ">" else f"{'  ' * (depth - 1)}- "
            lines.append(f"{sign}{found['words']}")
        else:
            lines += ["", (found["row"] or "").replace("|", " | "), ""]
        before = kind
    return _SIGNS.sub(_inline_markdown, "\n".join(lines))


def _each_marked(block: re.Match[str]) -> str:
    """Mark the paragraphs, list items and headings of a block one by one."""
    style = f"{block['style'].strip()} ".lstrip()
    return _PART.sub(lambda part: f"{part[1]}@@{style}{part[2]}@@\n", block["words"])


_SIGNS = regex(
    r"""(?msx)
      (?P<as_it_is>``(?:(?!``).){1,2000}``|`[^`\n]{1,2000}`|\$\$[^$]{1,2000}\$\$|"""
    + MATH
    + r"""|<!--(?:(?!<!--|-->).)*-->|^[ \t]*[-#>|]+)
    | (?P<address>\b[A-Za-z][A-Za-z0-9+.-]{1,31}://[^\s<>{}\[\]`|"\\^@]*[^\s<>{}\[\]`|"\\^@.,;:!?'])
    | @@(?P<style>(?:[^@:;\s]+:[^@;\n]*;)*(?:\.[\w.-]+[ \t])?)
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
    "''": ("**", "**"), "//": ("*", "*"), "__": ("", ""), "~~": ("~~", "~~"),
    "^^": ("<sup>", "</sup>"), ",,": ("<sub>", "</sub>"),
}  # fmt: skip


def _inline_markdown(found: re.Match[str]) -> str:
    if found["marked"] is not None:
        style = re.sub(r'\.[\w.-]+[ \t]$|["<>]', "", found["style"])
        words = _SIGNS.sub(_inline_markdown, found["marked"].strip())
        return f'<mark style="{style}">{words}</mark>' if style else f"<mark>{words}</mark>"
    if found["sign"]:
        before, after = _DELIMITERS[found["sign"]]
        return f"{before}{_SIGNS.sub(_inline_markdown, found['words'])}{after}"
    if found["link"]:  # `words|target`
        words, _, target = found["link"].rpartition("|")
        on_web = re.fullmatch(r"https?://[^\s<>]+", target) and words
        return f"[{_literal(words)}](<{target}>)" if on_web else _literal(words or target)
    if found["shown"] or found["gone"] is not None:
        return "…" if found["shown"] else ""
    return _literal(found[0]) if found["literal"] else found[0]


def _literal(words: str) -> str:
    return re.sub(r"[\\*_=%{}#^\[\]`<|]", r"\\\g<0>", words)
