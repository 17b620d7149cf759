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


_WIKITEXT = {"", "text/vnd.tiddlywiki"}
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
            body = markdown_of(body)
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


# --- wikitext -------------------------------------------------------------------------------

_PRAGMA = re.compile(
    r"\s*\\(?:define|procedure|function|widget)\b[^\n]*\)[ \t]*\n(?:.*\n)*?[ \t]*\\end\b.*"
    r"|\s*\\(?:define|procedure|function|widget|rules|import|whitespace|parameters)\b.*"
)
"""A definition above the text, of several lines or of one."""
_MACRO = r"<<[^<>\n]{1,2000}>>"
_CODE = re.compile(r"(^```[^\n]*\n(?:(?!^```).*\n)*```[ \t]*$)", re.MULTILINE)
_MARKED = re.compile(r"^@@(?P<style>[^@\n]*)\n(?P<words>(?:(?!@@).*\n)*)@@[ \t]*$", re.MULTILINE)
"""A block whose paragraphs, list items and headings are marked."""
_LISTED = re.compile(r"^((?:[*#;:>]+|!{1,6})(?:\.[\w.-]+)?[ \t]*)(.*)", re.MULTILINE)
_HEADING = re.compile(r"(!{1,6})(?:\.[\w.-]+)?[ \t]*(.*)")
_ITEM = re.compile(r"([*#;:>]+)(?:\.[\w.-]+)?[ \t]*(.*)")
_ROW = re.compile(r"\|(.*)\|([hfck]?)[ \t]*")
_NO_TEXT = re.compile(r"(?:\"\"\"|<<<.*|\$\$\$.*)[ \t]*")


def markdown_of(wikitext: str) -> str:
    """Convert wikitext to equivalent Markdown. Characters that would be Markdown are escaped."""
    text, at = _PLACEHOLDERS.sub("\ufffd", wikitext), 0
    while found := _PRAGMA.match(text, at):
        at = found.end()
    parts = _CODE.split(text[at:])
    return "".join(
        part if number % 2 else _lines(part) for number, part in enumerate(parts)
    ).translate(_PLACEHOLDER_TEXT)


def _each_marked(block: re.Match[str]) -> str:
    """Mark the paragraphs of a block one by one, and list items behind their signs."""
    style = f"{block['style'].strip()} ".lstrip()
    paragraphs = re.split(r"\n[ \t]*\n", block["words"].strip())
    return "\n\n".join(
        _LISTED.sub(lambda line: f"{line[1]}@@{style}{line[2]}@@", one)
        if _LISTED.match(one)
        else f"@@{style}{one}@@"
        for one in paragraphs
    )


def _lines(text: str) -> str:
    """Convert block markup line by line, after the inline markup, which may span lines."""
    lines: list[str] = []
    before = ""
    for line in _SIGNS.sub(_inline_markdown, _MARKED.sub(_each_marked, text)).split("\n"):
        row, item, heading = _ROW.fullmatch(line), _ITEM.fullmatch(line), _HEADING.fullmatch(line)
        kind = "row" if row else "item" if item else ""
        if before and kind != before:
            lines.append("")
        if heading:
            lines.append(f"{'#' * len(heading[1])} {heading[2]}")
        elif item and set(item[1]) == {">"}:
            lines.append(f"{'> ' * min(len(item[1]), 9)}{item[2]}")
        elif item:
            lines.append(f"{'  ' * (min(len(item[1]), 9) - 1)}- {item[2]}")
        elif row:
            cells = [cell.strip().removeprefix("!").strip() for cell in row[1].split("|")]
            shown, is_head = f"| {' | '.join(cells)} |", row[2] == "h" or row[1][:1] == "!"
            if before != "row":
                head = shown if is_head else "| " * len(cells) + "|"
                lines += ["", head, "|---" * len(cells) + "|"]
            if before == "row" or not is_head:
                lines.append(shown)
        else:
            lines.append("" if _NO_TEXT.fullmatch(line) else line.lstrip(" \t"))
        before = kind
    return "\n".join(lines)


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
    | (?P<gone>^[ \t]*(?:\{\{\{?[^\n{}]{0,1000}\}\}\}?|"""
    + _MACRO
    + r""")[ \t]*$|</?\$[^<>]{1,2000}>|(?<!\w)~(?=[A-Z][a-z]+[A-Z]))
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
_COLOUR = re.compile(
    r"background(?:-color)?\s*:\s*([^;@\"'<>]{1,40})|(?<![\w-])color\s*:\s*(\w{1,40})"
)


def _inline_markdown(found: re.Match[str]) -> str:
    if found["marked"] is not None:
        colour = _COLOUR.search(found["style"])
        style = f' style="background:{(colour[1] or colour[2]).strip()}"' if colour else ""
        return f"<mark{style}>{_SIGNS.sub(_inline_markdown, found['marked'].strip())}</mark>"
    if found["sign"]:
        before, after = _DELIMITERS[found["sign"]]
        return f"{before}{_SIGNS.sub(_inline_markdown, found['words'])}{after}"
    if found["link"]:  # `words|target`
        words, _, target = found["link"].rpartition("|")
        on_web = re.fullmatch(r"https?://[^\s<>]+", target) and words
        return f"[{_literal(words)}](<{target}>)" if on_web else _literal(words or target)
    if found["image"]:
        return f"\ufde2[{found['alt'] or ''}](<{found['image'].strip()}>)"
    if found["shown"] or found["gone"] is not None:
        return "…" if found["shown"] else ""
    return _literal(found[0]) if found["literal"] else found[0]


def _literal(words: str) -> str:
    return re.sub(r"[\\*_=%{}#^\[\]`<|]", r"\\\g<0>", words)
