"""Read and change YAML files that users edit, with errors that name the file, line and key.

`read_yaml` returns plain data and its location. `convert_to_type` converts the data to a
`msgspec.Struct`, or raises a `ConfigError` such as

    ankiforge.yaml:12: sources[0].obsidian.pat: unknown key
    hint: did you mean 'path'?
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, TypeVar

import msgspec
import yaml
from msgspec import inspect

from ankiforge.config.files import MAX_TEXT_FILE_BYTES, read_bounded
from ankiforge.errors import ConfigError
from ankiforge.model import Strings
from ankiforge.text import regex

KeyPath = tuple[str | int, ...]
"""The path from the top of a file to a value, as mapping keys and list indices."""
T = TypeVar("T")


# --- locations --------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Location:
    """The location of a value in a YAML file, for error messages."""

    file: str
    """The name of the file, as shown in messages."""
    key_path: KeyPath = ()
    lines: Mapping[KeyPath, int] = field(default_factory=dict, compare=False, repr=False)
    """The line number (from 1) of every key and list item in the file."""

    def locate_nested(self, *steps: str | int) -> Location:
        """Return the location of a nested value. Each of `steps` is a key or a list index."""
        return Location(self.file, (*self.key_path, *steps), self.lines)

    @property
    def line(self) -> int:
        """The line number of this key, or of its closest parent in the file, or 0 if unknown."""
        for depth in range(len(self.key_path), -1, -1):
            line = self.lines.get(self.key_path[:depth])
            if line:
                return line
        return 0

    @property
    def key(self) -> str:
        """The key path as text, e.g. `sources[0].obsidian.path`."""
        key = ""
        for step in self.key_path:
            if isinstance(step, int):
                key += f"[{step}]"
            else:
                key += f".{' '.join(step[:60].split())}"
        return key.removeprefix(".")

    def __str__(self) -> str:
        location = self.file
        if self.line:
            location = f"{self.file}:{self.line}"
        return f"{location}: {self.key}" if self.key else location

    def make_error(self, message: str, hint: str = "") -> ConfigError:
        """Build an error whose message starts with this location."""
        return ConfigError(f"{self}: {message}", hint=hint)


def suggest_word(word: str, known_words: Iterable[str]) -> str:
    """Suggest the known word that is most similar to an unknown word, as a hint for the user.

    If no known word is similar, the hint lists all of them.
    """
    from difflib import get_close_matches

    names = sorted(filter(None, known_words))
    nearest = get_close_matches(word[:60], names, n=1)
    if nearest:
        return f"did you mean {nearest[0]!r}?"
    return f"known: {', '.join(names)}"


# --- text to data -----------------------------------------------------------------------


def read_yaml(path: Path, file_name: str) -> tuple[object, Location]:
    """Read a YAML file in a workspace.

    Args:
        path: The path of the file.
        file_name: The file's name in error messages.

    Returns:
        (content, location). The content is plain data (dict, list, str, int, float, bool or
            None), and is None for an empty file. The location is the top of the file.

    Raises:
        ConfigError: The file cannot be read, or `parse_yaml` rejects it.
        OwnFileError: The file is not a regular file, or is too large.
    """
    try:
        return parse_yaml(
            read_bounded(path, MAX_TEXT_FILE_BYTES).decode("utf-8-sig"), file_name
        )
    except OSError as error:
        raise ConfigError(f"{file_name}: cannot be read: {error.strerror}") from error
    except UnicodeDecodeError as error:
        line = error.object.count(b"\n", 0, error.start) + 1
        raise ConfigError(
            f"{file_name}:{line}: not UTF-8 text", hint="save it as UTF-8"
        ) from error


def parse_yaml(text: str, file_name: str) -> tuple[object, Location]:
    """Parse a YAML document that consists of mappings, lists and scalars.

    Aliases, tags and duplicate keys are rejected, because settings don't need them, and a small
    file with aliases can expand to huge data.

    Returns:
        The same as `read_yaml`.

    Raises:
        ConfigError: The text is invalid, or contains a rejected construct.
    """
    line = 1
    hint = "a value with : # [ { or @ may need quotes"
    try:
        loader = _Loader(text)
        root = loader.get_single_node()
        data = None if root is None else loader.construct_document(root)
        lines = {(): 1, **dict(_iter_lines(root, ()))}
        return data, Location(file_name, (), lines)
    except yaml.YAMLError as error:
        # PyYAML's `ReaderError` has an offset instead of a line
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


CONTROL_CHARACTERS = regex("[\0-\x08\x0b-\x1f\x7f-\x9f\ud800-\udfff]")
"""Matches a control character, which has no use in a text or path, or a surrogate, which can't be
encoded in UTF-8."""


class _Loader(yaml.SafeLoader):
    """A safe YAML loader without aliases, duplicate keys or control characters."""

    def compose_node(self, parent: yaml.Node | None, index: int) -> yaml.Node | None:
        if self.check_event(yaml.AliasEvent):
            message = "aliases (*name) are not supported here: write the value out"
            mark = self.peek_event().start_mark  # type: ignore[no-untyped-call]
            raise yaml.MarkedYAMLError(problem=message, problem_mark=mark)
        node = super().compose_node(parent, index)
        if isinstance(node, yaml.ScalarNode):
            control = CONTROL_CHARACTERS.search(node.value)
            if control:
                problem = f"contains the control character U+{ord(control[0]):04X}"
                mark = node.start_mark
                raise yaml.MarkedYAMLError(problem=problem, problem_mark=mark)
        return node

    def construct_mapping(
        self, node: yaml.MappingNode, deep: bool = False
    ) -> dict[object, object]:
        line_by_key: dict[str, int] = {}
        for key_node, _ in node.value:
            key = str(key_node.value)
            mark = key_node.start_mark
            first_line = line_by_key.setdefault(key, mark.line + 1)
            if first_line != mark.line + 1:
                earlier = f"is written twice, first in line {first_line}"
                problem = f"{key_node.value!r} {earlier}"
                raise yaml.MarkedYAMLError(problem=problem, problem_mark=mark)
        return super().construct_mapping(node, deep)


def _iter_lines(node: yaml.Node | None, parent: KeyPath) -> Iterator[tuple[KeyPath, int]]:
    """Yield the key path and line number of every key and list item below `node`."""
    items: list[tuple[str | int, yaml.Node, yaml.Node]] = []
    if isinstance(node, yaml.MappingNode):
        items = [(str(key.value), key, value) for key, value in node.value]
    elif isinstance(node, yaml.SequenceNode):
        items = [(number, item, item) for number, item in enumerate(node.value)]
    for step, start_node, value in items:
        steps = (*parent, step)
        yield steps, start_node.start_mark.line + 1
        yield from _iter_lines(value, steps)


# --- data to types ----------------------------------------------------------------------


def convert_to_type(result_type: type[T], data: object, location: Location) -> T:
    """Convert plain data from a file to a struct, or to a tuple of structs.

    An empty file, whose data is None, counts as an empty mapping. In the top two levels of
    mappings, a key without a value gets its default.

    Raises:
        ConfigError: The data is invalid. The error names the file, line, key and expected value,
            and suggests the closest match for an unknown word.
    """
    try:
        return msgspec.convert(
            {} if data is None else _remove_empty_keys(data, 2), result_type
        )
    except msgspec.ValidationError as error:
        # such as "Expected `str`, got `int` - at `$.sources[0].name`"
        message, _, path = str(error).partition(" - at `")
        steps = _parse_path(path)
        valid_words = _find_valid_words(inspect.type_info(result_type), steps)
        raise _make_config_error(
            message, location.locate_nested(*steps), valid_words
        ) from error


def _parse_path(path: str) -> list[str | int]:
    """Return the keys and indices of a path: those of `$.sources[0].name` are sources, 0, name."""
    steps: list[str | int] = []
    for key, number in re.findall(r"\.([^.\[\]`]+)|\[(\d+)\]", path):
        steps.append(int(number) if number else key)
    return steps


def _remove_empty_keys(data: object, levels: int) -> object:
    """Remove the keys without a value from the top `levels` levels of mappings."""
    if not isinstance(data, dict) or not levels:
        return data
    return {
        key: _remove_empty_keys(value, levels - 1)
        for key, value in data.items()
        if value is not None
    }


_TYPE_WORDS = {
    "str": "text",
    "int": "a whole number",
    "float": "a number",
    "bool": "true or false",
    "object": "a mapping",
    "array": "a list",
    "date": "a date",
}
# Hints on how to write a value of the expected type.
_FORMAT_HINTS = {
    "text": "put text in quotes",
    "a whole number": "write digits, without quotes",
    "a number": "write digits, without quotes",
    "true or false": "write true or false, without quotes",
    "a list": "put lists in [brackets]",
    "a mapping": "write {name: value}, or one indented `name: value` per line below it",
}


def _make_config_error(
    message: str, location: Location, known_words: list[str]
) -> ConfigError:
    """Convert an error message from msgspec to a `ConfigError` that users understand.

    `known_words` lists the keys or values that are valid at the location.
    """
    unknown = re.fullmatch(r"(?s)Object contains unknown field `(.*)`", message)
    if unknown:
        key = unknown[1]
        hint = suggest_word(key, known_words)
        if hint.startswith(
            "known"
        ):  # nothing is similar, so it may be from another version
            hint = f"remove it; {hint}"
        return location.locate_nested(key).make_error("unknown key", hint)
    choice = re.fullmatch(r"(?s)Invalid enum value '?(.*?)'?", message)
    if choice:
        word = choice[1]
        return location.make_error(
            f"{word!r} is not allowed here", suggest_word(word, known_words)
        )
    missing = re.fullmatch(r"Object missing required field `(.*)`", message)
    if missing:
        return location.make_error(f"{missing[1]!r} is missing")
    plain = re.sub(r"\w+", lambda match: _TYPE_WORDS.get(match[0], match[0]), message)
    plain = plain.replace("`", "")
    plain = plain.replace(" | ", " or ")
    plain = plain.replace("Expected", "expected", 1)
    hint = ""
    for kind, advice in _FORMAT_HINTS.items():
        if plain.startswith(f"expected {kind}") and "got" in plain:
            hint = advice
    return location.make_error(plain, hint)


def _find_valid_words(kind: inspect.Type, steps: list[str | int]) -> list[str]:
    """Return the words that are valid at a path of keys and indices within a type.

    If the path leads to a struct, these are its keys; for an enum or literal type, its values.
    """
    if isinstance(kind, inspect.EnumType):
        return [str(member.value) for member in kind.cls]
    if isinstance(kind, inspect.LiteralType):
        return [str(value) for value in kind.values]
    if isinstance(kind, inspect.StructType) and not steps:
        return [field.encode_name for field in kind.fields]
    valid_words: list[str] = []
    if isinstance(kind, inspect.StructType):
        for field in kind.fields:
            if field.encode_name == steps[0]:
                valid_words += _find_valid_words(field.type, steps[1:])
    elif isinstance(kind, inspect.UnionType):
        for member in kind.types:
            valid_words += _find_valid_words(member, steps)
    else:
        for name in ("item_type", "key_type", "value_type"):
            inner_type = getattr(kind, name, None)
            if inner_type:
                valid_words += _find_valid_words(inner_type, steps[1:])
    return valid_words


# --- setting values -------------------------------------------------------------------


def set_values(text: str, values: Mapping[Strings, Any]) -> str | None:
    """Change values in the text of a settings file, keeping its comments, order and formatting.

    The new text is parsed again to make sure that no other value has changed.

    Args:
        text: The text of the settings file.
        values: The new values, keyed by path, e.g. `("drafter",)` or `("llm", "model")`. An empty
            value (None or "") replaces an existing value, but is not added.

    Returns:
        The new text, or None if the values cannot be set safely.
    """
    try:
        for path, value in values.items():
            data, _ = parse_yaml(text, "before")
            settings: Any = data or {}
            old_value = _find_value(settings, path)
            is_empty = not old_value and not value
            if old_value == value or is_empty:
                continue
            text = _set_value(text, path, format_scalar(value))
            if parse_yaml(text, "after")[0] != _replace_value(settings, path, value):
                return None
    except (ConfigError, yaml.YAMLError, TypeError, AttributeError):
        return None
    return text


def _find_value(settings: Any, path: Strings) -> Any:
    """Return the value at a path, or None if there is none."""
    value = settings
    for name in path:
        value = (value or {}).get(name)
    return value


def _replace_value(settings: Any, path: Strings, value: Any) -> Any:
    *sections, key = path
    replaced: Any = {key: value}
    for section in reversed(sections):
        replaced = {section: {**(settings.get(section) or {}), **replaced}}
    return {**settings, **replaced}


def format_scalar(value: Any) -> str:
    """Format a scalar or list as a single line of YAML.

    Text is quoted where necessary, so the result can also be used inside braces.
    """
    dumped: str = yaml.safe_dump(
        [value], allow_unicode=True, width=2**20, default_flow_style=True
    )
    return dumped.strip()[1:-1]


def _set_value(text: str, path: Strings, value: str) -> str:
    """Return the text of a settings file with the value at `path` replaced or added.

    The rest of the text stays as the user wrote it, with its comments. For example, with the path
    `("llm", "model")` and the value `qwen3`, the lines `llm:` and `  timeout: 60` become `llm:`,
    `  model: qwen3` and `  timeout: 60`.

    The result is wrong if a section isn't a mapping; `set_values` detects this.
    """
    *sections, key = path
    new_line = f"{key}: {value}"
    mapping: Any = yaml.compose(text, Loader=yaml.SafeLoader)
    section_start: int | None = None
    for section in sections:
        found = _find_entry(mapping, section)
        if found is None:
            return f"{_end_line(text)}\n{section}:\n  {new_line}\n"
        section_name, mapping = found
        section_start = section_name.start_mark.index
    old_entry = _find_entry(mapping, key)
    if old_entry is not None:
        _, old_value = old_entry
        start, end = old_value.start_mark.index, old_value.end_mark.index
        return text[:start] + value + text[end:]
    if mapping is not None and text.startswith("{", mapping.start_mark.index):
        return _add_in_braces(text, mapping, new_line)
    if section_start is None:
        return f"{_end_line(text)}{new_line}\n"
    return _add_below(text, section_start, mapping, new_line)


def _add_below(
    text: str, section_start: int, mapping: yaml.Node | None, entry: str
) -> str:
    """Add an entry to a section as its first line, indented as the first entry so far.

    `section_start` is the index of the section's name in the text.
    """
    column = 2
    items = _get_items(mapping)
    if items:
        first_name, _ = items[0]
        column = first_name.start_mark.column
    section_line, _, remainder = text[section_start:].partition("\n")
    indented = f"{' ' * column}{entry}"
    return f"{text[:section_start]}{section_line}\n{indented}\n{remainder}"


def _add_in_braces(text: str, mapping: yaml.Node, entry: str) -> str:
    """Add an entry to a mapping that is written in braces, as its first one."""
    start = mapping.start_mark.index
    if _get_items(mapping):
        entry += ", "
    return f"{text[:start]}{{{entry}{text[start + 1 :]}"


def _get_items(node: yaml.Node | None) -> list[tuple[yaml.Node, yaml.Node]]:
    """Return the keys and values of a mapping. Anything else has none."""
    if not isinstance(node, yaml.MappingNode):
        return []
    items: list[tuple[yaml.Node, yaml.Node]] = node.value
    return items


def _find_entry(node: yaml.Node | None, key: str) -> tuple[yaml.Node, yaml.Node] | None:
    """Return the key and the value of the entry of a mapping with this key, if it has one."""
    for name, value in _get_items(node):
        if name.value == key:
            return name, value
    return None


def _end_line(text: str) -> str:
    """Add a line break to a text whose last line has none."""
    if not text or text.endswith("\n"):
        return text
    return f"{text}\n"
