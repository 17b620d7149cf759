"""List pending drafts and open questions, compute the status of highlights, and count them.

Everything that shows or counts pending items uses this module, so that the review page, the
terminal and JSON output agree.
"""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from functools import partial

import msgspec
from msgspec.structs import replace

from ankiforge.ledger import cards, questions
from ankiforge.ledger.card_places import (
    find_anki_state,
    find_live_cards_at_home,
    find_sourceless_cards,
    is_listed,
)
from ankiforge.ledger.cards import HighlightOutcome, LocatedSkippedText, load_highlights
from ankiforge.ledger.database import iter_batches
from ankiforge.ledger.events import Passage
from ankiforge.ledger.passage_order import compute_rank, get_factuality, load_factuality
from ankiforge.ledger.passage_states import (
    PassageState,
    PassageStatus,
    ReviewStatus,
    row_to_state,
    select_leading_rows,
)
from ankiforge.ledger.source_state import SourceState
from ankiforge.ledger.store import JSON_VALUES, Store, to_json
from ankiforge.ledger.tables.highlights import decode_highlight
from ankiforge.ledger.tables.offers import Offer, get_usefulness, load_offers
from ankiforge.ledger.tables.sentences import load_best_sentence_hashes
from ankiforge.model import (
    AGENT_DRAFTER,
    MIN_CERTAIN_CONFIDENCE,
    MIN_PROPOSAL_CONFIDENCE,
    AnkiState,
    Highlight,
    SkippedText,
    Strings,
    UserQuestion,
    UserQuestionKind,
    Value,
    Verdict,
)

# --- pending items ----------------------------------------------------------------------


class PassageLocation(Value):
    """The location of a passage that has a pending draft or a sentence worth drafting."""

    id: str
    """The id of the draft, or the key of the highlight if there is no draft."""
    key: str
    document: int
    """The row id of the document."""
    title: str
    """The title of the document."""
    position: int
    """The position of the highlight within the document, in reading order."""
    usefulness: float
    """The probability that the user would keep a card made from the passage."""
    factuality: float = 1.0
    """How factual the document is (`passage_order`), from 0 to 1."""
    sentence: str = ""
    """The hash of the sentence that is suggested, or "" for a draft."""
    draft_count: int = 1
    """The number of new cards that the drafts of the passage would make."""
    is_hand_written: bool = False
    """Whether the user wrote the draft as a card."""

    @property
    def sentence_or_id(self) -> str:
        """What is equal for highlights for which the same card would be suggested."""
        return self.sentence or self.id

    @property
    def rank(self) -> float:
        """The sort key of the passage. Passages with a high rank come first."""
        return compute_rank(self.usefulness, self.factuality)


class Suggestions(Value):
    """The highlights without a card, by whether a card is suggested for them.

    A sentence that several overlapping highlights contain is suggested for the first of them only.
    If the suggestion is certain, the others are in no list, because the sentence waits already.
    """

    certain: tuple[PassageLocation, ...] = ()
    """The highlights with a certain suggestion, which is shown unasked and waits, best first."""
    more: tuple[PassageLocation, ...] = ()
    """The highlights with a less certain suggestion, which is shown only on request, best first."""
    others: tuple[PassageLocation, ...] = ()
    """The highlights without a suggestion."""


def split_suggestions(uncarded: Iterable[PassageLocation]) -> Suggestions:
    """Divide the highlights without a card by whether a card is suggested for them."""
    certain: dict[str, PassageLocation] = {}
    uncertain: list[PassageLocation] = []
    others: list[PassageLocation] = []
    for location in uncarded:
        if location.usefulness >= MIN_CERTAIN_CONFIDENCE:
            certain.setdefault(location.sentence_or_id, location)
        elif location.usefulness >= MIN_PROPOSAL_CONFIDENCE:
            uncertain.append(location)
        else:
            others.append(location)
    more: dict[str, PassageLocation] = {}
    for location in uncertain:
        sentence = location.sentence_or_id
        if sentence in certain or sentence in more:
            others.append(location)
        else:
            more[sentence] = location
    return Suggestions(tuple(certain.values()), tuple(more.values()), tuple(others))


