"""Recording what drafters made of highlights: drafts that wait, and cards that follow.

Only the source's own words change a card unasked (`_follow`), and not words that a check blocks.
A highlight that cannot be recorded is left as it is; all others go on.

What a draft may repeat is here, too: cards, other drafts, and notes in Anki that are not ours. It
is compared with the few that its search terms find; see `check/duplicates.py`.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Iterable, Iterator, Sequence
from itertools import count
from typing import Any, NamedTuple

import msgspec
from msgspec.structs import asdict, replace

from ankiforge.errors import BugError, one_item
from ankiforge.ledger import cards, desk, facts, forms, sentences
from ankiforge.ledger.desk import (
    SAME_WORDS,
    decode_draft,
    draft_id,
    is_known,
    is_new,
    nearest_gap,
    proposed_card,
    summed_up,
    with_first_gap,
)
from ankiforge.ledger.events import (
    SOURCE,
    Passage,
    content,
    hash_of_words,
    is_news,
    is_stale,
    stands_in,
    wording_of,
    words_read,
)
from ankiforge.ledger.facts import Fact
from ankiforge.ledger.gap_numbers import keep_numbers
from ankiforge.ledger.match import LONG, is_perhaps, match_moved, sides_of
from ankiforge.ledger.readings import decode_highlight, mark_of
from ankiforge.ledger.store import (
    EACH,
    Row,
    Store,
    encode,
    listed,
    tag_name,
    words_of,
)
from ankiforge.model import (
    DRAFT_PREFIX,
    FOREIGN_PREFIX,
    NO_KEY,
    PROPOSE,
    Card,
    CardKind,
    Change,
    Drafted,
    Fields,
    ForeignNote,
    Highlight,
    HighlightKey,
    HighlightKind,
    IndexedCard,
    Json,
    NoteId,
    SearchTerms,
    SourceKind,
    Strings,
    Value,
    h16,
    is_draft_id,
)
from ankiforge.text import occlusion
from ankiforge.text.cloze import image_paths, make
from ankiforge.text.decoding import damage_in
from ankiforge.text.fold import for_finding

_DIGEST = "kind || content"
# What a draft may repeat: live cards, waiting drafts but for what is drafted anew and new words of
# cards, and foreign notes that have words. The digest changes with the words; by it their search
# terms are found in `indexed`.
_IN_USE = (
    f"SELECT guid AS id, {_DIGEST} AS digest, passage, '' AS deck FROM card WHERE live"
    " UNION ALL SELECT d.id, d.kind || d.content, d.key, '' FROM draft d"
    " JOIN highlight h ON h.key = d.key AND h.state = 'present' AND h.drafted = h.content"
    f" WHERE d.drafter != '{PROPOSE}'"
    f" UNION ALL SELECT '{FOREIGN_PREFIX}' || id,"
    f" '{FOREIGN_PREFIX}' || id || ' ' || mod, '', deck"
    " FROM foreign_note WHERE fields != '[]'"
)


class Duplicates:
    """The cards and drafts that a draft may repeat, and notes in Anki that are not ours."""

    def __init__(self, store: Store) -> None:
        self._store = store

    def unread(self, version: str) -> Iterator[tuple[str, Card]]:
        """Yield by digest the drafts without search terms, or with those of another version.

        Most have been stored with the drafts; see `recording.record`.
        """
        store = self._store
        with store.transaction():
            if store.meta("terms") != version:
                store.write("DELETE FROM indexed")
                store.set_meta("terms", version)
            store.write(
                f"DELETE FROM indexed WHERE digest NOT IN (SELECT digest FROM ({_IN_USE})"
                f" UNION ALL SELECT {_DIGEST} FROM draft)"
            )
        indexed = "SELECT digest FROM indexed"
        query = f"SELECT * FROM ({_IN_USE}) WHERE digest NOT IN ({indexed})"
        for row in store.rows(query):
            draft = self.draft(row["id"])
            if draft is not None:
                yield row["digest"], draft

    def keep(self, terms: Sequence[tuple[str, SearchTerms]]) -> None:
        """Store the search terms of cards from `unread`."""
        with self._store.transaction():
            keep_terms(self._store, terms)

    def cards(self) -> Iterator[IndexedCard]:
        """Yield all of them, sorted by id."""
        query = f"SELECT * FROM ({_IN_USE}) JOIN indexed USING (digest) ORDER BY id"
        for row in self._store.rows(query):
            where = ""
            if row["id"].startswith(FOREIGN_PREFIX):
                deck = f", deck {row['deck']}" if row["deck"] else ""
                where = f"a note in Anki{deck}: "
            terms = SearchTerms(
                words=tuple(row["words"].split()),
                finders=tuple(row["finders"].split()),
                exact=row["exact"],
                question=row["question"],
            )
            yield IndexedCard(
                row["id"],
                HighlightKey(row["passage"]),
                where,
                terms,
            )

    def draft(self, id: str) -> Card | None:
        """Return a card, a draft or a foreign note as a card; None if it is not in use."""
        if id.startswith(FOREIGN_PREFIX):
            query = "SELECT fields FROM foreign_note WHERE id = ?"
            note_id = int(id.removeprefix(FOREIGN_PREFIX))
            stored = self._store.value(query, note_id)
            fields = msgspec.json.decode(stored, type=Fields) if stored else ()
            if not fields:
                return None
            first_name, _ = fields[0]
            kind = CardKind.BASIC if first_name == "Front" else CardKind.CLOZE
            return Card(NO_KEY, kind, fields)
        if is_draft_id(id):
            body = self._store.value("SELECT body FROM draft WHERE id = ?", id)
            return decode_draft(body) if body else None
        row = self._store.row("SELECT passage FROM card WHERE guid = ? AND live", id)
        if row is None:
            return None
        passage = self._store.passage(row["passage"])
        card = passage.cards[id]
        return Card(NO_KEY, card.kind, card.fields)

    # --- notes in Anki that are not ours ------------------------------------------------

    def mods(self) -> dict[NoteId, int]:
        """Return the `mod` of each foreign note that is stored."""
        rows = self._store.rows("SELECT id, mod FROM foreign_note")
        return {row["id"]: row["mod"] for row in rows}

    def keep_foreign(
        self, ids: frozenset[NoteId], changed: Iterable[ForeignNote]
    ) -> None:
        """Store the text of foreign notes; forget those that are no longer in Anki."""
        with self._store.transaction():
            for number in self.mods().keys() - ids:
                self._store.write("DELETE FROM foreign_note WHERE id = ?", number)
            rows = [{**asdict(note), "fields": encode(note.fields)} for note in changed]
            self._store.insert("foreign_note", rows, verb="INSERT OR REPLACE")


# --- recording ----------------------------------------------------------------------------

DERIVED_ALIKE = 85
"""How much alike words that a reader derived must be to ship unasked, in per
cent."""


class Recorded(Value):
    """The result of recording drafts."""

    changes: tuple[Change, ...] = ()
    """The cards that changed, and those that keep their words because a check blocks."""
    new: Strings = ()
    """The ids of the drafts for new cards: neither rejected nor a card already."""
    failed: tuple[tuple[Highlight, BugError], ...] = ()
    """The highlights that could not be recorded; all others were."""


def record(
    store: Store,
    results: Sequence[Drafted],
    terms_of: Callable[[Card], SearchTerms],
    *,
    by_model: bool = False,
    beside: bool = False,
) -> Recorded:
    """Record the drafts of highlights, or the reasons why there are none.

    The source's own words change its accepted card at once. Of other drafts those become
    rows that wait whose facts are offered (`facts.read`).

    Args:
        store: the store.
        results: one for each highlight, with the findings of the checks.
        terms_of: returns the search terms of a draft: a card that is made of it is found by them.
        by_model: the drafts are a model's; those of the rules stay.
        beside: the drafts join those that wait.
    """
    with store.transaction():
        keys = [drafted.highlight.key for drafted in results]
        recording = _Recording(store, keys, by_model=by_model, beside=beside)
        failed = []

        def take(several: Sequence[Drafted]) -> None:
            """Take the drafts of highlights; if one fails, each alone: only that one is left."""
            gathered = [len(each) for each in recording.gathered]
            try:
                with one_item(), store.attempt():
                    for drafted in several:
                        recording.take(drafted, terms_of)
                        store.refold()
            except BugError as error:
                for each, length in zip(recording.gathered, gathered, strict=True):
                    del each[length:]
                if len(several) > 1:
                    for drafted in several:
                        take([drafted])
                else:
                    recording.leave(several[0].highlight, error)
                    failed.append((several[0].highlight, error))

        take(results)
        recording.write()
    return Recorded(
        tuple(recording.changes),
        tuple(recording.new),
        tuple(failed),
    )


def standing(
    store: Store,
    highlight_key: str,
    drafts: Sequence[Card],
) -> list[bool]:
    """Return for each draft whether it is a card already, with the same words.

    That is so with the source's own cards after their database was lost. Whatever a check
    finds, nothing comes of such a draft.
    """
    passage = store.passage(highlight_key)
    stands = []
    for draft in _in_slots(drafts):
        card = passage.card_in_slot(draft) if draft.in_slot else None
        if card is None or not card.live or passage.refuses(draft):
            stands.append(False)
        else:
            says_the_same = content(card) == content(draft)
            stands.append(says_the_same and not is_news(card, draft))
    return stands


def _in_slots(drafts: Iterable[Card]) -> Iterator[Card]:
    """Yield the drafts of a passage; the source's own ones are numbered."""
    numbers = count()
    for draft in drafts:
        yield replace(draft, slot=str(next(numbers)) if draft.own else "")


