"""Tables of cards: rows of question and answer, as chats write them and Anki exports them."""

from __future__ import annotations

import csv
import re
from collections.abc import Iterator, Sequence
from itertools import count, zip_longest
from typing import NamedTuple

from ankiforge.model import Pair, Strings, Texts
from ankiforge.text import regex
from ankiforge.text.private import tag_among

_SEPARATORS = {"tab": "\t", "comma": ",", "semicolon": ";", "pipe": "|", "space": " "}
"""Anki's names for the separators of columns."""
_FRONTS = frozenset(
    "front question frage vorderseite text q recto pregunta term begriff terme término domanda"
    " pergunta вопрос 问题 問題 質問 질문".split()
)
"""The headings of a column of questions, in lower case."""
_BACKS = frozenset(
    "back answer antwort rückseite a verso réponse reponse respuesta definition definición"
    " définition risposta resposta ответ 答案 回答 解答 답".split()
)
"""The same of answers."""
_TAGS = regex(r"[\s,;]+")
_OTHERS = {"tags": "tags", "tag": "tags", "deck": "deck", "guid": "guid"}
_OTHERS |= {
    "extra": "extra",
    "back extra": "extra",
    "notes": "extra",
    "hint": "extra",
    "explanation": "extra",
}
_OTHERS |= dict.fromkeys(("quote", "evidence", "zitat", "citation", "cita"), "quote")


_QUOTES_HINT = "put texts with quotes in quotes, and write each quote in them twice"
_COMMAS_HINT = "put texts with commas in quotes"


class CardRow(NamedTuple):
    """A row: a question and its answer, or a text with gaps; or one that is no card."""

    number: int
    """Counted from 1."""
    place: str
    """Where it begins: `line 3`."""
    front: str = ""
    back: str = ""
    extra: str = ""
    quote: str = ""
    """The words of its source, as a chat gives them."""
    tags: Strings = ()
    deck: str = ""
    notetype: str = ""
    """The name of its note type, if Anki says so."""
    guid: str = ""
    """The id of the note in Anki, if Anki exported it."""
    is_html: bool = False
    fault: str = ""
    """Why it is no card: it is damaged, or its cells are not those that the headings name."""
    hint: str = ""
    """The remedy."""

    @property
    def is_cloze(self) -> bool:
        """Whether it is a cloze, by its gaps or the name of its note type."""
        return "{{c" in self.front or "cloze" in self.notetype.casefold()


class _Table(NamedTuple):
    """A text as a table."""

    said: Texts
    """Anki's header lines at its beginning, by name."""
    separator: str
    headings: Strings
    """The part of a card in each column, by its heading: `front`, `back`, `tags`; "" = none."""
    body: Strings
    """The lines of its rows."""
    before: int
    """The number of lines before them."""

    @property
    def columns(self) -> list[str]:
        """The content of each column, by its heading or by Anki's lines; the sides come first."""
        columns = list(self.headings)
        for name, value in self.said.items():
            kind, is_column, _ = name.partition(" column")
            if is_column and value.isdigit() and int(value) <= _MOST_COLUMNS:
                columns += [""] * (int(value) - len(columns))
                columns[int(value) - 1] = kind
        if "front" in columns:
            return columns
        sides = iter(("front", "back", "extra"))
        return [*[column or next(sides, "") for column in columns], *sides]

    def why_no_card(self, row: Texts, cells: Sequence[str]) -> Pair:
        """Return why a row of these cells is no card, and the remedy; "" if it is one."""
        width = len(self.headings)
        if width and any(map(str.strip, cells[width:])):
            return f"it has {len(cells)} columns, and its table {width}", _COMMAS_HINT
        sign = _CONTROL.search("".join(cells))
        if sign:
            fault = f"it contains a sign that nobody types, U+{ord(sign[0]):04X}"
            return fault, "remove the sign"
        front = row.get("front", "")
        if not front:
            return "it has no question", _COMMAS_HINT
        if len(cells) == 1 and not (row.get("guid") or "{{c" in front):
            return "it has no answer", _COMMAS_HINT
        return "", ""


# A fence in which a chat wrote the table.
_FENCED = regex(
    r"(?ms)^(?P<fence>```+|~~~+)[ \w]*\n(?P<table>.*?)(?:^(?P=fence)[ ]*$|\Z)"
)
_EXCEL = regex(r"\Asep=(?P<separator>[^\n])\n")
_CONTROL = regex(r"[\x00-\x08\x0b-\x1f\x7f]")


def is_card_table(head: str) -> bool:
    """Return whether a text begins as a table of cards: by its headings, or Anki's first line."""
    table = _table(head)
    return "separator" in table.said or bool(table.headings)


def _table(text: str) -> _Table:
    """Return a text as a table: its own settings, its headings, and its lines."""
    text = text.replace("\r", "")
    before = ""
    fenced = _FENCED.search(text)
    if fenced and not told_by_anki(text)[0] and not _headings(text)[1]:
        before, text = text[: fenced.start("table")], fenced["table"]
    excel = _EXCEL.match(text)
    if excel:
        before, text = before + excel[0], text[excel.end() :]
    said, rest = told_by_anki(text)
    before += text[: len(text) - len(rest)]

    head, _, body = rest.partition("\n")
    separator, headings = _headings(head)
    named = said.get("separator", "").casefold()
    if excel:
        separator = excel["separator"]
    elif named:
        separator = _SEPARATORS.get(named, named[:1])
    if headings:
        before += head + "\n"
        rest = body
    elif "columns" in said:
        headings = _parts(said["columns"], separator)
    straight = _with_straight_quotes(rest, separator)
    lines = straight.removesuffix("\n").split("\n")
    return _Table(said, separator, headings, tuple(lines), before.count("\n"))


