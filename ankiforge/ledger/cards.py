"""Load cards, highlights and past decisions.

The cards come from the passages that `replay_events` computes, and their highlights from the
tables.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator, Sequence
from contextlib import suppress

from msgspec.structs import asdict, replace

from ankiforge.errors import ForgeError, LedgerError, RefusedError, UsageError
from ankiforge.ledger.card_places import load_homes
from ankiforge.ledger.database import iter_batches
from ankiforge.ledger.event_replay import replay_events
from ankiforge.ledger.events import (
    NON_DECISION_KINDS,
    SOURCE,
    SUBJECT_KINDS,
    USER,
    Event,
    Passage,
    PassageReading,
    hash_fields_with_markup,
    is_quote_in_highlight,
    normalize_text,
)
from ankiforge.ledger.passage_states import (
    ROUTE_RANKS,
    PassageStatus,
    get_leading_sort_key,
)
from ankiforge.ledger.sentence_decisions import get_sentence_text, split_sentences
from ankiforge.ledger.source_state import SourceState
from ankiforge.ledger.store import JSON_VALUES, Row, Store, to_json
from ankiforge.ledger.tables import highlights
from ankiforge.ledger.tables.highlights import decode_highlight
from ankiforge.model import (
    Card,
    Document,
    DocumentKey,
    Highlight,
    HighlightKey,
    HighlightKind,
    LocalCard,
    Pair,
    SkippedText,
    SourceChange,
    Strings,
    TextChange,
    Value,
    is_card_id,
)
from ankiforge.text import occlusion

LEFT_AS_IS = "leave"
"""The name of the repair that leaves a card as it is for now."""
MAX_RECENT = 50
"""How many recent decisions are listed."""


# --- past decisions ---------------------------------------------------------------------


class HistoryEntry(Value):
    """A past decision, with the text of the card or highlight that it is about."""

    event: Event
    text: str
    """The text of the card or highlight that the decision is about, or ""."""
    change: TextChange | None = None
    """The fields of the card before and after a change by its source. Only set by
    `load_source_changes`."""
    keeps_text: bool = False
    """Whether the user kept the card's text although its passage has changed."""

    @property
    def id(self) -> str:
        """The id to pass to `decide.undo_decision` to undo the decision."""
        return self.event.undo_id

    @property
    def guid(self) -> str:
        """The GUID of the card that the decision is about, or ""."""
        guid: str = self.event.body.get("guid", "")
        return guid


def _get_card_text(event: Event) -> str:
    fields = event.body.get("fields")
    if not fields:
        draft = event.body.get("draft", {})
        fields = draft.get("fields", {})
    return _format_fields(fields.items())


def _format_fields(fields: Iterable[Pair]) -> str:
    return " / ".join(text for _, text in occlusion.replace_masks_with_labels(fields))


def iter_active_events(store: Store, *kinds: str) -> Iterator[Event]:
    """Yield all events of the given kinds that haven't been undone, oldest first."""
    query = f"SELECT id, line FROM standing WHERE what IN {JSON_VALUES} ORDER BY n"
    return store.iter_events(query, to_json(kinds))


def iter_action_events(store: Store, action_id: str) -> Iterator[Event]:
    """Yield all events of an action, including undone ones."""
    query = "SELECT id, line FROM event WHERE act = ? AND act != ''"
    return store.iter_events(query, action_id)


def load_passage_history(store: Store, guid_or_key: str) -> list[HistoryEntry]:
    """Load everything that happened to a passage and its cards, oldest first.

    This includes decisions, undos and exports. `guid_or_key` is the key of the passage or the
    GUID of one of its cards.
    """
    key = guid_or_key
    if is_card_id(guid_or_key):
        _, passage = load_card_and_passage(store, guid_or_key)
        key = passage.key
    all_events = store.load_events(store.get_keys(key))
    events = sorted(all_events, key=lambda event: event.order)
    entries = []
    for event in events:
        if event.kind in ("shipped", "undo") or event.kind not in NON_DECISION_KINDS:
            is_kept = _keeps_card_text(store, event)
            entries.append(HistoryEntry(event, _get_card_text(event), keeps_text=is_kept))
    return entries


def load_recent_decisions(store: Store) -> list[HistoryEntry]:
    """Load the latest decisions that haven't been undone, newest first.

    At most `MAX_RECENT` entries are returned, and all older answers about a form of lines, because
    they apply to later lines as well. The entries include the user's decisions and the changes that
    sources made to cards.
    """
    query = (
        f"SELECT id, line FROM standing WHERE what NOT IN {JSON_VALUES}"
        " AND (by = 'person' OR what = 'revise') ORDER BY n DESC LIMIT ?"
    )
    events = list(store.iter_events(query, to_json(NON_DECISION_KINDS), MAX_RECENT))
    query = "SELECT id, line FROM standing WHERE what = 'form' ORDER BY n DESC"
    for event in store.iter_events(query):
        if event not in events:
            events.append(event)
    return [load_history_entry(store, event) for event in events]


