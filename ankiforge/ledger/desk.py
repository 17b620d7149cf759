"""The desk: what is to be drafted, what waits for a decision, and what a decision settles.

What waits is a card whose verdict is `OFFERED`: a row of the table `draft`, with its passage.
An *offer* is what a person decides on: one fact of one passage, over all its keys, or the
change of a card. Here, and nowhere else, drafts are grouped: by the column `offer` of the view
`offered` in `schema.sql`. The column `draft.fact` names the fact of a draft; "" is a fact of its
own. Drafts are recorded in `recording.py`, decided on in `decide.py`.

What must stay true:

- `highlight.drafted` and `modelled` hold the content that was drafted last; '' asks for
  drafts again.
- A draft that waits asks about a fact that nobody decided (`settle`); the person's own
  form, about words that are new (`is_new`).
- A decision writes two events: itself, and `fact` with the sentences that it decides
  (`decide`). Where the offered facts change, `settle` takes the drafts of the others away.
- A draft with a remark (`model.RemarkKind`) is never accepted by policy.
- A draft whose passage is in doubt is not decided on before its question is answered
  (`waiting`).
- What a decision takes out of those that wait, `undo` brings back (`put_away`, `bring_back`).
"""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import (
    Callable,
    Collection,
    Iterable,
    Iterator,
    Sequence,
)
from itertools import chain
from urllib.parse import unquote

import msgspec
from msgspec.structs import replace

from ankiforge.errors import RefusedError
from ankiforge.ledger import belonging, cards, facts, forms, sentences
from ankiforge.ledger.database import in_batches
from ankiforge.ledger.events import (
    PERSON,
    Event,
    FactDecision,
    Passage,
    content,
    guid_of,
    is_news,
    is_stale,
    slot_of,
    stands_in,
)
from ankiforge.ledger.facts import Fact
from ankiforge.ledger.fold import decision_of
from ankiforge.ledger.readings import decode_highlight, decode_highlight_body
from ankiforge.ledger.sentences import Elsewhere
from ankiforge.ledger.store import EACH, Row, Store, encode, listed
from ankiforge.model import (
    AGENT,
    DRAFT_PREFIX,
    FIGURE,
    FOREIGN_PREFIX,
    PROPOSE,
    Card,
    CardKind,
    DocumentId,
    Finding,
    Guid,
    Highlight,
    Json,
    Origin,
    Pair,
    Remark,
    RemarkKind,
    Severity,
    Strings,
    Texts,
    Value,
    Verdict,
    h16,
    is_card_id,
    note_id,
)
from ankiforge.text import counted, regex
from ankiforge.text.cloze import cloze_answers, literal, make, plain
from ankiforge.text.fold import document_tag, locate_words

NAMES_ANOTHER = (
    "(d.findings LIKE '%duplicate%' OR d.findings LIKE '%similar%'"
    " OR d.findings LIKE '%same_front%')"
)
"""Whether a finding of a draft may name another card or draft, as a condition in SQL."""
SAME_WORDS = "same words as in "
"""How the reason of a copy begins, before the title of the document that has the
original."""
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


def draft_again(store: Store, highlight_key: str, *, by_model: bool = True) -> None:
    """Ask the rules again for drafts of a highlight, and the model, unless it is not meant."""
    columns = "drafted = '', modelled = ''" if by_model else "drafted = ''"
    store.write(f"UPDATE highlight SET {columns} WHERE key = ?", highlight_key)


def draft_copies_again(store: Store, highlight_key: str) -> None:
    """Ask the rules again for drafts of passages that have, or had, the words of a highlight.

    It changed, went or came back: so it may be their original no longer, or again.
    """
    with_words_of_it = (
        "SELECT other.key FROM event mine JOIN event other USING (words)"
        " WHERE mine.key = ?1 AND mine.words != ''"
    )
    store.write(
        "UPDATE highlight SET drafted = '' WHERE key != ?1"
        " AND (folded = (SELECT folded FROM highlight WHERE key = ?1)"
        f" OR key IN ({with_words_of_it}))"
        " AND (reason GLOB ?2"
        " OR EXISTS (SELECT 1 FROM draft d WHERE d.key = highlight.key))",
        highlight_key,
        f"{SAME_WORDS}*",
    )


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


