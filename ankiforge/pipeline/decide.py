"""A person's decisions: one function for each, the same for the page, the command line and agents.

The ledger records them; here the words and fields that a person typed are checked.
"""

from __future__ import annotations

from ankiforge.config.deckfiles import DeckRule
from ankiforge.errors import RefusedError, UsageError
from ankiforge.ledger import Ledger, decide
from ankiforge.model import (
    CardKind,
    Draft,
    Family,
    Fields,
    Finding,
    Guid,
    Highlight,
    Origin,
    Pair,
    Proposal,
    Severity,
    Texts,
    h16,
)
from ankiforge.pipeline.collection import as_in_anki, changed_in_anki
from ankiforge.pipeline.figures import edit_masks
from ankiforge.text import regex
from ankiforge.text.cloze import plain, words_of

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
    """
    line = next(ledger.lines([id]), None)
    if line is None:
        raise RefusedError(f"{id} no longer waits", hint="ankiforge list --view new")
    if line.kind is CardKind.OCCLUSION:
        return edit_masks(ledger, id, fields), ()
    typed = dict(changed_fields(line.family, fields))
    shown = dict(line.fields)
    over: dict[str, Pair] = {}
    if line.card is not None:
        shown = dict(as_in_anki(ledger, line.card).fields)
        # the fields that say something else than the card that is shown
        for name, text in list(typed.items()):
            if text == shown.get(name, ""):
                del typed[name]
        for name, html in changed_in_anki(ledger, line.card).items():
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
    from ankiforge.pipeline.check import deck_for

    deck = deck_for(decks, "", highlight)
    draft, findings = _judged(highlight, fields, forced=forced)
    guid = decide.make(ledger, highlight.key, Proposal(draft, findings, deck))
    return guid, findings


def _judged(
    highlight: Highlight,
    fields: Fields,
    *,
    forced: bool,
) -> tuple[Draft, tuple[Finding, ...]]:
    """Return a person's words as a draft whose evidence is the whole passage.

    The findings of the checks come with it.
    """
    from ankiforge import check

    words = dict(fields)
    if "Text" in words:
        kind = CardKind.CLOZE
        answer = words_of(words["Text"])
    else:
        kind = CardKind.TWO_WAY if words.get("Reverse") else CardKind.BASIC
        answer = words.get("Back", "")
    draft = Draft(
        highlight=highlight.key,
        kind=kind,
        fields=tuple((name, text) for name, text in fields if text),
        quote=highlight.exact,
        answer=plain(answer),
        start=0,
        origin=Origin(PERSON),
        by_hand=True,
    )
    # without the search for duplicates
    context = check.Context(highlight, check.DuplicateIndex())
    findings = check.check(draft, context)
    for finding in findings:
        if finding.severity is Severity.BLOCK and not forced:
            hint = "change the words, or overrule the check with --force"
            raise BlockedError(finding.message, hint=hint)
    return draft, findings


# --- the fields that a person typed -------------------------------------------------------


def changed_fields(family: Family, changes: Texts) -> Texts:
    """Return a person's changes of fields, cleaned.

    Raises:
        UsageError: the card has no such field, or the text is too long or has control characters.
    """
    names = family.content_fields
    for name in changes:
        if name not in names:
            hint = f"it has: {', '.join(names)}"
            raise UsageError(f"no field {name!r} on this card", hint=hint)
    return _clean(changes)


def new_fields(words: Texts) -> Fields:
    """Return the fields of a new card; a `Text` field makes it a cloze.

    Raises:
        UsageError: a field is missing or belongs to the other note type, or the text is too
            long or has control characters.
    """
    given = {}
    for name, text in _clean(words).items():
        if text.strip():
            given[name] = text
    family = Family.CLOZE if "Text" in given else Family.BASIC
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
