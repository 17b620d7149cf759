"""Cards, passages and past decisions as values, from the fold and the rows."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator, Sequence
from contextlib import suppress

from msgspec.structs import asdict, replace

from ankiforge.errors import ForgeError, LedgerError, RefusedError, UsageError
from ankiforge.ledger.database import in_batches
from ankiforge.ledger.events import (
    PERSON,
    SILENT,
    SOURCE,
    Event,
    Passage,
    Text,
    digest_of_words,
    exact,
    hash_of_words,
    stands_in,
    words_read,
)
from ankiforge.ledger.facts import sentences, text_of
from ankiforge.ledger.fold import fold
from ankiforge.ledger.forms import lines_like
from ankiforge.ledger.routes import ROUTES_BEST_FIRST
from ankiforge.ledger.store import Row, Store
from ankiforge.ledger.tables import cards as card_rows
from ankiforge.ledger.tables import highlights, journaled
from ankiforge.ledger.tables.highlights import decode_highlight
from ankiforge.model import (
    Card,
    CardHere,
    CardRemark,
    Change,
    Document,
    DocumentKey,
    Highlight,
    HighlightKey,
    HighlightKind,
    LeftOut,
    Pair,
    Value,
    is_card_id,
)
from ankiforge.model.hints import TITLES
from ankiforge.text import occlusion

LEFT = "leave"
"""The name of the repair that leaves a card as it is for now."""
RECENT = 50
"""The number of decisions that are listed as recent."""
_SAID = {
    "accept": "accepted",
    "reject": "rejected",
    "edit": "edited",
    "revise": "new words",
    "placed": "deck and tags",
    "skip": "no card",
    "retire": "retired",
    "same": "the same card",
    "different": "two cards",
    "adopt": "taken over",
    "unseen": "to be sent again",
    "repair": "repaired",
}
_ROUTES = {route.value: rank for rank, route in enumerate(ROUTES_BEST_FIRST)}


# --- past decisions ---------------------------------------------------------------------


class HistoryEntry(Value):
    """A decision of the past, for lists and `undo`."""

    id: str
    """The id that `undo` takes."""
    at: str
    by: str
    what: str
    said: str
    """The same as a person reads it."""
    guid: str
    key: str
    text: str
    change: Change | None = None
    """The words before and after a change by the source, if it was asked for."""


def done(event: Event, change: Change | None = None) -> HistoryEntry:
    """Return an event as a decision of the past."""
    said = _SAID.get(event.what, event.what)
    text = _with_reason(_words(event), event.body.get("why", ""))
    match event.what:
        case "repair":
            said = f"repaired: {event.body['name']}"
            if event.body["name"] == LEFT:
                said = "left as it is for 30 days"
        case "resolve":
            by_source = event.body.get("choice") == "source"
            said = "the source's words taken" if by_source else "your words kept"
        case "form":
            said = "no cards"
            if event.body.get("choice") == "accept":
                said = "taken for cards"
            source, _, form = event.key.removeprefix("form:").partition(":")
            text = f"{lines_like(form)} in {source}"
        case "mark":
            said = "chosen"
            text = f"{event.body['exact']} ({event.body.get('title', '')})"
        case "decline":
            tool = TITLES.get(event.key.removeprefix("tool:"), "another tool")
            said = "history declined"
            text = f"of {tool}"
        case "placed":
            tags = [f"+{tag}" for tag in event.body.get("added", ())]
            tags += [f"−{tag}" for tag in event.body.get("removed", ())]
            text = " ".join(filter(None, (event.body.get("deck"), *tags)))
        case "dialects":
            titles = " and ".join(TITLES.get(name, name) for name in event.body["read"])
            said = f"the cards of {titles} read" if titles else "plain notes read"
            text = f"in {event.key.removeprefix('dialects:')}"
    return HistoryEntry(
        id=event.act or event.id,
        at=event.at,
        by=event.by,
        what=event.what,
        said=said,
        guid=event.body.get("guid", ""),
        key=event.key,
        text=text,
        change=change,
    )


def _words(event: Event) -> str:
    """Return the fields of a card in an event, "" if it has none."""
    fields = event.body.get("fields")
    if not fields:
        draft = event.body.get("draft", {})
        fields = draft.get("fields", {})
    return _readable(fields.items())


def _readable(fields: Iterable[Pair]) -> str:
    return " / ".join(text for _, text in occlusion.readable(fields))


def _with_reason(words: str, why: str) -> str:
    if words and why:
        return f"{words} ({why})"
    return words or why


def history(store: Store, card_or_passage: str) -> list[HistoryEntry]:
    """Return all decisions about a card or passage, oldest first."""
    key = card_or_passage
    if is_card_id(card_or_passage):
        _, passage = state_of(store, card_or_passage)
        key = passage.key
    all_events = store.events(store.keys(key))
    events = sorted(all_events, key=lambda event: event.order)
    entries = []
    for event in events:
        if event.what in ("shipped", "undo") or event.what not in SILENT:
            entries.append(done(event))
    return entries


def recent(store: Store) -> list[HistoryEntry]:
    """Return the newest decisions that stand, newest first."""
    newest = list(journaled.recent(store, RECENT))
    return [done_with_words(store, event) for event in newest]


def done_with_words(store: Store, event: Event) -> HistoryEntry:
    """Return an event as a decision, with the words of a card that it names only by its id."""
    entry = done(event)
    if event.what not in (*_SAID, "resolve") or _words(event):
        return entry
    words = ""
    with suppress(ForgeError):  # which a journal may name that was never read here
        if entry.guid:
            card, _ = state_of(store, entry.guid)
            words = _readable(card.fields)
        else:
            words = highlight_of(store, entry.key).exact
    return replace(entry, text=_with_reason(words, entry.text))


def changes(store: Store, since: str) -> list[HistoryEntry]:
    """Return the changes of cards by the source that stand, newest first.

    `since`: a time in ISO 8601.
    """
    standing = list(journaled.revisions(store))
    # the last answer to a conflict by which a person kept their words, by card
    kept = {}
    for answer in journaled.standing_kinds(store, "resolve"):
        if answer.body.get("choice") != "source":
            kept[answer.body["guid"]] = answer
    entries = []
    for event in standing:
        if event.by != SOURCE or event.at < since:
            continue
        kept_by = kept.get(event.body["guid"])
        if kept_by is not None and event.order < kept_by.order:
            continue
        change = _change_by(store, event)
        if change:  # else a person's words stayed
            entries.append(done(event, change))
    return entries


def _change_by(store: Store, event: Event) -> Change | None:
    """Return how an event changed the words of its card; None if they stayed."""
    keys = store.keys(event.key)
    events = sorted(store.events(keys), key=lambda other: other.order)
    earlier = [other for other in events if other.order < event.order]
    card_before = fold(keys, earlier).cards.get(event.body["guid"])
    card_after = fold(keys, [*earlier, event]).cards.get(event.body["guid"])
    if card_before and card_after:
        return change_of(card_after, card_before)
    return None


# --- cards ------------------------------------------------------------------------------


def change_of(card: Card, before: Card) -> Change | None:
    """Return the change of a card's words; None if its note in Anki shows none."""
    after = dict(card.fields)
    shown = {}
    for field, text in before.fields:
        if field not in before.edits.typed:
            shown[field] = text
    for field in before.edits.typed:
        if field in after:
            shown[field] = after[field]
    if shown == after:
        return None
    return Change(card.guid, tuple(shown.items()), card.fields)


