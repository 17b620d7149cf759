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
from ankiforge.ledger.cards import (
    ANSWER_CHANGED,
    DECIDED,
    MOVED_FROM,
    REJECTED_ELSEWHERE,
    REPLACES,
    SAME_HIGHLIGHT,
    Cards,
    letter_of,
)
from ankiforge.ledger.consents import DOUBTS, Consents
from ankiforge.ledger.db import Connection, to_json
from ankiforge.ledger.decisions import Decisions
from ankiforge.ledger.events import (
    CONSENT,
    COPIED,
    CORRECTS,
    DISPUTED,
    DOUBTED,
    PERSON,
    POLICY,
    REVISE,
    SOURCE,
    Columns,
)
from ankiforge.ledger.highlights import RESEMBLED, TAKEN, Highlights
from ankiforge.ledger.journal import Writer
from ankiforge.ledger.keys import content_of
from ankiforge.ledger.problem_cards import asks
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
    digest_of,
    guid_for,
)
from ankiforge.text.cloze import blanked, numbers
from ankiforge.text.fold import canonical, same
from ankiforge.text.markdown import plain

FLOODED, RECOVERED = "flood", "recovered"
"""The reasons why the policy did not accept a clean card, with `DECIDED`."""
FLOOD = 300
"""The maximum number of cards that the policy accepts in one run; the others wait for a person."""


_VAULT = (
    "substr(json_extract({0}.body, '$.uri'), 1, instr(json_extract({0}.body, '$.uri'), '&file='))"
)
"""The beginning of the address of a vault note, which names the vault; "" of other documents."""
_DEFERRED = "deferred:"
"""The prefix of names in `meta` for cards to which the policy is applied later."""


class Policy:
    """Applies the policy of the settings."""

    def __init__(
        self, connection: Connection, decisions: Decisions, cards: Cards, consents: Consents
    ) -> None:
        self._db = connection
        self._decisions = decisions
        self._cards = cards
        self.consents = consents
        self._accepted: Counter[RunId] = Counter()
        """The number of cards that the policy accepted, by run."""

    def accept(self, run: RunId, guid: Guid, key: HighlightKey, checked: Checked) -> bool:
        """Accept a draft if the policy accepts it and no person has decided on its highlight.

        Returns:
            False if the card waits because too many were accepted in this run.
        """
        waits = self._db.execute("SELECT waits FROM card WHERE guid = ?", (guid,)).fetchone()[0]
        refused = not checked.accept or waits in (FLOODED, DOUBTED)
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
        extra = {CONSENT: checked.consent} if checked.consent else {}
        self._decisions.change(
            guid, "accept", after, by=POLICY, action=f"policy-{run}", extra=extra
        )
        self._cards.keep_deck(guid)
        return True

    @cached_property
    def deferred(self) -> set[Guid]:
        """The cards to which the policy is applied when their files are no longer edited."""
        rows = self._db.execute("SELECT name FROM meta WHERE name GLOB ?", (f"{_DEFERRED}*",))
        return {Guid(row["name"].removeprefix(_DEFERRED)) for row in rows.fetchall()}

    def defer(self, guid: Guid, wanted: bool) -> None:
        """Store, within a unit, whether the policy is applied to a card later.

        This is stored because a watcher may be stopped before that, and its cards would wait for a person.
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
        """Return why the policy must not accept cards of a highlight; "" if it may."""
        if self._decisions.person_decided(key):
            return DECIDED
        return RECOVERED if self._came_from_anki(key) else ""

    def _came_from_anki(self, key: HighlightKey) -> bool:
        """Return whether cards of the document were recovered from Anki, without a later acceptance.

        Cards of an equally named note of another vault are not its own.
        """
        if not self._db.execute("SELECT 1 FROM event WHERE what = 'recover' LIMIT 1").fetchone():
            return False
        row = self._db.execute(
            # the + prevents SQLite from scanning all events for the highest sequence
            "SELECT max(+d.sequence) AS last, m.key FROM highlight h JOIN document m"
            " ON m.key = h.document JOIN document a ON a.key IN (SELECT m.key UNION"
            "  SELECT s.key FROM document s WHERE s.key >= 'anki:' AND s.key < 'anki;'"
            f"  AND m.slug <> '' AND s.slug = m.slug AND {_VAULT.format('s')} IN ('', {_VAULT.format('m')}))"
            " JOIN highlight o ON o.document = a.key JOIN card c ON c.key = o.key"
            " JOIN event d ON d.subject = c.guid AND d.what = 'recover'"
            f"  AND json_extract(d.body, '$.{COPIED}') IS NULL WHERE h.key = ?",
            (key,),
        ).fetchone()
        return row["last"] is not None and not self._accepted_since(row["key"], row["last"])

    def _accepted_since(self, document: str, sequence: int) -> bool:
        """Return whether a person accepted a card of a document after the event with this sequence."""
        row = self._db.execute(
            "SELECT 1 FROM highlight h JOIN card c ON c.key = h.key JOIN event d"
            " ON d.subject = c.guid AND d.what IN ('accept', 'pick') AND d.by = 'person'"
            " WHERE h.document = ? AND d.sequence > ? LIMIT 1",
            (document, sequence),
        ).fetchone()
        return row is not None

    def _accepted_in(self, run: RunId) -> int:
        """Return the number of cards accepted by this run and interrupted runs before it; cached."""
        if run not in self._accepted:
            row = self._db.execute(
                "SELECT count(*) FROM event WHERE what = 'accept' AND action IN"
                " (SELECT 'policy-' || id FROM run WHERE finished = '' AND at >="
                " (SELECT coalesce(max(at), '') FROM run WHERE finished <> ''))",
            ).fetchone()
            self._accepted[run] = int(row[0])
        return self._accepted[run]

    def deck_for(self, highlight: Highlight, guid: Guid, asked: str = "") -> str:
        """Return the deck to which a card was shipped before, else `asked`, else its document's deck.

        `asked` is the deck given on the command line.
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
    """Return the part of an event's body for blocking findings, so that other ledgers block the text."""
    blocks = [one for one in checked.findings if one.severity is Severity.BLOCK]
    return {"blocked": to_builtins(blocks)} if blocks else {}


