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
from typing import Any, NoReturn, TypeVar

import msgspec
import yaml
from msgspec import inspect

from ankiforge.errors import ConfigError

Step = str | int
"""One step of a path: the key of a mapping, or the index in a list."""
T = TypeVar("T", bound=msgspec.Struct)

_MAX_BYTES = 256 * 1024
_MAX_DEPTH = 32


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
        with path.open("rb") as file:
            raw = file.read(_MAX_BYTES + 1)
    except OSError as error:
        raise ConfigError(f"{shown}: cannot be read: {error.strerror}") from error
    if len(raw) > _MAX_BYTES:
        raise ConfigError(f"{shown}: too large", hint=f"at most {_MAX_BYTES // 1024} KiB")
    try:
        return parse(raw.decode("utf-8-sig"), shown)
    except UnicodeDecodeError as error:
        line = raw.count(b"\n", 0, error.start) + 1
        hint = "save the file as UTF-8"
        raise ConfigError(f"{shown}:{line}: not UTF-8 text", hint=hint) from error


def parse(text: str, shown: str) -> tuple[object, Location]:
    """Parse one YAML document of mappings, lists and scalars.

    Aliases, merge keys, tags, duplicate keys and deep nesting are rejected. A settings file needs
    none of them, and an alias can make a small file huge.
    """
    loader: _Loader | None = None
    try:
        loader = _Loader(text)
        node = loader.get_single_node()
    except yaml.MarkedYAMLError as error:
        mark, what = error.problem_mark or error.context_mark, error.problem or str(error.context)
        hint = "a value with : # [ { or @ may need quotes"
        if "\\t" in what:
            hint = "indent with spaces, not with tabs"
        elif isinstance(error, yaml.composer.ComposerError):
            hint = ""
        line = mark.line + 1 if mark else 1
        raise ConfigError(f"{shown}:{line}: {what}", hint=hint) from error
    except yaml.reader.ReaderError as error:  # this error has only an offset
        line = text.count("\n", 0, error.position) + 1
        what, hint = "a character that YAML forbids", "a value with : # [ { or @ may need quotes"
        raise ConfigError(f"{shown}:{line}: {what}", hint=hint) from error
    except ValueError as error:  # an escape such as "\U00110000", which PyYAML does not check
        line = loader.get_mark().line + 1 if loader else 1
        raise ConfigError(f"{shown}:{line}: {error}") from error
    lines: dict[tuple[Step, ...], int] = {(): 1}
    top = Location(shown, (), lines)
    return (_to_plain(node, top, lines) if node is not None else None), top


class _Loader(yaml.SafeLoader):
    """PyYAML's safe loader, without aliases and with limited nesting."""

    depth = 0

    def compose_node(self, parent: yaml.Node | None, index: Any) -> yaml.Node | None:
        if self.check_event(yaml.AliasEvent):
            self._refuse("aliases (*name) are not supported here: write the value out")
        if self.depth >= _MAX_DEPTH:
            self._refuse("nested too deeply")
        self.depth += 1
        node = super().compose_node(parent, index)
        self.depth -= 1
        return node

    def _refuse(self, why: str) -> NoReturn:
        mark = self.peek_event().start_mark  # type: ignore[no-untyped-call]
        raise yaml.composer.ComposerError(None, None, why, mark)


_TAG = "tag:yaml.org,2002:"
_TEXT = frozenset(_TAG + name for name in ("str", "timestamp", "value"))
"""Tags for text, including `2024-01-01` and `=`."""
_VALUES = frozenset(_TAG + name for name in ("int", "float", "bool", "null"))
_SCALARS = yaml.constructor.SafeConstructor()


