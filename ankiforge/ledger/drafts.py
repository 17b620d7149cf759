"""Drafts of passages: recorded, compared with what was decided, and listed while they wait.

What must stay true:

- `highlight.drafted` and `modelled` hold the content that was drafted last; '' asks for drafts again.
- A draft that waits is new: not rejected, not passed over, not the words of a card (`is_new`).
- Only the source's own words change a card unasked (`_follow`), and not words that a check blocks.

Tested by `tests/unit/ledger/test_decisions.py`, the golden histories (`vault`, `model`, `alike`),
`tests/e2e/test_forms.py`, and `test_corrections.py` and `test_lost_and_found.py` in `tests/anki`.
"""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Callable, Collection, Iterable, Iterator, Sequence
from typing import Any, NamedTuple

import msgspec
from msgspec.structs import replace

from ankiforge.errors import RefusedError
from ankiforge.ledger import belonging, cards
from ankiforge.ledger.events import (
    SOURCE,
    Event,
    Passage,
    Wording,
    exact,
    guid_of,
    is_news,
    is_stale,
)
from ankiforge.ledger.match import LONG
from ankiforge.ledger.readings import decode_highlight
from ankiforge.ledger.store import EACH, Row, Store, encode, listed, tag_name, words_of
from ankiforge.ledger.views import graves_of, in_vault
from ankiforge.model import (
    Change,
    Draft,
    Finding,
    Guid,
    Highlight,
    HighlightKind,
    Pair,
    Proposal,
    SearchTerms,
    Severity,
    SourceKind,
    Strings,
    Texts,
    Value,
    Verdict,
    Waiting,
    h16,
    note_id,
)
from ankiforge.text import regex
from ankiforge.text.cloze import make
from ankiforge.text.damage import damage_in
from ankiforge.text.fold import document_tag

DERIVED_ALIKE = 85
"""Words that a reader derived ship unasked only if they are so much alike, in per cent."""
PART = 200
"""The number of rows that are read at a time."""
SAME_WORDS = "same words as in "
EQUAL_CARD = "equal to the card"
LEFT_OUT = "skip: you said that such lines are no cards"
decode_proposal = msgspec.json.Decoder(Proposal).decode
_decode_highlight = msgspec.json.Decoder(Highlight).decode


class Recorded(Value):
    """What came of drafts."""

    changes: tuple[Change, ...] = ()
    """The cards that changed, and those that keep their words because a check blocks."""
    new: Strings = ()
    """The ids of the drafts for new cards: neither rejected nor a card already."""


class Held(Change, frozen=True):
    """New words that wait as a revision: a check blocks them, or they are derived and differ too much."""

    after_content: str = ""


def draft_id(key: str, wording: Wording) -> str:
    """Return the id of a draft, the same on every machine."""
    return f"dr{h16(key, wording.family.value, wording.place, wording.content)}"


# The first colons of a line stand between words without blanks.
_TIGHT = regex(r"^[^:]*[^\s:]::[^\s:]")


def form_key(source: str, written: str) -> str:
    """Return the key of the events about a form of hand-written cards in one source."""
    return f"form:{source}:{written}"


def _wordings_of(proposals: Sequence[Proposal]) -> list[Wording]:
    """Return the words of drafts; the source's own ones are numbered."""
    wordings, own = [], 0
    for one in proposals:
        wordings.append(wording_of(one.draft, own=one.draft.own, slot=str(own)))
        own += one.draft.own
    return wordings


def wording_of(draft: Draft, *, own: bool, slot: str = "0") -> Wording:
    """Return the words of a draft."""
    origin = draft.origin
    return Wording(
        draft.kind.value, {name: text for name, text in draft.fields if text}, draft.quote, own, slot,
        origin.drafter, origin.model, origin.prompt, origin.request, draft.tags,
    )  # fmt: skip


def wording_in(row: Row) -> Wording:
    """Return the words of a stored draft."""
    draft = decode_proposal(row["body"]).draft
    return wording_of(draft, own=row["slot"] != "", slot=row["slot"])


def _alike(one: Wording, other: Wording) -> float:
    """Return how much the words of two cards are alike, of 100."""
    from rapidfuzz import fuzz

    return fuzz.ratio(" ".join(one.fields.values()), " ".join(other.fields.values()))


