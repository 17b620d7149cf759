"""Drafts that wait for a decision: their remarks, findings, and how they go.

What must stay true:

- A draft with a remark (`model.RemarkKind`) is never accepted by policy.
- A draft whose passage is in doubt is not decided on before its question is answered
  (`waiting_row`).
- What a decision takes out of those that wait, `undo` brings back (`drafts.put_away`,
  `bring_back`).

Tested as `drafts.py`, which records the drafts.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator

from msgspec.structs import replace

from ankiforge.errors import RefusedError
from ankiforge.ledger import belonging, cards, facts, forms, settling
from ankiforge.ledger.database import in_batches
from ankiforge.ledger.drafts import (
    decode_draft,
    is_new,
    leads,
    rows_in_parts,
    summed_up,
)
from ankiforge.ledger.events import Event, Passage, content, guid_of
from ankiforge.ledger.readings import decode_highlight_body
from ankiforge.ledger.store import EACH, Row, Store, encode
from ankiforge.ledger.views import in_vault, is_buried
from ankiforge.model import (
    FOREIGN_PREFIX,
    PROPOSE,
    Card,
    CardKind,
    Finding,
    Guid,
    Pair,
    Remark,
    RemarkKind,
    Severity,
    Strings,
    is_card_id,
)
from ankiforge.text.fold import document_tag

NO_WARNING = "no_warning"
"""The reason of drafts that no check warns of: the settings, or the limit of a run, make
them wait. That of proposals is `PROPOSE`."""


# --- what waits -------------------------------------------------------------------------


def each_waiting(
    store: Store,
    condition: str = "1",
    *values: object,
) -> Iterator[Card]:
    """Yield the drafts that wait, with remarks on each, in reading order.

    Args:
        store: the store.
        condition: SQL on `draft d` and `highlight h`.
        values: the values in the condition.
    """
    joined = "CROSS JOIN highlight h ON h.key = d.key WHERE"
    rows = rows_in_parts(
        store,
        f"SELECT d.id FROM draft d {joined} h.state = 'present' AND {condition}"
        " ORDER BY h.document, h.position, d.position",
        f"SELECT d.*, h.body AS mark FROM offered d {joined}",
        "d.id",
        *values,
    )
    # the guids and the documents of notes in Anki that no card here has
    unknown_notes = frozenset(store.get_value("strangers", list[str]) or [])
    any_buried = store.row("SELECT 1 FROM grave") is not None
    fields = forms.Fields(store)
    for draft_row in rows:
        passage = store.passage(draft_row["key"])
        draft = decode_draft(draft_row["body"])
        if _is_settled(store, passage, draft_row, draft):
            continue
        draft = replace(
            draft,
            id=draft_row["id"],
            passages=(decode_highlight_body(draft_row["mark"]),),
            revises=Guid(draft_row["revises"]) if draft_row["revises"] else None,
            replaces=Guid(draft_row["replaces"]) if draft_row["replaces"] else None,
            offer=draft_row["offer"],
            near=draft_row["near"],
        )
        remarks = _remarks(store, draft, fields, unknown_notes, any_buried)
        yield replace(draft, remarks=tuple(remarks))


def _is_settled(
    store: Store,
    passage: Passage,
    draft_row: Row,
    draft: Card,
) -> bool:
    """Return whether a stored draft no longer waits.

    The next run gives its words to a card; or its passage was found to be another one, too,
    which was decided on, or has a proposal.
    """
    if draft.in_slot:
        is_over = not draft_row["revises"] and not is_new(store, passage, draft)
        return is_over or _follows(passage, draft_row, draft)
    if len(passage.keys) == 1:
        return False
    if draft.proposed and not leads(store, draft_row["key"], passage):
        return True
    name = draft_row["fact"]
    shown = settling.offered_passage(store, passage).facts_now() if name else ()
    return bool(name) and name not in facts.offered(shown)


def _follows(passage: Passage, draft_row: Row, draft: Card) -> bool:
    """Return whether the next run gives the words of a draft to their card.

    The passage was found to be that of the card after it was drafted.
    """
    if not draft.in_slot or draft_row["revises"]:
        return False
    card = passage.own_card(draft)
    return card is not None and card.live and draft_row["severity"] != "block"


def settled(store: Store) -> set[str]:
    """Return the ids of stored drafts that `each_waiting` leaves out."""
    rows = store.rows(
        "SELECT d.* FROM offered d LEFT JOIN passage p ON p.key = d.passage"
        " WHERE (p.decided AND d.slot != '') OR d.key IN (SELECT key FROM alias)"
    )
    store.load(draft_row["key"] for draft_row in rows)
    ids = set()
    for draft_row in rows:
        passage = store.passage(draft_row["key"])
        if _is_settled(store, passage, draft_row, decode_draft(draft_row["body"])):
            ids.add(draft_row["id"])
    return ids


def reasons(store: Store, ids: Iterable[str]) -> Counter[str]:
    """Count drafts by why each waits: the first check that warns or blocks, or remark.

    Proposals are `PROPOSE`, whatever is said about them: they wait in any case.
    """
    counts = Counter[str]()
    clean = []
    query = f"SELECT id, drafter, body FROM draft WHERE id IN {EACH}"
    for draft_row in store.rows(query, encode(list(ids))):
        if draft_row["drafter"] == PROPOSE:
            counts[PROPOSE] += 1
            continue
        for finding in decode_draft(draft_row["body"]).findings:
            if finding.severity is not Severity.INFO:
                counts[finding.check] += 1
                break
        else:
            clean.append(draft_row["id"])
    for draft in each_waiting(store, f"d.id IN {EACH}", encode(clean)):
        counts[draft.remarks[0].kind.value if draft.remarks else NO_WARNING] += 1
    return counts


# --- remarks ----------------------------------------------------------------------------


def _remarks(
    store: Store,
    draft: Card,
    fields: forms.Fields,
    unknown_notes: frozenset[str],
    any_buried: bool,
) -> Iterator[Remark]:
    """Yield why a draft needs a person.

    Args:
        store: the store.
        draft: the draft.
        fields: the lines that look like fields.
        unknown_notes: the guids and the documents of notes in Anki that no card here has.
        any_buried: whether notes were deleted in Anki that may have been ours.
    """
    # a passage that is gone, and that it may be
    passage = store.passage(draft.key)
    for _, old in _doubts(store, passage):
        is_asked = store.passage(old).live
        yield Remark(RemarkKind.MOVED if is_asked else RemarkKind.DECIDED_ON_LOST)

    # cards of the passage, and notes of the document
    highlight = draft.highlight
    about = facts.decided_by(draft, facts.text_of(highlight))
    guid: str = ""
    if any_buried or unknown_notes:
        guid = guid_of(passage.key, draft)
    names: Strings = ()
    if unknown_notes:
        tag = document_tag(highlight.document.title)
        # a note of another type may have no link that names its vault
        names = (in_vault(tag, highlight.uri), tag, guid)
    if draft.revises:
        yield Remark(RemarkKind.REVISION)
    elif draft.replaces:
        yield Remark(RemarkKind.REPLACEMENT)
    elif draft.near:
        yield Remark(RemarkKind.NEAR)
    elif passage.decided and facts.dropped(passage, draft, about):
        yield Remark(RemarkKind.DECIDED_BEFORE)
    elif any_buried and guid not in passage.cards and is_buried(store, guid):
        yield Remark(RemarkKind.NOTE_DELETED)  # before the journal was lost
    elif not unknown_notes.isdisjoint(names):
        yield Remark(RemarkKind.UNKNOWN_NOTES)

    # the same words elsewhere
    words = content(draft)
    for card in equal_cards(store, passage, words):
        no_longer = "" if card["live"] else ", which is rejected or retired"
        yield Remark(RemarkKind.EQUAL_CARD, f"{card['guid'][:10]}{no_longer}")
    query = "SELECT passage FROM rejected WHERE content = ?"
    rejected = store.rows(query, words)
    if any(row["passage"] != passage.key for row in rejected):
        yield Remark(RemarkKind.REJECTED_ELSEWHERE)

    if forms.asks_form(store, highlight, fields):
        yield Remark(RemarkKind.FORM)
    if draft.kind is CardKind.OCCLUSION and not draft.revises:
        yield Remark(RemarkKind.FIGURE)


def equal_cards(store: Store, passage: Passage, content: str) -> list[Row]:
    """Return the cards of other passages that ask and answer the same, or did as drafted.

    Passages that a person said to be different are left out.
    """
    store.refold_cards(content)
    query = "SELECT * FROM card WHERE (content = ? OR source = ?) AND passage != ?"
    equal = []
    for card_row in store.rows(query, content, content, passage.key):
        other = store.passage(card_row["passage"])
        if not passage.told_apart_from(other):
            equal.append(card_row)
    return equal


def asked(store: Store, passage: Passage) -> list[Pair]:
    """Return those of `_doubts` that are asked about: the passage that is gone has a card."""
    pairs = []
    for new, old in _doubts(store, passage):
        if store.passage(old).live:
            pairs.append((new, old))
    return pairs


def _doubts(store: Store, passage: Passage) -> list[Pair]:
    """Return which lost passages a passage may be, as (its key, key of the lost one)."""
    if not passage.asked or not cards.present_row(store, passage):
        return []
    doubts = []
    for new, old in passage.asked.items():
        other = store.passage(old)
        if new in passage.beside or not cards.present_row(store, other):
            doubts.append((new, old))
    return doubts


# --- findings ---------------------------------------------------------------------------


def drop_resolved(store: Store) -> None:
    """Drop the findings of waiting drafts that do not count any more.

    They name a card or note which is no longer in use, or a tool whose history was
    declined.
    """
    rows = store.rows(
        "SELECT id, body FROM draft WHERE findings LIKE '%duplicate%'"
        " OR findings LIKE '%similar%' OR findings LIKE '%same_front%'"
    )
    for draft_row in rows:
        draft = decode_draft(draft_row["body"])
        standing = []
        for finding in draft.findings:
            is_in_use = True
            duplicate = finding.duplicate
            if is_card_id(duplicate):
                query = "SELECT 1 FROM card WHERE guid = ? AND live"
                is_in_use = store.row(query, duplicate) is not None
            elif duplicate.startswith(FOREIGN_PREFIX):
                query = "SELECT 1 FROM foreign_note WHERE id = ?"
                note_id = int(duplicate.removeprefix(FOREIGN_PREFIX))
                is_in_use = store.row(query, note_id) is not None
            if is_in_use:
                standing.append(finding)
        _put_findings(store, draft_row["id"], draft, standing)

    declined = belonging.declined(store)
    for draft_row in belonging.flagged(store) if declined else ():
        draft = decode_draft(draft_row["body"])
        highlight = decode_highlight_body(draft_row["mark"])
        standing = []
        for finding in draft.findings:
            if not belonging.is_declined(highlight, finding.check, declined):
                standing.append(finding)
        _put_findings(store, draft_row["id"], draft, standing)


def _put_findings(
    store: Store,
    draft_id: str,
    draft: Card,
    findings: Iterable[Finding],
) -> None:
    """Give a draft these findings, unless it has them."""
    standing = tuple(findings)
    if standing == draft.findings:
        return
    draft = replace(draft, findings=standing)
    severity, listed_findings = summed_up(standing)
    query = "UPDATE draft SET severity = ?, findings = ?, body = ? WHERE id = ?"
    store.write(query, severity, listed_findings, encode(draft), draft_id)


# --- one draft, for a decision ----------------------------------------------------------


def waiting_row(store: Store, draft_id: str) -> Row:
    """Return the row of a draft that waits.

    Raises:
        RefusedError: it no longer waits, or its passage is in doubt.
    """
    stored = store.row("SELECT * FROM draft WHERE id = ?", draft_id)
    is_settled = stored is None
    if stored is not None:
        passage = store.passage(stored["key"])
        # words are decoded only where there is a card that they may belong to
        if passage.cards:
            is_settled = _follows(passage, stored, decode_draft(stored["body"]))
    if stored is None or is_settled:
        raise RefusedError(
            f"{draft_id} no longer waits",
            hint="ankiforge list --view new shows what waits",
        )
    refuse_doubtful(store, stored["key"])
    return stored


def read_ahead(store: Store, draft_ids: Iterable[str]) -> Iterator[str]:
    """Yield ids of drafts that will be decided on; their passages are read many at a time."""
    for part in in_batches(draft_ids):
        query = f"SELECT key FROM draft WHERE id IN {EACH}"
        store.load(row["key"] for row in store.rows(query, encode(part)))
        yield from part


def refuse_doubtful(store: Store, highlight_key: str) -> None:
    """Refuse a decision about a passage that may be one that is gone."""
    if asked(store, store.passage(highlight_key)):
        raise RefusedError(
            f"{highlight_key}: first answer whether this is the passage that is gone",
            hint="ankiforge list --view questions",
        )


def bring_back(store: Store, events: Iterable[Event]) -> set[str]:
    """Let the drafts wait again that decisions took away, if their passages are there.

    Returns:
        The ids of the events that have such drafts.
    """
    event_ids = encode([event.id for event in events])
    column_rows = store.rows("PRAGMA table_info(draft)")
    columns = ", ".join(f"decided.{row['name']}" for row in column_rows)
    of_events = (
        "FROM decided JOIN highlight h ON h.key = decided.key AND h.state = 'present'"
        f" WHERE event IN {EACH}"
    )
    rows = store.rows(f"SELECT DISTINCT event {of_events}", event_ids)
    store.write(f"INSERT OR IGNORE INTO draft SELECT {columns} {of_events}", event_ids)
    store.write(f"DELETE FROM decided WHERE event IN {EACH}", event_ids)
    return {row["event"] for row in rows}
