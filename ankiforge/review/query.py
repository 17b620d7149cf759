"""QUERY: which cards are meant, in every command that takes one.

Blank = and, `-` negates, bare words match text and title, `field:value` the rest; quotes for
blanks. `*` and `?` in a value are wildcards.

    deck:Reading -finding:* "gradient descent" verdict:pending
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from enum import StrEnum
from fnmatch import fnmatchcase
from functools import lru_cache

from ankiforge.config.deckfiles import colour_name
from ankiforge.errors import UsageError
from ankiforge.model import (
    AnkiState,
    Candidate,
    Card,
    CardKind,
    Highlight,
    Standing,
    Verdict,
)
from ankiforge.text.fold import canonical
from ankiforge.text.markdown import plain

# --- what a card offers to a field ------------------------------------------------------------


def _shown(card: Card) -> tuple[Candidate, ...]:
    """The candidates that are, or may become, the card."""
    picked = (card.picked,) if card.picked else ()
    return (*picked, *card.open) or card.candidates


def _documents(highlight: Highlight) -> Iterator[str]:
    document = highlight.document
    yield from (document.title, document.key, document.path)
    yield from (value for _, value in document.identifiers)


def _verdicts(card: Card) -> Iterator[str]:
    """What was decided; a card whose correction waits is pending, too."""
    yield card.verdict
    if card.revision:
        yield Verdict.PENDING


def _findings(card: Card) -> Iterator[str]:
    for candidate in _shown(card):
        for finding in candidate.findings:
            yield from (finding.check, finding.severity.value)


def _found(card: Card, beside: Beside) -> Iterator[str]:
    """What the checks have found, and what Anki has shown."""
    yield from _findings(card)
    yield from beside.troubles(card)


def _drafters(card: Card) -> Iterator[str]:
    yield from (candidate.draft.origin.drafter for candidate in _shown(card))


def _prompts(card: Card) -> Iterator[str]:
    yield from (candidate.draft.origin.prompt for candidate in _shown(card))


def _colours(highlight: Highlight) -> Iterator[str]:
    yield highlight.colour
    yield colour_name(highlight.colour)


@dataclass(frozen=True, slots=True)
class Beside:
    """What is known of a card and does not stand on it."""

    run: str
    """The id of the run that drafted it."""
    tags: Callable[[Card], Iterable[str]]
    """Its tags, as a package has them; asked only if a query does."""
    troubles: Callable[[Card], Iterable[str]] = lambda card: ()
    """Why it needs work in Anki, in a word each; the same."""
    said: Callable[[Card], Said] = lambda card: said_on(card)
    """All a reader sees of it; the same."""


# --- how a value matches ----------------------------------------------------------------------

Matcher = Callable[[str, str], bool]
"""(value, pattern), both casefolded."""


def _whole(value: str, pattern: str) -> bool:
    return fnmatchcase(value, pattern.replace("[", "[[]"))


def _within(value: str, pattern: str) -> bool:
    return _whole(value, f"*{pattern}*")


def _at_head(value: str, pattern: str) -> bool:
    return _whole(value, f"{pattern}*")


def _below(*separators: str) -> Matcher:
    """Equal, or beneath it in a tree: `Reading` holds `Reading::Papers`."""

    def matches(value: str, pattern: str) -> bool:
        return _whole(value, pattern) or any(
            _whole(value, f"{pattern}{separator}*") for separator in separators
        )

    return matches


@dataclass(frozen=True, slots=True)
class _Field:
    """Where a field looks, how it compares, and the words it knows (() = any)."""

    values: Callable[[Card, Beside], Iterable[str]]
    match: Matcher
    choices: tuple[str, ...] = ()


def _one(value: Callable[[Card], str]) -> Callable[[Card, Beside], Iterable[str]]:
    return lambda card, beside: (value(card),)


def _many(values: Callable[[Card], Iterator[str]]) -> Callable[[Card, Beside], Iterable[str]]:
    return lambda card, beside: values(card)


def _words(decisions: type[StrEnum]) -> tuple[str, ...]:
    return tuple(decision.value for decision in decisions)


_FIELDS = {
    "deck": _Field(_one(lambda card: card.deck), _below("::")),
    "document": _Field(lambda card, beside: _documents(card.highlight), _within),
    "source": _Field(_one(lambda card: card.highlight.document.source), _whole),
    "tag": _Field(lambda card, beside: beside.tags(card), _below("::", "/")),
    "colour": _Field(lambda card, beside: _colours(card.highlight), _whole),
    "kind": _Field(_one(lambda card: card.kind), _whole, _words(CardKind)),
    "verdict": _Field(_many(_verdicts), _whole, _words(Verdict)),
    "standing": _Field(_one(lambda card: card.standing), _whole, _words(Standing)),
    "anki": _Field(_one(lambda card: card.anki), _whole, _words(AnkiState)),
    "finding": _Field(_found, _whole),
    "drafter": _Field(_many(_drafters), _below(":")),
    "prompt": _Field(_many(_prompts), _below("@")),
    "run": _Field(lambda card, beside: (beside.run,), _at_head),
    "key": _Field(_one(lambda card: card.highlight.key), _within),
}
_OF_PASSAGES: dict[str, Callable[[Highlight], Iterable[str]]] = {
    "document": _documents,
    "source": lambda highlight: (highlight.document.source,),
    "tag": lambda highlight: (*highlight.document.tags, *highlight.tags),
    "colour": _colours,
    "key": lambda highlight: (highlight.key,),
}
"""What a passage without a card offers to a field; to all others nothing."""
FIELDS = tuple(_FIELDS)
"""The fields a query may name."""
UNBROKEN = frozenset(FIELDS) - {"deck", "document", "source", "tag", "colour"}
"""Those whose values never hold a blank."""


# --- the query --------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Term:
    """One condition: of a field, or of the words (`field` = "")."""

    field: str
    value: str
    negated: bool = False

    def holds(self, card: Card, beside: Beside) -> bool:
        """Whether the card fulfils it."""
        return self._found(card, beside) is not self.negated

    def holds_of(self, passage: Highlight) -> bool:
        """Whether a passage without a card fulfils it."""
        if not self.field:
            said = (passage.document.title, passage.exact, passage.comment)
            return Said("\n".join(said)).says(self.value) is not self.negated
        values = _OF_PASSAGES.get(self.field)
        found = values is not None and self._among(values(passage))
        return found is not self.negated

    @property
    def only_of_cards(self) -> bool:
        """Whether no passage without a card can fulfil it."""
        return bool(self.field) and self.field not in _OF_PASSAGES and not self.negated

    def _found(self, card: Card, beside: Beside) -> bool:
        if not self.field:
            return beside.said(card).says(self.value) or _begins(card.guid, self.value)
        return self._among(_FIELDS[self.field].values(card, beside))

    def _among(self, values: Iterable[str]) -> bool:
        match, pattern = _FIELDS[self.field].match, _canonical(self.value)
        return any(value and match(_canonical(value), pattern) for value in values)

    def __str__(self) -> str:
        """As it is typed; a quote in its value is any sign."""
        colon = f"{self.field}:" if self.field else ""
        return f'{"-" if self.negated else ""}{colon}"{self.value.replace(chr(34), "?")}"'


@dataclass(frozen=True, slots=True)
class Query:
    """All conditions a card must fulfil; none = every card."""

    terms: tuple[Term, ...] = ()

    def matches(self, card: Card, beside: Beside) -> bool:
        """Whether a card is meant."""
        return all(term.holds(card, beside) for term in self.terms)

    def matches_passage(self, passage: Highlight) -> bool:
        """Whether a passage without a card is meant."""
        return all(term.holds_of(passage) for term in self.terms)

    def __str__(self) -> str:
        return " ".join(map(str, self.terms))


@lru_cache(maxsize=4096)
def _canonical(value: str) -> str:
    """Many cards have the same title, deck or tag."""
    return canonical(value)


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
    value = _spelt(field, value)
    _known(field, value)
    return Term(field, value, bool(found["minus"]))


def _spelt(field: str, value: str) -> str:
    """The value as cards have it: a tag holds no blanks, grey is gray."""
    if field == "tag":
        return "-".join(value.removeprefix("#").split())
    return colour_name(value) if field == "colour" and value.isalpha() else value


def _known(field: str, value: str) -> None:
    choices = _FIELDS[field].choices if field else ()
    if choices and not any(_whole(choice, value.casefold()) for choice in choices):
        raise UsageError(f"query: {field} is never {value!r}", hint=f"one of: {', '.join(choices)}")


# --- words ------------------------------------------------------------------------------------


def said_on(card: Card) -> Said:
    """All a reader sees of the card, and the title of its document."""
    fields = [*card.fields]
    for candidate in _shown(card):
        fields += candidate.draft.fields
    words = [_bare(text) for _, text in dict.fromkeys(fields)]
    return Said("\n".join((card.highlight.document.title, *words)))


@lru_cache(maxsize=4096)
def _bare(text: str) -> str:
    return plain(re.sub("[\ue000-\ue001]", " ", text))


def _begins(guid: str, word: str) -> bool:
    """Whether a word is the beginning of this id, of as many signs as an id needs."""
    return len(word) >= 8 and guid.startswith(word.casefold())


_SIGNS = re.compile(r"[\W_]+")
_HYPHEN = re.compile(r"(?<=\w)[-'](?=\w)")
_PLAIN = re.compile(r"[\w '-]+")


class Said:
    """A text in which words are looked for, in the forms that are compared, each made once."""

    __slots__ = ("_folded", "_joined", "_whole")

    def __init__(self, text: str) -> None:
        """`text` as a reader sees it."""
        self._whole = canonical(text)
        self._folded = self._joined = ""

    def says(self, words: str) -> bool:
        """Whether the words stand in the text; signs count only where the words hold some.

        `cross validation` finds cross-validation, `schrodinger` Schrödinger; `C++` not C.
        """
        whole, folded, joined = _wanted(words)
        if not folded:
            return whole in self._whole
        self._folded = self._folded or _folded(self._whole)
        if folded in self._folded:
            return True
        self._joined = self._joined or _folded(_HYPHEN.sub("", self._whole))
        return joined in self._joined


@lru_cache(maxsize=64)
def _wanted(words: str) -> tuple[str, str, str]:
    """(as they are, their letters, these without hyphens); of signs only as they are."""
    whole = canonical(words)
    folded = _folded(whole) if _PLAIN.fullmatch(whole) else ""
    return whole, folded, _folded(_HYPHEN.sub("", whole)) if folded else ""


def _folded(text: str) -> str:
    if text.isascii():
        return _SIGNS.sub(" ", text).strip()
    letters = unicodedata.normalize("NFKD", text)
    bare = "".join(letter for letter in letters if not unicodedata.combining(letter))
    return _SIGNS.sub(" ", bare).strip()
