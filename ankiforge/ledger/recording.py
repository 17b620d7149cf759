"""Record the results of a task: assign slots, and create, revise or merge cards."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Collection, Iterator
from dataclasses import dataclass, field, replace

from msgspec import json

from ankiforge.ledger.alternatives import Alternatives, Row, foremost, intents, is_decided
from ankiforge.ledger.cards import MOVED_FROM, REPLACES, SAME_HIGHLIGHT, SOURCE_GONE, Cards
from ankiforge.ledger.db import Connection, to_json
from ankiforge.ledger.decisions import Decisions
from ankiforge.ledger.events import PERSON, POLICY, REDRAFT, SOURCE, Event, columns_set
from ankiforge.ledger.highlights import TAKEN
from ankiforge.ledger.journal import Writer
from ankiforge.ledger.keys import content_of
from ankiforge.ledger.locations import CardMoves, passage_of, shipped_otherwise
from ankiforge.ledger.matching import MAY_BE
from ankiforge.ledger.placing import (
    EarlierDecisions,
    Place,
    Placer,
    Policy,
    Recorded,
    Rejections,
    Reviser,
    doubted,
    is_unchanged,
)
from ankiforge.ledger.problem_cards import INSTEAD, SAYS, ProblemCards, asks
from ankiforge.ledger.slots import Slots, likeness, said_before, without_card
from ankiforge.model import (
    Batch,
    Card,
    Checked,
    Draft,
    EditKind,
    Family,
    Finding,
    Guid,
    Highlight,
    HighlightKey,
    Judge,
    NoCard,
    RunId,
    Severity,
    Standing,
    Verdict,
    digest_of,
    guid_for,
)
from ankiforge.text.display import on_one_line, shortened
from ankiforge.text.fold import canonical, fold, same


@dataclass(frozen=True, slots=True)
class _Placing:
    """The parameters for recording the drafts of one highlight."""

    run: RunId
    highlight: Highlight
    recorded: Recorded
    judge: Judge | None
    """Judges revisions; None if the source did not change."""
    known: Judge
    """Judges what another machine, or a lost ledger, shipped."""
    families: Counter[Family]
    """The number of facts that were drafted, by note type."""
    beside: bool = False
    """Whether pending cards are kept in addition to the new ones."""
    instead: str = ""
    """The guid of the card to replace when a person accepts the new one."""

    doubt: Finding | None = None
    """Asks a person whether the edited highlight is still the same one."""
    replaced: tuple[Card, ...] = ()
    """The accepted cards whose fact the highlight no longer states."""

    def names(self, row: Row, guid: Guid) -> None:
        """Record to which card the drafts of a group belong."""
        self.recorded.named.update({checked.label: guid for checked in row})
        self.recorded.labels.setdefault(foremost(row).label, guid)


@dataclass(slots=True)
class _Results:
    """The results for one highlight of a batch."""

    drafter: str
    none: NoCard
    drafts: list[Checked] = field(default_factory=list)
    failed: str = ""
    beside: bool = False
    instead: str = ""


def _by_highlight(batch: Batch) -> dict[HighlightKey, _Results]:
    """Group a batch by highlight, dropping results for highlights that are not in the task."""
    keys = [highlight.key for highlight in batch.task.highlights]
    beside, instead = batch.task.beside, batch.task.instead
    results = {
        key: _Results(batch.drafter, NoCard(key, ""), beside=beside, instead=instead)
        for key in keys
    }
    for checked in batch.checked:
        if checked.draft.highlight in results:
            results[checked.draft.highlight].drafts.append(checked)
    for none in batch.no_cards:
        if none.highlight in results:
            results[none.highlight].none = none
    for key, why in batch.failed:
        if key in results:
            results[key].failed = why
    return results


@dataclass(eq=False)
class Recorder:
    """Records batches as cards."""

    _db: Connection
    _writer: Writer
    _decisions: Decisions
    _cards: Cards
    _alternatives: Alternatives
    _slots: Slots
    _placer: Placer
    _policy: Policy
    _moves: CardMoves

    def __post_init__(self) -> None:
        self._earlier = EarlierDecisions(self._db, self._decisions, self._cards)
        self._rejections = Rejections(self._db, self._cards, self._earlier)
        self._reviser = Reviser(
            self._decisions,
            self._cards,
            self._slots,
            self._earlier,
            self._alternatives,
            self._placer.accept,
            self._policy.defer,
        )

    # --- recording --------------------------------------------------------------------------

    def record(self, run: RunId, batch: Batch, judge: Judge) -> Recorded:
        """Record the results of a task in one transaction; `judge` decides which revisions are corrections.

        Highlights whose content changed since they were drafted are left for the next run.
        """
        recorded = Recorded()
        sorted_out = _by_highlight(batch)
        with self._writer.unit():
            for highlight in batch.task.highlights:
                if is_unchanged(self._db, highlight):
                    became = sorted_out[highlight.key]
                    self._record_highlight(run, highlight, became, recorded, judge)
                    self._moves.take_linked(highlight.key)
        return recorded

    def accept_deferred(
        self,
        run: RunId,
        accepts: Callable[[Draft], bool],
        judge: Judge,
        except_for: Collection[Guid] = (),
    ) -> None:
        """Apply the policy to cards whose notes were still being edited when they were read.

        If the policy were applied at once, half a sentence might be accepted. The whole sentence would
        then only be a pending revision if a check warns, and the package would contain the half.
        """
        ready = sorted(self._policy.deferred - set(except_for))
        if not ready:
            return
        with self._writer.unit():
            for guid in ready:
                self._policy.defer(guid, False)
                card = next(self._cards.several([guid]), None)
                if card is None or card.standing is not Standing.LIVE:
                    continue
                draft, findings = card.leading.draft, card.leading.findings
                consent = self._policy.consents.accepts(card.highlight, draft, findings)
                if card.verdict is Verdict.PENDING and (card.leading.clean or consent):
                    if len(card.to_choose) <= 1 and (consent or accepts(draft)):
                        checked = Checked(draft, findings, accept=True, consent=consent)
                        self._placer.accept(run, guid, card.highlight.key, checked)
                else:
                    self._draft_again(self._reviser.take_deferred(card, judge))

    def record_probe(self, run: RunId, card: Card, letter: str, checked: Checked) -> None:
        """Record the result of the answer probe for a pending draft, and apply the policy to it."""
        with self._writer.unit():
            self._cards.set_probed(card.guid, letter, checked)
            self._cards.refresh(card.guid)
            if checked.accept:
                self._placer.accept(run, card.guid, card.highlight.key, checked)

    def _draft_again(self, keys: list[HighlightKey]) -> None:
        self._db.executemany(
            "UPDATE highlight SET drafted = '' WHERE key = ?", ((key,) for key in keys)
        )

    def leave_rejected(self, highlight: Highlight) -> bool:
        """Return whether a person rejected every card of a highlight; if so, record that it gets none.

        This way, after the ledger was lost, such a highlight is not drafted and paid for again.
        """
        if not self._earlier.all_rejected(highlight.key):
            return False
        with self._writer.unit():
            self._db.execute(
                "UPDATE highlight SET failed = '', drafted = ?, no_card = 'rejected' WHERE key = ?",
                (content_of(highlight), highlight.key),
            )
        return True

    def _record_highlight(
        self,
        run: RunId,
        highlight: Highlight,
        results: _Results,
        recorded: Recorded,
        judge: Judge,
    ) -> None:
        key = highlight.key
        drafts = [_with_twins(checked, recorded) for checked in results.drafts]
        if results.beside and not drafts:
            return  # a redraft without results changes nothing
        if results.failed and not drafts:
            self._db.execute("UPDATE highlight SET failed = ? WHERE key = ?", (results.failed, key))
            return
        if results.none.passing:
            self._db.execute(
                "UPDATE highlight SET failed = '', no_card = ? WHERE key = ?",
                (results.none.reason, key),
            )
            return
        asked, replaces, drafted = self._db.execute(
            "SELECT asked, replaces, drafted FROM highlight WHERE key = ?", (key,)
        ).fetchone()
        # a card that was moved here has the words of its first passage
        edited = drafted not in ("", content_of(highlight)) or (
            not drafted and self._moved_here(key)
        )
        replaced = self._replaced(HighlightKey(replaces), drafts) if replaces else ()
        doubt = None
        if asked.startswith(MAY_BE):
            origin = HighlightKey(asked.removeprefix(MAY_BE))
            origins = self._cards.of_highlight(origin)
            drafts = [_with_origin(one, origins) for one in drafts]
            doubt = self._known_elsewhere(origin)
        elif replaces and not replaced:
            doubt = self._known_elsewhere(HighlightKey(replaces))
        elif asked and not replaces:
            doubt = Finding(SAME_HIGHLIGHT, Severity.WARN, asked)
        elif drafted == TAKEN and not self._known_from_journal(key, drafts):
            # a correction that the journal does not have was waiting when the ledger was lost
            doubt = Finding(SAME_HIGHLIGHT, Severity.WARN, "these words waited for you before")
        placing = _Placing(
            run, highlight, recorded, judge if edited else None, judge, Counter(),
            results.beside, results.instead, doubt, replaced,
        )  # fmt: skip
        if doubt and doubt.check == MOVED_FROM:
            drafts = [doubted(one, doubt) for one in drafts]
        self._place(placing, self._with_rejections(key, drafts))
        why = results.none.reason or "nothing was drafted"
        self._db.execute(
            "UPDATE highlight SET failed = '', asked = '', replaces = '', drafted = ?, drafter = ?,"
            " no_card = ? WHERE key = ?",
            (content_of(highlight), results.drafter, why, key),
        )

    def _known_from_journal(self, key: HighlightKey, drafts: list[Checked]) -> bool:
        """Return whether the journal tells that the words of a recovered passage did not wait.

        They are others than the last it knows, or were shipped.
        """
        changed = "SELECT 1 FROM past_content WHERE key = ?"
        if self._db.execute(changed, (key,)).fetchone():
            return True
        return any(
            self._earlier.shipped_elsewhere(card.guid, one.draft.fields)
            for card in self._cards.of_highlight(key)
            for one in drafts
        )

    def _moved_here(self, key: HighlightKey) -> bool:
        """Return whether a card of a highlight was first drafted from another one."""
        return any(c.key != key for c in self._cards.of_highlight(key) if c.highlight.key == key)

    def _known_elsewhere(self, key: HighlightKey) -> Finding | None:
        """Return a finding if the journal names a card of a highlight that this ledger does not have."""
        if next(without_card(self._db, key), None) is None:
            return None
        row = self._db.execute(
            "SELECT json_extract(body, '$.exact') AS exact FROM highlight WHERE key = ?", (key,)
        ).fetchone()
        message = f"may be a card of the journal that is not here: “{row['exact']}”"
        return Finding(MOVED_FROM, Severity.WARN, message)

    def _replaced(self, key: HighlightKey, drafts: list[Checked]) -> tuple[Card, ...]:
        """Return the accepted cards of a highlight, and those its pending cards may replace, that no draft repeats."""
        own = [card for card in self._cards.of_highlight(key) if card.highlight.key == key]
        asked = {
            Guid(one.twin)
            for card in own
            if card.verdict is Verdict.PENDING
            for one in card.leading.findings
            if one.check == REPLACES
        }
        return tuple(
            card
            for card in (*own, *self._cards.several(sorted(asked)))
            if card.standing is Standing.LIVE
            and card.verdict is Verdict.ACCEPTED
            and not any(said_before(card, checked.draft) for checked in drafts)
        )

    def _with_rejections(self, key: HighlightKey, drafts: list[Checked]) -> list[Checked]:
        """Add a finding to drafts that repeat a rejected card of another passage."""
        if self._decisions.person_decided(key):
            return drafts
        found = ((one, self._rejections.finding(one.draft)) for one in drafts)
        return [doubted(one, rejected) if rejected else one for one, rejected in found]

    def _place(self, placing: _Placing, drafts: list[Checked]) -> None:
        """Assign each group of alternatives to the cards that it revises, or to new ones."""
        highlight = placing.highlight
        if not placing.beside:
            self._cards.unlink(highlight.key)
        existing = [
            card
            for card in self._cards.of_highlight(highlight.key)
            if card.highlight.key == highlight.key and not self._decisions.rejected_otherwise(card)
        ]
        for card in placing.replaced:
            if card in existing:  # keep its note, and do not revise it with one of the drafts
                existing.remove(card)
                self._reviser.pass_over(card, card.picked)
                self._reviser.add_finding(card, SOURCE_GONE)
        self._merge_again(highlight, existing)
        if placing.instead:
            self._place_instead(placing, drafts, existing)
            return
        wanted, kept = self._alternatives.without_unwanted(highlight.key, drafts, existing)
        groups = intents(wanted)
        placing.families.update(row[0].draft.kind.family for rows in groups for row in rows)
        matched = self._alternatives.matched(existing, groups, highlight.exact, kept)
        others_facts = {
            card.guid: card
            for rows, cards in zip(groups, matched, strict=True)
            for row, card in zip(rows, cards, strict=True)
            if card and (self._states_another(placing, row, card) or self._is_replaced(row, card))
        }
        known = [card for card in existing if self._lacks_other(card)]
        matched = [
            [
                None if card and (card.guid in others_facts or _repeats(row, known)) else card
                for row, card in zip(rows, cards, strict=True)
            ]
            for rows, cards in zip(groups, matched, strict=True)
        ]
        for card in others_facts.values():  # its revision no longer stands in the source
            self._reviser.pass_over(card, card.picked)
        kinds = _of_other_kinds(placing, wanted, existing)
        placing = replace(placing, replaced=(*placing.replaced, *others_facts.values(), *kinds))
        stay = {guid for guids in kept.values() for guid in guids}
        decided = {card.guid for card in existing if is_decided(card)}
        others = (
            self._alternatives.to_redraft(existing, groups, matched, kept) if placing.beside else {}
        )
        for at, (rows, cards) in enumerate(zip(groups, matched, strict=True)):
            chosen = decided & kept.get(rows[0][0].draft.intent, set())
            # otherwise an alternative of the other note type is already picked
            if not chosen or any(cards):
                self._place_choice(placing, rows, cards, others.get(at, []))
            stay |= {card.guid for card in cards if card}
        if groups and not placing.beside:
            families = set(placing.families)
            left = self._reviser.retire_unrevised(highlight, existing, stay, families)
            placing.recorded.unmerged += left
        elif placing.judge and not placing.beside:
            self._reviser.check_evidence(highlight, existing, placing.judge)

    def _place_instead(
        self, placing: _Placing, drafts: list[Checked], existing: list[Card]
    ) -> None:
        """Create cards that may replace a problem card, which is not changed yet.

        Drafts that belong to another picked card are omitted, because nobody requested them.
        """
        old = next((card for card in existing if card.guid == placing.instead), None)
        if old is None:
            return  # the card was moved to another passage
        before = ProblemCards(self._db).replacements(old.guid)
        waits = [one for one in existing if one.guid in before and not _is_decided(one)]
        near = [*waits, old, *(one for one in existing if one is not old and one not in waits)]
        known = {(one.draft.kind, one.draft.fields) for one in old.candidates}
        new = [one for one in drafts if (one.draft.kind, one.draft.fields) not in known]
        others = [card for card in near if card is not old]
        wanted, kept = self._alternatives.without_unwanted(placing.highlight.key, new, others)
        groups = intents(wanted)
        matched = self._alternatives.matched(near, groups, placing.highlight.exact, kept)
        for rows, cards in zip(groups, matched, strict=True):
            theirs = [card if card is not old else None for card in cards]
            if not any(theirs):
                self._new_choice(placing, rows)
            elif not any(card and _is_decided(card) for card in theirs):
                self._revise_pending(placing, rows, theirs, [])
        named = placing.recorded.named
        drafted = sorted({named[one.label] for one in wanted if one.label in named})
        if not set(drafted) <= set(before):
            self._record_redraft(old, drafted, frozenset(placing.recorded.guids))

    def _record_redraft(self, old: Card, drafted: list[Guid], new: frozenset[Guid]) -> None:
        """Record the redraft of a problem card; undoing it retires the new cards."""
        action = self._writer.new_action()
        self._decisions.change(old.guid, REDRAFT, {}, action=action, extra={INSTEAD: drafted})
        for guid in drafted:
            if guid in new:
                after = {
                    "verdict": Verdict.PENDING.value, "standing": Standing.LIVE.value,
                    "standing_why": "",
                }  # fmt: skip
                self._decisions.change(
                    guid, REDRAFT, after, action=action, extra={"card": old.guid}
                )

    def _states_another(self, placing: _Placing, row: Row, card: Card) -> bool:
        """Return whether an accepted card and a new draft of the highlight state different facts.

        The words of a card that it superseded on a machine wait as its revision there, and so here.
        """
        if placing.judge is None or card.verdict is not Verdict.ACCEPTED or card.made:
            return False
        if not _is_another(placing, row[0], card):
            return False
        waits = self._decisions.words_wait(card.guid)
        return waits.isdisjoint(self._drafted_elsewhere(row[0].draft, card))

    def _is_replaced(self, row: Row, card: Card) -> bool:
        """Return whether another machine asks if a card of its own with these words replaces a card."""
        return any(
            (REPLACES, card.guid) in map(_pair, _questions(event))
            for guid in self._drafted_elsewhere(row[0].draft, card)
            for event in self._decisions.of(guid)
        )

    def _drafted_elsewhere(self, draft: Draft, card: Card) -> Iterator[Guid]:
        """Yield the cards with the answer of a draft of a card's passage that only the journal knows."""
        for guid, family, answer in without_card(self._db, card.highlight.key):
            if family is draft.kind.family and same(answer, draft.answer):
                yield guid

    def _lacks_other(self, card: Card) -> bool:
        """Return whether a card was superseded by one that only the journal knows."""
        gone = card.standing is Standing.SUPERSEDED
        return gone and next(self._cards.several([Guid(card.standing_why)]), None) is None

    def _merge_again(self, highlight: Highlight, existing: list[Card]) -> None:
        """Link a highlight to cards into which a person merged its cards, if it has their evidence."""
        pairs, exact = self._cards.pairs, canonical(highlight.exact)
        for card in existing:
            supported = canonical(card.leading.draft.quote) in exact
            gone = supported and card.standing is Standing.SUPERSEDED
            if gone and highlight.key in pairs.merged_highlights(card.standing_why):
                pairs.link(Guid(card.standing_why), highlight.key)

    def _place_choice(
        self, placing: _Placing, rows: list[Row], cards: list[Card | None], others: list[Card]
    ) -> None:
        found = [(row, card) for row, card in zip(rows, cards, strict=True) if card]
        if not found and not others:
            if not self._merged(placing, rows):
                self._new_choice(placing, [self._with_copies(placing, row) for row in rows])
        elif any(card.verdict is Verdict.REJECTED or is_decided(card) for _, card in found):
            self._revise_decided(placing, rows, found)
        else:
            self._revise_pending(placing, rows, cards, others)

    def _revise_decided(
        self, placing: _Placing, rows: list[Row], found: list[tuple[Row, Card]]
    ) -> None:
        """Revise decided cards; candidates of the other note type are omitted."""
        live = [(row, card) for row, card in found if card.standing is Standing.LIVE]
        for row, card in live:
            if card.verdict is not Verdict.REJECTED:
                left = [c for other in rows if other is not row for c in other if len(live) == 1]
                revisions = [_with_left_out(checked, left) for checked in row]
                if placing.doubt:
                    revisions = [doubted(one, placing.doubt) for one in revisions]
                if placing.beside:
                    self._reviser.add_revisions(card, revisions, placing.recorded)
                else:
                    self._reviser.revise(
                        placing.run, card, revisions, placing.recorded, placing.judge
                    )
                placing.names(row, card.guid)

    def _revise_pending(
        self, placing: _Placing, rows: list[Row], cards: list[Card | None], others: list[Card]
    ) -> None:
        """Replace the pending alternatives, including `others` of the other note type."""
        earlier = [*others, *(card for card in cards if card)]
        alone = sum(map(len, rows)) == 1
        new = self._slots.next_of(placing.highlight.key)
        guids = [other.guid for other in others]
        for other in others:
            self._reviser.open(other, placing.recorded)
        for row, card in zip(rows, cards, strict=True):
            if card is None:
                guids.append(self._create(placing, row, new=new, alone=False))
            elif alone and card.standing is Standing.LIVE and not placing.beside:
                self._reviser.revise(placing.run, card, row, placing.recorded, placing.judge)
            else:
                self._reviser.replace_candidates(card, row, placing.recorded, beside=placing.beside)
            guids += [card.guid] if card else []
            placing.names(row, guids[-1])
        choice = next((card.choice for card in earlier if card.choice), "")
        self._alternatives.link_alternatives(guids, choice)
        if not placing.beside:
            self._alternatives.supersede_undrafted(guids, [card.choice for card in earlier])

    # --- new cards --------------------------------------------------------------------------

    def _new_choice(self, placing: _Placing, rows: list[Row]) -> None:
        alone = sum(map(len, rows)) == 1
        new = self._slots.next_of(placing.highlight.key) if len(rows) > 1 else 0
        guids = [self._create(placing, row, new=new, alone=alone) for row in rows]
        placing.recorded.drafted += 1
        self._alternatives.link_alternatives(guids)
        for row, guid in zip(rows, guids, strict=True):
            placing.names(row, guid)

    def _create(self, placing: _Placing, row: Row, *, new: int, alone: bool) -> Guid:
        """Create the card of a group; `new` is the shared slot, `alone` means without alternatives."""
        family = row[0].draft.kind.family
        drafts = [foremost(row).draft, *(checked.draft for checked in row)]
        only = placing.families[family] == 1
        before = self._slots.drafted(placing.highlight.key, family)
        key, slot = self._asked_elsewhere(placing, drafts[0]) or self._slots.slot_for(
            placing.highlight.key, family, drafts, only, new
        )
        own = key == placing.highlight.key
        known = (before if own else self._slots.drafted(key, family)).get(slot, ("", ""))
        guid = guid_for(key, family, slot)
        if doubt := self._shipped_otherwise(placing, guid, known, drafts[0]):
            row = [doubted(checked, doubt) for checked in row]
        run, highlight, recorded = placing.run, placing.highlight, placing.recorded
        # by a ledger that was lost, or by another machine
        asked = [one for said in self._decisions.of(guid) for one in _questions(said)]
        replacing = (_replacing(one.guid, one.leading.draft.quote) for one in placing.replaced)
        for doubt in (*asked, *replacing):
            if _pair(doubt) not in map(_pair, row[0].findings):
                row = [doubted(checked, doubt) for checked in row]
        guid = self._placer.create(Place(run, highlight, key, slot, alone), row, recorded)
        doubts = [one for one in row[0].findings if one.check == REPLACES]
        if not {*map(_pair, doubts)} <= {*map(_pair, asked)}:
            self._decisions.change(guid, REPLACES, {}, by=SOURCE, extra=asks(doubts))
        if known[0] and not all(map(same, known, (drafts[0].quote, drafts[0].answer))):
            self._reviser.tell_correction(guid, drafts[0])
        return guid

    def _asked_elsewhere(self, placing: _Placing, draft: Draft) -> tuple[HighlightKey, int] | None:
        """Return the slot of a card, known only from the journal, with these words and the same question.

        Another machine asks whether it replaces a card, under the key that the passage has there.
        """
        if not placing.replaced:
            return None
        family = draft.kind.family
        rows = self._db.execute(
            "SELECT d.subject, s.key, s.slot, s.quote, s.answer FROM event d JOIN slot s"
            " ON s.key = json_extract(d.body, '$.key') AND s.family = :family WHERE d.what = :what"
            f" AND NOT d.undone AND EXISTS (SELECT 1 FROM json_each(d.body, '$.{INSTEAD}') one"
            "  WHERE one.value IN (SELECT value FROM json_each(:cards)))"
            " AND NOT EXISTS (SELECT 1 FROM card c WHERE c.guid = d.subject) ORDER BY d.rank",
            {
                "family": family, "what": REPLACES,
                "cards": to_json([card.guid for card in placing.replaced]),
            },
        )  # fmt: skip
        for row in rows.fetchall():
            key, slot = HighlightKey(row["key"]), int(row["slot"])
            columns = columns_set(self._decisions.of(row["subject"]))
            if (
                guid_for(key, family, slot) == row["subject"]
                and columns.get("standing", Standing.LIVE) == Standing.LIVE
                and same(row["answer"], draft.answer)
                and same(row["quote"], draft.quote)
            ):
                return key, slot
        return None

    def _shipped_otherwise(
        self, placing: _Placing, guid: Guid, known: tuple[str, str], draft: Draft
    ) -> Finding | None:
        """Return a finding that blocks a card that was shipped with words unknown to this ledger.

        This is so if the passage changed since by more than a correction, if another machine took the
        words over from Anki, or if the new ones wait there. Without the old card, they cannot wait as its
        revision. Words of a person are known from the journal.

        `known` are the evidence and the answer from which the card was drafted, according to the journal.
        """
        if not known[0]:  # no earlier draft
            return None
        shipped = self._db.execute(
            "SELECT tags, digest FROM shipped WHERE guid = ? AND digest <> '' ORDER BY rev DESC LIMIT 1",
            (guid,),
        ).fetchone()
        history = self._decisions.of(guid)
        worded = any("fields" in one.after for one in history if one.by == PERSON)
        recovered = any(one.what == "recover" for one in history)
        waits = recovered or self._decisions.words_wait(guid)
        if worded or not (shipped or waits):
            return None
        if shipped and digest_of(draft.fields, json.decode(shipped["tags"])) == shipped["digest"]:
            return None
        words = (draft.quote, draft.answer)
        if not shipped and all(map(same, known, words)):
            return None
        then, now = (passage_of(placing.highlight, *one) for one in (known, words))
        edit = placing.known.of_highlights(then, now, ())
        if edit.kind is EditKind.CORRECTION and not waits:
            return None
        return shipped_otherwise(edit)

    def _merged(self, placing: _Placing, rows: list[Row]) -> bool:
        """Merge an exact repetition into the existing card; return whether that was done.

        This is not done if that card is not in use, if a person undid such a merge, or if the words wait
        for a card of the passage itself, which another machine has.
        """
        key, recorded, checked = placing.highlight.key, placing.recorded, foremost(rows[0])
        if self._earlier.merged_before(key, checked.draft):
            return True
        answers = [one.draft.answer for one in (checked, *(c for row in rows for c in row))]
        joined = (self._cards.pairs.merged_card(key, answer) for answer in answers)
        if stays := next(filter(None, joined), None):
            self._cards.pairs.link(stays, key)
            return self._earlier.was_merged_into(key, answers, stays)
        repeated = checked.repeats and recorded.labels.get(checked.repeats, checked.repeats)
        repeated = repeated or self._reworded(key, checked.draft)
        if (
            not repeated
            or not self._cards.stands(repeated)
            or self._decisions.was_unmerged(repeated, key)
            or self._earlier.all_rejected(key)  # its own card in a lost ledger was rejected
            or self._wait_elsewhere(placing, checked.draft)
        ):
            return False
        self._cards.link(repeated, key, "also")
        body = {"key": key, "answer": checked.draft.answer}
        action = self._writer.new_action()
        self._writer.decide("merge", repeated, body, by=POLICY, action=action)
        recorded.merged += 1
        return True

    def _wait_elsewhere(self, placing: _Placing, draft: Draft) -> bool:
        """Return whether the words of a draft would block a card of its passage that only the journal has."""
        key, family = placing.highlight.key, draft.kind.family
        slot, _ = self._slots.continued(key, family, [draft], placing.families[family] == 1)
        known = self._slots.drafted(key, family).get(slot, ("", ""))
        return bool(self._shipped_otherwise(placing, guid_for(key, family, slot), known, draft))

    def _reworded(self, key: HighlightKey, draft: Draft) -> str:
        """Return the card of an equal passage that said the same as a draft until a person edited it; "" if none.

        After a lost ledger, only the journal tells that, by a merge.
        """
        before = self._decisions.merged_into(key, draft.answer)
        for card in self._cards_of_equal(key):
            said = (one.draft.fields == draft.fields for one in card.candidates)
            if card.guid == before or (card.edited and any(said)):
                return card.guid
        return ""

    def _with_copies(self, placing: _Placing, row: Row) -> Row:
        """Add a finding to drafts of a passage that was, or is, a copy of another one: it was edited.

        An equal copy of a passage whose new words wait for a decision waits, too, and so does a part
        that was split off from such a passage.
        """
        key = placing.highlight.key
        row = self._with_whole(key, row)
        before = set(self._served_before(key))
        cards = {card.guid: card for card in self._cards.several(sorted(before))}
        cards |= {card.guid: card for card in self._cards_of_equal(key)}
        for card in cards.values():
            if card.standing is not Standing.LIVE or self._decisions.was_unmerged(card.guid, key):
                continue
            message = (
                f"a copy of it in “{card.highlight.document.title}” has a card with other words"
            )
            found = Finding(MOVED_FROM, Severity.WARN, message, card.guid)
            waits = [one.draft.fields for one in card.open] if card.revision else []
            row = [
                doubted(one, found)
                if one.draft.fields in waits
                or (card.guid in before and not _is_another(placing, one, card))
                else one
                for one in row
            ]
        return row

    def _with_whole(self, key: HighlightKey, row: Row) -> Row:
        """Add a finding to drafts whose evidence a card beside them still has, although its new words wait."""
        rows = self._db.execute(
            "SELECT l.guid FROM highlight h JOIN highlight o ON o.document = h.document AND o.key <> h.key"
            " AND o.position BETWEEN h.position - 3 AND h.position + 3"
            " JOIN card_highlight l ON l.key = o.key AND l.role = 'origin' WHERE h.key = ?"
            " AND (o.asked <> '' OR EXISTS (SELECT 1 FROM candidate a WHERE a.guid = l.guid AND a.state = 'open'))"
            " ORDER BY l.guid",
            (key,),
        ).fetchall()
        for card in self._cards.several([row["guid"] for row in rows]):
            if card.verdict is Verdict.ACCEPTED and card.standing is Standing.LIVE:
                quote = card.leading.draft.quote
                message = f"was split off from “{shortened(on_one_line(quote), 72)}”"
                found = Finding(MOVED_FROM, Severity.WARN, message, card.guid)
                row = [
                    doubted(one, found) if fold(one.draft.quote) in fold(quote) else one
                    for one in row
                ]
        return row

    def _served_before(self, key: HighlightKey) -> list[Guid]:
        """Return the cards of other passages that served a highlight, too, before one of the two was edited."""
        stands = (
            "JOIN card_highlight l ON l.guid = d.subject AND l.role = 'origin' AND l.key <> :key"
        )
        rows = self._db.execute(
            f"SELECT d.subject FROM event d {stands} WHERE d.what = 'merge' AND NOT d.undone"
            "  AND d.by = :policy AND json_extract(d.body, '$.key') = :key"
            # by this index, whose key is not used, only moves are read and not all events
            f" UNION SELECT d.subject FROM event d INDEXED BY event_move {stands}"
            "  WHERE d.what = 'move' AND NOT d.undone"
            "  AND json_extract(d.body, '$.from') = :key ORDER BY 1",
            {"key": key, "policy": POLICY},
        )
        return [Guid(row["subject"]) for row in rows.fetchall()]

    def _cards_of_equal(self, key: HighlightKey) -> list[Card]:
        """Return the cards of other passages with the same words."""
        rows = self._db.execute(
            "SELECT l.guid FROM highlight h JOIN highlight o ON o.text = h.text AND o.key <> h.key"
            " JOIN card_highlight l ON l.key = o.key AND l.role = 'origin' WHERE h.key = ? ORDER BY l.guid",
            (key,),
        ).fetchall()
        return [*self._cards.several([row["guid"] for row in rows])]


