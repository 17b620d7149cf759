"""Read and change YAML that a person edits, with errors that name file, line and key.

`read` returns plain data and its location. `typed` converts data to a `msgspec.Struct`,
or raises a `ConfigError` such as

    ankiforge.yaml:12: sources[0].obsidian.pat: unknown key
    hint: did you mean 'path'?

`with_values` sets values and leaves everything else as a person wrote it.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from functools import cache
from typing import TYPE_CHECKING, Any, TypeVar

import msgspec
from msgspec import inspect

from ankiforge.config.ownfiles import TEXT_BYTES, OwnPath
from ankiforge.errors import ConfigError
from ankiforge.model import Strings
from ankiforge.text import regex

if TYPE_CHECKING:
    import yaml


Steps = tuple[str | int, ...]
"""A path in a file: keys of mappings, and indices in lists."""
T = TypeVar("T")


# --- locations --------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Location:
    """A place in a file that a person edits."""

    file: str
    """The name of the file in messages."""
    steps: Steps = ()
    lines: Mapping[Steps, int] = field(default_factory=dict, compare=False, repr=False)
    """The line (from 1) of every key and list item of the file."""

    def at(self, *steps: str | int) -> Location:
        """Return a place further down."""
        return Location(self.file, (*self.steps, *steps), self.lines)

    @property
    def line(self) -> int:
        """The line of the nearest key that is in the file. 0 if there is none."""
        for depth in range(len(self.steps), -1, -1):
            line = self.lines.get(self.steps[:depth])
            if line:
                return line
        return 0

    @property
    def key(self) -> str:
        """The path of keys, as in `sources[0].obsidian.path`."""
        key = ""
        for step in self.steps:
            if isinstance(step, int):
                key += f"[{step}]"
            else:
                key += f".{' '.join(step[:60].split())}"
        return key.removeprefix(".")

    def __str__(self) -> str:
        address = self.file
        if self.line:
            address = f"{self.file}:{self.line}"
        return f"{address}: {self.key}" if self.key else address

    def error(self, message: str, hint: str = "") -> ConfigError:
        """Return the error for a mistake made here."""
        return ConfigError(f"{self}: {message}", hint=hint)


def suggestion(word: str, known: Iterable[str]) -> str:
    """Return the hint for an unknown word: the nearest known one, or all of them."""
    from difflib import get_close_matches

    names = sorted(filter(None, known))
    nearest = get_close_matches(word[:60], names, n=1)
    if nearest:
        return f"did you mean {nearest[0]!r}?"
    return f"known: {', '.join(names)}"


# --- text to data -----------------------------------------------------------------------


def read(path: OwnPath, file_name: str) -> tuple[object, Location]:
    """Read a YAML file of a workspace, which messages call `file_name`.

    Returns:
        Plain data (dict, list, str, int, float, bool, None; None for an empty file), and
        its location.

    Raises:
        ConfigError: it cannot be read, or is not the simple YAML described in `parse`.
        OwnFileError: it is a link, no regular file, or too large.
    """
    try:
        return parse(path.read(TEXT_BYTES).decode("utf-8-sig"), file_name)
    except OSError as error:
        raise ConfigError(f"{file_name}: cannot be read: {error.strerror}") from error
    except UnicodeDecodeError as error:
        line = error.object.count(b"\n", 0, error.start) + 1
        raise ConfigError(
            f"{file_name}:{line}: not UTF-8 text",
            hint="save it as UTF-8",
        ) from error


def parse(text: str, file_name: str) -> tuple[object, Location]:
    """Parse one YAML document of mappings, lists and scalars.

    Aliases, tags and duplicate keys are rejected. A settings file needs none of them, and
    an alias can make a small file huge.
    """
    import yaml

    line = 1
    hint = "a value with : # [ { or @ may need quotes"
    try:
        loader = _loader()(text)
        root = loader.get_single_node()
        data = None if root is None else loader.construct_document(root)
        lines = {(): 1, **dict(_lines(root, ()))}
        return data, Location(file_name, (), lines)
    except yaml.YAMLError as error:
        # an error of the reader has only an offset
        line = text.count("\n", 0, getattr(error, "position", 0)) + 1
        mark = getattr(error, "problem_mark", None)
        mark = mark or getattr(error, "context_mark", None)
        if mark:
            line = mark.line + 1
        message = getattr(error, "problem", None) or "a character that YAML forbids"
        if "\\t" in message:
            hint = "indent with spaces, not with tabs"
        if "is written twice" in message:
            hint = "delete one of the two"
    except RecursionError:  # "[[[[…"
        message = "nested too deep"
    except (ValueError, IndexError) as error:  # `!!int ""`, "\U00110000"
        message = str(error)
    raise ConfigError(f"{file_name}:{line}: {message}", hint=hint)


CONTROL = regex("[\0-\x08\x0b-\x1f\x7f-\x9f\ud800-\udfff]")
"""No text or path needs these; UTF-8 cannot encode the last ones."""


@cache
def _loader() -> type[yaml.SafeLoader]:
    """Return PyYAML's safe loader without aliases, duplicate keys and control characters."""
    import yaml

    class Loader(yaml.SafeLoader):
        def compose_node(self, parent: yaml.Node | None, index: int) -> yaml.Node | None:
            """Read a node; aliases and control characters are refused."""
            if self.check_event(yaml.AliasEvent):
                message = "aliases (*name) are not supported here: write the value out"
                mark = self.peek_event().start_mark  # type: ignore[no-untyped-call]
                raise yaml.MarkedYAMLError(problem=message, problem_mark=mark)
            node = super().compose_node(parent, index)
            if isinstance(node, yaml.ScalarNode):
                bad = CONTROL.search(node.value)
                if bad:
                    problem = f"contains the control character U+{ord(bad[0]):04X}"
                    mark = node.start_mark
                    raise yaml.MarkedYAMLError(problem=problem, problem_mark=mark)
            return node

        def construct_mapping(
            self, node: yaml.MappingNode, deep: bool = False
        ) -> dict[object, object]:
            line_of: dict[object, int] = {}
            for key, _ in node.value:
                mark = key.start_mark
                first_line = line_of.setdefault(str(key.value), mark.line + 1)
                if first_line != mark.line + 1:
                    twice = f"is written twice, first in line {first_line}"
                    problem = f"{key.value!r} {twice}"
                    raise yaml.MarkedYAMLError(problem=problem, problem_mark=mark)
            return super().construct_mapping(node, deep)

    return Loader