def draft_id(draft: Card) -> str:
    """Return the id of a draft, the same on every machine; with other gaps, it is another."""
    words = (draft.family.value, slot_of(draft), content(draft), *draft.gaps[1:])
    return f"{DRAFT_PREFIX}{h16(draft.key, *words)}"


def draft_again_of(card: Card, highlight: Highlight) -> Card:
    """Return the words of a card as a draft of a passage that has their quote."""
    return Card(
        highlight.key,
        card.kind,
        card.fields,
        card.quote,
        card.field("Back") or cloze_answers(card.field("Text")),
        max(highlight.exact.find(card.quote), 0),
        card.origin,
        card.tags,
    )


def is_new(store: Store, passage: Passage, draft: Card) -> bool:
    """Return whether the person's own form is to be offered: not rejected, and no card yet."""
    if passage.skipped or passage.was_passed_over(draft) or passage.refuses(draft):
        return False
    card = passage.card_in_slot(draft)
    if card is None:
        proposed = proposed_card(passage)
        return proposed is None or content(proposed) != content(draft)
    # beside the card in their slot
    if card.verdict is Verdict.TAKEN_BACK:
        return True
    return card.live and is_news(card, draft) and not is_stale(card, store.machine, draft)


def is_known(passage: Passage, draft: Card) -> bool:
    """Return whether a drafter's words were rejected, or are, or were, those of a card."""
    words = content(draft)
    if words in passage.rejected:
        return True
    for card in passage.cards.values():
        if words in (content(card), card.slot) and card.verdict is not Verdict.TAKEN_BACK:
            return True
    return False


def taken_back(store: Store, highlight: Highlight) -> Iterator[Card]:
    """Yield the drafts of a model whose acceptance was undone, where they no longer wait.

    The journal has their words when the database that had the drafts is lost.
    """
    for card in store.passage(highlight.key).cards.values():
        if card.verdict is not Verdict.TAKEN_BACK or card.in_slot:
            continue
        if card.origin.drafter not in ("llm", AGENT):
            continue
        if not stands_in(card.quote, highlight):
            continue
        draft = draft_again_of(card, highlight)
        if store.row("SELECT 1 FROM draft WHERE id = ?", draft_id(draft)) is None:
            yield draft


def proposed_card(passage: Passage) -> Card | None:
    """Return a live card that was accepted from a proposal."""
    for card in passage.live:
        if card.proposed:
            return card
    return None


def put_away(store: Store, draft_id: str, event: Event) -> None:
    """Take a draft out of those that wait, because of a decision that may be undone."""
    store.write(
        "INSERT INTO decided SELECT ?, * FROM draft WHERE id = ?",
        event.id,
        draft_id,
    )
    store.write("DELETE FROM draft WHERE id = ?", draft_id)


# --- the gaps of proposals --------------------------------------------------------------


def with_gap(draft: Card, number: int) -> Card:
    """Return a draft with one of its gaps, by its number from 1.

    Raises:
        RefusedError: it has fewer.
    """
    if number == 1 and not draft.gaps:
        return draft
    if not 1 <= number <= len(draft.gaps):
        if draft.gaps:
            message = f"this proposal has only {counted(len(draft.gaps), 'gap')}"
        else:
            message = f"gap {number}: only proposals have several gaps to choose from"
        raise RefusedError(message, hint="ankiforge show ID")
    text = draft.gaps[number - 1]
    fields = tuple(
        (name, text if name == "Text" else words) for name, words in draft.fields
    )
    return replace(draft, fields=fields, answer=cloze_answers(text), gaps=())


def with_first_gap(draft: Card, number: int) -> Card:
    """Return a proposal that begins with another one of its gaps."""
    first = draft.gaps[number - 1]
    others = [gap for gap in draft.gaps if gap != first]
    return replace(with_gap(draft, number), gaps=(first, *others))


def nearest_gap(draft: Card, text: str) -> int:
    """Return the number of the gap whose text is the most like another one."""
    from rapidfuzz import fuzz

    scores = [fuzz.ratio(gap, text) for gap in draft.gaps]
    return scores.index(max(scores)) + 1 if scores else 1