def load_history_entry(store: Store, event: Event) -> HistoryEntry:
    """Convert an event to a history entry.

    If the event contains no text, the text of the card or highlight that it names is loaded.
    """
    text = _get_card_text(event)
    if not text and event.kind not in SUBJECT_KINDS:
        # a card or highlight of another device may be unknown on this one
        with suppress(ForgeError):
            if guid := event.body.get("guid"):
                card, _ = load_card_and_passage(store, guid)
                text = _format_fields(card.fields)
            else:
                text = load_highlight(store, event.key).exact
    return HistoryEntry(event, text, keeps_text=_keeps_card_text(store, event))


def _keeps_card_text(store: Store, event: Event) -> bool:
    if event.kind != "revise" or event.author == SOURCE:
        return False
    card = _replay_earlier_events(store, event).cards.get(event.body["guid"])
    if card is None:
        return False
    new_fields = event.body["draft"]["fields"]
    return all(new_fields.get(name, "") == text for name, text in card.fields)


def _replay_earlier_events(
    store: Store, event: Event, *, including_event: bool = False
) -> Passage:
    """Compute a passage as it was before an event or, if `including_event`, just after it."""
    keys = store.get_keys(event.key)
    events = []
    for other in store.load_events(keys):
        if other.order < event.order:
            events.append(other)
    if including_event:
        events.append(event)
    return replay_events(keys, events)


def load_source_changes(store: Store, since: str) -> list[HistoryEntry]:
    """Load the changes that sources have made to cards since a time in ISO 8601, newest first.

    A change is left out if it was undone, or if the user kept their own text instead.
    """
    query = "SELECT id, line FROM standing WHERE what = 'revise' ORDER BY n DESC, id DESC"
    revisions = list(store.iter_events(query))
    # by card: the last answer by which the user kept their own text
    last_kept: dict[str, Event] = {}
    for answer in iter_active_events(store, "resolve"):
        if answer.body.get("choice") != "source":
            last_kept[answer.body["guid"]] = answer
    entries = []
    for event in revisions:
        if event.author != SOURCE or event.time < since:
            continue
        last_answer = last_kept.get(event.body["guid"])
        if last_answer is not None and event.order < last_answer.order:
            continue
        change = _find_change_by_revision(store, event)
        if change:  # otherwise the card kept the user's text
            entries.append(HistoryEntry(event, _get_card_text(event), change))
    return entries


def _find_change_by_revision(store: Store, event: Event) -> TextChange | None:
    """Return what a `revise` event changed of its card that is visible in Anki, or None."""
    guid = event.body["guid"]
    card_before = _replay_earlier_events(store, event).cards.get(guid)
    passage_after = _replay_earlier_events(store, event, including_event=True)
    card_after = passage_after.cards.get(guid)
    if card_before is None or card_after is None:
        return None
    return find_change_visible_in_anki(card_after, card_before)


# --- cards ------------------------------------------------------------------------------


def find_passage_key(store: Store, guid: str) -> str | None:
    """Return the key of a card's passage, or None if there is no card with this GUID."""
    key: str | None = store.fetch_value("SELECT passage FROM card WHERE guid = ?", guid)
    return key


def load_passage_keys(store: Store, *, live: bool = False) -> list[str]:
    """Return the keys of all passages with cards or, if `live`, with live cards."""
    query = "SELECT DISTINCT passage FROM card WHERE live >= ? ORDER BY passage"
    return store.fetch_column(query, live)


def find_passage_keys(store: Store, guids: Iterable[str]) -> list[str]:
    """Return the keys of the passages of the given cards, sorted and without duplicates."""
    query = (
        f"SELECT DISTINCT passage FROM card WHERE guid IN {JSON_VALUES} ORDER BY passage"
    )
    return store.fetch_column(query, to_json(list(guids)))


def has_cards(store: Store) -> bool:
    """Return whether any card exists, live or not."""
    return store.fetch_first_row("SELECT 1 FROM card LIMIT 1") is not None


