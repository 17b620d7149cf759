"""Choose the decks of cards, based on the setting `decks` and the deck files in `decks/*.yaml`.

Each deck file sets the deck and kinds of some cards, and the meaning of colours. The files are
tried in the order of their names, and the first file whose `select` matches is used. A file without
`select` is tried last. If a file doesn't name a deck, the setting determines the deck.
"""

from __future__ import annotations

import fnmatch
import re
import unicodedata
from collections.abc import Iterable, Sequence
from functools import lru_cache
from pathlib import Path
from typing import Annotated, Literal, NamedTuple

import msgspec
from msgspec.structs import replace

from ankiforge.config.yamlfile import Location, convert_to_type, read_yaml, suggest_word
from ankiforge.model import CardKind, Highlight, Strings, Value, find_colour_name
from ankiforge.text import regex
from ankiforge.text.normalize import has_visible_text
from ankiforge.text.private import PRIVATE_TAG

ColourAction = Literal["card", "definition", "question", "skip"]
"""The kind of card that the colour of a highlight requests: any kind, a definition of a term, a
question with its answer, or no card."""
# Longer patterns would take minutes to match, and have no use.
_Pattern = Annotated[str, msgspec.Meta(max_length=1000)]
Patterns = _Pattern | Annotated[tuple[_Pattern, ...], msgspec.Meta(max_length=10_000)]
Colour = Literal["yellow", "red", "green", "blue", "purple", "magenta", "orange", "gray"]
"""The names of the colours in Zotero's palette."""


DeckSetting = Literal["one", "source", "book", "tag"]
"""The values of the setting `decks`: one deck for all cards, or one per source, book or tag."""
_DECK_TEMPLATES: dict[DeckSetting, str] = {
    "one": "Reading",
    "source": "Reading::{source}",
    "book": "Reading::{book}",
    "tag": "Reading::{tag}",
}


class DeckConditions(Value, forbid_unknown_fields=True, kw_only=True):
    """The conditions under which a deck file applies to a highlight. All of them must be met.

    A condition is met if any of its patterns matches. Patterns work as in `fnmatch`, but
    ignore case.
    """

    source: Patterns = ()
    """Patterns for the name of the source."""
    path: Patterns = ()
    """Patterns for the path of the document in its source, in which `*` also matches slashes."""
    collection: Patterns = ()
    """Patterns for the collections that contain the document."""
    tag: Patterns = ()
    """Patterns for the tags of the document and highlight, with or without `#`."""
    colour: Patterns = ()
    """Patterns for the name of the highlight's colour in the palette."""
    author: Patterns = ()
    """Patterns for the creators of the work."""


class DeckRule(Value, forbid_unknown_fields=True, kw_only=True):
    """The content of a deck file: conditions for highlights, and the settings for their cards."""

    deck: str = ""
    """The name of the deck, which may contain the placeholders in `DeckNames`. If it is "",
    `load_decks` fills in the deck from the setting `decks`."""
    select: DeckConditions = DeckConditions()
    kinds: tuple[CardKind, ...] = ()
    """The kinds of cards that are allowed, or () for all kinds."""
    tags: Strings = ()
    """The tags to add to the cards."""
    colours: dict[Colour, ColourAction] = {}
    """Maps colours to actions. The action of other colours is `card`. Any shade counts as the
    nearest colour of the palette."""

    @property
    def has_skipped_colours(self) -> bool:
        """Whether the rule skips highlights of any colour."""
        return "skip" in self.colours.values()

    @property
    def is_fallback(self) -> bool:
        """Whether the rule matches every highlight, because it has no `select`."""
        return self.select == DeckConditions()

    def get_colour_action(self, colour: str) -> ColourAction:
        """Return what to do with highlights of a colour; the default is `card`."""
        if not self.colours:
            return "card"
        name = find_colour_name(colour)
        for colour_key, action in self.colours.items():
            if colour_key == name:
                return action
        return "card"


class PathDeck(DeckRule, kw_only=True):
    """A rule that only sets the deck for a path, as remembered from `run PATH --deck`.

    Such rules take precedence over deck files.
    """


# --- reading ----------------------------------------------------------------------------