def _in_parts(store: Store, ids: str, query: str, name: str, *values: object) -> Iterator[Row]:
    """Yield the rows of a query in the order of their ids, without holding all of them in memory.

    Args:
        store: the store.
        ids: a query for the ids.
        query: the query, which ends where a condition on the ids is put.
        name: the column of the ids.
        values: the values in `ids`.
    """
    wanted = [row[0] for row in store.rows(ids, *values)]
    column = name.rpartition(".")[2]
    for at in range(0, len(wanted), PART):
        part = wanted[at : at + PART]
        marks = ", ".join("?" * len(part))
        rows = store.rows(f"{query} {name} IN ({marks})", *part)
        found = {row[column]: row for row in rows}
        store.load(row["key"] for row in rows)
        yield from (found[id] for id in part if id in found)


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
        by_model: those that no model drafted yet and about which nobody decided, or whose words a
            model's card no longer quotes, instead of those that the rules did not draft yet.
        within: the documents whose highlights are drafted; None = all.
        in_progress: whether a person is still writing the note at a place: what has a card there waits.
    """
    column = "modelled" if by_model else "drafted"
    condition = f"WHERE state = 'present' AND {column} != content"
    keys = f"SELECT key FROM highlight {condition} ORDER BY document, position"
    for row in _in_parts(store, keys, f"SELECT * FROM highlight {condition} AND", "key"):
        if within is not None and row["document"] not in within:
            continue
        passage = store.passage(row["key"])
        if passage.skipped or not _leads(store, row["key"], passage):
            continue
        highlight = decode_highlight(row)
        decided = passage.decided and not _lost_its_quote(passage, highlight)
        if by_model and (decided or row["fate"] == "ignored"):
            continue
        if by_model and row["reason"].startswith(SAME_WORDS):
            continue
        if passage.live and in_progress(highlight.document.path):
            continue
        if form_choice(store, highlight) == "never":
            highlight = replace(highlight, skip=LEFT_OUT)
        yield highlight


def _lost_its_quote(passage: Passage, highlight: Highlight) -> bool:
    """Return whether a model's card of a passage quotes words that are no longer there."""
    quotes = [one.wording.quote for one in passage.live if one.wording.drafter == "llm"]
    return any(quote and exact(quote) not in exact(highlight.context) for quote in quotes)


class Outcome(NamedTuple):
    """What a drafter made of a highlight."""

    key: str
    proposals: Sequence[Proposal] = ()
    """The drafts with the findings of the checks."""
    reason: str = ""
    """Why there is no card."""
    fate: str = ""
    """`no_card`, `ignored` or `failed`, with the reason."""
    terms: Sequence[SearchTerms] = ()
    """Those of each draft: a card that is made of it is searched for by them."""


def record(
    store: Store, outcomes: Sequence[Outcome], *, by_model: bool = False, beside: bool = False
) -> Recorded:
    """Record the drafts of highlights, or the reasons why there are none.

    The source's own words change its accepted card at once. Any other draft becomes a row that
    waits, as a revision if its card's quote no longer stands in the passage.

    Args:
        store: the store.
        outcomes: one for each highlight.
        by_model: the drafts are a model's; those of the rules stay.
        beside: the drafts join those that wait.
    """
    told = []
    new = []
    dropped: list[tuple[str]] = []
    waiting = []
    done = []
    found: list[tuple[str, SearchTerms]] = []
    with store.transaction():
        keys = encode([one.key for one in outcomes])
        query = f"SELECT * FROM highlight WHERE body != '' AND key IN {EACH}"
        known = {row["key"]: row for row in store.rows(query, keys)}
        before = defaultdict(list)
        for row in store.rows(
            f"SELECT id, key, drafter, body FROM draft WHERE key IN {EACH}", keys
        ):
            before[row["key"]].append(row)
        copies = _copies(store, keys)
        store.load(known)
        run = int(store.meta("run", "0"))
        for key, proposals, reason, fate, terms in outcomes:
            row = known.get(key) or cards.highlight_row(store, key)
            passage, highlight = store.passage(key), decode_highlight(row)
            if not beside:
                dropped += _dropped(before[key], highlight, by_model=by_model)
            if original := _original_of(store, row, passage, copies[key]):
                proposals, reason, fate = (), SAME_WORDS + original, "no_card"
            proposals = [
                _renumbered(passage, *one)
                for one in zip(proposals, _wordings_of(proposals), strict=True)
            ]
            worded = list(zip(proposals, _wordings_of(proposals), strict=True))
            found += [
                (f"{wording.kind}{wording.content}", one)
                for (_, wording), one in zip(worded, terms, strict=False)
            ]
            changes = []
            for proposal, wording in worded:
                if wording.own:
                    changes += _follow(store, key, passage, proposal, wording, highlight)
            passage = store.passage(key)
            news = [one for one in worded if is_new(store, passage, one[1])]
            revising = _revised(passage, [w for _, w in news if not w.own], highlight)
            revising |= {one.after_content: one.guid for one in changes if isinstance(one, Held)}
            rows = [
                _row_of(key, position, *one, revising, passage, run)
                for position, one in enumerate(news)
            ]
            waiting += rows
            new += [row[0] for row in rows if not row[10]]  # its id, and what it revises
            done.append(("" if fate == "failed" else row["content"], reason, fate, key))
            told += [one for one in changes if one.why or not isinstance(one, Held)]
        store.write_all("DELETE FROM draft WHERE id = ?", dropped)
        store.write_all(f"INSERT OR REPLACE INTO draft VALUES ({', '.join('?' * 17)})", waiting)
        column = "modelled" if by_model else "drafted"
        query = f"UPDATE highlight SET {column} = ?, reason = ?, fate = ? WHERE key = ?"
        store.write_all(query, done)
        keep_terms(store, found)
    return Recorded(tuple(told), tuple(new))


