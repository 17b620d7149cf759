"""Read the literals of Lua in which KOReader keeps its settings. Nothing is ever run.

A file is `return` and one value: a table, a string, a number, a boolean or nil. What
computes something, a call or an operator, is an error.
"""

from __future__ import annotations

import re
from typing import Any

from ankiforge.errors import ItemError
from ankiforge.text import regex

DEEPEST = 60
"""The greatest depth of tables; KOReader's have six."""
HINT = "open and close the book in KOReader, which writes the file again"

Table = dict[Any, Any]
"""A table by its keys: text, numbers or booleans; entries without a key count from 1."""

# A file is taken as Latin-1, so that a character is a byte: a text may be cut within a letter.
_TOKEN = regex(
    r"""(?sx)
      (?P<blank>\s+|--\[(?P<c>=*)\[(?:.*?\](?P=c)\]|.*)|--[^\n]*)
    | (?P<quoted>"(?:[^"\\\n]|\\.)*"|'(?:[^'\\\n]|\\.)*')
    | \[(?P<level>=*)\[\n?(?P<long>.*?)\](?P=level)\]
    | (?P<number>-?(?:0[xX][0-9A-Fa-f]+|(?:\d+\.?\d*|\.\d+)(?:[eE][+-]?\d+)?)|-?(?:inf|nan)\b)
    | (?P<name>[A-Za-z_]\w*)
    | (?P<sign>[{}\[\]=,;])
    """
)
_ESCAPE = regex(
    r"(?s)\\(?:z\s*|x(?P<hexadecimal>[0-9A-Fa-f]{2})|(?P<decimal>\d{1,3})|(?P<letter>.))"
)
_LETTERS = {"a": "\a", "b": "\b", "f": "\f", "n": "\n", "r": "\r", "t": "\t", "v": "\v"}
_CONSTANTS = {"true": True, "false": False, "nil": None}


def value_of(raw: bytes) -> Any:
    """Return the value of a file.

    Raises:
        ItemError: it is not a literal, or its tables are nested too deeply.
    """
    reader = _Reader(raw.decode("latin-1").removeprefix("\xef\xbb\xbf"))
    return reader.value_of_file()


class _Reader:
    """Reads tokens from left to right; each is looked at once."""

    def __init__(self, source: str) -> None:
        self._source = source
        self._at = 0
        self._kind = ""
        self._token: Any = None
        self._next()

    def value_of_file(self) -> Any:
        """Return the value after `return`, with which the file must end."""
        if self._kind == "name" and self._token == "return":
            self._next()
        value = self._value(depth=0)
        if self._kind != "end":
            raise self._error()
        return value

    def _value(self, depth: int) -> Any:
        """Return the value that begins here."""
        if self._is_sign("{"):
            return self._table(depth + 1)
        token = self._token
        if self._kind == "name":
            if token not in _CONSTANTS:
                raise self._error()
            token = _CONSTANTS[token]
        elif self._kind not in ("text", "number"):
            raise self._error()
        self._next()
        return token

    def _table(self, depth: int) -> Table:
        """Return the table that begins here."""
        if depth > DEEPEST:
            raise ItemError("its tables are nested too deeply", hint=HINT)
        self._next()
        table: Table = {}
        count = 0
        while not self._is_sign("}"):
            key, value = self._field(depth)
            if key is None:
                count += 1
                key = count
            table[key] = value
            if self._is_sign(",") or self._is_sign(";"):
                self._next()
            elif not self._is_sign("}"):
                raise self._error()
        self._next()
        return table

    def _field(self, depth: int) -> tuple[Any, Any]:
        """Return a key and its value: `[key] = value`, `name = value`, or a value without a key."""
        if self._is_sign("["):
            self._next()
            key = self._value(depth)
            if isinstance(key, dict) or key is None:
                raise self._error()
            self._expect("]")
            self._expect("=")
            return key, self._value(depth)
        if self._kind == "name" and self._token not in _CONSTANTS:
            name = self._token
            self._next()
            self._expect("=")
            return name, self._value(depth)
        return None, self._value(depth)

    # --- tokens

    def _next(self) -> None:
        """Go to the next token; comments are left out."""
        while True:
            match = _TOKEN.match(self._source, self._at)
            if match is None:
                self._kind = "end" if self._at == len(self._source) else "unknown"
                return
            self._at = match.end()
            kind = match.lastgroup or ""
            if match["blank"] is None:
                break
        self._kind = kind
        self._token = match[0]
        if match["quoted"] is not None:  # with `\n`, `\195\169`, a line break after `\`
            self._kind = "text"
            self._token = _decoded(_ESCAPE.sub(_escaped, match["quoted"][1:-1]))
        elif match["long"] is not None:
            self._kind = "text"
            self._token = _decoded(match["long"])
        elif kind == "number" and "x" in match[0].lower():
            self._token = int(match[0], 16)
        elif (
            kind == "number"
        ):  # a whole one may be written as `12.0`, and is a key like `12`
            number = float(match[0])
            self._token = int(number) if number.is_integer() else number

    def _is_sign(self, sign: str) -> bool:
        return self._kind == "sign" and self._token == sign

    def _expect(self, sign: str) -> None:
        if not self._is_sign(sign):
            raise self._error()
        self._next()

    def _error(self) -> ItemError:
        line = self._source.count("\n", 0, self._at) + 1
        if self._kind == "end":
            return ItemError("it ends in the middle of a table", hint=HINT)
        return ItemError(f"line {line} is not a plain value of Lua", hint=HINT)


def _escaped(escape: re.Match[str]) -> str:
    """Return the character that an escape sequence of Lua stands for."""
    if escape["hexadecimal"]:
        return chr(int(escape["hexadecimal"], 16))
    if escape["decimal"]:
        return chr(int(escape["decimal"]) & 0xFF)
    letter = escape["letter"] or ""
    return _LETTERS.get(letter, letter)


def _decoded(text: str) -> str:
    """Return a text whose characters are the bytes of UTF-8. A broken one becomes U+FFFD."""
    return text.encode("latin-1").decode("utf-8", "replace")
