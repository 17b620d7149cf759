"""QUERY: which cards are meant, in every command that takes one.

Blank = and, `-` negates, bare words match text and title, `field:value` the rest; quotes for
blanks. `*` and `?` in a value are wildcards.

    deck:Reading -finding:* "gradient descent" verdict:pending
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Callable, Iterator
from colorsys import rgb_to_hsv
from dataclasses import dataclass
from enum import StrEnum
from fnmatch import fnmatchcase
from functools import lru_cache

from ankiforge.domain import AnkiState, Candidate, Card, CardKind, Standing, Verdict
from ankiforge.errors import UsageError
from ankiforge.text.fold import canonical
from ankiforge.text.markdown import plain

# --- what a card offers to a field ------------------------------------------------------------


def _shown(card: Card) -> tuple[Candidate, ...]:
    """The candidates that are, or may become, the card."""
    picked = (card.picked,) if card.picked else ()
    return (*picked, *card.open) or card.candidates


def _documents(card: Card) -> Iterator[str]:
    document = card.highlight.document
    yield from (document.title, document.key, document.path)
    yield from (value for _, value in document.identifiers)


def _tags(card: Card) -> Iterator[str]:
    yield from card.tags
    yield from card.highlight.tags
    for candidate in _shown(card):
        yield from candidate.draft.tags


def _findings(card: Card) -> Iterator[str]:
    for candidate in _shown(card):
        for finding in candidate.findings:
            yield from (finding.check, finding.severity.value)


def _drafters(card: Card) -> Iterator[str]:
    yield from (candidate.draft.origin.drafter for candidate in _shown(card))


def _prompts(card: Card) -> Iterator[str]:
    yield from (candidate.draft.origin.prompt for candidate in _shown(card))


def _colours(card: Card) -> Iterator[str]:
    colour = card.highlight.colour
    yield colour
    if re.fullmatch(r"#[0-9a-fA-F]{6}", colour):
        yield _colour_name(*(int(colour[at : at + 2], 16) / 255 for at in (1, 3, 5)))


_HUES = ((15, "red"), (40, "orange"), (70, "yellow"), (170, "green"), (250, "blue"),
         (290, "purple"), (345, "magenta"), (360, "red"))  # fmt: skip
"""Up to this hue, in degrees, a colour goes by this name; fits Zotero's eight."""


def _colour_name(red: float, green: float, blue: float) -> str:
    hue, saturation, value = rgb_to_hsv(red, green, blue)
    if saturation < 0.15 or value < 0.15:
        return "white" if value > 0.9 else "black" if value < 0.15 else "grey"
    return next(name for end, name in _HUES if 360 * hue <= end)


# --- how a value matches ----------------------------------------------------------------------

Matcher = Callable[[str, str], bool]
"""(value, pattern), both casefolded."""


def _globbed(value: str, pattern: str) -> bool:
    return fnmatchcase(value, pattern.replace("[", "[[]"))


def _whole(value: str, pattern: str) -> bool:
    return _globbed(value, pattern)


def _within(value: str, pattern: str) -> bool:
    return _globbed(value, f"*{pattern}*")


def _at_head(value: str, pattern: str) -> bool:
    return _globbed(value, f"{pattern}*")


def _below(*separators: str) -> Matcher:
    """Equal, or beneath it in a tree: `Reading` holds `Reading::Papers`."""

    def matches(value: str, pattern: str) -> bool:
        return _whole(value, pattern) or any(
            _globbed(value, f"{pattern}{separator}*") for separator in separators
        )

    return matches


@dataclass(frozen=True, slots=True)
class _Field:
    """Where a field looks, how it compares, and the words it knows (() = any)."""

    values: Callable[[Card, str], Iterator[str]]
    match: Matcher
    choices: tuple[str, ...] = ()


def _one(value: Callable[[Card], str]) -> Callable[[Card, str], Iterator[str]]:
    return lambda card, run: iter((value(card),))


def _many(values: Callable[[Card], Iterator[str]]) -> Callable[[Card, str], Iterator[str]]:
    return lambda card, run: values(card)


def _words(decisions: type[StrEnum]) -> tuple[str, ...]:
    return tuple(decision.value for decision in decisions)