def keep_terms(store: Store, terms: Iterable[tuple[str, SearchTerms]]) -> None:
    """Store search terms by the kind and content of their cards, or by another digest."""
    store.write_all(
        "INSERT OR IGNORE INTO indexed VALUES (?, ?, ?, ?)",
        ((digest, " ".join(one.words), " ".join(one.finders), one.exact) for digest, one in terms),
    )


def _renumbered(passage: Passage, proposal: Proposal, wording: Wording) -> Proposal:
    """Return a draft of the source's own cloze with the numbers that its gaps have on the card.

    A number names a card in Anki, so it stays with its words, and one that was ever shipped for other
    words is not free.
    """
    card = passage.own_card(wording) if wording.own and wording.kind == "cloze" else None
    if card is None:
        return proposal
    shipped = " ".join(make(int(number), words) for number, words in card.numbers.items())
    used = tuple(map(int, card.numbers))
    text = cards.keep_numbers(
        card.wording.fields.get("Text", ""), wording.fields.get("Text", ""), used, [shipped]
    )
    fields = tuple((name, text if name == "Text" else old) for name, old in proposal.draft.fields)
    return replace(proposal, draft=replace(proposal.draft, fields=fields))


def _dropped(
    waiting: Iterable[Row], highlight: Highlight, *, by_model: bool
) -> Iterator[tuple[str]]:
    """Yield the waiting drafts of a drafter, which go; a model's stay while their quote stands."""
    here = exact(highlight.context)
    for row in waiting:
        by_rules = row["drafter"].startswith("rules")
        quote = exact(decode_proposal(row["body"]).draft.quote)
        if (not by_rules) if by_model else (by_rules or quote not in here):
            yield (row["id"],)


def _copies(store: Store, keys: str) -> dict[str, list[Row]]:
    """Return by key the present highlights of other documents with equal text."""
    found = defaultdict(list)
    rows = store.rows(
        "SELECT m.key AS mine, h.key, h.content, h.body, d.title FROM highlight m"
        " JOIN highlight h ON h.folded = m.folded AND h.exact = m.exact AND h.state = 'present'"
        " AND h.document != m.document AND h.key != m.key JOIN document d ON d.id = h.document"
        f" WHERE m.key IN {EACH}",
        keys,
    )
    for row in rows:
        found[row["mine"]].append(row)
    return found


def _original_of(store: Store, row: Row, passage: Passage, others: Iterable[Row]) -> str:
    """Return the title of the document that has these words already, if this is an exact copy."""
    if passage.decided or (len(row["folded"]) < LONG and row["kind"] != HighlightKind.CARD.value):
        return ""
    mine = decode_highlight(row)
    for other in others:
        theirs = decode_highlight(other)
        alike = (mine.gaps, mine.markdown, mine.comment) == (
            theirs.gaps, theirs.markdown, theirs.comment,
        )  # fmt: skip
        if (
            alike
            and other["key"] not in passage.keys
            and _is_older(store, other["key"], row["key"])
        ):
            title: str = other["title"]
            return title
    return ""


