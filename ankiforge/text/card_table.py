"""Parse tables whose rows are cards: questions with answers, or texts with gaps.

Such tables come from chats with a model, from spreadsheets or from Anki's exports. Headers may be
in any of several languages. Damaged rows are reported rather than dropped.
"""

from __future__ import annotations

import csv
import re
from collections.abc import Iterator, Mapping, Sequence
from itertools import islice
from typing import NamedTuple

from ankiforge.model import Strings, Texts
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
    """How to fix a rejected row, or "" for other rows."""

    @property
    def is_cloze(self) -> bool:
        """Whether the row has a cloze deletion, or a note type with “cloze” in its name."""
        return "{{c" in self.front or "cloze" in self.notetype.casefold()


_CARD_ROW_CELLS = ("front", "back", "extra", "quote", "deck", "notetype", "guid")
"""The fields of a `CardRow` that are the text of a cell."""


class _Rejection(NamedTuple):
    """The reason why a row can't become a card, and how to fix it."""

    reason: str
    hint: str


class _Table(NamedTuple):
    """A card table split into settings, headers, and lines."""

    settings: Texts
    """Maps the names of Anki's header lines, such as `#deck:Biology`, to their values."""
    separator: str
    headers: Sequence[str | None]
    """The content of each column according to its header, such as `front` or `tags`, or None for an
    unknown header. Empty if the table has no headers.
    """
    body: Strings
    """The lines that contain the rows."""
    lines_before: int
    """The number of lines of the text before the first row."""

    @property
    def is_html(self) -> bool:
        """Whether the cells contain HTML rather than plain text."""
        return "html" in self.settings and self.settings["html"].casefold() == "true"

    def name_columns(self) -> list[str | None]:
        """Return the content of each column, e.g. `front` or `tags`, or None if it is unknown.

        The headers and Anki's settings name the columns. If neither names a front column, the
        unnamed columns are front, back and extra, in that order.
        """
        columns = list(self.headers)
        for name, value in self.settings.items():
            content, is_column, _ = name.partition(" column")
            if is_column and value.isdigit() and int(value) <= _MAX_COLUMNS:
                number = int(value)
                columns += [None] * (number - len(columns))
                columns[number - 1] = content
        if "front" in columns:
            return columns
        sides = ["front", "back", "extra"]
        for index, column in enumerate(columns):
            if column is None and sides:
                columns[index] = sides.pop(0)
        return [*columns, *sides]

    def find_rejection(
        self, row: Mapping[str, str], cells: Sequence[str]
    ) -> _Rejection | None:
        """Return why a row can't become a card, or None if it can.

        `row` maps the content of a column, e.g. `front`, to the text of its cell. `cells` are all
        cells of the row.
        """
        width = len(self.headers)
        if width and any(map(str.strip, cells[width:])):
            reason = f"it has {len(cells)} columns, and its table {width}"
            return _Rejection(reason, _COMMAS_HINT)
        control_char = _CONTROL.search("".join(cells))
        if control_char:
            code = f"U+{ord(control_char[0]):04X}"
            reason = f"it contains an invisible character, {code}"
            return _Rejection(reason, "remove the character")
        front = row.get("front")
        if not front:
            return _Rejection("it has no question", _COMMAS_HINT)
        may_lack_answer = row.get("guid") or "{{c" in front
        if len(cells) == 1 and not may_lack_answer:
            return _Rejection("it has no answer", _COMMAS_HINT)
        return None


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
    """Parse the head of a table, which may be in a fenced code block of a chat's answer."""
    text = text.replace("\r", "")
    head = _parse_head(text)
    fenced = _FENCED_TABLE.search(text)
    lines_before = 0
    if fenced and not head.settings and not head.headers:
        lines_before = text.count("\n", 0, fenced.start("table"))
        text = fenced["table"]
        head = _parse_head(text)
    settings, separator, headers, rest = head
    lines_before += text.count("\n", 0, len(text) - len(rest))

    if settings.get("separator"):
        name = settings["separator"].casefold()
        separator = _SEPARATORS_BY_NAME.get(name, name[:1])
    if headers:
        _, _, rest = rest.partition("\n")
        lines_before += 1
    elif "columns" in settings:
        headers = _parse_header_row(settings["columns"], separator)
    lines = rest.removesuffix("\n").split("\n")
    return _Table(settings, separator, headers, tuple(lines), lines_before)


class _Head(NamedTuple):
    """What is above the rows of a table."""

    settings: Texts
    """See `_Table.settings`."""
    separator: str
    """The separator that the first line below the settings seems to have."""
    headers: Sequence[str | None]
    """See `_Table.headers`. () if the first line below the settings isn't a row of headers."""
    rest: str
    """The text below the settings, including the row of headers."""


def _parse_head(text: str) -> _Head:
    settings, rest = split_anki_settings(text)
    separator, headers = _parse_headers(rest)
    return _Head(settings, separator, headers, rest)


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