def load_cards_by_content_hash(
    store: Store, content_hashes: Iterable[str]
) -> dict[str, list[Row]]:
    """Load all cards with one of these content hashes, live or not, grouped by hash.

    Both the hash of a card's current text and the hash of the text that its source or drafter
    last set are compared.
    """
    content_set = set(content_hashes)
    rows_by_content: dict[str, list[Row]] = {}
    query = (
        f"SELECT * FROM card WHERE content IN {JSON_VALUES} OR source IN {JSON_VALUES}"
        " ORDER BY guid"
    )
    for row in store.fetch_rows(
        query, to_json(list(content_set)), to_json(list(content_set))
    ):
        for content in {row["content"], row["source"]} & content_set:
            rows_by_content.setdefault(content, []).append(row)
    return rows_by_content


def find_change_visible_in_anki(card: Card, before: Card) -> TextChange | None:
    """Return how a card's text differs from an earlier version, or None if it doesn't.

    Fields that the user had edited in Anki (`fields_typed_in_anki`) are ignored.
    """
    fields_after = dict(card.fields)
    visible_fields = {}
    for field, text in before.fields:
        if field not in before.edits.fields_typed_in_anki:
            visible_fields[field] = text
    for field in before.edits.fields_typed_in_anki:
        if field in fields_after:
            visible_fields[field] = fields_after[field]
    if visible_fields == fields_after:
        return None
    return TextChange(card.guid, tuple(visible_fields.items()), card.fields)


def load_card(store: Store, guid: str) -> LocalCard:
    """Load a card by its GUID, together with its passage as read on this device.

    Raises:
        RefusedError: There is no card with this GUID.
    """
    card, passage = load_card_and_passage(store, guid)
    rows = highlights.load_highlight_rows(store, passage.keys)
    return _combine_with_current_passage(store, card, passage, rows)


def iter_cards(
    store: Store, passage_keys: Iterable[str] | None = None
) -> Iterator[LocalCard]:
    """Yield the cards of the given passages, live or not.

    If `passage_keys` is None, yield the cards of all passages.
    """
    if passage_keys is None:
        passage_keys = load_passage_keys(store)
    for batch in iter_batches(passage_keys):
        passages = store.get_passages(batch)
        highlight_keys: list[str] = []
        for passage in passages:
            highlight_keys += passage.keys
        highlight_rows = highlights.load_highlight_rows(store, highlight_keys)
        row_by_key = {row["key"]: row for row in highlight_rows}
        for passage in passages:
            rows = [row_by_key[key] for key in passage.keys if key in row_by_key]
            for card in passage.cards.values():
                yield _combine_with_current_passage(store, card, passage, rows)


def _combine_with_current_passage(
    store: Store,
    card: Card,
    passage: Passage,
    highlight_rows: Sequence[Row],
) -> LocalCard:
    """Combine a card with its *home*, the passage that currently contains its sentence.

    This is the card's own passage, unless the sentence has moved to another passage.
    `highlight_rows` are the rows of all highlights of the card's own passage.
    """
    local_card = _combine_with_passage(card, passage, highlight_rows)
    if local_card.keeps_last_exported_text and _was_linked_passage(store, passage):
        # the last export may have had the text and the place of the other passage
        local_card = replace(local_card, keeps_last_exported_text=False)
    is_present = any(row["state"] == SourceState.PRESENT for row in highlight_rows)
    if is_present and normalize_text(card.quote) in normalize_text(
        get_sentence_text(local_card.highlight)
    ):
        return local_card
    home = load_homes(store, [card.guid]).get(card.guid, passage.key)
    if home == passage.key:
        return local_card
    home_passage = store.get_passage(home)
    local_card = _combine_with_passage(
        card, home_passage, highlights.load_highlight_rows(store, home_passage.keys)
    )
    return replace(local_card, key=HighlightKey(passage.key))


def _was_linked_passage(store: Store, passage: Passage) -> bool:
    """Return whether the passage was the same as another until the user undid that answer."""
    # the first condition is for the index
    query = (
        "SELECT id, line FROM event WHERE what IN ('same', 'undo') AND what = 'same'"
        " AND EXISTS (SELECT 1 FROM event u WHERE u.undoes = event.id AND u.undoes != '')"
    )
    for undone_answer in store.iter_events(query):
        linked_keys = {undone_answer.key, undone_answer.body["old"]}
        own_keys = linked_keys.intersection(passage.keys)
        if own_keys and own_keys != linked_keys:
            return True
    return False


