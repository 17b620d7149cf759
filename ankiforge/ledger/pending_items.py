"""List pending drafts and open questions, compute the status of highlights, and count them.

Everything that shows or counts pending items uses this module, so that the review page, the
terminal and JSON output agree.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Container, Iterable, Iterator, Mapping, Sequence
from functools import partial
from typing import Any

import msgspec
from msgspec.structs import replace

from ankiforge.ledger import cards, draft_groups, questions
from ankiforge.ledger.cards import HighlightOutcome, LocatedSkippedText, load_highlights
from ankiforge.ledger.database import iter_batches
from ankiforge.ledger.events import Passage
from ankiforge.ledger.passage_order import compute_rank, get_factuality, load_factuality
from ankiforge.ledger.source_state import SourceState
from ankiforge.ledger.store import JSON_VALUES, Row, Store, to_json
from ankiforge.ledger.tables import pending_drafts
from ankiforge.ledger.tables.highlights import decode_highlight
from ankiforge.ledger.tables.sentences import load_best_sentence_hashes
from ankiforge.model import (
    AGENT_DRAFTER,
    MIN_CERTAIN_CONFIDENCE,
    MIN_PROPOSAL_CONFIDENCE,
    Highlight,
    SkippedText,
    Strings,
    UserQuestion,
    UserQuestionKind,
    Value,
    Verdict,
    is_card_id,
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
    """The hash of the proposed sentence, or "" for a draft."""
    draft_count: int = 1
    """The number of new cards that the drafts of the passage would make."""

    @property
    def rank(self) -> float:
        """The sort key of the passage. Passages with a high rank come first."""
        return compute_rank(self.usefulness, self.factuality)


class ProposalCounts(Value):
    """The numbers of sentences with a certain and with a less certain proposal.

    These are estimates, because about one in ten proposals turns out not to exist when it is
    generated.
    """

    certain: int = 0
    less_certain: int = 0

    @property
    def total(self) -> int:
        """The number of all proposals."""
        return self.certain + self.less_certain


def count_proposals(locations: Iterable[PassageLocation]) -> ProposalCounts:
    """Count the sentences with a proposal, separately by whether the proposal is certain.

    A sentence that several overlapping highlights propose counts once.
    """
    certain, less_certain = set[str](), set[str]()
    for location in locations:
        sentence = location.sentence or location.id
        if location.usefulness >= MIN_CERTAIN_CONFIDENCE:
            certain.add(sentence)
        elif location.usefulness >= MIN_PROPOSAL_CONFIDENCE:
            less_certain.add(sentence)
    return ProposalCounts(len(certain), len(less_certain - certain))


PassageRow = Row | Mapping[str, Any]
"""A row of `_load_current_passages`."""


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
    blocked_count: int
    """The number of new drafts that a check blocks."""
    conflicts: list[str]
    """The questions about cards that both the user and the source changed."""
    revisions: list[str]
    """The drafts that would revise or replace a card."""
    questions: list[str]
    """The questions that aren't about a conflict. No other list contains the drafts that one of
    these questions is about."""
    without_card: list[PassageLocation]
    """The highlights without card or draft that the user didn't dismiss, and the highlights with a
    card and another sentence worth proposing. The most useful highlights come first."""
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
    held_ids = {
        draft_id
        for question in open_questions
        if question.kind is not UserQuestionKind.CONFLICT
        for draft_id in question.drafts
    }
    offered_rows = pending_drafts.load_first_draft_of_each_offer(store, held_ids)
    open_rows = list(
        filter(has_open_sentence, _load_current_passages(store, open_only=True))
    )
    factuality = load_factuality(store)
    open_rows.sort(key=partial(_get_best_first_sort_key, factuality))
    sentence_by_key = load_best_sentence_hashes(store)
    uncarded = [
        PassageLocation(
            id=row["key"],
            key=row["key"],
            document=row["document"],
            title=row["title"],
            position=row["position"],
            usefulness=row["worth_left"],
            factuality=get_factuality(factuality, row["document"]),
            sentence=sentence_by_key.get(row["key"], ""),
        )
        for row in open_rows
    ]
    return group_pending_items(
        open_questions,
        offered_rows,
        uncarded=uncarded,
        data_version=version,
    )


def group_pending_items(
    open_questions: Iterable[UserQuestion],
    offered_rows: Iterable[Row | Mapping[str, Any]],
    *,
    uncarded: Sequence[PassageLocation] = (),
    data_version: int = 0,
) -> PendingItems:
    """Divide open questions and offered drafts into the lists of a `PendingItems`.

    `offered_rows` are the rows of `pending_drafts.load_first_draft_of_each_offer`. The keyword
    arguments are copied to the result.
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
    blocked = 0
    for row in offered_rows:
        if row["changes"]:
            revisions.append(row["id"])
            continue
        draft_counts[row["passage"]] += 1
        if row["passage"] not in first_of_passage:
            first_of_passage[row["passage"]] = _row_to_location(row)
            blocked += row["blocked"]
    return PendingItems(
        drafts=[
            replace(location, draft_count=draft_counts[passage])
            for passage, location in first_of_passage.items()
        ],
        new_passages=[*first_of_passage],
        blocked_count=blocked,
        conflicts=conflicts,
        revisions=revisions,
        questions=other_questions,
        without_card=[*uncarded],
        data_version=data_version,
    )