def _parse_headers(text: str) -> tuple[str, Sequence[str | None]]:
    """Guess the separator of a table, and parse the headers in the first line.

    Returns:
        (separator, headers). The headers are () unless they name both a front and a back.
    """
    header_line, _, _ = text.partition("\n")
    separator = max("\t;,|", key=header_line.count)
    columns = _parse_header_row(header_line, separator)
    if "front" not in columns or "back" not in columns:
        return separator, ()
    return separator, columns


def _parse_header_row(header_line: str, separator: str) -> Sequence[str | None]:
    try:
        names = next(csv.reader([header_line], delimiter=separator), [])
    except csv.Error:
        return ()
    headers = [name.strip(' *_“”„"').casefold() for name in names]
    return [_COLUMNS_BY_HEADER.get(header) for header in headers]


def parse_card_rows(text: str) -> Iterator[CardRow]:
    """Parse a table and yield its non-empty rows, including rejected ones."""
    table = _parse_table(text)
    columns = table.name_columns()
    number = 1
    for lines in _split_rows(table):
        if not lines.fault and not any(map(str.strip, lines.cells)):
            continue
        row: dict[str, str] = {}
        for column, cell in zip(columns, lines.cells, strict=False):
            if column is not None:
                row.setdefault(column, cell.strip())
        if lines.fault:
            rejection: _Rejection | None = _Rejection(lines.fault, _QUOTES_HINT)
        else:
            rejection = table.find_rejection(row, lines.cells)
        yield _create_card_row(number, table, lines, row, rejection)
        number += 1


def _create_card_row(
    number: int,
    table: _Table,
    lines: _RowLines,
    row: Mapping[str, str],
    rejection: _Rejection | None,
) -> CardRow:
    """Create the row of a table from its cells, which `row` maps from their columns."""
    cells = {name: row[name] for name in _CARD_ROW_CELLS if name in row}
    # a cell of the row takes precedence over a setting for the whole table
    for name in ("deck", "notetype"):
        if not cells.get(name) and name in table.settings:
            cells[name] = table.settings[name]
    tags = _parse_tags(row)
    tags += find_private_tag(lines.cells)  # `#no-llm` counts in any column
    card_row = CardRow(
        number,
        lines.format_location(table.lines_before, names_all=rejection is not None),
        **cells,
        tags=tuple(dict.fromkeys(tags)),
        is_html=table.is_html,
    )
    if rejection is None:
        return card_row
    return card_row._replace(rejection_reason=rejection.reason, hint=rejection.hint)


def _parse_tags(row: Mapping[str, str]) -> list[str]:
    if "tags" not in row:
        return []
    words = filter(None, _TAG_SEPARATOR.split(row["tags"]))
    return [word.lstrip("#") for word in words]


_MAX_COLUMNS = 1_000
# After this many damaged rows, the rest of the table is skipped.
_MAX_DAMAGED_ROWS = 200


class _RowLines(NamedTuple):
    """A row of a table, which may extend over several lines."""

    indexes: range
    """The indexes of its lines in the body of the table."""
    cells: list[str]
    fault: str | None = None
    """The reason why the row is malformed, or None."""

    def format_location(self, lines_before: int, *, names_all: bool) -> str:
        """Name the first line of the row, or all of its lines, for messages."""
        first = lines_before + self.indexes.start + 1
        if len(self.indexes) == 1 or not names_all:
            return f"line {first}"
        return f"lines {first}–{first + len(self.indexes) - 1}"


def _split_rows(table: _Table) -> Iterator[_RowLines]:
    """Split the lines of a table into rows.

    After a malformed row, parsing resumes at the next line that is a complete row by itself.
    """
    lines = table.body
    row_pattern = _compile_row_pattern(table.separator)
    start = 0
    for _ in range(_MAX_DAMAGED_ROWS):
        try:
            for row in _iter_well_formed_rows(lines, start, table.separator):
                yield row
                start = row.indexes.stop
            return
        except csv.Error as error:
            reason = f"its quotation marks are wrong ({error})"
        end = start + 1
        while end < len(lines) and not row_pattern.fullmatch(lines[end]):
            end += 1
        yield _RowLines(range(start, end), [], reason)
        start = end
    if start < len(lines):
        reason = f"{_MAX_DAMAGED_ROWS:,} rows before it are damaged"
        yield _RowLines(range(start, len(lines)), [], reason)


def _iter_well_formed_rows(
    lines: Sequence[str], start: int, separator: str
) -> Iterator[_RowLines]:
    """Yield the rows of a table from the line with index `start` on.

    Raises:
        csv.Error: The next row is malformed.
    """
    remaining_lines = (f"{line}\n" for line in islice(lines, start, None))
    reader = csv.reader(remaining_lines, delimiter=separator, strict=True)
    row_start = start
    for cells in reader:
        row_end = start + reader.line_num
        yield _RowLines(range(row_start, row_end), cells)
        row_start = row_end


def _compile_row_pattern(separator: str) -> re.Pattern[str]:
    """Compile a pattern for a row on one line, such as `a,"b, c"`."""
    separator = re.escape(separator)
    cell = rf'(?:"(?:[^"]|"")*"|[^"{separator}]*)'
    return regex(rf"{cell}(?:{separator}{cell})*")