class EarlierDecisions:
    """The decisions about cards before they were drafted in this ledger."""

    def __init__(self, connection: Connection, decisions: Decisions, cards: Cards) -> None:
        self._db = connection
        self._decisions = decisions
        self._cards = cards

    def apply_to(self, guid: Guid) -> None:
        """Apply earlier decisions about a new card, and its earlier state in Anki."""
        known = self._db.execute(
            "SELECT EXISTS (SELECT 1 FROM shipped WHERE guid = :guid) AS shipped,"
            " EXISTS (SELECT 1 FROM seen WHERE guid = :guid AND type_id = 0) AS other_type",
            {"guid": guid},
        ).fetchone()
        if known["other_type"]:  # the note in Anki has a note type that is not ours
            self._cards.observe([(guid, AnkiState.HELD, "note type")])
        elif known["shipped"]:
            self._cards.observe([(guid, AnkiState.WRITTEN, "")], first=True)
        self._decisions.catch_up(guid)

    def lost_cards(self) -> list[LostCard]:
        """Return the cards that a person accepted or wrote but that were not drafted here."""
        return list(lost_cards(self._db, self._decisions))

    def lost_made(self) -> list[LostCard]:
        """Return the lost cards that a person made by hand."""
        return list(lost_cards(self._db, self._decisions, MADE_FROM))

    def is_left_to_person(self, key: HighlightKey) -> bool:
        """Return whether a highlight only had cards made by hand and unwanted drafted ones.

        Such a highlight is not drafted and paid for again.
        """
        drafted = self._guids(key, MADE_FROM)
        return not self._decisions.was_merged(key) and all(map(self.is_unwanted, drafted))

    def _guids(self, key: HighlightKey, end: int = 0) -> list[Guid]:
        """Return the guids of all cards that a highlight ever had, with slots below `end` (0 = all)."""
        sql = "SELECT family, slot FROM slot WHERE key = ?1 AND (slot < ?2 OR ?2 = 0)"
        rows = self._db.execute(sql, (key, end)).fetchall()
        return [guid_for(key, Family(row["family"]), row["slot"]) for row in rows]

    def all_rejected(self, key: HighlightKey) -> bool:
        """Return whether a person rejected every card of a highlight in a ledger that was lost."""
        drafted = self._db.execute(
            "SELECT 1 FROM card WHERE key = :key UNION SELECT 1 FROM past_content WHERE key = :key",
            {"key": key},
        ).fetchone()
        verdicts = [self._last_verdict(guid) for guid in self._guids(key)]
        rejected = Verdict.REJECTED.value
        return drafted is None and rejected in verdicts and set(verdicts) <= {rejected, "supersede"}

    def is_unwanted(self, guid: Guid) -> bool:
        """Return whether a card, possibly unknown here, was rejected or superseded by an alternative."""
        return self._last_verdict(guid) in (Verdict.REJECTED, "supersede")

    def _last_verdict(self, guid: Guid) -> str:
        """Return the last verdict, or `supersede` for a card superseded by an alternative."""
        verdicts = [
            decided.what if decided.what == "supersede" else decided.body["after"]["verdict"]
            for decided in self._decisions.of(guid)
            if decided.body.get("after", {}).get("verdict")
        ]
        return str(verdicts[-1]) if verdicts else ""

    def merged_before(self, key: HighlightKey, draft: Draft) -> bool:
        """Return whether this answer was merged into a card that a person then rejected or reworded.

        If so, link the highlight to that card: after the ledger was lost, the answer must not be
        drafted again.
        """
        guid = self._decisions.merged_into(key, draft.answer)
        card = self._cards.get(guid) if guid else None
        if card is None or not (card.edited or card.verdict is Verdict.REJECTED):
            return False
        self._cards.link(card.guid, key, "also")
        return True

    def was_merged_into(self, key: HighlightKey, answers: list[str], stays: Guid) -> bool:
        """Return whether a card with such an answer exists here that a person merged into `stays`.

        After the ledger was lost, it has to be drafted first, because its note may be in Anki.
        """
        return any(
            card.standing_why == stays and same(one.draft.answer, answer)
            for card in self._cards.of_highlight(key)
            for one in card.candidates
            for answer in answers
        )

    def words_known(self, card: Card) -> bool:
        """Return whether a card recovered from Anki has words of its journal, which a person cannot have written."""
        if any(one.what == "recover" for one in self._decisions.of(card.guid)):
            return False
        return self.shipped_elsewhere(card.guid, card.fields)

    def shipped_elsewhere(self, guid: Guid, fields: Fields) -> bool:
        """Return whether the journal has a card as shipped with these fields, by a lost or another ledger."""
        rows = self._db.execute(
            "SELECT tags, digest FROM shipped WHERE guid = ? AND fields = '[]'", (guid,)
        ).fetchall()
        return any(digest_of(fields, json.decode(row[0])) == row[1] for row in rows)

    def numbered(self, card: Card, row: Row, *, in_order: bool = False) -> Row:
        """Renumber the gaps of revisions as in their card.

        Numbers in Anki, including a person's, are not used for other gaps. A card that was never shipped
        has no fixed numbers yet. With `in_order`, changed answers get the remaining numbers.
        """
        seen = self._db.execute("SELECT fields FROM seen WHERE guid = ?", (card.guid,)).fetchone()
        shipped = self._db.execute("SELECT 1 FROM shipped WHERE guid = ?", (card.guid,)).fetchone()
        if not (seen or shipped):
            return row
        in_anki = set(numbers(json.decode(seen["fields"])[0])) if seen else set()
        return [numbered_as_before(checked, card, in_anki, in_order=in_order) for checked in row]