def told_by_anki(text: str) -> tuple[Texts, str]:
    """Return the settings at the beginning of Anki's tables, `#separator:tab`, and the rest."""
    said = {}
    while text.startswith("#"):
        line, _, rest = text.partition("\n")
        name, colon, value = line[1:].partition(":")
        if not colon:
            break
        said[name.strip().casefold()] = value.strip()
        text = rest
    return said, text


def _headings(text: str) -> tuple[str, Strings]:
    """Return the separator of a table by its first line, and the content of its columns.

    Without headings of both sides, no column is known.
    """
    head = text.partition("\n")[0]
    separator = max("\t;,|", key=head.count)
    parts = _parts(head, separator)
    return separator, parts if {"front", "back"} <= {*parts} else ()


def _parts(head: str, separator: str) -> Strings:
    """Return the part of a card that each column holds by its heading; "" = none."""
    try:
        names = next(csv.reader([head], delimiter=separator), [])
    except csv.Error:
        return ()
    parts = []
    for name in names:
        word = name.strip(' *_“”„"').casefold()
        if word in _FRONTS:
            parts.append("front")
        elif word in _BACKS:
            parts.append("back")
        else:
            parts.append(_OTHERS.get(word, ""))
    return tuple(parts)


def _with_straight_quotes(text: str, separator: str) -> str:
    """Return a table whose cells an editor put in curly quotes with those of a table.

    They are so only if there are no straight ones, and each row begins with one.
    """
    lines = text.strip().split("\n")
    if '"' in text or not all(line.startswith(("“", "„", "”")) for line in lines):
        return text
    sign = "\\" + separator
    edge = regex(rf"(?m)(?:^|(?<={sign}))[“„”]|[“”](?=[ \t]*(?:{sign}|$))")
    return edge.sub('"', text)


def card_rows(text: str) -> Iterator[CardRow]:
    """Yield the rows of a table, those that are no cards with the reason; no empty ones."""
    table = _table(text)
    columns = table.columns
    numbers = count(1)
    for lines, cells, fault in _rows(table):
        if not fault and not any(map(str.strip, cells)):
            continue
        row = dict[str, str]()
        for column, cell in zip_longest(columns, cells, fillvalue=""):
            row.setdefault(column, cell.strip())
        hint = _QUOTES_HINT
        if not fault:
            fault, hint = table.why_no_card(row, cells)
        first = table.before + lines.start + 1
        place = f"line {first}"
        if len(lines) > 1 and fault:
            place = f"lines {first}–{first + len(lines) - 1}"
        tags = [tag.lstrip("#") for tag in _TAGS.split(row.get("tags", "")) if tag]
        yield CardRow(
            next(numbers),
            place,
            row.get("front", ""),
            row.get("back", ""),
            row.get("extra", ""),
            row.get("quote", ""),
            # the tag counts in a column of any name
            tags=tuple(dict.fromkeys((*tags, *tag_among(cells)))),
            deck=row.get("deck") or table.said.get("deck", ""),
            notetype=row.get("notetype") or table.said.get("notetype", ""),
            guid=row.get("guid", ""),
            is_html=table.said.get("html", "").casefold() == "true",
            fault=fault,
            hint=hint,
        )


_MOST_COLUMNS = 1_000
# Rows of a table that are damaged, after which the rest is not read.
_MOST_DAMAGED = 200
_LONGEST_CELL = csv.field_size_limit()
_REASONS = {
    "unexpected end of data": "a quote in it does not end",
    "field larger than": f"it has a cell of more than {_LONGEST_CELL:,} letters",
}


def _rows(table: _Table) -> Iterator[tuple[range, list[str], str]]:
    """Yield the lines and the cells of each row; of a damaged one its lines and the reason.

    After a damaged row, the next line that is a row by itself begins the next one.
    """
    lines = table.body
    sign = re.escape(table.separator)
    cell = rf'(?:"(?:[^"]|"")*"|[^"{sign}]*)'
    whole = regex(rf"{cell}(?:{sign}{cell})*")
    start = 0
    for _ in range(_MOST_DAMAGED):
        first = start
        rest = (f"{lines[number]}\n" for number in range(first, len(lines)))
        reader = csv.reader(rest, delimiter=table.separator, strict=True)
        try:
            for cells in reader:
                after = first + reader.line_num
                yield range(start, after), cells, ""
                start = after
            return
        except csv.Error as error:
            fault = str(error)
        after = start + 1
        while after < len(lines) and not whole.fullmatch(lines[after]):
            after += 1
        reason = "a quote stands within a text in quotes"
        for beginning, other_reason in _REASONS.items():
            if fault.startswith(beginning):
                reason = other_reason
        yield range(start, after), [], reason
        start = after
    if start < len(lines):
        reason = f"{_MOST_DAMAGED:,} rows before it are damaged"
        yield range(start, len(lines)), [], reason
