"""The desk: what is to be drafted, what waits for a decision, and what a decision settles.

What waits is a card whose verdict is `OFFERED`: a row of the table `draft`, with its passage.
An *offer* is what a person decides on: one fact of one passage, over all its keys, or the
change of a card. Here, and nowhere else, drafts are grouped: by the column `offer` of the view
`offered` in `schema.sql`. The column `draft.fact` names the fact of a draft; "" is a fact of its
own. No draft is made here: `drafts.completed` says which there are, `record.recorded` which of them
wait, `decided.decided` what a decision does to them; none of these asks the database.

What must stay true:

- `highlight.drafted` and `modelled` hold the content that was drafted last; '' asks for
  drafts again.
- A draft that waits asks about a fact that nobody decided (`here.settled`); the person's own
  form, about words that are new (`drafts.is_new`).
- A decision writes two events: itself, and `fact` with the sentences that it decides
  (`decide`). Where the offered facts change, the drafts of the others go.
- A draft with a remark (`model.RemarkKind`) is never accepted by policy.
- A draft whose passage is in doubt is not decided on before its question is answered
  (`waiting`).
- What a decision takes out of those that wait, `undo` brings back (`tables.waiting`).
"""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import (
    Callable,
    Collection,
    Iterable,
    Iterator,
    Mapping,
    Sequence,
)
from itertools import chain
from urllib.parse import unquote

import msgspec
from msgspec.structs import replace

from ankiforge.errors import RefusedError
from ankiforge.ledger import belonging, cards, facts, forms
from ankiforge.ledger import sentences as sentences_there
from ankiforge.ledger.database import in_batches
from ankiforge.ledger.decided import Decided, settled_again
from ankiforge.ledger.drafts import is_new
from ankiforge.ledger.events import (
    PERSON,
    PROPOSAL,
    Event,
    Passage,
    content,
    decides_own,
    guid_of,
    stands_in,
)
from ankiforge.ledger.here import PassageHere
from ankiforge.ledger.readings import decode_highlight, decode_highlight_body
from ankiforge.ledger.record import SAME_WORDS
from ankiforge.ledger.store import EACH, Row, Store, Unsettled, encode
from ankiforge.ledger.tables import ahead, highlights
from ankiforge.ledger.tables import waiting as waiting_drafts
from ankiforge.ledger.tables.anki import buried, is_buried
from ankiforge.ledger.tables.here import draft_of, passage_here, passages_here
from ankiforge.model import (
    FIGURE,
    FOREIGN_PREFIX,
    PROPOSE,
    Card,
    CardKind,
    DocumentId,
    Finding,
    Highlight,
    Json,
    Pair,
    Remark,
    RemarkKind,
    Severity,
    Verdict,
    is_card_id,
)
from ankiforge.text import regex
from ankiforge.text.fold import document_tag

NAMES_ANOTHER = (
    "(d.findings LIKE '%duplicate%' OR d.findings LIKE '%similar%'"
    " OR d.findings LIKE '%same_front%')"
)
"""Whether a finding of a draft may name another card or draft, as a condition in SQL."""
# When the key of a highlight was issued, on any machine; last, if no event says so yet.
_ISSUED = (
    "ifnull((SELECT min(n) FROM event"
    " WHERE event.key = highlight.key AND what = 'key'), 9e18)"
)
decode_draft = msgspec.json.Decoder(Card).decode


# --- what to draft ----------------------------------------------------------------------