def summed_up(findings: Sequence[Finding]) -> Pair:
    """Return the worst severity of findings, and the checks and severities of all."""
    checks = [finding.check for finding in findings]
    severities = [finding.severity.value for finding in findings]
    worst = ""
    for severity in ("block", "warn", "info"):
        if severity in severities:
            worst = severity
            break
    return worst, listed(dict.fromkeys((*checks, *severities)))


# --- what a decision settles ------------------------------------------------------------


class OfferedPassage(Value):
    """A passage as it is read here and now, with the drafts that wait."""

    passage: Passage
    text: str = ""
    """Its sentences are its facts; "" if it is nowhere."""
    rows: Sequence[Row] = ()
    """Its drafts, over all its keys."""
    elsewhere: Elsewhere = Elsewhere()
    """What was decided in other passages on the sentences that it has, or had."""

    @property
    def sentences(self) -> Strings:
        """All its sentences."""
        return facts.sentences(self.text)

    def names_of_decided(self, *, of_proposals: bool = False) -> set[str]:
        """Return the names of all sentences of it that were decided, wherever they were.

        `of_proposals`: also those of which a proposal was rejected.
        """
        names: set[str] = set()
        for event in (*self.passage.facts, *self.elsewhere.decisions):
            if event.of and (of_proposals or not event.of_proposal):
                names.update(map(facts.name_of, event.sentences))
        return names

    def names_with_card(self) -> set[str]:
        """Return the names of the sentences that have a live card, wherever they were decided."""
        live = {card.id for card in self.passage.live} | self.elsewhere.live
        names: set[str] = set()
        for event in (*self.passage.facts, *self.elsewhere.decisions):
            if event.of and event.guid in live:
                names.update(map(facts.name_of, event.sentences))
        return names

    def facts_now(
        self,
        decisions: Sequence[FactDecision] | None = None,
        *,
        live: str = "",
        ended: str = "",
        drafted: Iterable[str] = (),
    ) -> tuple[Fact, ...]:
        """Return its facts, as the journal has them or after one more decision.

        Args:
            decisions: those on its facts; None = those of the journal.
            live: a card that the last decision made.
            ended: a card that the last decision ended.
            drafted: hashes of sentences that have a draft besides `rows`.
        """
        decisions = self.passage.facts if decisions is None else decisions
        all_decisions = [*decisions, *self.elsewhere.decisions]
        all_decisions.sort(key=lambda decision: decision.order)
        guids = {card.id for card in self.passage.live if not card.in_slot}
        given = self.sentences
        names = set(drafted)
        for row in self.rows:
            if row["drafter"] != PROPOSE:
                names.update(row["fact"].split())
        return facts.read(
            given,
            all_decisions,
            (guids | self.elsewhere.live | {live}) - {ended, ""},
            standing=self.elsewhere.standing,
            drafted=[each for each in given if names and facts.name_of(each) in names],
            closed=self.passage.closed,
        )


def offered_passage(store: Store, passage: Passage) -> OfferedPassage:
    """Return a passage as it is read here and now."""
    query = f"SELECT * FROM offered WHERE key IN {EACH} ORDER BY key, position"
    rows = store.rows(query, encode(passage.keys))
    leading = cards.leading_row(store, passage)
    text = facts.text_of(decode_highlight(leading)) if leading else ""
    there = sentences.elsewhere(store, passage, facts.sentences(text))
    return OfferedPassage(passage, text, rows, there)


def corrected(
    store: Store,
    highlight: Highlight,
    made: Iterable[Card],
    proposals: Callable[[Highlight], Iterable[Card]],
) -> Iterator[Card]:
    """Yield the cards of a passage in the words that their sentences have now.

    The offer asks whether they are the cards' new text. Left out is what other drafts are
    about.

    Args:
        store: the store.
        highlight: the passage.
        made: the other drafts of it.
        proposals: returns those of the passage, for a sentence that no longer has the answer.
    """
    passage = store.passage(highlight.key)
    given = facts.sentences(facts.text_of(highlight))
    if not (passage.live or sentences.elsewhere(store, passage, given).live):
        return
    of = offered_passage(store, passage)
    families_drafted = {(facts.fact_of(draft, of.text), draft.family) for draft in made}
    for fact in of.facts_now():
        if not fact.card:
            continue
        card, _ = cards.state_of(store, fact.card)
        if (fact.sentence, card.family) in families_drafted:
            continue
        fields = _fields_in(fact.sentence, card)
        if not fields:
            for draft in proposals(highlight):
                is_of_fact = facts.fact_of(draft, of.text) == fact.sentence
                if is_of_fact and draft.family is card.family:
                    yield draft
            continue
        reworded = replace(
            card,
            fields=tuple(fields.items()),
            quote=fact.sentence,
            origin=Origin(PROPOSE),
            tags=(),
        )
        yield draft_again_of(reworded, highlight)


