"""What looks like something a person may expect a card of, found in the bytes of a file.

Deliberately simple, and written without the program: patterns on lines, pypdf, `sqlite3`, `csv`, `json`.
It knows neither code nor comments, settings nor languages: the program has to account for every stretch.
"""

import csv
import io
import json
import re
import sqlite3
from bisect import bisect_right
from collections.abc import Iterator
from contextlib import closing
from dataclasses import dataclass
from html import unescape
from pathlib import Path
from urllib.parse import unquote

from pypdf import PdfReader
from pypdf.errors import PyPdfError


@dataclass(frozen=True)
class Stretch:
    """Something that looks like a mark, a card, or a comment."""

    path: str
    """The file, relative to the folder that is read."""
    kind: str
    unit: str
    """What `first` and `last` number: `line`, `page`, `row` or `item`."""
    first: int
    """From 1."""
    last: int
    words: tuple[str, ...]
    """Letters and digits that a card of it has, each in one piece."""
    raw: str
    name: str = ""
    """Its id in the source, if it has one; of a mark in a PDF the label of its page."""
    any_of: tuple[str, ...] = ()
    """Letters of which a card has some: of a callout, its lines."""


# --- text -------------------------------------------------------------------------------

PARAGRAPH = r"(?:(?!\n[ \t>]*\n).){1,400}?"
LIST_SIGNS = r"[ \t>]*(?:(?:[-*+]|\d{1,9}[.)])[ \t]+)?(?:\[.\][ \t]+)?[ \t>]*"
PATTERNS = {
    "mark": re.compile(rf"(?<!\w)==(?=[^\s=])({PARAGRAPH})(?<=[^\s=])==", re.DOTALL),
    "any mark": re.compile(r"(?<![\w=])==([^=\n]+)==(?!=)"),
    "html mark": re.compile(rf"(?i)<mark\b[^<>]*>({PARAGRAPH})</mark", re.DOTALL),
    "gap": re.compile(r"\{\{((?:(?!\n[ \t>]*\n|\}\}).){1,400})\}\}", re.DOTALL),
    "line": re.compile(r"(?<!:)(:{2,3})(?!:)"),
    "question": re.compile(rf"(?m)^{LIST_SIGNS}(\?\??)[ \t]*$"),
    "asked": re.compile(r"(?m)^Q:[ \t][^\n]*\nA:[ \t]"),
}
SIGNS_BEFORE = re.compile(r"\A(?:[ \t>]*(?:[-*+]|\d+[.)]|\[.\])(?=[ \t]))*")
NUMBER = re.compile(r"(?:\A|\{\{)(?:[cC]\d+(?:,\d+)* ?::?|cloze\s+)")
SHOWN_GAP = re.compile(r"\{\{c\d+::|\}\}|::[^{}]*(?=\}\})")
HINT = re.compile(r"::.*", re.DOTALL)
LINK = re.compile(
    r"\[([^\[\]]*)\]\((?:[^()\s]|\([^()\s]*\))*\)|\[\[(?:[^\[\]|]*\|)?([^\[\]]*)\]\]"
)
EMBED = re.compile(r"!\[\[[^\[\]]*\]\]|!\[[^\[\]]*\]\([^()]*\)")
FOOTNOTE = re.compile(r"\[\^[^\[\]\s]+\]")
TAG = re.compile(r"<[^<>]*>")


def without_blanks(text: str) -> str:
    """A text of signs only, as it is shown."""
    shown = text
    while (plainer := unescape(shown)) != shown:
        shown = plainer
    return "".join(shown.replace("\\", "").split())


def letters(text: str) -> str:
    """Only the letters and digits of a text, folded; of a link only its words."""
    shown = FOOTNOTE.sub("", text)
    shown = LINK.sub(lambda link: link[1] or link[2] or "", shown)
    while (plainer := unescape(shown)) != shown:
        shown = plainer
    shown = TAG.sub("", shown)
    return "".join(sign for sign in shown.casefold() if sign.isalnum())


