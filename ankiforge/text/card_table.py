"""Parse tables whose rows are cards: questions with answers, or texts with gaps.

Such tables come from chats with a model, from spreadsheets or from Anki's exports. Headers may be
in any of several languages. Damaged rows are reported rather than dropped.
"""

from __future__ import annotations

import csv
import re
from collections.abc import Iterator, Sequence
from itertools import count, zip_longest
from typing import NamedTuple

from ankiforge.model import Pair, Strings, Texts
from ankiforge.text import regex
from ankiforge.text.private import find_private_tag

_SEPARATORS_BY_NAME = {
    "tab": "\t", "comma": ",", "semicolon": ";", "pipe": "|", "space": " ",
}  # fmt: skip
"""The column separators, by the names used in Anki's header lines."""
_FRONT_HEADERS = frozenset(
    "front question frage vorderseite text q recto pregunta term begriff terme término domanda"
    " pergunta вопрос 问题 問題 質問 질문".split()
)
"""The lower-case headers that mark a column of questions."""
_BACK_HEADERS = frozenset(
    "back answer antwort rückseite a verso réponse reponse respuesta definition definición"
    " définition risposta resposta ответ 答案 回答 解答 답".split()
)
"""The lower-case headers that mark a column of answers."""
_TAG_SEPARATOR = regex(r"[\s,;]+")
_COLUMNS_BY_HEADER = {
    **dict.fromkeys(_FRONT_HEADERS, "front"),
    **dict.fromkeys(_BACK_HEADERS, "back"),
    **dict.fromkeys(("extra", "back extra", "notes", "hint", "explanation"), "extra"),
    **dict.fromkeys(("quote", "evidence", "zitat", "citation", "cita"), "quote"),
    "tags": "tags",
    "tag": "tags",
    "deck": "deck",
    "guid": "guid",
}
"""Maps lower-case headers to the content of the column, e.g. `front`."""


_QUOTES_HINT = "put texts with quotes in quotes, and write each quote in them twice"
_COMMAS_HINT = "put texts with commas in quotes"


class CardRow(NamedTuple):
    """One row of a card table: either a question and answer, or a cloze text.

    A row with a `rejection_reason` can't become a card.
    """

    number: int
    """The row number, counting from 1."""
    location: str
    """Where the row is in the text, for messages, such as `line 3`."""
    front: str = ""
    back: str = ""
    extra: str = ""
    quote: str = ""
    """The passage of the source that the chat quotes as evidence, or ""."""
    tags: Strings = ()
    deck: str = ""
    notetype: str = ""
    """The name of the note type, or "" if Anki didn't export it."""
    guid: str = ""
    """The GUID of the note, or "" if Anki didn't export it."""
    is_html: bool = False
    """Whether the cells contain HTML rather than plain text."""
    rejection_reason: str = ""
    """Why the row can't become a card, such as damage, or "" if it can."""
    hint: str = ""
    """How to fix a rejected row."""

    @property
    def is_cloze(self) -> bool:
        """Whether the row has a cloze deletion, or a note type with “cloze” in its name."""
        return "{{c" in self.front or "cloze" in self.notetype.casefold()


class _Table(NamedTuple):
    """A card table split into settings, headers, and lines."""

    settings: Texts
    """Maps the names of Anki's header lines, such as `#deck:Biology`, to their values."""
    separator: str
    headers: Strings
    """The content of each column according to its header, such as `front` or `tags`, or "" for an
    unknown header. Empty if the table has no headers.
    """
    body: Strings
    """The lines that contain the rows."""
    lines_before: int
    """The number of lines of the text before the first row."""

    @property
    def columns(self) -> list[str]:
        """The content of each column, e.g. `front` or `tags`.

        The headers and Anki's settings name the columns. If neither names a front column, the
        unnamed columns are front, back and extra, in that order.
        """
        columns = list(self.headers)
        for name, value in self.settings.items():
            kind, is_column, _ = name.partition(" column")
            if is_column and value.isdigit() and int(value) <= _MAX_COLUMNS:
                columns += [""] * (int(value) - len(columns))
                columns[int(value) - 1] = kind
        if "front" in columns:
            return columns
        sides = iter(("front", "back", "extra"))
        return [*[column or next(sides, "") for column in columns], *sides]

    def find_rejection_reason(self, row: Texts, cells: Sequence[str]) -> Pair:
        """Return why a row can't become a card and how to fix it, or ("", "") if it can.

        `row` maps the content of a column, e.g. `front`, to the text of its cell. `cells` are all
        cells of the row.
        """
        width = len(self.headers)
        if width and any(map(str.strip, cells[width:])):
            return f"it has {len(cells)} columns, and its table {width}", _COMMAS_HINT
        control_char = _CONTROL.search("".join(cells))
        if control_char:
            fault = f"it contains an invisible character, U+{ord(control_char[0]):04X}"
            return fault, "remove the character"
        front = row.get("front", "")
        if not front:
            return "it has no question", _COMMAS_HINT
        if len(cells) == 1 and not (row.get("guid") or "{{c" in front):
            return "it has no answer", _COMMAS_HINT
        return "", ""


# A fenced code block, in which chats put a table.
_FENCED_TABLE = regex(
    r"(?ms)^(?P<fence>```+|~~~+)[ \w]*\n(?P<table>.*?)(?:^(?P=fence)[ ]*$|\Z)"
)
_CONTROL = regex(r"[\x00-\x08\x0b-\x1f\x7f]")


