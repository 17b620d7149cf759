"""YAML a person edits, read so that every mistake has an address: file, line, key.

`read` gives plain data and the place it came from; `typed` turns data into a
`msgspec.Struct` and its complaints into a `ConfigError` such as

    ankiforge.yaml:12: sources[0].obsidian.pat: unknown key
    hint: did you mean 'path'?
"""

from __future__ import annotations

import difflib
import enum
import re
import types
import typing
import unicodedata
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, NoReturn, TypeVar

import msgspec
import yaml

from ankiforge.errors import ConfigError

Step = str | int
"""One step down: the key of a mapping, or the index in a list."""
T = TypeVar("T", bound=msgspec.Struct)

_MAX_BYTES = 256 * 1024
_MAX_DEPTH = 32


# --- addresses ------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Location:
    """A place in a file a person edits."""

    file: str
    """As it is to be named in a message."""
    steps: tuple[Step, ...] = ()
    lines: Mapping[tuple[Step, ...], int] = field(default_factory=dict, compare=False, repr=False)
    """Line (from 1) of every key and list item of the file."""

    def at(self, *steps: Step) -> Location:
        """A place further down."""
        return Location(self.file, (*self.steps, *steps), self.lines)

    @property
    def line(self) -> int:
        """The line of the nearest key that stands in the file; 0 if there is none."""
        known = (self.lines.get(self.steps[:n]) for n in range(len(self.steps), -1, -1))
        return next((line for line in known if line), 0)

    @property
    def key(self) -> str:
        """The path of keys, as in `sources[0].obsidian.path`."""
        shown = (f"[{step}]" if isinstance(step, int) else f".{_name(step)}" for step in self.steps)
        return "".join(shown).removeprefix(".")

    def __str__(self) -> str:
        address = f"{self.file}:{self.line}" if self.line else self.file
        return f"{address}: {self.key}" if self.key else address

    def error(self, what: str, hint: str = "") -> ConfigError:
        """A mistake made here."""
        return ConfigError(f"{self}: {what}", hint=hint)

    def wrap(self, error: ConfigError) -> ConfigError:
        """The same mistake with this address before it."""
        return self.error(error.message, error.hint)


def _name(key: str) -> str:
    return key if re.fullmatch(r"[\w-]{1,60}", key) else repr(key[:60])


def suggestion(word: str, known: Iterable[str]) -> str:
    """The hint for an unknown word: the nearest known one, or all of them."""
    names = sorted(known)
    near = difflib.get_close_matches(word[:60], names, n=1)
    return f"did you mean {near[0]!r}?" if near else f"known: {', '.join(names)}"


def control_character(text: str) -> str:
    """The first character that no text of a file or path of ours may hold, "" if there is none.

    Those are the controls but tab and line end, and halves of characters, which cannot be
    written as UTF-8.
    """
    bad = (c for c in text if c not in "\n\t" and unicodedata.category(c) in ("Cc", "Cs"))
    return next(bad, "")


# --- text to data ---------------------------------------------------------------------------