def _fields_in(sentence: str, card: Card) -> Texts:
    """Return the fields of a card in the words of a sentence; {} if that lacks its answer."""
    fields = dict(card.fields)
    if card.kind is not CardKind.CLOZE:
        return fields if locate_words(plain(card.field("Back")), sentence) else {}
    answer = cloze_answers(card.field("Text"))
    before, found, after = sentence.partition(answer) if answer else ("", "", "")
    text = f"{literal(before)}{make(1, literal(answer))}{literal(after)}"
    return {**fields, "Text": text} if found and (before or after) else {}


# --- what a decision decides ------------------------------------------------------------


def decide(
    store: Store,
    of: OfferedPassage,
    event: Event,
    decided: Strings,
    draft_id: str = "",
) -> None:
    """Record which facts a decision decides, and take away the drafts that it settles.

    Args:
        store: the store.
        of: its passage before it.
        event: the decision, with the card that it makes, rewords or ends, if any.
        decided: the sentences that it decides.
        draft_id: the draft that it is on; "" = a card, or words of the person.
    """
    before = of.facts_now()
    now_decided = set(map(facts.name_of, decided))
    decided_before = {facts.name_of(fact.sentence) for fact in before if fact.decided}
    passed = _passed_over(of, draft_id, now_decided | decided_before)
    decision = record_facts(store, of, event, decided, passed)

    def take(row_id: str) -> None:
        if event.by == PERSON:
            put_away(store, row_id, event)
        else:
            store.write("DELETE FROM draft WHERE id = ?", row_id)

    going = {draft_id, *[row["id"] for row in passed]} - {""}
    for row_id in going:
        take(row_id)
    left = [row for row in of.rows if row["id"] not in going]
    if left or len(of.sentences) > len(now_decided):
        decisions = [*of.passage.facts, decision]
        guid = decision.guid
        live, ended = ("", guid) if event.what == "reject" else (guid, "")
        after = replace(of, rows=left).facts_now(decisions, live=live, ended=ended)
        settle(store, left, after, now_decided, take)
        _draft_what_lacks(store, of.passage, left, after)
    settle_others(store, of.passage.key, decided)


def _passed_over(
    of: OfferedPassage, draft_id: str, decided: Collection[str]
) -> list[Row]:
    """Return the person's own forms that a decision on a draft beside them passes over.

    All of their facts are decided.
    """
    accepted = [row for row in of.rows if row["id"] == draft_id and not row["slot"]]
    offers = [row["offer"] for row in accepted]
    own = [row for row in of.rows if row["slot"] and row["offer"] in offers]
    return [row for row in own if set(decided).issuperset(row["fact"].split())]


def record_facts(
    store: Store,
    of: OfferedPassage,
    event: Event,
    decided: Strings,
    passed: Iterable[Row] = (),
) -> FactDecision:
    """Record which sentences a decision decides, of all that its passage has."""
    body: Json = {
        "of": event.id,
        "sentences": decided,
        "passage": [facts.name_of(sentence) for sentence in of.sentences],
    }
    if event.body.get("guid"):
        body["guid"] = event.body["guid"]
    if passed:
        body["passed"] = [row["content"] for row in passed]
    store.add("fact", event.key, event.by, body)
    decision = decision_of(event, body)
    is_own = decision.own or decision.of_proposal
    sentences.note_decided(store, event.key, decided, own=is_own)
    return decision