def to_draft(
    store: Store,
    *,
    by_model: bool = False,
    within: frozenset[DocumentId] | None = None,
    in_progress: Callable[[str], bool] = lambda place: False,
) -> Iterator[Highlight]:
    """Yield the highlights that are new or changed since they were drafted last.

    Args:
        store: the store.
        by_model: those that no model drafted yet and that are undecided, or have an open
            fact; or whose words a model's card no longer quotes; instead of those that the
            rules did not draft yet.
        within: the documents whose highlights are drafted; None = all.
        in_progress: whether a person is still writing the note at a place: what has a
            card there waits.
    """
    column = "modelled" if by_model else "drafted"
    condition = f"WHERE state = 'present' AND {column} != content"
    order = "document, position"
    if not by_model:  # checks compare with earlier drafts: a rebuild finds what was found
        order = f"{_ISSUED}, {order}"
    parts = rows_in_parts(
        store,
        f"SELECT key FROM highlight {condition} ORDER BY {order}",
        f"SELECT * FROM highlight {condition} AND",
        "key",
    )
    for highlight_row in chain.from_iterable(parts):
        if within is not None and highlight_row["document"] not in within:
            continue
        passage = store.passage(highlight_row["key"])
        if passage.skipped and not passage.live:
            continue
        if not leads(store, highlight_row["key"], passage):
            continue
        highlight = decode_highlight(highlight_row)
        if by_model and not _is_for_model(store, highlight_row, highlight, passage):
            continue
        if passage.live and in_progress(highlight.document.path):
            continue
        if not passage.live and forms.form_choice(store, highlight) == forms.NEVER:
            highlight = replace(highlight, skip=f"skip: {forms.why_left_out(highlight)}")
        yield highlight


def _is_for_model(
    store: Store, highlight_row: Row, highlight: Highlight, passage: Passage
) -> bool:
    """Return whether a model that did not draft a highlight yet is to.

    Neither what is left out, nor a copy. A passage that was decided on is sent again if a model's
    card quotes words that are no longer in it.
    """
    if highlight_row["fate"] == "left_out":
        return False
    if highlight_row["reason"].startswith(SAME_WORDS):
        return False
    if not passage.done:
        return True
    for card in passage.cards.values():
        if card.origin.drafter != "llm":
            continue
        if card.live and card.quote and not stands_in(card.quote, highlight):
            return True
    return False


def number_to_draft(store: Store) -> int:
    """Return how many highlights the rules have to draft, copies included."""
    number: int = store.value(
        "SELECT count(*) FROM highlight WHERE state = 'present' AND drafted != content"
    )
    return number


def leads(store: Store, highlight_key: str, passage: Passage) -> bool:
    """Return whether a highlight is the one of its passage whose text is used."""
    if passage.keys == (highlight_key,):
        return True
    leading = cards.leading_row(store, passage)
    return leading is not None and leading["key"] == highlight_key


def rows_in_parts(
    store: Store,
    id_query: str,
    row_query: str,
    id_column: str,
    *values: object,
) -> Iterator[list[Row]]:
    """Yield the rows of a query in the order of their ids, in parts.

    Args:
        store: the store.
        id_query: a query for the ids.
        row_query: the query for the rows, which ends where a condition on the ids is put.
        id_column: the column of the ids in `row_query`.
        values: the values in `id_query`.
    """
    ids = [row[0] for row in store.rows(id_query, *values)]
    name = id_column.rpartition(".")[2]
    for part in in_batches(ids):
        marks = ", ".join("?" * len(part))
        rows = store.rows(f"{row_query} {id_column} IN ({marks})", *part)
        store.load(row["key"] for row in rows)
        row_by_id = {row[name]: row for row in rows}
        yield [row_by_id[id] for id in part if id in row_by_id]


def use_offline_drafts(store: Store, version: str) -> None:
    """Draft undecided passages again if they are judged otherwise, or figures are drafted."""
    if store.meta("proposals") == version:
        return
    with store.transaction():
        store.set_meta("proposals", version)
        store.write(
            "UPDATE highlight SET drafted = '' WHERE fate = 'no_card' OR modelled != ''"
            " OR key IN (SELECT key FROM draft WHERE drafter IN (?, ?))",
            PROPOSE,
            FIGURE,
        )


# --- the words of drafts ----------------------------------------------------------------