def _combine_with_passage(
    card: Card, passage: Passage, highlight_rows: Sequence[Row]
) -> LocalCard:
    """Combine a card with the highlights of its passage.

    The first highlight that is still in its document counts as the source of the card. Without
    one, it is the highlight as last read, or as the journal has it.
    """
    present_highlights = _sort_copies(_filter_present(highlight_rows), passage)
    if present_highlights:
        passages = present_highlights
        source_change = _find_change_of_highlight(card, present_highlights[0])
    else:
        passages = (_get_last_highlight(passage, highlight_rows),)
        source_change = _find_removal({row["state"] for row in highlight_rows})
    source_changes: tuple[SourceChange, ...] = ()
    if source_change is not None:
        source_changes = (source_change,)
    old_text = None
    if source_change is SourceChange.SOURCE_CHANGED:
        old_text = _find_old_passage_text(card, passage)
    return LocalCard(
        **asdict(replace(card, key=HighlightKey(passage.key))),
        passages=passages,
        source_changes=source_changes,
        old_passage_text=old_text,
        keeps_last_exported_text=not present_highlights and _has_exported_text(card),
    )


def _filter_present(highlight_rows: Iterable[Row]) -> list[Row]:
    """Return the rows of the highlights that are still in their source."""
    present_rows = []
    for row in highlight_rows:
        if row["body"] and row["state"] == SourceState.PRESENT:
            present_rows.append(row)
    return present_rows


def _get_last_highlight(passage: Passage, highlight_rows: Iterable[Row]) -> Highlight:
    """Return a removed highlight as it was last read, or as the journal has it."""
    for row in highlight_rows:
        if row["body"]:
            return decode_highlight(row["body"])
    return build_highlight_from_journal(passage)


def _find_removal(states: Collection[str]) -> SourceChange | None:
    """Return whether the highlights of a passage without any present one count as removed."""
    if SourceState.GONE not in states or SourceState.UNSELECTED in states:
        return None
    return SourceChange.SOURCE_GONE


def _find_change_of_highlight(card: Card, highlight: Highlight) -> SourceChange | None:
    """Return whether a highlight no longer contains the quote of a card."""
    if not card.quote or is_quote_in_highlight(card.quote, highlight):
        return None
    if card.origin.drafter == USER:
        # for a card in the user's own words, one sentence of the quote is enough
        for sentence in split_sentences(card.quote):
            if is_quote_in_highlight(sentence, highlight):
                return None
    return SourceChange.SOURCE_CHANGED


def _find_old_passage_text(card: Card, passage: Passage) -> str:
    """Return the latest text of the passage with the quote of a card, or the quote itself."""
    quote = normalize_text(card.quote)
    for reading in passage.readings:
        if quote in normalize_text(reading.exact):
            return reading.exact
    return card.quote


def _has_exported_text(card: Card) -> bool:
    """Return whether the text of a card is still that of its last export."""
    if not card.note.exports:
        return False
    return card.note.exported_text_hash == hash_fields_with_markup(card.fields)


def _sort_copies(present_rows: Sequence[Row], passage: Passage) -> tuple[Highlight, ...]:
    """Sort the highlights of a passage into the same order on every device.

    The leading highlight, or one with the same text, comes first. All others are sorted by
    document rather than by key, because two devices may have assigned the keys in a different
    order.
    """
    leading = find_leading_row(present_rows, passage.keys)
    if leading is None:
        return ()
    if len(present_rows) == 1:
        return (decode_highlight(leading["body"]),)
    leading_text = leading["route"], leading["exact"]
    highlight_by_key = {row["key"]: decode_highlight(row["body"]) for row in present_rows}

    def get_sort_key(row: Row) -> tuple[bool, int, str, int, str]:
        document = highlight_by_key[row["key"]].document
        has_other_text = (row["route"], row["exact"]) != leading_text
        path = document.path or document.key
        route_rank = ROUTE_RANKS[row["route"]]
        return has_other_text, route_rank, path, row["position"], row["key"]

    sorted_rows = sorted(present_rows, key=get_sort_key)
    return tuple(highlight_by_key[row["key"]] for row in sorted_rows)


def build_highlight_from_journal(passage: Passage) -> Highlight:
    """Build a highlight from the journal, for a passage that was never read on this device."""
    reading = PassageReading("")
    if passage.readings:
        reading = passage.readings[0]
    kind = HighlightKind.HIGHLIGHT
    if reading.kind:
        kind = HighlightKind(reading.kind)
    document = Document(DocumentKey(reading.document_path), "", reading.document_path)
    return Highlight(document, "", kind, reading.exact, HighlightKey(passage.key))


def load_card_and_passage(store: Store, guid: str) -> tuple[Card, Passage]:
    """Load a card and its passage by the GUID of the card.

    Raises:
        RefusedError: There is no card with this GUID.
        LedgerError: The database is damaged.
    """
    key = find_passage_key(store, guid)
    if key is None:
        raise RefusedError(
            f"there is no card {guid}", hint="ankiforge list shows the ids"
        )
    passage = store.get_passage(key)
    if guid not in passage.cards:
        hint = "delete .ankiforge/ledger.db: the next run rebuilds it from the journal"
        raise LedgerError(f"the database is damaged: it lacks the card {guid}", hint=hint)
    return passage.cards[guid], passage