def _to_plain(node: yaml.Node, where: Location, lines: dict[tuple[Step, ...], int]) -> object:
    """Convert a node to plain data. Add the line of every key and item to `lines`."""

    def error(node: yaml.Node, what: str, hint: str = "") -> ConfigError:
        lines[where.steps] = node.start_mark.line + 1
        return where.error(what, hint)

    def text_of(node: yaml.ScalarNode) -> str:
        text = str(node.value)
        if strange := control_character(text):
            raise error(node, f"contains the control character U+{ord(strange):04X}")
        return text

    if isinstance(node, yaml.MappingNode) and node.tag == f"{_TAG}map":
        data: dict[str, object] = {}
        for key_node, value_node in node.value:
            if not isinstance(key_node, yaml.ScalarNode) or key_node.tag not in _TEXT:
                raise error(key_node, "a key must be text", "put the key in quotes")
            key = text_of(key_node)
            below, line = where.at(key), key_node.start_mark.line + 1
            first, lines[below.steps] = lines.get(below.steps), line
            if key in data:
                raise below.error(f"written twice, first in line {first}")
            data[key] = _to_plain(value_node, below, lines)
        return data
    if isinstance(node, yaml.SequenceNode) and node.tag == f"{_TAG}seq":
        items = []
        for number, item in enumerate(node.value):
            below = where.at(number)
            lines[below.steps] = item.start_mark.line + 1
            items.append(_to_plain(item, below, lines))
        return items
    if isinstance(node, yaml.ScalarNode) and node.tag in _TEXT:
        return text_of(node)
    if isinstance(node, yaml.ScalarNode) and node.tag in _VALUES:
        try:
            value: object = _SCALARS.construct_object(node)
        except (ValueError, LookupError) as fault:
            shown = repr(str(node.value)[:40])
            raise error(node, f"{shown} cannot be read", "put it in quotes") from fault
        return value
    raise error(node, f"the tag {node.tag[:60]!r} is not supported here")


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
        raise _config_error(struct_type, str(error), where) from error


_MESSAGE = re.compile(r"(.*?)(?: - at `\$([^`]*)`)?", re.DOTALL)
_UNKNOWN = re.compile(r"Object contains unknown field `(.*)`", re.DOTALL)
_MISSING = re.compile(r"Object missing required field `(.*)`")
_CHOICE = re.compile(r"Invalid enum value (.*)", re.DOTALL)
_WORDS = {
    "str": "text",
    "int": "a whole number",
    "float": "a number",
    "bool": "true or false",
    "object": "a mapping",
    "array": "a list",
    "null": "nothing",
}
_SIGNS = {
    "` >= ": ", at least ",
    "` > ": ", more than ",
    "` <= ": ", at most ",
    "` < ": ", less than ",
    " | ": " or ",
    "`": "",
}


def _config_error(struct_type: type[T], message: str, where: Location) -> ConfigError:
    """Return the error for a message of msgspec, which ends with the path of the value."""
    found = _MESSAGE.fullmatch(message)
    what, path = (found[1], found[2] or "") if found else (message, "")
    pairs = re.findall(r"\.([^.\[\]]+)|\[(\d+)\]", path)
    where = where.at(*(int(index) if index else key for key, index in pairs))
    types = _types_at(inspect.type_info(struct_type), where.steps[-len(pairs) :] if pairs else ())
    if unknown := _UNKNOWN.fullmatch(what):
        fields = [member for kind in types for member in getattr(kind, "fields", ())]
        hint = suggestion(unknown[1], [member.encode_name for member in fields])
        return where.at(unknown[1]).error("unknown key", hint)
    if missing := _MISSING.fullmatch(what):
        return where.error(f"{missing[1]!r} is missing")
    if choice := _CHOICE.fullmatch(what):
        known = [str(value) for kind in types for value in _values(kind)]
        others = [
            _WORDS.get(type(kind).__name__.removesuffix("Type").lower(), "") for kind in types
        ]
        wanted = ", ".join([*known, *filter(None, others)])
        hint = suggestion(choice[1].strip("'"), known)
        return where.error(f"{choice[1]} is not one of: {wanted}", hint)
    hint = ""
    if "`str" in what and re.search(r"got `(int|float|bool|null)`", what):
        hint = "put the value in quotes"
    elif what == "Expected `array`, got `str`":
        hint = "write a list: [first, second]"
    what = what.replace(" | null`, got", "`, got").replace("Expected", "expected", 1)
    for word, ours in _WORDS.items():
        what = re.sub(rf"(?<=[`|\s]){word}(?=[`\s])", ours, what)
    for sign, ours in _SIGNS.items():
        what = what.replace(sign, ours)
    return where.error(what, hint)


def _types_at(kind: inspect.Type, steps: tuple[Step, ...]) -> list[inspect.Type]:
    """Return the declared types `steps` below a type. A union can give several."""
    if isinstance(kind, inspect.UnionType):
        return [found for member in kind.types for found in _types_at(member, steps)]
    if not steps:
        return [kind]
    below: list[inspect.Type] = []
    if isinstance(kind, inspect.StructType):
        below = [member.type for member in kind.fields if member.encode_name == steps[0]]
    elif isinstance(kind, inspect.VarTupleType | inspect.ListType):
        below = [kind.item_type]
    return [found for child in below for found in _types_at(child, steps[1:])]


def _values(kind: inspect.Type) -> tuple[Any, ...]:
    if isinstance(kind, inspect.EnumType):
        return tuple(member.value for member in kind.cls)
    return tuple(kind.values) if isinstance(kind, inspect.LiteralType) else ()
