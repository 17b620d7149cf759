"""The views of the page as data: the items of each, their order, and the possible decisions."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, replace

from ankiforge import review, sync
from ankiforge.anki.merge import Conflict
from ankiforge.anki.notes import RETIRED
from ankiforge.anki.unrender import unrender, words_in_anki
from ankiforge.draft import BEYOND, requested
from ankiforge.ledger.cards import ANSWER_CHANGED, DECIDED, MOVED_FROM, NOTE, PAIRED, REPLACES
from ankiforge.ledger.conditions import Term
from ankiforge.ledger.events import CONSENT, DOUBTED, MADE, Event, standing
from ankiforge.ledger.placing import FLOOD, FLOODED, RECOVERED
from ankiforge.model import (
    AcceptedBy,
    AnkiState,
    Candidate,
    Card,
    Guid,
    Highlight,
    HighlightKey,
    SeenCard,
    Severity,
    Standing,
    Verdict,
    note_id,
)
from ankiforge.model.retention import Trouble, retrievability
from ankiforge.review.history import History, forgotten, history_of, reasons
from ankiforge.review.page.forms import decided_as, form_id, form_item
from ankiforge.review.page.items import (
    SAME,
    Act,
    Content,
    Fact,
    Item,
    Row,
    Side,
    Slot,
    also_right_acts,
    beside,
    changed,
    changed_rows,
    faces_in_anki,
    faces_of,
    render,
    runs,
    sides_html,
    slot_of,
    stamp_of,
    studied,
    title_of,
    when,
)
from ankiforge.review.page.source import source_html
from ankiforge.review.select import selectable_text
from ankiforge.review.service import Service
from ankiforge.text.cloze import reveal
from ankiforge.text.display import counted
from ankiforge.text.markdown import plain

BETWEEN = "~"
"""Separates the two names of a pair."""
IN = "/"
"""Separates the name of a list and the id of an item in it."""
FORCE = "force"
"""The word that a person types to overrule a check."""
INSTEAD, SPLIT = ("instead", "yes"), ("split", "yes")
"""Arguments of an action that requests one card, or several, to replace the one shown."""
_EDIT = Act("e", "Edit", ":edit")
_EDIT_WAITING = Act("e", "Edit", ":edit", (("accept", "yes"),))
"""Edits a card that can be accepted together with the new text."""
_REDRAFT = Act("r", "Redraft", ":redraft", asks="What should be better?")
_MOST_SIBLINGS = 6
"""The number of other cards of the same highlight that are named."""
_MOST_NAMED = 10
"""The number of cards of one action that are named."""


@dataclass(frozen=True, slots=True)
class PageView:
    """A list of items to decide about."""

    name: str
    """The name in addresses, such as `pending`."""
    title: str
    """The title on the page, such as `New cards`."""
    about: str
    """A line that describes its items and decisions."""
    empty: str
    """The message when it is empty."""
    ids: Callable[[Service], Sequence[str]]
    """Returns the ids of its items, in reading order unless noted."""
    item: Callable[[Service, str], Item | None]
    """Returns an item; None if it no longer belongs here."""
    holds: Callable[[Service, str], bool] | None = None
    """Returns whether an item belongs here, where that is cheaper than creating the item."""
    parts: tuple[PageView, ...] = ()
    """The lists of which this one consists, or that are parts of it, in the order of its chips."""
    by_worth: bool = False
    """Whether the items likeliest to be worth a card come first; otherwise the order is that of `ids`."""
    joined: bool = False
    """Whether it consists of the items of its parts, one after the other; an id is then `part/id`."""

    def owner(self, identity: str) -> tuple[PageView, str]:
        """Return the list of an item, and the id of the item there."""
        name, _, rest = identity.partition(IN) if self.joined else ("", "", "")
        part = next((one for one in self.parts if one.name == name), None)
        return (part, rest) if part else (self, identity)

    def find(self, service: Service, identity: str) -> Item | None:
        """Return an item of this list, with the name and title of its list."""
        part, plain = self.owner(identity)
        item = None if part.joined else part.item(service, plain)
        return replace(item, kind=part.name, heading=part.title) if item else None

    def has(self, service: Service, identity: str) -> bool:
        """Return whether an item belongs here."""
        part, plain = self.owner(identity)
        if part.holds is None:
            return self.find(service, identity) is not None
        return part.holds(service, plain)


def _this(card: Card) -> tuple[tuple[str, str], ...]:
    return (("slot", card.guid),)


def _item(card: Card, title: str, content: Callable[[], Content], *more: object) -> Item:
    """Return an item about one card; `more` is what else is shown, for the stamp."""
    return Item(
        card.guid, title, stamp_of(card, *more), content, document=card.highlight.document.title,
        group=card.highlight.key, cards=(card,),
    )  # fmt: skip


def _source_of(card: Card) -> str:
    return source_html(card.highlight, card.leading.draft.quote)


def _passage_of(card: Card) -> Highlight | None:
    return card.highlight if card.highlight.document.source else None


def _rejecting(card: Card, label: str, why: str) -> tuple[Act, Act]:
    return (
        Act("x", label, "reject", _this(card)),
        Act("X", why, "reject", _this(card), asks="Why not?"),
    )


# --- why a card waits ------------------------------------------------------------------------------

_WAITS = {
    FLOODED: f"More than {FLOOD} clean cards arrived at once, so the rest wait for you.",
    DECIDED: "You have already decided on a card from this passage.",
    RECOVERED: "Its document has cards that were recovered from Anki.",
    DOUBTED: "It may be a card that moved, or one that you rejected.",
}
_HOW_IT_STANDS = {
    AcceptedBy.POLICY: "Accepted without you: no check objected.",
    AcceptedBy.AUTHOR: "Accepted: it is written as a card in the source.",
    AcceptedBy.PERSON: "You accepted it.",
}


def sentence(words: str) -> str:
    """Return a text as a sentence, with a capital letter and a full stop."""
    words = words.strip()
    ends = words.rstrip("”")[-1:] in (".", "?", "!", "")
    return f"{words[:1].upper()}{words[1:]}{'' if ends else '.'}"


def _why(card: Card, shown: Sequence[Candidate]) -> tuple[str, str]:
    """Return why a card waits, or its state, and the severity of that."""
    findings = sorted(
        (one for one in shown[0].findings if one.severity is not Severity.INFO),
        key=lambda one: (
            one.severity is not Severity.BLOCK,
            one.check not in (MOVED_FROM, REPLACES),
        ),
    )
    worst = findings[0] if findings else None
    if card.standing is not Standing.LIVE:
        return sentence(f"retired: {_WHY_RETIRED.get(card.standing_why, card.standing_why)}"), ""
    if card.verdict is Verdict.REJECTED:
        return sentence("you rejected it" + (f": {card.reason}" if card.reason else "")), ""
    if card.anki is AnkiState.TOMBSTONE:
        return "Deleted in Anki: it is not sent again.", ""
    if card.blocked and worst:
        return f"A check blocks this card. {sentence(worst.message)}", "block"
    if card.verdict is Verdict.PENDING and len(shown) > 1:
        return f"There are {len(shown)} drafts of this card: pick one.", ""
    if worst:
        return sentence(worst.message), "warn"
    if card.verdict is Verdict.ACCEPTED:
        return _HOW_IT_STANDS.get(card.accepted_by, "Accepted."), ""
    if card.waits in _WAITS:
        return _WAITS[card.waits], ""
    if card.leading.draft.origin.drafter.startswith("rules"):
        return "No check objects, but your settings make such cards wait for you.", ""
    return "A model drafted it: check that the source says so.", ""


# --- new cards, findings, last run ----------------------------------------------------------------


def _pending(service: Service, guid: str) -> Item | None:
    card = service.card(guid)
    if card is None or not card.undecided:
        return None
    # the two cards of an open choice are listed as one
    listed = card.choice in ("", guid) or service.ledger.queries.is_pending(guid)
    return card_item(service, card) if listed else None


def _with_findings(service: Service, guid: str) -> Item | None:
    card = service.card(guid)
    if card is None or not card.current:
        return None
    shown = (card.leading, *card.open, *card.beside)
    return None if all(one.clean for one in shown) else card_item(service, card)


def _any(service: Service, guid: str) -> Item | None:
    card = service.card(guid)
    return card_item(service, card) if card else None


def _changed_answer(service: Service, guid: str) -> Item | None:
    card = service.card(guid)
    if card is None or not card.current or ANSWER_CHANGED not in card.leading.findings:
        return None
    return card_item(service, card)


def _accepted_by_policy(service: Service, guid: str) -> Item | None:
    card = service.card(guid)
    if card is None or card.accepted_by is not AcceptedBy.POLICY or not card.ready:
        return None
    return card_item(service, card)


def card_item(service: Service, card: Card) -> Item:
    """Return a card to accept, reject or edit; for an open choice, with all candidates."""
    shown = card.to_choose or (card.leading,)
    if card.picked and card.verdict is Verdict.PENDING:
        shown = (card.picked, *card.open)  # a person's text, and later drafts

    def content() -> Content:
        slots = tuple(
            slot_of(service, card, one, str(at) if len(shown) > 1 else "")
            for at, one in enumerate(shown, 1)
        )
        source = source_html(card.highlight, shown[0].draft.quote, card.also)
        return Content(source, slots, _replaced_html(service, card))

    why, tone = _why(card, shown)
    item = _item(card, f"{card.kind.capitalize()} card from", content)
    return replace(
        item, acts=_card_acts(card, shown), passage=_passage_of(card), why=why, tone=tone
    )


def _card_acts(card: Card, shown: tuple[Candidate, ...]) -> tuple[Act, ...]:
    if not card.current:
        return (Act("b", "Bring it back", "restore", _this(card)),)
    accepting: tuple[Act, ...] = ()
    if card.verdict is Verdict.PENDING and len(shown) > 1:
        accepting = tuple(
            Act(str(at), f"Pick {at}", "pick", (("slot", one.id),))
            for at, one in enumerate(shown[:9], 1)
        )
    elif card.verdict is Verdict.PENDING and card.blocked:
        asks = f"A check blocks this card. Type {FORCE} to accept it anyway; this is recorded."
        forced = (*_this(card), ("force", "yes"))
        accepting = (Act("F", "Accept anyway", "accept", forced, asks=asks, needs=True),)
    elif card.verdict is Verdict.PENDING:
        accepting = (Act("a", "Accept", "accept", _this(card)),)
    elif ANSWER_CHANGED in card.leading.findings:
        accepting = (Act("a", "Keep the new answer", "accept", _this(card)),)
    elif card.accepted_by is AcceptedBy.POLICY:
        accepting = (Act("a", "Keep it", "keep", _this(card)),)
    if card.verdict is Verdict.PENDING:
        accepting = (*accepting, *also_right_acts(shown))
    rejecting = _rejecting(card, "Reject", "Reject with a reason…")
    if card.verdict is not Verdict.PENDING:
        return (*accepting, *rejecting, _EDIT, _REDRAFT)
    asks = f"This rejects every waiting card {like(card)[0]}; undo takes all of them back. Why?"
    alike = Act("R", "Reject all like this", "reject all", asks=asks)
    return (*accepting, *rejecting, _EDIT_WAITING, _REDRAFT, alike)


def like(card: Card) -> tuple[str, tuple[Term, ...]]:
    """Return a description of the waiting cards that are like this one, and the query for them.

    They have the same source and wait for the same reason: the first finding, else the drafter.
    """
    found = (one for one in card.leading.findings if one.severity is not Severity.INFO)
    first = next(found, None)
    source, drafter = card.highlight.document.source, card.leading.draft.origin.drafter
    terms = (Term("verdict", "pending"), Term("standing", "live"), Term("source", source))
    if first is not None:
        finding = Term("finding", first.check)
        return f"from {source} that {first.check} warns about", (*terms, finding)
    clean = (Term("finding", "warn", negated=True), Term("finding", "block", negated=True))
    return f"from {source} drafted by {drafter}", (*terms, Term("drafter", drafter), *clean)


def _replaced_html(service: Service, card: Card) -> str:
    """Return facts about the cards that this one was drafted to replace, as HTML."""
    facts: list[Fact] = []
    for guid in service.ledger.queries.problem_cards.replaced_by(card.guid):
        other = service.ledger.cards.get(guid)
        asked = words_in_anki(other, service.ledger.views.seen(guid)) or other.fields
        facts += [
            ("In place of", " → ".join(reveal(text) for _, text in asked[:2] if text)),
            ("Which was", forgotten(history_of(service.ledger, other))),
            ("If you accept this one", "that one is retired; until then it stays as it is"),
        ]
    return sides_html(facts=facts) if facts else ""


# --- revisions ------------------------------------------------------------------------------------


def _revision(service: Service, guid: str) -> Item | None:
    card = service.card(guid)
    if card is None or card.picked is None or not card.revision:
        return None
    now, past = card.picked, service.ledger.highlights.before(card.highlight.key)
    # numbered if several are proposed
    labels = [(one, str(at) if len(card.open) > 1 else "") for at, one in enumerate(card.open, 1)]

    def content() -> Content:
        rows: list[Row] = []
        for one, label in labels:
            rows += [
                row._replace(name=f"{row.name}, {label}") if label else row
                for row in changed_rows(card.fields, one.draft.fields)
            ]
        if past is not None and past.exact != card.highlight.exact:
            rows.append(changed("Passage", past.exact, card.highlight.exact))
        proposed = (slot_of(service, card, one, label or "proposed") for one, label in labels)
        return Content(
            source_html(card.highlight, card.open[0].draft.quote),
            (slot_of(service, card, now, "now"), *proposed),
            sides_html(rows),
        )

    whole = (("slot", " ".join(one.id for one, _ in labels)),)
    accepting = [
        Act(label, f"Take {label}", "pick", (("slot", one.id),)) for one, label in labels[:9]
    ]
    if len(labels) == 1:
        accepting = [Act("a", "Take the new one", "accept", whole)]
    kept = Act("x", "Keep the old one", "reject", whole)
    item = _item(card, f"Correction to a {card.kind} card from", content, past)
    why = "Its passage changed after you accepted the card."
    if past is None or past.exact == card.highlight.exact:
        why = "A new draft of an accepted card: take it, or keep the old one."
    return replace(item, acts=(*accepting, kept, _EDIT, _REDRAFT), compared=True, why=why)


# --- conflicts ------------------------------------------------------------------------------------


def conflicts_of(service: Service, card: Card | None) -> tuple[Conflict, ...]:
    """Return the current conflicts of a card with Anki."""
    return sync.conflicts_of(service.ledger, card, service.decks) if card else ()


def _conflict(service: Service, guid: str) -> Item | None:
    card, seen = service.card(guid), service.ledger.views.seen(Guid(guid))
    found = conflicts_of(service, card)
    card = service.card(guid)  # planning stored why it is held, which is in the stamp
    if card is None or seen is None or not found:
        return None

    def row(one: Conflict) -> Row:
        base, mine, source = map(unrender, (one.base, one.theirs, one.ours))
        if not base:  # the shipped text is unknown
            return beside(one.field, ("Yours, in Anki", mine), ("From the source", source))
        mine_side = Side("Yours, in Anki", runs(base, mine))
        source_side = Side("From the source", runs(base, source))
        return Row(one.field, (Side("Before", ((SAME, base),)), mine_side, source_side))

    def content() -> Content:
        ours, pictures = faces_of(service, card)
        slots = (
            Slot(f"{card.guid}.anki", "yours, in Anki", faces_in_anki(card, seen)),
            Slot(card.leading.id, "from the source", ours, pictures=pictures),
        )
        return Content(_source_of(card), slots, sides_html(map(row, found)))

    several = len(found) > 1
    every = " in all fields" if several else ""
    acts = [
        Act("a", f"Take the source's{every}", "source"),
        Act("x", f"Keep mine{every}", "mine"),
    ]
    for at, one in enumerate(found if several else ()):
        this = (("field", one.field),)
        acts.append(Act(str(2 * at + 1), f"{one.field}: mine", "mine", this))
        acts.append(Act(str(2 * at + 2), f"{one.field}: the source's", "source", this))
    named = ", ".join(one.field for one in found)
    title = f"Conflict over {named} in a card from"
    item = _item(card, title, content, found, seen.fields)
    why = f"You changed {named} in Anki, and the source changed it as well: which words do you want to keep?"
    return replace(item, acts=tuple(acts), compared=True, why=why)


# --- duplicates -----------------------------------------------------------------------------------


def _duplicate(service: Service, identity: str) -> Item | None:
    one, _, other = identity.partition(BETWEEN)
    ledger = service.ledger
    if not ledger.queries.is_duplicate(one, other):
        return None
    card = ledger.cards.get(one)
    if not other.startswith(NOTE):
        twin = ledger.cards.get(other)
        if twin.undecided and not card.undecided:  # the decision is about the waiting one
            card, twin = twin, card
        return _pair(service, identity, card, twin)
    note = ledger.foreign.find(int(other.removeprefix(NOTE)))
    if note is None:
        return None

    def content() -> Content:
        facts = (
            ("This one", studied(service, card)),
            ("The other", f"a note that ankiforge did not make and never changes, in {note.deck}"),
            ("To find it in Anki", other),
        )
        slots = (slot_of(service, card, card.leading, "this one"),)
        return Content(
            _source_of(card), slots, sides_html(_rows_beside(card, dict(note.fields)), facts)
        )

    title = "A card like a note in Anki, from"
    item = _item(card, title, content, note)
    why = _why_alike(card, other) or "A note in Anki asks the same thing."
    return replace(item, id=identity, acts=_pair_acts(card), compared=True, why=why)


def _pair(service: Service, identity: str, card: Card, twin: Card) -> Item:
    stays, _ = review.merge_order(service.ledger, card, twin)

    def content() -> Content:
        facts = (
            ("This one", studied(service, card)),
            ("The other", studied(service, twin)),
            ("The other's passage", twin.highlight.exact),
            ("The other's source", title_of(twin)),
        )
        slots = (
            slot_of(service, card, card.leading, "this one"),
            slot_of(service, twin, twin.leading, "the other"),
        )
        return Content(_source_of(card), slots, sides_html(_rows_beside(card, _texts(twin)), facts))

    which = "this one" if stays.guid == card.guid else "the other"
    why = _why_alike(card, twin.guid) or _why_alike(twin, card.guid)
    title = "Two cards that ask the same thing, from"
    return replace(
        _item(card, title, content, twin, stays.guid),
        id=identity,
        acts=(Act("m", f"Merge into one: {which} stays", "merge"), *_pair_acts(card)),
        compared=True,
        why=why or "Two cards ask the same thing.",
        cards=(card, twin),
    )


def _pair_acts(card: Card) -> tuple[Act, ...]:
    return (
        Act("l", "Leave both", "both"),
        Act("y", "Not a duplicate", "distinct"),
        *_rejecting(card, "Reject this", "Reject with a reason…"),
    )


def _why_alike(card: Card, other: str) -> str:
    """Return why a check called two cards alike."""
    shown = (card.leading, *(one for one in card.open if one != card.leading))
    found = (finding for one in shown for finding in one.findings if finding.check in PAIRED)
    named = (one for one in found if one.twin.partition(".")[0] == other)
    return next((sentence(one.message) for one in named), "")


def _rows_beside(card: Card, theirs: dict[str, str]) -> list[Row]:
    """Compare each field; for different note types, compare the whole texts."""
    ours = _texts(card)
    if ours.keys() != theirs.keys():
        words = ("\n".join(ours.values()), "\n".join(theirs.values()))
        ours, theirs = {"Words": words[0]}, {"Words": words[1]}
    return [
        beside(name, ("This one", text), ("The other", theirs[name])) for name, text in ours.items()
    ]


def _texts(card: Card) -> dict[str, str]:
    return {name: plain(text) for name, text in card.fields if text and name != "Reverse"}


# --- highlights without a card --------------------------------------------------------------------


def _passage(service: Service, key: str) -> Item | None:
    why = service.ledger.queries.why_no_card(key)
    highlight = service.ledger.highlights.get(HighlightKey(key)) if why else None
    if highlight is None:
        return None
    words, _ = selectable_text(highlight)
    new = Act("n", "New card", ":new")
    if why.startswith(BEYOND):
        asked = (("Front", requested(highlight).words or highlight.comment),)
        new = Act("n", "Answer your question yourself", ":new", asked)
    selecting = (
        Act("c", "Cloze", ":cloze"),
        Act("q", "Question", ":question"),
        Act("t", "Term, both ways", ":term"),
    )

    def content() -> Content:
        foot = render("no_card.html", selectable=bool(words))
        return Content(source_html(highlight), (Slot("", "", foot=foot),))

    return Item(
        key,
        "Passage from",
        stamp_of(highlight, why),
        content,
        acts=(
            *(selecting if words else ()),
            new,
            Act("x", "No card wanted", "skip"),
            _REDRAFT,
        ),
        group=key,
        document=highlight.document.title,
        passage=highlight,
        why=sentence(f"no card: {why}"),
    )


# --- missing in Anki ------------------------------------------------------------------------------


def _missing(service: Service, guid: str) -> Item | None:
    card = service.card(guid)
    if card is None or card.anki is not AnkiState.MISSING:
        return None
    count = len(service.ledger.queries.missing())

    def content() -> Content:
        seen = service.ledger.views.seen(card.guid)
        given = service.ledger.views.reviews_of(card.guid)
        facts = (
            ("Missing since", when(card.anki_why)),
            ("Last seen there", when(seen.taken_at) if seen else ""),
            ("Deck", seen.deck if seen else ""),
            ("Answers given there", f"{given}; its schedule is lost" if given else "0"),
            ("If you bring it back", "it is in the next package; Anki treats it as a new card"),
            ("If it was deleted", "it is not sent again, even if its source changes"),
        )
        slots = (slot_of(service, card, card.leading, "as it was"),)
        return Content(_source_of(card), slots, sides_html(facts=facts))

    acts = [
        Act("b", "Bring it back", "restore"),
        Act("x", "It was deleted on purpose", "deleted"),
    ]
    if count > 1:
        asks = f"{count} cards are missing. Type {count} if you mean all of them."
        for key, label, what in (
            ("B", f"Bring all {count} back", "all restore"),
            ("D", f"All {count} were deleted on purpose", "all deleted"),
        ):
            acts.append(Act(key, label, what, asks=asks, needs=True))
    item = _item(card, f"{card.kind.capitalize()} card from", content, count)
    why = "It was in Anki and is now missing. Did you delete it?"
    return replace(item, acts=tuple(acts), why=why)


# --- retired here but still in Anki; accepted here but gone from the source ---------------------------

_WHY_RETIRED = {
    "skip": "its passage was marked to be skipped",
    "gone": "its passage is no longer in the source",
    "rewritten": "it was rewritten in its source as another kind of card",
    "redrafted": "another card was drafted in its place",
}


def _retired(service: Service, guid: str) -> Item | None:
    card = service.card(guid)
    if card is None:
        return None
    if card.standing is Standing.LIVE and card.verdict is Verdict.ACCEPTED:
        gone = guid in service.ledger.queries.without_source()
        return _without_source(service, card) if gone else None
    seen = service.ledger.views.seen(card.guid) if card.anki.there else None
    if seen is None:
        return None
    if card.verdict is Verdict.REJECTED:
        why = "you rejected it" + (f": {card.reason}" if card.reason else "")
    elif card.standing is Standing.SUPERSEDED:
        why = f"{card.standing_why} has replaced it"
    elif card.standing is Standing.RETIRED:
        why = _WHY_RETIRED.get(card.standing_why, card.standing_why)
    else:
        why = "it waits for your decision again"
    studied_cards = counted(sum(not one.suspended for one in seen.cards), "card")
    way = f"ankiforge push --suspend-retired suspends its {studied_cards}; or delete it there"
    if RETIRED not in seen.tags:
        way = f"the next package tags it {RETIRED}, then {way}"

    def content() -> Content:
        facts = (
            ("In Anki", studied(service, card)),
            ("To find it in Anki", f"nid:{note_id(card.guid)}"),
            ("To find all of them", f"tag:{RETIRED}"),
            ("To stop it", f"Importing a file never deletes or suspends a note; {way}"),
        )
        slots = (Slot(f"{card.guid}.anki", "in Anki", faces_in_anki(card, seen)),)
        return Content(_source_of(card), slots, sides_html(facts=facts))

    back = Act("b", "Bring it back", "restore")
    if card.undecided:
        back = Act("a", "Accept", "accept", (("slot", card.leading.id),))
    title = f"{card.kind.capitalize()} card from"
    item = _item(card, title, content, seen.tags, [one.queue for one in seen.cards])
    return replace(item, acts=(back,), why=f"Anki still shows it, but here {why}.")


def _without_source(service: Service, card: Card) -> Item:
    def content() -> Content:
        facts = (
            ("In Anki", studied(service, card)),
            ("If you keep it", "it stays as it is; you are asked only if it happens again"),
        )
        slots = (slot_of(service, card, card.leading, ""),)
        return Content(_source_of(card), slots, sides_html(facts=facts))

    acts = [
        Act("a", "Keep it", "keep", (("slot", card.leading.id),)),
        Act("x", "Reject it", "reject", _this(card)),
        _EDIT,
    ]
    count = len(service.ledger.queries.without_source())
    if count > 1:
        asks = f"The passages of {count} cards are gone. Type {count} to keep all of these cards."
        acts.append(Act("K", f"Keep all {count}", "all keep", asks=asks, needs=True))
    item = _item(card, f"{card.kind.capitalize()} card from", content, count)
    why = "Its passage is no longer in the source, which is shown here as it was."
    return replace(item, acts=tuple(acts), why=why)


# --- cards that keep failing ----------------------------------------------------------------------


def _work(service: Service, guid: str) -> Item | None:
    ledger, card = service.ledger, service.card(guid)
    seen = ledger.views.seen(card.guid) if card else None
    if card is None or seen is None:
        return None
    history = history_of(ledger, card)
    if not history.troubles:
        return None
    theirs = words_in_anki(card, seen)
    siblings = [one for one in ledger.cards.of_highlight(card.highlight.key) if one.guid != guid]
    siblings.sort(key=lambda one: one.standing is not Standing.LIVE)

    def facts() -> Iterator[Fact]:
        yield ("Your answers", _answers(history))
        yield ("In Anki", f"{studied(service, card)} · seen {when(seen.taken_at)}")
        now = ledger.clock().timestamp()
        last = ledger.queries.problem_cards.last_answers(card.guid)
        several = len(seen.cards) > 1
        for at, one in enumerate(seen.cards, 1):
            label = f"Card {at} of this note" if several else "How well you know it"
            memory = _memory(one, last.get(one.ordinal, 0.0), now, several=several)
            yield (label, " · ".join(memory))
        if seen.cards and all(one.suspended for one in seen.cards):
            found = f"nid:{note_id(card.guid)}"
            yield ("To study it again", f"unsuspend it in Anki, which no longer shows it: {found}")
        for other in siblings[:_MOST_SIBLINGS]:
            words = " → ".join(text for _, text in other.fields[:2] if text)
            state = other.verdict if other.standing is Standing.LIVE else other.standing
            yield ("Another card", f"{words} ({state})")
        left = len(siblings) - _MOST_SIBLINGS
        yield ("And", f"{counted(left, 'more card')} from this passage" if left > 0 else "")
        if card.revision:
            waits = "decide on the correction; that settles this as well"
            yield ("A correction waits", waits)

    def content() -> Content:
        slot, rows = slot_of(service, card, card.leading, ""), list[Row]()
        if theirs:  # show and edit the person's own text in Anki
            words = dict(theirs)
            slot = replace(
                slot,
                label="as you changed it in Anki",
                faces=faces_in_anki(card, seen),
                fields=tuple((name, words.get(name, "")) for name, _ in slot.fields),
            )
            rows = [
                row._replace(name=f"{row.name}, changed in Anki")
                for row in changed_rows(card.fields, theirs)
            ]
        source = source_html(card.highlight, card.leading.draft.quote, card.also)
        return Content(source, (slot,), sides_html(rows, facts()))

    split = "Into what? Leave empty for two or more simpler cards, each asking one thing."
    acts = (
        replace(_REDRAFT, args=(INSTEAD,)),
        Act("p", "Split", ":redraft", (INSTEAD, SPLIT), asks=split),
        Act("e", "Reword", ":edit"),
        *(
            ()
            if card.revision
            else (Act("l", "Leave it as it is", "leave", (("slot", card.leading.id),)),)
        ),
        *_rejecting(card, "Reject", "Reject with a reason…"),
    )
    item = _item(
        card, f"{card.kind.capitalize()} card from", content, seen.tags,
        seen.cards, history.troubles, history.answers.given, siblings, theirs,
    )  # fmt: skip
    why = sentence("; ".join(reasons(history)))
    return replace(item, acts=acts, passage=_passage_of(card), why=why)


def _answers(history: History) -> str:
    found = history.answers
    each, retention = found.seconds_each, found.retention
    parts = (
        "" if Trouble.LAPSES in history.troubles else forgotten(history),
        "" if retention is None else f"{retention:.0%} remembered when they were due",
        "" if each is None else f"{each:.0f} s per answer",
    )
    return " · ".join(filter(None, parts))


def _memory(card: SeenCard, last: float, now: float, *, several: bool) -> Iterator[str]:
    """Yield what Anki's scheduler knows about one card."""
    if several:
        yield counted(card.lapses, "lapse")
        if card.interval > 0:
            yield f"interval of {counted(card.interval, 'day')}"
        if card.suspended:
            yield "suspended"
    if card.difficulty is not None:
        yield f"difficulty {card.difficulty:.1f} out of 10"
    if card.stability is not None:
        yield f"stability {card.stability:.1f} days"
    chance = retrievability(card, last, now) if last else None
    if chance is not None:
        yield f"{chance:.0%} likely to be remembered now"