_FIELDS = {
    "deck": _Field(_one(lambda card: card.deck), _below("::")),
    "document": _Field(_many(_documents), _within),
    "source": _Field(_one(lambda card: card.highlight.document.source), _whole),
    "tag": _Field(_many(_tags), _below("::", "/")),
    "colour": _Field(_many(_colours), _whole),
    "kind": _Field(_one(lambda card: card.kind), _whole, _words(CardKind)),
    "verdict": _Field(_one(lambda card: card.verdict), _whole, _words(Verdict)),
    "standing": _Field(_one(lambda card: card.standing), _whole, _words(Standing)),
    "anki": _Field(_one(lambda card: card.anki), _whole, _words(AnkiState)),
    "finding": _Field(_many(_findings), _whole),
    "drafter": _Field(_many(_drafters), _below(":")),
    "prompt": _Field(_many(_prompts), _below("@")),
    "run": _Field(lambda card, run: iter((run,)), _at_head),
    "key": _Field(_one(lambda card: card.key), _within),
}
FIELDS = tuple(_FIELDS)
"""The fields a query may name."""


# --- the query --------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Term:
    """One condition: of a field, or of the words (`field` = "")."""

    field: str
    value: str
    negated: bool = False

    def holds(self, card: Card, run: str) -> bool:
        """Whether the card fulfils it."""
        return self._found(card, run) is not self.negated

    def _found(self, card: Card, run: str) -> bool:
        if not self.field:
            return _says(_text(card), self.value)
        field = _FIELDS[self.field]
        pattern = canonical(self.value)
        return any(
            value and field.match(canonical(value), pattern) for value in field.values(card, run)
        )


@dataclass(frozen=True, slots=True)
class Query:
    """All conditions a card must fulfil; none = every card."""

    terms: tuple[Term, ...] = ()

    def matches(self, card: Card, run: str = "") -> bool:
        """Whether a card is meant; `run` is the id of the run that drafted it."""
        return all(term.holds(card, run) for term in self.terms)


_TERM = re.compile(
    r"""\s*(?P<minus>-?)(?:(?P<field>[^\W\d]\w*):)?(?:"(?P<quoted>[^"]*)"|(?P<bare>[^\s"]*))"""
    r"(?=\s|$)"
)


def parse(text: str) -> Query:
    """Read a query.

    Raises:
        UsageError: an unknown field, a value no card can have, an open quote, nothing after
            a `-` or a colon.
    """
    terms, at, end = [], 0, len(text.rstrip())
    while at < end:
        found = _TERM.match(text, at)
        if found is None:
            raise UsageError(
                f"query: cannot read {text[at:].strip()!r}",
                hint='a quote opens after a blank or a colon and is closed: "two words"',
            )
        terms.append(_term(found))
        at = found.end()
    return Query(tuple(terms))


def _term(found: re.Match[str]) -> Term:
    field = (found["field"] or "").casefold()
    value = found["bare"] if found["quoted"] is None else found["quoted"]
    if field and field not in _FIELDS:
        raise UsageError(
            f"query: no field called {field!r}",
            hint=f"fields: {', '.join(FIELDS)}; to search for the words, quote them: "
            f'"{field}:{value}"',
        )
    if not value.strip():
        raise UsageError(
            f"query: nothing after {found[0].strip()!r}", hint="give a value; `*` stands for any"
        )
    if field == "tag":
        value = value.removeprefix("#")
    _known(field, value)
    return Term(field, value, bool(found["minus"]))


def _known(field: str, value: str) -> None:
    choices = _FIELDS[field].choices if field else ()
    if choices and not any(_globbed(choice, value.casefold()) for choice in choices):
        raise UsageError(f"query: {field} is never {value!r}", hint=f"one of: {', '.join(choices)}")


# --- words ------------------------------------------------------------------------------------


def _text(card: Card) -> str:
    """All a reader sees of the card, and the title of its document."""
    fields = [*card.fields]
    for candidate in _shown(card):
        fields += candidate.draft.fields
    words = [_bare(text) for _, text in dict.fromkeys(fields)]
    return "\n".join((card.highlight.document.title, *words))


@lru_cache(maxsize=4096)
def _bare(text: str) -> str:
    return plain(re.sub("[\ue000-\ue001]", " ", text))


_SIGNS = re.compile(r"[\W_]+")
_HYPHEN = re.compile(r"(?<=\w)[-'](?=\w)")
_PLAIN = re.compile(r"[\w '-]+")


def _says(text: str, words: str) -> bool:
    """Whether the words stand in the text; signs count only where the words hold some.

    `cross validation` finds cross-validation, `schrodinger` Schrödinger; `C++` not C.
    """
    wanted, said = canonical(words), canonical(text)
    if not _PLAIN.fullmatch(wanted) or not _folded(wanted):
        return wanted in said
    joined = (_HYPHEN.sub("", form) for form in (wanted, said))
    return _folded(wanted) in _folded(said) or _folded(next(joined)) in _folded(next(joined))


def _folded(text: str) -> str:
    letters = unicodedata.normalize("NFKD", text)
    bare = "".join(letter for letter in letters if not unicodedata.combining(letter))
    return _SIGNS.sub(" ", bare).strip()