def load_decks(
    root: Path, setting: DeckSetting | None = None, path_decks: Iterable[PathDeck] = ()
) -> tuple[DeckRule, ...]:
    """Load the deck rules of a workspace.

    Args:
        root: The workspace directory.
        setting: The `decks` setting in `ankiforge.yaml`, or None for the default, `one`.
        path_decks: The decks for remembered paths.

    Returns:
        The rules in the order in which to try them. Each has a deck, and the last one matches
            every highlight.

    Raises:
        ConfigError: A file is invalid, two files have no `select`, or both a file without `select`
            and the setting name a deck.
        OwnFileError: A file is not a regular file, or is too large.
    """
    rules = []
    fallbacks: list[tuple[DeckRule, Location]] = []
    for path in sorted((root / "decks").glob("*.yaml")):
        data, location = read_yaml(path, f"decks/{path.name}")
        rule = convert_to_type(DeckRule, data, location)
        _check_placeholders(rule, location)
        if rule.is_fallback:
            fallbacks.append((rule, location))
        else:
            rules.append(rule)
    rules.append(_choose_fallback(fallbacks, setting))
    template = _DECK_TEMPLATES[setting or "one"]
    with_decks = [replace(rule, deck=rule.deck or template) for rule in rules]
    return (*path_decks, *with_decks)


def _check_placeholders(rule: DeckRule, location: Location) -> None:
    """Check that the deck of a rule has only known placeholders.

    Raises:
        ConfigError: it has another one.
    """
    for name in _PLACEHOLDER.findall(rule.deck):
        if name not in DeckNames._fields:
            message = f"unknown placeholder {{{name}}}"
            hint = suggest_word(name, DeckNames._fields)
            raise location.locate_nested("deck").make_error(message, hint)


def _choose_fallback(
    fallbacks: Sequence[tuple[DeckRule, Location]], setting: DeckSetting | None
) -> DeckRule:
    """Return the rule for all highlights that no other rule matches.

    Raises:
        ConfigError: two files have such a rule, or both a file and the setting name its deck.
    """
    if not fallbacks:
        return DeckRule()
    if len(fallbacks) > 1:
        (_, first), (_, second), *_ = fallbacks
        message = f"has no `select`, and neither has {first.file}: one of them would never be used"
        raise second.make_error(message, "give one of them a `select`")
    [(rule, location)] = fallbacks
    if rule.deck and setting is not None:
        message = f"names the deck of all cards, and so does `decks: {setting}` in ankiforge.yaml"
        raise location.locate_nested("deck").make_error(
            message, "delete one of the two lines"
        )
    return rule


# --- choosing ---------------------------------------------------------------------------


def find_rule(rules: tuple[DeckRule, ...], highlight: Highlight) -> DeckRule:
    """Return the first rule from a deck file that matches a highlight.

    If no other rule matches, this is the last rule, which matches every highlight.
    """
    for rule in rules:
        if not isinstance(rule, PathDeck) and _meets_conditions(rule.select, highlight):
            return rule
    return rules[-1]


def _meets_conditions(select: DeckConditions, highlight: Highlight) -> bool:
    """Return whether a highlight meets all conditions, ignoring case and a leading `#`."""
    document = highlight.document
    conditions = (
        (select.source, (document.source,)),
        (select.path, (document.path,)),
        (select.collection, document.collections),
        (
            _separate_by_slashes(select.tag),
            _separate_by_slashes((*document.tags, *highlight.tags)),
        ),
        (select.colour, (find_colour_name(highlight.colour),)),
        (select.author, document.creators),
    )
    return all(
        not patterns or _matches_any(patterns, values) for patterns, values in conditions
    )


def _matches_any(patterns: Patterns, values: Strings) -> bool:
    """Return whether any of the values matches any of the patterns."""
    literals, wildcards = _compile_patterns(patterns)
    for value in map(_normalize, values):
        if value in literals:
            return True
        if wildcards is not None and wildcards.match(value):
            return True
    return False


def choose_deck(rules: tuple[DeckRule, ...], highlight: Highlight) -> str:
    """Choose the deck for a highlight's cards.

    `rules` is the result of `load_decks`. A deck that the document or highlight names itself takes
    precedence over the rules.
    """
    requested_deck = highlight.document.deck or highlight.deck
    if requested_deck:
        deck = _join_parts(requested_deck.split("::"))
        if deck:
            return deck
    for rule in rules:
        if isinstance(rule, PathDeck) and _meets_conditions(rule.select, highlight):
            return rule.deck
    return _fill_template(find_rule(rules, highlight).deck, _list_deck_names(highlight))


class DeckNames(NamedTuple):
    """What the name of a deck may be made of. The fields are the placeholders of templates."""

    title: str
    collection: str
    folder: str
    source: str
    book: str
    """The folder of a note, and the title of any other document."""
    tag: str