# --- recent decisions -----------------------------------------------------------------------------

_DONE = {
    "accept": "accepted",
    "pick": "picked",
    "reject": "rejected",
    "edit": "edited",
    "restore": "brought back",
    "skip": "no card wanted",
    "merge": "merged",
    "not-duplicate": "marked as not a duplicate",
    "pin": "your words kept",
    "redraft": "another card asked for",
    "resolve": "the source's words taken",
}


def named_as(event: Event) -> str:
    """Return the name of a decision; making a card by hand is stored as an edit."""
    return "made by hand" if MADE in event.body else event.what


def _recent(service: Service, action: str) -> Item | None:
    ledger = service.ledger
    subjects = dict.fromkeys(ledger.queries.subjects_of(action))
    history = (one for subject in subjects for one in standing(ledger.decisions.of(subject)))
    made = [one for one in history if one.action == action and one.what != "undo"]
    if not made:
        return None
    cards = [card for one in made if (card := service.card(one.subject))]
    what = counted(len(made), "passage")
    if cards:
        what = f"{cards[0].kind.capitalize()} card from"
    if len(cards) > 1:
        what = counted(len(cards), "card")
    title = f"{_DONE.get(named_as(made[0]), named_as(made[0]))}: {what}"
    title = decided_as(made[0]) if made[0].what == CONSENT else title
    facts = list(_recent_facts(made, cards))
    back = Act("z", "Take it back", "take back")
    if len(made) == 1 and cards:
        item = card_item(service, cards[0])

        def with_facts() -> Content:
            content = item.content()
            return content._replace(body=sides_html(facts=facts) + content.body)

        stamp = stamp_of(cards[0], action)
        return replace(
            item, id=action, title=title, stamp=stamp, content=with_facts, acts=(back, *item.acts)
        )

    def content() -> Content:
        highlight: Highlight | None
        if cards:
            highlight = cards[0].highlight
        else:
            highlight = ledger.highlights.get(HighlightKey(made[0].subject))
        source = source_html(highlight) if highlight else ""
        return Content(source, body=sides_html(facts=facts))

    document = cards[0].highlight.document.title if len(cards) == 1 else ""
    return Item(action, title, stamp_of(action, cards), content, acts=(back,), document=document)


