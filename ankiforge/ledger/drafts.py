"""Drafts of passages: what is to be drafted, their words, and which of them are new.

What must stay true:

- `highlight.drafted` and `modelled` hold the content that was drafted last; '' asks for
  drafts again.
- A draft that waits asks about a fact that nobody decided (`settling`); the person's own
  form, about words that are new (`is_new`).

Drafts are recorded in `recording.py`; those that wait are read in `waiting.py`.

Tested by `tests/ledger/test_decisions.py`, the golden histories (`vault`, `model`,
`alike`), `tests/ledger/test_forms.py`, and `test_corrections.py` and
`test_lost_and_found.py` in `tests/anki`.
"""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator, Sequence

import msgspec
from msgspec.structs import replace

from ankiforge.errors import RefusedError
from ankiforge.ledger import cards, forms
from ankiforge.ledger.database import TOGETHER, in_batches
from ankiforge.ledger.events import (
    Event,
    Passage,
    content,
    is_news,
    is_stale,
    slot_of,
    stands_in,
)
from ankiforge.ledger.readings import decode_highlight, decode_highlight_body
from ankiforge.ledger.store import Row, Store, encode, listed
from ankiforge.model import (
    AGENT,
    DRAFT_PREFIX,
    FIGURE,
    PROPOSE,
    Card,
    Finding,
    Highlight,
    Pair,
    Verdict,
    h16,
)
from ankiforge.text.cloze import cloze_answers
from ankiforge.text.fold import for_finding

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
    within: frozenset[int] | None = None,
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
    rows = rows_in_parts(
        store,
        f"SELECT key FROM highlight {condition} ORDER BY {order}",
        f"SELECT * FROM highlight {condition} AND",
        "key",
    )
    for highlight_row in rows:
        if within is not None and highlight_row["document"] not in within:
            continue
        passage = store.passage(highlight_row["key"])
        is_over = passage.skipped and not passage.live
        if is_over or not leads(store, highlight_row["key"], passage):
            continue
        highlight = decode_highlight(highlight_row)
        if by_model:  # neither left out, nor a copy, nor decided on
            is_copy = highlight_row["reason"].startswith(SAME_WORDS)
            is_left_out = highlight_row["fate"] == "left_out"
            # a decided passage is sent once, if a fact of it is open
            all_cards = passage.cards.values()
            of_model = [card for card in all_cards if card.origin.drafter == "llm"]
            is_settled = passage.decided
            if is_settled and not (of_model or highlight_row["modelled"]):
                query = "SELECT 1 FROM draft WHERE key = ? AND drafter = ?"
                is_settled = store.row(query, highlight.key, PROPOSE) is None
            # a model's card may quote words that are no longer in the passage
            for card in of_model:
                if card.live and card.quote:
                    is_settled &= stands_in(card.quote, highlight)
            if is_copy or is_left_out or is_settled:
                continue
        if passage.live and in_progress(highlight.document.path):
            continue
        if not passage.live and forms.form_choice(store, highlight) == forms.NEVER:
            highlight = replace(highlight, skip=forms.LEFT_OUT)
        yield highlight


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
) -> Iterator[Row]:
    """Yield the rows of a query in the order of their ids, a part at a time.

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
        for id in part:
            if id in row_by_id:
                yield row_by_id[id]


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


def leads_elsewhere(store: Store, highlight: Highlight, phrase: str) -> bool:
    """Return whether a marked phrase begins another passage, in which it is marked, too.

    A copy of the passage is none.
    """
    lead = for_finding(phrase)
    rows = store.rows(
        "SELECT body FROM highlight WHERE state = 'present' AND folded != ?"
        " AND folded >= ? AND folded < ? LIMIT ?",
        for_finding(highlight.exact),
        lead,
        f"{lead}{chr(sys.maxunicode)}",
        TOGETHER,
    )
    for row in rows:
        other = decode_highlight(row)
        if other.gaps and for_finding(other.exact[: other.gaps[0][1]]) == lead:
            return True
    return False


def use_offline_drafts(store: Store, version: str) -> None:
    """Draft undecided passages again if another version of proposals and figures is to be made."""
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
        store.write("DELETE FROM draft WHERE drafter = ?", PROPOSE)


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
    is_over = passage.skipped or passage.was_passed_over(draft)
    if is_over or passage.refuses(draft):
        return False
    card = passage.own_card(draft)
    if card is None:
        proposed = proposed_card(passage)
        return proposed is None or content(proposed) != content(draft)
    # beside the card in their slot
    if card.verdict is Verdict.TAKEN_BACK:
        return True
    is_held = card.live and is_news(card, draft)
    return is_held and not is_stale(card, store.machine, draft)


def is_known(passage: Passage, draft: Card) -> bool:
    """Return whether a drafter's words were rejected, or are, or were, those of a card."""
    words = content(draft)
    if words in passage.rejected:
        return True
    for card in passage.cards.values():
        is_its_card = words in (content(card), card.slot)
        if is_its_card and card.verdict is not Verdict.TAKEN_BACK:
            return True
    return False


def taken_back(store: Store, highlight: Highlight) -> Iterator[Card]:
    """Yield the drafts of a model whose acceptance was undone, where they no longer wait.

    The journal has their words when the database that had the drafts is lost.
    """
    for card in store.passage(highlight.key).cards.values():
        is_by_model = card.origin.drafter in ("llm", AGENT) and not card.in_slot
        if card.verdict is not Verdict.TAKEN_BACK or not is_by_model:
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
            message = f"gap {number}: this proposal has {len(draft.gaps)}"
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