def _is_older(store: Store, one: str, other: str) -> bool:
    """Return whether a passage stands before an equal one: decided, else issued earlier."""
    if store.passage(one).decided:
        return True
    first, second = (
        min((event.n for event in store.events([key]) if event.what == "key"), default=0)
        for key in (one, other)
    )
    return first < second


def _follow(
    store: Store,
    key: str,
    passage: Passage,
    proposal: Proposal,
    wording: Wording,
    highlight: Highlight,
) -> list[Change]:
    """Change the live card of these words' slot, if the source's text changed."""
    card = passage.own_card(wording)
    if card is None or not card.live:
        return []
    if not is_news(card, wording) or is_stale(card, store.machine, wording):
        return []
    before = cards.fields_of(card.wording)
    if proposal.blocked:
        why = "a check blocks the new words"
        return [Held(Guid(card.guid), before, cards.fields_of(wording), why, wording.content)]
    if damage := _new_damage(card.wording, wording):
        why = f"the new words are damaged: “{damage}”"
        return [Held(Guid(card.guid), before, cards.fields_of(wording), why, wording.content)]
    derived = highlight.source_kind is SourceKind.PDF and highlight.kind is not HighlightKind.CARD
    if derived and _alike(card.wording, wording) < DERIVED_ALIKE:
        return [Held(Guid(card.guid), before, cards.fields_of(wording), "", wording.content)]
    body = {"guid": card.guid, "draft": msgspec.to_builtins(wording)}
    store.add("revise", key, SOURCE, body)
    revised = store.passage(key).cards[card.guid]
    change = cards.change_of(revised, card.wording, card.typed)
    return [change] if change else []


def _new_damage(before: Wording, after: Wording) -> str:
    """Return letters that are damaged in the new words of a card, if its words were whole before."""
    if any(map(damage_in, before.fields.values())):
        return ""
    return next(filter(None, map(damage_in, after.fields.values())), "")


def is_new(store: Store, passage: Passage, wording: Wording) -> bool:
    """Return whether words are to be offered: not rejected, and not a card already."""
    if passage.refuses(wording) or wording.content in passage.passed:
        return False
    if wording.own:
        card = passage.own_card(wording)
        taken_back = card is not None and card.verdict is Verdict.TAKEN_BACK
        held = card is not None and card.live and is_news(card, wording)
        stale = card is not None and is_stale(card, store.machine, wording)
        return card is None or taken_back or (held and not stale)
    return all(
        wording.content not in (card.wording.content, card.place)
        or card.verdict is Verdict.TAKEN_BACK
        for card in passage.cards.values()
    )


def _revised(passage: Passage, wordings: list[Wording], highlight: Highlight) -> dict[str, str]:
    """Return by content which card each draft revises: those whose quote is gone, most alike first."""
    text = exact(highlight.context)
    old = [
        one for one in passage.live if not one.wording.own and exact(one.wording.quote) not in text
    ]
    scored = sorted(
        (-_alike(card.wording, wording), card.guid, wording.content)
        for card in old
        for wording in wordings
    )
    revised: dict[str, str] = {}
    for _, guid, content in scored:
        if content not in revised and guid not in revised.values():
            revised[content] = guid
    return revised


def _row_of(
    key: str,
    position: int,
    proposal: Proposal,
    wording: Wording,
    revised: Texts,
    passage: Passage,
    run: int,
) -> tuple[Any, ...]:
    """Return the row of a draft that waits."""
    other = next(
        (
            card.guid
            for card in passage.live
            if wording.own and card.wording.own and card.place == wording.slot
            and card.wording.family is not wording.family
        ),
        "",
    )  # fmt: skip
    worst, findings = _summed_up(proposal)
    content = wording.content
    return (
        draft_id(key, wording), key, content, wording.slot if wording.own else "", position,
        f"{wording.request}/{proposal.draft.intent}" if wording.request else "", wording.kind,
        proposal.deck, wording.drafter, worst, revised.get(content, ""), other,
        run, findings, listed(map(tag_name, wording.tags)),
        words_of(wording.fields), encode(proposal),
    )  # fmt: skip