def give_decks(store: Store, deck_for: Callable[[Highlight, str], str]) -> None:
    """Give drafts that wait other decks.

    Args:
        store: the store.
        deck_for: returns the deck for the cards of a highlight whose draft has the given one.
    """
    query = (
        "SELECT d.id, d.deck, d.body, h.body AS mark"
        " FROM draft d JOIN highlight h USING (key) WHERE h.body != ''"
    )
    with store.transaction():
        for row in store.rows(query):
            deck = deck_for(decode_highlight_body(row["mark"]), row["deck"])
            if deck != row["deck"]:
                draft = replace(decode_draft(row["body"]), deck=deck)
                update = "UPDATE draft SET deck = ?, body = ? WHERE id = ?"
                store.write(update, deck, encode(draft), row["id"])


# --- what a decision decides ------------------------------------------------------------


def decide(store: Store, changes: Decided) -> Event:
    """Record a decision and what it changes; return its event."""
    before = store.recorded
    here, event = changes.here, changes.event
    recorded = store.add(event.what, event.key, event.by, event.body)
    store.add("fact", event.key, event.by, {"of": recorded.id, **changes.fact})
    is_own = decides_own(event) or bool(event.body.get(PROPOSAL))
    sentences_there.note_decided(store, event.key, changes.sentences, own=is_own)
    if event.by == PERSON:  # `undo` lets them wait again
        waiting_drafts.put_away(store, changes.gone, recorded)
    else:
        waiting_drafts.drop(store, changes.gone)
    waiting_drafts.ask(store, changes.asks)
    if changes.lacks_drafts:
        highlights.ask_rules_again(store, here.passage.keys)

    decided_now = sentences_there.names_of_long(changes.sentences)
    store.unsettle(here.passage.key, decided_now)
    if store.first(event.key) == here.passage.key:
        _leave_out(store, here, before, names=decided_now)
    return recorded


def record(
    store: Store, here: PassageHere | None, what: str, key: str, body: Json
) -> None:
    """Record what a person says of a card or a passage that decides no fact.

    `here`: the passage with this key, if it was read ahead.
    """
    before = store.recorded
    store.add(what, key, PERSON, body)
    if here is not None:
        _leave_out(store, here, before, also=body.get("old", ""))


def _leave_out(
    store: Store,
    here: PassageHere,
    before: int,
    *,
    names: Iterable[str] = (),
    also: str = "",
) -> None:
    """Leave out of what was read ahead what events about a passage may have changed.

    Args:
        store: the store.
        here: the passage before them.
        before: the number of events recorded before them.
        names: those of long sentences that they decided.
        also: the key of another passage that they are about.
    """
    if store.ahead is None:
        return
    decided_before = [each for fact in here.passage.facts for each in fact.sentences]
    all_names = {*names, *sentences_there.names_of_long(decided_before)}
    keys = [store.first(key) for key in (here.passage.key, also) if key]
    store.ahead.leave_out(keys, all_names, before, store.recorded)


# --- which drafts wait ------------------------------------------------------------------


def requeue(store: Store, events: Sequence[Event]) -> None:
    """Draft passages again on which another machine decided; drop the drafts it settled."""
    decisions = ("accept", "adopt", "reject", "skip", "undo", "different", "retire")
    with store.transaction():
        decided_on = sorted({event.key for event in events if event.what in decisions})
        for key in decided_on:
            highlights.draft_again(store, store.keys(key))
            if key.startswith("tool:"):
                belonging.draft_again(store, key)
        # what fails is settled when it is drafted
        store.attempt_all(decided_on, lambda keys: unsettle(store, keys))


def unsettle(store: Store, keys: Iterable[str]) -> None:
    """Have passages settled whose decisions changed, and what waits where their sentences stand."""
    changed = list(keys)
    for key in changed:
        store.unsettle(key, itself=True)
    for event in store.events(store.keys_of(changed)):
        if event.what == "fact":
            names = sentences_there.names_of_long(event.body["sentences"])
            store.unsettle(event.key, names)