# --- present passages -------------------------------------------------------------------


def _load_current_passages(store: Store, *, open_only: bool = False) -> list[Row]:
    """Load the rows of all passages that are still in a source, in reading order.

    The row of a passage is that of its leading highlight in the view `present_passage`, with an
    additional column `best`. It is None if the passage has no pending drafts, 0 if checks block
    all of them, and 1 otherwise.

    Args:
        store: The store.
        open_only: Whether to leave out passages with pending drafts, and passages with a card but
            without another sentence worth proposing.
    """
    return store.fetch_rows(
        "SELECT m.*, w.best FROM present_passage m"
        " LEFT JOIN (SELECT passage, max(severity != 'block') AS best FROM draft"
        "  GROUP BY 1) w ON w.passage = m.passage"
        " WHERE m.leads AND (NOT ? OR w.best IS NULL AND (NOT m.carded OR m.worth_left >= ?))"
        " ORDER BY m.document, m.position",
        *(open_only, MIN_CERTAIN_CONFIDENCE),
    )


# --- the status of highlights -----------------------------------------------------------

NOTHING_RECOGNIZED = "nothing to ask was recognised"
REJECTED_DRAFT = "you rejected its draft"
UNCARDED_STATUSES = ("no_card", "undrafted", "failed")
"""The drafting statuses of highlights that have neither card nor draft and that the user didn't
exclude."""


def find_drafting_status(row: PassageRow) -> str:
    """Determine whether a passage has a card or pending draft and, if it has neither, why.

    The result is a value of `HighlightOutcome.status`, or `decided` if the passage has no card
    because of the user's decision, such as a rejected draft.
    """
    if row["carded"]:
        return "carded"
    if row["skipped"]:
        return "left_out"
    if row["best"] is not None:
        return "waiting" if row["best"] else "blocked"
    if row["fate"] in ("failed", "left_out"):
        return str(row["fate"])
    if row["done"]:
        return "decided"
    return "undrafted" if row["undrafted"] else "no_card"


def find_review_status(row: PassageRow, passages_with_question: Container[str]) -> str:
    """Determine whether the user has anything left to decide about a passage.

    The result is `waiting` if a draft or question is pending, and `open` if there is neither but
    `has_open_sentence` is True. Otherwise it is `with_card` or, without a card, `skipped`.
    """
    if row["passage"] in passages_with_question or row["best"] is not None:
        return "waiting"
    if has_open_sentence(row):
        return "open"
    return "with_card" if row["carded"] else "skipped"


def has_open_sentence(row: PassageRow) -> bool:
    """Return whether a passage has neither card nor draft, or has a card and a certain proposal."""
    drafting_status = find_drafting_status(row)
    if drafting_status == "carded":
        return row["best"] is None and row["worth_left"] >= MIN_CERTAIN_CONFIDENCE
    return drafting_status in UNCARDED_STATUSES


def _get_best_first_sort_key(
    factuality_by_document: Mapping[int, float], row: PassageRow
) -> tuple[float, int, int]:
    document = row["document"]
    factuality = get_factuality(factuality_by_document, document)
    return -compute_rank(row["worth_left"], factuality), document, row["position"]


def _load_passage_rows(store: Store, key: str = "") -> list[Row]:
    """Load the rows of all passages that are still in a source.

    If `key` is given, only the passage with this leading highlight is loaded.
    """
    if key:
        return store.fetch_rows(
            "SELECT m.*, (SELECT max(severity != 'block') FROM draft"
            "  WHERE passage = m.passage) AS best"
            " FROM present_passage m WHERE m.leads AND m.key = ?",
            key,
        )
    return _load_current_passages(store)


