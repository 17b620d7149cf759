"""Conditions on cards and highlights as SQL: the terms of queries, and the facets of lists.

SQLite calls Python functions for comparisons that it lacks: folded text, wildcards, colour names. The
aliases in SQL are `c` for a card, `h` for its highlight, `d` for its document, `a` for a candidate and
`f` for a finding.
"""

from __future__ import annotations

import re
import unicodedata
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from fnmatch import fnmatchcase
from functools import lru_cache
from itertools import chain
from typing import Any

import msgspec

from ankiforge.config.deckfiles import colour_name
from ankiforge.ledger.cards import DISMISSIBLE, MOVED_FROM, REJECTED_ELSEWHERE, STANDS
from ankiforge.ledger.db import Connection, to_json
from ankiforge.text.fold import canonical
from ankiforge.text.markdown import plain


@dataclass(frozen=True, slots=True)
class Term:
    """A condition on a field, or on the text (`field` = "")."""

    field: str
    value: str
    negated: bool = False

    @property
    def only_of_cards(self) -> bool:
        """Whether only cards can fulfil the term, and no highlight without a card."""
        return bool(self.field) and self.field not in _OF_HIGHLIGHTS and not self.negated

    def __str__(self) -> str:
        """Return the term as typed; a quote in the value becomes a wildcard."""
        colon = f"{self.field}:" if self.field else ""
        return f'{"-" if self.negated else ""}{colon}"{self.value.replace(chr(34), "?")}"'


# --- SQL ----------------------------------------------------------------------------------------

