"""Cards and passages as values for the rest of the program: read from the fold and the rows.

`keep_numbers` decides which card of Anki a gap is: a number that was ever shipped for other words is not
free, or their reviews would go to another fact (`tests/golden/histories/alike.yaml`,
`tests/anki/test_corrections.py`).
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence

from ankiforge.errors import RefusedError, UsageError
from ankiforge.ledger.events import SILENT, Event, Passage, State, Text, Wording, digest_of, exact
from ankiforge.ledger.readings import ORDER, decode_highlight
from ankiforge.ledger.store import EACH, TOGETHER, Row, Store, encode
from ankiforge.model import (
    Card,
    CardKind,
    Change,
    Document,
    DocumentKey,
    Fields,
    Guid,
    Highlight,
    HighlightKey,
    HighlightKind,
    Origin,
    Strings,
    Value,
)
from ankiforge.text.cloze import Gap, gaps, numbers
from ankiforge.text.fold import canonical
from ankiforge.text.tools import TITLES

RECENT = 50
"""The number of decisions that are listed as recent."""
_SAID = {
    "accept": "accepted", "reject": "rejected", "edit": "edited", "revise": "new words", "skip": "no card", "retire": "retired",
    "same": "the same card", "different": "two cards", "adopt": "taken over", "unseen": "to be sent again",
}  # fmt: skip
_ROUTES = {route.value: rank for rank, route in enumerate(ORDER)}


class HighlightOutcome(Value):
    """What became of a highlight: it has cards, or drafts that wait, or there is a reason."""

    highlight: Highlight
    fate: str
    """carded, waiting, blocked, no_card, failed or undrafted; ignored: left out by a person, a colour or
    a setting."""
    reason: str = ""


class HistoryEntry(Value):
    """A decision of the past, for lists and `undo`."""

    id: str
    """What `undo` takes."""
    at: str
    by: str
    what: str
    said: str
    """The same as a person reads it."""
    guid: str
    key: str
    text: str
    change: Change | None = None
    """What a change by the source changed, if it was asked for."""


def fields_of(wording: Wording) -> Fields:
    """Return the fields of a card's words."""
    return tuple(wording.fields.items())


def change_of(card: State, before: Wording, typed: Strings) -> Change | None:
    """Return what changed in the words of a card, None if nothing that its note in Anki shows.

    Args:
        card: the card as it is now.
        before: its words before.
        typed: the fields that a person typed in Anki, as `State.typed` was.
    """
    after = card.wording.fields
    shown = {name: text for name, text in before.fields.items() if name not in typed}
    shown |= {name: after[name] for name in typed if name in after}
    if shown == after:
        return None
    return Change(Guid(card.guid), tuple(shown.items()), fields_of(card.wording))


def _unread(passage: Passage) -> Highlight:
    """Return the highlight of a passage that this machine never read, from the journal."""
    text = passage.texts[0] if passage.texts else Text("")
    document = Document(DocumentKey(text.place), "", text.place)
    kind = HighlightKind(text.kind) if text.kind else HighlightKind.HIGHLIGHT
    return Highlight(document, "", kind, text.exact, HighlightKey(passage.key))


def done(event: Event, change: Change | None = None) -> HistoryEntry:
    """Return an event as a decision of the past."""
    body = event.body
    fields = body.get("fields") or body.get("draft", {}).get("fields", {})
    text, why = " / ".join(fields.values()), body.get("why", "")
    text += f" ({why})" if text and why else why
    said, choice = _SAID.get(event.what, event.what), body.get("choice", "")
    if event.what == "resolve":
        said = "the source's words taken" if choice == "source" else "your words kept"
    elif event.what == "form":
        said = "taken for cards" if choice == "accept" else "no cards"
        source, _, form = event.key.removeprefix("form:").partition(":")
        text = f"lines like `{form}` in {source}"
    elif event.what == "decline":
        tool = TITLES.get(event.key.removeprefix("tool:"), "another tool")
        said, text = "history declined", f"of {tool}"
    elif event.what == "dialects":
        named: Strings = body.get("declined") or body["read"]
        titles = [TITLES.get(name, name) for name in named]
        read = "not read" if "declined" in body else "read"
        said = f"the cards of {' and '.join(titles)} {read}" if titles else f"plain notes {read}"
        text = f"in {event.key.removeprefix('dialects:')}"
    return HistoryEntry(
        event.act or event.id, event.at, event.by, event.what, said, body.get("guid", ""),
        event.key, text, change,
    )  # fmt: skip


