"""Check text that the user typed, and record it as a card or an edit.

The web page, the command line and agents use this. The decisions are recorded by the ledger.
"""

from __future__ import annotations

from msgspec.structs import replace

from ankiforge.config.deckfiles import DeckRule, choose_deck
from ankiforge.errors import RefusedError, UsageError
from ankiforge.ledger import Ledger, cards, decide, item_lists, sentence_decisions
from ankiforge.model import (
    CardContent,
    CardKind,
    Fields,
    Finding,
    Guid,
    Highlight,
    LocalCard,
    Origin,
    Pair,
    PendingDraft,
    Severity,
    Texts,
    hash16,
)
from ankiforge.pipeline.collection import apply_anki_edits, find_anki_edits
from ankiforge.pipeline.decks import DECK, TAGS
from ankiforge.text import regex
from ankiforge.text.cloze import reveal_answers, to_plain_text

PERSON = "person"
_CONTROL_CHARACTERS = regex("[\x00-\x08\x0b-\x1f\x7f\ud800-\udfff]")


class BlockedError(RefusedError):
    """Raised if a check blocks text that the user typed. The user may store the text anyway."""


def edit_card_or_draft(
    ledger: Ledger, id: str, fields: Texts, *, forced: bool = False
) -> tuple[Guid, tuple[Finding, ...]]:
    """Edit the fields of a card, or accept a draft with edited text.

    The user edits a card as lists show it, i.e. including the edits made in Anki. The new text
    replaces the text in Anki.

    Args:
        ledger: The ledger in which to record the decision.
        id: The id of the card or draft.
        fields: The new text of each field to change, keyed by field name.
        forced: Store the text even if a check blocks it.

    Returns:
        The GUID of the card, and the findings of the checks.

    Raises:
        BlockedError: If a check blocks the new text and `forced` is not set.
        RefusedError: If the draft is not pending any more, or it is the card of a figure.
        UsageError: If a field is unknown, or a text is too long or contains control
            characters.
    """
    item = next(item_lists.load_items(ledger, [id]), None)
    if item is None:
        hint = "ankiforge list shows what waits"
        raise RefusedError(f"{id} is no longer waiting", hint=hint)
    if isinstance(item, PendingDraft) and item.keeps_text and item.revised_guid:
        # the draft has the text of the card, which may be edited in Anki
        item = cards.load_card(ledger, item.revised_guid)
    fields = {name: text for name, text in fields.items() if name not in (DECK, TAGS)}
    if isinstance(item, LocalCard) and not fields:
        return item.guid, ()  # the user changes only the deck or tags
    _check_field_names(item, fields)
    typed_fields = _clean_text(fields)
    if isinstance(item, LocalCard):
        shown_fields = dict(apply_anki_edits(ledger, item).fields)
        typed_fields = _select_changed_fields(typed_fields, shown_fields)
        replaced_edits = _find_replaced_edits(ledger, item, typed_fields, shown_fields)
    else:
        shown_fields = dict(item.fields)
        replaced_edits = {}
    edited_fields = tuple({**shown_fields, **typed_fields}.items())
    _, findings = _check_text(item.highlight, edited_fields, forced=forced)
    guid = decide.edit_item(ledger, id, typed_fields, over=replaced_edits, forced=forced)
    return guid, findings


def _find_replaced_edits(
    ledger: Ledger, card: LocalCard, typed_fields: Texts, shown_fields: Texts
) -> dict[str, Pair]:
    """Return the user's edits in Anki that typed fields replace, as `decide.edit_item` takes them.

    `shown_fields` is the text of the card including these edits.
    """
    replaced_edits = {}
    for name, html in find_anki_edits(ledger, card).items():
        if name in typed_fields:
            replaced_edits[name] = (hash16(html), shown_fields.get(name, ""))
    return replaced_edits


def _check_field_names(item: PendingDraft | LocalCard, fields: Texts) -> None:
    """Check that the user may edit these fields of a card or draft.

    Raises:
        RefusedError: It is the card of a figure.
        UsageError: A field is unknown.
    """
    if item.kind is CardKind.OCCLUSION:
        raise RefusedError(
            "the masks of a figure are changed on the page", hint="ankiforge review"
        )
    names = item.note_type.content_fields
    for name in fields:
        if name not in names:
            hint = f"it has: {', '.join((*names, DECK, TAGS))}"
            raise UsageError(f"no field {name!r} on this card", hint=hint)


