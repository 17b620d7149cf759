"""What a person sees of the facts of a passage now, and what a decision settles.

A decision writes two events: itself, and `fact` with the sentences that it decides (`decide`).
The drafts that wait are those of the facts that are offered: where these change, `settle`
takes the others away.

Tested by `tests/facts`.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Iterator, Sequence

import msgspec
from msgspec.structs import replace

from ankiforge.ledger import belonging, cards, drafts, facts
from ankiforge.ledger.events import PERSON, Event, FactDecision, Passage
from ankiforge.ledger.facts import Fact
from ankiforge.ledger.readings import decode_highlight
from ankiforge.ledger.store import EACH, Row, Store, encode
from ankiforge.model import PROPOSE, Card, Highlight, Json, Origin, Strings, Value
from ankiforge.text.cloze import cloze_answers, literal, make

_decode_numbers = msgspec.json.Decoder(tuple[int, ...]).decode


class OfferedPassage(Value):
    """A passage as it is read here and now, with the drafts that wait."""

    passage: Passage
    text: str = ""
    """Its sentences are its facts; "" if it is nowhere."""
    worthy: Strings = ()
    """Those that are worth a card, best first."""
    rows: Sequence[Row] = ()
    """Its drafts, over all its keys."""

    @property
    def sentences(self) -> Strings:
        """All its sentences."""
        return facts.sentences(self.text)

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
        if decisions is None:
            decisions = self.passage.facts
        guids = {card.id for card in self.passage.live if not card.in_slot}
        askable = (guids | {live}) - {ended, ""}
        given = self.sentences
        if self.passage.closed:  # a person wants nothing more of it
            return facts.read(given, decisions, askable)
        names = set(drafted)
        for row in self.rows:
            if row["drafter"] != PROPOSE:
                names.update(row["fact"].split())
        with_draft = [each for each in given if names and facts.name_of(each) in names]
        return facts.read(
            given, decisions, askable, worthy=self.worthy, drafted=with_draft
        )


def offered_passage(store: Store, passage: Passage) -> OfferedPassage:
    """Return a passage as it is read here and now."""
    query = f"SELECT * FROM offered WHERE key IN {EACH} ORDER BY key, position"
    rows = store.rows(query, encode(passage.keys))
    leading = cards.leading_row(store, passage)
    if leading is None:
        return OfferedPassage(passage, rows=rows)
    text = facts.text_of(decode_highlight(leading))
    return OfferedPassage(passage, text, worthy_of(leading, facts.sentences(text)), rows)


def worthy_of(highlight_row: Row, sentences: Strings) -> Strings:
    """Return those of the sentences of a highlight that are worth a card, best first."""
    numbers = _decode_numbers(highlight_row["worthy"])
    return tuple(sentences[number] for number in numbers if number < len(sentences))


def corrected(store: Store, highlight: Highlight, made: Iterable[Card]) -> Iterator[Card]:
    """Yield the cards of a passage in the words that their sentences have now.

    The offer asks whether they are the cards' new text. Left out is what other drafts are
    about, and what no longer has the answer.

    Args:
        store: the store.
        highlight: the passage.
        made: the other drafts of it.
    """
    passage = store.passage(highlight.key)
    if not passage.live:
        return
    of = offered_passage(store, passage)
    drafted = {facts.fact_of(draft, of.text) for draft in made}
    for fact in of.facts_now():
        if not fact.card or fact.sentence in drafted:
            continue
        card = passage.cards[fact.card]
        answer = cloze_answers(card.field("Text"))
        before, _, after = fact.sentence.partition(answer) if answer else ("", "", "")
        if before or after:
            text = f"{literal(before)}{make(1, literal(answer))}{literal(after)}"
            reworded = replace(
                card,
                fields=tuple({**dict(card.fields), "Text": text}.items()),
                quote=fact.sentence,
                origin=Origin(PROPOSE),
                tags=(),
            )
            yield drafts.draft_again_of(reworded, highlight)


# --- what a decision decides ------------------------------------------------------------


def decide(
    store: Store,
    of: OfferedPassage,
    event: Event,
    sentences: Strings,
    draft_id: str = "",
) -> None:
    """Record which facts a decision decides, and take away the drafts that it settles.

    Args:
        store: the store.
        of: its passage before it.
        event: the decision, with the card that it makes, rewords or ends, if any.
        sentences: those that it decides.
        draft_id: the draft that it is on; "" = a card, or words of the person.
    """
    guid: str = event.body["guid"]
    before = of.facts_now()
    now_decided = {facts.name_of(sentence) for sentence in sentences}
    decided = now_decided | {
        facts.name_of(fact.sentence) for fact in before if fact.decided
    }

    # the person's own forms all of whose facts are decided by one that waited beside them
    passed = []
    offers = [
        row["offer"] for row in of.rows if row["id"] == draft_id and not row["slot"]
    ]
    for row in of.rows:
        is_beside = row["slot"] and row["offer"] in offers
        if is_beside and decided.issuperset(row["fact"].split()):
            passed.append(row)
    body: Json = {
        "of": event.id,
        "sentences": sentences,
        "passage": [facts.name_of(sentence) for sentence in of.sentences],
        "facts": [facts.name_of(fact.sentence) for fact in before]
        if not of.passage.closed
        else [],
    }
    if guid:
        body["guid"] = guid
    if passed:
        body["passed"] = [row["content"] for row in passed]
    store.add("fact", event.key, event.by, body)

    def take(row_id: str) -> None:
        if event.by == PERSON:
            drafts.put_away(store, row_id, event)
        else:
            store.write("DELETE FROM draft WHERE id = ?", row_id)

    going = {draft_id, *[row["id"] for row in passed]} - {""}
    for row_id in going:
        take(row_id)
    left = [row for row in of.rows if row["id"] not in going]
    if left or len(of.sentences) > len(now_decided):
        decisions = [*of.passage.facts, msgspec.convert(body, FactDecision)]
        is_end = event.what == "reject"
        after = replace(of, rows=left).facts_now(
            decisions, live="" if is_end else guid, ended=guid if is_end else ""
        )
        settle(store, left, after, now_decided, take)
        _draft_what_lacks(store, of.passage, left, after)


def sentences_of_card(of: OfferedPassage, card: Card) -> Strings:
    """Return the sentences of its passage on which a decision on a card decides."""
    for decision in reversed(of.passage.facts):
        if decision.guid == card.id:
            return decision.sentences
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
        decided: hashes of the sentences that were decided on meanwhile. A draft that a person
            asked for on another decided one waits on.
        take: takes a draft away, by its id.
    """
    offered = facts.offered(shown)
    standing = {facts.name_of(fact.sentence) for fact in shown if fact.decided}
    for row in rows:
        names = row["fact"].split()
        if row["slot"] or not names:
            continue
        [name] = names
        fact = offered.get(name)
        if fact is None:
            if name in decided or name not in standing:
                take(row["id"])
        elif (fact.card, fact.near) != (row["revises"], row["near"]):
            query = "UPDATE draft SET revises = ?, near = ? WHERE id = ?"
            store.write(query, fact.card, fact.near, row["id"])


def requeue(store: Store, events: Sequence[Event]) -> None:
    """Draft passages again on which another machine decided; drop the drafts it settled."""
    decisions = ("accept", "adopt", "reject", "skip", "undo", "different", "retire")
    with store.transaction():
        for key in {event.key for event in events if event.what in decisions}:
            for each in store.keys(key):
                drafts.draft_again(store, each)
            if key.startswith("tool:"):
                belonging.draft_again(store, key)
            settle_passage(store, key)


def settle_passage(store: Store, key: str) -> None:
    """Drop the drafts of a passage that no longer wait, as its events have changed.

    The rules are asked again if a fact is offered that has no draft.
    """
    of = offered_passage(store, store.passage(key))

    def take(row_id: str) -> None:
        store.write("DELETE FROM draft WHERE id = ?", row_id)

    for row in of.rows:
        if row["slot"] and not row["revises"]:
            if not drafts.is_new(store, of.passage, drafts.decode_draft(row["body"])):
                take(row["id"])
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
            drafts.draft_again(store, key, by_model=False)