class Rejections:
    """Finds rejected cards of any passage by their text."""

    def __init__(self, connection: Connection, cards: Cards, earlier: EarlierDecisions) -> None:
        self._db = connection
        self._cards = cards
        self._earlier = earlier
        self._read = 0
        """The `sequence` of the last event that was read."""
        self._keys: dict[str, dict[Guid, HighlightKey]] = defaultdict(dict)
        """The cards that were ever rejected, with their highlights, by folded answer."""

    def finding(self, draft: Draft) -> Finding | None:
        """Return a finding if an equal card of another passage was rejected, else None."""
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
                    "SELECT json_extract(d.body, '$.title') AS title FROM highlight h JOIN document d ON d.key = h.document"
                    " WHERE h.key = ?",
                    (key,),
                ).fetchone()
                title = (where and where["title"]) or key
                message = f"the same card was rejected in “{title}”: {guid}"
                known_guid = guid if self._card(guid) else ""
                return Finding(REJECTED_ELSEWHERE, Severity.WARN, message, known_guid)
        return None

    def _card(self, guid: Guid) -> Card | None:
        return next(self._cards.several([guid]), None)

    def _is_rejected(self, guid: Guid, key: str, draft: Draft) -> bool:
        """Return whether a card is currently rejected and has the same question as a draft.

        The question may differ if the passage was edited since the card was linked to it, or since its own
        card waits for this reason. A card known only from the journal has no question, so its evidence is
        compared instead.
        """
        family = draft.kind.family
        if card := self._card(guid):
            served = any(one.key == draft.highlight for one in card.also) or any(
                (one.check, one.twin) == (REJECTED_ELSEWHERE, guid)
                for waiting in self._cards.of_highlight(draft.highlight)
                for one in waiting.leading.findings
            )
            asks = _question(card.family, card.fields) == _question(family, draft.fields)
            # the text of the rejected card's passages may have changed since
            asks |= any(same(one.exact, draft.quote) for one in (card.highlight, *card.also))
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
        same_evidence = any(same(quote, draft.quote) for quote in quotes)
        return elsewhere and same_evidence and self._earlier.is_unwanted(guid)