def _lines(node: yaml.Node | None, above: Steps) -> Iterator[tuple[Steps, int]]:
    """Yield the path and line of every key and list item below a node."""
    import yaml

    items: list[tuple[str | int, yaml.Node, yaml.Node]] = []
    if isinstance(node, yaml.MappingNode):
        items = [(str(key.value), key, value) for key, value in node.value]
    elif isinstance(node, yaml.SequenceNode):
        items = [(number, item, item) for number, item in enumerate(node.value)]
    for step, begin, value in items:
        steps = (*above, step)
        yield steps, begin.start_mark.line + 1
        yield from _lines(value, steps)


# --- data to types ----------------------------------------------------------------------


def typed(wanted: type[T], data: object, where: Location) -> T:
    """Convert plain data to a struct, or to a tuple of them. None is a file without values.

    Keys without a value get their default, in the mapping itself and in those directly
    below.

    Raises:
        ConfigError: with file, line, key, what was expected, and the nearest known word.
    """
    try:
        return msgspec.convert({} if data is None else _without_empty(data, 2), wanted)
    except msgspec.ValidationError as error:
        message, _, path = str(error).partition(" - at `")
        # such as `$.sources[0].name`
        steps: list[str | int] = []
        for key, number in re.findall(r"\.([^.\[\]`]+)|\[(\d+)\]", path):
            steps.append(int(number) if number else key)
        known = _known(inspect.type_info(wanted), steps)
        raise _explained(message, where.at(*steps), known) from error


def _without_empty(data: object, levels: int) -> object:
    """Leave out the keys without a value, in so many levels of mappings."""
    if not isinstance(data, dict) or not levels:
        return data
    kept = {}
    for key, value in data.items():
        if value is not None:
            kept[key] = _without_empty(value, levels - 1)
    return kept


_WORDS = {
    "str": "text",
    "int": "a whole number",
    "float": "a number",
    "bool": "true or false",
    "object": "a mapping",
    "array": "a list",
    "date": "a date",
}
# How what was expected is written.
_HOW_TO_WRITE = {
    "text": "put text in quotes",
    "a whole number": "write digits, without quotes",
    "a number": "write digits, without quotes",
    "true or false": "write true or false, without quotes",
    "a list": "put lists in [brackets]",
    "a mapping": "write {name: value}, or one indented `name: value` per line below it",
}