def _list_deck_names(highlight: Highlight) -> DeckNames:
    document = highlight.document
    title = _clean_part(document.title)
    folder = _path_to_deck(document.directory)
    is_in_note = highlight.namespace.partition(":")[0] in _NOTE_NAMESPACES
    return DeckNames(
        title,
        collection=_path_to_deck(min(document.collections, default="")),
        folder=folder,
        source=_clean_part(document.source),
        book=folder if is_in_note else title,
        tag=_choose_topic((*highlight.tags, *document.tags)),
    )


def _choose_topic(tags: Strings) -> str:
    """Return the deck of the first tag other than `#no-llm`, or "" if there is none."""
    for tag in tags:
        if _normalize(tag).partition("/")[0] == PRIVATE_TAG:
            continue
        topic = _path_to_deck(tag.removeprefix("#"))
        if topic:
            return topic
    return ""


def choose_tags(rule: DeckRule, collections: Strings) -> Strings:
    """Return the additional tags for the cards of a document in these collections.

    `rule` is the result of `find_rule`. If the deck is named after the first of several
    collections, the other collections become tags.
    """
    if "{collection}" not in rule.deck:
        return rule.tags
    # a work can be in several collections but has only one deck, so the others become tags
    decks = map(_path_to_deck, sorted(collections)[1:])
    return (*rule.tags, *[deck.replace(" ", "_") for deck in decks])


@lru_cache(maxsize=4096)
def _separate_by_slashes(tags: Patterns) -> Strings:
    """Write nested tags as Obsidian does, so that Anki's `biology::plants` matches, too."""
    listed = (tags,) if isinstance(tags, str) else tags
    return tuple(tag.replace("::", "/") for tag in listed)


# Cached because rules are applied to every highlight and don't change during a run.
@lru_cache(maxsize=256)
def _compile_patterns(
    patterns: Patterns,
) -> tuple[frozenset[str], re.Pattern[str] | None]:
    """Split patterns into those without wildcards, and one regular expression for all others.

    The regular expression is None if no pattern has wildcards.
    """
    listed = [patterns] if isinstance(patterns, str) else patterns
    normalized = set(map(_normalize, listed))
    literals = frozenset(
        pattern for pattern in normalized if not _WILDCARD.search(pattern)
    )
    expression = "|".join(map(fnmatch.translate, sorted(normalized - literals)))
    return literals, re.compile(expression) if expression else None


_WILDCARD = regex(r"[*?\[]")


@lru_cache(maxsize=4096)
def _normalize(text: str) -> str:
    return unicodedata.normalize("NFC", text).casefold().removeprefix("#")


# --- the name of a deck -----------------------------------------------------------------

_PLACEHOLDER = regex(r"\{([^{}]*)\}")
# The maximum length of one part of a deck name. Anki's deck list doesn't show more characters.
_MAX_PART_CHARS = 100


# The namespaces of the user's own notes, as opposed to works by others.
_NOTE_NAMESPACES = frozenset(("vault", "markdown"))


@lru_cache(maxsize=1024)  # called several times for each highlight of a document
def _fill_template(template: str, names: DeckNames) -> str:
    """Replace the placeholders in a deck name, such as `{title}`.

    If the resulting name is empty, fall back to the title, then to "ankiforge".
    """
    name_by_placeholder = names._asdict()
    deck = _PLACEHOLDER.sub(lambda match: name_by_placeholder[match[1]], template)
    return _join_parts(deck.split("::")) or names.title or "ankiforge"


@lru_cache(maxsize=1024)  # highlights in the same directory follow each other
def _path_to_deck(text: str) -> str:
    """Convert a path to a deck name, in which each directory is a component."""
    return _join_parts(map(_clean_part, text.split("/")))


@lru_cache(maxsize=1024)
def _clean_part(text: str) -> str:
    """Convert text to one component of a deck name, or to "" if no visible character remains."""
    line = re.sub(r":{2,}", "-", _join_parts([text])).strip(": ")
    if not has_visible_text(line):
        return ""
    return line[:_MAX_PART_CHARS].rstrip(": ")


def _join_parts(parts: Iterable[str]) -> str:
    """Join the components of a deck name with `::`, leaving out those without visible text.

    Whitespace within a component, including line breaks, is collapsed into single spaces.
    """
    names = []
    for part in parts:
        line = unicodedata.normalize("NFC", _LINE_BREAKS.sub(" ", part))
        name = " ".join(line.split())
        if has_visible_text(name):
            names.append(name)
    return "::".join(names)


# Line breaks and control characters. Joiners aren't included, as scripts and emoji need them.
_LINE_BREAKS = regex("[\x00-\x1f\x7f-\x9f\u2028\u2029\ud800-\udfff]")
