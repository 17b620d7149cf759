"""Read YAML that a person edits, with errors that name file, line and key.

`read` returns plain data and its location. `typed` converts data to a `msgspec.Struct`, or raises a
`ConfigError` such as

    ankiforge.yaml:12: sources[0].obsidian.pat: unknown key
    hint: did you mean 'path'?
"""

from __future__ import annotations

import difflib
import re
import unicodedata
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import TypeVar

import msgspec
import yaml
from msgspec import inspect

from ankiforge.errors import ConfigError

Step = str | int
"""One step of a path: the key of a mapping, or the index in a list."""
T = TypeVar("T", bound=msgspec.Struct)


# --- locations ------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Location:
    """A place in a file that a person edits."""

    file: str
    """The name of the file in messages."""
    steps: tuple[Step, ...] = ()
    lines: Mapping[tuple[Step, ...], int] = field(default_factory=dict, compare=False, repr=False)
    """The line (from 1) of every key and list item of the file."""

    def at(self, *steps: Step) -> Location:
        """Return a place further down."""
        return Location(self.file, (*self.steps, *steps), self.lines)

    @property
    def line(self) -> int:
        """The line of the nearest key that is in the file. 0 if there is none."""
        known = (self.lines.get(self.steps[:n]) for n in range(len(self.steps), -1, -1))
        return next((line for line in known if line), 0)

    @property
    def key(self) -> str:
        """The path of keys, as in `sources[0].obsidian.path`."""
        shown = ""
        for step in self.steps:
            plain = isinstance(step, int) or re.fullmatch(r"[\w-]{1,60}", step)
            name = step if plain else repr(str(step)[:60])
            shown += f"[{step}]" if isinstance(step, int) else f".{name}"
        return shown.removeprefix(".")

    def __str__(self) -> str:
        address = f"{self.file}:{self.line}" if self.line else self.file
        return f"{address}: {self.key}" if self.key else address

    def error(self, what: str, hint: str = "") -> ConfigError:
        """Return the error for a mistake made here."""
        return ConfigError(f"{self}: {what}", hint=hint)

    def wrap(self, error: ConfigError) -> ConfigError:
        """Return the error with this location before its message."""
        return self.error(error.message, error.hint)


def suggestion(word: str, known: Iterable[str]) -> str:
    """Return the hint for an unknown word: the nearest known one, or all of them."""
    names = sorted(known)
    near = difflib.get_close_matches(word[:60], names, n=1)
    return f"did you mean {near[0]!r}?" if near else f"known: {', '.join(names)}"


def control_character(text: str) -> str:
    """Return the first character that is not allowed in text or paths. "" if there is none.

    Not allowed are control characters except tab and line feed, and surrogates, which UTF-8 cannot
    encode.
    """
    bad = (c for c in text if c not in "\n\t" and unicodedata.category(c) in ("Cc", "Cs"))
    return next(bad, "")


# --- text to data ---------------------------------------------------------------------------


def read(path: Path, shown: str) -> tuple[object, Location]:
    """Read a YAML file, which messages call `shown`.

    Returns:
        Plain data (dict with text keys, list, str, int, float, bool, None; None for an empty file),
        and its location.

    Raises:
        ConfigError: it cannot be read, or is not the simple YAML described in `parse`.
    """
    try:
        return parse(path.read_text("utf-8-sig"), shown)
    except OSError as error:
        raise ConfigError(f"{shown}: cannot be read: {error.strerror}") from error
    except UnicodeDecodeError as error:
        line = error.object.count(b"\n", 0, error.start) + 1
        raise ConfigError(f"{shown}:{line}: not UTF-8 text", hint="save it as UTF-8") from error


def parse(text: str, shown: str) -> tuple[object, Location]:
    """Parse one YAML document of mappings, lists and scalars.

    Aliases, tags, duplicate keys and control characters are rejected. A settings file needs none of
    them, and an alias can make a small file huge.
    """
    line, hint = 1, "a value with : # [ { or @ may need quotes"
    lines: dict[tuple[Step, ...], int] = {(): 1}
    top = Location(shown, (), lines)
    try:
        loader = _Loader(text)
        node = loader.get_single_node()
        _locate(node, top, lines, set())
        return (loader.construct_document(node) if node else None), top
    except yaml.MarkedYAMLError as error:
        mark, what = error.problem_mark or error.context_mark, error.problem or str(error.context)
        line = mark.line + 1 if mark else 1
        hint = "indent with spaces, not with tabs" if "\\t" in what else hint
    except yaml.reader.ReaderError as error:  # this error has only an offset
        line, what = text.count("\n", 0, error.position) + 1, "a character that YAML forbids"
    except RecursionError:
        what = "nested too deeply"
    except (ValueError, IndexError) as error:  # `!!int ""`, or an escape such as "\U00110000"
        what = str(error)
    raise ConfigError(f"{shown}:{line}: {what}", hint=hint)


