"""Check the fields that a person typed for a card."""

from __future__ import annotations

from ankiforge.errors import UsageError
from ankiforge.model import Family, Fields, Texts
from ankiforge.text import regex

_CONTROLS = regex("[\x00-\x08\x0b-\x1f\x7f\ud800-\udfff]")


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