def _summed_up(proposal: Proposal) -> Pair:
    """Return the worst severity of a draft's findings, and their checks and severities as a list."""
    severities = [one.severity.value for one in proposal.findings]
    worst = next((one for one in ("block", "warn", "info") if one in severities), "")
    return worst, listed(dict.fromkeys((*(one.check for one in proposal.findings), *severities)))


def drop_resolved(store: Store) -> None:
    """Drop the findings of waiting drafts that do not count any more.

    They name a card or note which is no longer in use, or a tool whose history was declined.
    """
    rows = store.rows(
        "SELECT id, body FROM draft WHERE findings LIKE '%duplicate%' OR findings LIKE '%similar%'"
    )
    for row in rows:
        proposal = decode_proposal(row["body"])
        kept = tuple(one for one in proposal.findings if not _is_resolved(store, one.twin))
        if kept != proposal.findings:
            _put_findings(store, row["id"], replace(proposal, findings=kept))
    if tools := belonging.declined(store):
        _drop_declined(store, tools)


def _drop_declined(store: Store, tools: Collection[str]) -> None:
    """Drop the findings about tools whose history a person declined."""
    for row in belonging.flagged(store):
        proposal, highlight = decode_proposal(row["body"]), _decode_highlight(row["mark"])
        kept = tuple(
            one
            for one in proposal.findings
            if not belonging.is_declined(highlight, one.check, tools)
        )
        if kept != proposal.findings:
            _put_findings(store, row["id"], replace(proposal, findings=kept))


def add_findings(store: Store, id: str, findings: Sequence[Finding]) -> None:
    """Add findings to a draft, if it still waits."""
    if row := store.row("SELECT body FROM draft WHERE id = ?", id):
        proposal = decode_proposal(row["body"])
        _put_findings(store, id, replace(proposal, findings=(*proposal.findings, *findings)))


def _put_findings(store: Store, id: str, proposal: Proposal) -> None:
    query = "UPDATE draft SET severity = ?, findings = ?, body = ? WHERE id = ?"
    store.write(query, *_summed_up(proposal), encode(proposal), id)


def _is_resolved(store: Store, twin: str) -> bool:
    if twin.startswith("af"):
        return store.row("SELECT 1 FROM card WHERE guid = ? AND live", twin) is None
    if twin.startswith("nid:"):
        return store.row("SELECT 1 FROM foreign_note WHERE id = ?", int(twin[4:])) is None
    return False


def waiting(store: Store, condition: str = "1", *values: object) -> list[Waiting]:
    """Return the drafts that wait, with what is to be said about each, in reading order."""
    return [one for one, _ in each_waiting(store, condition, *values)]


def each_waiting(
    store: Store, condition: str = "1", *values: object
) -> Iterator[tuple[Waiting, Wording]]:
    """Yield the same with their words, a part at a time."""
    both = "FROM draft d CROSS JOIN highlight h ON h.key = d.key WHERE"
    ids = f"SELECT d.id {both} h.state = 'present' AND {condition} ORDER BY h.document, h.position, d.position"
    unknown_notes = msgspec.json.decode(store.meta("strangers", "[]"), type=set[str])
    graves = graves_of(store)
    for row in _in_parts(store, ids, f"SELECT d.*, h.body AS mark {both}", "d.id", *values):
        passage, proposal = store.passage(row["key"]), decode_proposal(row["body"])
        wording = wording_in(row)
        if not row["revises"] and not is_new(store, passage, wording):
            continue  # decided where the passage stands, too
        if _follows(passage, row, wording):
            continue
        highlight = _decode_highlight(row["mark"])
        one = Waiting(
            row["id"], highlight, proposal, Guid(row["revises"]) if row["revises"] else None,
            Guid(row["replaces"]) if row["replaces"] else None,
            _remarks(store, passage, row, wording, highlight, unknown_notes, graves),
        )  # fmt: skip
        yield one, wording


NO_WARNING = "no_warning"
"""The reason of drafts that no check warns of: the settings, or the limit of a run, make them wait."""