def card_of(store: Store, guid: str) -> Card:
    """Return a card by its guid.

    Raises:
        RefusedError: there is none.
    """
    state, passage = state_of(store, guid)
    return _card_from(state, passage, [row for key in passage.keys if (row := row_of(store, key))])


def cards_of(store: Store, condition: str = "1", *values: object) -> Iterator[Card]:
    """Yield cards, live or not, that fulfil a condition on the columns of `lines`."""
    query = f"SELECT DISTINCT passage FROM card WHERE {condition} ORDER BY passage"
    chosen = [row["passage"] for row in store.rows(query, *values)]
    for at in range(0, len(chosen), TOGETHER):
        part = chosen[at : at + TOGETHER]
        store.load(part)
        keys = [key for first in part for key in store.keys(first)]
        found = store.rows(f"SELECT * FROM highlight WHERE key IN {EACH}", encode(keys))
        row_by_key = {row["key"]: row for row in found}
        for first in part:
            passage = store.passage(first)
            rows = [row_by_key[key] for key in passage.keys if key in row_by_key]
            for state in passage.cards.values():
                yield _card_from(state, passage, rows)


def _card_from(state: State, passage: Passage, known: Sequence[Row]) -> Card:
    """Return a card. `known` are the rows of the highlights of its passage."""
    wording = state.wording
    rows = [row for row in known if row["body"]]
    present = sorted(
        (row for row in rows if row["state"] == "present"), key=lambda row: rank(row, passage)
    )
    remarks = []
    if present:
        highlight = decode_highlight(present[0])
        if wording.quote and exact(wording.quote) not in exact(highlight.context):
            remarks.append("source changed")
    else:
        highlight = decode_highlight(rows[0]) if rows else _unread(passage)
        states = {row["state"] for row in known}
        remarks += ["source gone"] if "gone" in states and "unselected" not in states else []
    sent = state.shipped[-1] if state.shipped else None
    kept = sent is not None and not present and state.words == digest_of(wording.fields)
    return Card(
        Guid(state.guid), HighlightKey(passage.key), state.place, CardKind(wording.kind),
        fields_of(wording), wording.quote, highlight,
        Origin(wording.drafter, wording.model, wording.prompt, wording.request),
        state.verdict, state.why, state.by, state.pinned, tuple(state.offered.items()),
        tuple(decode_highlight(row) for row in present) or (highlight,),
        state.deck, (*state.tags, *wording.tags), tuple(remarks), state.forced,
        sent.mod if sent else 0, sent.digest if sent else "",
        tuple(reversed(dict.fromkeys(one.tags for one in reversed(state.shipped)))),
        tuple((name, *choice) for name, choice in sorted(state.resolved.items())),
        state.adopted, state.schedule, kept,
    )  # fmt: skip


def row_of(store: Store, key: str) -> Row | None:
    """Return the row of a highlight, or None."""
    return store.row("SELECT * FROM highlight WHERE key = ?", key)


def highlight_row(store: Store, key: str) -> Row:
    """Return the row of a highlight that was read here; refuse another key."""
    row = store.row("SELECT * FROM highlight WHERE key = ? AND body != ''", key)
    if row is None:
        raise UsageError(f"there is no highlight {key}", hint="ankiforge list --no-card")
    return row


def state_of(store: Store, guid: str) -> tuple[State, Passage]:
    """Return a card as the fold has it, and its passage; refuse an unknown guid."""
    passage = store.value("SELECT passage FROM card WHERE guid = ?", guid)
    if passage is None:
        store.refold()
        passage = store.value("SELECT passage FROM card WHERE guid = ?", guid)
    if passage is None:
        raise RefusedError(f"there is no card {guid}", hint="ankiforge list")
    found = store.passage(passage)
    return found.cards[guid], found


def present_row(store: Store, passage: Passage) -> Row | None:
    """Return the row of the first location of a passage that is present."""
    for key in passage.keys:
        row = row_of(store, key)
        if row and row["state"] == "present":
            return row
    return None