def _recent_facts(made: Sequence[Event], cards: Sequence[Card]) -> Iterable[Fact]:
    yield ("Decided", when(made[0].at))
    yield ("Reason", str(made[0].body.get("reason", "")))
    if len(made) > 1:
        for card in cards[:_MOST_NAMED]:
            yield ("One of the cards", f"{card.leading.draft.answer} ({title_of(card)})")
        left = len(cards) - _MOST_NAMED
        yield ("And", counted(left, "more card") if left > 0 else "")


# --- all views ------------------------------------------------------------------------------------

_KINDS = (
    PageView(
        "conflicts",
        "Conflicts with Anki",
        "You changed a field in Anki, and the source changed it as well.",
        "Anki and your sources agree.",
        lambda service: service.ledger.queries.conflicts(),
        _conflict,
    ),
    PageView(
        "changed",
        "Changed answers",
        "Accepted cards whose answer was corrected in the source.",
        "No answer has been changed.",
        lambda service: service.ledger.queries.changed_answers(),
        _changed_answer,
    ),
    PageView(
        "forms",
        "Cards you wrote",
        "Forms in which you wrote several cards: accept all of them, look at each, or make no cards from them.",
        "No form waits for your decision.",
        lambda service: [form_id(one.source, one.written) for one in service.forms_to_ask()],
        form_item,
    ),
    PageView(
        "pending",
        "New cards",
        "Drafts that wait for your decision.",
        "No new cards are waiting.",
        lambda service: service.ledger.queries.pending(),
        _pending,
        lambda service, guid: service.ledger.queries.is_pending(guid),
        by_worth=True,
    ),
    PageView(
        "revisions",
        "Corrections",
        "Accepted cards whose passage changed: take the new words, or keep the old.",
        "No corrections are waiting.",
        lambda service: service.ledger.queries.revisions(),
        _revision,
    ),
    PageView(
        "work",
        "Needs work",
        "Cards that keep failing in Anki, or that you commented on there.",
        "No card in Anki keeps failing.",
        lambda service: service.ledger.queries.problem_cards.all(),  # the worst first
        _work,
    ),
    PageView(
        "twins",
        "Duplicates",
        "Cards that ask the same thing: merge them, leave both, or say that they differ.",
        "No duplicates.",
        lambda service: [BETWEEN.join(pair) for pair in service.ledger.queries.duplicates()],
        _duplicate,
    ),
    PageView(
        "missing",
        "Missing in Anki",
        "Cards that were in Anki and are now missing.",
        "Nothing is missing in Anki.",
        lambda service: service.ledger.queries.missing(),
        _missing,
    ),
    PageView(
        "retired",
        "Retired",
        "Cards that Anki still shows although they are retired or rejected here, or their passage is gone.",
        "Every card that Anki shows is accepted here and has its passage.",
        lambda service: (
            *service.ledger.queries.left_in_anki(),
            *service.ledger.queries.without_source(),
        ),
        _retired,
    ),
)
"""The kinds of decisions, in the order in which they are shown."""