def is_card_table(text_start: str) -> bool:
    """Return whether a text is a card table, given the start of the text.

    A card table starts with headers for question and answer, or with Anki's settings, which
    must include `#separator`.
    """
    table = _parse_table(text_start)
    return "separator" in table.settings or bool(table.headers)


def _parse_table(text: str) -> _Table:
    text = text.replace("\r", "")
    text_before = ""
    fence_match = _FENCED_TABLE.search(text)
    if fence_match and not split_anki_settings(text)[0] and not _parse_headers(text)[1]:
        text_before, text = text[: fence_match.start("table")], fence_match["table"]
    settings, rest = split_anki_settings(text)
    text_before += text[: len(text) - len(rest)]

    header_line, _, body = rest.partition("\n")
    separator, headers = _parse_headers(header_line)
    separator_name = settings.get("separator", "").casefold()
    if separator_name:
        separator = _SEPARATORS_BY_NAME.get(separator_name, separator_name[:1])
    if headers:
        text_before += header_line + "\n"
        rest = body
    elif "columns" in settings:
        headers = _parse_header_row(settings["columns"], separator)
    lines = rest.removesuffix("\n").split("\n")
    return _Table(settings, separator, headers, tuple(lines), text_before.count("\n"))


def split_anki_settings(text: str) -> tuple[Texts, str]:
    """Split off any Anki settings at the start of `text`, e.g. `#separator:tab`.

    Returns:
        The settings keyed by lower-cased name, and the rest of the text.
    """
    settings = {}
    while text.startswith("#"):
        line, _, rest = text.partition("\n")
        name, colon, value = line[1:].partition(":")
        if not colon:
            break
        settings[name.strip().casefold()] = value.strip()
        text = rest
    return settings, text


def _parse_headers(text: str) -> tuple[str, Strings]:
    """Guess the separator of a table, and parse the headers in the first line.

    Returns:
        (separator, headers). The headers are () unless they name both a front and a back.
    """
    header_line = text.partition("\n")[0]
    separator = max("\t;,|", key=header_line.count)
    columns = _parse_header_row(header_line, separator)
    return separator, columns if {"front", "back"} <= {*columns} else ()


def _parse_header_row(header_line: str, separator: str) -> Strings:
    try:
        names = next(csv.reader([header_line], delimiter=separator), [])
    except csv.Error:
        return ()
    headers = (name.strip(' *_“”„"').casefold() for name in names)
    return tuple(_COLUMNS_BY_HEADER.get(header, "") for header in headers)


def parse_card_rows(text: str) -> Iterator[CardRow]:
    """Parse a table and yield its non-empty rows, including rejected ones."""
    table = _parse_table(text)
    columns = table.columns
    numbers = count(1)
    for lines, cells, fault in _split_rows(table):
        if not fault and not any(map(str.strip, cells)):
            continue
        row = dict[str, str]()
        for column, cell in zip_longest(columns, cells, fillvalue=""):
            row.setdefault(column, cell.strip())
        hint = _QUOTES_HINT
        if not fault:
            fault, hint = table.find_rejection_reason(row, cells)
        first_line = table.lines_before + lines.start + 1
        location = f"line {first_line}"
        if len(lines) > 1 and fault:
            location = f"lines {first_line}–{first_line + len(lines) - 1}"
        tag_texts = filter(None, _TAG_SEPARATOR.split(row.get("tags", "")))
        tags = [tag.lstrip("#") for tag in tag_texts]
        yield CardRow(
            next(numbers),
            location,
            row.get("front", ""),
            row.get("back", ""),
            row.get("extra", ""),
            row.get("quote", ""),
            # the tag `#no-llm` counts in any column
            tags=tuple(dict.fromkeys((*tags, *find_private_tag(cells)))),
            deck=row.get("deck") or table.settings.get("deck", ""),
            notetype=row.get("notetype") or table.settings.get("notetype", ""),
            guid=row.get("guid", ""),
            is_html=table.settings.get("html", "").casefold() == "true",
            rejection_reason=fault,
            hint=hint,
        )


_MAX_COLUMNS = 1_000
# After this many damaged rows, the rest of the table is skipped.
_MAX_DAMAGED_ROWS = 200


def _split_rows(table: _Table) -> Iterator[tuple[range, list[str], str]]:
    """Split the lines of a table into rows.

    After a malformed row, parsing resumes at the next line that is a complete row by itself.

    Yields:
        The row's range of line indexes, its cells, and the reason why it is malformed, or "".
    """
    lines = table.body
    escaped_separator = re.escape(table.separator)
    cell_pattern = rf'(?:"(?:[^"]|"")*"|[^"{escaped_separator}]*)'
    row_pattern = regex(rf"{cell_pattern}(?:{escaped_separator}{cell_pattern})*")
    start = 0
    for _ in range(_MAX_DAMAGED_ROWS):
        first_line = start
        remaining_lines = (
            f"{lines[number]}\n" for number in range(first_line, len(lines))
        )
        reader = csv.reader(remaining_lines, delimiter=table.separator, strict=True)
        try:
            for cells in reader:
                next_start = first_line + reader.line_num
                yield range(start, next_start), cells, ""
                start = next_start
            return
        except csv.Error as error:
            fault = str(error)
        next_start = start + 1
        while next_start < len(lines) and not row_pattern.fullmatch(lines[next_start]):
            next_start += 1
        yield range(start, next_start), [], f"its quotation marks are wrong ({fault})"
        start = next_start
    if start < len(lines):
        reason = f"{_MAX_DAMAGED_ROWS:,} rows before it are damaged"
        yield range(start, len(lines)), [], reason