class PendingItems(Value):
    """Everything that the user has yet to decide on.

    Each list is in the order in which the items are shown to the user.
    """

    drafts: list[PassageLocation]
    """For each passage with drafts of new cards, the first of these drafts. Drafts without warnings
    come first and blocked ones last. Within each of these groups, hand-written drafts come first,
    then the most useful ones, and ties are in reading order."""
    new_passages: list[str]
    """The oldest key of the passage of each draft in `drafts`, in the same order."""
    offered_drafts: list[str]
    """The first draft of each group that would make a new card. Its group is one decision."""
    conflicts: list[str]
    """The questions about cards that both the user and the source changed."""
    revisions: list[str]
    """The drafts that would change or replace a card."""
    questions: list[str]
    """The questions that aren't about a conflict. No other list contains the drafts that one of
    these questions is about."""
    without_card: list[PassageLocation]
    """The highlights without card or draft that the user didn't dismiss, and the highlights with a
    card and another sentence worth suggesting. The most useful highlights come first."""
    data_version: int
    """A number that changes when another process changes the database."""

    @property
    def new_drafts(self) -> list[str]:
        """The ids of `drafts`."""
        return [location.id for location in self.drafts]

    @property
    def changed_cards(self) -> list[str]:
        """All pending changes to cards: conflicts first, then revisions."""
        return [*self.conflicts, *self.revisions]


def load_pending_items(store: Store, before: PendingItems | None = None) -> PendingItems:
    """Load everything that the user has yet to decide on.

    If `before` is an earlier result and no other connection has changed the database since then,
    it is returned as it is.
    """
    version = store.get_data_version()
    if before and before.data_version == version:
        return before
    open_questions = questions.find_open_questions(store)
    held_ids: set[str] = set()
    for question in open_questions:
        if question.kind is not UserQuestionKind.CONFLICT:
            held_ids.update(question.drafts)
    return group_pending_items(
        open_questions,
        load_offers(store, held_ids),
        uncarded=_load_uncarded(store),
        data_version=version,
    )


def _load_uncarded(store: Store) -> list[PassageLocation]:
    """Load the locations of `PendingItems.without_card`, the most useful first."""
    # whether a draft waits is the same for all highlights of a passage
    rows = store.fetch_rows("SELECT * FROM present_passage WHERE best IS NULL")
    states = []
    for state in map(row_to_state, select_leading_rows(rows)):
        if state.has_open_sentence:
            states.append(state)
    factuality = load_factuality(store)
    states.sort(key=partial(_get_best_first_sort_key, factuality))
    sentence_by_key = load_best_sentence_hashes(store)
    locations = []
    for state in states:
        location = PassageLocation(
            id=state.key,
            key=state.key,
            document=state.document,
            title=state.title,
            position=state.position,
            usefulness=state.suggestion_confidence,
            factuality=get_factuality(factuality, state.document),
            sentence=sentence_by_key.get(state.key, ""),
        )
        locations.append(location)
    return locations


def group_pending_items(
    open_questions: Iterable[UserQuestion],
    offers: Iterable[Offer],
    *,
    uncarded: Sequence[PassageLocation] = (),
    data_version: int = 0,
) -> PendingItems:
    """Divide open questions and offers into the lists of a `PendingItems`.

    `offers` are in the order in which they are shown. The keyword arguments are copied to the
    result.
    """
    conflicts: list[str] = []
    other_questions: list[str] = []
    for question in open_questions:
        if question.kind is UserQuestionKind.CONFLICT:
            conflicts.append(question.id)
        else:
            other_questions.append(question.id)
    first_of_passage: dict[str, PassageLocation] = {}
    draft_counts = Counter[str]()
    revisions = []
    offered_drafts = []
    for offer in offers:
        if offer.changed_guid is not None:
            revisions.append(offer.id)
            continue
        offered_drafts.append(offer.id)
        draft_counts[offer.passage_key] += 1
        if offer.passage_key not in first_of_passage:
            first_of_passage[offer.passage_key] = _get_location(offer)
    drafts = []
    for passage_key, location in first_of_passage.items():
        drafts.append(replace(location, draft_count=draft_counts[passage_key]))
    return PendingItems(
        drafts=drafts,
        new_passages=[*first_of_passage],
        offered_drafts=offered_drafts,
        conflicts=conflicts,
        revisions=revisions,
        questions=other_questions,
        without_card=[*uncarded],
        data_version=data_version,
    )