# --- one call ---------------------------------------------------------------------------


class _Made(NamedTuple):
    """The drafts that were made of a highlight."""

    own: list[Card]
    """The person's own form."""
    others: list[tuple[Card, str]]
    """Each with its sentence; "" if none is known."""

    @classmethod
    def of(cls, drafts: Iterable[Card], text: str, is_declined: bool) -> _Made:
        """Return the drafts of a text; if that is declined, without new words of cards."""
        made = cls([], [])
        for draft in drafts:
            if draft.own:
                made.own.append(draft)
            elif not (is_declined and draft.proposed):
                made.others.append((draft, facts.fact_of(draft, text)))
        return made

    @property
    def drafted_facts(self) -> list[str]:
        """The names of the sentences that have a draft of their own, not new words of a card."""
        return [facts.name_of(each) for draft, each in self.others if not draft.proposed]


class _Recording:
    """One call of `record`, with all that it reads and writes at once."""

    def __init__(
        self,
        store: Store,
        keys: Sequence[str],
        *,
        by_model: bool,
        beside: bool,
    ) -> None:
        self._store = store
        self._by_model = by_model
        self._beside = beside
        self._by_rules = not (by_model or beside)

        wanted = encode(keys)
        query = f"SELECT * FROM highlight WHERE body != '' AND key IN {EACH}"
        self._highlights = {row["key"]: row for row in store.rows(query, wanted)}
        # by key, the drafts that wait so far
        self._waiting: dict[str, list[Row]] = defaultdict(list)
        query = f"SELECT * FROM draft WHERE key IN {EACH}"
        for row in store.rows(query, wanted):
            self._waiting[row["key"]].append(row)
        self._equal = self._read_equal(wanted)
        self._had = self._read_former()
        store.load(self._highlights)

        self.changes: list[Change] = []
        self.new: list[str] = []
        self._dropped_ids: list[str] = []
        self._rows: list[Json] = []
        self._outcomes: list[Json] = []
        """The columns of the highlights that drafting fills."""
        self._worths: list[tuple[str, dict[str, float]]] = []
        """How likely a card of each sentence is kept, by key and by the sentence's name."""
        self._terms: list[tuple[str, SearchTerms]] = []
        self.gathered: tuple[list[Any], ...] = (
            *(self.changes, self.new, self._dropped_ids),
            *(self._rows, self._outcomes, self._worths, self._terms),
        )
        """All that `take` adds to."""

    def _read_equal(self, wanted: str) -> dict[_Likeness, list[_Titled]]:
        """Return the present highlights that may be drafted alike, by what they have in common.

        However many are equal, they are read once.
        """
        equal: dict[_Likeness, list[_Titled]] = defaultdict(list)
        rows = self._store.rows(
            "SELECT h.body, d.title FROM highlight h JOIN document d ON d.id = h.document"
            " WHERE h.state = 'present' AND h.folded IN ("
            f"SELECT m.folded FROM highlight m WHERE m.key IN {EACH} AND EXISTS (SELECT 1"
            " FROM highlight o WHERE o.folded = m.folded AND o.key != m.key"
            " AND o.state = 'present')) ORDER BY h.rowid",
            wanted,
        )
        for row in rows:
            other = _Titled(decode_highlight(row), row["title"])
            alike = _in_common(other.highlight)
            for likeness in (alike.words, *alike.beside):
                equal[likeness].append(other)
        return equal

    def _read_former(self) -> dict[str, list[Row]]:
        """Return by a hash of their words the present highlights that had them, and have others."""
        now = {}
        for row in self._highlights.values():
            words = words_read(decode_highlight(row))
            now[hash_of_words(words)] = for_finding(words)
        former: dict[str, list[Row]] = defaultdict(list)
        rows = self._store.rows(
            "SELECT e.words, h.key, h.folded, d.title FROM json_each(?) now"
            " JOIN event e ON e.words = now.key AND e.words != ''"
            " JOIN highlight h ON h.key = e.key AND h.state = 'present' AND h.folded != now.value"
            " JOIN document d ON d.id = h.document ORDER BY h.key",
            encode(now),
        )
        for row in rows:
            former[row["words"]].append(row)
        return former

    def _alike(self, highlight: Highlight) -> Iterator[_Titled]:
        """Yield the others that have a highlight's text, a short one beside the same words."""
        alike = _in_common(highlight)
        is_sure = highlight.kind is HighlightKind.CARD or alike.is_long
        for likeness in (alike.words,) if is_sure else alike.beside:
            yield from self._equal.get(likeness, ())

    def leave(self, highlight: Highlight, error: BugError) -> None:
        """Leave a highlight as it is: it was not drafted, and the next run tries again."""
        row = self._highlights.get(highlight.key)
        worth = row["worth"] if row else 0.0
        left = {"key": highlight.key, "drafted": "", "fate": "failed", "worth": worth}
        why = {"reason": error.message, "declined": ""}
        self._outcomes.append(left | why)

    def take(self, drafted: Drafted, terms_of: Callable[[Card], SearchTerms]) -> None:
        """Take the drafts of a highlight: cards follow them, or they wait."""
        store = self._store
        key = drafted.highlight.key
        highlight_row = self._highlights.get(key) or cards.highlight_row(store, key)
        highlight = decode_highlight(highlight_row)
        passage = store.passage(key)

        # an exact copy of another passage gets no draft
        original = ""
        if not passage.decided:
            former = self._had.get(hash_of_words(words_read(highlight)), ())
            original = _original_of(store, highlight, passage, self._alike(highlight))
            original = original or _had_these_words(store, highlight, passage, former)
        if original:
            drafted = Drafted(drafted.highlight, reason=SAME_WORDS + original)

        # nothing is proposed of what a model judged not worth a card
        is_declined = drafted.declined and not self._beside
        if self._by_rules:
            is_declined = highlight_row["declined"] == highlight_row["content"]

        # the person's own form, earlier drafts, and the others, each about a sentence
        text = facts.text_of(highlight)
        made = _Made.of(self._as_told(passage, drafted, terms_of), text, is_declined)
        earlier = self._waiting_on(passage, highlight)
        there = sentences.elsewhere(store, passage, facts.sentences(text))
        of = desk.OfferedPassage(passage, text, rows=earlier, elsewhere=there)
        drafted_facts = self._take_own(of, made.own, highlight)

        of = desk.OfferedPassage(store.passage(key), text, earlier, there)
        shown = of.facts_now(drafted=[*drafted_facts, *made.drafted_facts])
        self._take_others(of.passage, made.others, shown)
        desk.settle(store, earlier, shown, (), self._dropped_ids.append)
        self._note_outcome(drafted, highlight_row, is_declined=is_declined)

    def _note_outcome(
        self, drafted: Drafted, highlight_row: Row, *, is_declined: bool
    ) -> None:
        """Gather what drafting tells of a highlight."""
        key, words = highlight_row["key"], highlight_row["content"]
        worth = drafted.worth if self._by_rules else highlight_row["worth"]
        if is_declined and worth > 0:  # nothing is proposed of it
            worth -= 1.0
        outcome = {
            "key": key,
            # what failed counts as not drafted, and is drafted again
            "drafted": "" if drafted.failed else words,
            "reason": drafted.reason.removeprefix("skip: "),
            "fate": drafted.fate,
            "worth": worth,
            "declined": words if is_declined else "",
        }
        if is_declined and not self._by_model:  # the model's reason stands
            outcome |= {"fate": "no_card", "reason": highlight_row["reason"]}
        self._outcomes.append(outcome)

        # the worth of each sentence, which is the last one of its words: it may lean on others
        if self._by_rules:
            text = facts.text_of(drafted.highlight)
            worth_by_name: dict[str, float] = {}
            for quote, worth in drafted.worths:
                for sentence in facts.covered(text, quote)[-1:]:
                    worth_by_name.setdefault(facts.name_of(sentence), worth)
            self._worths.append((key, worth_by_name))

    def _take_own(
        self,
        of: desk.OfferedPassage,
        own: Sequence[Card],
        highlight: Highlight,
    ) -> list[str]:
        """Give cards the words of the person's own form; it waits if these are held back, or new.

        Return the names of the facts about which it waits.
        """
        store = self._store
        waiting_facts: list[str] = []
        own_waiting = 0
        for draft in own:
            held = _follow(store, of, draft, highlight, self.changes)
            passage = store.passage(highlight.key)
            covered = facts.covered(of.text, draft.quote)
            if not is_new(store, passage, draft):
                continue
            names = [facts.name_of(each) for each in covered]
            fact = Fact("", card=held)
            self._let_wait(draft, own_waiting, passage, " ".join(names), fact)
            own_waiting += 1
            waiting_facts += names
        return waiting_facts

    def _take_others(
        self,
        passage: Passage,
        others: Iterable[tuple[Card, str]],
        shown: Sequence[Fact],
    ) -> None:
        """Let drafts wait that are about an offered fact, or that a person asked for.

        Args:
            passage: the passage.
            others: its drafts, each with its sentence; "" if none is known.
            shown: the facts of the passage.
        """
        offered = facts.offered(shown)
        # the sentences with a draft of the note type of the card about which they ask: the
        # drafts of the other type are left out
        asking = set()
        for draft, sentence in others:
            fact = offered.get(facts.name_of(sentence))
            if fact and desk.card_asked(self._store, fact, draft.kind.value):
                asking.add(sentence)
        for position, (draft, sentence) in enumerate(others):
            name = facts.name_of(sentence) if sentence else ""
            fact = offered.get(name)
            if fact is None:
                if not self._beside and (sentence or passage.closed):
                    continue
                if is_known(passage, draft):
                    continue
                fact = Fact(sentence)
            asks = desk.card_asked(self._store, fact, draft.kind.value)
            if fact.card and not asks and sentence in asking:
                continue
            if (
                draft.proposed and not asks
            ):  # a proposal is stored only as new words of a card
                continue
            fact = replace(fact, card=asks)
            if fact.card and draft.gaps:
                # the gap that is the most like the card comes first
                card, _ = cards.state_of(self._store, fact.card)
                nearest = nearest_gap(draft, card.field("Text"))
                draft = with_first_gap(draft, nearest)
            self._let_wait(draft, position, passage, name, fact)

    def _waiting_on(self, passage: Passage, highlight: Highlight) -> list[Row]:
        """Return the earlier drafts of a passage that wait on, under all its keys.

        A model's stay while their quote is there, perhaps in another sentence now.
        """
        store = self._store
        earlier: Sequence[Row] = self._waiting[highlight.key]
        if len(passage.keys) > 1:
            earlier = desk.offered_passage(store, passage).rows
        text = facts.text_of(highlight)
        kept_ids = []
        for row in earlier:
            draft = decode_draft(row["body"])
            if self._is_replaced(row, draft, highlight):
                self._dropped_ids.append(row["id"])
                continue
            kept_ids.append(row["id"])
            if row["fact"] and not row["slot"] and not draft.proposed:
                sentence = facts.fact_of(draft, text)
                if sentence:
                    query = "UPDATE draft SET fact = ? WHERE id = ?"
                    store.write(query, facts.name_of(sentence), row["id"])
        query = f"SELECT * FROM offered WHERE id IN {EACH}"
        return store.rows(query, encode(kept_ids)) if kept_ids else []

    def _is_replaced(self, row: Row, draft: Card, highlight: Highlight) -> bool:
        """Return whether what is drafted now takes the place of a draft that waits."""
        if self._beside:
            return False
        if row["key"] != highlight.key:
            return draft.proposed and not self._by_model
        is_of_rules: bool = row["drafter"].startswith(("rules", PROPOSE))
        if self._by_model:
            return not is_of_rules
        return is_of_rules or not stands_in(draft.quote, highlight)

    def _as_told(
        self,
        passage: Passage,
        drafted: Drafted,
        terms_of: Callable[[Card], SearchTerms],
    ) -> Iterator[Card]:
        """Yield drafts as the cards have them, without findings about cards told apart."""
        query = "SELECT passage FROM card WHERE guid = ?"
        for draft in _in_slots(drafted.drafts):
            if draft.unfit:
                continue
            findings = []
            for finding in draft.findings:
                other_key = self._store.value(query, finding.duplicate)
                other = self._store.passage(other_key) if other_key else None
                if other is None or not passage.told_apart_from(other):
                    findings.append(finding)
            told = _as_on_card(passage, replace(draft, findings=tuple(findings)))
            self._terms.append((f"{told.kind}{content(told)}", terms_of(draft)))
            yield told

    def _let_wait(
        self,
        draft: Card,
        position: int,
        passage: Passage,
        names: str,
        fact: Fact,
    ) -> None:
        """Gather the row of a draft that waits.

        Args:
            draft: the draft.
            position: its place among the drafts of its highlight.
            passage: its passage.
            names: the name of its sentence; of the person's own form, of all its sentences.
            fact: the card that may get its words, and what was decided in nearly the same ones.
        """
        severity, findings = summed_up(draft.findings)

        # the card that the source's own words would replace: that in the same slot, of another
        # note type, or one that was a proposal
        replaces = ""
        if draft.in_slot:
            card_in_slot = passage.card_in_slot(draft)
            proposed = proposed_card(passage)
            if proposed is not None and (card_in_slot is None or not card_in_slot.live):
                replaces = proposed.id
            for card in passage.live:
                if (
                    card.in_slot
                    and card.slot == draft.slot
                    and card.family is not draft.family
                ):
                    replaces = card.id
                    break

        id = self._id_of(draft)
        row: Json = {
            "id": id,
            "key": draft.key,
            "content": content(draft),
            "slot": draft.slot,
            "position": position,
            "kind": draft.kind.value,
            "deck": draft.deck,
            "drafter": draft.origin.drafter,
            "severity": severity,
            "fact": names,
            "near": fact.near,
            "revises": fact.card,
            "replaces": replaces,
            "findings": findings,
            "tags": listed(map(tag_name, draft.tags)),
            "words": words_of(draft.fields),
            "body": encode(draft),
        }
        self._rows.append(row)
        if not fact.card:
            self.new.append(id)

    def _id_of(self, draft: Card) -> str:
        """Return the id of a draft: that of an equal one, which may come from another passage."""
        words = (draft.family, draft.slot, content(draft), draft.gaps)
        for row in self._waiting[draft.key]:
            old = decode_draft(row["body"])
            if words == (old.family, old.slot, row["content"], old.gaps):
                return str(row["id"])
        id = draft_id(draft)
        query = "SELECT 1 FROM draft WHERE id = ? AND key != ?"
        while self._store.row(query, id, draft.key):  # it went to another passage
            id = f"{DRAFT_PREFIX}{h16(id, draft.key)}"
        return id

    def write(self) -> None:
        """Write the gathered rows."""
        store = self._store
        dropped = [(id,) for id in self._dropped_ids]
        store.write_all("DELETE FROM draft WHERE id = ?", dropped)
        store.insert("draft", self._rows, verb="INSERT OR REPLACE")
        columns = "drafted = :drafted, worth = :worth"
        if self._by_model:
            columns = "modelled = :drafted, declined = :declined, worth = :worth"
            if self._beside:
                columns = "modelled = :drafted"
        query = f"UPDATE highlight SET {columns}, reason = :reason, fate = :fate WHERE key = :key"
        store.write_all(query, self._outcomes)
        sentences.judge(store, self._worths)
        keep_terms(store, self._terms)