def iter_highlight_outcomes(
    store: Store, key: str = "", *, document_ranks: Mapping[int, int] | None = None
) -> Iterator[HighlightOutcome]:
    """Yield the leading highlight of each passage that is still in a source, with its status.

    Highlights come in reading order. If `document_ranks` is given, they are sorted by the rank of
    their document and then from best to worst. If `key` is given, only that highlight is yielded.
    """
    rows = _load_passage_rows(store, key)
    if document_ranks is not None:
        rows.sort(key=partial(_get_best_first_sort_key, load_factuality(store)))
        last = len(document_ranks)
        rows.sort(
            key=lambda row: (document_ranks.get(row["document"], last), row["document"])
        )
    for batch in iter_batches(rows):
        highlights = load_highlights(store, [row["key"] for row in batch])
        for row in batch:
            drafting_status = find_drafting_status(row)
            # the reason of the last drafting, which doesn't explain a card or a pending draft
            reason = "" if drafting_status in ("carded", "waiting") else row["reason"]
            if drafting_status in ("left_out", "decided", "no_card", "undrafted"):
                passage = store.get_passage(row["key"])
                reason = _explain_missing_card(passage, drafting_status, reason)
            yield HighlightOutcome(
                highlight=highlights[row["key"]],
                status="left_out" if drafting_status == "decided" else drafting_status,
                reason=reason,
                usefulness=row["worth"],
                has_open_sentence=has_open_sentence(row),
            )


def _explain_missing_card(passage: Passage, drafting_status: str, reason: str) -> str:
    if passage.is_skipped:
        return passage.skip_reason or "rejected by you"
    if drafting_status == "decided":
        # a rejection's reason counts more than that of a card that was made and undone
        cards = passage.cards.values()
        kept = [card for card in cards if card.verdict is not Verdict.TAKEN_BACK]
        reasons = (card.verdict_reason for card in kept or cards)
        return next(filter(None, reasons), "rejected by you")
    if reason:
        return reason
    if drafting_status == "undrafted":
        return "not drafted yet"
    return REJECTED_DRAFT if passage.rejected_hashes else NOTHING_RECOGNIZED


def _find_passages_with_questions(store: Store) -> set[str]:
    drafts = list[str]()
    guids = list[str]()
    for question in questions.find_open_questions(store):
        drafts += question.drafts
        guids += question.guids
    query = f"SELECT passage FROM draft WHERE id IN {JSON_VALUES}"
    rows = store.fetch_rows(query, to_json(drafts))
    return {row["passage"] for row in rows}.union(cards.find_passage_keys(store, guids))


def load_draft_locations(store: Store, ids: Iterable[str]) -> list[PassageLocation]:
    """Load the locations of drafts in the order of `ids`, skipping unknown ids.

    The usefulness of a draft with a warning or blocking finding is 0. Otherwise it is the draft's
    confidence, or 1 if the confidence is unknown.
    """
    ids = list(ids)
    rows = store.fetch_rows(
        "SELECT d.id, h.key, h.document, x.title, h.position AS place,"
        " CASE WHEN d.severity IN ('warn', 'block') THEN 0.0"
        "  ELSE coalesce(nullif(json_extract(d.body, '$.confidence'), 0), 1.0) END AS usefulness"
        " FROM draft d JOIN highlight h ON h.key = d.key"
        f" JOIN document x ON x.id = h.document WHERE d.id IN {JSON_VALUES}",
        to_json(ids),
    )
    location_by_id = {row["id"]: _row_to_location(row) for row in rows}
    return [location_by_id[id] for id in ids if id in location_by_id]


def _row_to_location(row: Row | Mapping[str, Any]) -> PassageLocation:
    return PassageLocation(
        id=row["id"],
        key=row["key"],
        document=row["document"],
        title=row["title"],
        position=row["place"],
        usefulness=row["usefulness"],
    )


_PAGE_STATES = {
    "waiting": "asks",
    "open": "proposal",
    "with_card": "card",
    "skipped": "none",
}


def load_passage_states(store: Store, key: str) -> list[tuple[Highlight, str]]:
    """Load all passages in the document of a highlight, in reading order and with their state.

    The state is one of:

    - `asks`: a draft or question is pending.
    - `proposal`: there is a certain proposal for a first or additional card.
    - `card`: the passage has a card.
    - `none`: none of the above.
    """
    asked = _find_passages_with_questions(store)
    states = []
    rows = store.fetch_rows(
        "SELECT m.*, h.body, w.best FROM present_passage m JOIN highlight h USING (key)"
        " LEFT JOIN (SELECT passage, max(severity != 'block') AS best FROM draft"
        "  GROUP BY 1) w ON w.passage = m.passage"
        " WHERE m.document = (SELECT document FROM highlight WHERE key = ?)"
        " ORDER BY m.position",
        key,
    )
    for row in rows:
        review_status = find_review_status(row, asked)
        if review_status == "open" and row["worth_left"] < MIN_CERTAIN_CONFIDENCE:
            review_status = "skipped"
        states.append((decode_highlight(row["body"]), _PAGE_STATES[review_status]))
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
    """The titles of the documents."""


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
        gone = store.fetch_rows(
            "SELECT key FROM highlight WHERE state != 'present' AND state = 'gone'"
        )
        keys = [row["key"] for row in gone]
    rows = store.fetch_rows(
        "WITH found AS (SELECT h.key, coalesce(a.first, h.key) AS passage, d.title"
        "  FROM highlight h JOIN document d ON d.id = h.document LEFT JOIN alias a USING (key)"
        "  WHERE h.key IN (SELECT value FROM json_each(?1))"
        "   AND NOT EXISTS (SELECT 1 FROM highlight o"
        "   WHERE (o.key = coalesce(a.first, h.key)"
        "    OR o.key IN (SELECT key FROM alias WHERE first = coalesce(a.first, h.key)))"
        "   AND o.state IN (SELECT value FROM json_each(?2))))"
        " SELECT f.title, c.guid AS id FROM placed c JOIN found f ON f.passage = c.home"
        "  WHERE c.live"
        " UNION SELECT f.title, d.id FROM found f JOIN draft d USING (key)"
        "  WHERE d.revises = '' AND d.drafter IN ('llm', ?3)",
        *(to_json([*keys]), to_json(excluded_states), AGENT_DRAFTER),
    )
    ids = {row["id"] for row in rows}
    cards = sum(map(is_card_id, ids))
    titles = Counter(row["title"] for row in rows)
    return DependentItems(
        cards, len(ids) - cards, tuple(title for title, _ in titles.most_common())
    )