# --- the status of highlights -----------------------------------------------------------

NOTHING_RECOGNIZED = "nothing to ask was recognised"
REJECTED_DRAFT = "you rejected its draft"


def _get_best_first_sort_key(
    factuality_by_document: Mapping[int, float], state: PassageState
) -> tuple[float, int, int]:
    factuality = get_factuality(factuality_by_document, state.document)
    rank = compute_rank(state.remaining_usefulness, factuality)
    return -rank, state.document, state.position


def _load_states(store: Store) -> list[PassageState]:
    """Load the states of all passages that are still in a source, in reading order."""
    rows = store.fetch_rows("SELECT * FROM present_passage ORDER BY document, position")
    return list(map(row_to_state, select_leading_rows(rows)))


def _load_states_of_highlight(store: Store, key: str) -> list[PassageState]:
    """Load the state of the passage whose leading highlight has this key, if there is one."""
    rows = store.fetch_rows(
        f"SELECT * FROM present_passage WHERE key IN {JSON_VALUES}",
        to_json(store.get_keys(key)),
    )
    states = map(row_to_state, select_leading_rows(rows))
    return [state for state in states if state.key == key]


def iter_highlight_outcomes(
    store: Store, key: str = "", *, document_ranks: Mapping[int, int] | None = None
) -> Iterator[HighlightOutcome]:
    """Yield the leading highlight of each passage that is still in a source, with its status.

    Highlights come in reading order. If `document_ranks` is given, they are sorted by the rank of
    their document and then from best to worst. If `key` is given, only that highlight is yielded.
    """
    states = _load_states_of_highlight(store, key) if key else _load_states(store)
    if document_ranks is not None:
        # the second sort is stable, so each document stays sorted from best to worst
        states.sort(key=partial(_get_best_first_sort_key, load_factuality(store)))
        last = len(document_ranks)
        states.sort(
            key=lambda state: (document_ranks.get(state.document, last), state.document)
        )
    for batch in iter_batches(states):
        highlights = load_highlights(store, [state.key for state in batch])
        for state in batch:
            review_status = state.find_review_status(has_question=False)
            status = state.status
            if status is PassageStatus.DECIDED:
                status = PassageStatus.LEFT_OUT
            yield HighlightOutcome(
                highlight=highlights[state.key],
                status=status,
                reason=_find_reason(store, state),
                usefulness=state.usefulness,
                has_open_sentence=state.has_open_sentence,
                is_suggested=review_status is ReviewStatus.SUGGESTED,
            )


def _find_reason(store: Store, state: PassageState) -> str:
    """Return why a passage has no card, or "" if it has one or a draft of one waits."""
    match state.status:
        case PassageStatus.CARDED | PassageStatus.WAITING:
            return ""
        case PassageStatus.BLOCKED | PassageStatus.FAILED:
            return state.drafting_reason
    return _explain_missing_card(store.get_passage(state.key), state)


def _explain_missing_card(passage: Passage, state: PassageState) -> str:
    if passage.is_skipped:
        return passage.skip_reason or "rejected by you"
    if state.status is PassageStatus.DECIDED:
        return _find_rejection_reason(passage) or "rejected by you"
    if state.drafting_reason:
        return state.drafting_reason
    if state.status is PassageStatus.UNDRAFTED:
        return "not drafted yet"
    return REJECTED_DRAFT if passage.rejected_hashes else NOTHING_RECOGNIZED


def _find_rejection_reason(passage: Passage) -> str | None:
    """Return the reason that the user gave for a card that isn't live, or None.

    A rejection's reason counts more than that of a card that was made and undone.
    """
    ended_cards = []
    for card in passage.cards.values():
        if card.verdict is not Verdict.TAKEN_BACK:
            ended_cards.append(card)
    for card in ended_cards or passage.cards.values():
        if card.verdict_reason:
            return card.verdict_reason
    return None