def _question(family: Family, fields: Fields) -> tuple[str, ...]:
    """Return the canonical question of a card: the front, or the sentence with blank gaps."""
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
    """The number of cards with reviews whose answer was corrected."""
    flooded: int = 0
    guids: list[Guid] = field(default_factory=list)
    """The new cards."""
    labels: dict[str, Guid] = field(default_factory=dict)
    """The cards by the label of their leading draft in the batch."""
    named: dict[str, Guid] = field(default_factory=dict)
    """The cards by the labels of all their drafts in the batch."""
    unmerged: list[HighlightKey] = field(default_factory=list)
    """Highlights that were merged into a card whose text has changed."""


Accept = Callable[[RunId, Guid, HighlightKey, Checked], bool]
"""Applies the policy; returns False if the card waits because too many were accepted."""


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

    # --- alternatives without a decision ---------------------------------------------------------

    def replace_candidates(
        self, card: Card, row: Row, recorded: Recorded, *, beside: bool = False
    ) -> None:
        """Replace the pending candidates with new ones; equal ones are kept.

        With `beside`, keep all candidates and add the new ones.
        """
        if card.standing is not Standing.LIVE:
            self._alternatives.revive(card)
        row = self._as_before(card, row)
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
        """Reopen the picked candidate of a pending card, because an alternative was added."""
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

    # --- single cards --------------------------------------------------------------------------

    def _without_dismissed(self, guid: Guid, checked: Checked) -> Checked:
        """Drop findings of pairs that a person dismissed for an earlier revision."""
        return replace(
            checked, findings=self._cards.pairs.without_dismissed(guid, checked.findings)
        )

    def revise(
        self, run: RunId, card: Card, group: Row, recorded: Recorded, judge: Judge | None
    ) -> None:
        """Add a new candidate, which replaces the card's text or waits as a revision."""
        group = self._as_before(card, group)
        if same := _says_the_same(card, group):
            self._keep(card, same)
            return
        if self._has_typed_words(card) and self._earlier.shipped_elsewhere(
            card.guid, group[0].draft.fields
        ):
            self._take_back(card, group[0])
            return
        if _reworded_since(card, group, self._replaced(card.guid)):
            self.pass_over(card, card.picked)
            return
        recorded.revised += 1
        letters = [self._cards.add_candidate(card.guid, c, CandidateState.OPEN) for c in group]
        self._cards.refold([card.guid])
        if same := _says_the_same(now := self._cards.get(card.guid), group):
            self._keep(now, same)  # another machine has taken over these words
            recorded.unmerged += self._decisions.unmerge_others(card.guid)
            return
        edit = _edit(card, group[0], judge)
        inherits = len(group) == 1 and self._inherits(card, group[0], edit)
        conflict = len(group) == 1 and _conflicts(card, group[0], edit, judge)
        disputed = conflict and not inherits
        if conflict:
            inherits, edit = True, None  # the answer in Anki stays
        deferred = inherits and card.verdict is Verdict.ACCEPTED and group[0].later
        if card.verdict is Verdict.ACCEPTED:
            self._defer(card.guid, deferred)
        if inherits and not deferred:
            recorded.answers_changed += self._replace_text(
                card, letters[0], group[0], edit, disputed=disputed
            )
            recorded.unmerged += self._decisions.unmerge_others(card.guid)
            if card.verdict is Verdict.PENDING:
                home = card.highlight.key
                recorded.flooded += not self._accept(run, card.guid, home, group[0])
        else:
            decided = card.verdict is Verdict.ACCEPTED or card.edited
            keep = card.picked if decided else None
            self.pass_over(card, keep)

    def _inherits(self, card: Card, checked: Checked, edit: Edit | None) -> bool:
        """Return the same as `_inherits`, but False for recovered words that the journal does not know."""
        recovered = card.leading.draft.origin.drafter == "anki"
        if card.verdict is Verdict.ACCEPTED and recovered and not self._earlier.words_known(card):
            return False
        return _inherits(card, checked, edit)

    def _has_typed_words(self, card: Card) -> bool:
        """Return whether the words of a recovered card, which no person decided on, may be typed in Anki."""
        by_person = card.edited or card.accepted_by is AcceptedBy.PERSON
        return card.leading.draft.origin.drafter == "anki" and not by_person

    def _take_back(self, card: Card, checked: Checked) -> None:
        """Give a recovered card the words that were shipped; those typed in Anki are merged as before."""
        letter = self._cards.add_candidate(card.guid, checked, CandidateState.OPEN)
        states = {letter_of(card.leading): CandidateState.PASSED.value}
        states[letter] = CandidateState.PICKED.value
        after = {"fields": to_json(checked.draft.fields), "kind": checked.draft.kind.value}
        extra = {"answer": checked.draft.answer}
        self._decisions.change(
            card.guid, "revise", after, by=SOURCE, candidates=states, extra=extra
        )
        self._cards.refresh(card.guid)

    def _replaced(self, guid: Guid) -> set[str]:
        """Return the texts that a person replaced; after a lost ledger, they may not be candidates."""
        edits = (one.body for one in self._decisions.of(guid) if one.by == PERSON)
        return {said["before"]["fields"] for said in edits if "fields" in said.get("before", {})}

    def take_deferred(self, card: Card, judge: Judge | None) -> list[HighlightKey]:
        """Apply a deferred revision to an accepted card, if it needs no decision of a person.

        Returns:
            The highlights that were merged into the card and no longer are.
        """
        new = card.revision
        checked = Checked(new.draft, new.findings) if new else None
        edit = _edit(card, checked, judge) if checked else None
        if new is None or checked is None or not self._inherits(card, checked, edit):
            return []
        self._replace_text(card, letter_of(new), checked, edit)
        return self._decisions.unmerge_others(card.guid)

    def add_revisions(self, card: Card, row: Row, recorded: Recorded) -> None:
        """Add new candidates as pending revisions, at a person's request.

        Pending revisions are kept. Texts that already exist or that a person reworded are not added.
        """
        existing = [
            c for c in card.candidates if card.edited or c.state is not CandidateState.PASSED
        ]
        new = [one for one in self._as_before(card, row) if not _is_among(existing, one)]
        for checked in new:
            self._cards.add_candidate(card.guid, checked, CandidateState.OPEN)
        self._cards.refresh(card.guid)
        recorded.revised += bool(new)

    def _as_before(self, card: Card, row: Row) -> Row:
        """Return candidates with the card's cloze numbers, without findings of dismissed pairs.

        While a person has not decided whether a new card is another one, no new words accept it.
        """
        row = self._earlier.numbered(card, row)
        if card.verdict is Verdict.PENDING:
            for one in (each for each in card.leading.findings if each.check in UNDECIDED):
                row = [
                    checked if one in checked.findings else doubted(checked, one) for checked in row
                ]
        return [self._without_dismissed(card.guid, checked) for checked in row]

    def _keep(self, card: Card, checked: Checked) -> None:
        """Keep the card unchanged, and pass over pending revisions."""
        found = tuple(one for one in checked.findings if one.check != SAME_HIGHLIGHT)
        self._cards.set_findings(card.guid, letter_of(card.leading), found)
        self.pass_over(card, card.picked)
        self._cards.refresh(card.guid)

    def pass_over(self, card: Card, keep: Candidate | None) -> None:
        """Pass over all earlier candidates except `keep`."""
        waiting = [c for c in card.candidates if c != keep and c.state != CandidateState.PASSED]
        states = {letter_of(c): CandidateState.PASSED.value for c in waiting}
        if states:
            self._decisions.change(card.guid, "revise", {}, by=SOURCE, candidates=states)
        self._cards.refresh(card.guid)

    def _replace_text(
        self,
        card: Card,
        letter: str,
        checked: Checked,
        edit: Edit | None,
        *,
        disputed: bool = False,
    ) -> bool:
        """Replace the card's text with a candidate; return whether that changed a reviewed answer."""
        after: Columns = {"fields": to_json(checked.draft.fields), "kind": checked.draft.kind.value}
        waiting = [c for c in card.candidates if c.state != CandidateState.PASSED]
        states = {letter_of(c): CandidateState.PASSED.value for c in waiting}
        states[letter] = CandidateState.PICKED.value
        self._slots.record(card.key, card.family, card.slot, checked.draft)
        extra: dict[str, Any] = {"answer": checked.draft.answer}
        if card.verdict is Verdict.ACCEPTED:
            extra[CORRECTS] = card.accepted_by
        if disputed:
            extra[DISPUTED] = True
        answered = card.anki.there and self._cards.has_reviews(card.guid)
        otherwise = edit is not None and edit.answer_changed and answered
        if otherwise:
            self._cards.set_findings(card.guid, letter, (*checked.findings, ANSWER_CHANGED))
        self._decisions.change(
            card.guid, "revise", after, by=SOURCE, candidates=states, extra=extra
        )
        self._cards.refresh(card.guid)
        return otherwise

    def tell_correction(self, guid: Guid, draft: Draft) -> None:
        """Record that a new card corrects the words with which another machine, or a lost ledger, shipped it."""
        card = self._cards.get(guid)
        by_policy = card.accepted_by not in ("", AcceptedBy.PERSON) and not card.edited
        if by_policy and card.fields == draft.fields and not card.leading.blocked:
            after: Columns = {"fields": to_json(draft.fields), "kind": draft.kind.value}
            extra = {"answer": draft.answer, CORRECTS: card.accepted_by}
            self._decisions.change(guid, REVISE, after, by=SOURCE, extra=extra)

    def retire_unrevised(
        self, highlight: Highlight, existing: list[Card], kept: set[Guid], families: set[Family]
    ) -> list[HighlightKey]:
        """Handle live cards that no draft revises.

        A card written in the source, or a pending one that its comment asked for, is retired if it was
        rewritten as another kind. Other cards get a finding, unless their evidence is still in the passage.

        Returns:
            The other highlights that were merged into retired cards.
        """
        unmerged = []
        for card in existing:
            if card.guid in kept or card.standing is not Standing.LIVE:
                continue
            asked = card.leading.draft.origin.by_comment and card.verdict is Verdict.PENDING
            if (asked or _from_source(card)) and card.family not in families:
                after = {"standing": Standing.RETIRED.value, "standing_why": "rewritten"}
                self._decisions.change(card.guid, "retire", after, by=SOURCE)
                unmerged += self._decisions.unmerge_others(card.guid)
            elif not stands(card, highlight.exact) and not _is_made_of(card, highlight):
                self.add_finding(card, UNSUPPORTED)
        return unmerged

    def check_evidence(self, highlight: Highlight, existing: list[Card], judge: Judge) -> None:
        """Say of the cards of an edited highlight without drafts whether it still supports them."""
        for card in existing:
            quote, findings = card.leading.draft.quote, card.leading.findings
            edit = judge.of_highlights(
                replace(highlight, exact=quote, gaps=()), replace(highlight, gaps=()), ()
            )
            same = edit.kind is EditKind.CORRECTION and edit.names_kept
            if not same and canonical(quote) not in canonical(highlight.exact):
                self.add_finding(card, UNSUPPORTED)
            elif UNSUPPORTED in findings:
                left = tuple(one for one in findings if one != UNSUPPORTED)
                self._cards.set_findings(card.guid, letter_of(card.leading), left)

    def add_finding(self, card: Card, finding: Finding) -> None:
        """Add a finding to a card, unless it has it."""
        lead = card.leading
        if finding not in lead.findings:
            self._cards.set_findings(card.guid, letter_of(lead), (*lead.findings, finding))


