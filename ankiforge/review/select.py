"""What a person typed or selected, as the values that decisions take.

Ids of cards, drafts, highlights and foreign notes; words of a card's fields; and spans of a
highlight's text from which a card is begun.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence

from ankiforge.draft import sided
from ankiforge.errors import UsageError
from ankiforge.ledger import Ledger
from ankiforge.ledger.cards import NOTE, letter_of
from ankiforge.model import Card, CardKind, Family, Fields, Highlight, HighlightKind, Span
from ankiforge.review.decide import Target
from ankiforge.review.query import FIELDS
from ankiforge.text.markdown import gapped, part
from ankiforge.text.sentences import sentence_around, trimmed

_ID = re.compile(r"(af[a-z2-7]{6,24})(?:\.([a-z]+))?")
_KEY = re.compile(r"([a-z]+):[^\s/]+/\S+")
_CONTROLS = re.compile("[\x00-\x08\x0b-\x1f\x7f\ud800-\udfff]")
_SPANS = re.compile(r"\d{1,7}-\d{1,7}(?:,\d{1,7}-\d{1,7}){0,63}")
_JOINT = re.compile(r"^[\s,;:.–—-]+")
"""What joins a definition to the term before it."""

# --- ids ------------------------------------------------------------------------------------


def is_id(word: str) -> bool:
    """Return whether a word has the form of a card's guid or a draft's id, or of their beginning."""
    return _ID.fullmatch(word.strip().casefold()) is not None


def is_key(word: str) -> bool:
    """Return whether a word has the form of a highlight's key, and not of a query's `field:value`."""
    match = _KEY.fullmatch(word)
    return match is not None and match[1] not in FIELDS


def names_card(ledger: Ledger, word: str) -> bool:
    """Return whether a word is the id of a card, or the beginning of one."""
    match = _ID.fullmatch(word.strip().casefold())
    return match is not None and bool(ledger.cards.starting_with(match[1]))


def find(ledger: Ledger, word: str) -> Target:
    """Return the card, or candidate, that an id or its beginning names.

    Raises:
        UsageError: it names none, or several.
    """
    match = _ID.fullmatch(word.strip().casefold())
    if match is None:
        raise UsageError(
            f"{word!r} is not the id of a card",
            hint="an id begins with af and has at least eight characters: ankiforge list shows them",
        )
    guids = ledger.cards.starting_with(match[1])
    if not guids:
        hint = f"ankiforge list shows the ids; to search for the word: '\"{word}\"'"
        raise UsageError(f"no card id begins with {match[1]!r}", hint=hint)
    if len(guids) > 1:
        what = f"{len(guids)} card ids begin with {match[1]!r}"
        raise UsageError(what, hint="type more of the id")
    target = Target(ledger.cards.get(guids[0]), match[2] or "")
    if target.letter not in ("", *(letter_of(c) for c in target.card.candidates)):
        raise UsageError(
            f"{guids[0]} has no candidate {target.letter!r}", hint=f"ankiforge show {guids[0]}"
        )
    return target


def foreign_note(ledger: Ledger, word: str) -> str:
    """Return the normal form of `nid:NUMBER`, a note that ankiforge did not make; else "".

    Raises:
        UsageError: no such note was seen in Anki.
    """
    if not word.startswith(NOTE):
        return ""
    number = word.removeprefix(NOTE)
    if not number.isascii() or not number.isdigit() or ledger.foreign.find(int(number)) is None:
        raise UsageError(
            f"no note {word} was seen in Anki",
            hint="ankiforge show lists the notes that a card resembles",
        )
    return f"{NOTE}{int(number)}"


# --- words of a card's fields -----------------------------------------------------------------


def changed_fields(card: Card, changes: Mapping[str, str]) -> Fields:
    """Return the fields of a card with these changes; emptied fields are left out.

    Raises:
        UsageError: the card has no such field, or the text is too long or has control characters.
    """
    names = card.family.content_fields
    if wrong := [name for name in changes if name not in names]:
        raise UsageError(f"no field {wrong[0]!r} on this card", hint=f"it has: {', '.join(names)}")
    words = {**dict(card.fields), **_clean(changes)}
    return tuple((name, words[name]) for name in names if words.get(name))


def new_fields(words: Mapping[str, str]) -> Fields:
    """Return the fields of a new card; a `Text` field makes it a cloze.

    Raises:
        UsageError: a field is missing or belongs to the other note type, or the text is too
            long or has control characters.
    """
    given = {name: text for name, text in _clean(words).items() if text.strip()}
    family = Family.CLOZE if "Text" in given else Family.BASIC
    names = family.content_fields
    if wrong := [name for name in given if name not in names]:
        what = f"no field {wrong[0]!r} beside {names[0]}"
        raise UsageError(what, hint="Front, Back and Extra, or Text with {{c1::…}} and Extra")
    needed = ("Text",) if family is Family.CLOZE else ("Front", "Back")
    if missing := [name for name in needed if name not in given]:
        raise UsageError(f"the card has no {missing[0]}", hint=f'--field {missing[0]} "TEXT"')
    return tuple((name, given[name]) for name in names if name in given)


def _clean(words: Mapping[str, str]) -> dict[str, str]:
    """Normalise line ends; refuse control characters and text longer than any card."""
    from ankiforge.check import MAX_LENGTH

    clean = {name: text.replace("\r\n", "\n").replace("\r", "\n") for name, text in words.items()}
    for name, text in clean.items():
        if found := _CONTROLS.search(text):
            what = f"{name} contains a control character ({ord(found[0]):#04x})"
            raise UsageError(what, hint="type it again")
    if sum(map(len, clean.values())) > MAX_LENGTH:
        raise UsageError(f"more than {MAX_LENGTH} characters", hint="shorten it")
    return clean


# --- words selected in a highlight ------------------------------------------------------------


def selectable_text(highlight: Highlight) -> tuple[str, str]:
    """Return the text in which words may be selected, and its Markdown ("" = the same)."""
    if highlight.markdown and highlight.kind is not HighlightKind.CARD:
        return highlight.exact, highlight.markdown[0]
    return highlight.sentence or highlight.exact, ""


def parse_spans(text: str) -> list[Span]:
    """Parse `3-8,12-15`: selected words, in code points of the selectable text.

    Raises:
        UsageError: the text has another form.
    """
    if not _SPANS.fullmatch(text):
        raise UsageError("no words are selected", hint="select words of the passage first")
    pairs = (one.split("-") for one in text.split(","))
    return [(int(start), int(end)) for start, end in pairs]


def fields_from_spans(shape: str, highlight: Highlight, spans: Sequence[Span]) -> Fields:
    """Return the fields with which a card made of selected words begins.

    `shape`: `cloze` hides the words, `question` makes them the answer of a question yet to be
    typed, `term` makes them a term that the rest of their sentence defines.

    Raises:
        UsageError: the shape is unknown, or the words are not in the text or cannot be hidden.
    """
    text, markdown = selectable_text(highlight)
    try:
        match shape:
            case "cloze":
                return (("Text", gapped(text, spans, markdown)),)
            case "question":
                answer = ", ".join(part(text, span, markdown) for span in sorted(spans))
                return sided(CardKind.BASIC, "", answer)
            case "term":
                return _term(text, markdown, spans)
    except ValueError as error:
        raise UsageError(str(error), hint="select other words") from error
    raise UsageError(f"not a way to make a card: {shape!r}")


def _term(text: str, markdown: str, spans: Sequence[Span]) -> Fields:
    """Make the words selected last the term, and the rest of their sentence its definition."""
    start, end = trimmed(text, *spans[-1])
    first, last = sentence_around(text, start, end)
    around = [trimmed(text, first, start), trimmed(text, end, last)]
    rest = [part(text, span, markdown) for span in around if span[0] < span[1]]
    definition = _JOINT.sub("", " ".join(rest))
    return sided(CardKind.TWO_WAY, part(text, (start, end), markdown), definition)