def card_of(store: Store, guid: str) -> CardHere:
    """Return a card by its guid.

    Raises:
        RefusedError: there is none.
    """
    card, passage = state_of(store, guid)
    return _at_home(store, card, passage, highlights.of(store, passage.keys))


def cards_of(
    store: Store, passage_keys: Iterable[str] | None = None
) -> Iterator[CardHere]:
    """Yield the cards of all passages, or of some, live or not."""
    if passage_keys is None:
        passage_keys = card_rows.passages(store)
    for batch in in_batches(passage_keys):
        passages = store.passages(batch)
        highlight_keys: list[str] = []
        for passage in passages:
            highlight_keys += passage.keys
        row_by_key = {row["key"]: row for row in highlights.of(store, highlight_keys)}
        for passage in passages:
            known_keys = [key for key in passage.keys if key in row_by_key]
            known_rows = [row_by_key[key] for key in known_keys]
            for card in passage.cards.values():
                yield _at_home(store, card, passage, known_rows)


def _at_home(
    store: Store, card: Card, passage: Passage, known_rows: Sequence[Row]
) -> CardHere:
    """Return a card of the fold with the passage where it is at home.

    `known_rows` are the rows of the highlights of its own passage.
    """
    read = _as_read(card, passage, known_rows)
    is_here = any(row["state"] == "present" for row in known_rows)
    if is_here and exact(card.quote) in exact(text_of(read.highlight)):
        return read
    home = card_rows.home_of(store, card.guid)
    if home is None or home == passage.key:
        return read
    there = store.passage(home)
    read = _as_read(card, there, highlights.of(store, there.keys))
    return replace(read, key=HighlightKey(passage.key))


