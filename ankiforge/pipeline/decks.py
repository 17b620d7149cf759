"""Choose the decks of new notes and the tags of all notes.

The deck comes from the rules in the deck files and the user. A note that is in Anki isn't
moved. Pending drafts, and cards without a note in Anki, follow the current rules, unless the
user chose a deck. If no collection can be read, an exported card may be in Anki already, so
it keeps its deck.

Tags are merged like a field: what the user added or removed in the workspace overrides the
source, and what the user changed in Anki overrides both (`anki/plan.py`).
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable
from difflib import get_close_matches

from ankiforge.config.deckfiles import DeckRule, choose_deck, choose_tags, find_rule
from ankiforge.errors import RefusedError, UsageError
from ankiforge.ledger import Ledger, anki_views, decide, draft_recording
from ankiforge.ledger.cards import load_card
from ankiforge.ledger.item_lists import load_facets
from ankiforge.ledger.tables.anki_notes import iter_notes_in_anki, load_note_in_anki
from ankiforge.model import (
    RETIRED_TAG,
    Guid,
    LocalCard,
    ShownCard,
    Strings,
    Texts,
    Value,
    hash16,
)
from ankiforge.pipeline.collection import load_deck_names
from ankiforge.text.normalize import build_document_tag

Rules = tuple[DeckRule, ...]

# The ledger setting that stores a hash of the rules that were applied last.
_RULES_SETTING = "deck rules"


class DeckChooser:
    """Chooses the decks of new notes based on the current rules."""

    def __init__(self, ledger: Ledger, rules: Rules) -> None:
        """Initialize the chooser.

        Args:
            ledger: The ledger, with our notes and the names of the decks in Anki.
            rules: The current rules.
        """
        self._ledger = ledger
        self._rules = rules
        self._names_in_anki: frozenset[str] | None = None
        # Maps the old name of each deck that is missing in Anki to its new name there.
        self._renamed_decks: dict[str, str] = {}

    def apply_rules(self) -> None:
        """Update the decks of pending drafts if the rules have changed since the last update.

        Cards that are in Anki stay where they are.
        """
        fingerprint = hash16(repr(self._rules))
        if self._ledger.get_value(_RULES_SETTING, str) != fingerprint:
            draft_recording.update_decks(
                self._ledger, lambda highlight: choose_deck(self._rules, highlight)
            )
            self._ledger.set_value(_RULES_SETTING, fingerprint)

    def choose_deck(self, card: LocalCard) -> str:
        """Return the deck for a card whose note was never seen in Anki.

        If the user renamed or moved the deck in Anki, the new name is returned.
        """
        if self._names_in_anki is None:
            self._names_in_anki = frozenset(map(str.casefold, self._load_seen_decks()))
        if not self._names_in_anki:  # Anki was not read
            return card.deck
        deck = card.deck
        # the rules can't be applied to a passage that wasn't read on this device
        if card.was_read_on_this_device and not card.has_user_deck:
            deck = choose_deck(self._rules, card.highlight)

        # if Anki lacks the deck, the user may have renamed or moved it
        from ankiforge.anki.notes import normalize_deck_name

        if normalize_deck_name(deck).casefold() in self._names_in_anki:
            return deck
        if deck not in self._renamed_decks:
            self._renamed_decks[deck] = self._find_renamed_deck(deck, self._names_in_anki)
        return self._renamed_decks[deck]

    def _load_seen_decks(self) -> list[str]:
        """Load the names of the decks in Anki, or those of our notes if no collection was read."""
        names = load_deck_names(self._ledger)
        if names:
            return names
        return [note.deck for note in iter_notes_in_anki(self._ledger) if note.deck]

    def _find_renamed_deck(self, deck: str, names_in_anki: frozenset[str]) -> str:
        """Return the current name of a deck that was renamed in Anki or whose parent was renamed.

        This is the deck that now contains more than half of the notes created in `deck`. If there
        is no such deck, the same is tried for its parents: if most notes of `Biology::Cells` and
        other decks of `Biology` are in decks of `Science` now, it is `Science::Cells`. Otherwise,
        `deck` itself is returned.
        """
        parts = deck.split("::")
        for count in range(len(parts), 0, -1):
            old_start = "::".join(parts[:count])
            if old_start.casefold() in names_in_anki:
                return deck
            moves = anki_views.load_current_decks(self._ledger, old_start)
            new_starts = Counter[str]()
            for old_deck, new_deck in moves:
                remainder = old_deck[len(old_start) :]  # such as `::Cells`, or ""
                if new_deck.endswith(remainder):
                    new_starts[new_deck.removesuffix(remainder)] += 1
            for new_start, note_count in new_starts.most_common(1):
                if 2 * note_count > len(moves):
                    return "::".join((new_start, *parts[count:]))
        return deck


# --- deck and tags of a card --------------------------------------------------------------

DECK = "Deck"
TAGS = "Tags"
"""Names that the user can set like fields of a card: the deck of a note that isn't in Anki yet,
and the tags, separated by spaces.
"""
_OWN_TAG_PREFIX = "ankiforge::"
"""The prefix of the program's own tags, which the user can't change."""


def collect_tags(card: ShownCard, rules: Rules) -> Strings:
    """Collect the tags of a note from its drafter, source, deck file and document.

    If the passage wasn't read on this device, or was removed before this database was created,
    the tags of the last export are used instead. Finally, the tags that the user added or removed
    in the workspace are added or removed.
    """
    from ankiforge.anki.notes import normalize_tags

    source_tags = _collect_source_tags(card, rules)
    if not isinstance(card, LocalCard):
        return normalize_tags(source_tags)
    if card.note.adopted:  # a note that another tool made gets no tags
        return ()
    tags = source_tags
    has_unknown_source = card.keeps_last_exported_text or not card.highlight.namespace
    if card.note.exports and has_unknown_source:
        last_tags = card.note.exports[-1].tags
        tags = tuple(tag for tag in last_tags if tag != RETIRED_TAG)
    names = normalize_tags((*tags, *card.added_tags))
    return tuple(_subtract_tags(names, card.removed_tags))


def _collect_source_tags(card: ShownCard, rules: Rules) -> Strings:
    """Collect the tags from a card's drafter, highlight, deck file and document."""
    highlight = card.highlight
    document = highlight.document
    deck_file_tags = choose_tags(find_rule(rules, highlight), document.collections)
    title_tag = build_document_tag(document.title)
    return (*card.tags, *document.tags, *highlight.tags, *deck_file_tags, title_tag)