LIVE = "{0}.standing = 'live' AND {0}.verdict <> 'rejected'"
HOME = "coalesce((SELECT l.key FROM card_highlight l WHERE l.guid = c.guid AND l.role = 'origin'), c.key)"
"""The key of the highlight that a card belongs to."""
_TWIN = "json_extract(f.body, '$.twin')"
_TWIN_CARD = f"substr({_TWIN}, 1, instr({_TWIN} || '.', '.') - 1)"
_SETTLED = (
    f"EXISTS (SELECT 1 FROM event d WHERE d.what = 'not-duplicate' AND {STANDS}"
    " AND d.subject = {} AND json_extract(d.body, '$.twin') = {})"
)
CURRENT = (
    f"(coalesce({_TWIN}, '') = '' OR ("
    f"(EXISTS (SELECT 1 FROM card o WHERE o.guid = {_TWIN_CARD} AND o.standing = 'live'"
    f"  AND CASE json_extract(f.body, '$.check') WHEN '{MOVED_FROM}' THEN 1"
    f"  WHEN '{REJECTED_ELSEWHERE}' THEN o.verdict = 'rejected' ELSE o.verdict <> 'rejected' END)"
    f" OR EXISTS (SELECT 1 FROM foreign_note n WHERE {_TWIN} GLOB 'nid:*'"
    f"  AND n.id = CAST(substr({_TWIN_CARD}, 5) AS INTEGER) AND n.fields <> ''))"
    f" AND NOT (json_extract(f.body, '$.check') IN ({', '.join(map(repr, DISMISSIBLE))})"
    f" AND ({_SETTLED.format('f.guid', _TWIN_CARD)} OR {_SETTLED.format(_TWIN_CARD, 'f.guid')}))))"
)
"""Whether a finding applies: the other card is still in use, and no person dismissed the pair."""
_SHOWN = (
    "(a.state <> 'passed' OR NOT EXISTS"
    " (SELECT 1 FROM candidate b WHERE b.guid = a.guid AND b.state <> 'passed'))"
)
"""Whether a candidate is not passed over; true for all candidates if all were."""
_REVISED = (
    "(c.verdict = 'accepted' AND c.standing = 'live' AND c.anki <> 'tombstone'"
    " AND EXISTS (SELECT 1 FROM candidate b WHERE b.guid = c.guid AND b.state = 'picked')"
    " AND EXISTS (SELECT 1 FROM candidate b WHERE b.guid = c.guid AND b.state = 'open'))"
)
_CANDIDATE = "candidate a WHERE a.guid = c.guid AND {shown}"
_FINDING = (
    "finding f JOIN candidate a ON a.guid = f.guid AND a.letter = f.letter"
    f" WHERE f.guid = c.guid AND {{shown}} AND {CURRENT}"
)
_Places = tuple[tuple[str, str], ...]
"""(value, the rows from which it is taken), where "" = the current row."""
_DOCUMENT: _Places = (
    ("d.title", ""),
    ("d.key", ""),
    ("json_extract(d.body, '$.path')", ""),
    ("json_extract(i.value, '$[1]')", "json_each(d.body, '$.identifiers') i WHERE 1"),
)
_TAGS: _Places = (
    ("t.value", "json_each(d.body, '$.tags') t WHERE 1"),
    ("t.value", "json_each(h.body, '$.tags') t WHERE 1"),
)
_COLOUR = "json_extract(h.body, '$.colour')"
_SLUG = "coalesce((SELECT w.slug FROM document w WHERE w.key = d.work), d.slug)"
_OF_HIGHLIGHTS: dict[str, tuple[str, _Places]] = {
    "document": ("within", _DOCUMENT),
    "source": ("whole", (("json_extract(d.body, '$.source')", ""),)),
    "tag": ("::/", _TAGS),
    "colour": ("whole", ((_COLOUR, ""), (f"colour_name({_COLOUR})", ""))),
    "key": ("within", (("h.key", ""),)),
}
"""For highlights without a card, by field: how to compare it, and where its values are."""
_OF_CARDS: dict[str, tuple[str, _Places]] = {
    "deck": ("::", (("c.deck", ""),)),
    "document": _OF_HIGHLIGHTS["document"],
    "source": _OF_HIGHLIGHTS["source"],
    "tag": (
        "::/",
        (
            *_TAGS,
            ("t.value", "json_each(c.tags) t WHERE 1"),
            ("t.value", _CANDIDATE.replace(" a ", " a, json_each(a.draft, '$.tags') t ", 1)),
            ("t.value", "json_each(deck_tags(d.body, h.body)) t WHERE 1"),
            (f"'ankiforge::doc::' || nullif({_SLUG}, '')", ""),
        ),
    ),
    "colour": _OF_HIGHLIGHTS["colour"],
    "kind": ("whole", (("{kind}", ""),)),
    "verdict": ("whole", (("c.verdict", ""), ("CASE WHEN {revised} THEN 'pending' END", ""))),
    "standing": ("whole", (("c.standing", ""),)),
    "anki": ("whole", (("c.anki", ""),)),
    "finding": (
        "whole",
        (
            ("json_extract(f.body, '$.check')", _FINDING),
            ("json_extract(f.body, '$.severity')", _FINDING),
        ),
    ),
    "drafter": (":", (("json_extract(a.draft, '$.origin.drafter')", _CANDIDATE),)),
    "prompt": ("@", (("json_extract(a.draft, '$.origin.prompt')", _CANDIDATE),)),
    "run": ("head", (("c.run", ""),)),
    "key": _OF_HIGHLIGHTS["key"],
}
"""The same for cards."""
FIELDS = tuple(_OF_CARDS)
"""The fields that a query may name."""
_WORDS = (
    "(says(:{name}, d.title, {fields}, (SELECT json_group_array(json_extract(a.draft, '$.fields'))"
    f" FROM {_CANDIDATE}))"
    " OR (length(:{name}) >= 8 AND substr(c.guid, 1, length(:{name})) = lower(:{name})))"
)
_WORDS_OF_HIGHLIGHT = (
    "says(:{name}, d.title, json_array(json_array('', json_extract(h.body, '$.exact')),"
    " json_array('', json_extract(h.body, '$.comment'))), '')"
)
_ALL = {
    "shown": _SHOWN, "revised": _REVISED, "kind": "c.kind", "fields": "c.fields",
}  # fmt: skip
_ONE = {
    "shown": "a.letter = :letter",
    "revised": "0",
    "kind": "(SELECT json_extract(a.draft, '$.kind') FROM candidate a WHERE a.guid = c.guid"
    " AND a.letter = :letter)",
    "fields": "(SELECT CASE a.state WHEN 'picked' THEN c.fields"
    " ELSE json_extract(a.draft, '$.fields') END FROM candidate a WHERE a.guid = c.guid"
    " AND a.letter = :letter)",
}
"""The same as `_ALL` for a card read as if `:letter` were its only candidate."""
NUMBERS = (
    "(has_digit(c.fields) OR EXISTS (SELECT 1 FROM candidate a WHERE a.guid = c.guid"
    f" AND {_SHOWN} AND has_digit(json_array(json_extract(a.draft, '$.quote')))))"
)
NUMBERS_OF_HIGHLIGHT = "has_digit(json_array(json_extract(h.body, '$.exact')))"
DOUBTED = (
    f"EXISTS (SELECT 1 FROM {_FINDING.format(shown=_SHOWN)} AND json_extract(f.body, '$.severity') <> 'info'"
    " AND json_extract(f.body, '$.check') IN (SELECT value FROM json_each(:doubts)))"
)
CLEAN = (
    "c.verdict = 'pending' AND c.standing = 'live'"
    " AND EXISTS (SELECT 1 FROM candidate a WHERE a.guid = c.guid AND a.state = 'picked')"
    " AND NOT EXISTS (SELECT 1 FROM candidate a WHERE a.guid = c.guid AND a.state = 'open')"
    f" AND NOT EXISTS (SELECT 1 FROM {_FINDING.format(shown=_SHOWN)}"
    " AND json_extract(f.body, '$.severity') <> 'info')"
)
"""Whether a card may be accepted together with others: pending, without alternatives or warnings."""

