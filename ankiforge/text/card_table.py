"""Tables of cards: rows of question and answer, as chats write them and Anki exports them."""

from __future__ import annotations

import csv
from collections.abc import Iterator
from io import StringIO
from itertools import count
from typing import NamedTuple

from ankiforge.model import Strings, Texts
from ankiforge.text import regex

SEPARATORS = {"tab": "\t", "comma": ",", "semicolon": ";", "pipe": "|", "space": " "}
"""What Anki calls what is between two columns."""
FRONTS = frozenset(
    "front question frage vorderseite text q recto pregunta term begriff terme término domanda"
    " pergunta вопрос 问题 問題 質問 질문".split()
)
"""The headings of a column of questions, in lower case."""
BACKS = frozenset(
    "back answer antwort rückseite a verso réponse reponse respuesta definition definición"
    " définition risposta resposta ответ 答案 回答 解答 답".split()
)
"""The same of answers."""
_TAGS = regex(r"[\s,;]+")
_OTHERS = {"tags": "tags", "tag": "tags", "deck": "deck", "guid": "guid"}
_OTHERS |= {"extra": "extra", "notes": "extra", "hint": "extra", "explanation": "extra"}


class CardRow(NamedTuple):
    """A row: a question and its answer, or a text with gaps."""

    number: int
    """Counted from 1, of the rows that are cards."""
    front: str
    back: str
    extra: str
    tags: Strings
    deck: str
    guid: str
    """The id of the note in Anki, if Anki exported it."""
    is_html: bool
    fault: str = ""
    """Why it is no card: its cells are not those that the headings name."""

    @property
    def has_gaps(self) -> bool:
        """Whether it is a cloze."""
        return "{{c" in self.front


def told_by_anki(text: str) -> tuple[Texts, str]:
    """Return what Anki says at the beginning of a table, `#separator:tab`, and the rest."""
    said = {}
    while text.startswith("#"):
        line, _, rest = text.partition("\n")
        name, colon, value = line[1:].partition(":")
        if not colon:
            break
        said[name.strip().casefold()] = value.strip()
        text = rest
    return said, text


def columns_of(head: str) -> tuple[str, dict[int, str]]:
    """Return the separator of a table and what its columns hold by their headings.

    `head` is its first line. Without headings of both sides, no column is known.
    """
    separator = max("\t;,|", key=head.count)
    try:
        names = next(csv.reader([head], delimiter=separator), [])
    except csv.Error:
        return separator, {}
    columns = {}
    for place, name in enumerate(names):
        name = name.strip().casefold()
        if name in FRONTS:
            columns[place] = "front"
        elif name in BACKS:
            columns[place] = "back"
        elif name in _OTHERS:
            columns[place] = _OTHERS[name]
    return separator, columns if ({"front", "back"} <= set(columns.values())) else {}


def is_card_table(head: str) -> bool:
    """Return whether a text begins as a table of cards: by its headings, or Anki's first line."""
    said, rest = told_by_anki(head)
    return "separator" in said or bool(columns_of(rest.partition("\n")[0])[1])


def card_rows(text: str) -> Iterator[CardRow]:
    """Yield the rows of a table that have two columns, or gaps in the first.

    Raises:
        csv.Error: it is no table.
    """
    said, text = told_by_anki(text)
    head, _, body = text.partition("\n")
    separator, columns = columns_of(head)
    widest = 0
    if columns:
        text = body
        widest = len(next(csv.reader([head], delimiter=separator)))
    named = said.get("separator", "").casefold()
    separator = SEPARATORS.get(named, named[:1]) or separator
    for name, value in said.items():
        kind, is_column, _ = name.partition(" column")
        if is_column and value.isdigit():
            columns[int(value) - 1] = kind
    is_html = said.get("html", "").casefold() == "true"
    numbers = count(1)
    for cells in csv.reader(StringIO(text), delimiter=separator, strict=True):
        row: dict[str, str] = {}
        unnamed = []
        for place, cell in enumerate(cells):
            if place in columns:
                row.setdefault(columns[place], cell.strip())
            else:
                unnamed.append(cell.strip())
        if "front" not in row:
            row |= dict(zip(("front", "back", "extra"), unnamed, strict=False))
        front = row.get("front", "")
        fault = ""
        if widest and any(map(str.strip, cells[widest:])):
            fault = f"it has {len(cells)} columns, and its table {widest}"
        elif widest and not front and row.get("back"):
            fault = "it has no question"
        elif not front or not ("back" in row or "{{c" in front):
            continue
        yield CardRow(
            number=next(numbers),
            front=front,
            back=row.get("back", ""),
            extra=row.get("extra", ""),
            tags=tuple(
                tag.lstrip("#") for tag in _TAGS.split(row.get("tags", "")) if tag
            ),
            deck=row.get("deck", ""),
            guid=row.get("guid", ""),
            is_html=is_html,
            fault=fault,
        )