def load_cards(store: Store, guids: Sequence[str]) -> list[tuple[Card, str]]:
    """Load cards by their GUIDs, in the same order, each with the key of its passage."""
    query = f"SELECT guid, passage FROM card WHERE guid IN {JSON_VALUES}"
    rows = store.fetch_rows(query, to_json(guids))
    key_by_guid = {row["guid"]: row["passage"] for row in rows}
    keys = [key_by_guid[guid] for guid in guids]
    passages = store.get_passages(keys)
    return [
        (passage.cards[guid], key)
        for guid, key, passage in zip(guids, keys, passages, strict=True)
    ]


# --- passages ---------------------------------------------------------------------------


class HighlightOutcome(Value):
    """Whether a highlight has a card or pending draft and, if it has neither, the reason."""

    highlight: Highlight
    status: PassageStatus
    """A passage without a card because of the user's decision counts as left out."""
    reason: str = ""
    """Why the highlight has no card, or ""."""
    usefulness: float = 0.0
    """The probability that the user would keep a card made from the best sentence. At most 0 if no
    card is proposed."""
    has_open_sentence: bool = False
    """Whether the highlight has neither card nor draft, or has a card and another sentence that is
    worth a card."""
    is_suggested: bool = False
    """Whether a certain suggestion of a card waits, for a first or a further card."""


class LocatedSkippedText(Value):
    """A text that looks like a highlight or card but was skipped, with its document."""

    source: str
    """The name of the source in the settings, or "" for a directory that no source reads."""
    document: str
    """The path of the file, or the key of the document in a library."""
    title: str
    skipped_text: SkippedText

    @property
    def location(self) -> str:
        """The location to show to the user, e.g. `Notes/net.md, line 12`."""
        return ", ".join(filter(None, (self.document, self.skipped_text.location)))


def load_highlight(store: Store, key: str) -> Highlight:
    """Load a highlight by its key.

    Raises:
        UsageError: No highlight with this key was read on this device.
    """
    return decode_highlight(load_highlight_row(store, key)["body"])


def load_highlights(store: Store, keys: Iterable[str]) -> dict[str, Highlight]:
    """Load highlights by key, skipping those that were never read on this device."""
    rows = highlights.load_highlight_rows(store, list(keys))
    return {row["key"]: decode_highlight(row["body"]) for row in rows if row["body"]}


def load_highlight_row(store: Store, key: str) -> Row:
    """Load the database row of a highlight by its key.

    Raises:
        UsageError: No highlight with this key was read on this device.
    """
    row = highlights.find_highlight_row(store, key)
    if row is None or not row["body"]:
        raise UsageError(
            f"there is no highlight {key}", hint="ankiforge list --no-card shows ids"
        )
    return row


def load_current_highlight_row(store: Store, passage_keys: Strings) -> Row | None:
    """Load the database row of a passage's first highlight that is still in its document.

    Returns None if all highlights of the passage were removed.
    """
    return next(iter(_load_current_highlight_rows(store, passage_keys)), None)


def is_leading_highlight(store: Store, highlight_key: str, passage_keys: Strings) -> bool:
    """Return whether a highlight is the leading one of its passage, which has these keys.

    Cards are only drafted from the leading highlight.
    """
    if passage_keys == (highlight_key,):
        return True
    present_rows = _load_current_highlight_rows(store, passage_keys)
    leading = find_leading_row(present_rows, passage_keys)
    return leading is not None and leading["key"] == highlight_key


def _load_current_highlight_rows(store: Store, keys: Strings) -> list[Row]:
    rows = highlights.load_highlight_rows(store, keys)
    return [row for row in rows if row["state"] == SourceState.PRESENT]


def find_leading_row(present_rows: Sequence[Row], passage_keys: Strings) -> Row | None:
    """Find the row of the leading highlight, or None if there aren't any rows."""
    if len(present_rows) == 1:  # fast path, because every decision calls this
        return present_rows[0]
    return min(
        present_rows,
        key=lambda row: get_leading_sort_key(row["route"], row["key"], passage_keys),
        default=None,
    )


def iter_passage_highlights(store: Store, key: str) -> Iterator[Highlight]:
    """Yield the highlights of a passage as last read on this device, including removed ones.

    `key` may be any key of the passage.
    """
    for row in highlights.load_highlight_rows(store, store.get_keys(key)):
        if row["body"]:
            yield decode_highlight(row["body"])
