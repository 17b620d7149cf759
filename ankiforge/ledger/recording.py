"""Recording what drafters made of highlights: drafts that wait, and cards that follow.

Only the source's own words change a card unasked (`_follow`), and not words that a check
blocks. Tested as `drafts.py`.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Sequence

import msgspec
from msgspec.structs import replace

from ankiforge.ledger import cards, facts, forms, settling
from ankiforge.ledger.drafts import (
    SAME_WORDS,
    decode_draft,
    draft_id,
    is_known,
    is_new,
    nearest_gap,
    proposed_card,
    summed_up,
    with_first_gap,
    wording_of,
)
from ankiforge.ledger.events import (
    SOURCE,
    Passage,
    Wording,
    hash_of_words,
    is_news,
    is_stale,
    stands_in,
    words_read,
)
from ankiforge.ledger.gap_numbers import keep_numbers
from ankiforge.ledger.match import LONG, is_perhaps
from ankiforge.ledger.readings import decode_highlight
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
    PROPOSE,
    Change,
    Draft,
    Guid,
    Highlight,
    HighlightKind,
    Json,
    SearchTerms,
    SourceKind,
    Strings,
    Value,
)
from ankiforge.text import occlusion
from ankiforge.text.cloze import image_paths, make
from ankiforge.text.damage import damage_in
from ankiforge.text.fold import for_finding

DERIVED_ALIKE = 85
"""How much alike words that a reader derived must be to ship unasked, in per
cent."""


class DraftResult(Value):
    """The drafts of one highlight, or the reason why there are none."""

    key: str
    drafts: Sequence[Draft] = ()
    """With the findings of the checks."""
    reason: str = ""
    """Why there is no card."""
    fate: str = ""
    """`no_card`, `left_out` or `failed`, with the reason."""
    worth: float = 0.0
    """How likely its surest proposal is kept, from 0 to 1; orders what is offered."""
    terms: Sequence[SearchTerms] = ()
    """Those of each draft: a card that is made of it is searched for by them."""


class Recorded(Value):
    """The result of recording drafts."""

    changes: tuple[Change, ...] = ()
    """The cards that changed, and those that keep their words because a check blocks."""
    new: Strings = ()
    """The ids of the drafts for new cards: neither rejected nor a card already."""
    proposed: int = 0
    """The number of these that are proposals."""


def record(
    store: Store,
    results: Sequence[DraftResult],
    *,
    by_model: bool = False,
    beside: bool = False,
) -> Recorded:
    """Record the drafts of highlights, or the reasons why there are none.

    The source's own words change its accepted card at once. Of other drafts those become
    rows that wait whose facts are offered (`facts.read`).

    Args:
        store: the store.
        results: one for each highlight.
        by_model: the drafts are a model's; those of the rules and proposals stay.
        beside: the drafts join those that wait.
    """
    with store.transaction():
        keys = [result.key for result in results]
        recording = _Recording(store, keys, by_model=by_model, beside=beside)
        for result in results:
            recording.take(result)
        recording.write()
    return Recorded(tuple(recording.changes), tuple(recording.new), recording.proposed)


def standing(
    store: Store,
    highlight_key: str,
    drafts: Sequence[Draft],
) -> list[bool]:
    """Return for each draft whether it is a card already, with the same words.

    That is so with the source's own cards after their database was lost. Whatever a check
    finds, nothing comes of such a draft.
    """
    passage = store.passage(highlight_key)
    stands = []
    for draft in _in_slots(drafts):
        wording = wording_of(draft)
        card = passage.own_card(wording) if wording.own else None
        if card is None or not card.live or passage.refuses(wording):
            stands.append(False)
        else:
            says_the_same = card.wording.content == wording.content
            stands.append(says_the_same and not is_news(card, wording))
    return stands


def _in_slots(drafts: Iterable[Draft]) -> list[Draft]:
    """Return the drafts of a passage; the source's own ones are numbered."""
    in_slots = []
    own_drafts = 0
    for draft in drafts:
        slot = ""
        if draft.own:
            slot = str(own_drafts)
            own_drafts += 1
        in_slots.append(replace(draft, slot=slot))
    return in_slots