def _as_read(card: Card, passage: Passage, known_rows: Sequence[Row]) -> CardHere:
    """Return a card of the fold with a passage, as that is read here.

    `known_rows` are the rows of the highlights of the passage.
    """
    # the places where its passage is now; the first one counts as its source
    read_here = [row for row in known_rows if row["body"]]
    present = [row for row in read_here if row["state"] == "present"]
    places = _in_shipped_order(present, passage)
    if places:
        highlight = places[0]
    elif read_here:
        highlight = decode_highlight(read_here[0])
    else:
        highlight = unread_highlight(passage)

    is_as_shipped = card.note.words == digest_of_words(card)
    return CardHere(
        **asdict(replace(card, key=HighlightKey(passage.key))),
        passages=places or (highlight,),
        source=_remarks_on_source(card, places, {row["state"] for row in known_rows}),
        kept=bool(card.note.shipped) and not places and is_as_shipped,
    )


def _remarks_on_source(
    card: Card, places: Sequence[Highlight], states: Collection[str]
) -> tuple[CardRemark, ...]:
    """Return whether the source of a card has changed or is gone, as remarks."""
    if places:
        said = not card.quote or _says_it(places[0], card)
        return () if said else (CardRemark.SOURCE_CHANGED,)
    if "gone" in states and "unselected" not in states:
        return (CardRemark.SOURCE_GONE,)
    return ()


def _says_it(highlight: Highlight, card: Card) -> bool:
    """Return whether a passage still has the words that a card quotes.

    A card in a person's words follows the passage as long as one of its sentences stands.
    """
    if stands_in(card.quote, highlight):
        return True
    return card.origin.drafter == PERSON and any(
        stands_in(each, highlight) for each in sentences(card.quote)
    )


def _in_shipped_order(present: Sequence[Row], passage: Passage) -> tuple[Highlight, ...]:
    """Return the places of a passage, copies in the order of their documents.

    Two machines may have given the keys of copies to different ones, so the first place
    with the leading text comes first, whatever its key.
    """
    if len(present) < 2:
        return tuple(map(decode_highlight, present))
    leading = min(present, key=lambda row: _rank(row, passage))
    ordered = []
    for row in present:
        highlight = decode_highlight(row)
        document = highlight.document
        is_other = (row["route"], row["exact"]) != (leading["route"], leading["exact"])
        route = _ROUTES.get(row["route"], 9)
        place = document.path or document.key
        ordered.append((is_other, route, place, row["position"], row["key"], highlight))
    ordered.sort(key=lambda entry: entry[:-1])
    return tuple(entry[-1] for entry in ordered)


def unread_highlight(passage: Passage) -> Highlight:
    """Return the highlight of a passage never read here, as the journal has it."""
    text = passage.texts[0] if passage.texts else Text("")
    document = Document(DocumentKey(text.place), "", text.place)
    kind = HighlightKind(text.kind) if text.kind else HighlightKind.HIGHLIGHT
    return Highlight(document, "", kind, text.exact, HighlightKey(passage.key))