def settle(store: Store, unsettled: Unsettled) -> None:
    """Drop the drafts that no longer wait after decisions on other passages, or as undone.

    The rules are asked again if a fact is offered that has no draft.
    """
    firsts = dict(unsettled.passages)
    for first, names in sentences_there.standing_in(store, unsettled.deciding).items():
        # a decision settled its own passage itself
        if any(unsettled.deciding[name] - {first} for name in names):
            firsts[first] = None
    for part in in_batches(firsts):
        store.load(part)
        passages = [store.passage(first) for first in part]
        changes = [
            settled_again(here, store.machine) for here in passages_here(store, passages)
        ]
        gone = [id for change in changes for id in change.gone]
        waiting_drafts.drop(store, gone)
        waiting_drafts.ask(store, [asks for change in changes for asks in change.asks])
        lacking = [each.here.passage.keys for each in changes if each.lacks_drafts]
        highlights.ask_rules_again(store, chain.from_iterable(lacking))


_VAULT = regex(r"obsidian://open\?vault=([^&\"]+)")
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
    parts = rows_in_parts(
        store,
        f"SELECT d.id FROM draft d {joined} h.state = 'present' AND {condition}"
        " ORDER BY h.document, h.position, d.position",
        f"SELECT d.*, h.body AS mark FROM offered d {joined}",
        "d.id",
        *values,
    )
    remarks = Remarks(store)
    for rows in parts:
        drafts = list(map(draft_of, rows))
        remarks.read(drafts)
        for draft_row, draft in zip(rows, drafts, strict=True):
            passage = store.passage(draft.key)
            if is_settled(store, passage, draft):
                continue
            place = decode_highlight_body(draft_row["mark"])
            draft = replace(draft, passages=(place,))
            on_draft = remarks.on(draft, draft_row["content"])
            yield replace(draft, remarks=tuple(on_draft))


def is_settled(store: Store, passage: Passage, draft: Card) -> bool:
    """Return whether a stored draft no longer waits.

    The next run gives its words to a card; or its passage was found to be another one, too,
    which was decided on, or has a proposal.
    """
    if draft.in_slot:
        if not draft.revises and not is_new(passage, draft, store.machine):
            return True
        return _follows(passage, draft)
    if len(passage.keys) == 1:
        return False
    if draft.proposed and not leads(store, draft.key, passage):
        return True
    shown = passage_here(store, passage).facts_now() if draft.about else ()
    return bool(draft.about) and not set(draft.about) <= facts.offered(shown).keys()


def _follows(passage: Passage, draft: Card) -> bool:
    """Return whether the next run gives the words of a draft to their card.

    The passage was found to be that of the card after it was drafted.
    """
    if draft.revises:
        return False
    card = passage.card_in_slot(draft)
    return card is not None and card.live and not draft.blocked


def ids_of_settled(store: Store) -> set[str]:
    """Return the ids of stored drafts that `each_waiting` leaves out."""
    rows = store.rows(  # asked of indexes: thousands wait
        "SELECT * FROM offered WHERE id IN"
        " (SELECT d.id FROM passage p CROSS JOIN draft d ON d.key = p.key"
        "  WHERE p.decided AND d.slot != ''"
        "  UNION SELECT d.id FROM alias a CROSS JOIN draft d ON d.key = a.key)"
    )
    store.load(draft_row["key"] for draft_row in rows)
    ids = set()
    for draft_row in rows:
        passage = store.passage(draft_row["key"])
        if is_settled(store, passage, draft_of(draft_row)):
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