SUBJECTS = (
    "WITH subject(id) AS MATERIALIZED (SELECT value FROM json_each(:ids)),"
    " member(id, guid, key) AS MATERIALIZED (SELECT s.id, c.guid, {home} FROM subject s"
    "  CROSS JOIN card c ON c.guid = s.id UNION ALL SELECT s.id, c.guid, {home} FROM subject s"
    "  CROSS JOIN card o ON o.guid = s.id AND o.choice <> '' AND {open_o}"
    "  CROSS JOIN card c ON c.choice = o.choice AND c.choice <> '' AND {open_c} AND c.guid <> o.guid"
    " UNION ALL SELECT s.id, '', h.key FROM subject s JOIN highlight h ON h.key = s.id) "
).format(
    home=HOME,
    **{
        f"open_{one}": f"{one}.standing = 'live' AND {one}.verdict = 'pending' AND NOT EXISTS (SELECT 1"
        f" FROM candidate p WHERE p.guid = {one}.guid AND p.state = 'picked')"
        for one in "oc"
    },
)
"""The items of a list, by guid or key, with their cards; an open choice is one item with two cards."""
FACETS = {
    "Deck": "deck", "Document": "document", "Colour": "colour", "Tag": "tag", "Kind": "kind",
    "Finding": "finding",
}  # fmt: skip
"""The fields of queries by the titles of the facets."""
CHECKS = (
    f"{SUBJECTS} SELECT m.id, json_extract(f.body, '$.check') AS name FROM member m"
    " JOIN card c ON c.guid = m.guid JOIN finding f ON f.guid = c.guid"
    f" JOIN candidate a ON a.guid = f.guid AND a.letter = f.letter AND {_SHOWN}"
    f" WHERE {CURRENT}"
)
"""The items of a list, with the checks of their findings."""


@dataclass(frozen=True, slots=True)
class ItemFacets:
    """The facets of one item of a list."""

    values: tuple[tuple[str, ...], ...]
    """The values for each of `FACETS`."""
    doubted: bool
    """Whether a finding doubts the item."""
    numbers: bool
    """Whether the text contains a digit."""


