"""TiddlyWiki: tiddlers in `.tid` files, as stored by a Node.js wiki and exported by others.

    sources:
      - tiddlywiki: {name: wiki, path: ~/Wiki/tiddlers}

Marks are `@@text@@`, with or without a style or class, and `<mark>`. Hand-written cards work as in
a vault. Wikitext is converted to Markdown line by line (`markdown_of`), and then read by the
functions for vaults, so that plain text is as specified in docs/keys.md. Transclusions and macros
(`{{…}}`, `<<…>>`) are shown as `…` within a line, and omitted on a line of their own.
"""

from __future__ import annotations

import re
from bisect import bisect_left
from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from pathlib import PurePosixPath
from typing import ClassVar, Literal, get_args

from ankiforge.extract import SourceSettings
from ankiforge.extract.folder import File
from ankiforge.extract.markdown import Note, NoteSource, Term
from ankiforge.model import Document, DocumentKey, Problem, Sighting, h16
from ankiforge.text.cloze import MATH

Mark = Literal["@@", "bold"]
HandWritten = Literal["inline", "block", "glossary"]
CARDS: tuple[HandWritten, ...] = get_args(HandWritten)
_MARKS = {"@@": ("mark", "=="), "bold": ("bold",)}
"""The Markdown marks. Tiddlers written in Markdown use `==`."""


