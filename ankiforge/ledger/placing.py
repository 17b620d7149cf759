"""New cards and revisions of cards: slot, text, acceptance by policy, and earlier decisions."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from functools import cached_property
from typing import Any

from msgspec import json, to_builtins

from ankiforge.errors import ForgeError
from ankiforge.ledger.alternatives import (
    Alternatives,
    Row,
    foremost,
    numbered_as_before,
    numbered_as_journalled,
)
from ankiforge.ledger.cards import ANSWER_CHANGED, REJECTED_ELSEWHERE, Cards, letter_of
from ankiforge.ledger.db import Connection, to_json
from ankiforge.ledger.decisions import Decisions
from ankiforge.ledger.events import CORRECTS, PERSON, POLICY, SOURCE, Columns
from ankiforge.ledger.highlights import Highlights
from ankiforge.ledger.journal import Writer
from ankiforge.ledger.keys import content_of
from ankiforge.ledger.slots import LostCard, Slots, last_home, lost_cards, stands
from ankiforge.model import (
    MADE_FROM,
    AcceptedBy,
    AnkiState,
    Candidate,
    CandidateState,
    Card,
    Checked,
    Draft,
    Edit,
    EditKind,
    Family,
    Fields,
    Finding,
    Guid,
    Highlight,
    HighlightKey,
    HighlightKind,
    Judge,
    RunId,
    Severity,
    Standing,
    Verdict,
    guid_for,
)
from ankiforge.text.cloze import blanked, numbers
from ankiforge.text.fold import canonical, same
from ankiforge.text.markdown import plain

FLOODED, DECIDED, RECOVERED = "flood", "decided", "recovered"
"""Why policy did not accept a clean card."""
FLOOD = 300
"""Cards that policy accepts in one run; the rest waits for a person."""


_DEFERRED = "deferred:"
"""How the names of `meta` begin that stand for cards on whose words policy decides later."""


class Policy:
    """Applies the policy of the settings."""

    def __init__(self, connection: Connection, decisions: Decisions, cards: Cards) -> None:
        self._db = connection
        self._decisions = decisions
        self._cards = cards
        self._accepted: Counter[RunId] = Counter()
        """Cards that policy accepted, by run."""

    def accept(self, run: RunId, guid: Guid, key: HighlightKey, checked: Checked) -> bool:
        """Accept a draft without findings if policy says so and no person has decided anything.

        Returns:
            False if the card waits because too many were accepted in this run.
        """
        waits = self._db.execute("SELECT waits FROM card WHERE guid = ?", (guid,)).fetchone()[0]
        refused = not checked.accept or waits == FLOODED
        why = "" if refused else self._why_left_to_person(key)
        self.defer(guid, bool(checked.later and not refused and not why))
        if why and why != waits:
            self._decisions.change(guid, "wait", {"waits": why}, by=POLICY)
        if refused or why or checked.later:
            return True
        if self._accepted_in(run) >= FLOOD:
            self._decisions.change(guid, "wait", {"waits": FLOODED}, by=POLICY)
            return False
        self._accepted[run] += 1
        how = AcceptedBy.AUTHOR if checked.draft.by_hand else AcceptedBy.POLICY
        after = {"verdict": Verdict.ACCEPTED.value, "accepted_by": how.value}
        after |= {"waits": ""} if waits else {}
        self._decisions.change(guid, "accept", after, by=POLICY, action=f"policy-{run}")
        self._cards.keep_deck(guid)
        return True

    @cached_property
    def deferred(self) -> set[Guid]:
        """The cards on whose words policy decides when their file has been left alone."""
        rows = self._db.execute("SELECT name FROM meta WHERE name GLOB ?", (f"{_DEFERRED}*",))
        return {Guid(row["name"].removeprefix(_DEFERRED)) for row in rows.fetchall()}

    def defer(self, guid: Guid, wanted: bool) -> None:
        """Note, within a unit, whether policy is to decide on a card's words later.

        It is kept: a watcher may be stopped before, and its cards would wait for a person.
        """
        if wanted is (guid in self.deferred):
            return
        if wanted:
            self.deferred.add(guid)
            self._db.execute("INSERT INTO meta VALUES (?, 'yes')", (f"{_DEFERRED}{guid}",))
        else:
            self.deferred.discard(guid)
            self._db.execute("DELETE FROM meta WHERE name = ?", (f"{_DEFERRED}{guid}",))

    def _why_left_to_person(self, key: HighlightKey) -> str:
        """Return why policy accepts no card of a highlight; "" if it may."""
        if self._decisions.person_decided(key):
            return DECIDED
        return RECOVERED if self._came_from_anki(key) else ""

    def _came_from_anki(self, key: HighlightKey) -> bool:
        """Return whether cards of its document were recovered from Anki and no person accepted more since."""
        if not self._db.execute("SELECT 1 FROM event WHERE what = 'recover' LIMIT 1").fetchone():
            return False
        row = self._db.execute(
            # + keeps SQLite from scanning all decisions for the highest
            "SELECT max(+d.sequence) AS last, m.key FROM highlight h JOIN document m"
            " ON m.key = h.document JOIN document a ON a.key IN (SELECT m.key UNION"
            "  SELECT s.key FROM document s WHERE s.key >= 'anki:' AND s.key < 'anki;'"
            "  AND m.slug <> '' AND s.slug = m.slug)"
            " JOIN highlight o ON o.document = a.key JOIN card c ON c.key = o.key"
            " JOIN event d ON d.subject = c.guid AND d.what = 'recover' WHERE h.key = ?",
            (key,),
        ).fetchone()
        return row["last"] is not None and not self._accepted_since(row["key"], row["last"])

    def _accepted_since(self, document: str, sequence: int) -> bool:
        """Return whether a person accepted a card of a document after that event."""
        row = self._db.execute(
            "SELECT 1 FROM highlight h JOIN card c ON c.key = h.key JOIN event d"
            " ON d.subject = c.guid AND d.what IN ('accept', 'pick') AND d.by = 'person'"
            " WHERE h.document = ? AND d.sequence > ? LIMIT 1",
            (document, sequence),
        ).fetchone()
        return row is not None

    def _accepted_in(self, run: RunId) -> int:
        """Return how many cards this run, and interrupted ones before it, have accepted; cached."""
        if run not in self._accepted:
            row = self._db.execute(
                "SELECT count(*) FROM event WHERE what = 'accept' AND action IN"
                " (SELECT 'policy-' || id FROM run WHERE finished = '' AND at >="
                " (SELECT coalesce(max(at), '') FROM run WHERE finished <> ''))",
            ).fetchone()
            self._accepted[run] = int(row[0])
        return self._accepted[run]

    def deck_for(self, highlight: Highlight, guid: Guid, asked: str = "") -> str:
        """Return the deck the card was shipped to before the ledger was lost, else its document's deck.

        `asked`: the deck that the command names, which precedes the document's.
        """
        row = self._db.execute(
            "SELECT deck FROM shipped WHERE guid = ? ORDER BY rev DESC LIMIT 1", (guid,)
        ).fetchone()
        if row is None and asked:
            return asked
        row = (
            row
            or self._db.execute(
                "SELECT deck FROM document WHERE key = ?", (highlight.document.key,)
            ).fetchone()
        )
        return str(row["deck"]) if row else ""


def blocked_by(checked: Checked) -> dict[str, Any]:
    """Return the key of an event that stores blocking findings, so that other ledgers block the text too."""
    blocks = [one for one in checked.findings if one.severity is Severity.BLOCK]
    return {"blocked": to_builtins(blocks)} if blocks else {}


class EarlierDecisions:
    """What was decided about cards before they were drafted in this ledger."""

    def __init__(self, connection: Connection, decisions: Decisions, cards: Cards) -> None:
        self._db = connection
        self._decisions = decisions
        self._cards = cards

    def apply_to(self, guid: Guid) -> None:
        """Apply to a new card what was decided and seen before it was drafted here."""
        known = self._db.execute(
            "SELECT EXISTS (SELECT 1 FROM shipped WHERE guid = :guid) AS shipped,"
            " EXISTS (SELECT 1 FROM seen WHERE guid = :guid AND type_id = 0) AS other_type",
            {"guid": guid},
        ).fetchone()
        if known["other_type"]:  # in Anki, under a note type that is not ours
            self._cards.observe([(guid, AnkiState.HELD, "note type")])
        elif known["shipped"]:
            self._cards.observe([(guid, AnkiState.WRITTEN, "")], first=True)
        self._decisions.catch_up(guid)

    def lost_cards(self) -> list[LostCard]:
        """Return the cards that a person accepted or wrote and for which nothing was drafted here."""
        return list(lost_cards(self._db, self._decisions))

    def lost_made(self) -> list[LostCard]:
        """Return those of them that a person made by hand."""
        return list(lost_cards(self._db, self._decisions, MADE_FROM))

    def is_left_to_person(self, key: HighlightKey) -> bool:
        """Return whether a highlight only ever had cards made by hand, and drafted ones nobody wants.

        It is not drafted, or paid for, again.
        """
        drafted = self._guids(key, MADE_FROM)
        return not self._decisions.was_merged(key) and all(map(self.is_unwanted, drafted))

    def _guids(self, key: HighlightKey, end: int = 0) -> list[Guid]:
        """Return the guids of all cards that a highlight ever had, in slots before `end` (0 = all)."""
        sql = "SELECT family, slot FROM slot WHERE key = ?1 AND (slot < ?2 OR ?2 = 0)"
        rows = self._db.execute(sql, (key, end)).fetchall()
        return [guid_for(key, Family(row["family"]), row["slot"]) for row in rows]

    def all_rejected(self, key: HighlightKey) -> bool:
        """Return whether a person rejected every card of a highlight, in a ledger that was lost."""
        drafted = self._db.execute(
            "SELECT 1 FROM card WHERE key = :key UNION SELECT 1 FROM past_content WHERE key = :key",
            {"key": key},
        ).fetchone()
        said = [self._last_said(guid) for guid in self._guids(key)]
        rejected = Verdict.REJECTED.value
        return drafted is None and rejected in said and set(said) <= {rejected, "supersede"}

    def is_unwanted(self, guid: Guid) -> bool:
        """Return whether a card, which may not be here, was rejected or superseded by an alternative."""
        return self._last_said(guid) in (Verdict.REJECTED, "supersede")

    def _last_said(self, guid: Guid) -> str:
        """Return the last verdict, or `supersede` for a card superseded by an alternative."""
        said = [
            decided.what if decided.what == "supersede" else decided.body["after"]["verdict"]
            for decided in self._decisions.of(guid)
            if decided.body.get("after", {}).get("verdict")
        ]
        return str(said[-1]) if said else ""

    def merged_before(self, key: HighlightKey, draft: Draft) -> bool:
        """Return whether this answer was merged into a card that a person rejected or reworded since.

        A lost ledger must not draft it again.
        """
        guid = self._decisions.merged_into(key, draft.answer)
        card = self._cards.get(guid) if guid else None
        if card is None or not (card.edited or card.verdict is Verdict.REJECTED):
            return False
        self._cards.link(card.guid, key, "also")
        return True

    def was_merged_into(self, key: HighlightKey, answers: list[str], stays: Guid) -> bool:
        """Return whether a card with such an answer is here that a person merged into the one to keep.

        A lost ledger drafts it first, for its note may be in Anki.
        """
        return any(
            card.standing_why == stays and same(one.draft.answer, answer)
            for card in self._cards.of_highlight(key)
            for one in card.candidates
            for answer in answers
        )

    def numbered(self, card: Card, row: Row, *, in_order: bool = False) -> Row:
        """Return revisions with the cloze numbers of a card.

        None of those in Anki, including a person's, is used for another gap. A card that no machine
        has shipped has no numbers yet. `in_order`: other answers get the numbers that are left.
        """
        seen = self._db.execute("SELECT fields FROM seen WHERE guid = ?", (card.guid,)).fetchone()
        shipped = self._db.execute("SELECT 1 FROM shipped WHERE guid = ?", (card.guid,)).fetchone()
        if not (seen or shipped):
            return row
        there = set(numbers(json.decode(seen["fields"])[0])) if seen else set()
        return [numbered_as_before(checked, card, there, in_order=in_order) for checked in row]


class Rejections:
    """Finds the cards that a person rejected by what they say, whatever passage they are of."""

    def __init__(self, connection: Connection, cards: Cards, earlier: EarlierDecisions) -> None:
        self._db = connection
        self._cards = cards
        self._earlier = earlier
        self._read = 0
        """The sequence of the last event that was read."""
        self._keys: dict[str, dict[Guid, HighlightKey]] = defaultdict(dict)
        """By answer, the cards that were ever rejected, with their highlights."""

    def finding(self, draft: Draft) -> Finding | None:
        """Return the finding that a card of another passage asks and answers the same and was rejected."""
        for row in self._db.execute(
            "SELECT subject, sequence, json_extract(body, '$.key') AS key,"
            " json_extract(body, '$.answer') AS answer FROM event"
            " WHERE sequence > ? AND what = 'reject' ORDER BY sequence",
            (self._read,),
        ).fetchall():
            self._read = row["sequence"]
            self._keys[canonical(row["answer"] or "")][Guid(row["subject"])] = row["key"]
        for guid, key in self._keys.get(canonical(draft.answer), {}).items():
            if key != draft.highlight and self._is_rejected(guid, key, draft):
                where = self._db.execute(
                    "SELECT d.title FROM highlight h JOIN document d ON d.key = h.document"
                    " WHERE h.key = ?",
                    (key,),
                ).fetchone()
                title = (where and where["title"]) or key
                said = f"the same card was rejected in “{title}”: {guid}"
                there = guid if self._card(guid) else ""
                return Finding(REJECTED_ELSEWHERE, Severity.WARN, said, there)
        return None

    def _card(self, guid: Guid) -> Card | None:
        return next(self._cards.several([guid]), None)

    def _is_rejected(self, guid: Guid, key: str, draft: Draft) -> bool:
        """Return whether a card is rejected now and asks what a draft asks.

        One that served the passage until it was edited may have asked in other words. A card that only the
        journal knows has no question: its evidence stands for it.
        """
        family = draft.kind.family
        if card := self._card(guid):
            served = any(one.key == draft.highlight for one in card.also)
            asks = _question(card.family, card.fields) == _question(family, draft.fields)
            asks |= same(
                card.highlight.exact, draft.quote
            )  # as it says now; its card stays as it is
            elsewhere = card.highlight.key != draft.highlight
            return card.verdict is Verdict.REJECTED and elsewhere and (served or asks)
        quotes = (
            row["quote"]
            for row in self._db.execute(
                "SELECT slot, quote FROM slot WHERE key = ? AND family = ?", (key, family)
            ).fetchall()
            if guid_for(HighlightKey(key), family, row["slot"]) == guid
        )
        elsewhere = last_home(self._db, guid) != draft.highlight
        said = any(same(quote, draft.quote) for quote in quotes)
        return elsewhere and said and self._earlier.is_unwanted(guid)


def _question(family: Family, fields: Fields) -> tuple[str, ...]:
    """Return the canonical question of a card: its front, or its sentence with the gaps blank."""
    words = dict(fields)
    if family is Family.BASIC:
        return (family, canonical(plain(words.get("Front", ""))))
    return (family, canonical(plain(blanked(words.get("Text", "")))))


@dataclass(slots=True)
class Recorded:
    """The result of recording one batch."""

    drafted: int = 0
    merged: int = 0
    revised: int = 0
    answers_changed: int = 0
    """Cards with reviews whose answer was corrected."""
    flooded: int = 0
    guids: list[Guid] = field(default_factory=list)
    """New cards."""
    labels: dict[str, Guid] = field(default_factory=dict)
    """The card that each draft of the batch became, if it leads that card."""
    named: dict[str, Guid] = field(default_factory=dict)
    """The card to which each draft of the batch belongs."""
    unmerged: list[HighlightKey] = field(default_factory=list)
    """Highlights that had been merged into a card which says something else now."""


Accept = Callable[[RunId, Guid, HighlightKey, Checked], bool]
"""Applies the policy; False if the card waits because too many were accepted."""


@dataclass(eq=False)
class Reviser:
    """Revises cards after their passage changed or was drafted again."""

    _decisions: Decisions
    _cards: Cards
    _slots: Slots
    _earlier: EarlierDecisions
    _alternatives: Alternatives
    _accept: Accept
    _defer: Callable[[Guid, bool], None]

    # --- a choice that nobody has made yet -------------------------------------------------------

    def replace_candidates(
        self, card: Card, row: Row, recorded: Recorded, *, beside: bool = False
    ) -> None:
        """Replace the pending candidates with new ones; equal ones are kept.

        `beside`: keep all, and add the new ones.
        """
        if card.standing is not Standing.LIVE:
            self._alternatives.revive(card)
        row = self._earlier.numbered(card, row)
        waits = [one for one in card.candidates if one.state is not CandidateState.PASSED]
        if beside and all(_is_among(waits, checked) for checked in row):
            return
        states = {letter_of(one): CandidateState.PASSED for one in card.candidates}
        states |= {letter_of(one): CandidateState.OPEN for one in waits if beside}
        for checked in row:
            states[self._letter_of(card, checked)] = CandidateState.OPEN
        now = self._cards.get(card.guid).candidates
        waiting = [one for one in now if states[letter_of(one)] is CandidateState.OPEN]
        lead = next((one for one in waiting if not one.blocked), waiting[0]).draft
        changed = {
            letter_of(one): states[letter_of(one)].value
            for one in now
            if one.state is not states[letter_of(one)]
        }
        if lead.fields == card.fields and not changed and len(now) == len(card.candidates):
            return
        recorded.revised += 1
        self._slots.record(card.key, card.family, card.slot, lead)
        after: Columns = {"fields": to_json(lead.fields), "kind": lead.kind.value}
        after = after if lead.fields != card.fields else {}
        self._decisions.change(
            card.guid, "revise", after, by=SOURCE, candidates=changed, extra={"answer": lead.answer}
        )
        if lead.fields != card.fields:
            recorded.unmerged += self._decisions.unmerge_others(card.guid)

    def open(self, card: Card, recorded: Recorded) -> None:
        """Reopen a card that waited alone: another alternative was added."""
        states = {letter_of(c): CandidateState.OPEN.value for c in (card.picked,) if c}
        if states:
            self._decisions.change(card.guid, "revise", {}, by=SOURCE, candidates=states)
        recorded.revised += 1

    def _letter_of(self, card: Card, checked: Checked) -> str:
        """Return the letter of the candidate with this text, adding one if there is none."""
        words = (checked.draft.kind, checked.draft.fields)
        for one in card.candidates:
            if (one.draft.kind, one.draft.fields) == words:
                self._cards.set_findings(card.guid, letter_of(one), checked.findings)
                return letter_of(one)
        return self._cards.add_candidate(card.guid, checked, CandidateState.OPEN)

    # --- a card --------------------------------------------------------------------------------

    def _without_dismissed(self, guid: Guid, checked: Checked) -> Checked:
        """Drop findings of pairs that a person dismissed for an earlier revision."""
        return replace(
            checked, findings=self._cards.pairs.without_dismissed(guid, checked.findings)
        )

    def revise(
        self, run: RunId, card: Card, group: Row, recorded: Recorded, judge: Judge | None
    ) -> None:
        """Add a new candidate: accepted like the old one, or waiting as a revision."""
        group = self._as_before(card, group)
        if same := _says_the_same(card, group):
            self._keep(card, same)
            return
        if _reworded_since(card, group, self._replaced(card.guid)):
            self._pass_over(card, card.picked)
            return
        recorded.revised += 1
        letters = [self._cards.add_candidate(card.guid, c, CandidateState.OPEN) for c in group]
        edit = _edit(card, group[0], judge)
        inherits = len(group) == 1 and _inherits(card, group[0], edit)
        if not inherits and len(group) == 1 and _conflicts(card, group[0], edit, judge):
            inherits, edit = True, None
        deferred = inherits and card.verdict is Verdict.ACCEPTED and group[0].later
        if card.verdict is Verdict.ACCEPTED:
            self._defer(card.guid, deferred)
        if inherits and not deferred:
            recorded.answers_changed += self._replace_text(card, letters[0], group[0], edit)
            recorded.unmerged += self._decisions.unmerge_others(card.guid)
            if card.verdict is Verdict.PENDING:
                home = card.highlight.key
                recorded.flooded += not self._accept(run, card.guid, home, group[0])
        else:
            decided = card.verdict is Verdict.ACCEPTED or card.edited
            keep = card.picked if decided else None
            self._pass_over(card, keep)

    def _replaced(self, guid: Guid) -> set[str]:
        """Return the texts that a person replaced; a lost ledger may have none of them as candidates."""
        edits = (one.body for one in self._decisions.of(guid) if one.by == PERSON)
        return {said["before"]["fields"] for said in edits if "fields" in said.get("before", {})}

    def take_deferred(self, card: Card, judge: Judge | None) -> list[HighlightKey]:
        """Let a revision of an accepted card take its place, now that nobody writes there any more.

        Returns the highlights that were merged into the card, which says something else now.
        """
        new = card.revision
        checked = Checked(new.draft, new.findings) if new else None
        edit = _edit(card, checked, judge) if checked else None
        if new is None or checked is None or not _inherits(card, checked, edit):
            return []
        self._replace_text(card, letter_of(new), checked, edit)
        return self._decisions.unmerge_others(card.guid)

    def add_revisions(self, card: Card, row: Row, recorded: Recorded) -> None:
        """Add new candidates as revisions that wait, at a person's request.

        Revisions that wait already are kept; texts that exist already, or were reworded, are not added.
        """
        there = [c for c in card.candidates if card.edited or c.state is not CandidateState.PASSED]
        new = [one for one in self._as_before(card, row) if not _is_among(there, one)]
        for checked in new:
            self._cards.add_candidate(card.guid, checked, CandidateState.OPEN)
        self._cards.refresh(card.guid)
        recorded.revised += bool(new)

    def _as_before(self, card: Card, row: Row) -> Row:
        """Return candidates with the card's cloze numbers, without findings of dismissed pairs."""
        row = self._earlier.numbered(card, row)
        return [self._without_dismissed(card.guid, checked) for checked in row]

    def _keep(self, card: Card, checked: Checked) -> None:
        """Keep the card as it is, and pass over revisions that waited."""
        found = tuple(one for one in checked.findings if one.check != SAME_HIGHLIGHT)
        self._cards.set_findings(card.guid, letter_of(card.leading), found)
        self._pass_over(card, card.picked)
        self._cards.refresh(card.guid)

    def _pass_over(self, card: Card, keep: Candidate | None) -> None:
        """Pass over earlier candidates."""
        waiting = [c for c in card.candidates if c != keep and c.state != CandidateState.PASSED]
        states = {letter_of(c): CandidateState.PASSED.value for c in waiting}
        if states:
            self._decisions.change(card.guid, "revise", {}, by=SOURCE, candidates=states)
        self._cards.refresh(card.guid)

    def _replace_text(self, card: Card, letter: str, checked: Checked, edit: Edit | None) -> bool:
        """Make a candidate the card; return whether that changed an answer which has reviews."""
        after: Columns = {"fields": to_json(checked.draft.fields), "kind": checked.draft.kind.value}
        waiting = [c for c in card.candidates if c.state != CandidateState.PASSED]
        states = {letter_of(c): CandidateState.PASSED.value for c in waiting}
        states[letter] = CandidateState.PICKED.value
        self._slots.record(card.key, card.family, card.slot, checked.draft)
        extra: dict[str, Any] = {"answer": checked.draft.answer}
        if card.accepted_by is AcceptedBy.PERSON:
            extra[CORRECTS] = True
        answered = card.anki.there and self._cards.has_reviews(card.guid)
        otherwise = edit is not None and edit.answer_changed and answered
        if otherwise:
            self._cards.set_findings(card.guid, letter, (*checked.findings, ANSWER_CHANGED))
        self._decisions.change(
            card.guid, "revise", after, by=SOURCE, candidates=states, extra=extra
        )
        self._cards.refresh(card.guid)
        return otherwise

    def retire_unrevised(
        self, highlight: Highlight, existing: list[Card], kept: set[Guid], families: set[Family]
    ) -> list[HighlightKey]:
        """Retire live cards that nothing revises if rewritten as another kind; add a finding to the others.

        Cards whose evidence is still in the passage are unchanged.

        Returns:
            Other highlights that the retired ones served.
        """
        unmerged = []
        for card in existing:
            if card.guid in kept or card.standing is not Standing.LIVE:
                continue
            if _from_source(card) and card.family not in families:
                after = {"standing": Standing.RETIRED.value, "standing_why": "rewritten"}
                self._decisions.change(card.guid, "retire", after, by=SOURCE)
                unmerged += self._decisions.unmerge_others(card.guid)
            elif not stands(card, highlight.exact) and not _is_made_of(card, highlight):
                self._mark_unsupported(card)
        return unmerged

    def _mark_unsupported(self, card: Card) -> None:
        said = "its highlight has changed, and nothing drawn from it now is this card"
        self.add_finding(card, Finding("source_changed", Severity.WARN, said))

    def add_finding(self, card: Card, finding: Finding) -> None:
        """Add a finding to a card, unless it has it."""
        lead = card.leading
        if finding not in lead.findings:
            self._cards.set_findings(card.guid, letter_of(lead), (*lead.findings, finding))