class DeckAndTags(Value):
    """A card's deck and tags, and which of them can be changed outside Anki."""

    deck: str
    tags: Strings
    removed_in_anki: Strings = ()
    """The tags that the user removed in Anki. They can be added back only there."""
    can_change_deck: bool = True
    """Whether the deck can be changed, which is possible until Anki has the note."""
    can_change_tags: bool = True
    """Whether the tags can be changed, which is possible unless another tool created the note."""


def find_deck_and_tags(ledger: Ledger, card: ShownCard, rules: Rules) -> DeckAndTags:
    """Return the deck and tags of a card, or those that a draft would get if it became a card."""
    from ankiforge.anki.layout import find_last_exported_tags

    deck = card.deck or choose_deck(rules, card.highlight)
    tags = tuple(tag for tag in collect_tags(card, rules) if not _is_own_tag(tag))
    if not isinstance(card, LocalCard):
        return DeckAndTags(deck, tags)
    note = load_note_in_anki(ledger, card.guid)
    if note is None:
        return DeckAndTags(deck, tags)
    exported_tags = find_last_exported_tags(card, note)
    missing_in_anki = _subtract_tags(tags, note.tags)
    never_exported = _subtract_tags(missing_in_anki, exported_tags)
    removed_tags = _subtract_tags(missing_in_anki, never_exported)
    return DeckAndTags(
        note.deck,
        tuple(_subtract_tags(tags, removed_tags)),
        tuple(removed_tags),
        can_change_deck=False,
        can_change_tags=card.note.adopted is None,
    )


def _is_own_tag(tag: str) -> bool:
    return tag.casefold().startswith(_OWN_TAG_PREFIX)