def _in_state(name: str, title: str, about: str) -> PageView:
    """Return the list of all cards in one state."""
    return PageView(
        f"all-{name}",
        title,
        about,
        "No card is in this state.",
        lambda service: service.ledger.queries.by_state().get(name, ()),
        _any,
        lambda service, guid: guid in service.ledger.queries.by_state().get(name, ()),
    )


_STATES = (
    PageView(
        "unasked",
        "Accepted without you",
        "Cards that were accepted because no check objected, and that you have not looked at.",
        "You have looked at every accepted card.",
        lambda service: service.ledger.queries.accepted_by_policy(),
        _accepted_by_policy,
    ),
    _in_state("waiting", "Waiting", "Cards that wait for your decision."),
    _in_state("blocked", "Blocked", "Cards that a check blocks."),
    _in_state("accepted", "Accepted", "Accepted cards that are not in Anki yet."),
    _in_state("in-anki", "In Anki", "Cards that were seen in Anki."),
    _in_state("rejected", "Rejected", "Cards that you rejected."),
    _in_state("retired", "Retired", "Cards that another card replaced, or whose passage is gone."),
    _in_state("deleted", "Deleted in Anki", "Cards that you deleted in Anki."),
    PageView(
        "findings",
        "With findings",
        "Cards that a check warns about or blocks.",
        "No check warns about any card.",
        lambda service: service.ledger.queries.with_findings(),
        _with_findings,
    ),
    PageView(
        "run",
        "From the last run",
        "Cards that the last run drafted or changed.",
        "No run has drafted a card yet.",
        lambda service: service.ledger.queries.of_last_run(),
        _any,
    ),
)