def _with_origin(checked: Checked, origins: list[Card]) -> Checked:
    """Add a finding that a draft may be one of these cards, whose passage is gone."""
    draft = checked.draft
    cards = [
        card
        for card in origins
        if card.family is draft.kind.family and card.standing is Standing.LIVE
    ]
    if not cards:
        return checked
    card = max(
        cards,
        key=lambda one: likeness(one.leading.draft.answer, one.leading.draft.quote, draft),
    )
    rejected = ", rejected there" if card.verdict is Verdict.REJECTED else ""
    message = f"moved from “{card.highlight.document.title}”{rejected}?"
    return doubted(checked, Finding(MOVED_FROM, Severity.WARN, message, card.guid))


def _replacing(old: Guid, words: str) -> Finding:
    words = shortened(on_one_line(words), 72)
    message = f"another fact stands in the place of “{words}”: does it replace that card?"
    return Finding(REPLACES, Severity.WARN, message, old)


def _questions(event: Event) -> Iterator[Finding]:
    """Yield what an event asks a person: whether a new card replaces others, or is one of them."""
    if not event.undone and event.what in (REPLACES, "wait"):
        twins = event.body.get(INSTEAD, ())
        check = REPLACES if event.what == REPLACES else MOVED_FROM
        says = event.body.get(SAYS) or [_replacing(twin, twin).message for twin in twins]
        for twin, message in zip(twins, says, strict=False):
            yield Finding(check, Severity.WARN, message, twin)