def sentences_of_card(of: OfferedPassage, card: Card) -> Strings:
    """Return the sentences on which a decision on a card decides."""
    last = facts.of_cards(of.passage.facts).get(card.id)
    if last is not None:
        return last.sentences
    quoted = facts.covered(of.text, card.quote) or facts.sentences(card.quote)
    return facts.decided_of(quoted, card.origin.drafter)


# --- which drafts wait ------------------------------------------------------------------


def settle(
    store: Store,
    rows: Iterable[Row],
    shown: Sequence[Fact],
    decided: Collection[str],
    take: Callable[[str], None],
) -> None:
    """Take away the drafts of facts that are no longer offered; the others name the near one.

    Args:
        store: the store.
        rows: drafts of one passage.
        shown: its facts.
        decided: hashes of the sentences that were decided on meanwhile.
        take: takes a draft away, by its id.
    """
    for row, fact in settled_by(rows, shown, decided):
        if fact is None:
            take(row["id"])
            continue
        asks = card_asked(store, fact, row["kind"])
        if (asks, fact.near) != (row["revises"], row["near"]):
            query = "UPDATE draft SET revises = ?, near = ? WHERE id = ?"
            store.write(query, asks, fact.near, row["id"])


def settled_by(
    rows: Iterable[Row], shown: Sequence[Fact], decided: Collection[str]
) -> Iterator[tuple[Row, Fact | None]]:
    """Yield drafts of one passage, each with the fact that it is about; None = it waits no longer.

    The person's own forms and drafts about no fact are left out: they wait on. So does a
    draft that a person asked for on a fact decided before (`decided` has those of now).
    """
    offered = facts.offered(shown)
    standing = {facts.name_of(fact.sentence) for fact in shown if fact.decided}
    for row in rows:
        names = row["fact"].split()
        if row["slot"] or not names:
            continue
        [name] = names
        fact = offered.get(name)
        if fact is not None or name in decided or name not in standing:
            yield row, fact


def card_asked(store: Store, fact: Fact, kind: str) -> str:
    """Return the card about which a draft of a fact asks; "" = none.

    A draft of another note type is another card.
    """
    if not fact.card:
        return ""
    card, _ = cards.state_of(store, fact.card)
    return fact.card if CardKind(kind).family is card.family else ""


def requeue(store: Store, events: Sequence[Event]) -> None:
    """Draft passages again on which another machine decided; drop the drafts it settled."""
    decisions = ("accept", "adopt", "reject", "skip", "undo", "different", "retire")
    with store.transaction():
        decided = sorted({event.key for event in events if event.what in decisions})
        for key in decided:
            for each in store.keys(key):
                draft_again(store, each)
            if key.startswith("tool:"):
                belonging.draft_again(store, key)
        # what fails is settled when it is drafted
        store.attempt_each(decided, lambda key: settle_again(store, key))


def settle_again(store: Store, key: str) -> None:
    """Settle what waits in a passage whose decisions changed, and where its sentences stand."""
    settle_passage(store, key)
    named: dict[str, None] = {}
    for event in store.events(store.keys(key)):
        if event.what == "fact":
            named.update(dict.fromkeys(event.body["sentences"]))
    settle_others(store, key, tuple(named))


def settle_others(store: Store, key: str, decided: Strings) -> None:
    """Settle what waits in the other passages that have sentences decided, or open, in one."""
    for other in sentences.passages_with(store, decided):
        if other != store.first(key):
            settle_passage(store, other)


def settle_passage(store: Store, key: str) -> None:
    """Drop the drafts of a passage that no longer wait, as its events have changed.

    The rules are asked again if a fact is offered that has no draft.

    Args:
        store: the store, in a transaction.
        key: the oldest key of the passage.
    """
    of = offered_passage(store, store.passage(key))

    def take(row_id: str) -> None:
        store.write("DELETE FROM draft WHERE id = ?", row_id)

    for row in of.rows:
        if row["slot"] and not row["revises"]:
            if not is_new(store, of.passage, decode_draft(row["body"])):
                take(row["id"])
    if not of.text:  # it may come back
        for row in of.rows:
            if row["fact"] in of.names_of_decided() and not row["slot"]:
                take(row["id"])
        return
    shown = of.facts_now()
    decided = {facts.name_of(fact.sentence) for fact in shown if fact.decided}
    settle(store, of.rows, shown, decided, take)
    _draft_what_lacks(store, of.passage, of.rows, shown)