def _from_source(card: Card) -> bool:
    """Return whether a card was written in the source, not made by a person here from a passage."""
    made_here = card.leading.draft.origin.drafter == "person"
    by_hand = card.highlight.kind is HighlightKind.CARD or not made_here
    return card.leading.draft.by_hand and by_hand


UNSUPPORTED = Finding(
    "source_changed",
    Severity.WARN,
    "its passage has changed, and this card does not follow from it",
)

UNDECIDED = (MOVED_FROM, REPLACES, SAME_HIGHLIGHT)
"""The checks that ask of a pending card whether it is another card."""


def _may_be_known(finding: Finding) -> bool:
    """Return whether a finding asks of a new card whether it is one that moved or was rejected.

    A machine without that card, which only its journal names, leaves this to those that have it.
    """
    return finding.check == REJECTED_ELSEWHERE or (
        finding.check == MOVED_FROM and finding.twin != ""
    )


def doubted(checked: Checked, finding: Finding) -> Checked:
    """Add a finding to a draft, so that a person has to decide on it."""
    return replace(checked, findings=(*checked.findings, finding), accept=False)


def _is_made_of(card: Card, highlight: Highlight) -> bool:
    """Return whether a card was made by hand and its evidence is still in the highlight."""
    return card.made and canonical(card.leading.draft.quote) in canonical(highlight.exact)