# --- one call ---------------------------------------------------------------------------


class _Recording:
    """One call of `record`, with all that it reads and writes at once."""

    def __init__(
        self,
        store: Store,
        keys: list[str],
        *,
        by_model: bool,
        beside: bool,
    ) -> None:
        self._store = store
        self._by_model = by_model
        self._beside = beside

        wanted = encode(keys)
        query = f"SELECT * FROM highlight WHERE body != '' AND key IN {EACH}"
        self._highlights = {row["key"]: row for row in store.rows(query, wanted)}
        # by key, the drafts that wait so far
        self._waiting: dict[str, list[Row]] = defaultdict(list)
        query = f"SELECT * FROM draft WHERE key IN {EACH}"
        for row in store.rows(query, wanted):
            self._waiting[row["key"]].append(row)
        # by key, the present highlights of other documents with equal text
        self._copies: dict[str, list[Row]] = defaultdict(list)
        copies = store.rows(
            "SELECT m.key AS mine, h.key, h.content, h.body, d.title FROM highlight m"
            " JOIN highlight h ON h.folded = m.folded AND h.exact = m.exact"
            " AND h.state = 'present' AND h.document != m.document AND h.key != m.key"
            f" JOIN document d ON d.id = h.document WHERE m.key IN {EACH}",
            wanted,
        )
        for row in copies:
            self._copies[row["mine"]].append(row)
        store.load(self._highlights)
        self._run = int(store.meta("run", "0"))

        self.changes: list[Change] = []
        self.new: list[str] = []
        self.proposed = 0
        self._dropped_ids: list[str] = []
        self._rows: list[Json] = []
        # content that was drafted, "" if that failed; reason, fate, worth, worthy, key
        self._outcomes: list[tuple[str, str, str, float, str, str]] = []
        self._terms: list[tuple[str, SearchTerms]] = []

    def take(self, result: DraftResult) -> None:
        """Take the drafts of a highlight: cards follow them, or they wait."""
        highlight_key = result.key
        highlight_row = self._highlights.get(highlight_key)
        if highlight_row is None:
            highlight_row = cards.highlight_row(self._store, highlight_key)
        highlight = decode_highlight(highlight_row)
        passage = self._store.passage(highlight_key)

        # the drafts that wait beside the new ones, under all keys of the passage
        kept = self._waiting[highlight_key]
        if len(passage.keys) > 1:
            kept = [*settling.offered_passage(self._store, passage).rows]
        if not self._beside:
            kept = [row for row in kept if not self._goes(row, highlight)]

        # an exact copy of another passage gets no draft
        copies = self._copies[highlight_key]
        original = _original_of(self._store, highlight_row, passage, copies)
        if not original:
            original = _had_these_words(self._store, highlight, passage)
        if original:
            reason = SAME_WORDS + original
            result = DraftResult(highlight_key, reason=reason, fate="no_card")

        # as the cards have them, and without findings about other cards, as a person said
        drafts = []
        for draft in _in_slots(result.drafts):
            findings = []
            for finding in draft.findings:
                query = "SELECT passage FROM card WHERE guid = ?"
                other_key = self._store.value(query, finding.duplicate)
                other = self._store.passage(other_key) if other_key else None
                if other is None or not passage.told_apart_from(other):
                    findings.append(finding)
            draft = replace(draft, findings=tuple(findings))
            drafts.append(_as_on_card(passage, draft))
        for draft, terms in zip(drafts, result.terms, strict=False):
            wording = wording_of(draft)
            self._terms.append((f"{wording.kind}{wording.content}", terms))

        # a model's draft that waits on may be about other words now
        of = settling.OfferedPassage(passage, facts.text_of(highlight), rows=kept)
        for row in kept:
            if row["slot"] or row["drafter"] == PROPOSE or not row["fact"]:
                continue
            sentence = facts.fact_of(decode_draft(row["body"]), of.text)
            if sentence and facts.name_of(sentence) != row["fact"]:
                query = "UPDATE draft SET fact = ? WHERE id = ?"
                self._store.write(query, facts.name_of(sentence), row["id"])
        if kept:
            ids = encode([row["id"] for row in kept])
            kept = self._store.rows(f"SELECT * FROM draft WHERE id IN {EACH}", ids)

        # cards take the words of the person's own form
        own = [draft for draft in drafts if draft.own]
        others = [draft for draft in drafts if not draft.own]
        of = replace(of, rows=kept)
        held: dict[str, str] = {}
        for draft in own:
            card = _follow(self._store, of, draft, highlight, self.changes)
            if card:
                held[wording_of(draft).content] = card

        # what is worth a card, best first: nothing where the person's own form drafts
        sentences = [facts.fact_of(draft, of.text) for draft in others]
        worthy = settling.worthy_of(highlight_row, of.sentences)
        if not (self._by_model or self._beside):
            has_own_form = own or any(row["slot"] for row in kept)
            pairs = zip(others, sentences, strict=True)
            proposed = [sentence for draft, sentence in pairs if draft.proposed]
            worthy = () if has_own_form else tuple(dict.fromkeys(filter(None, proposed)))

        # the facts: the person's own form and a model's drafts are about some in any case
        passage = self._store.passage(highlight_key)
        own = [draft for draft in own if is_new(self._store, passage, wording_of(draft))]
        names_of_own = [
            [facts.name_of(sentence) for sentence in facts.covered(of.text, draft.quote)]
            for draft in own
        ]
        drafted = [name for names in names_of_own for name in names]
        for draft, sentence in zip(others, sentences, strict=True):
            if not draft.proposed:
                drafted.append(facts.name_of(sentence))
        of = settling.OfferedPassage(passage, of.text, worthy, kept)
        shown = of.facts_now(drafted=drafted)
        offered = facts.offered(shown)

        # those wait that are about an offered fact, or that a person asked for
        for position, (draft, names) in enumerate(zip(own, names_of_own, strict=True)):
            revises = held.get(wording_of(draft).content, "")
            columns = {"fact": " ".join(names), "near": "", "revises": revises}
            self._let_wait(draft, position, passage, columns)
        for position, (draft, sentence) in enumerate(zip(others, sentences, strict=True)):
            name = facts.name_of(sentence) if sentence else ""
            fact = offered.get(name)
            if fact is None:
                is_open = not (name or passage.closed) or self._beside
                if draft.proposed or not is_open or is_known(passage, wording_of(draft)):
                    continue
                fact = facts.Fact(sentence)
            if (
                fact.card and draft.gaps
            ):  # the gap that is the most like the card comes first
                text = passage.cards[fact.card].wording.fields.get("Text", "")
                draft = with_first_gap(draft, nearest_gap(draft, text))
            columns = {"fact": name, "near": fact.near, "revises": fact.card}
            self._let_wait(draft, position, passage, columns)
        settling.settle(self._store, kept, shown, (), self._dropped_ids.append)

        # what failed counts as not drafted, and is drafted again
        drafted_content = "" if result.fate == "failed" else highlight_row["content"]
        numbers = encode([of.sentences.index(sentence) for sentence in worthy])
        reason_and_fate = (result.reason, result.fate)
        outcome = (drafted_content, *reason_and_fate, result.worth, numbers)
        self._outcomes.append((*outcome, highlight_key))

    def _goes(self, row: Row, highlight: Highlight) -> bool:
        """Drop an earlier draft of a highlight, or a proposal under another of its keys.

        Proposals go with the drafts of the rules; a model's stay while their quote is there.
        Return whether it goes.
        """
        is_of_rules = row["drafter"].startswith(("rules", PROPOSE))
        if row["key"] != highlight.key:
            goes = row["drafter"] == PROPOSE and not self._by_model
        elif self._by_model:
            goes = not is_of_rules
        else:
            quote = decode_draft(row["body"]).quote
            goes = is_of_rules or not stands_in(quote, highlight)
        if goes:
            self._dropped_ids.append(row["id"])
        return goes

    def _let_wait(
        self,
        draft: Draft,
        position: int,
        passage: Passage,
        columns: Json,
    ) -> None:
        """Gather the row of a draft; `columns` are those about its fact, and `revises`."""
        wording = wording_of(draft)
        severity, findings = summed_up(draft.findings)

        # the card that the source's own words would replace: that in the same slot, of another
        # note type, or one that was a proposal
        replaces = ""
        if wording.own:
            own_card = passage.own_card(wording)
            proposed = proposed_card(passage)
            if proposed is not None and (own_card is None or not own_card.live):
                replaces = proposed.guid
            for card in passage.live:
                in_slot = card.wording.own and card.place == wording.slot
                if in_slot and card.wording.family is not wording.family:
                    replaces = card.guid
                    break

        id = draft_id(draft)
        row: Json = {
            "id": id,
            "key": draft.highlight,
            "content": wording.content,
            "slot": draft.slot,
            "position": position,
            "kind": wording.kind,
            "deck": draft.deck,
            "drafter": wording.drafter,
            "severity": severity,
            "replaces": replaces,
            "run": self._run,
            "findings": findings,
            "tags": listed(map(tag_name, wording.tags)),
            "words": words_of(wording.fields),
            "body": encode(draft),
            **columns,
        }
        self._rows.append(row)
        if not columns["revises"]:
            self.new.append(id)
            self.proposed += draft.proposed

    def write(self) -> None:
        """Write the gathered rows."""
        store = self._store
        dropped = [(id,) for id in self._dropped_ids]
        store.write_all("DELETE FROM draft WHERE id = ?", dropped)
        store.insert("draft", self._rows, verb="INSERT OR REPLACE")
        columns = "drafted = ?1, reason = ?2, fate = ?3, worth = ?4, worthy = ?5"
        if self._by_model:  # which judges no worth
            columns = "modelled = ?1, reason = ?2, fate = ?3"
        query = f"UPDATE highlight SET {columns} WHERE key = ?6"
        store.write_all(query, self._outcomes)
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


