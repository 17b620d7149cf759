"""Objects in what models write: JSON within prose, faulty, cut off, as a string, nested, or none.

`json-repair` mends faults. It would complete a card that was cut off, too, so it gets only
objects whose own closing brace is there.

A chat may write tables, or questions and answers. Of lines `name: value`, a name that comes again
begins a new card.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any

from ankiforge.model import Json
from ankiforge.text import regex

LONGEST = 8_000_000
"""The number of characters of a reply that are read."""

# --- backslashes ----------------------------------------------------------------------

# Commands of LaTeX that begin like an escape of JSON: `\n`, `\t`, `\u`.
_LATEX = (
    r"nabla|natural|ne|neq|neg|nu|not|notin|ni|norm|newcommand|nexists|nleq|ngeq"
    r"|nparallel|nearrow"
    r"|theta|tau|text\w*|times|to|tilde|top|tfrac|tbinom|tan|tanh|tr|triangle\w*"
    r"|therefore"
    r"|upsilon|uparrow|underline|underbrace|underset|uplus"
)
_BACKSLASH = regex(
    rf"""(?x)
      \\\\                                      # doubled already
    | \\(?=(?:{_LATEX})(?![A-Za-z]))            # a well-known command
    | \\(?=[bf][A-Za-z])                        # a backspace or form feed before a letter
    | \\(?=r(?!\\n)[A-Za-z])                    # a lone carriage return before a letter
    | \\(?!["\\/bfnrt']|u[0-9a-fA-F]{{4}})      # no escape of JSON
    """
)


def _fix_escapes(text: str) -> str:
    r"""Double the single backslashes of LaTeX: JSON would read `\frac` as a form feed.

    A backslash is doubled unless it begins a valid JSON escape, and also if it begins a
    well-known command, or a form feed, backspace or lone carriage return before a
    letter, which are never intended. Other `\n` and `\t` are kept.
    """
    return _BACKSLASH.sub(r"\\\\", text)


# --- objects --------------------------------------------------------------------------

_NAMES = "think|thinking|thought|reasoning|reflection|seed:think"
# Reasoning before the answer; it may begin in the request, so that only its end is there.
_THOUGHT = regex(
    rf"""(?isx)\A\s*(?:<({_NAMES})>.*?(?:</\1>|\Z) | \[THINK\].*?(?:\[/THINK\]|\Z)
    | <\|channel\|>\s*(?:analysis|commentary).*?(?:<\|channel\|>\s*final|\Z)
    | <\|begin_of_thought\|>.*?(?:<\|end_of_thought\|>|\Z)
    | .*</(?:{_NAMES})>(?=\s*(?:```\w*\s*)?[\[{{]))"""
)


def without_thoughts(text: str) -> str:
    """Return an answer without the reasoning before it."""
    while thought := _THOUGHT.match(text):
        text = text[thought.end() :].strip()
    return text


_DECODER = json.JSONDecoder(strict=False)
# The start of an object, but no braces of LaTeX or prose.
_BEGINS = regex(r"""\{(?=\s{0,99}(?:["'“„}]|\w{1,40}\s{0,9}:(?!:)))""")
_BRACE = regex(r"[{}]")
# After this number of places where no object begins, the rest of a reply is not read.
_FAILURES = 200
# Of a longer object that is faulty, those inside are read: mending takes long.
_MENDED_WHOLE = 50_000


# Quotation marks around names and values, where an editor has made all of them curly.
_CURLY = regex(r"\{\s{0,99}“")
_CURLY_MARK = regex(r"(?<=[\[{,:\s])[“„”](?=\S)(?<!\w\s.)|[“”](?=\s{0,99}[:,}\]])")


def objects(text: str) -> list[Any]:
    """Return the JSON objects in a reply, in order. Never raises.

    Fences, prose and reasoning around them are skipped, JSON with small faults is
    repaired, and objects of truncated JSON are kept if they are complete.
    """
    answer = _fix_escapes(without_thoughts(text[:LONGEST].strip("\ufeff \t\r\n")))
    if _CURLY.search(answer):
        answer = _CURLY_MARK.sub('"', answer)
    if answer.startswith('"'):
        inner = _decoded(answer)
        if isinstance(inner, str) and "{" in inner:
            return objects(inner)
    values = []
    place = 0
    failures = 0
    while failures < _FAILURES:
        start = _BEGINS.search(answer, place)
        if start is None:
            break
        value, place = _object_at(answer, start.start())
        if value is None:
            place = start.end()
            failures += 1
        else:
            values.append(value)
    return values


def _object_at(text: str, start: int) -> tuple[Any, int]:
    """Return the object that begins at a brace, and where it ends; None if it is not whole."""
    try:
        return _DECODER.raw_decode(text, start)
    except (ValueError, RecursionError):
        pass
    from json_repair import repair_json

    depth = 0
    for brace in _BRACE.finditer(text, start):
        depth += 1 if brace[0] == "{" else -1
        if depth > 0:
            continue
        if brace.end() - start > _MENDED_WHOLE:
            break
        # whole, but with other or missing quotes or commas
        try:
            value = repair_json(
                text[start : brace.end()], return_objects=True, skip_json_loads=True
            )
        except (ValueError, RecursionError):
            value = None
        is_container = isinstance(value, dict | list)
        return (value if is_container else None), brace.end()
    return None, start


def _decoded(text: str) -> Any:
    """Return the value that a text is in JSON; None if it is none."""
    try:
        return json.loads(text, strict=False)
    except (ValueError, RecursionError):
        return None


# --- what is in objects ---------------------------------------------------------------

_LABEL = regex(r"(?i)(?:h(?:ighlight)?[\s_#-]*)?(\d{1,3}|[0-9a-f]{8})")
_DEEPEST = 5


def flat(
    value: Any, label_key: str, label: object = None, depth: int = 0
) -> Iterator[Json]:
    """Yield the innermost objects in JSON, however it is nested.

    Args:
        value: an object, a list of objects, or either as a string of JSON.
        label_key: the key of labels.
        label: of the group in which the value is; objects without a label get it.
        depth: how deep the value is nested.
    """
    if depth > _DEEPEST:
        return
    if isinstance(value, str) and value.lstrip()[:1] in ("{", "["):
        value = objects(value)
    if isinstance(value, list):
        for item in value:
            yield from flat(item, label_key, label, depth + 1)
    if not isinstance(value, dict):
        return
    label = value.get(label_key, label)
    is_innermost = True
    for key, part in value.items():
        own_label = _LABEL.fullmatch(str(key).strip())
        group_label = own_label[1] if own_label else label
        for inner in flat(part, label_key, group_label, depth + 1):
            is_innermost = False
            yield inner
    if is_innermost:
        yield {label_key: label, **value} if label is not None else value


def string_in(text: str, names: Sequence[str]) -> str:
    """Return the string that a reply gives under one of some names, the first that it has.

    A reply with a single string under another name, or in a list, gives that. One without JSON is
    the string itself, if it is a single line. "" if there is none.
    """
    found = list(flat(objects(text), ""))
    for each in found:
        for name in names:
            value = each.get(name)
            if isinstance(value, list) and all(isinstance(part, str) for part in value):
                value = ", ".join(value)
            if isinstance(value, str | int | float) and str(value).strip():
                return str(value)
    answer = without_thoughts(text[:LONGEST].strip())
    values = [part for each in found for part in each.values()]
    if not found:
        decoded = _decoded(_fix_escapes(answer))
        values = decoded if isinstance(decoded, list) else []
    if len(values) == 1 and isinstance(values[0], str):
        return values[0].strip()
    has_markup = any(sign in answer for sign in "{}[]<>`\n")
    return "" if has_markup or found else answer.strip('"')


# --- cards without JSON ---------------------------------------------------------------


Names = Mapping[str, str]
"""Our name for each name of a part of a card, in small letters without blanks."""


def cards_in_lines(text: str, names: Names) -> list[Json]:
    """Return the cards that the lines of an answer give, by our names of their parts."""
    lines = text.strip("\ufeff").splitlines()
    return _rows(lines, names) or _named_parts(lines, names)


# --- tables ---------------------------------------------------------------------------

_CELL_ENDS = regex(r"\t|(?<!\\)\|")


def _rows(lines: Iterable[str], names: Names) -> list[Json]:
    """Return the cards of tables, with bars or tabs; a row that was cut off is none."""
    cards = []
    header: list[str] = []
    header_end = ""
    for line in map(str.strip, lines):
        cells = [cell.strip() for cell in _CELL_ENDS.split(line.strip("|"))]
        if not line:
            header = []
        elif not header:
            # our name for each column of a table of cards; another table has none
            header = [names.get(letters_of_name(cell), "") for cell in cells]
            if not ({"front", "back"} <= set(header) or {"h", "text"} <= set(header)):
                header = []
            header_end = line[-1]
        elif len(cells) == len(header) and (line[-1] == "|") == (header_end == "|"):
            row = zip(header, cells, strict=True)
            card = {name: cell.replace("\\|", "|") for name, cell in row if name}
            if any(map(str.isalnum, line)):
                cards.append(card)
    return cards


# --- names and values -----------------------------------------------------------------

_LINE = regex(
    r"""(?x)
    (?P<sign> (?: [\s>#+•–-] | \*(?=\s) | \d{1,3}[.)] ){0,30} )
    (?P<emphasis> [*_`]{0,3} ) (?P<name> [^\W\d_]{1,20} (?: [ _] [^\W\d_]{1,20} )? ) \ ? \d{0,3}
    (?P=emphasis)? \s{0,9} (?: [:：] (?P=emphasis)? \s{0,9} (?P<value> .* ) )?
    """
)
_HEX_LABEL = regex(r"(?<![0-9a-zA-Z])[0-9a-f]{8}(?![0-9a-zA-Z])")
# A line with a label is a heading: it is no longer than that.
_HEADING = 80


def _named_parts(lines: Iterable[str], names: Names) -> list[Json]:
    """Return the cards of lines `name: value`, or `name` as a heading of lines."""
    cards: list[Json] = []
    card: Json = {}
    open_part = ""  # the part of the card that an unnamed line goes on with
    unnamed = ""  # the last line that belongs to no part
    before = ""  # the one before the card: the question, if the card has only an answer
    for line in lines:
        stripped = line.strip()
        if not stripped:
            if card.get(open_part):  # a value ends with its paragraph
                open_part = ""
            continue

        # the part that the line begins
        match = _LINE.fullmatch(line)
        name = value = ""
        if match:
            value = match["value"] or ""
            is_heading = bool(match["emphasis"]) or "#" in match["sign"]
            if is_heading or match["value"] is not None:
                name = names.get(letters_of_name(match["name"]), "")
        is_new = name in card
        label = _HEX_LABEL.search(line) if len(line) <= _HEADING else None
        if not name and stripped.startswith(">"):
            name = "quote"
            value = f"{card.get(name, '')} {stripped.lstrip('> ')}".strip()
        elif not name and label and not open_part:
            name = "h"
            value = label[0]
            is_new = "front" in card

        if not name and open_part:
            card[open_part] = f"{card[open_part]}\n{stripped}".strip()
        elif not name:
            unnamed = stripped.lstrip("#>*-0123456789.) ").strip("*_ ")
        else:
            if is_new or not card:
                cards.append(_with_question(card, before))
                card = {}
                before, unnamed = unnamed, ""
            card[name] = value
            open_part = name
    cards.append(_with_question(card, before))
    return list(filter(None, cards))


def _with_question(card: Json, question: str) -> Json:
    """Return a card with an answer and without a question with the question."""
    if question and "back" in card and "front" not in card:
        return {"front": question, **card}
    return card


def letters_of_name(text: str) -> str:
    """Return the small letters of the name of a part of a card."""
    return re.sub(r"[^a-zé]", "", text[:40].casefold())