@dataclass(frozen=True, slots=True)
class Facets:
    """The counts of facets by which a list may be narrowed."""

    values: dict[str, Counter[str]]
    """The number of items by value, for each title in `FACETS`."""
    doubted: int
    """The number of items that a finding doubts."""
    numbers: int
    """The number of items with a digit in their text."""

    @classmethod
    def of(cls, items: Iterable[ItemFacets]) -> Facets:
        """Count the values of items; items that share an object are counted together."""
        items = list(items)
        shared = {id(one): one for one in items}
        counts = {title: Counter[str]() for title in FACETS}
        doubted = numbers = 0
        for name, count in Counter(map(id, items)).items():
            one = shared[name]
            for title, values in zip(counts, one.values, strict=True):
                counts[title].update(dict.fromkeys(values, count))
            doubted += count * one.doubted
            numbers += count * one.numbers
        return cls(counts, doubted, numbers)


def facets_of(
    rows: Iterable[tuple[Any, ...]], documents: Mapping[str, tuple[str, str]]
) -> dict[str, dict[str, None]]:
    """Return the values of one item by facet, given the rows of all its cards."""
    found: dict[str, dict[str, None]] = {title: {} for title in FACETS}
    for kind, deck, tags, document, marked in rows:
        title, of_document = documents[document]
        colour, of_highlight = msgspec.json.decode(marked) if marked else ("", ())
        named = [*msgspec.json.decode(tags or "[]"), *(of_highlight or ())]
        named += msgspec.json.decode(of_document or "[]")
        for facet, values in (
            ("Deck", (deck,)),
            ("Document", (title,)),
            ("Colour", (colour_name(colour or ""),)),
            ("Tag", map(tag_name, named)),
            ("Kind", (kind,)),
        ):
            found[facet] |= dict.fromkeys(filter(None, values))
    return found


def of_cards(
    terms: Sequence[Term], troubles: Callable[[], Mapping[str, Iterable[str]]], *, one: bool = False
) -> tuple[str, dict[str, Any]]:
    """Return the SQL condition that a card fulfils all terms, and its parameters.

    Args:
        terms: the conditions.
        troubles: returns why cards need work, by guid; called only if a term is about findings.
        one: read the card as if `:letter` were its only candidate.
    """
    parts: list[str] = []
    values: dict[str, Any] = {}
    for number, term in enumerate(terms):
        name = f"v{number}"
        if not term.field:
            values[name] = term.value
            found = _WORDS.replace("{name}", name)
        else:
            how, places = _OF_CARDS[term.field]
            values[name] = canonical(term.value)
            found = _any(places, name, how)
        if term.field == "finding":  # problems in Anki count as findings
            failing = [
                guid
                for guid, why in troubles().items()
                if any(_fits(each, values[name], "whole") for each in why)
            ]
            values[f"guids{number}"] = to_json(failing)
            found = f"({found} OR c.guid IN (SELECT value FROM json_each(:guids{number})))"
        parts.append(f"NOT {found}" if term.negated else found)
    return (" AND ".join(parts) or "1").format(**(_ONE if one else _ALL)), values


def of_highlights(terms: Sequence[Term]) -> tuple[str, dict[str, Any]]:
    """Return the same for a highlight without a card, which has only some of the fields."""
    parts: list[str] = []
    values: dict[str, Any] = {}
    for number, term in enumerate(terms):
        name, found = f"v{number}", "0"
        if not term.field:
            values[name] = term.value
            found = _WORDS_OF_HIGHLIGHT.replace("{name}", name)
        elif term.field in _OF_HIGHLIGHTS:
            how, places = _OF_HIGHLIGHTS[term.field]
            values[name] = canonical(term.value)
            found = _any(places, name, how)
        parts.append(f"NOT {found}" if term.negated else found)
    return " AND ".join(parts) or "1", values


def _any(places: _Places, name: str, how: str) -> str:
    """Return the SQL condition that a value at one of these places fits the parameter."""
    parts = []
    for value, rows in places:
        fits = f"fits({value}, :{name}, '{how}')"
        parts.append(f"EXISTS (SELECT 1 FROM {rows} AND {fits})" if rows else fits)
    return f"({' OR '.join(parts)})"


# --- functions called from SQL ------------------------------------------------------------------

_DIGIT = re.compile(r"\d")
_GAP = re.compile(r"\{\{c\d+::")
"""The beginning of a gap, whose number is not part of the card's text."""