def _from_source(card: Card) -> bool:
    """Return whether the card was written in the source, not made by a person from a passage here."""
    made_here = card.leading.draft.origin.drafter == "person"
    by_hand = card.highlight.kind is HighlightKind.CARD or not made_here
    return card.leading.draft.by_hand and by_hand


SAME_HIGHLIGHT = "same_highlight"
"""The check whose finding asks a person whether an edited passage is still the same one."""


def _is_made_of(card: Card, highlight: Highlight) -> bool:
    """Return whether a card was made by hand of words that still stand there."""
    return card.made and canonical(card.leading.draft.quote) in canonical(highlight.exact)


def _says_the_same(card: Card, group: Row) -> Checked | None:
    """Return the new draft with the text of the picked candidate, if there is one."""
    words = (card.picked.draft.kind, card.picked.draft.fields) if card.picked else None
    return next((c for c in group if (c.draft.kind, c.draft.fields) == words), None)


def _is_among(candidates: list[Candidate], checked: Checked) -> bool:
    """Return whether one of these has the text of a new draft."""
    words = (checked.draft.kind, checked.draft.fields)
    return any((one.draft.kind, one.draft.fields) == words for one in candidates)


def _reworded_since(card: Card, group: Row, replaced: set[str]) -> bool:
    """Return whether a person replaced exactly this text."""
    passed = {to_json(c.draft.fields) for c in card.candidates if c.state is CandidateState.PASSED}
    known = passed | replaced
    return card.edited and any(to_json(checked.draft.fields) in known for checked in group)