class Settings(SourceSettings, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """The keys of a `tiddlywiki:` source."""

    include: tuple[str, ...] = ("**/*.tid",)
    exclude: tuple[str, ...] = ()
    marks: tuple[Mark, ...] = ("@@",)
    """`@@x@@` and `<mark>x</mark>`; `''x''`."""
    cards: tuple[HandWritten | Term, ...] = CARDS
    glossary_headings: tuple[str, ...] = ()


_CLASSIC = "text/x-tiddlywiki"
_WIKITEXT = {"", "text/vnd.tiddlywiki", _CLASSIC}
_PLAIN_TYPES = {"text/x-markdown", "text/markdown", "text/plain"}
_FIELD = re.compile(r"([^\s:][^:\n]*?)[ \t]*:[ \t]*(.*)")


class Wiki(NoteSource):
    """The tiddlers of one folder. A wiki has one author, so `me` does not matter."""

    kind = "tiddlywiki"
    own_cards: ClassVar[tuple[str, ...]] = CARDS

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
        title, kind = fields.get("title", ""), fields.get("type", "")
        if title.startswith("$:/") or not fields.keys().isdisjoint(("draft.of", "plugin-type")):
            return
        if kind in _WIKITEXT:
            body = markdown_of(_CLASSIC_MARKUP.sub("", body) if kind == _CLASSIC else body)
        elif kind not in _PLAIN_TYPES:
            return
        off = [k for k in ("cards", "ankiforge") if fields.get(k, "").casefold() in ("no", "false")]
        addresses = (fields.get(key, "") for key in ("url", "source"))
        web = next((one for one in addresses if re.fullmatch(r"https?://\S+", one)), "")
        tags = (one[1] or one[2] for one in _TAG.finditer(fields.get("tags", "")))
        title = title or PurePosixPath(file.path).stem
        document = Document(
            DocumentKey(f"{self.folder.namespace}/{h16(title)}"),
            self.folder.name,
            title=title,
            path=file.path,
            identifiers=(("url", web),) if web else (),
            tags=tuple(re.sub(r"\s+", "-", tag) for tag in tags if not tag.startswith("$:/")),
            deck=fields.get("deck", ""),
        )
        marks = frozenset(sign for mark in self.settings.marks for sign in _MARKS[mark])
        skip = f"the tiddler says {off[0]}: no" if off else ""
        created, modified = (_moment(fields.get(name, "")) for name in ("created", "modified"))
        note = Note(body, document, marks, skip, created, modified)
        yield from self.read_note(note, picture)


open_source = Wiki.open

# --- fields ---------------------------------------------------------------------------------

_TAG = re.compile(r"\[\[(.+?)\]\](?=\s|$)|(\S+)")
"""One of a list `[[two words]] one`; system tags begin with `$:/`."""


def _moment(stamp: str) -> str:
    """Return the time for a stamp of 12, 14 or 17 digits in UTC. "" if it is not one."""
    digits = stamp[:14].ljust(14, "0") if re.fullmatch(r"\d{12}(?:\d\d(?:\d{3})?)?", stamp) else ""
    try:
        moment = datetime.strptime(digits, "%Y%m%d%H%M%S")
    except ValueError:
        return ""
    return moment.replace(tzinfo=UTC).isoformat()


_CLASSIC_MARKUP = re.compile(
    r"\{\{\{(?:(?!\{\{\{|\}\}\}).)*\}\}\}|/%(?:(?!/%|%/).)*%/|<html>(?:(?!</?html>).)*</html>",
    re.DOTALL,
)
"""Code, comments and HTML in the syntax of TiddlyWiki 2 and earlier."""


# --- wikitext -------------------------------------------------------------------------------

_PRAGMA = re.compile(
    r"\s*\\(?:(?P<over>define|procedure|function|widget)\b[^\n]*\)[ \t]*$"
    r"|(?:define|procedure|function|widget|rules|import|whitespace|parameters)\b[^\n]*)",
    re.MULTILINE,
)
_END = re.compile(r"^[ \t]*\\end\b.*$", re.MULTILINE)
_MACRO = (
    r"<<(?![<>\s])(?>[^<>\"'\n]+|\n(?![ \t]*\n)"
    r"|(?<=[\s:=])(?>\"{3}(?:(?!\"{3}).){0,20000}\"{3}|\"[^\"]{0,20000}\"|'[^']{0,2000}')|[\"'])++>>"
)
"""A macro call. Its quoted arguments may contain anything and span lines."""
_BLOCKS = re.compile(
    r"^(?:(?P<code>```[^\n]*\n(?:(?!```).)*```)"
    rf"|[ \t]*(?=<<(?:(?!>>)[^\n])*\n){_MACRO}[ \t]*"
    r"|\$\$\$[^\n]*\n(?:(?!\$\$\$).)*\$\$\$"
    r"|@@(?P<style>[^\n@]*)\n(?P<marked>(?:(?!^@@).)*)^@@[ \t]*)$",
    re.DOTALL | re.MULTILINE,
)


def markdown_of(wikitext: str) -> str:
    """Convert wikitext to equivalent Markdown. Characters that would be Markdown are escaped."""
    wikitext, parts = _PLACEHOLDERS.sub("\ufffd", wikitext), list[str]()
    at, ends = 0, [end.end() for end in _END.finditer(wikitext)]
    while found := _PRAGMA.match(wikitext, at):  # the definitions above the text
        at = found.end()
        later = bisect_left(ends, at) if found["over"] else len(ends)
        at = ends[later] if later < len(ends) else at
    for block in _BLOCKS.finditer(wikitext, at):
        parts += [_lines(wikitext[at : block.start()]), block["code"] or ""]
        if block["marked"] is not None:  # each paragraph between two lines `@@` is marked
            opener = _opener(block["style"])
            paragraphs = re.split(r"\n{2,}", block["marked"].strip("\n"))
            marked = (_marked(one, opener) for one in paragraphs if one.strip())
            parts.append("\n" + _lines("\n\n".join(marked)) + "\n")
        at = block.end()
    return "".join([*parts, _lines(wikitext[at:])]).translate(_PLACEHOLDER_TEXT)


_LINE_PREFIX = re.compile(r"(?:[*#;:>]+|!{1,6})(?:\.[\w.-]+)?[ \t]*")


def _marked(paragraph: str, opener: str) -> str:
    """Mark a paragraph. In list items and headings, only the text after the prefix is marked."""
    lines = paragraph.split("\n")
    signs = [_LINE_PREFIX.match(line) for line in lines]
    if not any(signs):
        return f"{opener}{paragraph}</mark>"
    ends = [sign.end() if sign else 0 for sign in signs]
    parts = zip(lines, ends, strict=True)
    return "\n".join(f"{line[:end]}{opener}{line[end:].strip()}</mark>" for line, end in parts)


_HEADING = re.compile(r"(!{1,6})(?:\.[\w.-]+)?[ \t]*(.*)")
_ITEM = re.compile(r"([*#;:>]+)(?:\.[\w.-]+)?[ \t]*(.*)")
_ROW = re.compile(r"\|(.*)\|([hfck]?)[ \t]*")
_NO_TEXT = re.compile(r"(?:\"\"\"|<<<.*)[ \t]*")


def _lines(text: str) -> str:
    """Convert block markup line by line, after the inline markup, which may span lines."""
    lines: list[str] = []
    depth = columns = 0
    for line in _inline(text).split("\n"):
        row, item = _ROW.fullmatch(line), _ITEM.fullmatch(line)
        heading = _HEADING.fullmatch(line)
        if (columns and not row) or (depth and not item):
            lines.append("")
        columns = _table(lines, row, columns) if row else 0
        depth = min(len(item[1]), depth + 1) if item and set(item[1]) != {">"} else 0
        if heading:
            lines.append(f"{'#' * len(heading[1])} {heading[2]}")
        elif item and not depth:
            lines.append(f"{'> ' * min(len(item[1]), 9)}{item[2]}")
        elif item:
            lines.append(f"{'  ' * (depth - 1)}- {item[2]}")
        elif not row:
            lines.append("" if _NO_TEXT.fullmatch(line) else line.lstrip(" \t"))
    return "\n".join(lines)


def _table(lines: list[str], row: re.Match[str], columns: int) -> int:
    """Append a table row, preceded by the header that Markdown needs. Return the column count."""
    if row[2] in ("k", "c"):
        return columns
    cells = ["" if cell.strip() in ("<", ">", "~") else cell.strip() for cell in row[1].split("|")]
    is_head = row[2] == "h" or all(cell.startswith("!") for cell in cells)
    shown = [f"| {' | '.join(cell.removeprefix('!').strip() for cell in cells)} |"]
    if not columns:
        rule, empty = "|---" * len(cells) + "|", "| " * len(cells) + "|"
        shown = [*shown, rule] if is_head else [empty, rule, *shown]
        lines.append("")
    lines += shown
    return columns or len(cells)


_SIGNS = re.compile(
    r"""
      (?P<as_it_is>``(?:(?!``).){1,2000}``|`[^`\n]{1,2000}`|\$\$[^$]{1,2000}\$\$|"""
    + MATH
    + r"""|<!--(?:(?!<!--|-->).)*-->|^[*#;:>!|]+)
    | (?P<address>\b[A-Za-z][A-Za-z0-9+.-]{1,31}://[^\s<>{}\[\]`|"\\^@]*[^\s<>{}\[\]`|"\\^@.,;:!?'])
    | @@(?P<style>(?:[^@:;\s]+:[^@;\n]*;)*(?:\.[\w.-]+[ \t])?)
      (?P<marked>(?:(?!@@|\n[ \t]*\n).)+)@@
    | (?P<sign>''|(?<!:)//|__|\^\^|,,|~~)(?P<words>(?:(?!(?P=sign)|\n[ \t]*\n).)+)(?P=sign)
    | \[img[^\[\]\n]{0,200}\[(?:(?P<alt>[^\[\]|\n]{0,500})\|)?(?P<image>[^\[\]\n]{1,500})\]\]
    | \[(?:ext)?\[(?P<link>[^\[\]\n]{1,1000})\]\]
    | (?P<filter>\[(?:!?[A-Za-z$][\w:$.,-]*
        (?:\[[^\[\]\n]{0,300}\]|\{[^{}\n]{0,300}\}|<[^<>\n]{0,300}>)){1,20}\])
    | (?P<gone>^[ \t]*(?:\{\{\{?[^\n{}]{0,1000}\}\}\}?|"""
    + _MACRO
    + r""")[ \t]*$
        |</?\$(?>[^<>]{1,2000}|<<[^<>\n]{1,1000}>>){0,100}>|(?<!\w)~(?=[A-Z][a-z]+[A-Z]))
    | (?P<shown>\{\{\{?[^\n{}]{0,1000}\}\}\}?|"""
    + _MACRO
    + r""")
    | (?P<literal>[*\\_]|==|%%|\{\{|(?<=\s)[#^](?=\S))
    """,
    re.DOTALL | re.MULTILINE | re.VERBOSE,
)
_PLACEHOLDERS = re.compile("[\ufdd0-\ufdef]")
"""Unicode noncharacters. Texts never contain them, so they serve as placeholders."""
_PLACEHOLDER_TEXT = {0xFDE0: "**", 0xFDE1: "*", 0xFDE2: "!"}
"""Placeholders for characters that would start an item or heading. Replaced after line parsing."""
_DELIMITERS = {
    "''": ("\ufde0", "\ufde0"),
    "//": ("\ufde1", "\ufde1"),
    "__": ("", ""),
    "^^": ("<sup>", "</sup>"),
    ",,": ("<sub>", "</sub>"),
    "~~": ("~~", "~~"),
}


def _inline(text: str) -> str:
    return _SIGNS.sub(_inline_markdown, text)


def _inline_markdown(found: re.Match[str]) -> str:
    if found["marked"] is not None:
        return f"{_opener(found['style'])}{_inline(found['marked'].strip())}</mark>"
    if found["sign"]:
        before, after = _DELIMITERS[found["sign"]]
        return f"{before}{_inline(found['words'])}{after}"
    if found["link"]:
        return _link(found["link"])
    if found["image"]:
        return f"\ufde2[{found['alt'] or ''}](<{found['image'].strip()}>)"
    if found["shown"]:
        return "…"
    if found["filter"]:  # `[kin::to[x]]`: here `::` must not make a card
        return "[" + r"\:\:".join(map(_inline, found["filter"][1:].split("::")))
    if found["gone"]:
        return ""
    return _literal(found[0]) if found["literal"] else found[0]


def _link(inside: str) -> str:
    """Return the link for `words|target` if it leads to the web, otherwise only its words."""
    words, _, target = inside.rpartition("|")
    on_web = re.fullmatch(r"https?://[^\s<>]+", target) and words
    return f"[{_literal(words)}](<{target}>)" if on_web else _literal(words or target)


def _literal(words: str) -> str:
    return re.sub(r"[\\*_=%{}#^\[\]`<|]", r"\\\g<0>", words)


_COLOUR = re.compile(
    r"background(?:-color)?\s*:\s*([^;@\"'<>]{1,40})|(?<![\w-])color\s*:\s*(\w{1,40})"
)


def _opener(style: str) -> str:
    """Return `<mark>` with the colour of a style."""
    found = _COLOUR.search(style)
    colour = (found[1] or found[2]).strip() if found else ""
    return f'<mark style="background:{colour}">' if colour else "<mark>"