class Remarks:
    """Why drafts need a person, with all that is read once for many of them."""

    def __init__(self, store: Store) -> None:
        self._store = store
        self._decided: dict[str, set[str]] = {}
        self._unburied: set[str] = set()
        self._as_of = -1
        """The number of events recorded then; -1 = nothing was read ahead."""
        # the guids and the documents of notes in Anki that no card here has
        self._unknown_notes = set(store.get_value("strangers", list[str]) or [])
        # whether notes were deleted in Anki that may have been ours
        self._any_buried = store.row("SELECT 1 FROM grave") is not None
        self._fields = forms.Fields(store)

    def read(self, drafts: Sequence[Card]) -> None:
        """Read what `on` asks of each of some drafts."""
        store = self._store
        contents = list(map(content, drafts))
        store.read_same_words(contents)
        equal = [card for words in contents for card in store.same_words(words).cards]
        store.load(card["passage"] for card in equal)
        names = {name for draft in drafts if draft.in_slot for name in draft.about}
        self._decided = sentences_there.deciding(store, names)
        self._as_of = store.recorded
        self._unburied = set()
        if self._any_buried:
            guids = {str(guid_of(store.first(draft.key), draft)) for draft in drafts}
            self._unburied = guids - buried(store, guids)

    def are_decided_elsewhere(self, passage: Passage, names: Sequence[str]) -> bool:
        """Return whether one of some sentences was decided in another passage, and in no own form.

        Copies of a form follow each its own passage. `names`: those of the sentences.
        """
        decided = self._decided
        if self._as_of != self._store.recorded:  # another draft was decided on since
            decided = sentences_there.deciding(self._store, names)
        return any(decided.get(name, set()) - {passage.key} for name in names)

    def on(self, draft: Card, words: str) -> Iterator[Remark]:
        """Yield why a draft with these words needs a person."""
        store = self._store
        passage = store.passage(draft.key)
        # a passage that is gone, and that it may be
        for _, old in _doubts(store, passage):
            is_live = store.passage(old).live
            yield Remark(RemarkKind.MOVED if is_live else RemarkKind.DECIDED_ON_LOST)
        before = self._before(passage, draft)
        if before is None and draft.in_slot:
            if self.are_decided_elsewhere(passage, draft.about):
                before = RemarkKind.DECIDED_BEFORE
        if before:
            yield Remark(before)

        # the same words elsewhere
        for card in equal_cards(store, passage, words):
            no_longer = "" if card["live"] else f", which is {card['verdict']}"
            yield Remark(RemarkKind.EQUAL_CARD, f"{card['guid'][:10]}{no_longer}")
        if any(other != passage.key for other in store.same_words(words).rejected):
            yield Remark(RemarkKind.REJECTED_ELSEWHERE)

        if forms.asks_form(store, draft.highlight, self._fields):
            yield Remark(RemarkKind.FORM)
        if draft.kind is CardKind.OCCLUSION and not draft.revises:
            yield Remark(RemarkKind.FIGURE)

    def _before(self, passage: Passage, draft: Card) -> RemarkKind | None:
        """Return what is known of the cards of a passage, and the notes of its document."""
        if draft.revises:
            return RemarkKind.REVISION
        if draft.replaces:
            return RemarkKind.REPLACEMENT
        if draft.near:
            return RemarkKind.NEAR
        if _was_dropped(passage, draft):
            # as if the person had not accepted what they took back
            as_before = replace(passage, cards=self._cards_kept(passage))
            is_dropped = _was_dropped(as_before, draft)
            return RemarkKind.DECIDED_BEFORE if is_dropped else RemarkKind.TAKEN_BACK
        if not (self._any_buried or self._unknown_notes):
            return None
        guid = guid_of(passage.key, draft)
        if guid not in passage.cards and guid not in self._unburied:
            if is_buried(self._store, guid):
                return RemarkKind.NOTE_DELETED  # before the journal was lost
        tag = document_tag(draft.highlight.document.title)
        # a note of another type may have no link that names its vault
        names = (in_vault(tag, draft.highlight.uri), tag, guid)
        if not self._unknown_notes.isdisjoint(names):
            return RemarkKind.UNKNOWN_NOTES
        return None

    def _cards_kept(self, passage: Passage) -> dict[str, Card]:
        """Return the cards of a passage but for those that a person accepted and took back."""
        accepted = set()
        for event in self._store.events(passage.keys):
            if event.what == "accept" and event.by == PERSON:
                accepted.add(event.body["guid"])
        kept = {}
        for id, card in passage.cards.items():
            if card.verdict is not Verdict.TAKEN_BACK or id not in accepted:
                kept[id] = card
        return kept


