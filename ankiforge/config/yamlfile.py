"""Read and change YAML that a person edits, with errors that name file, line and key.

`read` returns plain data and its location. `typed` converts data to a `msgspec.Struct`,
or raises a `ConfigError` such as

    ankiforge.yaml:12: sources[0].obsidian.pat: unknown key
    hint: did you mean 'path'?

`with_values` sets values and leaves everything else as a person wrote it.

Which deck a card goes to: the setting `decks`, and rules for some documents in `decks/*.yaml`.

Each file describes some cards: their deck, their kinds, the meaning of colours. The first
file, by name, whose `select` matches is used. The file without `select` comes last. A
file that names no deck leaves it to the setting.
"""

from __future__ import annotations

import fnmatch
import re
import unicodedata
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from functools import cache, lru_cache
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Literal, NamedTuple, TypeVar

import msgspec
from msgspec import inspect
from msgspec.structs import replace

from ankiforge.config.ownfiles import TEXT_BYTES, OwnPath
from ankiforge.errors import ConfigError
from ankiforge.model import CardKind, Highlight, Strings, Value, colour_name
from ankiforge.text import regex
from ankiforge.text.fold import is_visible
from ankiforge.text.private import TAG

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
    """Convert plain data to a struct, or to a tuple of them.

    Keys without a value get their default, in the mapping itself and in those directly
    below.

    Raises:
        ConfigError: with file, line, key, what was expected, and the nearest known word.
    """
    try:
        return msgspec.convert(_without_empty(data, 2), wanted)
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
        return where.at(key).error("unknown key", suggestion(key, known))
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


# === deckfiles ========================================================================

Action = Literal["card", "definition", "question", "skip"]
"""What a colour means: a card of any kind, about a term, a question with its answer, or no card."""
# Longer ones are no rules of a person, and would take minutes.
_Pattern = Annotated[str, msgspec.Meta(max_length=1000)]
Patterns = _Pattern | Annotated[tuple[_Pattern, ...], msgspec.Meta(max_length=10_000)]
Colour = Literal["yellow", "red", "green", "blue", "purple", "magenta", "orange", "gray"]
"""Zotero's palette."""


DeckSetting = Literal["one", "source", "book", "tag"]
"""The setting `decks`: one deck for all cards, or one for each source, book or tag."""
_TEMPLATES: dict[DeckSetting, str] = {
    "one": "Reading",
    "source": "Reading::{source}",
    "book": "Reading::{book}",
    "tag": "Reading::{tag}",
}


class Select(Value, forbid_unknown_fields=True, kw_only=True):
    """Conditions, all of which must match.

    Of a list, one pattern must match. Patterns are those of fnmatch and ignore case.
    """

    source: Patterns = ()
    """The source's name."""
    path: Patterns = ()
    """The document's path within its source. `*` also matches slashes."""
    collection: Patterns = ()
    tag: Patterns = ()
    """A tag of the document or of the highlight, with or without `#`."""
    colour: Patterns = ()
    """The name of a colour of the palette."""
    author: Patterns = ()
    """One of the creators of the work."""


class DeckRule(Value, forbid_unknown_fields=True, kw_only=True):
    """One deck file."""

    deck: str = ""
    """The deck's name, which may contain what `_PLACEHOLDERS` lists; "" = as the setting says.
    `load_decks` fills it in."""
    select: Select = Select()
    kinds: tuple[CardKind, ...] = ()
    """The allowed kinds of cards. () for all."""
    tags: Strings = ()
    colours: dict[Colour, Action] = {}
    """The meaning of colours; else a card. Shades count as the nearest colour of the palette."""

    @property
    def skipped(self) -> bool:
        """Whether highlights of a colour get no card."""
        return "skip" in self.colours.values()

    @property
    def takes_all(self) -> bool:
        """Whether it has no `select`."""
        return self.select == Select()


class DeckChoice(NamedTuple):
    """The deck, tags and kinds for the cards of one highlight."""

    deck: str
    tags: Strings
    kinds: tuple[CardKind, ...]
    action: Action


# --- reading ----------------------------------------------------------------------------


def load_decks(root: Path, setting: DeckSetting | None = None) -> tuple[DeckRule, ...]:
    """Read the deck files of a workspace.

    Args:
        root: the workspace.
        setting: `decks` in `ankiforge.yaml`; None if it is not there, which is `one`.

    Returns:
        The rules in order, each with its deck. The last one matches everything.

    Raises:
        ConfigError: with file and line; also for a second file without `select`, and for
            one that names the deck for all cards if the setting does, too.
        OwnFileError: a file is a link, no regular file, or too large.
    """
    files = (OwnPath(root) / "decks").listed(".yaml")
    rules = []
    last_rules = []
    last_places = []
    for path in files:
        data, where = read(path, f"decks/{path.name}")
        rule = typed(DeckRule, {} if data is None else data, where)
        for name in _PLACEHOLDER.findall(rule.deck):
            if name not in _PLACEHOLDERS:
                message = f"unknown placeholder {{{name}}}"
                raise where.at("deck").error(message, suggestion(name, _PLACEHOLDERS))
        if rule.takes_all:
            last_rules.append(rule)
            last_places.append(where)
        else:
            rules.append(rule)
    if len(last_places) > 1:
        first, second, *_ = last_places
        message = f"has no `select`, and neither has {first.file}: one of them would never be used"
        raise second.error(message, "give one of them a `select`")
    if not last_rules:
        last_rules.append(DeckRule())
    elif last_rules[0].deck and setting is not None:
        message = f"names the deck of all cards, and so does `decks: {setting}` in ankiforge.yaml"
        raise last_places[0].at("deck").error(message, "delete one of the two lines")
    template = _TEMPLATES[setting or "one"]
    complete = []
    for rule in (*rules, *last_rules):
        complete.append(rule if rule.deck else replace(rule, deck=template))
    return tuple(complete)


