"""What the checks say of notes: of people's own as of anything without a source, of ours in full."""

from __future__ import annotations

import html
import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, replace
from typing import Any

from ankiforge import check
from ankiforge.anki.identity import content_hash
from ankiforge.anki.notetypes import note_type
from ankiforge.check import clozes, structure, wording
from ankiforge.check.lexical.normal import bare
from ankiforge.check.lexical.words import content
from ankiforge.model import (
    Card,
    CardKind,
    Document,
    DocumentKey,
    Draft,
    Family,
    Finding,
    Highlight,
    HighlightKey,
    HighlightKind,
    Origin,
    Severity,
    Standing,
    Verdict,
)
from ankiforge.reports.linting.notes import LONGEST_READ, Note
from ankiforge.text.fold import fold

_OF_MARKUP = frozenset((structure.MALFORMED_CLOZE.id, structure.BAD_TEMPLATE.id))
"""Foreign markup is judged as Anki reads it, not by our grammar."""
_STRUCTURE = frozenset(rule.id for rule in structure.RULES)
_WORDING = frozenset(rule.id for rule in (*clozes.RULES, *wording.RULES))
"""A person has let these words through."""
_ALONE = HighlightKey("")


@dataclass(frozen=True, slots=True)
class Linted:
    """A note, and what is wrong with it."""

    note: Note
    findings: tuple[Finding, ...]
    ours: bool = False
    weight: int = 0
    """Of two equally grave ones the heavier is worse."""

    @property
    def worst(self) -> Severity | None:
        """The gravest severity; None if nothing was found."""
        order = list(Severity)
        return max((one.severity for one in self.findings), key=order.index, default=None)


class Linter:
    """Judges notes one after another; each is also held against all before it."""

    def __init__(self, limits: check.Limits, *, duplicates: bool = True) -> None:
        self._limits = limits
        self._known = check.DuplicateIndex() if duplicates else None

    def notes(self, notes: Iterable[Note]) -> Iterator[Linted]:
        """What is found on the notes of a deck, in their order."""
        for note in notes:
            ours = note.identity is not None
            found = [*note.broken, *(self._ours(note) if ours else self._foreign(note))]
            if note.faces:
                home = note.identity.key if note.identity else _ALONE
                found += self._compared(f"note {note.id}", note.compared or note.faces[0][1], home)
            yield Linted(note, tuple(dict.fromkeys(found)), ours)

    def cards(self, cards: Iterable[Card]) -> Iterator[Linted]:
        """What is found on the cards of a ledger, each against its own passage."""
        for card in cards:
            if card.standing is not Standing.LIVE or card.verdict is Verdict.REJECTED:
                continue
            draft = replace(card.leading.draft, fields=card.fields)
            if card.edited:
                draft = replace(draft, origin=Origin("person"))
            context = check.Context(card.highlight, check.DuplicateIndex(), limits=self._limits)
            found = [
                *check.check(draft, context),
                *self._compared(card.guid, draft, card.highlight.key),
            ]
            yield Linted(_own(card, draft), tuple(dict.fromkeys(found)), ours=True)

    # --- one note ---------------------------------------------------------------------------

    def _foreign(self, note: Note) -> Iterator[Finding]:
        several = len(note.faces) > 1
        for name, draft in note.faces:
            for finding in check.lint(draft, self._limits):
                if finding.check not in _OF_MARKUP:
                    heard = _as_vocabulary(draft, finding)
                    yield _on(name, heard) if several else heard

    def _ours(self, note: Note) -> Iterator[Finding]:
        """Against the passage in its Source; only warned where a person chose or changed the words."""
        own = _with_source(note)
        if own is None:
            yield from self._foreign(note)
            return
        draft, highlight, edited = own
        for finding in check.check(
            draft, check.Context(highlight, check.DuplicateIndex(), limits=self._limits)
        ):
            mild = finding.check in _WORDING or (edited and finding.check not in _STRUCTURE)
            if finding.check not in _OF_MARKUP:
                yield _warned(finding) if mild else finding

    def _compared(self, name: str, draft: Draft, key: HighlightKey) -> Iterator[Finding]:
        """Repeats of what came before it, but from the same passage."""
        words = "".join(text for _, text in draft.fields)
        if self._known is None or len(words) > structure.MAX_LENGTH or "![" in words:
            return  # of two pictures nobody can say here whether they show the same
        same = self._known.exact(draft, key)
        if same:
            yield Finding("duplicate", Severity.WARN, f"the same as {same}", same)
        near = self._known.near(draft, key, spare=True)
        yield from (one for one in near if one.severity is not Severity.INFO and one.twin != same)
        self._known.add(name, key, draft)