def _find_passages_with_questions(store: Store) -> set[str]:
    drafts = list[str]()
    guids = list[str]()
    for question in questions.find_open_questions(store):
        drafts += question.drafts
        guids += question.guids
    query = f"SELECT passage FROM draft WHERE id IN {JSON_VALUES}"
    passages_of_drafts = store.fetch_column(query, to_json(drafts))
    return {*passages_of_drafts, *cards.find_passage_keys(store, guids)}


def load_draft_locations(store: Store, ids: Iterable[str]) -> list[PassageLocation]:
    """Load the locations of drafts in the order of `ids`, skipping unknown ids.

    For the usefulness of a draft, see `offers.get_usefulness`.
    """
    ids = list(ids)
    rows = store.fetch_rows(
        "SELECT d.id, d.severity, json_extract(d.body, '$.confidence') AS confidence,"
        " h.key, h.document, x.title, h.position AS place"
        " FROM draft d JOIN highlight h ON h.key = d.key"
        f" JOIN document x ON x.id = h.document WHERE d.id IN {JSON_VALUES}",
        to_json(ids),
    )
    location_by_id: dict[str, PassageLocation] = {}
    for row in rows:
        location_by_id[row["id"]] = PassageLocation(
            id=row["id"],
            key=row["key"],
            document=row["document"],
            title=row["title"],
            position=row["place"],
            usefulness=get_usefulness(row),
        )
    return [location_by_id[id] for id in ids if id in location_by_id]


def _get_location(offer: Offer) -> PassageLocation:
    return PassageLocation(
        id=offer.id,
        key=offer.key,
        document=offer.document,
        title=offer.title,
        position=offer.place,
        usefulness=offer.usefulness,
        is_hand_written=offer.is_hand_written,
    )


_PAGE_STATES = {
    ReviewStatus.WAITING: "asks",
    ReviewStatus.SUGGESTED: "suggested",
    ReviewStatus.MORE: "none",
    ReviewStatus.WITHOUT_CARD: "none",
    ReviewStatus.WITH_CARD: "card",
    ReviewStatus.SKIPPED: "none",
}


def load_passage_states(store: Store, key: str) -> list[tuple[Highlight, str]]:
    """Load all passages in the document of a highlight, in reading order and with their state.

    The state is one of:

    - `asks`: a draft or question is pending.
    - `suggested`: there is a certain suggestion for a first or further card.
    - `card`: the passage has a card.
    - `none`: none of the above.
    """
    passages_with_question = _find_passages_with_questions(store)
    states = []
    rows = store.fetch_rows(
        "SELECT p.*, h.body FROM present_passage p JOIN highlight h USING (key)"
        " WHERE NOT p.is_doubted"
        " AND p.document = (SELECT document FROM highlight WHERE key = ?)"
        " ORDER BY p.position",
        key,
    )
    for row in rows:
        state = row_to_state(row)
        has_question = state.passage_key in passages_with_question
        review_status = state.find_review_status(has_question=has_question)
        highlight = decode_highlight(row["body"])
        states.append((highlight, _PAGE_STATES[review_status]))
    return states


def iter_skipped_texts(store: Store) -> Iterator[LocatedSkippedText]:
    """Yield the texts that look like highlights or cards but were skipped, sorted by document."""
    for row in store.fetch_rows(
        "SELECT source, place, title, left_out FROM document"
        " WHERE state = 'present' AND left_out != '[]' ORDER BY source, place"
    ):
        for entry in msgspec.json.decode(row["left_out"], type=list[SkippedText]):
            yield LocatedSkippedText(row["source"], row["place"], row["title"], entry)


class DependentItems(Value):
    """How many live cards and drafts by a model depend on certain highlights."""

    cards: int
    drafts: int
    titles: Strings
    """The titles of the documents, those with the most cards and drafts first."""