def keep_terms(store: Store, terms: Iterable[tuple[str, SearchTerms]]) -> None:
    """Store search terms by the kind and content of their cards, or by another digest."""
    rows = []
    for digest, search_terms in terms:
        words = " ".join(search_terms.words)
        finders = " ".join(search_terms.finders)
        exact_and_question = (search_terms.exact, search_terms.question)
        rows.append((digest, words, finders, *exact_and_question))
    store.write_all(
        "INSERT OR IGNORE INTO indexed (digest, words, finders, exact, question)"
        " VALUES (?, ?, ?, ?, ?)",
        rows,
    )


# --- words ------------------------------------------------------------------------------


def _as_on_card(passage: Passage, draft: Card) -> Card:
    """Return a draft of the source's own with the numbers and paths that its card has.

    A number names a card in Anki, so it stays with its words, and one that was ever
    shipped for other words is not free.
    """
    card = passage.card_in_slot(draft) if draft.in_slot else None
    if card is None:
        return draft
    fields = dict(draft.fields)
    if draft.kind is CardKind.OCCLUSION:
        old = occlusion.masks_in(card.fields)
        new = occlusion.masks_in(draft.fields)
        followed = occlusion.follow(old, new, card.numbers)
        fields[occlusion.FIELD] = occlusion.write(followed.masks)
        return replace(draft, fields=tuple(fields.items()))

    # a picture that is not found is named as the note does, without its folder
    known_words = (*card.given.values(), *_texts(card))
    known_paths = image_paths("\n".join(known_words))
    for name, words in draft.fields:
        for path in image_paths(words):
            longer = [known for known in known_paths if known.endswith(f"/{path}")]
            if len(longer) == 1:
                fields[name] = fields[name].replace(f"]({path})", f"]({longer[0]})")
    if draft.kind is CardKind.CLOZE:
        clozes = [make(int(number), words) for number, words in card.numbers.items()]
        fields["Text"] = keep_numbers(
            old=card.field("Text"),
            new=fields["Text"],
            used=tuple(map(int, card.numbers)),
            earlier=[" ".join(clozes)],
        )
    return replace(draft, fields=tuple(fields.items()))