class _Loader(yaml.SafeLoader):
    """PyYAML's safe loader, which leaves dates, `=` and `<<` as text."""

    yaml_implicit_resolvers = {
        first: [
            one for one in found if one[0].rpartition(":")[2] in ("bool", "int", "float", "null")
        ]
        for first, found in yaml.SafeLoader.yaml_implicit_resolvers.items()
    }


def _locate(
    node: yaml.Node | None, where: Location, lines: dict[tuple[Step, ...], int], seen: set[int]
) -> None:
    """Add the line of every key and item below a node to `lines`, and refuse what is not simple."""
    if id(node) in seen:
        raise where.error("aliases (*name) are not supported here: write the value out")
    seen.add(id(node))
    items: list[tuple[Step, yaml.Node, yaml.Node]] = []
    if isinstance(node, yaml.ScalarNode):
        if sign := control_character(node.value):
            raise where.error(f"contains the control character U+{ord(sign):04X}")
    elif isinstance(node, yaml.SequenceNode):
        items = [(number, item, item) for number, item in enumerate(node.value)]
    elif isinstance(node, yaml.MappingNode):
        for key, value in node.value:
            if not isinstance(key, yaml.ScalarNode) or not key.tag.endswith(":str"):
                lines[where.steps] = key.start_mark.line + 1
                raise where.error("a key must be text", "put the key in quotes")
            items.append((control_character(key.value) or key.value, key, value))
    for step, begin, value in items:
        below = where.at(step)
        first = lines.get(below.steps)
        lines[below.steps] = begin.start_mark.line + 1
        if first:
            raise below.error(f"written twice, first in line {first}")
        _locate(value, below, lines, seen)


# --- data to types --------------------------------------------------------------------------


def typed(struct_type: type[T], data: object, where: Location) -> T:
    """Convert plain data to a struct.

    Keys without a value get their default, in the mapping itself and in those directly below.

    Raises:
        ConfigError: with file, line, key, what was expected, and the nearest known word.
    """

    def without_empty(data: object, levels: int) -> object:
        if not isinstance(data, dict) or not levels:
            return data
        return {k: without_empty(v, levels - 1) for k, v in data.items() if v is not None}

    try:
        return msgspec.convert(without_empty(data, 2), struct_type)
    except msgspec.ValidationError as error:
        what, _, path = str(error).partition(" - at `$")
        found = re.findall(r"\.([^.\[\]`]+)|\[(\d+)\]", path)
        steps = [int(number) if number else key for key, number in found]
        known = _known(inspect.type_info(struct_type), steps)
        raise _explained(what, where.at(*steps), known) from error


_WORDS = {
    "str": "text",
    "int": "a whole number",
    "float": "a number",
    "bool": "true or false",
    "object": "a mapping",
    "array": "a list",
    "null": "nothing",
}


def _explained(what: str, where: Location, known: list[str]) -> ConfigError:
    """Return the error for a message of msgspec, in words for people."""
    if unknown := re.fullmatch(r"Object contains unknown field `(.*)`", what, re.DOTALL):
        return where.at(unknown[1]).error("unknown key", suggestion(unknown[1], known))
    if missing := re.fullmatch(r"Object missing required field `(.*)`", what):
        return where.error(f"{missing[1]!r} is missing")
    if choice := re.fullmatch(r"Invalid enum value '?(.*?)'?", what, re.DOTALL):
        return where.error(f"{choice[1]!r} is not possible here", suggestion(choice[1], known))
    hint = ""
    if "`str" in what and re.search(r"got `(int|float|bool|null)`", what):
        hint = "put the value in quotes"
    elif what == "Expected `array`, got `str`":
        hint = "write a list: [first, second]"
    plain = re.sub(r"\w+", lambda word: _WORDS.get(word[0], word[0]), what.replace(" | null`", "`"))
    plain = plain.replace(" | ", " or ").replace(">=", "at least").replace("<=", "at most")
    return where.error(plain.replace("`", "").replace("Expected", "expected", 1), hint)


def _known(kind: inspect.Type, steps: list[Step]) -> list[str]:
    """Return the words that may stand `steps` below a type: keys of a mapping, or choices."""
    if isinstance(kind, inspect.UnionType):
        return [word for one in kind.types for word in _known(one, steps)]
    if isinstance(kind, inspect.StructType):
        if not steps:
            return [one.encode_name for one in kind.fields]
        below = [one.type for one in kind.fields if one.encode_name == steps[0]]
        return [word for one in below for word in _known(one, steps[1:])]
    if isinstance(kind, inspect.VarTupleType | inspect.ListType) and steps:
        return _known(kind.item_type, steps[1:])
    if isinstance(kind, inspect.DictType) and steps:
        return [*_known(kind.value_type, steps[1:]), *_known(kind.key_type, steps[1:])]
    if isinstance(kind, inspect.EnumType):
        return [str(one.value) for one in kind.cls]
    return [str(one) for one in kind.values] if isinstance(kind, inspect.LiteralType) else []