def _edit(card: Card, checked: Checked, judge: Judge | None) -> Edit | None:
    """Return what a revision makes of a card; None if the source did not change."""
    now = replace(card.leading.draft, fields=card.fields)
    return judge.of_drafts(now, checked.draft) if judge else None


def _inherits(card: Card, checked: Checked, edit: Edit | None) -> bool:
    """Return whether a revision replaces the card's text without a person's decision.

    It never does if a person worded the card, or if it states another fact. What a person accepted
    is replaced by corrections in the source only; the doubts that it had then do not count. A model
    may word a card otherwise each time, the rules do not.
    """
    if card.edited:
        return False
    if card.verdict is Verdict.PENDING:
        return True
    if card.leading.draft.origin.drafter == "anki":  # recovered: a person may have worded it
        return False
    by_person = card.accepted_by is AcceptedBy.PERSON
    if checked.draft.origin.drafter == "llm" and not (by_person or checked.draft.probed):
        return False  # policy lets a model's draft through only if it was probed
    doubts = {
        (one.check, one.twin) for one in checked.findings if one.severity is not Severity.INFO
    }
    if by_person and not checked.blocked:
        seen = {(one.check, one.twin) for one in card.leading.findings}
        doubts -= {one for one in seen if one[0] != SAME_HIGHLIGHT}
    if doubts or edit is None:
        return not (doubts or by_person)
    draft = checked.draft
    by_rules = draft.by_hand or draft.origin.drafter.startswith("rules")
    if by_person or by_rules:
        return edit.kind is EditKind.CORRECTION and not (by_person and edit.asks_other)
    return edit.kind is not EditKind.ANOTHER_FACT


