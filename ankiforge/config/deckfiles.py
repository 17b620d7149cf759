"""Which deck a card goes to: the setting `decks`, and rules for some documents in `decks/*.yaml`.

Each file describes some cards: their deck, their kinds, the meaning of colours. The first
file, by name, whose `select` matches is used. The file without `select` comes last. A
file that names no deck leaves it to the setting.
"""

from __future__ import annotations

import fnmatch
import re
import unicodedata
from collections.abc import Iterable
from functools import lru_cache
from pathlib import Path
from typing import Annotated, Literal, NamedTuple

import msgspec
from msgspec.structs import replace

from ankiforge.config.ownfiles import OwnPath
from ankiforge.config.yamlfile import read, suggestion, typed
from ankiforge.model import CardKind, Highlight, Strings, Value, colour_name
from ankiforge.text import regex
from ankiforge.text.fold import is_visible
from ankiforge.text.private import TAG

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

    def meaning_of(self, colour: str) -> Action:
        """Return the meaning that the deck file gives to the colour of a highlight."""
        name = colour_name(colour) if self.colours else ""
        return next(
            (action for known, action in self.colours.items() if known == name), "card"
        )


class DeckChoice(NamedTuple):
    """The deck and tags for the cards of one highlight."""

    deck: str
    tags: Strings


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
        rule = typed(DeckRule, data, where)
        for name in set(_PLACEHOLDER.findall(rule.deck)).difference(_PLACEHOLDERS):
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


def rule_of(rules: tuple[DeckRule, ...], highlight: Highlight) -> DeckRule:
    """Return the first rule that matches; the last one matches everything."""
    document = highlight.document
    *others, last = rules
    for rule in others:
        select = rule.select
        conditions = (
            (select.source, (document.source,)),
            (select.path, (document.path,)),
            (select.collection, document.collections),
            (select.tag, (*document.tags, *highlight.tags)),
            (select.colour, (colour_name(highlight.colour),)),
            (select.author, document.creators),
        )
        if all(not wanted or _match(wanted, values) for wanted, values in conditions):
            return rule
    return last


def deck_of(
    rules: tuple[DeckRule, ...],
    highlight: Highlight,
    of_run: str = "",
) -> DeckChoice:
    """Apply the first rule that matches.

    Args:
        rules: as `load_decks` returns them.
        highlight: its own deck, or that of its document, takes precedence over every other.
        of_run: the deck that takes precedence over those of the rules; "" = none.
    """
    document = highlight.document
    rule = rule_of(rules, highlight)

    # a work has one deck: its other collections become tags
    collection, *others = sorted(document.collections) or [""]
    tags = rule.tags
    if "{collection}" in rule.deck:
        of_collections = [_path(other).replace(" ", "_") for other in others]
        tags = (*tags, *of_collections)
    named = document.deck or highlight.deck
    deck = (named and _joined(named.split("::"))) or of_run
    if not deck:
        folder = document.path.rpartition("/")[0]
        # the first tag that says what it is about
        topics = []
        for name in (*highlight.tags, *document.tags):
            if _normalised(name).partition("/")[0] != TAG:
                topics.append(_path(name.removeprefix("#")))
        topic = next(filter(None, topics), "")
        title = _part(document.title)
        book = title
        if highlight.namespace.partition(":")[0] in _OF_NOTES:
            book = _path(folder)
        source = _part(document.source)
        values = (title, _path(collection), _path(folder), source, book, topic)
        deck = _fill(rule.deck, values)
    return DeckChoice(deck, tags)


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
_OF_NOTES = frozenset(("vault", "markdown", "jupyter"))


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