def _texts(card: Card) -> list[str]:
    """Return the texts of all fields of a card."""
    return [text for _, text in card.fields if text]


# --- copies -----------------------------------------------------------------------------


class _Titled(NamedTuple):
    """A highlight, and the title of its document."""

    highlight: Highlight
    title: str


_Likeness = tuple[Any, ...]


class _InCommon(NamedTuple):
    """What a highlight has in common with others of which the drafts would be the same."""

    words: _Likeness
    """Its words and marks."""
    beside: list[_Likeness]
    """The same, with the words before or after it."""
    is_long: bool
    """Whether the words alone are no coincidence."""


def _in_common(highlight: Highlight) -> _InCommon:
    """Return what a highlight has in common with others that may be copies."""
    words = (highlight.exact, highlight.gaps, highlight.markdown, highlight.comment)
    newest = mark_of(highlight).newest
    beside = [(*words, *side) for side in sorted(sides_of(newest))]
    return _InCommon(words, beside, is_long=len(newest.text) >= LONG)


def _original_of(
    store: Store, highlight: Highlight, passage: Passage, others: Iterable[_Titled]
) -> str:
    """Return the title of the document that has the original, if this is a copy; else "".

    Args:
        store: the store.
        highlight: the highlight that may be one, undecided.
        passage: its passage.
        others: the highlights of which the drafts would be the same, the oldest first.
    """
    for other, title in others:
        if other.key in passage.keys:
            continue
        if highlight.kind is not HighlightKind.CARD:
            if not match_moved([mark_of(other)], [mark_of(highlight)]):
                continue
        if not store.passage(other.key).decided:
            if other.skip or forms.form_choice(store, other) == forms.NEVER:
                continue
            if _issued_at(store, other.key) >= _issued_at(store, highlight.key):
                continue
        return title
    return ""