def _conflicts(card: Card, checked: Checked, edit: Edit | None, judge: Judge | None) -> bool:
    """Return whether a revision of the same fact only changes what a person wrote in Anki.

    It is then a conflict, where it is decided whose words stand.
    """
    if judge is None or edit is None or edit.kind is EditKind.ANOTHER_FACT:
        return False
    accepted = card.verdict is Verdict.ACCEPTED and not card.edited
    return accepted and not checked.blocked and judge.is_disputed(card, checked.draft)


DeckOf = Callable[[Highlight], str]
"""Returns the deck for a highlight's cards if nothing else names one."""


@dataclass(frozen=True, slots=True)
class Place:
    """The highlight and slot of a new card."""

    run: RunId
    highlight: Highlight
    """The highlight it belongs to now."""
    key: HighlightKey
    """The highlight it was first drafted from, whose key is in its guid."""
    slot: int
    alone: bool = True
    """Whether it has no alternatives."""


@dataclass(eq=False)
class Placer:
    """Creates cards. Callers make sure that they are new."""

    _db: Connection
    _writer: Writer
    _decisions: Decisions
    _cards: Cards
    _policy: Policy
    _alternatives: Alternatives
    _slots: Slots

    def __post_init__(self) -> None:
        self._highlights = Highlights(self._db, self._writer)
        self._earlier = EarlierDecisions(self._db, self._decisions, self._cards)

    def create(self, place: Place, row: Row, recorded: Recorded) -> Guid:
        """Create the card of a slot, and apply earlier decisions about it."""
        guid = guid_for(place.key, row[0].draft.kind.family, place.slot)
        self._refuse_equal(guid)
        history = self._decisions.of(guid)
        row = numbered_as_journalled(history, row)
        self._insert(place, guid, row)
        self._cards.link(guid, place.highlight.key, "origin")
        for checked in row:
            state = CandidateState.PICKED if place.alone else CandidateState.OPEN
            self._cards.add_candidate(guid, checked, state)
        self._record_move(place, guid, foremost(row))
        recorded.guids.append(guid)
        self._earlier.apply_to(guid)
        if place.alone and not history:
            home = place.highlight.key
            recorded.flooded += not self.accept(place.run, guid, home, foremost(row))
        return guid

    def _refuse_equal(self, guid: Guid) -> None:
        if self._db.execute("SELECT 1 FROM card WHERE guid = ?", (guid,)).fetchone():
            raise ForgeError(
                f"two cards would have the id {guid}; nothing was written",
                hint="this is a fault of ankiforge: please report it",
            )

    def _insert(self, place: Place, guid: Guid, row: Row) -> None:
        first = foremost(row)
        draft = first.draft
        asked = first.deck if first.deck_asked else ""
        deck = self._policy.deck_for(place.highlight, guid, asked) or first.deck
        lead = row.index(first)
        base = {"kind": draft.kind.value, "fields": to_json(draft.fields)} if lead else None
        self._cards.insert(
            guid, place.key, place.slot, draft, deck=deck, run=place.run, tags=draft.tags, base=base
        )

    def _record_move(self, place: Place, guid: Guid, first: Checked) -> None:
        home, before = place.highlight.key, self._slots.home_of(guid, place.key)
        read = "SELECT 1 FROM highlight WHERE key = ? AND run <> ''"
        if before != home and self._db.execute(read, (before,)).fetchone():
            family = first.draft.kind.family
            extra = {"from": place.key, "to": home, "family": family, "slot": place.slot}
            self._decisions.change(guid, "move", {}, by=SOURCE, extra=extra)

    def accept(self, run: RunId, guid: Guid, home: HighlightKey, checked: Checked) -> bool:
        """Apply the policy, unless a person decided anything about a card of this highlight.

        Returns:
            False if the card waits because too many were accepted in this run.
        """
        here = self._cards.of_highlight(home)
        keys = {card.key for card in here if card.highlight.key == home} - {home}
        if any(self._decisions.person_decided(key) for key in keys):
            return True
        return self._policy.accept(run, guid, home, checked)

    # --- by hand ------------------------------------------------------------------------------

    def make(self, run: RunId, highlight: Highlight, checked: Checked) -> Guid | None:
        """Create a card that a person wrote, within a unit, in addition to the existing ones.

        Returns:
            None if the highlight changed meanwhile.
        """
        if not is_unchanged(self._db, highlight):
            return None
        self._leave_to_person(highlight)
        slot = self._slots.for_made(highlight.key, checked.draft)
        return self.create(Place(run, highlight, highlight.key, slot), [checked], Recorded())

    def _leave_to_person(self, highlight: Highlight) -> None:
        """Mark a highlight without a card as not to be drafted."""
        self._db.execute(
            "UPDATE highlight SET failed = '', asked = '', replaces = '', drafted = ?, drafter = ?,"
            " no_card = ?"
            " WHERE key = ? AND NOT EXISTS (SELECT 1 FROM card_highlight l JOIN card c"
            " ON c.guid = l.guid WHERE l.key = highlight.key"
            " AND c.standing = 'live' AND c.verdict <> 'rejected')",
            (content_of(highlight), PERSON, "nothing was drafted", highlight.key),
        )

    # --- of a ledger that was lost --------------------------------------------------------------

    def bring_back(self, run: RunId, deck: DeckOf) -> int:
        """Restore cards of a lost ledger that a person accepted or wrote and nothing was drafted for.

        Returns:
            Their number.
        """
        with self._writer.unit():
            return sum(self._restore(run, one, deck) for one in self._earlier.lost_cards())

    def bring_back_made(self, run: RunId, deck: DeckOf) -> int:
        """Restore cards of a lost ledger that a person made by hand; call it before drafting.

        Returns:
            Their number.
        """
        with self._writer.unit():
            made = self._earlier.lost_made()
            for key in dict.fromkeys(one.home for one in made):
                highlight = self._highlights.get(key)
                if highlight and self._earlier.is_left_to_person(key):
                    self._leave_to_person(highlight)
            return sum(self._restore(run, one, deck) for one in made)

    def _restore(self, run: RunId, one: LostCard, deck: DeckOf) -> bool:
        highlight = self._highlights.get(one.home)
        if highlight is None:
            return False
        place = Place(run, highlight, one.key, one.slot)
        self._alternatives.link_restored(
            self.create(place, [Checked(one.draft, deck=deck(highlight))], Recorded())
        )
        self._cards.mark_gone(highlight.key)
        return True


def is_unchanged(connection: Connection, highlight: Highlight) -> bool:
    """Return whether a highlight is as it was when it was passed to the drafter."""
    row = connection.execute("SELECT content FROM highlight WHERE key = ?", (highlight.key,))
    found = row.fetchone()
    return found is not None and found["content"] == content_of(highlight)
