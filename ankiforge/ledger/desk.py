"""The desk: what is to be drafted, what waits for a decision, and what a decision settles.

What waits is a `StoredDraft`: a row of the table `draft`, with its passage.
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
    Iterable,
    Iterator,
    Mapping,
    Sequence,
)
from itertools import chain
from urllib.parse import unquote

from msgspec.structs import asdict, replace

from ankiforge.errors import RefusedError
from ankiforge.ledger import belonging, cards, facts, forms
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
from ankiforge.ledger.store import Row, Store, Unsettled
from ankiforge.ledger.tables import ahead, highlights, sentences
from ankiforge.ledger.tables import cards as card_rows
from ankiforge.ledger.tables import waiting as waiting_drafts
from ankiforge.ledger.tables.anki import any_buried, buried, foreign_among, is_buried
from ankiforge.ledger.tables.here import passage_here, passages_here
from ankiforge.ledger.tables.waiting import decode_draft, draft_of
from ankiforge.model import (
    FOREIGN_PREFIX,
    PROPOSE,
    Card,
    CardKind,
    DocumentId,
    Draft,
    Finding,
    Highlight,
    Json,
    Pair,
    Remark,
    RemarkKind,
    Severity,
    StoredDraft,
    Verdict,
    Waiting,
    is_card_id,
)
from ankiforge.text import regex
from ankiforge.text.fold import document_tag

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
    keys = highlights.unmodelled(store) if by_model else highlights.undrafted(store)
    for highlight_row in chain.from_iterable(_in_parts(store, keys)):
        if highlight_row["state"] != "present":
            continue
        if highlight_row[column] == highlight_row["content"]:
            continue
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


def leads(store: Store, highlight_key: str, passage: Passage) -> bool:
    """Return whether a highlight is the one of its passage whose text is used."""
    if passage.keys == (highlight_key,):
        return True
    leading = cards.leading_row(store, passage)
    return leading is not None and leading["key"] == highlight_key


def _in_parts(store: Store, keys: Iterable[str]) -> Iterator[list[Row]]:
    """Yield highlights by their keys, in lists, when their passages are read."""
    for part in in_batches(keys):
        rows = highlights.of(store, part)
        store.load(part)
        yield rows


def use_offline_drafts(store: Store, version: str) -> None:
    """Draft undecided passages again if they are judged otherwise, or figures are drafted."""
    if store.meta("proposals") == version:
        return
    with store.transaction():
        store.set_meta("proposals", version)
        highlights.draft_undecided_again(store)


# --- the words of drafts ----------------------------------------------------------------


def give_decks(store: Store, deck_for: Callable[[Highlight, str], str]) -> None:
    """Give drafts that wait other decks.

    Args:
        store: the store.
        deck_for: returns the deck for the cards of a highlight whose draft has the given one.
    """
    with store.transaction():
        for row in waiting_drafts.with_marks(store):
            deck = deck_for(decode_highlight_body(row["mark"]), row["deck"])
            if deck != row["deck"]:
                draft = decode_draft(row["body"])
                waiting_drafts.put_deck(store, row["id"], draft, deck)


# --- what a decision decides ------------------------------------------------------------


def decide(store: Store, changes: Decided) -> Event:
    """Record a decision and what it changes; return its event."""
    before = store.recorded
    here, event = changes.here, changes.event
    recorded = store.add(event.what, event.key, event.by, event.body)
    store.add("fact", event.key, event.by, {"of": recorded.id, **changes.fact})
    is_own = decides_own(event) or bool(event.body.get(PROPOSAL))
    sentences.note_decided(store, event.key, changes.sentences, own=is_own)
    if event.by == PERSON:  # `undo` lets them wait again
        waiting_drafts.put_away(store, changes.gone, recorded)
    else:
        waiting_drafts.drop(store, changes.gone)
    waiting_drafts.ask(store, changes.asks)
    if changes.lacks_drafts:
        highlights.ask_rules_again(store, here.passage.keys)

    decided_now = facts.names_of_long(changes.sentences)
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
    all_names = {*names, *facts.names_of_long(decided_before)}
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
            names = facts.names_of_long(event.body["sentences"])
            store.unsettle(event.key, names)


def settle(store: Store, unsettled: Unsettled) -> None:
    """Drop the drafts that no longer wait after decisions on other passages, or as undone.

    The rules are asked again if a fact is offered that has no draft.
    """
    firsts = dict(unsettled.passages)
    for first, names in sentences.standing_in(store, unsettled.deciding).items():
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


def each_waiting(store: Store, ids: Iterable[str]) -> Iterator[Waiting]:
    """Yield drafts that wait, with remarks on each, in the order of their ids."""
    remarks = Remarks(store)
    for part in in_batches(ids):
        found = waiting_drafts.with_places(store, part)
        drafts = [draft for draft, _ in found]
        store.load(draft.key for draft in drafts)
        remarks.read(drafts)
        for draft, draft_row in found:
            passage = store.passage(draft.key)
            if is_settled(store, passage, draft):
                continue
            place = decode_highlight_body(draft_row["mark"])
            on_draft = remarks.on(draft, place, draft_row["content"])
            yield Waiting(**asdict(draft), passages=(place,), remarks=tuple(on_draft))


def is_settled(store: Store, passage: Passage, draft: StoredDraft) -> bool:
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


def _follows(passage: Passage, draft: StoredDraft) -> bool:
    """Return whether the next run gives the words of a draft to their card.

    The passage was found to be that of the card after it was drafted.
    """
    if draft.revises:
        return False
    card = passage.card_in_slot(draft)
    return card is not None and card.live and not draft.blocked


def ids_of_settled(store: Store) -> set[str]:
    """Return the ids of stored drafts that `each_waiting` leaves out."""
    rows = waiting_drafts.maybe_settled(store)
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
    for draft_row in waiting_drafts.with_ids(store, ids):
        if draft_row["drafter"] == PROPOSE:
            counts[PROPOSE] += 1
            continue
        for finding in decode_draft(draft_row["body"]).findings:
            if finding.severity is not Severity.INFO:
                counts[finding.check] += 1
                break
        else:
            clean.append(draft_row["id"])
    for draft in each_waiting(store, waiting_drafts.in_reading_order(store, clean)):
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
        self._any_buried = any_buried(store)
        self._fields = forms.Fields(store)

    def read(self, drafts: Sequence[StoredDraft]) -> None:
        """Read what `on` asks of each of some drafts."""
        store = self._store
        contents = list(map(content, drafts))
        store.read_same_words(contents)
        equal = [card for words in contents for card in store.same_words(words).cards]
        store.load(card["passage"] for card in equal)
        names = {name for draft in drafts if draft.in_slot for name in draft.about}
        self._decided = sentences.deciding(store, names)
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
            decided = sentences.deciding(self._store, names)
        return any(decided.get(name, set()) - {passage.key} for name in names)

    def on(self, draft: StoredDraft, place: Highlight, words: str) -> Iterator[Remark]:
        """Yield why a draft with these words, at its place, needs a person."""
        store = self._store
        passage = store.passage(draft.key)
        # a passage that is gone, and that it may be
        for _, old in _doubts(store, passage):
            is_live = store.passage(old).live
            yield Remark(RemarkKind.MOVED if is_live else RemarkKind.DECIDED_ON_LOST)
        before = self._before(passage, draft, place)
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

        if forms.asks_form(store, place, self._fields):
            yield Remark(RemarkKind.FORM)
        if draft.kind is CardKind.OCCLUSION and not draft.revises:
            yield Remark(RemarkKind.FIGURE)

    def _before(
        self, passage: Passage, draft: StoredDraft, place: Highlight
    ) -> RemarkKind | None:
        """Return what is known of the cards of a passage, and the notes of its document."""
        if draft.revises:
            return RemarkKind.REVISION
        if draft.replaces:
            return RemarkKind.REPLACEMENT
        if draft.near:
            return RemarkKind.NEAR
        if _was_dropped(passage, draft, place):
            # as if the person had not accepted what they took back
            as_before = replace(passage, cards=self._cards_kept(passage))
            is_dropped = _was_dropped(as_before, draft, place)
            return RemarkKind.DECIDED_BEFORE if is_dropped else RemarkKind.TAKEN_BACK
        if not (self._any_buried or self._unknown_notes):
            return None
        guid = guid_of(passage.key, draft)
        if guid not in passage.cards and guid not in self._unburied:
            if is_buried(self._store, guid):
                return RemarkKind.NOTE_DELETED  # before the journal was lost
        tag = document_tag(place.document.title)
        # a note of another type may have no link that names its vault
        names = (in_vault(tag, place.uri), tag, guid)
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


def _was_dropped(passage: Passage, draft: StoredDraft, place: Highlight) -> bool:
    """Return whether a person dropped nearly the same."""
    if not passage.decided:
        return False
    about = facts.decided_by(draft, facts.text_of(place))
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
    rows = waiting_drafts.naming_another(store)
    drafts = {row["id"]: decode_draft(row["body"]) for row in rows}
    named = {each.duplicate for draft in drafts.values() for each in draft.findings}
    guids = set(filter(is_card_id, named))
    notes = {
        id.removeprefix(FOREIGN_PREFIX) for id in named if id.startswith(FOREIGN_PREFIX)
    }
    out_of_use = guids - card_rows.live_among(store, guids)
    for note in notes - foreign_among(store, notes):
        out_of_use.add(f"{FOREIGN_PREFIX}{note}")
    for id, draft in drafts.items():
        standing = [each for each in draft.findings if each.duplicate not in out_of_use]
        waiting_drafts.put_findings(store, id, draft, standing)

    declined = belonging.declined(store)
    for draft_row in waiting_drafts.of_other_tools(store) if declined else ():
        draft = decode_draft(draft_row["body"])
        highlight = decode_highlight_body(draft_row["mark"])
        standing = []
        for finding in draft.findings:
            if not belonging.is_declined(highlight, finding.check, declined):
                standing.append(finding)
        waiting_drafts.put_findings(store, draft_row["id"], draft, standing)


def give_findings(
    store: Store, check: str, findings: Mapping[str, Finding | None]
) -> None:
    """Give waiting drafts what a check finds later, instead of what it found before.

    `findings`: by id of the draft; None = it finds nothing.
    """
    with store.transaction():
        for draft_row in waiting_drafts.with_ids(store, findings):
            draft = decode_draft(draft_row["body"])
            standing = [each for each in draft.findings if each.check != check]
            found = findings[draft_row["id"]]
            if found is not None:
                standing.append(found)
            waiting_drafts.put_findings(store, draft_row["id"], draft, standing)


# --- one draft, for a decision ----------------------------------------------------------


def waiting(store: Store, draft_id: str) -> tuple[PassageHere, StoredDraft]:
    """Return a passage, and a draft of it that waits.

    Raises:
        RefusedError: it no longer waits, or its passage is in doubt.
    """
    here = read_already(store, draft_id)
    if here is None:
        for row in waiting_drafts.with_ids(store, [draft_id]):
            here = passage_here(store, store.passage(row["key"]))
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

Offer = tuple[Waiting, ...]
"""One fact of one passage, or the change of a card: the drafts to choose from, of which the first
is accepted unless the person chooses another one. Their own form comes first, then a model's, and
proposals; those that a check blocks are last."""


def offers(store: Store, ids: Iterable[str]) -> Iterator[Offer]:
    """Yield the offers of drafts, each once; the key of a highlight stands for all of its passage.

    Drafts that no longer wait are left out.
    """
    yielded = set[str]()
    for batch in in_batches(ids):
        rows = waiting_drafts.with_ids(store, batch)
        keys = store.keys_of([*(row["key"] for row in rows), *batch])  # ids may be keys

        # the drafts of each offer; and the offers of each draft and key
        drafts_of: dict[str, list[Waiting]] = defaultdict(list)
        offers_of: dict[str, list[str]] = defaultdict(list)
        for draft in each_waiting(store, waiting_drafts.of_highlights(store, keys)):
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
    several = waiting_drafts.with_several_offers(store)
    return [passage for passage in passages if passage in several]


def rank(draft: Draft) -> tuple[bool, int]:
    """Return the sort key of a draft among the drafts of its passage."""
    if draft.own:
        place = 0
    elif draft.gaps:
        place = 2
    else:
        place = 1
    return draft.blocked, place