def read(path: Path, shown: str) -> tuple[object, Location]:
    """Read a YAML file.

    Args:
        path: the file.
        shown: its name in messages.

    Returns:
        Plain data (dict with text keys, list, str, int, float, bool, None; an empty file is
        None), and the place of its top.

    Raises:
        ConfigError: it cannot be read, or is no YAML of the plain sort described in `parse`.
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
    """The same for text: one document of mappings, lists and scalars.

    Aliases, merge keys, tags, duplicate keys and deep nesting are refused: a settings file
    needs none of them, and an alias can make a small file huge.
    """
    loader: _Loader | None = None
    try:
        loader = _Loader(text)
        node = loader.get_single_node()
    except yaml.YAMLError as error:
        raise _syntax_error(error, text, shown) from error
    except ValueError as error:  # an escape such as "\U00110000", which PyYAML lets through
        line = loader.get_mark().line + 1 if loader else 1
        raise ConfigError(f"{shown}:{line}: {error}") from error
    walk = _Walk(shown)
    data = walk.plain(node, ()) if node is not None else None
    return data, Location(shown, (), walk.lines)


def _syntax_error(error: yaml.YAMLError, text: str, shown: str) -> ConfigError:
    if isinstance(error, yaml.MarkedYAMLError):
        mark = error.problem_mark or error.context_mark
        line, what = (mark.line + 1 if mark else 1), error.problem or str(error.context)
    else:  # a ReaderError, which knows the offset only
        line = text.count("\n", 0, getattr(error, "position", 0)) + 1
        what = "a character that YAML forbids"
    return ConfigError(f"{shown}:{line}: {what}", hint=_syntax_hint(error, what))


def _syntax_hint(error: yaml.YAMLError, what: str) -> str:
    if "\\t" in what:
        return "indent with blanks, not with tabs"
    return (
        ""
        if isinstance(error, yaml.composer.ComposerError)
        else "a value with : # [ { @ may need quotes"
    )


class _Loader(yaml.SafeLoader):
    """PyYAML's safe loader without aliases and without bottomless nesting."""

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
_TEXT = frozenset({f"{_TAG}str", f"{_TAG}timestamp", f"{_TAG}value"})
"""`2024-01-01` and `=` are text to us."""
_VALUES = frozenset({f"{_TAG}int", f"{_TAG}float", f"{_TAG}bool", f"{_TAG}null"})


class _Walk:
    """Turns nodes into plain data, and remembers the line of every key and item."""

    def __init__(self, shown: str) -> None:
        self.shown = shown
        self.lines: dict[tuple[Step, ...], int] = {(): 1}
        self.maker = yaml.constructor.SafeConstructor()

    def plain(self, node: yaml.Node, steps: tuple[Step, ...]) -> object:
        if isinstance(node, yaml.MappingNode) and node.tag == f"{_TAG}map":
            return self._mapping(node, steps)
        if isinstance(node, yaml.SequenceNode) and node.tag == f"{_TAG}seq":
            return [self._item(item, (*steps, n)) for n, item in enumerate(node.value)]
        if isinstance(node, yaml.ScalarNode) and node.tag in _TEXT | _VALUES:
            return self._scalar(node, steps)
        self.lines[steps] = node.start_mark.line + 1
        raise self._here(steps).error(f"the tag {node.tag[:60]!r} is not supported here")

    def _mapping(self, node: yaml.MappingNode, steps: tuple[Step, ...]) -> dict[str, object]:
        data: dict[str, object] = {}
        for key_node, value_node in node.value:
            key = self._key(key_node, steps)
            below = (*steps, key)
            if key in data:
                first = self.lines[below]
                self.lines[below] = key_node.start_mark.line + 1
                raise self._here(below).error(f"written twice, first in line {first}")
            self.lines[below] = key_node.start_mark.line + 1
            data[key] = self.plain(value_node, below)
        return data

    def _key(self, node: yaml.Node, steps: tuple[Step, ...]) -> str:
        if isinstance(node, yaml.ScalarNode) and node.tag in _TEXT:
            return self._clean(node.value, node, steps)
        self.lines[steps] = node.start_mark.line + 1
        raise self._here(steps).error("a key must be text", "put the key in quotes")

    def _item(self, node: yaml.Node, steps: tuple[Step, ...]) -> object:
        self.lines[steps] = node.start_mark.line + 1
        return self.plain(node, steps)

    def _scalar(self, node: yaml.ScalarNode, steps: tuple[Step, ...]) -> object:
        if node.tag in _TEXT:
            return self._clean(node.value, node, steps)
        try:
            return self.maker.construct_object(node)
        except (ValueError, LookupError) as error:
            self.lines[steps] = node.start_mark.line + 1
            shown = repr(str(node.value)[:40])
            raise self._here(steps).error(f"{shown} cannot be read", "put it in quotes") from error

    def _clean(self, text: str, node: yaml.Node, steps: tuple[Step, ...]) -> str:
        if not (strange := control_character(text)):
            return text
        self.lines[steps] = node.start_mark.line + 1
        raise self._here(steps).error(f"holds the control character U+{ord(strange):04X}")

    def _here(self, steps: tuple[Step, ...]) -> Location:
        return Location(self.shown, steps, self.lines)