def history(store: Store, of: str) -> list[HistoryEntry]:
    """Return all decisions about a card or passage, oldest first."""
    key = state_of(store, of)[1].key if of.startswith("af") else of
    events = sorted(store.events(store.keys(key)), key=lambda one: one.order)
    return [done(one) for one in events if one.what not in ("key", "text", "seen")]


def recent(store: Store) -> list[HistoryEntry]:
    """Return the newest decisions that stand, newest first."""
    undone = {one.body["event"] for one in store.select_events("what = 'undo'")}
    found = store.select_events(
        f"what NOT IN {SILENT} AND (by = 'person' OR what = 'revise') ORDER BY n DESC LIMIT ?",
        RECENT + len(undone),
    )
    return [done(one) for one in found if one.id not in undone][:RECENT]


def places(store: Store, key: str) -> Iterator[Highlight]:
    """Yield all places of a passage that were read here, present or not."""
    rows = [row for one in store.keys(key) if (row := row_of(store, one)) and row["body"]]
    yield from map(decode_highlight, rows)


def rank(row: Row, passage: Passage) -> tuple[int, int]:
    """Return the place of a location among those of its passage: the first one's text is used."""
    return (_ROUTES.get(row["route"], 9), passage.keys.index(row["key"]))


# --- numbers of gaps ------------------------------------------------------------------------------

# The number of unchanged words on one side that identify the position of a gap.
_WORDS_AROUND = 3


def _around(markdown: str, gap: Gap) -> tuple[list[str], list[str]]:
    """Return the words before and after a gap. Another gap counts as one word."""
    before, after = (
        canonical(re.sub(r"\{\{c[\d,]+::.*?\}\}", " … ", part)).split()
        for part in (markdown[: gap.start], markdown[gap.end :])
    )
    return before[-_WORDS_AROUND:], after[:_WORDS_AROUND]


def _same_place(was: tuple[list[str], list[str]], now: tuple[list[str], list[str]]) -> bool:
    """Return whether both gaps have the same context on one side, or on both."""
    sides = zip(was, now, strict=True)
    return was == now or any(one == other and one for one, other in sides)


# Answers at least this similar (rapidfuzz ratio, 0 to 100) keep their number.
_MIN_SIMILARITY = 75
# With more gaps left than this, only equal answers are matched.
_MAX_COMPARED = 200


def keep_numbers(
    old: str, new: str, used: tuple[int, ...] = (), earlier: Sequence[str] = ()
) -> str:
    """Return `new` with the numbers its answers have in `old`: cloze numbers identify cards.

    Equal answers are matched first, then similar ones, then those in the same position. The number of
    a removed gap is given only to a gap with the same answer as in one of the `earlier` texts, newest
    first; any other new gap gets a number above all ever used.
    """
    from rapidfuzz import fuzz

    before = [(canonical(gap.answer), gap) for gap in gaps(old)]
    after = [(canonical(gap.answer), gap) for gap in gaps(new)]
    kept = {}
    for alike in (
        lambda was, now: was[0] == now[0],
        lambda was, now: fuzz.ratio(was[0], now[0]) >= _MIN_SIMILARITY,
        lambda was, now: _same_place(_around(old, was[1]), _around(new, now[1])),
    ):
        for now in after:
            match = next((was for was in before if alike(was, now)), None)
            if now[1].start not in kept and match is not None:
                kept[now[1].start] = match[1].numbers
                before.remove(match)
        if len(before) > _MAX_COMPARED:
            break
    removed = [(canonical(gap.answer), gap.numbers) for text in earlier for gap in gaps(text)]
    taken = {number for each in kept.values() for number in each}
    fresh = max((*numbers(old), *used, *(n for _, each in removed for n in each), 0)) + 1
    for answer, gap in after:
        if gap.start not in kept:
            again = (each for was, each in removed if was == answer and taken.isdisjoint(each))
            kept[gap.start] = next(again, (fresh,))
            taken.update(kept[gap.start])
            fresh += kept[gap.start] == (fresh,)
    for _, gap in reversed(after):
        if kept[gap.start] != gap.numbers:
            marks = ",".join(map(str, kept[gap.start]))
            new = f"{new[: gap.start]}{{{{c{marks}::{new[gap.body :]}"
    return new