def reasons(store: Store, ids: Iterable[str]) -> Counter[str]:
    """Count drafts by the first reason why each waits: a check that warns or blocks, or a remark."""
    found = Counter[str]()
    clean = []
    for row in store.rows(f"SELECT id, body FROM draft WHERE id IN {EACH}", encode(list(ids))):
        findings = decode_proposal(row["body"]).findings
        checks = [one.check for one in findings if one.severity is not Severity.INFO]
        if checks:
            found[checks[0]] += 1
        else:
            clean.append(row["id"])
    for one in waiting(store, f"d.id IN {EACH}", encode(clean)):
        remark = one.remarks[0] if one.remarks else NO_WARNING
        found[EQUAL_CARD if remark.startswith(EQUAL_CARD) else remark] += 1
    return found


def settled(store: Store) -> set[str]:
    """Return the ids of stored drafts that `each_waiting` leaves out.

    Their passage was decided on under another of its keys, or the next run gives their words to a card.
    """
    rows = store.rows(
        "SELECT d.* FROM draft d LEFT JOIN alias a ON a.key = d.key"
        " JOIN passage p ON p.key = coalesce(a.first, d.key) AND p.decided"
    )
    store.load(row["key"] for row in rows)
    found = set()
    for row in rows:
        passage, wording = store.passage(row["key"]), wording_in(row)
        decided = not row["revises"] and not is_new(store, passage, wording)
        if decided or _follows(passage, row, wording):
            found.add(row["id"])
    return found


def _remarks(
    store: Store,
    passage: Passage,
    row: Row,
    wording: Wording,
    highlight: Highlight,
    unknown_notes: Collection[str],
    graves: Collection[int],
) -> Strings:
    """Return why a draft needs a person: with a remark, policy never accepts it.

    Args:
        store: the store.
        passage: the passage of the draft.
        row: the draft.
        wording: its words.
        highlight: the passage as it was read.
        unknown_notes: the documents of notes in Anki that no card here has.
        graves: the ids of notes that were deleted in Anki.
    """
    remarks = []
    for _, old in _doubts(store, passage):
        if store.passage(old).live:
            remarks.append("is this the card whose passage is gone?")
        else:
            remarks.append("you decided on nearly the same words, which are gone")
    if row["revises"]:
        remarks.append("new text for a card")
    elif row["replaces"]:
        remarks.append("replaces a card of another form, whose schedule ends")
    elif passage.dropped:
        remarks.append("you decided on this passage before")
    elif graves and was_buried(passage, wording, graves):
        remarks.append("you deleted its note in Anki")
    elif in_vault(document_tag(highlight.document.title), highlight.uri) in unknown_notes:
        remarks.append("Anki has notes of this document that are no cards here")
    for twin in twins(store, passage, wording.content):
        dropped = "" if twin["live"] else ", which was dropped"
        remarks.append(f"{EQUAL_CARD} {twin['guid'][:10]}{dropped}")
    rows = store.rows("SELECT passage FROM rejected WHERE content = ?", wording.content)
    if any(one["passage"] != passage.key for one in rows):
        remarks.append("you rejected the same words elsewhere")
    if asks_form(store, highlight):
        remarks.append("form")
    return tuple(remarks)


def was_buried(passage: Passage, wording: Wording, graves: Collection[int]) -> bool:
    """Return whether the note of a draft was deleted in Anki, before the journal was lost."""
    guid = guid_of(passage.key, wording)
    return guid not in passage.cards and note_id(Guid(guid)) in graves


def twins(store: Store, passage: Passage, content: str) -> list[Row]:
    """Return the cards of other passages that ask and answer the same, or did as drafted.

    Passages that a person said to be different are left out.
    """
    store.refold_cards(content)
    query = "SELECT * FROM card WHERE (content = ? OR source = ?) AND passage != ?"
    return [
        row
        for row in store.rows(query, content, content, passage.key)
        if not passage.told_apart_from(store.passage(row["passage"]))
    ]


def wording_of_id(store: Store, id: str) -> Wording:
    """Return the words of a draft that waits."""
    return wording_in(draft_row(store, id))


def _follows(passage: Passage, row: Row, wording: Wording) -> bool:
    """Return whether the next run gives the words of a draft to their card.

    The passage was found to be that of the card after it was drafted.
    """
    card = passage.own_card(wording) if wording.own and not row["revises"] else None
    return card is not None and card.live and row["severity"] != "block"


