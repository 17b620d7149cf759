"""JSON in what models write: within prose, faulty, cut off, as a string, or nested in any way."""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Iterator, Sequence
from typing import Any

from ankiforge.model import Json
from ankiforge.text import regex

LONGEST = 500_000
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
    | \\(?P<apostrophe>')
    """
)


def _fix_escapes(text: str, apostrophe: str = "'") -> str:
    r"""Double the single backslashes of LaTeX: JSON would read `\frac` as a form feed.

    A backslash is doubled unless it begins a valid JSON escape, and also if it begins a
    well-known command, or a form feed, backspace or lone carriage return before a
    letter, which are never intended. Other `\n` and `\t` are kept. `\'` becomes `apostrophe`.
    """

    def fixed(backslash: re.Match[str]) -> str:
        return apostrophe if backslash["apostrophe"] else r"\\"

    return _BACKSLASH.sub(fixed, text)


# --- objects --------------------------------------------------------------------------

_NAMES = "think|thinking|thought|reasoning|reflection|seed:think"
# Reasoning before the answer; it may begin in the request, so that only its end is there.
_THOUGHT = regex(
    rf"""(?isx)\A\s*(?:<({_NAMES})>.*?(?:</\1>|\Z) | \[THINK\].*?(?:\[/THINK\]|\Z)
    | <\|channel\|>\s*(?:analysis|commentary).*?(?:<\|channel\|>\s*final|\Z)
    | <\|begin_of_thought\|>.*?(?:<\|end_of_thought\|>|\Z)
    | .*</(?:{_NAMES})>(?=\s*(?:```\w*\s*)?[\[{{]))"""
)


def objects(text: str) -> list[Any]:
    """Return the JSON objects in a reply, in order. Never raises.

    Fences, prose and reasoning around them are skipped, JSON with small faults is
    repaired, and objects of truncated JSON are kept if they are complete.
    """
    answer = without_thoughts(text[:LONGEST].strip("\ufeff \t\r\n"))
    if answer.startswith('"'):
        inner = _string_within(answer)
        if "{" in inner:
            return objects(inner)
    whole, is_broken = _whole_objects(_fix_escapes(answer))
    if is_broken or not whole:
        # an escaped apostrophe does not end a string in single quotes
        repaired = _repaired(_fix_escapes(answer, r"\'"))
        if _size(repaired) > _size(whole):
            return repaired
    return whole


def without_thoughts(text: str) -> str:
    """Return an answer without the reasoning before it."""
    while thought := _THOUGHT.match(text):
        text = text[thought.end() :].strip()
    return text


def string_in(text: str, names: Sequence[str]) -> str:
    """Return the string that a reply gives under one of some names, the first that it has.

    A reply with a single string under another name, or in a list, gives that. One without JSON is
    the string itself, if it is a single line. "" if there is none.
    """
    objects_found = list(flat(objects(text), ""))
    for flat_object in objects_found:
        for name in names:
            value = flat_object.get(name)
            if isinstance(value, list) and all(isinstance(part, str) for part in value):
                value = ", ".join(value)
            if isinstance(value, str | int | float) and str(value).strip():
                return str(value)
    answer = without_thoughts(text[:LONGEST].strip())
    only = _only_string(objects_found or _list_in(answer))
    if only:
        return only
    has_markup = any(sign in answer for sign in "{}[]<>`")
    is_line = "\n" not in answer and not has_markup
    return answer.strip('"') if is_line and not objects_found else ""


def _only_string(values: Sequence[Any]) -> str:
    """Return the one string that some values are or have; "" if they have none or several."""
    if len(values) != 1:
        return ""
    [value] = values
    inner = list(value.values()) if isinstance(value, dict) else [value]
    is_one_string = len(inner) == 1 and isinstance(inner[0], str)
    return inner[0].strip() if is_one_string else ""


def _list_in(answer: str) -> list[Any]:
    """Return the list of JSON that an answer is; [] if it is none."""
    try:
        value = json.loads(_fix_escapes(answer), strict=False)
    except (ValueError, RecursionError):
        return []
    return value if isinstance(value, list) else []


def _string_within(text: str) -> str:
    """Return the content of a JSON string; "" if it is none."""
    try:
        inner = json.loads(_fix_escapes(text), strict=False)
    except (ValueError, RecursionError):
        return ""
    return inner if isinstance(inner, str) else ""


def _size(values: Iterable[Any]) -> int:
    """Return how many innermost objects are in JSON."""
    return sum(1 for _ in flat(values, "h"))


_DECODER = json.JSONDecoder(strict=False)
# The start of an object, but no braces of LaTeX or prose.
_BEGINS = regex(r"""\{(?=\s{0,99}["'“„}])""")
# After this number of places where no object begins, the rest of a reply is not searched for
# whole objects.
_FAILURES = 200


def _whole_objects(text: str) -> tuple[list[Any], bool]:
    """Return the outermost valid objects in a text, and whether there is an invalid one."""
    values = []
    place = 0
    failures = 0
    while failures < _FAILURES:
        start = _BEGINS.search(text, place)
        if start is None:
            break
        try:
            value, place = _DECODER.raw_decode(text, start.start())
            values.append(value)
        except (ValueError, RecursionError):
            place = start.end()
            failures += 1
    return values, failures > 0


_QUOTES = "\"'“”„‘’"
_LOOSE_START = regex(rf"\{{\s{{0,99}}[{_QUOTES}]?\w{{1,40}}[{_QUOTES}]?\s{{0,9}}:(?!:)")


def _repaired(text: str) -> list[Any]:
    """Return the objects that json-repair reads: other or missing quotes, missing commas.

    It would complete a card that was cut off, so only what ends with a brace is read.
    """
    from json_repair import repair_json

    start = _LOOSE_START.search(text)
    end = text.rfind("}") + 1
    if start is None or end <= start.start():
        return []
    try:
        value = repair_json(
            text[start.start() : end],
            return_objects=True,
            skip_json_loads=True,
        )
    except (ValueError, RecursionError):
        return []
    return value if isinstance(value, list) else [value]


# --- nested objects -------------------------------------------------------------------

_LABEL = regex(r"(?i)(?:h(?:ighlight)?[\s_#-]*)?(\d{1,3}|[0-9a-f]{8})")
_DEEPEST = 5


def flat(value: Any, label_key: str, depth: int = 0) -> Iterator[Json]:
    """Yield the innermost objects in JSON, however it is nested.

    Args:
        value: an object, a list of objects, or either as a string of JSON.
        label_key: the key of labels. Objects grouped under a label get it, whether it
            is a value beside their group or the key of it.
        depth: how deep the value is nested.
    """
    if depth > _DEEPEST:
        return
    if isinstance(value, str) and _is_json(value):
        value, _ = _whole_objects(_fix_escapes(value))
    if isinstance(value, dict):
        yield from _flat_dict(value, label_key, depth)
    elif isinstance(value, Iterable) and not isinstance(value, str):
        for item in value:
            yield from flat(item, label_key, depth + 1)


def _is_json(text: str) -> bool:
    return text.lstrip()[:1] in ("{", "[")


def _flat_dict(value: Json, label_key: str, depth: int) -> Iterator[Json]:
    """Yield the innermost objects in an object: itself if there are no others."""
    own_label = {}
    if isinstance(value.get(label_key), str | int):
        own_label[label_key] = value[label_key]
    inner = []
    for key, group in _groups(value).items():
        label_match = _LABEL.fullmatch(str(key).strip())
        label = {label_key: label_match[1]} if label_match else own_label
        for facts in flat(group, label_key, depth + 1):
            inner.append({**label, **facts})
    yield from inner or [value]


def _groups(value: Json) -> Json:
    """Return the parts of an object that may contain objects, strings of JSON last."""
    groups = {}
    for key, part in value.items():
        if isinstance(part, dict | list):
            groups[key] = part
    for key, part in value.items():
        if str(part)[:1] in "{[":
            groups[key] = part
    return groups