# --- data to types --------------------------------------------------------------------------


def typed(struct_type: type[T], data: object, where: Location) -> T:
    """Turn plain data into a struct, or say where it does not fit.

    A key without a value has its default: in the mapping itself and in those directly below.

    Raises:
        ConfigError: with file, line, key, what was expected, and the nearest known word.
    """
    try:
        return msgspec.convert(_without_empty(data), struct_type)
    except msgspec.ValidationError as error:
        raise _complaint(struct_type, str(error), where) from error


def _without_empty(data: object, levels: int = 2) -> object:
    if not isinstance(data, dict) or not levels:
        return data
    return {k: _without_empty(v, levels - 1) for k, v in data.items() if v is not None}


_COMPLAINT = re.compile(r"(.*?)(?: - at `\$([^`]*)`)?", re.DOTALL)
_STEP = re.compile(r"\.([^.\[\]]+)|\[(\d+)\]")
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


def _complaint(struct_type: type[T], message: str, where: Location) -> ConfigError:
    found = _COMPLAINT.fullmatch(message)
    what, path = (found[1], found[2] or "") if found else (message, "")
    steps = tuple(int(index) if index else key for key, index in _STEP.findall(path))
    if unknown := _UNKNOWN.fullmatch(what):
        known = [name for kind in _types_at(struct_type, steps) for name in _fields(kind)]
        return where.at(*steps, unknown[1]).error("unknown key", suggestion(unknown[1], known))
    if missing := _MISSING.fullmatch(what):
        return where.at(*steps).error(f"{missing[1]!r} is missing")
    if choice := _CHOICE.fullmatch(what):
        kinds = _types_at(struct_type, steps)
        known = [name for kind in kinds for name in _choices(kind)]
        others = [_WORDS.get(getattr(kind, "__name__", ""), "") for kind in kinds]
        wanted = ", ".join([*known, *filter(None, others)])
        hint = suggestion(choice[1].strip("'"), known)
        return where.at(*steps).error(f"{choice[1]} is not one of: {wanted}", hint)
    return where.at(*steps).error(_in_words(what), _hint(what))


def _types_at(kind: Any, steps: tuple[Step, ...]) -> tuple[Any, ...]:
    """The declared types of what lies `steps` below a type: several if it is a union."""
    kinds = _members(kind)
    for step in steps:
        kinds = tuple(found for kind in kinds for found in _below(kind, step))
    return kinds


def _members(kind: Any) -> tuple[Any, ...]:
    origin, arguments = typing.get_origin(kind), typing.get_args(kind)
    if origin is typing.Annotated:
        return _members(arguments[0])
    if origin in (typing.Union, types.UnionType):
        return tuple(member for argument in arguments for member in _members(argument))
    return (kind,)


def _below(kind: Any, step: Step) -> tuple[Any, ...]:
    if isinstance(step, int):
        return _members(typing.get_args(kind)[0]) if typing.get_args(kind) else ()
    return _members(_fields(kind)[step]) if step in _fields(kind) else ()


def _fields(kind: Any) -> dict[str, Any]:
    if not (isinstance(kind, type) and issubclass(kind, msgspec.Struct)):
        return {}
    return {field.encode_name: field.type for field in msgspec.structs.fields(kind)}


def _choices(kind: Any) -> tuple[str, ...]:
    if typing.get_origin(kind) is typing.Literal:
        return tuple(str(value) for value in typing.get_args(kind))
    is_enum = isinstance(kind, type) and issubclass(kind, enum.Enum)
    return tuple(str(member.value) for member in kind) if is_enum else ()


def _in_words(what: str) -> str:
    what = what.replace(" | null`, got", "`, got")
    for word, ours in _WORDS.items():
        what = re.sub(rf"(?<=[`|\s]){word}(?=[`\s])", ours, what)
    for sign, ours in _SIGNS.items():
        what = what.replace(sign, ours)
    return what.replace("Expected", "expected", 1)


def _hint(what: str) -> str:
    if "`str" in what and re.search(r"got `(int|float|bool|null)`", what):
        return "put the value in quotes"
    if what == "Expected `array`, got `str`":
        return "write a list: [first, second]"
    return ""