def _as_on_card(passage: Passage, draft: Draft) -> Draft:
    """Return a draft of the source's own with the numbers and paths that its card has.

    A number names a card in Anki, so it stays with its words, and one that was ever
    shipped for other words is not free.
    """
    wording = wording_of(draft)
    card = passage.own_card(wording) if wording.own else None
    if card is None:
        return draft
    fields = dict(draft.fields)
    if wording.kind == "occlusion":
        old = occlusion.masks_in(card.wording.fields)
        new = occlusion.masks_in(draft.fields)
        followed = occlusion.follow(old, new, card.numbers)
        fields[occlusion.FIELD] = occlusion.write(followed.masks)
        return replace(draft, fields=tuple(fields.items()))

    # a picture that is not found is named as the note does, without its folder
    known_words = (*card.given.values(), *card.wording.fields.values())
    known_paths = image_paths("\n".join(known_words))
    for name, words in draft.fields:
        for path in image_paths(words):
            longer = [known for known in known_paths if known.endswith(f"/{path}")]
            if len(longer) == 1:
                fields[name] = fields[name].replace(f"]({path})", f"]({longer[0]})")
    if wording.kind == "cloze":
        clozes = [make(int(number), words) for number, words in card.numbers.items()]
        fields["Text"] = keep_numbers(
            old=card.wording.fields.get("Text", ""),
            new=fields["Text"],
            used=tuple(map(int, card.numbers)),
            earlier=[" ".join(clozes)],
        )
    return replace(draft, fields=tuple(fields.items()))