def state_of(store: Store, guid: str) -> tuple[Card, Passage]:
    """Return a card as the fold has it, and its passage; refuse an unknown guid."""
    key = card_rows.passage_of(store, guid)
    if key is None:
        store.refold()
        key = card_rows.passage_of(store, guid)
    if key is None:
        raise RefusedError(
            f"there is no card {guid}", hint="ankiforge list shows the ids"
        )
    passage = store.passage(key)
    if guid not in passage.cards:
        hint = "delete .ankiforge/ledger.db: the next run rebuilds it from the journal"
        raise LedgerError(f"the database is damaged: it lacks the card {guid}", hint=hint)
    return passage.cards[guid], passage


# --- passages ---------------------------------------------------------------------------


class HighlightOutcome(Value):
    """The fate of a highlight: it has cards, or drafts wait, or there is a reason."""

    highlight: Highlight
    fate: str
    """carded, waiting, blocked, no_card, failed or undrafted; left_out: by a
    person, a colour or a setting."""
    reason: str = ""
    worth: float = 0.0
    """How likely a card of its best sentence is kept, to 1; 0 and less = none is proposed."""
    is_open: bool = False
    """Whether it has neither card nor draft, or a card and a further sentence worth one."""


class LeftOutThere(Value):
    """A lookalike of a mark or a card, with the document that holds it."""

    source: str
    """The name of the source in the settings; "" = a folder, of which no source reads this."""
    document: str
    """The place of the document in its source: the path of a file, a key of a library."""
    title: str
    left_out: LeftOut

    @property
    def place(self) -> str:
        """The place in words: `Notes/net.md, line 12`."""
        return ", ".join(filter(None, (self.document, self.left_out.place)))


def highlight_of(store: Store, key: str) -> Highlight:
    """Return a highlight that was read here; refuse another key."""
    return decode_highlight(highlight_row(store, key))


def highlights_of(store: Store, keys: Iterable[str]) -> dict[str, Highlight]:
    """Return highlights that were read here, by their keys."""
    rows = highlights.of(store, list(keys))
    return {row["key"]: decode_highlight(row) for row in rows if row["body"]}


def highlight_row(store: Store, key: str) -> Row:
    """Return the row of a highlight that was read here; refuse another key."""
    row = highlights.with_key(store, key)
    if row is None or not row["body"]:
        raise UsageError(
            f"there is no highlight {key}",
            hint="ankiforge list --no-card shows the keys",
        )
    return row


def present_row(store: Store, passage: Passage) -> Row | None:
    """Return the row of the first location of a passage that is present."""
    return next(iter(_present_rows(store, passage)), None)


def leads(store: Store, highlight_key: str, passage: Passage) -> bool:
    """Return whether a highlight is the one of its passage whose text is used."""
    if passage.keys == (highlight_key,):
        return True
    leading = leading_of(_present_rows(store, passage), passage)
    return leading is not None and leading["key"] == highlight_key


def _present_rows(store: Store, passage: Passage) -> list[Row]:
    """Return the rows of the locations of a passage that are present."""
    rows = highlights.of(store, passage.keys)
    return [row for row in rows if row["state"] == "present"]


def leading_of(present: Sequence[Row], passage: Passage) -> Row | None:
    """Return the present place of a passage whose text is used; None if it has none."""
    if len(present) == 1:  # the usual case, asked at each decision
        return present[0]
    return min(present, key=lambda row: _rank(row, passage), default=None)


def places(store: Store, key: str) -> Iterator[Highlight]:
    """Yield all places of a passage that were read here, present or not."""
    for row in highlights.of(store, store.keys(key)):
        if row["body"]:
            yield decode_highlight(row)


def _rank(row: Row, passage: Passage) -> tuple[int, int, int]:
    """Return the rank of a location in its passage: the text of the least one is used.

    Of several on one route, it is the one whose words the passage got last.
    """
    readings = [hash_of_words(text.exact) for text in reversed(passage.texts)]
    words = hash_of_words(words_read(decode_highlight(row)))
    came_as = readings.index(words) if words in readings else -1
    return (_ROUTES.get(row["route"], 9), -came_as, passage.keys.index(row["key"]))