def define(connection: Connection) -> None:
    """Register the functions below for SQL on this connection."""
    for name, count, function in (
        ("fits", 3, _fits),
        ("says", 4, _says),
        ("has_digit", 1, has_digit),
        ("colour_name", 1, lambda colour: colour_name(colour or "")),
        ("tag_name", 1, tag_name),
        ("deck_tags", 2, lambda document, highlight: "[]"),
    ):
        connection.create_function(name, count, function, deterministic=True)


def tag_name(tag: str) -> str:
    """Return a tag as spelled in queries, without `#` and with hyphens for blanks."""
    return "-".join(tag.removeprefix("#").split())


@lru_cache(maxsize=65_536)
def _fits(value: str | None, pattern: str, how: str) -> bool:
    """Return whether a value fits a (folded) pattern with `*` and `?`; an empty value never does.

    `how` is `whole`, `within`, `head` (at the beginning), or the separators of a tree, where values
    below the pattern fit as well.
    """
    if not value:
        return False
    text, pattern = canonical(value), pattern.replace("[", "[[]")
    if how == "::/":
        text = canonical(tag_name(value))
    if how == "within":
        return fnmatchcase(text, f"*{pattern}*")
    if how == "head":
        return fnmatchcase(text, f"{pattern}*")
    if fnmatchcase(text, pattern):
        return True
    separators = {"whole": (), "::/": ("::", "/")}.get(how, (how,))
    return any(fnmatchcase(text, f"{pattern}{one}*") for one in separators)


@lru_cache(maxsize=65_536)
def has_digit(texts: str) -> bool:
    """Return whether a text in a JSON value contains a digit."""
    return any(_DIGIT.search(_GAP.sub("", one)) for one in _strings(msgspec.json.decode(texts)))


def _strings(value: Any) -> Iterator[str]:
    if isinstance(value, str):
        yield value
    elif isinstance(value, list):
        for one in value[1:] if len(value) == 2 and isinstance(value[0], str) else value:
            yield from _strings(one)


# --- words --------------------------------------------------------------------------------------

_SIGNS = re.compile(r"[\W_]+")
_HYPHEN = re.compile(r"(?<=\w)[-'](?=\w)")
_PLAIN = re.compile(r"[\w '-]+")
_ICONS = re.compile("[\ue000-\ue001]")


def _says(words: str, title: str, fields: str, drafts: str) -> bool:
    """Return whether a card's title, fields or drafts (JSON) contain the words.

    Punctuation counts only if the words contain some: `cross validation` finds cross-validation,
    `schrodinger` finds Schrödinger, but `C++` does not find C.
    """
    whole, folded, joined = _wanted(words)
    text, letters, solid = _forms(title, fields, drafts)
    return folded in letters or joined in solid if folded else whole in text


@lru_cache(maxsize=32_768)
def _forms(title: str, fields: str, drafts: str) -> tuple[str, str, str]:
    """Return the forms of a text for comparison: with punctuation, without, and with hyphens removed."""
    drafted = chain.from_iterable(msgspec.json.decode(drafts or "[]"))
    shown = dict.fromkeys(map(tuple, chain(msgspec.json.decode(fields or "[]"), drafted)))
    words = [plain(_ICONS.sub(" ", text or "")) for _, text in shown]
    whole = canonical("\n".join((title, *words)))
    return whole, _folded(whole), _folded(_HYPHEN.sub("", whole))


@lru_cache(maxsize=64)
def _wanted(words: str) -> tuple[str, str, str]:
    """Return the same forms of the words of a query; only the first if they contain punctuation."""
    whole = canonical(words)
    folded = _folded(whole) if _PLAIN.fullmatch(whole) else ""
    return whole, folded, _folded(_HYPHEN.sub("", whole)) if folded else ""


def _folded(text: str) -> str:
    if text.isascii():
        return _SIGNS.sub(" ", text).strip()
    letters = unicodedata.normalize("NFKD", text)
    bare = "".join(letter for letter in letters if not unicodedata.combining(letter))
    return _SIGNS.sub(" ", bare).strip()