def draft_row(store: Store, id: str) -> Row:
    """Return the row of a draft that waits; refuse one whose passage is in doubt."""
    row = store.row("SELECT * FROM draft WHERE id = ?", id)
    passage = store.passage(row["key"]) if row else None
    # words are decoded only where there is a card that they may belong to
    if (
        row is None
        or passage is None
        or (passage.cards and _follows(passage, row, wording_in(row)))
    ):
        raise RefusedError(f"{id} no longer waits", hint="ankiforge list --view new")
    refuse_doubtful(store, row["key"])
    return row


def refuse_doubtful(store: Store, key: str) -> None:
    """Refuse a decision about a passage that may be one that is gone: the cards of that one count."""
    if asked(store, store.passage(key)):
        raise RefusedError(
            f"{key}: first say whether this passage is the one that is gone",
            hint="ankiforge list --view questions",
        )


def put_away(store: Store, id: str, event: Event) -> None:
    """Take a draft out of those that wait, because of a decision that may be undone."""
    store.write("INSERT INTO decided SELECT ?, * FROM draft WHERE id = ?", event.id, id)
    store.write("DELETE FROM draft WHERE id = ?", id)


def bring_back(store: Store, event: Event) -> int:
    """Let the drafts wait again that a decision took away, if their passages are still there.

    Returns:
        The number of these drafts.
    """
    columns = ", ".join(row["name"] for row in store.rows("PRAGMA table_info(draft)"))
    found = store.write(
        f"INSERT OR IGNORE INTO draft ({columns}) SELECT {columns} FROM decided WHERE event = ?"
        " AND key IN (SELECT key FROM highlight WHERE state = 'present')",
        event.id,
    )
    store.write("DELETE FROM decided WHERE event = ?", event.id)
    return found


def asked(store: Store, passage: Passage) -> list[Pair]:
    """Return the open questions about a passage: those whose other passage is absent and has a card."""
    return [(new, old) for new, old in _doubts(store, passage) if store.passage(old).live]


def _doubts(store: Store, passage: Passage) -> list[Pair]:
    """Return which passages that are gone a passage may be, each as (key, key of the one that is gone)."""
    if not passage.asked or not cards.present_row(store, passage):
        return []
    return [
        (new, old)
        for new, old in passage.asked.items()
        if not cards.present_row(store, store.passage(old))
    ]


def _leads(store: Store, key: str, passage: Passage) -> bool:
    """Return whether a highlight is the one of its passage whose text is used."""
    if passage.keys == (key,):
        return True
    rows = [row for one in passage.keys if (row := cards.row_of(store, one))]
    present = [row for row in rows if row["state"] == "present"]
    first = min(present, key=lambda row: cards.rank(row, passage), default=None)
    return first is not None and first["key"] == key


def is_doubtful(highlight: Highlight) -> bool:
    """Return whether a person has to say that a line is a card: `a :: b` with blanks, no question."""
    front = highlight.markdown[0] if highlight.markdown else ""
    spaced = highlight.written == "a :: b" and not _TIGHT.search(highlight.exact)
    return spaced and not highlight.declared and not front.rstrip().endswith(("?", "？"))


def asks_form(store: Store, highlight: Highlight) -> bool:
    """Return whether a line is in doubt, and nobody said yet that such lines are cards."""
    return is_doubtful(highlight) and form_choice(store, highlight) != "accept"


def form_choice(store: Store, highlight: Highlight) -> str:
    """Return `accept` or `never` as a person decided on lines that are in doubt, else ""."""
    key = form_key(highlight.document.source, highlight.written)
    return store.passage(key).form if is_doubtful(highlight) else ""


def requeue(store: Store, events: Sequence[Event]) -> None:
    """Draft again the passages about which another machine decided; what it decided waits no more."""
    decisions = ("accept", "adopt", "reject", "skip", "undo", "different")
    with store.transaction():
        for key in {one.key for one in events if one.what in decisions}:
            passage = store.passage(key)
            query = "UPDATE highlight SET drafted = '', modelled = '' WHERE key = ?"
            store.write(query, key)
            if key.startswith("tool:"):
                belonging.draft_again(store, key)
            for row in store.rows("SELECT * FROM draft WHERE key = ? AND revises = ''", key):
                if passage.skipped or not is_new(store, passage, wording_in(row)):
                    store.write("DELETE FROM draft WHERE id = ?", row["id"])