def _was_dropped(passage: Passage, draft: Card) -> bool:
    """Return whether a person dropped nearly the same."""
    if not passage.decided:
        return False
    about = facts.decided_by(draft, facts.text_of(draft.highlight))
    return facts.dropped(passage, draft, about)


def in_vault(tag: str, link: str) -> str:
    """Return the tag of a document with its vault, if a link, or HTML, names a vault.

    Two vaults may each have a note `Index.md`.
    """
    vault = _VAULT.search(link)
    return f"{tag} {unquote(vault[1])}" if vault else tag


def equal_cards(store: Store, passage: Passage, content: str) -> list[Row]:
    """Return the cards of other passages that ask and answer the same, or did as drafted.

    Passages that a person said to be different are left out.
    """
    equal = []
    for card_row in store.same_words(content).cards:
        if card_row["passage"] == passage.key:
            continue
        if not passage.told_apart_from(store.passage(card_row["passage"])):
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
    rows = store.rows(f"SELECT id, body FROM draft d WHERE {NAMES_ANOTHER}")
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


def give_findings(
    store: Store, check: str, findings: Mapping[str, Finding | None]
) -> None:
    """Give waiting drafts what a check finds later, instead of what it found before.

    `findings`: by id of the draft; None = it finds nothing.
    """
    query = f"SELECT id, body FROM draft WHERE id IN {EACH}"
    with store.transaction():
        for draft_row in store.rows(query, encode(list(findings))):
            draft = decode_draft(draft_row["body"])
            standing = [each for each in draft.findings if each.check != check]
            found = findings[draft_row["id"]]
            if found is not None:
                standing.append(found)
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
    severity, listed_findings = waiting_drafts.summed_up(standing)
    query = "UPDATE draft SET severity = ?, findings = ?, body = ? WHERE id = ?"
    store.write(query, severity, listed_findings, encode(draft), draft_id)


# --- one draft, for a decision ----------------------------------------------------------


def waiting(store: Store, draft_id: str) -> tuple[PassageHere, Card]:
    """Return a passage, and a draft of it that waits.

    Raises:
        RefusedError: it no longer waits, or its passage is in doubt.
    """
    here = read_already(store, draft_id)
    if here is None:
        key = store.value("SELECT key FROM draft WHERE id = ?", draft_id)
        here = passage_here(store, store.passage(key)) if key else None
    for draft in here.waiting if here else ():
        if here and draft.id == draft_id and not _follows(here.passage, draft):
            refuse_doubtful(store, here.passage, draft.key)
            return here, draft
    raise RefusedError(
        f"{draft_id} no longer waits", hint="ankiforge list --view new shows what waits"
    )


def read_already(store: Store, id: str) -> PassageHere | None:
    """Return the passage of a draft, card or key, if `read_ahead` has it as it is now."""
    return store.ahead.passage_of(id, store.recorded) if store.ahead else None


def read_ahead(store: Store, ids: Iterable[str]) -> Iterator[str]:
    """Yield ids of what will be decided on, in an action; many are read at a time."""
    try:
        for part in in_batches(ids):
            store.ahead = ahead.read_ahead(store, part)
            yield from part
    finally:
        store.ahead = None


def card_here(store: Store, guid: str) -> tuple[Card, PassageHere]:
    """Return a card, and its passage as it is here; refuse an unknown guid."""
    here = read_already(store, guid)
    if here is None:
        _, passage = cards.state_of(store, guid)
        here = passage_here(store, passage)
    return here.passage.cards[guid], here


def card_of(store: Store, guid: str) -> tuple[Card, str]:
    """Return a card as the fold has it, and the key of its passage; refuse an unknown guid."""
    here = read_already(store, guid)
    if here is not None:
        return here.passage.cards[guid], here.passage.key
    card, passage = cards.state_of(store, guid)
    return card, passage.key