def _says_the_same(card: Card, group: Row) -> Checked | None:
    """Return the new draft with the text of the picked candidate, if there is one."""
    words = (card.picked.draft.kind, card.picked.draft.fields) if card.picked else None
    return next((c for c in group if (c.draft.kind, c.draft.fields) == words), None)


def _is_among(candidates: list[Candidate], checked: Checked) -> bool:
    """Return whether a candidate has the text of a new draft."""
    words = (checked.draft.kind, checked.draft.fields)
    return any((one.draft.kind, one.draft.fields) == words for one in candidates)


def _reworded_since(card: Card, group: Row, replaced: set[str]) -> bool:
    """Return whether a person replaced the text of one of these drafts."""
    passed = {to_json(c.draft.fields) for c in card.candidates if c.state is CandidateState.PASSED}
    known = passed | replaced
    return card.edited and any(to_json(checked.draft.fields) in known for checked in group)


def _edit(card: Card, checked: Checked, judge: Judge | None) -> Edit | None:
    """Classify the revision of a card; None if the source did not change."""
    now = replace(card.leading.draft, fields=card.fields)
    return judge.of_drafts(now, checked.draft) if judge else None


def _inherits(card: Card, checked: Checked, edit: Edit | None) -> bool:
    """Return whether a revision replaces the card's text without a person's decision.

    It never does if a person worded the card, or if the revision states another fact. A text that a
    person accepted is replaced only by corrections in the source, ignoring the doubts it had at that
    time. Drafts of a model need not be corrections, because it may word a card differently each time,
    unlike the rules.
    """
    if card.edited:
        return False
    if card.verdict is Verdict.PENDING:
        return True
    by_person = card.accepted_by is AcceptedBy.PERSON
    if checked.draft.origin.drafter == "llm" and not (by_person or checked.draft.probed):
        return False  # policy accepts a model's draft only if it was probed
    doubts = {
        (one.check, one.twin) for one in checked.findings if one.severity is not Severity.INFO
    }
    if by_person and not checked.blocked:
        seen = {(one.check, one.twin) for one in card.leading.findings}
        doubts -= {one for one in seen if one[0] != SAME_HIGHLIGHT}
    if checked.consent:
        doubts = {one for one in doubts if one[0] not in DOUBTS}
    if doubts or edit is None:
        return not (doubts or by_person)
    draft = checked.draft
    by_rules = draft.by_hand or draft.origin.drafter.startswith("rules")
    if by_person or by_rules:
        return edit.kind is EditKind.CORRECTION and not (by_person and edit.asks_other)
    return edit.kind is not EditKind.ANOTHER_FACT