# --- counting ---------------------------------------------------------------------------

_COUNT_QUERIES = {
    "cards": "SELECT verdict, count(*) FROM any_line WHERE id GLOB 'af*' GROUP BY 1",
    "anki": (
        "SELECT iif(verdict = 'accepted', anki, 'not accepted'), count(*) FROM any_line"
        "  WHERE verdict = 'accepted' OR anki = 'seen' GROUP BY 1"
        " UNION ALL SELECT 'sourceless', count(*) FROM sourceless"
    ),
    "unsent": "SELECT kind, count(*) FROM card WHERE live AND NOT shipped GROUP BY 1",
    "answers": (
        "SELECT 'reviews', count(*) FROM review WHERE ease > 0"
        " UNION ALL SELECT 'tested', count(*) FROM review WHERE ease > 0 AND type = 1"
        " UNION ALL SELECT 'remembered', count(*) FROM review WHERE ease > 1 AND type = 1"
    ),
}
"""For each group of `count_items_by_group`, a query whose rows are a value and its count."""


def count_items_by_group(
    store: Store, *groups: str, waits: PendingItems | None = None
) -> dict[str, Counter[str]]:
    """Compute the counts that reports show, for all groups or only for the given ones.

    The groups are:

    - `passages`: passages that are still in a source, by review status (`find_review_status`).
    - `waiting`: the lengths of the lists in `PendingItems`. `changed` includes `conflicts`
    and `revisions`, `new` is the number of new cards and includes `blocked`, and `without`
    (highlights without a card) includes `proposed` (those with a certain proposal) and
    `less_certain`. The user decides on `new`, `proposed`, `changed` and `questions`, so these
    are the parts of the number shown as waiting.
    - `reasons`: new drafts by the reason they are pending. Only computed if named.
    - `cards`: all cards by verdict.
    - `anki`: live cards by their state in Anki. `sourceless` counts those whose passages were
    removed, and `not accepted` the undone, rejected and retired cards that Anki still has.
    - `unsent`: live cards that were never exported in a package, by kind.
    - `answers`: reviews of our cards in Anki. `tested` counts those of cards past their
    learning steps, and `remembered` the successful ones among these.

    Args:
        store: The store.
        groups: The groups to compute. By default, all groups except `reasons`.
        waits: The pending items, if they are already loaded.
    """
    counts_by_group: dict[str, Counter[str]] = {}
    groups = groups or ("passages", "waiting", *_COUNT_QUERIES)
    for group in groups:
        match group:
            case "waiting":
                waits = load_pending_items(store, waits)
                proposals = count_proposals(waits.without_card)
                counts_by_group[group] = Counter(
                    new=sum(location.draft_count for location in waits.drafts),
                    blocked=waits.blocked_count,
                    changed=len(waits.changed_cards),
                    conflicts=len(waits.conflicts),
                    revisions=len(waits.revisions),
                    questions=len(waits.questions),
                    without=len(waits.without_card),
                    proposed=proposals.certain,
                    less_certain=proposals.less_certain,
                )
            case "passages":
                asked = _find_passages_with_questions(store)
                rows = _load_passage_rows(store)
                counts_by_group[group] = Counter(
                    find_review_status(row, asked) for row in rows
                )
            case "reasons":
                waits = load_pending_items(store, waits)
                reasons = draft_groups.count_pending_reasons(store, waits.new_drafts)
                counts_by_group[group] = reasons
            case _:
                rows = store.fetch_rows(_COUNT_QUERIES[group])
                counts_by_group[group] = Counter({row[0]: row[1] for row in rows})
    return counts_by_group