def _joined(service: Service) -> Sequence[str]:
    return [f"{part.name}{IN}{one}" for part in _KINDS for one in part.ids(service)]


VIEWS = (
    PageView(
        "decide",
        "To decide",
        "Everything that needs your decision, one kind after another.",
        "Nothing waits for you.",
        _joined,
        lambda service, identity: None,
        parts=_KINDS,
        joined=True,
    ),
    PageView(
        "passages",
        "No card yet",
        "Passages without a card: select words to make one.",
        "Every passage has its card, or you have said that none is wanted.",
        lambda service: service.ledger.queries.without_card(),
        _passage,
        by_worth=True,
    ),
    PageView(
        "all",
        "All cards",
        "Every card, in the order of its source.",
        "There are no cards yet.",
        lambda service: service.ledger.queries.all_cards(),
        _any,
        parts=_STATES,
    ),
    PageView(
        "recent",
        "Recent",
        "Your decisions, newest first: undo one, or decide again.",
        "You have made no decisions yet.",
        lambda service: tuple(service.ledger.queries.person_actions()),
        _recent,
    ),
)
"""The top-level lists of the page, in the order of the menu."""


def place_of(view: PageView) -> PageView:
    """Return the top-level list that a list is, or is part of."""
    return next(one for one in VIEWS if view is one or view in one.parts)


def view_named(name: str) -> PageView:
    """Return the list of this name; the first list if there is none."""
    every = (one for place in VIEWS for one in (place, *place.parts))
    return next((one for one in every if one.name == name), VIEWS[0])


def subjects_of(service: Service, view: PageView, ids: Sequence[str]) -> dict[str, tuple[str, ...]]:
    """Return the subjects of each item: guids, or keys of highlights."""
    if view.name == "recent":
        actions = service.ledger.queries.person_actions()
        return {one: actions.get(one, ()) for one in ids}
    return {one: tuple(view.owner(one)[1].split(BETWEEN)) for one in ids}