def _draft_what_lacks(
    store: Store, passage: Passage, rows: Iterable[Row], shown: Sequence[Fact]
) -> None:
    """Ask the rules again if a fact is offered that has no draft."""
    drafted = " ".join(row["fact"] for row in rows)
    if any(name not in drafted for name in facts.offered(shown)):
        for key in passage.keys:
            draft_again(store, key, by_model=False)


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
        store.read_same_words(row["content"] for row in rows)
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
            names = draft_row["fact"].split()
            on_draft = remarks.on(draft, draft_row["content"], names)
            yield replace(draft, remarks=tuple(on_draft))


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
        if not draft_row["revises"] and not is_new(store, passage, draft):
            return True
        return _follows(passage, draft_row, draft)
    if len(passage.keys) == 1:
        return False
    if draft.proposed and not leads(store, draft_row["key"], passage):
        return True
    name = draft_row["fact"]
    shown = offered_passage(store, passage).facts_now() if name else ()
    return bool(name) and name not in facts.offered(shown)


def _follows(passage: Passage, draft_row: Row, draft: Card) -> bool:
    """Return whether the next run gives the words of a draft to their card.

    The passage was found to be that of the card after it was drafted.
    """
    if draft_row["revises"]:
        return False
    card = passage.card_in_slot(draft)
    return card is not None and card.live and draft_row["severity"] != "block"


def settled(store: Store) -> set[str]:
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


class Remarks:
    """Why drafts need a person, with all that is read once for many of them."""

    def __init__(self, store: Store) -> None:
        self._store = store
        # the guids and the documents of notes in Anki that no card here has
        self._unknown_notes = set(store.get_value("strangers", list[str]) or [])
        # whether notes were deleted in Anki that may have been ours
        self._any_buried = store.row("SELECT 1 FROM grave") is not None
        self._fields = forms.Fields(store)

    def on(self, draft: Card, words: str, names: Sequence[str] = ()) -> Iterator[Remark]:
        """Yield why a draft with these words needs a person; `names`: of its sentences."""
        store = self._store
        passage = store.passage(draft.key)
        # a passage that is gone, and that it may be
        for _, old in _doubts(store, passage):
            is_live = store.passage(old).live
            yield Remark(RemarkKind.MOVED if is_live else RemarkKind.DECIDED_ON_LOST)
        before = self._before(passage, draft)
        if before is None and draft.in_slot:
            if sentences.are_decided_elsewhere(store, passage, names):
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
        if guid not in passage.cards and is_buried(self._store, guid):
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


def is_buried(store: Store, guid: str) -> bool:
    """Return whether the newest view tells that a note was deleted."""
    query = "SELECT 1 FROM grave WHERE id = ?"
    return store.row(query, note_id(Guid(guid))) is not None


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


def draft_in(draft_row: Row) -> Card:
    """Return a stored draft."""
    return replace(decode_draft(draft_row["body"]), id=draft_row["id"])


def waiting(store: Store, draft_id: str) -> tuple[OfferedPassage, Row]:
    """Return a passage with the row of a draft of it that waits.

    Raises:
        RefusedError: it no longer waits, or its passage is in doubt.
    """
    key = store.value("SELECT key FROM draft WHERE id = ?", draft_id)
    if key is not None:
        of = offered_passage(store, store.passage(key))
        [draft_row] = [row for row in of.rows if row["id"] == draft_id]
        # words are decoded only where there is a card that they may belong to
        has_cards = bool(of.passage.cards)
        if not (has_cards and _follows(of.passage, draft_row, draft_in(draft_row))):
            refuse_doubtful(store, key)
            return of, draft_row
    raise RefusedError(
        f"{draft_id} no longer waits", hint="ankiforge list --view new shows what waits"
    )


def read_ahead(store: Store, ids: Iterable[str]) -> Iterator[str]:
    """Yield ids of what will be decided on; passages and equal words are read many at a time."""
    for part in in_batches(ids):
        query = f"SELECT key, content FROM draft WHERE id IN {EACH}"
        rows = store.rows(query, encode(part))
        store.load(row["key"] for row in rows)
        store.read_same_words(row["content"] for row in rows)
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