def _pair(finding: Finding) -> tuple[str, str]:
    return finding.check, finding.twin


def _is_decided(card: Card) -> bool:
    """Return whether a card was accepted, edited or rejected."""
    return card.verdict is Verdict.REJECTED or is_decided(card)


def _with_left_out(checked: Checked, left: list[Checked]) -> Checked:
    """Add a finding about omitted candidates of the other note type."""
    if not left:
        return checked
    kinds = ", ".join(one.draft.kind.value for one in left)
    finding = Finding("choice", Severity.INFO, f"left out of an earlier choice: {kinds}")
    return replace(checked, findings=(*checked.findings, finding))


def _repeats(row: Row, cards: list[Card]) -> bool:
    """Return whether a draft repeats one of these cards."""
    return any(said_before(card, checked.draft) for card in cards for checked in row)


def _of_other_kinds(placing: _Placing, drafts: list[Checked], cards: list[Card]) -> list[Card]:
    """Return the accepted cards in whose place a reader's comment now asks for another kind of card."""
    if placing.judge is None or placing.beside:
        return []
    asked = any(one.draft.origin.by_comment for one in drafts)
    return [
        card
        for card in cards
        if is_decided(card)
        and not card.made
        and card.family not in placing.families
        and (asked or card.leading.draft.origin.by_comment)
    ]


def _is_another(placing: _Placing, checked: Checked, card: Card) -> bool:
    """Return whether a card and a new draft state different facts."""
    now = replace(card.leading.draft, fields=card.fields)
    return placing.known.of_drafts(now, checked.draft).kind is EditKind.ANOTHER_FACT


def _with_twins(checked: Checked, recorded: Recorded) -> Checked:
    """Replace labels of this batch in findings with the guids of the cards made from these drafts.

    A draft that is recorded later has no guid yet. Its label is removed, because it would be taken for a
    card that is gone, and the card would wait without a reason.
    """
    labels = {finding.twin: "" for finding in checked.findings if finding.twin.startswith("draft ")}
    known = {**labels, **recorded.named}
    named = tuple(
        replace(finding, twin=known.get(finding.twin, finding.twin)) for finding in checked.findings
    )
    return replace(checked, findings=named)