def _alike(wording: Wording, other: Wording) -> float:
    """Return how much the words of two cards are alike, of 100."""
    from rapidfuzz import fuzz

    words = " ".join(wording.fields.values())
    other_words = " ".join(other.fields.values())
    return fuzz.ratio(words, other_words)


# --- copies -----------------------------------------------------------------------------


def _original_of(
    store: Store,
    highlight_row: Row,
    passage: Passage,
    others: Iterable[Row],
) -> str:
    """Return the title of the document that has the original, if this is a copy."""
    is_short = (
        len(highlight_row["folded"]) < LONG
        and highlight_row["kind"] != HighlightKind.CARD.value
    )
    if passage.decided or is_short:
        return ""
    highlight = decode_highlight(highlight_row)
    for other_row in others:
        # drafts of both would be the same
        other = decode_highlight(other_row)
        marks = (other.gaps, other.markdown, other.comment)
        if marks != (highlight.gaps, highlight.markdown, highlight.comment):
            continue
        other_passage = store.passage(other.key)
        is_skipped = other.skip or forms.form_choice(store, other) == forms.NEVER
        if is_skipped and not other_passage.decided:
            continue
        is_older = other_passage.decided or (
            _issued_at(store, other_row["key"]) < _issued_at(store, highlight_row["key"])
        )
        if other_row["key"] not in passage.keys and is_older:
            return str(other_row["title"])
    return ""