def apply_deck_and_tags(
    ledger: Ledger, guid: Guid, typed_fields: Texts, rules: Rules
) -> None:
    """Set the deck and tags of a card if the user typed any.

    Args:
        ledger: The ledger in which to record the change.
        guid: The GUID of the card.
        typed_fields: The user's input, keyed by field name. Only `DECK` and `TAGS` are used.
        rules: The rules of the deck files.

    Raises:
        RefusedError: If the deck cannot be changed because Anki has the note, the tags
            cannot be changed because another tool created the note, or one of the tags
            cannot be added.
    """
    if typed_fields.keys().isdisjoint((DECK, TAGS)):
        return
    from ankiforge.anki.notes import normalize_tags

    card = load_card(ledger, guid)
    placement = find_deck_and_tags(ledger, card, rules)
    new_deck = _find_new_deck(typed_fields, placement)
    if new_deck is not None and not placement.can_change_deck:
        hint = "move it there: Cards › Change Deck in the browser"
        raise RefusedError(f"Anki has this card in the deck {placement.deck}", hint=hint)

    added_tags: list[str] = []
    removed_tags: list[str] = []
    if TAGS in typed_fields:
        wanted_tags = normalize_tags(tuple(typed_fields[TAGS].split()))
        added_tags = _subtract_tags(wanted_tags, placement.tags)
        removed_tags = _subtract_tags(placement.tags, wanted_tags)
    has_new_tags = bool(added_tags or removed_tags)
    if has_new_tags and not placement.can_change_tags:
        hint = "change its tags in Anki"
        raise RefusedError("another tool made this note", hint=hint)
    _refuse_tags(added_tags, placement)
    if new_deck is not None or has_new_tags:
        decide.set_deck_and_tags(
            ledger, guid, deck=new_deck or "", added=added_tags, removed=removed_tags
        )


def _find_new_deck(typed_fields: Texts, placement: DeckAndTags) -> str | None:
    """Return the deck that the user typed, or None if it is blank or the current one."""
    from ankiforge.anki.notes import normalize_deck_name

    typed_deck = typed_fields.get(DECK, "")
    if not typed_deck.strip():
        return None
    deck = normalize_deck_name(typed_deck)
    if deck == normalize_deck_name(placement.deck):
        return None
    return deck


def _subtract_tags(tags: Iterable[str], others: Iterable[str]) -> list[str]:
    """Return the tags that aren't among others, ignoring case."""
    folded_others = set(map(str.casefold, others))
    return [tag for tag in tags if tag.casefold() not in folded_others]


def _refuse_tags(added_tags: Iterable[str], placement: DeckAndTags) -> None:
    """Raise an error if one of the tags can't be added to a card here."""
    removed_in_anki = set(map(str.casefold, placement.removed_in_anki))
    for tag in added_tags:
        if _is_own_tag(tag):
            hint = "choose another name"
            raise RefusedError(f"tags like {tag} are ankiforge's own", hint=hint)
        if tag.casefold() in removed_in_anki:
            hint = "give it again there"
            raise RefusedError(f"you removed the tag {tag} in Anki", hint=hint)


def list_decks(ledger: Ledger) -> list[str]:
    """Return the sorted names of all decks that are in Anki or used by cards and drafts."""
    return sorted({*load_deck_names(ledger), *load_facets(ledger)["deck"]})


def check_deck_has_note(deck: str, decks: Iterable[str]) -> None:
    """Check that a deck or one of its subdecks contains a note.

    Args:
        deck: The name typed by the user.
        decks: The decks of all notes.

    Raises:
        UsageError: If the deck contains no note. The hint suggests similar names.
    """
    from ankiforge.anki.notes import is_in_deck

    deck_by_name = {}
    for name in decks:
        if is_in_deck(name, deck):
            return
        deck_by_name[name.casefold()] = name
        # the user may omit the parent decks
        _, _, own_name = name.rpartition("::")
        deck_by_name[own_name.casefold()] = name
    similar = get_close_matches(deck.casefold(), deck_by_name, n=3)
    if not similar:
        similar = sorted(deck_by_name)[:9]
    names = dict.fromkeys(deck_by_name[folded] for folded in similar)
    hint = "there is no note yet"
    if names:
        hint = f"decks with notes: {', '.join(names)}"
    raise UsageError(f"there is no note in a deck {deck}", hint=hint)
