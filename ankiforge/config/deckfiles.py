"""`decks/*.yaml`: rules for the deck and kinds of cards, and for the meaning of colours.

Each file describes one deck. The first file, by name, whose `select` matches is used. The file
without `select` comes last. The shipped `reading.yaml` comes after a workspace's own files.
"""

from __future__ import annotations

import colorsys
import fnmatch
import re
import unicodedata
from collections.abc import Iterable
from dataclasses import dataclass
from enum import StrEnum
from functools import cache, lru_cache
from pathlib import Path

import msgspec

from ankiforge.config import shipped
from ankiforge.config.removed import refuse_removed
from ankiforge.config.yamlfile import Location, read, suggestion, typed
from ankiforge.model import CardKind, Document, Highlight


class Action(StrEnum):
    """What a colour means."""

    CARD = "card"
    """A card of any kind."""
    DEFINITION = "definition"
    """A card that asks for the term or its definition."""
    QUESTION = "question"
    """A question with its answer."""
    SKIP = "skip"
    """No card."""


Patterns = str | tuple[str, ...]


class Select(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
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


class Colours(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """The meaning of each colour of Zotero's palette. Other shades count as the nearest one."""

    yellow: Action = Action.CARD
    red: Action = Action.CARD
    green: Action = Action.CARD
    blue: Action = Action.CARD
    purple: Action = Action.CARD
    magenta: Action = Action.CARD
    orange: Action = Action.CARD
    gray: Action = Action.CARD

    def of(self, colour: str) -> Action:
        """Return what a colour asks for. A colour outside the palette asks for a card."""
        known = colour in self.__struct_fields__
        return getattr(self, colour) if known else Action.CARD


class DeckRule(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """One deck file."""

    deck: str
    """The deck's name, which may contain `{title}`, `{collection}` and `{folder}`."""
    select: Select = Select()
    kinds: tuple[CardKind, ...] = ()
    """The allowed kinds of cards. () for all."""
    tags: tuple[str, ...] = ()
    prompt: str = ""
    """The prompt for its cards. "" for the default one."""
    colours: Colours = Colours()

    @property
    def skipped(self) -> tuple[str, ...]:
        """The names of the colours whose highlights get no card."""
        names = Colours.__struct_fields__
        return tuple(name for name in names if self.colours.of(name) is Action.SKIP)

    @property
    def takes_all(self) -> bool:
        """Whether it has no `select`."""
        return self.select == Select()


@dataclass(frozen=True, slots=True)
class DeckChoice:
    """The deck, tags, kinds and prompt for the cards of one highlight."""

    deck: str
    tags: tuple[str, ...]
    kinds: tuple[CardKind, ...]
    prompt: str
    action: Action


# --- reading --------------------------------------------------------------------------------


DECK_FILES = "decks/*.yaml"
"""Where the deck files of a workspace are."""


def load_decks(root: Path) -> tuple[DeckRule, ...]:
    """Read the deck files of a workspace, followed by the shipped ones.

    Args:
        root: the workspace.

    Returns:
        The rules in order. The last one matches everything.

    Raises:
        ConfigError: with file and line; also for a second file without `select`.
    """
    files = sorted(path for path in root.glob(DECK_FILES) if path.is_file())
    rules = [_read(path, str(path.relative_to(root))) for path in files]
    if not any(rule.takes_all for rule, _ in rules):
        rules += _shipped()
    first, *others = (where for rule, where in rules if rule.takes_all)
    if others:
        what = f"has no `select`, and neither has {first.file}: one of them would never be used"
        raise others[0].error(what, "give one of them a `select`")
    return tuple(sorted((rule for rule, _ in rules), key=lambda rule: rule.takes_all))


@cache
def _shipped() -> tuple[tuple[DeckRule, Location], ...]:
    paths = sorted(shipped("decks").glob("*.yaml"))
    return tuple(_read(path, path.name) for path in paths)


def _read(path: Path, shown: str) -> tuple[DeckRule, Location]:
    data, where = read(path, shown)
    refuse_removed(data, where, "decks")
    rule = typed(DeckRule, {} if data is None else data, where)
    at = where.at("deck")
    for name in _PLACEHOLDER.findall(rule.deck):
        if name not in _PLACEHOLDERS:
            raise at.error(f"unknown placeholder {{{name}}}", suggestion(name, _PLACEHOLDERS))
    if re.search(r"[{}]", _PLACEHOLDER.sub("", rule.deck)):
        raise at.error("a brace without its partner", 'such as "Reading::{title}"')
    if not _joined(_PLACEHOLDER.sub("x", rule.deck).split("::")):
        raise at.error("the deck has no name", 'such as "Reading::{title}"')
    for number, tag in enumerate(rule.tags):
        if not tag or re.search(r"\s", tag):
            what = f"{tag!r} cannot be a tag in Anki"
            raise where.at("tags", number).error(what, "use no spaces: a_b, or a::b for a subtag")
    return rule, where


# --- choosing -------------------------------------------------------------------------------


def deck_of(rules: tuple[DeckRule, ...], document: Document, highlight: Highlight) -> DeckChoice:
    """Apply the first rule that matches. A deck named by the document itself takes precedence.

    The last of `rules` matches everything, as in the result of `load_decks`.
    """
    rule = next(rule for rule in rules if rule.takes_all or _fits(rule.select, document, highlight))
    # a work has one deck: its other collections become tags
    first, *others = sorted(document.collections) or [""]
    folder = document.path.rpartition("/")[0]
    tags = (_path(one).replace(" ", "_") for one in others if "{collection}" in rule.deck)
    return DeckChoice(
        deck=(document.deck and _joined(document.deck.split("::")))
        or _fill(rule.deck, document.title, first, folder),
        tags=(*rule.tags, *tags),
        kinds=rule.kinds,
        prompt=rule.prompt,
        action=rule.colours.of(colour_name(highlight.colour)),
    )


def _fits(select: Select, document: Document, highlight: Highlight) -> bool:
    pairs = (
        (select.source, (document.source,)),
        (select.path, (document.path,)),
        (select.collection, document.collections),
        (select.tag, (*document.tags, *highlight.tags)),
        (select.colour, (colour_name(highlight.colour),)),
        (select.author, document.creators),
    )
    for patterns, values in pairs:
        wanted = (patterns,) if isinstance(patterns, str) else patterns
        plain = [_normalised(value) for value in values]
        if patterns and not any(
            fnmatch.fnmatchcase(value, _normalised(one)) for one in wanted for value in plain
        ):
            return False
    return True


@lru_cache(maxsize=4096)
def _normalised(text: str) -> str:
    return unicodedata.normalize("NFC", text).casefold().removeprefix("#")


# --- the name of a deck ---------------------------------------------------------------------

_PLACEHOLDERS = ("title", "collection", "folder")
_PLACEHOLDER = re.compile(r"\{([^{}]*)\}")
_MAX_PART = 100
"""The maximum length of one part of a deck's name. Anki's deck list shows no more."""
_BLANK_CATEGORIES = ("Cc", "Cs", "Zl", "Zp")
"""Unicode categories replaced by spaces in a name. Not joiners, which scripts and emoji need."""


@lru_cache(maxsize=1024)  # called several times for each highlight of a document
def _fill(template: str, title: str, collection: str, folder: str) -> str:
    """Fill in a template. The fallback for an empty name is the title, then "ankiforge"."""
    read = {
        "title": lambda: _part(title),
        "collection": lambda: _path(collection),
        "folder": lambda: _path(folder),
    }
    name = _PLACEHOLDER.sub(lambda found: read[found[1]](), template)
    return _joined(name.split("::")) or _part(title) or "ankiforge"


def _path(text: str) -> str:
    """Return a path of folders or collections as a deck name with the same levels."""
    return _joined(map(_part, text.split("/")))


def _part(text: str) -> str:
    """Return text as one part of a deck's name: no `::`, of limited length."""
    text = re.sub(r":{2,}", "-", _joined([text])).strip(": ")
    return text[:_MAX_PART].rstrip(": ") if _is_visible(text) else ""


def _joined(parts: Iterable[str]) -> str:
    """Join parts of a deck's name, each on one line, without those that show nothing."""
    kept = []
    for part in parts:
        text = unicodedata.normalize("NFC", part)
        if not text.isprintable():
            signs = (" " if unicodedata.category(c) in _BLANK_CATEGORIES else c for c in text)
            text = "".join(signs)
        text = " ".join(text.split())
        if _is_visible(text):
            kept.append(text)
    return "::".join(kept)


def _is_visible(text: str) -> bool:
    return any(c.isprintable() and not c.isspace() for c in text)


# --- colours --------------------------------------------------------------------------------

PALETTE = {
    "yellow": ("#ffd400", "#ffff00"),
    "red": ("#ff6666", "#ff0000"),
    "green": ("#5fb236", "#00ff00"),
    "blue": ("#2ea8e5", "#0000ff", "#00ffff"),
    "purple": ("#a28ae5", "#8000ff"),
    "magenta": ("#e56eee", "#ff00ff", "#ff0080"),
    "orange": ("#f19837", "#ff8000"),
}
"""Zotero's palette, and the plain colours for which PDF programs use the same names."""
_GRAY_BELOW = 0.1
"""The difference between the largest and the smallest of red, green, blue (0 to 1)."""


def colour_name(colour: str) -> str:
    """Return the palette's name for a colour: `#rrggbb` gives the nearest hue, a name itself.

    Only the hue counts: programs differ in how pale their yellow is, but not in its hue.
    """
    name = colour.casefold()
    if not re.fullmatch(r"#[0-9a-f]{6}", name):
        return "gray" if name == "grey" else name
    red, green, blue = parts = _rgb(name)
    if max(parts) - min(parts) < _GRAY_BELOW:
        return "gray"
    hue = colorsys.rgb_to_hsv(red, green, blue)[0]

    def distance(name: str) -> float:
        """Return the distance of the hue to the nearest anchor on the circle (0 to 0.5)."""
        apart = [abs(hue - anchor) for anchor in _HUES[name]]
        return min(min(gap, 1 - gap) for gap in apart)

    return min(PALETTE, key=distance)


def _rgb(colour: str) -> tuple[float, float, float]:
    red, green, blue = (int(colour[at : at + 2], 16) / 255 for at in (1, 3, 5))
    return red, green, blue


_HUES = {
    name: [colorsys.rgb_to_hsv(*_rgb(anchor))[0] for anchor in anchors]
    for name, anchors in PALETTE.items()
}