def _had_these_words(
    store: Store, highlight: Highlight, passage: Passage, others: Iterable[Row]
) -> str:
    """Return where the decided passage is that had the same words before they changed.

    This one is a copy of it that stayed as it was, and is no other fact, whatever became of
    the cards of the other.
    """
    is_short = len(for_finding(highlight.exact)) < LONG
    if is_short and highlight.kind is not HighlightKind.CARD:
        return ""
    words = words_read(highlight)
    for row in others:
        if row["words"] != hash_of_words(words):
            continue
        other = store.passage(row["key"])
        if (
            other.key == passage.key
            or passage.told_apart_from(other)
            or not other.decided
            or row["folded"] == for_finding(words)
        ):
            continue
        if is_perhaps(row["folded"], for_finding(words)):
            return f"{row['title']}, before they changed"
    return ""


def _issued_at(store: Store, highlight_key: str) -> int:
    """Return the number of the event that issued a key; 0 = unknown."""
    numbers = []
    for event in store.events([highlight_key]):
        if event.what == "key":
            numbers.append(event.n)
    return min(numbers, default=0)


# --- drafts and cards -------------------------------------------------------------------


def _follow(
    store: Store,
    of: desk.OfferedPassage,
    draft: Card,
    highlight: Highlight,
    changes: list[Change],
) -> str:
    """Change the live card of a draft's slot, if the source's text changed.

    Return the guid of the card if its new words are held back, to wait as a revision; else
    "". What a person is to know is added to `changes`.
    """
    card = of.passage.card_in_slot(draft)
    if card is None or not card.live:
        return ""
    if not is_news(card, draft) or is_stale(card, store.machine, draft):
        return ""
    why = _why_held(card, draft)
    if why:
        after = tuple(wording_of(draft).fields.items())
        changes.append(Change(card.guid, card.fields, after, why))
        return card.guid
    if _is_derived(draft, highlight):
        from rapidfuzz import fuzz

        if fuzz.ratio(" ".join(_texts(card)), " ".join(_texts(draft))) < DERIVED_ALIKE:
            return card.guid  # nothing is reported: the words only wait

    body = {"guid": card.guid, "draft": msgspec.to_builtins(wording_of(draft))}
    event = store.add("revise", draft.key, SOURCE, body)
    desk.decide(store, of, event, facts.covered(of.text, draft.quote))
    revised = store.passage(draft.key).cards[card.guid]
    change = cards.change_of(revised, card)
    if change is not None:
        changes.append(change)
    return ""


def _why_held(card: Card, draft: Card) -> str:
    """Return why a card does not get the new words of its source unasked; "" if it does."""
    if draft.blocked:
        return "a check blocks the new words"
    if draft.kind is CardKind.OCCLUSION:
        old, new = occlusion.masks_in(card.fields), occlusion.masks_in(draft.fields)
        is_sure = occlusion.follow(old, new, card.numbers).sure
        return "" if is_sure else "its figure has changed too much"
    if any(map(damage_in, _texts(card))):
        return ""
    damage = next(filter(None, map(damage_in, _texts(draft))), "")
    return f"the new words are damaged: “{damage}”" if damage else ""


def _is_derived(draft: Card, highlight: Highlight) -> bool:
    """Return whether the words of a draft were read from the page of a PDF."""
    if draft.kind is CardKind.OCCLUSION or highlight.kind is HighlightKind.CARD:
        return False
    return highlight.source_kind is SourceKind.PDF