def count_dependent_items(
    store: Store,
    keys: Iterable[str] | None = None,
    *,
    excluded_states: tuple[SourceState, ...] = (),
) -> DependentItems:
    """Count the live cards and the drafts by a model that depend on certain highlights.

    Args:
        store: The store.
        keys: The keys of the highlights, or None for all highlights that are gone.
        excluded_states: States of highlights. Passages with a highlight in one of these states
            are skipped.
    """
    if keys is None:  # both conditions are necessary; see `tables.highlights`
        keys = store.fetch_column(
            "SELECT key FROM highlight WHERE state != 'present' AND state = 'gone'"
        )
    titles_by_passage = _load_titles_of_passages(store, keys, excluded_states)
    # card GUID -> passage
    homes = find_live_cards_at_home(store, titles_by_passage)
    draft_rows = store.fetch_rows(
        "SELECT id, key FROM draft WHERE revises = '' AND drafter IN ('llm', ?)"
        f" AND key IN {JSON_VALUES}",
        AGENT_DRAFTER,
        to_json(list(keys)),
    )
    passages_of_drafts = []
    for row in draft_rows:
        passage_key = store.get_first_key(row["key"])
        if titles_by_passage.get(passage_key):
            passages_of_drafts.append(passage_key)
    # count the cards and drafts of each document
    item_counts = Counter[str]()
    for passage_key in (*homes.values(), *passages_of_drafts):
        item_counts.update(titles_by_passage[passage_key])
    titles = sorted(item_counts, key=lambda title: (-item_counts[title], title))
    return DependentItems(len(homes), len(passages_of_drafts), tuple(titles))


def _load_titles_of_passages(
    store: Store, keys: Iterable[str], excluded_states: Collection[SourceState]
) -> dict[str, set[str]]:
    """Load the titles of the documents of highlights, by the oldest key of their passage.

    Passages with a highlight in one of the excluded states are skipped.
    """
    excluded_passages: set[str] = set()
    query = f"SELECT key, state FROM highlight WHERE key IN {JSON_VALUES}"
    keys = list(keys)
    for row in store.fetch_rows(query, to_json(store.get_all_keys(keys))):
        if row["state"] in excluded_states:
            excluded_passages.add(store.get_first_key(row["key"]))
    titles_by_passage: dict[str, set[str]] = defaultdict(set)
    for row in store.fetch_rows(
        "SELECT h.key, d.title FROM highlight h JOIN document d ON d.id = h.document"
        f" WHERE h.key IN {JSON_VALUES} ORDER BY d.title",
        to_json(keys),
    ):
        passage_key = store.get_first_key(row["key"])
        if passage_key not in excluded_passages:
            titles_by_passage[passage_key].add(row["title"])
    return titles_by_passage


# --- counting ---------------------------------------------------------------------------


class WaitingCounts(Value):
    """How many decisions wait for the user, as all reports, lists, agents and the page show it."""

    total: int
    """The sum of `new`, `changed` and `questions`."""
    new: int
    """The number of new cards, from drafts and certain suggestions. The drafts of a fact count
    once."""
    changed: int
    """The number of changed cards: conflicts, and drafts that would change or replace a card."""
    questions: int
    """The number of all other questions."""
    more: int
    """The number of less certain suggestions, which don't wait and aren't in `total`."""


def count_waiting(pending: PendingItems) -> WaitingCounts:
    """Count the decisions that wait for the user."""
    suggestions = split_suggestions(pending.without_card)
    new = len(pending.offered_drafts) + len(suggestions.certain)
    changed = len(pending.changed_cards)
    questions = len(pending.questions)
    return WaitingCounts(
        total=new + changed + questions,
        new=new,
        changed=changed,
        questions=questions,
        more=len(suggestions.more),
    )


class HighlightCounts(Value):
    """The number of highlights that are still in a source, in total and by review status."""

    total: int
    with_card: int
    """The number of highlights with a card and nothing left to decide."""
    waiting: int
    """The number of highlights with a pending draft, change, question or certain suggestion."""
    more: int
    """The number of highlights with only a less certain suggestion."""
    without: int
    """The number of other highlights that have no card."""
    skipped: int
    """The number of highlights without a card that the user rejected or skipped, or that a colour
    or setting excludes."""