def _on(name: str, finding: Finding) -> Finding:
    return replace(finding, message=f"{name}: {finding.message}")


def _as_vocabulary(draft: Draft, finding: Finding) -> Finding:
    """A word to ask by is the way of people's vocabulary and formulae: only counted."""
    if finding.check == wording.FRONT_LT3W.id and content(draft.field("Front")):
        return replace(finding, severity=Severity.INFO)
    return finding


def _warned(finding: Finding) -> Finding:
    block = finding.severity is Severity.BLOCK
    return replace(finding, severity=Severity.WARN) if block else finding


# --- notes of ours --------------------------------------------------------------------------


def _with_source(note: Note) -> tuple[Draft, Highlight, bool] | None:
    """(the card, its passage, whether a person changed it); None if its Source is empty."""
    fields, identity = dict(note.fields), note.identity
    passage, exact, quote = _passage(fields.get("Source", "")[:LONGEST_READ])
    if identity is None or not exact or not note.faces:
        return None
    ours = note_type(identity.family)
    content = [fields.get(name, "") for name in ours.fields]
    edited = content_hash(identity.family, content) != identity.content
    highlight = Highlight(
        document=Document(DocumentKey(""), "", _plain(fields.get("Citation", ""))),
        namespace="",
        kind=HighlightKind.HIGHLIGHT,
        exact=exact,
        key=identity.key,
        sentence=passage if passage != exact else "",
    )
    made = note.faces[0][1]
    draft = replace(made, quote=quote, origin=_PROGRAM, by_hand=_written_there(made, exact))
    return draft, highlight, edited


_PROGRAM = Origin("llm")


def _written_there(draft: Draft, passage: str) -> bool:
    """Whether a person chose the words.

    The card stands in the passage as it is: written by hand, or marked phrases; or its answer is
    the whole passage: a question in a comment.
    """
    there = fold(passage)
    if draft.kind is CardKind.CLOZE:
        return fold(bare(draft.field("Text"))) == there
    front, back = (fold(bare(draft.field(name))) for name in ("Front", "Back"))
    return back == there or (front in there and back in there)


_EXACT = re.compile(r'<span class="af-exact">(.*)</span>', re.DOTALL)
_QUOTE = re.compile(r"<mark>(.*?)</mark>", re.DOTALL)
_BREAK = re.compile(r"<br\s*/?>|</(?:p|div|blockquote)>", re.IGNORECASE)
_TAG = re.compile(r"<[^>]*>")


def _passage(source: str) -> tuple[str, str, str]:
    """(the passage, in it the highlight, in that the evidence) of a Source field."""
    exact = _EXACT.search(source)
    quote = _QUOTE.search(source)
    marked = _plain(exact[1]) if exact else _plain(source)
    return _plain(source), marked, _plain(quote[1]) if quote else marked


def _plain(source: str) -> str:
    return html.unescape(_TAG.sub("", _BREAK.sub("\n", source))).strip()


def _own(card: Card, draft: Draft) -> Note:
    names = {Family.BASIC: "ankiforge Basic", Family.CLOZE: "ankiforge Cloze"}
    return Note(card.guid, 0, card.deck, names[card.family], card.fields, (("", draft),))


# --- as JSON --------------------------------------------------------------------------------


def as_json(linted: Linted, *, fields: bool = False) -> dict[str, Any]:
    """A line of `lint --json`."""
    note = linted.note
    found: dict[str, Any] = {
        "guid": note.guid,
        "nid": note.id,
        "deck": note.deck,
        "notetype": note.type_name,
        "ours": linted.ours,
        "front": note.front,
        "findings": [
            {"check": f.check, "severity": f.severity, "message": f.message, "twin": f.twin}
            for f in linted.findings
        ],
    }
    return {**found, "fields": dict(note.fields)} if fields else found