def _had_these_words(store: Store, highlight: Highlight, passage: Passage) -> str:
    """Return where the decided passage is that had the same words before they changed.

    This one is a copy of it that stayed as it was, and is no other fact, whatever became of
    the cards of the other.
    """
    is_short = len(for_finding(highlight.exact)) < LONG
    if passage.decided or (is_short and highlight.kind is not HighlightKind.CARD):
        return ""
    words = words_read(highlight)
    rows = store.rows(
        "SELECT h.key, h.folded, d.title FROM highlight h"
        " JOIN document d ON d.id = h.document WHERE h.state = 'present' AND h.key != ?"
        " AND h.key IN (SELECT key FROM event WHERE words = ? AND words != '')",
        highlight.key,
        hash_of_words(words),
    )
    for row in rows:
        other = store.passage(row["key"])
        is_apart = other.key == passage.key or passage.told_apart_from(other)
        if is_apart or not other.decided or row["folded"] == for_finding(words):
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
    of: settling.OfferedPassage,
    draft: Draft,
    highlight: Highlight,
    changes: list[Change],
) -> str:
    """Change the live card of a draft's slot, if the source's text changed.

    Return the guid of the card if its new words are held back, to wait as a revision; else
    "". What a person is to know is added to `changes`.
    """
    wording = wording_of(draft)
    card = of.passage.own_card(wording)
    if card is None or not card.live:
        return ""
    if not is_news(card, wording) or is_stale(card, store.machine, wording):
        return ""

    # why the card does not get the new words unasked, if so
    why_held = ""
    is_derived = False
    if draft.blocked:
        why_held = "a check blocks the new words"
    elif wording.kind == "occlusion":
        old = occlusion.masks_in(card.wording.fields)
        new = occlusion.masks_in(wording.fields)
        if not occlusion.follow(old, new, card.numbers).sure:
            why_held = "its figure has changed too much"
    else:
        damage = ""
        if not any(map(damage_in, card.wording.fields.values())):
            damage = next(filter(None, map(damage_in, wording.fields.values())), "")
        in_pdf = highlight.source_kind is SourceKind.PDF
        is_derived = in_pdf and highlight.kind is not HighlightKind.CARD
        if damage:
            why_held = f"the new words are damaged: “{damage}”"
    if why_held:
        before = cards.fields_of(card.wording)
        after = cards.fields_of(wording)
        changes.append(Change(Guid(card.guid), before, after, why_held))
        return card.guid
    if is_derived and _alike(card.wording, wording) < DERIVED_ALIKE:
        return card.guid  # nothing is reported: the words only wait

    body = {"guid": card.guid, "draft": msgspec.to_builtins(wording)}
    event = store.add("revise", draft.highlight, SOURCE, body)
    sentences = facts.covered(of.text, draft.quote)
    settling.decide(store, of, event, sentences, guid=card.guid)
    revised = store.passage(draft.highlight).cards[card.guid]
    change = cards.change_of(revised, card.wording, card.typed)
    if change is not None:
        changes.append(change)
    return ""