def _conflicts(card: Card, checked: Checked, edit: Edit | None, judge: Judge | None) -> bool:
    """Return whether a revision of the same fact would change only fields that a person edited in Anki.

    The revision is then a conflict, in which a person decides between the two texts.
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
    """The highlight to which the card belongs now."""
    key: HighlightKey
    """The highlight from which the card was first drafted, whose key determines its guid."""
    slot: int
    alone: bool = True
    """Whether the card has no alternatives."""


@dataclass(eq=False)
class Placer:
    """Creates cards, which must be new."""

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
        doubts = [one for one in foremost(row).findings if _may_be_known(one)]
        if doubts and not any(one.after.get("waits") == DOUBTED for one in history):
            moved = [one for one in doubts if one.check == MOVED_FROM]
            self._decisions.change(guid, "wait", {"waits": DOUBTED}, by=POLICY, extra=asks(moved))
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
        if place.key != place.highlight.key:
            # another machine took over the card from Anki: no journal line names its first highlight
            self._db.execute(
                "INSERT OR IGNORE INTO highlight (key, document, container, place, position, mark,"
                " text, content, body, presence, presence_why, drafter, replaces) SELECT :key,"
                " document, '', '', 0, '', text, :taken, body, 'present', :why, :taken, key"
                " FROM highlight WHERE key = :home",
                {"key": place.key, "taken": TAKEN, "why": RESEMBLED, "home": place.highlight.key},
            )
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
        """Apply the policy, unless a person has decided on a card of this highlight.

        Returns:
            False if the card waits because too many were accepted in this run.
        """
        others = self._db.execute(
            "SELECT DISTINCT c.key FROM card_highlight l JOIN card c ON c.guid = l.guid"
            " WHERE l.key = ? AND l.role = 'origin' AND c.key <> l.key",
            (home,),
        ).fetchall()
        if any(self._decisions.person_decided(row["key"]) for row in others):
            return True
        return self._policy.accept(run, guid, home, checked)

    # --- by hand ------------------------------------------------------------------------------

    def make(self, run: RunId, highlight: Highlight, checked: Checked) -> Guid | None:
        """Create a card that a person wrote, within a unit, in addition to the existing ones.

        Returns:
            The guid; None if the highlight has changed in the meantime.
        """
        if not is_unchanged(self._db, highlight):
            return None
        self._leave_to_person(highlight)
        slot = self._slots.for_made(highlight.key, checked.draft)
        return self.create(Place(run, highlight, highlight.key, slot), [checked], Recorded())

    def _leave_to_person(self, highlight: Highlight) -> None:
        """Mark a highlight as drafted if it has no card in use."""
        self._db.execute(
            "UPDATE highlight SET failed = '', asked = '', replaces = '', drafted = ?, drafter = ?,"
            " no_card = ?"
            " WHERE key = ? AND NOT EXISTS (SELECT 1 FROM card_highlight l JOIN card c"
            " ON c.guid = l.guid WHERE l.key = highlight.key"
            " AND c.standing = 'live' AND c.verdict <> 'rejected')",
            (content_of(highlight), PERSON, "nothing was drafted", highlight.key),
        )

    # --- cards of a lost ledger -----------------------------------------------------------------

    def bring_back(self, run: RunId, deck: DeckOf) -> int:
        """Restore cards of a lost ledger that a person accepted or wrote but that were not drafted here.

        Returns:
            The number of restored cards.
        """
        with self._writer.unit():
            return sum(self._restore(run, one, deck) for one in self._earlier.lost_cards())

    def bring_back_made(self, run: RunId, deck: DeckOf) -> int:
        """Restore cards of a lost ledger that a person made by hand. This must precede drafting.

        Returns:
            The number of restored cards.
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
    """Return whether a highlight has not changed since it was passed to the drafter."""
    row = connection.execute("SELECT content FROM highlight WHERE key = ?", (highlight.key,))
    found = row.fetchone()
    return found is not None and found["content"] == content_of(highlight)
