"""`decks/*.yaml`: rules for the deck and kinds of cards, and for the meaning of colours.

Each file describes one deck. The first file, by name, whose `select` matches is used. The file
without `select` comes last. The shipped `reading.yaml` comes after a workspace's own files.
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

from ankiforge.config.ownfiles import OwnPath
from ankiforge.config.yamlfile import Location, read, suggestion, typed
from ankiforge.model import CardKind, Document, Highlight, Strings, Value, colour_name
from ankiforge.text import regex
from ankiforge.text.fold import is_visible

Action = Literal["card", "definition", "question", "skip"]
"""What a colour means: a card of any kind, about a term, a question with its answer, or no card."""
# Longer ones are no rules of a person, and would take minutes.
_Pattern = Annotated[str, msgspec.Meta(max_length=1000)]
Patterns = _Pattern | Annotated[tuple[_Pattern, ...], msgspec.Meta(max_length=10_000)]
Colour = Literal["yellow", "red", "green", "blue", "purple", "magenta", "orange", "gray"]
"""Zotero's palette."""


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

    deck: str
    """The deck's name, which may contain `{title}`, `{collection}` and `{folder}`."""
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


# --- reading --------------------------------------------------------------------------------


def load_decks(root: Path) -> tuple[DeckRule, ...]:
    """Read the deck files of a workspace. What none of them selects goes to `Reading`.

    Args:
        root: the workspace.

    Returns:
        The rules in order. The last one matches everything.

    Raises:
        ConfigError: with file and line; also for a second file without `select`.
        OwnFileError: a file is a link, no regular file, or too large.
    """
    files = (OwnPath(root) / "decks").listed(".yaml")
    rules = [_read(path, f"decks/{path.name}") for path in files]
    if not any(rule.takes_all for rule, _ in rules):
        rules.append((DeckRule(deck="Reading"), Location("reading.yaml")))
    first, *others = (where for rule, where in rules if rule.takes_all)
    if others:
        what = f"has no `select`, and neither has {first.file}: one of them would never be used"
        raise others[0].error(what, "give one of them a `select`")
    return tuple(sorted((rule for rule, _ in rules), key=lambda rule: rule.takes_all))


def _read(path: OwnPath, shown: str) -> tuple[DeckRule, Location]:
    data, where = read(path, shown)
    rule = typed(DeckRule, {} if data is None else data, where)
    for name in _PLACEHOLDER.findall(rule.deck):
        if name not in _PLACEHOLDERS:
            what = f"unknown placeholder {{{name}}}"
            raise where.at("deck").error(what, suggestion(name, _PLACEHOLDERS))
    return rule, where


# --- choosing -------------------------------------------------------------------------------


def deck_of(rules: tuple[DeckRule, ...], document: Document, highlight: Highlight) -> DeckChoice:
    """Apply the first rule that matches. A deck named by the document itself takes precedence.

    The last of `rules` matches everything, as in the result of `load_decks`.
    """
    rule = next(rule for rule in rules if rule.takes_all or _fits(rule.select, document, highlight))
    # a work has one deck: its other collections become tags
    first, *others = sorted(document.collections) or [""]
    folder, colour = document.path.rpartition("/")[0], colour_name(highlight.colour)
    tags = (_path(one).replace(" ", "_") for one in others if "{collection}" in rule.deck)
    own = document.deck and _joined(document.deck.split("::"))
    deck = own or _fill(rule.deck, document.title, first, folder)
    action: Action = next((rule.colours[one] for one in rule.colours if one == colour), "card")
    return DeckChoice(deck, (*rule.tags, *tags), rule.kinds, action)


def _fits(select: Select, document: Document, highlight: Highlight) -> bool:
    pairs = (
        (select.source, (document.source,)),
        (select.path, (document.path,)),
        (select.collection, document.collections),
        (select.tag, (*document.tags, *highlight.tags)),
        (select.colour, (colour_name(highlight.colour),)),
        (select.author, document.creators),
    )
    return all(not patterns or _match(patterns, values) for patterns, values in pairs)


def _match(patterns: Patterns, values: Iterable[str]) -> bool:
    words, wildcards = _compiled(patterns)
    for value in map(_normalised, values):
        if value in words or (wildcards and wildcards.match(value)):
            return True
    return False


# Rules stay the same during a run, and are asked about every highlight.
@lru_cache(maxsize=256)
def _compiled(patterns: Patterns) -> tuple[frozenset[str], re.Pattern[str] | None]:
    """Return the patterns without wildcards, and one regular expression for the others."""
    wanted = {_normalised(one) for one in ([patterns] if isinstance(patterns, str) else patterns)}
    words = frozenset(one for one in wanted if not _WILDCARD.search(one))
    expressions = [fnmatch.translate(one) for one in sorted(wanted - words)]
    return words, re.compile("|".join(expressions)) if expressions else None


_WILDCARD = regex(r"[*?\[]")


@lru_cache(maxsize=4096)
def _normalised(text: str) -> str:
    return unicodedata.normalize("NFC", text).casefold().removeprefix("#")


# --- the name of a deck ---------------------------------------------------------------------

_PLACEHOLDERS = ("title", "collection", "folder")
_PLACEHOLDER = regex(r"\{([^{}]*)\}")
# The maximum length of one part of a deck's name. Anki's deck list shows no more.
_MAX_PART = 100


@lru_cache(maxsize=1024)  # called several times for each highlight of a document
def _fill(template: str, title: str, collection: str, folder: str) -> str:
    """Fill in a template. The fallback for an empty name is the title, then "ankiforge"."""
    values = {
        "title": _part(title), "collection": _path(collection), "folder": _path(folder),
    }  # fmt: skip
    name = _PLACEHOLDER.sub(lambda found: values[found[1]], template)
    return _joined(name.split("::")) or _part(title) or "ankiforge"


def _path(text: str) -> str:
    """Return a path of folders or collections as a deck name with the same levels."""
    return _joined(map(_part, text.split("/")))


def _part(text: str) -> str:
    """Return text as one part of a deck's name: no `::`, of limited length."""
    text = re.sub(r":{2,}", "-", _joined([text])).strip(": ")
    return text[:_MAX_PART].rstrip(": ") if is_visible(text) else ""


def _joined(parts: Iterable[str]) -> str:
    """Join parts of a deck's name, each on one line, without those that show nothing."""
    lines = (unicodedata.normalize("NFC", _BREAKS.sub(" ", part)) for part in parts)
    names = (" ".join(line.split()) for line in lines)
    return "::".join(name for name in names if is_visible(name))


# Characters that break a line. Not joiners, which scripts and emoji need.
_BREAKS = regex("[\x00-\x1f\x7f-\x9f\u2028\u2029\ud800-\udfff]")