def refuse_doubtful(store: Store, passage: Passage, key: str) -> None:
    """Refuse a decision about a passage, by one of its keys, that may be one that is gone."""
    if asked(store, passage):
        raise RefusedError(
            f"{key}: first answer whether this is the passage that is gone",
            hint="ankiforge list --view questions",
        )


# --- offers -----------------------------------------------------------------------------

Offer = tuple[Card, ...]
"""One fact of one passage, or the change of a card: the drafts to choose from, of which the first
is accepted unless the person chooses another one. Their own form comes first, then a model's, and
proposals; those that a check blocks are last."""
_MIXES = 0.05
"""How much less sure each further offer of a document counts in the order."""


def offers(store: Store, ids: Iterable[str]) -> Iterator[Offer]:
    """Yield the offers of drafts, each once; the key of a highlight stands for all of its passage.

    Drafts that no longer wait are left out.
    """
    yielded = set[str]()
    for batch in in_batches(ids):
        query = f"SELECT key FROM draft WHERE id IN {EACH}"
        keys_of_drafts = [row["key"] for row in store.rows(query, encode(batch))]
        keys = store.keys_of([*keys_of_drafts, *batch])  # an id may be a key itself

        # the drafts of each offer; and the offers of each draft and key
        drafts_of: dict[str, list[Card]] = defaultdict(list)
        offers_of: dict[str, list[str]] = defaultdict(list)
        for draft in each_waiting(store, f"d.key IN {EACH}", encode(keys)):
            drafts_of[draft.offer].append(draft)
            offers_of[draft.id].append(draft.offer)
            for key in store.keys(draft.highlight.key):
                offers_of[key].append(draft.offer)

        for id in batch:
            for offer in offers_of[id]:
                if offer not in yielded:
                    yielded.add(offer)
                    yield tuple(sorted(drafts_of[offer], key=rank))


def several_offers(store: Store, passages: Iterable[str]) -> list[str]:
    """Return those of some passages that have several offers, in the order given."""
    rows = store.rows(
        "SELECT passage FROM offered GROUP BY passage HAVING min(offer) != max(offer)"
    )
    several = {row["passage"] for row in rows}
    return [passage for passage in passages if passage in several]


def in_order(store: Store, left_out: Collection[str]) -> list[Row]:
    """Return the first draft of each offer, in the order in which a person is asked.

    The surest come first; what is left of a passage on which a person decided comes last. Each
    further one of a document counts as a little less sure, so that the documents mix.

    The columns are `id`, `passage`, `changes` (the card that it would change or replace, or
    "") and `blocked`: whether a check blocks all drafts of the offer.

    Args:
        store: the store.
        left_out: the ids of drafts that are not offered.
    """
    # the bare columns are those of the row with the least position
    return store.rows(
        "WITH first AS (SELECT d.id, d.passage, d.revises || d.replaces AS changes,"
        "  min(d.position + 1000 * (d.severity = 'block')),"
        "  sum(d.severity = 'block') = count(*) AS blocked,"
        "  total(json_extract(d.body, '$.sureness')) AS sure,"
        "  d.severity, d.slot, d.position, h.document, h.position AS place,"
        "  coalesce(p.decided, 0) AS decided"
        " FROM offered d JOIN highlight h ON h.key = d.key"
        " LEFT JOIN passage p ON p.key = d.passage"
        f" WHERE h.state = 'present' AND d.id NOT IN {EACH} GROUP BY d.offer),"
        " ranked AS (SELECT *, row_number() OVER"
        "  (PARTITION BY document ORDER BY sure DESC, place, position) AS rank FROM first)"
        " SELECT id, passage, changes, blocked FROM ranked"
        " ORDER BY severity = 'block', severity = 'warn', slot = '', decided,"
        f" sure / (1 + {_MIXES} * rank) DESC, document, place, position",
        encode(sorted(left_out)),
    )


def rank(draft: Card) -> tuple[bool, int]:
    """Return the sort key of a draft among the drafts of its passage."""
    if draft.own:
        place = 0
    elif draft.gaps:
        place = 2
    else:
        place = 1
    return draft.blocked, place