def _select_changed_fields(typed_fields: Texts, shown_fields: Texts) -> Texts:
    """Return the typed fields whose text differs from that of the displayed card."""
    changed_fields = {}
    for name, text in typed_fields.items():
        if text != shown_fields.get(name, ""):
            changed_fields[name] = text
    return changed_fields


def make_card(
    ledger: Ledger,
    highlight: Highlight,
    fields: Fields,
    decks: tuple[DeckRule, ...],
    *,
    forced: bool = False,
) -> tuple[Guid, tuple[Finding, ...]]:
    """Create a card for a highlight from text that the user wrote. Existing cards are kept.

    Args:
        ledger: The ledger in which to record the card.
        highlight: The highlight to make the card from.
        fields: The text of each field.
        decks: The rules of the deck files, by which the deck is chosen.
        forced: Create the card even if a check blocks its text.

    Returns:
        The GUID of the card, and the findings of the checks.

    Raises:
        BlockedError: If a check blocks the text and `forced` is not set.
    """
    deck = choose_deck(decks, highlight)
    checked, findings = _check_text(highlight, fields, forced=forced)
    guid = decide.make_card_without_draft(ledger, replace(checked, deck=deck))
    return guid, findings


def _check_text(
    highlight: Highlight, fields: Fields, *, forced: bool
) -> tuple[CardContent, tuple[Finding, ...]]:
    """Check text that the user wrote, and return the content of the card along with the findings.

    The content includes the quote from the passage that supports the text or, if there is none,
    the whole passage.

    Raises:
        BlockedError: If a check blocks the text and `forced` is not set.
        RefusedError: If Anki would not create any card from the text.
    """
    from ankiforge import check

    text_by_field = dict(fields)
    text = sentence_decisions.get_sentence_text(highlight)
    cloze_text, answer = "", to_plain_text(text_by_field.get("Back", ""))
    if "Text" in text_by_field:
        cloze_text = to_plain_text(reveal_answers(text_by_field["Text"]))
        answer = ""
    quote = sentence_decisions.find_quote(cloze_text, answer, text)
    card = CardContent(
        highlight.key,
        CardKind.from_fields(text_by_field),
        tuple((name, text) for name, text in fields if text),
        Origin(PERSON),
        quote or highlight.exact,
    )
    # the index is empty, so that duplicates aren't searched for
    context = check.CheckContext(highlight, check.DuplicateIndex())
    findings = check.check_draft(card, context)
    for finding in findings:
        if finding.severity is Severity.BLOCK and not forced:
            if finding.check == "malformed":  # Anki would make no card of it
                hint = "put what to recall between {{c1:: and }}"
                raise RefusedError(finding.message, hint=hint)
            hint = "change the words, or overrule the check with --force"
            raise BlockedError(finding.message, hint=hint)
    return card, findings


# --- the fields that the user typed -------------------------------------------------------


def parse_new_fields(typed: Texts) -> Fields:
    """Parse the fields that the user typed for a new card, and put them into their usual order.

    A card with the field `Text` is a cloze card. Empty fields are left out.

    Raises:
        UsageError: If a field is missing or belongs to the other note type, or a text is too
            long or contains control characters.
    """
    filled_fields = {
        name: text
        for name, text in _clean_text(typed).items()
        if text.strip() and name not in (DECK, TAGS)
    }
    our_type = CardKind.from_fields(filled_fields).note_type
    names = our_type.content_fields
    for name in filled_fields:
        if name not in names:
            message = f"no field {name!r} beside {names[0]}"
            raise UsageError(
                message, hint="Front, Back and Extra, or Text with {{c1::…}} and Extra"
            )
    for name in our_type.required_fields:
        if name not in filled_fields:
            raise UsageError(f"the card has no {name}", hint=f'--field {name} "TEXT"')
    return tuple((name, filled_fields[name]) for name in names if name in filled_fields)


def _clean_text(typed: Texts) -> Texts:
    from ankiforge.check import MAX_CARD_CHARS

    cleaned: dict[str, str] = {}
    for name, text in typed.items():
        cleaned[name] = text.replace("\r\n", "\n").replace("\r", "\n")
        control = _CONTROL_CHARACTERS.search(cleaned[name])
        if control is not None:
            message = f"{name} contains a control character ({ord(control[0]):#04x})"
            raise UsageError(message, hint="type it again")
    if sum(map(len, cleaned.values())) > MAX_CARD_CHARS:
        raise UsageError(f"more than {MAX_CARD_CHARS} characters", hint="shorten it")
    return cleaned