def _explained(message: str, where: Location, known: list[str]) -> ConfigError:
    """Return the error for a message of msgspec, in words for people."""
    unknown = re.fullmatch(r"(?s)Object contains unknown field `(.*)`", message)
    if unknown:
        key = unknown[1]
        hint = suggestion(key, known)
        if hint.startswith(
            "known"
        ):  # nothing resembles it: perhaps another version had it
            hint = f"remove it; {hint}"
        return where.at(key).error("unknown key", hint)
    choice = re.fullmatch(r"(?s)Invalid enum value '?(.*?)'?", message)
    if choice:
        word = choice[1]
        return where.error(f"{word!r} is not possible here", suggestion(word, known))
    missing = re.fullmatch(r"Object missing required field `(.*)`", message)
    if missing:
        return where.error(f"{missing[1]!r} is missing")
    plain = re.sub(r"\w+", lambda match: _WORDS.get(match[0], match[0]), message)
    plain = plain.replace("`", "")
    plain = plain.replace(" | ", " or ")
    plain = plain.replace("Expected", "expected", 1)
    hint = ""
    for kind, advice in _HOW_TO_WRITE.items():
        if plain.startswith(f"expected {kind}") and "got" in plain:
            hint = advice
    return where.error(plain, hint)


def _known(kind: inspect.Type, steps: list[str | int]) -> list[str]:
    """Return the words that may be `steps` below a type: keys of a mapping, or choices."""
    if isinstance(kind, inspect.EnumType):
        return [str(member.value) for member in kind.cls]
    if isinstance(kind, inspect.LiteralType):
        return [str(value) for value in kind.values]
    if isinstance(kind, inspect.StructType) and not steps:
        return [field.encode_name for field in kind.fields]
    words: list[str] = []
    if isinstance(kind, inspect.StructType):
        for field in kind.fields:
            if field.encode_name == steps[0]:
                words += _known(field.type, steps[1:])
    elif isinstance(kind, inspect.UnionType):
        for member in kind.types:
            words += _known(member, steps)
    else:
        for name in ("item_type", "key_type", "value_type"):
            inner = getattr(kind, name, None)
            if inner:
                words += _known(inner, steps[1:])
    return words


# --- setting values -------------------------------------------------------------------


def with_values(text: str, values: Mapping[Strings, Any]) -> str | None:
    """Return a settings file with values at their places: `("drafter",)`, `("llm", "model")`.

    Comments, order and the style of the sections stay. An empty value (None, "") is written only
    in the place of another one. None if that cannot be done safely: what comes out is read again,
    and must differ in these values alone.
    """
    import yaml

    try:
        for place, value in values.items():
            data, _ = parse(text, "before")
            settings: Any = data or {}
            *sections, key = place
            wanted: Any = {key: value}
            for section in reversed(sections):
                wanted = {section: {**(settings.get(section) or {}), **wanted}}
            wanted = {**settings, **wanted}
            before = settings
            for name in place:
                before = (before or {}).get(name)
            if before == value or not (before or value):
                continue
            text = _edited(text, place, scalar(value))
            if parse(text, "after")[0] != wanted:
                return None
    except (ConfigError, yaml.YAMLError, TypeError, AttributeError):
        return None
    return text


def scalar(value: Any) -> str:
    """Return a YAML scalar or list on one line, in quotes if necessary, also within braces."""
    import yaml

    written: str = yaml.safe_dump(
        [value],
        allow_unicode=True,
        width=2**20,
        default_flow_style=True,
    )
    return written.strip()[1:-1]


def _edited(text: str, place: Strings, written: str) -> str:
    """Return a settings file with a value, if its section is a mapping."""
    import yaml

    key = place[-1]
    added = f"{key}: {written}"
    end = "" if not text or text.endswith("\n") else "\n"
    node: Any = yaml.compose(text, Loader=yaml.SafeLoader)
    start_of_line = -1
    for section in place[:-1]:
        for name, child in node.value if node else ():
            if name.value == section:
                start_of_line = name.start_mark.index
                node = child
                break
        else:
            return f"{text}{end}\n{section}:\n  {added}\n"
    known = node.value if isinstance(node, yaml.MappingNode) else []

    # in place of the value that it has
    for known_name, known_value in known:
        if known_name.value == key:
            start = known_value.start_mark.index
            end_of_value = known_value.end_mark.index
            return text[:start] + written + text[end_of_value:]

    # within braces
    start = node.start_mark.index if node else 0
    if text[start : start + 1] == "{":
        separator = ", " if known else ""
        return f"{text[:start]}{{{added}{separator}{text[start + 1 :]}"

    # on a line of its own: at the end of the file, or below the name of the section
    if start_of_line < 0:
        return f"{text}{end}{added}\n"
    indent = " " * (known[0][0].start_mark.column if known else 2)
    head, _, rest = text[start_of_line:].partition("\n")
    return f"{text[:start_of_line]}{head}\n{indent}{added}\n{rest}"
