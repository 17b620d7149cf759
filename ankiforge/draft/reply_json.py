"""Parse the JSON objects in the reply of a model or chat.

The objects may be surrounded by prose, malformed, cut off, nested or inside a string.
`json-repair` fixes errors, but would also complete an object that is cut off, so it only gets
objects with a closing brace.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from contextlib import suppress
from typing import Any

from ankiforge.model import Json
from ankiforge.text import regex

MAX_REPLY_CHARS = 8_000_000
"""Only this many characters at the beginning of a reply are read."""

# --- backslashes ----------------------------------------------------------------------

# LaTeX commands that begin like one of the JSON escapes `\n`, `\t` and `\u`.
_LATEX = (
    r"nabla|natural|ne|neq|neg|nu|not|notin|ni|norm|newcommand|nexists|nleq|ngeq"
    r"|nparallel|nearrow"
    r"|theta|tau|text\w*|times|to|tilde|top|tfrac|tbinom|tan|tanh|tr|triangle\w*"
    r"|therefore"
    r"|upsilon|uparrow|underline|underbrace|underset|uplus"
)
# Matches the backslashes to double, so that JSON doesn't read `\\frac` as a form feed. They begin a
# known LaTeX command or no valid JSON escape, or are before a letter that would be read as a
# backspace, form feed or lone carriage return, which a reply never means.
_BACKSLASH = regex(
    rf"""(?x)
      \\\\                                      # already doubled
    | \\(?=(?:{_LATEX})(?![A-Za-z]))            # a well-known command
    | \\(?=[bf][A-Za-z])                        # a backspace or form feed before a letter
    | \\(?=r(?!\\n)[A-Za-z])                    # a lone carriage return before a letter
    | \\(?!["\\/bfnrt']|u[0-9a-fA-F]{{4}})      # not a JSON escape
    """
)


# --- objects --------------------------------------------------------------------------

_REASONING_TAGS = "think|thinking|thought|reasoning|reflection|seed:think"
# Matches the reasoning before the answer. If the request already began the reasoning, the reply
# contains only its end tag.
_REASONING = regex(
    rf"""(?isx)\A\s*(?:<({_REASONING_TAGS})>.*?(?:</\1>|\Z) | \[THINK\].*?(?:\[/THINK\]|\Z)
    | <\|channel\|>\s*(?:analysis|commentary).*?(?:<\|channel\|>\s*final|\Z)
    | <\|begin_of_thought\|>.*?(?:<\|end_of_thought\|>|\Z)
    | .*</(?:{_REASONING_TAGS})>(?=\s*(?:```\w*\s*)?[\[{{]))"""
)


def strip_reasoning(text: str) -> str:
    """Strip any reasoning that precedes the answer."""
    while reasoning := _REASONING.match(text):
        text = text[reasoning.end() :].strip()
    return text


_DECODER = json.JSONDecoder(strict=False)
# Matches a brace that begins an object, but not one in LaTeX or prose.
_OBJECT_START = regex(r"""\{(?=\s{0,99}(?:["'“„”«}]|\w{1,40}\s{0,9}:(?!:)))""")
_BRACE = regex(r"[{}]")
# After this many braces that don't begin an object, the rest of the reply isn't read.
_MAX_FAILURES = 200
# Longer malformed objects aren't repaired, because that is slow. Their inner objects are read.
_MAX_REPAIR_CHARS = 50_000


# Match typographic quotation marks around keys and values, which an editor has put there. Those
# inside a value stay: a value begins right after its key, and ends before the next key or the end
# of the object.
_CURLY_OBJECT = regex(r"\{\s{0,99}[“„”«]")
_CURLY_KEY = r"[“„”«]\s?(?P<key>\w{1,40})\s?[“”»](?=\s{0,9}:)"
_CURLY_MARK = regex(
    rf"(?<=[{{,\s]){_CURLY_KEY}(?P<start>\s{{0,9}}:\s{{0,99}}\[?[“„”«])?"
    r"|\s?[“”»](?=\s{0,99}(?:\}(?!\})|\]|,\s{0,99}(?:\{|[“„”«\"]\s?\w{1,40}\s?[“”»\"]\s{0,9}:)))"
)


def _straighten_marks(match: re.Match[str]) -> str:
    key, value_start = match["key"], match["start"]
    if not key:  # the end of a value
        return '"'
    if not value_start:
        return f'"{key}"'
    return f'"{key}"{value_start[:-1]}"'


def parse_objects(text: str) -> list[Any]:
    """Parse all JSON objects in a reply, in order. Never raises.

    Code fences, prose and reasoning are skipped, and small errors are repaired. If the reply is
    truncated, its complete objects are returned.
    """
    answer = _BACKSLASH.sub(r"\\\\", _strip_around_answer(text))
    if _CURLY_OBJECT.search(answer):
        answer = _CURLY_MARK.sub(_straighten_marks, answer)
    inner_text = _parse_json_string(answer)
    if inner_text is not None:
        return parse_objects(inner_text)
    return list(_iter_objects(answer))


def _strip_around_answer(text: str) -> str:
    return strip_reasoning(text[:MAX_REPLY_CHARS].strip("\ufeff \t\r\n"))


def _parse_json_string(text: str) -> str | None:
    """Return the content of a JSON string that contains objects, or None."""
    if not text.startswith('"'):
        return None
    with suppress(ValueError, RecursionError):
        content = json.loads(text, strict=False)
        if isinstance(content, str) and "{" in content:
            return content
    return None


def _iter_objects(text: str) -> Iterator[Any]:
    """Yield the JSON objects in a text. If an object can't be parsed, its inner objects are."""
    end_by_start = _match_braces(text)
    position = 0
    failures = 0
    while failures < _MAX_FAILURES:
        brace = _OBJECT_START.search(text, position)
        if brace is None:
            return
        parsed = _parse_object_at(text, brace.start(), end_by_start.get(brace.start()))
        if parsed is None:
            position = brace.end()
            failures += 1
        else:
            value, position = parsed
            yield value


def _match_braces(text: str) -> dict[int, int]:
    """Map the offset of each opening brace to the end of the object that it begins."""
    end_by_start = {}
    open_braces = []
    for brace in _BRACE.finditer(text):
        if brace[0] == "{":
            open_braces.append(brace.start())
        elif open_braces:
            end_by_start[open_braces.pop()] = brace.end()
    return end_by_start


# Matches a string value from its key to the next key or the end of the object. Quotation marks in
# the value should have been escaped.
_STRING_VALUE = regex(
    r"""(?s)("\w{1,40}"\s{0,9}:\s{0,99}")((?:(?!"\w{1,40}"\s{0,9}:).){0,2000}?)"""
    r"""(?="\s{0,99}(?:\}(?!\})|\]|,\s{0,99}(?:\{|"\w{1,40}"\s{0,9}:)))"""
)
_UNESCAPED_MARK = regex(r'(?<!\\)"')


def _escape_inner_marks(value: re.Match[str]) -> str:
    return value[1] + _UNESCAPED_MARK.sub(r"\"", value[2])


def _parse_object_at(text: str, start: int, end: int | None) -> tuple[Any, int] | None:
    """Parse the JSON object whose opening brace is at `start`, repairing it if necessary.

    `end` is the offset after the matching closing brace, or None if there is no such brace.
    Returns the object and the offset of its end, or None if the object is incomplete or can't be
    repaired.
    """
    with suppress(ValueError, RecursionError):
        return _DECODER.raw_decode(text, start)
    if end is None or end - start > _MAX_REPAIR_CHARS:
        return None
    with suppress(ValueError, RecursionError):
        escaped = _STRING_VALUE.sub(_escape_inner_marks, text[start:end])
        return _DECODER.decode(escaped), end
    from json_repair import repair_json

    # the object is complete, but has wrong or missing quotes or commas
    with suppress(ValueError, RecursionError):
        value = repair_json(text[start:end], return_objects=True, skip_json_loads=True)
        if isinstance(value, dict | list):
            return value, end
    return None


_STRING_OR_BRACE = regex(r'"(?:[^"\\]|\\.)*"|[{}]')


def is_truncated(text: str) -> bool:
    """Return whether a reply ends inside an object."""
    answer = _strip_around_answer(text)
    first = _OBJECT_START.search(answer)
    if first is None:
        return False
    depth = 0
    for token in _STRING_OR_BRACE.finditer(answer, first.start()):
        if token[0] == "{":
            depth += 1
        elif token[0] == "}":
            depth -= 1
    return depth > 0


# --- parts of objects -----------------------------------------------------------------

_LABEL = regex(r"(?i)(?:h(?:ighlight)?[\s_#-]*)?(\d{1,3}|[0-9a-f]{8})")
_MAX_DEPTH = 5


def iter_innermost_objects(
    value: Any, label_key: str, label: object = None, depth: int = 0
) -> Iterator[Json]:
    """Yield the objects in a JSON value that contain no other objects, however deeply nested.

    With the label key `h`, both `{"h": "1", "cards": [{"front": "x"}]}` and
    `{"h1": {"front": "x"}}` yield `{"h": "1", "front": "x"}`.

    Args:
        value: An object, a list of objects, or a JSON string of either.
        label_key: The key that holds an object's label.
        label: The label of the enclosing object, used for objects without a label of their own.
        depth: The current nesting depth.
    """
    if depth > _MAX_DEPTH:
        return
    if isinstance(value, str) and value.lstrip().startswith(("{", "[")):
        value = parse_objects(value)
    if isinstance(value, list):
        for item in value:
            yield from iter_innermost_objects(item, label_key, label, depth + 1)
    elif isinstance(value, dict):
        yield from _iter_innermost_in_object(value, label_key, label, depth)


def _iter_innermost_in_object(
    entry: Json, label_key: str, outer_label: object, depth: int
) -> Iterator[Json]:
    """Yield the innermost objects in an object, which is the object itself if it has no others."""
    label = entry.get(label_key, outer_label)
    has_inner_objects = False
    for key, child in entry.items():
        # a group of cards may be under the label of their highlight
        key_label = _LABEL.fullmatch(str(key).strip())
        child_label = label
        if key_label:
            child_label = key_label[1]
        for inner in iter_innermost_objects(child, label_key, child_label, depth + 1):
            has_inner_objects = True
            yield inner
    if has_inner_objects:
        return
    if label is None:
        yield entry
    else:
        yield {label_key: label, **entry}


def normalize_key(text: str) -> str:
    """Reduce a key to its lowercase letters, so that different spellings compare equal."""
    return re.sub(r"[^a-z]", "", text[:40].casefold())