def in_text(path: str, text: str) -> Iterator[Stretch]:
    """Yield what looks like something in a note, by lines."""
    text = text.replace("\r\n", "\n").replace("\r", "\n")
    starts = [0, *(match.end() for match in re.finditer("\n", text))]
    inside_gaps: list[tuple[int, int]] = []

    def line_of(offset: int) -> int:
        return bisect_right(starts, offset)

    for kind, pattern in PATTERNS.items():
        position = 0
        while match := pattern.search(text, position):
            start, end = match.span()
            position = end
            if kind == "mark":  # what closes one may open the next
                position = end - 2
            if kind == "gap":
                inside_gaps.append((start, end))
            if kind == "line" and any(a < start < b for a, b in inside_gaps):
                continue
            if kind == "line" and is_fence_of_block(text, start):
                continue
            words = words_of(kind, match, text)
            if kind == "line" and not words:  # colons alone on their line
                continue
            first, last = line_of(start), line_of(end - 1)
            yield Stretch(path, kind, "line", first, last, words, match[0])


FENCE_OF_BLOCK = re.compile(
    r"(?m)[ \t>]*:{3,}[ \t]*(?:\{[^\n{}]*\}|[\w-]*)(?:[ \t][^\n:]*)?$"
)


def is_fence_of_block(text: str, offset: int) -> bool:
    """Whether colons begin or end a block of pandoc or Docusaurus."""
    return FENCE_OF_BLOCK.match(text, text.rfind("\n", 0, offset) + 1) is not None


def words_of(kind: str, match: re.Match[str], text: str) -> tuple[str, ...]:
    """The letters that a card of a stretch has."""
    if kind == "gap":
        return pieces(HINT.sub("", NUMBER.sub("", match[1])))
    if kind == "line":
        start = text.rfind("\n", 0, match.start()) + 1
        end = text.find("\n", match.end())
        line_end = len(text) if end < 0 else end
        return pieces(
            last_word(SIGNS_BEFORE.sub("", text[start : match.start()])),
            first_word(text[match.end() : line_end]),
        )
    if kind == "question":
        return pieces(last_word(text[: match.start()]), first_word(text[match.end() :]))
    if kind == "asked":
        return ()
    return pieces(match[1])


def pieces(*texts: str) -> tuple[str, ...]:
    """The letters of each text; of a picture or a sound in it, those of the file's name."""
    parts = []
    for text in texts:
        words = EMBED.sub("", text)
        parts.append(letters(words) or without_blanks(words))
        for embed in EMBED.findall(text):
            target = (
                re.split(r"[|#]", embed.strip("![]()"))[0].rpartition("](")[2] or embed
            )
            name = target.split(' "')[0].rpartition("/")[2]
            parts.append(letters(unquote(name.strip("<>"))))
    return tuple(filter(None, parts))


def last_word(text: str) -> str:
    words = re.findall(r"\w+", TAG.sub(" ", unquote(text[-400:])))
    return words[-1] if words else ""


def first_word(text: str) -> str:
    words = re.findall(r"\w+", TAG.sub(" ", unquote(text[:400])))
    return words[0] if words else ""


# --- exports ----------------------------------------------------------------------------


def in_clippings(path: str, text: str) -> Iterator[Stretch]:
    """Yield the clippings of a Kindle that hold words."""
    entries = re.split(r"(?m)^={10,}[ \t]*\r?$", text)
    for number, entry in enumerate(entries, 1):
        lines = [line.strip() for line in entry.strip("\ufeff\r\n ").splitlines()]
        body = "\n".join(lines[2:]).strip()
        if body:
            yield Stretch(path, "clipping", "item", number, number, pieces(body), entry)


def in_csv(path: str, text: str) -> Iterator[Stretch]:
    """Yield the highlights and notes of a table."""
    rows = list(csv.reader(io.StringIO(text.lstrip("\ufeff"))))
    if not rows:
        return
    columns = {name: index for index, name in enumerate(rows[0])}
    for number, row in enumerate(rows[1:], 2):
        for name in ("Highlight", "Note"):
            if (
                name in columns
                and columns[name] < len(row)
                and row[columns[name]].strip()
            ):
                words = row[columns[name]]
                said = "\n".join(  # lines of tags
                    line for line in words.split("\n") if not line.startswith(".")
                )
                if not said.strip():
                    continue
                yield Stretch(
                    path, f"csv {name}", "row", number, number, pieces(said), words
                )


