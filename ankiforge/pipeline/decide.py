"""A person's decisions: one function for each, the same for the page, the command line and agents.

The ledger records them; here the words and fields that a person typed are checked.
"""

from __future__ import annotations

from msgspec.structs import replace

from ankiforge.config.deckfiles import DeckRule, deck_of
from ankiforge.errors import RefusedError, UsageError
from ankiforge.ledger import Ledger, decide, facts, lists
from ankiforge.model import (
    CardHere,
    CardKind,
    Fields,
    Finding,
    Guid,
    Highlight,
    Origin,
    Pair,
    Severity,
    Texts,
    Words,
    h16,
)
from ankiforge.pipeline.collection import as_in_anki, changed_in_anki
from ankiforge.pipeline.decks import DECK, TAGS
from ankiforge.text import regex
from ankiforge.text.cloze import plain, reveal

PERSON = "person"
_CONTROLS = regex("[\x00-\x08\x0b-\x1f\x7f\ud800-\udfff]")


class BlockedError(RefusedError):
    """A check blocks a person's words; they may insist."""


def edit(
    ledger: Ledger,
    id: str,
    fields: Texts,
    *,
    forced: bool = False,
) -> tuple[Guid, tuple[Finding, ...]]:
    """Change fields of a card, or accept a draft in other words.

    A card is edited as lists show it, with the words that a person gave it in Anki. The new
    words replace these.

    Returns:
        The card, and the findings of the checks on it.

    Raises:
        BlockedError: a check blocks the new words, and the person does not insist.
        RefusedError: it no longer waits, or it is a figure.
        UsageError: the card has no such field, or the text is too long or has control characters.
    """
    line = next(lists.lines(ledger, [id]), None)
    if line is None:
        hint = "ankiforge list --view new shows what waits"
        raise RefusedError(f"{id} no longer waits", hint=hint)
    fields = {name: text for name, text in fields.items() if name not in (DECK, TAGS)}
    if isinstance(line, CardHere) and not fields:  # only its deck or tags are changed
        return line.guid, ()
    if line.kind is CardKind.OCCLUSION:
        raise RefusedError(
            "the masks of a figure are changed on the page", hint="ankiforge review"
        )
    names = line.family.content_fields
    for name in fields:
        if name not in names:
            hint = f"it has: {', '.join(names)}"
            raise UsageError(f"no field {name!r} on this card", hint=hint)
    typed = dict(_clean(fields))
    shown = dict(line.fields)
    over: dict[str, Pair] = {}
    if isinstance(line, CardHere):
        shown = dict(as_in_anki(ledger, line).fields)
        # the fields that say something else than the card that is shown
        for name, text in list(typed.items()):
            if text == shown.get(name, ""):
                del typed[name]
        for name, html in changed_in_anki(ledger, line).items():
            if name in typed:
                over[name] = (h16(html), shown.get(name, ""))
    fields_after = {**shown, **typed}
    words = tuple(fields_after.items())
    _, findings = _judged(line.highlight, words, forced=forced)
    return decide.edit(ledger, id, typed, over=over, forced=forced), findings


def make(
    ledger: Ledger,
    highlight: Highlight,
    fields: Fields,
    decks: tuple[DeckRule, ...],
    *,
    forced: bool = False,
) -> tuple[Guid, tuple[Finding, ...]]:
    """Make a card of a passage in a person's words, beside its other cards.

    Raises:
        BlockedError: a check blocks it, and the person does not insist.
    """
    deck = deck_of(decks, highlight).deck
    words, findings = _judged(highlight, fields, forced=forced)
    guid = decide.make(ledger, replace(words, deck=deck))
    return guid, findings


def _judged(
    highlight: Highlight,
    fields: Fields,
    *,
    forced: bool,
) -> tuple[Words, tuple[Finding, ...]]:
    """Return a person's words; their evidence is their quote, or the whole passage.

    The findings of the checks come with it.
    """
    from ankiforge import check

    words = dict(fields)
    text = facts.text_of(highlight)
    if "Text" in words:
        quote = facts.quoted_by(plain(reveal(words["Text"])), "", text)
    else:
        quote = facts.quoted_by("", plain(words.get("Back", "")), text)
    made = Words(
        highlight.key,
        CardKind.of(words),
        tuple((name, text) for name, text in fields if text),
        Origin(PERSON),
        quote or highlight.exact,
    )
    # without the search for duplicates
    context = check.Context(highlight, check.DuplicateIndex())
    findings = check.check(made, context)
    for finding in findings:
        if finding.severity is Severity.BLOCK and not forced:
            if finding.check == "malformed":  # Anki would make no card of it
                raise RefusedError(finding.message, hint="close each gap with }}")
            hint = "change the words, or overrule the check with --force"
            raise BlockedError(finding.message, hint=hint)
    return made, findings


# --- the fields that a person typed -------------------------------------------------------


def new_fields(words: Texts) -> Fields:
    """Return the fields of a new card; a `Text` field makes it a cloze.

    Raises:
        UsageError: a field is missing or belongs to the other note type, or the text is too
            long or has control characters.
    """
    given = {}
    for name, text in _clean(words).items():
        if text.strip() and name not in (DECK, TAGS):
            given[name] = text
    family = CardKind.of(given).family
    names = family.content_fields
    for name in given:
        if name not in names:
            message = f"no field {name!r} beside {names[0]}"
            raise UsageError(
                message, hint="Front, Back and Extra, or Text with {{c1::…}} and Extra"
            )
    for name in family.needed_fields:
        if name not in given:
            raise UsageError(f"the card has no {name}", hint=f'--field {name} "TEXT"')
    filled = [name for name in names if name in given]
    return tuple((name, given[name]) for name in filled)


def _clean(words: Texts) -> Texts:
    """Normalise line ends; refuse control characters and text longer than any card.

    Raises:
        UsageError: the text is too long or has control characters.
    """
    from ankiforge.check import MAX_LENGTH

    clean: dict[str, str] = {}
    for name, text in words.items():
        clean[name] = text.replace("\r\n", "\n").replace("\r", "\n")
        control = _CONTROLS.search(clean[name])
        if control is not None:
            message = f"{name} contains a control character ({ord(control[0]):#04x})"
            raise UsageError(message, hint="type it again")
    if sum(map(len, clean.values())) > MAX_LENGTH:
        raise UsageError(f"more than {MAX_LENGTH} characters", hint="shorten it")
    return clean