# --- choosing ---------------------------------------------------------------------------


def deck_of(
    rules: tuple[DeckRule, ...],
    highlight: Highlight,
    of_run: str = "",
) -> DeckChoice:
    """Apply the first rule that matches.

    Args:
        rules: the last one matches everything, as in the result of `load_decks`.
        highlight: its own deck, or that of its document, takes precedence over every other.
        of_run: the deck that takes precedence over those of the rules; "" = none.
    """
    document = highlight.document
    colour = colour_name(highlight.colour)
    rule = None
    for candidate in rules:
        select = candidate.select
        conditions = (
            (select.source, (document.source,)),
            (select.path, (document.path,)),
            (select.collection, document.collections),
            (select.tag, (*document.tags, *highlight.tags)),
            (select.colour, (colour,)),
            (select.author, document.creators),
        )
        if all(not wanted or _match(wanted, values) for wanted, values in conditions):
            rule = candidate
            break
    if rule is None:
        raise LookupError("the last rule must match everything")

    # a work has one deck: its other collections become tags
    collection, *others = sorted(document.collections) or [""]
    tags = rule.tags
    if "{collection}" in rule.deck:
        of_collections = [_path(other).replace(" ", "_") for other in others]
        tags = (*tags, *of_collections)
    named = document.deck or highlight.deck
    deck = _joined(named.split("::")) or of_run
    if not deck:
        folder = document.path.rpartition("/")[0]
        is_note = highlight.namespace.partition(":")[0] in _OF_NOTES
        topic = ""  # the first tag that says what it is about
        for name in (*highlight.tags, *document.tags):
            if not topic and _normalised(name).partition("/")[0] != TAG:
                topic = _path(name.removeprefix("#"))
        title = _part(document.title)
        book = _path(folder) if is_note else title
        source = _part(document.source)
        values = (title, _path(collection), _path(folder), source, book, topic)
        deck = _fill(rule.deck, values)
    action: Action = "card"
    for name, meaning in rule.colours.items():
        if name == colour:
            action = meaning
    return DeckChoice(deck, tags, rule.kinds, action)


def _match(patterns: Patterns, values: Iterable[str]) -> bool:
    """Return whether one of the patterns matches one of the values."""
    words, wildcards = _compiled(patterns)
    for value in map(_normalised, values):
        if value in words or (wildcards and wildcards.match(value)):
            return True
    return False


# Rules stay the same during a run, and are asked about every highlight.
@lru_cache(maxsize=256)
def _compiled(patterns: Patterns) -> tuple[frozenset[str], re.Pattern[str] | None]:
    """Return the patterns without wildcards, and one regular expression for the others."""
    listed = [patterns] if isinstance(patterns, str) else patterns
    wanted = set(map(_normalised, listed))
    words = frozenset(pattern for pattern in wanted if not _WILDCARD.search(pattern))
    expressions = [fnmatch.translate(pattern) for pattern in sorted(wanted - words)]
    if not expressions:
        return words, None
    return words, re.compile("|".join(expressions))


_WILDCARD = regex(r"[*?\[]")


@lru_cache(maxsize=4096)
def _normalised(text: str) -> str:
    """Return a pattern or value without case, and a tag without `#`."""
    return unicodedata.normalize("NFC", text).casefold().removeprefix("#")


# --- the name of a deck -----------------------------------------------------------------

_PLACEHOLDERS = ("title", "collection", "folder", "source", "book", "tag")
_PLACEHOLDER = regex(r"\{([^{}]*)\}")
# The maximum length of one part of a deck's name. Anki's deck list shows no more.
_MAX_PART = 100


# The beginnings of namespaces whose documents are a person's notes, not works.
_OF_NOTES = frozenset(("vault", "markdown", "jupyter", "tiddlywiki"))


@lru_cache(maxsize=1024)  # called several times for each highlight of a document
def _fill(template: str, values: Strings) -> str:
    """Fill in a template. The fallback for an empty name is the title, then "ankiforge"."""
    value_of = dict(zip(_PLACEHOLDERS, values, strict=True))
    name = _PLACEHOLDER.sub(lambda match: value_of[match[1]], template)
    return _joined(name.split("::")) or value_of["title"] or "ankiforge"


@lru_cache(maxsize=1024)  # the same folders and titles follow each other
def _path(text: str) -> str:
    """Return a path of folders or collections as a deck name with the same levels."""
    return _joined(map(_part, text.split("/")))


@lru_cache(maxsize=1024)
def _part(text: str) -> str:
    """Return text as one part of a deck's name: no `::`, of limited length."""
    line = re.sub(r":{2,}", "-", _joined([text])).strip(": ")
    if not is_visible(line):
        return ""
    return line[:_MAX_PART].rstrip(": ")


def _joined(parts: Iterable[str]) -> str:
    """Join parts of a deck's name, each on one line, without those that show nothing."""
    names = []
    for part in parts:
        line = unicodedata.normalize("NFC", _BREAKS.sub(" ", part))
        name = " ".join(line.split())
        if is_visible(name):
            names.append(name)
    return "::".join(names)


# Characters that break a line. Not joiners, which scripts and emoji need.
_BREAKS = regex("[\x00-\x1f\x7f-\x9f\u2028\u2029\ud800-\udfff]")