def in_hypothesis(path: str, text: str) -> Iterator[Stretch]:
    """Yield the quotes and comments of an export of Hypothesis."""
    data = json.loads(text)
    rows = data.get("rows", []) if isinstance(data, dict) else data
    for number, row in enumerate(rows, 1):
        quotes = [
            selector.get("exact", "")
            for target in row.get("target", [])
            for selector in target.get("selector", [])
        ]
        for kind, words in (
            ("quote", " ".join(filter(None, quotes))),
            ("comment", row.get("text", "")),
        ):
            if words.strip():
                yield Stretch(
                    path,
                    f"json {kind}",
                    "item",
                    number,
                    number,
                    pieces(words),
                    words,
                    row.get("id", ""),
                )


# --- PDF --------------------------------------------------------------------------------

NOT_BY_A_READER = ("/Link", "/Popup", "/Widget")


def in_pdf(path: str, file: Path) -> Iterator[Stretch]:
    """Yield the annotations of a PDF; of a reply and a mark with a comment, its words."""
    try:
        reader = PdfReader(file)
        pages = list(reader.pages)
        labels = reader.page_labels
    except (PyPdfError, ValueError, KeyError, TypeError, RecursionError, OSError):
        return
    for number, page in enumerate(pages, 1):
        try:
            annotations = [each.get_object() for each in page.get("/Annots") or ()]
        except (PyPdfError, AttributeError, TypeError):
            continue
        for annotation in annotations:
            if not isinstance(annotation, dict):
                continue
            kind = str(annotation.get("/Subtype", ""))
            if kind in NOT_BY_A_READER:
                continue
            comment = annotation.get("/Contents")
            said = str(comment) if isinstance(comment, str) else ""
            if "/IRT" in annotation and not pieces(said):
                continue  # a reply without words, or the second part of another one
            label = labels[number - 1] if number <= len(labels) else str(number)
            yield Stretch(path, kind, "page", number, number, pieces(said), said, label)


# --- Zotero -----------------------------------------------------------------------------

ROWS = """
SELECT i.key, a.type, coalesce(a.text, ''), coalesce(a.comment, '')
FROM itemAnnotations a JOIN items i ON i.itemID = a.itemID
LEFT JOIN itemAttachments f ON f.itemID = a.parentItemID
WHERE a.itemID NOT IN (SELECT itemID FROM deletedItems)
AND a.parentItemID NOT IN (SELECT itemID FROM deletedItems)
AND coalesce(f.parentItemID, 0) NOT IN (SELECT itemID FROM deletedItems)
"""
NOTES = """
SELECT i.key, n.note FROM itemNotes n JOIN items i ON i.itemID = n.itemID
WHERE n.itemID NOT IN (SELECT itemID FROM deletedItems)
AND coalesce(n.parentItemID, 0) NOT IN (SELECT itemID FROM deletedItems)
"""


def in_zotero(path: str, file: Path) -> Iterator[Stretch]:
    """Yield the annotations and notes of a library that are not in the trash."""
    with closing(
        sqlite3.connect(f"file:{file}?mode=ro&immutable=1", uri=True)
    ) as database:
        for key, kind, text, comment in database.execute(ROWS):
            said = pieces(text, comment)
            yield Stretch(
                path, f"annotation {kind}", "item", 0, 0, said, f"{text}|{comment}", key
            )
        for key, note in database.execute(NOTES):
            if letters(note or ""):
                yield Stretch(path, "note", "item", 0, 0, (), note, key)


# --- a folder ---------------------------------------------------------------------------


def in_file(root: Path, file: Path) -> Iterator[Stretch]:
    """Yield what looks like something in a file, by its kind."""
    path = file.relative_to(root).as_posix()
    ending = file.suffix.casefold()
    if ending == ".pdf":
        yield from in_pdf(path, file)
    elif file.name == "zotero.sqlite":
        yield from in_zotero(path, file)
    elif ending in (".md", ".markdown", ".txt", ".csv", ".json"):
        text = decoded(file.read_bytes())
        if ending == ".txt" and "\n==========" in text:
            yield from in_clippings(path, text)
        elif ending == ".csv":
            yield from in_csv(path, text)
        elif ending == ".json":
            yield from in_hypothesis(path, text)
        else:
            yield from in_text(path, text)


def decoded(raw: bytes) -> str:
    for encoding in (
        "utf-16" if raw[:2] in (b"\xff\xfe", b"\xfe\xff") else "utf-8-sig",
        "latin-1",
    ):
        try:
            return raw.decode(encoding)
        except UnicodeDecodeError:
            continue
    return ""