def count_highlights(store: Store) -> HighlightCounts:
    """Count the highlights that are still in a source by their review status."""
    passages_with_question = _find_passages_with_questions(store)
    counts = Counter[ReviewStatus]()
    for state in _load_states(store):
        has_question = state.passage_key in passages_with_question
        counts[state.find_review_status(has_question=has_question)] += 1
    return HighlightCounts(
        total=counts.total(),
        with_card=counts[ReviewStatus.WITH_CARD],
        waiting=counts[ReviewStatus.WAITING] + counts[ReviewStatus.SUGGESTED],
        more=counts[ReviewStatus.MORE],
        without=counts[ReviewStatus.WITHOUT_CARD],
        skipped=counts[ReviewStatus.SKIPPED],
    )


def has_highlights(store: Store) -> bool:
    """Return whether any highlight is still in a source."""
    return bool(
        store.fetch_rows("SELECT 1 FROM present_passage WHERE NOT is_doubted LIMIT 1")
    )


class CardCounts(Value):
    """The number of cards by verdict, and by their state in Anki."""

    accepted: int
    rejected: int
    retired: int
    sourceless: int
    """The number of accepted cards whose highlights were removed."""
    left_in_anki: int
    """The number of undone, rejected and retired cards that Anki still has."""
    unsent: int
    """The number of accepted cards that aren't in a package yet."""
    in_anki: int
    """The number of accepted cards that Anki had when it was last read."""
    missing: int
    """The number of accepted cards that Anki had before, and doesn't have any more."""


def count_cards(store: Store) -> CardCounts:
    """Count the cards by verdict, and by their state in Anki."""
    verdicts = Counter[str]()
    states_of_accepted = Counter[AnkiState]()
    left_in_anki = 0
    for row in store.iter_rows(
        "SELECT c.verdict, c.drafter, c.live, c.why, c.shipped, s.absent"
        " FROM card c LEFT JOIN seen s USING (guid)"
    ):
        if not is_listed(row):
            continue
        verdicts[row["verdict"]] += 1
        anki_state = find_anki_state(row)
        if row["verdict"] == Verdict.LIVE:
            states_of_accepted[anki_state] += 1
        elif anki_state is AnkiState.SEEN:
            left_in_anki += 1
    return CardCounts(
        accepted=verdicts[Verdict.LIVE],
        rejected=verdicts[Verdict.REJECTED],
        retired=verdicts[Verdict.RETIRED],
        sourceless=len(find_sourceless_cards(store)),
        left_in_anki=left_in_anki,
        unsent=states_of_accepted[AnkiState.NONE],
        in_anki=states_of_accepted[AnkiState.SEEN],
        missing=states_of_accepted[AnkiState.MISSING],
    )


def count_unshipped_cards(store: Store) -> int:
    """Count the live cards that were never exported in a package."""
    query = "SELECT 'cards', count(*) FROM card WHERE live AND NOT shipped"
    return _fetch_counts(store, query)["cards"]


class ReviewCounts(Value):
    """The number of reviews of our cards in Anki."""

    reviews: int
    tested: int
    """The number of reviews of cards past their learning steps."""
    remembered: int
    """The number of successful reviews among those of `tested`."""


def count_reviews(store: Store) -> ReviewCounts:
    """Count the reviews of our cards in Anki."""
    counts = _fetch_counts(
        store,
        "SELECT 'reviews', count(*) FROM review WHERE ease > 0"
        " UNION ALL SELECT 'tested', count(*) FROM review WHERE ease > 0 AND type = 1"
        " UNION ALL SELECT 'remembered', count(*) FROM review WHERE ease > 1 AND type = 1",
    )
    return ReviewCounts(counts["reviews"], counts["tested"], counts["remembered"])


def _fetch_counts(store: Store, query: str) -> Counter[str]:
    """Fetch the rows of a query, each of which is a value and its count."""
    return Counter({row[0]: row[1] for row in store.fetch_rows(query)})
